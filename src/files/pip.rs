//! pip as a person has set it up, asked for one file: index, mirror, proxy and certificates are theirs.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::error::{Code, Error, Result};
use crate::notebook::Stage;
use crate::process::ends_with_this;

/// Time between two looks at the stop button.
const LOOK: Duration = Duration::from_millis(50);
/// Seconds that a server may be silent, and times that it is asked again, each where a person has not set it, by the names
/// that it may have: so that no network is said within a quarter of a minute.
const PATIENCE: [(&str, &[&str]); 2] =
    [("--timeout=7", &[".timeout", ".default-timeout"]), ("--retries=1", &[".retries"])];
/// What pip writes of a network that is not there, in lower case.
const UNREACHED: [&str; 12] = [
    "after connection broken by",
    "max retries exceeded",
    "establish a new connection",
    "failed to connect",
    "connection refused",
    "connection reset",
    "connection aborted",
    "name resolution",
    "network is unreachable",
    "timed out",
    "proxyerror",
    "incomplete",
];

/// What another hash than the one expected means.
pub(super) const ANOTHER_FILE: &str =
    "the index has another file under this name, or something on the way changes it; nothing was kept";

/// A Python that has pip.
#[derive(Debug)]
pub(super) struct Pip {
    python: PathBuf,
    patience: Vec<&'static str>,
}

impl Pip {
    /// That of the Python that `LGF_PYTHON` names; else that of the project's set-up, or of the `python3` on the path.
    ///
    /// # Errors
    /// [`Code::Missing`] if none has pip.
    pub(super) fn of_the_project() -> Result<Self> {
        if let Some(named) = std::env::var_os("LGF_PYTHON").filter(|named| !named.is_empty()) {
            return Pip::of(Path::new(&named)).map_err(|error| error.place("LGF_PYTHON"));
        }
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".lgf/venv/bin/python");
        Pip::of(&own).or_else(|_| Pip::of(Path::new("python3")))
    }

    /// That of one Python. What a person has set is asked for, which pip alone can say.
    ///
    /// # Errors
    /// [`Code::Missing`] if it does not run, or has no pip.
    pub(super) fn of(python: &Path) -> Result<Self> {
        let missing = || {
            Error::new(Code::Missing, "no Python with pip, by which this is fetched")
                .path(python)
                .hint("run make setup, or name a Python that has pip: LGF_PYTHON=/path/to/python")
        };
        let asked = command(python).args(["config", "list"]).stdin(Stdio::null()).output();
        let asked = asked.map_err(|cause| missing().because(cause))?;
        if !asked.status.success() {
            let said = String::from_utf8_lossy(&asked.stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            return Err(missing().because(last.trim().to_string()));
        }
        let settings = String::from_utf8_lossy(&asked.stdout);
        let is_set = |names: &[&str]| {
            let mut set = settings.lines().filter_map(|line| line.split('=').next());
            set.any(|name| names.iter().any(|ending| name.ends_with(ending)))
        };
        let patience = PATIENCE.iter().filter(|(_, names)| !is_set(names)).map(|(option, _)| *option).collect();
        Ok(Pip { python: python.to_path_buf(), patience })
    }

    /// Has the one wheel of a requirement, `name==version --hash=sha256:…`, put into a folder, in which all that pip writes
    /// stays. Nothing of the wheel is run.
    ///
    /// # Errors
    /// [`Code::Io`] if no index is reached, or pip fails; [`Code::Missing`] if it finds no such wheel; [`Code::Checkpoint`]
    /// if it has another hash; [`Code::Stopped`].
    pub(super) fn download(&self, requirement: &str, folder: &Path, stage: &Stage) -> Result<()> {
        let wanted = folder.join("requirements.txt");
        fs::write(&wanted, requirement).map_err(|cause| Error::io("writing", &wanted, cause))?;
        let mut pip = command(&self.python);
        pip.args(["download", "--no-deps", "--require-hashes", "--only-binary=:all:"])
            // No cache: the weights are kept, and the folder of a person's own cache is not ours to fill.
            .args(["--no-cache-dir", "--no-color", "--progress-bar=off", "--quiet"])
            .args(&self.patience)
            .arg("--dest")
            .arg(folder)
            .arg("--requirement")
            .arg(&wanted)
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let (ended, said) = run(&mut pip, stage)?;
        if ended.success() { Ok(()) } else { Err(failure(&said)) }
    }
}

/// pip, which asks nothing.
fn command(python: &Path) -> Command {
    let mut command = Command::new(python);
    // Else a file named pip.py, where a person happens to be, would be run in its place.
    command.env("PYTHONSAFEPATH", "1");
    command.args(["-m", "pip", "--no-input", "--disable-pip-version-check"]);
    command
}

/// Runs pip to its end, or to the stop button, which ends it; and what it wrote of errors.
fn run(command: &mut Command, stage: &Stage) -> Result<(ExitStatus, String)> {
    let failed = |cause| Error::new(Code::Io, "pip cannot be run").because(cause);
    ends_with_this(command);
    let mut child = command.spawn().map_err(failed)?;
    let mut errors = child.stderr.take();
    std::thread::scope(|scope| {
        // Read while it runs, and not by way of a file: the disk may be what is full.
        let reader = scope.spawn(move || {
            let mut said = Vec::new();
            // What could be read until then is what there is to say.
            let _ = errors.as_mut().map(|errors| errors.read_to_end(&mut said));
            String::from_utf8_lossy(&said).into_owned()
        });
        let ended = wait(&mut child, stage);
        if ended.is_err() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        Ok((ended?, reader.join().unwrap_or_default()))
    })
}

fn wait(child: &mut Child, stage: &Stage) -> Result<ExitStatus> {
    loop {
        let ended = child.try_wait().map_err(|cause| Error::new(Code::Io, "pip cannot be run").because(cause))?;
        stage.check()?;
        match ended {
            Some(status) => return Ok(status),
            None => std::thread::sleep(LOOK),
        }
    }
}

/// What pip wrote before it failed, in one sentence.
pub(super) fn failure(said: &str) -> Error {
    let lower = said.to_lowercase();
    let last = said.lines().rev().find_map(|line| line.trim().strip_prefix("ERROR: ")).unwrap_or_default();
    // What pip did not foresee stands in the last line, below where it happened.
    let last = if last == "Exception:" { said.lines().next_back().unwrap_or_default() } else { last };
    if lower.contains("do not match the hashes") {
        let got = said.lines().find_map(|line| line.trim().strip_prefix("Got ")).map_or("unknown", str::trim);
        return Error::new(Code::Checkpoint, format!("what came has another sha256 than expected: {got}"))
            .hint(ANOTHER_FILE);
    }
    let (error, cause) = if lower.contains("certificate") {
        let hint =
            "name the certificate of your proxy or mirror: PIP_CERT=/path/to/it.pem, or pip config set global.cert";
        (Error::new(Code::Io, "pip does not trust the server that answers").hint(hint), broken_by(said).unwrap_or(last))
    } else if lower.contains("no space left") {
        (Error::new(Code::Io, "the disk is full").hint("free some space, then run it again"), last)
    } else if UNREACHED.iter().any(|words| lower.contains(words)) {
        let hint = "check the connection, then run it again; or let pip ask a mirror that can be reached (PIP_INDEX_URL), or a \
                    folder of wheels (PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER)";
        (Error::new(Code::Io, "pip reaches no package index").hint(hint), broken_by(said).unwrap_or(last))
    } else if lower.contains("no matching distribution") {
        let hint =
            "see which index pip is told to ask: pip config list; and PIP_INDEX_URL, PIP_NO_INDEX, PIP_FIND_LINKS";
        (Error::new(Code::Missing, "pip finds no such wheel where it is told to look").hint(hint), last)
    } else {
        (Error::new(Code::Io, "pip failed").hint("see what pip is told: pip config list; then run it again"), last)
    };
    if cause.is_empty() { error } else { error.because(cause.to_string()) }
}

/// Why pip asked again, without what Python says around it.
fn broken_by(said: &str) -> Option<&str> {
    let line = said.lines().rfind(|line| line.contains("after connection broken by "))?;
    let (_, why) = line.split_once("after connection broken by ")?;
    let why = why.rsplit_once("': /").map_or(why, |(why, _)| why).trim_start_matches('\'');
    // NewConnectionError('<… object at 0x7f…>: Failed to establish a new connection: [Errno 111] Connection refused')
    Some(why.rsplit_once(">: ").map_or(why, |(_, why)| why.trim_end_matches(['\'', '"', ')'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &str = "ERROR: Could not find a version that satisfies the requirement w==1.0 (from versions: none)\n\
                        ERROR: No matching distribution found for w==1.0\n";

    /// What pip 23.2 to 26.0 writes.
    #[test]
    fn what_pip_writes_becomes_one_sentence_with_its_cause_and_what_to_do() {
        let retry = "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection \
                     broken by ";
        let refused = "'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f2f027d9110>: Failed \
                       to establish a new connection: [Errno 111] Connection refused')': /simple/w/\n";
        let slow = "'ReadTimeoutError(\"HTTPSConnectionPool(host='index.example', port=443): Read timed out. (read \
                    timeout=7.0)\")': /simple/w/\n";
        let certificate = "'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: \
                           self-signed certificate'))': /simple/w/\n";
        let hashes = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package \
                      versions, please update the hashes.\n    w==1.0 from file:///w.whl:\n        Expected sha256 f2bd\n             \
                      Got        f2bc\n\n";
        for (said, code, parts) in [
            (
                format!("{retry}{refused}{NONE}"),
                Code::Io,
                ["reaches no package index", "because: Failed to establish", "refused"],
            ),
            (
                format!("{retry}{slow}{NONE}"),
                Code::Io,
                ["reaches no package index", "Read timed out. (read timeout=7.0)", "PIP_INDEX_URL"],
            ),
            (format!("{retry}{certificate}{NONE}"), Code::Io, ["does not trust", "self-signed", "PIP_CERT"]),
            (
                NONE.to_string(),
                Code::Missing,
                ["no such wheel", "because: No matching distribution found", "PIP_FIND_LINKS"],
            ),
            (hashes.to_string(), Code::Checkpoint, ["another sha256", "f2bc", "nothing was kept"]),
            (
                "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n".into(),
                Code::Io,
                ["the disk is full", "[Errno 28]", "free some space"],
            ),
            (
                "ERROR: HTTP error 403 while getting w.whl\n".into(),
                Code::Io,
                ["pip failed", "HTTP error 403", "pip config list"],
            ),
            (
                "ERROR: Exception:\nTraceback (most recent call last):\n  …\nOSError: [Errno 27] File too large\n"
                    .into(),
                Code::Io,
                ["pip failed", "because: OSError: [Errno 27]", "run it again"],
            ),
            (String::new(), Code::Io, ["pip failed", "hint: ", "run it again"]),
        ] {
            let error = failure(&said);
            assert_eq!(error.code(), code, "{said}");
            let text = error.to_string();
            parts.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
            assert!(text.lines().count() <= 3 && !text.contains("0x7f"), "{text}");
        }
    }

    #[test]
    fn a_person_s_own_patience_counts() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        for (settings, patience) in [
            (":env:.find-links='/wheels'", &["--timeout=7", "--retries=1"][..]),
            ("global.timeout='60'", &["--retries=1"]),
            (":env:.default-timeout='60'\\ndownload.retries='9'", &[]),
        ] {
            let script = format!("#!/bin/sh\nprintf \"{settings}\\n\"\n");
            fs::write(&python, script).unwrap();
            fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
            // A script that is written while another thread starts a program may be busy for a moment.
            let pip = (0..100).find_map(|_| {
                std::thread::sleep(Duration::from_millis(10));
                Pip::of(&python).ok()
            });
            assert_eq!(pip.unwrap().patience, patience, "{settings}");
        }
    }

    #[test]
    fn a_python_that_is_not_there_or_has_no_pip_is_named_with_what_to_do() {
        for python in ["/nowhere/python", "false"] {
            let error = Pip::of(Path::new(python)).unwrap_err();
            assert_eq!(error.code(), Code::Missing);
            let text = error.to_string();
            assert!(text.contains(python) && text.contains("make setup") && text.contains("LGF_PYTHON="), "{text}");
        }
    }
}
