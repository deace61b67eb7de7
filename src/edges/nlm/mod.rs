//! Non-local means (Buades, Coll, Morel 2005) as OpenCV 4.12's `fastNlMeansDenoising`, equal to the byte.
//!
//! Each pixel becomes a mean of the pixels of its search window, weighted by how alike the small windows (templates)
//! around the two are: `exp(-d / (h² c))`, with d the mean squared difference of the templates and c the number of
//! channels. OpenCV works in whole numbers throughout: the sum of squares is divided by the next power of two above the
//! template's pixels, looked up in a table of fixed-point weights (those below 0.001 are 0), and the mean is rounded. So
//! any order of the sums gives the same bytes, and the order here is the fast one.
//!
//! # How it is fast
//! The distance of the templates around p and p + d is the distance around p + d and p: half of the offsets serve for all.
//! For each of them, rows of squared differences go through a running sum down the columns and a short sum along the row, each
//! weight is found once, and added to both of its pixels. Each pixel is kept beside the one that leaves the running sum as
//! it comes in, so that one product gives the change. A look-up a weight would take longer than all the rest: the weights are
//! computed instead, eight or sixteen side by side, by a function in single precision that was tried against the table and is equal to
//! it in every entry; strengths for which there is none (very large ones) look their weights up. Sums are kept for a band of
//! rows at a time, which stays in the second cache.

mod band;
#[cfg(target_arch = "x86_64")]
mod exponential;
mod extended;
mod portable;
#[cfg(target_arch = "x86_64")]
mod vector;
#[cfg(target_arch = "x86_64")]
mod wide;
mod windows;

use std::ops::Range;

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::lab;
use crate::error::Result;
use band::Band;
use extended::Extended;
use portable::Portable;
use windows::Windows;

/// Rows whose sums are held at a time.
const BAND: usize = 128;

/// The non-local mean of a grey picture: `h` is the filter strength in grey levels, `template` and `search` are sides of
/// windows in pixels (an even one counts as the next odd one). Equals OpenCV 4.12's `fastNlMeansDenoising`.
///
/// ```
/// use image::{GrayImage, Luma};
/// use lgf::edges::non_local_means;
///
/// let flat = GrayImage::from_pixel(20, 10, Luma([77]));
/// assert_eq!(non_local_means(&flat, 30.0, 7, 21)?, flat);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`](crate::error::Code::Parameter) if `h` is negative or not a number, or a window is 0 or larger than 101 pixels.
pub fn non_local_means(gray: &GrayImage, h: f32, template: u32, search: u32) -> Result<GrayImage> {
    let size = (gray.height() as usize, gray.width() as usize);
    let [denoised] = filter([gray.as_raw()], size, h, template, search)?;
    Ok(GrayImage::from_raw(gray.width(), gray.height(), denoised).unwrap_or_default())
}

/// The non-local mean of a colour picture in CIE Lab, with `h` for lightness and `h_color` for the two others together.
/// Equals OpenCV 4.12's `fastNlMeansDenoisingColored`, whose published call is (30, 10, 7, 21).
///
/// # Errors
/// As [`non_local_means`].
pub fn non_local_means_color(picture: &RgbImage, h: f32, h_color: f32, template: u32, search: u32) -> Result<RgbImage> {
    let size = (picture.height() as usize, picture.width() as usize);
    let lab = lab::from_rgb(picture);
    let [lightness] = filter([&lab.lightness], size, h, template, search)?;
    let [a, b] = filter([&lab.a, &lab.b], size, h_color, template, search)?;
    Ok(lab::to_rgb(&lab::Lab { lightness, a, b }, picture.width(), picture.height()))
}

fn filter<const C: usize>(
    planes: [&[u8]; C],
    (height, width): (usize, usize),
    h: f32,
    template: u32,
    search: u32,
) -> Result<[Vec<u8>; C]> {
    let windows = Windows::new(h, template, search, C)?;
    let mut out = planes.map(|plane| vec![0; plane.len()]);
    if height == 0 || width == 0 {
        return Ok(out);
    }
    let extended = Extended::new(planes, (height, width), (windows.template, windows.search));
    let means = fastest(&extended, &windows, width);
    let bands: Vec<usize> = (0..height).step_by(BAND).collect();
    let filtered: Vec<[Vec<u8>; C]> =
        bands.into_par_iter().map(|first| means(first..(first + BAND).min(height))).collect();
    for (band, first) in filtered.iter().zip((0..height).step_by(BAND)) {
        for (plane, values) in out.iter_mut().zip(band) {
            plane[first * width..][..values.len()].copy_from_slice(values);
        }
    }
    Ok(out)
}

/// The means of some rows.
type Means<'a, const C: usize> = Box<dyn Fn(Range<usize>) -> [Vec<u8>; C] + Sync + 'a>;

/// By the widest registers that this processor has. The bytes are the same in all of them: whole numbers.
fn fastest<'a, const C: usize>(extended: &'a Extended<C>, windows: &'a Windows, width: usize) -> Means<'a, C> {
    #[cfg(target_arch = "x86_64")]
    if let Some(exponential) = exponential::Exponential::of(windows) {
        return Box::new(move |rows| {
            let steps = vector::Vector { exponential, template: windows.template, wide: wide::is_there() };
            let band = Band::new(extended, windows, rows, width, steps);
            // SAFETY: there is an exponential only where AVX2 and FMA are.
            unsafe { vector::means(band, windows.search as isize) }
        });
    }
    portable(extended, windows, width)
}

/// By code that runs everywhere.
fn portable<'a, const C: usize>(extended: &'a Extended<C>, windows: &'a Windows, width: usize) -> Means<'a, C> {
    Box::new(move |rows| {
        let mut band = Band::new(extended, windows, rows, width, Portable(windows));
        band.add_all_pairs(windows.search as isize);
        band.divided()
    })
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::extended::mirrored;
    use super::*;
    use crate::error::Code;

    /// The definition, pixel by pixel, on the plane that `at` gives beyond the edges.
    fn naive<const C: usize>(
        planes: [&[u8]; C],
        (height, width): (usize, usize),
        h: f32,
        template: u32,
        search: u32,
    ) -> [Vec<u8>; C] {
        let windows = Windows::new(h, template, search, C).unwrap();
        let (t, s) = (windows.template as isize, windows.search as isize);
        let at = |channel: usize, row: isize, col: isize| {
            let border = windows.template + windows.search;
            let row = mirrored((row + border as isize) as usize, border, height);
            i64::from(planes[channel][row * width + mirrored((col + border as isize) as usize, border, width)])
        };
        let mut out = planes.map(|plane| vec![0; plane.len()]);
        for (row, col) in (0..height as isize).flat_map(|row| (0..width as isize).map(move |col| (row, col))) {
            let mut total = 0;
            let mut sums = [0; C];
            for (dy, dx) in (-s..=s).flat_map(|dy| (-s..=s).map(move |dx| (dy, dx))) {
                let mut distance = 0;
                for (ty, tx) in (-t..=t).flat_map(|ty| (-t..=t).map(move |tx| (ty, tx))) {
                    for channel in 0..C {
                        let one = at(channel, row + ty, col + tx);
                        distance += (one - at(channel, row + dy + ty, col + dx + tx)).pow(2);
                    }
                }
                let index = (distance >> windows.shift) as usize;
                let weight = i64::from(windows.weights.get(index).copied().unwrap_or(0));
                total += weight;
                for (channel, sum) in sums.iter_mut().enumerate() {
                    *sum += weight * at(channel, row + dy, col + dx);
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                out[row as usize * width + col as usize] = ((sum + total / 2) / total) as u8;
            }
        }
        out
    }

    /// A picture of soft shapes and noise: distances of every size.
    fn plane(rng: &mut ChaCha8Rng, count: usize, noise: u32) -> Vec<u8> {
        let base = rng.next_u32() % 200;
        (0..count).map(|at| (base + at as u32 / 7 % 3 * 20 + rng.next_u32() % noise).min(255) as u8).collect()
    }

    #[test]
    fn the_fast_sums_are_the_definition() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let windows = [(7, 21), (1, 3), (3, 5), (5, 9), (4, 6), (7, 1), (1, 1)];
        for case in 0..60 {
            let (height, width) = (1 + rng.next_u32() as usize % 40, 1 + rng.next_u32() as usize % 40);
            let (template, search) = windows[case % windows.len()];
            let h = [30.0, 10.0, 3.0, 0.5, 0.0, 120.0][case % 6];
            let noise = 1 + rng.next_u32() % 255;
            let [a, b] = std::array::from_fn(|_| plane(&mut rng, height * width, noise));
            let size = (height, width);
            let text = format!("{height} x {width}, h {h}, template {template}, search {search}");
            let one = filter([a.as_slice()], size, h, template, search).unwrap();
            assert!(one == naive([a.as_slice()], size, h, template, search), "one channel, {text}");
            let two = filter([a.as_slice(), b.as_slice()], size, h, template, search).unwrap();
            assert!(two == naive([a.as_slice(), b.as_slice()], size, h, template, search), "two channels, {text}");
        }
    }

    #[test]
    fn bands_and_threads_do_not_show() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let picture =
            RgbImage::from_raw(33, 3 * BAND as u32 + 5, plane(&mut rng, 33 * (3 * BAND + 5) * 3, 90)).unwrap();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| non_local_means_color(&picture, 30.0, 10.0, 7, 21).unwrap())
        };
        assert_eq!(on(1), on(7));
    }

    #[test]
    fn the_portable_path_gives_the_same_bytes() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let values = plane(&mut rng, 50 * 30, 60);
        let windows = Windows::new(20.0, 7, 21, 1).unwrap();
        let extended = Extended::new([values.as_slice()], (30, 50), (windows.template, windows.search));
        assert_eq!(portable(&extended, &windows, 50)(0..30), fastest(&extended, &windows, 50)(0..30));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn weights_are_computed_for_the_usual_strengths() {
        if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
            return;
        }
        let computed =
            |h: u8, channels| exponential::Exponential::of(&Windows::new(h.into(), 7, 21, channels).unwrap());
        assert!((1..=25).all(|h| computed(h, 1).is_some()));
        assert!((1..=20).all(|h| computed(h, 2).is_some()));
        // None falls so slowly that a single-precision function would follow it.
        assert!(computed(100, 1).is_none());
    }

    #[test]
    fn windows_and_strengths_that_cannot_be_are_refused() {
        let picture = RgbImage::from_pixel(3, 3, Rgb([1; 3]));
        for (h, template, search) in [(-1.0, 7, 21), (f32::NAN, 7, 21), (3.0, 0, 21), (3.0, 7, 1000)] {
            let error = non_local_means_color(&picture, h, 1.0, template, search).unwrap_err();
            assert_eq!(error.code(), Code::Parameter);
        }
        assert_eq!(non_local_means(&GrayImage::new(0, 0), 3.0, 7, 21).unwrap().len(), 0);
    }
}
