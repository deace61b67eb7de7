//! Axes, margins and legends: everything around the marks, placed by what its text measures.

use image::Rgb;

use super::font::{LEADING, TEXT, widest, width_of, wrapped};
use super::look::{Look, nothing};
use super::sheet::{Align, At, FAINT, INK, Ink, Marker, Sheet};
use crate::error::{Code, Error, Result};
use crate::notebook::format_number;

const TITLE: f64 = 14.0;
const EDGE: f64 = 10.0;
const GAP: f64 = 7.0;

/// One axis: a range of numbers, and where on it something is written.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub from: f64,
    pub to: f64,
    ticks: Vec<(f64, String)>,
    /// Names in slots of their own, rather than numbers.
    names: bool,
}

impl Axis {
    /// A number axis over the finite values, widened to whole steps, or over a range that is given.
    pub fn numbers(values: impl IntoIterator<Item = f64>, range: Option<(f64, f64)>) -> Result<Self> {
        if let Some((from, to)) = range {
            if !(from.is_finite() && to.is_finite() && from < to) {
                return Err(Error::new(
                    Code::Parameter,
                    format!("an axis from {from} to {to}, expected finite and rising"),
                ));
            }
            return Ok(Axis { from, to, ticks: ticks(from, to, step(from, to)), names: false });
        }
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|value| value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            return Err(nothing("no finite value"));
        }
        // Values that rounding alone keeps apart are one value to the eye.
        let most = low.abs().max(high.abs());
        if high - low <= 1e-12 * most || high - low < f64::MIN_POSITIVE / f64::EPSILON {
            let room = if most < f64::MIN_POSITIVE / f64::EPSILON { 1.0 } else { most * 0.1 };
            (low, high) = (low - room, high + room);
        }
        if !(high - low).is_finite() {
            return Err(Error::new(
                Code::Numeric,
                format!("an axis from {low:e} to {high:e} is more than a number can hold"),
            ));
        }
        let step = step(low, high);
        let (from, to) = ((low / step).floor() * step, (high / step).ceil() * step);
        Ok(Axis { from, to, ticks: ticks(from, to, step), names: false })
    }

    /// An axis of names: the n-th is at n, each in a slot one wide.
    pub fn names(names: &[String]) -> Self {
        let ticks = names.iter().enumerate().map(|(place, name)| (place as f64, name.clone())).collect();
        Axis { from: -0.5, to: names.len() as f64 - 0.5, ticks, names: true }
    }

    /// The same with the opposite of each number written: of values given with their signs turned, so that they fall.
    pub fn mirrored(mut self) -> Self {
        for (_, text) in &mut self.ticks {
            let zero = text.chars().all(|letter| matches!(letter, '0' | '.' | '-'));
            *text = match text.strip_prefix('-') {
                Some(rest) => rest.to_string(),
                None if zero => text.clone(),
                None => format!("-{text}"),
            };
        }
        self
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from)
    }
}

/// A step of 1, 2 or 5 times a power of ten that gives about five steps.
fn step(from: f64, to: f64) -> f64 {
    let raw = (to - from) / 5.0;
    let power = 10f64.powf(raw.log10().floor());
    let rest = raw / power;
    power
        * if rest < 1.5 {
            1.0
        } else if rest < 3.5 {
            2.0
        } else if rest < 7.5 {
            5.0
        } else {
            10.0
        }
}

fn ticks(from: f64, to: f64, step: f64) -> Vec<(f64, String)> {
    let first = (from / step - 1e-9).ceil() as i64;
    let last = (to / step + 1e-9).floor() as i64;
    let decimals = usize::try_from(-(step.log10().floor() as i64)).unwrap_or(0);
    (first..=last)
        .map(|place| {
            let value = place as f64 * step;
            let label =
                if decimals == 0 || decimals > 4 { format_number(value) } else { format!("{value:.decimals$}") };
            (value, label)
        })
        .collect()
}

/// An entry of the legend, right of the plot.
pub(super) struct Key {
    pub name: String,
    pub color: Rgb<u8>,
    pub marker: Marker,
}

/// A sheet with axes on it, ready for marks.
pub(super) struct Axes {
    pub sheet: Sheet,
    x: Axis,
    y: Axis,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Axes {
    /// Draws everything around the marks; the y axis is named from below, or from above where it carries names.
    pub fn new(look: &Look, x: Axis, y: Axis, keys: &[Key]) -> Result<Self> {
        Axes::inset(look, x, y, keys, 0.0)
    }

    /// The same with so much room left above and right of the plot, for its margins.
    pub(crate) fn inset(look: &Look, x: Axis, y: Axis, keys: &[Key], room: f64) -> Result<Self> {
        let (width, height) = look.size;
        let mut sheet = Sheet::new(look.size)?;
        let (width, height) = (f64::from(width), f64::from(height));
        let line = TEXT * LEADING;

        let title = wrapped(&look.title, TITLE, width - 2.0 * EDGE)?;
        let mut top = EDGE;
        for text in &title {
            sheet.text((width / 2.0, top + TITLE * LEADING / 2.0), text, TITLE, Align::Middle);
            top += TITLE * LEADING;
        }
        top += room + if title.is_empty() { TEXT / 2.0 } else { GAP };

        // The legend: no wider than a third of the figure.
        let key_room = width / 3.0 - 24.0;
        let key_lines: Vec<Vec<String>> =
            keys.iter().map(|key| wrapped(&key.name, TEXT, key_room)).collect::<Result<_>>()?;
        let legend_height = key_lines.iter().map(|lines| lines.len() as f64 * line + 3.0).sum::<f64>();
        let mut right = width - EDGE - room;
        if !keys.is_empty() {
            let widest = widest(key_lines.iter().flatten())?;
            right -= widest + 18.0 + 2.0 * GAP;
        }

        // Left: the label of the axis, then its ticks.
        let y_room = if y.names { width * 0.35 } else { f64::INFINITY };
        let y_names: Vec<Vec<String>> =
            y.ticks.iter().map(|(_, name)| wrapped(name, TEXT, y_room)).collect::<Result<_>>()?;
        let y_label = wrapped(&look.y_label, TEXT, height - top - EDGE)?;
        let left = EDGE + y_label.len() as f64 * line + widest(y_names.iter().flatten())? + 2.0 * GAP;

        // The first and the last number of a horizontal axis reach half their width over its ends.
        if !x.names
            && let Some((value, name)) = x.ticks.last()
        {
            let over = width_of(name, TEXT)? / 2.0 - (1.0 - x.share(*value)) * (right - left);
            if right + over > width - EDGE - room {
                right -= over;
            }
        }

        // Below: ticks side by side, else on several lines, else turned upward, then the label of the axis.
        let slot = (right - left) / x.ticks.len().max(1) as f64;
        let x_below = Below::choose(&x, slot - GAP, height / 3.0)?;
        let x_label = wrapped(&look.x_label, TEXT, width - EDGE - left)?;
        let under = x_below.height() + x_label.len() as f64 * line + GAP + if x_label.is_empty() { 0.0 } else { 4.0 };
        let bottom = height - EDGE - under;
        if right - left < 60.0 || bottom - top < 40.0 || legend_height > height - 2.0 * EDGE {
            return Err(Error::new(
                Code::Parameter,
                format!("{width} x {height} px is too small for what is written around this figure"),
            )
            .hint("give it a larger size, shorter names or fewer series"));
        }

        let mut plot = Axes { sheet, x, y, left, right, top, bottom };
        plot.draw_axes(&x_below, &y_names)?;
        let mut below = bottom + GAP + x_below.height() + 4.0 + line / 2.0;
        for text in &x_label {
            let middle = (left + right) / 2.0;
            let half = width_of(text, TEXT)? / 2.0;
            let at = middle.clamp(left + half, (width - EDGE - half).max(left + half));
            plot.sheet.text((at, below), text, TEXT, Align::Middle);
            below += line;
        }
        let mut across = EDGE + line / 2.0;
        for text in &y_label {
            let half = width_of(text, TEXT)? / 2.0;
            let at = ((top + bottom) / 2.0).clamp(top + half, (height - EDGE - half).max(top + half));
            plot.sheet.turned((across, at), text, TEXT, Align::Middle);
            across += line;
        }
        let mut at = ((top + bottom - legend_height) / 2.0).max(EDGE);
        for (key, lines) in keys.iter().zip(&key_lines) {
            let x = right + 2.0 * GAP + 6.0;
            plot.sheet.marker((x, at + line / 2.0), key.marker, 4.5, key.color);
            for text in lines {
                plot.sheet.text((x + 12.0, at + line / 2.0), text, TEXT, Align::Left);
                at += line;
            }
            at += 3.0;
        }
        Ok(plot)
    }

    fn draw_axes(&mut self, below: &Below, y_names: &[Vec<String>]) -> Result<()> {
        let line = TEXT * LEADING;
        if self.y.names {
            for (value, _) in self.x.ticks.clone() {
                let x = self.at(value, self.y.from).0;
                self.sheet.line([(x, self.top), (x, self.bottom)], FAINT, 1.0);
            }
        }
        for ((value, _), lines) in self.y.ticks.clone().into_iter().zip(y_names) {
            let y = self.at(self.x.from, value).1;
            if !self.y.names {
                self.sheet.line([(self.left, y), (self.right, y)], FAINT, 1.0);
            }
            for (place, text) in lines.iter().enumerate() {
                let shift = (place as f64 - (lines.len() as f64 - 1.0) / 2.0) * line;
                self.sheet.text((self.left - GAP, y + shift), text, TEXT, Align::Right);
            }
        }
        for (place, (value, name)) in self.x.ticks.clone().into_iter().enumerate() {
            let x = self.at(value, self.y.from).0;
            if !self.x.names {
                self.sheet.line([(x, self.bottom), (x, self.bottom + 4.0)], INK, 1.0);
            }
            match below {
                Below::Lines(lines) => {
                    for (row, text) in lines[place].iter().enumerate() {
                        let y = self.bottom + GAP + line * (row as f64 + 0.5);
                        self.sheet.text((x, y), text, TEXT, Align::Middle);
                    }
                }
                Below::Turned { lines, .. } => {
                    let count = lines[place].len() as f64;
                    for (row, text) in lines[place].iter().enumerate() {
                        let shift = (row as f64 - (count - 1.0) / 2.0) * line;
                        self.sheet.turned((x + shift, self.bottom + GAP), text, TEXT, Align::Right);
                    }
                }
                Below::Every(stride) => {
                    if place % stride == 0 {
                        self.sheet.text((x, self.bottom + GAP + line / 2.0), &name, TEXT, Align::Middle);
                    }
                }
            }
        }
        if !self.y.names {
            self.sheet.line([(self.left, self.bottom), (self.right, self.bottom)], INK, 1.0);
        }
        Ok(())
    }

    /// Where a pair of values stands on the sheet, kept within the plot.
    pub fn at(&self, x: f64, y: f64) -> At {
        let across = self.x.share(x).clamp(0.0, 1.0);
        let up = self.y.share(y).clamp(0.0, 1.0);
        let up = if self.y.names { 1.0 - up } else { up };
        (self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top))
    }

    /// Whether a value stands within the vertical axis; what does not is left out, not moved to the border.
    pub fn shows(&self, y: f64) -> bool {
        y.is_finite() && (self.y.from..=self.y.to).contains(&y)
    }

    /// Left, top, right and bottom of the plot on the sheet.
    pub fn frame(&self) -> (f64, f64, f64, f64) {
        (self.left, self.top, self.right, self.bottom)
    }

    /// CSS pixels of one slot of names across.
    pub fn slot(&self) -> f64 {
        (self.right - self.left) / (self.x.to - self.x.from)
    }

    /// A vertical bar with two ends.
    pub fn whisker(&mut self, x: f64, from: At, to: At, half: f64, ink: impl Into<Ink>) {
        let ink = ink.into();
        self.sheet.line([(x, from.1), (x, to.1)], ink, 1.5);
        for y in [from.1, to.1] {
            self.sheet.line([(x - half, y), (x + half, y)], ink, 1.5);
        }
    }
}

/// How the names under the horizontal axis are set.
enum Below {
    Lines(Vec<Vec<String>>),
    Turned { lines: Vec<Vec<String>>, longest: f64 },
    Every(usize),
}

impl Below {
    fn choose(axis: &Axis, room: f64, high: f64) -> Result<Self> {
        if !axis.names {
            let widest = widest(axis.ticks.iter().map(|(_, name)| name))?;
            return Ok(Below::Every((widest / room.max(1.0)).ceil().max(1.0) as usize));
        }
        // Wrapping between words only; a word that would have to be broken turns them all.
        let mut words_fit = true;
        for (_, name) in &axis.ticks {
            for word in name.split_whitespace() {
                words_fit &= width_of(word, TEXT)? <= room;
            }
        }
        let wrap = |room: f64| -> Result<Vec<Vec<String>>> {
            axis.ticks.iter().map(|(_, name)| wrapped(name, TEXT, room)).collect()
        };
        if words_fit {
            let lines = wrap(room)?;
            if lines.iter().all(|name| name.len() <= 3) {
                return Ok(Below::Lines(lines));
            }
        }
        let lines = wrap(high)?;
        let longest = widest(lines.iter().flatten())?;
        let deepest = lines.iter().map(Vec::len).max().unwrap_or(1) as f64;
        if deepest * TEXT * LEADING > room + GAP {
            return Err(Error::new(
                Code::Parameter,
                format!("{} names do not fit under this figure", axis.ticks.len()),
            )
            .hint("give it a larger size, or draw fewer of them"));
        }
        Ok(Below::Turned { lines, longest })
    }

    fn height(&self) -> f64 {
        match self {
            Below::Lines(lines) => lines.iter().map(Vec::len).max().unwrap_or(0) as f64 * TEXT * LEADING,
            Below::Turned { longest, .. } => *longest,
            Below::Every(_) => TEXT * LEADING,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        let labels = |axis: Axis| axis.ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(
            labels(Axis::numbers([0.03, 0.56], None).unwrap()),
            ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]
        );
        assert_eq!(
            labels(Axis::numbers([7200.0, 14100.0], None).unwrap()),
            ["7,000", "8,000", "9,000", "10,000", "11,000", "12,000", "13,000", "14,000", "15,000"]
        );
        assert_eq!(labels(Axis::numbers([], Some((0.0, 1.0))).unwrap()), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(Axis::numbers([1e-8, 3e-8], None).unwrap())[1], "1.5e-8");
    }

    #[test]
    fn one_value_none_and_nonsense() {
        let axis = Axis::numbers([5.0, f64::NAN], None).unwrap();
        assert!(axis.from < 5.0 && axis.to > 5.0);
        assert!(Axis::numbers([f64::NAN], None).is_err());
        assert!(Axis::numbers([f64::MAX, f64::MIN], None).is_err());
        for values in [[1.0, 1.0 + f64::EPSILON], [5e-324, 0.0], [0.0, 0.0], [1e300, 2e300], [-3e-300, 4e-300]] {
            let axis = Axis::numbers(values, None).unwrap();
            assert!(axis.from < axis.to && (2..30).contains(&axis.ticks.len()), "{values:?}: {axis:?}");
            assert!(values.iter().all(|value| (0.0..=1.0).contains(&axis.share(*value))), "{values:?}: {axis:?}");
        }
        assert!(Axis::numbers([], Some((1.0, 1.0))).is_err());
    }
}
