//! Which layers of a network are done together, when an output is read for the last time, and how large outputs can be.

use super::fused::End;
use super::kernels::within;
use crate::models::{Layer, Node};

/// What is done at a node of the list.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// What it says.
    Plain,
    /// A convolution, and the activation after it where there is one; `output` is where it goes.
    Fused { output: usize, end: End },
    /// A convolution that the sum after it makes.
    Later,
    /// A sum and the convolution before it, into the other summand, and the activation after it where there is one.
    FusedSum { convolution: usize, other: usize, output: usize, end: End },
    /// Nothing: an earlier step did it.
    Done,
}

/// The largest size that the numbers of each output can have, by the layers that made it, where that is known to be finite.
pub(super) struct Bounds(pub Vec<Option<f64>>);

impl Bounds {
    /// That of a layer that is done as it says.
    pub fn after(&self, node: &Node) -> Option<f64> {
        let inputs: Option<Vec<f64>> = node.inputs.iter().map(|&input| self.0[input]).collect();
        within(node.layer.bound(&inputs?)?)
    }
}

/// Which layers are done together, and when an output is read for the last time.
pub(super) struct Plan {
    pub steps: Vec<Step>,
    pub last_reader: Vec<usize>,
    /// The outputs that may go after each node.
    pub dropped: Vec<Vec<usize>>,
}

impl Plan {
    pub fn new(nodes: &[Node], fuse: bool, wanted: &[bool]) -> Self {
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len() + 1];
        for (index, node) in nodes.iter().enumerate() {
            node.inputs.iter().for_each(|&input| readers[input].push(index));
        }
        let kept = |place: usize| wanted.get(place).is_some_and(|wanted| *wanted);
        // The one layer that reads a node's output, if it is one and the output need not be kept.
        let only = |index: usize| match readers[index + 1][..] {
            [reader] if !kept(index + 1) => Some(reader),
            _ => None,
        };
        // Where a node's output goes if the activation after it is done with it.
        let with_end = |index: usize| {
            let end = only(index).and_then(|reader| Some((reader + 1, End::of(&nodes[reader].layer)?)));
            end.unwrap_or((index + 1, End::Plain))
        };
        let mut steps = vec![Step::Plain; nodes.len()];
        for (index, node) in nodes.iter().enumerate().filter(|_| fuse) {
            match &node.layer {
                Layer::Conv { bias: true, .. } => {
                    let (output, end) = with_end(index);
                    steps[index] = Step::Fused { output, end };
                    if end != End::Plain {
                        steps[output - 1] = Step::Done;
                    }
                }
                Layer::Add => {
                    let (first, second) = (node.inputs[0], node.inputs[1]);
                    // The sum goes into the other summand, which the convolution must not read while it does.
                    let convolution = first.checked_sub(1).filter(|&before| {
                        only(before) == Some(index)
                            && matches!(steps[before], Step::Fused { end: End::Plain, .. })
                            && !nodes[before].inputs.contains(&second)
                    });
                    let last = readers[second].last() == Some(&index) && second > 0 && second != first && !kept(second);
                    if let (Some(convolution), true) = (convolution, last) {
                        let (output, end) = with_end(index);
                        steps[convolution] = Step::Later;
                        steps[index] = Step::FusedSum { convolution, other: second, output, end };
                        if end != End::Plain {
                            steps[output - 1] = Step::Done;
                        }
                    }
                }
                _ => {}
            }
        }
        let last_reader = last_readers(nodes, &steps);
        let mut dropped = vec![Vec::new(); nodes.len()];
        for input in 0..nodes.len() {
            if !readers[input].is_empty() && !kept(input) {
                dropped[last_reader[input]].push(input);
            }
        }
        Plan { steps, last_reader, dropped }
    }
}

/// The node that is the last to read each place; a sum reads what its convolution does.
fn last_readers(nodes: &[Node], steps: &[Step]) -> Vec<usize> {
    let mut last_reader = vec![0; nodes.len() + 1];
    for (index, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&input| last_reader[input] = index);
        if let Step::FusedSum { convolution, .. } = steps[index] {
            nodes[convolution].inputs.iter().for_each(|&input| last_reader[input] = index);
        }
    }
    last_reader
}
