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

mod bootstrap;
mod correlation;
mod normality;
mod paired;
mod power;
mod wilcoxon;

pub use bootstrap::{Interval, bootstrap, mean_interval};
pub use correlation::{about_identity, concordance, pearson, regression, spearman};
pub use normality::{normal_plot, shapiro_wilk};
pub use paired::{cohens_dz, holm, paired_t, permutation, rank_biserial};
pub use power::{power, sample_size};
pub use wilcoxon::{wilcoxon, wilcoxon_approximate};

use serde::{Deserialize, Serialize};

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
    use crate::error::{Code, Error};
    if values.len() < least {
        return Err(Error::new(
            Code::Parameter,
            format!("{test} of {} values, at least {least} are needed", values.len()),
        ));
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
    use crate::error::{Code, Error};
    if a.len() != b.len() {
        return Err(Error::new(Code::Parameter, format!("{test} of samples of {} and {} values", a.len(), b.len())));
    }
    if a.len() < least {
        return Err(Error::new(Code::Parameter, format!("{test} of {} pairs, at least {least} are needed", a.len())));
    }
    check(a, 0, test)?;
    check(b, 0, test)
}
