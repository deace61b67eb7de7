//! One member of a zip, read more strictly than a general reader would (APPNOTE.TXT 6.3.10, 4.3).

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::read::DeflateDecoder;

use crate::error::{Code, Error, Result, listed};

/// Bytes of the list of members that are read.
const MAX_DIRECTORY_BYTES: u64 = 1 << 20;
/// Lengths of the fixed parts: a member's entry in the list, its header before its bytes, the end of the zip.
const ENTRY: usize = 46;
const HEADER: u64 = 30;
const END: u64 = 22;

/// A member as the list of a zip has it.
struct Member {
    name: Vec<u8>,
    flags: u64,
    method: u64,
    checksum: u32,
    packed: u64,
    size: u64,
    /// Where its header is.
    header: u64,
}

/// Where the bytes of a member go.
pub(super) struct Out<'p, W> {
    pub file: W,
    /// Its path, for messages.
    pub path: &'p Path,
}

/// Writes the bytes of one member of a zip of `size` bytes, at most `limit` of them. The list of members stands at
/// the end and nothing after it; the member is there once, stored or deflated, exactly as long as the list says, and its
/// checksum is right.
///
/// # Errors
/// [`Code::Archive`] if any of it is otherwise; [`Code::Limit`] if it says that it is larger than `limit`; [`Code::Io`] if
/// they cannot be written.
pub(super) fn copy_member(
    zip: &mut (impl Read + Seek),
    size: u64,
    name: &str,
    limit: u64,
    out: &mut Out<'_, impl Write>,
) -> Result<()> {
    let (members, end) = members(zip, size)?;
    let member = the_one(&members, name)?;
    let start = start_of(zip, member, end)?;
    if member.size > limit {
        return Err(Error::new(Code::Limit, format!("{} bytes, at most {limit} are read", member.size)));
    }
    zip.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let packed = zip.take(member.packed);
    if member.method == 0 {
        return copy_counted(packed, member, out).map(drop);
    }
    let inflated = copy_counted(DeflateDecoder::new(packed), member, out)?;
    match member.packed - inflated.total_in() {
        0 => Ok(()),
        more => Err(broken(format!("{more} bytes stand after its end"))),
    }
}

fn broken(what: impl Into<String>) -> Error {
    Error::new(Code::Archive, what)
}

fn unreadable(cause: std::io::Error) -> Error {
    broken("cannot be read").because(cause)
}

/// The number of so many bytes at a place, little-endian.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn read(zip: &mut (impl Read + Seek), start: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    zip.seek(SeekFrom::Start(start)).and_then(|_| zip.read_exact(&mut bytes)).map_err(unreadable)?;
    Ok(bytes)
}

/// The list of members, and where it begins: there the bytes of all members end.
fn members(zip: &mut (impl Read + Seek), size: u64) -> Result<(Vec<Member>, u64)> {
    let cut = || broken("not a whole zip: it has no end").hint("fetch it again");
    let after = size.checked_sub(END).ok_or_else(cut)?;
    let end = read(zip, after, END)?;
    // A comment would stand after the end, and parts of a zip in several files have numbers.
    if !end.starts_with(b"PK\x05\x06") || [4, 6, 20].iter().any(|&at| number(&end, at, 2) != 0) {
        return Err(cut());
    }
    let (count, bytes, start) = (number(&end, 10, 2), number(&end, 12, 4), number(&end, 16, 4));
    if bytes > MAX_DIRECTORY_BYTES {
        return Err(Error::new(Code::Limit, format!("{bytes} bytes of names, at most {MAX_DIRECTORY_BYTES} are read")));
    }
    // So a zip64, too, is refused, whose numbers here are the largest.
    if start + bytes != after {
        return Err(broken("not a whole zip: its list of members is not before its end").hint("fetch it again"));
    }
    let directory = read(zip, start, bytes)?;
    let mut rest = directory.as_slice();
    let mut members = Vec::new();
    for index in 0..count {
        let (member, after) =
            entry(rest).ok_or_else(|| broken(format!("member {} of {count} in its list is broken", index + 1)))?;
        members.push(member);
        rest = after;
    }
    match rest.len() {
        0 => Ok((members, start)),
        more => Err(broken(format!("its list of members has {more} bytes more"))),
    }
}

/// The first member of the rest of a list, and what stands after it.
fn entry(list: &[u8]) -> Option<(Member, &[u8])> {
    if !list.starts_with(b"PK\x01\x02") || list.len() < ENTRY {
        return None;
    }
    let [name, extra, comment] = [28, 30, 32].map(|at| number(list, at, 2) as usize);
    let after = list.get(ENTRY + name + extra + comment..)?;
    let member = Member {
        name: list[ENTRY..ENTRY + name].to_vec(),
        flags: number(list, 8, 2),
        method: number(list, 10, 2),
        checksum: number(list, 16, 4) as u32,
        packed: number(list, 20, 4),
        size: number(list, 24, 4),
        header: number(list, 42, 4),
    };
    Some((member, after))
}

/// The member of a name, which is there once and packed in a way that is read.
fn the_one<'m>(members: &'m [Member], name: &str) -> Result<&'m Member> {
    let mut found = members.iter().filter(|member| member.name == name.as_bytes());
    let member = found.next().ok_or_else(|| {
        let text = |member: &Member| String::from_utf8_lossy(&member.name).escape_debug().take(80).collect::<String>();
        let names: Vec<String> = members.iter().map(text).filter(|other| other.ends_with(".pth")).collect();
        let there = if names.is_empty() { "no .pth at all".into() } else { listed(&names, 4) };
        broken(format!("no such member; there is {there}"))
    })?;
    if found.next().is_some() {
        return Err(broken("two members have this name"));
    }
    // Bits 1 and 2 say how hard it was packed, 3 that its sizes stand behind it as well, 11 that its name is UTF-8.
    if member.flags & !0b1000_0000_1110 != 0 {
        return Err(broken("it is encrypted, or packed in a way that is not read"));
    }
    match member.method {
        0 if member.packed != member.size => Err(broken("it is stored, and not as long as it says")),
        0 | 8 => Ok(member),
        other => Err(broken(format!("it is packed by method {other}, expected stored or deflated"))),
    }
}

/// Where the bytes of a member begin: all of them before `end`.
fn start_of(zip: &mut (impl Read + Seek), member: &Member, end: u64) -> Result<u64> {
    let elsewhere = || broken("its bytes are not where the list of members says").hint("fetch it again");
    if member.header + HEADER > end {
        return Err(elsewhere());
    }
    let header = read(zip, member.header, HEADER)?;
    let (name, extra) = (number(&header, 26, 2), number(&header, 28, 2));
    let start = member.header + HEADER + name + extra;
    if !header.starts_with(b"PK\x03\x04") || number(&header, 8, 2) != member.method || start + member.packed > end {
        return Err(elsewhere());
    }
    match read(zip, member.header + HEADER, name)? == member.name {
        true => Ok(start),
        false => Err(elsewhere()),
    }
}

/// Copies what a member unpacks to, no more than it says, and gives back what it was read from.
fn copy_counted<R: Read>(mut from: R, member: &Member, out: &mut Out<'_, impl Write>) -> Result<R> {
    let (mut checksum, mut piece, mut copied) = (flate2::Crc::new(), vec![0; 1 << 16], 0);
    loop {
        let count = from.read(&mut piece).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        copied += count as u64;
        if copied > member.size {
            return Err(broken(format!("it unpacks to more than the {} bytes that it says", member.size)));
        }
        checksum.update(&piece[..count]);
        out.file.write_all(&piece[..count]).map_err(|cause| Error::io("writing", out.path, cause))?;
    }
    if copied < member.size {
        return Err(broken(format!("it ends after {copied} of {} bytes", member.size)).hint("fetch it again"));
    }
    match checksum.sum() == member.checksum {
        true => Ok(from),
        false => Err(broken("its bytes are corrupt: another checksum").hint("fetch it again")),
    }
}

/// Zips as a test wants them, right or broken.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod made {
    use std::io::Write;

    /// A member as it is written down, whatever is true of it.
    #[derive(Clone)]
    pub(crate) struct Made {
        pub name: String,
        pub flags: u16,
        pub method: u16,
        pub checksum: u32,
        pub size: u32,
        pub packed: Vec<u8>,
    }

    impl Made {
        /// A member that is right, deflated.
        pub(crate) fn deflated(name: impl Into<String>, bytes: &[u8]) -> Self {
            let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            deflate.write_all(bytes).unwrap();
            let mut crc = flate2::Crc::new();
            crc.update(bytes);
            let packed = deflate.finish().unwrap();
            Made { name: name.into(), flags: 0, method: 8, checksum: crc.sum(), size: bytes.len() as u32, packed }
        }

        /// A member that is right, as it is.
        pub(crate) fn stored(name: impl Into<String>, bytes: &[u8]) -> Self {
            Made { method: 0, packed: bytes.to_vec(), ..Made::deflated(name, bytes) }
        }

        /// What its header and its entry in the list have in common.
        fn facts(&self) -> Vec<u8> {
            let mut bytes = Vec::new();
            [20, self.flags, self.method, 0, 0].iter().for_each(|field| bytes.extend(field.to_le_bytes()));
            let sizes = [self.checksum, self.packed.len() as u32, self.size];
            sizes.iter().for_each(|field| bytes.extend(field.to_le_bytes()));
            bytes.extend((self.name.len() as u32).to_le_bytes());
            bytes
        }
    }

    pub(crate) fn zipped(members: &[Made]) -> Vec<u8> {
        let (mut zip, mut list) = (Vec::new(), Vec::new());
        for member in members {
            list.extend(b"PK\x01\x02\x14\0");
            list.extend(member.facts());
            list.extend([0; 10]);
            list.extend((zip.len() as u32).to_le_bytes());
            list.extend(member.name.as_bytes());
            zip.extend(b"PK\x03\x04");
            zip.extend(member.facts());
            zip.extend(member.name.as_bytes());
            zip.extend(&member.packed);
        }
        let start = zip.len() as u32;
        zip.extend(&list);
        zip.extend(b"PK\x05\x06\0\0\0\0");
        let count = (members.len() as u16).to_le_bytes();
        zip.extend(count);
        zip.extend(count);
        zip.extend((list.len() as u32).to_le_bytes());
        zip.extend(start.to_le_bytes());
        zip.extend([0; 2]);
        zip
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::made::{Made, zipped};
    use super::*;

    fn member(zip: &[u8]) -> Result<Vec<u8>> {
        let mut out = Out { file: Vec::new(), path: Path::new("member") };
        copy_member(&mut Cursor::new(zip), zip.len() as u64, "w.pth", 1 << 20, &mut out)?;
        Ok(out.file)
    }

    fn refused(members: &[Made]) -> String {
        let error = member(&zipped(members)).unwrap_err();
        assert!(matches!(error.code(), Code::Archive | Code::Limit), "{error}");
        error.to_string()
    }

    fn numbers() -> Vec<u8> {
        (0..90_000u32).flat_map(|number| (number / 7).to_le_bytes()).collect()
    }

    #[test]
    fn a_member_stored_or_deflated_is_the_bytes_that_were_packed() {
        let others = [Made::deflated("a/__init__.py", b"import os"), Made::stored("b.pth", b"other")];
        for made in [Made::stored("w.pth", &numbers()), Made::deflated("w.pth", &numbers())] {
            let [first, last] = others.clone();
            assert_eq!(member(&zipped(&[first, made, last])).unwrap(), numbers());
        }
        assert_eq!(member(&zipped(&[Made::deflated("w.pth", b"")])).unwrap(), b"");
    }

    #[test]
    fn a_missing_member_is_named_beside_those_that_are_there_and_a_double_one_is_refused() {
        let text = refused(&[Made::stored("a/v.pth", b"v"), Made::stored("a/__init__.py", b"")]);
        assert!(text.contains("no such member; there is a/v.pth") && !text.contains("__init__"), "{text}");
        assert!(refused(&[]).contains("no .pth at all"));
        let text = refused(&[Made::stored("w.pth", b"one"), Made::stored("w.pth", b"two")]);
        assert!(text.contains("two members have this name"), "{text}");
    }

    #[test]
    fn a_bomb_is_refused_whether_it_says_its_size_or_not() {
        let zeros = vec![0; 4 << 20];
        let text = refused(&[Made::deflated("w.pth", &zeros)]);
        assert!(text.contains("4194304 bytes, at most 1048576"), "{text}");
        let mut out = Out { file: Vec::new(), path: Path::new("member") };
        let zip = zipped(&[Made { size: 1000, ..Made::deflated("w.pth", &zeros) }]);
        let error = copy_member(&mut Cursor::new(&zip), zip.len() as u64, "w.pth", 1 << 20, &mut out).unwrap_err();
        assert!(error.to_string().contains("more than the 1000 bytes that it says"), "{error}");
        assert!(out.file.len() <= 1000, "{}", out.file.len());
    }

    #[test]
    fn wrong_sizes_checksums_and_ways_of_packing_are_refused() {
        let whole = Made::deflated("w.pth", &numbers());
        let mut longer = whole.clone();
        longer.packed.extend([0; 9]);
        for (made, what) in [
            (Made { checksum: 7, ..whole.clone() }, "another checksum"),
            (Made { size: 360_001, ..whole.clone() }, "ends after 360000 of 360001"),
            (Made { flags: 1, ..whole.clone() }, "encrypted"),
            (Made { method: 12, ..whole.clone() }, "method 12"),
            (Made { method: 0, ..whole.clone() }, "not as long as it says"),
            (Made { packed: vec![0xff; 50], ..whole.clone() }, "cannot be read"),
            (longer, "9 bytes stand after its end"),
        ] {
            let text = refused(&[made]);
            assert!(text.contains(what), "{what}: {text}");
        }
    }

    #[test]
    fn a_full_disk_is_said_with_what_to_do() {
        let zip = zipped(&[Made::stored("w.pth", &[7; 9])]);
        let mut out =
            Out { file: std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap(), path: Path::new("w") };
        let error = copy_member(&mut Cursor::new(&zip), zip.len() as u64, "w.pth", 9, &mut out).unwrap_err();
        assert!(error.code() == Code::Io && error.to_string().contains("free some space"), "{error}");
    }

    #[test]
    fn a_zip_that_is_cut_or_lengthened_anywhere_is_refused() {
        let zip = zipped(&[Made::deflated("a.py", b"a"), Made::deflated("w.pth", b"some weights")]);
        for end in 0..zip.len() {
            assert!(member(&zip[..end]).is_err(), "{end}");
            assert!(member(&zip[end..]).is_err() || end == 0, "{end}");
        }
        assert!(member(&[&zip[..], b"\0"].concat()).unwrap_err().to_string().contains("it has no end"));
    }

    #[test]
    fn no_changed_byte_ends_in_a_panic_or_in_other_bytes() {
        let zip = zipped(&[Made::stored("a.py", b"a"), Made::deflated("w.pth", b"some weights, some weights")]);
        for at in 0..zip.len() {
            for bit in 0..8 {
                let mut changed = zip.clone();
                changed[at] ^= 1 << bit;
                if let Ok(bytes) = member(&changed) {
                    assert_eq!(bytes, b"some weights, some weights", "byte {at}");
                }
            }
        }
    }
}
