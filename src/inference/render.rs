//! Variants of a crop made on the device, as a batch of bytes: pixels moved about by their numbers, boxes filled.

use image::RgbImage;
use tch::{Kind, Tensor};

use super::device::Device;
use crate::datasets::{Drawn, block_sources};
use crate::error::{Code, Error, Result};
use crate::models::Normalisation;
use crate::pixels::View;

/// One photograph's crop on a device.
pub(super) struct Studio<'a> {
    crop: &'a RgbImage,
    /// The crop as `[pixels, 3]`, where it was last wanted.
    pixels: Option<(Device, Tensor)>,
}

impl<'a> Studio<'a> {
    pub(super) fn new(crop: &'a RgbImage) -> Self {
        Studio { crop, pixels: None }
    }

    /// The changed crops as bytes, `[n, height, width, 3]`.
    pub(super) fn batch(&mut self, variants: &[&Drawn], device: Device) -> Result<Tensor> {
        let (height, width) = (i64::from(self.crop.height()), i64::from(self.crop.width()));
        if self.pixels.as_ref().is_none_or(|(other, _)| *other != device) {
            self.pixels = Some((device, bytes(self.crop, device)?.view([height * width, 3])));
        }
        let (_, pixels) = self.pixels.as_ref().ok_or_else(|| Error::new(Code::Model, "no crop on the device"))?;
        let moved = |sources: &[u32]| -> Result<Tensor> {
            let sources: Vec<i64> = sources.iter().copied().map(i64::from).collect();
            Ok(pixels.f_index_select(0, &Tensor::from_slice(&sources).to_device(device.tch()))?)
        };
        let mut pictures = Vec::with_capacity(variants.len());
        for variant in variants {
            let picture = match variant {
                Drawn::Crop => pixels.copy(),
                Drawn::Blocks { block, order } => moved(&block_sources(self.crop.dimensions(), *block, order)?)?,
                Drawn::Sources(sources) => moved(sources)?,
                Drawn::Boxes { boxes, filling } => {
                    let (picture, filling) = (pixels.copy(), bytes(filling, device)?);
                    let square = picture.view([height, width, 3]);
                    for area in boxes {
                        let of = |tensor: &Tensor| {
                            let rows = tensor.narrow(0, i64::from(area.row), i64::from(area.height));
                            rows.narrow(1, i64::from(area.col), i64::from(area.width))
                        };
                        of(&square).copy_(&of(&filling));
                    }
                    picture
                }
                Drawn::Picture(picture) => bytes(picture, device)?.view([height * width, 3]),
            };
            pictures.push(picture);
        }
        Ok(Tensor::f_stack(&pictures, 0)?.view([variants.len() as i64, height, width, 3]))
    }
}

/// Whole pictures as networks of a view see them: the very bytes of [`View::whole`].
pub(super) fn seen(pictures: &Tensor, view: View) -> Result<Tensor> {
    let size = pictures.size();
    if size[1..3] == [i64::from(view.side); 2] {
        return Ok(pictures.shallow_clone());
    }
    let resized = (0..size[0]).map(|picture| {
        let flat = pictures.get(picture).to_device(tch::Device::Cpu).contiguous().view(-1);
        let picture = RgbImage::from_raw(size[2] as u32, size[1] as u32, Vec::<u8>::try_from(flat)?);
        let picture = picture.ok_or_else(|| Error::new(Code::Model, "a picture of another size than its bytes"))?;
        let shape = [i64::from(view.side), i64::from(view.side), 3];
        Ok(Tensor::f_from_data_size(view.whole(&picture).as_raw(), &shape, Kind::Uint8)?)
    });
    Ok(Tensor::f_stack(&resized.collect::<Result<Vec<Tensor>>>()?, 0)?.to_device(pictures.device()))
}

fn bytes(picture: &RgbImage, device: Device) -> Result<Tensor> {
    let shape = [i64::from(picture.height()), i64::from(picture.width()), 3];
    Ok(Tensor::f_from_data_size(picture.as_raw(), &shape, Kind::Uint8)?.to_device(device.tch()))
}

/// Bytes `[n, h, w, 3]` as a normalised batch `[n, 3, h, w]`: the very numbers of [`to_input`](super::to_input), looked up.
pub(super) fn normalised(bytes: &Tensor, normalisation: &Normalisation) -> Result<Tensor> {
    let channels: Result<Vec<Tensor>> = normalisation
        .tables()
        .iter()
        .enumerate()
        .map(|(channel, table)| {
            let plane = bytes.select(3, channel as i64);
            let shape = plane.size();
            let indices = plane.f_reshape([-1])?.to_kind(Kind::Int64);
            let table = Tensor::from_slice(table).to_device(bytes.device());
            Ok(table.f_index_select(0, &indices)?.view(&shape[..]))
        })
        .collect();
    Ok(Tensor::f_stack(&channels?, 3)?.permute([0, 3, 1, 2]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Battery, Canvas, L0, Parameters, Recipe, plan};

    #[test]
    fn what_a_device_makes_is_what_is_drawn_and_normalised_by_the_processor() {
        let crop = RgbImage::from_fn(224, 224, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
        let mut parameters = Parameters::default();
        (parameters.smoothing.passes, parameters.smoothing.difference_pass) = (1, 1);
        let smoother = L0::default();
        let (mut studio, mut canvas) = (Studio::new(&crop), Canvas::new((&crop, &crop), "a", 7, &smoother));
        let mut recipes: Vec<Recipe> = plan("a", 224, &parameters).unwrap().into_iter().step_by(3).collect();
        let battery = Battery::default().everything().unwrap().parameters(&parameters);
        recipes.extend(plan("a", 224, &battery).unwrap().into_iter().step_by(5));
        for recipe in recipes {
            let drawn = recipe.draw(&mut canvas).unwrap();
            let made = studio.batch(&[&drawn, &Drawn::Crop], Device::Cpu).unwrap();
            let pictures = [drawn.picture(&crop).unwrap().into_owned(), crop.clone()];
            let expected = super::super::to_input(&pictures, &Normalisation::imagenet(), Device::Cpu).unwrap();
            let found = normalised(&made, &Normalisation::imagenet()).unwrap();
            assert_eq!(found.size(), expected.size());
            assert!(found.eq_tensor(&expected).all().int64_value(&[]) == 1, "{}", recipe.name);
        }
    }
}
