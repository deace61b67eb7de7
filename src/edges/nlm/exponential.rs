//! The weights as a function, computed where a table would have to be looked up.

use std::arch::x86_64::*;

use super::extended::BLOCK;
use super::windows::Windows;

/// Added to a float of moderate size, leaves the nearest whole number in its lowest bits.
pub(super) const MAGIC: f32 = 12_582_912.0;
/// Weights that are found side by side.
pub(super) const WIDE: usize = 2 * BLOCK;
/// Powers of the exponential's polynomial.
const DEGREE: usize = 5;
/// Coefficients and scales that are tried: as they are, and this many steps of their last bits larger and smaller.
const COEFFICIENT_STEPS: i32 = 64;
const SCALE_STEPS: i32 = 2;

/// The weights as a function: `largest · 2^(-index · scale)`, rounded; those from `last` on are 0. Equal to the table in every
/// entry, or there is none.
#[derive(Clone, Copy)]
pub(super) struct Exponential {
    pub(super) shift: i32,
    pub(super) last: i32,
    /// The factor of the index.
    pub(super) scale: f32,
    /// Of `largest · 2^x` for x from -1/2 to 1/2, from the highest power down.
    pub(super) coefficients: [f32; DEGREE + 1],
}

impl Exponential {
    /// The function that gives this table of weights, if there is one and it fits in 16 bits.
    pub(super) fn of(windows: &Windows) -> Option<Self> {
        let able = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        if !able || windows.weights[0] > i16::MAX as u32 || !(0.0..1e3).contains(&windows.falls) {
            return None;
        }
        // Most numbers of the table lie far from the middle of two whole ones; where one is rounded to the wrong side, a change in
        // the last bits helps, for all usual strengths.
        let tries = steps(SCALE_STEPS).flat_map(|scale| steps(COEFFICIENT_STEPS).map(move |step| (scale, step)));
        tries.map(|(scale, step)| Exponential::near(windows, scale, step)).find(|exponential| {
            // SAFETY: both features were found to be there.
            unsafe { exponential.gives(&windows.weights) }
        })
    }

    /// The function, so many steps of the last bits from where it would be in real numbers.
    fn near(windows: &Windows, scale: i32, step: i32) -> Self {
        let largest = f64::from(windows.weights[0]) * (1.0 + f64::from(step) * 2f64.powi(-27));
        Exponential {
            shift: windows.shift as i32,
            last: windows.weights.len() as i32 - 1,
            scale: f32::from_bits((-windows.falls as f32).to_bits().wrapping_add_signed(scale)),
            coefficients: power_of_two().map(|coefficient| (coefficient * largest) as f32),
        }
    }

    #[target_feature(enable = "avx2,fma")]
    fn gives(&self, table: &[u32]) -> bool {
        (0..table.len() as i32).step_by(8).all(|first| {
            let indices = _mm256_add_epi32(_mm256_set1_epi32(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
            let mut found = [0u32; 8];
            // SAFETY: the array is 32 bytes long, and no alignment is needed.
            unsafe { _mm256_storeu_si256(found.as_mut_ptr().cast(), self.weights([indices])[0]) };
            let expected = &table[first as usize..table.len().min(first as usize + 8)];
            found.iter().zip(expected).all(|(found, expected)| found == expected)
        })
    }

    /// Weights of indices, vectors side by side: each number of the function is loaded once for all of them.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn weights<const N: usize>(&self, indices: [__m256i; N]) -> [__m256i; N] {
        let (scale, magic) = (_mm256_set1_ps(self.scale), _mm256_set1_ps(MAGIC));
        let mut exponents = [magic; N];
        let mut rests = [magic; N];
        for at in 0..N {
            let index = _mm256_cvtepi32_ps(indices[at]);
            exponents[at] = _mm256_fmadd_ps(index, scale, magic);
            let whole = _mm256_sub_ps(exponents[at], magic);
            rests[at] = _mm256_fmsub_ps(index, scale, whole);
        }
        let mut values = [_mm256_set1_ps(self.coefficients[0]); N];
        for coefficient in &self.coefficients[1..] {
            let coefficient = _mm256_set1_ps(*coefficient);
            for at in 0..N {
                values[at] = _mm256_fmadd_ps(values[at], rests[at], coefficient);
            }
        }
        let last = _mm256_set1_epi32(self.last);
        let mut weights = indices;
        for at in 0..N {
            // The whole part of the exponent goes where floats have it.
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(exponents[at]));
            let value = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(values[at]), exponent));
            let counts = _mm256_cmpgt_epi32(last, indices[at]);
            weights[at] = _mm256_and_si256(_mm256_cvtps_epi32(value), counts);
        }
        weights
    }
}

/// 0, 1, -1, 2, -2 and so on, to a number of steps.
fn steps(most: i32) -> impl Iterator<Item = i32> {
    (0..=2 * most).map(|at| if at % 2 == 0 { -at / 2 } else { at / 2 + 1 })
}

/// The coefficients of 2^x from -1/2 to 1/2, the highest power first: Taylor's up to the sixth, whose highest term is spread over the
/// lower ones by Chebyshev's polynomial `32 u^6 - 48 u^4 + 18 u^2 - 1`.
fn power_of_two() -> [f64; DEGREE + 1] {
    let mut taylor = [1.0; DEGREE + 2];
    for power in 1..taylor.len() {
        taylor[power] = taylor[power - 1] * std::f64::consts::LN_2 / power as f64;
    }
    let highest = taylor[DEGREE + 1];
    taylor[4] += highest * 48.0 / 32.0 / 4.0;
    taylor[2] -= highest * 18.0 / 32.0 / 16.0;
    taylor[0] += highest / 32.0 / 64.0;
    std::array::from_fn(|at| taylor[DEGREE - at])
}
