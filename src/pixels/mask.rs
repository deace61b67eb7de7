use std::marker::PhantomData;

use image::{GrayImage, Luma};

use super::frame::{Frame, Pixel, PixelBox};
use crate::error::{Code, Error, Result};

/// A set of pixels of a picture in frame `F`: edges, a box, a region of relevance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PixelMask<F: Frame> {
    height: u32,
    width: u32,
    inside: Vec<bool>,
    frame: PhantomData<F>,
}

impl<F: Frame> PixelMask<F> {
    /// The empty mask of a size.
    pub fn empty(height: u32, width: u32) -> Self {
        PixelMask { height, width, inside: vec![false; height as usize * width as usize], frame: PhantomData }
    }

    /// A mask from one value a pixel, row by row.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the number of values is not `height * width`.
    pub fn from_values(height: u32, width: u32, inside: Vec<bool>) -> Result<Self> {
        if inside.len() != height as usize * width as usize {
            let found = format!("a mask of {height} x {width} needs {} values, found {}", height * width, inside.len());
            return Err(Error::new(Code::Parameter, found));
        }
        Ok(PixelMask { height, width, inside, frame: PhantomData })
    }

    /// The pixels of a grey picture that are not black.
    pub(crate) fn from_gray(image: &GrayImage) -> Self {
        let inside = image.as_raw().iter().map(|&value| value > 0).collect();
        PixelMask { height: image.height(), width: image.width(), inside, frame: PhantomData }
    }

    /// The mask of a box in a picture of `height` x `width`; what lies outside the picture is left out.
    pub fn from_box(height: u32, width: u32, object: &PixelBox<F>) -> Self {
        let mut mask = PixelMask::empty(height, width);
        for row in object.row..(object.row + object.height).min(height) {
            for col in object.col..(object.col + object.width).min(width) {
                mask.inside[(row * width + col) as usize] = true;
            }
        }
        mask
    }

    /// Height and width.
    pub fn size(&self) -> (u32, u32) {
        (self.height, self.width)
    }

    /// One value a pixel, row by row.
    pub fn values(&self) -> &[bool] {
        &self.inside
    }

    /// Whether a pixel is in the set; one outside the picture is not.
    pub fn contains(&self, pixel: Pixel<F>) -> bool {
        pixel.row < self.height && pixel.col < self.width && self.inside[(pixel.row * self.width + pixel.col) as usize]
    }

    /// Number of pixels in the set.
    pub fn count(&self) -> u64 {
        self.inside.iter().filter(|&&inside| inside).count() as u64
    }

    /// The pixels in the set, row by row.
    pub fn pixels(&self) -> Vec<Pixel<F>> {
        let width = self.width as usize;
        let index = self.inside.iter().enumerate().filter(|(_, inside)| **inside).map(|(index, _)| index);
        index.map(|index| Pixel::at((index / width) as u32, (index % width) as u32)).collect()
    }

    /// The pixels in both sets.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the sizes differ.
    pub fn and(&self, other: &PixelMask<F>) -> Result<PixelMask<F>> {
        self.check_size(other)?;
        let inside = self.inside.iter().zip(&other.inside).map(|(a, b)| *a && *b).collect();
        Ok(PixelMask { inside, ..self.clone() })
    }

    /// The pixels in either set.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the sizes differ.
    pub fn or(&self, other: &PixelMask<F>) -> Result<PixelMask<F>> {
        self.check_size(other)?;
        let inside = self.inside.iter().zip(&other.inside).map(|(a, b)| *a || *b).collect();
        Ok(PixelMask { inside, ..self.clone() })
    }

    /// The pixels that are not inside.
    pub fn not(&self) -> PixelMask<F> {
        let inside = self.inside.iter().map(|inside| !inside).collect();
        PixelMask { inside, ..self.clone() }
    }

    /// The number of pixels in both sets, without building their mask.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the sizes differ.
    pub(crate) fn shared_count(&self, other: &PixelMask<F>) -> Result<u64> {
        self.check_size(other)?;
        Ok(self.inside.iter().zip(&other.inside).filter(|(a, b)| **a && **b).count() as u64)
    }

    /// The set moved by whole rows and columns; what leaves on one side comes in on the other.
    pub fn shifted(&self, rows: i64, cols: i64) -> PixelMask<F> {
        let (height, width) = (i64::from(self.height), i64::from(self.width));
        let mut moved = PixelMask::empty(self.height, self.width);
        for pixel in self.pixels() {
            let row = (i64::from(pixel.row) + rows).rem_euclid(height);
            let col = (i64::from(pixel.col) + cols).rem_euclid(width);
            moved.inside[(row * width + col) as usize] = true;
        }
        moved
    }

    /// Black and white: 255 inside, 0 outside.
    pub fn to_gray(&self) -> GrayImage {
        GrayImage::from_fn(self.width, self.height, |x, y| {
            Luma([if self.inside[(y * self.width + x) as usize] { 255 } else { 0 }])
        })
    }

    fn check_size(&self, other: &PixelMask<F>) -> Result<()> {
        if self.size() == other.size() {
            return Ok(());
        }
        let (a, b) = (self.size(), other.size());
        let found = format!("masks in the {} frame differ in size: {} x {} and {} x {}", F::NAME, a.0, a.1, b.0, b.1);
        Err(Error::new(Code::Parameter, found))
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Crop;
    use super::*;

    #[test]
    fn a_box_mask_counts_its_area() {
        let object = PixelBox::<Crop>::at(2, 3).of_size(4, 5);
        let mask = PixelMask::from_box(10, 10, &object);
        assert_eq!(mask.count(), object.area());
        assert!(mask.pixels().into_iter().all(|pixel| object.contains(pixel)));
    }

    #[test]
    fn shifting_keeps_the_count_and_comes_back() {
        let mask = PixelMask::from_box(6, 7, &PixelBox::<Crop>::at(1, 1).of_size(2, 3));
        assert_eq!(mask.shifted(4, -5).count(), mask.count());
        assert_eq!(mask.shifted(4, -5).shifted(-4, 5), mask);
    }

    #[test]
    fn masks_of_two_sizes_cannot_be_compared() {
        let error = PixelMask::<Crop>::empty(2, 2).shared_count(&PixelMask::empty(2, 3)).unwrap_err();
        assert!(error.to_string().contains("2 x 2 and 2 x 3"), "{error}");
    }
}
