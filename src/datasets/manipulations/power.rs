//! The amplitude of every frequency replaced by its mean over a set of photographs, phases kept (Geirhos et al. 2018, arXiv
//! 1808.08750): all pictures have one spectrum. By itself, a photograph is its own set.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"power".parse()?, &Parameters::default())?;
//! assert_eq!(made, lgf::pixels::imagenet_crop(&picture)?, "a set of one");
//! # Ok::<(), lgf::Error>(())
//! ```

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;
use rayon::prelude::*;
use rustfft::num_complex::Complex;

use crate::datasets::canvas::{Canvas, Drawn, Subject};
use crate::datasets::fourier::Plan;
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Manipulate, Recipe, Set, Stronger, Summary};
use crate::datasets::planes::{picture_of, planes};
use crate::error::Result;
use crate::files::sha256_hex;
use crate::pixels;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker =
    Maker { name: "power", kinds: &[&EQUALISED], keys: &[], make: |_| Ok(Arc::new(Power { mean: None })) };

static EQUALISED: Kind = Kind {
    name: "power equalised",
    folder: "imagenette2_pow",
    set: Set { name: "pow", thesis: None },
    levels: Levels { in_words: "amplitudes of the set", stronger: Stronger::Neither },
    untouched: None,
    summary: Summary::Curve { fall: "power_drop" },
};

/// Photographs whose spectra are held at a time.
const TOGETHER: usize = 32;

/// The mean amplitudes of a set, where there is one.
#[derive(Clone)]
struct Power {
    mean: Option<Arc<Spectrum>>,
}

/// An amplitude for every frequency of the three channels, column by column.
struct Spectrum {
    amplitudes: [Vec<f64>; 3],
    sha256: String,
}

impl fmt::Debug for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Power({:?})", self.mean.as_ref().map(|mean| &mean.sha256))
    }
}

impl Manipulate for Power {
    fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        Ladder { kind: &EQUALISED, steps: vec![(1, self.clone())] }.plan(subject)
    }

    fn of_set(&self, photographs: &[PathBuf]) -> Result<Option<Arc<dyn Manipulate>>> {
        // A photograph that cannot be read is said where it is its turn.
        let of = |path: &PathBuf| Some(amplitudes(&pixels::crop_of(path).ok()?));
        // A few at a time: a spectrum is a megabyte.
        let mut sums: Option<([Vec<f64>; 3], usize)> = None;
        for some in photographs.chunks(TOGETHER) {
            let some: Vec<[Vec<f64>; 3]> = some.par_iter().filter_map(of).collect();
            for one in some {
                match &mut sums {
                    Some((sums, count)) => {
                        sums.iter_mut().flatten().zip(one.iter().flatten()).for_each(|(sum, value)| *sum += value);
                        *count += 1;
                    }
                    None => sums = Some((one, 1)),
                }
            }
        }
        let Some((mut amplitudes, count)) = sums else { return Ok(None) };
        amplitudes.iter_mut().flatten().for_each(|sum| *sum /= count as f64);
        let bytes: Vec<u8> = amplitudes.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        Ok(Some(Arc::new(Power { mean: Some(Arc::new(Spectrum { amplitudes, sha256: sha256_hex(&bytes) })) })))
    }
}

impl Change for Power {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let Some(mean) = &self.mean else { return Ok(Drawn::Crop) };
        let all = equalised(canvas.crop, &mean.amplitudes);
        Ok(Drawn::Picture(Arc::new(picture_of(&all, canvas.crop.dimensions()))))
    }
}

/// The spectra of a picture's channels.
fn spectra(picture: &RgbImage, plan: &Plan) -> [Vec<Complex<f64>>; 3] {
    planes(picture).map(|plane| plan.forward(plane.into_iter().map(|value| Complex::new(value, 0.0)).collect()))
}

/// The amplitudes of a picture's channels.
pub(in crate::datasets) fn amplitudes(picture: &RgbImage) -> [Vec<f64>; 3] {
    let plan = Plan::new(picture.height() as usize, picture.width() as usize);
    spectra(picture, &plan).map(|spectrum| spectrum.iter().map(|value| value.norm()).collect())
}

/// The planes of a picture with other amplitudes; a frequency that it lacks has phase 0.
pub(in crate::datasets) fn equalised(picture: &RgbImage, amplitudes: &[Vec<f64>; 3]) -> [Vec<f64>; 3] {
    let plan = Plan::new(picture.height() as usize, picture.width() as usize);
    let scale = 1.0 / f64::from(picture.width() * picture.height());
    let mut amplitudes = amplitudes.iter();
    spectra(picture, &plan).map(|mut spectrum| {
        for (value, amplitude) in spectrum.iter_mut().zip(amplitudes.next().into_iter().flatten()) {
            *value = Complex::from_polar(*amplitude, value.arg());
        }
        plan.inverse(spectrum).into_iter().map(|value| value.re * scale).collect()
    })
}
