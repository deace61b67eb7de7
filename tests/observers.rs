//! Observers against the reference: model-vs-human's formulas on made-up decisions with every quirk of published files, and,
//! where a folder of them is named, the published decisions themselves.

use std::path::{Path, PathBuf};

use lgf::analysis::{Observing, Undefined, benchmark, consistency, shape_bias};
use lgf::observers::{Decision, Trials, read_folder};
use lgf::study::{CUE_CONFLICT, Categories};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/observers.json")).unwrap()
}

fn how(undefined: Undefined) -> Observing {
    Observing { draws: 40, undefined, ..Observing::default() }
}

fn trials_of(set: &str, folder: &Path) -> Trials {
    let all: Vec<Decision> = read_folder(folder).unwrap().into_iter().flat_map(|(_, decisions)| decisions).collect();
    Trials::of(set, &Categories::sixteen().names, &all, false).unwrap()
}

/// The made-up decisions of the reference, set by set.
fn made_up() -> Vec<Trials> {
    let (golden, folder) = (golden(), tempfile::tempdir().unwrap());
    let sets = [CUE_CONFLICT, "contrast"];
    for (name, text) in golden["files"].as_object().unwrap() {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.as_str().unwrap()).unwrap();
    }
    sets.iter().map(|set| trials_of(set, &folder.path().join(set))).collect()
}

fn near(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-12, "{what}: {found}, expected {expected}");
}

#[test]
fn shape_biases_are_those_of_the_reference() {
    let rows = shape_bias(&made_up()[0], &how(Undefined::Counted)).unwrap();
    let golden = golden();
    let expected = golden["shape_bias"].as_array().unwrap();
    assert_eq!(expected.len(), 7);
    for one in expected {
        let name = one["observer"].as_str().unwrap();
        let row = rows.iter().find(|row| row.observer == name && row.category.is_empty()).unwrap();
        for (found, key) in [(row.trials, "trials"), (row.shape, "shape"), (row.texture, "texture")] {
            near(found, &one[key], &format!("{name} {key}"));
        }
        near(row.shape_bias.unwrap(), &one["shape_bias"], name);
    }
}

#[test]
fn consistency_of_all_pairs_in_all_conditions_is_that_of_the_reference() {
    let sets = made_up();
    let golden = golden();
    let expected = golden["consistency"].as_array().unwrap();
    assert_eq!(expected.len(), 96);
    for (undefined, key) in [(Undefined::One, "kappa_published"), (Undefined::Counted, "kappa")] {
        let rows: Vec<_> = sets.iter().flat_map(|set| consistency(set, &how(undefined)).unwrap()).collect();
        for one in expected {
            let text = |key: &str| one[key].as_str().unwrap();
            let pair = [text("first"), text("second")];
            let row = rows.iter().find(|row| {
                row.set == text("set")
                    && row.condition == text("condition")
                    && (pair == [&row.first, &row.second] || pair == [&row.second, &row.first])
            });
            let (row, what) = (row.unwrap(), format!("{one}"));
            assert_eq!(row.trials, one["trials"].as_i64().unwrap(), "{what}");
            near(row.observed, &one["observed"], &what);
            near(row.expected, &one["expected"], &what);
            match row.kappa {
                Some(kappa) => near(kappa, &one[key], &what),
                None => assert!(one[key].is_null(), "{what}"),
            }
        }
    }
}

#[test]
fn averages_over_people_conditions_and_sets_are_those_of_the_reference() {
    let found = benchmark(&made_up(), &how(Undefined::One)).unwrap();
    let golden = golden();
    let expected = golden["benchmark"].as_array().unwrap();
    assert_eq!(expected.len(), found.rows.len());
    for one in expected {
        let name = one["observer"].as_str().unwrap();
        let row = found.rows.iter().find(|row| row.observer == name).unwrap();
        near(row.accuracy_difference, &one["accuracy_difference"], name);
        near(row.observed, &one["observed"], name);
        near(row.kappa.unwrap(), &one["kappa_published"], name);
        match row.mean_rank {
            Some(rank) => near(rank, &one["mean_rank"], name),
            None => assert!(one["mean_rank"].is_null(), "{name}"),
        }
    }
}

/// `LGF_DECISIONS` names a folder with `cue-conflict`, `edge` and `silhouette` of published decision files.
fn published() -> Option<PathBuf> {
    std::env::var_os("LGF_DECISIONS").map(PathBuf::from)
}

#[test]
fn published_decisions_have_their_published_numbers() {
    let Some(folder) = published() else { return };
    let how = how(Undefined::Counted);
    let trials = trials_of(CUE_CONFLICT, &folder.join("cue-conflict"));
    let rows = shape_bias(&trials, &how).unwrap();
    // Shape decisions, decisions for either cue (Geirhos et al. 2019).
    for (name, shape, either) in [
        ("alexnet", 283.0, 659.0),
        ("googlenet", 228.0, 731.0),
        ("vgg", 130.0, 755.0),
        ("resnet50", 162.0, 734.0),
        ("densenet121", 163.0, 760.0),
        ("squeezenet1-1", 133.0, 730.0),
        ("squeezenet1-1-train-60-epochs-lr0.001", 467.0, 591.0),
        ("subject-01", 829.0, 862.0),
        ("subject-02", 907.0, 961.0),
        ("subject-03", 1006.0, 1040.0),
        ("subject-04", 727.0, 791.0),
    ] {
        let row = rows.iter().find(|row| row.observer == name && row.category.is_empty()).unwrap();
        assert_eq!((row.trials, row.shape, row.shape + row.texture), (1200.0, shape, either), "{name}");
    }
    for (set, first, second, observed, expected, kappa) in [
        ("cue-conflict", "subject-01", "resnet50", 0.42421875, 0.3745703125, 0.0793829),
        ("cue-conflict", "subject-01", "subject-02", 0.74375, 0.6016101, 0.3567859),
        ("edge", "subject-01", "vgg", 0.35, 0.2982031, 0.0738061),
        ("silhouette", "subject-02", "vgg", 0.6875, 0.4941406, 0.3822394),
    ] {
        let rows = consistency(&trials_of(set, &folder.join(set)), &how).unwrap();
        let is = |row: &&lgf::analysis::ConsistencyRow| {
            [&row.first, &row.second] == [first, second] || [&row.second, &row.first] == [first, second]
        };
        let row = rows.iter().find(is).unwrap();
        for (found, published) in [(row.observed, observed), (row.expected, expected), (row.kappa.unwrap(), kappa)] {
            assert!((found - published).abs() < 5e-8, "{set} {first} {second}: {found}, published {published}");
        }
    }
}
