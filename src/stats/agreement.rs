//! How far two observers err on the same pictures.

use crate::error::{Code, Error, Result};

/// Two observers on the same trials: what they share, and what two independent observers as good as they would share.
///
/// Error consistency is Cohen's kappa of being right or wrong (Geirhos, Meding and Wichmann 2020, equations 1 to 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Trials.
    pub trials: usize,
    /// The share that each is right on, 0 to 1.
    pub accuracies: [f64; 2],
    /// The share of trials on which both are right or both are wrong.
    pub observed: f64,
    /// The same of independent observers: a1 a2 + (1 - a1)(1 - a2).
    pub expected: f64,
    /// (observed - expected) / (1 - expected), at most 1; undefined where `expected` is 1, which is where both are always
    /// right, or both always wrong.
    pub kappa: Option<f64>,
    /// The least and the most that two observers of these accuracies can share: 1 - min(a1, 1 - a2) - min(a2, 1 - a1), and
    /// min(a1, a2) + min(1 - a1, 1 - a2).
    pub bounds: [f64; 2],
    /// The share of trials on which the second would have to copy whether the first is right, and be independent on the
    /// others, for this kappa: kappa (1 - expected) / (2 a1 (1 - a1)). Undefined where the first is always right or wrong.
    pub copied: Option<f64>,
}

impl Agreement {
    /// From counts: trials, those on which each is right, and those on which both are.
    ///
    /// ```
    /// use lgf::stats::Agreement;
    ///
    /// let found = Agreement::of_counts(8, [6, 4], 4)?;
    /// assert_eq!((found.observed, found.expected), (0.75, 0.5));
    /// assert_eq!(found.kappa, Some(0.5));
    /// assert_eq!(found.bounds, [0.25, 0.75]);
    /// assert_eq!(Agreement::of_counts(8, [8, 8], 8)?.kappa, None, "two who are always right share no error");
    /// # Ok::<(), lgf::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Parameter`] for no trial, or for counts that cannot be.
    pub fn of_counts(trials: usize, right: [usize; 2], both: usize) -> Result<Self> {
        let [first, second] = right;
        if trials == 0 {
            return Err(Error::new(Code::Parameter, "the agreement of two observers on no trial"));
        }
        if first.max(second) > trials || both > first.min(second) || first + second - both > trials {
            let found = format!("{first} and {second} of {trials} right, {both} both: these counts cannot be");
            return Err(Error::new(Code::Parameter, found));
        }
        Ok(Agreement::of(trials, right, both))
    }

    /// From counts that are known to be possible.
    pub(super) fn of(trials: usize, right: [usize; 2], both: usize) -> Self {
        let n = trials as f64;
        let [a1, a2] = right.map(|count| count as f64 / n);
        let observed = (trials + 2 * both - right[0] - right[1]) as f64 / n;
        let expected = a1 * a2 + (1.0 - a1) * (1.0 - a2);
        // By the counts: the shares may miss 1 by rounding.
        let alike = (right[0] == 0 && right[1] == 0) || (right[0] == trials && right[1] == trials);
        let kappa = (!alike).then(|| (observed - expected) / (1.0 - expected));
        let varies = right[0] > 0 && right[0] < trials;
        Agreement {
            trials,
            accuracies: [a1, a2],
            observed,
            expected,
            kappa,
            bounds: [1.0 - (a1.min(1.0 - a2) + a2.min(1.0 - a1)), a1.min(a2) + (1.0 - a1).min(1.0 - a2)],
            copied: kappa.filter(|_| varies).map(|kappa| kappa * (1.0 - expected) / (2.0 * a1 * (1.0 - a1))),
        }
    }

    /// The least and the most that kappa can be at these accuracies; undefined where kappa is.
    pub fn kappa_bounds(&self) -> Option<[f64; 2]> {
        self.kappa.map(|_| self.bounds.map(|bound| (bound - self.expected) / (1.0 - self.expected)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_for_all_counts_and_are_reached() {
        let n = 12;
        for first in 0..=n {
            for second in 0..=n {
                let possible: Vec<Agreement> =
                    (0..=n).filter_map(|both| Agreement::of_counts(n, [first, second], both).ok()).collect();
                let [least, most] = possible[0].bounds;
                let found = |pick: fn(f64, f64) -> f64| possible.iter().map(|one| one.observed).reduce(pick).unwrap();
                assert!((found(f64::min) - least).abs() < 1e-12 && (found(f64::max) - most).abs() < 1e-12);
                for one in &possible {
                    assert_eq!(one.kappa.is_none(), first == second && (first == 0 || first == n));
                    assert!(one.kappa.is_none_or(|kappa| kappa <= 1.0 + 1e-12));
                    if let (Some([low, high]), Some(kappa)) = (one.kappa_bounds(), one.kappa) {
                        assert!(kappa >= low - 1e-12 && kappa <= high + 1e-12);
                    }
                }
            }
        }
        assert!(Agreement::of_counts(0, [0, 0], 0).is_err());
        assert!(Agreement::of_counts(4, [5, 0], 0).is_err());
        assert!(Agreement::of_counts(4, [3, 3], 1).is_err(), "at least two are both right");
    }

    #[test]
    fn the_copy_model_gives_back_its_share() {
        // Of 1,000 trials with a1 = 0.6, a share p is copied and the others are independent with accuracy q.
        let (a1, p, q) = (0.6, 0.3, 0.5);
        let a2 = p * a1 + (1.0 - p) * q;
        let both = p * a1 + (1.0 - p) * a1 * q;
        let count = |share: f64| (share * 1000.0).round() as usize;
        let found = Agreement::of_counts(1000, [count(a1), count(a2)], count(both)).unwrap();
        assert!((found.copied.unwrap() - p).abs() < 1e-12, "{found:?}");
    }
}
