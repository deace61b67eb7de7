//! Variants to look at.

use image::RgbImage;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::canvas::Canvas;
use super::chosen::Manipulation;
use super::l0::L0;
use super::manipulation::Kind;
use super::manipulations::{Fill, Orders, filling, orders, patch_boxes, patched, scrambled, shifts, with_seams};
use super::smoother::{Smoother, smooth};
use crate::error::Result;
use crate::notebook::{Grid, Picture, Slider};

/// A picture with its blocks of each side in another order, and below each the control: the same seams, nothing scrambled.
///
/// ```
/// use lgf::notebook::Show;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, if x > 90 { 250 } else { 0 }]));
/// let grid = lgf::datasets::scrambled_grid(&picture, &[112, 56], 7)?;
/// assert!(grid.html().contains("seams of 56"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`crate::error::Code::Parameter`] for a side that does not fill the picture.
pub fn scrambled_grid(picture: &RgbImage, blocks: &[u32], seed: u64) -> Result<Grid> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut moved = vec![Picture::new(picture.clone(), "untouched")];
    let mut controls = vec![Picture::new(picture.clone(), "untouched")];
    for &block in blocks {
        let side = |length: u32| length.checked_div(block).unwrap_or(0) as usize;
        let count = side(picture.width()) * side(picture.height());
        let order = &orders(count, 1, Orders::Derangements, &mut rng)?[0];
        moved.push(Picture::new(scrambled(picture, block, order)?, format!("blocks of {block}")));
        let control = with_seams(picture, block, &shifts(count, block, &mut rng))?;
        controls.push(Picture::new(control, format!("seams of {block}")));
    }
    Ok(Grid::new("scrambled", &[]).row("scrambled", moved).row("control", controls))
}

/// A picture after 0 to `passes` passes of smoothing.
///
/// ```
/// use lgf::notebook::Show;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, if x > 90 { 250 } else { 0 }]));
/// let grid = lgf::datasets::smoothed_grid(&picture, &lgf::datasets::L0::default(), 1)?;
/// assert!(grid.html().contains("pass 1"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// As [`Smoother::pass`].
pub fn smoothed_grid(picture: &RgbImage, smoother: &dyn Smoother, passes: u32) -> Result<Grid> {
    let mut pictures = vec![Picture::new(picture.clone(), "untouched")];
    for (pass, smoothed) in smooth(picture, smoother, passes)?.into_iter().enumerate() {
        pictures.push(Picture::new(smoothed, format!("pass {}", pass + 1)));
    }
    Ok(Grid::new("smoothed", &[]).row("", pictures))
}

/// A crop through some manipulations: a row a kind of changed picture, from the untouched one to the most changed as planned, one
/// variant a level. `seed` decides what is left to chance.
///
/// ```
/// use lgf::datasets::{Battery, levels_grid};
/// use lgf::notebook::Show;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, if x > 90 { 250 } else { 0 }]));
/// let grid = levels_grid(&picture, &["grey".parse()?, "contrast".parse()?], 7)?;
/// assert!(grid.html().contains("contrast") && grid.html().contains("greyed"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// As [`Manipulation::plan`] and the changes.
pub fn levels_grid(crop: &RgbImage, manipulations: &[Manipulation], seed: u64) -> Result<Grid> {
    let mut grid = Grid::new("features", &[]);
    for manipulation in manipulations {
        let drawn = drawn_levels(crop, manipulation, seed)?;
        for kind in manipulation.kinds()? {
            let own = drawn.iter().filter(|(other, ..)| *other == kind);
            let pictures: Vec<Picture> =
                own.map(|(_, level, picture)| Picture::new(picture.clone(), level.to_string())).collect();
            grid = grid.row(kind.name, pictures);
        }
    }
    Ok(grid)
}

/// A crop at every level of a manipulation's first kind, as frames of a slider over its strength.
///
/// ```
/// use lgf::datasets::level_slider;
/// use lgf::notebook::Show;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, if x > 90 { 250 } else { 0 }]));
/// assert!(level_slider(&picture, &"rotation".parse()?, 7)?.html().contains("degrees counterclockwise: 270"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// As [`levels_grid`].
pub fn level_slider(crop: &RgbImage, manipulation: &Manipulation, seed: u64) -> Result<Slider> {
    let first = manipulation.kinds()?.first().copied();
    let words = first.map_or("level", |kind| kind.levels.in_words);
    let mut frames = vec![Picture::new(crop.clone(), "untouched")];
    let drawn = drawn_levels(crop, manipulation, seed)?;
    let own = drawn.into_iter().filter(|(kind, ..)| Some(*kind) == first);
    frames.extend(own.map(|(_, level, picture)| Picture::new(picture, format!("{words}: {level}"))));
    Ok(Slider::new(words, frames).width(336))
}

/// The first variant of every level of every kind.
fn drawn_levels(crop: &RgbImage, of: &Manipulation, seed: u64) -> Result<Vec<(&'static Kind, u32, RgbImage)>> {
    let smoother = L0::default();
    let mut canvas = Canvas::new((crop, crop), "", seed, &smoother);
    let mut drawn: Vec<(&'static Kind, u32, RgbImage)> = Vec::new();
    for recipe in of.plan(&canvas.subject)?.iter().filter(|recipe| recipe.level > 0) {
        if !drawn.iter().any(|(kind, level, _)| (*kind, *level) == (recipe.kind, recipe.level)) {
            drawn.push((recipe.kind, recipe.level, recipe.draw(&mut canvas)?.picture(crop)?.into_owned()));
        }
    }
    Ok(drawn)
}

/// A picture with all patches of each size, as far apart as they are wide, as frames of a slider.
///
/// ```
/// use lgf::notebook::Show;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, if x > 90 { 250 } else { 0 }]));
/// let slider = lgf::datasets::patch_slider(&picture, &[10, 70]);
/// assert!(slider.html().contains("patches of 70 x 70"));
/// ```
pub fn patch_slider(picture: &RgbImage, sizes: &[u32]) -> Slider {
    let frame = |&size: &u32| {
        let side = picture.width().min(picture.height());
        let boxes = patch_boxes(side, size, size);
        let black = RgbImage::new(picture.width(), picture.height());
        Picture::new(patched(picture, &boxes, &black), format!("{} patches of {size} x {size}", boxes.len()))
    };
    Slider::new("side of the patches", sizes.iter().map(frame).collect::<Vec<_>>()).width(336)
}

/// A picture with the patches of one layout, filled in each way.
///
/// ```
/// use lgf::notebook::Show;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, if x > 90 { 250 } else { 0 }]));
/// let grid = lgf::datasets::fill_grid(&picture, 30, 30, 7);
/// assert!(grid.html().contains("mean"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn fill_grid(picture: &RgbImage, size: u32, gap: u32, seed: u64) -> Grid {
    let one = |fill: Fill| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let boxes = patch_boxes(picture.width().min(picture.height()), size, gap);
        Picture::new(patched(picture, &boxes, &filling(picture, fill, size, &mut rng)), fill.name())
    };
    Grid::new("patched", &[]).row("", Fill::ALL.map(one))
}
