//! Annotations as they wait to become a table: a quarter of what polars needs for them, in few pieces.

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use super::check::Annotation;
use crate::error::Result;
use crate::table::boxes::BOX_COLUMNS;

/// The rows of some files, in their order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Rows {
    /// The files' names, one after another.
    stems: String,
    files: Vec<File>,
    objects: Vec<Row>,
    /// Texts that many rows share.
    texts: Vec<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct File {
    stem_ends: u32,
    folder: u32,
    database: Option<u32>,
    height: i32,
    width: i32,
    depth: Option<i32>,
    segmented: Option<i32>,
    has_object: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Row {
    file: u32,
    object: i32,
    name: Option<u32>,
    pose: Option<u32>,
    truncated: Option<i32>,
    difficult: Option<i32>,
    corners: [i32; 4],
}

impl Rows {
    /// Adds a file.
    pub(super) fn push(&mut self, annotation: &Annotation) {
        self.stems.push_str(&annotation.filename);
        let file = self.files.len() as u32;
        let folder = self.text(&annotation.folder);
        let database = annotation.database.as_ref().map(|text| self.text(text));
        self.files.push(File {
            stem_ends: self.stems.len() as u32,
            folder,
            database,
            height: annotation.size.0 as i32,
            width: annotation.size.1 as i32,
            depth: annotation.depth,
            segmented: annotation.segmented,
            has_object: !annotation.objects.is_empty(),
        });
        for (index, object) in &annotation.objects {
            let name = object.name.as_ref().map(|text| self.text(text));
            let pose = object.pose.as_ref().map(|text| self.text(text));
            self.objects.push(Row {
                file,
                object: *index,
                name,
                pose,
                truncated: object.truncated,
                difficult: object.difficult,
                corners: object.corners,
            });
        }
    }

    /// The number of a text; a synset has a handful of them.
    fn text(&mut self, text: &PlSmallStr) -> u32 {
        let found = self.texts.iter().position(|known| known == text.as_str());
        found.unwrap_or_else(|| {
            self.texts.push(text.to_string());
            self.texts.len() - 1
        }) as u32
    }

    fn stem(&self, file: u32) -> &str {
        let start = file.checked_sub(1).map_or(0, |before| self.files[before as usize].stem_ends);
        &self.stems[start as usize..self.files[file as usize].stem_ends as usize]
    }

    /// Gives back the room that growing left: there are thousands of these.
    pub(super) fn shrink(&mut self) {
        self.stems.shrink_to_fit();
        self.files.shrink_to_fit();
        self.objects.shrink_to_fit();
        self.texts.shrink_to_fit();
    }

    /// Rows of the table of boxes, and of that of files without one.
    pub(super) fn heights(&self) -> (usize, usize) {
        (self.objects.len(), self.files.iter().filter(|file| !file.has_object).count())
    }
}

/// The two tables of several synsets' rows: [`BOX_COLUMNS`] of every object, and the first seven of every file without.
pub(super) fn tables(parts: &[Rows]) -> Result<(DataFrame, DataFrame)> {
    let objects = || parts.iter().flat_map(|part| part.objects.iter().map(move |row| (part, row)));
    let of_object = || objects().map(|(part, row)| (part, row.file));
    let without = || {
        let files = |part: &Rows| 0..part.files.len() as u32;
        let each = parts.iter().flat_map(move |part| files(part).map(move |file| (part, file)));
        each.filter(|(part, file)| !part.files[*file as usize].has_object)
    };
    let (height, empty) = (objects().count(), without().count());
    let number = |place: usize, of: fn(&Row) -> Option<i32>| {
        whole_numbers(BOX_COLUMNS[place].0, height, objects().map(|(_, row)| of(row)))
    };
    let shared = |place: usize, of: fn(&Row) -> Option<u32>| {
        strings(
            BOX_COLUMNS[place].0,
            height,
            objects().map(|(part, row)| of(row).map(|text| part.texts[text as usize].as_str())),
        )
    };
    let of_objects = || {
        vec![
            number(7, |row| Some(row.object)),
            shared(8, |row| row.name),
            shared(9, |row| row.pose),
            number(10, |row| row.truncated),
            number(11, |row| row.difficult),
            number(12, |row| Some(row.corners[0])),
            number(13, |row| Some(row.corners[1])),
            number(14, |row| Some(row.corners[2])),
            number(15, |row| Some(row.corners[3])),
        ]
    };
    let (mut columns, more) = rayon::join(|| file_columns(height, of_object), of_objects);
    columns.extend(more);
    Ok((DataFrame::new(height, columns)?, DataFrame::new(empty, file_columns(empty, without))?))
}

/// The first seven columns, for files given as their part and number.
fn file_columns<'a, I: Iterator<Item = (&'a Rows, u32)>>(count: usize, files: impl Fn() -> I) -> Vec<Column> {
    let text = |place: usize, of: fn(&File) -> Option<u32>| {
        let text =
            |(part, at): (&'a Rows, u32)| of(&part.files[at as usize]).map(|text| part.texts[text as usize].as_str());
        strings(BOX_COLUMNS[place].0, count, files().map(text))
    };
    let number = |place: usize, of: fn(&File) -> Option<i32>| {
        whole_numbers(BOX_COLUMNS[place].0, count, files().map(|(part, at)| of(&part.files[at as usize])))
    };
    vec![
        text(0, |file| Some(file.folder)),
        strings(BOX_COLUMNS[1].0, count, files().map(|(part, at)| Some(part.stem(at)))),
        text(2, |file| file.database),
        number(3, |file| Some(file.width)),
        number(4, |file| Some(file.height)),
        number(5, |file| file.depth),
        number(6, |file| file.segmented),
    ]
}

pub(super) fn strings<'a>(name: &str, count: usize, values: impl Iterator<Item = Option<&'a str>>) -> Column {
    let mut builder = StringChunkedBuilder::new(name.into(), count);
    values.for_each(|value| builder.append_option(value));
    builder.finish().into_series().into()
}

pub(super) fn whole_numbers(name: &str, count: usize, values: impl Iterator<Item = Option<i32>>) -> Column {
    let mut builder = PrimitiveChunkedBuilder::<Int32Type>::new(name.into(), count);
    values.for_each(|value| builder.append_option(value));
    builder.finish().into_series().into()
}
