//! Where two networks disagree.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::distinct::distinct;
use super::measure::Scored;
use super::named::named;
use crate::error::{Code, Error, Result};
use crate::study::Pair;
use crate::table::{PredictionRow, table};

table! {
    /// Pictures of a kind by which of two networks are right; as a table, its columns have the networks' names.
    pub struct DisagreementRow {
        /// What was done to them.
        kind: String,
        /// Pictures on which both are right.
        both: i64 as "both right",
        /// On which the first is, alone.
        only_first: i64 as "only {first}",
        /// On which the second is, alone.
        only_second: i64 as "only {second}",
        /// On which none is.
        neither: i64,
    }
}

/// Where two networks disagree: pictures of the manifest by kind on which both, only one, or neither is right, a table of
/// [`DisagreementRow`]s.
///
/// ```
/// use lgf::analysis::disagreement;
/// use lgf::study::Pair;
/// use lgf::table::PredictionRow;
///
/// let row = |model: &str, file: &str, top1: bool| PredictionRow {
///     model: model.into(), kind: "scrambled".into(), file: file.into(), top1, ..PredictionRow::default()
/// };
/// let rows = [row("one", "a", true), row("two", "a", false), row("one", "b", true), row("two", "b", true)];
/// let table = disagreement(&rows, &Pair::new("one", "two"))?;
/// assert_eq!(table.height(), 1);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Model`] if a network has no predictions.
pub fn disagreement(predictions: &[PredictionRow], pair: &Pair) -> Result<DataFrame> {
    let of = |model: &str| -> Result<BTreeMap<(&str, &str, &str), bool>> {
        let own: BTreeMap<_, _> = predictions
            .iter()
            .filter(|row| row.model == model)
            .map(|row| ((row.kind.as_str(), row.orig_file.as_str(), row.file.as_str()), row.top1))
            .collect();
        match own.is_empty() {
            true => Err(Error::new(Code::Model, format!("no network {model:?} among the predictions"))),
            false => Ok(own),
        }
    };
    let (first, second) = (of(&pair.first)?, of(&pair.second)?);
    let mut counts: BTreeMap<&str, DisagreementRow> = BTreeMap::new();
    for (picture, one) in &first {
        let Some(other) = second.get(picture) else { continue };
        let row = counts.entry(picture.0).or_insert_with(|| DisagreementRow {
            kind: picture.0.to_string(),
            both: 0,
            only_first: 0,
            only_second: 0,
            neither: 0,
        });
        *match (one, other) {
            (true, true) => &mut row.both,
            (true, false) => &mut row.only_first,
            (false, true) => &mut row.only_second,
            (false, false) => &mut row.neither,
        } += 1;
    }
    named(counts.into_values().collect(), pair)
}

/// The files for which two networks choose different classes, in the order of the rows.
///
/// ```
/// use lgf::analysis::disagreeing;
/// use lgf::study::Pair;
/// use lgf::table::ScoreRow;
///
/// let row = |file: &str, model: &str, pred_class: i64| ScoreRow {
///     file: file.into(), model: model.into(), pred_class, ..ScoreRow::default()
/// };
/// let scores = [row("x", "a", 1), row("y", "a", 2), row("x", "b", 1), row("y", "b", 3)];
/// assert_eq!(disagreeing(&scores, &Pair::new("a", "b")), ["y"]);
/// ```
pub fn disagreeing<S: Scored>(scores: &[S], pair: &Pair) -> Vec<String> {
    let [first, second] = pair.names().map(|model| -> BTreeMap<&str, i64> {
        scores.iter().filter(|row| row.model() == model).map(|row| (row.file(), row.chosen())).collect()
    });
    let apart = |file: &&str| first.get(file).zip(second.get(file)).is_some_and(|(one, other)| one != other);
    distinct(scores.iter().map(Scored::file)).into_iter().filter(apart).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::named::unnamed;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<DisagreementRow>();
    }

    #[test]
    fn pictures_are_counted_by_who_is_right_under_the_networks_names() {
        let row = |(file, model, top1): (&str, &str, bool)| PredictionRow {
            file: file.into(),
            model: model.into(),
            top1,
            kind: "scrambled".into(),
            ..PredictionRow::default()
        };
        let all = [("x", "a", true), ("y", "a", true), ("z", "a", false), ("x", "b", true), ("y", "b", false)].map(row);
        let table = disagreement(&all, &Pair::new("a", "b")).unwrap();
        let names: Vec<&str> = table.get_column_names().into_iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["kind", "both right", "only a", "only b", "neither"]);
        let (rows, _) = unnamed::<DisagreementRow>(&table).unwrap();
        assert_eq!((rows[0].both, rows[0].only_first, rows[0].only_second, rows[0].neither), (1, 1, 0, 0));
        assert!(disagreement(&all, &Pair::new("a", "c")).unwrap_err().message().contains("no network \"c\""));
    }
}
