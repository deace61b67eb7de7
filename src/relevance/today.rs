//! The layers of today's networks: each rule again, element by element, from the layer's formula; what relevance must keep
//! on its way through them; a rule for each layer of every family; pictures that do not see each other.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

use super::engine::{not_negative, rules_of};
use super::rule::could_be_merged;
use super::tests::{Dense, composites, numbers, sign, values};
use super::walk::{Shares, Walk};
use super::*;
use crate::error::{Code, Result};
use crate::inference::{Device, Engine, Precision};
use crate::models::{
    Architecture, Attention, BatchStatistics, Form, Layer, Network, Node, Padding, Part, Weights, Windows,
    architecture, architectures,
};

/// Layers, each of which reads the one before unless told, with the shapes of what they put out for one picture.
struct Graph {
    nodes: Vec<Node>,
    sizes: Vec<Vec<i64>>,
}

impl Graph {
    fn of([height, width]: [i64; 2]) -> Self {
        Graph { nodes: Vec::new(), sizes: vec![vec![1, 3, height, width]] }
    }

    fn put(&mut self, layer: Layer, inputs: &[usize]) -> usize {
        let name = format!("{} {}", layer.kind(), self.nodes.len());
        let node = Node { name, layer, inputs: inputs.to_vec() };
        self.sizes.push(node.size(&self.sizes));
        assert!(self.last_size().iter().all(|&side| side > 0), "{:?} in {:?}", node.layer, self.sizes);
        self.nodes.push(node);
        self.last()
    }

    fn then(&mut self, layer: Layer) -> usize {
        let last = self.last();
        self.put(layer, &[last])
    }

    fn last(&self) -> usize {
        self.nodes.len()
    }

    fn last_size(&self) -> &[i64] {
        self.sizes.last().unwrap()
    }

    fn key(&self) -> String {
        format!("l{}", self.nodes.len())
    }

    fn conv(&mut self, outputs: i64, (kernel, stride, padding): (i64, i64, Padding), groups: i64, bias: bool) -> usize {
        let (key, inputs) = (self.key(), self.last_size()[1]);
        self.then(Layer::Conv { key, inputs, outputs, kernel, stride, padding, groups, bias })
    }

    /// To another number of channels.
    fn channels(&mut self, outputs: i64) -> usize {
        self.conv(outputs, (1, 1, Padding::Zeros(0)), 1, true)
    }

    fn linear(&mut self, outputs: i64, bias: bool) -> usize {
        let (key, inputs) = (self.key(), *self.last_size().last().unwrap());
        self.then(Layer::Linear { key, inputs, outputs, bias })
    }

    fn layer_norm(&mut self) -> usize {
        let (key, features) = (self.key(), *self.last_size().last().unwrap());
        self.then(Layer::LayerNorm { key, features, epsilon: 1e-5 })
    }

    fn batch_norm(&mut self) -> usize {
        let (key, channels) = (self.key(), self.last_size()[1]);
        self.then(Layer::BatchNorm { key, channels, epsilon: 1e-3 })
    }

    fn scale(&mut self) -> usize {
        let (key, channels) = (self.key(), self.last_size()[1]);
        self.then(Layer::Scale { key, channels })
    }

    fn class_token(&mut self) -> usize {
        let (key, features) = (self.key(), self.last_size()[2]);
        self.then(Layer::ClassToken { key, features })
    }

    fn positions(&mut self) -> usize {
        let (key, tokens, features) = (self.key(), self.last_size()[1], self.last_size()[2]);
        self.then(Layer::Positions { key, tokens, features })
    }

    /// Attention of two heads; in windows of a side and a shift, where that is given, beyond whose input the bias of the layer
    /// before stands.
    fn attention(&mut self, windows: Option<(i64, i64)>) -> usize {
        let (table, beyond) = (self.key(), format!("l{}.bias", self.nodes.len() - 1));
        let windows = windows.map(|(side, shift)| Windows { side, shift, table, beyond });
        self.then(Layer::Attention(Attention { heads: 2, windows }))
    }

    /// A gate of the squeeze-and-excitation kind on the last output, with a hard sigmoid.
    fn gate(&mut self) -> usize {
        let (signal, channels) = (self.last(), self.last_size()[1]);
        self.then(Layer::AveragePool { side: 1 });
        self.channels(4);
        self.then(Layer::Relu);
        self.channels(channels);
        let gate = self.then(Layer::HardSigmoid);
        self.put(Layer::Gate, &[signal, gate])
    }

    fn head(&mut self) {
        self.then(Layer::AveragePool { side: 1 });
        self.then(Layer::Flatten);
        self.linear(5, true);
    }

    fn network(self, rng: &mut ChaCha8Rng) -> Engine {
        let weights = random_weights(&self.nodes, rng);
        let architecture = Architecture::new(self.nodes, 5);
        Engine::new(Network::new("today", &architecture, weights).unwrap(), Device::Cpu)
    }
}

/// Numbers of both signs, such that outputs stay of the size of inputs; variances that are positive.
fn random_weights(nodes: &[Node], rng: &mut ChaCha8Rng) -> Weights {
    let mut weights = Weights::new();
    for parameter in nodes.iter().flat_map(|node| node.layer.parameters()) {
        let fan = (parameter.count() / parameter.shape[0]) as f32;
        let values: Vec<f32> = (0..parameter.count())
            .map(|_| match parameter.part {
                Part::Variance => rng.random_range(0.5..1.5),
                Part::Weight if parameter.shape.len() > 1 => rng.random_range(-1.0..1.0) * 2.0 / fan.sqrt(),
                _ => rng.random_range(-1.0..1.0),
            })
            .collect();
        weights.insert(parameter.name, Tensor::from_slice(&values).view(&parameter.shape[..]));
    }
    weights
}

fn random_pictures(rng: &mut ChaCha8Rng, count: i64, [height, width]: [i64; 2]) -> Tensor {
    let size = [count, 3, height, width];
    Tensor::from_slice(&numbers(rng, size.iter().product::<i64>() as usize)).view(size)
}

fn near(found: &[f64], expected: &[f64], most: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(f64::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= most * largest, "{what}: {found} instead of {expected} at {at}");
    }
}

/// What one layer sees of one picture.
struct Seen<'a> {
    network: &'a Engine,
    layer: &'a Layer,
    inputs: Vec<Vec<f64>>,
    /// Shapes of the inputs, without the batch.
    sizes: Vec<Vec<usize>>,
    arrived: &'a [f64],
    /// What is added to divisors.
    s: f64,
}

/// What a formula makes of it.
struct Twin {
    output: Vec<f64>,
    inputs: Vec<Vec<f64>>,
    /// What bias and stabiliser took, where the formula says.
    taken: Option<[f64; 2]>,
}

/// Which rules are for a layer: the others are refused.
fn fits(layer: &Layer, rule: Rule) -> bool {
    match layer {
        Layer::Conv { .. } | Layer::Linear { .. } => !matches!(
            rule,
            Rule::Pass
                | Rule::WinnerTakeAll
                | Rule::Norm
                | Rule::Values
                | Rule::Halves
                | Rule::FusedScale
                | Rule::ShiftedOutput
        ),
        Layer::MaxPool { .. } => rule == Rule::WinnerTakeAll,
        Layer::Attention(_) => matches!(rule, Rule::Values | Rule::Halves),
        Layer::Gate => matches!(rule, Rule::Pass | Rule::Halves),
        Layer::BatchNorm { .. } => matches!(
            rule,
            Rule::Pass | Rule::Norm | Rule::Z | Rule::Epsilon(_) | Rule::FusedScale | Rule::ShiftedOutput
        ),
        Layer::AveragePool { .. }
        | Layer::AverageWindow { .. }
        | Layer::Add
        | Layer::LayerNorm { .. }
        | Layer::Positions { .. } => matches!(rule, Rule::Norm | Rule::Z | Rule::Epsilon(_)),
        Layer::Softmax => false,
        _ => rule == Rule::Pass,
    }
}

/// Every rule with numbers of its own.
fn rules() -> Vec<Rule> {
    let linear = composites().into_iter().flat_map(|composite| composite.rules).map(|(_, rule)| rule);
    let others = [
        Rule::Norm,
        Rule::Pass,
        Rule::Values,
        Rule::Halves,
        Rule::WinnerTakeAll,
        Rule::FusedScale,
        Rule::ShiftedOutput,
    ];
    let mut all: Vec<Rule> = Vec::new();
    for rule in linear.chain(others) {
        // Divisors next to nothing make more of rounding than what is compared.
        let tiny = matches!(rule, Rule::Epsilon(e) | Rule::RelativeEpsilon(e) if e < 0.01);
        if !tiny && !all.contains(&rule) {
            all.push(rule);
        }
    }
    all
}

impl Seen<'_> {
    fn numbers(&self, key: &str, part: &str) -> Option<Vec<f64>> {
        self.network.weight(key, part).ok().map(values)
    }

    /// The relevance of each input by a rule, from the formula; `None` for layers and rules that have their twins beside.
    fn twin(&self, rule: Rule) -> Option<Twin> {
        let (x, size) = (&self.inputs[0], &self.sizes[0]);
        match (self.layer, rule) {
            (_, Rule::FusedScale | Rule::ShiftedOutput | Rule::WinnerTakeAll) => None,
            (Layer::Attention(attention), rule) => Some(self.attention(attention, rule)),
            (Layer::Gate, rule) => {
                let plane = size[1] * size[2];
                let output = x.iter().enumerate().map(|(i, x)| x * self.inputs[1][i / plane]).collect();
                let mut inputs = vec![self.arrived.to_vec()];
                if rule == Rule::Halves {
                    inputs[0].iter_mut().for_each(|r| *r /= 2.0);
                    let mut branch = vec![0.0; size[0]];
                    self.arrived.iter().enumerate().for_each(|(i, r)| branch[i / plane] += r / 2.0);
                    inputs.push(branch);
                }
                Some(Twin { output, inputs, taken: Some([0.0; 2]) })
            }
            (layer, Rule::Pass) => self.passed(layer),
            (_, rule) => {
                let dense = self.matrix()?;
                let (output, last) = (dense.forward(x), size.len() - 1);
                let share = dense.share(rule, x, self.arrived, self.s, size[last] * size[last - 1]);
                let s = if let Rule::Epsilon(epsilon) = rule { epsilon } else { self.s };
                let taken = matches!(rule, Rule::Norm | Rule::Z | Rule::Epsilon(_)).then(|| {
                    let mut taken = [0.0; 2];
                    for ((z, r), bias) in output.iter().zip(self.arrived).zip(&dense.bias) {
                        let divisor = z + s * sign(*z);
                        taken[0] += bias * r / divisor;
                        taken[1] += s * sign(*z) * r / divisor;
                    }
                    taken
                });
                Some(Twin { output, inputs: vec![share], taken })
            }
        }
    }

    /// The layer as rows of numbers, what it counts as constant being so.
    fn matrix(&self) -> Option<Dense> {
        let (x, size) = (&self.inputs[0], &self.sizes[0]);
        let mut dense = Dense { rows: Vec::new(), seen: Vec::new(), bias: Vec::new(), shape: [0; 3] };
        let mut row = |entries: Vec<(usize, f64)>, bias: f64| {
            let mut row = vec![0.0; x.len()];
            entries.iter().for_each(|&(at, weight)| row[at] = weight);
            dense.rows.push(row);
            dense.seen.push(entries.into_iter().map(|(at, _)| at).collect());
            dense.bias.push(bias);
        };
        match self.layer {
            Layer::Conv { key, inputs, outputs, kernel, stride, padding, groups, .. } => {
                let (weight, bias) = (self.numbers(key, "weight")?, self.numbers(key, "bias"));
                let (k, step, per_group) = (*kernel as usize, *stride as usize, (inputs / groups) as usize);
                // How many outputs a side has, and zeros before it.
                let along = |side: usize| match padding {
                    Padding::Zeros(zeros) => ((side + 2 * *zeros as usize - k) / step + 1, *zeros as usize),
                    Padding::Same => {
                        let outputs = side.div_ceil(step);
                        (outputs, ((outputs - 1) * step + k).saturating_sub(side) / 2)
                    }
                };
                let ((rows, top), (cols, left)) = (along(size[1]), along(size[2]));
                for at in 0..*outputs as usize * rows * cols {
                    let (output, r, c) = (at / (rows * cols), at / cols % rows, at % cols);
                    let group = output / (outputs / groups) as usize;
                    let mut entries = Vec::new();
                    for inner in 0..per_group * k * k {
                        let (channel, kr, kc) = (inner / (k * k), inner / k % k, inner % k);
                        let (row, col) = (r * step + kr, c * step + kc);
                        if row >= top && col >= left && row - top < size[1] && col - left < size[2] {
                            let input = group * per_group + channel;
                            let place = (input * size[1] + row - top) * size[2] + col - left;
                            entries.push((place, weight[output * per_group * k * k + inner]));
                        }
                    }
                    row(entries, bias.as_ref().map_or(0.0, |bias| bias[output]));
                }
            }
            Layer::Linear { key, inputs, outputs, .. } => {
                let (weight, bias) = (self.numbers(key, "weight")?, self.numbers(key, "bias"));
                let inputs = *inputs as usize;
                for place in 0..x.len() / inputs {
                    for output in 0..*outputs as usize {
                        let entries =
                            (0..inputs).map(|input| (place * inputs + input, weight[output * inputs + input]));
                        row(entries.collect(), bias.as_ref().map_or(0.0, |bias| bias[output]));
                    }
                }
            }
            Layer::AverageWindow { kernel, stride } => {
                let (k, step) = (*kernel as usize, *stride as usize);
                let (rows, cols) = ((size[1] - k) / step + 1, (size[2] - k) / step + 1);
                for at in 0..size[0] * rows * cols {
                    let (channel, r, c) = (at / (rows * cols), at / cols % rows * step, at % cols * step);
                    let places = (0..k * k).map(|at| (channel * size[1] + r + at / k) * size[2] + c + at % k);
                    row(places.map(|place| (place, 1.0 / (k * k) as f64)).collect(), 0.0);
                }
            }
            Layer::LayerNorm { key, epsilon, .. } => {
                let (weight, bias) = (self.numbers(key, "weight")?, self.numbers(key, "bias")?);
                let n = weight.len();
                for place in 0..x.len() / n {
                    let own = &x[place * n..(place + 1) * n];
                    let mean = own.iter().sum::<f64>() / n as f64;
                    let variance = own.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64;
                    let deviation = (variance + epsilon).sqrt();
                    for j in 0..n {
                        let of = |i: usize| weight[j] / deviation * (f64::from(i == j) - 1.0 / n as f64);
                        row((0..n).map(|i| (place * n + i, of(i))).collect(), bias[j]);
                    }
                }
            }
            Layer::BatchNorm { key, epsilon, .. } => {
                let (weight, bias) = (self.numbers(key, "weight")?, self.numbers(key, "bias")?);
                let (mean, variance) = (self.numbers(key, "running_mean")?, self.numbers(key, "running_var")?);
                for at in 0..x.len() {
                    let c = at / (size[1] * size[2]);
                    let slope = weight[c] / (variance[c] + epsilon).sqrt();
                    row(vec![(at, slope)], bias[c] - slope * mean[c]);
                }
            }
            Layer::Positions { key, .. } => {
                values(&self.network.weights()[key])
                    .into_iter()
                    .enumerate()
                    .for_each(|(at, own)| row(vec![(at, 1.0)], own));
            }
            _ => return None,
        }
        Some(dense)
    }

    /// Layers that hand on what arrives as it is: where each of their outputs comes from.
    fn passed(&self, layer: &Layer) -> Option<Twin> {
        let x = &self.inputs[0];
        let mut share: Vec<Vec<f64>> = self.inputs.iter().map(|input| vec![0.0; input.len()]).collect();
        if *layer == Layer::CutTo {
            share.truncate(1);
        }
        if let Some(of) = self.value_by_value(layer) {
            let output = x.iter().enumerate().map(|(at, &x)| of(at, x)).collect();
            return Some(Twin { output, inputs: vec![self.arrived.to_vec()], taken: Some([0.0; 2]) });
        }
        let (mut output, mut taken) = (Vec::new(), 0.0);
        for (source, r) in self.sources(layer)?.into_iter().zip(self.arrived) {
            match source {
                Ok((input, place)) => {
                    output.push(self.inputs[input][place]);
                    share[input][place] += r;
                }
                Err(own) => {
                    output.push(own);
                    taken += r;
                }
            }
        }
        Some(Twin { output, inputs: share, taken: Some([taken, 0.0]) })
    }

    /// What a layer makes of a value at a place.
    fn value_by_value(&self, layer: &Layer) -> Option<Box<dyn Fn(usize, f64) -> f64>> {
        Some(match layer {
            Layer::Relu => Box::new(|_, x| x.max(0.0)),
            Layer::Relu6 => Box::new(|_, x| x.clamp(0.0, 6.0)),
            Layer::Silu => Box::new(|_, x| x / (1.0 + (-x).exp())),
            Layer::Gelu => Box::new(|_, x| x * (1.0 + error_function(x / 2f64.sqrt())) / 2.0),
            Layer::HardSwish => Box::new(|_, x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
            Layer::HardSigmoid => Box::new(|_, x| (x + 3.0).clamp(0.0, 6.0) / 6.0),
            Layer::Scale { key, .. } => {
                let (factors, plane) = (values(&self.network.weights()[key]), self.sizes[0][1] * self.sizes[0][2]);
                Box::new(move |at, x| x * factors[at / plane])
            }
            // Slope and shift by channel.
            Layer::BatchNorm { .. } => {
                let dense = self.matrix()?;
                Box::new(move |at, x| x * dense.rows[at][at] + dense.bias[at])
            }
            _ => return None,
        })
    }

    /// For each output the input and the place there that it is; or a number that comes from no input.
    fn sources(&self, layer: &Layer) -> Option<Vec<std::result::Result<(usize, usize), f64>>> {
        let (size, count) = (&self.sizes[0], self.inputs[0].len());
        let mut sources = Vec::new();
        match layer {
            Layer::Flatten => sources.extend((0..count).map(|at| Ok((0, at)))),
            Layer::ChannelsLast | Layer::Tokens => {
                let plane = size[1] * size[2];
                sources.extend((0..count).map(|at| Ok((0, at % size[0] * plane + at / size[0]))));
            }
            Layer::ChannelsFirst => {
                let plane = size[0] * size[1];
                sources.extend((0..count).map(|at| Ok((0, at % plane * size[2] + at / plane))));
            }
            Layer::ClassToken { key, .. } => {
                sources.extend(values(&self.network.weights()[key]).into_iter().map(Err));
                sources.extend((0..count).map(|at| Ok((0, at))));
            }
            Layer::FirstToken => sources.extend((0..size[1]).map(|at| Ok((0, at)))),
            Layer::MergePatches => {
                for (r, c) in (0..size[0]).step_by(2).flat_map(|r| (0..size[1]).step_by(2).map(move |c| (r, c))) {
                    for (r, c) in [(r, c), (r + 1, c), (r, c + 1), (r + 1, c + 1)] {
                        let inside = r < size[0] && c < size[1];
                        let place = |feature: usize| Ok((0, (r * size[1] + c) * size[2] + feature));
                        sources.extend((0..size[2]).map(|feature| if inside { place(feature) } else { Err(0.0) }));
                    }
                }
            }
            Layer::Concat => {
                let lengths = self.inputs.iter().map(Vec::len).enumerate();
                sources.extend(lengths.flat_map(|(input, length)| (0..length).map(move |at| Ok((input, at)))));
            }
            Layer::CutTo => {
                for channel in 0..size[0] {
                    let places = (0..self.sizes[1][1])
                        .flat_map(|r| (0..self.sizes[1][2]).map(move |c| (channel * size[1] + r) * size[2] + c));
                    sources.extend(places.map(|at| Ok((0, at))));
                }
            }
            _ => return None,
        }
        Some(sources)
    }

    /// Attention, place by place: by constant shares (CP-LRP), or with what goes through the softmax (AttnLRP).
    fn attention(&self, attention: &Attention, rule: Rule) -> Twin {
        let (x, size) = (&self.inputs[0], &self.sizes[0]);
        let all = size[size.len() - 1];
        let (features, heads) = (all / 3, attention.heads as usize);
        let d = features / heads;
        let scale = 1.0 / (d as f64).sqrt();
        let beyond = attention.windows.as_ref().map(|windows| values(&self.network.weights()[&windows.beyond]));
        let (mut outputs, mut share) = (vec![0.0; x.len() / 3], vec![0.0; x.len()]);
        let (mut outside, mut stabiliser) = (0.0, 0.0);
        for (window, head) in
            self.windows(attention).iter().flat_map(|window| (0..heads).map(move |head| (window, head)))
        {
            let n = window.places.len();
            let column = |part: usize, feature: usize| part * features + head * d + feature;
            let at = |i: usize, part: usize, feature: usize| match window.places[i] {
                Some(place) => x[place * all + column(part, feature)],
                None => beyond.as_ref().unwrap()[column(part, feature)],
            };
            let mut give = |i: usize, part: usize, feature: usize, r: f64| match window.places[i] {
                Some(place) => share[place * all + column(part, feature)] += r,
                None => outside += r,
            };
            let score = |i: usize, j: usize| {
                let product: f64 = (0..d).map(|f| at(i, 0, f) * at(j, 1, f)).sum();
                product * scale + window.offset[head][i][j]
            };
            for i in 0..n {
                let scores: Vec<f64> = (0..n).map(|j| score(i, j)).collect();
                let largest = scores.iter().fold(f64::MIN, |a, &b| a.max(b));
                let total: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
                let shares: Vec<f64> = scores.iter().map(|score| (score - largest).exp() / total).collect();
                // Nothing is asked of a place that is not there.
                let Some(place) = window.places[i] else { continue };
                let mut of_shares = vec![0.0; n];
                for f in 0..d {
                    let output: f64 = (0..n).map(|j| shares[j] * at(j, 2, f)).sum();
                    let own = place * features + head * d + f;
                    outputs[own] = output;
                    let arrived = self.arrived[own];
                    let divisor = output + self.s * sign(output);
                    stabiliser += self.s * sign(output) * arrived / divisor;
                    for j in 0..n {
                        let contribution = shares[j] * at(j, 2, f) * arrived / divisor;
                        if rule == Rule::Values {
                            give(j, 2, f, contribution);
                        } else {
                            give(j, 2, f, contribution / 2.0);
                            of_shares[j] += contribution / 2.0;
                        }
                    }
                }
                let through: f64 = of_shares.iter().sum();
                for j in (0..n).filter(|_| rule == Rule::Halves) {
                    let of_score = scores[j] * (of_shares[j] - shares[j] * through);
                    for f in 0..d {
                        let half = scale * at(i, 0, f) * at(j, 1, f) * of_score / scores[j] / 2.0;
                        give(i, 0, f, half);
                        give(j, 1, f, half);
                    }
                }
            }
        }
        Twin { output: outputs, inputs: vec![share], taken: Some([outside, stabiliser]) }
    }

    fn windows(&self, attention: &Attention) -> Vec<Window> {
        let (size, heads) = (&self.sizes[0], attention.heads as usize);
        let Some(windows) = &attention.windows else {
            let offset = vec![vec![vec![0.0; size[0]]; size[0]]; heads];
            return vec![Window { places: (0..size[0]).map(Some).collect(), offset }];
        };
        let (side, table) = (windows.side as usize, values(&self.network.weights()[&windows.table]));
        let outer = [0, 1].map(|axis| size[axis].div_ceil(side) * side);
        let shift = outer.map(|outer| if outer > side { windows.shift as usize } else { 0 });
        let corners = (0..outer[0]).step_by(side).flat_map(|r| (0..outer[1]).step_by(side).map(move |c| [r, c]));
        let one = |corner: [usize; 2]| {
            // Where a place of the window lies in the moved grid, and where in the picture's.
            let moved = |at: usize| [corner[0] + at / side, corner[1] + at % side];
            let own = |at: usize| [0, 1].map(|axis| (moved(at)[axis] + shift[axis]) % outer[axis]);
            let inside = |at: usize| {
                let [r, c] = own(at);
                (r < size[0] && c < size[1]).then_some(r * size[1] + c)
            };
            let n = side * side;
            let offset = |head: usize, i: usize, j: usize| {
                let apart = |of: &dyn Fn(usize) -> [usize; 2], axis: usize| of(i)[axis] as i64 - of(j)[axis] as i64;
                let [rows, cols] = [0, 1].map(|axis| (apart(&moved, axis) + side as i64 - 1) as usize);
                let number = table[(rows * (2 * side - 1) + cols) * heads + head];
                // Neighbours only since the grid was moved around its edge.
                let strangers = [0, 1].iter().any(|&axis| apart(&moved, axis) != apart(&own, axis));
                number - if strangers { 100.0 } else { 0.0 }
            };
            let of_head = |head: usize| (0..n).map(|i| (0..n).map(|j| offset(head, i, j)).collect()).collect();
            Window { places: (0..n).map(inside).collect(), offset: (0..heads).map(of_head).collect() }
        };
        corners.map(one).collect()
    }
}

/// Places that see each other; `None` beyond the input.
struct Window {
    places: Vec<Option<usize>>,
    /// What is added to scores: by head, by the place that looks, by the one that is looked at.
    offset: Vec<Vec<Vec<f64>>>,
}

/// By its series without cancellation (Abramowitz and Stegun 7.1.6).
fn error_function(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
}

/// A network whose last layer is looked at by itself, with what its layers put out for some pictures.
struct Alone {
    network: Engine,
    outputs: Vec<Tensor>,
}

impl Alone {
    fn of(network: &Engine, input: &Tensor) -> Self {
        let activations = network.activations(input, &vec![true; network.nodes().len() + 1]).unwrap();
        let outputs = (0..=network.nodes().len()).map(|place| activations.at(place).unwrap().copy()).collect();
        Alone { network: network.shared(), outputs }
    }

    fn node(&self) -> &Node {
        self.network.nodes().last().unwrap()
    }

    fn output(&self) -> &Tensor {
        self.outputs.last().unwrap()
    }

    fn hand_on(&self, rule: Rule, stabiliser: f64, arrived: &Tensor) -> Result<Shares> {
        let _no_grad = tch::no_grad_guard();
        let index = self.network.nodes().len() - 1;
        let activations = self.network.activations(&self.outputs[0], &vec![true; index + 2])?;
        let walk = Walk {
            network: &self.network,
            activations: &activations,
            composite: &Composite::named("alone").stabilised(Stabiliser::Add(stabiliser)),
            not_negative: &not_negative(self.network.nodes()),
            ledger: Ledger::Kept,
        };
        walk.hand_on(index, self.node(), rule, arrived)
    }

    fn seen<'a>(&'a self, picture: i64, arrived: &'a [f64], s: f64) -> Seen<'a> {
        let inputs: Vec<Tensor> =
            self.node().inputs.iter().map(|&input| self.outputs[input].select(0, picture)).collect();
        Seen {
            network: &self.network,
            layer: &self.node().layer,
            sizes: inputs.iter().map(|x| x.size().iter().map(|&side| side as usize).collect()).collect(),
            inputs: inputs.iter().map(values).collect(),
            arrived,
            s,
        }
    }

    /// Compares a layer with its twin by every rule that is for it, and sees the others refused.
    fn compare(&self, rng: &mut ChaCha8Rng) -> usize {
        let (count, size) = (self.outputs[0].size()[0], self.output().size());
        let each = size.iter().product::<i64>() as usize / count as usize;
        let mut compared = 0;
        for rule in rules() {
            // zB is for three channels.
            let channels = self.outputs[self.node().inputs[0]].size()[1];
            if matches!(rule, Rule::ZBox { .. }) && channels != 3 {
                continue;
            }
            let what = format!("{:?} {size:?} by {rule}", self.node().layer);
            let arrived: Vec<f64> = numbers(rng, each * count as usize);
            let found = self.hand_on(rule, 0.05, &Tensor::from_slice(&arrived).view(&size[..]));
            if !fits(&self.node().layer, rule) {
                assert_eq!(found.err().expect(&what).code(), Code::Model, "{what}");
                continue;
            }
            let found = found.expect(&what);
            let mut taken = Some([0.0; 2]);
            for (picture, arrived) in arrived.chunks(each).enumerate() {
                let Some(twin) = self.seen(picture as i64, arrived, 0.05).twin(rule) else {
                    taken = None;
                    break;
                };
                compared += 1;
                near(
                    &values(&self.output().select(0, picture as i64)),
                    &twin.output,
                    1e-12,
                    &format!("forward, {what}"),
                );
                assert_eq!(found.inputs.len(), twin.inputs.len(), "{what}");
                for (found, expected) in found.inputs.iter().zip(&twin.inputs) {
                    near(&values(&found.select(0, picture as i64)), expected, 1e-12, &what);
                }
                taken = taken.zip(twin.taken).map(|([a, b], [c, d])| [a + c, b + d]);
            }
            let magnitude: f64 = arrived.iter().map(|r| r.abs()).sum();
            if let Some([bias, stabiliser]) = taken {
                let size =
                    magnitude.max(found.inputs.iter().map(|share| values(&share.abs()).iter().sum::<f64>()).sum());
                assert!((found.bias - bias).abs() < 1e-11 * size, "{what}: bias {} instead of {bias}", found.bias);
                let off = (found.stabiliser - stabiliser).abs();
                assert!(off < 1e-11 * size, "{what}: stabiliser {} instead of {stabiliser}", found.stabiliser);
            }
        }
        compared
    }
}

/// Graphs that end in each of the layers, on inputs of both signs.
fn each_layer() -> Vec<Graph> {
    let mut all = Vec::new();
    let mut add = |picture: [i64; 2], make: &dyn Fn(&mut Graph)| {
        let mut graph = Graph::of(picture);
        make(&mut graph);
        all.push(graph);
    };
    // Uneven zeros, an even kernel, steps that leave places out; the picture itself; inputs that are not negative; groups.
    add([7, 6], &|graph| {
        graph.conv(6, (3, 2, Padding::Same), 3, true);
    });
    add([5, 7], &|graph| {
        graph.channels(4);
        graph.then(Layer::Relu6);
        graph.conv(4, (4, 2, Padding::Same), 1, true);
    });
    for (kernel, stride, groups) in [(2, 3, 2), (1, 2, 4), (5, 1, 4), (3, 3, 1)] {
        add([7, 5], &|graph| {
            graph.channels(4);
            graph.conv(4, (kernel, stride, Padding::Same), groups, kernel > 2);
        });
    }
    for (kernel, stride) in [(2, 2), (3, 1), (2, 3)] {
        add([5, 7], &|graph| {
            graph.channels(2);
            graph.then(Layer::AverageWindow { kernel, stride });
        });
    }
    for layer in [
        Layer::Relu,
        Layer::Relu6,
        Layer::Silu,
        Layer::Gelu,
        Layer::HardSwish,
        Layer::HardSigmoid,
        Layer::Flatten,
        Layer::ChannelsLast,
        Layer::Tokens,
        Layer::AveragePool { side: 2 },
        Layer::MaxPool { kernel: 2, stride: 2, padding: 0, ceil: true },
    ] {
        add([4, 3], &|graph| {
            graph.channels(4);
            graph.then(layer.clone());
        });
    }
    add([4, 3], &|graph| {
        graph.channels(4);
        graph.scale();
    });
    for picture in [[5, 4], [4, 4], [1, 3]] {
        add(picture, &|graph| {
            graph.channels(4);
            graph.then(Layer::ChannelsLast);
            graph.then(Layer::MergePatches);
        });
    }
    add([4, 3], &|graph| {
        graph.channels(4);
        graph.then(Layer::ChannelsLast);
        graph.then(Layer::ChannelsFirst);
    });
    for after in [Graph::class_token, Graph::positions, Graph::layer_norm] {
        add([2, 3], &|graph| {
            graph.channels(4);
            graph.then(Layer::Tokens);
            after(graph);
        });
    }
    add([2, 3], &|graph| {
        graph.channels(4);
        graph.then(Layer::Tokens);
        graph.then(Layer::FirstToken);
    });
    add([2, 3], &|graph| {
        graph.channels(4);
        graph.then(Layer::Tokens);
        graph.linear(5, true);
    });
    for bias in [true, false] {
        add([4, 2], &|graph| {
            graph.channels(4);
            graph.then(Layer::ChannelsLast);
            graph.layer_norm();
            graph.linear(6, bias);
        });
    }
    add([4, 2], &|graph| {
        graph.channels(4);
        graph.then(Layer::ChannelsLast);
        graph.layer_norm();
    });
    // Three to concatenate, one of them twice; batch normalisation that no convolution takes in.
    for norm in [false, true] {
        add([3, 4], &|graph| {
            let first = graph.channels(2);
            let second = graph.then(Layer::Silu);
            graph.put(Layer::Concat, &[first, second, first]);
            if norm {
                graph.batch_norm();
            }
        });
    }
    add([5, 7], &|graph| {
        let whole = graph.channels(2);
        let cut = graph.conv(3, (2, 1, Padding::Zeros(0)), 1, true);
        graph.put(Layer::CutTo, &[whole, cut]);
    });
    add([4, 3], &|graph| {
        let first = graph.channels(4);
        let second = graph.then(Layer::Gelu);
        graph.put(Layer::Add, &[first, second]);
    });
    add([4, 3], &|graph| {
        graph.channels(4);
        graph.gate();
    });
    all.extend(attentions());
    all
}

/// Attention of all tokens; of windows that reach beyond the grid, moved and not, along one side or both, and of a grid that
/// is no larger than one of them.
fn attentions() -> Vec<Graph> {
    let mut all = Vec::new();
    let mut tokens = Graph::of([2, 3]);
    tokens.channels(12);
    tokens.then(Layer::Tokens);
    tokens.attention(None);
    all.push(tokens);
    for (picture, side, shift) in
        [([5, 4], 2, 1), ([5, 4], 2, 0), ([4, 4], 2, 1), ([2, 5], 2, 1), ([2, 2], 2, 1), ([1, 2], 2, 1), ([5, 4], 3, 1)]
    {
        let mut graph = Graph::of(picture);
        graph.channels(12);
        graph.then(Layer::ChannelsLast);
        // Beyond the input stands the bias of the first layer.
        let windows = Windows { side, shift, table: "table".into(), beyond: "l0.bias".into() };
        graph.then(Layer::Attention(Attention { heads: 2, windows: Some(windows) }));
        all.push(graph);
    }
    all
}

#[test]
fn every_rule_equals_its_formula_on_each_layer() {
    let mut rng = ChaCha8Rng::seed_from_u64(101);
    let mut kinds = std::collections::BTreeSet::new();
    for graph in each_layer() {
        let size = [graph.sizes[0][2], graph.sizes[0][3]];
        let network = graph.network(&mut rng).in_precision(Precision::Double);
        for count in [1, 2] {
            // Some beyond 6, where ReLU6 and its kin are flat.
            let alone = Alone::of(&network, &(random_pictures(&mut rng, count, size) * 4.0));
            let compared = alone.compare(&mut rng);
            let old = matches!(alone.node().layer, Layer::Add | Layer::AveragePool { .. } | Layer::MaxPool { .. });
            assert!(old || compared > 0, "{:?}", alone.node().layer);
            kinds.extend((compared > 0).then(|| alone.node().layer.kind()));
        }
    }
    let expected = [
        "GELU",
        "ReLU",
        "ReLU6",
        "SiLU",
        "attention",
        "average pool",
        "batch norm",
        "channels first",
        "channels last",
        "class token",
        "concatenation",
        "convolution",
        "cut",
        "depthwise convolution",
        "first token",
        "flatten",
        "gate",
        "grouped convolution",
        "hard sigmoid",
        "hard swish",
        "layer norm",
        "layer scale",
        "linear",
        "merging",
        "positions",
        "tokens",
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);
}

/// Slopes by central differences.
fn slopes(x: &[f64], of: &dyn Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-5;
    let at = |i: usize, by: f64| {
        let mut moved = x.to_vec();
        moved[i] += by;
        of(&moved)
    };
    (0..x.len()).map(|i| (at(i, step) - at(i, -step)) / (2.0 * step)).collect()
}

/// LXT's form of AttnLRP: gradient times input, with a quarter of queries' and keys' and half of values' (Achtibat et al. 2024).
#[test]
fn attention_by_halves_is_gradient_times_input_in_quarters_and_halves() {
    let mut rng = ChaCha8Rng::seed_from_u64(102);
    for graph in attentions() {
        let picture = [graph.sizes[0][2], graph.sizes[0][3]];
        let network = graph.network(&mut rng).in_precision(Precision::Double);
        let alone = Alone::of(&network, &random_pictures(&mut rng, 1, picture));
        let (node, input, output) = (alone.node(), &alone.outputs[alone.node().inputs[0]], values(alone.output()));
        let arrived = numbers(&mut rng, output.len());
        let quotient: Vec<f64> = arrived.iter().zip(&output).map(|(r, z)| r / (z + 1e-3 * sign(*z))).collect();
        let summed = |x: &[f64]| {
            let x = Tensor::from_slice(x).view(&input.size()[..]);
            let output = values(&node.forward(network.weights(), &[&x], BatchStatistics::Running).unwrap());
            output.iter().zip(&quotient).map(|(z, quotient)| z * quotient).sum::<f64>()
        };
        let x = values(input);
        let part = |at: usize| if at % 12 < 8 { 0.25 } else { 0.5 };
        let expected: Vec<f64> =
            slopes(&x, &summed).iter().zip(&x).enumerate().map(|(at, (slope, x))| part(at) * slope * x).collect();
        let arrived = Tensor::from_slice(&arrived).view(&alone.output().size()[..]);
        let found = alone.hand_on(Rule::Halves, 1e-3, &arrived).unwrap();
        near(&values(&found.inputs[0]), &expected, 1e-7, &format!("{node:?}"));
    }
}

#[test]
fn layer_normalisation_is_gradient_times_input_with_its_deviation_held() {
    let mut rng = ChaCha8Rng::seed_from_u64(103);
    let mut graph = Graph::of([2, 3]);
    graph.channels(4);
    graph.then(Layer::Tokens);
    graph.layer_norm();
    let network = graph.network(&mut rng).in_precision(Precision::Double);
    let alone = Alone::of(&network, &random_pictures(&mut rng, 1, [2, 3]));
    let (x, output) = (values(&alone.outputs[2]), values(alone.output()));
    let (weight, bias) = (values(&network.weights()["l2.weight"]), values(&network.weights()["l2.bias"]));
    let mean = |token: &[f64]| token.iter().sum::<f64>() / 4.0;
    let deviations: Vec<f64> = x
        .chunks(4)
        .map(|token| (token.iter().map(|x| (x - mean(token)).powi(2)).sum::<f64>() / 4.0 + 1e-5).sqrt())
        .collect();
    let arrived = numbers(&mut rng, output.len());
    let summed = |x: &[f64]| {
        let mut sum = 0.0;
        for (at, x_at) in x.iter().enumerate() {
            let (token, feature) = (at / 4, at % 4);
            let own = (x_at - mean(&x[token * 4..token * 4 + 4])) / deviations[token] * weight[feature] + bias[feature];
            sum += own * arrived[at] / (output[at] + 1e-3 * sign(output[at]));
        }
        sum
    };
    let expected: Vec<f64> = slopes(&x, &summed).iter().zip(&x).map(|(slope, x)| slope * x).collect();
    let found = alone.hand_on(Rule::Norm, 1e-3, &Tensor::from_slice(&arrived).view([1, 6, 4])).unwrap();
    near(&values(&found.inputs[0]), &expected, 1e-7, "layer norm");
}

/// Depthwise convolutions, gates, concatenation, cuts: what convolutional networks of today have.
fn convolutional() -> Graph {
    let mut graph = Graph::of([21, 19]);
    graph.conv(8, (3, 2, Padding::Same), 1, false);
    graph.batch_norm();
    graph.then(Layer::HardSwish);
    graph.conv(8, (5, 1, Padding::Same), 8, true);
    let clipped = graph.then(Layer::Relu6);
    graph.channels(8);
    let soft = graph.then(Layer::Silu);
    graph.put(Layer::Concat, &[soft, clipped]);
    graph.batch_norm();
    graph.then(Layer::Relu);
    graph.channels(8);
    graph.then(Layer::HardSwish);
    graph.gate();
    let whole = graph.then(Layer::AverageWindow { kernel: 2, stride: 2 });
    let inner = graph.conv(8, (3, 1, Padding::Zeros(0)), 1, true);
    let cut = graph.put(Layer::CutTo, &[whole, inner]);
    graph.put(Layer::Add, &[inner, cut]);
    graph.head();
    graph
}

/// Attention on the last output and a sum with what was before, as transformers have it.
fn attentive(graph: &mut Graph, windows: Option<(i64, i64)>) {
    let (entry, width) = (graph.last(), *graph.last_size().last().unwrap());
    graph.layer_norm();
    graph.linear(3 * width, true);
    graph.attention(windows);
    let attended = graph.linear(width, true);
    graph.put(Layer::Add, &[attended, entry]);
}

/// A vision transformer.
fn tokens() -> Graph {
    let mut graph = Graph::of([8, 12]);
    graph.conv(8, (4, 4, Padding::Zeros(0)), 1, true);
    graph.then(Layer::Tokens);
    graph.class_token();
    graph.positions();
    attentive(&mut graph, None);
    let middle = graph.last();
    graph.layer_norm();
    graph.linear(16, true);
    graph.then(Layer::Gelu);
    let mixed = graph.linear(8, true);
    graph.put(Layer::Add, &[mixed, middle]);
    graph.layer_norm();
    graph.then(Layer::FirstToken);
    graph.linear(5, true);
    graph
}

/// A transformer of windows, with layer scale.
fn windows() -> Graph {
    let mut graph = Graph::of([10, 8]);
    graph.conv(8, (2, 2, Padding::Zeros(0)), 1, true);
    graph.then(Layer::ChannelsLast);
    graph.layer_norm();
    attentive(&mut graph, Some((2, 0)));
    attentive(&mut graph, Some((2, 1)));
    attentive(&mut graph, Some((3, 1)));
    graph.then(Layer::MergePatches);
    graph.layer_norm();
    graph.linear(12, false);
    attentive(&mut graph, Some((2, 1)));
    let entry = graph.then(Layer::ChannelsFirst);
    let scaled = graph.scale();
    graph.put(Layer::Add, &[scaled, entry]);
    graph.head();
    graph
}

/// What arrives in each layer is what is handed on and taken; and all of it together is what there was.
fn conserves(explained: &Explained, targets: &[usize], most: f64, what: &str) {
    for row in explained.ledger.iter().filter(|row| row.rule.accounts()) {
        assert!(row.unaccounted() < most, "{what}: {row:?}");
    }
    let start: f64 = targets
        .iter()
        .enumerate()
        .map(|(at, &target)| explained.logits.double_value(&[at as i64, target as i64]))
        .sum();
    let lost: f64 = explained.ledger.iter().map(|row| row.bias + row.stabiliser + row.elsewhere()).sum();
    let end = values(&explained.relevance).iter().sum::<f64>();
    let largest = explained.ledger.iter().fold(start.abs(), |size, row| size.max(row.magnitude).max(row.magnitude_on));
    assert!((start - lost - end).abs() < most * largest, "{what}: {start} less {lost} is not {end}");
    assert_eq!(explained.relevance.isfinite().all().int64_value(&[]), 1, "{what}");
}

/// The sizes of what the layers of a kind gave to bias, token, or positions.
fn took(explained: &Explained, kind: &str) -> f64 {
    let rows: Vec<&LedgerRow> = explained.ledger.iter().filter(|row| row.kind == kind).collect();
    assert!(!rows.is_empty(), "{kind}");
    rows.iter().map(|row| row.bias.abs()).sum()
}

#[test]
fn what_arrives_is_handed_on_or_taken_by_name_in_every_preset() {
    let mut rng = ChaCha8Rng::seed_from_u64(104);
    for (graph, which) in [(convolutional(), "convolutional"), (tokens(), "tokens"), (windows(), "windows")] {
        let input = random_pictures(&mut rng, 2, [graph.sizes[0][2], graph.sizes[0][3]]);
        let network = graph.network(&mut rng);
        for preset in Composite::presets() {
            let what = format!("{which}, {}", preset.name);
            let network = network.shared().prepared(preset.form, Precision::Double).unwrap();
            let explained = explain(&network, &input, &[1, 3], &preset).unwrap();
            conserves(&explained, &[1, 3], 1e-9, &what);
            let took = |kind: &str| took(&explained, kind);
            let in_proportion = ["epsilon", "cp_lrp", "attn_lrp"].contains(&&preset.name[..]);
            let corrected = preset.name == "corrected";
            match which {
                "tokens" => {
                    assert!(took("class token") > 0.0 && took("positions") > 0.0, "{what}");
                    assert!(took("layer norm") > 0.0 && took("linear") > 0.0, "{what}");
                    let others = ["tokens", "attention", "GELU", "add", "first token"].map(took);
                    assert_eq!(others, [0.0; 5], "{what}");
                }
                "windows" => {
                    assert!(took("attention") > 0.0 && took("layer norm") > 0.0, "{what}");
                    // Beyond the grid of 5 by 4 see windows of 2 that are not moved, and such of 3; those of 2 that are moved have
                    // only what came around the edge beside it.
                    let beyond = |row: &&LedgerRow| row.kind == "attention" && row.bias.abs() > 1e-9 * row.magnitude;
                    assert_eq!(explained.ledger.iter().filter(beyond).count(), 2, "{what}");
                    let reduction =
                        network.nodes().iter().find(|node| matches!(node.layer, Layer::Linear { bias: false, .. }));
                    let reduction = explained.ledger.iter().find(|row| row.layer == reduction.unwrap().name);
                    assert_eq!(reduction.unwrap().bias, 0.0, "{what}");
                    let others = ["channels last", "channels first", "merging", "layer scale", "add"].map(took);
                    // What merging takes for places beyond an odd grid is rounding: they are zeros there.
                    assert!(others.iter().all(|taken| *taken < 1e-12), "{what}: {others:?}");
                }
                _ => {
                    let others =
                        ["concatenation", "cut", "gate", "average pool", "ReLU6", "SiLU", "hard swish"].map(took);
                    assert_eq!(others, [0.0; 7], "{what}");
                    assert!(!in_proportion || took("convolution") > 0.0 && took("batch norm") > 0.0, "{what}");
                    assert!(!in_proportion || took("depthwise convolution") > 0.0, "{what}");
                    assert!(!corrected || took("convolution") == 0.0 && took("batch norm") == 0.0, "{what}");
                    let branch = explained.ledger.iter().any(|row| row.kind == "hard sigmoid");
                    assert_eq!(branch, preset.name == "attn_lrp", "{what}");
                    let norms = explained.ledger.iter().filter(|row| row.kind == "batch norm").count();
                    assert_eq!(norms, if preset.form == Form::Folded { 1 } else { 2 }, "{what}");
                }
            }
        }
    }
}

/// The layers with batch normalisation merged where it can be.
fn merged(nodes: &[Node]) -> Vec<Node> {
    let (mut kept, mut moved): (Vec<Node>, Vec<usize>) = (Vec::new(), vec![0]);
    for (index, node) in nodes.iter().enumerate() {
        let inputs: Vec<usize> = node.inputs.iter().map(|&input| moved[input]).collect();
        if matches!(node.layer, Layer::BatchNorm { .. }) && could_be_merged(nodes, index) {
            moved.push(inputs[0]);
        } else {
            kept.push(Node { inputs, ..node.clone() });
            moved.push(kept.len());
        }
    }
    kept
}

#[test]
fn every_layer_of_every_family_has_a_rule_that_is_for_it() {
    for name in architectures() {
        let plain = architecture(&name).unwrap();
        let folded = merged(plain.nodes());
        for preset in Composite::presets() {
            let nodes = if preset.form == Form::Folded { &folded[..] } else { plain.nodes() };
            let rules = rules_of(nodes, &preset).unwrap();
            assert!(rules.iter().flatten().count() > 10, "{name}");
            for (node, rule) in nodes.iter().zip(&rules) {
                let fits = rule.is_none_or(|rule| fits(&node.layer, rule));
                assert!(fits, "{name} {} {rule:?}", node.name);
            }
        }
    }
}

#[test]
fn networks_of_several_families_are_explained_and_conserve() {
    let mut rng = ChaCha8Rng::seed_from_u64(105);
    for (name, side) in [
        ("squeezenet1_1", 64),
        ("densenet121", 64),
        ("mobilenet_v3_small", 64),
        ("efficientnet-lite0", 64),
        ("regnet_y_400mf", 64),
        ("deit_tiny_patch16_224", 224),
        ("bagnet9", 64),
    ] {
        let architecture = architecture(name).unwrap();
        let weights = random_weights(architecture.nodes(), &mut rng);
        let network = Engine::new(Network::new(name, &architecture, weights).unwrap(), Device::Cpu);
        let network = network.prepared(Form::Folded, Precision::Single).unwrap();
        let same = merged(architecture.nodes());
        let names =
            |nodes: &[Node]| nodes.iter().map(|node| (node.name.clone(), node.inputs.clone())).collect::<Vec<_>>();
        assert_eq!(names(network.nodes()), names(&same), "{name}");
        let input = random_pictures(&mut rng, 1, [side, side]);
        for composite in [Composite::corrected(), Composite::attn_lrp()] {
            let composite = composite.stabilised(Stabiliser::Add(1e-6));
            let explained = explain(&network, &input, &[7], &composite).unwrap();
            conserves(&explained, &[7], 1e-3, &format!("{name}, {}", composite.name));
            assert!(values(&explained.relevance).iter().any(|r| *r != 0.0), "{name}");
        }
    }
}

/// A small network of some of the layers, in some order.
fn random_graph(rng: &mut ChaCha8Rng) -> Graph {
    let of = |rng: &mut ChaCha8Rng, from: i64, to: i64| rng.random_range(from..=to);
    let mut graph = Graph::of([of(rng, 7, 13), of(rng, 7, 13)]);
    let channels = 2 * of(rng, 2, 3);
    let window = (of(rng, 1, 5), of(rng, 1, 2), Padding::Same);
    graph.conv(channels, window, 1, true);
    for _ in 0..of(rng, 2, 5) {
        let entry = graph.last();
        let least = graph.last_size()[2].min(graph.last_size()[3]);
        match of(rng, 0, 6) {
            0 => {
                let all = [Layer::Relu6, Layer::Silu, Layer::Gelu, Layer::HardSwish];
                graph.then(all[of(rng, 0, 3) as usize].clone());
            }
            1 => {
                let window = (of(rng, 1, 5), of(rng, 1, 2), Padding::Same);
                graph.conv(channels, window, channels, rng.random_bool(0.5));
            }
            2 => {
                let soft = graph.then(Layer::Silu);
                graph.put(Layer::Concat, &[entry, soft, entry]);
                graph.batch_norm();
                graph.channels(channels);
            }
            3 if least > 2 => {
                let (kernel, stride) = (of(rng, 2, 3), of(rng, 1, 2));
                graph.then(Layer::AverageWindow { kernel, stride });
            }
            4 => {
                graph.gate();
            }
            5 if least > 2 => {
                let inner = graph.conv(channels, (of(rng, 2, 3), 1, Padding::Zeros(0)), 1, true);
                let cut = graph.put(Layer::CutTo, &[entry, inner]);
                graph.put(Layer::Add, &[inner, cut]);
            }
            _ => {
                graph.scale();
            }
        }
    }
    match of(rng, 0, 2) {
        0 => graph.head(),
        1 => {
            graph.then(Layer::Tokens);
            graph.class_token();
            graph.positions();
            attentive(&mut graph, None);
            graph.then(Layer::Gelu);
            graph.layer_norm();
            graph.then(Layer::FirstToken);
            graph.linear(5, true);
        }
        _ => {
            graph.then(Layer::ChannelsLast);
            let side = of(rng, 2, 3);
            let shift = of(rng, 0, side - 1);
            attentive(&mut graph, Some((side, shift)));
            graph.then(Layer::MergePatches);
            graph.layer_norm();
            graph.linear(channels, false);
            graph.then(Layer::ChannelsFirst);
            graph.head();
        }
    }
    graph
}

#[test]
fn pictures_of_a_batch_do_not_see_each_other_in_random_networks() {
    let mut rng = ChaCha8Rng::seed_from_u64(106);
    let presets = Composite::presets();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let graph = random_graph(&mut rng);
        let input = random_pictures(&mut rng, 2, [graph.sizes[0][2], graph.sizes[0][3]]);
        let kinds: Vec<&str> = graph.nodes.iter().map(|node| node.layer.kind()).collect();
        seen.extend(kinds.iter().copied());
        let what = kinds.join(", ");
        let network = graph.network(&mut rng);
        for preset in &presets {
            let what = format!("{}: {what}", preset.name);
            let network = network.shared().prepared(preset.form, Precision::Double).unwrap();
            let both = explain(&network, &input, &[1, 3], preset).unwrap();
            conserves(&both, &[1, 3], 1e-9, &what);
            let plain = explain_with(&network, &input, Targets::Each(&[1, 3]), preset, Ledger::NotKept).unwrap();
            assert_eq!(plain.relevance, both.relevance, "{what}");
            for (picture, target) in [(0, 1), (1, 3)] {
                let alone = explain(&network, &input.narrow(0, picture, 1), &[target], preset).unwrap();
                near(&values(&both.relevance.select(0, picture)), &values(&alone.relevance), 1e-9, &what);
            }
        }
    }
    assert!(seen.len() > 25, "{seen:?}");
}
