//! What a data root is a study of: which photographs, annotations, classes and networks; which of these are compared.

mod categories;
mod classes;
mod describe;
mod pairs;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod root;
mod seen;
mod stimuli;

pub use categories::Categories;
pub use classes::ClassList;
pub(crate) use classes::short_name;
pub use describe::{Allow, Classes, Description, NetworkEntry};
pub use pairs::{PUBLISHED, Pair};
pub use root::{ContentRow, Study};
pub use seen::{Explained, Mapped, Seen, seen, spread};
pub use stimuli::{
    CUE_CONFLICT, DecisionFolder, Layout, NO_CONDITION, Stimulus, StimulusFolder, cue_category, cues, identity,
    list_stimuli,
};
