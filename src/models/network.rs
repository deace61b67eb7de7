//! A network as a value: its layers and its weights.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use polars::prelude::*;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::checkpoint::{Loading, read_fitting};
use super::device::Device;
use super::fit::{Fit, parameters};
use super::kernels::Cache;
use super::layer::{Layer, Node};
use super::normalise::Normalisation;
use super::zoo::{Architecture, architecture};
use crate::error::{Code, Error, Result};
use crate::notebook::{self, Html};
use crate::study::Allow;

/// Tensors by their names in the checkpoint.
pub type Weights = BTreeMap<String, Tensor>;

/// What batch normalisation adds to the variance (torch's default).
pub(crate) const BATCH_NORM_EPSILON: f64 = 1e-5;

/// Where a network's batch normalisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Merged into the convolutions.
    Folded,
    /// In layers of its own, as the checkpoint has it.
    Plain,
}

/// In how many bits a network computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    Single,
    /// 16-bit floating point, IEEE: half the memory, and faster on a GPU.
    Half,
    /// 16-bit floating point with the range of 32 bits.
    BFloat16,
    /// 64-bit floating point: to see what rounding does.
    Double,
}

impl Precision {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Precision::Single => Kind::Float,
            Precision::Half => Kind::Half,
            Precision::BFloat16 => Kind::BFloat16,
            Precision::Double => Kind::Double,
        }
    }
}

/// A network: layers in the order of the forward pass, and the tensors they name.
#[derive(Debug)]
pub struct Network {
    name: String,
    nodes: Vec<Node>,
    weights: Weights,
    classes: i64,
    device: Device,
    normalisation: Normalisation,
    precision: Precision,
    fingerprint: OnceLock<String>,
    kernels: Cache,
    one_thread: bool,
}

impl Network {
    /// Puts an architecture and weights together.
    ///
    /// # Errors
    /// [`Code::Checkpoint`] with every missing, surplus and wrongly shaped tensor, or the first one that is not finite.
    pub fn new(name: &str, architecture: &Architecture, weights: Weights, device: Device) -> Result<Self> {
        Network::allowing(name, architecture, weights, device, &[])
    }

    fn allowing(
        name: &str,
        architecture: &Architecture,
        weights: Weights,
        device: Device,
        allow: &[Allow],
    ) -> Result<Self> {
        let nodes = architecture.nodes();
        check_weights(&nodes, &weights, allow)?;
        let weights = weights
            .into_iter()
            .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
            .map(|(name, tensor)| (name, tensor.to_kind(Kind::Float).to_device(device.tch()).contiguous()))
            .collect();
        Ok(Network {
            name: name.to_string(),
            nodes,
            weights,
            classes: architecture.classes(),
            device,
            normalisation: Normalisation::imagenet(),
            precision: Precision::Single,
            fingerprint: OnceLock::new(),
            kernels: Cache::default(),
            one_thread: false,
        })
    }

    /// The network of an architecture's name with the weights of a checkpoint (`.safetensors`, or `.pth` as
    /// `torch.save` writes it). Weights of 16 or 64 bits become such of 32, and that is said.
    ///
    /// # Errors
    /// [`Code::Model`] for an unknown name, [`Code::Checkpoint`] if the file cannot be read or does not fit.
    pub fn load(name: &str, checkpoint: impl AsRef<Path>, device: Device) -> Result<Self> {
        Network::load_with(name, checkpoint, device, &Loading::default())
    }

    /// As [`load`](Network::load), from one of several tables in the file, or with some faults let pass.
    ///
    /// # Errors
    /// As [`load`](Network::load), but for what is allowed.
    pub fn load_with(name: &str, checkpoint: impl AsRef<Path>, device: Device, how: &Loading<'_>) -> Result<Self> {
        let path = checkpoint.as_ref();
        let table = architecture(name)?;
        let weights = read_fitting(path, &parameters(&table.nodes()), how)?;
        let kinds: BTreeSet<String> = weights
            .values()
            .map(Tensor::kind)
            .filter(|kind| matches!(kind, Kind::Half | Kind::BFloat16 | Kind::Double))
            .map(|kind| format!("{kind:?}"))
            .collect();
        let network =
            Network::allowing(name, &table, weights, device, how.allow).map_err(|error| error.or_path(path))?;
        if !kinds.is_empty() {
            let kinds = kinds.into_iter().collect::<Vec<_>>().join(" and ");
            notebook::say(&format!("{}: weights of type {kinds}, taken as 32-bit numbers", path.display()));
        }
        Ok(network)
    }

    /// A network of any layers with weights for them; `classes` is the number of its outputs.
    ///
    /// # Errors
    /// As [`Network::new`]; [`Code::Model`] for a layer that reads what comes after it.
    pub fn from_layers(name: &str, nodes: Vec<Node>, weights: Weights, classes: i64, device: Device) -> Result<Self> {
        let later = nodes
            .iter()
            .enumerate()
            .find(|(index, node)| node.inputs.is_empty() || node.inputs.iter().any(|input| input > index));
        if let Some((_, node)) = later {
            let found = "reads no layer, or one that comes after it";
            return Err(Error::new(Code::Model, found).place(format!("layer {}", node.name)));
        }
        check_weights(&nodes, &weights, &[])?;
        let own = |tensor: Tensor| tensor.to_kind(Kind::Float).to_device(device.tch()).contiguous();
        Ok(Network {
            name: name.to_string(),
            nodes,
            weights: weights.into_iter().map(|(name, tensor)| (name, own(tensor))).collect(),
            classes,
            device,
            normalisation: Normalisation::imagenet(),
            precision: Precision::Single,
            fingerprint: OnceLock::new(),
            kernels: Cache::default(),
            one_thread: false,
        })
    }

    /// The same layers with other numbers, as written by [`write_weights`](super::write_weights).
    ///
    /// # Errors
    /// [`Code::Checkpoint`] with every missing, surplus and wrongly shaped tensor.
    pub fn with_weights(&self, weights: Weights) -> Result<Network> {
        check_weights(&self.nodes, &weights, &[Allow::NonFinite])?;
        let own = |tensor: Tensor| tensor.to_kind(self.precision.kind()).to_device(self.device.tch());
        Ok(self.with(self.nodes.clone(), weights.into_iter().map(|(name, tensor)| (name, own(tensor))).collect()))
    }

    /// The same network under another name in tables, such as `sin-resnet50`.
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_string();
        self.fingerprint = OnceLock::new();
        self
    }

    /// The same network, trained on pictures that were normalised so; ImageNet's usual way unless told.
    pub fn trained_on(mut self, normalisation: Normalisation) -> Self {
        self.normalisation = normalisation;
        self.fingerprint = OnceLock::new();
        self
    }

    /// How the pictures that it was trained on were normalised.
    pub fn normalisation(&self) -> &Normalisation {
        &self.normalisation
    }

    /// The same network computing in other numbers; logits come out as 32-bit ones all the same.
    pub fn in_precision(mut self, precision: Precision) -> Self {
        let _no_grad = tch::no_grad_guard();
        self.weights =
            self.weights.iter().map(|(name, tensor)| (name.clone(), tensor.to_kind(precision.kind()))).collect();
        self.precision = precision;
        self.fingerprint = OnceLock::new();
        self.kernels = Cache::default();
        self
    }

    /// The numbers it computes in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The name in tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of outputs.
    pub fn classes(&self) -> usize {
        self.classes as usize
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The layers, in the order of the forward pass.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The tensors by name.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The tensor of a name.
    ///
    /// # Errors
    /// [`Code::Checkpoint`] if there is none.
    pub fn weight(&self, key: &str, part: &str) -> Result<&Tensor> {
        let name = format!("{key}.{part}");
        self.weights.get(&name).ok_or_else(|| Error::new(Code::Checkpoint, format!("no tensor {name:?}")))
    }

    /// A hash of the network's name and of every number in it, so that results of other weights are not taken for its own.
    /// It goes over the bytes: a sum would differ with the number of threads.
    ///
    /// # Errors
    /// [`Code::Device`] if a tensor cannot be copied from its device.
    pub fn fingerprint(&self) -> Result<String> {
        if let Some(known) = self.fingerprint.get() {
            return Ok(known.clone());
        }
        let mut text = format!("{} {:?} {:?}", self.name, self.normalisation, self.precision);
        for (name, tensor) in &self.weights {
            let flat = tensor.to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous().view(-1);
            let numbers = Vec::<f32>::try_from(flat)?;
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            text.push_str(&format!(";{name} {}", crate::files::sha256_hex(&bytes)));
        }
        Ok(self.fingerprint.get_or_init(|| crate::files::sha256_hex(text.as_bytes())).clone())
    }

    /// The same network once more, its tensors shared: for another thread.
    pub(crate) fn shared(&self) -> Network {
        Network { kernels: self.kernels.clone(), ..self.with(self.nodes.clone(), shallow(&self.weights)) }
    }

    /// The same once more, for a thread that libtorch works with one thread in: its inference goes by kernels of its own.
    pub(super) fn for_one_thread(&self) -> Network {
        Network { one_thread: true, ..self.shared() }
    }

    /// Whether it is one of [`Network::for_one_thread`].
    pub(super) fn is_for_one_thread(&self) -> bool {
        self.one_thread
    }

    pub(super) fn kernel_cache(&self) -> &Cache {
        &self.kernels
    }

    /// The same network with running statistics that it shares with no other.
    pub(super) fn with_own_statistics(&self) -> Network {
        let _no_grad = tch::no_grad_guard();
        let running = |name: &str| name.ends_with(".running_mean") || name.ends_with(".running_var");
        let own = |(name, tensor): (&String, &Tensor)| {
            (name.clone(), if running(name) { tensor.copy() } else { tensor.shallow_clone() })
        };
        self.with(self.nodes.clone(), self.weights.iter().map(own).collect())
    }

    /// The same in all but layers and tensors.
    fn with(&self, nodes: Vec<Node>, weights: Weights) -> Network {
        Network {
            name: self.name.clone(),
            nodes,
            weights,
            classes: self.classes,
            device: self.device,
            normalisation: self.normalisation,
            precision: self.precision,
            fingerprint: OnceLock::new(),
            kernels: Cache::default(),
            one_thread: false,
        }
    }

    /// The same function in one of its forms.
    ///
    /// # Errors
    /// As [`Network::folded`].
    pub fn in_form(self, form: Form) -> Result<Network> {
        match form {
            Form::Folded => self.folded(),
            Form::Plain => Ok(self),
        }
    }

    /// The same function in a form and a precision, merged in the finer of the two precisions.
    ///
    /// # Errors
    /// As [`Network::folded`].
    pub fn prepared(self, form: Form, precision: Precision) -> Result<Network> {
        if precision == Precision::Double {
            self.in_precision(precision).in_form(form)
        } else {
            Ok(self.in_form(form)?.in_precision(precision))
        }
    }

    /// The same function with every batch normalisation merged into the convolution before it:
    /// `w' = w g / sqrt(var + eps)`, `b' = (b - mean) g / sqrt(var + eps) + beta`. Kernels lie in memory with their channels
    /// last, which convolutions are faster with. A layer whose merged numbers would not all be finite stays one of its own: so
    /// what is NaN or infinite comes out as it does unmerged, and under its own name.
    ///
    /// # Errors
    /// [`Code::Checkpoint`] if a tensor is missing.
    pub fn folded(&self) -> Result<Network> {
        let _no_grad = tch::no_grad_guard();
        let mut readers = vec![0usize; self.nodes.len() + 1];
        self.nodes.iter().flat_map(|node| &node.inputs).for_each(|&input| readers[input] += 1);
        let mut weights = shallow(&self.weights);
        let mut nodes: Vec<Node> = Vec::new();
        // Where the output of each old node comes from in the new list.
        let mut moved = vec![0usize];
        for node in &self.nodes {
            let inputs: Vec<usize> = node.inputs.iter().map(|&input| moved[input]).collect();
            if let Layer::BatchNorm { key, .. } = &node.layer
                && readers[node.inputs[0]] == 1
                && let Some(Node { layer: Layer::Conv { key: conv, bias, .. }, .. }) =
                    inputs[0].checked_sub(1).and_then(|index| nodes.get_mut(index))
                && let Some([kernel, offset]) = self.merged(&weights, conv, key)?
            {
                *bias = true;
                weights.insert(format!("{conv}.weight"), kernel);
                weights.insert(format!("{conv}.bias"), offset);
                for part in ["weight", "bias", "running_mean", "running_var"] {
                    weights.remove(&format!("{key}.{part}"));
                }
                moved.push(inputs[0]);
                continue;
            }
            nodes.push(Node { inputs, ..node.clone() });
            moved.push(nodes.len());
        }
        let weights = weights.into_iter().map(|(name, tensor)| (name, channels_last(tensor))).collect();
        Ok(self.with(nodes, weights))
    }

    /// Kernel and bias of a convolution with the batch normalisation after it; `None` if one of their numbers is not finite.
    fn merged(&self, weights: &Weights, conv: &str, norm: &str) -> Result<Option<[Tensor; 2]>> {
        let [scale, shift] = self.batch_norm_affine(norm)?;
        let kernel = &weights[&format!("{conv}.weight")] * scale.view([-1, 1, 1, 1]);
        let offset = match weights.get(&format!("{conv}.bias")) {
            Some(old) => old * &scale + shift,
            None => shift,
        };
        let finite = |tensor: &Tensor| tensor.isfinite().all().int64_value(&[]) == 1;
        Ok((finite(&kernel) && finite(&offset)).then_some([kernel, offset]))
    }

    /// Batch normalisation as `scale * x + shift`.
    pub(crate) fn batch_norm_affine(&self, key: &str) -> Result<[Tensor; 2]> {
        let deviation = (self.weight(key, "running_var")? + BATCH_NORM_EPSILON).sqrt();
        let scale = self.weight(key, "weight")? / deviation;
        let shift = self.weight(key, "bias")? - self.weight(key, "running_mean")? * &scale;
        Ok([scale, shift])
    }

    /// One row a layer for a picture of `side` x `side`: name, kind, output shape, parameters, multiply-adds.
    ///
    /// # Errors
    /// [`Code::Model`] if the picture is too small for the network.
    pub fn layers(&self, side: i64) -> Result<Vec<LayerSummary>> {
        let sizes = self.output_sizes(&[1, 3, side, side])?;
        let mut rows = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let shape = sizes[index + 1][1..].to_vec();
            let parameters = node.layer.parameters();
            let count = |trained_only: bool| -> i64 {
                let counted = parameters.iter().filter(|parameter| parameter.trained || !trained_only);
                counted.map(|parameter| parameter.shape.iter().product::<i64>()).sum()
            };
            let multiply_adds = match &node.layer {
                Layer::Conv { inputs, kernel, groups, .. } => {
                    shape.iter().product::<i64>() * inputs / groups * kernel * kernel
                }
                Layer::Linear { inputs, outputs, .. } => inputs * outputs,
                _ => 0,
            };
            rows.push(LayerSummary {
                name: node.name.clone(),
                kind: node.layer.kind().to_string(),
                output: shape,
                parameters: count(true),
                multiply_adds,
            });
        }
        Ok(rows)
    }

    /// [`Network::layers`] as a table to look at.
    ///
    /// # Errors
    /// As [`Network::layers`].
    pub fn summary(&self, side: i64) -> Result<Html> {
        let rows = self.layers(side)?;
        let shape = |row: &LayerSummary| row.output.iter().map(|side| side.to_string()).collect::<Vec<_>>().join(" x ");
        let table = df!(
            "layer" => rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>(),
            "kind" => rows.iter().map(|row| row.kind.clone()).collect::<Vec<_>>(),
            "output" => rows.iter().map(shape).collect::<Vec<_>>(),
            "parameters" => rows.iter().map(|row| row.parameters).collect::<Vec<_>>(),
            "multiply-adds" => rows.iter().map(|row| row.multiply_adds).collect::<Vec<_>>(),
        )?;
        let parameters: i64 = rows.iter().map(|row| row.parameters).sum();
        let operations: i64 = rows.iter().map(|row| row.multiply_adds).sum();
        let title = format!(
            "{}: {} layers, {parameters} parameters, {:.1} million multiply-adds for {side} x {side}",
            self.name,
            rows.len(),
            operations as f64 / 1e6
        );
        Ok(notebook::show(&[&title, &notebook::table(&table)]))
    }
}

/// One row a network: `model, layers, parameters, million multiply-adds` for a picture of `side` x `side`.
///
/// # Errors
/// As [`Network::layers`].
pub fn sizes(networks: &[Network], side: i64) -> Result<DataFrame> {
    let layers: Result<Vec<Vec<LayerSummary>>> = networks.iter().map(|network| network.layers(side)).collect();
    let layers = layers?;
    let sum = |of: fn(&LayerSummary) -> i64| layers.iter().map(|rows| rows.iter().map(of).sum()).collect::<Vec<i64>>();
    let operations = sum(|row| row.multiply_adds).into_iter().map(|count| count as f64 / 1e6).collect::<Vec<_>>();
    Ok(df!(
        "model" => networks.iter().map(|network| network.name().to_string()).collect::<Vec<_>>(),
        "layers" => layers.iter().map(|rows| rows.len() as i64).collect::<Vec<_>>(),
        "parameters" => sum(|row| row.parameters),
        "million multiply-adds" => operations,
    )?)
}

/// One row of [`Network::layers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSummary {
    /// The layer's name.
    pub name: String,
    /// Its kind in one or two words.
    pub kind: String,
    /// Shape of its output, without the batch.
    pub output: Vec<i64>,
    /// Trained parameters.
    pub parameters: i64,
    /// Multiplications and additions of one picture, counted as pairs.
    pub multiply_adds: i64,
}

/// The same tensors once more, their numbers shared.
fn shallow(weights: &Weights) -> Weights {
    weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}

/// A tensor of four sides in memory as row, column, channel; any other as it is.
pub(crate) fn channels_last(tensor: Tensor) -> Tensor {
    match tensor.size()[..] {
        [_, _, _, _] => tensor.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]),
        _ => tensor,
    }
}

fn check_weights(nodes: &[Node], weights: &Weights, allow: &[Allow]) -> Result<()> {
    let needed = parameters(nodes);
    let have = weights.iter().map(|(name, tensor)| (name.clone(), tensor.size())).collect();
    Fit::between(&needed, &have).check()?;
    for name in needed.keys().filter(|_| !allow.contains(&Allow::NonFinite)) {
        if weights[name].isfinite().all().int64_value(&[]) == 0 {
            return Err(Error::new(Code::Checkpoint, "holds NaN or infinity")
                .place(format!("tensor {name}"))
                .hint("fetch the checkpoint again, or add \"allow\": [\"non_finite\"] to the network in study.json"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::read_weights;

    fn golden() -> (Architecture, Weights) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/slim-resnet50.pth");
        (architecture("slim-resnet50").unwrap(), read_weights(&path).unwrap())
    }

    fn copied(weights: &Weights) -> Weights {
        weights.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect()
    }

    #[test]
    fn bad_input_46_16_and_64_bit_weights_become_32_bit_ones() {
        let (table, weights) = golden();
        let as_float = |tensor: &Tensor| tensor.to_kind(Kind::Float);
        for kind in [Kind::Half, Kind::BFloat16, Kind::Double] {
            let stored: Weights = weights.iter().map(|(name, tensor)| (name.clone(), tensor.to_kind(kind))).collect();
            let network = Network::new("m", &table, copied(&stored), Device::Cpu).unwrap();
            assert_eq!(network.precision(), Precision::Single);
            for (name, tensor) in network.weights() {
                assert_eq!((tensor.kind(), tensor), (Kind::Float, &as_float(&stored[name])), "{kind:?} {name}");
            }
        }
    }

    #[test]
    fn bad_input_49_tensors_that_do_not_fit_are_listed_and_the_network_is_unchanged() {
        let (table, weights) = golden();
        let network = Network::new("m", &table, copied(&weights), Device::Cpu).unwrap();
        let before = network.fingerprint().unwrap();
        let mut other = copied(&weights);
        other.remove("conv1.weight");
        other.insert("conv0.weight".into(), Tensor::zeros([1], (Kind::Float, tch::Device::Cpu)));
        // One that torch would broadcast.
        other.insert("fc.bias".into(), Tensor::zeros([1], (Kind::Float, tch::Device::Cpu)));
        for error in [
            Network::new("m", &table, copied(&other), Device::Cpu).unwrap_err(),
            network.with_weights(other).unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::Checkpoint);
            for part in
                ["missing: conv1.weight;", "not of this network: conv0.weight;", "fc.bias is [1], expected [10]"]
            {
                assert!(error.to_string().contains(part), "{part}: {error}");
            }
        }
        let again = Network::new("m", &table, weights, Device::Cpu).unwrap();
        assert_eq!((&before, &before), (&network.fingerprint().unwrap(), &again.fingerprint().unwrap()));
        let now = network.named("m"); // A new name forgets the hash that is known.
        assert_eq!(now.fingerprint().unwrap(), before);
    }
}
