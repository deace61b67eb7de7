//! The kinds of layer that networks are made of, and all that one of them decides: its tensors, the size and the sign of what
//! it puts out, its forward form, and what relevance takes it for. A new layer is a variant here; what it lacks does not
//! compile.

mod attention;
mod operator;
mod padding;
mod places;
mod program;
mod shape;

pub use attention::{Attention, Signals, Windows};
pub use padding::Padding;
pub(crate) use places::{padded, unmerged};
pub use program::Program;

use super::weights::name_of;

/// What batch normalisation adds to the variance unless a network has another number (torch's default).
pub const BATCH_NORM_EPSILON: f64 = 1e-5;

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
#[derive(Debug, Clone, PartialEq)]
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
        padding: Padding,
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
        /// What is added to the variance.
        epsilon: f64,
    },
    /// Normalisation of each place by itself, over its features, which are the last side: `(x - mean) / deviation w + b`.
    LayerNorm {
        /// Beginning of the tensors' names.
        key: String,
        /// Features.
        features: i64,
        /// What is added to the variance.
        epsilon: f64,
    },
    /// A factor a channel, `[channels, 1, 1]`: layer scale.
    Scale {
        /// The tensor's name.
        key: String,
        /// Channels.
        channels: i64,
    },
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x / (1 + exp(-x))`.
    Silu,
    /// `x` times the normal distribution up to it.
    Gelu,
    /// `x min(max(x + 3, 0), 6) / 6`.
    HardSwish,
    /// `1 / (1 + exp(-x))`; only inside a gate.
    Sigmoid,
    /// `min(max(x + 3, 0), 6) / 6`; only inside a gate.
    HardSigmoid,
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
    /// Mean of a square window that lies within the input.
    AverageWindow {
        /// Side of the window.
        kernel: i64,
        /// Step.
        stride: i64,
    },
    /// `[n, c, h, w]` to `[n, c h w]`.
    Flatten,
    /// `[n, c, h, w]` to `[n, h, w, c]`.
    ChannelsLast,
    /// `[n, h, w, c]` to `[n, c, h, w]`.
    ChannelsFirst,
    /// `[n, c, h, w]` to `[n, h w, c]`: a token a place.
    Tokens,
    /// A learned token before the others: `[n, t, c]` to `[n, t + 1, c]`.
    ClassToken {
        /// The tensor's name, of shape `[1, 1, c]`.
        key: String,
        /// Features of a token.
        features: i64,
    },
    /// A learned number a token and feature, added.
    Positions {
        /// The tensor's name, of shape `[1, tokens, features]`.
        key: String,
        /// Tokens, the class token counted.
        tokens: i64,
        /// Features of a token.
        features: i64,
    },
    /// The class token alone: `[n, t, c]` to `[n, c]`.
    FirstToken,
    /// Self-attention of tokens `[n, t, 3 c]`, or of places `[n, h, w, 3 c]` in windows: query, key and value of each.
    Attention(Attention),
    /// Squares of two by two places as one, `[n, h, w, c]` to `[n, h / 2, w / 2, 4 c]`; zeros where a side is odd.
    MergePatches,
    /// Fully connected, over the last side: `[out, in]`, and a bias.
    Linear {
        /// Beginning of the tensors' names.
        key: String,
        /// Features in.
        inputs: i64,
        /// Features out.
        outputs: i64,
        /// Whether it has a bias.
        bias: bool,
    },
    /// Sum of two inputs of one shape.
    Add,
    /// Its inputs one after another along the channels.
    Concat,
    /// The first input cut at its lower and right ends to the size of the second, whose values it does not read.
    CutTo,
    /// A program of which nothing is known but what comes out: logits of pictures.
    Program(Program),
    /// First input (signal) times second input (gate, `[n, c, 1, 1]`): squeeze and excitation.
    Gate,
}

/// One layer at its place in the graph.
#[derive(Debug, Clone, PartialEq)]
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
    /// A tensor of its own name: a factor, a token, positions.
    Own,
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
            Part::Own => return Parameter { name: key.to_string(), shape: shape.to_vec(), part },
        };
        Parameter { name: name_of(key, name), shape: shape.to_vec(), part }
    }

    /// Whether training changes it by gradient (running statistics are not).
    pub(crate) fn is_trained(&self) -> bool {
        matches!(self.part, Part::Weight | Part::Bias | Part::Own)
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
    /// The same for each place, by its own deviation.
    LayerNorm,
    /// A learned summand.
    Positions,
    /// Mixes what other places have, by shares that it makes of them.
    Attention,
    /// Shares relevance in proportion.
    AveragePool,
    /// Gives relevance to whatever won.
    MaxPool,
    /// Shares relevance among its inputs in proportion.
    Add,
    /// Gives all relevance to its first input.
    Gate,
    /// Value by value, or another order or shape alone: relevance passes.
    Activation,
    /// An activation that only a gate's branch may have.
    GateActivation,
    /// What relevance does not go through.
    Shares,
    /// What has no layers that relevance could go through.
    Program,
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
            Layer::BatchNorm { key, channels, .. } => vec![
                of(key, Part::Weight, &[*channels]),
                of(key, Part::Bias, &[*channels]),
                of(key, Part::Mean, &[*channels]),
                of(key, Part::Variance, &[*channels]),
            ],
            Layer::LayerNorm { key, features, .. } => {
                vec![of(key, Part::Weight, &[*features]), of(key, Part::Bias, &[*features])]
            }
            Layer::Scale { key, channels } => vec![of(key, Part::Own, &[*channels, 1, 1])],
            Layer::Linear { key, inputs, outputs, bias } => {
                let mut all = vec![of(key, Part::Weight, &[*outputs, *inputs])];
                all.extend(bias.then(|| of(key, Part::Bias, &[*outputs])));
                all
            }
            Layer::ClassToken { key, features } => vec![of(key, Part::Own, &[1, 1, *features])],
            Layer::Positions { key, tokens, features } => vec![of(key, Part::Own, &[1, *tokens, *features])],
            Layer::Attention(attention) => {
                attention.table().map(|(key, shape)| of(key, Part::Own, &shape)).into_iter().collect()
            }
            Layer::Relu
            | Layer::Relu6
            | Layer::Silu
            | Layer::Gelu
            | Layer::HardSwish
            | Layer::Sigmoid
            | Layer::HardSigmoid
            | Layer::Tanh
            | Layer::Softmax
            | Layer::MaxPool { .. }
            | Layer::AveragePool { .. }
            | Layer::AverageWindow { .. }
            | Layer::Flatten
            | Layer::ChannelsLast
            | Layer::ChannelsFirst
            | Layer::Tokens
            | Layer::FirstToken
            | Layer::MergePatches
            | Layer::Add
            | Layer::Concat
            | Layer::CutTo
            | Layer::Program(_)
            | Layer::Gate => Vec::new(),
        }
    }

    /// The kind in a word or two, for tables.
    pub fn kind(&self) -> &'static str {
        match self {
            Layer::Conv { groups: 1, .. } => "convolution",
            Layer::Conv { inputs, groups, .. } if inputs == groups => "depthwise convolution",
            Layer::Conv { .. } => "grouped convolution",
            Layer::BatchNorm { .. } => "batch norm",
            Layer::LayerNorm { .. } => "layer norm",
            Layer::Scale { .. } => "layer scale",
            Layer::Relu => "ReLU",
            Layer::Relu6 => "ReLU6",
            Layer::Silu => "SiLU",
            Layer::Gelu => "GELU",
            Layer::HardSwish => "hard swish",
            Layer::Sigmoid => "sigmoid",
            Layer::HardSigmoid => "hard sigmoid",
            Layer::Tanh => "tanh",
            Layer::Softmax => "softmax",
            Layer::MaxPool { .. } => "max pool",
            Layer::AveragePool { .. } | Layer::AverageWindow { .. } => "average pool",
            Layer::Flatten => "flatten",
            Layer::ChannelsLast => "channels last",
            Layer::ChannelsFirst => "channels first",
            Layer::Tokens => "tokens",
            Layer::ClassToken { .. } => "class token",
            Layer::Positions { .. } => "positions",
            Layer::FirstToken => "first token",
            Layer::Attention(_) => "attention",
            Layer::MergePatches => "merging",
            Layer::Linear { .. } => "linear",
            Layer::Add => "add",
            Layer::Concat => "concatenation",
            Layer::CutTo => "cut",
            Layer::Program(_) => "program",
            Layer::Gate => "gate",
        }
    }

    /// What relevance takes it for.
    pub(crate) fn role(&self) -> Role {
        match self {
            Layer::Conv { .. } => Role::Convolution,
            Layer::Linear { .. } => Role::Linear,
            Layer::BatchNorm { .. } => Role::BatchNorm,
            Layer::LayerNorm { .. } => Role::LayerNorm,
            Layer::Positions { .. } => Role::Positions,
            Layer::Attention(_) => Role::Attention,
            Layer::AveragePool { .. } | Layer::AverageWindow { .. } => Role::AveragePool,
            Layer::MaxPool { .. } => Role::MaxPool,
            Layer::Add => Role::Add,
            Layer::Gate => Role::Gate,
            Layer::Relu
            | Layer::Relu6
            | Layer::Silu
            | Layer::Gelu
            | Layer::HardSwish
            | Layer::Tanh
            | Layer::Scale { .. }
            | Layer::Flatten
            | Layer::ChannelsLast
            | Layer::ChannelsFirst
            | Layer::Tokens
            | Layer::ClassToken { .. }
            | Layer::FirstToken
            | Layer::MergePatches
            | Layer::Concat
            | Layer::CutTo => Role::Activation,
            Layer::Sigmoid | Layer::HardSigmoid => Role::GateActivation,
            Layer::Softmax => Role::Shares,
            Layer::Program(_) => Role::Program,
        }
    }
}
