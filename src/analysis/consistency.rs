//! Error consistency: how far two observers err on the same pictures.

use super::bias::mean_of_finite;
use super::parameters::{Observing, Undefined};
use crate::error::{Code, Error, Result};
use crate::observers::{Answer, Trials};
use crate::stats::{Agreement, Correct, Drawn, redraw};
use crate::table::{ObserverKind, table};

table! {
    /// Two observers in one condition: accuracy, agreement and error consistency (Geirhos, Meding and Wichmann 2020).
    pub struct ConsistencyRow {
        /// The set of stimuli.
        set: String,
        /// The condition; `(mean)` for the mean over conditions, made inside each draw.
        condition: String,
        /// The first observer.
        first: String,
        /// The second.
        second: String,
        /// What the first is.
        first_kind: ObserverKind,
        /// What the second is.
        second_kind: ObserverKind,
        /// Pictures that both decided on.
        trials: i64,
        /// Pictures of the condition that one of them alone decided on.
        not_shared: i64,
        /// Share of them that the first is right on, 0 to 1.
        first_accuracy: f64,
        /// The same of the second.
        second_accuracy: f64,
        /// Share on which both are right or both wrong.
        observed: f64,
        /// The same of independent observers.
        expected: f64,
        /// Cohen's kappa, (observed - expected) / (1 - expected); missing where expected is 1.
        kappa: Option<f64>,
        /// Lower end of its 95 % interval, pictures drawn again.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// Draws in which kappa was not defined.
        undefined: i64,
        /// The least that kappa can be at these accuracies.
        kappa_least: Option<f64>,
        /// The most.
        kappa_most: Option<f64>,
        /// Share of trials on which the second would copy whether the first is right, for this kappa.
        copied: Option<f64>,
    }
}

/// The condition of a row that is a mean over conditions.
pub const MEAN: &str = "(mean)";

/// Most bytes of kappas in memory.
const MOST_BYTES: usize = 6 << 30;

/// The kappa of an agreement, or what stands for one that is undefined.
pub(super) fn kappa_of(agreement: &Agreement, undefined: Undefined) -> f64 {
    match (agreement.kappa, undefined) {
        // The field's tool: 1 wherever all trials agree.
        (_, Undefined::One) if agreement.observed == 1.0 => 1.0,
        (kappa, _) => kappa.unwrap_or(f64::NAN),
    }
}

/// The same of a draw.
#[inline]
pub(super) fn kappa_in(drawn: &Drawn, (first, second): (usize, usize), undefined: Undefined) -> f64 {
    match undefined {
        Undefined::One if drawn.agree(first, second) => 1.0,
        _ => drawn.kappa(first, second),
    }
}

/// Who is right in one condition on the pictures that all of some observers saw.
pub(super) fn correct(trials: &Trials, observers: &[usize], pictures: &[usize]) -> Result<Correct> {
    let right = |one: &usize| pictures.iter().map(|&picture| trials.is_right(*one, picture)).collect();
    Correct::of(&observers.iter().map(right).collect::<Vec<Vec<bool>>>())
}

/// Every two observers, condition by condition, on the pictures that both decided on; with more than one condition, a row more
/// for their mean. Intervals are percentiles of `draws` draws of the pictures of each condition, the same for all observers who
/// decided on the same pictures. Two who share no picture of a condition have no row of it.
///
/// ```
/// use lgf::analysis::{Observing, consistency};
/// use lgf::observers::{Decision, Trials};
///
/// let decision = |observer: &str, image: &str, response: &str| Decision {
///     observer: observer.into(), session: "1".into(), trial: 1, rt: f64::NAN, response: Some(response.into()),
///     category: "cat".into(), condition: "0".into(), imagename: image.into(),
/// };
/// let all = [
///     decision("a", "1.png", "cat"), decision("a", "2.png", "dog"), decision("a", "3.png", "cat"), decision("a", "4.png", "dog"),
///     decision("b", "1.png", "cat"), decision("b", "2.png", "dog"), decision("b", "3.png", "cat"), decision("b", "4.png", "cat"),
/// ];
/// let trials = Trials::of("own", &["cat".into(), "dog".into()], &all, false)?;
/// let rows = consistency(&trials, &Observing::default())?;
/// assert_eq!((rows[0].observed, rows[0].expected, rows[0].kappa), (0.75, 0.5, Some(0.5)));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`] for one observer alone, and if no two share a picture.
pub fn consistency(trials: &Trials, how: &Observing) -> Result<Vec<ConsistencyRow>> {
    let count = trials.observers.len();
    if count < 2 {
        let found = format!("{count} observer of {}, and error consistency is of two", trials.set);
        return Err(Error::new(Code::Parameter, found).hint("give the decisions of another on the same pictures"));
    }
    let mut rows = Vec::new();
    for (group, pairs) in alike(trials) {
        let conditions = conditions_of(trials, &group)?;
        if conditions.is_empty() {
            continue;
        }
        let correct: Vec<Correct> = conditions.iter().map(|(_, correct)| correct.clone()).collect();
        let place = |one: usize| group.iter().position(|own| *own == one).unwrap_or(0);
        let places: Vec<[usize; 2]> = pairs.iter().map(|pair| pair.map(place)).collect();
        let width = conditions.len() + usize::from(conditions.len() > 1);
        // Of each pair a kappa a condition, then their mean.
        let statistic = |drawn: &[Drawn]| {
            let mut out = Vec::with_capacity(width * places.len());
            let of = |[first, second]: &[usize; 2]| {
                let kappas = drawn.iter().map(|one| kappa_in(one, (*first, *second), how.undefined));
                out.extend(kappas);
                if drawn.len() > 1 {
                    let mean = mean_of_finite(&out[out.len() - drawn.len()..]);
                    out.push(mean);
                }
            };
            places.iter().for_each(of);
            out
        };
        let bytes = how.draws.saturating_mul(width * pairs.len()).saturating_mul(8);
        if bytes > MOST_BYTES {
            let found = format!("{} draws of {} pairs in {} conditions", how.draws, pairs.len(), conditions.len());
            return Err(Error::new(Code::Limit, format!("{found} take {} GB of memory", bytes >> 30))
                .hint("take fewer draws, or fewer observers at a time"));
        }
        let ends_of_all = redraw(&correct, how.draws, how.seed, statistic).intervals();
        for (number, (pair, at)) in pairs.iter().zip(&places).enumerate() {
            let found: Vec<Agreement> = correct.iter().map(|one| one.agreement(at[0], at[1])).collect();
            let ends = |place: usize| ends_of_all.get(number * width + place).copied().unwrap_or((None, 0));
            let row = |condition: &str, agreement: Agreement, kappa: f64, place: usize| {
                let (interval, undefined) = ends(place);
                let [low, high] = interval.filter(|_| kappa.is_finite()).map(|ends| ends.map(Some)).unwrap_or_default();
                let [least, most] = agreement.kappa_bounds().map(|ends| ends.map(Some)).unwrap_or_default();
                let [first, second] = pair.map(|one| &trials.observers[one]);
                ConsistencyRow {
                    set: trials.set.clone(),
                    condition: condition.into(),
                    first: first.name.clone(),
                    second: second.name.clone(),
                    first_kind: first.kind,
                    second_kind: second.kind,
                    trials: agreement.trials as i64,
                    not_shared: not_shared(trials, condition, *pair),
                    first_accuracy: agreement.accuracies[0],
                    second_accuracy: agreement.accuracies[1],
                    observed: agreement.observed,
                    expected: agreement.expected,
                    kappa: Some(kappa).filter(|kappa| kappa.is_finite()),
                    low,
                    high,
                    undefined: undefined as i64,
                    kappa_least: least,
                    kappa_most: most,
                    copied: agreement.copied,
                }
            };
            let kappas: Vec<f64> = found.iter().map(|one| kappa_of(one, how.undefined)).collect();
            for (place, ((condition, _), agreement)) in conditions.iter().zip(&found).enumerate() {
                rows.push(row(condition, *agreement, kappas[place], place));
            }
            if conditions.len() > 1 {
                rows.push(averaged(row(MEAN, found[0], mean_of_finite(&kappas), conditions.len()), &found));
            }
        }
    }
    if rows.is_empty() {
        let found = format!("no two of {count} observers of {} decided on the same picture", trials.set);
        return Err(Error::new(Code::Parameter, found).hint(
            "a picture is known by condition, category and the last part of its name; see whether they are the same",
        ));
    }
    let order = |name: &str| trials.observers.iter().position(|observer| observer.name == name);
    rows.sort_by_key(|row| (order(&row.first), order(&row.second)));
    Ok(rows)
}

/// Shares of a mean row: means over conditions, and no bounds.
fn averaged(row: ConsistencyRow, found: &[Agreement]) -> ConsistencyRow {
    let mean = |of: fn(&Agreement) -> f64| found.iter().map(of).sum::<f64>() / found.len() as f64;
    ConsistencyRow {
        trials: found.iter().map(|one| one.trials as i64).sum(),
        first_accuracy: mean(|one| one.accuracies[0]),
        second_accuracy: mean(|one| one.accuracies[1]),
        observed: mean(|one| one.observed),
        expected: mean(|one| one.expected),
        kappa_least: None,
        kappa_most: None,
        copied: None,
        ..row
    }
}

/// Pictures of a condition, of all for the mean, that one of two alone decided on.
fn not_shared(trials: &Trials, condition: &str, pair: [usize; 2]) -> i64 {
    let seen = |one: usize, picture: usize| trials.observers[one].answers[picture] != Answer::Unseen;
    let of = |place: &usize| condition == MEAN || trials.pictures[*place].condition == condition;
    let alone = |place: &usize| seen(pair[0], *place) != seen(pair[1], *place);
    (0..trials.pictures.len()).filter(of).filter(alone).count() as i64
}

/// Pairs of observers by the pictures that they share: where all saw the same, all pairs are drawn together; a pair that
/// shares other pictures is drawn by itself.
fn alike(trials: &Trials) -> Vec<(Vec<usize>, Vec<[usize; 2]>)> {
    let seen: Vec<Vec<bool>> = trials
        .observers
        .iter()
        .map(|observer| observer.answers.iter().map(|answer| *answer != Answer::Unseen).collect())
        .collect();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for one in 0..seen.len() {
        match groups.iter_mut().find(|group| seen[group[0]] == seen[one]) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    let group_of = |one: usize| groups.iter().position(|group| group.contains(&one));
    let within = |group: &Vec<usize>| {
        let pairs = |place: usize| group[place + 1..].iter().map(move |other| [group[place], *other]);
        (group.clone(), (0..group.len()).flat_map(pairs).collect::<Vec<_>>())
    };
    let mut all: Vec<_> = groups.iter().filter(|group| group.len() > 1).map(within).collect();
    for first in 0..seen.len() {
        for second in first + 1..seen.len() {
            if group_of(first) != group_of(second) {
                all.push((vec![first, second], vec![[first, second]]));
            }
        }
    }
    all
}

/// Each condition in which some observers share pictures, and who is right on them.
pub(super) fn conditions_of(trials: &Trials, observers: &[usize]) -> Result<Vec<(String, Correct)>> {
    let mut out = Vec::new();
    for condition in trials.conditions() {
        let pictures = trials.shared(condition, observers);
        if !pictures.is_empty() {
            out.push((condition.to_string(), correct(trials, observers, &pictures)?));
        }
    }
    Ok(out)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::observers::Decision;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<ConsistencyRow>();
    }

    pub(in super::super) fn how() -> Observing {
        Observing { draws: 400, ..Observing::default() }
    }

    /// Observers on pictures of one category: right where the letter is 1.
    pub(in super::super) fn trials(set: &str, condition: &str, rows: &[(&str, &str)]) -> Vec<Decision> {
        let one = |observer: &str, picture: usize, right: bool| Decision {
            observer: observer.into(),
            session: "1".into(),
            trial: 1,
            rt: f64::NAN,
            response: Some(if right { "cat" } else { "dog" }.into()),
            category: "cat".into(),
            condition: condition.into(),
            imagename: format!("{set}-{picture}.png"),
        };
        rows.iter()
            .flat_map(|(observer, right)| {
                right
                    .bytes()
                    .enumerate()
                    .filter(|(_, letter)| *letter != b'-')
                    .map(move |(picture, letter)| (observer, picture, letter))
            })
            .map(|(observer, picture, letter)| one(observer, picture, letter == b'1'))
            .collect()
    }

    pub(in super::super) fn made(set: &str, decisions: &[Decision]) -> Trials {
        Trials::of(set, &["cat".into(), "dog".into()], decisions, false).unwrap()
    }

    #[test]
    fn pairs_share_what_both_saw_and_the_mean_is_over_conditions() {
        let mut all = trials("s", "c1", &[("a", "11110000"), ("b", "11101000"), ("c", "--101000")]);
        all.extend(trials("s", "c2", &[("a", "1010"), ("b", "1001"), ("c", "1111")]));
        let rows = consistency(&made("s", &all), &how()).unwrap();
        let find = |first: &str, second: &str, condition: &str| {
            rows.iter().find(|row| row.first == first && row.second == second && row.condition == condition).unwrap()
        };
        let ab = find("a", "b", "c1");
        assert_eq!((ab.trials, ab.observed, ab.expected, ab.kappa), (8, 0.75, 0.5, Some(0.5)));
        assert!(ab.low.unwrap() < 0.5 && ab.high.unwrap() > 0.5);
        assert_eq!((find("a", "c", "c1").trials, find("a", "c", "c1").not_shared), (6, 2));
        assert_eq!(find("a", "b", "c2").kappa, Some(0.0));
        assert_eq!(find("a", "b", MEAN).kappa, Some(0.25));
        assert_eq!(find("a", "b", MEAN).trials, 12);
        assert_eq!(rows.len(), 9);
    }

    #[test]
    fn f2_a_kappa_that_is_undefined_is_one_as_published_and_else_counted() {
        let all = trials("s", "0", &[("a", "1111"), ("b", "1111"), ("c", "1101")]);
        let kappa = |undefined| {
            let rows = consistency(&made("s", &all), &Observing { undefined, ..how() }).unwrap();
            (rows[0].kappa, rows[0].low, rows[0].undefined)
        };
        assert_eq!(kappa(Undefined::One), (Some(1.0), Some(1.0), 0));
        assert_eq!(kappa(Undefined::Counted), (None, None, 400));
    }

    #[test]
    fn bad_input_83_one_observer_alone_and_two_without_a_shared_picture_are_errors() {
        let alone = made("s", &trials("s", "0", &[("a", "11")]));
        assert!(consistency(&alone, &how()).unwrap_err().to_string().contains("1 observer of s"));
        let apart = made("s", &trials("s", "0", &[("a", "11--"), ("b", "--11")]));
        assert!(consistency(&apart, &how()).unwrap_err().to_string().contains("no two of 2 observers"));
    }
}
