//! Step 5 and 5.1 on a data root: every network on every picture of the manifest, and the conversion of checkpoints.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use polars::prelude::*;
use serde::Serialize;

use super::checkpoint::{Loading, read_weights, write_weights};
use super::device::Device;
use super::network::{Form, Network, Precision};
use super::normalise::{Normalisation, Normalise, to_input};
use super::predict::{
    Experiments, Keep, Picture, Prediction, Predictions, predict_all, predict_variants, prediction_table,
};
use super::smoother::Eps;
use crate::datasets::{self, L0, Smoother};
use crate::error::{Code, Error, Result, listed};
use crate::files::{ImageFile, Store};
use crate::notebook::{Progress, counted, say};
use crate::pixels;
use crate::stage::Named;
use crate::stage::Record;
use crate::study::{Allow, ClassList, NetworkEntry, Study, short_name};
use crate::table::{Reject, integers, rejects_table, stacked, texts};

/// The sets of the manifest as the published tables are named: prefix of the table, kinds of the manifest in it.
const SETS: [(&str, &[&str]); 4] = [
    ("scr", &["scrambled", "seams"]),
    ("smt", &["smoothed"]),
    ("smt_diff", &["difference", "difference inverse"]),
    ("ptd", &["patched"]),
];

/// Where the pictures of a manifest come from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// From the files that step 4 wrote.
    Files,
    /// Made on the device while the networks run, and never written; the manifest is that of [`datasets::planned`]
    /// (or of step 4) for the same photographs and parameters.
    InMemory {
        /// The sampled photographs.
        images: &'a [ImageFile],
        /// What is made of them.
        parameters: &'a datasets::Parameters,
        /// What smooths them.
        smoother: &'a dyn Smoother,
    },
}

/// The networks of a study, loaded and with batch normalisation merged.
///
/// # Errors
/// As [`Network::load`]; [`Code::Model`] if a network's outputs are not the study's classes.
pub fn load_all(store: &Store, study: &Study, device: Device) -> Result<Vec<Network>> {
    load_networks(store, study, Form::Folded, Precision::Single, device)
}

/// The networks of a study in one form and precision.
///
/// # Errors
/// As [`load_all`].
pub fn load_networks(
    store: &Store,
    study: &Study,
    form: Form,
    precision: Precision,
    device: Device,
) -> Result<Vec<Network>> {
    let classes = study.class_list();
    if study.networks.is_empty() {
        return Err(no_networks());
    }
    let load = |entry: &NetworkEntry| {
        let path = study.weights(store, entry);
        let network = load_entry(store, study, entry, device)?;
        if network.classes() != classes.len() {
            let found = format!("{} outputs, and the study has {} classes", network.classes(), classes.len());
            return Err(Error::new(Code::Model, found).path(path).hint("see \"classes\" in study.json"));
        }
        network.prepared(form, precision)
    };
    study.networks.iter().map(load).collect()
}

/// A network of a study as its checkpoint has it, under its name there.
fn load_entry(store: &Store, study: &Study, entry: &NetworkEntry, device: Device) -> Result<Network> {
    let path = study.weights(store, entry);
    if let Some(expected) = &entry.sha256
        && !entry.allow.contains(&Allow::OtherSha256)
    {
        let found = store.written(&path)?.sha256;
        if !found.starts_with(&expected.to_lowercase()) {
            let found = format!("its sha256 begins {}, expected {expected}", &found[..expected.len().min(64)]);
            return Err(Error::new(Code::Checkpoint, found).path(path).hint(format!(
                "fetch it again, or add \"allow\": [\"other_sha256\"] to {} in study.json",
                entry.name
            )));
        }
    }
    let how = Loading { table: entry.table.as_deref(), allow: &entry.allow };
    let network = Network::load_with(&entry.architecture, &path, device, &how)?.named(&entry.name);
    Ok(match entry.normalisation {
        Some((mean, std)) => network.trained_on(Normalisation { mean, std }),
        None => network,
    })
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
/// `experiments/{scr,smt,smt_diff,ptd}_<network>`, and all of them together as `predictions`; what was skipped in
/// `predictions_rejects`. Pairs that are finished are not run again.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Model`] from the networks; [`Code::Io`] if the root cannot be written; [`Code::Image`] if more
/// was skipped than may be.
pub fn run_experiments(
    store: &Store,
    networks: &[Network],
    manifest: &DataFrame,
    source: Source<'_>,
    classes: &ClassList,
    how: &Experiments,
    progress: Progress,
) -> Result<DataFrame> {
    let runner = Runner { store, networks, manifest, classes, how };
    let kinds = texts(manifest, "kind")?;
    let rows_of = |members: &[&str]| -> Vec<usize> {
        (0..kinds.len()).filter(|&row| members.contains(&kinds[row].as_str())).collect()
    };
    let known = |kind: &String| SETS.iter().any(|(_, members)| members.contains(&kind.as_str()));
    if let Some(row) = kinds.iter().position(|kind| !known(kind)) {
        let found = format!("the manifest has pictures of the kind {:?}, which belongs to no set", kinds[row]);
        let names: Vec<&str> = SETS.iter().flat_map(|(_, members)| members.iter().copied()).collect();
        return Err(Error::new(Code::Table, found)
            .place(format!("row {row}"))
            .hint(format!("kinds are {}", names.join(", "))));
    }
    if networks.is_empty() {
        return Err(no_networks());
    }
    let sets: Vec<(&str, Vec<usize>)> = SETS.iter().map(|(set, members)| (*set, rows_of(members))).collect();
    let mut rejects: Vec<Reject> = Vec::new();
    match source {
        Source::Files => {
            for (set, rows) in sets.iter().filter(|(_, rows)| !rows.is_empty()) {
                // A set's own rows, with the hash of each picture: what changes another set does not run this one again.
                let part = select(manifest, rows)?;
                let decided_by = (how, hash_of(&part)?);
                let open = runner.open(&[set], &decided_by, &[])?;
                if open.is_empty() {
                    continue;
                }
                let pictures = pictures_of(store, &part)?;
                let run = progress
                    .about(&format!("{set}, {}", counted(open.len(), "network")))
                    .start(pictures.len(), "pictures");
                let mut done = predict_all(&open, &pictures, how, &run)?;
                run.finish();
                done.rows.iter_mut().for_each(|row| row.picture = rows[row.picture]);
                done.rejects.iter_mut().for_each(|(picture, _)| *picture = rows[*picture]);
                runner.write(set, rows, &open, &done, &mut rejects, &decided_by, &[])?;
            }
        }
        Source::InMemory { images, parameters, smoother } => {
            let decided_by = (how, parameters, smoother.identity(), hash_of(manifest)?);
            let names: Vec<&str> = sets.iter().map(|(set, _)| *set).collect();
            let open = runner.open(&names, &decided_by, images)?;
            if !open.is_empty() {
                let run = progress
                    .about(&format!("in memory, {}", counted(open.len(), "network")))
                    .start(manifest.height(), "pictures");
                let done = predict_variants(&open, images, parameters, smoother, how, &run)?;
                run.finish();
                for (set, rows) in sets.iter().filter(|(_, rows)| !rows.is_empty()) {
                    runner.write(set, rows, &open, &done, &mut rejects, &decided_by, images)?;
                }
            }
        }
    }
    store.write_table("predictions_rejects", &rejects_table(&rejects)?)?;
    let mut tables = Vec::new();
    for (set, _) in sets.iter().filter(|(_, rows)| !rows.is_empty()) {
        for network in networks {
            tables.push(store.table(&table_name(set, network))?);
        }
    }
    let all = stacked(tables)?;
    store.write_table("predictions", &all)?;
    Ok(all)
}

fn no_networks() -> Error {
    Error::new(Code::Model, "this study has no networks")
        .hint("make it again with some: `lgf init --replace … --network NAME=ARCHITECTURE=WEIGHTS`")
}

fn table_name(set: &str, network: &Network) -> String {
    format!("experiments/{set}_{}", network.name())
}

/// What the tables of all sets have in common.
struct Runner<'a> {
    store: &'a Store,
    networks: &'a [Network],
    manifest: &'a DataFrame,
    classes: &'a ClassList,
    how: &'a Experiments,
}

impl Runner<'_> {
    fn record(
        &self,
        set: &str,
        network: &Network,
        decided_by: &impl Serialize,
        inputs: &[ImageFile],
    ) -> Result<Record> {
        self.store.record_of_images(
            Named("models", &table_name(set, network)),
            &(decided_by, network.fingerprint()?),
            inputs,
        )
    }

    /// The networks that are not finished with all of some sets.
    fn open(&self, sets: &[&str], decided_by: &impl Serialize, inputs: &[ImageFile]) -> Result<Vec<&Network>> {
        let mut open = Vec::new();
        for network in self.networks {
            for set in sets {
                if self.record(set, network, decided_by, inputs)?.finished().is_none() {
                    open.push(network);
                    break;
                }
            }
        }
        Ok(open)
    }

    /// Writes the tables of one set, whose rows of the manifest are `rows`.
    #[expect(clippy::too_many_arguments, reason = "what a set has of its own")]
    fn write(
        &self,
        set: &str,
        rows: &[usize],
        networks: &[&Network],
        done: &Predictions,
        rejects: &mut Vec<Reject>,
        decided_by: &impl Serialize,
        inputs: &[ImageFile],
    ) -> Result<()> {
        let members: HashSet<usize> = rows.iter().copied().collect();
        let files = texts(self.manifest, "file")?;
        let skipped = done.rejects.iter().filter(|(picture, _)| members.contains(picture));
        rejects.extend(skipped.map(|(picture, error)| Reject::of("experiments", &files[*picture], error)));
        self.store.write_table("predictions_rejects", &rejects_table(rejects)?)?;
        for network in networks {
            let own = |row: &&Prediction| row.model == network.name() && members.contains(&row.picture);
            let own: Vec<Prediction> = done.rows.iter().filter(own).cloned().collect();
            let name = table_name(set, network);
            self.store.accept(&name, rows.len() as u64, own.len() as u64)?;
            let mut written = self.store.write_table(&name, &self.table(&own)?)?.to_vec();
            if self.how.keep == Keep::All {
                written.push(self.store.write_parquet(&format!("{name}_logits"), &self.logits(&own)?)?);
            }
            self.record(set, network, decided_by, inputs)?.finish(rows.len() as u64, own.len() as u64, &written)?;
        }
        Ok(())
    }

    /// The manifest's own columns beside the predictions.
    fn table(&self, predictions: &[Prediction]) -> Result<DataFrame> {
        let rows: Vec<usize> = predictions.iter().map(|prediction| prediction.picture).collect();
        let part = select(self.manifest, &rows)?;
        let pictures = pictures_of(self.store, &part)?;
        let numbered: Vec<Prediction> = predictions
            .iter()
            .enumerate()
            .map(|(picture, prediction)| Prediction { picture, ..prediction.clone() })
            .collect();
        let mut table = prediction_table(&numbered, &pictures, self.classes)?;
        for (from, to) in
            [("file", "file"), ("original", "orig_file"), ("wnid", "wnid"), ("kind", "kind"), ("fill", "fill")]
        {
            table.with_column(Column::new(to.into(), texts(&part, from)?))?;
        }
        for name in ["level", "variant", "gap"] {
            table.with_column(Column::new(name.into(), integers(&part, name)?))?;
        }
        Ok(table)
    }

    /// All logits, a row a picture: `file`, then a column a class, named by its WordNet id.
    fn logits(&self, predictions: &[Prediction]) -> Result<DataFrame> {
        let files = texts(self.manifest, "file")?;
        let names: Vec<&str> = predictions.iter().map(|row| files[row.picture].as_str()).collect();
        let mut columns = vec![Column::new("file".into(), names)];
        for (class, wnid) in self.classes.wnids.iter().enumerate() {
            let values: Vec<f64> = predictions.iter().map(|row| f64::from(row.logits[class])).collect();
            columns.push(Column::new(wnid.as_str().into(), values));
        }
        Ok(DataFrame::new(predictions.len(), columns)?)
    }
}

/// What identifies a manifest's pictures and their order.
fn hash_of(manifest: &DataFrame) -> Result<String> {
    let (files, hashes) = (texts(manifest, "file")?, texts(manifest, "sha256")?);
    let lines: Vec<String> = files.into_iter().zip(hashes).map(|(file, hash)| format!("{file} {hash}")).collect();
    Ok(crate::files::sha256_hex(lines.join("\n").as_bytes()))
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
    how: &Experiments,
    progress: Progress,
) -> Result<DataFrame> {
    let picture = |image: &ImageFile| Picture { path: image.path.clone(), wnid: image.wnid.clone() };
    let pictures: Vec<Picture> = images.iter().map(picture).collect();
    if networks.is_empty() {
        return Err(no_networks());
    }
    let models: Result<Vec<String>> = networks.iter().map(Network::fingerprint).collect();
    let record = store.record_of_images(Named("models", "photographs"), &(how, models?), images)?;
    if record.finished().is_some() {
        return store.table("photographs");
    }
    let networks: Vec<&Network> = networks.iter().collect();
    let run = progress.about(&counted(networks.len(), "network")).start(pictures.len(), "photographs");
    let done = predict_all(&networks, &pictures, how, &run)?;
    run.finish();
    let rejects: Vec<Reject> =
        done.rejects.iter().map(|(index, error)| Reject::of("photographs", &images[*index].id, error)).collect();
    let mut files = store.write_table("photographs_rejects", &rejects_table(&rejects)?)?.to_vec();
    let (all, ok) = (images.len() as u64, (images.len() - rejects.len()) as u64);
    store.accept("photographs", all, ok)?;
    let mut table = prediction_table(&done.rows, &pictures, classes)?;
    let identities: Vec<&str> = done.rows.iter().map(|row| images[row.picture].id.as_str()).collect();
    table.with_column(Column::new("file".into(), identities))?;
    files.extend(store.write_table("photographs", &table)?);
    record.finish(all, ok, &files)?;
    Ok(table)
}

/// Every network on the cue-conflict pictures of a folder, named `<shape><n>-<texture><m>.png`: `conflict`, with the
/// columns of a prediction and `shape`, `texture`, `decision` (class names); what was skipped in `conflict_rejects`. A finished
/// run is read back.
///
/// # Errors
/// As [`run_experiments`]; [`Code::Missing`] without a folder; [`Code::Table`] for a name of another form, before any picture is
/// read.
pub fn run_conflict(
    store: &Store,
    networks: &[Network],
    folder: Option<&Path>,
    classes: &ClassList,
    how: &Experiments,
    progress: Progress,
) -> Result<DataFrame> {
    let Some(folder) = folder else {
        return Err(Error::new(Code::Missing, "this study has no cue-conflict pictures"));
    };
    if networks.is_empty() {
        return Err(no_networks());
    }
    let (files, cues) = conflict_pictures(folder, classes)?;
    let models: Result<Vec<String>> = networks.iter().map(Network::fingerprint).collect();
    let record = store.record_of_images(Named("models", "conflict"), &(how, models?), &files)?;
    if record.finished().is_some() {
        return store.table("conflict");
    }
    let picture = |(file, (shape, _)): (&ImageFile, &(usize, usize))| Picture {
        path: file.path.clone(),
        wnid: classes.wnids[*shape].clone(),
    };
    let pictures: Vec<Picture> = files.iter().zip(&cues).map(picture).collect();
    let networks: Vec<&Network> = networks.iter().collect();
    let run = progress.about(&counted(networks.len(), "network")).start(pictures.len(), "pictures");
    let done = predict_all(&networks, &pictures, how, &run)?;
    run.finish();
    let rejects: Vec<Reject> =
        done.rejects.iter().map(|(index, error)| Reject::of("conflict", &files[*index].id, error)).collect();
    let mut written = store.write_table("conflict_rejects", &rejects_table(&rejects)?)?.to_vec();
    let (all, ok) = (pictures.len() as u64, (pictures.len() - rejects.len()) as u64);
    store.accept("conflict", all, ok)?;
    let mut table = prediction_table(&done.rows, &pictures, classes)?;
    let decision = texts(&table, "pred_name")?;
    let named = |of: fn(&(usize, usize)) -> usize| -> Vec<String> {
        done.rows.iter().map(|row| classes.name(of(&cues[row.picture]))).collect()
    };
    let identities: Vec<&str> = done.rows.iter().map(|row| files[row.picture].id.as_str()).collect();
    table.with_column(Column::new("file".into(), identities))?;
    table.with_column(Column::new("shape".into(), named(|cue| cue.0)))?;
    table.with_column(Column::new("texture".into(), named(|cue| cue.1)))?;
    table.with_column(Column::new("decision".into(), decision))?;
    written.extend(store.write_table("conflict", &table)?);
    record.finish(all, ok, &written)?;
    Ok(table)
}

/// The numbers of the classes of shape and texture of a picture.
pub type Cues = (usize, usize);

/// The cue-conflict pictures of a folder and the numbers of the classes of shape and texture of each, by its name.
///
/// # Errors
/// [`Code::Table`] for a name of another form than `<shape><n>-<texture><m>.png`, or of no class.
pub fn conflict_pictures(folder: &Path, classes: &ClassList) -> Result<(Vec<ImageFile>, Vec<Cues>)> {
    let files = crate::files::list_images(&[folder.to_path_buf()])?;
    let short: Vec<String> = classes.names.iter().map(|name| short_name(name)).collect();
    let class_of = |file: &ImageFile, cue: &str| -> Result<usize> {
        let name = cue.trim_end_matches(|letter: char| letter.is_ascii_digit());
        short.iter().position(|other| other == name).ok_or_else(|| {
            let found =
                format!("{cue:?} is no class of this study; its {} classes are {}", short.len(), listed(&short, 12));
            Error::new(Code::Table, found)
                .path(&file.path)
                .hint("the pictures of cue conflict are named after the study's own classes, as tench1-church2.png")
        })
    };
    let cues = |file: &ImageFile| {
        let wrong = || Error::new(Code::Table, "the name is not <shape><n>-<texture><m>").path(&file.path);
        let (shape, texture) = file.stem.split_once('-').ok_or_else(wrong)?;
        Ok((class_of(file, shape)?, class_of(file, texture)?))
    };
    let cues: Result<Vec<Cues>> = files.iter().map(cues).collect();
    Ok((files, cues?))
}

/// The classes that each network finds most likely for each of some photographs, the best first: `file, model, class` (its
/// name), `softmax, true` (whether it is the photograph's own).
///
/// # Errors
/// As [`pixels::decode`] and [`super::predict::logits`].
pub fn top_classes(
    networks: &[Network],
    images: &[ImageFile],
    classes: &ClassList,
    normalise: Normalise,
    count: usize,
) -> Result<DataFrame> {
    let (mut files, mut models, mut names, mut values, mut right) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for image in images {
        let picture = pixels::imagenet_crop(&pixels::decode(&image.path)?)?;
        for network in networks {
            let rows = super::predict::logits(network, std::slice::from_ref(&picture), normalise)?;
            let probability = super::predict::softmax(&rows[0]);
            let mut order: Vec<usize> = (0..probability.len()).collect();
            order.sort_by(|&a, &b| probability[b].total_cmp(&probability[a]));
            for class in order.into_iter().take(count) {
                files.push(image.id.clone());
                models.push(network.name().to_string());
                names.push(classes.name(class));
                values.push(probability[class]);
                right.push(classes.index_of(&image.wnid) == Some(class));
            }
        }
    }
    Ok(df!("file" => files, "model" => models, "class" => names, "softmax" => values, "true" => right)?)
}

/// Step 5.1: each network of a study as `models/<name>.safetensors`, and the proof that the file is the same function: it is
/// read back, and the largest difference of any logit before and after is measured on real pictures, network by network.
///
/// # Errors
/// [`Code::Numeric`] if they differ by more than a thousandth of the largest logit; as [`Network::load`].
pub fn convert_all(
    store: &Store,
    study: &Study,
    pictures: &[PathBuf],
    form: Form,
    normalise: Normalise,
    device: Device,
) -> Result<DataFrame> {
    if study.networks.is_empty() {
        return Err(no_networks());
    }
    let crops: Result<Vec<_>> =
        pictures.iter().map(|path| pixels::decode(path).and_then(|picture| pixels::imagenet_crop(&picture))).collect();
    let crops = crops?;
    let (mut names, mut tensors, mut differences, mut largest, mut files) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for entry in &study.networks {
        let network = load_entry(store, study, entry, device)?;
        let converted = match form {
            Form::Folded => network.folded()?,
            Form::Plain => network.shared(),
        };
        let name = format!("models/{}.safetensors", entry.name);
        let merged = if form == Form::Folded { "merged" } else { "apart" };
        let notes = HashMap::from([
            ("architecture".to_string(), entry.architecture.clone()),
            ("batch_norm".to_string(), merged.to_string()),
        ]);
        let part = store.path(&format!("models/.{}.new", entry.name));
        write_weights(&part, converted.weights(), notes)?;
        let back = converted.with_weights(read_weights(&part)?)?;
        let input = to_input(&crops, &normalise.of(&network), device)?;
        let (before, after) = (network.forward(&input)?, back.forward(&input)?);
        let difference = (&before - &after).abs().max().double_value(&[]);
        let scale = before.abs().max().double_value(&[]);
        if !difference.is_finite() || difference > 1e-3 * scale {
            let _ = std::fs::remove_file(&part);
            let found = format!("converting changes a logit by {difference}, of at most {scale}");
            return Err(Error::new(Code::Numeric, found).path(store.path(&name)));
        }
        std::fs::rename(&part, store.path(&name)).map_err(|cause| Error::io("writing", store.path(&name), cause))?;
        names.push(entry.name.clone());
        tensors.push(converted.weights().len() as i64);
        differences.push(difference);
        largest.push(scale);
        files.push(name);
    }
    say(&format!(
        "convert: {}, the same function before and after on {}",
        counted(names.len(), "network"),
        counted(pictures.len(), "picture")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Classes;

    /// A study of the drawn classes with one network, whose checkpoint is in its root.
    fn study(store: &Store, weights: &super::super::Weights) -> Study {
        write_weights(&store.path("w.safetensors"), weights, HashMap::new()).unwrap();
        Study {
            name: "s".into(),
            images: Vec::new(),
            split: String::new(),
            annotations: None,
            conflict: None,
            classes: Classes::Sample,
            networks: vec![NetworkEntry::new("mine", "slim-resnet50", "w.safetensors")],
            images_per_class: Some(1),
            smoother: None,
        }
    }

    fn golden() -> super::super::Weights {
        read_weights(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/slim-resnet50.pth")).unwrap()
    }

    #[test]
    fn bad_input_50_nan_and_another_sha256_are_errors_unless_allowed_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let mut weights = golden();
        weights.values_mut().for_each(|tensor| *tensor = tensor.to_kind(tch::Kind::Float));
        let mut study = study(&store, &weights);
        assert_eq!(load_all(&store, &study, Device::Cpu).unwrap()[0].name(), "mine");

        let whole = store.written(&store.path("w.safetensors")).unwrap().sha256;
        study.networks[0].sha256 = Some(whole[..8].to_uppercase());
        load_all(&store, &study, Device::Cpu).unwrap();
        study.networks[0].sha256 = Some("0123abcd".into());
        let error = load_all(&store, &study, Device::Cpu).unwrap_err();
        assert_eq!(error.code(), Code::Checkpoint);
        for part in ["w.safetensors", &whole[..8], "expected 0123abcd", "\"other_sha256\"", "mine"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        study.networks[0].allow = vec![Allow::OtherSha256];
        load_all(&store, &study, Device::Cpu).unwrap();

        let broken = weights["layer1.0.conv2.weight"].copy();
        let _ = broken.view(-1).get(3).fill_(f64::NAN);
        weights.insert("layer1.0.conv2.weight".into(), broken);
        write_weights(&store.path("w.safetensors"), &weights, HashMap::new()).unwrap();
        let error = load_all(&store, &study, Device::Cpu).unwrap_err();
        assert_eq!(error.code(), Code::Checkpoint);
        for part in ["w.safetensors", "tensor layer1.0.conv2.weight", "NaN", "\"non_finite\""] {
            assert!(error.to_string().contains(part), "{error}");
        }
        study.networks[0].allow.push(Allow::NonFinite);
        load_all(&store, &study, Device::Cpu).unwrap();
    }

    #[test]
    fn bad_input_76_the_table_of_a_network_in_study_json_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let both = golden().into_iter().flat_map(|(name, tensor)| {
            let other = if name == "fc.bias" { &tensor + 1.0 } else { tensor.copy() };
            [(format!("model.{name}"), tensor), (format!("model_ema.{name}"), other)]
        });
        let mut study = study(&store, &both.collect());
        assert!(load_all(&store, &study, Device::Cpu).unwrap_err().to_string().contains("--table model or"));
        let mut bias = |table: &str| {
            study.networks[0].table = Some(table.into());
            study.save(&store).unwrap();
            let network = load_all(&store, &Study::open(&store).unwrap(), Device::Cpu).unwrap().swap_remove(0);
            network.weights()["fc.bias"].copy()
        };
        assert_eq!(bias("model") + 1.0, bias("model_ema"));
    }

    #[test]
    fn a_kind_of_picture_that_no_set_knows_is_an_error_and_so_is_a_study_without_networks() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let how = Experiments { normalise: Normalise::AsTrained, batch: 1, keep: Keep::Chosen };
        let run = |kinds: &[&str]| {
            let manifest = df!("kind" => kinds, "file" => kinds).unwrap();
            let classes = ClassList::sample();
            run_experiments(&store, &[], &manifest, Source::Files, &classes, &how, Progress::silent()).unwrap_err()
        };
        let error = run(&["scrambled", "embossed"]);
        assert_eq!((error.code(), error.at()), (Code::Table, Some("row 1")));
        assert!(
            error.to_string().contains("\"embossed\"") && error.to_string().contains("difference inverse"),
            "{error}"
        );
        assert!(run(&["scrambled"]).to_string().contains("no networks"));
    }

    #[test]
    fn bad_input_62_a_network_of_another_number_of_classes_is_refused_before_work() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let study = Study { classes: Classes::Imagenet, ..study(&store, &golden()) };
        let error = load_all(&store, &study, Device::Cpu).unwrap_err();
        assert_eq!(error.code(), Code::Model);
        for part in ["10 outputs", "1000 classes", "w.safetensors", "\"classes\" in study.json"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
