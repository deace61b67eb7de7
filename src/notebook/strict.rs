//! Strict mode: in a headless run, a cell that fails fails the run.
//!
//! As evcxr comes, a cell that ends in `?` or in a panic counts as fine: its error is printed and the next cell runs.
//! But evcxr's generated code marks both on standard output, with a line that its own parent reads:
//! `EVCXR_ERROR_OCCURRED` after a `?`, `EVCXR_PANIC_NOTIFICATION` after a panic that reached the end of the cell.
//! So strict mode stands between: it puts a pipe in the place of standard output and a thread behind it that passes
//! every line on, and at one of these two ends the process with status 70. The front-end then sees a failed cell, with
//! the error already on standard error. Panics that are caught on the way (a decoder's, in one picture) do not count,
//! which a panic hook could not tell; errors of any type count, not only ours.
#![allow(unsafe_code)] // dup, dup2 and pipe have no safe form

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::FromRawFd;
use std::time::Duration;

use super::print::{in_kernel, warn};
use crate::error::{Code, Error, Result};

const MARKS: [&str; 2] = ["EVCXR_ERROR_OCCURRED", "EVCXR_PANIC_NOTIFICATION"];
/// `EX_SOFTWARE` of sysexits.h.
const STATUS: i32 = 70;
/// Time for the kernel to read what the cell wrote to standard error.
const GRACE: Duration = Duration::from_millis(200);

/// Enters strict mode when this process runs a notebook's cells and `LGF_STRICT=1` is set; else does nothing.
///
/// Call it in the setup cell; a second call does no harm. The process that evcxr starts after a failed cell is not
/// strict until it is called again: a runner stops at the first failure.
///
/// # Errors
/// [`Code::Io`] if the system has no pipe to give.
pub fn strict() -> Result<()> {
    if !wanted() {
        return Ok(());
    }
    let refused = || Error::new(Code::Io, "strict mode cannot be set up").because(std::io::Error::last_os_error());
    let _ = std::io::stdout().flush();
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors; those handed to `File` are open and owned by nobody else.
    let (reader, writer) = unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(refused());
        }
        let true_stdout = libc::fcntl(libc::STDOUT_FILENO, libc::F_DUPFD_CLOEXEC, 3);
        if true_stdout < 0 || libc::dup2(ends[1], libc::STDOUT_FILENO) < 0 {
            return Err(refused());
        }
        libc::close(ends[1]);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(true_stdout))
    };
    std::thread::Builder::new()
        .name("lgf-strict".into())
        .spawn(move || {
            // Kept open until the end: what evcxr still prints must find a reader.
            let mut reader = BufReader::new(reader);
            if pass_on(&mut reader, writer) {
                end();
            }
        })
        .map_err(|cause| Error::new(Code::Io, "strict mode cannot be set up").because(cause))?;
    Ok(())
}

/// Fails the cell that shows an error as its value; only in strict mode.
pub(super) fn fail(error: &Error) {
    if wanted() {
        warn(&error.to_string());
        end();
    }
}

/// Ends the process, once the kernel has had time to read why.
fn end() -> ! {
    warn(&format!("strict mode: the cell failed, so its process ends (status {STATUS})"));
    std::thread::sleep(GRACE);
    // SAFETY: takes any status. Not `exit`: libtorch's destructors must not run beside live threads.
    unsafe { libc::_exit(STATUS) }
}

fn wanted() -> bool {
    in_kernel() && std::env::var_os("LGF_STRICT").is_some_and(|value| value == "1")
}

/// Passes lines on until the end; true as soon as one of them marks a failed cell.
fn pass_on(mut reader: impl BufRead, mut writer: impl Write) -> bool {
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
        if writer.write_all(&line).and_then(|()| writer.flush()).is_err() {
            return false;
        }
        let bare = line.strip_suffix(b"\n").unwrap_or(&line);
        if MARKS.iter().any(|mark| mark.as_bytes() == bare) {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_pass_whole_until_a_cell_failed() {
        let mut out = Vec::new();
        let good = b"one\nEVCXR_BEGIN_CONTENT text/plain\nx\nEVCXR_END_CONTENT\n\xff\nEVCXR_EXECUTION_COMPLETE\n";
        assert!(!pass_on(&good[..], &mut out));
        assert_eq!(out, good);
        for mark in MARKS {
            out.clear();
            assert!(pass_on(format!("a\n{mark}\nafter\n").as_bytes(), &mut out));
            assert_eq!(out, format!("a\n{mark}\n").as_bytes());
        }
    }

    /// In a process of its own: standard output concerns all tests of a process.
    #[test]
    fn a_failed_cell_ends_the_process_with_70() {
        let name = "a_failed_cell_ends_the_process_with_70";
        if std::env::var_os("LGF_TEST_CHILD").is_none() {
            let path = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
            let child = |strict: &str| {
                std::process::Command::new(std::env::current_exe().unwrap())
                    .args([&path, "--exact", "--nocapture", "--test-threads=1"])
                    .envs([("LGF_TEST_CHILD", "1"), ("EVCXR_IS_RUNTIME", "1"), ("LGF_STRICT", strict)])
                    .output()
                    .unwrap()
            };
            let failed = child("1");
            assert_eq!(failed.status.code(), Some(STATUS));
            assert!(String::from_utf8_lossy(&failed.stdout).contains("said before\n"));
            let errors = String::from_utf8_lossy(&failed.stderr).to_string();
            assert!(errors.contains("a.xml: cut") && errors.contains("the cell failed"), "{errors}");
            assert!(child("0").status.success());
            return;
        }
        strict().unwrap();
        crate::notebook::say("said before");
        let shown: Result<String> = Err(Error::new(Code::Xml, "cut").path("a.xml"));
        crate::notebook::display(&shown);
        fail(shown.as_ref().unwrap_err());
        if wanted() {
            std::thread::sleep(Duration::from_secs(20));
        }
    }
}
