//! One reader of foreign bytes, the one that `LGF_READER` names, under libFuzzer: see `tools/fuzz.sh`.
#![no_main]

use std::sync::LazyLock;

use lgf::readers::{READERS, Reader};

static READER: LazyLock<&Reader> = LazyLock::new(|| {
    let name = std::env::var("LGF_READER").unwrap_or_default();
    READERS.iter().find(|reader| reader.name == name).expect("LGF_READER names one of the readers")
});

libfuzzer_sys::fuzz_target!(
    // libFuzzer's own hook would end the process for a panic that the library catches, too.
    init: drop(std::panic::take_hook()),
    |bytes: &[u8]| {
        (READER.check)(bytes);
    }
);
