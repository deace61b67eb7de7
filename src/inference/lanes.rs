//! Registers of several numbers, as wide as the processor has them, for loops that are written once; and the numbers of
//! tensors, as such loops read and write them.

use tch::{Kind, Tensor};

/// The numbers of a tensor of 32 bits, contiguous and on the processor.
///
/// # Panics
/// If it is another.
#[allow(unsafe_code)]
pub(super) fn numbers(tensor: &Tensor) -> &[f32] {
    assert!(tensor.is_contiguous() && tensor.kind() == Kind::Float && tensor.device() == tch::Device::Cpu);
    // SAFETY: so many numbers of 32 bits lie there, and the tensor keeps them as long.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) }
}

/// The same to be written; for a tensor that shares its numbers with no other.
///
/// # Panics
/// If it is another.
#[allow(unsafe_code)]
pub(super) fn numbers_mut(tensor: &mut Tensor) -> &mut [f32] {
    assert!(tensor.is_contiguous() && tensor.kind() == Kind::Float && tensor.device() == tch::Device::Cpu);
    // SAFETY: as above, and the tensor is borrowed for as long.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

/// Some numbers that are added and multiplied together. The same sums come out, however many they are.
pub(super) trait Lanes: Copy {
    /// How many.
    const COUNT: usize;
    /// The same number in each.
    fn all(value: f32) -> Self;
    /// The first `COUNT` of some numbers.
    fn of(values: &[f32]) -> Self;
    /// Becomes the first `COUNT` of some numbers.
    fn put(self, values: &mut [f32]);
    fn plus(self, other: Self) -> Self;
    fn less(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// Zero where a number is below it; what is not a number stays so.
    fn not_below_zero(self) -> Self;
}

/// Work on such numbers; `run` is inlined into code for each kind of register.
pub(super) trait Work {
    fn run<L: Lanes>(self);
}

/// Works with the widest registers that there are.
pub(super) fn widest(work: impl Work) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: AVX-512 was just found to be there.
            #[allow(unsafe_code)]
            return unsafe { wide::with_avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 was just found to be there.
            #[allow(unsafe_code)]
            return unsafe { wide::with_avx2(work) };
        }
    }
    work.run::<[f32; 4]>();
}

impl Lanes for [f32; 4] {
    const COUNT: usize = 4;
    #[inline(always)]
    fn all(value: f32) -> Self {
        [value; 4]
    }
    #[inline(always)]
    fn of(values: &[f32]) -> Self {
        values[..4].try_into().expect("four numbers")
    }
    #[inline(always)]
    fn put(self, values: &mut [f32]) {
        values[..4].copy_from_slice(&self);
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + other[lane])
    }
    #[inline(always)]
    fn less(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] - other[lane])
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] * other[lane])
    }
    #[inline(always)]
    fn not_below_zero(self) -> Self {
        self.map(|value| if value < 0.0 { 0.0 } else { value })
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)] // registers that `widest` found to be there; loads and stores of whole ones, each behind an array
mod wide {
    use std::arch::x86_64::*;

    use super::{Lanes, Work};

    #[target_feature(enable = "avx512f")]
    pub(super) fn with_avx512(work: impl Work) {
        work.run::<__m512>();
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn with_avx2(work: impl Work) {
        work.run::<__m256>();
    }

    macro_rules! lanes {
        ($register:ty, $count:literal, $all:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $max:ident) => {
            impl Lanes for $register {
                const COUNT: usize = $count;
                #[inline(always)]
                fn all(value: f32) -> Self {
                    // SAFETY: only called from code for these registers.
                    unsafe { $all(value) }
                }
                #[inline(always)]
                fn of(values: &[f32]) -> Self {
                    let values: &[f32; $count] = values[..$count].try_into().expect("as many numbers");
                    // SAFETY: as above, from an array of that length; no alignment is asked for.
                    unsafe { $load(values.as_ptr()) }
                }
                #[inline(always)]
                fn put(self, values: &mut [f32]) {
                    let values: &mut [f32; $count] = (&mut values[..$count]).try_into().expect("as many numbers");
                    // SAFETY: as above, to an array of that length.
                    unsafe { $store(values.as_mut_ptr(), self) }
                }
                #[inline(always)]
                fn plus(self, other: Self) -> Self {
                    // SAFETY: only called from code for these registers.
                    unsafe { $add(self, other) }
                }
                #[inline(always)]
                fn less(self, other: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $sub(self, other) }
                }
                #[inline(always)]
                fn times(self, other: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $mul(self, other) }
                }
                #[inline(always)]
                fn not_below_zero(self) -> Self {
                    // SAFETY: as above. Of zero and what is not a number, the second argument is taken.
                    unsafe { $max($all(0.0), self) }
                }
            }
        };
    }

    lanes!(
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_max_ps
    );
    lanes!(
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_max_ps
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `max(a - b + a * b + 1/4, 0)` of rows.
    struct Sums<'a>(&'a [f32], &'a [f32], &'a mut [f32]);

    impl Work for Sums<'_> {
        #[inline(always)]
        fn run<L: Lanes>(self) {
            for at in (0..self.0.len()).step_by(L::COUNT) {
                let (a, b) = (L::of(&self.0[at..]), L::of(&self.1[at..]));
                a.less(b).plus(a.times(b)).plus(L::all(0.25)).not_below_zero().put(&mut self.2[at..]);
            }
        }
    }

    #[test]
    fn every_width_makes_the_same_numbers() {
        let a: Vec<f32> = (0..64).map(|at| if at == 7 { f32::NAN } else { (at as f32 * 0.37).sin() * 1e3 }).collect();
        let b: Vec<f32> = (0..64).map(|at| (at as f32 * 0.91).cos()).collect();
        let bits = |work: &dyn Fn(Sums<'_>)| {
            let mut found = vec![1.0; 64];
            work(Sums(&a, &b, &mut found));
            assert!(found[7].is_nan() && found.contains(&0.0) && found.iter().any(|value| *value > 1.0));
            found.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        };
        let plain = bits(&|work| work.run::<[f32; 4]>());
        assert_eq!(bits(&|work| widest(work)), plain);
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        {
            if is_x86_feature_detected!("avx2") {
                // SAFETY: AVX2 was just found to be there.
                assert_eq!(bits(&|work| unsafe { wide::with_avx2(work) }), plain);
            }
            if is_x86_feature_detected!("avx512f") {
                // SAFETY: AVX-512 was just found to be there.
                assert_eq!(bits(&|work| unsafe { wide::with_avx512(work) }), plain);
            }
        }
    }
}
