//! How good a map is: does hiding what it calls relevant change the answer, does it lie on the object, does it depend on the
//! network at all?

use polars::prelude::DataFrame;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::engine::{Targets, explain_with, finite_logits};
use super::ledger::Ledger;
use super::rule::Composite;
use crate::error::{Code, Error, Result};
use crate::inference::Engine;
use crate::models::{Layer, Weights};
use crate::pixels::{Crop, HeatMap, PixelMask};
use crate::table::{Row, table};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Perturbation {
    /// Side of the square regions; 1 is pixel flipping.
    pub region: usize,
    /// Points of the curve, after as many equal parts of the picture are hidden.
    pub steps: usize,
    /// The order.
    pub order: Order,
}

/// The target's logit as more and more of a picture is hidden (set to 0, the mean of the training pictures): `hidden` (share of
/// the picture, 0 to 1), `logit`. Samek et al. 2017; with regions of one pixel it is the pixel flipping of Bach et al. 2015.
/// `picture` is `[1, 3, h, w]`, normalised.
///
/// # Errors
/// [`Code::Parameter`] if the map has another size than the picture, or regions are larger than it; [`Code::Numeric`] if a logit
/// is not finite.
pub fn perturbation_curve(
    network: &Engine,
    picture: &Tensor,
    target: usize,
    map: &HeatMap<Crop>,
    how: Perturbation,
) -> Result<Vec<HiddenRow>> {
    let (height, width) = (map.size().0 as usize, map.size().1 as usize);
    if picture.size()[..] != [1, 3, height as i64, width as i64] {
        let found = format!("a picture of {:?} and a map of {height} x {width}", picture.size());
        return Err(Error::new(Code::Parameter, found));
    }
    let side = how.region;
    if side == 0 || side > height.min(width) || how.steps == 0 {
        let found = format!("regions of {side} in {} steps for {height} x {width}", how.steps);
        return Err(Error::new(Code::Parameter, found));
    }
    // The last ones may be cut.
    let columns = width.div_ceil(side);
    let mut sums = vec![0f64; columns * height.div_ceil(side)];
    for (index, &value) in map.values().iter().enumerate() {
        sums[index / width / side * columns + index % width / side] += f64::from(value);
    }
    let mut order: Vec<usize> = (0..sums.len()).collect();
    match how.order {
        Order::MostRelevant => order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a])),
        Order::LeastRelevant => order.sort_by(|&a, &b| sums[a].total_cmp(&sums[b])),
        Order::Random(seed) => order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed)),
    }
    // Which step hides each region: all points of the curve are one batch.
    let mut hidden_at = vec![0i64; order.len()];
    for (rank, &region) in order.iter().enumerate() {
        hidden_at[region] = (rank * how.steps / order.len()) as i64;
    }
    let by_pixel: Vec<i64> =
        (0..height * width).map(|index| hidden_at[index / width / side * columns + index % width / side]).collect();
    let _no_grad = tch::no_grad_guard();
    let when = Tensor::from_slice(&by_pixel).view([1, 1, height as i64, width as i64]).to_device(picture.device());
    let mut logits = Vec::new();
    for steps in (0..=how.steps as i64).collect::<Vec<_>>().chunks(8) {
        let copies: Vec<Tensor> = steps.iter().map(|&step| picture * when.ge(step).to_kind(picture.kind())).collect();
        let copies = Tensor::f_cat(&copies, 0)?;
        let rows = network.forward(&copies)?;
        finite_logits(network, &copies, &rows)?;
        logits.extend((0..steps.len() as i64).map(|row| rows.double_value(&[row, target as i64])));
    }
    let shares: Vec<f64> = (0..=how.steps).map(|step| step as f64 / how.steps as f64).collect();
    Ok(shares.into_iter().zip(logits).map(|(hidden, logit)| HiddenRow { hidden, logit }).collect())
}

/// The class's logit when a part of the picture is hidden.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HiddenRow {
    /// The part, 0 to 1.
    pub hidden: f64,
    /// The logit.
    pub logit: f64,
}

table! {
    /// How a map changes when layers lose what they have learned.
    pub struct RandomisedRow {
        /// How many layers from the head on have, so far.
        layers: i64,
        /// The last of them; empty for none.
        last: String,
        /// Rank correlation of the map with that of the network as it was, -1 to 1.
        correlation: f64,
    }
}

/// How much of a map lies on an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Localisation {
    /// Share of the positive relevance inside (relevance mass accuracy, Arras et al. 2022); `None` where nothing is positive.
    pub mass: Option<f64>,
    /// Of the pixels of highest relevance, as many as the object has, the share inside (relevance rank accuracy).
    pub rank: f64,
    /// Whether the pixel of highest relevance lies inside (pointing game, Zhang et al. 2018).
    pub points_at: bool,
    /// Share of the picture that the object covers: what a map without any relation to it would have.
    pub chance: f64,
}

/// How much of a map lies on an object.
///
/// # Errors
/// [`Code::Parameter`] if the object has no pixel, or another size than the map.
pub fn localisation(map: &HeatMap<Crop>, inside: &PixelMask<Crop>) -> Result<Localisation> {
    let (height, width) = map.size();
    if inside.count() == 0 {
        return Err(Error::new(Code::Parameter, "the object has no pixel in the picture"));
    }
    let top = map.top(inside.count() as usize);
    Ok(Localisation {
        mass: map.positive_share_on(inside)?,
        rank: top.shared_count(inside)? as f64 / inside.count() as f64,
        points_at: map.peak().is_some_and(|peak| inside.contains(peak)),
        chance: inside.count() as f64 / (f64::from(height) * f64::from(width)),
    })
}

/// Do the maps depend on what the network has learned? Its layers with weights are given other ones, from the head on, a
/// layer more each time, and the new map is set against the first: `layers` (how many were changed), `last` (the name of the
/// last one), `correlation` (Spearman's, of the absolute values), one row a step. A map that stays the same shows the picture,
/// not the network (Adebayo et al. 2018).
///
/// # Errors
/// As [`super::explain`].
pub fn randomised_layers(
    network: &Engine,
    picture: &Tensor,
    target: usize,
    composite: &Composite,
    steps: usize,
    seed: u64,
) -> Result<DataFrame> {
    let map = |network: &Engine| -> Result<Vec<f64>> {
        let map = explain_with(network, picture, Targets::Each(&[target]), composite, Ledger::NotKept)?
            .maps()?
            .swap_remove(0);
        Ok(map.values().iter().map(|value| f64::from(value.abs())).collect())
    };
    let original = ranks(&map(network)?);
    let layers: Vec<&str> = network
        .nodes()
        .iter()
        .rev()
        .filter_map(|node| match &node.layer {
            Layer::Conv { key, .. } | Layer::Linear { key, .. } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    let mut weights: Weights = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut rows = vec![RandomisedRow { layers: 0, last: String::new(), correlation: 1.0 }];
    let every = layers.len().div_ceil(steps.max(1));
    for (index, key) in layers.iter().enumerate() {
        let name = format!("{key}.weight");
        let shuffled = weights.get(&name).map(|tensor| shuffled(tensor, &mut rng));
        if let Some(shuffled) = shuffled {
            weights.insert(name, shuffled?);
        }
        if (index + 1) % every == 0 || index + 1 == layers.len() {
            let copy: Weights = weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
            let changed = network.with_weights(copy)?;
            rows.push(RandomisedRow {
                layers: index as i64 + 1,
                last: (*key).to_string(),
                correlation: correlation(&original, &ranks(&map(&changed)?)),
            });
        }
    }
    RandomisedRow::table(rows)
}

/// The same numbers in another order.
fn shuffled(tensor: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    let mut order: Vec<i64> = (0..tensor.numel() as i64).collect();
    order.shuffle(rng);
    let flat = tensor.f_reshape([-1])?.f_index_select(0, &Tensor::from_slice(&order).to_device(tensor.device()))?;
    let like = tensor.empty_like();
    like.shallow_clone().f_copy_(&flat.view(&tensor.size()[..]))?;
    Ok(like)
}

/// Ranks from 0, equal values sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let size = order[from..].iter().take_while(|&&index| values[index] == values[order[from]]).count();
        order[from..from + size].iter().for_each(|&index| ranks[index] = from as f64 + (size as f64 - 1.0) / 2.0);
        from += size;
    }
    ranks
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - mean_a, b - mean_b)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

/// The area under a curve of [`perturbation_curve`], less its end: small where the map finds at once what matters, beside the
/// same of a random order.
pub fn area_under(curve: &[HiddenRow]) -> f64 {
    let logits: Vec<f64> = curve.iter().map(|row| row.logit).collect();
    let end = logits.last().copied().unwrap_or(0.0);
    let trapezoids: f64 = logits.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0 - end).sum();
    trapezoids / (logits.len().max(2) - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::PixelBox;
    use crate::relevance::tests::{pictures, small_network};

    fn map_of(network: &Engine, composite: &Composite) -> HeatMap<Crop> {
        explain_with(network, &pictures().narrow(0, 0, 1), Targets::Each(&[1]), composite, Ledger::NotKept)
            .unwrap()
            .maps()
            .unwrap()
            .swap_remove(0)
    }

    #[test]
    fn hiding_the_relevant_first_lowers_the_logit_faster_than_the_irrelevant_or_chance() {
        let network = small_network("slim-resnet50");
        let map = map_of(&network, &Composite::corrected());
        let area = |order: Order| {
            let how = Perturbation { region: 8, steps: 14, order };
            let curve = perturbation_curve(&network, &pictures().narrow(0, 0, 1), 1, &map, how).unwrap();
            assert_eq!(curve.len(), 15);
            area_under(&curve)
        };
        let (most, random, least) = (area(Order::MostRelevant), area(Order::Random(1)), area(Order::LeastRelevant));
        assert!(most < random && random < least, "{most} {random} {least}");
        // Of regions of 9 the last ones are cut: all is hidden in the end all the same.
        let end = |region: usize| {
            let how = Perturbation { region, steps: 4, order: Order::MostRelevant };
            let curve = perturbation_curve(&network, &pictures().narrow(0, 0, 1), 1, &map, how)?;
            Ok::<_, Error>(curve[4].logit)
        };
        assert!((end(9).unwrap() - end(8).unwrap()).abs() < 1e-4);
        assert!(end(225).is_err() && end(0).is_err());
    }

    #[test]
    fn localisation_of_a_map_that_is_the_box_is_perfect() {
        let object = PixelMask::from_box(20, 20, &PixelBox::<Crop>::at(2, 3).of_size(4, 5));
        let values = object.values().iter().map(|&on| f32::from(u8::from(on))).collect();
        let map = HeatMap::from_values(20, 20, values).unwrap();
        let found = localisation(&map, &object).unwrap();
        assert_eq!(found, Localisation { mass: Some(1.0), rank: 1.0, points_at: true, chance: 0.05 });
        let elsewhere = localisation(&map, &PixelMask::from_box(20, 20, &PixelBox::at(10, 10).of_size(4, 5))).unwrap();
        assert_eq!((elsewhere.mass, elsewhere.rank, elsewhere.points_at), (Some(0.0), 0.0, false));
    }

    #[test]
    fn maps_of_a_network_with_other_weights_are_other_maps() {
        let network = small_network("slim-resnet50");
        let picture = pictures().narrow(0, 0, 1);
        let table = randomised_layers(&network, &picture, 1, &Composite::epsilon(), 4, 3).unwrap();
        let found = crate::table::floats(&table, "correlation").unwrap();
        assert_eq!(found[0], 1.0);
        assert!(found.last().unwrap() < &0.7, "{found:?}");
        assert_eq!(table.height(), 5);
    }

    #[test]
    fn ranks_are_spearmans() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0]), [1.5, 0.0, 1.5]);
        assert!((correlation(&ranks(&[1.0, 2.0, 9.0]), &ranks(&[2.0, 3.0, 4.0])) - 1.0).abs() < 1e-12);
    }
}
