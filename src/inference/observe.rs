//! Networks as observers: every network on the stimuli of a study, and what each decides by every scoring.

use std::sync::Arc;

use polars::prelude::DataFrame;

use super::engine::Engine;
use super::load::no_networks;
use super::logits::logits;
use super::photographs::{of_all, predict_step, steps_of};
use super::predict::{Experiments, Picture};
use super::prediction::Prediction;
use crate::error::{Code, Error, Result};
use crate::files::ImageFile;
use crate::notebook::counted;
use crate::observers::{Scores, decide};
use crate::pixels::{self, Sight};
use crate::stage::{Named, PartsFolder, all_of};
use crate::study::{Categories, Stimulus, StimulusFolder, Study};
use crate::table::{CategoryScoreRow, ObservedRow, Row, Scoring};

/// Every network on every set of stimuli of a study: what each decides by every scoring, `observed/<set>` ([`ObservedRow`]);
/// what was skipped in `observe/<set>_rejects`. A finished set is read back. A set's name and its table; nothing for a study
/// without stimuli.
///
/// # Errors
/// As [`run_experiments`](super::run_experiments) and [`Study::stimuli`]: what is wrong with a set is said before any picture
/// is read.
pub fn observe(study: &Study, networks: &[Engine], how: &Experiments) -> Result<Vec<(String, DataFrame)>> {
    let (sets, categories) = (study.described.stimulus_folders(), study.categories()?);
    let stimuli: Vec<Vec<Stimulus>> = sets.iter().map(|set| study.stimuli(set)).collect::<Result<_>>()?;
    let parts = PartsFolder::open(&study.store, "manifests/parts/observe")?;
    let of = |(set, stimuli): (&StimulusFolder, &Vec<Stimulus>)| {
        Ok((set.name.clone(), observe_set(study, networks, how, (set, stimuli, &categories), &parts)?))
    };
    let all = all_of(sets.iter().zip(&stimuli).map(of))?;
    study.store.makes_tables()?;
    parts.remove()?;
    Ok(all)
}

fn observe_set(
    study: &Study,
    networks: &[Engine],
    how: &Experiments,
    (set, stimuli, categories): (&StimulusFolder, &[Stimulus], &Categories),
    parts: &Arc<PartsFolder>,
) -> Result<DataFrame> {
    if networks.is_empty() {
        return Err(no_networks());
    }
    let images: Vec<ImageFile> = stimuli.iter().map(|stimulus| stimulus.image.clone()).collect();
    let decided_by = (how, set.seen, set.layout, &categories.names, &categories.classes);
    let (step, table) = (format!("observe/{}", set.name), format!("observed/{}", set.name));
    let step = study.store.step(Named("inference", &step), "pictures", &decided_by, &images)?;
    let each = steps_of(&step, networks)?;
    let step = of_all(&step, networks)?.saying(format!("{}, {}", set.name, counted(networks.len(), "network")));
    if step.finished() {
        return study.store.table(&table);
    }
    let pictures: Vec<Picture> = images.iter().map(|image| Picture { seen: set.seen, ..Picture::of(image) }).collect();
    let (done, predictions) = predict_step(&step, &each, networks, (&pictures, how), parts)?;
    let rows: Vec<Vec<ObservedRow>> = predictions
        .rows
        .iter()
        .map(|said| observed(said, &stimuli[said.picture], categories))
        .collect::<Result<_>>()?;
    let observed = ObservedRow::table(rows.concat())?;
    let files = study.store.write_table(&table, &observed)?.to_vec();
    step.finish(done, files)?;
    Ok(observed)
}

/// What a network's logits of a stimulus come to, a row a scoring.
///
/// # Errors
/// As [`Scores::of`], with the picture.
pub fn observed(said: &Prediction, stimulus: &Stimulus, categories: &Categories) -> Result<Vec<ObservedRow>> {
    let row = |scoring: Scoring| {
        let scores = Scores::of(scoring, &said.logits, categories)
            .map_err(|error| Error::new(error.code(), format!("{}: {}", said.model, error.message())))
            .map_err(|error| error.path(&stimulus.image.path))?;
        let decided = decide(&scores);
        Ok(ObservedRow {
            model: said.model.clone(),
            scoring,
            image: stimulus.name.clone(),
            file: stimulus.image.id.clone(),
            category: categories.names[stimulus.category].clone(),
            texture: stimulus.texture.map(|texture| categories.names[texture].clone()).unwrap_or_default(),
            condition: stimulus.condition.clone(),
            response: decided.category.map(|category| categories.names[category].clone()).unwrap_or_default(),
            tied: decided.tied as i64,
            category_score: scores.values[stimulus.category],
            texture_score: stimulus.texture.map(|texture| scores.values[texture]),
        })
    };
    Scoring::ALL.into_iter().map(row).collect()
}

/// The score of every category for one stimulus by a network, a row a scoring and category: from its logits to its decision.
///
/// # Errors
/// As [`View::by`](crate::pixels::View::by), [`logits`](super::logits()) and [`Scores::of`].
pub fn scores_of(
    network: &Engine,
    stimulus: &Stimulus,
    seen: Sight,
    (how, categories): (&Experiments, &Categories),
) -> Result<Vec<CategoryScoreRow>> {
    let picture = pixels::decode(&stimulus.image.path)
        .and_then(|picture| network.view().by(seen, &picture))
        .map_err(|error| error.or_path(&stimulus.image.path))?;
    let logits = logits(network, &[picture], how.normalise)?;
    let logits = logits.first().ok_or_else(|| Error::new(Code::Model, "no logits of a picture"))?;
    let cue = |category: usize| match stimulus.texture {
        Some(texture) if texture == category && texture != stimulus.category => "texture",
        Some(_) if category == stimulus.category => "shape",
        None if category == stimulus.category => "shown",
        _ => "",
    };
    let mut rows = Vec::new();
    for scoring in Scoring::ALL {
        let scores = Scores::of(scoring, logits, categories)?;
        let chosen = decide(&scores).category;
        rows.extend(scores.values.iter().enumerate().map(|(category, score)| CategoryScoreRow {
            model: network.name().to_string(),
            scoring,
            category: categories.names[category].clone(),
            score: *score,
            cue: cue(category).to_string(),
            chosen: chosen == Some(category),
        }));
    }
    Ok(rows)
}
