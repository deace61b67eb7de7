//! All ways to a map under one name each, and the two that know nothing.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::baselines::{Baseline, baseline};
use super::engine::{Targets, explain_with};
use super::ledger::Ledger;
use super::rule::Composite;
use super::target::check_form;
use crate::error::{Code, Error, Result};
use crate::inference::Engine;
use crate::models::Form;
use crate::pixels::{Crop, HeatMap};

/// A network in the forms that methods ask for.
#[derive(Debug, Clone, Copy)]
pub struct Forms<'a> {
    /// As its checkpoint has it.
    pub plain: &'a Engine,
    /// With batch normalisation merged ([`Engine::folded`]).
    pub folded: &'a Engine,
}

/// A way to a map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Layer-wise relevance by a composite.
    Rules(Composite),
    /// By gradients, or by hiding.
    Baseline(Baseline),
    /// At random, each pixel from 0 to 1, from a seed and the picture: it knows neither network nor picture.
    Random(u64),
    /// How strongly brightness changes at a pixel (Sobel's operator): it knows the picture, and no network.
    Edges,
}

impl Method {
    /// Every preset of rules, the usual baselines, and the two that know no network.
    pub fn all() -> Vec<Self> {
        let rules = Composite::presets().into_iter().map(Method::Rules);
        let baselines = Baseline::usual().into_iter().map(Method::Baseline);
        rules.chain(baselines).chain([Method::Random(1), Method::Edges]).collect()
    }

    /// A map of a picture `[1, 3, h, w]` for a class.
    ///
    /// # Errors
    /// As [`Method::maps`].
    pub fn map(&self, network: Forms<'_>, picture: &Tensor, target: usize) -> Result<HeatMap<Crop>> {
        self.maps(network, picture, &[target])?.pop().ok_or_else(|| Error::new(Code::Model, "no map"))
    }

    /// A map of each of some pictures (`[n, 3, h, w]`, normalised) for one target class each.
    ///
    /// # Errors
    /// As [`super::explain`] and [`baseline`].
    pub fn maps(&self, network: Forms<'_>, pictures: &Tensor, targets: &[usize]) -> Result<Vec<HeatMap<Crop>>> {
        match self {
            Method::Rules(composite) => {
                let network = match composite.form {
                    Form::Plain => network.plain,
                    Form::Folded => network.folded,
                };
                check_form(network, composite)?;
                explain_with(network, pictures, Targets::Each(targets), composite, Ledger::NotKept)?.maps()
            }
            // Its noise is as strong as the pictures' range: alone it is the same in any company.
            Method::Baseline(way @ Baseline::SmoothGrad { .. }) => {
                let each = targets.iter().enumerate().map(|(at, target)| {
                    baseline(network.folded, &pictures.f_narrow(0, at as i64, 1)?, &[*target], *way)?.maps()
                });
                Ok(each.collect::<Result<Vec<_>>>()?.concat())
            }
            Method::Baseline(way) => baseline(network.folded, pictures, targets, *way)?.maps(),
            Method::Random(seed) => planes(pictures)?.iter().map(|plane| plane.random(*seed)).collect(),
            Method::Edges => {
                let strengths = planes(&edges(pictures)?)?;
                strengths
                    .into_iter()
                    .map(|plane| HeatMap::from_values(plane.height, plane.width, plane.values))
                    .collect()
            }
        }
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Method::Rules(composite) => write!(to, "rules: {}", composite.name),
            Method::Baseline(way) => write!(to, "{way}"),
            Method::Random(_) => to.write_str("random"),
            Method::Edges => to.write_str("edge detector"),
        }
    }
}

/// The first channel of a picture.
struct Plane {
    height: u32,
    width: u32,
    values: Vec<f32>,
}

impl Plane {
    fn random(&self, seed: u64) -> Result<HeatMap<Crop>> {
        let bytes: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(crc32c::crc32c(&bytes)));
        let values = self.values.iter().map(|_| (rng.next_u32() >> 8) as f32 / (1 << 24) as f32).collect();
        HeatMap::from_values(self.height, self.width, values)
    }
}

fn planes(pictures: &Tensor) -> Result<Vec<Plane>> {
    let size = pictures.size();
    let first = pictures.f_narrow(1, 0, 1)?.to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous();
    let values = Vec::<f32>::try_from(first.view(-1))?;
    let (height, width) = (size[2] as u32, size[3] as u32);
    Ok(values
        .chunks_exact((height * width) as usize)
        .map(|values| Plane { height, width, values: values.to_vec() })
        .collect())
}

/// The length of the brightness gradient, by Sobel's operator, borders repeated: `[n, 1, h, w]`.
fn edges(pictures: &Tensor) -> Result<Tensor> {
    let brightness = pictures.f_mean_dim([1i64].as_slice(), true, Kind::Float)?.f_replication_pad2d([1, 1, 1, 1])?;
    let across = Tensor::from_slice(&[-1f32, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0]).view([1, 1, 3, 3]);
    let kernels = Tensor::f_cat(&[&across, &across.transpose(2, 3)], 0)?.to_device(pictures.device());
    let changes = brightness.f_conv2d::<Tensor>(&kernels, None, [1, 1], [0, 0], [1, 1], 1)?;
    Ok(changes.square().f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?.sqrt())
}
