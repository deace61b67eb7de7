//! Layer-wise relevance propagation: which pixels speak for a class, and which against it.
//!
//! Relevance starts as the logit of the target and walks the network value backwards. Rules are data: a [`Composite`]
//! says which [`Rule`] a kind of layer gets. Batch normalisation is merged into the convolution before it first
//! ([`crate::models::Network::folded`]); the gate of a squeeze-and-excitation block counts as a constant.
//!
//! ```no_run
//! use lgf::models::{Device, Network, Normalisation, to_input};
//! use lgf::relevance::{Composite, explain};
//!
//! let network = Network::load("resnet50", "resnet50.safetensors", Device::Cpu)?.folded()?;
//! let picture = lgf::pixels::imagenet_crop(&lgf::pixels::decode("tench.JPEG")?)?;
//! let input = to_input(&[picture], &Normalisation::imagenet(), network.device())?;
//! let explained = explain(&network, &input, &[0], &Composite::corrected())?;
//! let map = &explained.maps()?[0];
//! println!("{} of relevance, {} pixels in its positive region", map.sum(), map.positive_region().count());
//! # Ok::<(), lgf::Error>(())
//! ```
//!
//! Bach et al. 2015; Montavon et al. 2019, "Layer-wise relevance propagation: an overview".

mod engine;
mod rule;
mod stage;

pub use engine::{Explained, LedgerRow, explain, ledger_table};
pub use rule::{Composite, Rule};
pub use stage::{Parameters, Target, explain_all, ledger_of, map_of, write_npy};
