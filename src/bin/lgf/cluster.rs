//! Steps that are shared out over machines: which share this process does, what there is to do, and joining it.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use lgf::error::{Code, Error};
use lgf::files::{Shard, Share, write_whole};
use lgf::notebook::{Progress, say, table};
use lgf::report;
use lgf::sequence::Run;
use lgf::stage::{StepPlan, plan_table};
use serde_json::{Value, json};

use crate::arguments::{Common, Plan, Step};

/// A plan is looked at again this often, at most.
const OFTEN: Duration = Duration::from_secs(2);
/// And made anew after so long: steps may have been begun and joined between two looks.
const SELDOM: Duration = Duration::from_secs(60);

/// What share of a step this process does: what `--shard` says, else a task of a Slurm array its own.
pub fn share(common: &Common, step: &Step) -> Result<Share> {
    let asked = common.shard.as_deref().filter(|text| *text != "whole");
    let has_items = match step {
        Step::Boxes { archive } => archive.is_none(),
        Step::Run(_) | Step::Features(_) | Step::Overlap | Step::Ablate { .. } => true,
        Step::Edges { png, text, .. } => png.is_none() && text.is_none(),
        Step::Datasets { crops, png, .. } => crops.is_none() && png.is_none(),
        Step::Observe(given) => given.decisions.is_none(),
        Step::Relevance(given) => given.npy.is_none() && given.png.is_none(),
        _ => false,
    };
    if let (Some(text), false) = (asked, has_items) {
        bail!(
            Error::new(Code::Parameter, format!("--shard {text}: this command has no items to share out"))
                .hint("run it once, by itself; `lgf merge` does the steps in between those that have some")
        );
    }
    let of_slurm = || Shard::of_slurm(|name| std::env::var(name).ok());
    if matches!(step, Step::All)
        && common.shard.is_none()
        && let Some(shard) = of_slurm()?.filter(|shard| shard.count() > 1)
    {
        let found = format!("`lgf all` in task {shard} of an array: every task would do all of it");
        bail!(
            Error::new(Code::Parameter, found)
                .hint("let the array do one step after another and `lgf merge` what is in between (cluster/slurm), or say --shard whole")
        );
    }
    Ok(match asked {
        Some("joined") => Share::Joined,
        Some(text) => Share::Shard(text.parse()?),
        None if !has_items || common.shard.is_some() => Share::Whole,
        None => of_slurm()?.map_or(Share::Whole, Share::Shard),
    })
}

/// Whether an error says no more than that a shard has done its part.
pub fn is_partial(error: &anyhow::Error) -> bool {
    error.downcast_ref::<lgf::Error>().is_some_and(|error| error.code() == Code::Partial)
}

/// Joins what all shards did: of the sequence, where `what` names the step that must be finished then, or of its ablation.
pub fn merge(run: &Run, what: Option<&str>) -> Result<()> {
    if what == Some("ablate") {
        return crate::sequence::ablate(&[], &run.sharing(Share::Joined));
    }
    let merged = run.merge(what)?;
    let done = if merged.steps.is_empty() { "nothing".to_string() } else { merged.steps.join(", ") };
    match merged.next {
        Some(next) => say(&format!("merge: {done} finished; next: lgf {next} --shard I/N")),
        None => say(&format!("merge: {done} finished; report: {}", run.report()?.display())),
    }
    Ok(())
}

/// What there is to do, as a table, as JSON, or again and again.
pub fn plan(given: &Plan, run: &Run) -> Result<()> {
    let watch = Progress::silent().start(0, "looks");
    let mut plans = run.plan(given.shards)?;
    let mut planned = Instant::now();
    loop {
        if let Some(page) = &given.page {
            write_page(page, run, &plans, given.watch)?;
        }
        show(given, &plans)?;
        if !given.watch || plans.iter().all(StepPlan::finished) {
            return Ok(());
        }
        let before: Vec<(u64, String)> = plans.iter().map(|plan| (plan.done(), plan.state())).collect();
        loop {
            watch.check()?;
            let looked = Instant::now();
            let again = plans.iter().map(|plan| plan.again(run.store())).collect::<lgf::Result<Option<Vec<_>>>>()?;
            // Steps that were joined, or begun of other inputs, are other ones now.
            let same = planned.elapsed() < SELDOM && again.iter().flatten().all(|plan| plan.state() != "to be merged");
            plans = match again {
                Some(again) if same => again,
                _ => {
                    let again = run.plan(given.shards)?;
                    planned = Instant::now();
                    again
                }
            };
            if plans.iter().map(|plan| (plan.done(), plan.state())).ne(before.iter().cloned()) {
                break;
            }
            let rest = OFTEN.max(10 * looked.elapsed());
            let until = Instant::now() + rest;
            while Instant::now() < until && !watch.stopped() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn show(given: &Plan, plans: &[StepPlan]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if given.json {
        serde_json::to_writer(&mut out, &in_json(plans))?;
        writeln!(out)?;
    } else {
        // The last look stays on a screen, alone.
        let clear = if given.watch && out.is_terminal() { "\x1b[H\x1b[2J" } else { "" };
        writeln!(out, "{clear}{}", table(&plan_table(plans)?).text())?;
    }
    Ok(out.flush()?)
}

fn write_page(path: &Path, run: &Run, plans: &[StepPlan], again: bool) -> Result<()> {
    let page = report::progress_page(&run.study.described.name, plans, again.then_some(5));
    Ok(write_whole(path, |file| file.write_all(page.as_bytes()))?)
}

fn in_json(plans: &[StepPlan]) -> Value {
    let step = |plan: &StepPlan| {
        let (to_do, seconds, measured) = (plan.to_do(), plan.seconds(), plan.measured());
        let shard = |index: usize| {
            json!({
                "shard": format!("{index}/{}", to_do.len()),
                "items": plan.parts.iter().filter_map(|part| part.of_shard.get(index)).sum::<u64>(),
                "to_do": to_do[index],
                "expected_seconds": seconds.as_ref().map(|seconds| seconds[index]),
                "expected_bytes": measured.map(|measured| measured.peak_bytes),
            })
        };
        json!({
            "step": plan.step,
            "state": plan.state(),
            "items": plan.items(),
            "done": plan.done(),
            "finished": plan.finished(),
            "waits": plan.waits,
            "shards": (0..to_do.len()).map(shard).collect::<Vec<_>>(),
            "measured": measured,
            "parts": plan.parts.iter().map(part).collect::<Vec<_>>(),
        })
    };
    json!({ "steps": plans.iter().map(step).collect::<Vec<_>>() })
}

fn part(part: &lgf::files::Planned) -> Value {
    let worker = |worked: &lgf::files::Worked| {
        json!({
            "shard": worked.shard.map(|shard| shard.to_string()),
            "machine": worked.machine,
            "process": worked.process,
            "items": worked.items,
        })
    };
    json!({
        "name": part.step,
        "unit": part.unit,
        "items": part.items,
        "done": part.done,
        "finished": part.finished,
        "to_do": part.to_do,
        "workers": part.workers.iter().map(worker).collect::<Vec<_>>(),
    })
}
