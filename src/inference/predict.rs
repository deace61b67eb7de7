//! Pictures in batches, one row a picture and network out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use image::RgbImage;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::device::Device;
use super::engine::Engine;
use super::input::{Normalise, to_input};
use super::kept::Kept;
use super::logits::logits_of;
use super::prediction::{Prediction, Predictions};
use super::workers::halving;
use crate::error::{Code, Error, Result};
use crate::files::ImageFile;
use crate::models::Normalisation;
use crate::notebook::Stage;
use crate::pixels::{self, Sight, View};
use crate::stage::Portion;
use crate::table::Reject;

/// A picture to predict: where it is and what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its identity, in tables.
    pub id: String,
    /// Where it is.
    pub path: PathBuf,
    /// The class that it shows, as a WordNet id.
    pub wnid: String,
    /// How much of it networks see.
    pub seen: Sight,
}

impl Picture {
    /// A file by itself: it is called by its path, and what it shows is not known.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Picture { id: path.display().to_string(), path, wnid: String::new(), seen: Sight::BySize }
    }

    /// A photograph, and what it shows.
    pub fn of(image: &ImageFile) -> Self {
        Picture { id: image.id.clone(), path: image.path.clone(), wnid: image.wnid.clone(), seen: Sight::BySize }
    }
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

/// All networks on all pictures, in batches: photographs as each network sees them, those of 224 x 224 whole. Each picture is read once
/// for all networks, ahead of them, and the order is kept.
///
/// # Errors
/// [`Code::Stopped`] if the person stopped it, [`Code::Model`] from the networks. A picture that cannot be read, and one of
/// which a logit is not finite, is skipped and returned among the rejects; [`Code::Numeric`] if logits are not finite for more
/// than 0.1 % of the pictures.
pub fn predict_all(networks: &[&Engine], pictures: &[Picture], how: &Experiments, run: &Stage) -> Result<Predictions> {
    predict_kept(networks, pictures, how, (&Kept::nothing(), run))
}

/// As [`predict_all`], where an earlier run may have left some batches.
pub(super) fn predict_kept(
    networks: &[&Engine],
    pictures: &[Picture],
    how: &Experiments,
    (kept, run): (&Kept<'_>, &Stage),
) -> Result<Predictions> {
    let numbers: Vec<usize> = (0..pictures.len()).collect();
    let chunks: Vec<&[usize]> = numbers.chunks(how.batch.max(1)).collect();
    let views = views_of(networks.iter().copied());
    let load = |batch: usize| {
        let mut loaded = Batch::default();
        for &number in chunks[batch] {
            match read(&pictures[number], &views) {
                Ok(seen) => loaded.ready.push((number, seen)),
                Err(error) => {
                    run.skip();
                    loaded.rejects.push((number, Reject::of(STAGE, &pictures[number].id, &error)));
                }
            }
        }
        Ok(loaded)
    };
    let work = |networks: &[Engine], batch: Batch| predict_batch(networks, pictures, batch, (how, run));
    kept.batches(networks, &batches(pictures, how), run, (load, work))
}

/// The batches of some pictures: always the same ones, whoever does them, as what a network says can depend on them in the last
/// digit. Each has the identity of its first picture.
pub(super) fn batches<'p>(pictures: &'p [Picture], how: &Experiments) -> Vec<Portion<'p>> {
    let batch = |pictures: &'p [Picture]| Portion { id: &pictures[0].id, size: pictures.len() as u64 };
    pictures.chunks(how.batch.max(1)).map(batch).collect()
}

/// What tables of rejects say of what was skipped here, unless the step has another name.
pub(super) const STAGE: &str = "experiments";

/// What networks see of a picture, by their views.
type BySight = BTreeMap<View, RgbImage>;

/// Decoded pictures with their numbers, and those that could not be read.
#[derive(Default)]
struct Batch {
    ready: Vec<(usize, BySight)>,
    rejects: Vec<(usize, Reject)>,
}

fn predict_batch(
    networks: &[Engine],
    pictures: &[Picture],
    batch: Batch,
    (how, run): (&Experiments, &Stage),
) -> Result<Predictions> {
    if batch.ready.is_empty() {
        return Ok(Predictions { rows: Vec::new(), rejects: batch.rejects });
    }
    let seen: Vec<&BySight> = batch.ready.iter().map(|(_, seen)| seen).collect();
    let by_network = halving(&seen, &mut |seen: &[&BySight]| {
        by_picture(networks, how, |normalisation, view, device| {
            let pictures: Vec<RgbImage> = seen.iter().filter_map(|seen| seen.get(&view).cloned()).collect();
            to_input(&pictures, normalisation, device)
        })
    })?;
    let done = batch.ready.iter().map(|(number, _)| (*number, pictures[*number].id.as_str())).zip(by_network);
    let mut done = collected(networks, done, run);
    done.rejects.extend(batch.rejects);
    Ok(done)
}

/// One picture's logits, a row a network; or why there are none.
pub(super) type Rows = Result<Vec<Vec<f32>>>;

/// Logits of every network for a batch, picture by picture. Networks that want the same input share it.
pub(super) fn by_picture(
    networks: &[Engine],
    how: &Experiments,
    input: impl Fn(&Normalisation, View, Device) -> Result<Tensor>,
) -> Result<Vec<Rows>> {
    let mut shared: Vec<((Normalisation, View), Tensor)> = Vec::new();
    let mut pictures: Vec<Rows> = Vec::new();
    for network in networks {
        let wanted = (how.normalise.of(network), network.view());
        if !shared.iter().any(|(other, _)| *other == wanted) {
            shared.push((wanted, input(&wanted.0, wanted.1, network.device())?));
        }
        let ready = shared.iter().find(|(other, _)| *other == wanted);
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

/// Predictions out of logits by picture, each with its place and identity; what is not finite, or did not fit the device, is a
/// reject.
pub(super) fn collected<'p>(
    networks: &[Engine],
    pictures: impl Iterator<Item = ((usize, &'p str), Result<Rows>)>,
    run: &Stage,
) -> Predictions {
    let mut all = Predictions::default();
    for ((picture, id), rows) in pictures {
        match rows.flatten() {
            Ok(rows) => {
                run.tick();
                for (network, logits) in networks.iter().zip(rows) {
                    all.rows.push(Prediction { picture, model: network.name().to_string(), logits });
                }
            }
            Err(error) => {
                run.skip();
                all.rejects.push((picture, Reject::of(STAGE, id, &error)));
            }
        }
    }
    all
}

/// The views of some networks, each once.
pub(super) fn views_of<'e>(networks: impl Iterator<Item = &'e Engine>) -> BTreeSet<View> {
    networks.map(|network| network.view()).collect()
}

fn read(picture: &Picture, views: &BTreeSet<View>) -> Result<BySight> {
    let decoded = pixels::decode(&picture.path)?;
    views.iter().map(|view| Ok((*view, view.by(picture.seen, &decoded)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_59_a_network_that_gives_nan_is_an_error_with_its_name() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let network = Engine::load("slim-resnet50", root.join("tests/golden/slim-resnet50.pth"), Device::Cpu).unwrap();
        let mut weights: crate::models::Weights =
            network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
        weights.insert("fc.bias".into(), Tensor::from_slice(&[f32::NAN; 10]));
        let network = network.with_weights(weights).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, pixels::encode_png(&RgbImage::new(240, 240)).unwrap()).unwrap();
        let pictures = [Picture::at(path)];
        let how = Experiments { normalise: Normalise::AsTrained, batch: 1, keep: Keep::Chosen };
        let run = crate::notebook::Progress::silent().start(1, "pictures");
        let error = predict_all(&[&network], &pictures, &how, &run).unwrap_err();
        assert_eq!(error.code(), Code::Numeric);
        for part in ["1 of 1 pictures", "slim-resnet50", "layer fc (linear)", "fc.bias holds NaN"] {
            assert!(error.message().contains(part), "{part}: {error}");
        }
    }
}
