//! Step 5 on a data root: every network on every picture of the manifest.

use std::collections::HashSet;

use polars::prelude::*;
use serde::Serialize;

use super::engine::Engine;
use super::load::no_networks;
use super::predict::{Experiments, Keep, Picture, Prediction, Predictions, predict_all};
use super::rows::prediction_table;
use super::variants::predict_variants;
use crate::datasets::{self, Smoother};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Store};
use crate::notebook::{Progress, counted};
use crate::stage::{Named, Record};
use crate::study::ClassList;
use crate::table::{Reject, integers, rejects_table, stacked, texts};

/// The sets of the manifest as the published tables are named: prefix of the table, kinds of the manifest in it.
const SETS: [(&str, &[&str]); 4] = [
    ("scr", &["scrambled", "seams"]),
    ("smt", &["smoothed"]),
    ("smt_diff", &["difference", "difference inverse"]),
    ("ptd", &["patched"]),
];

/// Where the pictures of a manifest come from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// From the files that step 4 wrote.
    Files,
    /// Made on the device while the networks run, and never written; the manifest is that of [`datasets::planned`]
    /// (or of step 4) for the same photographs and parameters.
    InMemory {
        /// The sampled photographs.
        images: &'a [ImageFile],
        /// What is made of them.
        parameters: &'a datasets::Parameters,
        /// What smooths them.
        smoother: &'a dyn Smoother,
    },
}

/// Every network on every picture of the manifest (as step 4 writes it). One table a set and network,
/// `experiments/{scr,smt,smt_diff,ptd}_<network>`, and all of them together as `predictions`; what was skipped in
/// `predictions_rejects`. Pairs that are finished are not run again.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Model`] from the networks; [`Code::Io`] if the root cannot be written; [`Code::Image`] if more
/// was skipped than may be.
pub fn run_experiments(
    store: &Store,
    networks: &[Engine],
    manifest: &DataFrame,
    source: Source<'_>,
    classes: &ClassList,
    how: &Experiments,
    progress: Progress,
) -> Result<DataFrame> {
    let runner = Runner { store, networks, manifest, classes, how };
    let kinds = texts(manifest, "kind")?;
    let rows_of = |members: &[&str]| -> Vec<usize> {
        (0..kinds.len()).filter(|&row| members.contains(&kinds[row].as_str())).collect()
    };
    let known = |kind: &String| SETS.iter().any(|(_, members)| members.contains(&kind.as_str()));
    if let Some(row) = kinds.iter().position(|kind| !known(kind)) {
        let found = format!("the manifest has pictures of the kind {:?}, which belongs to no set", kinds[row]);
        let names: Vec<&str> = SETS.iter().flat_map(|(_, members)| members.iter().copied()).collect();
        return Err(Error::new(Code::Table, found)
            .place(format!("row {row}"))
            .hint(format!("kinds are {}", names.join(", "))));
    }
    if networks.is_empty() {
        return Err(no_networks());
    }
    let sets: Vec<(&str, Vec<usize>)> = SETS.iter().map(|(set, members)| (*set, rows_of(members))).collect();
    let mut rejects: Vec<Reject> = Vec::new();
    match source {
        Source::Files => {
            for (set, rows) in sets.iter().filter(|(_, rows)| !rows.is_empty()) {
                // A set's own rows, with the hash of each picture: what changes another set does not run this one again.
                let part = select(manifest, rows)?;
                let decided_by = (how, hash_of(&part)?);
                let open = runner.open(&[set], &decided_by, &[])?;
                if open.is_empty() {
                    continue;
                }
                let pictures = pictures_of(store, &part)?;
                let run = progress
                    .about(&format!("{set}, {}", counted(open.len(), "network")))
                    .start(pictures.len(), "pictures");
                let mut done = predict_all(&open, &pictures, how, &run)?;
                run.finish();
                done.rows.iter_mut().for_each(|row| row.picture = rows[row.picture]);
                done.rejects.iter_mut().for_each(|(picture, _)| *picture = rows[*picture]);
                runner.write(set, rows, &open, &done, &mut rejects, &decided_by, &[])?;
            }
        }
        Source::InMemory { images, parameters, smoother } => {
            let decided_by = (how, parameters, smoother.identity(), hash_of(manifest)?);
            let names: Vec<&str> = sets.iter().map(|(set, _)| *set).collect();
            let open = runner.open(&names, &decided_by, images)?;
            if !open.is_empty() {
                let run = progress
                    .about(&format!("in memory, {}", counted(open.len(), "network")))
                    .start(manifest.height(), "pictures");
                let done = predict_variants(&open, images, parameters, smoother, how, &run)?;
                run.finish();
                for (set, rows) in sets.iter().filter(|(_, rows)| !rows.is_empty()) {
                    runner.write(set, rows, &open, &done, &mut rejects, &decided_by, images)?;
                }
            }
        }
    }
    store.write_table("predictions_rejects", &rejects_table(&rejects)?)?;
    let mut tables = Vec::new();
    for (set, _) in sets.iter().filter(|(_, rows)| !rows.is_empty()) {
        for network in networks {
            tables.push(store.table(&table_name(set, network))?);
        }
    }
    let all = stacked(tables)?;
    store.write_table("predictions", &all)?;
    Ok(all)
}

fn table_name(set: &str, network: &Engine) -> String {
    format!("experiments/{set}_{}", network.name())
}

/// What the tables of all sets have in common.
struct Runner<'a> {
    store: &'a Store,
    networks: &'a [Engine],
    manifest: &'a DataFrame,
    classes: &'a ClassList,
    how: &'a Experiments,
}

impl Runner<'_> {
    fn record(&self, set: &str, network: &Engine, decided_by: &impl Serialize, inputs: &[ImageFile]) -> Result<Record> {
        self.store.record_of_images(
            Named("inference", &table_name(set, network)),
            &(decided_by, network.fingerprint()?),
            inputs,
        )
    }

    /// The networks that are not finished with all of some sets.
    fn open(&self, sets: &[&str], decided_by: &impl Serialize, inputs: &[ImageFile]) -> Result<Vec<&Engine>> {
        let mut open = Vec::new();
        for network in self.networks {
            for set in sets {
                if self.record(set, network, decided_by, inputs)?.finished().is_none() {
                    open.push(network);
                    break;
                }
            }
        }
        Ok(open)
    }

    /// Writes the tables of one set, whose rows of the manifest are `rows`.
    #[expect(clippy::too_many_arguments, reason = "what a set has of its own")]
    fn write(
        &self,
        set: &str,
        rows: &[usize],
        networks: &[&Engine],
        done: &Predictions,
        rejects: &mut Vec<Reject>,
        decided_by: &impl Serialize,
        inputs: &[ImageFile],
    ) -> Result<()> {
        let members: HashSet<usize> = rows.iter().copied().collect();
        let files = texts(self.manifest, "file")?;
        let skipped = done.rejects.iter().filter(|(picture, _)| members.contains(picture));
        rejects.extend(skipped.map(|(picture, error)| Reject::of("experiments", &files[*picture], error)));
        self.store.write_table("predictions_rejects", &rejects_table(rejects)?)?;
        for network in networks {
            let own = |row: &&Prediction| row.model == network.name() && members.contains(&row.picture);
            let own: Vec<Prediction> = done.rows.iter().filter(own).cloned().collect();
            let name = table_name(set, network);
            self.store.accept(&name, rows.len() as u64, own.len() as u64)?;
            let mut written = self.store.write_table(&name, &self.table(&own)?)?.to_vec();
            if self.how.keep == Keep::All {
                written.push(self.store.write_parquet(&format!("{name}_logits"), &self.logits(&own)?)?);
            }
            self.record(set, network, decided_by, inputs)?.finish(rows.len() as u64, own.len() as u64, &written)?;
        }
        Ok(())
    }

    /// The manifest's own columns beside the predictions.
    fn table(&self, predictions: &[Prediction]) -> Result<DataFrame> {
        let rows: Vec<usize> = predictions.iter().map(|prediction| prediction.picture).collect();
        let part = select(self.manifest, &rows)?;
        let pictures = pictures_of(self.store, &part)?;
        let numbered: Vec<Prediction> = predictions
            .iter()
            .enumerate()
            .map(|(picture, prediction)| Prediction { picture, ..prediction.clone() })
            .collect();
        let mut table = prediction_table(&numbered, &pictures, self.classes)?;
        for (from, to) in
            [("file", "file"), ("original", "orig_file"), ("wnid", "wnid"), ("kind", "kind"), ("fill", "fill")]
        {
            table.with_column(Column::new(to.into(), texts(&part, from)?))?;
        }
        for name in ["level", "variant", "gap"] {
            table.with_column(Column::new(name.into(), integers(&part, name)?))?;
        }
        Ok(table)
    }

    /// All logits, a row a picture: `file`, then a column a class, named by its WordNet id.
    fn logits(&self, predictions: &[Prediction]) -> Result<DataFrame> {
        let files = texts(self.manifest, "file")?;
        let names: Vec<&str> = predictions.iter().map(|row| files[row.picture].as_str()).collect();
        let mut columns = vec![Column::new("file".into(), names)];
        for (class, wnid) in self.classes.wnids.iter().enumerate() {
            let values: Vec<f64> = predictions.iter().map(|row| f64::from(row.logits[class])).collect();
            columns.push(Column::new(wnid.as_str().into(), values));
        }
        Ok(DataFrame::new(predictions.len(), columns)?)
    }
}

/// What identifies a manifest's pictures and their order.
fn hash_of(manifest: &DataFrame) -> Result<String> {
    let (files, hashes) = (texts(manifest, "file")?, texts(manifest, "sha256")?);
    let lines: Vec<String> = files.into_iter().zip(hashes).map(|(file, hash)| format!("{file} {hash}")).collect();
    Ok(crate::files::sha256_hex(lines.join("\n").as_bytes()))
}

fn select(manifest: &DataFrame, rows: &[usize]) -> Result<DataFrame> {
    let indices: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
    Ok(manifest.take(&IdxCa::from_vec("row".into(), indices))?)
}

fn pictures_of(store: &Store, manifest: &DataFrame) -> Result<Vec<Picture>> {
    let (files, wnids) = (texts(manifest, "file")?, texts(manifest, "wnid")?);
    Ok(files.into_iter().zip(wnids).map(|(file, wnid)| Picture { path: store.path(&file), wnid }).collect())
}

#[cfg(test)]
mod tests {
    use super::super::input::Normalise;
    use super::*;

    #[test]
    fn a_kind_of_picture_that_no_set_knows_is_an_error_and_so_is_a_study_without_networks() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let how = Experiments { normalise: Normalise::AsTrained, batch: 1, keep: Keep::Chosen };
        let run = |kinds: &[&str]| {
            let manifest = df!("kind" => kinds, "file" => kinds).unwrap();
            let classes = ClassList::sample();
            run_experiments(&store, &[], &manifest, Source::Files, &classes, &how, Progress::silent()).unwrap_err()
        };
        let error = run(&["scrambled", "embossed"]);
        assert_eq!((error.code(), error.at()), (Code::Table, Some("row 1")));
        assert!(
            error.to_string().contains("\"embossed\"") && error.to_string().contains("difference inverse"),
            "{error}"
        );
        assert!(run(&["scrambled"]).to_string().contains("no networks"));
    }
}
