//! The sample's known answer: what is true by construction must be measured.

use lgf::models::{self, Device, Network, to_input};
use lgf::notebook::Progress;
use lgf::protocol::Protocol;
use lgf::sample::{self, Sample};
use lgf::store::{ImageFile, Store, Study, floats, texts};
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

#[test]
fn scrambling_hurts_the_shape_network_more_and_smoothing_the_texture_network() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let protocol = protocol::corrected();
    let (study, chosen) = drawn(&store, &protocol);
    let patches = protocol.datasets.patches[3..4].to_vec();
    let parameters = datasets::Parameters { patches, ..protocol.datasets.clone() };
    let smoother = parameters.smoothing.l0;
    let manifest = datasets::build(&store, &chosen, &parameters, &smoother, Progress::silent()).unwrap();
    let networks = networks(&["resnet50", "sin-resnet50"]);
    let classes = study.class_list();
    let predictions = models::run_experiments(
        &store,
        &networks,
        &manifest.table,
        models::Source::Files,
        &classes,
        &protocol.experiments(),
        Progress::silent(),
    )
    .unwrap();
    let fall = |kind: &str, model: &str| {
        let table = analysis::drops(&predictions, kind, "true_acc").unwrap();
        let (models, means) = (texts(&table, "model").unwrap(), floats(&table, "mean").unwrap());
        let own: Vec<f64> = (0..models.len()).filter(|&row| models[row] == model).map(|row| means[row]).collect();
        own.iter().sum::<f64>() / own.len() as f64
    };
    let (plain, exchanged) = (fall("scrambled", "resnet50"), fall("scrambled", "sin-resnet50"));
    assert!(exchanged > plain + 0.1, "scrambled: resnet50 falls by {plain:.3}, sin-resnet50 by {exchanged:.3}");
    let (plain, exchanged) = (fall("smoothed", "resnet50"), fall("smoothed", "sin-resnet50"));
    assert!(plain > exchanged + 0.03, "smoothed: resnet50 falls by {plain:.3}, sin-resnet50 by {exchanged:.3}");
}

#[test]
fn relevance_of_the_shape_network_lies_on_outlines_more_than_that_of_the_texture_network() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let protocol = protocol::corrected();
    let (study, chosen) = drawn(&store, &protocol);
    let classes = study.class_list();
    let mut lifts = Vec::new();
    for network in networks(&["resnet50", "sin-resnet50"]) {
        let mut sum = 0.0;
        for image in &chosen {
            let crop = pixels::imagenet_crop(&pixels::decode(&image.path).unwrap()).unwrap();
            let input = to_input(std::slice::from_ref(&crop), &protocol.normalise.of(&network), Device::Cpu).unwrap();
            let target = classes.index_of(&image.wnid).unwrap();
            let explained = relevance::explain(&network, &input, &[target], &protocol.composite).unwrap();
            let top = explained.maps().unwrap()[0].top(224 * 224 / 10);
            let outlines = edges::contours(&crop, &protocol.edges).unwrap();
            let share = overlap::compare(&top, &outlines).unwrap().share.unwrap();
            sum += share - overlap::chance(&top, &outlines).unwrap().unwrap();
        }
        lifts.push(sum / chosen.len() as f64);
    }
    assert!(lifts[0] > 0.0 && lifts[1] > lifts[0] + 0.015, "share on outlines beyond chance: {lifts:?}");
}
