//! Step 4: every variant of every sampled photograph as a file, and the manifest that says what each one is.

use std::path::PathBuf;

use image::{Rgb, RgbImage};
use polars::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::patch::{patch_boxes, patched};
use super::scramble::{Scrambling, derangements, scrambled};
use super::smooth::{L0, Sign, difference, smooth};
use crate::error::{Code, Error, Result};
use crate::notebook::{Progress, Stage};
use crate::pixels::{self, Crop, PixelBox};
use crate::store::{ImageFile, Reject, Store, rejects_table, sha256_hex};

/// What was done to a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Blocks in another order.
    Scrambled,
    /// Patches filled.
    Patched,
    /// Smoothed so many times.
    Smoothed,
    /// What smoothing took away.
    Difference,
    /// The same with the sign turned.
    DifferenceInverse,
}

/// All kinds, with their names in the manifest and their folders under the root.
pub const KINDS: [(Kind, &str, &str); 5] = [
    (Kind::Scrambled, "scrambled", "imagenette2_scr"),
    (Kind::Patched, "patched", "imagenette2_ptd"),
    (Kind::Smoothed, "smoothed", "imagenette2_smt"),
    (Kind::Difference, "difference", "imagenette2_smtdiff"),
    (Kind::DifferenceInverse, "difference inverse", "imagenette2_smtdiffinv"),
];

impl Kind {
    /// The name in the manifest.
    pub fn name(self) -> &'static str {
        KINDS[self as usize].1
    }

    fn folder(self) -> &'static str {
        KINDS[self as usize].2
    }
}

/// Everything that decides which variants are made, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Seed of the sample and of the scrambling.
    pub seed: u64,
    /// Sides of the blocks, in pixels of the crop.
    pub blocks: Vec<u32>,
    /// Orders of the blocks for each side.
    pub scrambled_variants: usize,
    /// Which orders count.
    pub scrambling: Scrambling,
    /// Sides of the patches, in pixels of the crop.
    pub patches: Vec<u32>,
    /// Colour of the patches.
    pub fill: [u8; 3],
    /// Passes of smoothing.
    pub passes: u32,
    /// Each pass.
    pub l0: L0,
    /// The pass whose difference from the original is kept.
    pub difference_pass: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            seed: 2020,
            blocks: vec![28, 32, 56, 112],
            scrambled_variants: 3,
            scrambling: Scrambling::Derangements,
            patches: vec![10, 20, 30, 40, 50, 60, 70],
            fill: [0, 0, 0],
            passes: 5,
            l0: L0::default(),
            difference_pass: 5,
        }
    }
}

/// The manifest and what was skipped.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// One row a file: `file` (under the root), `original` (name of the photograph), `wnid`, `kind`, `level` (side of the
    /// blocks or patches in pixels, number of passes; 0 for the untouched picture), `variant` (number of the order or of
    /// the patch; -1 for all patches at once and where there is but one), `order` (of the blocks), `row`, `col` (of a
    /// single patch, else -1), `seed`, `sha256`.
    pub table: DataFrame,
    /// Photographs that could not be read.
    pub rejects: DataFrame,
}

/// One file to be.
struct Variant {
    kind: Kind,
    level: u32,
    variant: i64,
    order: String,
    place: Option<PixelBox<Crop>>,
    name: String,
    picture: RgbImage,
}

/// One row of the manifest.
struct Row {
    original: usize,
    kind: Kind,
    level: u32,
    variant: i64,
    order: String,
    place: (i64, i64),
    file: String,
    sha256: String,
}

/// Makes all variants of some photographs as PNG and writes the manifest (`datasets.{parquet,csv}`). A run that was
/// stopped goes on; a finished one is read back.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Parameter`] for sizes that do not fit the crop; [`Code::Io`] if the root cannot be
/// written; [`Code::Image`] if no photograph could be read.
pub fn build(store: &Store, images: &[ImageFile], parameters: &Parameters, progress: Progress) -> Result<Manifest> {
    let paths: Vec<PathBuf> = images.iter().map(|image| image.path.clone()).collect();
    let record = store.record("datasets", parameters, &paths)?;
    if record.finished().is_some() {
        return Ok(Manifest { table: store.table("datasets")?, rejects: store.table("datasets_rejects")? });
    }
    for (.., folder) in KINDS {
        record.folder(folder)?;
    }
    let run = progress.start(images.len(), "photographs");
    let results: Vec<Result<Vec<Row>>> = images
        .par_iter()
        .enumerate()
        .map(|(original, image)| {
            run.check()?;
            let rows = build_one(store, original, image, parameters, &run);
            match &rows {
                Ok(_) => run.tick(),
                Err(_) => run.skip(),
            }
            rows
        })
        .collect();
    run.check()?;
    run.finish();
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    for (image, result) in images.iter().zip(results) {
        match result {
            Ok(new) => rows.extend(new),
            Err(error) if matches!(error.code(), Code::Image | Code::Decoder | Code::Limit) => {
                rejects.push(Reject::of("datasets", &image.stem, &error.or_path(&image.path)));
            }
            Err(error) => return Err(error),
        }
    }
    rows.sort_by_key(|row| (row.kind, row.original));
    let manifest = Manifest { table: table(&rows, images, parameters)?, rejects: rejects_table(&rejects)? };
    let mut files: Vec<PathBuf> = rows.iter().map(|row| store.path(&row.file)).collect();
    files.extend(store.write_table("datasets", &manifest.table)?);
    files.extend(store.write_table("datasets_rejects", &manifest.rejects)?);
    record.finish(images.len() as u64, (images.len() - rejects.len()) as u64, &files)?;
    Ok(manifest)
}

fn build_one(
    store: &Store,
    original: usize,
    image: &ImageFile,
    parameters: &Parameters,
    run: &Stage,
) -> Result<Vec<Row>> {
    let crop = pixels::imagenet_crop(&pixels::decode(&image.path)?)?;
    let mut rows = Vec::new();
    for make in [scrambled_variants, patched_variants, smoothed_variants] {
        run.check()?;
        for variant in make(image, &crop, parameters)? {
            let file = format!("{}/{}/{}_{}.png", variant.kind.folder(), image.wnid, image.stem, variant.name);
            let bytes = pixels::encode_png(&variant.picture)?;
            store.write_unsynced(&file, &bytes)?;
            rows.push(Row {
                original,
                kind: variant.kind,
                level: variant.level,
                variant: variant.variant,
                order: variant.order,
                place: variant.place.map_or((-1, -1), |place| (i64::from(place.row), i64::from(place.col))),
                sha256: sha256_hex(&bytes),
                file,
            });
        }
    }
    Ok(rows)
}

fn untouched(kind: Kind, picture: &RgbImage) -> Variant {
    let (order, name) = (String::new(), "original".to_string());
    Variant { kind, level: 0, variant: -1, order, place: None, name, picture: picture.clone() }
}

fn scrambled_variants(image: &ImageFile, crop: &RgbImage, parameters: &Parameters) -> Result<Vec<Variant>> {
    let mut all = vec![untouched(Kind::Scrambled, crop)];
    for &block in &parameters.blocks {
        let mut rng = ChaCha8Rng::seed_from_u64(parameters.seed);
        let stream = sha256_hex(format!("{}/{block}", image.stem).as_bytes());
        rng.set_stream(u64::from_str_radix(&stream[..15], 16).unwrap_or(0));
        let count =
            (crop.width().checked_div(block).unwrap_or(0) * crop.height().checked_div(block).unwrap_or(0)) as usize;
        let orders = derangements(count, parameters.scrambled_variants, parameters.scrambling, &mut rng)?;
        for (variant, order) in orders.into_iter().enumerate() {
            all.push(Variant {
                kind: Kind::Scrambled,
                level: block,
                variant: variant as i64,
                picture: scrambled(crop, block, &order)?,
                order: order.iter().map(usize::to_string).collect::<Vec<_>>().join(" "),
                place: None,
                name: format!("block{block}_order{variant}"),
            });
        }
    }
    Ok(all)
}

fn patched_variants(_: &ImageFile, crop: &RgbImage, parameters: &Parameters) -> Result<Vec<Variant>> {
    let mut all = vec![untouched(Kind::Patched, crop)];
    let one =
        |level: u32, variant: i64, place: Option<PixelBox<Crop>>, boxes: &[PixelBox<Crop>], name: String| Variant {
            kind: Kind::Patched,
            level,
            variant,
            order: String::new(),
            place,
            name,
            picture: patched(crop, boxes, Rgb(parameters.fill)),
        };
    for &size in &parameters.patches {
        let boxes = patch_boxes(crop.width(), size);
        if boxes.is_empty() {
            return Err(Error::new(Code::Parameter, format!("a patch of {size} does not fit {}", crop.width())));
        }
        for (index, patch) in boxes.iter().enumerate() {
            let name = format!("patch{size}_{index}");
            all.push(one(size, index as i64, Some(*patch), std::slice::from_ref(patch), name));
        }
        all.push(one(size, -1, None, &boxes, format!("patch{size}_all")));
    }
    Ok(all)
}

fn smoothed_variants(_: &ImageFile, crop: &RgbImage, parameters: &Parameters) -> Result<Vec<Variant>> {
    let mut all = vec![untouched(Kind::Smoothed, crop)];
    let mut picture = crop.clone();
    for pass in 1..=parameters.passes {
        picture = smooth(&picture, &parameters.l0);
        let order = String::new();
        let name = format!("pass{pass}");
        all.push(Variant {
            kind: Kind::Smoothed,
            level: pass,
            variant: -1,
            order,
            place: None,
            name,
            picture: picture.clone(),
        });
        if pass == parameters.difference_pass {
            for (kind, sign) in [(Kind::Difference, Sign::Plain), (Kind::DifferenceInverse, Sign::Inverse)] {
                all.push(Variant {
                    kind,
                    level: pass,
                    variant: -1,
                    order: String::new(),
                    place: None,
                    name: format!("pass{pass}"),
                    picture: difference(crop, &picture, sign),
                });
            }
        }
    }
    Ok(all)
}

fn table(rows: &[Row], images: &[ImageFile], parameters: &Parameters) -> Result<DataFrame> {
    Ok(df!(
        "file" => rows.iter().map(|row| row.file.clone()).collect::<Vec<_>>(),
        "original" => rows.iter().map(|row| images[row.original].stem.clone()).collect::<Vec<_>>(),
        "wnid" => rows.iter().map(|row| images[row.original].wnid.clone()).collect::<Vec<_>>(),
        "kind" => rows.iter().map(|row| row.kind.name()).collect::<Vec<_>>(),
        "level" => rows.iter().map(|row| i64::from(row.level)).collect::<Vec<_>>(),
        "variant" => rows.iter().map(|row| row.variant).collect::<Vec<_>>(),
        "order" => rows.iter().map(|row| row.order.clone()).collect::<Vec<_>>(),
        "row" => rows.iter().map(|row| row.place.0).collect::<Vec<_>>(),
        "col" => rows.iter().map(|row| row.place.1).collect::<Vec<_>>(),
        "seed" => vec![parameters.seed as i64; rows.len()],
        "sha256" => rows.iter().map(|row| row.sha256.clone()).collect::<Vec<_>>(),
    )?)
}

impl Manifest {
    /// Files of each kind and level, as a table: `kind, level, files`.
    ///
    /// # Errors
    /// [`Code::Table`] if the manifest lacks a column.
    pub fn counts(&self) -> Result<DataFrame> {
        let kinds = crate::store::texts(&self.table, "kind")?;
        let levels = crate::store::integers(&self.table, "level")?;
        let mut counts: Vec<((String, i64), i64)> = Vec::new();
        for key in kinds.into_iter().zip(levels) {
            match counts.iter_mut().find(|(other, _)| *other == key) {
                Some((_, count)) => *count += 1,
                None => counts.push((key, 1)),
            }
        }
        Ok(df!(
            "kind" => counts.iter().map(|((kind, _), _)| kind.clone()).collect::<Vec<_>>(),
            "level" => counts.iter().map(|((_, level), _)| *level).collect::<Vec<_>>(),
            "files" => counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::texts;

    fn photographs(folder: &std::path::Path) -> Vec<ImageFile> {
        (0..2)
            .map(|index| {
                let picture = RgbImage::from_fn(240, 230, |x, y| Rgb([(x / 3) as u8, (y ^ index) as u8, 40]));
                let path = folder.join(format!("p{index}.png"));
                std::fs::write(&path, pixels::encode_png(&picture).unwrap()).unwrap();
                ImageFile { wnid: "n90000001".into(), stem: format!("p{index}"), split: "val".into(), path }
            })
            .collect()
    }

    fn quick() -> Parameters {
        Parameters { patches: vec![50, 70], passes: 1, difference_pass: 1, ..Parameters::default() }
    }

    #[test]
    fn counts_per_photograph_are_as_published() {
        let image = ImageFile { wnid: "w".into(), stem: "s".into(), split: String::new(), path: "s.png".into() };
        let (crop, parameters) = (RgbImage::new(224, 224), Parameters::default());
        assert_eq!(30 * scrambled_variants(&image, &crop, &parameters).unwrap().len(), 390);
        assert_eq!(30 * patched_variants(&image, &crop, &parameters).unwrap().len(), 6060);
        let smoothed = smoothed_variants(&image, &crop, &parameters).unwrap();
        let of = |kind: Kind| 30 * smoothed.iter().filter(|variant| variant.kind == kind).count();
        assert_eq!((of(Kind::Smoothed), of(Kind::Difference), of(Kind::DifferenceInverse)), (180, 30, 30));
    }

    #[test]
    fn a_second_run_gives_the_same_manifest_and_a_broken_picture_is_a_reject() {
        let folder = tempfile::tempdir().unwrap();
        let mut images = photographs(folder.path());
        std::fs::write(&images[1].path, "no picture").unwrap();
        let store = Store::at(folder.path().join("root")).unwrap();
        let first = build(&store, &images, &quick(), Progress::silent()).unwrap();
        assert_eq!(first.rejects.height(), 1);
        assert!(texts(&first.table, "original").unwrap().iter().all(|name| name == "p0"));
        let again = build(&store, &images, &quick(), Progress::silent()).unwrap();
        assert!(first.table.equals(&again.table));

        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let other = Store::at(folder.path().join("other")).unwrap();
        images.truncate(1);
        let alone = one_thread.install(|| build(&other, &images, &quick(), Progress::silent())).unwrap();
        assert_eq!(texts(&alone.table, "sha256").unwrap(), texts(&first.table, "sha256").unwrap());
    }
}
