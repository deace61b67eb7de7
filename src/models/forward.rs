//! The forward pass.

use tch::{Kind, Tensor};

use super::device::Device;
use super::fused::{self, Convolution, End};
use super::kernels::{Kernel, Kernels, largest, within};
use super::layer::{Layer, Node};
use super::network::{BATCH_NORM_EPSILON, Network, Precision};
use super::winograd;
use crate::error::{Code, Error, Result};

/// Where batch normalisation takes mean and variance from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchStatistics {
    /// The running statistics of the checkpoint: inference.
    Running,
    /// The batch's own: training.
    Batch,
}

/// The share of a new batch in the running statistics (torch's default).
const BATCH_NORM_MOMENTUM: f64 = 0.1;

/// Outputs of layers for one batch; relevance walks back through them.
#[derive(Debug)]
pub struct Activations {
    values: Vec<Option<Tensor>>,
    sizes: Vec<Vec<i64>>,
}

/// Which outputs outlive a forward pass: place 0 is the picture, place `i + 1` what comes out of node `i`.
pub type Wanted = Vec<bool>;

impl Activations {
    /// What came out of node `index`, or the picture for place 0.
    ///
    /// # Errors
    /// [`Code::Model`] if it was not kept.
    pub fn at(&self, place: usize) -> Result<&Tensor> {
        let gone = || Error::new(Code::Model, format!("the output at place {place} was not kept"));
        self.values.get(place).and_then(Option::as_ref).ok_or_else(gone)
    }

    /// The shape of it, kept or not.
    pub fn size(&self, place: usize) -> &[i64] {
        &self.sizes[place]
    }

    /// The logits, `[n, classes]`.
    ///
    /// # Errors
    /// [`Code::Model`] if the network has no layer.
    pub fn logits(&self) -> Result<&Tensor> {
        self.at(self.values.len() - 1)
    }
}

impl Network {
    /// Logits `[n, classes]`, float32, of normalised pictures `[n, 3, h, w]`; no gradients are kept. An output is dropped as
    /// soon as no later layer reads it, or becomes the output of the layer that is the last to read it.
    ///
    /// # Errors
    /// [`Code::Model`] if the shape does not fit.
    pub fn forward(&self, pictures: &Tensor) -> Result<Tensor> {
        let _no_grad = tch::no_grad_guard();
        check_picture(pictures)?;
        let parts: Result<Vec<Tensor>> = pictures
            .f_split(self.at_once(pictures)?, 0)?
            .into_iter()
            .map(|part| {
                let mut values = self.fold(&part.to_kind(self.precision().kind()), Keep::Nothing)?;
                values.pop().flatten().ok_or_else(no_layer)
            })
            .collect();
        let logits = Tensor::f_cat(&parts?, 0)?;
        Ok(if logits.kind() == Kind::Double { logits } else { logits.to_kind(Kind::Float) })
    }

    /// How many pictures of a batch go through the layers together. On the processor, as many as keep every output below
    /// 32 MiB: larger ones the system hands out page by page, anew each time, which takes longer than to fill them. But four
    /// at least: each part reads all weights once.
    fn at_once(&self, pictures: &Tensor) -> Result<i64> {
        const MOST_BYTES: usize = 32 << 20;
        const LEAST: usize = 4;
        let mut size = pictures.size();
        let all = std::mem::replace(&mut size[0], 1);
        if self.device() != Device::Cpu {
            return Ok(all);
        }
        let numbers = self.output_sizes(&size)?.iter().map(|size| size.iter().product::<i64>()).max().unwrap_or(1);
        let bytes = numbers as usize * self.precision().kind().elt_size_in_bytes();
        let parts = (all as usize).div_ceil((MOST_BYTES / bytes).max(LEAST));
        Ok((all as usize).div_ceil(parts) as i64)
    }

    /// The forward pass with gradients where tensors ask for them. Nothing of the network changes: with the batch's own
    /// statistics, the running ones stay as they are.
    ///
    /// # Errors
    /// [`Code::Model`] if the shape does not fit.
    pub fn run(&self, pictures: &Tensor, statistics: BatchStatistics) -> Result<Tensor> {
        let run = |network: &Network| network.fold(pictures, Keep::Gradients(statistics));
        // libtorch moves the running statistics that it is given with the batch's own.
        let values = if statistics == BatchStatistics::Batch { run(&self.with_own_statistics()) } else { run(self) };
        values?.pop().flatten().ok_or_else(no_layer)
    }

    /// The forward pass of training: as [`Network::run`] with the batch's own statistics, a tenth of which goes into the
    /// network's running ones. Networks that it shares tensors with keep theirs.
    ///
    /// # Errors
    /// [`Code::Model`] if the shape does not fit; the network is as before.
    pub fn run_training(&mut self, pictures: &Tensor) -> Result<Tensor> {
        let moved = self.with_own_statistics();
        let logits = moved.fold(pictures, Keep::Gradients(BatchStatistics::Batch))?.pop().flatten();
        *self = moved;
        logits.ok_or_else(no_layer)
    }

    /// What comes out at a place (as [`Wanted`] counts them), and the logits as a function of it, to be differentiated.
    ///
    /// # Errors
    /// [`Code::Model`] if the shape does not fit, or the logits do not depend on that place alone.
    pub fn run_from(&self, pictures: &Tensor, place: usize) -> Result<(Tensor, Tensor)> {
        let mut wanted = vec![false; self.nodes().len() + 1];
        wanted[place] = true;
        let features = self.activations(pictures, &wanted)?.at(place)?.detach().copy().set_requires_grad(true);
        tch::with_grad(|| {
            let mut values: Vec<Option<Tensor>> = (0..=self.nodes().len()).map(|_| None).collect();
            values[place] = Some(features.shallow_clone());
            for (index, node) in self.nodes().iter().enumerate().skip(place) {
                let inputs: Option<Vec<&Tensor>> = node.inputs.iter().map(|&input| values[input].as_ref()).collect();
                let missing =
                    || Error::new(Code::Model, "reads what comes before").place(format!("layer {}", node.name));
                let output = self.apply(node, &inputs.ok_or_else(missing)?, BatchStatistics::Running)?;
                values[index + 1] = Some(output);
            }
            let logits = values.pop().flatten().ok_or_else(no_layer)?;
            Ok((features, logits))
        })
    }

    fn fold(&self, pictures: &Tensor, keep: Keep<'_>) -> Result<Vec<Option<Tensor>>> {
        check_picture(pictures)?;
        let gradients = matches!(keep, Keep::Gradients(_));
        let none = Vec::new();
        let wanted: &[bool] = if let Keep::Outputs(wanted) = keep { wanted } else { &none };
        let fuse = !gradients && self.fuses();
        let plan = Plan::new(self.nodes(), fuse, wanted);
        // Relevance walks back through the plain sums, and several threads share out those. It is for the network to say:
        // how many threads libtorch has just now must not change any result.
        let kernels = match keep {
            Keep::Nothing if fuse && self.is_for_one_thread() => self.kernels(&pictures.size())?,
            _ => Kernels::new(),
        };
        let mut values: Vec<Option<Tensor>> = vec![Some(pictures.shallow_clone())];
        values.resize_with(self.nodes().len() + 1, || None);
        let mut bounds = Bounds(vec![None; self.nodes().len() + 1]);
        for (index, node) in self.nodes().iter().enumerate() {
            let read = |place: usize| values[place].as_ref().expect("read before it was dropped");
            match plan.steps[index] {
                Step::Later | Step::Done => continue,
                Step::Fused { output, end } => {
                    let first = node.inputs[0];
                    bounds.0[output] = self.bound(index, first, None, &values, &mut bounds)?;
                    let finite = bounds.0[output].is_some();
                    values[output] = Some(self.convolve(index, finite, &kernels, read(first), None, end)?);
                }
                Step::FusedSum { convolution, other, output, end } => {
                    let first = self.nodes()[convolution].inputs[0];
                    bounds.0[output] = self.bound(convolution, first, Some(other), &values, &mut bounds)?;
                    let finite = bounds.0[output].is_some();
                    let added = values[other].take().expect("read before it was dropped");
                    let x = values[first].as_ref().expect("read before it was dropped");
                    values[output] = Some(self.convolve(convolution, finite, &kernels, x, Some(added), end)?);
                }
                Step::Plain => {
                    let first = node.inputs[0];
                    // The pictures are the caller's, and an input that stands twice is read once more.
                    let free = first > 0
                        && !gradients
                        && !wanted.get(first).is_some_and(|wanted| *wanted)
                        && plan.last_reader[first] == index
                        && node.inputs[1..].iter().all(|&other| other != first);
                    let output = if free && matches!(node.layer, Layer::Relu | Layer::Add) {
                        let mut value = values[first].take().expect("read before it was dropped");
                        let done = match node.layer {
                            Layer::Relu => value.f_relu_(),
                            _ => value.f_add_(values[node.inputs[1]].as_ref().expect("read before it was dropped")),
                        };
                        done.map_err(|cause| refused(node, &value, cause))?
                    } else {
                        let inputs: Vec<&Tensor> = node.inputs.iter().map(|&input| read(input)).collect();
                        let statistics =
                            if let Keep::Gradients(statistics) = keep { statistics } else { BatchStatistics::Running };
                        self.apply(node, &inputs, statistics)?
                    };
                    values[index + 1] = Some(output);
                    bounds.0[index + 1] = bounds.after(node);
                }
            }
            plan.dropped[index].iter().for_each(|&input| values[input] = None);
        }
        Ok(values)
    }

    /// Why something of the network is not finite for a picture `[1, 3, h, w]`: the layer out of which the first number comes
    /// that is not, of the plain operators one after another, and what is wrong with its tensors.
    pub(crate) fn not_finite(&self, what: &str, picture: &Tensor) -> Error {
        let found = match self.first_not_finite(picture) {
            Ok(Some((value, None))) => format!("; the input itself holds {value}"),
            Ok(Some((value, Some(node)))) => {
                let why = self.wrong_tensor(node).unwrap_or_else(|| "where numbers are too large".to_string());
                format!("; {value} first comes out of layer {} ({}), {why}", node.name, node.layer.kind())
            }
            Ok(None) => "; what comes out of each of its layers is".to_string(),
            Err(error) => format!("; which layer makes them so was not found: {}", error.message()),
        };
        Error::new(Code::Numeric, format!("{what} of {} are not finite{found}", self.name()))
    }

    /// The first number that is not finite, and the layer that made it; none for the input itself.
    fn first_not_finite(&self, picture: &Tensor) -> Result<Option<(f64, Option<&Node>)>> {
        let _no_grad = tch::no_grad_guard();
        let wrong = |tensor: &Tensor| -> Result<Option<f64>> {
            let values = tensor.f_masked_select(&tensor.f_isfinite()?.f_logical_not()?)?;
            Ok((values.numel() > 0).then(|| values.double_value(&[0])))
        };
        let plan = Plan::new(self.nodes(), false, &[]);
        let picture = picture.to_kind(self.precision().kind());
        if let Some(value) = wrong(&picture)? {
            return Ok(Some((value, None)));
        }
        let mut values = vec![Some(picture)];
        for (index, node) in self.nodes().iter().enumerate() {
            let read = |&input: &usize| values[input].as_ref().expect("read before it was dropped");
            let inputs: Vec<&Tensor> = node.inputs.iter().map(read).collect();
            let output = self.apply(node, &inputs, BatchStatistics::Running)?;
            if let Some(value) = wrong(&output)? {
                return Ok(Some((value, Some(node))));
            }
            values.push(Some(output));
            plan.dropped[index].iter().for_each(|&input| values[input] = None);
        }
        Ok(None)
    }

    /// What of a layer's tensors makes numbers that are not finite.
    fn wrong_tensor(&self, node: &Node) -> Option<String> {
        node.layer.parameters().iter().find_map(|parameter| {
            let tensor = self.weights().get(&parameter.name)?;
            if tensor.isfinite().all().int64_value(&[]) == 0 {
                return Some(format!("whose {} holds NaN or infinity", parameter.name));
            }
            let least = tensor.min().double_value(&[]);
            let variance = parameter.name.ends_with(".running_var") && least <= -BATCH_NORM_EPSILON;
            variance.then(|| format!("whose {} holds {least:.3e}: no variance is negative", parameter.name))
        })
    }

    /// Fused convolutions are oneDNN's, for the processor and 32 bits.
    fn fuses(&self) -> bool {
        self.device() == Device::Cpu && self.precision() == Precision::Single && fused::available()
    }

    /// The largest size of what a convolution makes of the output at a place, added to an other; `None` if it cannot be told
    /// that every sum on the way is finite. Outputs are only looked at where what is known of them by the layers before is not
    /// enough: a few small ones of a network.
    fn bound(
        &self,
        convolution: usize,
        first: usize,
        other: Option<usize>,
        values: &[Option<Tensor>],
        bounds: &mut Bounds,
    ) -> Result<Option<f64>> {
        let Some(gain) = self.gains()?[convolution] else { return Ok(None) };
        let after = |bounds: &Bounds| gain.bound(bounds.0[first]?, other.map_or(Some(0.0), |other| bounds.0[other])?);
        for place in [Some(first), other].into_iter().flatten() {
            if let Some(bound) = after(bounds) {
                return Ok(Some(bound));
            }
            let value = values[place].as_ref().expect("read before it was dropped");
            bounds.0[place] = within(largest(value)?);
        }
        Ok(after(bounds))
    }

    /// The convolution at a node, and what comes at its end; by the fast kernels if all of its sums are finite.
    fn convolve(
        &self,
        index: usize,
        finite: bool,
        kernels: &Kernels,
        x: &Tensor,
        other: Option<Tensor>,
        end: End,
    ) -> Result<Tensor> {
        let node = &self.nodes()[index];
        if !finite {
            let mut output = self.apply(node, &[x], BatchStatistics::Running)?;
            if let Some(other) = other {
                output = output.f_add_(&other)?;
            }
            return Ok(if end == End::Relu { output.f_relu_()? } else { output });
        }
        let Layer::Conv { key, stride, padding, groups, .. } = &node.layer else {
            return Err(Error::new(Code::Model, "no convolution").place(format!("layer {}", node.name)));
        };
        let (stride, padding, groups) = (*stride, *padding, *groups);
        let (kernel, bias) = (self.weight(key, "weight")?, self.weight(key, "bias")?);
        let fused =
            |kernel, other| fused::convolve(x, other, Convolution { kernel, bias, stride, padding, groups }, end);
        let done = match kernels.get(index).and_then(Option::as_ref) {
            Some(Kernel::Winograd(kernel)) => winograd::convolve(x, other.as_ref(), kernel, bias, end),
            Some(Kernel::Packed(kernel)) => fused(kernel, other),
            None => fused(kernel, other),
        };
        done.map_err(|error| match error.code() {
            Code::Memory => error,
            _ => Error::new(Code::Model, format!("convolution of an input of shape {:?} failed", x.size()))
                .place(format!("layer {}", node.name))
                .because(error),
        })
    }

    /// The forward pass with the outputs kept that are wanted, and the logits; the shapes of all.
    ///
    /// # Errors
    /// [`Code::Model`] if the shape does not fit.
    pub fn activations(&self, pictures: &Tensor, wanted: &Wanted) -> Result<Activations> {
        let _no_grad = tch::no_grad_guard();
        let pictures = pictures.to_kind(self.precision().kind());
        let values = self.fold(&pictures, Keep::Outputs(wanted))?;
        Ok(Activations { values, sizes: self.output_sizes(&pictures.size())? })
    }

    /// The shape of the picture, and of what comes out of each node.
    ///
    /// # Errors
    /// [`Code::Model`] if a window does not fit.
    pub fn output_sizes(&self, pictures: &[i64]) -> Result<Vec<Vec<i64>>> {
        let mut sizes = vec![pictures.to_vec()];
        for node in self.nodes() {
            let x = sizes[node.inputs[0]].clone();
            let window = |side: i64, kernel: i64, stride: i64, padding: i64, ceil: bool| {
                let room = side + 2 * padding - kernel;
                let steps = if ceil { (room + stride - 1).div_euclid(stride) } else { room.div_euclid(stride) };
                // A last window that would begin in the padding beyond the picture does not count.
                let inside = !ceil || steps * stride < side + padding;
                if inside { steps + 1 } else { steps }
            };
            let size = match &node.layer {
                Layer::Conv { outputs, kernel, stride, padding, .. } => {
                    let side = |side: i64| window(side, *kernel, *stride, *padding, false);
                    vec![x[0], *outputs, side(x[2]), side(x[3])]
                }
                Layer::MaxPool { kernel, stride, padding, ceil } => {
                    let side = |side: i64| window(side, *kernel, *stride, *padding, *ceil);
                    vec![x[0], x[1], side(x[2]), side(x[3])]
                }
                Layer::AveragePool { side } => vec![x[0], x[1], *side, *side],
                Layer::Flatten => vec![x[0], x[1..].iter().product()],
                Layer::Linear { outputs, .. } => vec![x[0], *outputs],
                Layer::BatchNorm { .. }
                | Layer::Relu
                | Layer::Sigmoid
                | Layer::Tanh
                | Layer::Softmax
                | Layer::Add
                | Layer::Gate => x,
            };
            if size.iter().any(|&side| side < 1) {
                return Err(Error::new(Code::Model, format!("pictures of {pictures:?} are too small"))
                    .place(format!("layer {}", node.name)));
            }
            sizes.push(size);
        }
        Ok(sizes)
    }

    fn apply(&self, node: &Node, inputs: &[&Tensor], statistics: BatchStatistics) -> Result<Tensor> {
        let x = inputs[0];
        let output = match &node.layer {
            Layer::Conv { key, stride, padding, groups, bias, .. } => {
                let offset = if *bias { Some(self.weight(key, "bias")?) } else { None };
                let kernel = self.weight(key, "weight")?;
                x.f_conv2d(kernel, offset, [*stride; 2], [*padding; 2], [1, 1], *groups)
            }
            Layer::BatchNorm { key, .. } => x.f_batch_norm(
                Some(self.weight(key, "weight")?),
                Some(self.weight(key, "bias")?),
                Some(self.weight(key, "running_mean")?),
                Some(self.weight(key, "running_var")?),
                statistics == BatchStatistics::Batch,
                BATCH_NORM_MOMENTUM,
                BATCH_NORM_EPSILON,
                true,
            ),
            Layer::Relu => x.f_relu(),
            Layer::Sigmoid => x.f_sigmoid(),
            Layer::Tanh => x.f_tanh(),
            Layer::Softmax => x.f_softmax(1, None),
            Layer::MaxPool { kernel, stride, padding, ceil } => {
                x.f_max_pool2d([*kernel; 2], [*stride; 2], [*padding; 2], [1, 1], *ceil)
            }
            Layer::AveragePool { side } => x.f_adaptive_avg_pool2d([*side; 2]),
            Layer::Flatten => x.f_flatten(1, -1),
            Layer::Linear { key, .. } => x.f_linear(self.weight(key, "weight")?, Some(self.weight(key, "bias")?)),
            Layer::Add => x.f_add(inputs[1]),
            Layer::Gate => x.f_mul(inputs[1]),
        };
        output.map_err(|cause| refused(node, x, cause))
    }
}

/// What is done at a node of the list.
#[derive(Clone, Copy)]
enum Step {
    /// What it says.
    Plain,
    /// A convolution, and the ReLU after it where there is one; `output` is where it goes.
    Fused { output: usize, end: End },
    /// A convolution that the sum after it makes.
    Later,
    /// A sum and the convolution before it, into the other summand, and the ReLU after it where there is one.
    FusedSum { convolution: usize, other: usize, output: usize, end: End },
    /// Nothing: an earlier step did it.
    Done,
}

/// The largest size that the numbers of each output can have, by the layers that made it, where that is known to be finite.
struct Bounds(Vec<Option<f64>>);

impl Bounds {
    /// That of a layer that is done as it says.
    fn after(&self, node: &Node) -> Option<f64> {
        let x = self.0[node.inputs[0]];
        match node.layer {
            Layer::Relu | Layer::MaxPool { .. } | Layer::AveragePool { .. } | Layer::Flatten => x,
            Layer::Sigmoid | Layer::Tanh | Layer::Softmax => x.map(|_| 1.0),
            Layer::Add => within(x? + self.0[node.inputs[1]]?),
            Layer::Gate => within(x? * self.0[node.inputs[1]]?),
            Layer::Conv { .. } | Layer::BatchNorm { .. } | Layer::Linear { .. } => None,
        }
    }
}

/// Which layers are done together, and when an output is read for the last time.
struct Plan {
    steps: Vec<Step>,
    last_reader: Vec<usize>,
    /// The outputs that may go after each node.
    dropped: Vec<Vec<usize>>,
}

impl Plan {
    fn new(nodes: &[Node], fuse: bool, wanted: &[bool]) -> Self {
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
        // Where a node's output goes if the ReLU after it is done with it.
        let with_relu = |index: usize| match only(index) {
            Some(relu) if nodes[relu].layer == Layer::Relu => (relu + 1, End::Relu),
            _ => (index + 1, End::Plain),
        };
        let mut steps = vec![Step::Plain; nodes.len()];
        for (index, node) in nodes.iter().enumerate().filter(|_| fuse) {
            match &node.layer {
                Layer::Conv { bias: true, .. } => {
                    let (output, end) = with_relu(index);
                    steps[index] = Step::Fused { output, end };
                    if end == End::Relu {
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
                        let (output, end) = with_relu(index);
                        steps[convolution] = Step::Later;
                        steps[index] = Step::FusedSum { convolution, other: second, output, end };
                        if end == End::Relu {
                            steps[output - 1] = Step::Done;
                        }
                    }
                }
                _ => {}
            }
        }
        let mut last_reader = vec![0; nodes.len() + 1];
        for (index, node) in nodes.iter().enumerate() {
            node.inputs.iter().for_each(|&input| last_reader[input] = index);
            if let Step::FusedSum { convolution, .. } = steps[index] {
                nodes[convolution].inputs.iter().for_each(|&input| last_reader[input] = index);
            }
        }
        let mut dropped = vec![Vec::new(); nodes.len()];
        for input in 0..nodes.len() {
            if !readers[input].is_empty() && !kept(input) {
                dropped[last_reader[input]].push(input);
            }
        }
        Plan { steps, last_reader, dropped }
    }
}

/// What has to survive a forward pass.
#[derive(Clone, Copy)]
enum Keep<'a> {
    /// Only the logits.
    Nothing,
    /// The outputs that are wanted.
    Outputs(&'a [bool]),
    /// What gradients go back through.
    Gradients(BatchStatistics),
}

fn no_layer() -> Error {
    Error::new(Code::Model, "the network has no layer")
}

/// Memory that a device does not have is one thing, a shape that does not fit another.
fn refused(node: &Node, x: &Tensor, cause: tch::TchError) -> Error {
    if out_of_memory(&cause) {
        return Error::from(cause);
    }
    let found = format!("{} of an input of shape {:?} failed", node.layer.kind(), x.size());
    Error::new(Code::Model, found).place(format!("layer {}", node.name)).because(cause)
}

fn out_of_memory(cause: &tch::TchError) -> bool {
    let text = cause.to_string();
    ["out of memory", "can't allocate memory", "not enough memory"].iter().any(|sign| text.contains(sign))
}

fn check_picture(pictures: &Tensor) -> Result<()> {
    match pictures.size()[..] {
        [n, 3, h, w] if n > 0 && h > 0 && w > 0 => Ok(()),
        _ => {
            let found = format!("the input has shape {:?}, expected [n, 3, height, width]", pictures.size());
            Err(Error::new(Code::Model, found))
        }
    }
}

impl From<tch::TchError> for Error {
    fn from(cause: tch::TchError) -> Self {
        if out_of_memory(&cause) {
            return Error::new(Code::Memory, "the device has not enough memory")
                .because(cause)
                .hint("take a smaller batch, or a device with more memory");
        }
        Error::new(Code::Device, "libtorch refused an operation").because(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_go_in_parts_that_keep_outputs_small() {
        let table = super::super::zoo::architecture("resnet50").unwrap();
        let mut weights = super::super::network::Weights::new();
        for parameter in table.nodes().iter().flat_map(|node| node.layer.parameters()) {
            weights.insert(parameter.name, Tensor::ones(&parameter.shape[..], (Kind::Float, tch::Device::Cpu)));
        }
        let network = Network::new("ones", &table, weights, Device::Cpu).unwrap();
        let at_once = |n: i64, side: i64| {
            let pictures = Tensor::empty([n, 3, side, side], (Kind::Float, tch::Device::Cpu));
            network.at_once(&pictures).unwrap()
        };
        // 112 x 112 x 64 numbers of 4 bytes each: ten pictures have less than 32 MiB.
        assert_eq!([1, 8, 10, 11, 16, 30].map(|n| at_once(n, 224)), [1, 8, 10, 6, 8, 10]);
        assert_eq!([3, 4, 5, 16].map(|n| at_once(n, 1024)), [3, 4, 3, 4]);
    }
}
