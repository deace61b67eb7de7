//! Step 4: every variant of every sampled photograph as a file, and the manifest that says what each one is.

use std::collections::{BTreeMap, HashSet};

use image::RgbImage;
use polars::prelude::*;
use rayon::prelude::*;
use serde::Serialize;

use super::parameters::{Chain, Encoding, Parameters, Smoothing};
use super::patch::put;
use super::recipe::{Change, Fillings, KINDS, Kind, Rearranged, Recipe, plan, single_box};
use super::smooth::{Sign, Smoother, difference};
use crate::error::{Code, Error, Result};
use crate::files::{ImageFile, Store, Written, check_room, sha256_hex};
use crate::notebook::{Progress, Stage};
use crate::pixels::{self, Crop, JpegBase};
use crate::stage::Named;
use crate::stage::sweep;
use crate::table::{Reject, rejects_table};

/// Pillow's default quality of JPEG.
const QUALITY: f32 = 75.0;

/// The manifest and what was skipped.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// One row a file: `file` (under the root), `original` (identity of the photograph, [`ImageFile::id`]), `wnid`, `kind`, `level` (side of the
    /// blocks or patches in pixels, number of passes; 0 for the untouched picture), `variant` (number of the order or of
    /// the patch; -1 for all patches at once and where there is but one), `order` (of the blocks, or their shifts),
    /// `displacement` (mean distance that blocks moved, in pixels), `row`, `col`, `height`, `width` (of a single patch,
    /// else -1), `gap` (between patches, else -1), `fill` (of patches), `smoother`, `seed`, `protocol`, `sha256` (empty
    /// where no file was written).
    pub table: DataFrame,
    /// Photographs that could not be read.
    pub rejects: DataFrame,
}

/// One row of the manifest.
struct Row {
    image: usize,
    recipe: Recipe,
    file: String,
    sha256: String,
}

/// Makes all variants of some photographs and writes the manifest (`datasets.{parquet,csv}`). A run that was stopped goes
/// on; a finished one is read back; another parameter makes only those files again that depend on it. `smoother` is what
/// smooths them: [`Parameters::smoothing`]'s own L0, or a network.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Parameter`] for sizes that do not fit the crop; [`Code::Io`] if the root cannot be
/// written; [`Code::Image`] if no photograph could be read, or more were skipped than may be.
pub fn build(
    store: &Store,
    images: &[ImageFile],
    parameters: &Parameters,
    smoother: &dyn Smoother,
    progress: Progress,
) -> Result<Manifest> {
    let record = store.record_of_images(Named("datasets", "datasets"), &(parameters, smoother.identity()), images)?;
    if record.finished().is_some() {
        return Ok(Manifest { table: store.table("datasets")?, rejects: store.table("datasets_rejects")? });
    }
    // A run that goes on has some of its files already.
    if !store.path("manifests/pieces/datasets").exists() {
        let files = images.len() as u64 * plan("", Crop::SIDE, parameters)?.len() as u64;
        check_room(store.root(), files * parameters.encoding.typical_bytes())?;
    }
    let run = progress.start(images.len(), "photographs");
    let results: Vec<Result<Vec<(Recipe, Written)>>> = images
        .par_iter()
        .map(|image| {
            run.check()?;
            let files = Photograph::read(store, image, parameters, smoother).and_then(|one| one.build(&run));
            match &files {
                Ok(_) => run.tick(),
                Err(_) => run.skip(),
            }
            files
        })
        .collect();
    run.check()?;
    let (mut rows, mut rejects, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for (image, result) in results.into_iter().enumerate() {
        match result {
            Ok(new) => {
                for (recipe, written) in new {
                    rows.push(Row { image, recipe, file: written.name.clone(), sha256: written.sha256.clone() });
                    files.push(written);
                }
            }
            Err(error) if error.is_of_picture(&images[image].path) => {
                let image = &images[image];
                rejects.push(Reject::of("datasets", &image.id, &error.or_path(&image.path)));
            }
            Err(error) => return Err(error),
        }
    }
    run.finish();
    let (all, ok) = (images.len() as u64, (images.len() - rejects.len()) as u64);
    let rejects = rejects_table(&rejects)?;
    let listed = store.write_table("datasets_rejects", &rejects)?;
    store.accept("datasets", all, ok)?;
    let table = table(rows, images, parameters, smoother)?;
    let tables = store.write_table("datasets", &table)?;
    for path in listed.into_iter().chain(tables) {
        files.push(store.written(&path)?);
    }
    let folders: HashSet<&str> = KINDS.iter().map(|(.., folder)| *folder).collect();
    let keep: HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    sweep(store, &folders.into_iter().collect::<Vec<_>>(), &keep)?;
    record.finish_written(all, ok, files)?;
    Ok(Manifest { table, rejects })
}

/// The manifest of what [`build`] would make, without making it: no file is written, and `sha256` is empty. For
/// experiments that make every picture in memory.
///
/// # Errors
/// [`Code::Parameter`] for sizes that do not fit the crop.
pub fn planned(images: &[ImageFile], parameters: &Parameters, smoother: &dyn Smoother) -> Result<Manifest> {
    let mut rows = Vec::new();
    for (image, photograph) in images.iter().enumerate() {
        for recipe in plan(&photograph.id, Crop::SIDE, parameters)? {
            let file = file_name(photograph, &recipe, parameters.encoding);
            rows.push(Row { image, recipe, file, sha256: String::new() });
        }
    }
    Ok(Manifest { table: table(rows, images, parameters, smoother)?, rejects: rejects_table(&[])? })
}

/// The crop of a photograph and all its variants in memory, in the order of [`plan`]: what [`build`] would write, before
/// it is encoded. Equal to what is read back where the encoding is without loss.
///
/// # Errors
/// As [`build`], for one photograph.
pub fn in_memory(
    image: &ImageFile,
    parameters: &Parameters,
    smoother: &dyn Smoother,
) -> Result<Vec<(Recipe, RgbImage)>> {
    let photograph = pixels::decode(&image.path)?;
    let crop = pixels::imagenet_crop(&photograph)?;
    let mut fillings = Fillings::new(&crop, &image.id, parameters.seed);
    let smoothed = Smoothed::new(&photograph, &crop, &parameters.smoothing, smoother)?;
    let mut all = Vec::new();
    for recipe in plan(&image.id, Crop::SIDE, parameters)? {
        let drawn = recipe.change.draw(&crop, &mut fillings)?;
        let picture = match drawn {
            Some(picture) => picture,
            None => smoothed.draw(&recipe.change).cloned().ok_or_else(|| unknown(&recipe))?,
        };
        all.push((recipe, picture));
    }
    Ok(all)
}

fn unknown(recipe: &Recipe) -> Error {
    Error::new(Code::Parameter, format!("{} is no change that can be drawn", recipe.name))
}

fn file_name(image: &ImageFile, recipe: &Recipe, encoding: Encoding) -> String {
    format!("{}/{}_{}.{}", recipe.kind.folder(), image.id, recipe.name, encoding.ending())
}

/// The crop of a photograph after each pass of smoothing, and what that took away.
#[derive(Debug)]
pub struct Smoothed {
    /// The crop of the photograph as it was saved before any pass, where it was.
    saved: Option<RgbImage>,
    passes: Vec<RgbImage>,
    /// The difference and its inverse.
    differences: Option<[RgbImage; 2]>,
}

impl Smoothed {
    /// Smooths a photograph, or its crop, as `how` says.
    ///
    /// # Errors
    /// As [`Smoother::pass`]; [`Code::Image`] if a pass cannot be saved as JPEG.
    pub fn new(photograph: &RgbImage, crop: &RgbImage, how: &Smoothing, smoother: &dyn Smoother) -> Result<Self> {
        let signs = [Sign::Plain, Sign::Inverse];
        match how.chain {
            Chain::InMemory => {
                let passes = super::smooth::smooth(crop, smoother, how.passes)?;
                let last = how.difference_pass.checked_sub(1).and_then(|pass| passes.get(pass as usize));
                let differences = last.map(|last| signs.map(|sign| difference(crop, last, sign, how.difference)));
                Ok(Smoothed { saved: None, passes, differences })
            }
            Chain::JpegOfPhotograph => {
                let saved = |picture: &RgbImage| {
                    pixels::decode_bytes(&pixels::encode_jpeg(picture, QUALITY)?, &pixels::Limits::default())
                };
                // The first pass reads the photograph; the difference is from the photograph as it was saved.
                let untouched = saved(photograph)?;
                let (mut last, mut passes, mut differences) = (photograph.clone(), Vec::new(), None);
                for pass in 1..=how.passes {
                    last = saved(&smoother.pass(&last)?)?;
                    passes.push(pixels::imagenet_crop(&last)?);
                    if pass == how.difference_pass {
                        let [plain, inverse] = signs.map(|sign| {
                            pixels::imagenet_crop(&saved(&difference(&untouched, &last, sign, how.difference))?)
                        });
                        differences = Some([plain?, inverse?]);
                    }
                }
                Ok(Smoothed { saved: Some(pixels::imagenet_crop(&untouched)?), passes, differences })
            }
        }
    }

    /// The picture of a change by smoothing; `None` for any other, or a pass that was not made.
    pub fn draw(&self, change: &Change) -> Option<&RgbImage> {
        match *change {
            Change::Smoothed { passes: 0 } => self.saved.as_ref(),
            Change::Smoothed { passes } => self.passes.get(passes as usize - 1),
            Change::Difference { sign, .. } => self.differences.as_ref().map(|both| &both[sign as usize]),
            _ => None,
        }
    }
}

/// One photograph on its way to its files.
struct Photograph<'a> {
    store: &'a Store,
    image: &'a ImageFile,
    parameters: &'a Parameters,
    smoother: &'a dyn Smoother,
    sha256: String,
    picture: RgbImage,
    crop: RgbImage,
}

/// What decides the files of a piece beside the library's code.
#[derive(Serialize)]
struct DecidedBy<'a> {
    photograph: &'a str,
    wnid: &'a str,
    seed: u64,
    encoding: Encoding,
    recipes: &'a [Recipe],
    smoothing: Option<(Smoothing, String)>,
}

impl<'a> Photograph<'a> {
    fn read(
        store: &'a Store,
        image: &'a ImageFile,
        parameters: &'a Parameters,
        smoother: &'a dyn Smoother,
    ) -> Result<Self> {
        let bytes = pixels::read(&image.path)?;
        let picture = pixels::decode_bytes(&bytes, &pixels::Limits::default())?;
        let crop = pixels::imagenet_crop(&picture)?;
        Ok(Photograph { store, image, parameters, smoother, sha256: sha256_hex(&bytes), picture, crop })
    }

    /// All its files, piece by piece; what is finished is not made again.
    fn build(&self, run: &Stage) -> Result<Vec<(Recipe, Written)>> {
        let mut pieces: BTreeMap<(Kind, u32), Vec<Recipe>> = BTreeMap::new();
        for recipe in plan(&self.image.id, Crop::SIDE, self.parameters)? {
            // One pass of smoothing cannot be made without those before it.
            let smoothed = matches!(recipe.change, Change::Smoothed { .. } | Change::Difference { .. });
            let key = if smoothed { (Kind::Smoothed, 1) } else { (recipe.kind, recipe.level) };
            pieces.entry(key).or_default().push(recipe);
        }
        let encoder = std::cell::OnceCell::new();
        let mut files = Vec::new();
        for ((kind, level), recipes) in pieces {
            run.check()?;
            let smooths = kind == Kind::Smoothed && level > 0;
            let decided_by = DecidedBy {
                photograph: &self.sha256,
                wnid: &self.image.wnid,
                seed: self.parameters.seed,
                encoding: self.parameters.encoding,
                recipes: &recipes,
                smoothing: smooths.then(|| (self.parameters.smoothing, self.smoother.identity())),
            };
            let name = format!("datasets/{}.{}{level}", self.image.id, kind.name());
            let piece = self.store.piece(Named("datasets", &name), &decided_by)?;
            let written = match piece.finished() {
                Some(written) => written,
                None => {
                    let written = if smooths { self.smoothed(&recipes)? } else { self.rearranged(&recipes, &encoder)? };
                    piece.finish(&written)?;
                    written
                }
            };
            files.extend(recipes.into_iter().zip(written));
        }
        Ok(files)
    }

    fn write(&self, recipe: &Recipe, bytes: &[u8]) -> Result<Written> {
        self.store.write_piece(&file_name(self.image, recipe, self.parameters.encoding), bytes)
    }

    fn smoothed(&self, recipes: &[Recipe]) -> Result<Vec<Written>> {
        let smoothed = Smoothed::new(&self.picture, &self.crop, &self.parameters.smoothing, self.smoother)?;
        let one = |recipe: &Recipe| match smoothed.draw(&recipe.change) {
            Some(picture) => self.write(recipe, &encode(picture, self.parameters.encoding)?),
            None => Err(unknown(recipe)),
        };
        recipes.iter().map(one).collect()
    }

    fn rearranged(&self, recipes: &[Recipe], base: &std::cell::OnceCell<JpegBase>) -> Result<Vec<Written>> {
        let mut fillings = Fillings::new(&self.crop, &self.image.id, self.parameters.seed);
        if self.parameters.encoding == Encoding::Png {
            let one = |recipe: &Recipe| {
                let picture = recipe.change.draw(&self.crop, &mut fillings)?.ok_or_else(|| unknown(recipe))?;
                self.write(recipe, &pixels::encode_png(&picture)?)
            };
            return recipes.iter().map(one).collect();
        }
        let base = match base.get() {
            Some(base) => base,
            None => {
                let made = JpegBase::new(&self.crop, QUALITY)?;
                base.get_or_init(|| made)
            }
        };
        // Patches are put on one picture and taken off again: to copy it each time would cost more than to code it.
        let mut picture = self.crop.clone();
        let one = |recipe: &Recipe| {
            if let (Change::Patches { patches, .. }, Some(Rearranged::Boxes(boxes))) =
                (&recipe.change, recipe.change.rearranged(Crop::SIDE)?)
            {
                put(&mut picture, &boxes, fillings.of(patches));
                let areas: Vec<_> = boxes.iter().map(|area| (area.row, area.col, area.height, area.width)).collect();
                let bytes = base.encode(&picture, &areas)?;
                put(&mut picture, &boxes, &self.crop);
                return self.write(recipe, &bytes);
            }
            let drawn = recipe.change.draw(&self.crop, &mut fillings)?.ok_or_else(|| unknown(recipe))?;
            let bytes = match &recipe.change {
                Change::Untouched => base.encode(&drawn, &[]),
                Change::Order { block, order } => base.encode_moved(&drawn, *block, order),
                _ => base.encode(&drawn, &[(0, 0, Crop::SIDE, Crop::SIDE)]),
            };
            self.write(recipe, &bytes?)
        };
        recipes.iter().map(one).collect()
    }
}

fn encode(picture: &RgbImage, encoding: Encoding) -> Result<Vec<u8>> {
    match encoding {
        Encoding::Jpeg => pixels::encode_jpeg(picture, QUALITY),
        Encoding::Png => pixels::encode_png(picture),
    }
}

fn table(
    mut rows: Vec<Row>,
    images: &[ImageFile],
    parameters: &Parameters,
    smoother: &dyn Smoother,
) -> Result<DataFrame> {
    rows.sort_by_key(|row| (row.recipe.kind, row.image));
    let (identity, smooths) = (smoother.identity(), |row: &Row| {
        row.recipe.level > 0 && matches!(row.recipe.change, Change::Smoothed { .. } | Change::Difference { .. })
    });
    let order = |row: &Row| match &row.recipe.change {
        Change::Order { order, .. } => order.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
        Change::Shifts { shifts, .. } => {
            shifts.iter().map(|[down, right]| format!("{down},{right}")).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    };
    let patches =
        |row: &Row| if let Change::Patches { patches, .. } = &row.recipe.change { Some(*patches) } else { None };
    let places: Vec<[i64; 4]> = rows
        .iter()
        .map(|row| {
            single_box(&row.recipe.change, Crop::SIDE)
                .map_or([-1; 4], |place| [place.row, place.col, place.height, place.width].map(i64::from))
        })
        .collect();
    let place = |side: usize| places.iter().map(|place| place[side]).collect::<Vec<_>>();
    Ok(df!(
        "file" => rows.iter().map(|row| row.file.clone()).collect::<Vec<_>>(),
        "original" => rows.iter().map(|row| images[row.image].id.clone()).collect::<Vec<_>>(),
        "wnid" => rows.iter().map(|row| images[row.image].wnid.clone()).collect::<Vec<_>>(),
        "kind" => rows.iter().map(|row| row.recipe.kind.name()).collect::<Vec<_>>(),
        "level" => rows.iter().map(|row| i64::from(row.recipe.level)).collect::<Vec<_>>(),
        "variant" => rows.iter().map(|row| row.recipe.variant).collect::<Vec<_>>(),
        "order" => rows.iter().map(order).collect::<Vec<_>>(),
        "displacement" => rows.iter().map(|row| row.recipe.change.displacement(Crop::SIDE)).collect::<Vec<_>>(),
        "row" => place(0),
        "col" => place(1),
        "height" => place(2),
        "width" => place(3),
        "gap" => rows.iter().map(|row| patches(row).map_or(-1, |patches| i64::from(patches.gap))).collect::<Vec<_>>(),
        "fill" => rows.iter().map(|row| patches(row).map_or("", |patches| patches.fill.name())).collect::<Vec<_>>(),
        "smoother" => rows.iter().map(|row| if smooths(row) { identity.as_str() } else { "" }).collect::<Vec<_>>(),
        "seed" => vec![parameters.seed as i64; rows.len()],
        "protocol" => vec![parameters.protocol.as_str(); rows.len()],
        "sha256" => rows.iter().map(|row| row.sha256.clone()).collect::<Vec<_>>(),
    )?)
}

impl Manifest {
    /// Files of each kind, as a table: `kind, files`.
    ///
    /// # Errors
    /// [`Code::Table`] if the manifest lacks a column.
    pub fn totals(&self) -> Result<DataFrame> {
        let kinds = crate::table::texts(&self.table, "kind")?;
        let counts: Vec<(&str, i64)> = KINDS
            .iter()
            .map(|(_, name, _)| (*name, kinds.iter().filter(|kind| kind == name).count() as i64))
            .filter(|(_, count)| *count > 0)
            .collect();
        Ok(df!(
            "kind" => counts.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
            "files" => counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        )?)
    }

    /// Files of each kind and level, as a table: `kind, level, gap, fill, files`.
    ///
    /// # Errors
    /// [`Code::Table`] if the manifest lacks a column.
    pub fn counts(&self) -> Result<DataFrame> {
        let (kinds, fills) = (crate::table::texts(&self.table, "kind")?, crate::table::texts(&self.table, "fill")?);
        let (levels, gaps) =
            (crate::table::integers(&self.table, "level")?, crate::table::integers(&self.table, "gap")?);
        type Dose<'a> = (&'a str, i64, i64, &'a str);
        let mut counts: Vec<(Dose<'_>, i64)> = Vec::new();
        for row in 0..kinds.len() {
            let key = (kinds[row].as_str(), levels[row], gaps[row], fills[row].as_str());
            match counts.iter_mut().find(|(other, _)| *other == key) {
                Some((_, count)) => *count += 1,
                None => counts.push((key, 1)),
            }
        }
        Ok(df!(
            "kind" => counts.iter().map(|((kind, ..), _)| *kind).collect::<Vec<_>>(),
            "level" => counts.iter().map(|((_, level, ..), _)| *level).collect::<Vec<_>>(),
            "gap" => counts.iter().map(|((.., gap, _), _)| (*gap >= 0).then_some(*gap)).collect::<Vec<_>>(),
            "fill" => counts.iter().map(|((.., fill), _)| *fill).collect::<Vec<_>>(),
            "files" => counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        )?)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use image::Rgb;

    use super::*;
    use crate::datasets::{Fill, Patches};
    use crate::table::texts;

    fn photographs(folder: &std::path::Path) -> Vec<ImageFile> {
        (0..2)
            .map(|index| {
                let picture = RgbImage::from_fn(240, 230, |x, y| Rgb([(x / 3) as u8, (y ^ index) as u8, 40]));
                let path = folder.join(format!("p{index}.png"));
                std::fs::write(&path, pixels::encode_png(&picture).unwrap()).unwrap();
                ImageFile::at(path, format!("n90000001/p{index}.png"))
            })
            .collect()
    }

    fn quick(parameters: Parameters) -> Parameters {
        let patches =
            vec![Patches { size: 70, gap: 70, fill: Fill::Black }, Patches { size: 70, gap: 30, fill: Fill::Noise }];
        let mut quick = Parameters { patches, ..parameters };
        quick.scramble.blocks = vec![28, 112];
        (quick.smoothing.passes, quick.smoothing.difference_pass) = (2, 1);
        quick
    }

    fn build_quietly(store: &Store, images: &[ImageFile], parameters: &Parameters) -> Result<Manifest> {
        build(store, images, parameters, &parameters.smoothing.l0, Progress::silent())
    }

    /// Every file of a root but the manifests, whose paths to the photographs differ, with its content.
    fn tree(root: &std::path::Path) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(root: &std::path::Path, folder: &std::path::Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(root, &path, into);
                } else {
                    into.insert(path.strip_prefix(root).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(root, root, &mut files);
        files
    }

    #[test]
    fn a_second_run_gives_the_same_manifest_and_a_broken_picture_is_a_reject() {
        let folder = tempfile::tempdir().unwrap();
        let mut images = photographs(folder.path());
        std::fs::write(&images[1].path, "no picture").unwrap();
        let store = Store::at(folder.path().join("root")).unwrap();
        let parameters = quick(Parameters::default());
        let error = build_quietly(&store, &images, &parameters).unwrap_err();
        assert!(error.to_string().contains("50.0 % were skipped") && error.to_string().contains("--max-reject-share"));
        assert!(store.path("datasets_rejects.csv").exists() && !store.path("datasets.csv").exists());
        let store = store.accepting(0.5).unwrap();
        let first = build_quietly(&store, &images, &parameters).unwrap();
        assert_eq!(first.rejects.height(), 1);
        assert!(texts(&first.table, "original").unwrap().iter().all(|name| name == "n90000001/p0.png"));
        let again = build_quietly(&store, &images, &parameters).unwrap();
        assert!(first.table.equals(&again.table));

        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let other = Store::at(folder.path().join("other")).unwrap();
        images.truncate(1);
        let alone = one_thread.install(|| build_quietly(&other, &images, &parameters)).unwrap();
        assert_eq!(texts(&alone.table, "sha256").unwrap(), texts(&first.table, "sha256").unwrap());
    }

    #[test]
    fn files_are_what_is_made_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let images = photographs(folder.path());
        for parameters in [Parameters::default(), Parameters::published()].map(quick) {
            let store = Store::at(folder.path().join(&parameters.protocol)).unwrap();
            let manifest = build_quietly(&store, &images, &parameters).unwrap();
            let plan = planned(&images, &parameters, &parameters.smoothing.l0).unwrap();
            let [files, again] = [&manifest, &plan].map(|manifest| texts(&manifest.table, "file").unwrap());
            assert_eq!(files, again);
            for image in &images {
                for (recipe, picture) in in_memory(image, &parameters, &parameters.smoothing.l0).unwrap() {
                    let name = file_name(image, &recipe, parameters.encoding);
                    let bytes = encode(&picture, parameters.encoding).unwrap();
                    assert!(std::fs::read(store.path(&name)).unwrap() == bytes, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_changed_parameter_makes_only_what_it_touches_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let images = photographs(folder.path());
        let store = Store::at(folder.path().join("root")).unwrap();
        let mut parameters = quick(Parameters::default());
        let before = build_quietly(&store, &images, &parameters).unwrap();
        let written = |name: &str| std::fs::metadata(store.path(name)).unwrap().modified().unwrap();
        let [kept, gone] = [
            "imagenette2_scr/n90000001/p0.png_block28_order0.png",
            "imagenette2_ptd/n90000001/p0.png_patch70_gap30_noise_all.png",
        ];
        let then = written(kept);
        parameters.patches[1].fill = Fill::Mean;
        let after = build_quietly(&store, &images, &parameters).unwrap();
        assert_eq!(written(kept), then, "made again though nothing changed");
        assert!(!store.path(gone).exists() && store.path(&gone.replace("noise", "mean")).exists());
        assert_eq!(before.table.height(), after.table.height());

        let fresh = Store::at(folder.path().join("fresh")).unwrap();
        build_quietly(&fresh, &images, &parameters).unwrap();
        let pictures = |store: &Store| {
            let mut files = tree(store.root());
            files.retain(|path, _| !path.starts_with("manifests"));
            files
        };
        assert!(pictures(&store) == pictures(&fresh));
    }

    /// In processes of their own, which die at every step of writing, or for which the disk is full from there on; then
    /// the same call once more. Whatever happened, the result is that of an uninterrupted run.
    #[test]
    fn a_kill_or_a_full_disk_at_every_write_leaves_nothing_that_a_second_call_does_not_mend() {
        let name = "a_kill_or_a_full_disk_at_every_write_leaves_nothing_that_a_second_call_does_not_mend";
        let mut parameters = quick(Parameters::published());
        parameters.patches.truncate(1);
        parameters.scramble.blocks = vec![112];
        parameters.scramble.variants = 1;
        (parameters.smoothing.passes, parameters.smoothing.difference_pass) = (1, 1);
        if let Some(root) = std::env::var_os("LGF_TEST_ROOT") {
            let folder = PathBuf::from(root);
            let images = &photographs(&folder)[..1];
            let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let store = Store::at(folder.join("root")).unwrap();
            if let Err(error) = one_thread.install(|| build_quietly(&store, images, &parameters)) {
                assert!(error.to_string().contains("free some space"), "{error}");
                std::process::exit(3);
            }
            return;
        }
        let path = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
        let child = |folder: &std::path::Path, fault: Option<(&str, u64)>| {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args([&path, "--exact", "--test-threads=1"]).env("LGF_TEST_ROOT", folder);
            if let Some((fault, point)) = fault {
                command.env(fault, point.to_string());
            }
            command.output().unwrap()
        };
        let whole = tempfile::tempdir().unwrap();
        assert!(child(whole.path(), None).status.success());
        let expected = tree(&whole.path().join("root"));
        assert!(expected.keys().all(|file| !file.to_string_lossy().ends_with(".part")));
        // The first steps one by one, then every thirteenth: they repeat.
        let mut points = 0;
        for point in (1..15).chain((15..).step_by(13)) {
            let mut ended = 0;
            for fault in ["LGF_TEST_KILL", "LGF_TEST_FULL"] {
                let folder = tempfile::tempdir().unwrap();
                let first = child(folder.path(), Some((fault, point)));
                ended += u32::from(first.status.success());
                let manifest = folder.path().join("root/manifests/datasets.json");
                // Where it ended behind the manifest's own rename, all else is there.
                let whole = || tree(&folder.path().join("root")) == expected;
                assert!(
                    first.status.success() || !manifest.exists() || whole(),
                    "{fault} {point}: a manifest of half a result"
                );
                assert!(child(folder.path(), None).status.success(), "{fault} {point}");
                assert!(tree(&folder.path().join("root")) == expected, "{fault} {point}: another result");
            }
            if ended == 2 {
                break;
            }
            points += 1;
        }
        assert!(points > 15, "only {points} points were passed");
    }
}
