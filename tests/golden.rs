//! Against golden files that `tests/reference` made with torchvision, Pillow, OpenCV, SciPy and torch.

use lgf::files::sha256_hex;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use lgf::datasets::{self, L0, Smoother};
use lgf::edges;
use lgf::inference::{self, Device, Engine, Normalise};
use lgf::models::{self, Architecture, Network, Weights};
use lgf::pixels::{self, Limits, Original, Rgb, RgbImage};
use lgf::stats::{self, Alternative, pearson, wilcoxon};
use serde_json::Value;

use crate::sequence::ok;

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

pub fn json(name: &str) -> Value {
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
fn bad_input_30_cmyk_equals_pillow_to_the_byte() {
    let decoded = pixels::decode(golden("cmyk.jpg")).unwrap();
    assert_eq!(decoded.dimensions(), (40, 24));
    assert_eq!(sha256_hex(decoded.as_raw()), json("preprocessing.json")["cmyk"].as_str().unwrap());
}

/// The pictures of `tests/reference/edges.py`: flat, noise, or steps with a little noise on them.
fn grainy(kind: &str, (height, width): (u32, u32), seed: u32) -> RgbImage {
    let grain = |index: u32| {
        let mut x = (index + 1).wrapping_mul(0x9E37_79B1) ^ seed.wrapping_mul(0x85EB_CA77);
        x ^= x >> 15;
        x.wrapping_mul(0x2C1B_3C6D) >> 24
    };
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([0, 1, 2].map(|channel| {
            let grain = grain((y * width + x) * 3 + channel);
            let value = match kind {
                "black" => 0,
                "white" => 255,
                "noise" => grain,
                _ if kind.starts_with("around ") => {
                    let level: u32 = kind[7..].parse().unwrap();
                    (level + (y / 9 * 53 + x / 11 * 71) % 201 + grain / 8).saturating_sub(116).min(255)
                }
                _ => (y / 9 * 53 + x / 11 * 71 + channel * 29) % 200 + grain / 8,
            };
            value as u8
        }))
    })
}

/// Every form of denoising and Canny that the golden file has, for one picture.
fn equals_opencv(picture: &RgbImage, case: &Value, canny: &[Value], what: &str) {
    let windows: Vec<f64> = case["windows"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    let (h, h_color, template, search) = (windows[0] as f32, windows[1] as f32, windows[2] as u32, windows[3] as u32);
    let same = |found: &[u8], expected: &Value, name: &str| {
        assert_eq!(sha256_hex(found), expected.as_str().unwrap(), "{name} of {what}");
    };
    let denoised = edges::non_local_means_color(picture, h, h_color, template, search).unwrap();
    same(denoised.as_raw(), &case["denoised"], "colour");
    let gray = edges::to_gray(&denoised);
    same(gray.as_raw(), &case["gray"], "grey");
    let plain = edges::to_gray(picture);
    let denoised = edges::non_local_means(&plain, h, template, search).unwrap();
    same(denoised.as_raw(), &case["gray_denoised"], "denoised grey");
    for (index, parameters) in canny.iter().enumerate() {
        let aperture = if parameters[0] == 3 { edges::Aperture::Three } else { edges::Aperture::Five };
        let norm = if parameters[1] == true { edges::GradientNorm::L2 } else { edges::GradientNorm::L1 };
        let (low, high) = (parameters[2].as_f64().unwrap(), parameters[3].as_f64().unwrap());
        let name = format!("Canny {parameters}");
        let found = edges::canny(&gray, low, high, aperture, norm).unwrap();
        same(found.as_raw(), &case["edges"][index], &name);
        let found = edges::canny(&plain, low, high, aperture, norm).unwrap();
        same(found.as_raw(), &case["plain_edges"][index], &name);
    }
    let found = edges::detect::<Original>(picture, &edges::Parameters::published()).unwrap();
    same(found.gray.as_raw(), &case["published"][0], "published grey");
    same(found.mask.to_gray().as_raw(), &case["published"][1], "published edges");
}

#[test]
fn edges_equal_opencv_to_the_byte_on_pictures_of_every_awkward_size() {
    let golden = json("edges.json");
    let canny = golden["canny"].as_array().unwrap();
    let cases = golden["generated"].as_array().unwrap();
    assert_eq!(cases.len(), 52);
    for case in cases {
        let size = |name: &str| case[name].as_u64().unwrap() as u32;
        let kind = case["kind"].as_str().unwrap();
        let picture = grainy(kind, (size("height"), size("width")), size("seed"));
        equals_opencv(&picture, case, canny, &format!("{kind}, {} x {}", size("height"), size("width")));
    }
}

#[test]
fn edges_equal_opencv_to_the_byte_on_photographs_of_the_sample() {
    let golden = json("edges.json");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    ok(&["sample", "--root", root]);
    let cases = golden["sample"].as_array().unwrap();
    assert!(cases.len() >= 6);
    for case in cases {
        let file = case["file"].as_str().unwrap();
        let picture = pixels::decode(folder.path().join(file)).unwrap();
        equals_opencv(&picture, case, golden["canny"].as_array().unwrap(), file);
    }
}

#[test]
fn tests_equal_scipy() {
    let golden = json("statistics.json");
    let numbers =
        |value: &Value| -> Vec<f64> { value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect() };
    let close = |found: f64, expected: f64, relative: f64, what: &str| {
        let within = (found - expected).abs() <= relative * expected.abs() + 1e-300;
        assert!(within, "{what}: {found:e}, expected {expected:e}");
    };
    // SciPy gives a statistic of 0 some rounding; p is infinitely small, or not a number, where nothing varies.
    let equal = |found: lgf::Result<stats::Test>, expected: &Value, what: &str| {
        let [Some(statistic), p] = [&expected[0], &expected[1]].map(Value::as_f64) else {
            assert!(found.is_err(), "{what}: SciPy does not say");
            return;
        };
        let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(
            (found.statistic - statistic).abs() <= 1e-9 * statistic.abs().max(1.0),
            "{what}: {found:?} {statistic}"
        );
        let p = p.unwrap();
        assert!((found.p - p).abs() <= 1e-6 * p || (p < 1e-30 && found.p < 1e-30), "{what}: {:e} {p:e}", found.p);
    };
    let ways = [("greater", Alternative::Greater), ("less", Alternative::Less), ("two-sided", Alternative::TwoSided)];
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let (a, b) = (numbers(&case["a"]), numbers(&case["b"]));
        let what = |name: &str| format!("{name} of {} {}", a.len(), case["kind"]);
        for (name, alternative) in ways {
            equal(wilcoxon(&a, &b, alternative), &case[name], &what(name));
            equal(stats::paired_t(&a, &b, alternative), &case[format!("t {name}")], &what(name));
            if a.len() <= 13 {
                let found = stats::permutation(&a, &b, alternative, 1);
                equal(found, &case[format!("permutation {name}")], &what(&format!("permutation {name}")));
            }
        }
        equal(pearson(&a, &b), &case["pearson"], &what("Pearson"));
        if !case["spearman"].is_null() {
            equal(stats::spearman(&a, &b), &case["spearman"], &what("Spearman"));
            let expected = case["concordance"].as_f64().unwrap();
            assert!((stats::concordance(&a, &b).unwrap() - expected).abs() < 1e-9, "{}", what("Lin"));
            let (slope, intercept) = stats::regression(&a, &b).unwrap();
            for (found, expected) in [slope, intercept].into_iter().zip(numbers(&case["regression"])) {
                assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{}", what("regression"));
            }
        }
        equal(stats::shapiro_wilk(&a), &case["shapiro"], &what("Shapiro-Wilk"));
        if !case["shapiro of differences"].is_null() {
            let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
            equal(
                stats::shapiro_wilk(&differences),
                &case["shapiro of differences"],
                &what("Shapiro-Wilk, differences"),
            );
        }
    }
    for case in golden["shapiro"].as_array().unwrap() {
        equal(stats::shapiro_wilk(&numbers(&case["values"])), &case["shapiro"], "Shapiro-Wilk");
    }
    for case in golden["holm"].as_array().unwrap() {
        let adjusted = stats::holm(&numbers(&case["p"])).unwrap();
        adjusted.iter().zip(numbers(&case["adjusted"])).for_each(|(a, b)| close(*a, b, 1e-12, "Holm"));
    }
    for case in golden["qq"].as_array().unwrap() {
        let points = stats::normal_plot(&numbers(&case["values"])).unwrap();
        for (place, (theoretical, sample)) in points.into_iter().enumerate() {
            let expected = case["theoretical"][place].as_f64().unwrap();
            assert!((theoretical - expected).abs() < 1e-9, "Q-Q: {theoretical} {expected}");
            close(sample, case["sample"][place].as_f64().unwrap(), 1e-12, "Q-Q");
        }
    }
}

/// The numbers of `tests/reference/networks.py` for a tensor of a name, in [0, 1).
pub fn noise(name: &str, count: usize) -> Vec<f32> {
    let mark = name.bytes().fold(0x811C_9DC5u32, |mark, byte| (mark ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mix = |index: usize| {
        let mut x = (index as u32).wrapping_mul(2_654_435_761).wrapping_add(mark);
        x ^= x >> 15;
        x = x.wrapping_mul(0x2C1B_3C6D);
        x ^= x >> 12;
        x = x.wrapping_mul(0x297A_2D39);
        x ^= x >> 15;
        (x >> 8) as f32 / (1 << 24) as f32
    };
    (0..count).map(mix).collect()
}

/// Weights and batch-norm statistics as that script fills them in.
pub fn filled(architecture: &Architecture) -> Weights {
    filled_nodes(architecture.nodes())
}

/// The same for any layers.
pub fn filled_nodes(nodes: &[models::Node]) -> Weights {
    let mut weights = Weights::new();
    let soft = nodes.iter().any(|node| matches!(node.layer, models::Layer::Silu | models::Layer::HardSwish));
    let size = if soft { 1.0 } else { 0.6 };
    for node in nodes {
        let norm = matches!(node.layer, models::Layer::BatchNorm { .. } | models::Layer::LayerNorm { .. });
        for parameter in node.layer.parameters() {
            let count = parameter.shape.iter().product::<i64>() as usize;
            let part = parameter.name.rsplit('.').next().unwrap();
            let fan_in = count as f64 / parameter.shape[0] as f64;
            let value = |u: f32| match part {
                "running_var" => (u + 0.5) * 0.6,
                "weight" if norm => (u + 0.5) * size,
                "layer_scale" => u * 0.5,
                "class_token" | "pos_embedding" | "relative_position_bias_table" => u * 2.0 - 1.0,
                "weight" | "in_proj_weight" => (u * 2.0 - 1.0) * (6.0 / fan_in).sqrt() as f32,
                _ => (u * 2.0 - 1.0) * if norm { 0.2 } else { 0.1 },
            };
            let values: Vec<f32> = noise(&parameter.name, count).into_iter().map(value).collect();
            weights.insert(parameter.name, tch::Tensor::from_slice(&values).view(&parameter.shape[..]));
        }
    }
    weights
}

/// At full size, end to end from JPEG, merged: as a cell asks for them, and as the workers of step 5 do, by other kernels. The
/// narrow ones as `torch.save` wrote them, too.
#[test]
fn networks_give_the_logits_of_torchvision_and_pretrainedmodels() {
    let golden = json("networks.json");
    let jpeg = pixels::encode_jpeg(&picture(375, 500), 75.0).unwrap();
    let photograph = pixels::decode_bytes(&jpeg, &Limits::default()).unwrap();
    let expected = golden["logits"].as_object().unwrap();
    assert_eq!(expected.len(), 43);
    // The largest of them are for `make check-models`.
    const LARGE: [&str; 8] = [
        "densenet161",
        "densenet201",
        "regnet_y_8gf",
        "convnext_small",
        "convnext_base",
        "vit_b_16",
        "vit_b_32",
        "vit_l_16",
    ];
    let all = std::env::var_os("LGF_ALL_NETWORKS").is_some();
    for (name, logits) in expected.iter().filter(|(name, _)| all || !LARGE.contains(&name.as_str())) {
        let network = if name.starts_with("slim-") {
            Engine::load(name, self::golden(&format!("{name}.pth")), Device::Cpu).unwrap()
        } else {
            let architecture = models::architecture(name).unwrap();
            Engine::new(Network::new(name, &architecture, filled(&architecture)).unwrap(), Device::Cpu)
        };
        let expected: Vec<f32> =
            logits.as_array().unwrap().iter().map(|logit| logit.as_f64().unwrap() as f32).collect();
        let scale = expected.iter().map(|logit| logit.abs()).fold(0.0, f32::max);
        let forms = if name.starts_with("slim-") {
            vec![network.folded().unwrap(), network]
        } else {
            vec![network.folded().unwrap()]
        };
        let crop = forms[0].view().crop(&photograph).unwrap();
        for network in forms {
            let logits =
                |network: &Engine| inference::logits(network, std::slice::from_ref(&crop), Normalise::AsTrained);
            let inside = inference::on_workers(&[&network], &[()], |()| Ok(()), |own, ()| logits(&own[0])).unwrap();
            for found in [&logits(&network).unwrap()[0], &inside[0][0]] {
                assert_eq!(found.len(), expected.len());
                let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst <= 1e-4 * scale, "{name}: off by {worst} of {scale}");
            }
        }
    }
}

#[test]
fn networks_have_the_names_and_shapes_of_the_libraries() {
    let golden = json("networks.json");
    let keys = golden["keys"].as_object().unwrap();
    assert_eq!(keys.len(), 32);
    for (name, expected) in keys {
        let architecture = models::architecture(name).unwrap();
        let parameters = architecture.nodes().iter().flat_map(|node| node.layer.parameters());
        let mut lines: Vec<String> =
            parameters.map(|parameter| format!("{} {:?}", parameter.name, parameter.shape)).collect();
        lines.sort();
        assert_eq!(sha256_hex(lines.join("\n").as_bytes()), expected.as_str().unwrap(), "{name}");
    }
}

#[test]
fn scrambled_and_patched_pictures_and_their_jpegs_equal_numpy_and_pillow_to_the_byte() {
    let golden = json("datasets.json");
    let picture = picture(224, 224);
    let base = pixels::JpegBase::new(&picture, 75.0).unwrap();
    let equal = |found: &RgbImage, areas: &[pixels::Area], pixels: &Value, jpeg: &Value, what: &str| {
        assert_eq!(sha256_hex(found.as_raw()), pixels.as_str().unwrap(), "{what}");
        assert_eq!(sha256_hex(&base.encode(found, areas).unwrap()), jpeg.as_str().unwrap(), "JPEG of {what}");
        assert_eq!(sha256_hex(&pixels::encode_jpeg(found, 75.0).unwrap()), jpeg.as_str().unwrap(), "JPEG of {what}");
    };
    let scrambled = golden["scrambled"].as_array().unwrap();
    assert_eq!(scrambled.len(), 6);
    for case in scrambled {
        let block = case["block"].as_u64().unwrap() as u32;
        let order: Vec<u32> =
            case["order"].as_array().unwrap().iter().map(|block| block.as_u64().unwrap() as u32).collect();
        let found = datasets::scrambled(&picture, block, &order).unwrap();
        equal(&found, &[(0, 0, 224, 224)], &case["pixels"], &case["jpeg"], &format!("blocks of {block}"));
    }
    let patched = golden["patched"].as_array().unwrap();
    assert_eq!(patched.len(), 7);
    for case in patched {
        let size = case["size"].as_u64().unwrap() as u32;
        let boxes = datasets::patch_boxes(224, size, size);
        let singles = boxes.iter().map(|patch| vec![*patch]).chain([boxes.clone()]);
        assert_eq!(case["pixels"].as_array().unwrap().len(), boxes.len() + 1, "{size}");
        for (index, boxes) in singles.enumerate() {
            let found = datasets::patched(&picture, &boxes, &RgbImage::new(224, 224));
            let areas: Vec<pixels::Area> =
                boxes.iter().map(|patch| (patch.row, patch.col, patch.height, patch.width)).collect();
            equal(&found, &areas, &case["pixels"][index], &case["jpeg"][index], &format!("patch {index} of {size}"));
        }
    }
}

#[test]
fn l0_smoothing_equals_numpy_within_one_grey_level() {
    let golden = json("datasets.json");
    let cases = golden["l0"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let number = |name: &str| case[name].as_u64().unwrap() as u32;
        let bytes = |name: &str| {
            let bytes = base64::engine::general_purpose::STANDARD.decode(case[name].as_str().unwrap()).unwrap();
            RgbImage::from_raw(number("width"), number("height"), bytes).unwrap()
        };
        let smoothed = datasets::smooth(&bytes("from"), &L0::default(), number("passes")).unwrap().pop().unwrap();
        let differences: Vec<u8> =
            smoothed.as_raw().iter().zip(bytes("to").as_raw()).map(|(a, b)| a.abs_diff(*b)).collect();
        assert!(differences.iter().all(|&difference| difference <= 1), "{} x {}", number("height"), number("width"));
        assert_ne!(smoothed, bytes("from"), "nothing was smoothed");
    }
}

#[test]
fn the_published_smoother_equals_tensorflow() {
    let golden = json("eps/outputs.json");
    let eps = inference::Eps::load(self::golden("eps/model-2"), Device::Cpu).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let picture = picture(case["height"].as_u64().unwrap() as u32, case["width"].as_u64().unwrap() as u32);
        let output = eps.output(&picture).unwrap();
        let expected: Vec<f64> =
            case["output"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        assert_eq!(output.len(), expected.len());
        for (found, expected) in output.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4 * 255.0, "{found} {expected}");
        }
        // Step 4 asks for it from threads of its own, step 5 from workers in which libtorch has one thread: the same bytes.
        let inside = inference::on_workers(&[], &[()], |()| Ok(()), |_, ()| eps.output(&picture)).unwrap();
        assert_eq!(inside[0], output);
        let rounded = eps.pass(&picture).unwrap();
        assert!(
            rounded.as_raw().iter().zip(&expected).all(|(found, expected)| (f64::from(*found) - expected).abs() < 0.51)
        );
        assert_ne!(rounded, picture);
    }
}

#[test]
fn power_equals_statsmodels() {
    for case in json("power.json")["cases"].as_array().unwrap() {
        let number = |name: &str| case[name].as_f64().unwrap();
        let found = lgf::stats::power(number("n") as usize, number("effect"), number("alpha")).unwrap();
        assert!((found - number("power")).abs() < 1e-8, "{found} {case}");
    }
}
