//! Counting ones of rows of bits: what intervals of error consistency take their time for.
//!
//! A processor counts the ones of 64 bits in one step where it has `popcnt`, of 256 in a few where it has AVX2, of 512 in one
//! where it has AVX-512's own count; the compiler takes a dozen steps for 64 without, and the crate is built for processors
//! without. The best that was found to be there is called; a test counts bit after bit.

#![allow(
    unsafe_code,
    reason = "calls of functions that ask for instructions, after they were found, and loads of whole blocks"
)]

/// 512 bits of a row.
pub(super) type Block = [u64; 8];

/// How many ones each row of `others` shares with the planes, a plane's ones counted as 2^place.
pub(super) fn of_both(planes: &[Vec<Block>], others: &[Block], counts: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512vpopcntdq") && has!("avx512f") {
            // SAFETY: the processor has both.
            return unsafe { with_avx512(planes, others, counts) };
        }
        if has!("avx2") && has!("popcnt") {
            // SAFETY: the processor has both.
            return unsafe { with_avx2(planes, others, counts) };
        }
    }
    counted(planes, others, counts);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn with_avx512(planes: &[Vec<Block>], others: &[Block], counts: &mut [u32]) {
    use std::arch::x86_64::*;
    // SAFETY: a block is 64 bytes, and the load needs no alignment.
    let load = |block: &Block| unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
    let blocks = planes.first().map_or(1, Vec::len).max(1);
    for (count, other) in counts.iter_mut().zip(others.chunks_exact(blocks)) {
        let mut sum = _mm512_setzero_si512();
        for (digit, plane) in planes.iter().enumerate() {
            let mut own = _mm512_setzero_si512();
            for (a, b) in plane.iter().zip(other) {
                let both = _mm512_and_si512(load(a), load(b));
                own = _mm512_add_epi64(own, _mm512_popcnt_epi64(both));
            }
            sum = _mm512_add_epi64(sum, _mm512_sll_epi64(own, _mm_cvtsi64_si128(digit as i64)));
        }
        *count = _mm512_reduce_add_epi64(sum) as u32;
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn with_avx2(planes: &[Vec<Block>], others: &[Block], counts: &mut [u32]) {
    counted(planes, others, counts);
}

#[inline(always)]
fn counted(planes: &[Vec<Block>], others: &[Block], counts: &mut [u32]) {
    let blocks = planes.first().map_or(1, Vec::len).max(1);
    let ones = |(a, b): (&Block, &Block)| (0..8).map(|lane| u64::from((a[lane] & b[lane]).count_ones())).sum::<u64>();
    for (count, other) in counts.iter_mut().zip(others.chunks_exact(blocks)) {
        let of = |(digit, plane): (usize, &Vec<Block>)| plane.iter().zip(other).map(ones).sum::<u64>() << digit;
        *count = planes.iter().enumerate().map(of).sum::<u64>() as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_are_those_of_bit_after_bit() {
        let block = |seed: u64| -> Block {
            std::array::from_fn(|word| (word as u64 + 8 * seed).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        };
        let row = |seed: u64, blocks: u64| -> Vec<Block> { (0..blocks).map(|at| block(97 * seed + at)).collect() };
        for blocks in [1, 2, 3, 5] {
            let planes = [row(1, blocks), row(2, blocks), row(3, blocks)];
            let others: Vec<Block> = (0..6).flat_map(|other| row(10 + other, blocks)).collect();
            let mut counts = [9; 6];
            of_both(&planes, &others, &mut counts);
            for (place, count) in counts.iter().enumerate() {
                let own = &others[place * blocks as usize..][..blocks as usize];
                let bit = |row: &[Block], at: usize| row[at / 512][at % 512 / 64] >> (at % 64) & 1;
                let slow: u64 = (0..512 * blocks as usize)
                    .map(|at| bit(own, at) * (0..3).map(|digit| bit(&planes[digit], at) << digit).sum::<u64>())
                    .sum();
                assert_eq!(u64::from(*count), slow);
            }
            let mut plain = [9; 6];
            counted(&planes, &others, &mut plain);
            assert_eq!(plain, counts);
        }
    }
}
