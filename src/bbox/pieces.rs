//! The pieces that threads work on: XML files checked, inner archives read whole.

use std::borrow::Cow;
use std::sync::Arc;

use polars::prelude::{DataFrame, PlSmallStr};

use super::archive::{Member, stem_of, walk};
use super::check::{Checked, check, wnid_of};
use super::document::parse;
use super::encoding::decode;
use super::gunzip::Trailing;
use super::limits::Limits;
use super::plain;
use super::rows::Rows;
use super::synset::Synset;
use super::table::boxes_table;
use super::whole::{members, unpack};
use crate::error::{Code, Error, Result};
use crate::files::is_wnid;
use crate::table::Reject;

/// One XML file after checking, or the row that says why it was skipped.
pub(super) struct Document<'a> {
    /// The file's or the archive's name, and the member's in it.
    source: Arc<str>,
    member: Cow<'a, str>,
    stem: PlSmallStr,
    content: Content<'a>,
    outcome: Result<Checked, Box<Reject>>,
}

/// What tells copies of a file from others: its bytes as long as they are there, else their checksum and length.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Here(&'a [u8]),
    Gone(u64),
}

impl Content<'_> {
    /// Of bytes that will not stay.
    pub(super) fn of(bytes: &[u8]) -> Content<'static> {
        Content::Gone(digest_of(bytes))
    }

    fn is(self, other: Content<'_>) -> bool {
        match (self, other) {
            (Content::Here(a), Content::Here(b)) => a == b,
            (Content::Gone(a), Content::Gone(b)) => a == b,
            (Content::Here(a), Content::Gone(b)) | (Content::Gone(b), Content::Here(a)) => digest_of(a) == b,
        }
    }
}

impl Document<'_> {
    /// The class that a file without an archive of its own belongs to: its name's synset, else the folder that it
    /// gives. Files of one name in two classes are two files.
    pub(super) fn class(&self) -> String {
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
    /// An inner archive that could not be read: its name and hash, where they are known.
    Corrupt { of: Option<(String, String)>, reject: Reject },
    /// XML files that stood by themselves.
    Loose(Vec<Document<'static>>),
}

/// Reads one inner archive whole; any fault in it skips it.
pub(super) fn inner(of: (String, String), name: &str, bytes: &[u8], source: &str, limits: &Limits) -> Outcome {
    let archive: Arc<str> = source.into();
    if let Some(unpacked) = unpack(bytes, limits)
        && let Some(members) = members(&unpacked, limits)
    {
        let read = |(name, bytes)| document((Cow::Borrowed(name), Content::Here(bytes)), bytes, &archive, limits);
        let (wnid, digest) = of;
        return Outcome::Synset { wnid, digest, table: synset(members.into_iter().map(read).collect()) };
    }
    streamed(of, name, bytes, &archive, limits)
}

/// The same for archives of any form, member by member.
fn streamed(
    (wnid, digest): (String, String),
    name: &str,
    bytes: &[u8],
    archive: &Arc<str>,
    limits: &Limits,
) -> Outcome {
    let source = &**archive;
    let mut documents = Vec::new();
    let (mut skipped, mut flags, mut leftovers) = (Vec::new(), Vec::new(), 0);
    let walked = walk(bytes, source, limits, &mut |member| {
        match member {
            Member::Xml { name, bytes } => {
                let named = (Cow::Owned(name.to_string()), Content::of(bytes));
                documents.push(document(named, bytes, archive, limits));
            }
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
        Err(error) => {
            Outcome::Corrupt { of: Some((wnid, digest)), reject: Reject::of("boxes", name, &error.or_path(source)) }
        }
    }
}

pub(super) fn document<'a>(
    (member, content): (Cow<'a, str>, Content<'a>),
    bytes: &[u8],
    source: &Arc<str>,
    limits: &Limits,
) -> Document<'a> {
    let outcome = checked(&member, bytes, source, limits)
        .map_err(|error| Box::new(Reject::of("boxes", &member, &error.or_path(&**source))));
    Document { content, outcome, stem: stem_of(&member).into(), source: source.clone(), member }
}

/// The rows of one file, or why it has none.
pub(super) fn document_boxes(member: &str, bytes: &[u8], source: &str, limits: &Limits) -> Result<DataFrame> {
    boxes_table(&[checked(member, bytes, source, limits)?.annotation])
}

fn checked(member: &str, bytes: &[u8], source: &str, limits: &Limits) -> Result<Checked> {
    match plain::texts(bytes, limits) {
        Some(texts) => check(texts, source, member, stem_of(member)),
        None => check(parse(&decode(bytes)?, limits)?, source, member, stem_of(member)),
    }
}

/// Sorts the files of a synset by name, drops second copies, and makes rows of them.
pub(super) fn synset(mut documents: Vec<Document<'_>>) -> Synset {
    documents.sort_by(|a, b| a.stem.cmp(&b.stem));
    let mut table = Synset::default();
    let mut rows = Rows::default();
    // The files of one name that differ: nearly always one.
    let mut previous: Option<(PlSmallStr, Content<'_>, Vec<Content<'_>>)> = None;
    for document in documents {
        match &mut previous {
            Some((name, first, others)) if *name == document.stem => {
                if !document.content.is(*first) && !others.iter().any(|other| document.content.is(*other)) {
                    others.push(document.content);
                    let error =
                        Error::new(Code::Archive, "a second file of this name with other content; the first is taken");
                    table.rejects.push(Reject::of("boxes", &document.member, &error.path(&*document.source)));
                    table.counts.files_skipped += 1;
                }
                continue;
            }
            _ => previous = Some((document.stem.clone(), document.content, Vec::new())),
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
    table.rows = rows;
    table
}

/// Tells copies of one member from different ones, by checksum and length; nothing against malice.
fn digest_of(bytes: &[u8]) -> u64 {
    let mut checksum = flate2::Crc::new();
    checksum.update(bytes);
    u64::from(checksum.sum()) << 32 | u64::from(checksum.amount())
}
