//! Tables: typed rows on one side, polars data frames and files on the other.
//!
//! A table is declared once, as the struct of its rows; no other room names a column.

pub mod boxes;
mod columns;
mod coordinates;
mod decisions;
mod edges;
mod keep;
mod logits;
mod predictions;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod reject;
mod relevance;
mod row;
pub(crate) mod seal;
mod settings;

pub use columns::{column, floats, fresh, only, texts};
pub(crate) use columns::{i32s, integers, nothing_unless, stacked, strs};
pub use coordinates::{Coordinates, coordinates};
pub use decisions::{CategoryScoreRow, ObservedRow, ObserverKind, Scoring};
pub use edges::{BoxEdgeRow, EdgeRow, FrameName};
pub use keep::{csv_text, write_csv};
pub use logits::logits_table;
pub use predictions::{ManifestRow, PredictionRow, ScoreRow, TopRow};
pub use reject::{Reject, rejects_table};
pub use relevance::{Lines, LocalisationRow, OverlapRow, PerturbationRow, Place, RankingRow, Region, RegionRow};
#[cfg(test)]
pub(crate) use row::comes_back;
pub use row::{Cell, Row, cells};
#[allow(unused_imports, reason = "used by every room that declares a table")]
pub(crate) use row::{column_name, table, text_cell};
pub use settings::SettingRow;
