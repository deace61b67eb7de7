//! Whether a step's files will find room, asked before the first is made.
#![allow(unsafe_code)] // statvfs has no safe form

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

use super::Store;
use crate::error::{Code, Error, Result};

impl Store {
    /// Refuses a step whose files, of about `bytes` in all, do not fit on the disk. Where the system does not say how much is
    /// free, nothing is refused.
    ///
    /// # Errors
    /// [`Code::Limit`] with what is free and what is needed.
    pub fn make_room(&self, step: &str, bytes: u64) -> Result<()> {
        let Some(free) = self.free() else { return Ok(()) };
        if free >= bytes {
            return Ok(());
        }
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        let found = format!("{step} needs about {} MB, and {} MB are free", megabytes(bytes), free / 1_000_000);
        Err(Error::new(Code::Limit, found)
            .path(self.root())
            .hint("free some space, or take a data root on a larger disk with --root or LGF_ROOT"))
    }

    /// Bytes that this process may still write to the disk of the root.
    fn free(&self) -> Option<u64> {
        let path = CString::new(self.root().as_os_str().as_bytes()).ok()?;
        let mut facts = std::mem::MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: the path ends in NUL and `facts` has room for what is written; it is read only if the call succeeded.
        let facts = unsafe { (libc::statvfs(path.as_ptr(), facts.as_mut_ptr()) == 0).then(|| facts.assume_init())? };
        Some(facts.f_bavail * facts.f_frsize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_cannot_fit_is_refused_before_it_begins() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        store.make_room("datasets", 1).unwrap();
        let error = store.make_room("datasets", u64::MAX).unwrap_err();
        assert_eq!(error.code(), Code::Limit);
        assert!(error.to_string().contains("datasets needs about 18446744073710 MB"), "{error}");
    }
}
