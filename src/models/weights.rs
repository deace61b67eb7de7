//! Tensors by name.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::error::{Code, Error, Result};

/// Tensors by their names in the checkpoint.
pub type Weights = BTreeMap<String, Tensor>;

/// The tensor of a layer.
///
/// # Errors
/// [`Code::Checkpoint`] if there is none.
pub fn tensor<'w>(weights: &'w Weights, key: &str, part: &str) -> Result<&'w Tensor> {
    let name = format!("{key}.{part}");
    weights.get(&name).ok_or_else(|| Error::new(Code::Checkpoint, format!("no tensor {name:?}")))
}

/// The same tensors once more, their numbers shared.
pub fn shared(weights: &Weights) -> Weights {
    weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}
