//! Rows of the table of boxes with their photograph, and their place in the crop.

use std::ops::Range;

use polars::prelude::*;

use super::crop::{to_crop_corrected, to_crop_published};
use super::parameters::Objects;
use crate::error::Result;
use crate::files::ImageFile;
use crate::table::boxes::{SUBSET_COLUMNS, XMAX, XMIN, YMAX, YMIN};
use crate::table::nothing_unless;

/// A photograph, and its size where it was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// The file.
    pub file: ImageFile,
    /// Height and width in pixels; `None` if not known: it is not compared then.
    pub size: Option<(u32, u32)>,
}

/// One row to be: the row of the table it comes from, and its corners.
pub(super) struct Picked<'a> {
    image: &'a ImageRef,
    row: usize,
    corners: [i64; 4],
    merged: usize,
}

/// Adds the rows that a photograph's objects give.
pub(super) fn pick<'a>(
    image: &'a ImageRef,
    rows: Range<usize>,
    corners: &[Vec<i64>; 4],
    objects: Objects,
    picked: &mut Vec<Picked<'a>>,
) {
    let at = |row: usize| [corners[0][row], corners[1][row], corners[2][row], corners[3][row]];
    let area = |row: usize| (corners[2][row] - corners[0][row]) * (corners[3][row] - corners[1][row]);
    match objects {
        Objects::Single | Objects::All => {
            picked.extend(rows.map(|row| Picked { image, row, corners: at(row), merged: 1 }));
        }
        Objects::Largest => {
            // The first of several equally large ones.
            let row = rows.clone().fold(rows.start, |best, row| if area(row) > area(best) { row } else { best });
            picked.push(Picked { image, row, corners: at(row), merged: 1 });
        }
        Objects::Union => {
            let union =
                rows.clone().map(at).reduce(|[a, b, c, d], [e, f, g, h]| [a.min(e), b.min(f), c.max(g), d.max(h)]);
            picked.extend(union.map(|corners| Picked { image, row: rows.start, corners, merged: rows.len() }));
        }
    }
}

/// The table of the rows that were picked.
pub(super) fn table(boxes: &DataFrame, picked: &[Picked<'_>], sizes: &(Vec<i64>, Vec<i64>)) -> Result<DataFrame> {
    let rows: Vec<IdxSize> = picked.iter().map(|pick| pick.row as IdxSize).collect();
    let mut table = boxes.take(&IdxCa::from_vec("row".into(), rows))?;
    for (index, name) in [XMIN, YMIN, XMAX, YMAX].into_iter().enumerate() {
        let values: Vec<i32> = picked.iter().map(|pick| pick.corners[index] as i32).collect();
        table.replace(name, Column::new(name.into(), values))?;
    }
    let whole = picked.iter().map(|pick| pick.merged == 1);
    nothing_unless(&mut table, &["truncated", "difficult"], whole)?;
    let text = |name: &str, of: fn(&ImageFile) -> String| -> Column {
        Column::new(name.into(), picked.iter().map(|pick| of(&pick.image.file)).collect::<Vec<String>>())
    };
    table.with_column(text("file", |file| file.id.clone()))?;
    table.with_column(text("wnid", |file| file.wnid.clone()))?;
    table.with_column(text("split", |file| file.split.clone()))?;
    table.with_column(text("path", |file| file.path.display().to_string()))?;
    let in_crop = |pick: &Picked<'_>| -> Result<(Option<[i32; 4]>, [i32; 4])> {
        let (corners, size) =
            (pick.corners.map(|side| side as i32), (sizes.0[pick.row] as u32, sizes.1[pick.row] as u32));
        let seen = to_crop_corrected(corners, size)?;
        let seen = seen.map(|seen| [seen.row, seen.col, seen.height, seen.width].map(|side| side as i32));
        Ok((seen, to_crop_published(corners, size)))
    };
    let in_crop: Vec<_> = picked.iter().map(in_crop).collect::<Result<_>>()?;
    for (index, (name, _)) in SUBSET_COLUMNS[4..8].iter().enumerate() {
        let values: Vec<Option<i32>> = in_crop.iter().map(|(seen, _)| seen.map(|seen| seen[index])).collect();
        table.with_column(Column::new((*name).into(), values))?;
    }
    for (index, (name, _)) in SUBSET_COLUMNS[8..].iter().enumerate() {
        let values: Vec<i32> = in_crop.iter().map(|(_, published)| published[index]).collect();
        table.with_column(Column::new((*name).into(), values))?;
    }
    Ok(table)
}
