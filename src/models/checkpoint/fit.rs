//! Whether tensors are those of a network: by their names and shapes alone.

use std::collections::BTreeMap;

use super::choice::{Choice, is_counter};
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
    /// Side of the first convolution's kernel: what a transformer cuts pictures into.
    square: Option<i64>,
}

/// The shape that a tensor is taken in: the needed one where its numbers are the same in the same order, one side for several.
/// So a factor a channel may be `[c]` or `[c, 1, 1]`, and a fully connected layer stands as a convolution in some files.
fn taken_as<'s>(found: &'s [i64], needed: &'s [i64]) -> &'s [i64] {
    let (few, many) = if found.len() < needed.len() { (found, needed) } else { (needed, found) };
    let same = few.len() < many.len()
        && matches!(few.len(), 1 | 2)
        && few.first() == many.first()
        && many[1..].iter().try_fold(1i64, |count, side| count.checked_mul(*side))
            == Some(few.get(1).copied().unwrap_or(1));
    if same { needed } else { found }
}

/// Shapes as they are taken for a network.
pub fn as_taken(shapes: BTreeMap<String, Vec<i64>>, needed: &BTreeMap<String, Vec<i64>>) -> BTreeMap<String, Vec<i64>> {
    let taken = |(name, shape): (String, Vec<i64>)| match needed.get(&name) {
        Some(needed) => (name, taken_as(&shape, needed).to_vec()),
        None => (name, shape),
    };
    shapes.into_iter().map(taken).collect()
}

impl Fit {
    /// What is needed against what there is, without [counters](is_counter).
    pub fn between(needed: &BTreeMap<String, Vec<i64>>, have: &BTreeMap<String, Vec<i64>>) -> Self {
        let differing = needed.iter().filter_map(|(name, shape)| {
            let found = have.get(name)?;
            (found != shape).then(|| (name.clone(), found.clone(), shape.clone()))
        });
        Fit {
            missing: needed.keys().filter(|name| !have.contains_key(*name)).cloned().collect(),
            surplus: have.keys().filter(|name| !is_counter(name) && !needed.contains_key(*name)).cloned().collect(),
            shapes: differing.collect(),
            square: needed.values().find_map(|shape| if let [_, _, side, _] = shape[..] { Some(side) } else { None }),
        }
    }

    /// The same, with the names that the file has for tensors.
    pub(super) fn in_words_of(mut self, elsewhere: &BTreeMap<String, String>) -> Self {
        let named = self.shapes.iter_mut().map(|(name, ..)| name).chain(&mut self.surplus);
        named.for_each(|name| *name = elsewhere.get(name).unwrap_or(name).clone());
        self
    }

    /// Names of tensors that the network does not have.
    pub(super) fn surplus(&self) -> &[String] {
        &self.surplus
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

    /// Places along a side of the pictures that there are and that are needed, where nothing but a transformer's positions
    /// differs: a token for the class, and one for each square.
    fn places(&self) -> Option<[i64; 2]> {
        let [(_, found, needed)] = &self.shapes[..] else { return None };
        let ([1, found, features], [1, needed, expected]) = (&found[..], &needed[..]) else { return None };
        let side =
            |tokens: i64| Some((tokens - 1).checked_isqrt()?).filter(|side| *side > 0 && side * side == tokens - 1);
        let alone = self.missing.is_empty() && self.surplus.is_empty() && features == expected;
        Some([side(*found)?, side(*needed)?]).filter(|_| alone)
    }

    /// The error for it; `fits` are the architectures that the tensors are of.
    pub fn error(&self, fits: &[String]) -> Error {
        if let Some((found, needed)) = self.outputs() {
            return Error::new(Code::Checkpoint, format!("{found} outputs, expected {needed}; {}", self.text()))
                .hint("the network was trained for other classes than the architecture's");
        }
        if let (Some([found, needed]), Some(square)) = (self.places(), self.square) {
            let (trained, expected) = (found * square, needed * square);
            let found = format!(
                "positions of {found} x {found} squares, expected {needed} x {needed}: it was trained on pictures of {trained} x \
                 {trained}, which is not supported; {}",
                self.text()
            );
            return Error::new(Code::Checkpoint, found)
                .hint(format!("take weights that were trained on pictures of {expected} x {expected}"));
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
    let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
    let is = |name: &String| {
        architecture(name).is_ok_and(|table| {
            let needed = parameters(table.nodes());
            let reading = Choice::of_network("".as_ref(), &needed).reading(&names);
            let shapes = match reading {
                Some(reading) => {
                    let read = reading.own.into_iter().zip(tensors.values());
                    read.filter_map(|(name, shape)| Some((name?, shape.clone()))).collect()
                }
                None => tensors.clone(),
            };
            let fit = Fit::between(&needed, &as_taken(shapes, &needed));
            fit.is_whole() || fit.outputs().is_some()
        })
    };
    architectures().into_iter().filter(is).collect()
}
