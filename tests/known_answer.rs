//! The sample's known answer: what is true by construction must be measured.

use std::collections::HashMap;

use lgf::analysis::{Asked, Reliance};
use lgf::files::{ImageFile, Store};
use lgf::inference::{self, Device, Engine, to_input};
use lgf::protocol::{Fault, Protocol};
use lgf::sample::{self, Sample};
use lgf::study::{Pair, Study};
use lgf::table::{ManifestRow, OverlapRow, Place, PredictionRow, Region, Row, floats, texts};
use lgf::{analysis, datasets, edges, observers, overlap, pixels, protocol, relevance, table};

fn networks(names: &[&str]) -> Vec<Engine> {
    let load = |name: &str| {
        let (_, architecture, _) = sample::NETWORKS.iter().find(|(other, ..)| *other == name).unwrap();
        let path = format!("{}/data/models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        Engine::load(architecture, path, Device::Cpu).unwrap().folded().unwrap().named(name)
    };
    names.iter().map(|name| load(name)).collect()
}

/// The sample of a protocol, and its photographs that are changed and explained.
fn drawn(store: &Store, protocol: &Protocol) -> (Study, Vec<ImageFile>) {
    let study = sample::write(store, &protocol.sample).unwrap();
    let images = study.split_images().unwrap();
    let chosen = protocol.sampled(&study, &images).unwrap();
    (study, chosen)
}

#[test]
fn every_network_knows_the_sample_and_the_shape_biases_are_as_built() {
    for (name, ..) in sample::NETWORKS {
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
fn predictions(study: &Study, chosen: &[ImageFile], parameters: &datasets::Parameters) -> Vec<PredictionRow> {
    let manifest = datasets::build(&study.store, chosen, parameters, &parameters.smoothing.l0).unwrap();
    let (networks, how) = (networks(&["resnet50", "sin-resnet50"]), protocol::corrected().experiments());
    let manifest = ManifestRow::rows(&manifest.table).unwrap();
    let table = inference::run_experiments(study, &networks, inference::Source::Files(&manifest), &how).unwrap();
    PredictionRow::rows(&table).unwrap()
}

/// Shares on edges and outlines beyond chance of the tenth of the pixels that has most relevance, as step 5.3 writes them.
fn overlaps(study: &Study, chosen: &[ImageFile], protocol: &Protocol) -> Vec<OverlapRow> {
    let classes = study.class_list();
    let mut rows = Vec::new();
    for network in networks(&["resnet50", "sin-resnet50"]) {
        for image in chosen {
            let crop = pixels::crop_of(&image.path).unwrap();
            let input = to_input(std::slice::from_ref(&crop), &protocol.normalise.of(&network), Device::Cpu).unwrap();
            let target = classes.index_of(&image.wnid).unwrap();
            let explained = relevance::explain(&network, &input, &[target], &protocol.composite).unwrap();
            let top = explained.maps().unwrap()[0].top(224 * 224 / 10);
            let outlines = edges::contours(&crop, &protocol.edges).unwrap();
            let edges = edges::detect(&crop, &protocol.edges).unwrap().mask;
            for (place, lines) in [(Place::Outlines, &outlines), (Place::Whole, &edges)] {
                let found = overlap::compare(&top, lines).unwrap();
                let (share, chance) = (found.share, overlap::chance(&top, lines).unwrap());
                rows.push(OverlapRow {
                    file: image.id.clone(),
                    wnid: image.wnid.clone(),
                    model: network.name().to_string(),
                    region: Region::Top,
                    place,
                    pixels: found.region as i64,
                    edges: found.edges as i64,
                    shared: found.shared as i64,
                    share,
                    chance,
                    beyond_chance: Some(share.unwrap() - chance.unwrap()),
                });
            }
        }
    }
    rows
}

#[test]
fn what_is_true_by_construction_is_measured_beyond_its_intervals() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap().quiet();
    let protocol = protocol::corrected();
    let (study, chosen) = drawn(&store, &protocol);
    let parameters = datasets::Parameters { patches: Vec::new(), ..protocol.datasets.clone() };
    let predictions = predictions(&study, &chosen, &parameters);
    let pair = networks(&["resnet50", "sin-resnet50"]);
    inference::observe(&study, &pair, &protocol.experiments()).unwrap();
    let how = protocol.analysis.observers;
    let decisions = observers::all_trials(&study, (how.scoring, how.ties)).unwrap().remove(0);
    rules_are_as_they_were_made(&decisions, &how);
    let overlap = overlaps(&study, &chosen, &protocol);
    let answer = analysis::sample_answer(&predictions, &decisions, &overlap, Some(&without(&study, &chosen))).unwrap();
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
    assert_eq!(truth.iter().filter(|truth| *truth != "open").count(), 6);
    // By how much, too: an instrument that is half broken would still have the sign.
    let difference = floats(&answer, "difference").unwrap();
    assert!(difference[0] > 0.5 && difference[1] > 0.1 && difference[2] < -0.03 && difference[3] > 0.015, "{words}");
    // Without global shape, and without texture.
    assert!(difference[5] < -0.3 && difference[6] > 0.1, "{words}");
    // Four photographs are too few for any of it that is about photographs; the pictures of two cues are all there.
    let few: Vec<ImageFile> = chosen.iter().take(4).cloned().collect();
    let few: Vec<&str> = few.iter().map(|image| image.id.as_str()).collect();
    let (mut predictions, mut overlap) = (predictions, overlap);
    predictions.retain(|row| few.contains(&row.orig_file.as_str()));
    overlap.retain(|row| few.contains(&row.file.as_str()));
    let answer = analysis::sample_answer(&predictions, &decisions, &overlap, None).unwrap();
    assert_eq!(texts(&answer, "holds").unwrap(), ["yes", "undecided", "undecided", "undecided", ""]);
}

/// What both networks do without features.
fn without(study: &Study, chosen: &[ImageFile]) -> Reliance {
    let texts = ["shuffle:grid=3", "shuffle:grid=6", "bilateral:d=12", "grey:percent=100"];
    let battery = datasets::Battery::of(texts.map(|text| text.parse().unwrap()));
    let (protocol, networks) = (protocol::corrected(), networks(&["resnet50", "sin-resnet50"]));
    let parameters = battery.parameters(&protocol.datasets);
    let made = (chosen, &parameters, &parameters.smoothing.l0 as &dyn datasets::Smoother);
    let table = inference::run_features(study, &networks, made, &protocol.experiments()).unwrap();
    let pairs = [Pair::published()];
    let asked = Asked { conditions: &protocol.analysis.features, pairs: &pairs, classes: 10 };
    analysis::reliance(&PredictionRow::rows(&table).unwrap(), &[], asked, &protocol.analysis.observers).unwrap()
}

/// The rules that stand for people have the accuracy and the error consistency that they were made with, within the interval.
fn rules_are_as_they_were_made(trials: &observers::Trials, how: &analysis::Observing) {
    let rows = analysis::consistency(trials, how).unwrap();
    let rules: Vec<_> =
        rows.iter().filter(|row| row.first_kind == row.second_kind && row.first.starts_with("rule")).collect();
    assert_eq!(rules.len(), 3);
    for row in &rules {
        assert!((row.first_accuracy - sample::RULE_ACCURACY).abs() < 0.09, "{row:?}");
    }
    // A network errs by looking, a rule by chance: they share less than rules among themselves.
    let benchmark = analysis::benchmark(std::slice::from_ref(trials), how).unwrap();
    let ceiling = benchmark.rows.iter().find(|row| row.observer == analysis::RULES).unwrap();
    let (low, high) = (ceiling.kappa_low.unwrap(), ceiling.kappa_high.unwrap());
    assert!(low <= sample::RULE_KAPPA && high >= sample::RULE_KAPPA && low > 0.0, "{ceiling:?}");
    for row in benchmark.rows.iter().filter(|row| row.kind == table::ObserverKind::Network) {
        assert!(row.kappa_high.unwrap() < low, "{row:?}");
    }
    // Which network has more shape bias is known; that each is the other way from one half, too.
    let differences = analysis::bias_differences(trials, &[Pair::published()], how).unwrap();
    assert!(differences[0].high.unwrap() < -0.5 && differences[0].adjusted.unwrap() < 0.01, "{differences:?}");
}

#[test]
fn fault_b10_reaches_the_conclusion_about_difference_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap().quiet();
    let corrected = protocol::corrected();
    let (study, mut chosen) = drawn(&store, &corrected);
    chosen = chosen.into_iter().step_by(2).collect();
    let concluded = |protocol: &Protocol| {
        let mut parameters = datasets::Parameters { patches: Vec::new(), ..protocol.datasets.clone() };
        parameters.scramble.blocks.truncate(1);
        let predictions = predictions(&study, &chosen, &parameters);
        let overlap = overlaps(&study, &chosen[..1], protocol);
        let found = analysis::conclusions(&predictions, &overlap, &[Pair::published()], &protocol.analysis).unwrap();
        let effect = |row: analysis::ConclusionRow| Some((row.conclusion, row.effect?));
        found.into_iter().filter_map(effect).collect::<HashMap<String, f64>>()
    };
    let (signed, absolute) = (concluded(&corrected), concluded(&corrected.repeat(Fault::LostSign)));
    for name in ["difference pictures", "inverse difference pictures"] {
        assert!((signed[name] - absolute[name]).abs() > 1e-3, "{name}: {} {}", signed[name], absolute[name]);
    }
    for name in ["hypothesis 1", "hypothesis 3"] {
        assert_eq!(signed[name], absolute[name], "{name} is about other pictures");
    }
}
