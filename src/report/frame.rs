//! A table as a reader wants it: words for headings, three digits, a value and its interval in one cell.

use maud::{Markup, html};
use polars::prelude::{AnyValue, Column, DataFrame};

use crate::analysis::{CurveRow, with_interval};
use crate::error::Result;
use crate::notebook::{counted, format_number};
use crate::table::Row;

/// Rows of a table that are shown; of a longer one is said where it lies.
const MOST: usize = 120;
const NOTHING: &str = "–";

/// A number in three significant digits.
pub(super) fn number(value: f64) -> String {
    match value.is_finite() {
        true => format_number(format!("{value:.2e}").parse().unwrap_or(value)),
        false => NOTHING.into(),
    }
}

/// A probability: below one in ten thousand its size says nothing more.
pub(super) fn probability(p: f64) -> String {
    if p < 1e-4 { "p < 0.0001".into() } else { format!("p = {}", number(p)) }
}

/// A table of the data root, which is there as `file`, a CSV.
pub(super) fn frame(found: &DataFrame, file: &str) -> Markup {
    if found.height() > MOST {
        return html! { p.note { (found.height()) " rows: " code { (file) } } };
    }
    let columns = columns(found);
    html! {
        div.wide {
            table {
                thead { tr { @for column in &columns { th.number[column.numeric] { (column.head) } } } }
                tbody {
                    @for row in 0..found.height() {
                        tr { @for column in &columns { td.number[column.numeric] { (column.cells[row]) } } }
                    }
                }
            }
        }
    }
}

/// A table of means (`model, level, images, mean, low, high`) with a row a network and a column a level.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing.
pub(super) fn by_level(found: &DataFrame) -> Result<Markup> {
    let means = CurveRow::rows(found)?;
    let (mut rows, mut heads): (Vec<&String>, Vec<i64>) = (Vec::new(), Vec::new());
    for CurveRow { model, level, .. } in &means {
        if !rows.contains(&model) {
            rows.push(model);
        }
        if !heads.contains(level) {
            heads.push(*level);
        }
    }
    let cell = |model: &str, level: i64| {
        let row = means.iter().find(|row| row.model == model && row.level == level);
        let end = |end: Option<f64>| end.unwrap_or(f64::NAN);
        row.map_or_else(|| NOTHING.into(), |row| with_interval(row.mean, end(row.low), end(row.high)))
    };
    let images = || means.iter().map(|row| row.images);
    let of = images().min().zip(images().max()).map(|(least, most)| match least == most {
        true => format!("means of {} with 95 % intervals", counted(most as usize, "photograph")),
        false => format!("means of {least} to {most} photographs with 95 % intervals"),
    });
    Ok(html! {
        div.wide {
            table {
                thead { tr { th { "network" } @for level in &heads { th.number { @if heads.len() > 1 { "level " (level) } } } } }
                tbody {
                    @for model in &rows {
                        tr { td { (model) } @for level in &heads { td.number { (cell(model, *level)) } } }
                    }
                }
            }
        }
        @if let Some(of) = of { p.note { (of) } }
    })
}

struct Shown {
    head: String,
    cells: Vec<String>,
    numeric: bool,
}

/// The columns of a table; `low` and `high` go into the cell of what they are the interval of, which stands before them.
fn columns(found: &DataFrame) -> Vec<Shown> {
    let all = found.columns();
    let values = |column: &Column| -> Vec<f64> { (0..found.height()).map(|row| float(column, row)).collect() };
    let mut shown = Vec::new();
    let mut place = 0;
    while place < all.len() {
        let column = &all[place];
        let ends = all.get(place + 1).zip(all.get(place + 2));
        let cells = match ends.filter(|(low, high)| low.name().ends_with("low") && high.name().ends_with("high")) {
            Some((low, high)) => {
                place += 2;
                let (of, low, high) = (values(column), values(low), values(high));
                (0..found.height()).map(|row| with_interval(of[row], low[row], high[row])).collect()
            }
            None => (0..found.height()).map(|row| cell(column, row)).collect(),
        };
        let numeric = column.dtype().is_primitive_numeric();
        shown.push(Shown { head: heading(column.name()), cells, numeric });
        place += 1;
    }
    shown
}

fn float(column: &Column, row: usize) -> f64 {
    column.get(row).ok().and_then(|value| value.extract::<f64>()).unwrap_or(f64::NAN)
}

fn cell(column: &Column, row: usize) -> String {
    match column.get(row) {
        Ok(AnyValue::Null) | Err(_) => NOTHING.into(),
        Ok(AnyValue::String("")) => String::new(),
        Ok(AnyValue::String(text)) => text.to_string(),
        Ok(AnyValue::StringOwned(text)) => text.to_string(),
        Ok(AnyValue::Boolean(holds)) => if holds { "yes" } else { "no" }.into(),
        Ok(value) => value.extract::<f64>().map_or_else(|| value.to_string(), |number| own_digits(number, &value)),
    }
}

/// Whole numbers are counts and stay as they are.
fn own_digits(value: f64, of: &AnyValue) -> String {
    if of.is_integer() || value.fract() == 0.0 { format_number(value) } else { number(value) }
}

/// What a column is called on a page.
fn heading(column: &str) -> String {
    match column {
        "model" => "network",
        "images" => "photographs",
        "mean" => "mean [95 % interval]",
        "effect" => "effect [95 % interval]",
        "about_identity" => "difference [limits of agreement]",
        "of" => "what is compared",
        "d_z" => "Cohen's d_z",
        "rank_biserial" => "rank-biserial r",
        "adjusted" => "p, corrected",
        "says" => "in words",
        "p_then" => "p by the approximation of then",
        "printed_statistic" => "statistic, printed",
        "printed_p" => "p, printed",
        "r" => "Pearson's r",
        "shape" => "shape decisions",
        "texture" => "texture decisions",
        "other" => "other decisions",
        "id" => "fault",
        other => return other.replace('_', " "),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_three_digits_and_intervals_stand_in_their_cell() {
        let found = df!(
            "model" => ["a<b", "c"],
            "images" => [1234i64, 6],
            "mean" => [Some(0.221_234), None],
            "low" => [Some(0.148), None],
            "high" => [Some(0.294), None],
            "d_z" => [0.000_123_456, 12_345.678],
        )
        .unwrap();
        let html = frame(&found, "analysis/x.csv").into_string();
        for part in ["a&lt;b", ">network<", ">1,234<", ">0.22 [0.15, 0.29]<", ">–<", ">0.000123<", ">12,300<"] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("null") && !html.contains("f64") && !html.contains(">low<"), "{html}");
        let long = df!("n" => (0..500i64).collect::<Vec<_>>()).unwrap();
        assert!(frame(&long, "analysis/x.csv").into_string().contains("500 rows: <code>analysis/x.csv"));
    }

    #[test]
    fn means_over_levels_have_a_column_a_level() {
        let found = df!(
            "model" => ["a", "a", "b"],
            "level" => [0i64, 8, 8],
            "images" => [40i64, 40, 39],
            "mean" => [0.9, 0.5, 0.4],
            "low" => [0.8, 0.4, 0.3],
            "high" => [1.0, 0.6, 0.5],
        )
        .unwrap();
        let html = by_level(&found).unwrap().into_string();
        for part in [
            "level 8",
            "<td>a</td><td class=\"number\">0.90 [0.80, 1.00]</td>",
            "<td>b</td><td class=\"number\">–<",
            "39 to 40",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(by_level(&found.drop("low").unwrap()).is_err());
    }

    #[test]
    fn a_probability_that_is_next_to_nothing_has_no_digits() {
        assert_eq!(probability(2.4e-35), "p < 0.0001");
        assert_eq!(probability(0.002_600_1), "p = 0.0026");
    }
}
