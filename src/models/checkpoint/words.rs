//! Texts of a file in messages, and the error that most of them are of.

use crate::error::{Code, Error};

/// A text for a message, without control characters: of a long one the beginning.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

/// A file that is no whole checkpoint.
pub fn broken(what: impl Into<String>) -> Error {
    Error::new(Code::Checkpoint, what)
}
