//! The members of one tar, streamed and checked: only regular files with plain names are ever read.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Component, Path};
use std::rc::Rc;

use tar::EntryType;

use super::gunzip::{Gunzip, Trailing, over_limit};
use super::limits::Limits;
use crate::error::{Code, Error, Result};
use crate::table::Reject;

/// Bytes that are unpacked at a time.
const PIECE: usize = 1 << 16;
/// Long names and extended headers of one member together; GNU tar's own are far below.
const HEADER_BYTES: u64 = 1 << 20;

/// A member that was met.
pub(super) enum Member<'a> {
    /// An XML file, read.
    Xml { name: &'a str, bytes: &'a [u8] },
    /// An archive inside the archive, read but not unpacked.
    Archive { name: &'a str, bytes: Vec<u8> },
    /// A member that is passed over with a remark.
    PassedOver(Reject),
    /// What an operating system left behind, passed over.
    Leftover,
    /// A member that is skipped.
    Skipped(Reject),
}

/// Calls `visit` for each member of the archive in order, then reads to the end, so that every checksum was checked.
/// Members that are neither XML nor archives are passed over; archives of a kind that is not read with a remark.
///
/// # Errors
/// The archive is not gzip nor tar, cut, corrupt, or a member is larger than a limit; and whatever `visit` returns.
pub(super) fn walk(
    input: impl BufRead,
    source: &str,
    limits: &Limits,
    visit: &mut dyn FnMut(Member<'_>) -> Result<()>,
) -> Result<Trailing> {
    let budget = Rc::new(Cell::new(0));
    let stream = Gunzip::open(input, limits.inflate_ratio).map_err(|error| error.or_path(source))?;
    // The tar reader asks for little at a time, and inflating is fast in large pieces.
    let stream = BufReader::with_capacity(PIECE, stream);
    let mut archive = tar::Archive::new(Metered { inner: stream, budget: Rc::clone(&budget), position: Cell::new(0) });
    let mut place = Place { name: String::new(), byte: 0 };
    let mut xml = Vec::new();
    let fault = |place: &Place, cause: io::Error| explain(cause).path(source).place(place.text());
    // The bytes of a member that was not read: the tar reader passes over them before the next header.
    let mut unread = 0;
    // Seeking passes over padding without a buffer to be cleared each time.
    let mut entries = archive.entries_with_seek().map_err(|cause| fault(&place, cause))?;
    loop {
        budget.set(HEADER_BYTES.saturating_add(unread));
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|cause| fault(&place, cause))?;
        let size = entry.size();
        unread = size;
        place.byte = entry.raw_file_position();
        place.name.clear();
        let plain = {
            let bytes = entry.path_bytes();
            place.name.push_str(&String::from_utf8_lossy(&bytes));
            plain_name(&bytes)
        };
        let header = Header { name: &place.name, kind: entry.header().entry_type(), size, plain };
        let packed = match sort(&header, source, limits).map_err(|error| error.path(source).place(place.text()))? {
            Sort::Passed(told) => {
                told.map_or(Ok(()), &mut *visit)?;
                continue;
            }
            Sort::Read { packed } => packed,
        };
        budget.set(size);
        xml.clear();
        xml.reserve(size.min(1 << 20) as usize);
        (&mut entry).take(size).read_to_end(&mut xml).map_err(|cause| fault(&place, cause))?;
        if xml.len() as u64 != size {
            return Err(cut_short(xml.len(), size).path(source).place(place.text()));
        }
        unread = 0;
        if packed {
            visit(Member::Archive { name: header.name, bytes: std::mem::take(&mut xml) })?;
        } else {
            visit(Member::Xml { name: header.name, bytes: &xml })?;
        }
    }
    let mut rest = archive.into_inner();
    budget.set(u64::MAX);
    io::copy(&mut rest, &mut io::sink())
        .map_err(|cause| explain(cause).path(source).place("the end of the archive"))?;
    Ok(rest.inner.get_ref().trailing())
}

/// What is known of a member before it is read.
struct Header<'a> {
    name: &'a str,
    kind: EntryType,
    size: u64,
    /// Whether the name is a plain relative one, or why not.
    plain: Result<(), &'static str>,
}

/// What becomes of a member.
enum Sort {
    /// It is not read; some are told of.
    Passed(Option<Member<'static>>),
    Read {
        packed: bool,
    },
}

/// Sorts a member by its header.
///
/// # Errors
/// [`Code::Limit`] if it is larger than any may be.
fn sort(header: &Header<'_>, source: &str, limits: &Limits) -> Result<Sort> {
    let Header { name, kind, size, plain } = *header;
    let reject = |code: Code, message: String| {
        Ok(Sort::Passed(Some(Member::Skipped(Reject::of("boxes", name, &Error::new(code, message).path(source))))))
    };
    if kind == EntryType::Directory || kind == EntryType::XGlobalHeader {
        return Ok(Sort::Passed(None));
    }
    if let Err(why) = plain {
        return reject(Code::Archive, format!("the name {name:?} {why}, expected a plain relative one"));
    }
    if is_leftover(name) {
        return Ok(Sort::Passed(Some(Member::Leftover)));
    }
    if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
        return reject(Code::Archive, format!("the member is no regular file but {kind:?}"));
    }
    if size > limits.member_bytes {
        let message = format!("the member claims {size} bytes, at most {} are read", limits.member_bytes);
        return Err(Error::new(Code::Limit, message));
    }
    match is_archive(name) {
        true => Ok(Sort::Read { packed: true }),
        false if ends_with(name, ".xml") && size > limits.xml_bytes => {
            reject(Code::Limit, format!("{size} bytes of XML, at most {} are read", limits.xml_bytes))
        }
        false if ends_with(name, ".xml") => Ok(Sort::Read { packed: false }),
        false if is_packed_otherwise(name) => {
            Ok(Sort::Passed(Some(Member::PassedOver(Reject::of("boxes", name, &packed_otherwise().path(source))))))
        }
        false => Ok(Sort::Passed(None)),
    }
}

/// Whether a file's name says that it is an archive.
pub(super) fn is_archive(name: &str) -> bool {
    [".tar.gz", ".tgz", ".tar"].iter().any(|ending| ends_with(name, ending))
}

/// Whether a file's name says that it is an archive of a kind that is not read.
pub(super) fn is_packed_otherwise(name: &str) -> bool {
    const ENDINGS: [&str; 9] = [".zip", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".7z", ".rar", ".xml.gz"];
    ENDINGS.iter().any(|ending| ends_with(name, ending))
}

/// The error for such a file.
pub(super) fn packed_otherwise() -> Error {
    Error::new(Code::Archive, "an archive of a kind that is not read (.tar.gz, .tgz and .tar are): passed over")
        .hint("unpack it, and give the folder instead")
}

/// Whether a path holds a name that an operating system leaves beside people's files (`._a.xml`, `__MACOSX`), or a hidden
/// one.
pub(super) fn is_leftover(path: &str) -> bool {
    path.split('/').any(|name| name != "." && (name.starts_with('.') || crate::files::is_leftover(name)))
}

/// Whether a name has an ending, in any case.
pub(super) fn ends_with(name: &str, ending: &str) -> bool {
    let (name, ending) = (name.as_bytes(), ending.as_bytes());
    name.len() >= ending.len() && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending)
}

/// The last part of a member's name, without its ending.
pub(super) fn stem_of(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// A member, and where its data begin in the unpacked archive.
struct Place {
    name: String,
    byte: u64,
}

impl Place {
    fn text(&self) -> String {
        if self.byte == 0 {
            return "the first member".to_string();
        }
        format!("member {:?} at byte {} of the unpacked archive", self.name, self.byte)
    }
}

/// Whether a name stays in the folder it is put in, or why not.
pub(super) fn plain_name(name: &[u8]) -> Result<(), &'static str> {
    let Ok(text) = std::str::from_utf8(name) else { return Err("is not UTF-8") };
    if text.contains('\0') {
        return Err("holds a NUL");
    }
    if text.starts_with('/') || text.contains('\\') {
        return Err("is absolute");
    }
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if Path::new(text).components().all(plain) { Ok(()) } else { Err("leaves its folder") }
}

fn cut_short(read: usize, size: u64) -> Error {
    let message = format!("the archive ends inside the member, after {read} of {size} bytes");
    Error::new(Code::Archive, message).hint("download it again")
}

/// An error of the gzip or tar reader in the library's own terms.
fn explain(cause: io::Error) -> Error {
    match cause.kind() {
        ErrorKind::FileTooLarge => Error::new(Code::Limit, cause.to_string()),
        ErrorKind::UnexpectedEof => {
            Error::new(Code::Archive, "the archive is cut short").because(cause).hint("download it again")
        }
        _ => Error::new(Code::Archive, "the archive is corrupt").because(cause).hint("download it again"),
    }
}

/// Ends in an error once more bytes were asked for than the member at hand may have.
struct Metered<R> {
    inner: R,
    budget: Rc<Cell<u64>>,
    position: Cell<u64>,
}

impl<R: BufRead> Metered<R> {
    /// How many of some bytes may still be had.
    fn allowed(&self, wanted: u64) -> io::Result<u64> {
        let left = self.budget.get();
        if left == 0 && wanted > 0 {
            return Err(over_limit(format!("the headers of one member take more than {HEADER_BYTES} bytes")));
        }
        Ok(left.min(wanted))
    }

    fn spend(&self, count: usize) {
        self.budget.set(self.budget.get() - count as u64);
        self.position.set(self.position.get() + count as u64);
    }
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.allowed(buffer.len() as u64)? as usize;
        let count = self.inner.read(&mut buffer[..most])?;
        self.spend(count);
        Ok(count)
    }
}

/// Forward only, by passing over what is there.
impl<R: BufRead> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Current(offset) = to else { return Err(io::Error::from(ErrorKind::Unsupported)) };
        let mut left = u64::try_from(offset).map_err(|_| io::Error::from(ErrorKind::Unsupported))?;
        while left > 0 {
            let most = self.allowed(left)?;
            let there = self.inner.fill_buf()?.len() as u64;
            if there == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof));
            }
            let count = most.min(there);
            self.inner.consume(count as usize);
            self.spend(count as usize);
            left -= count;
        }
        Ok(self.position.get())
    }
}
