//! Step 6 beside pandas and SciPy, and the figures of the thesis.

use std::path::Path;

use lgf::analysis::{
    self, AblationRow, Analysed, ConclusionRow, CurveRow, Measure, Method, Moved, Outcome, Parameters, PublishedRow,
    Verdict,
};
use lgf::files::Store;
use lgf::pixels::{self, Crop, HeatMap, PixelBox, PixelMask};
use lgf::polars::prelude::*;
use lgf::protocol::{self, Fault};
use lgf::report;
use lgf::study::{Classes, Description, NetworkEntry, Pair, Study};
use lgf::table::{
    BoxEdgeRow, EdgeRow, FrameName, Lines, OverlapRow, Place, PredictionRow, RankingRow, Region, Row, column, floats,
};
use serde_json::Value;

/// Columns that a golden table lacks are as in a row of nothing.
fn golden() -> (Vec<PredictionRow>, Vec<OverlapRow>, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/analysis");
    let table = |name: &str| CsvReader::new(std::fs::File::open(folder.join(name)).unwrap()).finish().unwrap();
    let found = table("predictions.csv");
    let nothing = PredictionRow::table(vec![PredictionRow::default(); found.height()]).unwrap();
    let columns = nothing.columns().iter().map(|own| column(&found, own.name()).unwrap_or(own).clone()).collect();
    let predictions = PredictionRow::rows(&DataFrame::new(found.height(), columns).unwrap()).unwrap();
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    (predictions, OverlapRow::rows(&table("overlap.csv")).unwrap(), serde_json::from_str(&text).unwrap())
}

/// The names in order, each once.
fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        if !seen.contains(name) {
            seen.push(name.clone());
        }
    }
    seen
}

/// The pairs that a study of the networks of a table compares.
fn pairs_of(predictions: &[PredictionRow]) -> Vec<Pair> {
    let networks = distinct(predictions.iter().map(|row| &row.model));
    Pair::among(&networks.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The conclusions of the pairs of the networks of a table.
fn concluded(predictions: &[PredictionRow], overlap: &[OverlapRow], parameters: &Parameters) -> Vec<ConclusionRow> {
    analysis::conclusions(predictions, overlap, &pairs_of(predictions), parameters).unwrap()
}

/// The conclusion of a name.
fn said<'a>(rows: &'a [ConclusionRow], name: &str) -> &'a ConclusionRow {
    rows.iter().find(|row| row.conclusion == name).unwrap_or_else(|| panic!("no conclusion {name}"))
}

fn published(predictions: &[PredictionRow], overlap: &[OverlapRow]) -> Vec<PublishedRow> {
    PublishedRow::rows(&analysis::published_tests(predictions, overlap).unwrap()).unwrap()
}

/// Both tables with some networks alone, called otherwise.
fn of_networks(names: &[(&str, &str)]) -> (Vec<PredictionRow>, Vec<OverlapRow>) {
    let (mut predictions, mut overlap, _) = golden();
    let name = |model: &mut String| match names.iter().find(|(old, _)| old == model) {
        Some((_, new)) => {
            *model = new.to_string();
            true
        }
        None => false,
    };
    predictions.retain_mut(|row| name(&mut row.model));
    overlap.retain_mut(|row| name(&mut row.model));
    (predictions, overlap)
}

fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-6 * expected.abs() + 1e-9, "{what}: {found} {expected}");
}

#[test]
fn the_tests_of_the_thesis_equal_scipys() {
    let (predictions, overlap, expected) = golden();
    let rows = published(&predictions, &overlap);
    let mut seen = vec![false; rows.len()];
    let tests = expected["tests"].as_array().unwrap();
    assert!(tests.len() > 25);
    for case in tests {
        let name = format!("{} {}", case[0], case[1]);
        let same = |at: &usize| case[0] == rows[*at].what.as_str() && case[1] == rows[*at].test.name() && !seen[*at];
        let at = (0..rows.len()).find(same).unwrap_or_else(|| panic!("no row {name}"));
        seen[at] = true;
        let (row, number) = (&rows[at], |place: usize| case[place].as_f64().unwrap());
        // Wilcoxon's test counts pairs that differ; SciPy was given them all.
        assert!(row.n.unwrap() as f64 <= number(2), "{name}");
        near(row.statistic.unwrap(), number(3), &name);
        near(row.p.unwrap(), number(4), &name);
    }
}

#[test]
fn interactions_equal_the_studys_loop() {
    let (predictions, _, expected) = golden();
    let rows = analysis::interaction(&predictions);
    let loops = &expected["interaction"];
    let count = loops["model"].as_array().unwrap().len();
    assert_eq!(count, rows.len());
    for at in 0..count {
        let text = |column: &str| loops[column][at].as_str().unwrap();
        let number = |column: &str| loops[column][at].as_f64().unwrap();
        let same = |row: &&analysis::PatchRow| {
            row.model == text("model") && row.level as f64 == number("level") && row.orig_file == text("orig_file")
        };
        let row = rows.iter().find(same).unwrap();
        near(row.single, number("single"), &row.orig_file);
        near(row.all, number("all"), &row.orig_file);
    }
}

#[test]
fn corrected_effects_equal_pandas_and_intervals_hold_them() {
    let (predictions, overlap, expected) = golden();
    let rows = concluded(&predictions, &overlap, &Parameters::default());
    for case in expected["effects"].as_array().unwrap() {
        let row = said(&rows, case[0].as_str().unwrap());
        let (effect, name) = (row.effect.unwrap(), &row.conclusion);
        near(effect, case[1].as_f64().unwrap(), name);
        near(row.d_z.unwrap(), case[2].as_f64().unwrap(), name);
        assert!(row.low.unwrap() < effect && effect < row.high.unwrap(), "{name}");
        assert!(row.adjusted >= row.p, "{name}");
    }
}

#[test]
fn what_cannot_be_said_is_said() {
    let (predictions, overlap, _) = golden();
    // A network that is missing: its hypotheses have no numbers, the others have.
    let fewer: Vec<PredictionRow> = predictions.iter().filter(|row| row.model != "se-resnet50").cloned().collect();
    let rows = concluded(&fewer, &overlap, &Parameters::default());
    for row in &rows {
        assert_eq!(
            row.says.contains("no network se-resnet50"),
            row.conclusion.starts_with("hypothesis 3.1"),
            "{}: {}",
            row.conclusion,
            row.says
        );
    }
    assert!(rows.iter().filter(|row| row.p.is_none()).count() >= 2);
    // Patches that are missing are a note, not an error; nor is a published test silent.
    let unpatched: Vec<PredictionRow> = predictions.iter().filter(|row| row.kind != "patched").cloned().collect();
    let notes: Vec<String> = published(&unpatched, &overlap).into_iter().map(|row| row.note).collect();
    assert!(notes.iter().any(|note| note.contains("no row has \"black\"")), "{notes:?}");
    // A column that is not there is named.
    let broken = PredictionRow::table(predictions.clone()).unwrap().drop("true_acc").unwrap();
    let error = PredictionRow::rows(&broken).unwrap_err();
    assert!(error.to_string().contains("no column \"true_acc\""), "{error}");
    // Not a number is refused by the tests, not averaged away.
    let mut poisoned = predictions.clone();
    poisoned[5].true_acc = f64::NAN;
    let rows = concluded(&poisoned, &overlap, &Parameters::published());
    assert!(rows[0].says.contains("NaN"), "{}", rows[0].says);
}

/// A data root with the golden tables, and masks and maps of their photographs.
fn root(folder: &Path) -> Study {
    let (predictions, overlap, _) = golden();
    root_of(folder, &predictions, &overlap)
}

/// The same of other tables.
fn root_of(folder: &Path, predictions: &[PredictionRow], overlap: &[OverlapRow]) -> Study {
    let store = Store::at(folder).unwrap().quiet();
    store.write_rows("predictions", predictions.to_vec()).unwrap();
    store.write_rows("imgnette_sample_data", overlap.to_vec()).unwrap();
    let mut files = distinct(predictions.iter().map(|row| &row.orig_file));
    files.sort();
    let count = files.len();
    let boxed = overlap.iter().any(|row| row.place == Place::Box);
    let edges: Vec<i64> = (0..count as i64).map(|at| 100 + 37 * at).collect();
    let boxes = files.iter().zip(edges).take(if boxed { count } else { 0 }).map(|(file, edges)| BoxEdgeRow {
        file: file.clone(),
        wnid: String::new(),
        object: 0,
        row: 0,
        col: 0,
        height: 100,
        width: 100,
        edges,
        density: edges as f64 / 1e4,
        contours: edges / 2,
    });
    store.write_rows("edges_data_flt", boxes.collect()).unwrap();
    let whole = files.iter().map(|file| EdgeRow {
        file: file.clone(),
        wnid: String::new(),
        frame: FrameName::Crop,
        height: 224,
        width: 224,
        edges: 1000,
        density: 1e3 / (224.0 * 224.0),
        contours: 500,
        mask: format!("edges/{file}.png"),
        sha256: String::new(),
    });
    store.write_rows("edges_data", whole.collect()).unwrap();
    let ranking = overlap.iter().enumerate().map(|(at, row)| RankingRow {
        file: row.file.clone(),
        model: row.model.clone(),
        lines: if at % 2 == 0 { Lines::Edges } else { Lines::Outlines },
        distance: 0,
        base: 0.1,
        auroc: Some(0.4 + 0.01 * (at % 20) as f64),
        average_precision: None,
    });
    store.write_rows("overlap_ranking", ranking.collect()).unwrap();
    let network = |name: &String| NetworkEntry::new(name, "resnet50", "none.pth");
    let networks = distinct(predictions.iter().map(|row| &row.model)).iter().map(network).collect();
    let described =
        Description { networks, images_per_class: Some(4), ..Description::named("tables", Classes::Imagenet) };
    let study = Study::begin(store.clone(), described).unwrap();
    for (place, file) in files.iter().enumerate() {
        let mask = PixelMask::<Crop>::from_box(224, 224, &PixelBox::at(10 * place as u32, 20).of_size(60, 90));
        store.write(&format!("edges/{file}.png"), &pixels::encode_gray_png(&mask.to_gray()).unwrap()).unwrap();
        for model in distinct(overlap.iter().map(|row| &row.model)) {
            let values = (0..224 * 224).map(|at| ((at * 31 + place * 7) % 101) as f32 - 30.0).collect();
            let map = HeatMap::<Crop>::from_values(224, 224, values).unwrap();
            store.write(&format!("lrp/{model}/{file}.npy"), &map.to_npy()).unwrap();
        }
    }
    study
}

#[test]
fn figures_are_drawn_as_far_as_networks_allow_and_gaps_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let study = root(folder.path());
    let store = &study.store;
    let found = report::published_figures(store).unwrap();
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
    let shared = analysis::shared_pixels(&store.rows::<OverlapRow>("imgnette_sample_data").unwrap());
    let of = |model: &str| -> Vec<f64> {
        let own = shared.iter().filter(|row| row.sign == Region::Positive && row.model == model);
        own.map(|row| row.shared.unwrap()).collect()
    };
    let mut expected: Vec<f64> = of("sin-resnet50").iter().zip(of("resnet50")).map(|(a, b)| a - b).collect();
    expected.sort_by(f64::total_cmp);
    let plate = found.plates.iter().find(|plate| plate.figure.name == "qq_4").unwrap();
    assert_eq!(floats(&plate.data, "sample").unwrap(), expected);
    // The same bytes every time.
    assert_eq!(report::published_figures(store).unwrap().plates[0].figure, found.plates[0].figure);
    std::fs::remove_dir_all(store.path("lrp")).unwrap();
    let error = report::published_figures(store).unwrap_err();
    assert!(error.to_string().contains("run notebook"), "a map that is missing names its step: {error}");
}

#[test]
fn a_sum_with_a_picture_missing_is_none() {
    let (predictions, _, _) = golden();
    let full = analysis::interaction(&predictions);
    let without = |gone: &str| {
        let rest: Vec<PredictionRow> = predictions.iter().filter(|row| row.file != gone).cloned().collect();
        full.len() - analysis::interaction(&rest).len()
    };
    // Of four networks: one layout without a single patch or all patches, all three without the untouched picture.
    assert_eq!(without("n00_0_patched_30_1.png"), 4);
    assert_eq!(without("n00_0_patched_30_-1.png"), 4);
    assert_eq!(without("n00_0_patched_0_-1.png"), 12);
}

/// The report of a root by a protocol.
fn page_of(study: &Study, protocol: &protocol::Protocol) -> String {
    let analysed = analysis::write_all(study, &protocol.analysis).unwrap();
    std::fs::read_to_string(report::write(&study.store, protocol, &analysed).unwrap()).unwrap()
}

#[test]
fn the_report_answers_first_and_has_published_beside_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let study = root(folder.path());
    let page = page_of(&study, &protocol::corrected());
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    let answer = place("class=\"answer\"");
    assert!(answer < place("<nav>") && place("<nav>") < place("<img") && place("<h2") < place("<details>"));
    // Both analyses in the columns of one table, and no third where the protocol is one of them.
    assert!(page.contains("<th>question</th><th>published</th><th>corrected</th></tr>"));
    assert!(!page.contains("protocol's own"));
    // Conclusions stand once, each in a row with two answers.
    let (predictions, overlap, _) = golden();
    let rows = analysis::conclusions(&predictions, &overlap, &study.compared(), &Parameters::default()).unwrap();
    for ConclusionRow { conclusion, .. } in rows {
        assert_eq!(page.matches(&format!("<td>{conclusion}<br>")).count(), 1, "{conclusion}");
    }
    // Letters of pictures are no words.
    let words: String = page.split("base64,").map(|part| part.split_once("\">").map_or(part, |cut| cut.1)).collect();
    for raw in ["null", "f64", "NaN", ">str<", "src=\"http", "href=\"http"] {
        assert!(!words.contains(raw), "{raw}");
    }
    // Choices that are neither have a column of their own.
    let mut own = protocol::corrected();
    own.analysis.correction = analysis::Correction::None;
    assert!(page_of(&study, &own).contains("<th>corrected</th><th>protocol's own</th>"));
}

/// Everything that the analysis, the report and the figures have to say of some tables: the conclusions, and the figures
/// that were not drawn with the reason.
fn all_of_it(predictions: &[PredictionRow], overlap: &[OverlapRow]) -> (Vec<ConclusionRow>, Vec<(String, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let study = root_of(folder.path(), predictions, overlap);
    let store = &study.store;
    for protocol in [protocol::corrected(), protocol::published()] {
        let analysed = analysis::write_all(&study, &protocol.analysis).unwrap();
        let page = report::write(store, &protocol, &analysed).unwrap();
        let html = std::fs::read_to_string(page).unwrap();
        assert!(html.contains("softmax of the true class") || html.contains("not drawn"), "a figure or why not");
    }
    for row in published(predictions, overlap) {
        assert_eq!(row.statistic.is_some(), row.note.is_empty(), "{row:?}");
    }
    let analysed = analysis::write_all(&study, &Parameters::default()).unwrap();
    for (name, why) in &analysed.gaps {
        assert!(whole(why), "{name}: {why}");
    }
    let rows = ConclusionRow::rows(analysed.table("conclusions").unwrap()).unwrap();
    for row in &rows {
        assert!(whole(&row.says), "{}: {}", row.conclusion, row.says);
    }
    assert_eq!(rows, concluded(predictions, overlap, &Parameters::default()));
    let gaps = report::published_figures(store).unwrap().gaps;
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
    let (predictions, overlap) = of_networks(&[("resnet50", "mine")]);
    let (rows, gaps) = all_of_it(&predictions, &overlap);
    for row in &rows {
        let name = &row.conclusion;
        if name.starts_with("negative over positive") {
            assert_eq!(name, "negative over positive, mine");
            continue;
        }
        assert_eq!(row.verdict, Verdict::Unsaid, "{name}");
        let why = if name.starts_with("hypothesis") {
            "no network"
        } else {
            "two networks are compared, and the tables have 1"
        };
        assert!(row.says.contains(why), "{name}: {}", row.says);
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
    let names = [("resnet50", "plain net"), ("sin-resnet50", "Übung/2")];
    let (predictions, overlap) = of_networks(&[names[0], ("sin-resnet50", "sin-resnet50")]);
    let (rows, gaps) = all_of_it(&predictions, &overlap);
    for name in
        ["scrambled pictures", "smoothed pictures", "difference pictures", "relevance on edges", "patches add up"]
    {
        let says = &said(&rows, name).says;
        assert!(!says.contains("no network") && !says.contains("compared"), "{name}: {says}");
    }
    assert!(
        rows.iter().filter(|row| row.conclusion.starts_with("hypothesis")).all(|row| row.says.contains("no network"))
    );
    assert!(gaps.iter().all(|(_, why)| why.contains("no network")), "{gaps:?}");
    assert_eq!(gaps.len(), 8 + 2, "eight hypotheses, and two networks by name");
    // The same pair under its own names says the same of relevance, but for the claim.
    let (predictions, overlap) = of_networks(&[("resnet50", "resnet50"), ("sin-resnet50", "sin-resnet50")]);
    let other = concluded(&predictions, &overlap, &Parameters::default());
    let (predictions, overlap) = of_networks(&[("resnet50", "resnet50"), names[1]]);
    let found = concluded(&predictions, &overlap, &Parameters::default());
    for name in ["relevance on edges", "counts agree", "patches add up", "difference pictures"] {
        assert_eq!(said(&found, name).effect, said(&other, name).effect, "{name}");
    }
    assert_eq!(said(&found, "relevance on edges").claim, "resnet50 ≠ Übung/2");
    assert_eq!(said(&other, "relevance on edges").claim, "resnet50 < sin-resnet50");
}

#[test]
fn several_pairs_of_networks_of_any_names_are_each_compared_and_corrected_together() {
    let names = [("resnet50", "one"), ("sin-resnet50", "two"), ("se-resnet50", "three")];
    let (predictions, overlap) = of_networks(&names);
    let folder = tempfile::tempdir().unwrap();
    let mut study = root_of(folder.path(), &predictions, &overlap);
    let store = study.store.clone();
    assert_eq!(study.compared(), [Pair::new("one", "two"), Pair::new("one", "three")], "the first against each other");
    study.described.pairs = vec![Pair::new("three", "one"), Pair::new("two", "three")];
    let analysed = analysis::write_all(&study, &Parameters::default()).unwrap();
    let rows = ConclusionRow::rows(analysed.table("conclusions").unwrap()).unwrap();
    let mut tests = Vec::new();
    for name in [
        "scrambled pictures",
        "smoothed pictures",
        "difference pictures",
        "inverse difference pictures",
        "relevance on edges",
        "negative relevance on edges",
        "counts agree",
        "normality",
        "patches add up",
    ] {
        assert!(!rows.iter().any(|row| row.conclusion == name), "{name} says of which pair");
        for Pair { first, second } in &study.described.pairs {
            let row = said(&rows, &format!("{name}: {first}, {second}"));
            assert!(name == "normality" || row.claim.contains(first) && row.claim.contains(second), "{}", row.claim);
            // A pair alone has the same numbers, and fewer tests beside it.
            let pair = [Pair::new(first, second)];
            let alone = analysis::conclusions(&predictions, &overlap, &pair, &Parameters::default()).unwrap();
            let alone = said(&alone, name);
            assert_eq!((row.n, row.effect, row.p), (alone.n, alone.effect, alone.p), "{}", row.conclusion);
            if row.test == Method::Permutation {
                assert!(row.adjusted >= alone.adjusted);
                tests.push((row.p.unwrap(), row.adjusted.unwrap()));
            }
        }
    }
    assert!(tests.len() > 6, "{tests:?}");
    let least = tests.iter().copied().reduce(|a, b| if a.0 <= b.0 { a } else { b }).unwrap();
    assert_eq!(least.1, (least.0 * tests.len() as f64).min(1.0), "Holm's correction is over all pairs together");
    for network in ["one", "two", "three"] {
        assert_eq!(rows.iter().filter(|row| row.conclusion == format!("negative over positive, {network}")).count(), 1);
    }
    // What the tests of pictures compare is there by the same names.
    let differences = |name: &str| {
        analysis::differences_of(&predictions, &study.described.pairs, name, &Parameters::default())
            .map(|found| found.len() as i64)
    };
    let name = "smoothed pictures: two, three";
    assert_eq!(differences(name).unwrap(), said(&rows, name).n);
    assert!(differences("smoothed pictures: one, two").unwrap_err().to_string().contains(name));
    // The page has them all, and an ablation a column each.
    let page = report::write(&store, &protocol::corrected(), &analysed).unwrap();
    assert!(std::fs::read_to_string(page).unwrap().contains("relevance on edges: two, three"));
    let ablation = Outcome::Concluded(rows.clone()).compared(&rows, "corrected, as it is", "");
    assert!(report::ablation_figure(&ablation).draw("ablation").unwrap().svg().contains("three"));
}

#[test]
fn what_was_analysed_is_read_again_with_its_gaps_and_what_is_gone_is_removed() {
    let (mut predictions, overlap) = of_networks(&[("resnet50", "mine")]);
    let folder = tempfile::tempdir().unwrap();
    let study = root_of(folder.path(), &predictions, &overlap);
    let store = study.store.clone();
    assert!(Analysed::open(&study.store).unwrap_err().to_string().contains("lgf analyse"));
    // A kind of picture that the thesis has not has its curves, too.
    let mut filtered: Vec<PredictionRow> = predictions.iter().filter(|row| row.kind == "smoothed").cloned().collect();
    filtered.iter_mut().for_each(|row| row.kind = "bilateral".into());
    predictions.extend(filtered);
    predictions.retain(|row| row.kind != "scrambled");
    store.write_rows("predictions", predictions.clone()).unwrap();
    let written = analysis::write_all(&study, &Parameters::default()).unwrap();
    let read = Analysed::open(&study.store).unwrap();
    let names =
        |analysed: &Analysed| analysed.tables.iter().map(|made| (made.name.clone(), made.shows)).collect::<Vec<_>>();
    assert_eq!((names(&read), &read.gaps), (names(&written), &written.gaps));
    for (read, written) in read.tables.iter().zip(&written.tables) {
        assert!(read.table.equals_missing(&written.table), "{}", read.name);
    }
    let (own, same) = (read.table("bilateral_drop").unwrap(), read.table("smoothed_drop").unwrap());
    assert!(own.equals_missing(same));
    assert!(read.gaps.contains(&("scrambled".into(), "no prediction of kind \"scrambled\"".into())), "{:?}", read.gaps);
    predictions.retain(|row| row.kind != "bilateral");
    store.write_rows("predictions", predictions).unwrap();
    analysis::write_all(&study, &Parameters::default()).unwrap();
    assert!(!store.path("analysis/bilateral.csv").exists());
    assert!(Analysed::open(&study.store).unwrap().table("bilateral").is_none());
}

#[test]
fn a_study_without_boxes_without_overlap_or_with_one_photograph_a_class_is_analysed() {
    let (predictions, overlap, _) = golden();
    // Without boxes.
    let unboxed: Vec<OverlapRow> = overlap.iter().filter(|row| row.place != Place::Box).cloned().collect();
    let (rows, gaps) = all_of_it(&predictions, &unboxed);
    let missing: Vec<&str> = gaps.iter().map(|gap| gap.0.as_str()).collect();
    assert_eq!(missing, ["edge_count", "edge_count_box", "edge_count_box_lower", "svgg_corr"], "{gaps:?}");
    assert!(!said(&rows, "relevance on edges").says.contains("two networks"));
    // No relevance at all.
    let (rows, _) = all_of_it(&predictions, &[]);
    assert_eq!(said(&rows, "relevance on edges").says, "cannot be said: 0 pairs, at least 3 are needed");
    assert!(!said(&rows, "hypothesis 1").says.is_empty());
    // One photograph of each class, and one alone: nothing is decided, everything is there.
    let first = |name: &str| name.ends_with("_0");
    for keep in [&first as &dyn Fn(&str) -> bool, &|name: &str| name == "n00_0"] {
        let own: Vec<PredictionRow> = predictions.iter().filter(|row| keep(&row.orig_file)).cloned().collect();
        let maps: Vec<OverlapRow> = overlap.iter().filter(|row| keep(&row.file)).cloned().collect();
        let (rows, _) = all_of_it(&own, &maps);
        for row in &rows {
            assert_eq!(row.verdict, Verdict::Unsaid, "{}: {}", row.conclusion, row.says);
            assert!(row.says.starts_with("cannot be said: "), "{}: {}", row.conclusion, row.says);
        }
        let curves = analysis::curves(&own, "scrambled", Measure::TrueSoftmax).unwrap();
        let curves = CurveRow::rows(&curves).unwrap();
        let alone = keep("n00_0") && !keep("n01_0");
        assert_eq!(curves.iter().any(|row| row.low.is_none()), alone, "one photograph has no interval");
        assert!(curves.iter().all(|row| row.mean.is_finite()));
    }
}

#[test]
fn single_precision_is_the_thesis_and_its_ties_are_dropped() {
    // Softmax so near one that single precision has one number for all of it.
    let (predictions, overlap, _) = golden();
    let mut near_one = predictions.clone();
    for (at, row) in near_one.iter_mut().enumerate() {
        row.true_acc = 1.0 - 1e-9 * (1 + at % 7) as f64;
    }
    let rows = published(&near_one, &overlap);
    let at = rows.iter().position(|row| row.what == "hypothesis 1").unwrap();
    assert!(rows[at + 1].note.contains("do not differ anywhere"), "{}", rows[at + 1].note);
}

#[test]
fn a_verdict_needs_evidence() {
    let (predictions, overlap, _) = golden();
    let mut decided = 0;
    for parameters in [Parameters::default(), Parameters::published()] {
        for row in concluded(&predictions, &overlap, &parameters) {
            let (low, high) = (row.low.unwrap_or(f64::NAN), row.high.unwrap_or(f64::NAN));
            let (covers, says) = (low <= 0.0 && high >= 0.0, &row.says);
            match (row.verdict, row.test) {
                // The published test decides alone, and says what the interval does.
                (Verdict::First | Verdict::Second, test) if covers => {
                    assert!(test == Method::WilcoxonOneSided && says.contains("covers 0"), "{says}")
                }
                (Verdict::First | Verdict::Second, _) => decided += 1,
                // What is asked of concordance is .90, and 0 of everything else.
                (Verdict::No, Method::Concordance) => assert!(high < 0.9),
                (Verdict::Yes, Method::Concordance) => assert!(low >= 0.9),
                (Verdict::Yes | Verdict::No, _) => assert!(!covers, "{}: {says}", row.conclusion),
                (Verdict::Unsaid, _) => assert!(says.starts_with("cannot be said: "), "{says}"),
                (Verdict::NoDifference, _) => {}
            }
        }
    }
    assert!(decided > 0, "some verdict is given");
}

/// What an ablation would write of some faults of the analysis alone.
fn ablated(predictions: &[PredictionRow], overlap: &[OverlapRow]) -> Vec<AblationRow> {
    let first = protocol::corrected();
    let conclusions = |parameters: &Parameters| concluded(predictions, overlap, parameters);
    let base = conclusions(&first.analysis);
    let run = |run: &str, id: &str, outcome: Outcome| outcome.compared(&base, run, id);
    let mut rows = run("corrected, as it is", "", Outcome::Concluded(base.clone()));
    for fault in Fault::ALL.into_iter().filter(|fault| fault.step() == protocol::Step::Analysis) {
        let found = conclusions(&first.repeat(fault).analysis);
        rows.extend(run(&format!("with {fault}"), fault.id(), Outcome::Concluded(found)));
    }
    // A run that changed nothing, and one that could not.
    rows.extend(run("with B7 JPEG after the change", "B7", Outcome::Concluded(base.clone())));
    let unreached = Outcome::OutOfReach("this study has no boxes".into());
    rows.extend(run("with A11 photographs with several objects lost", "A11", unreached));
    rows
}

#[test]
fn an_ablation_shows_which_numbers_moved_and_what_its_letters_mean() {
    let (predictions, overlap, _) = golden();
    let ablation = ablated(&predictions, &overlap);
    let figure = report::ablation_figure(&ablation).draw("ablation").unwrap();
    let text = figure.svg();
    for part in ["difference", "pictures", "inverse", "with D7 no correction for many tests", "D statistics"] {
        assert!(text.contains(part), "{part}");
    }
    // Of the run that changed nothing each cell is an equals sign; D2 moves the normality alone.
    let count = ablation.iter().filter(|row| row.id.is_empty()).count();
    assert!(ablation.iter().any(|row| row.moved != Moved::No && row.moved != Moved::OutOfReach));
    let equal = text.matches(">=</text>").count();
    assert!(equal >= count + (count - 1), "{equal} of {count} columns");
    let folder = tempfile::tempdir().unwrap();
    let study = root(folder.path());
    study.store.write_rows("ablation", ablation).unwrap();
    let page = page_of(&study, &protocol::corrected());
    assert!(
        page.contains("<li>with B7 JPEG after the change: no number of any conclusion differs from the first run</li>")
    );
    assert_eq!(page.matches("no number of any conclusion").count(), 1, "every fault of the analysis reaches one");
    assert!(page.contains("several objects lost: cannot reach a conclusion: this study has no boxes</li>"));
    assert!(page.contains("A boxes, edges and their frames"));
}
