//! Uniform noise on the grey picture (Geirhos et al. 2018, arXiv 1808.08750), whose contrast is left as it is.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"noise:percent=20".parse()?, &Parameters::default())?;
//! assert!(made.pixels().all(|Rgb([red, green, blue])| red == green && green == blue));
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use rand::RngExt;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::planes::{grey_picture_of, grey_plane};
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "noise",
    kinds: &[&NOISY],
    keys: &[("percent", "width of the noise in percent of the range (without it: 3, 5, 10, 20, 35, 60, 90)")],
    make: |spec| {
        let fits = (|percent| (1..=200).contains(&percent), "1 to 200");
        let levels = spec.levels("percent", &[3, 5, 10, 20, 35, 60, 90], fits)?;
        Ladder::of(&NOISY, levels.into_iter().map(|percent| (percent, Noise { percent })))
    },
};

static NOISY: Kind = Kind {
    name: "noise",
    folder: "imagenette2_nse",
    set: Set { name: "nse", thesis: None },
    levels: Levels { in_words: "width of uniform noise in percent of the range", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "noise_drop" },
};

/// Grey plus a number from -w to w, the same for all channels, cut off at 0 and 1.
#[derive(Debug, Clone, Copy)]
struct Noise {
    percent: u32,
}

impl Change for Noise {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let width = f64::from(self.percent) / 100.0;
        let mut rng = canvas.subject.generator(&format!("noise {}", self.percent));
        let mut grey = grey_plane(canvas.crop);
        grey.iter_mut().for_each(|value| *value += width * (2.0 * rng.random::<f64>() - 1.0));
        Ok(Drawn::Picture(Arc::new(grey_picture_of(&grey, canvas.crop.dimensions()))))
    }
}
