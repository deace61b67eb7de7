//! Judging on a data root: once a network, kept, and all networks together.

use super::evidence::{BRIEF, Evidence, Judging, WHOLE};
use super::rows::{EffectRow, FollowsRow, JudgedRow, MethodRow, MetricRow, ShareRow};
use super::verdict::Verdict;
use crate::error::{Code, Result};
use crate::files::Store;
use crate::inference::Engine;
use crate::stage::{Done, Named};
use crate::table::Row;

/// Judges metrics and methods ([`super::judge`]) on a data root. Tables: `judge_metrics`, `judge_methods`, `judge_follows`,
/// `judge_effects`, `judge_shares` and `judge_values`, and the last three of each network ([`Judging::tables`] instead of `judge`). A network that
/// is finished by the same methods, metrics and drawings is not run again.
///
/// # Errors
/// As [`super::judge`]; [`Code::Stopped`]; [`Code::Io`] if tables cannot be
/// written.
pub fn judge_all(store: &Store, networks: &[Engine], how: &Judging) -> Result<Verdict> {
    store.makes_tables()?;
    let drawn = how.drawn()?;
    let prefix = how.tables;
    let base = store.step(Named("judge", prefix), "photographs", how, &[])?;
    let mut all = Evidence::default();
    for network in networks {
        let model = network.name();
        let step = base.part(&format!("{prefix}_{model}"), &[("network", &network.fingerprint()?)]);
        let step = step.saying(format!("judging maps, {model}")).on(&network.device().to_string());
        let name = |what: &str| format!("{prefix}_{what}_{model}");
        if !step.finished() {
            let run = step.start(drawn.len());
            let of = Evidence::of(network, &drawn, how, &run)?;
            run.finish();
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
    let name = |what: &str| format!("{prefix}_{what}");
    store.write_table(&name("values"), &JudgedRow::table(verdict.values.clone())?)?;
    store.write_table(&name("effects"), &EffectRow::table(verdict.effects.clone())?)?;
    store.write_table(&name("shares"), &ShareRow::table(verdict.shares.clone())?)?;
    store.write_table(&name("methods"), &MethodRow::table(verdict.methods.clone())?)?;
    store.write_table(&name("follows"), &FollowsRow::table(verdict.follows.clone())?)?;
    store.write_table(&name("metrics"), &MetricRow::table(verdict.metrics.clone())?)?;
    Ok(verdict)
}

/// What was judged on a data root, the whole before the brief; `None` if nothing was.
///
/// # Errors
/// [`Code::Table`] if a table is broken, or of an earlier version.
pub fn judged(store: &Store) -> Result<Option<Verdict>> {
    for prefix in [WHOLE, BRIEF] {
        match read(store, prefix) {
            Err(error) if error.code() == Code::Missing => {}
            Err(error) => return Err(error.hint("judge again: lgf relevance --judge")),
            Ok(verdict) => return Ok(Some(verdict)),
        }
    }
    Ok(None)
}

fn read(store: &Store, prefix: &str) -> Result<Verdict> {
    let table = |what: &str| store.table(&format!("{prefix}_{what}"));
    Ok(Verdict {
        metrics: MetricRow::rows(&table("metrics")?)?,
        methods: MethodRow::rows(&table("methods")?)?,
        follows: FollowsRow::rows(&table("follows")?)?,
        effects: EffectRow::rows(&table("effects")?)?,
        shares: ShareRow::rows(&table("shares")?)?,
        values: JudgedRow::rows(&table("values")?)?,
    })
}
