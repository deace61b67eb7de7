//! Pictures made from a few photographs: scrambled, patched, smoothed, and what smoothing took away.
//!
//! Everything acts on the 224 x 224 crop that networks see, and every file is a row of a manifest; later steps read
//! that and never take a file name apart. A [`Manipulation`] says what it plans for a photograph, and each [`Change`] that it
//! plans how it is drawn; `manipulations/` has a file each.
//!
//! ```
//! use lgf::datasets::patch_boxes;
//!
//! // Patches of 70 pixels, 70 apart, on a side of 224: 2 x 2.
//! assert_eq!(patch_boxes(224, 70, 70).len(), 4);
//! ```

mod battery;
mod bilateral_filter;
mod build;
mod canvas;
mod chosen;
mod encoding;
mod fourier;
mod gaussian_blur;
#[cfg(test)]
mod golden;
mod l0;
mod look;
mod manifest;
mod manipulation;
mod manipulations;
mod one;
mod parameters;
mod planes;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod rearrange;
mod remembered;
mod removed;
mod sample;
mod smoother;
mod spec;
mod tiles;

pub use battery::{Battery, Condition, Feature};
pub use build::build;
pub use canvas::{Canvas, Drawn, Subject};
pub use chosen::{Manipulation, Strengths};
pub use encoding::Encoding;
pub use l0::L0;
pub use look::{fill_grid, level_slider, levels_grid, patch_slider, scrambled_grid, smoothed_grid};
pub use manifest::{Manifest, in_order, planned};
pub use manipulation::{Change, Facts, Kind, Levels, Manipulate, Recipe, Set, Stronger, Summary};
pub use manipulations::{
    CRITICAL_BAND, Chain, Control, Cut, DIFFERENCE, DIFFERENCE_INVERSE, Difference, FIRST_MIDDLE, Fill, NO_NOISE,
    OCTAVES, Orders, PATCHED, Patches, SCRAMBLED, SEAMS, SHUFFLED, SHUFFLED_SEAMS, SHUFFLED_UNEQUAL, SMOOTHED,
    Scramble, Sign, Smoothing, difference, filling, found_kind, kind, kinds, orders, patch_boxes, patched, scrambled,
    sets, shifts, with_seams,
};
pub use one::changed;
pub use parameters::{Parameters, Sampling, plan};
#[cfg(feature = "torch")]
pub(crate) use rearrange::block_sources;
pub use remembered::{OwnKindRow, recall_kinds, remember_kinds};
pub use removed::{Left, RemovedRow, left, left_by_level, write_removed};
pub use sample::sample_images;
pub use smoother::{Smoother, smooth};
pub use spec::Spec;
