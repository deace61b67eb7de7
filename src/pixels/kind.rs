//! What a file is that is no JPEG, PNG or BMP: told by its first bytes, with what to do.

use crate::error::{Code, Error};

const PICTURE: &str = "save it as PNG, which keeps every value, or leave it out";
const DOCUMENT: &str = "export the picture in it as PNG, or leave it out";
const PACKED: &str = "unpack it, and give the folder of pictures";

/// First bytes, what begins with them, and what to do with that.
const KINDS: [(&[u8], &str, &str); 29] = [
    (b"GIF87a", "a GIF", PICTURE),
    (b"GIF89a", "a GIF", PICTURE),
    (b"II*\0", "a TIFF, or a camera's raw file", PICTURE),
    (b"MM\0*", "a TIFF, or a camera's raw file", PICTURE),
    (b"II+\0", "a BigTIFF", PICTURE),
    (b"MM\0+", "a BigTIFF", PICTURE),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000", PICTURE),
    (b"\xff\x4f\xff\x51", "a JPEG 2000", PICTURE),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL", PICTURE),
    (b"\xff\x0a", "a JPEG XL", PICTURE),
    (b"II\xbc\x01", "a JPEG XR", PICTURE),
    (b"8BPS", "a Photoshop file", DOCUMENT),
    (b"%PDF-", "a PDF", DOCUMENT),
    (b"%!PS", "a PostScript file", DOCUMENT),
    (b"gimp xcf", "a GIMP file", DOCUMENT),
    (b"\0\0\x01\0", "an icon", PICTURE),
    (b"DDS ", "a DDS texture", PICTURE),
    (b"qoif", "a QOI", PICTURE),
    (b"\x76\x2f\x31\x01", "an OpenEXR", PICTURE),
    (b"#?RADIANCE", "a Radiance HDR", PICTURE),
    (b"SIMPLE  =", "a FITS", PICTURE),
    (b"\x93NUMPY", "a NumPy array", "save its picture as PNG"),
    (b"PK\x03\x04", "a zip archive", PACKED),
    (b"\x1f\x8b", "a gzip file", PACKED),
    (b"\0\x05\x16\x07", "what macOS keeps beside a file (AppleDouble), not the file", "leave it out"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file", "fetch the file: git lfs pull"),
    (b"<svg", "an SVG", DOCUMENT),
    (b"<!doctype html", "a web page", "download the picture again"),
    (b"<html", "a web page", "download the picture again"),
];

/// The error for bytes that begin as no JPEG, PNG or BMP does.
pub(super) fn not_read(bytes: &[u8]) -> Error {
    match known(bytes) {
        Some((name, hint)) => Error::new(Code::Image, format!("this is {name}; JPEG, PNG and BMP are read")).hint(hint),
        None => {
            let begins = String::from_utf8_lossy(&bytes[..bytes.len().min(12)]).into_owned();
            Error::new(Code::Image, format!("not a JPEG, PNG or BMP: it begins {begins:?}"))
        }
    }
}

fn known(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let at = |place: usize, expected: &[u8]| bytes.get(place..).is_some_and(|rest| rest.starts_with(expected));
    if at(0, b"RIFF") && at(8, b"WEBP") {
        return Some(("a WebP", PICTURE));
    }
    if at(4, b"ftyp") {
        let brand = bytes.get(8..12).unwrap_or_default();
        return Some(match brand {
            b"avif" | b"avis" => ("an AVIF", PICTURE),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => ("a HEIC", PICTURE),
            b"crx " => ("a camera's raw file", PICTURE),
            _ => ("a film", "save a picture of it as PNG, or leave it out"),
        });
    }
    if at(0, b"P") && matches!(bytes.get(1), Some(b'1'..=b'7')) && bytes.get(2).is_some_and(u8::is_ascii_whitespace) {
        return Some(("a PBM, PGM or PPM", PICTURE));
    }
    let begins = |magic: &[u8]| bytes.get(..magic.len()).is_some_and(|head| head.eq_ignore_ascii_case(magic));
    KINDS.iter().find(|(magic, ..)| begins(magic)).map(|&(_, name, hint)| (name, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_70_pictures_of_other_kinds_are_named() {
        for (bytes, expected) in [
            (&b"RIFF\x24\0\0\0WEBPVP8 "[..], "a WebP"),
            (b"GIF89a\x01\0\x01\0", "a GIF"),
            (b"II*\0\x08\0\0\0", "a TIFF"),
            (b"MM\0*\0\0\0\x08", "a TIFF"),
            (b"\0\0\0\x20ftypavif\0\0\0\0", "an AVIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIC"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "a film"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000"),
            (b"\xff\x4f\xff\x51\0\x2f", "a JPEG 2000"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"),
            (b"8BPS\0\x01", "a Photoshop file"),
            (b"%PDF-1.7", "a PDF"),
            (b"P6\n2 2\n255\n", "a PBM, PGM or PPM"),
            (b"<!DOCTYPE HTML>", "a web page"),
            (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ] {
            let error = not_read(bytes);
            assert!(error.message().contains(expected) && error.advice().is_some(), "{error}");
        }
    }

    #[test]
    fn an_unknown_file_is_quoted() {
        for bytes in [&b"hello"[..], b"", b"RIFF", b"P", b"P6", b"\0\0\0", b"\xff"] {
            let error = not_read(bytes);
            assert!(error.message().contains("it begins") && error.code() == Code::Image, "{error}");
        }
        assert!(not_read(b"hello\n").message().contains(r#""hello\n""#));
    }
}
