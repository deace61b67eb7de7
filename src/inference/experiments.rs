//! Step 5 on a data root: every network on every picture of the manifest.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use polars::prelude::DataFrame;

use super::engine::Engine;
use super::kept::Kept;
use super::load::no_networks;
use super::photographs::steps_of;
use super::predict::{Experiments, Keep, Picture, batches, predict_kept};
use super::prediction::{Prediction, Predictions};
use super::rows::scores;
use super::settings::write_settings;
use super::variants::Variants;
use super::workers::on_workers;
use crate::datasets::{self, Smoother};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Share, sha256_hex};
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
    let picture = |ManifestRow { file, wnid, .. }: &ManifestRow| Picture {
        id: file.clone(),
        path: study.store.path(file),
        wnid: wnid.clone(),
        seen: Sight::BySize,
    };
    let pictures = manifest.iter().map(picture).collect();
    let job = Job { tables, study, manifest: &manifest, pictures, how, classes: study.class_list() };
    let base = study.store.step(Named("inference", tables.folder), "pictures", how, images)?;
    let runner = Runner { networks, base, job };
    let parts = PartsFolder::open(&study.store, &format!("manifests/parts/{}", tables.folder))?;
    match source {
        Source::Files(_) => drop(all_of(sets.iter().map(|set| runner.read_files(set, &parts)))?),
        Source::InMemory { parameters, smoother, .. } => {
            let parameters = of_set.as_ref().unwrap_or(parameters);
            let variants = Variants::of(images, parameters, smoother)?;
            runner.in_memory(&sets, (&variants, &smoother.identity()), &parts)?;
        }
    }
    study.store.makes_tables()?;
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

/// What all sets and networks have in common.
struct Job<'a> {
    tables: Tables,
    study: &'a Study,
    manifest: &'a [ManifestRow],
    /// The same as networks see them.
    pictures: Vec<Picture>,
    how: &'a Experiments,
    classes: ClassList,
}

/// Networks at a job.
struct Runner<'a> {
    networks: &'a [Engine],
    /// What all steps read: the photographs that pictures are made of; none where they are read.
    base: Step,
    job: Job<'a>,
}

/// A network and its step of a set.
type Open<'a> = (&'a Engine, Step);

/// The same without the network itself, which only computing needs.
type Called<'s> = (&'s str, &'s Step);

fn named<'s>(open: &'s [Open<'_>]) -> Vec<Called<'s>> {
    open.iter().map(|(network, step)| (network.name(), step)).collect()
}

impl<'a> Runner<'a> {
    /// A set's own rows, with the hash of each picture: what changes another set does not run this one again.
    fn read_files(&self, set: &Set, parts: &Arc<PartsFolder>) -> Result<()> {
        let open = self.open(set, &[("pictures", &self.job.hash_of(&set.rows))])?;
        let Some((_, first)) = open.first() else { return Ok(()) };
        let pictures: Vec<Picture> = set.rows.iter().map(|&row| self.job.pictures[row].clone()).collect();
        let networks: Vec<&Engine> = open.iter().map(|(network, _)| *network).collect();
        let kept = Kept::named(named(&open).into_iter(), parts);
        if *self.job.study.store.share() == Share::Joined {
            self.write_settings(&networks, &kept)?;
            // Nothing is computed: one network's predictions at a time are enough.
            let job = &self.job;
            let join = |_: &[Engine], one: Called<'_>| job.join_one(set, &pictures, one, parts);
            return on_workers(&[], &named(&open), |one| Ok(*one), join).map(drop);
        }
        self.check_room(networks.len(), pictures.len())?;
        let own = kept.pictures(&batches(&pictures, self.job.how));
        let run = first.start_as(&self.says(set.name, networks.len()), own);
        let done = predict_kept(&networks, &pictures, self.job.how, (&kept, &run))?;
        run.finish();
        self.write_settings(&networks, &kept)?;
        self.job.write(set, &named(&open), &done.placed(&set.rows))
    }

    /// All sets of a photograph at once, but for those that every network has finished. What a run that was killed while tables were
    /// written has not written is computed again.
    fn in_memory(
        &self,
        sets: &[Set],
        (variants, smoother): (&Variants<'_>, &str),
        parts: &Arc<PartsFolder>,
    ) -> Result<()> {
        let open = |set: &Set| -> Result<Vec<Open<'a>>> {
            let hashes = (self.job.hash_of(&set.rows), variants.hash_of(&set.rows));
            self.open(set, &[("pictures", &hashes.0), ("changes", &hashes.1), ("smoother", smoother)])
        };
        let open: Vec<Vec<Open<'a>>> = sets.iter().map(open).collect::<Result<_>>()?;
        let left: Vec<usize> =
            sets.iter().zip(&open).filter(|(_, open)| !open.is_empty()).flat_map(|(set, _)| set.rows.clone()).collect();
        let (store, name) = (&self.job.study.store, format!("{}/in_memory", self.job.tables.folder));
        // Of all pictures: those that are left to finish become fewer while tables are written.
        let all: Vec<usize> = sets.iter().flat_map(|set| set.rows.clone()).collect();
        let pictures =
            [("pictures", &*self.job.hash_of(&all)), ("changes", &variants.hash_of(&all)), ("smoother", smoother)];
        let steps = steps_of(&self.base.part(&name, &pictures), self.networks)?;
        if left.is_empty() {
            store.makes_tables()?;
            return parts.remove();
        }
        let networks: Vec<&Engine> = self.networks.iter().collect();
        self.check_room(networks.len(), left.len())?;
        let kept = Kept::named(networks.iter().map(|network| network.name()).zip(&steps), parts);
        let variants = variants.only(&left);
        let run = steps[0].start_as(&self.says("in memory", networks.len()), kept.pictures(&variants.batches()));
        let done = variants.predict(&networks, self.job.how, (&kept, &run))?;
        run.finish();
        self.write_settings(&networks, &kept)?;
        sets.iter().zip(&open).try_for_each(|(set, open)| self.job.write(set, &named(open), &done))
    }

    fn write_settings(&self, networks: &[&Engine], kept: &Kept<'_>) -> Result<()> {
        let Job { study, tables, how, .. } = &self.job;
        write_settings(&study.store, tables.folder, (networks, &kept.devices()), how.normalise)
    }

    /// What is kept until a set is finished: four bytes a logit.
    fn check_room(&self, networks: usize, pictures: usize) -> Result<()> {
        self.job.study.store.check_room((networks * pictures * self.job.classes.len() * 4) as u64)
    }

    fn says(&self, what: &str, networks: usize) -> String {
        format!("{}, {what}, {}", self.job.tables.folder, counted(networks, "network"))
    }

    /// The networks that are not finished with a set.
    fn open(&self, set: &Set, pictures: &[(&str, &str)]) -> Result<Vec<Open<'a>>> {
        let mut open = Vec::new();
        for network in self.networks {
            let name = self.job.table_name(set, network.name());
            let step = self.base.part(&name, &[("network", &network.fingerprint()?)]);
            let step = step.reading(pictures).on(&network.device().to_string());
            if !step.finished() {
                open.push((network, step));
            }
        }
        Ok(open)
    }

    /// The tables of all sets and networks, one below the other, and what was skipped of all.
    fn join(&self, sets: &[Set]) -> Result<DataFrame> {
        let (store, tables) = (&self.job.study.store, self.job.tables);
        let (mut all, mut rejects) = (Vec::new(), Vec::<Reject>::new());
        for set in sets {
            for network in self.networks {
                let name = self.job.table_name(set, network.name());
                all.push(store.table(&name)?);
                for reject in store.rows::<Reject>(&format!("{name}_rejects"))? {
                    if !rejects.contains(&reject) {
                        rejects.push(reject);
                    }
                }
            }
        }
        store.write_table(&format!("{}_rejects", tables.all), &rejects_table(&rejects)?)?;
        let all = stacked(all)?;
        store.write_table(tables.all, &all)?;
        Ok(all)
    }
}

impl Job<'_> {
    /// What shards did for one network on a set, as its table.
    fn join_one(
        &self,
        set: &Set,
        pictures: &[Picture],
        (name, step): Called<'_>,
        parts: &Arc<PartsFolder>,
    ) -> Result<()> {
        let kept = Kept::named([(name, step)].into_iter(), parts);
        let done = kept.joined(&batches(pictures, self.how))?;
        self.write(set, &[(name, step)], &done.placed(&set.rows))
    }

    /// What identifies some pictures and their order.
    fn hash_of(&self, rows: &[usize]) -> String {
        let line = |&row: &usize| format!("{} {}", self.manifest[row].file, self.manifest[row].sha256);
        sha256_hex(rows.iter().map(line).collect::<Vec<_>>().join("\n").as_bytes())
    }

    /// Writes the tables of one set.
    fn write(&self, set: &Set, open: &[Called<'_>], done: &Predictions) -> Result<()> {
        let members: HashSet<usize> = set.rows.iter().copied().collect();
        let skipped = done.rejects.iter().filter(|(picture, _)| members.contains(picture));
        // Each is a picture of the manifest, though what could not be read be the photograph.
        let name = |(picture, reject): &(usize, Reject)| {
            (*picture, Reject { member: self.manifest[*picture].file.clone(), ..reject.clone() })
        };
        let skipped: Vec<(usize, Reject)> = skipped.map(name).collect();
        for (network, step) in open {
            let own = |row: &&Prediction| row.model == *network && members.contains(&row.picture);
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
        let said = scores(predictions, &self.pictures, &self.classes)?.into_iter().zip(predictions);
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

    fn table_name(&self, set: &Set, network: &str) -> String {
        format!("{}/{}_{network}", self.tables.folder, set.name)
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
