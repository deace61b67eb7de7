//! What a network sees of a picture: a square of its own size.

use std::path::Path;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::decode::decode;
use super::frame::{Crop, Geometry};
use super::resize::{Kernel, cropped, resized};
use crate::error::{Code, Error, Result};

/// How a photograph becomes the square that a network sees: its shorter side is resized, then the centre is cropped, as
/// torchvision 0.26 does it with Pillow, to the byte. Crops, maps and masks for a network are of its own side.
///
/// ```
/// use lgf::pixels::{RgbImage, View};
///
/// let view = View::new(240, 240);
/// assert_eq!(view.crop(&RgbImage::new(500, 375))?.dimensions(), (240, 240));
/// assert_eq!(View::default(), View::new(256, 224));
/// # Ok::<(), lgf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The shorter side after resizing, in pixels.
    pub short: u32,
    /// Side of the square that is cut out of it.
    pub side: u32,
    /// How it is resized.
    #[serde(default)]
    pub kernel: Kernel,
}

/// How much of a picture a network sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// What it sees of a photograph: resized, and cut to the middle ([`View::crop`]); the field's usage for stimuli too.
    #[default]
    AsPhotograph,
    /// All of it, resized to the network's square ([`View::whole`]): what people see of a stimulus.
    Whole,
    /// Of 224 x 224 pixels all of it, of another size what it sees of a photograph ([`View::seen`]).
    BySize,
}

/// Largest side of a view: larger ones are mistakes.
const MAX_SIDE: u32 = 4096;

impl View {
    /// What most networks trained on ImageNet see: 224 x 224 of a shorter side of 256.
    pub const IMAGENET: View = View::new(256, Crop::SIDE);

    /// The square of `side` pixels in the middle of a picture whose shorter side is `short`, resized by the triangle filter.
    pub const fn new(short: u32, side: u32) -> Self {
        View { short, side, kernel: Kernel::Bilinear }
    }

    /// The same, resized by the cubic filter.
    pub const fn cubic(self) -> Self {
        View { kernel: Kernel::Bicubic, ..self }
    }

    /// Whether it may be the view of a network.
    ///
    /// # Errors
    /// [`Code::Parameter`] for a side of 0, a square larger than what it is cut from, and one beyond 4,096 pixels.
    pub fn check(&self) -> Result<()> {
        let View { short, side, .. } = *self;
        if side == 0 || side > short || short > MAX_SIDE {
            let found = format!("a view of {side} of {short} pixels, expected from 1 of 1 to {MAX_SIDE} of {MAX_SIDE}");
            return Err(Error::new(Code::Parameter, found)
                .hint("\"short\" is the shorter side after resizing, \"side\" that of the square cut out of it"));
        }
        Ok(())
    }

    /// Sizes and offsets for a photograph of `height` and `width`.
    ///
    /// # Errors
    /// [`Code::Parameter`] if a side is 0.
    pub fn geometry(&self, height: u32, width: u32) -> Result<Geometry> {
        Geometry::new((height, width), self.short, self.side)
    }

    /// What the network sees of a photograph.
    ///
    /// # Errors
    /// [`Code::Parameter`] if it is empty.
    pub fn crop(&self, photograph: &RgbImage) -> Result<RgbImage> {
        Ok(cropped(photograph, &self.geometry(photograph.height(), photograph.width())?, self.kernel))
    }

    /// The same of the photograph of a file.
    ///
    /// # Errors
    /// As [`decode`], with the path.
    pub fn of(&self, path: impl AsRef<Path>) -> Result<RgbImage> {
        let path = path.as_ref();
        decode(path).and_then(|photograph| self.crop(&photograph)).map_err(|error| error.or_path(path))
    }

    /// What the network sees of a picture of 224 x 224 pixels, which is whole: a stimulus, or a crop that was changed. It is not
    /// cut again; a network of another side sees it resized to its own.
    pub fn whole(&self, stimulus: &RgbImage) -> RgbImage {
        resized(stimulus, (self.side, self.side), self.kernel)
    }

    /// What the network sees of a picture of either sort: of 224 x 224 pixels it is whole, any other is a photograph.
    ///
    /// # Errors
    /// As [`View::crop`].
    pub fn seen(&self, picture: &RgbImage) -> Result<RgbImage> {
        match picture.dimensions() {
            (Crop::SIDE, Crop::SIDE) => Ok(self.whole(picture)),
            _ => self.crop(picture),
        }
    }

    /// What the network sees of a picture, as much as is said.
    ///
    /// # Errors
    /// As [`View::crop`].
    pub fn by(&self, sight: Sight, picture: &RgbImage) -> Result<RgbImage> {
        match sight {
            Sight::AsPhotograph => self.crop(picture),
            Sight::Whole => Ok(self.whole(picture)),
            Sight::BySize => self.seen(picture),
        }
    }
}

impl Default for View {
    fn default() -> Self {
        View::IMAGENET
    }
}

impl std::fmt::Display for View {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{} of {}, {}", self.side, self.short, self.kernel)
    }
}

/// The photograph of a file, its shorter side 256 pixels, cut to the middle 224 x 224 of them: [`View::IMAGENET`].
///
/// # Errors
/// As [`decode`], with the path.
///
/// ```
/// assert!(lgf::pixels::crop_of("no such photograph.JPEG").unwrap_err().file().is_some());
/// ```
pub fn crop_of(path: impl AsRef<Path>) -> Result<RgbImage> {
    View::IMAGENET.of(path)
}

/// What an ImageNet network sees of a photograph: shorter side to 256, centre 224 x 224.
///
/// # Errors
/// [`Code::Parameter`] if the picture is empty.
pub fn imagenet_crop(image: &RgbImage) -> Result<RgbImage> {
    View::IMAGENET.crop(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stimulus_is_whole_and_a_photograph_is_cut() {
        let picture =
            |width: u32, height: u32| RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 9]));
        assert_eq!(View::IMAGENET.seen(&picture(224, 224)).unwrap(), picture(224, 224));
        let (small, large) = (View::new(256, 224), View::new(342, 299));
        for view in [small, large, large.cubic()] {
            let seen = view.seen(&picture(224, 224)).unwrap();
            assert_eq!(seen.dimensions(), (view.side, view.side));
            // The corners of the stimulus are the corners of what is seen.
            assert!(seen.get_pixel(0, 0)[0] < 3 && seen.get_pixel(view.side - 1, 0)[0] > 220, "{view}");
            assert!(view.seen(&picture(500, 250)).unwrap().get_pixel(0, 0)[0] > 10, "{view}");
        }
        assert!(large.check().is_ok());
        for wrong in [View::new(100, 101), View::new(0, 0), View::new(5000, 5000)] {
            assert_eq!(wrong.check().unwrap_err().code(), Code::Parameter);
        }
    }
}
