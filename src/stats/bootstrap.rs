use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::mean;
use crate::error::{Code, Error, Result};

/// A mean with the interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The mean, or the statistic of all subjects.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Resamples that an interval is made of.
const RESAMPLES: usize = 1000;
/// Subjects of a stratum that are drawn from by themselves.
const SMALL: usize = 10;

/// The 95 % percentile bootstrap interval of a statistic of some subjects (photographs): whole subjects are drawn again
/// within their stratum (their class), since the variants of one are not independent (fault D6). `strata` names each
/// subject's; the statistic gets the numbers of the subjects drawn. Strata of fewer than ten are drawn from together: within
/// three of a class a bootstrap sees two thirds of the variance, and none of that between classes. Seeded: the same numbers
/// every time.
///
/// ```
/// let x: Vec<f64> = (0..20).map(|i| if i < 10 { f64::from(i) } else { 100.0 + f64::from(i) }).collect();
/// let classes: Vec<bool> = (0..20).map(|i| i < 10).collect();
/// let mean = |drawn: &[usize]| drawn.iter().map(|&i| x[i]).sum::<f64>() / drawn.len() as f64;
/// let interval = lgf::stats::bootstrap(&classes, 1, mean)?;
/// assert!(interval.low > 57.0 && interval.high < 62.0, "within classes");
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`] for fewer than two subjects; [`Code::Numeric`] if the statistic of them all is not finite, or of
/// more than a twentieth of the samples drawn again.
pub fn bootstrap<S: PartialEq>(strata: &[S], seed: u64, statistic: impl Fn(&[usize]) -> f64) -> Result<Interval> {
    if strata.len() < 2 {
        let found = if strata.is_empty() { "no values" } else { "one value, which has no width" };
        return Err(Error::new(Code::Parameter, format!("an interval of {found}")));
    }
    let all: Vec<usize> = (0..strata.len()).collect();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for subject in &all {
        match members.iter_mut().find(|group| strata[group[0]] == strata[*subject]) {
            Some(group) => group.push(*subject),
            None => members.push(vec![*subject]),
        }
    }
    let (small, mut members): (Vec<_>, Vec<_>) = members.into_iter().partition(|group| group.len() < SMALL);
    members.extend((!small.is_empty()).then(|| small.concat()));
    let mean = statistic(&all);
    if !mean.is_finite() {
        return Err(Error::new(Code::Numeric, format!("an interval around {mean}")));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = Vec::with_capacity(all.len());
    let mut resampled = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        drawn.clear();
        for group in &members {
            drawn.extend((0..group.len()).map(|_| group[rng.random_range(0..group.len())]));
        }
        resampled.push(statistic(&drawn));
    }
    resampled.retain(|value: &f64| value.is_finite());
    let undefined = RESAMPLES - resampled.len();
    if undefined > RESAMPLES / 20 {
        let found = format!("an interval around {mean}: undefined for {undefined} of {RESAMPLES} samples drawn again");
        return Err(Error::new(Code::Numeric, found).hint("there are too few subjects, or too few that differ"));
    }
    resampled.sort_by(f64::total_cmp);
    let at = |share: f64| resampled[((resampled.len() as f64 - 1.0) * share).round() as usize];
    Ok(Interval { mean, low: at(0.025), high: at(0.975) })
}

/// [`bootstrap`] of the mean over groups (photographs) of their means, all groups in one stratum.
///
/// # Errors
/// [`Code::Parameter`] if there are fewer than two groups or one is empty; [`Code::Numeric`] if a value is not finite.
pub(crate) fn mean_interval(groups: &[Vec<f64>], seed: u64) -> Result<Interval> {
    if groups.is_empty() || groups.iter().any(Vec::is_empty) {
        return Err(Error::new(Code::Parameter, "the mean of no values"));
    }
    let means: Vec<f64> = groups.iter().map(|group| mean(group)).collect();
    bootstrap(&vec![(); means.len()], seed, |drawn| {
        drawn.iter().map(|&group| means[group]).sum::<f64>() / drawn.len() as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_mean_and_narrows_with_more_groups() {
        let groups = |count: usize| (0..count).map(|i| vec![(i % 7) as f64]).collect::<Vec<_>>();
        let (few, many) = (mean_interval(&groups(14), 1).unwrap(), mean_interval(&groups(1400), 1).unwrap());
        assert!(few.low <= few.mean && few.mean <= few.high);
        assert!(many.high - many.low < (few.high - few.low) / 5.0);
        assert_eq!(few, mean_interval(&groups(14), 1).unwrap());
    }
}
