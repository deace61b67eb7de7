//! Observers against the reference: model-vs-human's formulas on made-up decisions with every quirk of published files, and,
//! where a folder of them is named, the published decisions themselves.

use std::path::{Path, PathBuf};

use lgf::analysis::{Observing, Undefined, benchmark, consistency, shape_bias};
use lgf::observers::{Decision, Trials, read_folder};
use lgf::study::{CUE_CONFLICT, Categories, Pair};
use serde_json::Value;

use crate::sequence::{lgf, ok};

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

#[test]
fn faults_of_the_fields_tools_move_the_statements_that_they_are_about() {
    use lgf::analysis::{ConclusionRow, Quantity, statements};
    use lgf::protocol::{Fault, corrected, published};
    let sets = made_up();
    let pairs = [Pair::new("deep-net-2", "plain-net")];
    let said = |protocol: &lgf::protocol::Protocol| -> Vec<ConclusionRow> {
        statements(&sets, &pairs, &Observing { draws: 100, ..protocol.analysis.observers }).unwrap()
    };
    for (fault, about) in [(Fault::UndefinedKappa, Quantity::Kappa), (Fault::PooledBias, Quantity::ShapeBias)] {
        let both = [(corrected(), corrected().repeat(fault)), (published(), published().mend(fault))];
        for (own, other) in both {
            let (before, after) = (said(&own), said(&other));
            assert_eq!(before.len(), after.len());
            let moved = before.iter().zip(&after).filter(|(a, b)| (a.effect, a.low) != (b.effect, b.low));
            let moved: Vec<&ConclusionRow> = moved.map(|(row, _)| row).collect();
            assert!(!moved.is_empty() && moved.iter().all(|row| row.of == about), "{fault}: {moved:?}");
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

const HEAD: &str = "subj,session,trial,rt,object_response,category,condition,imagename\n";

/// A decision file of an observer on some pictures of a cat: name of the picture, response.
fn file(folder: &Path, observer: &str, trials: &[(&str, &str)]) -> String {
    let row = |(place, (image, response)): (usize, &(&str, &str))| {
        format!("{observer},1,{},NaN,{response},cat,0,{:04}_x_dnn_0_cat_00_{image}\n", place + 1, place + 1)
    };
    let text: String = trials.iter().enumerate().map(row).collect();
    let path = folder.join(format!("{observer}.csv"));
    std::fs::write(&path, format!("{HEAD}{text}")).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn consistency_of_files_is_csv_and_what_is_not_shared_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let all = [("1.png", "cat"), ("2.png", "dog"), ("3.png", "cat"), ("4.png", "dog")];
    let (a, b) = (file(folder.path(), "a", &all), file(folder.path(), "b", &[all[0], all[1], ("3.png", "na"), all[3]]));
    let text = ok(&["consistency", &a, &b]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("set,condition,first,second,first_kind"), "{text}");
    assert!(lines[1].starts_with("decisions,0,a,b,network,network,4,0,0.5,0.25,0.75,0.5,0.5,"), "{text}");
    assert_eq!(text, ok(&["consistency", &a, &b]), "the same bytes again");
    // A picture that the other has not seen is left out, and counted.
    let c = file(folder.path(), "c", &all[..3]);
    let output = lgf(&["consistency", &a, &c]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("c has not decided on 1 of 4 pictures"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains(",3,1,"), "three shared, one not");
}

#[test]
fn bad_input_83_decision_files_that_cannot_be_compared() {
    let folder = tempfile::tempdir().unwrap();
    let all = [("1.png", "cat"), ("2.png", "dog"), ("3.png", "cat")];
    let a = file(folder.path(), "a", &all);
    let without = folder.path().join("without.csv");
    std::fs::write(&without, HEAD.replace("category,", "")).unwrap();
    let others = file(folder.path(), "others", &[("7.png", "cat"), ("8.png", "cat")]);
    let twice = file(folder.path(), "twice", &[all[0], all[1], all[0]]);
    let wolf = file(folder.path(), "wolf", &[("1.png", "wolf"), ("2.png", "cat")]);
    let empty = folder.path().join("empty.csv");
    std::fs::write(&empty, HEAD).unwrap();
    let absent = folder.path().join("absent.csv");
    let text = |path: &Path| path.to_str().unwrap().to_string();
    for (files, parts) in [
        (vec![a.clone(), text(&without)], ["without.csv", "no column \"category\""]),
        (vec![a.clone()], ["1 observer", "error consistency is of two"]),
        (vec![a.clone(), others], ["no two of 2 observers", "the last part of its name"]),
        (vec![a.clone(), twice], ["1 of 6 trials are there twice", "of twice"]),
        (vec![a.clone(), a.clone()], ["3 of 6 trials are there twice", "give a file once"]),
        (vec![a.clone(), wolf], ["1 of 5 trials have a response that is none of", "\"wolf\" in trial 1 of wolf"]),
        (vec![a.clone(), text(&empty)], ["empty.csv", "no trial"]),
        (vec![a.clone(), text(&absent)], ["absent.csv", "No such file"]),
    ] {
        let mut arguments = vec!["consistency"];
        arguments.extend(files.iter().map(String::as_str));
        let output = lgf(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty(), "{files:?}: {said}");
        assert!(parts.iter().all(|part| said.contains(part)) && !said.contains("panicked"), "{parts:?}: {said}");
    }
}

#[test]
fn bad_input_83_two_million_trials_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.csv");
    let mut text = String::from(HEAD);
    for observer in 0..4 {
        for trial in 0..500_000 {
            let response = if (trial * 7 + observer * 3) % 5 < 3 { "cat" } else { "dog" };
            text.push_str(&format!("o{observer},1,{trial},NaN,{response},cat,0,{trial}.png\n"));
        }
    }
    std::fs::write(&path, text).unwrap();
    let text = ok(&["consistency", "--draws", "20", path.to_str().unwrap()]);
    assert_eq!(text.lines().count(), 1 + 6);
    assert!(text.contains("o0,o1,network,network,500000,0,0.6,0.6,"), "{text}");
}

#[test]
fn a_study_of_stimuli_alone_has_decisions_tables_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    // Drawn stimuli, and a network of the sample as a stranger would bring both.
    let small = lgf::sample::Sample { train: 1, validation: 1, conflict: 1, ..lgf::sample::Sample::default() };
    lgf::sample::write(&lgf::files::Store::at(at("drawn")).unwrap().quiet(), &small).unwrap();
    let (stimuli, weights) = (at("drawn/sample/conflict"), at("drawn/sample/networks/sin-resnet50.safetensors"));
    let (out, root) = (at("mine.csv"), at("root"));
    let which = ["--arch", "slim-sin-resnet50", "--weights", &weights];
    let said = ok(&[&["observe"][..], &which, &["--whole", "--decisions", &out, &stimuli]].concat());
    assert!(said.contains("90 decisions on 1 condition") && said.contains("of 90 whose cues differ"), "{said}");
    let written = std::fs::read_to_string(&out).unwrap();
    assert!(written.starts_with(HEAD) && written.lines().count() == 91, "{written}");
    assert!(written.contains(",NaN,") && written.contains(",0,church1-tench1.png"), "{written}");
    // As a study: the networks of the sample have ten classes, which `init` does not take; so its study.json is written.
    let described = lgf::study::Description {
        stimuli: vec![lgf::study::StimulusFolder {
            name: "drawn".into(),
            folder: stimuli.into(),
            layout: None,
            seen: lgf::pixels::Sight::Whole,
        }],
        decisions: vec![lgf::study::DecisionFolder {
            stimuli: "drawn".into(),
            folder: at("drawn/sample/decisions").into(),
            rule: true,
        }],
        networks: vec![lgf::study::NetworkEntry::new("mine", "slim-sin-resnet50", weights)],
        ..lgf::study::Description::named("stimuli alone", lgf::study::Classes::Sample)
    };
    let store = lgf::files::Store::at(&root).unwrap();
    lgf::study::Study::begin(store.clone(), described).unwrap();
    ok(&["all", "--root", &root]);
    let tables = ["observed/drawn", "analysis/shape_bias", "analysis/consistency", "analysis/like_people"];
    assert!(tables.iter().all(|name| store.table(name).unwrap().height() > 0));
    let page = std::fs::read_to_string(store.path("report.html")).unwrap();
    assert!(page.contains("Networks and people") && !page.contains("The thesis"), "no photographs, no thesis");
    let own = std::fs::read_to_string(store.path("decisions/drawn/drawn_mine_session-1.csv")).unwrap();
    assert_eq!(own.replace("mine,", "slim-sin-resnet50,"), written, "the same decisions either way");
    ok(&["ablate", "--root", &root]);
    ok(&["all", "--root", &root]);
    let page = std::fs::read_to_string(store.path("report.html")).unwrap();
    assert!(page.contains("scoring: rank"), "the choices are on the page");
    let ids = lgf::table::texts(&store.table("ablation").unwrap(), "id").unwrap();
    for id in ["", "F2", "F3", "F4", "F5", "sum", "max", "rank"] {
        assert!(ids.iter().any(|other| other == id), "{id:?} of {ids:?}");
    }
}

#[test]
fn init_takes_stimuli_by_their_layout_and_names_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    for name in ["s/cat/cat1-dog2.png", "s/oven/oven3-car1.png"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, lgf::pixels::encode_png(&lgf::pixels::RgbImage::new(224, 224)).unwrap()).unwrap();
    }
    let said = ok(&["init", "--root", &at("root"), "--conflict", &at("s"), "--without-networks"]);
    assert!(said.contains("cue-conflict: 2 stimulus pictures in 1 condition"), "{said}");
    std::fs::write(folder.path().join("s/cat/wolf1-dog2.png"), "").unwrap();
    let output = lgf(&["init", "--root", &at("other"), "--conflict", &at("s"), "--without-networks"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("wolf1-dog2.png") && said.contains("airplane"), "{said}");
    assert!(!folder.path().join("other/study.json").exists());
    let output = lgf(&["init", "--root", &at("other"), "--stimuli", "nowhere", "--without-networks"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("expected NAME=FOLDER"));
}
