//! Which of a file's tensors are meant: one table of several, and what stands before every name.
//!
//! Both are decided by the names that a network needs, where they are known: a table is chosen if it alone has them,
//! and a prefix is taken off only so far as it stands between the two. Nothing is guessed where two would do.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::words::cut;
use crate::error::{Code, Error, Result, listed_by};
use crate::models::families::{NAMINGS, Naming};

/// What torch itself puts before a network's names: `DataParallel`, and `torch.compile`. No network has such names.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];
/// Parts of a name that are tried as a prefix.
const MAX_PARTS: usize = 16;

/// What is asked of a checkpoint.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The file, as hints name it.
    pub file: String,
    /// The table that is meant, where a file holds several: its key, `/` between the keys of nested ones; or what the
    /// names that are meant begin with.
    pub table: Option<String>,
    /// The names that the network needs; none where it is not known.
    pub names: HashSet<String>,
}

impl Choice {
    /// The tensors of a file, whatever they are for.
    pub(crate) fn of_file(file: &Path) -> Self {
        Choice { file: file.display().to_string(), ..Choice::default() }
    }

    /// A line for the shell that loads the file with torch and saves `table` of what was loaded, which is `c` in it,
    /// as a file of its own beside it.
    pub fn line(&self, function: &str, options: &str, table: &str) -> String {
        let file = Path::new(&self.file);
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let saved = file.with_file_name(format!("{stem}.weights.pth"));
        let options = if options.is_empty() { String::new() } else { format!(", {options}") };
        let load = format!("{function}({:?}, map_location=\"cpu\"{options})", self.file);
        let python = format!("import torch; c = {load}; torch.save({table}, {:?})", saved.display().to_string());
        format!("python -c '{}'", python.replace('\'', "'\\''"))
    }

    /// The namings that networks with such names have elsewhere.
    fn namings(&self) -> Vec<&'static Naming> {
        NAMINGS.iter().filter(|naming| naming.is_for(|mark| self.names.contains(mark))).collect()
    }

    /// Names of a file as a naming reads them, where they are not the network's own and more of the network's are found so; or
    /// fewer of the file's are left over.
    pub(crate) fn reading(&self, names: &[&str]) -> Option<Reading> {
        let as_they_are = Reading::by(None, names, &self.names);
        let readings = self.namings().into_iter().map(|naming| Reading::by(Some(naming), names, &self.names));
        let best = readings.rev().max_by_key(Reading::score)?;
        (best.score() > as_they_are.score() && 2 * best.found >= self.names.len()).then_some(best)
    }

    /// How well names fit the network: the prefix with which most of them are its own, and how many then are. A prefix
    /// counts from half of the network's names on.
    pub fn fit<'n>(&self, names: impl Iterator<Item = &'n str>) -> (&'n str, usize) {
        let ranked = self.prefixes(names);
        ranked.first().copied().unwrap_or(("", 0))
    }

    /// The prefixes with which names are the network's own, the best first; of two alike the shorter.
    fn prefixes<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<(&'n str, usize)> {
        let namings = self.namings();
        let is_own = |name: &str| {
            let read = |naming: &&Naming| naming.own(name).is_some_and(|own| self.names.contains(&own));
            self.names.contains(name) || namings.iter().any(read)
        };
        let mut matches: HashMap<&str, usize> = HashMap::new();
        for name in names.filter(|_| !self.names.is_empty()) {
            let dots = name.match_indices('.').take(MAX_PARTS).map(|(at, _)| at + 1);
            for start in std::iter::once(0).chain(dots).filter(|&start| is_own(&name[start..])) {
                *matches.entry(&name[..start]).or_default() += 1;
            }
        }
        let mut ranked: Vec<(&str, usize)> = matches.into_iter().collect();
        ranked.retain(|(prefix, count)| prefix.is_empty() || 2 * count >= self.names.len());
        ranked.sort_by_key(|(prefix, count)| (std::cmp::Reverse(*count), prefix.len(), *prefix));
        ranked
    }

    /// The names as the network has them, in the same order, `None` for what is left out; and what there is to say
    /// about it. `only` is what the names that are meant begin with.
    ///
    /// # Errors
    /// [`Code::Checkpoint`] if only some of the names have the prefix that the network's own lack, with both lists.
    pub(crate) fn own_names(&self, names: &[&str], only: Option<&str>) -> Result<(Vec<Option<String>>, Vec<String>)> {
        let mut own: Vec<Option<&str>> = names.iter().map(|name| Some(*name)).collect();
        let mut remarks = Vec::new();
        if let Some(only) = only {
            let prefix = format!("{}.", only.trim_end_matches('.'));
            own.iter_mut().for_each(|name| *name = name.and_then(|name| name.strip_prefix(&prefix)));
            let kept = own.iter().flatten().count();
            if kept == 0 {
                let mut parts: Vec<&str> = names.iter().filter_map(|name| Some(name.split_once('.')?.0)).collect();
                parts.dedup();
                let found = format!("no table and no name in it begins with {:?}", cut(only));
                return Err(Error::new(Code::Checkpoint, found)
                    .hint(format!("its names begin with {}", listed_by(&parts, 8, |part| cut(part)))));
            }
            remarks.push(format!("{kept} of {} tensors taken, those under {prefix:?}", names.len()));
        }
        let ranked = self.prefixes(own.iter().flatten().copied());
        let best = ranked.first().map_or("", |(prefix, _)| *prefix).to_string();
        let mut taken = String::new();
        if !best.is_empty() {
            let others: Vec<&str> = ranked.iter().map(|(prefix, _)| *prefix).collect();
            take_off(&best, &mut own, &others)?;
            taken.push_str(&best);
        }
        while let Some(wrapper) = WRAPPERS.iter().find(|wrapper| {
            best.is_empty() && own.iter().flatten().any(|name| name.starts_with(*wrapper) && name.len() > wrapper.len())
        }) {
            take_off(wrapper, &mut own, &[*wrapper])?;
            taken.push_str(wrapper);
        }
        if !taken.is_empty() {
            remarks.push(format!("{taken:?} taken off the beginning of every name"));
        }
        Ok((own.into_iter().map(|name| name.map(str::to_string)).collect(), remarks))
    }
}

/// The names of a file, read by a naming.
#[derive(Debug)]
pub struct Reading {
    /// The naming; none where the names are taken as they are.
    pub naming: Option<&'static Naming>,
    /// The names in their order as the network has them; `None` for what is left out. Those that the network has not stay as
    /// they are.
    pub own: Vec<Option<String>>,
    /// How many are the network's own, and how many are left over.
    found: usize,
    over: usize,
}

impl Reading {
    fn by(naming: Option<&'static Naming>, names: &[&str], needed: &HashSet<String>) -> Self {
        // No two names become one: what is a network's own already stays, and a second name for it does, too.
        let mut taken: HashSet<String> =
            names.iter().filter(|name| needed.contains(**name)).map(|name| name.to_string()).collect();
        let own = |name: &&str| {
            let Some(naming) = naming.filter(|_| !needed.contains(*name)) else { return Some(name.to_string()) };
            if naming.leaves_out(name) {
                return None;
            }
            let own = naming.own(name).filter(|own| needed.contains(own) && taken.insert(own.clone()));
            Some(own.unwrap_or_else(|| name.to_string()))
        };
        let own: Vec<Option<String>> = names.iter().map(own).collect();
        let found = own.iter().flatten().filter(|name| needed.contains(*name)).count();
        let over = own.iter().flatten().filter(|name| !needed.contains(*name) && !is_counter(name)).count();
        Reading { naming, own, found, over }
    }

    fn score(&self) -> (usize, std::cmp::Reverse<usize>) {
        (self.found, std::cmp::Reverse(self.over))
    }

    /// What there is to say about it, for the names of the file.
    pub fn remarks(&self, names: &[&str]) -> Vec<String> {
        let Some(naming) = self.naming else { return Vec::new() };
        let mut remarks = Vec::new();
        if names.iter().zip(&self.own).any(|(name, own)| own.as_ref().is_some_and(|own| own != name)) {
            let note = naming.note.map_or(String::new(), |note| format!("; {note}"));
            remarks.push(format!("names of {}, read as the network's own{note}", naming.whose));
        }
        let left: Vec<&str> =
            names.iter().zip(&self.own).filter(|(_, own)| own.is_none()).map(|(name, _)| *name).collect();
        if !left.is_empty() {
            let list = listed_by(&left, 2, |name| cut(name));
            remarks.push(format!("{} tensors left out, which no result hangs on: {list}", left.len()));
        }
        remarks
    }
}

/// Whether a tensor is of those that no result hangs on: counters of batches, and numbers of relative positions, which hang on
/// nothing but the side of a window.
pub fn is_counter(name: &str) -> bool {
    name.ends_with("num_batches_tracked") || name.ends_with("relative_position_index")
}

/// Takes a prefix off all names, or says which have it and which do not.
fn take_off(prefix: &str, names: &mut [Option<&str>], others: &[&str]) -> Result<()> {
    let (with, without): (Vec<&str>, Vec<&str>) = names.iter().flatten().partition(|name| name.starts_with(prefix));
    if !without.is_empty() {
        let list = |names: &[&str]| listed_by(names, 4, |name| cut(name));
        let found = format!(
            "{} of {} names begin with {prefix:?}, expected all or none: with it {}; without {}",
            with.len(),
            with.len() + without.len(),
            list(&with),
            list(&without)
        );
        let ways: Vec<String> =
            others.iter().take(4).map(|other| format!("--table {}", cut(other.trim_end_matches('.')))).collect();
        return Err(Error::new(Code::Checkpoint, found)
            .hint(format!("{} takes those alone; in study.json it is the network's \"table\"", ways.join(" or "))));
    }
    names.iter_mut().for_each(|name| *name = name.and_then(|name| name.strip_prefix(prefix)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(names: &[&str]) -> Choice {
        Choice { names: names.iter().map(|name| name.to_string()).collect(), ..Choice::default() }
    }

    fn own(choice: &Choice, names: &[&str], only: Option<&str>) -> Result<(Vec<String>, String)> {
        let (names, remarks) = choice.own_names(names, only)?;
        Ok((names.into_iter().map(|name| name.unwrap_or("-".into())).collect(), remarks.join("; ")))
    }

    const NAMES: [&str; 4] = ["conv1.weight", "layer1.0.conv1.weight", "fc.weight", "fc.bias"];

    fn under(prefix: &str) -> Vec<String> {
        NAMES.iter().map(|name| format!("{prefix}{name}")).collect()
    }

    #[test]
    fn bad_input_76_a_prefix_of_all_names_is_taken_off_and_said() {
        for prefix in ["module.", "_orig_mod.", "module._orig_mod.", "model.", "backbone.", "encoder_q.", "a.b.c."] {
            let names = under(prefix);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let (found, said) = own(&choice(&NAMES), &names, None).unwrap();
            assert_eq!(found, NAMES, "{prefix}");
            assert_eq!(said, format!("{prefix:?} taken off the beginning of every name"));
            // Without a network's names, only what torch puts there itself.
            let (found, _) = own(&choice(&[]), &names, None).unwrap();
            assert_eq!(found == NAMES, ["module.", "_orig_mod.", "module._orig_mod."].contains(&prefix), "{prefix}");
        }
        assert_eq!(own(&choice(&NAMES), &NAMES, None).unwrap(), (NAMES.map(str::to_string).to_vec(), String::new()));
    }

    #[test]
    fn bad_input_76_the_first_part_of_a_networks_own_names_stays() {
        let names = ["layer1.0.conv1.weight", "layer1.0.bn1.weight", "layer1.1.conv1.weight"];
        let (found, said) = own(&choice(&names), &names, None).unwrap();
        assert_eq!((found, said), (names.map(str::to_string).to_vec(), String::new()));
        // Another network's: nothing of it is a prefix, and what does not fit is said by whoever compares.
        let (found, _) = own(&choice(&NAMES), &["features.0.weight", "features.0.bias"], None).unwrap();
        assert_eq!(found, ["features.0.weight", "features.0.bias"]);
    }

    #[test]
    fn bad_input_76_a_prefix_of_some_names_fails_with_both_lists() {
        let mut names = under("backbone.");
        names.extend((0..1300).map(|number| format!("head.{number}.weight")));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = own(&choice(&NAMES), &names, None).unwrap_err().to_string();
        for part in ["4 of 1304 names begin with \"backbone.\"", "backbone.fc.bias", "head.3.weight and 1,296 more"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(error.contains("--table backbone takes those alone"), "{error}");
        let (found, said) = own(&choice(&NAMES), &names, Some("backbone")).unwrap();
        assert_eq!((&found[..4], found[4].as_str()), (&NAMES.map(str::to_string)[..], "-"));
        assert!(said.contains("4 of 1304 tensors"), "{said}");
    }

    #[test]
    fn bad_input_76_of_two_prefixes_that_would_do_none_is_guessed() {
        let names = [under("encoder_k."), under("encoder_q.")].concat();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = own(&choice(&NAMES), &names, None).unwrap_err().to_string();
        assert!(error.contains("--table encoder_k or --table encoder_q"), "{error}");
        assert_eq!(own(&choice(&NAMES), &names, Some("encoder_q")).unwrap().0[4..], NAMES);
        let error = own(&choice(&NAMES), &names, Some("teacher")).unwrap_err().to_string();
        assert!(error.contains("begin with encoder_k, encoder_q"), "{error}");
    }
}
