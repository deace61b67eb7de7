//! Step 6 beside pandas and SciPy, and the figures of the thesis.

use std::path::Path;

use lgf::analysis::{self, Parameters};
use lgf::polars::prelude::*;
use lgf::store::{Store, floats, integers, texts};
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

#[test]
fn figures_are_drawn_as_far_as_networks_allow_and_gaps_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let (predictions, overlap, _) = golden();
    store.write_table("predictions", &predictions).unwrap();
    store.write_table("imgnette_sample_data", &overlap).unwrap();
    let edges = df!("file" => ["a", "b", "c"], "object" => [0i64, 0, 0], "edges" => [10i64, 20, 500]).unwrap();
    store.write_table("edges_data_flt", &edges).unwrap();
    let edges = df!("file" => [""; 0], "frame" => [""; 0]).unwrap();
    store.write_table("edges_data", &edges).unwrap();
    let error = lgf::report::published_figures(&store).unwrap_err();
    assert!(error.to_string().contains("run notebook"), "a mask that is missing names its step: {error}");
}
