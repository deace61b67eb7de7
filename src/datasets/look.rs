//! Variants to look at.

use image::{Rgb, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::patch::{patch_boxes, patched};
use super::scramble::{Scrambling, derangements, scrambled};
use super::smooth::{L0, smooth};
use crate::error::Result;
use crate::notebook::{Grid, Picture, Slider};

/// A picture and its blocks of each side in another order.
///
/// # Errors
/// [`crate::error::Code::Parameter`] for a side that does not fill the picture.
pub fn scrambled_grid(picture: &RgbImage, blocks: &[u32], seed: u64) -> Result<Grid> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut pictures = vec![Picture::new(picture.clone(), "untouched")];
    for &block in blocks {
        let side = |length: u32| length.checked_div(block).unwrap_or(0) as usize;
        let count = side(picture.width()) * side(picture.height());
        let orders = derangements(count, 1, Scrambling::Derangements, &mut rng)?;
        pictures.push(Picture::new(scrambled(picture, block, &orders[0])?, format!("blocks of {block}")));
    }
    Ok(Grid::new("scrambled", &[]).row("", pictures))
}

/// A picture after 0 to `passes` passes of smoothing.
pub fn smoothed_grid(picture: &RgbImage, parameters: &L0, passes: u32) -> Grid {
    let mut pictures = vec![Picture::new(picture.clone(), "untouched")];
    let mut smoothed = picture.clone();
    for pass in 1..=passes {
        smoothed = smooth(&smoothed, parameters);
        pictures.push(Picture::new(smoothed.clone(), format!("pass {pass}")));
    }
    Grid::new("smoothed", &[]).row("", pictures)
}

/// A picture with all patches of each size, as frames of a slider.
pub fn patch_slider(picture: &RgbImage, sizes: &[u32]) -> Slider {
    let frame = |&size: &u32| {
        let boxes = patch_boxes(picture.width().min(picture.height()), size);
        Picture::new(patched(picture, &boxes, Rgb([0; 3])), format!("{} patches of {size} x {size}", boxes.len()))
    };
    Slider::new("side of the patches", sizes.iter().map(frame).collect::<Vec<_>>()).width(336)
}
