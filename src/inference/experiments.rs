//! Step 5 on a data root: every network on every picture of the manifest.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use polars::prelude::DataFrame;
use serde::Serialize;

use super::engine::Engine;
use super::kept::Kept;
use super::load::no_networks;
use super::predict::{Experiments, Keep, Picture, batches, predict_kept};
use super::prediction::{Prediction, Predictions};
use super::rows::scores;
use super::settings::write_settings;
use super::variants::Variants;
use crate::datasets::{self, Smoother};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Share, check_room, sha256_hex};
use crate::notebook::counted;
use crate::pixels::Sight;
use crate::stage::{Named, PartsFolder, Step, all_of};
use crate::study::{ClassList, Study};
use crate::table::{ManifestRow, PredictionRow, Reject, Row, logits_table, rejects_table, stacked};

/// Where the pictures come from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// From the files that step 4 wrote, each a row of its manifest.
    Files(&'a [ManifestRow]),
    /// Made on the device while the networks run, and never written; as [`datasets::planned`] says.
    InMemory {
        /// The sampled photographs.
        images: &'a [ImageFile],
        /// What is made of them.
        parameters: &'a datasets::Parameters,
        /// What smooths them.
        smoother: &'a dyn Smoother,
    },
}

/// Every network on every picture of the manifest. One table a set and network, `experiments/<set>_<network>`
/// ([`datasets::sets`]), and all of them together as `predictions` ([`PredictionRow`]); what was skipped in
/// `predictions_rejects`. What is finished is not run again, and a stopped run goes on.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Model`] from the networks; [`Code::Table`] for a picture of a kind that no set knows;
/// [`Code::Io`] if the root cannot be written; [`Code::Image`] if more was skipped than may be.
pub fn run_experiments(study: &Study, networks: &[Engine], source: Source<'_>, how: &Experiments) -> Result<DataFrame> {
    run_as(EXPERIMENTS, study, networks, source, how)
}

/// Every network on pictures of which features were taken away, made in memory and never written: one table a set and network,
/// `features/<set>_<network>`, and all of them together as `features` ([`PredictionRow`]); what was skipped in
/// `features_rejects`. Beside that, as [`run_experiments`].
///
/// # Errors
/// As [`run_experiments`].
pub fn run_features(
    study: &Study,
    networks: &[Engine],
    (images, parameters, smoother): (&[ImageFile], &datasets::Parameters, &dyn Smoother),
    how: &Experiments,
) -> Result<DataFrame> {
    run_as(FEATURES, study, networks, Source::InMemory { images, parameters, smoother }, how)
}

/// Where tables of predictions go.
#[derive(Clone, Copy)]
struct Tables {
    /// The folder of those of a set and network.
    folder: &'static str,
    /// The name of all together.
    all: &'static str,
}

const EXPERIMENTS: Tables = Tables { folder: "experiments", all: "predictions" };
const FEATURES: Tables = Tables { folder: "features", all: "features" };

fn run_as(
    tables: Tables,
    study: &Study,
    networks: &[Engine],
    source: Source<'_>,
    how: &Experiments,
) -> Result<DataFrame> {
    if networks.is_empty() {
        return Err(no_networks());
    }
    let (manifest, images) = match source {
        Source::Files(rows) => (rows.to_vec(), &[][..]),
        Source::InMemory { images, parameters, smoother } => {
            (ManifestRow::rows(&datasets::planned(images, parameters, smoother)?.table)?, images)
        }
    };
    let of_set = match source {
        Source::InMemory { images, parameters, .. } => Some(parameters.of_set(images)?),
        Source::Files(_) => None,
    };
    datasets::recall_kinds(&study.store)?;
    let sets = sets_of(&manifest)?;
    let kinds: Vec<&datasets::Kind> =
        datasets::kinds().filter(|kind| manifest.iter().any(|row| row.kind == kind.name)).collect();
    datasets::remember_kinds(&study.store, &kinds)?;
    let runner = Runner { tables, study, networks, manifest: &manifest, images, how, classes: study.class_list() };
    let parts = PartsFolder::open(&study.store, &format!("manifests/parts/{}", tables.folder))?;
    match source {
        Source::Files(_) => drop(all_of(sets.iter().map(|set| runner.read_files(set, &parts)))?),
        Source::InMemory { parameters, smoother, .. } => {
            let parameters = of_set.as_ref().unwrap_or(parameters);
            let variants = Variants::of(images, parameters, smoother)?;
            runner.in_memory(&sets, &variants, &smoother.identity())?;
        }
    }
    study.store.not_planned()?;
    let all = runner.join(&sets)?;
    parts.remove()?;
    Ok(all)
}

/// The pictures of one set: rows of the manifest.
struct Set {
    name: &'static str,
    rows: Vec<usize>,
}

fn sets_of(manifest: &[ManifestRow]) -> Result<Vec<Set>> {
    if let Some(row) = manifest.iter().position(|row| datasets::found_kind(&row.kind, &row.file).is_none()) {
        let found = format!("the manifest has pictures of the kind {:?}, which belongs to no set", manifest[row].kind);
        let names: Vec<&str> = datasets::kinds().map(|kind| kind.name).collect();
        return Err(Error::new(Code::Table, found)
            .place(format!("row {row}"))
            .hint(format!("kinds are {}", names.join(", "))));
    }
    let rows_of = |kinds: &[&datasets::Kind]| -> Vec<usize> {
        (0..manifest.len()).filter(|&row| kinds.iter().any(|kind| kind.name == manifest[row].kind)).collect()
    };
    let all = datasets::sets().into_iter().map(|(name, kinds)| Set { name, rows: rows_of(&kinds) });
    Ok(all.filter(|set| !set.rows.is_empty()).collect())
}

/// What all sets have in common.
struct Runner<'a> {
    tables: Tables,
    study: &'a Study,
    networks: &'a [Engine],
    manifest: &'a [ManifestRow],
    /// The photographs that pictures are made of; none where they are read.
    images: &'a [ImageFile],
    how: &'a Experiments,
    classes: ClassList,
}

/// A network and its step of a set.
type Open<'a> = (&'a Engine, Step);

impl<'a> Runner<'a> {
    /// A set's own rows, with the hash of each picture: what changes another set does not run this one again.
    fn read_files(&self, set: &Set, parts: &Arc<PartsFolder>) -> Result<()> {
        let open = self.open(set, self.how, &[("pictures", &self.hash_of(&set.rows))])?;
        match self.study.store.share() {
            // One network's predictions at a time are enough where nothing is computed.
            Share::Joined => open.chunks(1).try_for_each(|one| self.read_files_for(set, one, parts)),
            _ => self.read_files_for(set, &open, parts),
        }
    }

    fn read_files_for(&self, set: &Set, open: &[Open<'a>], parts: &Arc<PartsFolder>) -> Result<()> {
        let Some((_, first)) = open.first() else { return Ok(()) };
        let picture = |&row: &usize| {
            let ManifestRow { file, wnid, .. } = &self.manifest[row];
            Picture { id: file.clone(), path: self.study.store.path(file), wnid: wnid.clone(), seen: Sight::BySize }
        };
        let pictures: Vec<Picture> = set.rows.iter().map(picture).collect();
        let networks: Vec<&Engine> = open.iter().map(|(network, _)| *network).collect();
        self.check_room(networks.len(), pictures.len())?;
        let kept = Kept::each(open.iter().map(|(network, step)| (step, *network)), parts);
        let own = kept.pictures(&batches(&pictures, self.how));
        let run = first.start_as(&self.says(set.name, networks.len()), own);
        let mut done = predict_kept(&networks, &pictures, self.how, (&kept, &run))?;
        run.finish();
        self.write_settings(&networks, &kept)?;
        done.rows.iter_mut().for_each(|row| row.picture = set.rows[row.picture]);
        done.rejects.iter_mut().for_each(|(picture, _)| *picture = set.rows[*picture]);
        self.write(set, open, &done)
    }

    /// All sets of a photograph at once, but for those that every network has finished. What a run that was killed while tables were
    /// written has not written is computed again.
    fn in_memory(&self, sets: &[Set], variants: &Variants<'_>, smoother: &str) -> Result<()> {
        let open = |set: &Set| -> Result<Vec<Open<'a>>> {
            let pictures = [("pictures", &*self.hash_of(&set.rows)), ("changes", &variants.hash_of(&set.rows))];
            self.open(set, &(self.how, smoother), &pictures)
        };
        let open: Vec<Vec<Open<'a>>> = sets.iter().map(open).collect::<Result<_>>()?;
        let left: Vec<usize> =
            sets.iter().zip(&open).filter(|(_, open)| !open.is_empty()).flat_map(|(set, _)| set.rows.clone()).collect();
        // All networks: those that are left to finish would be others while tables are written.
        let models: Result<Vec<String>> = self.networks.iter().map(|network| network.fingerprint()).collect();
        let name = format!("{}/in_memory", self.tables.folder);
        let step = self.study.store.step(Named("inference", &name), "pictures", &(self.how, smoother), self.images)?;
        let step = step.reading(&[
            ("networks", &models?.join(" ")),
            ("pictures", &self.hash_of(&left)),
            ("changes", &variants.hash_of(&left)),
        ]);
        let step = step.on(&self.networks[0].device().to_string());
        if left.is_empty() {
            self.study.store.not_planned()?;
            return step.forget();
        }
        let networks: Vec<&Engine> = self.networks.iter().collect();
        self.check_room(networks.len(), left.len())?;
        let kept = Kept::together(&step, &networks)?;
        let variants = variants.only(&left);
        let run = step.start_as(&self.says("in memory", networks.len()), kept.pictures(&variants.batches()));
        let done = variants.predict(&networks, self.how, (&kept, &run))?;
        run.finish();
        self.write_settings(&networks, &kept)?;
        sets.iter().zip(&open).try_for_each(|(set, open)| self.write(set, open, &done))?;
        step.forget()
    }

    fn write_settings(&self, networks: &[&Engine], kept: &Kept<'_>) -> Result<()> {
        write_settings(&self.study.store, self.tables.folder, (networks, &kept.devices()), self.how.normalise)
    }

    /// What is kept until a set is finished: four bytes a logit.
    fn check_room(&self, networks: usize, pictures: usize) -> Result<()> {
        check_room(self.study.store.root(), (networks * pictures * self.classes.len() * 4) as u64)
    }

    fn says(&self, what: &str, networks: usize) -> String {
        format!("{}, {what}, {}", self.tables.folder, counted(networks, "network"))
    }

    /// The networks that are not finished with a set.
    fn open(&self, set: &Set, decided_by: &impl Serialize, pictures: &[(&str, &str)]) -> Result<Vec<Open<'a>>> {
        let mut open = Vec::new();
        for network in self.networks {
            let name = self.table_name(set, network);
            let step = self.study.store.step(Named("inference", &name), "pictures", decided_by, self.images)?;
            let step = step.reading(&[("network", &network.fingerprint()?)]).reading(pictures);
            let step = step.on(&network.device().to_string());
            if !step.finished() {
                open.push((network, step));
            }
        }
        Ok(open)
    }

    /// What identifies some pictures and their order.
    fn hash_of(&self, rows: &[usize]) -> String {
        let line = |&row: &usize| format!("{} {}", self.manifest[row].file, self.manifest[row].sha256);
        sha256_hex(rows.iter().map(line).collect::<Vec<_>>().join("\n").as_bytes())
    }

    /// Writes the tables of one set.
    fn write(&self, set: &Set, open: &[Open<'a>], done: &Predictions) -> Result<()> {
        let members: HashSet<usize> = set.rows.iter().copied().collect();
        let skipped = done.rejects.iter().filter(|(picture, _)| members.contains(picture));
        // Each is a picture of the manifest, though what could not be read be the photograph.
        let name = |(picture, reject): &(usize, Reject)| {
            (*picture, Reject { member: self.manifest[*picture].file.clone(), ..reject.clone() })
        };
        let skipped: Vec<(usize, Reject)> = skipped.map(name).collect();
        for (network, step) in open {
            let own = |row: &&Prediction| row.model == network.name() && members.contains(&row.picture);
            let own: Vec<Prediction> = done.rows.iter().filter(own).cloned().collect();
            let finished = step.skipped(set.rows.len(), &skipped)?;
            let name = self.table_name(set, network);
            if own.len() + skipped.len() != set.rows.len() {
                let found =
                    format!("{name}: {} came out, of {} that went in", own.len() + skipped.len(), set.rows.len());
                return Err(Error::new(Code::Table, found)
                    .hint("two inputs, or two networks, are taken for one: give each its own name"));
            }
            let mut files = self.study.store.write_table(&name, &self.table(&own)?)?.to_vec();
            files.extend(self.logits(&name, &own)?);
            step.finish(finished, files)?;
        }
        Ok(())
    }

    fn table(&self, predictions: &[Prediction]) -> Result<DataFrame> {
        let picture = |row: &ManifestRow| Picture {
            id: row.file.clone(),
            path: self.study.store.path(&row.file),
            wnid: row.wnid.clone(),
            seen: Sight::BySize,
        };
        let pictures: Vec<Picture> = self.manifest.iter().map(picture).collect();
        let said = scores(predictions, &pictures, &self.classes)?.into_iter().zip(predictions);
        PredictionRow::table(said.map(|(said, one)| PredictionRow::of(said, &self.manifest[one.picture])).collect())
    }

    /// All logits where they are kept, a row a picture: `file`, then a column a class, named by its WordNet id.
    fn logits(&self, name: &str, predictions: &[Prediction]) -> Result<Option<PathBuf>> {
        if self.how.keep == Keep::Chosen {
            return Ok(None);
        }
        let files: Vec<&str> = predictions.iter().map(|row| self.manifest[row.picture].file.as_str()).collect();
        let values = |class: usize| predictions.iter().map(|row| f64::from(row.logits[class])).collect();
        let table = logits_table(&files, &self.classes.wnids, values)?;
        self.study.store.write_parquet(&format!("{name}_logits"), &table).map(Some)
    }

    /// The tables of all sets and networks, one below the other, and what was skipped of all.
    fn join(&self, sets: &[Set]) -> Result<DataFrame> {
        let (mut tables, mut rejects) = (Vec::new(), Vec::<Reject>::new());
        for set in sets {
            for network in self.networks {
                let name = self.table_name(set, network);
                tables.push(self.study.store.table(&name)?);
                for reject in self.study.store.rows::<Reject>(&format!("{name}_rejects"))? {
                    if !rejects.contains(&reject) {
                        rejects.push(reject);
                    }
                }
            }
        }
        self.study.store.write_table(&format!("{}_rejects", self.tables.all), &rejects_table(&rejects)?)?;
        let all = stacked(tables)?;
        self.study.store.write_table(self.tables.all, &all)?;
        Ok(all)
    }

    fn table_name(&self, set: &Set, network: &Engine) -> String {
        format!("{}/{}_{}", self.tables.folder, set.name, network.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::input::Normalise;
    use super::*;
    use crate::files::Store;
    use crate::study::{Classes, Description};

    #[test]
    fn a_kind_of_picture_that_no_set_knows_is_an_error_and_so_is_a_study_without_networks() {
        let row = |kind: &str| ManifestRow { kind: kind.into(), ..ManifestRow::example(1) };
        let error = sets_of(&[row("scrambled"), row("embossed")]).err().unwrap();
        assert_eq!((error.code(), error.at()), (Code::Table, Some("row 1")));
        assert!(
            error.to_string().contains("\"embossed\"") && error.to_string().contains("difference inverse"),
            "{error}"
        );
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap().quiet();
        let study = Study { store, described: Description::named("s", Classes::Sample) };
        let how = Experiments { normalise: Normalise::AsTrained, batch: 1, keep: Keep::Chosen };
        let error = run_experiments(&study, &[], Source::Files(&[row("scrambled")]), &how).unwrap_err();
        assert!(error.to_string().contains("no networks"));
    }
}
