//! Steps over very many networks without the networks: what keeping, sharing out and joining take by themselves.

use std::time::Instant;

use super::engine::Engine;
use super::kept::Kept;
use super::prediction::{Prediction, Predictions};
use super::workers::on_workers;
use crate::error::{Code, Error, Result};
use crate::files::{Plan, Shard, Share, Store};
use crate::stage::{Named, PartsFolder, Portion, Step};
use crate::table::{Row, table};

/// Pictures in a batch.
const BATCH: usize = 30;
/// Outputs of a network that is not there.
const CLASSES: usize = 10;

table! {
    /// What a network that is not there says of a picture that is none.
    pub struct RehearsedRow {
        /// The picture.
        file: String,
        /// The network.
        model: String,
        /// The largest output.
        class: i64,
        /// Its value.
        logit: f64,
    }
}

/// How large a rehearsal is.
#[derive(Debug, Clone, Copy)]
pub struct Rehearsal {
    /// Networks.
    pub networks: usize,
    /// Pictures, each of which every network sees.
    pub items: usize,
    /// Shards that they are split into.
    pub shards: u32,
}

/// What its parts took, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Took {
    /// All shards, one after another: what each keeps.
    pub shards: f64,
    /// The plan of all steps, with everything done.
    pub plan: f64,
    /// Joining them: a table a network.
    pub merge: f64,
    /// Files in the root before they were joined.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Rehearsal {
    /// Every network's step on a data root by shards, planned, and joined to tables, by the runner that steps go through; what
    /// networks say is made up, from a hash.
    ///
    /// # Errors
    /// As [`Step::each`].
    pub fn run(&self, store: &Store) -> Result<Took> {
        let files: Vec<String> =
            (0..self.items).map(|item| format!("val/n{:08}/{item:08}.JPEG", item % 1000)).collect();
        let mut began = Instant::now();
        let took = |began: &mut Instant| std::mem::replace(began, Instant::now()).elapsed().as_secs_f64();
        for index in 0..self.shards {
            let shard = Share::Shard(Shard::of(index, self.shards)?);
            self.all(&store.clone().sharing(shard), &files).map(drop).or_else(of_shard)?;
        }
        let shards = took(&mut began);
        let plan = Plan::of(Some(self.shards));
        self.all(&store.clone().sharing(Share::Planned(plan.clone())), &files).map(drop).or_else(of_shard)?;
        let done: u64 = plan.steps().iter().map(|step| step.done).sum();
        if done as usize != self.networks * self.items {
            let found = format!("a plan counts {done} of {} items", self.networks * self.items);
            return Err(Error::new(Code::Manifest, found));
        }
        let plan = took(&mut began);
        let kept = store.path(FOLDER).read_dir().into_iter().flatten().flatten();
        let sizes: Vec<u64> = kept.filter_map(|file| Some(file.metadata().ok()?.len())).collect();
        began = Instant::now();
        self.all(&store.clone().sharing(Share::Joined), &files)?;
        Ok(Took { shards, plan, merge: took(&mut began), files: sizes.len(), bytes: sizes.iter().sum() })
    }

    /// Every network's step, by the share of the store.
    fn all(&self, store: &Store, files: &[String]) -> Result<()> {
        let names: Vec<String> = (0..self.networks).map(|network| format!("network{network:04}")).collect();
        let parts = PartsFolder::open(store, FOLDER)?;
        let step = |name: &String| {
            let step = store.step(Named("inference", &format!("rehearsal/{name}")), "pictures", &BATCH, &[])?;
            Ok(step.reading(&[("network", name)]))
        };
        let steps: Vec<Step> = names.iter().map(step).collect::<Result<_>>()?;
        let batches: Vec<Portion<'_>> =
            files.chunks(BATCH).map(|files| Portion { id: &files[0], size: files.len() as u64 }).collect();
        let run = steps[0].start_as("rehearsal", self.items);
        let say = |batch: usize| Ok(batch);
        let all = |batch: usize| -> Result<Predictions> {
            let of = batch * BATCH..((batch + 1) * BATCH).min(files.len());
            let rows = names.iter().flat_map(|name| of.clone().map(move |picture| said(name, picture)));
            Ok(Predictions { rows: rows.collect(), rejects: Vec::new() })
        };
        let none: &[&Engine] = &[];
        if !matches!(store.share(), Share::Joined) {
            let kept = Kept::named(names.iter().map(String::as_str).zip(&steps), &parts);
            kept.batches(none, &batches, &run, (say, |_: &[Engine], batch| all(batch)))?;
            return Ok(());
        }
        // As a merge does.
        let join = |_: &[Engine], (step, name): (&Step, &String)| {
            let found = Kept::named([(name.as_str(), step)].into_iter(), &parts).joined(&batches)?;
            let rows = found.rows.iter().map(|row| RehearsedRow {
                file: files[row.picture].clone(),
                model: row.model.clone(),
                class: super::arg_max(&row.logits) as i64,
                logit: f64::from(row.logits.iter().copied().fold(f32::NEG_INFINITY, f32::max)),
            });
            let written = store.write_table(&format!("rehearsal/{name}"), &RehearsedRow::table(rows.collect())?)?;
            step.finish(step.skipped(files.len(), &[])?, written.to_vec()).map(drop)
        };
        let pairs: Vec<(&Step, &String)> = steps.iter().zip(&names).collect();
        on_workers(none, &pairs, |pair| Ok(*pair), join)?;
        run.finish();
        parts.remove()
    }
}

const FOLDER: &str = "manifests/parts/rehearsal";

/// That a shard, or a plan, has done its part is what is wanted of it.
fn of_shard(error: Error) -> Result<()> {
    if error.code() == Code::Partial { Ok(()) } else { Err(error) }
}

/// Outputs that depend on network and picture alone.
fn said(model: &str, picture: usize) -> Prediction {
    let seed = model.bytes().fold(picture as u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(16_777_619));
    let logit = |class: usize| (seed.rotate_left(class as u32 * 3) % 2001) as f32 / 100.0 - 10.0;
    Prediction { picture, model: model.to_string(), logits: (0..CLASSES).map(logit).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::sha256_hex;

    #[test]
    fn a_rehearsal_joins_every_item_of_every_network_whatever_the_shards() {
        let folder = tempfile::tempdir().unwrap();
        let hash = |shards: u32| {
            let store = Store::at(folder.path().join(shards.to_string())).unwrap().quiet();
            let rehearsal = Rehearsal { networks: 3, items: 200, shards };
            let took = rehearsal.run(&store).unwrap();
            assert!(took.files <= shards as usize && took.bytes > 3 * 200 * 40, "{took:?}");
            assert!(!store.path(FOLDER).exists());
            let rows: Vec<RehearsedRow> = store.rows("rehearsal/network0002").unwrap();
            assert_eq!(rows.len(), 200);
            sha256_hex(&store.read("rehearsal/network0002.parquet").unwrap())
        };
        assert_eq!(hash(1), hash(7));
    }
}
