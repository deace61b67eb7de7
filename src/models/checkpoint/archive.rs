//! The records of a zip as `torch.save` writes it, and no other.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use super::choice::Choice;
use super::foreign;
use super::pickle::MAX_TENSORS;
use super::words::{broken, cut};
use crate::error::{Code, Error, Result};

/// Records of a zip: a storage each, and a few more; and bytes of the list of them.
const MAX_RECORDS: u64 = 2 * MAX_TENSORS as u64;
const MAX_DIRECTORY_BYTES: u64 = 8 << 20;

/// Where a storage, or a record of a zip, lies in the file.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub start: u64,
    pub bytes: u64,
    /// Its CRC-32, which the zip form has.
    pub checksum: Option<u32>,
}

impl Place {
    /// The bytes there. A place lies within the file, so no more is asked for than there is.
    pub fn read(self, file: &mut (impl Read + Seek)) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.bytes as usize];
        file.seek(SeekFrom::Start(self.start)).and_then(|_| file.read_exact(&mut bytes)).map_err(unreadable)?;
        match self.checksum {
            Some(expected) if checksum(&bytes) != expected => {
                Err(broken("its bytes are corrupt: another checksum").hint("fetch the file again"))
            }
            _ => Ok(bytes),
        }
    }
}

pub(crate) fn unreadable(cause: std::io::Error) -> Error {
    Error::new(Code::Io, "cannot be read")
        .because(cause)
        .hint("check the path of the weights: --weights, or the network's in study.json")
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The number of so many bytes at a place, little-endian.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The records of a zip by name, read more strictly than a general reader would: each lies whole in the file and apart from
/// the others, is stored as it is, and no name comes twice; the directory is where the last 22 bytes of the file say, and
/// nothing else is in it. So torch writes them, and only so can their sizes be believed (APPNOTE.TXT 6.3.10, 4.3).
pub fn records(file: &mut (impl Read + Seek), size: u64, choice: &Choice) -> Result<HashMap<String, Place>> {
    let (count, start, bytes) = directory(file, size)?;
    if count > MAX_RECORDS || bytes > MAX_DIRECTORY_BYTES {
        let found = format!("{count} records in the zip, {bytes} bytes of names");
        return Err(Error::new(Code::Limit, format!("{found}; at most {MAX_RECORDS} and {MAX_DIRECTORY_BYTES}")));
    }
    if start.checked_add(bytes).is_none_or(|end| end > size) {
        return Err(broken("not a whole zip: its directory lies outside of it").hint("fetch it again"));
    }
    let directory = Place { start, bytes, checksum: None }.read(file)?;
    if let Some(error) = foreign::zip(&entry_names(&directory), choice) {
        return Err(error);
    }
    let mut records = HashMap::new();
    let mut spans: Vec<(u64, u64, String)> = Vec::new();
    let mut at = 0;
    for index in 0..count {
        let cut_off = || broken(format!("not a whole zip: record {} of {count} is broken", index + 1));
        let entry = directory.get(at..).filter(|rest| rest.starts_with(b"PK\x01\x02") && rest.len() >= 46);
        let entry = entry.ok_or_else(cut_off)?;
        let [name, extra, comment] = [28, 30, 32].map(|field| number(entry, field, 2) as usize);
        let after = entry.get(46..46 + name + extra + comment).ok_or_else(cut_off)?;
        at += 46 + name + extra + comment;
        let (name, extra) = (&after[..name], &after[name..name + extra]);
        let name = std::str::from_utf8(name).map_err(|_| broken("a record whose name is not UTF-8"))?.to_string();
        let [numbers, packed, local] =
            wide([24, 20, 42].map(|field| number(entry, field, 4)), extra).ok_or_else(cut_off)?;
        if number(entry, 10, 2) != 0 || numbers != packed {
            return Err(broken(format!("record {} is compressed, which torch.save never does", cut(&name)))
                .hint("another program packed the file again: take the one that torch wrote"));
        }
        let outside = || {
            let found = format!("record {} says that it is {numbers} bytes, more than the file has", cut(&name));
            broken(found).hint("fetch the file again")
        };
        if local.checked_add(30).is_none_or(|end| end > size) {
            return Err(outside());
        }
        let header = Place { start: local, bytes: 30, checksum: None }.read(file)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(cut_off());
        }
        let start = local + 30 + number(&header, 26, 2) + number(&header, 28, 2);
        let end = start.checked_add(numbers).filter(|end| *end <= size).ok_or_else(outside)?;
        spans.push((start, end, name.clone()));
        let place = Place { start, bytes: numbers, checksum: Some(number(entry, 16, 4) as u32) };
        if records.insert(name.clone(), place).is_some() {
            return Err(broken(format!("two records are named {}", cut(&name))));
        }
    }
    if at != directory.len() {
        return Err(broken(format!("the zip's directory has {} bytes after its records", directory.len() - at)));
    }
    spans.sort();
    match spans.windows(2).find(|pair| pair[1].0 < pair[0].1) {
        Some(pair) => Err(broken(format!("records {} and {} overlap", cut(&pair[0].2), cut(&pair[1].2)))),
        None => Ok(records),
    }
}

/// The names in a zip's directory, as far as it can be followed.
fn entry_names(mut directory: &[u8]) -> Vec<&str> {
    let mut names = Vec::new();
    while directory.starts_with(b"PK\x01\x02") && directory.len() >= 46 {
        let [name, extra, comment] = [28, 30, 32].map(|field| number(directory, field, 2) as usize);
        let Some(after) = directory.get(46 + name + extra + comment..) else { break };
        names.extend(std::str::from_utf8(&directory[46..46 + name]));
        directory = after;
    }
    names
}

/// How many records a zip has, and where the directory of them begins and how many bytes it has: by the last 22 bytes, as
/// torch writes no comment, and by the 56 bytes before the 20 before those for what does not fit there.
fn directory(file: &mut (impl Read + Seek), size: u64) -> Result<(u64, u64, u64)> {
    let place = Place { start: size.saturating_sub(98), bytes: size.min(98), checksum: None };
    let tail = place.read(file)?;
    let (before, end) = tail.split_at(tail.len().saturating_sub(22));
    if !end.starts_with(b"PK\x05\x06") || end.len() < 22 || number(end, 20, 2) != 0 {
        return Err(broken("not a whole zip: it has no end").hint("fetch it again"));
    }
    let (count, bytes, start) = (number(end, 10, 2), number(end, 12, 4), number(end, 16, 4));
    if count != u64::from(u16::MAX) && ![bytes, start].contains(&u64::from(u32::MAX)) {
        return Ok((count, start, bytes));
    }
    if !before.starts_with(b"PK\x06\x06") || before.len() < 76 {
        return Err(broken("not a whole zip: its zip64 end is missing").hint("fetch it again"));
    }
    Ok((number(before, 32, 8), number(before, 48, 8), number(before, 40, 8)))
}

/// Sizes and place of a record: those that do not fit 32 bits stand in its zip64 field, in this order.
fn wide(narrow: [u64; 3], mut extra: &[u8]) -> Option<[u64; 3]> {
    let full = u64::from(u32::MAX);
    let mut field: &[u8] = &[];
    while extra.len() >= 4 {
        let (kind, length) = (number(extra, 0, 2), number(extra, 2, 2) as usize);
        let content = extra.get(4..4 + length)?;
        if kind == 1 {
            field = content;
        }
        extra = &extra[4 + length..];
    }
    let mut found = narrow;
    for value in found.iter_mut().filter(|value| **value == full) {
        let (first, rest) = field.split_at_checked(8)?;
        (*value, field) = (number(first, 0, 8), rest);
    }
    Some(found)
}
