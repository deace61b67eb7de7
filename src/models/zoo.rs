//! The networks of the study as tables of widths, names and steps; the full-size ones as torchvision 0.26 and
//! pretrainedmodels 0.7.4 define them, the slim ones from the same code with narrower tables.

use super::layer::{Layer, Node};
use crate::error::{Code, Error, Result};

/// A family of networks with its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Architecture {
    /// Simonyan and Zisserman 2015.
    Vgg(Vgg),
    /// He et al. 2016, Xie et al. 2017, Hu et al. 2018.
    ResNet(ResNet),
    /// Zhu et al. 2019: pictures to pictures.
    Smoothing(Residual),
}

/// A residual network from pictures to pictures of the same size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residual {
    /// Channels of the blocks.
    pub features: i64,
    /// Blocks.
    pub blocks: usize,
    /// Channels of the two wide layers after them.
    pub wide: i64,
}

/// A VGG network: stages of 3 x 3 convolutions, a max pool after each, three fully connected layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vgg {
    /// Channels of each convolution, stage by stage.
    pub stages: Vec<Vec<i64>>,
    /// Whether each convolution is followed by batch normalisation.
    pub batch_norm: bool,
    /// Features of the two hidden fully connected layers.
    pub hidden: i64,
    /// Outputs.
    pub classes: i64,
}

/// A residual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResNet {
    /// What each block is.
    pub block: Block,
    /// Blocks in each of the four stages.
    pub blocks: [usize; 4],
    /// Width of each stage; a bottleneck ends in four times as many channels.
    pub widths: [i64; 4],
    /// Channels after the first convolution.
    pub stem: i64,
    /// Groups of the 3 x 3 convolution of a bottleneck.
    pub groups: i64,
    /// Width of a group in a stage of width 64.
    pub group_width: i64,
    /// Squeeze and excitation: the gate's hidden layer has this many times fewer channels.
    pub reduction: Option<i64>,
    /// Names and details of the checkpoint.
    pub naming: Naming,
    /// Outputs.
    pub classes: i64,
}

/// What a block of a residual network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Two 3 x 3 convolutions.
    Basic,
    /// 1 x 1, 3 x 3 and 1 x 1 convolutions; the last has four times as many channels.
    Bottleneck,
}

/// Whose names and details a residual network follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// torchvision: step in the 3 x 3 convolution, padded max pool, `fc`.
    Torchvision,
    /// Cadene's pretrainedmodels: `layer0.conv1`, max pool in ceil mode without padding, `last_linear`; the step in the
    /// first 1 x 1 convolution where there is one group (Caffe style), else in the 3 x 3.
    Cadene,
}

/// Convolutions in each stage of the VGG networks, by depth (Simonyan and Zisserman 2015, table 1: A, B, D, E).
const VGG_DEPTHS: [(&str, [usize; 5]); 4] =
    [("11", [1, 1, 2, 2, 2]), ("13", [2, 2, 2, 2, 2]), ("16", [2, 2, 3, 3, 3]), ("19", [2, 2, 4, 4, 4])];
/// Channels of their stages.
const VGG_WIDTHS: [i64; 5] = [64, 128, 256, 512, 512];
/// Channels of the slim VGG's five stages.
const SLIM_VGG: [i64; 5] = [6, 12, 24, 32, 32];
/// Widths of the residual networks' four stages.
const WIDTHS: [i64; 4] = [64, 128, 256, 512];
/// Widths of the slim residual networks' four stages.
const SLIM_WIDTHS: [i64; 4] = [8, 12, 16, 32];
/// Channels after their first convolution: textures are told apart there.
const SLIM_STEM: i64 = 16;

/// A row of the table of residual networks: name, blocks of each stage, kind of block, groups, width of a group, names.
type ResidualRow = (&'static str, [usize; 4], Block, i64, i64, Naming);

/// The residual networks of 1,000 classes: those of torchvision, and those with gates (`se-`) of pretrainedmodels. A new one
/// of the family is a row.
const RESIDUAL: [ResidualRow; 12] = [
    ("resnet18", [2, 2, 2, 2], Block::Basic, 1, 64, Naming::Torchvision),
    ("resnet34", [3, 4, 6, 3], Block::Basic, 1, 64, Naming::Torchvision),
    ("resnet50", [3, 4, 6, 3], Block::Bottleneck, 1, 64, Naming::Torchvision),
    ("resnet101", [3, 4, 23, 3], Block::Bottleneck, 1, 64, Naming::Torchvision),
    ("resnet152", [3, 8, 36, 3], Block::Bottleneck, 1, 64, Naming::Torchvision),
    ("resnext50", [3, 4, 6, 3], Block::Bottleneck, 32, 4, Naming::Torchvision),
    ("resnext101", [3, 4, 23, 3], Block::Bottleneck, 32, 8, Naming::Torchvision),
    ("se-resnet50", [3, 4, 6, 3], Block::Bottleneck, 1, 64, Naming::Cadene),
    ("se-resnet101", [3, 4, 23, 3], Block::Bottleneck, 1, 64, Naming::Cadene),
    ("se-resnet152", [3, 8, 36, 3], Block::Bottleneck, 1, 64, Naming::Cadene),
    ("se-resnext50", [3, 4, 6, 3], Block::Bottleneck, 32, 4, Naming::Cadene),
    ("se-resnext101", [3, 4, 23, 3], Block::Bottleneck, 32, 4, Naming::Cadene),
];

/// The sample's networks: name, the full-size one they are a narrow form of, groups, width of a group.
const SLIM: [(&str, &str, i64, i64); 5] = [
    ("slim-resnet50", "resnet50", 1, 64),
    ("slim-sin-resnet50", "resnet50", 1, 64),
    ("slim-resnext50", "resnext50", 4, 32),
    ("slim-se-resnet50", "se-resnet50", 1, 64),
    ("slim-se-resnext50", "se-resnext50", 4, 32),
];

fn vgg(depth: &[usize; 5], widths: [i64; 5], batch_norm: bool, hidden: i64, classes: i64) -> Architecture {
    let stages = depth.iter().zip(widths).map(|(&count, width)| vec![width; count]).collect();
    Architecture::Vgg(Vgg { stages, batch_norm, hidden, classes })
}

fn residual(&(name, blocks, block, groups, group_width, naming): &ResidualRow) -> ResNet {
    let reduction = name.starts_with("se-").then_some(16);
    ResNet { block, blocks, widths: WIDTHS, stem: 64, groups, group_width, reduction, naming, classes: 1000 }
}

/// The architecture of a name: `vgg16`, `vgg16-bn`, `resnet50`, `resnext50` (32 x 4d), `se-resnet50`, `se-resnext50`, the
/// others of these families ([`architectures`] lists them), or `slim-` and one of the six of the study (the sample's:
/// narrower, ten outputs). `sin-resnet50` is `resnet50` with other weights.
///
/// # Errors
/// [`Code::Model`] listing the names there are.
pub fn architecture(name: &str) -> Result<Architecture> {
    if name == "slim-vgg16" {
        return Ok(vgg(&VGG_DEPTHS[2].1, SLIM_VGG, true, 64, 10));
    }
    if let Some((_, of, groups, group_width)) = SLIM.iter().find(|(slim, ..)| *slim == name) {
        let Architecture::ResNet(full) = architecture(of)? else { return Err(unknown(name)) };
        let reduction = full.reduction.map(|_| 4);
        let (groups, group_width) = (*groups, *group_width);
        let narrow =
            ResNet { widths: SLIM_WIDTHS, stem: SLIM_STEM, classes: 10, reduction, groups, group_width, ..full };
        return Ok(Architecture::ResNet(narrow));
    }
    let full = if name == "sin-resnet50" { "resnet50" } else { name };
    if let Some(row) = RESIDUAL.iter().find(|row| row.0 == full) {
        return Ok(Architecture::ResNet(residual(row)));
    }
    let (plain, batch_norm) = name.strip_suffix("-bn").map_or((name, false), |plain| (plain, true));
    let depth = plain.strip_prefix("vgg").and_then(|depth| VGG_DEPTHS.iter().find(|(name, _)| *name == depth));
    depth.map(|(_, depth)| vgg(depth, VGG_WIDTHS, batch_norm, 4096, 1000)).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    Error::new(Code::Model, format!("no architecture {name:?}; there are {}", architectures().join(", ")))
}

/// The names that [`architecture`] knows.
pub fn architectures() -> Vec<String> {
    let vggs = VGG_DEPTHS.iter().flat_map(|(depth, _)| [format!("vgg{depth}"), format!("vgg{depth}-bn")]);
    let residual = RESIDUAL.iter().map(|row| row.0.to_string());
    let slim = SLIM.iter().map(|row| row.0.to_string());
    vggs.chain(residual).chain(["sin-resnet50".into(), "slim-vgg16".into()]).chain(slim).collect()
}

impl Architecture {
    /// The same network with another number of outputs.
    pub fn with_classes(self, classes: i64) -> Self {
        match self {
            Architecture::Vgg(table) => Architecture::Vgg(Vgg { classes, ..table }),
            Architecture::ResNet(table) => Architecture::ResNet(ResNet { classes, ..table }),
            Architecture::Smoothing(table) => Architecture::Smoothing(table),
        }
    }

    /// Number of outputs; of a network from pictures to pictures its channels.
    pub fn classes(&self) -> i64 {
        match self {
            Architecture::Vgg(table) => table.classes,
            Architecture::ResNet(table) => table.classes,
            Architecture::Smoothing(_) => 3,
        }
    }

    /// The layers in the order of the forward pass.
    pub fn nodes(&self) -> Vec<Node> {
        match self {
            Architecture::Vgg(table) => vgg_nodes(table),
            Architecture::ResNet(table) => resnet_nodes(table),
            Architecture::Smoothing(table) => smoothing_nodes(table),
        }
    }
}

/// Lays nodes one after another; `last` is where the newest came out.
struct Graph {
    nodes: Vec<Node>,
    last: usize,
    channels: i64,
}

impl Graph {
    fn new() -> Self {
        Graph { nodes: Vec::new(), last: 0, channels: 3 }
    }

    fn push(&mut self, name: impl Into<String>, layer: Layer, inputs: Vec<usize>) -> usize {
        self.nodes.push(Node { name: name.into(), layer, inputs });
        self.last = self.nodes.len();
        self.last
    }

    fn then(&mut self, name: impl Into<String>, layer: Layer) -> usize {
        self.push(name, layer, vec![self.last])
    }

    fn conv(&mut self, key: &str, outputs: i64, (kernel, stride, padding): (i64, i64, i64), groups: i64, bias: bool) {
        let inputs = self.channels;
        let layer = Layer::Conv { key: key.to_string(), inputs, outputs, kernel, stride, padding, groups, bias };
        self.then(key, layer);
        self.channels = outputs;
    }

    fn batch_norm(&mut self, key: &str) {
        self.then(key, Layer::BatchNorm { key: key.to_string(), channels: self.channels });
    }

    fn linear(&mut self, key: &str, inputs: i64, outputs: i64) {
        self.then(key, Layer::Linear { key: key.to_string(), inputs, outputs });
    }
}

fn vgg_nodes(table: &Vgg) -> Vec<Node> {
    let mut graph = Graph::new();
    // The numbers in the names count all modules of torchvision's `features`, pools and activations too.
    let mut number = 0;
    for stage in &table.stages {
        for &width in stage {
            graph.conv(&format!("features.{number}"), width, (3, 1, 1), 1, true);
            if table.batch_norm {
                number += 1;
                graph.batch_norm(&format!("features.{number}"));
            }
            graph.then(format!("features.{}", number + 1), Layer::Relu);
            number += 2;
        }
        graph.then(format!("features.{number}"), Layer::MaxPool { kernel: 2, stride: 2, padding: 0, ceil: false });
        number += 1;
    }
    graph.then("avgpool", Layer::AveragePool { side: 7 });
    graph.then("flatten", Layer::Flatten);
    graph.linear("classifier.0", graph.channels * 49, table.hidden);
    graph.then("classifier.1", Layer::Relu);
    graph.linear("classifier.3", table.hidden, table.hidden);
    graph.then("classifier.4", Layer::Relu);
    graph.linear("classifier.6", table.hidden, table.classes);
    graph.nodes
}

/// Names as TensorLayer's, without the scope `SRGAN_g` (`SRGAN_delta` in `module.py` of zhufeida/Benchmark_EPS).
fn smoothing_nodes(table: &Residual) -> Vec<Node> {
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
    graph.nodes
}

fn resnet_nodes(table: &ResNet) -> Vec<Node> {
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

fn bottleneck(graph: &mut Graph, table: &ResNet, name: &str, width: i64, stride: i64) {
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
    use super::*;

    fn parameter_count(name: &str) -> i64 {
        let nodes = architecture(name).unwrap().nodes();
        let trained = nodes.iter().flat_map(|node| node.layer.parameters()).filter(|parameter| parameter.trained);
        trained.map(|parameter| parameter.shape.iter().product::<i64>()).sum()
    }

    #[test]
    fn full_networks_have_the_published_number_of_parameters() {
        // torchvision 0.26 and pretrainedmodels 0.7.4: sum(p.numel() for p in model.parameters())
        let published = [
            ("vgg11", 132_863_336),
            ("vgg11-bn", 132_868_840),
            ("vgg13", 133_047_848),
            ("vgg13-bn", 133_053_736),
            ("vgg16", 138_357_544),
            ("vgg16-bn", 138_365_992),
            ("vgg19", 143_667_240),
            ("vgg19-bn", 143_678_248),
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
            assert_eq!(parameter_count(name), count, "{name}");
        }
        assert_eq!(architectures().iter().filter(|name| !name.starts_with("slim-")).count(), published.len());
    }

    #[test]
    fn slim_networks_are_small() {
        for name in architectures().iter().filter(|name| name.starts_with("slim-")) {
            assert!(parameter_count(name) < 400_000, "{name}: {}", parameter_count(name));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known() {
        let error = architecture("resnet51").unwrap_err();
        assert!(error.to_string().contains("se-resnext50"), "{error}");
    }
}
