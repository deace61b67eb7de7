//! Tables with a column for each network of a pair: declared with `{first}` and `{second}` in their columns' names.

use polars::prelude::{Column, DataFrame};

use crate::error::Result;
use crate::study::Pair;
use crate::table::Row;

const FIRST: &str = "{first}";
const SECOND: &str = "{second}";

/// Rows as a table whose columns have the networks' names in them.
pub(super) fn named<R: Row>(rows: Vec<R>, pair: &Pair) -> Result<DataFrame> {
    let table = R::table(rows)?;
    let name = |name: &str| name.replace(FIRST, &pair.first).replace(SECOND, &pair.second);
    renamed(&table, R::COLUMNS.iter().map(|own| name(own)))
}

/// The rows of such a table, and the pair that its columns name.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing, or of another type.
pub(super) fn unnamed<R: Row>(table: &DataFrame) -> Result<(Vec<R>, Pair)> {
    let network = |place: &str| {
        let own = R::COLUMNS.iter().zip(table.columns()).find(|(own, _)| **own == place);
        own.map(|(_, column)| column.name().to_string()).unwrap_or_default()
    };
    let pair = Pair::new(network(FIRST), network(SECOND));
    Ok((R::rows(&renamed(table, R::COLUMNS.iter().map(|own| own.to_string()))?)?, pair))
}

fn renamed(table: &DataFrame, names: impl Iterator<Item = String>) -> Result<DataFrame> {
    let column = |(column, name): (&Column, String)| column.clone().with_name(name.into());
    Ok(DataFrame::new(table.height(), table.columns().iter().zip(names).map(column).collect())?)
}
