//! Does hiding what a map calls relevant change the answer?

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::occluder::{Cover, Occluder};
use crate::error::{Code, Error, Result};
use crate::inference::Engine;
use crate::pixels::{Crop, HeatMap, PixelMask};
use crate::relevance::engine::finite_logits;

/// How many pictures with parts hidden a network is given at a time.
pub const PICTURES_AT_A_TIME: usize = 32;

/// In which order parts of a picture are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The most relevant first.
    MostRelevant,
    /// The least relevant first.
    LeastRelevant,
    /// At random, with this seed: what a map must be better than.
    Random(u64),
}

/// How a picture is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// Side of the square regions; 1 is pixel flipping.
    pub region: usize,
    /// Points of the curve, after as many equal parts of the picture are hidden.
    pub steps: usize,
    /// What stands in the place of what is hidden.
    pub occluder: Occluder,
}

impl Removal {
    /// As ROAD is measured: single pixels in five steps, the hidden ones filled in from those around.
    pub fn road() -> Self {
        Removal { region: 1, steps: 5, occluder: Occluder::Inpainted { noise: 0.01, seed: 1 } }
    }
}

impl Default for Removal {
    /// Regions of 16 pixels in ten steps, the mean in their place.
    fn default() -> Self {
        Removal { region: 16, steps: 10, occluder: Occluder::Mean }
    }
}

/// The class's logit when a part of the picture is hidden.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HiddenRow {
    /// The part, 0 to 1.
    pub hidden: f64,
    /// The logit.
    pub logit: f64,
}

/// The target's logit as more and more of a picture is hidden: `hidden` (share of its regions, 0 to 1), `logit`. Regions count
/// by the sum of their relevance; of equal ones the first in row order comes first. Samek et al. 2017; with regions of one pixel
/// it is the pixel flipping of Bach et al. 2015. `picture` is `[1, 3, h, w]`, normalised as the network was trained.
///
/// # Errors
/// [`Code::Parameter`] if the map has another size than the picture, or regions are larger than it; [`Code::Numeric`] if a logit
/// is not finite.
pub fn perturbation_curve(
    network: &Engine,
    picture: &Tensor,
    target: usize,
    map: &HeatMap<Crop>,
    order: Order,
    how: Removal,
) -> Result<Vec<HiddenRow>> {
    let cover = how.occluder.cover(picture, network.normalisation())?;
    let masks = masks(map, order, how)?;
    let logits = logits_of(network, &cover, target, &masks)?;
    let share = |step: usize| step as f64 / how.steps as f64;
    Ok(logits.into_iter().enumerate().map(|(step, logit)| HiddenRow { hidden: share(step), logit }).collect())
}

/// The symmetric relevance gain of each of some maps of one picture (SRG, Blücher et al. 2024): the mean over the steps of the
/// logit with the least relevant hidden first, less that with the most relevant. 0 by chance, the more the better; the first and
/// the last step add nothing, since nothing and all is hidden in both.
///
/// # Errors
/// As [`perturbation_curve`].
pub fn relevance_gain(
    network: &Engine,
    picture: &Tensor,
    target: usize,
    maps: &[&HeatMap<Crop>],
    how: Removal,
) -> Result<Vec<f64>> {
    let cover = how.occluder.cover(picture, network.normalisation())?;
    gains(maps, how, |masks| logits_of(network, &cover, target, masks))
}

/// The same, counting right answers instead of logits (ROAD, Rong et al. 2022, with [`Removal::road`]): of the steps between nothing
/// and all, how many more are answered with the target when the least relevant is hidden first, over all steps: at
/// most `(steps - 1) / steps`, at least less that.
///
/// # Errors
/// As [`perturbation_curve`].
pub fn accuracy_gain(
    network: &Engine,
    picture: &Tensor,
    target: usize,
    maps: &[&HeatMap<Crop>],
    how: Removal,
) -> Result<Vec<f64>> {
    let cover = how.occluder.cover(picture, network.normalisation())?;
    gains(maps, how, |masks| {
        let best = |rows: &Tensor| Ok(Vec::<i64>::try_from(rows.argmax(1, false))?);
        let answers: Vec<i64> = of_hidden(network, &cover, masks, best)?;
        Ok(answers.into_iter().map(|answer| f64::from(u8::from(answer == target as i64))).collect())
    })
}

/// As [`relevance_gain`], by a score of hidden sets; every set between nothing and all is scored once for each map and order.
pub(super) fn gains(
    maps: &[&HeatMap<Crop>],
    how: Removal,
    score: impl Fn(&[PixelMask<Crop>]) -> Result<Vec<f64>>,
) -> Result<Vec<f64>> {
    let mut sets = Vec::new();
    for map in maps {
        for order in [Order::LeastRelevant, Order::MostRelevant] {
            sets.extend(masks(map, order, how)?.drain(1..how.steps));
        }
    }
    let between = how.steps - 1;
    if sets.is_empty() {
        return Ok(vec![0.0; maps.len()]);
    }
    let scores = score(&sets)?;
    let gain = |scores: &[f64]| {
        let (least, most) = scores.split_at(between);
        least.iter().zip(most).map(|(least, most)| least - most).sum::<f64>() / how.steps as f64
    };
    Ok(scores.chunks_exact(2 * between).map(gain).collect())
}

/// What is hidden at each step: nothing at step 0, all at the last. The region of rank r of n is hidden from step
/// `floor(r * steps / n) + 1` on.
pub(super) fn masks(map: &HeatMap<Crop>, order: Order, how: Removal) -> Result<Vec<PixelMask<Crop>>> {
    let (height, width) = map.size();
    let side = how.region;
    if side == 0 || side > height.min(width) as usize || how.steps == 0 {
        let found = format!("regions of {side} in {} steps for {height} x {width}", how.steps);
        return Err(Error::new(Code::Parameter, found));
    }
    let regions = Regions::of((height, width), side);
    let sums = regions.sums(map);
    let mut ranked: Vec<usize> = (0..sums.len()).collect();
    match order {
        Order::MostRelevant => ranked.sort_by(|&a, &b| sums[b].total_cmp(&sums[a])),
        Order::LeastRelevant => ranked.sort_by(|&a, &b| sums[a].total_cmp(&sums[b])),
        Order::Random(seed) => ranked.shuffle(&mut ChaCha8Rng::seed_from_u64(seed)),
    }
    let mut shown_until = vec![0; ranked.len()];
    for (rank, &region) in ranked.iter().enumerate() {
        shown_until[region] = rank * how.steps / ranked.len();
    }
    let at_step = |step: usize| {
        let inside = (0..(height * width) as usize).map(|at| shown_until[regions.of_pixel(at)] < step).collect();
        PixelMask::from_values(height, width, inside)
    };
    (0..=how.steps).map(at_step).collect()
}

/// Squares of a picture, row by row; the last ones of a row or column may be cut.
pub(super) struct Regions {
    side: usize,
    width: usize,
    columns: usize,
    /// How many there are.
    pub(super) count: usize,
}

impl Regions {
    pub(super) fn of((height, width): (u32, u32), side: usize) -> Self {
        let columns = (width as usize).div_ceil(side);
        Regions { side, width: width as usize, columns, count: columns * (height as usize).div_ceil(side) }
    }

    pub(super) fn of_pixel(&self, at: usize) -> usize {
        at / self.width / self.side * self.columns + at % self.width / self.side
    }

    /// The sum of a map in each.
    pub(super) fn sums(&self, map: &HeatMap<Crop>) -> Vec<f64> {
        let mut sums = vec![0f64; self.count];
        map.values().iter().enumerate().for_each(|(at, &value)| sums[self.of_pixel(at)] += f64::from(value));
        sums
    }
}

/// The target's logit of a picture with each of some sets of pixels hidden.
pub(super) fn logits_of(
    network: &Engine,
    cover: &Cover,
    target: usize,
    hidden: &[PixelMask<Crop>],
) -> Result<Vec<f64>> {
    of_hidden(network, cover, hidden, |rows| {
        let logits = rows.f_narrow(1, target as i64, 1)?.to_kind(Kind::Double).to_device(tch::Device::Cpu);
        Ok(Vec::<f64>::try_from(logits.contiguous().view(-1))?)
    })
}

/// What is made of the logits of a picture with each of some sets of pixels hidden, batch by batch.
fn of_hidden<T>(
    network: &Engine,
    cover: &Cover,
    hidden: &[PixelMask<Crop>],
    make: impl Fn(&Tensor) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let _no_grad = tch::no_grad_guard();
    let mut all = Vec::with_capacity(hidden.len());
    for some in hidden.chunks(PICTURES_AT_A_TIME) {
        let pictures = cover.hide(some)?;
        let rows = network.forward(&pictures)?;
        finite_logits(network, &pictures, &rows)?;
        all.extend(make(&rows)?);
    }
    Ok(all)
}

/// The area under a curve of [`perturbation_curve`], less its end: small where the map finds at once what matters, beside the
/// same of a random order.
pub fn area_under(curve: &[HiddenRow]) -> f64 {
    let logits: Vec<f64> = curve.iter().map(|row| row.logit).collect();
    let end = logits.last().copied().unwrap_or(0.0);
    let trapezoids: f64 = logits.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0 - end).sum();
    trapezoids / (logits.len().max(2) - 1) as f64
}
