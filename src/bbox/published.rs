//! The published study's own form of the table of boxes, there and back.

use std::ops::Range;

use polars::prelude::*;
use serde_json::{Value, json};

use super::check::{Annotation, Object};
use super::rows::{Rows, strings, tables, whole_numbers};
use super::table::files_of;
use crate::error::{Code, Error, Result};
use crate::table::boxes::{
    DATABASE, DEPTH, DIFFICULT, FILENAME, FOLDER, HEIGHT, NAME, OBJECT, POSE, PUBLISHED_COLUMNS, SEGMENTED, TRUNCATED,
    WIDTH, XMAX, XMIN, YMAX, YMIN,
};
use crate::table::{column, i32s, strs};

/// The published study's own form of the table: dotted column names, one row a file, the box columns empty where a file
/// has several objects (they stand as JSON in `object` then, where pandas left a Python list) or none.
///
/// `boxes` and `without_box` are the two tables of [`Annotations`](super::Annotations).
///
/// ```
/// use lgf::bbox::{Annotation, Object, boxes_table, published_form};
///
/// let object = Object { corners: [60, 11, 330, 450], ..Object::default() };
/// let file = Annotation { size: (500, 333), objects: vec![(0, object)], ..Annotation::default() };
/// let boxes = boxes_table(&[file])?;
/// let published = published_form(&boxes, &boxes.head(Some(0)))?;
/// assert_eq!(published.column("object.bndbox.xmax")?.i32()?.get(0), Some(330));
/// # Ok::<(), anyhow::Error>(())
/// ```
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing.
pub fn published_form<'a>(boxes: &'a DataFrame, without_box: &'a DataFrame) -> Result<DataFrame> {
    let of_files = [Files::of(boxes)?, Files::of(without_box)?];
    let objects = Objects::of(boxes)?;
    let with = files_of(boxes)?.into_iter().map(|rows| (&of_files[0], rows));
    let without = (0..without_box.height()).map(|row| (&of_files[1], row..row));
    let mut rows: Vec<(&Files<'_>, Range<usize>)> = with.chain(without).collect();
    if without_box.height() > 0 {
        rows.sort_by_key(|(files, rows)| [0, 1].map(|text: usize| files.texts[text][rows.start]));
    }
    let height = rows.len();
    // One object that is not its file's first (those before it could not be read) is a list, too: its number is kept.
    let single = |rows: &Range<usize>| (rows.len() == 1 && objects.index[rows.start] == Some(0)).then_some(rows.start);
    let listed = |rows: &Range<usize>| !rows.is_empty() && single(rows).is_none();
    let lists: Vec<Option<String>> = rows
        .iter()
        .map(|(_, rows)| if listed(rows) { objects.json(rows.clone()).map(Some) } else { Ok(None) })
        .collect::<Result<_>>()?;
    let file_text = |place: usize, number: usize| {
        let of = |(files, rows): &(&Files<'a>, Range<usize>)| files.texts[number][rows.start];
        strings(PUBLISHED_COLUMNS[place], height, rows.iter().map(of))
    };
    let file_number = |place: usize, number: usize| {
        let of = |(files, rows): &(&Files<'a>, Range<usize>)| files.numbers[number][rows.start];
        whole_numbers(PUBLISHED_COLUMNS[place], height, rows.iter().map(of))
    };
    let text = |place: usize, of: &Texts<'_>| {
        strings(PUBLISHED_COLUMNS[place], height, rows.iter().map(|(_, rows)| single(rows).and_then(|row| of[row])))
    };
    let number = |place: usize, of: &Numbers| {
        whole_numbers(
            PUBLISHED_COLUMNS[place],
            height,
            rows.iter().map(|(_, rows)| single(rows).and_then(|row| of[row])),
        )
    };
    let columns = vec![
        file_text(0, 0),
        file_text(1, 1),
        file_number(2, 0),
        file_text(3, 2),
        file_number(4, 1),
        file_number(5, 2),
        file_number(6, 3),
        text(7, &objects.name),
        text(8, &objects.pose),
        number(9, &objects.truncated),
        number(10, &objects.difficult),
        number(11, &objects.corners[0]),
        number(12, &objects.corners[1]),
        number(13, &objects.corners[2]),
        number(14, &objects.corners[3]),
        strings(PUBLISHED_COLUMNS[15], height, lists.iter().map(Option::as_deref)),
    ];
    Ok(DataFrame::new(height, columns)?)
}

type Texts<'a> = Vec<Option<&'a str>>;
type Numbers = Vec<Option<i32>>;

/// What a table says of files: folder, name and database; whether segmented, width, height and depth.
struct Files<'a> {
    texts: [Texts<'a>; 3],
    numbers: [Numbers; 4],
}

impl<'a> Files<'a> {
    fn of(table: &'a DataFrame) -> Result<Self> {
        let (text, number) = (|name: &str| strs(table, name), |name: &str| i32s(table, name));
        Ok(Files {
            texts: [text(FOLDER)?, text(FILENAME)?, text(DATABASE)?],
            numbers: [number(SEGMENTED)?, number(WIDTH)?, number(HEIGHT)?, number(DEPTH)?],
        })
    }
}

/// What a table says of objects.
struct Objects<'a> {
    index: Numbers,
    name: Texts<'a>,
    pose: Texts<'a>,
    truncated: Numbers,
    difficult: Numbers,
    corners: [Numbers; 4],
}

impl<'a> Objects<'a> {
    fn of(table: &'a DataFrame) -> Result<Self> {
        let numbers = |name: &str| i32s(table, name);
        Ok(Objects {
            index: numbers(OBJECT)?,
            name: strs(table, NAME)?,
            pose: strs(table, POSE)?,
            truncated: numbers(TRUNCATED)?,
            difficult: numbers(DIFFICULT)?,
            corners: [numbers(XMIN)?, numbers(YMIN)?, numbers(XMAX)?, numbers(YMAX)?],
        })
    }

    /// Those of some rows as a list.
    fn json(&self, rows: Range<usize>) -> Result<String> {
        let object = |row: usize| {
            let there = |numbers: &Numbers, name: &str| {
                numbers[row].ok_or_else(|| Error::new(Code::Table, format!("column {name:?} has missing values")))
            };
            let [xmin, ymin, xmax, ymax] = &self.corners;
            let bndbox = json!({
                "xmin": there(xmin, XMIN)?,
                "ymin": there(ymin, YMIN)?,
                "xmax": there(xmax, XMAX)?,
                "ymax": there(ymax, YMAX)?,
            });
            Ok(json!({
                "object": there(&self.index, OBJECT)?,
                "name": self.name[row],
                "pose": self.pose[row],
                "truncated": self.truncated[row],
                "difficult": self.difficult[row],
                "bndbox": bndbox,
            }))
        };
        Ok(Value::from(rows.map(object).collect::<Result<Vec<Value>>>()?).to_string())
    }
}

/// The two tables of [`Annotations`](super::Annotations) from the published form of them, without loss.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if a column is missing or `object` is not what [`published_form`] writes.
pub fn from_published(published: &DataFrame) -> Result<(DataFrame, DataFrame)> {
    let text = |name: &str| -> Result<Vec<Option<PlSmallStr>>> {
        Ok(column(published, name)?.str()?.iter().map(|value| value.map(PlSmallStr::from_str)).collect())
    };
    let number = |name: &str| -> Result<Vec<Option<i32>>> { Ok(column(published, name)?.i32()?.iter().collect()) };
    let (folders, files, databases) = (text("folder")?, text("filename")?, text("source.database")?);
    let (widths, heights) = (number("size.width")?, number("size.height")?);
    let (depths, segmented) = (number("size.depth")?, number("segmented")?);
    let (names, poses) = (text("object.name")?, text("object.pose")?);
    let (truncated, difficult) = (number("object.truncated")?, number("object.difficult")?);
    let corners = [XMIN, YMIN, XMAX, YMAX].map(|corner| number(&format!("object.bndbox.{corner}")));
    let [xmin, ymin, xmax, ymax] = corners;
    let corners = [xmin?, ymin?, xmax?, ymax?];
    let lists = text("object")?;
    let mut rows = Rows::default();
    for row in 0..published.height() {
        let broken = || Error::new(Code::Table, format!("row {row} is not in the published form"));
        let objects = match (&lists[row], corners[0][row]) {
            (Some(list), _) => listed_objects(list).ok_or_else(broken)?,
            (None, None) => Vec::new(),
            (None, Some(_)) => {
                let corner = |side: usize| corners[side][row].ok_or_else(broken);
                let corners = [corner(0)?, corner(1)?, corner(2)?, corner(3)?];
                let (name, pose) = (names[row].clone(), poses[row].clone());
                let object = Object { name, pose, truncated: truncated[row], difficult: difficult[row], corners };
                vec![(0, object)]
            }
        };
        let side = |sides: &[Option<i32>]| sides[row].and_then(|side| u32::try_from(side).ok()).ok_or_else(broken);
        rows.push(&Annotation {
            folder: folders[row].clone().unwrap_or_default(),
            filename: files[row].clone().unwrap_or_default(),
            database: databases[row].clone(),
            size: (side(&heights)?, side(&widths)?),
            depth: depths[row],
            segmented: segmented[row],
            objects,
        });
    }
    tables(&[rows])
}

/// The objects of a file with several, or of one whose single object is not its first.
fn listed_objects(list: &str) -> Option<Vec<(i32, Object)>> {
    let values: Vec<Value> = serde_json::from_str(list).ok()?;
    let object = |value: &Value| {
        let number = |value: &Value| value.as_i64().and_then(|value| i32::try_from(value).ok());
        let text = |name: &str| value[name].as_str().map(PlSmallStr::from_str);
        let corner = |name: &str| number(&value["bndbox"][name]);
        let corners = [corner("xmin")?, corner("ymin")?, corner("xmax")?, corner("ymax")?];
        let (truncated, difficult) = (number(&value["truncated"]), number(&value["difficult"]));
        let object = Object { name: text("name"), pose: text("pose"), truncated, difficult, corners };
        Some((number(&value["object"])?, object))
    };
    values.iter().map(object).collect()
}

/// Files that [`published_pieces`] puts into one piece.
const PIECE: usize = 1 << 16;

/// [`published_form`] in pieces of whole synsets, for tables as large as ImageNet's; each call gives the next.
pub(super) fn published_pieces<'a>(
    boxes: &'a DataFrame,
    without_box: &'a DataFrame,
) -> Result<impl FnMut() -> Result<Option<DataFrame>> + 'a> {
    let (folders, empty_folders) = (strs(boxes, FOLDER)?, strs(without_box, FOLDER)?);
    let (mut row, mut empty_row, mut done) = (0, 0, false);
    Ok(move || {
        if done {
            return Ok(None);
        }
        let mut end = (row + PIECE).min(folders.len());
        while end > row && end < folders.len() && folders[end] == folders[end - 1] {
            end += 1;
        }
        done = end == folders.len();
        // Files without a box go with the synsets before them, the rest with the last piece.
        let passed = |folder: &&Option<&str>| done || folders[..end].last().is_some_and(|last| *folder <= last);
        let empty_end = empty_row + empty_folders[empty_row..].iter().take_while(passed).count();
        let piece = boxes.slice(row as i64, end - row);
        let empty = without_box.slice(empty_row as i64, empty_end - empty_row);
        (row, empty_row) = (end, empty_end);
        published_form(&piece, &empty).map(Some)
    })
}
