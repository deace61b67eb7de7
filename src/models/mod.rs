//! Networks as values: a graph of layers beside a table of weights, the zoo, checkpoints, inference.
//!
//! A [`Network`] is a list of [`Node`]s in the order of the forward pass and the tensors that they name. `forward`
//! folds the list; relevance walks it backwards with one exhaustive match over [`Layer`]. There are no hooks and no
//! training state in it.
//!
//! ```no_run
//! use lgf::models::{self, Device, Network};
//!
//! let network = Network::load("resnet50", "resnet50.safetensors", Device::auto()?)?;
//! println!("{}", network.summary(224)?.text());
//! # Ok::<(), lgf::Error>(())
//! ```

mod checkpoint;
mod choice;
mod device;
mod experiments;
#[cfg(test)]
pub(crate) mod finite;
mod fit;
mod foreign;
mod forward;
mod fused;
mod kernels;
mod lanes;
mod layer;
mod layout;
mod network;
mod normalise;
mod pickle;
mod predict;
#[cfg(test)]
#[path = "../../fuzz/probe.rs"]
mod probe;
mod registry;
mod render;
mod smoother;
mod tensorflow;
mod winograd;
mod workers;
mod zoo;

pub use checkpoint::{Found, Loading, inspect, read_weights, write_weights};
pub use device::Device;
pub use experiments::{
    Cues, Source, conflict_pictures, convert_all, load_all, load_networks, run_conflict, run_experiments,
    run_photographs, study_smoother, top_classes,
};
pub use forward::{Activations, BatchStatistics, Wanted};
pub(crate) use kernels::largest;
pub use layer::{Layer, Node, Parameter};
pub(crate) use network::BATCH_NORM_EPSILON;
pub use network::{Form, LayerSummary, Network, Precision, Weights, sizes};
pub use normalise::{Normalisation, Normalise, to_input};
pub(crate) use predict::finite_enough;
pub use predict::{
    Experiments, Keep, Picture, Prediction, Predictions, arg_max, logits, predict_all, predict_variants,
    prediction_table, softmax,
};
pub use registry::{Registry, RegistryEntry, RemoteFile};
pub use smoother::Eps;
pub use tensorflow::read_tensorflow;
pub(crate) use workers::halving;
pub use workers::on_workers;
pub use zoo::{Architecture, Block, Naming, ResNet, Residual, Vgg, architecture, architectures};
