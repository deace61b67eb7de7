//! The notebook kernel "Rust (lgf)": `lgf-kernel --control_file CONNECTION_FILE`, called by `kernel/launch`.
//!
//! Cells are evaluated by evcxr. What this program does itself: it answers the front-end at once and loads the library
//! while the notebook's first lines are read; it compiles cells in the short way (`lgf-compile`); it fails a cell whose
//! `?` or panic evcxr only prints, and what was queued behind it; it words errors for people who are new to Rust.
//!
//! | file | what it does |
//! |---|---|
//! | `server` | sockets and messages; knows nothing of Rust |
//! | `session` | one evcxr context: loading, cells, completion, documentation |
//! | `cell` | a cell's text before evcxr sees it |
//! | `explain` | a compiler's error as a person reads it |
//! | `marks` | inside the process that runs cells: how a cell ended |
//! | `stubs` | sources as the analyser needs them, made with a snapshot |
//! | `slot`, `snapshot` | the folder that cells are compiled in, and the library that they are linked to |

mod cell;
mod explain;
mod marks;
mod message;
mod server;
mod session;
mod slot;
mod stubs;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

fn main() -> ExitCode {
    // The process that runs cells is this program, too; it does not come back from here.
    marks::watch();
    evcxr::runtime_hook();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kernel \"Rust (lgf)\": {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let all: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("--stubs", folders)) = all.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return stubs::run(folders);
    }
    let mut arguments = all.into_iter().skip_while(|argument| argument != "--control_file").skip(1);
    let connection = arguments.next().context("usage: lgf-kernel --control_file CONNECTION_FILE")?;
    let places = Places::from_environment()?;
    if std::env::var("LGF_KERNEL").is_ok_and(|way| way == "plain") {
        // As evcxr comes, in a slot where every cell goes through cargo.
        let (_slot, _) = places.take(false)?;
        return evcxr_jupyter::main();
    }
    server::run(Path::new(&connection), places)
}

/// Where the kernel finds its folders.
#[derive(Debug, Clone)]
pub struct Places {
    /// The project.
    pub project: PathBuf,
    /// This checkout's slots, snapshots and warm folder.
    pub kernels: PathBuf,
    /// What is set up inside the project.
    pub state: PathBuf,
}

impl Places {
    fn from_environment() -> Result<Self> {
        let path = |key: &str| std::env::var_os(key).map(PathBuf::from).with_context(|| format!("{key} is not set"));
        Ok(Places { project: path("LGF_REPO")?, kernels: path("LGF_BUILD")?.join("kernel"), state: path("LGF_STATE")? })
    }

    /// A slot of this kernel's own, and the environment that its tools read.
    pub fn take(&self, short: bool) -> Result<(slot::Slot, Option<snapshot::Snapshot>)> {
        let snapshot = snapshot::Snapshot::current(&self.kernels.join("snapshots")).ok();
        let snapshot = snapshot.filter(|snapshot| short && snapshot.is_fresh() && snapshot.project == self.project);
        let slot = slot::Slot::take(&self.kernels, snapshot.as_ref())?;
        slot.set_environment(self, snapshot.as_ref())?;
        Ok((slot, snapshot))
    }
}
