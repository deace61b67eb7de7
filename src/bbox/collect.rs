//! Pieces of a reading to one table: files checked, second copies dropped, synsets in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::{DataFrame, PlSmallStr};

use super::archive::{Member, is_archive, stem_of, walk};
use super::check::{Checked, check, wnid_of};
use super::counts::Counts;
use super::document::parse;
use super::encoding::decode;
use super::finished::Finished;
use super::gunzip::Trailing;
use super::limits::Limits;
use super::read::Annotations;
use super::rows::{Rows, tables};
use super::table::boxes_table;
use crate::error::{Code, Error, Result};
use crate::files::is_wnid;
use crate::table::Reject;

/// One XML file after checking, or the row that says why it was skipped.
pub(super) struct Document {
    /// The file's or the archive's name, and the member's in it.
    source: Arc<str>,
    member: Box<str>,
    stem: PlSmallStr,
    digest: u64,
    outcome: Result<Checked, Box<Reject>>,
}

impl Document {
    /// The class that a file without an archive of its own belongs to: its name's synset, else the folder that it
    /// gives. Files of one name in two classes are two files.
    fn class(&self) -> String {
        let wnid = wnid_of(&self.stem);
        match &self.outcome {
            Ok(checked) if !is_wnid(wnid) => checked.annotation.folder.to_string(),
            _ => wnid.to_string(),
        }
    }
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
            synset.content
        });
        let (boxes, without_box) = join(contents)?;
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
    let archive: Arc<str> = source.into();
    let (mut skipped, mut flags, mut leftovers) = (Vec::new(), Vec::new(), 0);
    let walked = walk(bytes, source, limits, &mut |member| {
        match member {
            Member::Xml { name, bytes } => documents.push(document(name, bytes, &archive, limits)),
            Member::Archive { name: nested, .. } => {
                let error = Error::new(Code::Archive, "an archive nested deeper than two").path(source);
                skipped.push(Reject::of("boxes", &format!("{name}/{nested}"), &error));
            }
            Member::Skipped(reject) => skipped.push(reject),
            Member::Leftover => leftovers += 1,
            Member::PassedOver(remark) => flags.push(remark),
        }
        Ok(())
    });
    let table = walked.map(|trailing| {
        if trailing == Trailing::Garbage {
            let error = Error::new(Code::Archive, "bytes that are not gzip follow the archive").path(source);
            flags.push(Reject::of("boxes", name, &error));
        }
        synset(documents)
    });
    match table {
        Ok(mut table) => {
            table.counts.files_skipped += skipped.len() as u64;
            table.counts.leftovers += leftovers;
            table.rejects.append(&mut skipped);
            table.flags.append(&mut flags);
            Outcome::Synset { wnid, digest, table }
        }
        Err(error) => Outcome::Corrupt(Reject::of("boxes", name, &error.or_path(source))),
    }
}

pub(super) fn document(member: &str, bytes: &[u8], source: &Arc<str>, limits: &Limits) -> Document {
    let stem = stem_of(member);
    let read = || check(parse(&decode(bytes)?, limits)?, source, member, stem);
    let outcome = read().map_err(|error| Box::new(Reject::of("boxes", member, &error.or_path(&**source))));
    Document { digest: digest_of(bytes), outcome, stem: stem.into(), source: source.clone(), member: member.into() }
}

/// The rows of one file, or why it has none.
pub(super) fn document_boxes(member: &str, bytes: &[u8], source: &str, limits: &Limits) -> Result<DataFrame> {
    let checked = check(parse(&decode(bytes)?, limits)?, source, member, stem_of(member))?;
    boxes_table(&[checked.annotation])
}

/// Sorts the files of a synset by name, drops second copies, and makes tables of them.
fn synset(mut documents: Vec<Document>) -> Synset {
    documents.sort_by(|a, b| a.stem.cmp(&b.stem));
    let mut table = Synset::default();
    let mut rows = Rows::default();
    let mut previous: Option<(PlSmallStr, Vec<u64>)> = None;
    for document in documents {
        match &mut previous {
            Some((name, digests)) if *name == document.stem => {
                if !digests.contains(&document.digest) {
                    digests.push(document.digest);
                    let error =
                        Error::new(Code::Archive, "a second file of this name with other content; the first is taken");
                    table.rejects.push(Reject::of("boxes", &document.member, &error.path(&*document.source)));
                    table.counts.files_skipped += 1;
                }
                continue;
            }
            _ => previous = Some((document.stem.clone(), vec![document.digest])),
        }
        match document.outcome {
            Ok(checked) => {
                table.counts.file(&checked);
                table.rejects.extend(checked.skipped);
                table.flags.extend(checked.flags);
                rows.push(&checked.annotation);
            }
            Err(reject) => {
                table.counts.files_skipped += 1;
                table.rejects.push(*reject);
            }
        }
    }
    rows.shrink();
    table.content = Content::Rows(rows);
    table
}

/// Tells copies of one member from different ones, by checksum and length; nothing against malice.
fn digest_of(bytes: &[u8]) -> u64 {
    let mut checksum = flate2::Crc::new();
    checksum.update(bytes);
    u64::from(checksum.sum()) << 32 | u64::from(checksum.amount())
}
