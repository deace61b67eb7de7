//! The bilateral filter itself, in single precision, sixteen pixels at once.
//!
//! Weights are powers of two by a polynomial rather than looked up, since a processor looks sixteen numbers up one by one. Products
//! are added without being rounded first, with the instruction for it where there is one and else in double precision: the same
//! bytes on every machine.

#![allow(unsafe_code, reason = "a call of a function that asks for instructions, after they were found")]

use image::RgbImage;

/// A filter: its radius in pixels, and the deviations of its weights over summed differences of colour and over pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    pub radius: u32,
    pub color: f64,
    pub space: f64,
}

/// Pixels that are done at once.
const LANES: usize = 16;

/// Added to a number below a few million and taken away, it rounds to a whole one, ties to the even one; in between, that stands in
/// the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// Sixteen numbers.
type Block = [f32; LANES];

/// OpenCV 4.12's `bilateralFilter` with its usual border, of a picture wider and higher than the radius. Of photographs' bytes,
/// eight in a million are 1 apart from it; with and without IPP, it is three in a million from itself.
pub(super) fn filtered(picture: &RgbImage, weights: Weights) -> RgbImage {
    let padded = Padded::of(picture, weights.radius);
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx2") && has!("fma") {
            // SAFETY: the processor has all three.
            return unsafe { with_avx512(&padded, weights, picture.dimensions()) };
        }
        if has!("avx2") && has!("fma") {
            // SAFETY: the processor has both.
            return unsafe { with_fma(&padded, weights, picture.dimensions()) };
        }
    }
    blocks(&padded, weights, picture.dimensions(), |a, b, c| (f64::from(a) * f64::from(b) + f64::from(c)) as f32)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn with_avx512(padded: &Padded, weights: Weights, size: (u32, u32)) -> RgbImage {
    blocks(padded, weights, size, |a, b, c| a.mul_add(b, c))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_fma(padded: &Padded, weights: Weights, size: (u32, u32)) -> RgbImage {
    blocks(padded, weights, size, |a, b, c| a.mul_add(b, c))
}

#[inline(always)]
fn blocks(
    padded: &Padded,
    weights: Weights,
    (width, height): (u32, u32),
    fma: impl Fn(f32, f32, f32) -> f32 + Copy,
) -> RgbImage {
    let mut out = RgbImage::new(width, height);
    let (neighbours, scale) = (weights.neighbours(padded.stride), binary_exponent(weights.color));
    let radius = weights.radius as usize;
    let (rows, _) = out.as_chunks_mut::<3>();
    for (row, pixels) in rows.chunks_exact_mut(width.max(1) as usize).enumerate() {
        for (number, pixels) in pixels.chunks_mut(LANES).enumerate() {
            let first = row * padded.stride + number * LANES;
            let own = padded.at(first + radius * padded.stride + radius);
            let mut sums = [[0f32; LANES]; 4];
            for &(from, by_space) in &neighbours {
                let other = padded.at(first + from);
                for lane in 0..LANES {
                    let apart = (own[0][lane] - other[0][lane]).abs()
                        + (own[1][lane] - other[1][lane]).abs()
                        + (own[2][lane] - other[2][lane]).abs();
                    let weight = power_of_two(fma(apart * apart, scale, by_space), fma);
                    for channel in 0..3 {
                        sums[channel][lane] = fma(other[channel][lane], weight, sums[channel][lane]);
                    }
                    sums[3][lane] += weight;
                }
            }
            // Rounded as whole blocks: by itself a number would be rounded by a call.
            let [colours @ .., all] = &mut sums;
            for sums in colours {
                sums.iter_mut().zip(&*all).for_each(|(sum, all)| *sum = (*sum * (1.0 / all) + ROUND) - ROUND);
            }
            for (lane, pixel) in pixels.iter_mut().enumerate() {
                *pixel = [sums[0][lane] as u8, sums[1][lane] as u8, sums[2][lane] as u8];
            }
        }
    }
    out
}

/// `2^y` for y of 0 and below, to seven digits; what is below the least number of single precision is that. A Taylor polynomial of
/// the part within one half, its last coefficient tuned, times the power of the whole part, written into the exponent.
#[inline(always)]
fn power_of_two(y: f32, fma: impl Fn(f32, f32, f32) -> f32) -> f32 {
    const COEFFICIENTS: [f32; 7] =
        [1.540_353e-4, 1.333_355_8e-3, 9.618_129e-3, 5.550_411e-2, 2.402_265e-1, 6.931_472e-1, 1.0];
    let y = if y < -126.0 { -126.0 } else { y };
    let whole = y + ROUND;
    let part = y - (whole - ROUND);
    let mut value = COEFFICIENTS[0];
    for coefficient in &COEFFICIENTS[1..] {
        value = fma(value, part, *coefficient);
    }
    value * f32::from_bits((whole.to_bits() << 23).wrapping_add(0x3F80_0000))
}

/// What a squared distance is multiplied by to be the base-two logarithm of its Gaussian weight.
fn binary_exponent(deviation: f64) -> f32 {
    (-0.5 / (deviation * deviation) * std::f64::consts::LOG2_E) as f32
}

impl Weights {
    /// The pixels of the disc, row by row: how far each is from the first one of the square around it in rows of a length, and the
    /// base-two logarithm of its weight.
    fn neighbours(&self, stride: usize) -> Vec<(usize, f32)> {
        let radius = i64::from(self.radius);
        let square = (-radius..=radius).flat_map(|row| (-radius..=radius).map(move |col| (row, col)));
        let disc = square.filter(|(row, col)| row * row + col * col <= radius * radius);
        let scale = -0.5 / (self.space * self.space) * std::f64::consts::LOG2_E;
        let one = |(row, col): (i64, i64)| {
            (
                (row + radius) as usize * stride + (col + radius) as usize,
                ((row * row + col * col) as f64 * scale) as f32,
            )
        };
        disc.map(one).collect()
    }
}

/// A picture's planes, with a border that mirrors it without its outermost pixels, and columns enough for whole blocks.
struct Padded {
    planes: [Vec<f32>; 3],
    stride: usize,
}

impl Padded {
    fn of(picture: &RgbImage, border: u32) -> Self {
        let mirror = |place: u32, side: u32| {
            let (from, last) = ((i64::from(place) - i64::from(border)).abs(), i64::from(side) - 1);
            (last - (last - from).abs()).max(0) as u32
        };
        let (width, height) = picture.dimensions();
        let (cols, rows) = (width.next_multiple_of(LANES as u32) + 2 * border, height + 2 * border);
        // Beyond the border nothing is used: any pixel serves.
        let cols: Vec<u32> = (0..cols).map(|col| mirror(col.min(width + 2 * border - 1), width)).collect();
        let stride = cols.len();
        let mut planes = [0; 3].map(|_| vec![0f32; stride * rows as usize]);
        let (pixels, _) = picture.as_raw().as_chunks::<3>();
        for row in 0..rows {
            let line = &pixels[(mirror(row, height) * width) as usize..][..width as usize];
            for (channel, plane) in planes.iter_mut().enumerate() {
                let to = &mut plane[row as usize * stride..][..stride];
                to.iter_mut().zip(&cols).for_each(|(to, col)| *to = f32::from(line[*col as usize][channel]));
            }
        }
        Padded { planes, stride }
    }

    /// A block of each plane. By value: they stay in registers.
    #[inline(always)]
    fn at(&self, from: usize) -> [Block; 3] {
        let [red, green, blue] = &self.planes;
        let block = |plane: &[f32]| -> Block { plane[from..from + LANES].try_into().unwrap_or([0.0; LANES]) };
        [block(red), block(green), block(blue)]
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn powers_of_two_have_seven_digits() {
        for step in 0..40_000 {
            let y = -(step as f32) / 300.0;
            let found = f64::from(power_of_two(y, |a, b, c| a.mul_add(b, c)));
            let expected = f64::from(y).exp2();
            assert!(y < -126.0 || (found / expected - 1.0).abs() < 3e-7, "{y}: {found} {expected}");
        }
        assert_eq!(power_of_two(0.0, |a, b, c| a.mul_add(b, c)), 1.0);
    }

    #[test]
    fn it_gives_the_same_bytes_without_the_instruction() {
        let picture =
            RgbImage::from_fn(61, 40, |x, y| Rgb([((x * 7) ^ (y * 3)) as u8, (x * x / 5) as u8, (y * 9) as u8]));
        let weights = Weights { radius: 6, color: 170.0, space: 75.0 };
        let padded = Padded::of(&picture, weights.radius);
        let without = |a: f32, b: f32, c: f32| (f64::from(a) * f64::from(b) + f64::from(c)) as f32;
        let expected = blocks(&padded, weights, (61, 40), without);
        assert_eq!(expected, filtered(&picture, weights));
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has both.
            assert_eq!(expected, unsafe { with_fma(&padded, weights, (61, 40)) });
        }
    }
}
