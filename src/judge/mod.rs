//! Which map is good, and which metric knows it? Metrics of maps, judged by a truth that drawings have.
//!
//! On a drawing the truth is made: its outline alone is exchanged, its texture alone, its ground alone, and how far the logit
//! falls each time is what each is worth to a network ([`Effects`]). The relevance of a good map lies on them in the same shares.
//! So methods have a true order, and each [`Metric`] can be asked whether it puts them in that order ([`judge`]). Where there is no
//! such truth, [`choose`] takes the rules that a metric finds best on one half of the photographs, and tells what they are worth
//! on the other.
//!
//! ```no_run
//! use lgf::inference::{Device, Engine};
//! use lgf::judge::{self, Judging};
//!
//! let network = Engine::load("slim-resnet50", "data/models/resnet50.safetensors", Device::Cpu)?;
//! let verdict = judge::judge(&[network], &Judging::default())?;
//! for row in &verdict.metrics {
//!     println!("{}: {:.2} [{:.2}, {:.2}]", row.metric, row.correlation, row.low, row.high);
//! }
//! # Ok::<(), lgf::Error>(())
//! ```

mod asked;
mod choose;
mod evidence;
mod metric;
mod rows;
mod stage;
#[cfg(test)]
mod tests;
mod truth;
mod verdict;

pub use choose::{Choosing, candidates, choose};
pub use evidence::Judging;
pub use metric::{Metric, Share, Subject};
pub use rows::{ChoiceRow, EffectRow, FollowsRow, JudgedRow, MethodRow, MetricRow, ShareRow};
pub use stage::{judge_all, judged};
pub use truth::{Effects, Parts};
pub use verdict::{Verdict, judge};
