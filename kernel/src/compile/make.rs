//! Makes a snapshot: `lgf-compile make WARM PROJECT`, called by `kernel/warm` after it has built the library.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::cargo::{compiler_call, output_of};
use super::metadata::{SLOT, keep_packages};
use snapshot::{CRATES, LINKED, METADATA, NOTEBOOK, Snapshot};

pub fn run(arguments: &[String]) -> Result<u8> {
    let [verb, warm, project] = arguments else { bail!("usage: lgf-compile make WARM PROJECT") };
    ensure!(verb == "make", "usage: lgf-compile make WARM PROJECT");
    let (warm, project) = (Path::new(warm), Path::new(project));
    let among = warm.with_file_name("snapshots");
    fs::create_dir_all(&among)?;
    let current = Snapshot::current(&among).ok().filter(|current| current.is_fresh() && current.project == project);
    if let (Some(current), Some(library)) = (current, newest_library(warm))
        && current.contains(&library)
    {
        return Ok(0);
    }
    // Once more where somebody saved a file meanwhile.
    let snapshot = make(warm, project, &among).or_else(|_| make(warm, project, &among))?;
    snapshot.make_current()?;
    snapshot.remove_others();
    Ok(0)
}

/// The library as cargo has compiled it last.
fn newest_library(warm: &Path) -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_BUILD_TARGET")?;
    let folder = warm.join(NOTEBOOK).join("target").join(target).join("debug/deps");
    let files = fs::read_dir(folder).ok()?.flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.starts_with("liblgf-") && name.ends_with(".rlib"))
    });
    files.max_by_key(|entry| entry.metadata().and_then(|data| data.modified()).ok()).map(|entry| entry.path())
}

fn make(warm: &Path, project: &Path, among: &Path) -> Result<Snapshot> {
    let environment = |key: &str| std::env::var(key).with_context(|| format!("{key} is not set"));
    let target = environment("CARGO_BUILD_TARGET")?;
    let notebook = warm.join(NOTEBOOK);
    let began = SystemTime::now();
    let now = began.duration_since(UNIX_EPOCH)?.as_nanos();
    let folder = among.join(format!("{now:x}"));
    fs::create_dir_all(folder.join(CRATES))?;

    let call = call_of_cargo(&notebook, &target, now)?;
    let rustc = PathBuf::from(output_of(Command::new("rustc").args(["--print", "sysroot"]))?.trim()).join("bin/rustc");
    let link = link_line(&rustc, warm, &call, &folder)?;
    let crates: Vec<PathBuf> = link.iter().filter(|word| word.ends_with(".rlib")).map(PathBuf::from).collect();
    let crates: Vec<PathBuf> = crates.into_iter().filter(|path| path.starts_with(warm)).collect();
    ensure!(!crates.is_empty(), "the compiler names no crate to link");
    let macros = macros(&call);
    for path in crates.iter().chain(&macros) {
        let name = path.file_name().context("a crate has a name")?;
        let own = folder.join(CRATES).join(name);
        fs::hard_link(path, &own).or_else(|_| fs::copy(path, &own).map(drop))?;
    }
    link_library(&link, &crates, &folder)?;
    let metadata = stubbed(metadata(&notebook, &target, &crates)?, &folder)?;
    fs::write(folder.join(METADATA), metadata.to_string().replace(&warm.display().to_string(), SLOT))?;
    let standard_library = standard_library(&rustc, among, &target)?;

    let sources = sources(&crates)?;
    let libtorch = environment("LIBTORCH")?;
    let native = call.windows(2).filter(|pair| pair[0] == "-L" && pair[1].starts_with("native="));
    let native: Vec<String> =
        native.map(|pair| pair[1].clone()).filter(|flag| !flag.contains(&*warm.to_string_lossy())).collect();
    let mut inputs: Vec<PathBuf> = sources;
    inputs.extend([project.join("Cargo.toml"), project.join("Cargo.lock"), folder.join(LINKED), rustc.clone()]);
    inputs.extend(link.iter().filter(|word| word.contains("/libstd-")).map(PathBuf::from));
    let torch = PathBuf::from(&libtorch).join("lib/libtorch_cpu.so");
    inputs.extend(torch.exists().then_some(torch));
    // What the keys of steps are made from, and what makes a snapshot.
    let keys = ["build.rs", "tools/keys.rs", "tools/sources.rs", "tools/tokens.rs"].map(|file| project.join(file));
    inputs.extend(keys.into_iter().filter(|file| file.is_file()).chain([std::env::current_exe()?]));
    let project = project.to_path_buf();
    let rustflags = environment("RUSTFLAGS")?;
    let snapshot =
        Snapshot { folder, project, rustc, rustflags, libtorch, target, native, standard_library, inputs: vec![] };
    snapshot.write(inputs, began)
}

/// What cargo calls the compiler with for a notebook that depends on the library alone.
fn call_of_cargo(notebook: &Path, target: &str, now: u128) -> Result<Vec<String>> {
    // A text that was not there before, so that cargo calls the compiler; one that names the library, so that it is linked.
    fs::write(notebook.join("src/lib.rs"), format!("// {now:x}\nextern crate lgf;\n"))?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(notebook).args(["build", "-v", "--target", target]);
    cargo.env("CARGO_TARGET_DIR", "target").env("CARGO_BUILD_BUILD_DIR", "target");
    let ended = cargo.stdout(Stdio::null()).stderr(Stdio::piped()).output().context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "cargo build failed:\n{said}");
    said.lines().find_map(compiler_call).context("cargo did not say how it calls the compiler")
}

/// The words of the linker's call for such a notebook.
fn link_line(rustc: &Path, warm: &Path, call: &[String], folder: &Path) -> Result<Vec<String>> {
    let place = call.iter().position(|word| word == "--out-dir").context("cargo names no --out-dir")?;
    let mut arguments = call.to_vec();
    let trial = folder.join("trial");
    fs::create_dir_all(&trial)?;
    arguments[place + 1] = trial.display().to_string();
    arguments.retain(|word| !word.starts_with("--json") && !word.starts_with("--error-format"));
    let mut command = Command::new(rustc);
    command.current_dir(warm).args(&arguments).args(["--print", "link-args"]).stderr(Stdio::inherit());
    let line = output_of(&mut command)?;
    fs::remove_dir_all(trial)?;
    Ok(words(&line))
}

/// The procedural macros among the dependencies: the compiler wants to see them, though cells do not call them.
fn macros(call: &[String]) -> Vec<PathBuf> {
    let folders = call.iter().filter_map(|word| word.strip_prefix("dependency="));
    let files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten().map(|entry| entry.path());
    let named =
        |path: &Path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("lib"));
    files.filter(|path| path.extension().is_some_and(|ending| ending == "so") && named(path)).collect()
}

/// Links every crate, whole, into one library: 92 MB, a second.
fn link_library(link: &[String], crates: &[PathBuf], folder: &Path) -> Result<()> {
    let kept = |word: &&String| {
        let word = word.as_str();
        word.starts_with("-l") || word.starts_with("-fuse-ld") || word.starts_with("-B") || word.contains("/libstd-")
    };
    let folders = link.windows(2).filter(|pair| pair[0] == "-L").map(|pair| format!("-L{}", pair[1]));
    let folders: BTreeSet<String> = folders.filter(|flag| !flag.contains("raw-dylibs")).collect();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-m64", "-o"]).arg(folder.join(LINKED)).arg("-Wl,--whole-archive").args(crates);
    cc.arg("-Wl,--no-whole-archive").args(folders).args(link.iter().filter(kept));
    // Inside the library its own functions are called directly; the same C function in two crates is taken once.
    cc.args([
        "-Wl,-Bsymbolic-functions",
        "-Wl,--allow-multiple-definition",
        "-Wl,--eh-frame-hdr",
        "-Wl,-z,noexecstack",
    ]);
    cc.arg(format!("-Wl,-soname,{LINKED}"));
    let status = cc.status().context("cannot run cc")?;
    ensure!(status.success(), "the library could not be linked: cc ended with {status}");
    Ok(())
}

fn metadata(notebook: &Path, target: &str, crates: &[PathBuf]) -> Result<Value> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(notebook).args(["metadata", "--format-version", "1", "--filter-platform", target]);
    let metadata = serde_json::from_str(&output_of(&mut cargo)?).context("cargo metadata is not JSON")?;
    let names: BTreeSet<String> = crates
        .iter()
        .filter_map(|path| {
            path.file_stem()?.to_str()?.strip_prefix("lib")?.rsplit_once('-').map(|(name, _)| name.to_string())
        })
        .collect();
    Ok(keep_packages(metadata, |name| names.contains(&name.replace('-', "_"))))
}

/// The same, naming copies of the packages' sources without the bodies of functions; those of released packages are
/// kept for the next snapshot.
fn stubbed(mut metadata: Value, folder: &Path) -> Result<Value> {
    let lasting = folder.with_file_name("").with_file_name("stubs");
    let mut folders = vec![];
    for package in metadata["packages"].as_array_mut().into_iter().flatten() {
        let field = |key: &str| {
            package[key].as_str().map(str::to_string).with_context(|| format!("cargo names no {key} of a package"))
        };
        let (name, manifest) = (field("name")?, PathBuf::from(field("manifest_path")?));
        if name == NOTEBOOK {
            continue;
        }
        // A package in a folder may change; one from a registry does not.
        let stubs = match package["source"].is_null() {
            true => folder.join("stubs").join(&name),
            false => lasting.join(format!("{name}-{}", field("version")?)),
        };
        package["manifest_path"] = stubs.join("Cargo.toml").display().to_string().into();
        // Of its targets the library alone: a cell can name nothing in the others.
        let targets = package["targets"].as_array_mut().context("cargo names no targets of a package")?;
        targets.retain(|target| {
            target["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "lib" || kind == "proc-macro"))
        });
        for target in targets {
            let root = PathBuf::from(target["src_path"].as_str().context("cargo names no source of a library")?);
            let inside = root.parent().zip(manifest.parent()).context("a source lies in its package")?;
            let copy = stubs.join(inside.0.strip_prefix(inside.1).unwrap_or(Path::new("src")));
            target["src_path"] =
                copy.join(root.file_name().context("a source has a name")?).display().to_string().into();
            if !copy.is_dir() {
                folders.push((inside.0.to_path_buf(), copy));
            }
        }
    }
    make_stubs(&folders)?;
    Ok(metadata)
}

/// A folder whose name says more.
fn beside(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

fn make_stubs(folders: &[(PathBuf, PathBuf)]) -> Result<()> {
    let kernel = std::env::current_exe()?.with_file_name("lgf-kernel");
    let parts: Vec<PathBuf> = folders.iter().map(|(_, stubs)| beside(stubs, ".part")).collect();
    let mut command = Command::new(&kernel);
    command.arg("--stubs");
    for ((source, _), part) in folders.iter().zip(&parts) {
        let _ = fs::remove_dir_all(part);
        command.arg(source).arg(part);
    }
    let status = command.status().with_context(|| format!("cannot run {}", kernel.display()))?;
    ensure!(status.success(), "sources could not be copied for the analyser");
    for ((_, stubs), part) in folders.iter().zip(&parts) {
        fs::rename(part, stubs)?;
    }
    Ok(())
}

/// The source files of the library, as the compiler noted them.
fn sources(crates: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let library =
        crates.iter().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("liblgf-")));
    let library = library.context("the library is not among the crates")?;
    let stem = library.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.strip_prefix("lib"));
    let notes = library.with_file_name(format!("{}.d", stem.context("the library has a name")?));
    let text = fs::read_to_string(&notes).with_context(|| format!("cannot read {}", notes.display()))?;
    let line = text.lines().next().and_then(|line| line.split_once(": ")).context("the compiler noted no source")?.1;
    let files = line.replace("\\ ", "\0");
    Ok(files.split_whitespace().map(|file| PathBuf::from(file.replace('\0', " "))).collect())
}

/// Parts of the standard library that no cell names, and that are most of its text.
const LEFT_OUT: [&str; 12] = [
    "stdarch",
    "compiler-builtins",
    "portable-simd",
    "backtrace",
    "coretests",
    "alloctests",
    "tests",
    "benches",
    "test",
    "rtstartup",
    "windows_link",
    "profiler_builtins",
];
/// Files of the standard library for other platforms than those of Unix.
const OTHER_PLATFORMS: [&str; 14] = [
    "windows", "wasm", "wasi", "wasip1", "wasip2", "sgx", "hermit", "solid", "uefi", "xous", "teeos", "zkvm", "itron",
    "vexos",
];

/// A copy of the standard library's source without those, made once for a toolchain.
fn standard_library(rustc: &Path, among: &Path, target: &str) -> Result<PathBuf> {
    let sysroot = rustc.parent().and_then(Path::parent).context("a compiler lies in a toolchain")?;
    let source = sysroot.join("lib/rustlib/src/rust/library");
    ensure!(source.is_dir(), "there is no {}: rustup component add rust-src", source.display());
    let libraries = fs::read_dir(sysroot.join("lib/rustlib").join(target).join("lib"))?;
    let names = libraries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let name = names.filter(|name| name.starts_with("libstd-") && name.ends_with(".so")).min();
    let name = name.context("the toolchain has no shared standard library")?;
    let copy = among.with_file_name("standard").join(name.trim_end_matches(".so"));
    if copy.is_dir() {
        return Ok(copy);
    }
    let part = beside(&copy, ".whole");
    let _ = fs::remove_dir_all(&part);
    // Without the workspace's Cargo.toml the analyser takes the crates by their names and asks cargo nothing.
    for name in ["core", "alloc", "std", "proc_macro", "panic_unwind", "panic_abort", "unwind"] {
        copy_sources(&source.join(name), &part.join(name))?;
    }
    // `core::arch` stays a module, so that paths through it have a name.
    let arch = part.join("stdarch/crates/core_arch/src");
    fs::create_dir_all(&arch)?;
    fs::write(arch.join("mod.rs"), "")?;
    make_stubs(&[(part.clone(), copy.clone())])?;
    fs::remove_dir_all(part)?;
    Ok(copy)
}

fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)?.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let stem = name.trim_end_matches(".rs");
        if LEFT_OUT.contains(&stem) || OTHER_PLATFORMS.contains(&stem) {
            continue;
        }
        if path.is_dir() {
            copy_sources(&path, &to.join(&name))?;
        } else if name.ends_with(".rs") {
            fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}

/// Words as a shell takes them apart: by blanks, but for what is quoted.
pub fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (vec![], String::new(), None, false);
    for letter in line.trim().chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '"' | '\'') => (quote, begun) = (Some(letter), true),
            (None, _) if letter.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (None, _) => word.push(letter),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_as_a_shell_does() {
        assert_eq!(
            words("cc  \"-L\" \"/a b/c\" 'cfg(x, \"y\")' d=\"e f\" ''"),
            ["cc", "-L", "/a b/c", "cfg(x, \"y\")", "d=e f", ""]
        );
    }
}
