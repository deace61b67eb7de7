//! One picture of the sample: what is drawn, how large, and from which random numbers.

use image::RgbImage;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::draw;
use crate::error::Result;
use crate::pixels;

/// What a random stream is used for; streams of different parts never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The photographs of `val/`.
    Validation = 1,
    /// The cue-conflict pictures.
    Conflict = 2,
    /// The drawings that networks are trained on; the first of them are the photographs of `train/`.
    Training = 3,
    /// The first weights of networks.
    Weights = 4,
    /// The decisions of rules.
    Rules = 5,
    /// Silhouettes, whole and rearranged.
    Silhouettes = 6,
    /// Anagrams.
    Anagrams = 7,
    /// Photographs of which one thing is exchanged.
    Exchanges = 8,
}

/// Seed of the drawings that the shipped networks were trained on.
pub const TRAINING_SEED: u64 = 2026;

/// The generator of picture `number` of a part: the same on every machine and any number of threads.
pub fn generator(seed: u64, part: Part, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((part as u64) << 32) | number);
    rng
}

/// What to draw, and how large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Shape and texture of each object, one or two.
    pub objects: Vec<(usize, usize)>,
    /// Height and width.
    pub size: (u32, u32),
}

impl Recipe {
    /// One object in a picture of photograph-like size: short side 200 to 500, both orientations.
    pub fn photograph(shape: usize, texture: usize, rng: &mut ChaCha8Rng) -> Self {
        Recipe { objects: vec![(shape, texture)], size: photograph_size(rng) }
    }

    /// One object in 224 x 224, as the stimuli of Geirhos et al. are.
    pub(crate) fn stimulus(shape: usize, texture: usize) -> Self {
        Recipe { objects: vec![(shape, texture)], size: (224, 224) }
    }
}

/// Short side 200 to 500, ratio 1 to 1.5, lying or standing.
pub(crate) fn photograph_size(rng: &mut ChaCha8Rng) -> (u32, u32) {
    let short = rng.random_range(200..=500u32);
    let long = short * rng.random_range(100..=150u32) / 100;
    if rng.random_range(0..3u32) == 0 { (long, short) } else { (short, long) }
}

/// A drawn picture, the boxes of its objects, `[row_min, col_min, row_max, col_max]`, inclusive, and where they are.
pub struct Drawn {
    /// The picture.
    pub image: RgbImage,
    /// One box an object.
    pub boxes: Vec<[u32; 4]>,
    /// One mask an object: 1 where it is, 0 elsewhere; one byte a pixel, row by row.
    pub figures: Vec<Vec<u8>>,
}

/// Draws a recipe.
pub fn draw(recipe: &Recipe, rng: &mut ChaCha8Rng) -> Drawn {
    match recipe.objects[..] {
        [first, second, ..] => {
            let pair = draw::draw_two(first, second, recipe.size, rng);
            Drawn { image: pair.image, boxes: pair.bbox.to_vec(), figures: pair.figure.to_vec() }
        }
        _ => {
            let (shape, texture) = recipe.objects.first().copied().unwrap_or((0, 0));
            let one = draw::draw(shape, texture, recipe.size, rng);
            Drawn { image: one.image, boxes: vec![one.bbox], figures: vec![one.figure] }
        }
    }
}

/// Quality of the sample's JPEG files.
pub const JPEG_QUALITY: f32 = 90.0;

/// The picture as it comes back from disk.
///
/// # Errors
/// None in practice: what was encoded can be decoded.
pub(crate) fn through_jpeg(image: &RgbImage) -> Result<RgbImage> {
    pixels::decode_bytes(&pixels::encode_jpeg(image, JPEG_QUALITY)?, &pixels::Limits::default())
}
