//! The sample on disk: photographs in Imagenette's layout, annotations in ImageNet's, cue-conflict pictures, networks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::draw;
use super::picture::{self, Drawn, JPEG_QUALITY, Part, Recipe};
use super::rules::write_rules;
use crate::bbox::{Annotation, Object, write_annotation, write_archive};
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::notebook::{Grid, Picture};
use crate::pixels::{self, Original, PixelMask};
use crate::stage::Named;
use crate::study::{CUE_CONFLICT, Categories, ClassList, Classes, DecisionFolder, Description, NetworkEntry, Study};

/// The networks of the sample: name, architecture, and what the textures of its training pictures said. Their weights are
/// `data/models/<name>.safetensors`.
pub const NETWORKS: [(&str, &str, Textures); 6] = [
    ("vgg16", "slim-vgg16", Textures::Own),
    ("resnet50", "slim-resnet50", Textures::Own),
    ("sin-resnet50", "slim-sin-resnet50", Textures::Exchanged),
    ("se-resnet50", "slim-se-resnet50", Textures::Own),
    ("resnext50", "slim-resnext50", Textures::Own),
    ("se-resnext50", "slim-se-resnext50", Textures::Own),
];

/// The bag of tiles, beside the networks of the sample as they are given: it cannot know where the 16 tiles of 56 x 56 pixels of
/// a picture are, nor a tile from its mirror image, by its construction.
pub const BAG_OF_TILES: (&str, &str, Textures) = ("bag-of-tiles", "slim-bag-of-tiles", Textures::Own);

/// Networks beside them that were trained with patches of their pictures removed, one to need texture and one to need shape: what
/// is removed is nothing new to them, so that how far their logit falls then is what it was worth.
pub const WITH_PATCHES: [(&str, &str, Textures); 2] = [
    ("patched-resnet50", "slim-resnet50", Textures::Own),
    ("patched-sin-resnet50", "slim-sin-resnet50", Textures::Exchanged),
];

/// Whether a network was trained with patches removed: one of [`WITH_PATCHES`].
pub fn knows_patches(network: &str) -> bool {
    WITH_PATCHES.iter().any(|(name, ..)| *name == network)
}

/// What the textures of the training pictures say about their class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Textures {
    /// Each picture's texture is that of its class: shape and texture both tell it.
    Own,
    /// Textures are exchanged at random: only shape tells the class (the counterpart of Stylized-ImageNet).
    Exchanged,
}

/// The folder of the decisions of rules that stand where people would.
const RULES_FOLDER: &str = "sample/decisions";

/// The name of the sample's study.
pub const NAME: &str = "drawn sample";

/// How many pictures are drawn, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Seed of everything.
    pub seed: u64,
    /// Photographs of each class in `train/`.
    pub train: u64,
    /// Photographs of each class in `val/`.
    pub validation: u64,
    /// Cue-conflict pictures of each of the 90 pairs of different classes.
    pub conflict: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Sample { seed: 2026, train: 10, validation: 20, conflict: 2 }
    }
}

/// Draws the sample below `sample/` of a data root and writes its `study.json`:
/// `imagenette2/{train,val}/<wnid>/<wnid>_<n>.JPEG`, `masks/val/<wnid>/<wnid>_<n>.png` (the objects of `val/`, for
/// `silhouette:masks=FOLDER`), `Annotation.tar.gz` (a tar.gz of `<wnid>.tar.gz` of XML),
/// `conflict/<shape><n>-<texture><m>.png` (224 x 224), `decisions/cue-conflict_rule-<n>_session_1.csv` of rules that know the
/// answer, and `networks/<name>.safetensors`. In each class some photographs
/// are grey, some show two objects, some have no annotation, and one PNG is named JPEG. The same seed gives the same
/// bytes on any number of threads. The photographs of `train/` are drawings that `resnet50` and the other networks with textures
/// of their own were trained on, but for what makes some of them odd. What is already there and whole is not drawn again.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Io`] if the root cannot be written; [`Code::Missing`] if the project's own networks are
/// not there.
pub fn write(store: &Store, sample: &Sample) -> Result<Study> {
    let models: Vec<PathBuf> = NETWORKS.iter().map(|(name, ..)| shipped(name)).collect();
    if let Some(absent) = models.iter().find(|path| !path.exists()) {
        return Err(Error::new(Code::Missing, "a network of the sample is not there")
            .path(absent)
            .hint("take data/models from the repository again, or train them: lgf train-sample"));
    }
    let record = store.record(Named("sample", "sample"), sample, &models)?;
    if record.finished().is_some() {
        return Study::begin(store.clone(), description());
    }
    record.folder("sample")?;
    let plans = plans(sample);
    let run = store.progress("sample").brief().start(plans.len(), "pictures");
    let written: Result<Vec<(Vec<PathBuf>, Option<Annotated>)>> = plans
        .par_iter()
        .map(|plan| {
            run.check()?;
            let done = write_one(store, sample, plan)?;
            run.tick();
            Ok(done)
        })
        .collect();
    let written = written?;
    let mut files: Vec<PathBuf> = written.iter().flat_map(|(paths, _)| paths.clone()).collect();
    let mut synsets: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (_, annotated) in written {
        if let Some(Annotated { wnid, name, xml }) = annotated {
            synsets.entry(wnid).or_default().push((name, xml));
        }
    }
    let mut archive = Vec::new();
    write_archive(&mut archive, &synsets)?;
    files.push(store.write("sample/Annotation.tar.gz", &archive)?);
    for ((name, ..), path) in NETWORKS.iter().zip(&models) {
        let bytes = std::fs::read(path).map_err(|cause| Error::io("reading", path, cause))?;
        files.push(store.write(&format!("sample/networks/{name}.safetensors"), &bytes)?);
    }
    let shapes = Categories::each(&ClassList::sample()).names;
    let conflicts: Vec<(String, String)> = plans
        .iter()
        .filter(|plan| plan.part == Part::Conflict)
        .map(|plan| (plan.file.rsplit('/').next().unwrap_or_default().to_string(), shapes[plan.shape].clone()))
        .collect();
    files.extend(write_rules(store, RULES_FOLDER, &conflicts, (sample.seed, &shapes))?);
    let study = Study::begin(store.clone(), description())?;
    run.finish();
    record.finish(plans.len() as u64, plans.len() as u64, &files)?;
    Ok(study)
}

/// The study of a data root: a person's own where `lgf init` made one, else the drawn sample, written as by [`write()`].
///
/// # Errors
/// As [`write()`]; [`Code::Table`] if `study.json` cannot be understood.
pub fn open(store: &Store, sample: &Sample) -> Result<Study> {
    match Study::open(store.clone()) {
        Ok(study) if study.described.name != NAME => Ok(study),
        Err(error) if error.code() != Code::Missing => Err(error),
        _ => write(store, sample),
    }
}

/// The project's own copy of a network of the sample.
pub(super) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/models").join(format!("{name}.safetensors"))
}

fn description() -> Description {
    let network = |(name, architecture, _): &(&str, &str, Textures)| {
        NetworkEntry::new(*name, *architecture, format!("sample/networks/{name}.safetensors"))
    };
    Description {
        images: vec![PHOTOGRAPHS.into()],
        split: "val".into(),
        annotations: Some("sample/Annotation.tar.gz".into()),
        conflict: Some("sample/conflict".into()),
        decisions: vec![DecisionFolder { stimuli: CUE_CONFLICT.into(), folder: RULES_FOLDER.into(), rule: true }],
        networks: NETWORKS.iter().map(network).collect(),
        ..Description::named(NAME, Classes::Sample)
    }
}

/// One picture to draw, and where it goes.
struct Plan {
    part: Part,
    number: u64,
    shape: usize,
    texture: usize,
    file: String,
    oddity: Oddity,
}

/// What sets a photograph apart from the plain ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Oddity {
    None,
    Grey,
    TwoObjects,
    NotAnnotated,
    PngNamedJpeg,
}

/// Which photographs of a class are odd: by their number in it, so that every class has some.
fn oddity(index: u64) -> Oddity {
    match index % 10 {
        2 => Oddity::Grey,
        5 => Oddity::TwoObjects,
        7 => Oddity::NotAnnotated,
        8 if index == 8 => Oddity::PngNamedJpeg,
        _ => Oddity::None,
    }
}

fn plans(sample: &Sample) -> Vec<Plan> {
    let classes = ClassList::sample();
    let mut plans = Vec::new();
    for (part, split, count) in [(Part::Training, "train", sample.train), (Part::Validation, "val", sample.validation)]
    {
        for (class, wnid) in classes.wnids.iter().enumerate() {
            for index in 0..count {
                // Numbers go on from train to val, as a file's name must be its own.
                let number = if part == Part::Training { index } else { sample.train + index };
                // Drawing i of the training has the shape i % 10.
                let drawing =
                    if part == Part::Training { index * 10 + class as u64 } else { class as u64 * 1000 + index };
                plans.push(Plan {
                    part,
                    number: drawing,
                    shape: class,
                    texture: class,
                    file: format!("{PHOTOGRAPHS}/{split}/{wnid}/{wnid}_{number}.JPEG"),
                    oddity: oddity(index),
                });
            }
        }
    }
    let short: Vec<String> = classes.names.iter().map(|name| crate::study::short_name(name)).collect();
    for shape in 0..classes.len() {
        for texture in (0..classes.len()).filter(|&texture| texture != shape) {
            for index in 0..sample.conflict {
                plans.push(Plan {
                    part: Part::Conflict,
                    number: ((shape * 10 + texture) as u64) * 1000 + index,
                    shape,
                    texture,
                    file: format!("sample/conflict/{}{}-{}{}.png", short[shape], index + 1, short[texture], index + 1),
                    oddity: Oddity::None,
                });
            }
        }
    }
    plans
}

struct Annotated {
    wnid: String,
    name: String,
    xml: String,
}

fn write_one(store: &Store, sample: &Sample, plan: &Plan) -> Result<(Vec<PathBuf>, Option<Annotated>)> {
    let (drawn, bytes) = draw_one(sample, plan)?;
    let mut files = vec![store.write_unsynced(&plan.file, &bytes)?];
    if plan.part == Part::Validation {
        let mask = pixels::encode_gray_png(&mask_of(&drawn)?.to_gray())?;
        let name = Path::new(&plan.file.replace(PHOTOGRAPHS, MASKS)).with_extension("png");
        files.push(store.write_unsynced(&name.to_string_lossy(), &mask)?);
    }
    let annotated = matches!(plan.part, Part::Training | Part::Validation) && plan.oddity != Oddity::NotAnnotated;
    Ok((files, annotated.then(|| annotation(plan, &drawn))))
}

/// The folders of the photographs and of their masks.
const PHOTOGRAPHS: &str = "sample/imagenette2";
const MASKS: &str = "sample/masks";

/// The picture and the bytes of its file.
fn draw_one(sample: &Sample, plan: &Plan) -> Result<(Drawn, Vec<u8>)> {
    let drawn = picture_of(sample, plan);
    let bytes = match (plan.part, plan.oddity) {
        (Part::Conflict, _) | (_, Oddity::PngNamedJpeg) => pixels::encode_png(&drawn.image)?,
        (_, Oddity::Grey) => pixels::encode_jpeg(&greyed(&drawn.image), JPEG_QUALITY)?,
        _ => pixels::encode_jpeg(&drawn.image, JPEG_QUALITY)?,
    };
    Ok((drawn, bytes))
}

/// The picture as it is drawn, in colour.
fn picture_of(sample: &Sample, plan: &Plan) -> Drawn {
    let seed = if plan.part == Part::Training { picture::TRAINING_SEED } else { sample.seed };
    let mut rng = picture::generator(seed, plan.part, plan.number);
    let mut recipe = match plan.part {
        Part::Conflict => Recipe::stimulus(plan.shape, plan.texture),
        _ => Recipe::photograph(plan.shape, plan.texture, &mut rng),
    };
    if plan.oddity == Oddity::TwoObjects {
        recipe.objects.push((plan.shape, plan.texture));
    }
    picture::draw(&recipe, &mut rng)
}

/// The validation photographs as networks see them, with their classes, drawn in memory.
#[cfg(feature = "torch")]
pub(super) fn validation(sample: &Sample) -> Result<Vec<(RgbImage, usize)>> {
    let plans = plans(sample);
    let own: Vec<&Plan> = plans.iter().filter(|plan| plan.part == Part::Validation).collect();
    own.par_iter()
        .map(|plan| {
            let (_, bytes) = draw_one(sample, plan)?;
            Ok((pixels::imagenet_crop(&pixels::decode_bytes(&bytes, &pixels::Limits::default())?)?, plan.shape))
        })
        .collect()
}

/// Where the objects of a photograph of `val/` are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMask {
    /// The photograph's file below the data root.
    pub file: String,
    /// The class of its objects, in the order of [`draw::CLASSES`].
    pub class: usize,
    /// Its one or two objects, as large as the photograph; [`PixelMask::to_gray`] makes them a picture, white on black.
    pub mask: PixelMask<Original>,
}

/// The objects of the photographs of `val/` to the pixel, known by construction: by the outlines that they were drawn with, in
/// the order of the classes. Drawn in memory; the same bytes on any number of threads.
///
/// ```
/// use lgf::sample::{self, Sample};
///
/// let masks = sample::masks(&Sample { validation: 1, ..Sample::default() })?;
/// assert_eq!(masks.len(), 10);
/// assert!(masks.iter().all(|object| object.mask.count() > 1000));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// None in practice: the pictures are well formed.
pub fn masks(sample: &Sample) -> Result<Vec<ObjectMask>> {
    let plans = plans(sample);
    let own: Vec<&Plan> = plans.iter().filter(|plan| plan.part == Part::Validation).collect();
    let one = |plan: &&Plan| {
        Ok(ObjectMask { file: plan.file.clone(), class: plan.shape, mask: mask_of(&picture_of(sample, plan))? })
    };
    own.par_iter().map(one).collect()
}

/// Where the objects of a picture are.
fn mask_of(drawn: &Drawn) -> Result<PixelMask<Original>> {
    let (width, height) = drawn.image.dimensions();
    let inside = (0..(width * height) as usize).map(|at| drawn.figures.iter().any(|figure| figure[at] == 1));
    PixelMask::from_values(height, width, inside.collect())
}

/// The cue-conflict pictures with their shapes and textures, drawn in memory.
#[cfg(feature = "torch")]
pub(super) fn conflicts(sample: &Sample) -> Vec<(RgbImage, usize, usize)> {
    let plans = plans(sample);
    let own: Vec<&Plan> = plans.iter().filter(|plan| plan.part == Part::Conflict).collect();
    let draw = |plan: &&Plan| {
        let mut rng = picture::generator(sample.seed, plan.part, plan.number);
        let drawn = picture::draw(&Recipe::stimulus(plan.shape, plan.texture), &mut rng);
        (drawn.image, plan.shape, plan.texture)
    };
    own.par_iter().map(draw).collect()
}

fn greyed(image: &RgbImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b] = image.get_pixel(x, y).0.map(u32::from);
        image::Rgb([((299 * r + 587 * g + 114 * b + 500) / 1000) as u8; 3])
    })
}

fn annotation(plan: &Plan, drawn: &Drawn) -> Annotated {
    let file = Path::new(&plan.file);
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let wnid = name.split('_').next().unwrap_or_default().to_string();
    let object = |corners: &[u32; 4]| {
        let [row_min, col_min, row_max, col_max] = corners.map(|side| side as i32);
        Object {
            name: Some(wnid.as_str().into()),
            pose: Some("Unspecified".into()),
            truncated: Some(0),
            difficult: Some(0),
            corners: [col_min, row_min, col_max + 1, row_max + 1],
        }
    };
    let objects: Vec<(i32, Object)> =
        drawn.boxes.iter().enumerate().map(|(index, corners)| (index as i32, object(corners))).collect();
    let xml = write_annotation(&Annotation {
        folder: wnid.as_str().into(),
        filename: name.as_str().into(),
        database: Some("drawn sample".into()),
        size: (drawn.image.height(), drawn.image.width()),
        depth: Some(3),
        segmented: Some(0),
        objects,
    });
    Annotated { wnid, name, xml }
}

/// Shape by texture: each named shape (rows) in each named texture (columns), as a grid to look at. A name that is no
/// class is left out.
///
/// ```
/// use lgf::notebook::Show;
///
/// let grid = lgf::sample::contact_sheet(&["tench", "church"], &["golf ball"], 7);
/// assert!(grid.html().contains("texture: golf ball"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn contact_sheet(shapes: &[&str], textures: &[&str], seed: u64) -> Grid {
    let place = |name: &&str| draw::CLASSES.iter().position(|class| class == name);
    let (shapes, textures): (Vec<usize>, Vec<usize>) =
        (shapes.iter().filter_map(place).collect(), textures.iter().filter_map(place).collect());
    let columns: Vec<String> = textures.iter().map(|&texture| format!("texture: {}", draw::CLASSES[texture])).collect();
    let mut grid = Grid::new("shapes_and_textures", &columns.iter().map(String::as_str).collect::<Vec<_>>());
    for &shape in &shapes {
        let one = |&texture: &usize| {
            let mut rng = picture::generator(seed, Part::Conflict, (shape * 10 + texture) as u64);
            let _ = rng.random::<u32>();
            Picture::new(draw::draw(shape, texture, (224, 224), &mut rng).image, "")
        };
        grid = grid.row(format!("shape: {}", draw::CLASSES[shape]), textures.iter().map(one).collect::<Vec<_>>());
    }
    grid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
        let small = Sample { train: 0, validation: 1, conflict: 0, ..Sample::default() };
        let bytes = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let store = Store::at(folder.path()).unwrap();
            pool.install(|| {
                plans(&small)
                    .par_iter()
                    .map(|plan| {
                        let (paths, annotated) = write_one(&store, &small, plan).unwrap();
                        (std::fs::read(&paths[0]).unwrap(), annotated.map(|annotated| annotated.xml))
                    })
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(bytes(1), bytes(4));
    }

    #[cfg(feature = "torch")]
    #[test]
    fn the_photographs_of_train_are_drawings_that_networks_were_trained_on() {
        use crate::sample::train::{Drawings, Training};
        let training = Training { pictures: 20, ..Training::of(Textures::Own) };
        let drawings = Drawings::draw(&training).unwrap();
        let sample = Sample { train: 2, ..Sample::default() };
        let all = plans(&sample);
        let own: Vec<&Plan> = all.iter().filter(|plan| plan.part == Part::Training).collect();
        assert_eq!(own.len(), 20);
        for plan in own {
            assert!(plan.oddity == Oddity::None, "the first of each class are plain");
            let (_, bytes) = draw_one(&sample, plan).unwrap();
            let seen = pixels::decode_bytes(&bytes, &pixels::Limits::default()).unwrap();
            let (crop, class) = drawings.picture(plan.number as usize);
            assert!(pixels::imagenet_crop(&seen).unwrap() == *crop && class == plan.shape as i64, "{}", plan.file);
        }
    }

    #[test]
    fn masks_are_of_the_photographs_and_fill_the_boxes_of_their_objects() {
        let sample = Sample { validation: 6, ..Sample::default() };
        let (masks, plans) = (masks(&sample).unwrap(), plans(&sample));
        let own: Vec<&Plan> = plans.iter().filter(|plan| plan.part == Part::Validation).collect();
        assert_eq!(masks.len(), own.len());
        for (object, plan) in masks.iter().zip(own) {
            assert_eq!((&object.file, object.class), (&plan.file, plan.shape));
            let (drawn, bytes) = draw_one(&sample, plan).unwrap();
            let photograph = pixels::decode_bytes(&bytes, &pixels::Limits::default()).unwrap();
            assert_eq!(object.mask.size(), (photograph.height(), photograph.width()));
            assert_eq!(drawn.boxes.len(), if plan.oddity == Oddity::TwoObjects { 2 } else { 1 });
            let end = |of: fn(&[u32; 4]) -> u32| drawn.boxes.iter().map(of).collect::<Vec<u32>>();
            let pixels = object.mask.pixels();
            let (rows, cols) = (pixels.iter().map(|pixel| pixel.row), pixels.iter().map(|pixel| pixel.col));
            assert_eq!(
                (rows.clone().min(), rows.max()),
                (end(|b| b[0]).into_iter().min(), end(|b| b[2]).into_iter().max())
            );
            assert_eq!(
                (cols.clone().min(), cols.max()),
                (end(|b| b[1]).into_iter().min(), end(|b| b[3]).into_iter().max())
            );
        }
    }

    #[test]
    fn every_class_has_every_oddity() {
        for kind in [Oddity::Grey, Oddity::TwoObjects, Oddity::NotAnnotated, Oddity::PngNamedJpeg] {
            assert!((0..Sample::default().validation).any(|index| oddity(index) == kind));
        }
    }
}
