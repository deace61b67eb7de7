//! Pictures in rows and columns, as one block.

use image::RgbImage;
use maud::html;

use super::picture::img;
use super::show::{Show, display};

/// A picture with a caption.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The picture, 8-bit RGB.
    pub image: RgbImage,
    /// What stands under it; may be empty.
    pub caption: String,
}

impl Picture {
    /// A picture with what stands under it.
    pub fn new(image: RgbImage, caption: impl Into<String>) -> Self {
        Picture { image, caption: caption.into() }
    }
}

impl From<RgbImage> for Picture {
    fn from(image: RgbImage) -> Self {
        Picture { image, caption: String::new() }
    }
}

/// A grid of pictures with labels for its rows and columns; rows may differ in length.
///
/// ```
/// use image::RgbImage;
/// use lgf::notebook::{Grid, Picture, Show};
///
/// let grid = Grid::new("scrambled", &["original", "28 px"])
///     .row("cassette player", [RgbImage::new(8, 8), RgbImage::new(8, 8)])
///     .row("church", [Picture::new(RgbImage::new(8, 8), "church (0.98)")]);
/// assert_eq!(grid.html().matches("<img").count(), 3);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// The stem of its file names, where it is saved.
    pub name: String,
    /// A label above each column; empty for none.
    pub columns: Vec<String>,
    /// Each row: its label, and its pictures.
    pub rows: Vec<(String, Vec<Picture>)>,
    /// How wide a picture is shown, in CSS pixels.
    pub width: u32,
}

impl Grid {
    /// A grid without rows; give no column labels for none.
    pub fn new(name: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|label| (*label).to_string()).collect();
        Grid { name: name.into(), columns, rows: Vec::new(), width: 128 }
    }

    /// Adds a row of pictures, with or without captions.
    pub fn row<P: Into<Picture>>(mut self, label: impl Into<String>, pictures: impl IntoIterator<Item = P>) -> Self {
        self.rows.push((label.into(), pictures.into_iter().map(Into::into).collect()));
        self
    }

    /// Shows each picture this many CSS pixels wide (128 unless told).
    pub fn width(mut self, width: u32) -> Self {
        self.width = width.max(1);
        self
    }

    /// Sends it to the notebook.
    pub fn evcxr_display(&self) {
        display(self);
    }
}

impl Show for Grid {
    fn html(&self) -> String {
        let alt = |label: &str, place: usize, picture: &Picture| {
            let column = self.columns.get(place).map_or("", String::as_str);
            [label, column, picture.caption.as_str()].join(" ").trim().to_string()
        };
        html! {
            div style="overflow-x:auto" {
                table class="grid" style="margin:0" {
                    @if !self.columns.is_empty() {
                        tr { th {} @for label in &self.columns { th style="text-align:center" { (label) } } }
                    }
                    @for (label, pictures) in &self.rows {
                        tr {
                            th style="text-align:right" { (label) }
                            @for (place, picture) in pictures.iter().enumerate() {
                                td style="text-align:center;vertical-align:top" {
                                    (img(&picture.image, self.width, &alt(label, place, picture)))
                                    br;
                                    small { (picture.caption) }
                                }
                            }
                        }
                    }
                }
            }
        }
        .into_string()
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("[grid {}: {} rows of pictures]", self.name, self.rows.len())];
        for (label, pictures) in &self.rows {
            let cells: Vec<String> = pictures
                .iter()
                .enumerate()
                .map(|(place, picture)| {
                    let column = self.columns.get(place).map_or("", String::as_str);
                    let parts = [column, picture.caption.as_str()].join(" ");
                    let size = format!("{} x {}", picture.image.width(), picture.image.height());
                    format!("{} ({size})", parts.trim()).trim().to_string()
                })
                .collect();
            lines.push(format!("{label}: {}", cells.join(", ")));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_shown_and_escaped() {
        let grid = Grid::new("g", &["a<b", "second"])
            .row("r&1", vec![Picture::new(RgbImage::new(4, 4), "top"), RgbImage::new(4, 2).into()]);
        let html = grid.html();
        for part in ["a&lt;b", "second", "r&amp;1", "top", "pixelated"] {
            assert!(html.contains(part), "{part}");
        }
        assert_eq!(html.matches("data:image/png;base64,").count(), 2);
        assert!(grid.text().contains("second (4 x 2)"), "{}", grid.text());
    }

    #[test]
    fn an_empty_picture_is_said_not_fatal() {
        assert!(Grid::new("g", &[]).row("r", [RgbImage::new(0, 0)]).html().contains("0 x 0 cannot be encoded"));
    }
}
