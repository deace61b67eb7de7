//! The ablation as a picture, and in words.

use polars::prelude::*;

use crate::error::Result;
use crate::plots::{Cell, Draft, matrix};
use crate::table::{floats, texts};

/// What the letters of the faults' numbers stand for.
pub(super) const LETTERS: &str = "Faults of the published study, by the letter of their number: A boxes, edges and their \
                                  frames; B pictures; C networks and relevance; D statistics.";

/// Which conclusion moves with which fault: a row a fault, a column a conclusion, coloured by Cohen's d_z, or where there is
/// none by the coefficient. A star says that the difference is significant; brackets that the conclusion is another one than
/// without (or, from published, with) the fault; `=` that no number of it differs from the first row's; a dash that it is out of
/// the fault's reach or not defined.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing.
pub fn ablation_figure(ablation: &DataFrame) -> Result<Draft> {
    let (runs, names) = (texts(ablation, "run")?, texts(ablation, "conclusion")?);
    let (effects, sizes) = (floats(ablation, "effect")?, floats(ablation, "d_z")?);
    let (verdicts, moved) = (texts(ablation, "verdict")?, texts(ablation, "moved")?);
    let differs = differing(ablation)?;
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<(String, Vec<usize>)> = Vec::new();
    for row in 0..runs.len() {
        if !columns.contains(&names[row]) {
            columns.push(names[row].clone());
        }
        match rows.iter_mut().find(|(name, _)| *name == runs[row]) {
            Some((_, own)) => own.push(row),
            None => rows.push((runs[row].clone(), vec![row])),
        }
    }
    let cell = |own: &[usize], column: &String| {
        let Some(&row) = own.iter().find(|&&row| names[row] == *column) else {
            return Cell { value: f64::NAN, text: "–".into() };
        };
        let value = if sizes[row].is_finite() { sizes[row] } else { effects[row] };
        let star = if matches!(verdicts[row].as_str(), "first" | "second") { "*" } else { "" };
        let text = match () {
            () if moved[row] == "not run" => "not run".into(),
            () if moved[row] == "cannot reach" => "–".into(),
            () if !differs[row] && runs[row] != runs[0] => "=".into(),
            () if value.is_finite() => format!("{value:.2}{star}"),
            () => "–".into(),
        };
        let bracketed = !matches!(moved[row].as_str(), "" | "not run" | "cannot reach");
        Cell { value: value.clamp(-2.0, 2.0), text: if bracketed { format!("[{text}]") } else { text } }
    };
    let cells: Vec<(String, Vec<Cell>)> = rows
        .iter()
        .map(|(name, own)| (name.clone(), columns.iter().map(|column| cell(own, column)).collect()))
        .collect();
    let title = "d_z (or coefficient) of each conclusion; * significant; [ ] another conclusion than in the first row; \
                 = no number differs from the first row; \
                 – out of its reach, or not defined";
    let size = (260 + 84 * columns.len() as u32, 150 + 26 * rows.len() as u32);
    Ok(matrix(&cells, &columns).title(title).x(LETTERS).size(size.0, size.1))
}

/// Of each run that says nothing by its numbers a sentence: that its fault cannot reach a conclusion of this study and why,
/// or that no number of any conclusion differs from the first run's.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing.
pub(super) fn without_effect(ablation: &DataFrame) -> Result<Vec<String>> {
    let (runs, says) = (texts(ablation, "run")?, texts(ablation, "says")?);
    let (moved, differs) = (texts(ablation, "moved")?, differing(ablation)?);
    let mut names: Vec<String> = runs.clone();
    names.dedup();
    let note = |name: &String| {
        let own = || (0..runs.len()).filter(|&row| runs[row] == *name);
        match own().next() {
            Some(row) if moved[row] == "cannot reach" => Some(format!("{name}: {}", says[row])),
            _ if own().any(|row| differs[row]) => None,
            _ => Some(format!("{name}: no number of any conclusion differs from the first run")),
        }
    };
    Ok(names.iter().skip(1).filter_map(note).collect())
}

/// Whether a row has another number, test or verdict than the first run's row of the same conclusion.
fn differing(ablation: &DataFrame) -> Result<Vec<bool>> {
    let (runs, names) = (texts(ablation, "run")?, texts(ablation, "conclusion")?);
    let mut numbers = Vec::new();
    for column in ["n", "effect", "low", "high", "d_z", "rank_biserial", "statistic", "p", "adjusted"] {
        numbers.push(floats(ablation, column)?);
    }
    let words = [texts(ablation, "of")?, texts(ablation, "test")?, texts(ablation, "verdict")?];
    let differs = |row: usize| {
        let first = (0..names.len()).find(|&first| runs[first] == runs[0] && names[first] == names[row]);
        first.is_none_or(|first| {
            let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
            !numbers.iter().all(|values| same(values[row], values[first]))
                || words.iter().any(|words| words[row] != words[first])
        })
    };
    Ok((0..names.len()).map(differs).collect())
}
