//! Fuzzing on the stable toolchain: seeded mutations of a kept corpus, for the XML and for archives in archives. Whatever
//! goes in, reading ends in time with a table whose boxes are boxes, or with one typed error; nothing panics.
//!
//! `LGF_MUTATIONS=100000 cargo test --lib mutations` runs longer; an input that fails is written into the corpus's folder
//! as `failed-<seed>` and stays there as a test.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::collect::document_boxes;
use super::*;
use crate::store::integers;

/// Pieces that matter to one of the readers.
const WORDS: [&[u8]; 22] = [
    b"<object>",
    b"</object>",
    b"<bndbox>",
    b"<xmin>",
    b"</xmin>",
    b"-1",
    b"99999999999999999999",
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

fn corpus(name: &str) -> (PathBuf, Vec<Vec<u8>>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "the corpus in {} is gone", folder.display());
    (folder, files.iter().map(|file| fs::read(file).unwrap()).collect())
}

fn rounds(usual: u64) -> u64 {
    std::env::var("LGF_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// One to six changes: bits, cuts, copies, words, and parts of another input.
fn mutated(rng: &mut ChaCha8Rng, inputs: &[Vec<u8>]) -> Vec<u8> {
    let below = |rng: &mut ChaCha8Rng, end: usize| if end == 0 { 0 } else { rng.next_u32() as usize % end };
    let mut bytes = inputs[below(rng, inputs.len())].clone();
    for _ in 0..1 + below(rng, 6) {
        let at = below(rng, bytes.len() + 1);
        let end = at + below(rng, (bytes.len() - at + 1).min(600));
        match below(rng, 7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(rng, 8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            4 => bytes.splice(at..at, WORDS[below(rng, WORDS.len())].iter().copied()).for_each(drop),
            5 => {
                let other = &inputs[below(rng, inputs.len())];
                let from = below(rng, other.len());
                let piece = other[from..(from + 600).min(other.len())].to_vec();
                bytes.splice(at..end, piece).for_each(drop);
            }
            _ if at < bytes.len() => bytes[at] = rng.next_u32() as u8,
            _ => {}
        }
    }
    bytes
}

fn check_boxes(boxes: &polars::prelude::DataFrame) {
    let column = |name: &str| integers(boxes, name).unwrap();
    let (xmin, ymin, xmax, ymax) = (column("xmin"), column("ymin"), column("xmax"), column("ymax"));
    let (width, height) = (column("width"), column("height"));
    for row in 0..boxes.height() {
        assert!(0 <= xmin[row] && xmin[row] < xmax[row] && xmax[row] <= width[row]);
        assert!(0 <= ymin[row] && ymin[row] < ymax[row] && ymax[row] <= height[row]);
    }
}

/// Runs `check` on each mutation; one that panics or takes long is kept.
fn hunt(name: &str, count: u64, check: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    let (folder, inputs) = corpus(name);
    let run = |bytes: &[u8], what: &str| {
        let began = Instant::now();
        let survived = std::panic::catch_unwind(|| check(bytes)).is_ok();
        if !survived || began.elapsed() > Duration::from_secs(1) {
            let kept = folder.join(format!("failed-{what}"));
            fs::write(&kept, bytes).unwrap();
            panic!("{what} of {name} failed after {:?}; kept as {}", began.elapsed(), kept.display());
        }
    };
    inputs.iter().enumerate().for_each(|(at, bytes)| run(bytes, &format!("input {at}")));
    for seed in 0..count {
        run(&mutated(&mut ChaCha8Rng::seed_from_u64(seed), &inputs), &format!("seed-{seed}"));
    }
}

#[test]
fn mutations_of_xml() {
    hunt("xml", rounds(20_000), |bytes| match document_boxes("n01440764_1.xml", bytes, "fuzz", &Limits::default()) {
        Ok(boxes) => check_boxes(&boxes),
        Err(error) => assert!(!error.message().is_empty()),
    });
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_whole(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, bytes).unwrap();
    let limits = Limits { max_reject_share: 1.0, ..Limits::default() };
    match read_archive(&path, &limits, &mut |_| Ok(())) {
        Ok(read) => {
            check_boxes(&read.boxes);
            assert_eq!(read.boxes.height() as u64, read.counts.boxes);
        }
        Err(error) => assert!(error.file().is_some(), "{error}"),
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was written beside the archive");
}

#[test]
fn mutations_of_archives() {
    // As they are in the corpus: unpacked tars, which are packed again once and twice after the change.
    hunt("tar", rounds(1_500), |tar| {
        read_whole(&gzip(tar));
        let mut outer = tar::Builder::new(Vec::new());
        let inner = gzip(tar);
        let mut header = tar::Header::new_ustar();
        header.set_size(inner.len() as u64);
        header.set_mode(0o644);
        outer.append_data(&mut header, "n01440764.tar.gz", inner.as_slice()).unwrap();
        read_whole(&gzip(&outer.into_inner().unwrap()));
    });
}

#[test]
fn mutations_of_packed_archives() {
    hunt("tar", rounds(600), |tar| {
        let mut packed = gzip(tar);
        let mut rng = ChaCha8Rng::seed_from_u64(tar.len() as u64);
        for _ in 0..3 {
            let at = rng.next_u32() as usize % packed.len();
            packed[at] ^= 1 << (rng.next_u32() % 8);
        }
        read_whole(&packed);
    });
}
