//! Step 4: every variant of every sampled photograph as a file, and the manifest that says what each one is.

use std::collections::{BTreeMap, HashSet};

use image::RgbImage;
use serde::Serialize;

use super::canvas::Canvas;
use super::encoding::{Encoder, Encoding};
use super::manifest::{Manifest, file_name, in_manifest, place, row};
use super::manipulation::{Kind, Recipe};
use super::manipulations::kinds;
use super::parameters::{Parameters, plan};
use super::remembered::remember_kinds;
use super::smoother::Smoother;
use crate::error::Result;
use crate::files::{ImageFile, Store, Written};
use crate::pixels::{self, Crop};
use crate::stage::{Made, Named, sweep};
use crate::table::{ManifestRow, Row};

/// Makes all variants of some photographs and writes the manifest (`datasets.{parquet,csv}`). A run that was stopped goes
/// on; a finished one is read back; another parameter makes only those files again that depend on it. `smoother` is what
/// smooths them: [`Smoothing`](super::Smoothing)'s own L0, or a network.
///
/// # Errors
/// [`Code::Stopped`](crate::error::Code::Stopped); [`Code::Io`](crate::error::Code::Io) if the root cannot be written;
/// [`Code::Image`](crate::error::Code::Image) if no photograph could be read, or more were skipped than may be; as [`plan`].
pub fn build(
    store: &Store,
    images: &[ImageFile],
    parameters: &Parameters,
    smoother: &dyn Smoother,
) -> Result<Manifest> {
    let of = Named("datasets", "datasets");
    let step = store.step(of, "photographs", &(parameters, smoother.identity(), smoother.code()), images)?;
    if !step.finished() {
        let parameters = &parameters.of_set(images)?;
        // A run that goes on has some of its files already.
        if !store.path("manifests/pieces/datasets").exists() {
            let files = images.len() as u64 * plan("", Crop::SIDE, parameters)?.len() as u64;
            store.check_room(files * parameters.encoding.typical_bytes())?;
        }
        let mut done = step.each(images, |place, image| {
            Photograph::read(store, image, parameters, smoother)?.build(step.record().hash_of(place))
        })?;
        let rows = done.rows.iter_mut().map(|(_, rows)| std::mem::take(rows)).collect();
        let tables = store.write_table("datasets", &ManifestRow::table(in_manifest(rows))?)?;
        let folders: HashSet<&str> = kinds().map(|kind| kind.folder).collect();
        let keep: HashSet<&str> = done.files.iter().map(|file| file.name.as_str()).collect();
        sweep(store, &folders.into_iter().collect::<Vec<_>>(), &keep)?;
        step.finish(done, tables.to_vec())?;
    }
    let made: HashSet<&str> = plan("", Crop::SIDE, parameters)?.iter().map(|recipe| recipe.kind.name).collect();
    remember_kinds(store, &kinds().filter(|kind| made.contains(kind.name)).collect::<Vec<_>>())?;
    Ok(Manifest { table: store.table("datasets")?, rejects: store.table("datasets_rejects")? })
}

/// One photograph on its way to its files.
struct Photograph<'a> {
    store: &'a Store,
    image: &'a ImageFile,
    parameters: &'a Parameters,
    smoother: &'a dyn Smoother,
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
    recipes: String,
    smoother: Option<(String, &'static str)>,
}

impl<'a> Photograph<'a> {
    fn read(
        store: &'a Store,
        image: &'a ImageFile,
        parameters: &'a Parameters,
        smoother: &'a dyn Smoother,
    ) -> Result<Self> {
        let picture = pixels::decode(&image.path)?;
        let crop = pixels::imagenet_crop(&picture)?;
        Ok(Photograph { store, image, parameters, smoother, picture, crop })
    }

    /// All its files and their rows, piece by piece; what is finished is not made again. `sha256` is that of the photograph.
    fn build(&self, sha256: &str) -> Result<Made<Vec<ManifestRow>>> {
        let mut pieces: BTreeMap<(usize, u32), (&Kind, Vec<Recipe>)> = BTreeMap::new();
        for recipe in plan(&self.image.id, Crop::SIDE, self.parameters)? {
            let (kind, level) = recipe.part;
            pieces.entry((place(kind), level)).or_insert((kind, Vec::new())).1.push(recipe);
        }
        let (seed, encoding) = (self.parameters.seed, self.parameters.encoding);
        let mut canvas = Canvas::new((&self.picture, &self.crop), &self.image.id, seed, self.smoother);
        let mut encoder = Encoder::new(&self.crop, encoding);
        let mut made = Made { rows: Vec::new(), files: Vec::new() };
        for ((_, level), (kind, recipes)) in pieces {
            let name = format!("datasets/{}.{}{level}", self.image.id, kind.name);
            let piece = self.store.piece(Named("datasets", &name), &self.decided_by(sha256, &recipes))?;
            let written = match piece.finished() {
                Some(written) => written,
                None => {
                    let mut one = |recipe: &Recipe| {
                        let bytes = encoder.encode(&recipe.draw(&mut canvas)?)?;
                        self.store.write_piece(&file_name(self.image, recipe, encoding), &bytes)
                    };
                    let written = recipes.iter().map(&mut one).collect::<Result<Vec<_>>>()?;
                    piece.finish(&written)?;
                    written
                }
            };
            let row = |(recipe, file): (&Recipe, &Written)| ManifestRow {
                sha256: file.sha256.clone(),
                ..row(self.image, recipe, self.parameters, self.smoother)
            };
            made.rows.extend(recipes.iter().zip(&written).map(row));
            made.files.extend(written);
        }
        Ok(made)
    }

    fn decided_by<'s>(&'s self, sha256: &'s str, recipes: &[Recipe]) -> DecidedBy<'s> {
        let smoothed = recipes.iter().any(|recipe| recipe.change.facts(Crop::SIDE).smoothed);
        DecidedBy {
            photograph: sha256,
            wnid: &self.image.wnid,
            seed: self.parameters.seed,
            encoding: self.parameters.encoding,
            recipes: format!("{recipes:?}"),
            smoother: smoothed.then(|| (self.smoother.identity(), self.smoother.code())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use image::Rgb;

    use super::*;
    use crate::datasets::manifest::planned;
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
        build(store, images, parameters, &parameters.smoothing.l0)
    }

    /// Every file of a root but what steps took, with its content.
    fn tree(root: &std::path::Path) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(root: &std::path::Path, folder: &std::path::Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.ends_with("manifests/measured") {
                    continue;
                }
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
        let store = Store::at(folder.path().join("root")).unwrap().quiet();
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
        let other = Store::at(folder.path().join("other")).unwrap().quiet();
        images.truncate(1);
        let alone = one_thread.install(|| build_quietly(&other, &images, &parameters)).unwrap();
        assert_eq!(texts(&alone.table, "sha256").unwrap(), texts(&first.table, "sha256").unwrap());
    }

    #[test]
    fn files_are_what_is_made_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let images = photographs(folder.path());
        for parameters in [Parameters::default(), Parameters::published()].map(quick) {
            let store = Store::at(folder.path().join(&parameters.protocol)).unwrap().quiet();
            let manifest = build_quietly(&store, &images, &parameters).unwrap();
            let same = planned(&images, &parameters, &parameters.smoothing.l0).unwrap();
            let [files, again] = [&manifest, &same].map(|manifest| texts(&manifest.table, "file").unwrap());
            assert_eq!(files, again);
            for image in &images {
                let photograph = pixels::decode(&image.path).unwrap();
                let crop = pixels::imagenet_crop(&photograph).unwrap();
                let l0 = &parameters.smoothing.l0;
                let mut canvas = Canvas::new((&photograph, &crop), &image.id, parameters.seed, l0);
                for recipe in plan(&image.id, Crop::SIDE, &parameters).unwrap() {
                    let name = file_name(image, &recipe, parameters.encoding);
                    let drawn = recipe.draw(&mut canvas).unwrap();
                    let picture = drawn.picture(&crop).unwrap();
                    let bytes = match parameters.encoding {
                        Encoding::Jpeg => pixels::encode_jpeg(&picture, 75.0).unwrap(),
                        Encoding::Png => pixels::encode_png(&picture).unwrap(),
                    };
                    assert!(std::fs::read(store.path(&name)).unwrap() == bytes, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_changed_parameter_makes_only_what_it_touches_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let images = photographs(folder.path());
        let store = Store::at(folder.path().join("root")).unwrap().quiet();
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
}
