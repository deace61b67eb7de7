//! What is gathered of one network: its maps, what each metric says of them, and what is true.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::asked::{asked, forms};
use super::metric::{Metric, Subject};
use super::rows::{EffectRow, JudgedRow, ShareRow};
use super::truth::{Effects, Parts, agreement};
use crate::error::{Code, Error, Result};
use crate::inference::{Engine, on_workers, to_input};
use crate::notebook::Stage;
use crate::relevance::{Method, Occluder};
use crate::sample::draw::CLASSES;
use crate::sample::{Exchange, WITH_PATCHES, exchanges};

/// What tables of a whole and of a brief judgement begin with.
pub(super) const WHOLE: &str = "judge";
pub(super) const BRIEF: &str = "judge_brief";
/// An order of fewer has no correlation.
const METHODS: usize = 3;

/// How metrics are judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judging {
    /// Drawn photographs of each class.
    pub photographs: usize,
    /// Exchanges of each kind, of which the mean is an effect; at most nine.
    pub exchanged: usize,
    /// Pixels on either side of where a figure begins that count as its outline.
    pub band: u8,
    /// Ways to maps.
    pub methods: Vec<Method>,
    /// Metrics.
    pub metrics: Vec<Metric>,
    /// Which of the networks that come with the project are asked, by name; all if there is none.
    #[serde(skip)]
    pub networks: Vec<String>,
    /// What its tables on a data root begin with.
    #[serde(skip)]
    pub tables: &'static str,
    /// Seed of the drawings.
    pub seed: u64,
}

impl Default for Judging {
    /// One photograph of each class, four exchanges of a kind, six pixels, every method and every metric.
    fn default() -> Self {
        Judging {
            photographs: 1,
            exchanged: 4,
            band: 6,
            methods: Method::all(),
            metrics: Metric::all(),
            networks: Vec::new(),
            tables: WHOLE,
            seed: 1,
        }
    }
}

impl Judging {
    /// What fits into half a minute: the two networks that know removed patches, and the metrics that take no maps of other
    /// networks or copies and fill nothing in.
    pub fn brief() -> Self {
        let slow = |metric: &Metric| {
            matches!(
                metric,
                Metric::Gain(Occluder::Inpainted { .. }) | Metric::Road | Metric::Unlearned | Metric::Stability
            )
        };
        Judging {
            metrics: Metric::all().into_iter().filter(|metric| !slow(metric)).collect(),
            networks: WITH_PATCHES.iter().map(|(name, ..)| (*name).to_string()).collect(),
            tables: BRIEF,
            ..Judging::default()
        }
    }

    /// Of some networks those that are asked.
    ///
    /// # Errors
    /// [`Code::Parameter`] for a name that none has, with the names there are.
    pub fn among(&self, networks: Vec<Engine>) -> Result<Vec<Engine>> {
        let names: Vec<String> = networks.iter().map(|network| network.name().to_string()).collect();
        if let Some(unknown) = self.networks.iter().find(|name| !names.contains(name)) {
            let found = format!("no network {unknown:?} comes with the project; there are {}", names.join(", "));
            return Err(Error::new(Code::Parameter, found));
        }
        let asked =
            |network: &Engine| self.networks.is_empty() || self.networks.iter().any(|name| name == network.name());
        Ok(networks.into_iter().filter(asked).collect())
    }

    /// The photographs, drawn.
    ///
    /// # Errors
    /// [`Code::Parameter`] for no photograph, exchange or metric, fewer than three methods, or two methods or metrics of one name.
    pub(super) fn drawn(&self) -> Result<Vec<Exchange>> {
        if self.photographs == 0 || self.exchanged == 0 || self.metrics.is_empty() || self.methods.len() < METHODS {
            let found = format!(
                "{} photographs of a class, {} exchanges, {} metrics, {} methods",
                self.photographs,
                self.exchanged,
                self.metrics.len(),
                self.methods.len()
            );
            return Err(Error::new(Code::Parameter, found)
                .hint(format!("judge by one photograph, exchange and metric or more, and {METHODS} methods or more")));
        }
        distinct("methods", self.methods.iter().map(Method::to_string))?;
        distinct("metrics", self.metrics.iter().map(Metric::to_string))?;
        exchanges(self.seed, self.photographs, self.exchanged)
    }
}

/// What has one name is one thing in a table.
pub(super) fn distinct(what: &str, names: impl Iterator<Item = String>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.clone()) {
            return Err(Error::new(Code::Parameter, format!("two {what} of the name {name:?}")));
        }
    }
    Ok(())
}

/// What was gathered of a network, or of several.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Evidence {
    pub(super) values: Vec<JudgedRow>,
    pub(super) effects: Vec<EffectRow>,
    pub(super) shares: Vec<ShareRow>,
}

impl Evidence {
    /// That of a network as its checkpoint has it. `run` ticks once a photograph.
    ///
    /// # Errors
    /// [`Code::Model`] if it does not tell the sample's classes; as [`Method::maps`] and [`Metric::of`].
    pub(super) fn of(network: &Engine, drawn: &[Exchange], how: &Judging, run: &Stage) -> Result<Self> {
        if network.classes() != CLASSES.len() {
            let found = format!("{} has {} outputs, not the sample's ten classes", network.name(), network.classes());
            return Err(Error::new(Code::Model, found).hint("judge networks that were trained on drawings"));
        }
        let networks = asked(network, &how.metrics, how.seed)?;
        let (model, places) = (network.name(), (0..drawn.len()).collect::<Vec<usize>>());
        let work = |networks: &[Engine], place: usize| {
            run.check()?;
            let one = Photograph { model, drawn: &drawn[place], place: place % how.photographs, how };
            let found = one.evidence(networks)?;
            run.tick();
            Ok(found)
        };
        let mut all = Evidence::default();
        for one in on_workers(&networks.iter().collect::<Vec<_>>(), &places, |place| Ok(*place), work)? {
            all.add(one);
        }
        Ok(all)
    }

    pub(super) fn add(&mut self, mut other: Evidence) {
        self.values.append(&mut other.values);
        self.effects.append(&mut other.effects);
        self.shares.append(&mut other.shares);
    }
}

struct Photograph<'a> {
    model: &'a str,
    drawn: &'a Exchange,
    place: usize,
    how: &'a Judging,
}

impl Photograph<'_> {
    /// By the networks of [`asked`].
    fn evidence(&self, networks: &[Engine]) -> Result<Evidence> {
        let (forms, forgotten) = forms(networks)?;
        let Photograph { model, drawn, how, .. } = *self;
        let (class, model) = (CLASSES[drawn.class].to_string(), model.to_string());
        let file = format!("{class} {}", self.place + 1);
        let network = forms.folded;
        let picture = to_input(std::slice::from_ref(&drawn.whole), network.normalisation(), network.device())?;
        let effects = Effects::of(network, drawn)?;
        let parts = Parts::of(&drawn.figure, how.band)?;
        let maps: Vec<_> =
            how.methods.iter().map(|method| method.map(forms, &picture, drawn.class)).collect::<Result<_>>()?;

        let [outline, texture, background] = effects.falls;
        let (file, class, model) = (&file, &class, &model);
        let effect = EffectRow {
            file: file.clone(),
            class: class.clone(),
            model: model.clone(),
            logit: effects.logit,
            outline,
            texture,
            background,
        };
        let worth = effects.shares();
        let share = |(method, map): (&Method, _)| {
            let shares = parts.shares(map)?;
            Ok(ShareRow {
                file: file.clone(),
                class: class.clone(),
                model: model.clone(),
                method: method.to_string(),
                outline: shares.map(|shares| shares[0]),
                texture: shares.map(|shares| shares[1]),
                background: shares.map(|shares| shares[2]),
                agreement: shares.zip(worth).map(|(shares, worth)| agreement(&shares, &worth)),
            })
        };
        let shares = how.methods.iter().zip(&maps).map(share).collect::<Result<Vec<_>>>()?;

        let subject = Subject {
            network: forms,
            unlearned: forgotten,
            seen: &drawn.whole,
            picture: &picture,
            target: drawn.class,
            object: Some(&drawn.figure),
        };
        let mut values = Vec::new();
        for metric in &how.metrics {
            let said = metric.of(&subject, &how.methods, &maps)?;
            values.extend(how.methods.iter().zip(said).map(|(method, value)| JudgedRow {
                file: file.clone(),
                class: class.clone(),
                model: model.clone(),
                method: method.to_string(),
                metric: metric.to_string(),
                value,
            }));
        }
        Ok(Evidence { values, effects: vec![effect], shares })
    }
}
