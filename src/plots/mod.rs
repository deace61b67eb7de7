//! Numbers, masks and maps to figures; no statistics are computed here beyond what a drawing itself is made of
//! (quartiles of a box, counts of a histogram, its density curve, the percentile that scales a heat map).
//!
//! Each call takes plain slices and returns a finished [`Figure`](crate::notebook::Figure), drawn as SVG, as PDF and as PNG at twice the
//! size, the same bytes on every machine. Text is measured in the font that this crate embeds before anything is
//! placed: labels that would meet are wrapped or turned, and margins grow until they fit. In the SVG, text stays text
//! (it can be searched and read aloud) and carries its measured length, so that another font cannot push it over.
//!
//! ```
//! use lgf::plots::{Look, Curve, point_plot};
//!
//! # fn main() -> lgf::Result<()> {
//! let curve = Curve::new("resnet50", &[224, 112, 56], &[0.76, 0.41, 0.12])?.intervals(
//!     &[0.71, 0.36, 0.08],
//!     &[0.81, 0.46, 0.16],
//! )?;
//! let figure = point_plot(&[curve], &Look { y_label: "accuracy".into(), ..Look::named("scrambled") })?;
//! assert!(figure.svg().contains("resnet50"));
//! # Ok(())
//! # }
//! ```

mod axes;
mod bars;
mod density;
mod distribution;
mod galleries;
mod maps;
mod matrix;
mod pdf;
mod points;
mod predictions;
mod regression;
mod sheet;
mod tables;

use image::Rgb;

pub use bars::{Bar, bars};
pub use density::density_map;
pub use distribution::{Density, Histogram, box_plot, histogram, letter_plot, upper_whisker};
pub use galleries::{edge_gallery, gallery, heat_grid, map_gallery};
pub use maps::{
    Background, HeatStyle, Outline, diverging, grid_figure, heatmap_figure, heatmap_on_image, overlay_boxes,
    overlay_mask, picture_figure,
};
pub use matrix::{Cell, heatmap_table};
pub use points::{Curve, Group, Point, point_plot, strip_plot};
pub use predictions::prediction_grid;
pub use regression::{Fit, joint_regression, qq_plot};
pub use tables::{bars_of, curves_of, groups_of, plain_curves_of};

use crate::error::{Code, Error, Result};

/// Okabe and Ito's eight colours, told apart with every common colour blindness; in the order of use.
pub const PALETTE: [Rgb<u8>; 8] = [
    Rgb([0x00, 0x72, 0xB2]),
    Rgb([0xE6, 0x9F, 0x00]),
    Rgb([0x00, 0x9E, 0x73]),
    Rgb([0xD5, 0x5E, 0x00]),
    Rgb([0xCC, 0x79, 0xA7]),
    Rgb([0x56, 0xB4, 0xE9]),
    Rgb([0x33, 0x33, 0x33]),
    Rgb([0xB8, 0xA2, 0x00]),
];

/// The colour of the n-th series; after eight they begin again, with another marker.
pub fn color(place: usize) -> Rgb<u8> {
    PALETTE[place % PALETTE.len()]
}

/// Name, words and size that every figure has.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The stem of the figure's file names.
    pub name: String,
    /// Above the figure; may be empty.
    pub title: String,
    /// Below the horizontal axis; may be empty.
    pub x_label: String,
    /// Beside the vertical axis; may be empty.
    pub y_label: String,
    /// (width, height) in CSS pixels, at least 160 x 120 and at most 4,000 either way.
    pub size: (u32, u32),
    /// From where to where the value axis goes; chosen from the values if `None`.
    pub range: Option<(f64, f64)>,
}

impl Default for Look {
    fn default() -> Self {
        Look {
            name: "figure".into(),
            title: String::new(),
            x_label: String::new(),
            y_label: String::new(),
            size: (640, 400),
            range: None,
        }
    }
}

impl Look {
    /// The default look under a name.
    pub fn named(name: impl Into<String>) -> Self {
        Look { name: name.into(), ..Look::default() }
    }

    /// What the figure shows, in a sentence.
    fn alt(&self, kind: &str, what: &str) -> String {
        let head = if self.title.is_empty() { &self.name } else { &self.title };
        let axes = match (self.y_label.as_str(), self.x_label.as_str()) {
            ("", "") => String::new(),
            (y, "") => format!(", {y}"),
            ("", x) => format!(", {x}"),
            (y, x) => format!(", {y} by {x}"),
        };
        format!("{head}: {kind}{axes}; {what}")
    }
}

/// A figure with nothing in it helps nobody.
fn nothing(what: &str) -> Error {
    Error::new(Code::Parameter, format!("nothing to draw: {what}"))
        .hint("see whether the table before it has rows, and whether its values are finite")
}

/// An error unless two lengths are the same.
fn same_length(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::new(Code::Parameter, format!("{what}: {found} given, expected {expected}")))
}
