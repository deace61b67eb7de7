//! Threads of a job: as many as the batch system gives it.

use std::path::Path;
use std::time::Duration;

use crate::signals::{Running, root};

/// What `lgf doctor` says, under an environment.
fn doctor(environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = Running::start(&["doctor", "--root", folder.path().to_str().unwrap()], environment).end();
    assert_eq!(code, Some(0), "{said}");
    said
}

#[test]
fn a_task_has_the_threads_and_the_memory_that_slurm_gives_it() {
    assert!(doctor(&[("SLURM_CPUS_PER_TASK", "1")]).contains("threads: 1, by SLURM_CPUS_PER_TASK\n"));
    let own = std::thread::available_parallelism().unwrap();
    for more in ["100000", "many", "0", "-1"] {
        let said = doctor(&[("SLURM_CPUS_PER_TASK", more)]);
        assert!(said.contains(&format!("threads: {own}, by the cores that this process may use\n")), "{more}: {said}");
    }
    let said = doctor(&[("SLURM_CPUS_PER_TASK", "1"), ("SLURM_MEM_PER_CPU", "48")]);
    assert!(said.contains("memory: 48 MiB, by SLURM_MEM_PER_CPU\n"), "{said}");
    let said = doctor(&[("SLURM_MEM_PER_NODE", "64")]);
    assert!(said.contains("memory: 64 MiB, by SLURM_MEM_PER_NODE\n"), "{said}");
    // Numbers that are none end nothing.
    doctor(&[
        ("RAYON_NUM_THREADS", "x"),
        ("POLARS_MAX_THREADS", "0"),
        ("OMP_NUM_THREADS", "-"),
        ("SLURM_MEM_PER_NODE", "x"),
    ]);
}

/// The names of the threads of a step, when it has most of them.
fn threads(root: &str, environment: &[(&str, &str)]) -> Vec<String> {
    // Not finished, so that it is done each time.
    let manifests = Path::new(root).join("manifests");
    if manifests.exists() {
        std::fs::remove_dir_all(manifests).unwrap();
    }
    let mut call = Running::start(&["edges", "--root", root], environment);
    call.says("edges: 0 of");
    let mut most = Vec::new();
    while !call.is_over() {
        let names: Vec<String> = std::fs::read_dir(call.of_process("task"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|thread| std::fs::read_to_string(thread.path().join("comm")).ok())
            .collect();
        if names.len() > most.len() {
            most = names;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    most
}

#[test]
fn a_step_has_no_more_threads_than_slurm_gives_its_task_in_each_pool() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path(), 16);
    let one = threads(&root, &[("SLURM_CPUS_PER_TASK", "1")]);
    assert_eq!(one.iter().filter(|name| name.starts_with("polars")).count(), 1, "{one:?}");
    // The first, one of rayon, one of polars; a few that a library may have beside.
    assert!((3..=6).contains(&one.len()), "{one:?}");
    // What a person sets for a pool holds for it.
    let environment = [("SLURM_CPUS_PER_TASK", "1"), ("RAYON_NUM_THREADS", "5"), ("POLARS_MAX_THREADS", "7")];
    let own = threads(&root, &environment);
    assert_eq!(own.iter().filter(|name| name.starts_with("polars")).count(), 7, "{own:?}");
    assert!(own.len() >= 1 + 5 + 7, "{own:?}");
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        let two = threads(&root, &[("SLURM_CPUS_PER_TASK", "2")]);
        assert_eq!(two.len(), one.len() + 2, "{two:?}");
    }
}
