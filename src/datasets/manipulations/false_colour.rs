//! Colour told wrong: every colour exchanged for its opponent of the same luma, red for green and blue for yellow, after the
//! false-colour pictures of Geirhos et al. 2018 (arXiv 1808.08750). Theirs are made for one measured monitor; these turn the chroma
//! of ITU-R 601 round, and what leaves the range of bytes is cut off.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"false-colour".parse()?, &Parameters::default())?;
//! assert_eq!(made.get_pixel(84, 84), &Rgb([90, 90, 130]), "of (100, 100, 60), whose luma is 95");
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use image::Rgb;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::planes::luma;
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker =
    Maker { name: "false-colour", kinds: &[&OPPONENT], keys: &[], make: |_| Ladder::of(&OPPONENT, [(1, Opponents)]) };

static OPPONENT: Kind = Kind {
    name: "false colour",
    folder: "imagenette2_fls",
    set: Set { name: "fls", thesis: None },
    levels: Levels { in_words: "colours exchanged for their opponents", stronger: Stronger::Neither },
    untouched: None,
    summary: Summary::Curve { fall: "false_colour_drop" },
};

/// Every colour's opponent: twice its luma, less itself.
#[derive(Debug, Clone, Copy)]
struct Opponents;

impl Change for Opponents {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let mut picture = canvas.crop.clone();
        for Rgb(pixel) in picture.pixels_mut() {
            let twice = 2 * i32::from(luma(*pixel));
            *pixel = pixel.map(|value| (twice - i32::from(value)).clamp(0, 255) as u8);
        }
        Ok(Drawn::Picture(Arc::new(picture)))
    }
}
