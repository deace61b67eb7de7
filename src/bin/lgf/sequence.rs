//! The steps of the sequence as the command line gives them.

use anyhow::{Result, bail};
use lgf::analysis::Analysed;
use lgf::models::Form;
use lgf::notebook::{Progress, Show, say, show, table};
use lgf::protocol::Fault;
use lgf::relevance::Composite;
use lgf::report;
use lgf::sample;
use lgf::sequence::{Inference, Sequence};
use lgf::study::Study;

use crate::{Relevance, Run, Step};

pub fn step(step: &Step, sequence: &Sequence) -> Result<()> {
    match step {
        Step::Sample(_) => {
            if let Ok(study) = Study::open(&sequence.store).map(|study| study.name)
                && study != sample::NAME
            {
                bail!(
                    "{}: this data root holds the study {study:?}, and the sample would take its place\n  hint: take another root \
                     with --root or LGF_ROOT",
                    sequence.store.path("study.json").display()
                );
            }
            sequence.sample()?;
        }
        Step::Boxes { archive } => sequence.boxes(archive.as_deref())?,
        Step::Subset => sequence.subset()?,
        Step::Edges { .. } => sequence.edges()?,
        Step::Datasets { .. } => sequence.datasets()?,
        Step::Run(run) => sequence.experiments(&inference(run))?,
        Step::Convert(convert) => {
            let form = if convert.keep_batch_norm { Form::Plain } else { Form::Folded };
            say(&sequence.convert(form)?.text());
        }
        Step::Relevance(given) => relevance(given, sequence)?,
        Step::Overlap => sequence.overlap()?,
        Step::Analyse => {
            let analysed = sequence.analyse()?;
            for (name, found) in &analysed.tables {
                say(show(&[name, &table(found)]).text());
            }
            report(sequence, &analysed)?;
        }
        Step::Ablate { faults } => {
            let faults: Vec<Fault> = match faults.as_slice() {
                [] => Fault::ALL.to_vec(),
                named => named.iter().map(|id| Fault::named(id)).collect::<lgf::Result<_>>()?,
            };
            let found = sequence.ablate(&faults, Progress::bar("ablation"))?;
            say(table(&found).text());
            sequence.store.keep(report::ablation_figure(&found)?.draw("ablation")?)?;
        }
        Step::Bench { .. } => crate::bench::steps(sequence)?,
        _ => {
            // The last step is the analysis, whose tables the report is made from.
            let steps = Sequence::steps();
            steps[..steps.len() - 1].iter().try_for_each(|(_, step)| step(sequence))?;
            report(sequence, &sequence.analyse()?)?;
        }
    }
    Ok(())
}

fn report(sequence: &Sequence, analysed: &Analysed) -> Result<()> {
    let page = report::write(&sequence.store, &sequence.protocol, analysed)?;
    say(&format!("report: {}", page.display()));
    Ok(())
}

fn inference(run: &Run) -> Inference {
    Inference {
        precision: run.batch.precision.precision(),
        batch: run.batch.size,
        all_logits: run.all_logits,
        in_memory: run.in_memory,
    }
}

fn relevance(given: &Relevance, sequence: &Sequence) -> Result<()> {
    let mut parameters = sequence.protocol.relevance();
    parameters.batch = given.batch.size.unwrap_or(parameters.batch);
    if let Some(name) = &given.preset {
        parameters.composite = Composite::preset(name)?;
    }
    parameters.target = given.target.unwrap_or(parameters.target);
    Ok(sequence.relevance(&parameters, given.batch.precision.precision())?)
}
