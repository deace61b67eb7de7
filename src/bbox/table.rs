//! Annotations as a table, and the table of boxes read back.

use std::fs::File;
use std::io::{Read, Seek};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use polars::prelude::*;

use super::check::Annotation;
use super::rows::{Rows, tables};
use crate::error::{Code, Error, Result};
use crate::table::boxes::{BOX_COLUMNS, FILENAME, FOLDER, HEIGHT, WIDTH, XMAX, XMIN, YMAX, YMIN};
use crate::table::{integers, seal, strs};

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
    let (folders, names) = (strs(boxes, FOLDER)?, strs(boxes, FILENAME)?);
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
/// whole table with these columns, or a box in it is none within its picture.
pub fn read_boxes(path: &Path) -> Result<DataFrame> {
    let wrong = |message: String| Error::new(Code::Table, message).path(path).hint("run step 1 again: lgf boxes");
    let unread = |cause| Error::io("reading", path, cause);
    let mut file = File::open(path).map_err(unread)?;
    let parquet = path.extension().is_some_and(|ending| ending == "parquet");
    let expected = BOX_COLUMNS.map(|(name, _)| name).join(",");
    if !parquet {
        // A header of a million columns would be read as such.
        let mut head = Vec::new();
        (&mut file).take(expected.len() as u64 + 1).read_to_end(&mut head).map_err(unread)?;
        if head.trim_ascii_end() != expected.as_bytes() {
            let found = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_string();
            return Err(wrong(format!("the columns are {found}; expected {expected}")));
        }
        file.rewind().map_err(unread)?;
    } else if !seal::is_whole(&file).map_err(unread)? {
        return Err(wrong("not a whole table: it was changed since it was written, or has no seal".into()));
    }
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
    let named = |(name, kind): (&str, &DataType)| format!("{name} ({kind})");
    let found: Vec<String> = table.columns().iter().map(|own| named((own.name().as_str(), own.dtype()))).collect();
    if found != BOX_COLUMNS.each_ref().map(|(name, kind)| named((name, kind))) {
        return Err(wrong(format!("the columns are {}; expected {expected}", found.join(", "))));
    }
    match first_outside(&table).map_err(|error| error.or_path(path))? {
        Some(row) => Err(wrong(format!("row {row} has no box within its picture"))),
        None => Ok(table),
    }
}

/// The first row of a table whose box is none within its picture.
fn first_outside(boxes: &DataFrame) -> Result<Option<usize>> {
    let column = |name: &str| integers(boxes, name);
    let (xmin, ymin, xmax, ymax) = (column(XMIN)?, column(YMIN)?, column(XMAX)?, column(YMAX)?);
    let (width, height) = (column(WIDTH)?, column(HEIGHT)?);
    let within = |min: i64, max: i64, side: i64| 0 <= min && min < max && max <= side;
    Ok((0..xmin.len())
        .find(|&row| !within(xmin[row], xmax[row], width[row]) || !within(ymin[row], ymax[row], height[row])))
}
