//! Pairs of values: a cloud with its line and margins, and quantiles against quantiles.

use super::axes::{Axes, Axis};
use super::draft::Draft;
use super::font::TEXT;
use super::look::{Look, color, nothing, same_length};
use super::sheet::{Align, Ink, Marker};
use crate::error::Result;
use crate::notebook::Figure;
use crate::stats::density;

/// Room for a margin, in CSS pixels.
const MARGIN: f64 = 64.0;

/// A fitted line with its interval, at rising places.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fit {
    /// Places on the horizontal axis.
    pub x: Vec<f64>,
    /// The line there.
    pub y: Vec<f64>,
    /// The lower end of its interval.
    pub low: Vec<f64>,
    /// The upper end.
    pub high: Vec<f64>,
    /// What is written into the corner; may be empty.
    pub note: String,
}

/// Pairs as a cloud, the line fitted to them with its interval, and on top and beside it how each value is distributed
/// (bars and a Gaussian kernel of Scott's width).
///
/// ```
/// use lgf::plots::{Fit, regression};
///
/// let pairs = [(1.0, 1.2), (2.0, 1.9), (3.0, 3.3)];
/// let fit = Fit { x: vec![1.0, 3.0], y: vec![1.1, 3.1], low: vec![0.9, 2.8], high: vec![1.3, 3.4], note: "r = 0.98".into() };
/// assert!(regression(&pairs, fit).draw("pairs")?.svg().contains("r = 0.98"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn regression(pairs: &[(f64, f64)], fit: Fit) -> Draft {
    let pairs: Vec<(f64, f64)> = pairs.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    Draft::new((560, 520), move |look| drawn_regression(&pairs, &fit, look))
}

fn drawn_regression(pairs: &[(f64, f64)], fit: &Fit, look: &Look) -> Result<Figure> {
    if pairs.is_empty() {
        return Err(nothing("no finite pair"));
    }
    for (name, values) in [("line", &fit.y), ("lower ends", &fit.low), ("upper ends", &fit.high)] {
        same_length(name, values.len(), fit.x.len())?;
    }
    let x = Axis::numbers(pairs.iter().map(|pair| pair.0), None)?;
    let y = Axis::numbers(pairs.iter().map(|pair| pair.1).chain(fit.y.iter().copied()), look.range)?;
    let mut plot = Axes::inset(look, x, y, &[], MARGIN)?;
    let place = |plot: &Axes, values: &[f64]| -> Vec<(f64, f64)> {
        fit.x.iter().zip(values).map(|(x, y)| plot.at(*x, *y)).collect()
    };
    if fit.x.len() > 1 {
        let mut band = place(&plot, &fit.low);
        band.extend(place(&plot, &fit.high).into_iter().rev());
        plot.sheet.fill(band, Ink(color(0), 0.18));
    }
    let shown: Vec<_> = pairs.iter().filter(|pair| plot.shows(pair.1)).map(|(x, y)| plot.at(*x, *y)).collect();
    for at in shown {
        plot.sheet.marker(at, Marker::Circle, 2.6, Ink(color(0), 0.65));
    }
    if fit.x.len() > 1 {
        let line = place(&plot, &fit.y);
        plot.sheet.line(line, color(0), 2.0);
    }
    margins(&mut plot, pairs);
    let (_, top, right, _) = plot.frame();
    plot.sheet.text((right - 6.0, top + 12.0), &fit.note, TEXT, Align::Right);
    let what = format!("{} pairs; {}", pairs.len(), fit.note);
    plot.sheet.finish(look, look.alt("regression with margins", what.trim_end_matches("; ")))
}

fn margins(plot: &mut Axes, pairs: &[(f64, f64)]) {
    let (left, top, right, bottom) = plot.frame();
    let values: [Vec<f64>; 2] = [pairs.iter().map(|pair| pair.0).collect(), pairs.iter().map(|pair| pair.1).collect()];
    for (side, values) in values.iter().enumerate() {
        let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        if low == high {
            continue;
        }
        let bins = ((values.len() as f64).sqrt().ceil() as usize).min(30);
        let width = (high - low) / bins as f64;
        let mut counts = vec![0.0; bins];
        for value in values {
            counts[(((value - low) / width) as usize).min(bins - 1)] += 1.0 / (values.len() as f64 * width);
        }
        let curve = density(values, low, high);
        let most = counts.iter().copied().chain(curve.iter().map(|at| at.1)).fold(0.0, f64::max);
        // Along the axis, and away from the plot by a share of the highest.
        let at = |plot: &Axes, value: f64, height: f64| match side {
            0 => (plot.at(value, f64::NAN).0.clamp(left, right), top - 6.0 - height / most * (MARGIN - 12.0)),
            _ => (right + 6.0 + height / most * (MARGIN - 12.0), plot.at(f64::NAN, value).1.clamp(top, bottom)),
        };
        for (bar, count) in counts.iter().enumerate() {
            let from = at(plot, low + bar as f64 * width, 0.0);
            let to = at(plot, low + (bar + 1) as f64 * width, *count);
            plot.sheet.rect(from, to, Ink(color(0), 0.35));
        }
        let line: Vec<(f64, f64)> = curve.into_iter().map(|(value, height)| at(plot, value, height)).collect();
        if line.len() > 1 {
            plot.sheet.line(line, color(0), 1.5);
        }
    }
}

/// A Q-Q plot of points (quantile expected, value found), as [`normal_plot`](crate::stats::normal_plot) gives them, with the
/// line through the quartiles: what lies on it is distributed as expected.
///
/// ```
/// let points = lgf::stats::normal_plot(&[0.1, 0.4, 0.2, 0.3])?;
/// assert!(lgf::plots::quantiles(&points).title("Differences").draw("quantiles")?.svg().contains("Differences"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn quantiles(points: &[(f64, f64)]) -> Draft {
    let points: Vec<(f64, f64)> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let draft = Draft::new((520, 420), move |look| drawn_quantiles(&points, look));
    draft.x("quantile of the normal distribution").y("quantile of the sample")
}

fn drawn_quantiles(points: &[(f64, f64)], look: &Look) -> Result<Figure> {
    if points.is_empty() {
        return Err(nothing("no finite point"));
    }
    let x = Axis::numbers(points.iter().map(|point| point.0), None)?;
    let y = Axis::numbers(points.iter().map(|point| point.1), look.range)?;
    let ends = (x.from, x.to);
    let mut plot = Axes::new(look, x, y, &[])?;
    let (a, b) = (points[points.len() / 4], points[points.len() * 3 / 4]);
    if b.0 > a.0 {
        let slope = (b.1 - a.1) / (b.0 - a.0);
        let line = |x: f64| a.1 + slope * (x - a.0);
        let steps = (0..=100).map(|step| ends.0 + (ends.1 - ends.0) * f64::from(step) / 100.0);
        let seen: Vec<(f64, f64)> = steps.filter(|&x| plot.shows(line(x))).map(|x| plot.at(x, line(x))).collect();
        if seen.len() > 1 {
            plot.sheet.line(seen, Ink(color(6), 0.5), 1.2);
        }
    }
    let shown: Vec<_> = points.iter().filter(|point| plot.shows(point.1)).map(|(x, y)| plot.at(*x, *y)).collect();
    for at in shown {
        plot.sheet.marker(at, Marker::Circle, 2.6, color(0));
    }
    plot.sheet.finish(look, look.alt("Q-Q plot", &format!("{} values", points.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_and_quantiles_are_drawn_or_refused() {
        let pairs: Vec<(f64, f64)> = (0..50).map(|i| (f64::from(i), f64::from(i * i % 17))).collect();
        let fit =
            Fit { x: vec![0.0, 49.0], y: vec![1.0, 9.0], low: vec![0.0, 8.0], high: vec![2.0, 10.0], note: "r".into() };
        let drawn = |fit: Fit| regression(&pairs, fit).draw("r");
        assert_eq!(drawn(fit.clone()).unwrap().svg().matches("<circle").count(), 50);
        assert!(drawn(Fit { y: vec![], ..fit }).is_err());
        assert!(regression(&[(f64::NAN, 1.0)], Fit::default()).draw("r").is_err());
        let figure = quantiles(&pairs).draw("q").unwrap();
        assert!(figure.svg().contains(">quantile of the sample</text>"));
        assert_eq!(figure.svg().matches("<circle").count(), 50);
        assert!(quantiles(&[]).draw("q").is_err());
    }
}
