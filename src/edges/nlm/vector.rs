//! The work on a row with AVX2 and FMA: weights of 16 bits, computed where a table would have to be looked up.

use std::arch::x86_64::*;

use super::band::{Band, Steps};
use super::extended::BLOCK;
use super::wide;
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
            let mut found = [0; 8];
            store(&mut found, self.weights([indices])[0]);
            let expected = &table[first as usize..table.len().min(first as usize + 8)];
            found.iter().zip(expected).all(|(found, expected)| found == expected)
        })
    }

    /// Weights of indices, vectors side by side: each number of the function is loaded once for all of them.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn weights<const N: usize>(&self, indices: [__m256i; N]) -> [__m256i; N] {
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

/// The means of a band.
///
/// # Safety
/// AVX2 and FMA are there, as an [`Exponential`] shows.
#[target_feature(enable = "avx2,fma")]
pub(super) fn means<const C: usize>(mut band: Band<'_, Vector, C>, reach: isize) -> [Vec<u8>; C] {
    exchange_quarters(&mut band);
    band.add_all_pairs(reach);
    exchange_quarters(&mut band);
    band.divided()
}

/// The order of sums within a block that vectors of interleaved numbers come in, and back again.
fn exchange_quarters<const C: usize>(band: &mut Band<'_, Vector, C>) {
    for line in std::iter::once(&mut band.total).chain(&mut band.sums) {
        for block in line.chunks_exact_mut(BLOCK) {
            let (left, right) = block.split_at_mut(BLOCK / 2);
            left[BLOCK / 4..].swap_with_slice(&mut right[..BLOCK / 4]);
        }
    }
}

pub(super) struct Vector {
    pub(super) exponential: Exponential,
    pub(super) template: usize,
    /// Whether AVX-512 is there, too.
    pub(super) wide: bool,
}

impl<const C: usize> Steps<C> for Vector {
    type Weight = i16;

    #[inline(always)]
    fn move_down(&self, columns: &mut [u32], one: [&[u8]; C], other: [&[u8]; C]) {
        // SAFETY: there is an exponential only where AVX2 and FMA are.
        unsafe { move_down(columns, one, other) }
    }

    #[inline(always)]
    fn weigh(&self, columns: &[u32], weights: &mut [i16]) {
        let (exponential, side) = (&self.exponential, 2 * self.template + 1);
        // SAFETY: as above, and what is wide only where it was found.
        unsafe {
            match (side, self.wide) {
                // A length that is known is laid out without a loop.
                (7, true) => wide::weigh(exponential, columns, weights),
                (7, false) => weigh::<7>(exponential, columns, weights, side),
                _ => weigh::<0>(exponential, columns, weights, side),
            }
        }
    }

    #[inline(always)]
    fn add(&self, weights: &[&[i16]], partners: &[[&[u8]; C]], totals: &mut [i32], sums: [&mut [i32]; C]) {
        // SAFETY: as above.
        unsafe { add_interleaved(weights, partners, totals, sums) }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn move_down<const C: usize>(columns: &mut [u32], one: [&[u8]; C], other: [&[u8]; C]) {
    let columns = columns.as_chunks_mut::<8>().0;
    let count = columns.len();
    let one = one.map(|row| &row.as_chunks::<16>().0[..count]);
    let other = other.map(|row| &row.as_chunks::<16>().0[..count]);
    // What comes in counts, what leaves counts against it.
    let signs = _mm256_set1_epi32(-0x1_0000 + 1);
    for at in 0..count {
        let mut sum = load(&columns[at]);
        for channel in 0..C {
            let difference = _mm256_sub_epi16(load_bytes(&one[channel][at]), load_bytes(&other[channel][at]));
            let change = _mm256_madd_epi16(difference, _mm256_sign_epi16(difference, signs));
            sum = _mm256_add_epi32(sum, change);
        }
        store(&mut columns[at], sum);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn weigh<const SIDE: usize>(exponential: &Exponential, columns: &[u32], weights: &mut [i16], side: usize) {
    let side = if SIDE > 0 { SIDE } else { side };
    let shift = _mm_cvtsi32_si128(exponential.shift);
    for (at, slots) in weights.as_chunks_mut::<WIDE>().0.iter_mut().enumerate() {
        let columns = &columns[at * WIDE..][..WIDE - 1 + side];
        let mut sums = [_mm256_setzero_si256(); WIDE / 8];
        for from in 0..side {
            for (at, sum) in sums.iter_mut().enumerate() {
                let column = columns[from + 8 * at..].first_chunk().expect("a block and a window");
                *sum = _mm256_add_epi32(*sum, load(column));
            }
        }
        for sum in &mut sums {
            *sum = _mm256_srl_epi32(*sum, shift);
        }
        let [a, b, c, d] = exponential.weights(sums);
        let (left, right) = (_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        let [left, right] = [left, right].map(|packed| _mm256_permute4x64_epi64::<0b11_01_10_00>(packed));
        store_short(&mut slots[..BLOCK], left);
        store_short(&mut slots[BLOCK..], right);
    }
}

/// The sums of a block stay in registers while two offsets at a time are interleaved, multiplied and added in one instruction; they are
/// in the order of [`exchange_quarters`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn add_interleaved<const C: usize>(
    weights: &[&[i16]],
    partners: &[[&[u8]; C]],
    totals: &mut [i32],
    mut sums: [&mut [i32]; C],
) {
    let ones = _mm256_set1_epi16(1);
    let zero = _mm256_setzero_si256();
    for start in (0..totals.len()).step_by(BLOCK) {
        let end = start + BLOCK;
        let mut total = halves(&totals[start..end]);
        let mut value = std::array::from_fn::<_, C, _>(|channel| halves(&sums[channel][start..end]));
        for first in (0..weights.len()).step_by(2) {
            let second = first + 1 < weights.len();
            let one = load_short(&weights[first][start..end]);
            let other = if second { load_short(&weights[first + 1][start..end]) } else { zero };
            let both = [_mm256_unpacklo_epi16(one, other), _mm256_unpackhi_epi16(one, other)];
            for half in 0..2 {
                total[half] = _mm256_add_epi32(total[half], _mm256_madd_epi16(both[half], ones));
            }
            for channel in 0..C {
                let one = load_upper(&partners[first][channel][2 * start..2 * end]);
                let other = if second { load_upper(&partners[first + 1][channel][2 * start..2 * end]) } else { zero };
                let pairs = [_mm256_unpacklo_epi16(one, other), _mm256_unpackhi_epi16(one, other)];
                for half in 0..2 {
                    let product = _mm256_madd_epi16(both[half], pairs[half]);
                    value[channel][half] = _mm256_add_epi32(value[channel][half], product);
                }
            }
        }
        keep(&mut totals[start..end], total);
        sums.iter_mut().zip(value).for_each(|(sums, value)| keep(&mut sums[start..end], value));
    }
}

// Loads and stores of whole vectors; none needs an alignment.

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load(values: &[u32; 8]) -> __m256i {
    // SAFETY: the array is 32 bytes long.
    unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store(values: &mut [u32; 8], vector: __m256i) {
    // SAFETY: the array is 32 bytes long.
    unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), vector) }
}

/// Sixteen numbers as two vectors.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn halves(values: &[i32]) -> [__m256i; 2] {
    let values: &[i32; BLOCK] = values.first_chunk().expect("a block");
    // SAFETY: the array is 64 bytes long.
    [0, 8].map(|from| unsafe { _mm256_loadu_si256(values.as_ptr().add(from).cast()) })
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn keep(values: &mut [i32], vectors: [__m256i; 2]) {
    let values: &mut [i32; BLOCK] = values.first_chunk_mut().expect("a block");
    for (at, vector) in vectors.into_iter().enumerate() {
        // SAFETY: the array is 64 bytes long.
        unsafe { _mm256_storeu_si256(values.as_mut_ptr().add(8 * at).cast(), vector) }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load_short(values: &[i16]) -> __m256i {
    let values: &[i16; BLOCK] = values.first_chunk().expect("a block");
    // SAFETY: the array is 32 bytes long.
    unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store_short(values: &mut [i16], vector: __m256i) {
    let values: &mut [i16; BLOCK] = values.first_chunk_mut().expect("a block");
    // SAFETY: the array is 32 bytes long.
    unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), vector) }
}

/// Sixteen bytes as numbers of 16 bits.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn load_bytes(values: &[u8; 16]) -> __m256i {
    // SAFETY: the array is 16 bytes long.
    _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(values.as_ptr().cast()) })
}

/// The first bytes of sixteen pairs, as numbers of 16 bits.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn load_upper(values: &[u8]) -> __m256i {
    let values: &[u8; 2 * BLOCK] = values.first_chunk().expect("a block of pairs");
    // SAFETY: the array is 32 bytes long.
    let pairs = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
    _mm256_and_si256(pairs, _mm256_set1_epi16(0xff))
}
