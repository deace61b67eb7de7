//! Photographs and maps as grids.

use std::collections::HashSet;

use image::{Rgb, RgbImage};
use imageproc::drawing::draw_hollow_rect_mut;
use imageproc::rect::Rect;
use polars::prelude::DataFrame;

use super::{HeatStyle, heatmap_on_image, overlay_mask};
use crate::error::{Code, Error, Result};
use crate::files::ImageFile;
use crate::notebook::{Grid, Picture, counted};
use crate::pixels::{self, Crop, HeatMap, PixelMask};
use crate::table::{floats, texts};

/// Photographs as networks see them, some a row, each with its name under it.
///
/// # Errors
/// As [`pixels::decode`].
pub fn gallery(images: &[ImageFile], columns: usize) -> Result<Grid> {
    let mut grid = Grid::new("photographs", &[]);
    for row in images.chunks(columns.max(1)) {
        let pictures: Result<Vec<Picture>> =
            row.iter().map(|image| Ok(Picture::new(seen(image)?, image.stem.as_str()))).collect();
        grid = grid.row("", pictures?);
    }
    Ok(grid)
}

/// Photographs (rows) and the relevance of each network for them (columns), with the edges over it where there are any.
/// `map` and `edges` give what earlier steps wrote, by network and identity of the photograph.
///
/// # Errors
/// What `map` gives; as [`pixels::decode`].
pub fn heat_grid(
    images: &[ImageFile],
    models: &[&str],
    map: impl Fn(&str, &str) -> Result<HeatMap<Crop>>,
    edges: impl Fn(&str) -> Result<PixelMask<Crop>>,
    style: &HeatStyle,
) -> Result<Grid> {
    let columns: Vec<&str> = std::iter::once("photograph").chain(models.iter().copied()).collect();
    let mut grid = Grid::new("relevance", &columns);
    for image in images {
        let picture = seen(image)?;
        let mask = edges(&image.id)?;
        let mut row = vec![Picture::new(picture.clone(), "")];
        for model in models {
            let map = map(model, &image.id)?;
            row.push(Picture::new(heatmap_on_image(&picture, map.values(), Some(mask.values()), style)?, ""));
        }
        grid = grid.row("", row);
    }
    Ok(grid)
}

/// Several maps of one photograph, each under its name, `columns` a row; the photograph comes first. Edges over them if there is a
/// mask.
///
/// # Errors
/// As [`heatmap_on_image`] and [`pixels::decode`].
pub fn map_gallery(
    image: &ImageFile,
    maps: &[(String, HeatMap<Crop>)],
    edges: Option<&PixelMask<Crop>>,
    columns: usize,
    style: &HeatStyle,
) -> Result<Grid> {
    let picture = seen(image)?;
    let mut pictures = vec![Picture::new(picture.clone(), image.stem.as_str())];
    for (name, map) in maps {
        let drawn = heatmap_on_image(&picture, map.values(), edges.map(PixelMask::values), style)?;
        pictures.push(Picture::new(drawn, name.as_str()));
    }
    let mut grid = Grid::new("maps of one photograph", &[]);
    for row in pictures.chunks(columns.max(1)) {
        grid = grid.row("", row.to_vec());
    }
    Ok(grid)
}

/// `count` of some photographs, spread over the table of step 2, as networks see them with their edges in orange and their box
/// in the crop: corrected in vermilion, as published in blue. `edges` gives what step 3 wrote, by identity of the photograph.
///
/// # Errors
/// [`Code::Parameter`] if none of them has a box; [`Code::Table`] if a column is missing; what `edges` gives; as
/// [`pixels::decode`].
pub fn edge_gallery(
    images: &[ImageFile],
    boxes: &DataFrame,
    count: usize,
    edges: impl Fn(&str) -> Result<PixelMask<Crop>>,
) -> Result<Grid> {
    let ids: HashSet<&str> = images.iter().map(|image| image.id.as_str()).collect();
    let (paths, files, names) = (texts(boxes, "path")?, texts(boxes, "file")?, texts(boxes, "filename")?);
    let rows: Vec<usize> = (0..files.len()).filter(|&row| ids.contains(files[row].as_str())).collect();
    if rows.is_empty() {
        let found = format!("no box to show for {}", counted(images.len(), "photograph"));
        return Err(Error::new(Code::Parameter, found).hint("boxes come from the study's annotations, in notebook 2"));
    }
    let side = |name: &str| floats(boxes, name);
    let seen = [side("crop_col")?, side("crop_row")?, side("crop_width")?, side("crop_height")?];
    let published = [side("xmin_n")?, side("ymin_n")?, side("xmax_n")?, side("ymax_n")?];
    let picture = |row: usize| -> Result<Picture> {
        let crop = pixels::imagenet_crop(&pixels::decode(&paths[row])?)?;
        let dimmed = RgbImage::from_fn(crop.width(), crop.height(), |x, y| Rgb(crop.get_pixel(x, y).0.map(|v| v / 2)));
        let mut out = overlay_mask(&dimmed, edges(&files[row])?.values(), EDGE, 1.0)?;
        outline(&mut out, published.each_ref().map(|corner| corner[row]), PUBLISHED);
        // Nothing of the box may be visible in the crop.
        let [left, top, width, height] = seen.each_ref().map(|corner| corner[row]);
        if left.is_finite() {
            outline(&mut out, [left, top, left + width, top + height], CORRECTED);
        }
        Ok(Picture::new(out, names[row].as_str()))
    };
    let count = count.min(rows.len());
    let pictures: Result<Vec<Picture>> = (0..count).map(|place| picture(rows[place * rows.len() / count])).collect();
    Ok(Grid::new("edges and boxes", &[]).row("", pictures?))
}

/// Okabe and Ito's orange, vermilion and sky blue, for edges and the two boxes.
const EDGE: Rgb<u8> = Rgb([255, 190, 70]);
const CORRECTED: Rgb<u8> = Rgb([213, 94, 0]);
const PUBLISHED: Rgb<u8> = Rgb([86, 180, 233]);

/// A rectangle two pixels thick; an inverted one goes from its smaller to its larger side.
fn outline(picture: &mut RgbImage, [xmin, ymin, xmax, ymax]: [f64; 4], color: Rgb<u8>) {
    let (left, right, top, bottom) = (xmin.min(xmax), xmin.max(xmax), ymin.min(ymax), ymin.max(ymax));
    for inset in [0.0, 1.0] {
        let (width, height) = (right - left - 2.0 * inset, bottom - top - 2.0 * inset);
        if width >= 1.0 && height >= 1.0 {
            let rect = Rect::at((left + inset) as i32, (top + inset) as i32).of_size(width as u32, height as u32);
            draw_hollow_rect_mut(picture, rect, color);
        }
    }
}

fn seen(image: &ImageFile) -> Result<pixels::RgbImage> {
    pixels::imagenet_crop(&pixels::decode(&image.path)?)
}
