//! Batch normalisation merged into convolutions.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::layer::{Layer, Node};
use super::network::Network;
use super::weights::{self, Weights};
use crate::error::Result;

/// Where a network's batch normalisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Merged into the convolutions.
    Folded,
    /// In layers of its own, as the checkpoint has it.
    Plain,
}

impl Network {
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

    /// The same function with every batch normalisation merged into the convolution before it:
    /// `w' = w g / sqrt(var + eps)`, `b' = (b - mean) g / sqrt(var + eps) + beta`. A layer whose merged numbers would not all be finite stays one of its own: so
    /// what is NaN or infinite comes out as it does unmerged, and under its own name.
    ///
    /// # Errors
    /// [`Code::Checkpoint`](crate::error::Code::Checkpoint) if a tensor is missing.
    pub fn folded(&self) -> Result<Network> {
        let _no_grad = tch::no_grad_guard();
        let mut readers = vec![0usize; self.nodes().len() + 1];
        self.nodes().iter().flat_map(|node| &node.inputs).for_each(|&input| readers[input] += 1);
        let mut weights = weights::shared(self.weights());
        let mut nodes: Vec<Node> = Vec::new();
        // Where the output of each old node comes from in the new list.
        let mut moved = vec![0usize];
        for node in self.nodes() {
            let inputs: Vec<usize> = node.inputs.iter().map(|&input| moved[input]).collect();
            if let Layer::BatchNorm { key, epsilon, .. } = &node.layer
                && readers[node.inputs[0]] == 1
                && let Some(Node { layer: Layer::Conv { key: conv, bias, .. }, .. }) =
                    inputs[0].checked_sub(1).and_then(|index| nodes.get_mut(index))
                && let Some([kernel, offset]) = self.merged(&weights, conv, (key, *epsilon))?
            {
                *bias = true;
                weights.insert(format!("{conv}.weight"), kernel);
                weights.insert(format!("{conv}.bias"), offset);
                node.layer.parameters().iter().for_each(|parameter| drop(weights.remove(&parameter.name)));
                moved.push(inputs[0]);
                continue;
            }
            nodes.push(Node { inputs, ..node.clone() });
            moved.push(nodes.len());
        }
        Ok(self.with(nodes, weights))
    }

    /// Kernel and bias of a convolution with the batch normalisation after it; `None` if one of their numbers is not finite.
    fn merged(&self, weights: &Weights, conv: &str, norm: (&str, f64)) -> Result<Option<[Tensor; 2]>> {
        let [scale, shift] = self.batch_norm_affine(norm)?;
        let kernel = &weights[&format!("{conv}.weight")] * scale.view([-1, 1, 1, 1]);
        let offset = match weights.get(&format!("{conv}.bias")) {
            Some(old) => old * &scale + shift,
            None => shift,
        };
        let finite = |tensor: &Tensor| tensor.isfinite().all().int64_value(&[]) == 1;
        Ok((finite(&kernel) && finite(&offset)).then_some([kernel, offset]))
    }

    /// Batch normalisation of a key, and what is added to its variance, as `scale * x + shift`.
    pub(crate) fn batch_norm_affine(&self, (key, epsilon): (&str, f64)) -> Result<[Tensor; 2]> {
        let deviation = (self.weight(key, "running_var")? + epsilon).sqrt();
        let scale = self.weight(key, "weight")? / deviation;
        let shift = self.weight(key, "bias")? - self.weight(key, "running_mean")? * &scale;
        Ok([scale, shift])
    }
}
