//! EfficientNets (Tan and Le 2019): inverted residuals with gates and SiLU, wider and deeper by one number; names as torchvision
//! 0.26 writes them. And EfficientNet-Lite (Liu 2020), the same without gates, with ReLU6 and TensorFlow's padding; names as the
//! package `efficientnet-lite-pytorch` 0.1.0 writes them.

use super::graph::Graph;
use crate::models::layer::{Layer, Node, Padding};

/// One of them: how many times wider and deeper than the first, and whether it is a Lite.
pub struct Table {
    wider: f64,
    deeper: f64,
    lite: bool,
}

/// How many times wider within, kernel, step of the first block, channels out, blocks.
const STAGES: [(i64, i64, i64, i64, i64); 7] = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
];
/// What the Lites add to the variance.
const LITE_EPSILON: f64 = 1e-3;

/// B0 to B3, and the Lites whose weights can be had.
pub const NETWORKS: [(&str, Table); 7] = [
    ("efficientnet_b0", Table { wider: 1.0, deeper: 1.0, lite: false }),
    ("efficientnet_b1", Table { wider: 1.0, deeper: 1.1, lite: false }),
    ("efficientnet_b2", Table { wider: 1.1, deeper: 1.2, lite: false }),
    ("efficientnet_b3", Table { wider: 1.2, deeper: 1.4, lite: false }),
    ("efficientnet-lite0", Table { wider: 1.0, deeper: 1.0, lite: true }),
    ("efficientnet-lite1", Table { wider: 1.0, deeper: 1.1, lite: true }),
    ("efficientnet-lite2", Table { wider: 1.1, deeper: 1.2, lite: true }),
];

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    if table.lite { lite(table) } else { full(table) }
}

impl Table {
    fn channels(&self, channels: i64) -> i64 {
        let wanted = channels as f64 * self.wider;
        let near = (((wanted + 4.0) / 8.0) as i64 * 8).max(8);
        if (near as f64) < 0.9 * wanted { near + 8 } else { near }
    }

    fn blocks(&self, blocks: i64) -> i64 {
        (blocks as f64 * self.deeper).ceil() as i64
    }
}

fn full(table: &Table) -> Vec<Node> {
    let unit = |graph: &mut Graph, name: &str, outputs: i64, window: (i64, i64, i64), groups: i64| {
        graph.conv(&format!("{name}.0"), outputs, window, groups, false);
        graph.batch_norm(&format!("{name}.1"));
    };
    let mut graph = Graph::new();
    unit(&mut graph, "features.0", table.channels(32), (3, 2, 1), 1);
    graph.then("features.0.2", Layer::Silu);
    for (stage, (wider, kernel, step, outputs, count)) in STAGES.into_iter().enumerate() {
        let outputs = table.channels(outputs);
        for block in 0..table.blocks(count) {
            let (entry, channels) = (graph.last, graph.channels);
            let (place, stride) = (format!("features.{}.{block}", stage + 1), if block == 0 { step } else { 1 });
            let (name, inner, mut at) = (format!("{place}.block"), channels * wider, 0);
            if wider > 1 {
                unit(&mut graph, &format!("{name}.{at}"), inner, (1, 1, 0), 1);
                graph.then(format!("{name}.{at}.2"), Layer::Silu);
                at += 1;
            }
            unit(&mut graph, &format!("{name}.{at}"), inner, (kernel, stride, kernel / 2), inner);
            graph.then(format!("{name}.{at}.2"), Layer::Silu);
            graph.gate(&format!("{name}.{}", at + 1), (channels / 4).max(1), [Layer::Silu, Layer::Sigmoid]);
            unit(&mut graph, &format!("{name}.{}", at + 2), outputs, (1, 1, 0), 1);
            if stride == 1 && channels == outputs {
                graph.push(format!("{place}.add"), Layer::Add, vec![graph.last, entry]);
            }
        }
    }
    let widest = 4 * graph.channels;
    unit(&mut graph, "features.8", widest, (1, 1, 0), 1);
    graph.then("features.8.2", Layer::Silu);
    graph.pooled_head("classifier.1", 1000);
    graph.nodes
}

fn lite(table: &Table) -> Vec<Node> {
    let unit = |graph: &mut Graph, [conv, norm]: [&str; 2], outputs: i64, (kernel, stride): (i64, i64), groups: i64| {
        graph.conv_padded(conv, outputs, (kernel, stride, Padding::Same), groups, false);
        graph.batch_norm_of(norm, LITE_EPSILON);
    };
    let mut graph = Graph::new();
    // The first convolution and the last are of one width in all of them, and the first and the last stage of one depth.
    unit(&mut graph, ["_conv_stem", "_bn0"], 32, (3, 2), 1);
    graph.then("_relu_stem", Layer::Relu6);
    let mut number = 0;
    for (stage, (wider, kernel, step, outputs, count)) in STAGES.into_iter().enumerate() {
        let outputs = table.channels(outputs);
        let count = if stage == 0 || stage + 1 == STAGES.len() { count } else { table.blocks(count) };
        for block in 0..count {
            let (entry, channels) = (graph.last, graph.channels);
            let (name, stride) = (format!("_blocks.{number}"), if block == 0 { step } else { 1 });
            let (of, inner) = (|part: &str| format!("{name}.{part}"), channels * wider);
            if wider > 1 {
                unit(&mut graph, [&of("_expand_conv"), &of("_bn0")], inner, (1, 1), 1);
                graph.then(of("_relu_expand"), Layer::Relu6);
            }
            unit(&mut graph, [&of("_depthwise_conv"), &of("_bn1")], inner, (kernel, stride), inner);
            graph.then(of("_relu_depthwise"), Layer::Relu6);
            unit(&mut graph, [&of("_project_conv"), &of("_bn2")], outputs, (1, 1), 1);
            if stride == 1 && channels == outputs {
                graph.push(of("_add"), Layer::Add, vec![graph.last, entry]);
            }
            number += 1;
        }
    }
    unit(&mut graph, ["_conv_head", "_bn1"], 1280, (1, 1), 1);
    graph.then("_relu_head", Layer::Relu6);
    graph.pooled_head("_fc", 1000);
    graph.nodes
}
