//! What must hold of manipulations in words, whatever stands there.

use super::{Manipulation, Spec, Subject};
use crate::readers::read;

/// A manipulation: one that is the same when it is written again, and of which there is a plan; or one error.
pub(crate) fn manipulations(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if let Some(spec) = read(text.parse::<Spec>()) {
        assert_eq!(read(spec.to_string().parse()), Some(spec));
    }
    let found = read(text.parse::<Manipulation>());
    if let Some(found) = &found {
        let again = read(found.to_string().parse::<Manipulation>());
        assert_eq!(again.map(|again| again.to_string()), Some(found.to_string()));
        read(found.plan(&Subject { id: "n01440764/1.JPEG", side: 224, seed: 1 }).map(|recipes| recipes.len()));
    }
    found.is_some()
}
