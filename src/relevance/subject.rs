//! One photograph and one network, to be looked at in several ways.

use polars::prelude::DataFrame;
use tch::Tensor;

use super::baselines::{Baseline, baseline};
use super::engine::{Explained, Targets, explain_with, finite_logits};
use super::ledger::{Ledger, ledger_table};
use super::method::Method;
use super::quality::{Order, Removal, perturbation_curve, randomised_layers};
use super::rule::Composite;
use super::target::{Parameters, check_form, target};
use crate::error::{Code, Error, Result};
use crate::files::ImageFile;
use crate::inference::{Engine, to_input};
use crate::pixels::{Crop, HeatMap};
use crate::study::{ClassList, Seen};
use crate::table::{PerturbationRow, Row};

/// One photograph as one network sees it, and the class that is explained. What a notebook tries rules on.
///
/// ```no_run
/// # use lgf::prelude::*;
/// # fn main() -> lgf::Result<()> {
/// # let run = lgf::open()?;
/// use lgf::relevance::{Composite, Place, Rule, Subject};
///
/// let network = Engine::load("resnet50", "resnet50.pth", Device::Cpu)?;
/// let image = &run.sampled()?[0];
/// let subject = Subject::new(&network, image, &run.study.class_list(), &protocol::corrected().relevance())?;
/// let mine = Composite::named("mine").rule(Place::Convolution, Rule::Gamma(0.25)).rule(Place::Linear, Rule::Epsilon(1e-6));
/// println!("{}", subject.map(&mine)?.sum());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Subject {
    network: Engine,
    seen: Seen,
    input: Tensor,
    class: usize,
    composite: Composite,
}

impl Subject {
    /// `network` as its checkpoint has it: each composite merges batch normalisation, or not, by itself.
    ///
    /// # Errors
    /// [`Code::Image`] if the photograph cannot be read, [`Code::Model`] if its class is no output, [`Code::Numeric`] if the class
    /// is to be the predicted one and logits are not finite.
    pub fn new(network: &Engine, image: &ImageFile, classes: &ClassList, parameters: &Parameters) -> Result<Self> {
        let crop = network.view().of(&image.path)?;
        let seen = Seen { id: image.id.clone(), name: image.stem.clone(), picture: crop };
        let input = to_input(std::slice::from_ref(&seen.picture), &parameters.normalise.of(network), network.device())?;
        let class = match target(parameters.target, image, network, classes)? {
            Some(class) => class,
            None => {
                let logits = network.forward(&input)?;
                finite_logits(network, &input, &logits)?;
                logits.argmax(1, false).int64_value(&[0]) as usize
            }
        };
        Ok(Subject { network: network.shared(), seen, input, class, composite: parameters.composite.clone() })
    }

    /// The photograph as the network sees it; maps are of its size.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The number of the output that is explained.
    pub fn class(&self) -> usize {
        self.class
    }

    fn explain(&self, composite: &Composite, ledger: Ledger) -> Result<Explained> {
        let network = self.network.shared().in_form(composite.form)?;
        check_form(&network, composite)?;
        explain_with(&network, &self.input, Targets::Each(&[self.class]), composite, ledger)
    }

    /// Its relevance by a composite.
    ///
    /// # Errors
    /// As [`super::explain`].
    pub fn map(&self, composite: &Composite) -> Result<HeatMap<Crop>> {
        only(self.explain(composite, Ledger::NotKept)?)
    }

    /// Its relevance by several composites, with their names.
    ///
    /// # Errors
    /// As [`super::explain`].
    pub fn maps(&self, composites: &[Composite]) -> Result<Vec<(String, HeatMap<Crop>)>> {
        composites.iter().map(|composite| Ok((composite.name.clone(), self.map(composite)?))).collect()
    }

    /// The same by other ways than relevance.
    ///
    /// # Errors
    /// As [`baseline`].
    pub fn baselines(&self, ways: &[Baseline]) -> Result<Vec<(String, HeatMap<Crop>)>> {
        let network = self.network.folded()?;
        let one = |way: &Baseline| Ok((way.to_string(), only(baseline(&network, &self.input, &[self.class], *way)?)?));
        ways.iter().map(one).collect()
    }

    /// Where relevance went between the logit and the picture ([`ledger_table`]).
    ///
    /// # Errors
    /// As [`super::explain`].
    pub fn ledger(&self, composite: &Composite) -> Result<DataFrame> {
        ledger_table(&self.explain(composite, Ledger::Kept)?.ledger)
    }

    /// How the class's logit falls when squares of `region` x `region` pixels are hidden, the most relevant of a map first, the
    /// least, and at random: `order, hidden` (percent), `logit`. The farther the first is below the others, the better the map.
    ///
    /// # Errors
    /// As [`perturbation_curve`].
    pub fn perturbation(&self, map: &HeatMap<Crop>, region: usize, steps: usize) -> Result<DataFrame> {
        let network = self.network.folded()?;
        let orders = [
            ("most relevant", Order::MostRelevant),
            ("random", Order::Random(1)),
            ("least relevant", Order::LeastRelevant),
        ];
        let one = |(name, order): (&str, Order)| {
            let how = Removal { region, steps, ..Removal::default() };
            let curve = perturbation_curve(&network, &self.input, self.class, map, order, how)?;
            let percent = |hidden: f64| (100.0 * hidden).round() as i64;
            Ok(curve
                .into_iter()
                .map(|row| PerturbationRow { order: name.into(), hidden: percent(row.hidden), logit: row.logit })
                .collect())
        };
        let rows: Vec<Vec<PerturbationRow>> = orders.into_iter().map(one).collect::<Result<_>>()?;
        PerturbationRow::table(rows.concat())
    }

    /// Whether its map depends on what the network has learned ([`randomised_layers`]), by the composite of the parameters.
    ///
    /// # Errors
    /// As [`randomised_layers`].
    pub fn randomised(&self, steps: usize, seed: u64) -> Result<DataFrame> {
        let method = Method::Rules(self.composite.clone());
        randomised_layers(&self.network, &self.input, self.class, &method, steps, seed)
    }
}

fn only(explained: Explained) -> Result<HeatMap<Crop>> {
    explained.maps()?.pop().ok_or_else(|| Error::new(Code::Model, "no map"))
}
