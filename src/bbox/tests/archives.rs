//! Archives and folders: cut, corrupt, hostile, or of another kind.

use super::*;

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
            let folders = crate::table::texts(&read.boxes, "folder").unwrap();
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
