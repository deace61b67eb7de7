//! The forms for files of one's own, and for checks from outside.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use lgf::datasets::Manipulation;
use lgf::files::{ImageFile, Store};
use lgf::inference::{self, Device, Engine, Experiments, Keep, Normalise, Picture};
use lgf::models::{Form, PROGRAM, Registry};
use lgf::notebook::{Progress, counted, say, warn, whole_table};
use lgf::pixels::View;
use lgf::plots::Drawable;
use lgf::protocol::Protocol;
use lgf::relevance::{self, Baseline, Composite, Ledger, Target, Targets};
use lgf::study::{Allow, Classes, NetworkEntry, Seen};
use lgf::{datasets, edges, files, pixels, plots, table};
use rayon::prelude::*;

use crate::arguments::{Predict, Relevance, Which};

pub fn edges(out: &Path, files: &[PathBuf], parameters: &edges::Parameters) -> Result<()> {
    if files.is_empty() {
        bail!("--png needs files: lgf edges --png OUT FILE…");
    }
    each("edges", out, files, |name, file| edge_picture(out, name, file, parameters))
}

/// What a network sees of each file, as `<name>.crop.png`.
pub fn crops(out: &Path, files: &[PathBuf]) -> Result<()> {
    if files.is_empty() {
        bail!("--crops needs files: lgf datasets --crops OUT FILE…");
    }
    each("crops", out, files, |name, file| {
        let bytes = pixels::encode_png(&pixels::crop_of(file)?)?;
        files::write_whole(&out.join(format!("{name}.crop.png")), |to| std::io::Write::write_all(to, &bytes))
    })
}

/// One manipulation of each file's crop, as `<name>.png`; the name decides what is left to chance.
pub fn changes(out: &Path, files: &[PathBuf], change: &Manipulation, parameters: &datasets::Parameters) -> Result<()> {
    if files.is_empty() {
        bail!("--change needs files: lgf datasets --change SPEC --png OUT FILE…");
    }
    // Where one depends on all, these are all.
    let change = change.of_set(&photographs(files)?)?;
    each("datasets", out, files, |name, file| {
        let bytes = pixels::encode_png(&datasets::changed(&pixels::decode(file)?, name, &change, parameters)?)?;
        files::write_whole(&out.join(format!("{name}.png")), |to| std::io::Write::write_all(to, &bytes))
    })
}

/// Does one thing with each file, by the name of what it becomes. One that cannot be read does not keep the others from theirs;
/// all of them are named at the end.
fn each(what: &str, out: &Path, files: &[PathBuf], work: impl Fn(&str, &Path) -> lgf::Result<()> + Sync) -> Result<()> {
    let files = &photographs(files)?;
    std::fs::create_dir_all(out).map_err(|cause| lgf::Error::io("making the folder", out, cause))?;
    let run = Progress::bar(what).start(files.len(), "pictures");
    let failed: Vec<lgf::Error> = files
        .par_iter()
        .zip(names_of(files))
        .filter_map(|(file, name)| {
            // Those that are left when it is stopped are not to blame.
            if run.stopped() {
                return None;
            }
            let done = work(&name, file);
            if done.is_ok() {
                run.tick()
            } else {
                run.skip()
            }
            done.err().map(|error| error.or_path(file))
        })
        .collect();
    if let Err(stopped) = run.check() {
        failed.iter().for_each(|error| warn(&error.to_string()));
        return Err(stopped.into());
    }
    run.finish();
    failed.iter().skip(1).for_each(|error| warn(&error.to_string()));
    let count = failed.len();
    match failed.into_iter().next() {
        Some(error) => {
            Err(error).with_context(|| format!("skipped {count} of {}; the first", counted(files.len(), "picture")))
        }
        None => Ok(()),
    }
}

/// The files that were named, without what an operating system left beside them.
fn photographs(files: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let left = |file: &&PathBuf| !files::is_leftover(&file.file_name().unwrap_or_default().to_string_lossy());
    let own: Vec<PathBuf> = files.iter().filter(left).cloned().collect();
    if own.len() < files.len() {
        say(&format!("passed over: {} of an operating system", counted(files.len() - own.len(), "file")));
    }
    if own.is_empty() {
        bail!("no photograph among {}", counted(files.len(), "file"));
    }
    Ok(own)
}

/// What each file's pictures are called: its name without the ending, or, where another file would be called the same, its path
/// below the folder that all of them share.
fn names_of(files: &[PathBuf]) -> Vec<String> {
    let stem = |file: &PathBuf| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut counts = HashMap::<String, usize>::new();
    files.iter().for_each(|file| *counts.entry(stem(file)).or_default() += 1);
    // Without `..` and links, so that a path below the shared folder stays below it.
    let real =
        |file: &PathBuf| file.canonicalize().or_else(|_| std::path::absolute(file)).unwrap_or_else(|_| file.clone());
    let full: Vec<PathBuf> = files.iter().map(real).collect();
    let shared = full
        .iter()
        .filter_map(|file| file.parent().map(Path::to_path_buf))
        .reduce(|a, b| a.iter().zip(b.iter()).take_while(|(a, b)| a == b).map(|(part, _)| part).collect());
    let below = |file: &PathBuf| {
        let own = shared.as_ref().and_then(|shared| file.strip_prefix(shared).ok()).unwrap_or(file);
        own.to_string_lossy().into_owned()
    };
    let named = |(file, full): (&PathBuf, &PathBuf)| if counts[&stem(file)] == 1 { stem(file) } else { below(full) };
    let names: Vec<String> = files.iter().zip(&full).map(named).collect();
    // One name that is a stem here and a path there: paths for all.
    let mut files_of = HashMap::<&String, &PathBuf>::new();
    if names.iter().zip(&full).any(|(name, file)| files_of.insert(name, file).is_some_and(|other| other != file)) {
        return full.iter().map(below).collect();
    }
    names
}

fn edge_picture(out: &Path, name: &str, file: &Path, parameters: &edges::Parameters) -> lgf::Result<()> {
    let photograph = pixels::decode(file)?;
    let picture = match parameters.order {
        edges::Order::CropFirst => pixels::imagenet_crop(&photograph)?,
        edges::Order::WholePhotograph => photograph,
    };
    let found: edges::Detected<pixels::Original> = edges::detect(&picture, parameters)?;
    for (kind, picture) in [("gray", &found.gray), ("edges", &found.mask.to_gray())] {
        let bytes = pixels::encode_gray_png(picture)?;
        files::write_whole(&out.join(format!("{name}.{kind}.png")), |to| std::io::Write::write_all(to, &bytes))?;
    }
    Ok(())
}

/// The data root, opened when it is needed.
pub type Root<'a> = &'a dyn Fn() -> lgf::Result<Store>;

/// The network that was named, as its checkpoint has it.
pub fn network(which: &Which, root: Root<'_>, device: Device) -> Result<Engine> {
    let network = match (&which.network, &which.arch, &which.weights) {
        (Some(name), _, _) => {
            let store = root()?;
            let entry = Registry::open(&store)?.entry(name)?.in_study(&store)?;
            inference::load_network(&entry, &entry.weights)?
        }
        (None, Some(arch), Some(weights)) => {
            let mut entry = NetworkEntry::new(arch, arch, weights);
            entry.table = which.table.clone();
            if which.trust {
                entry.allow.push(Allow::Program);
                entry.view = Some(View::new(which.side, which.side)).filter(|_| arch == PROGRAM && which.side != 224);
            }
            inference::load_network(&entry, weights).map_err(|error| {
                if arch == PROGRAM && !which.trust { error.hint("if you trust it, add --trust") } else { error }
            })?
        }
        _ => bail!("no network was given\n  hint: --network NAME of one that was fetched, or --arch and --weights"),
    };
    Ok(Engine::new(network, device))
}

/// What a network takes pictures for, as a table; or all of its logits in a file.
pub fn predict(predict: &Predict, root: Root<'_>, normalise: Normalise, device: Device) -> Result<()> {
    let network = network(&predict.which, root, device)?;
    let network = network.prepared(Form::Folded, predict.batch.precision.precision())?;
    let files = photographs(&predict.files)?;
    let pictures: Vec<Picture> = files.iter().map(Picture::at).collect();
    let how = Experiments { normalise, batch: predict.batch.size.unwrap_or(16), keep: Keep::All };
    let run = Progress::bar("predict").start(pictures.len(), "pictures");
    let done = inference::predict_all(&[&network], &pictures, &how, &run)?;
    if let Some((picture, error)) = done.rejects.into_iter().next() {
        return Err(anyhow::Error::from(error.error().or_path(&files[picture])));
    }
    run.finish();
    let Some(out) = &predict.logits else {
        let names = [Classes::Imagenet, Classes::Sample].map(Classes::list);
        let names = names.into_iter().find(|list| list.len() == network.classes());
        let seen: Vec<_> = done.rows.iter().map(|row| (pictures[row.picture].id.as_str(), &row.logits[..])).collect();
        say(whole_table(&inference::taken_for(&seen, names.as_ref())?).text());
        return Ok(());
    };
    let files: Vec<&str> = done.rows.iter().map(|row| pictures[row.picture].id.as_str()).collect();
    let classes: Vec<String> = (0..network.classes()).map(|class| class.to_string()).collect();
    let logits = |class: usize| done.rows.iter().map(|row| row.logits[class]).collect();
    let mut table = table::logits_table(&files, &classes, logits)?;
    table::write_csv(out, &mut table)?;
    Ok(())
}

/// Maps of each file by every preset and by other ways, side by side.
pub fn maps(given: &Relevance, root: Root<'_>, protocol: &Protocol, device: Device) -> Result<()> {
    let Some(out) = &given.png else { bail!("--png needs a folder") };
    let network = network(&given.which, root, device)?;
    let precision = given.batch.precision.precision();
    let network =
        if network.is_program() { network.prepared(Form::Folded, precision)? } else { network.in_precision(precision) };
    let target = match given.target {
        Some(Target::True) => bail!("--target true is for the study's photographs; give the number of an output"),
        target => target.unwrap_or(Target::Predicted),
    };
    let parameters = relevance::Parameters { target, ..protocol.relevance() };
    let classes = if network.classes() == 1000 { Classes::Imagenet } else { Classes::Sample };
    let files = photographs(&given.files)?;
    let run = Progress::bar("maps").start(files.len(), "pictures");
    for (file, name) in files.iter().zip(names_of(&files)) {
        run.check()?;
        let image = ImageFile::at(file, name.as_str());
        let subject = relevance::Subject::new(&network, &image, &classes.list(), &parameters)?;
        let mut maps = if network.is_program() { Vec::new() } else { subject.maps(&Composite::presets())? };
        let ways = Baseline::usual().into_iter().filter(|way| !network.is_program() || *way != Baseline::GradCam);
        maps.extend(subject.baselines(&ways.collect::<Vec<_>>())?);
        let class = if network.classes() == classes.list().len() {
            classes.list().name(subject.class())
        } else {
            format!("class {}", subject.class())
        };
        let seen = Seen { name: class, ..subject.seen().clone() };
        let grid = plots::map_gallery(&seen, &maps, 5, &plots::HeatStyle::default())?;
        let png = grid.draft()?.draw("maps")?.png().to_vec();
        files::write_whole(&out.join(format!("{name}.maps.png")), |to| std::io::Write::write_all(to, &png))?;
        run.tick();
    }
    run.finish();
    Ok(())
}

pub fn relevance(given: &Relevance, root: Root<'_>, protocol: &Protocol, device: Device) -> Result<()> {
    let Some(npy) = &given.npy else { bail!("--npy needs a file") };
    if given.files.is_empty() {
        bail!("no files were given");
    }
    let files = photographs(&given.files)?;
    let composite = match &given.preset {
        Some(name) => Composite::preset(name)?,
        None => protocol.composite.clone(),
    };
    let network = network(&given.which, root, device)?;
    let network = network.prepared(composite.form, given.batch.precision.precision())?;
    let normalisation = protocol.normalise.of(&network);
    let run = Progress::bar("relevance").start(files.len(), "pictures");
    let crops = |files: &[PathBuf]| files.iter().map(|file| network.view().of(file)).collect::<lgf::Result<Vec<_>>>();
    let mut batches = Vec::new();
    for files in files.chunks(given.batch.size.unwrap_or(4).max(1)) {
        run.check()?;
        let input = inference::to_input(&crops(files)?, &normalisation, device)?;
        let class: Vec<usize>;
        let targets = match given.target {
            None | Some(Target::Predicted) => Targets::Predicted,
            Some(Target::Class(number)) => {
                class = vec![number; files.len()];
                Targets::Each(&class)
            }
            Some(Target::True) => bail!("--target true is for the study's photographs; give the number of an output"),
        };
        batches.push(relevance::explain_with(&network, &input, targets, &composite, Ledger::NotKept)?);
        run.advance(files.len());
    }
    run.finish();
    relevance::write_npy(npy, &batches)?;
    Ok(())
}
