//! Work shared out among threads, each with the networks at hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::device::Device;
use super::engine::Engine;
use crate::error::{Code, Result};
use crate::process::{cores, no_thread};

/// Loads and works on every item and returns the results in the order of the items, whatever thread did which.
///
/// On the processor there is a thread a core, and libtorch works with one thread in each: the layers of small networks are
/// too short to be shared out, whole batches are not; and no result depends on the number of threads. A GPU is fed by one
/// thread, and the cores load ahead of it, a few items at most.
///
/// # Errors
/// The first error in the order of the items that a call gave; items that were not begun by then are not done.
/// [`Code::Limit`] if the machine refuses a thread.
pub fn on_workers<T: Sync, L: Send, R: Send>(
    networks: &[&Engine],
    items: &[T],
    load: impl Fn(&T) -> Result<L> + Sync,
    work: impl Fn(&[Engine], L) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let cores = cores();
    if networks.iter().all(|network| network.device() == Device::Cpu) {
        on_cores(networks, items, cores, |networks, item| work(networks, load(item)?))
    } else {
        let own: Vec<Engine> = networks.iter().map(|network| network.shared()).collect();
        loaded_ahead(items, cores, 2 * cores, load, |loaded| work(&own, loaded))
    }
}

fn on_cores<T: Sync, R: Send>(
    networks: &[&Engine],
    items: &[T],
    cores: usize,
    work: impl Fn(&[Engine], &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Mutex<BTreeMap<usize, Result<R>>> = Mutex::new(BTreeMap::new());
    let threads = cores.min(items.len()).max(1);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let own: Vec<Engine> = networks.iter().map(|network| network.for_one_thread()).collect();
            let (next, failed, done, work) = (&next, &failed, &done, &work);
            let started = std::thread::Builder::new().spawn_scoped(scope, move || {
                tch::set_num_threads(1);
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(&own, item);
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    locked(done).insert(index, result);
                }
            });
            if let Err(cause) = started {
                failed.store(true, Ordering::Relaxed);
                return Err(no_thread(threads, cause));
            }
        }
        Ok(())
    })?;
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// What is loaded, and what is next.
struct Queue<L> {
    ready: BTreeMap<usize, Result<L>>,
    /// The next item to load, and the one that is worked on.
    next: usize,
    current: usize,
    over: bool,
}

/// Loads on `cores` threads, at most `ahead` items before the one that this thread works on.
fn loaded_ahead<T: Sync, L: Send, R>(
    items: &[T],
    cores: usize,
    ahead: usize,
    load: impl Fn(&T) -> Result<L> + Sync,
    mut work: impl FnMut(L) -> Result<R>,
) -> Result<Vec<R>> {
    let queue: Mutex<Queue<L>> = Mutex::new(Queue { ready: BTreeMap::new(), next: 0, current: 0, over: false });
    let changed = Condvar::new();
    let wait = |guard| changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            let started = std::thread::Builder::new().spawn_scoped(scope, || {
                loop {
                    let mut state = locked(&queue);
                    while !state.over && state.next < items.len() && state.next > state.current + ahead {
                        state = wait(state);
                    }
                    if state.over || state.next >= items.len() {
                        return;
                    }
                    let index = state.next;
                    state.next += 1;
                    drop(state);
                    let loaded = load(&items[index]);
                    locked(&queue).ready.insert(index, loaded);
                    changed.notify_all();
                }
            });
            if let Err(cause) = started {
                locked(&queue).over = true;
                changed.notify_all();
                return Err(no_thread(cores, cause));
            }
        }
        let mut results = Vec::with_capacity(items.len());
        let mut one = |index: usize| {
            let mut state = locked(&queue);
            state.current = index;
            changed.notify_all();
            let loaded = loop {
                match state.ready.remove(&index) {
                    Some(loaded) => break loaded,
                    None => state = wait(state),
                }
            };
            drop(state);
            work(loaded?)
        };
        let outcome = (0..items.len()).try_for_each(|index| one(index).map(|result| results.push(result)));
        locked(&queue).over = true;
        changed.notify_all();
        outcome.map(|()| results)
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Works on some items at once, and where the memory does not suffice, on halves of them, down to single ones. Gives for each
/// item its result, or the error of an item that does not fit even by itself.
///
/// # Errors
/// Any error but one of memory.
pub(crate) fn halving<T, R>(items: &[T], work: &mut impl FnMut(&[T]) -> Result<Vec<R>>) -> Result<Vec<Result<R>>> {
    match work(items) {
        Ok(results) => Ok(results.into_iter().map(Ok).collect()),
        Err(error) if error.code() == Code::Memory && items.len() > 1 => {
            let (first, second) = items.split_at(items.len() / 2);
            let mut results = halving(first, work)?;
            results.extend(halving(second, work)?);
            Ok(results)
        }
        Err(error) if error.code() == Code::Memory => Ok(vec![Err(error)]),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn results_come_in_order_from_both_ways_of_working() {
        let items: Vec<u64> = (0..40).collect();
        let slow = |item: &u64| {
            std::thread::sleep(std::time::Duration::from_micros(item * 37 % 200));
            Ok(*item)
        };
        let expected: Vec<u64> = items.iter().map(|item| item * 2).collect();
        assert_eq!(on_workers(&[], &items, slow, |_, item| Ok(item * 2)).unwrap(), expected);
        for (cores, ahead) in [(1, 0), (3, 1), (4, 8)] {
            assert_eq!(loaded_ahead(&items, cores, ahead, slow, |item| Ok(item * 2)).unwrap(), expected);
        }
    }

    #[test]
    fn no_more_is_loaded_ahead_than_asked_for() {
        let items: Vec<usize> = (0..60).collect();
        let (worked, farthest) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let load = |item: &usize| {
            farthest.fetch_max(item - worked.load(Ordering::SeqCst).min(*item), Ordering::SeqCst);
            Ok(*item)
        };
        let work = |item| {
            worked.store(item + 1, Ordering::SeqCst);
            Ok(())
        };
        loaded_ahead(&items, 4, 5, load, work).unwrap();
        assert!(farthest.load(Ordering::SeqCst) <= 6, "{farthest:?}");
    }

    #[test]
    fn an_error_ends_the_work_and_no_thread_is_left_waiting() {
        let items: Vec<usize> = (0..1000).collect();
        let fail = |item: &usize| if *item == 7 { Err(Error::new(Code::Image, "cut")) } else { Ok(*item) };
        assert_eq!(on_workers(&[], &items, fail, |_, item| Ok(item)).unwrap_err().code(), Code::Image);
        assert_eq!(loaded_ahead(&items, 3, 4, fail, Ok).unwrap_err().code(), Code::Image);
        assert_eq!(loaded_ahead(&items, 3, 4, |item| Ok(*item), |item| fail(&item)).unwrap_err().code(), Code::Image);
    }

    /// In a process of its own, whose threads ask for more stack than there are addresses.
    #[test]
    fn bad_input_81_threads_that_cannot_start_are_an_error_and_none_is_left_waiting() {
        let name = "bad_input_81_threads_that_cannot_start_are_an_error_and_none_is_left_waiting";
        if std::env::var_os("LGF_TEST_CHILD").is_none() {
            let path = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args([&path, "--exact", "--nocapture", "--test-threads=1"])
                .envs([("LGF_TEST_CHILD", "1"), ("RUST_MIN_STACK", "70368744177664")])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&child.stdout).into_owned();
            assert!(child.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let items: Vec<usize> = (0..10).collect();
        for error in [
            on_workers(&[], &items, |item| Ok(*item), |_, item| Ok(item)).unwrap_err(),
            loaded_ahead(&items, 3, 4, |item| Ok(*item), Ok).unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::Limit);
            assert!(
                error.to_string().contains("refuses a thread") && error.to_string().contains("ulimit -u"),
                "{error}"
            );
        }
    }

    #[test]
    fn bad_input_57_a_batch_that_does_not_fit_is_halved() {
        let items: Vec<usize> = (0..11).collect();
        let mut sizes = Vec::new();
        let mut work = |part: &[usize]| {
            sizes.push(part.len());
            if part.len() > 3 || part.contains(&5) {
                return Err(Error::new(Code::Memory, "CUDA out of memory"));
            }
            Ok(part.iter().map(|item| item * 10).collect())
        };
        let results = halving(&items, &mut work).unwrap();
        assert_eq!(sizes[..3], [11, 5, 2]);
        for (item, result) in items.iter().zip(results) {
            match result {
                Ok(value) => assert_eq!(value, item * 10),
                Err(error) => assert_eq!((*item, error.code()), (5, Code::Memory)),
            }
        }
        let other = |_: &[usize]| -> Result<Vec<usize>> { Err(Error::new(Code::Numeric, "NaN")) };
        assert_eq!(halving(&items, &mut { other }).unwrap_err().code(), Code::Numeric);
    }
}
