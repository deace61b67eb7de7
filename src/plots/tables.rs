//! Rows of the analysis to what the figures take.

use polars::prelude::DataFrame;

use super::bars::Bar;
use super::draft::{Draft, Plot};
use super::points::Curve;
use crate::analysis::{AdditivityRow, CurveRow, MeanRow, PowerRow, ShapeBiasRow};
use crate::error::{Error, Result};
use crate::table::{PerturbationRow, Row};

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
