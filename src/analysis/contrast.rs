//! One network against another, by observations that are paired.

use super::conclusion::{ALPHA, ConclusionRow, Method, Quantity, Verdict};
use super::curves::SEED;
use super::parameters::{Parameters, Rule, Unit};
use super::pictures::{Observation, apart};
use crate::notebook::counted;
use crate::stats::{Alternative, Interval, Test, bootstrap, cohens_dz, permutation, rank_biserial, wilcoxon};

/// One network against another.
pub(super) fn contrast(
    mut row: ConclusionRow,
    observations: &[Observation],
    (models, expected): ([&str; 2], Alternative),
    parameters: &Parameters,
) -> ConclusionRow {
    if observations.len() < 3 {
        return row.unsaid(&format!("{}, at least 3 are needed", counted(observations.len(), "pair")));
    }
    let (a, b) = apart(observations);
    let interval = interval_of(observations, parameters.unit);
    if let Ok(Interval { mean, low, high }) = interval {
        (row.effect, row.low, row.high) = (Some(mean), Some(low), Some(high));
    }
    (row.n, row.d_z, row.rank_biserial) = (a.len() as i64, cohens_dz(&a, &b).ok(), rank_biserial(&a, &b).ok());
    let test = match (parameters.rule, expected) {
        (Rule::OneSidedWilcoxon, Alternative::TwoSided) => (Method::WilcoxonTwoSided, wilcoxon(&a, &b, expected)),
        (Rule::OneSidedWilcoxon, _) => (Method::WilcoxonOneSided, wilcoxon(&a, &b, expected)),
        (Rule::Permutation, _) => (Method::Permutation, permutation(&a, &b, Alternative::TwoSided, SEED)),
    };
    row.test = test.0;
    match test.1 {
        Ok(Test { statistic, p, .. }) => (row.statistic, row.p) = (Some(statistic), Some(p)),
        Err(error) => return row.unsaid(error.message()),
    }
    // Pairs without a difference say nothing by either test.
    let n = observations.iter().filter(|one| one.first != one.second).count();
    // The least p that so few pairs can have.
    let sides = if row.test == Method::WilcoxonOneSided { 1.0 } else { 2.0 };
    if sides * 0.5f64.powf(n as f64) > ALPHA {
        return row.open(&format!("too few pairs, {n} can never have a p of {ALPHA}"));
    }
    match interval {
        Err(error) => row.open(error.message()),
        Ok(Interval { low, high, .. }) if low == high => {
            row.open(&format!("all {} are the same", counted(observations.len(), "difference")))
        }
        Ok(_) => directed(row, models, (parameters.rule, expected)),
    }
}

fn interval_of(observations: &[Observation], unit: Unit) -> crate::Result<Interval> {
    let strata: Vec<&str> = match unit {
        Unit::Picture => vec![""; observations.len()],
        Unit::Photograph => observations.iter().map(|one| one.class.as_str()).collect(),
    };
    let differences: Vec<f64> = observations.iter().map(Observation::difference).collect();
    bootstrap(&strata, SEED, |drawn| drawn.iter().map(|&i| differences[i]).sum::<f64>() / drawn.len() as f64)
}

/// Which network has more. A one-sided test finds what it looks for.
fn directed(row: ConclusionRow, models: [&str; 2], by: (Rule, Alternative)) -> ConclusionRow {
    let first = match by {
        (Rule::OneSidedWilcoxon, Alternative::Greater) => true,
        (Rule::OneSidedWilcoxon, Alternative::Less) => false,
        (Rule::OneSidedWilcoxon, Alternative::TwoSided) => row.rank_biserial.unwrap_or(0.0) > 0.0,
        (Rule::Permutation, _) => row.effect.unwrap_or(0.0) > 0.0,
    };
    let (verdict, model) = if first { (Verdict::First, models[0]) } else { (Verdict::Second, models[1]) };
    let what = if row.of == Quantity::Change { "falls less" } else { "more" };
    row.decided(verdict, format!("{model} {what}"))
}
