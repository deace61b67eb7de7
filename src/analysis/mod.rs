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
//! assert_eq!(lgf::store::floats(&bias, "shape_bias")?, [1.0 / 3.0]);
//! # Ok::<(), lgf::Error>(())
//! ```

mod all;
mod answer;
mod bias;
mod conclusions;
mod curves;
mod hypotheses;
mod interaction;
mod parameters;
mod pictures;
mod power;
mod published;

pub use all::{Analysed, write_all};
pub use answer::{Direction, known_answer, sample_answer};
pub use bias::shape_bias;
pub use conclusions::{conclusions, paired_differences, shared_pixels};
pub use curves::{by_model, curves, drops, means_by_model, overlap_by_model, ranking_by_model};
pub use interaction::{additivity, disagreeing, disagreement, fitted_line, interaction, plain_patches};
pub use parameters::{Additivity, Agreement, Amount, Baseline, Chance, Correction, Parameters, Region, Rule, Unit};
pub use power::power_by_size;
pub use published::published_tests;

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
