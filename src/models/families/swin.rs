//! Swin transformers (Liu et al. 2021): attention in windows, moved in every other layer, of four stages of fewer places and more
//! features. Names as torchvision 0.26 writes them.

use super::graph::Graph;
use crate::models::layer::{Attention, Layer, Node, Windows};

/// Sizes of one of them.
pub struct Table {
    /// Features of the first stage; each following has twice as many.
    width: i64,
    /// Blocks of each stage.
    depths: [usize; 4],
    /// Heads of each stage.
    heads: [i64; 4],
}

/// Places along a window's side.
const WINDOW: i64 = 7;
const EPSILON: f64 = 1e-5;

/// The tiny one.
pub const NETWORKS: [(&str, Table); 1] = [("swin_t", Table { width: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24] })];

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    let mut graph = Graph::new();
    graph.conv("features.0.0", table.width, (4, 4, 0), 1, true);
    graph.then("features.0.1", Layer::ChannelsLast);
    graph.layer_norm("features.0.2", EPSILON);
    for (stage, (&depth, &heads)) in table.depths.iter().zip(&table.heads).enumerate() {
        if stage > 0 {
            merging(&mut graph, &format!("features.{}", 2 * stage));
        }
        for number in 0..depth {
            let shift = if number % 2 == 0 { 0 } else { WINDOW / 2 };
            block(&mut graph, &format!("features.{}.{number}", 2 * stage + 1), heads, shift);
        }
    }
    graph.layer_norm("norm", EPSILON);
    graph.then("permute", Layer::ChannelsFirst);
    graph.pooled_head("head", 1000);
    graph.nodes
}

fn merging(graph: &mut Graph, name: &str) {
    let width = graph.channels;
    graph.then(format!("{name}.merge"), Layer::MergePatches);
    graph.channels = 4 * width;
    graph.layer_norm(&format!("{name}.norm"), EPSILON);
    let key = format!("{name}.reduction");
    graph.then(key.clone(), Layer::Linear { key, inputs: 4 * width, outputs: 2 * width, bias: false });
    graph.channels = 2 * width;
}

fn block(graph: &mut Graph, name: &str, heads: i64, shift: i64) {
    let (entry, width) = (graph.last, graph.channels);
    graph.layer_norm(&format!("{name}.norm1"), EPSILON);
    let attention = format!("{name}.attn");
    graph.linear(&format!("{attention}.qkv"), width, 3 * width);
    let windows = Windows {
        side: WINDOW,
        shift,
        table: format!("{attention}.relative_position_bias_table"),
        beyond: format!("{attention}.qkv.bias"),
    };
    graph.then(attention.clone(), Layer::Attention(Attention { heads, windows: Some(windows) }));
    graph.linear(&format!("{attention}.proj"), width, width);
    let middle = graph.push(format!("{name}.add_1"), Layer::Add, vec![graph.last, entry]);
    graph.layer_norm(&format!("{name}.norm2"), EPSILON);
    graph.linear(&format!("{name}.mlp.0"), width, 4 * width);
    graph.then(format!("{name}.mlp.1"), Layer::Gelu);
    graph.linear(&format!("{name}.mlp.3"), 4 * width, width);
    graph.push(format!("{name}.add_2"), Layer::Add, vec![graph.last, middle]);
}
