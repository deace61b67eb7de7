//! Training of the sample networks: small, seeded, from our own drawings alone.

use std::collections::BTreeMap;

use image::RgbImage;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tch::nn::OptimizerConfig;
use tch::{Kind, Tensor, nn};

use super::picture::{self, Recipe};
use crate::error::{Code, Error, Result};
use crate::models::{Architecture, BatchStatistics, Device, Layer, Network, Normalisation, Weights, to_input};
use crate::notebook::{Stage, say};

/// What the textures of the training pictures say about their class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Textures {
    /// Each picture's texture is that of its class: shape and texture both tell it.
    Own,
    /// Textures are exchanged at random: only shape tells the class (the counterpart of Stylized-ImageNet).
    Exchanged,
}

/// How a network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Seed of drawings, first weights and order.
    pub seed: u64,
    /// Number of drawings.
    pub pictures: usize,
    /// Times that each drawing is seen.
    pub epochs: usize,
    /// Drawings a step.
    pub batch: usize,
    /// Largest learning rate (AdamW, one cycle: up over the first fifth, down to nothing along a cosine).
    pub learning_rate: f64,
    /// Decay of the weights.
    pub weight_decay: f64,
    /// What textures say.
    pub textures: Textures,
}

impl Default for Training {
    fn default() -> Self {
        Training {
            seed: 2026,
            pictures: 4000,
            epochs: 6,
            batch: 32,
            learning_rate: 4e-3,
            weight_decay: 1e-4,
            textures: Textures::Own,
        }
    }
}

/// The drawings that a network is trained on, cropped to 224 x 224, with their classes.
pub struct Drawings {
    pictures: Vec<RgbImage>,
    classes: Vec<i64>,
}

impl Drawings {
    /// Draws them; the same seed gives the same bytes on any number of threads.
    ///
    /// # Errors
    /// None in practice: the pictures are well formed.
    pub fn draw(training: &Training) -> Result<Self> {
        let one = |index: usize| {
            let shape = index % 10;
            let stream = index as u64;
            let mut rng = picture::generator(training.seed, picture::Part::Training, stream);
            let texture = match training.textures {
                Textures::Own => shape,
                Textures::Exchanged => rng.random_range(0..10),
            };
            let drawn = picture::draw(&Recipe::photograph(shape, texture, &mut rng), &mut rng);
            picture::through_jpeg(&drawn.image).and_then(|seen| crate::pixels::imagenet_crop(&seen))
        };
        let pictures: Result<Vec<RgbImage>> = (0..training.pictures).into_par_iter().map(one).collect();
        Ok(Drawings { pictures: pictures?, classes: (0..training.pictures).map(|index| (index % 10) as i64).collect() })
    }
}

/// Trains a network from seeded first weights. `run` ticks once a step.
///
/// # Errors
/// [`Code::Stopped`] if the person stopped it; [`Code::Numeric`] if the loss is no longer finite.
pub fn train(name: &str, table: &Architecture, training: &Training, drawings: &Drawings, run: &Stage) -> Result<Network> {
    let device = Device::Cpu;
    let mut rng = picture::generator(training.seed, picture::Part::Weights, 0);
    let store = nn::VarStore::new(device.tch());
    let weights = first_weights(table, &store, &mut rng);
    let network = Network::new(name, table, weights, device)?;
    let mut optimizer = nn::AdamW { wd: training.weight_decay, ..nn::AdamW::default() }.build(&store, 1e-6)?;
    let steps_an_epoch = training.pictures / training.batch;
    let steps = steps_an_epoch * training.epochs;
    let mut order: Vec<usize> = (0..drawings.pictures.len()).collect();
    let (mut loss_sum, mut right) = (0.0, 0.0);
    for step in 0..steps {
        run.check()?;
        if step % steps_an_epoch == 0 {
            order.shuffle(&mut rng);
        }
        optimizer.set_lr(training.learning_rate * one_cycle(step as f64 / steps as f64));
        let from = step % steps_an_epoch * training.batch;
        let chosen = &order[from..from + training.batch];
        let seeds: Vec<u64> = chosen.iter().map(|_| rng.next_u64()).collect();
        let pictures: Vec<RgbImage> =
            chosen.par_iter().zip(seeds).map(|(&index, seed)| vary(&drawings.pictures[index], seed)).collect();
        let targets: Vec<i64> = chosen.iter().map(|&index| drawings.classes[index]).collect();
        let targets = Tensor::from_slice(&targets).to_device(device.tch());
        let input = to_input(&pictures, &Normalisation::imagenet(), device)?;
        let logits = network.run(&input, BatchStatistics::Batch)?;
        let loss = logits.cross_entropy_loss::<Tensor>(&targets, None, tch::Reduction::Mean, -100, 0.05);
        optimizer.backward_step(&loss);
        let value = loss.double_value(&[]);
        if !value.is_finite() {
            return Err(Error::new(Code::Numeric, format!("the loss of {name} became {value} at step {step}"))
                .hint("lower the learning rate"));
        }
        loss_sum += value;
        right += logits.argmax(-1, false).eq_tensor(&targets).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        run.tick();
        if (step + 1) % steps_an_epoch == 0 {
            let n = steps_an_epoch as f64;
            say(&format!(
                "{name}: epoch {} of {}, loss {:.3}, right {:.1} %",
                (step + 1) / steps_an_epoch,
                training.epochs,
                loss_sum / n,
                100.0 * right / n
            ));
            (loss_sum, right) = (0.0, 0.0);
        }
    }
    let detached = network.weights().iter().map(|(name, tensor)| (name.clone(), tensor.detach().copy())).collect();
    Network::new(name, table, detached, device)
}

/// Up along a line over the first fifth, then down along half a cosine; 0 to 1.
fn one_cycle(progress: f64) -> f64 {
    const RISE: f64 = 0.2;
    if progress < RISE {
        0.05 + 0.95 * progress / RISE
    } else {
        0.5 * (1.0 + (std::f64::consts::PI * (progress - RISE) / (1.0 - RISE)).cos())
    }
}

/// Mirrors half of the pictures and moves each by up to 16 pixels; what comes in repeats the border.
fn vary(picture: &RgbImage, seed: u64) -> RgbImage {
    if let Ok(low) = std::env::var("RRC") {
        let low: f64 = low.parse().unwrap();
        let mut rng = picture::generator(seed, picture::Part::Training, 0);
        let area: f64 = rng.random_range(low..1.0);
        let side = (224.0 * area.sqrt()) as u32;
        let (x, y) = (rng.random_range(0..=224 - side), rng.random_range(0..=224 - side));
        let part = image::imageops::crop_imm(picture, x, y, side, side).to_image();
        let part = crate::pixels::resize_bilinear(&part, (224, 224));
        return if seed & 1 == 1 { image::imageops::flip_horizontal(&part) } else { part };
    }
    let (mirror, rows, cols) = (seed & 1 == 1, (seed >> 8) % 33, (seed >> 16) % 33);
    let (height, width) = (i64::from(picture.height()), i64::from(picture.width()));
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let row = (i64::from(y) + rows as i64 - 16).clamp(0, height - 1);
        let col = (i64::from(x) + cols as i64 - 16).clamp(0, width - 1);
        let col = if mirror { width - 1 - col } else { col };
        *picture.get_pixel(col as u32, row as u32)
    })
}

/// First weights after He et al. 2015 (normal, fan out for convolutions), from our own generator so that they do not
/// depend on the version of libtorch. A trained tensor lives in `store`, where the optimizer finds it.
fn first_weights(table: &Architecture, store: &nn::VarStore, rng: &mut ChaCha8Rng) -> Weights {
    let mut weights: BTreeMap<String, Tensor> = BTreeMap::new();
    for node in table.nodes() {
        for parameter in node.layer.parameters() {
            let count: i64 = parameter.shape.iter().product();
            let deviation = match (&node.layer, parameter.shape.len()) {
                (Layer::Conv { outputs, kernel, groups, .. }, 4) => {
                    (2.0 / (outputs / groups * kernel * kernel) as f64).sqrt()
                }
                (Layer::Linear { inputs, .. }, 2) => (1.0 / *inputs as f64).sqrt(),
                _ => 0.0,
            };
            let ones = matches!(node.layer, Layer::BatchNorm { .. })
                && ["weight", "running_var"].iter().any(|part| parameter.name.ends_with(part));
            let center = if ones { 1.0 } else { 0.0 };
            let values: Vec<f32> = (0..count).map(|_| (center + deviation * normal(rng)) as f32).collect();
            let first = Tensor::from_slice(&values).view(&parameter.shape[..]);
            let mut path = store.root();
            let parts: Vec<&str> = parameter.name.split('.').collect();
            for part in &parts[..parts.len() - 1] {
                path = path / *part;
            }
            let tensor = if parameter.trained { path.var_copy(parts[parts.len() - 1], &first) } else { first };
            weights.insert(parameter.name, tensor);
        }
    }
    weights
}

/// A standard normal number (the sum of twelve uniform ones less 6: no library function decides a bit).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX)).sum::<f64>() - 6.0
}
