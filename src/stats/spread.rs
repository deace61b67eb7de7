//! How values lie: quantiles, whiskers, letter values, a density.

/// Quartiles and whiskers of a box (Tukey).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Whiskers {
    /// The first quartile, the median and the third quartile, linear between values.
    pub quartiles: [f64; 3],
    /// The least and the greatest value within one and a half boxes of the box.
    pub ends: (f64, f64),
    /// From where to where a value is not far out.
    pub near: (f64, f64),
}

/// Of sorted finite values; `None` without a value.
///
/// ```
/// let found = lgf::stats::whiskers(&[1.0, 2.0, 3.0, 4.0, 50.0]).unwrap();
/// assert_eq!((found.quartiles, found.ends), ([2.0, 3.0, 4.0], (1.0, 4.0)));
/// ```
pub fn whiskers(sorted: &[f64]) -> Option<Whiskers> {
    sorted.first()?;
    let quartiles @ [low, _, high] = [0.25, 0.5, 0.75].map(|share| quantile(sorted, share));
    let reach = 1.5 * (high - low);
    let near = (low - reach, high + reach);
    let within = |value: &&f64| (near.0..=near.1).contains(*value);
    let first = sorted.iter().find(within).copied().unwrap_or(low);
    let last = sorted.iter().rev().find(within).copied().unwrap_or(high);
    Some(Whiskers { quartiles, ends: (first, last), near })
}

/// Lower and upper letter values of sorted finite values, from the middle half outwards, until about 0.7 % of the values are
/// left beyond (`k_depth="proportion"`, `outlier_prop=0.007` of seaborn 0.13); none without a value.
pub fn letter_values(sorted: &[f64]) -> Vec<(f64, f64)> {
    if sorted.is_empty() {
        return Vec::new();
    }
    let letter = |depth: i32| {
        let tail = 0.5f64.powi(depth + 1);
        (quantile(sorted, tail), quantile(sorted, 1.0 - tail))
    };
    (1..=letters(sorted.len())).map(letter).collect()
}

/// How many boxes a letter-value plot of so many values has.
fn letters(count: usize) -> i32 {
    (count.ilog2() as i32 - (count as f64 * 0.007).log2() as i32 + 1).max(1)
}

/// A quantile of sorted values, of which there is one or more, linear between neighbours; `share` from 0 to 1.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// The density of values by a Gaussian kernel of Scott's width, at 200 places (place, density), from three widths below `low`
/// to three above `high`, which are their least and greatest; none for values that are all the same.
pub fn density(values: &[f64], low: f64, high: f64) -> Vec<(f64, f64)> {
    let count = values.len() as f64;
    let width = scott(values);
    // Also for a single value, whose deviation is not a number, and one too far out for its square.
    if !width.is_finite() || width <= 0.0 {
        return Vec::new();
    }
    let (from, to) = (low - 3.0 * width, high + 3.0 * width);
    let unit = 1.0 / (count * width * (2.0 * std::f64::consts::PI).sqrt());
    (0..200)
        .map(|place| {
            let x = from + (to - from) * f64::from(place) / 199.0;
            let sum: f64 = values.iter().map(|value| (-0.5 * ((x - value) / width).powi(2)).exp()).sum();
            (x, sum * unit)
        })
        .collect()
}

/// Scott's width as `statsmodels.nonparametric.bandwidths.bw_scott` (0.15).
fn scott(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quartiles = (quantile(&sorted, 0.75) - quantile(&sorted, 0.25)) / 1.349;
    1.059 * count.powf(-0.2) * if quartiles > 0.0 { deviation.min(quartiles) } else { deviation }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_density_has_area_one() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let curve = density(&values, 0.0, 99.0);
        let area: f64 = curve.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum();
        assert!((area - 1.0).abs() < 0.005, "{area}");
        assert!(density(&[1.0, 1.0], 0.5, 1.5).is_empty() && density(&[1.0], 0.5, 1.5).is_empty());
    }

    #[test]
    fn scotts_width_is_statsmodels() {
        let even: Vec<f64> = (0..100).map(f64::from).collect();
        let heavy: Vec<f64> = (0..60i32).map(|i| f64::from(i * i % 97 + (i % 7).pow(4))).collect();
        // Without a distance of the quartiles the deviation stands in.
        let zeros: Vec<f64> = [vec![0.0; 20], vec![5.0, 9.0]].concat();
        let expected = [12.231_114_280_113_056, 199.637_151_038_082_4, 1.227_131_375_441_704];
        for (values, expected) in [even, heavy, zeros].iter().zip(expected) {
            assert!((scott(values) - expected).abs() < 1e-12 * expected, "{} {expected}", scott(values));
        }
    }

    #[test]
    fn quartiles_are_linear_between_values() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.25), 1.75);
        assert_eq!(quantile(&[5.0], 0.75), 5.0);
    }

    #[test]
    fn letter_values_are_as_many_as_seaborns() {
        assert_eq!([5, 30, 63, 64, 1000, 39_960].map(letters), [7, 7, 7, 8, 8, 8]);
        assert!(letter_values(&[]).is_empty() && whiskers(&[]).is_none());
    }
}
