//! Pictures made from a few photographs: scrambled, patched, smoothed, and what smoothing took away.
//!
//! Everything acts on the 224 x 224 crop that networks see, and every file is a row of a manifest; later steps read
//! that and never take a file name apart.
//!
//! ```
//! use lgf::datasets::patch_boxes;
//!
//! // Patches of 70 pixels on a side of 224: a grid of 3, every second place, so 2 x 2.
//! assert_eq!(patch_boxes(224, 70).len(), 4);
//! ```

mod build;
mod look;
mod patch;
mod sample;
mod scramble;
mod smooth;

pub use build::{KINDS, Kind, Manifest, Parameters, build};
pub use look::{patch_slider, scrambled_grid, smoothed_grid};
pub use patch::{patch_boxes, patched};
pub use sample::sample_images;
pub use scramble::{Scrambling, derangements, scrambled};
pub use smooth::{L0, Sign, difference, smooth};
