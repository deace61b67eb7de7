//! Files that are whole or not there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::machine::Owner;
use crate::error::{Error, Result};

/// Writes a file whole through `fill`: a temporary name in the same folder, fsync, rename, fsync of the folder.
///
/// # Errors
/// [`Code::Io`](crate::error::Code::Io) with the path; the temporary file is removed.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<()> {
    place(path, |file| {
        fill(file)?;
        file.sync_all()
    })?;
    sync_folder(path)
}

/// Gives a whole file another name, for good.
///
/// # Errors
/// [`Code::Io`](crate::error::Code::Io) with the path.
pub(super) fn rename_whole(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|cause| Error::io("writing", to, cause))?;
    sync_folder(to)
}

fn sync_folder(path: &Path) -> Result<()> {
    let synced = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    synced.map_err(|cause| Error::io("writing", path, cause))
}

/// The folder that a file is in; the one at hand for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name beside a path that no other call of any process is given: one that is left behind can be told by it.
pub(super) fn temporary(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    folder_of(path).join(format!(".{name}.{}-{number}.part", Owner::this().name()))
}

/// A temporary name in the same folder, `fill`, rename.
pub(super) fn place(path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<()> {
    let (folder, temporary) = (folder_of(path), temporary(path));
    // The folder is nearly always there; asking first would cost a call for each of very many small files.
    // What is written may be read back before it is whole.
    let create = || File::options().read(true).write(true).create(true).truncate(true).open(&temporary);
    let created = create().or_else(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => fs::create_dir_all(folder).and_then(|()| create()),
        _ => Err(cause),
    });
    let written = created.and_then(|mut file| fill(&mut file)).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|cause| {
        // Removing what is left is best effort; the error that matters is the first one.
        let _ = fs::remove_file(&temporary);
        Error::io("writing", path, cause)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
}
