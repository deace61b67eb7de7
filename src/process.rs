//! What a process needs of the machine before it works: threads that start, room for memory and open files. And an error, not a
//! signal, where a file may not grow.
//!
//! rayon, polars and libtorch start their threads in the middle of work, and end it in a panic, or the whole process, where the
//! system refuses one. So as many are started here first, held together, and let go.
#![allow(unsafe_code)] // signal and getrlimit have no safe form

use std::error::Error as _;
use std::fs::File;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::error::{Code, Error, Result};

/// Address space that the smallest steps take beside what the libraries have taken by then, where it is limited.
const LEAST_BYTES: usize = 1 << 30;

/// Makes a file that may not grow an error of its writer (`SIGXFSZ` would end the process), and tries whether the machine gives
/// the threads, memory and open files that work takes. Cheap, and a second call does no harm.
///
/// # Errors
/// [`Code::Limit`] for what it refuses, with the limit to raise.
pub fn ready() -> Result<()> {
    // SAFETY: takes any signal; to ignore one runs no code.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
    open_files(4 * cores + 16)?;
    address_space()?;
    threads(cores)
}

/// rayon's threads are kept; as many more are tried as polars, libtorch and this library's own workers will have.
fn threads(cores: usize) -> Result<()> {
    let wanted = |variable: &str| {
        let given = std::env::var(variable).ok().and_then(|number| number.trim().parse::<usize>().ok());
        given.filter(|&count| count > 0).unwrap_or(cores)
    };
    let others = wanted("POLARS_MAX_THREADS") + wanted("OMP_NUM_THREADS") + cores;
    let all = wanted("RAYON_NUM_THREADS") + others;
    match rayon::ThreadPoolBuilder::new().build_global() {
        // Without a cause: there was a pool already.
        Err(cause) if cause.source().is_some() => return Err(no_thread(all, cause)),
        _ => {}
    }
    let (over, changed) = (Mutex::new(false), Condvar::new());
    let wait = || {
        let guard = over.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(guard, |over| !*over));
    };
    std::thread::scope(|scope| {
        let started = (0..others).try_for_each(|_| std::thread::Builder::new().spawn_scoped(scope, wait).map(drop));
        *over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
        started.map_err(|cause| no_thread(all, cause))
    })
}

/// The error for a thread that the system refuses.
pub(crate) fn no_thread(all: usize, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::Limit, format!("the machine refuses a thread; {all} are needed at once"))
        .because(cause)
        .hint("allow this user more of them (ulimit -u, a container's limit of pids), or give the process fewer cores (taskset)")
}

fn open_files(count: usize) -> Result<()> {
    let opened: std::io::Result<Vec<File>> = (0..count).map(|_| File::open("/dev/null")).collect();
    opened.map(drop).map_err(|cause| {
        Error::new(Code::Limit, format!("the machine refuses an open file; {count} are needed at once"))
            .because(cause)
            .hint("allow the process more of them (ulimit -n)")
    })
}

fn address_space() -> Result<()> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a pointer to a live value of that type.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) } == 0;
    if !known || limit.rlim_cur == libc::RLIM_INFINITY {
        return Ok(());
    }
    // Looked at by nobody, which the compiler is not to know.
    let mut room = Vec::<u8>::new();
    std::hint::black_box(&mut room).try_reserve_exact(LEAST_BYTES).map_err(|cause| {
        let (limit, least) = (limit.rlim_cur >> 20, LEAST_BYTES >> 20);
        let found = format!("of {limit} MiB of address space less than {least} are left");
        Error::new(Code::Limit, found).because(cause).hint("allow the process more of it (ulimit -v)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_81_a_file_that_may_not_grow_ends_no_process() {
        ready().unwrap();
        // SAFETY: both pointers are to live values of that type, or none.
        let ignored = unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            assert_eq!(libc::sigaction(libc::SIGXFSZ, std::ptr::null(), &mut now), 0);
            now.sa_sigaction == libc::SIG_IGN
        };
        assert!(ignored);
        ready().unwrap();
    }

    #[test]
    fn bad_input_81_more_open_files_than_the_machine_gives_are_refused_in_words() {
        let error = open_files(1 << 22).unwrap_err();
        assert_eq!(error.code(), Code::Limit);
        for part in ["4194304 are needed at once", "ulimit -n"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
