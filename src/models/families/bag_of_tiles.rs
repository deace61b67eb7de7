//! A bag of tiles: a network that cannot know where the 16 tiles of 56 x 56 pixels of a 224 x 224 picture are, nor a tile from
//! its mirror image. After the BagNets (Brendel and Bethge 2019), whose places overlap and so tell who is whose neighbour; here
//! every kernel's side is its stride and divides the tile, nothing is padded, and nothing is normalised across places.
//!
//! The channels of the `paired` convolutions come in pairs, `2 k` and `2 k + 1`. The kernel of the second is that of the first
//! mirrored left to right, with the pairs of the channels that it reads exchanged; so the mirror image of a tile gives
//! the same numbers, mirrored and with each pair exchanged. `code` gives both of a pair the same weight, so the code of a
//! tile, and the mean over all tiles, is that of its mirror image.

use tch::Tensor;

use super::graph::Graph;
use crate::models::layer::{Layer, Node, Part};
use crate::models::weights::Weights;

/// Channels of one of them.
pub struct Table {
    /// After the convolutions of 7 x 7 pixels, 1 x 1, 2 x 2 and 4 x 4 places, of which the last makes a tile of them.
    widths: [i64; 4],
    /// Of a tile's code.
    code: i64,
    /// Outputs.
    classes: i64,
}

/// The one of the sample.
pub const NETWORKS: [(&str, Table); 1] =
    [("slim-bag-of-tiles", Table { widths: [64, 64, 96, 64], code: 64, classes: 10 })];

/// Sides and steps of the paired kernels: together a tile's 56 pixels.
const SIDES: [i64; 4] = [7, 1, 2, 4];

/// What the names of convolutions of paired channels begin with, and the name of the one that makes a pair one.
const PAIRED: &str = "paired";
const CODE: &str = "code";

/// The layers of one of them.
pub fn nodes(table: &Table) -> Vec<Node> {
    let mut graph = Graph::new();
    for (number, (&channels, side)) in table.widths.iter().zip(SIDES).enumerate() {
        graph.conv(&format!("{PAIRED}.{number}"), channels, (side, side, 0), 1, true);
        graph.then(format!("{PAIRED}.{number}.relu"), Layer::Relu);
    }
    graph.conv(CODE, table.code, (1, 1, 0), 1, true);
    graph.then(format!("{CODE}.relu"), Layer::Relu);
    graph.pooled_head("fc", table.classes);
    graph.nodes
}

/// Puts each weight of a bag of tiles halfway between itself and its counterpart in the mirrored network, in place, so that the
/// two are the same to the bit. Weights of other layers stay as they are.
pub fn keep_symmetry(nodes: &[Node], weights: &Weights) {
    let _no_grad = tch::no_grad_guard();
    for parameter in nodes.iter().filter(|node| is_mirrored(node)).flat_map(|node| node.layer.parameters()) {
        if let Some(tensor) = weights.get(&parameter.name) {
            let middle = (tensor + mirrored(&parameter.name, parameter.part, tensor)) * 0.5;
            tensor.shallow_clone().copy_(&middle);
        }
    }
}

/// Whether a layer's weights have counterparts in the mirrored network.
pub fn is_mirrored(node: &Node) -> bool {
    matches!(&node.layer, Layer::Conv { key, .. } if key.starts_with(PAIRED) || key == CODE)
}

/// A tensor of the mirrored network.
fn mirrored(name: &str, part: Part, tensor: &Tensor) -> Tensor {
    const COLORS: i64 = 3;
    let paired = name.starts_with(PAIRED);
    let own = if paired { exchanged(tensor, 0) } else { tensor.shallow_clone() };
    if part != Part::Weight {
        return own;
    }
    let seen = if tensor.size()[1] == COLORS { own } else { exchanged(&own, 1) };
    seen.flip([3])
}

/// The same with each two neighbours along a side exchanged.
fn exchanged(tensor: &Tensor, side: usize) -> Tensor {
    let order: Vec<i64> = (0..tensor.size()[side]).map(|channel| channel ^ 1).collect();
    tensor.index_select(side as i64, &Tensor::from_slice(&order).to_device(tensor.device()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::architecture;
    use tch::{Device, Kind};

    fn random(name: &str) -> (Vec<Node>, Weights) {
        tch::manual_seed(7);
        let nodes = architecture(name).unwrap().nodes().to_vec();
        let parameters = nodes.iter().flat_map(|node| node.layer.parameters());
        let normal = |shape: &[i64]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
        let weights = parameters.map(|parameter| (parameter.name, normal(&parameter.shape))).collect();
        (nodes, weights)
    }

    #[test]
    fn weights_are_symmetrical_to_the_bit_once_kept_so_and_stay_as_they_are_then() {
        let (nodes, weights) = random("slim-bag-of-tiles");
        keep_symmetry(&nodes, &weights);
        let before: Vec<Tensor> = weights.values().map(Tensor::copy).collect();
        let mut found = 0;
        for parameter in nodes.iter().filter(|node| is_mirrored(node)).flat_map(|node| node.layer.parameters()) {
            let tensor = &weights[&parameter.name];
            assert_eq!(*tensor, mirrored(&parameter.name, parameter.part, tensor), "{}", parameter.name);
            found += 1;
        }
        assert_eq!(found, 10);
        let first = &weights["paired.0.weight"];
        assert_eq!(first.get(1), first.get(0).flip([2]));
        keep_symmetry(&nodes, &weights);
        assert!(weights.values().zip(&before).all(|(now, then)| now == then));
    }

    #[test]
    fn other_networks_have_no_such_symmetry() {
        let (nodes, weights) = random("slim-resnet50");
        let before: Vec<Tensor> = weights.values().map(Tensor::copy).collect();
        keep_symmetry(&nodes, &weights);
        assert!(weights.values().zip(&before).all(|(now, then)| now == then));
    }
}
