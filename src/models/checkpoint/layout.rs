//! Where the numbers of a checkpoint lie: both forms of `torch.save`, the old one and the zip. All that such a file says of
//! itself is compared with the file here, before any of its numbers are read.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use super::archive::{Place, records, unreadable};
use super::choice::Choice;
use super::pickle::{self, Described, TensorRecord};
use super::words::{broken, cut};
use crate::error::{Code, Error, Result};

/// Largest pickle in a checkpoint.
const MAX_PICKLE_BYTES: u64 = 64 << 20;

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
}
