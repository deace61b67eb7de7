//! Relevance against zennit and iNNvestigate, from the golden files that `tests/reference/relevance.py` and `innvestigate_maps.py` made.

use lgf::inference::{self, Device, Engine, Precision};
use lgf::models::{self, Form, Layer, Network, Node, Padding};
use lgf::relevance::{self, Composite, Place, Rule, Stabiliser, explain};

use crate::golden::{filled, filled_nodes, golden, json, noise};

fn array(path: &str) -> tch::Tensor {
    tch::Tensor::read_npy(golden(path)).unwrap().to_kind(tch::Kind::Double)
}

fn relative_difference(found: &tch::Tensor, expected: &tch::Tensor) -> f64 {
    let difference = (found.to_kind(tch::Kind::Double) - expected).norm().double_value(&[]);
    difference / expected.norm().double_value(&[])
}

/// Two pictures of noise.
fn pictures(side: i64) -> tch::Tensor {
    let values: Vec<f32> = noise("pictures", 6 * (side * side) as usize).iter().map(|u| u * 2.0 - 1.0).collect();
    tch::Tensor::from_slice(&values).view([2, 3, side, side])
}

#[test]
fn relevance_equals_zennits() {
    let golden = json("relevance/zennit.json");
    let (side, names) = (golden["side"].as_i64().unwrap(), |key: &str| {
        golden[key].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string()).collect::<Vec<_>>()
    });
    let targets: Vec<usize> =
        golden["targets"].as_array().unwrap().iter().map(|target| target.as_u64().unwrap() as usize).collect();
    let pictures = pictures(side);
    for name in names("networks") {
        let architecture = models::architecture(&name).unwrap();
        let network = || Engine::new(Network::new(&name, &architecture, filled(&architecture)).unwrap(), Device::Cpu);
        let single = network().folded().unwrap();
        // In double precision before it is folded: what rounding there takes is not single precision's.
        let double = network().in_precision(inference::Precision::Double).folded().unwrap();
        for preset in names("presets") {
            let expected = array(&format!("relevance/{preset}_{name}.npy"));
            let composite = Composite::preset(&preset).unwrap();
            for (network, most) in [(&double, 1e-6), (&single, 1e-4)] {
                let found = explain(network, &pictures, &targets, &composite).unwrap().relevance;
                let off = relative_difference(&found, &expected);
                assert!(off < most, "{name} {preset}: {off:.1e}");
            }
        }
    }
}

/// DenseNet, whose batch normalisation can only partly be merged, and EfficientNet-Lite with its uneven padding.
#[test]
fn relevance_of_todays_families_equals_zennits_in_double_precision() {
    let pictures = pictures(64);
    for name in ["efficientnet-lite0", "densenet121"] {
        let network = whole(name).prepared(Form::Folded, Precision::Double).unwrap();
        for preset in ["zennit_epsilon_plus_flat", "zennit_epsilon_alpha2_beta1_flat"] {
            let composite = Composite::preset(preset).unwrap();
            let found = relevance::explain(&network, &pictures, &[1, 4], &composite).unwrap().relevance;
            let difference = relative_difference(&found, &array(&format!("relevance/{preset}_{name}.npy")));
            assert!(difference < 1e-9, "{name}, {preset}: {difference:e}");
        }
    }
}

/// CP-LRP and AttnLRP by LXT's own rules, without gamma: shares of attention as constants, and products in halves.
#[test]
fn relevance_of_a_vision_transformer_equals_lxts() {
    let golden = json("relevance/lxt.json");
    let network = whole("deit_tiny_patch16_224").prepared(Form::Folded, Precision::Double).unwrap();
    let values: Vec<f64> = noise("picture", 3 * 224 * 224).into_iter().map(|u| f64::from(u * 2.0 - 1.0)).collect();
    let picture = tch::Tensor::from_slice(&values).view([1, 3, 224, 224]);
    for (name, rule) in [("values", Rule::Values), ("halves", Rule::Halves)] {
        let expected = &golden[name];
        let target = expected["target"].as_u64().unwrap() as usize;
        let composite = Composite::named("lxt")
            .rule(Place::Convolution, Rule::Z)
            .rule(Place::Linear, Rule::Z)
            .rule(Place::Attention, rule)
            .stabilised(Stabiliser::Add(1e-30));
        let found = relevance::explain(&network, &picture, &[target], &composite).unwrap();
        let logit = found.logits.double_value(&[0, target as i64]);
        assert!((logit - expected["logit"].as_f64().unwrap()).abs() < 1e-9 * logit.abs(), "{logit}");
        let squares = found.relevance.view([3, 14, 16, 14, 16]).sum_dim_intlist(
            [0i64, 2, 4].as_slice(),
            false,
            tch::Kind::Double,
        );
        let expected: Vec<f64> =
            expected["squares"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        let difference = relative_difference(&squares.view([-1]), &tch::Tensor::from_slice(&expected));
        assert!(difference < 1e-9, "{name}: {difference:e}");
    }
}

/// A network at full size with the weights of `tests/reference/networks.py`.
fn whole(name: &str) -> Engine {
    let architecture = models::architecture(name).unwrap();
    Engine::new(Network::new(name, &architecture, filled(&architecture)).unwrap(), Device::Cpu)
}

/// The networks of `tests/reference/innvestigate_maps.py`: convolutions, batch normalisation, a sum, both pools, dense layers.
fn small(padded: bool) -> Engine {
    let mut nodes: Vec<Node> = Vec::new();
    let mut put = |name: &str, layer: Layer, inputs: &[usize]| {
        nodes.push(Node { name: name.into(), layer, inputs: inputs.to_vec() });
        nodes.len()
    };
    let conv = |key: &str, (inputs, outputs): (i64, i64), kernel, stride, padding| Layer::Conv {
        key: key.into(),
        inputs,
        outputs,
        kernel,
        stride,
        padding: Padding::Zeros(padding),
        groups: 1,
        bias: true,
    };
    let norm = |key: &str, channels| Layer::BatchNorm { key: key.into(), channels, epsilon: 1e-5 };
    let x = put("conv1", conv("conv1", (3, 6), 3, 1, i64::from(padded)), &[0]);
    let x = put("bn1", norm("bn1", 6), &[x]);
    let x = put("relu1", Layer::Relu, &[x]);
    let pooled = put("pool", Layer::MaxPool { kernel: 2, stride: 2, padding: 0, ceil: false }, &[x]);
    let x = put("conv2", conv("conv2", (6, 8), 3, 1, 1), &[pooled]);
    let x = put("bn2", norm("bn2", 8), &[x]);
    let x = put("relu2", Layer::Relu, &[x]);
    let x = put("conv3", conv("conv3", (8, 6), 1, 1, 0), &[x]);
    let x = put("bn3", norm("bn3", 6), &[x]);
    let x = put("sum", Layer::Add, &[x, pooled]);
    let x = put("relu3", Layer::Relu, &[x]);
    let x = put("conv4", conv("conv4", (6, 8), 3, 2, 1), &[x]);
    let x = put("relu4", Layer::Relu, &[x]);
    let x = put("average", Layer::AveragePool { side: 1 }, &[x]);
    let x = put("flat", Layer::Flatten, &[x]);
    let x = put("fc1", Layer::Linear { key: "fc1".into(), inputs: 8, outputs: 12, bias: true }, &[x]);
    let x = put("relu5", Layer::Relu, &[x]);
    put("fc2", Layer::Linear { key: "fc2".into(), inputs: 12, outputs: 5, bias: true }, &[x]);
    let weights = filled_nodes(&nodes);
    Engine::new(Network::new("small", &models::Architecture::new(nodes, 5), weights).unwrap(), Device::Cpu)
}

#[test]
fn relevance_equals_innvestigates() {
    let golden = json("relevance/innvestigate.json");
    let targets: Vec<usize> =
        golden["targets"].as_array().unwrap().iter().map(|target| target.as_u64().unwrap() as usize).collect();
    let pictures = pictures(golden["side"].as_i64().unwrap());
    for padded in [true, false] {
        let kind = if padded { "padded" } else { "unpadded" };
        let expected = array(&format!("relevance/innvestigate_{kind}.npy"));
        let found = explain(&small(padded), &pictures, &targets, &Composite::innvestigate_2_1()).unwrap().relevance;
        let off = relative_difference(&found, &expected);
        assert!(off < 1e-4, "{kind}: {off:.1e}");
    }
}
