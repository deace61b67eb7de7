//! The networks of a study as the command line gives them: each is looked at before anything is written.

use std::path::Path;

use anyhow::{Context, Result, bail};
use lgf::files::{Store, check_name, check_names};
use lgf::models::{self, Registry};
use lgf::notebook::say;
use lgf::study::{NetworkEntry, Study};

use crate::Init;

/// The networks that `--network` and `--table` name.
pub fn entries(store: &Store, init: &Init) -> Result<Vec<NetworkEntry>> {
    if init.network.is_empty() && !init.without_networks {
        bail!(
            "no network was given\n  \
             hint: --network NAME=ARCHITECTURE=WEIGHTS for each, or --without-networks for steps 1 to 4 alone"
        );
    }
    let mut entries: Vec<NetworkEntry> = init.network.iter().map(|given| entry(store, given)).collect::<Result<_>>()?;
    check_names("network", entries.iter().map(|entry| entry.name.as_str()))?;
    for given in &init.table {
        let found = given.split_once('=').and_then(|(name, table)| {
            let entry = entries.iter_mut().find(|entry| entry.name == name)?;
            Some((entry, table))
        });
        let (entry, table) =
            found.with_context(|| format!("--table {given}: expected NETWORK=TABLE, of a --network"))?;
        entry.table = Some(table.to_string());
    }
    Ok(entries)
}

/// NAME=ARCHITECTURE=WEIGHTS, NAME=WEIGHTS, or the NAME of one that was fetched.
fn entry(store: &Store, given: &str) -> Result<NetworkEntry> {
    let parts: Vec<&str> = given.splitn(3, '=').collect();
    let (name, architecture, weights) = match parts[..] {
        [name, weights] => (name, name, weights),
        [name, architecture, weights] => (name, architecture, weights),
        _ => {
            check_name("network", given)?;
            return Ok(Registry::open(store)?.entry(given)?.in_study(store)?);
        }
    };
    check_name("network", name)?;
    models::architecture(architecture)?;
    let weights = Path::new(weights);
    let weights =
        weights.canonicalize().with_context(|| format!("--network {name}: {}: not there", weights.display()))?;
    Ok(NetworkEntry::new(name, architecture, weights))
}

/// Whether each network's checkpoint is one, is of its architecture, and has an output for each class of the study.
/// Nothing of its numbers is read.
pub fn check(store: &Store, study: &Study) -> Result<()> {
    let classes = study.class_list().len();
    for entry in &study.networks {
        let path = study.weights(store, entry);
        // A table is chosen for one of several networks here.
        let own = |error: lgf::Error| match error.advice() {
            Some(hint) if hint.contains("--table ") => {
                let hint = hint.replace("--table ", &format!("--table {}=", entry.name));
                error.hint(hint)
            }
            _ => error,
        };
        let found = models::inspect(&path, &entry.architecture, entry.table.as_deref())
            .map_err(own)
            .with_context(|| format!("--network {}", entry.name))?;
        found.remarks.iter().for_each(|remark| say(&format!("{}: {remark}", entry.name)));
        if let Some(error) = found.misfit {
            return Err(error).with_context(|| format!("--network {}", entry.name));
        }
        if let Some(outputs) = found.outputs.filter(|outputs| *outputs != classes) {
            bail!(
                "--network {}: {}: {outputs} outputs, and the study has {classes} classes\n  \
                 hint: a study's networks all have an output for each of its classes",
                entry.name,
                path.display()
            );
        }
    }
    Ok(())
}
