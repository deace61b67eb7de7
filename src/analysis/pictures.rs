use std::collections::{BTreeMap, HashMap};

use polars::prelude::*;

use super::curves::measured;
use super::parameters::{Baseline, Unit};
use crate::error::Result;
use crate::store::{integers, texts};

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

/// The same of two networks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    /// Class of the photograph; in another class, another stratum.
    pub class: String,
    pub first: f64,
    pub second: f64,
}

/// Numbers of one network by what they are of.
type Values = BTreeMap<String, (String, Vec<f64>)>;

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

    pub fn has(&self, model: &str) -> bool {
        self.models.iter().any(|name| name == model)
    }

    /// Pairs of two networks on pictures of a kind, at one level or all; sorted by photograph.
    pub fn pairs(
        &self,
        kind: &str,
        level: Option<i64>,
        [first, second]: [&str; 2],
        baseline: Baseline,
        unit: Unit,
    ) -> Vec<Pair> {
        let of = |model: &str| self.values(model, kind, level, baseline, unit);
        let (first, second) = (of(first), of(second));
        let pair = |(subject, (class, values)): (&String, &(String, Vec<f64>))| {
            let (_, others) = second.get(subject)?;
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            Some(Pair { class: class.clone(), first: mean(values), second: mean(others) })
        };
        first.iter().filter_map(pair).collect()
    }

    fn values(&self, model: &str, kind: &str, level: Option<i64>, baseline: Baseline, unit: Unit) -> Values {
        let own = || (0..self.models.len()).filter(|&row| self.models[row] == model && self.kinds[row] == kind);
        let untouched: BTreeMap<&String, f64> =
            own().filter(|&row| self.levels[row] == 0).map(|row| (&self.photographs[row], self.values[row])).collect();
        let mut found = Values::new();
        for row in own().filter(|&row| level.is_none_or(|level| self.levels[row] == level)) {
            let value = match baseline {
                Baseline::None => self.values[row],
                // Only pictures that are changed have changed.
                Baseline::Own if self.levels[row] == 0 => continue,
                Baseline::Own => match untouched.get(&self.photographs[row]) {
                    Some(original) => self.values[row] - original,
                    None => continue,
                },
            };
            let subject = match unit {
                Unit::Picture => &self.files[row],
                Unit::Photograph => &self.photographs[row],
            };
            found.entry(subject.clone()).or_insert_with(|| (self.classes[row].clone(), Vec::new())).1.push(value);
        }
        found
    }

    /// Of pictures of a kind that pass, the network and how much less they have than their untouched ones.
    pub fn falls(&self, kind: &str, passes: impl Fn(usize) -> bool) -> Vec<(&str, f64)> {
        let own = || (0..self.models.len()).filter(|&row| self.kinds[row] == kind);
        let untouched: HashMap<(&String, &String), f64> = own()
            .filter(|&row| self.levels[row] == 0)
            .map(|row| ((&self.models[row], &self.photographs[row]), self.values[row]))
            .collect();
        let fall = |row: usize| {
            let original = untouched.get(&(&self.models[row], &self.photographs[row]))?;
            Some((self.models[row].as_str(), original - self.values[row]))
        };
        own().filter(|&row| self.levels[row] > 0 && passes(row)).filter_map(fall).collect()
    }
}
