//! Folders of photographs as people have them, through the command line.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use lgf::files::Store;
use lgf::polars::prelude::*;
use lgf::table::{floats, texts};

use crate::sequence::{lgf, ok};

/// A picture that tells its number: a disc whose place and stripes depend on it.
fn picture(number: u32) -> lgf::pixels::RgbImage {
    lgf::pixels::RgbImage::from_fn(280 + number * 10, 260, |x, y| {
        let inside = (x as i32 - 100 - 12 * number as i32).pow(2) + (y as i32 - 130).pow(2) < 70i32.pow(2);
        let stripe = (x / (5 + 3 * number)).is_multiple_of(2);
        lgf::pixels::Rgb(if inside && stripe { [230, 170, 80] } else { [50, 90, 130] })
    })
}

fn write(folder: &Path, name: &str, number: u32) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, lgf::pixels::encode_jpeg(&picture(number), 92.0).unwrap()).unwrap();
    path
}

struct Place {
    _folder: tempfile::TempDir,
    images: PathBuf,
    root: String,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let (images, root) = (folder.path().join("images"), folder.path().join("root"));
    std::fs::create_dir(&images).unwrap();
    Place { images, root: root.to_str().unwrap().to_string(), _folder: folder }
}

impl Place {
    /// `lgf init` for steps 1 to 4, with one photograph a class.
    fn init(&self, more: &[&str]) -> Result<String, String> {
        let images = self.images.to_str().unwrap();
        let own = ["init", "--root", &self.root, "--images", images, "--without-networks"];
        let output = lgf(&[&own, more].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn steps(&self, more: &[&str]) {
        for step in ["boxes", "subset", "edges"] {
            ok(&[&[step, "--root", &self.root], more].concat());
        }
    }

    fn store(&self) -> Store {
        Store::at(&self.root).unwrap()
    }
}

#[test]
fn bad_input_64_one_file_name_in_two_classes_is_two_photographs_in_every_step() {
    let own = place();
    for (number, class) in ["n01440764", "n02102040"].iter().enumerate() {
        write(&own.images, &format!("val/{class}/1.JPEG"), number as u32);
        write(&own.images, &format!("val/{class}/2.JPEG"), 2 + number as u32);
    }
    own.init(&["--per-class", "1"]).unwrap();
    own.steps(&[]);
    let store = own.store();
    let edges = store.table("edges_data").unwrap();
    let masks = texts(&edges, "mask").unwrap();
    assert_eq!(masks.len(), 4);
    let files: std::collections::BTreeSet<Vec<u8>> = masks.iter().map(|mask| store.read(mask).unwrap()).collect();
    assert_eq!(files.len(), 4, "each photograph has a mask of its own");
    ok(&["datasets", "--root", &own.root]);
    let manifest = store.table("datasets").unwrap();
    let made: std::collections::BTreeSet<String> = texts(&manifest, "file").unwrap().into_iter().collect();
    assert_eq!(made.len(), manifest.height());

    // Files of one name keep apart where they are written beside each other; the others keep their plain names.
    let out = own.images.parent().unwrap().join("out");
    let one = |name: &str| own.images.join(name).to_str().unwrap().to_string();
    let files = [one("val/n01440764/1.JPEG"), one("val/n02102040/1.JPEG"), one("val/n02102040/2.JPEG")];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    ok(&[&["edges", "--png", out.to_str().unwrap()], &files[..]].concat());
    for name in ["n01440764/1.JPEG.edges.png", "n02102040/1.JPEG.edges.png", "2.edges.png"] {
        assert!(out.join(name).exists(), "{name}");
    }
    // However their paths are written, nothing goes beside the folder.
    let around = own.images.join("val/n01440764/../n01440764/../../val/n01440764/1.JPEG");
    let around = [around.to_str().unwrap(), files[1]];
    ok(&[&["edges", "--png", out.join("around").to_str().unwrap()], &around[..]].concat());
    assert!(out.join("around/n01440764/1.JPEG.edges.png").exists());
    ok(&[&["datasets", "--crops", out.to_str().unwrap()], &files[..2]].concat());
    let crops =
        ["n01440764/1.JPEG.crop.png", "n02102040/1.JPEG.crop.png"].map(|name| std::fs::read(out.join(name)).unwrap());
    assert_ne!(crops[0], crops[1]);
}

#[test]
fn bad_input_63_65_70_what_is_no_photograph_is_said_and_left_alone() {
    let own = place();
    let first = write(&own.images, "val/n01440764/a.JPEG", 0);
    write(&own.images, "val/n02102040/b.jfif", 1);
    for name in ["val/n01440764/._a.JPEG", "val/n01440764/Thumbs.db", "__MACOSX/val/n01440764/c.JPEG", ".DS_Store"] {
        let path = own.images.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "not a picture").unwrap();
    }
    std::fs::write(own.images.join("val/n01440764/d.webp"), "RIFF").unwrap();
    symlink(&first, own.images.join("val/n01440764/z.JPEG")).unwrap();
    symlink(&own.images, own.images.join("val/n02102040/up")).unwrap();
    let said = own.init(&["--per-class", "1"]).unwrap();
    assert!(said.contains("2 photographs") && said.contains("n01440764 1, n02102040 1"), "{said}");
    for part in ["4 files of an operating system", "second path", "(.webp 1)"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    own.steps(&[]);
    assert_eq!(own.store().table("edges_data").unwrap().height(), 2);
    assert_eq!(own.store().table("edges_rejects").unwrap().height(), 0);
}

#[test]
fn bad_input_66_a_link_that_leads_nowhere_is_a_reject_and_the_rest_goes_on() {
    let own = place();
    for number in 0..4 {
        write(&own.images, &format!("n01440764/{number}.JPEG"), number);
    }
    symlink("gone.JPEG", own.images.join("n01440764/5.JPEG")).unwrap();
    own.init(&["--per-class", "1"]).unwrap();
    own.steps(&["--max-reject-share", "0.3"]);
    let store = own.store();
    let rejects = store.table("edges_rejects").unwrap();
    assert_eq!((store.table("edges_data").unwrap().height(), rejects.height()), (4, 1));
    assert_eq!(texts(&rejects, "member").unwrap(), ["n01440764/5.JPEG"]);
    assert!(texts(&rejects, "hint").unwrap()[0].contains("link leads nowhere"));
}

#[test]
fn bad_input_71_layouts_are_said_by_init_before_anything_is_written() {
    for (names, expected) in [
        (["val/ILSVRC2012_val_00000001.JPEG", "val/ILSVRC2012_val_00000002.JPEG"], "no folder of a class (2)"),
        (["val/0/ILSVRC2012_val_00000001.JPEG", "val/1/ILSVRC2012_val_00000002.JPEG"], "\"0\" (1), \"1\" (1)"),
        (["val/n01440764/1.JPEG", "val/n99999999/2.JPEG"], "no class of the networks' outputs for 1 of 2 photographs"),
    ] {
        let own = place();
        names.iter().for_each(|name| drop(write(&own.images, name, 1)));
        let text = own.init(&[]).unwrap_err();
        assert!(text.contains(expected) && text.contains("what is read: <folder>/<wnid>/<name>.JPEG"), "{text}");
        assert!(!Path::new(&own.root).join("study.json").exists());
    }
    // Folders that carry the classes' names are read.
    let own = place();
    write(&own.images, "train/golf_ball/1.JPEG", 0);
    write(&own.images, "train/Garbage truck/1.JPEG", 1);
    let said = own.init(&["--per-class", "1"]).unwrap();
    assert!(said.contains("n03417042 1, n03445777 1"), "{said}");
}

#[test]
fn init_refuses_what_later_steps_could_not_do() {
    let own = place();
    write(&own.images, "n01440764/1.JPEG", 0);
    write(&own.images, "n02102040/1.JPEG", 1);
    let refused = own.init(&["--per-class", "2"]).unwrap_err();
    assert!(refused.contains("2 photographs of each class were asked for; n01440764 has 1"), "{refused}");
    assert!(own.init(&["--per-class", "0"]).unwrap_err().contains("0 photographs of each class"));
    assert!(own.init(&["--split", "test"]).unwrap_err().contains("no photograph in a folder named \"test\""));
    assert!(!Path::new(&own.root).join("study.json").exists());
    own.init(&[]).unwrap();
    let again = own.init(&[]).unwrap_err();
    assert!(again.contains("there is a study in this data root already") && again.contains("--replace"), "{again}");
    own.init(&["--replace", "--per-class", "1"]).unwrap();
    // A study without networks says so where one is needed.
    let output = lgf(&["run", "--root", &own.root]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("no networks"), "{text}");
}

#[test]
fn bad_input_80_any_name_comes_back_from_the_tables() {
    let own = place();
    let names = [
        "n01440764/a,\"b\".JPEG",
        "n01440764/two\nlines.JPEG",
        "n01440764/Küste 海.JPEG",
        "n01440764/it's; a\ttab.JPEG",
    ];
    let paths: Vec<PathBuf> =
        names.iter().enumerate().map(|(number, name)| write(&own.images, name, number as u32)).collect();
    own.init(&["--per-class", "4"]).unwrap();
    own.steps(&[]);
    let store = own.store();
    let read = |path: &Path| {
        let file = std::fs::File::open(path).unwrap();
        CsvReader::new(file).finish().unwrap()
    };
    let mut expected: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    expected.sort();
    for table in [store.table("edges_data").unwrap(), read(&store.path("edges_data.csv"))] {
        assert_eq!(texts(&table, "file").unwrap(), expected);
    }
    // The logits of files, too.
    let weights = format!("{}/tests/golden/slim-resnet50.pth", env!("CARGO_MANIFEST_DIR"));
    let logits = own.images.parent().unwrap().join("logits.csv");
    let files: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let network = ["predict", "--arch", "slim-resnet50", "--weights", &weights, "--logits", logits.to_str().unwrap()];
    ok(&[&network[..], &files].concat());
    let table = read(&logits);
    assert_eq!(texts(&table, "file").unwrap(), files);
    assert!(floats(&table, "9").unwrap().iter().all(|logit| logit.is_finite()));
}

#[test]
fn a_photograph_that_may_not_be_read_is_said_to_be_one() {
    use std::os::unix::fs::PermissionsExt;
    let own = place();
    let path = write(&own.images, "n01440764/1.JPEG", 0);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        eprintln!("this process may read every file: nothing to see");
        return;
    }
    let out = own.images.join("out");
    let output = lgf(&["edges", "--png", out.to_str().unwrap(), path.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("right to read") && !text.contains("--root"), "{text}");
    assert_eq!(text.matches("Permission denied").count(), 1, "{text}");
}
