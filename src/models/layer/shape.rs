//! The size and the sign of what layers put out.

use super::{Layer, Node, Padding};

impl Layer {
    /// The shape of what it makes of inputs of their shapes, such as `[n, channels, height, width]`, `[n, features]` or
    /// `[n, tokens, features]`; a side below 1 where an input is too small for it, and nothing for one of other sides.
    pub fn size(&self, inputs: &[&[i64]]) -> Vec<i64> {
        let x = inputs[0];
        let Some(sides) = self.sides() else { return self.size_of_any(inputs) };
        if x.len() != sides {
            return Vec::new();
        }
        match self {
            Layer::Conv { outputs, kernel, stride, padding, .. } => {
                let side = |side: i64| windows(side, (*kernel, *stride, padding.of(side, *kernel, *stride)), false);
                vec![x[0], *outputs, side(x[2]), side(x[3])]
            }
            Layer::MaxPool { kernel, stride, padding, ceil } => {
                let side = |side: i64| windows(side, (*kernel, *stride, [*padding; 2]), *ceil);
                vec![x[0], x[1], side(x[2]), side(x[3])]
            }
            Layer::AverageWindow { kernel, stride } => {
                let side = |side: i64| windows(side, (*kernel, *stride, [0; 2]), false);
                vec![x[0], x[1], side(x[2]), side(x[3])]
            }
            Layer::AveragePool { side } => vec![x[0], x[1], *side, *side],
            Layer::ChannelsLast => vec![x[0], x[2], x[3], x[1]],
            Layer::ChannelsFirst => vec![x[0], x[3], x[1], x[2]],
            Layer::Tokens => vec![x[0], x[2] * x[3], x[1]],
            Layer::ClassToken { .. } => vec![x[0], x[1] + 1, x[2]],
            Layer::FirstToken => vec![x[0], x[2]],
            Layer::MergePatches => vec![x[0], (x[1] + 1) / 2, (x[2] + 1) / 2, 4 * x[3]],
            Layer::Gate | Layer::Scale { .. } | Layer::Positions { .. } => x.to_vec(),
            // Those of any number of sides are done above.
            _ => Vec::new(),
        }
    }

    /// How many sides its first input has; `None` where any number will do.
    fn sides(&self) -> Option<usize> {
        match self {
            Layer::Conv { .. }
            | Layer::MaxPool { .. }
            | Layer::AverageWindow { .. }
            | Layer::AveragePool { .. }
            | Layer::ChannelsLast
            | Layer::ChannelsFirst
            | Layer::Tokens
            | Layer::MergePatches
            | Layer::Scale { .. }
            | Layer::Gate => Some(4),
            Layer::ClassToken { .. } | Layer::FirstToken | Layer::Positions { .. } => Some(3),
            _ => None,
        }
    }

    fn size_of_any(&self, inputs: &[&[i64]]) -> Vec<i64> {
        let x = inputs[0];
        let with_last = |features: i64| [&x[..x.len() - 1], &[features]].concat();
        match self {
            Layer::Flatten => vec![x[0], x[1..].iter().product()],
            Layer::Program(program) => vec![x[0], program.classes()],
            Layer::Linear { outputs, .. } => with_last(*outputs),
            Layer::Attention(_) => with_last(x[x.len() - 1] / 3),
            Layer::Concat => {
                let mut size = x.to_vec();
                size[1] = inputs.iter().map(|input| input[1]).sum();
                size
            }
            Layer::CutTo => [&x[..2], &inputs[1][2..]].concat(),
            _ => x.to_vec(),
        }
    }

    /// Multiplications and additions, counted as pairs, for one picture's output of a shape without the batch.
    pub(crate) fn multiply_adds(&self, output: &[i64]) -> i64 {
        match self {
            Layer::Conv { inputs, kernel, groups, .. } => {
                output.iter().product::<i64>() * inputs / groups * kernel * kernel
            }
            Layer::Linear { inputs, .. } => output.iter().product::<i64>() * inputs,
            Layer::Attention(attention) => attention.multiply_adds(output),
            _ => 0,
        }
    }

    /// Whether nothing that it puts out can be negative, by whether its inputs can.
    pub(crate) fn is_not_negative(&self, inputs: &[bool]) -> bool {
        match self {
            Layer::Relu | Layer::Relu6 | Layer::Sigmoid | Layer::HardSigmoid | Layer::Softmax => true,
            // A pool's padding is never the largest.
            Layer::MaxPool { .. }
            | Layer::AveragePool { .. }
            | Layer::AverageWindow { .. }
            | Layer::Flatten
            | Layer::ChannelsLast
            | Layer::ChannelsFirst
            | Layer::Tokens
            | Layer::FirstToken
            | Layer::MergePatches
            | Layer::CutTo => inputs[0],
            Layer::Add | Layer::Gate | Layer::Concat => inputs.iter().all(|&input| input),
            Layer::Conv { .. }
            | Layer::Linear { .. }
            | Layer::BatchNorm { .. }
            | Layer::LayerNorm { .. }
            | Layer::Scale { .. }
            | Layer::Silu
            | Layer::Gelu
            | Layer::HardSwish
            | Layer::ClassToken { .. }
            | Layer::Positions { .. }
            | Layer::Attention(_)
            | Layer::Program(_)
            | Layer::Tanh => false,
        }
    }

    /// The largest size that a number of its output can have, by those of its inputs, which are finite; `None` where that hangs
    /// on its tensors, or on sums that it makes on the way.
    pub fn bound(&self, inputs: &[f64]) -> Option<f64> {
        match self {
            Layer::Relu
            | Layer::Silu
            | Layer::Gelu
            | Layer::MaxPool { .. }
            | Layer::AveragePool { .. }
            | Layer::AverageWindow { .. }
            | Layer::Flatten
            | Layer::ChannelsLast
            | Layer::ChannelsFirst
            | Layer::Tokens
            | Layer::FirstToken
            | Layer::MergePatches
            | Layer::HardSwish
            | Layer::CutTo => Some(inputs[0]),
            Layer::Relu6 => Some(inputs[0].min(6.0)),
            Layer::Sigmoid | Layer::HardSigmoid | Layer::Tanh | Layer::Softmax => Some(1.0),
            Layer::Add => Some(inputs[0] + inputs[1]),
            Layer::Gate => Some(inputs[0] * inputs[1]),
            Layer::Concat => inputs.iter().copied().reduce(f64::max),
            Layer::Conv { .. }
            | Layer::BatchNorm { .. }
            | Layer::LayerNorm { .. }
            | Layer::Scale { .. }
            | Layer::ClassToken { .. }
            | Layer::Positions { .. }
            | Layer::Attention(_)
            | Layer::Program(_)
            | Layer::Linear { .. } => None,
        }
    }
}

impl Node {
    /// The shape of what comes out, by the shapes of the picture and of what comes out of each node before.
    pub(crate) fn size(&self, sizes: &[Vec<i64>]) -> Vec<i64> {
        let inputs: Vec<&[i64]> = self.inputs.iter().map(|&input| &sizes[input][..]).collect();
        self.layer.size(&inputs)
    }
}

/// How many windows of `(kernel, stride, padding before and behind)` a side has.
fn windows(side: i64, (kernel, stride, [before, behind]): (i64, i64, [i64; 2]), ceil: bool) -> i64 {
    let room = side + before + behind - kernel;
    let steps = if ceil { (room + stride - 1).div_euclid(stride) } else { room.div_euclid(stride) };
    // A last window that would begin in the padding beyond the picture does not count.
    let inside = !ceil || steps * stride < side + before;
    if inside { steps + 1 } else { steps }
}

impl Padding {
    /// Zeros on each side, where that is one number for every input.
    pub(crate) fn even(self) -> Option<i64> {
        match self {
            Padding::Zeros(zeros) => Some(zeros),
            Padding::Same => None,
        }
    }
}
