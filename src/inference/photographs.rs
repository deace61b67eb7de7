//! Networks on untouched photographs.

use polars::prelude::DataFrame;

use super::engine::Engine;
use super::input::Normalise;
use super::kept::Kept;
use super::load::no_networks;
use super::logits::{arg_max, logits, softmax};
use super::predict::{Experiments, Picture, batches, predict_kept};
use super::prediction::Predictions;
use super::rows::scores;
use super::settings::write_settings;
use crate::error::Result;
use crate::files::ImageFile;
use crate::notebook::counted;
use crate::pixels;
use crate::stage::{Done, Named, Step};
use crate::study::{ClassList, Study};
use crate::table::{Row, ScoreRow, TopRow, table};

/// Every network on untouched photographs: one row a photograph and network ([`ScoreRow`]), written to `photographs`. A
/// photograph that cannot be read is left out and listed in `photographs_rejects`. A finished run is read back.
///
/// # Errors
/// As [`run_experiments`](super::run_experiments).
pub fn run_photographs(
    study: &Study,
    networks: &[Engine],
    images: &[ImageFile],
    how: &Experiments,
) -> Result<DataFrame> {
    let pictures: Vec<Picture> = images.iter().map(Picture::of).collect();
    let step = step_of(study, "photographs", "photographs", (networks, images, how))?;
    if step.finished() {
        return study.store.table("photographs");
    }
    let (done, predictions) = predict_step(&step, networks, &pictures, how)?;
    let table = ScoreRow::table(scores(&predictions.rows, &pictures, &study.class_list())?)?;
    let files = study.store.write_table("photographs", &table)?.to_vec();
    step.finish(done, files)?;
    Ok(table)
}

/// The step of all networks over some pictures.
pub(super) fn step_of(
    study: &Study,
    name: &str,
    unit: &'static str,
    (networks, images, how): (&[Engine], &[ImageFile], &Experiments),
) -> Result<Step> {
    if networks.is_empty() {
        return Err(no_networks());
    }
    let models: Result<Vec<String>> = networks.iter().map(|network| network.fingerprint()).collect();
    let step = study.store.step(Named("inference", name), unit, how, images)?;
    let step = step.reading(&[("networks", &models?.join(" "))]).on(&networks[0].device().to_string());
    Ok(step.saying(format!("{name}, {}", counted(networks.len(), "network"))))
}

/// What all networks say of some pictures, batch by batch; what was skipped is listed.
pub(super) fn predict_step(
    step: &Step,
    networks: &[Engine],
    pictures: &[Picture],
    how: &Experiments,
) -> Result<(Done<()>, Predictions)> {
    let networks: Vec<&Engine> = networks.iter().collect();
    let kept = Kept::together(step, &networks)?;
    let run = step.start(kept.pictures(&batches(pictures, how)));
    let predictions = predict_kept(&networks, pictures, how, (&kept, &run))?;
    run.finish();
    let (store, name) = (step.record().store(), step.record().name());
    write_settings(store, name, (&networks, &kept.devices()), how.normalise)?;
    let done = step.skipped(pictures.len(), &predictions.rejects)?;
    Ok((done, predictions))
}

/// What logits of some files say, a row a file: `file, class` (its number), `name` where names are known, `softmax`, and the
/// second best.
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn taken_for(files: &[(&str, &[f32])], names: Option<&ClassList>) -> Result<DataFrame> {
    let row = |(file, logits): &(&str, &[f32])| {
        let shares = softmax(logits);
        let best = arg_max(logits);
        let others = (0..logits.len()).filter(|class| *class != best);
        let second = others.reduce(|a, b| if logits[b] > logits[a] { b } else { a }).unwrap_or(best);
        let name = |class: usize| names.map_or_else(|| class.to_string(), |names| names.name(class));
        TakenRow {
            file: file.to_string(),
            class: best as i64,
            name: name(best),
            softmax: shares[best],
            second: name(second),
            second_softmax: shares[second],
        }
    };
    TakenRow::table(files.iter().map(row).collect())
}

table! {
    /// What a network takes a file for.
    pub struct TakenRow {
        /// The file.
        file: String,
        /// The number of the class of the largest logit.
        class: i64,
        /// Its name, or its number where no name is known.
        name: String,
        /// Its share.
        softmax: f64,
        /// The name of the second best.
        second: String,
        /// Its share.
        second_softmax: f64 as "softmax of the second",
    }
}

/// The five classes that each network finds most likely for each of some photographs, the best first ([`TopRow`]).
///
/// # Errors
/// As [`View::of`](crate::pixels::View::of) and [`logits`].
pub fn top_classes(
    study: &Study,
    networks: &[Engine],
    images: &[ImageFile],
    normalise: Normalise,
) -> Result<Vec<TopRow>> {
    const COUNT: usize = 5;
    let classes = study.class_list();
    let mut rows = Vec::new();
    for image in images {
        let photograph = pixels::decode(&image.path).map_err(|error| error.or_path(&image.path))?;
        for network in networks {
            let picture = network.view().crop(&photograph)?;
            let probability = softmax(&logits(network, std::slice::from_ref(&picture), normalise)?[0]);
            let mut order: Vec<usize> = (0..probability.len()).collect();
            order.sort_by(|&a, &b| probability[b].total_cmp(&probability[a]));
            rows.extend(order.into_iter().take(COUNT).map(|class| TopRow {
                file: image.id.clone(),
                model: network.name().to_string(),
                class: classes.name(class),
                softmax: probability[class],
                is_true: classes.index_of(&image.wnid) == Some(class),
            }));
        }
    }
    Ok(rows)
}
