//! Tables, masks and maps to figures. Nothing is read here, and nothing computed beyond what a drawing itself is made of (the
//! counts of a histogram, the percentile that scales a heat map).
//!
//! Each call takes plain data and returns a [`Draft`], whose words and size can still be given; [`Draft::draw`] makes of it a
//! finished [`Figure`](crate::notebook::Figure), as SVG, as PDF and as PNG at twice the size, the same bytes on every machine.
//! Text is measured in the font that this crate embeds before anything is placed: labels that would meet are wrapped or
//! turned, and margins grow until they fit. In the SVG, text stays text (it can be searched and read aloud) and carries its
//! measured length, so that another font cannot push it over.
//!
//! ```
//! use lgf::plots::{Curve, Plot};
//!
//! # fn main() -> lgf::Result<()> {
//! let curve = Curve::new("resnet50", &[224, 112, 56], &[0.76, 0.41, 0.12])?.intervals(
//!     &[0.71, 0.36, 0.08],
//!     &[0.81, 0.46, 0.16],
//! )?;
//! let figure = [curve].plot().title("Scrambled").y("softmax of the true class").draw("scrambled")?;
//! assert!(figure.svg().contains("resnet50"));
//! # Ok(())
//! # }
//! ```

mod axes;
mod bars;
mod bias_matrix;
mod bitmap;
mod density;
mod distribution;
mod draft;
mod features;
mod finish;
mod font;
mod galleries;
mod grid;
mod heat;
mod kappas;
mod levels;
mod look;
mod matrix;
mod paint;
mod pdf;
mod points;
mod predictions;
mod regression;
mod sheet;
mod shown;
mod strips;
mod svg;
mod tables;

pub use crate::analysis::Group;
pub use bars::Bar;
pub use bias_matrix::shape_bias_matrix;
pub use density::density_map;
pub use distribution::{Density, Histogram, boxes, histogram, letters, lower_boxes};
pub use draft::{Draft, Drawable, Plot};
pub use features::{Removed, feature_triangle, over_removed};
pub use galleries::{edge_gallery, gallery, heat_grid, map_gallery};
pub use heat::{Background, HeatStyle, heat_on, heatmap, mask_on};
pub use kappas::consistency_matrix;
pub use levels::{OverLevels, over_levels};
pub use matrix::{Cell, matrix};
pub use points::{Curve, Point};
pub use predictions::predictions;
pub use regression::{Fit, quantiles, regression};
pub use strips::strips;
pub(crate) use tables::bars_of;
pub(crate) use tables::correlations_of;
pub(crate) use tables::curves_of;
pub(crate) use tables::over_all;
pub use tables::{LikePeople, Measured, biases_by_category, category_scores, like_people, perturbations};
