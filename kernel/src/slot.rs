//! A folder in which one kernel's cells are compiled; held by a lock for as long as the kernel lives.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::Places;
use snapshot::{NOTEBOOK, OPTIMISE, OUT, STARTING, Snapshot};

/// Kernels at once.
const MOST: usize = 32;
/// The tools that `lgf-compile` stands in for.
const TOOLS: [&str; 3] = ["rustup", "cargo", "lgf-cc"];

/// A slot and what keeps it this kernel's own.
pub struct Slot {
    /// The workspace: evcxr's crate is its member `ctx`.
    pub folder: PathBuf,
    _lock: File,
    _snapshot: Option<File>,
}

impl Slot {
    /// The first free slot, swept of what the last kernel left in it.
    pub fn take(kernels: &Path, snapshot: Option<&Snapshot>) -> Result<Self> {
        let warm = kernels.join("warm");
        // As kernel/warm holds it while it builds: what is read here is whole.
        let building = writable(&kernels.join("warm.lock"));
        let building = if kernels.is_dir() { Some(building?) } else { None };
        building.as_ref().map(File::lock_shared).transpose()?;
        if !warm.join("stamp").is_file() {
            bail!("not set up for this checkout\n  hint: run make setup, then make build");
        }
        for number in 0..MOST {
            let path = kernels.join(format!("slot-{number}.lock"));
            let lock = writable(&path)?;
            if lock.try_lock().is_ok() {
                let folder = kernels.join(format!("slot-{number}"));
                sweep(&folder, &warm).with_context(|| format!("cannot prepare {}", folder.display()))?;
                let held = snapshot.map(Snapshot::hold).transpose()?;
                return Ok(Slot { folder, _lock: lock, _snapshot: held });
            }
        }
        bail!("{MOST} kernels are running already\n  hint: shut some down")
    }

    /// The crate of cells.
    pub fn notebook(&self) -> PathBuf {
        self.folder.join(NOTEBOOK)
    }

    /// Sets what evcxr, its analyser and the stand-ins for its tools read.
    pub fn set_environment(&self, places: &Places, snapshot: Option<&Snapshot>) -> Result<()> {
        let tools = self.folder.join("tools");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(tools.clone()).chain(std::env::split_paths(&path));
        let toolchain = match snapshot {
            Some(snapshot) => snapshot.rustc.clone(),
            None => real_rustc()?,
        };
        let mut variables = vec![
            ("CARGO", tools.join("cargo").into_os_string()),
            ("RUSTC", toolchain.clone().into_os_string()),
            ("LGF_CARGO", toolchain.with_file_name("cargo").into_os_string()),
            ("LGF_RUSTC", toolchain.into_os_string()),
            ("LGF_TOOLS", tools.into_os_string()),
            ("LGF_WARM", places.kernels.join("warm").into_os_string()),
            ("EVCXR_TMPDIR", self.notebook().into_os_string()),
            // No configuration of another evcxr on this machine.
            ("EVCXR_CONFIG_DIR", places.state.join("evcxr/config").into_os_string()),
            ("PATH", std::env::join_paths(folders).context("PATH cannot be put together")?),
        ];
        variables.extend(snapshot.map(|snapshot| ("LGF_SNAPSHOT", snapshot.folder.clone().into_os_string())));
        let compile = std::env::current_exe()?.with_file_name("lgf-compile");
        fs::create_dir_all(self.folder.join("tools"))?;
        for tool in TOOLS {
            symlink(&compile, self.folder.join("tools").join(tool))?;
        }
        for (key, value) in variables {
            // SAFETY: this thread is the only one that reads or writes the environment until evcxr has started.
            unsafe { std::env::set_var(key, value) };
        }
        if snapshot.is_none() {
            // SAFETY: as above.
            unsafe { std::env::remove_var("LGF_SNAPSHOT") };
        }
        Ok(())
    }
}

fn writable(path: &Path) -> Result<File> {
    File::create(path).map_err(|cause| {
        anyhow!("cannot write {}: {cause}\n  hint: choose another cache with LGF_CACHE=/path", path.display())
    })
}

/// The compiler itself, not rustup's proxy.
fn real_rustc() -> Result<PathBuf> {
    let ended = Command::new("rustc").args(["--print", "sysroot"]).output().context("cannot run rustc")?;
    Ok(PathBuf::from(String::from_utf8_lossy(&ended.stdout).trim()).join("bin/rustc"))
}

/// Takes away what a kernel leaves, makes what the next one needs; compiled packages stay as long as they are the warm ones.
fn sweep(folder: &Path, warm: &Path) -> Result<()> {
    let notebook = folder.join(NOTEBOOK);
    let stamp = |folder: &Path| fs::read(folder.join("stamp")).ok();
    if stamp(folder) != stamp(warm) {
        remove(folder)?;
    }
    for name in ["src", OUT, OPTIMISE, STARTING, ".evcxr-execution-so"] {
        remove(&notebook.join(name))?;
    }
    for name in ["tools", "ends"] {
        remove(&folder.join(name))?;
    }
    let triple = std::env::var("CARGO_BUILD_TARGET").unwrap_or_default();
    for target in [triple.as_str(), "."].map(|triple| notebook.join("target").join(triple).join("debug")) {
        for part in [".fingerprint", "incremental", "deps", "."] {
            let Ok(entries) = fs::read_dir(target.join(part)) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if ["ctx-", "libctx.", "libcode_"].iter().any(|start| name.starts_with(start)) {
                    remove(&path)?;
                }
            }
        }
    }
    fs::create_dir_all(notebook.join("src"))?;
    fs::create_dir_all(folder.join("pin/src"))?;
    // The lock file and the profile are the project's: evcxr's crate starts without any dependency, and cargo would
    // drop all versions from a lock file of its own. The crate `pin` keeps them in.
    for name in ["Cargo.toml", "Cargo.lock", "pin/Cargo.toml", "pin/src/lib.rs"] {
        fs::copy(warm.join(name), folder.join(name))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernels(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("lgf-slot-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("warm/pin/src")).unwrap();
        for name in ["stamp", "Cargo.toml", "Cargo.lock", "pin/Cargo.toml", "pin/src/lib.rs"] {
            fs::write(folder.join("warm").join(name), name).unwrap();
        }
        folder
    }

    #[test]
    fn a_slot_is_swept_and_belongs_to_one_kernel() {
        let kernels = kernels("swept");
        let first = Slot::take(&kernels, None).unwrap();
        let second = Slot::take(&kernels, None).unwrap();
        assert_ne!(first.folder, second.folder);
        let left = first.notebook().join("short/libcode_7.so");
        fs::create_dir_all(left.parent().unwrap()).unwrap();
        fs::write(&left, "of a kernel that was killed").unwrap();
        let (folder, compiled) = (first.folder.clone(), first.notebook().join("target/debug/deps/libserde-1.rlib"));
        fs::create_dir_all(compiled.parent().unwrap()).unwrap();
        fs::write(&compiled, "").unwrap();
        fs::write(first.folder.join("stamp"), "stamp").unwrap();
        drop(first);
        let again = Slot::take(&kernels, None).unwrap();
        assert_eq!(again.folder, folder);
        assert!(!left.exists() && compiled.exists());
        fs::remove_dir_all(kernels).unwrap();
    }

    #[test]
    fn what_was_compiled_against_another_library_goes() {
        let kernels = kernels("stale");
        let slot = Slot::take(&kernels, None).unwrap();
        let compiled = slot.notebook().join("target/debug/deps/liblgf-1.rlib");
        fs::create_dir_all(compiled.parent().unwrap()).unwrap();
        fs::write(&compiled, "").unwrap();
        fs::write(slot.folder.join("stamp"), "an older one").unwrap();
        drop(slot);
        let _slot = Slot::take(&kernels, None).unwrap();
        assert!(!compiled.exists());
        fs::remove_dir_all(kernels).unwrap();
    }

    #[test]
    fn the_thirty_third_kernel_is_refused() {
        let kernels = kernels("full");
        let all: Vec<Slot> = (0..MOST).map(|_| Slot::take(&kernels, None).unwrap()).collect();
        assert!(Slot::take(&kernels, None).err().unwrap().to_string().contains("32 kernels are running"));
        drop(all);
        fs::remove_dir_all(kernels).unwrap();
    }
}
