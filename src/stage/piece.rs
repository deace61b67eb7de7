//! Parts of a stage that are finished one by one: a stopped stage goes on with the next, a changed parameter renews only
//! those that it touches.

use serde::{Deserialize, Serialize};

use super::code::{Named, code_of};
use crate::error::{Code, Error, Result};
use crate::files::{Store, Written, sha256_hex};

/// Some files of a stage that are finished together, with what decides them.
///
/// ```
/// use lgf::files::Store;
/// use lgf::stage::Named;
///
/// # let folder = tempfile::tempdir().map_err(anyhow::Error::from)?;
/// let store = Store::at(folder.path())?;
/// let make = |side: u32| -> lgf::Result<bool> {
///     let piece = store.piece(Named("datasets", "datasets/tench_1.blocks"), &side)?;
///     if piece.finished().is_some() {
///         return Ok(false);
///     }
///     let file = store.write_piece("tench_1.txt", side.to_string().as_bytes())?;
///     piece.finish(&[file])?;
///     Ok(true)
/// };
/// assert!(make(28)? && !make(28)? && make(32)?);
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug)]
pub struct Piece<'a> {
    store: &'a Store,
    marker: String,
    pub(super) key: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    key: String,
    files: Vec<Written>,
}

impl Store {
    /// The piece of a name, for what decides it: its parameters and the hashes of what it reads. The library's own code
    /// counts, too.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the parameters cannot be written.
    pub fn piece(&self, Named(room, name): Named<'_>, decided_by: &impl Serialize) -> Result<Piece<'_>> {
        let text = serde_json::to_string(decided_by)
            .map_err(|cause| Error::new(Code::Parameter, format!("parameters of {name}")).because(cause))?;
        let key = sha256_hex(format!("{}\n{text}", code_of(room)).as_bytes());
        Ok(Piece { store: self, marker: format!("manifests/pieces/{name}.json"), key })
    }
}

impl Piece<'_> {
    /// The files of the piece, if it was finished for the same parameters and all of them are still whole.
    pub fn finished(&self) -> Option<Vec<Written>> {
        let bytes = std::fs::read(self.store.path(&self.marker)).ok()?;
        let marker: Marker = serde_json::from_slice(&bytes).ok()?;
        (marker.key == self.key && marker.files.iter().all(|file| self.store.is_whole(file))).then_some(marker.files)
    }

    /// Marks the piece as finished with its files.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn finish(&self, files: &[Written]) -> Result<()> {
        let marker = Marker { key: self.key.clone(), files: files.to_vec() };
        let text = serde_json::to_vec(&marker)
            .map_err(|cause| Error::new(Code::Manifest, "cannot be written").because(cause))?;
        self.store.write_unsynced(&self.marker, &text)?;
        Ok(())
    }
}

/// Removes the files below some folders that are not among those to keep: what an earlier run with other parameters left. Only
/// files that this library writes are looked at, by their ending.
///
/// # Errors
/// [`Code::Io`] if a folder cannot be read or a file not be removed.
pub(crate) fn sweep(store: &Store, folders: &[&str], keep: &std::collections::HashSet<&str>) -> Result<()> {
    folders.iter().filter(|folder| store.path(folder).is_dir()).try_for_each(|folder| sweep_below(store, folder, keep))
}

fn sweep_below(store: &Store, folder: &str, keep: &std::collections::HashSet<&str>) -> Result<()> {
    let path = store.path(folder);
    for entry in std::fs::read_dir(&path).map_err(|cause| Error::io("listing", &path, cause))? {
        let entry = entry.map_err(|cause| Error::io("listing", &path, cause))?;
        let name = format!("{folder}/{}", entry.file_name().display());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep_below(store, &name, keep)?;
        } else if matches!(entry.path().extension().and_then(|end| end.to_str()), Some("png" | "JPEG" | "npy"))
            && !keep.contains(name.as_str())
        {
            store.remove(&name)?;
        }
    }
    Ok(())
}
