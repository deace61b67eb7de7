//! Every reader of foreign bytes by name, with what must hold whatever it is given. The tests mutate kept inputs of each
//! (`tests/corpus`); `tools/fuzz.sh` has libFuzzer look for more of them.

#![cfg(feature = "torch")]

use std::path::Path;

use crate::error::Result;
use crate::files::Scratch;
use crate::{bbox, datasets, files, models, observers, pixels, stage, study, table};

#[cfg(test)]
mod memory;
#[cfg(test)]
mod mutations;

/// A reader.
#[derive(Debug)]
pub struct Reader {
    /// Its name, and that of the folder of its kept inputs.
    pub name: &'static str,
    /// How many mutations the tests try.
    pub mutations: u64,
    /// Pieces that matter to it.
    pub words: &'static [&'static [u8]],
    /// Whether it read what it was given, or refused it; a panic where something does not hold.
    pub check: fn(&[u8]) -> bool,
}

/// The list, and a test for each.
macro_rules! readers {
    ($($name:ident $mutations:literal $words:ident $check:path;)*) => {
        /// All of them.
        pub const READERS: &[Reader] = &[$(
            Reader { name: stringify!($name), mutations: $mutations, words: $words, check: $check }
        ),*];

        #[cfg(test)]
        mod tests {
            $(#[test]
            fn $name() {
                let of = |reader: &&super::Reader| reader.name == stringify!($name);
                super::mutations::hunt(super::READERS.iter().find(of).unwrap());
            })*
        }
    };
}

readers! {
    xml 10_000 XML bbox::probe::xml;
    tar 300 XML bbox::probe::tar;
    gzip 300 XML bbox::probe::archive;
    boxes 100 TEXT bbox::probe::boxes;
    jpeg 1_000 JPEG pixels::probe::picture;
    png 1_000 PNG pixels::probe::picture;
    legacy 10_000 PICKLE models::probe::torch;
    zip 5_000 PICKLE models::probe::torch_zip;
    safetensors 5_000 JSON models::probe::safetensors;
    tensorflow_index 2_000 NUMBERS models::probe::tensorflow_index;
    tensorflow_shard 100 NUMBERS models::probe::tensorflow_shard;
    networks 1_000 JSON models::probe::networks;
    wheel 5_000 NUMBERS files::probe::wheel;
    data 300 NUMBERS files::probe::data;
    pip 3_000 TEXT files::probe::pip;
    manifest 500 JSON stage::probe::manifest;
    parts 500 NUMBERS stage::probe::parts;
    parquet 200 NUMBERS table::probe::parquet;
    study 500 JSON study::probe::study;
    categories 2_000 TEXT study::probe::categories;
    classes 5_000 TEXT study::probe::classes;
    stimuli 1_000 TEXT study::probe::stimuli;
    decisions 3_000 TEXT observers::probe::decisions;
    manipulations 3_000 TEXT datasets::probe::manipulations;
}

/// What was read; of what was refused nothing: its error says something, in a few lines.
pub(crate) fn read<T>(outcome: Result<T>) -> Option<T> {
    outcome.inspect_err(|error| assert!(!error.message().is_empty() && error.to_string().len() < 10_000)).ok()
}

/// Bytes, packed.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).and_then(|()| encoder.finish()).expect("it is in memory")
}

/// Runs `then` on a folder of some files; whatever it does, nothing is beside the folder afterwards.
pub(crate) fn in_folder<T>(files: &[(&str, &[u8])], then: impl FnOnce(&Path) -> T) -> T {
    let scratch = Scratch::beside(&std::env::temp_dir().join("lgf-reader")).expect("a folder for temporary files");
    let folder = scratch.folder().join("one/two/three");
    for (name, bytes) in files {
        let path = folder.join(name);
        let written = std::fs::create_dir_all(files::folder_of(&path)).and_then(|()| std::fs::write(&path, bytes));
        written.expect("room for temporary files");
    }
    let came = then(&folder);
    for (above, only) in folder.ancestors().skip(1).zip(folder.ancestors()).take(3) {
        let there: Vec<_> = std::fs::read_dir(above).expect("it is there").flatten().map(|one| one.path()).collect();
        assert_eq!(there, [only], "something was written outside of the folder");
    }
    came
}

/// As [`in_folder`], of one file.
pub(crate) fn in_file<T>(name: &str, bytes: &[u8], then: impl FnOnce(&Path) -> T) -> T {
    in_folder(&[(name, bytes)], |folder| then(&folder.join(name)))
}

const XML: &[&[u8]] = &[
    b"<object>",
    b"</object>",
    b"<bndbox>",
    b"<xmin>",
    b"</xmin>",
    b"-1",
    b"99999999999999999999",
    b"+10.0",
    b"0.5",
    b"Unspecified",
    b"._",
    b"NaN",
    b"&amp;",
    b"&x;",
    b"&#0;",
    b"<![CDATA[",
    b"]]>",
    b"<!DOCTYPE a [",
    b"<!ENTITY x \"y\">",
    b"<!--",
    b"<?xml encoding=\"ISO-8859-1\"?>",
    b"\xff\xfe",
    b"ustar\0",
    b"../",
    b"7777777777777",
    b"\0\0\0\0\0\0\0\0",
];

/// Operations and words of a pickle, and numbers at the ends of their ranges.
const PICKLE: &[&[u8]] = &[
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
    b"\0\0\0\0",
    b"\xff\xff\xff\x7f",
];

const JPEG: &[&[u8]] = &[
    b"\xff\xd8\xff",
    b"\xff\xc0\0\x11\x08",
    b"\xff\xc2\0\x11\x08",
    b"\xff\xc4\0\x1f\0",
    b"\xff\xda\0\x0c\x03",
    b"\xff\xdb\0\x43\0",
    b"\xff\xdd\0\x04\0\x01",
    b"\xff\xd0",
    b"\xff\xd9",
    b"\xff\xee\0\x0eAdobe",
    b"\xff\xff",
    b"\0\0",
    b"\x7f\xff",
];

const PNG: &[&[u8]] = &[
    b"IHDR",
    b"IDAT",
    b"IEND",
    b"PLTE",
    b"tRNS",
    b"iCCP",
    b"acTL",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
];

const NUMBERS: &[&[u8]] = &[
    b"\0",
    b"\0\0\0\0",
    b"\xff\xff",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PAR1",
    b"../",
];

const JSON: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b",",
    b":",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"18446744073709551615",
    b"\\u0000",
    b"\\ud800",
    b"../",
    b"\xff",
    b"[[[[[[[[[[[[[[[[",
];

const TEXT: &[&[u8]] = &[
    b",",
    b"\n",
    b"\r\n",
    b"\"",
    b"\"\"",
    b"NaN",
    b"inf",
    b"na",
    b"-1",
    b"1.0",
    b"4294967296",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\0",
    b"_",
    b"-",
    b"/",
    b"=",
    b":",
    b"+",
    b"..",
    "\u{130}".as_bytes(),
];
