//! Does the relevance of a patch say what the patch is worth?

use tch::Tensor;

use super::curves::{Regions, logits_of};
use super::occluder::Occluder;
use super::sanity::correlated;
use crate::error::{Code, Error, Result};
use crate::inference::Engine;
use crate::pixels::{Crop, HeatMap, PixelMask};

/// The single-deletion score of each of some maps of one picture (IDSDS, Hesse et al. 2024): Spearman's correlation of the
/// relevance of square patches with the fall of the logit when each of them alone is removed (0 after normalisation), -1 to 1.
/// It means what its authors mean by it on networks alone that were trained with patches removed, to which such pictures are
/// nothing new. `None` if all patches have one relevance, or all are worth the same.
///
/// # Errors
/// As [`super::perturbation_curve`].
pub fn single_deletion(
    network: &Engine,
    picture: &Tensor,
    target: usize,
    maps: &[&HeatMap<Crop>],
    side: usize,
) -> Result<Vec<Option<f64>>> {
    let Some(first) = maps.first() else { return Ok(Vec::new()) };
    let sets = patches(first.size(), side)?;
    let cover = Occluder::Mean.cover(picture, network.normalisation())?;
    let logits = logits_of(network, &cover, target, &sets)?;
    let whole = logits[sets.len() - 1];
    let falls: Vec<f64> = logits[..sets.len() - 1].iter().map(|logit| whole - logit).collect();
    maps.iter().map(|map| correlated(&Regions::of(map.size(), side).sums(map), &falls)).collect()
}

/// Each patch by itself, and last nothing.
pub(super) fn patches((height, width): (u32, u32), side: usize) -> Result<Vec<PixelMask<Crop>>> {
    if side == 0 || side > height.min(width) as usize {
        return Err(Error::new(Code::Parameter, format!("patches of {side} in {height} x {width}")));
    }
    let regions = Regions::of((height, width), side);
    let one = |patch: usize| {
        let inside = (0..(height * width) as usize).map(|at| regions.of_pixel(at) == patch).collect();
        PixelMask::from_values(height, width, inside)
    };
    (0..=regions.count).map(one).collect()
}
