//! Work shared out among threads, each with the networks at hand.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::device::Device;
use super::network::Network;
use crate::error::Result;

/// Does `work` for every item and returns the results in the order of the items, whatever thread did which. On the
/// processor there is a thread a core, and libtorch works with one thread in each: the layers of small networks are too
/// short to be shared out, whole batches are not; and no result depends on the number of threads. A GPU is fed by one.
///
/// # Errors
/// The first error that a call of `work` gave; items that were not begun by then are not done.
pub fn on_workers<T: Sync, R: Send>(
    networks: &[&Network],
    items: &[T],
    work: impl Fn(&[Network], &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let on_cpu = networks.iter().all(|network| network.device() == Device::Cpu);
    let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
    let count = if on_cpu { cores.min(items.len()).max(1) } else { 1 };
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Mutex<Vec<(usize, Result<R>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..count {
            let own: Vec<Network> = networks.iter().map(|network| network.shared()).collect();
            let (next, failed, done, work) = (&next, &failed, &done, &work);
            scope.spawn(move || {
                if on_cpu {
                    tch::set_num_threads(1);
                }
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(&own, item);
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    done.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
