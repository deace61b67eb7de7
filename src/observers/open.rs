//! The decisions of all observers of a study, set by set.

use super::file::read_folder;
use super::scoring::Ties;
use super::trials::Trials;
use crate::error::{Code, Result};
use crate::notebook::warn;
use crate::study::{DecisionFolder, StimulusFolder, Study};
use crate::table::{ObservedRow, Scoring};

/// The decisions of a study's networks, as `observed/<set>` has them by a scoring, and of the observers of its decision files:
/// one [`Trials`] a set of stimuli that anyone decided on. Of a network and a decision file of the same name the network counts.
///
/// # Errors
/// [`Code::Missing`] if the study has networks and they were not run on a set; as [`read_folder`] and [`Trials::of`], with the
/// folder.
pub fn all_trials(study: &Study, (scoring, ties): (Scoring, Ties)) -> Result<Vec<Trials>> {
    let mut all = Vec::new();
    for set in study.described.stimulus_folders() {
        all.extend(trials_on(study, &set, (scoring, ties))?);
    }
    Ok(all)
}

fn trials_on(study: &Study, set: &StimulusFolder, how: (Scoring, Ties)) -> Result<Option<Trials>> {
    let categories = study.categories()?.names;
    let mut parts: Vec<Trials> = Vec::new();
    if !study.networks().is_empty() {
        let rows: Vec<ObservedRow> = study.store.rows(&format!("observed/{}", set.name))?;
        parts.push(Trials::of_networks(&set.name, &categories, &rows, how)?);
    }
    for folder in study.described.decisions.iter().filter(|folder| folder.stimuli == set.name) {
        parts.push(decided(study, folder, &categories)?);
    }
    let joined = parts.into_iter().map(Ok).reduce(|own, other| own?.joined(other?)).transpose()?;
    if let Some(trials) = &joined {
        trials.unseen().iter().for_each(|line| warn(&format!("{}: {line}", set.name)));
    }
    Ok(joined)
}

/// The trials of a folder of decision files.
fn decided(study: &Study, folder: &DecisionFolder, categories: &[String]) -> Result<Trials> {
    let path = study.decisions_folder(folder);
    let decisions: Vec<_> = read_folder(&path)?.into_iter().flat_map(|(_, decisions)| decisions).collect();
    Trials::of(&folder.stimuli, categories, &decisions, folder.rule).map_err(|error| match error.code() {
        Code::Table => error.or_path(&path),
        _ => error,
    })
}
