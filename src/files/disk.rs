//! The room that a disk has left.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::{Code, Error, Result};

/// Bytes that a person may still write to the disk of a folder; `None` where the system does not say.
#[allow(unsafe_code)] // one call of the C library, which fills a structure of its own
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends in NUL, and the structure is read only where the call says that it filled it.
    let found = unsafe {
        match libc::statvfs(path.as_ptr(), found.as_mut_ptr()) {
            0 => found.assume_init(),
            _ => return None,
        }
    };
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Nothing if so many bytes fit on the disk of a folder, or if the system does not say.
///
/// # Errors
/// [`Code::Io`] with both numbers if they do not.
pub(crate) fn check_room(folder: &Path, bytes: u64) -> Result<()> {
    match free_bytes(folder) {
        Some(free) if free < bytes => {
            let found = format!("{} MB are needed, and its disk has {} MB free", bytes.div_ceil(1 << 20), free >> 20);
            Err(Error::new(Code::Io, found)
                .path(folder)
                .hint("free some space, or choose another data root with --root or LGF_ROOT"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_disk_has_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let free = free_bytes(folder.path()).unwrap();
        assert!(free > 0);
        check_room(folder.path(), 0).unwrap();
        let error = check_room(folder.path(), u64::MAX).unwrap_err().to_string();
        assert!(error.contains("MB are needed") && error.contains("MB free"), "{error}");
        assert_eq!(free_bytes(&folder.path().join("not there")), None);
    }
}
