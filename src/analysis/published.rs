//! The tests that the thesis prints, made again beside their printed numbers.

use polars::prelude::DataFrame;

use super::hypotheses::{HYPOTHESES, Hypothesis, sign};
use super::measure::Measure;
use super::missing::missing;
use super::parameters::{Baseline, Chance, Unit};
use super::patches::{Layout, interaction, layouts, plain_patches};
use super::pictures::{Observation, Pictures, apart};
use super::shares::{Share, Shares};
use crate::error::{Code, Error, Result};
use crate::stats::{Alternative, Test, mean, paired_t, pearson, shapiro_wilk, wilcoxon, wilcoxon_approximate};
use crate::study::PUBLISHED;
use crate::table::{OverlapRow, PredictionRow, Region, Row, table, text_cell};

/// What the thesis made of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublishedTest {
    /// Nothing.
    None,
    /// Shapiro and Wilk's test.
    Shapiro,
    /// The same of the difference of two networks.
    ShapiroOfDifference,
    /// Wilcoxon's signed ranks.
    Wilcoxon,
    /// Student's t of paired samples.
    PairedT,
    /// A mean.
    Mean,
    /// Pearson's correlation.
    Pearson,
    /// A count of photographs.
    Count,
}

impl PublishedTest {
    const NAMES: &[(PublishedTest, &str)] = &[
        (PublishedTest::None, ""),
        (PublishedTest::Shapiro, "Shapiro-Wilk"),
        (PublishedTest::ShapiroOfDifference, "Shapiro-Wilk of the difference"),
        (PublishedTest::Wilcoxon, "Wilcoxon"),
        (PublishedTest::PairedT, "paired t, two-sided"),
        (PublishedTest::Mean, "mean"),
        (PublishedTest::Pearson, "Pearson"),
        (PublishedTest::Count, "count"),
    ];
}
text_cell!(PublishedTest);

table! {
    /// A number of the thesis beside the same of these data.
    pub struct PublishedRow {
        /// What it is of.
        what: String,
        /// Which samples are compared.
        samples: String,
        /// Observations that count.
        n: Option<i64>,
        /// What is made of them.
        test: PublishedTest,
        /// The statistic.
        statistic: Option<f64>,
        /// Its p.
        p: Option<f64>,
        /// p of Wilcoxon's test by the normal approximation, as SciPy had it then.
        p_then: Option<f64>,
        /// The statistic that is printed.
        printed_statistic: Option<f64>,
        /// The p that is printed.
        printed_p: Option<f64>,
        /// Why there is none of these data; else empty.
        note: String,
    }
}

/// What is printed: a statistic, and its p.
type Printed = (Option<f64>, Option<f64>);

impl PublishedRow {
    fn new(what: impl Into<String>, samples: impl Into<String>, test: PublishedTest, found: Result<Test>) -> Self {
        let of = |pick: fn(&Test) -> f64| found.as_ref().ok().map(pick).filter(|value| value.is_finite());
        PublishedRow {
            what: what.into(),
            samples: samples.into(),
            n: found.as_ref().ok().map(|test| test.n as i64),
            test,
            statistic: of(|test| test.statistic),
            p: of(|test| test.p),
            p_then: None,
            printed_statistic: None,
            printed_p: None,
            note: found.as_ref().err().map(|error| error.message().to_string()).unwrap_or_default(),
        }
    }

    fn printed(self, (printed_statistic, printed_p): Printed) -> Self {
        PublishedRow { printed_statistic, printed_p, ..self }
    }

    fn then(self, p_then: Option<f64>) -> Self {
        PublishedRow { p_then, ..self }
    }
}

/// Every test and count that the thesis prints (notebooks 5.4 and 6), made the same way on these tables, beside what is
/// printed there: a table of [`PublishedRow`]s. The SciPy of the thesis approximated Wilcoxon's p at every n (`p_then`);
/// today's is exact up to 50 pairs (`p`). Pictures count one by one, untouched ones among them (faults D5 and D6); nothing is
/// corrected (D7). With the study's own photographs and weights the numbers should be near each other; on the sample they need
/// not be. What cannot be computed has a note that says why.
///
/// The arithmetic is the thesis': softmax in single precision, so that values near 1 are 1 and pairs of them no longer
/// differ; everything after it in double. Logits are single as networks give them. A share is one whole number over another.
/// pandas' `corr` (which it took for patches) and SciPy's `pearsonr` differ by rounding alone, as does the order in which
/// single patches are summed; no test of ranks sees either.
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn published_tests(predictions: &[PredictionRow], overlap: &[OverlapRow]) -> Result<DataFrame> {
    let pictures = Pictures::of(predictions, Measure::TrueSoftmax).in_single();
    let mut rows: Vec<PublishedRow> =
        HYPOTHESES.iter().flat_map(|hypothesis| of_hypothesis(&pictures, hypothesis)).collect();
    match plain_patches(&interaction(predictions)) {
        Ok(plain) => rows.extend(of_patches(&layouts(&plain))),
        Err(error) => rows.push(PublishedRow::new("patches", "", PublishedTest::None, Err(error))),
    }
    rows.extend(of_overlap(&Shares::of(overlap)));
    PublishedRow::table(rows)
}

/// Observations of two networks, or why there are none.
type Observed = Result<Vec<Observation>>;

fn columns(pairs: &Observed) -> Result<(Vec<f64>, Vec<f64>)> {
    match pairs {
        Ok(pairs) => Ok(apart(pairs)),
        Err(error) => Err(Error::new(error.code(), error.message().to_string())),
    }
}

/// A test of two samples, one way.
type PairedTest = fn(&[f64], &[f64], Alternative) -> Result<Test>;

fn paired(pairs: &Observed, test: PairedTest, alternative: Alternative) -> Result<Test> {
    let (a, b) = columns(pairs)?;
    test(&a, &b, alternative)
}

/// Wilcoxon's test with the p that SciPy had then beside today's.
fn by_ranks(row: (String, String), pairs: &Observed, alternative: Alternative, printed: Printed) -> PublishedRow {
    let then = paired(pairs, wilcoxon_approximate, alternative).ok().map(|test| test.p);
    PublishedRow::new(row.0, row.1, PublishedTest::Wilcoxon, paired(pairs, wilcoxon, alternative))
        .then(then)
        .printed(printed)
}

/// What is tested of a pair of values.
type Pick = fn((f64, f64)) -> f64;

/// Shapiro and Wilk's test of what is picked of each pair.
fn shapiro_of(pairs: &Observed, pick: Pick) -> Result<Test> {
    let (a, b) = columns(pairs)?;
    shapiro_wilk(&a.into_iter().zip(b).map(pick).collect::<Vec<_>>())
}

fn correlated(pairs: &Observed) -> Result<Test> {
    let (a, b) = columns(pairs)?;
    pearson(&a, &b)
}

fn both(printed: Option<(f64, f64)>) -> Printed {
    (printed.map(|printed| printed.0), printed.map(|printed| printed.1))
}

/// Notebook 6: the tests of a hypothesis.
fn of_hypothesis(pictures: &Pictures, hypothesis: &Hypothesis) -> Vec<PublishedRow> {
    let pairs = match hypothesis.models.iter().find(|model| !pictures.has(model)) {
        Some(gone) => Err(missing(gone)),
        None => Ok(pictures.pairs(hypothesis.asked(), Baseline::None, Unit::Picture)),
    };
    let (what, samples) = (hypothesis.conclusion(), hypothesis.claim());
    let row = |test, found| PublishedRow::new(&what, &samples, test, found);
    let mut rows = vec![
        row(PublishedTest::ShapiroOfDifference, shapiro_of(&pairs, |pair| pair.0 - pair.1))
            .printed(both(Some(hypothesis.shapiro))),
        by_ranks((what.clone(), samples.clone()), &pairs, hypothesis.alternative, both(hypothesis.wilcoxon)),
    ];
    if hypothesis.t.is_some() {
        let found = paired(&pairs, paired_t, Alternative::TwoSided);
        rows.push(row(PublishedTest::PairedT, found).printed(both(hypothesis.t)));
    }
    rows
}

/// A number that is no test.
fn number(value: f64, n: usize) -> Result<Test> {
    Ok(Test { statistic: value, p: f64::NAN, n })
}

/// Notebook 6: the effects of patches.
fn of_patches(layouts: &[Layout]) -> Vec<PublishedRow> {
    /// Pearson's r by the side of the patches in pixels.
    const PRINTED: [(i64, f64); 5] = [(10, 0.2916), (20, 0.4634), (30, 0.6572), (40, 0.7796), (50, 0.9264)];
    let [resnet, style] = PUBLISHED;
    let there = |model: &str| match layouts.iter().any(|layout| layout.model == model) {
        true => Ok(()),
        false => Err(missing(model)),
    };
    let correlation = |model: &str, level: i64| {
        let own = layouts.iter().find(|layout| layout.model == model && layout.level == level);
        let own = own.ok_or_else(|| Error::new(Code::Table, format!("no patches of {level} px")))?;
        pearson(&own.single, &own.all)
    };
    let mut rows = means_of_patches(layouts);
    let mut levels: Vec<i64> =
        layouts.iter().map(|layout| layout.level).chain(PRINTED.iter().map(|one| one.0)).collect();
    levels.sort_unstable();
    levels.dedup();
    for &level in &levels {
        let found = there(resnet).and_then(|()| correlation(resnet, level));
        let printed = PRINTED.iter().find(|one| one.0 == level).map(|one| one.1);
        let what = format!("single and all patches of {level} px");
        rows.push(PublishedRow::new(what, resnet, PublishedTest::Pearson, found).printed((printed, None)));
    }
    let pair = |&level: &i64| {
        let of = |model| correlation(model, level).ok().map(|test| test.statistic);
        Some(Observation { class: String::new(), first: of(resnet)?, second: of(style)? })
    };
    let pairs = there(resnet).and(there(style)).map(|()| levels.iter().filter_map(pair).collect());
    let row = ("r over sizes of patches".to_string(), format!("{resnet} < {style}"));
    rows.push(by_ranks(row, &pairs, Alternative::Less, both(Some((5.0, 0.0641)))));
    rows
}

/// The mean effect of a single patch, and of all of a layout.
fn means_of_patches(layouts: &[Layout]) -> Vec<PublishedRow> {
    let all: Vec<f64> = layouts.iter().flat_map(|layout| layout.all.iter().copied()).collect();
    let sum: f64 = layouts.iter().flat_map(|layout| &layout.single).sum();
    let patches: i64 = layouts.iter().map(|layout| layout.patches * layout.single.len() as i64).sum();
    let single = number(sum / patches as f64, patches as usize);
    let row = |(name, found, printed)| {
        let (what, samples) =
            ("logit of the untouched less the patched picture", format!("{name} patches, all networks"));
        PublishedRow::new(what, samples, PublishedTest::Mean, found).printed((Some(printed), None))
    };
    [("single", single, 0.22340), ("all", number(mean(&all), all.len()), 7.55317)].map(row).into()
}

/// Notebook 5.4: relevance and edges.
fn of_overlap(shares: &Shares) -> Vec<PublishedRow> {
    let [resnet, style] = PUBLISHED;
    // Whatever needs both says which one is missing.
    let gone = PUBLISHED.into_iter().find(|model| !shares.has(model));
    let pairs = |region: Region, measure: fn(&Share) -> Option<f64>| match gone {
        Some(model) => Err(missing(model)),
        None => Ok(shares.pairs(PUBLISHED, region, measure)),
    };
    let [positive, negative] =
        [Region::Positive, Region::Negative].map(|region| pairs(region, |share| share.measure(Chance::None)));
    let mut rows = counts_of_photographs(shares, &positive, &negative);
    let [plus, minus] = [Region::Positive, Region::Negative].map(|region| pairs(region, |share| share.shared));
    let what = "shared positive pixels";
    let picks: [(&str, Pick, (f64, f64)); 3] = [
        (resnet, |pair| pair.0, (0.5558, 2.19e-8)),
        (style, |pair| pair.1, (0.5874, 5.14e-8)),
        ("their difference", |pair| pair.0 - pair.1, (0.6441, 2.64e-7)),
    ];
    rows.extend(picks.map(|(samples, pick, printed)| {
        PublishedRow::new(what, samples, PublishedTest::Shapiro, shapiro_of(&plus, pick)).printed(both(Some(printed)))
    }));
    for (what, pairs, printed) in
        [(what, &plus, (0.99541, 4.4e-30)), ("shared negative pixels", &minus, (0.88815, 5.9e-11))]
    {
        let samples = PUBLISHED.join(" and ");
        rows.push(
            PublishedRow::new(what, samples, PublishedTest::Pearson, correlated(pairs)).printed(both(Some(printed))),
        );
    }
    for (pairs, region, alternative, printed) in [
        (&positive, Region::Positive, Alternative::Less, (61.0, 0.005498)),
        (&negative, Region::Negative, Alternative::Greater, (217.0, 0.14594)),
    ] {
        let what = format!("share of {} pixels on edges", region.name());
        let samples = format!("{resnet} {} {style}", sign(alternative));
        rows.push(by_ranks((what, samples), pairs, alternative, both(Some(printed))));
    }
    rows
}

/// For how many photographs one network, or one region, has more.
fn counts_of_photographs(shares: &Shares, positive: &Observed, negative: &Observed) -> Vec<PublishedRow> {
    let [resnet, style] = PUBLISHED;
    let larger = |pairs: &Observed, more: fn(&Observation) -> bool| match pairs {
        Ok(pairs) if pairs.is_empty() => Err(Error::new(Code::Table, "no photograph has a share of both networks")),
        Ok(pairs) => number(pairs.iter().filter(|one| more(one)).count() as f64, pairs.len()),
        Err(error) => Err(Error::new(error.code(), error.message().to_string())),
    };
    let row = |what: &str, samples: String, found, printed| {
        PublishedRow::new(what, samples, PublishedTest::Count, found).printed((Some(printed), None))
    };
    let what = "photographs with a larger share on edges";
    let mut rows = vec![
        row(what, format!("positive: {style} > {resnet}"), larger(positive, |one| one.second > one.first), 19.0),
        row(what, format!("negative: {resnet} > {style}"), larger(negative, |one| one.first > one.second), 16.0),
    ];
    for (model, printed) in [(resnet, 20.0), (style, 10.0)] {
        let found = match [Region::Positive, Region::Negative].map(|region| shares.values(model, region)) {
            [Some(plus), Some(minus)] => {
                let more = plus.iter().filter(|(file, plus)| minus.get(*file).is_some_and(|m| m.shared > plus.shared));
                number(more.count() as f64, plus.len())
            }
            _ => Err(missing(model)),
        };
        rows.push(row("photographs with more negative than positive shared pixels", model.into(), found, printed));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<PublishedRow>();
    }
}
