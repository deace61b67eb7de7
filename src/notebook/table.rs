//! Data frames as tables: head and tail, types under the names, numbers that can be read.

use maud::{Markup, html};
use polars::prelude::{AnyValue, Column, DataFrame, Series};

use super::show::{Html, Show};
use crate::error::grouped;

/// Rows shown at the top and at the bottom; a longer table is cut between them.
const HEAD: usize = 5;
const TAIL: usize = 5;
/// Rows of a table that is shown whole.
const WHOLE: usize = 500;
/// Columns shown at the left and at the right of a wide table.
const LEFT: usize = 12;
const RIGHT: usize = 12;
/// Letters of a text cell before it is cut.
const LETTERS: usize = 80;
/// Letters from which a cell has room for several words a line.
const LONG: usize = 24;
const GAP: &str = "…";
/// Columns from which those that are hard to read come last.
const MANY: usize = 9;
/// Digits of the shortest hash.
const HASH: usize = 32;
/// A table scrolls in a box, under its head. The head hides what passes under it, in JupyterLab's colours for the light
/// or the dark theme, elsewhere in the browser's own.
const BOX: &str = "max-width:100%;max-height:30em;overflow:auto";
const HEAD_STAYS: &str = "position:sticky;top:0;z-index:1;background:var(--jp-layout-color0, Canvas);\
                          color:var(--jp-ui-font-color1, CanvasText);\
                          box-shadow:inset 0 -1px var(--jp-border-color1, GrayText)";

/// A data frame as a table: the first and the last five rows, the type of each column, "n of N rows".
///
/// ```
/// use polars::prelude::*;
///
/// let frame = df!("row" => (0..1200).collect::<Vec<i32>>()).unwrap();
/// let table = lgf::notebook::table(&frame);
/// assert!(table.text().ends_with("10 of 1,200 rows, 1 column"));
/// assert!(table.text().contains("1,199"));
/// ```
pub fn table(frame: &DataFrame) -> Html {
    let shown = Shown::new(frame, HEAD + TAIL);
    Html::new(shown.html(), shown.text())
}

/// A data frame as a table with all its rows, up to 500: for tables that are read whole.
///
/// ```
/// use polars::prelude::*;
///
/// let frame = df!("row" => (0..40).collect::<Vec<i32>>()).unwrap();
/// assert!(lgf::notebook::whole_table(&frame).text().ends_with("40 of 40 rows, 1 column"));
/// ```
pub fn whole_table(frame: &DataFrame) -> Html {
    let shown = Shown::new(frame, WHOLE);
    Html::new(shown.html(), shown.text())
}

impl Show for DataFrame {
    fn html(&self) -> String {
        Shown::new(self, HEAD + TAIL).html()
    }

    fn text(&self) -> String {
        Shown::new(self, HEAD + TAIL).text()
    }
}

/// A column as a table of it alone.
impl Show for Column {
    fn html(&self) -> String {
        alone(self).html()
    }

    fn text(&self) -> String {
        alone(self).text()
    }
}

impl Show for Series {
    fn html(&self) -> String {
        alone(&self.clone().into()).html()
    }

    fn text(&self) -> String {
        alone(&self.clone().into()).text()
    }
}

fn alone(column: &Column) -> Shown {
    // A frame of one column has its length.
    Shown::new(&DataFrame::new(column.len(), vec![column.clone()]).unwrap_or_default(), HEAD + TAIL)
}

/// A number in six significant digits: plain between 0.0001 and a thousand million million, else with an exponent.
///
/// ```
/// use lgf::notebook::format_number;
///
/// assert_eq!(format_number(0.1 + 0.2), "0.3");
/// assert_eq!(format_number(12345.678), "12,345.7");
/// assert_eq!(format_number(1e-9), "1e-9");
/// ```
pub fn format_number(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    let scientific = format!("{number:.5e}");
    let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text.to_string(),
    };
    if number != 0.0 && !(-4..15).contains(&power) {
        return format!("{}e{power}", trim(digits));
    }
    let decimals = usize::try_from(5 - power).unwrap_or(0);
    let plain = trim(&format!("{number:.decimals$}"));
    match plain.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest}", grouped(whole)),
        None => grouped(&plain),
    }
}

/// A count with its thousands set apart.
///
/// ```
/// assert_eq!(lgf::notebook::format_count(1_073_739), "1,073,739");
/// ```
pub fn format_count(count: usize) -> String {
    grouped(&count.to_string())
}

/// A count with its noun, in the plural where it is not one.
///
/// ```
/// assert_eq!(lgf::notebook::counted(1, "network"), "1 network");
/// assert_eq!(lgf::notebook::counted(6450, "picture"), "6,450 pictures");
/// ```
pub fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", format_count(count), if count == 1 { "" } else { "s" })
}

/// What is visible of a data frame: cells as text, column by column.
struct Shown {
    columns: Vec<ShownColumn>,
    cut_after: Option<usize>,
    note: String,
}

struct ShownColumn {
    name: String,
    kind: String,
    right: bool,
    cells: Vec<String>,
}

impl Shown {
    fn new(frame: &DataFrame, most: usize) -> Self {
        let (height, width) = (frame.height(), frame.width());
        let (rows, cut_after) =
            if height <= most { ((0..height).collect(), None) } else { visible(height, HEAD, TAIL) };
        let (places, gap) = visible(width, LEFT, RIGHT);
        let order = in_order(frame, &rows);
        let mut columns: Vec<ShownColumn> =
            places.iter().map(|&place| ShownColumn::new(&frame.columns()[order[place]], &rows)).collect();
        if let Some(place) = gap {
            let cells = vec![GAP.to_string(); rows.len()];
            columns.insert(place, ShownColumn { name: GAP.into(), kind: GAP.into(), right: false, cells });
        }
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let mut note = format!(
            "{} of {} row{}, {} column{}",
            format_count(rows.len()),
            format_count(height),
            plural(height),
            format_count(width),
            plural(width)
        );
        if gap.is_some() {
            note.push_str(&format!(" ({} shown)", places.len()));
        }
        Shown { columns, cut_after, note }
    }

    fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    fn html(&self) -> String {
        let align = |column: &ShownColumn| if column.right { "text-align:right" } else { "text-align:left" };
        let line = |content: &dyn Fn(&ShownColumn) -> String| -> Markup {
            let room = |cell: &str| if letters(cell) > LONG { ";min-width:16em" } else { "" };
            let cells = self.columns.iter().map(|column| (align(column), content(column)));
            html! { tr { @for (align, cell) in cells { td style={ (align) (room(&cell)) } { (cell) } } } }
        };
        html! {
            div {
                div style=(BOX) {
                    table class="dataframe" style="margin:0" {
                        thead {
                            tr {
                                @for column in &self.columns {
                                    th style={ (align(column)) ";" (HEAD_STAYS) } {
                                        (column.name) br; small style="font-weight:normal;opacity:0.7" { (column.kind) }
                                    }
                                }
                            }
                        }
                        tbody {
                            @for row in 0..self.rows() {
                                @if self.cut_after == Some(row) { (line(&|_| GAP.to_string())) }
                                (line(&|column| column.cells[row].clone()))
                            }
                        }
                    }
                }
                small { (self.note) }
            }
        }
        .into_string()
    }

    fn text(&self) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .map(|column| {
                let longest = column.cells.iter().map(|cell| letters(cell)).max().unwrap_or(0);
                longest.max(letters(&column.name)).max(letters(&column.kind))
            })
            .collect();
        let line = |content: &dyn Fn(&ShownColumn) -> String| {
            let cells: Vec<String> = self
                .columns
                .iter()
                .zip(&widths)
                .map(|(column, &width)| {
                    let cell = content(column);
                    let room = " ".repeat(width.saturating_sub(letters(&cell)));
                    if column.right { room + &cell } else { cell + &room }
                })
                .collect();
            cells.join("  ").trim_end().to_string()
        };
        let mut lines = vec![line(&|column| column.name.clone()), line(&|column| column.kind.clone())];
        for row in 0..self.rows() {
            if self.cut_after == Some(row) {
                lines.push(line(&|_| GAP.to_string()));
            }
            lines.push(line(&|column| column.cells[row].clone()));
        }
        lines.push(self.note.clone());
        lines.join("\n")
    }
}

impl ShownColumn {
    fn new(column: &Column, rows: &[usize]) -> Self {
        ShownColumn {
            name: one_line(column.name()),
            kind: column.dtype().to_string(),
            right: column.dtype().is_primitive_numeric(),
            cells: rows.iter().map(|&row| column.get(row).map_or_else(|_| "?".into(), |value| cell(&value))).collect(),
        }
    }
}

/// The columns in the order in which they are shown: of many, hashes and paths of this machine come last.
fn in_order(frame: &DataFrame, rows: &[usize]) -> Vec<usize> {
    let last = |place: &usize| frame.width() >= MANY && is_for_machines(&frame.columns()[*place], rows);
    let (behind, mut order): (Vec<usize>, Vec<usize>) = (0..frame.width()).partition(last);
    order.extend(behind);
    order
}

fn is_for_machines(column: &Column, rows: &[usize]) -> bool {
    let cells = rows.iter().filter_map(|&row| match column.get(row) {
        Ok(AnyValue::String(text)) => Some(text),
        _ => None,
    });
    let is_hash = |text: &str| text.len() >= HASH && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut cells = cells.peekable();
    cells.peek().is_some() && cells.all(|text| is_hash(text) || text.starts_with('/'))
}

/// The places of the visible rows (or columns), and where the cut stands among them.
fn visible(count: usize, first: usize, last: usize) -> (Vec<usize>, Option<usize>) {
    if count <= first + last {
        ((0..count).collect(), None)
    } else {
        ((0..first).chain(count - last..count).collect(), Some(first))
    }
}

fn letters(text: &str) -> usize {
    text.chars().count()
}

fn one_line(text: &str) -> String {
    let flat: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if letters(&flat) > LETTERS { flat.chars().take(LETTERS - 1).chain(GAP.chars()).collect() } else { flat }
}

fn cell(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "null".into(),
        AnyValue::String(text) => one_line(text),
        AnyValue::StringOwned(text) => one_line(text),
        AnyValue::Float32(number) => format_number(f64::from(*number)),
        AnyValue::Float64(number) => format_number(*number),
        value if value.is_integer() => grouped(&value.to_string()),
        value => one_line(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::*;

    #[test]
    fn head_and_tail_are_five_rows_each() {
        let frame = df!("n" => (0..11_i64).collect::<Vec<_>>(), "name" => vec!["x"; 11]).unwrap();
        let text = table(&frame).text().to_string();
        assert!(text.ends_with("10 of 11 rows, 2 columns"), "{text}");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines.len(), 2 + 5 + 1 + 5 + 1, "{text}");
        assert!(!lines.contains(&"5  x"), "{text}");
        assert!(lines.contains(&"6  x"), "{text}");
        let ten = df!("n" => (0..10_i64).collect::<Vec<_>>()).unwrap();
        assert_eq!(table(&ten).html().matches("<td").count(), 10);
        assert!(table(&ten).html().contains("10 of 10 rows, 1 column<"));
    }

    #[test]
    fn of_many_columns_hashes_and_paths_come_last() {
        let texts = |name: &str, text: &str| Column::new(name.into(), [text, text]);
        let numbers = (0..7).map(|n| Column::new(format!("c{n}").into(), [n, n]));
        let hard = [texts("where", "/data/a.JPEG"), texts("hash", &"0a".repeat(32)), texts("name", "a/b.JPEG")];
        let frame = DataFrame::new(2, hard.clone().into_iter().chain(numbers).collect()).unwrap();
        let head = table(&frame).text().lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(head, "name c0 c1 c2 c3 c4 c5 c6 where hash");
        let few = DataFrame::new(2, hard.to_vec()).unwrap();
        assert!(table(&few).text().starts_with("where"), "few columns stay as they are");
    }

    #[test]
    fn hostile_text_stays_text() {
        let frame = df!("<b>" => ["<script>alert(1)</script>", "a\nb\u{1b}[2J"]).unwrap();
        let html = table(&frame).html().to_string();
        assert!(!html.contains("<script>") && !html.contains("<b>") && !html.contains('\u{1b}'), "{html}");
        assert_eq!(table(&frame).text().lines().count(), 5);
    }

    #[test]
    fn numbers_are_short_and_right() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-1234567.8, "-1,234,568"),
            (0.000123456789, "0.000123457"),
            (0.0000123456789, "1.23457e-5"),
            (999999.6, "1,000,000"),
            (1e20, "1e20"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_number(number), text);
        }
    }

    #[test]
    fn nulls_bools_lists_and_wide_tables_are_shown() {
        let frame = df!("a" => [Some(1.5_f32), None], "b" => [true, false]).unwrap();
        let text = table(&frame).text().to_string();
        assert!(text.contains("null") && text.contains("true") && text.contains("f32"), "{text}");
        let many: Vec<Column> = (0..30).map(|n| Column::new(format!("c{n}").into(), [n])).collect();
        let text = table(&DataFrame::new(1, many).unwrap()).text().to_string();
        assert!(text.contains("c11  …  c18") && text.ends_with("1 of 1 row, 30 columns (24 shown)"), "{text}");
        let orders = df!("order" => ["1 2 3", "134 487 455 138 327 261 272 413"]).unwrap();
        assert_eq!(table(&orders).html().matches("min-width").count(), 1, "a long cell is no tower of words");
        assert_eq!(table(&DataFrame::empty()).text().lines().last(), Some("0 of 0 rows, 0 columns"));
    }
}
