use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::mean;
use crate::error::{Code, Error, Result};

/// A mean with the interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Resamples that an interval is made of.
const RESAMPLES: usize = 1000;

/// The mean over groups (images) of their means, with its 95 % percentile bootstrap interval: whole groups are drawn
/// again, since the variants of one image are not independent (fault D6). Seeded: the same numbers every time.
///
/// # Errors
/// [`Code::Parameter`] if there is no group or one is empty.
pub fn mean_interval(groups: &[Vec<f64>], seed: u64) -> Result<Interval> {
    if groups.is_empty() || groups.iter().any(Vec::is_empty) {
        return Err(Error::new(Code::Parameter, "the mean of no values"));
    }
    let means: Vec<f64> = groups.iter().map(|group| mean(group)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut resampled: Vec<f64> = (0..RESAMPLES)
        .map(|_| (0..means.len()).map(|_| means[rng.random_range(0..means.len())]).sum::<f64>() / means.len() as f64)
        .collect();
    resampled.sort_by(f64::total_cmp);
    let at = |share: f64| resampled[((RESAMPLES - 1) as f64 * share).round() as usize];
    Ok(Interval { mean: mean(&means), low: at(0.025), high: at(0.975) })
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
