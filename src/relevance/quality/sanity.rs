//! Does a map depend on the network, and on nothing else?

use polars::prelude::DataFrame;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

use crate::error::{Code, Error, Result};
use crate::inference::Engine;
use crate::models::{Layer, Weights};
use crate::pixels::{Crop, HeatMap};
use crate::relevance::baselines::normal;
use crate::relevance::method::{Forms, Method};
use crate::stats;
use crate::table::{Row, table};

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

/// Do the maps depend on what the network has learned? Its layers with weights are given other ones, from the head on, a
/// layer more each time, and the new map is set against the first: `layers` (how many were changed), `last` (the name of the
/// last one), `correlation` (Spearman's, of the absolute values), one row a step. A map that stays the same shows the picture,
/// not the network (Adebayo et al. 2018). The network is as its checkpoint has it.
///
/// # Errors
/// As [`Method::map`].
pub fn randomised_layers(
    network: &Engine,
    picture: &Tensor,
    target: usize,
    method: &Method,
    steps: usize,
    seed: u64,
) -> Result<DataFrame> {
    let map = |network: &Engine| {
        let forms = Forms { plain: network, folded: &network.folded()? };
        method.map(forms, picture, target)
    };
    let original = map(network)?;
    let layers = layers_of(network);
    let every = layers.len().div_ceil(steps.max(1));
    let mut rows = vec![RandomisedRow { layers: 0, last: String::new(), correlation: 1.0 }];
    let mut scrambled = Scrambled::of(network, seed);
    for (index, key) in layers.iter().enumerate() {
        scrambled.layer(key)?;
        if (index + 1) % every == 0 || index + 1 == layers.len() {
            let correlation = rank_correlation(&original, &map(&scrambled.network()?)?)?.unwrap_or(0.0);
            rows.push(RandomisedRow { layers: index as i64 + 1, last: key.clone(), correlation });
        }
    }
    RandomisedRow::table(rows)
}

/// The network with the weights of every convolution and fully connected layer in another order: of what it has learned, biases
/// and the numbers of normalisation are left.
///
/// # Errors
/// As [`Engine::with_weights`].
pub fn unlearned(network: &Engine, seed: u64) -> Result<Engine> {
    let mut scrambled = Scrambled::of(network, seed);
    layers_of(network).iter().try_for_each(|key| scrambled.layer(key))?;
    scrambled.network()
}

/// The layers with weights, from the head on.
fn layers_of(network: &Engine) -> Vec<String> {
    let keyed = network.nodes().iter().rev().filter_map(|node| match &node.layer {
        Layer::Conv { key, .. } | Layer::Linear { key, .. } => Some(key.clone()),
        _ => None,
    });
    keyed.collect()
}

struct Scrambled<'a> {
    network: &'a Engine,
    weights: Weights,
    rng: ChaCha8Rng,
}

impl<'a> Scrambled<'a> {
    fn of(network: &'a Engine, seed: u64) -> Self {
        let weights = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
        Scrambled { network, weights, rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Gives a layer the same numbers in another order.
    fn layer(&mut self, key: &str) -> Result<()> {
        let name = format!("{key}.weight");
        if let Some(tensor) = self.weights.get(&name) {
            let mut order: Vec<i64> = (0..tensor.numel() as i64).collect();
            order.shuffle(&mut self.rng);
            let order = Tensor::from_slice(&order).to_device(tensor.device());
            let flat = tensor.f_reshape([-1])?.f_index_select(0, &order)?;
            let like = tensor.empty_like();
            like.shallow_clone().f_copy_(&flat.view(&tensor.size()[..]))?;
            self.weights.insert(name, like);
        }
        Ok(())
    }

    fn network(&self) -> Result<Engine> {
        let shared = self.weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
        self.network.with_weights(shared)
    }
}

/// How much a map stays as it is when next to nothing happens to the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stability {
    /// The mean over noisy copies of Spearman's correlation of the maps' absolute values; `None` if a map is all of one value.
    pub correlation: Option<f64>,
    /// The largest distance of a copy's map from the map, in shares of the map's length (max-sensitivity, Yeh et al. 2019);
    /// `None` if the map is 0.
    pub distance: Option<f64>,
}

/// Noisy copies of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Copies {
    /// How many.
    pub count: usize,
    /// Deviation of their normal noise, after normalisation.
    pub noise: f64,
    /// Its seed.
    pub seed: u64,
}

impl Default for Copies {
    /// Two, under noise of 0.05: a hundredth of full brightness.
    fn default() -> Self {
        Copies { count: 2, noise: 0.05, seed: 1 }
    }
}

/// How much a method's map of a picture (`[1, 3, h, w]`, normalised) stays as it is in noisy copies.
///
/// # Errors
/// As [`Method::maps`]; [`Code::Parameter`] for no copy.
pub fn stability(
    network: Forms<'_>,
    picture: &Tensor,
    target: usize,
    (method, map): (&Method, &HeatMap<Crop>),
    copies: Copies,
) -> Result<Stability> {
    if copies.count == 0 {
        return Err(Error::new(Code::Parameter, "stability over no copies"));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(copies.seed);
    let noisy: Vec<Tensor> = (0..copies.count).map(|_| picture + normal(picture, &mut rng) * copies.noise).collect();
    of_maps(map, &method.maps(network, &Tensor::f_cat(&noisy, 0)?, &vec![target; copies.count])?)
}

/// The same of maps that are there.
pub(super) fn of_maps(map: &HeatMap<Crop>, others: &[HeatMap<Crop>]) -> Result<Stability> {
    let correlations: Vec<Option<f64>> =
        others.iter().map(|other| rank_correlation(map, other)).collect::<Result<_>>()?;
    let all: Option<Vec<f64>> = correlations.into_iter().collect();
    let length = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let own = length(&mut map.values().iter().map(|&value| f64::from(value)));
    let apart = |other: &HeatMap<Crop>| {
        length(&mut map.values().iter().zip(other.values()).map(|(a, b)| f64::from(*a) - f64::from(*b))) / own
    };
    Ok(Stability {
        correlation: all.map(|all| stats::mean(&all)),
        distance: (own > 0.0).then(|| others.iter().map(apart).fold(0.0, f64::max)),
    })
}

/// Spearman's correlation of two maps' absolute values; `None` if those of one are all the same.
pub(crate) fn rank_correlation(a: &HeatMap<Crop>, b: &HeatMap<Crop>) -> Result<Option<f64>> {
    let magnitudes =
        |map: &HeatMap<Crop>| map.values().iter().map(|value| f64::from(value.abs())).collect::<Vec<f64>>();
    correlated(&magnitudes(a), &magnitudes(b))
}

/// Spearman's correlation; `None` if the values of one are all the same.
pub(super) fn correlated(a: &[f64], b: &[f64]) -> Result<Option<f64>> {
    let constant = |values: &[f64]| values.windows(2).all(|pair| pair[0] == pair[1]);
    if constant(a) || constant(b) {
        return Ok(None);
    }
    Ok(Some(stats::spearman(a, b)?.statistic))
}
