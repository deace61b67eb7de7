//! Means by network.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::curves::CurveRow;
use super::distinct::distinct;
use super::measure::{Measure, Scored};
use crate::error::{Code, Error, Result};
use crate::stats::mean;
use crate::table::{Lines, LocalisationRow, OverlapRow, Place, RankingRow, Region, Row, table, text_cell};

table! {
    /// A mean of a network over photographs.
    pub struct MeanRow {
        /// The network.
        model: String,
        /// Photographs.
        images: i64,
        /// The mean over them.
        mean: f64,
        /// Lower end of its 95 % interval; missing for one photograph.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
    }
}

table! {
    /// How much of a network's maps lies on their photographs' objects: means of [`LocalisationRow`].
    pub struct LocalisationMeanRow {
        /// The network.
        model: String,
        /// Photographs.
        images: i64,
        /// Share of the positive relevance that is on the object, 0 to 1.
        mass: Option<f64>,
        /// Share of the object's pixels among as many of highest relevance, 0 to 1.
        rank: Option<f64>,
        /// Share of the photographs whose highest value is on the object, 0 to 1.
        points_at: Option<f64>,
        /// Share of the picture that the object covers, 0 to 1.
        chance: Option<f64>,
    }
}

/// What is measured of a region on edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnEdges {
    /// The share of its pixels that are edges, 0 to 1.
    Share,
    /// That less the same on shifted edges.
    BeyondChance,
}

impl OnEdges {
    const NAMES: &[(OnEdges, &str)] = &[(OnEdges::Share, "share"), (OnEdges::BeyondChance, "beyond_chance")];
}
text_cell!(OnEdges);

impl OnEdges {
    /// Its value of a region; nothing for an empty one.
    pub fn of(self, row: &OverlapRow) -> Option<f64> {
        match self {
            OnEdges::Share => row.share,
            OnEdges::BeyondChance => row.beyond_chance,
        }
    }
}

/// How well a map ranks pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RankedBy {
    /// Area under the receiver operating characteristic, 0 to 1; 0.5 by chance.
    Auroc,
    /// Average precision, 0 to 1.
    AveragePrecision,
}

impl RankedBy {
    const NAMES: &[(RankedBy, &str)] = &[(RankedBy::Auroc, "auroc"), (RankedBy::AveragePrecision, "average_precision")];
}
text_cell!(RankedBy);

/// The mean of a measure by network, over all rows (untouched photographs): a table of [`MeanRow`]s.
///
/// ```
/// use lgf::analysis::{MeanRow, Measure, by_model};
/// use lgf::table::{Row, ScoreRow};
///
/// let row = |top1: bool| ScoreRow { model: "mine".into(), top1, ..ScoreRow::default() };
/// let table = by_model(&[row(true), row(false)], Measure::Top1)?;
/// assert_eq!(MeanRow::rows(&table)?[0].mean, 0.5);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Numeric`] if a value is not a number.
pub fn by_model<S: Scored>(scores: &[S], measure: Measure) -> Result<DataFrame> {
    let row = |model: &str| {
        let own = scores.iter().filter(|row| row.model() == model);
        let found = CurveRow::of(model, 0, &own.map(|row| vec![row.value(measure)]).collect::<Vec<_>>())?;
        let CurveRow { model, images, mean, low, high, .. } = found;
        Ok(MeanRow { model, images, mean, low, high })
    };
    MeanRow::table(distinct(scores.iter().map(Scored::model)).into_iter().map(row).collect::<Result<_>>()?)
}

/// How much of each network's maps lies on objects: a table of [`LocalisationMeanRow`]s. What is missing is left out.
///
/// # Errors
/// None in practice: the columns are of one length.
pub(crate) fn localisation_by_model(located: &[LocalisationRow]) -> Result<DataFrame> {
    let row = |model: &str| {
        let own: Vec<&LocalisationRow> = located.iter().filter(|row| row.model == model).collect();
        let of = |pick: fn(&LocalisationRow) -> Option<f64>| {
            let kept: Vec<f64> = own.iter().filter_map(|row| pick(row)).filter(|value| value.is_finite()).collect();
            (!kept.is_empty()).then(|| mean(&kept))
        };
        LocalisationMeanRow {
            model: model.to_string(),
            images: own.len() as i64,
            mass: of(|row| row.mass),
            rank: of(|row| Some(row.rank)),
            points_at: of(|row| Some(row.points_at)),
            chance: of(|row| Some(row.chance)),
        }
    };
    LocalisationMeanRow::table(distinct(located.iter().map(|row| row.model.as_str())).into_iter().map(row).collect())
}

/// How much of a region lies on edges by network, for one region and place: a table of [`CurveRow`]s of level 0. Photographs
/// where it is undefined are left out, and so not counted among `images` (fault D4).
///
/// # Errors
/// [`Code::Table`] if the table has no such region and place, or nothing is defined.
pub fn overlap_by_model(overlap: &[OverlapRow], region: Region, place: Place, measure: OnEdges) -> Result<DataFrame> {
    let own: Vec<&OverlapRow> = overlap.iter().filter(|row| row.region == region && row.place == place).collect();
    if own.is_empty() {
        let found = format!("no row is of the region {} and the place {}", region.name(), place.name());
        return Err(Error::new(Code::Table, found));
    }
    let value = |row: &OverlapRow| measure.of(row);
    let row = |model: &str| {
        let values = own.iter().filter(|row| row.model == model).filter_map(|row| value(row));
        defined(model, 0, values, measure.name())
    };
    CurveRow::table(distinct(own.iter().map(|row| row.model.as_str())).into_iter().map(row).collect::<Result<_>>()?)
}

/// How well relevance ranks the pixels near edges or outlines by network and distance: a table of [`CurveRow`]s whose level is
/// the distance in pixels, from the table `overlap_ranking`.
///
/// # Errors
/// [`Code::Table`] if the table has no such lines, or nothing is defined.
pub fn ranking_by_model(ranking: &[RankingRow], lines: Lines, measure: RankedBy) -> Result<DataFrame> {
    let own: Vec<&RankingRow> = ranking.iter().filter(|row| row.lines == lines).collect();
    if own.is_empty() {
        return Err(Error::new(Code::Table, format!("no row is of {}", lines.name())));
    }
    let value = |row: &RankingRow| match measure {
        RankedBy::Auroc => row.auroc,
        RankedBy::AveragePrecision => row.average_precision,
    };
    let mut distances: Vec<i64> = own.iter().map(|row| row.distance).collect();
    distances.sort_unstable();
    distances.dedup();
    let mut rows = Vec::new();
    for model in distinct(own.iter().map(|row| row.model.as_str())) {
        for &distance in &distances {
            let there = own.iter().filter(|row| row.model == model && row.distance == distance);
            rows.push(defined(model, distance, there.filter_map(|row| value(row)), measure.name())?);
        }
    }
    CurveRow::table(rows)
}

fn defined(model: &str, level: i64, values: impl Iterator<Item = f64>, measure: &str) -> Result<CurveRow> {
    let own: Vec<Vec<f64>> = values.filter(|value| value.is_finite()).map(|value| vec![value]).collect();
    if own.is_empty() {
        return Err(Error::new(Code::Table, format!("{measure} is not defined for any photograph of {model}")));
    }
    CurveRow::of(model, level, &own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_tables() {
        comes_back::<MeanRow>();
        comes_back::<LocalisationMeanRow>();
    }

    #[test]
    fn what_is_missing_is_left_out_of_a_mean() {
        let row = |mass, rank| LocalisationRow {
            file: "x".into(),
            model: "a".into(),
            mass,
            rank,
            points_at: 1.0,
            chance: 0.5,
        };
        let table = localisation_by_model(&[row(None, 0.2), row(Some(0.5), 0.4)]).unwrap();
        let [found] = &LocalisationMeanRow::rows(&table).unwrap()[..] else { panic!("{table}") };
        assert_eq!((found.images, found.mass), (2, Some(0.5)));
        assert!((found.rank.unwrap() - 0.3).abs() < 1e-12);
    }
}
