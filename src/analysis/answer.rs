use std::collections::BTreeMap;

use polars::prelude::*;

use super::bias::Cue;
use super::conclusions::{LEAST, Shares};
use super::curves::SEED;
use super::hypotheses::PUBLISHED;
use super::parameters::{Baseline, Chance, Unit};
use super::pictures::Pictures;
use super::{distinct, missing};
use crate::error::Result;
use crate::stats::{Interval, bootstrap};
use crate::table::{floats, texts};

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

/// The known answer about `resnet50`, trained with each class's own texture, and `sin-resnet50`, trained with textures
/// exchanged at random: what is measured, which must be larger, and why.
pub fn known_answer() -> [(&'static str, Direction, &'static str); 5] {
    [
        ("shape bias on cue-conflict pictures", Direction::SecondLarger, "its textures told it nothing in training"),
        ("fall of the true class when scrambled", Direction::SecondLarger, "scrambling breaks shape and keeps texture"),
        ("fall of the true class when smoothed", Direction::FirstLarger, "smoothing takes texture and keeps shape"),
        ("relevance on outlines beyond chance", Direction::SecondLarger, "only the outline told it anything"),
        ("relevance on edges beyond chance", Direction::Open, "outlines are edges, and so are textures"),
    ]
}

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

    fn of_pairs(pairs: &[(String, [f64; 2])]) -> Self {
        let strata: Vec<&String> = pairs.iter().map(|pair| &pair.0).collect();
        Measured::of(&strata, |network, drawn| {
            drawn.iter().map(|&row| pairs[row].1[network]).sum::<f64>() / drawn.len() as f64
        })
    }

    /// Whether what is true by construction was measured.
    fn holds(&self, direction: Direction) -> &'static str {
        if direction == Direction::Open {
            return "";
        }
        let Some(Interval { low, high, .. }) = self.difference else { return UNDECIDED };
        match direction {
            _ if self.n < LEAST || low == high || (low <= 0.0 && high >= 0.0) => UNDECIDED,
            Direction::SecondLarger if low > 0.0 => "yes",
            Direction::FirstLarger if high < 0.0 => "yes",
            _ => "no",
        }
    }
}

const UNDECIDED: &str = "undecided";

/// What is true by construction beside what was measured: `measure, true by construction, because, n` (photographs, or
/// pictures of two cues), then for each of the two networks its value, `… low` and `… high`, then `difference` (the second
/// less the first), `low, high`, and `holds`: `yes` or `no` where the interval of the difference lies on one side of 0,
/// `undecided` where it covers 0, has no width or is of fewer than six, nothing where nothing was known before.
///
/// The falls are means over a photograph's changed pictures of all levels, of the softmax of the true class, from its own
/// untouched picture; relevance is that of the tenth of the pixels that has most of it, share on edges less chance.
/// Intervals are 95 % bootstraps over photographs within their classes, paired: the same photographs for both networks;
/// that of shape bias over the pictures, within the class of the shape.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a table lacks a column; [`Code::Model`](crate::error::Code::Model) if one of
/// the two networks is missing.
pub fn sample_answer(predictions: &DataFrame, decisions: &DataFrame, overlap: &DataFrame) -> Result<DataFrame> {
    for table in [predictions, decisions, overlap] {
        let networks = distinct(&texts(table, "model")?);
        if let Some(gone) = PUBLISHED.iter().find(|name| !networks.iter().any(|own| own == *name)) {
            return Err(missing(gone));
        }
    }
    let pictures = Pictures::of(predictions, "true_acc")?;
    let falls = |kind: &str| {
        let pairs = pictures.pairs(kind, None, PUBLISHED, Baseline::Own, Unit::Photograph);
        let fall = |pair: super::pictures::Pair| (pair.class, [-pair.first, -pair.second]);
        Measured::of_pairs(&pairs.into_iter().map(fall).collect::<Vec<_>>())
    };
    let on = |place: &str| -> Result<Measured> {
        let pairs = Shares::at(overlap, place)?.pairs(PUBLISHED, "top", |share| share.measure(Chance::Shifted));
        let pair = |pair: super::pictures::Pair| (pair.class, [pair.first, pair.second]);
        Ok(Measured::of_pairs(&pairs.into_iter().map(pair).collect::<Vec<_>>()))
    };
    let measured = [biases(decisions)?, falls("scrambled"), falls("smoothed"), on("outlines")?, on("whole")?];
    let answer = known_answer();
    let truth = |direction: Direction| match direction {
        Direction::FirstLarger => format!("{} more", PUBLISHED[0]),
        Direction::SecondLarger => format!("{} more", PUBLISHED[1]),
        Direction::Open => "open".into(),
    };
    type Pick = fn(&Measured) -> Option<Interval>;
    let column = |name: String, pick: Pick, of: fn(Interval) -> f64| {
        Column::new(name.into(), measured.iter().map(|one| pick(one).map(of)).collect::<Vec<_>>())
    };
    let mut columns = vec![
        Column::new("measure".into(), answer.iter().map(|row| row.0).collect::<Vec<_>>()),
        Column::new("true by construction".into(), answer.iter().map(|row| truth(row.1)).collect::<Vec<_>>()),
        Column::new("because".into(), answer.iter().map(|row| row.2).collect::<Vec<_>>()),
        Column::new("n".into(), measured.iter().map(|one| one.n as i64).collect::<Vec<_>>()),
    ];
    let networks: [(&str, Pick); 2] = [(PUBLISHED[0], |one| one.first), (PUBLISHED[1], |one| one.second)];
    for (name, pick) in networks {
        columns.push(column(name.into(), pick, |found| found.mean));
        columns.push(column(format!("{name} low"), pick, |found| found.low));
        columns.push(column(format!("{name} high"), pick, |found| found.high));
    }
    columns.push(column("difference".into(), |one| one.difference, |found| found.mean));
    columns.push(column("low".into(), |one| one.difference, |found| found.low));
    columns.push(column("high".into(), |one| one.difference, |found| found.high));
    let holds: Vec<&str> = measured.iter().zip(&answer).map(|(one, row)| one.holds(row.1)).collect();
    columns.push(Column::new("holds".into(), holds));
    Ok(DataFrame::new(answer.len(), columns)?)
}

/// The table of [`sample_answer`] for a page: `measure, true by construction, resnet50, sin-resnet50, difference, holds`,
/// numbers with their intervals, as `0.22 [0.15, 0.29]`.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing.
pub fn answer_in_words(answer: &DataFrame) -> Result<DataFrame> {
    let words = |value: &str, low: &str, high: &str| -> Result<Vec<String>> {
        let (values, lows, highs) = (floats(answer, value)?, floats(answer, low)?, floats(answer, high)?);
        Ok((0..values.len()).map(|row| with_interval(values[row], lows[row], highs[row])).collect())
    };
    let [first, second] = PUBLISHED;
    Ok(df!(
        "measure" => texts(answer, "measure")?,
        "true by construction" => texts(answer, "true by construction")?,
        first => words(first, &format!("{first} low"), &format!("{first} high"))?,
        second => words(second, &format!("{second} low"), &format!("{second} high"))?,
        "difference" => words("difference", "low", "high")?,
        "holds" => texts(answer, "holds")?,
    )?)
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

/// Shape bias of both networks on the pictures that both have decided.
fn biases(decisions: &DataFrame) -> Result<Measured> {
    let (models, files, shapes) = (texts(decisions, "model")?, texts(decisions, "file")?, texts(decisions, "shape")?);
    let cues = Cue::of(decisions)?;
    let mut pictures: BTreeMap<&String, (&String, [Option<Cue>; 2])> = BTreeMap::new();
    for row in 0..models.len() {
        let Some(network) = PUBLISHED.iter().position(|name| *name == models[row]) else { continue };
        if let Some(cue) = cues[row] {
            pictures.entry(&files[row]).or_insert((&shapes[row], [None; 2])).1[network] = Some(cue);
        }
    }
    let both: Vec<(&String, [Cue; 2])> =
        pictures.into_values().filter_map(|(shape, [first, second])| Some((shape, [first?, second?]))).collect();
    let strata: Vec<&String> = both.iter().map(|picture| picture.0).collect();
    Ok(Measured::of(&strata, |network, drawn| {
        let count = |cue: Cue| drawn.iter().filter(|&&row| both[row].1[network] == cue).count() as f64;
        count(Cue::Shape) / (count(Cue::Shape) + count(Cue::Texture))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[[f64; 2]]) -> Measured {
        Measured::of_pairs(&pairs.iter().map(|pair| ("c".to_string(), *pair)).collect::<Vec<_>>())
    }

    #[test]
    fn what_holds_is_said_by_an_interval_and_not_by_a_sign() {
        let clear: Vec<[f64; 2]> =
            (0..20).map(|i| [f64::from(i % 5), f64::from(i % 5) + 1.0 + f64::from(i % 3)]).collect();
        assert_eq!(of(&clear).holds(Direction::SecondLarger), "yes");
        assert_eq!(of(&clear).holds(Direction::FirstLarger), "no");
        assert_eq!(of(&clear).holds(Direction::Open), "");
        // A mean that is larger by chance alone.
        let vague: Vec<[f64; 2]> = (0..20).map(|i| [0.0, if i % 2 == 0 { 1.1 } else { -1.0 }]).collect();
        let vague = of(&vague);
        assert!(vague.difference.unwrap().mean > 0.0);
        assert_eq!(vague.holds(Direction::SecondLarger), "undecided");
        // One photograph, five, and photographs that are all one value.
        for few in [&clear[..1], &clear[..5], &[[0.0, 1.0]; 20][..], &[]] {
            assert_eq!(of(few).holds(Direction::SecondLarger), "undecided", "{}", few.len());
        }
    }
}
