//! What is done to one crop, as a value: it can be planned without a picture, drawn as a picture, or done on a device.

use image::RgbImage;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::parameters::{Chain, Parameters, Patches, Scramble};
use super::patch::{filling, patch_boxes, patched};
use super::scramble::{Control, block_sources, displacement, orders, scrambled, shift_sources, shifts, with_seams};
use super::smooth::Sign;
use crate::error::{Code, Error, Result};
use crate::files::sha256_hex;
use crate::pixels::{Crop, PixelBox};

/// What was done to a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Blocks in another order.
    Scrambled,
    /// The seams of scrambling without the scrambling: the control.
    Seams,
    /// Patches filled.
    Patched,
    /// Smoothed so many times.
    Smoothed,
    /// What smoothing took away.
    Difference,
    /// The same with the sign turned.
    DifferenceInverse,
}

/// All kinds, with their names in the manifest and their folders under the root.
pub const KINDS: [(Kind, &str, &str); 6] = [
    (Kind::Scrambled, "scrambled", "imagenette2_scr"),
    (Kind::Seams, "seams", "imagenette2_scr"),
    (Kind::Patched, "patched", "imagenette2_ptd"),
    (Kind::Smoothed, "smoothed", "imagenette2_smt"),
    (Kind::Difference, "difference", "imagenette2_smtdiff"),
    (Kind::DifferenceInverse, "difference inverse", "imagenette2_smtdiffinv"),
];

impl Kind {
    /// The name in the manifest.
    pub fn name(self) -> &'static str {
        KINDS[self as usize].1
    }

    /// The folder under the root.
    pub(super) fn folder(self) -> &'static str {
        KINDS[self as usize].2
    }
}

/// What is done to a crop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// Nothing.
    Untouched,
    /// Blocks of a side in another order: place `k` gets block `order[k]`.
    Order {
        /// Side of the blocks.
        block: u32,
        /// The order.
        order: Vec<u32>,
    },
    /// Blocks in place, each showing the picture moved by (rows, columns).
    Shifts {
        /// Side of the blocks.
        block: u32,
        /// One shift a block.
        shifts: Vec<[i32; 2]>,
    },
    /// Some boxes filled.
    Patches {
        /// Layout and fill.
        patches: Patches,
        /// The number of the only one, or all.
        only: Option<u32>,
    },
    /// After so many passes of smoothing; after none, where photographs are saved in between, as it was saved.
    Smoothed {
        /// Passes.
        passes: u32,
    },
    /// What so many passes took away.
    Difference {
        /// Passes.
        passes: u32,
        /// Which way.
        sign: Sign,
    },
}

/// One variant of one photograph: what it is called and what is done to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What kind of change.
    pub kind: Kind,
    /// The dose: side of the blocks or patches in pixels, number of passes; 0 for the untouched picture.
    pub level: u32,
    /// Number of the order or of the patch; -1 for all patches at once and where there is but one.
    pub variant: i64,
    /// What is done.
    pub change: Change,
    /// The end of the file's name, before its ending.
    pub name: String,
}

/// The generator of one purpose for one photograph: adding another photograph or size changes nothing.
fn generator(seed: u64, id: &str, purpose: &str) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let stream = sha256_hex(format!("{id}/{purpose}").as_bytes());
    rng.set_stream(u64::from_str_radix(&stream[..15], 16).unwrap_or(0));
    rng
}

/// Every variant of the photograph of an identity ([`ImageFile::id`](crate::files::ImageFile::id)) for a crop of `side` x `side`, in the order of the manifest.
///
/// # Errors
/// [`Code::Parameter`] for sizes that do not fit the crop.
///
/// ```
/// use lgf::datasets::{Kind, Parameters, plan};
///
/// let published = plan("val/n01440764/n01440764_1.JPEG", 224, &Parameters::published())?;
/// let count = |kind| published.iter().filter(|recipe| recipe.kind == kind).count();
/// assert_eq!((count(Kind::Scrambled), count(Kind::Smoothed), count(Kind::Patched)), (13, 6, 202));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn plan(id: &str, side: u32, parameters: &Parameters) -> Result<Vec<Recipe>> {
    let mut all = plan_scrambled(id, side, &parameters.scramble, parameters.seed)?;
    all.push(untouched(Kind::Patched));
    for patches in &parameters.patches {
        all.extend(plan_patches(side, *patches)?);
    }
    let smoothing = &parameters.smoothing;
    all.push(Recipe {
        // The study saved the photograph once before it cropped it, as it did with those that were smoothed.
        change: match smoothing.chain {
            Chain::InMemory => Change::Untouched,
            Chain::JpegOfPhotograph => Change::Smoothed { passes: 0 },
        },
        ..untouched(Kind::Smoothed)
    });
    all.extend((1..=smoothing.passes).map(|passes| Recipe {
        kind: Kind::Smoothed,
        level: passes,
        variant: -1,
        change: Change::Smoothed { passes },
        name: format!("pass{passes}"),
    }));
    let passes = smoothing.difference_pass;
    if passes > smoothing.passes {
        let found = format!("the difference of pass {passes}, and there are {} passes", smoothing.passes);
        return Err(Error::new(Code::Parameter, found));
    }
    if passes > 0 {
        let of = |(kind, sign)| Recipe {
            kind,
            level: passes,
            variant: -1,
            change: Change::Difference { passes, sign },
            name: format!("pass{passes}"),
        };
        all.extend([(Kind::Difference, Sign::Plain), (Kind::DifferenceInverse, Sign::Inverse)].map(of));
    }
    Ok(all)
}

fn untouched(kind: Kind) -> Recipe {
    Recipe { kind, level: 0, variant: -1, change: Change::Untouched, name: "original".into() }
}

fn plan_scrambled(id: &str, side: u32, scramble: &Scramble, seed: u64) -> Result<Vec<Recipe>> {
    let (mut all, mut controls) = (vec![untouched(Kind::Scrambled)], Vec::new());
    for &block in &scramble.blocks {
        let count = (side.checked_div(block).unwrap_or(0) as usize).pow(2);
        let mut rng = generator(seed, id, &block.to_string());
        for (variant, order) in orders(count, scramble.variants, scramble.orders, &mut rng)?.into_iter().enumerate() {
            all.push(Recipe {
                kind: Kind::Scrambled,
                level: block,
                variant: variant as i64,
                change: Change::Order { block, order },
                name: format!("block{block}_order{variant}"),
            });
        }
        if scramble.control == Control::Seams {
            controls.push(Recipe {
                kind: Kind::Seams,
                level: block,
                variant: -1,
                change: Change::Shifts { block, shifts: shifts(count, block, &mut rng) },
                name: format!("block{block}_seams"),
            });
        }
    }
    all.extend(controls);
    Ok(all)
}

fn plan_patches(side: u32, patches: Patches) -> Result<Vec<Recipe>> {
    let Patches { size, gap, fill } = patches;
    let count = patch_boxes(side, size, gap).len() as u32;
    if count == 0 {
        return Err(Error::new(Code::Parameter, format!("a patch of {size} does not fit a side of {side}")));
    }
    let one = |only: Option<u32>| {
        let which = only.map_or("all".to_string(), |index| index.to_string());
        let variant = only.map_or(-1, i64::from);
        let name = format!("patch{size}_gap{gap}_{}_{which}", fill.name());
        Recipe { kind: Kind::Patched, level: size, variant, change: Change::Patches { patches, only }, name }
    };
    Ok((0..count).map(Some).chain([None]).map(one).collect())
}

/// What a change of a crop looks like to a machine: pixels moved about, or boxes filled.
pub enum Rearranged {
    /// For each pixel, row by row, the number of the pixel it comes from.
    Sources(Vec<u32>),
    /// The boxes that show another picture instead.
    Boxes(Vec<PixelBox<Crop>>),
}

impl Change {
    /// The change as pixels moved about or boxes filled, for a crop of `side` x `side`; `None` for smoothing, which is
    /// neither.
    ///
    /// # Errors
    /// [`Code::Parameter`] for sizes that do not fit the crop.
    pub fn rearranged(&self, side: u32) -> Result<Option<Rearranged>> {
        Ok(match self {
            Change::Untouched => Some(Rearranged::Boxes(Vec::new())),
            Change::Order { block, order } => Some(Rearranged::Sources(block_sources((side, side), *block, order)?)),
            Change::Shifts { block, shifts } => Some(Rearranged::Sources(shift_sources((side, side), *block, shifts)?)),
            Change::Patches { patches, only } => Some(Rearranged::Boxes(boxes(side, patches, *only)?)),
            Change::Smoothed { .. } | Change::Difference { .. } => None,
        })
    }

    /// The changed crop; `fillings` gives what patches show. `None` for smoothing.
    ///
    /// # Errors
    /// As [`Change::rearranged`].
    pub fn draw(&self, crop: &RgbImage, fillings: &mut Fillings<'_>) -> Result<Option<RgbImage>> {
        Ok(match self {
            Change::Untouched => Some(crop.clone()),
            Change::Order { block, order } => Some(scrambled(crop, *block, order)?),
            Change::Shifts { block, shifts } => Some(with_seams(crop, *block, shifts)?),
            Change::Patches { patches, only } => {
                let boxes = boxes(crop.width(), patches, *only)?;
                Some(patched(crop, &boxes, fillings.of(patches)))
            }
            Change::Smoothed { .. } | Change::Difference { .. } => None,
        })
    }

    /// Mean distance that blocks moved, in pixels; 0 where none did.
    pub fn displacement(&self, side: u32) -> f64 {
        match self {
            Change::Order { block, order } => displacement(order, side / block.max(&1), *block),
            _ => 0.0,
        }
    }
}

fn boxes(side: u32, patches: &Patches, only: Option<u32>) -> Result<Vec<PixelBox<Crop>>> {
    let all = patch_boxes(side, patches.size, patches.gap);
    let Some(only) = only else { return Ok(all) };
    let none = || Error::new(Code::Parameter, format!("patch {only} of {}", all.len()));
    all.get(only as usize).map(|patch| vec![*patch]).ok_or_else(none)
}

/// What the patches of one photograph show, made once for each kind of patch.
pub struct Fillings<'a> {
    crop: &'a RgbImage,
    id: &'a str,
    seed: u64,
    made: Vec<(Patches, RgbImage)>,
}

impl<'a> Fillings<'a> {
    /// For the crop of the photograph of an identity.
    pub fn new(crop: &'a RgbImage, id: &'a str, seed: u64) -> Self {
        Fillings { crop, id, seed, made: Vec::new() }
    }

    /// What patches of a kind show, as a picture of the crop's size.
    pub fn of(&mut self, patches: &Patches) -> &RgbImage {
        let place = self.made.iter().position(|(other, _)| (other.size, other.fill) == (patches.size, patches.fill));
        let place = place.unwrap_or_else(|| {
            let mut rng = generator(self.seed, self.id, "noise");
            self.made.push((*patches, filling(self.crop, patches.fill, patches.size, &mut rng)));
            self.made.len() - 1
        });
        &self.made[place].1
    }
}

/// The box of a single patch, if the change is one.
pub(super) fn single_box(change: &Change, side: u32) -> Option<PixelBox<Crop>> {
    match change {
        Change::Patches { patches, only: Some(only) } => boxes(side, patches, Some(*only)).ok()?.into_iter().next(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn thirty_photographs_have_the_published_counts() {
        let published = plan("a", 224, &Parameters::published()).unwrap();
        let of = |kind: Kind| 30 * published.iter().filter(|recipe| recipe.kind == kind).count();
        assert_eq!((of(Kind::Scrambled), of(Kind::Seams), of(Kind::Patched)), (390, 0, 6060));
        assert_eq!((of(Kind::Smoothed), of(Kind::Difference), of(Kind::DifferenceInverse)), (180, 30, 30));
    }

    #[test]
    fn names_are_unique_within_a_folder_and_a_plan_is_its_photographs_own() {
        for parameters in [Parameters::published(), Parameters::default()] {
            let all = plan("a", 224, &parameters).unwrap();
            let names: std::collections::BTreeSet<_> =
                all.iter().map(|recipe| (recipe.kind.folder(), &recipe.name)).collect();
            assert_eq!(names.len(), all.len());
            assert_eq!(all, plan("a", 224, &parameters).unwrap());
            assert_ne!(all, plan("b", 224, &parameters).unwrap());
        }
    }

    #[test]
    fn another_size_does_not_change_the_orders_of_the_others() {
        let all = plan("a", 224, &Parameters::default()).unwrap();
        let mut fewer = Parameters::default();
        fewer.scramble.blocks = vec![28];
        for recipe in plan("a", 224, &fewer).unwrap() {
            assert!(all.contains(&recipe), "{}", recipe.name);
        }
    }

    #[test]
    fn moved_pixels_and_filled_boxes_are_the_drawn_picture() {
        let crop = RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, (x * y) as u8]));
        let mut fillings = Fillings::new(&crop, "a", 1);
        for recipe in plan("a", 224, &Parameters::default()).unwrap() {
            let Some(drawn) = recipe.change.draw(&crop, &mut fillings).unwrap() else { continue };
            let again = match recipe.change.rearranged(224).unwrap().unwrap() {
                Rearranged::Sources(sources) => {
                    let at = |index: u32| *crop.get_pixel(index % 224, index / 224);
                    RgbImage::from_fn(224, 224, |x, y| at(sources[(y * 224 + x) as usize]))
                }
                Rearranged::Boxes(boxes) => match &recipe.change {
                    Change::Patches { patches, .. } => patched(&crop, &boxes, fillings.of(patches)),
                    _ => crop.clone(),
                },
            };
            assert_eq!(drawn, again, "{}", recipe.name);
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let mut parameters = Parameters::default();
        parameters.patches[0].size = 225;
        assert!(plan("a", 224, &parameters).unwrap_err().to_string().contains("does not fit"));
        parameters = Parameters::default();
        parameters.smoothing.difference_pass = 6;
        assert!(plan("a", 224, &parameters).unwrap_err().to_string().contains("pass 6"));
    }
}
