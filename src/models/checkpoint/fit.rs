//! Whether tensors are those of a network: by their names and shapes alone.

use std::collections::BTreeMap;

use super::choice::Choice;
use crate::error::{Code, Error, Result, listed_by};
use crate::models::families::{architecture, architectures};
use crate::models::layer::Node;

/// The tensors that layers need: shapes by name.
pub fn parameters(nodes: &[Node]) -> BTreeMap<String, Vec<i64>> {
    nodes.iter().flat_map(|node| node.layer.parameters()).map(|parameter| (parameter.name, parameter.shape)).collect()
}

impl Choice {
    /// The tensors of a file that a network needs.
    pub(crate) fn of_network(file: &std::path::Path, needed: &BTreeMap<String, Vec<i64>>) -> Self {
        Choice { names: needed.keys().cloned().collect(), ..Choice::of_file(file) }
    }
}

/// How tensors differ from those that a network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    missing: Vec<String>,
    surplus: Vec<String>,
    /// Name, shape that there is, shape that is needed.
    shapes: Vec<(String, Vec<i64>, Vec<i64>)>,
}

impl Fit {
    /// What is needed against what there is, without the counters of batches, which no result hangs on, and the numbers of
    /// relative positions, which hang on nothing but the side of a window.
    pub fn between(needed: &BTreeMap<String, Vec<i64>>, have: &BTreeMap<String, Vec<i64>>) -> Self {
        let counts = |name: &str| name.ends_with("num_batches_tracked") || name.ends_with("relative_position_index");
        let differing = needed.iter().filter_map(|(name, shape)| {
            let found = have.get(name)?;
            (found != shape).then(|| (name.clone(), found.clone(), shape.clone()))
        });
        Fit {
            missing: needed.keys().filter(|name| !have.contains_key(*name)).cloned().collect(),
            surplus: have.keys().filter(|name| !counts(name) && !needed.contains_key(*name)).cloned().collect(),
            shapes: differing.collect(),
        }
    }

    /// Whether nothing differs.
    pub(crate) fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty() && self.shapes.is_empty()
    }

    /// The first names and shapes that differ.
    pub fn text(&self) -> String {
        let name = |name: &String| name.clone();
        let shape =
            |(name, found, needed): &(String, Vec<i64>, Vec<i64>)| format!("{name} is {found:?}, expected {needed:?}");
        let parts = [
            ("missing", self.missing.len(), listed_by(&self.missing, 4, name)),
            ("not of this network", self.surplus.len(), listed_by(&self.surplus, 4, name)),
            ("of another shape", self.shapes.len(), listed_by(&self.shapes, 4, shape)),
        ];
        let parts = parts.into_iter().filter(|(_, count, _)| *count > 0);
        parts.map(|(what, _, list)| format!("{what}: {list}")).collect::<Vec<_>>().join("; ")
    }

    /// The number of outputs that there is and that is needed, where nothing but the last layer differs.
    fn outputs(&self) -> Option<(i64, i64)> {
        let others = self
            .shapes
            .iter()
            .map(|(_, found, needed)| (found.first(), needed.first(), found.get(1..) == needed.get(1..)));
        let mut others = others.collect::<Vec<_>>();
        others.dedup();
        match (&others[..], self.shapes.len(), self.missing.is_empty() && self.surplus.is_empty()) {
            ([(Some(found), Some(needed), true)], 2, true) => Some((**found, **needed)),
            _ => None,
        }
    }

    /// The error for it; `fits` are the architectures that the tensors are of.
    pub fn error(&self, fits: &[String]) -> Error {
        if let Some((found, needed)) = self.outputs() {
            return Error::new(Code::Checkpoint, format!("{found} outputs, expected {needed}; {}", self.text()))
                .hint("the network was trained for other classes than the architecture's");
        }
        let hint = match fits {
            [] if self.surplus.is_empty() && self.shapes.is_empty() => {
                "the network was saved without these layers".to_string()
            }
            [] if self.missing.is_empty() && self.shapes.is_empty() => {
                "the file holds all of the network, and layers that it does not have".to_string()
            }
            [] => "no architecture that is known has these names and shapes".to_string(),
            fits => format!("the file is of the architecture {}", fits.join(" or ")),
        };
        Error::new(Code::Checkpoint, format!("the weights do not fit; {}", self.text())).hint(hint)
    }

    /// Nothing if nothing differs.
    ///
    /// # Errors
    /// [`Code::Checkpoint`] with the first names and shapes that do.
    pub fn check(&self) -> Result<()> {
        if self.is_whole() {
            return Ok(());
        }
        Err(Error::new(Code::Checkpoint, format!("the weights do not fit; {}", self.text()))
            .hint("check that the architecture is the one that the checkpoint was made for"))
    }
}

/// The architectures that tensors are of, whatever their number of outputs.
pub(crate) fn architectures_of(tensors: &BTreeMap<String, Vec<i64>>) -> Vec<String> {
    let is = |name: &String| {
        architecture(name).is_ok_and(|table| {
            let fit = Fit::between(&parameters(table.nodes()), tensors);
            fit.is_whole() || fit.outputs().is_some()
        })
    };
    architectures().into_iter().filter(is).collect()
}
