//! Points at which a test lets this process die or the disk be full, to see that nothing is half-written. Outside of tests
//! there are none.

use std::io;

/// Before each step of writing a file: its creation, its fsync, its renaming, the fsync of its folder.
#[cfg(not(test))]
#[inline(always)]
pub(super) fn point() -> io::Result<()> {
    Ok(())
}

/// `LGF_TEST_KILL=n` kills the process at the n-th point, `LGF_TEST_FULL=n` has the disk full from there on.
#[cfg(test)]
pub(super) fn point() -> io::Result<()> {
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    let armed = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let passed = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    if armed("LGF_TEST_KILL") == Some(passed) {
        // SAFETY: a signal to this very process; it does not come back.
        #[allow(unsafe_code)]
        unsafe {
            libc::kill(libc::getpid(), libc::SIGKILL);
        }
    }
    if armed("LGF_TEST_FULL").is_some_and(|full| passed >= full) {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"));
    }
    Ok(())
}
