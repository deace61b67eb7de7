//! MobileNets: inverted residuals, that is a 1 x 1 convolution that widens, a depthwise one, and one that narrows, with a sum
//! where nothing changes its size. Version 2 (Sandler et al. 2018) with ReLU6, version 3 (Howard et al. 2019) with hard swish
//! and with gates. Names as torchvision 0.26 writes them.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

/// Either version.
pub enum Table {
    /// The second.
    Second,
    /// The third: its blocks and the features of its head.
    Third(&'static [Block], i64),
}

/// A block of the third version: kernel, channels within, channels out, whether it has a gate, its activation, its step.
type Block = (i64, i64, i64, bool, Activation, i64);

/// What follows a convolution.
#[derive(Clone, Copy, PartialEq)]
pub enum Activation {
    Relu,
    HardSwish,
}

use Activation::{HardSwish as H, Relu as R};

const SMALL: [Block; 11] = [
    (3, 16, 16, true, R, 2),
    (3, 72, 24, false, R, 2),
    (3, 88, 24, false, R, 1),
    (5, 96, 40, true, H, 2),
    (5, 240, 40, true, H, 1),
    (5, 240, 40, true, H, 1),
    (5, 120, 48, true, H, 1),
    (5, 144, 48, true, H, 1),
    (5, 288, 96, true, H, 2),
    (5, 576, 96, true, H, 1),
    (5, 576, 96, true, H, 1),
];
const LARGE: [Block; 15] = [
    (3, 16, 16, false, R, 1),
    (3, 64, 24, false, R, 2),
    (3, 72, 24, false, R, 1),
    (5, 72, 40, true, R, 2),
    (5, 120, 40, true, R, 1),
    (5, 120, 40, true, R, 1),
    (3, 240, 80, false, H, 2),
    (3, 200, 80, false, H, 1),
    (3, 184, 80, false, H, 1),
    (3, 184, 80, false, H, 1),
    (3, 480, 112, true, H, 1),
    (3, 672, 112, true, H, 1),
    (5, 672, 160, true, H, 2),
    (5, 960, 160, true, H, 1),
    (5, 960, 160, true, H, 1),
];
/// What the third version adds to the variance.
const EPSILON: f64 = 1e-3;

/// Those of torchvision.
pub const NETWORKS: [(&str, Table); 3] = [
    ("mobilenet_v2", Table::Second),
    ("mobilenet_v3_small", Table::Third(&SMALL, 1024)),
    ("mobilenet_v3_large", Table::Third(&LARGE, 1280)),
];

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    match table {
        Table::Second => second(),
        Table::Third(blocks, hidden) => third(blocks, *hidden),
    }
}

fn second() -> Vec<Node> {
    // How many times wider, channels out, blocks, the first one's step.
    const STAGES: [(i64, i64, usize, i64); 7] =
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
    let unit = |graph: &mut Graph, name: &str, outputs: i64, window: (i64, i64, i64), groups: i64| {
        graph.conv(&format!("{name}.0"), outputs, window, groups, false);
        graph.batch_norm(&format!("{name}.1"));
        graph.then(format!("{name}.2"), Layer::Relu6);
    };
    let mut graph = Graph::new();
    unit(&mut graph, "features.0", 32, (3, 2, 1), 1);
    let mut number = 1;
    for (wider, outputs, count, step) in STAGES {
        for block in 0..count {
            let (entry, channels) = (graph.last, graph.channels);
            let (name, stride) = (format!("features.{number}.conv"), if block == 0 { step } else { 1 });
            let (inner, mut at) = (channels * wider, 0);
            if wider > 1 {
                unit(&mut graph, &format!("{name}.{at}"), inner, (1, 1, 0), 1);
                at += 1;
            }
            unit(&mut graph, &format!("{name}.{at}"), inner, (3, stride, 1), inner);
            graph.conv(&format!("{name}.{}", at + 1), outputs, (1, 1, 0), 1, false);
            graph.batch_norm(&format!("{name}.{}", at + 2));
            if stride == 1 && channels == outputs {
                graph.push(format!("features.{number}.add"), Layer::Add, vec![graph.last, entry]);
            }
            number += 1;
        }
    }
    unit(&mut graph, &format!("features.{number}"), 1280, (1, 1, 0), 1);
    graph.pooled_head("classifier.1", 1000);
    graph.nodes
}

fn third(blocks: &[Block], hidden: i64) -> Vec<Node> {
    let unit = |graph: &mut Graph, name: &str, outputs: i64, window: (i64, i64, i64), groups: i64, after| {
        graph.conv(&format!("{name}.0"), outputs, window, groups, false);
        graph.batch_norm_of(&format!("{name}.1"), EPSILON);
        match after {
            Some(Activation::Relu) => drop(graph.then(format!("{name}.2"), Layer::Relu)),
            Some(Activation::HardSwish) => drop(graph.then(format!("{name}.2"), Layer::HardSwish)),
            None => {}
        }
    };
    let mut graph = Graph::new();
    unit(&mut graph, "features.0", 16, (3, 2, 1), 1, Some(H));
    for (block, &(kernel, inner, outputs, gated, activation, stride)) in blocks.iter().enumerate() {
        let (entry, channels) = (graph.last, graph.channels);
        let (name, mut at) = (format!("features.{}.block", block + 1), 0);
        if inner != channels {
            unit(&mut graph, &format!("{name}.{at}"), inner, (1, 1, 0), 1, Some(activation));
            at += 1;
        }
        unit(&mut graph, &format!("{name}.{at}"), inner, (kernel, stride, (kernel - 1) / 2), inner, Some(activation));
        at += 1;
        if gated {
            let squeezed = eighths(inner / 4);
            graph.gate(&format!("{name}.{at}"), squeezed, [Layer::Relu, Layer::HardSigmoid]);
            at += 1;
        }
        unit(&mut graph, &format!("{name}.{at}"), outputs, (1, 1, 0), 1, None);
        if stride == 1 && channels == outputs {
            graph.push(format!("features.{}.add", block + 1), Layer::Add, vec![graph.last, entry]);
        }
    }
    let widest = 6 * graph.channels;
    unit(&mut graph, &format!("features.{}", blocks.len() + 1), widest, (1, 1, 0), 1, Some(H));
    graph.then("avgpool", Layer::AveragePool { side: 1 });
    graph.then("flatten", Layer::Flatten);
    graph.linear("classifier.0", graph.channels, hidden);
    graph.then("classifier.1", Layer::HardSwish);
    graph.linear("classifier.3", hidden, 1000);
    graph.nodes
}

/// The nearest multiple of 8, but not less than nine tenths (torchvision's `_make_divisible`).
fn eighths(channels: i64) -> i64 {
    let near = ((channels + 4) / 8 * 8).max(8);
    if 10 * near < 9 * channels { near + 8 } else { near }
}
