//! The masks that step 3 wrote, and where the objects are.

use std::collections::HashMap;

use crate::error::Result;
use crate::files::{Store, Written};
use crate::pixels::{self, Crop, Frame, PixelBox, PixelMask, View};
use crate::table::{BoxEdgeRow, EdgeRow, FrameName};

/// The edge mask that step 3 wrote for a photograph, in the crop. Where the whole photograph was looked at, as published,
/// it is what the published study took for it: the edges whose (row, column) lie in the box as if they were (x, y) of the
/// crop (faults A4 and A5).
///
/// # Errors
/// [`Code::Missing`](crate::error::Code::Missing) if step 3 has not run for it, [`Code::Image`](crate::error::Code::Image) if the file is broken.
pub fn mask_of(store: &Store, id: &str) -> Result<PixelMask<Crop>> {
    mask_in(store, id, View::IMAGENET)
}

/// The same in what networks of a view see: of its side, and its edges alone where it is not the usual one.
///
/// # Errors
/// As [`mask_of`].
pub fn mask_in(store: &Store, id: &str, view: View) -> Result<PixelMask<Crop>> {
    saved(store, &in_view(&mask_name(id), view))
}

/// The coarse edges that step 3 wrote for a photograph, in the crop: those of objects rather than of their textures (fault
/// A10).
///
/// # Errors
/// As [`mask_of`].
pub(crate) fn outlines_in(store: &Store, id: &str, view: View) -> Result<PixelMask<Crop>> {
    saved(store, &in_view(&outlines_name(id), view))
}

/// Where the annotated objects of each photograph are in its crop, all of one photograph together: from the boxes of step 3.
/// None where the whole photograph was looked at, as published: there [`mask_of`] is kept to the box already.
///
/// # Errors
/// [`Code::Missing`](crate::error::Code::Missing) if step 3 has not run; [`Code::Table`](crate::error::Code::Table) if its table is broken.
pub fn objects(store: &Store) -> Result<HashMap<String, PixelMask<Crop>>> {
    if store.rows::<EdgeRow>("edges_data")?.iter().any(|row| row.frame != FrameName::Crop) {
        return Ok(HashMap::new());
    }
    let side = Crop::SIDE;
    let within = |at: i64| at.clamp(0, i64::from(side)) as u32;
    let mut objects: HashMap<String, PixelMask<Crop>> = HashMap::new();
    for row in store.rows::<BoxEdgeRow>("edges_data_flt")? {
        let (top, left) = (within(row.row), within(row.col));
        let (bottom, right) = (within(row.row + row.height), within(row.col + row.width));
        if top >= bottom || left >= right {
            continue;
        }
        let seen = PixelMask::from_box(side, side, &PixelBox::at(top, left).of_size(bottom - top, right - left));
        match objects.get_mut(&row.file) {
            Some(all) => *all = all.or(&seen)?,
            None => drop(objects.insert(row.file, seen)),
        }
    }
    Ok(objects)
}

/// The folder of the masks of a view.
pub(super) fn folder_of(view: View) -> String {
    match view {
        View::IMAGENET => "edges".to_string(),
        View { short, side, kernel } => format!("edges_{side}_of_{short}_{kernel}"),
    }
}

/// Where a mask is in the folder of a view.
pub(super) fn in_view(name: &str, view: View) -> String {
    name.replacen("edges/", &format!("{}/", folder_of(view)), 1)
}

/// Writes a mask.
pub(super) fn write<F: Frame>(store: &Store, name: &str, mask: &PixelMask<F>) -> Result<Written> {
    store.write_piece(name, &pixels::encode_gray_png(&mask.to_gray())?)
}

pub(super) fn saved<F: Frame>(store: &Store, name: &str) -> Result<PixelMask<F>> {
    let bytes = store.read(name)?;
    let picture =
        pixels::decode_bytes(&bytes, &pixels::Limits::default()).map_err(|error| error.path(store.path(name)))?;
    let inside = picture.pixels().map(|pixel| pixel.0[0] > 127).collect();
    PixelMask::from_values(picture.height(), picture.width(), inside)
}

pub(super) fn mask_name(id: &str) -> String {
    format!("edges/{id}.png")
}

pub(super) fn outlines_name(id: &str) -> String {
    format!("edges/{id}.contours.png")
}

pub(super) fn original_name(id: &str) -> String {
    format!("edges/{id}.original.png")
}

pub(super) fn outlines_original_name(id: &str) -> String {
    format!("edges/{id}.contours.original.png")
}
