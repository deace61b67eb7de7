//! The table of all logits: its columns are the classes of a study.

use polars::prelude::{Column, DataFrame, IntoSeries, NamedFrom, NewChunkedArray, Series, StringChunked};

use crate::error::Result;

/// A row a picture: `file`, then a column a class, named by its WordNet id. `values` gives a class's logits, one a picture.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a class has more or fewer values than there are files, or two have one name.
pub fn logits_table<T>(files: &[&str], classes: &[String], values: impl Fn(usize) -> Vec<T>) -> Result<DataFrame>
where
    Series: NamedFrom<Vec<T>, [T]>,
{
    let classes =
        classes.iter().enumerate().map(|(class, wnid)| Column::from(Series::new(wnid.as_str().into(), values(class))));
    let columns =
        std::iter::once(Column::from(StringChunked::from_slice("file".into(), files).into_series())).chain(classes);
    Ok(DataFrame::new(files.len(), columns.collect())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_column_a_class() {
        let classes = ["n01440764".to_string(), "n02102040".to_string()];
        let table = logits_table(&["a.png", "b.png"], &classes, |class| vec![class as f32; 2]).unwrap();
        let names: Vec<&str> = table.get_column_names().into_iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["file", "n01440764", "n02102040"]);
        assert!(logits_table(&["a.png"], &classes, |_| vec![0.0f64; 2]).is_err());
    }
}
