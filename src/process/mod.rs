//! What a process needs of the machine before it works: threads that start, room for memory and open files; how many of each it
//! may use ([`cores`], [`memory_limit`]). And an error, not a signal, where a file may not grow.
//!
//! rayon, polars and libtorch start their threads in the middle of work, and end it in a panic, or the whole process, where the
//! system refuses one. So as many are started here first, held together, and let go. Each of them is told the number.
#![allow(unsafe_code)] // signal, getrlimit, prctl and set_var have no safe form

mod allowed;
mod child;

use std::error::Error as _;
use std::fs::File;
use std::sync::{Condvar, Mutex, PoisonError};

pub use allowed::{Allowed, cores, cores_allowed, memory_allowed, memory_limit, peak_bytes};
pub(crate) use child::ends_with_this;

use crate::error::{Code, Error, Result};

/// Address space that the smallest steps take beside what the libraries have taken by then, where it is limited.
const LEAST_BYTES: usize = 1 << 30;

/// Makes a file that may not grow an error of its writer (`SIGXFSZ` would end the process), tries whether the machine gives
/// the threads, memory and open files that work takes, and gives each pool of threads as many as there are [`cores`]. Cheap, and
/// a second call does no harm. The first belongs before all work: polars takes its number then or never.
///
/// # Errors
/// [`Code::Limit`] for what it refuses, with the limit to raise.
pub fn ready() -> Result<()> {
    // SAFETY: takes any signal; to ignore one runs no code.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    keep_memory();
    let cores = cores();
    allow_open_files();
    open_files(4 * cores + 16)?;
    address_space()?;
    tell_polars(cores);
    threads(cores)?;
    #[cfg(feature = "torch")]
    tell_libtorch(cores);
    Ok(())
}

/// Pictures and tables come and go by the thousand: what one gives back serves the next, where glibc would hand it to the system
/// and have each page cleared again.
fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets numbers of the allocator; values that it does not take leave it as it is.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 256 << 20);
        libc::mallopt(libc::M_TOP_PAD, 1 << 20);
    }
}

const POLARS: &str = "POLARS_MAX_THREADS";
const LIBTORCH: &str = "OMP_NUM_THREADS";
const RAYON: &str = "RAYON_NUM_THREADS";

/// The number of threads that a person gave a pool; of several, for loops in loops, the first.
fn given(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    allowed::number(text.split(',').next()).map(|count| count as usize)
}

/// By the environment, which polars reads at its first use; it takes no number otherwise.
fn tell_polars(cores: usize) {
    // Nobody reads the environment meanwhile where nobody else runs. In a notebook that has threads already polars goes by the
    // process' affinity and quota.
    let alone = std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
    if alone && given(POLARS).is_none() {
        // SAFETY: this is the only thread.
        unsafe { std::env::set_var(POLARS, cores.to_string()) };
    }
}

/// Once, so that a number which a person sets in a notebook stays. Where libtorch takes fewer by itself, as with two threads a
/// core, it keeps to them.
#[cfg(feature = "torch")]
fn tell_libtorch(cores: usize) {
    static TOLD: std::sync::Once = std::sync::Once::new();
    TOLD.call_once(|| {
        if given(LIBTORCH).is_none() && tch::get_num_threads() > cores as i32 {
            tch::set_num_threads(cores as i32);
        }
    });
}

/// rayon's threads are kept; as many more are tried as polars, libtorch and this library's own workers will have.
fn threads(cores: usize) -> Result<()> {
    let wanted = |variable| given(variable).unwrap_or(cores);
    let others = wanted(POLARS) + wanted(LIBTORCH) + cores;
    let all = wanted(RAYON) + others;
    match rayon::ThreadPoolBuilder::new().num_threads(wanted(RAYON)).build_global() {
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

/// Open files that are asked for, where the system gives so many.
const MOST_FILES: libc::rlim_t = 1 << 16;

/// As many open files as this process may ask for: a merge reads one of each process that was a shard.
fn allow_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a pointer to a live value of that type, twice; where the system refuses, the limit stays.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max.min(MOST_FILES) {
            limit.rlim_cur = limit.rlim_max.min(MOST_FILES);
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
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
    let Some(limit) = allowed::address_space() else { return Ok(()) };
    // Looked at by nobody, which the compiler is not to know.
    let mut room = Vec::<u8>::new();
    std::hint::black_box(&mut room).try_reserve_exact(LEAST_BYTES).map_err(|cause| {
        let (limit, least) = (limit >> 20, LEAST_BYTES >> 20);
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
