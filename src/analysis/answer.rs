use polars::prelude::*;

use super::curves::{drops, overlap_by_model};
use crate::error::{Code, Error, Result};
use crate::store::{floats, texts};

/// What is true by construction of a measure for two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It is larger for the first network.
    FirstLarger,
    /// It is larger for the second network.
    SecondLarger,
    /// Nothing is known before it is measured.
    Open,
}

/// The known answer about `resnet50`, trained with each class's own texture, and `sin-resnet50`, trained with textures
/// exchanged at random: what is measured, which must be larger, and why.
pub fn known_answer() -> [(&'static str, Direction, &'static str); 5] {
    [
        ("shape bias on cue-conflict pictures", Direction::SecondLarger, "its textures told it nothing in training"),
        ("fall of the true class when scrambled", Direction::SecondLarger, "scrambling breaks shape and keeps texture"),
        ("fall of the true class when smoothed", Direction::FirstLarger, "smoothing takes texture and keeps shape"),
        ("relevance on outlines beyond chance", Direction::SecondLarger, "only the outline told it anything"),
        ("relevance on edges beyond chance", Direction::Open, "outlines are edges, and so are textures"),
    ]
}

/// What is true by construction beside what was measured: `measure, true by construction, because, resnet50,
/// sin-resnet50, holds`. The falls are means over all levels of the softmax of the true class, from each image's own
/// untouched picture; relevance is that of the tenth of the pixels that has most of it, share on edges less chance.
///
/// # Errors
/// [`Code::Table`] if a table lacks a column; [`Code::Model`] if one of the two networks is missing.
pub fn sample_answer(predictions: &DataFrame, bias: &DataFrame, overlap: &DataFrame) -> Result<DataFrame> {
    let scrambled = drops(predictions, "scrambled", "true_acc")?;
    let smoothed = drops(predictions, "smoothed", "true_acc")?;
    let outlines = overlap_by_model(overlap, "top", "outlines", "beyond_chance")?;
    let edges = overlap_by_model(overlap, "top", "whole", "beyond_chance")?;
    let of = |model: &str| -> Result<[f64; 5]> {
        Ok([
            mean_of(bias, "shape_bias", model)?,
            mean_of(&scrambled, "mean", model)?,
            mean_of(&smoothed, "mean", model)?,
            mean_of(&outlines, "mean", model)?,
            mean_of(&edges, "mean", model)?,
        ])
    };
    let (plain, exchanged) = (of("resnet50")?, of("sin-resnet50")?);
    let answer = known_answer();
    let truth = |direction: Direction| match direction {
        Direction::FirstLarger => "resnet50 more",
        Direction::SecondLarger => "sin-resnet50 more",
        Direction::Open => "open",
    };
    let holds = |index: usize| match answer[index].1 {
        Direction::FirstLarger => Some(plain[index] > exchanged[index]),
        Direction::SecondLarger => Some(exchanged[index] > plain[index]),
        Direction::Open => None,
    };
    Ok(df!(
        "measure" => answer.iter().map(|row| row.0).collect::<Vec<_>>(),
        "true by construction" => answer.iter().map(|row| truth(row.1)).collect::<Vec<_>>(),
        "because" => answer.iter().map(|row| row.2).collect::<Vec<_>>(),
        "resnet50" => plain.to_vec(),
        "sin-resnet50" => exchanged.to_vec(),
        "holds" => (0..answer.len()).map(holds).collect::<Vec<_>>(),
    )?)
}

fn mean_of(table: &DataFrame, column: &str, model: &str) -> Result<f64> {
    let (models, values) = (texts(table, "model")?, floats(table, column)?);
    let own: Vec<f64> = (0..models.len()).filter(|&row| models[row] == model).map(|row| values[row]).collect();
    if own.is_empty() {
        return Err(Error::new(
            Code::Model,
            format!("no network {model:?} in the table; the known answer is about it"),
        ));
    }
    Ok(crate::stats::mean(&own))
}
