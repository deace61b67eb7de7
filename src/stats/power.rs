use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

use crate::error::{Code, Error, Result};

/// Probability that a paired two-sided t test of `n` pairs finds an effect that is there: `effect` is the mean difference
/// over its standard deviation (Cohen's `d_z`), `alpha` the level of the test. As `statsmodels.stats.power.TTestPower`
/// (0.15): the noncentral t distribution beyond both critical values.
///
/// # Errors
/// [`Code::Parameter`] for fewer than two pairs, or a level not between 0 and 1.
///
/// ```
/// // Thirty photographs and half a standard deviation.
/// assert!((lgf::stats::power(30, 0.5, 0.05)? - 0.7540).abs() < 1e-4);
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn power(n: usize, effect: f64, alpha: f64) -> Result<f64> {
    if n < 2 {
        return Err(Error::new(
            Code::Parameter,
            format!("power of {}, at least 2 are needed", crate::notebook::counted(n, "pair")),
        ));
    }
    if !(alpha > 0.0 && alpha < 1.0 && effect.is_finite()) {
        let found = format!("power of an effect of {effect} at level {alpha}, expected a level between 0 and 1");
        return Err(Error::new(Code::Parameter, found));
    }
    let freedom = n as f64 - 1.0;
    let critical = upper_quantile(alpha / 2.0, freedom);
    let shift = effect * (n as f64).sqrt();
    let below = |z: f64| 0.5 * erfc(-z / std::f64::consts::SQRT_2);
    // T = (Z + shift) / S, where S is the root of a chi square over its degrees of freedom: integrated over S.
    let log_scale = std::f64::consts::LN_2 + freedom / 2.0 * (freedom / 2.0).ln() - ln_gamma(freedom / 2.0);
    let density = |s: f64| (log_scale + (freedom - 1.0) * s.ln() - freedom * s * s / 2.0).exp();
    let beyond = |s: f64| below(shift - critical * s) + below(-shift - critical * s);
    let reach = 12.0 / (2.0 * freedom).sqrt();
    let (low, high) = ((1.0 - reach).max(1e-12), 1.0 + reach);
    Ok(simpson(|s| density(s) * beyond(s), low, high).clamp(0.0, 1.0))
}

/// The least number of pairs with which a paired two-sided t test at level `alpha` finds an effect (`d_z`) with at least
/// this power.
///
/// # Errors
/// [`Code::Parameter`] for no effect, or a level or power not between 0 and 1.
///
/// ```
/// assert_eq!(lgf::stats::sample_size(0.5, 0.05, 0.8)?, 34);
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn sample_size(effect: f64, alpha: f64, wanted: f64) -> Result<usize> {
    if effect == 0.0 || !(wanted > 0.0 && wanted < 1.0) {
        let found =
            format!("pairs for a power of {wanted} and an effect of {effect}: expected a power between 0 and 1");
        return Err(Error::new(Code::Parameter, format!("{found}, and an effect")));
    }
    let mut enough = 2;
    while power(enough, effect, alpha)? < wanted {
        enough *= 2;
        if enough > 1 << 24 {
            return Err(Error::new(Code::Parameter, format!("an effect of {effect} needs more than {enough} pairs")));
        }
    }
    let mut few = enough / 2;
    while enough - few > 1 {
        let middle = few + (enough - few) / 2;
        if power(middle, effect, alpha)? < wanted { few = middle } else { enough = middle }
    }
    Ok(enough)
}

/// The value that Student's t with some degrees of freedom exceeds with probability `tail` (below a half).
fn upper_quantile(tail: f64, freedom: f64) -> f64 {
    let exceeded = |t: f64| 0.5 * beta_reg(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    let (mut low, mut high) = (0.0, 1.0);
    while exceeded(high) > tail {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if exceeded(middle) > tail { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

fn simpson(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    const STEPS: usize = 20_000;
    let step = (high - low) / STEPS as f64;
    let weight = |index: usize| if index == 0 || index == STEPS { 1.0 } else { 2.0 + 2.0 * (index % 2) as f64 };
    (0..=STEPS).map(|index| weight(index) * f(low + step * index as f64)).sum::<f64>() * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_effect_power_is_the_level() {
        for n in [2, 5, 30, 400] {
            assert!((power(n, 0.0, 0.05).unwrap() - 0.05).abs() < 1e-6, "{n}");
        }
        assert!(power(1, 0.5, 0.05).is_err() && power(5, 0.5, 1.0).is_err() && sample_size(0.0, 0.05, 0.8).is_err());
    }

    #[test]
    fn a_sample_size_is_the_least_that_is_enough() {
        for effect in [0.2, 0.5, 1.3] {
            let n = sample_size(effect, 0.01, 0.9).unwrap();
            assert!(power(n, effect, 0.01).unwrap() >= 0.9 && power(n - 1, effect, 0.01).unwrap() < 0.9);
        }
    }
}
