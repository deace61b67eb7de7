//! Step 5 and 5.1 on a data root: every network on every picture of the manifest, and the conversion of checkpoints.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::checkpoint::write_weights;
use super::device::Device;
use super::network::Network;
use super::predict::{Normalisation, Picture, predict_all, prediction_table, to_input};
use super::smoother::Eps;
use crate::datasets::{L0, Smoother};
use crate::error::{Code, Error, Result};
use crate::notebook::{Progress, say};
use crate::pixels;
use crate::store::{ClassList, ImageFile, Reject, Store, Study, integers, rejects_table, short_name, texts};

/// How the experiments are run.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Experiments {
    /// What is done to the pictures' values.
    pub normalisation: Normalisation,
    /// Pictures at a time.
    pub batch: usize,
}

/// The sets of the manifest as the published tables are named: prefix of the table, kinds of the manifest in it.
const SETS: [(&str, &[&str]); 4] = [
    ("scr", &["scrambled", "seams"]),
    ("smt", &["smoothed"]),
    ("smt_diff", &["difference", "difference inverse"]),
    ("ptd", &["patched"]),
];

/// The networks of a study, loaded and with batch normalisation merged.
///
/// # Errors
/// As [`Network::load`]; [`Code::Model`] if a network's outputs are not the study's classes.
pub fn load_all(store: &Store, study: &Study, device: Device) -> Result<Vec<Network>> {
    let classes = study.class_list();
    let load = |entry: &crate::store::NetworkEntry| {
        let path = study.weights(store, entry);
        let network = Network::load(&entry.architecture, &path, device)?;
        if network.classes() != classes.len() {
            let found = format!("{} outputs, and the study has {} classes", network.classes(), classes.len());
            return Err(Error::new(Code::Model, found).path(path).hint("see \"classes\" in study.json"));
        }
        Ok(network.folded()?.named(&entry.name))
    };
    study.networks.iter().map(load).collect()
}

/// What smooths the study's photographs: its own network, or else `l0`.
///
/// # Errors
/// As [`Eps::load`].
pub fn study_smoother(store: &Store, study: &Study, l0: &L0, device: Device) -> Result<Box<dyn Smoother>> {
    Ok(match study.smoother_checkpoint(store) {
        Some(checkpoint) => Box::new(Eps::load(checkpoint, device)?),
        None => Box::new(*l0),
    })
}

/// Every network on every picture of the manifest (as step 4 writes it). One table a set and network,
/// `experiments/{scr,smt,smt_diff,ptd}_<network>`, and all of them together as `predictions`. Pairs that are finished are
/// not run again.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Model`] and [`Code::Numeric`] from the networks; [`Code::Io`] if the root cannot be written.
pub fn run_experiments(
    store: &Store,
    networks: &[Network],
    manifest: &DataFrame,
    classes: &ClassList,
    parameters: &Experiments,
    progress: Progress,
) -> Result<DataFrame> {
    let inputs = [store.path("datasets.parquet")];
    let kinds = texts(manifest, "kind")?;
    let mut tables = Vec::new();
    let mut rejects: Vec<Reject> = Vec::new();
    for (set, members) in SETS {
        let rows: Vec<usize> = (0..kinds.len()).filter(|&row| members.contains(&kinds[row].as_str())).collect();
        let part = select(manifest, &rows)?;
        let pictures = pictures_of(store, &part)?;
        let table_name = |network: &Network| format!("experiments/{set}_{}", network.name());
        let record =
            |network: &Network| store.record(&table_name(network), &(parameters, network.fingerprint()?), &inputs);
        let mut open = Vec::new();
        for network in networks {
            if record(network)?.finished().is_none() {
                open.push(network);
            }
        }
        if !open.is_empty() && !pictures.is_empty() {
            let run = progress.start(pictures.len(), &format!("{set} pictures on {} networks", open.len()));
            let done = predict_all(&open, &pictures, &parameters.normalisation, parameters.batch, &run)?;
            run.finish();
            for (index, error) in &done.rejects {
                let path = &pictures[*index].path;
                rejects.push(Reject::of("experiments", &path.display().to_string(), error));
            }
            for network in open {
                let own: Vec<_> = done.rows.iter().filter(|row| row.model == network.name()).cloned().collect();
                let table = joined(&part, &own, &pictures, classes)?;
                let files = store.write_table(&table_name(network), &table)?;
                let (all, ok) = (pictures.len() as u64, own.len() as u64);
                record(network)?.finish(all, ok, &files)?;
            }
        }
        for network in networks {
            tables.push(store.table(&table_name(network))?);
        }
    }
    store.write_table("predictions_rejects", &rejects_table(&rejects)?)?;
    let all = stacked(tables)?;
    store.write_table("predictions", &all)?;
    Ok(all)
}

/// Every network on untouched photographs: one row a photograph and network, written to `photographs`. A photograph that
/// cannot be read is left out and listed in `photographs_rejects`.
///
/// # Errors
/// As [`run_experiments`].
pub fn run_photographs(
    store: &Store,
    networks: &[Network],
    images: &[ImageFile],
    classes: &ClassList,
    parameters: &Experiments,
    progress: Progress,
) -> Result<DataFrame> {
    let picture = |image: &ImageFile| Picture { path: image.path.clone(), wnid: image.wnid.clone() };
    let pictures: Vec<Picture> = images.iter().map(picture).collect();
    let networks: Vec<&Network> = networks.iter().collect();
    let run = progress.start(pictures.len(), &format!("photographs on {} networks", networks.len()));
    let done = predict_all(&networks, &pictures, &parameters.normalisation, parameters.batch, &run)?;
    run.finish();
    let rejects: Vec<Reject> =
        done.rejects.iter().map(|(index, error)| Reject::of("photographs", &images[*index].stem, error)).collect();
    store.write_table("photographs_rejects", &rejects_table(&rejects)?)?;
    let table = prediction_table(&done.rows, &pictures, classes)?;
    store.write_table("photographs", &table)?;
    Ok(table)
}

/// Every network on the cue-conflict pictures of a folder, named `<shape><n>-<texture><m>.png`: `conflict`, with the
/// columns of a prediction and `shape`, `texture`, `decision` (class names).
///
/// # Errors
/// As [`run_experiments`]; [`Code::Missing`] without a folder; [`Code::Table`] for a name of another form.
pub fn run_conflict(
    store: &Store,
    networks: &[Network],
    folder: Option<&Path>,
    classes: &ClassList,
    parameters: &Experiments,
    progress: Progress,
) -> Result<DataFrame> {
    let Some(folder) = folder else {
        return Err(Error::new(Code::Missing, "this study has no cue-conflict pictures"));
    };
    let files = crate::store::list_images(&[folder.to_path_buf()])?;
    let short: Vec<String> = classes.names.iter().map(|name| short_name(name)).collect();
    let class_of = |cue: &str| -> Result<usize> {
        let name = cue.trim_end_matches(|letter: char| letter.is_ascii_digit());
        short.iter().position(|other| other == name).ok_or_else(|| {
            Error::new(Code::Table, format!("{cue:?} is no class of this study; the names are {}", short.join(", ")))
        })
    };
    let (mut pictures, mut shapes, mut textures) = (Vec::new(), Vec::new(), Vec::new());
    for file in &files {
        let (shape, texture) = file
            .stem
            .split_once('-')
            .ok_or_else(|| Error::new(Code::Table, "the name is not <shape><n>-<texture><m>").path(&file.path))?;
        let (shape, texture) = (class_of(shape)?, class_of(texture)?);
        pictures.push(Picture { path: file.path.clone(), wnid: classes.wnids[shape].clone() });
        shapes.push(classes.name(shape));
        textures.push(classes.name(texture));
    }
    let networks: Vec<&Network> = networks.iter().collect();
    let run = progress.start(pictures.len(), &format!("cue-conflict pictures on {} networks", networks.len()));
    let done = predict_all(&networks, &pictures, &parameters.normalisation, parameters.batch, &run)?;
    run.finish();
    let mut table = prediction_table(&done.rows, &pictures, classes)?;
    let pick = |from: &[String]| done.rows.iter().map(|row| from[row.picture].clone()).collect::<Vec<_>>();
    let decision = texts(&table, "pred_name")?;
    table.with_column(Column::new("shape".into(), pick(&shapes)))?;
    table.with_column(Column::new("texture".into(), pick(&textures)))?;
    table.with_column(Column::new("decision".into(), decision))?;
    store.write_table("conflict", &table)?;
    Ok(table)
}

/// The classes that each network finds most likely for a photograph: `model, name` (network and class), `softmax`, the
/// best first.
///
/// # Errors
/// As [`pixels::decode`] and [`super::predict::logits`].
pub fn top_classes(
    networks: &[Network],
    image: &ImageFile,
    classes: &ClassList,
    normalisation: &Normalisation,
    count: usize,
) -> Result<DataFrame> {
    let picture = pixels::imagenet_crop(&pixels::decode(&image.path)?)?;
    let (mut models, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for network in networks {
        let rows = super::predict::logits(network, std::slice::from_ref(&picture), normalisation)?;
        let probability = super::predict::softmax(&rows[0]);
        let mut order: Vec<usize> = (0..probability.len()).collect();
        order.sort_by(|&a, &b| probability[b].total_cmp(&probability[a]));
        for class in order.into_iter().take(count) {
            models.push(network.name().to_string());
            names.push(format!("{}: {}", network.name(), classes.name(class)));
            values.push(probability[class]);
        }
    }
    Ok(df!("model" => models, "name" => names, "softmax" => values)?)
}

/// Step 5.1: each network of a study with batch normalisation merged, as `models/<name>.safetensors`, and the proof that
/// it is still the same function: the largest difference of any logit before and after, on real pictures.
///
/// # Errors
/// [`Code::Numeric`] if they differ by more than a thousandth of the largest logit; as [`Network::load`].
pub fn convert_all(
    store: &Store,
    study: &Study,
    pictures: &[PathBuf],
    normalisation: &Normalisation,
    device: Device,
) -> Result<DataFrame> {
    let crops: Result<Vec<_>> =
        pictures.iter().map(|path| pixels::decode(path).and_then(|picture| pixels::imagenet_crop(&picture))).collect();
    let input = to_input(&crops?, normalisation, device)?;
    let (mut names, mut tensors, mut differences, mut largest, mut files) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for entry in &study.networks {
        let network = Network::load(&entry.architecture, study.weights(store, entry), device)?;
        let folded = network.folded()?;
        let (before, after) = (network.forward(&input)?, folded.forward(&input)?);
        let difference = (&before - &after).abs().max().double_value(&[]);
        let scale = before.abs().max().double_value(&[]);
        let name = format!("models/{}.safetensors", entry.name);
        if !difference.is_finite() || difference > 1e-3 * scale {
            let found = format!("converting changes a logit by {difference}, of at most {scale}");
            return Err(Error::new(Code::Numeric, found).path(store.path(&name)));
        }
        let notes = HashMap::from([
            ("architecture".to_string(), entry.architecture.clone()),
            ("batch_norm".to_string(), "merged".to_string()),
        ]);
        write_weights(&store.path(&name), folded.weights(), notes)?;
        names.push(entry.name.clone());
        tensors.push(folded.weights().len() as i64);
        differences.push(difference);
        largest.push(scale);
        files.push(name);
    }
    say(&format!(
        "convert: {} networks, the same function before and after on {} pictures",
        names.len(),
        pictures.len()
    ));
    Ok(df!(
        "model" => names,
        "tensors" => tensors,
        "largest difference" => differences,
        "largest logit" => largest,
        "file" => files,
    )?)
}

fn select(manifest: &DataFrame, rows: &[usize]) -> Result<DataFrame> {
    let indices: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
    Ok(manifest.take(&IdxCa::from_vec("row".into(), indices))?)
}

fn pictures_of(store: &Store, manifest: &DataFrame) -> Result<Vec<Picture>> {
    let (files, wnids) = (texts(manifest, "file")?, texts(manifest, "wnid")?);
    Ok(files.into_iter().zip(wnids).map(|(file, wnid)| Picture { path: store.path(&file), wnid }).collect())
}

/// The manifest's own columns beside the predictions.
fn joined(
    manifest: &DataFrame,
    predictions: &[super::predict::Prediction],
    pictures: &[Picture],
    classes: &ClassList,
) -> Result<DataFrame> {
    let mut table = prediction_table(predictions, pictures, classes)?;
    let rows: Vec<usize> = predictions.iter().map(|prediction| prediction.picture).collect();
    let part = select(manifest, &rows)?;
    for (from, to) in [("original", "orig_file"), ("wnid", "wnid"), ("kind", "kind")] {
        table.with_column(Column::new(to.into(), texts(&part, from)?))?;
    }
    for name in ["level", "variant"] {
        table.with_column(Column::new(name.into(), integers(&part, name)?))?;
    }
    Ok(table)
}

fn stacked(tables: Vec<DataFrame>) -> Result<DataFrame> {
    let mut tables = tables.into_iter();
    let mut all = tables.next().ok_or_else(|| Error::new(Code::Missing, "no table of predictions"))?;
    for table in tables {
        all.vstack_mut(&table)?;
    }
    all.rechunk_mut();
    Ok(all)
}
