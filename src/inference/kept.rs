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
                // What was skipped is the same in each.
                Some(all) => all.rows.extend(part.rows),
                None => all = Some(part),
            }
        }
        all
    }

    fn write(&self, batch: usize, done: &Predictions) -> Result<()> {
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
