//! Residual networks (He et al. 2016), with groups (ResNeXt, Xie et al. 2017) and with gates (squeeze and excitation, Hu et
//! al. 2018), as torchvision 0.26 and pretrainedmodels 0.7.4 define them.

use super::graph::Graph;
use crate::models::layer::{Layer, Node};

/// Widths, steps and names of one of them.
#[derive(Clone, Copy)]
pub struct Table {
    /// What each block is.
    block: Block,
    /// Blocks in each of the four stages.
    blocks: [usize; 4],
    /// Width of each stage; a bottleneck ends in four times as many channels.
    widths: [i64; 4],
    /// Channels after the first convolution.
    stem: i64,
    /// Groups of the 3 x 3 convolution of a bottleneck.
    groups: i64,
    /// Width of a group in a stage of width 64.
    group_width: i64,
    /// Squeeze and excitation: the gate's hidden layer has this many times fewer channels.
    reduction: Option<i64>,
    /// Names and details of the checkpoint.
    naming: Naming,
    /// Outputs.
    classes: i64,
}

/// What a block is.
#[derive(Clone, Copy)]
enum Block {
    /// Two 3 x 3 convolutions.
    Basic,
    /// 1 x 1, 3 x 3 and 1 x 1 convolutions; the last has four times as many channels.
    Bottleneck,
}

/// Whose names and details a network follows.
#[derive(Clone, Copy)]
enum Naming {
    /// torchvision: step in the 3 x 3 convolution, padded max pool, `fc`.
    Torchvision,
    /// Cadene's pretrainedmodels: `layer0.conv1`, max pool in ceil mode without padding, `last_linear`; the step in the
    /// first 1 x 1 convolution where there is one group (Caffe style), else in the 3 x 3.
    Cadene,
}

const RESNET18: Table = basic_blocks([2, 2, 2, 2]);
const RESNET34: Table = basic_blocks([3, 4, 6, 3]);
const RESNET50: Table = bottlenecks([3, 4, 6, 3]);
const RESNET101: Table = bottlenecks([3, 4, 23, 3]);
const RESNET152: Table = bottlenecks([3, 8, 36, 3]);

/// `sin-resnet50` is `resnet50` with other weights. Those of the sample are narrow.
pub const NETWORKS: [(&str, Table); 18] = [
    ("resnet18", RESNET18),
    ("resnet34", RESNET34),
    ("resnet50", RESNET50),
    ("resnet101", RESNET101),
    ("resnet152", RESNET152),
    ("resnext50", RESNET50.grouped(32, 4)),
    ("resnext101", RESNET101.grouped(32, 8)),
    ("se-resnet50", RESNET50.gated(16)),
    ("se-resnet101", RESNET101.gated(16)),
    ("se-resnet152", RESNET152.gated(16)),
    ("se-resnext50", RESNET50.grouped(32, 4).gated(16)),
    ("se-resnext101", RESNET101.grouped(32, 4).gated(16)),
    ("sin-resnet50", RESNET50),
    ("slim-resnet50", RESNET50.slim()),
    ("slim-sin-resnet50", RESNET50.slim()),
    ("slim-resnext50", RESNET50.slim().grouped(4, 32)),
    ("slim-se-resnet50", RESNET50.slim().gated(4)),
    ("slim-se-resnext50", RESNET50.slim().grouped(4, 32).gated(4)),
];

const fn basic_blocks(blocks: [usize; 4]) -> Table {
    Table { block: Block::Basic, ..bottlenecks(blocks) }
}

const fn bottlenecks(blocks: [usize; 4]) -> Table {
    Table {
        block: Block::Bottleneck,
        blocks,
        widths: [64, 128, 256, 512],
        stem: 64,
        groups: 1,
        group_width: 64,
        reduction: None,
        naming: Naming::Torchvision,
        classes: 1000,
    }
}

impl Table {
    const fn grouped(self, groups: i64, group_width: i64) -> Self {
        Table { groups, group_width, ..self }
    }

    /// With squeeze and excitation, as pretrainedmodels names it.
    const fn gated(self, reduction: i64) -> Self {
        Table { reduction: Some(reduction), naming: Naming::Cadene, ..self }
    }

    /// Narrow, of ten outputs; wide after the first convolution, where textures are told apart.
    const fn slim(self) -> Self {
        Table { widths: [8, 12, 16, 32], stem: 16, classes: 10, ..self }
    }
}

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    let mut graph = Graph::new();
    let (stem, pool) = match table.naming {
        Naming::Torchvision => ("", Layer::MaxPool { kernel: 3, stride: 2, padding: 1, ceil: false }),
        Naming::Cadene => ("layer0.", Layer::MaxPool { kernel: 3, stride: 2, padding: 0, ceil: true }),
    };
    graph.conv(&format!("{stem}conv1"), table.stem, (7, 2, 3), 1, false);
    graph.batch_norm(&format!("{stem}bn1"));
    graph.then(format!("{stem}relu"), Layer::Relu);
    graph.then(format!("{stem}maxpool"), pool);
    for (stage, (&count, &width)) in table.blocks.iter().zip(&table.widths).enumerate() {
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let name = format!("layer{}.{block}", stage + 1);
            match table.block {
                Block::Basic => basic(&mut graph, &name, width, stride),
                Block::Bottleneck => bottleneck(&mut graph, table, &name, width, stride),
            }
        }
    }
    graph.then("avgpool", Layer::AveragePool { side: 1 });
    graph.then("flatten", Layer::Flatten);
    let head = match table.naming {
        Naming::Torchvision => "fc",
        Naming::Cadene => "last_linear",
    };
    graph.linear(head, graph.channels, table.classes);
    graph.nodes
}

fn basic(graph: &mut Graph, name: &str, width: i64, stride: i64) {
    let (entry, channels) = (graph.last, graph.channels);
    graph.conv(&format!("{name}.conv1"), width, (3, stride, 1), 1, false);
    graph.batch_norm(&format!("{name}.bn1"));
    graph.then(format!("{name}.relu1"), Layer::Relu);
    graph.conv(&format!("{name}.conv2"), width, (3, 1, 1), 1, false);
    graph.batch_norm(&format!("{name}.bn2"));
    let signal = graph.last;
    add_shortcut(graph, name, signal, (entry, channels), (width, stride), "relu2");
}

/// The sum of a block's signal and its entry, the entry through a convolution where their shapes differ; and a ReLU.
fn add_shortcut(
    graph: &mut Graph,
    name: &str,
    signal: usize,
    (entry, channels): (usize, i64),
    (outer, stride): (i64, i64),
    relu: &str,
) {
    let shortcut = if stride != 1 || channels != outer {
        (graph.last, graph.channels) = (entry, channels);
        graph.conv(&format!("{name}.downsample.0"), outer, (1, stride, 0), 1, false);
        graph.batch_norm(&format!("{name}.downsample.1"));
        graph.last
    } else {
        entry
    };
    graph.push(format!("{name}.add"), Layer::Add, vec![signal, shortcut]);
    graph.then(format!("{name}.{relu}"), Layer::Relu);
    graph.channels = outer;
}

fn bottleneck(graph: &mut Graph, table: &Table, name: &str, width: i64, stride: i64) {
    let (entry, channels) = (graph.last, graph.channels);
    let (inner, outer) = (width * table.group_width / 64 * table.groups, width * 4);
    let (first, second) = match table.naming {
        Naming::Cadene if table.groups == 1 => (stride, 1),
        _ => (1, stride),
    };
    graph.conv(&format!("{name}.conv1"), inner, (1, first, 0), 1, false);
    graph.batch_norm(&format!("{name}.bn1"));
    graph.then(format!("{name}.relu1"), Layer::Relu);
    graph.conv(&format!("{name}.conv2"), inner, (3, second, 1), table.groups, false);
    graph.batch_norm(&format!("{name}.bn2"));
    graph.then(format!("{name}.relu2"), Layer::Relu);
    graph.conv(&format!("{name}.conv3"), outer, (1, 1, 0), 1, false);
    graph.batch_norm(&format!("{name}.bn3"));
    let mut signal = graph.last;
    if let Some(reduction) = table.reduction {
        let module = format!("{name}.se_module");
        graph.then(format!("{module}.avg_pool"), Layer::AveragePool { side: 1 });
        graph.conv(&format!("{module}.fc1"), outer / reduction, (1, 1, 0), 1, true);
        graph.then(format!("{module}.relu"), Layer::Relu);
        graph.conv(&format!("{module}.fc2"), outer, (1, 1, 0), 1, true);
        let gate = graph.then(format!("{module}.sigmoid"), Layer::Sigmoid);
        signal = graph.push(module, Layer::Gate, vec![signal, gate]);
    }
    add_shortcut(graph, name, signal, (entry, channels), (outer, stride), "relu3");
}

#[cfg(test)]
mod tests {
    use crate::models::architecture;

    #[test]
    fn they_have_the_published_number_of_parameters() {
        // torchvision 0.26 and pretrainedmodels 0.7.4: sum(p.numel() for p in model.parameters())
        let published = [
            ("resnet18", 11_689_512),
            ("resnet34", 21_797_672),
            ("resnet50", 25_557_032),
            ("sin-resnet50", 25_557_032),
            ("resnet101", 44_549_160),
            ("resnet152", 60_192_808),
            ("resnext50", 25_028_904),
            ("resnext101", 88_791_336),
            ("se-resnet50", 28_088_024),
            ("se-resnet101", 49_326_872),
            ("se-resnet152", 66_821_848),
            ("se-resnext50", 27_559_896),
            ("se-resnext101", 48_955_416),
        ];
        for (name, count) in published {
            assert_eq!(architecture(name).unwrap().count(), count, "{name}");
        }
        let full = super::NETWORKS.iter().filter(|(_, table)| table.classes == 1000);
        assert_eq!(full.count(), published.len());
    }
}
