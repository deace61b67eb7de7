//! Shape bias by category, as the field draws it.

use image::Rgb;

use super::axes::{Axes, Axis, Key};
use super::draft::Draft;
use super::font::TEXT;
use super::look::{Look, color, distinct, nothing};
use super::sheet::{Align, FAINT, INK, Ink, Marker, marker};
use crate::analysis::ShapeBiasRow;
use crate::error::Result;
use crate::notebook::{Figure, counted};
use crate::table::ObserverKind;

/// The colour of people: red diamonds, as in the field's figures.
pub(super) const PEOPLE_COLOR: Rgb<u8> = Rgb([165, 30, 55]);
/// Networks up to here have a colour and a line in the legend each; more of them are one grey crowd.
pub(super) const FEW: usize = 12;
const CROWD: Rgb<u8> = Rgb([0x55, 0x77, 0x99]);
/// What is left above the plot for the second axis.
const ABOVE: f64 = 42.0;

/// A series of the legend.
pub(super) struct Series {
    pub name: String,
    pub kind: ObserverKind,
    pub ink: Ink,
    pub marker: Marker,
}

/// The observers of a figure: networks one by one, people and rules together where they are.
pub(super) fn series(names: &[(String, ObserverKind)]) -> Vec<Series> {
    let networks = names.iter().filter(|(_, kind)| *kind == ObserverKind::Network).count();
    let mut number = 0;
    let one = |(name, kind): &(String, ObserverKind)| {
        let (ink, marker) = match kind {
            ObserverKind::Network if networks > FEW => (Ink(CROWD, 0.45), Marker::Circle),
            ObserverKind::Network => {
                number += 1;
                (Ink(color(number - 1), 1.0), marker(number - 1))
            }
            _ => (Ink(PEOPLE_COLOR, 1.0), Marker::Diamond),
        };
        Series { name: name.clone(), kind: *kind, ink, marker }
    };
    names.iter().map(one).collect()
}

/// The legend of series: a crowd is one line.
pub(super) fn keys(series: &[Series]) -> Vec<Key> {
    let networks = series.iter().filter(|one| one.kind == ObserverKind::Network).count();
    let mut keys = Vec::new();
    for one in series {
        let crowd = networks > FEW && one.kind == ObserverKind::Network;
        let name = if crowd { counted(networks, "network") } else { one.name.clone() };
        if !keys.iter().any(|key: &Key| key.name == name) {
            keys.push(Key { name, color: one.ink.0, marker: one.marker });
        }
    }
    keys
}

/// Of rows of shape bias, the observers that a figure shows: networks, and people or rules together, alone where there is one.
pub(super) fn shown(rows: &[ShapeBiasRow]) -> Vec<(String, ObserverKind)> {
    let names = distinct(rows.iter().map(|row| &row.observer));
    let kind =
        |name: &String| rows.iter().find(|row| row.observer == *name).map_or(ObserverKind::Network, |row| row.kind);
    let all: Vec<(String, ObserverKind)> = names.iter().map(|name| (name.clone(), kind(name))).collect();
    let together = |kind: ObserverKind| all.iter().any(|(name, own)| *own == kind && is_group(name));
    let mut shown: Vec<(String, ObserverKind)> = all
        .iter()
        .filter(|(name, kind)| *kind == ObserverKind::Network || is_group(name) || !together(*kind))
        .cloned()
        .collect();
    // People last, over everything else.
    shown.sort_by_key(|(_, kind)| *kind != ObserverKind::Network);
    shown
}

fn is_group(name: &str) -> bool {
    name == crate::analysis::PEOPLE || name == crate::analysis::RULES
}

/// The shape bias of observers by category of the shape: a row a category, the share of texture decisions to the right, that of
/// shape decisions on the upper axis; a mark an observer, its value over all categories as a line; people as red diamonds, those
/// for whom their rows are ordered (Geirhos et al. 2019, figure 4). More than twelve networks are one crowd.
pub fn shape_bias_matrix(rows: &[ShapeBiasRow]) -> Draft {
    let rows = rows.to_vec();
    let observers = shown(&rows).len().min(FEW + 2) as u32;
    let categories = distinct(rows.iter().map(|row| &row.category)).len() as u32;
    Draft::new((760, (150 + 26 * categories).max(130 + 22 * observers)), move |look| drawn(&rows, look))
}

fn drawn(rows: &[ShapeBiasRow], look: &Look) -> Result<Figure> {
    let series = series(&shown(rows));
    let of = |name: &str, category: &str| {
        rows.iter().find(|row| row.observer == name && row.category == category).and_then(|row| row.shape_bias)
    };
    let mut categories = distinct(rows.iter().filter(|row| !row.category.is_empty()).map(|row| &row.category));
    let any = categories.iter().any(|category| series.iter().any(|one| of(&one.name, category).is_some()));
    if !any {
        return Err(nothing("no category has a decision for shape or texture"));
    }
    if let Some(people) = series.iter().find(|one| one.kind != ObserverKind::Network) {
        let bias = |category: &String| of(&people.name, category).unwrap_or(0.0);
        categories.sort_by(|a, b| bias(b).total_cmp(&bias(a)));
    }
    let axis = Axis::numbers([], Some((0.0, 1.0)))?;
    let look = &Look { x_label: "share of texture decisions".into(), ..look.clone() };
    let mut plot = Axes::inset(look, axis, Axis::names(&categories), &keys(&series), ABOVE)?;
    let (left, top, right, bottom) = plot.frame();
    for step in 0..=5 {
        let texture = f64::from(step) / 5.0;
        let x = plot.at(texture, 0.0).0;
        plot.sheet.line([(x, top - 4.0), (x, top)], INK, 1.0);
        plot.sheet.text((x, top - 12.0), &format!("{:.1}", 1.0 - texture), TEXT, Align::Middle);
    }
    plot.sheet.line([(left, top), (right, top)], INK, 1.0);
    plot.sheet.line([(left, bottom), (right, bottom)], INK, 1.0);
    plot.sheet.text(((left + right) / 2.0, top - 30.0), "share of shape decisions", TEXT, Align::Middle);
    for place in 0..categories.len() {
        let y = plot.at(0.0, place as f64).1;
        plot.sheet.line([(left, y), (right, y)], FAINT, 1.0);
    }
    for one in &series {
        if let Some(bias) = of(&one.name, "") {
            let x = plot.at(1.0 - bias, 0.0).0;
            let width = if one.kind == ObserverKind::Network { 1.2 } else { 2.5 };
            plot.sheet.line([(x, top), (x, bottom)], one.ink, width);
        }
    }
    for one in &series {
        for (place, category) in categories.iter().enumerate() {
            if let Some(bias) = of(&one.name, category) {
                let at = plot.at(1.0 - bias, place as f64);
                let radius = if one.kind == ObserverKind::Network { 4.5 } else { 5.5 };
                plot.sheet.marker(at, one.marker, radius, one.ink);
            }
        }
    }
    let value = |one: &Series| of(&one.name, "").map_or("none".into(), |bias| format!("{bias:.2}"));
    let what: Vec<String> = series.iter().map(|one| format!("{} {}", one.name, value(one))).collect();
    plot.sheet.finish(look, look.alt("shape bias by category", &what.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn rows(networks: usize) -> Vec<ShapeBiasRow> {
        let mut rows = Vec::new();
        let row = |observer: &str, kind, category: &str, bias: f64| ShapeBiasRow {
            observer: observer.into(),
            kind,
            category: category.into(),
            shape_bias: Some(bias),
            ..ShapeBiasRow::default()
        };
        for network in 0..networks {
            for (place, category) in ["", "cat", "dog", "oven"].iter().enumerate() {
                let name = format!("network {network}");
                rows.push(row(
                    &name,
                    ObserverKind::Network,
                    category,
                    0.1 + 0.8 * network as f64 / 50.0 + 0.02 * place as f64,
                ));
            }
        }
        for (observer, bias) in [("subject-01", 0.9), ("subject-02", 0.94), ("people", 0.92)] {
            for category in ["", "cat", "dog", "oven"] {
                rows.push(row(observer, ObserverKind::Person, category, bias));
            }
        }
        rows
    }

    #[test]
    fn three_networks_are_named_and_fifty_are_a_crowd() {
        let few = shape_bias_matrix(&rows(3)).title("Shape bias").draw("m").unwrap();
        for text in ["network 2", "people", "cat", "share of shape decisions", "share of texture decisions"] {
            assert!(few.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        assert!(!few.svg().contains("subject-01"), "people are together");
        let many = shape_bias_matrix(&rows(50)).draw("m").unwrap();
        assert!(many.svg().contains(">50 networks</text>") && !many.svg().contains(">network 7</text>"));
        assert!(shape_bias_matrix(&[]).draw("none").is_err());
    }
}
