//! A picture cut into so many tiles a side, whatever its own side is.

use image::RgbImage;

use crate::error::{Code, Error, Result};
use crate::pixels::resize_bilinear;

/// The side nearest to a picture's that so many tiles divide; of two as near, the larger.
pub(super) fn nearest_side(side: u32, tiles: u32) -> u32 {
    let below = side / tiles * tiles;
    let above = below + tiles;
    if below > 0 && side - below < above - side { below } else { above }
}

/// What is done to a picture at the side nearest to its own that its tiles divide, brought back to its own size.
///
/// # Errors
/// As `change`.
pub(super) fn at_nearest_side(
    picture: &RgbImage,
    tiles: u32,
    change: impl FnOnce(&RgbImage) -> Result<RgbImage>,
) -> Result<RgbImage> {
    let side = nearest_side(picture.width(), tiles);
    if picture.dimensions() == (side, side) {
        return change(picture);
    }
    let changed = change(&resize_bilinear(picture, (side, side)))?;
    Ok(resize_bilinear(&changed, (picture.height(), picture.width())))
}

/// Whether a picture of a side has so many tiles.
///
/// # Errors
/// [`Code::Parameter`] if it has not.
pub(super) fn check(name: &str, tiles: u32, side: u32) -> Result<()> {
    if (2..=side / 2).contains(&tiles) {
        return Ok(());
    }
    let found = format!("{name} of {tiles} x {tiles} tiles in a picture of {side} x {side}");
    Err(Error::new(Code::Parameter, found).hint(format!("take a grid of 2 to {}", side / 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_multiple_is_taken() {
        let sides = [2, 3, 4, 6, 8, 10, 12, 14, 16].map(|tiles| nearest_side(224, tiles));
        assert_eq!(sides, [224, 225, 224, 222, 224, 220, 228, 224, 224]);
        assert!(check("shuffle", 112, 224).is_ok() && check("shuffle", 113, 224).is_err());
    }
}
