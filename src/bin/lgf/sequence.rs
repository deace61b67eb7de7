//! The steps of the sequence on a data root.

use std::path::PathBuf;

use anyhow::Result;
use lgf::datasets::Smoother;
use lgf::models::{self, Device, Form, Keep, Network, Precision, Source};
use lgf::notebook::{Progress, Show, say, show, table};
use lgf::protocol::Protocol;
use lgf::relevance::Composite;
use lgf::store::{self, Store, Study};
use lgf::{analysis, bbox, datasets, edges, overlap, relevance, sample};

use crate::{Convert, Relevance, Run, Step};

/// What a step of the sequence works with.
pub struct Root {
    pub store: Store,
    pub protocol: Protocol,
    pub device: Device,
}

pub fn step(step: &Step, root: &Root) -> Result<()> {
    match step {
        Step::Sample(_) => root.sample(),
        Step::Boxes { archive } => root.boxes(archive.clone()),
        Step::Subset => root.subset(),
        Step::Edges { .. } => root.edges(),
        Step::Datasets { .. } => root.datasets(),
        Step::Run(run) => root.experiments(run),
        Step::Convert(convert) => root.convert(convert),
        Step::Relevance(given) => root.relevance(given),
        Step::Overlap => root.overlap(),
        Step::Analyse => root.analyse(),
        Step::Bench { .. } => crate::bench::steps(root),
        _ => root.steps().into_iter().try_for_each(|(_, step)| step(root)),
    }
}

pub type StepOf = fn(&Root) -> Result<()>;

impl Root {
    /// The sequence on this root: the sample is drawn unless it holds a study of its own.
    pub fn steps(&self) -> Vec<(&'static str, StepOf)> {
        vec![
            ("0 sample", Root::sample),
            ("1 boxes", |root| root.boxes(None)),
            ("2 subset", Root::subset),
            ("3 edges", Root::edges),
            ("4 datasets", Root::datasets),
            ("5 run", |root| root.experiments(&Run::plain())),
            ("5.1 convert", |root| root.convert(&Convert { keep_batch_norm: false })),
            ("5.2 relevance", |root| root.relevance(&Relevance::plain())),
            ("5.3 overlap", Root::overlap),
            ("6 analyse", Root::analyse),
        ]
    }

    fn study(&self) -> Result<Study> {
        Ok(Study::open(&self.store)?)
    }

    fn sample(&self) -> Result<()> {
        sample::open(&self.store, &self.protocol.sample, Progress::bar("sample"))?;
        Ok(())
    }

    fn boxes(&self, archive: Option<PathBuf>) -> Result<()> {
        let archive = match archive {
            Some(archive) => Some(archive),
            None => self.study()?.annotation_archive(&self.store),
        };
        bbox::collect_boxes(&self.store, archive.as_deref(), &bbox::Limits::default(), Progress::bar("boxes"))?;
        Ok(())
    }

    fn subset(&self) -> Result<()> {
        let images = self.study()?.all_images(&self.store)?;
        let boxes = self.store.table("imagenet_boundingboxes")?;
        let chosen = bbox::choose_boxes(&self.store, &boxes, &images, &self.protocol.subset)?;
        say(&format!("subset: {}", chosen.counts.line()));
        Ok(())
    }

    fn edges(&self) -> Result<()> {
        let images = self.study()?.split_images(&self.store)?;
        let boxes = self.store.table("imagenette_boundingboxes")?;
        edges::detect_all(&self.store, &images, &boxes, &self.protocol.edges, Progress::bar("edges"))?;
        Ok(())
    }

    fn sampled(&self) -> Result<Vec<store::ImageFile>> {
        let study = self.study()?;
        let images = edges::keep_found(&self.store, study.split_images(&self.store)?)?;
        Ok(datasets::sample_images(&images, study.images_per_class, self.protocol.datasets.seed)?)
    }

    fn datasets(&self) -> Result<()> {
        let progress = Progress::bar("datasets");
        let parameters = &self.protocol.datasets;
        let smoother = models::study_smoother(&self.store, &self.study()?, &parameters.smoothing.l0, self.device)?;
        datasets::build(&self.store, &self.sampled()?, parameters, &*smoother, progress)?;
        Ok(())
    }

    fn networks(&self, precision: Precision) -> Result<Vec<Network>> {
        Ok(models::load_networks(&self.store, &self.study()?, Form::Folded, precision, self.device)?)
    }

    fn experiments(&self, run: &Run) -> Result<()> {
        let (study, classes) = (self.study()?, self.study()?.class_list());
        let networks = self.networks(run.batch.precision.precision())?;
        let mut how = self.protocol.experiments();
        how.batch = run.batch.size.unwrap_or(how.batch);
        how.keep = if run.all_logits { Keep::All } else { Keep::Chosen };
        let progress = Progress::bar("experiments");
        if run.in_memory {
            let (images, parameters) = (self.sampled()?, &self.protocol.datasets);
            let smoother = models::study_smoother(&self.store, &study, &parameters.smoothing.l0, self.device)?;
            let smoother: &dyn Smoother = &*smoother;
            let manifest = datasets::planned(&images, parameters, smoother)?;
            let source = Source::InMemory { images: &images, parameters, smoother };
            models::run_experiments(&self.store, &networks, &manifest.table, source, &classes, &how, progress)?;
        } else {
            let manifest = self.store.table("datasets")?;
            models::run_experiments(&self.store, &networks, &manifest, Source::Files, &classes, &how, progress)?;
        }
        if let Some(folder) = study.conflict_folder(&self.store) {
            let progress = Progress::bar("cue conflict");
            models::run_conflict(&self.store, &networks, Some(&folder), &classes, &how, progress)?;
        }
        Ok(())
    }

    fn convert(&self, convert: &Convert) -> Result<()> {
        let pictures: Vec<PathBuf> = self.sampled()?.into_iter().take(10).map(|image| image.path).collect();
        let form = if convert.keep_batch_norm { Form::Plain } else { Form::Folded };
        let normalise = self.protocol.normalise;
        let converted = models::convert_all(&self.store, &self.study()?, &pictures, form, normalise, self.device)?;
        say(&converted.text());
        Ok(())
    }

    fn relevance(&self, given: &Relevance) -> Result<()> {
        let mut parameters = self.protocol.relevance();
        parameters.batch = given.batch.size.unwrap_or(parameters.batch);
        if let Some(name) = &given.preset {
            parameters.composite = Composite::preset(name)?;
        }
        parameters.target = given.target.unwrap_or(parameters.target);
        let study = self.study()?;
        let (form, precision) = (parameters.composite.form, given.batch.precision.precision());
        let networks = models::load_networks(&self.store, &study, form, precision, self.device)?;
        let progress = Progress::bar("relevance");
        relevance::explain_all(&self.store, &networks, &self.sampled()?, &study.class_list(), &parameters, progress)?;
        Ok(())
    }

    fn overlap(&self) -> Result<()> {
        let regions = self.store.table("lrp_regions")?;
        let map = |model: &str, stem: &str| relevance::map_of(&self.store, model, stem);
        let mask = |stem: &str| edges::mask_of(&self.store, stem);
        let objects = edges::objects(&self.store)?;
        overlap::against_edges(&self.store, &regions, map, mask, &objects, Progress::bar("overlap"))?;
        Ok(())
    }

    fn analyse(&self) -> Result<()> {
        for (name, found) in analysis::write_all(&self.store)? {
            say(show(&[&name, &table(&found)]).text());
        }
        Ok(())
    }
}
