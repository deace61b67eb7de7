//! The whole sequence on a data root, step by step: what the notebooks and the command line do.
//!
//! ```no_run
//! use lgf::{models::Device, protocol, files::Store, sequence::Sequence};
//!
//! let sequence = Sequence { store: Store::open()?, protocol: protocol::corrected(), device: Device::auto()? };
//! for (name, step) in Sequence::steps() {
//!     println!("{name}");
//!     step(&sequence)?;
//! }
//! # Ok::<(), lgf::Error>(())
//! ```

mod ablation;

use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;

use crate::analysis::Analysed;
use crate::datasets::Smoother;
use crate::error::Result;
use crate::files::{ImageFile, Store};
use crate::models::{self, Device, Form, Keep, Network, Precision, Source};
use crate::notebook::{Progress, say};
use crate::protocol::Protocol;
use crate::study::Study;
use crate::{analysis, bbox, datasets, edges, overlap, relevance, sample};

/// A data root, the choices of a run, and where networks are computed.
#[derive(Debug)]
pub struct Sequence {
    /// The data root.
    pub store: Store,
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
    /// Whether all logits are kept.
    pub all_logits: bool,
    /// Whether pictures are made in memory instead of read from step 4's files.
    pub in_memory: bool,
}

impl Default for Inference {
    fn default() -> Self {
        Inference { precision: Precision::Single, batch: None, all_logits: false, in_memory: false }
    }
}

/// A step of the [`Sequence`], as `lgf all` runs it.
pub type StepOf = fn(&Sequence) -> Result<()>;

impl Sequence {
    /// All steps with their names, in order. The sample is drawn unless the root holds a study of its own.
    pub fn steps() -> [(&'static str, StepOf); 10] {
        [
            ("0 sample", Sequence::sample),
            ("1 boxes", |all| all.boxes(None)),
            ("2 subset", Sequence::subset),
            ("3 edges", Sequence::edges),
            ("4 datasets", Sequence::datasets),
            ("5 run", |all| all.experiments(&Inference::default())),
            ("5.1 convert", |all| all.convert(Form::Folded).map(drop)),
            ("5.2 relevance", |all| all.relevance(&all.protocol.relevance(), Precision::Single)),
            ("5.3 overlap", Sequence::overlap),
            ("6 analyse", |all| all.analyse().map(drop)),
        ]
    }

    fn study(&self) -> Result<Study> {
        Study::open(&self.store)
    }

    /// Step 0: the drawn sample, unless the root holds a study.
    ///
    /// # Errors
    /// As [`sample::open`].
    pub fn sample(&self) -> Result<()> {
        sample::open(&self.store, &self.protocol.sample, Progress::bar("sample"))?;
        Ok(())
    }

    /// Step 1: boxes of an archive, or of the study's.
    ///
    /// # Errors
    /// As [`bbox::collect_boxes`].
    pub fn boxes(&self, archive: Option<&Path>) -> Result<()> {
        let archive = match archive {
            Some(archive) => Some(archive.to_path_buf()),
            None => self.study()?.annotation_archive(&self.store),
        };
        bbox::collect_boxes(&self.store, archive.as_deref(), &bbox::Limits::default(), Progress::bar("boxes"))?;
        Ok(())
    }

    /// Step 2: boxes of the study's photographs.
    ///
    /// # Errors
    /// As [`bbox::choose_boxes`].
    pub fn subset(&self) -> Result<()> {
        let images = self.study()?.all_images(&self.store)?;
        let boxes = self.store.table("imagenet_boundingboxes")?;
        let chosen = bbox::choose_boxes(&self.store, &boxes, &images, &self.protocol.subset)?;
        say(&format!("subset: {}", chosen.counts.line()));
        Ok(())
    }

    /// Step 3: edges of the study's photographs.
    ///
    /// # Errors
    /// As [`edges::detect_all`].
    pub fn edges(&self) -> Result<()> {
        let study = self.study()?;
        let images = self.protocol.photographs(&self.store, &study)?;
        if let Some(line) = study.listing(&self.store)?.passed_over() {
            say(&format!("edges: {line}"));
        }
        let boxes = bbox::Boxes::of(&self.store.table("imagenette_boundingboxes")?)?;
        edges::detect_all(&self.store, &images, &boxes, &self.protocol.edges)?;
        Ok(())
    }

    /// The photographs that are changed and explained.
    ///
    /// # Errors
    /// As [`edges::keep_found`] and [`Protocol::sampled`].
    pub fn sampled(&self) -> Result<Vec<ImageFile>> {
        let study = self.study()?;
        let images = edges::keep_found(&self.store, self.protocol.photographs(&self.store, &study)?)?;
        self.protocol.sampled(&study, &images)
    }

    /// Step 4: the changed pictures.
    ///
    /// # Errors
    /// As [`datasets::build`].
    pub fn datasets(&self) -> Result<()> {
        let progress = Progress::bar("datasets");
        let parameters = &self.protocol.datasets;
        let smoother = models::study_smoother(&self.store, &self.study()?, &parameters.smoothing.l0, self.device)?;
        datasets::build(&self.store, &self.sampled()?, parameters, &*smoother, progress)?;
        Ok(())
    }

    fn networks(&self, precision: Precision) -> Result<Vec<Network>> {
        models::load_networks(&self.store, &self.study()?, Form::Folded, precision, self.device)
    }

    /// Step 5: every network on every picture, and on the cue-conflict pictures where the study has some.
    ///
    /// # Errors
    /// As [`models::run_experiments`].
    pub fn experiments(&self, run: &Inference) -> Result<()> {
        let (study, classes) = (self.study()?, self.study()?.class_list());
        // A name that is none is said before any picture is read.
        if let Some(folder) = study.conflict_folder(&self.store) {
            models::conflict_pictures(&folder, &classes)?;
        }
        let networks = self.networks(run.precision)?;
        let mut how = self.protocol.experiments();
        how.batch = run.batch.unwrap_or(how.batch);
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

    /// Step 5.1: checkpoints converted, with batch normalisation merged or apart: what each differs by.
    ///
    /// # Errors
    /// As [`models::convert_all`].
    pub fn convert(&self, form: Form) -> Result<DataFrame> {
        let pictures: Vec<PathBuf> = self.sampled()?.into_iter().take(10).map(|image| image.path).collect();
        let normalise = self.protocol.normalise;
        models::convert_all(&self.store, &self.study()?, &pictures, form, normalise, self.device)
    }

    /// Step 5.2: relevance of the sampled photographs.
    ///
    /// # Errors
    /// As [`relevance::explain_all`].
    pub fn relevance(&self, parameters: &relevance::Parameters, precision: Precision) -> Result<()> {
        let (study, form) = (self.study()?, parameters.composite.form);
        let networks = models::load_networks(&self.store, &study, form, precision, self.device)?;
        relevance::explain_all(&self.store, &networks, &self.sampled()?, &study.class_list(), parameters)?;
        Ok(())
    }

    /// Step 5.3: relevance against edges.
    ///
    /// # Errors
    /// As [`overlap::against_edges`].
    pub fn overlap(&self) -> Result<()> {
        let objects = edges::objects(&self.store)?;
        overlap::against_edges(&self.store, &self.store.rows("lrp_regions")?, |row| {
            Ok(overlap::Sides {
                map: relevance::map_of(&self.store, &row.model, &row.file)?,
                edges: edges::mask_of(&self.store, &row.file)?,
                outlines: edges::outlines_of(&self.store, &row.file)?,
                object: objects.get(&row.file).cloned(),
            })
        })?;
        Ok(())
    }

    /// Step 6: every table of the analysis.
    ///
    /// # Errors
    /// As [`analysis::write_all`].
    pub fn analyse(&self) -> Result<Analysed> {
        analysis::write_all(&self.store, &self.protocol.analysis)
    }
}
