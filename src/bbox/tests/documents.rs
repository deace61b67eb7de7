//! XML files as they should not be, and as people have them.

use super::*;

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
