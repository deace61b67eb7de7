//! Boxes of the original photograph into the square that a network sees, as published and corrected.

use crate::error::Result;
use crate::pixels::{Crop, Geometry, Original, PixelBox};

/// The published mapping of `[xmin, ymin, xmax, ymax]` for a photograph of `(height, width)` pixels: each axis scaled
/// to 256 by itself, minus 16, truncated; the maxima held to 224 only from above, the minima to 0 only from below, so
/// that a box may come out inverted (notebook 3, cell 22; faults A1 and A2).
///
/// The arithmetic is the published one to the last bit: `int(256 / width * xmin - 16)` in double precision, from left
/// to right, and `int` cuts towards 0. So 49 of 196 pixels is 47 and not 48, as 256 / 196 is rounded before it is
/// multiplied, and what comes out between -1 and 0 is 0. Sides and corners are whole in the published table, too. A
/// corner held to its photograph comes out as the published one, which was not: from the last pixel on it is 224
/// either way.
///
/// ```
/// use lgf::bbox::to_crop_published;
///
/// assert_eq!(to_crop_published([249, 112, 455, 303], (334, 500)), [111, 69, 216, 216]);
/// ```
pub fn to_crop_published([xmin, ymin, xmax, ymax]: [i32; 4], (height, width): (u32, u32)) -> [i32; 4] {
    // The order of operations is the published one: 256 / side first, in double precision.
    let scaled = |value: i32, side: u32| (256.0 / f64::from(side) * f64::from(value) - 16.0) as i32;
    [
        scaled(xmin, width).max(0),
        scaled(ymin, height).max(0),
        scaled(xmax, width).min(224),
        scaled(ymax, height).min(224),
    ]
}

/// The corrected mapping of `[xmin, ymin, xmax, ymax]` for a photograph of `(height, width)` pixels: the shorter side
/// to 256, the centre 224, and only what is visible there; `None` where nothing is.
///
/// ```
/// use lgf::bbox::to_crop_corrected;
///
/// let seen = to_crop_corrected([79, 127, 294, 339], (375, 500))?.expect("the object is visible");
/// assert_eq!((seen.row, seen.col, seen.height, seen.width), (70, 0, 146, 143));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`](crate::error::Code::Parameter) if a side of the photograph is 0.
pub fn to_crop_corrected(corners: [i32; 4], (height, width): (u32, u32)) -> Result<Option<PixelBox<Crop>>> {
    let geometry = Geometry::imagenet(height, width)?;
    Ok(original_box(corners, (height, width)).and_then(|object| geometry.box_to_crop(&object)))
}

/// `[xmin, ymin, xmax, ymax]` as a box of whole pixels inside a photograph of `(height, width)`; `None` if none are.
///
/// The maxima are just outside: ImageNet's boxes go from 0 to the width and the height.
pub(crate) fn original_box(
    [xmin, ymin, xmax, ymax]: [i32; 4],
    (height, width): (u32, u32),
) -> Option<PixelBox<Original>> {
    let span = |low: i32, high: i32, side: u32| {
        let (low, high) = (low.max(0), i64::from(high).min(i64::from(side)));
        (i64::from(low) < high).then(|| (low as u32, (high - i64::from(low)) as u32))
    };
    let (row, box_height) = span(ymin, ymax, height)?;
    let (col, box_width) = span(xmin, xmax, width)?;
    Some(PixelBox::at(row, col).of_size(box_height, box_width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_worked_rows_of_the_published_notebook() {
        // Notebook 3, cell 12: (width, height), xmin ymin xmax ymax -> xmin_n ymin_n xmax_n ymax_n.
        let rows = [
            ((500, 334), [249, 112, 455, 303], [111, 69, 216, 216]),
            ((500, 375), [79, 127, 294, 339], [24, 70, 134, 215]),
            ((500, 333), [131, 148, 238, 256], [51, 97, 105, 180]),
            ((500, 375), [64, 0, 341, 265], [16, 0, 158, 164]),
            ((500, 375), [95, 41, 379, 330], [32, 11, 178, 209]),
        ];
        for ((width, height), corners, expected) in rows {
            assert_eq!(to_crop_published(corners, (height, width)), expected, "{corners:?}");
        }
    }

    #[test]
    fn the_published_order_of_operations_and_cut() {
        // (side, value) to what Python gives for `int(256 / side * value - 16)`.
        for (side, value, expected) in [
            (196, 49, 47),
            (196, 98, 111),
            (196, 147, 175),
            (206, 103, 111),
            (214, 107, 111),
            (322, 161, 111),
            (500, 31, 0),
            (500, 30, 0),
            (500, 29, -1),
            (333, 20, 0),
            (375, 23, 0),
        ] {
            assert_eq!(to_crop_published([0, 0, value, value], (side, side))[2..], [expected; 2], "{value} of {side}");
        }
        // In whole numbers it would differ at 70 places of all sides from 100 to 1,000, always by one.
        let places = (100..=1_000u32).flat_map(|side| (0..=side).map(move |value| (side, value)));
        let all: Vec<i64> = places
            .map(|(side, value)| {
                let published = to_crop_published([0, 0, value as i32, 1], (side, side))[2];
                let (side, value) = (i64::from(side), i64::from(value));
                ((256 * value - 16 * side) / side).min(224) - i64::from(published)
            })
            .filter(|difference| *difference != 0)
            .collect();
        assert!(all.iter().all(|difference| *difference == 1), "{all:?}");
        assert_eq!(all.len(), 70);
    }

    #[test]
    fn a_corner_held_to_its_photograph_is_published_the_same() {
        for side in [100, 333, 375, 500, 1_000] {
            let corner = |value: u32| to_crop_published([0, 0, value as i32, value as i32], (side, side));
            assert_eq!(corner(side + 77), corner(side), "{side}");
        }
    }

    #[test]
    fn the_published_clamping_may_invert_a_box() {
        // Wholly in the strip that the crop cuts off: xmax stays negative, xmin becomes 0 (A2).
        assert_eq!(to_crop_published([0, 0, 20, 375], (375, 500)), [0, 0, -5, 224]);
        // And on the right xmin goes beyond the crop.
        assert_eq!(to_crop_published([490, 0, 500, 375], (375, 500)), [234, 0, 224, 224]);
    }

    #[test]
    fn the_corrected_mapping_keeps_the_aspect() {
        // A1: x = 0 / 100 / 375 of a 500 x 375 photograph is -58 / 10.2 / 197.8 in the crop.
        let seen = to_crop_corrected([100, 0, 375, 375], (375, 500)).unwrap().unwrap();
        assert_eq!((seen.row, seen.col, seen.height, seen.width), (0, 10, 224, 188));
        let clipped = to_crop_corrected([0, 0, 375, 375], (375, 500)).unwrap().unwrap();
        assert_eq!((clipped.col, clipped.width), (0, 198));
    }

    #[test]
    fn what_the_crop_does_not_show_is_none() {
        assert_eq!(to_crop_corrected([0, 0, 80, 375], (375, 500)).unwrap(), None);
        assert_eq!(to_crop_corrected([10, 10, 10, 20], (375, 500)).unwrap(), None);
        assert!(to_crop_corrected([0, 0, 1, 1], (0, 500)).is_err());
    }
}
