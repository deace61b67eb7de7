//! Inference: pictures in, one row a picture and network out.

use std::path::PathBuf;

use image::RgbImage;
use polars::prelude::*;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::device::Device;
use super::network::Network;
use super::workers::on_workers;
use crate::error::{Code, Error, Result};
use crate::notebook::Stage;
use crate::pixels;
use crate::store::ClassList;

/// What is taken from, and divided out of, each colour channel in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Taken from red, green, blue.
    pub mean: [f32; 3],
    /// Divided out of red, green, blue.
    pub std: [f32; 3],
}

impl Normalisation {
    /// What the networks of torchvision and pretrainedmodels were trained with.
    pub fn imagenet() -> Self {
        Normalisation { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    }

    /// Values in [0, 1] as they are: what the published study gave to its networks (fault B1).
    pub fn none() -> Self {
        Normalisation { mean: [0.0; 3], std: [1.0; 3] }
    }
}

/// A batch `[n, 3, h, w]` of pictures of one size, normalised.
///
/// # Errors
/// [`Code::Parameter`] if there is no picture or the sizes differ.
pub fn to_input(pictures: &[RgbImage], normalisation: &Normalisation, device: Device) -> Result<Tensor> {
    let Some(first) = pictures.first() else {
        return Err(Error::new(Code::Parameter, "a batch of no pictures"));
    };
    let (width, height) = first.dimensions();
    if let Some(other) = pictures.iter().find(|picture| picture.dimensions() != (width, height)) {
        let found = format!("pictures of {height} x {width} and {} x {} in one batch", other.height(), other.width());
        return Err(Error::new(Code::Parameter, found));
    }
    let plane = height as usize * width as usize;
    let mut values = vec![0f32; pictures.len() * 3 * plane];
    for (target, picture) in values.chunks_mut(3 * plane).zip(pictures) {
        for channel in 0..3 {
            let (mean, std) = (normalisation.mean[channel], normalisation.std[channel]);
            // One division a byte value and channel, as torchvision: (v / 255 - mean) / std.
            let table: Vec<f32> = (0..256).map(|value| (value as f32 / 255.0 - mean) / std).collect();
            let source = picture.as_raw().iter().skip(channel).step_by(3);
            for (value, &byte) in target[channel * plane..][..plane].iter_mut().zip(source) {
                *value = table[usize::from(byte)];
            }
        }
    }
    let shape = [pictures.len() as i64, 3, i64::from(height), i64::from(width)];
    Ok(Tensor::from_slice(&values).view(shape).to_device(device.tch()))
}

/// One row of logits a picture.
///
/// # Errors
/// As [`to_input`] and [`Network::forward`]; [`Code::Numeric`] if a logit is not finite.
pub fn logits(network: &Network, pictures: &[RgbImage], normalisation: &Normalisation) -> Result<Vec<Vec<f32>>> {
    let output = network.forward(&to_input(pictures, normalisation, network.device())?)?;
    let flat = Vec::<f32>::try_from(output.to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous().view(-1))?;
    let rows: Vec<Vec<f32>> = flat.chunks_exact(network.classes()).map(<[f32]>::to_vec).collect();
    match rows.iter().flatten().find(|logit| !logit.is_finite()) {
        Some(logit) => Err(Error::new(Code::Numeric, format!("{} gave the logit {logit}", network.name()))),
        None => Ok(rows),
    }
}

/// Softmax of one row of logits, in double precision.
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
#[derive(Debug)]
pub struct Predictions {
    /// Picture by picture, and within each in the order of the networks.
    pub rows: Vec<Prediction>,
    /// The pictures that could not be read, with their reasons.
    pub rejects: Vec<(usize, Error)>,
}

/// All networks on all pictures (cropped to 224 where they are of another size), in batches. Each picture is read once
/// for all networks.
///
/// # Errors
/// [`Code::Stopped`] if the person stopped it, [`Code::Model`] and [`Code::Numeric`] from the networks. A picture that
/// cannot be read is skipped and returned among the rejects.
pub fn predict_all(
    networks: &[&Network],
    pictures: &[Picture],
    normalisation: &Normalisation,
    batch: usize,
    run: &Stage,
) -> Result<Predictions> {
    let indexed: Vec<(usize, &Picture)> = pictures.iter().enumerate().collect();
    let chunks: Vec<&[(usize, &Picture)]> = indexed.chunks(batch.max(1)).collect();
    let parts = on_workers(networks, &chunks, |networks, chunk| predict_chunk(networks, chunk, normalisation, run))?;
    let mut all = Predictions { rows: Vec::new(), rejects: Vec::new() };
    for part in parts {
        all.rows.extend(part.rows);
        all.rejects.extend(part.rejects);
    }
    Ok(all)
}

fn predict_chunk(
    networks: &[Network],
    chunk: &[(usize, &Picture)],
    normalisation: &Normalisation,
    run: &Stage,
) -> Result<Predictions> {
    run.check()?;
    let mut all = Predictions { rows: Vec::new(), rejects: Vec::new() };
    let (mut ready, mut numbers) = (Vec::new(), Vec::new());
    for (index, picture) in chunk {
        match read_crop(picture) {
            Ok(picture) => {
                ready.push(picture);
                numbers.push(*index);
            }
            Err(error) => {
                run.skip();
                all.rejects.push((*index, error));
            }
        }
    }
    if ready.is_empty() {
        return Ok(all);
    }
    let by_network: Result<Vec<Vec<Vec<f32>>>> =
        networks.iter().map(|network| logits(network, &ready, normalisation)).collect();
    let by_network = by_network?;
    for (place, &picture) in numbers.iter().enumerate() {
        run.tick();
        for (network, rows) in networks.iter().zip(&by_network) {
            let model = network.name().to_string();
            all.rows.push(Prediction { picture, model, logits: rows[place].clone() });
        }
    }
    Ok(all)
}

fn read_crop(picture: &Picture) -> Result<RgbImage> {
    let decoded = pixels::decode(&picture.path)?;
    if decoded.dimensions() == (224, 224) { Ok(decoded) } else { pixels::imagenet_crop(&decoded) }
}

/// Predictions as a table, one row a picture and network: the published columns (`file`, `pred_acc`, `pred_class`,
/// `pred_logit`, `pred_name`, `true_acc`, `true_class`, `true_logit`, `true_name`, `model`; the two `_acc` are softmax
/// values, fault C1) and `top1`, `top5`, `margin` (true logit less the best other), `entropy` (nats).
///
/// # Errors
/// [`Code::Model`] if a picture's class is not among the outputs, or their number differs from the list of classes.
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
        "pred_logit" => rows.iter().map(|row| row.prediction.logits[row.best]).collect::<Vec<_>>(),
        "pred_name" => rows.iter().map(|row| classes.name(row.best)).collect::<Vec<_>>(),
        "true_acc" => rows.iter().map(|row| row.probability[row.target]).collect::<Vec<_>>(),
        "true_class" => rows.iter().map(|row| row.target as i64).collect::<Vec<_>>(),
        "true_logit" => rows.iter().map(|row| row.prediction.logits[row.target]).collect::<Vec<_>>(),
        "true_name" => rows.iter().map(|row| classes.name(row.target)).collect::<Vec<_>>(),
        "top1" => rows.iter().map(|row| row.best == row.target).collect::<Vec<_>>(),
        "top5" => rows.iter().map(|row| row.rank < 5).collect::<Vec<_>>(),
        "margin" => rows.iter().map(|row| row.margin).collect::<Vec<_>>(),
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

/// The class of the largest logit; of equal ones the first.
pub fn arg_max(logits: &[f32]) -> usize {
    (0..logits.len()).reduce(|best, class| if logits[class] > logits[best] { class } else { best }).unwrap_or(0)
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
    fn the_table_has_both_softmaxes_and_the_margin() {
        let classes = ClassList::sample();
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n90000002".into() }];
        let mut logits = vec![0.0; 10];
        (logits[0], logits[1]) = (3.0, 2.0);
        let predictions = [Prediction { picture: 0, model: "m".into(), logits }];
        let table = prediction_table(&predictions, &pictures, &classes).unwrap();
        assert_eq!(crate::store::integers(&table, "pred_class").unwrap(), [0]);
        assert_eq!(crate::store::floats(&table, "margin").unwrap(), [-1.0]);
        assert_eq!(crate::store::bools(&table, "top5").unwrap(), [true]);
    }

    #[test]
    fn a_class_that_the_network_lacks_is_an_error() {
        let pictures = [Picture { path: "a/x.png".into(), wnid: "n01440764".into() }];
        let predictions = [Prediction { picture: 0, model: "m".into(), logits: vec![0.0; 10] }];
        let error = prediction_table(&predictions, &pictures, &ClassList::sample()).unwrap_err();
        assert!(error.to_string().contains("n01440764"), "{error}");
    }

    #[test]
    fn input_is_normalised_channel_by_channel() {
        let picture = RgbImage::from_pixel(2, 1, image::Rgb([0, 255, 51]));
        let input = to_input(&[picture], &Normalisation::none(), Device::Cpu).unwrap();
        let values = Vec::<f32>::try_from(input.view(-1)).unwrap();
        assert_eq!(values, [0.0, 0.0, 1.0, 1.0, 0.2, 0.2]);
    }
}
