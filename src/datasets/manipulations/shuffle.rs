//! Tiles of a grid in another order (Burgert et al. 2025, arXiv 2509.20234): coarse grids take global shape, fine ones local
//! shape, too.
//!
//! As published, tiles of a grid that does not divide the picture are a pixel apart in size, and trade places with their like
//! alone (fault F1): at 3 x 3, four of nine stay on average. Corrected, the picture is resized to the nearest side that the grid
//! divides, no tile stays, and a control has the seams without the exchange.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"shuffle:grid=4".parse()?, &Parameters::default())?;
//! assert_ne!(made, picture);
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use image::RgbImage;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::scramble::{Control, Orders, check_variants, displacement, orders, shifts, with_seams};
use crate::datasets::canvas::{Canvas, Drawn, Subject};
use crate::datasets::manipulation::{Change, Facts, Kind, Levels, Maker, Manipulate, Recipe, Set, Stronger, Summary};
use crate::datasets::rearrange::reordered;
use crate::datasets::spec::Spec;
use crate::datasets::tiles::{at_nearest_side, check, nearest_side};
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "shuffle",
    kinds: &[&SHUFFLED, &SHUFFLED_UNEQUAL, &SHUFFLED_SEAMS],
    keys: &[
        ("grid", "tiles a side (without it: the curve, 2 to 16)"),
        ("tiles", "equal: resized, no tile stays; unequal: as published; both (equal)"),
        ("variants", "how many orders (1)"),
        ("control", "seams, or none (seams of equal tiles)"),
    ],
    make: |spec| Ok(Arc::new(Shuffle::of(spec)?)),
};

const SET: Set = Set { name: "tls", thesis: None };
const GRID: Levels = Levels { in_words: "tiles a side", stronger: Stronger::Larger };

/// Tiles in another order.
pub static SHUFFLED: Kind = Kind {
    name: "tiles shuffled",
    folder: "imagenette2_tls",
    set: SET,
    levels: GRID,
    untouched: None,
    summary: Summary::Curve { fall: "tiles_shuffled_drop" },
};

/// Tiles a pixel apart in size in another order, as published (fault F1).
pub static SHUFFLED_UNEQUAL: Kind = Kind {
    name: "unequal tiles shuffled",
    folder: "imagenette2_tlu",
    set: Set { name: "tlu", thesis: None },
    levels: GRID,
    untouched: None,
    summary: Summary::Curve { fall: "unequal_tiles_shuffled_drop" },
};

/// The seams of shuffling without the exchange: the control.
pub static SHUFFLED_SEAMS: Kind = Kind {
    name: "tile seams",
    folder: "imagenette2_tls",
    set: SET,
    levels: GRID,
    untouched: Some(&SHUFFLED),
    summary: Summary::Nothing,
};

/// Grids of the published curve, and that of its main condition for global shape.
const CURVE: [u32; 9] = [2, 3, 4, 6, 8, 10, 12, 14, 16];

/// How a picture is cut whose side the grid does not divide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// Resized to the nearest side that the grid divides, and back; no tile stays in its place.
    Equal,
    /// Into tiles that are a pixel apart in size, which trade places with their like alone, as published (fault F1).
    Unequal,
}

/// Tiles in another order.
struct Shuffle {
    grids: Vec<u32>,
    cuts: &'static [Cut],
    variants: usize,
    control: Control,
}

impl Shuffle {
    fn of(spec: &Spec) -> Result<Self> {
        const CUTS: [(&str, &[Cut]); 3] =
            [("equal", &[Cut::Equal]), ("unequal", &[Cut::Unequal]), ("both", &[Cut::Equal, Cut::Unequal])];
        Ok(Shuffle {
            grids: spec.levels("grid", &CURVE, (|grid| grid >= 2, "2 or more"))?,
            cuts: spec.word("tiles", &CUTS)?,
            variants: spec.read("variants", 1)?,
            control: spec.word("control", &[("seams", Control::Seams), ("none", Control::None)])?,
        })
    }

    /// The untouched picture, and the orders of a cut.
    fn cut(&self, cut: Cut, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        let (kind, word) = match cut {
            Cut::Equal => (&SHUFFLED, "equal"),
            Cut::Unequal => (&SHUFFLED_UNEQUAL, "unequal"),
        };
        let mut all = vec![Recipe::untouched(kind)];
        for &grid in &self.grids {
            let mut rng = subject.generator(&format!("shuffle {word} {grid}"));
            let found = match cut {
                Cut::Equal => orders((grid * grid) as usize, self.variants, Orders::Derangements, &mut rng)?,
                Cut::Unequal => (0..self.variants).map(|_| among_like(subject.side, grid, &mut rng)).collect(),
            };
            for (variant, order) in found.into_iter().enumerate() {
                let order = Order { grid, cut, order: order.into() };
                let recipe = Recipe::new(kind, grid, format!("grid{grid}_{word}_order{variant}"), order);
                all.push(Recipe { variant: variant as i64, ..recipe });
            }
        }
        Ok(all)
    }

    fn seams(&self, subject: &Subject<'_>) -> Vec<Recipe> {
        let one = |&grid: &u32| {
            let mut rng = subject.generator(&format!("shuffle seams {grid}"));
            let block = nearest_side(subject.side, grid) / grid;
            let shifts = shifts((grid * grid) as usize, block, &mut rng);
            Recipe::new(&SHUFFLED_SEAMS, grid, format!("grid{grid}_seams"), Seams { grid, shifts })
        };
        self.grids.iter().map(one).collect()
    }
}

impl Manipulate for Shuffle {
    fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        self.grids.iter().try_for_each(|grid| check("shuffle", *grid, subject.side))?;
        check_variants(self.variants)?;
        let mut all = Vec::new();
        for cut in self.cuts {
            all.extend(self.cut(*cut, subject)?);
        }
        if self.control == Control::Seams && self.cuts.contains(&Cut::Equal) {
            all.extend(self.seams(subject));
        }
        Ok(all)
    }
}

/// Where the tiles of a grid begin and end along a side, as `numpy.linspace(0, side, grid + 1)` cut to whole numbers.
fn ends(side: u32, grid: u32) -> Vec<u32> {
    let step = f64::from(side) / f64::from(grid);
    (0..=grid).map(|place| if place == grid { side } else { (f64::from(place) * step) as u32 }).collect()
}

/// An order of the tiles in which each goes where one of its own size was: those of each size shuffled among themselves.
fn among_like(side: u32, grid: u32, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let ends = ends(side, grid);
    let length = |place: u32| ends[place as usize + 1] - ends[place as usize];
    let size = |tile: u32| (length(tile / grid), length(tile % grid));
    let mut order: Vec<u32> = (0..grid * grid).collect();
    let mut sizes: Vec<(u32, u32)> = order.iter().map(|tile| size(*tile)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for like in sizes {
        let places: Vec<u32> = (0..grid * grid).filter(|tile| size(*tile) == like).collect();
        let mut tiles = places.clone();
        tiles.shuffle(rng);
        places.iter().zip(tiles).for_each(|(place, tile)| order[*place as usize] = tile);
    }
    order
}

/// Tiles in another order: place `k` gets tile `order[k]`, both row by row.
#[derive(Debug)]
struct Order {
    grid: u32,
    cut: Cut,
    order: Arc<[u32]>,
}

impl Change for Order {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let side = canvas.crop.width();
        match self.cut {
            Cut::Equal if side.is_multiple_of(self.grid) => {
                Ok(Drawn::Blocks { block: side / self.grid, order: self.order.clone() })
            }
            Cut::Equal => {
                let exchange = |picture: &RgbImage| {
                    let block = picture.width() / self.grid;
                    reordered(picture, block, &self.order)
                };
                Ok(Drawn::Picture(Arc::new(at_nearest_side(canvas.crop, self.grid, exchange)?)))
            }
            Cut::Unequal => Ok(Drawn::Picture(Arc::new(exchanged(canvas.crop, self.grid, &self.order)))),
        }
    }

    fn facts(&self, side: u32) -> Facts {
        Facts {
            order: self.order.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
            displacement: displacement(&self.order, self.grid, side) / f64::from(self.grid),
            ..Facts::default()
        }
    }
}

/// A square picture whose tiles change places, each with one of its own size: place `k` shows tile `order[k]`.
pub(in crate::datasets) fn exchanged(picture: &RgbImage, grid: u32, order: &[u32]) -> RgbImage {
    let side = picture.width();
    let ends: Vec<usize> = ends(side, grid).into_iter().map(|end| end as usize).collect();
    let (stride, grid) = (side as usize * 3, grid as usize);
    let mut out = RgbImage::new(side, side);
    let bytes: &mut [u8] = &mut out;
    for (place, &tile) in order.iter().enumerate() {
        let (from, to) = ((tile as usize / grid, tile as usize % grid), (place / grid, place % grid));
        let length = (ends[to.1 + 1] - ends[to.1]) * 3;
        for row in 0..ends[to.0 + 1] - ends[to.0] {
            let start = |(down, right): (usize, usize)| (ends[down] + row) * stride + ends[right] * 3;
            bytes[start(to)..][..length].copy_from_slice(&picture.as_raw()[start(from)..][..length]);
        }
    }
    out
}

/// Tiles in place, each showing the picture moved by (rows, columns).
#[derive(Debug)]
struct Seams {
    grid: u32,
    shifts: Vec<[i32; 2]>,
}

impl Change for Seams {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let seams = |picture: &RgbImage| with_seams(picture, picture.width() / self.grid, &self.shifts);
        Ok(Drawn::Picture(Arc::new(at_nearest_side(canvas.crop, self.grid, seams)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{L0, Manipulation, Parameters, changed};
    use crate::pixels::Rgb;

    fn picture() -> RgbImage {
        RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8]))
    }

    #[test]
    fn published_tiles_trade_places_with_their_like_alone_and_lose_no_pixel() {
        let sorted = |picture: &RgbImage| {
            let mut pixels: Vec<[u8; 3]> = picture.pixels().map(|pixel| pixel.0).collect();
            pixels.sort_unstable();
            pixels
        };
        for grid in CURVE {
            let spec: Manipulation = format!("shuffle:grid={grid},tiles=unequal").parse().unwrap();
            let (picture, smoother) = (picture(), L0::default());
            let mut canvas = Canvas::new((&picture, &picture), "a", 7, &smoother);
            let drawn = spec.plan(&canvas.subject).unwrap()[1].draw(&mut canvas).unwrap();
            let made = drawn.picture(&picture).unwrap();
            assert!(*made != picture && sorted(&made) == sorted(&picture), "{grid}");
        }
    }

    /// Fault F1: a size by itself stays, and of each other size one tile on average.
    #[test]
    fn at_grids_of_3_and_6_four_tiles_stay_on_average_as_published_and_none_corrected() {
        for (grid, stays) in [(3u32, 4.0 / 9.0), (6, 4.0 / 36.0)] {
            let count = f64::from(grid * grid);
            let mut kept = 0.0;
            for photograph in 0..2000 {
                let subject = Subject { id: &photograph.to_string(), side: 224, seed: 1 };
                let order = among_like(224, grid, &mut subject.generator("x"));
                kept += order.iter().enumerate().filter(|(place, tile)| *place == **tile as usize).count() as f64;
            }
            // Four draws, each with a mean of 1 and a variance of at most 1.
            let bound = 4.0 * (4.0f64 / 2000.0).sqrt() / count;
            assert!((kept / 2000.0 / count - stays).abs() < bound, "{grid}: {}", kept / 2000.0 / count);
            let subject = Subject { id: "a", side: 224, seed: 1 };
            let spec: Manipulation = format!("shuffle:grid={grid},variants=9").parse().unwrap();
            for recipe in
                spec.plan(&subject).unwrap().iter().filter(|recipe| recipe.kind == &SHUFFLED && recipe.level > 0)
            {
                let facts = recipe.change.facts(224);
                assert!(facts.order.split(' ').enumerate().all(|(place, tile)| place.to_string() != tile));
                assert!(facts.displacement > 224.0 / f64::from(grid) * 0.99);
            }
        }
    }

    #[test]
    fn a_grid_that_exceeds_the_picture_is_said() {
        let spec: Manipulation = "shuffle:grid=200".parse().unwrap();
        let error = changed(&picture(), "a", &spec, &Parameters::default()).unwrap_err().to_string();
        assert!(error.contains("shuffle of 200 x 200 tiles") && error.contains("2 to 112"), "{error}");
    }

    #[test]
    fn grids_that_divide_are_exact_and_others_are_near_after_going_back() {
        let smooth = RgbImage::from_fn(224, 224, |x, y| Rgb([(x / 2 + y / 4) as u8; 3]));
        for grid in [3, 6, 10, 12] {
            let same = at_nearest_side(&smooth, grid, |picture| Ok(picture.clone())).unwrap();
            let worst = same.iter().zip(smooth.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(worst <= 2, "{grid}: {worst}");
        }
    }
}
