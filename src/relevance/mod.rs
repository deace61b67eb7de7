//! Layer-wise relevance propagation: which pixels speak for a class, and which against it.
//!
//! Relevance starts as the logit of the target and walks the network value backwards. Rules are data: a [`Composite`]
//! says which [`Rule`] a kind of layer gets, and where. Batch normalisation is merged into the convolution before it first
//! ([`crate::models::Network::folded`]), or met by a rule of its own; the gate of a squeeze-and-excitation block counts as a
//! constant. A ledger tells for every layer what arrived, what was handed on, and what bias and stabiliser took.
//!
//! ```no_run
//! use lgf::inference::{Device, Engine, to_input};
//! use lgf::models::Normalisation;
//! use lgf::relevance::{Composite, explain};
//!
//! let network = Engine::load("resnet50", "resnet50.safetensors", Device::Cpu)?.folded()?;
//! let picture = lgf::pixels::crop_of("tench.JPEG")?;
//! let input = to_input(&[picture], &Normalisation::imagenet(), network.device())?;
//! let explained = explain(&network, &input, &[0], &Composite::corrected())?;
//! let map = &explained.maps()?[0];
//! println!("{} of relevance, {} pixels in its positive region", map.sum(), map.positive_region().count());
//! # Ok::<(), lgf::Error>(())
//! ```
//!
//! Beside it: gradients and other maps to set it against ([`baseline`]), and how good a map is ([`perturbation_curve`],
//! [`relevance_gain`], [`localisation`], [`randomised_layers`]; [`Method`] has them all under one name each).
//!
//! Bach et al. 2015; Montavon et al. 2019, "Layer-wise relevance propagation: an overview".

mod baselines;
mod engine;
mod ledger;
mod linear;
mod look;
mod maps;
mod method;
mod quality;
mod rule;
mod stage;
mod subject;
mod target;
mod terms;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod today;
mod walk;

pub use baselines::{Baseline, baseline};
pub(crate) use engine::finite_logits;
pub use engine::{Explained, Targets, explain, explain_with};
pub use ledger::{Account, Ledger, LedgerRow, ledger_table};
pub use look::maps_of;
pub use maps::{localise, map_of, write_npy};
pub use method::{Forms, Method};
pub(crate) use quality::rank_correlation;
pub use quality::{
    Copies, Cover, HiddenRow, Localisation, Occluder, Order, PICTURES_AT_A_TIME, RandomisedRow, Removal, Stability,
    accuracy_gain, area_under, localisation, perturbation_curve, randomised_layers, relevance_gain, single_deletion,
    stability, unlearned,
};
pub use rule::{Bias, Composite, Place, Rule, RuleRow, Stabiliser};
pub use stage::explain_all;
pub use subject::Subject;
pub use target::{Parameters, Target};
pub use terms::{TermRule, Terms};
