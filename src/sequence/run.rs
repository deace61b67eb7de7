//! The one value of a notebook: what is studied, by which choices, and where networks are computed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;

use crate::analysis::{Analysed, Benchmark, BiasDifferenceRow, ConsistencyRow, CurveRow, Reliance, ShapeBiasRow};
use crate::bbox::{Boxes, SubsetTable};
use crate::datasets::Kind;
use crate::datasets::{Manifest, Smoother};
use crate::edges::EdgeTables;
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Share, Store};
use crate::inference::{self, Conversion, Device, Engine, Experiments, Keep, Precision, Source};
use crate::judge::{Choosing, Judging, Verdict};
use crate::models::Form;
use crate::notebook::{Figure, Html, Show, link, or_say, say};
use crate::observers::{self, Trials};
use crate::pixels::{Sight, View};
use crate::plots::Drawable;
use crate::process::memory_limit;
use crate::protocol::{self, Protocol};
use crate::relevance::Parameters;
use crate::stage::{all_of, both};
use crate::study::{Pair, Stimulus, Study};
use crate::table::{CategoryScoreRow, LocalisationRow, PredictionRow, RegionRow, Row, stacked, table};
use crate::{analysis, bbox, datasets, edges, judge, overlap, relevance, report, sample};

/// A study, the choices of a run, and where networks are computed. Its methods are the steps of the sequence.
///
/// ```no_run
/// let run = lgf::open()?;
/// let edges = run.edges()?;
/// println!("{} photographs", edges.all.height());
/// # Ok::<(), lgf::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Run {
    /// What is studied, and the data root that it is in.
    pub study: Study,
    /// Every choice.
    pub protocol: Protocol,
    /// Where networks are computed.
    pub device: Device,
}

/// How networks are run, beside what the protocol says.
#[derive(Debug, Clone, Copy)]
pub struct Inference {
    /// The numbers that they compute in.
    pub precision: Precision,
    /// Pictures at a time; the protocol's if `None`.
    pub batch: Option<usize>,
    /// What is kept of the logits.
    pub keep: Keep,
    /// Where pictures come from.
    pub pictures: Pictures,
}

/// Where the pictures of step 5 come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// From step 4's files.
    Files,
    /// Made in memory, never written.
    InMemory,
}

impl Default for Inference {
    fn default() -> Self {
        Inference { precision: Precision::Single, batch: None, keep: Keep::Chosen, pictures: Pictures::Files }
    }
}

/// The run that the environment names: the data root of `LGF_ROOT` (else `data/out` in the project), the protocol of
/// `LGF_PROTOCOL` (else the corrected one), the device of `LGF_DEVICE` (else the best there is). Where the data root holds no
/// study yet, the sample is drawn into it. Every notebook begins with it.
///
/// # Errors
/// As [`Store::open`], [`protocol::open`], [`Device::auto`] and [`sample::open`].
pub fn open() -> Result<Run> {
    let (protocol, device) = (protocol::open()?, Device::auto()?);
    let study = sample::open(&Store::open()?, &protocol.sample)?;
    Ok(Run { study, protocol, device })
}

impl Run {
    /// The same run by another protocol.
    pub fn by(&self, protocol: Protocol) -> Run {
        Run { protocol, ..self.clone() }
    }

    /// The data root.
    pub fn store(&self) -> &Store {
        &self.study.store
    }

    /// A table that a step wrote, by its name.
    ///
    /// # Errors
    /// As [`Store::table`].
    pub fn table(&self, name: &str) -> Result<DataFrame> {
        self.store().table(name)
    }

    /// The rows of a table that a step wrote, by its name.
    ///
    /// # Errors
    /// As [`Store::rows`].
    pub fn rows<R: Row>(&self, name: &str) -> Result<Vec<R>> {
        self.store().rows(name)
    }

    /// Draws a figure, keeps it as `figures/<name>.svg`, `.png` and `.pdf`, and shows it; or says why there is none.
    ///
    /// # Errors
    /// [`Code::Io`](crate::error::Code::Io) if it cannot be written; what else keeps it from being drawn, but that a study has
    /// nothing of it.
    pub fn keep(&self, name: &str, figure: impl Drawable) -> Result<Html> {
        let kept = figure.draft().and_then(|draft| draft.draw(name)).and_then(|figure| self.store().keep(figure));
        or_say(kept.map(|figure| self.with_files(&figure)))
    }

    /// A figure that was kept, and under it the way to its files.
    fn with_files(&self, figure: &Figure) -> Html {
        let path = |ending: &str| self.store().path(&format!("figures/{}.{ending}", figure.name));
        let files: Vec<String> = ["svg", "png", "pdf"].iter().map(|ending| link(&path(ending), ending)).collect();
        let html = format!("<div>{}<div><small>{}</small></div></div>", figure.html(), files.join(" "));
        Html::new(html, figure.text())
    }

    /// Step 1: the archive of the study as a table of boxes ([`bbox::collect_boxes`]).
    ///
    /// # Errors
    /// As [`bbox::collect_boxes`].
    pub fn boxes(&self) -> Result<DataFrame> {
        bbox::collect_boxes(self.store(), self.study.annotation_archive().as_deref(), &bbox::Limits::default())
    }

    /// Step 2: the boxes of the study's photographs ([`bbox::choose_boxes`]).
    ///
    /// # Errors
    /// As [`bbox::choose_boxes`].
    pub fn subset(&self) -> Result<SubsetTable> {
        let boxes = self.table("imagenet_boundingboxes")?;
        bbox::choose_boxes(self.store(), &boxes, &self.study.all_images()?, &self.protocol.subset)
    }

    /// The boxes that step 2 kept, by photograph.
    ///
    /// # Errors
    /// As [`Boxes::of`].
    pub fn chosen_boxes(&self) -> Result<Boxes> {
        Boxes::of(&self.table("imagenette_boundingboxes")?)
    }

    /// The photographs that steps 3 to 6 are about ([`Protocol::photographs`]).
    ///
    /// # Errors
    /// As [`Protocol::photographs`].
    pub fn photographs(&self) -> Result<Vec<ImageFile>> {
        self.protocol.photographs(&self.study)
    }

    /// Step 3: the edges of the photographs ([`edges::detect_all`]).
    ///
    /// # Errors
    /// As [`edges::detect_all`].
    pub fn edges(&self) -> Result<EdgeTables> {
        let (photographs, parameters) = (self.photographs()?, &self.protocol.edges);
        let tables = edges::detect_all(self.store(), &photographs, &self.chosen_boxes()?, parameters);
        // Networks that see photographs otherwise than most have masks of their own.
        let views = || {
            let views = inference::study_views(&self.study)?.into_iter();
            all_of(views.map(|view| edges::detect_in_view(self.store(), &photographs, parameters, view)))
        };
        Ok(both(tables, views)?.0)
    }

    /// The photographs that are changed and explained ([`Protocol::sampled`]), of those that step 3 has edges of.
    ///
    /// # Errors
    /// As [`edges::keep_found`] and [`Protocol::sampled`].
    pub fn sampled(&self) -> Result<Vec<ImageFile>> {
        self.protocol.sampled(&self.study, &edges::keep_found(self.store(), self.photographs()?)?)
    }

    /// What is made of the photographs, and what smooths them.
    fn changes(&self) -> Result<(datasets::Parameters, Box<dyn Smoother>)> {
        let parameters = self.protocol.datasets_of(&self.study)?;
        let smoother = inference::study_smoother(&self.study, &parameters.smoothing.l0, self.device)?;
        Ok((parameters, smoother))
    }

    /// Step 4: the changed pictures ([`datasets::build`]).
    ///
    /// # Errors
    /// As [`datasets::build`].
    pub fn datasets(&self) -> Result<Manifest> {
        let (parameters, smoother) = self.changes()?;
        datasets::build(self.store(), &self.sampled()?, &parameters, &*smoother)
    }

    /// The networks of the study, with batch normalisation merged.
    ///
    /// # Errors
    /// As [`inference::load_networks`].
    pub fn networks(&self) -> Result<Vec<Engine>> {
        self.networks_in(Form::Folded, Precision::Single)
    }

    /// The networks of the study, with batch normalisation merged or apart, in a precision.
    ///
    /// # Errors
    /// As [`inference::load_networks`].
    pub fn networks_in(&self, form: Form, precision: Precision) -> Result<Vec<Engine>> {
        inference::load_networks(&self.study, form, precision, self.device)
    }

    /// All networks, or, for a shard whose networks do not fit its memory together, some after others: what each says is kept
    /// by itself, and joined later.
    fn in_groups<T>(&self, work: impl Fn(&Run) -> Result<T>) -> Result<T> {
        let groups = match self.store().share() {
            Share::Shard(_) => self.study.groups_within(memory_limit().unwrap_or(u64::MAX) / WEIGHTS_SHARE),
            _ => Vec::new(),
        };
        if groups.len() < 2 {
            return work(self);
        }
        let names: Vec<Vec<&str>> = groups.iter().map(|group| group.iter().map(String::as_str).collect()).collect();
        all_of(names.iter().map(|names| work(&self.only(names)?).map(drop)))?;
        work(self)
    }

    fn how(&self, given: &Inference) -> Experiments {
        let how = self.protocol.experiments();
        Experiments { batch: given.batch.unwrap_or(how.batch), keep: given.keep, ..how }
    }

    /// Step 5: every network on every changed picture ([`inference::run_experiments`]).
    ///
    /// # Errors
    /// As [`inference::run_experiments`].
    pub fn experiments(&self, given: &Inference) -> Result<DataFrame> {
        self.in_groups(|run| run.experiments_of_all(given))
    }

    fn experiments_of_all(&self, given: &Inference) -> Result<DataFrame> {
        let how = self.how(given);
        // A name of a stimulus that is none is said before any picture is read.
        for set in self.study.described.stimulus_folders() {
            self.study.stimuli(&set)?;
        }
        let networks = self.networks_in(Form::Folded, given.precision)?;
        match given.pictures {
            Pictures::Files => {
                let manifest = self.rows("datasets")?;
                inference::run_experiments(&self.study, &networks, Source::Files(&manifest), &how)
            }
            Pictures::InMemory => {
                let (images, (parameters, smoother)) = (self.sampled()?, self.changes()?);
                let source = Source::InMemory { images: &images, parameters: &parameters, smoother: &*smoother };
                inference::run_experiments(&self.study, &networks, source, &how)
            }
        }
    }

    /// Step 5: every network on pictures without some feature, made in memory and never written: those of the protocol's
    /// [`Battery`](datasets::Battery). The predictions go to `features` ([`inference::run_features`]), what was taken away to
    /// `features_removed` ([`datasets::write_removed`]).
    ///
    /// # Errors
    /// As [`inference::run_features`] and [`datasets::write_removed`]; [`Code::Parameter`] for a condition that nothing makes.
    pub fn features(&self, given: &Inference) -> Result<DataFrame> {
        let battery = &self.protocol.features;
        battery.check(&self.protocol.analysis.features)?;
        let (images, (parameters, smoother)) = (self.sampled()?, self.changes()?);
        let parameters = battery.parameters(&parameters);
        // First: what the analysis finds predictions of, it finds what was taken away of, too.
        let removed = datasets::write_removed(self.store(), &images, &parameters);
        let (made, how) = ((&*images, &parameters, &*smoother), self.how(given));
        let of = |run: &Run| {
            inference::run_features(&run.study, &run.networks_in(Form::Folded, given.precision)?, made, &how)
        };
        Ok(both(removed, || self.in_groups(of))?.1)
    }

    /// What networks do without features: curves, scores and differences of what [`Run::features`] wrote
    /// ([`analysis::study_reliance`]).
    ///
    /// # Errors
    /// As [`analysis::study_reliance`].
    pub fn reliance(&self) -> Result<Reliance> {
        analysis::study_reliance(&self.study, &self.protocol.analysis)
    }

    /// Step 5: every network on every set of stimuli ([`inference::observe`]): a set's name and its table.
    /// Their decisions by the protocol's scoring are written as decision files ([`observers::write_networks`]).
    ///
    /// # Errors
    /// As [`inference::observe`].
    pub fn observe(&self, given: &Inference) -> Result<Vec<(String, DataFrame)>> {
        if self.study.described.stimulus_folders().is_empty() || self.study.networks().is_empty() {
            return Ok(Vec::new());
        }
        let done = self.in_groups(|run| {
            inference::observe(&run.study, &run.networks_in(Form::Folded, given.precision)?, &run.how(given))
        })?;
        let how = &self.protocol.analysis.observers;
        for (set, _) in &done {
            observers::write_networks(&self.study, set, (how.scoring, how.ties))?;
        }
        Ok(done)
    }

    /// A stimulus of a set, by its place, with how much of it networks see.
    ///
    /// # Errors
    /// As [`Study::stimuli`]; [`Code::Missing`] for a set or a place that is not there.
    pub fn stimulus(&self, set: &str, place: usize) -> Result<(Stimulus, Sight)> {
        let none = |found: String| Error::new(Code::Missing, found);
        let sets = self.study.described.stimulus_folders();
        let folder = sets.iter().find(|folder| folder.name == set);
        let folder = folder.ok_or_else(|| none(format!("no set of stimuli {set:?} in this study")))?;
        let mut stimuli = self.study.stimuli(folder)?;
        if place >= stimuli.len() {
            return Err(none(format!("{set} has {} stimuli, counted from 0; {place} is none of them", stimuli.len())));
        }
        Ok((stimuli.swap_remove(place), folder.seen))
    }

    /// What the first network makes of a stimulus: the score of every category by every scoring ([`inference::scores_of`]).
    ///
    /// # Errors
    /// As [`Run::stimulus`] and [`inference::scores_of`]; [`Code::Model`] for a study without networks.
    pub fn scores(&self, set: &str, place: usize) -> Result<Vec<CategoryScoreRow>> {
        let (stimulus, seen) = self.stimulus(set, place)?;
        let first = self.study.networks().first().map(|entry| entry.name.clone());
        let first = first.ok_or_else(|| Error::new(Code::Model, "this study has no network"))?;
        let networks = self.only(&[&first])?.networks()?;
        inference::scores_of(&networks[0], &stimulus, seen, (&self.protocol.experiments(), &self.study.categories()?))
    }

    /// The decisions of networks and people on every set of stimuli, by the protocol's scoring ([`observers::all_trials`]).
    ///
    /// # Errors
    /// As [`observers::all_trials`].
    pub fn trials(&self) -> Result<Vec<Trials>> {
        let how = &self.protocol.analysis.observers;
        observers::all_trials(&self.study, (how.scoring, how.ties))
    }

    /// Those of one set.
    ///
    /// # Errors
    /// As [`Run::trials`]; [`Code::Missing`] listing the sets there are.
    pub fn trials_on(&self, set: &str) -> Result<Trials> {
        let mut all = self.trials()?;
        let names: Vec<String> = all.iter().map(|trials| trials.set.clone()).collect();
        let place = names.iter().position(|name| name == set).ok_or_else(|| {
            let there = if names.is_empty() { "it has none".into() } else { format!("there are {}", names.join(", ")) };
            Error::new(Code::Missing, format!("no set of stimuli {set:?} in this study; {there}"))
        })?;
        Ok(all.swap_remove(place))
    }

    /// Step 5.1: checkpoints converted, with batch normalisation merged or apart: what each differs by
    /// ([`inference::convert_all`]).
    ///
    /// # Errors
    /// As [`inference::convert_all`].
    pub fn convert(&self, form: Form) -> Result<DataFrame> {
        let pictures: Vec<PathBuf> = self.sampled()?.into_iter().take(10).map(|image| image.path).collect();
        let how = Conversion { form, normalise: self.protocol.normalise, device: self.device };
        inference::convert_all(&self.study, &pictures, &how)
    }

    /// Step 5.2: relevance of the sampled photographs by the protocol's rules ([`relevance::explain_all`]).
    ///
    /// # Errors
    /// As [`relevance::explain_all`].
    pub fn relevance(&self) -> Result<DataFrame> {
        self.relevance_by(&self.protocol.relevance(), Precision::Single)
    }

    /// Step 5.2 by other rules, in another precision.
    ///
    /// # Errors
    /// As [`relevance::explain_all`].
    pub fn relevance_by(&self, parameters: &Parameters, precision: Precision) -> Result<DataFrame> {
        let images = self.sampled()?;
        self.in_groups(|run| {
            let networks = run.networks_in(parameters.composite.form, precision)?;
            relevance::explain_all(&run.study, &networks, &images, parameters)
        })
    }

    /// Judges metrics of maps, and ways to them, by the networks that come with the project, on drawings whose truth is known
    /// ([`judge::judge_all`]): whatever the study is.
    ///
    /// # Errors
    /// As [`judge::judge_all`].
    pub fn judge(&self, how: &Judging) -> Result<Verdict> {
        judge::judge_all(self.store(), &how.among(sample::trained(self.device)?)?, how)
    }

    /// Rules for some networks as their checkpoints have them, chosen by a metric on every other one of some photographs and weighed
    /// on the rest ([`judge::choose`]), kept as the table `judge_choice`; what is explained is the class that each photograph shows.
    ///
    /// # Errors
    /// As [`judge::choose`]; [`Code::Image`] if a photograph cannot be read, [`Code::Model`] if its class is no output.
    pub fn choose_rules(&self, networks: &[Engine], images: &[ImageFile], how: &Choosing) -> Result<DataFrame> {
        self.store().makes_tables()?;
        let classes = self.study.class_list();
        let of = |network: &Engine| {
            let shown = |image: &ImageFile| {
                let class = classes.index_of(&image.wnid).ok_or_else(|| {
                    Error::new(Code::Model, format!("class {:?} is not among the outputs", image.wnid))
                        .path(&image.path)
                })?;
                Ok((network.view().of(&image.path)?, class))
            };
            let shown: Vec<_> = images.iter().map(shown).collect::<Result<_>>()?;
            judge::choose(std::slice::from_ref(network), &shown, how)
        };
        let chosen = stacked(networks.iter().map(of).collect::<Result<Vec<_>>>()?)?;
        self.store().write_table("judge_choice", &chosen)?;
        Ok(chosen)
    }

    /// Step 5.3: relevance against edges ([`overlap::against_edges`]).
    ///
    /// # Errors
    /// As [`overlap::against_edges`].
    pub fn overlap(&self) -> Result<DataFrame> {
        let (store, objects, boxes) = (self.store(), edges::objects(self.store())?, self.chosen_boxes()?);
        let regions: Vec<RegionRow> = self.rows("lrp_regions")?;
        let views = self.views(&regions)?;
        overlap::against_edges(store, &regions, |row| {
            let view = views[&row.model];
            let object = match objects.get(&row.file) {
                // In another view it is another part of the crop.
                Some(_) if view != View::IMAGENET => boxes.mask(&row.file, view)?,
                object => object.cloned(),
            };
            Ok(overlap::Sides {
                map: relevance::map_of(store, &row.model, &row.file)?,
                edges: edges::mask_in(store, &row.file, view)?,
                outlines: edges::outlines_in(store, &row.file, view)?,
                object,
            })
        })
    }

    /// What each network of step 5.2 saw of photographs.
    fn views(&self, regions: &[RegionRow]) -> Result<HashMap<String, View>> {
        let mut views = HashMap::new();
        for RegionRow { model, .. } in regions {
            if !views.contains_key(model) {
                views.insert(model.clone(), inference::view_in(self.store(), "lrp", model)?);
            }
        }
        Ok(views)
    }

    /// What the networks say of the changed pictures: the rows that step 5 wrote.
    ///
    /// # Errors
    /// As [`Store::rows`].
    pub fn predictions(&self) -> Result<Vec<PredictionRow>> {
        datasets::recall_kinds(self.store())?;
        self.rows("predictions")
    }

    /// What step 4 would make, without making it ([`datasets::planned`]).
    ///
    /// # Errors
    /// As [`datasets::planned`].
    pub fn planned(&self) -> Result<Manifest> {
        let (parameters, smoother) = self.changes()?;
        datasets::planned(&self.sampled()?, &parameters, &*smoother)
    }

    /// The first pair of networks that is compared.
    ///
    /// # Errors
    /// [`Code::Model`](crate::error::Code::Model) if the study has fewer than two.
    pub fn pair(&self) -> Result<Pair> {
        let none = || Error::new(Code::Model, "two networks are compared here, and this study has fewer");
        self.study.compared().into_iter().next().ok_or_else(none)
    }

    /// Shape bias of each observer on a set of pictures of two cues, over all and by category ([`analysis::shape_bias`]).
    ///
    /// # Errors
    /// As [`Run::trials_on`] and [`analysis::shape_bias`].
    pub fn shape_bias(&self, set: &str) -> Result<Vec<ShapeBiasRow>> {
        analysis::shape_bias(&self.trials_on(set)?, &self.protocol.analysis.observers)
    }

    /// Which of the study's pairs of networks, and which network and people, differ in shape bias on a set
    /// ([`analysis::bias_differences`]).
    ///
    /// # Errors
    /// As [`Run::trials_on`] and [`analysis::bias_differences`].
    pub fn bias_differences(&self, set: &str) -> Result<Vec<BiasDifferenceRow>> {
        let trials = self.trials_on(set)?;
        let pairs = analysis::bias_pairs(&trials, &self.study.compared());
        analysis::bias_differences(&trials, &pairs, &self.protocol.analysis.observers)
    }

    /// Error consistency of every two observers on a set ([`analysis::consistency`]).
    ///
    /// # Errors
    /// As [`Run::trials_on`] and [`analysis::consistency`].
    pub fn consistency(&self, set: &str) -> Result<Vec<ConsistencyRow>> {
        analysis::consistency(&self.trials_on(set)?, &self.protocol.analysis.observers)
    }

    /// Networks against people over all sets ([`analysis::benchmark`]).
    ///
    /// # Errors
    /// As [`Run::trials`] and [`analysis::benchmark`].
    pub fn like_people(&self) -> Result<Benchmark> {
        analysis::benchmark(&self.trials()?, &self.protocol.analysis.observers)
    }

    /// How much of each network's maps lies on the objects of step 2 ([`relevance::localise`]).
    ///
    /// # Errors
    /// As [`relevance::localise`].
    pub fn localised(&self) -> Result<DataFrame> {
        let (boxes, regions) = (self.chosen_boxes()?, self.rows::<RegionRow>("lrp_regions")?);
        let views = self.views(&regions)?;
        let located = relevance::localise(self.store(), &regions, |row| boxes.mask(&row.file, views[&row.model]))?;
        analysis::localisation_by_model(&LocalisationRow::rows(&located)?)
    }

    /// The protocol's measure over the levels of a kind of picture, a row a network and level ([`analysis::curves`]).
    ///
    /// # Errors
    /// As [`analysis::curves`].
    pub fn curves(&self, kind: &Kind) -> Result<Vec<CurveRow>> {
        CurveRow::rows(&analysis::curves(&self.predictions()?, kind.name, self.protocol.analysis.measure)?)
    }

    /// Its fall from each photograph's own untouched picture ([`analysis::drops`]).
    ///
    /// # Errors
    /// As [`analysis::drops`].
    pub fn falls(&self, kind: &Kind) -> Result<Vec<CurveRow>> {
        CurveRow::rows(&analysis::drops(&self.predictions()?, kind.name, self.protocol.analysis.measure)?)
    }

    /// What a published hypothesis is tested on: the differences of the study's pairs, as published
    /// ([`analysis::differences_of`]).
    ///
    /// # Errors
    /// As [`analysis::differences_of`].
    pub fn differences_of(&self, conclusion: &str) -> Result<Vec<f64>> {
        let published = analysis::Parameters::published();
        analysis::differences_of(&self.predictions()?, &self.study.compared(), conclusion, &published)
    }

    /// The same run with some of its networks only.
    ///
    /// # Errors
    /// As [`Study::only`].
    pub fn only(&self, networks: &[&str]) -> Result<Run> {
        Ok(Run { study: self.study.only(networks)?, ..self.clone() })
    }

    /// Step 6: every table of the analysis ([`analysis::write_all`]).
    ///
    /// # Errors
    /// As [`analysis::write_all`].
    pub fn analyse(&self) -> Result<Analysed> {
        analysis::write_all(&self.study, &self.protocol.analysis)
    }

    /// One page of it all ([`report::write`]), from the tables that step 6 wrote; its path.
    ///
    /// # Errors
    /// As [`report::write`].
    pub fn report(&self) -> Result<PathBuf> {
        report::write(self.store(), &self.protocol, &Analysed::open(self.store())?)
    }
}

/// Step 1 for an archive that no study names ([`bbox::collect_boxes`]).
///
/// # Errors
/// As [`bbox::collect_boxes`].
pub fn boxes_of(store: &Store, archive: &Path) -> Result<DataFrame> {
    bbox::collect_boxes(store, Some(archive), &bbox::Limits::default())
}

table! {
    /// How long a step took.
    pub struct TimeRow {
        /// The step.
        step: String,
        /// Its time, in seconds.
        seconds: f64,
    }
}

/// A step of the sequence, as `lgf all` runs it.
pub type StepOf = fn(&Run) -> Result<()>;

impl Run {
    /// The steps of its study: all of them, or of one of stimuli alone what needs no photographs.
    pub fn steps(&self) -> Vec<(&'static str, StepOf)> {
        let photographs = !self.study.described.is_of_stimuli_alone();
        let needed = |name: &str| photographs || matches!(name, OBSERVE | ANALYSE);
        steps().into_iter().filter(|(name, _)| needed(name)).collect()
    }
}

/// The weights of networks may take this part of a job's memory, one of so many: they are there once as stored, once as merged, and
/// once more in an order that kernels like.
const WEIGHTS_SHARE: u64 = 6;

const OBSERVE: &str = "5 observe";
const ANALYSE: &str = "6 analyse";

/// All steps with their names, in order, after the study is there.
pub fn steps() -> [(&'static str, StepOf); 11] {
    [
        ("1 boxes", |run| run.boxes().map(drop)),
        ("2 subset", |run| {
            say(&format!("subset: {}", run.subset()?.counts.line()));
            Ok(())
        }),
        ("3 edges", |run| {
            if let Some(line) = run.study.listing()?.passed_over() {
                say(&format!("edges: {line}"));
            }
            run.edges().map(drop)
        }),
        ("4 datasets", |run| run.datasets().map(drop)),
        ("5 run", |run| run.experiments(&Inference::default()).map(drop)),
        ("5 features", |run| run.features(&Inference::default()).map(drop)),
        (OBSERVE, |run| run.observe(&Inference::default()).map(drop)),
        ("5.1 convert", |run| run.convert(Form::Folded).map(drop)),
        ("5.2 relevance", |run| run.relevance().map(drop)),
        ("5.3 overlap", |run| run.overlap().map(drop)),
        (ANALYSE, |run| run.analyse().map(drop)),
    ]
}
