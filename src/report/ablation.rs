//! The ablation as a picture.

use polars::prelude::*;

use crate::error::Result;
use crate::notebook::Figure;
use crate::plots::{Cell, Look, heatmap_table};
use crate::store::{floats, texts};

/// Which conclusion moves with which fault: a row a fault, a column a conclusion, coloured by Cohen's d_z, or where there is
/// none by the coefficient. A star says that the difference is significant; brackets that the conclusion is another one than
/// without (or, from published, with) the fault.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing.
pub fn ablation_figure(ablation: &DataFrame) -> Result<Figure> {
    let (runs, names) = (texts(ablation, "run")?, texts(ablation, "conclusion")?);
    let (effects, sizes) = (floats(ablation, "effect")?, floats(ablation, "d_z")?);
    let (verdicts, moved) = (texts(ablation, "verdict")?, texts(ablation, "moved")?);
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
        let text = if value.is_finite() { format!("{value:.2}{star}") } else { "–".into() };
        Cell { value: value.clamp(-2.0, 2.0), text: if moved[row].is_empty() { text } else { format!("[{text}]") } }
    };
    let cells: Vec<(String, Vec<Cell>)> = rows
        .iter()
        .map(|(name, own)| (name.clone(), columns.iter().map(|column| cell(own, column)).collect()))
        .collect();
    let look = Look {
        title: "d_z (or coefficient) of each conclusion; * significant; [ ] another conclusion than in the first row"
            .into(),
        size: (260 + 84 * columns.len() as u32, 120 + 26 * rows.len() as u32),
        ..Look::named("ablation")
    };
    heatmap_table(&cells, &columns, &look)
}
