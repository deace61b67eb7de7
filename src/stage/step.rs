//! The one runner of steps: a step is a function from an item to its rows and files, and nothing else knows how it is kept.

use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::code::Named;
use super::item::{Item, Made, Outcome, Portion};
use super::parts::{Parts, PartsFolder, retire};
use super::record::{Record, Summary};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Planned, Shard, Share, Store, Watched, Written};
use crate::notebook::Stage;
use crate::table::{Reject, rejects_table};

/// A step on a data root.
#[derive(Debug)]
pub struct Step {
    record: Record,
    says: String,
    unit: &'static str,
    /// The folder that its files are in, if it is its own.
    folder: Option<String>,
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
        Ok(Step { record, says: of.1.to_string(), unit, folder: None })
    }
}

impl Step {
    /// The same, whose lines begin with another name.
    pub fn saying(mut self, what: impl Into<String>) -> Self {
        self.says = what.into();
        self
    }

    /// The same, which reads more than photographs: what each is called, and what identifies it.
    pub fn reading(self, more: &[(&str, &str)]) -> Self {
        Step { record: self.record.reading(more), ..self }
    }

    /// One of several steps that go through the same photographs by the same parameters, and read more: its name, what more is
    /// called, and what identifies it.
    pub(crate) fn part(&self, name: &str, more: &[(&str, &str)]) -> Step {
        Step { record: self.record.part(name, more), says: self.says.clone(), unit: self.unit, folder: None }
    }

    /// The same, done on a device of that name.
    pub fn on(self, device: &str) -> Self {
        Step { record: self.record.on(device), ..self }
    }

    /// The same, whose files are in a folder of its own: what another one left there goes ([`Record::folder`]); where shards
    /// have done some of this one, not before it is finished.
    ///
    /// # Errors
    /// As [`Record::folder`].
    pub fn owning(mut self, folder: &str, parts: &Parts) -> Result<Self> {
        if !parts.has_some() {
            self.record.folder(folder)?;
        }
        self.folder = Some(folder.to_string());
        Ok(self)
    }

    /// Whether it is finished, for what decides it now, with all its files whole.
    pub fn finished(&self) -> bool {
        self.record.plan_finished(self.unit);
        let finished = self.record.finished().is_some();
        if finished && matches!(self.record.store().share(), Share::Whole | Share::Joined) {
            // What a process left that was ended before it could, or did not see that all was joined meanwhile.
            let _ = retire(self.record.store(), &self.record.parts_folder());
        }
        finished
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

    /// The parts that were finished of it: by a run that was stopped, or by shards.
    ///
    /// # Errors
    /// As [`PartsFolder::open`].
    pub fn parts(&self) -> Result<Parts> {
        Ok(self.parts_in(&PartsFolder::open(self.record.store(), &self.record.parts_folder())?))
    }

    /// The same among those that are kept with other steps'.
    pub(crate) fn parts_in(&self, kept: &Arc<PartsFolder>) -> Parts {
        kept.of(self.record.decided())
    }

    /// Which items this process works on: of those that are not there, its share.
    ///
    /// # Errors
    /// [`Code::Manifest`] where shards are joined, and an item is not there; [`Code::Partial`] where steps are only planned.
    pub(crate) fn to_do(&self, parts: &Parts, items: &[Portion<'_>], there: &[bool]) -> Result<Vec<usize>> {
        let open = (0..items.len()).filter(|&place| !there[place]);
        match self.record.store().share() {
            Share::Whole => Ok(open.collect()),
            Share::Shard(shard) => Ok(open.filter(|&place| shard.has(items[place].id)).collect()),
            Share::Joined if there.iter().all(|there| *there) => Ok(Vec::new()),
            // Its parts are gone then.
            Share::Joined if self.record.finished().is_some() => {
                let found = format!("{}: another process has finished it meanwhile", self.record.name());
                Err(Error::new(Code::Manifest, found).hint("call this again: what is finished is taken as it is"))
            }
            Share::Joined => Err(parts.gaps(self.unit, items, there)),
            Share::Planned(plan) => {
                plan.add(self.planned(parts, (items, there), plan.shards().unwrap_or_else(|| parts.shards()).max(1)));
                Err(Error::new(Code::Partial, format!("{}: not finished", self.record.name())))
            }
        }
    }

    fn planned(&self, parts: &Parts, (items, there): (&[Portion<'_>], &[bool]), shards: u32) -> Planned {
        let (mut of_shard, mut to_do) = (vec![0; shards as usize], vec![0; shards as usize]);
        let items: Vec<(u32, u64)> = items.iter().map(|item| (Shard::index_of(item.id, shards), item.size)).collect();
        let there = parts.there(items.len()).into_iter().zip(there).map(|(kept, there)| kept || *there);
        for ((shard, size), there) in items.iter().zip(there) {
            of_shard[*shard as usize] += size;
            to_do[*shard as usize] += if there { 0 } else { *size };
        }
        let all: u64 = of_shard.iter().sum();
        Planned {
            step: self.record.name().into(),
            unit: self.unit.into(),
            items: all,
            done: all - to_do.iter().sum::<u64>(),
            finished: false,
            of_shard,
            to_do,
            begun: parts.begun(),
            workers: parts.workers(),
            measured: parts.measured(),
            watched: Some(Watched { folder: parts.folder().into(), key: self.record.key().into(), items }),
        }
    }

    /// How many are in this process' share of some items.
    pub(crate) fn own(&self, items: &[Portion<'_>]) -> u64 {
        items.iter().filter(|item| self.is_own(item)).map(|item| item.size).sum()
    }

    /// Whether an item is of this process' share.
    pub(crate) fn is_own(&self, item: &Portion<'_>) -> bool {
        match self.record.store().share() {
            Share::Shard(shard) => shard.has(item.id),
            Share::Planned(_) => false,
            Share::Whole | Share::Joined => true,
        }
    }

    /// Whether a shard has done its part, of which so many were skipped, and there is no more to do here than to join it.
    ///
    /// # Errors
    /// [`Code::Partial`] if so; [`Code::Io`] if the disk refuses what was finished.
    pub(crate) fn end_of_shard(&self, parts: &Parts, items: &[Portion<'_>], skipped: u64) -> Result<()> {
        let Share::Shard(shard) = self.record.store().share() else { return Ok(()) };
        parts.sync()?;
        let (own, all) = (self.own(items), items.iter().map(|item| item.size).sum::<u64>());
        let skipped = if skipped > 0 { format!(", {skipped} of them skipped") } else { String::new() };
        let done = format!("{}: shard {shard} has its {own} of {all} {}{skipped}", self.says, self.unit);
        Err(Error::new(Code::Partial, done).hint("`lgf merge` joins all shards"))
    }

    /// Works on each item, in parallel, and keeps what comes of it, so that a stopped run goes on. An item whose file is at
    /// fault is skipped, and tried again the next time; `<name>_rejects` says which and why.
    ///
    /// # Errors
    /// [`Code::Stopped`]; what `work` gives for any other reason than the item's file; [`Code::Image`] if more was skipped
    /// than may be; [`Code::Partial`] where a shard has done its part; [`Code::Manifest`] where shards are joined that lack something.
    pub fn each<I: Item, T: Serialize + DeserializeOwned + Send>(
        &self,
        items: &[I],
        work: impl Fn(usize, &I) -> Result<Made<T>> + Sync,
    ) -> Result<Done<T>> {
        let parts = self.parts()?;
        let portions: Vec<Portion<'_>> = items.iter().map(|item| Portion { id: item.id(), size: 1 }).collect();
        let kept = |place: usize| match self.is_own(&portions[place]) {
            true => parts.outcome::<T>(place),
            false => Ok(None),
        };
        let mut outcomes: Vec<Option<Outcome<T>>> =
            (0..items.len()).into_par_iter().map(kept).collect::<Result<_>>()?;
        let there: Vec<bool> = outcomes.iter().map(Option::is_some).collect();
        let open = self.to_do(&parts, &portions, &there)?;
        let own = self.own(&portions) as usize;
        let run = self.start(own);
        run.goes_on(own - open.len());
        let worked: Vec<Result<(usize, Outcome<T>)>> = open
            .into_par_iter()
            .map(|place| {
                run.check()?;
                let outcome = self.outcome(&items[place], work(place, &items[place]))?;
                let made = matches!(outcome, Outcome::Made(_));
                parts.write((place, 1), &outcome, u64::from(!made))?;
                if made {
                    run.tick()
                } else {
                    run.skip()
                }
                Ok((place, outcome))
            })
            .collect();
        run.check()?;
        for worked in worked {
            let (place, outcome) = worked?;
            outcomes[place] = Some(outcome);
        }
        run.finish();
        let left = |outcome: &&Option<Outcome<T>>| matches!(outcome, Some(Outcome::Left(_)));
        self.end_of_shard(&parts, &portions, outcomes.iter().filter(left).count() as u64)?;
        let outcomes = outcomes.into_iter().enumerate().filter_map(|(place, outcome)| Some((place, outcome?)));
        self.accepted(items.len(), outcomes)
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
        retire(self.record.store(), &self.record.parts_folder())
    }

    /// Marks the step as finished: the files of its items, and the tables and other files that it wrote in the end.
    ///
    /// # Errors
    /// As [`Record::finish_written`].
    pub fn finish<T>(&self, done: Done<T>, last: Vec<PathBuf>) -> Result<Summary> {
        let (ok, skipped) = (done.rows.len() as u64, done.rejects.len() as u64);
        let store = self.record.store();
        if let Some(folder) = &self.folder {
            self.record.take_folder(folder, &done.files)?;
        }
        let rejects = ["parquet", "csv"].map(|ending| store.path(&format!("{}_rejects.{ending}", self.record.name())));
        let mut files = done.files;
        for path in rejects.iter().chain(&last) {
            files.push(store.written(path)?);
        }
        self.record.finish_written(ok + skipped, ok, files)
    }
}

/// All of several steps that do not depend on each other: where a shard has done its part of one, it goes on with the next.
///
/// # Errors
/// The first error but of parts that are done; [`Code::Partial`] if there was one.
pub(crate) fn all_of<T>(steps: impl IntoIterator<Item = Result<T>>) -> Result<Vec<T>> {
    let (mut all, mut partial) = (Vec::new(), None);
    for step in steps {
        match step {
            Err(error) if error.code() == Code::Partial => partial = Some(error),
            step => all.push(step?),
        }
    }
    partial.map_or(Ok(all), Err)
}

/// Two such steps.
///
/// # Errors
/// As [`all_of`].
pub(crate) fn both<A, B>(first: Result<A>, second: impl FnOnce() -> Result<B>) -> Result<(A, B)> {
    match first {
        Err(error) if error.code() == Code::Partial => second().and(Err(error)),
        first => Ok((first?, second()?)),
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
        assert!(worked <= 30 + 10, "{worked} of 100 were worked on again");
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
