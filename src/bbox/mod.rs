//! Archives of XML annotations to a checked table, the subset of the photographs at hand, and boxes into the crop.
//!
//! [`read_archive`] streams ImageNet's `Annotation.tar.gz` and never unpacks it to disk; every box in its table satisfies
//! `0 <= xmin < xmax <= width` and the same for y. What could not be read is a row of `rejects`, never silence.
//! [`subset`] keeps the boxes of the photographs that are there; [`to_crop_published`] and [`to_crop_corrected`] bring a
//! box into the square that a network sees.

mod annotations;
mod archive;
mod boxes;
mod check;
mod collect;
mod counts;
mod crop;
mod document;
mod encoding;
mod example;
mod finished;
mod gunzip;
mod limits;
mod look;
mod parameters;
mod picked;
mod pieces;
mod plain;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod published;
mod read;
mod rows;
mod stage;
mod subset;
mod synset;
mod table;
#[cfg(test)]
mod tests;
mod whole;
mod write;

pub use crate::table::boxes::{BOX_COLUMNS, PUBLISHED_COLUMNS, SUBSET_COLUMNS};
pub use annotations::Annotations;
pub use boxes::{Boxes, ObjectBox};
pub use check::{Annotation, Object};
pub use counts::Counts;
pub use crop::{to_crop_corrected, to_crop_published};
pub use example::{Example, first_example};
pub use finished::Finished;
pub use limits::Limits;
pub use look::{crop_shares, gallery, show_example, widths};
pub use parameters::{Objects, OtherShape, Subset, Validation};
pub use picked::ImageRef;
pub use published::{from_published, published_form};
pub use read::{read_archive, resume_archive};
pub use stage::{choose_boxes, collect_boxes, schema};
pub use subset::{SubsetCounts, SubsetTable, subset};
pub use table::{boxes_table, read_boxes};
pub use write::{ArchiveWriter, pack_synset, write_annotation, write_archive};
