//! What must hold of judging.

use std::sync::LazyLock;

use super::evidence::{Evidence, Judging};
use super::truth::{Effects, Parts, agreement};
use super::*;
use crate::error::Code;
use crate::inference::{Device, Engine};
use crate::pixels::{Crop, HeatMap, PixelBox, PixelMask};
use crate::relevance::{Baseline, Composite, Method, Occluder};
use crate::sample::{self, exchanges};
use crate::table::{Lines, Row};

fn network(name: &str) -> Engine {
    sample::trained(Device::Cpu).unwrap().into_iter().find(|network| network.name() == name).unwrap()
}

#[test]
fn a_picture_is_its_outline_its_texture_and_its_background() {
    let figure = PixelMask::from_box(40, 50, &PixelBox::<Crop>::at(10, 12).of_size(20, 24));
    let parts = Parts::of(&figure, 3).unwrap();
    let counts = [&parts.outline, &parts.texture, &parts.background].map(PixelMask::count);
    assert_eq!(counts.iter().sum::<u64>(), 40 * 50);
    assert_eq!(counts[1], 14 * 18, "three pixels from each side");
    assert_eq!(counts[2], 40 * 50 - 26 * 30, "three pixels beyond each side");
    let flat = HeatMap::from_values(40, 50, vec![1.0; 2000]).unwrap();
    let shares = parts.shares(&flat).unwrap().unwrap();
    assert!((shares[1] - 252.0 / 2000.0).abs() < 1e-12 && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(parts.shares(&HeatMap::from_values(40, 50, vec![-1.0; 2000]).unwrap()).unwrap(), None);
}

#[test]
fn shares_agree_with_themselves_and_with_none_that_they_share_nothing_with() {
    assert_eq!(agreement(&[0.2, 0.3, 0.5], &[0.2, 0.3, 0.5]), 1.0);
    assert_eq!(agreement(&[1.0, 0.0, 0.0], &[0.0, 0.4, 0.6]), 0.0);
    assert_eq!(agreement(&[0.5, 0.5, 0.0], &[1.0, 0.0, 0.0]), 0.5);
    let effects = Effects { logit: 3.0, falls: [2.0, -1.0, 2.0] };
    assert_eq!(effects.shares(), Some([0.5, 0.0, 0.5]));
    assert_eq!(Effects { falls: [-1.0, 0.0, -0.5], ..effects }.shares(), None);
}

#[test]
fn what_counts_for_a_network_is_what_it_was_trained_on() {
    let drawn = exchanges(5, 2, 4).unwrap();
    let sums = |name: &str| {
        let network = network(name).folded().unwrap();
        let all: Vec<[f64; 3]> = drawn.iter().map(|drawn| Effects::of(&network, drawn).unwrap().falls).collect();
        [0, 1, 2].map(|part| crate::stats::mean(&all.iter().map(|falls| falls[part]).collect::<Vec<f64>>()))
    };
    for name in ["resnet50", "patched-resnet50"] {
        let [outline, texture, background] = sums(name);
        assert!(
            texture > 2.0 * outline && texture > 4.0 * background.abs(),
            "{name}: {outline} {texture} {background}"
        );
    }
    for name in ["sin-resnet50", "patched-sin-resnet50"] {
        let [outline, texture, background] = sums(name);
        assert!(
            outline > 2.0 * texture && outline > 4.0 * background.abs(),
            "{name}: {outline} {texture} {background}"
        );
    }
}

/// What resnet50 gives by methods and metrics that are quick, once for all tests.
fn evidence() -> (Evidence, Judging) {
    static ONCE: LazyLock<Evidence> = LazyLock::new(|| {
        let drawn = exchanges(1, 1, 2).unwrap();
        let run = crate::notebook::Progress::bar("test").start(drawn.len(), "photographs");
        Evidence::of(&network("resnet50"), &drawn, &quick(), &run).unwrap()
    });
    (ONCE.clone(), quick())
}

fn quick() -> Judging {
    Judging { metrics: vec![Metric::SingleDeletion, Metric::Mass, Metric::Auroc], ..small() }
}

/// Few methods and metrics, on one photograph of each class.
fn small() -> Judging {
    let methods = vec![
        Method::Rules(Composite::corrected()),
        Method::Baseline(Baseline::GradientTimesInput),
        Method::Random(1),
        Method::Edges,
    ];
    let metrics = vec![
        Metric::Gain(Occluder::Mean),
        Metric::SingleDeletion,
        Metric::Mass,
        Metric::Auroc,
        Metric::OnEdges { lines: Lines::Edges, share: Share::BeyondChance },
    ];
    Judging { photographs: 1, exchanged: 2, methods, metrics, ..Judging::default() }
}

#[test]
fn a_verdict_has_each_method_and_metric_once_and_is_the_same_every_time() {
    let networks = [network("resnet50"), network("patched-sin-resnet50")];
    let verdict = judge(&networks, &small()).unwrap();
    assert_eq!((verdict.methods.len(), verdict.metrics.len()), (4, 5));
    assert_eq!((verdict.effects.len(), verdict.shares.len(), verdict.values.len()), (20, 80, 400));
    let deletion = verdict.metrics.iter().find(|row| row.metric == "IDSDS").unwrap();
    assert_eq!(deletion.networks, 1, "of the network alone that knows removed patches");
    for row in &verdict.metrics {
        assert!(row.low <= row.correlation && row.correlation <= row.high, "{row:?}");
        assert!([row.edges, row.random].iter().all(|place| (1.0..=4.0).contains(&place.unwrap())), "{row:?}");
    }
    let auroc = |method: &str| {
        let rows = verdict.values.iter().filter(|row| row.metric == "AUROC on object" && row.method == method);
        crate::stats::mean(&rows.filter_map(|row| row.value).collect::<Vec<f64>>())
    };
    assert!((auroc("random") - 0.5).abs() < 0.01, "at random it is at chance: {}", auroc("random"));
    assert!(auroc("rules: corrected") > 0.55);
    let names: Vec<&str> = verdict.follows.iter().map(|row| row.method.as_str()).collect();
    assert_eq!(names, ["2 that ask a network", "rules: corrected", "gradient x input", "random", "edge detector"]);
    assert_eq!(verdict.follows[0].maps, 40, "ten photographs, two networks, two methods");
    let edges = &verdict.follows[4];
    assert_eq!((edges.maps, edges.between), (20, None), "its map is the same for all networks");
    assert!(verdict.in_short().contains("follows its share of the effect"), "{}", verdict.in_short());
    let again = judge(&networks[..1], &small()).unwrap();
    assert_eq!(again.shares, verdict.shares[..40], "alone as beside another");
    assert_eq!(again.values, verdict.values[..200]);
    assert!(verdict.in_short().contains("knows it best"), "{}", verdict.in_short());
}

#[test]
fn a_metric_that_is_the_truth_knows_it_and_one_that_is_its_contrary_does_not() {
    let (mut all, how) = evidence();
    for row in &mut all.values {
        let share = all.shares.iter().find(|share| share.file == row.file && share.method == row.method).unwrap();
        row.value = match row.metric.as_str() {
            "AUROC on object" => share.agreement,
            "mass on object" => share.agreement.map(|agreement| -agreement),
            _ => row.value,
        };
    }
    let verdict = verdict::Verdict::of(all, &how).unwrap();
    let known = |metric: &str| verdict.metrics.iter().find(|row| row.metric == metric).unwrap().correlation;
    assert_eq!((known("AUROC on object"), known("mass on object")), (1.0, -1.0));
    assert_eq!(verdict.metrics[0].best, verdict.methods[0].method);
}

#[test]
fn relevance_that_is_where_the_effect_is_follows_it() {
    let (one, how) = evidence();
    let mut all = Evidence::default();
    for (name, outline) in [("first", 0.1), ("second", 0.2), ("third", 0.3)] {
        let mut of = one.clone();
        of.values.iter_mut().for_each(|row| row.model = name.into());
        of.effects.iter_mut().for_each(|row| row.model = name.into());
        of.shares.iter_mut().for_each(|row| row.model = name.into());
        for (at, row) in of.effects.iter_mut().enumerate() {
            (row.outline, row.texture) = (outline + 0.01 * at as f64, 1.0 - outline - 0.01 * at as f64);
        }
        for row in of.shares.iter_mut() {
            let effect = of.effects.iter().find(|effect| effect.file == row.file).unwrap();
            // One method knows it; one knows the network alone, and has photographs the other way round.
            let (outline, texture) = match row.method.as_str() {
                "rules: corrected" => (effect.outline, effect.texture),
                _ => (2.0 * outline - effect.outline, 1.0 - 2.0 * outline + effect.outline),
            };
            (row.outline, row.texture) = (Some(outline), Some(texture));
        }
        all.add(of);
    }
    let verdict = verdict::Verdict::of(all, &how).unwrap();
    let of = |method: &str| verdict.follows.iter().find(|row| row.method == method).unwrap();
    let known = of("rules: corrected");
    for one in [known.pooled, known.pooled_low, known.between, known.within, known.within_high] {
        assert!((one.unwrap() - 1.0).abs() < 1e-12, "{known:?}");
    }
    let contrary = of("gradient x input");
    assert!((contrary.between.unwrap() - 1.0).abs() < 1e-12 && (contrary.within.unwrap() + 1.0).abs() < 1e-12);
    assert!((0.7..1.0).contains(&contrary.pooled.unwrap()), "{contrary:?}");
    let together = of("2 that ask a network");
    assert!((together.between.unwrap() - 1.0).abs() < 1e-12 && together.within.unwrap().abs() < 1e-12);
    assert!(together.pooled.unwrap() > contrary.pooled.unwrap() && together.pooled.unwrap() < 1.0, "{together:?}");
}

#[test]
fn what_cannot_be_judged_is_said() {
    let none = |how: Judging| judge(&[network("vgg16")], &how).unwrap_err();
    assert_eq!(none(Judging { photographs: 0, ..small() }).code(), Code::Parameter);
    assert_eq!(none(Judging { methods: small().methods[..2].to_vec(), ..small() }).code(), Code::Parameter);
    let twice = Judging { metrics: vec![Metric::Mass, Metric::Road, Metric::Mass], ..small() };
    assert!(none(twice).to_string().contains("two metrics of the name \"mass on object\""));
    let two = [network("vgg16"), network("vgg16")];
    assert!(judge(&two, &small()).unwrap_err().to_string().contains("two networks of the name"));
    assert_eq!(judge(&[], &small()).unwrap_err().code(), Code::Parameter);
    let asked = |how: Judging| how.among(sample::trained(Device::Cpu).unwrap());
    assert_eq!(asked(Judging::default()).unwrap().len(), 8);
    assert_eq!(asked(Judging::brief()).unwrap().len(), 2);
    let unknown = asked(Judging { networks: vec!["resnet5".into()], ..small() }).unwrap_err();
    assert!(unknown.code() == Code::Parameter && unknown.to_string().contains("there are vgg16"), "{unknown}");
}

#[test]
fn the_best_rules_of_one_half_are_weighed_on_the_other() {
    let drawn = exchanges(2, 1, 1).unwrap();
    let photographs: Vec<_> = drawn.iter().map(|one| (one.whole.clone(), one.class)).collect();
    let gamma = candidates().swap_remove(0);
    let candidates = vec![gamma, Composite::epsilon(), Composite::corrected()];
    let how = Choosing { candidates, ..Choosing::by(Metric::Gain(Occluder::Mean)) };
    let table = choose(&[network("resnet50")], &photographs, &how).unwrap();
    let rows = ChoiceRow::rows(&table).unwrap();
    assert_eq!(rows.len(), 3);
    let best = rows.iter().max_by(|a, b| a.value.total_cmp(&b.value)).unwrap();
    assert!(best.chosen && rows.iter().filter(|row| row.chosen).count() == 1);
    assert!((rows.iter().map(|row| row.sure).sum::<f64>() - 1.0).abs() < 1e-9);
    let usual = rows.iter().find(|row| row.rules == "rules: corrected").unwrap();
    assert_eq!((usual.gain, usual.low, usual.high), (0.0, 0.0, 0.0));
    let refused = |photographs: &[_], metric| choose(&[network("resnet50")], photographs, &Choosing::by(metric));
    assert_eq!(refused(&photographs[..3], Metric::Stability).unwrap_err().code(), Code::Parameter);
    assert_eq!(refused(&photographs, Metric::Mass).unwrap_err().code(), Code::Parameter);
}

#[test]
fn what_a_metric_does_not_know_has_no_number() {
    let (mut all, how) = evidence();
    for row in &mut all.values {
        if row.metric == "mass on object" {
            row.value = Some(1.0);
        }
    }
    for row in all.shares.iter_mut().filter(|row| row.method == "random") {
        row.agreement = None;
    }
    let verdict = verdict::Verdict::of(all, &how).unwrap();
    assert!(!verdict.metrics.iter().any(|row| row.metric == "mass on object"), "it says the same of all methods");
    assert!(!verdict.metrics.iter().any(|row| row.metric == "IDSDS"), "the network knows no patches");
    assert_eq!(verdict.methods.len(), 3, "of random maps nothing is known");
    let edges = verdict.methods.iter().find(|row| row.method == "edge detector").unwrap();
    assert_eq!(edges.beyond_edges, None);
    let corrected = verdict.methods.iter().find(|row| row.method == "rules: corrected").unwrap();
    assert!((corrected.beyond_edges.unwrap() - (corrected.agreement - edges.agreement)).abs() < 1e-12);
}

#[test]
fn rules_that_are_the_same_on_a_network_are_tried_once() {
    let drawn = exchanges(2, 1, 1).unwrap();
    let photographs: Vec<_> = drawn[..4].iter().map(|one| (one.whole.clone(), one.class)).collect();
    let how = Choosing::by(Metric::Gain(Occluder::Mean));
    let rows = ChoiceRow::rows(&choose(&[network("resnet50")], &photographs, &how).unwrap()).unwrap();
    assert_eq!(rows.len(), 11, "one fully connected layer, whose epsilon says nothing: ten, and the usual rules");
    assert!(rows.iter().any(|row| row.gain == 0.0 && row.rules == "rules: z+, epsilon 0.000001, flat"));
    let deletion = choose(&[network("resnet50")], &photographs, &Choosing::by(Metric::SingleDeletion));
    assert_eq!(deletion.unwrap_err().code(), Code::Parameter);
}

#[test]
fn there_are_thirty_candidates_and_all_differ() {
    let all = candidates();
    assert_eq!(all.len(), 30);
    for (place, one) in all.iter().enumerate() {
        assert!(all[..place].iter().all(|other| other.rules != one.rules && other.name != one.name), "{}", one.name);
    }
}

#[test]
fn areas_equal_scikit_learns() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../../tests/golden/judge.json")).unwrap();
    let numbers = |values: &serde_json::Value| -> Vec<f64> {
        values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let size = ["height", "width"].map(|side| golden[side].as_u64().unwrap() as u32);
    let mut compared = 0;
    for row in golden["localisation"].as_array().unwrap() {
        let values = numbers(&golden["maps"][row["map"].as_str().unwrap()]);
        let map = HeatMap::<Crop>::from_values(size[0], size[1], values.iter().map(|value| *value as f32).collect());
        let inside = numbers(&golden["masks"][row["mask"].as_str().unwrap()]).iter().map(|on| *on == 1.0).collect();
        let inside = PixelMask::from_values(size[0], size[1], inside).unwrap();
        let found = crate::overlap::rank(&map.unwrap(), &inside, &[0]).unwrap()[0];
        for (found, expected) in [(found.auroc, &row["auc"]), (found.average_precision, &row["average_precision"])] {
            // Of a mask that is empty or everything, scikit-learn says nothing.
            if let Some(expected) = expected.as_f64() {
                assert!((found.unwrap() - expected).abs() < 1e-9, "{row}: {found:?}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 30, "{compared}");
}
