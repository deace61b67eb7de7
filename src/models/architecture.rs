//! An architecture: layers without numbers.

use super::layer::{Layer, Node};
use super::normalisation::Normalisation;
use crate::pixels::View;

/// The layers of a network, in the order of the forward pass, and how many outputs it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    nodes: Vec<Node>,
    classes: i64,
    view: View,
    normalisation: Normalisation,
}

impl Architecture {
    /// Layers of any kind; `classes` is the number of outputs, of a network from pictures to pictures that of its channels.
    pub fn new(nodes: Vec<Node>, classes: i64) -> Self {
        Architecture { nodes, classes, view: View::IMAGENET, normalisation: Normalisation::imagenet() }
    }

    /// Layers of which the last fully connected one, or convolution, has the classes as its outputs.
    pub(super) fn of(mut nodes: Vec<Node>) -> Self {
        let classes = head(&mut nodes).map_or(0, |outputs| *outputs);
        Architecture::new(nodes, classes)
    }

    /// The same for pictures of another size, normalised otherwise.
    pub fn seeing(self, view: View, normalisation: Normalisation) -> Self {
        Architecture { view, normalisation, ..self }
    }

    /// What its networks see of a photograph, unless told otherwise.
    pub fn view(&self) -> View {
        self.view
    }

    /// How pictures for its networks are normalised, unless told otherwise.
    pub fn normalisation(&self) -> Normalisation {
        self.normalisation
    }

    /// The same network with another number of outputs; one without a fully connected layer or a convolution stays as it is.
    ///
    /// ```
    /// let mine = lgf::models::architecture("resnet18")?.with_classes(7);
    /// assert_eq!(mine.classes(), 7);
    /// # Ok::<(), lgf::Error>(())
    /// ```
    pub fn with_classes(mut self, classes: i64) -> Self {
        if let Some(outputs) = head(&mut self.nodes) {
            (*outputs, self.classes) = (classes, classes);
        }
        self
    }

    /// Number of outputs.
    pub fn classes(&self) -> i64 {
        self.classes
    }

    /// The layers in the order of the forward pass.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many numbers training changes.
    #[cfg(test)]
    pub(super) fn count(&self) -> i64 {
        let parameters = self.nodes.iter().flat_map(|node| node.layer.parameters());
        parameters.filter(|parameter| parameter.is_trained()).map(|parameter| parameter.count()).sum()
    }
}

/// The outputs of the layer that makes the classes.
fn head(nodes: &mut [Node]) -> Option<&mut i64> {
    nodes.iter_mut().rev().find_map(|node| match &mut node.layer {
        Layer::Linear { outputs, .. } | Layer::Conv { outputs, .. } => Some(outputs),
        _ => None,
    })
}
