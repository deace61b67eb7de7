//! Where the numbers of a checkpoint lie: both forms of `torch.save`, the old one and the zip. All that such a file says of
//! itself is compared with the file here, before any of its numbers are read.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use super::choice::Choice;
use super::foreign;
use super::pickle::{self, Described, TensorRecord, cut};
use crate::error::{Code, Error, Result};

/// Largest pickle in a checkpoint.
const MAX_PICKLE_BYTES: u64 = 64 << 20;
/// Records of a zip: a storage each, and a few more; and bytes of the list of them.
const MAX_RECORDS: u64 = 2 * pickle::MAX_TENSORS as u64;
const MAX_DIRECTORY_BYTES: u64 = 8 << 20;

/// The old form of `torch.save` begins so: a pickle of protocol 2 that holds a number agreed upon.
const LEGACY_MAGIC: [u8; 15] = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];
/// The version of that form, pickled.
const LEGACY_VERSION: [u8; 6] = [0x80, 2, b'M', 0xe9, 3, b'.'];

/// The tensors of a file and the places of their storages.
#[derive(Debug)]
pub struct Layout {
    /// By name; each lies within its storage, and each storage within the file.
    pub tensors: Vec<(String, TensorRecord)>,
    /// What there is to say about how they were found.
    pub remarks: Vec<String>,
    places: HashMap<String, Place>,
}

/// Where a storage, or a record of a zip, lies in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    bytes: u64,
    /// Its CRC-32, which the zip form has.
    checksum: Option<u32>,
}

impl Layout {
    /// The layout of a file as `torch.save` writes it; `None` for a file that begins in another way.
    ///
    /// # Errors
    /// [`Code::Io`] if the file cannot be read; [`Code::Checkpoint`] if it is cut or corrupt, or holds anything but
    /// tensors: it says which, or at which byte; or if what was chosen is not in it. [`Code::Limit`] for more than
    /// any network has.
    pub fn of(file: &mut (impl Read + Seek), choice: &Choice) -> Result<Option<Layout>> {
        let size = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let mut beginning = Vec::new();
        file.take(LEGACY_MAGIC.len() as u64).read_to_end(&mut beginning).map_err(unreadable)?;
        let layout = if beginning.starts_with(b"PK\x03\x04") {
            of_zip(file, size, choice)?
        } else if beginning == LEGACY_MAGIC {
            of_legacy(file, size, choice)?
        } else {
            return Ok(None);
        };
        for (name, record) in &layout.tensors {
            within_storage(record).map_err(|error| error.place(format!("tensor {name}")))?;
        }
        Ok(Some(layout))
    }

    /// The bytes of a tensor's storage.
    ///
    /// # Errors
    /// [`Code::Io`] if the file cannot be read, [`Code::Checkpoint`] if the storage's checksum is wrong.
    pub fn storage(&self, file: &mut (impl Read + Seek), record: &TensorRecord) -> Result<Vec<u8>> {
        let place = self.places.get(&record.storage).ok_or_else(|| broken("its storage is not in the file"))?;
        place.read(file)
    }
}

impl Place {
    /// The bytes there. A place lies within the file, so no more is asked for than there is.
    fn read(self, file: &mut (impl Read + Seek)) -> Result<Vec<u8>> {
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

pub(super) fn broken(what: impl Into<String>) -> Error {
    Error::new(Code::Checkpoint, what)
}

fn unreadable(cause: std::io::Error) -> Error {
    Error::new(Code::Io, "cannot be read")
        .because(cause)
        .hint("check the path of the weights: --weights, or the network's in study.json")
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn of_zip(file: &mut (impl Read + Seek), size: u64, choice: &Choice) -> Result<Layout> {
    let records = records(file, size, choice)?;
    let pickles: Vec<(&String, &Place)> = records.iter().filter(|(name, _)| name.ends_with("/data.pkl")).collect();
    let [(name, place)] = pickles[..] else {
        return Err(broken(format!("{} members named data.pkl, expected one", pickles.len())));
    };
    let folder = name.trim_end_matches("data.pkl");
    if let Some(order) = records.get(&format!("{folder}byteorder"))
        && at_most(*order, 64).and_then(|place| place.read(file))? != b"little"
    {
        return Err(broken("the numbers are big-endian, expected little-endian"));
    }
    let described = pickle::describe(&at_most(*place, MAX_PICKLE_BYTES)?.read(file)?, choice)?;
    let mut places = HashMap::new();
    for (name, record) in &described.tensors {
        let tensor = |error: Error| error.place(format!("tensor {name}"));
        let member = format!("{folder}data/{}", record.storage);
        let found = || tensor(broken(format!("no member {}", cut(&member))));
        let place = *records.get(&member).ok_or_else(found)?;
        let claimed = record.storage_count.checked_mul(record.kind.bytes());
        if claimed != Some(place.bytes) {
            let expected = claimed.map_or("more than there can be".to_string(), |bytes| bytes.to_string());
            return Err(tensor(broken(format!("its storage holds {} bytes, expected {expected}", place.bytes))));
        }
        places.insert(record.storage.clone(), place);
    }
    let Described { tensors, remarks, .. } = described;
    Ok(Layout { tensors, remarks, places })
}

/// A place of at most so many bytes.
fn at_most(place: Place, limit: u64) -> Result<Place> {
    if place.bytes > limit {
        return Err(Error::new(Code::Limit, format!("a member of {} bytes, at most {limit}", place.bytes)));
    }
    Ok(place)
}

/// The number of so many bytes at a place, little-endian.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The records of a zip by name, read more strictly than a general reader would: each lies whole in the file and apart from
/// the others, is stored as it is, and no name comes twice; the directory is where the last 22 bytes of the file say, and
/// nothing else is in it. So torch writes them, and only so can their sizes be believed (APPNOTE.TXT 6.3.10, 4.3).
fn records(file: &mut (impl Read + Seek), size: u64, choice: &Choice) -> Result<HashMap<String, Place>> {
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

/// The old form: a magic number, a version, facts about the machine, the table, the storages' names, each pickled; then the
/// storages in the order of their names, each after the count of its numbers.
fn of_legacy(file: &mut (impl Read + Seek), size: u64, choice: &Choice) -> Result<Layout> {
    let mut head = Vec::new();
    file.rewind().map_err(unreadable)?;
    file.take(MAX_PICKLE_BYTES).read_to_end(&mut head).map_err(unreadable)?;
    let mut at = LEGACY_MAGIC.len();
    if !head[at..].starts_with(&LEGACY_VERSION) {
        return Err(broken("an old .pth of another version than 1001").place(format!("byte {at}")));
    }
    at += LEGACY_VERSION.len();
    let (little, length) = pickle::little_endian(&head[at..])?;
    if !little {
        return Err(broken("the numbers are big-endian, expected little-endian"));
    }
    at += length;
    let described = pickle::describe(&head[at..], choice)?;
    at += described.length;
    let (names, length) = pickle::texts(&head[at..])?;
    at += length;
    let mut places: HashMap<String, Place> = HashMap::new();
    let mut position = at as u64;
    for (number, name) in names.iter().enumerate() {
        let which = format!("storage {} of {}", number + 1, names.len());
        let (kind, count) =
            described.storages.get(*name).ok_or_else(|| broken(format!("{which} is named by no tensor")))?;
        let bytes = count.checked_mul(kind.bytes()).ok_or_else(|| broken(format!("{which} is too large")))?;
        let end = position.checked_add(8).and_then(|start| start.checked_add(bytes)).filter(|end| *end <= size);
        let end = end.ok_or_else(|| {
            let of = described.tensors.iter().find(|(_, record)| record.storage == **name);
            let of = of.map_or(String::new(), |(tensor, _)| format!(", of tensor {tensor}"));
            broken(format!("the file is cut: it ends inside {which}{of}")).hint("fetch it again")
        })?;
        let mut stored = [0; 8];
        file.seek(SeekFrom::Start(position)).and_then(|_| file.read_exact(&mut stored)).map_err(unreadable)?;
        if u64::from_le_bytes(stored) != *count {
            let found = u64::from_le_bytes(stored);
            return Err(broken(format!("{which} says that it holds {found} numbers, its tensors say {count}")));
        }
        if places.insert(name.to_string(), Place { start: position + 8, bytes, checksum: None }).is_some() {
            return Err(broken(format!("{which} comes twice")));
        }
        position = end;
    }
    for (name, record) in &described.tensors {
        if !places.contains_key(&record.storage) {
            return Err(broken("its storage is not in the file").place(format!("tensor {name}")));
        }
    }
    let Described { tensors, remarks, .. } = described;
    Ok(Layout { tensors, remarks, places })
}

/// A tensor is a view of its storage, and has no more numbers than that.
fn within_storage(record: &TensorRecord) -> Result<()> {
    let too_large = || broken(format!("shape {:?}, strides {:?} are too large", record.shape, record.strides));
    let (mut numbers, mut last) = (1i64, record.offset);
    for (&side, &stride) in record.shape.iter().zip(&record.strides) {
        if side < 0 || stride < 0 {
            return Err(broken(format!("shape {:?}, strides {:?}", record.shape, record.strides)));
        }
        numbers = numbers.checked_mul(side).ok_or_else(too_large)?;
        let reach = (side - 1).max(0).checked_mul(stride).ok_or_else(too_large)?;
        last = last.checked_add(reach).ok_or_else(too_large)?;
    }
    let count = record.storage_count;
    if record.offset < 0 || (numbers > 0 && last as u64 >= count) {
        return Err(broken(format!("reaches number {last} of a storage of {count}")));
    }
    if numbers as u64 > count {
        return Err(broken(format!("has {numbers} numbers, and its storage {count}"))
            .hint("a tensor that was expanded is saved whole by tensor.clone()"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::probe::{check, packed};
    use crate::mutations::hunt;

    /// Operations and words of a pickle, and numbers at the ends of their ranges.
    const WORDS: [&[u8]; 32] = [
        b"(",
        b"t",
        b"tR",
        b"tQ",
        b"}",
        b"u",
        b"s",
        b"q\x00",
        b"h\x00",
        b"\x85",
        b"\x86",
        b"N",
        b"K\xff",
        b"M\xff\xff",
        b"J\xff\xff\xff\xff",
        b"J\xff\xff\xff\x7f",
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"X\x05\0\0\0model",
        b"ctorch\nFloatStorage\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ccollections\nOrderedDict\n)R",
        b"ccollections\nCounter\n",
        b"c__builtin__\nset\n](K\x01e\x85R",
        b"ctorch._utils\n_rebuild_tensor_v3\n",
        b"ctorch._tensor\n_rebuild_from_type_v2\n",
        b"ctorch\nFloatTensor\n)R",
        b"ctorch.nn\nLinear\n)\x81",
        b"\x8b\xff\xff\xff\x7f",
        b"\x8f(\x90",
        b"b",
        b"0",
        b"\x80\x02",
    ];

    /// A file that counts what is read of it.
    struct Counted<'a>(std::io::Cursor<&'a [u8]>, usize);

    impl std::io::Read for Counted<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read(into)?;
            self.1 += count;
            Ok(count)
        }
    }

    impl std::io::Seek for Counted<'_> {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn bad_input_44_a_zip_that_cannot_be_believed_is_read_once_at_most() {
        // A directory that is nothing but beginnings of records, one that lies elsewhere, and a count of millions in
        // zip64.
        let end = |count: u16, size: u32, start: u32| {
            let counts = [count.to_le_bytes(), count.to_le_bytes()].concat();
            [b"PK\x05\x06\0\0\0\0", &counts[..], &size.to_le_bytes(), &start.to_le_bytes(), &[0, 0]].concat()
        };
        let starts = b"PK\x01\x02".repeat(15 << 20);
        let zip64 =
            [&b"PK\x06\x06"[..], &[0; 28], &5_000_000u64.to_le_bytes(), &[0; 16], b"PK\x06\x07", &[0; 16]].concat();
        for (what, bytes) in [
            ("is broken", [b"PK\x03\x04", &starts[..], &end(1, 46, 4)].concat()),
            ("at most 40000", [b"PK\x03\x04", &starts[..], &end(1, starts.len() as u32, 4)].concat()),
            ("outside of it", [b"PK\x03\x04", &starts[..], &end(1, 46, 0x7fff_ffff)].concat()),
            ("at most 40000", [b"PK\x03\x04", &starts[..], &zip64, &end(3, 46, u32::MAX)].concat()),
            // As many records as there may be, all of one header.
            ("two records", {
                let name = b"a/data.pkl";
                let length = (name.len() as u16).to_le_bytes();
                let record = [&b"PK\x01\x02"[..], &[0; 24], &length, &[0; 16], name].concat();
                let (count, size) = (40_000u16, 40_000 * record.len() as u32);
                let header = [&b"PK\x03\x04"[..], &[0; 26]].concat();
                [&header[..], &record.repeat(40_000), &end(count, size, header.len() as u32)].concat()
            }),
        ] {
            let mut file = Counted(std::io::Cursor::new(&bytes), 0);
            let error = Layout::of(&mut file, &Choice::default()).unwrap_err().to_string();
            assert!(error.contains(what), "{what}: {error}");
            assert!(file.1 <= bytes.len() + 1000, "{what}: {} bytes read of {}", file.1, bytes.len());
        }
    }

    #[test]
    fn mutations_of_the_old_form() {
        hunt("legacy", 20_000, &WORDS, check);
    }

    #[test]
    fn mutations_of_the_zip_form() {
        hunt("zip", 10_000, &WORDS, check);
    }

    #[test]
    fn mutations_of_pickles_in_a_sound_zip() {
        hunt("zip", 10_000, &WORDS, |pickle| check(&packed(pickle)));
    }
}
