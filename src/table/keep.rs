//! Tables on disk: Parquet for machines, CSV beside it for people.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::row::Row;
use super::seal;
use crate::error::{Code, Error, Result};
use crate::files::{Store, missing, write_whole};

/// Rows that are encoded together.
const ROW_GROUP: usize = 1 << 17;
/// Bytes that are written together.
const PIECE: usize = 1 << 16;

impl Store {
    /// Removes a table in both forms, if it is there.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be removed.
    pub(crate) fn remove_table(&self, name: &str) -> Result<()> {
        for ending in ["parquet", "csv"] {
            self.remove(&format!("{name}.{ending}"))?;
        }
        Ok(())
    }

    /// Writes a table whole, as `<name>.parquet` and `<name>.csv`; returns both paths.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written.
    pub fn write_table(&self, name: &str, table: &DataFrame) -> Result<[PathBuf; 2]> {
        let (parquet, csv) = (self.path(&format!("{name}.parquet")), self.path(&format!("{name}.csv")));
        // One after the other, the one for machines first: each has all cores.
        write_whole(&parquet, |file| write_sealed(file, table))?;
        write_whole(&csv, |file| told(file, |file| CsvWriter::new(file).finish(&mut table.clone())))?;
        Ok([parquet, csv])
    }

    /// Writes rows as a table, whole, and gives the table back.
    ///
    /// # Errors
    /// As [`Store::write_table`].
    pub fn write_rows<R: Row>(&self, name: &str, rows: Vec<R>) -> Result<DataFrame> {
        let table = R::table(rows)?;
        self.write_table(name, &table)?;
        Ok(table)
    }

    /// The rows of the table that was written under a name.
    ///
    /// # Errors
    /// As [`Store::table`]; [`Code::Table`] if a column is missing or of another type.
    pub fn rows<R: Row>(&self, name: &str) -> Result<Vec<R>> {
        R::rows(&self.table(name)?).map_err(|error| error.or_path(self.path(&format!("{name}.parquet"))))
    }

    /// Writes a large table whole, as `<name>.parquet` alone; returns its path.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written.
    pub(crate) fn write_parquet(&self, name: &str, table: &DataFrame) -> Result<PathBuf> {
        let parquet = self.path(&format!("{name}.parquet"));
        write_whole(&parquet, |file| write_sealed(file, table))?;
        Ok(parquet)
    }

    /// As [`write_table`](Store::write_table), from pieces of one schema that are in memory one at a time. `pieces` is
    /// called until it gives nothing; there must be at least one.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written, and what `pieces` gives; neither file is there then.
    pub(crate) fn write_pieces(
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
                let mut rows = seal::writer(&mut rows).batched(first.schema())?;
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
            let done = all().and_then(|()| {
                let flushed = rows.flush().and_then(|()| text.flush());
                flushed.map_err(|cause| Error::io("writing", &parquet, cause))
            });
            match (rows.refused, text.refused) {
                (Some(cause), _) => Err(Error::io("writing", &parquet, cause)),
                (None, Some(cause)) => Err(Error::io("writing", &csv, cause)),
                (None, None) => done,
            }
        };
        let written = write_whole(&csv, |text| {
            let inner = write_whole(&parquet, |rows| {
                outcome = write(rows, text);
                if outcome.is_ok() {
                    seal::close(rows)
                } else {
                    Err(std::io::Error::other("a piece could not be written"))
                }
            });
            inner.map_err(|error| std::io::Error::other(error.to_string()))
        });
        outcome.and(written)?;
        Ok([parquet, csv])
    }

    /// Reads the table that was written under a name.
    ///
    /// # Errors
    /// [`Code::Missing`] if it is not there, naming the notebook that writes it; [`Code::Table`] if it cannot be read, or was
    /// changed since it was written.
    pub fn table(&self, name: &str) -> Result<DataFrame> {
        let path = self.path(&format!("{name}.parquet"));
        if !path.exists() {
            return Err(missing(&path, name));
        }
        let unread = |cause| Error::io("reading", &path, cause);
        let file = File::open(&path).map_err(unread)?;
        if !seal::is_whole(&file).map_err(unread)? {
            let found = "not a whole Parquet table: it was changed since it was written, or has no seal";
            return Err(Error::new(Code::Table, found).path(&path).hint("run its step again"));
        }
        let read = std::panic::catch_unwind(|| ParquetReader::new(file).finish());
        let unreadable = || Error::new(Code::Table, "not a whole Parquet table").path(&path).hint("run its step again");
        let table = read.map_err(|_| unreadable())?.map_err(|cause| unreadable().because(cause))?;
        match table.columns().iter().find(|column| !is_had(column.dtype())) {
            Some(other) => {
                let found = format!("column {:?} is {}, which no table here has", other.name().as_str(), other.dtype());
                Err(Error::new(Code::Table, found).path(&path).hint("run its step again"))
            }
            None => Ok(table),
        }
    }
}

/// Whether tables here have columns of a type. Others polars was built without: it panics where it looks at them.
fn is_had(kind: &DataType) -> bool {
    use DataType::{Boolean, Float32, Float64, Int32, Int64, List, String, UInt32, UInt64};
    match kind {
        List(of) => is_had(of),
        kind => matches!(kind, Boolean | Float32 | Float64 | Int32 | Int64 | String | UInt32 | UInt64),
    }
}

/// Writes a table whole as a CSV file outside of a data root.
///
/// # Errors
/// [`Code::Io`] if it cannot be written; nothing half-written is left.
pub fn write_csv(path: &Path, table: &mut DataFrame) -> Result<()> {
    write_whole(path, |file| told(file, |file| CsvWriter::new(file).finish(table)))
}

/// A table as CSV text, missing values empty.
///
/// # Errors
/// [`Code::Table`] if polars refuses it.
pub fn csv_text(table: &DataFrame) -> Result<String> {
    let mut bytes = Vec::new();
    CsvWriter::new(&mut bytes).finish(&mut table.clone())?;
    String::from_utf8(bytes).map_err(|cause| Error::new(Code::Table, "a table that is no text").because(cause))
}

/// A file, written in large pieces, that keeps what the system refused, for which polars has other words ("transport error") or
/// none.
struct Told<'a> {
    file: BufWriter<&'a mut File>,
    refused: Option<std::io::Error>,
}

impl<'a> Told<'a> {
    fn new(file: &'a mut File) -> Self {
        Told { file: BufWriter::with_capacity(PIECE, file), refused: None }
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
    let done = write(&mut told).and_then(|()| Ok(told.flush()?));
    match told.refused {
        Some(cause) => Err(cause),
        None => done.map_err(|cause| std::io::Error::other(cause.to_string())),
    }
}

/// A Parquet table with its seal.
fn write_sealed(file: &mut File, table: &DataFrame) -> std::io::Result<()> {
    told(file, |file| write_parquet(file, table))?;
    seal::close(file)
}

/// Row group by row group; polars' own `finish` copies a large table first.
fn write_parquet(file: &mut Told<'_>, table: &DataFrame) -> PolarsResult<()> {
    let mut writer = seal::writer(file).batched(table.schema())?;
    for start in (0..table.height().max(1)).step_by(ROW_GROUP) {
        let mut part = table.slice(start as i64, ROW_GROUP);
        part.rechunk_mut();
        writer.write_batch(&part)?;
    }
    writer.finish().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_bit_anywhere_in_a_table_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let table = df!("a" => (0..300i64).collect::<Vec<_>>(), "b" => vec!["x"; 300]).unwrap();
        let [parquet, _] = store.write_table("edges_data", &table).unwrap();
        let bytes = std::fs::read(&parquet).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            std::fs::write(&parquet, &changed).unwrap();
            let error = store.table("edges_data").expect_err(&format!("byte {at}"));
            assert!(error.code() == Code::Table && error.to_string().contains("changed since"), "{error}");
        }
        std::fs::write(&parquet, &bytes).unwrap();
        assert!(store.table("edges_data").unwrap().equals(&table));
    }

    #[test]
    fn tables_in_pieces_and_large_ones_are_sealed_too_and_one_without_a_seal_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let table = df!("a" => (0..9i64).collect::<Vec<_>>()).unwrap();
        let mut pieces = vec![table.clone(), table.clone()];
        let [pieced, _] = store.write_pieces("pieces", || Ok(pieces.pop())).unwrap();
        let large = store.write_parquet("large", &table).unwrap();
        for (path, name) in [(pieced, "pieces"), (large, "large")] {
            assert!(store.table(name).is_ok());
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[20] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert!(store.table(name).unwrap_err().to_string().contains("changed since"), "{name}");
        }
        let mut file = File::create(store.path("other.parquet")).unwrap();
        ParquetWriter::new(&mut file).finish(&mut table.clone()).unwrap();
        assert!(store.table("other").unwrap_err().to_string().contains("no seal"));
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
