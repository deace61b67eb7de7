//! Batches of predictions that this run, an earlier one or a shard has finished.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::engine::Engine;
use super::prediction::{Prediction, Predictions, finite_enough};
use super::workers::on_workers;
use crate::error::{Code, Error, Result};
use crate::files::Share;
use crate::notebook::{Progress, Stage};
use crate::stage::{Parts, PartsFolder, Portion, Step};
use crate::table::Reject;

/// Where batches are kept: the parts of a step for each network.
#[derive(Debug, Default)]
pub(super) struct Kept<'s>(Vec<(&'s Step, Parts, String)>);

impl<'s> Kept<'s> {
    /// Nowhere.
    pub(super) fn nothing() -> Self {
        Kept::default()
    }

    /// In the parts of a step for each network, by its name, all of them in one folder.
    pub(super) fn named(steps: impl Iterator<Item = (&'s str, &'s Step)>, folder: &Arc<PartsFolder>) -> Self {
        Kept(steps.map(|(network, step)| (step, step.parts_in(folder), network.to_string())).collect())
    }

    /// How many pictures of some batches this process looks at.
    pub(super) fn pictures(&self, batches: &[Portion<'_>]) -> usize {
        let own = self.0.first().map(|(step, ..)| step.own(batches));
        own.unwrap_or_else(|| batches.iter().map(|batch| batch.size).sum()) as usize
    }

    /// A batch, if all parts have all of it.
    fn read(&self, batch: usize, size: u64) -> Result<Option<Predictions>> {
        let mut all = Predictions::default();
        for (_, parts, _) in &self.0 {
            let Some(part) = parts.read::<Predictions>(batch)? else { return Ok(None) };
            if part.rows.len() + part.rejects.len() < size as usize {
                return Ok(None);
            }
            all.rows.extend(part.rows);
            all.rejects.extend(part.rejects);
        }
        Ok(Some(all.skipped_for_all()))
    }

    /// Keeps a batch. One of which something was skipped is tried again the next time: what was in the way may be gone.
    fn write(&self, batch: (usize, u64), done: &Predictions) -> Result<()> {
        let mut by_model: HashMap<&str, Vec<&Prediction>> = HashMap::new();
        done.rows.iter().for_each(|row| by_model.entry(&row.model).or_default().push(row));
        for (_, parts, model) in &self.0 {
            let rows = by_model.remove(model.as_str()).unwrap_or_default();
            parts.write(batch, &(rows, &done.rejects), done.rejects.len() as u64)?;
        }
        Ok(())
    }

    /// What the devices are called that did what is joined here; nothing where this process did it.
    pub(super) fn devices(&self) -> Vec<String> {
        let devices: BTreeSet<String> = self.0.iter().flat_map(|(_, parts, _)| parts.devices()).collect();
        devices.into_iter().collect()
    }

    /// What is kept of some batches, of which none is worked on here.
    ///
    /// # Errors
    /// As [`Step::each`] where shards are joined.
    pub(super) fn joined(&self, batches: &[Portion<'_>]) -> Result<Predictions> {
        let run = Progress::silent().start(0, "batches");
        let none = |_: usize| Err::<(), _>(Error::new(Code::Manifest, "a batch that is not there"));
        self.batches(&[], batches, &run, (none, |_: &[Engine], ()| Ok(Predictions::default())))
    }

    /// Whether this process makes something of all batches together: a shard has its own alone.
    fn joins(&self) -> bool {
        let share = self.0.first().map(|(step, ..)| step.record().store().share());
        matches!(share, None | Some(Share::Whole | Share::Joined))
    }

    /// Which batches are to be worked on.
    fn open(&self, batches: &[Portion<'_>], read: &[Option<Predictions>]) -> Result<Vec<usize>> {
        if self.0.is_empty() {
            return Ok((0..batches.len()).collect());
        }
        let (mut open, mut partial) = (BTreeSet::new(), None);
        for (step, parts, _) in &self.0 {
            let there: Vec<bool> = match self.joins() {
                true => read.iter().map(Option::is_some).collect(),
                false => {
                    let has = |batch: usize| Ok(step.is_own(&batches[batch]) && parts.has(batch)?);
                    (0..batches.len()).map(has).collect::<Result<_>>()?
                }
            };
            match step.to_do(parts, batches, &there) {
                // A plan asks every network.
                Err(error) if error.code() == Code::Partial => partial = Some(error),
                to_do => open.extend(to_do?),
            }
        }
        partial.map_or(Ok(open.into_iter().collect()), Err)
    }

    /// Loads and works on each batch that is this process' to do, and keeps it; all together, batch by batch.
    ///
    /// # Errors
    /// [`Code::Stopped`]; what `load` and `work` give; as [`finite_enough`]; as [`Step::each`] where steps are shared out.
    pub(super) fn batches<L: Send>(
        &self,
        networks: &[&Engine],
        batches: &[Portion<'_>],
        run: &Stage,
        (load, work): (impl Fn(usize) -> Result<L> + Sync, impl Fn(&[Engine], L) -> Result<Predictions> + Sync),
    ) -> Result<Predictions> {
        let joins = self.joins();
        let read = |batch: usize| {
            run.check()?;
            if joins { self.read(batch, batches[batch].size) } else { Ok(None) }
        };
        let mut all: Vec<Option<Predictions>> = (0..batches.len()).map(read).collect::<Result<_>>()?;
        let open = self.open(batches, &all)?;
        let left: u64 = open.iter().map(|&batch| batches[batch].size).sum();
        run.goes_on(self.pictures(batches) - left as usize);
        let loaded = |&batch: &usize| {
            run.check()?;
            Ok((batch, load(batch)?))
        };
        let worked = |networks: &[Engine], (batch, loaded): (usize, L)| {
            run.check()?;
            let done = work(networks, loaded)?;
            self.write((batch, batches[batch].size), &done)?;
            Ok(if joins { done } else { Predictions { rejects: done.rejects, ..Predictions::default() } })
        };
        let mut skipped = 0;
        for (batch, done) in open.iter().zip(on_workers(networks, &open, loaded, worked)?) {
            skipped += done.rejects.len() as u64;
            all[*batch] = Some(done);
        }
        for (step, parts, _) in self.0.iter().take(1) {
            step.end_of_shard(parts, batches, skipped)?;
        }
        let mut joined = Predictions::default();
        for part in all.into_iter().flatten() {
            joined.rows.extend(part.rows);
            joined.rejects.extend(part.rejects);
        }
        let rejects: Vec<Reject> = joined.rejects.iter().map(|(_, reject)| reject.clone()).collect();
        finite_enough("logits", batches.iter().map(|batch| batch.size).sum::<u64>() as usize, &rejects)?;
        Ok(joined)
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::super::device::Device;
    use super::super::input::Normalise;
    use super::super::predict::{Experiments, Keep, Picture, predict_kept};
    use super::*;
    use crate::files::Store;
    use crate::pixels;
    use crate::stage::Named;

    #[test]
    fn a_stopped_run_goes_on_with_the_next_batch_and_its_logits_are_the_same_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/slim-resnet50.pth");
        let network = Engine::load("slim-resnet50", weights, Device::Cpu).unwrap().folded().unwrap();
        let picture = |at: u8| {
            let path = folder.path().join(format!("{at}.png"));
            let picture = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, 40 * at]));
            std::fs::write(&path, pixels::encode_png(&picture).unwrap()).unwrap();
            Picture::at(path)
        };
        let mut pictures: Vec<Picture> = (0..6).map(picture).collect();
        std::fs::write(&pictures[5].path, "no picture").unwrap();
        pictures.push(picture(6));
        let store = Store::at(folder.path().join("root")).unwrap().quiet();
        let step = store.step(Named("inference", "experiments/a"), "pictures", &1, &[]).unwrap();
        let how = Experiments { normalise: Normalise::AsTrained, batch: 2, keep: Keep::Chosen };
        let go = || {
            let folder = PartsFolder::open(&store, "manifests/parts/a").unwrap();
            let kept = Kept::named([(network.name(), &step)].into_iter(), &folder);
            let run = step.start(pictures.len());
            let done = predict_kept(&[&network], &pictures, &how, (&kept, &run)).unwrap();
            (done, run.finish())
        };
        let (first, summary) = go();
        assert_eq!((summary.ok, summary.skipped, summary.before), (6, 1, 0));
        // As if it had been killed in the middle of a batch.
        let file = std::fs::read_dir(store.path("manifests/parts/a")).unwrap().next().unwrap().unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() * 2 / 3]).unwrap();
        let (again, summary) = go();
        assert!(
            (1..5).contains(&summary.before),
            "{}: not all of the five that nothing was skipped beside",
            summary.before
        );
        assert_eq!(go().1.before, 5);
        let bits = |done: &Predictions| -> Vec<(usize, Vec<u32>)> {
            done.rows
                .iter()
                .map(|row| (row.picture, row.logits.iter().map(|logit| logit.to_bits()).collect()))
                .collect()
        };
        assert_eq!(bits(&first), bits(&again));
        assert_eq!(first.rejects, again.rejects);
        assert_eq!(first.rejects[0].0, 5);
    }
}
