//! Memory in proportion: what a small file makes a reader take, measured in a process of its own.

use std::fs;
use std::io::Write;
use std::process::Command;

use super::{READERS, gzip};
use crate::bbox::BOX_COLUMNS;
use crate::pixels::{Limits, RgbImage, decode_bytes, encode_png};

/// Names the folder of the files, in the process that reads them.
const FOLDER: &str = "LGF_BOMBS";
/// What a reader may take beside the size of its file: mostly buffers, and the threads' own memory.
const ALWAYS: u64 = 64 << 20;
/// How many times the size of its file a reader may take.
const TIMES: u64 = 40;

/// A number of bytes from this process's status.
fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|letter: char| !letter.is_ascii_digit()).parse::<u64>().unwrap() * 1024
}

/// In a process of its own: reads each file, and says how much more memory that took at most than there was before.
#[test]
fn files_are_read_in_a_process_of_their_own() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (reader, _) = name.split_once('.').unwrap();
        // From here on the peak is counted anew.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = status("VmRSS:");
        let read = match READERS.iter().find(|one| one.name == reader) {
            Some(reader) => (reader.check)(&bytes),
            None => decode_bytes(&bytes, &Limits::default()).is_ok(),
        };
        let took = status("VmHWM:").saturating_sub(before);
        writeln!(std::io::stdout(), "took {name} {} {took} {read}", bytes.len()).unwrap();
    }
}

/// A tar's header of a kind and name that claims a size.
fn header(kind: tar::EntryType, name: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_path(name).unwrap();
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A chunk of a PNG.
fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let covered = [&kind[..], content].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&covered);
    [&(content.len() as u32).to_be_bytes()[..], &covered, &crc.sum().to_be_bytes()].concat()
}

/// A PNG of some sides, in grey, with some chunks.
fn png(sides: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let head = [&sides.to_be_bytes()[..], &sides.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n", &chunk(b"IHDR", &head)[..], &chunks.concat(), &chunk(b"IEND", b"")].concat()
}

/// A JPEG whose frame claims other sides.
fn jpeg(sides: u16, progressive: bool) -> Vec<u8> {
    let name = if progressive { "progressive" } else { "noise" };
    let mut bytes = fs::read(format!("{}/tests/corpus/jpeg/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let frame = [0xFF, if progressive { 0xC2 } else { 0xC0 }];
    let at = bytes.windows(2).position(|pair| pair == frame).unwrap() + 5;
    bytes[at..at + 4].copy_from_slice(&[sides.to_be_bytes(), sides.to_be_bytes()].concat());
    bytes
}

/// Kept bytes of a reader, with each four or eight bytes in turn exchanged for a large number: lies about sizes.
fn lies(reader: &str, name: &str, number: &[u8]) -> Vec<Vec<u8>> {
    let bytes = fs::read(format!("{}/tests/corpus/{reader}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let places = (0..bytes.len() - number.len()).step_by(bytes.len().div_ceil(100));
    let lie = |at: usize| {
        let mut changed = bytes.clone();
        changed[at..at + number.len()].copy_from_slice(number);
        changed
    };
    places.map(lie).collect()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// Files that claim, or unpack to, far more than they hold; by the reader that is to read each.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    use tar::EntryType;
    let zeros = vec![0; 64 << 20];
    let text = |text: &str| text.as_bytes().to_vec();
    let safetensors = |length: u64, head: &str| [&length.to_le_bytes()[..], head.as_bytes()].concat();
    let names = [header(EntryType::GNULongName, "x", zeros.len() as u64), zeros.clone()].concat();
    let boxes = format!("{}\n", BOX_COLUMNS.map(|(name, _)| name).join(","));
    let columns = "subj,session,trial,rt,object_response,category,condition,imagename\n";
    let mut bombs = vec![
        ("gzip", gzip(&zeros)),
        ("gzip", gzip(&gzip(&zeros))),
        ("gzip", gzip(&header(EntryType::Regular, "n1.xml", 1 << 62))),
        ("tar", header(EntryType::Regular, "n01440764.tar.gz", 60 << 20)),
        ("gzip", gzip(&names)),
        ("data", gzip(&names)),
        ("data", gzip(&header(EntryType::Regular, "repo-1/raw/a.csv", 60 << 20))),
        ("xml", [b"<annotation>", &b"<a>".repeat(300_000)[..]].concat()),
        ("xml", [b"<annotation ", &b"a=\"\" ".repeat(190_000)[..], b"/>"].concat()),
        ("picture", jpeg(10_000, false)),
        ("picture", jpeg(10_000, true)),
        ("picture", png(10_000, &[chunk(b"IDAT", &deflated(&zeros[..1000]))])),
        ("picture", png(8, &[chunk(b"iCCP", &[b"a\0\0", &deflated(&zeros)[..]].concat()), chunk(b"IDAT", b"")])),
        ("picture", png(8, &[chunk(b"zTXt", &[b"a\0\0", &deflated(&zeros)[..]].concat()), chunk(b"IDAT", b"")])),
        ("picture", encode_png(&RgbImage::new(1000, 1000)).unwrap()),
        ("safetensors", safetensors(99_000_000, "{")),
        ("safetensors", safetensors(2, "{}")),
        (
            "safetensors",
            safetensors(64, &format!("{:64}", r#"{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4]}}"#)),
        ),
        ("safetensors", safetensors(1 << 20, &"[".repeat(1 << 20))),
        ("networks", vec![b'['; 1 << 20]),
        ("study", text("{\"name\":").into_iter().chain(vec![b'{'; 1 << 20]).collect()),
        ("manifest", vec![b'['; 1 << 20]),
        ("decisions", [text(columns), vec![b','; 4 << 20]].concat()),
        ("decisions", [text(columns), vec![b'"'; 4 << 20]].concat()),
        ("decisions", vec![b'a'; 4 << 20]),
        ("categories", [text("category,wnid\n"), vec![b','; 4 << 20]].concat()),
        ("boxes", [vec![b','; 1 << 20], text("\n")].concat()),
        ("boxes", [text(&boxes), vec![b','; 1 << 20], text("\n")].concat()),
        ("boxes", [text(&boxes), vec![b'"'; 1 << 20]].concat()),
        ("tensorflow_index", [&[0, 1, 0xff, 0xff, 0xff, 0xff, 0x7f][..], &[0; 20]].concat()),
    ];
    for number in [&[0xff, 0xff, 0xff, 0x7f][..], &[0xff; 8], &[0x80, 0x80, 0x80, 0x80, 0x08]] {
        for (reader, name) in [
            ("parquet", "scores"),
            ("zip", "protocol_4.pth"),
            ("legacy", "1d20b1c843e7777df07740b3e3acae1808dac808"),
            ("wheel", "deflated"),
            ("parts", "whole"),
            ("parts", "resealed-shard"),
            ("tensorflow_index", "block"),
            ("tensorflow_index", "golden"),
        ] {
            bombs.extend(lies(reader, name, number).into_iter().map(|bytes| (reader, bytes)));
        }
    }
    bombs
}

#[test]
fn a_small_file_takes_little_memory_whatever_it_claims() {
    let folder = tempfile::tempdir().unwrap();
    let bombs = bombs();
    for (number, (reader, bytes)) in bombs.iter().enumerate() {
        fs::write(folder.path().join(format!("{reader}.{number}")), bytes).unwrap();
    }
    // Under a limit, so that what is asked for and never touched shows, too.
    let test = "readers::memory::files_are_read_in_a_process_of_their_own";
    let output = Command::new("bash")
        .args(["-c", "ulimit -v 12000000 && exec \"$@\"", "bash"])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let (mut count, mut over) = (0, Vec::new());
    for line in said.lines().filter_map(|line| line.split_once("took ").map(|(_, line)| line)) {
        let parts: Vec<&str> = line.split(' ').collect();
        let (size, took): (u64, u64) = (parts[1].parse().unwrap(), parts[2].parse().unwrap());
        if took > ALWAYS + TIMES * size {
            over.push(line);
        }
        count += 1;
    }
    assert!(over.is_empty(), "reader and number, bytes of the file, bytes taken: {over:#?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && count == bombs.len(), "{count} of {}: {errors}", bombs.len());
}
