//! What every figure has: its words, its size, its colours.

use image::Rgb;

use crate::error::{Code, Error, Result};

/// The usual size of a figure, and that of one with many groups: (width, height) in CSS pixels.
pub(super) const SIZE: (u32, u32) = (640, 400);
pub(super) const WIDE: (u32, u32) = (900, 440);

/// Okabe and Ito's eight colours, told apart with every common colour blindness; in the order of use.
pub(super) const PALETTE: [Rgb<u8>; 8] = [
    Rgb([0x00, 0x72, 0xB2]),
    Rgb([0xE6, 0x9F, 0x00]),
    Rgb([0x00, 0x9E, 0x73]),
    Rgb([0xD5, 0x5E, 0x00]),
    Rgb([0xCC, 0x79, 0xA7]),
    Rgb([0x56, 0xB4, 0xE9]),
    Rgb([0x33, 0x33, 0x33]),
    Rgb([0xB8, 0xA2, 0x00]),
];

/// The colour of the n-th series; after eight they begin again, with another marker.
pub(super) fn color(place: usize) -> Rgb<u8> {
    PALETTE[place % PALETTE.len()]
}

/// Name, words and size that every figure has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    /// The stem of the figure's file names.
    pub name: String,
    /// Above the figure; may be empty.
    pub title: String,
    /// Below the horizontal axis; may be empty.
    pub x_label: String,
    /// Beside the vertical axis; may be empty.
    pub y_label: String,
    /// (width, height) in CSS pixels, at least 160 x 120 and at most 4,000 either way.
    pub size: (u32, u32),
    /// From where to where the value axis goes; chosen from the values if `None`.
    pub range: Option<(f64, f64)>,
}

impl Default for Look {
    fn default() -> Self {
        Look {
            name: "figure".into(),
            title: String::new(),
            x_label: String::new(),
            y_label: String::new(),
            size: SIZE,
            range: None,
        }
    }
}

impl Look {
    /// What the figure shows, in a sentence.
    pub fn alt(&self, kind: &str, what: &str) -> String {
        let head = if self.title.is_empty() { &self.name } else { &self.title };
        let axes = match (self.y_label.as_str(), self.x_label.as_str()) {
            ("", "") => String::new(),
            (y, "") => format!(", {y}"),
            ("", x) => format!(", {x}"),
            (y, x) => format!(", {y} by {x}"),
        };
        format!("{head}: {kind}{axes}; {what}")
    }
}

/// The different texts, in the order in which they first come.
pub(super) fn distinct<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for text in texts {
        if !seen.contains(text) {
            seen.push(text.clone());
        }
    }
    seen
}

/// A figure with nothing in it helps nobody.
pub(super) fn nothing(what: &str) -> Error {
    Error::new(Code::Parameter, format!("nothing to draw: {what}"))
        .hint("see whether the table before it has rows, and whether its values are finite")
}

/// An error unless two lengths are the same.
pub(super) fn same_length(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::new(Code::Parameter, format!("{what}: {found} given, expected {expected}")))
}
