//! What readings that ended early, or shards, have finished, kept so that the next one need not read it again.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::limits::Limits;
use super::synset::Synset;
use crate::error::Result;
use crate::files::{Store, sha256_hex};
use crate::stage::{Named, Parts, Step};

/// Inner archives that were read, by name and content.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    synsets: BTreeMap<String, (String, Option<Synset>)>,
}

/// One inner archive as it is kept: without rows if it is corrupt, so that it is read again to say why.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<S> {
    wnid: String,
    digest: String,
    synset: Option<S>,
}

impl Finished {
    pub(super) fn of(synsets: BTreeMap<String, (String, Option<Synset>)>) -> Self {
        Finished { synsets }
    }

    /// How many archives there are.
    pub fn len(&self) -> usize {
        self.synsets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.synsets.is_empty()
    }

    /// Their names.
    pub(super) fn names(&self) -> HashSet<String> {
        self.synsets.keys().cloned().collect()
    }

    /// Gives up the rows of an archive, if it has this very content.
    pub(super) fn take(&mut self, wnid: &str, digest: &str) -> Option<Synset> {
        self.synsets.remove(wnid).filter(|(kept, _)| kept == digest).and_then(|(_, synset)| synset)
    }

    /// What earlier readings with these limits and this code, and shards, left in the data root.
    ///
    /// # Errors
    /// As [`Parts::read`].
    pub fn load(store: &Store, limits: &Limits) -> Result<Self> {
        Finished::read(&step(store, limits)?.parts()?)
    }

    pub(super) fn read(parts: &Parts) -> Result<Self> {
        let mut synsets = BTreeMap::new();
        for number in parts.numbers() {
            if let Some(Kept { wnid, digest, synset }) = parts.read::<Kept<Synset>>(number)? {
                synsets.insert(wnid, (digest, synset));
            }
        }
        Ok(Finished { synsets })
    }
}

/// Keeps an inner archive that was read.
///
/// # Errors
/// As [`Parts::write`].
pub(super) fn keep(parts: &Parts, wnid: &str, digest: &str, synset: Option<&Synset>) -> Result<()> {
    let name = sha256_hex(format!("{wnid} {digest}").as_bytes());
    let number = usize::from_str_radix(&name[..15], 16).unwrap_or_default();
    parts.write((number, 1), &Kept { wnid: wnid.into(), digest: digest.into(), synset }, 0)
}

/// Inner archives by themselves: which outer one they are of does not matter, nor whether that is whole.
pub(super) fn step(store: &Store, limits: &Limits) -> Result<Step> {
    store.step(Named("bbox", "boxes_archives"), "archives", limits, &[])
}
