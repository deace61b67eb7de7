//! The short way from a cell to a library that can be loaded, and the long way behind it.

pub mod cargo;
pub mod linker;
pub mod make;
pub mod manifest;
pub mod metadata;
pub mod rustup;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};

use snapshot::Snapshot;

/// The environment by which the kernel tells its stand-ins where things are.
pub struct Place {
    /// The real cargo.
    pub cargo: PathBuf,
    /// The folder that this kernel's cells are compiled in.
    pub slot: PathBuf,
    /// The library as linked once; none where the short way is switched off or was never made.
    pub snapshot: Option<Snapshot>,
}

impl Place {
    pub fn from_environment() -> Result<Self> {
        let path = |key: &str| std::env::var_os(key).map(PathBuf::from);
        Ok(Place {
            cargo: path("LGF_CARGO").context("LGF_CARGO is not set: this program is called by the kernel")?,
            slot: path("EVCXR_TMPDIR").context("EVCXR_TMPDIR is not set: this program is called by the kernel")?,
            snapshot: path("LGF_SNAPSHOT").and_then(|folder| Snapshot::read(&folder).ok()),
        })
    }
}

/// Becomes another program; comes back only if that cannot be started.
pub fn become_program(mut command: Command) -> Result<u8> {
    let program = command.get_program().to_os_string();
    Err(command.exec()).with_context(|| format!("cannot run {}", program.display()))
}

/// A status as this program's own; one that a signal ended counts as failed.
pub fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
