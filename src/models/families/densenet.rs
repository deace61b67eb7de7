//! DenseNet (Huang et al. 2017): every layer of a block reads all that the layers before it in the block put out. Names as
//! torchvision 0.26 writes them.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

/// Widths and depths of one of them.
pub struct Table {
    /// Channels that each layer adds.
    growth: i64,
    /// Layers of each block.
    blocks: [usize; 4],
    /// Channels after the first convolution.
    stem: i64,
}

/// The four of the paper.
pub const NETWORKS: [(&str, Table); 4] = [
    ("densenet121", Table { growth: 32, blocks: [6, 12, 24, 16], stem: 64 }),
    ("densenet161", Table { growth: 48, blocks: [6, 12, 36, 24], stem: 96 }),
    ("densenet169", Table { growth: 32, blocks: [6, 12, 32, 32], stem: 64 }),
    ("densenet201", Table { growth: 32, blocks: [6, 12, 48, 32], stem: 64 }),
];

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    let mut graph = Graph::new();
    graph.conv("features.conv0", table.stem, (7, 2, 3), 1, false);
    norm_relu(&mut graph, "features.norm0", "features.relu0");
    graph.then("features.pool0", Layer::MaxPool { kernel: 3, stride: 2, padding: 1, ceil: false });
    for (block, &count) in table.blocks.iter().enumerate() {
        let name = format!("features.denseblock{}", block + 1);
        for layer in 0..count {
            dense(&mut graph, &format!("{name}.denselayer{}", layer + 1), table.growth);
        }
        if block + 1 < table.blocks.len() {
            let name = format!("features.transition{}", block + 1);
            norm_relu(&mut graph, &format!("{name}.norm"), &format!("{name}.relu"));
            graph.conv(&format!("{name}.conv"), graph.channels / 2, (1, 1, 0), 1, false);
            graph.then(format!("{name}.pool"), Layer::AverageWindow { kernel: 2, stride: 2 });
        }
    }
    norm_relu(&mut graph, "features.norm5", "relu5");
    graph.pooled_head("classifier", 1000);
    graph.nodes
}

fn norm_relu(graph: &mut Graph, norm: &str, relu: &str) {
    graph.batch_norm(norm);
    graph.then(relu, Layer::Relu);
}

/// What came before, and beside it what a layer makes of it.
fn dense(graph: &mut Graph, name: &str, growth: i64) {
    let (entry, channels) = (graph.last, graph.channels);
    norm_relu(graph, &format!("{name}.norm1"), &format!("{name}.relu1"));
    graph.conv(&format!("{name}.conv1"), 4 * growth, (1, 1, 0), 1, false);
    norm_relu(graph, &format!("{name}.norm2"), &format!("{name}.relu2"));
    graph.conv(&format!("{name}.conv2"), growth, (3, 1, 1), 1, false);
    graph.concat(name, vec![entry, graph.last], channels + growth);
}
