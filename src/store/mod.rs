//! Everything on disk: the data root, tables, finished stages, the study that a data root belongs to.
//!
//! This is the only module that knows file names. Outputs appear whole (a temporary name in the same folder, fsync,
//! rename), and the manifest of a stage is written last, so that a stage stopped at any moment is either finished or
//! goes on where it stopped.
//!
//! ```
//! use lgf::store::Store;
//! use polars::prelude::*;
//!
//! # let folder = tempfile::tempdir().map_err(anyhow::Error::from)?;
//! let store = Store::at(folder.path())?;
//! store.write_table("counts", &df!("model" => ["resnet50"], "images" => [30i64])?)?;
//! assert_eq!(store.table("counts")?.height(), 1);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod classes;
mod disk;
mod download;
mod fault;
mod images;
mod name;
mod piece;
mod record;
mod reject;
mod seen;
mod study;
mod table;

pub use classes::{ClassList, short_name};
pub use disk::{check_room, free_bytes};
pub use download::Download;
pub use images::{ImageFile, LAYOUTS, Listing, is_leftover, is_wnid, list_folders, list_images};
pub use name::{check_name, check_names};
pub(crate) use piece::sweep;
pub use piece::{Piece, Written};
pub use record::{Record, Summary, sha256_hex};
pub use reject::{REJECT_COLUMNS, Reject, rejects_table};
pub use seen::{Mapped, Seen, seen};
pub use study::{Allow, Classes, NetworkEntry, Study};
pub use table::{bools, column, floats, fresh, integers, only, stacked, texts, write_csv};

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Code, Error, Result};
use crate::notebook::Figure;

/// A data root: the folder that all steps read from and write to.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    root: PathBuf,
    max_reject_share: f64,
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
        let store = Store { root, max_reject_share: MAX_REJECT_SHARE };
        let probe = store.path(&format!(".{}.probe", std::process::id()));
        File::create(&probe).and_then(|_| fs::remove_file(&probe)).map_err(|cause| {
            Error::io("writing to the data root", &store.root, cause)
                .hint("choose a folder that you may write to, with --root or LGF_ROOT")
        })?;
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

    /// Removes temporary files of processes that are gone, in the folders that this library writes to. Best effort: what
    /// stays is never taken for a result.
    fn remove_leftovers(&self) {
        const FOLDERS: [&str; 8] =
            ["manifests", "edges", "lrp", "experiments", "analysis", "figures", "models", "imagenette2_"];
        let Ok(entries) = fs::read_dir(&self.root) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if FOLDERS.iter().any(|folder| name.starts_with(folder)) {
                sweep_leftovers(&entry.path());
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
    pub fn write_unsynced(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path(name);
        place(&path, |file| file.write_all(bytes))?;
        Ok(path)
    }

    /// Saves a figure as `figures/<name>.svg`, `.png` and `.pdf` and gives it back, to be shown by the cell.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written.
    pub fn keep(&self, figure: Figure) -> Result<Figure> {
        figure.save(self.path("figures"))?;
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

/// Writes a file whole through `fill`: a temporary name in the same folder, fsync, rename, fsync of the folder.
///
/// # Errors
/// [`Code::Io`] with the path; the temporary file is removed.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<()> {
    place(path, |file| {
        fill(file)?;
        fault::point()?;
        file.sync_all()
    })?;
    let folder = folder_of(path);
    let synced = fault::point().and_then(|()| File::open(folder)).and_then(|folder| folder.sync_all());
    synced.map_err(|cause| Error::io("writing", path, cause))
}

/// The folder that a file is in; the one at hand for a bare name.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary name in the same folder, `fill`, rename.
fn place(path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let folder = folder_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!(".{name}.{}-{number}.part", std::process::id()));
    // The folder is nearly always there; asking first would cost a call for each of very many small files.
    let created = fault::point().and_then(|()| File::create(&temporary)).or_else(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => fs::create_dir_all(folder).and_then(|()| File::create(&temporary)),
        _ => Err(cause),
    });
    let written = created
        .and_then(|mut file| fill(&mut file))
        .and_then(|()| fault::point())
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|cause| {
        // Removing what is left is best effort; the error that matters is the first one.
        let _ = fs::remove_file(&temporary);
        Error::io("writing", path, cause)
    })
}

fn sweep_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => sweep_leftovers(&entry.path()),
            _ => remove_leftover(&entry.path()),
        }
    }
}

/// Removes `.name.<process>-<number>.part` if the process is gone.
fn remove_leftover(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(inner) = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part")) else { return };
    let process = inner.rsplit('.').next().and_then(|tail| tail.split('-').next());
    let Some(process) = process.and_then(|number| number.parse::<u32>().ok()) else { return };
    if !Path::new("/proc").join(process.to_string()).exists() {
        let _ = fs::remove_file(path);
    }
}

/// The error for a file that an earlier step writes: it names the step.
fn missing(path: &Path, name: &str) -> Error {
    let error = Error::new(Code::Missing, "not there yet").path(path);
    match written_by(name) {
        Some((notebook, command)) => error.hint(format!("run notebook {notebook} first, or `{command}`")),
        None => error.hint("run the notebooks before this one, or `lgf all`"),
    }
}

/// The notebook and the command that write a table or file, by the beginning of its name.
fn written_by(name: &str) -> Option<(&'static str, &'static str)> {
    const WRITERS: [(&str, &str, &str); 15] = [
        ("sample/", "0", "lgf sample"),
        ("models/", "5.1", "lgf convert"),
        ("imagenet_boundingboxes", "1", "lgf boxes"),
        ("imagenette_", "2", "lgf subset"),
        ("edges_", "3", "lgf edges"),
        ("edges/", "3", "lgf edges"),
        ("datasets", "4", "lgf datasets"),
        ("predictions", "5", "lgf run"),
        ("conflict", "5", "lgf run"),
        ("lrp", "5.2", "lgf relevance"),
        ("imgnette_sample_data", "5.3", "lgf overlap"),
        ("overlap", "5.3", "lgf overlap"),
        ("analysis", "6", "lgf analyse"),
        ("ablation", "6", "lgf ablate"),
        ("study.json", "0", "lgf sample"),
    ];
    WRITERS.iter().find(|(start, ..)| name.starts_with(start)).map(|(_, notebook, command)| (*notebook, *command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_whole(&path, |file| file.write_all(b"old")).unwrap();
        let failed = write_whole(&path, |file| {
            file.write_all(b"half")?;
            Err(std::io::Error::new(std::io::ErrorKind::StorageFull, "no space left on device"))
        });
        assert!(failed.unwrap_err().to_string().contains("free some space"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = child.id();
        child.wait().unwrap();
        let left = store.write(&format!("edges/.a.png.{gone}-7.part"), b"x").unwrap();
        let living = store.write(&format!("edges/.a.png.{}-7.part", std::process::id()), b"x").unwrap();
        Store::at(folder.path()).unwrap();
        assert!(!left.exists() && living.exists());
    }

    #[test]
    fn a_missing_table_names_the_notebook() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let error = store.table("edges_data").unwrap_err();
        assert!(error.to_string().contains("run notebook 3 first"), "{error}");
    }

    #[test]
    fn a_root_below_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        assert_eq!(Store::at(folder.path().join("file").join("root")).unwrap_err().code(), Code::Io);
    }
}
