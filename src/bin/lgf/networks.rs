//! The networks of a study as the command line gives them: each is looked at before anything is written.

use std::path::Path;

use anyhow::{Context, Result, bail};
use lgf::files::{Store, check_name, check_names};
use lgf::models::{self, Registry};
use lgf::notebook::say;
use lgf::study::{Allow, NetworkEntry, Pair, Study};

use crate::arguments::Init;

/// The networks that `--network` and `--table` name.
pub fn entries(store: &Store, init: &Init) -> Result<Vec<NetworkEntry>> {
    if init.network.is_empty() && !init.without_networks {
        bail!(
            "no network was given\n  \
             hint: --network NAME=ARCHITECTURE=WEIGHTS for each, or --without-networks for steps 1 to 4 alone"
        );
    }
    let mut entries: Vec<NetworkEntry> = init.network.iter().map(|given| entry(store, given)).collect::<Result<_>>()?;
    if init.trust {
        for entry in entries.iter_mut().filter(|entry| entry.architecture == models::PROGRAM) {
            entry.allow.push(Allow::Program);
        }
    }
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

/// The pairs that `--pair` names. A name may hold `=`: where several places could part two names, that counts at which both
/// are of networks.
pub fn pairs(networks: &[NetworkEntry], given: &[String]) -> Result<Vec<Pair>> {
    let there = |name: &str| networks.iter().any(|entry| entry.name == name);
    let pair = |given: &String| {
        let mut parted = given.match_indices('=').map(|(at, _)| Pair::new(&given[..at], &given[at + 1..]));
        let first = parted.next().with_context(|| format!("--pair {given}: expected A=B, two of the networks"))?;
        let known = |pair: &Pair| pair.names().into_iter().all(there);
        Ok(if known(&first) { first } else { parted.find(known).unwrap_or(first) })
    };
    given.iter().map(pair).collect()
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
    if architecture != models::PROGRAM {
        models::architecture(architecture)?;
    }
    let weights = Path::new(weights);
    let weights =
        weights.canonicalize().with_context(|| format!("--network {name}: {}: not there", weights.display()))?;
    Ok(NetworkEntry::new(name, architecture, weights))
}

/// Whether each network's checkpoint is one, is of its architecture, and has an output for each class of the study.
/// Nothing of its numbers is read.
pub fn check(study: &Study) -> Result<()> {
    let classes = study.class_list().len();
    for entry in study.networks() {
        let path = study.weights(entry);
        if entry.architecture == models::PROGRAM {
            check_program(entry, &path, classes)?;
            continue;
        }
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

/// Whether a program may run, gives logits as a classifier does, and has an output for each class.
fn check_program(entry: &NetworkEntry, path: &Path, classes: usize) -> Result<()> {
    let named = || format!("--network {}", entry.name);
    let network = lgf::inference::load_network(entry, path)
        .map_err(|error| if entry.allow.is_empty() { error.hint("if you trust it, add --trust") } else { error })
        .with_context(named)?;
    if network.classes() != classes {
        bail!(
            "{}: {}: {} outputs, and the study has {classes} classes\n  \
             hint: a study's networks all have an output for each of its classes",
            named(),
            path.display(),
            network.classes()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_parted_where_both_names_are_of_networks() {
        let networks = ["a", "b", "a=b"].map(|name| NetworkEntry::new(name, "resnet50", "w.pth"));
        let found = |given: &str| pairs(&networks, &[given.to_string()]);
        assert_eq!(found("a=b").unwrap(), [Pair::new("a", "b")]);
        assert_eq!(found("a=b=b").unwrap(), [Pair::new("a=b", "b")]);
        assert_eq!(found("a=c").unwrap(), [Pair::new("a", "c")], "the study refuses it, naming c");
        assert!(found("a").unwrap_err().to_string().contains("expected A=B"));
    }
}
