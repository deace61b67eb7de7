//! Tables on disk: Parquet for machines, CSV beside it for people, and typed columns out of them.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::{Store, missing, write_whole};
use crate::error::{Code, Error, Result, listed};

/// Rows that are encoded together.
const ROW_GROUP: usize = 1 << 17;

impl Store {
    /// Removes a table in both forms, if it is there.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be removed.
    pub fn remove_table(&self, name: &str) -> Result<()> {
        for ending in ["parquet", "csv"] {
            let path = self.path(&format!("{name}.{ending}"));
            match std::fs::remove_file(&path) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("removing", &path, cause));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes a table whole, as `<name>.parquet` and `<name>.csv`; returns both paths.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written.
    pub fn write_table(&self, name: &str, table: &DataFrame) -> Result<[PathBuf; 2]> {
        let (parquet, csv) = (self.path(&format!("{name}.parquet")), self.path(&format!("{name}.csv")));
        let (first, second) = rayon::join(
            || write_whole(&parquet, |file| told(file, |file| write_parquet(file, table))),
            || write_whole(&csv, |file| told(file, |file| CsvWriter::new(file).finish(&mut table.clone()))),
        );
        first.and(second)?;
        Ok([parquet, csv])
    }

    /// Writes a large table whole, as `<name>.parquet` alone; returns its path.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written.
    pub fn write_parquet(&self, name: &str, table: &DataFrame) -> Result<PathBuf> {
        let parquet = self.path(&format!("{name}.parquet"));
        write_whole(&parquet, |file| told(file, |file| write_parquet(file, table)))?;
        Ok(parquet)
    }

    /// As [`write_table`](Store::write_table), from pieces of one schema that are in memory one at a time. `pieces` is
    /// called until it gives nothing; there must be at least one.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written, and what `pieces` gives; neither file is there then.
    pub fn write_pieces(
        &self,
        name: &str,
        mut pieces: impl FnMut() -> Result<Option<DataFrame>>,
    ) -> Result<[PathBuf; 2]> {
        let missing = || Error::new(Code::Table, format!("{name} has no piece"));
        let mut first = pieces()?.ok_or_else(missing)?;
        let (parquet, csv) = (self.path(&format!("{name}.parquet")), self.path(&format!("{name}.csv")));
        let mut outcome = Ok(());
        let mut write = |rows: &mut File, text: &mut File| -> Result<()> {
            let (mut rows, mut text) = (Told::new(rows), Told::new(text));
            let mut all = || -> Result<()> {
                let mut rows = ParquetWriter::new(&mut rows).batched(first.schema())?;
                let mut text = CsvWriter::new(&mut text).batched(first.schema())?;
                loop {
                    rows.write_batch(&first)?;
                    text.write_batch(&first)?;
                    match pieces()? {
                        Some(piece) => first = piece,
                        None => break,
                    }
                }
                text.finish()?;
                rows.finish()?;
                Ok(())
            };
            let done = all();
            match (rows.refused, text.refused) {
                (Some(cause), _) => Err(Error::io("writing", &parquet, cause)),
                (None, Some(cause)) => Err(Error::io("writing", &csv, cause)),
                (None, None) => done,
            }
        };
        let written = write_whole(&csv, |text| {
            let inner = write_whole(&parquet, |rows| {
                outcome = write(rows, text);
                if outcome.is_ok() { Ok(()) } else { Err(std::io::Error::other("a piece could not be written")) }
            });
            inner.map_err(|error| std::io::Error::other(error.to_string()))
        });
        outcome.and(written)?;
        Ok([parquet, csv])
    }

    /// Reads the table that was written under a name.
    ///
    /// # Errors
    /// [`Code::Missing`] if it is not there, naming the notebook that writes it; [`Code::Table`] if it cannot be read.
    pub fn table(&self, name: &str) -> Result<DataFrame> {
        let path = self.path(&format!("{name}.parquet"));
        if !path.exists() {
            return Err(missing(&path, name));
        }
        let file = File::open(&path).map_err(|cause| Error::io("reading", &path, cause))?;
        let read = std::panic::catch_unwind(|| ParquetReader::new(file).finish());
        let unreadable = || Error::new(Code::Table, "not a whole Parquet table").path(&path).hint("run its step again");
        read.map_err(|_| unreadable())?.map_err(|cause| unreadable().because(cause))
    }
}

/// Writes a table whole as a CSV file outside of a data root.
///
/// # Errors
/// [`Code::Io`] if it cannot be written; nothing half-written is left.
pub fn write_csv(path: &Path, table: &mut DataFrame) -> Result<()> {
    write_whole(path, |file| told(file, |file| CsvWriter::new(file).finish(table)))
}

/// A file that keeps what the system refused, for which polars has other words ("transport error") or none.
struct Told<'a> {
    file: &'a mut File,
    refused: Option<std::io::Error>,
}

impl<'a> Told<'a> {
    fn new(file: &'a mut File) -> Self {
        Told { file, refused: None }
    }

    fn kept<T>(&mut self, done: std::io::Result<T>) -> std::io::Result<T> {
        done.inspect_err(|cause| {
            let same = || cause.raw_os_error().map_or(cause.kind().into(), std::io::Error::from_raw_os_error);
            if cause.kind() != std::io::ErrorKind::Interrupted {
                self.refused.get_or_insert_with(same);
            }
        })
    }
}

impl Write for Told<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let done = self.file.write(bytes);
        self.kept(done)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let done = self.file.flush();
        self.kept(done)
    }
}

/// What polars writes, or what the system refused of it.
fn told(file: &mut File, write: impl FnOnce(&mut Told<'_>) -> PolarsResult<()>) -> std::io::Result<()> {
    let mut told = Told::new(file);
    let done = write(&mut told);
    match told.refused {
        Some(cause) => Err(cause),
        None => done.map_err(|cause| std::io::Error::other(cause.to_string())),
    }
}

/// Row group by row group; polars' own `finish` copies a large table first.
fn write_parquet(file: &mut Told<'_>, table: &DataFrame) -> PolarsResult<()> {
    let mut writer = ParquetWriter::new(file).batched(table.schema())?;
    for start in (0..table.height().max(1)).step_by(ROW_GROUP) {
        let mut part = table.slice(start as i64, ROW_GROUP);
        part.rechunk_mut();
        writer.write_batch(&part)?;
    }
    writer.finish().map(|_| ())
}

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
pub fn stacked(tables: impl IntoIterator<Item = DataFrame>) -> Result<DataFrame> {
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
    let values = column(table, name)?.str().map_err(|_| wrong_type(table, name, "text"))?;
    Ok(values.iter().map(|value| value.unwrap_or_default().to_string()).collect())
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
pub fn integers(table: &DataFrame, name: &str) -> Result<Vec<i64>> {
    let values = column(table, name)?.cast(&DataType::Int64).map_err(|_| wrong_type(table, name, "a whole number"))?;
    let values = values.i64().map_err(|_| wrong_type(table, name, "a whole number"))?;
    let missing = || Error::new(Code::Table, format!("column {name:?} has missing values"));
    values.iter().map(|value| value.ok_or_else(missing)).collect()
}

/// A column of true and false; a missing value is false.
///
/// # Errors
/// [`Code::Table`] if the column is not there or of another type.
pub fn bools(table: &DataFrame, name: &str) -> Result<Vec<bool>> {
    let values = column(table, name)?.bool().map_err(|_| wrong_type(table, name, "true or false"))?;
    Ok(values.iter().map(|value| value.unwrap_or(false)).collect())
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

    #[test]
    fn a_corrupt_parquet_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let [parquet, _] = store.write_table("edges_data", &df!("a" => [1i64, 2]).unwrap()).unwrap();
        let bytes = std::fs::read(&parquet).unwrap();
        std::fs::write(&parquet, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(store.table("edges_data").unwrap_err().code(), Code::Table);
    }
}
