//! Gaussian blur of 8-bit pictures in fixed point.
//!
//! The definition is that of `GaussianBlur` in OpenCV 4.12 (`modules/imgproc/src/smooth.dispatch.cpp`): the kernel's
//! weights are whole 256ths that sum to 256, both passes are exact in integers, and only the last sum is rounded, half
//! up. The order of the passes therefore changes nothing, and here the vertical one comes first, row by row.

use image::RgbImage;

/// Samples of a pixel.
const CHANNELS: usize = 3;

/// Blurs a picture with a square Gaussian kernel of odd size and a standard deviation above 0, in pixels.
///
/// The result equals `cv2.GaussianBlur(picture, (kernel, kernel), sigma)` of OpenCV 4.12 to the byte, for a positive
/// `sigma` and the default border, which mirrors the picture about its outermost pixels (`BORDER_REFLECT_101`).
pub(super) fn gaussian_blur(picture: &RgbImage, kernel: u32, sigma: f64) -> RgbImage {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let weights = fixed_point_weights(kernel, sigma);
    let reach = weights.len() - 1;
    let rows = mirrored_indices(height, reach);
    let columns = mirrored_indices(width, reach);
    let samples = width * CHANNELS;
    let mut sums = vec![0; samples];
    let mut halves = [vec![0; columns.len() * CHANNELS], vec![0; columns.len() * CHANNELS]];
    let mut half_sums = [vec![0; samples], vec![0; samples]];
    let mut blurred = RgbImage::new(picture.width(), picture.height());
    for (row, output) in blurred.chunks_exact_mut(samples.max(1)).enumerate() {
        let line = |tap: usize| &picture.as_raw()[rows[row + tap] * samples..][..samples];
        weighted_sum(line, &weights, &mut sums);
        split(&sums, &columns, &mut halves);
        for (half, half_sums) in halves.iter().zip(&mut half_sums) {
            weighted_sum(|tap| &half[tap * CHANNELS..][..samples], &weights, half_sums);
        }
        round(&half_sums, output);
    }
    blurred
}

/// The kernel's weights in 256ths, from the centre outwards, without the outermost ones that are zero.
///
/// The weights are rounded from the edge to the centre, and each hands its rounding error on to the next
/// (`getGaussianKernelFixedPoint_ED` of OpenCV 4.12); the centre gets what is missing to 256.
fn fixed_point_weights(kernel: u32, sigma: f64) -> Vec<u16> {
    let real = real_weights(kernel, sigma);
    let mut weights = vec![0; real.len()];
    let mut error = 0.0;
    let mut centre = 256;
    for (weight, &real) in weights.iter_mut().zip(&real).skip(1).rev() {
        let wanted = real * 256.0 + error;
        let rounded = wanted.round_ties_even();
        error = wanted - rounded;
        *weight = rounded as u16;
        centre -= 2 * *weight;
    }
    weights[0] = centre;
    let used = weights.iter().rposition(|&weight| weight > 0).map_or(1, |last| last + 1);
    weights.truncate(used);
    weights
}

/// The kernel's weights before rounding, from the centre outwards; over both sides they sum to one.
///
/// The order of the operations is that of `getGaussianKernelBitExact` in OpenCV 4.12.
fn real_weights(kernel: u32, sigma: f64) -> Vec<f64> {
    let scale = -0.125 / (sigma * sigma);
    let twice_distances = (0..kernel).step_by(2).map(f64::from);
    let values: Vec<f64> = twice_distances.map(|distance| (distance * distance * scale).exp()).collect();
    let side = values[1..].iter().rev().sum::<f64>();
    let normalizer = 1.0 / (side * 2.0 + 1.0);
    values.iter().map(|value| value * normalizer).collect()
}

/// The indices `-reach..length + reach` of a line of `length` samples, mirrored about its first and its last sample.
fn mirrored_indices(length: usize, reach: usize) -> Vec<usize> {
    let period = (2 * length).saturating_sub(2).max(1);
    let first = period - reach % period;
    let indices = (first..first + length + 2 * reach).map(|index| index % period);
    indices.map(|index| index.min(period - index)).collect()
}

/// Sums the lines of all taps, each times its weight; the weights sum to 256, so that the sums fit in 16 bits.
fn weighted_sum<'line>(line: impl Fn(usize) -> &'line [u8], weights: &[u16], sums: &mut [u16]) {
    let centre = weights.len() - 1;
    for (sum, &sample) in sums.iter_mut().zip(line(centre)) {
        *sum = u16::from(sample) * weights[0];
    }
    for (distance, &weight) in weights.iter().enumerate().skip(1) {
        let pairs = line(centre - distance).iter().zip(line(centre + distance));
        for (sum, (&before, &after)) in sums.iter_mut().zip(pairs) {
            *sum += (u16::from(before) + u16::from(after)) * weight;
        }
    }
}

/// Splits a row of sums into its upper and its lower bytes, and mirrors both at the row's ends.
fn split(sums: &[u16], columns: &[usize], halves: &mut [Vec<u8>; 2]) {
    let margin = (halves[0].len() - sums.len()) / 2;
    let [upper, lower] = halves;
    let pairs = upper[margin..].iter_mut().zip(&mut lower[margin..]);
    for (&sum, (upper, lower)) in sums.iter().zip(pairs) {
        [*upper, *lower] = sum.to_be_bytes();
    }
    let reach = margin / CHANNELS;
    for column in (0..reach).chain(columns.len() - reach..columns.len()) {
        let source = margin + columns[column] * CHANNELS;
        for half in [&mut *upper, &mut *lower] {
            half.copy_within(source..source + CHANNELS, column * CHANNELS);
        }
    }
}

/// Joins the sums of the upper and of the lower bytes, and rounds them from 65536ths to whole values, half up.
fn round([upper, lower]: &[Vec<u16>; 2], output: &mut [u8]) {
    for (output, (upper, lower)) in output.iter_mut().zip(upper.iter().zip(lower)) {
        [*output, _] = (upper + (lower >> 8) + 128).to_be_bytes();
    }
}
