use std::marker::PhantomData;

use super::frame::{Frame, Pixel};
use super::mask::PixelMask;
use crate::error::{Code, Error, Result};

/// One signed value a pixel of a picture in frame `F`: relevance, summed over the colour channels.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap<F: Frame> {
    height: u32,
    width: u32,
    values: Vec<f32>,
    frame: PhantomData<F>,
}

impl<F: Frame> HeatMap<F> {
    /// A map from its values, row by row.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the number of values is not `height * width`, [`Code::Numeric`] if one is not finite.
    pub fn from_values(height: u32, width: u32, values: Vec<f32>) -> Result<Self> {
        if values.len() != height as usize * width as usize {
            let found = format!("a map of {height} x {width} needs {} values, found {}", height * width, values.len());
            return Err(Error::new(Code::Parameter, found));
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let place = format!("row {}, col {}", index / width as usize, index % width as usize);
            return Err(Error::new(Code::Numeric, format!("the map holds {}", values[index])).place(place));
        }
        Ok(HeatMap { height, width, values, frame: PhantomData })
    }

    /// Height and width.
    pub fn size(&self) -> (u32, u32) {
        (self.height, self.width)
    }

    /// The values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Where masks are, over all of them: the share that has each pixel, smoothed by a Gaussian of `sigma` pixels.
    ///
    /// # Errors
    /// What a mask gives; [`Code::Parameter`] without a mask, if their sizes differ, or for a `sigma` that is not above 0 and at
    /// most 1,000.
    pub fn density(masks: impl IntoIterator<Item = Result<PixelMask<F>>>, sigma: f32) -> Result<Self> {
        if !(f32::MIN_POSITIVE..=1000.0).contains(&sigma) {
            let found = format!("a density smoothed by {sigma} pixels, expected more than 0, and at most 1000");
            return Err(Error::new(Code::Parameter, found));
        }
        let (mut counts, mut count, mut size) = (Vec::new(), 0, (0, 0));
        for mask in masks {
            let mask = mask?;
            if count == 0 {
                (counts, size) = (vec![0.0f32; mask.values().len()], mask.size());
            } else if mask.size() != size {
                return Err(Error::new(Code::Parameter, format!("masks of {size:?} and {:?}", mask.size())));
            }
            counts.iter_mut().zip(mask.values()).for_each(|(count, inside)| *count += f32::from(u8::from(*inside)));
            count += 1;
        }
        if count == 0 {
            return Err(Error::new(Code::Parameter, "the density of no masks"));
        }
        let shares = counts.into_iter().map(|value| value / count as f32).collect();
        let shares =
            image::ImageBuffer::<image::Luma<f32>, Vec<f32>>::from_raw(size.1, size.0, shares).unwrap_or_default();
        HeatMap::from_values(size.0, size.1, imageproc::filter::gaussian_blur_f32(&shares, sigma).into_raw())
    }

    /// The sum of all values.
    pub fn sum(&self) -> f64 {
        self.values.iter().map(|&value| f64::from(value)).sum()
    }

    /// Pixels above the mean of the positive values (the published study's positive region).
    pub fn positive_region(&self) -> PixelMask<F> {
        let mean = mean(self.values.iter().filter(|value| **value > 0.0));
        self.mask_where(|value| value > 0.0 && f64::from(value) > mean)
    }

    /// Pixels below the mean of the negative values (the published study's negative region).
    pub(crate) fn negative_region(&self) -> PixelMask<F> {
        let mean = mean(self.values.iter().filter(|value| **value < 0.0));
        self.mask_where(|value| value < 0.0 && f64::from(value) < mean)
    }

    /// The `count` pixels of highest value; of equal values the first in row order. Regions of one size are
    /// comparable between networks.
    pub fn top(&self, count: usize) -> PixelMask<F> {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_by(|&a, &b| self.values[b].total_cmp(&self.values[a]).then(a.cmp(&b)));
        let mut inside = vec![false; self.values.len()];
        order.into_iter().take(count).for_each(|index| inside[index] = true);
        PixelMask::from_values(self.height, self.width, inside).expect("one value a pixel")
    }

    /// The fewest pixels that hold a share (0 to 1) of the positive values' sum, highest first; empty where nothing is
    /// positive. Regions of one mass are comparable between networks.
    pub(crate) fn mass_region(&self, share: f64) -> PixelMask<F> {
        let mut positive: Vec<f32> = self.values.iter().copied().filter(|value| *value > 0.0).collect();
        positive.sort_by(|a, b| b.total_cmp(a));
        let total: f64 = positive.iter().map(|&value| f64::from(value)).sum();
        let mut sum = 0.0;
        let enough = positive.iter().position(|&value| {
            sum += f64::from(value);
            sum >= share * total
        });
        self.top(enough.map_or(0, |last| last + 1))
    }

    /// The means of the positive and of the negative values; 0 where there is none.
    pub(crate) fn signed_means(&self) -> (f64, f64) {
        (mean(self.values.iter().filter(|value| **value > 0.0)), mean(self.values.iter().filter(|value| **value < 0.0)))
    }

    /// The pixel of highest value; of equal ones the first in row order.
    pub fn peak(&self) -> Option<Pixel<F>> {
        let best =
            (0..self.values.len()).reduce(|best, at| if self.values[at] > self.values[best] { at } else { best })?;
        Some(Pixel::at(best as u32 / self.width, best as u32 % self.width))
    }

    /// Share of the positive values' sum that lies on a mask, 0 to 1; `None` where nothing is positive.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the sizes differ.
    pub(crate) fn positive_share_on(&self, mask: &PixelMask<F>) -> Result<Option<f64>> {
        if mask.size() != self.size() {
            let (a, b) = (self.size(), mask.size());
            let found = format!("the map is {} x {}, the mask {} x {}", a.0, a.1, b.0, b.1);
            return Err(Error::new(Code::Parameter, found));
        }
        let positive = |value: &f32| f64::from(value.max(0.0));
        let total: f64 = self.values.iter().map(positive).sum();
        let on: f64 =
            self.values.iter().zip(mask.values()).filter(|(_, on)| **on).map(|(value, _)| positive(value)).sum();
        Ok((total > 0.0).then(|| on / total))
    }

    /// The map as a NumPy file (`.npy`, version 1.0): float32, little-endian, `[height, width]`.
    pub fn to_npy(&self) -> Vec<u8> {
        let mut bytes = npy_header(&[i64::from(self.height), i64::from(self.width)]);
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// A map from the bytes that [`HeatMap::to_npy`] gives.
    ///
    /// # Errors
    /// [`Code::Table`] if they are of another form; as [`HeatMap::from_values`] for the numbers.
    pub(crate) fn from_npy(bytes: &[u8]) -> Result<Self> {
        let wrong = || Error::new(Code::Table, "not a map of float32 as NumPy writes it (.npy 1.0, two sides)");
        let length = match bytes {
            [0x93, b'N', b'U', b'M', b'P', b'Y', 1, 0, low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
            _ => return Err(wrong()),
        };
        let header =
            bytes.get(10..10 + length).and_then(|header| std::str::from_utf8(header).ok()).ok_or_else(wrong)?;
        if !header.contains("'<f4'") || !header.contains("'fortran_order': False") {
            return Err(wrong());
        }
        let shape = header.split_once('(').and_then(|(_, rest)| rest.split_once(')')).ok_or_else(wrong)?.0;
        let sides: Vec<u32> = shape.split(',').filter_map(|side| side.trim().parse().ok()).collect();
        let [height, width] = sides[..] else { return Err(wrong()) };
        let values =
            bytes[10 + length..].chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        HeatMap::from_values(height, width, values.collect())
    }

    fn mask_where(&self, keep: impl Fn(f32) -> bool) -> PixelMask<F> {
        let inside = self.values.iter().map(|&value| keep(value)).collect();
        PixelMask::from_values(self.height, self.width, inside).expect("one value a pixel")
    }
}

/// What a NumPy file of float32 begins with (`.npy`, version 1.0, little-endian), for a shape.
pub(crate) fn npy_header(shape: &[i64]) -> Vec<u8> {
    let sides: Vec<String> = shape.iter().map(i64::to_string).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", sides.join(", "));
    // Magic, version and length take 10 bytes; all of it ends in a newline at a multiple of 64.
    let padding = 63 - (10 + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}

fn mean<'a>(values: impl Iterator<Item = &'a f32>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), &value| (sum + f64::from(value), count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Crop;
    use super::*;

    fn map(values: &[f32]) -> HeatMap<Crop> {
        HeatMap::from_values(1, values.len() as u32, values.to_vec()).unwrap()
    }

    #[test]
    fn regions_lie_beyond_the_mean_of_their_sign() {
        let map = map(&[1.0, 2.0, 6.0, -1.0, -5.0, 0.0]);
        assert_eq!(map.positive_region().values(), [false, false, true, false, false, false]);
        assert_eq!(map.negative_region().values(), [false, false, false, false, true, false]);
    }

    #[test]
    fn a_density_is_of_masks_of_one_size_smoothed_by_some_pixels() {
        let mask = |inside: &[bool]| PixelMask::<Crop>::from_values(1, inside.len() as u32, inside.to_vec());
        let of = |masks: &[&[bool]], sigma: f32| HeatMap::density(masks.iter().map(|inside| mask(inside)), sigma);
        let found = of(&[&[true, false, false], &[true, false, false]], 0.5).unwrap();
        assert!(found.values()[0] > 0.7 && found.values()[2] < 0.1, "{:?}", found.values());
        assert!(of(&[], 1.0).unwrap_err().message().contains("no masks"));
        assert!(of(&[&[true], &[true, true]], 1.0).unwrap_err().message().contains("masks of"));
        for sigma in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(of(&[&[true]], sigma).unwrap_err().message().contains("expected more than 0"), "{sigma}");
        }
    }

    #[test]
    fn top_has_exactly_the_size_asked_for() {
        let map = map(&[1.0, 3.0, 3.0, 2.0]);
        assert_eq!(map.top(2).values(), [false, true, true, false]);
        assert_eq!(map.top(9).count(), 4);
    }

    #[test]
    fn a_region_of_a_mass_is_the_smallest_that_holds_it() {
        let map = map(&[1.0, 5.0, 4.0, -9.0]);
        assert_eq!(map.mass_region(0.5).values(), [false, true, false, false]);
        assert_eq!(map.mass_region(0.51).count(), 2);
        assert_eq!((map.mass_region(1.0).count(), map.mass_region(0.0).count()), (3, 1));
        assert_eq!(super::tests::map(&[-1.0, 0.0]).mass_region(0.5).count(), 0);
        assert_eq!(map.peak().map(|pixel| pixel.col), Some(1));
        assert_eq!(map.signed_means(), (10.0 / 3.0, -9.0));
    }

    #[test]
    fn npy_comes_back_and_anything_else_is_refused() {
        let map = map(&[1.0, -2.5, 1e-30]);
        let bytes = map.to_npy();
        assert_eq!((bytes.len() - 12) % 64, 0, "the numbers begin at a multiple of 64");
        assert_eq!(HeatMap::from_npy(&bytes).unwrap(), map);
        assert!(HeatMap::<Crop>::from_npy(&bytes[..bytes.len() - 4]).is_err());
        assert!(HeatMap::<Crop>::from_npy(b"not numpy").is_err());
    }

    #[test]
    fn a_map_with_nan_is_refused() {
        assert_eq!(HeatMap::<Crop>::from_values(1, 1, vec![f32::NAN]).unwrap_err().code(), Code::Numeric);
    }
}
