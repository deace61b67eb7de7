//! What must hold of the readers of annotations, whatever they are given: they end with a table whose boxes are boxes, or with
//! one typed error.

use super::archive::{Member, walk};
use super::document::{parse, steps};
use super::encoding::decode;
use super::pieces::document_boxes;
use super::*;
use crate::error::Code;
use crate::readers::{gzip, in_file, read};
use crate::table::boxes::{HEIGHT, WIDTH, XMAX, XMIN, YMAX, YMIN};
use crate::table::integers;

fn check_boxes(boxes: &polars::prelude::DataFrame) {
    let column = |name: &str| integers(boxes, name).unwrap();
    let (xmin, ymin, xmax, ymax) = (column(XMIN), column(YMIN), column(XMAX), column(YMAX));
    let (width, height) = (column(WIDTH), column(HEIGHT));
    for row in 0..boxes.height() {
        assert!(0 <= xmin[row] && xmin[row] < xmax[row] && xmax[row] <= width[row]);
        assert!(0 <= ymin[row] && ymin[row] < ymax[row] && ymax[row] <= height[row]);
    }
}

/// An annotation.
pub(crate) fn xml(bytes: &[u8]) -> bool {
    // Read in one pass where that is possible, as by the reader that knows all of XML.
    if let Some(texts) = plain::texts(bytes, &Limits::default()) {
        assert_eq!(texts, parse(&decode(bytes).unwrap(), &Limits::default()).unwrap());
    }
    let before = steps();
    let boxes = read(document_boxes("n01440764_1.xml", bytes, "fuzz", &Limits::default()));
    // Each event and each attribute takes a byte at least; the beginning and the end are events of their own.
    assert!(steps() - before <= bytes.len() as u64 + 2, "more work than bytes");
    boxes.as_ref().map(check_boxes).is_some()
}

/// An archive as it is.
pub(crate) fn archive(bytes: &[u8]) -> bool {
    in_file("Annotation.tar.gz", bytes, |path| {
        let limits = Limits { max_reject_share: 1.0, ..Limits::default() };
        let found = read_archive(path, &limits, &mut |_| Ok(()));
        assert!(found.as_ref().err().is_none_or(|error| error.file().is_some()));
        let found = read(found);
        if let Some(found) = &found {
            check_boxes(&found.boxes);
            assert_eq!(found.boxes.height() as u64, found.counts.boxes);
            assert!(found.rejects.iter().all(|reject| reject.code != Code::Decoder), "the reader panicked");
        }
        found.is_some()
    })
}

/// A tar, packed once and twice.
pub(crate) fn tar(bytes: &[u8]) -> bool {
    // Each member takes a header of 512 bytes at least, whatever it claims.
    let (mut members, mut files) = (0, Vec::new());
    let walked = walk(&mut &*bytes, "fuzz", &Limits::default(), &mut |member| {
        members += 1;
        if let Member::Xml { name, bytes } = member {
            files.push((name.to_string(), bytes.to_vec()));
        }
        Ok(())
    });
    assert!(members <= bytes.len() / 512 + 1, "more members than headers");
    // Read at one go where that is possible, as by the walk.
    if let Some(found) = whole::members(bytes, &Limits::default()) {
        assert!(walked.is_ok() && members == files.len());
        assert!(found.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).eq(files));
    }
    let mut outer = ::tar::Builder::new(Vec::new());
    let inner = gzip(bytes);
    let mut header = ::tar::Header::new_ustar();
    header.set_size(inner.len() as u64);
    header.set_mode(0o644);
    outer.append_data(&mut header, "n01440764.tar.gz", inner.as_slice()).unwrap();
    archive(&inner) | archive(&gzip(&outer.into_inner().unwrap()))
}

/// A table of boxes, as Parquet or as CSV.
pub(crate) fn boxes(bytes: &[u8]) -> bool {
    let name = if bytes.starts_with(b"PAR1") { "boxes.parquet" } else { "boxes.csv" };
    let table = in_file(name, bytes, |path| read(read_boxes(path)));
    if let Some(table) = &table {
        check_boxes(table);
    }
    table.is_some()
}
