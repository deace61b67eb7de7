//! TensorFlow checkpoints of the second form: an index (a sorted table of blocks with checksums, as LevelDB's) and shards of
//! raw numbers. Read without TensorFlow; every length is checked before anything is allocated for it.
//!
//! The form is that of TensorFlow's `tensor_bundle.cc`, `tensor_bundle.proto` and `table_format.txt` (2.14).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::words::broken;
use crate::error::{Code, Error, Result};
use crate::models::weights::Weights;

const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
const FOOTER: usize = 48;
/// Largest index that is read.
const MAX_INDEX_BYTES: u64 = 64 << 20;
/// Tensors in one checkpoint.
const MAX_TENSORS: usize = 20_000;
/// Bytes of one tensor.
const MAX_TENSOR_BYTES: u64 = 8 << 30;

/// Where a tensor lies and what it is, as the index says; not yet checked against the shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    name: String,
    kind: u64,
    shape: Vec<i64>,
    pub(super) shard: u64,
    offset: u64,
    bytes: u64,
    checksum: u32,
}

/// The tensors of a checkpoint whose name `wanted` approves, under the names it gives them. `prefix` is the checkpoint's
/// name without `.index`, such as `checkpoint_delta/model-345002`.
///
/// # Errors
/// [`Code::Io`] if the index or a shard cannot be read, naming it; [`Code::Checkpoint`] for a wrong magic, a wrong checksum,
/// a compressed block, a tensor of a type that is not known or that reaches past its shard: each names the tensor or the
/// place.
pub fn read_tensorflow(prefix: &Path, wanted: impl Fn(&str) -> Option<String>) -> Result<Weights> {
    let index = beside(prefix, ".index");
    let size = std::fs::metadata(&index).map_err(|cause| Error::io("reading the index", &index, cause))?.len();
    if size > MAX_INDEX_BYTES {
        return Err(Error::new(Code::Limit, format!("{size} bytes, over the limit for an index")).path(index));
    }
    let bytes = std::fs::read(&index).map_err(|cause| Error::io("reading the index", &index, cause))?;
    let (shards, entries) = entries(&bytes).map_err(|error| error.or_path(&index))?;
    let mut weights = Weights::new();
    for entry in entries {
        let Some(name) = wanted(&entry.name) else { continue };
        let path = beside(prefix, &format!(".data-{:05}-of-{shards:05}", entry.shard));
        let tensor =
            tensor(&path, &entry).map_err(|error| error.or_path(&path).place(format!("tensor {}", entry.name)))?;
        weights.insert(name, tensor);
    }
    Ok(weights)
}

fn beside(prefix: &Path, ending: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_os_string();
    name.push(ending);
    PathBuf::from(name)
}

pub(super) fn tensor(path: &Path, entry: &Entry) -> Result<Tensor> {
    // Numbers of `DataType` in TensorFlow's types.proto.
    let (kind, width) = match entry.kind {
        1 => (Kind::Float, 4),
        2 => (Kind::Double, 8),
        3 => (Kind::Int, 4),
        9 => (Kind::Int64, 8),
        14 => (Kind::BFloat16, 2),
        19 => (Kind::Half, 2),
        other => {
            return Err(broken(format!(
                "numbers of TensorFlow's type {other}, expected float32, float64, float16, bfloat16, int32 or int64"
            )));
        }
    };
    let mut expected: u64 = width;
    for &side in &entry.shape {
        let side = u64::try_from(side).map_err(|_| broken(format!("shape {:?}", entry.shape)))?;
        expected = expected.checked_mul(side).ok_or_else(|| broken(format!("shape {:?}", entry.shape)))?;
    }
    if expected != entry.bytes || expected > MAX_TENSOR_BYTES {
        return Err(broken(format!("{} bytes for the shape {:?}, expected {expected}", entry.bytes, entry.shape)));
    }
    let missing = |cause| {
        Error::io("reading the shard", path, cause).hint("fetch every file of the checkpoint: .index and all .data-…")
    };
    let mut file = File::open(path).map_err(missing)?;
    let length = file.metadata().map_err(missing)?.len();
    if entry.offset.checked_add(entry.bytes).is_none_or(|end| end > length) {
        let found = format!("reaches to byte {} of a shard of {length}", entry.offset.saturating_add(entry.bytes));
        return Err(broken(found).hint("the shard is cut: fetch it again"));
    }
    let mut bytes = vec![0; entry.bytes as usize];
    file.seek(SeekFrom::Start(entry.offset)).and_then(|_| file.read_exact(&mut bytes)).map_err(missing)?;
    if masked(crc32c::crc32c(&bytes)) != entry.checksum {
        return Err(broken("its checksum is wrong").hint("the shard is corrupt: fetch it again"));
    }
    Ok(Tensor::f_from_data_size(&bytes, &entry.shape, kind)?)
}

/// TensorFlow and LevelDB store checksums turned and shifted, so that one over data with checksums in it is no trap.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The number of shards and the entries of an index, in the order of their names.
pub(super) fn entries(index: &[u8]) -> Result<(u64, Vec<Entry>)> {
    let footer = index.len().checked_sub(FOOTER).map(|start| &index[start..]);
    let footer = footer.ok_or_else(|| broken(format!("{} bytes, too short for an index", index.len())))?;
    if footer[FOOTER - 8..] != MAGIC.to_le_bytes() {
        return Err(broken("does not end as an index of TensorFlow does")
            .hint("the file is cut, or of TensorFlow's first form"));
    }
    let mut handles = Bytes { rest: footer };
    let _metaindex = (handles.varint()?, handles.varint()?);
    let table = block(index, handles.varint()?, handles.varint()?)?;
    let mut shards = None;
    let mut entries = Vec::new();
    for (_, handle) in pairs(table)? {
        let mut handle = Bytes { rest: &handle };
        for (key, value) in pairs(block(index, handle.varint()?, handle.varint()?)?)? {
            if key.is_empty() {
                shards = Some(header(&value)?);
                continue;
            }
            if entries.len() == MAX_TENSORS {
                return Err(Error::new(Code::Limit, format!("more than {MAX_TENSORS} tensors")));
            }
            let name = String::from_utf8(key).map_err(|_| broken("a name that is not UTF-8"))?;
            let place = name.clone();
            entries.push(entry(name, &value).map_err(|error| error.place(format!("tensor {place}")))?);
        }
    }
    let shards = shards.ok_or_else(|| broken("the index has no header"))?;
    if let Some(entry) = entries.iter().find(|entry| entry.shard >= shards) {
        return Err(broken(format!("shard {} of {shards}", entry.shard)).place(format!("tensor {}", entry.name)));
    }
    Ok((shards, entries))
}

/// The content of a block, its checksum checked.
fn block(index: &[u8], offset: u64, size: u64) -> Result<&[u8]> {
    let wrong = || broken("a block reaches past the end of the index").place(format!("byte {offset}"));
    let (start, size) = (usize::try_from(offset).map_err(|_| wrong())?, usize::try_from(size).map_err(|_| wrong())?);
    let end = start.checked_add(size).and_then(|end| end.checked_add(5)).ok_or_else(wrong)?;
    let whole = index.get(start..end).ok_or_else(wrong)?;
    let (covered, stored) = whole.split_at(size + 1);
    let stored = u32::from_le_bytes(stored.try_into().map_err(|_| wrong())?);
    if masked(crc32c::crc32c(covered)) != stored {
        return Err(broken("the checksum of a block is wrong")
            .place(format!("byte {offset}"))
            .hint("the index is corrupt: fetch it again"));
    }
    match covered[size] {
        0 => Ok(&covered[..size]),
        kind => {
            Err(broken(format!("a compressed block (type {kind}), expected plain ones"))
                .place(format!("byte {offset}")))
        }
    }
}

/// An index with one block, whose checksums are right.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn indexed(content: &[u8]) -> Vec<u8> {
    let varint = |mut number: u64| {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    };
    let mut index = Vec::new();
    let mut block = |content: &[u8]| {
        let handle = [varint(index.len() as u64), varint(content.len() as u64)].concat();
        let covered = [content, &[0]].concat();
        index.extend(&covered);
        index.extend(masked(crc32c::crc32c(&covered)).to_le_bytes());
        handle
    };
    let handle = block(content);
    let table = block(&[&[0, 0, handle.len() as u8], &handle[..], &[0; 4]].concat());
    let mut footer = [&[0, 0], &table[..]].concat();
    footer.resize(FOOTER - 8, 0);
    index.extend(footer);
    index.extend(MAGIC.to_le_bytes());
    index
}

/// The keys and values of a block; a key says how much of the last one it begins with.
fn pairs(block: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let cut = || broken("a block of the index is cut");
    let count = block.len().checked_sub(4).ok_or_else(cut)?;
    let restarts = u32::from_le_bytes(block[count..].try_into().map_err(|_| cut())?) as usize;
    let end = restarts.checked_mul(4).and_then(|bytes| count.checked_sub(bytes)).ok_or_else(cut)?;
    let mut bytes = Bytes { rest: &block[..end] };
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    while !bytes.rest.is_empty() {
        let (shared, own, length) = (bytes.varint()?, bytes.varint()?, bytes.varint()?);
        let last = pairs.last().map_or(&[][..], |(key, _)| key);
        let shared = usize::try_from(shared).ok().and_then(|shared| last.get(..shared)).ok_or_else(cut)?;
        let key = [shared, bytes.take(own)?].concat();
        pairs.push((key, bytes.take(length)?.to_vec()));
    }
    Ok(pairs)
}

/// Number of shards, of `BundleHeaderProto`.
fn header(message: &[u8]) -> Result<u64> {
    let mut shards = 0;
    for field in fields(message)? {
        match field {
            (1, Field::Number(number)) => shards = number,
            (2, Field::Number(number)) if number != 0 => {
                return Err(broken("the numbers are big-endian, expected little-endian"));
            }
            _ => {}
        }
    }
    Ok(shards)
}

/// `BundleEntryProto`.
fn entry(name: String, message: &[u8]) -> Result<Entry> {
    let mut entry = Entry { name, kind: 0, shape: Vec::new(), shard: 0, offset: 0, bytes: 0, checksum: 0 };
    for field in fields(message)? {
        match field {
            (1, Field::Number(kind)) => entry.kind = kind,
            (2, Field::Message(shape)) => entry.shape = sides(shape)?,
            (3, Field::Number(shard)) => entry.shard = shard,
            (4, Field::Number(offset)) => entry.offset = offset,
            (5, Field::Number(bytes)) => entry.bytes = bytes,
            (6, Field::Number(checksum)) => entry.checksum = checksum as u32,
            (7, _) => return Err(broken("a tensor in slices, expected whole ones")),
            _ => {}
        }
    }
    Ok(entry)
}

/// `TensorShapeProto`.
fn sides(message: &[u8]) -> Result<Vec<i64>> {
    let mut sides = Vec::new();
    for field in fields(message)? {
        if let (2, Field::Message(dimension)) = field {
            let size = fields(dimension)?.into_iter().find_map(|field| match field {
                (1, Field::Number(size)) => Some(size as i64),
                _ => None,
            });
            sides.push(size.unwrap_or(0));
        }
    }
    if sides.len() > 8 {
        return Err(broken(format!("{} sides, at most 8 are read", sides.len())));
    }
    Ok(sides)
}

/// A value of a protocol buffer.
enum Field<'a> {
    Number(u64),
    Message(&'a [u8]),
}

fn fields(message: &[u8]) -> Result<Vec<(u64, Field<'_>)>> {
    let mut bytes = Bytes { rest: message };
    let mut fields = Vec::new();
    while !bytes.rest.is_empty() {
        let tag = bytes.varint()?;
        let value = match tag & 7 {
            0 => Field::Number(bytes.varint()?),
            1 => Field::Number(u64::from_le_bytes(bytes.fixed()?)),
            2 => {
                let length = bytes.varint()?;
                Field::Message(bytes.take(length)?)
            }
            5 => Field::Number(u64::from(u32::from_le_bytes(bytes.fixed()?))),
            other => return Err(broken(format!("a field of wire type {other}"))),
        };
        fields.push((tag >> 3, value));
    }
    Ok(fields)
}

struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for place in 0..10 {
            let (&byte, rest) = self.rest.split_first().ok_or_else(|| broken("a number is cut"))?;
            self.rest = rest;
            value |= u64::from(byte & 0x7F) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(broken("a number of more than 64 bits"))
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let count = usize::try_from(count).ok().filter(|&count| count <= self.rest.len());
        let (taken, rest) = self.rest.split_at(count.ok_or_else(|| broken("a value reaches past its end"))?);
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N as u64)?.try_into().map_err(|_| broken("a number is cut"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 2] = ["model-2.index", "model-2.data-00000-of-00001"];

    /// The golden checkpoint, with one of its files changed.
    fn read_changed(file: usize, change: impl Fn(&mut Vec<u8>)) -> Result<Weights> {
        let folder = tempfile::tempdir().unwrap();
        for (number, name) in FILES.iter().enumerate() {
            let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/eps").join(name);
            let mut bytes = std::fs::read(golden).unwrap();
            if number == file {
                change(&mut bytes);
            }
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        read_tensorflow(&folder.path().join("model-2"), |name| Some(name.to_string()))
    }

    fn changed(file: usize, change: impl Fn(&mut Vec<u8>)) -> Error {
        let error = read_changed(file, change).expect_err("a changed file is refused");
        assert!(error.file().is_some(), "{error}");
        error
    }

    /// The last block's bytes changed, and its checksum made right again.
    fn resealed(index: &mut [u8], change: impl Fn(&mut [u8])) {
        let footer = index[index.len() - FOOTER..].to_vec();
        let mut handles = Bytes { rest: &footer };
        let _metaindex = (handles.varint().unwrap(), handles.varint().unwrap());
        let (offset, size) = (handles.varint().unwrap() as usize, handles.varint().unwrap() as usize);
        change(&mut index[offset..offset + size + 1]);
        let checksum = masked(crc32c::crc32c(&index[offset..offset + size + 1]));
        index[offset + size + 1..offset + size + 5].copy_from_slice(&checksum.to_le_bytes());
    }

    #[test]
    fn names_and_shapes_are_those_that_were_saved() {
        let prefix = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/eps/model-2");
        let weights = read_tensorflow(&prefix, |name| Some(name.to_string())).unwrap();
        assert_eq!(weights["SRGAN_g/n64s1/c/W_conv2d"].size(), [3, 3, 3, 8]);
        assert_eq!(weights["step"].int64_value(&[]), 345_002);
        assert!(weights.keys().any(|name| name.ends_with("Adam_1")), "the optimiser's are there, too");
    }

    #[test]
    fn bad_input_51_a_missing_shard_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/eps/model-2.index");
        std::fs::copy(golden, folder.path().join("model-2.index")).unwrap();
        let error = read_tensorflow(&folder.path().join("model-2"), |name| Some(name.to_string())).unwrap_err();
        assert_eq!(error.code(), Code::Io);
        assert!(error.to_string().contains("model-2.data-00000-of-00001"), "{error}");
        let error = read_tensorflow(&folder.path().join("model-3"), |_| None).unwrap_err();
        assert!(error.to_string().contains("model-3.index"), "{error}");
    }

    #[test]
    fn bad_input_52_wrong_magic_checksum_or_a_compressed_block() {
        let magic = changed(0, |bytes| *bytes.last_mut().unwrap() ^= 1);
        assert!(magic.to_string().contains("does not end as an index"), "{magic}");
        let cut = changed(0, |bytes| bytes.truncate(20));
        assert!(cut.to_string().contains("too short"), "{cut}");
        let checksum = changed(0, |bytes| bytes[9] ^= 1);
        assert!(checksum.to_string().contains("checksum of a block"), "{checksum}");
        let compressed = changed(0, |bytes| resealed(bytes, |block| *block.last_mut().unwrap() = 1));
        assert!(compressed.to_string().contains("a compressed block (type 1)"), "{compressed}");
        // Whatever stands in a block whose checksum is right, it is no panic: the block's key may be anything.
        let mut refused = 0;
        for at in 0..60 {
            let read = read_changed(0, |bytes| {
                resealed(bytes, |block| {
                    let place = at % block.len();
                    block[place] ^= 0xFF;
                });
            });
            refused += u32::from(read.is_err_and(|error| error.code() == Code::Checkpoint));
        }
        assert!(refused > 10, "{refused} of 60");
    }

    #[test]
    fn bad_input_53_wrong_tensors_are_named() {
        let checksum = changed(1, |bytes| bytes[100] ^= 1);
        assert!(
            checksum.to_string().contains("tensor SRGAN_g/") && checksum.to_string().contains("checksum"),
            "{checksum}"
        );
        let cut = changed(1, |bytes| bytes.truncate(1000));
        assert!(cut.to_string().contains("of a shard of 1000"), "{cut}");
        let mut message = vec![8, 4]; // dtype 4: unsigned bytes
        message.extend([40, 0]);
        let unknown = entry("x".into(), &message).unwrap();
        assert!(tensor(Path::new("x"), &unknown).unwrap_err().to_string().contains("type 4"));
        let negative = Entry { kind: 1, shape: vec![-1], ..unknown };
        assert!(tensor(Path::new("x"), &negative).unwrap_err().to_string().contains("[-1]"));
        let huge = Entry { kind: 1, shape: vec![1 << 40, 1 << 40], ..negative };
        assert!(tensor(Path::new("x"), &huge).unwrap_err().to_string().contains("shape"));
    }
}
