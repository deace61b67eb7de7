//! Canny's edges (1986) as OpenCV 4.12's `Canny`, equal to the byte.

use image::{GrayImage, Luma};
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// How long a gradient is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GradientNorm {
    /// `|dx| + |dy|`, OpenCV's default.
    #[default]
    L1,
    /// `sqrt(dx² + dy²)`, OpenCV's `L2gradient`.
    L2,
}

/// The side of the Sobel kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aperture {
    /// 3 x 3, OpenCV's default.
    #[default]
    Three,
    /// 5 x 5.
    Five,
}

/// tan(22.5°) in 15 bits.
const TAN_22: i32 = 13573;

/// Gradients of a grey picture: `dx` to the right and `dy` down, Sobel kernels, the edge pixels repeated beyond the edge.
struct Gradients {
    dx: Vec<i32>,
    dy: Vec<i32>,
}

/// Smoothing and derivative of a Sobel kernel.
fn kernels(aperture: Aperture) -> (&'static [i32], &'static [i32]) {
    match aperture {
        Aperture::Three => (&[1, 2, 1], &[-1, 0, 1]),
        Aperture::Five => (&[1, 4, 6, 4, 1], &[-1, -2, 0, 2, 1]),
    }
}

fn gradients(gray: &GrayImage, aperture: Aperture) -> Gradients {
    let (smooth, derive) = kernels(aperture);
    let (height, width) = (gray.height() as usize, gray.width() as usize);
    let half = smooth.len() / 2;
    let (mut dx, mut dy) = (vec![0; height * width], vec![0; height * width]);
    // A row smoothed and derived down the columns, with the edge columns repeated, then the other way along the row.
    let (mut smoothed, mut derived) = (vec![0; width + 2 * half], vec![0; width + 2 * half]);
    for row in 0..height {
        smoothed.fill(0);
        derived.fill(0);
        for (tap, (s, d)) in smooth.iter().zip(derive).enumerate() {
            let from = (row + tap).saturating_sub(half).min(height - 1);
            let values = &gray.as_raw()[from * width..][..width];
            let places = smoothed[half..].iter_mut().zip(&mut derived[half..]);
            for ((smoothed, derived), value) in places.zip(values) {
                *smoothed += s * i32::from(*value);
                *derived += d * i32::from(*value);
            }
        }
        for line in [&mut smoothed, &mut derived] {
            let (first, last) = (line[half], line[half + width - 1]);
            line[..half].fill(first);
            line[half + width..].fill(last);
        }
        let along = |line: &[i32], kernel: &[i32], out: &mut [i32]| {
            for (window, out) in line.windows(kernel.len()).zip(out) {
                *out = window.iter().zip(kernel).map(|(value, weight)| value * weight).sum();
            }
        };
        let place = row * width..(row + 1) * width;
        match aperture {
            // Kernels of a fixed length are laid out without a loop.
            Aperture::Three => {
                for (out, window) in dx[place.clone()].iter_mut().zip(smoothed.windows(3)) {
                    *out = window[2] - window[0];
                }
                for (out, window) in dy[place].iter_mut().zip(derived.windows(3)) {
                    *out = window[0] + 2 * window[1] + window[2];
                }
            }
            Aperture::Five => {
                along(&smoothed, derive, &mut dx[place.clone()]);
                along(&derived, smooth, &mut dy[place]);
            }
        }
    }
    Gradients { dx, dy }
}

impl Gradients {
    /// Lengths, as compared with the thresholds: the L2 norm stays squared.
    fn lengths(&self, norm: GradientNorm) -> Vec<i32> {
        let pairs = self.dx.iter().zip(&self.dy);
        match norm {
            GradientNorm::L1 => pairs.map(|(dx, dy)| dx.abs() + dy.abs()).collect(),
            GradientNorm::L2 => pairs.map(|(dx, dy)| dx * dx + dy * dy).collect(),
        }
    }
}

/// The lengths of a picture's gradients, row by row (L2 lengths are not rounded): what thresholds are compared with.
pub(crate) fn gradient_lengths(gray: &GrayImage, aperture: Aperture, norm: GradientNorm) -> Vec<f32> {
    let lengths = gradients(gray, aperture).lengths(norm).into_iter();
    match norm {
        GradientNorm::L1 => lengths.map(|length| length as f32).collect(),
        GradientNorm::L2 => lengths.map(|square| (f64::from(square)).sqrt() as f32).collect(),
    }
}

/// Canny's edges: 255 on an edge, 0 elsewhere. A pixel is an edge if its gradient is the longest across the edge, and is
/// longer than `high`, or longer than `low` and connected with one that is (8 neighbours). Where `low` is above `high` they change
/// places. Equals OpenCV 4.12's `Canny(gray, low, high, apertureSize, L2gradient)`.
///
/// ```
/// use image::{GrayImage, Luma};
/// use lgf::edges::{Aperture, GradientNorm, canny};
///
/// let step = GrayImage::from_fn(10, 6, |x, _| Luma([if x < 5 { 20 } else { 220 }]));
/// let edges = canny(&step, 30.0, 100.0, Aperture::Three, GradientNorm::L1)?;
/// assert_eq!(edges.as_raw().iter().filter(|value| **value == 255).count(), 6, "one pixel in each row");
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`] if a threshold is not a number.
pub fn canny(gray: &GrayImage, low: f64, high: f64, aperture: Aperture, norm: GradientNorm) -> Result<GrayImage> {
    if low.is_nan() || high.is_nan() {
        return Err(Error::new(Code::Parameter, format!("thresholds are {low} and {high}, expected numbers")));
    }
    let (height, width) = (gray.height() as usize, gray.width() as usize);
    if height == 0 || width == 0 {
        return Ok(gray.clone());
    }
    let (low, high) = (low.min(high), low.max(high));
    let whole = |threshold: f64| match norm {
        GradientNorm::L1 => threshold.floor() as i32,
        GradientNorm::L2 => {
            let most = threshold.min(32767.0);
            (if most > 0.0 { most * most } else { most }).floor() as i32
        }
    };
    let (low, high) = (whole(low), whole(high));
    let gradients = gradients(gray, aperture);
    // One row and column of zeros around: nothing is longer than beyond the edge.
    let stride = width + 2;
    let mut lengths = vec![0; (height + 2) * stride];
    for (row, values) in gradients.lengths(norm).chunks_exact(width).enumerate() {
        lengths[(row + 1) * stride + 1..][..width].copy_from_slice(values);
    }
    let mut kinds = vec![NONE; (height + 2) * stride];
    let mut strong: Vec<usize> = Vec::new();
    for row in 0..height {
        for col in 0..width {
            let at = (row + 1) * stride + col + 1;
            if lengths[at] > low {
                let (dx, dy) = (gradients.dx[row * width + col], gradients.dy[row * width + col]);
                if is_longest(&lengths, at, stride, dx, dy) {
                    kinds[at] = if lengths[at] > high { EDGE } else { WEAK };
                    if kinds[at] == EDGE {
                        strong.push(at);
                    }
                }
            }
        }
    }
    while let Some(at) = strong.pop() {
        for neighbour in [
            at - stride - 1,
            at - stride,
            at - stride + 1,
            at - 1,
            at + 1,
            at + stride - 1,
            at + stride,
            at + stride + 1,
        ] {
            if kinds[neighbour] == WEAK {
                kinds[neighbour] = EDGE;
                strong.push(neighbour);
            }
        }
    }
    Ok(GrayImage::from_fn(gray.width(), gray.height(), |x, y| {
        let kind = kinds[(y as usize + 1) * stride + x as usize + 1];
        Luma([if kind == EDGE { 255 } else { 0 }])
    }))
}

const NONE: u8 = 0;
const WEAK: u8 = 1;
const EDGE: u8 = 2;

/// Whether the gradient is longer than both neighbours across the edge, in one of four directions; of two equal ones
/// side by side the left or upper one counts, on a diagonal neither.
fn is_longest(lengths: &[i32], at: usize, stride: usize, dx: i32, dy: i32) -> bool {
    let length = lengths[at];
    let (x, y) = (dx.abs(), dy.abs() << 15);
    let flat = x * TAN_22;
    if y < flat {
        return length > lengths[at - 1] && length >= lengths[at + 1];
    }
    if y > flat + (x << 16) {
        return length > lengths[at - stride] && length >= lengths[at + stride];
    }
    if (dx ^ dy) < 0 {
        length > lengths[at - stride + 1] && length > lengths[at + stride - 1]
    } else {
        length > lengths[at - stride - 1] && length > lengths[at + stride + 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_may_come_in_any_order_and_a_flat_picture_has_no_edge() {
        let ramp = GrayImage::from_fn(12, 12, |x, y| Luma([((x * y) % 256) as u8]));
        let run = |low, high| canny(&ramp, low, high, Aperture::Three, GradientNorm::L1).unwrap();
        assert_eq!(run(20.0, 60.0), run(60.0, 20.0));
        let flat = GrayImage::from_pixel(9, 5, Luma([200]));
        let edges = canny(&flat, 0.0, 0.0, Aperture::Five, GradientNorm::L2).unwrap();
        assert!(edges.as_raw().iter().all(|value| *value == 0));
        assert!(canny(&flat, f64::NAN, 1.0, Aperture::Three, GradientNorm::L1).is_err());
    }

    #[test]
    fn a_weak_edge_counts_only_where_it_meets_a_strong_one() {
        // A step that fades: 100 grey levels at the top, 10 at the bottom.
        let fading = GrayImage::from_fn(21, 40, |x, y| Luma([if x < 10 { 100 } else { (200 - y * 9 / 4) as u8 }]));
        let count = |low, high| {
            let edges = canny(&fading, low, high, Aperture::Three, GradientNorm::L1).unwrap();
            edges.as_raw().iter().filter(|value| **value > 0).count()
        };
        assert!(count(50.0, 300.0) > 30, "carried down from the strong part");
        assert!(count(300.0, 300.0) < 25, "the strong part alone");
        assert_eq!(count(50.0, 1000.0), 0, "nothing to start from");
    }
}
