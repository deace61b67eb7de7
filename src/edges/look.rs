//! Edges to look at.

use std::collections::HashSet;

use image::{GrayImage, Rgb, RgbImage};

use super::detect::{Denoise, Detected, Parameters, Thresholds, detect};
use super::masks::mask_of;
use crate::bbox::{Boxes, ObjectBox};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Store};
use crate::notebook::{Grid, Picture, Slider, counted};
use crate::pixels::{self, Crop, HeatMap, PixelBox, PixelMask};

/// Standard deviation, in pixels, that densities are smoothed with.
const SMOOTHING: f32 = 4.0;

/// A picture beside what is made of it by each of some named parameters: denoised, its edges, and the edges over it.
///
/// ```
/// use lgf::notebook::Show;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, if x > 90 { 250 } else { 0 }]));
/// use lgf::edges::{Parameters, panel};
///
/// let grid = panel(&picture, &[("mine", Parameters::default()), ("as published", Parameters::published())])?;
/// assert!(grid.html().contains("as published"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// As [`detect`].
pub fn panel(picture: &RgbImage, choices: &[(&str, Parameters)]) -> Result<Grid> {
    let mut grid = Grid::new("edges", &["picture", "denoised", "edges", "over the picture"]);
    for (name, parameters) in choices {
        let found: Detected<Crop> = detect(picture, parameters)?;
        let edges = found.mask.to_gray();
        let caption = format!("thresholds {:.0} and {:.0}", found.thresholds.0, found.thresholds.1);
        let share = 100.0 * found.mask.count() as f64 / found.mask.values().len() as f64;
        grid = grid.row(
            *name,
            [
                Picture::new(picture.clone(), ""),
                Picture::new(rgb(&found.gray), caption),
                Picture::new(rgb(&edges), format!("{share:.1} % of the pixels")),
                Picture::new(over(picture, &edges), ""),
            ],
        );
    }
    Ok(grid)
}

/// The edges of a picture after non-local means of each strength `h`, as frames of a slider.
///
/// ```
/// use lgf::notebook::Show;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, if x > 90 { 250 } else { 0 }]));
/// let slider = lgf::edges::h_slider(&picture, &lgf::edges::Parameters::default(), &[3.0, 10.0])?;
/// assert!(slider.html().contains("h 10"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// As [`detect`].
pub fn h_slider(picture: &RgbImage, parameters: &Parameters, strengths: &[f32]) -> Result<Slider> {
    let with = |h: &f32| Parameters { denoise: Denoise::non_local_means(*h), ..*parameters };
    slider("h", picture, strengths.iter().map(|h| (format!("h {h}"), with(h))))
}

/// The edges of a picture with thresholds at `1 - sigma` and `1 + sigma` times the median, as frames of a slider.
///
/// ```
/// use lgf::notebook::Show;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, if x > 90 { 250 } else { 0 }]));
/// let slider = lgf::edges::sigma_slider(&picture, &lgf::edges::Parameters::published(), &[0.3, 0.9])?;
/// assert!(slider.html().contains("sigma 0.9"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// As [`detect`].
pub fn sigma_slider(picture: &RgbImage, parameters: &Parameters, sigmas: &[f64]) -> Result<Slider> {
    let with = |sigma: &f64| Parameters { thresholds: Thresholds::MedianIntensity { sigma: *sigma }, ..*parameters };
    slider("sigma", picture, sigmas.iter().map(|sigma| (format!("sigma {sigma}"), with(sigma))))
}

fn slider(name: &str, picture: &RgbImage, choices: impl Iterator<Item = (String, Parameters)>) -> Result<Slider> {
    let frame = |(label, parameters): (String, Parameters)| {
        let found: Detected<Crop> = detect(picture, &parameters)?;
        let (low, high) = found.thresholds;
        let caption = format!("{label}: thresholds {low:.0} and {high:.0}, {} edge pixels", found.mask.count());
        Ok(Picture::new(over(picture, &found.mask.to_gray()), caption))
    };
    Ok(Slider::new(name, choices.map(frame).collect::<Result<Vec<_>>>()?).width(336))
}

/// A photograph as networks see it, with its edges and its box.
#[derive(Debug, Clone, PartialEq)]
pub struct Boxed {
    /// Its name.
    pub name: String,
    /// Its 224 x 224 crop.
    pub picture: RgbImage,
    /// Its edges.
    pub edges: PixelMask<Crop>,
    /// The visible part of its box.
    pub corrected: Option<PixelBox<Crop>>,
    /// Its box as the published notebooks had it, which may leave the crop or be inverted: xmin, ymin, xmax, ymax.
    pub published: [f64; 4],
}

/// `count` of some photographs, spread over the table of step 2, with what steps 2 and 3 found.
///
/// # Errors
/// [`Code::Parameter`] if none of them has a box; [`Code::Table`] if a column is missing; as [`mask_of`] and
/// [`pixels::crop_of`].
pub fn with_boxes(store: &Store, images: &[ImageFile], boxes: &Boxes, count: usize) -> Result<Vec<Boxed>> {
    let ids: HashSet<&str> = images.iter().map(|image| image.id.as_str()).collect();
    let own: Vec<&ObjectBox> = boxes.all().iter().filter(|object| ids.contains(object.file.as_str())).collect();
    if own.is_empty() {
        let found = format!("no box to show for {}", counted(images.len(), "photograph"));
        return Err(Error::new(Code::Parameter, found).hint("boxes come from the study's annotations, in notebook 2"));
    }
    let boxed = |object: &ObjectBox| {
        Ok(Boxed {
            name: object.name.clone(),
            picture: pixels::crop_of(&object.path)?,
            edges: mask_of(store, &object.file)?,
            // Nothing of the box may be visible in the crop.
            corrected: object.seen,
            published: object.published.map(f64::from),
        })
    };
    let count = count.min(own.len());
    (0..count).map(|place| boxed(own[place * own.len() / count])).collect()
}

/// Where edges are, over some photographs: the share of them with an edge at each pixel of the crop, smoothed by a Gaussian
/// of 4 pixels.
///
/// # Errors
/// As [`mask_of`].
pub fn density(store: &Store, images: &[ImageFile]) -> Result<HeatMap<Crop>> {
    HeatMap::density(images.iter().map(|image| mask_of(store, &image.id)), SMOOTHING)
}

fn rgb(gray: &GrayImage) -> RgbImage {
    RgbImage::from_fn(gray.width(), gray.height(), |x, y| Rgb([gray.get_pixel(x, y).0[0]; 3]))
}

/// Edges in orange on the dimmed picture.
fn over(picture: &RgbImage, edges: &GrayImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        if edges.get_pixel(x, y).0[0] > 0 { Rgb([255, 170, 60]) } else { Rgb(picture.get_pixel(x, y).0.map(|v| v / 2)) }
    })
}
