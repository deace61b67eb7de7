//! What must hold of a table on disk, whatever stands in it.

use super::{Row, ScoreRow};
use crate::files::Store;
use crate::readers::{in_file, read};

/// A Parquet table: rows that come back as they are when they are written again, or one error.
pub(crate) fn parquet(bytes: &[u8]) -> bool {
    in_file("table.parquet", bytes, |path| {
        let store = Store::reading(path.parent().unwrap_or(path)).expect("it has no manifest");
        let rows = read(store.rows::<ScoreRow>("table"));
        if let Some(rows) = &rows {
            let again = ScoreRow::table(rows.clone()).and_then(|table| ScoreRow::rows(&table));
            // Numbers that are none are not equal to themselves.
            assert_eq!(format!("{:?}", read(again)), format!("{:?}", Some(rows)));
        }
        rows.is_some()
    })
}
