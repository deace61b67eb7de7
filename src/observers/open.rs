//! The decisions of all observers of a study, set by set.

use std::collections::BTreeSet;

use polars::prelude::DataFrame;

use super::file::{decision_file_name, read_folder, write_decisions};
use super::scoring::Ties;
use super::trials::{Answer, Trials, decisions_of};
use crate::error::{Code, Result};
use crate::files::check_names;
use crate::notebook::warn;
use crate::study::{DecisionFolder, StimulusFolder, Study};
use crate::table::{ObservedRow, ObserverKind, Row, Scoring, table};

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
    // Sessions of one person may lie in several folders.
    for rule in [false, true] {
        let folders = study.described.decisions.iter().filter(|own| own.stimuli == set.name && own.rule == rule);
        let folders: Vec<&DecisionFolder> = folders.collect();
        if !folders.is_empty() {
            parts.push(decided(study, &folders, &categories)?);
        }
    }
    let joined = parts.into_iter().map(Ok).reduce(|own, other| own?.joined(other?)).transpose()?;
    if let Some(trials) = &joined {
        trials.unseen().iter().for_each(|line| warn(&format!("{}: {line}", set.name)));
    }
    Ok(joined)
}

table! {
    /// An observer on a set of stimuli.
    pub struct OverviewRow {
        /// The set.
        set: String,
        /// The observer.
        observer: String,
        /// What it is.
        kind: ObserverKind,
        /// Pictures that it decided on, missed ones among them.
        trials: i64,
        /// Conditions that they are of.
        conditions: i64,
        /// Trials without an answer.
        missed: i64,
        /// Trials on which several categories tied.
        tied: i64,
        /// The share that it is right on; of two cues, as the shape says: 0 to 1.
        accuracy: f64,
    }
}

/// Who decided on what, a row a set and observer ([`OverviewRow`]).
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn overview(sets: &[Trials]) -> Result<DataFrame> {
    let mut rows = Vec::new();
    for trials in sets {
        for (place, observer) in trials.observers.iter().enumerate() {
            let seen: Vec<usize> =
                (0..trials.pictures.len()).filter(|&at| observer.answers[at] != Answer::Unseen).collect();
            let conditions: BTreeSet<&str> = seen.iter().map(|&at| trials.pictures[at].condition.as_str()).collect();
            let missed = seen.iter().filter(|&&at| observer.answers[at] == Answer::Missed).count();
            let right = seen.iter().filter(|&&at| trials.is_right(place, at)).count();
            rows.push(OverviewRow {
                set: trials.set.clone(),
                observer: observer.name.clone(),
                kind: observer.kind,
                trials: seen.len() as i64,
                conditions: conditions.len() as i64,
                missed: missed as i64,
                tied: observer.tied as i64,
                accuracy: right as f64 / seen.len().max(1) as f64,
            });
        }
    }
    OverviewRow::table(rows)
}

/// Writes the decisions of a study's networks on a set, by a scoring, as decision files: `decisions/<set>/<set>_<network>_session-1.csv`.
///
/// # Errors
/// As [`Store::rows`](crate::files::Store::rows); [`Code::Io`] if one cannot be written.
pub fn write_networks(study: &Study, set: &str, (scoring, ties): (Scoring, Ties)) -> Result<()> {
    let rows: Vec<ObservedRow> = study.store.rows(&format!("observed/{set}"))?;
    let files = study.networks().iter().map(|entry| decision_file_name(set, &entry.name));
    check_names("decision file", files.collect::<Vec<_>>().iter().map(String::as_str))?;
    for entry in study.networks() {
        let (decisions, _) = decisions_of(&rows, &entry.name, scoring, ties);
        let name = format!("decisions/{set}/{}", decision_file_name(set, &entry.name));
        write_decisions(&study.store.path(&name), &decisions)?;
    }
    Ok(())
}

/// The trials of folders of decision files on one set.
fn decided(study: &Study, folders: &[&DecisionFolder], categories: &[String]) -> Result<Trials> {
    let mut decisions = Vec::new();
    for folder in folders {
        let files = read_folder(&study.decisions_folder(folder))?;
        decisions.extend(files.into_iter().flat_map(|(_, decisions)| decisions));
    }
    let path = study.decisions_folder(folders[0]);
    Trials::of(&folders[0].stimuli, categories, &decisions, folders[0].rule).map_err(|error| match error.code() {
        Code::Table => error.or_path(&path),
        _ => error,
    })
}
