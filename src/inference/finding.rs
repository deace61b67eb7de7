//! Where numbers of a network stop being finite.

use tch::Tensor;

use super::engine::Engine;
use super::plan::Plan;
use crate::error::{Code, Error, Result};
use crate::models::{BATCH_NORM_EPSILON, BatchStatistics, Node, Part};

impl Engine {
    /// Why something of the network is not finite for a picture `[1, 3, h, w]`: the layer out of which the first number comes
    /// that is not, of the plain operators one after another, and what is wrong with its tensors.
    pub(crate) fn not_finite(&self, what: &str, picture: &Tensor) -> Error {
        let found = match self.first_not_finite(picture) {
            Ok(Some((value, None))) => format!("; the input itself holds {value}"),
            Ok(Some((value, Some(node)))) => {
                let why = self.wrong_tensor(node).unwrap_or_else(|| "where numbers are too large".to_string());
                format!("; {value} first comes out of layer {} ({}), {why}", node.name, node.layer.kind())
            }
            Ok(None) => "; what comes out of each of its layers is".to_string(),
            Err(error) => format!("; which layer makes them so was not found: {}", error.message()),
        };
        Error::new(Code::Numeric, format!("{what} of {} are not finite{found}", self.name()))
    }

    /// The first number that is not finite, and the layer that made it; none for the input itself.
    fn first_not_finite(&self, picture: &Tensor) -> Result<Option<(f64, Option<&Node>)>> {
        let _no_grad = tch::no_grad_guard();
        let wrong = |tensor: &Tensor| -> Result<Option<f64>> {
            let values = tensor.f_masked_select(&tensor.f_isfinite()?.f_logical_not()?)?;
            Ok((values.numel() > 0).then(|| values.double_value(&[0])))
        };
        let plan = Plan::new(self.nodes(), false, &[]);
        let picture = picture.to_kind(self.precision().kind());
        if let Some(value) = wrong(&picture)? {
            return Ok(Some((value, None)));
        }
        let mut values = vec![Some(picture)];
        for (index, node) in self.nodes().iter().enumerate() {
            let read = |&input: &usize| values[input].as_ref().expect("read before it was dropped");
            let inputs: Vec<&Tensor> = node.inputs.iter().map(read).collect();
            let output = node.forward(self.weights(), &inputs, BatchStatistics::Running)?;
            if let Some(value) = wrong(&output)? {
                return Ok(Some((value, Some(node))));
            }
            values.push(Some(output));
            plan.dropped[index].iter().for_each(|&input| values[input] = None);
        }
        Ok(None)
    }

    /// What of a layer's tensors makes numbers that are not finite.
    fn wrong_tensor(&self, node: &Node) -> Option<String> {
        node.layer.parameters().iter().find_map(|parameter| {
            let tensor = self.weights().get(&parameter.name)?;
            if tensor.isfinite().all().int64_value(&[]) == 0 {
                return Some(format!("whose {} holds NaN or infinity", parameter.name));
            }
            let least = tensor.min().double_value(&[]);
            let variance = parameter.part == Part::Variance && least <= -BATCH_NORM_EPSILON;
            variance.then(|| format!("whose {} holds {least:.3e}: no variance is negative", parameter.name))
        })
    }
}
