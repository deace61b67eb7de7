//! What decisions on pictures of two cues follow: shape bias and what it is made of.

use std::collections::HashMap;

use super::differences::{Difference, tested};
use super::parameters::Observing;
use crate::error::{Code, Error, Result};
use crate::observers::{Answer, Trials};
use crate::stats::{Sources, crossed};
use crate::study::Pair;
use crate::table::{ObserverKind, table};

/// The name of the row of all people together, and that of the rules that stand for them.
pub const PEOPLE: &str = "people";
/// The name of the row of all rules together.
pub const RULES: &str = "rules";

table! {
    /// Decisions of an observer on cue-conflict pictures whose shape and texture are of different categories.
    #[derive(Default)]
    pub struct ShapeBiasRow {
        /// The set of stimuli.
        set: String,
        /// The observer; `people` for the mean of all people.
        observer: String,
        /// What it is.
        kind: ObserverKind,
        /// The shape's category; empty for all.
        category: String,
        /// Trials.
        trials: f64,
        /// Decisions for the shape; of `people`, their mean, here and below.
        shape: f64,
        /// Decisions for the texture.
        texture: f64,
        /// Decisions for neither.
        other: f64,
        /// Trials without a decision.
        missed: f64,
        /// Trials of the whole set on which several categories tied, those of one category among them.
        tied: f64,
        /// Shape decisions over trials, 0 to 1.
        shape_match: f64,
        /// Lower end of its 95 % interval, as for all below: shape sources and texture sources drawn again.
        shape_match_low: Option<f64>,
        /// Upper end.
        shape_match_high: Option<f64>,
        /// Texture decisions over trials, 0 to 1.
        texture_match: f64,
        /// Lower end.
        texture_match_low: Option<f64>,
        /// Upper end.
        texture_match_high: Option<f64>,
        /// Decisions for either over trials, 0 to 1.
        cue_accuracy: f64,
        /// Lower end.
        cue_accuracy_low: Option<f64>,
        /// Upper end.
        cue_accuracy_high: Option<f64>,
        /// Decisions for the shape over those for either, 0 to 1; missing where there was none.
        shape_bias: Option<f64>,
        /// Lower end.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// The mean of the categories' shape biases, of those that have one.
        by_category: Option<f64>,
        /// Lower end of its interval.
        by_category_low: Option<f64>,
        /// Upper end.
        by_category_high: Option<f64>,
        /// Categories of these pictures without a decision for either.
        empty_categories: i64,
        /// Mean of 1 / rank of the shape's best class, over that and the same of the texture's; of networks, 0 to 1.
        rank_bias: Option<f64>,
        /// Lower end of its interval.
        rank_low: Option<f64>,
        /// Upper end.
        rank_high: Option<f64>,
    }
}

table! {
    /// The difference of two observers' shape biases on the same trials.
    pub struct BiasDifferenceRow {
        /// The set of stimuli.
        set: String,
        /// The first observer.
        first: String,
        /// The second.
        second: String,
        /// Trials that both decided on.
        trials: i64,
        /// The first's shape bias less the second's, by category or pooled as was chosen.
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

/// What a decision follows, of the trials of two different cues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cue {
    Shape,
    Texture,
    Other,
    Missed,
    Unseen,
}

/// The trials of a set whose cues differ.
struct Conflict<'t> {
    trials: &'t Trials,
    /// Their places among the pictures.
    pictures: Vec<usize>,
    /// Their sources.
    sources: Vec<Sources>,
    /// What each observer follows, trial by trial.
    followed: Vec<Vec<Cue>>,
}

impl<'t> Conflict<'t> {
    fn of(trials: &'t Trials) -> Result<Self> {
        let differ = |picture: &usize| {
            let picture = &trials.pictures[*picture];
            picture.texture.is_some_and(|texture| texture != picture.category)
        };
        let pictures: Vec<usize> = (0..trials.pictures.len()).filter(differ).collect();
        if pictures.is_empty() {
            let found = format!("no picture of {} has a shape and a texture of different categories", trials.set);
            return Err(Error::new(Code::Parameter, found));
        }
        let mut numbers: [HashMap<&str, usize>; 2] = Default::default();
        let mut number = |which: usize, name: &'t str| {
            let next = numbers[which].len();
            *numbers[which].entry(name).or_insert(next)
        };
        let sources = |picture: &usize| match &trials.pictures[*picture].sources {
            Some([shape, texture]) => (number(0, shape), number(1, texture)),
            None => (*picture, *picture),
        };
        let sources = pictures.iter().map(sources).collect();
        let cue = |answers: &[Answer], place: usize| match (answers[place], &trials.pictures[place]) {
            (Answer::Unseen, _) => Cue::Unseen,
            (Answer::Missed, _) => Cue::Missed,
            (Answer::Category(chosen), picture) if chosen == picture.category => Cue::Shape,
            (Answer::Category(chosen), picture) if Some(chosen) == picture.texture => Cue::Texture,
            _ => Cue::Other,
        };
        let followed = trials
            .observers
            .iter()
            .map(|observer| pictures.iter().map(|place| cue(&observer.answers, *place)).collect())
            .collect();
        Ok(Conflict { trials, pictures, sources, followed })
    }

    fn category(&self, trial: usize) -> usize {
        self.trials.pictures[self.pictures[trial]].category
    }

    /// Counts of each category's trials under some weights.
    fn counts(&self, observer: usize, weights: &[f64]) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); self.trials.categories.len()];
        let ranks = self.trials.observers[observer].ranks.as_ref();
        for (trial, (cue, weight)) in self.followed[observer].iter().zip(weights).enumerate() {
            let own = &mut counts[self.category(trial)];
            match cue {
                Cue::Unseen => continue,
                Cue::Shape => own.shape += weight,
                Cue::Texture => own.texture += weight,
                Cue::Other => own.other += weight,
                Cue::Missed => own.missed += weight,
            }
            if let Some([shape, texture]) = ranks.map(|ranks| ranks[self.pictures[trial]]) {
                own.shape_rank += weight * shape;
                own.texture_rank += weight * texture;
            }
        }
        counts
    }
}

/// Weighted counts of decisions.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    shape: f64,
    texture: f64,
    other: f64,
    missed: f64,
    shape_rank: f64,
    texture_rank: f64,
}

impl Counts {
    fn plus(self, other: Counts) -> Counts {
        Counts {
            shape: self.shape + other.shape,
            texture: self.texture + other.texture,
            other: self.other + other.other,
            missed: self.missed + other.missed,
            shape_rank: self.shape_rank + other.shape_rank,
            texture_rank: self.texture_rank + other.texture_rank,
        }
    }

    fn trials(&self) -> f64 {
        self.shape + self.texture + self.other + self.missed
    }

    /// NaN where there was no decision for either.
    fn bias(&self) -> f64 {
        self.shape / (self.shape + self.texture)
    }

    fn rank_bias(&self) -> f64 {
        self.shape_rank / (self.shape_rank + self.texture_rank)
    }
}

/// What intervals are made for, of one observer's counts: pooled, by category, by rank, shape match, texture match, cue accuracy,
/// then each category's own bias.
fn statistics(counts: &[Counts]) -> Vec<f64> {
    let all = counts.iter().copied().fold(Counts::default(), Counts::plus);
    let own: Vec<f64> = counts.iter().map(Counts::bias).collect();
    let trials = all.trials();
    let mut out = vec![
        all.bias(),
        mean_of_finite(&own),
        all.rank_bias(),
        all.shape / trials,
        all.texture / trials,
        (all.shape + all.texture) / trials,
    ];
    out.extend(own);
    out
}

const POOLED: usize = 0;
const BY_CATEGORY: usize = 1;
const BY_RANK: usize = 2;
const SHAPE_MATCH: usize = 3;
const TEXTURE_MATCH: usize = 4;
const CUE_ACCURACY: usize = 5;
const EACH: usize = 6;

/// The mean of those that are finite; NaN for none.
pub(super) fn mean_of_finite(values: &[f64]) -> f64 {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    finite().sum::<f64>() / finite().count() as f64
}

/// Shape bias of each observer on pictures of two cues (Geirhos et al. 2019) and what it is made of: over all pictures and by
/// the shape's category, each with the interval of a crossed bootstrap over the sources of shapes and of textures, the same
/// draws for all observers. Pictures whose shape and texture are of one category are left out. Where there are several people,
/// or rules that stand for them, a row more has the mean of all of them, made inside each draw.
///
/// # Errors
/// [`Code::Parameter`] if no picture has different cues.
pub fn shape_bias(trials: &Trials, how: &Observing) -> Result<Vec<ShapeBiasRow>> {
    let conflict = Conflict::of(trials)?;
    let observers: Vec<Group> = groups(trials);
    let ones = vec![1.0; conflict.pictures.len()];
    let of_group = |group: &Group, weights: &[f64]| {
        let each: Vec<Vec<f64>> = group.members.iter().map(|one| statistics(&conflict.counts(*one, weights))).collect();
        let place = |place: usize| mean_of_finite(&each.iter().map(|own| own[place]).collect::<Vec<_>>());
        (0..EACH + trials.categories.len()).map(place).collect::<Vec<f64>>()
    };
    let draws = crossed(&conflict.sources, how.draws, how.seed, |weights| {
        observers.iter().flat_map(|group| of_group(group, weights)).collect()
    });
    let width = EACH + trials.categories.len();
    let ends_of_all = draws.intervals();
    let shown = |category: &usize| (0..conflict.pictures.len()).any(|trial| conflict.category(trial) == *category);
    let mut rows = Vec::new();
    for (number, group) in observers.iter().enumerate() {
        let found = of_group(group, &ones);
        let ends = |place: usize| ends_of_all.get(number * width + place).and_then(|ends| ends.0);
        let counts: Vec<Vec<Counts>> = group.members.iter().map(|one| conflict.counts(*one, &ones)).collect();
        let mean =
            |of: &dyn Fn(&[Counts]) -> f64| counts.iter().map(|own| of(own)).sum::<f64>() / group.members.len() as f64;
        let row = |category: Option<usize>, place: usize| {
            let pick = |own: &[Counts]| match category {
                Some(category) => own[category],
                None => own.iter().copied().fold(Counts::default(), Counts::plus),
            };
            let all = |of: fn(&Counts) -> f64| mean(&|own| of(&pick(own)));
            let trials_of = all(Counts::trials);
            let ends_of = |place: usize| if found[place].is_finite() { ends(place) } else { None };
            let [low, high] = ends_of(place).map(|ends| ends.map(Some)).unwrap_or_default();
            let whole = category.is_none();
            let if_whole = |place: usize| if whole && found[place].is_finite() { Some(found[place]) } else { None };
            let of_whole = |place: usize| {
                if_whole(place).and_then(|_| ends_of(place)).map(|ends| ends.map(Some)).unwrap_or_default()
            };
            let [shape_match_low, shape_match_high] = of_whole(SHAPE_MATCH);
            let [texture_match_low, texture_match_high] = of_whole(TEXTURE_MATCH);
            let [cue_accuracy_low, cue_accuracy_high] = of_whole(CUE_ACCURACY);
            let [category_low, category_high] = of_whole(BY_CATEGORY);
            let [rank_low, rank_high] = of_whole(BY_RANK);
            ShapeBiasRow {
                set: trials.set.clone(),
                observer: group.name.clone(),
                kind: group.kind,
                category: category.map(|category| trials.categories[category].clone()).unwrap_or_default(),
                trials: trials_of,
                shape: all(|own| own.shape),
                texture: all(|own| own.texture),
                other: all(|own| own.other),
                missed: all(|own| own.missed),
                tied: if whole { group.tied } else { f64::NAN },
                shape_match: all(|own| own.shape) / trials_of,
                shape_match_low,
                shape_match_high,
                texture_match: all(|own| own.texture) / trials_of,
                texture_match_low,
                texture_match_high,
                cue_accuracy: all(|own| own.shape + own.texture) / trials_of,
                cue_accuracy_low,
                cue_accuracy_high,
                shape_bias: Some(found[place]).filter(|value| value.is_finite()),
                low,
                high,
                by_category: if_whole(BY_CATEGORY),
                by_category_low: category_low,
                by_category_high: category_high,
                empty_categories: (0..trials.categories.len())
                    .filter(|category| shown(category) && !found[EACH + category].is_finite())
                    .count() as i64,
                rank_bias: if_whole(BY_RANK),
                rank_low,
                rank_high,
            }
        };
        rows.push(row(None, POOLED));
        rows.extend((0..trials.categories.len()).filter(shown).map(|category| row(Some(category), EACH + category)));
    }
    Ok(rows)
}

/// An observer, or all people.
struct Group {
    name: String,
    kind: ObserverKind,
    members: Vec<usize>,
    tied: f64,
}

/// Each observer, then all people and all rules.
fn groups(trials: &Trials) -> Vec<Group> {
    let each = trials.observers.iter().enumerate().map(|(place, observer)| Group {
        name: observer.name.clone(),
        kind: observer.kind,
        members: vec![place],
        tied: observer.tied as f64,
    });
    let together =
        [(ObserverKind::Person, PEOPLE), (ObserverKind::Rule, RULES)].into_iter().filter_map(|(kind, name)| {
            let members = trials.of_kind(kind);
            (members.len() > 1).then(|| Group { name: name.into(), kind, members, tied: 0.0 })
        });
    each.chain(together).collect()
}

/// The pairs of a set that are compared: those that a study names, as far as both decided, else its networks as
/// [`Pair::among`]; then people, or the rules that stand for them, with each network.
pub fn bias_pairs(trials: &Trials, named: &[Pair]) -> Vec<Pair> {
    let mut pairs = network_pairs(trials, named);
    for (kind, group) in [(ObserverKind::Person, PEOPLE), (ObserverKind::Rule, RULES)] {
        if trials.of_kind(kind).len() > 1 {
            let networks = trials.of_kind(ObserverKind::Network).into_iter().map(|one| &trials.observers[one].name);
            pairs.extend(networks.map(|name| Pair::new(group, name)));
        }
    }
    pairs
}

/// Those of networks alone.
pub(super) fn network_pairs(trials: &Trials, named: &[Pair]) -> Vec<Pair> {
    let there = |name: &str| trials.observers.iter().any(|one| one.name == name);
    let own: Vec<Pair> = named.iter().filter(|pair| pair.names().into_iter().all(there)).cloned().collect();
    if !own.is_empty() {
        return own;
    }
    let networks = trials.of_kind(ObserverKind::Network).into_iter().map(|one| trials.observers[one].name.as_str());
    Pair::among(&networks.collect::<Vec<_>>())
}

/// The differences of the shape biases of pairs of observers on the trials that both decided on; the interval of each is of the
/// difference in the same draws, and Holm's correction is over all pairs. `people` stands for the mean of all people. A pair of
/// which one did not decide is left out.
///
/// # Errors
/// As [`shape_bias`].
pub fn bias_differences(trials: &Trials, pairs: &[Pair], how: &Observing) -> Result<Vec<BiasDifferenceRow>> {
    let conflict = Conflict::of(trials)?;
    let groups = groups(trials);
    let place = if how.bias == super::parameters::Bias::Pooled { POOLED } else { BY_CATEGORY };
    let named = |name: &str| groups.iter().find(|group| group.name == name);
    let pairs: Vec<(&Group, &Group)> =
        pairs.iter().filter_map(|pair| Some((named(&pair.first)?, named(&pair.second)?))).collect();
    let saw = |(first, second): &(&Group, &Group), trial: usize| {
        first.members.iter().chain(&second.members).all(|one| conflict.followed[*one][trial] != Cue::Unseen)
    };
    let value = |group: &Group, weights: &[f64]| {
        let own = |one: &usize| statistics(&conflict.counts(*one, weights))[place];
        mean_of_finite(&group.members.iter().map(own).collect::<Vec<_>>())
    };
    let shared: Vec<Vec<f64>> = pairs
        .iter()
        .map(|pair| (0..conflict.pictures.len()).map(|trial| f64::from(u8::from(saw(pair, trial)))).collect())
        .collect();
    // Where both decided on all trials, an observer is counted once a draw, in however many pairs it is.
    let all_shared: Vec<bool> = shared.iter().map(|own| own.iter().all(|saw| *saw == 1.0)).collect();
    let differences = |weights: &[f64]| -> Vec<f64> {
        let mut known: HashMap<&str, f64> = HashMap::new();
        let mut out = Vec::with_capacity(pairs.len());
        for (pair, (first, second)) in pairs.iter().enumerate() {
            if all_shared[pair] {
                for group in [first, second] {
                    known.entry(&group.name).or_insert_with(|| value(group, weights));
                }
                out.push(known[first.name.as_str()] - known[second.name.as_str()]);
            } else {
                let own: Vec<f64> = weights.iter().zip(&shared[pair]).map(|(weight, saw)| weight * saw).collect();
                out.push(value(first, &own) - value(second, &own));
            }
        }
        out
    };
    let draws = crossed(&conflict.sources, how.draws, how.seed, differences);
    let of_ones = differences(&vec![1.0; conflict.pictures.len()]);
    let found = of_ones.into_iter().enumerate().map(|(pair, value)| (value, draws.column(pair))).collect();
    let row = |((pair, (first, second)), one): ((usize, &(&Group, &Group)), Difference)| BiasDifferenceRow {
        set: trials.set.clone(),
        first: first.name.clone(),
        second: second.name.clone(),
        trials: shared[pair].iter().sum::<f64>() as i64,
        difference: one.value,
        low: one.low,
        high: one.high,
        p: one.p,
        adjusted: one.adjusted,
    };
    Ok(pairs.iter().enumerate().zip(tested(found)?).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observers::Decision;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_tables() {
        comes_back::<ShapeBiasRow>();
        comes_back::<BiasDifferenceRow>();
    }

    fn how() -> Observing {
        Observing { draws: 500, ..Observing::default() }
    }

    fn decision(observer: &str, image: &str, response: Option<&str>) -> Decision {
        Decision {
            observer: observer.into(),
            session: "1".into(),
            trial: 1,
            rt: f64::NAN,
            response: response.map(Into::into),
            category: crate::study::cue_category(image.split('-').next().unwrap_or_default()).into(),
            condition: "0".into(),
            imagename: image.into(),
        }
    }

    fn trials(decisions: &[Decision]) -> Trials {
        let names = ["bear", "cat", "dog"].map(String::from);
        Trials::of("cue-conflict", &names, decisions, false).unwrap()
    }

    #[test]
    fn decisions_are_counted_and_pictures_of_one_category_left_out() {
        let found = trials(&[
            decision("net", "bear1-cat1.png", Some("bear")),
            decision("net", "bear1-dog1.png", Some("dog")),
            decision("net", "bear2-dog1.png", Some("cat")),
            decision("net", "bear2-cat1.png", None),
            decision("net", "cat1-dog1.png", Some("cat")),
            decision("net", "dog1-dog2.png", Some("dog")),
        ]);
        let rows = shape_bias(&found, &how()).unwrap();
        let all = &rows[0];
        assert_eq!((all.trials, all.shape, all.texture, all.other, all.missed), (5.0, 2.0, 1.0, 1.0, 1.0));
        assert_eq!((all.shape_match, all.texture_match, all.cue_accuracy), (0.4, 0.2, 0.6));
        assert_eq!(all.shape_bias, Some(2.0 / 3.0));
        // Bears 1 of 2, cats 1 of 1; no dog has another texture.
        assert_eq!((all.by_category, all.empty_categories), (Some(0.75), 0));
        let names: Vec<&str> = rows.iter().map(|row| row.category.as_str()).collect();
        assert_eq!(names, ["", "bear", "cat"], "a category without trials has no row");
        assert_eq!(all.low, None, "undefined in more than a twentieth of the draws");
        assert_eq!(all.rank_bias, None, "of a file of decisions nothing is known of ranks");
    }

    #[test]
    fn people_are_averaged_and_compared_with_networks_on_the_same_trials() {
        let mut all = Vec::new();
        for number in 0..40 {
            let image = format!("bear{}-cat{}.png", number / 5, number % 5);
            all.push(decision("subject-01", &image, Some("bear")));
            all.push(decision("subject-02", &image, Some(if number % 10 == 0 { "cat" } else { "bear" })));
            if number < 30 {
                all.push(decision("net", &image, Some(if number % 2 == 0 { "cat" } else { "bear" })));
            }
        }
        let found = trials(&all);
        let rows = shape_bias(&found, &how()).unwrap();
        let people = rows.iter().find(|row| row.observer == PEOPLE && row.category.is_empty()).unwrap();
        assert_eq!((people.shape_bias, people.shape), (Some(0.95), 38.0));
        let pairs = [Pair::new(PEOPLE, "net"), Pair::new("subject-01", "subject-02"), Pair::new("net", "nobody")];
        let differences = bias_differences(&found, &pairs, &how()).unwrap();
        assert_eq!(differences.len(), 2, "nobody decided nothing");
        let first = &differences[0];
        assert_eq!(first.trials, 30);
        assert!((first.difference.unwrap() - (0.95 - 0.5)).abs() < 1e-12);
        assert!(first.low.unwrap() > 0.0 && first.adjusted.unwrap() >= first.p.unwrap());
    }

    /// The same draws, slowly in numpy.
    #[test]
    fn intervals_are_those_of_the_reference() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/observers.json")).unwrap();
        let crossed = &golden["crossed"];
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in golden["files"].as_object().unwrap() {
            if let Some(name) = name.strip_prefix("cue-conflict/") {
                std::fs::write(folder.path().join(name), text.as_str().unwrap()).unwrap();
            }
        }
        let files = crate::observers::read_folder(folder.path()).unwrap();
        let all: Vec<Decision> = files.into_iter().flat_map(|(_, decisions)| decisions).collect();
        let sixteen = crate::study::Categories::sixteen().names;
        let trials = Trials::of("cue-conflict", &sixteen, &all, false).unwrap();
        let conflict = Conflict::of(&trials).unwrap();
        let observer = trials.observer(crossed["observer"].as_str().unwrap()).unwrap();
        let names = |key: &str| -> Vec<String> { serde_json::from_value(crossed[key].clone()).unwrap() };
        let times = |key: &str| -> Vec<Vec<f64>> { serde_json::from_value(crossed[key].clone()).unwrap() };
        let sources = [names("shape_sources"), names("texture_sources")];
        let (rows, columns) = (times("row_times"), times("column_times"));
        let draws: Vec<Vec<f64>> = rows
            .iter()
            .zip(&columns)
            .map(|(row, column)| {
                let weight = |picture: &usize| {
                    let own = trials.pictures[*picture].sources.as_ref().unwrap();
                    let place = |which: usize| sources[which].iter().position(|name| *name == own[which]).unwrap();
                    row[place(0)] * column[place(1)]
                };
                let weights: Vec<f64> = conflict.pictures.iter().map(weight).collect();
                statistics(&conflict.counts(observer, &weights))
            })
            .collect();
        for (key, place) in [("pooled", POOLED), ("by_category", BY_CATEGORY)] {
            let expected: [f64; 2] = serde_json::from_value(crossed[key].clone()).unwrap();
            let found = crate::stats::percentiles(draws.iter().map(|draw| draw[place])).0.unwrap();
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{key}: {found:?} {expected:?}");
        }
    }

    #[test]
    fn a_set_without_conflict_is_an_error() {
        let error = shape_bias(&trials(&[decision("net", "dog1-dog2.png", Some("dog"))]), &how()).unwrap_err();
        assert!(error.to_string().contains("different categories"), "{error}");
    }
}
