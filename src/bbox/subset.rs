//! The boxes of the photographs that are there: Imagenette's part of ImageNet's table.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use polars::prelude::*;

use super::check::wnid_of;
use super::parameters::{Objects, OtherShape, Subset, Validation};
use super::picked::{ImageRef, Picked, pick, table};
use super::table::files_of;
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, is_wnid};
use crate::table::Reject;
use crate::table::{fresh, integers, texts};

/// How many photographs were kept and why the rest was not:
/// `images = kept + validation + without_annotation + several + other_shape`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubsetCounts {
    /// Photographs given.
    pub images: u64,
    /// Photographs with a row in the table.
    pub kept: u64,
    /// Photographs left out as validation images.
    pub validation: u64,
    /// Photographs without a usable box.
    pub without_annotation: u64,
    /// Photographs left out because they have several objects.
    pub several: u64,
    /// Photographs left out because their annotation is of another shape.
    pub other_shape: u64,
    /// Rows of the table.
    pub boxes: u64,
}

impl SubsetCounts {
    /// The numbers in one line that adds up.
    pub fn line(&self) -> String {
        format!(
            "{} photographs = {} kept + {} of the validation set + {} without a usable box + {} with several objects + \
             {} of another shape than their annotation; {} boxes",
            self.images,
            self.kept,
            self.validation,
            self.without_annotation,
            self.several,
            self.other_shape,
            self.boxes
        )
    }

    /// The same as a table: `photographs`, `count`, the first row the sum of the others.
    ///
    /// # Errors
    /// None in practice: the columns are of one length.
    pub fn table(&self) -> Result<DataFrame> {
        let rows = [
            ("in the folders", self.images),
            ("kept, with a box", self.kept),
            ("left out: of ImageNet's validation set", self.validation),
            ("left out: several objects", self.several),
            ("left out: annotation of another shape", self.other_shape),
            ("left out: without a usable box", self.without_annotation),
        ];
        Ok(df!(
            "photographs" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "count" => rows.iter().map(|row| row.1 as i64).collect::<Vec<_>>(),
        )?)
    }
}

impl SubsetTable {
    /// Fails if no photograph was kept.
    pub(super) fn check_any(&self) -> Result<()> {
        if self.counts.kept > 0 {
            return Ok(());
        }
        let example = self.rejects.first().map(|row| format!("; the first: {}: {}", row.path, row.message));
        let found =
            format!("none of the photographs has a usable box ({}){}", self.counts.line(), example.unwrap_or_default());
        Err(Error::new(Code::Missing, found).hint("check that archive and photographs belong together"))
    }

    /// What has no counterpart: photographs without a usable box, and annotations without a photograph, by name.
    ///
    /// # Errors
    /// None in practice: the columns are of one length.
    pub fn unmatched(&self) -> Result<DataFrame> {
        let names = self.without_annotation.iter().chain(&self.without_image);
        let reason = |count: usize, text: &'static str| std::iter::repeat_n(text, count);
        let reasons = reason(self.without_annotation.len(), "photograph without a usable box")
            .chain(reason(self.without_image.len(), "annotation without a photograph"));
        Ok(df!(
            "name" => names.cloned().collect::<Vec<String>>(),
            "what" => reasons.collect::<Vec<_>>(),
        )?)
    }
}

/// The boxes of the photographs that are there.
#[derive(Debug, Clone)]
pub struct SubsetTable {
    /// [`BOX_COLUMNS`](super::BOX_COLUMNS), then [`SUBSET_COLUMNS`](super::SUBSET_COLUMNS); sorted by `wnid`, `file`, `object`.
    pub boxes: DataFrame,
    /// Photographs without a usable box (their identities, sorted).
    pub without_annotation: Vec<String>,
    /// Annotations of the same classes without a photograph (their names, sorted).
    pub without_image: Vec<String>,
    /// Photographs left out because their annotation is of another shape, with both sizes.
    pub rejects: Vec<Reject>,
    /// Photographs kept that are of another size than their annotation says.
    pub flags: Vec<Reject>,
    /// The numbers, which add up.
    pub counts: SubsetCounts,
}

/// Keeps the boxes of `images`. A photograph and its annotation have one name, and one class where the name does not
/// tell it (`1.JPEG` of two classes). A union's row carries the first object's name, and no `truncated` or `difficult`
/// of its own.
///
/// ```
/// use lgf::bbox::{Annotation, ImageRef, Object, Subset, boxes_table, subset};
/// use lgf::files::ImageFile;
///
/// let object = Object { corners: [60, 11, 330, 450], ..Object::default() };
/// let objects = vec![(0, object)];
/// let file = Annotation { size: (500, 333), objects, ..Annotation::default() };
/// let named = |name: &str| Annotation { filename: name.into(), ..file.clone() };
/// let boxes = boxes_table(&[named("n01440764_1"), named("n01440764_2")])?;
/// let image = ImageFile::at("imagenette2/train/n01440764/n01440764_1.JPEG", "train/n01440764/n01440764_1.JPEG");
/// let kept = subset(&boxes, &[ImageRef { file: image, size: Some((500, 333)) }], &Subset::default())?;
/// assert_eq!(kept.counts.kept, 1);
/// assert_eq!(kept.without_image, ["n01440764_2"]);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Table`] if a column is missing; [`Code::Missing`] if no photograph has a box.
pub fn subset(boxes: &DataFrame, images: &[ImageRef], parameters: &Subset) -> Result<SubsetTable> {
    let chosen = select(boxes, images, parameters)?;
    chosen.check_any()?;
    Ok(chosen)
}

/// As [`subset`], even if nothing is kept.
pub(super) fn select(boxes: &DataFrame, images: &[ImageRef], parameters: &Subset) -> Result<SubsetTable> {
    let boxes = &fresh(boxes)?;
    let names = texts(boxes, "filename")?;
    let files = files_of(boxes)?;
    let folders = texts(boxes, "folder")?;
    let mut rows_of: HashMap<&str, Vec<&Range<usize>>> = HashMap::new();
    files.iter().for_each(|rows| rows_of.entry(names[rows.start].as_str()).or_default().push(rows));
    let annotation = |image: &ImageFile| -> Option<Range<usize>> {
        let named = rows_of.get(image.stem.as_str())?;
        let own = |rows: &&&Range<usize>| folders[rows.start] == image.wnid;
        let other = |rows: &&&Range<usize>| {
            let folder = &folders[rows.start];
            is_wnid(folder) && *folder != image.wnid && !is_wnid(wnid_of(&image.stem))
        };
        named.iter().find(own).or_else(|| named.iter().find(|rows| !other(rows))).map(|rows| (*rows).clone())
    };
    let sizes = (integers(boxes, "height")?, integers(boxes, "width")?);
    let corners = ["xmin", "ymin", "xmax", "ymax"].map(|name| integers(boxes, name));
    let [xmin, ymin, xmax, ymax] = corners;
    let corners = [xmin?, ymin?, xmax?, ymax?];
    let numbers = integers(boxes, "object")?;

    let mut images: Vec<&ImageRef> = images.iter().collect();
    images.sort_by(|a, b| a.file.cmp(&b.file));
    let mut counts = SubsetCounts { images: images.len() as u64, ..SubsetCounts::default() };
    let (mut without_annotation, mut rejects, mut flags) = (Vec::new(), Vec::new(), Vec::new());
    let mut picked: Vec<Picked<'_>> = Vec::new();
    for image in &images {
        if parameters.validation == Validation::LeaveOut && image.file.is_validation() {
            counts.validation += 1;
            continue;
        }
        let Some(rows) = annotation(&image.file) else {
            counts.without_annotation += 1;
            without_annotation.push(image.file.id.clone());
            continue;
        };
        // An object that is not the first of its file has others, even if they could not be read.
        if parameters.objects == Objects::Single && (rows.len() > 1 || numbers[rows.start] > 0) {
            counts.several += 1;
            continue;
        }
        match compare(image, (sizes.0[rows.start], sizes.1[rows.start]), parameters.other_shape) {
            Ok(remark) => flags.extend(remark),
            Err(reject) => {
                counts.other_shape += 1;
                rejects.push(*reject);
                continue;
            }
        }
        counts.kept += 1;
        pick(image, rows, &corners, parameters.objects, &mut picked);
    }
    counts.boxes = picked.len() as u64;
    let matched: HashSet<usize> = images.iter().filter_map(|image| Some(annotation(&image.file)?.start)).collect();
    let without_image = unmatched(boxes, &files, &names, (&images, &matched))?;
    let boxes = table(boxes, &picked, &sizes)?;
    Ok(SubsetTable { boxes, without_annotation, without_image, rejects, flags, counts })
}

/// A remark where a photograph is of another size than its annotation says; the reject where its box is not used for
/// it.
fn compare(image: &ImageRef, annotated: (i64, i64), choice: OtherShape) -> Result<Option<Reject>, Box<Reject>> {
    let found = image.size.map(|(height, width)| (i64::from(height), i64::from(width)));
    let Some(found) = found.filter(|found| *found != annotated) else { return Ok(None) };
    let sizes =
        format!("the photograph is {} x {}, its annotation says {} x {}", found.0, found.1, annotated.0, annotated.1);
    let row = |message: String, hint: &str| {
        let error = Error::new(Code::Box, message).path(&image.file.path).hint(hint);
        Reject::of("subset", &image.file.id, &error)
    };
    match choice {
        _ if same_shape(found, annotated) => Ok(Some(row(sizes, ""))),
        OtherShape::Keep => Ok(Some(row(format!("{sizes}, another shape; its box is used all the same"), ""))),
        OtherShape::LeaveOut => {
            let hint = "take the photograph that was annotated, or correct the size in its annotation; other_shape \
                        of the subset's parameters keeps it";
            Err(Box::new(row(format!("{sizes}, another shape: its box is not used"), hint)))
        }
    }
}

/// Whether two sizes may be of one picture, larger and smaller: each side less than a pixel off, as rounding leaves it.
fn same_shape((height, width): (i64, i64), (other_height, other_width): (i64, i64)) -> bool {
    (height - 1) * other_width < (width + 1) * other_height && (width - 1) * other_height < (height + 1) * other_width
}

/// Annotations of the classes at hand that no photograph belongs to.
fn unmatched(
    boxes: &DataFrame,
    files: &[std::ops::Range<usize>],
    names: &[String],
    (images, matched): (&[&ImageRef], &HashSet<usize>),
) -> Result<Vec<String>> {
    let classes: HashSet<&str> = images.iter().map(|image| image.file.wnid.as_str()).collect();
    let objects = texts(boxes, "name")?;
    let mut missing: Vec<String> = files
        .iter()
        .map(|rows| rows.start)
        .filter(|row| classes.contains(wnid_of(&names[*row])) || classes.contains(objects[*row].as_str()))
        .filter(|row| !matched.contains(row))
        .map(|row| names[row].clone())
        .collect();
    missing.sort();
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::super::check::{Annotation, Object};
    use super::super::columns::{BOX_COLUMNS, SUBSET_COLUMNS};
    use super::super::table::boxes_table;
    use super::*;

    fn annotated(name: &str, corners: &[[i32; 4]]) -> Annotation {
        let object = |corners: &[i32; 4]| Object {
            name: Some("n01440764".into()),
            truncated: Some(0),
            corners: *corners,
            ..Object::default()
        };
        let objects = corners.iter().enumerate().map(|(index, corners)| (index as i32, object(corners))).collect();
        Annotation {
            folder: "n01440764".into(),
            filename: name.into(),
            size: (100, 200),
            objects,
            ..Annotation::default()
        }
    }

    fn image(stem: &str) -> ImageRef {
        let file = ImageFile::at(format!("{stem}.JPEG"), format!("val/n01440764/{stem}.JPEG"));
        ImageRef { file, size: Some((100, 200)) }
    }

    fn boxes() -> DataFrame {
        boxes_table(&[
            annotated("ILSVRC2012_val_00000007", &[[1, 1, 9, 9]]),
            annotated("n01440764_1", &[[10, 10, 20, 20]]),
            annotated("n01440764_2", &[[10, 10, 20, 20], [15, 5, 95, 60], [0, 0, 5, 5]]),
            annotated("n01440764_3", &[[1, 2, 3, 4]]),
        ])
        .unwrap()
    }

    fn images() -> Vec<ImageRef> {
        ["n01440764_2", "n01440764_1", "ILSVRC2012_val_00000007", "n01440764_9"].map(image).to_vec()
    }

    fn column(table: &SubsetTable, name: &str) -> Vec<i64> {
        integers(&table.boxes, name).unwrap()
    }

    #[test]
    fn the_published_filter_keeps_single_objects_outside_the_validation_set() {
        let parameters = Subset { objects: Objects::Single, validation: Validation::LeaveOut, ..Subset::default() };
        let kept = subset(&boxes(), &images(), &parameters).unwrap();
        assert_eq!(texts(&kept.boxes, "filename").unwrap(), ["n01440764_1"]);
        let expected = SubsetCounts {
            images: 4,
            kept: 1,
            validation: 1,
            without_annotation: 1,
            several: 1,
            boxes: 1,
            ..SubsetCounts::default()
        };
        assert_eq!(kept.counts, expected);
    }

    #[test]
    fn an_object_whose_neighbours_could_not_be_read_is_not_single() {
        let mut file = annotated("n01440764_1", &[[10, 10, 20, 20]]);
        file.objects[0].0 = 1;
        let boxes = boxes_table(&[file, annotated("n01440764_2", &[[10, 10, 20, 20]])]).unwrap();
        let kept = subset(&boxes, &images(), &Subset { objects: Objects::Single, ..Subset::default() }).unwrap();
        assert_eq!(texts(&kept.boxes, "filename").unwrap(), ["n01440764_2"]);
        assert_eq!(kept.counts.several, 1);
    }

    #[test]
    fn several_objects_by_a_named_choice() {
        let with = |objects| subset(&boxes(), &images(), &Subset { objects, ..Subset::default() }).unwrap();
        assert_eq!(column(&with(Objects::All), "xmin"), [1, 10, 10, 15, 0]);
        assert_eq!(column(&with(Objects::Largest), "xmin"), [1, 10, 15]);
        let union = with(Objects::Union);
        assert_eq!(column(&union, "xmin"), [1, 10, 0]);
        assert_eq!(column(&union, "xmax"), [9, 20, 95]);
        assert_eq!(union.boxes.column("truncated").unwrap().null_count(), 1);
        assert_eq!(texts(&union.boxes, "path").unwrap()[1], "n01440764_1.JPEG");
    }

    #[test]
    fn bad_input_64_an_annotation_belongs_to_the_photograph_of_its_class() {
        let named = |class: &str, corners| Annotation { folder: class.into(), ..annotated("1", &[corners]) };
        let boxes = boxes_table(&[named("n01440764", [1, 1, 9, 9]), named("n03028079", [2, 2, 8, 8])]).unwrap();
        let image = |class: &str| {
            let id = format!("{class}/1.JPEG");
            ImageRef { file: ImageFile::at(format!("/{id}"), id), size: Some((100, 200)) }
        };
        let images = ["n03028079", "n01440764", "n02102040"].map(image);
        let kept = subset(&boxes, &images, &Subset::default()).unwrap();
        assert_eq!(texts(&kept.boxes, "file").unwrap(), ["n01440764/1.JPEG", "n03028079/1.JPEG"]);
        assert_eq!(column(&kept, "xmin"), [1, 2]);
        assert_eq!(kept.without_annotation, ["n02102040/1.JPEG"]);
        assert!(kept.without_image.is_empty());
    }

    #[test]
    fn the_box_in_the_crop_by_both_protocols() {
        let kept = subset(&boxes(), &images(), &Subset::default()).unwrap();
        let schema: Vec<(String, DataType)> =
            kept.boxes.schema().iter().map(|(name, kind)| (name.to_string(), kind.clone())).collect();
        let expected = BOX_COLUMNS.iter().chain(&SUBSET_COLUMNS).map(|(name, kind)| (name.to_string(), kind.clone()));
        assert_eq!(schema, expected.collect::<Vec<_>>());
        // 100 x 200 to 256 x 512, less (16, 144): only the box that ends at 95 reaches into the crop, to column 99.
        assert_eq!(kept.boxes.column("crop_row").unwrap().null_count(), 4);
        assert_eq!(column(&kept, "xmin_n")[1], 0);
        assert_eq!(column(&kept, "ymax_n")[1], 35);
    }

    #[test]
    fn bad_input_27_a_size_that_differs_is_flagged() {
        let mut images = images();
        images[1].size = Some((101, 200));
        let kept = subset(&boxes(), &images, &Subset::default()).unwrap();
        assert_eq!(kept.flags.len(), 1);
        assert!(kept.flags[0].message.contains("101 x 200"), "{}", kept.flags[0].message);
    }

    #[test]
    fn bad_input_74_the_box_of_an_annotation_of_another_shape_is_not_used() {
        // Sides exchanged; a square cut out of it; one pixel more than rounding explains.
        for size in [(200, 100), (224, 224), (100, 197)] {
            let mut images = images();
            images[1].size = Some(size);
            let with = |other_shape| subset(&boxes(), &images, &Subset { other_shape, ..Subset::default() }).unwrap();
            let left_out = with(OtherShape::LeaveOut);
            assert!(!texts(&left_out.boxes, "filename").unwrap().contains(&"n01440764_1".to_string()));
            assert_eq!((left_out.counts.other_shape, left_out.rejects.len(), left_out.flags.len()), (1, 1, 0));
            let SubsetCounts { images: count, kept, validation, without_annotation, several, other_shape, .. } =
                left_out.counts;
            assert_eq!(count, kept + validation + without_annotation + several + other_shape);
            let said = &left_out.rejects[0].message;
            assert!(said.contains(&format!("{} x {}", size.0, size.1)) && said.contains("says 100 x 200"), "{said}");
            let kept = with(OtherShape::Keep);
            assert!(texts(&kept.boxes, "filename").unwrap().contains(&"n01440764_1".to_string()));
            assert_eq!((kept.counts.other_shape, kept.rejects.len(), kept.flags.len()), (0, 0, 1));
        }
    }

    #[test]
    fn a_photograph_in_another_size_but_the_same_shape_keeps_its_box() {
        for size in [(50, 100), (320, 640), (99, 199), (160, 320)] {
            let mut images = images();
            images[1].size = Some(size);
            let kept = subset(&boxes(), &images, &Subset::default()).unwrap();
            assert_eq!((kept.counts.other_shape, kept.flags.len()), (0, 1), "{size:?}");
        }
        assert!(same_shape((320, 427), (375, 500)) && same_shape((500, 333), (1_024, 683)));
        assert!(!same_shape((500, 375), (375, 500)) && !same_shape((256, 256), (375, 500)));
    }

    #[test]
    fn bad_input_28_both_kinds_of_orphans_are_listed() {
        let kept = subset(&boxes(), &images(), &Subset::default()).unwrap();
        assert_eq!(kept.without_annotation, ["val/n01440764/n01440764_9.JPEG"]);
        assert_eq!(kept.without_image, ["n01440764_3"]);
        assert_eq!(
            texts(&kept.unmatched().unwrap(), "name").unwrap(),
            ["val/n01440764/n01440764_9.JPEG", "n01440764_3"]
        );
        let counts = integers(&kept.counts.table().unwrap(), "count").unwrap();
        assert_eq!(counts[0], counts[1..].iter().sum::<i64>());
        assert_eq!(subset(&boxes(), &[image("other_1")], &Subset::default()).unwrap_err().code(), Code::Missing);
    }
}
