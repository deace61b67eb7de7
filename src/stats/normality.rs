use statrs::function::erf::{erfc, erfc_inv};

use super::{Test, check, scaled, unit_of};
use crate::error::{Code, Error, Result};

/// Most values for which the approximation of p is known.
const MOST: usize = 5_000;

/// Shapiro and Wilk's test of normality, Royston's algorithm AS R94 (1995), as `scipy.stats.shapiro` (1.17). The statistic
/// is W, 0 to 1; a small p says that the values are not from a normal distribution.
///
/// ```
/// let skewed = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 9.0];
/// assert!(lgf::stats::shapiro_wilk(&skewed)?.p < 0.001);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`] for fewer than 3 or more than 5,000 values, or if all are the same (SciPy warns of the last two);
/// [`Code::Numeric`] if a value is not finite.
pub fn shapiro_wilk(values: &[f64]) -> Result<Test> {
    check(values, 3, "Shapiro and Wilk's test")?;
    let n = values.len();
    if n > MOST {
        let found = format!("Shapiro and Wilk's test of {n} values; its p is known for at most {MOST}");
        return Err(Error::new(Code::Parameter, found).hint("look at a Q-Q plot: plots::quantiles"));
    }
    let mut sorted = scaled(values, unit_of(values));
    sorted.sort_by(f64::total_cmp);
    let range = sorted[n - 1] - sorted[0];
    if range <= 0.0 {
        return Err(Error::new(Code::Parameter, "Shapiro and Wilk's test of values that are all the same"));
    }
    let weights = weights(n);
    // W as a squared correlation of values and weights; 1 - W by itself, since it is small.
    let weight = |place: usize| match place.cmp(&(n - 1 - place)) {
        std::cmp::Ordering::Less => -weights[place],
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Greater => weights[n - 1 - place],
    };
    let middle = sorted.iter().map(|value| (value - sorted[n / 2]) / range).sum::<f64>() / n as f64;
    let (mut of_weights, mut of_values, mut of_both) = (0.0, 0.0, 0.0);
    for (place, value) in sorted.iter().enumerate() {
        let (a, x) = (weight(place), (value - sorted[n / 2]) / range - middle);
        of_weights += a * a;
        of_values += x * x;
        of_both += a * x;
    }
    let root = (of_weights * of_values).sqrt();
    let rest = ((root - of_both) * (root + of_both) / (of_weights * of_values)).max(0.0);
    Ok(significance(1.0 - rest, rest, n))
}

/// The points of a normal Q-Q plot: (quantile of the normal distribution, value), rising, as
/// `statsmodels.graphics.gofplots.qqplot` (0.15) draws them by default: the quantile of the i-th of n values is that of
/// i / (n + 1).
///
/// ```
/// let points = lgf::stats::normal_plot(&[3.0, 1.0, 2.0])?;
/// assert_eq!(points.iter().map(|point| point.1).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
/// assert!(points[1].0.abs() < 1e-12, "the middle of three lies at the median");
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`] without a value; [`Code::Numeric`] if one is not finite.
pub fn normal_plot(values: &[f64]) -> Result<Vec<(f64, f64)>> {
    check(values, 1, "a Q-Q plot")?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quantile = |place: usize| {
        let p = (place + 1) as f64 / (values.len() + 1) as f64;
        -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
    };
    Ok(sorted.into_iter().enumerate().map(|(place, value)| (quantile(place), value)).collect())
}

/// The upper half of the antisymmetric weights, the largest first.
fn weights(n: usize) -> Vec<f64> {
    if n == 3 {
        return vec![0.5f64.sqrt()];
    }
    let scores: Vec<f64> = (1..=n / 2).map(|i| normal_quantile((i as f64 - 0.375) / (n as f64 + 0.25))).collect();
    let total = 2.0 * scores.iter().map(|score| score * score).sum::<f64>();
    let unit = 1.0 / (n as f64).sqrt();
    let polynomial = |factors: [f64; 5]| unit * horner(&factors, unit);
    let first = polynomial([0.221157, -0.147981, -2.07119, 4.434685, -2.706056]) - scores[0] / total.sqrt();
    let mut out = vec![first];
    let mut left = (total - 2.0 * scores[0].powi(2), 1.0 - 2.0 * first * first);
    if n > 5 {
        let second = polynomial([0.042981, -0.293762, -1.752461, 5.682633, -3.582633]) - scores[1] / total.sqrt();
        left = (left.0 - 2.0 * scores[1].powi(2), left.1 - 2.0 * second * second);
        out.push(second);
    }
    let factor = (left.0 / left.1).sqrt();
    out.extend(scores[out.len()..].iter().map(|score| -score / factor));
    out
}

fn significance(statistic: f64, rest: f64, n: usize) -> Test {
    let count = n as f64;
    if n == 3 {
        // Exact; W cannot be less than 3/4 but for rounding.
        let w = statistic.max(0.75);
        let p = (1.0 - 6.0 / std::f64::consts::PI * w.sqrt().acos()).max(0.0);
        return Test { statistic: w, p, n };
    }
    let mut y = rest.ln();
    let (mean, deviation) = if n <= 11 {
        let most = -2.273 + 0.459 * count;
        if y >= most {
            return Test { statistic, p: 1e-99, n };
        }
        y = -(most - y).ln();
        (
            horner(&[0.544, -0.39978, 0.025054, -6.714e-4], count),
            horner(&[1.3822, -0.77857, 0.062767, -0.0020322], count),
        )
    } else {
        let log = count.ln();
        (horner(&[-1.5861, -0.31082, -0.083751, 0.0038915], log), horner(&[-0.4803, -0.082676, 0.0030302], log))
    };
    let z = (y - mean) / deviation.exp();
    Test { statistic, p: 0.5 * erfc(z / std::f64::consts::SQRT_2), n }
}

/// A polynomial whose factors stand in rising order.
fn horner(factors: &[f64], x: f64) -> f64 {
    factors.iter().rev().fold(0.0, |sum, factor| sum * x + factor)
}

/// Quantile of the normal distribution, AS 111 (Beasley and Springer 1977), whose nine digits AS R94 builds on.
fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.42 {
        let r = q * q;
        let above = horner(&[2.50662823884, -18.61500062529, 41.39119773534, -25.44106049637], r);
        let below = horner(&[1.0, -8.47351093090, 23.08336743743, -21.06224101826, 3.13082909833], r);
        return q * above / below;
    }
    let r = (-p.min(1.0 - p).ln()).sqrt();
    let above = horner(&[-2.78718931138, -2.29796479134, 4.85014127135, 2.32121276858], r);
    let below = horner(&[1.0, 3.54388924762, 1.63706781897], r);
    (above / below).copysign(q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_tested_is_refused() {
        for values in [vec![1.0, 2.0], vec![1.0; 9], vec![0.0; 6000]] {
            assert_eq!(shapiro_wilk(&values).unwrap_err().code(), Code::Parameter);
        }
        assert_eq!(shapiro_wilk(&[1.0, f64::INFINITY, 2.0]).unwrap_err().code(), Code::Numeric);
    }

    #[test]
    fn a_shift_or_scale_changes_nothing() {
        let values: Vec<f64> = (1..40).map(|i| f64::from(i).ln()).collect();
        let moved: Vec<f64> = values.iter().map(|value| 1e6 + 3.0 * value).collect();
        let (a, b) = (shapiro_wilk(&values).unwrap(), shapiro_wilk(&moved).unwrap());
        assert!((a.statistic - b.statistic).abs() < 1e-9 && (a.p / b.p - 1.0).abs() < 1e-6);
    }
}
