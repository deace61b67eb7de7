//! The sequence again and again, with one fault more or less each time.

use std::fs;
use std::path::Path;

use polars::prelude::*;

use super::{Inference, Sequence};
use crate::analysis;
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Store};
use crate::models::Precision;
use crate::notebook::{Progress, say};
use crate::protocol::{Fault, Protocol, Step};
use crate::stage::Named;
use crate::stage::Record;
use crate::table::{floats, stacked, texts};

/// What stays with the root that it was made for, and is not linked into others.
const OWN: [&str; 7] = ["ablation", "analysis", "figures", "notebooks", "bench", "downloads", "report.html"];

/// The data roots, below this one, of the first run and of one with a fault.
const ROOT: &str = "ablation/root";
const RUN: &str = "ablation/run";
const NOT_RUN: &str = "cannot be run: ";
const UNREACHED: &str = "cannot reach a conclusion: ";

impl Sequence {
    /// The conclusions by this sequence's protocol, then with each fault by itself repeated, or, from the published protocol,
    /// mended: `run, id` (number of the fault, empty for the first run) and the columns of [`analysis::conclusions`], and
    /// `moved`: how a conclusion differs from the first run's (`sign`; `significance`; `size`: of the same measure, but outside
    /// the interval there; `not run`; `cannot reach`: this study has nothing that the fault could change, `says` tells why), or
    /// nothing. Written to `ablation`, with those faults that were run before.
    ///
    /// Each run has a data root of its own, made of links to this one, in which only those steps are done again that the
    /// fault changes; what it concluded is kept in `ablation/`, the rest is removed. A stopped ablation goes on where it was.
    ///
    /// # Errors
    /// [`Code::Stopped`]; [`Code::Io`] if the root cannot be written. A run that fails otherwise says so in `says`.
    pub fn ablate(&self, faults: &[Fault], progress: Progress) -> Result<DataFrame> {
        let run = progress.start(faults.len() + 1, "runs");
        let first = self.first()?;
        let base = conclusions(&first)?;
        run.tick();
        let mut tables = vec![compared(&base, &base, &format!("{}, as it is", self.protocol.name), "")?];
        for fault in Fault::ALL {
            let repeated = self.protocol.repeat(fault);
            let (other, word) = match same(&repeated, &self.protocol) {
                true => (self.protocol.mend(fault), "without"),
                false => (repeated, "with"),
            };
            let record = self.record_of(&other, fault, &first)?;
            let found = if record.finished().is_some() {
                self.store.table(&name_of(fault))?
            } else if faults.contains(&fault) {
                run.check()?;
                let concluded = first.out_of_reach(&other).and_then(|why| match why {
                    Some(why) => unreached(&base, &why),
                    None => self.conclude(&other, fault, &first),
                });
                match concluded {
                    Ok(found) => {
                        record.finish(1, 1, &self.store.write_table(&name_of(fault), &found)?)?;
                        found
                    }
                    Err(error) if error.code() == Code::Stopped || error.code() == Code::Io => return Err(error),
                    Err(error) => failed(&base, &error)?,
                }
            } else {
                continue;
            };
            tables.push(compared(&found, &base, &format!("{word} {fault}"), fault.id())?);
            if faults.contains(&fault) {
                run.tick();
            }
        }
        run.finish();
        let all = stacked(tables)?;
        self.store.write_table("ablation", &all)?;
        Ok(all)
    }

    /// Every step by this protocol, in a root of links; what the root itself has finished is not done again.
    fn first(&self) -> Result<Sequence> {
        let own =
            Sequence { store: self.linked(&self.store, ROOT)?, protocol: self.protocol.clone(), device: self.device };
        own.again(Step::Subset)?;
        Ok(own)
    }

    /// What a fault's conclusions are made from: its protocol, and what the first run says of the same photographs and networks.
    fn record_of(&self, protocol: &Protocol, fault: Fault, first: &Sequence) -> Result<Record> {
        let inputs = ["predictions.parquet", "imgnette_sample_data.parquet"].map(|name| first.store.path(name));
        self.store.record(Named("sequence", &name_of(fault)), protocol, &inputs)
    }

    /// Why no conclusion of this study can depend on how `other` differs, if none can.
    fn out_of_reach(&self, other: &Protocol) -> Result<Option<String>> {
        let study = self.study()?;
        let ids = |images: Vec<ImageFile>| images.into_iter().map(|image| image.id).collect::<Vec<_>>();
        let photographs = |protocol: &Protocol| protocol.photographs(&self.store, &study);
        if other.subset.validation != self.protocol.subset.validation
            && ids(photographs(other)?) == ids(photographs(&self.protocol)?)
        {
            return Ok(Some("neither names nor folders say which photographs networks were trained on".into()));
        }
        if other.datasets.sampling != self.protocol.datasets.sampling {
            if let Some(count) = study.images_per_class {
                return Ok(Some(format!("study.json asks for {count} photographs of each class")));
            }
            let images = photographs(other)?;
            let (own, others) = (self.protocol.per_class(&images)?, other.per_class(&images)?);
            if own == others {
                return Ok(Some(format!("both take {own} photographs of each class")));
            }
        }
        let boxes = self.store.table("imagenette_boundingboxes")?.height();
        if other.subset.objects != self.protocol.subset.objects && boxes == 0 {
            return Ok(Some("this study has no boxes".into()));
        }
        Ok(None)
    }

    fn conclude(&self, protocol: &Protocol, fault: Fault, first: &Sequence) -> Result<DataFrame> {
        say(&format!("ablation: {}", protocol.name));
        // What the analysis alone changes needs no files of its own.
        let store = match fault.step() {
            Step::Analysis => first.store.clone(),
            _ => self.linked(&first.store, RUN)?,
        };
        let own = Sequence { store, protocol: protocol.clone(), device: self.device };
        own.again(fault.step())?;
        let found = conclusions(&own)?;
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

/// The table of a fault's conclusions.
fn name_of(fault: Fault) -> String {
    format!("ablation/{}", fault.id())
}

fn conclusions(sequence: &Sequence) -> Result<DataFrame> {
    let (predictions, overlap) = (sequence.store.table("predictions")?, sequence.store.table("imgnette_sample_data")?);
    analysis::conclusions(&predictions, &overlap, &sequence.protocol.analysis)
}

/// Whether two protocols differ in their names alone.
fn same(a: &Protocol, b: &Protocol) -> bool {
    a.clone().named(&b.name) == *b
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
    unmade(base, format!("{NOT_RUN}{}", error.message()))
}

/// The conclusions of a run that was not made, as it could not differ from the first.
fn unreached(base: &DataFrame, why: &str) -> Result<DataFrame> {
    unmade(base, format!("{UNREACHED}{why}"))
}

fn unmade(base: &DataFrame, says: String) -> Result<DataFrame> {
    let says = vec![says; base.height()];
    let mut columns = Vec::new();
    for column in base.columns() {
        let missing = matches!(
            column.name().as_str(),
            "effect" | "low" | "high" | "d_z" | "rank_biserial" | "statistic" | "p" | "adjusted"
        );
        columns.push(match column.name().as_str() {
            "says" => Column::new("says".into(), &says),
            "verdict" => Column::new("verdict".into(), vec!["unsaid"; base.height()]),
            "n" => Column::new("n".into(), vec![0i64; base.height()]),
            _ if missing => Column::new(column.name().clone(), vec![None::<f64>; base.height()]),
            _ => column.clone(),
        });
    }
    Ok(DataFrame::new(base.height(), columns)?)
}

/// A run's conclusions with how they differ from the first run's.
fn compared(found: &DataFrame, base: &DataFrame, run: &str, id: &str) -> Result<DataFrame> {
    let column = |table: &DataFrame, name: &str| texts(table, name);
    let (now, then) = (column(found, "verdict")?, column(base, "verdict")?);
    let (of, before_of, says) = (column(found, "of")?, column(base, "of")?, column(found, "says")?);
    let (effects, before) = (floats(found, "effect")?, floats(base, "effect")?);
    let (low, high) = (floats(base, "low")?, floats(base, "high")?);
    let directed = |verdict: &str| matches!(verdict, "first" | "second");
    let moved = |row: usize| {
        if says[row].starts_with(NOT_RUN) {
            "not run"
        } else if says[row].starts_with(UNREACHED) {
            "cannot reach"
        } else if now[row] != then[row] {
            if directed(&now[row]) && directed(&then[row]) { "sign" } else { "significance" }
        } else if of[row] == before_of[row] && (effects[row] < low[row] || effects[row] > high[row]) {
            if effects[row] * before[row] < 0.0 { "sign" } else { "size" }
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

    fn table(effect: f64, verdict: &str, of: &str) -> DataFrame {
        df!(
            "conclusion" => ["c"],
            "of" => [of],
            "effect" => [effect],
            "low" => [0.1],
            "high" => [0.5],
            "verdict" => [verdict],
            "says" => ["in words"],
        )
        .unwrap()
    }

    #[test]
    fn a_conclusion_moves_by_its_sign_its_significance_or_its_size() {
        let base = table(0.3, "first", "share");
        let moved = |effect, verdict, of| {
            let found = compared(&table(effect, verdict, of), &base, "run", "X").unwrap();
            texts(&found, "moved").unwrap().remove(0)
        };
        assert_eq!(moved(0.2, "first", "share"), "");
        assert_eq!(moved(0.6, "first", "share"), "size");
        assert_eq!(moved(0.6, "first", "count"), "", "another measure has another size");
        assert_eq!(moved(-0.3, "second", "share"), "sign");
        assert_eq!(moved(0.2, "no difference", "share"), "significance");
        assert_eq!(moved(f64::NAN, "first", "share"), "");
        let unreached = unreached(&base, "this study has no boxes").unwrap();
        let unreached = compared(&unreached, &base, "run", "X").unwrap();
        assert_eq!(texts(&unreached, "moved").unwrap(), ["cannot reach"]);
        assert!(texts(&unreached, "says").unwrap()[0].contains("no boxes"));
        let failed = failed(&base, &Error::new(Code::Image, "no photograph")).unwrap();
        assert_eq!(texts(&compared(&failed, &base, "run", "X").unwrap(), "moved").unwrap(), ["not run"]);
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
