//! Tiles of a grid turned in their places, each by a multiple of 90 degrees (Burgert et al. 2025, arXiv 2509.20234): local shape
//! goes, and of global shape the places of parts stay. No tile stays as it was; a picture whose side the grid does not divide is
//! resized as for [`shuffle`](super::shuffle).
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"rotate-tiles:grid=8".parse()?, &Parameters::default())?;
//! assert_ne!(made, picture);
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use image::RgbImage;
use rand::RngExt;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::rearrange::gathered;
use crate::datasets::tiles::{at_nearest_side, check};
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "rotate-tiles",
    kinds: &[&TURNED],
    keys: &[("grid", "tiles a side (without it: the curve, 2 to 16)")],
    make: |spec| {
        let levels = spec.levels("grid", &[2, 4, 6, 8, 10, 12, 14, 16], (|grid| grid >= 2, "2 or more"))?;
        Ladder::of(&TURNED, levels.into_iter().map(|grid| (grid, Turns { grid })))
    },
};

static TURNED: Kind = Kind {
    name: "tiles turned",
    folder: "imagenette2_trn",
    set: Set { name: "trn", thesis: None },
    levels: Levels { in_words: "tiles a side", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "tiles_turned_drop" },
};

/// Each tile turned by one to three quarters, by chance.
#[derive(Debug, Clone, Copy)]
struct Turns {
    grid: u32,
}

impl Change for Turns {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        check("rotate-tiles", self.grid, canvas.crop.width())?;
        let mut rng = canvas.subject.generator(&format!("rotate tiles {}", self.grid));
        let quarters: Vec<u32> = (0..self.grid * self.grid).map(|_| rng.random_range(1..=3)).collect();
        let turned = |picture: &RgbImage| Ok(gathered(picture, &sources(picture.width(), self.grid, &quarters)));
        Ok(Drawn::Picture(Arc::new(at_nearest_side(canvas.crop, self.grid, turned)?)))
    }
}

/// For each pixel, row by row, the number of the pixel that it shows, where tiles are turned by quarters counterclockwise.
fn sources(side: u32, grid: u32, quarters: &[u32]) -> Vec<u32> {
    let block = side / grid;
    let from = |row: u32, col: u32| {
        let (down, right) = (row / block, col / block);
        let (within, across) = (row % block, col % block);
        let (old_row, old_col) = match quarters[(down * grid + right) as usize] {
            1 => (across, block - 1 - within),
            2 => (block - 1 - within, block - 1 - across),
            _ => (block - 1 - across, within),
        };
        (down * block + old_row) * side + right * block + old_col
    };
    (0..side).flat_map(|row| (0..side).map(move |col| (row, col))).map(|(row, col)| from(row, col)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_shown_once_and_four_quarters_are_none() {
        let quarters: Vec<u32> = (0..49).map(|tile| tile % 3 + 1).collect();
        let once = sources(56, 7, &quarters);
        let mut seen = once.clone();
        seen.sort_unstable();
        assert!(seen.iter().enumerate().all(|(place, &source)| place == source as usize));
        let after = |first: &[u32], then: &[u32]| -> Vec<u32> { then.iter().map(|&at| first[at as usize]).collect() };
        let twice = after(&once, &once);
        let four = after(&twice, &twice);
        assert!(four.iter().enumerate().all(|(place, &source)| place == source as usize));
    }
}
