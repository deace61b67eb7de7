//! Programs that this one starts.

use std::process::Command;

/// A program that ends when this one does, however that ends: one that is killed cannot end it itself. On Linux alone; it goes by
/// the thread that starts the program, which is to wait for it.
pub(crate) fn ends_with_this(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        let own = std::process::id();
        let ask = move || {
            // SAFETY: both calls look at and change numbers of the new process alone, and may be made between fork and exec.
            let (asked, parent) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL), libc::getppid()) };
            match asked {
                // It may have been killed before that.
                0 if u32::try_from(parent) == Ok(own) => Ok(()),
                0 => Err(std::io::ErrorKind::Interrupted.into()),
                _ => Err(std::io::Error::last_os_error()),
            }
        };
        // SAFETY: the closure takes no memory and no lock.
        unsafe { command.pre_exec(ask) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_program_ends_with_the_thread_that_started_it() {
        let mut child = std::thread::spawn(|| {
            let mut command = Command::new("sleep");
            ends_with_this(command.arg("60"));
            command.spawn().unwrap()
        })
        .join()
        .unwrap();
        assert!(!child.wait().unwrap().success(), "killed");
    }
}
