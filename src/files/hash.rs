//! Files and the hashes of their content.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Store;
use crate::error::{Code, Error, Result};

/// A file under the root as it was written: its name, size and SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Name under the root.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Store {
    /// What is on record of a file that is there already.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be read.
    pub fn written(&self, path: &std::path::Path) -> Result<Written> {
        let (bytes, sha256) = hash_file(path)?;
        let name = path.strip_prefix(self.root()).unwrap_or(path).to_string_lossy().into_owned();
        Ok(Written { name, bytes, sha256 })
    }

    /// Whether a file is as it was written.
    pub(crate) fn is_whole(&self, file: &Written) -> bool {
        hash_file(&self.path(&file.name)).is_ok_and(|(bytes, sha256)| (bytes, &sha256) == (file.bytes, &file.sha256))
    }

    /// Writes a file of a piece: a temporary name, then rename, without waiting for the disk; the marker of the piece has
    /// its hash.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_piece(&self, name: &str, bytes: &[u8]) -> Result<Written> {
        self.write_unsynced(name, bytes)?;
        Ok(Written { name: name.to_string(), bytes: bytes.len() as u64, sha256: sha256_hex(bytes) })
    }
}

/// Size and hash of a file, read in pieces.
pub(crate) fn hash_file(path: &Path) -> Result<(u64, String)> {
    let unreadable = |cause| Error::io("reading", path, cause);
    // Opening a pipe would wait for whoever writes to it.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Error::new(Code::Io, "no regular file").path(path));
    }
    let mut file = fs::File::open(path).map_err(unreadable)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let count = file.read(&mut piece).map_err(unreadable)?;
        if count == 0 {
            return Ok((size, hex(&hasher.finalize())));
        }
        hasher.update(&piece[..count]);
        size += count as u64;
    }
}

/// SHA-256 of some bytes, in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
