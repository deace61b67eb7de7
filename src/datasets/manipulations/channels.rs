//! Colour told wrong: the three channels in another order (Burgert et al. 2025, arXiv 2509.20234).
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"channels".parse()?, &Parameters::default())?;
//! assert_ne!(made, picture);
//! let sorted = |Rgb(pixel): &Rgb<u8>| { let mut own = *pixel; own.sort(); own };
//! assert!(made.pixels().map(sorted).eq(lgf::pixels::imagenet_crop(&picture)?.pixels().map(sorted)));
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use image::Rgb;
use rand::RngExt;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "channels",
    kinds: &[&SHUFFLED],
    keys: &[("moved", "channels that change places: 2, 3 (without it: both)")],
    make: |spec| {
        let levels = spec.levels("moved", &[2, 3], (|moved| moved == 2 || moved == 3, "2 or 3"))?;
        Ladder::of(&SHUFFLED, levels.into_iter().map(|moved| (moved, Order { moved })))
    },
};

static SHUFFLED: Kind = Kind {
    name: "channels shuffled",
    folder: "imagenette2_chn",
    set: Set { name: "chn", thesis: None },
    levels: Levels { in_words: "channels that change places", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "channels_drop" },
};

/// The orders in which two channels change places, and those in which all three do.
const ORDERS: [&[[usize; 3]]; 2] = [&[[1, 0, 2], [2, 1, 0], [0, 2, 1]], &[[1, 2, 0], [2, 0, 1]]];

/// An order of the channels in which so many change places; which, is each photograph's own.
#[derive(Debug, Clone, Copy)]
struct Order {
    moved: u32,
}

impl Change for Order {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let orders = ORDERS[usize::from(self.moved == 3)];
        let mut rng = canvas.subject.generator(&format!("channels {}", self.moved));
        let order = orders[rng.random_range(0..orders.len())];
        let mut picture = canvas.crop.clone();
        picture.pixels_mut().for_each(|Rgb(pixel)| *pixel = order.map(|from| pixel[from]));
        Ok(Drawn::Picture(Arc::new(picture)))
    }
}
