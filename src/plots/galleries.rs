//! Photographs and maps as grids.

use image::{Rgb, RgbImage};
use imageproc::drawing::draw_hollow_rect_mut;
use imageproc::rect::Rect;

use super::heat::{HeatStyle, heat_on, mask_on};
use crate::edges::Boxed;
use crate::error::Result;
use crate::notebook::{Grid, Picture};
use crate::pixels::{Crop, HeatMap};
use crate::study::{Explained, Mapped, Seen};

/// Photographs as networks see them, `columns` a row, each with its name under it.
///
/// ```
/// use lgf::notebook::Show;
/// use lgf::pixels::RgbImage;
/// use lgf::study::Seen;
///
/// let seen = Seen { id: "a.png".into(), name: "a".into(), picture: RgbImage::new(224, 224) };
/// assert_eq!(lgf::plots::gallery(&[seen.clone(), seen], 2).html().matches("<img").count(), 2);
/// ```
pub fn gallery(photographs: &[Seen], columns: usize) -> Grid {
    let picture = |seen: &Seen| Picture::new(seen.picture.clone(), seen.name.as_str());
    in_rows("photographs", &photographs.iter().map(picture).collect::<Vec<_>>(), columns)
}

/// Photographs (rows) and the relevance of each network for them (columns), their edges over it.
///
/// # Errors
/// As [`heat_on`].
pub fn heat_grid(mapped: &[Mapped], style: &HeatStyle) -> Result<Grid> {
    let models = mapped.first().map_or(&[][..], |first| &first.maps).iter().map(|one| one.model.as_str());
    let columns: Vec<&str> = std::iter::once("photograph").chain(models).collect();
    let mut grid = Grid::new("relevance", &columns);
    for Mapped { photograph, maps } in mapped {
        let mut row = vec![Picture::new(photograph.picture.clone(), "")];
        for Explained { picture, edges, map, .. } in maps {
            row.push(Picture::new(heat_on(picture, map, Some(edges), style)?, ""));
        }
        grid = grid.row("", row);
    }
    Ok(grid)
}

/// Several maps of one photograph, each under its name, `columns` a row; the photograph comes first.
///
/// ```
/// use lgf::notebook::Show;
/// use lgf::pixels::RgbImage;
/// use lgf::study::Seen;
///
/// let seen = Seen { id: "a.png".into(), name: "a".into(), picture: RgbImage::new(224, 224) };
/// use lgf::pixels::{Crop, HeatMap};
/// use lgf::plots::{HeatStyle, map_gallery};
///
/// let map: HeatMap<Crop> = HeatMap::from_values(224, 224, vec![1.0; 224 * 224])?;
/// let grid = map_gallery(&seen, &[("epsilon".into(), map)], 4, &HeatStyle::default())?;
/// assert!(grid.html().contains("epsilon"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// As [`heat_on`].
pub fn map_gallery(
    photograph: &Seen,
    maps: &[(String, HeatMap<Crop>)],
    columns: usize,
    style: &HeatStyle,
) -> Result<Grid> {
    let mut pictures = vec![Picture::new(photograph.picture.clone(), photograph.name.as_str())];
    for (name, map) in maps {
        pictures.push(Picture::new(heat_on(&photograph.picture, map, None, style)?, name.as_str()));
    }
    Ok(in_rows("maps of one photograph", &pictures, columns))
}

/// Photographs with their edges in orange and their box in the crop: corrected in vermilion, as published in blue.
///
/// # Errors
/// As [`mask_on`].
pub fn edge_gallery(photographs: &[Boxed]) -> Result<Grid> {
    let picture = |boxed: &Boxed| -> Result<Picture> {
        let Boxed { name, picture, edges, corrected, published } = boxed;
        let dimmed = RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
            Rgb(picture.get_pixel(x, y).0.map(|value| value / 2))
        });
        let mut out = mask_on(&dimmed, edges, EDGE, 1.0)?;
        outline(&mut out, *published, PUBLISHED);
        if let Some(visible) = corrected {
            let (left, top) = (f64::from(visible.col), f64::from(visible.row));
            let (right, bottom) = (left + f64::from(visible.width), top + f64::from(visible.height));
            outline(&mut out, [left, top, right, bottom], CORRECTED);
        }
        Ok(Picture::new(out, name.as_str()))
    };
    Ok(Grid::new("edges and boxes", &[]).row("", photographs.iter().map(picture).collect::<Result<Vec<_>>>()?))
}

fn in_rows(name: &str, pictures: &[Picture], columns: usize) -> Grid {
    pictures.chunks(columns.max(1)).fold(Grid::new(name, &[]), |grid, row| grid.row("", row.to_vec()))
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
