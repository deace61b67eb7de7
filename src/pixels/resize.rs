//! Pillow's bilinear resize and torchvision's centre crop, to the byte.

use image::{Rgb, RgbImage};

use super::frame::Geometry;
use crate::error::Result;

/// Bits after the point of Pillow's fixed-point weights (`PRECISION_BITS` in `Resample.c`, Pillow 12).
const FRACTION_BITS: u32 = 32 - 8 - 2;

/// The input positions that one output position is made of, and their fixed-point weights.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// Triangle filter, its support scaled by the ratio when shrinking; as `precompute_coeffs` in Pillow's `Resample.c`.
fn taps(input: usize, output: usize) -> Vec<Taps> {
    let scale = input as f64 / output as f64;
    let stretch = scale.max(1.0);
    (0..output)
        .map(|position| {
            let center = (position as f64 + 0.5) * scale;
            let first = ((center - stretch + 0.5) as i64).max(0) as usize;
            let end = ((center + stretch + 0.5) as usize).min(input);
            let raw: Vec<f64> =
                (first..end).map(|index| (1.0 - ((index as f64 - center + 0.5) / stretch).abs()).max(0.0)).collect();
            let sum: f64 = raw.iter().sum();
            let fixed = |weight: f64| (0.5 + weight / sum * f64::from(1u32 << FRACTION_BITS)) as i32;
            Taps { first, weights: raw.into_iter().map(fixed).collect() }
        })
        .collect()
}

fn round_to_byte(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

/// Resizes to `(height, width)` with the triangle filter and antialiasing, a horizontal pass and then a vertical one,
/// both rounded to 8 bits. Equal to Pillow's `Image.resize(..., BILINEAR)` to the byte.
pub fn resize_bilinear(image: &RgbImage, (height, width): (u32, u32)) -> RgbImage {
    let horizontal = if width == image.width() { image.clone() } else { resize_rows(image, width) };
    if height == image.height() { horizontal } else { resize_cols(&horizontal, height) }
}

fn resize_rows(image: &RgbImage, width: u32) -> RgbImage {
    let taps = taps(image.width() as usize, width as usize);
    let mut out = RgbImage::new(width, image.height());
    let (from, to) = (image.width() as usize * 3, width as usize * 3);
    for (source, target) in image.as_raw().chunks_exact(from).zip(out.chunks_exact_mut(to)) {
        for (tap, pixel) in taps.iter().zip(target.chunks_exact_mut(3)) {
            let mut sums = [1 << (FRACTION_BITS - 1); 3];
            for (weight, value) in tap.weights.iter().zip(source[tap.first * 3..].chunks_exact(3)) {
                for channel in 0..3 {
                    sums[channel] += i32::from(value[channel]) * weight;
                }
            }
            pixel.copy_from_slice(&sums.map(round_to_byte));
        }
    }
    out
}

fn resize_cols(image: &RgbImage, height: u32) -> RgbImage {
    let taps = taps(image.height() as usize, height as usize);
    let mut out = RgbImage::new(image.width(), height);
    let stride = image.width() as usize * 3;
    let source = image.as_raw();
    let mut sums = vec![0i32; stride];
    for (tap, target) in taps.iter().zip(out.chunks_exact_mut(stride)) {
        sums.fill(1 << (FRACTION_BITS - 1));
        for (weight, row) in tap.weights.iter().zip(source[tap.first * stride..].chunks_exact(stride)) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        for (value, &sum) in target.iter_mut().zip(&sums) {
            *value = round_to_byte(sum);
        }
    }
    out
}

/// The crop that `geometry` says, out of the resized picture; black where that is smaller than the crop.
/// Equal to torchvision's `CenterCrop` (0.26).
pub fn center_crop(resized: &RgbImage, geometry: &Geometry) -> RgbImage {
    RgbImage::from_fn(geometry.crop, geometry.crop, |x, y| {
        let (row, col) = (i64::from(y) + geometry.offset.0, i64::from(x) + geometry.offset.1);
        let inside = (0..i64::from(resized.height())).contains(&row) && (0..i64::from(resized.width())).contains(&col);
        if inside { *resized.get_pixel(col as u32, row as u32) } else { Rgb([0; 3]) }
    })
}

/// What an ImageNet network sees of a photograph: shorter side to 256, centre 224 x 224.
///
/// # Errors
/// [`crate::error::Code::Parameter`] if the picture is empty.
pub fn imagenet_crop(image: &RgbImage) -> Result<RgbImage> {
    let geometry = Geometry::imagenet(image.height(), image.width())?;
    Ok(center_crop(&resize_bilinear(image, geometry.resized), &geometry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_every_position_sum_to_one() {
        for (input, output) in [(500, 256), (100, 256), (3, 7), (333, 1)] {
            for tap in taps(input, output) {
                let sum: i64 = tap.weights.iter().map(|&weight| i64::from(weight)).sum();
                let error = (sum - (1 << FRACTION_BITS)).abs();
                assert!(error <= tap.weights.len() as i64, "{input} to {output}: off by {error}");
            }
        }
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let image = RgbImage::from_pixel(37, 23, Rgb([7, 128, 255]));
        let resized = resize_bilinear(&image, (91, 12));
        assert!(resized.pixels().all(|pixel| pixel.0 == [7, 128, 255]));
    }

    #[test]
    fn the_crop_of_a_small_picture_has_the_full_size() {
        let crop = imagenet_crop(&RgbImage::from_pixel(1, 9, Rgb([9, 9, 9]))).unwrap();
        assert_eq!(crop.dimensions(), (224, 224));
    }

    #[test]
    fn bad_input_37_small_pictures_and_strips_are_enlarged() {
        for (height, width) in [(1, 1), (1, 40), (40, 1), (3, 500), (100, 90)] {
            let strip = RgbImage::from_pixel(width, height, image::Rgb([9, 90, 200]));
            let crop = imagenet_crop(&strip).unwrap();
            assert_eq!(crop.dimensions(), (224, 224));
            assert!(crop.pixels().all(|pixel| *pixel == image::Rgb([9, 90, 200])), "{height} x {width}");
        }
    }
}
