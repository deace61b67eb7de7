//! The forms for files of one's own, and for checks from outside.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use lgf::models::{self, Device, Experiments, Form, Keep, Loading, Network, Normalise, Picture};
use lgf::notebook::{Progress, warn};
use lgf::protocol::Protocol;
use lgf::relevance::{self, Composite, Ledger, Target, Targets};
use lgf::{edges, pixels, store};
use rayon::prelude::*;

use crate::{Predict, Relevance};

pub fn edges(out: &Path, files: &[PathBuf], parameters: &edges::Parameters) -> Result<()> {
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

fn edge_picture(out: &Path, file: &Path, parameters: &edges::Parameters) -> lgf::Result<()> {
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

fn read_crops(files: &[PathBuf]) -> Result<Vec<pixels::RgbImage>> {
    files.iter().map(|file| Ok(pixels::imagenet_crop(&pixels::decode(file)?)?)).collect()
}

/// What a network sees of each file, as `<stem>.crop.png`.
pub fn crops(out: &Path, files: &[PathBuf]) -> Result<()> {
    if files.is_empty() {
        bail!("--crops needs files: lgf datasets --crops OUT FILE…");
    }
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    files.par_iter().try_for_each(|file| {
        let crop = pixels::imagenet_crop(&pixels::decode(file)?)?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let bytes = pixels::encode_png(&crop)?;
        store::write_whole(&out.join(format!("{stem}.crop.png")), |to| std::io::Write::write_all(to, &bytes))
    })?;
    Ok(())
}

pub fn logits(predict: &Predict, normalise: Normalise, device: Device) -> Result<()> {
    let how = Loading { table: predict.table.as_deref(), ..Loading::default() };
    let network = Network::load_with(&predict.arch, &predict.weights, device, &how)?;
    let network = network.prepared(Form::Folded, predict.batch.precision.precision())?;
    let pictures: Vec<Picture> =
        predict.files.iter().map(|path| Picture { path: path.clone(), wnid: String::new() }).collect();
    let how = Experiments { normalise, batch: predict.batch.size.unwrap_or(16), keep: Keep::All };
    let run = Progress::bar("predict").start(pictures.len(), "pictures");
    let done = models::predict_all(&[&network], &pictures, &how, &run)?;
    if let Some((picture, error)) = done.rejects.into_iter().next() {
        return Err(anyhow::Error::from(error.or_path(&predict.files[picture])));
    }
    run.finish();
    let mut text = String::from("file");
    (0..network.classes()).for_each(|class| text.push_str(&format!(",{class}")));
    text.push('\n');
    for row in &done.rows {
        let name = predict.files[row.picture].display().to_string();
        let quoted = if name.contains([',', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name };
        let numbers: Vec<String> = row.logits.iter().map(f32::to_string).collect();
        text.push_str(&format!("{quoted},{}\n", numbers.join(",")));
    }
    store::write_whole(&predict.logits, |to| std::io::Write::write_all(to, text.as_bytes()))?;
    Ok(())
}

pub fn relevance(given: &Relevance, protocol: &Protocol, device: Device) -> Result<()> {
    let (Some(arch), Some(weights), Some(npy)) = (&given.arch, &given.weights, &given.npy) else {
        bail!("--npy needs --arch and --weights");
    };
    if given.files.is_empty() {
        bail!("no files were given");
    }
    let composite = match &given.preset {
        Some(name) => Composite::preset(name)?,
        None => protocol.composite.clone(),
    };
    let how = Loading { table: given.table.as_deref(), ..Loading::default() };
    let network = Network::load_with(arch, weights, device, &how)?;
    let network = network.prepared(composite.form, given.batch.precision.precision())?;
    let normalisation = protocol.normalise.of(&network);
    let run = Progress::bar("relevance").start(given.files.len(), "pictures");
    let mut batches = Vec::new();
    for files in given.files.chunks(given.batch.size.unwrap_or(4).max(1)) {
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
