//! What one layer hands on: relevance of its output, to its inputs.

use tch::Tensor;

use super::ledger::Ledger;
use super::linear::{Given, LinearMap, quotient, total};
use super::rule::{Composite, Rule, Stabiliser};
use crate::error::{Code, Error, Result};
use crate::inference::{Activations, Engine};
use crate::models::{Attention, Layer, Node, unmerged};

/// What a layer hands on: one part an input.
pub(super) struct Shares {
    pub inputs: Vec<Tensor>,
    /// What a bias took, a learned token, or learned positions.
    pub bias: f64,
    pub stabiliser: f64,
}

impl Shares {
    fn plain(inputs: Vec<Tensor>) -> Self {
        Shares { inputs, bias: 0.0, stabiliser: 0.0 }
    }
}

/// A walk back through a network.
pub(super) struct Walk<'a> {
    pub network: &'a Engine,
    pub activations: &'a Activations,
    pub composite: &'a Composite,
    pub not_negative: &'a [bool],
    pub ledger: Ledger,
}

impl Walk<'_> {
    /// What the layer of a node hands on of what arrived.
    ///
    /// # Errors
    /// [`Code::Model`] for a rule that is not for a layer of its kind; [`Code::Numeric`] for divisors that are not finite.
    pub fn hand_on(&self, index: usize, node: &Node, rule: Rule, arrived: &Tensor) -> Result<Shares> {
        let unfit =
            || Error::new(Code::Model, format!("the rule {rule} is not for a layer of kind {}", node.layer.kind()));
        let done = match (&node.layer, rule) {
            (Layer::Conv { .. } | Layer::Linear { .. }, Rule::Pass | Rule::WinnerTakeAll | Rule::Norm) => None,
            (Layer::Conv { key, .. } | Layer::Linear { key, .. }, rule) => {
                Some(self.linear(index, node, key, rule, arrived)?)
            }
            (Layer::MaxPool { .. }, Rule::WinnerTakeAll) => Some(self.winner(node, arrived)?),
            (Layer::Attention(attention), rule) => self.attention(node, attention, rule, arrived)?,
            (Layer::BatchNorm { .. }, _) => self.batch_norm(index, node, rule, arrived)?,
            (Layer::Gate, Rule::Halves) => {
                let half = arrived * 0.5;
                let branch = half.sum_dim_intlist([2i64, 3].as_slice(), true, half.kind());
                Some(Shares::plain(vec![half, branch]))
            }
            (layer, Rule::Pass) => self.passed(node, layer, arrived)?,
            (layer, Rule::Norm | Rule::Epsilon(_) | Rule::Z) => {
                let stabiliser = if let Rule::Epsilon(epsilon) = rule {
                    Stabiliser::Add(epsilon)
                } else {
                    self.composite.stabiliser
                };
                self.in_proportion(index, node, layer, (arrived, stabiliser))?
            }
            _ => None,
        };
        done.ok_or_else(unfit)
    }

    /// Through kernels or a matrix.
    fn linear(&self, index: usize, node: &Node, key: &str, rule: Rule, arrived: &Tensor) -> Result<Shares> {
        let (map, first) = (LinearMap::of(self.network, &node.layer)?, node.inputs[0]);
        let given = Given {
            x: self.activations.at(first)?,
            bias: self.network.weight(key, "bias").ok(),
            output: self.activations.at(index + 1).ok(),
            arrived,
            not_negative: self.not_negative[first],
            stabiliser: self.composite.stabiliser,
            ledger: self.ledger == Ledger::Kept,
            along: if matches!(node.layer, Layer::Conv { .. }) { 1 } else { -1 },
        };
        let shared = map.share(rule, &given)?;
        Ok(Shares { inputs: vec![shared.share], bias: shared.bias, stabiliser: shared.stabiliser })
    }

    /// All to the input that won.
    fn winner(&self, node: &Node, arrived: &Tensor) -> Result<Shares> {
        let Layer::MaxPool { kernel, stride, padding, ceil } = node.layer else {
            return Err(Error::new(Code::Model, "no max pool"));
        };
        let x = self.activations.at(node.inputs[0])?;
        let (kernel, stride, padding) = ([kernel; 2], [stride; 2], [padding; 2]);
        let (_, winners) = x.f_max_pool2d_with_indices(kernel, stride, padding, [1, 1], ceil)?;
        let share = x.f_max_pool2d_with_indices_backward(arrived, kernel, stride, padding, [1, 1], ceil, &winners)?;
        Ok(Shares::plain(vec![share]))
    }

    /// Unchanged, in the order and shape of the inputs; `None` for layers that it does not pass so.
    fn passed(&self, node: &Node, layer: &Layer, arrived: &Tensor) -> Result<Option<Shares>> {
        let size = |input: usize| self.activations.size(node.inputs[input]);
        let one = match layer {
            Layer::Relu
            | Layer::Relu6
            | Layer::Silu
            | Layer::Gelu
            | Layer::HardSwish
            | Layer::Sigmoid
            | Layer::HardSigmoid
            | Layer::Tanh
            | Layer::Scale { .. }
            // The gate is a constant factor: all relevance goes to the signal, and the gate's own branch gets none.
            | Layer::Gate => arrived.shallow_clone(),
            Layer::Flatten => arrived.f_reshape(size(0))?,
            Layer::ChannelsLast => arrived.f_permute([0, 3, 1, 2])?,
            Layer::ChannelsFirst => arrived.f_permute([0, 2, 3, 1])?,
            Layer::Tokens => arrived.f_transpose(1, 2)?.f_reshape(size(0))?,
            Layer::MergePatches => {
                let share = unmerged(arrived, size(0))?;
                // Of a grid of odd sides some places lie beyond it.
                let beyond = self.ledger == Ledger::Kept && share.numel() < arrived.numel();
                let bias = if beyond { total(arrived) - total(&share) } else { 0.0 };
                return Ok(Some(Shares { inputs: vec![share], bias, stabiliser: 0.0 }));
            }
            Layer::CutTo => {
                let (whole, cut) = (size(0), arrived.size());
                arrived.f_constant_pad_nd([0, whole[3] - cut[3], 0, whole[2] - cut[2]])?
            }
            Layer::FirstToken => {
                let tokens = size(0)[1];
                arrived.f_unsqueeze(1)?.f_constant_pad_nd([0, 0, 0, tokens - 1])?
            }
            Layer::ClassToken { .. } => {
                let rest = arrived.f_narrow(1, 1, size(0)[1])?;
                let token = if self.ledger == Ledger::Kept { total(&arrived.f_narrow(1, 0, 1)?) } else { 0.0 };
                return Ok(Some(Shares { inputs: vec![rest], bias: token, stabiliser: 0.0 }));
            }
            Layer::Concat => {
                let mut from = 0;
                let parts = (0..node.inputs.len()).map(|input| {
                    let channels = size(input)[1];
                    from += channels;
                    Ok(arrived.f_narrow(1, from - channels, channels)?)
                });
                return Ok(Some(Shares::plain(parts.collect::<Result<_>>()?)));
            }
            _ => return Ok(None),
        };
        Ok(Some(Shares::plain(vec![one])))
    }

    /// As much to each input as it is of what came out; `None` for layers of which that cannot be said.
    fn in_proportion(
        &self,
        index: usize,
        node: &Node,
        layer: &Layer,
        (arrived, stabiliser): (&Tensor, Stabiliser),
    ) -> Result<Option<Shares>> {
        let x = || self.activations.at(node.inputs[0]);
        let z = || self.activations.at(index + 1);
        Ok(Some(match layer {
            Layer::AveragePool { .. } | Layer::AverageWindow { .. } => {
                let (map, x, z) = (LinearMap::of(self.network, layer)?, x()?, z()?);
                let quotient = quotient(arrived, z, stabiliser)?;
                let taken = self.taken(arrived, &quotient, z);
                Shares { inputs: vec![x * map.backward(&quotient, x)?], bias: 0.0, stabiliser: taken }
            }
            Layer::Add => {
                let (a, b) = (x()?, self.activations.at(node.inputs[1])?);
                let z = a + b;
                let mut quotient = quotient(arrived, &z, stabiliser)?;
                let taken = self.taken(arrived, &quotient, &z);
                let second = b * &quotient;
                quotient *= a;
                Shares { inputs: vec![quotient, second], bias: 0.0, stabiliser: taken }
            }
            Layer::Positions { .. } => {
                let quotient = quotient(arrived, z()?, stabiliser)?;
                let share = x()? * &quotient;
                let taken = self.taken(arrived, &quotient, z()?);
                let positions = if self.ledger == Ledger::Kept { total(arrived) - taken - total(&share) } else { 0.0 };
                Shares { inputs: vec![share], bias: positions, stabiliser: taken }
            }
            Layer::LayerNorm { key, features, epsilon } => {
                let (x, z) = (x()?, z()?);
                let quotient = quotient(arrived, z, stabiliser)?;
                // The deviation counts as a constant: what is left is a matrix, taking the mean off, and a factor.
                let (_, _, inverse) = x.f_native_layer_norm([*features], None::<&Tensor>, None::<&Tensor>, *epsilon)?;
                // Of 16-bit numbers a GPU gives it in 32 bits.
                let mut slope = &quotient * self.network.weight(key, "weight")? * inverse.to_kind(x.kind());
                slope -= slope.f_mean_dim([-1i64].as_slice(), true, slope.kind())?;
                self.with_bias(slope * x, (arrived, &quotient, z), (self.network.weight(key, "bias")?, -1))
            }
            _ => return Ok(None),
        }))
    }

    /// A share, and what bias and stabiliser took beside it.
    fn with_bias(
        &self,
        share: Tensor,
        (arrived, quotient, z): (&Tensor, &Tensor, &Tensor),
        (bias, along): (&Tensor, i64),
    ) -> Shares {
        if self.ledger == Ledger::NotKept {
            return Shares::plain(vec![share]);
        }
        let bias = if along == 1 { bias.view([1, -1, 1, 1]) } else { bias.shallow_clone() };
        Shares { inputs: vec![share], bias: total(&(quotient * bias)), stabiliser: self.taken(arrived, quotient, z) }
    }

    /// What attention hands on to queries, keys and values.
    fn attention(&self, node: &Node, attention: &Attention, rule: Rule, arrived: &Tensor) -> Result<Option<Shares>> {
        if !matches!(rule, Rule::Values | Rule::Halves) {
            return Ok(None);
        }
        let x = self.activations.at(node.inputs[0])?;
        let signals = attention.signals(self.network.weights(), x)?;
        let shares = signals.shares()?;
        let z = shares.f_matmul(&signals.value)?;
        let arrived = attention.parted(arrived)?;
        let quotient = quotient(&arrived, &z, self.composite.stabiliser)?;
        let taken = self.taken(&arrived, &quotient, &z);
        let mut values = shares.transpose(2, 3).f_matmul(&quotient)? * &signals.value;
        let (queries, keys) = if rule == Rule::Values {
            (values.zeros_like(), values.zeros_like())
        } else {
            values *= 0.5;
            // Relevance of the shares over the shares themselves, and through the softmax that of the scores over the scores.
            let mut slope = quotient.f_matmul(&signals.value.transpose(2, 3))? * &shares;
            let all = slope.f_sum_dim_intlist([3i64].as_slice(), true, slope.kind())?;
            slope -= shares * all;
            slope *= 0.25 * signals.scale();
            let queries = slope.f_matmul(&signals.key)? * &signals.query;
            (queries, slope.transpose(2, 3).f_matmul(&signals.query)? * &signals.key)
        };
        let share = attention.gathered([&queries, &keys, &values], &x.size())?;
        // Where windows reach beyond the picture, a bias stands: what it got is in no input.
        let beyond = self.ledger == Ledger::Kept && share.numel() < 3 * values.numel();
        let bias = if beyond { total(&queries) + total(&keys) + total(&values) - total(&share) } else { 0.0 };
        Ok(Some(Shares { inputs: vec![share], bias, stabiliser: taken }))
    }

    /// What a batch normalisation hands on by a rule; `None` for a rule that is not for it.
    fn batch_norm(&self, index: usize, node: &Node, rule: Rule, arrived: &Tensor) -> Result<Option<Shares>> {
        let Layer::BatchNorm { key, epsilon, .. } = &node.layer else { return Ok(None) };
        let part = |name: &str| Ok::<_, Error>(self.network.weight(key, name)?.view([1, -1, 1, 1]));
        if rule == Rule::Pass {
            return Ok(Some(Shares::plain(vec![arrived.shallow_clone()])));
        }
        let [slope, offset] = self.network.batch_norm_affine((key, *epsilon))?;
        let slope = slope.view([1, -1, 1, 1]);
        let (scale, shift, mean, variance) =
            (part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?);
        let (x, y) = (self.activations.at(node.inputs[0])?, self.activations.at(index + 1)?);
        let in_proportion = |stabiliser| {
            let quotient = quotient(arrived, y, stabiliser)?;
            Ok::<_, Error>(Some(self.with_bias(x * slope * &quotient, (arrived, &quotient, y), (&offset, 1))))
        };
        let share = match rule {
            Rule::Norm | Rule::Z => return in_proportion(self.composite.stabiliser),
            Rule::Epsilon(epsilon) => return in_proportion(Stabiliser::Add(epsilon)),
            Rule::FusedScale => {
                let root = (variance.square() + *epsilon).sqrt();
                let (k, b) = (scale / &root, shift - mean / &root);
                let raised = x.clamp_min(0.0);
                let part = |low: bool| {
                    let (k, b) =
                        if low { (k.clamp_max(0.0), b.clamp_max(0.0)) } else { (k.clamp_min(0.0), b.clamp_min(0.0)) };
                    let z = &raised * &k + b;
                    Ok::<_, Error>(k * quotient(arrived, &z, self.composite.stabiliser)?)
                };
                (part(false)? * 2.0 - part(true)?) * &raised
            }
            Rule::ShiftedOutput => {
                let z = (x - mean) * y;
                x * (y - shift) * quotient(arrived, &z, Stabiliser::Add(1e-7))?
            }
            _ => return Ok(None),
        };
        Ok(Some(Shares::plain(vec![share])))
    }

    fn taken(&self, arrived: &Tensor, quotient: &Tensor, z: &Tensor) -> f64 {
        if self.ledger == Ledger::Kept { total(arrived) - total(&(quotient * z)) } else { 0.0 }
    }
}
