//! Two masks: what they share, and what they would by chance.

use crate::error::Result;
use crate::pixels::{Frame, PixelMask};

/// Counts and shares of two masks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// Pixels in both.
    pub shared: u64,
    /// Pixels of the region.
    pub region: u64,
    /// Edge pixels.
    pub edges: u64,
    /// Share of the region's pixels that are edges, 0 to 1; `None` for an empty region.
    pub share: Option<f64>,
}

/// How much of a region lies on edges.
///
/// # Errors
/// [`crate::error::Code::Parameter`] if the sizes differ.
pub fn compare<F: Frame>(region: &PixelMask<F>, edges: &PixelMask<F>) -> Result<Overlap> {
    let (shared, count) = (region.shared_count(edges)?, region.count());
    let share = (count > 0).then(|| shared as f64 / count as f64);
    Ok(Overlap { shared, region: count, edges: edges.count(), share })
}

/// The share that a region of this form and place would have on the same edges moved elsewhere: the mean over a grid of
/// shifts, borders joined, fifths of each side apart (fault D1: a share says little without it).
///
/// # Errors
/// [`crate::error::Code::Parameter`] if the sizes differ.
pub fn chance<F: Frame>(region: &PixelMask<F>, edges: &PixelMask<F>) -> Result<Option<f64>> {
    let mut sum = 0.0;
    let shifts = shifts(edges.size());
    for &(rows, cols) in &shifts {
        match compare(region, &edges.shifted(rows, cols))?.share {
            Some(share) => sum += share,
            None => return Ok(None),
        }
    }
    Ok(Some(sum / shifts.len() as f64))
}

/// The 24 shifts by fifths of each side; the one that moves nothing left out.
fn shifts((height, width): (u32, u32)) -> Vec<(i64, i64)> {
    const STEPS: i64 = 5;
    let step = |side: u32, index: i64| i64::from(side) * index / STEPS;
    let all = (0..STEPS).flat_map(|row| (0..STEPS).map(move |col| (row, col)));
    all.filter(|place| *place != (0, 0)).map(|(row, col)| (step(height, row), step(width, col))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{Crop, PixelBox};

    #[test]
    fn an_empty_region_has_no_share() {
        let empty = PixelMask::<Crop>::empty(10, 10);
        assert_eq!(compare(&empty, &empty).unwrap().share, None);
        assert_eq!(chance(&empty, &empty).unwrap(), None);
    }

    #[test]
    fn chance_of_the_whole_picture_is_its_edge_density() {
        let whole = PixelMask::from_box(20, 20, &PixelBox::<Crop>::at(0, 0).of_size(20, 20));
        let edges = PixelMask::from_box(20, 20, &PixelBox::<Crop>::at(3, 3).of_size(4, 5));
        assert!((chance(&whole, &edges).unwrap().unwrap() - 0.05).abs() < 1e-12);
    }
}
