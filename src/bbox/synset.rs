//! The rows of one synset, and those of many as one table.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::rows::{Rows, tables};
use crate::error::Result;
use crate::table::Reject;

/// The rows of one synset.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Synset {
    pub(super) rows: Rows,
    pub(super) rejects: Vec<Reject>,
    pub(super) flags: Vec<Reject>,
    pub(super) counts: Counts,
}

/// Rows that become a part of the table together: large enough that there are few parts, small beside the whole.
const TOGETHER: usize = 1 << 17;

/// The two tables of synsets in their order.
pub(super) fn join(synsets: impl Iterator<Item = Rows>) -> Result<(DataFrame, DataFrame)> {
    let (mut boxes, mut without_box) = tables(&[])?;
    let mut waiting: Vec<Rows> = Vec::new();
    let mut height = 0;
    let mut flush = |waiting: &mut Vec<Rows>| -> Result<()> {
        let (part, empty) = tables(&std::mem::take(waiting))?;
        boxes.vstack_mut_owned(part)?;
        without_box.vstack_mut_owned(empty)?;
        Ok(())
    };
    for rows in synsets {
        height += rows.heights().0;
        waiting.push(rows);
        if height >= TOGETHER {
            flush(&mut waiting)?;
            height = 0;
        }
    }
    flush(&mut waiting)?;
    without_box.rechunk_mut();
    Ok((boxes, without_box))
}
