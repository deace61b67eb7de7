//! Pillow's bilinear and bicubic resize and torchvision's centre crop, to the byte.
//!
//! Only what the crop shows is computed, and the sums of weighted bytes are taken in registers of eight numbers where the
//! processor has them; whole numbers, so the bytes are the same without.

use std::ops::Range;

use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::frame::Geometry;

/// Bits after the point of Pillow's fixed-point weights (`PRECISION_BITS` in `Resample.c`, Pillow 12).
const FRACTION_BITS: u32 = 32 - 8 - 2;

/// The filter that a picture is resized with; its support grows with the ratio when shrinking, against aliasing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// A triangle of two pixels, Pillow's `BILINEAR`.
    #[default]
    Bilinear,
    /// A cubic of four, with -0.5 at its second derivative, Pillow's `BICUBIC`.
    Bicubic,
}

impl Kernel {
    /// How far from its middle it reaches.
    fn support(self) -> f64 {
        match self {
            Kernel::Bilinear => 1.0,
            Kernel::Bicubic => 2.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Kernel::Bilinear => (1.0 - x).max(0.0),
            Kernel::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Kernel::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Kernel::Bicubic => 0.0,
        }
    }
}

impl std::fmt::Display for Kernel {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Kernel::Bilinear => "bilinear",
            Kernel::Bicubic => "bicubic",
        })
    }
}

/// The input positions that one output position is made of, and their fixed-point weights.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// A filter, its support scaled by the ratio when shrinking, for some output positions; as `precompute_coeffs` in Pillow's
/// `Resample.c`.
fn taps(kernel: Kernel, input: usize, output: usize, positions: Range<usize>) -> Vec<Taps> {
    let scale = input as f64 / output as f64;
    let stretch = scale.max(1.0);
    let support = kernel.support() * stretch;
    positions
        .map(|position| {
            let center = (position as f64 + 0.5) * scale;
            let first = ((center - support + 0.5) as i64).max(0) as usize;
            let end = ((center + support + 0.5) as usize).min(input);
            let raw: Vec<f64> = (first..end).map(|index| kernel.at((index as f64 - center + 0.5) / stretch)).collect();
            let sum: f64 = raw.iter().sum();
            let fixed =
                |weight: f64| (0.5f64.copysign(weight) + weight / sum * f64::from(1u32 << FRACTION_BITS)) as i32;
            Taps { first, weights: raw.into_iter().map(fixed).collect() }
        })
        .collect()
}

fn round_to_byte(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

/// Resizes to `(height, width)` with the triangle filter and antialiasing, a horizontal pass and then a vertical one,
/// both rounded to 8 bits. Equal to Pillow's `Image.resize(..., BILINEAR)` to the byte.
pub fn resize_bilinear(image: &RgbImage, (height, width): (u32, u32)) -> RgbImage {
    resized(image, (height, width), Kernel::Bilinear)
}

/// The same with either filter, as Pillow does it.
pub(super) fn resized(image: &RgbImage, (height, width): (u32, u32), kernel: Kernel) -> RgbImage {
    window(image, ((height as usize, width as usize), kernel), 0..height as usize, 0..width as usize)
}

/// Some rows and columns of the picture resized to `(height, width)`.
fn window(
    image: &RgbImage,
    ((height, width), kernel): ((usize, usize), Kernel),
    rows: Range<usize>,
    cols: Range<usize>,
) -> RgbImage {
    let (input_height, input_width) = (image.height() as usize, image.width() as usize);
    let vertical = (height != input_height).then(|| taps(kernel, input_height, height, rows.clone()));
    let needed = match &vertical {
        Some(taps) => {
            let end = taps.iter().map(|tap| tap.first + tap.weights.len()).max().unwrap_or(0);
            taps.iter().map(|tap| tap.first).min().unwrap_or(0)..end
        }
        None => rows.clone(),
    };
    let stride = input_width * 3;
    let source = &image.as_raw()[needed.start * stride..needed.end * stride];
    let (out_stride, count) = (cols.len() * 3, needed.len());
    let lines: Vec<u8> = if width == input_width {
        source.chunks_exact(stride.max(1)).flat_map(|line| &line[cols.start * 3..cols.end * 3]).copied().collect()
    } else {
        let taps = taps(kernel, input_width, width, cols.clone());
        let mut lines = vec![0; out_stride * count];
        resize_rows(source, stride, &taps, &mut lines);
        lines
    };
    let bytes = match vertical {
        None => lines,
        Some(mut taps) => {
            taps.iter_mut().for_each(|tap| tap.first -= needed.start);
            let mut out = vec![0; out_stride * rows.len()];
            resize_cols(&lines, out_stride, &taps, &mut out);
            out
        }
    };
    RgbImage::from_raw(cols.len() as u32, rows.len() as u32, bytes).expect("as many bytes as pixels")
}

/// Each line of `source` (`stride` bytes) to a line of as many pixels as there are taps.
fn resize_rows(source: &[u8], stride: usize, taps: &[Taps], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just found to be there.
        #[allow(unsafe_code)]
        return unsafe { wide::resize_rows(source, stride, taps, out) };
    }
    resize_rows_plainly(source, stride, taps, out);
}

/// Each row of `out` (`stride` bytes) from the lines of `source` that its taps name.
fn resize_cols(source: &[u8], stride: usize, taps: &[Taps], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just found to be there.
        #[allow(unsafe_code)]
        return unsafe { wide::resize_cols(source, stride, taps, out) };
    }
    resize_cols_plainly(source, stride, taps, out, 0);
}

fn resize_rows_plainly(source: &[u8], stride: usize, taps: &[Taps], out: &mut [u8]) {
    for (line, target) in source.chunks_exact(stride).zip(out.chunks_exact_mut(taps.len() * 3)) {
        for (tap, pixel) in taps.iter().zip(target.chunks_exact_mut(3)) {
            let mut sums = [1 << (FRACTION_BITS - 1); 3];
            for (weight, value) in tap.weights.iter().zip(line[tap.first * 3..].chunks_exact(3)) {
                for channel in 0..3 {
                    sums[channel] += i32::from(value[channel]) * weight;
                }
            }
            pixel.copy_from_slice(&sums.map(round_to_byte));
        }
    }
}

/// The columns of bytes from `start` on.
fn resize_cols_plainly(source: &[u8], stride: usize, taps: &[Taps], out: &mut [u8], start: usize) {
    let mut sums = vec![0i32; stride - start];
    for (tap, target) in taps.iter().zip(out.chunks_exact_mut(stride)) {
        sums.fill(1 << (FRACTION_BITS - 1));
        for (weight, line) in tap.weights.iter().zip(source[tap.first * stride..].chunks_exact(stride)) {
            for (sum, &value) in sums.iter_mut().zip(&line[start..]) {
                *sum += i32::from(value) * weight;
            }
        }
        for (value, &sum) in target[start..].iter_mut().zip(&sums) {
            *value = round_to_byte(sum);
        }
    }
}

/// The same sums with AVX2. Bytes are multiplied in pairs of 16 bits, so each weight of 22 bits is two halves of 11, whose
/// sums are put together at the end: nothing is rounded on the way.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)] // loads and stores of whole registers, each behind a slice of its length
mod wide {
    use std::arch::x86_64::*;

    use super::{FRACTION_BITS, Taps};

    const HALF_BITS: i32 = 11;
    /// Taps that one load of a line serves: 12 of its 16 bytes.
    const GROUP: usize = 4;
    const ROUNDING: i32 = 1 << (FRACTION_BITS - 1);

    /// The upper (0) or lower (1) halves of two weights, as the pair that `madd` multiplies with.
    fn pair(weights: &[i32], at: usize, half: usize) -> i32 {
        let of = |index: usize| {
            let weight = weights.get(index).copied().unwrap_or(0);
            if half == 0 { weight >> HALF_BITS } else { weight & ((1 << HALF_BITS) - 1) }
        };
        // Of a negative weight the upper half is negative, too.
        (of(at) & 0xffff) | of(at + 1) << 16
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(bytes: &[u8]) -> __m128i {
        let bytes: &[u8; 16] = bytes[..16].try_into().expect("sixteen bytes");
        // SAFETY: the array is 16 bytes long, and the load needs no alignment.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    /// Sums of upper and lower halves to bytes, still as 32-bit numbers.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn rounded(upper: __m256i, lower: __m256i) -> __m256i {
        let sum = _mm256_add_epi32(_mm256_slli_epi32::<HALF_BITS>(upper), lower);
        _mm256_srai_epi32::<{ FRACTION_BITS as i32 }>(_mm256_add_epi32(sum, _mm256_set1_epi32(ROUNDING)))
    }

    /// Two lines at a time, one in each half of a register.
    #[target_feature(enable = "avx2")]
    pub(super) fn resize_rows(source: &[u8], stride: usize, taps: &[Taps], out: &mut [u8]) {
        // Red, green and blue of two pixels side by side, as pairs of 16 bits: of pixels 0 and 1, and of 2 and 3.
        let first = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
        let second = _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
        let (first, second) = (_mm256_broadcastsi128_si256(first), _mm256_broadcastsi128_si256(second));
        let groups: Vec<(usize, Vec<[i32; 4]>)> = taps
            .iter()
            .map(|tap| {
                let group = |at: usize| {
                    [(at, 0), (at, 1), (at + 2, 0), (at + 2, 1)].map(|(at, half)| pair(&tap.weights, at, half))
                };
                (tap.first, (0..tap.weights.len()).step_by(GROUP).map(group).collect())
            })
            .collect();
        // A group may read beyond the end of a line, with weights of 0.
        let mut lines = [vec![0u8; stride + 3 * GROUP + 16], vec![0u8; stride + 3 * GROUP + 16]];
        let width = taps.len() * 3;
        for (sources, targets) in source.chunks(2 * stride).zip(out.chunks_mut(2 * width)) {
            for (line, source) in lines.iter_mut().zip(sources.chunks_exact(stride)) {
                line[..stride].copy_from_slice(source);
            }
            let (top, below) = targets.split_at_mut(width);
            for (position, (start, weights)) in groups.iter().enumerate() {
                let mut sums = [_mm256_setzero_si256(); 2];
                for (group, weights) in weights.iter().enumerate() {
                    let at = (start + group * GROUP) * 3;
                    let both = _mm256_set_m128i(load(&lines[1][at..]), load(&lines[0][at..]));
                    let (ab, cd) = (_mm256_shuffle_epi8(both, first), _mm256_shuffle_epi8(both, second));
                    for half in 0..2 {
                        let of = |values, pair| _mm256_madd_epi16(values, _mm256_set1_epi32(pair));
                        let added = _mm256_add_epi32(of(ab, weights[half]), of(cd, weights[half + 2]));
                        sums[half] = _mm256_add_epi32(sums[half], added);
                    }
                }
                let numbers = rounded(sums[0], sums[1]);
                let short = _mm256_packs_epi32(numbers, numbers);
                let bytes = _mm256_packus_epi16(short, short);
                let place = position * 3..position * 3 + 3;
                let [top_bytes, below_bytes] =
                    [_mm256_extract_epi32::<0>(bytes), _mm256_extract_epi32::<4>(bytes)].map(i32::to_le_bytes);
                top[place.clone()].copy_from_slice(&top_bytes[..3]);
                if let Some(target) = below.get_mut(place) {
                    target.copy_from_slice(&below_bytes[..3]);
                }
            }
        }
    }

    /// Sixteen columns of bytes at a time, lines in pairs; the last few columns one by one.
    #[target_feature(enable = "avx2")]
    pub(super) fn resize_cols(source: &[u8], stride: usize, taps: &[Taps], out: &mut [u8]) {
        let whole = stride / 16 * 16;
        for (tap, target) in taps.iter().zip(out.chunks_exact_mut(stride)) {
            let pairs: Vec<[__m256i; 2]> = (0..tap.weights.len())
                .step_by(2)
                .map(|at| [0, 1].map(|half| _mm256_set1_epi32(pair(&tap.weights, at, half))))
                .collect();
            for start in (0..whole).step_by(16) {
                let mut sums = [[_mm256_setzero_si256(); 2]; 2];
                for (number, weights) in pairs.iter().enumerate() {
                    let line = |number: usize| load(&source[(tap.first + number) * stride + start..]);
                    let upper = line(2 * number);
                    // Without a second line its weight is 0, and any numbers will do.
                    let lower = if 2 * number + 1 < tap.weights.len() { line(2 * number + 1) } else { upper };
                    let halves = [_mm_unpacklo_epi8(upper, lower), _mm_unpackhi_epi8(upper, lower)];
                    for (sums, bytes) in sums.iter_mut().zip(halves) {
                        let values = _mm256_cvtepu8_epi16(bytes);
                        for (sum, weights) in sums.iter_mut().zip(weights) {
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(values, *weights));
                        }
                    }
                }
                let [left, right] = sums.map(|[upper, lower]| rounded(upper, lower));
                let short = _mm256_permute4x64_epi64::<0b1101_1000>(_mm256_packs_epi32(left, right));
                let bytes = _mm_packus_epi16(_mm256_castsi256_si128(short), _mm256_extracti128_si256::<1>(short));
                let place: &mut [u8; 16] = (&mut target[start..start + 16]).try_into().expect("sixteen bytes");
                // SAFETY: the array is 16 bytes long, and the store needs no alignment.
                unsafe { _mm_storeu_si128(place.as_mut_ptr().cast(), bytes) };
            }
        }
        if whole < stride {
            super::resize_cols_plainly(source, stride, taps, out, whole);
        }
    }
}

/// The crop that `geometry` says, out of the resized picture; black where that is smaller than the crop.
/// Equal to torchvision's `CenterCrop` (0.26).
pub(crate) fn center_crop(resized: &RgbImage, geometry: &Geometry) -> RgbImage {
    RgbImage::from_fn(geometry.crop, geometry.crop, |x, y| {
        let (row, col) = (i64::from(y) + geometry.offset.0, i64::from(x) + geometry.offset.1);
        let inside = (0..i64::from(resized.height())).contains(&row) && (0..i64::from(resized.width())).contains(&col);
        if inside { *resized.get_pixel(col as u32, row as u32) } else { Rgb([0; 3]) }
    })
}

/// What a geometry shows of a photograph.
pub(super) fn cropped(image: &RgbImage, geometry: &Geometry, kernel: Kernel) -> RgbImage {
    let (height, width) = (geometry.resized.0 as usize, geometry.resized.1 as usize);
    let span = |offset: i64, side: usize| {
        let start = usize::try_from(offset).ok()?;
        (start + geometry.crop as usize <= side).then(|| start..start + geometry.crop as usize)
    };
    match (span(geometry.offset.0, height), span(geometry.offset.1, width)) {
        (Some(rows), Some(cols)) => window(image, ((height, width), kernel), rows, cols),
        _ => center_crop(&resized(image, geometry.resized, kernel), geometry),
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::view::{View, imagenet_crop};
    use super::*;

    const KERNELS: [Kernel; 2] = [Kernel::Bilinear, Kernel::Bicubic];

    #[test]
    fn weights_of_every_position_sum_to_one() {
        for (input, output) in [(500, 256), (100, 256), (3, 7), (333, 1)] {
            for tap in KERNELS.iter().flat_map(|kernel| taps(*kernel, input, output, 0..output)) {
                let sum: i64 = tap.weights.iter().map(|&weight| i64::from(weight)).sum();
                let error = (sum - (1 << FRACTION_BITS)).abs();
                assert!(error <= tap.weights.len() as i64, "{input} to {output}: off by {error}");
            }
        }
    }

    #[test]
    fn wide_registers_give_the_bytes_of_the_plain_sums() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        for round in 0..400 {
            let kernel = KERNELS[round % 2];
            let mut side = || rng.random_range(1..=90usize) * [1, 1, 8][rng.random_range(0..3)];
            let (height, width, to_height, to_width) = (side(), side(), side(), side());
            let source: Vec<u8> = (0..height * width * 3).map(|_| rng.next_u32() as u8).collect();
            let across = taps(kernel, width, to_width, 0..to_width);
            let [mut plain, mut fast] = [(); 2].map(|()| vec![0; height * to_width * 3]);
            resize_rows_plainly(&source, width * 3, &across, &mut plain);
            resize_rows(&source, width * 3, &across, &mut fast);
            assert!(plain == fast, "{width} to {to_width}, {height} lines");
            let down = taps(kernel, height, to_height, 0..to_height);
            let [mut plain_out, mut fast_out] = [(); 2].map(|()| vec![0; to_height * to_width * 3]);
            resize_cols_plainly(&plain, to_width * 3, &down, &mut plain_out, 0);
            resize_cols(&plain, to_width * 3, &down, &mut fast_out);
            assert!(plain_out == fast_out, "{height} to {to_height}, {to_width} columns");
        }
    }

    #[test]
    fn a_crop_is_the_centre_of_the_whole_resized_picture() {
        for (height, width) in [(375, 500), (500, 375), (256, 256), (224, 300), (1, 40), (91, 90), (700, 256)] {
            let image = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, (y * 3) as u8, (x * y) as u8]));
            for view in [View::IMAGENET, View::new(240, 240), View::new(342, 299).cubic()] {
                let geometry = view.geometry(height, width).unwrap();
                let whole = center_crop(&resized(&image, geometry.resized, view.kernel), &geometry);
                assert_eq!(view.crop(&image).unwrap(), whole, "{height} x {width}, {view}");
            }
        }
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let image = RgbImage::from_pixel(37, 23, Rgb([7, 128, 255]));
        let resized = resize_bilinear(&image, (91, 12));
        assert!(resized.pixels().all(|pixel| pixel.0 == [7, 128, 255]));
    }

    #[test]
    fn the_crop_of_a_small_picture_has_the_full_size() {
        let crop = imagenet_crop(&RgbImage::from_pixel(1, 9, Rgb([9, 9, 9]))).unwrap();
        assert_eq!(crop.dimensions(), (224, 224));
    }

    #[test]
    fn bad_input_37_small_pictures_and_strips_are_enlarged() {
        for (height, width) in [(1, 1), (1, 40), (40, 1), (3, 500), (100, 90)] {
            let strip = RgbImage::from_pixel(width, height, image::Rgb([9, 90, 200]));
            let crop = imagenet_crop(&strip).unwrap();
            assert_eq!(crop.dimensions(), (224, 224));
            assert!(crop.pixels().all(|pixel| *pixel == image::Rgb([9, 90, 200])), "{height} x {width}");
        }
    }
}
