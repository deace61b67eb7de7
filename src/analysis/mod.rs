//! Tables to tables: what the predictions and overlaps say. Rows go in, rows or tables of declared rows come out. Nothing is
//! drawn here.
//!
//! ```
//! use lgf::analysis::{Parameters, Verdict, conclusions};
//! use lgf::study::Pair;
//! use lgf::table::PredictionRow;
//!
//! // Of a picture in another order of blocks and the picture itself, for twelve photographs and two networks.
//! let row = |image: usize, model: &str, level: i64, true_acc: f64| PredictionRow {
//!     file: format!("{image} {level}"), orig_file: format!("{image}"), model: model.into(), kind: "scrambled".into(),
//!     level, true_acc, ..PredictionRow::default()
//! };
//! let of = |image: usize| {
//!     let noise = image as f64 / 100.0;
//!     [row(image, "a", 0, 0.9), row(image, "a", 56, 0.7 + noise), row(image, "b", 0, 0.9), row(image, "b", 56, 0.3)]
//! };
//! let predictions: Vec<PredictionRow> = (0..12).flat_map(of).collect();
//! let found = conclusions(&predictions, &[], &[Pair::new("a", "b")], &Parameters::default())?;
//! let scrambled = found.iter().find(|row| row.conclusion == "scrambled pictures").unwrap();
//! assert_eq!((scrambled.verdict, scrambled.says.as_str()), (Verdict::First, "a falls less"));
//! # Ok::<(), lgf::Error>(())
//! ```

mod additivity;
mod all;
mod answer;
mod benchmark;
mod bias;
mod comparisons;
mod conclusion;
mod conclusions;
mod conditions;
mod configural;
mod consistency;
mod contrast;
mod critical_band;
mod curves;
mod differences;
mod disagreement;
mod distinct;
#[cfg(test)]
pub(crate) mod golden;
mod groups;
mod hypotheses;
mod kinds;
mod means;
mod measure;
mod missing;
mod moved;
mod named;
mod parameters;
mod patches;
mod pictures;
mod planner;
mod power;
mod published;
mod question;
mod relevance;
mod reliance;
mod shares;
mod statements;

pub(crate) use additivity::fitted_line;
pub use additivity::{AdditivityRow, LinePoint, additivity};
pub use all::{Analysed, ContentsRow, Made, Shows, write_all};
pub(crate) use answer::known_and_measured;
pub use answer::{
    AnswerInWordsRow, AnswerRow, Direction, Holds, answer_in_words, known_answer, sample_answer, with_interval,
};
pub use benchmark::{Benchmark, BenchmarkRow, ConsistencyDifferenceRow, benchmark};
pub use bias::{BiasDifferenceRow, PEOPLE, RULES, ShapeBiasRow, bias_differences, bias_pairs, shape_bias};
pub use comparisons::differences_of;
pub use conclusion::{ConclusionRow, Method, Quantity, Verdict};
pub use conclusions::conclusions;
pub use conditions::{ConditionRow, by_condition};
pub use configural::ConfiguralRow;
pub use consistency::{ConsistencyRow, MEAN, consistency};
pub use critical_band::{CriticalBandRow, critical_bands};
pub use curves::{CurveRow, curves, drops};
pub use disagreement::{DisagreementRow, disagreeing, disagreement};
pub use groups::{Group, edges_by_class, groups, pixels_on_edges, shares_by_region};
pub(crate) use means::localisation_by_model;
pub use means::{LocalisationMeanRow, MeanRow, OnEdges, RankedBy, by_model, overlap_by_model, ranking_by_model};
pub use measure::{Measure, Scored};
pub use moved::{AblationRow, Moved, Outcome};
pub use parameters::{
    Additivity, Agreement, Amount, Baseline, Bias, Chance, Correction, Matched, Observing, Parameters, Rule, Undefined,
    Unit,
};
pub use patches::{PatchRow, interaction, plain_patches};
pub use planner::{BiasPlan, Effort, KappaPlan, PlanRow, pictures_needed};
pub use power::{PowerRow, power_by_size};
pub use published::{PublishedRow, PublishedTest, published_tests};
pub use reliance::{
    Asked, BalanceRow, CutRow, EnduranceRow, FeatureCurveRow, PUBLISHED_RELIANCE, Reliance, RelianceDifferenceRow,
    RelianceRow, leanings, reliance, study_reliance,
};
pub use shares::{SharedRow, shared_pixels};
pub use statements::{feature_statements, statements};
