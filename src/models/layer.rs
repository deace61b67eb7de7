//! The kinds of layer that networks are made of, and all that one of them decides: its tensors, the size and the sign of what
//! it puts out, its forward form, and what relevance takes it for. A new layer is a variant here; what it lacks does not
//! compile.

use tch::Tensor;

use super::refused::is_out_of_memory;
use super::weights::{Weights, tensor};
use crate::error::{Code, Error, Result};

/// What batch normalisation adds to the variance (torch's default).
pub const BATCH_NORM_EPSILON: f64 = 1e-5;
/// The share of a new batch in the running statistics (torch's default).
const BATCH_NORM_MOMENTUM: f64 = 0.1;

/// Where batch normalisation takes mean and variance from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchStatistics {
    /// The running statistics of the checkpoint: inference.
    Running,
    /// The batch's own: training.
    Batch,
}

/// One kind of layer with everything but its numbers. `key` is the beginning of its tensors' names in a checkpoint,
/// such as `layer1.0.conv1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// Cross-correlation with square kernels: `[out, in / groups, kernel, kernel]`.
    Conv {
        /// Beginning of the tensors' names.
        key: String,
        /// Channels in.
        inputs: i64,
        /// Channels out.
        outputs: i64,
        /// Side of the kernel.
        kernel: i64,
        /// Step.
        stride: i64,
        /// Zeros around the input.
        padding: i64,
        /// Groups of channels that do not see each other.
        groups: i64,
        /// Whether it has a bias.
        bias: bool,
    },
    /// Batch normalisation with running statistics.
    BatchNorm {
        /// Beginning of the tensors' names.
        key: String,
        /// Channels.
        channels: i64,
    },
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + exp(-x))`; only inside a gate.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// Shares of `exp(x)` along the channels; relevance does not go through it.
    Softmax,
    /// Largest value of a square window.
    MaxPool {
        /// Side of the window.
        kernel: i64,
        /// Step.
        stride: i64,
        /// Padding, never the largest.
        padding: i64,
        /// Whether a window that is cut by the border counts (`ceil_mode`).
        ceil: bool,
    },
    /// Mean over windows such that the output is `side` x `side`.
    AveragePool {
        /// Side of the output.
        side: i64,
    },
    /// `[n, c, h, w]` to `[n, c h w]`.
    Flatten,
    /// Fully connected: `[out, in]` and a bias.
    Linear {
        /// Beginning of the tensors' names.
        key: String,
        /// Features in.
        inputs: i64,
        /// Features out.
        outputs: i64,
    },
    /// Sum of two inputs of one shape.
    Add,
    /// First input (signal) times second input (gate, `[n, c, 1, 1]`): squeeze and excitation.
    Gate,
}

/// One layer at its place in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The layer's name, as in the checkpoint where it has tensors.
    pub name: String,
    /// What it does.
    pub layer: Layer,
    /// Where its inputs come from: the number of an earlier node plus 1, or 0 for the picture.
    pub inputs: Vec<usize>,
}

/// What a tensor is to its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What inputs are multiplied with.
    Weight,
    /// What is added.
    Bias,
    /// The running mean of batch normalisation.
    Mean,
    /// Its running variance.
    Variance,
}

/// A tensor that a layer needs: its name in the checkpoint and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name, such as `layer1.0.conv1.weight`.
    pub name: String,
    /// Shape.
    pub shape: Vec<i64>,
    /// What it is to the layer.
    pub part: Part,
}

impl Parameter {
    fn new(key: &str, part: Part, shape: &[i64]) -> Self {
        let name = match part {
            Part::Weight => "weight",
            Part::Bias => "bias",
            Part::Mean => "running_mean",
            Part::Variance => "running_var",
        };
        Parameter { name: format!("{key}.{name}"), shape: shape.to_vec(), part }
    }

    /// Whether training changes it by gradient (running statistics are not).
    pub(crate) fn is_trained(&self) -> bool {
        matches!(self.part, Part::Weight | Part::Bias)
    }

    /// How many numbers it has.
    pub fn count(&self) -> i64 {
        self.shape.iter().product()
    }
}

/// What relevance takes a layer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Shares relevance by kernels.
    Convolution,
    /// Shares relevance by a matrix.
    Linear,
    /// A scale and a shift a channel.
    BatchNorm,
    /// Shares relevance in proportion.
    AveragePool,
    /// Gives relevance to whatever won.
    MaxPool,
    /// Shares relevance among its inputs in proportion.
    Add,
    /// Gives all relevance to its first input.
    Gate,
    /// Value by value, or another shape alone: relevance passes.
    Activation,
    /// An activation that only a gate's branch may have.
    GateActivation,
    /// What relevance does not go through.
    Shares,
}

impl Layer {
    /// The tensors that the layer needs, in the order of torch's own `state_dict`.
    pub fn parameters(&self) -> Vec<Parameter> {
        let of = Parameter::new;
        match self {
            Layer::Conv { key, inputs, outputs, kernel, groups, bias, .. } => {
                let mut all = vec![of(key, Part::Weight, &[*outputs, inputs / groups, *kernel, *kernel])];
                all.extend(bias.then(|| of(key, Part::Bias, &[*outputs])));
                all
            }
            Layer::BatchNorm { key, channels } => vec![
                of(key, Part::Weight, &[*channels]),
                of(key, Part::Bias, &[*channels]),
                of(key, Part::Mean, &[*channels]),
                of(key, Part::Variance, &[*channels]),
            ],
            Layer::Linear { key, inputs, outputs } => {
                vec![of(key, Part::Weight, &[*outputs, *inputs]), of(key, Part::Bias, &[*outputs])]
            }
            Layer::Relu
            | Layer::Sigmoid
            | Layer::Tanh
            | Layer::Softmax
            | Layer::MaxPool { .. }
            | Layer::AveragePool { .. }
            | Layer::Flatten
            | Layer::Add
            | Layer::Gate => Vec::new(),
        }
    }

    /// The kind in one word, for tables.
    pub fn kind(&self) -> &'static str {
        match self {
            Layer::Conv { .. } => "convolution",
            Layer::BatchNorm { .. } => "batch norm",
            Layer::Relu => "ReLU",
            Layer::Sigmoid => "sigmoid",
            Layer::Tanh => "tanh",
            Layer::Softmax => "softmax",
            Layer::MaxPool { .. } => "max pool",
            Layer::AveragePool { .. } => "average pool",
            Layer::Flatten => "flatten",
            Layer::Linear { .. } => "linear",
            Layer::Add => "add",
            Layer::Gate => "gate",
        }
    }

    /// What relevance takes it for.
    pub(crate) fn role(&self) -> Role {
        match self {
            Layer::Conv { .. } => Role::Convolution,
            Layer::Linear { .. } => Role::Linear,
            Layer::BatchNorm { .. } => Role::BatchNorm,
            Layer::AveragePool { .. } => Role::AveragePool,
            Layer::MaxPool { .. } => Role::MaxPool,
            Layer::Add => Role::Add,
            Layer::Gate => Role::Gate,
            Layer::Relu | Layer::Tanh | Layer::Flatten => Role::Activation,
            Layer::Sigmoid => Role::GateActivation,
            Layer::Softmax => Role::Shares,
        }
    }

    /// The shape of what it makes of an input of a shape `[n, channels, height, width]` or `[n, features]`; a side below 1
    /// where the input is too small for it.
    pub fn size(&self, input: &[i64]) -> Vec<i64> {
        match self {
            Layer::Conv { outputs, kernel, stride, padding, .. } => {
                let side = |side: i64| windows(side, (*kernel, *stride, *padding), false);
                vec![input[0], *outputs, side(input[2]), side(input[3])]
            }
            Layer::MaxPool { kernel, stride, padding, ceil } => {
                let side = |side: i64| windows(side, (*kernel, *stride, *padding), *ceil);
                vec![input[0], input[1], side(input[2]), side(input[3])]
            }
            Layer::AveragePool { side } => vec![input[0], input[1], *side, *side],
            Layer::Flatten => vec![input[0], input[1..].iter().product()],
            Layer::Linear { outputs, .. } => vec![input[0], *outputs],
            Layer::BatchNorm { .. }
            | Layer::Relu
            | Layer::Sigmoid
            | Layer::Tanh
            | Layer::Softmax
            | Layer::Add
            | Layer::Gate => input.to_vec(),
        }
    }

    /// Multiplications and additions, counted as pairs, for one picture's output of a shape without the batch.
    pub(crate) fn multiply_adds(&self, output: &[i64]) -> i64 {
        match self {
            Layer::Conv { inputs, kernel, groups, .. } => {
                output.iter().product::<i64>() * inputs / groups * kernel * kernel
            }
            Layer::Linear { inputs, outputs, .. } => inputs * outputs,
            Layer::BatchNorm { .. }
            | Layer::Relu
            | Layer::Sigmoid
            | Layer::Tanh
            | Layer::Softmax
            | Layer::MaxPool { .. }
            | Layer::AveragePool { .. }
            | Layer::Flatten
            | Layer::Add
            | Layer::Gate => 0,
        }
    }

    /// Whether nothing that it puts out can be negative, by whether its inputs can.
    pub(crate) fn is_not_negative(&self, inputs: &[bool]) -> bool {
        match self {
            Layer::Relu | Layer::Sigmoid | Layer::Softmax => true,
            // A pool's padding is never the largest.
            Layer::MaxPool { .. } | Layer::AveragePool { .. } | Layer::Flatten => inputs[0],
            Layer::Add | Layer::Gate => inputs.iter().all(|&input| input),
            Layer::Conv { .. } | Layer::Linear { .. } | Layer::BatchNorm { .. } | Layer::Tanh => false,
        }
    }

    /// The largest size that a number of its output can have, by those of its inputs, which are finite; `None` where that hangs
    /// on its tensors.
    pub fn bound(&self, inputs: &[f64]) -> Option<f64> {
        match self {
            Layer::Relu | Layer::MaxPool { .. } | Layer::AveragePool { .. } | Layer::Flatten => Some(inputs[0]),
            Layer::Sigmoid | Layer::Tanh | Layer::Softmax => Some(1.0),
            Layer::Add => Some(inputs[0] + inputs[1]),
            Layer::Gate => Some(inputs[0] * inputs[1]),
            Layer::Conv { .. } | Layer::BatchNorm { .. } | Layer::Linear { .. } => None,
        }
    }

    /// What it makes of its inputs, by libtorch's plain operator.
    fn operator(&self, weights: &Weights, inputs: &[&Tensor], statistics: BatchStatistics) -> Result<TchResult> {
        let x = inputs[0];
        Ok(match self {
            Layer::Conv { key, stride, padding, groups, bias, .. } => {
                let offset = if *bias { Some(tensor(weights, key, "bias")?) } else { None };
                let kernel = tensor(weights, key, "weight")?;
                x.f_conv2d(kernel, offset, [*stride; 2], [*padding; 2], [1, 1], *groups)
            }
            Layer::BatchNorm { key, .. } => x.f_batch_norm(
                Some(tensor(weights, key, "weight")?),
                Some(tensor(weights, key, "bias")?),
                Some(tensor(weights, key, "running_mean")?),
                Some(tensor(weights, key, "running_var")?),
                statistics == BatchStatistics::Batch,
                BATCH_NORM_MOMENTUM,
                BATCH_NORM_EPSILON,
                true,
            ),
            Layer::Relu => x.f_relu(),
            Layer::Sigmoid => x.f_sigmoid(),
            Layer::Tanh => x.f_tanh(),
            Layer::Softmax => x.f_softmax(1, None),
            Layer::MaxPool { kernel, stride, padding, ceil } => {
                x.f_max_pool2d([*kernel; 2], [*stride; 2], [*padding; 2], [1, 1], *ceil)
            }
            Layer::AveragePool { side } => x.f_adaptive_avg_pool2d([*side; 2]),
            Layer::Flatten => x.f_flatten(1, -1),
            Layer::Linear { key, .. } => {
                x.f_linear(tensor(weights, key, "weight")?, Some(tensor(weights, key, "bias")?))
            }
            Layer::Add => x.f_add(inputs[1]),
            Layer::Gate => x.f_mul(inputs[1]),
        })
    }
}

/// What libtorch answers.
type TchResult = std::result::Result<Tensor, tch::TchError>;

/// How many windows of `(kernel, stride, padding)` a side has.
fn windows(side: i64, (kernel, stride, padding): (i64, i64, i64), ceil: bool) -> i64 {
    let room = side + 2 * padding - kernel;
    let steps = if ceil { (room + stride - 1).div_euclid(stride) } else { room.div_euclid(stride) };
    // A last window that would begin in the padding beyond the picture does not count.
    let inside = !ceil || steps * stride < side + padding;
    if inside { steps + 1 } else { steps }
}

impl Node {
    /// What comes out of its layer, by libtorch's plain operator, for its inputs in their order.
    ///
    /// # Errors
    /// [`Code::Model`] with its name if a shape does not fit, [`Code::Checkpoint`] if a tensor is missing, [`Code::Memory`]
    /// without the memory.
    pub fn forward(&self, weights: &Weights, inputs: &[&Tensor], statistics: BatchStatistics) -> Result<Tensor> {
        let output = self.layer.operator(weights, inputs, statistics)?;
        output.map_err(|cause| self.refused(inputs[0], cause))
    }

    /// The error for what libtorch refuses to make of an input: memory that a device does not have is one thing, a shape that
    /// does not fit another.
    pub fn refused(&self, x: &Tensor, cause: tch::TchError) -> Error {
        if is_out_of_memory(&cause) {
            return Error::from(cause);
        }
        let found = format!("{} of an input of shape {:?} failed", self.layer.kind(), x.size());
        Error::new(Code::Model, found).place(format!("layer {}", self.name)).because(cause)
    }
}
