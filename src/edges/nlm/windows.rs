//! What is the same for every pixel: sides, strength, weights.

use crate::error::{Code, Error, Result};

/// Weights below this share of the largest count as 0.
const WEIGHT_THRESHOLD: f64 = 0.001;

/// What is the same for every pixel.
pub(super) struct Windows {
    /// Half of the template and of the search window, in pixels.
    pub(super) template: usize,
    pub(super) search: usize,
    /// Bits that the sum of squares is shifted by.
    pub(super) shift: u32,
    /// Weight by shifted distance; the last is 0, and so are all beyond.
    pub(super) weights: Vec<u32>,
    /// A weight is the largest times two to the power of minus this times the shifted distance.
    pub(super) falls: f64,
}

impl Windows {
    pub(super) fn new(h: f32, template: u32, search: u32, channels: usize) -> Result<Self> {
        if h.is_nan() || h < 0.0 {
            return Err(Error::new(Code::Parameter, format!("h is {h}, expected a number of grey levels, 0 or more")));
        }
        for (name, side) in [("template", template), ("search", search)] {
            if !(1..=101).contains(&side) {
                let found = format!("the {name} window is {side} pixels wide, expected 1 to 101");
                return Err(Error::new(Code::Parameter, found));
            }
        }
        let (template, search) = (template as usize / 2, search as usize / 2);
        let side = 2 * search + 1;
        let largest = i32::MAX / (side * side * 255) as i32;
        let area = (2 * template + 1).pow(2);
        let shift = area.next_power_of_two().trailing_zeros();
        let scale = f64::from(1u32 << shift) / area as f64;
        let most = 255.0 * 255.0 * channels as f64;
        let count = (most / scale + 1.0) as usize;
        let strength = f64::from(h * h * channels as f32);
        let weight = |distance: usize| {
            let share = (-(distance as f64 * scale) / strength).exp();
            // h = 0 at distance 0.
            let share = if share.is_nan() { 1.0 } else { share };
            let weight = (f64::from(largest) * share).round_ties_even();
            if weight < WEIGHT_THRESHOLD * f64::from(largest) { 0 } else { weight as u32 }
        };
        let mut weights: Vec<u32> = (0..count).map(weight).collect();
        weights.truncate(weights.iter().rposition(|weight| *weight > 0).map_or(0, |last| last + 1));
        weights.push(0);
        let falls = scale / strength * std::f64::consts::LOG2_E;
        Ok(Windows { template, search, shift, weights, falls })
    }
}
