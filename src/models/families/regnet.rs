//! RegNetY (Radosavovic et al. 2020): residual blocks of grouped convolutions with gates, whose widths grow by one rule. Names
//! as torchvision 0.26 writes them; widths and depths are what the rule gives there.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

/// Widths and depths of one of them.
pub struct Table {
    /// Channels of each stage.
    widths: [i64; 4],
    /// Blocks of each stage.
    depths: [usize; 4],
    /// Channels of a group.
    group: i64,
}

/// By how many multiply-adds they take.
pub const NETWORKS: [(&str, Table); 2] = [
    ("regnet_y_400mf", Table { widths: [48, 104, 208, 440], depths: [1, 3, 6, 6], group: 8 }),
    ("regnet_y_8gf", Table { widths: [224, 448, 896, 2016], depths: [2, 4, 10, 1], group: 56 }),
];

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    let mut graph = Graph::new();
    graph.conv("stem.0", 32, (3, 2, 1), 1, false);
    graph.batch_norm("stem.1");
    graph.then("stem.2", Layer::Relu);
    for (stage, (&width, &depth)) in table.widths.iter().zip(&table.depths).enumerate() {
        for block in 0..depth {
            let name = format!("trunk_output.block{0}.block{0}-{block}", stage + 1);
            residual(&mut graph, &name, (width, table.group), if block == 0 { 2 } else { 1 });
        }
    }
    graph.pooled_head("fc", 1000);
    graph.nodes
}

fn residual(graph: &mut Graph, name: &str, (width, group): (i64, i64), stride: i64) {
    let (entry, channels) = (graph.last, graph.channels);
    let unit = |graph: &mut Graph, part: &str, window: (i64, i64, i64), groups: i64| {
        graph.conv(&format!("{name}.{part}.0"), width, window, groups, false);
        graph.batch_norm(&format!("{name}.{part}.1"));
    };
    let shortcut = if stride != 1 || channels != width {
        unit(graph, "proj", (1, stride, 0), 1);
        graph.last
    } else {
        entry
    };
    (graph.last, graph.channels) = (entry, channels);
    unit(graph, "f.a", (1, 1, 0), 1);
    graph.then(format!("{name}.f.a.2"), Layer::Relu);
    unit(graph, "f.b", (3, stride, 1), width / group);
    graph.then(format!("{name}.f.b.2"), Layer::Relu);
    // A quarter of the channels that come in, rounded, a half to the even side.
    let squeezed = (channels as f64 * 0.25).round_ties_even() as i64;
    graph.gate(&format!("{name}.f.se"), squeezed, [Layer::Relu, Layer::Sigmoid]);
    unit(graph, "f.c", (1, 1, 0), 1);
    graph.push(format!("{name}.add"), Layer::Add, vec![graph.last, shortcut]);
    graph.then(format!("{name}.activation"), Layer::Relu);
}
