//! What a reading gives.

use polars::prelude::DataFrame;

use super::counts::Counts;
use super::limits::Limits;
use crate::error::Result;
use crate::table::Reject;

/// Everything that was read.
#[derive(Debug, Clone)]
pub struct Annotations {
    /// One row an object, [`BOX_COLUMNS`](super::BOX_COLUMNS), sorted by synset, file name and object.
    pub boxes: DataFrame,
    /// One row a file without a usable box: `folder` to `segmented` of the same columns.
    pub without_box: DataFrame,
    /// What was skipped: archives, files, boxes.
    pub rejects: Vec<Reject>,
    /// What was taken, or passed over, with a remark: boxes clamped, names that differ, fields left empty, bytes after
    /// an archive, archives of other kinds.
    pub flags: Vec<Reject>,
    /// The numbers, which add up.
    pub counts: Counts,
}

impl Annotations {
    /// Fails if nothing was read, or if too much was skipped, with the first of what was not read.
    pub(super) fn accept(&self, limits: &Limits) -> Result<()> {
        self.counts.accept(limits.max_reject_share, self.rejects.iter().chain(&self.flags).next())
    }
}
