//! The linker of cells: what the linked library contains already is left out of a cell.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Place, become_program};
use snapshot::Snapshot;

pub fn link(arguments: &[String]) -> Result<u8> {
    let mut command = Command::new("cc");
    match Place::from_environment()?.snapshot {
        Some(snapshot) => command.args(shortened(arguments, &snapshot)),
        None => command.args(arguments),
    };
    become_program(command)
}

/// The linker's arguments, with the linked library in the place of the crates that it holds.
fn shortened(arguments: &[String], snapshot: &Snapshot) -> Vec<String> {
    let held = |argument: &str| argument.ends_with(".rlib") && snapshot.contains(Path::new(argument));
    if !arguments.iter().any(|argument| held(argument)) {
        return arguments.to_vec();
    }
    let mut kept: Vec<String> = arguments
        .iter()
        .filter(|argument| !held(argument) && *argument != "-Wl,--gc-sections")
        // The compiler names symbols of crates that are not linked here.
        .map(|argument| argument.replace("-Wl,--no-undefined-version", "-Wl,--undefined-version"))
        .collect();
    kept.push(snapshot.linked().display().to_string());
    kept.push(format!("-Wl,-rpath,{}", snapshot.folder.display()));
    // A symbol that is nowhere is an error now, and the long way is gone; not when the cell is loaded.
    kept.push("-Wl,-z,defs".into());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_the_snapshot_are_left_out_and_others_stay() {
        let folder = std::env::temp_dir().join(format!("lgf-linker-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let description = r#"{"project": "/p", "rustc": "/r", "rustflags": "", "libtorch": "", "target": "t",
                              "native": [], "standard_library": "/s", "inputs": []}"#;
        std::fs::write(folder.join("snapshot.json"), description).unwrap();
        let snapshot = Snapshot::read(&folder).unwrap();
        let own = folder.join("crates/liblgf-1.rlib").display().to_string();
        let call: Vec<String> =
            ["cell.o", &own, "/elsewhere/libregex-1.rlib", "-Wl,--gc-sections"].map(Into::into).into();
        let kept = shortened(&call, &snapshot);
        assert_eq!(kept[..2], ["cell.o", "/elsewhere/libregex-1.rlib"]);
        assert!(kept[2].ends_with("liblgf_cells.so") && !kept.contains(&own) && !kept.contains(&call[3]));
        assert_eq!(shortened(&call[2..], &snapshot), call[2..], "nothing to leave out, nothing to change");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
