//! Files that one process appends to: what it finished, record by record, each with a check. A record that was cut ends the file;
//! what stands before it counts.
//!
//! A process writes to its own file only, so that any number of them work in one folder, of a shared disk too, without a lock.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::machine::machine;
use super::whole::{folder_of, temporary};
use crate::error::{Code, Error, Result};

/// Bytes before a record's content (kind and length) and after it (check).
const HEAD: usize = 5;
const CHECK: usize = 8;
/// Largest content of a record: more is no record.
const LARGEST: u32 = 1 << 30;
/// What files of records are called.
const ENDING: &str = "parts";

/// A file that this process appends to.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
    /// A record was cut, and could not be taken back.
    broken: bool,
}

impl Journal {
    /// A new one in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be made.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let failed = |cause| Error::io("writing", folder, cause);
        fs::create_dir_all(folder).map_err(failed)?;
        for number in 0.. {
            let path = folder.join(format!("{}-{}-{number}.{ENDING}", machine(), std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Journal { path, file, length: 0, broken: false }),
                // Another process of that number: of a container, or before the machine was started again.
                Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(failed(cause)),
            }
        }
        Err(Error::new(Code::Io, "no name is left for a file of this process").path(folder))
    }

    /// Appends a record.
    ///
    /// # Errors
    /// [`Code::Io`]; what was written of it is taken back.
    pub(crate) fn append(&mut self, kind: u8, content: &[u8]) -> Result<()> {
        let failed = |cause| Error::io("writing", &self.path, cause);
        let length = u32::try_from(content.len()).ok().filter(|length| *length <= LARGEST && !self.broken);
        let length = length.ok_or_else(|| Error::new(Code::Io, "a record cannot be appended").path(&self.path))?;
        let mut record = Vec::with_capacity(HEAD + content.len() + CHECK);
        record.push(kind);
        record.extend(length.to_le_bytes());
        record.extend(content);
        record.extend(check(&record));
        if let Err(cause) = self.file.write_all_at(&record, self.length) {
            self.broken = self.file.set_len(self.length).is_err();
            return Err(failed(cause));
        }
        self.length += record.len() as u64;
        Ok(())
    }

    /// Waits until all of it, and its name, is on the disk.
    ///
    /// # Errors
    /// [`Code::Io`] if the disk refuses.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let folder = || File::open(folder_of(&self.path))?.sync_all();
        let synced = self.file.sync_data().and_then(|()| folder());
        synced.map_err(|cause| Error::io("writing", &self.path, cause))
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK] {
    let mut short = [0; CHECK];
    short.iter_mut().zip(Sha256::digest(bytes)).for_each(|(to, from)| *to = from);
    short
}

/// A record of a file: what it holds, and where it is.
#[derive(Debug)]
pub(crate) struct Record {
    /// What it holds.
    pub kind: u8,
    /// Where it begins in its file.
    pub at: u64,
    /// Bytes of its content.
    pub length: u32,
    /// Its content; of a kind of which the beginning is enough, as much of it, and not checked.
    pub content: Vec<u8>,
}

/// A file of records that was read, for a look at some of them again.
#[derive(Debug)]
pub(crate) struct Records {
    path: PathBuf,
    file: Mutex<Option<Arc<File>>>,
}

impl Records {
    /// Closes the file, until it is looked at again.
    pub(crate) fn close(&self) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The content of a record; nothing if it is not whole.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be read.
    pub(crate) fn content(&self, at: u64, length: u32) -> Result<Option<Vec<u8>>> {
        use std::io::ErrorKind::{NotFound, StaleNetworkFileHandle};
        let failed = |cause: std::io::Error| match cause.kind() {
            NotFound | StaleNetworkFileHandle => {
                Error::new(Code::Io, "what was kept here is gone: another process has finished the step meanwhile")
                    .path(&self.path)
                    .hint("call this again: what is finished is taken as it is")
            }
            _ => Error::io("reading", &self.path, cause),
        };
        let file = {
            let mut open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            match &*open {
                Some(file) => Arc::clone(file),
                None => Arc::clone(open.insert(Arc::new(File::open(&self.path).map_err(failed)?))),
            }
        };
        let mut bytes = vec![0; HEAD + length as usize + CHECK];
        file.read_exact_at(&mut bytes, at).map_err(failed)?;
        let written = bytes.split_off(HEAD + length as usize);
        if check(&bytes)[..] != written[..] {
            return Ok(None);
        }
        bytes.drain(..HEAD);
        Ok(Some(bytes))
    }
}

/// Makes a shared disk list a folder anew, best effort: what it lists can be some seconds old on this machine until something is
/// made there.
pub(crate) fn list_anew(folder: &Path) {
    let probe = temporary(&folder.join("probe"));
    if File::create(&probe).is_ok() {
        let _ = fs::remove_file(&probe);
    }
}

/// Every file of records in a folder, by name, each of its records given to `each` with the file's place; none where there is no
/// folder. Of records of the kind `most` no more than the first bytes of the content are read: there are many, and whether one is
/// whole shows when its content is.
///
/// # Errors
/// [`Code::Io`] if the folder or a file cannot be read; what `each` gives.
pub(crate) fn records(
    folder: &Path,
    most: (u8, usize),
    mut each: impl FnMut(usize, Record) -> Result<()>,
) -> Result<Vec<Records>> {
    let entries = match fs::read_dir(folder) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|cause| Error::io("listing", folder, cause))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| Error::io("listing", folder, cause))?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        let read = File::open(&path).and_then(|file| walk(file, most, |record| each(all.len(), record)));
        match read {
            // Another process has joined them meanwhile.
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => continue,
            read => read.map_err(|cause| Error::io("reading", &path, cause))??,
        }
        all.push(Records { path, file: Mutex::new(None) });
    }
    Ok(all)
}

/// The records of a file, up to the first that is cut or not whole.
fn walk(file: File, most: (u8, usize), mut each: impl FnMut(Record) -> Result<()>) -> std::io::Result<Result<()>> {
    let size = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut at = 0;
    loop {
        let mut head = [0; HEAD];
        if at + ((HEAD + CHECK) as u64) > size {
            return Ok(Ok(()));
        }
        reader.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length);
        let end = at + (HEAD + CHECK) as u64 + u64::from(length);
        if length > LARGEST || end > size {
            return Ok(Ok(()));
        }
        let content = if kind == most.0 {
            let mut content = vec![0; most.1.min(length as usize)];
            reader.read_exact(&mut content)?;
            reader.seek_relative(i64::from(length) - content.len() as i64 + CHECK as i64)?;
            content
        } else {
            let mut bytes = vec![0; HEAD + length as usize + CHECK];
            bytes[..HEAD].copy_from_slice(&head);
            reader.read_exact(&mut bytes[HEAD..])?;
            let written = bytes.split_off(HEAD + length as usize);
            if check(&bytes)[..] != written[..] {
                return Ok(Ok(()));
            }
            bytes.split_off(HEAD)
        };
        if let Err(error) = each(Record { kind, at, length, content }) {
            return Ok(Err(error));
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the whole records of a folder: the place of the file, the kind, the content.
    fn contents(folder: &Path) -> Vec<(usize, u8, Vec<u8>)> {
        let mut all = Vec::new();
        let files = records(folder, (3, 2), |file, record| {
            all.push((file, record));
            Ok(())
        });
        let files = files.unwrap();
        let whole = |(file, Record { kind, at, length, .. }): (usize, Record)| {
            Some((file, kind, files[file].content(at, length).unwrap()?))
        };
        all.into_iter().filter_map(whole).collect()
    }

    #[test]
    fn what_another_process_took_away_meanwhile_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path()).unwrap();
        journal.append(1, b"first").unwrap();
        journal.sync().unwrap();
        let mut places = Vec::new();
        let each = |_, record: Record| {
            places.push((record.at, record.length));
            Ok(())
        };
        let files = records(folder.path(), (3, 2), each).unwrap();
        fs::remove_file(&journal.path).unwrap();
        let error = files[0].content(places[0].0, places[0].1).unwrap_err();
        assert!(error.to_string().contains("another process has finished the step meanwhile"), "{error}");
    }

    #[test]
    fn what_processes_append_is_read_back_and_a_cut_or_changed_record_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(records(&folder.path().join("none"), (3, 2), |_, _| Ok(())).unwrap().is_empty());
        let (mut one, mut two) = (Journal::create(folder.path()).unwrap(), Journal::create(folder.path()).unwrap());
        one.append(1, b"first").unwrap();
        two.append(2, b"").unwrap();
        one.append(3, &[7; 300]).unwrap();
        one.sync().unwrap();
        let whole = [(0, 1, b"first".to_vec()), (0, 3, vec![7; 300]), (1, 2, Vec::new())];
        assert_eq!(contents(folder.path()), whole);
        let bytes = fs::read(&one.path).unwrap();
        let first = HEAD + 5 + CHECK;
        for end in 0..bytes.len() {
            fs::write(&one.path, &bytes[..end]).unwrap();
            let left = if end < first { &[whole[2].clone()][..] } else { &[whole[0].clone(), whole[2].clone()] };
            assert_eq!(contents(folder.path()), left, "{end}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 64;
            fs::write(&one.path, &changed).unwrap();
            let left = contents(folder.path());
            let other_kind = at == 0 || at == first;
            assert!(left.len() < 3 && left.iter().all(|record| whole.contains(record) || other_kind), "{at}: {left:?}");
        }
    }
}
