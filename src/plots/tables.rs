//! Columns of a table to what the figures take.

use polars::prelude::*;

use super::bars::Bar;
use super::look::same_length;
use super::points::Curve;
use crate::error::Result;
use crate::table::{floats, integers, texts};

/// One curve a network from a table in long form: `model, level, mean, low, high`.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn curves_of(table: &DataFrame) -> Result<Vec<Curve>> {
    let (models, levels) = (texts(table, "model")?, integers(table, "level")?);
    let (means, lows, highs) = (floats(table, "mean")?, floats(table, "low")?, floats(table, "high")?);
    rows_by(&models)
        .into_iter()
        .map(|(model, rows)| {
            let pick = |from: &[f64]| rows.iter().map(|&row| from[row]).collect::<Vec<_>>();
            let levels: Vec<i64> = rows.iter().map(|&row| levels[row]).collect();
            Curve::new(model, &levels, &pick(&means))?.intervals(&pick(&lows), &pick(&highs))
        })
        .collect()
}

/// One curve a name (a column of text) of a plain column over a column of whole numbers.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn plain_curves_of(table: &DataFrame, name: &str, level: &str, value: &str) -> Result<Vec<Curve>> {
    let (models, levels, values) = (texts(table, name)?, integers(table, level)?, floats(table, value)?);
    rows_by(&models)
        .into_iter()
        .map(|(model, rows)| {
            let levels: Vec<i64> = rows.iter().map(|&row| levels[row]).collect();
            Curve::new(model, &levels, &rows.iter().map(|&row| values[row]).collect::<Vec<_>>())
        })
        .collect()
}

/// One bar a row, its name from one column, its length from another; with an interval where the table has `low`, `high`.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn bars_of(table: &DataFrame, name: &str, value: &str) -> Result<Vec<Bar>> {
    let (names, values) = (texts(table, name)?, floats(table, value)?);
    same_length("values", values.len(), names.len())?;
    let ends = floats(table, "low").ok().zip(floats(table, "high").ok());
    let bar = |row: usize| match &ends {
        Some((low, high)) => Bar::new(&names[row], values[row]).interval(low[row], high[row]),
        None => Bar::new(&names[row], values[row]),
    };
    Ok((0..names.len()).map(bar).collect())
}

/// The rows of each name, names in the order in which they first come.
fn rows_by(names: &[String]) -> Vec<(String, Vec<usize>)> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for (row, name) in names.iter().enumerate() {
        match groups.iter_mut().find(|(other, _)| other == name) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((name.clone(), vec![row])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_table_becomes_a_curve_a_network() {
        let table = df!(
            "model" => ["a", "b", "a"],
            "level" => [0i64, 0, 28],
            "mean" => [1.0, 0.9, 0.5],
            "low" => [0.9, 0.8, 0.4],
            "high" => [1.0, 1.0, 0.6],
        )
        .unwrap();
        let curves = curves_of(&table).unwrap();
        assert_eq!(curves.len(), 2);
        assert_eq!(curves[0].points[1].interval, Some((0.4, 0.6)));
    }
}
