//! AlexNet (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks"): five convolutions, three max
//! pools, three fully connected layers. Names and widths as torchvision 0.26 writes them.
//!
//! torchvision pools to 6 x 6 before the fully connected layers (`AdaptiveAvgPool2d`). A picture of 224 x 224 has 6 x 6 places
//! there already, so that the pool changes nothing; it is laid all the same, for pictures of other sizes. Dropout does nothing
//! outside of training and has no layer here; it only counts in the names.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

/// Widths and outputs of one of them.
pub struct Table {
    /// Channels of the five convolutions.
    widths: [i64; 5],
    /// Features of the two hidden fully connected layers.
    hidden: i64,
    /// Outputs.
    classes: i64,
}

/// There is one.
pub const NETWORKS: [(&str, Table); 1] =
    [("alexnet", Table { widths: [64, 192, 384, 256, 256], hidden: 4096, classes: 1000 })];

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    // Kernel, step and padding of each convolution, and whether a pool follows.
    const CONVOLUTIONS: [(i64, i64, i64, bool); 5] =
        [(11, 4, 2, true), (5, 1, 2, true), (3, 1, 1, false), (3, 1, 1, false), (3, 1, 1, true)];
    let mut graph = Graph::new();
    // The numbers in the names count pools and activations, too.
    let mut number = 0;
    for ((kernel, stride, padding, pool), width) in CONVOLUTIONS.into_iter().zip(table.widths) {
        graph.conv(&format!("features.{number}"), width, (kernel, stride, padding), 1, true);
        graph.then(format!("features.{}", number + 1), Layer::Relu);
        number += 2;
        if pool {
            graph.then(format!("features.{number}"), Layer::MaxPool { kernel: 3, stride: 2, padding: 0, ceil: false });
            number += 1;
        }
    }
    graph.then("avgpool", Layer::AveragePool { side: 6 });
    graph.then("flatten", Layer::Flatten);
    graph.linear("classifier.1", graph.channels * 36, table.hidden);
    graph.then("classifier.2", Layer::Relu);
    graph.linear("classifier.4", table.hidden, table.hidden);
    graph.then("classifier.5", Layer::Relu);
    graph.linear("classifier.6", table.hidden, table.classes);
    graph.nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::architecture;

    #[test]
    fn names_and_shapes_are_those_of_torchvision() {
        let network = architecture("alexnet").unwrap();
        // torchvision 0.26: sum(p.numel() for p in alexnet().parameters())
        assert_eq!(network.count(), 61_100_840);
        let expected: [(&str, &[i64]); 16] = [
            ("features.0.weight", &[64, 3, 11, 11]),
            ("features.0.bias", &[64]),
            ("features.3.weight", &[192, 64, 5, 5]),
            ("features.3.bias", &[192]),
            ("features.6.weight", &[384, 192, 3, 3]),
            ("features.6.bias", &[384]),
            ("features.8.weight", &[256, 384, 3, 3]),
            ("features.8.bias", &[256]),
            ("features.10.weight", &[256, 256, 3, 3]),
            ("features.10.bias", &[256]),
            ("classifier.1.weight", &[4096, 9216]),
            ("classifier.1.bias", &[4096]),
            ("classifier.4.weight", &[4096, 4096]),
            ("classifier.4.bias", &[4096]),
            ("classifier.6.weight", &[1000, 4096]),
            ("classifier.6.bias", &[1000]),
        ];
        let found: Vec<_> = network.nodes().iter().flat_map(|node| node.layer.parameters()).collect();
        assert_eq!(found.len(), expected.len());
        for (parameter, (name, shape)) in found.iter().zip(expected) {
            assert_eq!((parameter.name.as_str(), &parameter.shape[..]), (name, shape));
        }
    }

    #[test]
    fn the_average_pool_changes_nothing_at_224() {
        let network = architecture("alexnet").unwrap();
        let mut sizes = vec![vec![1, 3, 224, 224]];
        for node in network.nodes() {
            if node.layer == (Layer::AveragePool { side: 6 }) {
                assert_eq!(sizes[node.inputs[0]][2..], [6, 6]);
            }
            sizes.push(node.size(&sizes));
        }
        let sides: Vec<i64> = sizes.iter().filter(|size| size.len() == 4).map(|size| size[2]).collect();
        assert_eq!(sides, [224, 55, 55, 27, 27, 27, 13, 13, 13, 13, 13, 13, 13, 6, 6]);
    }
}
