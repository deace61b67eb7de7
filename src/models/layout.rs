//! Where the numbers of a checkpoint lie: both forms of `torch.save`, the old one and the zip. All that such a file says of
//! itself is compared with the file here, before any of its numbers are read.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use super::pickle::{self, TensorRecord};
use crate::error::{Code, Error, Result};

/// Largest pickle in a checkpoint.
const MAX_PICKLE_BYTES: u64 = 64 << 20;
/// Records of a zip: a storage each, and a few more.
const MAX_RECORDS: u64 = 2 * pickle::MAX_TENSORS as u64;

/// The old form of `torch.save` begins so: a pickle of protocol 2 that holds a number agreed upon.
const LEGACY_MAGIC: [u8; 15] = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];
/// The version of that form, pickled.
const LEGACY_VERSION: [u8; 6] = [0x80, 2, b'M', 0xe9, 3, b'.'];

/// The tensors of a file and the places of their storages.
#[derive(Debug)]
pub struct Layout {
    /// By name; each lies within its storage, and each storage within the file.
    pub tensors: Vec<(String, TensorRecord)>,
    places: HashMap<String, Place>,
}

/// Where a storage lies in the file.
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
    /// [`Code::Io`] if the file cannot be read; [`Code::Checkpoint`] if it is cut or corrupt, or holds anything but tensors: it
    /// says which, or at which byte; [`Code::Limit`] for more than any network has.
    pub fn of(file: &mut (impl Read + Seek)) -> Result<Option<Layout>> {
        let size = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let mut beginning = Vec::new();
        file.take(LEGACY_MAGIC.len() as u64).read_to_end(&mut beginning).map_err(unreadable)?;
        let layout = if beginning.starts_with(b"PK\x03\x04") {
            of_zip(file, size)?
        } else if beginning == LEGACY_MAGIC {
            of_legacy(file, size)?
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
    /// [`Code::Checkpoint`] if the storage is not in the file, or its checksum is wrong.
    pub fn storage(&self, file: &mut (impl Read + Seek), record: &TensorRecord) -> Result<Vec<u8>> {
        let place = self.places.get(&record.storage).ok_or_else(|| broken("its storage is not in the file"))?;
        // It lies within the file: no more is asked for than there is.
        let mut bytes = vec![0; place.bytes as usize];
        file.seek(SeekFrom::Start(place.start)).and_then(|_| file.read_exact(&mut bytes)).map_err(unreadable)?;
        match place.checksum {
            Some(expected) if checksum(&bytes) != expected => {
                Err(broken("its numbers are corrupt: another checksum").hint("fetch the file again"))
            }
            _ => Ok(bytes),
        }
    }
}

pub(super) fn broken(what: impl Into<String>) -> Error {
    Error::new(Code::Checkpoint, what)
}

fn unreadable(cause: std::io::Error) -> Error {
    Error::new(Code::Io, "cannot be read").because(cause).hint("check the path of the weights in study.json")
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn of_zip(file: &mut (impl Read + Seek), size: u64) -> Result<Layout> {
    let declared = declared_records(file, size)?;
    if declared > MAX_RECORDS {
        return Err(Error::new(Code::Limit, format!("{declared} records in the zip or more, at most {MAX_RECORDS}")));
    }
    let mut archive = zip::ZipArchive::new(file).map_err(|cause| broken("not a whole zip").because(cause))?;
    if !archive.comment().is_empty() {
        return Err(broken("the zip has a comment, which torch.save never writes"));
    }
    let records = records(&mut archive, size, declared)?;
    let pickles: Vec<&String> = records.keys().filter(|name| name.ends_with("/data.pkl")).collect();
    let [pickle_name] = pickles[..] else {
        return Err(broken(format!("{} members named data.pkl, expected one", pickles.len())));
    };
    let folder = pickle_name.trim_end_matches("data.pkl");
    let order = format!("{folder}byteorder");
    if records.contains_key(&order) && member(&mut archive, &order, 64)? != b"little" {
        return Err(broken("the numbers are big-endian, expected little-endian"));
    }
    let described = pickle::describe(&member(&mut archive, pickle_name, MAX_PICKLE_BYTES)?)?;
    let mut places = HashMap::new();
    for (name, record) in &described.tensors {
        let tensor = |error: Error| error.place(format!("tensor {name}"));
        let file = format!("{folder}data/{}", record.storage);
        let place = *records.get(&file).ok_or_else(|| tensor(broken(format!("no member {file:?}"))))?;
        let claimed = record.storage_count.checked_mul(record.kind.bytes());
        if claimed != Some(place.bytes) {
            let expected = claimed.map_or("more than there can be".to_string(), |bytes| bytes.to_string());
            return Err(tensor(broken(format!("its storage holds {} bytes, expected {expected}", place.bytes))));
        }
        places.insert(record.storage.clone(), place);
    }
    Ok(Layout { tensors: described.tensors, places })
}

/// Each record of the zip lies whole in the file and apart from the others, is stored as it is, and no name comes twice: as
/// torch writes them, and the only way in which their sizes can be believed.
fn records<R: Read + Seek>(
    archive: &mut zip::ZipArchive<R>,
    size: u64,
    declared: u64,
) -> Result<HashMap<String, Place>> {
    let mut records = HashMap::new();
    let mut spans: Vec<(u64, u64, String)> = Vec::new();
    for index in 0..archive.len() {
        let entry =
            archive.by_index_raw(index).map_err(|cause| broken(format!("record {index} is broken")).because(cause))?;
        let name =
            entry.name().map_err(|cause| broken("a record without a readable name").because(cause))?.into_owned();
        if entry.compression() != zip::CompressionMethod::Stored || entry.size() != entry.compressed_size() {
            return Err(broken(format!("record {name:?} is compressed, which torch.save never does")));
        }
        let start = entry.data_start().ok_or_else(|| broken(format!("record {name:?} has no place")))?;
        let end = start.checked_add(entry.size()).filter(|end| *end <= size);
        let end = end.ok_or_else(|| {
            broken(format!("record {name:?} says that it is {} bytes, more than the file has", entry.size()))
        })?;
        spans.push((start, end, name.clone()));
        records.insert(name, Place { start, bytes: entry.size(), checksum: Some(entry.crc32()) });
    }
    spans.sort();
    if let Some(pair) = spans.windows(2).find(|pair| pair[1].0 < pair[0].1) {
        return Err(broken(format!("records {:?} and {:?} overlap", pair[0].2, pair[1].2)));
    }
    if declared != records.len() as u64 {
        return Err(broken(format!("the zip says that it has {declared} records, of {} names", records.len())));
    }
    Ok(records)
}

/// How many records the zip's own end says that it has: two of one name are two. The end is the last 22 bytes, as torch
/// writes no comment; a count that does not fit its 16 bits is all ones.
fn declared_records(file: &mut (impl Read + Seek), size: u64) -> Result<u64> {
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(22)))
        .and_then(|_| file.take(22).read_to_end(&mut end))
        .map_err(unreadable)?;
    match end[..] {
        [b'P', b'K', 5, 6, .., low, high, _, _, _, _, _, _, _, _, 0, 0] if end.len() == 22 => {
            Ok(u64::from(u16::from_le_bytes([low, high])))
        }
        _ => Err(broken("not a whole zip: it has no end").hint("fetch it again")),
    }
}

/// The bytes of a member, at most `limit` of them; its checksum is checked by the zip reader.
fn member<R: Read + Seek>(archive: &mut zip::ZipArchive<R>, name: &str, limit: u64) -> Result<Vec<u8>> {
    let entry = archive.by_name(name).map_err(|cause| broken(format!("no member {name:?}")).because(cause))?;
    if entry.size() > limit {
        return Err(broken(format!("member {name:?} is {} bytes, expected at most {limit}", entry.size())));
    }
    let mut bytes = Vec::with_capacity(entry.size() as usize);
    entry
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| broken(format!("member {name:?} is corrupt")).because(cause))?;
    Ok(bytes)
}

/// The old form: a magic number, a version, facts about the machine, the table, the storages' names, each pickled; then the
/// storages in the order of their names, each after the count of its numbers.
fn of_legacy(file: &mut (impl Read + Seek), size: u64) -> Result<Layout> {
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
    let described = pickle::describe(&head[at..])?;
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
    Ok(Layout { tensors: described.tensors, places })
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
    use crate::models::probe::{check, packed};
    use crate::mutations::hunt;

    /// Operations and words of a pickle, and numbers at the ends of their ranges.
    const WORDS: [&[u8]; 22] = [
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
        b"\x80\x02",
    ];

    #[test]
    fn mutations_of_the_old_form() {
        hunt("legacy", 20_000, &WORDS, check);
    }

    #[test]
    fn mutations_of_the_zip_form() {
        hunt("zip", 10_000, &WORDS, |bytes| check(bytes) | check(&packed(bytes)));
    }
}
