//! GoogLeNet (Szegedy et al. 2015) as at inference, with batch normalisation: the two heads on the way, which only training
//! uses, are left out. Names as torchvision 0.26 writes them; the branch that the paper has with 5 x 5 kernels has 3 x 3 ones
//! there, and so here.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

const EPSILON: f64 = 1e-3;

/// Channels of one block: of its 1 x 1 branch, of the two with 3 x 3 kernels before and after, and after the pool.
type Inception = (&'static str, i64, [i64; 2], [i64; 2], i64);

/// Before the second pool, between the second and the third, after it.
const BLOCKS: [&[Inception]; 3] = [
    &[("inception3a", 64, [96, 128], [16, 32], 32), ("inception3b", 128, [128, 192], [32, 96], 64)],
    &[
        ("inception4a", 192, [96, 208], [16, 48], 64),
        ("inception4b", 160, [112, 224], [24, 64], 64),
        ("inception4c", 128, [128, 256], [24, 64], 64),
        ("inception4d", 112, [144, 288], [32, 64], 64),
        ("inception4e", 256, [160, 320], [32, 128], 128),
    ],
    &[("inception5a", 256, [160, 320], [32, 128], 128), ("inception5b", 384, [192, 384], [48, 128], 128)],
];

/// There is one.
pub const NETWORKS: [(&str, ()); 1] = [("googlenet", ())];

/// Its layers.
pub fn nodes((): &()) -> Vec<Node> {
    let pool = |kernel| Layer::MaxPool { kernel, stride: 2, padding: 0, ceil: true };
    let mut graph = Graph::new();
    basic(&mut graph, "conv1", 64, (7, 2, 3));
    graph.then("maxpool1", pool(3));
    basic(&mut graph, "conv2", 64, (1, 1, 0));
    basic(&mut graph, "conv3", 192, (3, 1, 1));
    graph.then("maxpool2", pool(3));
    for (number, blocks) in BLOCKS.into_iter().enumerate() {
        blocks.iter().for_each(|block| inception(&mut graph, *block));
        match number {
            0 => drop(graph.then("maxpool3", pool(3))),
            1 => drop(graph.then("maxpool4", pool(2))),
            _ => {}
        }
    }
    graph.pooled_head("fc", 1000);
    graph.nodes
}

/// A convolution, its normalisation and a ReLU.
fn basic(graph: &mut Graph, name: &str, outputs: i64, window: (i64, i64, i64)) {
    graph.conv(&format!("{name}.conv"), outputs, window, 1, false);
    graph.batch_norm_of(&format!("{name}.bn"), EPSILON);
    graph.then(format!("{name}.relu"), Layer::Relu);
}

fn inception(graph: &mut Graph, (name, narrow, wide, wider, pooled): Inception) {
    let (entry, channels) = (graph.last, graph.channels);
    let mut ends = Vec::new();
    let again = |graph: &mut Graph| (graph.last, graph.channels) = (entry, channels);
    basic(graph, &format!("{name}.branch1"), narrow, (1, 1, 0));
    ends.push(graph.last);
    for (branch, [before, after]) in [("branch2", wide), ("branch3", wider)] {
        again(graph);
        basic(graph, &format!("{name}.{branch}.0"), before, (1, 1, 0));
        basic(graph, &format!("{name}.{branch}.1"), after, (3, 1, 1));
        ends.push(graph.last);
    }
    again(graph);
    graph.then(format!("{name}.branch4.0"), Layer::MaxPool { kernel: 3, stride: 1, padding: 1, ceil: true });
    basic(graph, &format!("{name}.branch4.1"), pooled, (1, 1, 0));
    ends.push(graph.last);
    graph.concat(name, ends, narrow + wide[1] + wider[1] + pooled);
}
