//! Counting ones of rows of bits: what intervals of error consistency take their time for.
//!
//! A processor counts the ones of 64 bits in one step where it has `popcnt`, of 256 in a few where it has AVX2, of 512 in one
//! where it has AVX-512's own count; the compiler takes a dozen steps for 64 without, and the crate is built for processors
//! without. `unsafe` calls the best that was found to be there; all are the same lines.

#![allow(unsafe_code, reason = "a call of a function that asks for instructions, after they were found")]

/// How many ones each row of `others` shares with the planes, a plane's ones counted as 2^place.
pub(super) fn of_both(planes: &[Vec<u64>], others: &[u64], counts: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512vpopcntdq") && has!("avx512f") && has!("avx512vl") {
            // SAFETY: the processor has all three.
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
#[target_feature(enable = "avx512vpopcntdq,avx512f,avx512vl,popcnt")]
fn with_avx512(planes: &[Vec<u64>], others: &[u64], counts: &mut [u32]) {
    counted(planes, others, counts);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn with_avx2(planes: &[Vec<u64>], others: &[u64], counts: &mut [u32]) {
    counted(planes, others, counts);
}

#[inline(always)]
fn counted(planes: &[Vec<u64>], others: &[u64], counts: &mut [u32]) {
    let words = planes.first().map_or(1, Vec::len).max(1);
    counts.fill(0);
    for (digit, plane) in planes.iter().enumerate() {
        for (count, other) in counts.iter_mut().zip(others.chunks_exact(words)) {
            let ones: u64 = plane.iter().zip(other).map(|(a, b)| u64::from((a & b).count_ones())).sum();
            *count += (ones as u32) << digit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_are_those_of_bit_after_bit() {
        let row = |seed: u64, words: u64| -> Vec<u64> {
            (1..=words).map(|word| (word + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect()
        };
        for words in [1, 3, 4, 5, 20] {
            let planes = [row(1, words), row(2, words), row(3, words)];
            let others: Vec<u64> = (0..6).flat_map(|other| row(10 + other, words)).collect();
            let mut counts = [9; 6];
            of_both(&planes, &others, &mut counts);
            for (place, count) in counts.iter().enumerate() {
                let own = &others[place * words as usize..][..words as usize];
                let bit = |row: &[u64], at: usize| row[at / 64] >> (at % 64) & 1;
                let slow: u64 = (0..64 * words as usize)
                    .map(|at| bit(own, at) * (0..3).map(|digit| bit(&planes[digit], at) << digit).sum::<u64>())
                    .sum();
                assert_eq!(u64::from(*count), slow);
            }
        }
    }
}
