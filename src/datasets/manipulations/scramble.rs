//! Square blocks in another order: texture stays, shape goes. Beside it a control with the same seams and nothing exchanged.

use std::sync::Arc;

use image::RgbImage;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::datasets::canvas::{Canvas, Drawn, Subject};
use crate::datasets::manipulation::{Change, Facts, Kind, Levels, Maker, Manipulate, Recipe, Set, Stronger, Summary};
use crate::datasets::rearrange::{block_count, gathered, reordered};
use crate::datasets::spec::Spec;
use crate::error::{Code, Error, Result};

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "scramble",
    kinds: &[&SCRAMBLED, &SEAMS],
    keys: &[
        ("block", "side of the blocks in pixels (56)"),
        ("variants", "how many orders (3)"),
        ("orders", "derangements, or any (derangements)"),
        ("control", "seams, or none (seams)"),
    ],
    make: |spec| Ok(Arc::new(Scramble::of(spec)?)),
};

const SET: Set = Set { name: "scr", thesis: Some(0) };
const FOLDER: &str = "imagenette2_scr";
const SIDES: &str = "side of the blocks in pixels";

/// Blocks in another order.
pub static SCRAMBLED: Kind = Kind {
    name: "scrambled",
    folder: FOLDER,
    set: SET,
    levels: Levels { in_words: SIDES, stronger: Stronger::Smaller },
    untouched: None,
    summary: Summary::Curve { fall: "scrambled_drop" },
};

/// The seams of scrambling without the scrambling: the control.
pub static SEAMS: Kind = Kind {
    name: "seams",
    folder: FOLDER,
    set: SET,
    levels: Levels { in_words: SIDES, stronger: Stronger::Smaller },
    untouched: Some(&SCRAMBLED),
    summary: Summary::Nothing,
};

/// Blocks in another order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scramble {
    /// Sides of the blocks, in pixels of the crop.
    pub blocks: Vec<u32>,
    /// Orders for each side.
    pub variants: usize,
    /// Which orders count.
    pub orders: Orders,
    /// Whether a picture with seams but nothing scrambled stands beside each side.
    pub control: Control,
}

impl Default for Scramble {
    /// The faults B4 to B6 mended.
    fn default() -> Self {
        Scramble {
            blocks: vec![112, 56, 28, 16, 8],
            variants: 3,
            orders: Orders::Derangements,
            control: Control::Seams,
        }
    }
}

impl Scramble {
    /// Notebook 4, cell 31.
    pub fn published() -> Self {
        Scramble { blocks: vec![28, 32, 56, 112], variants: 3, orders: Orders::Any, control: Control::None }
    }

    fn of(spec: &Spec) -> Result<Self> {
        let usual = Scramble::default();
        Ok(Scramble {
            blocks: vec![spec.read("block", 56)?],
            variants: spec.read("variants", usual.variants)?,
            orders: match spec.get("orders") {
                None => usual.orders,
                Some("derangements") => Orders::Derangements,
                Some("any") => Orders::Any,
                Some(_) => return Err(spec.wrong("orders", "expected derangements or any")),
            },
            control: match spec.get("control") {
                None => usual.control,
                Some("seams") => Control::Seams,
                Some("none") => Control::None,
                Some(_) => return Err(spec.wrong("control", "expected seams or none")),
            },
        })
    }
}

impl Manipulate for Scramble {
    fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        let (mut all, mut controls) = (vec![Recipe::untouched(&SCRAMBLED)], Vec::new());
        for &block in &self.blocks {
            let count = block_count(subject.side, subject.side, block)?;
            let mut rng = subject.generator(&block.to_string());
            for (variant, order) in orders(count, self.variants, self.orders, &mut rng)?.into_iter().enumerate() {
                let name = format!("block{block}_order{variant}");
                let recipe = Recipe::new(&SCRAMBLED, block, name, Order { block, order: order.into() });
                all.push(Recipe { variant: variant as i64, ..recipe });
            }
            if self.control == Control::Seams {
                let change = Shifts { block, shifts: shifts(count, block, &mut rng) };
                controls.push(Recipe::new(&SEAMS, block, format!("block{block}_seams"), change));
            }
        }
        all.extend(controls);
        Ok(all)
    }
}

/// Blocks of a side in another order: place `k` gets block `order[k]`.
#[derive(Debug)]
struct Order {
    block: u32,
    order: Arc<[u32]>,
}

impl Change for Order {
    fn draw(&self, _: &mut Canvas<'_>) -> Result<Drawn> {
        Ok(Drawn::Blocks { block: self.block, order: self.order.clone() })
    }

    fn facts(&self, side: u32) -> Facts {
        Facts {
            order: self.order.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
            displacement: displacement(&self.order, side / self.block.max(1), self.block),
            ..Facts::default()
        }
    }
}

/// Blocks in place, each showing the picture moved by (rows, columns).
#[derive(Debug)]
struct Shifts {
    block: u32,
    shifts: Vec<[i32; 2]>,
}

impl Change for Shifts {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        Ok(Drawn::Sources(shift_sources(canvas.crop.dimensions(), self.block, &self.shifts)?))
    }

    fn facts(&self, _: u32) -> Facts {
        let one = |[down, right]: &[i32; 2]| format!("{down},{right}");
        Facts { order: self.shifts.iter().map(one).collect::<Vec<_>>().join(" "), ..Facts::default() }
    }
}

/// Which orders of the blocks count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orders {
    /// Any order, the original one and repeats included, as published (fault B5).
    Any,
    /// No block stays where it was, and no order comes twice for one image.
    Derangements,
}

/// Whether a picture with the seams of scrambling, but nothing scrambled, stands beside the scrambled ones (fault B6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// No.
    None,
    /// Every block stays in its place and shows the picture moved by a few pixels, each in a direction of its own.
    Seams,
}

/// The picture with its square blocks of side `block`, taken in row order, in the order of `order`: place `k` gets block
/// `order[k]`.
///
/// # Errors
/// [`Code::Parameter`] if the side of the picture is no multiple of `block`, or `order` is no order of the blocks.
pub fn scrambled(picture: &RgbImage, block: u32, order: &[u32]) -> Result<RgbImage> {
    reordered(picture, block, order)
}

/// The picture with every block in its place, showing the picture moved by `shifts[k]` (rows, columns); what would come
/// from beyond the border comes from the border.
///
/// # Errors
/// [`Code::Parameter`] if the side of the picture is no multiple of `block`, or the number of shifts is not the blocks'.
pub fn with_seams(picture: &RgbImage, block: u32, shifts: &[[i32; 2]]) -> Result<RgbImage> {
    let sources = shift_sources(picture.dimensions(), block, shifts)?;
    Ok(gathered(picture, &sources))
}

/// For each pixel of [`with_seams`], row by row, the number of the pixel it comes from.
fn shift_sources((width, height): (u32, u32), block: u32, shifts: &[[i32; 2]]) -> Result<Vec<u32>> {
    let count = block_count(width, height, block)?;
    if shifts.len() != count {
        return Err(Error::new(Code::Parameter, format!("{} shifts for {count} blocks", shifts.len())));
    }
    let moved =
        |place: u32, by: i32, side: u32| (i64::from(place) + i64::from(by)).clamp(0, i64::from(side) - 1) as u32;
    let mut sources = Vec::with_capacity((width * height) as usize);
    for row in 0..height {
        for col in 0..width {
            let [down, right] = shifts[(row / block * (width / block) + col / block) as usize];
            sources.push(moved(row, down, height) * width + moved(col, right, width));
        }
    }
    Ok(sources)
}

/// The most orders of one picture's blocks or tiles.
const MOST_VARIANTS: usize = 1000;

/// That a picture has 1 to 1,000 orders of its blocks.
///
/// # Errors
/// [`Code::Parameter`], saying so.
pub(super) fn check_variants(variants: usize) -> Result<()> {
    if (1..=MOST_VARIANTS).contains(&variants) {
        return Ok(());
    }
    let found = format!("{variants} orders of the blocks of a picture, expected 1 to {MOST_VARIANTS}");
    Err(Error::new(Code::Parameter, found).hint("say another number of variants"))
}

/// `variants` orders of `count` blocks.
///
/// # Errors
/// [`Code::Parameter`] for no order or more than 1,000; if so many different derangements do not exist.
pub fn orders(count: usize, variants: usize, how: Orders, rng: &mut ChaCha8Rng) -> Result<Vec<Vec<u32>>> {
    check_variants(variants)?;
    if how == Orders::Derangements && derangement_count(count) < variants as f64 {
        return Err(Error::new(Code::Parameter, format!("{count} blocks have fewer than {variants} derangements")));
    }
    let mut orders: Vec<Vec<u32>> = Vec::new();
    while orders.len() < variants {
        let mut order: Vec<u32> = (0..count as u32).collect();
        order.shuffle(rng);
        let stays = order.iter().enumerate().any(|(place, &block)| place == block as usize);
        if how == Orders::Derangements && (stays || orders.contains(&order)) {
            continue;
        }
        orders.push(order);
    }
    Ok(orders)
}

/// A shift for each of `count` blocks of side `block`: an eighth of the side, at least a pixel, along both axes, up or
/// down and left or right by chance.
pub fn shifts(count: usize, block: u32, rng: &mut ChaCha8Rng) -> Vec<[i32; 2]> {
    let reach = (block / 8).max(1) as i32;
    let mut one = || if rng.random_bool(0.5) { reach } else { -reach };
    (0..count).map(|_| [one(), one()]).collect()
}

/// How far blocks moved: the mean over blocks of the distance between a block's old and new centre, in pixels. `columns`
/// is the number of blocks in a row, `block` their side.
pub(crate) fn displacement(order: &[u32], columns: u32, block: u32) -> f64 {
    let place = |index: u32| (f64::from(index / columns), f64::from(index % columns));
    let moved = |(to, &from): (usize, &u32)| {
        let ((row, col), (old_row, old_col)) = (place(to as u32), place(from));
        (row - old_row).hypot(col - old_col)
    };
    f64::from(block) * order.iter().enumerate().map(moved).sum::<f64>() / order.len().max(1) as f64
}

/// `D(n) = (n - 1) (D(n - 1) + D(n - 2))`.
fn derangement_count(count: usize) -> f64 {
    let (mut before, mut now) = (1.0, 0.0);
    for n in 2..=count {
        (before, now) = (now, (n as f64 - 1.0) * (now + before));
    }
    if count == 0 { 1.0 } else { now }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use rand::SeedableRng;

    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8]))
    }

    #[test]
    fn scrambling_moves_pixels_and_loses_none() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for block in [8, 16, 28, 32, 56, 112] {
            let count = (224 / block as usize).pow(2);
            for order in orders(count, 3, Orders::Derangements, &mut rng).unwrap() {
                assert!(order.iter().enumerate().all(|(place, &from)| place != from as usize));
                let scrambled = scrambled(&picture(), block, &order).unwrap();
                let sorted = |image: &RgbImage| {
                    let mut pixels: Vec<[u8; 3]> = image.pixels().map(|pixel| pixel.0).collect();
                    pixels.sort_unstable();
                    pixels
                };
                assert_eq!(sorted(&scrambled), sorted(&picture()));
                let mut inverse = vec![0; count];
                order.iter().enumerate().for_each(|(to, &from)| inverse[from as usize] = to as u32);
                assert_eq!(super::scrambled(&scrambled, block, &inverse).unwrap(), picture());
            }
        }
    }

    #[test]
    fn four_blocks_have_nine_derangements() {
        assert_eq!(derangement_count(4), 9.0);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let all = orders(4, 9, Orders::Derangements, &mut rng).unwrap();
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 9);
        assert!(orders(4, 10, Orders::Derangements, &mut rng).is_err());
    }

    #[test]
    fn blocks_that_do_not_fill_are_refused() {
        assert!(scrambled(&picture(), 50, &[]).unwrap_err().to_string().contains("do not fill"));
        assert!(scrambled(&picture(), 112, &[0, 1, 2, 2]).unwrap_err().to_string().contains("each of them once"));
        assert!(scrambled(&picture(), 112, &[0, 1, 2, 4]).is_err());
    }

    #[test]
    fn seams_stay_within_a_few_pixels_of_the_picture() {
        let smooth = RgbImage::from_fn(224, 224, |x, y| Rgb([(x / 2) as u8, (y / 2) as u8, 0]));
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for block in [8, 28, 112] {
            let count = (224 / block as usize).pow(2);
            let control = with_seams(&smooth, block, &shifts(count, block, &mut rng)).unwrap();
            let worst = control.as_raw().iter().zip(smooth.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(worst > 0 && u32::from(worst) <= (block / 8).max(1) / 2 + 1, "{block}: {worst}");
        }
    }

    #[test]
    fn displacement_is_the_mean_distance_of_centres() {
        assert_eq!(displacement(&[0, 1, 2, 3], 2, 112), 0.0);
        assert_eq!(displacement(&[1, 0, 3, 2], 2, 112), 112.0);
        assert!((displacement(&[3, 2, 1, 0], 2, 1) - 2f64.sqrt()).abs() < 1e-12);
    }
}
