//! Tables that tell whether they are as they were written: the SHA-256 of a Parquet file stands in its own footer, taken while
//! zeros stood there. Other readers pass over it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use polars::prelude::{KeyValueMetadata, ParquetWriter};
use sha2::{Digest, Sha256};

use crate::files::hex;

/// What the seal is called in the footer.
const KEY: &str = "lgf.sha256";
/// Characters of the seal.
const LENGTH: usize = 64;
/// Between the two, in Thrift's compact form: a text comes, of so many bytes.
const COMES: [u8; 2] = [0x18, LENGTH as u8];
/// Bytes after a footer: its length, and what each Parquet file ends with.
const END: u64 = 8;
/// Bytes that are hashed at a time.
const PIECE: usize = 1 << 18;

/// A writer of a table, with zeros where the seal will be.
pub(crate) fn writer<W: Write>(out: W) -> ParquetWriter<W> {
    let zeros = KeyValueMetadata::from_static(vec![(KEY.to_string(), "0".repeat(LENGTH))]);
    ParquetWriter::new(out).with_key_value_metadata(Some(zeros))
}

/// Puts the seal into a file that [`writer`] wrote.
pub(crate) fn close(file: &File) -> io::Result<()> {
    let place = place_in(file)?.ok_or_else(|| io::Error::other("the footer has no place for a seal"))?;
    file.write_all_at(hash_of(file, place)?.as_bytes(), place)
}

/// Whether a file is as it was sealed. One without a seal is not: polars takes what a changed one says of its size for true, and
/// ends the process where there is not so much memory.
pub(crate) fn is_whole(file: &File) -> io::Result<bool> {
    let Some(place) = place_in(file)? else { return Ok(false) };
    let mut seal = [0; LENGTH];
    file.read_exact_at(&mut seal, place)?;
    Ok(hash_of(file, place)?.as_bytes() == seal)
}

/// Where the seal of a file begins.
fn place_in(file: &File) -> io::Result<Option<u64>> {
    let size = file.metadata()?.len();
    let Some(end) = size.checked_sub(END) else { return Ok(None) };
    let mut last = [0; 4];
    file.read_exact_at(&mut last, end)?;
    let length = u64::from(u32::from_le_bytes(last));
    let Some(start) = end.checked_sub(length) else { return Ok(None) };
    let mut footer = vec![0; length as usize];
    file.read_exact_at(&mut footer, start)?;
    let before = [KEY.as_bytes(), &COMES].concat();
    let at = footer.windows(before.len() + LENGTH).rposition(|piece| piece.starts_with(&before));
    Ok(at.map(|at| start + (at + before.len()) as u64))
}

/// The hash of a file with zeros where its seal is.
fn hash_of(file: &File, place: u64) -> io::Result<String> {
    let (mut hasher, mut piece, mut at) = (Sha256::new(), vec![0; PIECE], 0);
    loop {
        let count = file.read_at(&mut piece, at)? as u64;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        let zeros = place.clamp(at, at + count)..(place + LENGTH as u64).clamp(at, at + count);
        piece[(zeros.start - at) as usize..(zeros.end - at) as usize].fill(b'0');
        hasher.update(&piece[..count as usize]);
        at += count;
    }
}
