//! Signals of a terminal and of batch systems: a step ends with what is finished written, exit 75, and the same call goes on.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::sequence::ok;

/// What `lgf` ends with when it is stopped.
const STOPPED: Option<i32> = Some(75);
/// Longer than signals are taken for one and the same.
const APART: Duration = Duration::from_millis(700);

/// Photographs, five batches: each signal comes after one of them.
const COUNT: u32 = 80;

/// The names of signals as `kill` takes them, with their bits in `/proc/<pid>/status`.
const SIGNALS: [(&str, u64); 4] = [("INT", 1 << 1), ("TERM", 1 << 14), ("USR1", 1 << 9), ("USR2", 1 << 11)];

/// A call of `lgf` that runs.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lgf"));
        // The tests may run in a job themselves.
        let job =
            |name: &str| name.starts_with("SLURM_") || name.ends_with("_NUM_THREADS") || name == "POLARS_MAX_THREADS";
        for (name, _) in std::env::vars().filter(|(name, _)| job(name)) {
            command.env_remove(name);
        }
        let mut child = command
            .args(arguments)
            .env_remove("LGF_ROOT")
            .env_remove("LGF_PROTOCOL")
            .env_remove("LGF_DEVICE")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running { child, out }
    }

    /// Waits for a line that begins so.
    pub fn says(&mut self, beginning: &str) {
        let mut line = String::new();
        while !line.trim_start_matches('\r').starts_with(beginning) {
            line.clear();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "it ended before it said {beginning:?}");
        }
    }

    pub fn of_process(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(name)
    }

    fn send(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Its exit code, once it is over, and what it wrote to standard error.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.out.read_to_string(&mut said).unwrap();
        let output = self.child.wait_with_output().unwrap();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.signal(), None, "{said}");
        (output.status.code(), said)
    }
}

/// A data root of so many photographs, up to step 2.
pub fn root(folder: &Path, count: u32) -> String {
    for number in 0..count {
        let picture = lgf::pixels::RgbImage::from_fn(320, 280, |x, y| {
            let inside = (x as i32 - 150).pow(2) + (y as i32 - 130).pow(2) < (60 + number as i32).pow(2);
            let stripe = (x / (6 + number % 9)).is_multiple_of(2);
            lgf::pixels::Rgb(if inside && stripe { [220, 180, 90] } else { [60, 90 + (number % 50) as u8, 120] })
        });
        let path = folder.join(format!("photographs/n01440764/n01440764_{number}.png"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, lgf::pixels::encode_png(&picture).unwrap()).unwrap();
    }
    let (root, images) = (folder.join("root"), folder.join("photographs"));
    let (root, images) = (root.to_str().unwrap(), images.to_str().unwrap());
    ok(&["init", "--root", root, "--images", images, "--per-class", "1", "--without-networks"]);
    ok(&["boxes", "--root", root]);
    ok(&["subset", "--root", root]);
    root.to_string()
}

/// All files below a folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.ends_with("manifests/measured") {
                // What it took is another time each time.
            } else if path.is_dir() {
                open.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                found.insert(path, bytes);
            }
        }
    }
    found
}

#[test]
fn each_signal_stops_a_step_and_the_same_call_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path(), COUNT);
    let (begun, edges) = (contents(Path::new(&root)), ["edges", "--root", &root]);
    let parts = || contents(&Path::new(&root).join("manifests/parts")).len();
    for (signal, _) in SIGNALS {
        let before = parts();
        // One batch after another: on many threads all of them are finished together, near the end.
        let mut call = Running::start(&edges, &[("RAYON_NUM_THREADS", "1")]);
        call.says("edges: ");
        // In the middle, when something of it was finished.
        while parts() == before {
            assert!(!call.is_over(), "{signal}");
            std::thread::sleep(Duration::from_millis(2));
        }
        call.send(signal);
        let (code, said) = call.end();
        assert_eq!(code, STOPPED, "{signal}: {said}");
        assert!(said.contains("edges: stopped at") && said.contains("run the same call again"), "{signal}: {said}");
    }
    let said = ok(&edges);
    assert!(said.contains("edges: goes on at"), "{said}");
    let stopped = contents(Path::new(&root));
    // The same root again, as its path stands in some files.
    std::fs::remove_dir_all(&root).unwrap();
    for (path, bytes) in begun {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    ok(&edges);
    let whole = contents(Path::new(&root));
    assert_eq!(stopped.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    let other: Vec<_> = stopped.iter().filter(|(path, bytes)| whole[*path] != **bytes).map(|(path, _)| path).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn a_signal_before_the_first_stage_is_heard_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path(), 40);
    for (signal, bit) in SIGNALS {
        let call = Running::start(&["edges", "--root", &root], &[]);
        // As soon as it is listened to: before that a process has not begun.
        while caught(&call) & bit == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        call.send(signal);
        let (code, said) = call.end();
        assert_eq!(code, STOPPED, "{signal}: {said}");
    }
    // While pictures are drawn for a training, too, which would take a minute.
    let out = folder.path().to_str().unwrap();
    let mut call = Running::start(&["train-sample", "--pictures", "9000", "--out", out], &[]);
    call.says("train-sample: drawing 9000 pictures");
    call.send("TERM");
    let began = Instant::now();
    let (code, said) = call.end();
    assert_eq!(code, STOPPED, "{said}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// The signals that a process has handlers for, a bit each.
fn caught(call: &Running) -> u64 {
    let status = std::fs::read_to_string(call.of_process("status")).unwrap();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    u64::from_str_radix(bits.unwrap().trim(), 16).unwrap()
}

#[test]
fn a_second_signal_ends_it_at_once_with_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    // One item, which takes seconds.
    let picture =
        lgf::pixels::RgbImage::from_fn(3800, 3800, |x, y| lgf::pixels::Rgb([x as u8, (x * y) as u8, y as u8]));
    let (path, out) = (folder.path().join("a.png"), folder.path().join("out"));
    std::fs::write(&path, lgf::pixels::encode_png(&picture).unwrap()).unwrap();
    let mut call = Running::start(&["edges", "--png", out.to_str().unwrap(), path.to_str().unwrap()], &[]);
    call.says("edges: 0 of 1");
    // Twice, as `timeout` sends them, is once.
    call.send("TERM");
    call.send("TERM");
    std::thread::sleep(APART);
    assert!(!call.is_over());
    call.send("INT");
    let began = Instant::now();
    let (code, said) = call.end();
    assert_eq!(code, STOPPED, "{said}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(contents(&out).is_empty());
}

#[test]
fn a_program_that_it_started_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (python, own) = (folder.path().join("python"), folder.path().join("pid"));
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *config*) exit 0 ;; esac\necho $$ > {0}.part && mv {0}.part {0}\nexec sleep 60\n",
        own.display()
    );
    std::fs::write(&python, script).unwrap();
    std::fs::set_permissions(&python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let root = folder.path().join("root");
    let arguments = ["fetch", "efficientnet-lite0", "--root", root.to_str().unwrap()];
    let mut call = Running::start(&arguments, &[("LGF_PYTHON", python.to_str().unwrap())]);
    while !own.exists() {
        assert!(!call.is_over());
        std::thread::sleep(Duration::from_millis(10));
    }
    call.send("USR1");
    call.send("TERM");
    let (code, said) = call.end();
    assert_eq!(code, STOPPED, "{said}");
    let pid = std::fs::read_to_string(own).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "{said}");
}
