//! Fine detail taken away: a Gaussian over each channel (Geirhos et al. 2018, arXiv 1808.08750), beyond the border their mean grey.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"low-pass:deviation=7".parse()?, &Parameters::default())?;
//! assert_ne!(made, picture);
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use image::RgbImage;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::planes::{picture_of, planes};
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "low-pass",
    kinds: &[&LOW],
    keys: &[("deviation", "standard deviation of the Gaussian in pixels (without it: 1, 3, 5, 7, 10, 15, 40)")],
    make: |spec| {
        let fits = (|deviation| (1..=100).contains(&deviation), "1 to 100");
        let levels = spec.levels("deviation", &[1, 3, 5, 7, 10, 15, 40], fits)?;
        Ladder::of(&LOW, levels.into_iter().map(|deviation| (deviation, LowPass { deviation })))
    },
};

static LOW: Kind = Kind {
    name: "low-pass",
    folder: "imagenette2_lwp",
    set: Set { name: "lwp", thesis: None },
    levels: Levels { in_words: "deviation of the Gaussian in pixels", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "low_pass_drop" },
};

/// The mean of the pictures of Geirhos et al., which lies beyond the border.
pub(super) const BEYOND: f64 = 0.4423;

#[derive(Debug, Clone, Copy)]
struct LowPass {
    deviation: u32,
}

impl Change for LowPass {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let low = blurred(canvas.crop, f64::from(self.deviation));
        Ok(Drawn::Picture(Arc::new(picture_of(&low, canvas.crop.dimensions()))))
    }
}

/// Each channel under a Gaussian of a standard deviation in pixels, cut at four deviations: SciPy's
/// `gaussian_filter(plane, deviation, mode="constant", cval=0.4423)`.
pub(in crate::datasets) fn blurred(picture: &RgbImage, deviation: f64) -> [Vec<f64>; 3] {
    let reach = (4.0 * deviation + 0.5) as usize;
    let weight = |place: usize| (-0.5 * (place as f64 / deviation).powi(2)).exp();
    let all: f64 = weight(0) + 2.0 * (1..=reach).map(weight).sum::<f64>();
    let weights: Vec<f64> = (0..=reach).map(|place| weight(place) / all).collect();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    planes(picture).map(|plane| {
        let across = along(&plane, (height, width), &weights);
        turned(&along(&turned(&across, width), (width, height), &weights), height)
    })
}

/// Every row under a symmetrical filter, given from its middle on.
fn along(plane: &[f64], (height, width): (usize, usize), weights: &[f64]) -> Vec<f64> {
    let reach = weights.len() - 1;
    let mut out = vec![0.0; plane.len()];
    let mut padded = vec![BEYOND; width + 2 * reach];
    for (from, to) in plane.chunks_exact(width).zip(out.chunks_exact_mut(width)).take(height) {
        padded[reach..reach + width].copy_from_slice(from);
        to.iter_mut().zip(from).for_each(|(sum, value)| *sum = weights[0] * value);
        for (place, weight) in weights.iter().enumerate().skip(1) {
            let (before, after) = (&padded[reach - place..], &padded[reach + place..]);
            for ((sum, before), after) in to.iter_mut().zip(before).zip(after) {
                *sum += weight * (before + after);
            }
        }
    }
    out
}

/// Columns for rows.
fn turned(plane: &[f64], width: usize) -> Vec<f64> {
    (0..width).flat_map(|col| plane.iter().skip(col).step_by(width).copied()).collect()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn a_plane_of_the_mean_is_unchanged_and_a_point_becomes_the_filter() {
        let mut one = RgbImage::new(41, 37);
        one.put_pixel(20, 18, Rgb([255; 3]));
        let [spread, ..] = blurred(&one, 2.0);
        let black = blurred(&RgbImage::new(41, 37), 2.0);
        let at = |row: usize, col: usize| spread[row * 41 + col] - black[0][row * 41 + col];
        let expected = |far: f64| (-0.5 * (far / 2.0f64).powi(2)).exp();
        assert!((at(18, 23) / at(18, 20) - expected(3.0)).abs() < 1e-12);
        assert!((at(14, 20) / at(18, 20) - expected(4.0)).abs() < 1e-12);
        let sum: f64 = (0..37 * 41).map(|place| at(place / 41, place % 41)).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }
}
