//! How values are distributed: histogram, density, boxes.

use image::Rgb;

use super::axes::{Axes, Axis};
use super::draft::Draft;
use super::look::{Look, SIZE, WIDE, color, distinct, nothing};
use super::sheet::{INK, Ink, Marker, WHITE};
use crate::analysis::Group;
use crate::error::{Code, Error, Result};
use crate::notebook::{Figure, format_count};
use crate::stats::{density, letter_values, quantile, whiskers};

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
/// A number of bars that is not allowed, or no finite value at all, is an error when it is drawn.
///
/// ```
/// use lgf::plots::{Histogram, histogram};
///
/// let widths = histogram(&[12.0, 40.0, 41.0], Histogram { bins: Some(2), ..Histogram::default() });
/// assert!(widths.x("width in pixels").draw("widths")?.svg().contains("width in pixels"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn histogram(values: &[f64], style: Histogram) -> Draft {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    Draft::new(SIZE, move |look| drawn_histogram(&values, style, look))
}

fn drawn_histogram(values: &[f64], style: Histogram, look: &Look) -> Result<Figure> {
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
    for value in values {
        counts[(((value - low) / width) as usize).min(bins - 1)] += 1;
    }
    let unit = match style.density {
        Density::None => 1.0,
        Density::Scott => 1.0 / (count as f64 * width),
    };
    let curve = match style.density {
        Density::None => Vec::new(),
        Density::Scott => density(values, low, high),
    };
    let highest = counts.iter().map(|&bar| bar as f64 * unit).chain(curve.iter().map(|at| at.1)).fold(0.0, f64::max);
    let across = curve.iter().map(|at| at.0).chain([low, high]);
    let mut look = look.clone();
    if look.y_label.is_empty() {
        look.y_label = if style.density == Density::None { "count".into() } else { "density".into() };
    }
    let mut plot = Axes::new(&look, Axis::numbers(across, None)?, Axis::numbers([0.0, highest], look.range)?, &[])?;
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

/// A box a group: quartiles (linear between values), whiskers to the last value within one and a half boxes, and each value
/// beyond as a diamond.
///
/// ```
/// use lgf::analysis::Group;
///
/// let groups = [Group::new("tench", [3.0, 4.0, 5.0, 90.0]), Group::new("church", [1.0, 2.0])];
/// assert!(lgf::plots::boxes(&groups).draw("boxes")?.svg().contains("tench"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn boxes(groups: &[Group]) -> Draft {
    let groups = groups.to_vec();
    Draft::new(SIZE, move |look| drawn_boxes(&groups, look))
}

/// The same from 0 to the highest end of a whisker: what lies above is left out.
///
/// ```
/// use lgf::analysis::Group;
///
/// let groups = [Group::new("tench", [3.0, 4.0, 5.0, 90.0]), Group::new("church", [1.0, 2.0])];
/// assert!(lgf::plots::lower_boxes(&groups).draw("lower")?.svg().contains("church"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn lower_boxes(groups: &[Group]) -> Draft {
    let top = groups.iter().filter_map(|group| Some(whiskers(&sorted(group))?.ends.1)).max_by(f64::total_cmp);
    let draft = boxes(groups);
    match top.filter(|top| *top > 0.0) {
        Some(top) => draft.range(0.0, top),
        None => draft,
    }
}

/// A letter-value plot (Hofmann, Wickham and Kafadar 2017): from the median outwards a box for the middle half, the middle
/// three quarters, and so on, each narrower and paler, as many as [`letter_values`] gives; each value beyond as a diamond. It
/// shows tails that [`boxes`] reduces to points.
///
/// ```
/// use lgf::analysis::Group;
///
/// let groups = [Group::new("tench", [3.0, 4.0, 5.0, 90.0]), Group::new("church", [1.0, 2.0])];
/// assert!(lgf::plots::letters(&groups).y("edge pixels").draw("letters")?.svg().contains("edge pixels"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn letters(groups: &[Group]) -> Draft {
    let groups = groups.to_vec();
    Draft::new(WIDE, move |look| drawn_letters(&groups, look))
}

/// A group with its place under the axis, its colour and its finite values, sorted.
struct Slot {
    place: f64,
    tint: Rgb<u8>,
    values: Vec<f64>,
}

/// A plot with a slot for each group that has values, and the names of all groups.
fn slots(groups: &[Group], look: &Look) -> Result<(Axes, Vec<Slot>, String)> {
    let names: Vec<String> =
        groups.iter().map(|group| [group.category.as_str(), group.hue.as_str()].join(" ").trim().to_string()).collect();
    let hues = distinct(groups.iter().map(|group| &group.hue));
    let all = || groups.iter().flat_map(|group| group.values.iter().copied());
    if !all().any(f64::is_finite) {
        return Err(nothing("no group has a finite value"));
    }
    let plot = Axes::new(look, Axis::names(&names), Axis::numbers(all(), look.range)?, &[])?;
    let slot = |(place, group): (usize, &Group)| {
        let hue = hues.iter().position(|hue| *hue == group.hue).unwrap_or(0);
        let tint = color(if hues.len() < 2 { place } else { hue });
        let values = sorted(group);
        (!values.is_empty()).then_some(Slot { place: place as f64, tint, values })
    };
    let slots = groups.iter().enumerate().filter_map(slot).collect();
    Ok((plot, slots, names.join(", ")))
}

/// The finite values of a group.
fn sorted(group: &Group) -> Vec<f64> {
    let mut values: Vec<f64> = group.values.iter().copied().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn drawn_boxes(groups: &[Group], look: &Look) -> Result<Figure> {
    let (mut plot, slots, names) = slots(groups, look)?;
    let half = (plot.slot() * 0.3).min(40.0);
    for Slot { place, tint, values } in slots {
        let Some(found) = whiskers(&values) else { continue };
        let [low, middle, high] = found.quartiles;
        let x = plot.at(place, middle).0;
        let at = |plot: &Axes, value: f64| plot.at(place, value);
        let (from, to) = (at(&plot, found.ends.0), at(&plot, found.ends.1));
        plot.whisker(x, from, to, half / 2.0, INK);
        let (from, to) = ((x - half, at(&plot, high).1), (x + half, at(&plot, low).1));
        plot.sheet.rect(from, to, WHITE);
        plot.sheet.rect(from, to, Ink(tint, 0.75));
        plot.sheet.frame(from, to, INK, 1.0);
        let y = at(&plot, middle).1;
        plot.sheet.line([(x - half, y), (x + half, y)], INK, 2.0);
        for value in values.iter().filter(|value| !(found.near.0..=found.near.1).contains(*value)) {
            if plot.shows(*value) {
                let spot = at(&plot, *value);
                plot.sheet.marker(spot, Marker::Diamond, 2.5, INK);
            }
        }
    }
    plot.sheet.finish(look, look.alt("boxes", &format!("groups {names}")))
}

fn drawn_letters(groups: &[Group], look: &Look) -> Result<Figure> {
    let (mut plot, slots, names) = slots(groups, look)?;
    let widest = (plot.slot() * 0.36).min(48.0);
    for Slot { place, tint, values } in slots {
        let letters = letter_values(&values);
        let x = plot.at(place, values[0]).0;
        let (lowest, highest) = letters.last().copied().unwrap_or((values[0], values[0]));
        for (box_of, &(low, high)) in letters.iter().enumerate().rev() {
            let inner = box_of as f64;
            let half = widest * 0.5f64.powf(0.75 * inner).max(0.1);
            let (from, to) = (plot.at(place, high).1, plot.at(place, low).1);
            plot.sheet.rect((x - half, from), (x + half, to), WHITE);
            plot.sheet.rect((x - half, from), (x + half, to), Ink(tint, 0.3 + 0.6 / (inner + 1.0)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_drawn() {
        let figure = letters(&[Group::new("a", (0..100).map(f64::from).collect::<Vec<_>>())]).draw("l");
        // Seven boxes twice (white below), and one value in each tail.
        assert_eq!(figure.unwrap().svg().matches("<polygon").count(), 2 * 7 + 2);
        assert!(letters(&[]).draw("l").is_err());
    }

    #[test]
    fn values_of_every_kind_are_drawn_or_refused() {
        let style = Histogram { density: Density::Scott, ..Histogram::default() };
        let drawn = |values: &[f64], style| histogram(values, style).draw("h");
        assert!(drawn(&[1.0, f64::NAN, 2.0, 2.5], style).unwrap().svg().contains(">density</text>"));
        assert!(drawn(&[3.0; 10], style).is_ok());
        assert!(drawn(&[], style).is_err());
        assert!(drawn(&[1.0], Histogram { bins: Some(0), ..style }).is_err());
        let figure = boxes(&[Group::new("a", vec![1.0; 3]), Group::new("empty", [])]).draw("b").unwrap();
        assert!(figure.svg().contains(">empty</text>"));
        let outlier = Group::new("a", vec![1.0, 2.0, 3.0, 4.0, 50.0]);
        let diamonds = |draft: Draft| draft.draw("b").unwrap().svg().matches("<polygon").count();
        assert_eq!(diamonds(boxes(std::slice::from_ref(&outlier))), 3);
        assert_eq!(diamonds(lower_boxes(&[outlier])), 2);
        assert!(lower_boxes(&[]).draw("b").is_err());
    }
}
