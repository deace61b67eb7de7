//! What decides a step, and in which way another decision is another one.

use serde::{Deserialize, Serialize};

/// What decides a stage: its key, and the parts that it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decided {
    /// The stage's name.
    pub step: String,
    /// What identifies all of it.
    pub key: String,
    /// The code, the parameters, and what it reads, each by what identifies it.
    pub code: String,
    pub parameters: String,
    pub inputs: String,
    /// What the device is called that does it, which decides nothing.
    pub device: String,
}

impl Decided {
    /// In which way another is of the same stage, and not the same; nothing if it is the same.
    pub(super) fn differs(&self, other: &Decided) -> Option<String> {
        let parts = [
            (self.code != other.code, "code"),
            (self.parameters != other.parameters, "parameters"),
            (self.inputs != other.inputs, "inputs"),
        ];
        let differing: Vec<&str> = parts.iter().filter(|(differs, _)| *differs).map(|(_, part)| *part).collect();
        (!differing.is_empty()).then(|| format!("of other {}", differing.join(" and ")))
    }
}
