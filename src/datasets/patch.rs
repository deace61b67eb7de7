use image::{Rgb, RgbImage};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::parameters::Fill;
use crate::pixels::{Crop, PixelBox};

/// The places of square patches of side `size`, `gap` pixels apart, centred on a square picture of side `side`, row by
/// row: as many in a row as fit, `n = floor((side + gap) / (size + gap))`, so `n^2` in all, after a border of
/// `floor((side - n size - (n - 1) gap) / 2)`.
///
/// With a gap of one patch it is the published layout: of the grid of patches that fill the picture, an odd number in a
/// row, every second one.
pub fn patch_boxes(side: u32, size: u32, gap: u32) -> Vec<PixelBox<Crop>> {
    if size == 0 || size > side {
        return Vec::new();
    }
    let count = (side + gap) / (size + gap);
    let border = (side - (count * size + (count - 1) * gap)) / 2;
    let starts = || (0..count).map(|place| border + place * (size + gap));
    starts().flat_map(|row| starts().map(move |col| PixelBox::at(row, col).of_size(size, size))).collect()
}

/// The picture with some boxes showing what `filling` has there.
pub fn patched(picture: &RgbImage, boxes: &[PixelBox<Crop>], filling: &RgbImage) -> RgbImage {
    let mut out = picture.clone();
    put(&mut out, boxes, filling);
    out
}

/// Some boxes of a picture over another one of the same size.
pub(super) fn put(picture: &mut RgbImage, boxes: &[PixelBox<Crop>], filling: &RgbImage) {
    let (width, height) = picture.dimensions();
    let bytes: &mut [u8] = picture;
    for patch in boxes.iter().filter(|patch| patch.col < width) {
        let count = patch.width.min(width - patch.col) as usize * 3;
        for row in patch.row..(patch.row + patch.height).min(height) {
            let start = (row * width + patch.col) as usize * 3;
            bytes[start..start + count].copy_from_slice(&filling.as_raw()[start..start + count]);
        }
    }
}

/// What patches of side `size` show instead of the picture, as a picture of the same size.
pub fn filling(picture: &RgbImage, fill: Fill, size: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let (width, height) = picture.dimensions();
    match fill {
        Fill::Black => RgbImage::new(width, height),
        Fill::Mean => {
            let mut sums = [0u64; 3];
            picture.pixels().for_each(|pixel| (0..3).for_each(|channel| sums[channel] += u64::from(pixel.0[channel])));
            let count = u64::from(width) * u64::from(height);
            RgbImage::from_pixel(width, height, Rgb(sums.map(|sum| ((sum + count / 2) / count.max(1)) as u8)))
        }
        Fill::Noise => RgbImage::from_fn(width, height, |_, _| {
            *picture.get_pixel(rng.random_range(0..width), rng.random_range(0..height))
        }),
        Fill::Blur => imageproc::filter::gaussian_blur_f32(picture, size as f32 / 5.0),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn black(side: u32) -> RgbImage {
        RgbImage::new(side, side)
    }

    #[test]
    fn the_published_numbers_of_patches() {
        let counts: Vec<usize> = [10, 20, 30, 40, 50, 60, 70].map(|size| patch_boxes(224, size, size).len()).to_vec();
        assert_eq!(counts, [121, 36, 16, 9, 4, 4, 4]);
    }

    /// The published rule written out: `n = floor(s / p)`, made odd by leaving one out, `border = int((s - n p) / 2)`, of
    /// the n x n grid every second row and column from the first.
    #[test]
    fn a_gap_of_one_patch_is_the_published_layout() {
        for side in [224, 223, 100] {
            for size in 1..=side {
                let fitting = side / size;
                let grid = if fitting % 2 == 0 { fitting - 1 } else { fitting };
                let border = (side - grid * size) / 2;
                let starts: Vec<u32> = (0..grid).step_by(2).map(|place| border + place * size).collect();
                let found: Vec<u32> = patch_boxes(side, size, size).iter().map(|patch| patch.col).collect();
                assert_eq!(found[..starts.len()], starts, "{side} {size}");
                assert_eq!(found.len(), starts.len() * starts.len(), "{side} {size}");
            }
        }
    }

    #[test]
    fn patches_lie_inside_and_apart() {
        for gap in [0, 1, 10, 30, 300] {
            for size in 1..=224 {
                let boxes = patch_boxes(224, size, gap);
                assert!(boxes.iter().all(|patch| patch.last_row() < 224 && patch.last_col() < 224), "{size}");
                let covered = patched(&RgbImage::from_pixel(224, 224, Rgb([9; 3])), &boxes, &black(224));
                let black = covered.pixels().filter(|pixel| pixel.0 == [0; 3]).count() as u64;
                assert_eq!(black, boxes.iter().map(PixelBox::area).sum::<u64>(), "{size}");
            }
        }
        assert!(patch_boxes(224, 225, 1).is_empty() && patch_boxes(224, 0, 0).is_empty());
    }

    #[test]
    fn fillings_keep_what_they_say() {
        let picture = RgbImage::from_fn(40, 40, |x, _| Rgb([if x < 20 { 10 } else { 201 }, x as u8, 7]));
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut of = |fill| filling(&picture, fill, 10, &mut rng);
        assert_eq!(of(Fill::Mean).get_pixel(0, 0).0, [106, 20, 7], "105.5 and 19.5 are rounded up");
        let (noise, blur) = (of(Fill::Noise), of(Fill::Blur));
        assert!(noise.pixels().all(|pixel| [10, 201].contains(&pixel.0[0]) && pixel.0[2] == 7));
        assert!(blur.get_pixel(20, 9).0[0] > 30 && blur.get_pixel(20, 9).0[0] < 180);
        assert_eq!(of(Fill::Black), black(40));
    }
}
