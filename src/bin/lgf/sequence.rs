//! The steps of the sequence as the command line gives them.

use anyhow::{Result, bail};
use lgf::analysis::{AblationRow, RelianceRow};
use lgf::datasets::Manipulation;
use lgf::error::Code;
use lgf::files::Store;
use lgf::inference::Keep;
use lgf::judge::{Choosing, Judging, Metric};
use lgf::models::Form;
use lgf::notebook::{Show, go_on, say, show, table};
use lgf::protocol::{Fault, Protocol};
use lgf::relevance::Composite;
use lgf::report;
use lgf::sample;
use lgf::sequence::{self, Inference, Pictures, Run};
use lgf::study::Study;
use lgf::table::Row;

use crate::arguments::{Batch, Features, Relevance, RunNetworks, Step};
use crate::observers;

/// Step 0: the sample, unless the root holds another study.
pub fn sample(store: &Store, protocol: &Protocol) -> Result<()> {
    if let Ok(study) = Study::open(store.clone())
        && study.described.name != sample::NAME
    {
        bail!(
            "{}: this data root holds the study {:?}, and the sample would take its place\n  hint: take another root \
             with --root or LGF_ROOT",
            store.path("study.json").display(),
            study.described.name
        );
    }
    sample::open(store, &protocol.sample)?;
    Ok(())
}

pub fn step(step: &Step, run: &Run) -> Result<()> {
    match step {
        Step::Boxes { .. } => drop(run.boxes()?),
        Step::Subset => by_name("2 subset", run)?,
        Step::Edges { .. } => by_name("3 edges", run)?,
        Step::Datasets { with: more, .. } => drop(with(run, more)?.datasets()?),
        Step::Features(given) => features(given, run)?,
        Step::Run(given) => {
            let how = inference(given);
            let experiments = with(run, &given.with)?.experiments(&how).map(drop);
            if experiments.as_ref().err().is_none_or(|error| error.code() == Code::Partial) {
                run.observe(&how)?;
            }
            experiments?;
        }
        Step::Observe(given) => {
            let how = Inference {
                precision: given.batch.precision.precision(),
                batch: given.batch.size,
                ..Inference::default()
            };
            let done = run.observe(&how)?;
            if done.is_empty() {
                say(&observers::none_to_observe(run.store()));
            }
            for (set, found) in done {
                say(&format!("observe: {set}, {} rows", found.height()));
            }
        }
        Step::Convert(convert) => {
            let form = if convert.keep_batch_norm { Form::Plain } else { Form::Folded };
            say(&run.convert(form)?.text());
        }
        Step::Relevance(given) => relevance(given, run)?,
        Step::Overlap => drop(run.overlap()?),
        Step::Analyse => {
            for made in &run.analyse()?.tables {
                say(show(&[&made.name, &table(&made.table)]).text());
            }
            say(&format!("report: {}", run.report()?.display()));
        }
        Step::Ablate { faults } => ablate(faults, run)?,
        // The others need no study, or begin with one: they are run before this.
        _ => bail!("no step of a study"),
    }
    Ok(())
}

/// The conclusions again, with each of some faults by itself; all of them if none is named.
pub fn ablate(faults: &[String], run: &Run) -> Result<()> {
    let faults: Vec<Fault> = match faults {
        [] => Fault::ALL.to_vec(),
        named => named.iter().map(|id| Fault::named(id)).collect::<lgf::Result<_>>()?,
    };
    let found = run.ablate(&faults)?;
    run.keep("ablation", report::ablation_figure(&found))?;
    run.keep("ablation_observers", report::choices_figure(&found))?;
    run.keep("ablation_features", report::features_figure(&found))?;
    say(table(&AblationRow::table(found)?).text());
    Ok(())
}

/// The same run with some manipulations more.
fn with(run: &Run, more: &[String]) -> Result<Run> {
    let mut own = run.clone();
    for text in more {
        own.protocol.datasets.more.push(text.parse()?);
    }
    Ok(own)
}

/// Networks on pictures without features, and what is left of their accuracies.
fn features(given: &Features, run: &Run) -> Result<()> {
    let mut own = run.clone();
    if given.everything {
        own.protocol.features = own.protocol.features.everything()?;
    }
    let more: Vec<Manipulation> = given.more.iter().map(|text| text.parse()).collect::<lgf::Result<_>>()?;
    own.protocol.features = own.protocol.features.with(more);
    let Batch { size: batch, precision } = &given.batch;
    own.features(&Inference { precision: precision.precision(), batch: *batch, ..Inference::default() })?;
    say(table(&RelianceRow::table(own.reliance()?.scores)?).text());
    Ok(())
}

/// Every step, and the report.
pub fn all(run: &Run) -> Result<()> {
    run.steps().into_iter().try_for_each(|(_, step)| go_on().and_then(|()| step(run)))?;
    go_on()?;
    say(&format!("report: {}", run.report()?.display()));
    Ok(())
}

fn by_name(name: &str, run: &Run) -> Result<()> {
    let step = sequence::steps().into_iter().find(|(own, _)| *own == name);
    Ok(step.map_or(Ok(()), |(_, step)| step(run))?)
}

fn inference(run: &RunNetworks) -> Inference {
    Inference {
        precision: run.batch.precision.precision(),
        batch: run.batch.size,
        keep: if run.all_logits { Keep::All } else { Keep::Chosen },
        pictures: if run.in_memory { Pictures::InMemory } else { Pictures::Files },
    }
}

fn relevance(given: &Relevance, run: &Run) -> Result<()> {
    if given.judge {
        let verdict = run.judge(&Judging::default())?;
        say(&verdict.in_short());
        return Ok(());
    }
    if let Some(metric) = &given.choose {
        let how = Choosing::by(Metric::named(metric)?);
        let networks = run.networks_in(Form::Plain, given.batch.precision.precision())?;
        let photographs = run.protocol.sampled(&run.study, &run.photographs()?)?;
        let chosen = run.choose_rules(&networks, &photographs, &how)?;
        say(show(&[&table(&chosen)]).text());
        return Ok(());
    }
    let mut parameters = run.protocol.relevance();
    parameters.batch = given.batch.size.unwrap_or(parameters.batch);
    if let Some(name) = &given.preset {
        parameters.composite = Composite::preset(name)?;
    }
    parameters.target = given.target.unwrap_or(parameters.target);
    run.relevance_by(&parameters, given.batch.precision.precision())?;
    Ok(())
}
