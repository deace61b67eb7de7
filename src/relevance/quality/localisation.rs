//! Does a map lie on the object?

use crate::error::{Code, Error, Result};
use crate::pixels::{Crop, HeatMap, PixelMask};

/// How much of a map lies on an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Localisation {
    /// Share of the positive relevance inside (relevance mass accuracy, Arras et al. 2022); `None` where nothing is positive.
    pub mass: Option<f64>,
    /// Of the pixels of highest relevance, as many as the object has, the share inside (relevance rank accuracy).
    pub rank: f64,
    /// Whether the pixel of highest relevance lies inside (pointing game, Zhang et al. 2018); of equal ones the first in row order.
    pub points_at: bool,
    /// Share of the picture that the object covers: what a map without any relation to it would have.
    pub chance: f64,
}

/// How much of a map lies on an object.
///
/// # Errors
/// [`Code::Parameter`] if the object has no pixel, or another size than the map.
pub fn localisation(map: &HeatMap<Crop>, inside: &PixelMask<Crop>) -> Result<Localisation> {
    let (height, width) = map.size();
    if inside.count() == 0 {
        return Err(Error::new(Code::Parameter, "the object has no pixel in the picture"));
    }
    let top = map.top(inside.count() as usize);
    Ok(Localisation {
        mass: map.positive_share_on(inside)?,
        rank: top.shared_count(inside)? as f64 / inside.count() as f64,
        points_at: map.peak().is_some_and(|peak| inside.contains(peak)),
        chance: inside.count() as f64 / (f64::from(height) * f64::from(width)),
    })
}
