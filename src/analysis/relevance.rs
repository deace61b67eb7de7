//! Conclusions about relevance and edges.

use super::conclusion::{ALPHA, ConclusionRow, LEAST, Method, Quantity, Verdict};
use super::contrast::contrast;
use super::curves::SEED;
use super::parameters::{Agreement, Amount, Chance, Parameters};
use super::pictures::{Observation, apart};
use super::question::{AskedOf, Compared, Question, larger};
use super::shares::{Share, Shares};
use crate::notebook::counted;
use crate::stats::{Alternative, Interval, Test, bootstrap, concordance, pearson, shapiro_wilk};
use crate::table::Region;

/// Concordance from which on two networks agree: below it is poor (McBride 2005).
const AGREE: f64 = 0.90;

/// All of them, in order.
pub(super) fn of_relevance(shares: &Shares, compared: &Compared, parameters: &Parameters) -> Vec<ConclusionRow> {
    let mut rows = on_edges(shares, compared, parameters);
    rows.extend(compared.networks.iter().map(|model| more_negative(shares, model, parameters)));
    let agree = Question {
        name: "counts agree",
        claim: |pair, _| {
            let networks = pair.map_or("two networks".to_string(), |pair| pair.to_string());
            format!("{networks} share as many pixels with edges")
        },
        of: Quantity::SharedPixels,
        expected: Alternative::TwoSided,
        asked_of: AskedOf::All,
    };
    let region = parameters.region.region();
    rows.extend(compared.ask(&agree, |row, pair, _| {
        agreement(row, &shares.pairs(pair.names(), region, |share| share.count(parameters.chance)), parameters)
    }));
    let normal = Question {
        name: "normality",
        claim: |_, _| "differences are normal".into(),
        of: match parameters.normality {
            Amount::Counts => Quantity::SharedPixels,
            Amount::Shares => Quantity::Shares,
        },
        ..agree
    };
    rows.extend(
        compared
            .ask(&normal, |row, pair, _| {
                let amount = |share: &Share| match parameters.normality {
                    Amount::Counts => share.count(parameters.chance),
                    Amount::Shares => share.measure(parameters.chance),
                };
                normality(row, &shares.pairs(pair.names(), region, amount))
            })
            .into_iter()
            .map(|row| ConclusionRow { test: Method::ShapiroWilk, ..row }),
    );
    rows
}

/// Whether relevance of one network lies on edges more than that of the other.
fn on_edges(shares: &Shares, compared: &Compared, parameters: &Parameters) -> Vec<ConclusionRow> {
    let of = match parameters.chance {
        Chance::None => Quantity::RegionShare,
        Chance::Shifted => Quantity::BeyondChance,
    };
    let mut rows = Vec::new();
    for (name, region, expected) in [
        ("relevance on edges", parameters.region.region(), Alternative::Less),
        ("negative relevance on edges", Region::Negative, Alternative::Greater),
    ] {
        let question = Question { name, claim: larger, of, expected, asked_of: AskedOf::All };
        rows.extend(compared.ask(&question, |row, pair, expected| {
            let observations = shares.pairs(pair.names(), region, |share| share.measure(parameters.chance));
            contrast(row, &observations, (pair.names(), expected), parameters)
        }));
    }
    rows
}

/// For how many photographs a network's negative relevance is more on edges than its positive (published: 20 and 10 of 30).
fn more_negative(shares: &Shares, model: &str, parameters: &Parameters) -> ConclusionRow {
    let (of, amount): (_, fn(&Share) -> Option<f64>) = match parameters.ratio {
        Amount::Counts => (Quantity::SharedPixels, |share| share.shared),
        Amount::Shares => (Quantity::RegionShare, |share| share.measure(Chance::None)),
    };
    let claim = format!("{model}: for over half of the photographs");
    let row = ConclusionRow::new(format!("negative over positive, {model}"), claim, of);
    let regions = [Region::Positive, Region::Negative].map(|region| shares.values(model, region));
    let [Some(positive), Some(negative)] = regions else {
        return row.unsaid(&format!("no relevance of network {model}"));
    };
    // A ratio of counts by nothing counted as more than one; of nothing by nothing it is none, and so not more.
    let defined: Vec<(&str, f64)> = positive
        .iter()
        .filter_map(|(file, plus)| Some((plus, negative.get(file)?)))
        .filter_map(|(plus, minus)| Some((plus.class.as_str(), amount(plus)?, amount(minus)?)))
        .map(|(class, plus, minus)| (class, f64::from(u8::from(minus > plus))))
        .collect();
    let n = defined.len();
    if n == 0 {
        return row.unsaid("it is defined for no photograph");
    }
    let strata: Vec<&str> = defined.iter().map(|one| one.0).collect();
    let share = |drawn: &[usize]| drawn.iter().map(|&i| defined[i].1).sum::<f64>() / drawn.len() as f64 - 0.5;
    let row = row.counted(n);
    let Interval { mean, low, high } = match bootstrap(&strata, SEED, share) {
        Ok(found) => found,
        Err(error) => return row.unsaid(error.message()),
    };
    let count = format!("{} of {n}", defined.iter().map(|one| one.1).sum::<f64>());
    let row = ConclusionRow { effect: Some(mean), low: Some(low), high: Some(high), ..row };
    if n < LEAST {
        row.open(&format!("{count}, too few"))
    } else if low <= 0.0 && high >= 0.0 {
        row.open(&format!("{count}, the interval covers one half"))
    } else {
        row.decided(Verdict::of(mean > 0.0), count)
    }
}

/// Whether two networks share equally many pixels with the edges.
fn agreement(row: ConclusionRow, counts: &[Observation], parameters: &Parameters) -> ConclusionRow {
    let row = row.counted(counts.len());
    if counts.len() < LEAST {
        return row.unsaid(&format!("{}, too few", counted(counts.len(), "photograph")));
    }
    match parameters.agreement {
        Agreement::Correlation => correlated(row, counts),
        Agreement::Concordance => concordant(row, counts),
    }
}

fn agree(row: ConclusionRow) -> ConclusionRow {
    row.decided(Verdict::Yes, "agree")
}

fn disagree(row: ConclusionRow) -> ConclusionRow {
    row.decided(Verdict::No, "do not agree")
}

fn correlated(row: ConclusionRow, counts: &[Observation]) -> ConclusionRow {
    let (a, b) = apart(counts);
    let Test { statistic, p, n } = match pearson(&a, &b) {
        Ok(test) => test,
        Err(error) => return row.unsaid(error.message()),
    };
    let (effect, statistic) = (Some(statistic), Some(statistic));
    let row = ConclusionRow { effect, statistic, test: Method::Pearson, p: Some(p), ..row.counted(n) };
    match effect {
        _ if p > ALPHA => row.open("no correlation is shown"),
        Some(r) if r > 0.0 => agree(row),
        _ => disagree(row),
    }
}

fn concordant(row: ConclusionRow, counts: &[Observation]) -> ConclusionRow {
    let (a, b) = apart(counts);
    let strata: Vec<&str> = counts.iter().map(|one| one.class.as_str()).collect();
    let of = |drawn: &[usize]| {
        let pick = |from: &[f64]| drawn.iter().map(|&i| from[i]).collect::<Vec<_>>();
        concordance(&pick(&a), &pick(&b)).unwrap_or(f64::NAN)
    };
    let Interval { mean, low, high } = match bootstrap(&strata, SEED, of) {
        Ok(found) => found,
        Err(error) => return row.unsaid(error.message()),
    };
    let (effect, test) = (Some(mean), Method::Concordance);
    let row = ConclusionRow { effect, low: Some(low), high: Some(high), test, ..row };
    if low >= AGREE {
        agree(row)
    } else if high < AGREE {
        disagree(row)
    } else {
        row.open(&format!("the interval covers {AGREE:.2}, from which on they agree"))
    }
}

/// Whether what the tests compare is distributed normally. The test can only show that it is not.
fn normality(row: ConclusionRow, observations: &[Observation]) -> ConclusionRow {
    let differences: Vec<f64> = observations.iter().map(Observation::difference).collect();
    match shapiro_wilk(&differences) {
        Ok(Test { statistic, p, n }) => {
            let (effect, statistic) = (Some(statistic), Some(statistic));
            let row = ConclusionRow { effect, statistic, p: Some(p), ..row.counted(n) };
            if p <= ALPHA {
                row.decided(Verdict::No, "not normal")
            } else {
                row.open("normality is not rejected, which is no evidence for it")
            }
        }
        Err(error) => row.counted(observations.len()).unsaid(error.message()),
    }
}
