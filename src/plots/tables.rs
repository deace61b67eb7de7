//! Rows of the analysis to what the figures take.

use polars::prelude::DataFrame;

use super::bars::Bar;
use super::bias_matrix::{PEOPLE_COLOR, shown};
use super::draft::{Draft, Plot};
use super::look::color;
use super::points::Curve;
use crate::analysis::{AdditivityRow, BenchmarkRow, CurveRow, Group, MeanRow, PlanRow, PowerRow, ShapeBiasRow};
use crate::error::{Error, Result};
use crate::table::{CategoryScoreRow, ObserverKind, PerturbationRow, Row, Scoring};

/// One curve a network, with its intervals.
///
/// # Errors
/// As [`Curve::new`].
pub(crate) fn curves_of(rows: &[CurveRow]) -> Result<Vec<Curve>> {
    by(rows, |row| &row.model)
        .into_iter()
        .map(|(model, own)| {
            let of = |pick: fn(&CurveRow) -> f64| own.iter().map(|row| pick(row)).collect::<Vec<f64>>();
            let levels: Vec<i64> = own.iter().map(|row| row.level).collect();
            let (low, high) = (of(|row| row.low.unwrap_or(f64::NAN)), of(|row| row.high.unwrap_or(f64::NAN)));
            Curve::new(model, &levels, &of(|row| row.mean))?.intervals(&low, &high)
        })
        .collect()
}

/// One curve a network of Pearson's r over the sides of patches.
///
/// # Errors
/// As [`Curve::new`].
pub(crate) fn correlations_of(rows: &[AdditivityRow]) -> Result<Vec<Curve>> {
    by(rows, |row| &row.model)
        .into_iter()
        .map(|(model, own)| {
            let levels: Vec<i64> = own.iter().map(|row| row.level).collect();
            Curve::new(model, &levels, &own.iter().map(|row| row.r.unwrap_or(f64::NAN)).collect::<Vec<_>>())
        })
        .collect()
}

/// A bar a row, with its interval where it has one.
pub trait Measured {
    /// The bar of it.
    fn bar(&self) -> Bar;
}

fn bar(model: &str, mean: f64, ends: Option<(f64, f64)>) -> Bar {
    match ends {
        Some((low, high)) => Bar::new(model, mean).interval(low, high),
        None => Bar::new(model, mean).interval(f64::NAN, f64::NAN),
    }
}

impl Measured for MeanRow {
    fn bar(&self) -> Bar {
        bar(&self.model, self.mean, self.low.zip(self.high))
    }
}

impl Measured for CurveRow {
    fn bar(&self) -> Bar {
        bar(&self.model, self.mean, self.low.zip(self.high))
    }
}

impl Measured for ShapeBiasRow {
    fn bar(&self) -> Bar {
        bar(&self.observer, self.shape_bias.unwrap_or(f64::NAN), self.low.zip(self.high))
    }
}

/// The rows over all categories.
pub(crate) fn over_all(rows: &[ShapeBiasRow]) -> Vec<ShapeBiasRow> {
    rows.iter().filter(|row| row.category.is_empty()).cloned().collect()
}

/// A bar a row.
pub(crate) fn bars_of<M: Measured>(rows: &[M]) -> Vec<Bar> {
    rows.iter().map(Measured::bar).collect()
}

/// What of networks against people is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LikePeople {
    /// Mean squared difference of accuracies; the least is the most like people.
    AccuracyDifference,
    /// Mean share of trials on which both are right or both wrong.
    Observed,
    /// Mean error consistency.
    Kappa,
    /// Mean rank by the three; the least is the most like people.
    MeanRank,
}

/// A bar an observer, the most like people first, people themselves in red.
pub fn like_people(rows: &[BenchmarkRow], what: LikePeople) -> Draft {
    let value = |row: &BenchmarkRow| match what {
        LikePeople::AccuracyDifference => {
            (Some(row.accuracy_difference), row.accuracy_difference_low.zip(row.accuracy_difference_high))
        }
        LikePeople::Observed => (Some(row.observed), row.observed_low.zip(row.observed_high)),
        LikePeople::Kappa => (row.kappa, row.kappa_low.zip(row.kappa_high)),
        LikePeople::MeanRank => (row.mean_rank, None),
    };
    let mut shown: Vec<(&BenchmarkRow, f64)> =
        rows.iter().filter_map(|row| Some((row, value(row).0?))).filter(|(_, value)| value.is_finite()).collect();
    shown.sort_by(|a, b| a.1.total_cmp(&b.1));
    if matches!(what, LikePeople::Observed | LikePeople::Kappa) {
        shown.reverse();
    }
    let made = |(row, mean): &(&BenchmarkRow, f64)| {
        let one = Bar::new(&row.observer, *mean);
        let one = value(row).1.into_iter().fold(one, |one, (low, high)| one.interval(low, high));
        if row.kind == ObserverKind::Network { one } else { one.color(PEOPLE_COLOR) }
    };
    let bars: Vec<Bar> = shown.iter().map(made).collect();
    let height = 110 + 24 * bars.len().max(2) as u32;
    bars.plot().size(640, height)
}

/// The scores of all categories for one stimulus by one scoring: a bar a category, the shape's in blue, the texture's in orange,
/// others in grey.
pub fn category_scores(rows: &[CategoryScoreRow], scoring: Scoring) -> Draft {
    let tint = |row: &CategoryScoreRow| match row.cue.as_str() {
        "" => image::Rgb([0xA8, 0xA8, 0xA8]),
        "texture" => color(1),
        _ => color(0),
    };
    let name = |row: &CategoryScoreRow| match (row.cue.as_str(), row.chosen) {
        ("", false) => row.category.clone(),
        ("", true) => format!("{} (chosen)", row.category),
        (cue, false) => format!("{} ({cue})", row.category),
        (cue, true) => format!("{} ({cue}, chosen)", row.category),
    };
    let own: Vec<&CategoryScoreRow> = rows.iter().filter(|row| row.scoring == scoring).collect();
    let bars: Vec<Bar> = own.iter().map(|row| Bar::new(name(row), row.score).color(tint(row))).collect();
    bars.plot().size(640, 90 + 20 * bars.len().max(4) as u32)
}

/// Each category's shape bias as a value of its observer: what a box is drawn of.
pub fn biases_by_category(rows: &[ShapeBiasRow]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (name, _) in shown(rows) {
        let own = rows.iter().filter(|row| row.observer == name && !row.category.is_empty());
        let values: Vec<f64> = own.filter_map(|row| row.shape_bias).collect();
        if !values.is_empty() {
            groups.push(Group::new(name, values));
        }
    }
    groups
}

impl Plot for [CurveRow] {
    /// A curve a network.
    fn plot(&self) -> Draft {
        drawn(curves_of(self))
    }
}

impl Plot for [AdditivityRow] {
    /// A curve a network of Pearson's r.
    fn plot(&self) -> Draft {
        drawn(correlations_of(self))
    }
}

impl Plot for [PowerRow] {
    /// A curve an effect.
    fn plot(&self) -> Draft {
        drawn(powers_of(self))
    }
}

impl Plot for [PlanRow] {
    /// A curve an effect of the power over numbers of pictures, with its interval.
    fn plot(&self) -> Draft {
        let curve = |(effect, own): (&str, Vec<&PlanRow>)| {
            let of = |pick: fn(&PlanRow) -> f64| own.iter().map(|row| pick(row)).collect::<Vec<f64>>();
            let pictures: Vec<i64> = own.iter().map(|row| row.pictures).collect();
            Curve::new(effect, &pictures, &of(|row| row.power))?.intervals(&of(|row| row.low), &of(|row| row.high))
        };
        drawn(by(self, |row| &row.effect).into_iter().map(curve).collect()).range(0.0, 1.0)
    }
}

impl Plot for [ShapeBiasRow] {
    /// A bar an observer, over all categories.
    fn plot(&self) -> Draft {
        bars_of(&over_all(self)).plot()
    }
}

fn drawn(curves: Result<Vec<Curve>>) -> Draft {
    match curves {
        Ok(curves) => curves.plot(),
        Err(error) => Draft::new((760, 440), move |_| Err(Error::new(error.code(), error.message()))),
    }
}

/// One curve an effect: the probability of finding it, over numbers of photographs.
///
/// # Errors
/// As [`Curve::new`].
pub(crate) fn powers_of(rows: &[PowerRow]) -> Result<Vec<Curve>> {
    by(rows, |row| &row.effect)
        .into_iter()
        .map(|(effect, own)| {
            let levels: Vec<i64> = own.iter().map(|row| row.pairs).collect();
            Curve::new(effect, &levels, &own.iter().map(|row| row.power).collect::<Vec<_>>())
        })
        .collect()
}

/// A curve an order of the class's logit over what is hidden of the picture.
///
/// ```
/// use lgf::plots::perturbations;
/// use lgf::table::{PerturbationRow, Row};
///
/// let row = |hidden: i64, logit: f64| PerturbationRow { order: "most relevant".into(), hidden, logit };
/// let curves = perturbations(&PerturbationRow::table(vec![row(0, 9.0), row(10, 2.0)])?)?;
/// assert!(curves.x("percent hidden").draw("hiding")?.svg().contains("most relevant"));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing; as [`Curve::new`].
pub fn perturbations(hidden: &DataFrame) -> Result<Draft> {
    let rows = PerturbationRow::rows(hidden)?;
    let curve = |(order, own): (&str, Vec<&PerturbationRow>)| {
        let percent: Vec<i64> = own.iter().map(|row| row.hidden).collect();
        Curve::new(order, &percent, &own.iter().map(|row| row.logit).collect::<Vec<_>>())
    };
    Ok(by(&rows, |row| &row.order).into_iter().map(curve).collect::<Result<Vec<_>>>()?.plot())
}

/// The rows of each name, names in the order in which they first come.
fn by<R>(rows: &[R], name: impl Fn(&R) -> &String) -> Vec<(&str, Vec<&R>)> {
    let mut groups: Vec<(&str, Vec<&R>)> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|(other, _)| other == name(row)) {
            Some((_, own)) => own.push(row),
            None => groups.push((name(row), vec![row])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_a_network_in_the_order_in_which_they_come() {
        let row = |model: &str, level, mean| CurveRow {
            model: model.into(),
            level,
            images: 3,
            mean,
            low: Some(mean - 0.1),
            high: Some(mean + 0.1),
        };
        let curves = curves_of(&[row("b", 0, 0.9), row("a", 0, 0.8), row("b", 8, 0.5)]).unwrap();
        let names: Vec<&str> = curves.iter().map(|curve| curve.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(curves[0].points[1].interval, Some((0.4, 0.6)));
        assert_eq!(bars_of(&[row("b", 0, 0.9)]).len(), 1);
    }
}
