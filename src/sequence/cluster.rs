//! The sequence shared out over machines: what there is to do, and joining what shards did.

use super::run::{Run, StepOf};
use crate::error::{Code, Error, Result};
use crate::files::{Plan, Planned, Share};
use crate::notebook::go_on;
use crate::stage::{StepPlan, begun_shards, list_parts_anew};
use crate::study::Study;

/// The steps of the sequence that have items, which can be shared out.
const SHARED: [&str; 8] =
    ["1 boxes", "3 edges", "4 datasets", "5 run", "5 features", "5 observe", "5.2 relevance", "5.3 overlap"];

/// What joining shards came to.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The steps that are finished.
    pub steps: Vec<String>,
    /// The step that no shard has begun.
    pub next: Option<String>,
}

impl Run {
    /// The same run, of whose steps this process does that share.
    pub fn sharing(&self, share: Share) -> Run {
        Run { study: Study { store: self.store().clone().sharing(share), ..self.study.clone() }, ..self.clone() }
    }

    /// Whether a step of that name, as [`Run::steps`] has it, has items to share out.
    pub fn is_shared(name: &str) -> bool {
        SHARED.contains(&name)
    }

    /// What there is to do of each step that has items, for so many shards; for as many as there were begun if `None`. Nothing is
    /// written.
    ///
    /// # Errors
    /// What keeps a step from being planned, but that an earlier one is not finished.
    pub fn plan(&self, shards: Option<u32>) -> Result<Vec<StepPlan>> {
        let mut plans: Vec<StepPlan> = Vec::new();
        // For all steps alike.
        let shards = match shards {
            None => begun_shards(self.store())?,
            given => given,
        };
        for (name, step) in self.steps().into_iter().filter(|(name, _)| Run::is_shared(name)) {
            let open = plans.iter().find(|plan| !plan.finished()).map(|plan| plan.step.clone());
            plans.push(self.plan_of(name, step, shards, open)?);
        }
        Ok(plans)
    }

    fn plan_of(&self, name: &str, step: StepOf, shards: Option<u32>, open: Option<String>) -> Result<StepPlan> {
        let (parts, missing) = self.look_at(step, shards)?;
        let waits =
            missing.map(|error| open.map_or_else(|| error.message().into(), |open| format!("waits for {open}")));
        Ok(StepPlan { step: short(name).to_string(), parts, waits })
    }

    /// The parts of a step, and what is missing for it.
    fn look_at(&self, step: StepOf, shards: Option<u32>) -> Result<(Vec<Planned>, Option<Error>)> {
        let plan = Plan::of(shards);
        let quiet = Study { store: self.store().clone().quiet(), ..self.study.clone() };
        let planned = Run { study: quiet, ..self.clone() };
        let missing = match step(&planned.sharing(Share::Planned(plan.clone()))) {
            Err(error) if error.code() == Code::Missing => Some(error),
            Err(error) if error.code() != Code::Partial => return Err(error),
            _ => None,
        };
        Ok((plan.steps(), missing))
    }

    /// Joins what shards did of each step, in order, and does the steps without items in between; ends at the first that no shard
    /// has begun, which must not be `until` or an earlier one.
    ///
    /// # Errors
    /// [`Code::Manifest`] where a step was begun and something of it is not there, was done twice with different results, or is of
    /// other code, parameters or inputs, and where `until` is not reached; as the steps.
    pub fn merge(&self, until: Option<&str>) -> Result<Merged> {
        let joined = self.sharing(Share::Joined);
        let (mut steps, mut reached) = (Vec::new(), until.is_none());
        list_parts_anew(self.store());
        for (name, step) in self.steps() {
            go_on()?;
            if Run::is_shared(name) && !self.has_something_to_join(step)? {
                let next = short(name).to_string();
                if reached {
                    return Ok(Merged { steps, next: Some(next) });
                }
                let found = format!("{next}: nothing is there to be joined, of no shard");
                return Err(Error::new(Code::Manifest, found)
                    .hint(format!("run its shards on this data root, as `lgf {next} --shard 0/4`, then merge")));
            }
            step(&joined)?;
            reached |= until == Some(short(name));
            steps.push(short(name).to_string());
        }
        Ok(Merged { steps, next: None })
    }

    /// Whether some process has begun with a step, or there is nothing to do of it.
    fn has_something_to_join(&self, step: StepOf) -> Result<bool> {
        let (parts, missing) = self.look_at(step, None)?;
        if let Some(error) = missing {
            return Err(error);
        }
        let plan = StepPlan { step: String::new(), parts, waits: None };
        Ok(plan.begun() || plan.items() == 0)
    }
}

/// A step's name as the command line has it: `edges` of `3 edges`.
fn short(name: &str) -> &str {
    name.split_once(' ').map_or(name, |(_, name)| name)
}
