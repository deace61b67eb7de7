//! How values are distributed: histogram, density, boxes.

use image::Rgb;

use super::axes::{Axis, Plot};
use super::points::distinct;
use super::sheet::{INK, Ink, Marker, WHITE};
use super::{Group, Look, color, nothing};
use crate::error::{Code, Error, Result};
use crate::notebook::{Figure, format_count};

/// Whether a curve is drawn over the bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Density {
    /// Bars alone, their height the count.
    #[default]
    None,
    /// A Gaussian kernel with Scott's width, as seaborn drew it through statsmodels when the thesis was written: 1.059 times
    /// the spread times n to the power of -1/5, the spread being the smaller of the standard deviation (n - 1) and the
    /// distance of the quartiles over 1.349; bars of area one.
    Scott,
}

/// What a histogram is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram {
    /// How many bars, 1 to 1,000; the square root of the number of values, at most 50, if `None`.
    pub bins: Option<usize>,
    /// Whether a density curve is drawn.
    pub density: Density,
}

/// Counts of values in bars of one width between the least and the greatest.
///
/// Without a label of its own, the vertical axis says what the bars' heights are.
///
/// # Errors
/// [`Code::Parameter`] without a finite value, with a wrong number of bars, or if the size is too small for the text.
pub fn histogram(values: &[f64], style: &Histogram, look: &Look) -> Result<Figure> {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let count = values.len();
    if count == 0 {
        return Err(nothing("no finite value"));
    }
    let bins = style.bins.unwrap_or_else(|| ((count as f64).sqrt().ceil() as usize).min(50));
    if !(1..=1_000).contains(&bins) {
        return Err(Error::new(Code::Parameter, format!("{bins} bars, expected 1 to 1,000")));
    }
    let mut low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let mut high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low == high {
        (low, high) = (low - 0.5, high + 0.5);
    }
    let width = (high - low) / bins as f64;
    let mut counts = vec![0usize; bins];
    for value in &values {
        counts[(((value - low) / width) as usize).min(bins - 1)] += 1;
    }
    let unit = match style.density {
        Density::None => 1.0,
        Density::Scott => 1.0 / (count as f64 * width),
    };
    let curve = match style.density {
        Density::None => Vec::new(),
        Density::Scott => density(&values, low, high),
    };
    let highest = counts.iter().map(|&bar| bar as f64 * unit).chain(curve.iter().map(|at| at.1)).fold(0.0, f64::max);
    let across = curve.iter().map(|at| at.0).chain([low, high]);
    let mut look = look.clone();
    if look.y_label.is_empty() {
        look.y_label = if style.density == Density::None { "count".into() } else { "density".into() };
    }
    let mut plot = Plot::new(&look, Axis::numbers(across, None)?, Axis::numbers([0.0, highest], look.range)?, &[])?;
    for (place, bar) in counts.into_iter().enumerate().filter(|(_, bar)| *bar > 0) {
        let from = plot.at(low + place as f64 * width, 0.0);
        let to = plot.at(low + (place + 1) as f64 * width, bar as f64 * unit);
        let gap = if to.0 - from.0 > 4.0 { 0.5 } else { 0.0 };
        plot.sheet.rect((from.0 + gap, from.1), (to.0 - gap, to.1), Ink(color(0), 0.45));
    }
    if !curve.is_empty() {
        let line: Vec<_> = curve.into_iter().map(|(x, y)| plot.at(x, y)).collect();
        plot.sheet.line(line, color(0), 2.0);
    }
    let what = format!("{} values from {low} to {high}", format_count(count));
    plot.sheet.finish(&look, look.alt("histogram", &what))
}

/// The density at 200 places, from three widths below the least value to three above the greatest; none for values
/// that are all the same.
pub(super) fn density(values: &[f64], low: f64, high: f64) -> Vec<(f64, f64)> {
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

/// A group with its place under the axis, its colour and its finite values, sorted.
struct Slot {
    place: f64,
    tint: Rgb<u8>,
    values: Vec<f64>,
}

/// A plot with a slot for each group that has values, and the names of all groups.
fn slots(groups: &[Group], look: &Look) -> Result<(Plot, Vec<Slot>, String)> {
    let names: Vec<String> =
        groups.iter().map(|group| [group.category.as_str(), group.hue.as_str()].join(" ").trim().to_string()).collect();
    let hues = distinct(groups.iter().map(|group| &group.hue));
    let all = || groups.iter().flat_map(|group| group.values.iter().copied());
    if !all().any(f64::is_finite) {
        return Err(nothing("no group has a finite value"));
    }
    let plot = Plot::new(look, Axis::names(&names), Axis::numbers(all(), look.range)?, &[])?;
    let slot = |(place, group): (usize, &Group)| {
        let hue = hues.iter().position(|hue| *hue == group.hue).unwrap_or(0);
        let tint = color(if hues.len() < 2 { place } else { hue });
        let mut values: Vec<f64> = group.values.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then_some(Slot { place: place as f64, tint, values })
    };
    let slots = groups.iter().enumerate().filter_map(slot).collect();
    Ok((plot, slots, names.join(", ")))
}

/// A box a group: quartiles (linear between values), whiskers to the last value within one and a half boxes, and each
/// value beyond as a diamond.
///
/// # Errors
/// [`Code::Parameter`] without a finite value, or if the size is too small for the text.
pub fn box_plot(groups: &[Group], look: &Look) -> Result<Figure> {
    let (mut plot, slots, names) = slots(groups, look)?;
    let half = (plot.slot() * 0.3).min(40.0);
    for Slot { place, tint, values } in slots {
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| quantile(&values, share));
        let reach = 1.5 * (high - low);
        let within = |value: &&f64| (low - reach..=high + reach).contains(*value);
        let first = values.iter().find(within).copied().unwrap_or(low);
        let last = values.iter().rev().find(within).copied().unwrap_or(high);
        let x = plot.at(place, middle).0;
        let at = |plot: &Plot, value: f64| plot.at(place, value);
        let (from, to) = (at(&plot, first), at(&plot, last));
        plot.whisker(x, from, to, half / 2.0, INK);
        let (from, to) = ((x - half, at(&plot, high).1), (x + half, at(&plot, low).1));
        plot.sheet.rect(from, to, WHITE);
        plot.sheet.rect(from, to, Ink(tint, 0.75));
        plot.sheet.frame(from, to, INK, 1.0);
        let y = at(&plot, middle).1;
        plot.sheet.line([(x - half, y), (x + half, y)], INK, 2.0);
        for value in values.iter().filter(|value| !within(value)) {
            if plot.shows(*value) {
                let spot = at(&plot, *value);
                plot.sheet.marker(spot, Marker::Diamond, 2.5, INK);
            }
        }
    }
    plot.sheet.finish(look, look.alt("boxes", &format!("groups {names}")))
}

/// A letter-value plot (Hofmann, Wickham and Kafadar 2017): from the median outwards a box for the middle half, the middle
/// three quarters, and so on, each narrower and paler, until about 0.7 % of the values are left beyond (`k_depth="proportion"`,
/// `outlier_prop=0.007` of seaborn 0.13); each value beyond as a diamond. It shows tails that [`box_plot`] reduces to points.
///
/// # Errors
/// [`Code::Parameter`] without a finite value, or if the size is too small for the text.
pub fn letter_plot(groups: &[Group], look: &Look) -> Result<Figure> {
    let (mut plot, slots, names) = slots(groups, look)?;
    let widest = (plot.slot() * 0.36).min(48.0);
    for Slot { place, tint, values } in slots {
        let depth = letters(values.len());
        let x = plot.at(place, values[0]).0;
        let (mut lowest, mut highest) = (values[0], values[0]);
        for box_of in (1..=depth).rev() {
            let tail = 0.5f64.powi(box_of + 1);
            let (low, high) = (quantile(&values, tail), quantile(&values, 1.0 - tail));
            if box_of == depth {
                (lowest, highest) = (low, high);
            }
            let half = widest * 0.5f64.powf(0.75 * f64::from(box_of - 1)).max(0.1);
            let (from, to) = (plot.at(place, high).1, plot.at(place, low).1);
            plot.sheet.rect((x - half, from), (x + half, to), WHITE);
            plot.sheet.rect((x - half, from), (x + half, to), Ink(tint, 0.3 + 0.6 / f64::from(box_of)));
            plot.sheet.frame((x - half, from), (x + half, to), WHITE, 0.8);
        }
        let y = plot.at(place, quantile(&values, 0.5)).1;
        plot.sheet.line([(x - widest, y), (x + widest, y)], INK, 2.0);
        for value in values.iter().filter(|value| !(lowest..=highest).contains(*value)) {
            if plot.shows(*value) {
                let spot = plot.at(place, *value);
                plot.sheet.marker(spot, Marker::Diamond, 2.5, Ink(tint, 0.9));
            }
        }
    }
    plot.sheet.finish(look, look.alt("letter values", &format!("groups {names}")))
}

/// How many boxes a letter-value plot of so many values has.
fn letters(count: usize) -> i32 {
    (count.ilog2() as i32 - (count as f64 * 0.007).log2() as i32 + 1).max(1)
}

/// The highest end of a whisker of [`box_plot`], for a look that leaves out what lies above; `None` without a value.
pub fn upper_whisker(groups: &[Group]) -> Option<f64> {
    let whisker = |group: &Group| {
        let mut values: Vec<f64> = group.values.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values.first()?;
        let [low, high] = [0.25, 0.75].map(|share| quantile(&values, share));
        values.into_iter().rfind(|value| *value <= high + 1.5 * (high - low))
    };
    groups.iter().filter_map(whisker).max_by(f64::total_cmp)
}

/// A quantile of sorted values, linear between neighbours.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
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
        let figure = letter_plot(&[Group::new("a", (0..100).map(f64::from).collect::<Vec<_>>())], &Look::default());
        // Seven boxes twice (white below), and one value in each tail.
        assert_eq!(figure.unwrap().svg().matches("<polygon").count(), 2 * 7 + 2);
        assert!(letter_plot(&[], &Look::default()).is_err());
    }

    #[test]
    fn values_of_every_kind_are_drawn_or_refused() {
        let (style, look) = (Histogram { density: Density::Scott, ..Histogram::default() }, Look::named("h"));
        assert!(histogram(&[1.0, f64::NAN, 2.0, 2.5], &style, &look).unwrap().svg().contains(">density</text>"));
        assert!(histogram(&[3.0; 10], &style, &look).is_ok());
        assert!(histogram(&[], &style, &look).is_err());
        assert!(histogram(&[1.0], &Histogram { bins: Some(0), ..style }, &look).is_err());
        let figure = box_plot(&[Group::new("a", vec![1.0; 3]), Group::new("empty", [])], &Look::default()).unwrap();
        assert!(figure.svg().contains(">empty</text>"));
        let outlier = Group::new("a", vec![1.0, 2.0, 3.0, 4.0, 50.0]);
        assert_eq!(upper_whisker(std::slice::from_ref(&outlier)), Some(4.0));
        assert_eq!(upper_whisker(&[]), None);
        assert_eq!(box_plot(&[outlier], &Look::default()).unwrap().svg().matches("<polygon").count(), 3);
    }
}
