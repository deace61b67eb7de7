//! Fine detail taken away: a Gaussian blur (Burgert et al. 2025, arXiv 2509.20234), whose deviation follows from its kernel:
//! 0.33 pixels at 3 to 2.33 at 15.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([if x > 100 { 200 } else { 20 }, y as u8, 60]));
//! let made = changed(&picture, "a", &"gaussian:kernel=9".parse()?, &Parameters::default())?;
//! assert!((20..200).contains(&made.get_pixel(101, 50).0[0]));
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::gaussian_blur::gaussian_blur;
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "gaussian",
    kinds: &[&BLURRED],
    keys: &[("kernel", "side of the kernel in pixels, odd (without it: the curve, 3 to 15)")],
    make: |spec| {
        let fits = (|kernel| (3..=61).contains(&kernel) && kernel % 2 == 1, "an odd number from 3 to 61");
        let levels = spec.levels("kernel", &[3, 5, 7, 9, 11, 13, 15], fits)?;
        Ladder::of(&BLURRED, levels.into_iter().map(|kernel| (kernel, Blur { kernel })))
    },
};

static BLURRED: Kind = Kind {
    name: "gaussian",
    folder: "imagenette2_gss",
    set: Set { name: "gss", thesis: None },
    levels: Levels { in_words: "side of the kernel in pixels", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "gaussian_drop" },
};

/// OpenCV 4.12's `GaussianBlur(picture, (kernel, kernel), (kernel - 1) / 6)`, to the byte.
#[derive(Debug, Clone, Copy)]
struct Blur {
    kernel: u32,
}

impl Change for Blur {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let sigma = f64::from(self.kernel - 1) / 6.0;
        Ok(Drawn::Picture(Arc::new(gaussian_blur(canvas.crop, self.kernel, sigma))))
    }
}
