//! Folders out of a public archive: fetched, taken out, checked all together, whole or not there.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use super::download::Download;
use super::hash::sha256_hex;
use super::root::Store;
use super::scratch::Scratch;
use super::whole::rename_whole;
use crate::error::{Code, Error, Result};
use crate::notebook::Progress;

/// Largest file that is taken out of an archive, and the most of all.
const MAX_FILE: u64 = 64 << 20;
const MAX_ALL: u64 = 8 << 30;
/// Bytes of long names and further headers before one member; those of usual archives are far below.
const MAX_HEADERS: u64 = 1 << 20;

/// Folders of a tar.gz at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// The address of the tar.gz.
    pub url: String,
    /// Folders in it, below the one folder that all of it lies in, and what each is called here.
    pub take: Vec<(String, String)>,
    /// How many files they hold together.
    pub files: usize,
    /// SHA-256 of the list of them, a line a file in order of their names here: name, space, SHA-256 of its bytes. An archive
    /// that is packed anew is another file with the same content; this is of the content.
    pub sha256: String,
}

impl Archive {
    /// Whether names of folders may stand here.
    ///
    /// # Errors
    /// [`Code::Table`] for a folder with `..`, a root, or nothing to take.
    pub fn check(&self) -> Result<()> {
        let plain = |name: &String| {
            !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
        };
        let all =
            !self.take.is_empty() && self.take.iter().all(|(from, to)| plain(from) && plain(to) && !to.contains('/'));
        let hash = self.sha256.len() == 64 && self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        match all && hash {
            true => Ok(()),
            false => Err(Error::new(Code::Table, "an archive with folders or a sha256 that cannot be")),
        }
    }
}

impl Store {
    /// The folders of an archive, below a folder of the root: fetched and unpacked once. The folder appears when every file is
    /// there and all together are those that are wanted; the archive itself is removed then.
    ///
    /// # Errors
    /// As [`Store::download`]; [`Code::Archive`] if it is no tar.gz, cut, or holds other files: nothing is left of it.
    pub fn take_from_archive(&self, archive: &Archive, name: &str, progress: &Progress) -> Result<PathBuf> {
        let (to, file) = (self.path(name), format!("{name}.tar.gz"));
        if to.exists() {
            // What a run left that was ended right after it placed the folder.
            self.remove(&file)?;
            return Ok(to);
        }
        let packed = self.path(&file);
        // What is in it has a hash, the file that it comes in has none.
        let wanted = Download { url: archive.url.clone(), path: packed.clone(), sha256: Some(String::new()) };
        self.download(&wanted, progress)?;
        let scratch = Scratch::beside(&to)?;
        let unpacked = unpack(&packed, archive, scratch.folder()).map_err(|error| error.or_path(&packed));
        let placed = unpacked.and_then(|()| {
            let whole = scratch.folder().join("whole");
            rename_whole(&whole, &to)
        });
        self.remove(&file)?;
        placed.map(|()| to)
    }
}

/// Ends in an error once more was read than may stand before the next member: its names would be kept whole.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 && !buffer.is_empty() {
            return Err(std::io::Error::other(format!("the names of one member take more than {MAX_HEADERS} bytes")));
        }
        let count = self.inner.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - count as u64);
        Ok(count)
    }
}

/// Takes the wanted files of an archive into a folder `whole` below another, and sees whether they are those.
pub(super) fn unpack(packed: &Path, archive: &Archive, below: &Path) -> Result<()> {
    let broken = |cause: std::io::Error| {
        Error::new(Code::Archive, "not a whole tar.gz").because(cause).hint("fetch it again; nothing was kept")
    };
    let file = File::open(packed).map_err(|cause| Error::io("reading", packed, cause))?;
    let left = Rc::new(Cell::new(MAX_HEADERS));
    let inner = MultiGzDecoder::new(BufReader::with_capacity(1 << 18, file));
    let mut tar = tar::Archive::new(Metered { inner, left: Rc::clone(&left) });
    let mut entries = tar.entries().map_err(broken)?;
    let (mut hashes, mut all): (BTreeMap<String, String>, u64) = Default::default();
    // One more than there should be is enough to tell that it is another archive.
    while hashes.len() <= archive.files
        && let Some(entry) = entries.next()
    {
        let mut entry = entry.map_err(broken)?;
        // What is not read of it is passed over before the next.
        left.set(entry.size().saturating_add(MAX_HEADERS));
        let path = entry.path().map_err(broken)?.into_owned();
        let Some(name) = archive.name_of(&path).filter(|_| entry.header().entry_type().is_file()) else { continue };
        all = all.saturating_add(entry.size());
        if entry.size() > MAX_FILE || all > MAX_ALL {
            return Err(Error::new(Code::Limit, format!("{name} has {} bytes, at most {MAX_FILE}", entry.size())));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        let place = below.join("whole").join(&name);
        let written = place.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
            let mut file = File::create(&place)?;
            file.write_all(&bytes)
        });
        written.map_err(|cause| Error::io("writing", &place, cause))?;
        hashes.insert(name, sha256_hex(&bytes));
    }
    is_wanted(&hashes, archive)
}

/// Nothing if files, by their names and hashes, are those that are wanted of an archive.
fn is_wanted(hashes: &BTreeMap<String, String>, archive: &Archive) -> Result<()> {
    let list: String = hashes.iter().map(|(name, hash)| format!("{name} {hash}\n")).collect();
    let found = sha256_hex(list.as_bytes());
    if hashes.len() != archive.files || found != archive.sha256.to_lowercase() {
        let found = format!(
            "{} files of {}, whose list has the sha256 {}…, expected {} and {}…",
            hashes.len(),
            archive.take.iter().map(|(from, _)| from.as_str()).collect::<Vec<_>>().join(", "),
            &found[..8],
            archive.files,
            &archive.sha256[..8.min(archive.sha256.len())]
        );
        return Err(Error::new(Code::Archive, found)
            .place(archive.url.clone())
            .hint("what is at that address was changed; nothing was kept"));
    }
    Ok(())
}

impl Archive {
    /// What a member is called here, if it is wanted.
    fn name_of(&self, member: &Path) -> Option<String> {
        if !member.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let inner: PathBuf = member.components().skip(1).collect();
        self.take.iter().find_map(|(from, to)| {
            let below = inner.strip_prefix(from).ok()?.to_str()?;
            (!below.is_empty()).then(|| format!("{to}/{below}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::download::tests::{serve, whole};
    use super::*;

    fn packed(members: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, text) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            // Past what the builder would refuse: names are written as they are.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    fn archive(url: String, files: &[(&str, &str)]) -> Archive {
        let list: String =
            files.iter().map(|(name, text)| format!("{name} {}\n", sha256_hex(text.as_bytes()))).collect();
        let take = vec![("stimuli/conflict".into(), "stimuli".into()), ("raw".into(), "decisions".into())];
        Archive { url, take, files: files.len(), sha256: sha256_hex(list.as_bytes()) }
    }

    const MEMBERS: [(&str, &str); 5] = [
        ("repo-1/README.md", "no"),
        ("repo-1/stimuli/conflict/cat/cat1-dog2.png", "picture"),
        ("repo-1/stimuli/conflict-others/x.png", "no"),
        ("repo-1/raw/a.csv", "subj"),
        ("repo-1/../../../../escaped.csv", "no"),
    ];
    const WANTED: [(&str, &str); 2] = [("decisions/a.csv", "subj"), ("stimuli/cat/cat1-dog2.png", "picture")];

    fn listed(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    #[test]
    fn folders_of_an_archive_are_fetched_once_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let server = serve(|_, head, stream| whole(&packed(&MEMBERS), head, stream));
        let wanted = archive(format!("{}/main.tar.gz", server.address), &WANTED);
        let take = || store.take_from_archive(&wanted, "downloads/set", &Progress::silent()).unwrap();
        let at = take();
        assert_eq!(fs::read_to_string(at.join("stimuli/cat/cat1-dog2.png")).unwrap(), "picture");
        assert_eq!(listed(&at), ["decisions", "stimuli"]);
        assert_eq!(listed(&store.path("downloads")), ["set"], "the archive is gone");
        assert!(!folder.path().parent().unwrap().join("escaped.csv").exists());
        take();
        assert_eq!(server.requests.lock().unwrap().len(), 1);
    }

    #[test]
    fn an_archive_of_other_content_a_cut_one_and_none_leave_nothing() {
        for (bytes, why) in [
            (packed(&MEMBERS[..3]), "1 files of stimuli/conflict, raw"),
            (packed(&[MEMBERS[1], ("repo-1/raw/a.csv", "subj changed")]), "expected 2 and"),
            (packed(&MEMBERS)[..100].to_vec(), "not a whole tar.gz"),
            (b"<html>".to_vec(), "not a whole tar.gz"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::at(folder.path()).unwrap();
            let server = serve(move |_, head, stream| whole(&bytes, head, stream));
            let wanted = archive(format!("{}/main.tar.gz", server.address), &WANTED);
            let error = store.take_from_archive(&wanted, "downloads/set", &Progress::silent()).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!(listed(&store.path("downloads")), Vec::<String>::new());
        }
    }

    #[test]
    fn a_name_of_megabytes_and_files_without_end_are_refused_where_they_begin() {
        let folder = tempfile::tempdir().unwrap();
        let (path, below) = (folder.path().join("a.tar.gz"), folder.path().join("below"));
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            unpack(&path, &archive("http://127.0.0.1/x".into(), &WANTED), &below).unwrap_err().to_string()
        };
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(16 << 20);
        header.set_cksum();
        tar.append(&header, std::io::repeat(b'n').take(16 << 20)).unwrap();
        let said = refused(&tar.into_inner().unwrap().finish().unwrap());
        assert!(said.contains("take more than 1048576 bytes"), "{said}");
        let names: Vec<String> = (0..9).map(|number| format!("repo-1/raw/{number}.csv")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "subj")).collect();
        let said = refused(&packed(&many));
        assert!(said.contains("3 files of"), "{said}");
        assert_eq!(listed(&below.join("whole/decisions")).len(), 3);
    }

    #[test]
    fn folders_that_lead_elsewhere_are_refused() {
        let good = archive("http://127.0.0.1/x".into(), &WANTED);
        good.check().unwrap();
        for take in [vec![], vec![("a".into(), "../b".into())], vec![("/a".into(), "b".into())]] {
            assert!(Archive { take, ..good.clone() }.check().is_err());
        }
        assert!(Archive { sha256: "12".into(), ..good }.check().is_err());
    }
}
