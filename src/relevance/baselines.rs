//! Other maps to set relevance against: gradients in several forms, Grad-CAM, occlusion.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::engine::{Explained, all_finite, finite_logits, reached};
use crate::error::{Code, Error, Result};
use crate::inference::Engine;
use crate::models::{BatchStatistics, Layer, Role};

/// A way to a map of a picture other than layer-wise relevance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Baseline {
    /// `dz / dx`: Simonyan et al. 2014.
    Gradient,
    /// `x dz / dx`.
    GradientTimesInput,
    /// The mean of the gradient between a black picture (0 after normalisation) and the picture, times the picture:
    /// Sundararajan et al. 2017.
    IntegratedGradients {
        /// Points on the way, the midpoints of as many parts.
        steps: usize,
    },
    /// The mean of the gradients of noisy copies: Smilkov et al. 2017.
    SmoothGrad {
        /// Copies.
        copies: usize,
        /// Deviation of the noise, as a share of the picture's range.
        noise: f64,
        /// Seed of the noise.
        seed: u64,
    },
    /// The output of the last layer with places, weighted by the mean of its gradients, enlarged: Selvaraju et al. 2017. Each
    /// of the three channels has a third of it.
    GradCam,
    /// How much the logit falls when a square is set to 0: Zeiler and Fergus 2014. Each of the three channels has a third.
    Occlusion {
        /// Side of the square.
        side: i64,
        /// Pixels from one square to the next.
        step: i64,
    },
}

impl Baseline {
    /// Those that maps by rules are set beside, each with its usual numbers.
    pub fn usual() -> [Self; 6] {
        [
            Baseline::Gradient,
            Baseline::GradientTimesInput,
            Baseline::IntegratedGradients { steps: 32 },
            Baseline::SmoothGrad { copies: 16, noise: 0.1, seed: 1 },
            Baseline::GradCam,
            Baseline::Occlusion { side: 32, step: 16 },
        ]
    }
}

impl std::fmt::Display for Baseline {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Baseline::Gradient => "gradient",
            Baseline::GradientTimesInput => "gradient x input",
            Baseline::IntegratedGradients { .. } => "integrated gradients",
            Baseline::SmoothGrad { .. } => "SmoothGrad",
            Baseline::GradCam => "Grad-CAM",
            Baseline::Occlusion { .. } => "occlusion",
        })
    }
}

/// A map of each of some pictures (`[n, 3, h, w]`, normalised) for one target class each; without a ledger.
///
/// # Errors
/// As [`super::explain`]; [`Code::Parameter`] for no step, copy or square.
pub fn baseline(network: &Engine, pictures: &Tensor, targets: &[usize], how: Baseline) -> Result<Explained> {
    let classes = network.classes();
    if targets.len() as i64 != pictures.size()[0] || targets.iter().any(|&target| target >= classes) {
        let found = format!("targets {targets:?} for {} pictures and {classes} outputs", pictures.size()[0]);
        return Err(Error::new(Code::Parameter, found));
    }
    let logits = network.forward(pictures)?;
    finite_logits(network, pictures, &logits)?;
    let relevance = match how {
        Baseline::Gradient => gradient(network, pictures, targets)?,
        Baseline::GradientTimesInput => gradient(network, pictures, targets)? * pictures,
        Baseline::IntegratedGradients { steps: 1.. } => {
            let Baseline::IntegratedGradients { steps } = how else { return Err(none()) };
            let mut sum = pictures.zeros_like();
            for step in 0..steps {
                let share = (step as f64 + 0.5) / steps as f64;
                sum += gradient(network, &(pictures * share), targets)?;
            }
            sum * pictures / steps as f64
        }
        Baseline::SmoothGrad { copies: 1.., noise, seed } => {
            let Baseline::SmoothGrad { copies, .. } = how else { return Err(none()) };
            let range = (pictures.max() - pictures.min()).double_value(&[]);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut sum = pictures.zeros_like();
            for _ in 0..copies {
                let noisy = pictures + normal(pictures, &mut rng) * (noise * range);
                sum += gradient(network, &noisy, targets)?;
            }
            sum / copies as f64
        }
        Baseline::GradCam => grad_cam(network, pictures, targets)?,
        Baseline::Occlusion { side: 1.., step: 1.. } => occlusion(network, pictures, targets, how)?,
        Baseline::IntegratedGradients { .. } | Baseline::SmoothGrad { .. } | Baseline::Occlusion { .. } => {
            return Err(none());
        }
    };
    if !all_finite(&relevance) {
        return Err(Error::new(Code::Numeric, format!("{how} of {} is not finite", network.name())));
    }
    Ok(Explained { relevance: relevance.detach(), logits, targets: targets.to_vec(), ledger: Vec::new() })
}

fn none() -> Error {
    Error::new(Code::Parameter, "a baseline of no step, copy or square")
}

/// The sum of the targets' logits, to be differentiated.
fn chosen(network: &Engine, logits: &Tensor, targets: &[usize]) -> Tensor {
    let indices: Vec<i64> = targets.iter().map(|&target| target as i64).collect();
    let indices = Tensor::from_slice(&indices).to_device(network.device().tch()).view([-1, 1]);
    logits.gather(1, &indices, false).sum(logits.kind())
}

fn gradient(network: &Engine, pictures: &Tensor, targets: &[usize]) -> Result<Tensor> {
    tch::with_grad(|| {
        let x = pictures.detach().copy().set_requires_grad(true);
        let score = chosen(network, &network.run(&x, BatchStatistics::Running)?, targets);
        let gradients = Tensor::f_run_backward(&[&score], &[&x], false, false)?;
        gradients.into_iter().next().ok_or_else(|| Error::new(Code::Device, "no gradient"))
    })
}

/// Standard normal numbers of the shape of `like` (the sum of twelve uniform ones less 6: the same on every machine).
pub(super) fn normal(like: &Tensor, rng: &mut ChaCha8Rng) -> Tensor {
    use rand::Rng;
    let one =
        |rng: &mut ChaCha8Rng| (0..12).map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX)).sum::<f64>() - 6.0;
    let values: Vec<f64> = (0..like.numel()).map(|_| one(rng)).collect();
    Tensor::from_slice(&values).view(&like.size()[..]).to_kind(like.kind()).to_device(like.device())
}

fn grad_cam(network: &Engine, pictures: &Tensor, targets: &[usize]) -> Result<Tensor> {
    let (features, logits) = network.run_from(pictures, last_place(network)?)?;
    let gradients = Tensor::f_run_backward(&[&chosen(network, &logits, targets)], &[&features], false, false)?;
    let kind = features.kind();
    let map = match features.size()[..] {
        [n, tokens, _] => {
            let weights = gradients[0].mean_dim([1i64].as_slice(), true, kind);
            let side = ((tokens - 1) as f64).sqrt() as i64;
            // The class token has no place.
            let places = (&features * weights).sum_dim_intlist([2i64].as_slice(), false, Kind::Float);
            places.f_narrow(1, tokens - side * side, side * side)?.f_view([n, 1, side, side])?
        }
        _ => {
            let weights = gradients[0].mean_dim([2i64, 3].as_slice(), true, kind);
            (&features * weights).sum_dim_intlist([1i64].as_slice(), true, Kind::Float)
        }
    };
    let size = pictures.size();
    let enlarged = map.relu().f_upsample_bilinear2d([size[2], size[3]], false, None, None)?;
    Ok((enlarged / 3.0).repeat([1, 3, 1, 1]))
}

/// The last output with places: what the pool before the head reads; of tokens, what the last attention reads, after its norm.
fn last_place(network: &Engine) -> Result<usize> {
    let nodes = network.nodes();
    let reached = reached(nodes);
    let last = |role: Role| (0..nodes.len()).rposition(|index| nodes[index].layer.role() == role && reached[index + 1]);
    let tokens = nodes.iter().any(|node| node.layer == Layer::FirstToken);
    match (last(Role::AveragePool), last(Role::Attention)) {
        // Queries, keys and values are made of it by one layer.
        (_, Some(attention)) if tokens => Ok(nodes[nodes[attention].inputs[0] - 1].inputs[0]),
        (Some(pool), _) => Ok(nodes[pool].inputs[0]),
        _ => Err(Error::new(
            Code::Model,
            "Grad-CAM needs a network with an average pool before its head, or with tokens",
        )),
    }
}

fn occlusion(network: &Engine, pictures: &Tensor, targets: &[usize], how: Baseline) -> Result<Tensor> {
    let Baseline::Occlusion { side, step } = how else { return Err(none()) };
    let _no_grad = tch::no_grad_guard();
    let indices: Vec<i64> = targets.iter().map(|&target| target as i64).collect();
    let indices = Tensor::from_slice(&indices).to_device(network.device().tch()).view([-1, 1]);
    let score = |x: &Tensor| Ok::<_, Error>(network.forward(x)?.gather(1, &indices, false));
    let before = score(pictures)?;
    let size = pictures.size();
    let (height, width) = (size[2], size[3]);
    let sums = Tensor::zeros([size[0], 1, height, width], (pictures.kind(), pictures.device()));
    let counts = sums.zeros_like();
    for row in (0..height).step_by(step as usize) {
        for col in (0..width).step_by(step as usize) {
            let (rows, cols) = (side.min(height - row), side.min(width - col));
            let square = |tensor: &Tensor| tensor.narrow(2, row, rows).narrow(3, col, cols);
            let hidden = pictures.copy();
            let _ = square(&hidden).zero_();
            let fall = &before - score(&hidden)?;
            square(&sums).copy_(&(square(&sums) + fall.view([-1, 1, 1, 1])));
            square(&counts).copy_(&(square(&counts) + 1.0));
        }
    }
    Ok((sums / counts.clamp_min(1.0) / 3.0).repeat([1, 3, 1, 1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Weights;
    use crate::relevance::tests::{pictures, small_network};

    fn maps(how: Baseline) -> Tensor {
        baseline(&small_network("slim-resnet50"), &pictures(), &[1, 4], how).unwrap().relevance
    }

    #[test]
    fn the_gradient_is_the_change_of_the_logit() {
        let (network, x) =
            (small_network("slim-resnet50").in_precision(crate::inference::Precision::Double), pictures());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        // Noise, so that no two values of a pool's window are equal: there is no gradient where the winner changes.
        let x = x.to_kind(Kind::Double);
        let x = &x + normal(&x, &mut rng) * 0.1;
        let gradient = baseline(&network, &x, &[1, 4], Baseline::Gradient).unwrap().relevance;
        let direction = normal(&x, &mut rng) * 1e-7;
        let change = network.forward(&(&x + &direction)).unwrap() - network.forward(&(&x - &direction)).unwrap();
        for (picture, class) in [(0, 1), (1, 4)] {
            let expected = (gradient.get(picture) * direction.get(picture)).sum(Kind::Double).double_value(&[]) * 2.0;
            let found = change.double_value(&[picture, class]);
            assert!((found - expected).abs() < 1e-4 * expected.abs(), "{found} {expected}");
        }
    }

    #[test]
    fn integrated_gradients_add_up_to_the_difference_of_the_logits() {
        let (network, x) = (small_network("slim-vgg16"), pictures());
        let found = baseline(&network, &x, &[1, 4], Baseline::IntegratedGradients { steps: 64 }).unwrap();
        let black = network.forward(&x.zeros_like()).unwrap();
        for (picture, class) in [(0, 1), (1, 4)] {
            let expected = found.logits.double_value(&[picture, class]) - black.double_value(&[picture, class]);
            let sum = found.relevance.get(picture).sum(Kind::Double).double_value(&[]);
            assert!((sum - expected).abs() < 0.05 * expected.abs().max(1.0), "{sum} {expected}");
        }
    }

    #[test]
    fn every_baseline_gives_finite_maps_of_the_pictures_size() {
        for how in [
            Baseline::GradientTimesInput,
            Baseline::SmoothGrad { copies: 3, noise: 0.1, seed: 1 },
            Baseline::GradCam,
            Baseline::Occlusion { side: 56, step: 56 },
        ] {
            let map = maps(how);
            assert_eq!(map.size(), [2, 3, 224, 224], "{how:?}");
            assert!(map.isfinite().all().int64_value(&[]) == 1 && map.abs().max().double_value(&[]) > 0.0, "{how:?}");
            assert_eq!(maps(how), map, "{how:?} is the same every time");
        }
    }

    #[test]
    fn a_baseline_of_nothing_and_targets_that_do_not_fit_are_refused() {
        let network = small_network("slim-vgg16");
        let refused = |targets: &[usize], how: Baseline| {
            let error = baseline(&network, &pictures(), targets, how).unwrap_err();
            assert_eq!(error.code(), Code::Parameter, "{how:?}");
            error.to_string()
        };
        for how in [
            Baseline::IntegratedGradients { steps: 0 },
            Baseline::SmoothGrad { copies: 0, noise: 0.1, seed: 1 },
            Baseline::Occlusion { side: 0, step: 56 },
            Baseline::Occlusion { side: 56, step: 0 },
        ] {
            assert!(refused(&[1, 4], how).contains("no step, copy or square"));
        }
        assert!(refused(&[1], Baseline::Gradient).contains("targets [1] for 2 pictures"));
        assert!(refused(&[1, 10], Baseline::Gradient).contains("10 outputs"));
    }

    #[test]
    fn bad_input_79_what_is_not_finite_is_an_error_that_names_the_layer() {
        let network = small_network("slim-resnet50");
        let weights: Weights = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
        let _ = weights["layer2.0.conv1.bias"].narrow(0, 0, 1).fill_(f64::NAN);
        let broken = network.with_weights(weights).unwrap();
        for how in [
            Baseline::Gradient,
            Baseline::IntegratedGradients { steps: 1 },
            Baseline::SmoothGrad { copies: 1, noise: 0.1, seed: 1 },
            Baseline::GradCam,
            Baseline::Occlusion { side: 224, step: 224 },
        ] {
            let error = baseline(&broken, &pictures(), &[1, 4], how).unwrap_err();
            assert_eq!(error.code(), Code::Numeric, "{how:?}");
            assert!(error.to_string().contains("layer layer2.0.conv1 (convolution)"), "{how:?}: {error}");
        }
    }
}
