//! The walk back through a network.

use tch::{Kind, Tensor};

use super::ledger::{Ledger, LedgerRow};
use super::linear::total;
use super::rule::{Composite, Rule};
use super::walk::{Shares, Walk};
use crate::error::{Code, Error, Result};
use crate::inference::{Engine, Wanted};
use crate::models::{Form, Layer, Node};
use crate::notebook::warn;
use crate::pixels::{Crop, HeatMap};

/// Relevance grows by more than this in a layer only where its divisors are next to nothing.
const BLOW_UP: f64 = 1e3;

/// Relevance of a batch, and where it went on the way.
#[derive(Debug)]
pub struct Explained {
    /// Relevance of every value of the pictures, `[n, 3, h, w]`, in the network's precision.
    pub relevance: Tensor,
    /// The logits of the same pass, `[n, classes]`.
    pub logits: Tensor,
    /// The class that was explained, of each picture.
    pub targets: Vec<usize>,
    /// One row a layer that relevance passed, from the head to the first; empty where it was not wanted.
    pub ledger: Vec<LedgerRow>,
}

/// Which classes are explained.
#[derive(Debug, Clone, Copy)]
pub enum Targets<'a> {
    /// The one of the highest logit, of each picture.
    Predicted,
    /// One a picture.
    Each(&'a [usize]),
}

impl Explained {
    /// One map a picture: relevance summed over the colour channels.
    ///
    /// # Errors
    /// [`Code::Numeric`] if a value is not finite.
    pub fn maps(&self) -> Result<Vec<HeatMap<Crop>>> {
        let summed = self.relevance.sum_dim_intlist([1i64].as_slice(), false, Kind::Float).to_device(tch::Device::Cpu);
        let size = summed.size();
        let flat = Vec::<f32>::try_from(summed.contiguous().view(-1))?;
        let plane = (size[1] * size[2]) as usize;
        flat.chunks_exact(plane)
            .map(|values| HeatMap::from_values(size[1] as u32, size[2] as u32, values.to_vec()))
            .collect()
    }
}

/// Relevance of `pictures` (`[n, 3, h, w]`, normalised) for one target class each, with its ledger. The network is in the
/// form that the composite asks for, and ends in logits, never in a softmax. A layer whose relevance grows a thousandfold is
/// warned of.
///
/// # Errors
/// [`Code::Parameter`] if the number of targets differs from the pictures' or a target is no output; [`Code::Model`]
/// for a layer that has no rule, naming it; [`Code::Numeric`] if logits or relevance are not finite, naming the layer where that
/// begins.
pub fn explain(network: &Engine, pictures: &Tensor, targets: &[usize], composite: &Composite) -> Result<Explained> {
    explain_with(network, pictures, Targets::Each(targets), composite, Ledger::Kept)
}

/// As [`explain`], for given or predicted classes, with or without the ledger.
///
/// # Errors
/// As [`explain`].
pub fn explain_with(
    network: &Engine,
    pictures: &Tensor,
    targets: Targets<'_>,
    composite: &Composite,
    ledger: Ledger,
) -> Result<Explained> {
    let _no_grad = tch::no_grad_guard();
    let nodes = network.nodes();
    let rules = rules_of(nodes, composite).or_else(|error| {
        // Batch normalisation whose merged numbers are not finite stays, and has no rule: that is not the reason.
        let norm = nodes.iter().find(|node| matches!(node.layer, Layer::BatchNorm { .. }));
        match norm.filter(|_| composite.form == Form::Folded) {
            Some(norm) if network.folded()?.nodes().len() == nodes.len() => {
                finite_logits(network, pictures, &network.forward(pictures)?)?;
                let found = format!("merged numbers of {} are not finite", network.name());
                Err(Error::new(Code::Numeric, found).place(format!("layer {}", norm.name)))
            }
            _ => Err(error),
        }
    })?;
    let activations = network.activations(pictures, &wanted(nodes, &rules))?;
    let logits = activations.logits()?.shallow_clone();
    finite_logits(network, pictures, &logits)?;
    let targets = match targets {
        Targets::Each(targets) => targets.to_vec(),
        Targets::Predicted => {
            Vec::<i64>::try_from(logits.argmax(1, false))?.into_iter().map(|best| best as usize).collect()
        }
    };
    let not_negative = not_negative(nodes);
    // Relevance of the output of each node (shifted by one: place 0 is the picture).
    let mut relevance: Vec<Option<Tensor>> = (0..=nodes.len()).map(|_| None).collect();
    relevance[nodes.len()] = Some(start(&logits, &targets)?);
    let mut rows = Vec::new();
    for (index, node) in nodes.iter().enumerate().rev() {
        let (Some(arrived), Some(rule)) = (relevance[index + 1].take(), rules[index]) else { continue };
        let walk = Walk { network, activations: &activations, composite, not_negative: &not_negative, ledger };
        let shares = walk
            .hand_on(index, node, rule, &arrived)
            .map_err(|error| error.or_place(|| format!("layer {}", node.name)))?;
        if ledger == Ledger::Kept {
            rows.push(met(network, node, rule, &arrived, &shares));
        }
        for (&input, share) in node.inputs.iter().zip(shares.inputs) {
            relevance[input] = Some(match relevance[input].take() {
                Some(mut other) => {
                    other += share;
                    other
                }
                None => share,
            });
        }
    }
    let relevance = relevance[0].take().ok_or_else(|| Error::new(Code::Model, "no layer reads the picture"))?;
    if !all_finite(&relevance) {
        if ledger == Ledger::NotKept {
            return explain_with(network, pictures, Targets::Each(&targets), composite, Ledger::Kept);
        }
        let first = rows.iter().find(|row| !row.magnitude_on.is_finite());
        let place = first.map_or(String::new(), |row| format!(" after layer {} ({})", row.layer, row.kind));
        return Err(Error::new(Code::Numeric, format!("relevance of {} is not finite{place}", network.name()))
            .hint("look at the ledger for the layer where it grows; raise the stabiliser"));
    }
    Ok(Explained { relevance, logits, targets, ledger: rows })
}

pub(super) fn all_finite(tensor: &Tensor) -> bool {
    tensor.isfinite().all().int64_value(&[]) == 1
}

/// Whether the logits `[n, classes]` of pictures are finite.
///
/// # Errors
/// [`Code::Numeric`] with the layer where that begins for the first picture of which they are not.
pub(crate) fn finite_logits(network: &Engine, pictures: &Tensor, logits: &Tensor) -> Result<()> {
    let picture = (0..logits.size()[0]).find(|&picture| !all_finite(&logits.narrow(0, picture, 1)));
    picture.map_or(Ok(()), |picture| Err(network.not_finite("logits", &pictures.narrow(0, picture, 1))))
}

/// Which places relevance reaches where gates are constants: not their branches.
pub(super) fn reached(nodes: &[Node]) -> Vec<bool> {
    let mut reached = vec![false; nodes.len() + 1];
    reached[nodes.len()] = true;
    for (index, node) in nodes.iter().enumerate().rev() {
        if reached[index + 1] {
            through(node, Rule::Pass).iter().for_each(|&input| reached[input] = true);
        }
    }
    reached
}

/// The inputs that a layer hands relevance on to.
pub(super) fn through(node: &Node, rule: Rule) -> &[usize] {
    match node.layer {
        Layer::Gate if rule == Rule::Pass => &node.inputs[..1],
        Layer::CutTo => &node.inputs[..1],
        _ => &node.inputs,
    }
}

/// The rule of each node that relevance reaches; `None` for the others.
///
/// # Errors
/// [`Code::Model`] for a layer that has none, naming it: the first from the head on.
pub(super) fn rules_of(nodes: &[Node], composite: &Composite) -> Result<Vec<Option<Rule>>> {
    let mut reached = vec![false; nodes.len() + 1];
    reached[nodes.len()] = true;
    let mut rules = vec![None; nodes.len()];
    for (index, node) in nodes.iter().enumerate().rev() {
        if reached[index + 1] {
            let rule = composite.rule_of(nodes, index)?;
            through(node, rule).iter().for_each(|&input| reached[input] = true);
            rules[index] = Some(rule);
        }
    }
    Ok(rules)
}

/// The outputs that the rules read.
fn wanted(nodes: &[Node], rules: &[Option<Rule>]) -> Wanted {
    let mut wanted = vec![false; nodes.len() + 1];
    for (index, node) in nodes.iter().enumerate() {
        let Some(rule) = rules[index] else { continue };
        let (inputs, output) = match (&node.layer, rule) {
            (_, Rule::Pass) | (Layer::Gate, _) => (false, false),
            (Layer::Conv { .. } | Layer::Linear { .. }, Rule::Epsilon(_) | Rule::RelativeEpsilon(_) | Rule::Z) => {
                (true, true)
            }
            (
                Layer::AveragePool { .. }
                | Layer::AverageWindow { .. }
                | Layer::BatchNorm { .. }
                | Layer::LayerNorm { .. }
                | Layer::Positions { .. },
                _,
            ) => (true, true),
            _ => (true, false),
        };
        if inputs {
            node.inputs.iter().for_each(|&input| wanted[input] = true);
        }
        wanted[index + 1] |= output;
    }
    wanted
}

/// Which outputs cannot be negative, by the layers that make them.
pub(super) fn not_negative(nodes: &[Node]) -> Vec<bool> {
    let mut known = vec![false; nodes.len() + 1];
    for (index, node) in nodes.iter().enumerate() {
        let inputs: Vec<bool> = node.inputs.iter().map(|&input| known[input]).collect();
        known[index + 1] = node.layer.is_not_negative(&inputs);
    }
    known
}

/// Relevance of the logits: the target's own value, 0 elsewhere.
fn start(logits: &Tensor, targets: &[usize]) -> Result<Tensor> {
    let (count, classes) = (logits.size()[0], logits.size()[1]);
    if targets.len() as i64 != count {
        return Err(Error::new(Code::Parameter, format!("{} targets for {count} pictures", targets.len())));
    }
    if let Some(target) = targets.iter().find(|&&target| target as i64 >= classes) {
        return Err(Error::new(Code::Parameter, format!("target {target} is not among the {classes} outputs"))
            .hint(format!("targets are numbers of outputs, from 0 to {}", classes - 1)));
    }
    let targets: Vec<i64> = targets.iter().map(|&target| target as i64).collect();
    let chosen = Tensor::from_slice(&targets).to_device(logits.device()).one_hot(classes).to_kind(logits.kind());
    Ok(logits * chosen)
}

/// What a layer met, said where its relevance grows beyond all measure.
fn met(network: &Engine, node: &Node, rule: Rule, arrived: &Tensor, shares: &Shares) -> LedgerRow {
    let row = LedgerRow {
        layer: node.name.clone(),
        kind: node.layer.kind().to_string(),
        rule,
        arrived: total(arrived),
        handed_on: shares.inputs.iter().map(total).sum(),
        bias: shares.bias,
        stabiliser: shares.stabiliser,
        magnitude: total(&arrived.abs()),
        magnitude_on: shares.inputs.iter().map(|share| total(&share.abs())).sum(),
    };
    if row.magnitude_on > BLOW_UP * row.magnitude && row.magnitude > 0.0 {
        warn(&format!(
            "relevance of {} grows {:.1e} times in layer {} ({}): its divisors are next to nothing",
            network.name(),
            row.magnitude_on / row.magnitude,
            row.layer,
            row.kind
        ));
    }
    row
}
