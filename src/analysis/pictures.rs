use std::collections::BTreeMap;

use polars::prelude::*;

use super::curves::measured;
use super::parameters::{Baseline, Unit};
use crate::error::Result;
use crate::table::{integers, texts};

/// The predictions, column by column.
pub(super) struct Pictures {
    models: Vec<String>,
    kinds: Vec<String>,
    files: Vec<String>,
    photographs: Vec<String>,
    classes: Vec<String>,
    levels: Vec<i64>,
    values: Vec<f64>,
}

/// One observation of two networks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    /// Class of the photograph; in another class, another stratum.
    pub class: String,
    pub first: f64,
    pub second: f64,
}

/// Class and pairs of values by photograph or picture.
type Subjects<'a> = BTreeMap<&'a String, (&'a String, Vec<(f64, f64)>)>;

impl Pictures {
    pub fn of(predictions: &DataFrame, measure: &str) -> Result<Self> {
        Ok(Pictures {
            models: texts(predictions, "model")?,
            kinds: texts(predictions, "kind")?,
            files: texts(predictions, "file")?,
            photographs: texts(predictions, "orig_file")?,
            classes: texts(predictions, "wnid")?,
            levels: integers(predictions, "level")?,
            values: measured(predictions, measure)?,
        })
    }

    /// The same values in single precision, as the thesis had them.
    pub fn in_single(mut self) -> Self {
        self.values.iter_mut().for_each(|value| *value = f64::from(*value as f32));
        self
    }

    pub fn has(&self, model: &str) -> bool {
        self.models.iter().any(|name| name == model)
    }

    /// Pairs of two networks on pictures of a kind, at one level or all; sorted by photograph. Pictures are paired first, so
    /// that both networks are averaged over the same ones; those that one of them lacks are left out.
    pub fn pairs(
        &self,
        kind: &str,
        level: Option<i64>,
        [first, second]: [&str; 2],
        baseline: Baseline,
        unit: Unit,
    ) -> Vec<Pair> {
        let (first, second) = (self.values(first, kind, level, baseline), self.values(second, kind, level, baseline));
        let mut subjects: Subjects = BTreeMap::new();
        for (file, &(row, value)) in &first {
            let Some((_, other)) = second.get(file) else { continue };
            let subject = match unit {
                Unit::Picture => *file,
                Unit::Photograph => &self.photographs[row],
            };
            subjects.entry(subject).or_insert((&self.classes[row], Vec::new())).1.push((value, *other));
        }
        let pair = |(class, values): (&String, Vec<(f64, f64)>)| {
            let mean = |pick: fn(&(f64, f64)) -> f64| values.iter().map(pick).sum::<f64>() / values.len() as f64;
            Pair { class: class.clone(), first: mean(|pair| pair.0), second: mean(|pair| pair.1) }
        };
        subjects.into_values().map(pair).collect()
    }

    /// Row and value of a network's pictures, by file.
    fn values(
        &self,
        model: &str,
        kind: &str,
        level: Option<i64>,
        baseline: Baseline,
    ) -> BTreeMap<&String, (usize, f64)> {
        let own = || (0..self.models.len()).filter(|&row| self.models[row] == model && self.kinds[row] == kind);
        // A difference is what smoothing takes away: its untouched picture is that of smoothing.
        let of = if kind.starts_with("difference") { "smoothed" } else { kind };
        let untouched: BTreeMap<&String, f64> = (0..self.models.len())
            .filter(|&row| self.models[row] == model && self.kinds[row] == of && self.levels[row] == 0)
            .map(|row| (&self.photographs[row], self.values[row]))
            .collect();
        let value = |row: usize| match baseline {
            Baseline::None => Some(self.values[row]),
            // Only pictures that are changed have changed.
            Baseline::Own if self.levels[row] == 0 => None,
            Baseline::Own => Some(self.values[row] - untouched.get(&self.photographs[row])?),
        };
        own()
            .filter(|&row| level.is_none_or(|level| self.levels[row] == level))
            .filter_map(|row| Some((&self.files[row], (row, value(row)?))))
            .collect()
    }
}
