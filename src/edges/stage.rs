//! Step 3 over a folder of photographs: masks as PNG, counts and coordinates as tables.

use std::collections::HashMap;
use std::path::PathBuf;

use polars::prelude::*;
use rayon::prelude::*;

use super::coordinates::{mistaken_box, write_coordinates};
use super::detect::{Order, Parameters, contours, detect};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Store};
use crate::notebook::Progress;
use crate::pixels::{self, Crop, Frame, Original, Pixel, PixelBox, PixelMask};
use crate::table::{Reject, column, integers, texts};

/// The two tables of step 3 and what was skipped.
#[derive(Debug, Clone)]
pub struct EdgeTables {
    /// One row a photograph: `file` (its identity, [`ImageFile::id`]), `wnid, frame` (`crop` or `original`), `height, width` of it, `edges`, `density` (share
    /// of its pixels), `contours` (coarse edge pixels), `mask` (file under the root), `sha256` of the photograph.
    pub all: DataFrame,
    /// One row a box that is visible in the crop: `file, wnid, object, row, col, height, width` of the box in the crop,
    /// `edges` inside it, `density` (share of the box), `contours` inside it.
    pub in_box: DataFrame,
    /// Photographs that could not be read.
    pub rejects: DataFrame,
}

/// An annotated object of a photograph, by both protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ObjectBox {
    object: i64,
    /// `[row, col, height, width]` in the crop; `None` if nothing is visible there.
    seen: Option<[u32; 4]>,
    /// `[xmin, ymin, xmax, ymax]` as the published study had it.
    published: [i64; 4],
}

struct Found {
    sha256: String,
    frame: &'static str,
    size: (u32, u32),
    edges: u64,
    contours: u64,
    in_box: Vec<InBox>,
}

struct InBox {
    object: i64,
    /// First row and column, rows and columns.
    place: [i64; 4],
    edges: u64,
    contours: u64,
}

/// Edges of photographs, and of the part inside their boxes where `boxes` (as step 2 writes them) has some. Masks go to
/// `edges/<file>.png` (in the crop), `edges/<file>.contours.png` and, where the whole photograph was looked at,
/// `edges/<file>.original.png` and `edges/<file>.contours.original.png`; tables to `edges_data` and `edges_data_flt`,
/// coordinates to `edges_coordinates` and `edges_coordinates_flt` (Parquet: `file`, lists of `row` and `col`). A run that was
/// stopped goes on; a finished one is read back.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Io`] if the root cannot be written; [`Code::Image`] if no photograph could be read.
pub fn detect_all(
    store: &Store,
    images: &[ImageFile],
    boxes: &DataFrame,
    parameters: &Parameters,
    progress: Progress,
) -> Result<EdgeTables> {
    let objects = boxes_by_id(boxes)?;
    let record = store.record_of_images("edges", &(parameters, hash_of(&objects)), images)?;
    if record.finished().is_some() {
        return Ok(EdgeTables {
            all: store.table("edges_data")?,
            in_box: store.table("edges_data_flt")?,
            rejects: store.table("edges_rejects")?,
        });
    }
    record.folder("edges")?;
    let run = progress.start(images.len(), "photographs");
    let results: Vec<Result<Found>> = images
        .par_iter()
        .map(|image| {
            run.check()?;
            let objects = objects.get(&image.id).map_or(&[][..], Vec::as_slice);
            let one = detect_one(store, image, objects, parameters);
            match &one {
                Ok(_) => run.tick(),
                Err(_) => run.skip(),
            }
            one
        })
        .collect();
    if results.iter().any(|result| result.as_ref().is_err_and(|error| error.code() == Code::Stopped)) {
        return Err(run.check().err().unwrap_or_else(|| Error::new(Code::Stopped, "edges: stopped")));
    }
    run.finish();
    let (mut ok, mut rejects) = (Vec::new(), Vec::new());
    for (image, result) in images.iter().zip(results) {
        match result {
            Ok(found) => ok.push((image, found)),
            Err(error) if error.is_of_picture(&image.path) => {
                rejects.push(Reject::of("edges", &image.id, &error.or_path(&image.path)));
            }
            Err(error) => return Err(error),
        }
    }
    let rejects = crate::table::rejects_table(&rejects)?;
    let listed = store.write_table("edges_rejects", &rejects)?;
    store.accept("edges", images.len() as u64, ok.len() as u64)?;
    let tables = EdgeTables { all: all_table(&ok)?, in_box: box_table(&ok)?, rejects };
    let ids: Vec<&str> = ok.iter().map(|(image, _)| image.id.as_str()).collect();
    let in_box = |id: &str| objects.get(id).map_or(&[][..], Vec::as_slice);
    let whole = parameters.order == Order::WholePhotograph;
    let mut files: Vec<PathBuf> = ids.iter().map(|id| store.path(&mask_name(id))).collect();
    files.push(write_coordinates(store, "edges_coordinates", &ids, |id| {
        if whole {
            Ok(points(&saved::<Original>(store, &original_name(id))?))
        } else {
            Ok(points(&mask_of(store, id)?))
        }
    })?);
    files.push(write_coordinates(store, "edges_coordinates_flt", &ids, |id| {
        if whole {
            let mask = saved::<Original>(store, &original_name(id))?;
            return Ok(in_box(id).iter().flat_map(|object| mistaken_box(&mask, object.published)).collect());
        }
        let mask = mask_of(store, id)?;
        let seen: Vec<PixelBox<Crop>> = in_box(id).iter().filter_map(|object| object.seen.map(in_crop)).collect();
        let inside = |pixel: &Pixel<Crop>| seen.iter().any(|object| object.contains(*pixel));
        Ok(mask.pixels().into_iter().filter(inside).map(|pixel| (pixel.row, pixel.col)).collect())
    })?);
    files.extend(listed);
    for (name, table) in [("edges_data", &tables.all), ("edges_data_flt", &tables.in_box)] {
        files.extend(store.write_table(name, table)?);
    }
    record.finish(images.len() as u64, ok.len() as u64, &files)?;
    Ok(tables)
}

/// Those of some photographs that step 3 has edges of; what it skipped is left out.
///
/// # Errors
/// [`Code::Missing`] if step 3 has not run; [`Code::Image`] if a photograph is another one than it was then.
pub fn keep_found(store: &Store, images: Vec<ImageFile>) -> Result<Vec<ImageFile>> {
    let table = store.table("edges_data")?;
    let hashes: HashMap<String, String> = texts(&table, "file")?.into_iter().zip(texts(&table, "sha256")?).collect();
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
    Ok(crate::files::sha256_hex(&pixels::read(&image.path)?))
}

/// The edge mask that step 3 wrote for a photograph, in the crop. Where the whole photograph was looked at, as published,
/// it is what the published study took for it: the edges whose (row, column) lie in the box as if they were (x, y) of the
/// crop (faults A4 and A5).
///
/// # Errors
/// [`Code::Missing`] if step 3 has not run for it, [`Code::Image`] if the file is broken.
pub fn mask_of(store: &Store, id: &str) -> Result<PixelMask<Crop>> {
    saved(store, &mask_name(id))
}

/// The coarse edges that step 3 wrote for a photograph, in the crop: those of objects rather than of their textures (fault
/// A10).
///
/// # Errors
/// As [`mask_of`].
pub fn outlines_of(store: &Store, id: &str) -> Result<PixelMask<Crop>> {
    saved(store, &outlines_name(id))
}

/// Where the annotated objects of each photograph are in its crop, all of one photograph together: from the boxes of step 3.
/// None where the whole photograph was looked at, as published: there [`mask_of`] is kept to the box already.
///
/// # Errors
/// [`Code::Missing`] if step 3 has not run; [`Code::Table`] if its table is broken.
pub fn objects(store: &Store) -> Result<HashMap<String, PixelMask<Crop>>> {
    if texts(&store.table("edges_data")?, "frame")?.iter().any(|frame| frame != Crop::NAME) {
        return Ok(HashMap::new());
    }
    let table = store.table("edges_data_flt")?;
    let sides = ["row", "col", "height", "width"].map(|name| integers(&table, name));
    let [rows, cols, heights, widths] = sides;
    let (rows, cols, heights, widths) = (rows?, cols?, heights?, widths?);
    let side = Crop::SIDE;
    let mut objects: HashMap<String, PixelMask<Crop>> = HashMap::new();
    for (at, file) in texts(&table, "file")?.into_iter().enumerate() {
        let end = |from: i64, length: i64| (from + length).clamp(0, i64::from(side)) as u32;
        let (top, left) = (rows[at].clamp(0, i64::from(side)) as u32, cols[at].clamp(0, i64::from(side)) as u32);
        let (bottom, right) = (end(rows[at], heights[at]), end(cols[at], widths[at]));
        if top >= bottom || left >= right {
            continue;
        }
        let seen = PixelMask::from_box(side, side, &PixelBox::at(top, left).of_size(bottom - top, right - left));
        match objects.get_mut(&file) {
            Some(all) => *all = all.or(&seen)?,
            None => drop(objects.insert(file, seen)),
        }
    }
    Ok(objects)
}

fn saved<F: Frame>(store: &Store, name: &str) -> Result<PixelMask<F>> {
    let bytes = store.read(name)?;
    let picture =
        pixels::decode_bytes(&bytes, &pixels::Limits::default()).map_err(|error| error.path(store.path(name)))?;
    let inside = picture.pixels().map(|pixel| pixel.0[0] > 127).collect();
    PixelMask::from_values(picture.height(), picture.width(), inside)
}

fn mask_name(id: &str) -> String {
    format!("edges/{id}.png")
}

fn outlines_name(id: &str) -> String {
    format!("edges/{id}.contours.png")
}

fn original_name(id: &str) -> String {
    format!("edges/{id}.original.png")
}

fn points<F: Frame>(mask: &PixelMask<F>) -> Vec<(u32, u32)> {
    mask.pixels().into_iter().map(|pixel| (pixel.row, pixel.col)).collect()
}

fn in_crop([row, col, height, width]: [u32; 4]) -> PixelBox<Crop> {
    PixelBox::at(row, col).of_size(height, width)
}

/// What `make` gives, or what an earlier run saved of it.
fn once<F: Frame>(store: &Store, name: &str, make: impl FnOnce() -> Result<PixelMask<F>>) -> Result<PixelMask<F>> {
    if store.path(name).exists() {
        return saved(store, name);
    }
    let mask = make()?;
    store.write_unsynced(name, &pixels::encode_gray_png(&mask.to_gray())?)?;
    Ok(mask)
}

fn detect_one(store: &Store, image: &ImageFile, objects: &[ObjectBox], parameters: &Parameters) -> Result<Found> {
    let photograph = pixels::decode(&image.path)?;
    let sha256 = hash_of_file(image)?;
    let coarse_name = outlines_name(&image.id);
    match parameters.order {
        Order::CropFirst => {
            let crop = pixels::imagenet_crop(&photograph)?;
            let coarse: PixelMask<Crop> = once(store, &coarse_name, || contours(&crop, parameters))?;
            let mask = once(store, &mask_name(&image.id), || Ok(detect(&crop, parameters)?.mask))?;
            let in_box: Result<Vec<InBox>> = objects
                .iter()
                .filter_map(|object| object.seen.map(|seen| (object.object, in_crop(seen))))
                .map(|(object, seen)| {
                    let inside = PixelMask::from_box(crop.height(), crop.width(), &seen);
                    let place = [seen.row, seen.col, seen.height, seen.width].map(i64::from);
                    let (edges, contours) = (mask.shared_count(&inside)?, coarse.shared_count(&inside)?);
                    Ok(InBox { object, place, edges, contours })
                })
                .collect();
            Ok(Found {
                sha256,
                frame: Crop::NAME,
                size: mask.size(),
                edges: mask.count(),
                contours: coarse.count(),
                in_box: in_box?,
            })
        }
        Order::WholePhotograph => {
            let whole_name = format!("edges/{}.contours.original.png", image.id);
            let coarse: PixelMask<Original> = once(store, &whole_name, || contours(&photograph, parameters))?;
            // The study had no outlines: those that relevance is set against are where they should be.
            let _: PixelMask<Crop> =
                once(store, &coarse_name, || contours(&pixels::imagenet_crop(&photograph)?, parameters))?;
            let mask: PixelMask<Original> =
                once(store, &original_name(&image.id), || Ok(detect(&photograph, parameters)?.mask))?;
            let in_box = objects.iter().map(|object| {
                let [xmin, ymin, xmax, ymax] = object.published;
                InBox {
                    object: object.object,
                    place: [ymin, xmin, ymax - ymin, xmax - xmin],
                    edges: mistaken_box(&mask, object.published).len() as u64,
                    contours: mistaken_box(&coarse, object.published).len() as u64,
                }
            });
            once(store, &mask_name(&image.id), || taken_for_crop(&mask, objects))?;
            Ok(Found {
                sha256,
                frame: Original::NAME,
                size: mask.size(),
                edges: mask.count(),
                contours: coarse.count(),
                in_box: in_box.collect(),
            })
        }
    }
}

/// The published study's edges in the box, their coordinates in the photograph taken for coordinates in the crop (A5).
fn taken_for_crop(mask: &PixelMask<Original>, objects: &[ObjectBox]) -> Result<PixelMask<Crop>> {
    let mut inside = vec![false; (Crop::SIDE * Crop::SIDE) as usize];
    for (row, col) in objects.iter().flat_map(|object| mistaken_box(mask, object.published)) {
        if row < Crop::SIDE && col < Crop::SIDE {
            inside[(row * Crop::SIDE + col) as usize] = true;
        }
    }
    PixelMask::from_values(Crop::SIDE, Crop::SIDE, inside)
}

/// The objects by the photograph's identity, from the table of step 2.
fn boxes_by_id(boxes: &DataFrame) -> Result<HashMap<String, Vec<ObjectBox>>> {
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

fn hash_of(objects: &HashMap<String, Vec<ObjectBox>>) -> String {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort();
    crate::files::sha256_hex(format!("{sorted:?}").as_bytes())
}

fn all_table(ok: &[(&ImageFile, Found)]) -> Result<DataFrame> {
    let share = |found: &Found| found.edges as f64 / (f64::from(found.size.0) * f64::from(found.size.1)).max(1.0);
    Ok(df!(
        "file" => ok.iter().map(|(image, _)| image.id.clone()).collect::<Vec<_>>(),
        "wnid" => ok.iter().map(|(image, _)| image.wnid.clone()).collect::<Vec<_>>(),
        "frame" => ok.iter().map(|(_, found)| found.frame).collect::<Vec<_>>(),
        "height" => ok.iter().map(|(_, found)| i64::from(found.size.0)).collect::<Vec<_>>(),
        "width" => ok.iter().map(|(_, found)| i64::from(found.size.1)).collect::<Vec<_>>(),
        "edges" => ok.iter().map(|(_, found)| found.edges as i64).collect::<Vec<_>>(),
        "density" => ok.iter().map(|(_, found)| share(found)).collect::<Vec<_>>(),
        "contours" => ok.iter().map(|(_, found)| found.contours as i64).collect::<Vec<_>>(),
        "mask" => ok.iter().map(|(image, _)| mask_name(&image.id)).collect::<Vec<_>>(),
        "sha256" => ok.iter().map(|(_, found)| found.sha256.clone()).collect::<Vec<_>>(),
    )?)
}

fn box_table(ok: &[(&ImageFile, Found)]) -> Result<DataFrame> {
    let rows: Vec<(&ImageFile, &InBox)> =
        ok.iter().flat_map(|(image, found)| found.in_box.iter().map(move |inside| (*image, inside))).collect();
    // An inverted box of the published study has no area; its density is undefined, not infinite.
    let density = |inside: &InBox| {
        let [_, _, height, width] = inside.place;
        if height > 0 && width > 0 { inside.edges as f64 / (height * width) as f64 } else { f64::NAN }
    };
    let place = |index: usize| rows.iter().map(|(_, inside)| inside.place[index]).collect::<Vec<i64>>();
    Ok(df!(
        "file" => rows.iter().map(|(image, _)| image.id.clone()).collect::<Vec<_>>(),
        "wnid" => rows.iter().map(|(image, _)| image.wnid.clone()).collect::<Vec<_>>(),
        "object" => rows.iter().map(|(_, inside)| inside.object).collect::<Vec<_>>(),
        "row" => place(0),
        "col" => place(1),
        "height" => place(2),
        "width" => place(3),
        "edges" => rows.iter().map(|(_, inside)| inside.edges as i64).collect::<Vec<_>>(),
        "density" => rows.iter().map(|(_, inside)| density(inside)).collect::<Vec<_>>(),
        "contours" => rows.iter().map(|(_, inside)| inside.contours as i64).collect::<Vec<_>>(),
    )?)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::files::Store;

    /// A table of boxes as step 2 writes it: one photograph, its box by both protocols.
    fn boxes() -> DataFrame {
        df!(
            "file" => ["n90000001_1.JPEG"], "object" => [0i32],
            "crop_row" => [Some(20i32)], "crop_col" => [Some(30i32)],
            "crop_height" => [Some(100i32)], "crop_width" => [Some(80i32)],
            "xmin_n" => [50i32], "ymin_n" => [10i32], "xmax_n" => [90i32], "ymax_n" => [224i32],
        )
        .unwrap()
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
        detect_all(store, images, &boxes(), parameters, Progress::silent())
    }

    #[test]
    fn broken_photographs_are_skipped_and_listed_in_both_orders() {
        let folder = tempfile::tempdir().unwrap();
        let images = photographs(folder.path());
        for parameters in [Parameters::default(), Parameters::published()] {
            let root = tempfile::tempdir().unwrap();
            let store = Store::at(root.path()).unwrap().accepting(0.9).unwrap();
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
        let store = Store::at(folder.path().join("root")).unwrap().accepting(0.9).unwrap();
        run(&store, &images, &Parameters::default()).unwrap();
        let kept = keep_found(&store, images.clone()).unwrap();
        assert_eq!((kept.len(), kept[0].stem.as_str()), (1, "n90000001_1"));
        std::fs::write(&images[0].path, b"another").unwrap();
        let error = keep_found(&store, images.clone()).unwrap_err();
        assert!(error.to_string().contains("run step 3 again") && error.file() == Some(&images[0].path), "{error}");
    }

    #[test]
    fn masks_of_a_run_that_was_stopped_are_not_looked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let images = photographs(folder.path());
        let store = Store::at(folder.path().join("root")).unwrap().accepting(0.9).unwrap();
        let first = run(&store, &images, &Parameters::default()).unwrap();
        // As if the run had been stopped after the masks: the manifest is gone, and one mask says where it came from.
        std::fs::remove_file(store.path("manifests/edges.json")).unwrap();
        let mark = PixelMask::<Crop>::from_box(224, 224, &PixelBox::at(0, 0).of_size(1, 3));
        let bytes = pixels::encode_gray_png(&mark.to_gray()).unwrap();
        store.write(&mask_name("n90000001_1.JPEG"), &bytes).unwrap();
        let second = run(&store, &images, &Parameters::default()).unwrap();
        assert_eq!(integers(&second.all, "edges").unwrap(), [3]);
        assert!(first.rejects.equals_missing(&second.rejects));
        let other = Parameters { contour_sigma: 2.0, ..Parameters::default() };
        assert!(integers(&run(&store, &images, &other).unwrap().all, "edges").unwrap()[0] > 200, "another key, anew");
    }
}
