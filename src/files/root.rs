//! The folder that all steps read from and write to.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::disk::check_room;
use super::machine::Owner;
use super::scratch::Scratch;
use super::share::Share;
use super::whole::{place, rename_whole, temporary, write_whole};
use super::writer::missing;
use crate::error::{Code, Error, Result};
use crate::notebook::{Figure, Progress};

/// A data root: the folder that all steps read from and write to.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    root: PathBuf,
    max_reject_share: f64,
    loud: bool,
    share: Share,
}

/// Largest share of its inputs that a stage may skip before it fails, unless told otherwise.
const MAX_REJECT_SHARE: f64 = 0.01;

impl Store {
    /// The data root named by the environment variable `LGF_ROOT`, else `data/out` in the project. Notebooks begin with it, so
    /// it sees to it that the [process is ready](crate::process::ready).
    ///
    /// # Errors
    /// As [`Store::at`]; [`Code::Limit`] if the machine refuses what work takes.
    pub fn open() -> Result<Self> {
        crate::process::ready()?;
        match std::env::var_os("LGF_ROOT") {
            Some(root) if !root.is_empty() => Store::at(PathBuf::from(root)),
            _ => Store::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join("out")),
        }
    }

    /// The data root at `root`, made if it is not there. Temporary files that a killed run left behind are removed.
    ///
    /// # Errors
    /// [`Code::Io`] if the folder cannot be made or written to.
    pub fn at(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(|cause| Error::io("making the data root", &root, cause))?;
        let root = root.canonicalize().map_err(|cause| Error::io("opening the data root", &root, cause))?;
        let store = Store { root, max_reject_share: MAX_REJECT_SHARE, loud: true, share: Share::Whole };
        let probe = temporary(&store.path("probe"));
        File::create(&probe)
            .and_then(|_| fs::remove_file(&probe))
            .map_err(|cause| Error::io("writing to the data root", &store.root, cause))?;
        store.check_form()?;
        store.remove_leftovers();
        match std::env::var("LGF_MAX_REJECT_SHARE") {
            Ok(share) if !share.is_empty() => {
                let number = share.parse().map_err(|_| {
                    Error::new(Code::Parameter, format!("LGF_MAX_REJECT_SHARE is {share:?}, expected 0 to 1"))
                })?;
                store.accepting(number)
            }
            _ => Ok(store),
        }
    }

    /// The data root at `root`, to be read alone: it may be on a disk that cannot be written.
    ///
    /// # Errors
    /// [`Code::Io`] if it is not there; [`Code::Manifest`] if an earlier version wrote it.
    pub fn reading(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let root = root.canonicalize().map_err(|cause| Error::io("opening the data root", &root, cause))?;
        let store = Store { root, max_reject_share: MAX_REJECT_SHARE, loud: true, share: Share::Whole };
        store.check_form()?;
        Ok(store)
    }

    /// Until it is dropped, other processes wait that ask for the same: for a table that grows, which is read and written
    /// again, and for a folder that is looked at, then cleared. Best effort, since some network disks have no locks.
    #[must_use]
    pub(crate) fn alone(&self) -> Option<fs::File> {
        let folder = fs::File::open(&self.root).ok()?;
        folder.lock().ok()?;
        Some(folder)
    }

    /// Removes temporary files of processes that are gone, in the folders that this library writes to. Best effort: what
    /// stays is never taken for a result.
    fn remove_leftovers(&self) {
        const FOLDERS: [&str; 15] = [
            "ablation",
            "analysis",
            "annotations",
            "decisions",
            "edges",
            "experiments",
            "features",
            "figures",
            "imagenette2_",
            "lrp",
            "manifests",
            "models",
            "observe",
            "overlap",
            "sample",
        ];
        let Ok(entries) = fs::read_dir(&self.root) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if FOLDERS.iter().any(|folder| name.starts_with(folder)) {
                sweep_leftovers(&entry.path());
            } else if name == "downloads" {
                // Only what is right in there: a person may have unpacked ImageNet below.
                fs::read_dir(entry.path())
                    .into_iter()
                    .flatten()
                    .flatten()
                    .for_each(|file| remove_leftover(&file.path()));
            } else {
                remove_leftover(&entry.path());
            }
        }
    }

    /// The same data root, where a stage may skip this share of its inputs (0 to 1; 0.01 unless told) before it fails.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the share is not from 0 to 1.
    pub fn accepting(self, max_reject_share: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&max_reject_share) {
            let found = format!("a share of {max_reject_share} to be skipped, expected 0 to 1");
            return Err(Error::new(Code::Parameter, found));
        }
        Ok(Store { max_reject_share, ..self })
    }

    /// Another data root, which says and accepts as much as this one, and whose steps this process does by itself.
    ///
    /// # Errors
    /// As [`Store::at`].
    pub(crate) fn like_this_at(&self, root: impl Into<PathBuf>) -> Result<Self> {
        Ok(Store { root: Store::at(root)?.root, share: Share::Whole, ..self.clone() })
    }

    /// The same data root, of whose steps this process does that share.
    pub fn sharing(self, share: Share) -> Self {
        Store { share, ..self }
    }

    /// What share of steps this process does.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// Goes on where tables of several steps together are made: not where steps are only planned, nor in a shard.
    ///
    /// # Errors
    /// [`Code::Partial`] where they are not.
    pub(crate) fn makes_tables(&self) -> Result<()> {
        match self.share {
            Share::Planned(_) | Share::Shard(_) => {
                Err(Error::new(Code::Partial, "finished; tables are made where shards are joined"))
            }
            Share::Whole | Share::Joined => Ok(()),
        }
    }

    /// Nothing if so many bytes fit on its disk, or if this process makes no items: a plan and a merge write none.
    ///
    /// # Errors
    /// As [`check_room`].
    pub(crate) fn check_room(&self, bytes: u64) -> Result<()> {
        match self.share {
            Share::Planned(_) | Share::Joined => Ok(()),
            Share::Whole | Share::Shard(_) => check_room(&self.root, bytes),
        }
    }

    /// The same data root, whose steps do not say how far they are.
    pub fn quiet(self) -> Self {
        Store { loud: false, ..self }
    }

    /// How a step on this data root says how far it is, under a name.
    pub(crate) fn progress(&self, name: &str) -> Progress {
        if self.loud { Progress::bar(name) } else { Progress::silent().named(name) }
    }

    /// Largest share of its inputs that a stage may skip before it fails.
    pub fn max_reject_share(&self) -> f64 {
        self.max_reject_share
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The full path of a name under the root, such as `sample/Annotation.tar.gz`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file whole: a temporary name beside it, fsync, rename. Folders on the way are made.
    ///
    /// # Errors
    /// [`Code::Io`] with the path; nothing half-written is left under the name.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path(name);
        write_whole(&path, |file| file.write_all(bytes))?;
        Ok(path)
    }

    /// Writes one of very many small files: a temporary name, then rename, without waiting for the disk each time. For
    /// pieces of a stage whose manifest, written last, holds their hashes.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub(crate) fn write_unsynced(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path(name);
        place(&path, |file| file.write_all(bytes))?;
        Ok(path)
    }

    /// Removes a file under the root, if it is there.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be removed.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Error::io("removing", &path, cause)),
            _ => Ok(()),
        }
    }

    /// A folder for what is tried before it is a file under the root, which goes when the value does.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be made.
    pub(crate) fn scratch(&self, name: &str) -> Result<Scratch> {
        Scratch::beside(&self.path(name))
    }

    /// Gives a file, whole and on the disk, its name under the root.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be renamed.
    pub(crate) fn place(&self, from: &Path, name: &str) -> Result<()> {
        rename_whole(from, &self.path(name))
    }

    /// Removes a folder under the root and all in it, if it is there.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be removed.
    pub(crate) fn remove_folder(&self, name: &str) -> Result<()> {
        let folder = self.path(name);
        // Under another name first: it is there whole, or gone, whatever happens meanwhile.
        let going = temporary(&folder);
        match fs::rename(&folder, &going).and_then(|()| fs::remove_dir_all(&going)) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Error::io("removing", &folder, cause)),
            _ => Ok(()),
        }
    }

    /// Saves a figure as `figures/<name>.svg`, `.png` and `.pdf` and gives it back, to be shown by the cell.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written.
    pub fn keep(&self, figure: Figure) -> Result<Figure> {
        for (ending, bytes) in [("svg", figure.svg().as_bytes()), ("png", figure.png()), ("pdf", figure.pdf())] {
            self.write(&format!("figures/{}.{ending}", figure.name), bytes)?;
        }
        Ok(figure)
    }

    /// The bytes of a file under the root.
    ///
    /// # Errors
    /// [`Code::Missing`] if it is not there, with the step that writes it; [`Code::Io`] if it cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.path(name);
        fs::read(&path).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => missing(&path, name),
            _ => Error::io("reading", &path, cause),
        })
    }
}

fn sweep_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let temporary = entry.file_name().to_string_lossy().starts_with('.');
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !temporary => sweep_leftovers(&entry.path()),
            _ => remove_leftover(&entry.path()),
        }
    }
}

/// Removes `.name.<owner>-<number>.part`, a file or a folder, if its owner is gone.
fn remove_leftover(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(inner) = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part")) else { return };
    let owner = inner.rsplit('.').next().and_then(|tail| tail.split('-').next()).and_then(Owner::named);
    if owner.is_some_and(|owner| owner.is_gone()) {
        let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let living = Owner::this().name();
        let gone = living.replace(&format!("_{}", std::process::id()), &format!("_{}", child.id()));
        child.wait().unwrap();
        let left = store.write(&format!("edges/.a.png.{gone}-7.part"), b"x").unwrap();
        // Another machine's processes have numbers of their own.
        let elsewhere = store.write(&format!("edges/.a.png.0{}-7.part", &gone[1..]), b"x").unwrap();
        let elsewhere = if gone.starts_with('0') { store.write("edges/b", b"x").unwrap() } else { elsewhere };
        let living = store.write(&format!("edges/.a.png.{living}-7.part"), b"x").unwrap();
        let tried = store.write(&format!("models/.a.safetensors.{gone}-0.part/weights.safetensors"), b"x").unwrap();
        let fetched = store.write(&format!("downloads/.w.safetensors.{gone}-0.part/w.whl"), b"half").unwrap();
        let part = store.write("downloads/w.pth.part", b"half of it, which goes on").unwrap();
        Store::at(folder.path()).unwrap();
        assert!(!left.exists() && living.exists() && elsewhere.exists());
        assert!(!tried.parent().unwrap().exists() && !fetched.parent().unwrap().exists() && part.exists());
    }

    #[test]
    fn a_missing_table_names_the_notebook() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let error = store.table("edges_data").unwrap_err();
        assert!(error.to_string().contains("run notebook 3 first"), "{error}");
    }

    #[test]
    fn a_figure_is_kept_in_its_three_forms_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let drawn = crate::notebook::Drawn { svg: "<svg/>".into(), png: vec![1, 2], pdf: vec![3] };
        store.keep(Figure::new("curve", "a curve", (10, 10), drawn)).unwrap();
        for (name, bytes) in [("svg", &b"<svg/>"[..]), ("png", &[1, 2]), ("pdf", &[3])] {
            assert_eq!(store.read(&format!("figures/curve.{name}")).unwrap(), bytes);
        }
        assert_eq!(fs::read_dir(store.path("figures")).unwrap().count(), 3);
    }

    #[test]
    fn a_root_below_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        assert_eq!(Store::at(folder.path().join("file").join("root")).unwrap_err().code(), Code::Io);
    }
}
