//! The smoother of the published study: a residual network trained on edge-preserving smoothing.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::RgbImage;
use tch::{Kind, Tensor};

use super::device::Device;
use super::engine::Engine;
use crate::datasets::{L0, Smoother};
use crate::error::{Code, Error, Result};
use crate::models::{Network, Smoothing, Weights, read_tensorflow, smoothing};
use crate::stage::code_of;
use crate::study::Study;

/// The ResNet of Zhu et al. 2019, "A benchmark for edge-preserving image smoothing" (`SRGAN_delta`): a picture in [-1, 1]
/// plus what the network adds to it.
#[derive(Debug)]
pub struct Eps {
    // Tensors are not shared between threads; one pass at a time uses all cores.
    network: Mutex<Engine>,
    identity: String,
}

impl Eps {
    /// From a TensorFlow checkpoint, named without `.index`: `checkpoint_delta/model-345002`. Its numbers of features and
    /// blocks are read off the tensors.
    ///
    /// # Errors
    /// As [`read_tensorflow`]; [`Code::Checkpoint`] if the tensors are not those of such a network.
    pub fn load(checkpoint: impl AsRef<Path>, device: Device) -> Result<Self> {
        let path = checkpoint.as_ref();
        let weights = read_tensorflow(path, own_name)?;
        let weights: Weights = weights
            .into_iter()
            .map(|(name, tensor)| match tensor.size()[..] {
                // TensorFlow keeps kernels as height, width, in, out.
                [_, _, _, _] => Ok((name, tensor.f_permute([3, 2, 0, 1])?.contiguous())),
                _ => Ok((name, tensor)),
            })
            .collect::<Result<_>>()?;
        let blocks = (0..).take_while(|block| weights.contains_key(&format!("n64s1/c1/{block}.weight"))).count();
        let outputs = |key: &str| {
            let missing = || Error::new(Code::Checkpoint, format!("no tensor SRGAN_g/{key}/W_conv2d")).path(path);
            weights.get(&format!("{key}.weight")).map(|kernel| kernel.size()[0]).ok_or_else(missing)
        };
        let table = Smoothing { features: outputs("n64s1/c")?, blocks, wide: outputs("n256s1/1")? };
        let network = Network::new("EPS ResNet", &smoothing(&table), weights)
            .and_then(|network| Engine::new(network, device).folded())
            .map_err(|error| error.or_path(path))?;
        let identity = format!("EPS ResNet {}", network.fingerprint()?);
        Ok(Eps { network: Mutex::new(network), identity })
    }

    /// What the network makes of a picture: red, green and blue of each pixel, row by row, 0 to 255, not yet rounded; in double
    /// precision from the network's own numbers on, as the study's notebook 4, cell 67.
    ///
    /// # Errors
    /// [`Code::Model`] and [`Code::Device`] from the network; [`Code::Numeric`] if a value is not finite.
    pub fn output(&self, picture: &RgbImage) -> Result<Vec<f64>> {
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = [1, i64::from(picture.height()), i64::from(picture.width()), 3];
        let bytes = Tensor::f_from_data_size(picture.as_raw(), &shape, Kind::Uint8)?.to_device(network.device().tch());
        let x = (bytes.to_kind(Kind::Float) / 127.5 - 1.0).f_permute([0, 3, 1, 2])?.contiguous();
        let y = network.forward(&x)?;
        // Before the clamp, which makes 255 of infinity.
        if y.isfinite().all().int64_value(&[]) == 0 {
            return Err(network.not_finite("pixels", &x));
        }
        let y = y.f_permute([0, 2, 3, 1])?.to_device(tch::Device::Cpu).to_kind(Kind::Float);
        let y = Vec::<f32>::try_from(y.contiguous().view(-1))?;
        Ok(y.into_iter().map(|y| ((f64::from(y) + 1.0) / 2.0 * 255.0).clamp(0.0, 255.0)).collect())
    }
}

impl Smoother for Eps {
    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn code(&self) -> &'static str {
        code_of("inference")
    }

    fn pass(&self, picture: &RgbImage) -> Result<RgbImage> {
        let bytes = self.output(picture)?.into_iter().map(byte).collect();
        RgbImage::from_raw(picture.width(), picture.height(), bytes)
            .ok_or_else(|| Error::new(Code::Model, "the smoother gave a picture of another size"))
    }
}

/// A value from 0 to 255 as the study's files have it: imageio 2 writes numbers from 0 to 1, `x * 255 + 0.499999999` cut off.
fn byte(value: f64) -> u8 {
    (value / 255.0 * 255.0 + 0.499999999) as u8
}

/// TensorLayer's name of a variable as this library names it; `None` for the optimiser's.
fn own_name(variable: &str) -> Option<String> {
    let (key, part) = variable.strip_prefix("SRGAN_g/")?.rsplit_once('/')?;
    let part = match part {
        "W_conv2d" | "gamma" => "weight",
        "b_conv2d" | "beta" => "bias",
        "moving_mean" => "running_mean",
        "moving_variance" => "running_var",
        _ => return None,
    };
    Some(format!("{key}.{part}"))
}

/// What smooths the study's photographs: its own network, or else `l0`.
///
/// # Errors
/// As [`Eps::load`].
pub(crate) fn study_smoother(study: &Study, l0: &L0, device: Device) -> Result<Box<dyn Smoother>> {
    Ok(match study.smoother_checkpoint() {
        Some(checkpoint) => Box::new(Eps::load(checkpoint, device)?),
        None => Box::new(*l0),
    })
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::finite;
    use super::*;

    #[test]
    fn a_half_is_rounded_down_as_imageio_does() {
        assert_eq!([0.0, 0.5, 0.50000001, 127.5, 254.5, 254.6, 255.0].map(byte), [0, 0, 1, 127, 254, 255, 255]);
    }

    #[test]
    fn names_are_translated_and_the_optimisers_left_out() {
        assert_eq!(own_name("SRGAN_g/n64s1/b1/3/moving_variance").unwrap(), "n64s1/b1/3.running_var");
        assert_eq!(own_name("SRGAN_g/out/W_conv2d").unwrap(), "out.weight");
        assert_eq!(own_name("SRGAN_g/out/W_conv2d/Adam"), None);
        assert_eq!(own_name("beta1_power"), None);
    }

    #[test]
    fn bad_input_79_what_is_not_finite_is_no_pixel() {
        let mut rng = ChaCha8Rng::seed_from_u64(79);
        let table = smoothing(&Smoothing { features: 64, blocks: 1, wide: 16 });
        let mut weights = Weights::new();
        for parameter in table.nodes().iter().flat_map(|node| node.layer.parameters()) {
            let least = if parameter.part == crate::models::Part::Variance { 0.5 } else { -0.1 };
            let count = parameter.shape.iter().product::<i64>();
            let values: Vec<f32> = (0..count).map(|_| rng.random_range(least..least + 0.2)).collect();
            weights.insert(parameter.name, Tensor::from_slice(&values).view(&parameter.shape[..]));
        }
        let network = Engine::new(Network::new("EPS ResNet", &table, weights).unwrap(), Device::Cpu);
        let picture = RgbImage::from_fn(20, 13, |x, y| image::Rgb([x as u8 * 12, y as u8 * 19, 90]));
        let (mut refused, mut drawn) = (0, 0);
        for case in 0..48 {
            let value = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0][case % 4];
            let (broken, _, place) = finite::injected(&network, &mut rng, value);
            let folded = broken.folded().unwrap();
            let bytes = Tensor::from_slice(picture.as_raw()).view([1, 13, 20, 3]).permute([0, 3, 1, 2]);
            let expected = finite::plainly(&broken, &(bytes.to_kind(Kind::Float) / 127.5 - 1.0)).pop().unwrap();
            let eps = Eps { network: Mutex::new(folded), identity: String::new() };
            match eps.pass(&picture) {
                Ok(found) => {
                    let expected = ((expected + 1.0) * 127.5).clamp(0.0, 255.0).permute([0, 2, 3, 1]);
                    let apart =
                        found.as_raw().iter().zip(finite::values(&expected)).map(|(a, b)| (f64::from(*a) - b).abs());
                    // NaN is not near anything.
                    assert_eq!(apart.filter(|apart| apart.is_nan() || *apart > 0.51).count(), 0, "{value} in {place}");
                    drawn += 1;
                }
                Err(error) => {
                    assert_eq!(expected.isfinite().all().int64_value(&[]), 0, "{value} in {place}: {error}");
                    assert_eq!(error.code(), Code::Numeric);
                    assert!(error.to_string().contains("pixels of EPS ResNet are not finite; "), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 12 && drawn > 12, "{refused} and {drawn}");
    }
}
