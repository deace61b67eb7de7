//! Judging on a data root: once a network, kept, and all networks together.

use super::evidence::{Evidence, Judging};
use super::rows::{EffectRow, JudgedRow, MethodRow, MetricRow, ShareRow};
use super::verdict::Verdict;
use crate::error::{Code, Result};
use crate::files::Store;
use crate::inference::Engine;
use crate::stage::{Done, Named};
use crate::table::Row;

/// Judges metrics and methods ([`super::judge`]) on a data root. Tables: `judge_metrics`, `judge_methods`, `judge_effects`,
/// `judge_shares` and `judge_values`, and the last three of each network. A network that is finished is not run again.
///
/// # Errors
/// As [`super::judge`]; [`Code::Stopped`](crate::error::Code::Stopped); [`Code::Io`](crate::error::Code::Io) if tables cannot be
/// written.
pub fn judge_all(store: &Store, networks: &[Engine], how: &Judging) -> Result<Verdict> {
    let drawn = how.drawn()?;
    let base = store.step(Named("judge", "judge"), "photographs", how, &[])?;
    let mut all = Evidence::default();
    for network in networks {
        let model = network.name();
        let step = base.part(&format!("judge_{model}"), &[("network", &network.fingerprint()?)]);
        let step = step.saying(format!("judging maps, {model}")).on(&network.device().to_string());
        let name = |what: &str| format!("judge_{what}_{model}");
        if !step.finished() {
            let run = step.start(drawn.len());
            let of = Evidence::of(network, &drawn, how, &run)?;
            run.finish();
            store.makes_tables()?;
            let mut files = store.write_table(&name("values"), &JudgedRow::table(of.values)?)?.to_vec();
            files.extend(store.write_table(&name("effects"), &EffectRow::table(of.effects)?)?);
            files.extend(store.write_table(&name("shares"), &ShareRow::table(of.shares)?)?);
            step.reject(drawn.len(), &[])?;
            let rows = (0..drawn.len()).map(|place| (place, ())).collect();
            step.finish(Done { rows, files: Vec::new(), rejects: Vec::new() }, files)?;
        }
        // Read back whether it was done now or before, so that both are the same.
        all.add(Evidence {
            values: JudgedRow::rows(&store.table(&name("values"))?)?,
            effects: EffectRow::rows(&store.table(&name("effects"))?)?,
            shares: ShareRow::rows(&store.table(&name("shares"))?)?,
        });
    }
    let verdict = Verdict::of(all, how)?;
    store.makes_tables()?;
    store.write_table("judge_values", &JudgedRow::table(verdict.values.clone())?)?;
    store.write_table("judge_effects", &EffectRow::table(verdict.effects.clone())?)?;
    store.write_table("judge_shares", &ShareRow::table(verdict.shares.clone())?)?;
    store.write_table("judge_methods", &MethodRow::table(verdict.methods.clone())?)?;
    store.write_table("judge_metrics", &MetricRow::table(verdict.metrics.clone())?)?;
    Ok(verdict)
}

/// What was judged on a data root; `None` if nothing was.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a table is broken.
pub fn judged(store: &Store) -> Result<Option<Verdict>> {
    let there: Result<Verdict> = (|| {
        Ok(Verdict {
            metrics: MetricRow::rows(&store.table("judge_metrics")?)?,
            methods: MethodRow::rows(&store.table("judge_methods")?)?,
            effects: EffectRow::rows(&store.table("judge_effects")?)?,
            shares: ShareRow::rows(&store.table("judge_shares")?)?,
            values: JudgedRow::rows(&store.table("judge_values")?)?,
        })
    })();
    match there {
        Ok(verdict) => Ok(Some(verdict)),
        Err(error) if error.code() == Code::Missing => Ok(None),
        Err(error) => Err(error),
    }
}
