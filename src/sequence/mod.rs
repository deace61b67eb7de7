//! The whole sequence on a data root, step by step: what the notebooks and the command line do.
//!
//! ```no_run
//! let run = lgf::open()?;
//! for (name, step) in lgf::sequence::steps() {
//!     println!("{name}");
//!     step(&run)?;
//! }
//! # Ok::<(), lgf::Error>(())
//! ```

mod ablation;
mod run;

pub use run::{Inference, Pictures, Run, StepOf, TimeRow, boxes_of, open, steps};
