//! Hashes the sources that can change a stored result, and lets binaries and tests find libtorch without help.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is drawn or shown, never stored: a change here leaves finished stages valid.
const SHOWN_ONLY: [&str; 3] = ["notebook", "plots", "bin"];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=Cargo.lock");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let mut files = Vec::new();
    list(Path::new("src"), &mut files)?;
    files.push(PathBuf::from("Cargo.lock"));
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    println!("cargo:rustc-env=LGF_CODE={:016x}", hasher.finish());
    if let Some(libtorch) = env::var_os("LIBTORCH") {
        let lib = PathBuf::from(libtorch).join("lib");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
    Ok(())
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !SHOWN_ONLY.contains(&name.as_str()) {
                list(&path, files)?;
            }
        } else {
            files.push(path);
        }
    }
    Ok(())
}
