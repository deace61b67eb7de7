//! Colour taken away: a blend with the grey picture (Burgert et al. 2025, arXiv 2509.20234), whose end is the grey picture itself.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"grey".parse()?, &Parameters::default())?;
//! assert!(made.pixels().all(|Rgb([red, green, blue])| red == green && green == blue));
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use image::{Rgb, RgbImage};

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::planes::luma;
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "grey",
    kinds: &[&GREYED],
    keys: &[("percent", "share of grey in percent (without it: the curve, 20 to 100)")],
    make: |spec| {
        let fits = (|percent| (1..=100).contains(&percent), "1 to 100");
        let levels = spec.levels("percent", &[20, 40, 60, 80, 100], fits)?;
        Ladder::of(&GREYED, levels.into_iter().map(|percent| (percent, Blend { percent })))
    },
};

static GREYED: Kind = Kind {
    name: "greyed",
    folder: "imagenette2_gry",
    set: Set { name: "gry", thesis: None },
    levels: Levels { in_words: "share of grey in percent", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "greyed_drop" },
};

/// So much of grey, in percent.
#[derive(Debug, Clone, Copy)]
struct Blend {
    percent: u32,
}

impl Change for Blend {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        Ok(Drawn::Picture(Arc::new(self.blended(canvas.crop))))
    }
}

impl Blend {
    /// Pillow 12's `Image.blend(picture, picture.convert("L").convert("RGB"), percent / 100)`, to the byte: single precision, cut
    /// to a whole number.
    fn blended(self, picture: &RgbImage) -> RgbImage {
        let share = (f64::from(self.percent) / 100.0) as f32;
        let mut out = RgbImage::new(picture.width(), picture.height());
        for (to, Rgb(pixel)) in out.pixels_mut().zip(picture.pixels()) {
            let grey = luma(*pixel);
            let value = |own: u8| match self.percent {
                100 => grey,
                _ => (f32::from(own) + share * (f32::from(grey) - f32::from(own))) as u8,
            };
            *to = Rgb(pixel.map(value));
        }
        out
    }
}
