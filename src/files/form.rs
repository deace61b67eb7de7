//! The form that data roots are written in.

use std::fs;

use serde::Deserialize;

use super::Store;
use crate::error::{Code, Error, Result};

/// The form of a root's manifests; one of another form is built again.
pub(crate) const FORM: u32 = 2;

impl Store {
    /// Refuses a data root of another form, whose tables name photographs otherwise.
    pub(super) fn check_form(&self) -> Result<()> {
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        for entry in fs::read_dir(self.path("manifests")).into_iter().flatten().flatten() {
            let read = || serde_json::from_slice::<Form>(&fs::read(entry.path()).ok()?).ok();
            let Some(Form { version }) = read().filter(|form| form.version != FORM) else { continue };
            let found = format!(
                "this data root was written by another version of lgf (form {version}, this one's is {FORM}), \
                 whose tables name photographs otherwise"
            );
            return Err(Error::new(Code::Manifest, found).path(entry.path()).hint(format!(
                "build it again: remove {} and run the steps from the first, or take another root with --root or LGF_ROOT",
                self.path("manifests").display()
            )));
        }
        Ok(())
    }
}
