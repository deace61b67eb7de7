//! The annotated objects of photographs, by both protocols.

use std::collections::HashMap;

use polars::prelude::*;

use crate::error::Result;
use crate::pixels::{Crop, PixelBox};
use crate::table::{column, integers, texts};

/// An annotated object of a photograph, by both protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectBox {
    pub object: i64,
    /// `[row, col, height, width]` in the crop; `None` if nothing is visible there.
    pub seen: Option<[u32; 4]>,
    /// `[xmin, ymin, xmax, ymax]` as the published study had it.
    pub published: [i64; 4],
}

/// The objects by the photograph's identity, from the table of step 2.
pub(super) fn boxes_by_id(boxes: &DataFrame) -> Result<HashMap<String, Vec<ObjectBox>>> {
    let names = texts(boxes, "file")?;
    let object = integers(boxes, "object")?;
    let seen = ["crop_row", "crop_col", "crop_height", "crop_width"].map(|name| column(boxes, name).cloned());
    let seen: Vec<Column> = seen.into_iter().collect::<Result<_>>()?;
    let seen: Vec<&Int32Chunked> = seen.iter().map(|column| Ok(column.i32()?)).collect::<Result<_>>()?;
    let published = ["xmin_n", "ymin_n", "xmax_n", "ymax_n"].map(|name| integers(boxes, name));
    let published: Vec<Vec<i64>> = published.into_iter().collect::<Result<_>>()?;
    let mut objects: HashMap<String, Vec<ObjectBox>> = HashMap::new();
    for (row, name) in names.into_iter().enumerate() {
        let side = |index: usize| seen[index].get(row).map(|value| value as u32);
        let seen = match [side(0), side(1), side(2), side(3)] {
            [Some(top), Some(left), Some(height), Some(width)] => Some([top, left, height, width]),
            _ => None,
        };
        let published = std::array::from_fn(|index| published[index][row]);
        objects.entry(name).or_default().push(ObjectBox { object: object[row], seen, published });
    }
    Ok(objects)
}

pub(super) fn hash_of(objects: &HashMap<String, Vec<ObjectBox>>) -> String {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort();
    crate::files::sha256_hex(format!("{sorted:?}").as_bytes())
}

pub(super) fn in_crop([row, col, height, width]: [u32; 4]) -> PixelBox<Crop> {
    PixelBox::at(row, col).of_size(height, width)
}
