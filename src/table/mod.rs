//! Tables: typed rows on one side, polars data frames and files on the other.
//!
//! A table is declared once, as the struct of its rows; no other room names a column.

mod columns;
mod keep;
mod reject;
mod row;

pub use columns::{bools, column, floats, fresh, integers, only, stacked, texts};
pub use keep::write_csv;
pub use reject::{Reject, rejects_table};
#[cfg(test)]
pub(crate) use row::comes_back;
pub use row::{Cell, Row, cells};
pub(crate) use row::{column_name, table, text_cell};
