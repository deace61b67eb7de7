//! Networks against people over several sets of stimuli.

use std::collections::BTreeSet;

use super::bias::{PEOPLE, RULES, mean_of_finite};
use super::consistency::{correct, kappa_of};
use super::differences::{Difference, tested};
use super::parameters::{Observing, Undefined};
use crate::error::{Code, Error, Result};
use crate::observers::{Trials, published_set};
use crate::stats::{Agreement, Correct, Drawn, Draws, redraw};
use crate::table::{ObserverKind, table};

table! {
    /// An observer against people, averaged over people, conditions and sets as published: a row a network, and one for people
    /// among themselves, the ceiling.
    pub struct BenchmarkRow {
        /// The observer; `people` for people among themselves.
        observer: String,
        /// What it is.
        kind: ObserverKind,
        /// Sets that it is averaged over.
        sets: i64,
        /// Conditions of them, without those that published averages leave out.
        conditions: i64,
        /// Pictures of them.
        pictures: i64,
        /// Accuracy, 0 to 1.
        accuracy: f64,
        /// Lower end of its 95 % interval, as for all below: pictures drawn again, averages made inside each draw.
        accuracy_low: Option<f64>,
        /// Upper end.
        accuracy_high: Option<f64>,
        /// Mean squared difference of its accuracy and a person's.
        accuracy_difference: f64,
        /// Lower end.
        accuracy_difference_low: Option<f64>,
        /// Upper end.
        accuracy_difference_high: Option<f64>,
        /// Mean share of trials on which it and a person are both right or both wrong.
        observed: f64,
        /// Lower end.
        observed_low: Option<f64>,
        /// Upper end.
        observed_high: Option<f64>,
        /// Mean error consistency with a person.
        kappa: Option<f64>,
        /// Lower end.
        kappa_low: Option<f64>,
        /// Upper end.
        kappa_high: Option<f64>,
        /// Conditions and people with whom kappa is not defined.
        undefined: i64,
        /// Mean of its ranks among networks by accuracy difference, observed agreement and kappa; 1 is the most like people.
        mean_rank: Option<f64>,
    }
}

table! {
    /// Two networks against the same people: which errs more like them; or a network against people among themselves.
    pub struct ConsistencyDifferenceRow {
        /// The first network.
        first: String,
        /// The second.
        second: String,
        /// Mean kappa of the first with people less that of the second; of `people`, that among themselves.
        difference: Option<f64>,
        /// Lower end of its 95 % interval; of differences in the same draws.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// Two-sided, by the draws.
        p: Option<f64>,
        /// The same after Holm's correction over all rows.
        adjusted: Option<f64>,
    }
}

/// What people and networks share over several sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// Whom networks are compared with: people, or rules where no set has people.
    pub people: ObserverKind,
    /// A row a network, then people among themselves.
    pub rows: Vec<BenchmarkRow>,
    /// Each network against each other, and against people among themselves; of two that decided on other sets there is none.
    pub differences: Vec<ConsistencyDifferenceRow>,
}

/// One condition of one set that enters the averages.
struct Part {
    set: usize,
    correct: Correct,
    /// The places of people, and of each network of the table, among the observers of `correct`.
    people: Vec<usize>,
    networks: Vec<Option<usize>>,
}

/// Measures of an observer: accuracy, squared difference, observed, kappa.
const MEASURES: usize = 4;

/// Networks against people over several sets, as published (Geirhos et al. 2021): a mean over conditions, then over people, then
/// over sets; conditions that published averages leave out are left out ([`published_set`]). Averages are made inside each draw
/// of pictures (arXiv 2507.06645). Where no set has people, the rules that stand for them take
/// their place; ranks are those of networks that decided on all sets.
///
/// # Errors
/// [`Code::Parameter`] if no set has both a network and people, or two people.
pub fn benchmark(sets: &[Trials], how: &Observing) -> Result<Benchmark> {
    let mut names: Vec<(String, ObserverKind)> = Vec::new();
    for network in sets.iter().flat_map(|trials| &trials.observers).filter(|one| one.kind == ObserverKind::Network) {
        if !names.iter().any(|(name, _)| *name == network.name) {
            names.push((network.name.clone(), network.kind));
        }
    }
    let persons = sets.iter().any(|trials| !trials.of_kind(ObserverKind::Person).is_empty());
    let (people, kind) = if persons { (PEOPLE, ObserverKind::Person) } else { (RULES, ObserverKind::Rule) };
    let parts: Vec<Part> = sets
        .iter()
        .enumerate()
        .map(|(set, trials)| parts_of(set, trials, (&names, kind)))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        return Err(Error::new(Code::Parameter, "no set of stimuli was decided on by people, or rules in their place")
            .hint("name their decision files in study.json (\"decisions\")"));
    }
    let correct: Vec<Correct> = parts.iter().map(|part| part.correct.clone()).collect();
    let numbers = |drawn: &[Drawn]| {
        let agreement = |part: usize, first: usize, second: usize| drawn[part].agreement(first, second);
        measured(&parts, names.len(), how.undefined, &agreement).0
    };
    let draws = redraw(&correct, how.draws, how.seed, numbers);
    let agreement = |part: usize, first: usize, second: usize| correct[part].agreement(first, second);
    let (found, undefined) = measured(&parts, names.len(), how.undefined, &agreement);
    let all: Vec<(String, ObserverKind)> = names.iter().cloned().chain([(people.to_string(), kind)]).collect();
    let ends_of_all = draws.intervals();
    let sets_of: Vec<BTreeSet<usize>> = (0..all.len()).map(|place| sets_of(&parts, place)).collect();
    let every: BTreeSet<usize> = parts.iter().map(|part| part.set).collect();
    let everywhere: Vec<bool> = (0..names.len()).map(|place| sets_of[place] == every).collect();
    let ranks = mean_ranks(&found, &everywhere);
    let mut rows = Vec::new();
    for (place, (name, kind)) in all.iter().enumerate() {
        let own: Vec<&Part> = parts.iter().filter(|part| of_observer(part, place).is_some()).collect();
        let at = |measure: usize| found[place * MEASURES + measure];
        if !at(1).is_finite() && !at(0).is_finite() {
            continue;
        }
        let ends = |measure: usize| -> [Option<f64>; 2] {
            let own = ends_of_all.get(place * MEASURES + measure).and_then(|ends| ends.0);
            own.filter(|_| at(measure).is_finite()).map(|ends| ends.map(Some)).unwrap_or_default()
        };
        let [accuracy, difference, observed, kappa] = std::array::from_fn(ends);
        rows.push(BenchmarkRow {
            observer: name.clone(),
            kind: *kind,
            sets: sets_of[place].len() as i64,
            conditions: own.len() as i64,
            pictures: own.iter().map(|part| part.correct.pictures() as i64).sum(),
            accuracy: at(0),
            accuracy_low: accuracy[0],
            accuracy_high: accuracy[1],
            accuracy_difference: at(1),
            accuracy_difference_low: difference[0],
            accuracy_difference_high: difference[1],
            observed: at(2),
            observed_low: observed[0],
            observed_high: observed[1],
            kappa: Some(at(3)).filter(|kappa| kappa.is_finite()),
            kappa_low: kappa[0],
            kappa_high: kappa[1],
            undefined: undefined[place] as i64,
            mean_rank: ranks.get(place).copied().filter(|rank| rank.is_finite()),
        });
    }
    let differences = differences(&all, &sets_of, &found, &draws)?;
    Ok(Benchmark { people: kind, rows, differences })
}

/// The sets that an observer of the table decided on.
fn sets_of(parts: &[Part], place: usize) -> BTreeSet<usize> {
    parts.iter().filter(|part| of_observer(part, place).is_some()).map(|part| part.set).collect()
}

/// Each network's kappa with people against each other's, and against that of people among themselves.
fn differences(
    names: &[(String, ObserverKind)],
    sets_of: &[BTreeSet<usize>],
    found: &[f64],
    draws: &Draws,
) -> Result<Vec<ConsistencyDifferenceRow>> {
    let pairs = (0..names.len()).flat_map(|first| (first + 1..names.len()).map(move |second| [first, second]));
    let pairs: Vec<[usize; 2]> = pairs.filter(|[first, second]| sets_of[*first] == sets_of[*second]).collect();
    let of = |pair: &[usize; 2]| {
        let places = pair.map(|network| network * MEASURES + 3);
        let [first, second] = places.map(|place| draws.column(place));
        let drawn = first.iter().zip(&second).map(|(first, second)| first - second).collect();
        (found[places[0]] - found[places[1]], drawn)
    };
    let row = |([first, second], one): (&[usize; 2], Difference)| ConsistencyDifferenceRow {
        first: names[*first].0.clone(),
        second: names[*second].0.clone(),
        difference: one.value,
        low: one.low,
        high: one.high,
        p: one.p,
        adjusted: one.adjusted,
    };
    Ok(pairs.iter().zip(tested(pairs.iter().map(of).collect())?).map(row).collect())
}

/// The conditions of a set that enter averages, on the pictures that all of its observers saw.
fn parts_of(
    set: usize,
    trials: &Trials,
    (names, kind): (&[(String, ObserverKind)], ObserverKind),
) -> Result<Vec<Part>> {
    let people = trials.of_kind(kind);
    let network = |(name, _): &(String, ObserverKind)| {
        trials.observers.iter().position(|one| one.name == *name && one.kind == ObserverKind::Network)
    };
    let networks: Vec<Option<usize>> = names.iter().map(network).collect();
    if people.is_empty() || (people.len() < 2 && networks.iter().all(Option::is_none)) {
        return Ok(Vec::new());
    }
    let left_out = published_set(&trials.set).map_or(&[][..], |published| published.left_out);
    let all: Vec<usize> = people.iter().copied().chain(networks.iter().flatten().copied()).collect();
    let place = |one: usize| all.iter().position(|own| *own == one).unwrap_or(0);
    let mut parts = Vec::new();
    for condition in trials.conditions().into_iter().filter(|condition| !left_out.contains(condition)) {
        let pictures = trials.shared(condition, &all);
        if !pictures.is_empty() {
            parts.push(Part {
                set,
                correct: correct(trials, &all, &pictures)?,
                people: people.iter().map(|one| place(*one)).collect(),
                networks: networks.iter().map(|one| one.map(place)).collect(),
            });
        }
    }
    Ok(parts)
}

/// Pairs of an observer of the table and a person in one part: of a network with each person, of people among themselves.
fn of_observer(part: &Part, place: usize) -> Option<Vec<[usize; 2]>> {
    match part.networks.get(place) {
        Some(network) => network.map(|network| part.people.iter().map(|person| [network, *person]).collect()),
        None => {
            let after = |at: usize| part.people[at + 1..].iter().map(move |other| [part.people[at], *other]);
            let pairs: Vec<[usize; 2]> = (0..part.people.len()).flat_map(after).collect();
            (!pairs.is_empty()).then_some(pairs)
        }
    }
}

/// What is averaged of one part: sums and counts over people, of each measure.
type AgreementOf<'a> = dyn Fn(usize, usize, usize) -> Agreement + 'a;

/// The measures of each observer of the table, NaN where there is none; and on how many conditions and people kappa was not
/// defined. A mean over conditions for each person, then over people, then over sets.
fn measured(
    parts: &[Part],
    networks: usize,
    undefined: Undefined,
    agreement: &AgreementOf<'_>,
) -> (Vec<f64>, Vec<usize>) {
    let (mut out, mut counts) = (Vec::new(), vec![0; networks + 1]);
    for (place, without) in counts.iter_mut().enumerate() {
        let mut over_sets: [Vec<f64>; MEASURES] = Default::default();
        let mut from = 0;
        while from < parts.len() {
            let set = parts[from].set;
            let to = from + parts[from..].iter().take_while(|part| part.set == set).count();
            // A row a pair, its measures in each condition.
            let mut of_pairs: Vec<[Vec<f64>; MEASURES]> = Vec::new();
            for (number, part) in parts.iter().enumerate().take(to).skip(from) {
                let pairs = of_observer(part, place).unwrap_or_default();
                of_pairs.resize_with(pairs.len().max(of_pairs.len()), Default::default);
                for (own, [first, second]) in of_pairs.iter_mut().zip(pairs) {
                    let found = agreement(number, first, second);
                    let kappa = kappa_of(&found, undefined);
                    *without += usize::from(!kappa.is_finite());
                    // People's own accuracy is the mean of both of each pair: each person is in as many.
                    let accuracy = match place < networks {
                        true => found.accuracies[0],
                        false => (found.accuracies[0] + found.accuracies[1]) / 2.0,
                    };
                    let apart = (found.accuracies[0] - found.accuracies[1]).powi(2);
                    for (all, one) in own.iter_mut().zip([accuracy, apart, found.observed, kappa]) {
                        all.push(one);
                    }
                }
            }
            for (measure, all) in over_sets.iter_mut().enumerate() {
                let people: Vec<f64> = of_pairs.iter().map(|own| mean_of_finite(&own[measure])).collect();
                all.push(mean_of_finite(&people));
            }
            from = to;
        }
        out.extend(over_sets.iter().map(|all| mean_of_finite(all)));
    }
    (out, counts)
}

/// The mean of each network's ranks by accuracy difference (least first), observed agreement and kappa (most first); ties have
/// the mean of their ranks.
fn mean_ranks(found: &[f64], everywhere: &[bool]) -> Vec<f64> {
    let networks = everywhere.len();
    let of = |measure: usize, sign: f64| -> Vec<f64> {
        (0..networks)
            .map(|place| if everywhere[place] { sign * found[place * MEASURES + measure] } else { f64::NAN })
            .collect()
    };
    let measures = [of(1, 1.0), of(2, -1.0), of(3, -1.0)];
    let rank = |values: &[f64], place: usize| {
        let below = values.iter().filter(|value| **value < values[place]).count();
        let same = values.iter().filter(|value| **value == values[place]).count();
        if values[place].is_finite() { below as f64 + (same as f64 + 1.0) / 2.0 } else { f64::NAN }
    };
    (0..networks).map(|place| measures.iter().map(|values| rank(values, place)).sum::<f64>() / 3.0).collect()
}

#[cfg(test)]
mod tests {
    use super::super::consistency::tests::{how, made, trials};
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_tables() {
        comes_back::<BenchmarkRow>();
        comes_back::<ConsistencyDifferenceRow>();
    }

    #[test]
    fn averages_are_over_conditions_people_and_sets_and_leave_out_what_was_published() {
        let people = [("subject-01", "11110000"), ("subject-02", "11101000")];
        let mut contrast =
            trials("contrast", "c50", &[people[0], people[1], ("near", "11110000"), ("far", "00001111")]);
        // Left out: the untouched condition.
        contrast.extend(trials("contrast", "c100", &[people[0], people[1], ("near", "00001111"), ("far", "11110000")]));
        let edge = trials("edge", "0", &[people[0], people[1], ("near", "11110000")]);
        let sets = [made("contrast", &contrast), made("edge", &edge)];
        let found = benchmark(&sets, &how()).unwrap();
        let names: Vec<&str> = found.rows.iter().map(|row| row.observer.as_str()).collect();
        assert_eq!(names, ["near", "far", PEOPLE]);
        let (near, far, ceiling) = (&found.rows[0], &found.rows[1], &found.rows[2]);
        assert_eq!(
            (near.sets, near.conditions, near.kappa),
            (2, 2, Some(0.75)),
            "1 with the first, 0.5 with the second"
        );
        assert_eq!((far.sets, far.kappa), (1, Some(-0.75)));
        assert_eq!((far.mean_rank, near.mean_rank), (None, Some(1.0)), "far did not decide on all sets");
        assert_eq!((ceiling.kappa, ceiling.accuracy), (Some(0.5), 0.5));
        let names: Vec<[&str; 2]> = found.differences.iter().map(|row| [row.first.as_str(), &row.second]).collect();
        assert_eq!(names, [["near", PEOPLE]], "far is compared with none who decided on other sets");
        let one = benchmark(&sets[..1], &how()).unwrap();
        let difference = &one.differences[0];
        assert_eq!((difference.first.as_str(), difference.second.as_str()), ("near", "far"));
        assert_eq!(difference.difference, Some(1.5));
        assert!(difference.low.unwrap() > 0.0 && difference.p.unwrap() < 0.05);
        let ranks: Vec<Option<f64>> = one.rows.iter().map(|row| row.mean_rank).collect();
        assert_eq!(ranks, [Some(3.5 / 3.0), Some(5.5 / 3.0), None], "their accuracies tie");
    }
}
