//! `rustup which cargo` and `rustup which rustc`, which evcxr asks at its start: answered without starting rustup.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::become_program;

pub fn answer(arguments: &[String]) -> Result<u8> {
    let known = |key: &str| std::env::var(key).with_context(|| format!("{key} is not set"));
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["which", "cargo"] => println!("{}/cargo", known("LGF_TOOLS")?),
        ["which", "rustc"] => println!("{}", known("LGF_RUSTC")?),
        // Another toolchain is rustup's own matter.
        _ => {
            let tools = known("LGF_TOOLS")?;
            let path = std::env::var_os("PATH").unwrap_or_default();
            let others = std::env::split_paths(&path).filter(|folder| folder != Path::new(&tools));
            let path = std::env::join_paths(others).context("PATH cannot be taken apart")?;
            let mut command = Command::new("rustup");
            // Found by the path of this process, which must not be found again.
            let rustup = std::env::split_paths(&path).map(|folder| folder.join("rustup")).find(|file| file.is_file());
            if let Some(rustup) = rustup {
                command = Command::new(rustup);
            }
            command.args(arguments).env("PATH", &path);
            return become_program(command);
        }
    }
    Ok(0)
}
