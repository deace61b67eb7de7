//! The work on a row with AVX2 and FMA, in numbers of 16 bits.

use std::arch::x86_64::*;

use super::band::{Band, Steps};
use super::exponential::{Exponential, WIDE};
use super::extended::BLOCK;
use super::wide;

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

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::windows::Windows;
    use super::*;

    #[test]
    fn weights_of_sixteen_are_those_of_eight() {
        if !wide::is_there() {
            return;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for (h, channels) in [(30.0, 1), (10.0, 2), (3.0, 1), (20.0, 1)] {
            let Some(exponential) = Exponential::of(&Windows::new(h, 7, 21, channels).unwrap()) else {
                continue;
            };
            for largest in [2u32, 3_000, 200_000] {
                let columns: Vec<u32> = (0..10 * WIDE + BLOCK).map(|_| rng.random_range(0..largest)).collect();
                let [mut eight, mut sixteen] = [(); 2].map(|()| vec![-1i16; 10 * WIDE]);
                // SAFETY: there is an exponential only where AVX2 and FMA are, and AVX-512 is there.
                unsafe {
                    weigh::<7>(&exponential, &columns, &mut eight, 7);
                    wide::weigh(&exponential, &columns, &mut sixteen);
                }
                assert_eq!(eight, sixteen, "h {h}, {channels} channels, columns below {largest}");
            }
        }
    }
}
