//! Weights on disk: safetensors, and `.pth` files as `torch.save` writes them, read without Python and without
//! running anything.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use tch::{Kind, Tensor};

use super::network::Weights;
use super::pickle::{self, StorageKind, TensorRecord};
use crate::error::{Code, Error, Result};
use crate::store;

/// Largest file that is read as a checkpoint.
const MAX_BYTES: u64 = 8 << 30;
/// Largest pickle inside one.
const MAX_PICKLE_BYTES: u64 = 64 << 20;

/// The tensors of a checkpoint by name. A `module.` before every name (torch's `DataParallel`) is taken off, and one
/// level of `state_dict` or `model` around the tensors is opened.
///
/// # Errors
/// [`Code::Io`] if the file cannot be read; [`Code::Checkpoint`] if it is neither safetensors nor a zip as `torch.save`
/// writes it, or holds anything but tensors. Nothing in the file is ever executed.
pub fn read_weights(path: &Path) -> Result<Weights> {
    let mut file = File::open(path).map_err(|cause| {
        Error::io("reading the checkpoint", path, cause).hint("check the path of the weights in study.json")
    })?;
    let size = file.metadata().map_err(|cause| Error::io("reading", path, cause))?.len();
    if size > MAX_BYTES {
        return Err(Error::new(Code::Limit, format!("{size} bytes, over the limit for a checkpoint")).path(path));
    }
    let mut magic = [0u8; 4];
    let read = file.read(&mut magic).map_err(|cause| Error::io("reading", path, cause))?;
    let weights = if magic[..read] == *b"PK\x03\x04" { read_zip(path) } else { read_safetensors(path) };
    weights.and_then(strip_module).map_err(|error| error.or_path(path))
}

fn broken(what: impl Into<String>) -> Error {
    Error::new(Code::Checkpoint, what)
}

fn read_safetensors(path: &Path) -> Result<Weights> {
    let bytes = std::fs::read(path).map_err(|cause| Error::io("reading", path, cause))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|cause| {
        broken("neither safetensors nor a zip as torch.save writes it")
            .because(cause)
            .hint("legacy .pth files (before torch 1.6): load and save them again with a newer torch")
    })?;
    let mut weights = Weights::new();
    for (name, view) in file.tensors() {
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::F64 => Kind::Double,
            Dtype::I64 => Kind::Int64,
            other => return Err(broken(format!("numbers of type {other:?}")).place(format!("tensor {name}"))),
        };
        let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
        weights.insert(name, Tensor::f_from_data_size(view.data(), &shape, kind)?);
    }
    Ok(weights)
}

fn read_zip(path: &Path) -> Result<Weights> {
    let file = File::open(path).map_err(|cause| Error::io("reading", path, cause))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|cause| broken("not a whole zip").because(cause))?;
    let names: Result<Vec<String>, _> = archive.file_names().map(|name| name.map(|name| name.into_owned())).collect();
    let names = names.map_err(|cause| broken("a member without a readable name").because(cause))?;
    let pickles: Vec<&String> = names.iter().filter(|name| name.ends_with("/data.pkl")).collect();
    let [pickle_name] = pickles[..] else {
        return Err(broken(format!("{} members named data.pkl, expected one", pickles.len())));
    };
    let folder = pickle_name.trim_end_matches("data.pkl").to_string();
    if let Some(order) = names.iter().find(|name| **name == format!("{folder}byteorder"))
        && member(&mut archive, order, 64)? != b"little"
    {
        return Err(broken("the numbers are big-endian, expected little-endian"));
    }
    let records = pickle::tensors(&member(&mut archive, pickle_name, MAX_PICKLE_BYTES)?)?;
    let mut storages: HashMap<String, Vec<u8>> = HashMap::new();
    let mut weights = Weights::new();
    for (name, record) in records {
        let place = |error: Error| error.place(format!("tensor {name}"));
        if !storages.contains_key(&record.storage) {
            let claimed = record.storage_count.checked_mul(record.kind.bytes()).ok_or_else(|| broken("too large"))?;
            let bytes = member(&mut archive, &format!("{folder}data/{}", record.storage), claimed).map_err(place)?;
            if bytes.len() as u64 != claimed {
                return Err(place(broken(format!("its storage holds {} bytes, expected {claimed}", bytes.len()))));
            }
            storages.insert(record.storage.clone(), bytes);
        }
        let tensor = rebuild(&record, &storages[&record.storage]).map_err(place)?;
        weights.insert(name, tensor);
    }
    Ok(weights)
}

/// The bytes of a member, at most `limit` of them; its checksum is checked by the zip reader.
fn member(archive: &mut zip::ZipArchive<File>, name: &str, limit: u64) -> Result<Vec<u8>> {
    let entry = archive.by_name(name).map_err(|cause| broken(format!("no member {name:?}")).because(cause))?;
    if entry.size() > limit {
        return Err(broken(format!("member {name:?} is {} bytes, expected at most {limit}", entry.size())));
    }
    let mut bytes = Vec::with_capacity(entry.size() as usize);
    entry
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| broken(format!("member {name:?} is corrupt")).because(cause))?;
    Ok(bytes)
}

fn rebuild(record: &TensorRecord, storage: &[u8]) -> Result<Tensor> {
    let mut contiguous = 1i64;
    let mut last = record.offset;
    for (&side, &stride) in record.shape.iter().zip(&record.strides) {
        if side < 0 || stride < 0 {
            return Err(broken(format!("shape {:?}, strides {:?}", record.shape, record.strides)));
        }
        contiguous = contiguous.checked_mul(side).ok_or_else(|| broken("too many numbers"))?;
        let reach = (side - 1).max(0).checked_mul(stride).ok_or_else(|| broken("too large a stride"))?;
        last = last.checked_add(reach).ok_or_else(|| broken("too large a stride"))?;
    }
    if record.offset < 0 || (contiguous > 0 && last as u64 >= record.storage_count) {
        return Err(broken(format!("reaches number {last} of a storage of {}", record.storage_count)));
    }
    let kind = match record.kind {
        StorageKind::Float => Kind::Float,
        StorageKind::Half => Kind::Half,
        StorageKind::BFloat16 => Kind::BFloat16,
        StorageKind::Double => Kind::Double,
        StorageKind::Long => Kind::Int64,
    };
    let flat = Tensor::f_from_data_size(storage, &[record.storage_count as i64], kind)?;
    Ok(flat.f_as_strided(&record.shape, &record.strides, record.offset)?.contiguous())
}

fn strip_module(weights: Weights) -> Result<Weights> {
    let with = weights.keys().filter(|name| name.starts_with("module.")).count();
    if with == 0 {
        return Ok(weights);
    }
    if with != weights.len() {
        return Err(broken(format!("{with} of {} names begin with \"module.\", expected all or none", weights.len())));
    }
    Ok(weights.into_iter().map(|(name, tensor)| (name["module.".len()..].to_string(), tensor)).collect())
}

/// Writes tensors as safetensors, whole; sorted by name, so that the same tensors are the same bytes.
///
/// # Errors
/// [`Code::Io`] if it cannot be written.
pub fn write_weights(path: &Path, weights: &Weights, notes: HashMap<String, String>) -> Result<()> {
    let mut data: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, tensor) in weights {
        let shape = tensor.size().iter().map(|&side| side as usize).collect();
        let flat = tensor.to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous().view(-1);
        let numbers = Vec::<f32>::try_from(&flat)?;
        data.push((name.clone(), shape, numbers.iter().flat_map(|number| number.to_le_bytes()).collect()));
    }
    let failed = |cause: safetensors::SafeTensorError| broken("cannot be written").path(path).because(cause);
    let views: Result<Vec<(String, TensorView<'_>)>> = data
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(failed)?))
        })
        .collect();
    let notes = (!notes.is_empty()).then_some(notes);
    let bytes = serialize(views?, notes).map_err(failed)?;
    store::write_whole(path, |file| std::io::Write::write_all(file, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safetensors_come_back_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let weights = Weights::from([("fc.weight".to_string(), Tensor::from_slice2(&[[1.5f32, -2.0], [0.1, 3.0]]))]);
        write_weights(&path, &weights, HashMap::new()).unwrap();
        assert_eq!(read_weights(&path).unwrap()["fc.weight"], weights["fc.weight"]);
    }

    #[test]
    fn a_text_is_no_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pth");
        std::fs::write(&path, "<!DOCTYPE html>").unwrap();
        let error = read_weights(&path).unwrap_err();
        assert_eq!(error.code(), Code::Checkpoint);
        assert_eq!(error.file(), Some(path.as_path()));
    }

    #[test]
    fn module_on_some_names_only_is_refused() {
        let weights = Weights::from([("module.a".into(), Tensor::zeros([1], (Kind::Float, tch::Device::Cpu)))]);
        assert!(strip_module(weights).unwrap().contains_key("a"));
        let zeros = || Tensor::zeros([1], (Kind::Float, tch::Device::Cpu));
        let mixed = Weights::from([("module.a".into(), zeros()), ("b".into(), zeros())]);
        assert!(strip_module(mixed).unwrap_err().to_string().contains("1 of 2"));
    }
}
