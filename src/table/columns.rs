//! Columns out of data frames.

use polars::prelude::*;

use crate::error::{Code, Error, Result, listed};

/// The column of a name, looked for one by one. polars' own look-up hashes names with numbers that are drawn once a
/// program, and each cell of a notebook is a program of its own as far as they go: a table that was looked into in one
/// cell would seem to lack its columns in the next.
///
/// # Errors
/// [`Code::Table`] listing the columns there are.
pub fn column<'a>(table: &'a DataFrame, name: &str) -> Result<&'a Column> {
    table.columns().iter().find(|column| column.name().as_str() == name).ok_or_else(|| {
        let names: Vec<&str> = table.get_column_names().into_iter().map(|name| name.as_str()).collect();
        Error::new(Code::Table, format!("no column {name:?}; the columns are {}", names.join(", ")))
    })
}

/// The same table without what polars remembers of it, for code that looks columns up by name: see [`column()`].
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn fresh(table: &DataFrame) -> Result<DataFrame> {
    Ok(DataFrame::new(table.height(), table.columns().to_vec())?)
}

fn wrong_type(table: &DataFrame, name: &str, expected: &str) -> Error {
    let found = column(table, name).map(|column| column.dtype().to_string()).unwrap_or_default();
    Error::new(Code::Table, format!("column {name:?} is {found}, expected {expected}"))
}

/// Tables of the same columns, one below the other.
///
/// # Errors
/// [`Code::Missing`] if there is none, [`Code::Table`] if their columns differ.
pub(crate) fn stacked(tables: impl IntoIterator<Item = DataFrame>) -> Result<DataFrame> {
    let mut tables = tables.into_iter();
    let mut all = tables
        .next()
        .ok_or_else(|| Error::new(Code::Missing, "there is no table to join: no network and no photograph"))?;
    for table in tables {
        all.vstack_mut(&table)?;
    }
    all.rechunk_mut();
    Ok(all)
}

/// Takes the values of some columns away in the rows that are not kept.
///
/// # Errors
/// [`Code::Table`] if a column is not there, or there are more or fewer rows.
pub(crate) fn nothing_unless(table: &mut DataFrame, names: &[&str], kept: impl Iterator<Item = bool>) -> Result<()> {
    let rows: IdxCa = kept.enumerate().map(|(row, kept)| kept.then_some(row as IdxSize)).collect_ca("row".into());
    for &name in names {
        let column = column(table, name)?.take(&rows)?;
        table.replace(name, column)?;
    }
    Ok(())
}

/// The rows in which a column of text has a value.
///
/// # Errors
/// [`Code::Table`] if the column is not there or not text, or no row has the value: it lists the values there are.
pub fn only(table: &DataFrame, name: &str, value: &str) -> Result<DataFrame> {
    let mut values = texts(table, name)?;
    let rows: Vec<IdxSize> = (0..values.len()).filter(|&row| values[row] == value).map(|row| row as IdxSize).collect();
    if rows.is_empty() {
        values.sort();
        values.dedup();
        let there = match values.len() {
            0 => "the table has no rows".to_string(),
            1 => format!("all have {:?}", values[0]),
            _ => format!("there are {}", listed(&values, 12)),
        };
        return Err(Error::new(Code::Table, format!("no row has {value:?} as {name}; {there}")));
    }
    Ok(table.take(&IdxCa::from_vec("rows".into(), rows))?)
}

/// A column of text, one value a row; a missing value is empty.
///
/// # Errors
/// [`Code::Table`] if the column is not there or not text.
pub fn texts(table: &DataFrame, name: &str) -> Result<Vec<String>> {
    Ok(strs(table, name)?.into_iter().map(|value| value.unwrap_or_default().to_string()).collect())
}

/// A column of text as it lies there. Array by array: polars' own iterator looks up at each value which one it is in.
///
/// # Errors
/// [`Code::Table`] if the column is not there or not text.
pub(crate) fn strs<'a>(table: &'a DataFrame, name: &str) -> Result<Vec<Option<&'a str>>> {
    let values = column(table, name)?.str().map_err(|_| wrong_type(table, name, "text"))?;
    Ok(values.downcast_iter().flat_map(|array| array.iter()).collect())
}

/// A column of whole numbers in 32 bits as they lie there.
///
/// # Errors
/// [`Code::Table`] if the column is not there or of another type.
pub(crate) fn i32s(table: &DataFrame, name: &str) -> Result<Vec<Option<i32>>> {
    let values = column(table, name)?.i32().map_err(|_| wrong_type(table, name, "a whole number in 32 bits"))?;
    Ok(values.downcast_iter().flat_map(|array| array.iter()).map(|value| value.copied()).collect())
}

/// A numeric column as `f64`; a missing value is NaN.
///
/// # Errors
/// [`Code::Table`] if the column is not there or not numeric.
pub fn floats(table: &DataFrame, name: &str) -> Result<Vec<f64>> {
    let values = column(table, name)?.cast(&DataType::Float64).map_err(|_| wrong_type(table, name, "a number"))?;
    let values = values.f64().map_err(|_| wrong_type(table, name, "a number"))?;
    Ok(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// A whole-number column as `i64`.
///
/// # Errors
/// [`Code::Table`] if the column is not there, not numeric, or has a missing value.
pub(crate) fn integers(table: &DataFrame, name: &str) -> Result<Vec<i64>> {
    let values = column(table, name)?.cast(&DataType::Int64).map_err(|_| wrong_type(table, name, "a whole number"))?;
    let values = values.i64().map_err(|_| wrong_type(table, name, "a whole number"))?;
    let missing = || Error::new(Code::Table, format!("column {name:?} has missing values"));
    values.iter().map(|value| value.ok_or_else(missing)).collect()
}

impl From<PolarsError> for Error {
    fn from(cause: PolarsError) -> Self {
        Error::new(Code::Table, "the table operation failed").because(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_column_lists_those_that_are_there() {
        let table = df!("a" => [1i64], "b" => ["x"]).unwrap();
        let error = texts(&table, "c").unwrap_err().to_string();
        assert!(error.contains("the columns are a, b"), "{error}");
        assert!(texts(&table, "a").unwrap_err().to_string().contains("expected text"));
    }
}
