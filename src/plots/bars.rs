//! Horizontal bars: shape bias of networks, the five likeliest classes.

use image::Rgb;

use super::axes::{Axes, Axis};
use super::draft::{Draft, Plot};
use super::font::{TEXT, widest};
use super::look::{Look, SIZE, color, nothing};
use super::sheet::{Align, INK};
use crate::error::Result;
use crate::notebook::{Figure, format_number};

/// A bar with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// The name left of it.
    pub name: String,
    /// Its length; one that is not finite is left out, its name stays.
    pub value: f64,
    /// The ends of an interval around the value: (low, high).
    pub interval: Option<(f64, f64)>,
    /// Its colour, if not the first of the palette.
    pub color: Option<Rgb<u8>>,
}

impl Bar {
    /// A bar with its name.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Bar { name: name.into(), value, interval: None, color: None }
    }

    /// Draws an interval around the value.
    pub fn interval(mut self, low: f64, high: f64) -> Self {
        self.interval = Some((low, high));
        self
    }

    /// Gives it a colour.
    pub fn color(mut self, color: Rgb<u8>) -> Self {
        self.color = Some(color);
        self
    }
}

impl Plot for [Bar] {
    /// Horizontal bars from zero, the first at the top, each with its value in three digits behind it; the range is that of
    /// the values, along the horizontal axis.
    fn plot(&self) -> Draft {
        let bars = self.to_vec();
        Draft::new(SIZE, move |look| drawn(&bars, look))
    }
}

fn drawn(bars: &[Bar], look: &Look) -> Result<Figure> {
    if !bars.iter().any(|bar| bar.value.is_finite()) {
        return Err(nothing("no bar has a finite value"));
    }
    let values = bars.iter().flat_map(|bar| {
        let (low, high) = bar.interval.unwrap_or((bar.value, bar.value));
        [0.0, bar.value, low, high]
    });
    let names: Vec<String> = bars.iter().map(|bar| bar.name.clone()).collect();
    let mut axis = Axis::numbers(values, look.range)?;
    let label = |value: f64| {
        let scale = 10f64.powi(2 - value.abs().max(1e-300).log10().floor() as i32);
        format_number(if scale.is_finite() { (value * scale).round() / scale } else { value })
    };
    // Room for the value behind the longest bar, as a share of the axis.
    let room = widest(bars.iter().map(|bar| label(bar.value)))?;
    let share = room / (f64::from(look.size.0) * 0.45);
    let wide = (axis.to - axis.from) * share.min(0.4);
    if bars.iter().any(|bar| bar.value >= 0.0) {
        axis.to += wide;
    }
    if bars.iter().any(|bar| bar.value < 0.0) {
        axis.from -= wide;
    }
    let mut plot = Axes::new(look, axis, Axis::names(&names), &[])?;
    for (place, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.value.is_finite()) {
        let row = place as f64;
        let (from, to) = (plot.at(0.0, row - 0.32), plot.at(bar.value, row + 0.32));
        plot.sheet.rect(from, to, bar.color.unwrap_or(color(0)));
        let middle = plot.at(0.0, row).1;
        let mut end = to.0;
        if let Some((low, high)) = bar.interval.filter(|ends| ends.0.is_finite() && ends.1.is_finite()) {
            let (low, high) = (plot.at(low, row).0, plot.at(high, row).0);
            plot.sheet.line([(low, middle), (high, middle)], INK, 1.5);
            for x in [low, high] {
                plot.sheet.line([(x, middle - 4.0), (x, middle + 4.0)], INK, 1.5);
            }
            end = if bar.value < 0.0 { end.min(low) } else { end.max(high) };
        }
        let (shift, align) = if bar.value < 0.0 { (-5.0, Align::Right) } else { (5.0, Align::Left) };
        plot.sheet.text((end + shift, middle), &label(bar.value), TEXT, align);
    }
    let (from, to) = (plot.at(0.0, -0.5), plot.at(0.0, bars.len() as f64 - 0.5));
    plot.sheet.line([from, to], INK, 1.0);
    let what: Vec<String> = bars.iter().map(|bar| format!("{} {}", bar.name, label(bar.value))).collect();
    plot.sheet.finish(look, look.alt("bars", &what.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_written() {
        let all = [
            Bar::new("resnet50", 0.2149).interval(0.18, 0.25),
            Bar::new("sin-resnet50", 0.8),
            Bar::new("none", f64::NAN),
        ];
        let svg = all.plot().draw("bias").unwrap().svg().to_string();
        for text in ["resnet50", "0.215", "sin-resnet50", "0.8", "none"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text}");
        }
        assert!(all[..0].plot().draw("none").is_err());
    }
}
