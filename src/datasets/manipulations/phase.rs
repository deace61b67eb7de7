//! Every frequency moved by chance, with its amplitude kept (Geirhos et al. 2018, arXiv 1808.08750): edges go, the spectrum stays.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"phase:degrees=180".parse()?, &Parameters::default())?;
//! assert_ne!(made, picture);
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use image::RgbImage;
use rand::RngExt;
use rustfft::num_complex::Complex;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::fourier::Plan;
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::planes::{picture_of, planes};
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "phase",
    kinds: &[&SCRAMBLED],
    keys: &[("degrees", "largest shift of a phase in degrees (without it: 30, 60, 90, 120, 150, 180)")],
    make: |spec| {
        let fits = (|degrees| (1..=180).contains(&degrees), "1 to 180");
        let levels = spec.levels("degrees", &[30, 60, 90, 120, 150, 180], fits)?;
        Ladder::of(&SCRAMBLED, levels.into_iter().map(|degrees| (degrees, Phase { degrees })))
    },
};

static SCRAMBLED: Kind = Kind {
    name: "phase scrambled",
    folder: "imagenette2_phs",
    set: Set { name: "phs", thesis: None },
    levels: Levels { in_words: "largest shift of a phase in degrees", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "phase_drop" },
};

/// A shift of every phase, from so many degrees down to so many up, the same for all channels.
#[derive(Debug, Clone, Copy)]
struct Phase {
    degrees: u32,
}

impl Change for Phase {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let mut rng = canvas.subject.generator(&format!("phase {}", self.degrees));
        let width = f64::from(self.degrees).to_radians();
        let all = scrambled(canvas.crop, || width * (2.0 * rng.random::<f64>() - 1.0));
        Ok(Drawn::Picture(Arc::new(picture_of(&all, canvas.crop.dimensions()))))
    }
}

/// The planes of a picture whose frequencies are shifted by what `shift` gives in radians, frequency by frequency, column by
/// column. Two that are one another's mirror image are shifted by opposite angles, and those that are their own not at all, so
/// that numbers stay real.
pub(in crate::datasets) fn scrambled(picture: &RgbImage, mut shift: impl FnMut() -> f64) -> [Vec<f64>; 3] {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let plan = Plan::new(height, width);
    let mut turns = vec![Complex::new(1.0, 0.0); width * height];
    for place in 0..turns.len() {
        let (col, row) = (place / height, place % height);
        let mirror = (width - col) % width * height + (height - row) % height;
        if mirror > place {
            turns[place] = Complex::from_polar(1.0, shift());
            turns[mirror] = turns[place].conj();
        }
    }
    let scale = 1.0 / (width * height) as f64;
    planes(picture).map(|plane| {
        let mut spectrum = plan.forward(plane.into_iter().map(|value| Complex::new(value, 0.0)).collect());
        spectrum.iter_mut().zip(&turns).for_each(|(value, turn)| *value *= turn);
        plan.inverse(spectrum).into_iter().map(|value| value.re * scale).collect()
    })
}
