//! Less contrast: every value so near mid-grey (Geirhos et al. 2018, arXiv 1808.08750), in colour.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"contrast:percent=10".parse()?, &Parameters::default())?;
//! assert!(made.iter().all(|value| (115..=140).contains(value)));
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::planes::{picture_of, planes};
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "contrast",
    kinds: &[&REDUCED],
    keys: &[("percent", "contrast that is left, in percent (without it: 50, 30, 15, 10, 5, 3, 1)")],
    make: |spec| {
        let fits = (|percent| (1..=100).contains(&percent), "1 to 100");
        let levels = spec.levels("percent", &[50, 30, 15, 10, 5, 3, 1], fits)?;
        Ladder::of(&REDUCED, levels.into_iter().map(|percent| (percent, Contrast { percent })))
    },
};

static REDUCED: Kind = Kind {
    name: "contrast",
    folder: "imagenette2_ctr",
    set: Set { name: "ctr", thesis: None },
    levels: Levels { in_words: "contrast that is left, in percent", stronger: Stronger::Smaller },
    untouched: None,
    summary: Summary::Curve { fall: "contrast_drop" },
};

/// `(1 - c) / 2 + c x` of values x from 0 to 1.
#[derive(Debug, Clone, Copy)]
struct Contrast {
    percent: u32,
}

impl Change for Contrast {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let share = f64::from(self.percent) / 100.0;
        let mut all = planes(canvas.crop);
        all.iter_mut().flatten().for_each(|value| *value = (1.0 - share) / 2.0 + *value * share);
        Ok(Drawn::Picture(Arc::new(picture_of(&all, canvas.crop.dimensions()))))
    }
}
