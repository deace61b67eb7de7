//! The library as cells use it, built and linked once: a folder in which nothing that was made changes any more.
//!
//! `kernel/warm` makes one whenever the library, the toolchain or libtorch has changed; each kernel holds the newest by
//! a shared lock for as long as it lives. What its cells are compiled against is what they run with, whatever happens to
//! the library's sources meanwhile.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The description of a snapshot, inside its folder.
const DESCRIPTION: &str = "snapshot.json";
/// Names the newest snapshot, beside them.
const CURRENT: &str = "current";
/// The library and all that it depends on, as one shared object.
pub const LINKED: &str = "liblgf_cells.so";
/// Crates as the compiler reads them.
pub const CRATES: &str = "crates";
/// The answer to `cargo metadata` for a notebook that depends on the library alone.
pub const METADATA: &str = "metadata.json";

/// The name that evcxr gives a notebook's own crate, and its folder in a slot.
pub const NOTEBOOK: &str = "ctx";
/// The folder of cells compiled in the short way, in a slot's crate.
pub const OUT: &str = "short";
/// A file in a slot's crate while a kernel starts: what is compiled then is the same for every kernel, and is kept.
pub const STARTING: &str = "starting";
/// A file in a slot's crate, written before a cell that loops: such a cell is worth a tenth of a second of optimising.
pub const OPTIMISE: &str = "optimise";

/// A snapshot that was read from its folder.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The folder of the snapshot.
    pub folder: PathBuf,
    /// The project that it was made from.
    pub project: PathBuf,
    /// The compiler that made it.
    pub rustc: PathBuf,
    /// The flags that every crate in it was compiled with.
    pub rustflags: String,
    /// libtorch's folder.
    pub libtorch: String,
    /// The platform, as cargo names it.
    pub target: String,
    /// Folders of native libraries, as `-L` takes them.
    pub native: Vec<String>,
    /// Rust's standard library without what no cell can name, for the analyser.
    pub standard_library: PathBuf,
    /// What it was made from and consists of, once it has been written.
    pub inputs: Vec<Input>,
}

/// A file that a snapshot was made from, or consists of, as it was then.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    path: PathBuf,
    modified: i64,
    size: u64,
    /// Of files small enough to be read again when only their time has changed.
    sha256: Option<String>,
}

/// Files up to this size are hashed.
const HASHED: u64 = 4 << 20;

impl Input {
    fn of(path: &Path) -> io::Result<Self> {
        let data = fs::metadata(path)?;
        let sha256 = if data.len() <= HASHED { Some(sha256(path)?) } else { None };
        Ok(Input { path: path.to_path_buf(), modified: time_of(&data), size: data.len(), sha256 })
    }

    /// Whether the file is what it was: by time and size, else by content.
    fn is_unchanged(&self) -> bool {
        let Ok(data) = fs::metadata(&self.path) else { return false };
        if data.len() != self.size {
            return false;
        }
        time_of(&data) == self.modified
            || self.sha256.as_ref().is_some_and(|known| sha256(&self.path).is_ok_and(|now| now == *known))
    }

    fn to_json(&self) -> Value {
        json!({"path": self.path, "modified": self.modified, "size": self.size, "sha256": self.sha256})
    }

    fn from_json(value: &Value) -> Option<Self> {
        Some(Input {
            path: value["path"].as_str()?.into(),
            modified: value["modified"].as_i64()?,
            size: value["size"].as_u64()?,
            sha256: value["sha256"].as_str().map(str::to_string),
        })
    }
}

fn time_of(data: &fs::Metadata) -> i64 {
    data.mtime().saturating_mul(1_000_000_000).saturating_add(data.mtime_nsec())
}

fn sha256(path: &Path) -> io::Result<String> {
    Ok(hex::encode(Sha256::digest(fs::read(path)?)))
}

impl Snapshot {
    /// The newest snapshot among those in a folder.
    pub fn current(among: &Path) -> Result<Self> {
        let pointer = among.join(CURRENT);
        let name = fs::read_to_string(&pointer).with_context(|| format!("there is no {}", pointer.display()))?;
        Snapshot::read(&among.join(name.trim()))
    }

    /// The snapshot in this folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let value: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
        Snapshot::from_json(folder, &value).with_context(|| format!("{} lacks a field", path.display()))
    }

    fn from_json(folder: &Path, value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_string);
        Some(Snapshot {
            folder: folder.to_path_buf(),
            project: text("project")?.into(),
            rustc: text("rustc")?.into(),
            rustflags: text("rustflags")?,
            libtorch: text("libtorch")?,
            target: text("target")?,
            native: value["native"].as_array()?.iter().filter_map(|each| each.as_str().map(str::to_string)).collect(),
            standard_library: text("standard_library")?.into(),
            inputs: value["inputs"].as_array()?.iter().map(Input::from_json).collect::<Option<_>>()?,
        })
    }

    /// Writes the description, with the present state of all `inputs`; the last thing that is written of a snapshot.
    ///
    /// Fails if one of them was changed since `began`: what was compiled may be the old one or the new.
    pub fn write(mut self, inputs: impl IntoIterator<Item = PathBuf>, began: SystemTime) -> Result<Self> {
        let began = began.duration_since(UNIX_EPOCH)?.as_nanos();
        let mut seen = HashSet::new();
        for path in inputs {
            if seen.insert(path.clone()) {
                let input = Input::of(&path).with_context(|| format!("cannot read {}", path.display()))?;
                let made_here = path.starts_with(&self.folder);
                if !made_here && u128::try_from(input.modified).is_ok_and(|modified| modified >= began) {
                    bail!("{} was changed while the library was compiled", path.display());
                }
                self.inputs.push(input);
            }
        }
        let value = json!({
            "project": self.project, "rustc": self.rustc, "rustflags": self.rustflags, "libtorch": self.libtorch,
            "target": self.target, "native": self.native, "standard_library": self.standard_library,
            "inputs": self.inputs.iter().map(Input::to_json).collect::<Vec<_>>(),
        });
        fs::write(self.folder.join(DESCRIPTION), serde_json::to_string_pretty(&value)? + "\n")?;
        Ok(self)
    }

    /// Makes this snapshot the one that new kernels take.
    pub fn make_current(&self) -> Result<()> {
        let (among, name) = (self.folder.parent(), self.folder.file_name().and_then(|name| name.to_str()));
        let (among, name) = among.zip(name).context("a snapshot has a name")?;
        let part = among.join(format!("{CURRENT}.new"));
        fs::write(&part, format!("{name}\n"))?;
        fs::rename(part, among.join(CURRENT))?;
        Ok(())
    }

    /// Whether nothing that it was made from has changed since: the library's sources, the compiler, libtorch.
    pub fn is_fresh(&self) -> bool {
        let toolchain = self.rustc.parent().and_then(Path::parent);
        let libraries = std::env::var_os("LGF_RUST_LIBRARIES").map(PathBuf::from);
        let same_toolchain = libraries.zip(toolchain).is_some_and(|(own, toolchain)| own.starts_with(toolchain));
        same_toolchain && self.is_whole() && self.changed().is_none()
    }

    /// Whether cells can be compiled and run with it, though the library's sources may be others by now.
    pub fn is_whole(&self) -> bool {
        let same = |key: &str, value: &str| std::env::var(key).is_ok_and(|now| now == value);
        let parts = self.inputs.iter().filter(|input| !self.is_source(&input.path));
        same("LIBTORCH", &self.libtorch)
            && same("RUSTFLAGS", &self.rustflags)
            && parts.into_iter().all(Input::is_unchanged)
    }

    /// The first file that is not what it was.
    pub fn changed(&self) -> Option<&Path> {
        self.inputs.iter().find(|input| !input.is_unchanged()).map(|input| input.path.as_path())
    }

    fn is_source(&self, path: &Path) -> bool {
        path.starts_with(&self.project) && !path.starts_with(&self.folder)
    }

    /// The folders of sources without bodies: of the packages that the analyser reads, and of the standard library.
    pub fn stubs(&self) -> Vec<PathBuf> {
        let text = fs::read_to_string(self.folder.join(METADATA)).unwrap_or_default();
        let metadata: Value = serde_json::from_str(&text).unwrap_or_default();
        let targets =
            metadata["packages"].as_array().into_iter().flatten().flat_map(|package| package["targets"].as_array());
        let roots = targets.flatten().filter_map(|target| target["src_path"].as_str());
        let mut folders: Vec<PathBuf> =
            roots.filter_map(|root| Path::new(root).parent().map(Path::to_path_buf)).collect();
        folders.push(self.standard_library.clone());
        folders.sort();
        folders.dedup();
        folders
    }

    /// The sources of the library.
    pub fn sources(&self) -> Vec<PathBuf> {
        let source = |path: &&PathBuf| path.starts_with(self.project.join("src"));
        self.inputs.iter().map(|input| &input.path).filter(source).cloned().collect()
    }

    /// The linked library.
    pub fn linked(&self) -> PathBuf {
        self.folder.join(LINKED)
    }

    /// The folder of crates.
    pub fn crates(&self) -> PathBuf {
        self.folder.join(CRATES)
    }

    /// Whether this file is, byte for byte, one that the linked library contains.
    pub fn contains(&self, library: &Path) -> bool {
        let Some(name) = library.file_name() else { return false };
        let own = self.crates().join(name);
        if own == library {
            return true;
        }
        let (Ok(ours), Ok(theirs)) = (fs::metadata(&own), fs::metadata(library)) else { return false };
        if (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()) {
            return true;
        }
        ours.len() == theirs.len() && fs::read(&own).is_ok_and(|own| fs::read(library).is_ok_and(|other| own == other))
    }

    /// Holds the snapshot until the file is closed: nobody removes it before.
    pub fn hold(&self) -> Result<File> {
        let lock = File::open(self.folder.join(DESCRIPTION))?;
        lock.lock_shared()?;
        Ok(lock)
    }

    /// Removes those beside it that are neither the newest nor held.
    pub fn remove_others(&self) {
        let Some(among) = self.folder.parent() else { return };
        let Ok(entries) = fs::read_dir(among) else { return };
        for folder in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
            if folder == self.folder {
                continue;
            }
            // One without a description was left by a run that was stopped; this one runs under the lock of kernel/warm.
            match File::open(folder.join(DESCRIPTION)) {
                Ok(lock) if lock.try_lock().is_err() => {}
                _ => drop(fs::remove_dir_all(&folder)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("lgf-snapshot-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("one").join(CRATES)).unwrap();
        folder
    }

    fn written(among: &Path, inputs: &[PathBuf]) -> Snapshot {
        let text = String::new;
        let snapshot = Snapshot {
            folder: among.join("one"),
            project: among.into(),
            rustc: "rustc".into(),
            rustflags: text(),
            libtorch: text(),
            target: text(),
            native: vec![],
            standard_library: among.into(),
            inputs: vec![],
        };
        snapshot.write(inputs.to_vec(), SystemTime::now()).unwrap()
    }

    #[test]
    fn a_touched_file_is_unchanged_and_an_edited_one_is_not() {
        let among = scratch("edited");
        let source = among.join("lib.rs");
        fs::write(&source, "pub fn f() {}").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let snapshot = written(&among, std::slice::from_ref(&source));
        fs::write(&source, "pub fn f() {}").unwrap();
        assert_eq!(snapshot.changed(), None);
        fs::write(&source, "pub fn g() {}").unwrap();
        assert_eq!(snapshot.changed(), Some(source.as_path()));
        fs::remove_file(&source).unwrap();
        assert_eq!(snapshot.changed(), Some(source.as_path()));
        fs::remove_dir_all(among).unwrap();
    }

    #[test]
    fn a_source_saved_while_the_library_is_compiled_is_refused() {
        let among = scratch("saved");
        let source = among.join("lib.rs");
        let began = SystemTime::now();
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&source, "pub fn f() {}").unwrap();
        let snapshot = written(&among, &[]);
        assert!(snapshot.write([source], began).unwrap_err().to_string().contains("was changed while"));
        fs::remove_dir_all(among).unwrap();
    }

    #[test]
    fn what_was_written_is_read_and_a_broken_description_is_named() {
        let among = scratch("read");
        let snapshot = written(&among, &[]);
        snapshot.make_current().unwrap();
        assert_eq!(Snapshot::current(&among).unwrap().folder, snapshot.folder);
        fs::write(snapshot.folder.join(DESCRIPTION), "{\"project\": ").unwrap();
        assert!(Snapshot::current(&among).unwrap_err().to_string().contains("is not JSON"));
        fs::write(snapshot.folder.join(DESCRIPTION), "{}").unwrap();
        assert!(Snapshot::current(&among).unwrap_err().to_string().contains("lacks a field"));
        fs::remove_dir_all(among).unwrap();
    }

    #[test]
    fn a_crate_of_the_same_name_but_other_bytes_is_not_contained() {
        let among = scratch("crates");
        let snapshot = written(&among, &[]);
        fs::write(snapshot.crates().join("liba-1.rlib"), "one").unwrap();
        let elsewhere = among.join("liba-1.rlib");
        fs::write(&elsewhere, "one").unwrap();
        assert!(snapshot.contains(&elsewhere));
        fs::write(&elsewhere, "two").unwrap();
        assert!(!snapshot.contains(&elsewhere) && !snapshot.contains(&among.join("libb-1.rlib")));
        fs::remove_dir_all(among).unwrap();
    }

    #[test]
    fn a_snapshot_that_is_held_stays_and_others_go() {
        let among = scratch("held");
        let old = written(&among, &[]);
        let held = old.hold().unwrap();
        fs::create_dir_all(among.join("two")).unwrap();
        fs::create_dir_all(among.join("half")).unwrap();
        let new = Snapshot { folder: among.join("two"), ..old.clone() }.write([], SystemTime::now()).unwrap();
        new.remove_others();
        assert!(old.folder.exists() && !among.join("half").exists());
        drop(held);
        new.remove_others();
        assert!(!old.folder.exists() && new.folder.exists());
        fs::remove_dir_all(among).unwrap();
    }
}
