use polars::prelude::DataFrame;

use crate::error::Result;
use crate::stats::mean;
use crate::table::{floats, texts};

/// Values of one category and hue.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they are values of: a network, a class.
    pub category: String,
    /// The name in a legend; the same for all groups for no legend.
    pub hue: String,
    /// The values; those that are not finite are left out.
    pub values: Vec<f64>,
    /// Their mean, or their median.
    pub center: Option<f64>,
}

impl Group {
    /// Values of one category.
    pub fn new(category: impl Into<String>, values: impl Into<Vec<f64>>) -> Self {
        Group { category: category.into(), hue: String::new(), values: values.into(), center: None }
    }

    /// Names the hue.
    pub fn hue(mut self, hue: impl Into<String>) -> Self {
        self.hue = hue.into();
        self
    }

    /// Gives it a centre: the mean, or the median.
    pub fn center(mut self, value: f64) -> Self {
        self.center = Some(value);
        self
    }
}

/// One group of values a category, and hue where there is one, with the mean as its centre; values that are missing are
/// left out.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn groups(table: &DataFrame, category: &str, hue: Option<&str>, value: &str) -> Result<Vec<Group>> {
    let (categories, values) = (texts(table, category)?, floats(table, value)?);
    let hues = match hue {
        Some(hue) => texts(table, hue)?,
        None => vec![String::new(); categories.len()],
    };
    let mut groups: Vec<Group> = Vec::new();
    for ((category, hue), value) in categories.into_iter().zip(hues).zip(values) {
        let place = groups.iter().position(|group| group.category == category && group.hue == hue);
        let place = place.unwrap_or_else(|| {
            groups.push(Group::new(category, []).hue(hue));
            groups.len() - 1
        });
        groups[place].values.extend(value.is_finite().then_some(value));
    }
    for group in groups.iter_mut().filter(|group| !group.values.is_empty()) {
        group.center = Some(mean(&group.values));
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::*;

    #[test]
    fn groups_have_their_mean_as_centre() {
        let table =
            df!("model" => ["a", "a", "b"], "region" => ["p"; 3], "share" => [Some(1.0), Some(3.0), None]).unwrap();
        let groups = groups(&table, "model", Some("region"), "share").unwrap();
        assert_eq!((groups[0].center, groups[1].center), (Some(2.0), None));
    }
}
