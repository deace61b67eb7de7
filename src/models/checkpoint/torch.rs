//! The numbers of a file that `torch.save` wrote.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{Read, Seek};

use tch::{Kind, Tensor};

use super::layout::Layout;
use super::pickle::StorageKind;
use super::words::broken;
use crate::error::{Error, Result};
use crate::models::weights::Weights;

/// The tensors by their names; those that share a storage in the file share it in memory.
///
/// # Errors
/// [`Code::Checkpoint`](crate::error::Code::Checkpoint) for corrupt numbers, or such as no network has.
pub fn read(file: &mut (impl Read + Seek), layout: &Layout) -> Result<Weights> {
    let mut storages: HashMap<&str, Tensor> = HashMap::new();
    let mut weights = Weights::new();
    for (name, record) in &layout.tensors {
        let place = |error: Error| error.place(format!("tensor {name}"));
        let storage = match storages.entry(&record.storage) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let kind = kind(record.kind).ok_or_else(|| place(broken("numbers that no network here has")))?;
                let bytes = layout.storage(file, record).map_err(place)?;
                let count = record.storage_count as i64;
                entry.insert(Tensor::f_from_data_size(&bytes, &[count], kind)?)
            }
        };
        let tensor = storage.f_as_strided(&record.shape, &record.strides, record.offset)?;
        weights.insert(name.clone(), tensor);
    }
    Ok(weights)
}

fn kind(kind: StorageKind) -> Option<Kind> {
    Some(match kind {
        StorageKind::Float => Kind::Float,
        StorageKind::Half => Kind::Half,
        StorageKind::BFloat16 => Kind::BFloat16,
        StorageKind::Double => Kind::Double,
        StorageKind::Long => Kind::Int64,
        StorageKind::Int => Kind::Int,
        StorageKind::Short => Kind::Int16,
        StorageKind::Char => Kind::Int8,
        StorageKind::Byte => Kind::Uint8,
        StorageKind::Bool => Kind::Bool,
        StorageKind::Untyped | StorageKind::Unread(_) => return None,
    })
}
