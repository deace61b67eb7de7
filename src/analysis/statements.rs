//! What the field says of networks and people, as conclusions that may hold or not.

use super::benchmark::{Benchmark, BenchmarkRow, benchmark};
use super::bias::{PEOPLE, RULES, ShapeBiasRow, bias_differences, network_pairs, shape_bias};
use super::conclusion::{ALPHA, ConclusionRow, Method, Quantity, Verdict};
use super::parameters::{Bias, Observing};
use super::reliance::Reliance;
use crate::error::{Code, Result};
use crate::observers::Trials;
use crate::study::Pair;
use crate::table::ObserverKind;

/// The statements of the field about each set of two cues, and about all sets together: that a network goes by texture, and
/// people by shape; that one of a pair of networks has more shape bias; that a network errs like people beyond chance, and less
/// so than people among themselves; that one of a pair errs more like people. What is published without an interval (fault
/// F4) is decided by its value alone. Rules stand for people where there are none, and are named as what they are. Holm's correction is over the pairs of each statement.
///
/// # Errors
/// As [`shape_bias`], but for what a set has nothing of.
pub fn statements(sets: &[Trials], pairs: &[Pair], how: &Observing) -> Result<Vec<ConclusionRow>> {
    let mut rows = Vec::new();
    for trials in sets.iter().filter(|trials| trials.has_cues()) {
        let biases = match shape_bias(trials, how) {
            Ok(biases) => biases,
            Err(error) if error.code() == Code::Parameter => continue,
            Err(error) => return Err(error),
        };
        let own = biases.iter().filter(|row| row.category.is_empty());
        rows.extend(own.filter(|row| is_said_of(row, trials)).map(|row| goes_by(row, trials, how)));
        rows.extend(more_shape(trials, &network_pairs(trials, pairs), how)?);
    }
    match benchmark(sets, how) {
        Ok(found) => rows.extend(errs_alike(&found, &benchmark_pairs(&found, pairs))),
        Err(error) if error.code() == Code::Parameter => {}
        Err(error) => return Err(error),
    }
    Ok(rows)
}

/// What is said of networks without features: that each does need one (less than its accuracy is left, both less chance), and
/// which of a pair loses more. Holm's correction is over all pairs and features.
pub fn feature_statements(found: &Reliance) -> Vec<ConclusionRow> {
    let mut rows = Vec::new();
    for row in found.scores.iter().filter(|row| row.images > 0) {
        let name = format!("{} without {}", row.model, row.feature.name());
        let claim = format!("it needs {}", row.feature.name());
        let out = ConclusionRow::new(name, claim, Quantity::RelativeAccuracy).counted(row.images as usize);
        let Some(value) = row.above_chance else {
            rows.push(out.unsaid("at chance on untouched pictures"));
            continue;
        };
        let (low, high) = (row.above_chance_low, row.above_chance_high);
        let out = ConclusionRow { effect: Some(value), low, high, test: Method::None, ..out };
        let left = format!("{:.0} % of its accuracy above chance is left", 100.0 * value);
        rows.push(match (low, high) {
            (Some(_), Some(high)) if high < 1.0 => out.decided(Verdict::Yes, left),
            (Some(low), Some(_)) if low >= 1.0 => out.decided(Verdict::No, left),
            (Some(_), Some(_)) => out.open("the interval covers all of it"),
            _ => out.open("there is no interval"),
        });
    }
    for row in &found.differences {
        let name = format!("without {}: {}, {}", row.feature.name(), row.first, row.second);
        let out = ConclusionRow::new(name, "one loses more", Quantity::RelativeAccuracy)
            .counted(found.scores.first().map_or(0, |row| row.images as usize));
        let Some(difference) = row.difference else {
            rows.push(out.unsaid("one is at chance on untouched pictures"));
            continue;
        };
        let (verdict, more) =
            if difference < 0.0 { (Verdict::First, &row.first) } else { (Verdict::Second, &row.second) };
        let (low, high, p, adjusted) = (row.low, row.high, row.p, row.adjusted);
        let out = ConclusionRow { effect: Some(difference), low, high, test: Method::Redraw, p, adjusted, ..out };
        rows.push(tested(out, verdict, format!("{more} loses more")));
    }
    rows
}

/// Networks one by one, people together.
fn is_said_of(row: &ShapeBiasRow, trials: &Trials) -> bool {
    row.kind == ObserverKind::Network
        || row.observer == PEOPLE
        || row.observer == RULES
        || trials.of_kind(row.kind).len() == 1
}

fn goes_by(row: &ShapeBiasRow, trials: &Trials, how: &Observing) -> ConclusionRow {
    let (claim, by_shape) = match row.kind {
        ObserverKind::Network => ("it goes by texture: shape bias below one half", false),
        _ => ("they go by shape: shape bias above one half", true),
    };
    let says = |value: f64| {
        let verb = if row.kind == ObserverKind::Network { "goes" } else { "go" };
        format!("{} {verb} by {}", row.observer, if value > 0.5 { "shape" } else { "texture" })
    };
    let name = format!("shape bias of {} on {}", row.observer, trials.set);
    let decided = row.shape + row.texture;
    let out = ConclusionRow::new(name, claim, Quantity::ShapeBias).counted(decided.round() as usize);
    let (value, low, high) = match how.bias {
        Bias::Pooled => (row.shape_bias, None, None),
        Bias::ByCategory => (row.by_category, row.by_category_low, row.by_category_high),
    };
    let Some(value) = value else { return out.unsaid("no decision for shape or texture") };
    let out = ConclusionRow { effect: Some(value), low, high, test: Method::None, ..out };
    if value == 0.5 {
        return out.open("it is one half");
    }
    let holds = (value > 0.5) == by_shape;
    match (low, high) {
        (Some(low), Some(high)) if low <= 0.5 && high >= 0.5 => out.open("the interval covers one half"),
        (Some(_), Some(_)) => out.decided(Verdict::of(holds), says(value)),
        _ if how.bias == Bias::Pooled => out.decided(Verdict::of(holds), says(value)),
        _ => out.open("there is no interval"),
    }
}

fn more_shape(trials: &Trials, pairs: &[Pair], how: &Observing) -> Result<Vec<ConclusionRow>> {
    let row = |found: &super::bias::BiasDifferenceRow| {
        let (first, second) = (&found.first, &found.second);
        let out = ConclusionRow::new(
            format!("shape bias on {}: {first}, {second}", trials.set),
            "one has more shape bias",
            Quantity::ShapeBias,
        );
        let out = out.counted(found.trials as usize);
        let Some(difference) = found.difference else { return out.unsaid("one decides for neither cue") };
        let more = if difference > 0.0 { (Verdict::First, first) } else { (Verdict::Second, second) };
        let said = format!("{} has more", more.1);
        // Published without an interval and without a test: the larger value is the answer.
        if how.bias == Bias::Pooled {
            let out = ConclusionRow { effect: Some(difference), ..out };
            return if difference == 0.0 {
                out.decided(Verdict::NoDifference, "the same")
            } else {
                out.decided(more.0, said)
            };
        }
        let out = ConclusionRow {
            effect: Some(difference),
            low: found.low,
            high: found.high,
            test: Method::Redraw,
            p: found.p,
            adjusted: found.adjusted,
            ..out
        };
        tested(out, more.0, said)
    };
    Ok(bias_differences(trials, pairs, how)?.iter().map(row).collect())
}

/// Whether people err more alike among themselves than a network does with them.
fn less_than_people(found: &Benchmark, row: &BenchmarkRow, whom: &str) -> ConclusionRow {
    let name = format!("error consistency: {whom} among themselves, {} with {whom}", row.observer);
    let out =
        ConclusionRow::new(name, format!("{whom} err more alike"), Quantity::Kappa).counted(row.pictures as usize);
    let apart = found.differences.iter().find(|one| one.first == row.observer && one.second == whom);
    let Some((one, difference)) = apart.and_then(|one| Some((one, -one.difference?))) else {
        return out.unsaid("a kappa is not defined, or they decided on other sets");
    };
    let out = ConclusionRow {
        effect: Some(difference),
        low: one.high.map(|end| -end),
        high: one.low.map(|end| -end),
        test: Method::Redraw,
        p: one.p,
        adjusted: one.adjusted,
        ..out
    };
    match one.adjusted {
        None => out.open("its draws are not defined"),
        Some(p) if p > ALPHA => out.open("no difference is shown"),
        Some(_) if difference > 0.0 => {
            out.decided(Verdict::Yes, format!("{whom} err more alike than {} with them", row.observer))
        }
        Some(_) => out.decided(Verdict::No, format!("{} errs more like {whom} than they do", row.observer)),
    }
}

/// A difference with its corrected p.
fn tested(row: ConclusionRow, verdict: Verdict, says: String) -> ConclusionRow {
    match row.adjusted {
        None => row.open("its draws are not defined"),
        Some(p) if p > ALPHA => row.decided(Verdict::NoDifference, "no difference shown"),
        Some(_) => row.decided(verdict, says),
    }
}

/// The pairs that a study names, as far as both are there, else those of all networks.
fn benchmark_pairs(found: &Benchmark, named: &[Pair]) -> Vec<Pair> {
    let networks = found.rows.iter().filter(|row| row.kind == ObserverKind::Network);
    let names: Vec<&str> = networks.map(|row| row.observer.as_str()).collect();
    let own: Vec<Pair> =
        named.iter().filter(|pair| pair.names().iter().all(|name| names.contains(name))).cloned().collect();
    if own.is_empty() { Pair::among(&names) } else { own }
}

fn errs_alike(found: &Benchmark, pairs: &[Pair]) -> Vec<ConclusionRow> {
    let people = found.rows.iter().find(|row| row.observer == PEOPLE || row.observer == RULES);
    let whom = if found.people == ObserverKind::Person { PEOPLE } else { RULES };
    let mut rows = Vec::new();
    for row in found.rows.iter().filter(|row| row.kind == ObserverKind::Network) {
        let name = format!("error consistency of {} with {whom}", row.observer);
        let out = ConclusionRow::new(name, "more than by chance: kappa above 0", Quantity::Kappa);
        let out = ConclusionRow { effect: row.kappa, low: row.kappa_low, high: row.kappa_high, ..out };
        let out = out.counted(row.pictures as usize);
        rows.push(match (row.kappa_low, row.kappa_high) {
            _ if row.kappa.is_none() => out.unsaid("kappa is not defined: both are always right, or both always wrong"),
            (Some(low), _) if low > 0.0 => out.decided(Verdict::Yes, format!("{} errs like {whom}", row.observer)),
            (_, Some(high)) if high < 0.0 => {
                out.decided(Verdict::No, format!("{} errs less like {whom} than by chance", row.observer))
            }
            (Some(_), Some(_)) => out.open("the interval covers 0"),
            _ => out.open("there is no interval"),
        });
        // A row for every choice, so that choices can be compared row by row.
        if people.is_some() {
            rows.push(less_than_people(found, row, whom));
        }
    }
    for pair in pairs {
        let Some((one, turned)) = found.differences.iter().find_map(|row| {
            let same = row.first == pair.first && row.second == pair.second;
            let turned = row.first == pair.second && row.second == pair.first;
            (same || turned).then_some((row, turned))
        }) else {
            continue;
        };
        let sign = if turned { -1.0 } else { 1.0 };
        let pictures =
            found.rows.iter().filter(|row| pair.names().contains(&row.observer.as_str())).map(|row| row.pictures);
        let pictures = pictures.min().unwrap_or(0) as usize;
        let name = format!("error consistency with {whom}: {}, {}", pair.first, pair.second);
        let out = ConclusionRow::new(name, format!("one errs more like {whom}"), Quantity::Kappa).counted(pictures);
        let Some(difference) = one.difference.map(|value| sign * value) else {
            rows.push(out.unsaid("kappa is not defined for one"));
            continue;
        };
        let (low, high) = if turned { (one.high, one.low) } else { (one.low, one.high) };
        let more = if difference > 0.0 { (Verdict::First, &pair.first) } else { (Verdict::Second, &pair.second) };
        let out = ConclusionRow {
            effect: Some(difference),
            low: low.map(|end| sign * end),
            high: high.map(|end| sign * end),
            test: Method::Redraw,
            p: one.p,
            adjusted: one.adjusted,
            ..out
        };
        rows.push(tested(out, more.0, format!("{} errs more like {whom}", more.1)));
    }
    rows
}
