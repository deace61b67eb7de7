//! Error consistency of every two observers as coloured cells.

use super::draft::Draft;
use super::font::{width_of, wrapped};
use super::heat::diverging;
use super::look::{Look, SIZE, nothing};
use super::sheet::{Align, FAINT, INK, Sheet, WHITE};
use crate::analysis::{ConsistencyRow, MEAN};
use crate::error::{Code, Error, Result};
use crate::notebook::Figure;
use crate::table::ObserverKind;

const TEXT: f64 = 11.0;
const GAP: f64 = 6.0;
/// Up to so many observers a cell is as wide as its number.
const WRITTEN: usize = 16;

/// Cohen's kappa of every two observers of one set: red above 0, blue below, by the same scale from -1 to 1; the number in each
/// cell where there are few. Rows are named, columns have the rows' numbers; a cell that is undefined says so by a dash. Where
/// there are several conditions, of their mean.
pub fn consistency_matrix(rows: &[ConsistencyRow]) -> Draft {
    let rows = rows.to_vec();
    let count = observers(&rows).len() as u32;
    let side = if count as usize <= WRITTEN { 46 } else { 17 };
    let size = if count == 0 { SIZE } else { (230 + side * count, 90 + side.min(34) * count) };
    Draft::new((size.0.max(380), size.1.max(200)), move |look| drawn(&rows, look))
}

/// All observers, networks before people, else in the order in which they come.
fn observers(rows: &[ConsistencyRow]) -> Vec<String> {
    let mut all: Vec<(&String, ObserverKind)> = Vec::new();
    for (name, kind) in rows.iter().flat_map(|row| [(&row.first, row.first_kind), (&row.second, row.second_kind)]) {
        if !all.iter().any(|(other, _)| *other == name) {
            all.push((name, kind));
        }
    }
    all.sort_by_key(|(_, kind)| *kind != ObserverKind::Network);
    all.into_iter().map(|(name, _)| name.clone()).collect()
}

fn drawn(rows: &[ConsistencyRow], look: &Look) -> Result<Figure> {
    let names = observers(rows);
    if names.is_empty() {
        return Err(nothing("no two observers"));
    }
    let several = rows.iter().any(|row| row.condition == MEAN);
    let find = |first: &str, second: &str| {
        let same = |row: &&ConsistencyRow| {
            (row.first == first && row.second == second) || (row.first == second && row.second == first)
        };
        rows.iter().filter(|row| !several || row.condition == MEAN).find(same)
    };
    let (width, height) = (f64::from(look.size.0), f64::from(look.size.1));
    let number = |place: usize| format!("{}", place + 1);
    let mut left = 0.0f64;
    for (place, name) in names.iter().enumerate() {
        left = left.max(width_of(&format!("{name}  {}", number(place)), TEXT)?);
    }
    left += 10.0 + GAP;
    let title = wrapped(&look.title, TEXT + 2.0, width - 20.0)?;
    let top = 14.0 + title.len() as f64 * 1.35 * TEXT + 1.6 * TEXT;
    let (wide, high) = ((width - left - 12.0) / names.len() as f64, (height - top - 12.0) / names.len() as f64);
    if wide < 10.0 || high < 1.1 * TEXT {
        let found = format!("{width} x {height} px is too small for {} observers", names.len());
        return Err(Error::new(Code::Parameter, found).hint("give it a larger size"));
    }
    let mut sheet = Sheet::new(look.size)?;
    for (line, text) in title.iter().enumerate() {
        sheet.text((width / 2.0, 14.0 + (line as f64 + 0.5) * 1.35 * TEXT), text, TEXT + 2.0, Align::Middle);
    }
    let mut what = Vec::new();
    for (row, name) in names.iter().enumerate() {
        let y = top + (row as f64 + 0.5) * high;
        sheet.text((left - GAP, y), &format!("{name}  {}", number(row)), TEXT, Align::Right);
        let x = left + (row as f64 + 0.5) * wide;
        sheet.text((x, top - 0.8 * TEXT), &number(row), TEXT.min(0.62 * wide), Align::Middle);
        for (column, other) in names.iter().enumerate() {
            let (from, to) = (
                (left + column as f64 * wide, top + row as f64 * high),
                (left + (column as f64 + 1.0) * wide, top + (row as f64 + 1.0) * high),
            );
            let found = find(name, other);
            let kappa = found.and_then(|row| row.kappa);
            let tint = kappa.map_or(WHITE, pale);
            sheet.rect(from, to, tint);
            sheet.frame(from, to, FAINT, 0.8);
            let text = match (row == column, kappa, found) {
                (true, ..) => continue,
                (_, Some(kappa), _) => format!("{kappa:.2}"),
                _ => "–".into(),
            };
            if row < column {
                what.push(format!("{name} and {other} {text}"));
            }
            if names.len() <= WRITTEN || text == "–" {
                sheet.text(((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0), &text, TEXT, Align::Middle);
            }
        }
    }
    let end = (left + names.len() as f64 * wide, top + names.len() as f64 * high);
    sheet.frame((left, top), end, INK, 1.0);
    what.truncate(40);
    sheet.finish(look, look.alt("error consistency", &what.join(", ")))
}

/// Colours on which dark text can be read.
fn pale(kappa: f64) -> image::Rgb<u8> {
    let image::Rgb(color) = diverging(0.75 * kappa.clamp(-1.0, 1.0) as f32);
    image::Rgb(color.map(|part| (f64::from(part) * 0.8 + 51.0).round() as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> Vec<ConsistencyRow> {
        let row = |first: usize, second: usize| ConsistencyRow {
            set: "s".into(),
            condition: "0".into(),
            first: format!("observer {first}"),
            second: format!("observer {second}"),
            first_kind: ObserverKind::Network,
            second_kind: ObserverKind::Network,
            trials: 9,
            not_shared: 0,
            first_accuracy: 0.5,
            second_accuracy: 0.5,
            observed: 0.5,
            expected: 0.5,
            kappa: (first > 0 || second > 1).then_some(second as f64 / count as f64),
            low: None,
            high: None,
            undefined: 0,
            kappa_least: None,
            kappa_most: None,
            copied: None,
        };
        (0..count)
            .flat_map(|first| (first + 1..count).map(move |second| (first, second)))
            .map(|(a, b)| row(a, b))
            .collect()
    }

    #[test]
    fn three_observers_are_written_and_fifty_are_drawn() {
        let few = consistency_matrix(&rows(3)).title("Kappa").draw("k").unwrap();
        for text in ["observer 0  1", "0.67", "–"] {
            assert!(few.svg().contains(&format!(">{text}</text>")), "{text}");
        }
        let many = consistency_matrix(&rows(50)).draw("k").unwrap();
        assert!(many.svg().contains(">observer 49  50</text>") && !many.svg().contains(">0.50</text>"));
        assert!(consistency_matrix(&[]).draw("none").is_err());
    }
}
