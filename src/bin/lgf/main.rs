//! The command line: each step of the sequence headless, with the same calls as the notebooks.

mod bench;
mod files;
mod networks;
mod sequence;
mod study;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use lgf::edges;
use lgf::files::Store;
use lgf::models::{Device, Normalise, Precision, Registry, architectures};
use lgf::notebook::{Progress, say, warn};
use lgf::protocol;
use lgf::relevance::Target;
use lgf::sample::{self, AnnotationSet};
use lgf::sequence::Sequence;
use lgf::study::Study;

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
        #[arg(requires = "png")]
        files: Vec<PathBuf>,
    },
    /// 4: scrambled, patched and smoothed pictures, or the crops of files with --crops
    Datasets {
        /// writes <stem>.crop.png of FILES here instead: what a network sees of them
        #[arg(long)]
        crops: Option<PathBuf>,
        #[arg(requires = "crops")]
        files: Vec<PathBuf>,
    },
    /// 5: every network on every picture
    Run(Run),
    /// fetches weights or data by name (fetch --list shows them)
    Fetch(Fetch),
    /// 5: logits of one network for files
    Predict(Predict),
    /// 5.1: checkpoints to safetensors, batch normalisation merged
    Convert(Convert),
    /// 5.2: relevance of the sampled photographs, or of files with --npy
    Relevance(Relevance),
    /// 5.3: relevance against edges
    Overlap,
    /// 6: tables, figures and report of the analysis
    Analyse,
    /// the conclusions again with each fault of the published study by itself (from --protocol published: without each)
    Ablate {
        /// numbers of faults, as B7 (default: all)
        faults: Vec<String>,
    },
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
    /// one network's forward pass on the first FILES, and everything from FILES to logits: pictures a second
    Models {
        #[arg(long)]
        arch: String,
        #[arg(long)]
        weights: PathBuf,
        #[arg(long, default_value_t = 16)]
        batch: usize,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// step 6 on the root's tables: the sums over patches alone, and everything with every figure and the report: seconds
    Analysis,
    /// the six networks at full size with random weights: logits beside the processor's, and pictures a second
    Device {
        #[arg(long, default_value_t = 64)]
        batch: usize,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// relevance of one network for FILES in batches: pictures a second, and of the forward pass alone
    Relevance {
        #[arg(long)]
        arch: String,
        #[arg(long)]
        weights: PathBuf,
        #[arg(long, default_value = "corrected")]
        preset: String,
        #[arg(long, default_value_t = 4)]
        batch: usize,
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
    /// NAME=ARCHITECTURE=WEIGHTS, NAME=WEIGHTS where they are the same, or the NAME of one that was fetched; may be given
    /// several times
    #[arg(long)]
    network: Vec<String>,
    /// NETWORK=TABLE: the table of tensors that is meant in that network's WEIGHTS, where they hold several; may be
    /// given several times
    #[arg(long)]
    table: Vec<String>,
    /// for steps 1 to 4 alone
    #[arg(long, conflicts_with_all = ["network", "table"])]
    without_networks: bool,
    /// photographs of each class in the experiments (default: the protocol decides: 3 as published; corrected, what a power of
    /// 80 % takes, as far as the smallest class reaches)
    #[arg(long)]
    per_class: Option<usize>,
    /// TensorFlow checkpoint of the network that smooths, without .index: checkpoint_delta/model-345002
    #[arg(long)]
    smoother: Option<PathBuf>,
    /// writes the study over one that is there already
    #[arg(long)]
    replace: bool,
}

#[derive(Args)]
struct Run {
    /// makes every picture in memory, on the device, instead of reading step 4's files
    #[arg(long)]
    in_memory: bool,
    /// keeps all logits, as <set>_<network>_logits.parquet
    #[arg(long)]
    all_logits: bool,
    #[command(flatten)]
    batch: Batch,
}

#[derive(Args)]
struct Batch {
    /// pictures at a time (default: 30, for relevance 4; where the device's memory does not suffice, halves of that)
    #[arg(long = "batch", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    size: Option<usize>,
    /// the numbers that networks compute in
    #[arg(long, value_enum, default_value = "single")]
    precision: Numbers,
}

#[derive(Clone, Copy, ValueEnum)]
enum Numbers {
    Double,
    Single,
    Half,
    Bfloat16,
}

impl Numbers {
    fn precision(self) -> Precision {
        match self {
            Numbers::Double => Precision::Double,
            Numbers::Single => Precision::Single,
            Numbers::Half => Precision::Half,
            Numbers::Bfloat16 => Precision::BFloat16,
        }
    }
}

#[derive(Args)]
struct Convert {
    /// keeps batch normalisation as layers of its own
    #[arg(long)]
    keep_batch_norm: bool,
}

#[derive(Args)]
struct Fetch {
    #[arg(required_unless_present = "list", help = fetch_help())]
    names: Vec<String>,
    /// shows all there is: name, architecture, what it was trained on, licence, and whether it was fetched
    #[arg(long)]
    list: bool,
}

/// What can be fetched without a list of one's own.
fn fetch_help() -> String {
    let entries = Registry::of_the_project().map(|registry| registry.entries().to_vec()).unwrap_or_default();
    let names: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
    format!("{}; and those of networks.json in the data root", names.join(", "))
}

/// The architectures there are.
fn arch_help() -> String {
    format!("the architecture: {}", architectures().join(", "))
}

const WEIGHTS_HELP: &str = "a checkpoint: .safetensors, or .pth as torch.save writes it, a training checkpoint too";
const TABLE_HELP: &str = "the table of tensors that is meant where WEIGHTS hold several, such as model_ema; or what \
                          the names that are meant begin with, such as encoder_q";

#[derive(Args)]
struct Predict {
    #[arg(long, help = arch_help())]
    arch: String,
    #[arg(long, help = WEIGHTS_HELP)]
    weights: PathBuf,
    #[arg(long, help = TABLE_HELP)]
    table: Option<String>,
    /// one row an image: file, then every logit
    #[arg(long)]
    logits: PathBuf,
    #[command(flatten)]
    batch: Batch,
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(Args)]
struct Relevance {
    #[arg(long, requires = "npy", help = arch_help())]
    arch: Option<String>,
    #[arg(long, requires = "npy", help = WEIGHTS_HELP)]
    weights: Option<PathBuf>,
    #[arg(long, requires = "weights", help = TABLE_HELP)]
    table: Option<String>,
    /// a set of rules by its name (default: the protocol's)
    #[arg(long)]
    preset: Option<String>,
    /// the class to explain: predicted, true or the number of an output (default: the protocol's, of FILES the predicted)
    #[arg(long, value_parser = target)]
    target: Option<Target>,
    #[command(flatten)]
    batch: Batch,
    /// float32 [n, 3, 224, 224] of FILES
    #[arg(long, requires = "arch", requires = "weights")]
    npy: Option<PathBuf>,
    #[arg(requires = "npy")]
    files: Vec<PathBuf>,
}

fn target(text: &str) -> Result<Target, String> {
    match text {
        "predicted" => Ok(Target::Predicted),
        "true" => Ok(Target::True),
        number => {
            number.parse().map(Target::Class).map_err(|_| "expected predicted, true or the number of an output".into())
        }
    }
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
    match lgf::process::ready().map_err(anyhow::Error::from).and_then(|()| run(&line.common, &line.step)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            warn(&format!("lgf: {}", lgf::Error::in_words(error.as_ref())));
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
        Step::Init(init) => study::init(&open()?, init, &protocol),
        Step::Fetch(fetch) => study::fetch(&open()?, fetch),
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
            files::edges(out, files, &parameters)
        }
        Step::Edges { text: Some(out), .. } => {
            let store = open()?;
            edges::write_text(&store, "edges_coordinates", &out.join("edges_data.txt"))?;
            edges::write_text(&store, "edges_coordinates_flt", &out.join("edges_data_flt.txt"))?;
            Ok(())
        }
        Step::Datasets { crops: Some(out), files } => files::crops(out, files),
        Step::Predict(predict) => {
            let normalise = if common.protocol.is_some() { protocol.normalise } else { Normalise::AsTrained };
            files::logits(predict, normalise, device()?)
        }
        Step::Relevance(given) if given.npy.is_some() => files::relevance(given, &protocol, device()?),
        Step::TrainSample(training) => study::train_sample(training),
        Step::Doctor => doctor(device(), open()),
        Step::Bench { part: Some(part) } => bench::part(part, open, device),
        // In this order: a device that is not there is said before a root is made.
        step => sequence::step(step, &Sequence { device: device()?, store: open()?, protocol }),
    }
}

fn doctor(device: lgf::Result<Device>, store: lgf::Result<Store>) -> Result<()> {
    say(&format!("lgf {}", env!("CARGO_PKG_VERSION")));
    say(&format!("device: {}", device?));
    let store = store?;
    say(&format!("data root: {}, can be written", store.root().display()));
    match Study::open(&store) {
        Ok(study) => say(&format!("study: {}, networks {}", study.name, study.networks.len())),
        Err(_) => say("study: none yet; run notebook 0, `lgf sample` or `lgf init`"),
    }
    Ok(())
}
