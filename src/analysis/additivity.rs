//! Whether the effects of single patches are, together, the effect of all of them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use polars::prelude::DataFrame;
use rayon::prelude::*;

use super::conclusion::{ConclusionRow, Quantity};
use super::contrast::contrast;
use super::curves::SEED;
use super::parameters::{Additivity, Parameters};
use super::patches::{Layout, PatchRow, layouts};
use super::pictures::Observation;
use super::question::{AskedOf, Compared, Question, larger};
use crate::error::Result;
use crate::stats::{Alternative, about_identity, bootstrap, concordance, mean, pearson, regression};
use crate::table::{Row, table};

table! {
    /// Whether the sum over single patches is the effect of all of them, for a network and layout. What is not defined (fewer
    /// than three photographs, no variation) is missing.
    pub struct AdditivityRow {
        /// The network.
        model: String,
        /// Side of the patches in pixels.
        level: i64,
        /// Pixels between them.
        gap: i64,
        /// What fills them.
        fill: String,
        /// Photographs.
        images: i64,
        /// Pearson's correlation: whether they lie on a line, as published (fault D9).
        r: Option<f64>,
        /// Its p.
        p: Option<f64>,
        /// Slope of that line.
        slope: Option<f64>,
        /// Lin's concordance: whether they are equal.
        concordance: Option<f64>,
        /// One less the residual about equality over what the effect of all varies.
        about_identity: Option<f64>,
        /// Lower end of its 95 % interval, from photographs drawn again within their classes.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
    }
}

/// Whether the sum over single patches is the effect of all of them, by network and layout: a table of [`AdditivityRow`]s,
/// from rows of [`interaction`](super::interaction).
///
/// ```
/// use lgf::analysis::{additivity, interaction};
/// use lgf::table::PredictionRow;
///
/// let row = |level: i64, variant: i64, true_logit: f64| PredictionRow {
///     model: "mine".into(), kind: "patched".into(), orig_file: "a".into(), fill: "black".into(), level, gap: level, variant,
///     true_logit, ..PredictionRow::default()
/// };
/// // The untouched picture, one patch, another, and both at once.
/// let rows = interaction(&[row(0, 0, 9.0), row(30, 0, 8.0), row(30, 1, 7.0), row(30, -1, 5.0)]);
/// assert_eq!(additivity(&rows)?.height(), 1);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn additivity(patches: &[PatchRow]) -> Result<DataFrame> {
    let row = |layout: &Layout| {
        let test = pearson(&layout.single, &layout.all).ok();
        let interval = bootstrap(&layout.classes, SEED, |drawn| {
            let pick = |from: &[f64]| drawn.iter().map(|&row| from[row]).collect::<Vec<_>>();
            about_identity(&pick(&layout.single), &pick(&layout.all)).unwrap_or(f64::NAN)
        })
        .ok();
        AdditivityRow {
            model: layout.model.to_string(),
            level: layout.level,
            gap: layout.gap,
            fill: layout.fill.to_string(),
            images: layout.single.len() as i64,
            r: test.map(|test| test.statistic),
            p: test.map(|test| test.p),
            slope: regression(&layout.single, &layout.all).ok().map(|(slope, _)| slope),
            concordance: concordance(&layout.single, &layout.all).ok(),
            about_identity: interval.map(|found| found.mean),
            low: interval.map(|found| found.low),
            high: interval.map(|found| found.high),
        }
    };
    AdditivityRow::table(layouts(patches).par_iter().map(row).collect())
}

/// A place of the line of least squares through the sum over single patches (x) and the effect of all (y), in logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinePoint {
    /// Sum over single patches.
    pub x: f64,
    /// The line.
    pub y: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The line of least squares through `single` and `all` of rows of [`interaction`](super::interaction), at 41 places, with the
/// interval from photographs drawn again within their classes.
///
/// # Errors
/// [`Code::Parameter`](crate::error::Code::Parameter) for fewer than two rows, or no variation.
pub(crate) fn fitted_line(patches: &[PatchRow]) -> Result<Vec<LinePoint>> {
    const PLACES: usize = 41;
    let (x, y): (Vec<f64>, Vec<f64>) = patches.iter().map(|row| (row.single, row.all)).unzip();
    let (slope, intercept) = regression(&x, &y)?;
    let (first, last) = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    // Rows of one photograph are drawn together.
    let mut subjects: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (place, row) in patches.iter().enumerate() {
        subjects.entry((&row.wnid, &row.orig_file)).or_default().push(place);
    }
    let rows: Vec<&Vec<usize>> = subjects.values().collect();
    let strata: Vec<&str> = subjects.keys().map(|key| key.0).collect();
    let lines = RefCell::new(Vec::new());
    bootstrap(&strata, SEED, |drawn| {
        let drawn = drawn.iter().flat_map(|&subject| rows[subject]);
        let (x, y): (Vec<f64>, Vec<f64>) = drawn.map(|&row| (x[row], y[row])).unzip();
        let line = regression(&x, &y).ok();
        lines.borrow_mut().extend(line);
        line.map_or(f64::NAN, |line| line.0)
    })?;
    // The first is that of all rows.
    let lines = lines.into_inner().split_off(1);
    let point = |at: usize| {
        let x = first + (last - first) * at as f64 / (PLACES - 1) as f64;
        let mut there: Vec<f64> = lines.iter().map(|(slope, intercept)| slope * x + intercept).collect();
        there.sort_by(f64::total_cmp);
        let end = |share: f64| there[((there.len() - 1) as f64 * share).round() as usize];
        LinePoint { x, y: slope * x + intercept, low: end(0.025), high: end(0.975) }
    };
    Ok((0..PLACES).map(point).collect())
}

/// Whether patches that are plain add up less for the first network than for the second; or why there are none.
pub(super) fn adding_up(
    plain: &Result<Vec<PatchRow>>,
    compared: &Compared,
    parameters: &Parameters,
) -> Vec<ConclusionRow> {
    let question = Question {
        name: "patches add up",
        claim: larger,
        of: match parameters.additivity {
            Additivity::Correlation => Quantity::Correlations,
            Additivity::Identity => Quantity::Nearness,
        },
        expected: Alternative::Less,
        asked_of: AskedOf::All,
    };
    compared.ask(&question, |row, pair, expected| {
        let plain = match plain {
            Ok(plain) => plain,
            Err(error) => return row.unsaid(error.message()),
        };
        let observations = match parameters.additivity {
            Additivity::Correlation => of_sizes(plain, pair.names()),
            Additivity::Identity => of_photographs(plain, pair.names()),
        };
        contrast(row, &observations, (pair.names(), expected), parameters)
    })
}

/// Both networks' correlations of sum and effect of all, a pair a size of patches.
fn of_sizes(plain: &[PatchRow], models: [&str; 2]) -> Vec<Observation> {
    let layouts = layouts(plain);
    let of = |model: &str, level: i64| {
        let own = layouts.iter().find(|layout| layout.model == model && layout.level == level)?;
        pearson(&own.single, &own.all).ok().map(|test| test.statistic)
    };
    let mut levels: Vec<i64> = layouts.iter().map(|layout| layout.level).collect();
    levels.sort_unstable();
    levels.dedup();
    let observation =
        |level| Some(Observation { class: String::new(), first: of(models[0], level)?, second: of(models[1], level)? });
    levels.into_iter().filter_map(observation).collect()
}

/// Both networks' distances between sum and effect of all, with their sign turned: means over sizes, a pair a photograph.
fn of_photographs(plain: &[PatchRow], models: [&str; 2]) -> Vec<Observation> {
    let [first, second] = models.map(|model| {
        let mut found: BTreeMap<&str, (&str, Vec<f64>)> = BTreeMap::new();
        for row in plain.iter().filter(|row| row.model == model) {
            let image = found.entry(&row.orig_file).or_insert_with(|| (&row.wnid, Vec::new()));
            image.1.push(-(row.single - row.all).abs());
        }
        found
    });
    let observation = |(image, (class, values)): (&&str, &(&str, Vec<f64>))| {
        let (_, others) = second.get(image)?;
        Some(Observation { class: class.to_string(), first: mean(values), second: mean(others) })
    };
    first.iter().filter_map(observation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<AdditivityRow>();
    }

    #[test]
    fn one_photograph_has_no_correlation() {
        let row = PatchRow {
            model: "a".into(),
            level: 70,
            gap: 30,
            fill: "black".into(),
            orig_file: "x".into(),
            wnid: "c".into(),
            patches: 2,
            single: 1.5,
            all: 4.0,
        };
        let found = AdditivityRow::rows(&additivity(&[row]).unwrap()).unwrap();
        assert_eq!((found[0].images, found[0].r, found[0].low), (1, None, None));
    }
}
