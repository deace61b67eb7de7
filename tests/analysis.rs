//! Step 6 beside pandas and SciPy, and the figures of the thesis.

use std::path::Path;

use lgf::analysis::{self, Parameters};
use lgf::files::Store;
use lgf::pixels::{self, Crop, HeatMap, PixelBox, PixelMask};
use lgf::polars::prelude::*;
use lgf::protocol::{self, Fault};
use lgf::report;
use lgf::study::{Classes, Study};
use lgf::table::{floats, integers, only, texts};
use serde_json::Value;

fn golden() -> (DataFrame, DataFrame, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/analysis");
    let table = |name: &str| CsvReader::new(std::fs::File::open(folder.join(name)).unwrap()).finish().unwrap();
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    (table("predictions.csv"), table("overlap.csv"), serde_json::from_str(&text).unwrap())
}

fn distinct(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    names
}

/// The rows of a table for which a column of text passes.
fn rows_where(table: &DataFrame, column: &str, keep: impl Fn(&str) -> bool) -> DataFrame {
    let keep: Vec<bool> = texts(table, column).unwrap().iter().map(|value| keep(value)).collect();
    table.filter(&BooleanChunked::from_slice("keep".into(), &keep)).unwrap()
}

/// A table with its networks called otherwise.
fn renamed(table: &DataFrame, names: &[(&str, &str)]) -> DataFrame {
    let of = |name: String| names.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new.to_string());
    let mut table = table.clone();
    let models: Vec<String> = texts(&table, "model").unwrap().into_iter().map(of).collect();
    table.with_column(Column::new("model".into(), models)).unwrap();
    table
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
    let without = |column: &str, gone: &str, table: &DataFrame| rows_where(table, column, |name| name != gone);
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
    let (predictions, overlap, _) = golden();
    root_of(folder, &predictions, &overlap)
}

/// The same of other tables.
fn root_of(folder: &Path, predictions: &DataFrame, overlap: &DataFrame) -> Store {
    let store = Store::at(folder).unwrap();
    store.write_table("predictions", predictions).unwrap();
    store.write_table("imgnette_sample_data", overlap).unwrap();
    let mut files = texts(predictions, "orig_file").unwrap();
    files.sort();
    files.dedup();
    let count = files.len();
    let boxed = texts(overlap, "place").unwrap().iter().any(|place| place == "box");
    let edges: Vec<i64> = (0..count as i64).map(|at| 100 + 37 * at).collect();
    let boxes = df!("file" => &files, "object" => vec![0i64; count], "edges" => edges).unwrap();
    store.write_table("edges_data_flt", &boxes.head(Some(if boxed { count } else { 0 }))).unwrap();
    store.write_table("edges_data", &df!("file" => &files, "frame" => vec!["crop"; count]).unwrap()).unwrap();
    let models = texts(overlap, "model").unwrap();
    let ranking = df!(
        "file" => texts(overlap, "file").unwrap(),
        "model" => &models,
        "lines" => (0..models.len()).map(|at| if at % 2 == 0 { "edges" } else { "outlines" }).collect::<Vec<_>>(),
        "distance" => vec![0i64; models.len()],
        "auroc" => (0..models.len()).map(|at| 0.4 + 0.01 * (at % 20) as f64).collect::<Vec<_>>(),
    );
    store.write_table("overlap_ranking", &ranking.unwrap()).unwrap();
    Study {
        name: "tables".into(),
        images: Vec::new(),
        split: String::new(),
        annotations: None,
        conflict: None,
        classes: Classes::Imagenet,
        networks: Vec::new(),
        images_per_class: Some(4),
        smoother: None,
    }
    .save(&store)
    .unwrap();
    for (place, file) in files.iter().enumerate() {
        let mask = PixelMask::<Crop>::from_box(224, 224, &PixelBox::at(10 * place as u32, 20).of_size(60, 90));
        store.write(&format!("edges/{file}.png"), &pixels::encode_gray_png(&mask.to_gray()).unwrap()).unwrap();
        for model in distinct(&models) {
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
    // There is no vgg16 in these tables.
    assert_eq!(gaps, ["svgg_corr"]);
    assert!(found.gaps[0].1.contains("vgg16"), "{:?}", found.gaps);
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

/// The report of a root by a protocol.
fn page_of(store: &Store, protocol: &protocol::Protocol) -> String {
    let analysed = analysis::write_all(store, &protocol.analysis).unwrap();
    std::fs::read_to_string(report::write(store, protocol, &analysed).unwrap()).unwrap()
}

#[test]
fn the_report_answers_first_and_has_published_beside_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let store = root(folder.path());
    let page = page_of(&store, &protocol::corrected());
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    let answer = place("class=\"answer\"");
    assert!(answer < place("<nav>") && place("<nav>") < place("<img") && place("<h2") < place("<details>"));
    // Both analyses in the columns of one table, and no third where the protocol is one of them.
    assert!(page.contains("<th>question</th><th>published</th><th>corrected</th></tr>"));
    assert!(!page.contains("protocol's own"));
    // Conclusions stand once, each in a row with two answers.
    let table = analysis::conclusions(
        &store.table("predictions").unwrap(),
        &store.table("imgnette_sample_data").unwrap(),
        &Parameters::default(),
    );
    for name in texts(&table.unwrap(), "conclusion").unwrap() {
        assert_eq!(page.matches(&format!("<td>{name}<br>")).count(), 1, "{name}");
    }
    // Letters of pictures are no words.
    let words: String = page.split("base64,").map(|part| part.split_once("\">").map_or(part, |cut| cut.1)).collect();
    for raw in ["null", "f64", "NaN", ">str<", "src=\"http", "href=\"http"] {
        assert!(!words.contains(raw), "{raw}");
    }
    // Choices that are neither have a column of their own.
    let mut own = protocol::corrected();
    own.analysis.correction = analysis::Correction::None;
    assert!(page_of(&store, &own).contains("<th>corrected</th><th>protocol's own</th>"));
}

/// A conclusion: its name, verdict and words.
type Said = (String, String, String);

/// Everything that the analysis, the report and the figures have to say of some tables: the conclusions, and the figures
/// that were not drawn with the reason.
fn all_of_it(predictions: &DataFrame, overlap: &DataFrame) -> (Vec<Said>, Vec<(String, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let store = root_of(folder.path(), predictions, overlap);
    for protocol in [protocol::corrected(), protocol::published()] {
        let analysed = analysis::write_all(&store, &protocol.analysis).unwrap();
        let page = report::write(&store, &protocol, &analysed).unwrap();
        let html = std::fs::read_to_string(page).unwrap();
        assert!(html.contains("softmax of the true class") || html.contains("not drawn"), "a figure or why not");
    }
    let notes = analysis::published_tests(predictions, overlap).unwrap();
    let (values, words) = (floats(&notes, "statistic").unwrap(), texts(&notes, "note").unwrap());
    assert!(values.iter().zip(&words).all(|(value, note)| value.is_finite() == note.is_empty()), "{words:?}");
    analysis::paired_differences(predictions, &Parameters::default()).unwrap();
    analysis::shared_pixels(overlap).unwrap();
    let analysed = analysis::write_all(&store, &Parameters::default()).unwrap();
    for (name, why) in &analysed.gaps {
        assert!(whole(why), "{name}: {why}");
    }
    let table = analysed.table("conclusions").unwrap();
    let column = |name: &str| texts(table, name).unwrap();
    let (names, verdicts, says) = (column("conclusion"), column("verdict"), column("says"));
    for (name, says) in names.iter().zip(&says) {
        assert!(whole(says), "{name}: {says}");
    }
    let rows = names.into_iter().zip(verdicts).zip(says).map(|((name, verdict), says)| (name, verdict, says)).collect();
    let gaps = report::published_figures(&store).unwrap().gaps;
    for (name, why) in &gaps {
        assert!(whole(why), "{name}: {why}");
    }
    (rows, gaps)
}

/// Whether a sentence is there, ends, and has the plural where there is more than one.
fn whole(text: &str) -> bool {
    let text = text.trim_end_matches('"');
    !text.is_empty() && !text.ends_with([' ', ',', ';', ':']) && !text.contains(" 1 pairs") && text.len() < 300
}

#[test]
fn a_study_with_one_network_has_everything_but_comparisons() {
    let (predictions, overlap, _) = golden();
    let own =
        |table: &DataFrame| renamed(&rows_where(table, "model", |name| name == "resnet50"), &[("resnet50", "mine")]);
    let (rows, gaps) = all_of_it(&own(&predictions), &own(&overlap));
    for (name, verdict, says) in &rows {
        if name.starts_with("negative over positive") {
            assert_eq!(name, "negative over positive, mine");
            continue;
        }
        assert_eq!(verdict, "unsaid", "{name}");
        let why = if name.starts_with("hypothesis") {
            "no network"
        } else {
            "two networks are compared, and the tables have 1"
        };
        assert!(says.contains(why), "{name}: {says}");
    }
    // What needs a second network, or one of a name that is not there, is not drawn and says so; all else is.
    let missing: Vec<&str> = gaps.iter().map(|gap| gap.0.as_str()).collect();
    let hypotheses = ["qq_1", "qq_1_1", "qq_3", "qq_3_0", "qq_3_1", "qq_3_11", "qq_3.1", "qq_3.11"];
    let second = ["stl_lrppos_reg", "stl_inters", "qq_4", "sin_corr"];
    let named = ["seresn_corr", "svgg_corr"];
    let mut expected = [&hypotheses[..], &second[..], &named[..]].concat();
    expected.sort_unstable();
    let mut missing = missing;
    missing.sort_unstable();
    assert_eq!(missing, expected);
    for (name, why) in &gaps {
        let expected = if second.contains(&name.as_str()) { "this study has 1" } else { "no network" };
        assert!(why.contains(expected), "{name}: {why}");
    }
}

#[test]
fn two_networks_of_any_names_are_compared_without_a_direction_expected() {
    let (predictions, overlap, _) = golden();
    let pair = |table: &DataFrame| rows_where(table, "model", |name| name == "resnet50" || name == "sin-resnet50");
    let names = [("resnet50", "plain net"), ("sin-resnet50", "Übung/2")];
    let (rows, gaps) = all_of_it(&renamed(&pair(&predictions), &names[..1]), &renamed(&pair(&overlap), &names[..1]));
    let names_of: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    for name in
        ["scrambled pictures", "smoothed pictures", "difference pictures", "relevance on edges", "patches add up"]
    {
        let (_, verdict, says) = &rows[names_of.iter().position(|own| *own == name).unwrap()];
        assert!(!says.contains("no network") && !says.contains("compared"), "{name}: {verdict} {says}");
    }
    assert!(rows.iter().filter(|row| row.0.starts_with("hypothesis")).all(|row| row.2.contains("no network")));
    assert!(gaps.iter().all(|(_, why)| why.contains("no network")), "{gaps:?}");
    assert_eq!(gaps.len(), 8 + 2, "eight hypotheses, and two networks by name");
    // The same pair under its own names says the same of relevance, but for the claim.
    let other = analysis::conclusions(&pair(&predictions), &pair(&overlap), &Parameters::default()).unwrap();
    let (first, second) = (renamed(&pair(&predictions), &[names[1]]), renamed(&pair(&overlap), &[names[1]]));
    let found = analysis::conclusions(&first, &second, &Parameters::default()).unwrap();
    let effect = |table: &DataFrame, name: &str| {
        let row = texts(table, "conclusion").unwrap().iter().position(|own| own == name).unwrap();
        (floats(table, "effect").unwrap()[row], texts(table, "claim").unwrap()[row].clone())
    };
    for name in ["relevance on edges", "counts agree", "patches add up", "difference pictures"] {
        assert_eq!(effect(&found, name).0.to_bits(), effect(&other, name).0.to_bits(), "{name}");
    }
    assert_eq!(effect(&found, "relevance on edges").1, "resnet50 ≠ Übung/2");
    assert_eq!(effect(&other, "relevance on edges").1, "resnet50 < sin-resnet50");
}

#[test]
fn a_study_without_boxes_without_overlap_or_with_one_photograph_a_class_is_analysed() {
    let (predictions, overlap, _) = golden();
    // Without boxes.
    let (rows, gaps) = all_of_it(&predictions, &rows_where(&overlap, "place", |place| place != "box"));
    let missing: Vec<&str> = gaps.iter().map(|gap| gap.0.as_str()).collect();
    assert_eq!(missing, ["edge_count", "edge_count_box", "edge_count_box_lower", "svgg_corr"], "{gaps:?}");
    assert!(rows.iter().any(|row| row.0 == "relevance on edges" && !row.2.contains("two networks")));
    // No relevance at all.
    let (rows, _) = all_of_it(&predictions, &overlap.head(Some(0)));
    let said = |name: &str| &rows.iter().find(|row| row.0 == name).unwrap().2;
    assert_eq!(said("relevance on edges"), "cannot be said: 0 pairs, at least 3 are needed");
    assert!(!said("hypothesis 1").is_empty());
    // One photograph of each class, and one alone: nothing is decided, everything is there.
    let first = |name: &str| name.ends_with("_0");
    for keep in [&first as &dyn Fn(&str) -> bool, &|name: &str| name == "n00_0"] {
        let own = rows_where(&predictions, "orig_file", keep);
        let (rows, _) = all_of_it(&own, &rows_where(&overlap, "file", keep));
        for (name, verdict, says) in &rows {
            assert_eq!(verdict, "unsaid", "{name}: {says}");
            assert!(says.starts_with("cannot be said: "), "{name}: {says}");
        }
        let curves = analysis::curves(&own, "scrambled", "true_acc").unwrap();
        let alone = keep("n00_0") && !keep("n01_0");
        assert_eq!(curves.column("low").unwrap().null_count() > 0, alone, "one photograph has no interval");
        assert!(floats(&curves, "mean").unwrap().iter().all(|mean| mean.is_finite()));
    }
}

#[test]
fn single_precision_is_the_thesis_and_its_ties_are_dropped() {
    // Softmax so near one that single precision has one number for all of it.
    let (predictions, overlap, _) = golden();
    let mut near_one = predictions.clone();
    let values: Vec<f64> = (0..predictions.height()).map(|row| 1.0 - 1e-9 * (1 + row % 7) as f64).collect();
    near_one.with_column(Column::new("true_acc".into(), values)).unwrap();
    let table = analysis::published_tests(&near_one, &overlap).unwrap();
    let (what, notes) = (texts(&table, "what").unwrap(), texts(&table, "note").unwrap());
    let row = what.iter().position(|what| what == "hypothesis 1").unwrap();
    assert!(notes[row + 1].contains("do not differ anywhere"), "{}", notes[row + 1]);
}

#[test]
fn a_verdict_needs_evidence() {
    let (predictions, overlap, _) = golden();
    let mut decided = 0;
    for parameters in [Parameters::default(), Parameters::published()] {
        let table = analysis::conclusions(&predictions, &overlap, &parameters).unwrap();
        let column = |name: &str| texts(&table, name).unwrap();
        let (names, verdicts, says, tests) = (column("conclusion"), column("verdict"), column("says"), column("test"));
        let (low, high) = (floats(&table, "low").unwrap(), floats(&table, "high").unwrap());
        for row in 0..names.len() {
            let covers = low[row] <= 0.0 && high[row] >= 0.0;
            match verdicts[row].as_str() {
                // The published test decides alone, and says what the interval does.
                "first" | "second" if covers => {
                    assert!(tests[row].ends_with("one-sided") && says[row].contains("covers 0"), "{}", says[row])
                }
                "first" | "second" => decided += 1,
                // What is asked of concordance is .90, and 0 of everything else.
                "no" if tests[row] == "Lin's concordance" => assert!(high[row] < 0.9),
                "yes" if tests[row] == "Lin's concordance" => assert!(low[row] >= 0.9),
                "yes" | "no" => assert!(!covers, "{}: {}", names[row], says[row]),
                "unsaid" => assert!(says[row].starts_with("cannot be said: "), "{}", says[row]),
                other => assert_eq!(other, "no difference"),
            }
        }
    }
    assert!(decided > 0, "some verdict is given");
}

/// What an ablation would write of some faults of the analysis alone.
fn ablated(predictions: &DataFrame, overlap: &DataFrame) -> DataFrame {
    let first = protocol::corrected();
    let row = |run: &str, id: &str, parameters: &Parameters| {
        let mut table = analysis::conclusions(predictions, overlap, parameters).unwrap();
        let height = table.height();
        for (name, value) in [("run", run), ("id", id), ("moved", "")] {
            table.with_column(Column::new(name.into(), vec![value; height])).unwrap();
        }
        table
    };
    let mut tables = vec![row("corrected, as it is", "", &first.analysis)];
    for fault in Fault::ALL.into_iter().filter(|fault| fault.step() == protocol::Step::Analysis) {
        tables.push(row(&format!("with {fault}"), fault.id(), &first.repeat(fault).analysis));
    }
    // A run that changed nothing, and one that could not.
    tables.push(row("with B7 JPEG after the change", "B7", &first.analysis));
    let mut unreached = row("with A11 photographs with several objects lost", "A11", &first.analysis);
    let height = unreached.height();
    let says = "cannot reach a conclusion: this study has no boxes";
    for (name, value) in [("moved", "cannot reach"), ("says", says), ("verdict", "unsaid")] {
        unreached.with_column(Column::new(name.into(), vec![value; height])).unwrap();
    }
    for name in ["effect", "low", "high", "d_z", "rank_biserial", "statistic", "p", "adjusted"] {
        unreached.with_column(Column::new(name.into(), vec![None::<f64>; height])).unwrap();
    }
    tables.push(unreached);
    lgf::table::stacked(tables).unwrap()
}

#[test]
fn an_ablation_shows_which_numbers_moved_and_what_its_letters_mean() {
    let (predictions, overlap, _) = golden();
    let ablation = ablated(&predictions, &overlap);
    let figure = report::ablation_figure(&ablation).unwrap().draw("ablation").unwrap();
    let text = figure.svg();
    for part in ["difference", "pictures", "inverse", "with D7 no correction for many tests", "D statistics."] {
        assert!(text.contains(part), "{part}");
    }
    // Of the run that changed nothing each cell is an equals sign; D2 moves the normality alone.
    let names = texts(&ablation, "conclusion").unwrap();
    let count = names.iter().skip(1).position(|name| *name == names[0]).unwrap() + 1;
    let equal = text.matches(">=</text>").count();
    assert!(equal >= count + (count - 1), "{equal} of {count} columns");
    let folder = tempfile::tempdir().unwrap();
    let store = root(folder.path());
    store.write_table("ablation", &ablation).unwrap();
    let page = page_of(&store, &protocol::corrected());
    assert!(
        page.contains("<li>with B7 JPEG after the change: no number of any conclusion differs from the first run</li>")
    );
    assert_eq!(page.matches("no number of any conclusion").count(), 1, "every fault of the analysis reaches one");
    assert!(page.contains("several objects lost: cannot reach a conclusion: this study has no boxes</li>"));
    assert!(page.contains("A boxes, edges and their frames"));
}
