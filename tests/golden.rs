//! Against golden files that `tests/reference` made with torchvision, Pillow, SciPy and torch.

use std::path::{Path, PathBuf};

use lgf::models::{self, Device, Network, Normalisation};
use lgf::pixels::{self, Limits, Rgb, RgbImage};
use lgf::stats::{Alternative, pearson, wilcoxon};
use lgf::store::sha256_hex;
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden(name)).unwrap()).unwrap()
}

/// The picture of the reference scripts, from the same integer arithmetic.
fn picture(height: u32, width: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (row, col) = (u64::from(y), u64::from(x));
        let channels = [row * 7 + col * 13 + row * col / 3, row * row / 5 + col * 3, row ^ col];
        Rgb(channels.map(|value| (value % 256) as u8))
    })
}

#[test]
fn crop_jpeg_and_decoding_equal_torchvision_and_pillow_to_the_byte() {
    for case in json("preprocessing.json")["cases"].as_array().unwrap() {
        let size = (case["height"].as_u64().unwrap() as u32, case["width"].as_u64().unwrap() as u32);
        let picture = picture(size.0, size.1);
        let jpeg = pixels::encode_jpeg(&picture, 75.0).unwrap();
        assert_eq!(sha256_hex(&jpeg), case["jpeg"].as_str().unwrap(), "JPEG of {size:?}");
        let decoded = pixels::decode_bytes(&jpeg, &Limits::default()).unwrap();
        assert_eq!(sha256_hex(decoded.as_raw()), case["decoded"].as_str().unwrap(), "decoding of {size:?}");
        let crop = pixels::imagenet_crop(&picture).unwrap();
        assert_eq!(sha256_hex(crop.as_raw()), case["crop"].as_str().unwrap(), "crop of {size:?}");
    }
}

#[test]
fn tests_equal_scipy() {
    let close = |found: f64, expected: &Value, relative: f64, what: &str| {
        let expected = expected.as_f64().unwrap();
        assert!(
            (found - expected).abs() <= relative * expected.abs() + 1e-300,
            "{what}: {found:e}, SciPy {expected:e}"
        );
    };
    for case in json("statistics.json")["cases"].as_array().unwrap() {
        let sample = |name: &str| -> Vec<f64> {
            case[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
        };
        let (a, b) = (sample("a"), sample("b"));
        for (name, alternative) in
            [("greater", Alternative::Greater), ("less", Alternative::Less), ("two-sided", Alternative::TwoSided)]
        {
            let what = format!("{name} of {} {}", a.len(), case["kind"]);
            let test = wilcoxon(&a, &b, alternative).unwrap();
            close(test.statistic, &case[name][0], 1e-9, &what);
            close(test.p, &case[name][1], 1e-6, &what);
        }
        let test = pearson(&a, &b).unwrap();
        let what = format!("pearson of {} {}", a.len(), case["kind"]);
        close(test.statistic, &case["pearson"][0], 1e-9, &what);
        close(test.p, &case["pearson"][1], 1e-6, &what);
    }
}

#[test]
fn networks_read_from_torch_save_give_torchs_logits() {
    let expected = json("networks.json");
    for (name, logits) in expected["logits"].as_object().unwrap() {
        let network = Network::load(name, golden(&format!("{name}.pth")), Device::Cpu).unwrap();
        for network in [network.folded().unwrap(), network] {
            let found = models::logits(&network, &[picture(224, 224)], &Normalisation::imagenet()).unwrap();
            let scale = found[0].iter().map(|logit| logit.abs()).fold(0.0, f32::max);
            for (found, expected) in found[0].iter().zip(logits.as_array().unwrap()) {
                let expected = expected.as_f64().unwrap() as f32;
                assert!((found - expected).abs() <= 1e-4 * scale, "{name}: {found}, torchvision {expected}");
            }
        }
    }
}
