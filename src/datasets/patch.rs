use image::{Rgb, RgbImage};

use crate::pixels::{Crop, PixelBox};

/// The places of square patches of side `size` on a square picture of side `side`, row by row: `n = floor(side / size)`,
/// made odd by leaving one out, `border = int((side - n size) / 2)`, and of the n x n grid every second row and column
/// from the first, `((n + 1) / 2)^2` patches.
pub fn patch_boxes(side: u32, size: u32) -> Vec<PixelBox<Crop>> {
    let fitting = side.checked_div(size).unwrap_or(0);
    let grid = if fitting.is_multiple_of(2) { fitting.saturating_sub(1) } else { fitting };
    let border = (side - grid * size) / 2;
    let starts = || (0..grid).step_by(2).map(|place| border + place * size);
    starts().flat_map(|row| starts().map(move |col| PixelBox::at(row, col).of_size(size, size))).collect()
}

/// The picture with some boxes filled with one colour.
pub fn patched(picture: &RgbImage, boxes: &[PixelBox<Crop>], fill: Rgb<u8>) -> RgbImage {
    let mut out = picture.clone();
    for patch in boxes {
        for row in patch.row..=patch.last_row().min(picture.height().saturating_sub(1)) {
            for col in patch.col..=patch.last_col().min(picture.width().saturating_sub(1)) {
                out.put_pixel(col, row, fill);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_numbers_of_patches() {
        let counts: Vec<usize> = [10, 20, 30, 40, 50, 60, 70].map(|size| patch_boxes(224, size).len()).to_vec();
        assert_eq!(counts, [121, 36, 16, 9, 4, 4, 4]);
    }

    #[test]
    fn patches_lie_inside_and_apart() {
        for size in 1..=224 {
            let boxes = patch_boxes(224, size);
            assert!(boxes.iter().all(|patch| patch.last_row() < 224 && patch.last_col() < 224), "{size}");
            let covered = patched(&RgbImage::from_pixel(224, 224, Rgb([9; 3])), &boxes, Rgb([0; 3]));
            let black = covered.pixels().filter(|pixel| pixel.0 == [0; 3]).count() as u64;
            assert_eq!(black, boxes.iter().map(PixelBox::area).sum::<u64>(), "{size}");
        }
        assert!(patch_boxes(224, 225).is_empty());
    }
}
