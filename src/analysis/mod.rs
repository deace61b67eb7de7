//! Tables to tables: what the predictions and overlaps say. Nothing is drawn here.
//!
//! ```
//! use lgf::analysis::shape_bias;
//! use polars::prelude::*;
//!
//! let decisions = df!(
//!     "model" => ["resnet50", "resnet50", "resnet50", "resnet50"],
//!     "shape" => ["church", "church", "tench", "tench"],
//!     "texture" => ["tench", "tench", "church", "tench"],
//!     "decision" => ["church", "tench", "church", "tench"],
//! )?;
//! let bias = shape_bias(&decisions)?;
//! assert_eq!(lgf::table::floats(&bias, "shape_bias")?, [1.0 / 3.0]);
//! # Ok::<(), lgf::Error>(())
//! ```

mod all;
mod answer;
mod bias;
mod conclusions;
mod curves;
mod groups;
mod hypotheses;
mod interaction;
mod parameters;
mod pictures;
mod power;
mod published;
mod words;

pub use all::{Analysed, write_all};
pub use answer::{Direction, answer_in_words, known_answer, sample_answer, with_interval};
pub use bias::shape_bias;
pub use conclusions::{conclusions, differences_of, paired_differences, shared_pixels};
pub use curves::{by_model, curves, drops, means_by_model, overlap_by_model, ranking_by_model};
pub use groups::{Group, groups};
pub use interaction::{additivity, disagreeing, disagreement, fitted_line, interaction, plain_patches};
pub use parameters::{Additivity, Agreement, Amount, Baseline, Chance, Correction, Parameters, Region, Rule, Unit};
pub use power::power_by_size;
pub use published::published_tests;
pub use words::{measure_in_words, region_in_words, regions_in_words};

use polars::prelude::DataFrame;

use crate::error::{Code, Error, Result};
use crate::table::texts;
use hypotheses::PUBLISHED;

/// The two networks that a table compares (its column `model`): `resnet50` and `sin-resnet50`, which differ in their
/// training pictures alone, where both are there, else the first two; none where there are fewer.
///
/// ```
/// use polars::prelude::*;
///
/// let table = df!("model" => ["vgg16", "mine", "vgg16", "third"])?;
/// assert_eq!(lgf::analysis::pair_of(&table)?, Some(["vgg16".to_string(), "mine".to_string()]));
/// assert_eq!(lgf::analysis::pair_of(&table.head(Some(1)))?, None);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Table`] if there is no such column.
pub fn pair_of(table: &DataFrame) -> Result<Option<[String; 2]>> {
    Ok(pair_among(&distinct(&texts(table, "model")?)))
}

/// As [`pair_of`], where a comparison needs the two.
///
/// # Errors
/// [`Code::Model`] if there are fewer; [`Code::Table`] if there is no such column.
pub fn pair(table: &DataFrame) -> Result<[String; 2]> {
    pair_of(table)?.ok_or_else(|| Error::new(Code::Model, "two networks are compared here, and this study has fewer"))
}

fn pair_among(networks: &[String]) -> Option<[String; 2]> {
    if PUBLISHED.iter().all(|name| networks.iter().any(|other| other == name)) {
        return Some(PUBLISHED.map(String::from));
    }
    match networks {
        [first, second, ..] => Some([first.clone(), second.clone()]),
        _ => None,
    }
}

fn missing(network: &str) -> Error {
    Error::new(Code::Model, format!("no network {network} in the table"))
}

/// The different names, in the order in which they first come.
fn distinct(names: &[String]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        if !seen.contains(name) {
            seen.push(name.clone());
        }
    }
    seen
}
