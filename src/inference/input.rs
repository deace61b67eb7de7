//! What is done to the values of pictures before a network sees them.

use image::RgbImage;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::device::Device;
use crate::error::{Code, Error, Result};
use crate::models::{Network, Normalisation};

/// Whether pictures are normalised (fault B1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// Each network's own way, as it was trained.
    AsTrained,
    /// Not at all: what the published study gave to its networks.
    Never,
}

impl Normalise {
    /// What is done for a network.
    pub fn of(self, network: &Network) -> Normalisation {
        match self {
            Normalise::AsTrained => *network.normalisation(),
            Normalise::Never => Normalisation::none(),
        }
    }
}

/// A batch `[n, 3, h, w]` of pictures of one size, normalised; in memory with the channels last.
///
/// # Errors
/// [`Code::Parameter`] if there is no picture or the sizes differ.
///
/// ```
/// use lgf::inference::{Device, to_input};
/// use lgf::models::Normalisation;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let white = RgbImage::from_pixel(4, 2, Rgb([255; 3]));
/// let input = to_input(&[white], &Normalisation::none(), Device::Cpu)?;
/// assert_eq!(input.size(), [1, 3, 2, 4]);
/// assert_eq!(input.double_value(&[0, 2, 1, 3]), 1.0);
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn to_input(pictures: &[RgbImage], normalisation: &Normalisation, device: Device) -> Result<Tensor> {
    let Some(first) = pictures.first() else {
        return Err(Error::new(Code::Parameter, "a batch of no pictures"));
    };
    let (width, height) = first.dimensions();
    if let Some(other) = pictures.iter().find(|picture| picture.dimensions() != (width, height)) {
        let found = format!("pictures of {height} x {width} and {} x {} in one batch", other.height(), other.width());
        return Err(Error::new(Code::Parameter, found));
    }
    let [red, green, blue] = normalisation.tables();
    let mut values = vec![0f32; pictures.len() * first.as_raw().len()];
    for (target, picture) in values.chunks_exact_mut(first.as_raw().len()).zip(pictures) {
        for (value, byte) in target.as_chunks_mut::<3>().0.iter_mut().zip(picture.as_raw().as_chunks::<3>().0) {
            *value = [red[usize::from(byte[0])], green[usize::from(byte[1])], blue[usize::from(byte[2])]];
        }
    }
    let shape = [pictures.len() as i64, i64::from(height), i64::from(width), 3];
    Ok(Tensor::from_slice(&values).view(shape).permute([0, 3, 1, 2]).to_device(device.tch()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_normalised_channel_by_channel() {
        let picture = RgbImage::from_pixel(2, 1, image::Rgb([0, 255, 51]));
        let input = to_input(&[picture], &Normalisation::none(), Device::Cpu).unwrap();
        let values = Vec::<f32>::try_from(input.contiguous().view(-1)).unwrap();
        assert_eq!(values, [0.0, 0.0, 1.0, 1.0, 0.2, 0.2]);
    }

    #[test]
    fn pictures_of_two_sizes_are_no_batch() {
        let pictures = [RgbImage::new(2, 2), RgbImage::new(2, 3)];
        assert!(
            to_input(&pictures, &Normalisation::none(), Device::Cpu).unwrap_err().to_string().contains("one batch")
        );
        assert!(to_input(&[], &Normalisation::none(), Device::Cpu).is_err());
    }
}
