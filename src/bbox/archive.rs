//! The members of one tar, streamed and checked: only regular files with plain names are ever read.

use std::cell::Cell;
use std::io::{self, BufRead, ErrorKind, Read};
use std::path::{Component, Path};
use std::rc::Rc;

use tar::EntryType;

use super::gunzip::{Gunzip, Trailing, over_limit};
use super::limits::Limits;
use crate::error::{Code, Error, Result};
use crate::store::Reject;

/// Long names and extended headers of one member together; GNU tar's own are far below.
const HEADER_BYTES: u64 = 1 << 20;

/// A member that was met.
pub(super) enum Member {
    /// An XML file, read.
    Xml { name: String, bytes: Vec<u8> },
    /// An archive inside the archive, read but not unpacked.
    Archive { name: String, bytes: Vec<u8> },
    /// A member that is skipped.
    Skipped(Reject),
}

/// Calls `visit` for each member of the archive in order, then reads to the end, so that every checksum was checked.
/// Members that are neither XML nor archives are passed over.
///
/// # Errors
/// The archive is not gzip nor tar, cut, corrupt, or a member is larger than a limit; and whatever `visit` returns.
pub(super) fn walk(
    input: impl BufRead,
    source: &str,
    limits: &Limits,
    visit: &mut dyn FnMut(Member) -> Result<()>,
) -> Result<Trailing> {
    let budget = Rc::new(Cell::new(0));
    let stream = Gunzip::open(input, limits.inflate_ratio).map_err(|error| error.or_path(source))?;
    let mut archive = tar::Archive::new(Metered { inner: stream, budget: Rc::clone(&budget) });
    let mut place = Place { name: String::new(), byte: 0 };
    let fault = |place: &Place, cause: io::Error| explain(cause).path(source).place(place.text());
    // The bytes of a member that was not read: the tar reader passes over them before the next header.
    let mut unread = 0;
    let mut entries = archive.entries().map_err(|cause| fault(&place, cause))?;
    loop {
        budget.set(HEADER_BYTES.saturating_add(unread));
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|cause| fault(&place, cause))?;
        let size = entry.size();
        unread = size;
        let bytes = entry.path_bytes().into_owned();
        let name = String::from_utf8_lossy(&bytes).into_owned();
        place = Place { name: name.clone(), byte: entry.raw_file_position() };
        let kind = entry.header().entry_type();
        let reject = |code: Code, message: String| {
            Member::Skipped(Reject::of("boxes", &name, &Error::new(code, message).path(source)))
        };
        if kind == EntryType::Directory || kind == EntryType::XGlobalHeader {
            continue;
        }
        if let Err(why) = plain_name(&bytes) {
            visit(reject(Code::Archive, format!("the name {name:?} {why}, expected a plain relative one")))?;
            continue;
        }
        if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
            visit(reject(Code::Archive, format!("the member is no regular file but {kind:?}")))?;
            continue;
        }
        let packed = is_archive(&name);
        if !packed && !name.to_ascii_lowercase().ends_with(".xml") {
            if size > limits.member_bytes {
                return Err(too_large(size, limits.member_bytes).path(source).place(place.text()));
            }
            continue;
        }
        if size > limits.member_bytes {
            return Err(too_large(size, limits.member_bytes).path(source).place(place.text()));
        }
        if !packed && size > limits.xml_bytes {
            visit(reject(Code::Limit, format!("{size} bytes of XML, at most {} are read", limits.xml_bytes)))?;
            continue;
        }
        budget.set(size);
        let mut bytes = Vec::with_capacity(size.min(1 << 20) as usize);
        (&mut entry).take(size).read_to_end(&mut bytes).map_err(|cause| fault(&place, cause))?;
        if bytes.len() as u64 != size {
            let message = format!("the archive ends inside the member, after {} of {size} bytes", bytes.len());
            return Err(Error::new(Code::Archive, message).path(source).place(place.text()).hint("download it again"));
        }
        unread = 0;
        visit(if packed { Member::Archive { name, bytes } } else { Member::Xml { name, bytes } })?;
    }
    let mut rest = archive.into_inner();
    budget.set(u64::MAX);
    let mut buffer = [0; 1 << 14];
    while rest.read(&mut buffer).map_err(|cause| explain(cause).path(source).place("the end of the archive"))? > 0 {}
    Ok(rest.inner.trailing())
}

/// Whether a file's name says that it is an archive.
pub(super) fn is_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".tar.gz", ".tgz", ".tar"].iter().any(|ending| name.ends_with(ending))
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

fn plain_name(name: &[u8]) -> Result<(), &'static str> {
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

fn too_large(size: u64, limit: u64) -> Error {
    Error::new(Code::Limit, format!("the member claims {size} bytes, at most {limit} are read"))
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
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.get();
        if left == 0 && !buffer.is_empty() {
            return Err(over_limit(format!("the headers of one member take more than {HEADER_BYTES} bytes")));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        self.budget.set(left - count as u64);
        Ok(count)
    }
}
