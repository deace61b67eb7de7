use polars::prelude::{Column, DataFrame};

use crate::error::Result;
use crate::table::texts;

/// What a measure of the predictions is, in words for axes and titles: `true_acc` is what the thesis called accuracy.
///
/// ```
/// assert_eq!(lgf::analysis::measure_in_words("true_acc"), "softmax of the true class");
/// assert_eq!(lgf::analysis::measure_in_words("a column of my own"), "a column of my own");
/// ```
pub fn measure_in_words(measure: &str) -> &str {
    match measure {
        "true_acc" => "softmax of the true class",
        "pred_acc" => "softmax of the chosen class",
        "true_logit" => "logit of the true class",
        "pred_logit" => "logit of the chosen class",
        "margin" => "logit of the true class less the largest other",
        "top1" => "share of pictures whose true class is the first choice",
        "top5" => "share of pictures whose true class is among five choices",
        other => other,
    }
}

/// What a region of relevance is, in words for legends.
///
/// ```
/// assert_eq!(lgf::analysis::region_in_words("top"), "most relevant tenth");
/// ```
pub fn region_in_words(region: &str) -> &str {
    match region {
        "top" => "most relevant tenth",
        "half" => "half of the relevance",
        other => other,
    }
}

/// A table with its column `region` in the words of [`region_in_words`].
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if there is no such column.
pub fn regions_in_words(table: &DataFrame) -> Result<DataFrame> {
    let words: Vec<String> = texts(table, "region")?.iter().map(|region| region_in_words(region).to_string()).collect();
    let mut table = table.clone();
    table.with_column(Column::new("region".into(), words))?;
    Ok(table)
}
