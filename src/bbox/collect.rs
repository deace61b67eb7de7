//! Pieces of a reading to one table, synsets in order.

use std::collections::BTreeMap;

use super::annotations::Annotations;
use super::archive::is_archive;
use super::counts::Counts;
use super::finished::Finished;
use super::pieces::{Document, Outcome, synset};
use super::synset::{Synset, join};
use crate::error::Result;
use crate::table::Reject;

/// What came back so far.
#[derive(Default)]
pub(super) struct Collector {
    synsets: BTreeMap<String, Vec<Synset>>,
    digests: BTreeMap<String, String>,
    loose: Vec<Document<'static>>,
    pub(super) rejects: Vec<Reject>,
    pub(super) flags: Vec<Reject>,
    pub(super) counts: Counts,
}

impl Collector {
    pub(super) fn skip_member(&mut self, reject: Reject, name: &str) {
        if is_archive(name) {
            self.counts.archives_skipped += 1;
        } else {
            self.counts.files_skipped += 1;
        }
        self.rejects.push(reject);
    }

    pub(super) fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Synset { wnid, digest, table } => {
                self.counts.add(&table.counts);
                self.counts.archives += 1;
                self.digests.insert(wnid.clone(), digest);
                self.synsets.entry(wnid).or_default().push(table);
            }
            Outcome::Corrupt { reject, .. } => {
                self.counts.archives_skipped += 1;
                self.rejects.push(reject);
            }
            Outcome::Loose(documents) => self.loose.extend(documents),
        }
    }

    /// The archives that were read whole, for a reading that ended early.
    pub(super) fn into_finished(self) -> Finished {
        let synsets = self.synsets.into_iter().filter_map(|(wnid, mut tables)| {
            let digest = self.digests.get(&wnid)?.clone();
            Some((wnid, (digest, Some(tables.pop()?))))
        });
        Finished::of(synsets.collect())
    }

    pub(super) fn tables(mut self) -> Result<Annotations> {
        let mut groups: BTreeMap<String, Vec<Document<'_>>> = BTreeMap::new();
        for document in std::mem::take(&mut self.loose) {
            groups.entry(document.class()).or_default().push(document);
        }
        for (wnid, documents) in groups {
            let table = synset(documents);
            self.counts.add(&table.counts);
            self.synsets.entry(wnid).or_default().push(table);
        }
        let (mut rejects, mut flags) = (self.rejects, self.flags);
        let contents = self.synsets.into_values().flatten().map(|synset| {
            rejects.extend(synset.rejects);
            flags.extend(synset.flags);
            synset.rows
        });
        let (boxes, without_box) = join(contents)?;
        let key = |row: &Reject| (row.path.clone(), row.member.clone(), row.place.clone());
        rejects.sort_by_cached_key(key);
        flags.sort_by_cached_key(key);
        Ok(Annotations { boxes, without_box, rejects, flags, counts: self.counts })
    }
}
