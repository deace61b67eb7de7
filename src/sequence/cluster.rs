//! The sequence shared out over machines: what there is to do, and joining what shards did.

use super::run::{Run, StepOf};
use crate::error::{Code, Result};
use crate::files::{Plan, Share};
use crate::stage::{StepPlan, begun_shards};
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
        let step_name = short(name).to_string();
        let plan = Plan::of(shards);
        let quiet = Study { store: self.store().clone().quiet(), ..self.study.clone() };
        let planned = Run { study: quiet, ..self.clone() };
        let waits = match step(&planned.sharing(Share::Planned(plan.clone()))) {
            Err(error) if error.code() == Code::Partial => None,
            Err(error) if error.code() == Code::Missing => {
                Some(open.map_or_else(|| error.message().to_string(), |open| format!("waits for {open}")))
            }
            done => {
                done?;
                None
            }
        };
        Ok(StepPlan { step: step_name, parts: plan.steps(), waits })
    }

    /// Joins what shards did of each step, in order, and does the steps without items in between; ends at the first that no shard
    /// has begun.
    ///
    /// # Errors
    /// [`Code::Manifest`] where a step was begun and something of it is not there, was done twice with different results, or is of
    /// other code, parameters or inputs; as the steps.
    pub fn merge(&self) -> Result<Merged> {
        let joined = self.sharing(Share::Joined);
        let mut merged = Merged { steps: Vec::new(), next: None };
        for (name, step) in self.steps() {
            if Run::is_shared(name) && !self.has_something_to_join(name, step)? {
                merged.next = Some(short(name).to_string());
                return Ok(merged);
            }
            step(&joined)?;
            merged.steps.push(short(name).to_string());
        }
        Ok(merged)
    }

    /// Whether some process has begun with a step, or there is nothing to do of it.
    fn has_something_to_join(&self, name: &str, step: StepOf) -> Result<bool> {
        let plan = self.plan_of(name, step, None, None)?;
        Ok(plan.waits.is_none() && (plan.begun() || plan.items() == 0))
    }
}

/// A step's name as the command line has it: `edges` of `3 edges`.
fn short(name: &str) -> &str {
    name.split_once(' ').map_or(name, |(_, name)| name)
}
