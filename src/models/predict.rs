//! Inference: pictures in, one row a picture and network out.

use std::path::PathBuf;

use image::RgbImage;
use polars::prelude::*;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::device::Device;
use super::network::Network;
use super::normalise::{Normalisation, Normalise, to_input};
use super::render::Studio;
use super::workers::{halving, on_workers};
use crate::datasets::{self, Change, Recipe, Smoothed, Smoother};
use crate::error::{Code, Error, Result};
use crate::files::ImageFile;
use crate::notebook::Stage;
use crate::pixels::{self, Crop};
use crate::study::ClassList;
use crate::table::Reject;

/// One row of logits a picture.
///
/// # Errors
/// As [`to_input`] and [`Network::forward`]; [`Code::Numeric`] if a logit is not finite.
pub fn logits(network: &Network, pictures: &[RgbImage], normalise: Normalise) -> Result<Vec<Vec<f32>>> {
    logits_of(network, &to_input(pictures, &normalise.of(network), network.device())?)?.into_iter().collect()
}

/// A row of logits for each picture of an input, or why they are not finite.
fn logits_of(network: &Network, input: &Tensor) -> Result<Vec<Result<Vec<f32>>>> {
    let output = network.forward(input)?.to_device(tch::Device::Cpu);
    let flat = Vec::<f32>::try_from(output.contiguous().view(-1))?;
    let row = |(picture, row): (usize, &[f32])| {
        if row.iter().all(|logit| logit.is_finite()) {
            Ok(row.to_vec())
        } else {
            Err(network.not_finite("logits", &input.narrow(0, picture as i64, 1)))
        }
    };
    Ok(flat.chunks_exact(network.classes()).enumerate().map(row).collect())
}

/// Softmax of one row of logits, in double precision; all NaN where one of them is NaN or the largest is infinite.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// A picture to predict: where it is and what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Where it is.
    pub path: PathBuf,
    /// The class that it shows, as a WordNet id.
    pub wnid: String,
}

/// What one network says of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The picture's place in the list that was given.
    pub picture: usize,
    /// The network's name.
    pub model: String,
    /// One logit a class.
    pub logits: Vec<f32>,
}

/// What came of a call: a prediction for each readable picture and network, and the pictures that were skipped.
#[derive(Debug, Default)]
pub struct Predictions {
    /// Picture by picture, and within each in the order of the networks.
    pub rows: Vec<Prediction>,
    /// The pictures that could not be read or did not fit the device, and those of which a logit is not finite, with their
    /// reasons.
    pub rejects: Vec<(usize, Error)>,
}

/// How networks are run over pictures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Experiments {
    /// What is done to the pictures' values.
    pub normalise: Normalise,
    /// Pictures at a time; where the memory of the device does not suffice, halves of that.
    pub batch: usize,
    /// What is kept beside the table.
    pub keep: Keep,
}

/// What is kept of the logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Those of the true and the predicted class, in the table of predictions.
    Chosen,
    /// All, in a table of their own beside it: a row a picture, a column a class.
    All,
}

/// All networks on all pictures (cropped to 224 where they are of another size), in batches. Each picture is read once
/// for all networks, ahead of them, and the order is kept.
///
/// # Errors
/// [`Code::Stopped`] if the person stopped it, [`Code::Model`] from the networks. A picture that cannot be read, and one of
/// which a logit is not finite, is skipped and returned among the rejects; [`Code::Numeric`] if logits are not finite for more
/// than 0.1 % of the pictures.
pub fn predict_all(networks: &[&Network], pictures: &[Picture], how: &Experiments, run: &Stage) -> Result<Predictions> {
    let numbers: Vec<usize> = (0..pictures.len()).collect();
    let chunks: Vec<&[usize]> = numbers.chunks(how.batch.max(1)).collect();
    let load = |chunk: &&[usize]| {
        run.check()?;
        let mut batch = Batch::default();
        for &number in chunk.iter() {
            match read_crop(&pictures[number]) {
                Ok(picture) => batch.ready.push((number, picture)),
                Err(error) => {
                    run.skip();
                    batch.rejects.push((number, error));
                }
            }
        }
        Ok(batch)
    };
    let parts = on_workers(networks, &chunks, load, |networks, batch| predict_batch(networks, batch, how, run))?;
    joined(parts, pictures.len())
}

/// The parts of a run over so many pictures.
fn joined(parts: Vec<Predictions>, pictures: usize) -> Result<Predictions> {
    let mut all = Predictions::default();
    for part in parts {
        all.rows.extend(part.rows);
        all.rejects.extend(part.rejects);
    }
    let rejects: Vec<Reject> = all.rejects.iter().map(|(_, error)| Reject::of("experiments", "", error)).collect();
    finite_enough("logits", pictures, &rejects)?;
    Ok(all)
}

/// More pictures without finite numbers than 0.1 % are a broken network, not broken pictures.
///
/// # Errors
/// [`Code::Numeric`] with the first picture's error if there are more among what a run left out over `all` pictures.
pub(crate) fn finite_enough(what: &str, all: usize, rejects: &[Reject]) -> Result<()> {
    const MOST: f64 = 0.001;
    let not_finite: Vec<&Reject> = rejects.iter().filter(|reject| reject.code == Code::Numeric).collect();
    match not_finite.first() {
        Some(first) if not_finite.len() as f64 > MOST * all as f64 => {
            let found = format!("no finite {what} for {} of {all} pictures: {}", not_finite.len(), first.message);
            Err(Error::new(Code::Numeric, found).hint("look for NaN and for very large numbers in the weights"))
        }
        _ => Ok(()),
    }
}

/// Decoded pictures with their numbers, and those that could not be read.
#[derive(Default)]
struct Batch {
    ready: Vec<(usize, RgbImage)>,
    rejects: Vec<(usize, Error)>,
}

fn predict_batch(networks: &[Network], batch: Batch, how: &Experiments, run: &Stage) -> Result<Predictions> {
    run.check()?;
    if batch.ready.is_empty() {
        return Ok(Predictions { rows: Vec::new(), rejects: batch.rejects });
    }
    let crops: Vec<&RgbImage> = batch.ready.iter().map(|(_, picture)| picture).collect();
    let by_network = halving(&crops, &mut |crops: &[&RgbImage]| {
        let owned: Vec<RgbImage> = crops.iter().map(|picture| (*picture).clone()).collect();
        by_picture(networks, how, |normalisation, device| to_input(&owned, normalisation, device))
    })?;
    let numbers = batch.ready.iter().map(|(number, _)| *number);
    let mut done = collected(networks, numbers.zip(by_network), run);
    done.rejects.extend(batch.rejects);
    Ok(done)
}

/// One picture's logits, a row a network; or why there are none.
type Rows = Result<Vec<Vec<f32>>>;

/// Logits of every network for a batch, picture by picture. Networks that want the same input share it.
fn by_picture(
    networks: &[Network],
    how: &Experiments,
    input: impl Fn(&Normalisation, Device) -> Result<Tensor>,
) -> Result<Vec<Rows>> {
    let mut shared: Vec<(Normalisation, Tensor)> = Vec::new();
    let mut pictures: Vec<Rows> = Vec::new();
    for network in networks {
        let wanted = how.normalise.of(network);
        if !shared.iter().any(|(normalisation, _)| *normalisation == wanted) {
            shared.push((wanted, input(&wanted, network.device())?));
        }
        let ready = shared.iter().find(|(normalisation, _)| *normalisation == wanted);
        let (_, tensor) = ready.ok_or_else(|| Error::new(Code::Model, "an input that was not made"))?;
        let rows = logits_of(network, tensor)?;
        pictures.resize_with(rows.len(), || Ok(Vec::new()));
        for (picture, row) in pictures.iter_mut().zip(rows) {
            match (picture.as_mut(), row) {
                (Ok(rows), Ok(row)) => rows.push(row),
                (Ok(_), Err(error)) => *picture = Err(error),
                (Err(_), _) => {}
            }
        }
    }
    Ok(pictures)
}

/// Predictions out of logits by picture; what is not finite, or did not fit the device, is a reject.
fn collected(networks: &[Network], pictures: impl Iterator<Item = (usize, Result<Rows>)>, run: &Stage) -> Predictions {
    let mut all = Predictions::default();
    for (picture, rows) in pictures {
        match rows.flatten() {
            Ok(rows) => {
                run.tick();
                for (network, logits) in networks.iter().zip(rows) {
                    all.rows.push(Prediction { picture, model: network.name().to_string(), logits });
                }
            }
            Err(error) => {
                run.skip();
                all.rejects.push((picture, error));
            }
        }
    }
    all
}

/// All networks on all variants of some photographs, made in memory on the device and never written: a list of predictions
/// in the order of the manifest that [`datasets::planned`] gives for the same photographs. Numbers are those of the files
/// where these are without loss.
///
/// # Errors
/// As [`predict_all`]; [`Code::Parameter`] for sizes that do not fit the crop.
pub fn predict_variants(
    networks: &[&Network],
    images: &[ImageFile],
    parameters: &datasets::Parameters,
    smoother: &dyn Smoother,
    how: &Experiments,
    run: &Stage,
) -> Result<Predictions> {
    // Where each photograph's recipes stand in a manifest, which is sorted by kind and then by photograph.
    let plans: Result<Vec<Vec<Recipe>>> =
        images.iter().map(|image| datasets::plan(&image.id, Crop::SIDE, parameters)).collect();
    let plans = plans?;
    let mut order: Vec<(datasets::Kind, usize, usize)> = Vec::new();
    for (image, plan) in plans.iter().enumerate() {
        order.extend(plan.iter().enumerate().map(|(index, recipe)| (recipe.kind, image, index)));
    }
    order.sort_by_key(|(kind, image, _)| (*kind, *image));
    let mut numbers: Vec<Vec<usize>> = plans.iter().map(|plan| vec![0; plan.len()]).collect();
    order.iter().enumerate().for_each(|(number, (_, image, index))| numbers[*image][*index] = number);

    let items: Vec<usize> = (0..images.len()).collect();
    let read = |image: usize| -> Result<(RgbImage, Smoothed)> {
        let photograph = pixels::decode(&images[image].path)?;
        let crop = pixels::imagenet_crop(&photograph)?;
        let smoothed = Smoothed::new(&photograph, &crop, &parameters.smoothing, smoother)?;
        Ok((crop, smoothed))
    };
    let load = |&image: &usize| {
        run.check()?;
        match read(image) {
            Err(error) if !error.is_of_picture(&images[image].path) => Err(error),
            read => Ok((image, read)),
        }
    };
    let work = |networks: &[Network], (image, read): (usize, Result<(RgbImage, Smoothed)>)| {
        let (crop, smoothed) = match read {
            Ok(read) => read,
            Err(error) => {
                // One photograph, all its variants.
                let reject = |&number: &usize| {
                    run.skip();
                    (number, Error::new(error.code(), error.message()).path(&images[image].path))
                };
                let rejects = numbers[image].iter().map(reject).collect();
                return Ok(Predictions { rows: Vec::new(), rejects });
            }
        };
        let mut studio = Studio::new(&crop, &images[image].id, parameters.seed);
        let mut all = Predictions::default();
        let places: Vec<usize> = (0..plans[image].len()).collect();
        for chunk in places.chunks(how.batch.max(1)) {
            run.check()?;
            let rows = halving(chunk, &mut |chunk: &[usize]| {
                let changes: Vec<&Change> = chunk.iter().map(|&place| &plans[image][place].change).collect();
                let bytes = studio.batch(&changes, &smoothed, networks.first().map_or(Device::Cpu, Network::device))?;
                by_picture(networks, how, |normalisation, _| super::render::normalised(&bytes, normalisation))
            })?;
            let done = collected(networks, chunk.iter().map(|&place| numbers[image][place]).zip(rows), run);
            all.rows.extend(done.rows);
            all.rejects.extend(done.rejects);
        }
        Ok(all)
    };
    let parts = on_workers(networks, &items, load, work)?;
    let mut all = joined(parts, order.len())?;
    all.rows.sort_by_key(|row| row.picture);
    all.rejects.sort_by_key(|(picture, _)| *picture);
    Ok(all)
}

fn read_crop(picture: &Picture) -> Result<RgbImage> {
    let decoded = pixels::decode(&picture.path)?;
    if decoded.dimensions() == (Crop::SIDE, Crop::SIDE) { Ok(decoded) } else { pixels::imagenet_crop(&decoded) }
}

/// Predictions as a table, one row a picture and network: the published columns (`file`, `pred_acc`, `pred_class`,
/// `pred_logit`, `pred_name`, `true_acc`, `true_class`, `true_logit`, `true_name`, `model`; the two `_acc` are softmax
/// values, fault C1) and `top1`, `top5`, `margin` (true logit less the best other), `entropy` (nats).
///
/// # Errors
/// [`Code::Model`] if a picture's class is not among the outputs, or their number differs from the list of classes;
/// [`Code::Numeric`] if a logit is not finite.
pub fn prediction_table(predictions: &[Prediction], pictures: &[Picture], classes: &ClassList) -> Result<DataFrame> {
    let mut rows = Vec::with_capacity(predictions.len());
    for prediction in predictions {
        let picture = &pictures[prediction.picture];
        if prediction.logits.len() != classes.len() {
            let found = format!(
                "{} has {} outputs, the list of classes {}",
                prediction.model,
                prediction.logits.len(),
                classes.len()
            );
            return Err(Error::new(Code::Model, found).hint("choose the list of classes in study.json"));
        }
        let target = classes.index_of(&picture.wnid).ok_or_else(|| {
            Error::new(Code::Model, format!("class {:?} is not among the network's outputs", picture.wnid))
                .path(&picture.path)
        })?;
        if let Some(logit) = prediction.logits.iter().find(|logit| !logit.is_finite()) {
            let found = format!("a logit of {} is {logit}, expected finite ones", prediction.model);
            return Err(Error::new(Code::Numeric, found).path(&picture.path));
        }
        rows.push(Row::new(prediction, target));
    }
    let file = |row: &Row<'_>| {
        let path = &pictures[row.prediction.picture].path;
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    };
    let table = df!(
        "file" => rows.iter().map(file).collect::<Vec<_>>(),
        "model" => rows.iter().map(|row| row.prediction.model.clone()).collect::<Vec<_>>(),
        "pred_acc" => rows.iter().map(|row| row.probability[row.best]).collect::<Vec<_>>(),
        "pred_class" => rows.iter().map(|row| row.best as i64).collect::<Vec<_>>(),
        "pred_logit" => rows.iter().map(|row| f64::from(row.prediction.logits[row.best])).collect::<Vec<_>>(),
        "pred_name" => rows.iter().map(|row| classes.name(row.best)).collect::<Vec<_>>(),
        "true_acc" => rows.iter().map(|row| row.probability[row.target]).collect::<Vec<_>>(),
        "true_class" => rows.iter().map(|row| row.target as i64).collect::<Vec<_>>(),
        "true_logit" => rows.iter().map(|row| f64::from(row.prediction.logits[row.target])).collect::<Vec<_>>(),
        "true_name" => rows.iter().map(|row| classes.name(row.target)).collect::<Vec<_>>(),
        "top1" => rows.iter().map(|row| row.best == row.target).collect::<Vec<_>>(),
        "top5" => rows.iter().map(|row| row.rank < 5).collect::<Vec<_>>(),
        "margin" => rows.iter().map(|row| f64::from(row.margin)).collect::<Vec<_>>(),
        "entropy" => rows.iter().map(|row| row.entropy).collect::<Vec<_>>(),
    )?;
    Ok(table)
}

struct Row<'a> {
    prediction: &'a Prediction,
    probability: Vec<f64>,
    best: usize,
    target: usize,
    rank: usize,
    margin: f32,
    entropy: f64,
}

impl<'a> Row<'a> {
    fn new(prediction: &'a Prediction, target: usize) -> Self {
        let logits = &prediction.logits;
        let probability = softmax(logits);
        let best = arg_max(logits);
        let rank = logits.iter().filter(|&&logit| logit > logits[target]).count();
        let others = logits.iter().enumerate().filter(|(class, _)| *class != target).map(|(_, &logit)| logit);
        let margin = logits[target] - others.fold(f32::NEG_INFINITY, f32::max);
        let entropy = -probability.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
        Row { prediction, probability, best, target, rank, margin, entropy }
    }
}

/// The class of the largest logit; of equal ones the first. NaN comes before every number, as in torch.
pub fn arg_max(logits: &[f32]) -> usize {
    let before = |a: f32, b: f32| a > b || (a.is_nan() && !b.is_nan());
    (0..logits.len()).reduce(|best, class| if before(logits[class], logits[best]) { class } else { best }).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_sums_to_one_and_keeps_the_order() {
        let p = softmax(&[1000.0, 999.0, -50.0]);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(p[0] > p[1] && p[1] > p[2]);
    }

    #[test]
    fn bad_input_79_no_comparison_of_logits_drops_what_is_not_a_number() {
        for wrong in [[f32::NAN, 1.0, 2.0], [1.0, f32::NAN, 2.0], [1.0, 2.0, f32::NAN]] {
            assert!(wrong[arg_max(&wrong)].is_nan(), "{wrong:?}");
            assert!(softmax(&wrong).iter().all(|share| share.is_nan()), "{wrong:?}");
        }
        assert!(softmax(&[1.0, f32::INFINITY]).iter().all(|share| share.is_nan()));
        assert_eq!((arg_max(&[1.0, 3.0, 3.0]), softmax(&[0.0, f32::NEG_INFINITY])), (1, vec![1.0, 0.0]));
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n90000002".into() }];
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for class in 0..10 {
                let mut logits = vec![0.0; 10];
                logits[class] = wrong;
                let predictions = [Prediction { picture: 0, model: "m".into(), logits }];
                let error = prediction_table(&predictions, &pictures, &ClassList::sample()).unwrap_err();
                assert_eq!(error.code(), Code::Numeric);
                assert!(error.to_string().contains(&format!("a/x.png: a logit of m is {wrong}")), "{error}");
            }
        }
    }

    #[test]
    fn the_table_has_both_softmaxes_and_the_margin() {
        let classes = ClassList::sample();
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n90000002".into() }];
        let mut logits = vec![0.0; 10];
        (logits[0], logits[1]) = (3.0, 2.0);
        let predictions = [Prediction { picture: 0, model: "m".into(), logits }];
        let table = prediction_table(&predictions, &pictures, &classes).unwrap();
        assert_eq!(crate::table::integers(&table, "pred_class").unwrap(), [0]);
        assert_eq!(crate::table::floats(&table, "margin").unwrap(), [-1.0]);
        assert_eq!(crate::table::bools(&table, "top5").unwrap(), [true]);
    }

    #[test]
    fn bad_input_59_more_than_a_thousandth_without_finite_logits_is_an_error() {
        let broken = Error::new(Code::Numeric, "m gave a logit that is not finite");
        let unread = Error::new(Code::Image, "cut");
        let of = |errors: &[&Error]| errors.iter().map(|error| Reject::of("m", "", error)).collect::<Vec<_>>();
        assert!(finite_enough("logits", 1000, &of(&[&broken, &unread, &unread])).is_ok());
        let error = finite_enough("logits", 1000, &of(&[&unread, &broken, &broken])).unwrap_err();
        assert_eq!(error.code(), Code::Numeric);
        assert!(error.message().contains("2 of 1000") && error.message().contains("m gave"), "{error}");
    }

    #[test]
    fn bad_input_59_a_network_that_gives_nan_is_an_error_with_its_name() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let network = Network::load("slim-resnet50", root.join("tests/golden/slim-resnet50.pth"), Device::Cpu).unwrap();
        let mut weights: super::super::Weights =
            network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
        weights.insert("fc.bias".into(), Tensor::from_slice(&[f32::NAN; 10]));
        let network = network.with_weights(weights).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, pixels::encode_png(&RgbImage::new(240, 240)).unwrap()).unwrap();
        let pictures = [Picture { path, wnid: String::new() }];
        let how = Experiments { normalise: Normalise::AsTrained, batch: 1, keep: Keep::Chosen };
        let run = crate::notebook::Progress::silent().start(1, "pictures");
        let error = predict_all(&[&network], &pictures, &how, &run).unwrap_err();
        assert_eq!(error.code(), Code::Numeric);
        for part in ["1 of 1 pictures", "slim-resnet50", "layer fc (linear)", "fc.bias holds NaN"] {
            assert!(error.message().contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn bad_input_62_classes_and_outputs_of_another_number_are_refused() {
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n90000002".into() }];
        for outputs in [9, 11, 1000] {
            let predictions = [Prediction { picture: 0, model: "m".into(), logits: vec![0.0; outputs] }];
            let error = prediction_table(&predictions, &pictures, &ClassList::sample()).unwrap_err();
            assert_eq!(error.code(), Code::Model);
            let found = format!("m has {outputs} outputs, the list of classes 10");
            assert!(error.to_string().contains(&found) && error.to_string().contains("study.json"), "{error}");
        }
    }

    #[test]
    fn a_class_that_the_network_lacks_is_an_error() {
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n01440764".into() }];
        let predictions = [Prediction { picture: 0, model: "m".into(), logits: vec![0.0; 10] }];
        let error = prediction_table(&predictions, &pictures, &ClassList::sample()).unwrap_err();
        assert!(error.to_string().contains("n01440764"), "{error}");
    }
}
