//! Features taken away: the sample's known answer, and a person's own manipulation through files, memory, tables and figures.

use std::collections::BTreeMap;

use lgf::analysis::{self, CurveRow};
use lgf::datasets::{Battery, Feature, Manipulation, Sampling, Strengths, Stronger};
use lgf::files::Store;
use lgf::inference::Device;
use lgf::plots::Plot;
use lgf::protocol;
use lgf::sample::{self, Sample};
use lgf::sequence::{Inference, Pictures, Run};
use lgf::study::PUBLISHED;
use lgf::table::{PredictionRow, Row};

/// The plain network and the one that was trained with textures exchanged, on the sample.
fn run(folder: &std::path::Path, per_class: usize) -> Run {
    let store = Store::at(folder.join("root")).unwrap().quiet();
    let mut protocol = protocol::corrected();
    protocol.sample = Sample { train: 1, validation: per_class as u64 + 1, conflict: 1, ..protocol.sample };
    protocol.datasets.sampling = Sampling::PerClass(per_class);
    let study = sample::open(&store, &protocol.sample).unwrap().only(&PUBLISHED).unwrap();
    let run = Run { study, protocol, device: Device::Cpu };
    run.boxes().unwrap();
    run.subset().unwrap();
    run.edges().unwrap();
    run
}

fn battery(texts: &[&str]) -> Battery {
    Battery::of(texts.iter().map(|text| text.parse().unwrap()))
}

#[test]
fn the_plain_network_needs_texture_and_the_other_one_shape() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(folder.path(), 6);
    run.protocol.features =
        battery(&["shuffle:grid=3,tiles=both", "shuffle:grid=6,tiles=both", "bilateral:d=12", "grey"]);
    let masks = run.store().path("sample/masks");
    let drawn = ["silhouette", "drawing"].map(|name| format!("{name}:masks={}", masks.display()).parse().unwrap());
    run.protocol.features = run.protocol.features.with(drawn);
    run.features(&Inference::default()).unwrap();
    let found = run.reliance().unwrap();
    for kind in ["silhouette", "edge drawing"] {
        let rows = found.of_kind(kind);
        assert_eq!(rows.iter().map(|row| row.level).collect::<Vec<_>>(), [0, 1, 0, 1]);
        // The sample knows its outlines: nothing is left of colour, and nearly nothing of texture.
        assert!(rows[1].colour == Some(0.0) && rows[1].accuracy < rows[0].accuracy, "{:?}", rows[1]);
    }
    let of = |model: &str, feature: Feature| {
        found.scores.iter().find(|row| row.model == model && row.feature == feature).unwrap().clone()
    };
    let [plain, exchanged] = PUBLISHED;
    // Without global shape less without texture: of the plain network more is left, of the other one less.
    let balance = |model: &str| {
        let pair = (Feature::GlobalShape, Feature::Texture);
        found.balance.iter().find(|row| row.model == model && (row.first, row.second) == pair).unwrap().clone()
    };
    assert!(balance(plain).low.unwrap() > 0.0, "{:?}", balance(plain));
    assert!(balance(exchanged).high.unwrap() < 0.0, "{:?}", balance(exchanged));
    for feature in [Feature::GlobalShape, Feature::LocalShape, Feature::Texture] {
        let row = found.differences.iter().find(|row| row.feature == feature).unwrap();
        let (low, high) = (row.low.unwrap(), row.high.unwrap());
        let expected = if feature == Feature::Texture { high < 0.0 } else { low > 0.0 };
        assert!(expected, "{row:?}");
    }
    // Colours of the drawings say nothing of their classes.
    for model in PUBLISHED {
        assert!(of(model, Feature::Colour).relative_low.unwrap() > 0.95, "{:?}", of(model, Feature::Colour));
    }
    // What the exchange takes is not what its seams take.
    let global = of(exchanged, Feature::GlobalShape);
    assert!(global.control.unwrap() > global.suppressed.unwrap() + 0.2, "{global:?}");
    // Fault F1 leaves tiles in place, and shape looks less needed than it is.
    let cut = found.cuts.iter().find(|row| row.model == exchanged && row.feature == Feature::GlobalShape).unwrap();
    assert!(cut.difference.unwrap() > 0.0 && cut.low.unwrap() > 0.0, "{cut:?}");
    found.scores.plot().draw("bars").unwrap();
}

fn stripes(shade: u8) -> Manipulation {
    let levels = Strengths::of([8, 32], "width of the stripes in pixels", Stronger::Larger);
    Manipulation::custom("stripes", levels, move |picture, level| {
        let mut out = picture.clone();
        let striped = out.enumerate_pixels_mut().filter(|(x, ..)| x / level % 2 == 1);
        striped.for_each(|(.., pixel)| pixel.0 = [shade; 3]);
        out
    })
    .unwrap()
}

#[test]
fn a_persons_own_goes_through_files_memory_tables_and_figures_as_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(folder.path(), 1);
    let thesis = run.protocol.datasets.clone();
    run.protocol.datasets = thesis.only(vec![stripes(128), "grey+contrast:percent=5".parse().unwrap()]);
    let manifest = run.datasets().unwrap();
    assert_eq!(manifest.table.height(), 10 * (3 + 2));
    assert!(
        run.store().path("imagenette2_stripes").is_dir()
            && run.store().path("imagenette2_grey-contrast-percent-5").is_dir()
    );
    run.experiments(&Inference::default()).unwrap();
    let from_files = run.predictions().unwrap();
    let own = from_files.iter().filter(|row| row.kind == "stripes").count();
    assert_eq!((own, from_files.len()), (2 * 10 * 3, 2 * 10 * 5));

    // In memory: the very numbers.
    run.experiments(&Inference { pictures: Pictures::InMemory, ..Inference::default() }).unwrap();
    let key = |row: &PredictionRow| (row.model.clone(), row.file.clone());
    let by_key = |rows: &[PredictionRow]| -> BTreeMap<(String, String), (f64, i64)> {
        rows.iter().map(|row| (key(row), (row.true_logit, row.pred_class))).collect()
    };
    assert_eq!(by_key(&from_files), by_key(&run.predictions().unwrap()));

    // Curves by its name, with its own words.
    let kind = lgf::datasets::kind("stripes").unwrap();
    assert_eq!(kind.levels.label(), "width of the stripes in pixels (0: untouched)");
    let curves = run.curves(kind).unwrap();
    assert_eq!(curves.iter().map(|row| row.level).collect::<Vec<_>>(), [0, 8, 32, 0, 8, 32]);
    let table = analysis::curves(&from_files, "stripes", run.protocol.analysis.measure).unwrap();
    CurveRow::rows(&table).unwrap().plot().x(kind.levels.label()).draw("stripes").unwrap();
}

#[test]
fn a_manipulation_more_runs_alone_and_another_closure_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(folder.path(), 1);
    run.protocol.features = battery(&["grey", "contrast:percent=10"]);
    run.protocol.analysis.features.retain(|one| one.feature == Feature::Colour);
    run.features(&Inference::default()).unwrap();
    assert!(!run.store().path("imagenette2_gry").exists(), "no picture is written");
    let written = |name: &str| std::fs::metadata(run.store().path(name)).unwrap().modified().unwrap();
    let before = ["features/gry_resnet50.parquet", "features/removed-by-grey.parquet"].map(written);
    let with = |shade: u8| {
        let mut run = run.clone();
        run.protocol.features = run.protocol.features.with([stripes(shade)]);
        let table = run.features(&Inference::default()).unwrap();
        let rows = PredictionRow::rows(&table).unwrap();
        let own = rows.into_iter().filter(|row| row.kind == "stripes" && row.level == 8);
        own.map(|row| row.true_logit).collect::<Vec<f64>>()
    };
    let (grey, black) = (with(128), with(0));
    assert_eq!(before, ["features/gry_resnet50.parquet", "features/removed-by-grey.parquet"].map(written));
    assert_ne!(grey, black, "another closure of the same name");
    assert_eq!(with(128), grey);
}
