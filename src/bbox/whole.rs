//! An inner archive in memory, in the form that nearly all have: one gzip, and in it a tar of regular XML files. Unpacked at one go and
//! read where it lies; all others are left to the walk over a stream, which gives the same for these.

use std::io::Read;

use flate2::bufread::GzDecoder;

use super::archive::{ends_with, is_leftover, plain_name};
use super::gunzip::most_unpacked;
use super::limits::Limits;

/// Bytes of a header, and what members are padded to.
const BLOCK: usize = 512;

/// The bytes that an archive unpacks to, if it is one gzip with nothing behind it.
pub(super) fn unpack(packed: &[u8], limits: &Limits) -> Option<Vec<u8>> {
    // The size is what the last bytes say, or this is no such archive.
    let size = u32::from_le_bytes(*packed.last_chunk()?) as usize;
    if size as u64 > most_unpacked(packed.len() as u64, limits.inflate_ratio).min(limits.member_bytes) {
        return None;
    }
    let mut unpacked = Vec::with_capacity(size + 1);
    let mut decoder = GzDecoder::new(packed);
    (&mut decoder).take(size as u64 + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() == size && decoder.into_inner().is_empty()).then_some(unpacked)
}

/// The XML files of a tar, each with its name, if there are only such and folders in it.
pub(super) fn members<'a>(tar: &'a [u8], limits: &Limits) -> Option<Vec<(&'a str, &'a [u8])>> {
    let (mut members, mut folder) = (Vec::new(), None);
    let mut rest = tar;
    loop {
        let (header, after) = rest.split_first_chunk::<BLOCK>()?;
        if header.iter().all(|byte| *byte == 0) {
            // As it ends: at least two empty blocks, and nothing behind them.
            let ends = after.len() >= BLOCK && after.iter().all(|byte| *byte == 0);
            return ends.then_some(members);
        }
        let size = size(header)?;
        let padded = size.checked_next_multiple_of(BLOCK)?;
        match (header[156], plain(header, &mut folder)?) {
            (b'5', _) if size == 0 => {}
            (b'0' | 0, name) if ends_with(name, ".xml") && size as u64 <= limits.xml_bytes => {
                members.push((name, after.get(..size)?));
            }
            _ => return None,
        }
        rest = after.get(padded..)?;
    }
}

/// The size that a header gives, if its checksum holds and both are plain octal numbers.
fn size(header: &[u8; BLOCK]) -> Option<usize> {
    let kept = &header[148..156];
    // In 16 bits where that suffices: three times as fast as in 64.
    let short = |bytes: &[u8]| bytes.iter().map(|byte| u16::from(*byte)).sum::<u16>();
    let sum = |bytes: &[u8]| bytes.chunks(128).map(|bytes| usize::from(short(bytes))).sum::<usize>();
    let ustar = matches!(&header[257..265], b"ustar\x0000" | b"ustar  \0");
    (ustar && octal(kept)? == sum(header) - sum(kept) + 8 * 32).then(|| octal(&header[124..136]))?
}

fn octal(field: &[u8]) -> Option<usize> {
    let digits = field.iter().position(|byte| matches!(byte, b' ' | 0)).unwrap_or(field.len());
    let (digits, rest) = field.split_at(digits);
    if digits.is_empty() || !rest.iter().all(|byte| matches!(byte, b' ' | 0)) {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number, digit| matches!(digit, b'0'..=b'7').then(|| number << 3 | usize::from(digit - b'0')))
}

/// The name in a header, if it is a plain one without a prefix, and no system's leftover. `folder` is that of the last name: what is
/// known of it is not asked again.
fn plain<'a>(header: &'a [u8; BLOCK], folder: &mut Option<&'a str>) -> Option<&'a str> {
    let length = header[..100].iter().position(|byte| *byte == 0)?;
    let name = std::str::from_utf8(&header[..length]).ok().filter(|name| name.is_ascii() && header[345] == 0)?;
    let (above, file) = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1));
    if *folder == Some(above) && !file.is_empty() {
        let is_plain = !file.starts_with('.') && !file.contains('\\') && !crate::files::is_leftover(file);
        return is_plain.then_some(name);
    }
    if plain_name(name.as_bytes()).is_err() || is_leftover(name) {
        return None;
    }
    *folder = Some(above);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_as_they_mostly_are_are_read_at_one_go() {
        let files = [("n01440764_1".to_string(), "<annotation/>".to_string())];
        let limits = Limits::default();
        let tar = unpack(&super::super::pack_synset("n01440764", &files).unwrap(), &limits).unwrap();
        assert_eq!(members(&tar, &limits).unwrap(), [("Annotation/n01440764/n01440764_1.xml", &b"<annotation/>"[..])]);
        assert!(members(&tar[..tar.len() - 512], &limits).is_none(), "one empty block");
        assert!(members(&tar[..1024], &limits).is_none(), "no end");
        for (place, byte) in [(156, b'2'), (156, b'L'), (124, b'9'), (0, b'/'), (345, b'a'), (148, b'7')] {
            let mut other = tar.clone();
            other[place] = byte;
            assert!(members(&other, &limits).is_none(), "byte {place}");
        }
    }

    #[test]
    fn a_second_name_in_a_folder_is_looked_at_like_the_first() {
        let limits = Limits::default();
        for (second, is_plain) in
            [("n01440764_2", true), ("._n01440764_2", false), (".n01440764_2", false), ("..", false), ("a\\b", false)]
        {
            let files = ["n01440764_1", second].map(|name| (name.to_string(), "<annotation/>".to_string()));
            let packed = super::super::pack_synset("n01440764", &files).unwrap();
            assert_eq!(members(&unpack(&packed, &limits).unwrap(), &limits).is_some(), is_plain, "{second}");
        }
    }

    #[test]
    fn one_gzip_with_nothing_behind_it_is_unpacked() {
        use std::io::Write;
        let pack = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let (limits, text) = (Limits::default(), b"one annotation beside another one".repeat(50));
        let packed = pack(&text);
        assert_eq!(unpack(&packed, &limits).unwrap(), text);
        assert_eq!(unpack(&pack(b""), &limits).unwrap(), b"");
        // Two, one with zeros behind it, a cut one, a wrong checksum, a wrong size, a size beyond the limit.
        let mut wrong = [packed.clone(), packed.clone(), packed.clone()];
        let length = packed.len();
        (wrong[0][length - 5], wrong[1][length - 4], wrong[2][length - 1]) = (7, 7, 200);
        for packed in [[&*packed, &*packed].concat(), [&*packed, &[0; 4]].concat(), packed[..length - 9].to_vec()]
            .into_iter()
            .chain(wrong)
        {
            assert!(unpack(&packed, &limits).is_none());
        }
        assert!(unpack(&packed, &Limits { member_bytes: text.len() as u64 - 1, ..limits }).is_none());
    }
}
