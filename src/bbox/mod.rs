//! Archives of XML annotations to a checked table, the subset of the photographs at hand, and boxes into the crop.
//!
//! [`read_archive`] streams ImageNet's `Annotation.tar.gz` and never unpacks it to disk; every box in its table satisfies
//! `0 <= xmin < xmax <= width` and the same for y. What could not be read is a row of `rejects`, never silence.
//! [`subset`] keeps the boxes of the photographs that are there; [`to_crop_published`] and [`to_crop_corrected`] bring a
//! box into the square that a network sees.

mod archive;
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
#[cfg(test)]
mod mutations;
mod read;
mod rows;
mod stage;
mod subset;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub use check::{Annotation, Object};
pub use counts::Counts;
pub use crop::{original_box, to_crop_corrected, to_crop_published};
pub use example::{Example, first_example};
pub use finished::Finished;
pub use limits::Limits;
pub use look::{crop_shares, gallery, show_example, widths};
pub use read::{Annotations, read_archive, resume_archive};
pub use stage::{choose_boxes, collect_boxes, schema};
pub use subset::{
    ImageRef, Objects, OtherShape, SUBSET_COLUMNS, Subset, SubsetCounts, SubsetTable, Validation, subset,
};
pub use table::{BOX_COLUMNS, PUBLISHED_COLUMNS, boxes_table, from_published, published_form, read_boxes};
pub use write::{ArchiveWriter, pack_synset, write_annotation, write_archive};
