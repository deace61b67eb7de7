//! A network's layers, laid one after another.

use crate::models::layer::{Layer, Node};

/// Lays nodes one after another.
pub struct Graph {
    /// The nodes so far.
    pub nodes: Vec<Node>,
    /// Where the newest came out.
    pub last: usize,
    /// Its channels.
    pub channels: i64,
}

impl Graph {
    /// Nothing but the picture, of three channels.
    pub fn new() -> Self {
        Graph { nodes: Vec::new(), last: 0, channels: 3 }
    }

    /// A layer that reads some places; where it comes out.
    pub fn push(&mut self, name: impl Into<String>, layer: Layer, inputs: Vec<usize>) -> usize {
        self.nodes.push(Node { name: name.into(), layer, inputs });
        self.last = self.nodes.len();
        self.last
    }

    /// A layer that reads the newest; where it comes out.
    pub fn then(&mut self, name: impl Into<String>, layer: Layer) -> usize {
        self.push(name, layer, vec![self.last])
    }

    /// A convolution of `(kernel, stride, padding)` that reads the newest.
    pub fn conv(
        &mut self,
        key: &str,
        outputs: i64,
        (kernel, stride, padding): (i64, i64, i64),
        groups: i64,
        bias: bool,
    ) {
        let inputs = self.channels;
        let layer = Layer::Conv { key: key.to_string(), inputs, outputs, kernel, stride, padding, groups, bias };
        self.then(key, layer);
        self.channels = outputs;
    }

    /// Batch normalisation of the newest.
    pub(crate) fn batch_norm(&mut self, key: &str) {
        self.then(key, Layer::BatchNorm { key: key.to_string(), channels: self.channels });
    }

    /// A fully connected layer that reads the newest.
    pub fn linear(&mut self, key: &str, inputs: i64, outputs: i64) {
        self.then(key, Layer::Linear { key: key.to_string(), inputs, outputs });
    }
}
