//! Pictures as observations of two networks.

use std::collections::BTreeMap;

use super::kinds::untouched_of;
use super::measure::{Measure, Scored};
use super::parameters::{Baseline, Unit};
use crate::table::PredictionRow;

/// The predictions, with what is measured of each.
pub(super) struct Pictures<'a> {
    rows: &'a [PredictionRow],
    values: Vec<f64>,
}

/// Which pictures of which two networks are compared.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub kind: &'a str,
    /// One level, or all.
    pub level: Option<i64>,
    pub models: [&'a str; 2],
}

/// One observation of two networks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observation {
    /// Class of the photograph; in another class, another stratum.
    pub class: String,
    pub first: f64,
    pub second: f64,
}

impl Observation {
    pub fn difference(&self) -> f64 {
        self.first - self.second
    }
}

/// The values of both networks, side by side.
pub(super) fn apart(observations: &[Observation]) -> (Vec<f64>, Vec<f64>) {
    observations.iter().map(|one| (one.first, one.second)).unzip()
}

/// Class and pairs of values by photograph or picture.
type Subjects<'a> = BTreeMap<&'a str, (&'a str, Vec<(f64, f64)>)>;

impl<'a> Pictures<'a> {
    pub fn of(rows: &'a [PredictionRow], measure: Measure) -> Self {
        Pictures { rows, values: rows.iter().map(|row| row.value(measure)).collect() }
    }

    /// The same values in single precision, as the thesis had them.
    pub(crate) fn in_single(mut self) -> Self {
        self.values.iter_mut().for_each(|value| *value = f64::from(*value as f32));
        self
    }

    pub fn has(&self, model: &str) -> bool {
        self.rows.iter().any(|row| row.model == model)
    }

    /// What was observed of two networks, sorted by photograph. Pictures are paired first, so that both networks are averaged
    /// over the same ones; those that one of them lacks are left out.
    pub fn pairs(&self, asked: Asked, baseline: Baseline, unit: Unit) -> Vec<Observation> {
        let [first, second] = asked.models.map(|model| self.values(model, asked, baseline));
        let mut subjects: Subjects = BTreeMap::new();
        for (file, &(row, value)) in &first {
            let Some((_, other)) = second.get(file) else { continue };
            let subject = match unit {
                Unit::Picture => *file,
                Unit::Photograph => &row.orig_file,
            };
            subjects.entry(subject).or_insert((&row.wnid, Vec::new())).1.push((value, *other));
        }
        let observation = |(class, values): (&str, Vec<(f64, f64)>)| {
            let mean = |pick: fn(&(f64, f64)) -> f64| values.iter().map(pick).sum::<f64>() / values.len() as f64;
            Observation { class: class.into(), first: mean(|pair| pair.0), second: mean(|pair| pair.1) }
        };
        subjects.into_values().map(observation).collect()
    }

    /// Row and value of a network's pictures, by file.
    fn values(&self, model: &str, asked: Asked, baseline: Baseline) -> BTreeMap<&'a str, (&'a PredictionRow, f64)> {
        let of = |kind: &str| {
            let kind = kind.to_string();
            let all = self.rows.iter().zip(self.values.iter().copied());
            all.filter(move |(row, _)| row.model == model && row.kind == kind)
        };
        let untouched: BTreeMap<&str, f64> = of(untouched_of(asked.kind))
            .filter(|(row, _)| row.level == 0)
            .map(|(row, value)| (row.orig_file.as_str(), value))
            .collect();
        let value = |row: &PredictionRow, value: f64| match baseline {
            Baseline::None => Some(value),
            // Only pictures that are changed have changed.
            Baseline::Own if row.level == 0 => None,
            Baseline::Own => Some(value - untouched.get(row.orig_file.as_str())?),
        };
        of(asked.kind)
            .filter(|(row, _)| asked.level.is_none_or(|level| row.level == level))
            .filter_map(|(row, own)| Some((row.file.as_str(), (row, value(row, own)?))))
            .collect()
    }
}
