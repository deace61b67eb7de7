//! Rules for a network, chosen by a metric on one half of the photographs and weighed on the other.

use polars::prelude::DataFrame;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::asked::{asked, forms};
use super::evidence::distinct;
use super::metric::{Metric, Subject};
use super::rows::ChoiceRow;
use crate::error::{Code, Error, Result};
use crate::inference::{Engine, on_workers, to_input};
use crate::models::Layer;
use crate::notebook::Progress;
use crate::pixels::RgbImage;
use crate::relevance::{Bias, Composite, Method, Place, Rule};
use crate::sample::knows_patches;
use crate::stats::{bootstrap, mean};
use crate::table::Row;

/// Samples drawn again, to say how sure a choice is.
const SAMPLES: usize = 1000;
/// Two to choose by and two to weigh on.
const PHOTOGRAPHS: usize = 4;

/// How rules are chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Choosing {
    /// The metric that they are chosen by; not one that needs to know where the object is.
    pub metric: Metric,
    /// The rules to choose from.
    pub candidates: Vec<Composite>,
    /// The rules that their gain is told over.
    pub usual: Composite,
    /// Seed of the intervals.
    pub seed: u64,
}

impl Choosing {
    /// By a metric, from [`candidates`], over the corrected rules.
    pub fn by(metric: Metric) -> Self {
        Choosing { metric, candidates: candidates(), usual: Composite::corrected(), seed: 1 }
    }
}

/// The first convolution flat or as the others; gamma 0, 0.1, 0.25, 1 or z+ on convolutions; epsilon of 1e-6, a hundredth or a
/// quarter of the root mean square on fully connected layers: thirty. Where a network has one such layer, its head, epsilon scales
/// the whole map of a class alone: [`choose`] takes ten of them there.
pub fn candidates() -> Vec<Composite> {
    let convolutions = [
        ("gamma 0", Rule::Gamma(0.0)),
        ("gamma 0.1", Rule::Gamma(0.1)),
        ("gamma 0.25", Rule::Gamma(0.25)),
        ("gamma 1", Rule::Gamma(1.0)),
        ("z+", Rule::ZPlus(Bias::Ignored)),
    ];
    let mut all = Vec::new();
    for flat in [true, false] {
        for (name, convolution) in &convolutions {
            for epsilon in [1e-6, 0.01, 0.25] {
                let name = format!("{name}, epsilon {epsilon}{}", if flat { ", flat" } else { "" });
                let mut rules = Composite::named(name);
                if flat {
                    rules = rules.rule(Place::First, Rule::FLAT);
                }
                all.push(
                    rules.rule(Place::Convolution, *convolution).rule(Place::Linear, Rule::RelativeEpsilon(epsilon)),
                );
            }
        }
    }
    all
}

/// What rules are worth for each of some networks on photographs of known classes, a row a network and rules: `model, metric, rules,
/// value` (on every other photograph, which are chosen by), `held_out` (on the rest), `gain` (over the usual rules there) with its
/// 95 % interval `low, high`, `sure` (in how many samples drawn again of the first half these are the best) and `chosen`.
///
/// Photographs are as the networks see them, with the numbers of their outputs. Pixels that say nothing about the object need not
/// be known.
///
/// # Errors
/// [`Code::Parameter`] for fewer than four photographs, no candidate, or a metric that must know the object; as
/// [`crate::relevance::explain`].
pub fn choose(networks: &[Engine], photographs: &[(RgbImage, usize)], how: &Choosing) -> Result<DataFrame> {
    if photographs.len() < PHOTOGRAPHS || how.candidates.is_empty() || how.metric.needs_object() {
        let found = format!(
            "{} photographs, {} rules to choose from by {}",
            photographs.len(),
            how.candidates.len(),
            how.metric
        );
        return Err(Error::new(Code::Parameter, found)
            .hint("give four photographs or more, and a metric that needs no object, such as SRG"));
    }
    distinct("rules", how.candidates.iter().map(|rules| rules.name.clone()))?;
    if let Some(network) =
        networks.iter().find(|network| how.metric == Metric::SingleDeletion && !knows_patches(network.name()))
    {
        let found =
            format!("{} says nothing of {}, which was not trained with patches removed", how.metric, network.name());
        return Err(Error::new(Code::Parameter, found).hint("choose by another metric, such as SRG"));
    }
    let run = Progress::bar("choosing rules").start(networks.len() * photographs.len(), "photographs");
    let mut rows = Vec::new();
    for network in networks {
        let (rules, usual) = of_network(network, how);
        let methods: Vec<Method> = rules.into_iter().map(Method::Rules).collect();
        let forms = asked(network, &[how.metric], how.seed)?;
        let work = |networks: &[Engine], photograph: (&RgbImage, usize)| {
            run.check()?;
            let values = of_photograph(networks, photograph, how, &methods)?;
            run.tick();
            Ok(values)
        };
        // A value a photograph and method.
        let values = on_workers(
            &forms.iter().collect::<Vec<_>>(),
            &photographs.iter().collect::<Vec<_>>(),
            |one| Ok((&one.0, one.1)),
            work,
        )?;
        let weighed = Weighed { values: &values, seed: how.seed, usual };
        rows.extend(weighed.rows(network.name(), how, &methods)?);
    }
    run.finish();
    ChoiceRow::table(rows)
}

/// The rules that differ on a network, and which of them are the usual ones.
fn of_network(network: &Engine, how: &Choosing) -> (Vec<Composite>, usize) {
    let same = |a: &Composite, b: &Composite| (&a.rules, a.form, a.stabiliser) == (&b.rules, b.form, b.stabiliser);
    let heads = network.nodes().iter().filter(|node| matches!(node.layer, Layer::Linear { .. })).count();
    // A head's epsilon scales the map of a class.
    let scaled = |rules: &Composite| {
        let by_head = |(place, rule): &&(Place, Rule)| {
            !(heads < 2 && *place == Place::Linear && matches!(rule, Rule::Epsilon(_) | Rule::RelativeEpsilon(_)))
        };
        Composite { rules: rules.rules.iter().filter(by_head).cloned().collect(), ..rules.clone() }
    };
    let mut kept: Vec<Composite> = Vec::new();
    for rules in &how.candidates {
        if !kept.iter().any(|other| same(&scaled(other), &scaled(rules))) {
            kept.push(rules.clone());
        }
    }
    let usual = kept.iter().position(|rules| same(rules, &how.usual)).unwrap_or_else(|| {
        kept.push(how.usual.clone());
        kept.len() - 1
    });
    (kept, usual)
}

/// What the metric says of each method, by the networks of [`asked`].
fn of_photograph(
    networks: &[Engine],
    (seen, target): (&RgbImage, usize),
    how: &Choosing,
    methods: &[Method],
) -> Result<Vec<Option<f64>>> {
    let (forms, unlearned) = forms(networks)?;
    let network = forms.folded;
    let picture = to_input(std::slice::from_ref(seen), network.normalisation(), network.device())?;
    let maps: Vec<_> = methods.iter().map(|method| method.map(forms, &picture, target)).collect::<Result<_>>()?;
    let subject = Subject { network: forms, unlearned, seen, picture: &picture, target, object: None };
    how.metric.of(&subject, methods, &maps)
}

/// Values of one network, a photograph and method.
struct Weighed<'a> {
    values: &'a [Vec<Option<f64>>],
    usual: usize,
    seed: u64,
}

impl Weighed<'_> {
    /// The mean of some rules over those of some photographs that have a value; NaN if none has.
    fn mean(&self, rules: usize, photographs: &[usize]) -> f64 {
        mean(&photographs.iter().filter_map(|&photograph| self.values[photograph][rules]).collect::<Vec<f64>>())
    }

    /// All rules whose mean over some photographs is the highest.
    fn best(&self, photographs: &[usize]) -> Vec<usize> {
        let means: Vec<f64> = (0..self.values[0].len()).map(|rules| self.mean(rules, photographs)).collect();
        let highest = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (0..means.len()).filter(|&rules| means[rules] == highest).collect()
    }

    /// In how many of the samples that are drawn again of some photographs each rules are the best; equal ones share a sample.
    fn sure(&self, photographs: &[usize]) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut times = vec![0.0; self.values[0].len()];
        for _ in 0..SAMPLES {
            let again: Vec<usize> =
                photographs.iter().map(|_| photographs[rng.random_range(0..photographs.len())]).collect();
            let best = self.best(&again);
            best.iter().for_each(|&rules| times[rules] += 1.0 / best.len() as f64);
        }
        times.into_iter().map(|times| times / SAMPLES as f64).collect()
    }

    fn rows(&self, model: &str, how: &Choosing, methods: &[Method]) -> Result<Vec<ChoiceRow>> {
        let (first, others): (Vec<usize>, Vec<usize>) = (0..self.values.len()).partition(|place| place % 2 == 0);
        let sure = self.sure(&first);
        // Of equal ones the first.
        let Some(&chosen) = self.best(&first).first() else {
            let found = format!("{} says nothing of the maps of {model}", how.metric);
            return Err(Error::new(Code::Parameter, found).hint("choose by another metric, such as SRG"));
        };
        let row = |rules: usize| {
            let gain = bootstrap(&vec![(); others.len()], self.seed, |drawn| {
                let again: Vec<usize> = drawn.iter().map(|&at| others[at]).collect();
                self.mean(rules, &again) - self.mean(self.usual, &again)
            })?;
            Ok(ChoiceRow {
                model: model.to_string(),
                metric: how.metric.to_string(),
                rules: methods[rules].to_string(),
                value: self.mean(rules, &first),
                held_out: self.mean(rules, &others),
                gain: gain.mean,
                low: gain.low,
                high: gain.high,
                sure: sure[rules],
                chosen: rules == chosen,
            })
        };
        (0..methods.len()).map(row).collect()
    }
}
