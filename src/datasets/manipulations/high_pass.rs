//! Coarse detail taken away: the picture less its low-pass, with the mean of the pictures of Geirhos et al. 2018 (arXiv
//! 1808.08750), 0.4423, as that of each channel.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"high-pass:hundredths=100".parse()?, &Parameters::default())?;
//! assert_ne!(made, picture);
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use image::RgbImage;

use super::low_pass::{BEYOND, blurred};
use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::planes::{picture_of, planes};
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "high-pass",
    kinds: &[&HIGH],
    keys: &[(
        "hundredths",
        "standard deviation of the Gaussian in hundredths of a pixel (without it: 300, 150, 100, 70, 55, 45, 40)",
    )],
    make: |spec| {
        let fits = (|hundredths| (10..=10_000).contains(&hundredths), "10 to 10000");
        let levels = spec.levels("hundredths", &[300, 150, 100, 70, 55, 45, 40], fits)?;
        Ladder::of(&HIGH, levels.into_iter().map(|hundredths| (hundredths, HighPass { hundredths })))
    },
};

static HIGH: Kind = Kind {
    name: "high-pass",
    folder: "imagenette2_hgp",
    set: Set { name: "hgp", thesis: None },
    levels: Levels { in_words: "deviation of the Gaussian in hundredths of a pixel", stronger: Stronger::Smaller },
    untouched: None,
    summary: Summary::Curve { fall: "high_pass_drop" },
};

/// A picture less what a Gaussian leaves of it, with 0.4423 as its mean.
#[derive(Debug, Clone, Copy)]
struct HighPass {
    hundredths: u32,
}

impl Change for HighPass {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let all = sharpened(canvas.crop, f64::from(self.hundredths) / 100.0);
        Ok(Drawn::Picture(Arc::new(picture_of(&all, canvas.crop.dimensions()))))
    }
}

/// The planes of a picture less what a Gaussian of a standard deviation in pixels leaves of it, with 0.4423 as their mean.
pub(in crate::datasets) fn sharpened(picture: &RgbImage, deviation: f64) -> [Vec<f64>; 3] {
    let mut all = planes(picture);
    for (plane, low) in all.iter_mut().zip(blurred(picture, deviation)) {
        plane.iter_mut().zip(low).for_each(|(value, low)| *value -= low);
        let mean = plane.iter().sum::<f64>() / plane.len().max(1) as f64;
        plane.iter_mut().for_each(|value| *value += BEYOND - mean);
    }
    all
}
