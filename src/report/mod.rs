//! The analysis as one page to read, and the figures of the thesis by their names.
//!
//! ```no_run
//! let run = lgf::open()?;
//! run.analyse()?;
//! println!("{}", run.report()?.display());
//! # Ok::<(), lgf::Error>(())
//! ```

mod ablation;
mod answers;
mod features;
mod figures;
mod frame;
mod judged;
mod page;
mod progress;
mod questions;
mod write;

pub use ablation::{ablation_figure, choices_figure, features_figure};
pub use figures::{Plate, Published, published_figures};
pub use progress::progress_page;
pub use write::write;
