//! Networks on untouched photographs.

use std::sync::Arc;

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
use crate::stage::{Done, Named, PartsFolder, Step};
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
    let parts = PartsFolder::open(&study.store, "manifests/parts/photographs")?;
    let (done, predictions) = predict_step(&step, &steps_of(&step, networks)?, networks, (&pictures, how), &parts)?;
    let table = ScoreRow::table(scores(&predictions.rows, &pictures, &study.class_list())?)?;
    let files = study.store.write_table("photographs", &table)?.to_vec();
    step.finish(done, files)?;
    parts.remove()?;
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
    let step = study.store.step(Named("inference", name), unit, how, images)?;
    Ok(of_all(&step, networks)?.saying(format!("{name}, {}", counted(networks.len(), "network"))))
}

/// The step of a table of all networks, out of one that is of none yet.
pub(super) fn of_all(step: &Step, networks: &[Engine]) -> Result<Step> {
    let models: Result<Vec<String>> = networks.iter().map(|network| network.fingerprint()).collect();
    Ok(step.part(step.record().name(), &[("networks", &models?.join(" "))]))
}

/// The steps of each network by itself: what one says does not depend on the others.
pub(super) fn steps_of(step: &Step, networks: &[Engine]) -> Result<Vec<Step>> {
    let of = |network: &Engine| {
        let name = format!("{}/{}", step.record().name(), network.name());
        Ok(step.part(&name, &[("network", &network.fingerprint()?)]).on(&network.device().to_string()))
    };
    networks.iter().map(of).collect()
}

/// What all networks say of some pictures, batch by batch; what was skipped is listed.
pub(super) fn predict_step(
    step: &Step,
    each: &[Step],
    networks: &[Engine],
    (pictures, how): (&[Picture], &Experiments),
    parts: &Arc<PartsFolder>,
) -> Result<(Done<()>, Predictions)> {
    let networks: Vec<&Engine> = networks.iter().collect();
    let kept = Kept::named(networks.iter().map(|network| network.name()).zip(each), parts);
    let run = step.start(kept.pictures(&batches(pictures, how)));
    let mut predictions = predict_kept(&networks, pictures, how, (&kept, &run))?;
    run.finish();
    // Picture by picture, in the order of the networks.
    let place = |model: &str| networks.iter().position(|network| network.name() == model);
    predictions.rows.sort_by_key(|row| (row.picture, place(&row.model)));
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
