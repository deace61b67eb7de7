//! Files that are no checkpoint, whatever they are named: what they are, and what helps.

use std::io::{Read, Seek, SeekFrom};

use super::choice::Choice;
use super::words::cut;
use crate::error::{Code, Error, Result, listed_by};

/// Bytes of the beginning that are looked at: a tar has its mark at 257.
const BEGINNING: u64 = 512;
/// The last eight bytes of an index of TensorFlow's second form.
const TENSORFLOW_INDEX: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();
const READ: &str = "weights are read from .safetensors, and from .pth as torch.save writes it";

/// Beginnings of known files, what they are, and what helps.
const KNOWN: [(&[u8], &str, &str); 21] = [
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras saves weights", "look for the network's weights of torch"),
    (b"\x1f\x8b", "gzip", "unpack it, then name what is in it: gunzip, or tar xzf"),
    (b"BZh", "bzip2", "unpack it, then name what is in it: bunzip2, or tar xjf"),
    (b"\xfd7zXZ\0", "xz", "unpack it, then name what is in it: unxz, or tar xJf"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "unpack it, then name what is in it: unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it, then name what is in it"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it, then name what is in it"),
    (
        b"\x93NUMPY",
        "one array of numpy",
        "save all arrays by name: torch.save({name: torch.from_numpy(array), …}, path)",
    ),
    (b"GGUF", "weights of a language model (GGUF)", READ),
    (b"PK\x05\x06", "an empty zip", "fetch the file again"),
    (b"\xff\xd8\xff", "a JPEG picture", "weights and pictures are exchanged"),
    (b"\x89PNG", "a PNG picture", "weights and pictures are exchanged"),
    (b"GIF8", "a GIF picture", "weights and pictures are exchanged"),
    (b"%PDF", "a PDF", READ),
    (b"\x7fELF", "a program", READ),
    (b"MZ", "a program", READ),
    (b"-----BEGIN", "a key or a certificate", READ),
    (b"{\"metadata\"", "an index of weights in several files", "join them: one .safetensors is read"),
    (b"{\n  \"metadata\"", "an index of weights in several files", "join them: one .safetensors is read"),
    (b"{", "a text (JSON)", "a server's answer instead of the file, or a configuration beside it"),
    (b"<?xml", "a text (XML)", "a server's answer instead of the file: open its address in a browser and read it"),
];

fn named(what: &str, hint: &str) -> Error {
    Error::new(Code::Checkpoint, format!("this is {what}, not a network's weights")).hint(hint)
}

/// What a file is that begins neither as `torch.save` nor as safetensors writes it.
///
/// # Errors
/// [`Code::Io`] if it cannot be read.
pub fn file(file: &mut (impl Read + Seek), choice: &Choice) -> Result<Error> {
    let unreadable = |cause| Error::new(Code::Io, "cannot be read").because(cause);
    let size = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(8))).and_then(|_| file.read_to_end(&mut end)).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.take(BEGINNING).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.is_empty() {
        return Ok(Error::new(Code::Checkpoint, "the file is empty").hint("fetch it again"));
    }
    if bytes.starts_with(b"version https://git-lfs") {
        let text = String::from_utf8_lossy(&bytes);
        let size = text.lines().find_map(|line| line.strip_prefix("size ")?.parse::<u64>().ok());
        let size = size.map_or(String::new(), |size| format!(" ({size} bytes)"));
        let hint = format!("fetch the file itself{size}: git lfs pull, or the download button of the page");
        return Ok(named("a pointer of Git LFS", &hint));
    }
    if end == TENSORFLOW_INDEX {
        return Ok(named(
            "the index of a TensorFlow checkpoint",
            "only the network that smooths is read from one: --smoother",
        ));
    }
    if let Some(error) = page(&bytes) {
        return Ok(error);
    }
    if let Some(names) = tar(&bytes) {
        return Ok(if ["sys_info", "pickle", "storages", "tensors"].contains(&names.as_str()) {
            let again =
                choice.line("torch.load", "weights_only=False", "c.state_dict() if hasattr(c, \"state_dict\") else c");
            named("the tar of a torch before 0.1.10", &format!("if you trust whoever made it, save it again: {again}"))
        } else {
            named("a tar", &format!("unpack it, then name what is in it, such as {}", cut(&names)))
        });
    }
    if let Some((_, what, hint)) = KNOWN.iter().find(|(begins, ..)| bytes.starts_with(begins)) {
        return Ok(named(what, hint));
    }
    if let [0x80, 2..=5, ..] = bytes[..] {
        let table = "{k: torch.as_tensor(v) for k, v in c.items()}";
        let python = format!("import pickle, torch; c = pickle.load(open({:?}, \"rb\"))", choice.file);
        return Ok(named(
            "a pickle that torch.save did not write in its usual way",
            &format!("if you trust whoever made it, save it again: {python}; torch.save({table}, \"weights.pth\")"),
        ));
    }
    if let Some(error) = message(&bytes) {
        return Ok(error);
    }
    if bytes.iter().all(|&byte| byte == 0) {
        return Ok(
            Error::new(Code::Checkpoint, "begins with nothing but zeros").hint("it never came whole: fetch it again")
        );
    }
    let begins = String::from_utf8_lossy(&bytes[..bytes.len().min(12)]).escape_debug().to_string();
    Ok(Error::new(Code::Checkpoint, format!("neither safetensors nor as torch.save writes it; it begins {begins:?}"))
        .hint(READ))
}

/// A network in protocol buffers: a version, then a text or a message.
fn message(bytes: &[u8]) -> Option<Error> {
    match bytes {
        [0x08, 1, 0x12, ..] => Some(named("a saved model of TensorFlow", READ)),
        [0x08, 2..=30, 0x12, ..] => {
            Some(named("a network in ONNX", "save it from torch: torch.save(model.state_dict(), \"weights.pth\")"))
        }
        _ => None,
    }
}

/// A page of the web, by its first element.
fn page(bytes: &[u8]) -> Option<Error> {
    let text = String::from_utf8_lossy(bytes).trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).to_lowercase();
    let begins = ["<!doctype html", "<html", "<head", "<body", "<script"];
    begins.iter().any(|begin| text.starts_with(begin)).then(|| {
        let start: String = text.chars().take(15).collect();
        named(
            &format!("a page of the web (it begins {:?})", start.to_uppercase()),
            "the download was the page about the file: use the address of the file itself",
        )
    })
}

/// The first name in a tar: by its mark, or in old ones by the checksum of the header.
fn tar(bytes: &[u8]) -> Option<String> {
    let header: &[u8; 512] = bytes.first_chunk()?;
    let octal = |field: &[u8]| {
        let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
        u64::from_str_radix(text, 8).ok()
    };
    let sum: u64 =
        header.iter().enumerate().map(|(at, &byte)| if (148..156).contains(&at) { 32 } else { u64::from(byte) }).sum();
    let name = &header[..header[..100].iter().position(|&byte| byte == 0).unwrap_or(100)];
    (!name.is_empty() && octal(&header[148..156]) == Some(sum)).then(|| String::from_utf8_lossy(name).into_owned())
}

/// What a zip is that `torch.save` did not write, by the names in it.
pub fn zip(names: &[&str], choice: &Choice) -> Option<Error> {
    let ends = |end: &str| names.iter().any(|name| name.ends_with(end));
    if ends("/constants.pkl") || names.iter().any(|name| name.contains("/code/")) {
        let line = choice.line("torch.jit.load", "", "c.state_dict()");
        let hint = format!("a program runs when it is loaded; if you trust whoever made it, save its weights: {line}");
        return Some(named("a TorchScript archive, a program with its weights", &hint));
    }
    if ends("/data.pkl") {
        return None;
    }
    let line = choice.line("torch.export.load", "", "c.state_dict").replace(", map_location=\"cpu\"", "");
    let (what, hint) = match () {
        () if ends("archive_format") || ends("serialized_exported_program.json") => (
            "an archive of torch.export, a program with its weights",
            format!("if you trust whoever made it, save its weights: {line}"),
        ),
        () if ends("model.weights.h5") => ("a model of Keras", "look for the network's weights of torch".to_string()),
        () if !names.is_empty() && names.iter().all(|name| name.ends_with(".npy")) => (
            "arrays of numpy (.npz)",
            "save them by torch: torch.save({k: torch.from_numpy(v) for k, v in numpy.load(path).items()}, …)"
                .to_string(),
        ),
        () if names.is_empty() => return None,
        () => {
            let inside = listed_by(names, 3, |name| cut(name));
            ("a zip of other things", format!("unpack it, then name what is in it: {inside}"))
        }
    };
    Some(named(what, &hint))
}
