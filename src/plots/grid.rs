//! A grid of pictures as one figure.

use super::draft::{Draft, Plot};
use super::font::{LINE, TEXT, widest, wrapped};
use super::look::{Look, SIZE, nothing};
use super::sheet::{Align, FAINT, Sheet};
use crate::error::{Code, Error, Result};
use crate::notebook::{Figure, Grid};

const EDGE: f64 = 10.0;

impl Plot for Grid {
    /// The grid with its labels and captions; its size follows from its pictures, at most 4,000 px either way.
    fn plot(&self) -> Draft {
        let grid = self.clone();
        Draft::new(SIZE, move |look| drawn(&grid, look))
    }
}

fn drawn(grid: &Grid, look: &Look) -> Result<Figure> {
    let columns = grid.rows.iter().map(|(_, pictures)| pictures.len()).max().unwrap_or(0);
    if columns == 0 {
        return Err(nothing("the grid has no pictures"));
    }
    let gap = 8.0;
    let wide = f64::from(grid.width.max(24));
    let labels: Vec<Vec<String>> =
        grid.rows.iter().map(|(label, _)| wrapped(label, TEXT, 150.0)).collect::<Result<_>>()?;
    let heads: Vec<Vec<String>> =
        grid.columns.iter().take(columns).map(|label| wrapped(label, TEXT, wide)).collect::<Result<_>>()?;
    let beside = widest(labels.iter().flatten())?;
    let left = EDGE + if beside > 0.0 { beside + gap } else { 0.0 };
    let width = left + columns as f64 * (wide + gap) - gap + EDGE;
    let title = wrapped(&look.title, TEXT, width - 2.0 * EDGE)?;
    let head_height = heads.iter().map(Vec::len).max().unwrap_or(0) as f64 * LINE;
    let mut top = EDGE + title.len() as f64 * LINE + if title.is_empty() { 0.0 } else { gap };
    let title_top = EDGE;
    let head_top = top;
    top += head_height + if head_height > 0.0 { 4.0 } else { 0.0 };

    // Heights first, for the sheet needs its size.
    let mut rows = Vec::new();
    for ((_, pictures), label) in grid.rows.iter().zip(&labels) {
        let mut captions = Vec::new();
        let (mut high, mut under) = (label.len() as f64 * LINE, 0.0_f64);
        for picture in pictures {
            if picture.image.width() == 0 || picture.image.height() == 0 {
                return Err(Error::new(Code::Image, "a picture without pixels"));
            }
            let lines = wrapped(&picture.caption, TEXT, wide)?;
            high = high.max((wide * f64::from(picture.image.height()) / f64::from(picture.image.width())).round());
            under = under.max(lines.len() as f64 * LINE + 4.0);
            captions.push(lines);
        }
        rows.push((top, high, captions));
        top += high + under + gap;
    }
    let mut sheet = Sheet::new((width.ceil() as u32, (top - gap + EDGE).ceil() as u32))?;
    for (place, text) in title.iter().enumerate() {
        sheet.text((EDGE, title_top + LINE * (place as f64 + 0.5)), text, TEXT, Align::Left);
    }
    let middle = |column: usize| left + column as f64 * (wide + gap) + wide / 2.0;
    for (column, lines) in heads.iter().enumerate() {
        let from = head_top + head_height - lines.len() as f64 * LINE;
        for (place, text) in lines.iter().enumerate() {
            sheet.text((middle(column), from + LINE * (place as f64 + 0.5)), text, TEXT, Align::Middle);
        }
    }
    for (((_, pictures), label), (top, high, captions)) in grid.rows.iter().zip(&labels).zip(&rows) {
        for (place, text) in label.iter().enumerate() {
            let shift = (place as f64 - (label.len() as f64 - 1.0) / 2.0) * LINE;
            sheet.text((left - gap, top + high / 2.0 + shift), text, TEXT, Align::Right);
        }
        for (column, (picture, caption)) in pictures.iter().zip(captions).enumerate() {
            let from = (middle(column) - wide / 2.0, *top);
            let tall = (wide * f64::from(picture.image.height()) / f64::from(picture.image.width())).round();
            sheet.picture(from, (from.0 + wide, top + tall), picture.image.clone());
            sheet.frame(from, (from.0 + wide, top + tall), FAINT, 0.5);
            for (place, text) in caption.iter().enumerate() {
                sheet.text((middle(column), top + tall + 3.0 + LINE * (place as f64 + 0.5)), text, TEXT, Align::Middle);
            }
        }
    }
    let what = format!("{} rows of up to {columns} pictures", grid.rows.len());
    sheet.finish(look, look.alt("grid", &what))
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::notebook::Picture;

    #[test]
    fn a_grid_carries_its_labels_and_fits_its_pictures() {
        let grid = Grid::new("g", &["original", "28 px"])
            .row("church", [Picture::new(RgbImage::new(10, 20), "0.98"), RgbImage::new(10, 10).into()]);
        let figure = grid.plot().title("Scrambled").draw("g").unwrap();
        for text in ["original", "28 px", "church", "0.98", "Scrambled"] {
            assert!(figure.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        let (width, height) = image::load_from_memory(figure.png()).unwrap().to_rgb8().dimensions();
        assert_eq!((width, height), (figure.size.0 * 2, figure.size.1 * 2));
        assert!(Grid::new("g", &[]).plot().draw("g").is_err());
    }
}
