//! The published study's own form of the table of boxes, there and back.

use polars::prelude::*;
use serde_json::{Value, json};

use super::check::{Annotation, Object};
use super::rows::{Rows, tables};
use super::table::files_of;
use crate::error::{Code, Error, Result};
use crate::table::boxes::{
    BOX_COLUMNS, DIFFICULT, FILENAME, FOLDER, NAME, OBJECT, POSE, PUBLISHED_COLUMNS, TRUNCATED, XMAX, XMIN, YMAX, YMIN,
};
use crate::table::{column, fresh, integers, nothing_unless, texts};

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
pub fn published_form(boxes: &DataFrame, without_box: &DataFrame) -> Result<DataFrame> {
    let (boxes, without_box) = (&fresh(boxes)?, &fresh(without_box)?);
    let files = files_of(boxes)?;
    let firsts: IdxCa =
        files.iter().map(|file| file.start as IdxSize).collect::<Vec<_>>().into_iter().collect_ca("first".into());
    let mut table = boxes.take(&firsts)?;
    // One object that is not its file's first (those before it could not be read) is a list, too: its number is kept.
    let index = integers(boxes, OBJECT)?;
    let is_single = |file: &std::ops::Range<usize>| file.len() == 1 && index[file.start] == 0;
    let lists =
        files.iter().map(|file| if is_single(file) { Ok(None) } else { objects_json(boxes, file.clone()).map(Some) });
    let lists: Vec<Option<String>> = lists.collect::<Result<_>>()?;
    table.replace(OBJECT, Column::new(OBJECT.into(), lists))?;
    nothing_unless(
        &mut table,
        &[NAME, POSE, TRUNCATED, DIFFICULT, XMIN, YMIN, XMAX, YMAX],
        files.iter().map(is_single),
    )?;
    if without_box.height() > 0 {
        let mut empty = without_box.select(BOX_COLUMNS[..7].iter().map(|(name, _)| *name))?;
        for (name, kind) in BOX_COLUMNS[7..].iter() {
            let kind = if *name == OBJECT { &DataType::String } else { kind };
            empty.with_column(Series::full_null((*name).into(), empty.height(), kind).into())?;
        }
        table.vstack_mut(&empty)?;
        table = table.sort([FOLDER, FILENAME], SortMultipleOptions::default().with_maintain_order(true))?;
    }
    let columns = PUBLISHED_COLUMNS.iter().map(|dotted| {
        let name = dotted.rsplit('.').next().unwrap_or(dotted);
        Ok(table.column(name)?.clone().with_name((*dotted).into()))
    });
    Ok(DataFrame::new(table.height(), columns.collect::<Result<Vec<Column>>>()?)?)
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
    let (folders, empty_folders) = (texts(boxes, FOLDER)?, texts(without_box, FOLDER)?);
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
        let passed = |folder: &&String| done || folders[..end].last().is_some_and(|last| *folder <= last);
        let empty_end = empty_row + empty_folders[empty_row..].iter().take_while(passed).count();
        let piece = boxes.slice(row as i64, end - row);
        let empty = without_box.slice(empty_row as i64, empty_end - empty_row);
        (row, empty_row) = (end, empty_end);
        published_form(&piece, &empty).map(Some)
    })
}

fn objects_json(boxes: &DataFrame, rows: std::ops::Range<usize>) -> Result<String> {
    let part = boxes.slice(rows.start as i64, rows.len());
    let corners = [integers(&part, XMIN)?, integers(&part, YMIN)?, integers(&part, XMAX)?, integers(&part, YMAX)?];
    let index = integers(&part, OBJECT)?;
    let (names, poses) = (part.column(NAME)?.str()?.clone(), part.column(POSE)?.str()?.clone());
    let (truncated, difficult) = (part.column(TRUNCATED)?.i32()?.clone(), part.column(DIFFICULT)?.i32()?.clone());
    let objects: Vec<Value> = (0..part.height())
        .map(|row| {
            let [xmin, ymin, xmax, ymax] = [0, 1, 2, 3].map(|index: usize| corners[index][row]);
            let bndbox = json!({"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax});
            json!({
                "object": index[row],
                "name": names.get(row),
                "pose": poses.get(row),
                "truncated": truncated.get(row),
                "difficult": difficult.get(row),
                "bndbox": bndbox,
            })
        })
        .collect();
    Ok(Value::from(objects).to_string())
}
