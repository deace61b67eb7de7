//! What a stopped run leaves of a step, batch by batch.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::item::Outcome;
use crate::error::{Code, Error, Result};
use crate::files::{Store, sha256_hex};

/// The batches of a step that are finished, each a file of its own: the step's key, a hash, and what came of the batch, every
/// number to the bit.
#[derive(Debug, Clone)]
pub struct Parts {
    store: Store,
    folder: String,
    key: String,
}

impl Parts {
    pub(super) fn new(store: &Store, folder: String, key: &str) -> Self {
        Parts { store: store.clone(), folder, key: key.to_string() }
    }

    fn name(&self, batch: usize) -> String {
        format!("{}/{batch:06}", self.folder)
    }

    /// What came of a batch, if it was finished for this very step and is whole.
    pub fn read<T: DeserializeOwned>(&self, batch: usize) -> Option<T> {
        let bytes = self.store.read(&self.name(batch)).ok()?;
        let (head, body) = bytes.split_at_checked(self.key.len() + 64)?;
        let expected = format!("{}{}", self.key, sha256_hex(body));
        if head != expected.as_bytes() {
            return None;
        }
        postcard::from_bytes(body).ok()
    }

    /// Keeps what came of a batch.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write<T: Serialize>(&self, batch: usize, came: &T) -> Result<()> {
        let body = postcard::to_stdvec(came)
            .map_err(|cause| Error::new(Code::Manifest, "a part of a step cannot be written").because(cause))?;
        let mut bytes = format!("{}{}", self.key, sha256_hex(&body)).into_bytes();
        bytes.extend(body);
        self.store.write_unsynced(&self.name(batch), &bytes)?;
        Ok(())
    }

    /// As [`read`](Parts::read), of so many items: what came of those of which something was made, with all its files whole.
    pub fn kept<T: DeserializeOwned>(&self, batch: usize, items: usize) -> Vec<Option<Outcome<T>>> {
        let read: Option<Vec<Option<Outcome<T>>>> = self.read(batch);
        let whole = |outcome: &Outcome<T>| match outcome {
            Outcome::Made(made) => made.files.iter().all(|file| self.store.is_whole(file)),
            Outcome::Left(_) => false,
        };
        let mut kept: Vec<_> = read.into_iter().flatten().map(|outcome| outcome.filter(whole)).collect();
        kept.resize_with(items, || None);
        kept
    }
}
