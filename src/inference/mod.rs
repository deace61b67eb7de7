//! How networks are executed: devices, precisions, kernels, threads, batches; and the steps that run them on a data root.
//!
//! An [`Engine`] is a [`Network`](crate::models::Network) on a device. Its forward pass drops what no layer reads any more, and
//! makes convolution, sum and ReLU in one where every sum is known to be finite.
//!
//! ```no_run
//! use lgf::inference::{Device, Engine, Normalise, logits};
//!
//! let engine = Engine::load("resnet50", "resnet50.safetensors", Device::auto()?)?.folded()?;
//! let rows = logits(&engine, &[lgf::pixels::crop_of("tench.JPEG")?], Normalise::AsTrained)?;
//! assert_eq!(rows[0].len(), 1000);
//! # Ok::<(), lgf::Error>(())
//! ```

mod convert;
mod device;
mod engine;
mod experiments;
mod finding;
#[cfg(test)]
pub(crate) mod finite;
mod forward;
mod fused;
mod input;
mod kept;
mod kernels;
mod lanes;
mod load;
mod logits;
mod observe;
mod photographs;
mod plan;
mod precision;
mod predict;
mod prediction;
mod rehearsal;
mod render;
mod rows;
mod settings;
mod smoother;
#[cfg(test)]
mod tests;
mod variants;
mod winograd;
mod workers;

pub use convert::{Conversion, ConvertedRow, convert_all};
pub use device::Device;
pub use engine::Engine;
pub use experiments::{Source, run_experiments, run_features};
pub use forward::{Activations, Wanted};
pub use input::{Normalise, to_input};
pub(crate) use kernels::largest;
pub use load::{load_all, load_network, load_networks};
pub(crate) use logits::arg_max;
pub use logits::{logits, softmax};
pub use observe::{observe, observed, scores_of};
pub use photographs::{run_photographs, taken_for, top_classes};
pub use precision::Precision;
pub use predict::{Experiments, Keep, Picture, predict_all};
pub(crate) use prediction::finite_enough;
pub use prediction::{Prediction, Predictions};
pub use rehearsal::{Rehearsal, RehearsedRow, Took};
pub use rows::scores;
pub(crate) use settings::{study_views, view_in, write_settings};
pub use smoother::Eps;
pub(crate) use smoother::study_smoother;
pub(crate) use workers::halving;
pub use workers::on_workers;
