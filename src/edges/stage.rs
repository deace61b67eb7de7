//! Step 3 over a folder of photographs: masks as PNG, counts as tables.

use std::collections::HashMap;
use std::path::PathBuf;

use polars::prelude::*;
use rayon::prelude::*;

use super::detect::{Parameters, detect};
use crate::error::{Code, Error, Result};
use crate::notebook::Progress;
use crate::pixels::{self, Crop, Geometry, Original, PixelBox, PixelMask};
use crate::store::{ImageFile, Reject, Store, integers, texts};

/// The two tables of step 3 and what was skipped.
#[derive(Debug, Clone)]
pub struct EdgeTables {
    /// One row a photograph: `file, wnid, edges, density` (share of the crop's pixels), `mask` (file under the root).
    pub all: DataFrame,
    /// One row a photograph with a box that is visible in the crop: `file, wnid, row, col, height, width` of the box
    /// in the crop, `edges` inside it, `density` (share of the box).
    pub in_box: DataFrame,
    /// Photographs that could not be read.
    pub rejects: DataFrame,
}

struct Found {
    edges: u64,
    pixels: u64,
    in_box: Option<(PixelBox<Crop>, u64)>,
}

/// Edges of photographs in the crop, and of the part inside their box where `boxes` (as step 2 writes them) has one.
/// Masks go to `edges/<name>.png` under the root, the tables to `edges_data` and `edges_data_flt`. A run that was
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
    let paths: Vec<PathBuf> = images.iter().map(|image| image.path.clone()).collect();
    let objects = boxes_by_stem(boxes)?;
    let record = store.record("edges", &(parameters, hash_of(&objects)), &paths)?;
    if record.finished().is_some() {
        return Ok(EdgeTables {
            all: store.table("edges_data")?,
            in_box: store.table("edges_data_flt")?,
            rejects: store.table("edges_rejects")?,
        });
    }
    let folder = record.folder("edges")?;
    let run = progress.start(images.len(), "photographs");
    let results: Vec<Result<Found>> = images
        .par_iter()
        .map(|image| {
            run.check()?;
            let one = detect_one(store, image, objects.get(&image.stem), parameters);
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
            Err(error) if error.code() == Code::Io && error.file() != Some(&image.path) => return Err(error),
            Err(error) => rejects.push(Reject::of("edges", &image.stem, &error.or_path(&image.path))),
        }
    }
    let tables =
        EdgeTables { all: all_table(&ok)?, in_box: box_table(&ok)?, rejects: crate::store::rejects_table(&rejects)? };
    let mut files: Vec<PathBuf> = ok.iter().map(|(image, _)| folder.join(format!("{}.png", image.stem))).collect();
    for (name, table) in
        [("edges_data", &tables.all), ("edges_data_flt", &tables.in_box), ("edges_rejects", &tables.rejects)]
    {
        files.extend(store.write_table(name, table)?);
    }
    record.finish(images.len() as u64, ok.len() as u64, &files)?;
    Ok(tables)
}

/// The edge mask that step 3 wrote for a photograph.
///
/// # Errors
/// [`Code::Missing`] if step 3 has not run for it, [`Code::Image`] if the file is broken.
pub fn mask_of(store: &Store, stem: &str) -> Result<PixelMask<Crop>> {
    let name = mask_name(stem);
    let bytes = store.read(&name)?;
    let picture =
        pixels::decode_bytes(&bytes, &pixels::Limits::default()).map_err(|error| error.path(store.path(&name)))?;
    let inside = picture.pixels().map(|pixel| pixel.0[0] > 127).collect();
    PixelMask::from_values(picture.height(), picture.width(), inside)
}

fn mask_name(stem: &str) -> String {
    format!("edges/{stem}.png")
}

fn detect_one(store: &Store, image: &ImageFile, object: Option<&[i64; 4]>, parameters: &Parameters) -> Result<Found> {
    let photograph = pixels::decode(&image.path)?;
    let geometry = Geometry::imagenet(photograph.height(), photograph.width())?;
    let crop = pixels::center_crop(&pixels::resize_bilinear(&photograph, geometry.resized), &geometry);
    let mask = detect(&crop, parameters).mask;
    let name = mask_name(&image.stem);
    if !store.path(&name).exists() {
        store.write_unsynced(&name, &pixels::encode_gray_png(&mask.to_gray())?)?;
    }
    let in_box = object
        .and_then(|&[xmin, ymin, xmax, ymax]| {
            let object =
                PixelBox::<Original>::at(ymin as u32, xmin as u32).of_size((ymax - ymin) as u32, (xmax - xmin) as u32);
            geometry.box_to_crop(&object)
        })
        .map(|visible| {
            let inside = PixelMask::from_box(224, 224, &visible);
            mask.shared_count(&inside).map(|edges| (visible, edges))
        })
        .transpose()?;
    let (height, width) = mask.size();
    Ok(Found { edges: mask.count(), pixels: u64::from(height) * u64::from(width), in_box })
}

/// `[xmin, ymin, xmax, ymax]` by the photograph's name, from the table of step 2: the first object of each.
fn boxes_by_stem(boxes: &DataFrame) -> Result<HashMap<String, [i64; 4]>> {
    let names = texts(boxes, "filename")?;
    let corners: Result<Vec<Vec<i64>>> =
        ["xmin", "ymin", "xmax", "ymax"].iter().map(|name| integers(boxes, name)).collect();
    let corners = corners?;
    let mut objects = HashMap::new();
    for (row, name) in names.into_iter().enumerate() {
        objects.entry(name).or_insert([corners[0][row], corners[1][row], corners[2][row], corners[3][row]]);
    }
    Ok(objects)
}

fn hash_of(objects: &HashMap<String, [i64; 4]>) -> String {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort();
    crate::store::sha256_hex(format!("{sorted:?}").as_bytes())
}

fn all_table(ok: &[(&ImageFile, Found)]) -> Result<DataFrame> {
    Ok(df!(
        "file" => ok.iter().map(|(image, _)| image.stem.clone()).collect::<Vec<_>>(),
        "wnid" => ok.iter().map(|(image, _)| image.wnid.clone()).collect::<Vec<_>>(),
        "edges" => ok.iter().map(|(_, found)| found.edges as i64).collect::<Vec<_>>(),
        "density" => ok.iter().map(|(_, found)| found.edges as f64 / found.pixels as f64).collect::<Vec<_>>(),
        "mask" => ok.iter().map(|(image, _)| mask_name(&image.stem)).collect::<Vec<_>>(),
    )?)
}

fn box_table(ok: &[(&ImageFile, Found)]) -> Result<DataFrame> {
    let rows: Vec<(&ImageFile, PixelBox<Crop>, u64)> =
        ok.iter().filter_map(|(image, found)| found.in_box.map(|(visible, edges)| (*image, visible, edges))).collect();
    Ok(df!(
        "file" => rows.iter().map(|(image, ..)| image.stem.clone()).collect::<Vec<_>>(),
        "wnid" => rows.iter().map(|(image, ..)| image.wnid.clone()).collect::<Vec<_>>(),
        "row" => rows.iter().map(|(_, visible, _)| i64::from(visible.row)).collect::<Vec<_>>(),
        "col" => rows.iter().map(|(_, visible, _)| i64::from(visible.col)).collect::<Vec<_>>(),
        "height" => rows.iter().map(|(_, visible, _)| i64::from(visible.height)).collect::<Vec<_>>(),
        "width" => rows.iter().map(|(_, visible, _)| i64::from(visible.width)).collect::<Vec<_>>(),
        "edges" => rows.iter().map(|(.., edges)| *edges as i64).collect::<Vec<_>>(),
        "density" => rows.iter().map(|(_, visible, edges)| *edges as f64 / visible.area() as f64).collect::<Vec<_>>(),
    )?)
}
