//! Pictures made from a few photographs: scrambled, patched, smoothed, and what smoothing took away.
//!
//! Everything acts on the 224 x 224 crop that networks see, and every file is a row of a manifest; later steps read
//! that and never take a file name apart.
//!
//! ```
//! use lgf::datasets::patch_boxes;
//!
//! // Patches of 70 pixels, 70 apart, on a side of 224: 2 x 2.
//! assert_eq!(patch_boxes(224, 70, 70).len(), 4);
//! ```

mod build;
mod look;
mod parameters;
mod patch;
mod recipe;
mod sample;
mod scramble;
mod smooth;

pub use build::{Manifest, Smoothed, build, in_memory, planned};
pub use look::{fill_grid, patch_slider, scrambled_grid, smoothed_grid};
pub use parameters::{Chain, Difference, Encoding, Fill, Parameters, Patches, Sampling, Scramble, Smoothing};
pub use patch::{filling, patch_boxes, patched};
pub use recipe::{Change, Fillings, KINDS, Kind, Rearranged, Recipe, plan};
pub use sample::sample_images;
pub use scramble::{Control, Orders, displacement, orders, scrambled, shifts, with_seams};
pub use smooth::{L0, Sign, Smoother, difference, smooth};
