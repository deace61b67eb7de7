//! Boxes to look at.

use std::path::Path;

use image::{Rgb, RgbImage};
use imageproc::drawing::draw_hollow_rect_mut;
use imageproc::rect::Rect;
use maud::html;
use polars::prelude::*;

use super::boxes::{Boxes, ObjectBox};
use super::example::first_example;
use super::limits::Limits;
use crate::error::{Code, Error, Result};
use crate::notebook::{Grid, Html, Picture, show, table};
use crate::pixels;
use crate::table::boxes::{XMAX, XMIN};
use crate::table::floats;

/// Lines of the box in the photograph and of the corrected one: Okabe and Ito's vermilion. The published one is blue.
const CORRECTED: Rgb<u8> = Rgb([213, 94, 0]);
const PUBLISHED: Rgb<u8> = Rgb([0, 114, 178]);

/// Width of every box in pixels of its photograph.
///
/// ```
/// let boxes = lgf::polars::df!("xmin" => [10i32, 4], "xmax" => [50i32, 8])?;
/// assert_eq!(lgf::bbox::widths(&boxes)?, [40.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn widths(boxes: &DataFrame) -> Result<Vec<f64>> {
    let (low, high) = (floats(boxes, XMIN)?, floats(boxes, XMAX)?);
    Ok(low.iter().zip(high).map(|(low, high)| high - low).collect())
}

/// Share of the crop's pixels inside each corrected box; one that is outside the crop counts as 0.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn crop_shares(boxes: &DataFrame) -> Result<Vec<f64>> {
    let share = |object: &ObjectBox| object.seen.map_or(0.0, |seen| seen.area() as f64) / f64::from(224 * 224);
    Ok(Boxes::of(boxes)?.all().iter().map(share).collect())
}

/// `count` photographs, spread over the table: whole with their box, and cropped with the corrected and the published
/// box in the crop.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing or there is no box; [`crate::error::Code::Image`] if a photograph
/// cannot be read.
pub fn gallery(boxes: &DataFrame, count: usize) -> Result<Grid> {
    let boxes = Boxes::of(boxes)?;
    let rows = boxes.all();
    let mut grid = Grid::new("boxes", &["photograph", "crop, corrected", "crop, published"]);
    if rows.is_empty() {
        return Err(Error::new(Code::Parameter, "this study has no boxes to show"));
    }
    for row in (0..count).map(|place| &rows[place * rows.len() / count.max(1)]) {
        let photograph = pixels::decode(&row.path)?;
        let crop = pixels::imagenet_crop(&photograph)?;
        let corrected = row
            .seen
            .map_or([0; 4], |seen| [seen.col, seen.row, seen.last_col(), seen.last_row()].map(|side| side as i32));
        grid = grid.row(
            format!("{} x {}", row.size.0, row.size.1),
            [
                Picture::new(squared(&outlined(&photograph, row.corners, CORRECTED, 3)), ""),
                Picture::new(outlined(&crop, corrected, CORRECTED, 2), ""),
                Picture::new(outlined(&crop, row.published, PUBLISHED, 2), ""),
            ],
        );
    }
    Ok(grid)
}

/// The first annotation of an archive: its XML as it stands, and the rows that become of it.
///
/// # Errors
/// [`Code::Missing`] if a study has no archive; as [`first_example`].
pub fn show_example(archive: Option<&Path>, limits: &Limits) -> Result<Html> {
    let missing = || Error::new(Code::Missing, "this study has no archive of annotations");
    let example = first_example(archive.ok_or_else(missing)?, limits)?;
    let html = html! { p { code { (example.member) } } pre { (example.xml) } };
    let xml = Html::new(html, format!("{}\n{}", example.member, example.xml));
    Ok(show(&[&xml, &table(&example.boxes)]))
}

/// The picture with a rectangle of some pixels' thickness; an inverted one is drawn from its smaller to its larger side.
fn outlined(picture: &RgbImage, [xmin, ymin, xmax, ymax]: [i32; 4], color: Rgb<u8>, thickness: i32) -> RgbImage {
    let mut out = picture.clone();
    let (left, right, top, bottom) = (xmin.min(xmax), xmin.max(xmax), ymin.min(ymax), ymin.max(ymax));
    for inset in 0..thickness {
        let (width, height) = (right - left - 2 * inset, bottom - top - 2 * inset);
        if width > 0 && height > 0 {
            let rect = Rect::at(left + inset, top + inset).of_size(width as u32, height as u32);
            draw_hollow_rect_mut(&mut out, rect, color);
        }
    }
    out
}

/// The whole photograph on a white square, so that a grid keeps its proportions.
fn squared(picture: &RgbImage) -> RgbImage {
    let side = picture.width().max(picture.height());
    let mut out = RgbImage::from_pixel(side, side, Rgb([255; 3]));
    let (x, y) = ((side - picture.width()) / 2, (side - picture.height()) / 2);
    image::imageops::replace(&mut out, picture, i64::from(x), i64::from(y));
    out
}
