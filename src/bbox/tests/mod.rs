//! The bad inputs of archives and XML, each test named after its number, and what must hold for good ones.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use polars::prelude::*;
use tar::{EntryType, Header};

use super::*;
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::notebook::Progress;
use crate::table::{Reject, Row, rejects_table};

mod archives;
mod documents;
mod tables;

const WNID: &str = "n01440764";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn entry(name: &[u8], kind: EntryType, size: u64, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        out.extend(entry(name.as_bytes(), EntryType::Regular, bytes.len() as u64, bytes));
    }
    out.extend([0; 1024]);
    out
}

fn object(corners: [&str; 4]) -> String {
    let [xmin, ymin, xmax, ymax] = corners;
    format!(
        "<object><name>{WNID}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult><bndbox>\
         <xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
    )
}

fn xml(filename: &str, size: (&str, &str), objects: &str) -> String {
    format!(
        "<annotation>\n<folder>{WNID}</folder><filename>{filename}</filename>\n<source><database>ImageNet database\
         </database></source><size><width>{}</width><height>{}</height><depth>3</depth></size><segmented>0</segmented>\n\
         {objects}</annotation>\n",
        size.1, size.0
    )
}

fn good(name: &str) -> String {
    xml(name, ("375", "500"), &object(["10", "20", "110", "220"]))
}

/// An archive of one synset: a good file, and one more with the given bytes.
fn beside_good(bytes: &[u8]) -> Vec<u8> {
    let first = good("n01440764_1");
    gzip(&tar_of(&[("n01440764_1.xml", first.as_bytes()), ("n01440764_2.xml", bytes)]))
}

/// Reads with every file allowed to be skipped but one.
fn lenient() -> Limits {
    Limits { max_reject_share: 0.9, ..Limits::default() }
}

fn read_path(path: &Path) -> Result<Annotations> {
    read_archive(path, &lenient(), &mut |_| Ok(()))
}

fn read_bytes(bytes: &[u8]) -> Result<Annotations> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, bytes).unwrap();
    let outcome = read_path(&path);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was written beside the archive");
    outcome
}

fn fails(bytes: &[u8], code: Code, expected: &str) -> Error {
    let error = read_bytes(bytes).expect_err("the archive is bad");
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(expected), "{error}");
    assert!(error.file().is_some(), "no path: {error}");
    error
}

/// Reads, and expects one row in `rejects` with this code and text.
fn skips(bytes: &[u8], code: Code, expected: &str) -> Annotations {
    let read = read_bytes(bytes).unwrap();
    assert_eq!(read.rejects.len(), 1, "{:?}", read.rejects);
    let reject = &read.rejects[0];
    assert_eq!(reject.code, code, "{reject:?}");
    assert!(reject.message.contains(expected) || reject.place.contains(expected), "{reject:?}");
    assert_eq!(reject.stage, "boxes");
    read
}

fn outer_of(inner: &[u8]) -> Vec<u8> {
    gzip(&tar_of(&[("n01440764.tar.gz", inner)]))
}
