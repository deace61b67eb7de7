//! What must hold of what comes from the network, whatever it is.

use std::io::Cursor;
use std::path::Path;

use super::member::{Out, copy_member};
use super::unpacked::{Archive, unpack};
use super::{Scratch, pip};
use crate::error::Code;
use crate::readers::{gzip, in_file, read};

/// A wheel: the one member, or one error, and never more bytes than are allowed.
pub(crate) fn wheel(bytes: &[u8]) -> bool {
    const LIMIT: u64 = 1 << 16;
    let mut out = Out { file: Vec::new(), path: Path::new("member") };
    let taken = read(copy_member(&mut Cursor::new(bytes), bytes.len() as u64, "w.pth", LIMIT, &mut out));
    assert!(out.file.len() as u64 <= LIMIT);
    taken.is_some()
}

/// Data in a tar.gz, as it is, and a tar packed: those files that are wanted, below their folder, or one error.
pub(crate) fn data(bytes: &[u8]) -> bool {
    unpacked(bytes) | unpacked(&gzip(bytes))
}

fn unpacked(packed: &[u8]) -> bool {
    let take = vec![("stimuli".to_string(), "stimuli".to_string()), ("raw".to_string(), "decisions".to_string())];
    // `decisions/a.csv` with nothing in it.
    let sha256 = "b7867e1e77928a7bbe4c732a6c3e97cdc8cd3e996ed649c3de6e01262d808bb6".to_string();
    let archive = Archive { url: "http://127.0.0.1/x".into(), take, files: 1, sha256 };
    in_file("a.tar.gz", packed, |path| {
        let scratch = Scratch::beside(path).expect("room for temporary files");
        let unpacked = read(unpack(path, &archive, scratch.folder()));
        for one in std::fs::read_dir(scratch.folder()).expect("it is there").flatten() {
            assert_eq!(one.file_name(), "whole");
        }
        for one in std::fs::read_dir(scratch.folder().join("whole")).into_iter().flatten().flatten() {
            assert!(one.file_name() == "stimuli" || one.file_name() == "decisions");
        }
        unpacked.is_some()
    })
}

/// What pip writes before it fails: one error, of a kind that is known or not.
pub(crate) fn pip(bytes: &[u8]) -> bool {
    let error = pip::failure(&String::from_utf8_lossy(bytes));
    let known = error.code() != Code::Io;
    read::<()>(Err(error));
    known
}
