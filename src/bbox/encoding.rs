//! The bytes of an XML file to text: UTF-8, UTF-16 and Latin-1.

use std::borrow::Cow;

use crate::error::{Code, Error, Result};

/// Decodes by byte-order mark, then by the shape of the first bytes, then by the declaration.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'<', ..] => utf16(bytes, u16::from_be_bytes),
        _ if says_latin1(bytes) => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|cause| {
        Error::new(Code::Xml, "not UTF-8, and no other encoding is declared")
            .place(format!("byte {}", cause.valid_up_to()))
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>> {
    let broken = || Error::new(Code::Xml, "broken UTF-16");
    if !bytes.len().is_multiple_of(2) {
        return Err(broken());
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16(&units).map(Cow::Owned).map_err(|_| broken())
}

fn says_latin1(bytes: &[u8]) -> bool {
    if !bytes.starts_with(b"<?xml") {
        return false;
    }
    let end = bytes.iter().take(200).position(|byte| *byte == b'>').unwrap_or(0);
    let declaration = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    ["iso-8859-1", "latin1", "latin-1"].iter().any(|name| declaration.contains(name))
}
