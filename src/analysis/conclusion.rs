//! One conclusion, and what becomes of all of them together.

use super::parameters::{Correction, Parameters, Rule};
use crate::error::Result;
use crate::stats::holm;
use crate::table::{table, text_cell};

/// Level of significance.
pub(super) const ALPHA: f64 = 0.05;
/// Photographs below which nothing is said: two-sided, fewer can never have a p of [`ALPHA`], all of them going one way.
pub(super) const LEAST: usize = 6;

/// What a conclusion comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It cannot be said.
    Unsaid,
    /// The first network more, significantly.
    First,
    /// The second.
    Second,
    /// Neither.
    NoDifference,
    /// What was asked holds.
    Yes,
    /// It does not.
    No,
}

impl Verdict {
    const NAMES: &[(Verdict, &str)] = &[
        (Verdict::Unsaid, "unsaid"),
        (Verdict::First, "first"),
        (Verdict::Second, "second"),
        (Verdict::NoDifference, "no difference"),
        (Verdict::Yes, "yes"),
        (Verdict::No, "no"),
    ];

    /// Whether it says which of two networks has more.
    pub(crate) fn is_directed(self) -> bool {
        matches!(self, Verdict::First | Verdict::Second)
    }

    pub(super) fn of(holds: bool) -> Self {
        if holds { Verdict::Yes } else { Verdict::No }
    }
}
text_cell!(Verdict);

/// What a conclusion compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// A measure of pictures as it is.
    Level,
    /// Its change from the photograph's own untouched picture.
    Change,
    /// The share of a region of relevance that is on edges.
    RegionShare,
    /// That less the same by chance.
    BeyondChance,
    /// Pixels of a region that are on edges.
    SharedPixels,
    /// Shares of regions.
    Shares,
    /// Correlations of the sum over patches with the effect of all, a pair a size of patches.
    Correlations,
    /// Distances between them with their sign turned, a pair a photograph.
    Nearness,
    /// Decisions for the shape over those for shape or texture.
    ShapeBias,
    /// Error consistency.
    Kappa,
    /// What is left of accuracy above chance without a feature.
    RelativeAccuracy,
}

impl Quantity {
    const NAMES: &[(Quantity, &str)] = &[
        (Quantity::Level, "level"),
        (Quantity::Change, "change from own untouched picture"),
        (Quantity::RegionShare, "share of the region"),
        (Quantity::BeyondChance, "share less chance"),
        (Quantity::SharedPixels, "shared pixels"),
        (Quantity::Shares, "shares"),
        (Quantity::Correlations, "Pearson's r, a pair a size"),
        (Quantity::Nearness, "less the distance of sum and effect of all (logits), a pair a photograph"),
        (Quantity::ShapeBias, "shape bias"),
        (Quantity::Kappa, "error consistency (kappa)"),
        (Quantity::RelativeAccuracy, "relative accuracy II, less chance"),
    ];
}
text_cell!(Quantity);

/// How a conclusion is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By no test.
    None,
    /// Wilcoxon's signed ranks, either way.
    WilcoxonTwoSided,
    /// The same, one way alone.
    WilcoxonOneSided,
    /// The paired permutation test of the mean difference.
    Permutation,
    /// Pearson's correlation.
    Pearson,
    /// Lin's concordance.
    Concordance,
    /// Shapiro and Wilk's test of normality.
    ShapiroWilk,
    /// The share of draws of pictures, or of their sources, in which a difference has another sign.
    Redraw,
}

impl Method {
    const NAMES: &[(Method, &str)] = &[
        (Method::None, ""),
        (Method::WilcoxonTwoSided, "Wilcoxon, two-sided"),
        (Method::WilcoxonOneSided, "Wilcoxon, one-sided"),
        (Method::Permutation, "permutation, two-sided"),
        (Method::Pearson, "Pearson"),
        (Method::Concordance, "Lin's concordance"),
        (Method::ShapiroWilk, "Shapiro-Wilk"),
        (Method::Redraw, "draws of pictures, two-sided"),
    ];

    /// Whether it compares two networks: those tests are corrected for being many.
    fn compares(self) -> bool {
        matches!(self, Method::WilcoxonTwoSided | Method::WilcoxonOneSided | Method::Permutation)
    }
}
text_cell!(Method);

table! {
    /// A conclusion of the study.
    pub struct ConclusionRow {
        /// What is asked; with more than one pair of networks, of which of them.
        conclusion: String,
        /// What would be so.
        claim: String,
        /// What is compared.
        of: Quantity,
        /// Observations.
        n: i64,
        /// The mean difference (first network less second), or the coefficient.
        effect: Option<f64>,
        /// Lower end of its 95 % interval, from photographs drawn again.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// Cohen's d_z of the differences.
        d_z: Option<f64>,
        /// Rank-biserial correlation, -1 to 1.
        rank_biserial: Option<f64>,
        /// The test.
        test: Method,
        /// Its statistic.
        statistic: Option<f64>,
        /// Its p.
        p: Option<f64>,
        /// p after the correction that was chosen: of tests that compare two networks, all of them together.
        adjusted: Option<f64>,
        /// What it comes to.
        verdict: Verdict,
        /// The same in words.
        says: String,
    }
}

impl ConclusionRow {
    /// Nothing is measured yet.
    pub(super) fn new(conclusion: impl Into<String>, claim: impl Into<String>, of: Quantity) -> Self {
        ConclusionRow {
            conclusion: conclusion.into(),
            claim: claim.into(),
            of,
            n: 0,
            effect: None,
            low: None,
            high: None,
            d_z: None,
            rank_biserial: None,
            test: Method::None,
            statistic: None,
            p: None,
            adjusted: None,
            verdict: Verdict::Unsaid,
            says: String::new(),
        }
    }

    /// Of so many observations.
    pub(super) fn counted(self, n: usize) -> Self {
        ConclusionRow { n: n as i64, ..self }
    }

    /// Nothing was measured.
    pub(super) fn unsaid(self, why: &str) -> Self {
        ConclusionRow { effect: None, low: None, high: None, p: None, ..self }.open(why)
    }

    /// Something was, and it does not decide.
    pub(super) fn open(self, why: &str) -> Self {
        self.decided(Verdict::Unsaid, format!("cannot be said: {why}"))
    }

    /// It decides.
    pub(super) fn decided(self, verdict: Verdict, says: impl Into<String>) -> Self {
        ConclusionRow { verdict, says: says.into(), ..self }
    }

    /// Whether the interval holds 0.
    fn covers_nought(&self) -> bool {
        self.low.zip(self.high).is_some_and(|(low, high)| low <= 0.0 && high >= 0.0)
    }
}

/// The conclusions after the correction for many tests, over all of them together, and with what intervals have to say.
pub(super) fn settled(mut rows: Vec<ConclusionRow>, parameters: &Parameters) -> Result<Vec<ConclusionRow>> {
    for row in &mut rows {
        row.adjusted = row.p;
    }
    if parameters.correction == Correction::Holm {
        let mut tested: Vec<&mut ConclusionRow> =
            rows.iter_mut().filter(|row| row.test.compares() && row.p.is_some()).collect();
        let ps: Vec<f64> = tested.iter().filter_map(|row| row.p).collect();
        for (row, p) in tested.iter_mut().zip(holm(&ps)?) {
            row.adjusted = Some(p);
        }
    }
    for row in rows.iter_mut().filter(|row| row.verdict.is_directed()) {
        if row.adjusted.is_some_and(|p| p > ALPHA) {
            (row.verdict, row.says) = (Verdict::NoDifference, "no difference shown".into());
        } else if row.covers_nought() {
            match parameters.rule {
                Rule::Permutation => {
                    (row.verdict, row.says) = (Verdict::Unsaid, "cannot be said: the interval covers 0".into());
                }
                Rule::OneSidedWilcoxon => row.says.push_str(", though the interval of the mean covers 0"),
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<ConclusionRow>();
    }

    #[test]
    fn all_comparisons_are_corrected_together_and_nothing_else_is() {
        let row = |test, p| {
            let row = ConclusionRow { test, p: Some(p), low: Some(0.1), high: Some(0.2), ..one() };
            row.decided(Verdict::First, "a more")
        };
        let rows = vec![
            row(Method::Permutation, 0.01),
            row(Method::ShapiroWilk, 0.01),
            row(Method::Permutation, 0.03),
            row(Method::Permutation, 0.04),
        ];
        let found = settled(rows, &Parameters::default()).unwrap();
        let adjusted: Vec<f64> = found.iter().filter_map(|row| row.adjusted).collect();
        assert_eq!(adjusted, [0.03, 0.01, 0.06, 0.06]);
        assert_eq!(found[2].verdict, Verdict::NoDifference);
    }

    fn one() -> ConclusionRow {
        ConclusionRow::new("c", "a > b", Quantity::Level)
    }
}
