//! Networks on pictures whose shape says one class and whose texture another.

use std::path::Path;

use polars::prelude::DataFrame;

use super::engine::Engine;
use super::photographs::{predict_step, step_of};
use super::predict::{Experiments, Picture};
use super::rows::scores;
use crate::error::{Code, Error, Result, listed};
use crate::files::{ImageFile, list_images};
use crate::notebook::counted;
use crate::study::{ClassList, Study, short_name};
use crate::table::{ConflictRow, Row};

/// Every network on the study's cue-conflict pictures, named `<shape><n>-<texture><m>.png`: `conflict` ([`ConflictRow`]); what
/// was skipped in `conflict_rejects`. A finished run is read back.
///
/// # Errors
/// As [`run_experiments`](super::run_experiments); [`Code::Missing`] if the study has none; [`Code::Table`] for a name of
/// another form, before any picture is read.
pub fn run_conflict(study: &Study, networks: &[Engine], how: &Experiments) -> Result<DataFrame> {
    let folder =
        study.conflict_folder().ok_or_else(|| Error::new(Code::Missing, "this study has no cue-conflict pictures"))?;
    let classes = study.class_list();
    let (files, cues) = conflict_pictures(&folder, &classes)?;
    let step = step_of(study, "conflict", "pictures", (networks, &files, how))?;
    let step = step.saying(format!("cue conflict, {}", counted(networks.len(), "network")));
    if step.finished() {
        return study.store.table("conflict");
    }
    let picture =
        |(file, (shape, _)): (&ImageFile, &Cues)| Picture { wnid: classes.wnids[*shape].clone(), ..Picture::of(file) };
    let pictures: Vec<Picture> = files.iter().zip(&cues).map(picture).collect();
    let (done, predictions) = predict_step(&step, networks, &pictures, how)?;
    let said = scores(&predictions.rows, &pictures, &classes)?;
    let rows = said.into_iter().zip(&predictions.rows).map(|(said, prediction)| {
        let (shape, texture) = cues[prediction.picture];
        ConflictRow::of(said, classes.name(shape), classes.name(texture))
    });
    let table = ConflictRow::table(rows.collect())?;
    let files = study.store.write_table("conflict", &table)?.to_vec();
    step.finish(done, files)?;
    Ok(table)
}

/// The numbers of the classes of shape and texture of a picture.
pub type Cues = (usize, usize);

/// The cue-conflict pictures of a folder and the numbers of the classes of shape and texture of each, by its name.
///
/// # Errors
/// [`Code::Table`] for a name of another form than `<shape><n>-<texture><m>.png`, or of no class.
pub(crate) fn conflict_pictures(folder: &Path, classes: &ClassList) -> Result<(Vec<ImageFile>, Vec<Cues>)> {
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
