//! Pieces of a reading to one table: files checked, second copies dropped, synsets in order.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

use polars::prelude::DataFrame;

use super::archive::{Member, is_archive, stem_of, walk};
use super::check::{Annotation, Checked, check, wnid_of};
use super::counts::Counts;
use super::document::parse;
use super::encoding::decode;
use super::finished::Finished;
use super::gunzip::Trailing;
use super::limits::Limits;
use super::read::Annotations;
use super::table::{boxes_table, empty_files_table};
use crate::error::{Code, Error, Result};
use crate::store::Reject;

/// One XML file after checking, or the row that says why it was skipped.
pub(super) struct Document {
    member: String,
    digest: u64,
    outcome: Result<Checked, Box<Reject>>,
}

/// What one piece of work gave.
pub(super) struct Part {
    pub(super) bytes: usize,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    /// A whole inner archive, and the hash of its packed bytes.
    Synset { wnid: String, digest: String, table: Synset },
    /// An inner archive that could not be read.
    Corrupt(Reject),
    /// XML files that stood by themselves.
    Loose(Vec<Document>),
}

/// The rows of one synset.
#[derive(Debug, Clone, Default)]
pub(super) struct Synset {
    pub(super) boxes: DataFrame,
    pub(super) without_box: DataFrame,
    pub(super) rejects: Vec<Reject>,
    pub(super) flags: Vec<Reject>,
    pub(super) counts: Counts,
}

/// What came back so far.
#[derive(Default)]
pub(super) struct Collector {
    synsets: BTreeMap<String, Vec<Synset>>,
    digests: BTreeMap<String, String>,
    loose: Vec<Document>,
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
            Outcome::Corrupt(reject) => {
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
            Some((wnid, (digest, tables.pop()?)))
        });
        Finished::of(synsets.collect())
    }

    pub(super) fn tables(mut self) -> Result<Annotations> {
        let mut groups: BTreeMap<String, Vec<Document>> = BTreeMap::new();
        for document in std::mem::take(&mut self.loose) {
            let wnid = wnid_of(stem_of(&document.member)).to_string();
            groups.entry(wnid).or_default().push(document);
        }
        for (wnid, documents) in groups {
            let table = synset(documents)?;
            self.counts.add(&table.counts);
            self.synsets.entry(wnid).or_default().push(table);
        }
        let mut boxes = boxes_table(&[])?;
        let mut without_box = empty_files_table(&[])?;
        let (mut rejects, mut flags) = (self.rejects, self.flags);
        for table in self.synsets.into_values().flatten() {
            boxes.vstack_mut_owned(table.boxes)?;
            without_box.vstack_mut_owned(table.without_box)?;
            rejects.extend(table.rejects);
            flags.extend(table.flags);
        }
        boxes.rechunk_mut();
        without_box.rechunk_mut();
        let key = |row: &Reject| (row.path.clone(), row.member.clone(), row.place.clone());
        rejects.sort_by_cached_key(key);
        flags.sort_by_cached_key(key);
        Ok(Annotations { boxes, without_box, rejects, flags, counts: self.counts })
    }
}

/// Reads one inner archive whole; any fault in it skips it.
pub(super) fn inner(
    (wnid, digest): (String, String),
    name: &str,
    bytes: &[u8],
    source: &str,
    limits: &Limits,
) -> Outcome {
    let mut documents = Vec::new();
    let (mut skipped, mut flags) = (Vec::new(), Vec::new());
    let walked = walk(bytes, source, limits, &mut |member| {
        match member {
            Member::Xml { name, bytes } => documents.push(document(name, &bytes, source, limits)),
            Member::Archive { name: nested, .. } => {
                let error = Error::new(Code::Archive, "an archive nested deeper than two").path(source);
                skipped.push(Reject::of("boxes", &format!("{name}/{nested}"), &error));
            }
            Member::Skipped(reject) => skipped.push(reject),
        }
        Ok(())
    });
    let table = walked.and_then(|trailing| {
        if trailing == Trailing::Garbage {
            let error = Error::new(Code::Archive, "bytes that are not gzip follow the archive").path(source);
            flags.push(Reject::of("boxes", name, &error));
        }
        synset(documents)
    });
    match table {
        Ok(mut table) => {
            table.counts.files_skipped += skipped.len() as u64;
            table.rejects.append(&mut skipped);
            table.flags.append(&mut flags);
            Outcome::Synset { wnid, digest, table }
        }
        Err(error) => Outcome::Corrupt(Reject::of("boxes", name, &error.or_path(source))),
    }
}

pub(super) fn document(member: String, bytes: &[u8], source: &str, limits: &Limits) -> Document {
    let read = || check(parse(&decode(bytes)?, limits)?, source, &member, stem_of(&member));
    let outcome = read().map_err(|error| Box::new(Reject::of("boxes", &member, &error.or_path(source))));
    Document { digest: digest_of(bytes), outcome, member }
}

/// The rows of one file, or why it has none.
pub(super) fn document_boxes(member: &str, bytes: &[u8], source: &str, limits: &Limits) -> Result<DataFrame> {
    let checked = check(parse(&decode(bytes)?, limits)?, source, member, stem_of(member))?;
    boxes_table(&[checked.annotation])
}

/// Sorts the files of a synset by name, drops second copies, and makes tables of them.
fn synset(mut documents: Vec<Document>) -> Result<Synset> {
    documents.sort_by(|a, b| stem_of(&a.member).cmp(stem_of(&b.member)));
    let mut table = Synset::default();
    let mut annotations: Vec<Annotation> = Vec::with_capacity(documents.len());
    let mut previous: Option<(String, HashSet<u64>)> = None;
    for document in documents {
        let stem = stem_of(&document.member);
        match &mut previous {
            Some((name, digests)) if name == stem => {
                if digests.insert(document.digest) {
                    let error = Error::new(Code::Archive, "a second file of this name with other content");
                    table.rejects.push(Reject::of("boxes", &document.member, &error));
                    table.counts.files_skipped += 1;
                }
                continue;
            }
            _ => previous = Some((stem.to_string(), HashSet::from([document.digest]))),
        }
        match document.outcome {
            Ok(checked) => {
                table.counts.file(&checked);
                table.rejects.extend(checked.skipped);
                table.flags.extend(checked.flags);
                annotations.push(checked.annotation);
            }
            Err(reject) => {
                table.counts.files_skipped += 1;
                table.rejects.push(*reject);
            }
        }
    }
    table.boxes = boxes_table(&annotations)?;
    table.without_box = empty_files_table(&annotations)?;
    Ok(table)
}

/// Tells copies of one member from different ones; not a checksum against malice.
pub(super) fn digest_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
