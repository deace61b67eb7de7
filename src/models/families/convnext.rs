//! ConvNeXt (Liu et al. 2022): depthwise 7 x 7 convolutions, layer normalisation, GELU, and fully connected layers at every
//! place. Names as torchvision 0.26 writes them.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

/// Widths and depths of one of them.
pub struct Table {
    /// Channels of each stage.
    widths: [i64; 4],
    /// Blocks of each stage.
    depths: [usize; 4],
}

const EPSILON: f64 = 1e-6;

/// Three of the paper.
pub const NETWORKS: [(&str, Table); 3] = [
    ("convnext_tiny", Table { widths: [96, 192, 384, 768], depths: [3, 3, 9, 3] }),
    ("convnext_small", Table { widths: [96, 192, 384, 768], depths: [3, 3, 27, 3] }),
    ("convnext_base", Table { widths: [128, 256, 512, 1024], depths: [3, 3, 27, 3] }),
];

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    let mut graph = Graph::new();
    graph.conv("features.0.0", table.widths[0], (4, 4, 0), 1, true);
    norm_of_channels(&mut graph, "features.0.1");
    for (stage, (&width, &depth)) in table.widths.iter().zip(&table.depths).enumerate() {
        if stage > 0 {
            norm_of_channels(&mut graph, &format!("features.{}.0", 2 * stage));
            graph.conv(&format!("features.{}.1", 2 * stage), width, (2, 2, 0), 1, true);
        }
        for number in 0..depth {
            block(&mut graph, &format!("features.{}.{number}", 2 * stage + 1), width);
        }
    }
    graph.then("avgpool", Layer::AveragePool { side: 1 });
    norm_of_channels(&mut graph, "classifier.0");
    graph.then("classifier.1", Layer::Flatten);
    graph.linear("classifier.2", graph.channels, 1000);
    graph.nodes
}

/// Layer normalisation of each place over its channels.
fn norm_of_channels(graph: &mut Graph, key: &str) {
    graph.then(format!("{key}.last"), Layer::ChannelsLast);
    graph.layer_norm(key, EPSILON);
    graph.then(format!("{key}.first"), Layer::ChannelsFirst);
}

fn block(graph: &mut Graph, name: &str, width: i64) {
    let entry = graph.last;
    graph.conv(&format!("{name}.block.0"), width, (7, 1, 3), width, true);
    graph.then(format!("{name}.block.1"), Layer::ChannelsLast);
    graph.layer_norm(&format!("{name}.block.2"), EPSILON);
    graph.linear(&format!("{name}.block.3"), width, 4 * width);
    graph.then(format!("{name}.block.4"), Layer::Gelu);
    graph.linear(&format!("{name}.block.5"), 4 * width, width);
    graph.then(format!("{name}.block.6"), Layer::ChannelsFirst);
    let key = format!("{name}.layer_scale");
    graph.then(key.clone(), Layer::Scale { key, channels: width });
    graph.push(format!("{name}.add"), Layer::Add, vec![graph.last, entry]);
}
