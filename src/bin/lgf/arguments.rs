//! What the command line takes.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use lgf::inference::Precision;
use lgf::models::{Registry, architectures};
use lgf::relevance::Target;
use lgf::table::Scoring;

const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed, the reason is on standard error; 2 the call was not understood; \
                          75 stopped by a signal (SIGINT, SIGTERM, SIGUSR1, SIGUSR2): run the same call again and it goes \
                          on. A second signal, half a second later or more, ends it at once.";

#[derive(Parser)]
#[command(name = "lgf", version, about = "Do neural networks see local texture or global shape?", after_help = EXIT_CODES)]
pub struct Line {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub step: Step,
}

#[derive(Args, Clone)]
pub struct Common {
    /// The data root (default: LGF_ROOT, else data/out in the project)
    #[arg(long, global = true)]
    pub root: Option<PathBuf>,
    /// published or corrected (default: LGF_PROTOCOL, else corrected)
    #[arg(long, global = true)]
    pub protocol: Option<String>,
    /// auto, cpu or cuda:N (default: LGF_DEVICE, else auto)
    #[arg(long, global = true)]
    pub device: Option<String>,
    /// share of its inputs that a step may skip before it fails, 0 to 1 (default: LGF_MAX_REJECT_SHARE, else 0.01)
    #[arg(long, global = true)]
    pub max_reject_share: Option<f64>,
    /// one of N shares of a step's items, as 0/4 to 3/4; joined, to join them; or whole (default: a task of a Slurm array does its own
    /// share, else whole)
    #[arg(long, global = true, value_name = "I/N")]
    pub shard: Option<String>,
}

#[derive(Subcommand)]
pub enum Step {
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
    /// 4: scrambled, patched and smoothed pictures; or the crops of files with --crops, one manipulation of them with --change
    Datasets {
        /// writes <stem>.crop.png of FILES here instead: what a network sees of them
        #[arg(long, group = "made", conflicts_with = "change")]
        crops: Option<PathBuf>,
        /// the manipulation of FILES, as scramble:block=56,variant=0, or two as grey+bilateral:d=12
        #[arg(long, value_name = "SPEC", requires = "png")]
        change: Option<String>,
        /// a manipulation beside those of the protocol, whose pictures are written, too
        #[arg(long, value_name = "SPEC", conflicts_with = "made")]
        with: Vec<String>,
        /// writes <stem>.png of FILES here: their crops after that manipulation
        #[arg(long, group = "made", requires = "change")]
        png: Option<PathBuf>,
        #[arg(requires = "made")]
        files: Vec<PathBuf>,
    },
    /// 5: every network on every picture
    Run(RunNetworks),
    /// 5: every network on pictures without shape, texture or colour, made in memory
    Features(Features),
    /// fetches weights or data by name (fetch --list shows them)
    Fetch(Fetch),
    /// 5: what every network decides on the study's stimuli; or one network on a FOLDER of stimuli with --decisions
    Observe(Observe),
    /// error consistency of decision files, pair by pair, as CSV on standard output
    Consistency(Consistency),
    /// 5: what one network takes files for, or its logits
    Predict(Predict),
    /// 5.1: checkpoints to safetensors, batch normalisation merged
    Convert(Convert),
    /// 5.2: relevance of the sampled photographs, or of files with --npy or --png
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
    /// what there is to do of each step, for how many shards, with the time and memory that it takes
    Plan(Plan),
    /// joins what all shards did, step by step, up to the first that no shard has begun
    Merge {
        /// the step that must be finished then; ablate: the ablation's shards instead
        #[arg(value_parser = ["boxes", "edges", "datasets", "run", "features", "observe", "relevance", "overlap", "ablate"])]
        what: Option<String>,
    },
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
pub struct DrawSample {
    /// draws annotations as many as ImageNet's instead, without photographs, for benchmarks and trials
    #[arg(long, value_enum)]
    pub annotations: Option<AnnotationScale>,
    /// the share of ImageNet's synsets and files, above 0 and at most 1
    #[arg(long, default_value_t = 1.0, requires = "annotations")]
    pub share: f64,
    /// where they go (default: annotations/Annotation.tar.gz in the data root)
    #[arg(long, requires = "annotations")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum AnnotationScale {
    Imagenet,
}

#[derive(Subcommand)]
pub enum BenchPart {
    /// an archive of annotations to a Parquet file, without what the program takes to start
    Boxes { archive: PathBuf },
    /// denoise, grey and Canny of decoded pictures, as published: seconds for all of them
    Edges {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// one manipulation of the crops of FILES, drawn several times in memory: seconds for all of them once
    Changes {
        spec: String,
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
        #[arg(long, default_value_t = 16, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
        batch: usize,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// step 6 on the root's tables: the sums over patches alone, and everything with every figure and the report: seconds
    Analysis,
    /// networks that are not there on pictures that are none: sharing out, planning and joining by themselves, in seconds and MB
    Scale {
        #[arg(long, default_value_t = 1000, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
        networks: usize,
        #[arg(long, default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
        items: usize,
        #[arg(long, default_value_t = 20, value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000_000))]
        shards: u32,
        /// fails if it takes longer, in seconds
        #[arg(long)]
        at_most_seconds: Option<f64>,
        /// fails if it takes more memory, in MB
        #[arg(long)]
        at_most_mb: Option<u64>,
    },
    /// intervals of the error consistency of 50 observers on 1,280 pictures, 10,000 draws: seconds
    Consistency,
    /// the six networks at full size with random weights: logits beside the processor's, and pictures a second
    Device {
        #[arg(long, default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
        batch: usize,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// metrics of maps of FILES by an edge detector, the object being the middle: seconds of each, and what it says of the first
    Metrics {
        #[arg(long)]
        arch: String,
        #[arg(long)]
        weights: PathBuf,
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
        #[arg(long, default_value_t = 4, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
        batch: usize,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Args)]
pub struct Init {
    /// a folder of photographs, <wnid>/<name>.JPEG below it; may be given several times
    #[arg(long, required_unless_present_any = ["conflict", "stimuli"])]
    pub images: Vec<PathBuf>,
    /// a folder of cue-conflict stimuli, <shape><n>-<texture><m>.png: the set cue-conflict
    #[arg(long)]
    pub conflict: Option<PathBuf>,
    /// NAME=FOLDER: a set of stimuli, by its name and where it is; may be given several times
    #[arg(long, value_name = "NAME=FOLDER")]
    pub stimuli: Vec<String>,
    /// SET=FOLDER: decision files of people, or of networks elsewhere, on a set of stimuli; may be given several times
    #[arg(long, value_name = "SET=FOLDER")]
    pub decisions: Vec<String>,
    /// a table of the categories that observers choose among, category,wnid (default: the sixteen of Geirhos et al.)
    #[arg(long)]
    pub categories: Option<PathBuf>,
    /// train or val, if only that folder's photographs are meant
    #[arg(long, default_value = "")]
    pub split: String,
    /// Annotation.tar.gz
    #[arg(long)]
    pub annotations: Option<PathBuf>,
    /// NAME=ARCHITECTURE=WEIGHTS, NAME=WEIGHTS where they are the same, or the NAME of one that was fetched; may be given
    /// several times
    #[arg(long)]
    pub network: Vec<String>,
    /// runs networks of the architecture torchscript, which are programs and do whatever they say
    #[arg(long)]
    pub trust: bool,
    /// NETWORK=TABLE: the table of tensors that is meant in that network's WEIGHTS, where they hold several; may be
    /// given several times
    #[arg(long)]
    pub table: Vec<String>,
    /// A=B: two of the networks that are compared; may be given several times (default: resnet50 and sin-resnet50 where both
    /// are there, else the first network against each other one)
    #[arg(long)]
    pub pair: Vec<String>,
    /// for steps 1 to 4 alone
    #[arg(long, conflicts_with_all = ["network", "table", "pair"])]
    pub without_networks: bool,
    /// photographs of each class in the experiments (default: the protocol decides: 3 as published; corrected, what a power of
    /// 80 % takes, as far as the smallest class reaches)
    #[arg(long)]
    pub per_class: Option<usize>,
    /// TensorFlow checkpoint of the network that smooths, without .index: checkpoint_delta/model-345002
    #[arg(long)]
    pub smoother: Option<PathBuf>,
    /// a manipulation beside the protocol's, as scramble:block=32; may be given several times
    #[arg(long, value_name = "SPEC")]
    pub manipulation: Vec<String>,
    /// writes the study over one that is there already
    #[arg(long)]
    pub replace: bool,
}

#[derive(Args)]
pub struct Plan {
    /// how many shards to plan for (default: as many as there were begun, else 1)
    #[arg(long, value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000_000))]
    pub shards: Option<u32>,
    /// as JSON: steps, their parts and shards
    #[arg(long)]
    pub json: bool,
    /// looks again and again, until all steps are finished
    #[arg(long)]
    pub watch: bool,
    /// writes how far all shards are there, as one page of HTML
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
}

#[derive(Args)]
pub struct Features {
    /// manipulations beside those of the protocol, as contrast:percent=10, or two as grey+bilateral
    pub more: Vec<String>,
    /// all that the library has, but what needs masks
    #[arg(long)]
    pub everything: bool,
    #[command(flatten)]
    pub batch: Batch,
}

#[derive(Args)]
pub struct RunNetworks {
    /// a manipulation beside those of the protocol, as for `lgf datasets --with`
    #[arg(long, value_name = "SPEC")]
    pub with: Vec<String>,
    /// makes every picture in memory, on the device, instead of reading step 4's files
    #[arg(long)]
    pub in_memory: bool,
    /// keeps all logits, as <set>_<network>_logits.parquet
    #[arg(long)]
    pub all_logits: bool,
    #[command(flatten)]
    pub batch: Batch,
}

#[derive(Args)]
pub struct Batch {
    /// pictures at a time (default: 30, for relevance 4; where the device's memory does not suffice, halves of that)
    #[arg(long = "batch", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub size: Option<usize>,
    /// the numbers that networks compute in
    #[arg(long, value_enum, default_value = "single")]
    pub precision: Numbers,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Numbers {
    Double,
    Single,
    Half,
    Bfloat16,
}

impl Numbers {
    pub fn precision(self) -> Precision {
        match self {
            Numbers::Double => Precision::Double,
            Numbers::Single => Precision::Single,
            Numbers::Half => Precision::Half,
            Numbers::Bfloat16 => Precision::BFloat16,
        }
    }
}

#[derive(Args)]
pub struct Convert {
    /// keeps batch normalisation as layers of its own
    #[arg(long)]
    pub keep_batch_norm: bool,
}

#[derive(Args)]
pub struct Fetch {
    #[arg(required_unless_present = "list", help = fetch_help())]
    pub names: Vec<String>,
    /// shows all there is: name, architecture, what it was trained on, licence, and whether it was fetched
    #[arg(long)]
    pub list: bool,
}

/// What can be fetched without a list of one's own.
fn fetch_help() -> String {
    let entries = Registry::of_the_project().map(|registry| registry.entries().to_vec()).unwrap_or_default();
    let names: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
    format!("{}; and those of networks.json in the data root", names.join(", "))
}

/// The architectures there are.
fn arch_help() -> String {
    format!("the architecture: {}; or torchscript", architectures().join(", "))
}

const WEIGHTS_HELP: &str = "a checkpoint: .safetensors, or .pth as torch.save writes it, a training checkpoint too";
const TABLE_HELP: &str = "the table of tensors that is meant where WEIGHTS hold several, such as model_ema; or what \
                          the names that are meant begin with, such as encoder_q";

/// One network, for files.
#[derive(Args)]
pub struct Which {
    /// a network that was fetched, by its name
    #[arg(long, conflicts_with_all = ["arch", "weights"])]
    pub network: Option<String>,
    #[arg(long, requires = "weights", help = arch_help())]
    pub arch: Option<String>,
    #[arg(long, requires = "arch", help = WEIGHTS_HELP)]
    pub weights: Option<PathBuf>,
    #[arg(long, requires = "weights", help = TABLE_HELP)]
    pub table: Option<String>,
    /// runs WEIGHTS of the architecture torchscript, which are a program and do whatever it says
    #[arg(long, requires = "weights")]
    pub trust: bool,
    /// side in pixels of the pictures that such a program takes
    #[arg(long, requires = "trust", default_value_t = 224)]
    pub side: u32,
}

#[derive(Args)]
pub struct Predict {
    #[command(flatten)]
    pub which: Which,
    /// writes one row an image there: file, then every logit; without it, each image's class is shown
    #[arg(long)]
    pub logits: Option<PathBuf>,
    #[command(flatten)]
    pub batch: Batch,
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Args)]
pub struct Observe {
    #[command(flatten)]
    pub which: Which,
    /// how outputs become a category (default: the protocol's)
    #[arg(long, value_enum, requires = "decisions")]
    pub scoring: Option<ScoringName>,
    /// writes its decisions there, as model-vs-human reads them
    #[arg(long, requires = "folder")]
    pub decisions: Option<PathBuf>,
    /// a table of categories, category,wnid (default: the sixteen of Geirhos et al., or each class of other networks)
    #[arg(long, requires = "decisions")]
    pub categories: Option<PathBuf>,
    /// shows networks all of each stimulus, where they see the middle of photographs
    #[arg(long, requires = "decisions")]
    pub whole: bool,
    #[command(flatten)]
    pub batch: Batch,
    /// stimuli: <shape><n>-<texture><m>.png, <category>/<name>, <condition>/<category>/<name>, or model-vs-human's names
    #[arg(requires = "decisions")]
    pub folder: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ScoringName {
    Mean,
    Sum,
    Max,
    SumOverHalf,
    Rank,
}

impl ScoringName {
    pub fn scoring(self) -> Scoring {
        match self {
            ScoringName::Mean => Scoring::Mean,
            ScoringName::Sum => Scoring::Sum,
            ScoringName::Max => Scoring::Max,
            ScoringName::SumOverHalf => Scoring::SumOverHalf,
            ScoringName::Rank => Scoring::Rank,
        }
    }
}

#[derive(Args)]
pub struct Consistency {
    /// draws of pictures that intervals are made of
    #[arg(long, default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(0..=1_000_000))]
    pub draws: usize,
    /// the seed of the draws
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// decision files, a row a trial: subj,session,trial,rt,object_response,category,condition,imagename; or folders of them
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Args)]
pub struct Relevance {
    #[command(flatten)]
    pub which: Which,
    /// a set of rules by its name (default: the protocol's)
    #[arg(long)]
    pub preset: Option<String>,
    /// the class to explain: predicted, true or the number of an output (default: the protocol's, of FILES the predicted)
    #[arg(long, value_parser = target)]
    pub target: Option<Target>,
    #[command(flatten)]
    pub batch: Batch,
    /// writes float32 [n, 3, side, side] of FILES there
    #[arg(long, group = "made_of_files")]
    pub npy: Option<PathBuf>,
    /// writes <stem>.maps.png of FILES into that folder: maps by every preset, gradients, Grad-CAM and occlusion, side by side
    #[arg(long, group = "made_of_files", conflicts_with = "preset")]
    pub png: Option<PathBuf>,
    /// judges metrics and methods instead, on drawings of which the truth is known: tables judge_*, and a page of the report
    #[arg(long, conflicts_with_all = ["preset", "target", "made_of_files"])]
    pub judge: bool,
    /// chooses rules instead, by a metric such as "SRG, mean": what each is worth on one half of the sampled photographs, and on the other
    #[arg(long, value_name = "METRIC", conflicts_with_all = ["preset", "target", "made_of_files", "judge"])]
    pub choose: Option<String>,
    #[arg(requires = "made_of_files")]
    pub files: Vec<PathBuf>,
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
pub struct Train {
    /// one network only
    #[arg(long)]
    pub network: Option<String>,
    /// drawings, 32 or more (default: as in the model card)
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(32..=1_000_000))]
    pub pictures: Option<usize>,
    /// times that each drawing is seen (default: as in the model card)
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub epochs: Option<usize>,
    /// where the weights go
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/models"))]
    pub out: PathBuf,
}
