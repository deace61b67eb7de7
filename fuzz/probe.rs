//! What must hold of whatever the reader of checkpoints is given; the targets here and the library's tests share it.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;

use crate::models::checkpoint::{choice::Choice, foreign, layout::Layout, pickle};

/// Reads a file of either form: every number of every tensor lies within it, or there is one error that says something.
/// Whether it was read.
pub fn check(bytes: &[u8]) -> bool {
    let mut file = Cursor::new(bytes);
    let layout = match Layout::of(&mut file, &choice()) {
        Ok(Some(layout)) => layout,
        Ok(None) => {
            // What it is instead is said, whatever it is.
            let error = foreign::file(&mut file, &choice()).expect("a file in memory");
            assert!(!error.message().is_empty() && error.advice().is_some() && error.to_string().len() < 10_000);
            return false;
        }
        Err(error) => {
            assert!(!error.message().is_empty() && error.to_string().len() < 10_000);
            return false;
        }
    };
    assert!(!layout.tensors.is_empty() && layout.remarks.iter().all(|remark| remark.len() < 10_000));
    for (_, record) in &layout.tensors {
        let (sides, strides) = (&record.shape, &record.strides);
        assert!(sides.iter().chain(strides).all(|&number| number >= 0) && record.offset >= 0);
        let numbers: i128 = sides.iter().map(|&side| i128::from(side)).product();
        let reach = |(&side, &stride): (&i64, &i64)| i128::from(side - 1) * i128::from(stride);
        let last = i128::from(record.offset) + sides.iter().zip(strides).map(reach).sum::<i128>();
        let count = i128::from(record.storage_count);
        assert!(numbers == 0 || (last < count && numbers <= count));
        match layout.storage(&mut file, record) {
            Ok(storage) => assert_eq!(storage.len() as u64, record.storage_count * record.kind.bytes()),
            // The old form has no checksums.
            Err(error) => assert!(error.message().contains("checksum") && bytes.starts_with(b"PK")),
        }
    }
    true
}

/// Some names of a network, so that tables are chosen and prefixes taken off by them.
fn choice() -> Choice {
    let names = ["conv.weight", "conv.bias", "a", "whole"].map(str::to_string).into();
    Choice { names, ..Choice::of_file("w.pth".as_ref()) }
}

/// A pickle in a zip as `torch.save` writes it, with the storages that it names where they are small.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(name, stored).expect("a zip in memory");
        zip.write_all(bytes).expect("a zip in memory");
    };
    add("archive/data.pkl", bytes);
    add("archive/byteorder", b"little");
    let storages = pickle::describe(bytes, &choice()).map(|said| said.storages).unwrap_or_default();
    for (name, (kind, count)) in storages.into_iter().collect::<BTreeMap<_, _>>() {
        if count <= 1024 {
            add(&format!("archive/data/{name}"), &vec![0; (count * kind.bytes()) as usize]);
        }
    }
    zip.finish().expect("a zip in memory").into_inner()
}
