//! The tables of steps 5.2 and 5.3: maps of relevance, and how much of them lies on edges.

use super::row::{table, text_cell};

/// A region of a map of relevance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Above the mean of the positive values, as published.
    Positive,
    /// Below the mean of the negative values, as published.
    Negative,
    /// The tenth of all pixels of highest relevance: of one area for all networks (fault C6).
    Top,
    /// The fewest pixels that hold half of the positive relevance: of one mass for all networks (fault C6).
    Half,
}

impl Region {
    const NAMES: &[(Region, &str)] =
        &[(Region::Positive, "positive"), (Region::Negative, "negative"), (Region::Top, "top"), (Region::Half, "half")];
}
text_cell!(Region);

impl Region {
    /// What it is, in words for legends.
    ///
    /// ```
    /// assert_eq!(lgf::table::Region::Top.words(), "most relevant tenth");
    /// ```
    pub fn words(self) -> &'static str {
        match self {
            Region::Positive => "positive",
            Region::Negative => "negative",
            Region::Top => "most relevant tenth",
            Region::Half => "half of the relevance",
        }
    }
}

/// Where in the picture regions and edges are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Everywhere, against all edges.
    Whole,
    /// In the boxes of objects, region and edges cut to them alike (fault D1).
    Box,
    /// Outside of them.
    Outside,
    /// Everywhere, against coarse edges alone: those of objects rather than of their textures (fault A10).
    Outlines,
}

impl Place {
    const NAMES: &[(Place, &str)] =
        &[(Place::Whole, "whole"), (Place::Box, "box"), (Place::Outside, "outside"), (Place::Outlines, "outlines")];
}
text_cell!(Place);

/// Which edges a map is ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lines {
    /// All.
    Edges,
    /// Coarse ones.
    Outlines,
}

impl Lines {
    const NAMES: &[(Lines, &str)] = &[(Lines::Edges, "edges"), (Lines::Outlines, "outlines")];
}
text_cell!(Lines);

table! {
    /// A map of relevance (`lrp_regions`).
    pub struct RegionRow {
        /// Identity of the photograph.
        file: String,
        /// Its class.
        wnid: String,
        /// The network.
        model: String,
        /// The class that is explained: number of the output.
        class: i64,
        /// Its name.
        class_name: String,
        /// Its softmax, 0 to 1.
        softmax: f64,
        /// Its logit.
        logit: f64,
        /// Sum of the map.
        relevance: f64,
        /// That over the logit.
        kept: f64,
        /// Pixels of [`Region::Positive`].
        positive: i64,
        /// Pixels of [`Region::Negative`].
        negative: i64,
        /// Mean of the positive values.
        positive_mean: f64,
        /// Mean of the negative values.
        negative_mean: f64,
        /// Pixels of [`Region::Top`].
        area: i64,
        /// Pixels of [`Region::Half`].
        mass: i64,
    }
}

table! {
    /// A region of a map, and how much of it lies on edges (`imgnette_sample_data`).
    pub struct OverlapRow {
        /// Identity of the photograph.
        file: String,
        /// Its class.
        wnid: String,
        /// The network.
        model: String,
        /// Which pixels of the map.
        region: Region,
        /// Where, and against which edges.
        place: Place,
        /// Pixels of the region.
        pixels: i64,
        /// Edge pixels.
        edges: i64,
        /// Pixels in both.
        shared: i64,
        /// Share of the region's pixels that are edges, 0 to 1; missing for an empty region.
        share: Option<f64>,
        /// The same on shifted edges.
        chance: Option<f64>,
        /// Share less chance.
        beyond_chance: Option<f64>,
    }
}

table! {
    /// A map ranked by its distance from edges (`overlap_ranking`).
    pub struct RankingRow {
        /// Identity of the photograph.
        file: String,
        /// The network.
        model: String,
        /// Which edges.
        lines: Lines,
        /// Distance from an edge that still counts as on it, in pixels.
        distance: i64,
        /// Share of the pixels that are, 0 to 1.
        base: f64,
        /// Area under the receiver operating characteristic; 0.5 by chance.
        auroc: Option<f64>,
        /// Average precision; [`base`](RankingRow::base) by chance.
        average_precision: Option<f64>,
    }
}

table! {
    /// How much of a map lies on its photograph's object.
    pub struct LocalisationRow {
        /// Identity of the photograph.
        file: String,
        /// The network.
        model: String,
        /// Share of the positive relevance that is on the object, 0 to 1; missing where nothing is positive.
        mass: Option<f64>,
        /// Share of the object's pixels among as many of highest relevance, 0 to 1.
        rank: f64,
        /// 1 if the highest value is on the object, else 0.
        points_at: f64,
        /// Share of the picture that the object covers, 0 to 1.
        chance: f64,
    }
}

table! {
    /// The class's logit when a part of the picture is hidden.
    pub struct PerturbationRow {
        /// What is hidden first.
        order: String,
        /// How much is, in percent.
        hidden: i64,
        /// The logit.
        logit: f64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::comes_back;
    use super::*;

    #[test]
    fn rows_come_back_from_their_tables() {
        comes_back::<RegionRow>();
        comes_back::<OverlapRow>();
        comes_back::<RankingRow>();
        comes_back::<LocalisationRow>();
        comes_back::<PerturbationRow>();
    }
}
