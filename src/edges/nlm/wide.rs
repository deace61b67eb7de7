//! The weights of a row with AVX-512: sixteen side by side, by the operations in single precision that AVX2 makes eight of.

use std::arch::x86_64::*;

use super::exponential::{Exponential, MAGIC, WIDE};
use super::extended::BLOCK;

/// Vectors of weights that are found side by side.
const COUNT: usize = WIDE / BLOCK;

/// Whether this processor has it.
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// Weights by the sums of seven neighbouring columns, the usual template. Each column is loaded once; sums of two and of four are
/// shifted against each other.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn weigh(exponential: &Exponential, columns: &[u32], weights: &mut [i16]) {
    let shift = _mm_cvtsi32_si128(exponential.shift);
    for (at, slots) in weights.as_chunks_mut::<WIDE>().0.iter_mut().enumerate() {
        let [a, b, c] = [0, 1, 2].map(|block: usize| load(&columns[at * WIDE + block * BLOCK..]));
        let pairs = [with_next::<1>(a, b), with_next::<1>(b, c), with_next::<1>(c, c)];
        let sums = [(a, b, 0), (b, c, 1)].map(|(here, next, at): (_, _, usize)| {
            let (two, later) = (pairs[at], pairs[at + 1]);
            let six = _mm512_add_epi32(with_next::<2>(two, later), _mm512_alignr_epi32::<4>(later, two));
            _mm512_add_epi32(six, _mm512_alignr_epi32::<6>(next, here))
        });
        let found = exponential_of(exponential, sums.map(|sum| _mm512_srl_epi32(sum, shift)));
        for (slots, weights) in slots.as_chunks_mut::<BLOCK>().0.iter_mut().zip(found) {
            store_short(slots, _mm512_cvtepi32_epi16(weights));
        }
    }
}

/// Each number and the one so many places on, of sixteen and the sixteen that follow.
#[inline]
#[target_feature(enable = "avx512f")]
fn with_next<const BY: i32>(here: __m512i, next: __m512i) -> __m512i {
    _mm512_add_epi32(here, _mm512_alignr_epi32::<BY>(next, here))
}

/// Weights of indices, vectors side by side.
#[inline]
#[target_feature(enable = "avx512f")]
fn exponential_of(exponential: &Exponential, indices: [__m512i; COUNT]) -> [__m512i; COUNT] {
    let (scale, magic) = (_mm512_set1_ps(exponential.scale), _mm512_set1_ps(MAGIC));
    let last = _mm512_set1_epi32(exponential.last);
    indices.map(|indices| {
        let index = _mm512_cvtepi32_ps(indices);
        let exponent = _mm512_fmadd_ps(index, scale, magic);
        let rest = _mm512_fmsub_ps(index, scale, _mm512_sub_ps(exponent, magic));
        let mut value = _mm512_set1_ps(exponential.coefficients[0]);
        for coefficient in &exponential.coefficients[1..] {
            value = _mm512_fmadd_ps(value, rest, _mm512_set1_ps(*coefficient));
        }
        let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(exponent));
        let value = _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(value), exponent));
        _mm512_maskz_cvtps_epi32(_mm512_cmpgt_epi32_mask(last, indices), value)
    })
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(values: &[u32]) -> __m512i {
    let values: &[u32; BLOCK] = values.first_chunk().expect("a block");
    // SAFETY: the array is 64 bytes long, and no alignment is needed.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_short(values: &mut [i16; BLOCK], vector: __m256i) {
    // SAFETY: as above, 32 bytes.
    unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), vector) }
}
