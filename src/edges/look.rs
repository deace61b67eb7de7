//! Edges to look at.

use image::{GrayImage, Rgb, RgbImage};

use super::detect::{Denoise, Parameters, detect};
use crate::notebook::{Grid, Picture, Slider};

/// A picture beside what is made of it: denoised, its edges, and the edges over it.
pub fn panel(picture: &RgbImage, parameters: &Parameters) -> Grid {
    let found = detect(picture, parameters);
    let edges = found.mask.to_gray();
    let caption = format!("thresholds {:.0} and {:.0}", found.thresholds.0, found.thresholds.1);
    let share = 100.0 * found.mask.count() as f64 / found.mask.values().len() as f64;
    Grid::new("edges", &["picture", "denoised", "edges", "over the picture"]).row(
        "",
        [
            Picture::new(picture.clone(), ""),
            Picture::new(rgb(&found.gray), caption),
            Picture::new(rgb(&edges), format!("{share:.1} % of the pixels")),
            Picture::new(over(picture, &edges), ""),
        ],
    )
}

/// The edges of a picture after Gaussian smoothing of each `sigma`, as frames of a slider.
pub fn sigma_slider(picture: &RgbImage, parameters: &Parameters, sigmas: &[f32]) -> Slider {
    let frame = |&sigma: &f32| {
        let found = detect(picture, &Parameters { denoise: Denoise::Gaussian { sigma }, ..*parameters });
        Picture::new(over(picture, &found.mask.to_gray()), format!("sigma {sigma}: {} edge pixels", found.mask.count()))
    };
    Slider::new("sigma", sigmas.iter().map(frame).collect::<Vec<_>>()).width(336)
}

fn rgb(gray: &GrayImage) -> RgbImage {
    RgbImage::from_fn(gray.width(), gray.height(), |x, y| Rgb([gray.get_pixel(x, y).0[0]; 3]))
}

/// Edges in vermilion on the dimmed picture.
fn over(picture: &RgbImage, edges: &GrayImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        if edges.get_pixel(x, y).0[0] > 0 { Rgb([255, 120, 0]) } else { Rgb(picture.get_pixel(x, y).0.map(|v| v / 2)) }
    })
}
