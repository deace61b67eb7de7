//! What a reading that ended early had finished, kept so that the next one need not read it again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::limits::Limits;
use super::synset::{Content, Synset, join};
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::stage::Named;
use crate::stage::Record;
use crate::table::Reject;

const BOXES: &str = "imagenet_boundingboxes_unfinished";
const FILES: &str = "imagenet_boundingboxes_unfinished_files";
const INDEX: &str = "imagenet_boundingboxes_unfinished.json";

/// Inner archives that were read whole, by name and content.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    synsets: BTreeMap<String, (String, Synset)>,
}

/// One synset on disk: how many rows of the two tables are its own, and the rest of it.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    wnid: String,
    digest: String,
    boxes: usize,
    files: usize,
    rejects: Vec<Reject>,
    flags: Vec<Reject>,
    counts: Counts,
}

impl Finished {
    pub(super) fn of(synsets: BTreeMap<String, (String, Synset)>) -> Self {
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

    /// Gives up the rows of an archive, if it has this very content.
    pub(super) fn take(&mut self, wnid: &str, digest: &str) -> Option<Synset> {
        self.synsets.remove(wnid).filter(|(kept, _)| kept == digest).map(|(_, synset)| synset)
    }

    /// What an earlier reading with these limits and this code left in the data root; nothing if it is not whole.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the limits cannot be written down.
    pub fn load(store: &Store, limits: &Limits) -> Result<Self> {
        let whole = record(store, limits)?.finished().is_some();
        Ok(if whole { Self::read(store).unwrap_or_default() } else { Self::default() })
    }

    fn read(store: &Store) -> Result<Self> {
        let unreadable = |cause| Error::new(Code::Manifest, "not what an unfinished reading writes").because(cause);
        let index: Vec<Entry> = serde_json::from_slice(&store.read(INDEX)?).map_err(unreadable)?;
        let (boxes, files) = (store.table(BOXES)?, store.table(FILES)?);
        let (mut box_row, mut file_row) = (0, 0);
        let synset = |entry: Entry| {
            let (boxes, files) = (boxes.slice(box_row, entry.boxes), files.slice(file_row, entry.files));
            let table = Synset {
                content: Content::Tables(boxes, files),
                rejects: entry.rejects,
                flags: entry.flags,
                counts: entry.counts,
            };
            box_row += entry.boxes as i64;
            file_row += entry.files as i64;
            (entry.wnid, (entry.digest, table))
        };
        Ok(Finished { synsets: index.into_iter().map(synset).collect() })
    }

    /// Writes it to the data root.
    ///
    /// # Errors
    /// [`Code::Io`] if the root cannot be written.
    pub fn save(&self, store: &Store, limits: &Limits) -> Result<()> {
        let entry = |(wnid, (digest, synset)): (&String, &(String, Synset))| {
            let (boxes, files) = match &synset.content {
                Content::Rows(rows) => rows.heights(),
                Content::Tables(boxes, files) => (boxes.height(), files.height()),
            };
            Entry {
                wnid: wnid.clone(),
                digest: digest.clone(),
                boxes,
                files,
                rejects: synset.rejects.clone(),
                flags: synset.flags.clone(),
                counts: synset.counts,
            }
        };
        let index: Vec<Entry> = self.synsets.iter().map(entry).collect();
        let (boxes, without_box) = join(self.synsets.values().map(|(_, synset)| synset.content.clone()))?;
        let text = serde_json::to_vec(&index)
            .map_err(|cause| Error::new(Code::Manifest, "the finished archives cannot be listed").because(cause))?;
        let mut written: Vec<PathBuf> = vec![store.write(INDEX, &text)?];
        written.extend(store.write_table(BOXES, &boxes)?);
        written.extend(store.write_table(FILES, &without_box)?);
        let count = self.synsets.len() as u64;
        record(store, limits)?.finish(count, count, &written)?;
        Ok(())
    }

    /// Removes it from the data root, where it is there.
    ///
    /// # Errors
    /// [`Code::Io`] if a file cannot be removed.
    pub fn clear(store: &Store) -> Result<()> {
        let tables = [BOXES, FILES].map(|name| [format!("{name}.parquet"), format!("{name}.csv")]);
        let names = [INDEX.to_string(), format!("manifests/{BOXES}.json")];
        for path in tables.into_iter().flatten().chain(names).map(|name| store.path(&name)) {
            if path.exists() {
                std::fs::remove_file(&path).map_err(|cause| Error::io("removing", &path, cause))?;
            }
        }
        Ok(())
    }
}

fn record(store: &Store, limits: &Limits) -> Result<Record> {
    store.record(Named("bbox", BOXES), limits, &[])
}
