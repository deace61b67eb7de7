//! The VGG networks (Simonyan and Zisserman 2015): stages of 3 x 3 convolutions, a max pool after each, three fully connected
//! layers. Names as torchvision 0.26 writes them.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

/// Widths and outputs of one of them.
pub struct Table {
    /// Convolutions of each stage.
    depth: [usize; 5],
    /// Channels of each stage.
    widths: [i64; 5],
    /// Whether each convolution is followed by batch normalisation.
    batch_norm: bool,
    /// Features of the two hidden fully connected layers.
    hidden: i64,
    /// Outputs.
    classes: i64,
}

/// Convolutions in each stage (table 1 of the paper: A, B, D, E).
const A: [usize; 5] = [1, 1, 2, 2, 2];
const B: [usize; 5] = [2, 2, 2, 2, 2];
const D: [usize; 5] = [2, 2, 3, 3, 3];
const E: [usize; 5] = [2, 2, 4, 4, 4];

/// The one of the sample is narrow.
pub const NETWORKS: [(&str, Table); 9] = [
    ("vgg11", full(A, false)),
    ("vgg11-bn", full(A, true)),
    ("vgg13", full(B, false)),
    ("vgg13-bn", full(B, true)),
    ("vgg16", full(D, false)),
    ("vgg16-bn", full(D, true)),
    ("vgg19", full(E, false)),
    ("vgg19-bn", full(E, true)),
    ("slim-vgg16", Table { depth: D, widths: [6, 12, 24, 32, 32], batch_norm: true, hidden: 64, classes: 10 }),
];

const fn full(depth: [usize; 5], batch_norm: bool) -> Table {
    Table { depth, widths: [64, 128, 256, 512, 512], batch_norm, hidden: 4096, classes: 1000 }
}

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    let mut graph = Graph::new();
    // The numbers in the names count all modules of torchvision's `features`, pools and activations too.
    let mut number = 0;
    for (&count, &width) in table.depth.iter().zip(&table.widths) {
        for _ in 0..count {
            graph.conv(&format!("features.{number}"), width, (3, 1, 1), 1, true);
            if table.batch_norm {
                number += 1;
                graph.batch_norm(&format!("features.{number}"));
            }
            graph.then(format!("features.{}", number + 1), Layer::Relu);
            number += 2;
        }
        graph.then(format!("features.{number}"), Layer::MaxPool { kernel: 2, stride: 2, padding: 0, ceil: false });
        number += 1;
    }
    graph.then("avgpool", Layer::AveragePool { side: 7 });
    graph.then("flatten", Layer::Flatten);
    graph.linear("classifier.0", graph.channels * 49, table.hidden);
    graph.then("classifier.1", Layer::Relu);
    graph.linear("classifier.3", table.hidden, table.hidden);
    graph.then("classifier.4", Layer::Relu);
    graph.linear("classifier.6", table.hidden, table.classes);
    graph.nodes
}

#[cfg(test)]
mod tests {
    use crate::models::architecture;

    #[test]
    fn they_have_the_published_number_of_parameters() {
        // torchvision 0.26: sum(p.numel() for p in model.parameters())
        let published = [
            ("vgg11", 132_863_336),
            ("vgg11-bn", 132_868_840),
            ("vgg13", 133_047_848),
            ("vgg13-bn", 133_053_736),
            ("vgg16", 138_357_544),
            ("vgg16-bn", 138_365_992),
            ("vgg19", 143_667_240),
            ("vgg19-bn", 143_678_248),
        ];
        for (name, count) in published {
            assert_eq!(architecture(name).unwrap().count(), count, "{name}");
        }
        let full = super::NETWORKS.iter().filter(|(_, table)| table.classes == 1000);
        assert_eq!(full.count(), published.len());
    }
}
