//! What processes have finished of a step, item by item: what a stopped run goes on with, and what shards are joined from.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::decided::Decided;
use super::item::{Outcome, Portion};
use crate::error::{Code, Error, Result};
use crate::files::{
    FORM, Journal, Measured, Records, Shard, Share, Store, Worked, is_at_work, list_anew, machine, records,
};
use crate::process::{cores, peak_bytes};

/// A process says what it has taken so far at most this often.
const OFTEN: Duration = Duration::from_secs(1);

/// Kinds of records. Those of items are not checked before they are looked at, so no changed bit makes one of another kind.
const OPENED: u8 = 1;
const BEGAN: u8 = 2;
const DONE: u8 = 4;
const TOOK: u8 = 7;
/// Bytes of a finished item before what came of it: the step's place in its file, the item's number and size, how much of
/// it was skipped.
const FINISHED_HEAD: usize = 20;

/// The first record of a process' file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Opened {
    form: u32,
    shard: Option<(u32, u32)>,
    machine: String,
    process: u32,
}

/// How far a process is with all steps of its file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Took {
    items: u64,
    seconds: f64,
    peak_bytes: u64,
    threads: u64,
}

/// Where what came of an item is.
#[derive(Debug, Clone, Copy)]
struct Place {
    number: u64,
    skipped: u32,
    file: u32,
    at: u64,
    length: u32,
}

/// What a process did, as its file says.
#[derive(Debug)]
struct File {
    opened: Opened,
    began: Vec<Decided>,
    items: Vec<u64>,
    took: Option<Took>,
}

impl File {
    /// One whose head was not read yet.
    fn unknown() -> Self {
        let opened = Opened { form: 0, shard: None, machine: String::new(), process: 0 };
        File { opened, began: Vec::new(), items: Vec::new(), took: None }
    }
}

/// What processes have finished of steps that are kept together, in one folder: each process has one file there, of all of them.
#[derive(Debug)]
pub struct PartsFolder {
    store: Store,
    folder: String,
    files: Vec<File>,
    contents: Vec<Records>,
    /// By the key of the step.
    done: HashMap<String, Vec<Place>>,
    own: Mutex<Own>,
}

/// The file of this process, once it has finished something.
#[derive(Debug)]
struct Own {
    journal: Option<Journal>,
    /// Place of each step that was begun, by its key.
    steps: HashMap<String, u32>,
    items: u64,
    began: Instant,
    /// When this process last said how far it is.
    said: Instant,
}

impl PartsFolder {
    /// What is in a folder of parts under the root.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be read.
    pub fn open(store: &Store, folder: &str) -> Result<Arc<Self>> {
        let (mut files, mut done) = (Vec::<File>::new(), HashMap::<String, Vec<Place>>::new());
        let contents = records(&store.path(folder), (DONE, FINISHED_HEAD), |file, record| {
            files.resize_with(file + 1, File::unknown);
            let of = &mut files[file];
            match record.kind {
                OPENED => {
                    if let Ok(opened) = postcard::from_bytes::<Opened>(&record.content)
                        && opened.shard.is_none_or(|(index, count)| Shard::of(index, count).is_ok())
                    {
                        of.opened = opened;
                    }
                }
                // Without a head, or of another form: it says nothing.
                _ if of.opened.form != FORM => {}
                BEGAN => {
                    if let Ok(decided) = postcard::from_bytes::<Decided>(&record.content) {
                        of.began.push(decided);
                        of.items.push(0);
                    }
                }
                TOOK => of.took = postcard::from_bytes(&record.content).ok(),
                DONE => {
                    if let Some((step, number, size, skipped)) = head_of(&record.content)
                        && let Some(decided) = of.began.get(step)
                    {
                        of.items[step] += u64::from(size);
                        let place = Place { number, skipped, file: file as u32, at: record.at, length: record.length };
                        match done.get_mut(&decided.key) {
                            Some(places) => places.push(place),
                            None => drop(done.insert(decided.key.clone(), vec![place])),
                        }
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        // Where the least was skipped first, in an order that does not depend on times.
        done.values_mut().for_each(|places| places.sort_by_key(|of| (of.number, of.skipped, of.file, of.at)));
        let began = Instant::now();
        let own = Own { journal: None, steps: HashMap::new(), items: 0, began, said: began };
        Ok(Arc::new(PartsFolder {
            store: store.clone(),
            folder: folder.into(),
            files,
            contents,
            done,
            own: Mutex::new(own),
        }))
    }

    /// The parts of one step among them.
    pub(super) fn of(self: &Arc<Self>, decided: &Decided) -> Parts {
        Parts { folder: Arc::clone(self), decided: decided.clone() }
    }

    /// Removes all of it, where others have finished its work.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be removed.
    pub(crate) fn remove(&self) -> Result<()> {
        // A shared disk keeps files that are open, and a folder with them.
        self.contents.iter().for_each(Records::close);
        self.own.lock().unwrap_or_else(PoisonError::into_inner).journal = None;
        retire(&self.store, &self.folder)
    }

    /// Waits until what this process finished is on the disk.
    ///
    /// # Errors
    /// [`Code::Io`] if the disk refuses.
    pub(crate) fn sync(&self) -> Result<()> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let (items, began) = (own.items, own.began);
        let Some(journal) = &mut own.journal else { return Ok(()) };
        took(journal, items, began)?;
        journal.sync()
    }

    /// Whether something is kept of each of so many items of a step, by its key.
    pub(super) fn there(&self, key: &str, items: usize) -> Vec<bool> {
        let mut there = vec![false; items];
        for place in self.done.get(key).into_iter().flatten().filter(|place| place.skipped == 0) {
            if let Some(slot) = there.get_mut(place.number as usize) {
                *slot = true;
            }
        }
        there
    }

    /// What each process did of a step, by its key.
    pub(super) fn workers(&self, key: &str) -> Vec<Worked> {
        let worked = |file: &File| {
            let step = file.began.iter().position(|decided| decided.key == key)?;
            Some(Worked {
                shard: file.opened.shard.and_then(|(index, count)| Shard::of(index, count).ok()),
                machine: file.opened.machine.clone(),
                process: file.opened.process,
                items: file.items[step],
            })
        };
        self.files.iter().filter_map(worked).collect()
    }

    /// What the processes took that are kept here, all steps of the folder together.
    pub(super) fn measured(&self) -> Option<Measured> {
        let took: Vec<&Took> = self.files.iter().filter_map(|file| file.took.as_ref()).collect();
        (!took.is_empty()).then(|| Measured {
            items: took.iter().map(|took| took.items).sum(),
            seconds: took.iter().map(|took| took.seconds).sum(),
            peak_bytes: took.iter().map(|took| took.peak_bytes).max().unwrap_or(0),
            threads: took.iter().map(|took| took.threads).max().unwrap_or(0),
        })
    }
}

/// Says how far this process is.
fn took(journal: &mut Journal, items: u64, began: Instant) -> Result<()> {
    let (seconds, threads) = (began.elapsed().as_secs_f64(), cores() as u64);
    let took = Took { items, seconds, peak_bytes: peak_bytes(), threads };
    let content = postcard::to_stdvec(&took)
        .map_err(|cause| Error::new(Code::Manifest, "a part of a step cannot be written").because(cause))?;
    journal.append(TOOK, &content)
}

/// Where it stays on record what the steps of a folder of parts took.
fn measured_name(folder: &str) -> String {
    format!("manifests/measured/{}.json", folder.trim_start_matches("manifests/parts/").replace('/', "_"))
}

/// Removes a folder of parts whose steps are finished; what they took stays on record, for plans, where it can be written: it is
/// no result.
///
/// # Errors
/// [`Code::Io`] if it cannot be removed.
pub(super) fn retire(store: &Store, folder: &str) -> Result<()> {
    if !store.path(folder).exists() {
        return Ok(());
    }
    let measured = PartsFolder::open(store, folder).ok().and_then(|parts| parts.measured());
    if let Some(text) = measured.and_then(|measured| serde_json::to_vec(&measured).ok()) {
        let _ = store.write_unsynced(&measured_name(folder), &text);
    }
    store.remove_folder(folder)
}

/// Makes a shared disk list the folders of parts anew.
pub(crate) fn list_parts_anew(store: &Store) {
    let parts = store.path("manifests/parts");
    let mut folders = vec![store.path("manifests"), parts.clone()];
    while let Some(folder) = folders.pop() {
        list_anew(&folder);
        let below = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        folders.extend(below.filter(|path| folder.starts_with(&parts) && path.is_dir()));
    }
}

/// How many shards the processes were of whose parts are not joined yet; the most, if they say different numbers.
///
/// # Errors
/// [`Code::Io`] if what is kept cannot be read.
pub(crate) fn begun_shards(store: &Store) -> Result<Option<u32>> {
    let mut most = None;
    let mut folders = vec!["manifests/parts".to_string()];
    while let Some(folder) = folders.pop() {
        let parts = PartsFolder::open(store, &folder)?;
        most = most.max(parts.files.iter().filter_map(|file| Some(file.opened.shard?.1)).max());
        for entry in std::fs::read_dir(store.path(&folder)).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(format!("{folder}/{}", entry.file_name().display()));
            }
        }
    }
    Ok(most)
}

fn head_of(head: &[u8]) -> Option<(usize, u64, u32, u32)> {
    let (step, rest) = head.split_first_chunk::<4>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let (skipped, _) = rest.split_first_chunk::<4>()?;
    let [step, size, skipped] = [step, size, skipped].map(|bytes| u32::from_le_bytes(*bytes));
    Some((step as usize, u64::from_le_bytes(*number), size, skipped))
}

/// The items of a step that are finished, with what came of each: numbers to the bit.
#[derive(Debug, Clone)]
pub struct Parts {
    folder: Arc<PartsFolder>,
    decided: Decided,
}

impl Parts {
    fn places(&self) -> &[Place] {
        self.folder.done.get(&self.decided.key).map_or(&[], Vec::as_slice)
    }

    /// What came of an item, if it is whole.
    fn content(&self, place: &Place) -> Result<Option<Vec<u8>>> {
        let record = self.folder.contents[place.file as usize].content(place.at, place.length)?;
        Ok(record.map(|mut record| record.split_off(FINISHED_HEAD.min(record.len()))))
    }

    /// The places of what came of an item.
    fn places_of(&self, number: usize) -> impl Iterator<Item = &Place> {
        let places = self.places();
        let from = places.partition_point(|place| place.number < number as u64);
        places[from..].iter().take_while(move |place| place.number == number as u64)
    }

    /// What came of an item, if it was finished for this very step. Where shards are joined, what was skipped counts, too: elsewhere
    /// it is tried again.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be read; where shards are joined, [`Code::Manifest`] if two processes say different things of it.
    pub fn read<T: DeserializeOwned>(&self, number: usize) -> Result<Option<T>> {
        let joins = *self.folder.store.share() == Share::Joined;
        let mut found: Option<(&Place, Vec<u8>)> = None;
        for place in self.places_of(number).filter(|place| place.skipped == 0 || joins) {
            let Some(bytes) = self.content(place)? else { continue };
            match &found {
                None => found = Some((place, bytes)),
                Some((first, other)) if place.skipped == 0 && *other != bytes => {
                    // Which one is right is not known: it is done again.
                    return if joins { Err(self.twice(number, first, place)) } else { Ok(None) };
                }
                Some(_) => {}
            }
        }
        Ok(found.and_then(|(_, bytes)| postcard::from_bytes(&bytes).ok()))
    }

    /// Whether what came of an item is there and whole, and nothing of it was skipped.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be read.
    pub(crate) fn has(&self, number: usize) -> Result<bool> {
        for place in self.places_of(number).filter(|place| place.skipped == 0) {
            if self.content(place)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The error for an item of which two processes say different things.
    fn twice(&self, number: usize, first: &Place, second: &Place) -> Error {
        let by = |place: &Place| name_of(&self.folder.files[place.file as usize].opened);
        let found = format!(
            "{}: item {number} was done twice, by {} and by {}, with different results",
            self.decided.step,
            by(first),
            by(second)
        );
        Error::new(Code::Manifest, found)
            .path(self.folder.store.path(&self.folder.folder))
            .hint("processors, or devices, of several kinds round differently: remove the folder and run the step on one kind")
    }

    /// Keeps what came of an item of a number and size, of which so much was skipped.
    ///
    /// # Errors
    /// [`Code::Io`] if the file of this process cannot be written.
    pub fn write<T: Serialize>(&self, (number, size): (usize, u64), came: &T, skipped: u64) -> Result<()> {
        let unwritten = |cause| Error::new(Code::Manifest, "a part of a step cannot be written").because(cause);
        let body = postcard::to_stdvec(came).map_err(unwritten)?;
        let mut own = self.folder.own.lock().unwrap_or_else(PoisonError::into_inner);
        let Own { journal, steps, items, began, said } = &mut *own;
        let journal = match journal {
            Some(journal) => journal,
            None => {
                let shard = match self.folder.store.share() {
                    Share::Shard(shard) => Some((shard.index(), shard.count())),
                    _ => None,
                };
                let opened = Opened { form: FORM, shard, machine: machine().into(), process: std::process::id() };
                let mut new = Journal::create(&self.folder.store.path(&self.folder.folder))?;
                new.append(OPENED, &postcard::to_stdvec(&opened).map_err(unwritten)?)?;
                journal.insert(new)
            }
        };
        let step = match steps.get(&self.decided.key) {
            Some(step) => *step,
            None => {
                journal.append(BEGAN, &postcard::to_stdvec(&self.decided).map_err(unwritten)?)?;
                let step = steps.len() as u32;
                steps.insert(self.decided.key.clone(), step);
                step
            }
        };
        let mut content = Vec::with_capacity(FINISHED_HEAD + body.len());
        content.extend(step.to_le_bytes());
        content.extend((number as u64).to_le_bytes());
        content.extend(u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
        content.extend(u32::try_from(skipped).unwrap_or(u32::MAX).to_le_bytes());
        content.extend(body);
        journal.append(DONE, &content)?;
        let first = *items == 0;
        *items += size;
        if said.elapsed() >= OFTEN || first {
            *said = Instant::now();
            took(journal, *items, *began)?;
        }
        Ok(())
    }

    /// The numbers of the items of which something is kept, in order.
    pub fn numbers(&self) -> Vec<usize> {
        let mut numbers: Vec<usize> = self.places().iter().map(|place| place.number as usize).collect();
        numbers.dedup();
        numbers
    }

    /// What came of an item, if it is there with all its files whole.
    ///
    /// # Errors
    /// As [`Parts::read`].
    pub fn outcome<T: DeserializeOwned>(&self, number: usize) -> Result<Option<Outcome<T>>> {
        let whole = |outcome: &Outcome<T>| match outcome {
            Outcome::Made(made) => made.files.iter().all(|file| self.folder.store.is_whole(file)),
            Outcome::Left(_) => true,
        };
        Ok(self.read(number)?.filter(whole))
    }

    /// Waits until what this process finished is on the disk.
    ///
    /// # Errors
    /// As [`PartsFolder::sync`].
    pub(super) fn sync(&self) -> Result<()> {
        self.folder.sync()
    }

    /// Whether something is kept of each of so many items, without a look at it.
    pub(crate) fn there(&self, items: usize) -> Vec<bool> {
        self.folder.there(&self.decided.key, items)
    }

    /// Whether something is kept of this step, as it is decided now.
    pub(super) fn has_some(&self) -> bool {
        self.folder.done.contains_key(&self.decided.key)
    }

    /// Whether some process has begun with a step of this name, of other code, parameters or inputs, too.
    pub(super) fn begun(&self) -> bool {
        self.of_this_step().next().is_some()
    }

    /// How many shards the processes that are kept here were of: the most, if they say different numbers; 0 if none was one.
    pub(super) fn shards(&self) -> u32 {
        let counts = self.of_this_step().filter_map(|(file, _)| Some(file.opened.shard?.1));
        counts.max().unwrap_or(0)
    }

    fn of_this_step(&self) -> impl Iterator<Item = (&File, usize)> {
        let began = |file: &File| file.began.iter().position(|decided| decided.step == self.decided.step);
        self.folder.files.iter().filter_map(move |file| Some((file, began(file)?)))
    }

    /// What each process did of this very step.
    pub(super) fn workers(&self) -> Vec<Worked> {
        self.folder.workers(&self.decided.key)
    }

    /// What the processes took that are kept here; else what those took that were kept here before.
    pub(super) fn measured(&self) -> Option<Measured> {
        let before = || serde_json::from_slice(&self.folder.store.read(&measured_name(&self.folder.folder)).ok()?).ok();
        self.folder.measured().or_else(before)
    }

    /// The folder.
    pub(super) fn folder(&self) -> &str {
        &self.folder.folder
    }

    /// What the devices are called that did this very step, each once.
    pub(crate) fn devices(&self) -> Vec<String> {
        let own = |decided: &&Decided| decided.key == self.decided.key && !decided.device.is_empty();
        let of = |file: &File| file.began.iter().find(own).map(|decided| decided.device.clone());
        self.folder.files.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The error for items that are not there: which shards lack how many, and what of this step is there that is something else.
    pub(super) fn gaps(&self, unit: &str, items: &[Portion<'_>], there: &[bool]) -> Error {
        let step = &self.decided.step;
        let count = self.shards().max(1);
        let mut lacking = vec![(0u64, 0u64); count as usize];
        for (Portion { id, size }, there) in items.iter().zip(there) {
            let of = &mut lacking[Shard::index_of(id, count) as usize];
            of.0 += if *there { 0 } else { *size };
            of.1 += size;
        }
        let (missing, all) = lacking.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        let last = |index: u32| {
            let of = |(file, _): &(&File, usize)| file.opened.shard == Some((index, count));
            self.of_this_step().filter(of).map(|(file, _)| file.opened.machine.as_str()).last()
        };
        let each =
            lacking.iter().enumerate().filter(|(_, (missing, _))| *missing > 0).map(|(index, (missing, all))| {
                let machine = last(index as u32).map_or("never begun".into(), |machine| format!("last on {machine}"));
                format!("shard {index}/{count} lacks {missing} of {all} ({machine})")
            });
        let each: Vec<String> = each.collect();
        let mut found = format!("{step}: {missing} of {all} {unit} are not there: {}", each.join(", "));
        for (file, began) in self.of_this_step() {
            if let Some(other) = file.began[began].differs(&self.decided) {
                found.push_str(&format!("; what {} did is {other}", name_of(&file.opened)));
            }
        }
        let working = |opened: &Opened| is_at_work(&opened.machine, opened.process);
        let now: Vec<String> =
            self.of_this_step().map(|(file, _)| &file.opened).filter(|opened| working(opened)).map(name_of).collect();
        if !now.is_empty() {
            found.push_str(&format!("; {} at work on it now: wait until it has ended", now.join(" and ")));
        }
        let first = lacking.iter().position(|(missing, _)| *missing > 0).unwrap_or(0);
        let again =
            format!("run what is missing with the same program and data, as with --shard {first}/{count}, then merge");
        Error::new(Code::Manifest, found).path(self.folder.store.path(&self.folder.folder)).hint(again)
    }
}

/// What messages call a process.
fn name_of(opened: &Opened) -> String {
    let Opened { shard, machine, process, .. } = opened;
    match shard {
        Some((index, count)) => format!("shard {index}/{count} on {machine} (process {process})"),
        None => format!("a run on {machine} (process {process})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step of a name, as it would be decided.
    fn decided(step: &str) -> Decided {
        let text = |part: &str| format!("{part} of {step}");
        let (key, code, parameters) = (text("key"), text("code"), text("parameters"));
        Decided { step: step.into(), key, code, parameters, inputs: text("inputs"), device: "cpu".into() }
    }

    #[test]
    fn a_changed_bit_anywhere_in_a_file_of_parts_takes_items_away_and_changes_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let steps = ["a", "b"].map(decided);
        let of = || PartsFolder::open(&store, "manifests/parts/ab").unwrap();
        let parts = of();
        for (step, number) in [(0, 0), (1, 0), (0, 1), (1, 1), (1, 2)] {
            parts.of(&steps[step]).write((number, 1), &vec![(step, number as f64 / 3.0)], 0).unwrap();
        }
        let path = std::fs::read_dir(store.path("manifests/parts/ab")).unwrap().next().unwrap().unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                std::fs::write(&path, &changed).unwrap();
                let folder = of();
                let mut found = 0;
                for (place, step) in steps.iter().enumerate() {
                    let parts = folder.of(step);
                    for number in parts.numbers() {
                        let Some(rows) = parts.read::<Vec<(usize, f64)>>(number).unwrap() else { continue };
                        assert_eq!(rows, [(place, number as f64 / 3.0)], "byte {at}, bit {bit}: item {number}");
                        found += 1;
                    }
                }
                assert!(found < 5, "byte {at}, bit {bit} was not noticed");
            }
        }
    }
}
