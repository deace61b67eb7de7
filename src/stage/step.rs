//! The one runner of steps: a step is a function from an item to its rows and files, and nothing else knows how it is kept.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::item::{Item, Made, Outcome};
use super::parts::Parts;
use super::record::{Named, Record, Summary};
use super::shard::Shard;
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Store, Written};
use crate::notebook::Stage;
use crate::table::{Reject, rejects_table};

/// Items that are kept together: what a step that is stopped loses, at most, for each thread.
const TOGETHER: usize = 16;

/// A step on a data root.
#[derive(Debug)]
pub struct Step {
    record: Record,
    says: String,
    unit: &'static str,
    shard: Shard,
}

/// What came of the items of a step: those of which something came, by their places, and those that were skipped.
#[derive(Debug)]
pub struct Done<T> {
    /// Place of each item and what was made of it, in order.
    pub rows: Vec<(usize, T)>,
    /// The files of all of them.
    pub files: Vec<Written>,
    /// What was skipped.
    pub rejects: Vec<Reject>,
}

impl Store {
    /// The step of a name over photographs, for what decides it; `unit` is what it counts, in the plural.
    ///
    /// # Errors
    /// As [`Store::record_of_images`].
    pub fn step(
        &self,
        of: Named<'_>,
        unit: &'static str,
        decided_by: &impl Serialize,
        images: &[ImageFile],
    ) -> Result<Step> {
        let record = self.record_of_images(of, decided_by, images)?;
        Ok(Step { record, says: of.1.to_string(), unit, shard: Shard::WHOLE })
    }
}

impl Step {
    /// The same, whose lines begin with another name.
    pub fn saying(mut self, what: impl Into<String>) -> Self {
        self.says = what.into();
        self
    }

    /// Whether it is finished, for what decides it now, with all its files whole.
    pub fn finished(&self) -> bool {
        self.record.finished().is_some()
    }

    /// What is on record of it.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Begins to count so many items.
    pub fn start(&self, items: usize) -> Stage {
        self.record.store().progress(&self.says).start(items, self.unit)
    }

    /// As [`start`](Step::start), under another name.
    pub(crate) fn start_as(&self, says: &str, items: usize) -> Stage {
        self.record.store().progress(says).start(items, self.unit)
    }

    /// The parts that a stopped run of it left.
    ///
    /// # Errors
    /// [`Code::Io`] if what was left for something else cannot be removed.
    pub fn parts(&self) -> Result<Parts> {
        self.record.folder(&self.record.parts_folder())?;
        Ok(Parts::new(self.record.store(), self.record.parts_folder(), self.record.key()))
    }

    /// Works on each item, in parallel and in batches that are kept, so that a stopped run goes on. An item whose file is at
    /// fault is skipped, and tried again the next time; `<name>_rejects` says which and why.
    ///
    /// # Errors
    /// [`Code::Stopped`]; what `work` gives for any other reason than the item's file; [`Code::Image`] if more was skipped
    /// than may be.
    pub fn each<I: Item, T: Serialize + DeserializeOwned + Send>(
        &self,
        items: &[I],
        work: impl Fn(usize, &I) -> Result<Made<T>> + Sync,
    ) -> Result<Done<T>> {
        let parts = self.parts()?;
        let own: Vec<usize> = (0..items.len()).filter(|&place| self.shard.has(items[place].id())).collect();
        let batches: Vec<&[usize]> = own.chunks(TOGETHER).collect();
        let run = self.start(own.len());
        let slots: Vec<Vec<Option<Outcome<T>>>> =
            batches.par_iter().enumerate().map(|(batch, items)| parts.kept(batch, items.len())).collect();
        let open: Vec<(usize, usize)> = slots
            .iter()
            .enumerate()
            .flat_map(|(batch, slot)| (0..slot.len()).filter(|&at| slot[at].is_none()).map(move |at| (batch, at)))
            .collect();
        run.goes_on(own.len() - open.len());
        let slots: Vec<Mutex<Vec<Option<Outcome<T>>>>> = slots.into_iter().map(Mutex::new).collect();
        let worked: Vec<Result<()>> = open
            .into_par_iter()
            .map(|(batch, at)| {
                run.check()?;
                let place = batches[batch][at];
                let outcome = self.outcome(&items[place], work(place, &items[place]))?;
                if matches!(outcome, Outcome::Made(_)) {
                    run.tick()
                } else {
                    run.skip()
                }
                let mut slot = slots[batch].lock().map_err(|_| Error::new(Code::Io, "a thread of this step died"))?;
                slot[at] = Some(outcome);
                if slot.iter().all(Option::is_some) {
                    parts.write(batch, &*slot)?;
                }
                Ok(())
            })
            .collect();
        run.check()?;
        worked.into_iter().collect::<Result<()>>()?;
        let slots = slots.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
        run.finish();
        let outcomes = own.iter().copied().zip(slots.flatten().flatten());
        self.accepted(own.len(), outcomes)
    }

    /// What was made of an item, or why it is skipped.
    fn outcome<I: Item, T>(&self, item: &I, made: Result<Made<T>>) -> Result<Outcome<T>> {
        match (made, item.path()) {
            (Ok(made), _) => Ok(Outcome::Made(made)),
            (Err(error), Some(path)) if error.is_of_picture(path) => {
                Ok(Outcome::Left(Reject::of(self.record.name(), item.id(), &error.or_path(path))))
            }
            (Err(error), _) => Err(error),
        }
    }

    fn accepted<T>(&self, items: usize, outcomes: impl Iterator<Item = (usize, Outcome<T>)>) -> Result<Done<T>> {
        let mut done = Done { rows: Vec::new(), files: Vec::new(), rejects: Vec::new() };
        for (place, outcome) in outcomes {
            match outcome {
                Outcome::Made(made) => {
                    done.rows.push((place, made.rows));
                    done.files.extend(made.files);
                }
                Outcome::Left(reject) => done.rejects.push(reject),
            }
        }
        self.reject(items, &done.rejects)?;
        Ok(done)
    }

    /// Writes what was skipped of so many items to `<name>_rejects`.
    ///
    /// # Errors
    /// As [`Store::accept`].
    pub fn reject(&self, items: usize, rejects: &[Reject]) -> Result<()> {
        let (store, name) = (self.record.store(), self.record.name());
        store.write_table(&format!("{name}_rejects"), &rejects_table(rejects)?)?;
        store.accept(name, items as u64, (items - rejects.len()) as u64)?;
        Ok(())
    }

    /// As [`reject`](Step::reject), for a step whose rows are kept elsewhere: as many as were not skipped.
    ///
    /// # Errors
    /// As [`Store::accept`].
    pub fn skipped(&self, items: usize, skipped: &[(usize, Reject)]) -> Result<Done<()>> {
        let name = |(_, reject): &(usize, Reject)| Reject { stage: self.record.stage().to_string(), ..reject.clone() };
        let rejects: Vec<Reject> = skipped.iter().map(name).collect();
        self.reject(items, &rejects)?;
        let rows = (0..items - rejects.len()).map(|place| (place, ())).collect();
        Ok(Done { rows, files: Vec::new(), rejects })
    }

    /// Removes what a stopped run of it would go on with, where others have finished its work.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be removed.
    pub(crate) fn forget(&self) -> Result<()> {
        self.record.store().remove_folder(&self.record.parts_folder())
    }

    /// Marks the step as finished: the files of its items, and the tables and other files that it wrote in the end.
    ///
    /// # Errors
    /// As [`Record::finish_written`].
    pub fn finish<T>(&self, done: Done<T>, last: Vec<PathBuf>) -> Result<Summary> {
        let (ok, skipped) = (done.rows.len() as u64, done.rejects.len() as u64);
        let store = self.record.store();
        let rejects = ["parquet", "csv"].map(|ending| store.path(&format!("{}_rejects.{ending}", self.record.name())));
        let mut files = done.files;
        for path in rejects.iter().chain(&last) {
            files.push(store.written(path)?);
        }
        self.record.finish_written(ok + skipped, ok, files)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn items(folder: &Path, count: usize) -> Vec<ImageFile> {
        let one = |index: usize| {
            let path = folder.join(format!("{index:03}.png"));
            std::fs::write(&path, index.to_string()).unwrap();
            ImageFile::at(path, format!("{index:03}.png"))
        };
        (0..count).map(one).collect()
    }

    /// The square of each number, and a file with it; every tenth cannot be read.
    fn squares(store: &Store, items: &[ImageFile], fails_at: Option<usize>) -> (Result<Done<f64>>, usize) {
        let count = AtomicUsize::new(0);
        let step = store.step(Named("edges", "squares"), "numbers", &7, items).unwrap();
        let done = step.each(items, |place, item| {
            count.fetch_add(1, Ordering::Relaxed);
            if Some(place) == fails_at {
                return Err(Error::new(Code::Device, "the machine went away"));
            }
            if place % 10 == 9 {
                return Err(Error::new(Code::Image, "cut").path(&item.path));
            }
            let rows = if place == 0 { f64::NAN } else { (place as f64).sqrt() };
            Ok(Made {
                rows,
                files: vec![store.write_piece(&format!("edges/{}", item.id), rows.to_string().as_bytes())?],
            })
        });
        (done, count.into_inner())
    }

    #[test]
    fn a_step_goes_on_with_the_batches_that_were_finished_and_gives_the_same_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let items = items(folder.path(), 100);
        let root = |name: &str| Store::at(folder.path().join(name)).unwrap().quiet().accepting(0.2).unwrap();
        let (whole, worked) = squares(&root("whole"), &items, None);
        let whole = whole.unwrap();
        assert_eq!((whole.rows.len(), whole.rejects.len(), worked), (90, 10, 100));

        let store = root("stopped");
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let (failed, _) = one.install(|| squares(&store, &items, Some(70)));
        assert_eq!(failed.unwrap_err().code(), Code::Device);
        let (again, worked) = squares(&store, &items, None);
        let again = again.unwrap();
        assert!(worked <= TOGETHER * 3 + 10, "{worked} of 100 were worked on again");
        let bits = |done: &Done<f64>| done.rows.iter().map(|(at, row)| (*at, row.to_bits())).collect::<Vec<_>>();
        assert_eq!(bits(&whole), bits(&again));
        assert_eq!((whole.files, whole.rejects), (again.files, again.rejects));
    }

    #[test]
    fn an_item_whose_file_was_changed_is_made_again_and_nothing_is_left_of_parts() {
        let folder = tempfile::tempdir().unwrap();
        let items = items(folder.path(), 40);
        let store = Store::at(folder.path().join("root")).unwrap().quiet().accepting(0.2).unwrap();
        squares(&store, &items, None).0.unwrap();
        store.write("edges/020.png", b"another").unwrap();
        let (done, worked) = squares(&store, &items, None);
        assert_eq!(worked, 1 + 4, "the one, and those that were skipped");
        let step = store.step(Named("edges", "squares"), "numbers", &7, &items).unwrap();
        assert!(!step.finished());
        let summary = step.finish(done.unwrap(), Vec::new()).unwrap();
        assert_eq!(summary.to_string(), "squares: 40 in = 36 ok + 4 skipped");
        assert!(step.finished() && !store.path("manifests/parts/squares").exists());
        // Another parameter is another step.
        assert!(!store.step(Named("edges", "squares"), "numbers", &8, &items).unwrap().finished());
    }

    #[test]
    fn more_that_is_skipped_than_may_be_is_an_error_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let items = items(folder.path(), 40);
        let store = Store::at(folder.path().join("root")).unwrap().quiet();
        assert!(squares(&store, &items, None).0.unwrap_err().to_string().contains("10.0 % were skipped"));
        assert_eq!(store.table("squares_rejects").unwrap().height(), 4);
    }
}
