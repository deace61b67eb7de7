//! The stop button: SIGINT as a wish that a stage reads, for as long as the stage runs.
//!
//! A notebook's launcher ignores SIGINT, so that a stop outside a stage does nothing and no variable is lost; on a
//! terminal the signal ends the program. Whatever holds before a stage holds again after it.
//!
//! The command line hears it, and what a batch system sends, from its start to its end ([`stop_on_signals`]).
#![allow(unsafe_code)] // sigaction has no safe form

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Code, Error, Result};

/// What is true of every step that is stopped.
pub(super) const GOES_ON: &str = "run the same call again: it goes on after the last item that was finished";

static ASKED: AtomicBool = AtomicBool::new(false);
/// Whether a second signal should end the process: so on a terminal, not in a notebook.
static SECOND_ENDS: AtomicBool = AtomicBool::new(false);
/// Whether signals are heard for the life of the process, in stages and between them.
static FOR_GOOD: AtomicBool = AtomicBool::new(false);
/// When the first of those came, in milliseconds of the clock that is never set; 0 before.
static FIRST: AtomicU64 = AtomicU64::new(0);
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

/// Exit code of a command that a signal stopped: the same call goes on (`EX_TEMPFAIL` of `sysexits.h`).
pub const EXIT_STOPPED: u8 = 75;

/// What a terminal (SIGINT) and batch systems send before they end a job.
const SIGNALS: [libc::c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2];

/// Milliseconds from the first signal on in which others are taken for the same one: `timeout` sends each to the process and
/// again to its group. Time enough, too, for a stage to end a program that it started (pip), which none but it knows.
const SAME: u64 = 500;

extern "C" fn on_stop(_: libc::c_int) {
    // Only what is allowed inside a signal handler: a clock, atomics and _exit.
    let now = now().max(1);
    match FIRST.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => ASKED.store(true, Ordering::SeqCst),
        // SAFETY: _exit is async-signal-safe and takes any status.
        Err(first) if now.saturating_sub(first) >= SAME => unsafe { libc::_exit(EXIT_STOPPED.into()) },
        Err(_) => {}
    }
}

/// Milliseconds of the clock that is never set.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: async-signal-safe; a pointer to a live value of that type, which stays 0 where there is no such clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

/// Hears SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 from now on for the life of the process, for a command line: after the first, the
/// stage that runs, or the next one, ends at its next item ([`Code::Stopped`]). A second one, half a second later or more, ends
/// the process at once, with [`EXIT_STOPPED`].
///
/// # Errors
/// [`Code::Io`] if the system refuses to set a handler.
pub fn stop_on_signals() -> Result<()> {
    let mut held = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    FOR_GOOD.store(true, Ordering::SeqCst);
    held.before = None;
    SIGNALS.iter().try_for_each(|&signal| handle(signal, on_stop).map(drop))
}

/// Goes on unless a signal asked to stop: for a command line, where no stage runs that would hear it.
///
/// # Errors
/// [`Code::Stopped`] if one did since [`stop_on_signals`]; never in a notebook.
pub fn go_on() -> Result<()> {
    if FOR_GOOD.load(Ordering::SeqCst) && ASKED.load(Ordering::SeqCst) {
        return Err(Error::new(Code::Stopped, "a signal asked to stop").hint(GOES_ON));
    }
    Ok(())
}

/// Sets a handler, which may only do what is allowed inside one; what was there before.
fn handle(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) -> Result<libc::sigaction> {
    // SAFETY: a zeroed sigaction is a valid one, and both pointers are to live values of that type.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        let mut before: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, &action, &mut before) != 0 {
            let found = format!("signal {signal} cannot be handled");
            return Err(Error::new(Code::Io, found).because(std::io::Error::last_os_error()));
        }
        Ok(before)
    }
}

impl Interrupt {
    /// Takes over SIGINT, unless it is heard for good.
    ///
    /// # Errors
    /// [`Code::Io`] if the system refuses to set a handler.
    pub fn hold() -> Result<Self> {
        let mut held = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if held.guards == 0 && !FOR_GOOD.load(Ordering::SeqCst) {
            ASKED.store(false, Ordering::SeqCst);
            let before = handle(libc::SIGINT, on_signal)?;
            SECOND_ENDS.store(before.sa_sigaction == libc::SIG_DFL, Ordering::SeqCst);
            held.before = Some(before);
        }
        held.guards += 1;
        Ok(Interrupt(()))
    }

    /// Whether stop was pressed since the first of the guards that live now, or, where signals are heard for good, ever.
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

    /// Runs one of these tests in a process of its own, as a signal concerns all tests of a process; what it said, or `None` in
    /// that process itself.
    fn in_a_child(name: &str) -> Option<String> {
        if std::env::var_os("LGF_TEST_CHILD").is_some() {
            return None;
        }
        let path = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([&path, "--exact", "--nocapture", "--test-threads=1"])
            .env("LGF_TEST_CHILD", "1")
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(child.status.success(), "{out}{}", String::from_utf8_lossy(&child.stderr));
        assert!(out.contains("1 passed"), "{out}");
        Some(out)
    }

    #[test]
    fn a_stop_ends_the_stage_and_what_was_there_before_comes_back() {
        let name = "a_stop_ends_the_stage_and_what_was_there_before_comes_back";
        if let Some(out) = in_a_child(name) {
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

    #[test]
    fn signals_that_are_heard_for_good_stop_the_stage_that_begins_after_them() {
        if in_a_child("signals_that_are_heard_for_good_stop_the_stage_that_begins_after_them").is_some() {
            return;
        }
        stop_on_signals().unwrap();
        assert!(go_on().is_ok());
        assert!(Progress::silent().start(1, "files").check().is_ok());
        // SAFETY: the handler is ours.
        unsafe { libc::raise(libc::SIGUSR2) };
        // At once again, as `timeout` does, and another: the same stop.
        for signal in SIGNALS {
            unsafe { libc::raise(signal) };
        }
        assert_eq!(go_on().unwrap_err().code(), Code::Stopped);
        for _ in 0..2 {
            let stage = Progress::silent().start(1, "files");
            assert_eq!(stage.check().unwrap_err().code(), Code::Stopped);
        }
    }
}
