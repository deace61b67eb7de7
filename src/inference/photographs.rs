//! Networks on untouched photographs.

use polars::prelude::*;

use super::engine::Engine;
use super::input::Normalise;
use super::load::no_networks;
use super::logits::{logits, softmax};
use super::predict::{Experiments, Picture, predict_all};
use super::rows::prediction_table;
use crate::error::Result;
use crate::files::{ImageFile, Store};
use crate::notebook::{Progress, counted};
use crate::pixels;
use crate::stage::Named;
use crate::study::ClassList;
use crate::table::{Reject, rejects_table};

/// Every network on untouched photographs: one row a photograph and network, written to `photographs`. A photograph that
/// cannot be read is left out and listed in `photographs_rejects`.
///
/// # Errors
/// As [`run_experiments`](super::run_experiments).
pub fn run_photographs(
    store: &Store,
    networks: &[Engine],
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
    let models: Result<Vec<String>> = networks.iter().map(|network| network.fingerprint()).collect();
    let record = store.record_of_images(Named("inference", "photographs"), &(how, models?), images)?;
    if record.finished().is_some() {
        return store.table("photographs");
    }
    let networks: Vec<&Engine> = networks.iter().collect();
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

/// The classes that each network finds most likely for each of some photographs, the best first: `file, model, class` (its
/// name), `softmax, true` (whether it is the photograph's own).
///
/// # Errors
/// As [`pixels::crop_of`] and [`logits`].
pub fn top_classes(
    networks: &[Engine],
    images: &[ImageFile],
    classes: &ClassList,
    normalise: Normalise,
    count: usize,
) -> Result<DataFrame> {
    let (mut files, mut models, mut names, mut values, mut right) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for image in images {
        let picture = pixels::crop_of(&image.path)?;
        for network in networks {
            let rows = logits(network, std::slice::from_ref(&picture), normalise)?;
            let probability = softmax(&rows[0]);
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
