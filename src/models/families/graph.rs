//! A network's layers, laid one after another.

use crate::models::layer::{BATCH_NORM_EPSILON, Layer, Node, Padding};

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

    /// A convolution of `(kernel, stride, zeros around)` that reads the newest.
    pub fn conv(
        &mut self,
        key: &str,
        outputs: i64,
        (kernel, stride, padding): (i64, i64, i64),
        groups: i64,
        bias: bool,
    ) {
        self.conv_padded(key, outputs, (kernel, stride, Padding::Zeros(padding)), groups, bias);
    }

    /// A convolution of `(kernel, stride, padding)` that reads the newest.
    pub fn conv_padded(
        &mut self,
        key: &str,
        outputs: i64,
        (kernel, stride, padding): (i64, i64, Padding),
        groups: i64,
        bias: bool,
    ) {
        let inputs = self.channels;
        let layer = Layer::Conv { key: key.to_string(), inputs, outputs, kernel, stride, padding, groups, bias };
        self.then(key, layer);
        self.channels = outputs;
    }

    /// Batch normalisation of the newest.
    pub fn batch_norm(&mut self, key: &str) {
        self.batch_norm_of(key, BATCH_NORM_EPSILON);
    }

    /// Batch normalisation of the newest, with a number of its own under the root.
    pub fn batch_norm_of(&mut self, key: &str, epsilon: f64) {
        self.then(key, Layer::BatchNorm { key: key.to_string(), channels: self.channels, epsilon });
    }

    /// Layer normalisation of the newest, whose last side its features are.
    pub fn layer_norm(&mut self, key: &str, epsilon: f64) {
        self.then(key, Layer::LayerNorm { key: key.to_string(), features: self.channels, epsilon });
    }

    /// A fully connected layer that reads the newest.
    pub fn linear(&mut self, key: &str, inputs: i64, outputs: i64) {
        self.then(key, Layer::Linear { key: key.to_string(), inputs, outputs, bias: true });
        self.channels = outputs;
    }

    /// Some places one after another along the channels, which are then so many.
    pub fn concat(&mut self, name: &str, places: Vec<usize>, channels: i64) {
        self.push(name, Layer::Concat, places);
        self.channels = channels;
    }

    /// Squeeze and excitation of the newest: a factor a channel, by its mean, through so many channels and two activations.
    pub fn gate(&mut self, name: &str, squeezed: i64, [within, at_the_end]: [Layer; 2]) {
        let (signal, channels) = (self.last, self.channels);
        self.then(format!("{name}.avgpool"), Layer::AveragePool { side: 1 });
        self.conv(&format!("{name}.fc1"), squeezed, (1, 1, 0), 1, true);
        self.then(format!("{name}.activation"), within);
        self.conv(&format!("{name}.fc2"), channels, (1, 1, 0), 1, true);
        let gate = self.then(format!("{name}.scale_activation"), at_the_end);
        self.push(name, Layer::Gate, vec![signal, gate]);
    }

    /// The pool, the change of shape and the fully connected layer that most networks end in.
    pub fn pooled_head(&mut self, key: &str, classes: i64) {
        self.then("avgpool", Layer::AveragePool { side: 1 });
        self.then("flatten", Layer::Flatten);
        self.linear(key, self.channels, classes);
    }
}
