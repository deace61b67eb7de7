//! Noise of one octave on the grey picture of low contrast (Subramanian et al. 2023, arXiv 2309.13190): which frequencies decide.
//! Seven octaves, whose middles are 1.75 to 112 cycles a picture.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"critical-band:octave=3,thousandths=80".parse()?, &Parameters::default())?;
//! assert!(made.pixels().all(|Rgb([red, green, blue])| red == green && green == blue));
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use rand::RngExt;
use rustfft::num_complex::Complex;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::fourier::Plan;
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::planes::{grey_picture_of, grey_plane};
use crate::datasets::spec::Spec;
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "critical-band",
    kinds: &[&CRITICAL_BAND],
    keys: &[
        ("octave", "which octave, 0 to 6 (without it: all)"),
        ("thousandths", "standard deviation of the noise in thousandths of the range (without it: 20, 40, 80, 160)"),
    ],
    make: |spec| {
        Ladder::of(&CRITICAL_BAND, bands(spec)?.into_iter().map(|band| (band.thousandths.max(NO_NOISE), band)))
    },
};

/// Noise of one octave on the grey picture of low contrast; its variant is the octave.
pub static CRITICAL_BAND: Kind = Kind {
    name: "critical band",
    folder: "imagenette2_cbm",
    set: Set { name: "cbm", thesis: None },
    levels: Levels {
        in_words: "deviation of the noise in thousandths of the range (1: none, grey and of low contrast)",
        stronger: Stronger::Neither,
    },
    untouched: None,
    summary: Summary::Curve { fall: "critical_band_drop" },
};

/// How many octaves there are.
pub const OCTAVES: u32 = 7;
/// The middle of the first one, in cycles a picture; each has twice that of the one before.
pub const FIRST_MIDDLE: f64 = 1.75;
/// The level of the picture without noise, which is grey and of low contrast.
pub const NO_NOISE: u32 = 1;
/// Contrast of the picture, and what it lies about.
const CONTRAST: f64 = 0.2;
const ABOUT: f64 = 0.449;

fn bands(spec: &Spec) -> Result<Vec<Band>> {
    let octaves: Vec<u32> = (0..OCTAVES).collect();
    let octaves = spec.levels("octave", &octaves, (|octave| octave < OCTAVES, "0 to 6"))?;
    let strengths = spec.levels("thousandths", &[20, 40, 80, 160], (|of| (2..=1000).contains(&of), "2 to 1000"))?;
    let none = Band { octave: 0, thousandths: 0 };
    let all = strengths.iter().flat_map(|&thousandths| octaves.iter().map(move |&octave| Band { octave, thousandths }));
    Ok(std::iter::once(none).filter(|_| spec.get("thousandths").is_none()).chain(all).collect())
}

/// Noise of an octave and a strength.
#[derive(Debug, Clone, Copy)]
struct Band {
    octave: u32,
    thousandths: u32,
}

impl Change for Band {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let mut grey = grey_plane(canvas.crop);
        grey.iter_mut().for_each(|value| *value = ABOUT + CONTRAST * (*value - ABOUT));
        if self.thousandths > 0 {
            let noise = self.noise(canvas);
            grey.iter_mut().zip(noise).for_each(|(value, noise)| *value += noise);
        }
        Ok(Drawn::Picture(Arc::new(grey_picture_of(&grey, canvas.crop.dimensions()))))
    }
}

impl Band {
    /// Noise of the octave, the same at every strength.
    fn noise(&self, canvas: &Canvas<'_>) -> Vec<f64> {
        let (width, height) = (canvas.crop.width() as usize, canvas.crop.height() as usize);
        let mut rng = canvas.subject.generator(&format!("critical band {}", self.octave));
        let white = (0..width * height).map(|_| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0);
        octave_of(white, (height, width), self.octave, f64::from(self.thousandths) / 1000.0)
    }
}

/// White noise of which the frequencies of an octave are left, from its middle over the root of two to its middle times that, with
/// a standard deviation.
pub(in crate::datasets) fn octave_of(
    white: impl Iterator<Item = f64>,
    (height, width): (usize, usize),
    octave: u32,
    deviation: f64,
) -> Vec<f64> {
    let plan = Plan::new(height, width);
    let mut spectrum = plan.forward(white.map(|value| Complex::new(value, 0.0)).collect());
    let middle = FIRST_MIDDLE * 2f64.powi(octave as i32);
    let octave = middle / std::f64::consts::SQRT_2..middle * std::f64::consts::SQRT_2;
    let away = |place: usize, side: usize| place.min(side - place) as f64;
    for (place, value) in spectrum.iter_mut().enumerate() {
        if !octave.contains(&away(place % height, height).hypot(away(place / height, width))) {
            *value = Complex::new(0.0, 0.0);
        }
    }
    let noise: Vec<f64> = plan.inverse(spectrum).into_iter().map(|value| value.re).collect();
    let power = (noise.iter().map(|value| value * value).sum::<f64>() / noise.len().max(1) as f64).sqrt();
    let scale = if power > 0.0 { deviation / power } else { 0.0 };
    noise.into_iter().map(|value| value * scale).collect()
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::datasets::L0;

    #[test]
    fn noise_has_the_strength_asked_for_and_frequencies_of_its_octave_alone() {
        let picture = RgbImage::from_pixel(224, 224, Rgb([120; 3]));
        let smoother = L0::default();
        let canvas = Canvas::new((&picture, &picture), "a", 7, &smoother);
        for octave in 0..OCTAVES {
            let noise = Band { octave, thousandths: 80 }.noise(&canvas);
            let deviation = (noise.iter().map(|value| value * value).sum::<f64>() / noise.len() as f64).sqrt();
            assert!((deviation - 0.08).abs() < 1e-12);
            let spectrum =
                Plan::new(224, 224).forward(noise.into_iter().map(|value| Complex::new(value, 0.0)).collect());
            let middle = 1.75 * 2f64.powi(octave as i32);
            for (place, value) in spectrum.iter().enumerate() {
                let [row, col] = [place % 224, place / 224].map(|at| at.min(224 - at) as f64);
                let octaves = (row.hypot(col) / middle).log2();
                assert!(octaves.abs() <= 0.5 + 1e-9 || value.norm() < 1e-9, "{octave}: {octaves}");
            }
        }
    }
}
