//! Masks against masks: how much of the relevance lies on edges, and how much would by chance.
//!
//! ```
//! use lgf::overlap::{chance, compare};
//! use lgf::pixels::{Crop, PixelBox, PixelMask};
//!
//! let edges = PixelMask::from_box(224, 224, &PixelBox::<Crop>::at(100, 0).of_size(1, 224));
//! let region = PixelMask::from_box(224, 224, &PixelBox::<Crop>::at(90, 50).of_size(20, 20));
//! let shared = compare(&region, &edges)?;
//! assert_eq!((shared.shared, shared.region), (20, 400));
//! assert!(shared.share.unwrap() > 3.0 * chance(&region, &edges)?.unwrap());
//! # Ok::<(), lgf::Error>(())
//! ```

mod compare;
mod ranking;
mod stage;

pub use crate::table::{Lines, OverlapRow, Place, RankingRow, Region};
pub use compare::{Overlap, chance, compare};
pub use ranking::{Ranking, rank};
pub use stage::{Sides, against_edges};
