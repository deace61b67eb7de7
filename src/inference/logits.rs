//! Logits, and what is read off them.

use image::RgbImage;
use tch::Tensor;

use super::engine::Engine;
use super::input::{Normalise, to_input};
use crate::error::Result;

/// One row of logits a picture.
///
/// # Errors
/// As [`to_input`] and [`Engine::forward`]; [`Code::Numeric`](crate::error::Code::Numeric) if a logit is not finite.
pub fn logits(network: &Engine, pictures: &[RgbImage], normalise: Normalise) -> Result<Vec<Vec<f32>>> {
    logits_of(network, &to_input(pictures, &normalise.of(network), network.device())?)?.into_iter().collect()
}

/// A row of logits for each picture of an input, or why they are not finite.
pub(super) fn logits_of(network: &Engine, input: &Tensor) -> Result<Vec<Result<Vec<f32>>>> {
    let output = network.forward(input)?.to_device(tch::Device::Cpu);
    let flat = Vec::<f32>::try_from(output.contiguous().view(-1))?;
    let row = |(picture, row): (usize, &[f32])| {
        if row.iter().all(|logit| logit.is_finite()) {
            Ok(row.to_vec())
        } else {
            Err(network.not_finite("logits", &input.narrow(0, picture as i64, 1)))
        }
    };
    Ok(flat.chunks_exact(network.classes()).enumerate().map(row).collect())
}

/// Softmax of one row of logits, in double precision; all NaN where one of them is NaN or the largest is infinite.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// The class of the largest logit; of equal ones the first. NaN comes before every number, as in torch.
pub(crate) fn arg_max(logits: &[f32]) -> usize {
    let before = |a: f32, b: f32| a > b || (a.is_nan() && !b.is_nan());
    (0..logits.len()).reduce(|best, class| if before(logits[class], logits[best]) { class } else { best }).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_sums_to_one_and_keeps_the_order() {
        let p = softmax(&[1000.0, 999.0, -50.0]);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(p[0] > p[1] && p[1] > p[2]);
    }

    #[test]
    fn bad_input_79_no_comparison_of_logits_drops_what_is_not_a_number() {
        for wrong in [[f32::NAN, 1.0, 2.0], [1.0, f32::NAN, 2.0], [1.0, 2.0, f32::NAN]] {
            assert!(wrong[arg_max(&wrong)].is_nan(), "{wrong:?}");
            assert!(softmax(&wrong).iter().all(|share| share.is_nan()), "{wrong:?}");
        }
        assert!(softmax(&[1.0, f32::INFINITY]).iter().all(|share| share.is_nan()));
        assert_eq!((arg_max(&[1.0, 3.0, 3.0]), softmax(&[0.0, f32::NEG_INFINITY])), (1, vec![1.0, 0.0]));
    }
}
