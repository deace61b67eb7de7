//! Every form of file, and every way in which one can be broken.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::choice::Choice;
use super::file::Opened;
use super::fit::{Fit, architectures_of, as_taken, parameters};
use super::{inspect, read_weights, write_weights};
use crate::error::{Code, Result};
use crate::models::{Loading, Network, Weights, architecture, architectures};
use crate::study::Allow;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checkpoints").join(format!("{name}.pth"))
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(golden(name)).unwrap()
}

fn read(bytes: &[u8]) -> Result<Weights> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let read = read_weights(file.path());
    if let Err(error) = &read {
        assert!(error.file().is_some(), "{error}");
    }
    read
}

fn refused(bytes: &[u8]) -> String {
    let error = read(bytes).expect_err("a broken checkpoint is refused");
    assert!(matches!(error.code(), Code::Checkpoint | Code::Limit), "{error}");
    error.to_string()
}

/// The bytes with a piece, wherever it stands, exchanged for another of the same length.
fn exchanged(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..=bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert!(!places.is_empty(), "the piece is not there");
    places.iter().for_each(|&at| bytes[at..at + from.len()].copy_from_slice(to));
    bytes
}

/// A zip with the members of another one, some of them changed or left out; checksums are right.
fn rezipped(name: &str, change: impl Fn(&str, Vec<u8>) -> Vec<(String, Vec<u8>)>) -> Vec<u8> {
    let mut old = zip::ZipArchive::new(std::io::Cursor::new(bytes_of(name))).unwrap();
    let mut new = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for index in 0..old.len() {
        let mut member = old.by_index(index).unwrap();
        let name = member.name().to_string();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        for (name, bytes) in change(&name, bytes) {
            new.start_file(name, stored).unwrap();
            std::io::Write::write_all(&mut new, &bytes).unwrap();
        }
    }
    new.finish().unwrap().into_inner()
}

/// The zip with another pickle in it.
fn with_pickle(name: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    rezipped(name, |member, bytes| {
        let bytes = if member.ends_with("data.pkl") { change(&bytes) } else { bytes };
        vec![(member.to_string(), bytes)]
    })
}

#[test]
fn every_form_of_torch_save_gives_the_numbers_that_were_saved() {
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(golden("zip").with_file_name("values.json")).unwrap()).unwrap();
    let forms = expected["tensors"].as_object().unwrap();
    let refused = ["some_module", "both", "none", "sparse", "list", "whole", "nested_whole", "namespace"];
    assert_eq!(forms.len(), 22);
    for (form, tensors) in forms.iter().filter(|(form, _)| !refused.contains(&form.as_str())) {
        let weights = read_weights(&golden(form)).unwrap();
        assert_eq!(weights.len(), tensors.as_object().unwrap().len(), "{form}");
        for (name, expected) in tensors.as_object().unwrap() {
            let tensor = &weights[name];
            let shape: Vec<i64> = serde_json::from_value(expected["shape"].clone()).unwrap();
            let values: Vec<f64> = serde_json::from_value(expected["values"].clone()).unwrap();
            let found = Vec::<f64>::try_from(tensor.to_kind(Kind::Double).contiguous().view(-1)).unwrap();
            assert_eq!((tensor.size(), found), (shape, values), "{form} {name}");
        }
    }
}

#[test]
fn safetensors_come_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let weights = Weights::from([("fc.weight".to_string(), Tensor::from_slice2(&[[1.5f32, -2.0], [0.1, 3.0]]))]);
    write_weights(&path, &weights, HashMap::new()).unwrap();
    assert_eq!(read_weights(&path).unwrap()["fc.weight"], weights["fc.weight"]);
    let bytes = std::fs::read(&path).unwrap();
    assert!(refused(&bytes[..bytes.len() - 3]).contains("13 bytes of numbers, expected 16"));
    assert!(refused(&bytes[..40]).contains("is cut"));
}

#[test]
fn a_text_is_no_checkpoint() {
    assert!(refused(b"<!DOCTYPE html>").contains("<!DOCTYPE"));
    assert!(refused(b"").contains("the file is empty"));
    assert!(refused(b"some text").contains("it begins \"some text\""));
}

#[test]
fn bad_input_40_a_global_outside_the_list_is_named_with_its_offset() {
    let text = refused(&with_pickle("zip", |pickle| {
        exchanged(pickle, b"ccollections\nOrderedDict", b"cposix_____\nsystem______")
    }));
    assert!(text.contains("asks for posix_____.system______") && text.contains("pickle offset"), "{text}");
    let legacy =
        exchanged(&bytes_of("legacy"), b"ctorch._utils\n_rebuild_tensor_v2", b"ctorch._utils\n_rebuild_tensor_v9");
    assert!(refused(&legacy).contains("_rebuild_tensor_v9"));
    // Whatever is called must be one of three names, and a table's defaults are a table.
    let call = with_pickle("zip", |_| b"\x80\x02cbuiltins\ndict\n)R.".to_vec());
    assert!(refused(&call).contains("not understood"));
}

#[test]
fn bad_input_41_bombs_and_broken_pickles_are_refused_at_once() {
    let nested = |depth: usize| [&b"\x80\x02N"[..], &vec![0x85; depth], b"."].concat();
    let many = |item: &[u8], count: usize| [&b"\x80\x02]("[..], &item.repeat(count), b"e."].concat();
    let doubling = |times: usize| [&b"\x80\x02]q\x00"[..], &b"h\x00h\x00\x86q\x00".repeat(times), b"."].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no table of tensors", doubling(60)),
        ("no table of tensors", doubling(200_000)),
        ("no table of tensors", nested(100_000)),
        ("more than 1000000 operations", many(b"N", 1_200_000)),
        ("cut", b"\x80\x02X\xff\xff\xff\x7fabc".to_vec()),
        ("cut", b"\x80\x02\x8a\xff.".to_vec()),
        ("not there", b"\x80\x02\x86.".to_vec()),
        ("cut", b"\x80\x02}".to_vec()),
        ("no mark", b"\x80\x02t.".to_vec()),
        ("no memo", b"\x80\x02h\x07.".to_vec()),
        ("operation 0x69", b"\x80\x02i.".to_vec()),
        ("without a value", b"\x80\x02}(Nu.".to_vec()),
    ];
    for (what, pickle) in cases {
        let text = refused(&with_pickle("zip", |_| pickle.clone()));
        assert!(text.contains(what), "{what}: {text}");
    }
}

#[test]
fn bad_input_42_tensors_that_reach_beyond_their_storage_are_named() {
    // BININT1 of the storage's count, of a stride and of an offset in `views_zip`: 24 numbers, strides 4 and 1.
    let larger = with_pickle("views_zip", |pickle| exchanged(pickle, b"K\x18t", b"K\x19t"));
    assert!(refused(&larger).contains("expected 100"), "{}", refused(&larger));
    let smaller = with_pickle("views_zip", |pickle| exchanged(pickle, b"K\x06K\x04\x86", b"K\x07K\x04\x86"));
    let text = refused(&smaller);
    assert!(text.contains("tensor whole") && text.contains("reaches number 27 of a storage of 24"), "{text}");
    let negative = with_pickle("views_zip", |pickle| {
        let at = pickle.windows(4).position(|window| window == b"K\x04K\x01").unwrap();
        [&pickle[..at], b"J\xff\xff\xff\xff", &pickle[at + 2..]].concat()
    });
    assert!(refused(&negative).contains("strides [-1, 1]"), "{}", refused(&negative));
    let huge = with_pickle("views_zip", |pickle| {
        let at = pickle.windows(4).position(|window| window == b"K\x06K\x04").unwrap();
        let long = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
        [&pickle[..at], long, &pickle[at + 2..]].concat()
    });
    assert!(refused(&huge).contains("tensor whole"), "{}", refused(&huge));
    // Strides of 0: a tensor of any size on a storage of one number.
    let expanded = with_pickle("views_zip", |pickle| {
        let at = pickle.windows(4).position(|window| window == b"K\x06K\x04").unwrap();
        let strides = at + pickle[at..].windows(4).position(|window| window == b"K\x04K\x01").unwrap();
        let wide = b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f";
        [&pickle[..at], wide, &pickle[at + 4..strides], b"K\0K\0", &pickle[strides + 4..]].concat()
    });
    let text = refused(&expanded);
    assert!(text.contains("tensor whole") && text.contains("and its storage 24"), "{text}");
}

#[test]
fn bad_input_43_an_old_file_that_is_cut_names_storage_and_tensor() {
    let bytes = bytes_of("legacy");
    let text = refused(&bytes[..bytes.len() - 3]);
    assert!(text.contains("the file is cut") && text.contains("storage 3 of 3"), "{text}");
    let text = refused(&bytes[..bytes.len() - 40]);
    assert!(text.contains("storage 2 of 3") && text.contains("of tensor"), "{text}");
    for length in 0..bytes.len() {
        refused(&bytes[..length]);
    }
    let wrong = exchanged(&bytes, &6u64.to_le_bytes(), &7u64.to_le_bytes());
    assert!(refused(&wrong).contains("holds 7 numbers, its tensors say 6"), "{}", refused(&wrong));
}

#[test]
fn bad_input_44_zips_whose_records_cannot_be_believed() {
    let corrupt = exchanged(&bytes_of("zip"), &(-1.5f32).to_le_bytes(), &1.5f32.to_le_bytes());
    assert!(refused(&corrupt).contains("corrupt"), "{}", refused(&corrupt));
    let two = rezipped("zip", |name, bytes| {
        let other = name.replacen('/', "_/", 1);
        if name.ends_with("data.pkl") {
            vec![(name.into(), bytes.clone()), (other, bytes)]
        } else {
            vec![(name.into(), bytes)]
        }
    });
    assert!(refused(&two).contains("2 members named data.pkl"), "{}", refused(&two));
    // One name twice, as no writer makes it: another record's name overwritten.
    let bytes = bytes_of("zip");
    let twice: Vec<u8> = {
        let mut changed = bytes.clone();
        for at in 0..bytes.len() - 6 {
            if &bytes[at..at + 6] == b"data/1" {
                changed[at + 5] = b'0';
            }
        }
        changed
    };
    refused(&twice);
    let overlapping = {
        // The second record's header offset in the central directory set to the first one's.
        let mut changed = bytes.clone();
        let entries: Vec<usize> = (0..bytes.len() - 4).filter(|&at| &bytes[at..at + 4] == b"PK\x01\x02").collect();
        let (first, third) = (entries[0] + 42, entries[2] + 42);
        let offset: [u8; 4] = bytes[first..first + 4].try_into().unwrap();
        changed[third..third + 4].copy_from_slice(&offset);
        changed
    };
    refused(&overlapping);
    let lie = {
        let mut changed = bytes.clone();
        let entry = (0..bytes.len() - 4).find(|&at| &bytes[at..at + 4] == b"PK\x01\x02").unwrap();
        changed[entry + 20..entry + 28].copy_from_slice(&[0xF0, 0xFF, 0xFF, 0x7F, 0xF0, 0xFF, 0xFF, 0x7F]);
        changed
    };
    assert!(refused(&lie).contains("more than the file has"), "{}", refused(&lie));
    let count = {
        let mut changed = bytes.clone();
        let end = bytes.len() - 22;
        changed[end + 10] += 1;
        changed
    };
    refused(&count);
    for length in (0..bytes.len()).step_by(7) {
        refused(&bytes[..length]);
    }
    // Another end in the comment of the first, which counts one record less and has its directory nowhere.
    let mut second = bytes[bytes.len() - 22..].to_vec();
    (second[8], second[10], second[19]) = (second[8] - 1, second[10] - 1, 0x7f);
    refused(&[&bytes[..bytes.len() - 2], &[22, 0], &second].concat());
    let many = rezipped("zip", |name, bytes| match name.ends_with("/version") {
        true => (0..40_001).map(|at| (at.to_string(), Vec::new())).collect(),
        false => vec![(name.to_string(), bytes)],
    });
    assert!(refused(&many).contains("at most 40000"), "{}", refused(&many));
}

#[test]
fn bad_input_45_big_endian_numbers_are_refused() {
    let zip = rezipped("zip", |name, bytes| {
        vec![(name.to_string(), if name.ends_with("byteorder") { b"big".to_vec() } else { bytes })]
    });
    assert!(refused(&zip).contains("big-endian"));
    // NEWTRUE after the key.
    let at = |bytes: &[u8]| bytes.windows(13).position(|window| window == b"little_endian").unwrap();
    let mut legacy = bytes_of("legacy");
    let place = at(&legacy) + (13..20).find(|&step| legacy[at(&legacy) + step] == 0x88).unwrap();
    legacy[place] = 0x89;
    assert!(refused(&legacy).contains("big-endian"));
}

#[test]
fn bad_input_47_module_on_some_names_only_is_refused_with_both_lists() {
    let text = refused(&bytes_of("some_module"));
    assert!(text.contains("1 of 2") && text.contains("module.a") && text.contains("without b"), "{text}");
}

#[test]
fn bad_input_48_ambiguous_nesting_lists_the_tables() {
    let text = refused(&bytes_of("both"));
    assert!(text.contains("state_dict (3 tensors), model (3 tensors)"), "{text}");
    assert!(text.contains("--table state_dict"), "{text}");
    let text = refused(&bytes_of("none"));
    assert!(text.contains("holds no tensor; its keys are epoch, names"), "{text}");
    let text = refused(&bytes_of("list"));
    assert!(text.contains("holds 2 tensors, and no table of tensors by name"), "{text}");
}

/// The tensors of a golden file, and what there is to say, with one table chosen or none.
fn found_in(name: &str, table: Option<&str>) -> Result<(Vec<String>, String)> {
    let path = golden(name);
    let choice = Choice { table: table.map(str::to_string), ..Choice::of_file(&path) };
    let opened = Opened::at(&path, &choice)?;
    let names = opened.shapes().into_keys().collect();
    Ok((names, opened.remarks.join("; ")))
}

#[test]
fn bad_input_76_one_table_is_entered_and_said_and_of_several_one_is_chosen() {
    let names = ["bn.num_batches_tracked", "conv.bias", "conv.weight"].map(str::to_string).to_vec();
    let (found, said) = found_in("net", None).unwrap();
    assert_eq!(found, names);
    assert_eq!(said, "read from its table net; \"module._orig_mod.\" taken off the beginning of every name");
    assert!(found_in("both", None).is_err());
    for table in ["state_dict", "model"] {
        let (found, said) = found_in("both", Some(table)).unwrap();
        assert_eq!((found, said), (names.clone(), format!("read from its table {table}")));
    }
    let error = found_in("both", Some("ema")).unwrap_err().to_string();
    assert!(error.contains("no table \"ema\"") && error.contains("there are state_dict (3 tensors), model"), "{error}");
    let (found, said) = found_in("both", Some("model/conv")).unwrap();
    assert_eq!((found, said.contains("2 of 3 tensors taken")), (vec!["bias".into(), "weight".into()], true), "{said}");
}

#[test]
fn bad_input_77_what_torch_does_not_read_safely_gets_the_line_that_helps() {
    for (name, asks, table) in [
        ("namespace", "argparse.Namespace", "torch.save(c[\"state_dict\"], "),
        ("whole", "torch.nn.modules.container.Sequential", "torch.save(c.state_dict(), "),
        ("nested_whole", "torch.nn.modules.container.Sequential", "torch.save(c[\"model\"].state_dict(), "),
    ] {
        let error = read_weights(&golden(name)).unwrap_err().to_string();
        let file = golden(name).display().to_string();
        let load = format!("c = torch.load({file:?}, map_location=\"cpu\", weights_only=False); {table}");
        for part in
            [&format!("asks for {asks}"), "pickle offset", "If you trust whoever made it", &load, ".weights.pth"]
        {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
    let error = read_weights(&golden("sparse")).unwrap_err().to_string();
    assert!(error.contains("tensor b") && error.contains("is a sparse tensor, which is not read"), "{error}");
}

#[test]
fn bad_input_78_other_files_named_pth_are_named() {
    let tar = |name: &str| {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_old();
        header.set_size(3);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &b"abc"[..]).unwrap();
        tar.into_inner().unwrap()
    };
    let zip = |names: &[&str]| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for name in names {
            zip.start_file(*name, options.compression_method(zip::CompressionMethod::Stored)).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 102530333\n".to_vec();
    let index = [&[0; 100][..], &0xdb47_7524_8b80_fb57_u64.to_le_bytes()].concat();
    for (bytes, what, help) in [
        (pointer, "a pointer of Git LFS", "(102530333 bytes): git lfs pull"),
        (b"\x89HDF\r\n\x1a\n\0\0\0\0".to_vec(), "an HDF5 file, as Keras", "of torch"),
        (b"\x1f\x8b\x08\0\0\0".to_vec(), "gzip", "gunzip"),
        (tar("resnet50.pth"), "this is a tar", "such as resnet50.pth"),
        (tar("storages"), "the tar of a torch before 0.1.10", "weights_only=False); torch.save("),
        (b"\n <!DOCTYPE html><html>".to_vec(), "a page of the web", "the address of the file itself"),
        (b"{\"error\": \"not found\"}".to_vec(), "a text (JSON)", "a server's answer"),
        (b"\x93NUMPY\x01\0".to_vec(), "one array of numpy", "torch.from_numpy"),
        (index, "the index of a TensorFlow checkpoint", "--smoother"),
        (b"\x08\x07\x12\x07pytorch".to_vec(), "a network in ONNX", "torch.save(model.state_dict()"),
        (b"\x80\x04\x95\x10\0\0\0\0\0\0\0}.".to_vec(), "a pickle that torch.save did not write", "pickle.load(open("),
        (vec![0; 4096], "nothing but zeros", "never came whole"),
        (zip(&["m/data.pkl", "m/constants.pkl", "m/code/a.py"]), "a TorchScript archive", "torch.jit.load("),
        (zip(&["a.npy", "b.npy"]), "arrays of numpy (.npz)", "torch.from_numpy"),
        (zip(&["w/resnet50.pth", "w/README"]), "a zip of other things", "w/resnet50.pth, w/README"),
    ] {
        let text = refused(&bytes);
        assert!(text.contains(what) && text.contains(help), "{what}: {text}");
        assert!(!text.contains("architecture"), "{text}");
    }
    let named = tempfile::NamedTempFile::with_suffix(".pth").unwrap();
    let weights = Weights::from([("a".to_string(), Tensor::from_slice(&[1.0f32, 2.0]))]);
    write_weights(named.path(), &weights, HashMap::new()).unwrap();
    assert_eq!(read_weights(named.path()).unwrap(), weights, "safetensors under another name");
}

/// The slim ResNet-50 of the golden files, as safetensors with other names.
fn renamed(path: &Path, name: impl Fn(&str) -> Vec<String>) {
    let weights = read_weights(&golden("").with_file_name("../slim-resnet50.pth")).unwrap();
    let names = weights.iter().flat_map(|(own, tensor)| name(own).into_iter().map(|name| (name, tensor.copy())));
    write_weights(path, &names.collect(), HashMap::new()).unwrap();
}

fn load(path: &Path, table: Option<&str>) -> Result<Network> {
    Network::load_with("slim-resnet50", path, &Loading { table, ..Loading::default() })
}

#[test]
fn bad_input_76_networks_are_loaded_whatever_stands_before_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.pth");
    renamed(&path, |name| vec![name.to_string()]);
    let expected = load(&path, None).unwrap().fingerprint().unwrap();
    for prefix in ["module.", "_orig_mod.", "module._orig_mod.", "model.", "backbone.", "encoder_q."] {
        renamed(&path, |name| vec![format!("{prefix}{name}")]);
        assert_eq!(load(&path, None).unwrap().fingerprint().unwrap(), expected, "{prefix}");
    }
    renamed(&path, |name| vec![format!("encoder_q.{name}"), format!("encoder_k.{name}")]);
    let error = load(&path, None).unwrap_err().to_string();
    assert!(error.contains("encoder_q") && !error.contains("architecture"), "{error}");
    assert_eq!(load(&path, Some("encoder_q")).unwrap().fingerprint().unwrap(), expected);
    assert_eq!(inspect(&path, "slim-resnet50", Some("encoder_k")).unwrap().outputs, Some(10));
}

#[test]
fn bad_input_49_a_file_of_another_architecture_is_named_by_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.pth");
    renamed(&path, |name| vec![format!("module.{name}")]);
    let found = inspect(&path, "slim-vgg16", None).unwrap();
    let error = found.misfit.unwrap().to_string();
    for part in ["missing: classifier.0.bias", "and ", " more", "the file is of the architecture slim-resnet50"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let found = inspect(&path, "slim-resnet50", None).unwrap();
    assert!(found.misfit.is_none());
    assert_eq!((found.outputs, found.fits[0].as_str()), (Some(10), "slim-resnet50"));
    assert_eq!(found.tensors["fc.bias"], [10]);
    assert!(found.remarks[0].contains("module."), "{:?}", found.remarks);
    assert!(inspect(&path, "resnet51", None).unwrap_err().to_string().contains("se-resnext50"));
    // A network without its last layer is that, too.
    let mut weights = read_weights(&path).unwrap();
    weights.retain(|name, _| !name.starts_with("fc."));
    write_weights(&path, &weights, HashMap::new()).unwrap();
    let found = inspect(&path, "slim-resnet50", None).unwrap();
    assert_eq!((found.outputs, found.fits.len()), (None, 0));
    let error = found.misfit.unwrap().to_string();
    assert!(error.contains("missing: fc.bias, fc.weight") && error.contains("saved without"), "{error}");
    renamed(&path, |name| vec![name.to_string()]);
    // A last layer of other classes is that, and no other architecture.
    let mut weights = read_weights(&path).unwrap();
    for (name, sides) in [("fc.weight", vec![7, 128]), ("fc.bias", vec![7])] {
        weights.insert(name.into(), Tensor::zeros(sides, (Kind::Float, tch::Device::Cpu)));
    }
    write_weights(&path, &weights, HashMap::new()).unwrap();
    let found = inspect(&path, "slim-resnet50", None).unwrap();
    let error = found.misfit.unwrap().to_string();
    assert_eq!(found.outputs, Some(7));
    assert!(error.contains("7 outputs, expected 10") && error.contains("other classes"), "{error}");
    weights.insert("fc.weight".into(), Tensor::from(1.0f32));
    weights.insert("fc.bias".into(), Tensor::from(1.0f32));
    write_weights(&path, &weights, HashMap::new()).unwrap();
    let found = inspect(&path, "slim-resnet50", None).unwrap();
    assert!(found.misfit.unwrap().to_string().contains("fc.bias is [], expected [10]"));
}

#[test]
fn bad_input_79_a_negative_variance_is_an_error_unless_it_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.pth");
    renamed(&path, |name| vec![name.to_string()]);
    let mut weights = read_weights(&path).unwrap();
    let variance = weights["layer2.0.bn1.running_var"].copy();
    let _ = variance.get(1).fill_(-0.5);
    weights.insert("layer2.0.bn1.running_var".into(), variance);
    write_weights(&path, &weights, HashMap::new()).unwrap();
    let error = load(&path, None).unwrap_err().to_string();
    for part in ["w.pth", "tensor layer2.0.bn1.running_var", "a variance of -0.5", "\"non_finite\""] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let allowed = Loading { allow: &[Allow::NonFinite], ..Loading::default() };
    Network::load_with("slim-resnet50", &path, &allowed).unwrap();
}

#[test]
fn bad_input_41_what_is_named_again_and_again_is_copied_once() {
    let text = |letter: u8, length: usize| [b"X", &(length as u32).to_le_bytes()[..], &vec![letter; length]].concat();
    let storage = b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQ";
    let rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n";
    let tensor = [rebuild, &b"(("[..], storage, b"K\0K\x02\x85K\x01\x85tR"].concat();
    // A text of a megabyte and a tensor in the memo, then both as key and value 300,000 times.
    let named = |length: usize, times: usize| {
        let start = [b"\x80\x02", &text(b'a', length)[..], b"q\x00", &tensor, b"q\x01}("].concat();
        [start, b"h\x00h\x01".repeat(times), b"u.".to_vec()].concat()
    };
    // One call with 400,000 arguments, made 100,000 times.
    let wide = [rebuild, &b"q\x00((("[..], storage, b"K\0))", &b"N".repeat(400_000), b"tq\x01"].concat();
    let wide = [&b"\x80\x02"[..], &wide, &b"h\x00h\x01R".repeat(100_000), b"."].concat();
    let keys = [&b"\x80\x02"[..], &text(b'k', 40 << 20), b"q\x00}(", &b"h\x00N".repeat(6), b"u."].concat();
    let global = [b"\x80\x02c", &vec![b'g'; 40 << 20][..], b"\n", &vec![b'h'; 20 << 20], b"\n."].concat();
    // The names of the storages in the old form: one long text in a long list.
    let names = [&b"\x80\x02]("[..], &text(b'n', 1 << 20), b"q\x00", &b"h\x00".repeat(300_000), b"e."].concat();
    let old = |pickle: &[u8], names: &[u8]| {
        let bytes = bytes_of("legacy");
        let head = bytes.windows(2).enumerate().filter(|(_, pair)| *pair == b"\x80\x02").map(|(at, _)| at);
        let starts: Vec<usize> = head.collect();
        [&bytes[..starts[3]], pickle, names].concat()
    };
    let described = [b"\x80\x02}X\x01\0\0\0a", &tensor[..], b"s."].concat();
    let cases = [
        ("at most 20000", named(1 << 20, 300_000)),
        ("a tensor's name of 1048576 bytes", named(1 << 20, 2)),
        ("comes twice", named(1000, 20_000)),
        ("400004 arguments", wide),
        ("kkkkkkkkkk…", keys),
        ("gggggggggg…", global),
    ];
    let mut files: Vec<(&str, Vec<u8>)> = vec![("storage 1 of 300001 is named by no tensor", old(&described, &names))];
    for (what, pickle) in cases {
        files.push((what, with_pickle("zip", |_| pickle.clone())));
        files.push((what, old(&pickle, b"")));
    }
    for (what, bytes) in files {
        let text = refused(&bytes);
        assert!(text.contains(what), "{what}: {text:.300}");
        assert!(text.len() < 2000, "{what}: {} bytes of message", text.len());
    }
}

#[test]
fn a_folder_is_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let error = read_weights(folder.path()).unwrap_err();
    assert_eq!(error.code(), Code::Io);
    assert!(error.to_string().contains("check the path"), "{error}");
}

/// Names and shapes of timm's networks, and the name of each here (`tests/reference/names.py`).
fn of_timm() -> Vec<(String, String, Shapes)> {
    let path = golden("").with_file_name("../names.json");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let network = |(name, of): (&String, &serde_json::Value)| {
        let tensors = of["tensors"].as_array().unwrap().iter().map(|tensor| {
            let (name, shape) = tensor.as_str().unwrap().split_once(' ').unwrap();
            (name.to_string(), shape.split(' ').map(|side| side.parse().unwrap()).collect())
        });
        (name.clone(), of["own"].as_str().unwrap().to_string(), tensors.collect())
    };
    json["timm"].as_object().unwrap().iter().map(network).collect()
}

type Shapes = BTreeMap<String, Vec<i64>>;

fn of_timms(name: &str) -> Shapes {
    of_timm().into_iter().find(|(other, ..)| other == name).unwrap().2
}

/// A file of ones by such names and of such shapes.
fn ones(path: &Path, shapes: &Shapes) {
    let one =
        |(name, shape): (&String, &Vec<i64>)| (name.clone(), Tensor::ones(shape, (Kind::Float, tch::Device::Cpu)));
    write_weights(path, &shapes.iter().map(one).collect(), HashMap::new()).unwrap();
}

#[test]
fn names_of_timm_are_those_of_the_networks_here() {
    let networks = of_timm();
    assert_eq!(networks.len(), 21);
    for (name, own, tensors) in networks {
        let needed = parameters(architecture(&own).unwrap().nodes());
        for prefix in ["", "model."] {
            let names: Vec<String> = tensors.keys().map(|name| format!("{prefix}{name}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let choice = Choice::of_network("".as_ref(), &needed);
            let stripped = choice.own_names(&names, None).unwrap().0.into_iter().map(Option::unwrap);
            let stripped: Vec<String> = stripped.collect();
            let stripped: Vec<&str> = stripped.iter().map(String::as_str).collect();
            let reading = choice.reading(&stripped).unwrap();
            assert!(reading.remarks(&names)[0].starts_with("names of timm, read as"), "{name}");
            let read: Shapes = reading.own.into_iter().map(Option::unwrap).zip(tensors.values().cloned()).collect();
            assert_eq!(read.len(), tensors.len(), "{name}");
            Fit::between(&needed, &as_taken(read, &needed)).check().unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert!(architectures_of(&tensors).contains(&own), "{name}");
    }
}

#[test]
fn names_that_are_a_networks_own_stay() {
    for name in architectures() {
        let needed = parameters(architecture(&name).unwrap().nodes());
        let names: Vec<&str> = needed.keys().map(String::as_str).collect();
        assert!(Choice::of_network("".as_ref(), &needed).reading(&names).is_none(), "{name}");
    }
}

/// The narrow VGG-16 of the sample, its tensors as timm has them.
fn vgg_of_timm(path: &Path) -> Weights {
    let needed = parameters(architecture("slim-vgg16").unwrap().nodes());
    let own: Weights = needed
        .iter()
        .map(|(name, shape)| (name.clone(), Tensor::rand(shape, (Kind::Float, tch::Device::Cpu))))
        .collect();
    let timms = own.iter().map(|(name, tensor)| match name.split_at(name.rfind('.').unwrap()) {
        ("classifier.0", ".weight") => ("pre_logits.fc1.weight".into(), tensor.view([64, 32, 7, 7])),
        ("classifier.3", ".weight") => ("pre_logits.fc2.weight".into(), tensor.view([64, 64, 1, 1])),
        ("classifier.0", part) => (format!("pre_logits.fc1{part}"), tensor.copy()),
        ("classifier.3", part) => (format!("pre_logits.fc2{part}"), tensor.copy()),
        ("classifier.6", part) => (format!("head.fc{part}"), tensor.copy()),
        _ => (name.clone(), tensor.copy()),
    });
    write_weights(path, &timms.collect(), HashMap::new()).unwrap();
    own
}

#[test]
fn a_file_of_timm_is_read_by_the_networks_own_names_and_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let own = vgg_of_timm(&path);
    let loaded = Network::load("slim-vgg16", &path).unwrap();
    assert_eq!(loaded.weights(), &own);
    let found = inspect(&path, "slim-vgg16", None).unwrap();
    assert!(found.misfit.is_none() && found.outputs == Some(10));
    assert_eq!(found.remarks, ["names of timm, read as the network's own"]);
    assert_eq!(found.tensors["classifier.0.weight"], [64, 32 * 49]);
    assert_eq!(found.fits, ["slim-vgg16"]);
    // Another architecture is told which it is; and without the network's names the file's stay.
    let error = inspect(&path, "slim-resnet50", None).unwrap().misfit.unwrap().to_string();
    assert!(error.contains("the file is of the architecture slim-vgg16"), "{error}");
    assert!(read_weights(&path).unwrap().contains_key("head.fc.weight"));
    // Under a prefix, beside other tensors.
    let beside = |name: &str| vec![format!("student.{name}"), format!("teacher.{name}")];
    let weights = read_weights(&path).unwrap();
    let both = weights.iter().flat_map(|(name, tensor)| beside(name).into_iter().map(|name| (name, tensor.copy())));
    write_weights(&path, &both.collect(), HashMap::new()).unwrap();
    let error = inspect(&path, "slim-vgg16", None).unwrap_err().to_string();
    assert!(error.contains("--table student or --table teacher"), "{error}");
    let how = Loading { table: Some("teacher"), ..Loading::default() };
    assert_eq!(Network::load_with("slim-vgg16", &path, &how).unwrap().weights(), &own);
}

#[test]
fn what_does_not_fit_is_said_by_the_names_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let misfit = |tensors: &Shapes| {
        ones(&path, tensors);
        let error = inspect(&path, "deit_tiny_patch16_224", None).unwrap().misfit.unwrap();
        assert_eq!(Network::load("deit_tiny_patch16_224", &path).unwrap_err().to_string(), error.to_string());
        error.to_string()
    };
    let tiny = of_timms("deit_tiny_patch16_224");
    let mut tensors = tiny.clone();
    tensors.insert("pos_embed".into(), vec![1, 577, 192]);
    let error = misfit(&tensors);
    for part in [
        "24 x 24 squares, expected 14 x 14",
        "pictures of 384 x 384, which is not supported",
        "pos_embed is [1, 577, 192], expected [1, 197, 192]",
        "take weights that were trained on pictures of 224 x 224",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // A distilled one has a token and a head more.
    let mut tensors = tiny.clone();
    tensors.insert("pos_embed".into(), vec![1, 198, 192]);
    tensors.insert("dist_token".into(), vec![1, 1, 192]);
    tensors.insert("head_dist.weight".into(), vec![1000, 192]);
    tensors.insert("head_dist.bias".into(), vec![1000]);
    let error = misfit(&tensors);
    for part in ["not of this network: dist_token, head_dist.bias, head_dist.weight", "it is a distilled DeiT"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let mut tensors = tiny.clone();
    tensors.insert("pre_logits.fc.weight".into(), vec![192, 192]);
    assert!(misfit(&tensors).contains("a layer before its classes"), "{}", misfit(&tensors));
    // Other classes, and another width.
    let mut tensors = tiny.clone();
    tensors.insert("head.weight".into(), vec![7, 192]);
    tensors.insert("head.bias".into(), vec![7]);
    let error = misfit(&tensors);
    for part in ["7 outputs, expected 1000", "head.bias is [7]", "other classes"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(inspect(&path, "deit_tiny_patch16_224", None).unwrap().outputs, Some(7));
    let error = misfit(&of_timms("deit_small_patch16_224"));
    for part in ["cls_token is [1, 1, 384], expected [1, 1, 192]", "architecture deit_small_patch16_224"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    tensors = tiny;
    tensors.remove("norm.weight");
    let error = misfit(&tensors);
    assert!(error.contains("missing: encoder.ln.weight") && error.contains("saved without these layers"), "{error}");
}

/// A network's own shapes under other names.
fn called(own: &str, name: impl Fn(&str) -> String) -> Shapes {
    let needed = parameters(architecture(own).unwrap().nodes());
    needed.into_iter().map(|(own, shape)| (name(&own), shape)).collect()
}

/// What a network makes of names: its own, and what there is to say.
fn read_by(own: &str, tensors: &Shapes) -> (Result<()>, Vec<String>) {
    let needed = parameters(architecture(own).unwrap().nodes());
    let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
    let reading = Choice::of_network("".as_ref(), &needed).reading(&names).unwrap();
    let remarks = reading.remarks(&names);
    let read = reading.own.into_iter().zip(tensors.values().cloned());
    let read = read.filter_map(|(name, shape)| Some((name?, shape))).collect();
    (Fit::between(&needed, &as_taken(read, &needed)).check(), remarks)
}

#[test]
fn names_of_an_older_torchvision_are_read() {
    // As torchvision 0.26 reads them itself: `_load_state_dict` of densenet.py, `MLPBlock._load_from_state_dict`.
    let dense = |name: &str| match name.contains("denselayer") {
        true => ["norm", "conv"]
            .iter()
            .fold(name.to_string(), |name, part| name.replace(&format!(".{part}"), &format!(".{part}."))),
        false => name.to_string(),
    };
    let vit = |name: &str| name.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2.");
    let files = [("densenet121", called("densenet121", dense)), ("vit_b_16", called("vit_b_16", vit))];
    assert!(files[0].1.contains_key("features.denseblock3.denselayer24.norm.2.running_var"));
    assert!(files[1].1.contains_key("encoder.layers.encoder_layer_11.mlp.linear_2.bias"));
    for (own, tensors) in files {
        let (fit, remarks) = read_by(own, &tensors);
        fit.unwrap();
        assert_eq!(remarks, ["names of an older torchvision, read as the network's own"]);
    }
}

#[test]
fn heads_that_only_training_uses_are_left_out_and_that_is_said() {
    let mut tensors = called("googlenet", str::to_string);
    for name in ["aux1.conv.conv.weight", "aux1.fc1.bias", "aux2.fc2.weight"] {
        tensors.insert(name.into(), vec![1000]);
    }
    let (fit, remarks) = read_by("googlenet", &tensors);
    fit.unwrap();
    assert_eq!(
        remarks,
        ["3 tensors left out, which no result hangs on: aux1.conv.conv.weight, aux1.fc1.bias and 1 more"]
    );
    // What is no such head is not.
    tensors.insert("aux3.fc1.bias".into(), vec![1000]);
    let (fit, _) = read_by("googlenet", &tensors);
    assert!(fit.unwrap_err().to_string().contains("not of this network: aux3.fc1.bias"));
}

#[test]
fn names_of_the_authors_programs_are_read() {
    // As timm 1.0.31 reads them itself: `checkpoint_filter_fn` of convnext.py and swin_transformer.py.
    let convnext: Shapes = of_timms("convnext_tiny")
        .into_iter()
        .map(|(name, shape)| {
            let name =
                name.replace("stem.", "downsample_layers.0.").replace("head.norm", "norm").replace("head.fc", "head");
            let name = name.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv").replace(".blocks.", ".");
            let down = name
                .split_once(".downsample.")
                .map(|(stage, rest)| (stage.replace("stages", "downsample_layers"), rest));
            (down.map_or(name.clone(), |(stage, rest)| format!("{stage}.{rest}")), shape)
        })
        .collect();
    assert!(convnext.contains_key("downsample_layers.3.1.weight") && convnext.contains_key("stages.3.2.pwconv2.bias"));
    let mut swin: Shapes = of_timms("swin_tiny_patch4_window7_224")
        .into_iter()
        .map(|(name, shape)| {
            let earlier =
                |name: String, stage: u32| name.replace(&format!("{stage}.down"), &format!("{}.down", stage - 1));
            ((1..4).fold(name.replace("head.fc", "head"), earlier), shape)
        })
        .collect();
    swin.insert("layers.0.blocks.1.attn_mask".into(), vec![64, 49, 49]);
    swin.insert("layers.0.blocks.1.attn.relative_position_index".into(), vec![49, 49]);
    assert!(swin.contains_key("layers.0.downsample.reduction.weight"));
    for (own, tensors, remarks) in [("convnext_tiny", convnext, 1), ("swin_t", swin, 2)] {
        let (fit, said) = read_by(own, &tensors);
        fit.unwrap();
        assert!(said.len() == remarks && said[0].starts_with("names of its authors' program, read as"), "{said:?}");
    }
}

#[test]
fn two_names_for_one_tensor_are_not_one() {
    let mut tensors = of_timms("deit_tiny_patch16_224");
    tensors.insert("blocks.00.norm1.bias".into(), vec![192]);
    let (fit, _) = read_by("deit_tiny_patch16_224", &tensors);
    assert!(fit.unwrap_err().to_string().contains("not of this network: blocks.00.norm1.bias"));
    tensors.remove("blocks.00.norm1.bias");
    tensors.insert("encoder.ln.bias".into(), vec![192]);
    let (fit, _) = read_by("deit_tiny_patch16_224", &tensors);
    assert!(fit.unwrap_err().to_string().contains("not of this network: norm.bias"));
}

#[test]
fn a_factor_a_channel_is_taken_in_either_shape() {
    let needed = Shapes::from([("a".into(), vec![4, 1, 1]), ("b".into(), vec![4, 6]), ("c".into(), vec![4])]);
    let taken = |shape: &[i64]| as_taken(needed.keys().map(|name| (name.clone(), shape.to_vec())).collect(), &needed);
    assert_eq!(taken(&[4])["a"], [4, 1, 1]);
    assert_eq!(taken(&[4, 3, 2, 1])["b"], [4, 6]);
    assert_eq!(taken(&[4, 1])["c"], [4]);
    for (name, shape) in
        [("a", vec![1, 4, 1]), ("a", vec![]), ("b", vec![6, 4]), ("b", vec![4, 2, i64::MAX, 5]), ("c", vec![4, 2])]
    {
        assert_eq!(taken(&shape)[name], shape);
    }
}
