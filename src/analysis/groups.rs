//! Values by network, class or region, for figures.

use super::means::OnEdges;
use super::shares::SharedRow;
use crate::stats::mean;
use crate::study::ClassList;
use crate::table::{BoxEdgeRow, OverlapRow, Place};

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

/// One group of values a category, and hue where there is one (else empty), with the mean as its centre; values that are
/// missing are left out. `of` gives a row's category, hue and value.
pub fn groups<R>(rows: &[R], of: impl Fn(&R) -> (String, String, Option<f64>)) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (category, hue, value) in rows.iter().map(of) {
        let place = groups.iter().position(|group| group.category == category && group.hue == hue);
        let place = place.unwrap_or_else(|| {
            groups.push(Group::new(category, []).hue(hue));
            groups.len() - 1
        });
        groups[place].values.extend(value.filter(|value| value.is_finite()));
    }
    for group in groups.iter_mut().filter(|group| !group.values.is_empty()) {
        group.center = Some(mean(&group.values));
    }
    groups
}

/// Edge pixels inside each box, by the name of its class.
pub fn edges_by_class(boxes: &[BoxEdgeRow], classes: &ClassList) -> Vec<Group> {
    groups(boxes, |row| (classes.name_of(&row.wnid), String::new(), Some(row.edges as f64)))
}

/// Pixels of the published regions that lie on edges, by network and sign.
pub fn pixels_on_edges(shared: &[SharedRow]) -> Vec<Group> {
    groups(shared, |row| (row.model.clone(), row.sign.name().to_string(), row.shared))
}

/// What is measured of regions at a place, by network and region.
pub fn shares_by_region(overlap: &[OverlapRow], place: Place, measure: OnEdges) -> Vec<Group> {
    let own: Vec<&OverlapRow> = overlap.iter().filter(|row| row.place == place).collect();
    groups(&own, |row| (row.model.clone(), row.region.words().to_string(), measure.of(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_their_mean_as_centre() {
        let rows = [("a", Some(1.0)), ("a", Some(3.0)), ("b", None)];
        let groups = groups(&rows, |(model, share)| (model.to_string(), "p".into(), *share));
        assert_eq!((groups[0].center, groups[1].center), (Some(2.0), None));
        assert_eq!((groups[0].hue.as_str(), groups[0].values.as_slice()), ("p", &[1.0, 3.0][..]));
    }
}
