//! The ablation as a picture, and in words.

use crate::analysis::{AblationRow, Moved, Quantity};
use crate::plots::{Cell, Draft, matrix};
use crate::protocol::{Fault, Step};

/// What the letters of the faults' numbers stand for.
pub(super) const LETTERS: &str = "Faults of the published study, by the letter of their number: A boxes, edges and their \
                                  frames; B pictures; C networks and relevance; D statistics.";

/// Which conclusion moves with which fault: a row a fault, a column a conclusion, coloured by Cohen's d_z, or where there is
/// none by the coefficient. A star says that the difference is significant; brackets that the conclusion is another one than
/// without (or, from published, with) the fault; `=` that no number of it differs from the first row's; a dash that it is out of
/// the fault's reach or not defined.
///
/// What the field says of networks and people has a figure of its own, [`choices_figure`].
pub fn ablation_figure(ablation: &[AblationRow]) -> Draft {
    let of_thesis = |row: &&AblationRow| !is_of_observers(row) && !changes_observers(row);
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
        row.id.is_empty() || changes_observers(row) || differ()
    };
    let own: Vec<AblationRow> = all.iter().filter(shown).cloned().collect();
    let title = "shape biases and kappas, and differences of two; * significant; [ ] another answer than in the first row; \
                 = no number differs from the first row; – not defined";
    drawn(&own, title, "F2 to F5 are faults of the field's tools; scoring is how outputs become a category.")
}

/// Whether a run is of another choice about observers: a fault of the field's tools, or a scoring.
fn changes_observers(row: &AblationRow) -> bool {
    !row.id.is_empty() && Fault::named(&row.id).map_or(true, |fault| fault.step() == Step::Observers)
}

fn is_of_observers(row: &AblationRow) -> bool {
    matches!(row.of, Quantity::ShapeBias | Quantity::Kappa)
}

fn drawn(ablation: &[AblationRow], title: &str, below: &str) -> Draft {
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<(String, Vec<&AblationRow>)> = Vec::new();
    for row in ablation {
        if !columns.contains(&row.conclusion) {
            columns.push(row.conclusion.clone());
        }
        match rows.iter_mut().find(|(name, _)| *name == row.run) {
            Some((_, own)) => own.push(row),
            None => rows.push((row.run.clone(), vec![row])),
        }
    }
    let cell = |own: &[&AblationRow], column: &String| {
        let Some(row) = own.iter().find(|row| row.conclusion == *column) else {
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
    };
    let cells: Vec<(String, Vec<Cell>)> = rows
        .iter()
        .map(|(name, own)| (name.clone(), columns.iter().map(|column| cell(own, column)).collect()))
        .collect();
    // As many as fit a figure; all are in the table.
    const MOST: usize = 40;
    let cells: Vec<(String, Vec<Cell>)> =
        cells.into_iter().map(|(name, own)| (name, own.into_iter().take(MOST).collect())).collect();
    columns.truncate(MOST);
    let size = (260 + 84 * columns.len() as u32, 170 + 26 * rows.len() as u32);
    matrix(&cells, &columns).title(title).x(below).size(size.0, size.1)
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
