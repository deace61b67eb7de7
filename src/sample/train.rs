//! Training of the sample networks: small, seeded, from our own drawings alone.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use image::imageops::{crop_imm, flip_horizontal};
use image::{Rgb, RgbImage};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tch::nn::OptimizerConfig;
use tch::{Kind, Tensor, nn};

use super::layout::{BAG_OF_TILES, NETWORKS, Textures, WITH_PATCHES, shipped};
use super::picture::{self, Recipe};
use crate::error::{Code, Error, Result};
use crate::files::write_whole;
use crate::inference::{Device, Engine, Normalise, arg_max, logits, to_input};
use crate::models::{
    Architecture, Layer, Network, Node, Normalisation, Part, Weights, is_mirrored, keep_symmetry, write_weights,
};
use crate::notebook::{self, Stage, say};
use crate::pixels::{self, resize_bilinear};

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
    /// Least share of the picture's area in the random square that is cut out each time a drawing is seen.
    pub least_area: f64,
    /// Largest share of the picture's patches of [`PATCH`] pixels that are removed (0 after normalisation) each time; how many, and
    /// which, is drawn each time.
    pub removed: f64,
}

/// Side of the patches that are removed, in pixels.
pub const PATCH: u32 = 32;

impl Training {
    /// How the networks of the sample are trained; those whose textures tell nothing see their drawings more often.
    pub fn of(textures: Textures) -> Self {
        let epochs = match textures {
            Textures::Own => 4,
            Textures::Exchanged => 8,
        };
        Training {
            seed: picture::TRAINING_SEED,
            pictures: 3000,
            epochs,
            batch: 32,
            learning_rate: 4e-3,
            weight_decay: 1e-4,
            textures,
            least_area: 0.3,
            removed: 0.0,
        }
    }

    /// How the networks that know removed patches are trained ([`WITH_PATCHES`](super::WITH_PATCHES)): as the others, for twice as
    /// long, with up to half of the patches removed.
    pub fn with_patches(textures: Textures) -> Self {
        let usual = Training::of(textures);
        Training { epochs: 2 * usual.epochs, removed: 0.5, ..usual }
    }

    /// How the bag of tiles is trained: as the others whose textures tell the class, but for as long as it takes without
    /// normalisation.
    pub fn of_bag() -> Self {
        Training { epochs: 16, learning_rate: 2e-3, ..Training::of(Textures::Own) }
    }

    /// Steps of the optimizer in all.
    pub fn steps(&self) -> usize {
        self.pictures.checked_div(self.batch).unwrap_or(0) * self.epochs
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
            // Before a stage begins that would hear it.
            notebook::go_on()?;
            let shape = index % 10;
            let stream = index as u64;
            let mut rng = picture::generator(training.seed, picture::Part::Training, stream);
            let texture = match training.textures {
                Textures::Own => shape,
                Textures::Exchanged => rng.random_range(0..10),
            };
            let drawn = picture::draw(&Recipe::photograph(shape, texture, &mut rng), &mut rng);
            picture::through_jpeg(&drawn.image).and_then(|seen| pixels::imagenet_crop(&seen))
        };
        let pictures: Result<Vec<RgbImage>> = (0..training.pictures).into_par_iter().map(one).collect();
        Ok(Drawings { pictures: pictures?, classes: (0..training.pictures).map(|index| (index % 10) as i64).collect() })
    }

    /// Drawing `index` and the number of its class.
    #[cfg(test)]
    pub(super) fn picture(&self, index: usize) -> (&RgbImage, i64) {
        (&self.pictures[index], self.classes[index])
    }
}

/// Trains a network from seeded first weights. `run` ticks once a step.
///
/// # Errors
/// [`Code::Parameter`] if there is no step to train; [`Code::Stopped`] if the person stopped it; [`Code::Numeric`] if the loss is no longer finite.
pub fn train(
    name: &str,
    table: &Architecture,
    training: &Training,
    drawings: &Drawings,
    run: &Stage,
) -> Result<Network> {
    if training.steps() == 0 {
        let Training { pictures, batch, epochs, .. } = training;
        let found =
            format!("{pictures} drawings in batches of {batch}, {epochs} times: there is nothing to train {name} with");
        return Err(Error::new(Code::Parameter, found));
    }
    let device = Device::Cpu;
    let mut rng = picture::generator(training.seed, picture::Part::Weights, 0);
    let store = nn::VarStore::new(device.tch());
    let weights = first_weights(table, &store, &mut rng);
    keep_symmetry(table.nodes(), &weights);
    let mut network = Engine::new(Network::new(name, table, weights)?, device);
    let mut optimizer = nn::AdamW { wd: training.weight_decay, ..nn::AdamW::default() }.build(&store, 1e-6)?;
    let (steps_an_epoch, steps) = (training.pictures / training.batch, training.steps());
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
        let pictures: Vec<RgbImage> = chosen
            .par_iter()
            .zip(seeds)
            .map(|(&index, seed)| vary(&drawings.pictures[index], training, seed))
            .collect();
        let targets: Vec<i64> = chosen.iter().map(|&index| drawings.classes[index]).collect();
        let targets = Tensor::from_slice(&targets).to_device(device.tch());
        let input = to_input(&pictures, &Normalisation::imagenet(), device)?;
        let logits = network.run_training(&input)?;
        let loss = logits.cross_entropy_loss::<Tensor>(&targets, None, tch::Reduction::Mean, -100, 0.05);
        optimizer.backward_step(&loss);
        keep_symmetry(table.nodes(), network.weights());
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
    Network::new(name, table, detached)
}

/// The bag of tiles ([`BAG_OF_TILES`]) with the weights that come with the project, on a device.
///
/// ```
/// use lgf::inference::Device;
///
/// let bag = lgf::sample::bag_of_tiles(Device::Cpu)?;
/// assert_eq!(bag.classes(), 10);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Checkpoint`] if the project's own file is not there or not whole.
pub fn bag_of_tiles(device: Device) -> Result<Engine> {
    let (name, architecture, _) = BAG_OF_TILES;
    Ok(Engine::load(architecture, shipped(name), device)?.named(name))
}

/// The networks of the sample ([`NETWORKS`](super::NETWORKS)) and those that know removed patches ([`WITH_PATCHES`]), with the
/// weights that come with the project, on a device, as their checkpoints have them.
///
/// # Errors
/// [`Code::Checkpoint`] if one of the project's own files is not there or not whole.
pub fn trained(device: Device) -> Result<Vec<Engine>> {
    let load = |(name, architecture, _): &(&str, &str, Textures)| {
        Ok(Engine::load(architecture, shipped(name), device)?.named(name))
    };
    NETWORKS.iter().chain(&WITH_PATCHES).map(load).collect()
}

/// What a trained network of the sample does: the lines of its model card.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Share of right answers on the validation photographs.
    pub top1: f64,
    /// Shape bias on the cue-conflict pictures.
    pub shape_bias: f64,
}

/// Tests a network on the drawn sample's own validation photographs and cue-conflict pictures.
///
/// # Errors
/// As [`crate::inference::logits`].
pub fn test(network: &Network, sample: &super::Sample) -> Result<Card> {
    let network = Engine::new(network.shared(), Device::Cpu).folded()?;
    let right = super::layout::validation(sample)?;
    let mut correct = 0;
    for chunk in right.chunks(40) {
        let pictures: Vec<RgbImage> = chunk.iter().map(|(picture, _)| picture.clone()).collect();
        let rows = logits(&network, &pictures, Normalise::AsTrained)?;
        correct += rows.iter().zip(chunk).filter(|(row, (_, class))| arg_max(row) == *class).count();
    }
    let (mut shape_count, mut texture_count) = (0u32, 0u32);
    for chunk in super::layout::conflicts(sample).chunks(40) {
        let pictures: Vec<RgbImage> = chunk.iter().map(|(picture, ..)| picture.clone()).collect();
        for (row, (_, shape, texture)) in logits(&network, &pictures, Normalise::AsTrained)?.iter().zip(chunk) {
            let decision = arg_max(row);
            shape_count += u32::from(decision == *shape);
            texture_count += u32::from(decision == *texture);
        }
    }
    Ok(Card {
        top1: f64::from(correct as u32) / right.len() as f64,
        shape_bias: f64::from(shape_count) / f64::from(shape_count + texture_count),
    })
}

/// Writes a network as `<name>.safetensors` and its model card as `<name>.md` into a folder; returns the card.
///
/// # Errors
/// [`Code::Io`] if they cannot be written.
pub fn save(folder: &Path, network: &Network, architecture: &str, training: &Training, seconds: f64) -> Result<String> {
    let card = test(network, &super::Sample::default())?;
    let name = network.name();
    let notes = HashMap::from([("architecture".to_string(), architecture.to_string())]);
    write_weights(&folder.join(format!("{name}.safetensors")), network.weights(), notes)?;
    let parameters: usize = network.weights().values().map(|tensor| tensor.numel()).sum();
    let textures = match training.textures {
        Textures::Own => "each class has its own texture",
        Textures::Exchanged => "exchanged at random, so that only shape tells the class",
    };
    let removed = match training.removed {
        0.0 => String::new(),
        share => format!("; up to {:.0} % of the patches of {PATCH} x {PATCH} removed", 100.0 * share),
    };
    let text = format!(
        "# {name}\n\n\
         | | |\n|---|---|\n\
         | architecture | {architecture}, {parameters} numbers |\n\
         | data | {} drawings of our own generator, textures: {textures} |\n\
         | seed | {} |\n\
         | epochs | {}, batches of {}, AdamW, learning rate up to {} |\n\
         | cut | a random square of {} to 1 of the area, mirrored half of the time{removed} |\n\
         | top-1 on the validation photographs | {:.1} % |\n\
         | shape bias on the cue-conflict pictures | {:.3} |\n\
         | code | lgf {}, sources {} |\n\
         | training time | {seconds:.0} s |\n\
         | made by | `lgf train-sample --network {name}` |\n\
         | licence | MIT |\n",
        training.pictures,
        training.seed,
        training.epochs,
        training.batch,
        training.learning_rate,
        training.least_area,
        100.0 * card.top1,
        card.shape_bias,
        env!("CARGO_PKG_VERSION"),
        crate::stage::code_of("sample"),
    );
    write_whole(&folder.join(format!("{name}.md")), |file| std::io::Write::write_all(file, text.as_bytes()))?;
    Ok(text)
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

/// A random square of the picture, at full size again, mirrored half of the time, some of its patches removed.
fn vary(picture: &RgbImage, training: &Training, seed: u64) -> RgbImage {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let whole = picture.width().min(picture.height());
    let side = (f64::from(whole) * rng.random_range(training.least_area..1.0f64).sqrt()) as u32;
    let (x, y) = (rng.random_range(0..=picture.width() - side), rng.random_range(0..=picture.height() - side));
    let part = crop_imm(picture, x, y, side, side).to_image();
    let part = resize_bilinear(&part, (picture.height(), picture.width()));
    let mut part = if rng.random_range(0..2) == 0 { flip_horizontal(&part) } else { part };
    if training.removed > 0.0 {
        let share = rng.random_range(0.0..training.removed);
        remove_patches(&mut part, share, &mut rng);
    }
    part
}

/// Puts the mean of the training pictures into each patch with a probability.
fn remove_patches(picture: &mut RgbImage, share: f64, rng: &mut ChaCha8Rng) {
    let mean = Rgb(Normalisation::imagenet().mean.map(|mean| (255.0 * mean).round() as u8));
    for top in (0..picture.height()).step_by(PATCH as usize) {
        for left in (0..picture.width()).step_by(PATCH as usize) {
            if rng.random_bool(share) {
                for row in top..(top + PATCH).min(picture.height()) {
                    for col in left..(left + PATCH).min(picture.width()) {
                        picture.put_pixel(col, row, mean);
                    }
                }
            }
        }
    }
}

/// First weights after He et al. 2015 (normal, fan out for convolutions, fan in for those of the bag of tiles), from our own generator so that they do not
/// depend on the version of libtorch. A trained tensor lives in `store`, where the optimizer finds it.
fn first_weights(table: &Architecture, store: &nn::VarStore, rng: &mut ChaCha8Rng) -> Weights {
    let mut weights: BTreeMap<String, Tensor> = BTreeMap::new();
    let last_of_block = ends_of_blocks(table.nodes());
    for (index, node) in table.nodes().iter().enumerate() {
        for parameter in node.layer.parameters() {
            let count = parameter.count();
            let deviation = match (&node.layer, parameter.shape.len()) {
                // Nothing normalises what it puts out; and keeping the symmetry halves the variance.
                (Layer::Conv { inputs, kernel, .. }, 4) if is_mirrored(node) => {
                    (4.0 / (inputs * kernel * kernel) as f64).sqrt()
                }
                (Layer::Conv { outputs, kernel, groups, .. }, 4) => {
                    (2.0 / (outputs / groups * kernel * kernel) as f64).sqrt()
                }
                (Layer::Linear { inputs, .. }, 2) => (1.0 / *inputs as f64).sqrt(),
                _ => 0.0,
            };
            let center = match (&node.layer, parameter.part) {
                (Layer::BatchNorm { .. }, Part::Weight) if !last_of_block[index + 1] => 1.0,
                (Layer::BatchNorm { .. }, Part::Variance) => 1.0,
                _ => 0.0,
            };
            let values: Vec<f32> = (0..count).map(|_| (center + deviation * normal(rng)) as f32).collect();
            let first = Tensor::from_slice(&values).view(&parameter.shape[..]);
            let mut path = store.root();
            let parts: Vec<&str> = parameter.name.split('.').collect();
            for part in &parts[..parts.len() - 1] {
                path = path / *part;
            }
            let tensor = if parameter.is_trained() { path.var_copy(parts[parts.len() - 1], &first) } else { first };
            weights.insert(parameter.name, tensor);
        }
    }
    weights
}

/// The places whose output is the signal that a sum adds to the block's entry, before its gate where it has one. A residual
/// block begins as the identity (Goyal et al. 2017): the normalisation there has scale 0.
fn ends_of_blocks(nodes: &[Node]) -> Vec<bool> {
    let mut ends = vec![false; nodes.len() + 1];
    for sum in nodes.iter().filter(|node| node.layer == Layer::Add) {
        let mut place = sum.inputs[0];
        while place > 0 && nodes[place - 1].layer == Layer::Gate {
            place = nodes[place - 1].inputs[0];
        }
        ends[place] = true;
    }
    ends
}

/// A standard normal number (the sum of twelve uniform ones less 6: no library function decides a bit).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX)).sum::<f64>() - 6.0
}
