//! The command line over the whole sequence on a small sample, and a run that goes on where it stopped.

use std::path::Path;
use std::process::{Command, Output};

use lgf::files::Store;

pub fn lgf(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lgf"))
        .args(arguments)
        .env_remove("LGF_ROOT")
        .env_remove("LGF_PROTOCOL")
        .env_remove("LGF_DEVICE")
        .output()
        .unwrap()
}

pub fn ok(arguments: &[&str]) -> String {
    let output = lgf(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "lgf {}: {error}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Three photographs of two real classes, as PNG, and no annotations.
fn photographs(folder: &Path) {
    for (class, wnid) in ["n01440764", "n03028079"].iter().enumerate() {
        for number in 0..2u32 {
            let picture = lgf::pixels::RgbImage::from_fn(300 + number * 40, 260, |x, y| {
                let inside = (x as i32 - 150).pow(2) + (y as i32 - 130).pow(2) < 80i32.pow(2);
                let stripe = (x / (6 + class as u32 * 9)).is_multiple_of(2);
                lgf::pixels::Rgb(if inside && stripe { [220, 180, 90] } else { [60, 90, 120] })
            });
            let path = folder.join(wnid).join(format!("{wnid}_{number}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, lgf::pixels::encode_png(&picture).unwrap()).unwrap();
        }
    }
}

#[test]
fn photographs_of_ones_own_go_through_steps_1_to_4() {
    let folder = tempfile::tempdir().unwrap();
    photographs(&folder.path().join("photographs"));
    let root = folder.path().join("root");
    let (root, images) = (root.to_str().unwrap(), folder.path().join("photographs"));
    let images = images.to_str().unwrap();
    let said = ok(&["init", "--root", root, "--images", images, "--per-class", "1", "--without-networks"]);
    assert!(said.contains("4 photographs") && said.contains("0 networks"), "{said}");
    for step in ["boxes", "subset", "edges", "datasets"] {
        ok(&[step, "--root", root]);
    }
    let store = Store::at(root).unwrap();
    assert_eq!(store.table("edges_data").unwrap().height(), 4);
    // Two photographs, of each: 16 scrambled, 5 controls, 157 patched, 6 smoothed, 2 differences.
    assert_eq!(store.table("datasets").unwrap().height(), 2 * (16 + 5 + 157 + 6 + 2));
    let before = std::fs::read(store.path("datasets.parquet")).unwrap();
    ok(&["datasets", "--root", root]);
    assert_eq!(std::fs::read(store.path("datasets.parquet")).unwrap(), before);
    // As published: 13 scrambled, 202 patched, 6 smoothed, 2 differences, as JPEG, and nothing of the others is left.
    ok(&["datasets", "--root", root, "--protocol", "published"]);
    assert_eq!(store.table("datasets").unwrap().height(), 2 * (13 + 202 + 6 + 2));
    assert_eq!(std::fs::read_dir(store.path("imagenette2_ptd/n01440764")).unwrap().count(), 202);
}

#[test]
fn edges_logits_and_relevance_of_files() {
    let folder = tempfile::tempdir().unwrap();
    photographs(folder.path());
    let file = folder.path().join("n01440764/n01440764_0.png");
    let out = folder.path().join("out");
    let path = |name: &str| out.join(name).to_str().unwrap().to_string();
    ok(&["edges", "--png", out.to_str().unwrap(), file.to_str().unwrap()]);
    assert!(out.join("n01440764_0.gray.png").exists() && out.join("n01440764_0.edges.png").exists());

    let weights = format!("{}/tests/golden/slim-resnet50.pth", env!("CARGO_MANIFEST_DIR"));
    let network = ["--arch", "slim-resnet50", "--weights", &weights];
    let (logits, npy) = (path("logits.csv"), path("relevance.npy"));
    let files = [file.to_str().unwrap(); 2];
    ok(&[&["predict"], &network[..], &["--logits", &logits], &files].concat());
    let text = std::fs::read_to_string(&logits).unwrap();
    assert_eq!(text.lines().count(), 3);
    assert_eq!(text.lines().nth(1).unwrap().split(',').count(), 11);
    ok(&[&["relevance"], &network[..], &["--npy", &npy, "--target", "3"], &files].concat());
    let bytes = std::fs::read(&npy).unwrap();
    let header = String::from_utf8_lossy(&bytes[..128]).replace(' ', "");
    assert!(header.contains("<f4") && header.contains("(2,3,224,224"), "{header}");
}
