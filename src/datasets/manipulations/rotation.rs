//! The picture turned, by 90, 180 or 270 degrees counterclockwise (Geirhos et al. 2018, arXiv 1808.08750), in colour.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"rotation:degrees=90".parse()?, &Parameters::default())?;
//! assert_eq!(made.get_pixel(0, 0), picture.get_pixel(16 + 223, 16));
//! # Ok::<(), lgf::Error>(())
//! ```

use image::RgbImage;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::error::{Code, Error, Result};

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "rotation",
    kinds: &[&TURNED],
    keys: &[("degrees", "90, 180 or 270, counterclockwise (without it: all three)")],
    make: |spec| {
        let fits = (|degrees| [90, 180, 270].contains(&degrees), "90, 180 or 270");
        let levels = spec.levels("degrees", &[90, 180, 270], fits)?;
        Ladder::of(&TURNED, levels.into_iter().map(|degrees| (degrees, Rotation { degrees })))
    },
};

static TURNED: Kind = Kind {
    name: "rotation",
    folder: "imagenette2_rot",
    set: Set { name: "rot", thesis: None },
    levels: Levels { in_words: "degrees counterclockwise", stronger: Stronger::Neither },
    untouched: None,
    summary: Summary::Curve { fall: "rotation_drop" },
};

#[derive(Debug, Clone, Copy)]
struct Rotation {
    degrees: u32,
}

impl Change for Rotation {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let (width, height) = canvas.crop.dimensions();
        if width != height {
            let found = format!("a picture of {height} x {width}, expected a square one");
            return Err(Error::new(Code::Parameter, found));
        }
        Ok(Drawn::Sources(sources(canvas.crop, self.degrees)))
    }
}

/// For each pixel of the turned square, row by row, the number of the pixel it comes from.
fn sources(picture: &RgbImage, degrees: u32) -> Vec<u32> {
    let side = picture.width();
    let from = |row: u32, col: u32| match degrees {
        90 => col * side + (side - 1 - row),
        180 => (side - 1 - row) * side + (side - 1 - col),
        _ => (side - 1 - col) * side + row,
    };
    (0..side).flat_map(|row| (0..side).map(move |col| from(row, col))).collect()
}
