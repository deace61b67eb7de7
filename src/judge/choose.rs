//! Rules for a network, chosen by a metric on one half of the photographs and weighed on the other.

use polars::prelude::DataFrame;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::metric::{Metric, Subject};
use super::rows::ChoiceRow;
use crate::error::{Code, Error, Result};
use crate::inference::{Engine, on_workers, to_input};
use crate::notebook::Progress;
use crate::pixels::RgbImage;
use crate::relevance::{Composite, Forms, Method, Place, Rule, unlearned};
use crate::sample::knows_patches;
use crate::stats::{bootstrap, mean};
use crate::table::Row;

/// Samples drawn again, to say how sure a choice is.
const SAMPLES: usize = 1000;

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
/// quarter of the root mean square on fully connected layers: thirty.
pub fn candidates() -> Vec<Composite> {
    let convolutions = [
        ("gamma 0", Rule::Gamma(0.0)),
        ("gamma 0.1", Rule::Gamma(0.1)),
        ("gamma 0.25", Rule::Gamma(0.25)),
        ("gamma 1", Rule::Gamma(1.0)),
        ("z+", Rule::ZPlus(crate::relevance::Bias::Ignored)),
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
    if photographs.len() < 4 || how.candidates.is_empty() || how.metric.needs_object() {
        let found = format!(
            "{} photographs, {} rules to choose from by {}",
            photographs.len(),
            how.candidates.len(),
            how.metric
        );
        return Err(Error::new(Code::Parameter, found)
            .hint("give four photographs or more, and a metric that needs no object, such as SRG"));
    }
    let mut rules = how.candidates.clone();
    let usual = rules.iter().position(|rules| *rules == how.usual).unwrap_or_else(|| {
        rules.push(how.usual.clone());
        rules.len() - 1
    });
    let methods: Vec<Method> = rules.into_iter().map(Method::Rules).collect();
    let run = Progress::bar("choosing rules").start(networks.len() * photographs.len(), "photographs");
    let mut rows = Vec::new();
    for network in networks {
        let forgotten = unlearned(network, how.seed)?;
        let (folded, forgotten_folded) = (network.folded()?, forgotten.folded()?);
        let work = |networks: &[Engine], (seen, target): (&RgbImage, usize)| {
            run.check()?;
            let [plain, folded, forgotten, forgotten_folded] = networks else {
                return Err(Error::new(Code::Model, "a worker without its networks"));
            };
            let forgotten = Forms { plain: forgotten, folded: forgotten_folded };
            let values = of_photograph(Forms { plain, folded }, forgotten, (seen, target), how, &methods)?;
            run.tick();
            Ok(values)
        };
        let networks = [network, &folded, &forgotten, &forgotten_folded];
        // A value a photograph and method.
        let values = on_workers(&networks, &photographs.iter().collect::<Vec<_>>(), |one| Ok((&one.0, one.1)), work)?;
        rows.extend(Weighed { values: &values, seed: how.seed, usual }.rows(network.name(), how, &methods)?);
    }
    run.finish();
    ChoiceRow::table(rows)
}

fn of_photograph(
    forms: Forms<'_>,
    forgotten: Forms<'_>,
    (seen, target): (&RgbImage, usize),
    how: &Choosing,
    methods: &[Method],
) -> Result<Vec<f64>> {
    let network = forms.folded;
    let picture = to_input(std::slice::from_ref(seen), network.normalisation(), network.device())?;
    let maps: Vec<_> = methods.iter().map(|method| method.map(forms, &picture, target)).collect::<Result<_>>()?;
    let subject = Subject {
        network: forms,
        unlearned: forgotten,
        knows_patches: knows_patches(network.name()),
        seen,
        picture: &picture,
        target,
        object: None,
    };
    let said = how.metric.of(&subject, methods, &maps)?;
    let nothing = || {
        let found = format!("{} says nothing of {}", how.metric, network.name());
        Error::new(Code::Parameter, found).hint("choose by another metric, such as SRG")
    };
    said.into_iter().map(|value| value.ok_or_else(nothing)).collect()
}

/// Values of one network.
struct Weighed<'a> {
    values: &'a [Vec<f64>],
    usual: usize,
    seed: u64,
}

impl Weighed<'_> {
    /// The mean of some rules over some photographs.
    fn mean(&self, rules: usize, photographs: &[usize]) -> f64 {
        mean(&photographs.iter().map(|&photograph| self.values[photograph][rules]).collect::<Vec<f64>>())
    }

    /// The best rules on some photographs; of equal ones the first.
    fn best(&self, photographs: &[usize]) -> usize {
        let means: Vec<f64> = (0..self.values[0].len()).map(|rules| self.mean(rules, photographs)).collect();
        (0..means.len()).fold(0, |best, rules| if means[rules] > means[best] { rules } else { best })
    }

    /// In how many of the samples that are drawn again of some photographs each rules are the best.
    fn sure(&self, photographs: &[usize]) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut times = vec![0.0; self.values[0].len()];
        for _ in 0..SAMPLES {
            let again: Vec<usize> =
                photographs.iter().map(|_| photographs[rng.random_range(0..photographs.len())]).collect();
            times[self.best(&again)] += 1.0;
        }
        times.into_iter().map(|times| times / SAMPLES as f64).collect()
    }

    fn rows(&self, model: &str, how: &Choosing, methods: &[Method]) -> Result<Vec<ChoiceRow>> {
        let (first, others): (Vec<usize>, Vec<usize>) = (0..self.values.len()).partition(|place| place % 2 == 0);
        let (chosen, sure) = (self.best(&first), self.sure(&first));
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
