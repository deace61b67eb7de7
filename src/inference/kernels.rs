//! What inference knows of a network's kernels beside their numbers: how much each can enlarge what it reads, and, for
//! inference with one thread, the kernels laid out as that reads them. Made once, kept beside the weights, and shared by the
//! copies of a network that several threads have.
//!
//! oneDNN's fused ReLU makes 0 of what is not a number, and Winograd's transforms make no number of an infinite one, where the
//! plain operators keep the one and the other. So both are only for sums that cannot overflow, by [`Gain`]: the numbers that go
//! in are finite, and so is every sum on the way. Any other convolution goes by the plain operators, whose NaN and infinities
//! are libtorch's own.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tch::{Kind, Tensor};

use super::fused::{self, Convolution};
use super::winograd;
use crate::error::{Code, Error, Result};
use crate::models::{Layer, Network, Node};

/// The kernel of one convolution.
#[derive(Debug)]
pub(super) enum Kernel {
    /// For [`fused::convolve`], laid out as oneDNN reads it.
    Packed(Tensor),
    /// For [`winograd::convolve`].
    Winograd(Tensor),
}

impl Kernel {
    fn shared(&self) -> Self {
        match self {
            Kernel::Packed(kernel) => Kernel::Packed(kernel.shallow_clone()),
            Kernel::Winograd(kernel) => Kernel::Winograd(kernel.shallow_clone()),
        }
    }
}

/// By node; `None` for what is no convolution with a bias.
pub(super) type Kernels = Vec<Option<Kernel>>;

/// How much a convolution with a bias can enlarge what it reads: no sum of it, whole or in part, is farther from 0 than
/// `weights` times the largest size of an input, and `bias`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gain {
    /// The largest sum of the sizes of the weights of an output channel.
    weights: f64,
    /// The largest size of a bias.
    bias: f64,
}

impl Gain {
    fn of(kernel: &Tensor, bias: &Tensor) -> Result<Self> {
        let sums = kernel.f_abs()?.f_sum_dim_intlist([1i64, 2, 3].as_slice(), false, Kind::Double)?;
        Ok(Gain { weights: sums.f_max()?.double_value(&[]), bias: bias.f_abs()?.f_max()?.double_value(&[]) })
    }

    /// The largest size of what comes out, added to an `other` where there is one, of inputs of a size; `None` where it may
    /// be out of reach of the fast kernels.
    pub(super) fn bound(self, input: f64, other: f64) -> Option<f64> {
        // Not less than 1, so that a transformed kernel by itself is below the limit, too.
        within(self.weights * input.max(1.0) + self.bias + other)
    }
}

/// A bound on the size of numbers, if no sum under it overflows on the way: there is room for rounding, and for Winograd's
/// transforms, which enlarge by less than 5.7^2 (inputs) and 8.6^2 (outputs).
pub(super) fn within(bound: f64) -> Option<f64> {
    (bound < f64::from(f32::MAX) / 65536.0).then_some(bound)
}

/// The largest size of the numbers of a tensor; NaN if one of them is.
pub(crate) fn largest(tensor: &Tensor) -> Result<f64> {
    // What has its channels last would be laid out anew first.
    let plain = if tensor.dim() == 4 { tensor.f_permute([0, 2, 3, 1])? } else { tensor.shallow_clone() };
    let read = if plain.is_contiguous() { &plain } else { tensor };
    let (least, most) = read.f_aminmax(None, false)?;
    Ok(most.f_maximum(&least.f_neg()?)?.double_value(&[]))
}

/// What is made of one network's kernels, once it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Cache {
    kernels: Arc<Mutex<Option<Kernels>>>,
    gains: Arc<OnceLock<Vec<Option<Gain>>>>,
}

impl Cache {
    /// The gains of a network's convolutions, by node; `None` for what is no convolution with a bias.
    ///
    /// # Errors
    /// [`Code::Checkpoint`] if a tensor is missing, [`Code::Memory`] without the memory.
    pub(super) fn gains(&self, network: &Network) -> Result<&[Option<Gain>]> {
        if let Some(known) = self.gains.get() {
            return Ok(known);
        }
        let gain = |node: &Node| match &node.layer {
            Layer::Conv { key, bias: true, .. } => {
                Gain::of(network.weight(key, "weight")?, network.weight(key, "bias")?).map(Some)
            }
            _ => Ok(None),
        };
        let gains: Vec<Option<Gain>> = network.nodes().iter().map(gain).collect::<Result<_>>()?;
        Ok(self.gains.get_or_init(|| gains))
    }

    /// A network's kernels for pictures `[n, 3, h, w]`, made by the first thread that asks. They serve pictures of every size; of
    /// another one than the first, some may be laid out anew in each call. They take once (ResNeXt) to four times (VGG) the
    /// memory of the convolutions' weights, 190 MB for ResNet-50, as long as this lives.
    ///
    /// # Errors
    /// [`Code::Model`] with the layer that the pictures are too small for.
    pub(super) fn kernels(&self, network: &Network, pictures: &[i64]) -> Result<Kernels> {
        let mut made = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let kernels = match made.take() {
            Some(kernels) => kernels,
            None => make_kernels(network, pictures)?,
        };
        Ok(made.insert(kernels).iter().map(|kernel| kernel.as_ref().map(Kernel::shared)).collect())
    }
}

fn make_kernels(network: &Network, pictures: &[i64]) -> Result<Kernels> {
    let sizes = network.output_sizes(pictures)?;
    let make = |node: &Node| -> Result<Option<Kernel>> {
        let Layer::Conv { key, kernel: side, stride, padding, groups, bias: true, .. } = &node.layer else {
            return Ok(None);
        };
        let (kernel, bias) = (network.weight(key, "weight")?, network.weight(key, "bias")?);
        let size = &sizes[node.inputs[0]];
        // Uneven padding is laid around the input before.
        let [left, right, top, bottom] = padding.around(size, *side, *stride);
        let even = [right, top, bottom].iter().all(|zeros| *zeros == left);
        let size =
            &if even { size.clone() } else { vec![size[0], size[1], size[2] + top + bottom, size[3] + left + right] };
        let padding = if even { left } else { 0 };
        let how = Convolution { kernel, bias, stride: *stride, padding, groups: *groups };
        Ok(Some(if winograd::suits(&node.layer) {
            Kernel::Winograd(winograd::kernel_transform(kernel, size)?)
        } else {
            Kernel::Packed(fused::packed(how, size)?)
        }))
    };
    let named = |node: &Node, error: Error| match error.code() {
        Code::Memory => error,
        _ => Error::new(Code::Model, "its kernel cannot be laid out")
            .place(format!("layer {}", node.name))
            .because(error),
    };
    network.nodes().iter().map(|node| make(node).map_err(|error| named(node, error))).collect()
}
