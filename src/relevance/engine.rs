//! The walk back through a network.

use polars::prelude::*;
use tch::{Kind, Tensor};

use super::rule::{Composite, Rule};
use crate::error::{Code, Error, Result};
use crate::models::{Activations, Layer, Network, Node};
use crate::pixels::{Crop, HeatMap};

/// Relevance of a batch, and where it went on the way.
#[derive(Debug)]
pub struct Explained {
    /// Relevance of every value of the pictures, `[n, 3, h, w]`, float32.
    pub relevance: Tensor,
    /// The logits of the same pass, `[n, classes]`.
    pub logits: Tensor,
    /// One row a layer that relevance passed, from the head to the first.
    pub ledger: Vec<LedgerRow>,
}

/// Relevance into and out of one layer, summed over the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    /// The layer's name.
    pub layer: String,
    /// Its kind in one or two words.
    pub kind: String,
    /// Relevance that came from above.
    pub arrived: f64,
    /// Relevance that was handed on to the inputs.
    pub handed_on: f64,
    /// Sum of the absolute values that came from above: far more than `arrived` where both signs are large.
    pub magnitude: f64,
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

/// The ledger as a table: layer, kind, relevance in and out, its magnitude, and the share of it that was kept.
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn ledger_table(ledger: &[LedgerRow]) -> Result<DataFrame> {
    Ok(df!(
        "layer" => ledger.iter().map(|row| row.layer.clone()).collect::<Vec<_>>(),
        "kind" => ledger.iter().map(|row| row.kind.clone()).collect::<Vec<_>>(),
        "arrived" => ledger.iter().map(|row| row.arrived).collect::<Vec<_>>(),
        "handed on" => ledger.iter().map(|row| row.handed_on).collect::<Vec<_>>(),
        "magnitude" => ledger.iter().map(|row| row.magnitude).collect::<Vec<_>>(),
        "kept" => ledger.iter().map(|row| row.handed_on / row.arrived).collect::<Vec<_>>(),
    )?)
}

/// Relevance of `pictures` (`[n, 3, h, w]`, normalised) for one target class each. The network is to be folded; it ends
/// in logits, never in a softmax.
///
/// # Errors
/// [`Code::Parameter`] if the number of targets differs from the pictures' or a target is no output; [`Code::Model`]
/// for a layer that has no rule, naming it; [`Code::Numeric`] if relevance is not finite.
pub fn explain(network: &Network, pictures: &Tensor, targets: &[usize], composite: &Composite) -> Result<Explained> {
    let _no_grad = tch::no_grad_guard();
    let activations = network.activations(pictures)?;
    let logits = activations.logits().shallow_clone();
    let head = start(&logits, targets)?;

    let nodes = network.nodes();
    // Relevance of the output of each node (shifted by one: place 0 is the picture).
    let mut relevance: Vec<Option<Tensor>> = (0..=nodes.len()).map(|_| None).collect();
    relevance[nodes.len()] = Some(head);
    let mut ledger = Vec::new();
    for (index, node) in nodes.iter().enumerate().rev() {
        let Some(arrived) = relevance[index + 1].take() else { continue };
        let shares = hand_on(network, node, &activations, index, &arrived, composite)?;
        let handed_on = shares.iter().map(total).sum();
        ledger.push(LedgerRow {
            layer: node.name.clone(),
            kind: node.layer.kind().to_string(),
            arrived: total(&arrived),
            handed_on,
            magnitude: total(&arrived.abs()),
        });
        for (&input, share) in node.inputs.iter().zip(shares) {
            relevance[input] = Some(match relevance[input].take() {
                Some(other) => other + share,
                None => share,
            });
        }
    }
    let relevance = relevance[0].take().ok_or_else(|| Error::new(Code::Model, "no layer reads the picture"))?;
    if relevance.isfinite().all().int64_value(&[]) == 0 {
        return Err(Error::new(Code::Numeric, format!("relevance of {} is not finite", network.name()))
            .hint("look at the ledger for the layer where it grows; raise the stabiliser"));
    }
    Ok(Explained { relevance: relevance.to_kind(Kind::Float), logits, ledger })
}

/// Relevance of the logits: the target's own value, 0 elsewhere.
fn start(logits: &Tensor, targets: &[usize]) -> Result<Tensor> {
    let (count, classes) = (logits.size()[0], logits.size()[1]);
    if targets.len() as i64 != count {
        return Err(Error::new(Code::Parameter, format!("{} targets for {count} pictures", targets.len())));
    }
    if let Some(target) = targets.iter().find(|&&target| target as i64 >= classes) {
        return Err(Error::new(Code::Parameter, format!("target {target} is not among the {classes} outputs")));
    }
    let targets: Vec<i64> = targets.iter().map(|&target| target as i64).collect();
    let chosen = Tensor::from_slice(&targets).to_device(logits.device()).one_hot(classes).to_kind(Kind::Float);
    Ok(logits * chosen)
}

fn total(tensor: &Tensor) -> f64 {
    tensor.sum(Kind::Double).double_value(&[])
}

/// The shares of a node's inputs, in their order. An input that gets nothing is not walked further.
fn hand_on(
    network: &Network,
    node: &Node,
    activations: &Activations,
    index: usize,
    arrived: &Tensor,
    composite: &Composite,
) -> Result<Vec<Tensor>> {
    let inputs = activations.inputs(node);
    let x = inputs[0];
    let share = match &node.layer {
        Layer::Conv { key, .. } => {
            let map = LinearMap::of(network, &node.layer)?;
            let rule = if node.inputs[0] == 0 { composite.first } else { composite.convolution };
            let bias = network.weight(key, "bias").ok().map(|bias| bias.view([1, -1, 1, 1]));
            apply(rule, &map, x, bias.as_ref(), arrived, composite.stabiliser)?
        }
        Layer::Linear { key, .. } => {
            let map = LinearMap::of(network, &node.layer)?;
            apply(composite.dense, &map, x, Some(network.weight(key, "bias")?), arrived, composite.stabiliser)?
        }
        Layer::AveragePool { .. } => {
            let map = LinearMap::of(network, &node.layer)?;
            let quotient = arrived / stabilised(activations.output(index), composite.stabiliser);
            x * map.backward(&quotient, x)?
        }
        Layer::MaxPool { kernel, stride, padding, ceil } => {
            let (kernel, stride, padding) = ([*kernel; 2], [*stride; 2], [*padding; 2]);
            let (_, winners) = x.f_max_pool2d_with_indices(kernel, stride, padding, [1, 1], *ceil)?;
            x.f_max_pool2d_with_indices_backward(arrived, kernel, stride, padding, [1, 1], *ceil, &winners)?
        }
        Layer::Add => {
            let quotient = arrived / stabilised(activations.output(index), composite.stabiliser);
            return Ok(vec![inputs[0] * &quotient, inputs[1] * quotient]);
        }
        // The gate is a constant factor: all relevance goes to the signal, and the gate's own branch gets none.
        Layer::Gate => arrived.shallow_clone(),
        Layer::Relu | Layer::Tanh => arrived.shallow_clone(),
        Layer::Flatten => arrived.view_as(x),
        Layer::BatchNorm { .. } => {
            return Err(Error::new(Code::Model, "batch normalisation has no rule of its own")
                .place(format!("layer {}", node.name))
                .hint("merge it first: network.folded()?"));
        }
        Layer::Sigmoid => {
            return Err(
                Error::new(Code::Model, "a sigmoid outside a gate has no rule").place(format!("layer {}", node.name))
            );
        }
    };
    Ok(vec![share])
}

/// `z + s sign(z)`, where the sign of 0 is positive.
fn stabilised(z: &Tensor, stabiliser: f64) -> Tensor {
    let sign = z.ge(0.0).to_kind(z.kind()) * 2.0 - 1.0;
    z + sign * stabiliser
}

fn apply(rule: Rule, map: &LinearMap, x: &Tensor, bias: Option<&Tensor>, arrived: &Tensor, s: f64) -> Result<Tensor> {
    match rule {
        Rule::Epsilon(epsilon) => epsilon_rule(map, x, bias, arrived, |_| epsilon),
        Rule::RelativeEpsilon(factor) => {
            let rms = |z: &Tensor| z.square().mean(Kind::Double).sqrt().double_value(&[]);
            epsilon_rule(map, x, bias, arrived, |z| (factor * rms(z)).max(f64::from(f32::MIN_POSITIVE)))
        }
        Rule::ZPlus => {
            let positive = map.with_weight(map.weight().clamp_min(0.0));
            let raised = x.clamp_min(0.0);
            let mut z = positive.forward(&raised)?;
            // After a ReLU no input is negative, and half of the rule needs no pass.
            if x.min().double_value(&[]) >= 0.0 {
                return Ok(raised * positive.backward(&(arrived / stabilised(&z, s)), x)?);
            }
            let negative = map.with_weight(map.weight().clamp_max(0.0));
            let lowered = x.clamp_max(0.0);
            z += negative.forward(&lowered)?;
            let quotient = arrived / stabilised(&z, s);
            Ok(raised * positive.backward(&quotient, x)? + lowered * negative.backward(&quotient, x)?)
        }
        Rule::Flat => {
            let even = map.with_weight(map.weight().ones_like());
            let counts = even.forward(&x.ones_like())?;
            even.backward(&(arrived / counts), x)
        }
    }
}

fn epsilon_rule(
    map: &LinearMap,
    x: &Tensor,
    bias: Option<&Tensor>,
    arrived: &Tensor,
    epsilon: impl Fn(&Tensor) -> f64,
) -> Result<Tensor> {
    let mut z = map.forward(x)?;
    if let Some(bias) = bias {
        z += bias;
    }
    let epsilon = epsilon(&z);
    Ok(x * map.backward(&(arrived / stabilised(&z, epsilon)), x)?)
}

/// A layer as a linear map: forward, and the transpose back.
enum LinearMap {
    Conv { weight: Tensor, stride: i64, padding: i64, groups: i64 },
    Dense { weight: Tensor },
    Average { side: i64 },
}

impl LinearMap {
    fn of(network: &Network, layer: &Layer) -> Result<Self> {
        match layer {
            Layer::Conv { key, stride, padding, groups, .. } => Ok(LinearMap::Conv {
                weight: network.weight(key, "weight")?.shallow_clone(),
                stride: *stride,
                padding: *padding,
                groups: *groups,
            }),
            Layer::Linear { key, .. } => {
                Ok(LinearMap::Dense { weight: network.weight(key, "weight")?.shallow_clone() })
            }
            Layer::AveragePool { side } => Ok(LinearMap::Average { side: *side }),
            other => Err(Error::new(Code::Model, format!("{} is not linear", other.kind()))),
        }
    }

    fn weight(&self) -> Tensor {
        match self {
            LinearMap::Conv { weight, .. } | LinearMap::Dense { weight } => weight.shallow_clone(),
            LinearMap::Average { .. } => Tensor::ones([1], (Kind::Float, tch::Device::Cpu)),
        }
    }

    fn with_weight(&self, weight: Tensor) -> Self {
        match *self {
            LinearMap::Conv { stride, padding, groups, .. } => LinearMap::Conv { weight, stride, padding, groups },
            LinearMap::Dense { .. } => LinearMap::Dense { weight },
            LinearMap::Average { side } => LinearMap::Average { side },
        }
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            LinearMap::Conv { weight, stride, padding, groups } => {
                x.f_conv2d::<Tensor>(weight, None, [*stride; 2], [*padding; 2], [1, 1], *groups)?
            }
            LinearMap::Dense { weight } => x.f_matmul(&weight.tr())?,
            LinearMap::Average { side } => x.f_adaptive_avg_pool2d([*side; 2])?,
        })
    }

    /// The transpose, for an input of the shape of `x`.
    fn backward(&self, y: &Tensor, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            LinearMap::Conv { weight, stride, padding, groups } => {
                let kernel = weight.size()[2];
                // What the forward pass dropped at the far border, as its step does not divide the side.
                let left = |axis: usize| (x.size()[axis] + 2 * padding - kernel) % stride;
                y.f_conv_transpose2d::<Tensor>(
                    weight,
                    None,
                    [*stride; 2],
                    [*padding; 2],
                    [left(2), left(3)],
                    *groups,
                    [1, 1],
                )?
            }
            LinearMap::Dense { weight } => y.f_matmul(weight)?,
            LinearMap::Average { side } => {
                let (rows, cols) = (averaging(x.size()[2], *side), averaging(x.size()[3], *side));
                rows.tr().to_device(y.device()).f_matmul(y)?.f_matmul(&cols.to_device(y.device()))?
            }
        })
    }
}

/// Adaptive average pooling along one side as a matrix `[outputs, inputs]`: output `i` is the mean of the inputs from
/// `floor(i n / m)` to `ceil((i + 1) n / m)`, as torch's `adaptive_avg_pool2d`.
fn averaging(inputs: i64, outputs: i64) -> Tensor {
    let mut weights = vec![0f32; (inputs * outputs) as usize];
    for output in 0..outputs {
        let (first, end) = (output * inputs / outputs, ((output + 1) * inputs + outputs - 1) / outputs);
        for input in first..end {
            weights[(output * inputs + input) as usize] = 1.0 / (end - first) as f32;
        }
    }
    Tensor::from_slice(&weights).view([outputs, inputs])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Device;

    /// A trained network of the sample, folded.
    fn network(name: &str) -> Network {
        let path = format!("{}/data/models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        Network::load(&format!("slim-{name}"), path, Device::Cpu).unwrap().folded().unwrap()
    }

    /// Two drawings, as the networks see them.
    fn pictures() -> Tensor {
        let draw = |class: usize| {
            let mut rng = crate::sample::picture::generator(1, crate::sample::picture::Part::Conflict, class as u64);
            crate::sample::draw::draw(class, class, (224, 224), &mut rng).image
        };
        crate::models::to_input(&[draw(1), draw(4)], &crate::models::Normalisation::imagenet(), Device::Cpu).unwrap()
    }

    #[test]
    fn average_pooling_goes_back_by_its_transpose() {
        tch::manual_seed(1);
        for (side, input) in [(1, 7), (7, 7), (3, 7), (2, 6)] {
            let x = Tensor::randn([2, 3, input, input], (Kind::Double, tch::Device::Cpu));
            let y = Tensor::randn([2, 3, side, side], (Kind::Double, tch::Device::Cpu));
            let map = LinearMap::Average { side };
            let forward = (map.forward(&x).unwrap() * &y).sum(Kind::Double).double_value(&[]);
            let y32 = y.to_kind(Kind::Float);
            let back = (map.backward(&y32, &x).unwrap().to_kind(Kind::Double) * &x).sum(Kind::Double).double_value(&[]);
            assert!((forward - back).abs() < 1e-4 * (1.0 + forward.abs()), "{side} of {input}: {forward} {back}");
        }
    }

    #[test]
    fn sums_pools_gates_and_activations_hand_on_what_arrived() {
        for name in ["vgg16", "resnet50", "se-resnet50", "resnext50", "se-resnext50"] {
            let explained = explain(&network(name), &pictures(), &[1, 4], &Composite::corrected()).unwrap();
            assert_eq!(explained.relevance.size(), [2, 3, 224, 224]);
            // z+ leaves an output's relevance nowhere to go where nothing raises it; epsilon gives some to the bias.
            for row in explained.ledger.iter().filter(|row| !["convolution", "linear"].contains(&row.kind.as_str())) {
                let lost = (row.arrived - row.handed_on).abs();
                assert!(lost <= 1e-4 * row.magnitude, "{name} {}: {} of {}", row.layer, lost, row.magnitude);
            }
        }
    }

    #[test]
    fn convolutions_hand_on_what_arrived_where_something_raises_every_output() {
        tch::manual_seed(2);
        let options = (Kind::Float, tch::Device::Cpu);
        for (kernel, stride, padding, groups) in [(3, 1, 1, 1), (3, 2, 1, 4), (1, 2, 0, 1), (7, 2, 3, 1)] {
            let x = Tensor::rand([2, 8, 15, 15], options) + 0.1;
            let weight = Tensor::randn([12, 8 / groups, kernel, kernel], options);
            let weight = weight.shallow_clone() + weight.lt(0.0).all_dim(1, true).to_kind(Kind::Float) * 3.0;
            let map = LinearMap::Conv { weight, stride, padding, groups };
            let arrived = map.forward(&x).unwrap();
            for rule in [Rule::ZPlus, Rule::Flat] {
                let share = apply(rule, &map, &x, None, &arrived, 1e-9).unwrap();
                // With a step of 2 a 1 x 1 kernel reads every second pixel; all of its relevance still arrives somewhere.
                let (before, after) = (total(&arrived), total(&share));
                assert!((before - after).abs() < 1e-4 * total(&arrived.abs()), "{rule:?} {kernel}: {before} {after}");
            }
        }
    }

    #[test]
    fn the_gate_gets_no_relevance() {
        let explained = explain(&network("se-resnet50"), &pictures(), &[0, 0], &Composite::corrected()).unwrap();
        assert!(explained.ledger.iter().all(|row| !row.layer.contains("fc1") && !row.layer.contains("sigmoid")));
        assert!(explained.ledger.iter().any(|row| row.kind == "gate"));
    }

    #[test]
    fn epsilon_equals_its_formula_written_out() {
        let (x, w) = ([1.0f64, -2.0, 0.5], [[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]]);
        let (b, r, epsilon) = ([0.1f64, -0.2], [2.0, -1.0], 0.25);
        let mut expected = [0.0; 3];
        for j in 0..2 {
            let z = b[j] + (0..3).map(|i| x[i] * w[j][i]).sum::<f64>();
            let sign = if z >= 0.0 { 1.0 } else { -1.0 };
            (0..3).for_each(|i| expected[i] += x[i] * w[j][i] * r[j] / (z + epsilon * sign));
        }
        let weight = Tensor::from_slice2(&w);
        let map = LinearMap::Dense { weight };
        let bias = Tensor::from_slice(&b);
        let found = apply(
            Rule::Epsilon(epsilon),
            &map,
            &Tensor::from_slice(&x).view([1, 3]),
            Some(&bias),
            &Tensor::from_slice(&r).view([1, 2]),
            0.0,
        );
        let found = Vec::<f64>::try_from(found.unwrap().view(-1)).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn z_plus_equals_its_formula_on_inputs_of_both_signs() {
        let (x, w) = ([1.0f64, -2.0, 0.5], [[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]]);
        let r = [2.0, -1.0];
        let raising = |i: usize, j: usize| (x[i] * w[j][i]).max(0.0);
        let mut expected = [0.0; 3];
        for (j, relevance) in r.iter().enumerate() {
            let z: f64 = (0..3).map(|i| raising(i, j)).sum();
            (0..3).for_each(|i| expected[i] += raising(i, j) * relevance / z);
        }
        let map = LinearMap::Dense { weight: Tensor::from_slice2(&w) };
        let (x, r) = (Tensor::from_slice(&x).view([1, 3]), Tensor::from_slice(&r).view([1, 2]));
        let found = Vec::<f64>::try_from(apply(Rule::ZPlus, &map, &x, None, &r, 0.0).unwrap().view(-1)).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn a_target_outside_the_classes_is_refused() {
        let error = explain(&network("resnet50"), &pictures(), &[0, 10], &Composite::corrected()).unwrap_err();
        assert!(error.to_string().contains("target 10"), "{error}");
    }
}
