//! What networks do without features: bars, curves over what was taken away, and the triangle of shape, texture and colour.

use image::Rgb;

use super::axes::{Axes, Axis, Key};
use super::bias_matrix::PEOPLE_COLOR;
use super::draft::{Draft, Plot};
use super::font::{TEXT, widest};
use super::look::{Look, color, distinct, nothing};
use super::points::Curve;
use super::sheet::{Align, At, FAINT, INK, Ink, Marker, Sheet, marker};
use crate::analysis::{FeatureCurveRow, RelianceRow, leanings};
use crate::datasets::Feature;
use crate::error::Result;
use crate::notebook::Figure;

const TITLE: f64 = 14.0;
/// Published numbers that stand beside a run: people in their red, others in grey.
const PUBLISHED: Rgb<u8> = Rgb([0x8A, 0x8A, 0x8A]);

/// The observers of a figure with their marks: networks of the run first, published numbers last.
fn observers(rows: &[RelianceRow]) -> Vec<Key> {
    let mut names = distinct(rows.iter().map(|row| &row.model));
    let is_published = |name: &String| rows.iter().any(|row| row.model == *name && row.images == 0);
    names.sort_by_key(is_published);
    let of = |(place, name): (usize, String)| {
        let published = is_published(&name);
        let (color, marker) = match (published, name.starts_with("people")) {
            (true, true) => (PEOPLE_COLOR, Marker::Diamond),
            (true, false) => (PUBLISHED, Marker::Cross),
            _ => (color(place), marker(place)),
        };
        Key { name, color, marker }
    };
    names.into_iter().enumerate().map(of).collect()
}

impl Plot for [RelianceRow] {
    /// Relative accuracy I without each feature, a bar a network with its interval, published numbers behind them.
    fn plot(&self) -> Draft {
        let rows = self.to_vec();
        Draft::new((900, 440), move |look| bars(&rows, look))
    }
}

fn bars(rows: &[RelianceRow], look: &Look) -> Result<Figure> {
    let keys = observers(rows);
    let features: Vec<Feature> =
        Feature::ALL.into_iter().filter(|feature| rows.iter().any(|row| row.feature == *feature)).collect();
    if !rows.iter().any(|row| row.relative.is_some_and(f64::is_finite)) {
        return Err(nothing("no network has an accuracy without a feature"));
    }
    let names: Vec<String> = features.iter().map(|feature| format!("without {}", feature.name())).collect();
    let ends = rows.iter().flat_map(|row| [row.relative, row.relative_low, row.relative_high]).flatten();
    let look = &Look { y_label: label(look, "relative accuracy I"), ..look.clone() };
    let axis = Axis::numbers(ends.chain([0.0, 1.0]), look.range)?;
    let mut plot = Axes::new(look, Axis::names(&names), axis, &keys)?;
    let width = plot.slot() * 0.8 / keys.len().max(1) as f64;
    let (one, other) = (plot.at(-0.5, 1.0), plot.at(features.len() as f64 - 0.5, 1.0));
    plot.sheet.dots(one, other, INK);
    for (place, feature) in features.iter().enumerate() {
        for (number, key) in keys.iter().enumerate() {
            let row = rows.iter().find(|row| row.model == key.name && row.feature == *feature);
            let Some((row, value)) = row.and_then(|row| Some((row, row.relative?))) else { continue };
            let left = plot.at(place as f64, 0.0).0 + (number as f64 - keys.len() as f64 / 2.0) * width;
            let (top, bottom) = (plot.at(0.0, value).1, plot.at(0.0, 0.0).1);
            plot.sheet.rect((left, top), (left + width * 0.88, bottom), key.color);
            if let Some((low, high)) = row.relative_low.zip(row.relative_high) {
                let (low, high) = (plot.at(0.0, low), plot.at(0.0, high));
                plot.whisker(left + width * 0.44, low, high, (width * 0.25).min(3.0), INK);
            }
        }
    }
    let what: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    plot.sheet.finish(look, look.alt("bars by feature", &what.join(", ")))
}

fn label(look: &Look, usual: &str) -> String {
    if look.y_label.is_empty() { usual.to_string() } else { look.y_label.clone() }
}

/// What is on the horizontal axis of [`over_removed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// Local variance of grey.
    Variance,
    /// Power of high frequencies.
    Energy,
    /// Correlation of gradients.
    Gradients,
    /// Colourfulness.
    Colour,
}

impl Removed {
    fn of(self, row: &FeatureCurveRow) -> Option<f64> {
        match self {
            Removed::Variance => row.variance,
            Removed::Energy => row.energy,
            Removed::Gradients => row.gradients,
            Removed::Colour => row.colour,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Removed::Variance => "local variance that is left (1: untouched)",
            Removed::Energy => "high-frequency energy that is left (1: untouched)",
            Removed::Gradients => "correlation of gradients with the untouched picture",
            Removed::Colour => "colourfulness that is left (1: untouched)",
        }
    }
}

impl Plot for [FeatureCurveRow] {
    /// Relative accuracy I over the levels of a kind of picture, a curve a network; of several kinds, a curve each.
    fn plot(&self) -> Draft {
        let curve = |name: &String| {
            let own: Vec<&FeatureCurveRow> = self.iter().filter(|row| series_name(self, row) == *name).collect();
            let of = |pick: fn(&FeatureCurveRow) -> Option<f64>| -> Vec<f64> {
                own.iter().map(|row| pick(row).unwrap_or(f64::NAN)).collect()
            };
            let levels: Vec<i64> = own.iter().map(|row| row.level).collect();
            Curve::new(name, &levels, &of(|row| row.relative))?
                .intervals(&of(|row| row.relative_low), &of(|row| row.relative_high))
        };
        let names: Vec<String> = self.iter().map(|row| series_name(self, row)).collect();
        match distinct(names.iter()).iter().map(curve).collect::<Result<Vec<Curve>>>() {
            Ok(curves) => curves.plot().y("relative accuracy I"),
            Err(error) => Draft::new((760, 440), move |_| Err(nothing(error.message()))),
        }
    }
}

/// What a row's line is called: by its network, by its kind where all are of one network, by both where neither is the same.
fn series_name(rows: &[FeatureCurveRow], row: &FeatureCurveRow) -> String {
    let several = |of: fn(&FeatureCurveRow) -> &String| rows.iter().any(|other| of(other) != of(row));
    match (several(|row| &row.model), several(|row| &row.kind)) {
        (true, true) => format!("{}, {}", row.model, row.kind),
        (false, true) => row.kind.clone(),
        _ => row.model.clone(),
    }
}

/// Relative accuracy I over what a manipulation leaves of the pictures, so that manipulations can be compared at equal strength:
/// the untouched picture at the left, a line a kind of picture for rows of one network, a line a network for rows of one kind.
pub fn over_removed(rows: &[FeatureCurveRow], what: Removed) -> Draft {
    let rows = rows.to_vec();
    Draft::new((820, 440), move |look| lines(&rows, what, look))
}

fn lines(rows: &[FeatureCurveRow], what: Removed, look: &Look) -> Result<Figure> {
    let point =
        |row: &FeatureCurveRow| Some((what.of(row)?, row.relative?)).filter(|(x, y)| x.is_finite() && y.is_finite());
    let all: Vec<(String, (f64, f64))> =
        rows.iter().filter_map(|row| Some((series_name(rows, row), point(row)?))).collect();
    if all.is_empty() {
        return Err(nothing("no level has an accuracy and a measure of what is left"));
    }
    let names = distinct(all.iter().map(|(name, _)| name));
    let keys: Vec<Key> = names
        .iter()
        .enumerate()
        .map(|(place, name)| Key { name: name.clone(), color: color(place), marker: marker(place) })
        .collect();
    let x_label = if look.x_label.is_empty() { what.words().to_string() } else { look.x_label.clone() };
    let look = &Look { x_label, y_label: label(look, "relative accuracy I"), ..look.clone() };
    // What was taken away grows to the right.
    let left = |x: f64| -x;
    let across = Axis::numbers(all.iter().map(|(_, (x, _))| left(*x)), None)?.mirrored();
    let up = Axis::numbers(all.iter().map(|(_, (_, y))| *y).chain([0.0, 1.0]), look.range)?;
    let mut plot = Axes::new(look, across, up, &keys)?;
    for key in &keys {
        let own: Vec<At> =
            all.iter().filter(|(name, _)| *name == key.name).map(|(_, (x, y))| plot.at(left(*x), *y)).collect();
        plot.sheet.line(own.clone(), Ink(key.color, 0.7), 1.5);
        own.into_iter().for_each(|at| plot.sheet.marker(at, key.marker, 4.0, key.color));
    }
    plot.sheet.finish(look, look.alt("lines over what is left", &names.join(", ")))
}

/// Networks in the triangle of shape, texture and colour ([`leanings`]): the nearer to a corner, the larger the share of that
/// feature in what a network loses. Published numbers stand beside them.
///
/// ```
/// use lgf::analysis::{PUBLISHED_RELIANCE, RelianceRow};
/// use lgf::datasets::Feature;
///
/// let row = |feature: &Feature, lost: f64| RelianceRow {
///     model: "mine".into(), feature: *feature, kind: String::new(), level: 3, images: 40, untouched: Some(0.9),
///     suppressed: None, control: None, relative: Some(1.0 - lost), relative_low: None, relative_high: None,
///     above_chance: None, above_chance_low: None, above_chance_high: None,
/// };
/// let rows: Vec<RelianceRow> = Feature::ALL.iter().zip([0.2, 0.6, 0.1, 0.1]).map(|(of, lost)| row(of, lost)).collect();
/// assert!(lgf::plots::feature_triangle(&rows).draw("triangle")?.svg().contains(">mine</text>"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn feature_triangle(rows: &[RelianceRow]) -> Draft {
    let rows = rows.to_vec();
    Draft::new((640, 480), move |look| triangle(&rows, look))
}

const CORNERS: [&str; 3] = ["shape", "texture", "colour"];

fn triangle(rows: &[RelianceRow], look: &Look) -> Result<Figure> {
    let found = leanings(rows);
    if found.is_empty() {
        return Err(nothing("no network loses anything without a feature"));
    }
    let keys: Vec<Key> =
        observers(rows).into_iter().filter(|key| found.iter().any(|(name, _)| *name == key.name)).collect();
    let mut sheet = Sheet::new(look.size)?;
    let (width, height) = (f64::from(look.size.0), f64::from(look.size.1));
    let legend = widest(keys.iter().map(|key| key.name.clone()))? + 40.0;
    let top = if look.title.is_empty() { 30.0 } else { 56.0 };
    sheet.text((width / 2.0, 22.0), &look.title, TITLE, Align::Middle);
    // Room for the names of the corners, above and below.
    let side = (width - legend - 90.0).min((height - top - 60.0) / (3f64.sqrt() / 2.0)).max(60.0);
    let (left, base) = (60.0, top + 20.0 + side * 3f64.sqrt() / 2.0);
    let corners: [At; 3] = [(left + side / 2.0, base - side * 3f64.sqrt() / 2.0), (left, base), (left + side, base)];
    let at = |shares: [f64; 3]| -> At {
        let along = |of: fn(&At) -> f64| corners.iter().zip(shares).map(|(corner, share)| of(corner) * share).sum();
        (along(|corner| corner.0), along(|corner| corner.1))
    };
    for step in 1..4 {
        let share = f64::from(step) / 4.0;
        for corner in 0..3 {
            let end = |other: usize| {
                let mut shares = [0.0; 3];
                (shares[corner], shares[(corner + other) % 3]) = (share, 1.0 - share);
                at(shares)
            };
            sheet.line([end(1), end(2)], FAINT, 1.0);
        }
    }
    sheet.line([corners[0], corners[1], corners[2], corners[0]], INK, 1.2);
    for ((corner, name), below) in corners.iter().zip(CORNERS).zip([-14.0, 18.0, 18.0]) {
        sheet.text((corner.0, corner.1 + below), name, TEXT, Align::Middle);
    }
    for (place, key) in keys.iter().enumerate() {
        for (_, shares) in found.iter().filter(|(name, _)| *name == key.name) {
            sheet.marker(at(*shares), key.marker, 6.0, key.color);
        }
        let line = (width - legend + 10.0, top + 20.0 + 22.0 * place as f64);
        sheet.marker(line, key.marker, 5.0, key.color);
        sheet.text((line.0 + 14.0, line.1), &key.name, TEXT, Align::Left);
    }
    let percent = |(name, shares): &(String, [f64; 3])| {
        let all: Vec<String> =
            CORNERS.iter().zip(shares).map(|(corner, share)| format!("{corner} {:.0} %", 100.0 * share)).collect();
        format!("{name} {}", all.join(" "))
    };
    sheet.finish(look, look.alt("triangle", &found.iter().map(percent).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(model: &str, feature: Feature, relative: f64, images: i64) -> RelianceRow {
        RelianceRow {
            model: model.into(),
            feature,
            kind: "k".into(),
            level: 3,
            images,
            untouched: Some(0.9),
            suppressed: Some(0.5),
            control: None,
            relative: Some(relative),
            relative_low: Some(relative - 0.05),
            relative_high: Some(relative + 0.05),
            above_chance: Some(relative),
            above_chance_low: None,
            above_chance_high: None,
        }
    }

    fn rows() -> Vec<RelianceRow> {
        let mut all = Vec::new();
        for (model, images, values) in [
            ("texture", 40, [0.95, 0.8, 0.3, 0.9]),
            ("shape", 40, [0.6, 0.4, 0.95, 0.99]),
            ("people (published)", 0, [0.965, 0.763, 0.979, 0.999]),
        ] {
            all.extend(Feature::ALL.into_iter().zip(values).map(|(feature, value)| row(model, feature, value, images)));
        }
        all
    }

    #[test]
    fn bars_and_triangle_name_networks_and_features() {
        let figure = rows().plot().draw("bars").unwrap();
        for text in ["without texture", "without global shape", "people (published)", "relative accuracy I"] {
            assert!(figure.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        let figure = feature_triangle(&rows()).draw("triangle").unwrap();
        for text in ["shape", "texture", "colour", "people (published)"] {
            assert!(figure.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        assert!(feature_triangle(&[]).draw("none").is_err() && rows()[..0].plot().draw("none").is_err());
    }

    #[test]
    fn lines_are_named_by_what_tells_them_apart() {
        let row = |model: &str, kind: &str, level: i64, left: f64| FeatureCurveRow {
            model: model.into(),
            kind: kind.into(),
            level,
            images: 40,
            accuracy: 0.5,
            accuracy_low: None,
            accuracy_high: None,
            relative: Some(left.sqrt()),
            relative_low: None,
            relative_high: None,
            above_chance: None,
            above_chance_low: None,
            above_chance_high: None,
            variance: Some(left),
            energy: Some(left),
            gradients: None,
            colour: Some(1.0),
        };
        let of = |models: &[&str], kinds: &[&str]| -> Vec<FeatureCurveRow> {
            let levels = [(0, 1.0), (4, 0.7), (12, 0.3)];
            let every = models.iter().flat_map(|model| kinds.iter().map(move |kind| (model, kind)));
            every.flat_map(|(model, kind)| levels.map(|(level, left)| row(model, kind, level, left))).collect()
        };
        let svg =
            over_removed(&of(&["a"], &["blur", "bilateral"]), Removed::Variance).draw("l").unwrap().svg().to_string();
        assert!(svg.contains(">blur</text>") && svg.contains(">local variance that is left (1: untouched)</text>"));
        let svg = of(&["a", "b"], &["blur"]).plot().draw("l").unwrap().svg().to_string();
        assert!(svg.contains(">b</text>") && !svg.contains(">blur</text>"));
        assert!(over_removed(&of(&["a"], &["blur"]), Removed::Gradients).draw("l").is_err());
    }
}
