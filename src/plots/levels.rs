//! Accuracy and error consistency over conditions, with the range of people.

use super::axes::{Axes, Axis};
use super::bias_matrix::{FEW, PEOPLE_COLOR, keys, series};
use super::draft::Draft;
use super::look::{Look, distinct, nothing};
use super::sheet::Ink;
use crate::analysis::{ConditionRow, PEOPLE, RULES};
use crate::error::Result;
use crate::notebook::Figure;
use crate::table::ObserverKind;

/// What is drawn over conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverLevels {
    /// The share of pictures that an observer is right on.
    Accuracy,
    /// Its mean error consistency with people.
    Kappa,
}

impl OverLevels {
    fn of(self, row: &ConditionRow) -> (Option<f64>, Option<(f64, f64)>) {
        match self {
            OverLevels::Accuracy => (Some(row.accuracy), row.accuracy_low.zip(row.accuracy_high)),
            OverLevels::Kappa => (row.kappa, row.kappa_low.zip(row.kappa_high)),
        }
    }
}

/// A line an observer over the conditions of a set; people as red diamonds, the range of each of them as a red band; intervals as
/// whiskers where there are at most twelve networks.
pub fn over_levels(rows: &[ConditionRow], what: OverLevels) -> Draft {
    let rows = rows.to_vec();
    Draft::new((860, 480), move |look| drawn(&rows, what, look))
}

fn drawn(rows: &[ConditionRow], what: OverLevels, look: &Look) -> Result<Figure> {
    let conditions = distinct(rows.iter().map(|row| &row.condition));
    let names = distinct(rows.iter().map(|row| &row.observer));
    let kind =
        |name: &String| rows.iter().find(|row| row.observer == *name).map_or(ObserverKind::Network, |row| row.kind);
    let is_group = |name: &String| name == PEOPLE || name == RULES;
    let together = names.iter().any(is_group);
    let shown: Vec<(String, ObserverKind)> = names
        .iter()
        .map(|name| (name.clone(), kind(name)))
        .filter(|(name, kind)| *kind == ObserverKind::Network || is_group(name) || !together)
        .collect();
    let series = series(&shown);
    let networks = shown.iter().filter(|(_, kind)| *kind == ObserverKind::Network).count();
    let values = || rows.iter().filter_map(|row| what.of(row).0);
    if !values().any(f64::is_finite) {
        return Err(nothing("no observer has a value in any condition"));
    }
    let whiskers = networks <= FEW;
    let ends = rows
        .iter()
        .filter(|row| whiskers && shown.iter().any(|(name, _)| *name == row.observer))
        .filter_map(|row| what.of(row).1)
        .flat_map(|(low, high)| [low, high]);
    let range = match (look.range, what) {
        (None, OverLevels::Accuracy) => Some((0.0, 1.0)),
        (range, _) => range,
    };
    let axis = Axis::numbers(values().chain(ends), range)?;
    let mut plot = Axes::new(look, Axis::names(&conditions), axis, &keys(&series))?;
    // The range of people: from the least of them to the most, condition by condition.
    let people = |condition: &String| {
        let own = || {
            rows.iter()
                .filter(|row| {
                    row.condition == *condition && row.kind != ObserverKind::Network && !is_group(&row.observer)
                })
                .filter_map(|row| what.of(row).0)
        };
        Some((own().reduce(f64::min)?, own().reduce(f64::max)?))
    };
    let band: Vec<(f64, (f64, f64))> =
        conditions.iter().enumerate().filter_map(|(place, name)| Some((place as f64, people(name)?))).collect();
    if band.len() > 1 {
        let above = band.iter().map(|(place, (_, high))| plot.at(*place, *high));
        let below = band.iter().rev().map(|(place, (low, _))| plot.at(*place, *low));
        let outline: Vec<_> = above.chain(below).collect();
        plot.sheet.fill(outline, Ink(PEOPLE_COLOR, 0.15));
    }
    let apart = (plot.slot() * 0.5 / series.len().max(1) as f64).min(7.0);
    for (number, one) in series.iter().enumerate() {
        let shift = if whiskers { (number as f64 - (series.len() as f64 - 1.0) / 2.0) * apart } else { 0.0 };
        let row = |condition: &String| rows.iter().find(|row| row.observer == one.name && row.condition == *condition);
        let mut points = Vec::new();
        for (place, condition) in conditions.iter().enumerate() {
            let Some(row) = row(condition) else { continue };
            let (Some(value), interval) = what.of(row) else { continue };
            if plot.shows(value) {
                let (x, y) = plot.at(place as f64, value);
                points.push(((x + shift, y), interval.map(|(low, high)| (plot.at(0.0, low), plot.at(0.0, high)))));
            }
        }
        let line: Vec<_> = points.iter().map(|(at, _)| *at).collect();
        plot.sheet.line(line, one.ink, if one.kind == ObserverKind::Network { 1.0 } else { 2.2 });
        for (at, interval) in points {
            if let Some((low, high)) = interval.filter(|_| whiskers) {
                plot.whisker(at.0, low, high, 2.0, one.ink);
            }
            plot.sheet.marker(at, one.marker, 4.0, one.ink);
        }
    }
    let what = format!(
        "{} over {}",
        shown.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
        conditions.join(", ")
    );
    plot.sheet.finish(look, look.alt("observers over conditions", &what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_a_band_and_networks_lines() {
        let mut rows = Vec::new();
        for (place, condition) in ["c50", "c10", "c05"].iter().enumerate() {
            for (observer, kind, accuracy) in [
                ("net", ObserverKind::Network, 0.7),
                ("subject-01", ObserverKind::Person, 0.9),
                ("subject-02", ObserverKind::Person, 0.8),
                (PEOPLE, ObserverKind::Person, 0.85),
            ] {
                let accuracy = accuracy - 0.2 * place as f64;
                rows.push(ConditionRow {
                    set: "contrast".into(),
                    condition: (*condition).into(),
                    observer: observer.into(),
                    kind,
                    trials: 10,
                    accuracy,
                    accuracy_low: Some(accuracy - 0.05),
                    accuracy_high: Some(accuracy + 0.05),
                    kappa: (place < 2).then_some(0.3),
                    kappa_low: None,
                    kappa_high: None,
                });
            }
        }
        let figure = over_levels(&rows, OverLevels::Accuracy).draw("a").unwrap();
        for text in ["c50", "net", "people"] {
            assert!(figure.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        assert!(!figure.svg().contains("subject-01"));
        over_levels(&rows, OverLevels::Kappa).draw("k").unwrap();
        assert!(over_levels(&[], OverLevels::Kappa).draw("k").is_err());
    }
}
