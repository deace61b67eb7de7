//! The command line: each step of the sequence headless, with the same calls as the notebooks.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use lgf::models::{self, Device, Network, Normalisation};
use lgf::notebook::{Progress, Show, format_number, say, show, table, warn};
use lgf::polars::prelude::*;
use lgf::protocol::{self, Protocol};
use lgf::relevance::{self, Composite};
use lgf::sample::{AnnotationSet, Drawings, NETWORKS, Textures, Training};
use lgf::store::{Classes, NetworkEntry, Store, Study};
use lgf::{analysis, bbox, datasets, edges, overlap, pixels, sample, store};
use rayon::prelude::*;

#[derive(Parser)]
#[command(name = "lgf", version, about = "Do neural networks see local texture or global shape?")]
struct Line {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    step: Step,
}

#[derive(Args, Clone)]
struct Common {
    /// The data root (default: LGF_ROOT, else data/out in the project)
    #[arg(long, global = true)]
    root: Option<PathBuf>,
    /// published or corrected (default: LGF_PROTOCOL, else corrected)
    #[arg(long, global = true)]
    protocol: Option<String>,
    /// auto, cpu or cuda:N (default: LGF_DEVICE, else auto)
    #[arg(long, global = true)]
    device: Option<String>,
    /// share of its inputs that a step may skip before it fails, 0 to 1 (default: LGF_MAX_REJECT_SHARE, else 0.01)
    #[arg(long, global = true)]
    max_reject_share: Option<f64>,
}

#[derive(Subcommand)]
enum Step {
    /// 0: draws the sample and its study, or an archive of annotations alone
    Sample(DrawSample),
    /// makes a data root for photographs and networks of your own
    Init(Init),
    /// 1: an archive of annotations to one table of boxes
    Boxes {
        /// Annotation.tar.gz, or a folder of <wnid>.tar.gz (default: the study's)
        #[arg(long)]
        archive: Option<PathBuf>,
    },
    /// 2: the boxes of the study's photographs
    Subset,
    /// 3: edges of the study's photographs, or of files with --png
    Edges {
        /// writes <stem>.gray.png and <stem>.edges.png of FILES here instead; as published unless --protocol is given
        #[arg(long)]
        png: Option<PathBuf>,
        /// writes the coordinates that step 3 found as text here: edges_data.txt, edges_data_flt.txt
        #[arg(long, conflicts_with = "png")]
        text: Option<PathBuf>,
        files: Vec<PathBuf>,
    },
    /// 4: scrambled, patched and smoothed pictures
    Datasets,
    /// 5: every network on every picture
    Run,
    /// 5: logits of one network for files
    Predict(Predict),
    /// 5.1: checkpoints to safetensors, batch normalisation merged
    Convert,
    /// 5.2: relevance of the sampled photographs, or of files with --npy
    Relevance(Relevance),
    /// 5.3: relevance against edges
    Overlap,
    /// 6: the tables of the analysis
    Analyse,
    /// 0 to 6, one after another
    All,
    /// trains the networks of the sample again, from our own drawings
    TrainSample(Train),
    /// the time of each step on a fresh sample, or of one part on FILES
    Bench {
        #[command(subcommand)]
        part: Option<BenchPart>,
    },
    /// what libtorch and devices there are, and whether the data root can be written
    Doctor,
}

#[derive(Args)]
struct DrawSample {
    /// draws annotations as many as ImageNet's instead, without photographs, for benchmarks and trials
    #[arg(long, value_enum)]
    annotations: Option<AnnotationScale>,
    /// the share of ImageNet's synsets and files, above 0 and at most 1
    #[arg(long, default_value_t = 1.0, requires = "annotations")]
    share: f64,
    /// where they go (default: annotations/Annotation.tar.gz in the data root)
    #[arg(long, requires = "annotations")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum AnnotationScale {
    Imagenet,
}

#[derive(Subcommand)]
enum BenchPart {
    /// an archive of annotations to a Parquet file, without what the program takes to start
    Boxes { archive: PathBuf },
    /// denoise, grey and Canny of decoded pictures, as published: seconds for all of them
    Edges {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// every scrambled and patched picture of a folder's photographs, as published, into the root: seconds for all of them
    Datasets { folder: PathBuf },
    /// on one core, of decoded pictures: shorter side to 256; the same and the central square; one pass of L0 over that
    Pixels {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Args)]
struct Init {
    /// a folder of photographs, <wnid>/<name>.JPEG below it; may be given several times
    #[arg(long, required = true)]
    images: Vec<PathBuf>,
    /// train or val, if only that folder's photographs are meant
    #[arg(long, default_value = "")]
    split: String,
    /// Annotation.tar.gz
    #[arg(long)]
    annotations: Option<PathBuf>,
    /// NAME=ARCHITECTURE=WEIGHTS, or NAME=WEIGHTS where they are the same; may be given several times
    #[arg(long)]
    network: Vec<String>,
    /// photographs of each class in the experiments (default: 3 as published; corrected, what a power of 80 % takes)
    #[arg(long)]
    per_class: Option<usize>,
    /// TensorFlow checkpoint of the network that smooths, without .index: checkpoint_delta/model-345002
    #[arg(long)]
    smoother: Option<PathBuf>,
}

#[derive(Args)]
struct Predict {
    #[arg(long)]
    arch: String,
    #[arg(long)]
    weights: PathBuf,
    /// one row an image: file, then every logit
    #[arg(long)]
    logits: PathBuf,
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(Args)]
struct Relevance {
    #[arg(long, requires = "npy")]
    arch: Option<String>,
    #[arg(long, requires = "npy")]
    weights: Option<PathBuf>,
    #[arg(long, default_value = "corrected")]
    preset: String,
    /// the class to explain (default: the one that is predicted)
    #[arg(long)]
    target: Option<usize>,
    /// float32 [n, 3, 224, 224] of FILES
    #[arg(long, requires = "arch", requires = "weights")]
    npy: Option<PathBuf>,
    files: Vec<PathBuf>,
}

#[derive(Args)]
struct Train {
    /// one network only
    #[arg(long)]
    network: Option<String>,
    /// drawings (default: as in the model card)
    #[arg(long)]
    pictures: Option<usize>,
    /// times that each drawing is seen (default: as in the model card)
    #[arg(long)]
    epochs: Option<usize>,
    /// where the weights go
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/models"))]
    out: PathBuf,
}

fn main() -> ExitCode {
    let line = Line::parse();
    match run(&line.common, &line.step) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            warn(&format!("lgf: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(common: &Common, step: &Step) -> Result<()> {
    let protocol = match &common.protocol {
        Some(name) => protocol::named(name)?,
        None => protocol::open()?,
    };
    let open = || {
        let store = match &common.root {
            Some(root) => Store::at(root),
            None => Store::open(),
        };
        match common.max_reject_share {
            Some(share) => store?.accepting(share),
            None => store,
        }
    };
    let device = || match &common.device {
        Some(name) => name.parse(),
        None => Device::auto(),
    };
    match step {
        Step::Init(init) => self::init(&open()?, init, &protocol),
        Step::Sample(DrawSample { annotations: Some(scale), share, out }) => {
            let AnnotationScale::Imagenet = scale;
            let set = AnnotationSet::imagenet().share(*share)?;
            let out =
                out.clone().map_or_else(|| Ok(open()?.path("annotations/Annotation.tar.gz")), Ok::<_, lgf::Error>)?;
            sample::write_annotations(&out, &set, Progress::bar("annotations"))?;
            say(&format!("{}: {} files in {} synsets", out.display(), set.files, set.synsets));
            Ok(())
        }
        Step::Edges { png: Some(out), files, .. } => {
            // Without a protocol, notebook 3 as it was published: what other tools' results are compared with.
            let parameters = if common.protocol.is_some() { protocol.edges } else { edges::Parameters::published() };
            edge_pictures(out, files, &parameters)
        }
        Step::Edges { text: Some(out), .. } => {
            let store = open()?;
            edges::write_text(&store, "edges_coordinates", &out.join("edges_data.txt"))?;
            edges::write_text(&store, "edges_coordinates_flt", &out.join("edges_data_flt.txt"))?;
            Ok(())
        }
        Step::Predict(predict) => {
            let normalisation =
                if common.protocol.is_some() { protocol.normalisation } else { Normalisation::imagenet() };
            logits(predict, &normalisation, device()?)
        }
        Step::Relevance(files) if files.npy.is_some() => relevance_of_files(files, device()?),
        Step::TrainSample(training) => train_sample(training),
        Step::Doctor => doctor(&open()?, device()?),
        Step::Bench { part: Some(BenchPart::Edges { files }) } => bench_edges(files),
        Step::Bench { part: Some(BenchPart::Datasets { folder }) } => bench_datasets(&open()?, folder),
        Step::Bench { part: Some(BenchPart::Pixels { files }) } => bench_pixels(files),
        Step::Bench { part: Some(BenchPart::Boxes { archive }) } => bench_boxes(&open()?, archive),
        Step::Bench { part: None } => bench(&Root { store: open()?, protocol, device: device()? }),
        step => sequence_step(step, &Root { store: open()?, protocol, device: device()? }),
    }
}

/// What a step of the sequence works with.
struct Root {
    store: Store,
    protocol: Protocol,
    device: Device,
}

fn sequence_step(step: &Step, root: &Root) -> Result<()> {
    match step {
        Step::Sample(_) => root.sample(),
        Step::Boxes { archive } => root.boxes(archive.clone()),
        Step::Subset => root.subset(),
        Step::Edges { .. } => root.edges(),
        Step::Datasets => root.datasets(),
        Step::Run => root.experiments(),
        Step::Convert => root.convert(),
        Step::Relevance(_) => root.relevance(),
        Step::Overlap => root.overlap(),
        Step::Analyse => root.analyse(),
        _ => root.steps().into_iter().try_for_each(|(_, step)| step(root)),
    }
}

type StepOf = fn(&Root) -> Result<()>;

impl Root {
    /// The sequence on this root: the sample is drawn unless it holds a study of its own.
    fn steps(&self) -> Vec<(&'static str, StepOf)> {
        vec![
            ("0 sample", Root::sample),
            ("1 boxes", |root| root.boxes(None)),
            ("2 subset", Root::subset),
            ("3 edges", Root::edges),
            ("4 datasets", Root::datasets),
            ("5 run", Root::experiments),
            ("5.1 convert", Root::convert),
            ("5.2 relevance", Root::relevance),
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
        let smoother =
            models::study_smoother(&self.store, &self.study()?, &parameters.smoothing.l0, self.device)?;
        datasets::build(&self.store, &self.sampled()?, parameters, &*smoother, progress)?;
        Ok(())
    }

    fn networks(&self) -> Result<Vec<Network>> {
        Ok(models::load_all(&self.store, &self.study()?, self.device)?)
    }

    fn experiments(&self) -> Result<()> {
        let (study, networks) = (self.study()?, self.networks()?);
        let (classes, parameters) = (study.class_list(), self.protocol.experiments());
        let manifest = self.store.table("datasets")?;
        let progress = Progress::bar("experiments");
        models::run_experiments(&self.store, &networks, &manifest, &classes, &parameters, progress)?;
        if let Some(folder) = study.conflict_folder(&self.store) {
            let progress = Progress::bar("cue conflict");
            models::run_conflict(&self.store, &networks, Some(&folder), &classes, &parameters, progress)?;
        }
        Ok(())
    }

    fn convert(&self) -> Result<()> {
        let pictures: Vec<PathBuf> = self.sampled()?.into_iter().take(10).map(|image| image.path).collect();
        let normalisation = &self.protocol.normalisation;
        let converted = models::convert_all(&self.store, &self.study()?, &pictures, normalisation, self.device)?;
        say(&converted.text());
        Ok(())
    }

    fn relevance(&self) -> Result<()> {
        let (networks, images, classes) = (self.networks()?, self.sampled()?, self.study()?.class_list());
        let (parameters, progress) = (self.protocol.relevance(), Progress::bar("relevance"));
        relevance::explain_all(&self.store, &networks, &images, &classes, &parameters, progress)?;
        Ok(())
    }

    fn overlap(&self) -> Result<()> {
        let regions = self.store.table("lrp_regions")?;
        let map = |model: &str, stem: &str| relevance::map_of(&self.store, model, stem);
        let mask = |stem: &str| edges::mask_of(&self.store, stem);
        overlap::against_edges(&self.store, &regions, map, mask, Progress::bar("overlap"))?;
        Ok(())
    }

    fn analyse(&self) -> Result<()> {
        for (name, found) in analysis::write_all(&self.store)? {
            say(show(&[&name, &table(&found)]).text());
        }
        Ok(())
    }
}

fn init(store: &Store, init: &Init, protocol: &Protocol) -> Result<()> {
    let absolute = |path: &PathBuf| path.canonicalize().with_context(|| format!("{}: not there", path.display()));
    let smoother = |prefix: &PathBuf| -> Result<PathBuf> {
        let index = prefix.with_added_extension("index");
        Ok(absolute(&index)?.with_extension(""))
    };
    let network = |given: &String| -> Result<NetworkEntry> {
        let parts: Vec<&str> = given.split('=').collect();
        let (name, architecture, weights) = match parts[..] {
            [name, weights] => (name, name, weights),
            [name, architecture, weights] => (name, architecture, weights),
            _ => bail!("--network {given}: expected NAME=ARCHITECTURE=WEIGHTS"),
        };
        models::architecture(architecture)?;
        let weights = absolute(&PathBuf::from(weights))?;
        Ok(NetworkEntry { name: name.into(), architecture: architecture.into(), weights })
    };
    let mut study = Study {
        name: "own photographs".into(),
        images: init.images.iter().map(absolute).collect::<Result<_>>()?,
        split: init.split.clone(),
        annotations: init.annotations.as_ref().map(absolute).transpose()?,
        conflict: None,
        classes: Classes::Imagenet,
        networks: init.network.iter().map(network).collect::<Result<_>>()?,
        images_per_class: 0,
        smoother: init.smoother.as_ref().map(smoother).transpose()?,
    };
    let images = study.split_images(store)?;
    let mut classes = std::collections::BTreeMap::<&str, usize>::new();
    images.iter().for_each(|image| *classes.entry(&image.wnid).or_default() += 1);
    let smallest = classes.values().copied().min().unwrap_or(0);
    study.images_per_class = match init.per_class {
        Some(count) => count,
        None => protocol.images_per_class(classes.len())?.min(smallest),
    };
    say(&format!("{} of each of {} classes will be sampled", study.images_per_class, classes.len()));
    let path = study.save(store)?;
    say(&format!("{}: {} photographs, {} networks", path.display(), images.len(), study.networks.len()));
    Ok(())
}

fn edge_pictures(out: &std::path::Path, files: &[PathBuf], parameters: &edges::Parameters) -> Result<()> {
    if files.is_empty() {
        bail!("--png needs files: lgf edges --png OUT FILE…");
    }
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let run = Progress::bar("edges").start(files.len(), "pictures");
    let failed: Vec<lgf::Error> = files
        .par_iter()
        .filter_map(|file| {
            let done = run.check().and_then(|()| edge_picture(out, file, parameters));
            if done.is_ok() {
                run.tick()
            } else {
                run.skip()
            }
            done.err().map(|error| error.or_path(file))
        })
        .collect();
    run.finish();
    failed.iter().skip(1).for_each(|error| warn(&error.to_string()));
    let count = failed.len();
    match failed.into_iter().next() {
        Some(error) => {
            Err(error).with_context(|| format!("{count} of {} pictures were skipped; the first", files.len()))
        }
        None => Ok(()),
    }
}

fn edge_picture(out: &std::path::Path, file: &std::path::Path, parameters: &edges::Parameters) -> lgf::Result<()> {
    let photograph = pixels::decode(file)?;
    let picture = match parameters.order {
        edges::Order::CropFirst => pixels::imagenet_crop(&photograph)?,
        edges::Order::WholePhotograph => photograph,
    };
    let found: edges::Detected<pixels::Original> = edges::detect(&picture, parameters)?;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    for (kind, picture) in [("gray", &found.gray), ("edges", &found.mask.to_gray())] {
        let bytes = pixels::encode_gray_png(picture)?;
        store::write_whole(&out.join(format!("{stem}.{kind}.png")), |to| std::io::Write::write_all(to, &bytes))?;
    }
    Ok(())
}

fn crops(files: &[PathBuf]) -> Result<Vec<pixels::RgbImage>> {
    files.iter().map(|file| Ok(pixels::imagenet_crop(&pixels::decode(file)?)?)).collect()
}

fn logits(predict: &Predict, normalisation: &Normalisation, device: Device) -> Result<()> {
    let network = Network::load(&predict.arch, &predict.weights, device)?;
    let mut text = String::from("file");
    (0..network.classes()).for_each(|class| text.push_str(&format!(",{class}")));
    text.push('\n');
    for files in predict.files.chunks(16) {
        for (file, row) in files.iter().zip(models::logits(&network, &crops(files)?, normalisation)?) {
            let name = file.display().to_string();
            let quoted = if name.contains([',', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name };
            let numbers: Vec<String> = row.iter().map(f32::to_string).collect();
            text.push_str(&format!("{quoted},{}\n", numbers.join(",")));
        }
    }
    store::write_whole(&predict.logits, |to| std::io::Write::write_all(to, text.as_bytes()))?;
    Ok(())
}

fn relevance_of_files(given: &Relevance, device: Device) -> Result<()> {
    let (Some(arch), Some(weights), Some(npy)) = (&given.arch, &given.weights, &given.npy) else {
        bail!("--npy needs --arch and --weights");
    };
    if given.files.is_empty() {
        bail!("no files were given");
    }
    let network = Network::load(arch, weights, device)?.folded()?;
    let composite = Composite::preset(&given.preset)?;
    let mut batches = Vec::new();
    for files in given.files.chunks(4) {
        let crops = crops(files)?;
        let input = models::to_input(&crops, &Normalisation::imagenet(), device)?;
        let targets: Vec<usize> = match given.target {
            Some(target) => vec![target; files.len()],
            None => {
                let rows = models::logits(&network, &crops, &Normalisation::imagenet())?;
                rows.iter().map(|row| models::arg_max(row)).collect()
            }
        };
        batches.push(relevance::explain(&network, &input, &targets, &composite)?);
    }
    relevance::write_npy(npy, &batches)?;
    Ok(())
}

fn train_sample(given: &Train) -> Result<()> {
    let mut cards = Vec::new();
    for textures in [Textures::Own, Textures::Exchanged] {
        let chosen: Vec<&(&str, &str)> = NETWORKS
            .iter()
            .filter(|(name, _)| (*name == "sin-resnet50") == (textures == Textures::Exchanged))
            .filter(|(name, _)| given.network.as_deref().is_none_or(|only| only == *name))
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let mut training = Training::of(textures);
        training.pictures = given.pictures.unwrap_or(training.pictures);
        training.epochs = given.epochs.unwrap_or(training.epochs);
        say(&format!("train-sample: drawing {} pictures", training.pictures));
        let drawings = Drawings::draw(&training)?;
        for (name, architecture) in chosen {
            let run = Progress::bar(*name).start(training.steps(), "steps");
            let began = Instant::now();
            let network = sample::train(name, &models::architecture(architecture)?, &training, &drawings, &run)?;
            run.finish();
            let seconds = began.elapsed().as_secs_f64();
            let card = sample::save(&given.out, &network, architecture, &training, seconds)?;
            say(&card);
            cards.push(card);
        }
    }
    if cards.is_empty() {
        bail!("no network of that name in the sample; there are {}", NETWORKS.map(|(name, _)| name).join(", "));
    }
    Ok(())
}

fn bench(root: &Root) -> Result<()> {
    let folder = root.store.root().join("bench");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    let fresh = Root { store: Store::at(&folder)?, protocol: root.protocol.clone(), device: root.device };
    let (mut names, mut seconds) = (Vec::new(), Vec::new());
    for (name, step) in fresh.steps() {
        let began = Instant::now();
        step(&fresh)?;
        names.push(name);
        seconds.push(began.elapsed().as_secs_f64());
    }
    names.push("all");
    seconds.push(seconds.iter().sum());
    let found = df!("step" => names, "seconds" => seconds)?;
    say(found.text().as_str());
    say(&format!("peak memory {} MB, device {}", format_number(peak_megabytes()), root.device));
    std::fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
    Ok(())
}

fn bench_boxes(store: &Store, archive: &std::path::Path) -> Result<()> {
    let began = Instant::now();
    let read = bbox::read_archive(archive, &bbox::Limits::default(), &mut |_| Ok(()))?;
    store.write_table("bench_boxes", &read.boxes)?;
    say(&format!("{:.4} seconds for {} files", began.elapsed().as_secs_f64(), read.counts.files));
    Ok(())
}

fn bench_edges(files: &[PathBuf]) -> Result<()> {
    let pictures: Vec<pixels::RgbImage> = files.iter().map(pixels::decode).collect::<lgf::Result<_>>()?;
    let parameters = edges::Parameters::published();
    let began = Instant::now();
    let counts: lgf::Result<Vec<u64>> = pictures
        .par_iter()
        .map(|picture| Ok(edges::detect::<pixels::Original>(picture, &parameters)?.mask.count()))
        .collect();
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("{seconds:.4} seconds for {} pictures, {} edge pixels", files.len(), counts?.iter().sum::<u64>()));
    Ok(())
}

fn bench_datasets(store: &Store, folder: &std::path::Path) -> Result<()> {
    let images = store::list_images(&[folder.to_path_buf()])?;
    let mut parameters = datasets::Parameters::published();
    (parameters.smoothing.passes, parameters.smoothing.difference_pass) = (0, 0);
    let began = Instant::now();
    let made = datasets::build(store, &images, &parameters, &parameters.smoothing.l0, Progress::silent())?;
    say(&format!("{:.4} seconds for {} pictures", began.elapsed().as_secs_f64(), made.table.height()));
    Ok(())
}

fn bench_pixels(files: &[PathBuf]) -> Result<()> {
    let pictures: Vec<pixels::RgbImage> = files.iter().map(pixels::decode).collect::<lgf::Result<_>>()?;
    let began = Instant::now();
    for picture in &pictures {
        let geometry = pixels::Geometry::imagenet(picture.height(), picture.width())?;
        std::hint::black_box(pixels::resize_bilinear(picture, geometry.resized));
    }
    say(&format!("{:.5} seconds to resize", began.elapsed().as_secs_f64()));
    let began = Instant::now();
    let crops: Vec<pixels::RgbImage> = pictures.iter().map(pixels::imagenet_crop).collect::<lgf::Result<_>>()?;
    say(&format!("{:.5} seconds to resize and crop", began.elapsed().as_secs_f64()));
    let began = Instant::now();
    for crop in &crops {
        std::hint::black_box(datasets::smooth(crop, &datasets::L0::default(), 1)?);
    }
    say(&format!("{:.4} seconds for a pass of L0", began.elapsed().as_secs_f64()));
    Ok(())
}

fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    (kilobytes.unwrap_or(f64::NAN) / 1024.0).round()
}

fn doctor(store: &Store, device: Device) -> Result<()> {
    say(&format!("lgf {}", env!("CARGO_PKG_VERSION")));
    say(&format!("data root: {}, can be written", store.root().display()));
    match Study::open(store) {
        Ok(study) => say(&format!("study: {}, networks {}", study.name, study.networks.len())),
        Err(_) => say("study: none yet; run notebook 0, `lgf sample` or `lgf init`"),
    }
    say(&format!("device: {device}"));
    Ok(())
}
