//! The markers of a JPEG (ITU T.81, annex B) in the order in which its decoder meets them.
//!
//! A thumbnail inside a segment and bytes behind the end may hold any marker, and none of them is the picture's own.
//! So a segment is passed over by its length, coded data up to the next marker, and what stands behind the end is not
//! looked at.

use crate::error::{Code, Error, Result};

/// What the markers of a JPEG say of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Markers {
    /// The first frame's marker, which names its process, and the bits of a sample.
    pub(super) frame: Option<(u8, u8)>,
    /// Scans before the end; no more are looked for once there are more than asked for.
    pub(super) scans: usize,
    /// Whether the decoder comes to the end marker, rather than to the end of the bytes or to another picture's
    /// beginning.
    pub(super) ends: bool,
}

/// Goes from marker to marker, until the end, the end of the bytes, or more than `most_scans` scans.
pub(super) fn markers(jpeg: &[u8], most_scans: usize) -> Markers {
    let mut found = Markers::default();
    let mut at = 2;
    while let Some(marker) = next_marker(jpeg, &mut at) {
        match marker {
            0xD9 => return Markers { ends: true, ..found },
            // The beginning of a picture inside a picture: the one that was begun goes no further.
            0xD8 => return found,
            // Stuffed bytes, restarts inside a scan, and what has no meaning: none of them has a segment.
            0x00..=0xBF | 0xD0..=0xD7 => continue,
            _ => {}
        }
        let Some(&[high, low]) = jpeg.get(at..at + 2) else { return found };
        if is_frame(marker) && found.frame.is_none() {
            found.frame = jpeg.get(at + 2).map(|&bits| (marker, bits));
        }
        if marker == 0xDA {
            found.scans += 1;
            if found.scans > most_scans {
                return found;
            }
        }
        at += usize::from(u16::from_be_bytes([high, low]));
    }
    found
}

/// The next byte of a marker from `at` on, which is moved behind it; any number of bytes of ones may stand before it.
fn next_marker(jpeg: &[u8], at: &mut usize) -> Option<u8> {
    *at += jpeg.get(*at..)?.iter().position(|&byte| byte == 0xFF)?;
    *at += jpeg[*at..].iter().position(|&byte| byte != 0xFF)?;
    *at += 1;
    Some(jpeg[*at - 1])
}

/// Whether a marker begins a frame: all of its row but Huffman tables, a reserved one, and arithmetic conditioning;
/// that of all frames of a hierarchical picture; and JPEG-LS's own.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF | 0xDE | 0xF7) && ![0xC4, 0xC8, 0xCC].contains(&marker)
}

impl Markers {
    /// Refuses a JPEG of a process that the decoder does not have, by its name.
    pub(super) fn check_process(&self) -> Result<()> {
        let Some((marker, bits)) = self.frame else { return Ok(()) };
        let process = match marker {
            0xC0..=0xC2 if bits == 8 => return Ok(()),
            0xC0..=0xC2 => "a JPEG",
            0xC3 => "a lossless JPEG",
            0xC5..=0xC7 | 0xDE => "a hierarchical JPEG",
            0xC9 | 0xCA => "an arithmetic-coded JPEG",
            0xCB => "a lossless arithmetic-coded JPEG",
            0xF7 => "a JPEG-LS",
            _ => "a hierarchical arithmetic-coded JPEG",
        };
        let hint = if matches!(marker, 0xC9 | 0xCA) && bits == 8 {
            "jpegtran writes the same picture as a usual JPEG, value for value; or leave it out"
        } else {
            "save it as PNG with a program that reads it, or leave it out"
        };
        let found = format!("this is {process} of {bits} bits; baseline and progressive ones of 8 bits are read");
        Err(Error::new(Code::Image, found).hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment with its marker and length.
    fn segment(marker: u8, inside: &[u8]) -> Vec<u8> {
        let length = (inside.len() as u16 + 2).to_be_bytes();
        [&[0xFF, marker], &length[..], inside].concat()
    }

    const BEGINS: [u8; 2] = [0xFF, 0xD8];
    const ENDS: [u8; 2] = [0xFF, 0xD9];

    fn frame() -> Vec<u8> {
        segment(0xC0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0])
    }

    fn scan() -> Vec<u8> {
        [segment(0xDA, &[1, 1, 0, 0, 63, 0]), vec![0x12, 0xFF, 0x00, 0xFF, 0xD0, 0x34]].concat()
    }

    #[test]
    fn bad_input_67_markers_count_only_where_the_decoder_is() {
        let whole = [&BEGINS[..], &frame(), &scan(), &ENDS].concat();
        let expected = Markers { frame: Some((0xC0, 8)), scans: 1, ends: true };
        assert_eq!(markers(&whole, 9), expected);
        let thumbnail = segment(0xE1, &[b"Exif\0\0", &whole[..]].concat());
        let within = [&BEGINS[..], &thumbnail, &frame(), &scan()].concat();
        assert_eq!(
            markers(&within, 9),
            Markers { ends: false, ..expected },
            "the thumbnail's end is not the picture's"
        );
        assert_eq!(markers(&[&within[..], &ENDS].concat(), 9), expected);
        let behind = [&whole[..], &scan().repeat(50), &ENDS].concat();
        assert_eq!(markers(&behind, 9), expected, "scans behind the end are not the picture's");
        let cut = [&BEGINS[..], &frame(), &scan(), &whole].concat();
        assert_eq!(markers(&cut, 9), Markers { ends: false, ..expected }, "another picture's end is not this one's");
        let filled = [&BEGINS[..], &frame(), &scan(), &[0xFF, 0xFF, 0xFF, 0xD9]].concat();
        assert_eq!(markers(&filled, 9), expected, "bytes of ones may stand before a marker");
    }

    #[test]
    fn bad_input_35_no_more_scans_are_looked_for_than_asked() {
        let many = [&BEGINS[..], &frame(), &scan().repeat(5_000), &ENDS].concat();
        assert_eq!(markers(&many, 500).scans, 501);
        assert_eq!(markers(&many, 5_000), Markers { frame: Some((0xC0, 8)), scans: 5_000, ends: true });
    }

    #[test]
    fn every_cut_is_told_and_no_bytes_panic() {
        let whole = [&BEGINS[..], &frame(), &scan(), &ENDS].concat();
        for end in 0..whole.len() {
            assert!(!markers(&whole[..end], 9).ends, "{end} bytes");
        }
        let lengths = [&BEGINS[..], &[0xFF, 0xE0, 0xFF, 0xFF], &ENDS].concat();
        assert!(!markers(&lengths, 9).ends, "a segment longer than the file");
    }
}
