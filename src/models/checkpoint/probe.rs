//! What must hold of whatever the readers of checkpoints are given: every number of every tensor lies within the file, or
//! there is one error.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::choice::Choice;
use super::file::Opened;
use super::layout::Layout;
use super::{foreign, pickle, read_tensorflow, safetensors as stored, tensorflow};
use crate::files::made::{Made, zipped};
use crate::models::Weights;
use crate::readers::{in_file, in_folder, read};

/// A file of either form of `torch.save`, or another file: what it is instead is said, whatever it is.
pub(crate) fn torch(bytes: &[u8]) -> bool {
    let mut file = Cursor::new(bytes);
    let layout = match read(Layout::of(&mut file, &choice())) {
        Some(Some(layout)) => layout,
        Some(None) => {
            let error = foreign::file(&mut file, &choice()).expect("a file in memory");
            assert!(error.advice().is_some());
            read::<()>(Err(error));
            return false;
        }
        None => return false,
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
    in_file("w.pth", bytes, |path| {
        let weights = read(Opened::at(path, &choice()).and_then(Opened::read));
        weights.iter().for_each(whole);
    });
    true
}

/// The same of a zip, and of a pickle in a sound one.
pub(crate) fn torch_zip(bytes: &[u8]) -> bool {
    torch(bytes) | torch(&packed(bytes))
}

/// Every number of some weights can be reached, and there are not many.
fn whole(weights: &Weights) {
    weights.values().for_each(|tensor| assert!(tensor.to_kind(Kind::Double).contiguous().numel() < 1 << 20));
}

/// Some names of a network, so that tables are chosen and prefixes taken off by them.
fn choice() -> Choice {
    let names = ["conv.weight", "conv.bias", "a", "whole"].map(str::to_string).into();
    Choice { names, ..Choice::of_file("w.pth".as_ref()) }
}

/// A pickle in a zip as `torch.save` writes it, with the storages that it names where they are small.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut members = vec![Made::stored("archive/data.pkl", bytes), Made::stored("archive/byteorder", b"little")];
    let storages = pickle::describe(bytes, &choice()).map(|said| said.storages).unwrap_or_default();
    for (name, (kind, count)) in storages.into_iter().collect::<BTreeMap<_, _>>() {
        if count <= 1024 && name.len() < 1 << 15 {
            let zeros = vec![0; (count * kind.bytes()) as usize];
            members.push(Made::stored(format!("archive/data/{name}"), &zeros));
        }
    }
    zipped(&members)
}

/// Safetensors: tensors that come back as they are when they are written again, or one error.
pub(crate) fn safetensors(bytes: &[u8]) -> bool {
    let mut file = Cursor::new(bytes);
    let Some((tensors, _)) = read(stored::header(&mut file, bytes.len() as u64, &choice())) else { return false };
    let Some(weights) = read(stored::read(&mut file, &tensors)) else { return false };
    whole(&weights);
    let written = read(stored::bytes_of(&weights, &HashMap::new())).expect("it was read");
    let any = Choice::default();
    let (tensors, _) =
        read(stored::header(&mut Cursor::new(&written), written.len() as u64, &any)).expect("it is whole");
    let again = read(stored::read(&mut Cursor::new(&written), &tensors)).expect("it is whole");
    let same = |(name, tensor): (&String, &Tensor)| {
        let of = tensor.to_kind(Kind::Float);
        // Numbers that are none are not equal to themselves.
        again[name].size() == of.size() && again[name].isclose(&of, 0.0, 0.0, true).all().int64_value(&[]) == 1
    };
    assert!(again.len() == weights.len() && weights.iter().all(same));
    true
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/eps").join(name)
}

/// An index of TensorFlow's, and a block of one whose checksums are right, beside a sound shard.
pub(crate) fn tensorflow_index(bytes: &[u8]) -> bool {
    let shard = golden("model-2.data-00000-of-00001");
    let of = |index: &[u8]| {
        let Some((shards, entries)) = read(tensorflow::entries(index)) else { return false };
        assert!(entries.iter().all(|entry| entry.shard < shards));
        entries.iter().filter_map(|entry| read(tensorflow::tensor(&shard, entry))).for_each(|tensor| {
            assert!(tensor.numel() < 1 << 20);
        });
        true
    };
    of(bytes) | of(&tensorflow::indexed(bytes))
}

/// A shard of TensorFlow's beside a sound index.
pub(crate) fn tensorflow_shard(bytes: &[u8]) -> bool {
    let index = std::fs::read(golden("model-2.index")).expect("it comes with the project");
    in_folder(&[("model-2.index", &index), ("model-2.data-00000-of-00001", bytes)], |folder| {
        let weights = read(read_tensorflow(&folder.join("model-2"), |name| Some(name.to_string())));
        weights.iter().for_each(whole);
        weights.is_some()
    })
}
