//! Mutations of the XML and of archives in archives. Whatever goes in, reading ends with a table whose boxes are boxes, or
//! with one typed error.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::archive::walk;
use super::document::steps;
use super::pieces::document_boxes;
use super::*;
use crate::mutations::hunt;
use crate::table::integers;

/// Pieces that matter to one of the readers.
const WORDS: [&[u8]; 26] = [
    b"<object>",
    b"</object>",
    b"<bndbox>",
    b"<xmin>",
    b"</xmin>",
    b"-1",
    b"99999999999999999999",
    b"+10.0",
    b"0.5",
    b"Unspecified",
    b"._",
    b"NaN",
    b"&amp;",
    b"&x;",
    b"&#0;",
    b"<![CDATA[",
    b"]]>",
    b"<!DOCTYPE a [",
    b"<!ENTITY x \"y\">",
    b"<!--",
    b"<?xml encoding=\"ISO-8859-1\"?>",
    b"\xff\xfe",
    b"ustar\0",
    b"../",
    b"7777777777777",
    b"\0\0\0\0\0\0\0\0",
];

fn check_boxes(boxes: &polars::prelude::DataFrame) {
    let column = |name: &str| integers(boxes, name).unwrap();
    let (xmin, ymin, xmax, ymax) = (column("xmin"), column("ymin"), column("xmax"), column("ymax"));
    let (width, height) = (column("width"), column("height"));
    for row in 0..boxes.height() {
        assert!(0 <= xmin[row] && xmin[row] < xmax[row] && xmax[row] <= width[row]);
        assert!(0 <= ymin[row] && ymin[row] < ymax[row] && ymax[row] <= height[row]);
    }
}

#[test]
fn mutations_of_xml() {
    hunt("xml", 20_000, &WORDS, |bytes| {
        let before = steps();
        let read = document_boxes("n01440764_1.xml", bytes, "fuzz", &Limits::default());
        // Each event and each attribute takes a byte at least; the beginning and the end are events of their own.
        assert!(steps() - before <= bytes.len() as u64 + 2, "more work than bytes");
        match read {
            Ok(boxes) => {
                check_boxes(&boxes);
                true
            }
            Err(error) => {
                assert!(!error.message().is_empty());
                false
            }
        }
    });
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_whole(bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, bytes).unwrap();
    let limits = Limits { max_reject_share: 1.0, ..Limits::default() };
    let read = read_archive(&path, &limits, &mut |_| Ok(()));
    match &read {
        Ok(read) => {
            check_boxes(&read.boxes);
            assert_eq!(read.boxes.height() as u64, read.counts.boxes);
        }
        Err(error) => assert!(error.file().is_some(), "{error}"),
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was written beside the archive");
    read.is_ok()
}

#[test]
fn mutations_of_archives() {
    // As they are in the corpus: unpacked tars, which are packed again once and twice after the change.
    hunt("tar", 1_500, &WORDS, |tar| {
        // Each member takes a header of 512 bytes at least, whatever it claims.
        let mut members = 0;
        let _ = walk(&mut &*tar, "fuzz", &Limits::default(), &mut |_| {
            members += 1;
            Ok(())
        });
        assert!(members <= tar.len() / 512 + 1, "more members than headers");
        let once = read_whole(&gzip(tar));
        let mut outer = tar::Builder::new(Vec::new());
        let inner = gzip(tar);
        let mut header = tar::Header::new_ustar();
        header.set_size(inner.len() as u64);
        header.set_mode(0o644);
        outer.append_data(&mut header, "n01440764.tar.gz", inner.as_slice()).unwrap();
        read_whole(&gzip(&outer.into_inner().unwrap())) | once
    });
}

#[test]
fn mutations_of_packed_archives() {
    hunt("tar", 600, &WORDS, |tar| {
        let mut packed = gzip(tar);
        let mut rng = ChaCha8Rng::seed_from_u64(tar.len() as u64);
        for _ in 0..tar.len() % 4 {
            let at = rng.next_u32() as usize % packed.len();
            packed[at] ^= 1 << (rng.next_u32() % 8);
        }
        read_whole(&packed)
    });
}
