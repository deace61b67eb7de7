//! Photographs and maps as grids.

use super::{HeatStyle, heatmap_on_image};
use crate::error::Result;
use crate::notebook::{Grid, Picture};
use crate::pixels::{self, Crop, HeatMap, PixelMask};
use crate::store::ImageFile;

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
/// `map` and `edges` give what earlier steps wrote, by network and name of the photograph.
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
        let mask = edges(&image.stem)?;
        let mut row = vec![Picture::new(picture.clone(), "")];
        for model in models {
            let map = map(model, &image.stem)?;
            row.push(Picture::new(heatmap_on_image(&picture, map.values(), Some(mask.values()), style)?, ""));
        }
        grid = grid.row("", row);
    }
    Ok(grid)
}

fn seen(image: &ImageFile) -> Result<pixels::RgbImage> {
    pixels::imagenet_crop(&pixels::decode(&image.path)?)
}
