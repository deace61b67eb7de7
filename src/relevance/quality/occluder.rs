//! What stands in the place of hidden pixels.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::inpaint::inpaint;
use crate::error::{Code, Error, Result};
use crate::models::Normalisation;
use crate::pixels::{Crop, PixelMask};
use crate::relevance::baselines::normal;

/// What stands in the place of hidden pixels. Which one it is decides much of what a curve says (Blücher et al. 2024), so each
/// has its name in tables.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occluder {
    /// Black.
    Black,
    /// The mean of the training pictures: 0 after normalisation.
    Mean,
    /// The picture itself, blurred by a Gaussian of so many pixels, its borders mirrored, cut off at four deviations (as
    /// `scipy.ndimage.gaussian_filter` with `mode="mirror"`).
    Blur {
        /// Its deviation.
        sigma: f64,
    },
    /// Normal noise about the mean with the deviation of the training pictures: 1 after normalisation.
    Noise {
        /// Its seed.
        seed: u64,
    },
    /// What the pixels around say: each hidden pixel is the weighted mean of its neighbours, and noise is added (Rong et al.
    /// 2022, noisy linear imputation).
    Inpainted {
        /// Deviation of the noise, after normalisation; the paper's is 0.01.
        noise: f64,
        /// Its seed.
        seed: u64,
    },
}

impl Occluder {
    /// One of each, with its usual numbers.
    pub fn usual() -> [Self; 5] {
        [
            Occluder::Black,
            Occluder::Mean,
            Occluder::Blur { sigma: 12.0 },
            Occluder::Noise { seed: 1 },
            Occluder::Inpainted { noise: 0.01, seed: 1 },
        ]
    }

    /// A picture `[1, 3, h, w]`, normalised in a way, made ready to be hidden in parts.
    ///
    /// # Errors
    /// [`Code::Parameter`] for a blur or noise of a deviation below 0, or not finite.
    pub fn cover(self, picture: &Tensor, normalisation: &Normalisation) -> Result<Cover> {
        let deviation = match self {
            Occluder::Blur { sigma } => sigma,
            Occluder::Inpainted { noise, .. } => noise,
            _ => 0.0,
        };
        if !(0.0..f64::INFINITY).contains(&deviation) {
            return Err(Error::new(Code::Parameter, format!("an occluder of deviation {deviation}")));
        }
        let seeded = |seed: u64| normal(picture, &mut ChaCha8Rng::seed_from_u64(seed));
        let with = match self {
            Occluder::Mean => With::Other(picture.zeros_like()),
            Occluder::Black => {
                let black: [f32; 3] = std::array::from_fn(|at| -normalisation.mean[at] / normalisation.std[at]);
                With::Other(
                    picture.zeros_like()
                        + Tensor::from_slice(&black)
                            .view([1, 3, 1, 1])
                            .to_device(picture.device())
                            .to_kind(picture.kind()),
                )
            }
            Occluder::Noise { seed } => With::Other(seeded(seed)),
            Occluder::Blur { sigma } => With::Other(blurred(picture, sigma)?),
            Occluder::Inpainted { noise, seed } => With::Around((noise > 0.0).then(|| seeded(seed) * noise)),
        };
        Ok(Cover { picture: picture.shallow_clone(), with })
    }
}

impl std::fmt::Display for Occluder {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Occluder::Black => "black",
            Occluder::Mean => "mean",
            Occluder::Blur { .. } => "blur",
            Occluder::Noise { .. } => "noise",
            Occluder::Inpainted { .. } => "inpainted",
        })
    }
}

/// A picture and what stands in the place of its pixels where they are hidden.
#[derive(Debug)]
pub struct Cover {
    picture: Tensor,
    with: With,
}

#[derive(Debug)]
enum With {
    /// The same pixel of another picture.
    Other(Tensor),
    /// What the pixels around say, and some noise.
    Around(Option<Tensor>),
}

impl Cover {
    /// A picture with the pixels of another one where they are hidden.
    #[cfg(test)]
    pub(super) fn with(picture: &Tensor, other: &Tensor) -> Self {
        Cover { picture: picture.shallow_clone(), with: With::Other(other.shallow_clone()) }
    }

    /// The picture with each of some sets of pixels hidden, `[n, 3, h, w]`.
    ///
    /// # Errors
    /// [`Code::Parameter`] for no set, or one of another size than the picture.
    pub fn hide(&self, hidden: &[PixelMask<Crop>]) -> Result<Tensor> {
        let size = self.picture.size();
        if hidden.is_empty() || hidden.iter().any(|mask| [1, 3, mask.size().0.into(), mask.size().1.into()] != size[..])
        {
            let sizes: Vec<_> = hidden.iter().map(PixelMask::size).collect();
            return Err(Error::new(Code::Parameter, format!("pixels of {sizes:?} hidden in a picture of {size:?}")));
        }
        let flags: Vec<bool> = hidden.iter().flat_map(|mask| mask.values()).copied().collect();
        let where_hidden = Tensor::from_slice(&flags)
            .view([hidden.len() as i64, 1, size[2], size[3]])
            .to_device(self.picture.device());
        let other = match &self.with {
            With::Other(other) => other.shallow_clone(),
            With::Around(noise) => {
                let filled = self.filled_in(hidden)?;
                noise.as_ref().map_or_else(|| filled.shallow_clone(), |noise| &filled + noise)
            }
        };
        Ok(other.f_where_self(&where_hidden, &self.picture)?)
    }

    fn filled_in(&self, hidden: &[PixelMask<Crop>]) -> Result<Tensor> {
        let planes = values_of(&self.picture)?;
        let all: Vec<f32> = hidden
            .par_iter()
            .flat_map_iter(|mask| {
                let mut planes = planes.clone();
                inpaint(&mut planes, mask);
                planes
            })
            .collect();
        let size = self.picture.size();
        let all = Tensor::from_slice(&all).view([hidden.len() as i64, 3, size[2], size[3]]);
        Ok(all.to_device(self.picture.device()).to_kind(self.picture.kind()))
    }
}

fn values_of(picture: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::<f32>::try_from(picture.to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous().view(-1))?)
}

/// A picture under a Gaussian, along its rows and then its columns.
fn blurred(picture: &Tensor, sigma: f64) -> Result<Tensor> {
    let size = picture.size();
    let (height, width) = (size[2] as usize, size[3] as usize);
    let radius = (4.0 * sigma + 0.5) as i64;
    let weights: Vec<f64> =
        (-radius..=radius).map(|at| (-0.5 * (at as f64 / sigma.max(1e-12)).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let along = |line: &[f64]| -> Vec<f64> {
        let one = |at: i64| {
            let weighted = weights.iter().enumerate();
            weighted.map(|(tap, weight)| weight * line[mirrored(at + tap as i64 - radius, line.len())]).sum::<f64>()
                / sum
        };
        (0..line.len() as i64).map(one).collect()
    };
    let values: Vec<f64> = values_of(picture)?.into_iter().map(f64::from).collect();
    let blurred = values.par_chunks(height * width).flat_map_iter(|plane| {
        let rows: Vec<Vec<f64>> = plane.chunks(width).map(along).collect();
        let columns: Vec<Vec<f64>> =
            (0..width).map(|col| along(&rows.iter().map(|row| row[col]).collect::<Vec<f64>>())).collect();
        (0..height * width).map(move |at| columns[at % width][at / width] as f32)
    });
    let blurred: Vec<f32> = blurred.collect();
    Ok(Tensor::from_slice(&blurred).view(&size[..]).to_device(picture.device()).to_kind(picture.kind()))
}

/// The place that a mirror at the first and the last of so many shows.
fn mirrored(at: i64, count: usize) -> usize {
    let last = count as i64 - 1;
    if last == 0 {
        return 0;
    }
    let at = at.rem_euclid(2 * last);
    at.min(2 * last - at) as usize
}
