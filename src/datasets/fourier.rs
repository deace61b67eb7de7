//! Two-dimensional Fourier transforms.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// Two-dimensional Fourier transforms of one size.
pub(super) struct Plan {
    height: usize,
    width: usize,
    rows: [Arc<dyn Fft<f64>>; 2],
    cols: [Arc<dyn Fft<f64>>; 2],
}

impl Plan {
    pub(super) fn new(height: usize, width: usize) -> Self {
        let mut planner = FftPlanner::new();
        let rows = [planner.plan_fft_forward(width), planner.plan_fft_inverse(width)];
        let cols = [planner.plan_fft_forward(height), planner.plan_fft_inverse(height)];
        Plan { height, width, rows, cols }
    }

    /// The spectrum, column by column: to turn it back would be undone by the inverse.
    pub(super) fn forward(&self, mut values: Vec<Complex<f64>>) -> Vec<Complex<f64>> {
        self.rows[0].process(&mut values);
        let mut turned = transpose(&values, self.height, self.width);
        self.cols[0].process(&mut turned);
        turned
    }

    /// From a spectrum as [`Plan::forward`] gives it; `height * width` times too large.
    pub(super) fn inverse(&self, mut spectrum: Vec<Complex<f64>>) -> Vec<Complex<f64>> {
        self.cols[1].process(&mut spectrum);
        let mut values = transpose(&spectrum, self.width, self.height);
        self.rows[1].process(&mut values);
        values
    }
}

/// In squares that stay in the nearest cache.
fn transpose(values: &[Complex<f64>], height: usize, width: usize) -> Vec<Complex<f64>> {
    const SQUARE: usize = 16;
    let mut out = vec![Complex::new(0.0, 0.0); values.len()];
    for top in (0..height).step_by(SQUARE) {
        for left in (0..width).step_by(SQUARE) {
            for row in top..(top + SQUARE).min(height) {
                for col in left..(left + SQUARE).min(width) {
                    out[col * height + row] = values[row * width + col];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_comes_back() {
        let plan = Plan::new(6, 10);
        let values: Vec<Complex<f64>> = (0..60).map(|i| Complex::new((i * i % 17) as f64, (i % 5) as f64)).collect();
        let back = plan.inverse(plan.forward(values.clone()));
        assert!(values.iter().zip(back).all(|(a, b)| (a - b / 60.0).norm() < 1e-12));
    }
}
