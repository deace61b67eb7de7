use statrs::function::beta::beta_reg;

use super::paired::student;
use super::wilcoxon::ranks;
use super::{Alternative, Test, check_pairs, is_constant, mean, number, scaled, unit_of};
use crate::error::{Code, Error, Result};

/// Pearson's correlation and its two-sided p-value, as `scipy.stats.pearsonr` (1.17). The statistic is r.
///
/// # Errors
/// [`Code::Parameter`] for samples of two lengths, fewer than three pairs, or a sample without variation;
/// [`Code::Numeric`] if a value is not finite.
pub fn pearson(a: &[f64], b: &[f64]) -> Result<Test> {
    check_pairs(a, b, 3, "Pearson's correlation")?;
    let n = a.len();
    let (a, b) = (scaled(a, unit_of(a)), scaled(b, unit_of(b)));
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let sum = |product: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(&b).map(|(a, b)| product(a - mean_a, b - mean_b)).sum()
    };
    let (spread_a, spread_b) = (sum(&|a, _| a * a), sum(&|_, b| b * b));
    if is_constant(&a) || is_constant(&b) || spread_a == 0.0 || spread_b == 0.0 {
        return Err(Error::new(Code::Parameter, "Pearson's correlation of a sample whose values are all the same"));
    }
    let r = (sum(&|a, b| a * b) / (spread_a.sqrt() * spread_b.sqrt())).clamp(-1.0, 1.0);
    // r is beta distributed on [-1, 1] with both shapes n/2 - 1; the upper tail of |r|, doubled.
    let shape = n as f64 / 2.0 - 1.0;
    let tail = (1.0 - r.abs()) / 2.0;
    let p = if tail == 0.0 { 0.0 } else { (2.0 * beta_reg(shape, shape, tail)).min(1.0) };
    Ok(Test { statistic: r, p, n })
}

/// Spearman's rank correlation and its two-sided p-value from Student's t, as `scipy.stats.spearmanr` (1.17). The statistic
/// is rho.
///
/// # Errors
/// As [`pearson`].
pub fn spearman(a: &[f64], b: &[f64]) -> Result<Test> {
    check_pairs(a, b, 3, "Spearman's correlation")?;
    // Ranks less their mean are halves: doubled they are whole numbers, and every sum is exact.
    let centered = |values: &[f64]| -> Vec<f64> {
        ranks(values).0.into_iter().map(|rank| 2.0 * rank - (values.len() as f64 + 1.0)).collect()
    };
    let (x, y) = (centered(a), centered(b));
    let sum = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| x * y).sum() };
    let spread = sum(&x, &x) * sum(&y, &y);
    if spread == 0.0 {
        return Err(Error::new(Code::Parameter, "Spearman's correlation of a sample whose values are all the same"));
    }
    let rho = (sum(&x, &y) / spread.sqrt()).clamp(-1.0, 1.0);
    let freedom = a.len() as f64 - 2.0;
    let t = rho * (freedom / ((1.0 + rho) * (1.0 - rho))).sqrt();
    let p = if t.is_finite() { student(t, freedom, Alternative::TwoSided) } else { 0.0 };
    Ok(Test { statistic: rho, p, n: a.len() })
}

/// Lin's concordance correlation coefficient (1989, equation 2, with moments over n): 1 only if the pairs are equal, not
/// merely on a line as for [`pearson`]; -1 to 1.
///
/// # Errors
/// [`Code::Parameter`] for samples of two lengths, fewer than three pairs, or if all values of both are one;
/// [`Code::Numeric`] if a value is not finite.
pub fn concordance(a: &[f64], b: &[f64]) -> Result<f64> {
    check_pairs(a, b, 3, "Lin's concordance")?;
    let unit = unit_of(a.iter().chain(b));
    let (a, b) = (scaled(a, unit), scaled(b, unit));
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let moment = |product: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(&b).map(|(a, b)| product(a - mean_a, b - mean_b)).sum::<f64>() / a.len() as f64
    };
    let apart = moment(&|a, _| a * a) + moment(&|_, b| b * b) + (mean_a - mean_b).powi(2);
    if is_constant(&a) && is_constant(&b) {
        return Err(Error::new(Code::Parameter, "Lin's concordance of samples whose values are all the same"));
    }
    Ok(2.0 * moment(&|a, b| a * b) / apart)
}

/// The line of least squares through pairs: slope and intercept.
///
/// # Errors
/// [`Code::Parameter`] for samples of two lengths, fewer than two pairs, or if all of `x` are the same; [`Code::Numeric`] if a
/// value is not finite.
pub fn regression(x: &[f64], y: &[f64]) -> Result<(f64, f64)> {
    check_pairs(x, y, 2, "a regression line")?;
    let (unit_x, unit_y) = (unit_of(x), unit_of(y));
    let (x, y) = (scaled(x, unit_x), scaled(y, unit_y));
    let (mean_x, mean_y) = (mean(&x), mean(&y));
    let spread: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
    if is_constant(&x) || spread == 0.0 {
        return Err(Error::new(Code::Parameter, "a regression line over values that are all the same"));
    }
    let slope = x.iter().zip(&y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread;
    let intercept = (mean_y - slope * mean_x) / unit_y;
    Ok((number(slope * unit_x / unit_y, "the slope of a line")?, number(intercept, "the intercept of a line")?))
}

/// How much of what `y` varies is left over by `y = x`, taken from one: 1 if they are equal, 0 if saying the mean of `y`
/// were as good, negative if it were better.
///
/// # Errors
/// [`Code::Parameter`] for samples of two lengths, fewer than two pairs, or if all values of `y` are the same;
/// [`Code::Numeric`] if a value is not finite.
pub fn about_identity(x: &[f64], y: &[f64]) -> Result<f64> {
    check_pairs(x, y, 2, "the residual about identity")?;
    let unit = unit_of(x.iter().chain(y));
    let (x, y) = (scaled(x, unit), scaled(y, unit));
    let center = mean(&y);
    let total: f64 = y.iter().map(|y| (y - center).powi(2)).sum();
    if is_constant(&y) {
        return Err(Error::new(Code::Parameter, "the residual about identity of values that are all the same"));
    }
    let left = x.iter().zip(&y).map(|(x, y)| (y - x).powi(2)).sum::<f64>() / total;
    number(1.0 - left, "the residual about identity")
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
        // Thirty tenths have a mean that is not a tenth.
        let rising: Vec<f64> = (0..30).map(f64::from).collect();
        assert!(pearson(&[0.1; 30], &rising).is_err() && regression(&[0.1; 30], &rising).is_err());
        assert!(about_identity(&rising, &[0.1; 30]).is_err());
        assert!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]).is_err());
        assert!(concordance(&[1.0; 3], &[1.0; 3]).is_err() && regression(&[1.0; 3], &[1.0, 2.0, 3.0]).is_err());
    }

    #[test]
    fn a_line_that_is_not_identity_does_not_agree() {
        let (x, y) = ([1.0, 2.0, 3.0, 4.0], [11.0, 12.0, 13.0, 14.0]);
        assert!(pearson(&x, &y).unwrap().statistic > 1.0 - 1e-12);
        assert!(concordance(&x, &y).unwrap() < 0.05 && about_identity(&x, &y).unwrap() < -50.0);
        assert_eq!(regression(&x, &y).unwrap(), (1.0, 10.0));
        assert_eq!((concordance(&x, &x).unwrap(), about_identity(&x, &x).unwrap()), (1.0, 1.0));
    }
}
