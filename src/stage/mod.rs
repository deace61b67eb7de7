//! How steps are kept: one runner, with what is finished, what a stopped run goes on with, and what was skipped.
//!
//! A step is a function from an item to its rows and files. Its key is the hash of its inputs, its parameters and the code
//! that it uses; a step that is finished for the same key is read back.
//!
//! What came of each item is kept as it is finished, by each process in a file of its own. So a stopped run goes on, and so any
//! number of processes on any number of machines share out a step ([`Share`](crate::files::Share)): a shard does its items and
//! stops there; joining them is the same step once more, with every item there already.

mod code;
mod decided;
mod item;
mod parts;
mod piece;
mod plan;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod record;
mod step;

pub use code::Named;
pub(crate) use code::code_of;
pub use item::{Item, Made, Outcome, Portion};
pub use parts::{Parts, PartsFolder};
pub(crate) use parts::{begun_shards, list_parts_anew};
pub use piece::Piece;
pub(crate) use piece::sweep;
pub use plan::{PlanRow, StepPlan, plan_table};
pub use record::{Record, Summary};
pub use step::{Done, Step};
pub(crate) use step::{all_of, both};
