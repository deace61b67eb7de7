//! Smoothing that takes texture away and leaves outlines: L0 gradient minimisation.

use image::RgbImage;
use rustfft::num_complex::Complex;
use serde::{Deserialize, Serialize};

use super::fourier::Plan;
use super::smoother::Smoother;
use crate::error::{Code, Error, Result};

impl Smoother for L0 {
    fn identity(&self) -> String {
        format!(
            "L0 gradient minimisation, lambda {}, kappa {}, beta at most {}",
            self.lambda, self.kappa, self.beta_max
        )
    }

    fn pass(&self, picture: &RgbImage) -> Result<RgbImage> {
        self.check()?;
        Ok(l0(picture, self))
    }
}

/// Parameters of L0 gradient minimisation (Xu et al. 2011).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct L0 {
    /// Price of a gradient that is not zero; larger is smoother.
    pub lambda: f64,
    /// Factor by which the coupling grows each round; smaller is slower and finer.
    pub kappa: f64,
    /// Coupling at which it ends.
    pub beta_max: f64,
}

impl Default for L0 {
    fn default() -> Self {
        L0 { lambda: 0.02, kappa: 2.0, beta_max: 1e5 }
    }
}

/// The most rounds of one pass; the usual parameters take 22.
const MOST_ROUNDS: f64 = 10_000.0;

impl L0 {
    /// That a pass comes to an end.
    fn check(&self) -> Result<()> {
        let rounds = (self.beta_max / (2.0 * self.lambda)).ln() / self.kappa.ln();
        let numbers = self.lambda > 0.0 && self.kappa > 1.0 && self.beta_max.is_finite();
        if numbers && rounds <= MOST_ROUNDS {
            return Ok(());
        }
        let found = format!(
            "{}: expected a lambda above 0, a kappa above 1 and so large that beta ends within {MOST_ROUNDS} rounds",
            self.identity()
        );
        Err(Error::new(Code::Parameter, found).hint("the usual ones are lambda 0.02, kappa 2, beta at most 100000"))
    }
}

/// One pass of L0 gradient minimisation over all three channels together, on values in [0, 1], with circular borders;
/// rounded to bytes at the end. Algorithm 1 of Xu et al. 2011.
fn l0(picture: &RgbImage, parameters: &L0) -> RgbImage {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if width == 0 || height == 0 {
        return picture.clone();
    }
    let plan = Plan::new(height, width);
    let raw = picture.as_raw();
    let value = |index: usize| f64::from(raw[index]) / 255.0;
    // The system has one real matrix for all channels, so red and green share one complex transform.
    let mut pairs: [Vec<Complex<f64>>; 2] = [
        (0..width * height).map(|i| Complex::new(value(3 * i), value(3 * i + 1))).collect(),
        (0..width * height).map(|i| Complex::new(value(3 * i + 2), 0.0)).collect(),
    ];
    let spectra: Vec<Vec<Complex<f64>>> = pairs.iter().map(|pair| plan.forward(pair.clone())).collect();
    let laplacian = laplacian_spectrum(height, width);
    // What an inverse transform leaves to be divided by is divided out with the rest.
    let scale = 1.0 / (height * width) as f64;
    let mut beta = 2.0 * parameters.lambda;
    while beta < parameters.beta_max {
        let divergences = sparse_divergences(&pairs, height, width, parameters.lambda / beta);
        for ((pair, spectrum), divergence) in pairs.iter_mut().zip(&spectra).zip(divergences) {
            let mut solved = plan.forward(divergence);
            for ((value, origin), curve) in solved.iter_mut().zip(spectrum).zip(&laplacian) {
                *value = (origin + *value * beta) * (scale / (1.0 + beta * curve));
            }
            *pair = plan.inverse(solved);
        }
        beta *= parameters.kappa;
    }
    let byte = |value: f64| (value * 255.0).round().clamp(0.0, 255.0) as u8;
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let index = y as usize * width + x as usize;
        image::Rgb([byte(pairs[0][index].re), byte(pairs[0][index].im), byte(pairs[1][index].re)])
    })
}

/// Gradients below the price are set to zero (all channels of a pixel together); the rest is taken back by the transpose
/// of the difference.
fn sparse_divergences(
    pairs: &[Vec<Complex<f64>>; 2],
    height: usize,
    width: usize,
    price: f64,
) -> [Vec<Complex<f64>>; 2] {
    let zero = Complex::new(0.0, 0.0);
    let mut out = [vec![zero; width * height], vec![zero; width * height]];
    for row in 0..height {
        let below = (row + 1) % height;
        for col in 0..width {
            let right = (col + 1) % width;
            let here = row * width + col;
            let (at_right, at_below) = (row * width + right, below * width + col);
            let steps = [0, 1].map(|p| (pairs[p][at_right] - pairs[p][here], pairs[p][at_below] - pairs[p][here]));
            let energy: f64 = steps.iter().map(|(across, down)| across.norm_sqr() + down.norm_sqr()).sum();
            if energy < price {
                continue;
            }
            for (target, (across, down)) in out.iter_mut().zip(steps) {
                target[here] -= across + down;
                target[at_right] += across;
                target[at_below] += down;
            }
        }
    }
    out
}

/// `|F(dx)|^2 + |F(dy)|^2` of the forward differences, column by column as [`Plan::forward`] leaves a spectrum.
fn laplacian_spectrum(height: usize, width: usize) -> Vec<f64> {
    let curve = |index: usize, count: usize| 2.0 - 2.0 * (std::f64::consts::TAU * index as f64 / count as f64).cos();
    let rows: Vec<f64> = (0..height).map(|row| curve(row, height)).collect();
    let cols: Vec<f64> = (0..width).map(|col| curve(col, width)).collect();
    cols.iter().flat_map(|col| rows.iter().map(move |row| row + col)).collect()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    /// A step of 100 with stripes of 16 on it.
    fn striped() -> RgbImage {
        RgbImage::from_fn(48, 40, |x, y| {
            let step = if x < 24 { 60 } else { 160 };
            Rgb([step + if (x + y) % 2 == 0 { 16 } else { 0 }; 3])
        })
    }

    #[test]
    fn smoothing_takes_the_stripes_and_leaves_the_step() {
        let smooth = l0(&striped(), &L0::default());
        let spread = |image: &RgbImage, from: u32, to: u32| {
            let values: Vec<u8> = (10..30)
                .flat_map(|y| (from..to).map(move |x| (x, y)))
                .map(|(x, y)| image.get_pixel(x, y).0[0])
                .collect();
            values.iter().max().unwrap() - values.iter().min().unwrap()
        };
        assert_eq!(spread(&striped(), 5, 18), 16);
        assert!(spread(&smooth, 5, 18) <= 1, "{}", spread(&smooth, 5, 18));
        assert!(spread(&smooth, 18, 30) > 80, "{}", spread(&smooth, 18, 30));
    }

    #[test]
    fn numbers_with_which_it_would_not_end_are_refused() {
        let usual = L0::default();
        for wrong in [
            L0 { lambda: 0.0, ..usual },
            L0 { lambda: f64::NAN, ..usual },
            L0 { kappa: 1.0, ..usual },
            L0 { kappa: 1.0 + f64::EPSILON, ..usual },
            L0 { beta_max: f64::INFINITY, ..usual },
        ] {
            assert!(wrong.pass(&striped()).unwrap_err().message().contains("expected a lambda above 0"), "{wrong:?}");
        }
        // Where there is nothing to do, nothing is done.
        assert!(L0 { beta_max: 0.0, ..usual }.pass(&striped()).is_ok());
    }

    #[test]
    fn a_flat_picture_is_unchanged() {
        let flat = RgbImage::from_pixel(13, 7, Rgb([10, 200, 255]));
        assert_eq!(l0(&flat, &L0::default()), flat);
    }
}
