//! Tests and intervals on plain slices.
//!
//! ```
//! use lgf::stats::{Alternative, wilcoxon};
//!
//! let before = [1.1, 2.3, 3.2, 4.8, 5.5, 6.1];
//! let after = [0.9, 2.0, 3.3, 4.1, 4.9, 5.2];
//! let test = wilcoxon(&before, &after, Alternative::Greater)?;
//! assert_eq!(test.statistic, 20.0);
//! assert_eq!(test.p, 0.03125);
//! # Ok::<(), lgf::Error>(())
//! ```

mod agreement;
mod bootstrap;
mod correlation;
mod crossed;
mod normality;
mod ones;
mod paired;
mod power;
mod redraw;
mod spread;
mod wilcoxon;

pub use agreement::Agreement;
pub(crate) use bootstrap::mean_interval;
pub use bootstrap::{Interval, bootstrap};
pub use correlation::{about_identity, concordance, pearson, regression, spearman};
pub use crossed::{Sources, crossed};
pub use normality::{normal_plot, shapiro_wilk};
pub(crate) use paired::cohens_dz;
pub(crate) use paired::rank_biserial;
pub use paired::{holm, paired_t, permutation};
pub use power::{power, sample_size};
pub use redraw::{Correct, Drawn, Draws, p_of_draws, percentiles, redraw};
pub use spread::{Whiskers, density, letter_values, quantile, whiskers};
pub use wilcoxon::wilcoxon;
pub(crate) use wilcoxon::wilcoxon_approximate;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};
use crate::notebook::counted;

/// Which departure from the null hypothesis a test looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alternative {
    /// The first sample is larger.
    Greater,
    /// The first sample is smaller.
    Less,
    /// Either.
    TwoSided,
}

/// The result of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// The statistic, as the test defines it.
    pub statistic: f64,
    /// Probability of such a statistic, or a more extreme one, under the null hypothesis.
    pub p: f64,
    /// Number of observations or pairs that counted.
    pub n: usize,
}

/// The mean; NaN for no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn check(values: &[f64], least: usize, test: &str) -> crate::Result<()> {
    if values.len() < least {
        let found = format!("{test} of {}, at least {least} are needed", counted(values.len(), "value"));
        return Err(Error::new(Code::Parameter, found));
    }
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(Error::new(Code::Numeric, format!("{test} of a sample that holds {value}"))),
        None => Ok(()),
    }
}

/// Whether all values are one: sums of squares about a rounded mean do not tell.
fn is_constant(values: &[f64]) -> bool {
    values.iter().all(|value| *value == values[0])
}

fn check_pairs(a: &[f64], b: &[f64], least: usize, test: &str) -> crate::Result<()> {
    if a.len() != b.len() {
        return Err(Error::new(Code::Parameter, format!("{test} of samples of {} and {} values", a.len(), b.len())));
    }
    if a.len() < least {
        let found = format!("{test} of {}, at least {least} are needed", counted(a.len(), "pair"));
        return Err(Error::new(Code::Parameter, found));
    }
    check(a, 0, test)?;
    check(b, 0, test)
}

/// The differences of pairs.
fn differences(a: &[f64], b: &[f64], test: &str) -> crate::Result<Vec<f64>> {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    match differences.iter().position(|difference| !difference.is_finite()) {
        Some(pair) => {
            let found = format!("{test}: {:e} less {:e} is more than a number can hold", a[pair], b[pair]);
            Err(Error::new(Code::Numeric, found).place(format!("pair {pair}")))
        }
        None => Ok(differences),
    }
}

/// The power of two that brings the largest of some values near one, so that squares and sums neither overflow nor vanish.
/// Multiplying by it is exact.
fn unit_of<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    let most = values.into_iter().fold(0.0f64, |most, value| most.max(value.abs()));
    if most == 0.0 { 1.0 } else { 2f64.powi(-(most.log2().floor() as i32).clamp(-1000, 1023)) }
}

/// Values times a [`unit_of`] them.
fn scaled(values: &[f64], unit: f64) -> Vec<f64> {
    values.iter().map(|value| value * unit).collect()
}

/// A result that is a number, or an error in words.
fn number(value: f64, what: &str) -> crate::Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::new(Code::Numeric, format!("{what} is more than a number can hold")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAYS: [Alternative; 3] = [Alternative::Greater, Alternative::Less, Alternative::TwoSided];

    type Named = (&'static str, crate::Result<Vec<f64>>);

    /// Every statistic of two samples, with what must be finite of it.
    fn all(a: &[f64], b: &[f64]) -> Vec<Named> {
        let of = |test: crate::Result<Test>| test.map(|test| vec![test.statistic, test.p]);
        let one = |value: crate::Result<f64>| value.map(|value| vec![value]);
        let mut found: Vec<Named> = Vec::new();
        for way in WAYS {
            found.push(("Wilcoxon", of(wilcoxon(a, b, way))));
            found.push(("Wilcoxon by the normal", of(wilcoxon_approximate(a, b, way))));
            found.push(("paired t", of(paired_t(a, b, way))));
            found.push(("permutation", of(permutation(a, b, way, 1))));
        }
        found.push(("Pearson", of(pearson(a, b))));
        found.push(("Spearman", of(spearman(a, b))));
        found.push(("Shapiro-Wilk", of(shapiro_wilk(a))));
        found.push(("concordance", one(concordance(a, b))));
        found.push(("regression", regression(a, b).map(|(slope, intercept)| vec![slope, intercept])));
        found.push(("about identity", one(about_identity(a, b))));
        found.push(("Cohen's d_z", one(cohens_dz(a, b))));
        found.push(("rank-biserial", one(rank_biserial(a, b))));
        let mean = |drawn: &[usize]| drawn.iter().map(|&i| a[i]).sum::<f64>() / drawn.len() as f64;
        found.push(("bootstrap", bootstrap(a, 1, mean).map(|found| vec![found.mean, found.low, found.high])));
        let groups: Vec<Vec<f64>> = a.iter().map(|value| vec![*value]).collect();
        found.push(("mean", mean_interval(&groups, 1).map(|found| vec![found.mean, found.low, found.high])));
        found.push(("Q-Q", normal_plot(a).map(|points| points.into_iter().flat_map(|(x, y)| [x, y]).collect())));
        found
    }

    #[test]
    fn bad_input_82_what_overflows_is_an_error_in_words_and_never_a_panic_or_no_number() {
        let most = f64::MAX;
        let least = f64::from_bits(1);
        let rising: Vec<f64> = (0..9).map(f64::from).collect();
        let samples: Vec<Vec<f64>> = vec![
            vec![],
            vec![1.0],
            vec![1.0, 2.0],
            vec![1.0, 2.0, 4.0],
            vec![0.0; 9],
            vec![0.1; 9],
            vec![most; 9],
            vec![least; 9],
            rising.clone(),
            rising.iter().map(|x| x * 1e200).collect(),
            rising.iter().map(|x| x * -1e307).collect(),
            rising.iter().map(|x| x * 1e-200).collect(),
            rising.iter().map(|x| x * least).collect(),
            rising.iter().map(|x| 1e16 + 2.0 * x).collect(),
            rising.iter().map(|x| if *x == 4.0 { most } else { -most }).collect(),
            rising.iter().map(|x| if *x == 4.0 { 1e300 } else { *x }).collect(),
            rising.iter().map(|x| x % 2.0).collect(),
            vec![f64::NAN; 9],
            rising.iter().map(|x| if *x == 4.0 { f64::INFINITY } else { *x }).collect(),
            rising.iter().map(|x| if *x == 4.0 { f64::NEG_INFINITY } else { *x }).collect(),
            (0..60).map(|x| f64::from(x) * 1e306).collect(),
        ];
        let mut errors = 0;
        for a in &samples {
            for b in &samples {
                for (name, found) in all(a, b) {
                    match found {
                        Ok(values) => {
                            assert!(values.iter().all(|value| value.is_finite()), "{name} of {a:?} {b:?}: {values:?}");
                            assert!(!a.iter().any(|value| !value.is_finite()), "{name} of {a:?} is {values:?}");
                        }
                        Err(error) => {
                            errors += 1;
                            assert!(error.message().len() > 10, "{name}: {error}");
                        }
                    }
                }
            }
        }
        assert!(errors > 1000, "{errors}");
        let error = paired_t(&[most, 1.0], &[-most, 0.0], Alternative::TwoSided).unwrap_err();
        assert!(error.message().contains("more than a number can hold"), "{error}");
    }

    #[test]
    fn bad_input_82_a_power_of_two_changes_no_statistic() {
        let a: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 40) / 40.0 + 0.08).collect();
        let b: Vec<f64> = (0..40).map(|i| f64::from(i * 11 % 40) / 40.0).collect();
        for power in [-900, -300, 300, 900] {
            let moved = |values: &[f64]| -> Vec<f64> { values.iter().map(|value| value * 2f64.powi(power)).collect() };
            let (far_a, far_b) = (moved(&a), moved(&b));
            for way in WAYS {
                assert_eq!(paired_t(&a, &b, way).unwrap(), paired_t(&far_a, &far_b, way).unwrap());
                assert_eq!(wilcoxon(&a, &b, way).unwrap(), wilcoxon(&far_a, &far_b, way).unwrap());
                let p = |a: &[f64], b: &[f64]| permutation(a, b, way, 3).unwrap().p;
                assert_eq!(p(&a, &b), p(&far_a, &far_b));
            }
            assert_eq!(pearson(&a, &b).unwrap(), pearson(&far_a, &b).unwrap());
            assert_eq!(shapiro_wilk(&a).unwrap(), shapiro_wilk(&far_a).unwrap());
            assert_eq!(concordance(&a, &b).unwrap(), concordance(&far_a, &far_b).unwrap());
            assert_eq!(about_identity(&a, &b).unwrap(), about_identity(&far_a, &far_b).unwrap());
            assert_eq!(cohens_dz(&a, &b).unwrap(), cohens_dz(&far_a, &far_b).unwrap());
        }
    }

    #[test]
    fn bad_input_82_so_few_values_have_no_statistic() {
        assert!(bootstrap(&[()], 1, |_| 1.0).unwrap_err().message().contains("no width"));
        assert!(mean_interval(&[vec![1.0, 2.0]], 1).is_err());
        for few in [&[][..], &[1.0], &[1.0, 2.0]] {
            assert!(pearson(few, few).is_err() && shapiro_wilk(few).is_err() && spearman(few, few).is_err());
        }
        assert!(paired_t(&[1.0], &[0.0], Alternative::Less).unwrap_err().message().contains("1 pair,"));
    }
}
