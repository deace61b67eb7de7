use image::{GrayImage, Luma, RgbImage};
use imageproc::edges::canny;
use imageproc::filter::{gaussian_blur_f32, median_filter};
use imageproc::gradients::sobel_gradients;
use serde::{Deserialize, Serialize};

use crate::pixels::{Crop, PixelMask};

/// What is done against noise and fine texture before edges are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Denoise {
    /// Nothing.
    None,
    /// The median of a window of `2 radius + 1` pixels a side, of the grey picture.
    Median {
        /// Pixels to each side.
        radius: u32,
    },
    /// A Gaussian of this standard deviation in pixels, of the grey picture.
    Gaussian {
        /// Standard deviation in pixels.
        sigma: f32,
    },
}

/// Where Canny's two thresholds come from. They are compared with the length of the Sobel gradient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Thresholds {
    /// `(1 - sigma)` and `(1 + sigma)` times the median grey value, as published (fault A7: sigma .9).
    MedianIntensity {
        /// Distance from the median, as a share of it.
        sigma: f32,
    },
    /// Quantiles of the picture's own gradient lengths.
    GradientQuantiles {
        /// Quantile of the lower threshold, 0 to 1.
        low: f32,
        /// Quantile of the upper threshold, 0 to 1.
        high: f32,
    },
    /// Two numbers, set by hand.
    Fixed {
        /// Lower threshold.
        low: f32,
        /// Upper threshold.
        high: f32,
    },
}

/// How edges are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Against noise.
    pub denoise: Denoise,
    /// Canny's thresholds.
    pub thresholds: Thresholds,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            denoise: Denoise::Gaussian { sigma: 1.5 },
            thresholds: Thresholds::GradientQuantiles { low: 0.80, high: 0.93 },
        }
    }
}

/// The edges of one picture, and what they were found in.
#[derive(Debug, Clone)]
pub struct Detected {
    /// The grey picture after denoising.
    pub gray: GrayImage,
    /// Edge pixels.
    pub mask: PixelMask<Crop>,
    /// The two thresholds that were used.
    pub thresholds: (f32, f32),
}

/// Edges of a cropped picture. The crop comes first, so that edges are in the frame that networks see (faults A3, A5).
/// Canny is imageproc's.
pub fn detect(crop: &RgbImage, parameters: &Parameters) -> Detected {
    let gray = denoise(crop, parameters.denoise);
    let (low, high) = match parameters.thresholds {
        Thresholds::MedianIntensity { sigma } => {
            let median = median(&gray);
            (((1.0 - sigma) * median).max(0.0).floor(), ((1.0 + sigma) * median).min(255.0).floor())
        }
        Thresholds::GradientQuantiles { low, high } => {
            // A flat picture has quantiles of 0, and every pixel would be an edge: one grey level is the least.
            let low = gradient_quantile(&gray, low).max(1.0);
            (low, gradient_quantile(&gray, high).max(low))
        }
        Thresholds::Fixed { low, high } => (low, high.max(low)),
    };
    let edges = canny(&gray, low, high.max(low));
    Detected { mask: PixelMask::from_gray(&edges), gray, thresholds: (low, high) }
}

/// The grey picture (ITU-R 601 weights, as OpenCV's and Pillow's) after denoising.
pub fn denoise(picture: &RgbImage, how: Denoise) -> GrayImage {
    let gray = to_gray(picture);
    match how {
        Denoise::None => gray,
        Denoise::Median { radius } => median_filter(&gray, radius, radius),
        Denoise::Gaussian { sigma } if sigma > 0.0 => gaussian_blur_f32(&gray, sigma),
        Denoise::Gaussian { .. } => gray,
    }
}

/// `0.299 R + 0.587 G + 0.114 B`, rounded, in OpenCV's 14-bit fixed point.
fn to_gray(picture: &RgbImage) -> GrayImage {
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b] = picture.get_pixel(x, y).0.map(u32::from);
        Luma([((4899 * r + 9617 * g + 1868 * b + (1 << 13)) >> 14) as u8])
    })
}

/// The grey value in the middle; the mean of the two middle ones for an even count.
fn median(gray: &GrayImage) -> f32 {
    let mut values = gray.as_raw().clone();
    values.sort_unstable();
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => f32::from(values[count / 2]),
        count => (f32::from(values[count / 2 - 1]) + f32::from(values[count / 2])) / 2.0,
    }
}

/// A quantile (0 to 1) of the lengths of the Sobel gradient, by rank without interpolation.
pub fn gradient_quantile(gray: &GrayImage, quantile: f32) -> f32 {
    let mut lengths: Vec<u16> = sobel_gradients(gray).as_raw().clone();
    if lengths.is_empty() {
        return 0.0;
    }
    let rank = (quantile.clamp(0.0, 1.0) * (lengths.len() - 1) as f32).round() as usize;
    f32::from(*lengths.select_nth_unstable(rank).1)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn a_flat_picture_has_no_edge() {
        let found = detect(&RgbImage::from_pixel(224, 224, Rgb([128; 3])), &Parameters::default());
        assert_eq!(found.mask.count(), 0);
    }

    #[test]
    fn a_square_has_its_outline() {
        let picture = RgbImage::from_fn(224, 224, |x, y| {
            let inside = (60..160).contains(&x) && (60..160).contains(&y);
            Rgb([if inside { 210 } else { 30 }; 3])
        });
        let found = detect(&picture, &Parameters::default());
        let near = |value: u32| value.abs_diff(60) <= 3 || value.abs_diff(160) <= 3;
        assert!(found.mask.pixels().iter().all(|pixel| near(pixel.row) || near(pixel.col)));
        // The outline is 400 pixels long; imageproc keeps one or two pixels across a symmetric step.
        assert!((380..=800).contains(&found.mask.count()), "{}", found.mask.count());
    }

    #[test]
    fn published_thresholds_come_from_the_median() {
        let picture = RgbImage::from_pixel(9, 9, Rgb([100; 3]));
        let thresholds = Thresholds::MedianIntensity { sigma: 0.9 };
        let found = detect(&picture, &Parameters { denoise: Denoise::None, thresholds });
        assert_eq!(found.thresholds, (10.0, 190.0));
    }

    #[test]
    fn gray_weights_sum_to_one() {
        assert_eq!(to_gray(&RgbImage::from_pixel(1, 1, Rgb([255; 3]))).get_pixel(0, 0).0, [255]);
    }
}
