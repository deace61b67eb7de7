//! What a step works on, and what comes of it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::{ImageFile, Written};
use crate::table::Reject;

/// What a step works on, one after another.
pub trait Item: Sync {
    /// Its identity, in tables and for the split over machines.
    fn id(&self) -> &str;

    /// The file that it is, if an error of that file is a reason to skip it.
    fn path(&self) -> Option<&Path>;
}

impl Item for ImageFile {
    fn id(&self) -> &str {
        &self.id
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

/// What is done, or not, at once: its identity, and how many of what the step counts it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion<'a> {
    /// Its identity, for the split over machines.
    pub id: &'a str,
    /// How many it holds.
    pub size: u64,
}

/// What a step makes of an item: its rows, and the files that it wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made<T> {
    /// What goes into tables.
    pub rows: T,
    /// Files under the root, as they were written.
    pub files: Vec<Written>,
}

/// What came of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome<T> {
    /// Its rows and files.
    Made(Made<T>),
    /// The reason why it was skipped.
    Left(Reject),
}
