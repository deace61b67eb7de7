//! A measure over the levels of one kind of picture.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::distinct::distinct;
use super::kinds::dose;
use super::measure::{Measure, Scored};
use crate::error::{Code, Error, Result};
use crate::stats::{mean, mean_interval};
use crate::table::{PredictionRow, Row, table};

/// Seed of the bootstrap intervals: the same table every time.
pub(super) const SEED: u64 = 1;

table! {
    /// A mean of a network at a level.
    pub struct CurveRow {
        /// The network.
        model: String,
        /// How much was done: that of the pictures, or a distance in pixels; 0 where there is none.
        level: i64,
        /// Photographs.
        images: i64,
        /// The mean over them.
        mean: f64,
        /// Lower end of its 95 % interval; missing for one photograph.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
    }
}

impl CurveRow {
    /// Of groups (photographs) of values: the mean of their means with its interval; one photograph has none.
    pub(super) fn of(model: &str, level: i64, groups: &[Vec<f64>]) -> Result<Self> {
        let row = |mean, ends: Option<(f64, f64)>| CurveRow {
            model: model.to_string(),
            level,
            images: groups.len() as i64,
            mean,
            low: ends.map(|ends| ends.0),
            high: ends.map(|ends| ends.1),
        };
        match groups {
            [one] if one.iter().all(|value| value.is_finite()) && !one.is_empty() => Ok(row(mean(one), None)),
            _ => mean_interval(groups, SEED).map(|found| row(found.mean, Some((found.low, found.high)))),
        }
    }
}

/// Values of one network and level, grouped by photograph.
type Level<'a> = (&'a str, i64, BTreeMap<&'a str, Vec<f64>>);

/// Values of one kind by network and level, grouped by photograph.
fn grouped<'a>(predictions: &'a [PredictionRow], kind: &str, measure: Measure) -> Result<Vec<Level<'a>>> {
    let mut groups: BTreeMap<(&str, i64), BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
    for row in predictions.iter().filter(|row| row.kind == kind) {
        let group = groups.entry((&row.model, row.level)).or_default();
        group.entry(&row.orig_file).or_default().push(row.value(measure));
    }
    if groups.is_empty() {
        return Err(Error::new(Code::Table, format!("no prediction of kind {kind:?}")));
    }
    let order = distinct(predictions.iter().map(|row| row.model.as_str()));
    let mut rows: Vec<_> = groups.into_iter().map(|((model, level), group)| (model, level, group)).collect();
    rows.sort_by_key(|(model, level, _)| (order.iter().position(|name| name == model), dose(kind, *level)));
    Ok(rows)
}

/// The mean of a measure by network and level of one kind of picture (`scrambled`, `smoothed`, … any that the predictions
/// hold), with its 95 % bootstrap interval over photographs: a table of [`CurveRow`]s, from the untouched picture (level 0)
/// to the most changed. One photograph has no interval.
///
/// ```
/// use lgf::analysis::{CurveRow, Measure, curves};
/// use lgf::table::{PredictionRow, Row};
///
/// let row = |level: i64, true_acc: f64| PredictionRow {
///     model: "mine".into(), kind: "embossed".into(), orig_file: "a".into(), level, true_acc, ..PredictionRow::default()
/// };
/// let table = curves(&[row(2, 0.5), row(0, 0.9), row(2, 0.3)], "embossed", Measure::TrueSoftmax)?;
/// let means: Vec<f64> = CurveRow::rows(&table)?.iter().map(|row| row.mean).collect();
/// assert_eq!(means, [0.9, 0.4]);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Table`] if there is no picture of the kind; [`Code::Numeric`] if a value is not a number.
pub fn curves(predictions: &[PredictionRow], kind: &str, measure: Measure) -> Result<DataFrame> {
    let row = |(model, level, images): Level| CurveRow::of(model, level, &images.into_values().collect::<Vec<_>>());
    CurveRow::table(grouped(predictions, kind, measure)?.into_iter().map(row).collect::<Result<_>>()?)
}

/// The same as the drop from each photograph's own untouched picture (fault D5): original less changed, per photograph.
///
/// # Errors
/// As [`curves`]; [`Code::Table`] if a photograph has no untouched picture.
pub fn drops(predictions: &[PredictionRow], kind: &str, measure: Measure) -> Result<DataFrame> {
    let groups = grouped(predictions, kind, measure)?;
    let mut baseline: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for (model, _, images) in groups.iter().filter(|(_, level, _)| *level == 0) {
        baseline.extend(images.iter().map(|(image, values)| ((*model, *image), mean(values))));
    }
    let row = |(model, level, images): &Level| {
        let fall = |(image, changed): (&&str, &Vec<f64>)| {
            let original = baseline.get(&(*model, *image)).ok_or_else(|| {
                Error::new(Code::Table, format!("{image} has no untouched picture among the {kind} of {model}"))
            })?;
            Ok(vec![original - mean(changed)])
        };
        CurveRow::of(model, *level, &images.iter().map(fall).collect::<Result<Vec<_>>>()?)
    };
    CurveRow::table(groups.iter().filter(|(_, level, _)| *level > 0).map(row).collect::<Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    fn predictions() -> Vec<PredictionRow> {
        let row = |(image, level, true_acc): (&str, i64, f64)| PredictionRow {
            model: "a".into(),
            kind: "scrambled".into(),
            level,
            orig_file: image.into(),
            true_acc,
            ..PredictionRow::default()
        };
        let all = [("x", 0, 1.0), ("x", 28, 0.5), ("x", 28, 0.3), ("y", 0, 0.8), ("y", 28, 0.2), ("y", 28, 0.0)];
        all.map(row).to_vec()
    }

    fn means(table: &DataFrame) -> Vec<f64> {
        CurveRow::rows(table).unwrap().iter().map(|row| row.mean).collect()
    }

    #[test]
    fn a_curve_is_the_mean_over_images_of_their_means() {
        let means = means(&curves(&predictions(), "scrambled", Measure::TrueSoftmax).unwrap());
        assert!((means[0] - 0.9).abs() < 1e-12 && (means[1] - 0.25).abs() < 1e-12, "{means:?}");
    }

    #[test]
    fn a_drop_is_from_the_images_own_original() {
        let falls = means(&drops(&predictions(), "scrambled", Measure::TrueSoftmax).unwrap());
        assert!((falls[0] - 0.65).abs() < 1e-12);
        assert!(curves(&predictions(), "smoothed", Measure::TrueSoftmax).is_err());
        let error = drops(&predictions()[1..], "scrambled", Measure::TrueSoftmax).unwrap_err();
        assert_eq!(error.message(), "x has no untouched picture among the scrambled of a");
    }

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<CurveRow>();
    }
}
