//! From a network's logits to a decision among categories.

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::study::Categories;
use crate::table::Scoring;

/// What becomes of a tie for the best category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// The first in order is taken, unsaid (fault F5).
    First,
    /// It is no answer, and it is counted.
    Counted,
}

/// The scores of each category by a scoring.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// How they were made.
    pub scoring: Scoring,
    /// One a category, in their order.
    pub values: Vec<f64>,
}

/// A decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// The category with the best score, the first in order of several; `None` where the scoring gives no answer.
    pub category: Option<usize>,
    /// How many share that score; 0 where there is no answer.
    pub tied: usize,
}

impl Scores {
    /// The scores of all categories from a picture's logits, one an output: softmax and sums in double precision.
    ///
    /// ```
    /// use lgf::observers::{Scores, decide};
    /// use lgf::study::Categories;
    /// use lgf::table::Scoring;
    ///
    /// let categories = Categories { names: vec!["cat".into(), "dog".into()], classes: vec![vec![0], vec![1, 2]] };
    /// let logits = [2.0, 1.9, 1.8];
    /// let chosen = |scoring| decide(&Scores::of(scoring, &logits, &categories).unwrap()).category;
    /// assert_eq!([Scoring::Mean, Scoring::Sum, Scoring::Max].map(chosen), [Some(0), Some(1), Some(0)]);
    /// ```
    ///
    /// # Errors
    /// [`Code::Model`] for fewer logits than a category's classes ask for; [`Code::Numeric`] for one that is not finite.
    pub fn of(scoring: Scoring, logits: &[f32], categories: &Categories) -> Result<Self> {
        let last = categories.classes.iter().flatten().max().copied().unwrap_or(0);
        if last >= logits.len() {
            let found = format!("{} logits, and a category has class {last}", logits.len());
            return Err(Error::new(Code::Model, found).hint("choose the list of classes in study.json"));
        }
        if let Some(logit) = logits.iter().find(|logit| !logit.is_finite()) {
            return Err(Error::new(Code::Numeric, format!("a logit is {logit}, expected finite ones")));
        }
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let shares: Vec<f64> = logits.iter().map(|logit| f64::from(logit - highest).exp()).collect();
        let total: f64 = shares.iter().sum();
        let sum = |classes: &Vec<usize>| classes.iter().map(|&class| shares[class]).sum::<f64>() / total;
        let best = |classes: &Vec<usize>| classes.iter().map(|&class| logits[class]).fold(f32::NEG_INFINITY, f32::max);
        let score = |classes: &Vec<usize>| match scoring {
            Scoring::Mean => sum(classes) / classes.len() as f64,
            Scoring::Sum | Scoring::SumOverHalf => sum(classes),
            Scoring::Max => f64::from(best(classes)),
            Scoring::Rank => {
                let best = best(classes);
                1.0 / (1 + logits.iter().filter(|logit| **logit > best).count()) as f64
            }
        };
        Ok(Scores { scoring, values: categories.classes.iter().map(score).collect() })
    }
}

/// The decision that scores come to.
pub fn decide(scores: &Scores) -> Decided {
    let best = scores.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = if scores.scoring == Scoring::SumOverHalf { 0.5 } else { f64::NEG_INFINITY };
    if best <= least {
        return Decided { category: None, tied: 0 };
    }
    let own = || scores.values.iter().enumerate().filter(|(_, value)| **value == best).map(|(place, _)| place);
    Decided { category: own().next(), tied: own().count() }
}

impl Decided {
    /// The category that it comes to by a rule for ties.
    pub fn by(self, ties: Ties) -> Option<usize> {
        self.category.filter(|_| ties == Ties::First || self.tied == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn categories() -> Categories {
        Categories { names: vec!["a".into(), "b".into(), "c".into()], classes: vec![vec![0, 1], vec![2], vec![3, 4]] }
    }

    fn scores(scoring: Scoring, logits: &[f32]) -> Vec<f64> {
        Scores::of(scoring, logits, &categories()).unwrap().values
    }

    #[test]
    fn each_scoring_by_hand() {
        // Shares 8, 1, 4, 2, 1 and 4 of 20.
        let logits: Vec<f32> = [8.0f32, 1.0, 4.0, 2.0, 1.0, 4.0].map(f32::ln).to_vec();
        let near = |found: Vec<f64>, expected: [f64; 3]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-7), "{found:?} {expected:?}");
        };
        near(scores(Scoring::Mean, &logits), [0.225, 0.2, 0.075]);
        near(scores(Scoring::Sum, &logits), [0.45, 0.2, 0.15]);
        near(scores(Scoring::Max, &logits), [8f64.ln(), 4f64.ln(), 2f64.ln()]);
        near(scores(Scoring::Rank, &logits), [1.0, 0.5, 0.25]);
        let decided = |scoring| decide(&Scores::of(scoring, &logits, &categories()).unwrap());
        assert_eq!(decided(Scoring::Sum), Decided { category: Some(0), tied: 1 });
        assert_eq!(decided(Scoring::SumOverHalf), Decided { category: None, tied: 0 }, "0.45 is not over one half");
    }

    #[test]
    fn a_tie_is_counted_and_taken_or_not() {
        let decided = decide(&Scores::of(Scoring::Max, &[1.0, 2.0, 2.0, 0.0, 2.0], &categories()).unwrap());
        assert_eq!(decided, Decided { category: Some(0), tied: 3 });
        assert_eq!((decided.by(Ties::First), decided.by(Ties::Counted)), (Some(0), None));
        let half = decide(&Scores { scoring: Scoring::SumOverHalf, values: vec![0.5, 0.5] });
        assert_eq!(half.category, None);
    }

    #[test]
    fn logits_that_do_not_fit_are_errors() {
        assert_eq!(Scores::of(Scoring::Mean, &[0.0; 4], &categories()).unwrap_err().code(), Code::Model);
        let wrong = [0.0, f32::NAN, 0.0, 0.0, 0.0];
        assert_eq!(Scores::of(Scoring::Mean, &wrong, &categories()).unwrap_err().code(), Code::Numeric);
    }
}
