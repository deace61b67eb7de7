//! The kinds of layer that networks are made of.

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

/// A tensor that a layer needs: its name in the checkpoint and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name, such as `layer1.0.conv1.weight`.
    pub name: String,
    /// Shape.
    pub shape: Vec<i64>,
    /// Whether training changes it by gradient (running statistics are not).
    pub trained: bool,
}

impl Layer {
    /// The tensors that the layer needs, in the order of torch's own `state_dict`.
    pub fn parameters(&self) -> Vec<Parameter> {
        let of = |key: &str, name: &str, shape: &[i64], trained| Parameter {
            name: format!("{key}.{name}"),
            shape: shape.to_vec(),
            trained,
        };
        match self {
            Layer::Conv { key, inputs, outputs, kernel, groups, bias, .. } => {
                let mut all = vec![of(key, "weight", &[*outputs, inputs / groups, *kernel, *kernel], true)];
                all.extend(bias.then(|| of(key, "bias", &[*outputs], true)));
                all
            }
            Layer::BatchNorm { key, channels } => vec![
                of(key, "weight", &[*channels], true),
                of(key, "bias", &[*channels], true),
                of(key, "running_mean", &[*channels], false),
                of(key, "running_var", &[*channels], false),
            ],
            Layer::Linear { key, inputs, outputs } => {
                vec![of(key, "weight", &[*outputs, *inputs], true), of(key, "bias", &[*outputs], true)]
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
}
