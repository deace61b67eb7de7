//! What must hold of whatever the reader of checkpoints is given; the targets here and the library's tests share it.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;

use crate::models::{layout::Layout, pickle};

/// Reads a file of either form: every number of every tensor lies within it, or there is one error that says something.
pub fn check(bytes: &[u8]) {
    let mut file = Cursor::new(bytes);
    match Layout::of(&mut file) {
        Ok(None) => {}
        Ok(Some(layout)) => {
            for (_, record) in &layout.tensors {
                let numbers: i64 = record.shape.iter().product();
                assert!(numbers as u64 <= record.storage_count);
                if let Ok(storage) = layout.storage(&mut file, record) {
                    assert_eq!(storage.len() as u64, record.storage_count * record.kind.bytes());
                }
            }
        }
        Err(error) => assert!(!error.message().is_empty()),
    }
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
    for (name, (kind, count)) in pickle::describe(bytes).map(|said| said.storages).unwrap_or_default() {
        if count <= 1024 {
            add(&format!("archive/data/{name}"), &vec![0; (count * kind.bytes()) as usize]);
        }
    }
    zip.finish().expect("a zip in memory").into_inner()
}
