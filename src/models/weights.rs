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
    named(weights, &name_of(key, part))
}

/// The tensor of a name.
///
/// # Errors
/// [`Code::Checkpoint`] if there is none.
pub fn named<'w>(weights: &'w Weights, name: &str) -> Result<&'w Tensor> {
    weights.get(name).ok_or_else(|| Error::new(Code::Checkpoint, format!("no tensor {name:?}")))
}

/// The name of a layer's tensor: `fc.weight`, but `self_attention.in_proj_weight`, as torch's `MultiheadAttention` has it.
pub fn name_of(key: &str, part: &str) -> String {
    let between = if key.ends_with("in_proj") { "_" } else { "." };
    format!("{key}{between}{part}")
}

/// The same tensors once more, their numbers shared.
pub fn shared(weights: &Weights) -> Weights {
    weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}
