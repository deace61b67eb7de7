//! What is explained, and by which rules.

use crate::error::{Code, Error, Result};
use crate::files::ImageFile;
use crate::inference::{Engine, Normalise};
use crate::models::{Form, Layer, Role};
use crate::study::ClassList;

use super::engine::rules_of;
use super::rule::{Composite, could_be_merged};

/// Which class's logit is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The one that the network chose, right or wrong, as published (fault C4).
    Predicted,
    /// The one that the photograph shows.
    True,
    /// The output of this number.
    Class(usize),
}

/// How relevance is computed.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Parameters {
    /// Which rule each layer gets.
    pub composite: Composite,
    /// Which class is explained.
    pub target: Target,
    /// What is done to the pictures' values.
    pub normalise: Normalise,
    /// Pictures at a time; where the memory of the device does not suffice, halves of that.
    pub batch: usize,
}

/// A composite for canonised networks meets one with batch normalisation, or the other way round: said before any work.
pub(super) fn check_form(network: &Engine, composite: &Composite) -> Result<()> {
    // What cannot be merged, because its numbers are not finite, shows in the logits.
    let plain = network.nodes().iter().any(|node| matches!(node.layer, Layer::BatchNorm { .. }));
    if plain && composite.form == Form::Folded && network.folded()?.nodes().len() < network.nodes().len() {
        let found =
            format!("{} has batch normalisation, and {} is for networks without", network.name(), composite.name);
        return Err(Error::new(Code::Model, found).hint("merge it into the convolutions: network.folded()?"));
    }
    Ok(())
}

/// Whether relevance can pass a network by a composite: every layer that it reaches has a rule. Said before any work.
///
/// # Errors
/// [`Code::Model`] naming the network and the layer.
pub(super) fn check_rules(network: &Engine, composite: &Composite) -> Result<()> {
    check_form(network, composite)?;
    let nodes = network.nodes();
    // What could not be merged, because its numbers are not finite, shows in the logits.
    let unmerged = |index: &usize| nodes[*index].layer.role() == Role::BatchNorm && could_be_merged(nodes, *index);
    match rules_of(nodes, composite) {
        Err(error) if !(0..nodes.len()).any(|index| unmerged(&index)) => {
            Err(error.hint(format!("no map of {} can be made by rules; gradients need none", network.name())))
        }
        _ => Ok(()),
    }
}

/// The class to explain of a photograph; `None` where the network is to choose.
pub(super) fn target(how: Target, image: &ImageFile, network: &Engine, classes: &ClassList) -> Result<Option<usize>> {
    match how {
        Target::Predicted => Ok(None),
        Target::Class(class) if class < network.classes() => Ok(Some(class)),
        Target::Class(class) => {
            let found = format!("target {class} is not among the {} outputs of {}", network.classes(), network.name());
            Err(Error::new(Code::Parameter, found).hint("targets are numbers of outputs, from 0 on"))
        }
        Target::True => classes.index_of(&image.wnid).map(Some).ok_or_else(|| {
            Error::new(Code::Model, format!("class {:?} is not among the outputs", image.wnid)).path(&image.path)
        }),
    }
}
