//! What networks do without a feature: accuracy on pictures that it was taken from, beside that on the untouched ones.

use std::collections::{BTreeMap, BTreeSet};

use super::differences::{Difference, tested};
use super::distinct::distinct;
use super::kinds::{dose, stronger_of, untouched_of};
use super::parameters::{Observing, Parameters};
use crate::datasets::{
    Condition, Feature, Kind, RemovedRow, SHUFFLED, SHUFFLED_SEAMS, SHUFFLED_UNEQUAL, Stronger, recall_kinds,
};
use crate::error::{Code, Error, Result};
use crate::stats::{Draws, Sources, crossed, percentiles};
use crate::study::{Pair, Study};
use crate::table::{PredictionRow, table};

table! {
    /// Accuracy of a network at a level of a kind of picture; intervals by photographs drawn again, the same for all networks and
    /// levels.
    pub struct FeatureCurveRow {
        /// The network.
        model: String,
        /// The kind of changed picture.
        kind: String,
        /// Its level; 0 for the untouched picture.
        level: i64,
        /// Photographs that have every picture.
        images: i64,
        /// Share of pictures that it is right on.
        accuracy: f64,
        /// Lower end of its 95 % interval.
        accuracy_low: Option<f64>,
        /// Upper end.
        accuracy_high: Option<f64>,
        /// Relative accuracy I: that over the accuracy on untouched pictures; missing where that is 0.
        relative: Option<f64>,
        /// Lower end.
        relative_low: Option<f64>,
        /// Upper end.
        relative_high: Option<f64>,
        /// Relative accuracy II: both less chance; missing where untouched pictures are at chance or below.
        above_chance: Option<f64>,
        /// Lower end.
        above_chance_low: Option<f64>,
        /// Upper end.
        above_chance_high: Option<f64>,
        /// What is left of the pictures' local variance, as for those below a mean over photographs; see [`RemovedRow`].
        variance: Option<f64> as "local variance",
        /// Of their high frequencies.
        energy: Option<f64> as "high-frequency energy",
        /// Correlation of gradients with the untouched picture's.
        gradients: Option<f64> as "gradient correlation",
        /// Of their colourfulness.
        colour: Option<f64> as "colourfulness",
    }
}

table! {
    /// What is left of a network's accuracy without a feature.
    pub struct RelianceRow {
        /// The network, or whose published numbers they are.
        model: String,
        /// The feature.
        feature: Feature,
        /// The kind of picture that it is taken away in; empty for published numbers.
        kind: String,
        /// Its level.
        level: i64,
        /// Photographs; 0 for published numbers.
        images: i64,
        /// Accuracy on untouched pictures.
        untouched: Option<f64>,
        /// Accuracy without the feature.
        suppressed: Option<f64>,
        /// Accuracy with the seams of the manipulation alone, where it has such a control.
        control: Option<f64>,
        /// Relative accuracy I: without over untouched.
        relative: Option<f64>,
        /// Lower end of its 95 % interval.
        relative_low: Option<f64>,
        /// Upper end.
        relative_high: Option<f64>,
        /// Relative accuracy II: both less chance.
        above_chance: Option<f64>,
        /// Lower end.
        above_chance_low: Option<f64>,
        /// Upper end.
        above_chance_high: Option<f64>,
    }
}

table! {
    /// A network's curve over one kind of picture of several strengths in two numbers.
    pub struct EnduranceRow {
        /// The network.
        model: String,
        /// The kind of changed picture.
        kind: String,
        /// Levels, the untouched picture among them.
        levels: i64,
        /// Area under relative accuracy I, from the untouched picture to the strongest level, levels evenly apart in the order of
        /// their strength: 1 where nothing is lost.
        area: Option<f64>,
        /// Lower end of its 95 % interval.
        area_low: Option<f64>,
        /// Upper end.
        area_high: Option<f64>,
        /// The level at which relative accuracy II falls below one half for good, along a line between two levels; missing where
        /// it does not.
        half: Option<f64>,
        /// Lower end of its interval over the draws in which it does; missing where those are fewer than 95 in 100.
        half_low: Option<f64>,
        /// Upper end.
        half_high: Option<f64>,
    }
}

table! {
    /// Two networks without a feature: the difference of what is left of their accuracies (relative accuracy II).
    pub struct RelianceDifferenceRow {
        /// The feature.
        feature: Feature,
        /// The first network.
        first: String,
        /// The second.
        second: String,
        /// The first's less the second's.
        difference: Option<f64>,
        /// Lower end of its 95 % interval.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// Two-sided, by photographs drawn again.
        p: Option<f64>,
        /// The same after Holm's correction over all rows.
        adjusted: Option<f64> as "p (Holm)",
    }
}

table! {
    /// One network without two features: the difference of what is left of its accuracy (relative accuracy II). Below 0, it needs
    /// the first more.
    pub struct BalanceRow {
        /// The network.
        model: String,
        /// The first feature.
        first: Feature,
        /// The second.
        second: Feature,
        /// What is left without the first less what is left without the second.
        difference: Option<f64>,
        /// Lower end of its 95 % interval.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// Two-sided, by photographs drawn again.
        p: Option<f64>,
        /// The same after Holm's correction over all rows.
        adjusted: Option<f64> as "p (Holm)",
    }
}

table! {
    /// What tiles of unequal size, of which some stay (fault F1), leave of a network's accuracy, beside tiles of one size of which
    /// none does.
    pub struct CutRow {
        /// The feature.
        feature: Feature,
        /// The network.
        model: String,
        /// Tiles a side.
        level: i64,
        /// Relative accuracy I with tiles of one size.
        equal: Option<f64>,
        /// The same with unequal ones.
        unequal: Option<f64>,
        /// The second less the first: what the fault alone makes.
        difference: Option<f64>,
        /// Lower end of its 95 % interval.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
    }
}

/// Relative accuracies I of Burgert et al. 2025 (arXiv 2509.20234), in the order of [`Feature::ALL`].
pub const PUBLISHED_RELIANCE: [(&str, [f64; 4]); 2] =
    [("people (published)", [0.965, 0.763, 0.979, 0.999]), ("ResNet-50 (published)", [0.832, 0.276, 0.795, 0.924])];

/// What networks do without features.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliance {
    /// Accuracies, level by level.
    pub curves: Vec<FeatureCurveRow>,
    /// One row a network and feature; then the published numbers.
    pub scores: Vec<RelianceRow>,
    /// One row a network and kind of picture.
    pub endurance: Vec<EnduranceRow>,
    /// One row a feature and pair of networks.
    pub differences: Vec<RelianceDifferenceRow>,
    /// One row a network and pair of features.
    pub balance: Vec<BalanceRow>,
    /// One row a network and feature of shape, where tiles were cut both ways.
    pub cuts: Vec<CutRow>,
}

impl Reliance {
    /// The curves of one kind of picture, a row a network and level.
    pub fn of_kind(&self, kind: &str) -> Vec<FeatureCurveRow> {
        self.curves.iter().filter(|row| row.kind == kind).cloned().collect()
    }

    /// The curves of one network over some kinds of picture.
    pub fn of_network(&self, model: &str, kinds: &[&str]) -> Vec<FeatureCurveRow> {
        let own = |row: &&FeatureCurveRow| row.model == model && kinds.contains(&row.kind.as_str());
        self.curves.iter().filter(own).cloned().collect()
    }
}

/// What is asked of predictions.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The conditions that stand for features.
    pub conditions: &'a [Condition],
    /// The networks that are compared.
    pub pairs: &'a [Pair],
    /// The number of classes that networks choose from: chance is one over it.
    pub classes: usize,
}

/// Curves, scores and differences of networks without features, from predictions on suppressed pictures and what was removed of
/// them. Photographs that lack a picture of some kind, level or network are left out of all; `how` says how often they are drawn
/// again.
///
/// # Errors
/// [`Code::Table`] if there is no prediction, none of an untouched picture, or no photograph with every picture;
/// [`Code::Parameter`] for a condition that there is no picture of.
pub fn reliance(
    predictions: &[PredictionRow],
    removed: &[RemovedRow],
    asked: Asked<'_>,
    how: &Observing,
) -> Result<Reliance> {
    let found = Found::of(predictions)?;
    let scores = Scores::of(&found, asked)?;
    let trials: Vec<Sources> = (0..found.images).map(|image| (image, 0)).collect();
    let value = scores.all(&vec![1.0; found.images]);
    let draws = crossed(&trials, how.draws, how.seed, |weights| scores.all(weights));
    let said = Said { value, draws };
    Ok(Reliance {
        curves: scores.curves(&said, removed),
        scores: [scores.rows(&said), published()].concat(),
        endurance: scores.endurance(&said),
        differences: scores.differences(&said)?,
        balance: scores.balance(&said)?,
        cuts: scores.cuts(&said),
    })
}

/// The same of what a study's networks said of pictures without features, by the conditions of `parameters`.
///
/// # Errors
/// [`Code::Missing`] if that step has not run; as [`reliance`].
pub fn study_reliance(study: &Study, parameters: &Parameters) -> Result<Reliance> {
    let pairs = study.compared();
    let asked = Asked { conditions: &parameters.features, pairs: &pairs, classes: study.class_list().len() };
    recall_kinds(&study.store)?;
    let (found, removed) = (study.store.rows("features")?, study.store.rows("features_removed")?);
    reliance(&found, &removed, asked, &parameters.observers)
}

/// A kind of picture at a level.
type At<'a> = (&'a str, i64);

/// Which pictures were rightly named, by network, kind and level, and photograph.
struct Found<'a> {
    models: Vec<&'a str>,
    /// Kind by kind, from the untouched picture to the most changed.
    places: Vec<At<'a>>,
    /// Photographs, and their names.
    images: usize,
    names: BTreeSet<&'a str>,
    /// Share of right answers over variants: `[model][place][image]`.
    right: Vec<Vec<Vec<f64>>>,
}

impl<'a> Found<'a> {
    fn of(predictions: &'a [PredictionRow]) -> Result<Self> {
        let none =
            |what: &str| Error::new(Code::Table, what.to_string()).hint("run the features first: `lgf features`");
        let models = distinct(predictions.iter().map(|row| row.model.as_str()));
        let kinds = distinct(predictions.iter().map(|row| row.kind.as_str()));
        let mut places: Vec<At> = predictions.iter().map(|row| (row.kind.as_str(), row.level)).collect();
        places.sort_by_key(|(kind, level)| (kinds.iter().position(|own| own == kind), dose(kind, *level)));
        places.dedup();
        // By photograph, and by model and place: right answers and pictures.
        let mut sums: BTreeMap<&str, BTreeMap<(usize, usize), [f64; 2]>> = BTreeMap::new();
        let place_of: BTreeMap<At, usize> = places.iter().enumerate().map(|(place, at)| (*at, place)).collect();
        for row in predictions {
            let model = models.iter().position(|model| *model == row.model).unwrap_or(0);
            let place = place_of[&(row.kind.as_str(), row.level)];
            let sum = sums.entry(&row.orig_file).or_default().entry((model, place)).or_default();
            *sum = [sum[0] + f64::from(u8::from(row.top1)), sum[1] + 1.0];
        }
        if sums.is_empty() {
            return Err(none("no prediction of a suppressed picture"));
        }
        // Photographs with every picture, the same for all.
        sums.retain(|_, own| own.len() == models.len() * places.len());
        let whole: Vec<_> = sums.values().collect();
        if whole.is_empty() {
            return Err(none("no photograph has every suppressed picture"));
        }
        let share =
            |model, place| whole.iter().map(|own| own[&(model, place)]).map(|[right, all]| right / all).collect();
        let of_model = |model| (0..places.len()).map(|place| share(model, place)).collect();
        let right = (0..models.len()).map(of_model).collect();
        Ok(Found { images: whole.len(), names: sums.keys().copied().collect(), right, models, places })
    }

    fn place(&self, at: At) -> Option<usize> {
        self.places.iter().position(|own| *own == at)
    }
}

/// What is computed of each draw of photographs, in a fixed order: of each network the accuracies at all places, the relative
/// accuracies I and II there, and then area and half-performance level of each kind.
struct Scores<'a> {
    found: &'a Found<'a>,
    asked: Asked<'a>,
    /// The place of the untouched picture of each place.
    untouched: Vec<usize>,
    /// The places of each kind of several levels that are strengths, from the untouched one on.
    ladders: Vec<(&'a str, Vec<usize>)>,
    /// The places of the conditions.
    conditions: Vec<(&'a Condition, usize)>,
}

/// Statistics of all photographs, and of every draw.
struct Said {
    value: Vec<f64>,
    draws: Draws,
}

impl Said {
    fn value(&self, place: usize) -> Option<f64> {
        Some(self.value[place]).filter(|value| value.is_finite())
    }

    /// The value and its interval.
    fn of(&self, place: usize) -> [Option<f64>; 3] {
        let [low, high] = percentiles(self.draws.column(place)).0.map(|ends| ends.map(Some)).unwrap_or_default();
        let value = self.value(place);
        [value, low.filter(|_| value.is_some()), high.filter(|_| value.is_some())]
    }
}

/// Accuracy, relative accuracy I, relative accuracy II.
const KINDS_OF_ACCURACY: usize = 3;

impl<'a> Scores<'a> {
    fn of(found: &'a Found<'a>, asked: Asked<'a>) -> Result<Self> {
        let untouched = |(kind, _): &At<'a>| {
            let own = found.place((untouched_of(kind), 0));
            own.ok_or_else(|| Error::new(Code::Table, format!("no untouched picture of the kind {kind}")))
        };
        let untouched = found.places.iter().map(untouched).collect::<Result<Vec<usize>>>()?;
        let mut ladders: Vec<(&str, Vec<usize>)> = Vec::new();
        for (place, (kind, _)) in found.places.iter().enumerate().filter(|(_, (_, level))| *level > 0) {
            match ladders.last_mut() {
                Some((own, places)) if own == kind => places.push(place),
                _ => ladders.push((kind, vec![untouched[place], place])),
            }
        }
        ladders.retain(|(kind, places)| places.len() > 2 && stronger_of(kind) != Stronger::Neither);
        let condition = |condition: &'a Condition| {
            let place = found.place((&condition.kind, i64::from(condition.level)));
            let none = || {
                let Condition { kind, level, feature } = condition;
                let found =
                    format!("no picture of the kind {kind} at level {level}, which stands for {}", feature.name());
                Error::new(Code::Parameter, found)
            };
            Ok((condition, place.ok_or_else(none)?))
        };
        let conditions = asked.conditions.iter().map(condition).collect::<Result<_>>()?;
        Ok(Scores { found, asked, untouched, ladders, conditions })
    }

    fn chance(&self) -> f64 {
        1.0 / self.asked.classes.max(1) as f64
    }

    /// Statistics of a network.
    fn width(&self) -> usize {
        KINDS_OF_ACCURACY * self.found.places.len() + 2 * self.ladders.len()
    }

    /// Where a statistic of a network's accuracy at a place stands.
    fn at(&self, model: usize, kind: usize, place: usize) -> usize {
        model * self.width() + kind * self.found.places.len() + place
    }

    fn all(&self, weights: &[f64]) -> Vec<f64> {
        let total: f64 = weights.iter().sum();
        let mut all = Vec::with_capacity(self.found.models.len() * self.width());
        for places in &self.found.right {
            let accuracy =
                |right: &Vec<f64>| right.iter().zip(weights).map(|(right, weight)| right * weight).sum::<f64>() / total;
            let own: Vec<f64> = places.iter().map(accuracy).collect();
            let share = |above: f64, below: f64| if below > 0.0 { above / below } else { f64::NAN };
            let chance = self.chance();
            let relative: Vec<f64> =
                own.iter().zip(&self.untouched).map(|(own_, base)| share(*own_, own[*base])).collect();
            let above: Vec<f64> =
                own.iter().zip(&self.untouched).map(|(own_, base)| share(own_ - chance, own[*base] - chance)).collect();
            let of_ladder = |(kind, ladder): &(&str, Vec<usize>)| {
                let levels: Vec<i64> = ladder.iter().map(|place| self.found.places[*place].1).collect();
                let values = |of: &[f64]| ladder.iter().map(|place| of[*place]).collect::<Vec<f64>>();
                [area(&values(&relative)), half(&levels, &values(&above), stronger_of(kind))]
            };
            let ends: Vec<f64> = self.ladders.iter().flat_map(of_ladder).collect();
            all.extend([own, relative, above, ends].concat());
        }
        all
    }

    fn curves(&self, said: &Said, removed: &[RemovedRow]) -> Vec<FeatureCurveRow> {
        let left = Left::of(removed.iter().filter(|row| self.found.names.contains(row.orig_file.as_str())));
        let mut rows = Vec::new();
        for (model, name) in self.found.models.iter().enumerate() {
            for (place, (kind, level)) in self.found.places.iter().enumerate() {
                let [accuracy, relative, above_chance] = [0, 1, 2].map(|of| said.of(self.at(model, of, place)));
                let [variance, energy, gradients, colour] = left.at((kind, *level));
                rows.push(FeatureCurveRow {
                    model: name.to_string(),
                    kind: kind.to_string(),
                    level: *level,
                    images: self.found.images as i64,
                    accuracy: accuracy[0].unwrap_or(f64::NAN),
                    accuracy_low: accuracy[1],
                    accuracy_high: accuracy[2],
                    relative: relative[0],
                    relative_low: relative[1],
                    relative_high: relative[2],
                    above_chance: above_chance[0],
                    above_chance_low: above_chance[1],
                    above_chance_high: above_chance[2],
                    variance,
                    energy,
                    gradients,
                    colour,
                });
            }
        }
        rows
    }

    fn rows(&self, said: &Said) -> Vec<RelianceRow> {
        let mut rows = Vec::new();
        for (model, name) in self.found.models.iter().enumerate() {
            for (Condition { feature, kind, level }, place) in &self.conditions {
                let accuracy = |place: usize| said.value(self.at(model, 0, place));
                let control =
                    (kind == SHUFFLED.name).then(|| self.found.place((SHUFFLED_SEAMS.name, i64::from(*level))));
                let [relative, above_chance] = [1, 2].map(|of| said.of(self.at(model, of, *place)));
                rows.push(RelianceRow {
                    model: name.to_string(),
                    feature: *feature,
                    kind: kind.clone(),
                    level: i64::from(*level),
                    images: self.found.images as i64,
                    untouched: accuracy(self.untouched[*place]),
                    suppressed: accuracy(*place),
                    control: control.flatten().and_then(accuracy),
                    relative: relative[0],
                    relative_low: relative[1],
                    relative_high: relative[2],
                    above_chance: above_chance[0],
                    above_chance_low: above_chance[1],
                    above_chance_high: above_chance[2],
                });
            }
        }
        rows
    }

    fn endurance(&self, said: &Said) -> Vec<EnduranceRow> {
        let mut rows = Vec::new();
        for (model, name) in self.found.models.iter().enumerate() {
            for (ladder, (kind, places)) in self.ladders.iter().enumerate() {
                let at = self.at(model, KINDS_OF_ACCURACY, 2 * ladder);
                let ([area, area_low, area_high], [half, half_low, half_high]) = (said.of(at), said.of(at + 1));
                rows.push(EnduranceRow {
                    model: name.to_string(),
                    kind: kind.to_string(),
                    levels: places.len() as i64,
                    area,
                    area_low,
                    area_high,
                    half,
                    half_low,
                    half_high,
                });
            }
        }
        rows
    }

    fn differences(&self, said: &Said) -> Result<Vec<RelianceDifferenceRow>> {
        let (mut named, mut found) = (Vec::new(), Vec::new());
        for (condition, place) in &self.conditions {
            for pair in self.asked.pairs {
                let of = |name: &str| self.found.models.iter().position(|model| *model == name);
                let (Some(first), Some(second)) = (of(&pair.first), of(&pair.second)) else { continue };
                let [first, second] = [first, second].map(|model| self.at(model, 2, *place));
                let less = said.draws.column(first).into_iter().zip(said.draws.column(second)).map(|(a, b)| a - b);
                named.push((condition.feature, pair));
                found.push((said.value[first] - said.value[second], less.collect()));
            }
        }
        let row =
            |((feature, pair), found): ((Feature, &Pair), super::differences::Difference)| RelianceDifferenceRow {
                feature,
                first: pair.first.clone(),
                second: pair.second.clone(),
                difference: found.value,
                low: found.low,
                high: found.high,
                p: found.p,
                adjusted: found.adjusted,
            };
        Ok(named.into_iter().zip(tested(found)?).map(row).collect())
    }
}

impl Scores<'_> {
    fn balance(&self, said: &Said) -> Result<Vec<BalanceRow>> {
        let (mut named, mut found) = (Vec::new(), Vec::new());
        for (model, name) in self.found.models.iter().enumerate() {
            for (number, (one, place)) in self.conditions.iter().enumerate() {
                for (other, other_place) in &self.conditions[number + 1..] {
                    let [first, second] = [*place, *other_place].map(|place| self.at(model, 2, place));
                    let less = said.draws.column(first).into_iter().zip(said.draws.column(second)).map(|(a, b)| a - b);
                    named.push((name, one.feature, other.feature));
                    found.push((said.value[first] - said.value[second], less.collect()));
                }
            }
        }
        let row = |((name, first, second), found): ((&&str, Feature, Feature), Difference)| BalanceRow {
            model: name.to_string(),
            first,
            second,
            difference: found.value,
            low: found.low,
            high: found.high,
            p: found.p,
            adjusted: found.adjusted,
        };
        Ok(named.into_iter().zip(tested(found)?).map(row).collect())
    }

    fn cuts(&self, said: &Said) -> Vec<CutRow> {
        let mut rows = Vec::new();
        for (Condition { feature, kind, level }, _) in &self.conditions {
            if kind != SHUFFLED.name && kind != SHUFFLED_UNEQUAL.name {
                continue;
            }
            let place = |kind: &Kind| self.found.place((kind.name, i64::from(*level)));
            let (Some(equal), Some(unequal)) = (place(&SHUFFLED), place(&SHUFFLED_UNEQUAL)) else { continue };
            for (model, name) in self.found.models.iter().enumerate() {
                let [equal, unequal] = [equal, unequal].map(|place| self.at(model, 1, place));
                let more = said.draws.column(unequal).into_iter().zip(said.draws.column(equal)).map(|(a, b)| a - b);
                let [low, high] = percentiles(more).0.map(|ends| ends.map(Some)).unwrap_or_default();
                rows.push(CutRow {
                    feature: *feature,
                    model: name.to_string(),
                    level: i64::from(*level),
                    equal: said.value(equal),
                    unequal: said.value(unequal),
                    difference: said.value(unequal).zip(said.value(equal)).map(|(a, b)| a - b),
                    low,
                    high,
                });
            }
        }
        rows
    }
}

/// The area under values evenly apart on a line of length 1.
fn area(values: &[f64]) -> f64 {
    let steps = values.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
    steps.sum::<f64>() / (values.len().max(2) - 1) as f64
}

/// The level from which on values stay below one half, along a line between the last above and the first below; NaN where they
/// do not, or one is not defined. Where smaller levels change more, the untouched picture has no place among them: NaN, too, where
/// already the first level is below.
fn half(levels: &[i64], values: &[f64], stronger: Stronger) -> f64 {
    let Some(last_above) = values.iter().rposition(|value| *value >= 0.5) else { return f64::NAN };
    if last_above + 1 >= values.len() || values.iter().any(|value| !value.is_finite()) {
        return f64::NAN;
    }
    if last_above == 0 && stronger == Stronger::Smaller {
        return f64::NAN;
    }
    let level = |place: usize| levels[place] as f64;
    let (from, to) = (values[last_above], values[last_above + 1]);
    let share = (from - 0.5) / (from - to);
    level(last_above) + share * (level(last_above + 1) - level(last_above))
}

/// Means over photographs of what is left of pictures.
struct Left<'a>(BTreeMap<At<'a>, [(f64, f64); 4]>);

impl<'a> Left<'a> {
    fn of(removed: impl Iterator<Item = &'a RemovedRow>) -> Self {
        let mut sums: BTreeMap<At, [(f64, f64); 4]> = BTreeMap::new();
        for row in removed {
            let own = sums.entry((&row.kind, row.level)).or_default();
            for (sum, value) in own.iter_mut().zip([row.variance, row.energy, row.gradients, row.colour]) {
                if let Some(value) = value {
                    *sum = (sum.0 + value, sum.1 + 1.0);
                }
            }
        }
        Left(sums)
    }

    fn at(&self, at: At<'_>) -> [Option<f64>; 4] {
        if at.1 == 0 {
            return [Some(1.0); 4];
        }
        let mean = |(sum, count): (f64, f64)| (count > 0.0).then(|| sum / count);
        self.0.get(&at).map(|own| own.map(mean)).unwrap_or_default()
    }
}

fn published() -> Vec<RelianceRow> {
    let row = |model: &str, feature: Feature, relative: f64| RelianceRow {
        model: model.to_string(),
        feature,
        kind: String::new(),
        level: 0,
        images: 0,
        untouched: None,
        suppressed: None,
        control: None,
        relative: Some(relative),
        relative_low: None,
        relative_high: None,
        above_chance: None,
        above_chance_low: None,
        above_chance_high: None,
    };
    let all = PUBLISHED_RELIANCE.iter();
    all.flat_map(|(model, values)| Feature::ALL.into_iter().zip(values).map(|(feature, of)| row(model, feature, *of)))
        .collect()
}

/// What a network relies on, as three shares of 1: shape, texture, colour. Each is what is lost of its accuracy without the
/// feature (1 less relative accuracy I, not below 0; of shape the mean of global and local), over the sum of the three. None for
/// a network that loses nothing, or lacks a feature.
pub fn leanings(scores: &[RelianceRow]) -> Vec<(String, [f64; 3])> {
    let models: Vec<&str> = distinct(scores.iter().map(|row| row.model.as_str()));
    let of = |model: &&str| {
        let lost = |feature: Feature| {
            let row = scores.iter().find(|row| row.model == **model && row.feature == feature)?;
            Some((1.0 - row.relative?).max(0.0))
        };
        let shape = (lost(Feature::GlobalShape)? + lost(Feature::LocalShape)?) / 2.0;
        let all = [shape, lost(Feature::Texture)?, lost(Feature::Colour)?];
        let sum: f64 = all.iter().sum();
        (sum > 0.0).then(|| (model.to_string(), all.map(|part| part / sum)))
    };
    models.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Row, comes_back};

    /// Forty photographs, two networks: `shape` loses half of its answers to the shuffle at 6, `texture` to the filter.
    fn predictions() -> Vec<PredictionRow> {
        let mut rows = Vec::new();
        for image in 0..40 {
            for (kind, levels) in [
                ("tiles shuffled", &[0, 3, 6][..]),
                ("bilateral", &[0, 12]),
                ("greyed", &[0, 100]),
                ("contrast", &[0, 50, 5]),
            ] {
                for &level in levels {
                    for model in ["shape", "texture"] {
                        let hit = match (model, kind, level) {
                            ("shape", "tiles shuffled", 6) | ("texture", "bilateral", 12) => image % 2 == 0,
                            (_, "contrast", 5) => image % 10 == 0,
                            _ => image % 20 != 1,
                        };
                        rows.push(PredictionRow {
                            model: model.into(),
                            kind: kind.into(),
                            level,
                            orig_file: format!("{image:02}"),
                            top1: hit && image % 20 != 1,
                            ..PredictionRow::example(1)
                        });
                    }
                }
            }
        }
        rows
    }

    fn conditions() -> Vec<Condition> {
        let of = |feature, kind: &str, level| Condition { feature, kind: kind.into(), level };
        vec![
            of(Feature::GlobalShape, "tiles shuffled", 3),
            of(Feature::LocalShape, "tiles shuffled", 6),
            of(Feature::Texture, "bilateral", 12),
            of(Feature::Colour, "greyed", 100),
        ]
    }

    fn found(predictions: &[PredictionRow]) -> Result<Reliance> {
        let pairs = [Pair::new("shape", "texture")];
        let asked = Asked { conditions: &conditions(), pairs: &pairs, classes: 10 };
        reliance(predictions, &[], asked, &Observing { draws: 400, ..Observing::default() })
    }

    #[test]
    fn scores_are_what_was_counted_and_differ_where_the_networks_do() {
        let found = found(&predictions()).unwrap();
        let score = |model: &str, feature| {
            found.scores.iter().find(|row| row.model == model && row.feature == feature).unwrap().clone()
        };
        let local = score("shape", Feature::LocalShape);
        // 38 of 40 right untouched, 20 right without local shape.
        assert_eq!((local.untouched, local.suppressed, local.images), (Some(0.95), Some(0.5), 40));
        assert!((local.relative.unwrap() - 0.5 / 0.95).abs() < 1e-12);
        assert!((local.above_chance.unwrap() - 0.4 / 0.85).abs() < 1e-12);
        assert!(local.relative_low.unwrap() < local.relative.unwrap() && local.relative_high.unwrap() < 0.8);
        assert_eq!(score("texture", Feature::LocalShape).relative, Some(1.0));
        assert_eq!(score("people (published)", Feature::LocalShape).relative, Some(0.763));
        let difference = |feature| found.differences.iter().find(|row| row.feature == feature).unwrap();
        assert!(difference(Feature::LocalShape).high.unwrap() < 0.0 && difference(Feature::Texture).low.unwrap() > 0.0);
        assert_eq!(difference(Feature::Colour).difference, Some(0.0));
        let balance = |model: &str| {
            let (local, texture) = (Feature::LocalShape, Feature::Texture);
            found.balance.iter().find(|row| row.model == model && (row.first, row.second) == (local, texture)).unwrap()
        };
        assert!(balance("shape").high.unwrap() < 0.0 && balance("texture").low.unwrap() > 0.0);
        assert!(difference(Feature::LocalShape).adjusted.unwrap() >= difference(Feature::LocalShape).p.unwrap());
    }

    #[test]
    fn areas_and_halves_are_those_of_the_curve() {
        assert_eq!(area(&[1.0, 1.0, 0.0]), 0.75);
        assert_eq!(half(&[0, 10, 20], &[1.0, 0.75, 0.25], Stronger::Larger), 15.0);
        assert!(half(&[0, 50, 5], &[1.0, 0.4, 0.1], Stronger::Smaller).is_nan(), "somewhere above 50");
        assert_eq!(half(&[0, 50, 10], &[1.0, 0.6, 0.4], Stronger::Smaller), 30.0);
        assert!(half(&[0, 10], &[1.0, 0.6], Stronger::Larger).is_nan());
        let found = found(&predictions()).unwrap();
        let row = found.endurance.iter().find(|row| row.model == "shape" && row.kind == "contrast").unwrap();
        assert!((row.area.unwrap() - (1.0 + 1.0 + 1.0 + 4.0 / 38.0) / 4.0).abs() < 1e-12, "{row:?}");
        assert!((5.0..50.0).contains(&row.half.unwrap()), "{row:?}");
    }

    #[test]
    fn photographs_without_every_picture_are_left_out_and_a_condition_without_pictures_is_said() {
        let mut rows = predictions();
        rows.remove(3);
        assert!(found(&rows).unwrap().scores[0].images == 39);
        let without: Vec<PredictionRow> = predictions().into_iter().filter(|row| row.kind != "greyed").collect();
        let error = found(&without).unwrap_err().to_string();
        assert!(error.contains("no picture of the kind greyed at level 100, which stands for colour"), "{error}");
        assert!(found(&[]).unwrap_err().to_string().contains("lgf features"));
    }

    #[test]
    fn leanings_are_shares_of_what_is_lost() {
        let all = leanings(&published());
        let (name, [shape, texture, colour]) = &all[1];
        assert_eq!(name, "ResNet-50 (published)");
        let lost = [(0.168 + 0.724) / 2.0, 0.205, 0.076];
        let sum: f64 = lost.iter().sum();
        for (found, lost) in [shape, texture, colour].into_iter().zip(lost) {
            assert!((found - lost / sum).abs() < 1e-12);
        }
    }

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<FeatureCurveRow>();
        comes_back::<RelianceRow>();
        comes_back::<EnduranceRow>();
        comes_back::<RelianceDifferenceRow>();
        comes_back::<BalanceRow>();
        comes_back::<CutRow>();
    }
}
