//! `cargo build`, `check` and `metadata` as evcxr and its analyser call them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::manifest::{Manifest, Needs};
use super::{Place, become_program, code, make, metadata};
use snapshot::{NOTEBOOK, OPTIMISE, OUT, STARTING, Snapshot};

/// The compiler's own call, as cargo made it for a notebook with packages of its own.
const RECORDED: &str = "recorded.json";

pub fn answer(arguments: &[String]) -> Result<u8> {
    let place = Place::from_environment()?;
    // Only evcxr and its analyser are answered; a person's own cargo, in a cell that begins with `!`, is cargo.
    let here = std::env::current_dir().and_then(|folder| folder.canonicalize())?;
    let workspace = place.slot.parent().context("a slot has a workspace")?.canonicalize()?;
    if !here.starts_with(workspace) {
        return become_program(real(&place, arguments));
    }
    let emit = match arguments.iter().find(|argument| !argument.starts_with('-')).map(String::as_str) {
        Some("metadata") => return metadata::answer(&place, arguments),
        Some("build") => "link",
        Some("check") => "metadata",
        _ => return remembered(&place, arguments),
    };
    let manifest = Manifest::parse(&fs::read_to_string(place.slot.join("Cargo.toml"))?);
    if let Some(call) = short_call(&place, &manifest)
        && let Some(status) = call.run(&place, &manifest, emit)?
    {
        return Ok(status);
    }
    long_way(&place, &manifest, arguments, emit)
}

/// What the analyser asks about the toolchain and the slot, the same for every kernel: asked of cargo once.
fn remembered(place: &Place, arguments: &[String]) -> Result<u8> {
    let asked = arguments.join(" ");
    let known = ["--version", "locate-project ", "-Z unstable-options config get", "rustc -Z unstable-options --print"];
    let lasting = known.iter().any(|start| asked.starts_with(start));
    let (Some(snapshot), Some(workspace), true) = (&place.snapshot, place.slot.parent(), lasting) else {
        return become_program(real(place, arguments));
    };
    let workspace = workspace.display().to_string();
    let question = asked.replace(&workspace, metadata::SLOT);
    let file = snapshot.folder.join(format!("asked-{}.json", &hex::encode(Sha256::digest(&question))[..16]));
    let kept = fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let answer = match kept.filter(|kept| kept["question"] == question) {
        Some(kept) => kept,
        None => {
            let ended = real(place, arguments).output().context("cannot run cargo")?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&workspace, metadata::SLOT);
            let answer = json!({"question": question, "status": code(ended.status), "stdout": text(&ended.stdout), "stderr": text(&ended.stderr)});
            // Beside, then renamed: two kernels may ask at once.
            let part = file.with_extension(std::process::id().to_string());
            let _ = fs::write(&part, answer.to_string()).and_then(|()| fs::rename(&part, &file));
            answer
        }
    };
    let said = |key: &str| answer[key].as_str().unwrap_or_default().replace(metadata::SLOT, &workspace);
    print!("{}", said("stdout"));
    eprint!("{}", said("stderr"));
    Ok(answer["status"].as_u64().and_then(|status| u8::try_from(status).ok()).unwrap_or(1))
}

fn real(place: &Place, arguments: &[String]) -> Command {
    let mut command = Command::new(&place.cargo);
    // The analyser's cargo is this program; what the real one starts must not come back here.
    command.args(arguments).env_remove("CARGO");
    command
}

/// How the compiler is called: its arguments but for the level of optimising and what it is to make.
struct Call {
    rustc: PathBuf,
    folder: PathBuf,
    arguments: Vec<String>,
}

/// The compiler's call where cargo is not needed to know it.
fn short_call(place: &Place, manifest: &Manifest) -> Option<Call> {
    let snapshot = place.snapshot.as_ref()?;
    let wrapped = ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_ENCODED_RUSTFLAGS"];
    let own_compiler = std::env::var_os("RUSTC").is_some_and(|rustc| Path::new(&rustc) != snapshot.rustc);
    if wrapped.iter().any(|key| std::env::var_os(key).is_some()) || own_compiler || !snapshot.is_whole() {
        return None;
    }
    match manifest.needs(&snapshot.project) {
        Needs::Nothing => Some(Call::of_notebook(place, snapshot, &[])),
        Needs::Library => {
            let library = snapshot.crates().join(library_file(snapshot)?);
            let found = [
                "-L".into(),
                format!("dependency={}", snapshot.crates().display()),
                "--extern".into(),
                format!("lgf={}", library.display()),
            ];
            let native = snapshot.native.iter().flat_map(|folder| ["-L".into(), folder.clone()]);
            Some(Call::of_notebook(place, snapshot, &found.into_iter().chain(native).collect::<Vec<_>>()))
        }
        Needs::Others => Call::recorded(place, snapshot, manifest),
    }
}

fn library_file(snapshot: &Snapshot) -> Option<std::ffi::OsString> {
    let mut names = fs::read_dir(snapshot.crates()).ok()?.flatten().map(|entry| entry.file_name());
    names.find(|name| name.to_str().is_some_and(|name| name.starts_with("liblgf-") && name.ends_with(".rlib")))
}

impl Call {
    fn of_notebook(place: &Place, snapshot: &Snapshot, more: &[String]) -> Self {
        let mut arguments: Vec<String> =
            ["--crate-name", NOTEBOOK, "--edition=2024", "src/lib.rs"].map(Into::into).into();
        arguments.extend(["--crate-type", "cdylib", "-Cembed-bitcode=no", "-Cmetadata=lgf-notebook"].map(Into::into));
        arguments.extend(["--target".into(), snapshot.target.clone()]);
        arguments.extend(more.iter().cloned());
        arguments.extend(snapshot.rustflags.split_whitespace().map(Into::into));
        Call { rustc: snapshot.rustc.clone(), folder: place.slot.clone(), arguments }
    }

    /// The call that cargo made the last time, if the notebook has the same dependencies still.
    fn recorded(place: &Place, snapshot: &Snapshot, manifest: &Manifest) -> Option<Self> {
        if manifest.has_own_folder(&snapshot.project) {
            return None;
        }
        let recorded: Value = serde_json::from_str(&fs::read_to_string(place.slot.join(RECORDED)).ok()?).ok()?;
        if recorded["key"] != key(snapshot, manifest) {
            return None;
        }
        let arguments = recorded["arguments"].as_array()?.iter().map(|each| each.as_str().map(str::to_string));
        // Cargo calls the compiler from the workspace's folder.
        let folder = place.slot.parent()?.to_path_buf();
        Some(Call { rustc: snapshot.rustc.clone(), folder, arguments: arguments.collect::<Option<_>>()? })
    }

    /// Compiles; nothing if that failed for a reason that is not in the cell, so that the long way may be tried.
    fn run(&self, place: &Place, manifest: &Manifest, emit: &str) -> Result<Option<u8>> {
        let out = place.slot.join(OUT);
        fs::create_dir_all(&out)?;
        let loops = fs::read_to_string(place.slot.join(OPTIMISE)).is_ok();
        let level = if loops && manifest.opt_level == "0" { "1" } else { &manifest.opt_level };
        let mut command = Command::new(&self.rustc);
        command.current_dir(&self.folder).args(&self.arguments);
        command.args(["--error-format=json", "--json=diagnostic-rendered-ansi"]);
        command.arg(format!("--emit={emit}")).arg("--out-dir").arg(&out).arg(format!("-Copt-level={level}"));
        // As in the profile of the library, whatever the level.
        command.args(["-Cdebug-assertions=off", "-Coverflow-checks=off", "-Ccodegen-units=1", "-Cstrip=debuginfo"]);
        let linker = std::env::var_os("LGF_TOOLS").map(|tools| Path::new(&tools).join("lgf-cc"));
        if let Some(linker) = linker {
            command.arg(format!("-Clinker={}", linker.display())).arg("-Clinker-flavor=gcc");
        }
        let library = out.join(format!("lib{NOTEBOOK}.so"));
        let kept = Kept::of(place, &command, emit)?;
        let (status, said) = match kept.as_ref().and_then(|kept| kept.take(&library)) {
            Some(known) => known,
            None => {
                let ended = command.stdout(Stdio::null()).stderr(Stdio::piped()).output();
                let ended = ended.with_context(|| format!("cannot run {}", self.rustc.display()))?;
                let said = String::from_utf8_lossy(&ended.stderr).into_owned();
                if let Some(kept) = kept {
                    kept.put(code(ended.status), &said, &library);
                }
                (code(ended.status), said)
            }
        };
        if status != 0 && !said.lines().any(is_of_the_cell) {
            return Ok(None);
        }
        match (status, emit) {
            // evcxr takes whatever a check says, warnings too, for what is wrong with the cell.
            (0, "link") => println!("{}", artifact(&library)),
            (0, _) => {}
            _ => eprint!("{said}"),
        }
        Ok(Some(status))
    }
}

/// What the compiler makes of the cells that a kernel evaluates at its start, kept with the snapshot.
struct Kept(PathBuf);

impl Kept {
    /// While a kernel starts; later cells are a person's own.
    fn of(place: &Place, command: &Command, emit: &str) -> Result<Option<Self>> {
        let Some(snapshot) = place.snapshot.as_ref().filter(|_| emit == "link" && place.slot.join(STARTING).exists())
        else {
            return Ok(None);
        };
        let mut hasher = Sha256::new();
        hasher.update(fs::read(place.slot.join("src/lib.rs"))?);
        let workspace = place.slot.parent().context("a slot has a workspace")?.display().to_string();
        for argument in command.get_args() {
            hasher.update(argument.to_string_lossy().replace(&workspace, metadata::SLOT).as_bytes());
            hasher.update([0]);
        }
        Ok(Some(Kept(snapshot.folder.join(format!("cell-{}", &hex::encode(hasher.finalize())[..16])))))
    }

    /// The compiler's status and words as they were, and the library put in its place.
    fn take(&self, library: &Path) -> Option<(u8, String)> {
        let kept: Value = serde_json::from_str(&fs::read_to_string(self.0.with_extension("json")).ok()?).ok()?;
        let status = kept["status"].as_u64().and_then(|status| u8::try_from(status).ok())?;
        if status == 0 {
            fs::copy(self.0.with_extension("so"), library).ok()?;
        }
        Some((status, kept["said"].as_str()?.to_string()))
    }

    /// Keeps it; where that fails, the next kernel compiles again.
    fn put(&self, status: u8, said: &str, library: &Path) {
        let part = |ending: &str| self.0.with_extension(format!("{}.{ending}", std::process::id()));
        let whole = |ending: &str| fs::rename(part(ending), self.0.with_extension(ending));
        let library = if status == 0 { fs::copy(library, part("so")).and_then(|_| whole("so")) } else { Ok(()) };
        let text = json!({"status": status, "said": said}).to_string();
        // Last, and only beside a library that is whole.
        let _ = library.and_then(|()| fs::write(part("json"), text)).and_then(|()| whole("json"));
    }
}

/// Whether a line of the compiler's JSON is an error that points at a place in the source.
fn is_of_the_cell(line: &str) -> bool {
    let Ok(message) = serde_json::from_str::<Value>(line) else { return false };
    message["level"] == "error" && message["spans"].as_array().is_some_and(|spans| !spans.is_empty())
}

/// What cargo says of a library that it has made.
fn artifact(path: &Path) -> Value {
    json!({"reason": "compiler-artifact", "target": {"name": NOTEBOOK}, "filenames": [path]})
}

/// Names all that a recorded call depends on.
fn key(snapshot: &Snapshot, manifest: &Manifest) -> String {
    let mut hasher = Sha256::new();
    for part in [snapshot.folder.to_string_lossy().as_ref(), &snapshot.rustflags] {
        hasher.update(part.as_bytes());
    }
    for line in &manifest.dependencies {
        hasher.update(line.as_bytes());
    }
    hex::encode(hasher.finalize())
}

/// The real cargo; if it builds, its call of the compiler is kept for the next cell.
fn long_way(place: &Place, manifest: &Manifest, arguments: &[String], emit: &str) -> Result<u8> {
    populate(place)?;
    let mut command = real(place, arguments);
    if emit == "metadata" {
        let ended = command.output().context("cannot run cargo")?;
        if !ended.status.success() {
            std::io::stdout().write_all(&ended.stdout)?;
            std::io::stderr().write_all(&ended.stderr)?;
        }
        return Ok(code(ended.status));
    }
    if place.snapshot.is_none() {
        return become_program(command);
    }
    let _ = fs::remove_file(place.slot.join(RECORDED));
    let mut child = command.arg("-v").stderr(Stdio::piped()).spawn().context("cannot run cargo")?;
    let mut call = None;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n') {
            let line = line?;
            let mut out = std::io::stderr().lock();
            let _ = out.write_all(&line).and_then(|()| out.write_all(b"\n"));
            call = compiler_call(&String::from_utf8_lossy(&line)).or(call);
        }
    }
    let status = child.wait()?;
    if let (true, Some(call), Some(snapshot)) = (status.success(), call, &place.snapshot) {
        let recorded = json!({"key": key(snapshot, manifest), "arguments": timeless(&call)});
        let _ = fs::write(place.slot.join(RECORDED), recorded.to_string());
    }
    Ok(code(status))
}

/// The arguments of a line ``Running `rustc --crate-name ctx …` ``.
pub fn compiler_call(line: &str) -> Option<Vec<String>> {
    let call = line.trim_start().strip_prefix("Running `")?.strip_suffix('`')?;
    let words = make::words(call);
    let at = words.iter().position(|word| word.ends_with("rustc"))?;
    let named = words.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1] == NOTEBOOK);
    named.then(|| words[at + 1..].to_vec())
}

/// A call of the compiler without what is said anew each time.
fn timeless(call: &[String]) -> Vec<String> {
    let (mut kept, mut words) = (vec![], call.iter());
    while let Some(word) = words.next() {
        let value = |words: &mut std::slice::Iter<String>| words.next().cloned().unwrap_or_default();
        match word.as_str() {
            "--out-dir" => drop(words.next()),
            "-C" => {
                let option = value(&mut words);
                let name = option.split('=').next().unwrap_or_default();
                if !["opt-level", "codegen-units", "incremental", "strip", "rpath"].contains(&name) {
                    kept.extend(["-C".into(), option]);
                }
            }
            _ if word.starts_with("--emit") || word.starts_with("--json") || word.starts_with("--error-format") => {}
            _ => kept.push(word.clone()),
        }
    }
    kept
}

/// Sees to it that cargo finds the library and its dependencies compiled in this slot.
fn populate(place: &Place) -> Result<()> {
    let environment = |key: &str| std::env::var_os(key).map(PathBuf::from);
    let Some((warm, project)) = environment("LGF_WARM").zip(environment("LGF_REPO")) else { return Ok(()) };
    let target = place.slot.join("target");
    let stamp = |folder: &Path| fs::read(folder.join("stamp")).ok();
    let workspace = place.slot.parent().context("a slot has a workspace")?;
    // As kernel/warm holds it while it builds.
    let lock = File::open(warm.with_extension("lock"))?;
    lock.lock_shared()?;
    if stamp(&warm).is_none() || stamp(workspace) == stamp(&warm) {
        return Ok(());
    }
    let mut copy = Command::new("python3");
    copy.arg(project.join("kernel/link_target.py")).arg(warm.join(NOTEBOOK).join("target")).arg(&target);
    copy.args(["--without", NOTEBOOK]);
    let status = copy.stdout(Stdio::null()).status().context("cannot run python3")?;
    anyhow::ensure!(status.success(), "the compiled library could not be linked into {}", target.display());
    fs::copy(warm.join("stamp"), workspace.join("stamp"))?;
    Ok(())
}

/// Runs a command and gives what it printed.
pub fn output_of(command: &mut Command) -> Result<String> {
    let program = command.get_program().display().to_string();
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {program}"))?;
    let mut text = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut text)?;
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "{program} ended with {status}");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_of_the_compiler_is_read_from_what_cargo_says() {
        let line = "     Running `/r/bin/rustc --crate-name ctx --edition=2024 ctx/src/lib.rs --error-format=json \
                    --json=artifacts --crate-type cdylib --emit=dep-info,link -C opt-level=2 -C metadata=1 \
                    --check-cfg 'cfg(docsrs,test)' --out-dir /s/deps -C incremental=/s/i --extern lgf=/s/liblgf.rlib`";
        let call = compiler_call(line).unwrap();
        let kept = timeless(&call).join(" ");
        assert_eq!(
            kept,
            "--crate-name ctx --edition=2024 ctx/src/lib.rs --crate-type cdylib -C metadata=1 \
             --check-cfg cfg(docsrs,test) --extern lgf=/s/liblgf.rlib"
        );
        assert_eq!(compiler_call("     Running `/r/bin/rustc --crate-name serde src/lib.rs`"), None);
        assert_eq!(compiler_call("   Compiling ctx v1.0.0"), None);
    }

    #[test]
    fn an_error_without_a_place_is_not_the_cells() {
        assert!(is_of_the_cell(r#"{"level":"error","spans":[{"line_start":3}]}"#));
        assert!(!is_of_the_cell(r#"{"level":"error","message":"linking with `lgf-cc` failed","spans":[]}"#));
        assert!(!is_of_the_cell(r#"{"level":"warning","spans":[{"line_start":3}]}"#));
        assert!(!is_of_the_cell("thread 'rustc' panicked"));
    }

    #[test]
    fn what_is_kept_of_a_start_comes_back_and_half_of_it_does_not() {
        let folder = std::env::temp_dir().join(format!("lgf-kept-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let library = folder.join("libctx.so");
        fs::write(&library, "library").unwrap();
        let kept = Kept(folder.join("cell-1"));
        kept.put(0, "", &library);
        fs::remove_file(&library).unwrap();
        assert_eq!(kept.take(&library), Some((0, String::new())));
        assert_eq!(fs::read_to_string(&library).unwrap(), "library");
        fs::remove_file(folder.join("cell-1.so")).unwrap();
        assert_eq!(kept.take(&library), None);
        let failed = Kept(folder.join("cell-2"));
        failed.put(1, "an error", &library);
        assert_eq!(failed.take(&library), Some((1, "an error".into())));
        fs::write(folder.join("cell-2.json"), "{").unwrap();
        assert_eq!(failed.take(&library), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
