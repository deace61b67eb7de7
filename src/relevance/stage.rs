//! Step 5.2 on a data root: maps and regions of some photographs for every network.

use std::path::{Path, PathBuf};

use polars::prelude::*;
use tch::Tensor;

use super::engine::{Explained, explain};
use super::rule::Composite;
use crate::error::{Code, Error, Result};
use crate::models::{Network, Normalise, arg_max, on_workers, softmax, to_input};
use crate::notebook::Progress;
use crate::pixels::{self, Crop, HeatMap, RgbImage};
use crate::store::{ClassList, ImageFile, Store};

/// Which class's logit is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Target {
    /// The one that the network chose, right or wrong, as published (fault C4).
    Predicted,
    /// The one that the photograph shows.
    True,
}

/// How relevance is computed.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Parameters {
    /// Which rule each layer gets.
    pub composite: Composite,
    /// Which class is explained.
    pub target: Target,
    /// What is done to the pictures' values.
    pub normalise: Normalise,
    /// Pictures at a time.
    pub batch: usize,
}

/// Relevance of every network for some photographs: maps to `lrp/<model>/<name>.npy`, one row a photograph and network to
/// `lrp_regions`: `file, wnid, model, class, class_name, softmax, logit, relevance` (sum of the map), `positive`,
/// `negative` (pixels of the published regions). What is finished is not done again.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Numeric`] if relevance is not finite; [`Code::Model`] if a photograph's class is no output.
pub fn explain_all(
    store: &Store,
    networks: &[Network],
    images: &[ImageFile],
    classes: &ClassList,
    parameters: &Parameters,
    progress: Progress,
) -> Result<DataFrame> {
    let inputs: Vec<PathBuf> = images.iter().map(|image| image.path.clone()).collect();
    let models: Result<Vec<String>> = networks.iter().map(Network::fingerprint).collect();
    let record = store.record("lrp", &(parameters, models?), &inputs)?;
    if record.finished().is_some() {
        return store.table("lrp_regions");
    }
    record.folder("lrp")?;
    let run = progress.start(images.len() * networks.len(), "maps");
    let chunks: Vec<&[ImageFile]> = images.chunks(parameters.batch.max(1)).collect();
    let shared: Vec<&Network> = networks.iter().collect();
    let parts = on_workers(
        &shared,
        &chunks,
        |chunk| Ok(*chunk),
        |networks, chunk| {
            let mut rows = Vec::new();
            for network in networks {
                run.check()?;
                rows.extend(explain_chunk(network, chunk, classes, parameters)?);
                chunk.iter().for_each(|_| run.tick());
            }
            Ok(rows)
        },
    )?;
    let rows: Vec<Row<'_>> = parts.into_iter().flatten().collect();
    let mut files = Vec::new();
    for row in &rows {
        files.push(store.write_unsynced(&map_name(&row.model, &row.image.stem), &row.map.to_npy())?);
    }
    run.finish();
    let table = table(&rows, classes)?;
    files.extend(store.write_table("lrp_regions", &table)?);
    record.finish(rows.len() as u64, rows.len() as u64, &files)?;
    Ok(table)
}

fn explain_chunk<'a>(
    network: &Network,
    chunk: &'a [ImageFile],
    classes: &ClassList,
    parameters: &Parameters,
) -> Result<Vec<Row<'a>>> {
    let crop = |image: &ImageFile| pixels::decode(&image.path).and_then(|picture| pixels::imagenet_crop(&picture));
    let crops: Result<Vec<RgbImage>> = chunk.iter().map(crop).collect();
    let crops = crops?;
    let input = to_input(&crops, &parameters.normalise.of(network), network.device())?;
    let logits = crate::models::logits(network, &crops, parameters.normalise)?;
    let targets: Result<Vec<usize>> =
        chunk.iter().zip(&logits).map(|(image, logits)| target(parameters.target, image, logits, classes)).collect();
    let targets = targets?;
    let maps = explain(network, &input, &targets, &parameters.composite)?.maps()?;
    let rows = chunk.iter().zip(maps).zip(logits).zip(targets).map(|(((image, map), logits), class)| Row {
        image,
        model: network.name().to_string(),
        class,
        softmax: softmax(&logits)[class],
        logit: logits[class],
        map,
    });
    Ok(rows.collect())
}

/// The map that step 5.2 wrote for a network and a photograph.
///
/// # Errors
/// [`Code::Missing`] if step 5.2 has not run for them, [`Code::Table`] if the file is broken.
pub fn map_of(store: &Store, model: &str, stem: &str) -> Result<HeatMap<Crop>> {
    let name = map_name(model, stem);
    HeatMap::from_npy(&store.read(&name)?).map_err(|error| error.or_path(store.path(&name)))
}

/// The ledger of one photograph, as a table ([`super::ledger_table`]).
///
/// # Errors
/// As [`explain_all`].
pub fn ledger_of(
    network: &Network,
    image: &ImageFile,
    classes: &ClassList,
    parameters: &Parameters,
) -> Result<DataFrame> {
    let crop = pixels::imagenet_crop(&pixels::decode(&image.path)?)?;
    let crops = std::slice::from_ref(&crop);
    let logits = crate::models::logits(network, crops, parameters.normalise)?;
    let class = target(parameters.target, image, &logits[0], classes)?;
    let input = to_input(crops, &parameters.normalise.of(network), network.device())?;
    super::ledger_table(&explain(network, &input, &[class], &parameters.composite)?.ledger)
}

/// Relevance of some batches as one NumPy file: float32, `[n, 3, h, w]`, whole or not at all.
///
/// # Errors
/// [`Code::Io`] if it cannot be written; [`Code::Parameter`] if there is none or their sizes differ.
pub fn write_npy(path: &Path, batches: &[Explained]) -> Result<()> {
    if batches.is_empty() {
        return Err(Error::new(Code::Parameter, "no relevance to write"));
    }
    let parts: Vec<&Tensor> = batches.iter().map(|batch| &batch.relevance).collect();
    let all = Tensor::f_cat(&parts, 0)?.to_device(tch::Device::Cpu);
    let temporary = path.with_extension("npy.part");
    all.write_npy(&temporary).map_err(Error::from).map_err(|error| error.or_path(path))?;
    std::fs::rename(&temporary, path).map_err(|cause| Error::io("writing", path, cause))
}

fn map_name(model: &str, stem: &str) -> String {
    format!("lrp/{model}/{stem}.npy")
}

fn target(how: Target, image: &ImageFile, logits: &[f32], classes: &ClassList) -> Result<usize> {
    match how {
        Target::Predicted => Ok(arg_max(logits)),
        Target::True => classes.index_of(&image.wnid).ok_or_else(|| {
            Error::new(Code::Model, format!("class {:?} is not among the outputs", image.wnid)).path(&image.path)
        }),
    }
}

struct Row<'a> {
    image: &'a ImageFile,
    model: String,
    class: usize,
    softmax: f64,
    logit: f32,
    map: HeatMap<Crop>,
}

fn table(rows: &[Row<'_>], classes: &ClassList) -> Result<DataFrame> {
    Ok(df!(
        "file" => rows.iter().map(|row| row.image.stem.clone()).collect::<Vec<_>>(),
        "wnid" => rows.iter().map(|row| row.image.wnid.clone()).collect::<Vec<_>>(),
        "model" => rows.iter().map(|row| row.model.clone()).collect::<Vec<_>>(),
        "class" => rows.iter().map(|row| row.class as i64).collect::<Vec<_>>(),
        "class_name" => rows.iter().map(|row| classes.name(row.class)).collect::<Vec<_>>(),
        "softmax" => rows.iter().map(|row| row.softmax).collect::<Vec<_>>(),
        "logit" => rows.iter().map(|row| row.logit).collect::<Vec<_>>(),
        "relevance" => rows.iter().map(|row| row.map.sum()).collect::<Vec<_>>(),
        "positive" => rows.iter().map(|row| row.map.positive_region().count() as i64).collect::<Vec<_>>(),
        "negative" => rows.iter().map(|row| row.map.negative_region().count() as i64).collect::<Vec<_>>(),
    )?)
}
