//! A machine that refuses threads, memory or files: words, exit 1, nothing half-written.

use std::path::Path;
use std::process::{Command, Output};

/// The command line under a limit as bash's `ulimit` sets it.
fn limited(limit: &str, arguments: &[&str]) -> Output {
    limited_by(&["bash"], limit, &[], arguments)
}

fn limited_by(shell: &[&str], limit: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", &format!("ulimit {limit} && exec \"$@\""), "bash", env!("CARGO_BIN_EXE_lgf")])
        .args(arguments)
        .envs(environment.iter().copied())
        .env_remove("LGF_ROOT")
        .env_remove("LGF_PROTOCOL")
        .env_remove("LGF_DEVICE")
        .output()
        .unwrap()
}

/// What a call that must be refused in words said.
fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

fn picture(folder: &Path) -> String {
    let path = folder.join("a.png");
    let image = lgf::pixels::RgbImage::from_fn(240, 230, |x, y| lgf::pixels::Rgb([x as u8, (x * y) as u8, y as u8]));
    std::fs::write(&path, lgf::pixels::encode_png(&image).unwrap()).unwrap();
    path.to_str().unwrap().to_string()
}

/// Inference (libtorch's threads and our own), edges (rayon's) and tables (polars's), each with what it writes.
fn steps(folder: &Path) -> [(Vec<String>, String); 3] {
    let (picture, out) = (picture(folder), folder.join("out"));
    std::fs::create_dir_all(&out).unwrap();
    let (weights, out) =
        (format!("{}/tests/golden/slim-resnet50.pth", env!("CARGO_MANIFEST_DIR")), out.to_str().unwrap());
    let words = |text: String| text.split(' ').map(str::to_string).collect();
    let annotations = folder.join("n01440764");
    std::fs::create_dir_all(&annotations).unwrap();
    let xml = "<annotation><filename>n01440764_1</filename><size><width>300</width><height>200</height></size><object>\
               <name>n01440764</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>90</xmax><ymax>80</ymax></bndbox></object></annotation>";
    std::fs::write(annotations.join("n01440764_1.xml"), xml).unwrap();
    let annotations = annotations.to_str().unwrap();
    [
        (
            words(format!("predict --arch slim-resnet50 --weights {weights} --logits {out}/logits.csv {picture}")),
            format!("{out}/logits.csv"),
        ),
        (words(format!("edges --png {out} {picture}")), format!("{out}/a.edges.png")),
        (words(format!("boxes --root {out} --archive {annotations}")), format!("{out}/imagenet_boundingboxes.parquet")),
    ]
}

fn as_words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// As a user of its own, of whom the limit counts all threads; the superuser has none. It may read everything, as the libraries
/// may lie where others may not.
const OTHER_USER: [&str; 7] = [
    "setpriv",
    "--reuid=64081",
    "--regid=64081",
    "--clear-groups",
    "--inh-caps=+dac_override,+dac_read_search",
    "--ambient-caps=+dac_override,+dac_read_search",
    "bash",
];

#[test]
fn bad_input_81_threads_that_cannot_start_end_in_words_in_every_pool() {
    let probe = Command::new(OTHER_USER[0]).args(&OTHER_USER[1..]).args(["-c", "ulimit -u 1 && id -u"]).output();
    if !probe.as_ref().is_ok_and(|output| output.stdout.starts_with(b"64081")) {
        println!("skipped: no process of another user can be started here ({probe:?})");
        return;
    }
    let cores = std::thread::available_parallelism().unwrap().get();
    // From none beside the first to more than all pools have, in steps about as large as a pool.
    let mut counts: Vec<usize> = (0..=8).map(|part| 1 + part * cores / 2).collect();
    counts.extend([4 * cores, 4 * cores + 2, 8 * cores + 8]);
    for count in counts {
        let folder = tempfile::tempdir().unwrap();
        for (arguments, written) in steps(folder.path()) {
            let output = limited_by(&OTHER_USER, &format!("-u {count}"), &[], &as_words(&arguments));
            if output.status.success() {
                assert!(Path::new(&written).exists(), "{count} {arguments:?}");
                assert!(count > 2 * cores, "{count} threads are not enough for {arguments:?}");
            } else {
                let said = refused(&output);
                assert!(
                    said.contains("refuses a thread") && said.contains("ulimit -u"),
                    "{count} {arguments:?}: {said}"
                );
                assert_eq!(files(&folder.path().join("out")), [""; 0], "{count} {arguments:?}");
                assert!(count < 8 * cores + 8, "{count} threads are enough for {arguments:?}: {said}");
            }
        }
    }
}

#[test]
fn bad_input_81_threads_without_room_for_their_stacks_end_in_words() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, _) in steps(folder.path()) {
        let stack = [("RUST_MIN_STACK", "70368744177664")];
        let said = refused(&limited_by(&["bash"], "-c 0", &stack, &as_words(&arguments)));
        assert!(said.contains("refuses a thread"), "{said}");
        assert_eq!(files(&folder.path().join("out")), [""; 0]);
    }
}

#[test]
fn bad_input_81_files_that_may_not_grow_end_in_words_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let [predict, edges, boxes] = steps(folder.path());
    let out = folder.path().join("out");
    let weights = &predict.0[4];
    let npy = out.join("map.npy");
    let npy = format!("relevance --arch slim-resnet50 --weights {weights} --npy {} {}", npy.display(), predict.0[7]);
    let npy: Vec<String> = npy.split(' ').map(str::to_string).collect();
    let sample: Vec<String> = ["sample", "--root", out.to_str().unwrap()].map(str::to_string).to_vec();
    for (limit, arguments) in [(0, &predict.0), (1, &edges.0), (1, &boxes.0), (64, &npy), (8, &sample)] {
        let said = refused(&limited(&format!("-f {limit}"), &as_words(arguments)));
        assert!(said.contains("File too large") && said.contains("ulimit -f"), "{arguments:?}: {said}");
        let left: Vec<String> = files(&out).into_iter().filter(|name| !whole(Path::new(name), limit)).collect();
        assert_eq!(left, [""; 0], "{arguments:?}");
    }
}

/// Whether a file was finished: no temporary name, no manifest of a step that was not, and no longer than is allowed.
fn whole(path: &Path, kibibytes: u64) -> bool {
    let name = path.display().to_string();
    let size = std::fs::metadata(path).unwrap().len();
    !name.ends_with(".part") && !name.contains("manifests/") && size > 0 && size < kibibytes.max(1) * 1024
}

#[test]
fn bad_input_81_open_files_and_address_space_that_are_refused_are_said_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, _) in steps(folder.path()) {
        let said = refused(&limited("-n 16", &as_words(&arguments)));
        assert!(said.contains("refuses an open file") && said.contains("ulimit -n"), "{said}");
        assert_eq!(files(&folder.path().join("out")), [""; 0]);
    }
    let (arguments, written) = &steps(folder.path())[0];
    let (mut said_so, mut enough) = (0, 0);
    // The loader itself needs several hundred MiB for the libraries.
    for mebibytes in (256..=4096).step_by(256) {
        let output = limited(&format!("-v {}", mebibytes * 1024), &as_words(arguments));
        match output.status.code() {
            Some(0) => {
                assert!(Path::new(written).exists());
                std::fs::remove_file(written).unwrap();
                enough += 1;
            }
            // The loader's own status, and its own words.
            Some(127) => assert!(String::from_utf8_lossy(&output.stderr).contains("shared librar")),
            _ => {
                let said = refused(&output);
                assert!(said.contains("of address space") && said.contains("ulimit -v"), "{mebibytes} MiB: {said}");
                said_so += 1;
            }
        }
        assert_eq!(files(&folder.path().join("out")), [""; 0], "{mebibytes} MiB");
    }
    assert!(said_so > 2 && enough > 2, "{said_so} and {enough}");
}
