//! gzip as a stream: every member, the checksums, a cap on what it may unpack to, and plain tar where gzip was promised.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::GzDecoder;

use crate::error::{Code, Error, Result};

/// Unpacked bytes that are allowed whatever the ratio: short files of zeros pack very well.
const RATIO_FLOOR: u64 = 4 << 20;

/// Bytes that so many packed ones may unpack to.
pub(super) fn most_unpacked(packed: u64, ratio: u64) -> u64 {
    packed.saturating_mul(ratio).max(RATIO_FLOOR)
}

/// What followed the archive proper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trailing {
    /// Nothing, or zeros.
    Nothing,
    /// Bytes that are not gzip.
    Garbage,
}

/// The unpacked bytes of a `.tar.gz`, or of a plain tar under that name.
pub(super) struct Gunzip<R: BufRead> {
    state: State<R>,
    unpacked: u64,
    ratio: u64,
    trailing: Trailing,
    fault: Option<(ErrorKind, String)>,
}

enum State<R: BufRead> {
    Plain(R),
    Member(Box<GzDecoder<Counted<R>>>),
    Between(Counted<R>),
    Done,
}

impl<R: BufRead> Gunzip<R> {
    /// Looks at the first bytes: gzip, tar, or an error that quotes them.
    pub(super) fn open(mut input: R, ratio: u64) -> Result<Self> {
        let head = input.fill_buf().map_err(|cause| Error::new(Code::Io, "reading failed").because(cause))?;
        let state = if head.starts_with(&[0x1f, 0x8b]) {
            State::Between(Counted { inner: input, count: 0 })
        } else if looks_like_tar(head) {
            State::Plain(input)
        } else {
            return Err(not_read(head));
        };
        Ok(Gunzip { state, unpacked: 0, ratio, trailing: Trailing::Nothing, fault: None })
    }

    /// What followed the last gzip member, once everything was read.
    pub(super) fn trailing(&self) -> Trailing {
        self.trailing
    }

    fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Ok(0),
                State::Plain(mut input) => {
                    let count = input.read(buffer)?;
                    self.state = State::Plain(input);
                    return Ok(count);
                }
                State::Member(mut decoder) => {
                    let count = decoder.read(buffer)?;
                    if count == 0 {
                        self.state = State::Between(decoder.into_inner());
                        continue;
                    }
                    self.unpacked += count as u64;
                    let packed = decoder.get_ref().count;
                    if self.unpacked > most_unpacked(packed, self.ratio) {
                        return Err(over_limit(format!("unpacks to more than {} times its size", self.ratio)));
                    }
                    self.state = State::Member(decoder);
                    return Ok(count);
                }
                State::Between(mut input) => {
                    let head = input.fill_buf()?;
                    let zeros = head.iter().take_while(|byte| **byte == 0).count();
                    match head.get(zeros) {
                        None if head.is_empty() => {}
                        Some(0x1f) if zeros == 0 => self.state = State::Member(Box::new(GzDecoder::new(input))),
                        Some(_) => self.trailing = Trailing::Garbage,
                        None => {
                            input.consume(zeros);
                            self.state = State::Between(input);
                        }
                    }
                }
            }
        }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, text)) = &self.fault {
            return Err(io::Error::new(*kind, text.clone()));
        }
        let outcome = if buffer.is_empty() { Ok(0) } else { self.read_on(buffer) };
        // Kept, so that reading on after a fault never looks like an orderly end.
        outcome.inspect_err(|cause| self.fault = Some((cause.kind(), cause.to_string())))
    }
}

/// First bytes, what begins with them, and what to do with that.
const OTHERS: [(&[u8], &str, &str); 14] = [
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"PK\x05\x06", "an empty zip archive", AGAIN),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!", "a rar archive", UNPACK),
    (b"\x1f\x9d", "a compress archive", UNPACK),
    (b"\0\x05\x16\x07", "what macOS keeps beside a file (AppleDouble), not the file", AGAIN),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file", "fetch the file: git lfs pull"),
    (b"<!doctype html", "a web page", AGAIN),
    (b"<html", "a web page", AGAIN),
    (b"<?xml", "one XML file", "give the folder that holds it"),
    (b"<annotation", "one XML file", "give the folder that holds it"),
];
const UNPACK: &str = "unpack it, and give the folder, or pack that as .tar.gz";
const AGAIN: &str = "download it again";

/// The error for bytes that begin neither as gzip nor as tar.
fn not_read(head: &[u8]) -> Error {
    const EXPECTED: &str = "expected Annotation.tar.gz, a tar of XML files, or a folder of either";
    if head.is_empty() {
        return Error::new(Code::Archive, "the file is empty, expected a tar.gz").hint(AGAIN);
    }
    let begins = String::from_utf8_lossy(&head[..head.len().min(5)]).escape_debug().to_string();
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let starts = |magic: &[u8]| text.get(..magic.len()).is_some_and(|first| first.eq_ignore_ascii_case(magic));
    match OTHERS.iter().find(|(magic, ..)| head.starts_with(magic) || starts(magic)) {
        Some((_, name, hint)) => {
            Error::new(Code::Archive, format!("not gzip, begins {begins}: this is {name}")).hint(*hint)
        }
        None => Error::new(Code::Archive, format!("not gzip, begins {begins}")).hint(EXPECTED),
    }
}

/// The error of a size over a limit, told apart from a corrupt stream by its kind.
pub(super) fn over_limit(text: String) -> io::Error {
    io::Error::new(ErrorKind::FileTooLarge, text)
}

/// Whether the bytes begin with a tar header whose checksum holds.
fn looks_like_tar(head: &[u8]) -> bool {
    if head.len() < 512 {
        return false;
    }
    let header = tar::Header::from_byte_slice(&head[..512]);
    let sum: u32 = head[..148].iter().chain(&head[156..512]).map(|byte| u32::from(*byte)).sum();
    header.cksum().is_ok_and(|expected| expected == sum + 8 * 32)
}

/// Counts the packed bytes that were used.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.count += count as u64;
        self.inner.consume(count);
    }
}
