//! SqueezeNet (Iandola et al. 2016): squeezing 1 x 1 convolutions, and two expanding ones beside each other. Its classes are the
//! channels of a convolution, averaged over all places. Names as torchvision 0.26 writes them.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

/// A squeezing layer and what follows: channels squeezed to, channels of each of the two that expand.
type Fire = [i64; 2];

/// What of one of them is not the same for both.
pub struct Table {
    /// Channels and side of the first kernel.
    stem: (i64, i64),
    /// After which of the eight a max pool follows.
    pools: [usize; 2],
}

const FIRES: [Fire; 8] = [[16, 64], [16, 64], [32, 128], [32, 128], [48, 192], [48, 192], [64, 256], [64, 256]];

/// The two of the paper and of its authors' later version.
pub const NETWORKS: [(&str, Table); 2] = [
    ("squeezenet1_0", Table { stem: (96, 7), pools: [2, 6] }),
    ("squeezenet1_1", Table { stem: (64, 3), pools: [1, 3] }),
];

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    let pool = Layer::MaxPool { kernel: 3, stride: 2, padding: 0, ceil: true };
    let mut graph = Graph::new();
    graph.conv("features.0", table.stem.0, (table.stem.1, 2, 0), 1, true);
    graph.then("features.1", Layer::Relu);
    graph.then("features.2", pool.clone());
    // The numbers in the names count pools, too.
    let mut number = 3;
    for (fire, [squeezed, expanded]) in FIRES.into_iter().enumerate() {
        let name = format!("features.{number}");
        graph.conv(&format!("{name}.squeeze"), squeezed, (1, 1, 0), 1, true);
        let entry = graph.then(format!("{name}.squeeze_activation"), Layer::Relu);
        graph.conv(&format!("{name}.expand1x1"), expanded, (1, 1, 0), 1, true);
        let narrow = graph.then(format!("{name}.expand1x1_activation"), Layer::Relu);
        (graph.last, graph.channels) = (entry, squeezed);
        graph.conv(&format!("{name}.expand3x3"), expanded, (3, 1, 1), 1, true);
        let wide = graph.then(format!("{name}.expand3x3_activation"), Layer::Relu);
        graph.concat(&name, vec![narrow, wide], 2 * expanded);
        number += 1;
        if table.pools.contains(&fire) {
            graph.then(format!("features.{number}"), pool.clone());
            number += 1;
        }
    }
    graph.conv("classifier.1", 1000, (1, 1, 0), 1, true);
    graph.then("classifier.2", Layer::Relu);
    graph.then("classifier.3", Layer::AveragePool { side: 1 });
    graph.then("flatten", Layer::Flatten);
    graph.nodes
}
