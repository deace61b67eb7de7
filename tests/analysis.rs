//! Step 6 beside pandas and SciPy, and the figures of the thesis.

use std::path::Path;

use lgf::analysis::{self, Parameters};
use lgf::pixels::{self, Crop, HeatMap, PixelBox, PixelMask};
use lgf::polars::prelude::*;
use lgf::report;
use lgf::store::{Store, floats, integers, only, texts};
use serde_json::Value;

fn golden() -> (DataFrame, DataFrame, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/analysis");
    let table = |name: &str| CsvReader::new(std::fs::File::open(folder.join(name)).unwrap()).finish().unwrap();
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    (table("predictions.csv"), table("overlap.csv"), serde_json::from_str(&text).unwrap())
}

fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-6 * expected.abs() + 1e-9, "{what}: {found} {expected}");
}

#[test]
fn the_tests_of_the_thesis_equal_scipys() {
    let (predictions, overlap, expected) = golden();
    let table = analysis::published_tests(&predictions, &overlap).unwrap();
    let (what, test) = (texts(&table, "what").unwrap(), texts(&table, "test").unwrap());
    let (statistics, ps) = (floats(&table, "statistic").unwrap(), floats(&table, "p").unwrap());
    let counts = floats(&table, "n").unwrap();
    let mut seen = vec![false; what.len()];
    let tests = expected["tests"].as_array().unwrap();
    assert!(tests.len() > 25);
    for case in tests {
        let name = format!("{} {}", case[0], case[1]);
        let same = |row: &usize| case[0] == what[*row].as_str() && case[1] == test[*row].as_str() && !seen[*row];
        let row = (0..what.len()).find(same).unwrap_or_else(|| panic!("no row {name}"));
        seen[row] = true;
        let number = |place: usize| case[place].as_f64().unwrap();
        // Wilcoxon's test counts pairs that differ; SciPy was given them all.
        assert!(counts[row] <= number(2), "{name}");
        near(statistics[row], number(3), &name);
        near(ps[row], number(4), &name);
    }
}

#[test]
fn interactions_equal_the_studys_loop() {
    let (predictions, _, expected) = golden();
    let table = analysis::interaction(&predictions).unwrap();
    let key = |model: &str, level: i64, file: &str| format!("{model} {level} {file}");
    let (models, files) = (texts(&table, "model").unwrap(), texts(&table, "orig_file").unwrap());
    let levels = integers(&table, "level").unwrap();
    let (single, all) = (floats(&table, "single").unwrap(), floats(&table, "all").unwrap());
    let loops = &expected["interaction"];
    let count = loops["model"].as_array().unwrap().len();
    assert_eq!(count, table.height());
    for at in 0..count {
        let level = loops["level"][at].as_i64().unwrap();
        let own = key(loops["model"][at].as_str().unwrap(), level, loops["orig_file"][at].as_str().unwrap());
        let row = (0..count).find(|&row| key(&models[row], levels[row], &files[row]) == own).unwrap();
        near(single[row], loops["single"][at].as_f64().unwrap(), &own);
        near(all[row], loops["all"][at].as_f64().unwrap(), &own);
    }
}

#[test]
fn corrected_effects_equal_pandas_and_intervals_hold_them() {
    let (predictions, overlap, expected) = golden();
    let table = analysis::conclusions(&predictions, &overlap, &Parameters::default()).unwrap();
    let names = texts(&table, "conclusion").unwrap();
    let column = |name: &str| floats(&table, name).unwrap();
    let (effects, sizes, low, high) = (column("effect"), column("d_z"), column("low"), column("high"));
    let (p, adjusted) = (column("p"), column("adjusted"));
    for case in expected["effects"].as_array().unwrap() {
        let row = names.iter().position(|name| case[0] == name.as_str()).unwrap();
        near(effects[row], case[1].as_f64().unwrap(), &names[row]);
        near(sizes[row], case[2].as_f64().unwrap(), &names[row]);
        assert!(low[row] < effects[row] && effects[row] < high[row], "{}", names[row]);
        assert!(adjusted[row] >= p[row], "{}", names[row]);
    }
}

#[test]
fn what_cannot_be_said_is_said() {
    let (predictions, overlap, _) = golden();
    let without = |column: &str, gone: &str, table: &DataFrame| {
        let keep: Vec<bool> = texts(table, column).unwrap().iter().map(|name| name != gone).collect();
        table.filter(&BooleanChunked::from_slice("keep".into(), &keep)).unwrap()
    };
    // A network that is missing: its hypotheses have no numbers, the others have.
    let fewer = without("model", "se-resnet50", &predictions);
    let table = analysis::conclusions(&fewer, &overlap, &Parameters::default()).unwrap();
    let (names, says) = (texts(&table, "conclusion").unwrap(), texts(&table, "says").unwrap());
    for (row, name) in names.iter().enumerate() {
        assert_eq!(
            says[row].contains("no network se-resnet50"),
            name.starts_with("hypothesis 3.1"),
            "{name}: {}",
            says[row]
        );
    }
    assert!(table.column("p").unwrap().null_count() >= 2);
    // Patches that are missing are a note, not an error; nor is a published test silent.
    let table = analysis::published_tests(&without("kind", "patched", &predictions), &overlap).unwrap();
    let notes = texts(&table, "note").unwrap();
    assert!(notes.iter().any(|note| note.contains("no row has \"black\"")), "{notes:?}");
    // A column that is not there is named.
    let broken = predictions.drop("true_acc").unwrap();
    let error = analysis::conclusions(&broken, &overlap, &Parameters::default()).unwrap_err();
    assert!(error.to_string().contains("no column \"true_acc\""), "{error}");
    // Not a number is refused by the tests, not averaged away.
    let mut values = floats(&predictions, "true_acc").unwrap();
    values[5] = f64::NAN;
    let mut poisoned = predictions.clone();
    poisoned.with_column(Column::new("true_acc".into(), values)).unwrap();
    let table = analysis::conclusions(&poisoned, &overlap, &Parameters::published()).unwrap();
    assert!(texts(&table, "says").unwrap()[0].contains("NaN"), "{:?}", texts(&table, "says").unwrap());
}

/// A data root with the golden tables, and masks and maps of their photographs.
fn root(folder: &Path) -> Store {
    let store = Store::at(folder).unwrap();
    let (predictions, overlap, _) = golden();
    store.write_table("predictions", &predictions).unwrap();
    store.write_table("imgnette_sample_data", &overlap).unwrap();
    let mut files = texts(&overlap, "file").unwrap();
    files.sort();
    files.dedup();
    let count = files.len();
    let edges: Vec<i64> = (0..count as i64).map(|at| 100 + 37 * at).collect();
    let boxes = df!("file" => &files, "object" => vec![0i64; count], "edges" => edges).unwrap();
    store.write_table("edges_data_flt", &boxes).unwrap();
    store.write_table("edges_data", &df!("file" => &files, "frame" => vec!["crop"; count]).unwrap()).unwrap();
    for (place, file) in files.iter().enumerate() {
        let mask = PixelMask::<Crop>::from_box(224, 224, &PixelBox::at(10 * place as u32, 20).of_size(60, 90));
        store.write(&format!("edges/{file}.png"), &pixels::encode_gray_png(&mask.to_gray()).unwrap()).unwrap();
        for model in ["resnet50", "sin-resnet50"] {
            let values = (0..224 * 224).map(|at| ((at * 31 + place * 7) % 101) as f32 - 30.0).collect();
            let map = HeatMap::<Crop>::from_values(224, 224, values).unwrap();
            store.write(&format!("lrp/{model}/{file}.npy"), &map.to_npy()).unwrap();
        }
    }
    store
}

#[test]
fn figures_are_drawn_as_far_as_networks_allow_and_gaps_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = root(folder.path());
    let found = report::published_figures(&store).unwrap();
    let gaps: Vec<&str> = found.gaps.iter().map(|(name, _)| name.as_str()).collect();
    // There is no vgg16 in these tables, and no picture of what smoothing takes away.
    assert_eq!(gaps, ["smtdiff_analysis", "svgg_corr"]);
    assert!(found.gaps[0].1.contains("difference") && found.gaps[1].1.contains("vgg16"), "{:?}", found.gaps);
    let mut names: Vec<&str> = found.plates.iter().map(|plate| plate.figure.name.as_str()).collect();
    assert_eq!(names.len() + gaps.len(), 31);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len() + gaps.len(), 31, "each figure has a name of its own (fault D10)");
    for plate in &found.plates {
        let (figure, name) = (&plate.figure, &plate.figure.name);
        assert!(figure.svg().contains("<svg") && figure.png().starts_with(b"\x89PNG"), "{name}");
        assert!(figure.pdf().starts_with(b"%PDF-") && plate.data.height() > 0, "{name}");
    }
    // What a figure is drawn from is its own table: qq_4 is style less plain, sorted.
    let table = analysis::shared_pixels(&store.table("imgnette_sample_data").unwrap()).unwrap();
    let of = |model: &str| {
        let own = only(&only(&table, "sign", "positive").unwrap(), "model", model).unwrap();
        floats(&own, "shared").unwrap()
    };
    let mut expected: Vec<f64> = of("sin-resnet50").iter().zip(of("resnet50")).map(|(a, b)| a - b).collect();
    expected.sort_by(f64::total_cmp);
    let plate = found.plates.iter().find(|plate| plate.figure.name == "qq_4").unwrap();
    assert_eq!(floats(&plate.data, "sample").unwrap(), expected);
    // The same bytes every time.
    assert_eq!(report::published_figures(&store).unwrap().plates[0].figure, found.plates[0].figure);
    std::fs::remove_dir_all(store.path("lrp")).unwrap();
    let error = report::published_figures(&store).unwrap_err();
    assert!(error.to_string().contains("run notebook"), "a map that is missing names its step: {error}");
}

#[test]
fn a_sum_with_a_picture_missing_is_none() {
    let (predictions, _, _) = golden();
    let full = analysis::interaction(&predictions).unwrap();
    let files = texts(&predictions, "file").unwrap();
    let without = |gone: &str| {
        let keep: Vec<bool> = files.iter().map(|file| file != gone).collect();
        let rest = predictions.filter(&BooleanChunked::from_slice("keep".into(), &keep)).unwrap();
        full.height() - analysis::interaction(&rest).unwrap().height()
    };
    // Of four networks: one layout without a single patch or all patches, all three without the untouched picture.
    assert_eq!(without("n00_0_patched_30_1.png"), 4);
    assert_eq!(without("n00_0_patched_30_-1.png"), 4);
    assert_eq!(without("n00_0_patched_0_-1.png"), 12);
}
