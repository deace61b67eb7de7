//! Step 3 over photographs: masks as PNG, counts and coordinates as tables.

use std::collections::HashMap;
use std::path::PathBuf;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::coordinates::{mistaken_box, write_coordinates};
use super::detect::{Order, Parameters, contours, detect};
use super::masks::{self, mask_name, mask_of, original_name, outlines_name, outlines_original_name, saved};
use crate::bbox::{Boxes, ObjectBox};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Store, sha256_hex};
use crate::pixels::{self, Crop, Frame, Original, Pixel, PixelBox, PixelMask, RgbImage, View};
use crate::stage::{Made, Named, Step};
use crate::table::{BoxEdgeRow, EdgeRow, FrameName, Row};

/// The two tables of step 3 and what was skipped.
#[derive(Debug, Clone)]
pub struct EdgeTables {
    /// One row a photograph ([`EdgeRow`]).
    pub all: DataFrame,
    /// One row a box that is visible in the crop ([`BoxEdgeRow`]).
    pub in_box: DataFrame,
    /// Photographs that could not be read.
    pub rejects: DataFrame,
}

/// The rows of a photograph.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    whole: EdgeRow,
    in_box: Vec<BoxEdgeRow>,
}

/// Edges of photographs, and of the part inside their boxes where `boxes` (as step 2 writes them) has some. Masks go to
/// `edges/<file>.png` (in the crop), `edges/<file>.contours.png` and, where the whole photograph was looked at,
/// `edges/<file>.original.png` and `edges/<file>.contours.original.png`; tables to `edges_data` and `edges_data_flt`,
/// coordinates to `edges_coordinates` and `edges_coordinates_flt` (Parquet: `file`, lists of `row` and `col`). A run that was
/// stopped goes on; a finished one is read back.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Io`] if the root cannot be written; [`Code::Image`] if no photograph could be read.
pub fn detect_all(store: &Store, images: &[ImageFile], boxes: &Boxes, parameters: &Parameters) -> Result<EdgeTables> {
    let step = store.step(Named("edges", "edges"), "photographs", parameters, images)?;
    let step = step.reading(&[("boxes", &hash_of(images, boxes))]);
    if !step.finished() {
        let parts = step.parts()?;
        find(store, images, boxes, parameters, &step.owning("edges", &parts)?)?;
    }
    Ok(EdgeTables {
        all: store.table("edges_data")?,
        in_box: store.table("edges_data_flt")?,
        rejects: store.table("edges_rejects")?,
    })
}

/// Step 3 for networks that see photographs otherwise than most: the edges of what they see, as masks of their side
/// ([`mask_in`](masks::mask_in)). The usual view is [`detect_all`]'s; here nothing is done for it.
///
/// # Errors
/// As [`detect_all`].
pub(crate) fn detect_in_view(store: &Store, images: &[ImageFile], parameters: &Parameters, view: View) -> Result<()> {
    if view == View::IMAGENET {
        return Ok(());
    }
    let name = masks::folder_of(view);
    let step = store.step(Named("edges", &name), "photographs", &(parameters, view), images)?;
    if step.finished() {
        return Ok(());
    }
    let parts = step.parts()?;
    let step = step.saying(format!("edges, {view}")).owning(&name, &parts)?;
    let done = step.each(images, |_, image| {
        let crop = view.of(&image.path)?;
        let (coarse, mask) = (contours::<Crop>(&crop, parameters)?, detect::<Crop>(&crop, parameters)?.mask);
        let write = |name: String, mask| masks::write(store, &masks::in_view(&name, view), mask);
        let files = vec![write(outlines_name(&image.id), &coarse)?, write(mask_name(&image.id), &mask)?];
        Ok(Made { rows: (), files })
    })?;
    step.finish(done, Vec::new())?;
    Ok(())
}

/// What identifies the boxes of some photographs.
fn hash_of(images: &[ImageFile], boxes: &Boxes) -> String {
    let of = |image: &ImageFile| {
        let objects = boxes.of_photograph(&image.id).iter();
        objects
            .map(|ObjectBox { object, seen, published, .. }| format!("{object} {seen:?} {published:?};"))
            .collect::<String>()
    };
    sha256_hex(images.iter().map(|image| format!("{} {}\n", image.id, of(image))).collect::<String>().as_bytes())
}

fn find(store: &Store, images: &[ImageFile], boxes: &Boxes, parameters: &Parameters, step: &Step) -> Result<()> {
    let mut done = step.each(images, |place, image| {
        let photograph = Photograph {
            store,
            image,
            sha256: step.record().hash_of(place),
            objects: boxes.of_photograph(&image.id),
            picture: pixels::decode(&image.path)?,
        };
        match parameters.order {
            Order::CropFirst => photograph.in_crop(parameters),
            Order::WholePhotograph => photograph.whole(parameters),
        }
    })?;
    let ids: Vec<&str> = done.rows.iter().map(|(place, _)| images[*place].id.as_str()).collect();
    let mut files = coordinates(store, &ids, boxes, parameters.order)?;
    let (mut whole, mut in_box) = (Vec::new(), Vec::new());
    for (_, found) in &mut done.rows {
        whole.push(found.whole.clone());
        in_box.append(&mut found.in_box);
    }
    files.extend(store.write_table("edges_data", &EdgeRow::table(whole)?)?);
    files.extend(store.write_table("edges_data_flt", &BoxEdgeRow::table(in_box)?)?);
    step.finish(done, files)?;
    Ok(())
}

/// Writes the coordinates of all edges, and of those in boxes; the paths of both tables.
fn coordinates(store: &Store, ids: &[&str], boxes: &Boxes, order: Order) -> Result<Vec<PathBuf>> {
    let all = |id: &str| match order {
        Order::CropFirst => Ok(points(&mask_of(store, id)?)),
        Order::WholePhotograph => Ok(points(&saved::<Original>(store, &original_name(id))?)),
    };
    let in_box = |id: &str| match order {
        Order::CropFirst => {
            let seen: Vec<PixelBox<Crop>> = boxes.seen(id).collect();
            let inside = |pixel: &Pixel<Crop>| seen.iter().any(|object| object.contains(*pixel));
            let pixels = mask_of(store, id)?.pixels().into_iter();
            Ok(pixels.filter(inside).map(|pixel| (pixel.row, pixel.col)).collect())
        }
        Order::WholePhotograph => {
            let mask = saved::<Original>(store, &original_name(id))?;
            Ok(boxes.of_photograph(id).iter().flat_map(|object| mistaken(object, &mask)).collect())
        }
    };
    Ok(vec![
        write_coordinates(store, "edges_coordinates", ids, all)?,
        write_coordinates(store, "edges_coordinates_flt", ids, in_box)?,
    ])
}

/// Those of some photographs that step 3 has edges of; what it skipped is left out.
///
/// # Errors
/// [`Code::Missing`] if step 3 has not run; [`Code::Image`] if a photograph is another one than it was then.
pub fn keep_found(store: &Store, images: Vec<ImageFile>) -> Result<Vec<ImageFile>> {
    let rows: Vec<EdgeRow> = store.rows("edges_data")?;
    let hashes: HashMap<String, String> = rows.into_iter().map(|row| (row.file, row.sha256)).collect();
    let kept = images.into_par_iter().filter_map(|image| {
        let then = hashes.get(&image.id)?;
        Some(hash_of_file(&image).and_then(|now| {
            if now == *then {
                return Ok(image);
            }
            let changed = Error::new(Code::Image, "the photograph has changed since its edges were found");
            Err(changed.path(&image.path).hint("run step 3 again: notebook 3, or `lgf edges`"))
        }))
    });
    kept.collect()
}

fn hash_of_file(image: &ImageFile) -> Result<String> {
    Ok(sha256_hex(&pixels::read(&image.path)?))
}

fn points<F: Frame>(mask: &PixelMask<F>) -> Vec<(u32, u32)> {
    mask.pixels().into_iter().map(|pixel| (pixel.row, pixel.col)).collect()
}

/// One photograph on its way to its rows and masks.
struct Photograph<'a> {
    store: &'a Store,
    image: &'a ImageFile,
    sha256: &'a str,
    objects: &'a [ObjectBox],
    picture: RgbImage,
}

impl Photograph<'_> {
    /// Edges of the crop.
    fn in_crop(&self, parameters: &Parameters) -> Result<Made<Found>> {
        let (id, crop) = (&self.image.id, pixels::imagenet_crop(&self.picture)?);
        let coarse: PixelMask<Crop> = contours(&crop, parameters)?;
        let mask = detect(&crop, parameters)?.mask;
        let files = vec![
            masks::write(self.store, &outlines_name(id), &coarse)?,
            masks::write(self.store, &mask_name(id), &mask)?,
        ];
        let mut in_box = Vec::new();
        for (object, seen) in self.objects.iter().filter_map(|object| object.seen.map(|seen| (object, seen))) {
            let inside = PixelMask::from_box(crop.height(), crop.width(), &seen);
            let place = [seen.row, seen.col, seen.height, seen.width].map(i64::from);
            let (edges, contours) = (mask.shared_count(&inside)?, coarse.shared_count(&inside)?);
            in_box.push(self.box_row(object, place, edges, contours));
        }
        Ok(Made { rows: Found { whole: self.row(FrameName::Crop, &mask, &coarse), in_box }, files })
    }

    /// Edges of the whole photograph, as published, and what the study took for those of the crop.
    fn whole(&self, parameters: &Parameters) -> Result<Made<Found>> {
        let id = &self.image.id;
        let coarse: PixelMask<Original> = contours(&self.picture, parameters)?;
        // The study had no outlines: those that relevance is set against are where they should be.
        let in_crop: PixelMask<Crop> = contours(&pixels::imagenet_crop(&self.picture)?, parameters)?;
        let mask: PixelMask<Original> = detect(&self.picture, parameters)?.mask;
        let files = vec![
            masks::write(self.store, &outlines_original_name(id), &coarse)?,
            masks::write(self.store, &outlines_name(id), &in_crop)?,
            masks::write(self.store, &original_name(id), &mask)?,
            masks::write(self.store, &mask_name(id), &taken_for_crop(&mask, self.objects)?)?,
        ];
        let in_box = self.objects.iter().map(|object| {
            let [xmin, ymin, xmax, ymax] = object.published.map(i64::from);
            let inside = |mask| mistaken(object, mask).len() as u64;
            self.box_row(object, [ymin, xmin, ymax - ymin, xmax - xmin], inside(&mask), inside(&coarse))
        });
        let rows = Found { whole: self.row(FrameName::Original, &mask, &coarse), in_box: in_box.collect() };
        Ok(Made { rows, files })
    }

    fn row<F: Frame>(&self, frame: FrameName, mask: &PixelMask<F>, coarse: &PixelMask<F>) -> EdgeRow {
        let ((height, width), edges) = (mask.size(), mask.count());
        EdgeRow {
            file: self.image.id.clone(),
            wnid: self.image.wnid.clone(),
            frame,
            height: i64::from(height),
            width: i64::from(width),
            edges: edges as i64,
            density: edges as f64 / (f64::from(height) * f64::from(width)).max(1.0),
            contours: coarse.count() as i64,
            mask: mask_name(&self.image.id),
            sha256: self.sha256.to_string(),
        }
    }

    fn box_row(
        &self,
        object: &ObjectBox,
        [row, col, height, width]: [i64; 4],
        edges: u64,
        contours: u64,
    ) -> BoxEdgeRow {
        // An inverted box of the published study has no area; its density is undefined, not infinite.
        let density = if height > 0 && width > 0 { edges as f64 / (height * width) as f64 } else { f64::NAN };
        BoxEdgeRow {
            file: self.image.id.clone(),
            wnid: self.image.wnid.clone(),
            object: i64::from(object.object),
            row,
            col,
            height,
            width,
            edges: edges as i64,
            density,
            contours: contours as i64,
        }
    }
}

/// The published study's edges in a box, at their places in the photograph ([`mistaken_box`]).
fn mistaken(object: &ObjectBox, mask: &PixelMask<Original>) -> Vec<(u32, u32)> {
    mistaken_box(mask, object.published.map(i64::from))
}

/// The published study's edges in the box, their coordinates in the photograph taken for coordinates in the crop (A5).
fn taken_for_crop(mask: &PixelMask<Original>, objects: &[ObjectBox]) -> Result<PixelMask<Crop>> {
    let mut inside = vec![false; (Crop::SIDE * Crop::SIDE) as usize];
    for (row, col) in objects.iter().flat_map(|object| mistaken(object, mask)) {
        if row < Crop::SIDE && col < Crop::SIDE {
            inside[(row * Crop::SIDE + col) as usize] = true;
        }
    }
    PixelMask::from_values(Crop::SIDE, Crop::SIDE, inside)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::table::{integers, texts};

    /// One photograph, its box by both protocols.
    fn boxes() -> Boxes {
        let object = ObjectBox {
            file: "n90000001_1.JPEG".into(),
            name: "n90000001_1".into(),
            path: PathBuf::from("n90000001_1.JPEG"),
            size: (240, 300),
            object: 0,
            corners: [80, 60, 200, 180],
            seen: Some(PixelBox::at(20, 30).of_size(100, 80)),
            published: [50, 10, 90, 224],
        };
        Boxes::of_objects(vec![object]).unwrap()
    }

    fn photographs(folder: &std::path::Path) -> Vec<ImageFile> {
        let picture = RgbImage::from_fn(300, 240, |x, y| {
            let inside = (80..200).contains(&x) && (60..180).contains(&y);
            let value = if inside { 220 } else { 30 };
            Rgb([value, value, (y / 2) as u8])
        });
        let whole = pixels::encode_jpeg(&picture, 90.0).unwrap();
        let files: [(&str, &[u8]); 4] = [
            ("n90000001_1", &whole),
            ("n90000001_2", &whole[..whole.len() / 2]),
            ("n90000001_3", b""),
            ("n90000001_4", b"<!DOCTYPE html>"),
        ];
        let write = |(stem, bytes): (&str, &[u8])| {
            let path = folder.join(format!("{stem}.JPEG"));
            std::fs::write(&path, bytes).unwrap();
            ImageFile::at(path, format!("{stem}.JPEG"))
        };
        files.map(write).to_vec()
    }

    fn run(store: &Store, images: &[ImageFile], parameters: &Parameters) -> Result<EdgeTables> {
        detect_all(store, images, &boxes(), parameters)
    }

    #[test]
    fn broken_photographs_are_skipped_and_listed_in_both_orders() {
        let folder = tempfile::tempdir().unwrap();
        let images = photographs(folder.path());
        for parameters in [Parameters::default(), Parameters::published()] {
            let root = tempfile::tempdir().unwrap();
            let store = Store::at(root.path()).unwrap().quiet().accepting(0.9).unwrap();
            let tables = run(&store, &images, &parameters).unwrap();
            assert_eq!((tables.all.height(), tables.rejects.height(), tables.in_box.height()), (1, 3, 1));
            let edges = integers(&tables.all, "edges").unwrap()[0];
            assert!(edges > 200, "{edges}");
            let whole = parameters.order == Order::WholePhotograph;
            assert_eq!(texts(&tables.all, "frame").unwrap(), [if whole { "original" } else { "crop" }]);
            assert_eq!(integers(&tables.all, "height").unwrap(), [if whole { 240 } else { 224 }]);
            // What later steps take for the edges in the crop: those in the box alone, where it was published so.
            let mask = mask_of(&store, "n90000001_1.JPEG").unwrap();
            let inside = integers(&tables.in_box, "edges").unwrap()[0];
            assert_eq!(mask.size(), (224, 224));
            assert_eq!(mask.count() as i64, if whole { inside } else { edges });
            let points = crate::table::column(&store.table("edges_coordinates").unwrap(), "row").unwrap().clone();
            assert_eq!(points.list().unwrap().get_as_series(0).unwrap().len() as i64, edges);
            assert!(run(&store, &images[1..], &parameters).unwrap_err().to_string().contains("nothing was ok"));
        }
    }

    #[test]
    fn bad_input_38_a_photograph_that_changed_since_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let images = photographs(folder.path());
        let store = Store::at(folder.path().join("root")).unwrap().quiet().accepting(0.9).unwrap();
        run(&store, &images, &Parameters::default()).unwrap();
        let kept = keep_found(&store, images.clone()).unwrap();
        assert_eq!((kept.len(), kept[0].stem.as_str()), (1, "n90000001_1"));
        std::fs::write(&images[0].path, b"another").unwrap();
        let error = keep_found(&store, images.clone()).unwrap_err();
        assert!(error.to_string().contains("run step 3 again") && error.file() == Some(&images[0].path), "{error}");
    }

    #[test]
    fn a_finished_step_is_read_back_and_another_parameter_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let images = photographs(folder.path());
        let store = Store::at(folder.path().join("root")).unwrap().quiet().accepting(0.9).unwrap();
        let first = run(&store, &images, &Parameters::default()).unwrap();
        let written = |store: &Store| std::fs::metadata(store.path("edges_data.csv")).unwrap().modified().unwrap();
        let then = written(&store);
        let second = run(&store, &images, &Parameters::default()).unwrap();
        assert!(first.all.equals_missing(&second.all) && first.rejects.equals_missing(&second.rejects));
        assert_eq!(then, written(&store));
        // A mask that is another one is made again.
        let mark = PixelMask::<Crop>::from_box(224, 224, &PixelBox::at(0, 0).of_size(1, 3));
        masks::write(&store, &mask_name("n90000001_1.JPEG"), &mark).unwrap();
        let third = run(&store, &images, &Parameters::default()).unwrap();
        assert!(first.all.equals_missing(&third.all));
        assert!(mask_of(&store, "n90000001_1.JPEG").unwrap().count() > 200);
        let other = Parameters { contour_sigma: 2.0, ..Parameters::default() };
        assert_ne!(run(&store, &images, &other).unwrap().all, first.all);
    }
}
