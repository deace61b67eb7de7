//! Batches of predictions that an earlier run left.

use super::engine::Engine;
use super::prediction::{Prediction, Predictions, finite_enough};
use super::workers::on_workers;
use crate::error::Result;
use crate::notebook::Stage;
use crate::stage::{Parts, Step};
use crate::table::Reject;

/// Where batches are kept: the parts of steps, each with the networks whose predictions it holds.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<(Parts, Vec<String>)>);

impl Kept {
    /// Nowhere.
    pub(super) fn nothing() -> Self {
        Kept::default()
    }

    /// In the parts of one step, for all networks.
    ///
    /// # Errors
    /// As [`Step::parts`].
    pub(super) fn together(step: &Step, networks: &[&Engine]) -> Result<Self> {
        Ok(Kept(vec![(step.parts()?, networks.iter().map(|network| network.name().to_string()).collect())]))
    }

    /// In the parts of a step for each network.
    ///
    /// # Errors
    /// As [`Step::parts`].
    pub(super) fn each<'s>(steps: impl Iterator<Item = (&'s Step, &'s Engine)>) -> Result<Self> {
        let parts = steps.map(|(step, network)| Ok((step.parts()?, vec![network.name().to_string()])));
        Ok(Kept(parts.collect::<Result<_>>()?))
    }

    /// A batch, if all parts have it.
    fn read(&self, batch: usize) -> Option<Predictions> {
        let mut all: Option<Predictions> = None;
        for (parts, _) in &self.0 {
            let part: Predictions = parts.read(batch)?;
            match &mut all {
                Some(all) => all.rows.extend(part.rows),
                None => all = Some(part),
            }
        }
        all
    }

    /// Keeps a batch. One of which something was skipped is not kept: what was in the way may be gone the next time.
    fn write(&self, batch: usize, done: &Predictions) -> Result<()> {
        if !done.rejects.is_empty() {
            return Ok(());
        }
        for (parts, models) in &self.0 {
            let rows: Vec<&Prediction> = done.rows.iter().filter(|row| models.contains(&row.model)).collect();
            parts.write(batch, &(rows, &done.rejects))?;
        }
        Ok(())
    }

    /// Loads and works on each batch that is not kept, and keeps it; all together, batch by batch. `sizes` are the pictures of
    /// each batch.
    ///
    /// # Errors
    /// [`Code::Stopped`](crate::error::Code::Stopped); what `load` and `work` give; as [`finite_enough`].
    pub(super) fn batches<L: Send>(
        &self,
        networks: &[&Engine],
        sizes: &[usize],
        run: &Stage,
        (load, work): (impl Fn(usize) -> Result<L> + Sync, impl Fn(&[Engine], L) -> Result<Predictions> + Sync),
    ) -> Result<Predictions> {
        let mut all: Vec<Option<Predictions>> = (0..sizes.len()).map(|batch| self.read(batch)).collect();
        let open: Vec<usize> = (0..sizes.len()).filter(|&batch| all[batch].is_none()).collect();
        run.goes_on(sizes.iter().zip(&all).filter(|(_, kept)| kept.is_some()).map(|(size, _)| size).sum());
        let loaded = |&batch: &usize| {
            run.check()?;
            Ok((batch, load(batch)?))
        };
        let worked = |networks: &[Engine], (batch, loaded): (usize, L)| {
            run.check()?;
            let done = work(networks, loaded)?;
            self.write(batch, &done)?;
            Ok(done)
        };
        for (batch, done) in open.iter().zip(on_workers(networks, &open, loaded, worked)?) {
            all[*batch] = Some(done);
        }
        let mut joined = Predictions::default();
        for part in all.into_iter().flatten() {
            joined.rows.extend(part.rows);
            joined.rejects.extend(part.rejects);
        }
        let rejects: Vec<Reject> = joined.rejects.iter().map(|(_, reject)| reject.clone()).collect();
        finite_enough("logits", sizes.iter().sum(), &rejects)?;
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
            let kept = Kept::each([(&step, &network)].into_iter()).unwrap();
            let run = step.start(pictures.len());
            let done = predict_kept(&[&network], &pictures, &how, (&kept, &run)).unwrap();
            (done, run.finish())
        };
        let (first, summary) = go();
        assert_eq!((summary.ok, summary.skipped, summary.before), (6, 1, 0));
        // As if it had been stopped: one batch is not there, another was cut.
        let part = |batch: usize| store.path(&format!("manifests/parts/experiments/a/{batch:06}"));
        std::fs::remove_file(part(1)).unwrap();
        let bytes = std::fs::read(part(3)).unwrap();
        std::fs::write(part(3), &bytes[..bytes.len() - 1]).unwrap();
        let (again, summary) = go();
        assert_eq!(summary.before, 2, "one of four batches: of another a picture was skipped");
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
