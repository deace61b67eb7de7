//! Steps 0 to 6 end to end, on a small part of the sample: what each must leave behind, for studies of several kinds.

use std::path::Path;
use std::sync::LazyLock;

use lgf::files::Store;
use lgf::pixels::View;
use lgf::polars::prelude::*;
use lgf::protocol;
use lgf::sample::Sample;
use lgf::study::{DecisionFolder, Description, NetworkEntry, Study};
use lgf::table::{SettingRow, floats, only, texts};

use crate::sequence::ok;

/// A small sample: four photographs of each class in `train`, six in `val`, one conflict of each pair.
static SAMPLE: LazyLock<(tempfile::TempDir, Study)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap().quiet();
    let small = Sample { train: 4, validation: 6, conflict: 1, ..Sample::default() };
    let study = lgf::sample::write(&store, &small).unwrap();
    (folder, study)
});

enum Annotated {
    Yes,
    No,
}

/// A data root of a study of its own name: one photograph of each class, some of the sample's networks under other names.
fn root(networks: &[(&str, &str)], annotated: Annotated) -> (tempfile::TempDir, String) {
    let (sample, study) = &*SAMPLE;
    let below = |path: &Path| sample.path().join(path);
    let named = |(name, own): &(&str, &str)| {
        let entry = study.described.network(own).unwrap();
        // One of them sees photographs in another size, whole in height or width.
        let view = (*name == "textures exchanged").then(|| View::new(240, 240));
        NetworkEntry { view, ..NetworkEntry::new(*name, &entry.architecture, below(&entry.weights)) }
    };
    let Description { images, annotations, conflict, decisions, .. } = &study.described;
    let own = Description {
        name: "a part of the sample".into(),
        images: images.iter().map(|path| below(path)).collect(),
        annotations: annotations.as_deref().map(below).filter(|_| matches!(annotated, Annotated::Yes)),
        conflict: conflict.as_deref().map(below),
        decisions: decisions.iter().map(|own| DecisionFolder { folder: below(&own.folder), ..own.clone() }).collect(),
        networks: networks.iter().map(named).collect(),
        images_per_class: Some(1),
        ..study.described.clone()
    };
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("root")).unwrap();
    Study::begin(store.clone(), own).unwrap();
    let root = store.root().to_str().unwrap().to_string();
    (folder, root)
}

/// The rows of a table in an order of their own, so that tables made in another order can be compared.
fn in_order(table: &DataFrame) -> DataFrame {
    table.sort(["file", "model"], SortMultipleOptions::default()).unwrap()
}

#[test]
fn all_steps_of_two_networks_of_any_names() {
    let networks = [("plain", "resnet50"), ("textures exchanged", "sin-resnet50")];
    let (_folder, root) = root(&networks, Annotated::Yes);
    ok(&["all", "--root", &root]);
    let store = Store::at(&root).unwrap();
    let table = |name: &str| store.table(name).unwrap();
    let height = |name: &str| table(name).height();
    // Ten photographs of 16 scrambled, 5 seams, 157 patched, 6 smoothed and 2 difference pictures.
    assert_eq!((height("datasets"), height("predictions")), (10 * 186, 2 * 10 * 186));
    assert_eq!((height("lrp_regions"), height("observed/cue-conflict")), (2 * 10, 2 * 90 * 5));
    assert_eq!(height("edges_data"), 60);
    assert!(store.path("models/textures exchanged.safetensors").exists());
    assert!(height("imgnette_sample_data") >= 2 * 10 * 4 * 2);
    // Maps, masks and overlap are of the side that each network sees, and what was seen is on record.
    let settings: Vec<SettingRow> = store.rows("lrp_settings").unwrap();
    let sides: Vec<i64> = settings.iter().map(|row| row.side).collect();
    assert_eq!(sides, [224, 240]);
    let photograph = &texts(&table("lrp_regions"), "file").unwrap()[0];
    for (model, side) in [("plain", 224), ("textures exchanged", 240)] {
        assert_eq!(lgf::relevance::map_of(&store, model, photograph).unwrap().size(), (side, side));
    }
    assert_eq!(lgf::edges::mask_in(&store, photograph, View::new(240, 240)).unwrap().size(), (240, 240));
    // What a picture is, and what networks say of it, join by the file's name.
    let (made, predicted) = (texts(&table("datasets"), "file").unwrap(), texts(&table("predictions"), "file").unwrap());
    assert!(predicted.iter().all(|file| made.contains(file)), "{}", predicted[0]);
    let report = std::fs::read_to_string(store.path("report.html")).unwrap();
    assert!(
        report.contains("textures exchanged") && report.contains("src=\"data:image/svg+xml"),
        "the report has names and figures"
    );

    // The same again changes nothing and runs nothing: conflict pictures have a record, too.
    let before = std::fs::read(store.path("observed/cue-conflict.parquet")).unwrap();
    let said = ok(&["run", "--root", &root]);
    assert!(!said.contains("0 of"), "{said}");
    assert_eq!(std::fs::read(store.path("observed/cue-conflict.parquet")).unwrap(), before);

    // Pictures made in memory give the numbers of those from files.
    let from_files = in_order(&table("predictions"));
    ok(&["run", "--in-memory", "--root", &root]);
    let in_memory = in_order(&table("predictions"));
    assert_eq!(texts(&from_files, "file").unwrap(), texts(&in_memory, "file").unwrap());
    for column in ["true_logit", "pred_logit", "true_acc", "margin", "entropy"] {
        for (a, b) in floats(&from_files, column).unwrap().iter().zip(floats(&in_memory, column).unwrap()) {
            assert!((a - b).abs() <= 1e-4 * (1.0 + a.abs()), "{column}: {a} {b}");
        }
    }

    // Two faults, one of the analysis and one of the photographs' boxes.
    ok(&["ablate", "D6", "A11", "--root", &root]);
    let ablation = table("ablation");
    let ids = texts(&ablation, "id").unwrap();
    let conclusions = ids.iter().filter(|id| id.is_empty()).count();
    assert!(conclusions > 10, "{conclusions}");
    for id in ["D6", "A11"] {
        assert_eq!(ids.iter().filter(|other| *other == id).count(), conclusions, "{id}");
    }
    assert!(store.path("figures/ablation.svg").exists());
    assert!(!store.path("ablation/run").exists(), "what a fault's run needed is removed");
}

#[test]
fn all_steps_of_one_network_without_boxes() {
    let (_folder, root) = root(&[("only", "vgg16")], Annotated::No);
    ok(&["all", "--root", &root]);
    let store = Store::at(&root).unwrap();
    assert_eq!(store.table("imagenette_boundingboxes").unwrap().height(), 0);
    assert_eq!(store.table("lrp_regions").unwrap().height(), 10);
    let overlap = store.table("imgnette_sample_data").unwrap();
    assert_eq!(only(&overlap, "place", "box").map_or(0, |rows| rows.height()), 0);
    assert!(only(&overlap, "place", "whole").unwrap().height() >= 10);
    // Whatever needs two networks says so and concludes nothing.
    let conclusions = store.table("analysis/conclusions").unwrap();
    let (verdicts, says) = (texts(&conclusions, "verdict").unwrap(), texts(&conclusions, "says").unwrap());
    for (verdict, says) in verdicts.iter().zip(&says) {
        assert!(!["first", "second", "no difference"].contains(&verdict.as_str()), "{verdict}: {says}");
    }
    assert!(std::fs::read_to_string(store.path("report.html")).unwrap().contains("only"));
}

#[test]
fn a_run_of_one_network_equals_its_part_of_a_run_of_several() {
    let (_one, alone) = root(&[("plain", "resnet50")], Annotated::Yes);
    let (_two, both) = root(&[("plain", "resnet50"), ("other", "vgg16")], Annotated::Yes);
    let found = [&alone, &both].map(|root| {
        for step in ["boxes", "subset", "edges", "datasets"] {
            ok(&[step, "--root", root]);
        }
        ok(&["run", "--root", root]);
        let all = Store::at(root).unwrap().table("predictions").unwrap();
        floats(&in_order(&only(&all, "model", "plain").unwrap()), "true_logit").unwrap()
    });
    assert_eq!(found[0], found[1]);
}

#[test]
fn the_published_protocol_runs_on_a_study_of_a_person() {
    let (_folder, root) = root(&[("plain", "resnet50"), ("other", "sin-resnet50")], Annotated::Yes);
    for step in ["boxes", "subset", "edges", "datasets"] {
        ok(&[step, "--root", &root, "--protocol", "published"]);
    }
    let store = Store::at(&root).unwrap();
    let manifest = store.table("datasets").unwrap();
    assert!(texts(&manifest, "protocol").unwrap().iter().all(|name| *name == protocol::published().name));
    // Photographs that networks were trained on (fault B2).
    assert!(texts(&manifest, "original").unwrap().iter().all(|name| name.starts_with("train/")));
}
