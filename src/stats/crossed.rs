//! Trials that share sources two ways, drawn again by both.

use super::redraw::{Draws, draw_from, stream};

/// A trial's two sources, by their numbers: the row and the column of the cell that it stands in.
pub type Sources = (usize, usize);

/// Statistics of trials drawn again by both of their sources: rows are drawn with replacement, columns are, and
/// a trial counts as often as its row times its column were drawn (the pigeonhole bootstrap of two crossed factors; Owen 2007,
/// The pigeonhole bootstrap, section 3). The statistic gets the weight of each trial. Seeded: the same rows on any number of
/// threads.
///
/// ```
/// let trials = [(0, 0), (0, 1), (1, 0), (1, 1)];
/// let totals = lgf::stats::crossed(&trials, 100, 1, |weights| vec![weights.iter().sum()]);
/// assert!(totals.column(0).iter().all(|total| *total == 4.0), "as many cells as there were");
/// ```
pub fn crossed(trials: &[Sources], draws: usize, seed: u64, statistic: impl Fn(&[f64]) -> Vec<f64> + Sync) -> Draws {
    let count = |of: fn(&Sources) -> usize| trials.iter().map(of).max().map_or(0, |last| last + 1);
    let (rows, columns) = (count(|trial| trial.0), count(|trial| trial.1));
    let begin = || (vec![0u32; rows], vec![0u32; columns], vec![0.0; trials.len()]);
    let one = |(row_times, column_times, weights): &mut (Vec<u32>, Vec<u32>, Vec<f64>), draw: usize| {
        let mut random = stream(seed, draw);
        draw_from(&mut random, row_times);
        draw_from(&mut random, column_times);
        for (weight, (row, column)) in weights.iter_mut().zip(trials) {
            *weight = f64::from(row_times[*row]) * f64::from(column_times[*column]);
        }
        statistic(weights)
    };
    Draws::made(draws, begin, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trials of a shape share its sources: drawn by trials alone, an interval is too narrow.
    #[test]
    fn an_interval_by_sources_is_wider_where_sources_decide() {
        let trials: Vec<Sources> = (0..200).map(|trial| (trial / 10, trial % 10)).collect();
        let value = |trial: usize| f64::from(u8::from(trials[trial].0.is_multiple_of(2)));
        let share = |weights: &[f64]| {
            let (mut sum, mut all) = (0.0, 0.0);
            for (trial, weight) in weights.iter().enumerate() {
                sum += weight * value(trial);
                all += weight;
            }
            vec![sum / all]
        };
        let width = |trials: &[Sources]| {
            let ends = crossed(trials, 2000, 1, share).intervals()[0].0.unwrap();
            ends[1] - ends[0]
        };
        let alone: Vec<Sources> = (0..200).map(|trial| (trial, 0)).collect();
        let (by_sources, by_trials) = (width(&trials), width(&alone));
        // Standard deviation of a mean of 20 against one of 200.
        assert!((by_sources / by_trials - 10f64.sqrt()).abs() < 0.5, "{by_sources} {by_trials}");
    }

    #[test]
    fn the_same_on_any_number_of_threads() {
        let trials: Vec<Sources> = (0..60).map(|trial| (trial % 7, trial % 5)).collect();
        let all = || crossed(&trials, 100, 5, |weights| weights.to_vec());
        let on = |threads: usize| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all);
        assert_eq!(on(1), on(9));
    }
}
