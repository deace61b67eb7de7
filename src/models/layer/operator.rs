//! What layers make of their inputs, by libtorch's plain operators.

use tch::Tensor;

use super::places::{merged, padded};
use super::{BatchStatistics, Layer, Node};
use crate::error::{Code, Error, Result};
use crate::models::refused::{TchResult, is_out_of_memory};
use crate::models::weights::{Weights, named, tensor};

/// The share of a new batch in the running statistics (torch's default).
const BATCH_NORM_MOMENTUM: f64 = 0.1;

impl Layer {
    fn operator(&self, weights: &Weights, inputs: &[&Tensor], statistics: BatchStatistics) -> Result<TchResult> {
        let x = inputs[0];
        Ok(match self {
            Layer::Conv { key, kernel, stride, padding, groups, bias, .. } => {
                let offset = if *bias { Some(tensor(weights, key, "bias")?) } else { None };
                let weight = tensor(weights, key, "weight")?;
                match padding.even() {
                    Some(zeros) => x.f_conv2d(weight, offset, [*stride; 2], [zeros; 2], [1, 1], *groups),
                    None => padded(x, padding.around(&x.size(), *kernel, *stride))
                        .and_then(|x| x.f_conv2d(weight, offset, [*stride; 2], [0; 2], [1, 1], *groups)),
                }
            }
            Layer::BatchNorm { key, epsilon, .. } => x.f_batch_norm(
                Some(tensor(weights, key, "weight")?),
                Some(tensor(weights, key, "bias")?),
                Some(tensor(weights, key, "running_mean")?),
                Some(tensor(weights, key, "running_var")?),
                statistics == BatchStatistics::Batch,
                BATCH_NORM_MOMENTUM,
                *epsilon,
                true,
            ),
            Layer::LayerNorm { key, features, epsilon } => x.f_layer_norm(
                [*features],
                Some(tensor(weights, key, "weight")?),
                Some(tensor(weights, key, "bias")?),
                *epsilon,
                true,
            ),
            Layer::Linear { key, bias, .. } => {
                let offset = if *bias { Some(tensor(weights, key, "bias")?) } else { None };
                x.f_linear(tensor(weights, key, "weight")?, offset)
            }
            Layer::Scale { key, .. } => x.f_mul(named(weights, key)?),
            Layer::ClassToken { key, features } => named(weights, key)?
                .f_expand([x.size()[0], 1, *features], false)
                .and_then(|token| Tensor::f_cat(&[&token, x], 1)),
            Layer::Positions { key, .. } => x.f_add(named(weights, key)?),
            Layer::Attention(attention) => attention.forward(weights, x)?,
            other => other.without_tensors(inputs),
        })
    }

    /// The same for layers without numbers of their own.
    fn without_tensors(&self, inputs: &[&Tensor]) -> TchResult {
        let x = inputs[0];
        match self {
            Layer::Relu => x.f_relu(),
            Layer::Relu6 => x.f_clamp(0.0, 6.0),
            Layer::Silu => x.f_silu(),
            Layer::Gelu => x.f_gelu("none"),
            Layer::HardSwish => x.f_hardswish(),
            Layer::Sigmoid => x.f_sigmoid(),
            Layer::HardSigmoid => x.f_hardsigmoid(),
            Layer::Tanh => x.f_tanh(),
            Layer::Softmax => x.f_softmax(1, None),
            Layer::MaxPool { kernel, stride, padding, ceil } => {
                x.f_max_pool2d([*kernel; 2], [*stride; 2], [*padding; 2], [1, 1], *ceil)
            }
            Layer::AveragePool { side } => x.f_adaptive_avg_pool2d([*side; 2]),
            Layer::AverageWindow { kernel, stride } => {
                x.f_avg_pool2d([*kernel; 2], [*stride; 2], [0; 2], false, true, None)
            }
            Layer::Flatten => x.f_flatten(1, -1),
            Layer::ChannelsLast => x.f_permute([0, 2, 3, 1]),
            Layer::ChannelsFirst => x.f_permute([0, 3, 1, 2]),
            Layer::Tokens => x.f_flatten(2, 3).and_then(|x| x.f_transpose(1, 2)),
            Layer::FirstToken => x.f_select(1, 0),
            Layer::MergePatches => merged(x),
            Layer::Add => x.f_add(inputs[1]),
            Layer::Concat => Tensor::f_cat(inputs, 1),
            Layer::CutTo => {
                let size = inputs[1].size();
                x.f_narrow(2, 0, size[2]).and_then(|x| x.f_narrow(3, 0, size[3]))
            }
            Layer::Gate => x.f_mul(inputs[1]),
            Layer::Program(program) => program.forward(x),
            Layer::Conv { .. }
            | Layer::BatchNorm { .. }
            | Layer::LayerNorm { .. }
            | Layer::Linear { .. }
            | Layer::Scale { .. }
            | Layer::ClassToken { .. }
            | Layer::Positions { .. }
            | Layer::Attention(_) => Err(tch::TchError::Kind(format!("a {} has numbers of its own", self.kind()))),
        }
    }
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
