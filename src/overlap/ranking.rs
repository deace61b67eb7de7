use image::{GrayImage, Luma};
use imageproc::distance_transform::{Norm, distance_transform};

use crate::error::{Code, Error, Result};
use crate::pixels::{Frame, HeatMap, PixelMask};

/// How well relevance ranks pixels: those of a mask before all others?
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranking {
    /// Pixels at most so far from an edge count, in pixels (chessboard distance).
    pub distance: u8,
    /// Share of all pixels that count: the average precision that chance gives.
    pub base: f64,
    /// Area under the ROC curve: the probability that a pixel that counts is more relevant than one that does not, ties
    /// half; 0.5 by chance. `None` if all pixels count, or none.
    pub auroc: Option<f64>,
    /// Average precision: the sum over thresholds of precision times the recall gained there (as
    /// `sklearn.metrics.average_precision_score`). `None` if no pixel counts.
    pub average_precision: Option<f64>,
}

/// [`Ranking`]s of a map for pixels near an edge, a row a distance. Nothing is cut out of the map, so that the size of a
/// region plays no part (fault C6).
///
/// # Errors
/// [`Code::Parameter`] if the sizes differ; [`Code::Numeric`] if a value of the map is not a number.
pub fn rank<F: Frame>(map: &HeatMap<F>, edges: &PixelMask<F>, distances: &[u8]) -> Result<Vec<Ranking>> {
    if map.size() != edges.size() {
        let ((a, b), (c, d)) = (map.size(), edges.size());
        return Err(Error::new(Code::Parameter, format!("the map is {a} x {b}, the edges {c} x {d}")));
    }
    if map.values().iter().any(|value| value.is_nan()) {
        return Err(Error::new(Code::Numeric, "the map holds values that are not numbers"));
    }
    let mut order: Vec<u32> = (0..map.values().len() as u32).collect();
    order.sort_unstable_by(|&a, &b| map.values()[b as usize].total_cmp(&map.values()[a as usize]));
    let near = distances_to(edges);
    Ok(distances.iter().map(|&distance| ranking(map.values(), &order, &near, distance)).collect())
}

fn ranking(values: &[f32], order: &[u32], near: &[u8], distance: u8) -> Ranking {
    let counts = |pixel: u32| near[pixel as usize] <= distance;
    let all = order.len() as f64;
    let positives = order.iter().filter(|&&pixel| counts(pixel)).count() as f64;
    let (mut hits, mut seen, mut wins, mut precision) = (0.0, 0.0, 0.0, 0.0);
    let mut from = 0;
    while from < order.len() {
        // Pixels of one value are one threshold.
        let value = values[order[from] as usize];
        let mut to = from;
        let mut gained = 0.0;
        while to < order.len() && values[order[to] as usize] == value {
            gained += f64::from(u8::from(counts(order[to])));
            to += 1;
        }
        let others = (to - from) as f64 - gained;
        wins += others * (hits + gained / 2.0);
        hits += gained;
        seen += (to - from) as f64;
        precision += gained * hits / seen;
        from = to;
    }
    Ranking {
        distance,
        base: positives / all,
        auroc: (positives > 0.0 && positives < all).then(|| wins / (positives * (all - positives))),
        average_precision: (positives > 0.0).then(|| precision / positives),
    }
}

/// The chessboard distance of each pixel from the nearest edge; 255 where there is none.
fn distances_to<F: Frame>(edges: &PixelMask<F>) -> Vec<u8> {
    if edges.count() == 0 {
        return vec![u8::MAX; edges.values().len()];
    }
    let (height, width) = edges.size();
    let mask = GrayImage::from_fn(width, height, |x, y| {
        Luma([if edges.values()[(y * width + x) as usize] { 255 } else { 0 }])
    });
    distance_transform(&mask, Norm::LInf).into_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Crop;

    fn pseudo(count: usize, steps: u32) -> Vec<f32> {
        (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) % steps).map(|v| v as f32).collect()
    }

    #[test]
    fn both_measures_equal_their_definitions() {
        let map = HeatMap::<Crop>::from_values(8, 9, pseudo(72, 7)).unwrap();
        let inside: Vec<bool> = pseudo(72, 5).into_iter().map(|value| value < 1.0).collect();
        let edges = PixelMask::<Crop>::from_values(8, 9, inside.clone()).unwrap();
        let found = rank(&map, &edges, &[0, 1]).unwrap();
        let near = |at: usize, distance: i64| {
            let (row, col) = ((at / 9) as i64, (at % 9) as i64);
            (0..72).any(|other| {
                inside[other] && (row - (other / 9) as i64).abs().max((col - (other % 9) as i64).abs()) <= distance
            })
        };
        for (index, distance) in [0, 1].into_iter().enumerate() {
            let label: Vec<bool> = (0..72).map(|at| near(at, distance)).collect();
            let positives = label.iter().filter(|near| **near).count() as f64;
            let (mut wins, mut precision, mut before) = (0.0, 0.0, 0.0);
            for a in (0..72).filter(|&at| label[at]) {
                for b in (0..72).filter(|&at| !label[at]) {
                    let (x, y) = (map.values()[a], map.values()[b]);
                    wins += if x > y {
                        1.0
                    } else if x == y {
                        0.5
                    } else {
                        0.0
                    };
                }
            }
            for threshold in (0..7).rev() {
                let at_least: Vec<usize> = (0..72).filter(|&at| map.values()[at] >= threshold as f32).collect();
                let hits = at_least.iter().filter(|&&at| label[at]).count() as f64;
                if !at_least.is_empty() {
                    precision += (hits - before) / positives * hits / at_least.len() as f64;
                }
                before = hits;
            }
            assert!((found[index].auroc.unwrap() - wins / (positives * (72.0 - positives))).abs() < 1e-12);
            assert!((found[index].average_precision.unwrap() - precision).abs() < 1e-12);
        }
    }

    #[test]
    fn without_edges_nothing_is_ranked() {
        let map = HeatMap::<Crop>::from_values(2, 2, vec![0.0; 4]).unwrap();
        let none = rank(&map, &PixelMask::empty(2, 2), &[3]).unwrap()[0];
        assert_eq!((none.base, none.auroc, none.average_precision), (0.0, None, None));
        assert!(rank(&map, &PixelMask::empty(2, 3), &[0]).is_err());
    }
}
