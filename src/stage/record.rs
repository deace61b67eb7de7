//! Finished or not: a stage is done when its manifest says so for the same inputs, parameters and code.

use std::fs;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::code::{Named, code_of};
use super::decided::Decided;
use super::parts::retire;
use super::piece::sweep;
use crate::error::{Code, Error, Result};
use crate::files::{FORM, ImageFile, Planned, Share, Store, Written, hash_file, hex, sha256_hex};

/// The closing line of a stage: it adds up, `input = ok + skipped`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The stage's name.
    pub stage: String,
    /// Items that went in.
    pub input: u64,
    /// Items that came out.
    pub ok: u64,
    /// Items that were skipped; each is a row in the stage's table of rejects.
    pub skipped: u64,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Summary { stage, input, ok, skipped } = self;
        write!(f, "{stage}: {input} in = {ok} ok + {skipped} skipped")
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    stage: String,
    key: String,
    parameters: serde_json::Value,
    summary: Summary,
    files: Vec<Written>,
}

/// What is on record of one stage of a data root: the key of what it is about to do, and whether that was finished.
#[derive(Debug, Clone)]
pub struct Record {
    store: Store,
    parameters: serde_json::Value,
    hashes: Vec<String>,
    decided: Decided,
}

impl Store {
    /// The record of a stage with its parameters and the files it reads (each by its content). The key also covers the library's
    /// own code, so that a result of older code is made again.
    ///
    /// # Errors
    /// [`Code::Missing`] or [`Code::Io`] if an input cannot be read.
    pub fn record(&self, of: Named<'_>, parameters: &impl Serialize, inputs: &[PathBuf]) -> Result<Record> {
        let hashes: Result<Vec<String>> = inputs.par_iter().map(|path| hash_file(path).map(|hash| hash.1)).collect();
        let names = inputs.iter().map(|path| path.file_name().unwrap_or_default().as_encoded_bytes());
        Record::of(self, of, parameters, names.zip(hashes?))
    }

    /// The record of a stage that reads photographs, each by its identity and content. One that cannot be read counts as such:
    /// the stage skips it, and does its work again when it can be read.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the parameters cannot be written.
    pub fn record_of_images(&self, of: Named<'_>, parameters: &impl Serialize, images: &[ImageFile]) -> Result<Record> {
        let hash = |image: &ImageFile| hash_file(&image.path).map_or_else(|_| UNREADABLE.to_string(), |hash| hash.1);
        let hashes: Vec<String> = images.par_iter().map(hash).collect();
        Record::of(self, of, parameters, images.iter().map(|image| image.id.as_bytes()).zip(hashes))
    }
}

/// What stands for the hash of a photograph that cannot be read.
const UNREADABLE: &str = "unreadable";

impl Store {
    /// The closing line of a stage, `input = ok + skipped`, if it may be accepted.
    ///
    /// # Errors
    /// [`Code::Image`] if nothing was ok, or if more than [`Store::max_reject_share`] was skipped; [`Code::Table`] if
    /// more came out than went in.
    pub fn accept(&self, stage: &str, input: u64, ok: u64) -> Result<Summary> {
        let skipped = input.checked_sub(ok).ok_or_else(|| {
            let found = format!("{stage}: {ok} came out, of {input} that went in");
            Error::new(Code::Table, found)
                .hint("two inputs, or two networks, are taken for one: give each its own name")
        })?;
        let summary = Summary { stage: stage.to_string(), input, ok, skipped };
        let why = "the step's table of rejects (…_rejects.csv in the data root) has each file's reason";
        if ok == 0 && input > 0 {
            return Err(Error::new(Code::Image, format!("{summary}: nothing was ok")).hint(why));
        }
        let (share, most) = (summary.skipped as f64 / input.max(1) as f64, self.max_reject_share());
        if share > most {
            let found = format!("{summary}: {:.1} % were skipped, at most {:.1} % may be", share * 100.0, most * 100.0);
            return Err(Error::new(Code::Image, found)
                .hint(format!("{why}; allow more with --max-reject-share or LGF_MAX_REJECT_SHARE")));
        }
        Ok(summary)
    }
}

impl Record {
    fn of<'a>(
        store: &Store,
        Named(room, name): Named<'_>,
        parameters: &impl Serialize,
        inputs: impl Iterator<Item = (&'a [u8], String)>,
    ) -> Result<Record> {
        let parameters = serde_json::to_value(parameters)
            .map_err(|cause| Error::new(Code::Parameter, format!("parameters of {name}")).because(cause))?;
        let (mut hasher, mut hashes) = (Sha256::new(), Vec::new());
        for (input, hash) in inputs {
            hasher.update(input);
            hasher.update(&hash);
            hashes.push(hash);
        }
        let decided = Decided {
            step: name.to_string(),
            key: String::new(),
            code: format!("{} {FORM}", code_of(room)),
            parameters: sha256_hex(parameters.to_string().as_bytes()),
            inputs: hex(&hasher.finalize()),
            device: String::new(),
        };
        let record = Record { store: store.clone(), parameters, hashes, decided };
        Ok(record.reading(&[]))
    }

    /// A stage that reads the same files by the same parameters, and more: its name, what more is called, what identifies it.
    pub(super) fn part(&self, name: &str, more: &[(&str, &str)]) -> Self {
        let mut part = self.clone();
        part.decided.step = name.to_string();
        part.reading(more)
    }

    /// The same, done on a device.
    pub(super) fn on(mut self, device: &str) -> Self {
        self.decided.device = device.to_string();
        self
    }

    /// The same, which reads more than files: what each is called, and what identifies its content.
    pub(super) fn reading(mut self, more: &[(&str, &str)]) -> Self {
        let Decided { code, parameters, inputs, key, .. } = &mut self.decided;
        for (name, hash) in more {
            *inputs = sha256_hex(format!("{inputs} {name} {hash}").as_bytes());
        }
        *key = sha256_hex(format!("{code} {parameters} {inputs}").as_bytes());
        self
    }

    /// SHA-256 of the content of an input, by its place; of one that cannot be read a word that says so.
    pub(crate) fn hash_of(&self, input: usize) -> &str {
        &self.hashes[input]
    }

    /// The summary of the finished stage, if it was finished with this very key and its files are still whole.
    pub fn finished(&self) -> Option<Summary> {
        let manifest: Manifest = serde_json::from_slice(&fs::read(self.manifest_path()).ok()?).ok()?;
        let Summary { stage, input, ok, skipped } = &manifest.summary;
        let adds_up = ok.checked_add(*skipped) == Some(*input) && stage == self.name() && manifest.stage == *stage;
        if manifest.version != FORM || manifest.key != self.key() || !adds_up {
            return None;
        }
        // A plan trusts what is there.
        let planned = matches!(self.store.share(), Share::Planned(_));
        let whole = planned || manifest.files.par_iter().all(|file| self.store.is_whole(file));
        whole.then_some(manifest.summary)
    }

    /// Says in a plan that the stage is finished, of so many items.
    pub(crate) fn plan_finished(&self, unit: &str) {
        if let (Some(Summary { input, .. }), Share::Planned(plan)) = (self.finished(), self.store.share()) {
            plan.add(Planned::finished(self.name(), unit, input));
        }
    }

    /// A folder under the root that this stage builds piece by piece. Pieces of the same key are kept, so that a
    /// stopped run goes on; pieces of any other key are removed. Where a shard works, or shards are joined, nothing is: other
    /// processes write there.
    ///
    /// # Errors
    /// [`Code::Io`] if the folder cannot be made or cleared.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.store.path(name);
        if *self.store.share() != Share::Whole {
            return Ok(folder);
        }
        // Of two that begin at once, the second finds the first's folder and keeps it.
        let _alone = self.store.alone();
        if self.is_of(name) {
            return Ok(folder);
        }
        self.store.remove_folder(name)?;
        self.store.write(&self.marker(name), self.key().as_bytes())?;
        Ok(folder)
    }

    /// Whether a folder is of this stage, as it is decided now.
    fn is_of(&self, folder: &str) -> bool {
        fs::read(self.store.path(&self.marker(folder))).is_ok_and(|key| key == self.key().as_bytes())
    }

    fn marker(&self, folder: &str) -> String {
        format!("{folder}/.key-{}", self.name().replace('/', "-"))
    }

    /// Makes a folder that shards wrote to that of this stage: what is not among its files goes.
    pub(super) fn take_folder(&self, folder: &str, files: &[Written]) -> Result<()> {
        if !self.is_of(folder) {
            sweep(&self.store, &[folder], &files.iter().map(|file| file.name.as_str()).collect())?;
            self.store.write(&self.marker(folder), self.key().as_bytes())?;
        }
        Ok(())
    }

    /// Writes the manifest, last of all: what went in and came out, and a hash for each file.
    ///
    /// # Errors
    /// As [`Store::accept`]; [`Code::Io`] if a file cannot be read back.
    pub fn finish(&self, input: u64, ok: u64, files: &[PathBuf]) -> Result<Summary> {
        let hashed: Result<Vec<Written>> = files.par_iter().map(|path| self.store.written(path)).collect();
        self.finish_written(input, ok, hashed?)
    }

    /// As [`finish`](Record::finish), for files whose hashes are known from writing them.
    ///
    /// # Errors
    /// As [`Store::accept`]; [`Code::Io`] if the manifest cannot be written.
    pub fn finish_written(&self, input: u64, ok: u64, files: Vec<Written>) -> Result<Summary> {
        let summary = self.store.accept(self.name(), input, ok)?;
        let manifest = Manifest {
            version: FORM,
            stage: self.name().to_string(),
            key: self.key().to_string(),
            parameters: self.parameters.clone(),
            summary: summary.clone(),
            files,
        };
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|cause| Error::new(Code::Manifest, "cannot be written").because(cause))?;
        self.store.write(&format!("manifests/{}.json", self.name()), &text)?;
        // Parts carry their own key: what stays of them is never taken for a result.
        let _ = retire(&self.store, &self.parts_folder());
        Ok(summary)
    }

    /// What decides it.
    pub(super) fn decided(&self) -> &Decided {
        &self.decided
    }

    /// The stage's name.
    pub(crate) fn name(&self) -> &str {
        &self.decided.step
    }

    /// What tables of rejects call it: the beginning of its name, as `experiments` of `experiments/scr_vgg16`.
    pub(super) fn stage(&self) -> &str {
        self.name().split('/').next().unwrap_or_default()
    }

    /// The data root.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The folder of the parts that a stopped run goes on with, under the root.
    pub(super) fn parts_folder(&self) -> String {
        format!("manifests/parts/{}", self.name())
    }

    /// What identifies this stage's inputs, parameters and code, in hexadecimal.
    pub fn key(&self) -> &str {
        &self.decided.key
    }

    fn manifest_path(&self) -> PathBuf {
        self.store.path(&format!("manifests/{}.json", self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_finished_for_its_own_key_and_whole_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap().accepting(0.1).unwrap();
        let input = store.write("input.txt", b"one").unwrap();
        let stage = store.record(Named("edges", "edges"), &3, std::slice::from_ref(&input)).unwrap();
        assert_eq!(stage.finished(), None);
        let output = store.write("edges.txt", b"result").unwrap();
        stage.finish(10, 9, &[output]).unwrap();
        assert_eq!(stage.finished().unwrap().to_string(), "edges: 10 in = 9 ok + 1 skipped");

        assert_eq!(store.record(Named("edges", "edges"), &4, std::slice::from_ref(&input)).unwrap().finished(), None);
        store.write("edges.txt", b"resulT").unwrap();
        assert_eq!(stage.finished(), None);
        store.write("edges.txt", b"result").unwrap();
        assert!(stage.finished().is_some());
        store.write("input.txt", b"two").unwrap();
        assert_eq!(store.record(Named("edges", "edges"), &3, &[input]).unwrap().finished(), None);
    }

    #[test]
    fn a_changed_bit_anywhere_in_a_manifest_or_a_marker_is_noticed_or_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap().accepting(0.1).unwrap();
        let stage = store.record(Named("edges", "edges"), &("sigma", 1.4), &[]).unwrap();
        let (first, second) = (store.write("a.txt", b"first").unwrap(), store.write("b.txt", b"second").unwrap());
        let summary = stage.finish(1000, 990, &[first.clone(), second]).unwrap();
        let piece = store.piece(Named("edges", "edges"), &1).unwrap();
        let files = [store.written(&first).unwrap()];
        piece.finish(&files).unwrap();
        let each = |name: &str, right: &dyn Fn() -> Option<bool>| {
            let path = store.path(name);
            let bytes = fs::read(&path).unwrap();
            let mut noticed = 0;
            for place in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[place / 8] ^= 1 << (place % 8);
                fs::write(&path, &changed).unwrap();
                let found = right();
                assert_ne!(found, Some(false), "{name}, bit {place}: {}", String::from_utf8_lossy(&changed));
                noticed += u32::from(found.is_none());
            }
            assert!(noticed > 500, "{noticed} of {name}");
            fs::write(&path, &bytes).unwrap();
            assert_eq!(right(), Some(true));
        };
        each("manifests/edges.json", &|| stage.finished().map(|found| found == summary));
        each("manifests/pieces/edges.json", &|| piece.finished().map(|found| found == files));
    }

    #[test]
    fn a_changed_bit_in_a_table_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let stage = store.record(Named("edges", "edges"), &1, &[]).unwrap();
        let rows: Vec<i64> = (0..500).collect();
        let tables = store.write_table("edges_data", &polars::prelude::df!("a" => rows).unwrap()).unwrap();
        stage.finish(1, 1, &tables).unwrap();
        for path in &tables {
            let bytes = fs::read(path).unwrap();
            for at in (0..bytes.len()).step_by(7) {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                fs::write(path, &changed).unwrap();
                assert_eq!(stage.finished(), None, "{}, byte {at}", path.display());
            }
            fs::write(path, &bytes).unwrap();
        }
        assert!(stage.finished().is_some());
    }

    #[test]
    fn pieces_are_kept_for_the_same_key_and_cleared_for_another() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let first = store.record(Named("edges", "lrp"), &1, &[]).unwrap();
        first.folder("lrp").unwrap();
        store.write("lrp/a.npy", b"x").unwrap();
        assert!(first.folder("lrp").unwrap().join("a.npy").exists());
        assert!(!store.record(Named("edges", "lrp"), &2, &[]).unwrap().folder("lrp").unwrap().join("a.npy").exists());
    }

    #[test]
    fn two_that_begin_at_once_keep_each_others_pieces() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..200 {
            let root = folder.path().join(round.to_string());
            let both = std::sync::Barrier::new(2);
            let begins = |file: &str| {
                let store = Store::at(&root).unwrap();
                let stage = store.record(Named("edges", "edges"), &1, &[]).unwrap();
                both.wait();
                stage.folder("edges").and_then(|_| store.write_unsynced(&format!("edges/{file}"), b"x"))
            };
            let written = std::thread::scope(|scope| {
                let other = scope.spawn(|| begins("a.png"));
                [begins("b.png"), other.join().unwrap()]
            });
            assert!(written.iter().all(|path| path.as_ref().is_ok_and(|path| path.exists())), "{round}: {written:?}");
        }
    }

    #[test]
    fn bad_input_56_a_manifest_of_another_form_is_built_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let stage = store.record(Named("edges", "edges"), &1, &[]).unwrap();
        let output = store.write("edges.txt", b"result").unwrap();
        stage.finish(1, 1, &[output]).unwrap();
        assert!(stage.finished().is_some());
        let text = fs::read_to_string(stage.manifest_path()).unwrap();
        for changed in
            [text.replacen("\"version\": 2", "\"version\": 99", 1), "{}".into(), text[..text.len() / 2].into()]
        {
            assert_ne!(changed, text);
            store.write("manifests/edges.json", changed.as_bytes()).unwrap();
            assert_eq!(stage.finished(), None);
        }
        // A root as an earlier version wrote it is said to be one before anything is read from it.
        store.write("manifests/edges.json", text.replacen("\"version\": 2", "\"version\": 1", 1).as_bytes()).unwrap();
        let error = Store::at(folder.path()).unwrap_err();
        assert_eq!(error.code(), Code::Manifest);
        assert!(error.to_string().contains("build it again"), "{error}");
    }

    #[test]
    fn bad_input_66_a_photograph_that_cannot_be_read_does_not_end_a_stage() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let images = [ImageFile::at(folder.path().join("gone.png"), "n01440764/gone.png")];
        let without = store.record_of_images(Named("edges", "edges"), &1, &images).unwrap();
        fs::write(&images[0].path, "x").unwrap();
        assert_ne!(without.key(), store.record_of_images(Named("edges", "edges"), &1, &images).unwrap().key());
    }

    #[test]
    fn bad_input_86_more_that_came_out_than_went_in_is_an_error_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let stage = Store::at(folder.path()).unwrap().record(Named("edges", "experiments/scr_a"), &1, &[]).unwrap();
        let error = stage.finish(42, 84, &[]).unwrap_err().to_string();
        assert!(error.contains("84 came out, of 42 that went in"), "{error}");
        assert_eq!(stage.finished(), None);
    }

    #[test]
    fn a_stage_without_any_result_fails() {
        let folder = tempfile::tempdir().unwrap();
        let stage = Store::at(folder.path()).unwrap().record(Named("edges", "edges"), &1, &[]).unwrap();
        assert!(stage.finish(3, 0, &[]).unwrap_err().to_string().contains("nothing was ok"));
    }
}
