//! What becomes of conclusions where one choice is another.

use super::conclusion::{ConclusionRow, Method, Quantity, Verdict};
use crate::table::{table, text_cell};

/// How a conclusion of one run differs from the same of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// Not, or within the interval of the first.
    No,
    /// The other way round.
    Sign,
    /// It is said, and was not, or the reverse.
    Significance,
    /// It is out of the interval of the first.
    Size,
    /// The run failed.
    NotRun,
    /// The study has nothing that the choice could change.
    OutOfReach,
}

impl Moved {
    const NAMES: &[(Moved, &str)] = &[
        (Moved::No, ""),
        (Moved::Sign, "sign"),
        (Moved::Significance, "significance"),
        (Moved::Size, "size"),
        (Moved::NotRun, "not run"),
        (Moved::OutOfReach, "cannot reach"),
    ];

    /// How a conclusion differs from the first run's; the sizes of two quantities are not compared.
    pub fn of(found: &ConclusionRow, first: &ConclusionRow) -> Self {
        if found.verdict != first.verdict {
            return match found.verdict.is_directed() && first.verdict.is_directed() {
                true => Moved::Sign,
                false => Moved::Significance,
            };
        }
        let beyond =
            |effect: f64| first.low.is_some_and(|low| effect < low) || first.high.is_some_and(|high| effect > high);
        match (found.effect, first.effect) {
            (Some(now), then) if found.of == first.of && beyond(now) => {
                if then.is_some_and(|then| now * then < 0.0) {
                    Moved::Sign
                } else {
                    Moved::Size
                }
            }
            _ => Moved::No,
        }
    }
}
text_cell!(Moved);

/// What came of a run with one choice more or less.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its conclusions, in the order of the first run's.
    Concluded(Vec<ConclusionRow>),
    /// It could not be made: why.
    NotRun(String),
    /// It could not differ from the first: why.
    OutOfReach(String),
}

impl Outcome {
    /// The conclusions; of a run that was not made, those of the first with nothing in them but the reason.
    pub fn conclusions(&self, first: &[ConclusionRow]) -> Vec<ConclusionRow> {
        let unmade = |says: String| {
            let row = |row: &ConclusionRow| ConclusionRow {
                test: row.test,
                ..ConclusionRow::new(row.conclusion.clone(), row.claim.clone(), row.of)
                    .decided(Verdict::Unsaid, says.clone())
            };
            first.iter().map(row).collect()
        };
        match self {
            Outcome::Concluded(rows) => rows.clone(),
            Outcome::NotRun(why) => unmade(format!("cannot be run: {why}")),
            Outcome::OutOfReach(why) => unmade(format!("cannot reach a conclusion: {why}")),
        }
    }

    /// Rows of an ablation: the conclusions of a run, and how each differs from the first run's. `id` is the number of the
    /// fault, empty for the first run.
    pub fn compared(&self, first: &[ConclusionRow], run: &str, id: &str) -> Vec<AblationRow> {
        let row = |(found, before): (ConclusionRow, &ConclusionRow)| {
            let moved = match self {
                Outcome::Concluded(_) => Moved::of(&found, before),
                Outcome::NotRun(_) => Moved::NotRun,
                Outcome::OutOfReach(_) => Moved::OutOfReach,
            };
            AblationRow::of(found, run, id, moved)
        };
        // Row by row; a conclusion that came at another place, or not at all, is looked for by its name.
        let found = self.conclusions(first);
        let of = |(place, before): (usize, &ConclusionRow)| {
            let same = |row: &&ConclusionRow| row.conclusion == before.conclusion;
            let own = found.get(place).filter(same).or_else(|| found.iter().find(same)).cloned();
            own.unwrap_or_else(|| {
                ConclusionRow::new(before.conclusion.clone(), before.claim.clone(), before.of).unsaid("it is not there")
            })
        };
        let found: Vec<ConclusionRow> = first.iter().enumerate().map(of).collect();
        found.into_iter().zip(first).map(row).collect()
    }
}

table! {
    /// A conclusion of one run of an ablation: [`ConclusionRow`], which run it is of, and how it differs from the first's.
    pub struct AblationRow {
        /// The run in words.
        run: String,
        /// Number of the fault, empty for the first run.
        id: String,
        /// What is asked.
        conclusion: String,
        /// What would be so.
        claim: String,
        /// What is compared.
        of: Quantity,
        /// Observations.
        n: i64,
        /// The mean difference, or the coefficient.
        effect: Option<f64>,
        /// Lower end of its 95 % interval.
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
        /// p after correction.
        adjusted: Option<f64>,
        /// What it comes to.
        verdict: Verdict,
        /// The same in words.
        says: String,
        /// How it differs from the first run's.
        moved: Moved,
    }
}

impl AblationRow {
    /// A conclusion of a run.
    pub fn of(found: ConclusionRow, run: &str, id: &str, moved: Moved) -> Self {
        let ConclusionRow {
            conclusion,
            claim,
            of,
            n,
            effect,
            low,
            high,
            d_z,
            rank_biserial,
            test,
            statistic,
            p,
            adjusted,
            verdict,
            says,
        } = found;
        AblationRow {
            run: run.into(),
            id: id.into(),
            conclusion,
            claim,
            of,
            n,
            effect,
            low,
            high,
            d_z,
            rank_biserial,
            test,
            statistic,
            p,
            adjusted,
            verdict,
            says,
            moved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<AblationRow>();
    }

    fn row(effect: Option<f64>, verdict: Verdict, of: Quantity) -> ConclusionRow {
        let row = ConclusionRow::new("c", "a > b", of).decided(verdict, "in words");
        ConclusionRow { effect, low: Some(0.1), high: Some(0.5), ..row }
    }

    #[test]
    fn a_conclusion_moves_by_its_sign_its_significance_or_its_size() {
        let first = [row(Some(0.3), Verdict::First, Quantity::RegionShare)];
        let moved = |effect, verdict, of| {
            Outcome::Concluded(vec![row(effect, verdict, of)]).compared(&first, "run", "X")[0].moved
        };
        let share = Quantity::RegionShare;
        assert_eq!(moved(Some(0.2), Verdict::First, share), Moved::No);
        assert_eq!(moved(Some(0.6), Verdict::First, share), Moved::Size);
        assert_eq!(moved(Some(0.6), Verdict::First, Quantity::SharedPixels), Moved::No, "another quantity");
        assert_eq!(moved(Some(-0.3), Verdict::First, share), Moved::Sign);
        assert_eq!(moved(Some(-0.3), Verdict::Second, share), Moved::Sign);
        assert_eq!(moved(Some(0.2), Verdict::NoDifference, share), Moved::Significance);
        assert_eq!(moved(None, Verdict::First, share), Moved::No);
        let unreached = Outcome::OutOfReach("this study has no boxes".into()).compared(&first, "run", "X");
        assert_eq!((unreached[0].moved, unreached[0].verdict), (Moved::OutOfReach, Verdict::Unsaid));
        assert_eq!(unreached[0].says, "cannot reach a conclusion: this study has no boxes");
        assert_eq!((unreached[0].effect, unreached[0].low), (None, None));
        let failed = Outcome::NotRun("no photograph".into()).compared(&first, "run", "X");
        assert_eq!((failed[0].moved, failed[0].says.as_str()), (Moved::NotRun, "cannot be run: no photograph"));
    }
}
