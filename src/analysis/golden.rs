//! The tables that the tests of the analysis read.

use std::fs::File;
use std::path::Path;

use polars::prelude::*;

use crate::table::{OverlapRow, PredictionRow, Row, column};

fn table(name: &str) -> DataFrame {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/analysis");
    CsvReader::new(File::open(folder.join(name)).unwrap()).finish().unwrap()
}

/// `predictions.csv`, which has the columns that the analysis reads; the others are as in a row of nothing.
pub fn predictions() -> Vec<PredictionRow> {
    let found = table("predictions.csv");
    let nothing = PredictionRow::table(vec![PredictionRow::default(); found.height()]).unwrap();
    let columns = nothing.columns().iter().map(|own| column(&found, own.name()).unwrap_or(own).clone()).collect();
    PredictionRow::rows(&DataFrame::new(found.height(), columns).unwrap()).unwrap()
}

/// `overlap.csv`.
pub fn overlap() -> Vec<OverlapRow> {
    OverlapRow::rows(&table("overlap.csv")).unwrap()
}
