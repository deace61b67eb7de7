//! Whose files these are, where many machines write to one folder.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

/// The machine's name, as messages give it: letters, digits, dots and dashes.
pub(crate) fn machine() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        let name: String = name.trim().chars().filter(plain).take(64).collect();
        if name.is_empty() { "machine".into() } else { name }
    })
}

/// Whether another process of this number is at work on a machine, as far as can be told from here: that it is this very one.
pub(crate) fn is_at_work(on: &str, process: u32) -> bool {
    on == machine() && process != std::process::id() && Path::new("/proc").join(process.to_string()).exists()
}

fn short(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(3).map(|byte| format!("{byte:02x}")).collect()
}

/// What tells the processes of a cluster apart: a number of the machine, of its boot and of the set of processes that this one
/// is among (a container has its own), and the process' number. Two machines have processes of one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    machine: String,
    boot: String,
    among: String,
    process: u32,
}

impl Owner {
    /// This process.
    pub(super) fn this() -> &'static Owner {
        static THIS: OnceLock<Owner> = OnceLock::new();
        THIS.get_or_init(|| {
            // Machines of one name are several.
            let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
            let boot = match id.trim() {
                "" => String::new(),
                _ => fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
            };
            let among = fs::metadata("/proc/self/ns/pid").map_or(0, |file| file.ino());
            Owner {
                machine: short(&format!("{} {}", machine(), id.trim())),
                boot: short(boot.trim()),
                among: short(&among.to_string()),
                process: std::process::id(),
            }
        })
    }

    /// As a part of a file's name.
    pub(super) fn name(&self) -> String {
        let Owner { machine, boot, among, process } = self;
        format!("{machine}_{boot}_{among}_{process}")
    }

    /// That of a part of a file's name.
    pub(super) fn named(name: &str) -> Option<Owner> {
        let mut words = name.split('_').map(str::to_string);
        let (machine, boot, among) = (words.next()?, words.next()?, words.next()?);
        let process = words.next()?.parse().ok()?;
        words.next().is_none().then_some(Owner { machine, boot, among, process })
    }

    /// Whether the process has surely ended: it was of an earlier boot of this machine, or is no more. Of another machine nothing
    /// is known.
    pub(super) fn is_gone(&self) -> bool {
        let this = Owner::this();
        let unknown = short("");
        self.machine == this.machine
            && ((self.boot != this.boot && self.boot != unknown && this.boot != unknown)
                || (self.among == this.among && !Path::new("/proc").join(self.process.to_string()).exists()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_processes_only_those_that_have_surely_ended_are_gone() {
        let this = Owner::this().clone();
        assert_eq!(Owner::named(&this.name()).unwrap(), this);
        assert!(!this.is_gone());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = Owner { process: child.id(), ..this.clone() };
        child.wait().unwrap();
        assert!(ended.is_gone());
        let before = Owner { boot: "before".into(), ..this.clone() };
        assert_eq!(before.is_gone(), this.boot != short(""), "known where the machine has a number");
        // A process of that number elsewhere may well be alive.
        assert!(!Owner { machine: "other".into(), ..ended.clone() }.is_gone());
        assert!(!Owner { among: "inside".into(), ..ended }.is_gone());
        for wrong in ["", "7", "a_b_7", "a_b_c_d", "a_b_c_7_8"] {
            assert_eq!(Owner::named(wrong), None, "{wrong}");
        }
    }
}
