use std::path::PathBuf;

use maud::{Markup, html};
use polars::prelude::DataFrame;

use super::ablation::{LETTERS, ablation_figure, choices_figure, features_figure, without_effect};
use super::answers::{Answers, Asked};
use super::features::features;
use super::figures::{Published, published_figures};
use super::frame::frame;
use super::judged::judged;
use super::page::{Page, figure, folded};
use super::questions::{QUESTIONS, Sources, numbers, table_in_words};
use crate::analysis::{
    AblationRow, Analysed, ConclusionRow, CurveRow, Made, Measure, Method, ShapeBiasRow, answer_in_words,
    known_and_measured,
};
use crate::datasets;
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::notebook::counted;
use crate::plots::{Draft, Plot};
use crate::protocol::Protocol;
use crate::study::Study;
use crate::table::{ObserverKind, Row, table};

/// What an analysis found as one HTML file, `report.html` in the data root, which needs no other: what it comes to in one
/// paragraph; each question with its figures, as published beside corrected; what is true by construction beside what was
/// measured; the ablation where it was run; the tests and figures of the thesis; every table; the choices of the run; what is
/// missing and why. Each figure of the thesis is also written to `figures/<name>` as SVG, PNG and PDF, with its numbers.
///
/// # Errors
/// [`Code::Missing`] if a step has not run; [`Code::Io`] if the root cannot be written.
pub fn write(store: &Store, protocol: &Protocol, analysed: &Analysed) -> Result<PathBuf> {
    let study = Study::open(store.clone())?;
    // A study of stimuli alone has no figure of the thesis.
    let alone = study.described.is_of_stimuli_alone();
    let thesis = if alone { Published::default() } else { published_figures(store)? };
    keep(store, &thesis)?;
    let answers = Answers::of(analysed)?;
    let sources = Sources { analysed, answers: &answers, thesis: &thesis, measure: protocol.analysis.measure };
    let mut page = Page::default();
    for question in &QUESTIONS {
        if let Some(section) = question.section(&sources)? {
            page.section(question.title, section);
        }
    }
    if let Some(features) = features(analysed)? {
        page.section("Without shape, texture or colour", features);
    }
    if let Some(further) = further(analysed, &sources)? {
        page.section("Further manipulations", further);
    }
    let others: Vec<&Asked> = answers
        .asked
        .iter()
        .filter(|asked| {
            !QUESTIONS.iter().any(|question| question.asked(&answers).iter().any(|own| std::ptr::eq(*own, *asked)))
        })
        .collect();
    if !others.is_empty() {
        page.section("Other questions", answers.table(&others));
    }
    if let Some(known) = analysed.table("known_answer") {
        page.section("True by construction", known_answer(known)?);
    }
    if let Some(judged) = judged(store)? {
        page.section("How good is a map?", judged);
    }
    page.section("Ablation", ablation(store)?);
    if !alone {
        page.section("The thesis", the_thesis(analysed, &thesis));
    }
    page.section("Tables", tables(&sources)?);
    page.section("Methods", methods(protocol)?);
    let under = format!(
        "Study “{}”, protocol “{}”, local-global-features {}.",
        study.described.name,
        protocol.name,
        env!("CARGO_PKG_VERSION")
    );
    let answer = html! { p.answer { (in_short(analysed, &answers)?.join(" ")) } (how_to_read(sources.measure)) };
    store.write("report.html", page.finish("Local texture or global shape", &under, &answer).as_bytes())
}

/// The curves of manipulations that the thesis did not have, if there are any.
fn further(analysed: &Analysed, sources: &Sources) -> Result<Option<Markup>> {
    let mut drawn = Vec::new();
    for kind in datasets::kinds().filter(|kind| kind.set.thesis.is_none()) {
        if let Some(table) = analysed.table(&kind.name.replace(' ', "_")) {
            let curves = CurveRow::rows(table)?.plot().title(kind.name).x(kind.levels.label());
            drawn.push(figure(&curves.y(sources.measure.words()).draw("report")?));
        }
    }
    Ok((!drawn.is_empty()).then(|| html! { div.figures { @for one in &drawn { (one) } } }))
}

/// The figures of the thesis as files, with their numbers.
fn keep(store: &Store, thesis: &Published) -> Result<()> {
    for plate in &thesis.plates {
        let name = format!("figures/{}", plate.figure.name);
        // A density has a row for each pixel: too many for text.
        if plate.data.height() > 20_000 {
            store.write_parquet(&name, &plate.data)?;
        } else {
            store.write_table(&name, &plate.data)?;
        }
        store.keep(plate.figure.clone())?;
    }
    Ok(())
}

/// What it comes to, sentence by sentence.
fn in_short(analysed: &Analysed, answers: &Answers) -> Result<Vec<String>> {
    let mut out = Vec::new();
    if let Some(bias) = analysed.table("shape_bias") {
        out.extend(most_and_least(bias)?);
    }
    out.extend(QUESTIONS.iter().filter_map(|question| question.answer(answers)));
    match answers.nothing() {
        Some(why) => out.push(format!("No comparison of networks: {why}.")),
        None if !answers.asked.is_empty() => out.push(answers.count()),
        None => (),
    }
    if let Some(known) = analysed.table("known_answer") {
        let (known, found) = known_and_measured(known)?;
        out.push(format!("Of {} that are true by construction, {found} were measured.", counted(known, "answer")));
    }
    Ok(out)
}

/// Which network decides by shape most, and which least.
fn most_and_least(bias: &DataFrame) -> Result<Option<String>> {
    let rows = ShapeBiasRow::rows(bias)?;
    let networks = || rows.iter().filter(|row| row.category.is_empty() && row.kind == ObserverKind::Network);
    let known = || networks().filter_map(|row| Some((&row.observer, row.shape_bias?)));
    let by_share = |a: &(&String, f64), b: &(&String, f64)| a.1.total_cmp(&b.1);
    let said = |share: f64| format!("({:.0} % of its decisions for either)", 100.0 * share);
    Ok(match (known().max_by(by_share), known().min_by(by_share)) {
        (Some(most), Some(least)) if most != least => Some(format!(
            "Where shape and texture disagree, {} goes by shape most {} and {} least ({:.0} %).",
            most.0,
            said(most.1),
            least.0,
            100.0 * least.1
        )),
        (Some(one), _) => Some(format!("Where shape and texture disagree, {} goes by shape {}.", one.0, said(one.1))),
        _ => None,
    })
}

fn how_to_read(measure: Measure) -> Markup {
    html! {
        p.note {
            "What falls is the " (measure.words()) ". In brackets: 95 % intervals. Effects are the first network of a \
             claim less the second. A row with a coloured edge is answered otherwise by the other analysis. Both analyses are of \
             the pictures, predictions and maps of this data root, which one protocol made; they differ in step 6 alone."
        }
    }
}

fn known_answer(known: &DataFrame) -> Result<Markup> {
    Ok(html! {
        p {
            "The networks of the sample were trained so that some of what is measured is known. If one of these rows did not hold, \
             the instrument would be wrong. The difference is the second network less the first; a row is undecided where its \
             interval covers 0. For photographs and networks of your own there is no such table."
        }
        (frame(&answer_in_words(known)?, "analysis/known_answer.csv"))
    })
}

fn ablation(store: &Store) -> Result<Markup> {
    let found: Vec<AblationRow> = match store.rows("ablation") {
        Ok(found) => found,
        Err(error) if error.code() == Code::Missing => {
            return Ok(
                html! { p { "Not run: " code { "lgf ablate" } " repeats the analysis with one fault more or less." } },
            );
        }
        Err(error) => return Err(error),
    };
    // A study of stimuli alone has no conclusion of the thesis, one without stimuli none of observers.
    let kept = |draft: Draft, name: &str| match draft.draw(name) {
        Ok(figure) => store.keep(figure).map(Some),
        Err(error) if error.code() == Code::Parameter => Ok(None),
        Err(error) => Err(error),
    };
    let drawn = [
        kept(ablation_figure(&found), "ablation")?,
        kept(choices_figure(&found), "ablation_observers")?,
        kept(features_figure(&found), "ablation_features")?,
    ];
    let notes = without_effect(&found);
    Ok(html! {
        p { "Which conclusion moves with which fault of the published study. " (LETTERS) }
        @for drawn in drawn.iter().flatten() { (figure(drawn)) }
        @if !notes.is_empty() { ul { @for note in &notes { li { (note) } } } }
        (folded("all numbers", &frame(&store.table("ablation")?, "ablation.csv")))
    })
}

fn the_thesis(analysed: &Analysed, thesis: &Published) -> Markup {
    let figures = html! {
        div.figures.plates { @for plate in &thesis.plates { div { (figure(&plate.figure)) code { (plate.figure.name) } } } }
        @for (name, why) in &thesis.gaps { p.note { (name) ": not drawn, " (why) } }
    };
    html! {
        p { "Its tests beside their printed numbers, and its figures, made the same way from these data." }
        @if let Some(tests) = analysed.table("published_tests") {
            (folded("tests, printed and found", &frame(tests, "analysis/published_tests.csv")))
        }
        (folded(&format!("figures ({})", thesis.plates.len()), &figures))
    }
}

/// The tables that stand in no section.
fn tables(sources: &Sources) -> Result<Markup> {
    let all = &sources.analysed.tables;
    let elsewhere = |name: &str| {
        matches!(name, "known_answer" | "published_tests" | "feature_cuts")
            || QUESTIONS.iter().any(|question| question.shows(name))
    };
    let mut shown: Vec<(String, Markup)> = Vec::new();
    for (place, Made { name, table, .. }) in all.iter().enumerate().filter(|(_, made)| !elsewhere(&made.name)) {
        // The choices of a protocol may be those of another table.
        if all[place + 1..].iter().any(|other| other.table.equals_missing(table)) {
            continue;
        }
        let body = match ConclusionRow::rows(table) {
            Ok(rows) => frame(&tests(rows)?, &format!("analysis/{name}.csv")),
            Err(_) => numbers(name, table),
        };
        shown.push((table_in_words(name, sources.measure), body));
    }
    Ok(html! {
        p { "Every number of this page lies in the data root under " code { "analysis/" } ", as CSV and Parquet." }
        @for (name, body) in &shown { (folded(name, body)) }
        @for (name, why) in &sources.analysed.gaps { p.note { (name) ": not made, " (why) } }
    })
}

table! {
    /// What of a conclusion the sections leave out.
    pub struct TestRow {
        /// What is asked.
        conclusion: String,
        /// The test.
        test: Method,
        /// Observations.
        n: i64,
        /// Its statistic.
        statistic: Option<f64>,
        /// Its p.
        p: Option<f64>,
        /// p after the correction.
        adjusted: Option<f64>,
        /// Cohen's d_z of the differences.
        d_z: Option<f64>,
        /// Rank-biserial correlation, -1 to 1.
        rank_biserial: Option<f64>,
    }
}

fn tests(rows: Vec<ConclusionRow>) -> Result<DataFrame> {
    let row = |row: ConclusionRow| TestRow {
        conclusion: row.conclusion,
        test: row.test,
        n: row.n,
        statistic: row.statistic,
        p: row.p,
        adjusted: row.adjusted,
        d_z: row.d_z,
        rank_biserial: row.rank_biserial,
    };
    TestRow::table(rows.into_iter().map(row).collect())
}

/// The choices of the run.
fn methods(protocol: &Protocol) -> Result<Markup> {
    let choices = serde_json::to_string_pretty(protocol)
        .map_err(|cause| Error::new(Code::Parameter, "the protocol cannot be written").because(cause))?;
    Ok(html! {
        p { "Every choice of the protocol “" (protocol.name) "”." }
        (folded("choices", &html! { pre { (choices) } }))
    })
}
