//! Observers for files: one network's decisions on a folder of stimuli, and decision files against each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use lgf::analysis::{self, ConsistencyRow};
use lgf::files::Store;
use lgf::inference::{self, Device, Experiments, Keep, Normalise, Picture};
use lgf::models::Form;
use lgf::notebook::{Progress, counted, say, warn};
use lgf::observers::{self, Decision, Trials, read_decisions, read_folder, write_decisions};
use lgf::pixels::Sight;
use lgf::protocol::Protocol;
use lgf::study::{Categories, Classes, list_stimuli};
use lgf::table::{Row, csv_text};

use crate::arguments::{Consistency, Observe};
use crate::files;

/// What one network decides on a folder of stimuli, as a decision file.
pub fn observe(given: &Observe, root: files::Root<'_>, protocol: &Protocol, device: Device) -> Result<()> {
    let (Some(out), Some(folder)) = (&given.decisions, &given.folder) else { bail!("--decisions needs a FOLDER") };
    let network = files::network(&given.which, root, device)?;
    let network = network.prepared(Form::Folded, given.batch.precision.precision())?;
    let own = [Classes::Imagenet, Classes::Sample].map(Classes::list);
    let classes = own.into_iter().find(|list| list.len() == network.classes());
    let Some(classes) = classes else {
        bail!(
            "{} outputs, and categories are known over ImageNet's 1,000 classes and the sample's 10",
            network.classes()
        )
    };
    let categories = match &given.categories {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|cause| lgf::Error::io("reading", path, cause))?;
            Categories::parse(&text, &classes).map_err(|error| error.path(path))?
        }
        None if classes.len() == 1000 => Categories::sixteen(),
        None => Categories::each(&classes),
    };
    let stimuli = list_stimuli(folder, None, &categories)?;
    let seen = if given.whole { Sight::Whole } else { Sight::AsPhotograph };
    let pictures: Vec<Picture> =
        stimuli.iter().map(|stimulus| Picture { seen, ..Picture::of(&stimulus.image) }).collect();
    let how = Experiments { normalise: Normalise::AsTrained, batch: given.batch.size.unwrap_or(16), keep: Keep::All };
    let run = Progress::bar("observe").start(pictures.len(), "pictures");
    let done = inference::predict_all(&[&network], &pictures, &how, &run)?;
    if let Some((picture, reject)) = done.rejects.into_iter().next() {
        return Err(anyhow::Error::from(reject.error().or_path(&pictures[picture].path)));
    }
    run.finish();
    let rows: Vec<_> = done
        .rows
        .iter()
        .map(|said| inference::observed(said, &stimuli[said.picture], &categories))
        .collect::<lgf::Result<Vec<_>>>()?
        .concat();
    let choice = &protocol.analysis.observers;
    let scoring = given.scoring.map_or(choice.scoring, |name| name.scoring());
    let (decisions, tied) = observers::decisions_of(&rows, network.name(), scoring, choice.ties);
    if tied > 0 {
        warn(&format!("several categories tie for the best on {}", counted(tied, "picture")));
    }
    write_decisions(out, &decisions)?;
    let trials = Trials::of("stimuli", &categories.names, &decisions, false)?;
    say(&in_words(&trials, protocol, out)?);
    Ok(())
}

/// What decisions come to, in lines.
fn in_words(trials: &Trials, protocol: &Protocol, out: &Path) -> Result<String> {
    let right = (0..trials.pictures.len()).filter(|&picture| trials.is_right(0, picture)).count();
    let mut lines = vec![format!(
        "{}: {} on {}, {right} as the category says",
        out.display(),
        counted(trials.pictures.len(), "decision"),
        counted(trials.conditions().len(), "condition")
    )];
    if trials.has_cues() {
        // Without draws: the point alone.
        let how = analysis::Observing { draws: 0, ..protocol.analysis.observers };
        if let Some(row) = analysis::shape_bias(trials, &how)?.first() {
            let bias = row.shape_bias.map_or("none".into(), |bias| format!("{bias:.4}"));
            lines.push(format!(
                "of {} whose cues differ: {} shape, {} texture, {} other, {} without a decision; shape bias {bias}",
                row.trials, row.shape, row.texture, row.other, row.missed
            ));
        }
    }
    Ok(lines.join("\n"))
}

/// Decision files against each other.
pub fn consistency(given: &Consistency, protocol: &Protocol) -> Result<()> {
    let mut files: Vec<(PathBuf, Vec<Decision>)> = Vec::new();
    for path in &given.files {
        if path.is_dir() { files.extend(read_folder(path)?) } else { files.push((path.clone(), read_decisions(path)?)) }
    }
    let how = analysis::Observing { draws: given.draws, seed: given.seed, ..protocol.analysis.observers };
    let mut rows: Vec<ConsistencyRow> = Vec::new();
    for (set, decisions) in sets_of(files) {
        let trials = Trials::of(&set, &categories_of(&decisions), &decisions, false)?;
        trials.unseen().iter().for_each(|line| warn(line));
        rows.extend(analysis::consistency(&trials, &how)?);
    }
    say(csv_text(&ConsistencyRow::table(rows)?)?.trim_end());
    Ok(())
}

/// The categories of decisions: the sixteen where all pictures are of them, else all that pictures have and observers chose.
fn categories_of(decisions: &[Decision]) -> Vec<String> {
    let sixteen = Categories::sixteen().names;
    if decisions.iter().all(|one| sixteen.iter().any(|name| **name == *one.category)) {
        return sixteen;
    }
    let mut names: Vec<String> = decisions.iter().map(|one| one.category.to_string()).collect();
    names.extend(decisions.iter().filter_map(|one| one.response.as_ref().map(ToString::to_string)));
    names.sort();
    names.dedup();
    names
}

/// Decisions by the set of stimuli that their files are named after (`<set>_<observer>_session-1.csv`); a set of which there is
/// one observer alone is left out, and said. Where all would be alone, or names say nothing, all together.
fn sets_of(files: Vec<(PathBuf, Vec<Decision>)>) -> Vec<(String, Vec<Decision>)> {
    let mut sets: BTreeMap<String, Vec<Decision>> = BTreeMap::new();
    for (path, decisions) in files {
        sets.entry(set_of(&path, &decisions).unwrap_or_default()).or_default().extend(decisions);
    }
    let alone = |decisions: &Vec<Decision>| decisions.iter().all(|one| one.observer == decisions[0].observer);
    if sets.values().all(alone) {
        return vec![("decisions".into(), sets.into_values().flatten().collect())];
    }
    sets.retain(|name, decisions| {
        if alone(decisions) {
            warn(&format!("{name}: {} is the only observer, and is left out", decisions[0].observer));
        }
        !alone(decisions)
    });
    sets.into_iter().map(|(name, all)| (if name.is_empty() { "decisions".into() } else { name }, all)).collect()
}

fn set_of(path: &Path, decisions: &[Decision]) -> Option<String> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let observer = decisions.first()?.observer.replace('_', "-");
    let at = stem.replace('_', "-").find(&format!("-{observer}-session"))?;
    Some(stem[..at].to_string())
}

/// The data root of a study without a network: nothing is to be observed.
pub fn none_to_observe(store: &Store) -> String {
    format!("observe: no set of stimuli, or no network, in {}", store.path("study.json").display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(observer: &str) -> Decision {
        Decision {
            observer: observer.into(),
            session: "1".into(),
            trial: 1,
            rt: f64::NAN,
            response: None,
            category: "cat".into(),
            condition: "0".into(),
            imagename: "1.png".into(),
        }
    }

    #[test]
    fn files_are_parted_by_the_set_in_their_names_unless_an_observer_would_be_alone() {
        let file = |name: &str, observer: &str| (PathBuf::from(name), vec![decision(observer)]);
        let names = |files: Vec<_>| sets_of(files).into_iter().map(|(name, all)| (name, all.len())).collect::<Vec<_>>();
        let four = vec![
            file("edge_subject-01_session_1.csv", "subject-01"),
            file("edge_squeezenet1_1_session-1.csv", "squeezenet1-1"),
            file("cue-conflict_subject-01_session_1.csv", "subject-01"),
            file("cue-conflict_vgg_session-1.csv", "vgg"),
        ];
        assert_eq!(names(four.clone()), [("cue-conflict".to_string(), 2), ("edge".to_string(), 2)]);
        assert_eq!(names(four[..3].to_vec()), [("edge".to_string(), 2)]);
        assert_eq!(names(four[1..3].to_vec()), [("decisions".to_string(), 2)]);
        assert_eq!(names(vec![file("a.csv", "a"), file("b.csv", "b")]), [("decisions".to_string(), 2)]);
    }
}
