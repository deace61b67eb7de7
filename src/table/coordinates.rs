//! The tables of coordinates: a row a photograph, with lists as long as it has edges.

use polars::prelude::*;

use super::columns::{column, texts};
use crate::error::Result;

const FILE: &str = "file";
const ROW: &str = "row";
const COL: &str = "col";

/// `file` and the lists `row` and `col` (32 bits each) of some photographs, from the `(row, col)` of each.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if there are more or fewer lists than photographs.
pub fn coordinates(ids: &[&str], lists: &[Vec<(u32, u32)>]) -> Result<DataFrame> {
    let list = |name: &str, pick: fn(&(u32, u32)) -> u32| -> Column {
        let mut builder =
            ListPrimitiveChunkedBuilder::<UInt32Type>::new(name.into(), lists.len(), 1 << 12, DataType::UInt32);
        for points in lists {
            builder.append_slice(&points.iter().map(&pick).collect::<Vec<u32>>());
        }
        builder.finish().into_series().into()
    };
    let files = Column::new(FILE.into(), ids);
    Ok(DataFrame::new(ids.len(), vec![files, list(ROW, |point| point.0), list(COL, |point| point.1)])?)
}

/// A table of coordinates, row by row.
#[derive(Debug)]
pub struct Coordinates {
    files: Vec<String>,
    rows: ListChunked,
    cols: ListChunked,
}

impl Coordinates {
    /// Out of a table as [`coordinates`] makes it.
    ///
    /// # Errors
    /// [`Code::Table`](crate::error::Code::Table) if a column is missing or of another type.
    pub fn of(table: &DataFrame) -> Result<Self> {
        let list = |name: &str| -> Result<ListChunked> { Ok(column(table, name)?.list()?.clone()) };
        Ok(Coordinates { files: texts(table, FILE)?, rows: list(ROW)?, cols: list(COL)? })
    }

    /// The photograph of a row, and its `(row, col)`.
    ///
    /// # Errors
    /// [`Code::Table`](crate::error::Code::Table) for lists of another type.
    pub fn row(&self, at: usize) -> Result<(&str, Vec<(u32, u32)>)> {
        let numbers = |lists: &ListChunked| -> Result<Vec<u32>> {
            let Some(values) = lists.get_as_series(at) else { return Ok(Vec::new()) };
            Ok(values.u32()?.into_no_null_iter().collect())
        };
        Ok((&self.files[at], numbers(&self.rows)?.into_iter().zip(numbers(&self.cols)?).collect()))
    }
}
