//! What a notebook cell needs at hand: `use lgf::prelude::*;`.

mod ends_cell;

pub use ends_cell::EndsCell;

pub use crate::datasets::{Manipulation, Strengths, Stronger};
pub use crate::error::{Error, Result};
pub use crate::files::{ImageFile, Store};
pub use crate::notebook::{self, Figure, Grid, Html, Picture, Show, Slider, or_say, show, table, whole_table};
pub use crate::pixels::{self, Crop, Geometry, HeatMap, Original, PixelBox, PixelMask, RgbImage};
pub use crate::plots::{self, Bar, Curve, Draft, Group, Histogram, Plot};
pub use crate::study::{self, ClassList, Study};
pub use crate::table::{self, Row};
pub use crate::{analysis, bbox, datasets, edges, observers, overlap, protocol, sample, stats};
#[cfg(feature = "torch")]
pub use crate::{
    inference, inference::Device, inference::Engine, judge, models, models::Network, relevance, report, sequence::Run,
};
pub use polars::prelude::DataFrame;
