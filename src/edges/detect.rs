//! One picture: denoise, grey, thresholds, Canny.

use image::{GrayImage, RgbImage};
use imageproc::filter::{gaussian_blur_f32, median_filter};
use serde::{Deserialize, Serialize};

use super::canny::{Aperture, GradientNorm, canny, gradient_lengths};
use super::lab::to_gray;
use super::nlm::non_local_means_color;
use crate::error::{Code, Error, Result};
use crate::pixels::{Frame, PixelMask};

/// What is done against noise and fine texture before edges are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Denoise {
    /// Nothing.
    None,
    /// Non-local means of the colour picture, as OpenCV's `fastNlMeansDenoisingColored`.
    NonLocalMeans {
        /// Strength for lightness, in grey levels.
        h: f32,
        /// Strength for the two colour channels.
        h_color: f32,
        /// Side of the windows that are compared, in pixels.
        template: u32,
        /// Side of the window that is searched.
        search: u32,
    },
    /// The median of a window of `2 radius + 1` pixels a side, of the grey picture.
    Median {
        /// Pixels to each side, 0 to 100.
        radius: u32,
    },
    /// A Gaussian of this standard deviation in pixels, of the grey picture.
    Gaussian {
        /// Standard deviation in pixels, 0 (nothing) to 100.
        sigma: f32,
    },
}

impl Denoise {
    /// Non-local means with the strength `h` for lightness, and 10, 7 and 21 for the rest, as published.
    pub fn non_local_means(h: f32) -> Self {
        Denoise::NonLocalMeans { h, h_color: 10.0, template: 7, search: 21 }
    }
}

/// Where Canny's two thresholds come from. They are compared with the length of the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Thresholds {
    /// `int(max(0, (1.0 - sigma) * v))` and `int(min(255, (1.0 + sigma) * v))` with v the median grey value, in doubles as
    /// they come, as published (fault A7: sigma 0.9, so 0.09999999999999998 and 1.9 times the median).
    MedianIntensity {
        /// Distance from the median, as a share of it.
        sigma: f64,
    },
    /// Quantiles of the picture's own gradient lengths.
    GradientQuantiles {
        /// Quantile of the lower threshold, 0 to 1.
        low: f64,
        /// Quantile of the upper threshold, 0 to 1.
        high: f64,
    },
    /// Two numbers, set by hand.
    Fixed {
        /// Lower threshold.
        low: f64,
        /// Upper threshold.
        high: f64,
    },
}

/// Whose Canny it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Detector {
    /// OpenCV's, in whole numbers.
    OpenCv {
        /// Side of the Sobel kernels.
        aperture: Aperture,
        /// Length of a gradient.
        norm: GradientNorm,
    },
    /// The image crate family's: a Gaussian of sigma 1.4 first, L2 lengths, hysteresis over six of eight neighbours.
    Imageproc,
}

/// Whether edges are looked for in the crop or in the whole photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Resize and crop, then denoise and look: edges are in the frame that networks see.
    CropFirst,
    /// The whole photograph, and its coordinates taken for those of the crop afterwards, as published (faults A3 to A5).
    WholePhotograph,
}

/// How edges are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Against noise.
    pub denoise: Denoise,
    /// Canny's thresholds.
    pub thresholds: Thresholds,
    /// Whose Canny.
    pub detector: Detector,
    /// Crop or whole photograph; for a folder of photographs only.
    pub order: Order,
    /// Standard deviation, in pixels, of the Gaussian before coarse edges (contours) are looked for.
    pub contour_sigma: f32,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            denoise: Denoise::non_local_means(10.0),
            thresholds: Thresholds::GradientQuantiles { low: 0.80, high: 0.93 },
            detector: Detector::OpenCv { aperture: Aperture::Three, norm: GradientNorm::L1 },
            order: Order::CropFirst,
            contour_sigma: 4.0,
        }
    }
}

impl Parameters {
    /// Notebook 3 as published: non-local means (30, 10, 7, 21), thresholds from the median grey value, OpenCV's Canny, in
    /// the whole photograph (faults A3 to A5 and A7).
    pub fn published() -> Self {
        Parameters {
            denoise: Denoise::non_local_means(30.0),
            thresholds: Thresholds::MedianIntensity { sigma: 0.9 },
            order: Order::WholePhotograph,
            ..Parameters::default()
        }
    }
}

/// The edges of one picture, and what they were found in.
#[derive(Debug, Clone)]
pub struct Detected<F: Frame> {
    /// The grey picture after denoising.
    pub gray: GrayImage,
    /// Edge pixels.
    pub mask: PixelMask<F>,
    /// The two thresholds that were used.
    pub thresholds: (f64, f64),
}

/// Edges of a picture in frame `F`.
///
/// # Errors
/// [`Code::Parameter`] if a parameter is out of its range.
pub fn detect<F: Frame>(picture: &RgbImage, parameters: &Parameters) -> Result<Detected<F>> {
    let gray = denoise(picture, parameters.denoise)?;
    let (edges, thresholds) = find(&gray, parameters)?;
    Ok(Detected { mask: PixelMask::from_gray(&edges), gray, thresholds })
}

/// Coarse edges of a picture, the outlines of large parts rather than texture: the same Canny after a wide Gaussian.
///
/// # Errors
/// As [`detect`].
pub fn contours<F: Frame>(picture: &RgbImage, parameters: &Parameters) -> Result<PixelMask<F>> {
    let gray = denoise(picture, Denoise::Gaussian { sigma: parameters.contour_sigma })?;
    // Thresholds that follow the grey value would find the same share of edges at any scale, or none.
    let thresholds = Thresholds::GradientQuantiles { low: 0.80, high: 0.93 };
    let (edges, _) = find(&gray, &Parameters { thresholds, ..*parameters })?;
    Ok(PixelMask::from_gray(&edges))
}

fn find(gray: &GrayImage, parameters: &Parameters) -> Result<(GrayImage, (f64, f64))> {
    let (low, high) = thresholds(gray, parameters)?;
    let edges = match parameters.detector {
        Detector::OpenCv { aperture, norm } => canny(gray, low, high, aperture, norm)?,
        Detector::Imageproc => imageproc::edges::canny(gray, low as f32, high.max(low) as f32),
    };
    Ok((edges, (low, high)))
}

/// The two thresholds that a grey picture is given.
///
/// # Errors
/// [`Code::Parameter`] if a quantile is not within 0 to 1, or a threshold is not a number.
pub fn thresholds(gray: &GrayImage, parameters: &Parameters) -> Result<(f64, f64)> {
    match parameters.thresholds {
        Thresholds::MedianIntensity { sigma } => {
            if !sigma.is_finite() {
                return Err(Error::new(Code::Parameter, format!("a sigma of {sigma}, expected a number")));
            }
            // As Python computes it: 1 - 0.9 is 0.09999999999999998, so that a median of 140 gives 13.
            let median = median(gray);
            Ok((((1.0 - sigma) * median).max(0.0).trunc(), ((1.0 + sigma) * median).min(255.0).trunc()))
        }
        Thresholds::GradientQuantiles { low, high } => {
            if !(0.0..=1.0).contains(&low) || !(0.0..=1.0).contains(&high) {
                return Err(Error::new(Code::Parameter, format!("quantiles are {low} and {high}, expected 0 to 1")));
            }
            let (aperture, norm) = match parameters.detector {
                Detector::OpenCv { aperture, norm } => (aperture, norm),
                Detector::Imageproc => (Aperture::Three, GradientNorm::L2),
            };
            let mut lengths = gradient_lengths(gray, aperture, norm);
            // A flat picture has quantiles of 0, and every pixel would be an edge: one grey level is the least.
            let low = quantile(&mut lengths, low).max(1.0);
            Ok((low, quantile(&mut lengths, high).max(low)))
        }
        Thresholds::Fixed { low, high } => Ok((low, high)),
    }
}

/// The most pixels of a median's radius and a Gaussian's standard deviation: nothing is left of a photograph long before.
const MOST_PIXELS: u32 = 100;

/// The grey picture after denoising.
///
/// # Errors
/// [`Code::Parameter`] if a strength or a window is out of its range.
pub fn denoise(picture: &RgbImage, how: Denoise) -> Result<GrayImage> {
    Ok(match how {
        Denoise::None => to_gray(picture),
        Denoise::NonLocalMeans { h, h_color, template, search } => {
            to_gray(&non_local_means_color(picture, h, h_color, template, search)?)
        }
        Denoise::Median { radius } if radius > MOST_PIXELS => {
            return Err(Error::new(
                Code::Parameter,
                format!("a median over {radius} pixels, expected 0 to {MOST_PIXELS}"),
            ));
        }
        Denoise::Median { radius } => median_filter(&to_gray(picture), radius, radius),
        Denoise::Gaussian { sigma } if !(0.0..=MOST_PIXELS as f32).contains(&sigma) => {
            let found = format!("a Gaussian of sigma {sigma}, expected 0 to {MOST_PIXELS} pixels");
            return Err(Error::new(Code::Parameter, found));
        }
        Denoise::Gaussian { sigma: 0.0 } => to_gray(picture),
        Denoise::Gaussian { sigma } => gaussian_blur_f32(&to_gray(picture), sigma),
    })
}

/// The grey value in the middle; the mean of the two middle ones for an even count, as numpy's `median`.
fn median(gray: &GrayImage) -> f64 {
    let mut counts = [0usize; 256];
    gray.as_raw().iter().for_each(|value| counts[usize::from(*value)] += 1);
    let count = gray.as_raw().len();
    let ranked = |rank: usize| {
        let mut below = 0;
        let found = counts.iter().position(|count| {
            below += count;
            below > rank
        });
        found.unwrap_or(0) as f64
    };
    if count == 0 { 0.0 } else { (ranked((count - 1) / 2) + ranked(count / 2)) / 2.0 }
}

/// A quantile (0 to 1) by rank, without interpolation.
fn quantile(values: &mut [f32], share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let rank = (share * (values.len() - 1) as f64).round() as usize;
    f64::from(*values.select_nth_unstable_by(rank, f32::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;
    use crate::pixels::Crop;

    #[test]
    fn a_flat_picture_has_no_edge() {
        let flat = RgbImage::from_pixel(60, 60, Rgb([128; 3]));
        for detector in [Parameters::default().detector, Detector::Imageproc] {
            let found: Detected<Crop> = detect(&flat, &Parameters { detector, ..Parameters::default() }).unwrap();
            assert_eq!(found.mask.count(), 0);
        }
    }

    #[test]
    fn a_square_has_its_outline() {
        let picture = RgbImage::from_fn(224, 224, |x, y| {
            let inside = (60..160).contains(&x) && (60..160).contains(&y);
            Rgb([if inside { 210 } else { 30 }; 3])
        });
        let near = |value: u32| value.abs_diff(60) <= 3 || value.abs_diff(160) <= 3;
        let found: Detected<Crop> = detect(&picture, &Parameters::default()).unwrap();
        assert!(found.mask.pixels().iter().all(|pixel| near(pixel.row) || near(pixel.col)));
        assert!((380..=420).contains(&found.mask.count()), "the outline is 400 pixels: {}", found.mask.count());
        let coarse: PixelMask<Crop> = contours(&picture, &Parameters::default()).unwrap();
        assert!((300..=500).contains(&coarse.count()), "{}", coarse.count());
    }

    #[test]
    fn a_strength_without_end_is_refused_in_words() {
        let picture = RgbImage::from_pixel(8, 8, Rgb([90; 3]));
        for (how, said) in [
            (Denoise::Median { radius: u32::MAX }, "a median over 4294967295 pixels, expected 0 to 100"),
            (Denoise::Gaussian { sigma: f32::NAN }, "a Gaussian of sigma NaN, expected 0 to 100 pixels"),
            (Denoise::Gaussian { sigma: -1.0 }, "sigma -1"),
            (Denoise::Gaussian { sigma: f32::INFINITY }, "sigma inf"),
        ] {
            assert!(denoise(&picture, how).unwrap_err().message().contains(said), "{how:?}");
        }
        assert_eq!(denoise(&picture, Denoise::Gaussian { sigma: 0.0 }).unwrap(), to_gray(&picture));
    }

    #[test]
    fn published_thresholds_come_from_the_median_in_doubles_as_they_come() {
        let with = |value: u8| {
            let gray = GrayImage::from_pixel(9, 9, Luma([value]));
            thresholds(&gray, &Parameters::published()).unwrap()
        };
        // What Python prints for `int(max(0, (1.0 - 0.9) * v))` and `int(min(255, (1.0 + 0.9) * v))`.
        let lower = [10, 20, 30, 40, 50, 70, 100, 110, 130, 140, 150, 160, 200, 250].map(|value| with(value).0);
        assert_eq!(lower, [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 10.0, 12.0, 13.0, 14.0, 15.0, 19.0, 24.0]);
        let upper = [10, 20, 40, 70, 90, 110, 130, 134].map(|value| with(value).1);
        assert_eq!(upper, [19.0, 38.0, 76.0, 133.0, 171.0, 209.0, 247.0, 254.0]);
        assert_eq!((with(0), with(135), with(255)), ((0.0, 0.0), (13.0, 255.0), (25.0, 255.0)));
        assert_eq!(median(&GrayImage::from_fn(4, 1, |x, _| Luma([[1, 9, 2, 5][x as usize]]))), 3.5);
    }

    #[test]
    fn quantiles_out_of_range_are_refused() {
        let parameters =
            Parameters { thresholds: Thresholds::GradientQuantiles { low: 0.8, high: 93.0 }, ..Parameters::default() };
        let error = detect::<Crop>(&RgbImage::new(5, 5), &parameters).unwrap_err();
        assert!(error.to_string().contains("93"), "{error}");
    }
}
