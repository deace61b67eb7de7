//! The forms for files of one's own, and for checks from outside.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use lgf::models::{self, Device, Experiments, Form, Keep, Loading, Network, Normalise, Picture};
use lgf::notebook::{Progress, counted, say, warn};
use lgf::polars::prelude::{Column, DataFrame};
use lgf::protocol::Protocol;
use lgf::relevance::{self, Composite, Ledger, Target, Targets};
use lgf::{edges, files, pixels, table};
use rayon::prelude::*;

use crate::{Predict, Relevance};

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
        let bytes = pixels::encode_png(&pixels::imagenet_crop(&pixels::decode(file)?)?)?;
        files::write_whole(&out.join(format!("{name}.crop.png")), |to| std::io::Write::write_all(to, &bytes))
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
            let done = run.check().and_then(|()| work(&name, file));
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

fn read_crops(files: &[PathBuf]) -> Result<Vec<pixels::RgbImage>> {
    files.iter().map(|file| Ok(pixels::imagenet_crop(&pixels::decode(file)?)?)).collect()
}

pub fn logits(predict: &Predict, normalise: Normalise, device: Device) -> Result<()> {
    let how = Loading { table: predict.table.as_deref(), ..Loading::default() };
    let network = Network::load_with(&predict.arch, &predict.weights, device, &how)?;
    let network = network.prepared(Form::Folded, predict.batch.precision.precision())?;
    let files = photographs(&predict.files)?;
    let pictures: Vec<Picture> = files.iter().map(|path| Picture { path: path.clone(), wnid: String::new() }).collect();
    let how = Experiments { normalise, batch: predict.batch.size.unwrap_or(16), keep: Keep::All };
    let run = Progress::bar("predict").start(pictures.len(), "pictures");
    let done = models::predict_all(&[&network], &pictures, &how, &run)?;
    if let Some((picture, error)) = done.rejects.into_iter().next() {
        return Err(anyhow::Error::from(error.or_path(&files[picture])));
    }
    run.finish();
    let files: Vec<String> = done.rows.iter().map(|row| files[row.picture].display().to_string()).collect();
    let mut columns = vec![Column::new("file".into(), files)];
    for class in 0..network.classes() {
        let logits: Vec<f32> = done.rows.iter().map(|row| row.logits[class]).collect();
        columns.push(Column::new(class.to_string().into(), logits));
    }
    let mut table = DataFrame::new(done.rows.len(), columns).map_err(lgf::Error::from)?;
    table::write_csv(&predict.logits, &mut table)?;
    Ok(())
}

pub fn relevance(given: &Relevance, protocol: &Protocol, device: Device) -> Result<()> {
    let (Some(arch), Some(weights), Some(npy)) = (&given.arch, &given.weights, &given.npy) else {
        bail!("--npy needs --arch and --weights");
    };
    if given.files.is_empty() {
        bail!("no files were given");
    }
    let files = photographs(&given.files)?;
    let composite = match &given.preset {
        Some(name) => Composite::preset(name)?,
        None => protocol.composite.clone(),
    };
    let how = Loading { table: given.table.as_deref(), ..Loading::default() };
    let network = Network::load_with(arch, weights, device, &how)?;
    let network = network.prepared(composite.form, given.batch.precision.precision())?;
    let normalisation = protocol.normalise.of(&network);
    let run = Progress::bar("relevance").start(files.len(), "pictures");
    let mut batches = Vec::new();
    for files in files.chunks(given.batch.size.unwrap_or(4).max(1)) {
        run.check()?;
        let input = models::to_input(&read_crops(files)?, &normalisation, device)?;
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
