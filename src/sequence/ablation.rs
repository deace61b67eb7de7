//! The sequence again and again, with one fault more or less each time.

use std::fs;
use std::path::Path;

use super::run::{Inference, Run};
use crate::analysis::{self, AblationRow, ConclusionRow, Outcome};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Scratch, Share, Store};
use crate::notebook::say;
use crate::observers;
use crate::protocol::{Fault, Protocol, Step};
use crate::stage::{Named, Record};
use crate::study::Study;
use crate::table::{Row, Scoring};

/// What stays with the root that it was made for, and is not linked into others.
const OWN: [&str; 7] = ["ablation", "analysis", "figures", "notebooks", "bench", "downloads", "report.html"];

/// What the data roots of the first run and of one with a fault are called, below this one: each process has its own.
const ROOT: &str = "ablation/root";
const RUN: &str = "ablation/run";

impl Run {
    /// The conclusions by this sequence's protocol, then with each fault by itself repeated, or, from the published protocol,
    /// mended, and how each differs from the first run's. Written to `ablation`, with those faults that were run before.
    ///
    /// Each run has a data root of its own, made of links to this one, in which only those steps are done again that the
    /// fault changes; what it concluded is kept in `ablation/`, the rest is removed. A stopped ablation goes on where it was.
    ///
    /// # Errors
    /// [`Code::Stopped`]; [`Code::Io`] if the root cannot be written; [`Code::Partial`] where a shard has done its faults;
    /// [`Code::Manifest`] where shards are joined that lack some. A run that fails otherwise says so in `says`.
    pub fn ablate(&self, faults: &[Fault]) -> Result<Vec<AblationRow>> {
        // A study of stimuli alone has no conclusion but those about observers.
        if self.study.described.is_of_stimuli_alone() {
            let rows = self.other_choices()?;
            self.store().makes_tables()?;
            self.store().write_rows("ablation", rows.clone())?;
            return Ok(rows);
        }
        let own: Vec<Fault> = faults.iter().copied().filter(|fault| self.does(*fault)).collect();
        let run = self.store().progress("ablation").start(own.len() + 1, "runs");
        // It goes when this returns.
        let (first, _folder) = self.first()?;
        let base = first.conclusions()?;
        run.tick();
        let as_it_is = format!("{}, as it is", self.protocol.name);
        let mut rows = Outcome::Concluded(base.clone()).compared(&base, &as_it_is, "");
        let mut lacking = Vec::new();
        for fault in Fault::ALL {
            let (other, word) = self.turned(fault);
            let record = self.record_of(&other, fault, &first)?;
            let known = record.finished().is_some();
            if let Some(why) = self.not_run(fault, &record).filter(|_| !known) {
                rows.extend(Outcome::NotRun(why).compared(&base, &format!("{word} {fault}"), fault.id()));
                continue;
            }
            if !known && !own.contains(&fault) {
                lacking.extend(Some(fault.id()).filter(|_| faults.contains(&fault)));
                continue;
            }
            run.check()?;
            let outcome = match first.out_of_reach(&other) {
                Ok(Some(why)) => Ok(Outcome::OutOfReach(why)),
                Ok(None) if known => self.store().rows(&name_of(fault)).map(Outcome::Concluded),
                Ok(None) => self.conclude(&other, fault, &first).map(Outcome::Concluded),
                Err(error) => Err(error),
            };
            let outcome = match outcome {
                Ok(found) if known => found,
                Ok(found) => {
                    let table = ConclusionRow::table(found.conclusions(&base))?;
                    record.finish(1, 1, &self.store().write_table(&name_of(fault), &table)?)?;
                    found
                }
                Err(error) if error.code() == Code::Stopped || error.code() == Code::Io => return Err(error),
                Err(error) => {
                    self.keep_not_run(fault, &record, error.message())?;
                    Outcome::NotRun(error.message().to_string())
                }
            };
            rows.extend(outcome.compared(&base, &format!("{word} {fault}"), fault.id()));
            if own.contains(&fault) {
                run.tick();
            }
        }
        self.end_of_share(own.len(), &lacking)?;
        rows.extend(first.by_scoring(&base, Run::conclusions)?);
        run.finish();
        self.store().write_rows("ablation", rows.clone())?;
        Ok(rows)
    }

    /// Whether a fault is of this process' share.
    fn does(&self, fault: Fault) -> bool {
        match self.store().share() {
            Share::Whole => true,
            Share::Shard(shard) => shard.has(fault.id()),
            Share::Joined | Share::Planned(_) => false,
        }
    }

    /// Where shards are joined: why one of them could not run a fault, if so.
    fn not_run(&self, fault: Fault, record: &Record) -> Option<String> {
        let text = String::from_utf8(self.store().read(&not_run_name(fault)).ok()?).ok()?;
        let why = text.strip_prefix(record.key())?.to_string();
        (*self.store().share() == Share::Joined).then_some(why)
    }

    /// Keeps in a shard why it could not run a fault.
    fn keep_not_run(&self, fault: Fault, record: &Record, why: &str) -> Result<()> {
        match self.store().share() {
            Share::Shard(_) => {
                let text = format!("{}{why}", record.key());
                self.store().write(&not_run_name(fault), text.as_bytes()).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Whether nothing is left to do here: a shard has done its part, or what is joined lacks some faults.
    fn end_of_share(&self, own: usize, lacking: &[&str]) -> Result<()> {
        match self.store().share() {
            Share::Shard(shard) => {
                let done = format!("ablation: shard {shard} has its {own} faults; those of others are to come");
                Err(Error::new(Code::Partial, done).hint("`lgf merge ablate` joins all shards"))
            }
            Share::Joined if !lacking.is_empty() => {
                let found = format!("ablation: {} faults are not there: {}", lacking.len(), lacking.join(", "));
                Err(Error::new(Code::Manifest, found)
                    .hint("run the shards again that have them, then `lgf merge ablate`"))
            }
            _ => Ok(()),
        }
    }

    /// What the field says of networks and people ([`analysis::statements`]) by this protocol's choices, then with each choice of
    /// the field's tools by itself repeated, or, from the published protocol, mended (faults F2 to F5), and by each other scoring
    /// of a network's outputs: which statement turns with which choice. Needs the decisions of step 5 alone.
    ///
    /// # Errors
    /// As [`Run::trials`] and [`analysis::statements`].
    pub fn other_choices(&self) -> Result<Vec<AblationRow>> {
        let base = self.statements()?;
        let as_it_is = format!("{}, as it is", self.protocol.name);
        let mut rows = Outcome::Concluded(base.clone()).compared(&base, &as_it_is, "");
        for fault in Fault::ALL.into_iter().filter(|fault| fault.step() == Step::Observers) {
            let (other, word) = self.turned(fault);
            let found = self.by(other).statements()?;
            rows.extend(Outcome::Concluded(found).compared(&base, &format!("{word} {fault}"), fault.id()));
        }
        rows.extend(self.by_scoring(&base, Run::statements)?);
        Ok(rows)
    }

    /// What the field says of networks and people, by this protocol ([`analysis::statements`]).
    ///
    /// # Errors
    /// As [`Run::trials`] and [`analysis::statements`].
    pub fn statements(&self) -> Result<Vec<ConclusionRow>> {
        analysis::statements(&self.trials()?, &self.study.compared(), &self.protocol.analysis.observers)
    }

    /// The protocol with a fault repeated, or mended where it is repeated already, and the word for it.
    fn turned(&self, fault: Fault) -> (Protocol, &'static str) {
        let repeated = self.protocol.repeat(fault);
        match same(&repeated, &self.protocol) {
            true => (self.protocol.mend(fault), "without"),
            false => (repeated, "with"),
        }
    }

    /// Conclusions again, by each other scoring of a network's outputs.
    fn by_scoring(
        &self,
        base: &[ConclusionRow],
        conclude: fn(&Run) -> Result<Vec<ConclusionRow>>,
    ) -> Result<Vec<AblationRow>> {
        let own = self.protocol.analysis.observers.scoring;
        let mut rows = Vec::new();
        if self.trials()?.is_empty() {
            return Ok(rows);
        }
        // F3 is that of a sum over one half.
        let others = Scoring::ALL.into_iter().filter(|scoring| *scoring != own && *scoring != Scoring::SumOverHalf);
        for scoring in others {
            let name = format!("scoring: {}", scoring.name());
            let mut protocol = self.protocol.clone().named(&name);
            protocol.analysis.observers.scoring = scoring;
            rows.extend(Outcome::Concluded(conclude(&self.by(protocol))?).compared(base, &name, scoring.name()));
        }
        Ok(rows)
    }

    /// Every step by this protocol, in a root of links; what the root itself has finished is not done again.
    fn first(&self) -> Result<(Run, Scratch)> {
        let (store, folder) = self.linked(self.store(), ROOT)?;
        let own = self.in_root(store);
        own.again(Step::Subset)?;
        Ok((own, folder))
    }

    /// What a fault's conclusions are made from: its protocol, the pairs that are compared, and what the first run says of the
    /// same photographs and networks.
    fn record_of(&self, protocol: &Protocol, fault: Fault, first: &Run) -> Result<Record> {
        let inputs = ["predictions.parquet", "imgnette_sample_data.parquet"].map(|name| first.store().path(name));
        let mut inputs = inputs.to_vec();
        inputs.extend(Some(first.store().path("features.parquet")).filter(|path| path.exists()));
        for set in self.study.described.stimulus_folders().iter().filter(|_| !self.study.networks().is_empty()) {
            inputs.push(first.store().path(&format!("observed/{}.parquet", set.name)));
        }
        for folder in &self.study.described.decisions {
            let files = observers::read_folder(&self.study.decisions_folder(folder))?;
            inputs.extend(files.into_iter().map(|(path, _)| path));
        }
        self.store().record(Named("sequence", &name_of(fault)), &(protocol, self.study.compared()), &inputs)
    }

    fn conclusions(&self) -> Result<Vec<ConclusionRow>> {
        let (predictions, overlap) = (self.store().rows("predictions")?, self.store().rows("imgnette_sample_data")?);
        let mut rows = analysis::conclusions(&predictions, &overlap, &self.study.compared(), &self.protocol.analysis)?;
        rows.extend(self.statements()?);
        match self.reliance() {
            Ok(found) => rows.extend(analysis::feature_statements(&found)),
            Err(error) if error.code() == Code::Missing => {}
            Err(error) => return Err(error),
        }
        Ok(rows)
    }

    /// Why no conclusion of this study can depend on how `other` differs, if none can.
    fn out_of_reach(&self, other: &Protocol) -> Result<Option<String>> {
        let study = &self.study;
        let ids = |images: Vec<ImageFile>| images.into_iter().map(|image| image.id).collect::<Vec<_>>();
        let photographs = |protocol: &Protocol| protocol.photographs(study);
        if other.subset.validation != self.protocol.subset.validation
            && ids(photographs(other)?) == ids(photographs(&self.protocol)?)
        {
            return Ok(Some("neither names nor folders say which photographs networks were trained on".into()));
        }
        if other.datasets.sampling != self.protocol.datasets.sampling {
            if let Some(count) = study.described.images_per_class {
                return Ok(Some(format!("study.json asks for {count} photographs of each class")));
            }
            let images = photographs(other)?;
            let (own, others) = (self.protocol.per_class(&images)?, other.per_class(&images)?);
            if own == others {
                return Ok(Some(format!("both take {own} photographs of each class")));
            }
        }
        let boxes = self.store().table("imagenette_boundingboxes")?.height();
        if other.subset.objects != self.protocol.subset.objects && boxes == 0 {
            return Ok(Some("this study has no boxes".into()));
        }
        Ok(None)
    }

    fn conclude(&self, protocol: &Protocol, fault: Fault, first: &Run) -> Result<Vec<ConclusionRow>> {
        say(&format!("ablation: {}", protocol.name));
        // What the analysis alone changes needs no files of its own.
        let (store, _folder) = match fault.step() {
            Step::Analysis | Step::Observers | Step::Features => (first.store().clone(), None),
            _ => self.linked(first.store(), RUN).map(|(store, folder)| (store, Some(folder)))?,
        };
        let own = self.in_root(store).by(protocol.clone());
        own.again(fault.step())?;
        own.conclusions()
    }

    /// Every step from one on; what is on record with the same choices is not done again.
    fn again(&self, first: Step) -> Result<()> {
        if first >= Step::Analysis {
            return Ok(());
        }
        if first <= Step::Subset {
            self.boxes()?;
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
            self.observe(&Inference::default())?;
            // Without their predictions nothing was said of features, and nothing will be.
            if self.store().path("features.parquet").exists() {
                self.features(&Inference::default())?;
            }
        }
        if first != Step::Edges {
            self.relevance()?;
        }
        self.overlap()?;
        Ok(())
    }

    /// The same run in another data root.
    fn in_root(&self, store: Store) -> Run {
        Run { study: Study { store, ..self.study.clone() }, ..self.clone() }
    }

    /// A data root below this one that has every file of another as a link, for as long as its folder is wanted.
    fn linked(&self, other: &Store, name: &str) -> Result<(Store, Scratch)> {
        let folder = Scratch::beside(&self.store().path(name))?;
        link_all(other.root(), folder.folder(), true)?;
        Ok((self.store().like_this_at(folder.folder())?, folder))
    }
}

/// Where a shard says why it could not run a fault, after the key of what it would have run.
fn not_run_name(fault: Fault) -> String {
    format!("{}_not_run.txt", name_of(fault))
}

/// The table of a fault's conclusions.
fn name_of(fault: Fault) -> String {
    format!("ablation/{}", fault.id())
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

#[cfg(test)]
mod tests {
    use super::*;

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
