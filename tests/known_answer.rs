//! The sample's known answer: what is true by construction must be measured.

use std::collections::HashMap;

use lgf::files::{ImageFile, Store};
use lgf::models::{self, Device, Network, to_input};
use lgf::notebook::Progress;
use lgf::polars::prelude::*;
use lgf::protocol::{Fault, Protocol};
use lgf::sample::{self, Sample};
use lgf::study::Study;
use lgf::table::{floats, texts};
use lgf::{analysis, datasets, edges, overlap, pixels, protocol, relevance};

fn networks(names: &[&str]) -> Vec<Network> {
    let load = |name: &str| {
        let (_, architecture) = sample::NETWORKS.iter().find(|(other, _)| *other == name).unwrap();
        let path = format!("{}/data/models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        Network::load(architecture, path, Device::Cpu).unwrap().folded().unwrap().named(name)
    };
    names.iter().map(|name| load(name)).collect()
}

/// The sample of a protocol, and its photographs that are changed and explained.
fn drawn(store: &Store, protocol: &Protocol) -> (Study, Vec<ImageFile>) {
    let study = sample::write(store, &protocol.sample, Progress::silent()).unwrap();
    let images = study.split_images(store).unwrap();
    let chosen = protocol.sampled(&study, &images).unwrap();
    (study, chosen)
}

#[test]
fn every_network_knows_the_sample_and_the_shape_biases_are_as_built() {
    for (name, _) in sample::NETWORKS {
        let card = sample::test(&networks(&[name])[0], &Sample::default()).unwrap();
        let least = if name == "sin-resnet50" { 0.90 } else { 0.95 };
        assert!(card.top1 >= least, "{name}: top-1 {}", card.top1);
        match name {
            "sin-resnet50" => assert!(card.shape_bias >= 0.80, "{name}: shape bias {}", card.shape_bias),
            "resnet50" => assert!(card.shape_bias <= 0.30, "{name}: shape bias {}", card.shape_bias),
            _ => {}
        }
    }
}

/// What both networks say of the pictures that some choices make of the chosen photographs.
fn predictions(store: &Store, study: &Study, chosen: &[ImageFile], parameters: &datasets::Parameters) -> DataFrame {
    let smoother = parameters.smoothing.l0;
    let manifest = datasets::build(store, chosen, parameters, &smoother, Progress::silent()).unwrap();
    let networks = networks(&["resnet50", "sin-resnet50"]);
    let (classes, how) = (study.class_list(), protocol::corrected().experiments());
    let source = models::Source::Files;
    models::run_experiments(store, &networks, &manifest.table, source, &classes, &how, Progress::silent()).unwrap()
}

/// Shares on edges and outlines beyond chance of the tenth of the pixels that has most relevance, as step 5.3 writes them.
fn overlaps(study: &Study, chosen: &[ImageFile], protocol: &Protocol) -> DataFrame {
    let classes = study.class_list();
    let (mut files, mut wnids, mut models, mut places, mut beyond) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut pixels_of, mut edges_of, mut shared) = (vec![], vec![], vec![]);
    for network in networks(&["resnet50", "sin-resnet50"]) {
        for image in chosen {
            let crop = pixels::imagenet_crop(&pixels::decode(&image.path).unwrap()).unwrap();
            let input = to_input(std::slice::from_ref(&crop), &protocol.normalise.of(&network), Device::Cpu).unwrap();
            let target = classes.index_of(&image.wnid).unwrap();
            let explained = relevance::explain(&network, &input, &[target], &protocol.composite).unwrap();
            let top = explained.maps().unwrap()[0].top(224 * 224 / 10);
            let outlines = edges::contours(&crop, &protocol.edges).unwrap();
            let edges = edges::detect(&crop, &protocol.edges).unwrap().mask;
            for (place, lines) in [("outlines", &outlines), ("whole", &edges)] {
                let found = overlap::compare(&top, lines).unwrap();
                files.push(image.id.clone());
                wnids.push(image.wnid.clone());
                models.push(network.name().to_string());
                places.push(place);
                beyond.push(found.share.unwrap() - overlap::chance(&top, lines).unwrap().unwrap());
                pixels_of.push(found.region as i64);
                edges_of.push(found.edges as i64);
                shared.push(found.shared as i64);
            }
        }
    }
    let region = vec!["top"; files.len()];
    df!(
        "file" => files, "wnid" => wnids, "model" => models, "region" => region, "place" => places,
        "pixels" => pixels_of, "edges" => edges_of, "shared" => shared, "beyond_chance" => beyond,
    )
    .unwrap()
}

#[test]
fn what_is_true_by_construction_is_measured_beyond_its_intervals() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let protocol = protocol::corrected();
    let (study, chosen) = drawn(&store, &protocol);
    let parameters = datasets::Parameters { patches: Vec::new(), ..protocol.datasets.clone() };
    let predictions = predictions(&store, &study, &chosen, &parameters);
    let (pair, conflict) = (networks(&["resnet50", "sin-resnet50"]), study.conflict_folder(&store));
    let (classes, how) = (study.class_list(), protocol.experiments());
    let decisions =
        models::run_conflict(&store, &pair, conflict.as_deref(), &classes, &how, Progress::silent()).unwrap();
    let overlap = overlaps(&study, &chosen, &protocol);
    let answer = analysis::sample_answer(&predictions, &decisions, &overlap).unwrap();
    let (truth, holds) = (texts(&answer, "true by construction").unwrap(), texts(&answer, "holds").unwrap());
    let (low, high) = (floats(&answer, "low").unwrap(), floats(&answer, "high").unwrap());
    let words = analysis::answer_in_words(&answer).unwrap();
    for row in 0..truth.len() {
        let way = match truth[row].as_str() {
            "sin-resnet50 more" => low[row] > 0.0,
            "resnet50 more" => high[row] < 0.0,
            _ => holds[row].is_empty(),
        };
        assert!(way && holds[row] != "no" && holds[row] != "undecided", "row {row} of {words}");
    }
    assert_eq!(truth.iter().filter(|truth| *truth != "open").count(), 4);
    // By how much, too: an instrument that is half broken would still have the sign.
    let difference = floats(&answer, "difference").unwrap();
    assert!(difference[0] > 0.5 && difference[1] > 0.1 && difference[2] < -0.03 && difference[3] > 0.015, "{words}");
    // Four photographs are too few for any of it that is about photographs; the pictures of two cues are all there.
    let few: Vec<ImageFile> = chosen.iter().take(4).cloned().collect();
    let few: Vec<&str> = few.iter().map(|image| image.id.as_str()).collect();
    let of = |table: &DataFrame, column: &str| {
        let keep: Vec<bool> = texts(table, column).unwrap().iter().map(|file| few.contains(&file.as_str())).collect();
        table.filter(&BooleanChunked::from_slice("keep".into(), &keep)).unwrap()
    };
    let answer = analysis::sample_answer(&of(&predictions, "orig_file"), &decisions, &of(&overlap, "file")).unwrap();
    assert_eq!(texts(&answer, "holds").unwrap(), ["yes", "undecided", "undecided", "undecided", ""]);
}

#[test]
fn fault_b10_reaches_the_conclusion_about_difference_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let corrected = protocol::corrected();
    let (study, mut chosen) = drawn(&store, &corrected);
    chosen = chosen.into_iter().step_by(2).collect();
    let concluded = |protocol: &Protocol| {
        let mut parameters = datasets::Parameters { patches: Vec::new(), ..protocol.datasets.clone() };
        parameters.scramble.blocks.truncate(1);
        let predictions = predictions(&store, &study, &chosen, &parameters);
        let overlap = overlaps(&study, &chosen[..1], protocol);
        let table = analysis::conclusions(&predictions, &overlap, &protocol.analysis).unwrap();
        let (names, effects) = (texts(&table, "conclusion").unwrap(), floats(&table, "effect").unwrap());
        names.into_iter().zip(effects).collect::<HashMap<String, f64>>()
    };
    let (signed, absolute) = (concluded(&corrected), concluded(&corrected.repeat(Fault::LostSign)));
    for name in ["difference pictures", "inverse difference pictures"] {
        assert!((signed[name] - absolute[name]).abs() > 1e-3, "{name}: {} {}", signed[name], absolute[name]);
    }
    for name in ["hypothesis 1", "hypothesis 3"] {
        assert_eq!(signed[name], absolute[name], "{name} is about other pictures");
    }
}
