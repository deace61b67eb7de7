//! Hashes the sources that can change what a step stores, and lets binaries and tests find libtorch without help.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest, Sha256};

#[path = "tools/keys.rs"]
mod keys;
#[allow(dead_code)] // the map reads more of it
#[path = "tools/sources.rs"]
mod sources;

fn main() -> io::Result<()> {
    for changed in ["src", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={changed}");
    }
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rustc-env=LGF_CODE={}", code()?);
    if let Some(libtorch) = env::var_os("LIBTORCH") {
        let lib = PathBuf::from(libtorch).join("lib");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
    Ok(())
}

/// `room=hash;…` of every room that can change a stored result.
fn code() -> io::Result<String> {
    let tree = sources::Tree::read(None, &|path| fs::read_to_string(path))?;
    let crates = keys::crates(&fs::read_to_string("Cargo.toml")?, &fs::read_to_string("Cargo.lock")?);
    let mut keys = Vec::new();
    for (room, below) in keys::rooms(&tree) {
        let mut hasher = Sha256::new();
        let mut add = |name: &Path, bytes: &[u8]| {
            for part in [name.as_os_str().as_encoded_bytes(), bytes] {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        };
        keys::code(&tree, &below).iter().for_each(|(path, code)| add(path, code.as_bytes()));
        for path in keys::included(&tree, &below) {
            println!("cargo:rerun-if-changed={}", path.display());
            add(&path, &fs::read(&path)?);
        }
        crates.iter().for_each(|name| add(Path::new("Cargo.lock"), name.as_bytes()));
        let hash = hasher.finalize();
        keys.push(format!("{room}={}", hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>()));
    }
    Ok(keys.join(";"))
}
