//! Every rule again, slow and dense, from its formula; what relevance must keep; what it must refuse.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

use super::terms::{self, Counts};
use super::*;
use crate::error::Code;
use crate::inference::{Device, Engine, Precision, finite, to_input};
use crate::models::{Architecture, Form, Layer, Network, Node, Normalisation, Padding, Part, Weights};

/// A trained network of the sample, folded.
pub(super) fn small_network(name: &str) -> Engine {
    let file = name.trim_start_matches("slim-");
    let path = format!("{}/data/models/{file}.safetensors", env!("CARGO_MANIFEST_DIR"));
    Engine::load(name, path, Device::Cpu).unwrap().folded().unwrap()
}

/// Two drawings, as the networks see them.
pub(super) fn pictures() -> Tensor {
    let draw = |class: usize| {
        let mut rng = crate::sample::picture::generator(1, crate::sample::picture::Part::Conflict, class as u64);
        crate::sample::draw::draw(class, class, (224, 224), &mut rng).image
    };
    to_input(&[draw(1), draw(4)], &Normalisation::imagenet(), Device::Cpu).unwrap()
}

/// Channels, height, width; a vector has one value a channel.
pub(super) type Shape = [usize; 3];

pub(super) fn numbers(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn conv(key: &str, sizes: (i64, i64), window: (i64, i64, i64), groups: i64, bias: bool) -> Layer {
    let ((inputs, outputs), (kernel, stride, padding)) = (sizes, window);
    let padding = Padding::Zeros(padding);
    Layer::Conv { key: key.into(), inputs, outputs, kernel, stride, padding, groups, bias }
}

/// A network of every kind of layer that a folded network has, with random weights.
fn every_kind(rng: &mut ChaCha8Rng, bias: bool) -> Engine {
    let mut nodes: Vec<Node> = Vec::new();
    let mut put = |name: &str, layer: Layer, inputs: &[usize]| {
        nodes.push(Node { name: name.into(), layer, inputs: inputs.to_vec() });
        nodes.len()
    };
    let first = put("first", conv("first", (3, 8), (3, 2, 1), 1, bias), &[0]);
    let x = put("relu1", Layer::Relu, &[first]);
    let pooled = put("pool", Layer::MaxPool { kernel: 3, stride: 2, padding: 0, ceil: true }, &[x]);
    let x = put("grouped", conv("grouped", (8, 8), (3, 1, 1), 4, bias), &[pooled]);
    let signal = put("relu2", Layer::Relu, &[x]);
    let x = put("squeeze", Layer::AveragePool { side: 1 }, &[signal]);
    let x = put("down", conv("down", (8, 4), (1, 1, 0), 1, bias), &[x]);
    let x = put("relu3", Layer::Relu, &[x]);
    let x = put("up", conv("up", (4, 8), (1, 1, 0), 1, bias), &[x]);
    let gate = put("sigmoid", Layer::Sigmoid, &[x]);
    let x = put("gate", Layer::Gate, &[signal, gate]);
    let x = put("sum", Layer::Add, &[x, pooled]);
    let x = put("relu4", Layer::Relu, &[x]);
    let x = put("strided", conv("strided", (8, 6), (2, 2, 0), 1, bias), &[x]);
    let x = put("average", Layer::AveragePool { side: 2 }, &[x]);
    let x = put("flat", Layer::Flatten, &[x]);
    let x = put("dense", Layer::Linear { key: "dense".into(), inputs: 24, outputs: 10, bias: true }, &[x]);
    let x = put("tanh", Layer::Tanh, &[x]);
    put("head", Layer::Linear { key: "head".into(), inputs: 10, outputs: 5, bias: true }, &[x]);
    let mut weights = Weights::new();
    for parameter in nodes.iter().flat_map(|node| node.layer.parameters()) {
        let count = parameter.shape.iter().product::<i64>() as usize;
        let mut values = numbers(rng, count);
        if !bias && parameter.part == Part::Bias {
            values.fill(0.0);
        }
        weights.insert(parameter.name, Tensor::from_slice(&values).view(&parameter.shape[..]).to_kind(Kind::Float));
    }
    Engine::new(Network::new("every-kind", &Architecture::new(nodes, 5), weights).unwrap(), Device::Cpu)
        .in_precision(Precision::Double)
}

pub(super) fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::<f64>::try_from(tensor.to_kind(Kind::Double).contiguous().view(-1)).unwrap()
}

/// One layer as rows of numbers: `z_j = sum_i w_ji x_i + b_j`. Padding has no column.
pub(super) struct Dense {
    pub rows: Vec<Vec<f64>>,
    /// Which inputs an output sees at all, its weight for them being 0 or not.
    pub seen: Vec<Vec<usize>>,
    pub bias: Vec<f64>,
    pub shape: Shape,
}

fn dense(network: &Engine, layer: &Layer, from: Shape) -> Option<Dense> {
    let [channels, height, width] = from;
    let tensor = |key: &str, part: &str| network.weight(key, part).map(values).ok();
    match layer {
        Layer::Linear { key, inputs, outputs, .. } => {
            let weight = tensor(key, "weight")?;
            let rows: Vec<Vec<f64>> = weight.chunks(*inputs as usize).map(<[f64]>::to_vec).collect();
            let seen = vec![(0..*inputs as usize).collect(); rows.len()];
            Some(Dense { rows, seen, bias: tensor(key, "bias")?, shape: [*outputs as usize, 1, 1] })
        }
        Layer::Conv { key, inputs, outputs, kernel, stride, padding, groups, .. } => {
            let (k, step) = (*kernel as usize, *stride as usize);
            let around = padding.around(&[1, 3, height as i64, width as i64], *kernel, *stride);
            let [left, right, top, bottom] = around.map(|zeros| zeros as usize);
            let (out_h, out_w) = ((height + top + bottom - k) / step + 1, (width + left + right - k) / step + 1);
            let per_group = (inputs / groups) as usize;
            let weight = tensor(key, "weight")?;
            let biases = tensor(key, "bias").unwrap_or_else(|| vec![0.0; *outputs as usize]);
            let (mut rows, mut seen, mut bias) = (Vec::new(), Vec::new(), Vec::new());
            for output in 0..*outputs as usize {
                let group = output / (*outputs / groups) as usize;
                for place in 0..out_h * out_w {
                    let (mut row, mut sees) = (vec![0.0; channels * height * width], Vec::new());
                    for index in 0..per_group * k * k {
                        let (channel, kr, kc) = (index / (k * k), index / k % k, index % k);
                        let (r, c) = (place / out_w * step + kr, place % out_w * step + kc);
                        if r < top || c < left || r - top >= height || c - left >= width {
                            continue;
                        }
                        let input = ((group * per_group + channel) * height + r - top) * width + c - left;
                        row[input] = weight[output * per_group * k * k + index];
                        sees.push(input);
                    }
                    rows.push(row);
                    seen.push(sees);
                    bias.push(biases[output]);
                }
            }
            Some(Dense { rows, seen, bias, shape: [*outputs as usize, out_h, out_w] })
        }
        Layer::AveragePool { side } => {
            let side = *side as usize;
            let ends = |out: usize, n: usize| (out * n / side, ((out + 1) * n).div_ceil(side));
            let (mut rows, mut seen) = (Vec::new(), Vec::new());
            for index in 0..channels * side * side {
                let (channel, row, col) = (index / (side * side), index / side % side, index % side);
                let ((top, bottom), (left, right)) = (ends(row, height), ends(col, width));
                let mut weights = vec![0.0; channels * height * width];
                let mut sees = Vec::new();
                for place in (top..bottom).flat_map(|r| (left..right).map(move |c| r * width + c)) {
                    weights[channel * height * width + place] = 1.0 / ((bottom - top) * (right - left)) as f64;
                    sees.push(channel * height * width + place);
                }
                rows.push(weights);
                seen.push(sees);
            }
            let bias = vec![0.0; rows.len()];
            Some(Dense { rows, seen, bias, shape: [channels, side, side] })
        }
        _ => None,
    }
}

pub(super) fn sign(z: f64) -> f64 {
    if z >= 0.0 { 1.0 } else { -1.0 }
}

impl Dense {
    pub fn forward(&self, x: &[f64]) -> Vec<f64> {
        let row = |(row, bias): (&Vec<f64>, &f64)| bias + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        self.rows.iter().zip(&self.bias).map(row).collect()
    }

    /// Relevance of the inputs, output by output, contribution by contribution.
    pub fn share(&self, rule: Rule, x: &[f64], arrived: &[f64], s: f64, channel_size: usize) -> Vec<f64> {
        let mut share = vec![0.0; x.len()];
        let z = self.forward(x);
        let rms = (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt();
        for (j, (&r, &z)) in arrived.iter().zip(&z).enumerate() {
            let (w, b) = (&self.rows[j], self.bias[j]);
            // A sum over what the output sees.
            let sum = |of: &dyn Fn(usize) -> f64| self.seen[j].iter().map(|&i| of(i)).sum::<f64>();
            let over = |numerator: f64, z: f64, s: f64| numerator * r / (z + s * sign(z));
            let raising = |i: usize| (x[i] * w[i]).max(0.0);
            let lowering = |i: usize| (x[i] * w[i]).min(0.0);
            for &i in &self.seen[j] {
                share[i] += match rule {
                    Rule::Epsilon(epsilon) => over(x[i] * w[i], z, epsilon),
                    Rule::RelativeEpsilon(factor) => over(x[i] * w[i], z, factor * rms),
                    Rule::Z | Rule::Norm => over(x[i] * w[i], z, s),
                    Rule::ZPlus(bias) => {
                        let bias = match bias {
                            Bias::Ignored => 0.0,
                            Bias::Positive => b.max(0.0),
                            Bias::Both => b,
                        };
                        over(raising(i), bias + sum(&raising), s)
                    }
                    Rule::AlphaBeta { alpha, beta } => {
                        alpha * over(raising(i), b.max(0.0) + sum(&raising), s)
                            - beta * over(lowering(i), b.min(0.0) + sum(&lowering), s)
                    }
                    Rule::Gamma(gamma) => {
                        // What has the output's own sign counts more.
                        let more = |v: f64| if v * z > 0.0 { (1.0 + gamma) * v } else { v };
                        if z == 0.0 { 0.0 } else { over(more(x[i] * w[i]), more(b) + sum(&|i| more(x[i] * w[i])), s) }
                    }
                    Rule::Terms(TermRule(row), number) => {
                        let (_, of) = TWINS.iter().find(|(name, _)| *name == row.name).unwrap();
                        let bias = if row.bias == Counts::Yes { of(1.0, b, number) } else { 0.0 };
                        over(of(x[i], w[i], number), bias + sum(&|i| of(x[i], w[i], number)), s)
                    }
                    Rule::ZBox { low, high } => {
                        let of = |i: usize| {
                            let channel = i / channel_size;
                            x[i] * w[i] - low[channel] * w[i].max(0.0) - high[channel] * w[i].min(0.0)
                        };
                        over(of(i), sum(&of), s)
                    }
                    Rule::Pass
                    | Rule::Values
                    | Rule::Halves
                    | Rule::WinnerTakeAll
                    | Rule::FusedScale
                    | Rule::ShiftedOutput => panic!("{rule:?}"),
                };
            }
        }
        share
    }
}

/// The contribution of one input to an output: input, weight, number.
type Contribution = fn(f64, f64, f64) -> f64;

/// Each row of terms once more, from its formula.
const TWINS: &[(&str, Contribution)] = &[
    ("flat", |_, _, _| 1.0),
    ("w-square", |_, w, _| w * w),
    ("plain", |x, w, _| x * w),
    ("gamma-plus", |x, w, gamma| x * (w + gamma * w.max(0.0))),
];

/// Everything once more for one picture: forward, then back.
fn naive(network: &Engine, picture: &[f64], shape: Shape, target: usize, composite: &Composite) -> Vec<f64> {
    let Stabiliser::Add(s) = composite.stabiliser else { panic!("the twin adds its stabiliser") };
    let nodes = network.nodes();
    let (mut outputs, mut shapes) = (vec![picture.to_vec()], vec![shape]);
    let mut winners: Vec<Vec<usize>> = Vec::new();
    for node in nodes {
        let (x, from) = (&outputs[node.inputs[0]], shapes[node.inputs[0]]);
        let [channels, height, width] = from;
        let mut won = Vec::new();
        let (output, shape) = match &node.layer {
            Layer::Relu => (x.iter().map(|x| x.max(0.0)).collect(), from),
            Layer::Tanh => (x.iter().map(|x| x.tanh()).collect(), from),
            Layer::Sigmoid => (x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(), from),
            Layer::Flatten => (x.clone(), [channels * height * width, 1, 1]),
            Layer::Add => (x.iter().zip(&outputs[node.inputs[1]]).map(|(a, b)| a + b).collect(), from),
            Layer::Gate => {
                let gate = &outputs[node.inputs[1]];
                (x.iter().enumerate().map(|(i, x)| x * gate[i / (height * width)]).collect(), from)
            }
            Layer::MaxPool { kernel, stride, .. } => {
                let (k, step) = (*kernel as usize, *stride as usize);
                let (rows, cols) = ((height - k).div_ceil(step) + 1, (width - k).div_ceil(step) + 1);
                for index in 0..channels * rows * cols {
                    let (channel, row, col) = (index / (rows * cols), index / cols % rows * step, index % cols * step);
                    let places =
                        (row..height.min(row + k)).flat_map(|r| (col..width.min(col + k)).map(move |c| (r, c)));
                    let places = places.map(|(r, c)| (channel * height + r) * width + c);
                    won.push(places.reduce(|best, at| if x[at] > x[best] { at } else { best }).unwrap());
                }
                (won.iter().map(|&at| x[at]).collect(), [channels, rows, cols])
            }
            layer => {
                let dense = dense(network, layer, from).unwrap();
                (dense.forward(x), dense.shape)
            }
        };
        outputs.push(output);
        shapes.push(shape);
        winners.push(won);
    }
    let mut relevance: Vec<Vec<f64>> = outputs.iter().map(|output| vec![0.0; output.len()]).collect();
    relevance[nodes.len()][target] = outputs[nodes.len()][target];
    for (index, node) in nodes.iter().enumerate().rev() {
        let arrived = relevance[index + 1].clone();
        let first = node.inputs[0];
        let x = &outputs[first];
        let mut give = |input: usize, share: Vec<f64>| {
            relevance[input].iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
        };
        match &node.layer {
            Layer::Relu | Layer::Tanh | Layer::Flatten | Layer::Gate => give(first, arrived),
            // Inside of a gate: nothing arrives.
            Layer::Sigmoid => assert!(arrived.iter().all(|&r| r == 0.0)),
            Layer::Add => {
                let other = &outputs[node.inputs[1]];
                let of = |part: &[f64]| {
                    let share = |i: usize| part[i] * arrived[i] / (x[i] + other[i] + s * sign(x[i] + other[i]));
                    (0..part.len()).map(share).collect::<Vec<f64>>()
                };
                give(first, of(x));
                give(node.inputs[1], of(other));
            }
            Layer::MaxPool { .. } => {
                let mut share = vec![0.0; x.len()];
                winners[index].iter().zip(&arrived).for_each(|(&at, r)| share[at] += r);
                give(first, share);
            }
            layer => {
                if arrived.iter().all(|&r| r == 0.0) {
                    continue;
                }
                let [_, height, width] = shapes[first];
                let rule = composite.rule_of(nodes, index).unwrap();
                let dense = dense(network, layer, shapes[first]).unwrap();
                give(first, dense.share(rule, x, &arrived, s, height * width));
            }
        }
    }
    relevance.swap_remove(0)
}

/// Composites that between them put every linear rule on every kind of linear layer.
pub(super) fn composites() -> Vec<Composite> {
    let everywhere = |rule: Rule| {
        Composite::named(rule.to_string())
            .rule(Place::Convolution, rule)
            .rule(Place::Linear, rule)
            .stabilised(Stabiliser::Add(1e-3))
    };
    let mut all: Vec<Composite> = [
        Rule::Epsilon(0.25),
        Rule::RelativeEpsilon(0.1),
        Rule::Z,
        Rule::ZPlus(Bias::Ignored),
        Rule::ZPlus(Bias::Positive),
        Rule::ZPlus(Bias::Both),
        Rule::AlphaBeta { alpha: 2.0, beta: 1.0 },
        Rule::AlphaBeta { alpha: 1.0, beta: 0.0 },
        Rule::Gamma(0.25),
    ]
    .map(everywhere)
    .to_vec();
    all.extend(TWINS.iter().map(|(name, _)| everywhere(Rule::terms(name, 0.25).unwrap())));
    assert_eq!(TWINS.len(), terms::ROWS.len(), "each row has its twin");
    let picture = Rule::ZBox { low: [-2.0, -1.5, -1.0], high: [1.0, 1.5, 2.5] };
    all.push(everywhere(Rule::ZPlus(Bias::Ignored)));
    all.last_mut().unwrap().rules.insert(0, (Place::First, picture));
    all.extend([Composite::corrected(), Composite::epsilon(), Composite::zennit_epsilon_plus_flat()]);
    all.push(Composite::zennit_epsilon_alpha2_beta1_flat());
    all
}

fn random_pictures(rng: &mut ChaCha8Rng, [channels, height, width]: Shape) -> (Vec<Vec<f64>>, Tensor) {
    let pictures: Vec<Vec<f64>> = (0..2).map(|_| numbers(rng, channels * height * width)).collect();
    let tensor = Tensor::from_slice(&pictures.concat()).view([2, channels as i64, height as i64, width as i64]);
    (pictures, tensor)
}

#[test]
fn every_rule_equals_its_formula_on_random_networks() {
    for seed in 0..6u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let network = every_kind(&mut rng, true);
        let shape = [3, 17 + seed as usize, 20];
        let (pictures, input) = random_pictures(&mut rng, shape);
        for composite in composites() {
            let targets = [seed as usize % 5, 4];
            let explained = explain(&network, &input, &targets, &composite).unwrap();
            for (index, picture) in pictures.iter().enumerate() {
                // The root mean square is one of the batch.
                let alone = explain(&network, &input.narrow(0, index as i64, 1), &targets[index..=index], &composite);
                let found = values(&alone.unwrap().relevance);
                let expected = naive(&network, picture, shape, targets[index], &composite);
                let largest = expected.iter().fold(0.0f64, |largest, r| largest.max(r.abs()));
                for (found, expected) in found.iter().zip(&expected) {
                    let off = (found - expected).abs() / largest;
                    assert!(off < 1e-6, "{} seed {seed}: {found} {expected}", composite.name);
                }
            }
            assert_eq!(explained.relevance.size(), input.size());
        }
    }
}

#[test]
fn single_precision_differs_by_rounding_alone() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let network = every_kind(&mut rng, true);
    let (_, input) = random_pictures(&mut rng, [3, 19, 21]);
    let single = network.shared().in_precision(Precision::Single);
    for composite in composites() {
        let double = explain(&network, &input, &[0, 1], &composite).unwrap().relevance;
        let single = explain(&single, &input, &[0, 1], &composite).unwrap().relevance;
        let off = (single.to_kind(Kind::Double) - &double).norm().double_value(&[]) / double.norm().double_value(&[]);
        assert!(off < 2e-4, "{}: {off}", composite.name);
    }
}

#[test]
fn nothing_is_lost_or_made_without_biases() {
    for seed in 20..26u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let network = every_kind(&mut rng, false);
        let (_, input) = random_pictures(&mut rng, [3, 19, 21]);
        for composite in composites() {
            let composite = composite.stabilised(Stabiliser::Add(1e-12));
            let explained = explain(&network, &input, &[1, 3], &composite).unwrap();
            let start = explained.logits.double_value(&[0, 1]) + explained.logits.double_value(&[1, 3]);
            let taken: f64 = explained.ledger.iter().map(|row| row.stabiliser).sum();
            let end = explained.relevance.sum(Kind::Double).double_value(&[]);
            let size = explained.relevance.abs().sum(Kind::Double).double_value(&[]).max(start.abs());
            assert!((start - end - taken).abs() < 1e-5 * size, "{} seed {seed}: {start} {end} {taken}", composite.name);
            for row in &explained.ledger {
                assert!(row.unaccounted() < 1e-5 && row.bias == 0.0, "{}: {row:?}", composite.name);
            }
        }
    }
}

#[test]
fn the_ledger_accounts_for_biases_and_stabilisers() {
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    let network = every_kind(&mut rng, true);
    let (_, input) = random_pictures(&mut rng, [3, 19, 21]);
    for composite in composites() {
        let explained = explain(&network, &input, &[1, 3], &composite).unwrap();
        for row in &explained.ledger {
            assert!(row.unaccounted() < 1e-9, "{}: {row:?}", composite.name);
        }
        let table = ledger_table(&explained.ledger).unwrap();
        assert_eq!(table.height(), explained.ledger.len());
        let without = explain_with(&network, &input, Targets::Each(&[1, 3]), &composite, Ledger::NotKept).unwrap();
        assert!(without.ledger.is_empty());
        assert_eq!(without.relevance, explained.relevance);
    }
}

#[test]
fn the_gates_own_branch_gets_nothing_and_stays_finite_where_a_product_rule_would_not() {
    let mut rng = ChaCha8Rng::seed_from_u64(41);
    let network = every_kind(&mut rng, true);
    // Gates that are all but shut: their logarithm is -200, their inverse beyond single precision.
    let mut weights: Weights = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    weights.insert("up.bias".into(), Tensor::full([8], -200.0, (Kind::Double, tch::Device::Cpu)));
    let shut = network.with_weights(weights).unwrap().in_precision(Precision::Single);
    let (_, input) = random_pictures(&mut rng, [3, 19, 21]);
    let explained = explain(&shut, &input, &[0, 1], &Composite::corrected()).unwrap();
    assert!(
        explained.ledger.iter().all(|row| !["squeeze", "down", "relu3", "up", "sigmoid"].contains(&row.layer.as_str()))
    );
    let gate = explained.ledger.iter().find(|row| row.layer == "gate").unwrap();
    assert_eq!(gate.arrived, gate.handed_on);
    assert_eq!(explained.relevance.isfinite().all().int64_value(&[]), 1);
}

#[test]
fn trained_networks_keep_what_arrives_in_every_layer() {
    for name in ["slim-vgg16", "slim-resnet50", "slim-se-resnet50", "slim-resnext50", "slim-se-resnext50"] {
        let explained = explain(&small_network(name), &pictures(), &[1, 4], &Composite::corrected()).unwrap();
        assert_eq!(explained.relevance.size(), [2, 3, 224, 224]);
        for row in &explained.ledger {
            assert!(row.unaccounted() < 1e-4, "{name} {row:?}");
        }
    }
}

#[test]
fn the_predicted_class_needs_no_pass_of_its_own() {
    let network = small_network("slim-resnet50");
    let found =
        explain_with(&network, &pictures(), Targets::Predicted, &Composite::corrected(), Ledger::NotKept).unwrap();
    let best = Vec::<i64>::try_from(network.forward(&pictures()).unwrap().argmax(1, false)).unwrap();
    assert_eq!(found.targets, best.iter().map(|&best| best as usize).collect::<Vec<_>>());
    let again = explain(&network, &pictures(), &found.targets, &Composite::corrected()).unwrap();
    assert_eq!(again.relevance, found.relevance);
}

fn ending_in(layer: Layer) -> Engine {
    let nodes = vec![
        Node { name: "conv".into(), layer: conv("conv", (3, 4), (3, 1, 1), 1, true), inputs: vec![0] },
        Node { name: "pool".into(), layer: Layer::AveragePool { side: 1 }, inputs: vec![1] },
        Node { name: "flat".into(), layer: Layer::Flatten, inputs: vec![2] },
        Node { name: "last".into(), layer, inputs: vec![3] },
    ];
    let weight = Tensor::ones([4, 3, 3, 3], (Kind::Float, tch::Device::Cpu));
    let bias = Tensor::zeros([4], (Kind::Float, tch::Device::Cpu));
    let weights = Weights::from([("conv.weight".into(), weight), ("conv.bias".into(), bias)]);
    Engine::new(Network::new("own", &Architecture::new(nodes, 4), weights).unwrap(), Device::Cpu)
}

#[test]
fn a_softmax_and_a_layer_without_rule_are_refused_by_name() {
    let input = Tensor::rand([1, 3, 8, 8], (Kind::Float, tch::Device::Cpu));
    let error = |network: &Engine, composite: &Composite| explain(network, &input, &[0], composite).unwrap_err();
    let softmax = error(&ending_in(Layer::Softmax), &Composite::corrected());
    assert_eq!(softmax.code(), Code::Model);
    assert!(
        softmax.to_string().contains("layer last") && softmax.to_string().contains("leave the softmax out"),
        "{softmax}"
    );
    let sigmoid = error(&ending_in(Layer::Sigmoid), &Composite::corrected()).to_string();
    assert!(sigmoid.contains("layer last") && sigmoid.contains("sigmoid outside of a gate"), "{sigmoid}");
    let none = error(&ending_in(Layer::Relu), &Composite::named("empty")).to_string();
    assert!(none.contains("layer conv") && none.contains("Place::Convolution") && none.contains("empty"), "{none}");
    let unfit =
        error(&ending_in(Layer::Relu), &Composite::corrected().rule(Place::AveragePool, Rule::FLAT)).to_string();
    assert!(unfit.contains("layer pool") && unfit.contains("the rule flat is not"), "{unfit}");
    let path = format!("{}/data/models/resnet50.safetensors", env!("CARGO_MANIFEST_DIR"));
    let unmerged = Engine::load("slim-resnet50", path, Device::Cpu).unwrap();
    let unmerged = explain(&unmerged, &pictures(), &[0, 0], &Composite::corrected()).unwrap_err().to_string();
    assert!(unmerged.contains("network.folded()"), "{unmerged}");
}

#[test]
fn a_target_outside_the_classes_and_too_few_targets_are_refused() {
    let network = small_network("slim-resnet50");
    let error = |targets: &[usize]| explain(&network, &pictures(), targets, &Composite::corrected()).unwrap_err();
    let outside = error(&[0, 10]);
    assert_eq!(outside.code(), Code::Parameter);
    assert!(outside.to_string().contains("target 10") && outside.to_string().contains("0 to 9"), "{outside}");
    assert!(error(&[0]).to_string().contains("1 targets for 2 pictures"));
}

#[test]
fn bad_input_59_nan_in_the_weights_is_said_with_the_network() {
    let network = small_network("slim-resnet50");
    let mut weights: Weights = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    let (name, tensor) = weights.iter().find(|(name, _)| name.contains("layer3") && name.ends_with("weight")).unwrap();
    let (name, broken) = (name.clone(), tensor * f64::NAN);
    weights.insert(name, broken);
    let error =
        explain(&network.with_weights(weights).unwrap(), &pictures(), &[0, 1], &Composite::corrected()).unwrap_err();
    assert_eq!(error.code(), Code::Numeric);
    assert!(error.to_string().contains("slim-resnet50"), "{error}");
}

#[test]
fn every_preset_explains_a_network_in_its_own_form() {
    let path = format!("{}/data/models/se-resnext50.safetensors", env!("CARGO_MANIFEST_DIR"));
    for preset in Composite::presets() {
        let network = Engine::load("slim-se-resnext50", &path, Device::Cpu).unwrap().in_form(preset.form).unwrap();
        let explained = explain(&network, &pictures(), &[1, 4], &preset).unwrap();
        let maps = explained.maps().unwrap();
        assert!(maps.iter().all(|map| map.values().iter().any(|value| *value != 0.0)), "{}", preset.name);
        assert_eq!(
            network.nodes().iter().any(|node| matches!(node.layer, Layer::BatchNorm { .. })),
            preset.form == Form::Plain
        );
    }
}

#[test]
fn batch_normalisation_as_innvestigate_has_it_equals_its_formulas() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let nodes = vec![
        Node {
            name: "norm".into(),
            layer: Layer::BatchNorm { key: "norm".into(), channels: 3, epsilon: 1e-5 },
            inputs: vec![0],
        },
        Node { name: "pool".into(), layer: Layer::AveragePool { side: 1 }, inputs: vec![1] },
        Node { name: "flat".into(), layer: Layer::Flatten, inputs: vec![2] },
    ];
    let part = |rng: &mut ChaCha8Rng, positive: bool| -> Vec<f64> {
        numbers(rng, 3).into_iter().map(|value| if positive { value.abs() + 0.2 } else { value }).collect()
    };
    let (scale, shift) = (part(&mut rng, false), part(&mut rng, false));
    let (mean, variance) = (part(&mut rng, false), part(&mut rng, true));
    let parts = [("weight", &scale), ("bias", &shift), ("running_mean", &mean), ("running_var", &variance)];
    let weights: Weights =
        parts.iter().map(|(name, values)| (format!("norm.{name}"), Tensor::from_slice(values))).collect();
    let network = Engine::new(Network::new("norm", &Architecture::new(nodes, 3), weights).unwrap(), Device::Cpu);
    let x: Vec<f64> = numbers(&mut rng, 3 * 4);
    let input = Tensor::from_slice(&x).view([1, 3, 2, 2]);
    let relevance = |rule: Rule| -> Vec<f64> {
        let composite = Composite::named("own")
            .rule(Place::AveragePool, Rule::Norm)
            .stabilised(Stabiliser::InsteadOfZero(1e-7))
            .with_batch_norm(rule);
        values(&explain(&network, &input, &[1], &composite).unwrap().relevance)
    };
    let (arrived, shifted, fused) =
        (relevance(Rule::Pass), relevance(Rule::ShiftedOutput), relevance(Rule::FusedScale));
    assert!(arrived.iter().any(|value| *value != 0.0));
    for at in 0..12 {
        let c = at / 4;
        let y = (x[at] - mean[c]) / (variance[c] + 1e-5).sqrt() * scale[c] + shift[c];
        let z = (x[at] - mean[c]) * y;
        let expected = x[at] * (y - shift[c]) * arrived[at] / (z + 1e-7f64.copysign(z));
        assert!((shifted[at] - expected).abs() < 1e-5 * expected.abs().max(1.0), "{} {expected}", shifted[at]);
        let root = (variance[c] * variance[c] + 1e-5).sqrt();
        let (k, b) = (scale[c] / root, shift[c] - mean[c] / root);
        let raised = x[at].max(0.0);
        let share = |k: f64, b: f64| {
            let z = raised * k + b;
            k * arrived[at] / if z == 0.0 { 1e-7 } else { z }
        };
        let expected = raised * (2.0 * share(k.max(0.0), b.max(0.0)) - share(k.min(0.0), b.min(0.0)));
        assert!((fused[at] - expected).abs() < 1e-5 * expected.abs().max(1.0), "{} {expected}", fused[at]);
    }
}

/// Some batches' outcomes as the stage sorts them: one map each, and a layer that loses a share of what it met.
#[test]
fn bad_input_60_relevance_that_is_not_conserved_is_a_warning_and_an_error_if_most_batches_lose() {
    let network = small_network("slim-resnet50");
    let row = |lost: f64| LedgerRow {
        layer: "layer1".into(),
        kind: "convolution".into(),
        rule: Rule::ZPlus(Bias::Both),
        arrived: 1.0,
        handed_on: 1.0 - lost,
        bias: 0.0,
        stabiliser: 0.0,
        magnitude: 1.0,
        magnitude_on: 1.0,
    };
    let outcome = |losses: &[f64]| {
        super::ledger::judged(&network, &losses.iter().map(|lost| vec![row(*lost)]).collect::<Vec<_>>())
    };
    assert!(outcome(&[0.0, 0.0, 0.0]).is_ok());
    assert!(outcome(&[0.5, 0.0, 0.0]).is_ok());
    let error = outcome(&[0.5, 0.5, 0.0]).unwrap_err();
    assert_eq!(error.code(), Code::Numeric);
    assert!(error.to_string().contains("layer layer1") && error.to_string().contains("2 of 3 batches"), "{error}");
}

#[test]
fn bad_input_79_no_rule_makes_a_finite_map_of_a_network_whose_logits_are_not() {
    let mut rng = ChaCha8Rng::seed_from_u64(79);
    let network = finite::every_kind(&mut rng);
    let all: Vec<Composite> = Composite::presets().into_iter().chain(composites()).collect();
    let (mut explained, mut refused) = (0, 0);
    for case in 0..240 {
        let value = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38, -3e38, 1.0][case % 6];
        let (broken, input, place) = finite::injected(&network, &mut rng, value);
        let composite = &all[case / 6 % all.len()];
        let precision = [Precision::Single, Precision::Double][case / 3 % 2];
        let ledger = [Ledger::Kept, Ledger::NotKept][case / 2 % 2];
        let what = format!("{} in {precision:?}, {value} in {place}", composite.name);
        let network = broken.prepared(composite.form, precision).unwrap();
        let logits = finite::plainly(&network, &input).pop().unwrap();
        let found = explain_with(&network, &input, Targets::Each(&[1, 3]), composite, ledger);
        match found {
            Ok(found) => {
                explained += 1;
                assert_eq!(logits.isfinite().all().int64_value(&[]), 1, "{what}");
                assert_eq!(found.relevance.isfinite().all().int64_value(&[]), 1, "{what}");
                for row in &found.ledger {
                    let sums = [row.arrived, row.handed_on, row.bias, row.stabiliser, row.magnitude_on];
                    assert!(sums.iter().all(|sum| sum.is_finite()), "{what}: {row:?}");
                }
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.code(), Code::Numeric, "{what}: {error}");
                let text = error.to_string();
                assert!(text.contains("every-kind") || text.contains("layer"), "{what}: {error}");
                if logits.isfinite().all().int64_value(&[]) == 0 {
                    assert!(text.contains("out of layer") || text.contains("input itself"), "{what}: {error}");
                } else {
                    assert!(value.abs() != 1.0, "{what}: {error}");
                }
            }
        }
    }
    assert!(explained > 60 && refused > 60, "{explained} and {refused}");
}
