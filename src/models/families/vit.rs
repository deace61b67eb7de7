//! Vision transformers (Dosovitskiy et al. 2021): squares of a picture as tokens, self-attention, a class token. Names as
//! torchvision 0.26 writes them. DeiT (Touvron et al. 2021) is the same with other weights and sizes.

use super::graph::Graph;
use crate::models::layer::{Attention, Layer, Node};

/// Sizes of one of them.
pub struct Table {
    /// Side of a square of the picture.
    patch: i64,
    /// Layers.
    depth: usize,
    /// Heads of each attention.
    heads: i64,
    /// Features of a token.
    width: i64,
}

/// Side of the pictures whose positions they have learned.
const SIDE: i64 = 224;
const EPSILON: f64 = 1e-6;

/// Base and large ones, and the two small ones of DeiT.
pub const NETWORKS: [(&str, Table); 5] = [
    ("vit_b_16", Table { patch: 16, depth: 12, heads: 12, width: 768 }),
    ("vit_b_32", Table { patch: 32, depth: 12, heads: 12, width: 768 }),
    ("vit_l_16", Table { patch: 16, depth: 24, heads: 16, width: 1024 }),
    ("deit_tiny_patch16_224", Table { patch: 16, depth: 12, heads: 3, width: 192 }),
    ("deit_small_patch16_224", Table { patch: 16, depth: 12, heads: 6, width: 384 }),
];

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    let (width, side) = (table.width, SIDE / table.patch);
    let mut graph = Graph::new();
    graph.conv("conv_proj", width, (table.patch, table.patch, 0), 1, true);
    graph.then("tokens", Layer::Tokens);
    graph.then("class_token", Layer::ClassToken { key: "class_token".into(), features: width });
    let key = "encoder.pos_embedding".to_string();
    graph.then(key.clone(), Layer::Positions { key, tokens: side * side + 1, features: width });
    for layer in 0..table.depth {
        encoder(&mut graph, &format!("encoder.layers.encoder_layer_{layer}"), table.heads);
    }
    graph.layer_norm("encoder.ln", EPSILON);
    graph.then("class", Layer::FirstToken);
    graph.linear("heads.head", width, 1000);
    graph.nodes
}

fn encoder(graph: &mut Graph, name: &str, heads: i64) {
    let (entry, width) = (graph.last, graph.channels);
    graph.layer_norm(&format!("{name}.ln_1"), EPSILON);
    let attention = format!("{name}.self_attention");
    graph.linear(&format!("{attention}.in_proj"), width, 3 * width);
    graph.then(attention.clone(), Layer::Attention(Attention { heads, windows: None }));
    graph.linear(&format!("{attention}.out_proj"), width, width);
    let middle = graph.push(format!("{name}.add_1"), Layer::Add, vec![graph.last, entry]);
    graph.layer_norm(&format!("{name}.ln_2"), EPSILON);
    graph.linear(&format!("{name}.mlp.0"), width, 4 * width);
    graph.then(format!("{name}.mlp.1"), Layer::Gelu);
    graph.linear(&format!("{name}.mlp.3"), 4 * width, width);
    graph.push(format!("{name}.add_2"), Layer::Add, vec![graph.last, middle]);
}
