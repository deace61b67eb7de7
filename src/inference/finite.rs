//! NaN and infinity, put in at random places of a network of most kinds of layers, come out of every kernel in every
//! precision as they come out of libtorch's plain operators.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

use super::fused::channels_last;
use super::{Device, Engine, Normalise, Precision, logits, on_workers, to_input};
use crate::error::Code;
use crate::models::{Architecture, BATCH_NORM_EPSILON, BatchStatistics, Form, Layer, Network, Node, Padding, Weights};

/// Outputs of [`every_kind`].
const CLASSES: i64 = 5;

/// A network of every kind of layer that kernels of ours touch: convolutions with and without bias, of which
/// Winograd's filtering suits some, fused ones and fused sums use others; batch normalisation, sums, gates, pools, and two fully
/// connected layers.
pub(crate) fn every_kind(rng: &mut ChaCha8Rng) -> Engine {
    let mut nodes: Vec<Node> = Vec::new();
    let mut put = |name: &str, layer: Layer, inputs: &[usize]| {
        nodes.push(Node { name: name.into(), layer, inputs: inputs.to_vec() });
        nodes.len()
    };
    let conv = |key: &str, inputs: i64, outputs: i64, [kernel, stride, padding, groups]: [i64; 4], bias: bool| {
        let padding = Padding::Zeros(padding);
        Layer::Conv { key: key.into(), inputs, outputs, kernel, stride, padding, groups, bias }
    };
    let norm = |key: &str| Layer::BatchNorm { key: key.into(), channels: 64, epsilon: BATCH_NORM_EPSILON };
    let x = put("first", conv("first", 3, 64, [3, 2, 1, 1], false), &[0]);
    let x = put("norm1", norm("norm1"), &[x]);
    let x = put("relu1", Layer::Relu, &[x]);
    let block = put("pool", Layer::MaxPool { kernel: 3, stride: 2, padding: 1, ceil: false }, &[x]);
    let x = put("filtered", conv("filtered", 64, 64, [3, 1, 1, 1], false), &[block]);
    let x = put("norm2", norm("norm2"), &[x]);
    let x = put("relu2", Layer::Relu, &[x]);
    let x = put("again", conv("again", 64, 64, [3, 1, 1, 1], true), &[x]);
    let x = put("sum1", Layer::Add, &[x, block]);
    let x = put("relu3", Layer::Relu, &[x]);
    let signal = put("grouped", conv("grouped", 64, 64, [3, 1, 1, 4], true), &[x]);
    let x = put("squeeze", Layer::AveragePool { side: 1 }, &[signal]);
    let x = put("down", conv("down", 64, 16, [1, 1, 0, 1], true), &[x]);
    let x = put("relu4", Layer::Relu, &[x]);
    let x = put("up", conv("up", 16, 64, [1, 1, 0, 1], true), &[x]);
    let gate = put("sigmoid", Layer::Sigmoid, &[x]);
    let side = put("gate", Layer::Gate, &[signal, gate]);
    let x = put("pointwise", conv("pointwise", 64, 64, [1, 1, 0, 1], false), &[side]);
    let x = put("norm3", norm("norm3"), &[x]);
    let x = put("sum2", Layer::Add, &[x, side]);
    let x = put("relu5", Layer::Relu, &[x]);
    let uneven = |key: &str| {
        let padding = Padding::Same;
        Layer::Conv { key: key.into(), inputs: 64, outputs: 64, kernel: 3, stride: 2, padding, groups: 64, bias: false }
    };
    let x = put("depthwise", uneven("depthwise"), &[x]);
    let x = put("norm4", norm("norm4"), &[x]);
    let clipped = put("relu6", Layer::Relu6, &[x]);
    let x = put("soft", conv("soft", 64, 64, [1, 1, 0, 1], true), &[clipped]);
    let soft = put("silu", Layer::Silu, &[x]);
    let x = put("hard", conv("hard", 64, 64, [1, 1, 0, 1], true), &[clipped]);
    let x = put("swish", Layer::HardSwish, &[x]);
    let x = put("both", Layer::Concat, &[soft, x]);
    let x = put("half", conv("half", 128, 64, [1, 1, 0, 1], true), &[x]);
    let x = put("average", Layer::AveragePool { side: 2 }, &[x]);
    let x = put("flat", Layer::Flatten, &[x]);
    let x = put("dense", Layer::Linear { key: "dense".into(), inputs: 256, outputs: 12, bias: true }, &[x]);
    let x = put("relu7", Layer::Relu, &[x]);
    put("head", Layer::Linear { key: "head".into(), inputs: 12, outputs: CLASSES, bias: true }, &[x]);
    let mut weights = Weights::new();
    for parameter in nodes.iter().flat_map(|node| node.layer.parameters()) {
        let (count, outputs) = (parameter.shape.iter().product::<i64>(), parameter.shape[0]);
        let wide = (6.0 * outputs as f32 / count as f32).sqrt();
        let one = |rng: &mut ChaCha8Rng| match parameter.name.rsplit('.').next() {
            Some("running_var") => rng.random_range(0.5..1.5),
            Some("weight") if parameter.shape.len() == 1 => rng.random_range(-1.0..1.5),
            Some("weight") => rng.random_range(-wide..wide),
            _ => rng.random_range(-0.2..0.2),
        };
        let values: Vec<f32> = (0..count).map(|_| one(rng)).collect();
        weights.insert(parameter.name, Tensor::from_slice(&values).view(&parameter.shape[..]));
    }
    Engine::new(Network::new("every-kind", &Architecture::new(nodes, CLASSES), weights).unwrap(), Device::Cpu)
}

/// Two pictures of random values.
pub(crate) fn pictures(rng: &mut ChaCha8Rng) -> Tensor {
    let values: Vec<f32> = (0..2 * 3 * 36 * 32).map(|_| rng.random_range(-2.0..2.0)).collect();
    Tensor::from_slice(&values).view([2, 36, 32, 3]).permute([0, 3, 1, 2])
}

/// A network and pictures with one number changed at a random place of a random tensor, and where that is.
pub(crate) fn injected(network: &Engine, rng: &mut ChaCha8Rng, value: f32) -> (Engine, Tensor, String) {
    let input = pictures(rng);
    let mut weights: Weights = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    let place = rng.random_range(0..=weights.len());
    let name = weights.keys().nth(place).cloned();
    let chosen = name.as_ref().and_then(|name| weights.remove(name)).unwrap_or_else(|| input.copy());
    let flat = chosen.reshape([-1]);
    let _ = flat.narrow(0, rng.random_range(0..flat.numel() as i64), 1).fill_(f64::from(value));
    let changed = flat.view(&chosen.size()[..]);
    match name {
        Some(name) => {
            weights.insert(name.clone(), changed);
            (network.with_weights(weights).unwrap(), input, name)
        }
        None => (network.shared(), channels_last(changed), "input".to_string()),
    }
}

/// What comes out of each layer by libtorch's plain operators, one after another.
pub(crate) fn plainly(network: &Engine, pictures: &Tensor) -> Vec<Tensor> {
    let _no_grad = tch::no_grad_guard();
    let tensor = |key: &str, part: &str| network.weight(key, part).unwrap();
    let mut outputs = vec![pictures.to_kind(network.precision().kind())];
    for node in network.nodes() {
        let x = &outputs[node.inputs[0]];
        let other = || &outputs[node.inputs[1]];
        outputs.push(match &node.layer {
            Layer::Conv { key, kernel, stride, padding, groups, bias, .. } => {
                let bias = bias.then(|| tensor(key, "bias"));
                // Zeros that the operator puts there itself meet no weight: infinity times them is not NaN.
                let (x, zeros) = match padding.even() {
                    Some(zeros) => (x.shallow_clone(), zeros),
                    None => (x.constant_pad_nd(padding.around(&x.size(), *kernel, *stride)), 0),
                };
                x.conv2d(tensor(key, "weight"), bias, [*stride; 2], [zeros; 2], [1, 1], *groups)
            }
            Layer::BatchNorm { key, epsilon, .. } => x.batch_norm(
                Some(tensor(key, "weight")),
                Some(tensor(key, "bias")),
                Some(tensor(key, "running_mean")),
                Some(tensor(key, "running_var")),
                false,
                0.1,
                *epsilon,
                false,
            ),
            Layer::Relu => x.relu(),
            Layer::Relu6 => x.clamp(0.0, 6.0),
            Layer::Silu => x.silu(),
            Layer::HardSwish => x.hardswish(),
            Layer::HardSigmoid => x.hardsigmoid(),
            Layer::Sigmoid => x.sigmoid(),
            Layer::Tanh => x.tanh(),
            Layer::Softmax => x.softmax(1, None),
            Layer::MaxPool { kernel, stride, padding, ceil } => {
                x.max_pool2d([*kernel; 2], [*stride; 2], [*padding; 2], [1, 1], *ceil)
            }
            Layer::AveragePool { side } => x.adaptive_avg_pool2d([*side; 2]),
            Layer::Flatten => x.flatten(1, -1),
            Layer::Linear { key, .. } => x.linear(tensor(key, "weight"), Some(tensor(key, "bias"))),
            Layer::Add => x + other(),
            Layer::Concat => Tensor::cat(&[x, other()], 1),
            Layer::Gate => x * other(),
            // Those are made by libtorch's plain operators everywhere.
            _ => node.forward(network.weights(), &[x], BatchStatistics::Running).unwrap(),
        });
    }
    outputs
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).contiguous().view(-1)).unwrap()
}

/// The same kind of number at each place, and finite ones near.
fn same(found: &Tensor, expected: &Tensor, most: f64, what: &str) {
    assert_eq!(found.size(), expected.size(), "{what}");
    let (found, expected) = (values(found), values(expected));
    let finite = expected.iter().filter(|value| value.is_finite());
    let largest = finite.fold(0.0f64, |largest, value| largest.max(value.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        let same = match (found.is_finite(), expected.is_finite()) {
            (true, true) => (found - expected).abs() <= most * largest,
            (false, false) => found == expected || (found.is_nan() && expected.is_nan()),
            _ => false,
        };
        assert!(same, "{what}: {found} where libtorch has {expected}");
    }
}

/// What a worker's thread gives.
fn on_worker(network: &Engine, input: &Tensor) -> Tensor {
    let rows = values(input);
    let size = input.size();
    let load = |(): &()| Ok(());
    let work = |own: &[Engine], ()| {
        let input = Tensor::from_slice(&rows).view(&size[..]).to_kind(Kind::Float);
        assert!(own[0].is_for_one_thread());
        Ok(values(&own[0].forward(&channels_last(input))?))
    };
    let found = on_workers(&[network], &[()], load, work).unwrap();
    Tensor::from_slice(&found[0]).view([size[0], -1])
}

const NOT_FINITE: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];

#[test]
fn bad_input_79_what_is_not_finite_comes_out_of_every_kernel_as_of_the_plain_operators() {
    let mut rng = ChaCha8Rng::seed_from_u64(79);
    let network = every_kind(&mut rng);
    let (mut not_finite, mut finite) = (0, 0);
    for case in 0..120 {
        // Numbers that are finite and whose sums are not, too; and variances without a root.
        let value = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38, -3e38, 1.0][case % 6];
        let (broken, input, place) = injected(&network, &mut rng, value);
        let what = |path: &str| format!("{path}, {value} in {place}");
        let expected = plainly(&broken, &input).pop().unwrap();
        same(&broken.forward(&input).unwrap(), &expected, 1e-4, &what("cells"));
        same(&on_worker(&broken, &input), &expected, 1e-4, &what("workers"));
        let merged = broken.folded().unwrap();
        let exact = plainly(&merged, &input).pop().unwrap();
        same(&merged.forward(&input).unwrap(), &exact, 1e-4, &what("fused"));
        same(&on_worker(&merged, &input), &exact, 1e-4, &what("Winograd"));
        if NOT_FINITE.iter().any(|wrong| wrong.to_bits() == value.to_bits()) {
            same(&exact, &expected, 1e-4, &what("merged"));
        }
        let kept = vec![true; merged.nodes().len() + 1];
        let activations = merged.activations(&input, &kept).unwrap();
        for (at, expected) in plainly(&merged, &input).iter().enumerate() {
            same(activations.at(at).unwrap(), expected, 1e-4, &what(&format!("activations at {at}")));
        }
        for precision in [Precision::Double, Precision::Half, Precision::BFloat16] {
            for form in [Form::Plain, Form::Folded] {
                let network = broken.shared().prepared(form, precision).unwrap();
                let expected = plainly(&network, &input).pop().unwrap();
                same(&network.forward(&input).unwrap(), &expected, 0.0, &what(&format!("{form:?} {precision:?}")));
            }
        }
        let lost = values(&expected).iter().all(|value| value.is_finite());
        if lost { finite += 1 } else { not_finite += 1 }
    }
    assert!(not_finite > 30 && finite > 10, "{not_finite} and {finite} cases");
}

#[test]
fn bad_input_79_a_negative_variance_is_nan_and_said_with_its_layer() {
    let mut rng = ChaCha8Rng::seed_from_u64(80);
    let network = every_kind(&mut rng);
    for norm in ["norm1", "norm2", "norm3"] {
        let weights: Weights = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
        let _ = weights[&format!("{norm}.running_var")].narrow(0, 7, 1).fill_(-0.5);
        let broken = network.with_weights(weights).unwrap().folded().unwrap();
        let input = pictures(&mut rng);
        let expected = plainly(&broken, &input).pop().unwrap();
        assert!(values(&expected).iter().all(|value| value.is_nan()), "{norm}");
        same(&broken.forward(&input).unwrap(), &expected, 1e-4, norm);
        same(&on_worker(&broken, &input), &expected, 1e-4, norm);
        let picture = crate::pixels::RgbImage::from_fn(36, 32, |x, y| image::Rgb([x as u8 * 7, y as u8 * 8, 90]));
        for error in [
            logits(&broken, std::slice::from_ref(&picture), Normalise::AsTrained).unwrap_err(),
            broken.not_finite("logits", &to_input(&[picture], broken.normalisation(), Device::Cpu).unwrap()),
        ] {
            assert_eq!(error.code(), Code::Numeric);
            for part in [
                "logits of every-kind are not finite".to_string(),
                format!("NaN first comes out of layer {norm} (batch norm)"),
                format!("{norm}.running_var holds -5.000e-1"),
            ] {
                assert!(error.to_string().contains(&part), "{part}: {error}");
            }
        }
    }
}

#[test]
fn bad_input_79_infinities_that_meet_in_a_sum_are_no_number() {
    let mut rng = ChaCha8Rng::seed_from_u64(81);
    let network = every_kind(&mut rng);
    let weights: Weights = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    // Half of the channels overflow to one side, half to the other, and each sum has both.
    for (from, value) in [(0, 3e38), (32, -3e38)] {
        let _ = weights["filtered.weight"].narrow(1, from, 32).fill_(value);
    }
    let broken = network.with_weights(weights).unwrap();
    let input = pictures(&mut rng);
    for network in [broken.shared(), broken.folded().unwrap()] {
        let expected = plainly(&network, &input).pop().unwrap();
        assert!(values(&expected).iter().any(|value| value.is_nan()));
        same(&network.forward(&input).unwrap(), &expected, 1e-4, "cells");
        same(&on_worker(&network, &input), &expected, 1e-4, "workers");
    }
    let error = broken.not_finite("logits", &input.narrow(0, 0, 1));
    let part = "comes out of layer filtered (convolution), where numbers are too large";
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn a_forward_pass_with_the_batchs_own_statistics_changes_nothing_of_the_network() {
    let mut rng = ChaCha8Rng::seed_from_u64(82);
    let mut network = every_kind(&mut rng);
    let (input, shared) = (pictures(&mut rng), network.shared());
    let before: Weights = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    let unchanged = |network: &Engine| network.weights().iter().all(|(name, tensor)| *tensor == before[name]);
    let own = network.run(&input, BatchStatistics::Batch).unwrap();
    assert!(unchanged(&network) && own != network.run(&input, BatchStatistics::Running).unwrap());
    // Training does, of this network alone: a tenth of the batch's own.
    assert_eq!(network.run_training(&input).unwrap(), own);
    assert!(unchanged(&shared) && !unchanged(&network));
    let outputs = plainly(&shared, &input);
    let mean = outputs[1].mean_dim([0i64, 2, 3].as_slice(), false, Kind::Float);
    let expected = &before["norm1.running_mean"] * 0.9 + mean * 0.1;
    let apart = (&network.weights()["norm1.running_mean"] - expected).abs().max().double_value(&[]);
    assert!(apart < 1e-6, "{apart}");
    // A picture that does not fit is refused before anything is changed.
    let now = network.fingerprint().unwrap();
    assert!(network.run_training(&Tensor::zeros([1, 4, 8, 8], (Kind::Float, tch::Device::Cpu))).is_err());
    assert_eq!(network.shared().fingerprint().unwrap(), now);
}
