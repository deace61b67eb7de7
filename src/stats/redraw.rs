//! Pictures drawn again, the same for all observers, for intervals of what observers share.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

use super::agreement::Agreement;
use super::ones::{self, Block};
use crate::error::{Code, Error, Result};

/// Who is right on which picture: a row an observer, a bit a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correct {
    pictures: usize,
    /// Blocks of a row.
    blocks: usize,
    bits: Vec<Block>,
}

/// Most pictures of one condition: counts of a draw are in 32 bits.
const MOST: usize = 1 << 26;

impl Correct {
    /// From a row of right or wrong for each observer, all of one length.
    ///
    /// # Errors
    /// [`Code::Parameter`] if rows differ in length, or hold no picture, or more than 2^26.
    pub fn of(observers: &[Vec<bool>]) -> Result<Self> {
        let pictures = observers.first().map_or(0, Vec::len);
        if let Some(other) = observers.iter().find(|row| row.len() != pictures) {
            let found = format!("observers of {pictures} and of {} pictures, expected the same", other.len());
            return Err(Error::new(Code::Parameter, found));
        }
        if pictures == 0 || pictures > MOST {
            return Err(Error::new(Code::Parameter, format!("{pictures} pictures, expected 1 to {MOST}")));
        }
        let blocks = pictures.div_ceil(512);
        let mut bits = vec![Block::default(); observers.len() * blocks];
        for (row, observer) in observers.iter().enumerate() {
            for (picture, _) in observer.iter().enumerate().filter(|(_, right)| **right) {
                bits[row * blocks + picture / 512][picture % 512 / 64] |= 1 << (picture % 64);
            }
        }
        Ok(Correct { pictures, blocks, bits })
    }

    /// Pictures.
    pub fn pictures(&self) -> usize {
        self.pictures
    }

    /// Observers.
    pub fn observers(&self) -> usize {
        self.bits.len() / self.blocks
    }

    /// What two observers share, each picture counted once.
    pub fn agreement(&self, first: usize, second: usize) -> Agreement {
        let mut drawn = Drawn::new(self);
        drawn.count(self, &vec![1; self.pictures]);
        drawn.agreement(first, second)
    }

    fn row(&self, observer: usize) -> &[Block] {
        &self.bits[observer * self.blocks..(observer + 1) * self.blocks]
    }
}

/// Counts over one draw of pictures.
#[derive(Debug)]
pub struct Drawn {
    pictures: usize,
    observers: usize,
    /// How many of the drawn both are right on, for each two; on the diagonal, for each one.
    both: Vec<u32>,
    /// The planes of the draw, then the same where an observer is right.
    planes: Vec<Vec<Block>>,
    masked: Vec<Vec<Block>>,
}

impl Drawn {
    fn new(correct: &Correct) -> Self {
        let observers = correct.observers();
        Drawn {
            pictures: correct.pictures,
            observers,
            both: vec![0; observers * observers],
            planes: Vec::new(),
            masked: Vec::new(),
        }
    }

    /// What two observers share in this draw.
    pub fn agreement(&self, first: usize, second: usize) -> Agreement {
        let at = |a: usize, b: usize| self.both[a.min(b) * self.observers + a.max(b)] as usize;
        Agreement::of(self.pictures, [at(first, first), at(second, second)], at(first, second))
    }

    /// The kappa of two observers in this draw, NaN where it is undefined: of counts, with one division.
    #[inline]
    pub fn kappa(&self, first: usize, second: usize) -> f64 {
        let at = |a: usize, b: usize| f64::from(self.both[a.min(b) * self.observers + a.max(b)]);
        let (n, a, b) = (self.pictures as f64, at(first, first), at(second, second));
        2.0 * (n * at(first, second) - a * b) / (n * (a + b) - 2.0 * a * b)
    }

    /// Whether two observers agree on every picture of this draw.
    pub fn agree(&self, first: usize, second: usize) -> bool {
        let at = |a: usize, b: usize| self.both[a.min(b) * self.observers + a.max(b)];
        at(first, first) == at(first, second) && at(second, second) == at(first, second)
    }

    /// The share of this draw that an observer is right on.
    pub fn accuracy(&self, observer: usize) -> f64 {
        f64::from(self.both[observer * self.observers + observer]) / self.pictures as f64
    }

    /// Counts a draw, given as how often each picture is in it.
    fn count(&mut self, correct: &Correct, times: &[u32]) {
        // A plane holds one binary digit of how often each picture is in the draw: a count is a sum of ones over planes.
        let digits = (u32::BITS - times.iter().copied().max().unwrap_or(0).leading_zeros()) as usize;
        for planes in [&mut self.planes, &mut self.masked] {
            planes.resize(digits, Vec::new());
            planes.iter_mut().for_each(|plane| {
                plane.clear();
                plane.resize(correct.blocks, Block::default());
            });
        }
        for (word, times) in times.chunks(64).enumerate() {
            for (digit, plane) in self.planes.iter_mut().enumerate() {
                let ones = |(bit, &times): (usize, &u32)| u64::from(times >> digit & 1) << bit;
                plane[word / 8][word % 8] = times.iter().enumerate().map(ones).fold(0, |all, one| all | one);
            }
        }
        for first in 0..self.observers {
            for (masked, plane) in self.masked.iter_mut().zip(&self.planes) {
                for ((masked, plane), own) in masked.iter_mut().zip(plane).zip(correct.row(first)) {
                    *masked = std::array::from_fn(|lane| plane[lane] & own[lane]);
                }
            }
            let others = &correct.bits[first * correct.blocks..];
            let from = first * self.observers;
            ones::of_both(&self.masked, others, &mut self.both[from + first..from + self.observers]);
        }
    }
}

/// Statistics of pictures drawn again `draws` times. Within each condition as many pictures are drawn as it has,
/// with replacement, the same for all observers; the statistic sees all conditions of a draw together, so that averages over
/// conditions are made inside it (arXiv 2507.06645). Each draw has its own stream of ChaCha8 by its number: the same rows on
/// any number of threads. A picture's number is the upper half of a 32-bit number times their count.
///
/// ```
/// use lgf::stats::{Correct, redraw};
///
/// let condition = Correct::of(&[vec![true, true, false, false], vec![true, false, false, false]])?;
/// let kappas = redraw(&[condition], 200, 1, |drawn| vec![drawn[0].agreement(0, 1).kappa.unwrap_or(f64::NAN)]);
/// assert_eq!(kappas.column(0).len(), 200);
/// let (interval, undefined) = kappas.intervals()[0];
/// assert!(interval.is_none() && undefined > 10, "four pictures are too few: often all drawn are alike");
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn redraw(
    conditions: &[Correct],
    draws: usize,
    seed: u64,
    statistic: impl Fn(&[Drawn]) -> Vec<f64> + Sync,
) -> Draws {
    let begin = || {
        let drawn: Vec<Drawn> = conditions.iter().map(Drawn::new).collect();
        let times: Vec<Vec<u32>> = conditions.iter().map(|condition| vec![0; condition.pictures]).collect();
        (drawn, times)
    };
    let one = |(drawn, times): &mut (Vec<Drawn>, Vec<Vec<u32>>), draw: usize| {
        let mut random = stream(seed, draw);
        for ((condition, drawn), times) in conditions.iter().zip(drawn.iter_mut()).zip(times) {
            draw_from(&mut random, times);
            drawn.count(condition, times);
        }
        statistic(drawn)
    };
    Draws::made(draws, begin, one)
}

/// The random numbers of a draw.
pub(super) fn stream(seed: u64, draw: usize) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(draw as u64);
    random
}

/// Draws as many as there are, with replacement: how often each was drawn.
pub(super) fn draw_from(random: &mut impl Rng, times: &mut [u32]) {
    times.fill(0);
    let count = times.len() as u64;
    for _ in 0..count {
        times[((u64::from(random.next_u32()) * count) >> 32) as usize] += 1;
    }
}

/// Draws below which a 95 % interval would be the least and the most of them.
const LEAST_DRAWS: usize = 40;

/// The 95 % percentile interval of the finite values of draws, linear between ranks as numpy's, and how many were not finite.
/// None where more than a twentieth were not, or fewer than forty draws are.
pub fn percentiles(values: impl IntoIterator<Item = f64>) -> (Option<[f64; 2]>, usize) {
    let mut finite: Vec<f64> = Vec::new();
    let mut undefined = 0;
    for value in values {
        if value.is_finite() { finite.push(value) } else { undefined += 1 }
    }
    if finite.len() < LEAST_DRAWS || undefined * 20 > finite.len() + undefined {
        return (None, undefined);
    }
    (Some([0.025, 0.975].map(|share| at_rank(&mut finite, share))), undefined)
}

/// The value at a share of the ranks.
fn at_rank(values: &mut [f64], share: f64) -> f64 {
    let rank = (values.len() - 1) as f64 * share;
    let low = rank.floor() as usize;
    let (_, &mut below, above) = values.select_nth_unstable_by(low, f64::total_cmp);
    let next = above.iter().copied().reduce(f64::min).unwrap_or(below);
    below + (next - below) * (rank - low as f64)
}

/// Statistics of many draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    count: usize,
    /// Draws that were made together, each a block of columns of [`TOGETHER`] values, the last shorter.
    parts: Vec<Vec<f64>>,
}

/// Draws that one thread makes in a row: their columns stay in its cache while they are filled.
const TOGETHER: usize = 64;

impl Draws {
    /// `one` gives the statistics of the draw of a number, always as many.
    pub(super) fn made<S>(
        count: usize,
        begin: impl Fn() -> S + Sync + Send,
        one: impl Fn(&mut S, usize) -> Vec<f64> + Sync + Send,
    ) -> Draws {
        let part = |space: &mut S, part: usize| {
            let (from, to) = (part * TOGETHER, ((part + 1) * TOGETHER).min(count));
            let mut columns: Vec<f64> = Vec::new();
            for draw in from..to {
                let values = one(space, draw);
                columns.resize(values.len() * (to - from), 0.0);
                for (column, value) in columns.chunks_exact_mut(to - from).zip(values) {
                    column[draw - from] = value;
                }
            }
            columns
        };
        let parts = (0..count.div_ceil(TOGETHER)).into_par_iter().map_init(begin, part).collect();
        Draws { count, parts }
    }

    /// Statistics of a draw.
    pub fn width(&self) -> usize {
        self.parts.first().map_or(0, |part| part.len() / TOGETHER.min(self.count).max(1))
    }

    /// A statistic in every draw, in order; none for a statistic that there is not.
    pub fn column(&self, place: usize) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.count);
        for (number, part) in self.parts.iter().enumerate() {
            let length = TOGETHER.min(self.count - number * TOGETHER);
            out.extend(part.chunks_exact(length).nth(place).unwrap_or_default());
        }
        out
    }

    /// The [`percentiles`] of each statistic.
    pub fn intervals(&self) -> Vec<(Option<[f64; 2]>, usize)> {
        (0..self.width()).into_par_iter().map(|place| percentiles(self.column(place))).collect()
    }
}

/// The two-sided p of a difference by its draws: twice the smaller of the shares at or beyond 0, one added above and below
/// the line, at most 1. NaN for no finite draw.
pub fn p_of_draws(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut count, mut above, mut below) = (0u64, 0u64, 0u64);
    for value in values.into_iter().filter(|value| value.is_finite()) {
        count += 1;
        above += u64::from(value >= 0.0);
        below += u64::from(value <= 0.0);
    }
    if count == 0 {
        return f64::NAN;
    }
    (2.0 * (1 + above.min(below)) as f64 / (1 + count) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(observers: usize, pictures: usize) -> Vec<Vec<bool>> {
        let mut random = stream(7, 0);
        (0..observers).map(|one| (0..pictures).map(|_| random.next_u32() % 10 > one as u32 % 9).collect()).collect()
    }

    /// Slowly, picture by picture.
    fn naive(rows: &[Vec<bool>], times: &[u32], first: usize, second: usize) -> Agreement {
        let count = |of: &dyn Fn(usize) -> bool| -> usize {
            times.iter().enumerate().filter(|(picture, _)| of(*picture)).map(|(_, times)| *times as usize).sum()
        };
        let right = [first, second].map(|row| count(&|picture| rows[row][picture]));
        Agreement::of(times.len(), right, count(&|picture| rows[first][picture] && rows[second][picture]))
    }

    #[test]
    fn counts_by_bits_are_those_picture_by_picture() {
        for pictures in [1, 5, 63, 64, 65, 200] {
            let rows = rows(5, pictures);
            let correct = Correct::of(&rows).unwrap();
            let mut drawn = Drawn::new(&correct);
            let mut times = vec![0; pictures];
            for draw in 0..20 {
                draw_from(&mut stream(3, draw), &mut times);
                assert_eq!(times.iter().sum::<u32>() as usize, pictures);
                drawn.count(&correct, &times);
                for first in 0..5 {
                    for second in 0..5 {
                        let found = drawn.agreement(first, second);
                        assert_eq!(found, naive(&rows, &times, first, second));
                        let kappa = drawn.kappa(first, second);
                        assert_eq!(kappa.is_nan(), found.kappa.is_none());
                        assert!(found.kappa.is_none_or(|expected| (kappa - expected).abs() < 1e-12), "{found:?}");
                        assert_eq!(drawn.agree(first, second), found.observed == 1.0);
                    }
                }
            }
            assert_eq!(correct.agreement(1, 4), naive(&rows, &vec![1; pictures], 1, 4));
        }
    }

    /// The same draws, slowly in numpy.
    #[test]
    fn intervals_are_those_of_the_reference() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/observers.json")).unwrap();
        let redraw = &golden["redraw"];
        let rows: Vec<Vec<u8>> = serde_json::from_value(redraw["correct"].clone()).unwrap();
        let rows: Vec<Vec<bool>> = rows.iter().map(|row| row.iter().map(|right| *right == 1).collect()).collect();
        let times: Vec<Vec<u32>> = serde_json::from_value(redraw["times"].clone()).unwrap();
        let expected: Vec<[f64; 2]> = serde_json::from_value(redraw["kappa_intervals"].clone()).unwrap();
        let correct = Correct::of(&rows).unwrap();
        let mut drawn = Drawn::new(&correct);
        let mut kappas: Vec<Vec<f64>> = vec![Vec::new(); expected.len()];
        for times in &times {
            drawn.count(&correct, times);
            let pairs = (0..rows.len()).flat_map(|first| (first + 1..rows.len()).map(move |second| (first, second)));
            for (own, (first, second)) in kappas.iter_mut().zip(pairs) {
                own.push(drawn.agreement(first, second).kappa.unwrap_or(f64::NAN));
            }
        }
        for (own, expected) in kappas.into_iter().zip(expected) {
            let found = percentiles(own).0.unwrap();
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_draws_on_any_number_of_threads() {
        let conditions = [Correct::of(&rows(4, 100)).unwrap(), Correct::of(&rows(4, 37)).unwrap()];
        let all = || {
            redraw(&conditions, 300, 11, |drawn| {
                drawn.iter().map(|one| one.agreement(0, 1).kappa.unwrap_or(f64::NAN)).collect()
            })
        };
        let on = |threads: usize| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all);
        assert_eq!(format!("{:?}", on(1)), format!("{:?}", on(16)));
        let draws = all();
        assert_eq!((draws.width(), draws.column(1).len(), draws.column(2).len()), (2, 300, 0));
        let values = draws.column(0);
        assert_ne!(values[0], values[1]);
        assert_eq!(draws.intervals()[0], percentiles(values));
    }

    #[test]
    fn percentiles_are_linear_between_ranks_and_undefined_ones_are_counted() {
        let values: Vec<f64> = (0..=100).map(|rank| f64::from((rank * 37) % 101)).collect();
        assert_eq!(percentiles(values.clone()), (Some([2.5, 97.5]), 0));
        let some = values.iter().copied().chain([f64::NAN; 5]);
        assert_eq!(percentiles(some), (Some([2.5, 97.5]), 5));
        assert_eq!(percentiles(values.into_iter().chain([f64::NAN; 6])), (None, 6));
        assert_eq!(percentiles([4.0; 40]), (Some([4.0, 4.0]), 0));
        assert_eq!(percentiles([4.0; 39]), (None, 0));
        assert_eq!(percentiles([]), (None, 0));
    }

    #[test]
    fn p_of_a_difference_is_two_sided_and_never_nought() {
        assert_eq!(p_of_draws([1.0; 99]), 2.0 / 100.0);
        assert_eq!(p_of_draws([1.0, -1.0]), 1.0);
        assert!(p_of_draws([f64::NAN]).is_nan());
    }
}
