//! BagNets (Brendel and Bethge 2019): ResNet-50 whose 3 x 3 kernels are mostly 1 x 1 and nowhere padded, so that each place of
//! the last layer sees 9, 17 or 33 pixels of the picture; the classes are voted for by all places alike. Names as the authors'
//! checkpoints have them.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

/// How many blocks of each stage, from its first on, have kernels of 3 x 3.
type Wide = [usize; 4];

/// By the pixels that a place sees.
pub const NETWORKS: [(&str, Wide); 3] = [("bagnet9", [1, 1, 0, 0]), ("bagnet17", [1, 1, 1, 0]), ("bagnet33", [1; 4])];

const STAGES: [(i64, usize, i64); 4] = [(64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)];

/// The layers of one of them.
pub fn nodes(wide: &Wide) -> Vec<Node> {
    let mut graph = Graph::new();
    graph.conv("conv1", 64, (1, 1, 0), 1, false);
    graph.conv("conv2", 64, (3, 1, 0), 1, false);
    graph.batch_norm("bn1");
    graph.then("relu", Layer::Relu);
    for (stage, ((width, depth, step), wide)) in STAGES.into_iter().zip(wide).enumerate() {
        for number in 0..depth {
            let window = (if number < *wide { 3 } else { 1 }, if number == 0 { step } else { 1 });
            bottleneck(&mut graph, &format!("layer{}.{number}", stage + 1), width, window);
        }
    }
    graph.pooled_head("fc", 1000);
    graph.nodes
}

fn bottleneck(graph: &mut Graph, name: &str, width: i64, (kernel, stride): (i64, i64)) {
    let (entry, channels) = (graph.last, graph.channels);
    graph.conv(&format!("{name}.conv1"), width, (1, 1, 0), 1, false);
    graph.batch_norm(&format!("{name}.bn1"));
    graph.then(format!("{name}.relu1"), Layer::Relu);
    graph.conv(&format!("{name}.conv2"), width, (kernel, stride, 0), 1, false);
    graph.batch_norm(&format!("{name}.bn2"));
    graph.then(format!("{name}.relu2"), Layer::Relu);
    graph.conv(&format!("{name}.conv3"), 4 * width, (1, 1, 0), 1, false);
    graph.batch_norm(&format!("{name}.bn3"));
    let signal = graph.last;
    let mut shortcut = entry;
    if stride != 1 || channels != 4 * width {
        (graph.last, graph.channels) = (entry, channels);
        graph.conv(&format!("{name}.downsample.0"), 4 * width, (1, stride, 0), 1, false);
        graph.batch_norm(&format!("{name}.downsample.1"));
        shortcut = graph.last;
    }
    if kernel > 1 {
        // Without padding the signal has lost places at its ends; the shortcut loses its last ones.
        shortcut = graph.push(format!("{name}.cut"), Layer::CutTo, vec![shortcut, signal]);
    }
    graph.push(format!("{name}.add"), Layer::Add, vec![signal, shortcut]);
    graph.then(format!("{name}.relu3"), Layer::Relu);
    graph.channels = 4 * width;
}
