//! Step 5.1 on a data root: checkpoints as safetensors, and the proof that they are the same functions.

use std::collections::HashMap;
use std::path::PathBuf;

use polars::prelude::*;

use super::device::Device;
use super::input::{Normalise, to_input};
use super::load::{load_entry, no_networks};
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::models::{Form, read_weights, write_weights};
use crate::notebook::{counted, say};
use crate::pixels;
use crate::study::Study;

/// Step 5.1: each network of a study as `models/<name>.safetensors`, and the proof that the file is the same function: it is
/// read back, and the largest difference of any logit before and after is measured on real pictures, network by network.
///
/// # Errors
/// [`Code::Numeric`] if they differ by more than a thousandth of the largest logit; as [`Network::load`](crate::models::Network::load).
pub fn convert_all(
    store: &Store,
    study: &Study,
    pictures: &[PathBuf],
    form: Form,
    normalise: Normalise,
    device: Device,
) -> Result<DataFrame> {
    if study.networks.is_empty() {
        return Err(no_networks());
    }
    let crops: Result<Vec<_>> = pictures.iter().map(pixels::crop_of).collect();
    let crops = crops?;
    let (mut names, mut tensors, mut differences, mut largest, mut files) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for entry in &study.networks {
        let network = load_entry(store, study, entry, device)?;
        let converted = match form {
            Form::Folded => network.folded()?,
            Form::Plain => network.shared(),
        };
        let name = format!("models/{}.safetensors", entry.name);
        let merged = if form == Form::Folded { "merged" } else { "apart" };
        let notes = HashMap::from([
            ("architecture".to_string(), entry.architecture.clone()),
            ("batch_norm".to_string(), merged.to_string()),
        ]);
        let part = store.path(&format!("models/.{}.new", entry.name));
        write_weights(&part, converted.weights(), notes)?;
        let back = converted.with_weights(read_weights(&part)?)?;
        let input = to_input(&crops, &normalise.of(&network), device)?;
        let (before, after) = (network.forward(&input)?, back.forward(&input)?);
        let difference = (&before - &after).abs().max().double_value(&[]);
        let scale = before.abs().max().double_value(&[]);
        if !difference.is_finite() || difference > 1e-3 * scale {
            let _ = std::fs::remove_file(&part);
            let found = format!("converting changes a logit by {difference}, of at most {scale}");
            return Err(Error::new(Code::Numeric, found).path(store.path(&name)));
        }
        std::fs::rename(&part, store.path(&name)).map_err(|cause| Error::io("writing", store.path(&name), cause))?;
        names.push(entry.name.clone());
        tensors.push(converted.weights().len() as i64);
        differences.push(difference);
        largest.push(scale);
        files.push(name);
    }
    say(&format!(
        "convert: {}, the same function before and after on {}",
        counted(names.len(), "network"),
        counted(pictures.len(), "picture")
    ));
    Ok(df!(
        "model" => names,
        "tensors" => tensors,
        "largest difference" => differences,
        "largest logit" => largest,
        "file" => files,
    )?)
}
