use statrs::function::beta::beta_reg;

use super::{Test, check_pairs, mean};
use crate::error::{Code, Error, Result};

/// Pearson's correlation and its two-sided p-value, as `scipy.stats.pearsonr` (1.17). The statistic is r.
///
/// # Errors
/// [`Code::Parameter`] for samples of two lengths, fewer than three pairs, or a sample without variation;
/// [`Code::Numeric`] if a value is not finite.
pub fn pearson(a: &[f64], b: &[f64]) -> Result<Test> {
    check_pairs(a, b, 3, "Pearson's correlation")?;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |product: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| product(a - mean_a, b - mean_b)).sum()
    };
    let (spread_a, spread_b) = (sum(&|a, _| a * a), sum(&|_, b| b * b));
    if spread_a == 0.0 || spread_b == 0.0 {
        return Err(Error::new(Code::Parameter, "Pearson's correlation of a sample whose values are all the same"));
    }
    let r = (sum(&|a, b| a * b) / (spread_a.sqrt() * spread_b.sqrt())).clamp(-1.0, 1.0);
    // r is beta distributed on [-1, 1] with both shapes n/2 - 1; the upper tail of |r|, doubled.
    let shape = a.len() as f64 / 2.0 - 1.0;
    let tail = (1.0 - r.abs()) / 2.0;
    let p = if tail == 0.0 { 0.0 } else { (2.0 * beta_reg(shape, shape, tail)).min(1.0) };
    Ok(Test { statistic: r, p, n: a.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_correlates_perfectly() {
        let test = pearson(&[1.0, 2.0, 3.0, 4.0], &[2.0, 4.0, 6.0, 8.0]).unwrap();
        assert!((test.statistic - 1.0).abs() < 1e-12 && test.p < 1e-6, "{test:?}");
    }

    #[test]
    fn a_constant_sample_is_refused() {
        assert!(pearson(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]).is_err());
    }
}
