//! safetensors: a header of JSON, then the numbers.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use ::safetensors::tensor::{Dtype, Metadata, TensorView};
use ::safetensors::{SafeTensorError, serialize};
use tch::{Kind, Tensor};

use super::choice::Choice;
use super::foreign;
use super::words::broken;
use crate::error::{Error, Result};
use crate::files;
use crate::models::weights::Weights;

/// Largest header, as the format has it.
const MAX_HEADER: u64 = 100_000_000;

/// A tensor as the header describes it.
pub struct Stored {
    /// Its name, as the network has it.
    pub name: String,
    kind: Kind,
    /// Its shape.
    pub shape: Vec<i64>,
    /// Bytes of the file, from and to which its numbers go.
    bytes: (u64, u64),
}

/// The tensors of a file by their names, types, shapes and places, all within the file, and what there is to say of them; or
/// what else it is.
///
/// # Errors
/// [`Code::Checkpoint`](crate::error::Code::Checkpoint) for a file that is no such one, cut or broken.
pub fn header(file: &mut (impl Read + Seek), size: u64, choice: &Choice) -> Result<(Vec<Stored>, Vec<String>)> {
    let (metadata, length) = metadata(file, size, choice)?;
    let begin = 8 + length;
    let names = metadata.offset_keys();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let (own, remarks) = choice.own_names(&texts, choice.table.as_deref())?;
    let mut tensors = Vec::new();
    for (name, own) in names.iter().zip(own) {
        let (Some(own), Some(info)) = (own, metadata.info(name)) else { continue };
        let kind = match info.dtype {
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::F64 => Kind::Double,
            Dtype::I64 => Kind::Int64,
            Dtype::I32 => Kind::Int,
            Dtype::I16 => Kind::Int16,
            Dtype::I8 => Kind::Int8,
            Dtype::U8 => Kind::Uint8,
            Dtype::BOOL => Kind::Bool,
            other => return Err(broken(format!("numbers of type {other:?}")).place(format!("tensor {name}"))),
        };
        let shape = info.shape.iter().map(|&side| side as i64).collect();
        let (from, to) = info.data_offsets;
        tensors.push(Stored { name: own, kind, shape, bytes: (begin + from as u64, begin + to as u64) });
    }
    if tensors.is_empty() {
        return Err(broken("a safetensors file that holds no tensor"));
    }
    Ok((tensors, remarks))
}

/// What the header of a whole file says, and its length in bytes.
fn metadata(file: &mut (impl Read + Seek), size: u64, choice: &Choice) -> Result<(Metadata, u64)> {
    let unreadable = |cause| broken("cannot be read").because(cause);
    let mut head = [0; 9];
    file.rewind().map_err(unreadable)?;
    let whole = size >= 9 && file.read_exact(&mut head).is_ok() && head[8] == b'{';
    let [a, b, c, d, e, f, g, h, _] = head;
    let length = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    if !whole || length > MAX_HEADER {
        return Err(foreign::file(file, choice)?);
    }
    let cut = |found: String| broken(found).hint("the file is cut: fetch it again");
    if length > size - 8 {
        return Err(cut(format!("a safetensors file whose header of {length} bytes is cut")));
    }
    let mut header = vec![0; length as usize];
    file.seek(SeekFrom::Start(8)).and_then(|_| file.read_exact(&mut header)).map_err(unreadable)?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|cause| broken("a safetensors file whose header is broken").because(cause).hint("fetch it again"))?;
    let held = size - 8 - length;
    if metadata.data_len() as u64 != held {
        return Err(cut(format!("a safetensors file with {held} bytes of numbers, expected {}", metadata.data_len())));
    }
    Ok((metadata, length))
}

/// The notes that were written with the tensors of a file.
///
/// # Errors
/// [`Code::Io`](crate::error::Code::Io) if it cannot be read; [`Code::Checkpoint`](crate::error::Code::Checkpoint) if it is
/// no such file, or a cut or broken one.
pub fn read_notes(path: &Path) -> Result<HashMap<String, String>> {
    let unreadable = |cause| Error::io("reading", path, cause);
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let (metadata, _) = metadata(&mut file, size, &Choice::of_file(path)).map_err(|error| error.or_path(path))?;
    Ok(metadata.metadata().clone().unwrap_or_default())
}

/// The numbers of such tensors.
///
/// # Errors
/// [`Code::Checkpoint`](crate::error::Code::Checkpoint) if the file cannot be read.
pub fn read(file: &mut (impl Read + Seek), tensors: &[Stored]) -> Result<Weights> {
    let mut weights = Weights::new();
    for Stored { name, kind, shape, bytes: (from, to) } in tensors {
        let mut bytes = vec![0; (to - from) as usize];
        file.seek(SeekFrom::Start(*from))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|cause| broken("cannot be read").place(format!("tensor {name}")).because(cause))?;
        weights.insert(name.clone(), Tensor::f_from_data_size(&bytes, shape, *kind)?);
    }
    Ok(weights)
}

/// Bytes before the header, which say how long it is, and how the header begins where there are notes.
const LENGTH: usize = 8;
const NOTES: &[u8] = b"{\"__metadata__\":";

/// Writes tensors as safetensors, whole; sorted by name, so that the same tensors are the same bytes.
///
/// # Errors
/// [`Code::Io`](crate::error::Code::Io) if it cannot be written.
pub fn write_weights(path: &Path, weights: &Weights, notes: HashMap<String, String>) -> Result<()> {
    let bytes = bytes_of(weights, &notes).map_err(|error| error.or_path(path))?;
    files::write_whole(path, |file| std::io::Write::write_all(file, &bytes))
}

/// The bytes of tensors as safetensors.
pub(super) fn bytes_of(weights: &Weights, notes: &HashMap<String, String>) -> Result<Vec<u8>> {
    let mut data: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, tensor) in weights {
        let shape = tensor.size().iter().map(|&side| side as usize).collect();
        let flat = tensor.to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous().view(-1);
        let numbers = Vec::<f32>::try_from(&flat)?;
        data.push((name.clone(), shape, numbers.iter().flat_map(|number| number.to_le_bytes()).collect()));
    }
    let failed = |cause: SafeTensorError| broken("cannot be written").because(cause);
    let views: Result<Vec<(String, TensorView<'_>)>> = data
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(failed)?))
        })
        .collect();
    let sorted: BTreeMap<&String, &String> = notes.iter().collect();
    let sorted = serde_json::to_vec(&sorted).map_err(|cause| broken("notes cannot be written").because(cause))?;
    let mut bytes = serialize(views?, (!notes.is_empty()).then(|| notes.clone())).map_err(failed)?;
    // The library writes notes in the order of a hash map, which is another one each time; sorted they are as long.
    let start = LENGTH + NOTES.len();
    if let Some((head, rest)) = bytes.split_at_mut_checked(start)
        && head.ends_with(NOTES)
        && let Some(unsorted) = rest.get_mut(..sorted.len())
    {
        unsorted.copy_from_slice(&sorted);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_tensors_and_notes_are_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let weights = Weights::from([("b".to_string(), Tensor::from_slice(&[1f32, 2.0]))]);
        let notes: Vec<(String, String)> =
            (0..6).map(|number| (format!("note {number}"), format!("\"{number}\"\n"))).collect();
        let write = || {
            write_weights(&path, &weights, notes.iter().cloned().collect()).unwrap();
            std::fs::read(&path).unwrap()
        };
        let first = write();
        assert!((0..20).all(|_| write() == first));
        assert!(first[LENGTH..].starts_with(b"{\"__metadata__\":{\"note 0\":\"\\\"0\\\"\\n\",\"note 1\":"));
        let mut file = File::open(&path).unwrap();
        let mut length = [0; LENGTH];
        file.read_exact(&mut length).unwrap();
        let header = &first[LENGTH..LENGTH + u64::from_le_bytes(length) as usize];
        let header: serde_json::Value = serde_json::from_slice(header).unwrap();
        assert_eq!(header["__metadata__"]["note 5"], "\"5\"\n");
        assert_eq!(header["b"]["data_offsets"], serde_json::json!([0, 8]));
    }
}
