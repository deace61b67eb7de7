//! A sequence shared out over machines: byte for byte that of one, and nothing joined that does not belong together.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lgf::datasets::Sampling;
use lgf::error::Code;
use lgf::files::{Shard, Share, Store};
use lgf::inference::Device;
use lgf::protocol::{self, Fault};
use lgf::sample;
use lgf::sequence::Run;
use lgf::stage::StepPlan;

use crate::sequence::{lgf, ok};

/// The sample's sequence at its smallest: two photographs a class, two networks.
fn small(root: &Path) -> Run {
    let store = Store::at(root).unwrap().quiet();
    let mut protocol = protocol::corrected();
    protocol.sample = sample::Sample { train: 1, validation: 1, conflict: 1, ..protocol.sample };
    protocol.datasets.sampling = Sampling::PerClass(1);
    protocol.datasets.patches.truncate(1);
    let study = sample::open(&store, &protocol.sample).unwrap().only(&["resnet50", "sin-resnet50"]).unwrap();
    Run { study, protocol, device: Device::Cpu }
}

fn shard(run: &Run, index: u32, count: u32) -> Run {
    run.sharing(Share::Shard(Shard::of(index, count).unwrap()))
}

/// The same, whose edges two shards have done.
fn with_edges_to_merge(root: &Path) -> Run {
    let run = small(root);
    (0..2).for_each(|index| part(&shard(&run, index, 2), "boxes"));
    run.merge(None).unwrap();
    (0..2).for_each(|index| part(&shard(&run, index, 2), "edges"));
    run
}

/// Does a shard's part of a step, by the step's name.
fn part(run: &Run, step: &str) {
    let (_, work) = run.steps().into_iter().find(|(name, _)| name.ends_with(step)).unwrap();
    let error = work(run).unwrap_err();
    assert_eq!(error.code(), Code::Partial, "{step}: {error}");
}

const STEPS: [&str; 8] = ["boxes", "edges", "datasets", "run", "features", "observe", "relevance", "overlap"];

/// Every file below a data root that is a result, with its content.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().to_path_buf();
            // What steps took.
            if name.ends_with("manifests/measured") {
                continue;
            }
            if path.is_dir() {
                walk(root, &path, into);
            } else {
                into.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(root, root, &mut files);
    files
}

fn assert_same(one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>) {
    let names = |tree: &BTreeMap<PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    let differing: Vec<_> = one.iter().filter(|(name, bytes)| other[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differing.is_empty(), "{differing:?}");
}

#[test]
fn the_whole_sequence_by_shards_is_that_of_one_run_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    // One name for both, as it stands in some tables.
    let root = folder.path().join("root");
    let whole = small(&root);
    whole.steps().into_iter().try_for_each(|(_, step)| step(&whole)).unwrap();
    whole.report().unwrap();
    whole.ablate(&[Fault::OneSided, Fault::Thresholds]).unwrap();
    let expected = tree(&root);
    std::fs::rename(&root, folder.path().join("whole")).unwrap();

    let run = small(&root);
    for (place, step) in STEPS.iter().enumerate() {
        // Another number of shards each time; one that was changed halfway, too.
        let count = place as u32 % 3 + 2;
        assert_eq!(plan(&run, step, None).state(), "to do");
        part(&shard(&run, 0, 5), step);
        (1..count).for_each(|index| part(&shard(&run, index, count), step));
        let before = plan(&run, step, Some(count));
        if before.done() < before.items() {
            assert_eq!(before.state(), "begun");
        }
        part(&shard(&run, 0, count), step);
        let ready = plan(&run, step, Some(count));
        assert_eq!((ready.done(), ready.state().as_str()), (ready.items(), "to be merged"), "{step}");
        assert!(ready.to_do().iter().all(|left| *left == 0) && ready.to_do().len() == count as usize);
        // A second time there is nothing to do, and nothing is harmed.
        part(&shard(&run, 1, count), step);
        let merged = run.merge(None).unwrap();
        assert_eq!(merged.next.as_deref(), STEPS.get(place + 1).copied());
    }
    run.report().unwrap();
    let faults = [Fault::OneSided, Fault::Thresholds];
    for index in 0..2 {
        assert_eq!(shard(&run, index, 2).ablate(&faults).unwrap_err().code(), Code::Partial);
    }
    run.sharing(Share::Joined).ablate(&faults).unwrap();
    let found = tree(&root);
    assert_same(&expected, &found);
}

#[test]
fn what_a_shard_has_done_is_not_done_again_by_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = small(folder.path());
    run.boxes().unwrap();
    run.subset().unwrap();
    let masks = |run: &Run| -> BTreeMap<PathBuf, u64> {
        let files = tree(run.store().root()).into_keys().filter(|name| name.starts_with("edges"));
        let masks = files.filter(|name| name.extension().is_some_and(|ending| ending == "png"));
        masks
            .map(|name| (name.clone(), std::fs::metadata(run.store().path(name.to_str().unwrap())).unwrap().ino()))
            .collect()
    };
    part(&shard(&run, 0, 2), "edges");
    let before = masks(&run);
    assert!(before.len() >= 4, "{before:?}");
    std::fs::write(run.store().path("edges/of-another-run.png"), b"old").unwrap();
    run.edges().unwrap();
    let after = masks(&run);
    assert!(before.iter().all(|(name, file)| after[name] == *file), "the same files, not new ones");
    assert!(after.len() > before.len() && !after.contains_key(Path::new("edges/of-another-run.png")));
}

fn plan(run: &Run, step: &str, shards: Option<u32>) -> StepPlan {
    run.plan(shards).unwrap().into_iter().find(|plan| plan.step == step).unwrap()
}

#[test]
fn bad_input_85_what_is_missing_or_of_something_else_is_refused_with_shard_and_machine() {
    let folder = tempfile::tempdir().unwrap();
    let run = small(folder.path());
    part(&shard(&run, 0, 2), "boxes");
    let error = run.merge(None).unwrap_err();
    assert_eq!(error.code(), Code::Manifest);
    for words in ["archives are not there", "shard 1/2 lacks", "never begun", "--shard 1/2"] {
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    part(&shard(&run, 1, 2), "boxes");
    assert_eq!(run.merge(Some("boxes")).unwrap().next.as_deref(), Some("edges"));
    let error = run.merge(Some("edges")).unwrap_err();
    assert!(error.to_string().contains("edges: nothing is there to be joined"), "{error}");

    // Other parameters.
    let mut other = shard(&run, 1, 2);
    other.protocol.edges.contour_sigma += 1.0;
    part(&other, "edges");
    // All that is there is of something else: that is no reason to go on, either.
    assert!(run.merge(None).unwrap_err().to_string().contains(" is of other parameters"));
    part(&shard(&run, 0, 2), "edges");
    let refused = |words: &[&str]| {
        let error = run.merge(None).unwrap_err();
        assert_eq!(error.code(), Code::Manifest);
        for words in words {
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
        assert!(!folder.path().join("edges_data.parquet").exists(), "nothing is written");
    };
    refused(&["shard 1/2 lacks", "what shard 1/2 on ", " is of other parameters"]);

    // Other inputs: a photograph that was another one for that shard.
    let images = run.photographs().unwrap();
    let (path, before) = (&images[0].path, std::fs::read(&images[0].path).unwrap());
    std::fs::write(path, std::fs::read(&images[1].path).unwrap()).unwrap();
    part(&shard(&run, 1, 2), "edges");
    std::fs::write(path, before).unwrap();
    refused(&["shard 1/2 lacks", " is of other inputs"]);

    // Other code: as its file says.
    part(&shard(&run, 1, 2), "edges");
    assert_eq!(run.merge(None).unwrap().next.as_deref(), Some("datasets"));
}

#[test]
fn bad_input_85_an_item_that_two_processes_did_differently_is_refused_and_one_done_twice_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let run = with_edges_to_merge(folder.path());
    let parts = folder.path().join("manifests/parts/edges");
    let files = || -> Vec<PathBuf> { std::fs::read_dir(&parts).unwrap().map(|file| file.unwrap().path()).collect() };
    // The same once more, as by a task that was queued again though its first run went on.
    for file in files() {
        std::fs::copy(&file, file.with_file_name(format!("other-{}", file.file_name().unwrap().to_str().unwrap())))
            .unwrap();
    }
    let copy =
        files().into_iter().find(|file| file.file_name().unwrap().to_str().unwrap().starts_with("other")).unwrap();
    // One digit of a result of the copy is another, with a check that fits.
    let mut bytes = std::fs::read(&copy).unwrap();
    assert!(change_a_result(&mut bytes), "no result to change");
    std::fs::write(&copy, bytes).unwrap();
    let error = run.merge(None).unwrap_err();
    assert_eq!(error.code(), Code::Manifest);
    assert!(error.to_string().contains("was done twice") && error.to_string().contains("different results"), "{error}");
    assert!(error.to_string().contains("by shard ") && error.to_string().contains(" on "), "{error}");
    // Without it they are joined, twice done or not.
    std::fs::remove_file(&copy).unwrap();
    assert_eq!(run.merge(None).unwrap().next.as_deref(), Some("datasets"));
}

/// Turns a bit of the last result of a file of parts, and mends its check.
fn change_a_result(bytes: &mut [u8]) -> bool {
    const HEAD: usize = 5;
    const CHECK: usize = 8;
    const DONE: u8 = 4;
    let (mut at, mut last) = (0, None);
    while at + HEAD + CHECK <= bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 1..at + HEAD].try_into().unwrap()) as usize;
        if bytes[at] == DONE {
            last = Some((at, length));
        }
        at += HEAD + length + CHECK;
    }
    let Some((at, length)) = last else { return false };
    let end = at + HEAD + length;
    bytes[end - 1] ^= 1;
    let check = lgf::files::sha256_hex(&bytes[at..end]);
    for (place, byte) in bytes[end..end + CHECK].iter_mut().enumerate() {
        *byte = u8::from_str_radix(&check[2 * place..2 * place + 2], 16).unwrap();
    }
    true
}

#[test]
fn clocks_that_differ_and_a_file_of_parts_that_was_cut_lose_no_more_than_the_cut_item() {
    let folder = tempfile::tempdir().unwrap();
    let run = with_edges_to_merge(folder.path());
    let parts = folder.path().join("manifests/parts/edges");
    for (place, file) in std::fs::read_dir(&parts).unwrap().map(|file| file.unwrap().path()).enumerate() {
        let years = Duration::from_secs(3600 * 24 * 365 * 20);
        let time = if place == 0 { SystemTime::now() + years } else { SystemTime::now() - years };
        let file = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
        file.set_modified(time).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length - 40).unwrap();
    }
    let left = plan(&run, "edges", Some(2));
    let lost = left.items() - left.done();
    assert!((1..=2).contains(&lost), "{lost}");
    assert!(run.merge(None).unwrap_err().to_string().contains("lacks 1 of"));
    (0..2).for_each(|index| part(&shard(&run, index, 2), "edges"));
    assert_eq!(run.merge(None).unwrap().next.as_deref(), Some("datasets"));
}

#[test]
fn bad_input_85_shards_that_are_none_and_commands_without_items_are_refused() {
    let refused = |arguments: &[&str], words: &str| {
        let output = lgf(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(words), "{arguments:?}: {said}");
    };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    refused(&["edges", "--root", root, "--shard", "4/4"], "counted from 0 to 3");
    refused(&["run", "--root", root, "--shard", "one"], "expected its number");
    refused(&["analyse", "--root", root, "--shard", "0/4"], "no items to share out");
    refused(&["all", "--root", root, "--shard", "0/4"], "`lgf merge` does the steps in between");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was made");
}

#[test]
fn a_task_of_an_array_does_its_share_and_a_plan_says_what_is_left_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    small(folder.path());
    let task = |step: &str, id: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lgf"));
        command.args([step, "--root", root]).env_remove("LGF_ROOT").env_remove("LGF_PROTOCOL");
        // A task may have neither.
        command.env("HOME", "/nonexistent").env("TMPDIR", "/nonexistent");
        for (name, value) in [("ID", id), ("MIN", "1"), ("COUNT", "2")] {
            command.env(format!("SLURM_ARRAY_TASK_{name}"), value);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let before = tree(folder.path());
    let planned = ok(&["plan", "--root", root, "--shards", "4", "--json"]);
    assert_same(&before, &tree(folder.path()));
    let planned: serde_json::Value = serde_json::from_str(&planned).unwrap();
    let boxes = &planned["steps"][0];
    assert_eq!((boxes["step"].as_str(), boxes["shards"].as_array().unwrap().len()), (Some("boxes"), 4));
    assert_eq!(planned["steps"][1]["waits"], "waits for boxes");

    assert!(task("boxes", "1").contains("shard 0/2 has its"));
    assert!(task("boxes", "2").contains("shard 1/2 has its"));
    let page = folder.path().join("plan.html");
    let said = ok(&["plan", "--root", root, "--page", page.to_str().unwrap()]);
    assert!(said.contains("to be merged"), "{said}");
    assert!(std::fs::read_to_string(page).unwrap().contains("Shards of boxes"));
    assert!(ok(&["merge", "--root", root]).contains("next: lgf edges --shard I/N"));
}
