//! Step 5.1 on a data root: checkpoints as safetensors, and the proof that they are the same functions.

use std::collections::HashMap;
use std::path::PathBuf;

use polars::prelude::DataFrame;

use super::device::Device;
use super::engine::Engine;
use super::input::{Normalise, to_input};
use super::load::{load_entry, no_networks};
use crate::error::{Code, Error, Result};
use crate::models::{Form, PROGRAM, read_weights, write_weights};
use crate::notebook::{counted, say};
use crate::pixels::RgbImage;
use crate::study::{NetworkEntry, Study};
use crate::table::{Row, table};

table! {
    /// A network and its converted checkpoint.
    pub struct ConvertedRow {
        /// The network.
        model: String,
        /// Tensors in the file.
        tensors: i64,
        /// Largest difference of any logit before and after, on real pictures.
        difference: f64 as "largest difference",
        /// Largest logit before.
        logit: f64 as "largest logit",
        /// The file, under the root.
        file: String,
    }
}

/// How checkpoints are converted.
#[derive(Debug, Clone, Copy)]
pub struct Conversion {
    /// Whether batch normalisation is merged into the convolutions.
    pub form: Form,
    /// What is done to the values of the pictures that both are tried on.
    pub normalise: Normalise,
    /// Where they are tried.
    pub device: Device,
}

/// Step 5.1: each network of a study as `models/<name>.safetensors`, and the proof that the file is the same function: it is
/// read back, and the largest difference of any logit before and after is measured on real pictures, network by network
/// ([`ConvertedRow`]).
///
/// # Errors
/// [`Code::Numeric`] if they differ by more than a thousandth of the largest logit: the file is not written; as
/// [`Network::load`](crate::models::Network::load).
pub fn convert_all(study: &Study, pictures: &[PathBuf], how: &Conversion) -> Result<DataFrame> {
    if study.networks().is_empty() {
        return Err(no_networks());
    }
    let (programs, others): (Vec<_>, Vec<_>) = study.networks().iter().partition(|entry| entry.architecture == PROGRAM);
    for entry in programs {
        say(&format!("convert: {} is a program, whose numbers are its own; left as it is", entry.name));
    }
    let rows: Vec<ConvertedRow> =
        others.into_iter().map(|entry| convert(study, entry, pictures, how)).collect::<Result<_>>()?;
    say(&format!(
        "convert: {}, the same function before and after on {}",
        counted(rows.len(), "network"),
        counted(pictures.len(), "picture")
    ));
    ConvertedRow::table(rows)
}

fn convert(study: &Study, entry: &NetworkEntry, pictures: &[PathBuf], how: &Conversion) -> Result<ConvertedRow> {
    let network = load_entry(study, entry, how.device)?;
    let crops: Vec<RgbImage> = pictures.iter().map(|path| network.view().of(path)).collect::<Result<_>>()?;
    let (converted, merged) = match how.form {
        Form::Folded => (network.folded()?, "merged"),
        Form::Plain => (network.shared(), "apart"),
    };
    let file = format!("models/{}.safetensors", entry.name);
    let notes = HashMap::from([
        ("architecture".to_string(), entry.architecture.clone()),
        ("batch_norm".to_string(), merged.to_string()),
    ]);
    // The file appears under its name only when it is the same function.
    let scratch = study.store.scratch(&file)?;
    let tried_file = scratch.folder().join("weights.safetensors");
    write_weights(&tried_file, converted.weights(), notes).map_err(|error| error.path(study.store.path(&file)))?;
    let (difference, logit) = read_weights(&tried_file)
        .and_then(|weights| compare(&network, &converted.with_weights(weights)?, &crops, how))
        .and_then(|(difference, logit)| match difference.is_finite() && difference <= 1e-3 * logit {
            true => Ok((difference, logit)),
            false => {
                let found = format!("converting changes a logit by {difference}, of at most {logit}");
                Err(Error::new(Code::Numeric, found).path(study.store.path(&file)))
            }
        })?;
    study.store.place(&tried_file, &file)?;
    let tensors = converted.weights().len() as i64;
    Ok(ConvertedRow { model: entry.name.clone(), tensors, difference, logit, file })
}

/// The largest difference of any logit of two networks, and the largest logit of the first.
fn compare(one: &Engine, other: &Engine, crops: &[RgbImage], how: &Conversion) -> Result<(f64, f64)> {
    let input = to_input(crops, &how.normalise.of(one), how.device)?;
    let (before, after) = (one.forward(&input)?, other.forward(&input)?);
    Ok(((&before - &after).abs().max().double_value(&[]), before.abs().max().double_value(&[])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_from_their_table() {
        crate::table::comes_back::<ConvertedRow>();
    }
}
