//! The command line: each step of the sequence headless, with the same calls as the notebooks.

mod arguments;
mod bench;
mod cluster;
mod files;
mod networks;
mod observers;
mod sequence;
mod study;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use lgf::edges;
use lgf::error::Code;
use lgf::files::Store;
use lgf::inference::{Device, Normalise};
use lgf::notebook::{EXIT_STOPPED, Progress, format_count, say, stop_on_signals, warn};
use lgf::sample::{self, AnnotationSet};
use lgf::sequence::{Run, boxes_of};
use lgf::study::Study;
use lgf::{process, protocol, tch};

use arguments::{AnnotationScale, Common, DrawSample, Line, Step};

fn main() -> ExitCode {
    // First of all: what comes from here on is heard.
    let heard = stop_on_signals();
    let line = Line::parse();
    let ready = heard.and_then(|()| process::ready());
    // The command line alone may say so, as libtorch takes it once.
    tch::set_num_interop_threads(process::cores() as i32);
    match ready.map_err(anyhow::Error::from).and_then(|()| run(&line.common, &line.step)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if cluster::is_partial(&error) => {
            say(&lgf::Error::in_words(error.as_ref()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            warn(&format!("lgf: {}", lgf::Error::in_words(error.as_ref())));
            if is_stopped(&error) { ExitCode::from(EXIT_STOPPED) } else { ExitCode::FAILURE }
        }
    }
}

/// Whether it was stopped, and goes on when it is called again.
fn is_stopped(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref().is_some_and(|own: &lgf::Error| own.code() == Code::Stopped))
}

fn run(common: &Common, step: &Step) -> Result<()> {
    let protocol = match &common.protocol {
        Some(name) => protocol::named(name)?,
        None => protocol::open()?,
    };
    let share = cluster::share(common, step)?;
    let open = || {
        let store = match &common.root {
            // A look at a data root needs no right to write there.
            Some(root) if matches!(step, Step::Plan(_)) => Store::reading(root),
            Some(root) => Store::at(root),
            None => Store::open(),
        };
        let store = store?.sharing(share.clone());
        match common.max_reject_share {
            Some(share) => store.accepting(share),
            None => Ok(store),
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
        Step::Datasets { crops: Some(out), files, .. } => files::crops(out, files),
        Step::Datasets { change: Some(change), png: Some(out), files, .. } => {
            files::changes(out, files, &change.parse()?, &protocol.datasets)
        }
        Step::Predict(predict) => {
            let normalise = if common.protocol.is_some() { protocol.normalise } else { Normalise::AsTrained };
            files::predict(predict, &open, normalise, device()?)
        }
        Step::Observe(given) if given.decisions.is_some() => observers::observe(given, &open, &protocol, device()?),
        Step::Consistency(given) => observers::consistency(given, &protocol),
        Step::Relevance(given) if given.npy.is_some() => files::relevance(given, &open, &protocol, device()?),
        Step::Relevance(given) if given.png.is_some() => files::maps(given, &open, &protocol, device()?),
        Step::TrainSample(training) => study::train_sample(training),
        Step::Doctor => doctor(device(), open()),
        Step::Bench { part: Some(part) } => bench::part(part, open, device),
        Step::Boxes { archive: Some(archive) } => Ok(boxes_of(&open()?, archive).map(drop)?),
        // In this order: a device that is not there is said before a root is made.
        Step::Bench { part: None } => bench::steps(device()?, &open()?, &protocol),
        Step::Sample(_) => {
            device()?;
            sequence::sample(&open()?, &protocol)
        }
        Step::All => {
            let device = device()?;
            let study = sample::open(&open()?, &protocol.sample)?;
            sequence::all(&Run { study, protocol, device })
        }
        step => {
            let device = device()?;
            let run = Run { study: Study::open(open()?)?, protocol, device };
            match step {
                Step::Plan(given) => cluster::plan(given, &run),
                Step::Merge { what } => cluster::merge(&run, what.as_deref()),
                step => sequence::step(step, &run),
            }
        }
    }
}

fn doctor(device: lgf::Result<Device>, store: lgf::Result<Store>) -> Result<()> {
    say(&format!("lgf {}", env!("CARGO_PKG_VERSION")));
    say(&format!("device: {}", device?));
    let cores = process::cores_allowed();
    say(&format!("threads: {}, by {}", cores.count, cores.by));
    match process::memory_allowed() {
        Some(memory) => say(&format!("memory: {} MiB, by {}", format_count((memory.count >> 20) as usize), memory.by)),
        None => say("memory: nothing says how much"),
    }
    let store = store?;
    say(&format!("data root: {}, can be written", store.root().display()));
    match Study::open(store) {
        Ok(study) => say(&format!("study: {}, networks {}", study.described.name, study.networks().len())),
        Err(_) => say("study: none yet; run notebook 0, `lgf sample` or `lgf init`"),
    }
    Ok(())
}
