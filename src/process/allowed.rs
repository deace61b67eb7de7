//! What a job may use of its machine: cores and memory, by the batch system, the container and the machine itself.
//!
//! SLURM names a job's share in its environment, and a container by its cgroup; the smaller one holds. What a person sets for
//! one pool of threads (`RAYON_NUM_THREADS`, `POLARS_MAX_THREADS`, `OMP_NUM_THREADS`) still holds for that pool.

use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

/// How much a job may use of something, and what says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Threads, or bytes.
    pub count: u64,
    /// Where the number is from, for a person to read.
    pub by: &'static str,
}

/// Threads that each pool of this process has: as many as SLURM gives a task (`SLURM_CPUS_PER_TASK`), and no more than the
/// process may use by its affinity and the quota of its cgroup. The same for the life of the process.
///
/// ```
/// assert!(lgf::process::cores() >= 1);
/// ```
pub fn cores() -> usize {
    cores_allowed().count as usize
}

/// The same, and what says so.
pub fn cores_allowed() -> Allowed {
    static CORES: OnceLock<Allowed> = OnceLock::new();
    *CORES.get_or_init(|| {
        // Affinity and quota, of cgroups of both versions: never the machine's cores alone.
        let own = std::thread::available_parallelism().map_or(1, |count| count.get());
        share_of_cores(variable(TASK_CORES).as_deref(), own)
    })
}

/// Bytes of memory that this process may use, or `None` where nothing says so: the least of its cgroup, SLURM
/// (`SLURM_MEM_PER_NODE`, `SLURM_MEM_PER_CPU`), `ulimit -v` and the machine.
pub fn memory_limit() -> Option<u64> {
    memory_allowed().map(|allowed| allowed.count)
}

/// The same, and what says so.
pub fn memory_allowed() -> Option<Allowed> {
    let groups = text("/proc/self/cgroup").map(|text| memory_files(&text)).unwrap_or_default();
    let mut limits: Vec<Allowed> = groups
        .iter()
        .filter_map(|file| limit_in(&text(file)?))
        .map(|count| Allowed { count, by: "its cgroup" })
        .collect();
    let cores = number(variable(TASK_CORES).as_deref()).or_else(|| number(variable("SLURM_CPUS_ON_NODE").as_deref()));
    limits.extend(share_of_memory(
        variable("SLURM_MEM_PER_NODE").as_deref(),
        variable("SLURM_MEM_PER_CPU").as_deref(),
        cores.unwrap_or(cores_allowed().count),
    ));
    limits.extend(address_space().map(|count| Allowed { count, by: "ulimit -v" }));
    limits.extend(
        text("/proc/meminfo").and_then(|text| total_in(&text)).map(|count| Allowed { count, by: "the machine" }),
    );
    // Of equal ones the first, which is the nearest.
    limits.into_iter().min_by_key(|limit| limit.count)
}

/// The most memory that this process has had so far, in bytes; 0 where the system does not say.
pub fn peak_bytes() -> u64 {
    let status = text("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes << 10)
}

/// Bytes of addresses that this process may have, where that is limited.
pub(super) fn address_space() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a pointer to a live value of that type.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) } == 0;
    (known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

const TASK_CORES: &str = "SLURM_CPUS_PER_TASK";

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// A number from one on; anything else is none.
pub(super) fn number(text: Option<&str>) -> Option<u64> {
    text.and_then(|text| text.trim().parse().ok()).filter(|&number| number > 0)
}

/// What SLURM gives a task, if that is a number and no more than the process has.
fn share_of_cores(task: Option<&str>, own: usize) -> Allowed {
    let own = own as u64;
    match number(task) {
        Some(count) if count <= own => Allowed { count, by: TASK_CORES },
        _ => Allowed { count: own, by: "the cores that this process may use" },
    }
}

/// What SLURM gives a job of memory, in MiB of the node or of each of `cores`; 0 of a node is all that it has.
fn share_of_memory(node: Option<&str>, core: Option<&str>, cores: u64) -> Vec<Allowed> {
    let node = number(node).and_then(|count| count.checked_mul(1 << 20));
    let core = number(core).and_then(|count| count.checked_mul(cores)?.checked_mul(1 << 20));
    let named = |count: Option<u64>, by| count.map(|count| Allowed { count, by });
    [named(node, "SLURM_MEM_PER_NODE"), named(core, "SLURM_MEM_PER_CPU")].into_iter().flatten().collect()
}

/// The files that may limit the memory of a process, by its `/proc/self/cgroup`: those of its own group, then of each above,
/// of both versions. Inside a container the upper ones may be all that is there.
fn memory_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (roots, name): (&[&str], _) = if number == "0" && controllers.is_empty() {
            (&["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (&["/sys/fs/cgroup/memory"], "memory.limit_in_bytes")
        } else {
            continue;
        };
        // A group outside of the container's own begins with `..`.
        let below: PathBuf = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).collect();
        files.extend(
            roots.iter().flat_map(|root| below.ancestors().map(|group| Path::new(root).join(group).join(name))),
        );
    }
    files
}

/// A limit in bytes; `max` is none.
fn limit_in(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// All memory of a machine, by its `/proc/meminfo`.
fn total_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_had_some_memory() {
        assert!((1 << 20..1 << 40).contains(&peak_bytes()), "{}", peak_bytes());
    }

    #[test]
    fn a_task_has_what_slurm_gives_it_and_no_more_than_the_process_has() {
        let found = |task, own| {
            let Allowed { count, by } = share_of_cores(task, own);
            (count, by == TASK_CORES)
        };
        assert_eq!(found(Some("4"), 64), (4, true));
        assert_eq!(found(Some(" 1\n"), 2), (1, true));
        assert_eq!(found(Some("64"), 8), (8, false));
        for bad in ["", "0", "-3", "four", "4(x2)", "3.5", "99999999999999999999999"] {
            assert_eq!(found(Some(bad), 8), (8, false), "{bad}");
        }
        assert_eq!(found(None, 1), (1, false));
    }

    #[test]
    fn memory_by_slurm_is_that_of_the_node_or_of_the_cores() {
        let found = |node, core, cores| {
            let found = share_of_memory(node, core, cores);
            found.into_iter().map(|limit| (limit.count >> 20, limit.by)).collect::<Vec<_>>()
        };
        assert_eq!(found(Some("4096"), None, 8), [(4096, "SLURM_MEM_PER_NODE")]);
        assert_eq!(found(None, Some("2000"), 8), [(16_000, "SLURM_MEM_PER_CPU")]);
        for bad in ["0", "", "all", "-1", "18446744073709551615"] {
            assert_eq!(found(Some(bad), Some(bad), 8), [], "{bad}");
        }
    }

    #[test]
    fn the_files_of_a_group_and_of_all_above_it_are_those_that_may_limit_it() {
        let files =
            |groups: &str| memory_files(groups).iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        let below = |root: &str, paths: &[&str], name: &str| {
            paths.iter().map(|path| format!("/sys/fs/cgroup{root}{path}/{name}")).collect::<Vec<_>>()
        };
        let paths = ["/slurm/uid_1000/job_7", "/slurm/uid_1000", "/slurm", ""];
        assert_eq!(
            files("3:cpuset:/a\n4:memory:/slurm/uid_1000/job_7\n"),
            below("/memory", &paths, "memory.limit_in_bytes")
        );
        assert_eq!(files("5:cpu,memory:/\n"), below("/memory", &[""], "memory.limit_in_bytes"));
        let second = [below("", &paths, "memory.max"), below("/unified", &paths, "memory.max")].concat();
        assert_eq!(files("0::/slurm/uid_1000/job_7\n"), second);
        // A name may hold colons, and a path may lead out of what a container sees.
        assert_eq!(files("0::/a:b\n")[0], "/sys/fs/cgroup/a:b/memory.max");
        assert_eq!(files("0::/../../job\n")[..2], below("", &["/job", ""], "memory.max"));
        for bad in ["", "\n\n", "memory", "4:memory", "1:name=systemd:/", "x::/a"] {
            assert_eq!(files(bad), [""; 0], "{bad}");
        }
    }

    #[test]
    fn limits_and_totals_are_read_from_what_the_system_writes() {
        assert_eq!(limit_in("4294967296\n"), Some(4 << 30));
        // What the first version of cgroups writes for none, which the machine's own is less than.
        assert_eq!(limit_in("9223372036854771712\n"), Some(9_223_372_036_854_771_712));
        for none in ["max\n", "", "many", "-1"] {
            assert_eq!(limit_in(none), None, "{none}");
        }
        let meminfo = "MemTotal:       24684096 kB\nMemFree:         1000 kB\n";
        assert_eq!(total_in(meminfo), Some(24_684_096 * 1024));
        for bad in ["", "MemFree: 1 kB\n", "MemTotal: 1 MB\n", "MemTotal: kB\n", "MemTotal: 18446744073709551615 kB\n"]
        {
            assert_eq!(total_in(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_process_may_use_some_cores_and_memory() {
        assert!((1..=4096).contains(&cores()), "{}", cores());
        assert!(memory_limit().is_some_and(|bytes| bytes > 1 << 20), "{:?}", memory_allowed());
    }
}
