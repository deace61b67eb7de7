//! Networks on pictures whose shape says one class and whose texture another.

use std::path::Path;

use polars::prelude::*;

use super::engine::Engine;
use super::load::no_networks;
use super::predict::{Experiments, Picture, predict_all};
use super::rows::prediction_table;
use crate::error::{Code, Error, Result, listed};
use crate::files::{ImageFile, Store, list_images};
use crate::notebook::{Progress, counted};
use crate::stage::Named;
use crate::study::{ClassList, short_name};
use crate::table::{Reject, rejects_table, texts};

/// Every network on the cue-conflict pictures of a folder, named `<shape><n>-<texture><m>.png`: `conflict`, with the
/// columns of a prediction and `shape`, `texture`, `decision` (class names); what was skipped in `conflict_rejects`. A finished
/// run is read back.
///
/// # Errors
/// As [`run_experiments`](super::run_experiments); [`Code::Missing`] without a folder; [`Code::Table`] for a name of another form, before any picture is
/// read.
pub fn run_conflict(
    store: &Store,
    networks: &[Engine],
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
    let models: Result<Vec<String>> = networks.iter().map(|network| network.fingerprint()).collect();
    let record = store.record_of_images(Named("inference", "conflict"), &(how, models?), &files)?;
    if record.finished().is_some() {
        return store.table("conflict");
    }
    let picture = |(file, (shape, _)): (&ImageFile, &(usize, usize))| Picture {
        path: file.path.clone(),
        wnid: classes.wnids[*shape].clone(),
    };
    let pictures: Vec<Picture> = files.iter().zip(&cues).map(picture).collect();
    let networks: Vec<&Engine> = networks.iter().collect();
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
    let files = list_images(&[folder.to_path_buf()])?;
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
