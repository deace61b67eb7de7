//! The ablation as a picture, and in words.

use crate::analysis::{AblationRow, Moved, Quantity};
use crate::plots::{Cell, Draft, matrix};
use crate::protocol::{Fault, Step};

/// What the letters of the faults' numbers stand for.
pub(super) const LETTERS: &str = "Faults of the published study, by the letter of their number: A boxes, edges and their \
                                  frames; B pictures; C networks and relevance; D statistics; F the field's other tools.";

/// Which conclusion moves with which fault: a row a fault, a column a conclusion, coloured by Cohen's d_z, or where there is
/// none by the coefficient. A star says that the difference is significant; brackets that the conclusion is another one than
/// without (or, from published, with) the fault; `=` that no number of it differs from the first row's; a dash that it is out of
/// the fault's reach or not defined.
///
/// What the field says of networks and people has a figure of its own, [`choices_figure`], and what networks do without features
/// another, [`features_figure`].
pub fn ablation_figure(ablation: &[AblationRow]) -> Draft {
    let of_thesis = |row: &&AblationRow| {
        !is_of_observers(row) && !is_of_features(row) && !changes(row, Step::Observers) && !changes(row, Step::Features)
    };
    let own: Vec<AblationRow> = ablation.iter().filter(of_thesis).cloned().collect();
    let title = "d_z (or coefficient) of each conclusion; * significant; [ ] another conclusion than in the first row; \
                 = no number differs from the first row; \
                 – out of its reach, or not defined";
    drawn(&own, title, LETTERS)
}

/// Which statement of the field about networks and people turns with which choice of its tools, as [`ablation_figure`]: shape
/// biases and kappas, and differences of them.
pub fn choices_figure(ablation: &[AblationRow]) -> Draft {
    let all: Vec<AblationRow> = ablation.iter().filter(|row| is_of_observers(row)).cloned().collect();
    // A fault of the analysis of photographs has nothing to do with them.
    let shown = |row: &&AblationRow| {
        let differ = || all.iter().any(|other| other.run == row.run && differs(other, &all));
        row.id.is_empty() || changes(row, Step::Observers) || differ()
    };
    let own: Vec<AblationRow> = all.iter().filter(shown).cloned().collect();
    let title = "shape biases and kappas, and differences of two; * significant; [ ] another answer than in the first column; \
                 = no number differs from the first column; – not defined";
    turned(&own, title, "F2 to F5 are faults of the field's tools; scoring is how outputs become a category.")
}

/// What is left of accuracies without features, with each fault that moves one: how much F1 by itself makes.
pub fn features_figure(ablation: &[AblationRow]) -> Draft {
    let all: Vec<AblationRow> = ablation.iter().filter(|row| is_of_features(row)).cloned().collect();
    let shown = |row: &&AblationRow| {
        let differ = || all.iter().any(|other| other.run == row.run && differs(other, &all));
        row.id.is_empty() || changes(row, Step::Features) || differ()
    };
    let own: Vec<AblationRow> = all.iter().filter(shown).cloned().collect();
    let title = "accuracy left without a feature, less chance, and differences of two; * significant; [ ] another answer than in \
                 the first column; = no number differs from the first column; – not defined";
    turned(&own, title, "F1: tiles of unequal size, of which many stay in place.")
}

/// Whether a run is of another choice of a step that the analysis alone makes; a scoring is one about observers.
fn changes(row: &AblationRow, step: Step) -> bool {
    !row.id.is_empty() && Fault::named(&row.id).map_or(step == Step::Observers, |fault| fault.step() == step)
}

fn is_of_features(row: &AblationRow) -> bool {
    row.of == Quantity::RelativeAccuracy
}

fn is_of_observers(row: &AblationRow) -> bool {
    matches!(row.of, Quantity::ShapeBias | Quantity::Kappa)
}

/// A run a row, a conclusion a column.
fn drawn(ablation: &[AblationRow], title: &str, below: &str) -> Draft {
    let (runs, conclusions) = (names(ablation, |row| &row.run), names(ablation, |row| &row.conclusion));
    let row = |run: &String| conclusions.iter().map(|conclusion| cell(ablation, run, conclusion)).collect();
    let cells: Vec<(String, Vec<Cell>)> = runs.iter().map(|run| (run.clone(), row(run))).collect();
    let size = (260 + 84 * conclusions.len() as u32, 150 + 26 * runs.len() as u32);
    matrix(&cells, &conclusions).title(title).x(below).size(size.0, size.1)
}

/// A conclusion a row, a run a column: for conclusions that are many, and runs that are few.
fn turned(ablation: &[AblationRow], title: &str, below: &str) -> Draft {
    // As many as fit a figure; all are in the table.
    const MOST: usize = 120;
    let (runs, mut conclusions) = (names(ablation, |row| &row.run), names(ablation, |row| &row.conclusion));
    conclusions.truncate(MOST);
    let row = |conclusion: &String| runs.iter().map(|run| cell(ablation, run, conclusion)).collect();
    let cells: Vec<(String, Vec<Cell>)> = conclusions.iter().map(|one| (one.clone(), row(one))).collect();
    let size = (430 + 84 * runs.len() as u32, 190 + 30 * conclusions.len() as u32);
    matrix(&cells, &runs).title(title).x(below).size(size.0, size.1)
}

/// Different texts, in the order in which they first come.
fn names(ablation: &[AblationRow], of: fn(&AblationRow) -> &String) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in ablation.iter().map(of) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn cell(ablation: &[AblationRow], run: &str, conclusion: &str) -> Cell {
    let Some(row) = ablation.iter().find(|row| row.run == run && row.conclusion == conclusion) else {
        return Cell { value: f64::NAN, text: "–".into() };
    };
    let value = row.d_z.or(row.effect).unwrap_or(f64::NAN);
    let star = if row.verdict.is_directed() { "*" } else { "" };
    let text = match row.moved {
        Moved::NotRun => "not run".into(),
        Moved::OutOfReach => "–".into(),
        _ if !differs(row, ablation) && row.run != ablation[0].run => "=".into(),
        _ if value.is_finite() => format!("{value:.2}{star}"),
        _ => "–".into(),
    };
    let bracketed = matches!(row.moved, Moved::Sign | Moved::Significance | Moved::Size);
    Cell { value: value.clamp(-2.0, 2.0), text: if bracketed { format!("[{text}]") } else { text } }
}

/// Of each run that says nothing by its numbers a sentence: that its fault cannot reach a conclusion of this study and why,
/// or that no number of any conclusion differs from the first run's.
pub(super) fn without_effect(ablation: &[AblationRow]) -> Vec<String> {
    let mut names: Vec<&String> = ablation.iter().map(|row| &row.run).collect();
    names.dedup();
    let note = |name: &&String| {
        let own = || ablation.iter().filter(|row| row.run == **name);
        match own().next() {
            Some(row) if row.moved == Moved::OutOfReach => Some(format!("{name}: {}", row.says)),
            _ if own().any(|row| differs(row, ablation)) => None,
            _ => Some(format!("{name}: no number of any conclusion differs from the first run")),
        }
    };
    names.iter().skip(1).filter_map(note).collect()
}

/// Whether a row has another number, test or verdict than the first run's row of the same conclusion.
fn differs(row: &AblationRow, ablation: &[AblationRow]) -> bool {
    let first = ablation.iter().find(|first| first.run == ablation[0].run && first.conclusion == row.conclusion);
    let said = |row: &AblationRow| (row.n, row.of, row.test, row.verdict);
    let numbers = |row: &AblationRow| {
        [row.effect, row.low, row.high, row.d_z, row.rank_biserial, row.statistic, row.p, row.adjusted]
    };
    first.is_none_or(|first| said(first) != said(row) || numbers(first) != numbers(row))
}
