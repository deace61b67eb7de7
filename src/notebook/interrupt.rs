//! The stop button: SIGINT as a wish that a stage reads, for as long as the stage runs.
//!
//! A notebook's launcher ignores SIGINT, so that a stop outside a stage does nothing and no variable is lost; on a
//! terminal the signal ends the program. Whatever holds before a stage holds again after it.
#![allow(unsafe_code)] // sigaction has no safe form

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Code, Error, Result};

static ASKED: AtomicBool = AtomicBool::new(false);
/// Whether a second signal should end the process: so on a terminal, not in a notebook.
static SECOND_ENDS: AtomicBool = AtomicBool::new(false);
static HELD: Mutex<Held> = Mutex::new(Held { guards: 0, before: None });

struct Held {
    guards: usize,
    before: Option<libc::sigaction>,
}

/// While one of these lives, SIGINT only sets a flag; the last to go puts back what was there before.
///
/// Stages may nest and run beside each other: they share the flag, so that one press stops them all.
#[derive(Debug)]
pub struct Interrupt(());

extern "C" fn on_signal(_: libc::c_int) {
    // Only what is allowed inside a signal handler: atomics and _exit.
    if ASKED.swap(true, Ordering::SeqCst) && SECOND_ENDS.load(Ordering::SeqCst) {
        // SAFETY: _exit is async-signal-safe and takes any status.
        unsafe { libc::_exit(130) }
    }
}

impl Interrupt {
    /// Takes over SIGINT.
    ///
    /// # Errors
    /// [`Code::Io`] if the system refuses to set a handler.
    pub fn hold() -> Result<Self> {
        let mut held = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if held.guards == 0 {
            ASKED.store(false, Ordering::SeqCst);
            // SAFETY: a zeroed sigaction is a valid one, both pointers are to live values of that type, and the
            // handler only touches atomics.
            let before = unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_signal as *const () as usize;
                action.sa_flags = libc::SA_RESTART;
                libc::sigemptyset(&mut action.sa_mask);
                let mut before: libc::sigaction = std::mem::zeroed();
                if libc::sigaction(libc::SIGINT, &action, &mut before) != 0 {
                    return Err(
                        Error::new(Code::Io, "SIGINT cannot be handled").because(std::io::Error::last_os_error())
                    );
                }
                before
            };
            SECOND_ENDS.store(before.sa_sigaction == libc::SIG_DFL, Ordering::SeqCst);
            held.before = Some(before);
        }
        held.guards += 1;
        Ok(Interrupt(()))
    }

    /// Whether stop was pressed since the first of the guards that live now.
    pub fn asked(&self) -> bool {
        ASKED.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        held.guards -= 1;
        if held.guards == 0
            && let Some(before) = held.before.take()
        {
            // SAFETY: `before` is what sigaction itself returned.
            unsafe { libc::sigaction(libc::SIGINT, &before, std::ptr::null_mut()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::Progress;

    fn disposition() -> usize {
        // SAFETY: reads the current action into a live value.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            assert_eq!(libc::sigaction(libc::SIGINT, std::ptr::null(), &mut now), 0);
            now.sa_sigaction
        }
    }

    /// In a process of its own: a signal concerns all tests of a process.
    #[test]
    fn a_stop_ends_the_stage_and_what_was_there_before_comes_back() {
        let name = "a_stop_ends_the_stage_and_what_was_there_before_comes_back";
        if std::env::var_os("LGF_TEST_CHILD").is_none() {
            let path = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args([&path, "--exact", "--nocapture", "--test-threads=1"])
                .env("LGF_TEST_CHILD", "1")
                .output()
                .unwrap();
            let out = String::from_utf8_lossy(&child.stdout);
            assert!(child.status.success(), "{out}{}", String::from_utf8_lossy(&child.stderr));
            assert!(out.contains("1 passed"), "{out}");
            assert!(out.contains("edges: stopped at 1 of 3 images"), "{out}");
            return;
        }
        // SAFETY: the disposition of this process, which runs nothing else.
        unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
        {
            let outer = Progress::bar("edges").start(3, "images");
            let inner = Progress::silent().start(3, "files");
            outer.tick();
            assert!(outer.check().is_ok());
            // SAFETY: the handler is ours.
            unsafe { libc::raise(libc::SIGINT) };
            // A second press in a notebook changes nothing.
            unsafe { libc::raise(libc::SIGINT) };
            assert!(outer.stopped() && inner.stopped());
            let error = outer.check().unwrap_err();
            assert_eq!(error.code(), Code::Stopped);
            drop(outer);
            assert_ne!(disposition(), libc::SIG_IGN);
        }
        assert_eq!(disposition(), libc::SIG_IGN);
        assert!(!Progress::silent().start(1, "files").stopped());
        // SAFETY: ignored again, so nothing happens.
        unsafe { libc::raise(libc::SIGINT) };
    }
}
