//! A table as coloured cells.

use image::Rgb;

use super::draft::Draft;
use super::font::{width_of, wrapped};
use super::heat::diverging;
use super::look::{Look, SIZE, nothing, same_length};
use super::sheet::{Align, FAINT, Sheet, WHITE};
use crate::error::{Code, Error, Result};
use crate::notebook::Figure;

const TEXT: f64 = 11.0;
const LINE: f64 = 1.25 * TEXT;
const GAP: f64 = 6.0;

/// A cell of a [`matrix`].
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Decides the colour: red above zero, blue below; a cell that is not finite stays white.
    pub value: f64,
    /// What is written in it.
    pub text: String,
}

/// A matrix of cells, row by row, coloured from blue over white (0) to red by their value against the largest of all, with
/// the names of rows and columns around; the label of the horizontal axis stands below it.
pub fn matrix(rows: &[(String, Vec<Cell>)], columns: &[String]) -> Draft {
    let (rows, columns) = (rows.to_vec(), columns.to_vec());
    Draft::new(SIZE, move |look| drawn(&rows, &columns, look))
}

fn drawn(rows: &[(String, Vec<Cell>)], columns: &[String], look: &Look) -> Result<Figure> {
    if rows.is_empty() || columns.is_empty() {
        return Err(nothing("no cell"));
    }
    for (_, cells) in rows {
        same_length("cells of a row", cells.len(), columns.len())?;
    }
    let (width, height) = (f64::from(look.size.0), f64::from(look.size.1));
    let mut left = 0.0_f64;
    let mut names = Vec::new();
    for (name, _) in rows {
        let lines = wrapped(name, TEXT, width * 0.38)?;
        for line in &lines {
            left = left.max(width_of(line, TEXT)?);
        }
        names.push(lines);
    }
    left += 10.0 + GAP;
    let wide = (width - left - 10.0) / columns.len() as f64;
    let heads: Vec<Vec<String>> = columns.iter().map(|name| wrapped(name, TEXT, wide - 4.0)).collect::<Result<_>>()?;
    let deepest = heads.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let title = wrapped(&look.title, TEXT + 2.0, width - 20.0)?;
    let below = wrapped(&look.x_label, TEXT, width - 20.0)?;
    let over = if title.is_empty() { 0.0 } else { (title.len() as f64 + 1.0) * LINE };
    let under = if below.is_empty() { 10.0 } else { 10.0 + GAP + below.len() as f64 * LINE };
    let top = 10.0 + over + deepest * LINE + GAP;
    let high = (height - top - under) / rows.len() as f64;
    let needed = names.iter().map(Vec::len).max().unwrap_or(1) as f64 * LINE;
    if wide < 24.0 || high < needed.min(LINE) || needed > high + LINE {
        let found = format!("{width} x {height} px is too small for {} rows of {} cells", rows.len(), columns.len());
        return Err(Error::new(Code::Parameter, found).hint("give it a larger size"));
    }
    let mut sheet = Sheet::new(look.size)?;
    for (line, text) in title.iter().enumerate() {
        sheet.text((width / 2.0, 10.0 + (line as f64 + 0.5) * 1.1 * LINE), text, TEXT + 2.0, Align::Middle);
    }
    for (line, text) in below.iter().enumerate() {
        sheet.text((10.0, height - under + GAP + (line as f64 + 0.5) * LINE), text, TEXT, Align::Left);
    }
    for (column, lines) in heads.iter().enumerate() {
        for (line, text) in lines.iter().enumerate() {
            let y = top - GAP - (lines.len() - line) as f64 * LINE + LINE / 2.0;
            sheet.text((left + (column as f64 + 0.5) * wide, y), text, TEXT, Align::Middle);
        }
    }
    let finite =
        || rows.iter().flat_map(|(_, cells)| cells).map(|cell| cell.value.abs()).filter(|value| value.is_finite());
    let most = finite().fold(0.0, f64::max);
    for (row, ((_, cells), lines)) in rows.iter().zip(&names).enumerate() {
        let y = top + row as f64 * high;
        for (line, text) in lines.iter().enumerate() {
            let shift = (line as f64 - (lines.len() as f64 - 1.0) / 2.0) * LINE;
            sheet.text((left - GAP, y + high / 2.0 + shift), text, TEXT, Align::Right);
        }
        for (column, cell) in cells.iter().enumerate() {
            let x = left + column as f64 * wide;
            let tint = if cell.value.is_finite() && most > 0.0 { pale(cell.value / most) } else { WHITE };
            sheet.rect((x, y), (x + wide, y + high), tint);
            sheet.frame((x, y), (x + wide, y + high), FAINT, 0.8);
            sheet.text((x + wide / 2.0, y + high / 2.0), &cell.text, TEXT, Align::Middle);
        }
    }
    let what = format!("{} rows, columns {}", rows.len(), columns.join(", "));
    sheet.finish(look, look.alt("matrix", &what))
}

/// Colours on which dark text can be read.
fn pale(value: f64) -> Rgb<u8> {
    let Rgb(color) = diverging(0.75 * value as f32);
    Rgb(color.map(|part| (f64::from(part) * 0.8 + 51.0).round() as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_carry_their_text_and_rows_must_be_whole() {
        let cell = |value: f64| Cell { value, text: format!("{value}") };
        let rows = [
            ("first".to_string(), vec![cell(1.0), cell(-0.5)]),
            ("second".to_string(), vec![cell(f64::NAN), cell(0.0)]),
        ];
        let columns = ["a".to_string(), "b".to_string()];
        let figure = matrix(&rows, &columns).draw("m").unwrap();
        for text in ["first", "second", "a", "b", "-0.5", "NaN"] {
            assert!(figure.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        assert!(matrix(&rows, &columns[..1]).draw("m").is_err());
        assert!(matrix(&[], &columns).draw("m").is_err());
    }
}
