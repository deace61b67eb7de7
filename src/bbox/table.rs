//! Annotations as a table, and the table of boxes read back.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use polars::prelude::*;

use super::check::Annotation;
use super::columns::BOX_COLUMNS;
use super::rows::{Rows, tables};
use crate::error::{Code, Error, Result};
use crate::table::texts;

/// The table of the boxes of some annotations, in their order: [`BOX_COLUMNS`], one row an object.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if the table cannot be built.
pub fn boxes_table(annotations: &[Annotation]) -> Result<DataFrame> {
    let mut rows = Rows::default();
    annotations.iter().for_each(|annotation| rows.push(annotation));
    Ok(tables(&[rows])?.0)
}

/// The row numbers of each file of a table of boxes: neighbouring rows with the same folder and file name.
pub(super) fn files_of(boxes: &DataFrame) -> Result<Vec<std::ops::Range<usize>>> {
    let (folders, names) = (texts(boxes, "folder")?, texts(boxes, "filename")?);
    let mut files: Vec<std::ops::Range<usize>> = Vec::new();
    for row in 0..names.len() {
        match files.last_mut() {
            Some(file) if names[file.start] == names[row] && folders[file.start] == folders[row] => file.end = row + 1,
            _ => files.push(row..row + 1),
        }
    }
    Ok(files)
}

/// Reads a table of boxes back, from `.parquet` or `.csv`, exactly as it was written: [`BOX_COLUMNS`].
///
/// # Errors
/// [`Code::Io`](crate::error::Code::Io) if it cannot be read, [`Code::Table`](crate::error::Code::Table) if it is no
/// whole table with these columns.
pub fn read_boxes(path: &Path) -> Result<DataFrame> {
    let wrong = |message: String| Error::new(Code::Table, message).path(path).hint("run step 1 again: lgf boxes");
    let file = File::open(path).map_err(|cause| Error::io("reading", path, cause))?;
    let parquet = path.extension().is_some_and(|ending| ending == "parquet");
    let schema = Schema::from_iter(BOX_COLUMNS.iter().map(|(name, kind)| Field::new((*name).into(), kind.clone())));
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| {
        if parquet {
            return ParquetReader::new(file).finish();
        }
        let options = CsvReadOptions::default().with_has_header(true).with_schema(Some(Arc::new(schema)));
        options.into_reader_with_file_handle(file).finish()
    }));
    let table = read
        .map_err(|_| wrong("not a whole table".into()))?
        .map_err(|cause| wrong("not a whole table".into()).because(cause))?;
    let found: Vec<&str> = table.get_column_names().into_iter().map(|name| name.as_str()).collect();
    let expected = BOX_COLUMNS.map(|(name, _)| name);
    if found != expected {
        let (found, expected) = (found.join(", "), expected.join(", "));
        return Err(wrong(format!("the columns are {found}; expected {expected}")));
    }
    Ok(table)
}
