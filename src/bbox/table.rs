//! Annotations as tables, and the published study's own form of them.

use polars::prelude::*;
use serde_json::{Value, json};

use super::check::{Annotation, Object};
use crate::error::Result;
use crate::store::{fresh, integers, texts};

/// The columns of the table of boxes in their order: one row an object.
pub const BOX_COLUMNS: [(&str, DataType); 16] = [
    ("folder", DataType::String),
    ("filename", DataType::String),
    ("database", DataType::String),
    ("width", DataType::Int32),
    ("height", DataType::Int32),
    ("depth", DataType::Int32),
    ("segmented", DataType::Int32),
    ("object", DataType::Int32),
    ("name", DataType::String),
    ("pose", DataType::String),
    ("truncated", DataType::Int32),
    ("difficult", DataType::Int32),
    ("xmin", DataType::Int32),
    ("ymin", DataType::Int32),
    ("xmax", DataType::Int32),
    ("ymax", DataType::Int32),
];

/// The columns of the published table (notebook 1, cell 30) in their order: one row a file.
pub const PUBLISHED_COLUMNS: [&str; 16] = [
    "folder",
    "filename",
    "segmented",
    "source.database",
    "size.width",
    "size.height",
    "size.depth",
    "object.name",
    "object.pose",
    "object.truncated",
    "object.difficult",
    "object.bndbox.xmin",
    "object.bndbox.ymin",
    "object.bndbox.xmax",
    "object.bndbox.ymax",
    "object",
];

/// The table of the boxes of some annotations, in their order: [`BOX_COLUMNS`], one row an object.
///
/// # Errors
/// [`Code::Table`](crate::error::Code::Table) if the table cannot be built.
pub fn boxes_table(annotations: &[Annotation]) -> Result<DataFrame> {
    let rows: Vec<(&Annotation, i32, &Object)> = annotations
        .iter()
        .flat_map(|file| file.objects.iter().map(move |(index, object)| (file, *index, object)))
        .collect();
    let corner = |name: &str, index: usize| -> Column {
        Column::new(name.into(), rows.iter().map(|row| row.2.corners[index]).collect::<Vec<i32>>())
    };
    let files: Vec<&Annotation> = rows.iter().map(|row| row.0).collect();
    let mut columns = file_columns(&files);
    columns.extend([
        Column::new("object".into(), rows.iter().map(|row| row.1).collect::<Vec<i32>>()),
        Column::new("name".into(), rows.iter().map(|row| row.2.name.as_deref()).collect::<Vec<_>>()),
        Column::new("pose".into(), rows.iter().map(|row| row.2.pose.as_deref()).collect::<Vec<_>>()),
        Column::new("truncated".into(), rows.iter().map(|row| row.2.truncated).collect::<Vec<_>>()),
        Column::new("difficult".into(), rows.iter().map(|row| row.2.difficult).collect::<Vec<_>>()),
        corner("xmin", 0),
        corner("ymin", 1),
        corner("xmax", 2),
        corner("ymax", 3),
    ]);
    Ok(DataFrame::new(rows.len(), columns)?)
}

/// The first seven of [`BOX_COLUMNS`], one row a file, for annotations that have no usable box.
pub(super) fn empty_files_table(annotations: &[Annotation]) -> Result<DataFrame> {
    let files: Vec<&Annotation> = annotations.iter().filter(|file| file.objects.is_empty()).collect();
    Ok(DataFrame::new(files.len(), file_columns(&files))?)
}

fn file_columns(files: &[&Annotation]) -> Vec<Column> {
    vec![
        Column::new("folder".into(), files.iter().map(|file| file.folder.as_str()).collect::<Vec<_>>()),
        Column::new("filename".into(), files.iter().map(|file| file.filename.as_str()).collect::<Vec<_>>()),
        Column::new("database".into(), files.iter().map(|file| file.database.as_deref()).collect::<Vec<_>>()),
        Column::new("width".into(), files.iter().map(|file| file.size.1 as i32).collect::<Vec<_>>()),
        Column::new("height".into(), files.iter().map(|file| file.size.0 as i32).collect::<Vec<_>>()),
        Column::new("depth".into(), files.iter().map(|file| file.depth).collect::<Vec<_>>()),
        Column::new("segmented".into(), files.iter().map(|file| file.segmented).collect::<Vec<_>>()),
    ]
}

/// The row numbers of each file of a table of boxes: neighbouring rows with the same folder and file name.
pub(super) fn files_of(boxes: &DataFrame) -> Result<Vec<std::ops::Range<usize>>> {
    let (folders, names) = (texts(boxes, "folder")?, texts(boxes, "filename")?);
    let mut files: Vec<std::ops::Range<usize>> = Vec::new();
    for row in 0..names.len() {
        match files.last_mut() {
            Some(file) if names[file.start] == names[row] && folders[file.start] == folders[row] => file.end = row + 1,
            _ => files.push(row..row + 1),
        }
    }
    Ok(files)
}

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
    let single: BooleanChunked = files.iter().map(|file| file.len() == 1).collect_ca("single".into());
    let lists =
        files.iter().map(|file| if file.len() == 1 { Ok(None) } else { objects_json(boxes, file.clone()).map(Some) });
    let lists: Vec<Option<String>> = lists.collect::<Result<_>>()?;
    table.replace("object", Column::new("object".into(), lists))?;
    for name in ["name", "pose", "truncated", "difficult", "xmin", "ymin", "xmax", "ymax"] {
        let column = table.column(name)?.as_materialized_series().clone();
        let nothing = Series::full_null(name.into(), column.len(), column.dtype());
        table.replace(name, column.zip_with(&single, &nothing)?.into())?;
    }
    let mut empty = without_box.select(BOX_COLUMNS[..7].iter().map(|(name, _)| *name))?;
    for (name, kind) in BOX_COLUMNS[7..].iter() {
        let kind = if *name == "object" { &DataType::String } else { kind };
        empty.with_column(Series::full_null((*name).into(), empty.height(), kind).into())?;
    }
    table.vstack_mut(&empty)?;
    table.rechunk_mut();
    let table = table.sort(["folder", "filename"], SortMultipleOptions::default().with_maintain_order(true))?;
    let columns = PUBLISHED_COLUMNS.iter().map(|dotted| {
        let name = dotted.rsplit('.').next().unwrap_or(dotted);
        Ok(table.column(name)?.clone().with_name((*dotted).into()))
    });
    Ok(DataFrame::new(table.height(), columns.collect::<Result<Vec<Column>>>()?)?)
}

fn objects_json(boxes: &DataFrame, rows: std::ops::Range<usize>) -> Result<String> {
    let part = boxes.slice(rows.start as i64, rows.len());
    let corners =
        [integers(&part, "xmin")?, integers(&part, "ymin")?, integers(&part, "xmax")?, integers(&part, "ymax")?];
    let (names, poses) = (texts(&part, "name")?, texts(&part, "pose")?);
    let (truncated, difficult) = (part.column("truncated")?.i32()?.clone(), part.column("difficult")?.i32()?.clone());
    let objects: Vec<Value> = (0..part.height())
        .map(|row| {
            let [xmin, ymin, xmax, ymax] = [0, 1, 2, 3].map(|index: usize| corners[index][row]);
            let bndbox = json!({"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax});
            json!({
                "name": names[row],
                "pose": poses[row],
                "truncated": truncated.get(row),
                "difficult": difficult.get(row),
                "bndbox": bndbox,
            })
        })
        .collect();
    Ok(Value::from(objects).to_string())
}
