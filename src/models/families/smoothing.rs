//! The network of Zhu et al. 2019, "A benchmark for edge-preserving image smoothing": pictures to pictures. It has no name:
//! its widths are read off its checkpoint.

use super::graph::Graph;
use crate::models::architecture::Architecture;
use crate::models::layer::Layer;

/// A residual network from pictures to pictures of the same size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smoothing {
    /// Channels of the blocks.
    pub features: i64,
    /// Blocks.
    pub blocks: usize,
    /// Channels of the two wide layers after them.
    pub wide: i64,
}

/// Its layers. Names as TensorLayer's, without the scope `SRGAN_g` (`SRGAN_delta` in `module.py` of zhufeida/Benchmark_EPS).
pub fn smoothing(table: &Smoothing) -> Architecture {
    const SAME: (i64, i64, i64) = (3, 1, 1);
    let mut graph = Graph::new();
    graph.conv("n64s1/c", table.features, SAME, 1, true);
    let first = graph.then("n64s1/c/relu", Layer::Relu);
    for block in 0..table.blocks {
        let entry = graph.last;
        graph.conv(&format!("n64s1/c1/{block}"), table.features, SAME, 1, false);
        graph.batch_norm(&format!("n64s1/b1/{block}"));
        graph.then(format!("n64s1/b1/{block}/relu"), Layer::Relu);
        graph.conv(&format!("n64s1/c2/{block}"), table.features, SAME, 1, false);
        graph.batch_norm(&format!("n64s1/b2/{block}"));
        graph.push(format!("b_residual_add/{block}"), Layer::Add, vec![entry, graph.last]);
    }
    graph.conv("n64s1/c/m", table.features, SAME, 1, false);
    graph.batch_norm("n64s1/b/m");
    graph.push("add3", Layer::Add, vec![graph.last, first]);
    for wide in ["n256s1/1", "n256s1/2"] {
        graph.conv(wide, table.wide, SAME, 1, true);
        graph.then(format!("{wide}/relu"), Layer::Relu);
    }
    graph.conv("out", 3, (1, 1, 0), 1, true);
    let added = graph.then("out/tanh", Layer::Tanh);
    graph.push("delta_add", Layer::Add, vec![0, added]);
    Architecture::new(graph.nodes, 3)
}
