//! Networks as values: a graph of layers beside a table of weights, the families that they are of, checkpoints, the registry.
//!
//! A [`Network`] is a list of [`Node`]s in the order of the forward pass and the tensors that they name. What is made of it
//! is above: [`inference`](crate::inference) folds the list, [`relevance`](crate::relevance) walks it backwards. There are no
//! hooks and no training state in it.
//!
//! ```no_run
//! use lgf::models::Network;
//!
//! let network = Network::load("resnet50", "resnet50.safetensors")?;
//! println!("{}", network.summary(224)?.text());
//! # Ok::<(), lgf::Error>(())
//! ```

mod architecture;
mod checkpoint;
mod families;
mod fold;
mod layer;
mod network;
mod normalisation;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod program;
mod refused;
mod registry;
mod summary;
mod weights;

pub use architecture::Architecture;
pub use checkpoint::{Found, inspect, read_tensorflow, read_weights, write_weights};
pub use families::{Smoothing, architecture, architectures, is_mirrored, keep_symmetry, smoothing};
pub use fold::Form;
pub use layer::{
    Attention, BATCH_NORM_EPSILON, BatchStatistics, Layer, Node, Padding, Parameter, Part, Program, Role, Signals,
    Windows,
};
pub(crate) use layer::{padded, unmerged};
pub use network::{Loading, Network};
pub use normalisation::Normalisation;
pub use program::PROGRAM;
#[cfg(test)]
pub(crate) use program::tests as program_tests;
pub use registry::{Registry, RegistryEntry, RemoteFile};
pub use summary::{LayerSummary, sizes};
pub use weights::Weights;
