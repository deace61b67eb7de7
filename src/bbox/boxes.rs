//! The boxes of the photographs at hand, out of the table of step 2.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

use polars::prelude::*;

use super::crop::original_box;
use crate::error::{Code, Error, Result};
use crate::pixels::{Crop, PixelBox, PixelMask, View};
use crate::table::boxes::{
    CROP_COL, CROP_HEIGHT, CROP_ROW, CROP_WIDTH, FILE, FILENAME, HEIGHT, OBJECT, PATH, WIDTH, XMAX, XMAX_N, XMIN,
    XMIN_N, YMAX, YMAX_N, YMIN, YMIN_N,
};
use crate::table::{column, integers, texts};

/// One object of a photograph: where it is in the photograph, and in the crop by both protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectBox {
    /// The photograph's identity ([`ImageFile::id`](crate::files::ImageFile::id)).
    pub file: String,
    /// The photograph's name without its ending.
    pub name: String,
    /// Where the photograph is.
    pub path: PathBuf,
    /// Its height and width in pixels, as the annotation says.
    pub size: (u32, u32),
    /// The object's number within its annotation, from 0.
    pub object: i32,
    /// `[xmin, ymin, xmax, ymax]` in pixels of the photograph; the maxima are just outside the box.
    pub corners: [i32; 4],
    /// What is visible of it in the crop ([`to_crop_corrected`](super::to_crop_corrected)); `None` if nothing is.
    pub seen: Option<PixelBox<Crop>>,
    /// `[xmin, ymin, xmax, ymax]` in the crop as published ([`to_crop_published`](super::to_crop_published)); it may be
    /// inverted, or reach out of the crop.
    pub published: [i32; 4],
}

/// The boxes of the photographs at hand, in the order of their table, and by photograph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boxes {
    objects: Vec<ObjectBox>,
    by_file: HashMap<String, Range<usize>>,
}

impl Boxes {
    /// Out of the table of step 2 ([`SubsetTable::boxes`](super::SubsetTable::boxes)).
    ///
    /// ```
    /// use lgf::bbox::{Annotation, Boxes, ImageRef, Object, Subset, boxes_table, subset};
    /// use lgf::files::ImageFile;
    ///
    /// let objects = vec![(0, Object { corners: [79, 127, 294, 339], ..Object::default() })];
    /// let file = Annotation { filename: "n01440764_1".into(), size: (375, 500), objects, ..Annotation::default() };
    /// let image = ImageFile::at("/photographs/n01440764_1.JPEG", "n01440764_1.JPEG");
    /// let kept = subset(&boxes_table(&[file])?, &[ImageRef { file: image, size: None }], &Subset::default())?;
    /// let boxes = Boxes::of(&kept.boxes)?;
    /// let seen: Vec<_> = boxes.seen("n01440764_1.JPEG").collect();
    /// assert_eq!((seen[0].row, seen[0].col, seen[0].height, seen[0].width), (70, 0, 146, 143));
    /// # Ok::<(), lgf::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Table`] if a column is missing or of another type, or the rows of a photograph are not together.
    pub fn of(table: &DataFrame) -> Result<Boxes> {
        let (files, names, paths) = (texts(table, FILE)?, texts(table, FILENAME)?, texts(table, PATH)?);
        let (heights, widths, numbers) = (integers(table, HEIGHT)?, integers(table, WIDTH)?, integers(table, OBJECT)?);
        let corners = whole(table, [XMIN, YMIN, XMAX, YMAX])?;
        let published = whole(table, [XMIN_N, YMIN_N, XMAX_N, YMAX_N])?;
        let seen = sides(table)?;
        let mut boxes = Boxes::default();
        for (row, ((file, name), path)) in files.into_iter().zip(names).zip(paths).enumerate() {
            let size = (heights[row] as u32, widths[row] as u32);
            let (corners, published) =
                (corners.each_ref().map(|side| side[row] as i32), published.each_ref().map(|side| side[row] as i32));
            let (object, path, seen) = (numbers[row] as i32, PathBuf::from(path), seen[row]);
            boxes.push(ObjectBox { file, name, path, size, object, corners, seen, published })?;
        }
        Ok(boxes)
    }

    /// Of some objects, those of a photograph together.
    ///
    /// # Errors
    /// [`Code::Table`] if they are not.
    pub fn of_objects(objects: Vec<ObjectBox>) -> Result<Boxes> {
        let mut boxes = Boxes::default();
        objects.into_iter().try_for_each(|object| boxes.push(object))?;
        Ok(boxes)
    }

    fn push(&mut self, object: ObjectBox) -> Result<()> {
        let row = self.objects.len();
        let rows = self.by_file.entry(object.file.clone()).or_insert(row..row);
        if rows.end != row {
            let message = format!("the boxes of {} are not together in their table", object.file);
            return Err(Error::new(Code::Table, message).hint("run step 2 again: lgf subset"));
        }
        rows.end = row + 1;
        self.objects.push(object);
        Ok(())
    }

    /// All of them, in the order of their table.
    pub fn all(&self) -> &[ObjectBox] {
        &self.objects
    }

    /// Those of a photograph, by its identity; none if it has none.
    pub(crate) fn of_photograph(&self, id: &str) -> &[ObjectBox] {
        self.by_file.get(id).map_or(&[], |rows| &self.objects[rows.clone()])
    }

    /// What is visible in the crop of a photograph's objects.
    pub fn seen(&self, id: &str) -> impl Iterator<Item = PixelBox<Crop>> {
        self.of_photograph(id).iter().filter_map(|object| object.seen)
    }

    /// The pixels of what networks of a view see that lie in an object of the photograph; `None` if none do.
    ///
    /// # Errors
    /// [`Code::Parameter`] for a photograph with a side of 0.
    pub fn mask(&self, id: &str, view: View) -> Result<Option<PixelMask<Crop>>> {
        let mut mask = PixelMask::empty(view.side, view.side);
        for object in self.of_photograph(id) {
            let ObjectBox { corners, size, .. } = *object;
            let whole = view.geometry(size.0, size.1)?;
            if let Some(seen) = original_box(corners, size).and_then(|object| whole.box_to_crop(&object)) {
                mask = mask.or(&PixelMask::from_box(view.side, view.side, &seen))?;
            }
        }
        Ok(Some(mask).filter(|mask| mask.count() > 0))
    }
}

fn whole(table: &DataFrame, names: [&str; 4]) -> Result<[Vec<i64>; 4]> {
    let [a, b, c, d] = names.map(|name| integers(table, name));
    Ok([a?, b?, c?, d?])
}

/// The box in the crop of each row; `None` where nothing of it is visible.
fn sides(table: &DataFrame) -> Result<Vec<Option<PixelBox<Crop>>>> {
    let side = |name: &str| -> Result<Vec<Option<i32>>> { Ok(column(table, name)?.i32()?.iter().collect()) };
    let (rows, cols) = (side(CROP_ROW)?, side(CROP_COL)?);
    let (heights, widths) = (side(CROP_HEIGHT)?, side(CROP_WIDTH)?);
    let place = |row: usize| {
        let corner = PixelBox::at(rows[row]? as u32, cols[row]? as u32);
        Some(corner.of_size(heights[row]? as u32, widths[row]? as u32))
    };
    Ok((0..table.height()).map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::super::check::{Annotation, Object};
    use super::super::parameters::Subset;
    use super::super::picked::ImageRef;
    use super::super::subset::subset;
    use super::super::table::boxes_table;
    use super::super::{to_crop_corrected, to_crop_published};
    use super::*;
    use crate::files::ImageFile;

    const SIZE: (u32, u32) = (100, 200);
    const CORNERS: [[i32; 4]; 3] = [[60, 20, 90, 70], [10, 10, 20, 20], [100, 0, 150, 30]];

    fn table() -> DataFrame {
        let object =
            |(index, corners): (usize, &[i32; 4])| (index as i32, Object { corners: *corners, ..Object::default() });
        let annotated = |name: &str, corners: &[[i32; 4]]| Annotation {
            filename: name.into(),
            size: SIZE,
            objects: corners.iter().enumerate().map(object).collect(),
            ..Annotation::default()
        };
        let boxes = boxes_table(&[annotated("n01440764_1", &CORNERS[..2]), annotated("n01440764_2", &CORNERS[2..])]);
        let images = ["n01440764_2", "n01440764_1"].map(|name| ImageRef {
            file: ImageFile::at(format!("/at/{name}.JPEG"), format!("{name}.JPEG")),
            size: Some(SIZE),
        });
        subset(&boxes.unwrap(), &images, &Subset::default()).unwrap().boxes
    }

    #[test]
    fn boxes_are_what_the_table_was_made_from() {
        let boxes = Boxes::of(&table()).unwrap();
        assert_eq!(boxes.all().len(), 3);
        for (found, corners) in boxes.all().iter().zip(CORNERS) {
            assert_eq!((found.corners, found.size), (corners, SIZE));
            assert_eq!(found.seen, to_crop_corrected(corners, SIZE).unwrap());
            assert_eq!(found.published, to_crop_published(corners, SIZE));
            assert_eq!(found.path, PathBuf::from(format!("/at/{}.JPEG", found.name)));
        }
        let first = boxes.of_photograph("n01440764_1.JPEG");
        assert_eq!(
            first.iter().map(|one| (one.object, one.seen.is_some())).collect::<Vec<_>>(),
            [(0, true), (1, false)]
        );
        assert!(boxes.of_photograph("another.JPEG").is_empty());
    }

    #[test]
    fn a_mask_is_all_that_is_seen_of_a_photograph() {
        let boxes = Boxes::of(&table()).unwrap();
        let seen = boxes.seen("n01440764_1.JPEG").next().unwrap();
        let mask = boxes.mask("n01440764_1.JPEG", View::IMAGENET).unwrap().unwrap();
        assert_eq!(mask.count(), seen.area());
        assert!(boxes.mask("another.JPEG", View::IMAGENET).unwrap().is_none());
        // 100 x 200 to 300 x 600, the middle 300: the object is three times as large, from row 60 on.
        let larger = boxes.mask("n01440764_1.JPEG", View::new(300, 300)).unwrap().unwrap();
        assert_eq!((larger.size(), larger.count()), ((300, 300), 90 * 150));
    }

    #[test]
    fn a_table_of_another_step_or_order_is_refused() {
        assert_eq!(Boxes::of(&boxes_table(&[]).unwrap()).unwrap_err().code(), Code::Table);
        let rows = IdxCa::from_vec("row".into(), vec![0, 2, 1]);
        let error = Boxes::of(&table().take(&rows).unwrap()).unwrap_err();
        assert!(error.to_string().contains("not together"), "{error}");
    }
}
