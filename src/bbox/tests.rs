//! The bad inputs of archives and XML, each test named after its number, and what must hold for good ones.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use polars::prelude::*;
use tar::{EntryType, Header};

use super::*;
use crate::error::{Code, Error, Result};
use crate::notebook::Progress;
use crate::store::{REJECT_COLUMNS, Store, rejects_table};

const WNID: &str = "n01440764";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn entry(name: &[u8], kind: EntryType, size: u64, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        out.extend(entry(name.as_bytes(), EntryType::Regular, bytes.len() as u64, bytes));
    }
    out.extend([0; 1024]);
    out
}

fn object(corners: [&str; 4]) -> String {
    let [xmin, ymin, xmax, ymax] = corners;
    format!(
        "<object><name>{WNID}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult><bndbox>\
         <xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
    )
}

fn xml(filename: &str, size: (&str, &str), objects: &str) -> String {
    format!(
        "<annotation>\n<folder>{WNID}</folder><filename>{filename}</filename>\n<source><database>ImageNet database\
         </database></source><size><width>{}</width><height>{}</height><depth>3</depth></size><segmented>0</segmented>\n\
         {objects}</annotation>\n",
        size.1, size.0
    )
}

fn good(name: &str) -> String {
    xml(name, ("375", "500"), &object(["10", "20", "110", "220"]))
}

/// An archive of one synset: a good file, and one more with the given bytes.
fn beside_good(bytes: &[u8]) -> Vec<u8> {
    let first = good("n01440764_1");
    gzip(&tar_of(&[("n01440764_1.xml", first.as_bytes()), ("n01440764_2.xml", bytes)]))
}

/// Reads with every file allowed to be skipped but one.
fn lenient() -> Limits {
    Limits { max_reject_share: 0.9, ..Limits::default() }
}

fn read_path(path: &Path) -> Result<Annotations> {
    read_archive(path, &lenient(), &mut |_| Ok(()))
}

fn read_bytes(bytes: &[u8]) -> Result<Annotations> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, bytes).unwrap();
    let outcome = read_path(&path);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was written beside the archive");
    outcome
}

fn fails(bytes: &[u8], code: Code, expected: &str) -> Error {
    let error = read_bytes(bytes).expect_err("the archive is bad");
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(expected), "{error}");
    assert!(error.file().is_some(), "no path: {error}");
    error
}

/// Reads, and expects one row in `rejects` with this code and text.
fn skips(bytes: &[u8], code: Code, expected: &str) -> Annotations {
    let read = read_bytes(bytes).unwrap();
    assert_eq!(read.rejects.len(), 1, "{:?}", read.rejects);
    let reject = &read.rejects[0];
    assert_eq!(reject.code, code, "{reject:?}");
    assert!(reject.message.contains(expected) || reject.place.contains(expected), "{reject:?}");
    assert_eq!(reject.stage, "boxes");
    read
}

fn outer_of(inner: &[u8]) -> Vec<u8> {
    gzip(&tar_of(&[("n01440764.tar.gz", inner)]))
}

#[test]
fn bad_input_01_empty_file() {
    fails(b"", Code::Archive, "the file is empty");
}

#[test]
fn bad_input_02_web_page_named_tar_gz() {
    fails(b"<!DOCTYPE html><html></html>", Code::Archive, "not gzip, begins <!DOC");
}

#[test]
fn bad_input_03_cut_outer_gzip() {
    let whole = outer_of(&beside_good(good("n01440764_2").as_bytes()));
    for share in [3, 5, 9] {
        fails(&whole[..whole.len() * share / 10], Code::Archive, "cut");
    }
    let error = fails(&whole[..whole.len() - 9], Code::Archive, "cut");
    assert!(error.at().is_some(), "{error}");
}

#[test]
fn bad_input_04_wrong_checksum() {
    let mut whole = outer_of(&beside_good(good("n01440764_2").as_bytes()));
    let end = whole.len();
    whole[end - 6] ^= 1;
    fails(&whole, Code::Archive, "corrupt");
}

#[test]
fn bad_input_05_several_gzip_members() {
    let plain = tar_of(&[("n01440764.tar.gz", &beside_good(good("n01440764_2").as_bytes()))]);
    let mut parts = gzip(&plain[..700]);
    parts.extend(gzip(&plain[700..]));
    assert_eq!(read_bytes(&parts).unwrap().boxes.height(), 2);
}

#[test]
fn bad_input_06_bytes_after_the_gzip() {
    let whole = outer_of(&beside_good(good("n01440764_2").as_bytes()));
    let zeros = read_bytes(&[whole.as_slice(), &[0; 700]].concat()).unwrap();
    assert_eq!((zeros.boxes.height(), zeros.flags.len()), (2, 0));
    let garbage = read_bytes(&[whole.as_slice(), b"hello"].concat()).unwrap();
    assert_eq!((garbage.boxes.height(), garbage.flags.len()), (2, 1));
}

#[test]
fn bad_input_07_one_corrupt_inner_archive() {
    let inner = beside_good(good("n01440764_2").as_bytes());
    let mut broken = inner.clone();
    let middle = broken.len() / 2;
    broken[middle] ^= 0x55;
    let cut = &inner[..inner.len() - 20];
    for bad in [broken.as_slice(), cut, b"<html>"] {
        let outer = gzip(&tar_of(&[("n00000001.tar.gz", bad), ("n01440764.tar.gz", &inner)]));
        let read = skips(&outer, Code::Archive, "");
        assert_eq!((read.boxes.height(), read.rejects[0].member.as_str()), (2, "n00000001.tar.gz"));
        assert_eq!((read.counts.archives, read.counts.archives_skipped), (1, 1));
    }
}

#[test]
fn bad_input_08_inner_plain_tar_under_a_gz_name() {
    let inner = tar_of(&[("n01440764_1.xml", good("n01440764_1").as_bytes())]);
    assert_eq!(read_bytes(&outer_of(&inner)).unwrap().boxes.height(), 1);
}

#[test]
fn bad_input_09_gzip_bomb() {
    let bomb = gzip(&tar_of(&[("a.bin", &vec![0; 40 << 20]), ("b.bin", &vec![0; 40 << 20])]));
    fails(&bomb, Code::Limit, "more than 200 times");
    let longname = gzip(&entry(b"././@LongLink", EntryType::GNULongName, 2 << 20, &vec![b'x'; 2 << 20]));
    fails(&longname, Code::Limit, "headers");
    let good = beside_good(good("n01440764_2").as_bytes());
    let outer = gzip(&tar_of(&[("n00000001.tar.gz", &bomb), ("n01440764.tar.gz", &good)]));
    assert_eq!(skips(&outer, Code::Limit, "more than 200 times").boxes.height(), 2);
}

#[test]
fn bad_input_10_names_that_leave_the_folder() {
    let xml = good("n01440764_2");
    let names: [&[u8]; 4] = [b"../n01440764_2.xml", b"/n01440764_2.xml", b"a/../../n01440764_2.xml", b"n\xff_2.xml"];
    for name in names {
        let first = good("n01440764_1");
        let mut tar = entry(name, EntryType::Regular, xml.len() as u64, xml.as_bytes());
        tar.extend(tar_of(&[("n01440764_1.xml", first.as_bytes())]));
        assert_eq!(skips(&gzip(&tar), Code::Archive, "expected a plain relative one").boxes.height(), 1);
    }
    // A NUL can only come in by an extended header.
    let record = b"20 path=a\0b_2.xml\nxx";
    let mut tar = entry(b"pax", EntryType::XHeader, 18, &record[..18]);
    tar[512..530].copy_from_slice(b"18 path=a\0b_2.xml\n");
    tar.extend(entry(b"n01440764_2.xml", EntryType::Regular, xml.len() as u64, xml.as_bytes()));
    tar.extend(tar_of(&[("n01440764_1.xml", good("n01440764_1").as_bytes())]));
    skips(&gzip(&tar), Code::Archive, "holds a NUL");
}

#[test]
fn bad_input_11_links_and_devices() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo] {
        let mut tar = entry(b"n01440764_2.xml", kind, 0, b"");
        tar.extend(tar_of(&[("n01440764_1.xml", good("n01440764_1").as_bytes())]));
        assert_eq!(skips(&gzip(&tar), Code::Archive, "no regular file").boxes.height(), 1);
    }
}

#[test]
fn bad_input_12_pax_size_overrides_the_header() {
    // As GNU tar: the extended header's size holds, so the member that the plain size would show is part of the data.
    let first = good("n01440764_1");
    let record = format!("12 size={}\n", first.len());
    assert_eq!(record.len(), 12);
    let mut tar = entry(b"pax", EntryType::XHeader, 12, record.as_bytes());
    tar.extend(entry(b"n01440764_1.xml", EntryType::Regular, 0, first.as_bytes()));
    tar.extend([0; 1024]);
    assert_eq!(read_bytes(&gzip(&tar)).unwrap().boxes.height(), 1);
}

#[test]
fn bad_input_13_entry_that_claims_8_eib() {
    for (name, size) in [("n01440764.tar.gz", (1_u64 << 63) - 1), ("n.bin", 1 << 62), ("n01440764.tar.gz", u64::MAX)] {
        let bytes = gzip(&entry(name.as_bytes(), EntryType::Regular, size, b""));
        let error = read_bytes(&bytes).unwrap_err();
        assert!(matches!(error.code(), Code::Limit | Code::Archive), "{error}");
        // What is claimed is neither read nor passed over byte by byte: there are a few calls for what is there.
        let mut counted = Calls { inner: bytes.as_slice(), count: 0 };
        let walked = super::archive::walk(&mut counted, "claims", &Limits::default(), &mut |_| Ok(()));
        assert!(walked.is_err() && counted.count < 50, "{} calls", counted.count);
    }
}

/// Counts how often more bytes are asked for.
struct Calls<'a> {
    inner: &'a [u8],
    count: u64,
}

impl Read for Calls<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.count += 1;
        self.inner.read(buffer)
    }
}

impl BufRead for Calls<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.count += 1;
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
    }
}

#[test]
fn bad_input_14_duplicate_members() {
    let (one, two) = (good("n01440764_1"), xml("n01440764_1", ("375", "500"), &object(["1", "2", "3", "4"])));
    let same = [("n01440764_1.xml", one.as_bytes()), ("n01440764_1.xml", one.as_bytes())];
    let read = read_bytes(&gzip(&tar_of(&same))).unwrap();
    assert_eq!((read.boxes.height(), read.rejects.len()), (1, 0));
    let different = [("n01440764_1.xml", one.as_bytes()), ("n01440764_1.xml", two.as_bytes())];
    let read = skips(&gzip(&tar_of(&different)), Code::Archive, "a second file");
    let listed = &read.rejects[0];
    assert!(listed.path.ends_with("Annotation.tar.gz") && listed.member == "n01440764_1.xml", "{listed:?}");
    assert_eq!(read.boxes.column("xmin").unwrap().i32().unwrap().get(0), Some(10));
    let (a, b) = (beside_good(good("n01440764_2").as_bytes()), beside_good(good("n01440764_3").as_bytes()));
    let read = skips(&gzip(&tar_of(&[("n01440764.tar.gz", &a), ("n01440764.tar.gz", &b)])), Code::Archive, "a second");
    assert_eq!(read.boxes.height(), 2);
}

#[test]
fn bad_input_15_nested_deeper_than_two() {
    let deep = beside_good(good("n01440764_2").as_bytes());
    let first = good("n01440764_1");
    let inner = gzip(&tar_of(&[("n01440764_1.xml", first.as_bytes()), ("deep.tar.gz", &deep)]));
    assert_eq!(skips(&outer_of(&inner), Code::Archive, "nested deeper than two").boxes.height(), 1);
}

#[test]
fn bad_input_16_an_unfinished_download_is_not_taken_for_the_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("n01440764.tar.gz.part"), beside_good(good("n01440764_2").as_bytes())).unwrap();
    assert!(read_path(folder.path()).unwrap_err().to_string().contains("no annotation could be read"));
}

#[test]
fn bad_input_17_cut_xml() {
    let whole = good("n01440764_2");
    for end in [whole.len() / 4, whole.len() / 2, whole.len() - 5] {
        let read = skips(&beside_good(&whole.as_bytes()[..end]), Code::Xml, "line ");
        assert!(read.rejects[0].place.contains("column"), "{:?}", read.rejects);
    }
    skips(&beside_good(b""), Code::Xml, "no <annotation>");
    skips(&beside_good(b"<html></html>"), Code::Xml, "one root element");
}

#[test]
fn bad_input_18_entities_are_not_expanded() {
    let bomb =
        "<!DOCTYPE a [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<annotation><folder>&b;</folder></annotation>";
    skips(&beside_good(bomb.as_bytes()), Code::Xml, "DOCTYPE");
    let external = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><annotation/>";
    skips(&beside_good(external.as_bytes()), Code::Xml, "DOCTYPE");
    skips(&beside_good(b"<annotation><folder>&x;</folder></annotation>"), Code::Xml, "&x; is not expanded");
}

#[test]
fn bad_input_19_attributes_and_nesting() {
    let attributes: String = (0..60_000).map(|index| format!(" a{index}=\"1\"")).collect();
    let many = format!("<annotation{attributes}></annotation>");
    let deep = format!("<annotation>{}", "<a>".repeat(200_000));
    let huge = format!("<annotation>{}</annotation>", " ".repeat(2 << 20));
    for (bytes, expected) in [(&many, "attributes"), (&deep, "nested deeper"), (&huge, "bytes of XML")] {
        skips(&beside_good(bytes.as_bytes()), Code::Limit, expected);
    }
    // No more is looked at than it takes to refuse: attributes up to the limit, elements up to the limit.
    for (bytes, most) in [(&many, 257 + 1), (&deep, 32 + 2)] {
        let before = super::document::steps();
        super::document::parse(bytes, &Limits::default()).unwrap_err();
        let steps = super::document::steps() - before;
        assert!((1..=most).contains(&steps), "{steps} steps");
    }
}

#[test]
fn bad_input_20_encodings() {
    let text = good("n01440764_2").replace("ImageNet database", "Zürich");
    let utf16 = |unit: fn(u16) -> [u8; 2], mark: &[u8]| -> Vec<u8> {
        mark.iter().copied().chain(text.encode_utf16().flat_map(unit)).collect()
    };
    let latin: Vec<u8> = text.chars().map(|character| u8::try_from(character as u32).unwrap()).collect();
    let declared = [b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n".as_slice(), &latin].concat();
    let good = [
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        utf16(u16::to_le_bytes, &[0xff, 0xfe]),
        utf16(u16::to_be_bytes, &[0xfe, 0xff]),
        utf16(u16::to_le_bytes, &[]),
        declared,
    ];
    for bytes in good {
        let read = read_bytes(&beside_good(&bytes)).unwrap();
        assert_eq!(read.rejects, []);
        assert_eq!(read.boxes.column("database").unwrap().str().unwrap().get(1), Some("Zürich"));
    }
    skips(&beside_good(&latin), Code::Xml, "not UTF-8");
    skips(&beside_good(&utf16(u16::to_le_bytes, &[0xff, 0xfe])[..101]), Code::Xml, "broken UTF-16");
}

#[test]
fn bad_input_21_no_object() {
    let read = read_bytes(&beside_good(xml("n01440764_2", ("375", "500"), "").as_bytes())).unwrap();
    assert_eq!((read.boxes.height(), read.without_box.height(), read.rejects.len()), (1, 1, 0));
    assert_eq!((read.counts.files, read.counts.files_without_object), (2, 1));
}

#[test]
fn bad_input_22_several_objects() {
    let two = object(["1", "2", "3", "4"]) + &object(["5", "6", "7", "8"]);
    let read = read_bytes(&beside_good(xml("n01440764_2", ("375", "500"), &two).as_bytes())).unwrap();
    let objects: Vec<i32> = read.boxes.column("object").unwrap().i32().unwrap().into_no_null_iter().collect();
    assert_eq!(objects, [0, 0, 1]);
    assert_eq!(read.counts.files_with_several, 1);
}

#[test]
fn bad_input_23_boxes_that_cannot_be() {
    let cases = [
        (["30", "20", "10", "40"], "inverted"),
        (["10", "20", "10", "40"], "inverted"),
        (["-1", "20", "10", "40"], "negative"),
        (["1.5", "20", "10", "40"], "whole number"),
        (["1.05", "20", "10", "40"], "whole number"),
        (["1e1", "20", "10", "40"], "whole number"),
        (["1.0.0", "20", "10", "40"], "whole number"),
        ([".", "20", "10", "40"], "whole number"),
        (["NaN", "20", "10", "40"], "whole number"),
        (["99999999999999999999", "20", "10", "40"], "whole number"),
        (["", "20", "10", "40"], "xmin missing"),
    ];
    for (corners, expected) in cases {
        let both = object(corners) + &object(["5", "6", "7", "8"]);
        let read = skips(&beside_good(xml("n01440764_2", ("375", "500"), &both).as_bytes()), Code::Box, expected);
        assert!(read.rejects[0].message.contains("ymin 20"), "{:?}", read.rejects);
        assert_eq!((read.boxes.height(), read.counts.boxes_skipped, read.counts.files_skipped), (2, 1, 0));
    }
}

#[test]
fn bad_input_24_box_beyond_the_picture() {
    let text = xml("n01440764_2", ("375", "500"), &object(["400", "300", "501", "9999"]));
    let read = read_bytes(&beside_good(text.as_bytes())).unwrap();
    let last = |name: &str| read.boxes.column(name).unwrap().i32().unwrap().get(1).unwrap();
    assert_eq!([last("xmin"), last("ymin"), last("xmax"), last("ymax")], [400, 300, 500, 375]);
    assert_eq!((read.flags.len(), read.flags[0].code), (1, Code::Box));
    let outside = xml("n01440764_2", ("375", "500"), &object(["500", "0", "510", "10"]));
    skips(&beside_good(outside.as_bytes()), Code::Box, "outside the picture");
}

#[test]
fn bad_input_25_size_0() {
    for size in [("0", "500"), ("375", "0"), ("", "500"), ("375", "wide"), ("-3", "500")] {
        let text = xml("n01440764_2", size, &object(["1", "2", "3", "4"]));
        skips(&beside_good(text.as_bytes()), Code::Xml, "expected a whole number above 0");
    }
}

#[test]
fn bad_input_26_file_name_that_differs() {
    for name in ["%s", "n01440764_99"] {
        let read = read_bytes(&beside_good(good(name).as_bytes())).unwrap();
        assert_eq!(read.boxes.column("filename").unwrap().str().unwrap().get(1), Some("n01440764_2"));
        assert_eq!(read.flags.len(), 1);
    }
}

#[test]
fn bad_input_63_what_an_operating_system_leaves_behind_is_passed_over() {
    let xml = good("n01440764_1");
    let beside = b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ";
    let names = [
        "./._n01440764_1.xml",
        "__MACOSX/n01440764_1.xml",
        ".DS_Store",
        "a/.DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "DESKTOP.INI",
        ".~lock.xml",
        ".git/n01440764_7.xml",
    ];
    let mut members: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, &beside[..])).collect();
    members.push(("./n01440764_1.xml", xml.as_bytes()));
    let inner = gzip(&tar_of(&members));
    let check = |read: &Annotations, leftovers: u64| {
        assert_eq!((read.boxes.height(), read.rejects.as_slice(), read.flags.as_slice()), (1, &[][..], &[][..]));
        let Counts { files, files_skipped, archives_skipped, leftovers: found, .. } = read.counts;
        assert_eq!((files, files_skipped, archives_skipped, found), (1, 0, 0, leftovers));
        assert!(read.counts.line().ends_with(&format!("; {leftovers} files of an operating system passed over")));
    };
    let count = names.len() as u64;
    check(&read_bytes(&inner).unwrap(), count);
    let outer = gzip(&tar_of(&[
        ("./._n01440764.tar.gz", beside),
        ("__MACOSX/._n01440764.tar.gz", beside),
        ("__MACOSX/n01440764.tar.gz", b"no archive"),
        ("./n01440764.tar.gz", &inner),
    ]));
    check(&read_bytes(&outer).unwrap(), count + 3);

    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("n01440764/n01440764_1.xml", xml.as_bytes()),
        ("n01440764/._n01440764_1.xml", beside),
        ("n01440764/Thumbs.db", beside),
        ("__MACOSX/n01440764_9.xml", beside),
        (".DS_Store", beside),
        ("._n01440764.tar.gz", beside),
    ] {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    check(&read_path(folder.path()).unwrap(), 5);
    assert_eq!(first_example(folder.path(), &Limits::default()).unwrap().member, "n01440764_1.xml");
    fs::write(folder.path().join("a.tar.gz"), &outer).unwrap();
    let example = first_example(&folder.path().join("a.tar.gz"), &Limits::default()).unwrap();
    assert_eq!(example.member, "./n01440764_1.xml");
}

#[test]
fn bad_input_72_optional_fields_cost_no_box() {
    let whole = good("n01440764_2");
    let numbers = ["segmented", "depth", "truncated", "difficult"];
    let texts = ["database", "name", "pose"];
    for field in numbers.into_iter().chain(texts) {
        let (begin, end) = (format!("<{field}>"), format!("</{field}>"));
        let (before, rest) = whole.split_once(&begin).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        let with = |value: &str| format!("{before}{begin}{value}{end}{after}");
        let mut changed = vec![format!("{before}{after}"), format!("{before}<{field}/>{after}"), with(""), with("  ")];
        if numbers.contains(&field) {
            changed.extend(["Unspecified", "0.5", "NaN", "true", "99999999999", "1.0.0", "-"].map(with));
        }
        for text in changed {
            let read = read_bytes(&beside_good(text.as_bytes())).unwrap();
            assert_eq!((read.boxes.height(), read.rejects.len(), read.flags.len()), (2, 0, 1), "{text}");
            assert_eq!(read.boxes.column(field).unwrap().null_count(), 1, "{text}");
            let remark = &read.flags[0];
            assert!(remark.message.starts_with(&format!("left empty: {field}")), "{}", remark.message);
            assert_eq!((remark.code, remark.member.as_str()), (Code::Xml, "n01440764_2.xml"));
        }
    }
    let odd = whole.replace("<truncated>0<", "<truncated>0.0597<").replace("<depth>3</depth>", "");
    let read = read_bytes(&beside_good(odd.as_bytes())).unwrap();
    assert_eq!(read.flags[0].message, "left empty: truncated of object 0 is \"0.0597\", depth is missing");
    // What a table of boxes has no column for costs nothing either.
    let more =
        whole.replace("<pose>", "<occluded>Unspecified</occluded><part><bndbox><xmin>x</xmin></bndbox></part><pose>");
    let read = read_bytes(&beside_good(more.as_bytes())).unwrap();
    assert_eq!((read.boxes.height(), read.rejects.len(), read.flags.len()), (2, 0, 0));
    // Many objects without a field are one remark, and a short one.
    let bare = "<object><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>".repeat(500);
    let read = read_bytes(&beside_good(xml("n01440764_2", ("375", "500"), &bare).as_bytes())).unwrap();
    assert_eq!((read.boxes.height(), read.flags.len()), (501, 1));
    assert!(read.flags[0].message.ends_with("and 1,988 more") && read.flags[0].message.len() < 500);
}

#[test]
fn bad_input_73_whole_numbers_written_otherwise() {
    for (width, xmin, truncated) in [
        ("500.0", "10.0", "0.0"),
        (" 500 ", "\n10\t", " 0 "),
        ("+500", "+10", "+0"),
        ("500.", "10.00", "-0"),
        ("0500", "010", "00"),
    ] {
        let text = good("n01440764_2")
            .replace("<width>500<", &format!("<width>{width}<"))
            .replace("<xmin>10<", &format!("<xmin>{xmin}<"))
            .replace("<truncated>0<", &format!("<truncated>{truncated}<"));
        let read = read_bytes(&beside_good(text.as_bytes())).unwrap();
        assert_eq!((read.rejects.len(), read.flags.len()), (0, 0), "{:?} {:?}", read.rejects, read.flags);
        for name in ["width", "xmin", "truncated"] {
            let column = read.boxes.column(name).unwrap().i32().unwrap().clone();
            assert_eq!(column.get(0), column.get(1), "{name}");
        }
    }
    // A fraction: of a side the file cannot be used, of a corner the box, and what is optional is left empty.
    let side = good("n01440764_2").replace("<width>500<", "<width>500.5<");
    skips(&beside_good(side.as_bytes()), Code::Xml, "width is \"500.5\"");
    let corner = good("n01440764_2").replace("<xmin>10<", "<xmin>10.5<");
    skips(&beside_good(corner.as_bytes()), Code::Box, "xmin is not a whole number");
    let optional = good("n01440764_2").replace("<difficult>0<", "<difficult>0.5<");
    assert_eq!(read_bytes(&beside_good(optional.as_bytes())).unwrap().flags.len(), 1);
}

#[test]
fn bad_input_75_other_archives_are_named_with_what_to_do() {
    for (bytes, name) in [
        (&b"PK\x03\x04\x14\0\0\0"[..], "a zip archive"),
        (b"PK\x05\x06\0\0\0\0", "an empty zip archive"),
        (b"BZh91AY&SY", "a bzip2 archive"),
        (b"\xfd7zXZ\0\0\x04", "an xz archive"),
        (b"\x28\xb5\x2f\xfd\0", "a zstd archive"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive"),
        (b"Rar!\x1a\x07\0", "a rar archive"),
        (b"<?xml version=\"1.0\"?><annotation/>", "one XML file"),
        (b"<annotation>\n", "one XML file"),
        (b"\xef\xbb\xbf\n<!doctype HTML>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    ] {
        let error = fails(bytes, Code::Archive, name);
        let hint = error.advice().unwrap();
        assert_eq!(hint.contains("download"), ["a web page", "an empty zip archive"].contains(&name), "{name}: {hint}");
    }
    let unknown = fails(b"hello, this is text", Code::Archive, "begins hello");
    assert!(unknown.advice().unwrap().starts_with("expected Annotation.tar.gz"));
    // Inside an archive or a folder they are passed over with a remark; alone they are what the error names.
    for name in ["a.zip", "a/b.TAR.BZ2", "n01440764.tar.xz", "n01440764_1.xml.gz", "a.7z"] {
        let tar = gzip(&tar_of(&[("n01440764_1.xml", good("n01440764_1").as_bytes()), (name, b"PK")]));
        let read = read_bytes(&tar).unwrap();
        assert_eq!((read.boxes.height(), read.rejects.len(), read.flags.len()), (1, 0, 1), "{name}");
        assert!(read.flags[0].hint.starts_with("unpack it"), "{:?}", read.flags);
        let alone = fails(&gzip(&tar_of(&[(name, b"PK")])), Code::Xml, "no annotation could be read");
        assert!(alone.message().contains("an archive of a kind that is not read"), "{alone}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("n01440764_1.xml"), good("n01440764_1")).unwrap();
        fs::write(folder.path().join(name.rsplit('/').next().unwrap()), b"PK").unwrap();
        let read = read_path(folder.path()).unwrap();
        assert_eq!((read.boxes.height(), read.rejects.len(), read.flags.len()), (1, 0, 1), "{name}");
    }
}

#[test]
fn annotations_as_people_have_them() {
    let (one, two) = (good("n01440764_1.JPEG"), good("2007_000027.jpg"));
    let voc: [(&str, &[u8]); 4] = [
        ("VOCdevkit/VOC2012/Annotations/n01440764_1.xml", one.as_bytes()),
        ("VOCdevkit/VOC2012/Annotations/2007_000027.xml", two.as_bytes()),
        ("VOCdevkit/VOC2012/JPEGImages/2007_000027.jpg", b"\xff\xd8"),
        ("VOCdevkit/VOC2012/ImageSets/Main/train.txt", b"2007_000027\n"),
    ];
    let tar = tar_of(&voc);
    let packed = read_bytes(&gzip(&tar)).unwrap();
    let plain = read_bytes(&tar).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in voc {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let loose = read_path(folder.path()).unwrap();
    for read in [&packed, &plain, &loose] {
        assert_eq!((read.boxes.height(), read.counts.files), (2, 2));
        assert_eq!((read.rejects.len(), read.flags.len()), (0, 0), "{:?}", read.flags);
        assert!(read.boxes.equals_missing(&packed.boxes));
    }
}

#[test]
fn files_of_one_name_in_two_classes_are_two() {
    let of = |class: &str, text: String| text.replace(WNID, class);
    let (one, two) = (of("n01440764", good("1")), of("n02102040", good("1")).replace("<xmin>10<", "<xmin>30<"));
    let bare = two.replace("<folder>n02102040</folder>", "");
    for two in [&two, &bare] {
        let members: [(&str, &[u8]); 2] = [("n01440764/1.xml", one.as_bytes()), ("n02102040/1.xml", two.as_bytes())];
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in members {
            fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        for read in [read_bytes(&gzip(&tar_of(&members))).unwrap(), read_path(folder.path()).unwrap()] {
            assert_eq!((read.boxes.height(), read.rejects.len()), (2, 0), "{:?}", read.rejects);
            let folders = crate::store::texts(&read.boxes, "folder").unwrap();
            assert_eq!(folders, ["n01440764", "n02102040"]);
        }
    }
}

#[test]
fn links_to_folders_and_unreadable_files_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, aside) = (folder.path().join("a"), folder.path().join("aside"));
    fs::create_dir(&inside).unwrap();
    fs::create_dir(&aside).unwrap();
    fs::write(inside.join("n01440764_1.xml"), good("n01440764_1")).unwrap();
    fs::write(aside.join("n01440764_2.xml"), good("n01440764_2")).unwrap();
    std::os::unix::fs::symlink(&aside, inside.join("link")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("nowhere.xml"), inside.join("n01440764_3.xml")).unwrap();
    let read = read_path(&inside).unwrap();
    assert_eq!((read.boxes.height(), read.counts.files_skipped), (1, 1));
    assert!(read.flags[0].message.contains("a link to a folder"), "{:?}", read.flags);
    assert!(read.rejects[0].message.contains("no regular file"), "{:?}", read.rejects);
}

/// Names that break tables which are put together from text.
const ODD_NAMES: [&str; 12] = [
    "two\nlines",
    "carriage\rreturn",
    "both\r\nof them",
    "a \"quoted\" name",
    "a,comma;and tab\t",
    " spaces ",
    "'=1+1",
    "日本語の写真",
    "صورة",
    "🐟",
    "e\u{301}",
    "null",
];

#[test]
fn bad_input_80_names_of_any_letters_are_read_back_from_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let mut files: Vec<Annotation> = ODD_NAMES
        .iter()
        .map(|name| Annotation {
            folder: format!("folder of {name}").into(),
            filename: (*name).into(),
            database: Some((*name).into()),
            size: (10, 20),
            objects: vec![(0, Object { name: Some((*name).into()), corners: [0, 0, 20, 10], ..Object::default() })],
            ..Annotation::default()
        })
        .collect();
    files.sort_by(|a, b| a.folder.cmp(&b.folder));
    let boxes = boxes_table(&files).unwrap();
    for path in store.write_table("boxes", &boxes).unwrap() {
        assert!(read_boxes(&path).unwrap().equals_missing(&boxes), "{}", path.display());
    }
    let none = boxes.head(Some(0));
    let whole = published_form(&boxes, &none).unwrap();
    let pieces = super::published::published_pieces(&boxes, &none).unwrap();
    store.write_pieces("published", pieces).unwrap();
    assert!(store.table("published").unwrap().equals_missing(&whole));
    assert!(csv(&store, "published").equals_missing(&texts_of(&whole)));
    // Through an archive, and in the table of what was skipped.
    let xml = good("n").replace("<xmin>10<", "<xmin>-1<");
    let mut tar = Vec::new();
    for name in ODD_NAMES {
        tar.extend(entry(format!("{name}.xml").as_bytes(), EntryType::Regular, xml.len() as u64, xml.as_bytes()));
    }
    tar.extend([0; 1024]);
    let read = read_bytes(&gzip(&tar)).unwrap();
    assert_eq!((read.rejects.len(), read.counts.files), (ODD_NAMES.len(), ODD_NAMES.len() as u64));
    let rejects = rejects_table(&read.rejects).unwrap();
    store.write_table("rejects", &rejects).unwrap();
    let back = csv(&store, "rejects");
    let members = |table: &DataFrame| crate::store::texts(table, "member").unwrap();
    assert_eq!(members(&back), members(&rejects));
    assert!(members(&back).contains(&"both\r\nof them.xml".to_string()));
}

/// A table's CSV, every column as text.
fn csv(store: &Store, name: &str) -> DataFrame {
    let options = CsvReadOptions::default().with_has_header(true).with_infer_schema_length(Some(0));
    let file = fs::File::open(store.path(&format!("{name}.csv"))).unwrap();
    options.into_reader_with_file_handle(file).finish().unwrap()
}

/// The same table with every column as text.
fn texts_of(table: &DataFrame) -> DataFrame {
    let columns = table.columns().iter().map(|column| column.cast(&DataType::String).unwrap()).collect();
    DataFrame::new(table.height(), columns).unwrap()
}

#[test]
fn a_step_that_fails_for_what_it_skipped_lists_it_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("root")).unwrap();
    let archive = folder.path().join("a.tar.gz");
    fs::write(&archive, beside_good(b"<a>")).unwrap();
    let run = |store: &Store| collect_boxes(store, Some(&archive), &Limits::default(), Progress::silent());
    let error = run(&store).unwrap_err();
    let listed = store.path("imagenet_boundingboxes_rejects.csv");
    assert!(error.to_string().contains("50.0 % were skipped") && error.file() == Some(&archive), "{error}");
    assert!(error.advice().unwrap().contains(&listed.display().to_string()), "{error}");
    assert!(fs::read_to_string(listed).unwrap().contains("n01440764_2.xml"));
    assert!(!store.path("imagenet_boundingboxes.csv").exists(), "nothing else of a step that failed");
    run(&store.accepting(0.5).unwrap()).unwrap();

    // Nothing at all that could be read.
    fs::write(&archive, gzip(&tar_of(&[("n01440764_1.xml", b"<a>")]))).unwrap();
    let store = Store::at(folder.path().join("other")).unwrap();
    let error = run(&store).unwrap_err();
    assert!(error.to_string().contains("no annotation could be read"), "{error}");
    assert!(!error.advice().unwrap().contains("allow more"), "{error}");
    assert!(store.path("imagenet_boundingboxes_rejects.csv").exists());
}

#[test]
fn bad_input_74_step_2_lists_what_it_leaves_out_before_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("root")).unwrap();
    let path = folder.path().join("n01440764_1.png");
    fs::write(&path, crate::pixels::encode_png(&crate::pixels::RgbImage::new(375, 500)).unwrap()).unwrap();
    let images = crate::store::list_images(&[folder.path().to_path_buf()]).unwrap();
    let boxes = read_bytes(&beside_good(good("n01440764_2").as_bytes())).unwrap().boxes;
    let error = choose_boxes(&store, &boxes, &images, &Subset::default()).unwrap_err();
    assert!(error.to_string().contains("1 of another shape than their annotation"), "{error}");
    let listed = fs::read_to_string(store.path("imagenette_boundingboxes_rejects.csv")).unwrap();
    assert!(listed.contains("the photograph is 500 x 375, its annotation says 375 x 500"), "{listed}");
    assert!(!store.path("imagenette_boundingboxes.csv").exists(), "nothing else of a step that failed");
    let keep = Subset { other_shape: OtherShape::Keep, ..Subset::default() };
    assert_eq!(choose_boxes(&store, &boxes, &images, &keep).unwrap().boxes.height(), 1);
}

#[test]
fn too_many_skipped_fail_and_so_does_nothing_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.gz");
    fs::write(&path, beside_good(b"<a>")).unwrap();
    let error = read_archive(&path, &Limits::default(), &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("50.0 % were skipped"), "{error}");
    fails(&gzip(&tar_of(&[("readme.txt", b"x")])), Code::Xml, "no annotation could be read");
}

fn sample() -> BTreeMap<String, Vec<(String, Annotation)>> {
    let corners = |index: i32| [index, index + 1, index + 50, index + 60];
    let file = |wnid: &str, number: i32| {
        let object = |index: i32| {
            let (name, pose) = (Some(wnid.into()), Some("Unspecified".into()));
            (index, Object { name, pose, truncated: Some(0), difficult: Some(index), corners: corners(number + index) })
        };
        let filename = format!("{wnid}_{number}");
        let annotation = Annotation {
            folder: wnid.into(),
            filename: filename.as_str().into(),
            database: Some("drawn & sampled".into()),
            size: (375, 500),
            depth: Some(3),
            segmented: Some(0),
            objects: (0..number % 3).map(object).collect(),
        };
        (filename, annotation)
    };
    (0..20)
        .map(|wnid| format!("n{:08}", 90_000_000 + wnid))
        .map(|wnid| {
            let mut files: Vec<_> = (0..30).map(|number| file(&wnid, number)).collect();
            files.sort_by(|a, b| a.0.cmp(&b.0));
            (wnid, files)
        })
        .collect()
}

fn packed(sample: &BTreeMap<String, Vec<(String, Annotation)>>) -> Vec<u8> {
    let written = sample.iter().map(|(wnid, files)| {
        (wnid.clone(), files.iter().map(|(name, file)| (name.clone(), write_annotation(file))).collect())
    });
    let mut bytes = Vec::new();
    write_archive(&mut bytes, &written.collect()).unwrap();
    bytes
}

#[test]
fn what_is_written_is_read_again() {
    let sample = sample();
    let bytes = packed(&sample);
    assert_eq!(bytes, packed(&sample), "the same annotations gave other bytes");
    let read = read_bytes(&bytes).unwrap();
    let all: Vec<Annotation> = sample.into_values().flatten().map(|(_, file)| file).collect();
    assert!(read.boxes.equals_missing(&boxes_table(&all).unwrap()));
    assert_eq!((read.boxes.height(), read.without_box.height()), (600, 200));
    assert_eq!((read.counts.archives, read.counts.files, read.counts.boxes), (20, 600, 600));
    assert_eq!((read.rejects.len(), read.flags.len()), (0, 0));
}

#[test]
fn the_schema_of_the_tables() {
    let read = read_bytes(&packed(&sample())).unwrap();
    let schema = |table: &DataFrame| -> Vec<(String, DataType)> {
        table.schema().iter().map(|(name, kind)| (name.to_string(), kind.clone())).collect()
    };
    let expected: Vec<(String, DataType)> =
        BOX_COLUMNS.iter().map(|(name, kind)| (name.to_string(), kind.clone())).collect();
    assert_eq!(schema(&read.boxes), expected);
    assert_eq!(schema(&read.without_box), expected[..7]);
    let names: Vec<String> = schema(&rejects_table(&[]).unwrap()).into_iter().map(|column| column.0).collect();
    assert_eq!(names, REJECT_COLUMNS);
}

#[test]
fn rows_do_not_depend_on_threads_or_on_the_form_of_the_input() {
    let sample = sample();
    let bytes = packed(&sample);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("Annotation.tar.gz");
    fs::write(&archive, &bytes).unwrap();
    let synsets = folder.path().join("synsets");
    let loose = folder.path().join("loose");
    fs::create_dir(&synsets).unwrap();
    let mut outer = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    outer.unpack(&synsets).unwrap();
    for (name, file) in sample.values().flatten() {
        fs::create_dir_all(loose.join(&file.folder)).unwrap();
        fs::write(loose.join(&file.folder).join(format!("{name}.xml")), write_annotation(file)).unwrap();
    }
    let read = |threads: usize, path: &PathBuf, queue_bytes: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let limits = Limits { queue_bytes, ..Limits::default() };
        pool.install(|| read_archive(path, &limits, &mut |_| Ok(())).unwrap())
    };
    let first = read(1, &archive, 1);
    for (threads, path, queue) in
        [(4, &archive, 1 << 20), (1, &archive, 1 << 20), (4, &synsets, 4096), (4, &loose, 4096)]
    {
        let other = read(threads, path, queue);
        assert!(first.boxes.equals_missing(&other.boxes), "{threads} threads, {}", path.display());
        assert!(first.without_box.equals_missing(&other.without_box));
        assert_eq!((first.counts.files, first.counts.boxes), (other.counts.files, other.counts.boxes));
    }
}

#[test]
fn an_error_of_the_progress_stops_the_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, packed(&sample())).unwrap();
    let stop = &mut |_: &Counts| Err(Error::new(Code::Stopped, "stopped"));
    assert_eq!(read_archive(&path, &Limits::default(), stop).unwrap_err().code(), Code::Stopped);
}

#[test]
fn the_published_form_has_one_row_a_file() {
    let read = read_bytes(&packed(&sample())).unwrap();
    let published = published_form(&read.boxes, &read.without_box).unwrap();
    let names: Vec<&str> = published.get_column_names().into_iter().map(|name| name.as_str()).collect();
    assert_eq!(names, PUBLISHED_COLUMNS);
    assert_eq!(published.height(), 600);
    let empty = published.column("object.bndbox.xmin").unwrap().null_count();
    assert_eq!(empty, 400, "200 files without object, 200 with two");
    assert_eq!(published.column("object").unwrap().null_count(), 400);
    let lists = published.column("object").unwrap();
    let list = lists.str().unwrap().iter().flatten().next().unwrap();
    let objects: serde_json::Value = serde_json::from_str(list).unwrap();
    assert_eq!(objects.as_array().unwrap().len(), 2);
    assert!(objects[1]["bndbox"]["xmax"].is_i64());
}

#[test]
fn tables_are_read_back_without_loss_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let mut sample = sample();
    // Texts that CSV has to quote, and values that are missing.
    let odd = |number: i32| Annotation {
        folder: "n90000001".into(),
        filename: format!("n90000001_{}", 100 + number).into(),
        database: (number > 0).then(|| "a \"quoted\", one\nof two lines".into()),
        size: (10, 20),
        objects: vec![(number, Object { corners: [0, 0, 20, 10], ..Object::default() })],
        ..Annotation::default()
    };
    let files = sample.get_mut("n90000001").unwrap();
    files.extend([(odd(0).filename.to_string(), odd(0)), (odd(1).filename.to_string(), odd(1))]);
    let mut all: Vec<Annotation> = sample.into_values().flatten().map(|(_, file)| file).collect();
    all.sort_by(|a, b| (&a.folder, &a.filename).cmp(&(&b.folder, &b.filename)));
    let mut rows = super::rows::Rows::default();
    all.iter().for_each(|file| rows.push(file));
    let (boxes, without_box) = super::rows::tables(&[rows]).unwrap();
    for path in store.write_table("boxes", &boxes).unwrap() {
        assert!(read_boxes(&path).unwrap().equals_missing(&boxes), "{}", path.display());
    }
    let whole = published_form(&boxes, &without_box).unwrap();
    let pieces =
        store.write_pieces("published", super::published::published_pieces(&boxes, &without_box).unwrap()).unwrap();
    assert!(store.table("published").unwrap().equals_missing(&whole));
    assert!(pieces.iter().all(|path| path.exists()));
    let (back, empty) = from_published(&store.table("published").unwrap()).unwrap();
    assert!(back.equals_missing(&boxes) && empty.equals_missing(&without_box));
}

#[test]
fn bad_input_54_and_55_tables_that_are_no_tables() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let boxes = read_bytes(&packed(&sample())).unwrap().boxes;
    let [parquet, csv] = store.write_table("boxes", &boxes).unwrap();
    let fails = |path: &Path, bytes: &[u8], expected: &str| {
        fs::write(path, bytes).unwrap();
        let error = read_boxes(path).unwrap_err();
        assert_eq!(error.code(), Code::Table, "{error}");
        assert!(error.to_string().contains(expected) && error.file().is_some(), "{error}");
    };
    let bytes = fs::read(&parquet).unwrap();
    fails(&parquet, &bytes[..bytes.len() - 8], "not a whole table");
    fails(&parquet, &bytes[..bytes.len() / 2], "not a whole table");
    let text = fs::read_to_string(&csv).unwrap();
    fails(&csv, text.replacen(",500,", ",wide,", 1).as_bytes(), "not a whole table");
    fails(&csv, (text.clone() + "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r\n").as_bytes(), "not a whole table");
    fs::write(&csv, text.replace('\n', "\r\n")).unwrap();
    assert!(read_boxes(&csv).unwrap().equals_missing(&boxes), "CRLF");
}

#[test]
fn bad_input_03_what_a_cut_archive_had_is_kept_and_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("root")).unwrap();
    let archive = folder.path().join("Annotation.tar.gz");
    let whole = packed(&sample());
    fs::write(&archive, &whole[..whole.len() * 6 / 10]).unwrap();
    let run = || collect_boxes(&store, Some(&archive), &Limits::default(), Progress::silent());
    let error = run().unwrap_err();
    assert!(error.to_string().contains("cut") && error.at().is_some(), "{error}");
    assert!(!store.path("imagenet_boundingboxes.parquet").exists());
    let kept = Finished::load(&store, &Limits::default()).unwrap();
    assert!((5..20).contains(&kept.len()), "{} of 20 synsets", kept.len());
    assert!(Finished::load(&store, &Limits { xml_depth: 9, ..Limits::default() }).unwrap().is_empty(), "other limits");

    fs::write(&archive, &whole).unwrap();
    let mut finished = kept.clone();
    let resumed = resume_archive(&archive, &Limits::default(), &mut finished, &mut |_| Ok(())).unwrap();
    let straight = read_archive(&archive, &Limits::default(), &mut |_| Ok(())).unwrap();
    assert!(resumed.boxes.equals_missing(&straight.boxes) && resumed.without_box.equals_missing(&straight.without_box));
    assert_eq!(resumed.counts, straight.counts);

    let boxes = run().unwrap();
    assert!(boxes.equals_missing(&straight.boxes));
    assert!(Finished::load(&store, &Limits::default()).unwrap().is_empty(), "cleared");
    assert!(
        fs::read_dir(store.root())
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().contains("unfinished") })
    );
}

#[test]
fn a_stop_keeps_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, packed(&sample())).unwrap();
    let mut finished = Finished::default();
    let stop = &mut |counts: &Counts| {
        if counts.archives < 5 { Ok(()) } else { Err(Error::new(Code::Stopped, "stopped")) }
    };
    assert_eq!(resume_archive(&path, &Limits::default(), &mut finished, stop).unwrap_err().code(), Code::Stopped);
    assert!(finished.len() >= 5);
}

#[test]
fn the_first_file_is_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, packed(&sample())).unwrap();
    let example = first_example(&path, &Limits::default()).unwrap();
    assert!(example.xml.starts_with("<annotation>") && example.member.ends_with(".xml"));
    assert!(first_example(folder.path(), &Limits::default()).unwrap().xml == example.xml, "from its folder");
    fs::write(&path, gzip(&tar_of(&[("readme.txt", b"x")]))).unwrap();
    assert_eq!(first_example(&path, &Limits::default()).unwrap_err().code(), Code::Missing);
}
