//! What is true by construction of the sample's networks, beside what was measured.

use polars::prelude::DataFrame;

use super::conclusion::LEAST;
use super::curves::SEED;
use super::measure::Measure;
use super::missing::missing;
use super::named::{named, unnamed};
use super::parameters::{Baseline, Chance, Unit};
use super::pictures::{Asked, Observation, Pictures};
use super::reliance::{Reliance, RelianceDifferenceRow};
use super::shares::Shares;
use crate::datasets::{Feature, SCRAMBLED, SMOOTHED};
use crate::error::Result;
use crate::observers::{Answer, Trials};
use crate::stats::{Interval, bootstrap};
use crate::study::{PUBLISHED, Pair};
use crate::table::{OverlapRow, Place, PredictionRow, Region, table, text_cell};

/// What is true by construction of a measure for two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It is larger for the first network.
    FirstLarger,
    /// It is larger for the second network.
    SecondLarger,
    /// Nothing is known before it is measured.
    Open,
}

/// The known answer about the first network of the published pair, trained with each class's own texture, and the second,
/// trained with textures exchanged at random: what is measured, which must be larger, and why.
pub fn known_answer() -> [(&'static str, Direction, &'static str); 5] {
    [
        ("shape bias on cue-conflict pictures", Direction::SecondLarger, "its textures told it nothing in training"),
        ("fall of the true class when scrambled", Direction::SecondLarger, "scrambling breaks shape and keeps texture"),
        ("fall of the true class when smoothed", Direction::FirstLarger, "smoothing takes texture and keeps shape"),
        ("relevance on outlines beyond chance", Direction::SecondLarger, "only the outline told it anything"),
        ("relevance on edges beyond chance", Direction::Open, "outlines are edges, and so are textures"),
    ]
}

/// The known answer about the same two networks without a feature, as [`known_answer`].
const WITHOUT: [(Feature, &str, Direction, &str); 2] = [
    (
        Feature::GlobalShape,
        "accuracy left without global shape",
        Direction::FirstLarger,
        "its textures tell it the class, and stay",
    ),
    (Feature::Texture, "accuracy left without texture", Direction::SecondLarger, "only the outline told it anything"),
];

/// A measure of both networks and their difference (second less first).
struct Measured {
    n: usize,
    first: Option<Interval>,
    second: Option<Interval>,
    difference: Option<Interval>,
}

impl Measured {
    /// Of a statistic of each network and of subjects drawn again, the same for both; `strata` are the subjects' classes.
    fn of<S: PartialEq>(strata: &[S], statistic: impl Fn(usize, &[usize]) -> f64) -> Self {
        let interval = |of: &dyn Fn(&[usize]) -> f64| bootstrap(strata, SEED, of).ok();
        Measured {
            n: strata.len(),
            first: interval(&|drawn| statistic(0, drawn)),
            second: interval(&|drawn| statistic(1, drawn)),
            difference: interval(&|drawn| statistic(1, drawn) - statistic(0, drawn)),
        }
    }

    /// Of the means of both networks.
    fn of_means(observations: &[Observation]) -> Self {
        let strata: Vec<&str> = observations.iter().map(|one| one.class.as_str()).collect();
        let values: Vec<[f64; 2]> = observations.iter().map(|one| [one.first, one.second]).collect();
        Measured::of(&strata, |network, drawn| {
            drawn.iter().map(|&row| values[row][network]).sum::<f64>() / drawn.len() as f64
        })
    }

    /// Of what is left of accuracy without a feature (relative accuracy II).
    fn without(found: &Reliance, feature: Feature) -> Self {
        let interval = |mean: Option<f64>, ends: [Option<f64>; 2]| {
            let [low, high] = ends;
            Some(Interval { mean: mean?, low: low?, high: high? })
        };
        let [first, second] = PUBLISHED.map(|name| {
            let row = found.scores.iter().find(|row| row.model == name && row.feature == feature)?;
            interval(row.above_chance, [row.above_chance_low, row.above_chance_high])
        });
        let of_pair = |row: &&RelianceDifferenceRow| {
            [row.first.as_str(), row.second.as_str()] == PUBLISHED && row.feature == feature
        };
        let difference = found.differences.iter().find(of_pair).and_then(|row| {
            let less = |value: Option<f64>| value.map(|value| -value);
            interval(less(row.difference), [less(row.high), less(row.low)])
        });
        let n = found.scores.first().map_or(0, |row| row.images as usize);
        Measured { n, first, second, difference }
    }

    /// Whether what is true by construction was measured.
    fn holds(&self, direction: Direction) -> Holds {
        if direction == Direction::Open {
            return Holds::Open;
        }
        let Some(Interval { low, high, .. }) = self.difference else { return Holds::Undecided };
        match direction {
            _ if self.n < LEAST || low == high || (low <= 0.0 && high >= 0.0) => Holds::Undecided,
            Direction::SecondLarger if low > 0.0 => Holds::Yes,
            Direction::FirstLarger if high < 0.0 => Holds::Yes,
            _ => Holds::No,
        }
    }
}

/// Whether what is true by construction was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// The interval of the difference lies on its side of 0.
    Yes,
    /// It lies on the other.
    No,
    /// It covers 0, has no width or is of fewer than six.
    Undecided,
    /// Nothing was known before.
    Open,
}

impl Holds {
    const NAMES: &[(Holds, &str)] =
        &[(Holds::Yes, "yes"), (Holds::No, "no"), (Holds::Undecided, "undecided"), (Holds::Open, "")];
}
text_cell!(Holds);

table! {
    /// What is true by construction beside what was measured; as a table, its columns have the networks' names.
    pub struct AnswerRow {
        /// What is measured.
        measure: String,
        /// Which network has more of it, by construction.
        truth: String as "true by construction",
        /// Why.
        because: String,
        /// Photographs, or pictures of two cues.
        n: i64,
        /// Of the first network.
        first: Option<f64> as "{first}",
        /// Lower end of its 95 % interval.
        first_low: Option<f64> as "{first} low",
        /// Upper end.
        first_high: Option<f64> as "{first} high",
        /// Of the second network.
        second: Option<f64> as "{second}",
        /// Lower end of its interval.
        second_low: Option<f64> as "{second} low",
        /// Upper end.
        second_high: Option<f64> as "{second} high",
        /// The second less the first.
        difference: Option<f64>,
        /// Lower end of its interval.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// Whether what is true by construction was measured.
        holds: Holds,
    }
}

table! {
    /// [`AnswerRow`] for a page: numbers with their intervals, as `0.22 [0.15, 0.29]`.
    pub struct AnswerInWordsRow {
        /// What is measured.
        measure: String,
        /// Which network has more of it, by construction.
        truth: String as "true by construction",
        /// Of the first network.
        first: String as "{first}",
        /// Of the second network.
        second: String as "{second}",
        /// The second less the first.
        difference: String,
        /// Whether what is true by construction was measured.
        holds: Holds,
    }
}

/// What is true by construction beside what was measured: a table of [`AnswerRow`]s whose columns name the published pair.
///
/// The falls are means over a photograph's changed pictures of all levels, of the softmax of the true class, from its own
/// untouched picture; relevance is that of the tenth of the pixels that has most of it, share on edges less chance.
/// Intervals are 95 % bootstraps over photographs within their classes, paired: the same photographs for both networks;
/// that of shape bias over the pictures, within the class of the shape; accuracy left without a feature is relative accuracy II
/// ([`reliance`](super::reliance())), where that was measured.
///
/// # Errors
/// [`Code::Model`](crate::error::Code::Model) if one of the two networks is missing.
pub fn sample_answer(
    predictions: &[PredictionRow],
    conflict: &Trials,
    overlap: &[OverlapRow],
    features: Option<&Reliance>,
) -> Result<DataFrame> {
    for name in PUBLISHED {
        let everywhere = predictions.iter().any(|row| row.model == name)
            && conflict.observers.iter().any(|observer| observer.name == name)
            && overlap.iter().any(|row| row.model == name);
        if !everywhere {
            return Err(missing(name));
        }
    }
    let pictures = Pictures::of(predictions, Measure::TrueSoftmax);
    let falls = |kind: &str| {
        let asked = Asked { kind, level: None, models: PUBLISHED };
        let mut falls = pictures.pairs(asked, Baseline::Own, Unit::Photograph);
        for one in &mut falls {
            (one.first, one.second) = (-one.first, -one.second);
        }
        Measured::of_means(&falls)
    };
    let on = |place: Place| {
        let shares = Shares::at(overlap, place);
        Measured::of_means(&shares.pairs(PUBLISHED, Region::Top, |share| share.measure(Chance::Shifted)))
    };
    let measured =
        [biases(conflict), falls(SCRAMBLED.name), falls(SMOOTHED.name), on(Place::Outlines), on(Place::Whole)];
    let without = features.map(|found| WITHOUT.map(|(feature, ..)| Measured::without(found, feature)));
    let asked =
        known_answer().into_iter().chain(WITHOUT.map(|(_, measure, direction, because)| (measure, direction, because)));
    let measured = measured.iter().chain(without.iter().flatten());
    let rows = measured.zip(asked).map(|(measured, (measure, direction, because))| {
        let [first, second, difference] = [measured.first, measured.second, measured.difference];
        AnswerRow {
            measure: measure.into(),
            truth: match direction {
                Direction::FirstLarger => format!("{} more", PUBLISHED[0]),
                Direction::SecondLarger => format!("{} more", PUBLISHED[1]),
                Direction::Open => "open".into(),
            },
            because: because.into(),
            n: measured.n as i64,
            first: first.map(|found| found.mean),
            first_low: first.map(|found| found.low),
            first_high: first.map(|found| found.high),
            second: second.map(|found| found.mean),
            second_low: second.map(|found| found.low),
            second_high: second.map(|found| found.high),
            difference: difference.map(|found| found.mean),
            low: difference.map(|found| found.low),
            high: difference.map(|found| found.high),
            holds: measured.holds(direction),
        }
    });
    named(rows.collect(), &Pair::published())
}

/// The table of [`sample_answer`] for a page: a table of [`AnswerInWordsRow`]s.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing.
pub fn answer_in_words(answer: &DataFrame) -> Result<DataFrame> {
    let (rows, pair) = unnamed::<AnswerRow>(answer)?;
    let words = |value: Option<f64>, low: Option<f64>, high: Option<f64>| {
        let [value, low, high] = [value, low, high].map(|one| one.unwrap_or(f64::NAN));
        with_interval(value, low, high)
    };
    let row = |row: AnswerRow| AnswerInWordsRow {
        first: words(row.first, row.first_low, row.first_high),
        second: words(row.second, row.second_low, row.second_high),
        difference: words(row.difference, row.low, row.high),
        measure: row.measure,
        truth: row.truth,
        holds: row.holds,
    };
    named(rows.into_iter().map(row).collect(), &pair)
}

/// How many rows of [`sample_answer`] are true by construction, and of how many of them that was measured.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing.
pub(crate) fn known_and_measured(answer: &DataFrame) -> Result<(usize, usize)> {
    let (rows, _) = unnamed::<AnswerRow>(answer)?;
    let count = |of: fn(Holds) -> bool| rows.iter().filter(|row| of(row.holds)).count();
    Ok((count(|holds| holds != Holds::Open), count(|holds| holds == Holds::Yes)))
}

/// A value with its interval, in two decimals, or three where two would leave nothing of it; `–` for a value that is none.
///
/// ```
/// use lgf::analysis::with_interval;
///
/// assert_eq!(with_interval(0.221, 0.148, 0.294), "0.22 [0.15, 0.29]");
/// assert_eq!(with_interval(0.031, -0.002, 0.061), "0.031 [-0.002, 0.061]");
/// assert_eq!(with_interval(0.5, f64::NAN, f64::NAN), "0.50");
/// ```
pub fn with_interval(value: f64, low: f64, high: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let known = low.is_finite() && high.is_finite();
    let most =
        [value, low, high].into_iter().filter(|one| one.is_finite()).fold(0.0f64, |most, one| most.max(one.abs()));
    let decimals = if most < 0.1 { 3 } else { 2 };
    // No minus before a nought.
    let written = |one: f64| {
        let text = format!("{one:.decimals$}");
        if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') { text.replace('-', "") } else { text }
    };
    let ends = if known { format!(" [{}, {}]", written(low), written(high)) } else { String::new() };
    format!("{}{ends}", written(value))
}

/// Shape bias of both networks on the pictures of different cues that both have decided on.
fn biases(trials: &Trials) -> Measured {
    let networks: Vec<Option<usize>> =
        PUBLISHED.iter().map(|name| trials.observers.iter().position(|observer| observer.name == **name)).collect();
    let [Some(first), Some(second)] = networks[..] else { return Measured::of::<()>(&[], |_, _| f64::NAN) };
    let differ =
        |place: &usize| trials.pictures[*place].texture.is_some_and(|other| other != trials.pictures[*place].category);
    let decided = |place: &usize| {
        [first, second].iter().all(|&network| trials.observers[network].answers[*place] != Answer::Unseen)
    };
    let mut pictures: Vec<usize> = (0..trials.pictures.len()).filter(differ).filter(decided).collect();
    pictures.sort_by_key(|&place| &trials.pictures[place].image);
    let strata: Vec<usize> = pictures.iter().map(|&place| trials.pictures[place].category).collect();
    Measured::of(&strata, |network, drawn| {
        let answers = &trials.observers[[first, second][network]].answers;
        let chose = |row: usize, category: Option<usize>| match answers[pictures[row]] {
            Answer::Category(chosen) => Some(chosen) == category,
            _ => false,
        };
        let count = |of: fn(&Trials, usize) -> Option<usize>| {
            drawn.iter().filter(|&&row| chose(row, of(trials, pictures[row]))).count() as f64
        };
        let shape = count(|trials, place| Some(trials.pictures[place].category));
        shape / (shape + count(|trials, place| trials.pictures[place].texture))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{column, comes_back};

    #[test]
    fn rows_come_back_from_their_tables_and_from_those_with_names() {
        comes_back::<AnswerRow>();
        comes_back::<AnswerInWordsRow>();
        let (rows, pair): (Vec<AnswerRow>, _) =
            ((1..3).map(crate::table::Row::example).collect(), Pair::new("plain net", "Übung"));
        let table = named(rows.clone(), &pair).unwrap();
        assert!(column(&table, "Übung low").is_ok() && column(&table, "plain net").is_ok(), "{table}");
        assert_eq!(unnamed::<AnswerRow>(&table).unwrap(), (rows, pair));
    }

    fn of(pairs: &[[f64; 2]]) -> Measured {
        let one = |pair: &[f64; 2]| Observation { class: "c".into(), first: pair[0], second: pair[1] };
        Measured::of_means(&pairs.iter().map(one).collect::<Vec<_>>())
    }

    #[test]
    fn what_holds_is_said_by_an_interval_and_not_by_a_sign() {
        let clear: Vec<[f64; 2]> =
            (0..20).map(|i| [f64::from(i % 5), f64::from(i % 5) + 1.0 + f64::from(i % 3)]).collect();
        assert_eq!(of(&clear).holds(Direction::SecondLarger), Holds::Yes);
        assert_eq!(of(&clear).holds(Direction::FirstLarger), Holds::No);
        assert_eq!(of(&clear).holds(Direction::Open), Holds::Open);
        // A mean that is larger by chance alone.
        let vague: Vec<[f64; 2]> = (0..20).map(|i| [0.0, if i % 2 == 0 { 1.1 } else { -1.0 }]).collect();
        let vague = of(&vague);
        assert!(vague.difference.unwrap().mean > 0.0);
        assert_eq!(vague.holds(Direction::SecondLarger), Holds::Undecided);
        // One photograph, five, and photographs that are all one value.
        for few in [&clear[..1], &clear[..5], &[[0.0, 1.0]; 20][..], &[]] {
            assert_eq!(of(few).holds(Direction::SecondLarger), Holds::Undecided, "{}", few.len());
        }
    }
}
