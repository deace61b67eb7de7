//! Who decides: networks and people alike. Categories out of logits, decision files in the field's form, and the decisions of
//! all observers on the same pictures.
//!
//! The form is that of model-vs-human (Geirhos et al. 2021): a file an observer, a row a trial,
//! `subj,session,trial,rt,object_response,category,condition,imagename`.

mod file;
mod open;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod published;
mod scoring;
mod trials;

pub use file::{Decision, decision_file_name, read_decisions, read_folder, write_decisions};
pub use open::{OverviewRow, all_trials, overview, write_networks};
pub use published::{PublishedSet, published_set, published_sets};
pub use scoring::{Decided, Scores, Ties, decide};
pub use trials::{Answer, Observer, TrialPicture, Trials, decisions_of};
