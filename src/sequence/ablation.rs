//! The sequence again and again, with one fault more or less each time.

use std::fs;
use std::path::Path;

use polars::prelude::*;

use super::{Inference, Sequence};
use crate::analysis;
use crate::error::{Code, Error, Result};
use crate::models::Precision;
use crate::notebook::{Progress, say};
use crate::protocol::{Fault, Protocol, Step};
use crate::store::{Store, floats, stacked, texts};

/// What stays with the root that it was made for, and is not linked into others.
const OWN: [&str; 7] = ["ablation", "analysis", "figures", "notebooks", "bench", "downloads", "report.html"];

/// The data roots, below this one, of the first run and of one with a fault.
const ROOT: &str = "ablation/root";
const RUN: &str = "ablation/run";

impl Sequence {
    /// The conclusions by this sequence's protocol, then with each fault by itself repeated, or, from the published protocol,
    /// mended: `run, id` (number of the fault, empty for the first run) and the columns of [`analysis::conclusions`], and
    /// `moved`: how a conclusion differs from the first run's (`sign`, `significance`, `size`: the effect is outside the
    /// interval there), or nothing. Written to `ablation`.
    ///
    /// Each run has a data root of its own, made of links to this one, in which only those steps are done again that the
    /// fault changes; what it concluded is kept in `ablation/`, the rest is removed. A stopped ablation goes on where it was.
    ///
    /// # Errors
    /// [`Code::Stopped`]; [`Code::Io`] if the root cannot be written. A run that fails otherwise says so in `says`.
    pub fn ablate(&self, faults: &[Fault], progress: Progress) -> Result<DataFrame> {
        let run = progress.start(faults.len() + 1, "runs");
        let base = self.conclude(&self.protocol, None)?;
        run.tick();
        let mut tables = vec![compared(&base, &base, &format!("{}, as it is", self.protocol.name), "")?];
        for &fault in faults {
            run.check()?;
            let repeated = self.protocol.repeat(fault);
            let other = if same(&repeated, &self.protocol) { self.protocol.mend(fault) } else { repeated };
            let found = match self.conclude(&other, Some(fault)) {
                Ok(found) => found,
                Err(error) if error.code() == Code::Stopped || error.code() == Code::Io => return Err(error),
                Err(error) => failed(&base, &error)?,
            };
            let word = if other.name.contains("without") { "without" } else { "with" };
            tables.push(compared(&found, &base, &format!("{word} {fault}"), fault.id())?);
            run.tick();
        }
        run.finish();
        let all = stacked(tables)?;
        self.store.write_table("ablation", &all)?;
        Ok(all)
    }

    /// The conclusions by a protocol.
    fn conclude(&self, protocol: &Protocol, fault: Option<Fault>) -> Result<DataFrame> {
        let name = format!("ablation/{}", fault.map_or("base", Fault::id));
        let study = self.store.path("study.json");
        let record = self.store.record(&name, protocol, &[study])?;
        if record.finished().is_some() {
            return self.store.table(&name);
        }
        say(&format!("ablation: {}", protocol.name));
        let store = match fault {
            // Further runs begin from what the first has done.
            None => self.linked(&self.store, ROOT)?,
            // What the analysis alone changes needs no files of its own.
            Some(fault) if fault.step() == Step::Analysis => Store::at(self.store.path(ROOT))?,
            Some(_) => self.linked(&Store::at(self.store.path(ROOT))?, RUN)?,
        };
        let own = Sequence { store, protocol: protocol.clone(), device: self.device };
        own.again(fault.map_or(Step::Subset, Fault::step))?;
        let predictions = own.store.table("predictions")?;
        let found = analysis::conclusions(&predictions, &own.store.table("imgnette_sample_data")?, &protocol.analysis)?;
        let files = self.store.write_table(&name, &found)?;
        record.finish(1, 1, &files)?;
        clear(&self.store.path(RUN))?;
        Ok(found)
    }

    /// Every step from one on; what is on record with the same choices is not done again.
    fn again(&self, first: Step) -> Result<()> {
        if first == Step::Analysis {
            return Ok(());
        }
        if first <= Step::Subset {
            self.boxes(None)?;
            self.subset()?;
        }
        if first <= Step::Edges {
            self.edges()?;
        }
        if first <= Step::Subset || (first > Step::Edges && first <= Step::Datasets) {
            self.datasets()?;
        }
        if first <= Step::Subset || (first > Step::Edges && first <= Step::Run) {
            self.experiments(&Inference::default())?;
        }
        if first != Step::Edges {
            self.relevance(&self.protocol.relevance(), Precision::Single)?;
        }
        self.overlap()
    }

    /// A data root below this one that has every file of another as a link.
    fn linked(&self, other: &Store, name: &str) -> Result<Store> {
        let to = self.store.path(name);
        clear(&to)?;
        link_all(other.root(), &to, true)?;
        Store::at(&to)?.accepting(self.store.max_reject_share())
    }
}

/// Whether two protocols differ in their names alone.
fn same(a: &Protocol, b: &Protocol) -> bool {
    Protocol { name: b.name.clone(), ..a.clone() } == *b
}

/// What is written over a link replaces the link, not the file behind it.
fn link_all(from: &Path, to: &Path, top: bool) -> Result<()> {
    let unlinked = |cause| Error::io("linking", from, cause);
    fs::create_dir_all(to).map_err(unlinked)?;
    for entry in fs::read_dir(from).map_err(unlinked)? {
        let entry = entry.map_err(unlinked)?;
        let name = entry.file_name();
        if top && OWN.iter().any(|own| name == *own) {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            link_all(&path, &to.join(&name), false)?;
        } else {
            let target = path.canonicalize().map_err(unlinked)?;
            std::os::unix::fs::symlink(target, to.join(&name)).map_err(unlinked)?;
        }
    }
    Ok(())
}

fn clear(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Error::io("clearing", folder, cause)),
        _ => Ok(()),
    }
}

/// The conclusions of a run that could not be made.
fn failed(base: &DataFrame, error: &Error) -> Result<DataFrame> {
    let says = vec![format!("cannot be run: {}", error.message()); base.height()];
    let mut columns = Vec::new();
    for column in base.columns() {
        let missing = matches!(
            column.name().as_str(),
            "effect" | "low" | "high" | "d_z" | "rank_biserial" | "statistic" | "p" | "adjusted"
        );
        columns.push(match column.name().as_str() {
            "says" => Column::new("says".into(), &says),
            _ if missing => Column::new(column.name().clone(), vec![None::<f64>; base.height()]),
            _ => column.clone(),
        });
    }
    Ok(DataFrame::new(base.height(), columns)?)
}

/// A run's conclusions with how they differ from the first run's.
fn compared(found: &DataFrame, base: &DataFrame, run: &str, id: &str) -> Result<DataFrame> {
    let (effects, says) = (floats(found, "effect")?, texts(found, "says")?);
    let (before, said) = (floats(base, "effect")?, texts(base, "says")?);
    let (low, high) = (floats(base, "low")?, floats(base, "high")?);
    // A count, as `19 of 30`, is no verdict: its effect says whether it moved.
    let verdict = |said: &str| if said.contains(" of ") { String::new() } else { said.to_string() };
    let moved = |row: usize| {
        let (a, b) = (effects[row], before[row]);
        let (now, then) = (verdict(&says[row]), verdict(&said[row]));
        let turned = a * b < 0.0;
        if now != then {
            let both = now.ends_with(" more") && then.ends_with(" more");
            return if both { "sign" } else { "significance" };
        }
        if turned && (now.is_empty() || now.ends_with(" more")) {
            "sign"
        } else if a < low[row] || a > high[row] {
            "size"
        } else {
            ""
        }
    };
    let height = found.height();
    let mut columns = vec![Column::new("run".into(), vec![run; height]), Column::new("id".into(), vec![id; height])];
    columns.extend(found.columns().iter().cloned());
    columns.push(Column::new("moved".into(), (0..height).map(moved).collect::<Vec<_>>()));
    Ok(DataFrame::new(height, columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(effect: f64, says: &str) -> DataFrame {
        df!("conclusion" => ["c"], "effect" => [effect], "low" => [0.1], "high" => [0.5], "says" => [says]).unwrap()
    }

    #[test]
    fn a_conclusion_moves_by_its_sign_its_significance_or_its_size() {
        let base = table(0.3, "a more");
        let moved = |effect, says| texts(&compared(&table(effect, says), &base, "run", "X").unwrap(), "moved").unwrap();
        assert_eq!(moved(0.2, "a more"), [""]);
        assert_eq!(moved(0.6, "a more"), ["size"]);
        assert_eq!(moved(-0.3, "b more"), ["sign"]);
        assert_eq!(moved(0.2, "no difference shown"), ["significance"]);
        let base = table(0.3, "19 of 30");
        let moved = |effect, says| texts(&compared(&table(effect, says), &base, "run", "X").unwrap(), "moved").unwrap();
        assert_eq!(moved(0.2, "17 of 30"), [""]);
        assert_eq!(moved(-0.2, "12 of 30"), ["sign"]);
    }

    #[test]
    fn a_link_is_replaced_and_the_file_behind_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("base")).unwrap();
        store.write("edges/a.txt", b"old").unwrap();
        store.write("figures/a.svg", b"x").unwrap();
        link_all(store.root(), &folder.path().join("run"), true).unwrap();
        let run = Store::at(folder.path().join("run")).unwrap();
        assert!(!run.path("figures").exists());
        run.write("edges/a.txt", b"new").unwrap();
        assert_eq!(
            (store.read("edges/a.txt").unwrap(), run.read("edges/a.txt").unwrap()),
            (b"old".to_vec(), b"new".to_vec())
        );
    }
}
