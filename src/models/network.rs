//! A network as a value: its layers and its weights. How it is executed, it does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use tch::{Kind, Tensor};

use super::architecture::Architecture;
use super::checkpoint::{Fit, parameters, read_fitting};
use super::families::architecture;
use super::layer::{Layer, Node, Part};
use super::normalisation::Normalisation;
use super::weights::{self, Weights};
use crate::error::{Code, Error, Result};
use crate::notebook;
use crate::pixels::View;
use crate::study::Allow;

/// What is chosen when a checkpoint is loaded, and what is let pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loading<'a> {
    /// The table that is meant where a file holds several: its key, `/` between the keys of nested ones; or what the
    /// names that are meant begin with.
    pub table: Option<&'a str>,
    /// What is let pass.
    pub allow: &'a [Allow],
}

/// A network: layers in the order of the forward pass, and the tensors they name.
#[derive(Debug)]
pub struct Network {
    name: String,
    nodes: Vec<Node>,
    weights: Weights,
    classes: i64,
    normalisation: Normalisation,
    view: View,
    fingerprint: OnceLock<String>,
}

impl Network {
    /// Puts an architecture and weights together, as 32-bit numbers.
    ///
    /// # Errors
    /// [`Code::Checkpoint`] with every missing, surplus and wrongly shaped tensor, or the first one that is not finite;
    /// [`Code::Model`] for a layer that reads what comes after it.
    pub fn new(name: &str, architecture: &Architecture, weights: Weights) -> Result<Self> {
        Network::allowing(name, architecture, weights, &[])
    }

    fn allowing(name: &str, architecture: &Architecture, weights: Weights, allow: &[Allow]) -> Result<Self> {
        let nodes = architecture.nodes();
        let later = nodes
            .iter()
            .enumerate()
            .find(|(index, node)| node.inputs.is_empty() || node.inputs.iter().any(|input| input > index));
        if let Some((_, node)) = later {
            let found = "reads no layer, or one that comes after it";
            return Err(Error::new(Code::Model, found).place(format!("layer {}", node.name)));
        }
        check_weights(nodes, &weights, allow)?;
        let needed = parameters(nodes);
        let weights = weights
            .into_iter()
            .filter(|(name, _)| needed.contains_key(name))
            .map(|(name, tensor)| (name, tensor.to_kind(Kind::Float).contiguous()))
            .collect();
        Ok(Network {
            name: name.to_string(),
            nodes: nodes.to_vec(),
            weights,
            classes: architecture.classes(),
            normalisation: architecture.normalisation(),
            view: architecture.view(),
            fingerprint: OnceLock::new(),
        })
    }

    /// The network of an architecture's name with the weights of a checkpoint (`.safetensors`, or `.pth` as
    /// `torch.save` writes it). Weights of 16 or 64 bits become such of 32, and that is said.
    ///
    /// # Errors
    /// [`Code::Model`] for an unknown name, [`Code::Checkpoint`] if the file cannot be read or does not fit.
    pub fn load(name: &str, checkpoint: impl AsRef<Path>) -> Result<Self> {
        Network::load_with(name, checkpoint, &Loading::default())
    }

    /// As [`load`](Network::load), from one of several tables in the file, or with some faults let pass.
    ///
    /// # Errors
    /// As [`load`](Network::load), but for what is allowed.
    pub fn load_with(name: &str, checkpoint: impl AsRef<Path>, how: &Loading<'_>) -> Result<Self> {
        let path = checkpoint.as_ref();
        let table = architecture(name)?;
        let weights = read_fitting(path, &parameters(table.nodes()), how.table)?;
        if !how.allow.contains(&Allow::NonFinite) {
            check_variances(table.nodes(), &weights).map_err(|error| error.path(path))?;
        }
        let kinds: BTreeSet<String> = weights
            .values()
            .map(Tensor::kind)
            .filter(|kind| matches!(kind, Kind::Half | Kind::BFloat16 | Kind::Double))
            .map(|kind| format!("{kind:?}"))
            .collect();
        let network = Network::allowing(name, &table, weights, how.allow).map_err(|error| error.or_path(path))?;
        if !kinds.is_empty() {
            let kinds = kinds.into_iter().collect::<Vec<_>>().join(" and ");
            notebook::say(&format!("{}: weights of type {kinds}, taken as 32-bit numbers", path.display()));
        }
        Ok(network)
    }

    /// The same layers with other numbers, as written by [`write_weights`](super::write_weights); of the type of its own, and
    /// where its own are.
    ///
    /// # Errors
    /// [`Code::Checkpoint`] with every missing, surplus and wrongly shaped tensor.
    pub fn with_weights(&self, weights: Weights) -> Result<Network> {
        check_weights(&self.nodes, &weights, &[Allow::NonFinite])?;
        let like = |name: &str, tensor: Tensor| match self.weights.get(name) {
            Some(own) => tensor.to_kind(own.kind()).to_device(own.device()),
            None => tensor,
        };
        let weights = weights.into_iter().map(|(name, tensor)| (name.clone(), like(&name, tensor))).collect();
        Ok(self.with(self.nodes.clone(), weights))
    }

    /// The same network under another name in tables, such as `sin-resnet50`.
    pub fn named(self, name: &str) -> Self {
        Network { name: name.to_string(), fingerprint: OnceLock::new(), ..self }
    }

    /// The same network, that sees another part of a photograph, or in another size; as its architecture usually does unless
    /// told.
    pub fn seeing(self, view: View) -> Self {
        Network { view, fingerprint: OnceLock::new(), ..self }
    }

    /// What it sees of a photograph.
    pub fn view(&self) -> View {
        self.view
    }

    /// The same network, trained on pictures that were normalised so; as its architecture usually is unless told.
    pub fn trained_on(self, normalisation: Normalisation) -> Self {
        Network { normalisation, fingerprint: OnceLock::new(), ..self }
    }

    /// How the pictures that it was trained on were normalised.
    pub fn normalisation(&self) -> &Normalisation {
        &self.normalisation
    }

    /// The name in tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of outputs.
    pub fn classes(&self) -> usize {
        self.classes as usize
    }

    /// The layers, in the order of the forward pass.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The tensors by name.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The tensor of a layer: `part` is `weight`, `bias`, `running_mean` or `running_var`.
    ///
    /// # Errors
    /// [`Code::Checkpoint`] if there is none.
    pub fn weight(&self, key: &str, part: &str) -> Result<&Tensor> {
        weights::tensor(&self.weights, key, part)
    }

    /// The shape of the pictures, and of what comes out of each node.
    ///
    /// # Errors
    /// [`Code::Model`] if a window does not fit.
    pub(crate) fn output_sizes(&self, pictures: &[i64]) -> Result<Vec<Vec<i64>>> {
        let mut sizes = vec![pictures.to_vec()];
        for node in &self.nodes {
            let size = node.size(&sizes);
            if size.is_empty() || size.iter().any(|&side| side < 1) {
                return Err(Error::new(Code::Model, format!("pictures of {pictures:?} are too small"))
                    .place(format!("layer {}", node.name)));
            }
            sizes.push(size);
        }
        Ok(sizes)
    }

    /// A hash of the network's name, of how its pictures are normalised, and of every number in it, so that results of other
    /// weights are not taken for its own. It goes over the bytes: a sum would differ with the number of threads.
    ///
    /// # Errors
    /// [`Code::Device`] if a tensor cannot be copied from its device.
    pub(crate) fn fingerprint(&self) -> Result<String> {
        if let Some(known) = self.fingerprint.get() {
            return Ok(known.clone());
        }
        let mut text = format!("{} {:?}", self.name, self.normalisation);
        if self.view != View::IMAGENET {
            text.push_str(&format!(" {:?}", self.view));
        }
        for node in &self.nodes {
            if let Layer::Program(program) = &node.layer {
                text.push_str(&format!(";program {}", program.sha256()));
            }
        }
        for (name, tensor) in &self.weights {
            let flat = tensor.to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous().view(-1);
            let numbers = Vec::<f32>::try_from(flat)?;
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            text.push_str(&format!(";{name} {:?} {}", tensor.kind(), crate::files::sha256_hex(&bytes)));
        }
        Ok(self.fingerprint.get_or_init(|| crate::files::sha256_hex(text.as_bytes())).clone())
    }

    /// The same network without its numbers, which it is known by all the same: for a look at what others computed with it.
    ///
    /// # Errors
    /// [`Code::Model`] if a tensor cannot be read.
    pub(crate) fn without_weights(self) -> Result<Network> {
        self.fingerprint()?;
        Ok(Network { weights: Weights::new(), ..self })
    }

    /// The same network once more, its tensors shared.
    pub fn shared(&self) -> Network {
        self.with(self.nodes.clone(), weights::shared(&self.weights))
    }

    /// The same network with each tensor made into another one of its shape: of another type, at another place.
    pub(crate) fn with_each(&self, change: impl Fn(&Tensor) -> Tensor) -> Network {
        let _no_grad = tch::no_grad_guard();
        let changed = self.weights.iter().map(|(name, tensor)| (name.clone(), change(tensor)));
        self.with(self.nodes.clone(), changed.collect())
    }

    /// The same network with running statistics that it shares with no other.
    pub(crate) fn with_own_statistics(&self) -> Network {
        let _no_grad = tch::no_grad_guard();
        let mut weights = weights::shared(&self.weights);
        let parameters = self.nodes.iter().flat_map(|node| node.layer.parameters());
        for parameter in parameters.filter(|parameter| !parameter.is_trained()) {
            if let Some(tensor) = weights.get_mut(&parameter.name) {
                *tensor = tensor.copy();
            }
        }
        self.with(self.nodes.clone(), weights)
    }

    /// The same in all but layers and tensors.
    pub(super) fn with(&self, nodes: Vec<Node>, weights: Weights) -> Network {
        Network {
            name: self.name.clone(),
            nodes,
            weights,
            classes: self.classes,
            normalisation: self.normalisation,
            view: self.view,
            fingerprint: OnceLock::new(),
        }
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

/// None is below 0: the network would give NaN.
fn check_variances(nodes: &[Node], weights: &Weights) -> Result<()> {
    let parameters = nodes.iter().flat_map(|node| node.layer.parameters());
    let variances: BTreeMap<String, &Tensor> = parameters
        .filter(|parameter| parameter.part == Part::Variance)
        .filter_map(|parameter| weights.get(&parameter.name).map(|tensor| (parameter.name, tensor)))
        .collect();
    for (name, tensor) in variances {
        if tensor.lt(0.0).any().int64_value(&[]) != 0 {
            let least = tensor.to_kind(Kind::Double).min().double_value(&[]);
            let found = format!("a variance of {least}, and none is below 0: the network would give NaN");
            return Err(Error::new(Code::Checkpoint, found).place(format!("tensor {name}")).hint(
                "fetch the checkpoint again; a study lets it pass where its network has \"allow\": [\"non_finite\"] in study.json",
            ));
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
            let network = Network::new("m", &table, copied(&stored)).unwrap();
            for (name, tensor) in network.weights() {
                assert_eq!((tensor.kind(), tensor), (Kind::Float, &as_float(&stored[name])), "{kind:?} {name}");
            }
        }
    }

    #[test]
    fn bad_input_49_tensors_that_do_not_fit_are_listed_and_the_network_is_unchanged() {
        let (table, weights) = golden();
        let network = Network::new("m", &table, copied(&weights)).unwrap();
        let before = network.fingerprint().unwrap();
        let mut other = copied(&weights);
        other.remove("conv1.weight");
        other.insert("conv0.weight".into(), Tensor::zeros([1], (Kind::Float, tch::Device::Cpu)));
        // One that torch would broadcast.
        other.insert("fc.bias".into(), Tensor::zeros([1], (Kind::Float, tch::Device::Cpu)));
        for error in [Network::new("m", &table, copied(&other)).unwrap_err(), network.with_weights(other).unwrap_err()]
        {
            assert_eq!(error.code(), Code::Checkpoint);
            for part in
                ["missing: conv1.weight;", "not of this network: conv0.weight;", "fc.bias is [1], expected [10]"]
            {
                assert!(error.to_string().contains(part), "{part}: {error}");
            }
        }
        let again = Network::new("m", &table, weights).unwrap();
        assert_eq!((&before, &before), (&network.fingerprint().unwrap(), &again.fingerprint().unwrap()));
        let now = network.named("m"); // A new name forgets the hash that is known.
        assert_eq!(now.fingerprint().unwrap(), before);
    }
}
