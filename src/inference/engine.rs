//! A network on a device: what inference and relevance run.

use std::ops::Deref;
use std::path::Path;

use super::device::Device;
use super::fused::channels_last;
use super::kernels::Cache;
use super::precision::Precision;
use crate::error::Result;
use crate::models::{Form, Network, Weights};

/// A network on a device, in a precision, with what was made of its kernels. It is read as the [`Network`] that it runs.
///
/// ```no_run
/// use lgf::inference::{Device, Engine};
///
/// let engine = Engine::load("resnet50", "resnet50.safetensors", Device::auto()?)?.folded()?;
/// assert_eq!(engine.classes(), 1000);
/// # Ok::<(), lgf::Error>(())
/// ```
#[derive(Debug)]
pub struct Engine {
    network: Network,
    device: Device,
    precision: Precision,
    threads: Threads,
    kernels: Cache,
}

/// How many threads libtorch works with in the thread that an engine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Threads {
    /// As many as it likes.
    Any,
    /// One: inference goes by kernels of its own.
    One,
}

impl Deref for Engine {
    type Target = Network;

    fn deref(&self) -> &Network {
        &self.network
    }
}

impl Engine {
    /// A network of 32-bit numbers, on a device.
    pub fn new(network: Network, device: Device) -> Self {
        let network = match network.is_program() {
            true => network,
            false => network.with_each(|tensor| tensor.to_device(device.tch())),
        };
        Engine { network, device, precision: Precision::Single, threads: Threads::Any, kernels: Cache::default() }
    }

    /// The network of an architecture's name with the weights of a checkpoint, on a device.
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn load(name: &str, checkpoint: impl AsRef<Path>, device: Device) -> Result<Self> {
        Ok(Engine::new(Network::load(name, checkpoint)?, device))
    }

    /// The same with another network, of the same device and precision.
    fn with(&self, network: Network) -> Self {
        Engine {
            network,
            device: self.device,
            precision: self.precision,
            threads: Threads::Any,
            kernels: Cache::default(),
        }
    }

    /// The same network under another name in tables, such as `sin-resnet50`.
    pub fn named(self, name: &str) -> Self {
        Engine { network: self.network.named(name), ..self }
    }

    /// The same layers with other numbers, as [`Network::with_weights`].
    ///
    /// # Errors
    /// As there.
    pub fn with_weights(&self, weights: Weights) -> Result<Self> {
        Ok(self.with(self.network.with_weights(weights)?))
    }

    /// The same network computing in other numbers; logits come out as 32-bit ones all the same.
    pub fn in_precision(self, precision: Precision) -> Self {
        let network = self.network.with_each(|tensor| tensor.to_kind(precision.kind()));
        Engine { precision, ..self.with(network) }
    }

    /// The same function in one of its forms.
    ///
    /// # Errors
    /// As [`Engine::folded`].
    pub fn in_form(self, form: Form) -> Result<Self> {
        match form {
            Form::Folded => self.folded(),
            Form::Plain => Ok(self),
        }
    }

    /// The same function with batch normalisation merged, as [`Network::folded`]. Kernels lie in memory with their channels
    /// last, which convolutions are faster with.
    ///
    /// # Errors
    /// As there.
    pub fn folded(&self) -> Result<Self> {
        Ok(self.with(self.network.folded()?.with_each(|tensor| channels_last(tensor.shallow_clone()))))
    }

    /// The same function in a form and a precision, merged in the finer of the two precisions. A program
    /// ([`Network::program`]) comes to its device here, and is tried there.
    ///
    /// # Errors
    /// As [`Engine::folded`] and [`Network::program`].
    pub fn prepared(self, form: Form, precision: Precision) -> Result<Self> {
        if self.network.is_program() {
            let network = self.network.placed(self.device.tch(), precision.kind())?;
            return Ok(Engine { precision, ..self.with(network) });
        }
        if precision == Precision::Double {
            self.in_precision(precision).in_form(form)
        } else {
            Ok(self.in_form(form)?.in_precision(precision))
        }
    }

    /// The same without its weights, which computes nothing: one of very many networks that shards ran.
    pub(super) fn without_weights(self) -> Result<Self> {
        Ok(Engine { network: self.network.without_weights()?, kernels: Cache::default(), ..self })
    }

    /// The network that it runs.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The numbers it computes in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The same once more, its tensors and what was made of its kernels shared: for another thread.
    pub fn shared(&self) -> Self {
        Engine { kernels: self.kernels.clone(), ..self.with(self.network.shared()) }
    }

    /// The same once more, for a thread that libtorch works with one thread in.
    pub(super) fn for_one_thread(&self) -> Self {
        Engine { threads: Threads::One, ..self.shared() }
    }

    /// Whether it is one of [`Engine::for_one_thread`].
    pub(super) fn is_for_one_thread(&self) -> bool {
        self.threads == Threads::One
    }

    /// What was made of its kernels.
    pub(super) fn kernels(&self) -> &Cache {
        &self.kernels
    }

    /// The same with running statistics that it shares with no other.
    pub(super) fn with_own_statistics(&self) -> Self {
        self.with(self.network.with_own_statistics())
    }
}
