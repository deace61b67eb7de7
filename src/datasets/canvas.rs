//! One photograph on its way to its variants, and what a variant is before it is a picture.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use image::RgbImage;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::rearrange::{gathered, put, reordered};
use super::smoother::Smoother;
use crate::error::{Code, Error, Result};
use crate::files::sha256_hex;
use crate::pixels::{Crop, PixelBox};

/// A photograph as plans know it: its identity ([`ImageFile::id`](crate::files::ImageFile::id)), the side of its square crop in
/// pixels, and the seed of all that is left to chance.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its identity.
    pub id: &'a str,
    /// Side of the crop.
    pub side: u32,
    /// Seed.
    pub seed: u64,
}

impl Subject<'_> {
    /// The generator of one purpose for this photograph: adding another photograph or purpose changes nothing.
    pub fn generator(&self, purpose: &str) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let stream = sha256_hex(format!("{}/{purpose}", self.id).as_bytes());
        rng.set_stream(u64::from_str_radix(&stream[..15], 16).unwrap_or(0));
        rng
    }
}

/// What variants of one photograph are drawn from, and what they share.
pub struct Canvas<'a> {
    /// Whose it is.
    pub subject: Subject<'a>,
    /// The whole photograph.
    pub photograph: &'a RgbImage,
    /// Its crop.
    pub crop: &'a RgbImage,
    /// What smooths it.
    pub smoother: &'a dyn Smoother,
    kept: Vec<Box<dyn Any>>,
}

impl<'a> Canvas<'a> {
    /// For a photograph and its crop; `id` is its identity.
    pub fn new(
        (photograph, crop): (&'a RgbImage, &'a RgbImage),
        id: &'a str,
        seed: u64,
        smoother: &'a dyn Smoother,
    ) -> Self {
        let subject = Subject { id, side: crop.width(), seed };
        Canvas { subject, photograph, crop, smoother, kept: Vec::new() }
    }

    /// What several variants share: the first `T` for which `is` holds, made where there is none yet.
    ///
    /// # Errors
    /// As `make`.
    pub fn shared<T: Any>(&mut self, is: impl Fn(&T) -> bool, make: impl FnOnce(&Self) -> Result<T>) -> Result<&T> {
        let fits = |kept: &Box<dyn Any>| kept.downcast_ref().is_some_and(&is);
        let place = match self.kept.iter().position(fits) {
            Some(place) => place,
            None => {
                let made = make(self)?;
                self.kept.push(Box::new(made));
                self.kept.len() - 1
            }
        };
        self.kept[place].downcast_ref().ok_or_else(|| Error::new(Code::Parameter, "a canvas that lost what it kept"))
    }
}

/// A variant of a crop. What is no picture yet is cheaper to store or to make on a device than a picture is.
#[derive(Debug, Clone)]
pub enum Drawn {
    /// The crop as it is.
    Crop,
    /// Square blocks of a side in another order: place `k` shows block `order[k]`, both row by row.
    Blocks {
        /// Side of the blocks in pixels.
        block: u32,
        /// The order.
        order: Arc<[u32]>,
    },
    /// For each pixel, row by row, the number of the pixel of the crop that it shows.
    Sources(Vec<u32>),
    /// The crop, with some boxes showing what another picture of its size has there.
    Boxes {
        /// The boxes.
        boxes: Vec<PixelBox<Crop>>,
        /// The other picture.
        filling: Arc<RgbImage>,
    },
    /// A picture of the crop's size.
    Picture(Arc<RgbImage>),
}

impl Drawn {
    /// As a picture.
    ///
    /// # Errors
    /// [`Code::Parameter`] for blocks that do not fill the crop.
    pub fn picture<'d>(&'d self, crop: &'d RgbImage) -> Result<Cow<'d, RgbImage>> {
        Ok(match self {
            Drawn::Crop => Cow::Borrowed(crop),
            Drawn::Blocks { block, order } => Cow::Owned(reordered(crop, *block, order)?),
            Drawn::Sources(sources) => Cow::Owned(gathered(crop, sources)),
            Drawn::Boxes { boxes, filling } => {
                let mut picture = crop.clone();
                put(&mut picture, boxes, filling);
                Cow::Owned(picture)
            }
            Drawn::Picture(picture) => Cow::Borrowed(picture),
        })
    }
}
