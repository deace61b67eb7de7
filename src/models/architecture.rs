//! An architecture: layers without numbers.

use super::layer::{Layer, Node};

/// The layers of a network, in the order of the forward pass, and how many outputs it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Architecture {
    nodes: Vec<Node>,
    classes: i64,
}

impl Architecture {
    /// Layers of any kind; `classes` is the number of outputs, of a network from pictures to pictures that of its channels.
    pub fn new(nodes: Vec<Node>, classes: i64) -> Self {
        Architecture { nodes, classes }
    }

    /// Layers that end in a fully connected one, whose outputs are the classes.
    pub(super) fn of(nodes: Vec<Node>) -> Self {
        let classes = match nodes.last().map(|node| &node.layer) {
            Some(Layer::Linear { outputs, .. }) => *outputs,
            _ => 0,
        };
        Architecture { nodes, classes }
    }

    /// The same network with another number of outputs; one that does not end in a fully connected layer stays as it is.
    ///
    /// ```
    /// let mine = lgf::models::architecture("resnet18")?.with_classes(7);
    /// assert_eq!(mine.classes(), 7);
    /// # Ok::<(), lgf::Error>(())
    /// ```
    pub fn with_classes(mut self, classes: i64) -> Self {
        if let Some(Layer::Linear { outputs, .. }) = self.nodes.last_mut().map(|node| &mut node.layer) {
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
