//! Step 5.2 on a data root: maps and regions of some photographs for every network.

use std::collections::HashMap;
use std::path::Path;

use polars::prelude::*;
use tch::Tensor;

use super::engine::{Explained, Ledger, LedgerRow, Targets, explain_with, ledger_table};
use super::quality::localisation;
use super::rule::Composite;
use crate::error::{Code, Error, Result};
use crate::inference::{Engine, Normalise, finite_enough, halving, on_workers, softmax, to_input};
use crate::models::{Form, Layer};
use crate::notebook::{Progress, Stage, warn};
use crate::pixels::{self, Crop, HeatMap, PixelBox, PixelMask, RgbImage};
use crate::store::{ClassList, ImageFile, Reject, Store, check_room, floats, rejects_table, stacked, texts};

/// A region of one size for all networks: this share of the picture's pixels, those of highest relevance.
const AREA: f64 = 0.1;
/// A region of one mass for all networks: this share of the positive relevance, on the fewest pixels.
const MASS: f64 = 0.5;
/// Relevance that a layer's ledger cannot account for, as a share of all that it met: more than rounding makes.
const UNACCOUNTED: f64 = 1e-3;

/// Which class's logit is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The one that the network chose, right or wrong, as published (fault C4).
    Predicted,
    /// The one that the photograph shows.
    True,
    /// The output of this number.
    Class(usize),
}

/// How relevance is computed.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Parameters {
    /// Which rule each layer gets.
    pub composite: Composite,
    /// Which class is explained.
    pub target: Target,
    /// What is done to the pictures' values.
    pub normalise: Normalise,
    /// Pictures at a time; where the memory of the device does not suffice, halves of that.
    pub batch: usize,
}

/// Relevance of every network for some photographs. The networks are in the form that the composite asks for
/// ([`Composite::form`]).
///
/// Maps go to `lrp/<model>/<file>.npy`. The tables `lrp_regions` and, of each network, `lrp_regions_<model>` have one row a
/// photograph: `file, wnid, model, class, class_name, softmax, logit, relevance` (sum of the map), `kept` (that over the
/// logit), `positive, negative` (pixels of the published regions), `positive_mean, negative_mean` (what they lie beyond),
/// `area, mass` (pixels of the tenth of highest relevance, and of the fewest that hold half of the positive relevance). The
/// ledger of all photographs together is `lrp_ledger_<model>`; what was skipped is in `lrp_rejects`. Networks that are
/// finished are not run again.
///
/// # Errors
/// [`Code::Stopped`]; [`Code::Model`] if a photograph's class is no output, for a softmax, and for a layer that has no rule;
/// [`Code::Numeric`] if relevance is not finite for more than 0.1 % of the photographs, or if in most batches a layer loses
/// or makes some; [`Code::Image`] if more was skipped than may be.
pub fn explain_all(
    store: &Store,
    networks: &[Engine],
    images: &[ImageFile],
    classes: &ClassList,
    parameters: &Parameters,
    progress: Progress,
) -> Result<DataFrame> {
    networks.iter().try_for_each(|network| check_form(network, &parameters.composite))?;
    let mut tables = Vec::new();
    let mut rejects = Vec::new();
    for network in networks {
        let name = format!("lrp_regions_{}", network.name());
        let record = store.record_of_images(&name, &(parameters, network.fingerprint()?), images)?;
        if record.finished().is_none() {
            record.folder(&format!("lrp/{}", network.name()))?;
            // A map is a number of four bytes a pixel, and a header.
            let map = 4 * u64::from(Crop::SIDE).pow(2) + 128;
            check_room(store.root(), images.len() as u64 * map)?;
            let run = progress.about(network.name()).start(images.len(), "maps");
            let done = explain_network(network, images, classes, parameters, &run)?;
            run.finish();
            let (maps, skipped, ledger) = sorted(network, done)?;
            rejects.extend(skipped.iter().map(|(image, error)| Reject::of("relevance", &images[*image].id, error)));
            store.write_table("lrp_rejects", &rejects_table(&rejects)?)?;
            store.accept(&name, images.len() as u64, maps.len() as u64)?;
            let mut files = Vec::new();
            for (image, map) in &maps {
                files.push(store.write_unsynced(&map_name(network.name(), &images[*image].id), &map.map.to_npy())?);
            }
            files.extend(store.write_table(&name, &table(network, images, &maps, classes)?)?);
            files.extend(store.write_table(&format!("lrp_ledger_{}", network.name()), &ledger_table(&ledger)?)?);
            record.finish(images.len() as u64, maps.len() as u64, &files)?;
        }
        tables.push(store.table(&name)?);
    }
    let all = stacked(tables)?;
    store.write_table("lrp_regions", &all)?;
    Ok(all)
}

/// A composite for canonised networks meets one with batch normalisation, or the other way round: said before any work.
pub(super) fn check_form(network: &Engine, composite: &Composite) -> Result<()> {
    // What cannot be merged, because its numbers are not finite, shows in the logits.
    let plain = network.nodes().iter().any(|node| matches!(node.layer, Layer::BatchNorm { .. }));
    if plain && composite.form == Form::Folded && network.folded()?.nodes().len() < network.nodes().len() {
        let found =
            format!("{} has batch normalisation, and {} is for networks without", network.name(), composite.name);
        return Err(Error::new(Code::Model, found).hint("merge it into the convolutions: network.folded()?"));
    }
    Ok(())
}

/// One picture's map and what goes with it.
#[derive(Debug)]
struct Mapped {
    class: usize,
    softmax: f64,
    logit: f32,
    map: HeatMap<Crop>,
}

/// What came of a batch: a map or the reason for none, of each picture, and the ledger.
struct Batch {
    pictures: Vec<(usize, Result<Mapped>)>,
    ledger: Vec<LedgerRow>,
}

fn explain_network(
    network: &Engine,
    images: &[ImageFile],
    classes: &ClassList,
    parameters: &Parameters,
    run: &Stage,
) -> Result<Vec<Batch>> {
    let numbers: Vec<usize> = (0..images.len()).collect();
    let chunks: Vec<&[usize]> = numbers.chunks(parameters.batch.max(1)).collect();
    let load = |chunk: &&[usize]| {
        run.check()?;
        let crop = |&image: &usize| {
            let path = &images[image].path;
            (image, pixels::crop_of(path))
        };
        Ok(chunk.iter().map(crop).collect::<Vec<_>>())
    };
    let work = |networks: &[Engine], loaded: Vec<(usize, Result<RgbImage>)>| {
        run.check()?;
        let network = &networks[0];
        let mut pictures = Vec::new();
        let mut crops = Vec::new();
        for (image, crop) in loaded {
            match crop {
                Ok(crop) => crops.push((image, crop)),
                Err(error) => pictures.push((image, Err(error))),
            }
        }
        let mut ledger: Vec<LedgerRow> = Vec::new();
        let mut together =
            |crops: &[(usize, RgbImage)]| explain_crops(network, images, crops, classes, parameters, &mut ledger);
        let done = match halving(&crops, &mut together) {
            // One of them is not finite: which one it is, each by itself shows.
            Err(error) if error.code() == Code::Numeric => {
                let each = crops.iter().map(|crop| match together(std::slice::from_ref(crop)) {
                    Ok(mut one) => Ok(Ok(one.remove(0))),
                    Err(error) if error.code() == Code::Numeric => Ok(Err(error)),
                    Err(error) => Err(error),
                });
                each.collect::<Result<Vec<_>>>()?
            }
            done => done?,
        };
        pictures.extend(crops.iter().map(|(image, _)| *image).zip(done));
        pictures.iter().for_each(|(_, done)| if done.is_ok() { run.tick() } else { run.skip() });
        Ok(Batch { pictures, ledger })
    };
    on_workers(&[network], &chunks, load, work)
}

fn explain_crops(
    network: &Engine,
    images: &[ImageFile],
    crops: &[(usize, RgbImage)],
    classes: &ClassList,
    parameters: &Parameters,
    ledger: &mut Vec<LedgerRow>,
) -> Result<Vec<Mapped>> {
    if crops.is_empty() {
        return Ok(Vec::new());
    }
    // None if the network is to choose.
    let targets: Result<Option<Vec<usize>>> =
        crops.iter().map(|(image, _)| target(parameters.target, &images[*image], network, classes)).collect();
    let targets = targets?;
    let pictures: Vec<RgbImage> = crops.iter().map(|(_, crop)| crop.clone()).collect();
    let input = to_input(&pictures, &parameters.normalise.of(network), network.device())?;
    let wanted = targets.as_deref().map_or(Targets::Predicted, Targets::Each);
    let explained = explain_with(network, &input, wanted, &parameters.composite, Ledger::Kept)?;
    let logits = Vec::<f32>::try_from(
        explained.logits.to_device(tch::Device::Cpu).to_kind(tch::Kind::Float).contiguous().view(-1),
    )?;
    add(ledger, &explained.ledger);
    let maps = explained.maps()?.into_iter().zip(&explained.targets).zip(logits.chunks_exact(network.classes()));
    Ok(maps
        .map(|((map, &class), logits)| Mapped { class, softmax: softmax(logits)[class], logit: logits[class], map })
        .collect())
}

/// Adds what one batch's layers met to what those before it did.
fn add(ledger: &mut Vec<LedgerRow>, other: &[LedgerRow]) {
    if ledger.is_empty() {
        ledger.extend_from_slice(other);
        return;
    }
    for (row, other) in ledger.iter_mut().zip(other) {
        row.arrived += other.arrived;
        row.handed_on += other.handed_on;
        row.bias += other.bias;
        row.stabiliser += other.stabiliser;
        row.magnitude += other.magnitude;
        row.magnitude_on += other.magnitude_on;
    }
}

/// Maps, what was skipped, and the ledger of all; or why they cannot be trusted.
#[expect(clippy::type_complexity, reason = "three lists that are taken apart at once")]
fn sorted(
    network: &Engine,
    batches: Vec<Batch>,
) -> Result<(Vec<(usize, Mapped)>, Vec<(usize, Error)>, Vec<LedgerRow>)> {
    judged(network, &batches.iter().map(|batch| batch.ledger.clone()).collect::<Vec<_>>())?;
    let (mut maps, mut skipped, mut ledger) = (Vec::new(), Vec::new(), Vec::new());
    for batch in batches {
        add(&mut ledger, &batch.ledger);
        for (image, done) in batch.pictures {
            match done {
                Ok(map) => maps.push((image, map)),
                Err(error) => skipped.push((image, error)),
            }
        }
    }
    let what = format!("relevance of {}", network.name());
    finite_enough(&what, maps.len() + skipped.len(), skipped.iter().map(|(_, error)| error))
        .map_err(|error| error.hint("look for NaN in the weights, and at the ledger for the layer"))?;
    maps.sort_by_key(|(image, _)| *image);
    Ok((maps, skipped, ledger))
}

/// Whether layers keep what they meet: a warning if some batches' do not, an error if most do not.
pub(super) fn judged(network: &Engine, ledgers: &[Vec<LedgerRow>]) -> Result<()> {
    let unaccounted: Vec<&LedgerRow> = ledgers.iter().filter_map(|ledger| worst(ledger)).collect();
    if let Some(row) = unaccounted.iter().max_by(|a, b| a.unaccounted().total_cmp(&b.unaccounted())) {
        let found = format!(
            "relevance of {} is not conserved in {} of {} batches: layer {} ({}) lost or made {:.1e} of what it met",
            network.name(),
            unaccounted.len(),
            ledgers.len(),
            row.layer,
            row.kind,
            row.unaccounted()
        );
        if 2 * unaccounted.len() > ledgers.len() {
            return Err(
                Error::new(Code::Numeric, found).hint("raise the stabiliser of the composite, and look at its ledger")
            );
        }
        warn(&found);
    }
    Ok(())
}

/// The layer that lost or made most that it should not have, if any did.
fn worst(ledger: &[LedgerRow]) -> Option<&LedgerRow> {
    let wrong = ledger.iter().filter(|row| row.rule.accounts() && row.unaccounted() > UNACCOUNTED);
    wrong.max_by(|a, b| a.unaccounted().total_cmp(&b.unaccounted()))
}

/// The map that step 5.2 wrote for a network and a photograph.
///
/// # Errors
/// [`Code::Missing`] if step 5.2 has not run for them, [`Code::Table`] if the file is broken.
pub fn map_of(store: &Store, model: &str, id: &str) -> Result<HeatMap<Crop>> {
    let name = map_name(model, id);
    HeatMap::from_npy(&store.read(&name)?).map_err(|error| error.or_path(store.path(&name)))
}

/// How much of each map of step 5.2 lies on its photograph's object, the boxes of step 2 that are in the crop together, one row
/// a photograph and network: `file, model, mass, rank, points_at` (0 or 1), `chance` ([`Localisation`](super::Localisation)).
/// Photographs without a box in the crop are left out.
///
/// # Errors
/// As [`map_of`]; [`Code::Table`] if a column is missing.
pub fn localise(store: &Store, regions: &DataFrame, boxes: &DataFrame) -> Result<DataFrame> {
    let objects = objects(boxes)?;
    let (files, models) = (texts(regions, "file")?, texts(regions, "model")?);
    let (mut names, mut networks, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for (file, model) in files.into_iter().zip(models) {
        let map = map_of(store, &model, &file)?;
        let Some(own) = objects.get(&file) else { continue };
        let (height, width) = map.size();
        let mut object = PixelMask::empty(height, width);
        for one in own {
            object = object.or(&PixelMask::from_box(height, width, one))?;
        }
        if object.count() == 0 {
            continue;
        }
        found.push(localisation(&map, &object)?);
        names.push(file);
        networks.push(model);
    }
    Ok(df!(
        "file" => names,
        "model" => networks,
        "mass" => found.iter().map(|row| row.mass).collect::<Vec<_>>(),
        "rank" => found.iter().map(|row| row.rank).collect::<Vec<_>>(),
        "points_at" => found.iter().map(|row| f64::from(u8::from(row.points_at))).collect::<Vec<_>>(),
        "chance" => found.iter().map(|row| row.chance).collect::<Vec<_>>(),
    )?)
}

/// The boxes in the crop, by the photograph's identity.
fn objects(boxes: &DataFrame) -> Result<HashMap<String, Vec<PixelBox<Crop>>>> {
    let sides = ["crop_row", "crop_col", "crop_height", "crop_width"];
    let sides: Vec<Vec<f64>> = sides.iter().map(|name| floats(boxes, name)).collect::<Result<_>>()?;
    let mut objects: HashMap<String, Vec<PixelBox<Crop>>> = HashMap::new();
    for (row, file) in texts(boxes, "file")?.into_iter().enumerate() {
        let side = |index: usize| sides[index][row];
        // Missing where nothing of the object is in the crop.
        if side(0).is_finite() {
            let place = PixelBox::at(side(0) as u32, side(1) as u32);
            objects.entry(file).or_default().push(place.of_size(side(2) as u32, side(3) as u32));
        }
    }
    Ok(objects)
}

/// Relevance of some batches as one NumPy file: float32, `[n, 3, h, w]`, whole or not at all.
///
/// # Errors
/// [`Code::Io`] if it cannot be written; [`Code::Parameter`] if there is none or their sizes differ.
pub fn write_npy(path: &Path, batches: &[Explained]) -> Result<()> {
    if batches.is_empty() {
        return Err(Error::new(Code::Parameter, "no relevance to write"));
    }
    let parts: Vec<&Tensor> = batches.iter().map(|batch| &batch.relevance).collect();
    let all = Tensor::f_cat(&parts, 0)?.to_device(tch::Device::Cpu);
    let temporary = path.with_extension("npy.part");
    let written = all.write_npy(&temporary).map_err(|cause| match cause {
        tch::TchError::Io(cause) => Error::io("writing", path, cause),
        cause => Error::from(cause).or_path(path),
    });
    written
        .and_then(|()| std::fs::rename(&temporary, path).map_err(|cause| Error::io("writing", path, cause)))
        .inspect_err(
            // Best effort; the error that matters is the first one.
            |_| drop(std::fs::remove_file(&temporary)),
        )
}

fn map_name(model: &str, id: &str) -> String {
    format!("lrp/{model}/{id}.npy")
}

/// The class to explain of a photograph; `None` where the network is to choose.
pub(super) fn target(how: Target, image: &ImageFile, network: &Engine, classes: &ClassList) -> Result<Option<usize>> {
    match how {
        Target::Predicted => Ok(None),
        Target::Class(class) if class < network.classes() => Ok(Some(class)),
        Target::Class(class) => {
            let found = format!("target {class} is not among the {} outputs of {}", network.classes(), network.name());
            Err(Error::new(Code::Parameter, found).hint("targets are numbers of outputs, from 0 on"))
        }
        Target::True => classes.index_of(&image.wnid).map(Some).ok_or_else(|| {
            Error::new(Code::Model, format!("class {:?} is not among the outputs", image.wnid)).path(&image.path)
        }),
    }
}

fn table(network: &Engine, images: &[ImageFile], maps: &[(usize, Mapped)], classes: &ClassList) -> Result<DataFrame> {
    let whole =
        |of: &dyn Fn(&HeatMap<Crop>) -> u64| maps.iter().map(|(_, row)| of(&row.map) as i64).collect::<Vec<_>>();
    let means: Vec<(f64, f64)> = maps.iter().map(|(_, row)| row.map.signed_means()).collect();
    let area = |map: &HeatMap<Crop>| map.top((map.values().len() as f64 * AREA) as usize).count();
    Ok(df!(
        "file" => maps.iter().map(|(image, _)| images[*image].id.clone()).collect::<Vec<_>>(),
        "wnid" => maps.iter().map(|(image, _)| images[*image].wnid.clone()).collect::<Vec<_>>(),
        "model" => vec![network.name(); maps.len()],
        "class" => maps.iter().map(|(_, row)| row.class as i64).collect::<Vec<_>>(),
        "class_name" => maps.iter().map(|(_, row)| classes.name(row.class)).collect::<Vec<_>>(),
        "softmax" => maps.iter().map(|(_, row)| row.softmax).collect::<Vec<_>>(),
        "logit" => maps.iter().map(|(_, row)| f64::from(row.logit)).collect::<Vec<_>>(),
        "relevance" => maps.iter().map(|(_, row)| row.map.sum()).collect::<Vec<_>>(),
        "kept" => maps.iter().map(|(_, row)| row.map.sum() / f64::from(row.logit)).collect::<Vec<_>>(),
        "positive" => whole(&|map| map.positive_region().count()),
        "negative" => whole(&|map| map.negative_region().count()),
        "positive_mean" => means.iter().map(|means| means.0).collect::<Vec<_>>(),
        "negative_mean" => means.iter().map(|means| means.1).collect::<Vec<_>>(),
        "area" => whole(&area),
        "mass" => whole(&|map| map.mass_region(MASS).count()),
    )?)
}
