//! A folder for what is made on the way to a file.

use std::fs;
use std::path::{Path, PathBuf};

use super::whole::temporary;
use crate::error::{Error, Result};

/// A folder that goes, with all in it, when this does; what a killed process leaves is removed when the data root is
/// opened the next time.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A folder beside what will be at a path.
    ///
    /// # Errors
    /// [`Code::Io`](crate::error::Code::Io) if it cannot be made.
    pub(crate) fn beside(path: &Path) -> Result<Self> {
        let folder = temporary(path);
        fs::create_dir_all(&folder).map_err(|cause| Error::io("making the folder", &folder, cause))?;
        Ok(Scratch(folder))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort, as with every temporary file: what stays is never taken for a result.
        let _ = fs::remove_dir_all(&self.0);
    }
}
