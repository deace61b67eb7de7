//! What there is to do of steps that are shared out, and how far all processes are with them.

use std::collections::HashMap;
use std::sync::Arc;

use super::parts::PartsFolder;
use crate::error::Result;
use crate::files::{Measured, Planned, Store};
use crate::table::{Row, table};

/// What there is to do of a step of the sequence.
#[derive(Debug, Clone)]
pub struct StepPlan {
    /// The step's name, as the command line has it.
    pub step: String,
    /// Its parts, one a table that it makes.
    pub parts: Vec<Planned>,
    /// Why nothing can be said of it yet, if so.
    pub waits: Option<String>,
}

table! {
    /// A step of a plan.
    pub struct PlanRow {
        /// The step.
        step: String,
        /// Items of all shards: photographs, or pictures of each network.
        items: i64,
        /// Those that are done.
        done: i64,
        /// How far it is, in words.
        state: String,
        /// How many shards it is planned for; 0 where nothing is left.
        shards: i64,
        /// The most that a shard has left to do.
        left: Option<i64> as "most left in a shard",
        /// What that will take it, in seconds, at the speed of what was measured.
        seconds: Option<f64> as "seconds for that",
        /// The most memory that a process had, in megabytes.
        memory: Option<i64> as "peak memory in MB",
    }
}

impl StepPlan {
    /// Items of all its parts.
    pub fn items(&self) -> u64 {
        self.parts.iter().map(|part| part.items).sum()
    }

    /// Those of them that are done.
    pub fn done(&self) -> u64 {
        self.parts.iter().map(|part| part.done).sum()
    }

    /// Whether its tables are there.
    pub fn finished(&self) -> bool {
        self.waits.is_none() && self.parts.iter().all(|part| part.finished)
    }

    /// Whether some process has begun with it.
    pub fn begun(&self) -> bool {
        self.parts.iter().any(|part| part.finished || part.done > 0 || part.begun)
    }

    /// Items of each shard that are left to do.
    pub fn to_do(&self) -> Vec<u64> {
        let count = self.parts.iter().map(|part| part.to_do.len()).max().unwrap_or(0);
        (0..count).map(|shard| self.parts.iter().filter_map(|part| part.to_do.get(shard)).sum()).collect()
    }

    /// What such work took so far.
    pub fn measured(&self) -> Option<Measured> {
        // Parts that are kept together are measured together; of others the largest stands for all.
        let measured = self.parts.iter().filter_map(|part| part.measured);
        measured.max_by_key(|measured| measured.items)
    }

    /// The time that each shard takes for what is left to do, in seconds, at the speed of what was measured.
    pub fn seconds(&self) -> Option<Vec<f64>> {
        let Measured { items, seconds, .. } = self.measured()?;
        (items > 0).then(|| self.to_do().iter().map(|left| *left as f64 * seconds / items as f64).collect())
    }

    /// How far it is, in words.
    pub fn state(&self) -> String {
        match &self.waits {
            Some(waits) => waits.clone(),
            None if self.finished() && self.items() == 0 => "nothing to do".into(),
            None if self.finished() => "finished".into(),
            None if self.items() > 0 && self.done() == self.items() => "to be merged".into(),
            None if self.begun() => "begun".into(),
            None => "to do".into(),
        }
    }

    /// As a row.
    pub fn row(&self) -> PlanRow {
        let to_do = self.to_do();
        let seconds = self.seconds().map(|all| all.into_iter().fold(0.0, f64::max));
        PlanRow {
            step: self.step.clone(),
            items: self.items() as i64,
            done: self.done() as i64,
            state: self.state(),
            shards: to_do.len() as i64,
            left: to_do.iter().max().map(|left| *left as i64),
            seconds: seconds.filter(|_| !to_do.is_empty()),
            memory: self.measured().map(|measured| (measured.peak_bytes >> 20) as i64).filter(|_| !to_do.is_empty()),
        }
    }

    /// The same as it is now, by a look at what processes have finished since; nothing if it must be planned anew, as shards were
    /// joined or begun of other inputs.
    ///
    /// # Errors
    /// [`Code::Io`](crate::error::Code::Io) if what is kept cannot be read.
    pub fn again(&self, store: &Store) -> Result<Option<StepPlan>> {
        let mut folders: HashMap<String, Arc<PartsFolder>> = HashMap::new();
        let mut again = self.clone();
        for part in &mut again.parts {
            let Some(watched) = &part.watched else { continue };
            let folder = match folders.get(&watched.folder) {
                Some(folder) => folder,
                None => {
                    let opened = PartsFolder::open(store, &watched.folder)?;
                    folders.entry(watched.folder.clone()).or_insert(opened)
                }
            };
            let there = folder.there(&watched.key, watched.items.len());
            let done = watched.items.iter().zip(&there).filter(|(_, there)| **there).map(|((_, size), _)| size).sum();
            if done < part.done {
                return Ok(None);
            }
            let mut to_do = vec![0; part.to_do.len()];
            for ((shard, size), there) in watched.items.iter().zip(&there) {
                to_do[*shard as usize] += if *there { 0 } else { *size };
            }
            (part.done, part.to_do) = (done, to_do);
            part.workers = folder.workers(&watched.key);
            part.begun |= !part.workers.is_empty();
            part.measured = folder.measured().or(part.measured);
        }
        Ok(Some(again))
    }
}

/// A plan as a table, a row a step.
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn plan_table(plans: &[StepPlan]) -> Result<polars::prelude::DataFrame> {
    PlanRow::table(plans.iter().map(StepPlan::row).collect())
}
