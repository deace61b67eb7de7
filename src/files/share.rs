//! What part of the steps on a data root this process does: all, one of several shares, what joins them, or nothing but a plan.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Code, Error, Result};

/// What part of steps this process does.
#[derive(Debug, Clone, PartialEq)]
pub enum Share {
    /// All of it, by itself.
    Whole,
    /// The items of one shard; the tables are made where shards are joined.
    Shard(Shard),
    /// No item: what shards left is joined, and must be complete.
    Joined,
    /// Nothing: what there is to do is written down.
    Planned(Plan),
}

/// Most shards: what each lacks is counted.
const MOST: u32 = 1 << 20;

/// One of several shares that the items of a step are split into, by their identities.
///
/// ```
/// use lgf::files::Shard;
///
/// let shard: Shard = "2/4".parse()?;
/// assert_eq!(shard.to_string(), "2/4");
/// let all = (0..4).map(|index| Shard::of(index, 4)).collect::<lgf::Result<Vec<_>>>()?;
/// assert_eq!(all.iter().filter(|shard| shard.has("n01440764/n01440764_10.JPEG")).count(), 1);
/// assert!("4/4".parse::<Shard>().is_err(), "they are counted from 0");
/// # Ok::<(), lgf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// The one of a number, from 0, among so many.
    ///
    /// # Errors
    /// [`Code::Parameter`] for a number that is none of them, and for more than a million.
    pub fn of(index: u32, count: u32) -> Result<Self> {
        if index < count && count <= MOST {
            return Ok(Shard { index, count });
        }
        let found = match count {
            0 => "0 shards: at least one is needed".to_string(),
            _ if count > MOST => format!("{count} shards: at most {MOST} are told apart"),
            _ => format!("shard {index} of {count}: they are counted from 0 to {}", count - 1),
        };
        Err(Error::new(Code::Parameter, found).hint("as --shard 0/4, --shard 1/4, --shard 2/4 and --shard 3/4"))
    }

    /// That of a task of a Slurm array, by its variables (`SLURM_ARRAY_TASK_ID`, `_MIN`, `_COUNT`, `_STEP`); none outside of one.
    /// The shards of an array with gaps, such as `--array=1,5`, are not numbered by its tasks.
    ///
    /// # Errors
    /// [`Code::Parameter`] for variables that are no numbers, and for an array with gaps.
    pub fn of_slurm(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let number = |name: &str, unset: Option<u32>| {
            let text = variable(name).filter(|text| !text.trim().is_empty());
            match (text, unset) {
                (Some(text), _) => text.trim().parse::<u32>().map_err(|_| {
                    Error::new(Code::Parameter, format!("{name} is {text:?}, expected a number"))
                        .hint("say which shard this is: --shard I/N")
                }),
                (None, Some(unset)) => Ok(unset),
                (None, None) => {
                    Err(Error::new(Code::Parameter, format!("SLURM_ARRAY_TASK_ID is set, and {name} is not"))
                        .hint("say which shard this is: --shard I/N"))
                }
            }
        };
        if variable("SLURM_ARRAY_TASK_ID").is_none_or(|text| text.trim().is_empty()) {
            return Ok(None);
        }
        let task = number("SLURM_ARRAY_TASK_ID", None)?;
        let (first, count) = (number("SLURM_ARRAY_TASK_MIN", None)?, number("SLURM_ARRAY_TASK_COUNT", None)?);
        let step = number("SLURM_ARRAY_TASK_STEP", Some(1))?.max(1);
        let place = task.checked_sub(first).filter(|place| place % step == 0).map(|place| place / step);
        let shard = place.and_then(|index| Shard::of(index, count).ok());
        shard.map(Some).ok_or_else(|| {
            let found = format!("task {task} of an array of {count} that begins at {first}: the array has gaps");
            Error::new(Code::Parameter, found).hint("take an array without, as --array=0-3, or say --shard I/N")
        })
    }

    /// Its number, from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether an item is of this one: the first eight bytes of the SHA-256 of its identity, modulo the number of shards. An item
    /// more or less moves no other.
    pub fn has(self, id: &str) -> bool {
        Shard::index_of(id, self.count) == self.index
    }

    /// The number of the shard, of so many, that an item is of.
    pub(crate) fn index_of(id: &str, count: u32) -> u32 {
        if count <= 1 {
            return 0;
        }
        let digest = Sha256::digest(id.as_bytes());
        let number = digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        (number % u64::from(count)) as u32
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        let (index, count) = numbers.ok_or_else(|| {
            Error::new(Code::Parameter, format!("a shard {text:?}, expected its number and how many there are"))
                .hint("as --shard 0/4, --shard 1/4, --shard 2/4 and --shard 3/4")
        })?;
        Shard::of(index, count)
    }
}

/// What there is to do, step by step: filled by the steps that are gone through.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    shards: Option<u32>,
    steps: Arc<Mutex<Vec<Planned>>>,
}

/// A plan is the same as itself alone.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.steps, &other.steps)
    }
}

impl Plan {
    /// For so many shards; as many as there were begun if `None`.
    pub fn of(shards: Option<u32>) -> Self {
        Plan { shards, ..Plan::default() }
    }

    /// How many shards are asked for.
    pub fn shards(&self) -> Option<u32> {
        self.shards
    }

    /// The steps that were gone through, in order.
    pub fn steps(&self) -> Vec<Planned> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes a step down.
    pub(crate) fn add(&self, step: Planned) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }
}

/// What there is to do of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The step's name.
    pub step: String,
    /// What it counts, in the plural.
    pub unit: String,
    /// Items in all.
    pub items: u64,
    /// Those that are done.
    pub done: u64,
    /// Whether its tables are there.
    pub finished: bool,
    /// Items of each shard.
    pub of_shard: Vec<u64>,
    /// Those of each that are left to do.
    pub to_do: Vec<u64>,
    /// Whether some process has begun with it, or with one of its name that is of other code, parameters or inputs.
    pub begun: bool,
    /// What each process that worked on it did.
    pub workers: Vec<Worked>,
    /// What such work took so far, if any was done.
    pub measured: Option<Measured>,
    /// Where more of it will be found.
    pub(crate) watched: Option<Watched>,
}

impl Planned {
    /// A step of so many items whose tables are there.
    pub(crate) fn finished(step: &str, unit: &str, items: u64) -> Self {
        let (step, unit) = (step.to_string(), unit.to_string());
        let (of_shard, to_do, workers) = (Vec::new(), Vec::new(), Vec::new());
        Planned {
            step,
            unit,
            items,
            done: items,
            finished: true,
            of_shard,
            to_do,
            begun: true,
            workers,
            measured: None,
            watched: None,
        }
    }
}

/// What a process did of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Worked {
    /// Its share, if it was one of several.
    pub shard: Option<Shard>,
    /// The machine's name.
    pub machine: String,
    /// The process' number there.
    pub process: u32,
    /// Items that it did.
    pub items: u64,
}

/// What work took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Items that were done.
    pub items: u64,
    /// The time of all processes together, in seconds.
    pub seconds: f64,
    /// The most memory that one of them had, in bytes.
    pub peak_bytes: u64,
    /// The threads that one of them worked with.
    pub threads: u64,
}

/// Where the parts of a step are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Watched {
    pub folder: String,
    pub key: String,
    /// The shard and the size of each item.
    pub items: Vec<(u32, u64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_of_one_shard_and_shards_are_alike() {
        let ids: Vec<String> = (0..900).map(|index| format!("val/n{index}.JPEG")).collect();
        let mut counts = [0; 3];
        for id in &ids {
            let own: Vec<u32> = (0..3).filter(|&index| Shard { index, count: 3 }.has(id)).collect();
            assert_eq!(own.len(), 1);
            counts[own[0] as usize] += 1;
            assert!(Shard { index: 0, count: 1 }.has(id));
        }
        assert!(counts.iter().all(|count| (250..350).contains(count)), "{counts:?}");
    }

    #[test]
    fn bad_input_85_a_shard_that_is_none_of_them_is_refused_in_words() {
        for (text, part) in [
            ("4/4", "counted from 0 to 3"),
            ("0/0", "at least one"),
            ("7/3", "counted from 0 to 2"),
            ("-1/4", "expected its number"),
            ("1", "expected its number"),
            ("1/4/2", "expected its number"),
            ("", "expected its number"),
            ("1/99999999999", "expected its number"),
        ] {
            let error = text.parse::<Shard>().unwrap_err();
            assert_eq!(error.code(), Code::Parameter);
            assert!(error.to_string().contains(part) && error.to_string().contains("--shard 0/4"), "{error}");
        }
    }

    #[test]
    fn a_task_of_an_array_is_a_shard_and_one_of_an_array_with_gaps_is_not() {
        let of = |values: &[(&str, &str)]| {
            let values: Vec<(String, String)> =
                values.iter().map(|(name, value)| (format!("SLURM_ARRAY_TASK_{name}"), value.to_string())).collect();
            Shard::of_slurm(|name| values.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone()))
        };
        assert_eq!(of(&[]).unwrap(), None);
        let task = |id, min, count, step| of(&[("ID", id), ("MIN", min), ("COUNT", count), ("STEP", step)]);
        assert_eq!(task("3", "0", "4", "1").unwrap(), Some(Shard { index: 3, count: 4 }));
        assert_eq!(task("3", "1", "4", "1").unwrap(), Some(Shard { index: 2, count: 4 }));
        assert_eq!(task("6", "0", "4", "3").unwrap(), Some(Shard { index: 2, count: 4 }));
        assert_eq!(of(&[("ID", "1"), ("MIN", "1"), ("COUNT", "2")]).unwrap(), Some(Shard { index: 0, count: 2 }));
        for gaps in [task("5", "1", "2", "1"), task("0", "1", "2", "1"), task("4", "0", "4", "3")] {
            assert!(gaps.unwrap_err().to_string().contains("has gaps"));
        }
        assert!(
            of(&[("ID", "x"), ("MIN", "0"), ("COUNT", "4")]).unwrap_err().to_string().contains("expected a number")
        );
        assert!(of(&[("ID", "1")]).unwrap_err().to_string().contains("_MIN is not"));
    }
}
