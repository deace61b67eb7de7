//! The rows of one synset, and those of many as one table.

use polars::prelude::DataFrame;

use super::counts::Counts;
use super::rows::{Rows, tables};
use crate::error::Result;
use crate::table::Reject;

/// The rows of one synset.
#[derive(Debug, Clone, Default)]
pub(super) struct Synset {
    pub(super) content: Content,
    pub(super) rejects: Vec<Reject>,
    pub(super) flags: Vec<Reject>,
    pub(super) counts: Counts,
}

/// The tables of a synset, or what becomes of it.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// As it was read.
    Rows(Rows),
    /// From an earlier reading: boxes, and files without one.
    Tables(DataFrame, DataFrame),
}

impl Default for Content {
    fn default() -> Self {
        Content::Rows(Rows::default())
    }
}

/// Rows that become a part of the table together: large enough that there are few parts, small beside the whole.
const TOGETHER: usize = 1 << 17;

/// The two tables of synsets in their order.
pub(super) fn join(contents: impl Iterator<Item = Content>) -> Result<(DataFrame, DataFrame)> {
    let (mut boxes, mut without_box) = tables(&[])?;
    let mut waiting: Vec<Rows> = Vec::new();
    let mut height = 0;
    let mut flush = |waiting: &mut Vec<Rows>, more: Option<(DataFrame, DataFrame)>| -> Result<()> {
        for (part, empty) in [tables(&std::mem::take(waiting))?].into_iter().chain(more) {
            boxes.vstack_mut_owned(part)?;
            without_box.vstack_mut_owned(empty)?;
        }
        Ok(())
    };
    for content in contents {
        match content {
            Content::Tables(part, empty) => flush(&mut waiting, Some((part, empty)))?,
            Content::Rows(rows) => {
                height += rows.heights().0;
                waiting.push(rows);
                if height >= TOGETHER {
                    flush(&mut waiting, None)?;
                    height = 0;
                }
            }
        }
    }
    flush(&mut waiting, None)?;
    without_box.rechunk_mut();
    Ok((boxes, without_box))
}
