//! The forward pass.

use tch::{Kind, Tensor};

use super::device::Device;
use super::engine::Engine;
use super::fused::{self, Convolution, End};
use super::kernels::{Kernel, Kernels, largest, within};
use super::plan::{Bounds, Plan, Step};
use super::precision::Precision;
use super::winograd;
use crate::error::{Code, Error, Result};
use crate::models::{BatchStatistics, Layer, Node};

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

impl Engine {
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
    pub(super) fn at_once(&self, pictures: &Tensor) -> Result<i64> {
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
        let run = |network: &Engine| network.fold(pictures, Keep::Gradients(statistics));
        // libtorch moves the running statistics that it is given with the batch's own.
        let values = if statistics == BatchStatistics::Batch { run(&self.with_own_statistics()) } else { run(self) };
        values?.pop().flatten().ok_or_else(no_layer)
    }

    /// The forward pass of training: as [`run`](Engine::run) with the batch's own statistics, a tenth of which goes into the
    /// network's running ones. Networks that it shares tensors with keep theirs.
    ///
    /// # Errors
    /// [`Code::Model`] if the shape does not fit; the network is as before.
    pub(crate) fn run_training(&mut self, pictures: &Tensor) -> Result<Tensor> {
        let moved = self.with_own_statistics();
        let logits = moved.fold(pictures, Keep::Gradients(BatchStatistics::Batch))?.pop().flatten();
        *self = moved;
        logits.ok_or_else(no_layer)
    }

    /// What comes out at a place (as [`Wanted`] counts them), and the logits as a function of it, to be differentiated; what other
    /// layers read of those before counts as a constant.
    ///
    /// # Errors
    /// [`Code::Model`] if the shape does not fit.
    pub(crate) fn run_from(&self, pictures: &Tensor, place: usize) -> Result<(Tensor, Tensor)> {
        let mut wanted = vec![false; self.nodes().len() + 1];
        wanted[place] = true;
        for &input in self.nodes().iter().skip(place).flat_map(|node| &node.inputs).filter(|&&input| input < place) {
            wanted[input] = true;
        }
        let before = self.activations(pictures, &wanted)?;
        let features = before.at(place)?.detach().copy().set_requires_grad(true);
        tch::with_grad(|| {
            let mut values: Vec<Option<Tensor>> = (0..=self.nodes().len()).map(|_| None).collect();
            for (place, _) in wanted.iter().enumerate().filter(|(_, wanted)| **wanted) {
                values[place] = Some(before.at(place)?.detach());
            }
            values[place] = Some(features.shallow_clone());
            for (index, node) in self.nodes().iter().enumerate().skip(place) {
                let inputs: Option<Vec<&Tensor>> = node.inputs.iter().map(|&input| values[input].as_ref()).collect();
                let missing =
                    || Error::new(Code::Model, "reads what was not kept").place(format!("layer {}", node.name));
                let output = node.forward(self.weights(), &inputs.ok_or_else(missing)?, BatchStatistics::Running)?;
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
            Keep::Nothing if fuse && self.is_for_one_thread() => self.kernels().kernels(self, &pictures.size())?,
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
                        let value = values[first].take().expect("read before it was dropped");
                        into_first(node, value, &values)?
                    } else {
                        let inputs: Vec<&Tensor> = node.inputs.iter().map(|&input| read(input)).collect();
                        let statistics =
                            if let Keep::Gradients(statistics) = keep { statistics } else { BatchStatistics::Running };
                        node.forward(self.weights(), &inputs, statistics)?
                    };
                    values[index + 1] = Some(output);
                    bounds.0[index + 1] = bounds.after(node);
                }
            }
            plan.dropped[index].iter().for_each(|&input| values[input] = None);
        }
        Ok(values)
    }

    /// Fused convolutions are oneDNN's, for the processor and 32 bits.
    pub(super) fn fuses(&self) -> bool {
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
        let Some(gain) = self.kernels().gains(self)?[convolution] else { return Ok(None) };
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
            let mut output = node.forward(self.weights(), &[x], BatchStatistics::Running)?;
            if let Some(other) = other {
                output = output.f_add_(&other)?;
            }
            return end.applied(output);
        }
        let Layer::Conv { key, kernel, stride, padding, groups, .. } = &node.layer else {
            return Err(Error::new(Code::Model, "no convolution").place(format!("layer {}", node.name)));
        };
        // oneDNN pads both ends of a side alike.
        let [left, right, top, bottom] = padding.around(&x.size(), *kernel, *stride);
        let even = [right, top, bottom].iter().all(|zeros| *zeros == left);
        let (x, padding) =
            if even { (x.shallow_clone(), left) } else { (x.f_constant_pad_nd([left, right, top, bottom])?, 0) };
        let (x, stride, groups) = (&x, *stride, *groups);
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

/// What a ReLU or a sum makes of its first input, which no other layer reads, in its place.
fn into_first(node: &Node, mut value: Tensor, values: &[Option<Tensor>]) -> Result<Tensor> {
    let done = match node.layer {
        Layer::Relu => value.f_relu_(),
        _ => value.f_add_(values[node.inputs[1]].as_ref().expect("read before it was dropped")),
    };
    done.map_err(|cause| node.refused(&value, cause))
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
