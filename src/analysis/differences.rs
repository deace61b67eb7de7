//! Differences of observers, with what their draws say of them.

use crate::error::Result;
use crate::stats::{holm, p_of_draws, percentiles};

/// A difference with its 95 % interval and its p; nothing where it is not defined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Difference {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Two-sided, by the draws.
    pub p: Option<f64>,
    /// The same after Holm's correction over all.
    pub adjusted: Option<f64>,
}

/// Differences, each given as its value and what it is in every draw.
pub(super) fn tested(found: Vec<(f64, Vec<f64>)>) -> Result<Vec<Difference>> {
    let one = |(value, draws): (f64, Vec<f64>)| {
        let p = p_of_draws(draws.iter().copied());
        let [low, high] = percentiles(draws).0.map(|ends| ends.map(Some)).unwrap_or_default();
        Difference {
            value: Some(value).filter(|value| value.is_finite()),
            low,
            high,
            p: Some(p).filter(|p| p.is_finite() && value.is_finite()),
            adjusted: None,
        }
    };
    let mut all: Vec<Difference> = found.into_iter().map(one).collect();
    let ps: Vec<f64> = all.iter().filter_map(|one| one.p).collect();
    for (one, p) in all.iter_mut().filter(|one| one.p.is_some()).zip(holm(&ps)?) {
        one.adjusted = Some(p);
    }
    Ok(all)
}
