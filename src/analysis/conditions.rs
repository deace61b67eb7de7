//! Observers condition by condition.

use super::bias::{PEOPLE, RULES, mean_of_finite};
use super::consistency::{conditions_of, kappa_of};
use super::parameters::Observing;
use crate::error::Result;
use crate::observers::{Trials, published_set};
use crate::stats::{Agreement, Correct, redraw};
use crate::table::{ObserverKind, table};

table! {
    /// An observer in one condition.
    pub struct ConditionRow {
        /// The set of stimuli.
        set: String,
        /// The condition.
        condition: String,
        /// The observer; `people` for the mean of all.
        observer: String,
        /// What it is.
        kind: ObserverKind,
        /// Pictures.
        trials: i64,
        /// The share of them that it is right on, 0 to 1.
        accuracy: f64,
        /// Lower end of its 95 % interval, pictures drawn again.
        accuracy_low: Option<f64>,
        /// Upper end.
        accuracy_high: Option<f64>,
        /// Mean error consistency with people; of a person, with the other people.
        kappa: Option<f64>,
        /// Lower end.
        kappa_low: Option<f64>,
        /// Upper end.
        kappa_high: Option<f64>,
    }
}

/// Accuracy and error consistency with people of each observer in each condition of a set, conditions in their published order
/// where they have one; with several people a row more for their mean. On the pictures that all observers of the set saw.
///
/// # Errors
/// As [`Correct::of`].
pub fn by_condition(trials: &Trials, how: &Observing) -> Result<Vec<ConditionRow>> {
    let people = trials.models_of_people();
    let all: Vec<usize> = (0..trials.observers.len()).collect();
    let mut conditions = conditions_of(trials, &all)?;
    if let Some(published) = published_set(&trials.set) {
        let place = |name: &str| published.conditions.iter().position(|own| *own == name).unwrap_or(usize::MAX);
        conditions.sort_by_key(|(name, _)| place(name));
    }
    let correct: Vec<Correct> = conditions.iter().map(|(_, correct)| correct.clone()).collect();
    let of = |accuracy: &dyn Fn(usize) -> f64, agreement: &dyn Fn(usize, usize) -> Agreement| {
        let kappa = |one: usize| {
            let others = people.iter().filter(|person| **person != one);
            mean_of_finite(&others.map(|person| kappa_of(&agreement(one, *person), how.undefined)).collect::<Vec<_>>())
        };
        let mut own: Vec<[f64; 2]> = all.iter().map(|&one| [accuracy(one), kappa(one)]).collect();
        if people.len() > 1 {
            let mean = |which: usize| mean_of_finite(&people.iter().map(|one| own[*one][which]).collect::<Vec<_>>());
            own.push([mean(0), mean(1)]);
        }
        own.concat()
    };
    let draws = redraw(&correct, how.draws, how.seed, |drawn| {
        drawn.iter().flat_map(|one| of(&|a| one.accuracy(a), &|a, b| one.agreement(a, b))).collect()
    });
    let ends_of_all = draws.intervals();
    let width = 2 * (all.len() + usize::from(people.len() > 1));
    let mut rows = Vec::new();
    for (number, (condition, own)) in conditions.iter().enumerate() {
        let found = of(&|one| own.agreement(one, one).accuracies[0], &|a, b| own.agreement(a, b));
        for (place, pair) in found.chunks(2).enumerate() {
            let ends = |which: usize| -> [Option<f64>; 2] {
                if !pair[which].is_finite() {
                    return [None; 2];
                }
                let own = ends_of_all.get(number * width + 2 * place + which).and_then(|ends| ends.0);
                own.map(|ends| ends.map(Some)).unwrap_or_default()
            };
            let ([accuracy_low, accuracy_high], [kappa_low, kappa_high]) = (ends(0), ends(1));
            let (observer, kind) = match trials.observers.get(place) {
                Some(observer) => (observer.name.clone(), observer.kind),
                None => {
                    let kind = trials.observers[people[0]].kind;
                    (if kind == ObserverKind::Person { PEOPLE } else { RULES }.to_string(), kind)
                }
            };
            rows.push(ConditionRow {
                set: trials.set.clone(),
                condition: condition.clone(),
                observer,
                kind,
                trials: own.pictures() as i64,
                accuracy: pair[0],
                accuracy_low,
                accuracy_high,
                kappa: Some(pair[1]).filter(|kappa| kappa.is_finite()),
                kappa_low,
                kappa_high,
            });
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::super::consistency::tests::{how, made, trials};
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<ConditionRow>();
    }

    #[test]
    fn each_condition_has_its_rows_in_their_published_order() {
        let mut all = trials("contrast", "c05", &[("subject-01", "1100"), ("subject-02", "1000"), ("net", "0100")]);
        all.extend(trials("contrast", "c50", &[("subject-01", "1110"), ("subject-02", "1111"), ("net", "1110")]));
        let rows = by_condition(&made("contrast", &all), &how()).unwrap();
        let conditions: Vec<&str> = rows.iter().map(|row| row.condition.as_str()).collect();
        assert_eq!(conditions, ["c50", "c50", "c50", "c50", "c05", "c05", "c05", "c05"]);
        assert_eq!(rows[3].observer, PEOPLE);
        assert_eq!((rows[3].accuracy, rows[7].accuracy), (0.875, 0.375));
        assert!(rows[7].kappa.is_some());
    }
}
