use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// A coordinate frame: which picture a position is a position in.
pub trait Frame: Copy + Clone + fmt::Debug + PartialEq + Eq + Send + Sync + 'static {
    /// The frame's name in tables and messages.
    const NAME: &'static str;
}

/// The photograph as it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Original;
/// The photograph after its shorter side was resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resized;
/// The square that a network sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop;

impl Crop {
    /// Its side in pixels: what networks trained on ImageNet take.
    pub const SIDE: u32 = 224;
}

impl Frame for Original {
    const NAME: &'static str = "original";
}
impl Frame for Resized {
    const NAME: &'static str = "resized";
}
impl Frame for Crop {
    const NAME: &'static str = "crop";
}

/// One pixel: row and column, from 0, in frame `F`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pixel<F: Frame> {
    /// Row, from the top.
    pub row: u32,
    /// Column, from the left.
    pub col: u32,
    frame: PhantomData<F>,
}

impl<F: Frame> Pixel<F> {
    /// The pixel at `(row, col)`.
    pub fn at(row: u32, col: u32) -> Self {
        Pixel { row, col, frame: PhantomData }
    }
}

/// A rectangle of whole pixels in frame `F`: its first row and column, its height and width (at least 1 each).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct PixelBox<F: Frame> {
    /// First row inside.
    pub row: u32,
    /// First column inside.
    pub col: u32,
    /// Rows inside.
    pub height: u32,
    /// Columns inside.
    pub width: u32,
    #[serde(skip)]
    frame: PhantomData<F>,
}

/// The corner of a [`PixelBox`] that still lacks its size.
#[derive(Debug, Clone, Copy)]
pub struct Corner<F: Frame>(Pixel<F>);

impl<F: Frame> Corner<F> {
    /// The box of `height` rows and `width` columns that begins at this corner; an empty side counts as 1.
    pub fn of_size(self, height: u32, width: u32) -> PixelBox<F> {
        PixelBox { row: self.0.row, col: self.0.col, height: height.max(1), width: width.max(1), frame: PhantomData }
    }
}

impl<F: Frame> PixelBox<F> {
    /// Begins a box at `(row, col)`; `of_size(height, width)` completes it.
    pub fn at(row: u32, col: u32) -> Corner<F> {
        Corner(Pixel::at(row, col))
    }

    /// Whether the pixel lies inside.
    pub fn contains(&self, pixel: Pixel<F>) -> bool {
        (self.row..self.row + self.height).contains(&pixel.row)
            && (self.col..self.col + self.width).contains(&pixel.col)
    }

    /// Number of pixels inside.
    pub fn area(&self) -> u64 {
        u64::from(self.height) * u64::from(self.width)
    }

    /// The last row inside.
    pub(crate) fn last_row(&self) -> u32 {
        self.row + self.height - 1
    }

    /// The last column inside.
    pub(crate) fn last_col(&self) -> u32 {
        self.col + self.width - 1
    }
}

/// How a photograph of one size becomes the square a network sees: the shorter side is resized, then the centre is
/// cropped. Equal to torchvision's `Resize` and `CenterCrop` (0.26) in every size and offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Height and width of the photograph.
    pub original: (u32, u32),
    /// Height and width after resizing.
    pub resized: (u32, u32),
    /// First row and column of the crop, in the resized picture; negative where that is smaller than the crop.
    pub offset: (i64, i64),
    /// Side of the square crop.
    pub crop: u32,
}

impl Geometry {
    /// The usual ImageNet form: shorter side 256, centre 224.
    ///
    /// # Errors
    /// [`Code::Parameter`] if a side is 0.
    pub fn imagenet(height: u32, width: u32) -> Result<Self> {
        Geometry::new((height, width), 256, 224)
    }

    /// Shorter side to `short`, then the centre square of side `crop`, for a photograph of `(height, width)`.
    ///
    /// # Errors
    /// [`Code::Parameter`] if a side is 0.
    pub fn new((height, width): (u32, u32), short: u32, crop: u32) -> Result<Self> {
        if height == 0 || width == 0 || short == 0 || crop == 0 {
            let found = format!("cannot crop {crop} out of {height} x {width} resized to {short}: a side is 0");
            return Err(Error::new(Code::Parameter, found));
        }
        let long = |long: u32, side: u32| (u64::from(short) * u64::from(long) / u64::from(side)) as u32;
        let resized = if height <= width { (short, long(width, height)) } else { (long(height, width), short) };
        let offset = |side: u32| round_half_to_even(i64::from(side) - i64::from(crop));
        Ok(Geometry { original: (height, width), resized, offset: (offset(resized.0), offset(resized.1)), crop })
    }

    /// The scales from original to resized pixels, `(vertical, horizontal)`.
    pub fn scale(&self) -> (f64, f64) {
        (f64::from(self.resized.0) / f64::from(self.original.0), f64::from(self.resized.1) / f64::from(self.original.1))
    }

    /// The part of a box that is visible in the crop, grown to whole pixels, or `None` where nothing is.
    pub fn box_to_crop(&self, object: &PixelBox<Original>) -> Option<PixelBox<Crop>> {
        let (vertical, horizontal) = self.scale();
        let span = |first: u32, count: u32, scale: f64, offset: i64| {
            let low = (f64::from(first) * scale).floor() as i64 - offset;
            let high = (f64::from(first + count) * scale).ceil() as i64 - offset;
            let (low, high) = (low.max(0), high.min(i64::from(self.crop)));
            (low < high).then(|| (low as u32, (high - low) as u32))
        };
        let (row, height) = span(object.row, object.height, vertical, self.offset.0)?;
        let (col, width) = span(object.col, object.width, horizontal, self.offset.1)?;
        Some(PixelBox::at(row, col).of_size(height, width))
    }
}

/// Half of an integer, rounded as Python's `round` does.
fn round_half_to_even(twice: i64) -> i64 {
    let floor = twice.div_euclid(2);
    if twice.rem_euclid(2) == 1 && floor.rem_euclid(2) == 1 { floor + 1 } else { floor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_round_half_to_even() {
        // Python: [round(d / 2) for d in (117, 119, -31, -29, 32)] == [58, 60, -16, -14, 16]
        let halves: Vec<i64> = [117, 119, -31, -29, 32].into_iter().map(round_half_to_even).collect();
        assert_eq!(halves, [58, 60, -16, -14, 16]);
    }

    #[test]
    fn the_crop_of_a_landscape_photograph() {
        let geometry = Geometry::imagenet(375, 500).unwrap();
        assert_eq!(geometry.resized, (256, 341));
        assert_eq!(geometry.offset, (16, 58));
    }

    #[test]
    fn a_box_outside_the_crop_is_none() {
        let geometry = Geometry::imagenet(300, 900).unwrap();
        assert_eq!(geometry.box_to_crop(&PixelBox::at(0, 0).of_size(100, 100)), None);
        let whole = geometry.box_to_crop(&PixelBox::at(0, 0).of_size(300, 900)).unwrap();
        assert_eq!((whole.row, whole.col, whole.height, whole.width), (0, 0, 224, 224));
    }

    #[test]
    fn sides_of_zero_are_refused() {
        assert!(Geometry::imagenet(0, 10).is_err());
    }
}
