//! Squares that hide the picture, each alone and all at once.

use std::str::FromStr;
use std::sync::Arc;

use image::{Rgb, RgbImage};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::datasets::canvas::{Canvas, Drawn, Subject};
use crate::datasets::manipulation::{Change, Facts, Kind, Levels, Maker, Manipulate, Recipe, Set, Stronger, Summary};
use crate::datasets::rearrange::put;
use crate::datasets::spec::Spec;
use crate::error::{Code, Error, Result};
use crate::pixels::{Crop, PixelBox};

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "patch",
    kinds: &[&PATCHED],
    keys: &[
        ("size", "side of the patches in pixels (30)"),
        ("gap", "pixels between two of them (30)"),
        ("fill", "black, mean, noise or blur (black)"),
    ],
    make: |spec| Ok(Arc::new(vec![Patches::of(spec)?])),
};

/// Patches filled.
pub static PATCHED: Kind = Kind {
    name: "patched",
    folder: "imagenette2_ptd",
    set: Set { name: "ptd", thesis: Some(3) },
    levels: Levels { in_words: "side of the patches in pixels", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Nothing,
};

/// Square patches of one size, one gap between them and one fill: each alone, then all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Patches {
    /// Side, in pixels of the crop.
    pub size: u32,
    /// Pixels between two of them.
    pub gap: u32,
    /// What is put in their place.
    pub fill: Fill,
}

/// What stands where a patch hides the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Black, as published.
    Black,
    /// The mean colour of the whole crop.
    Mean,
    /// Each pixel one of the crop's own pixels, chosen at random: its colours without its order.
    Noise,
    /// The crop after a Gaussian of a fifth of the patch's side.
    Blur,
}

impl Fill {
    /// All of them.
    pub const ALL: [Fill; 4] = [Fill::Black, Fill::Mean, Fill::Noise, Fill::Blur];

    /// The name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Fill::Black => "black",
            Fill::Mean => "mean",
            Fill::Noise => "noise",
            Fill::Blur => "blur",
        }
    }
}

impl FromStr for Fill {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let named = Fill::ALL.into_iter().find(|fill| fill.name() == name);
        named.ok_or_else(|| {
            Error::new(Code::Parameter, format!("expected one of {}", Fill::ALL.map(Fill::name).join(", ")))
        })
    }
}

impl Patches {
    /// Sizes at one gap, gaps at one size, fills at one size and gap (fault B11 mended).
    pub fn corrected() -> Vec<Patches> {
        let black = |size, gap| Patches { size, gap, fill: Fill::Black };
        let filled = |fill| Patches { size: 30, gap: 30, fill };
        vec![
            black(10, 30),
            black(30, 30),
            black(50, 30),
            black(70, 30),
            black(30, 10),
            black(30, 50),
            filled(Fill::Mean),
            filled(Fill::Noise),
            filled(Fill::Blur),
        ]
    }

    /// Notebook 4, cell 48: gaps as wide as the patches, all black.
    pub fn published() -> Vec<Patches> {
        [10, 20, 30, 40, 50, 60, 70].map(|size| Patches { size, gap: size, fill: Fill::Black }).to_vec()
    }

    fn of(spec: &Spec) -> Result<Self> {
        Ok(Patches { size: spec.read("size", 30)?, gap: spec.read("gap", 30)?, fill: spec.read("fill", Fill::Black)? })
    }

    fn plan(self, side: u32) -> Result<impl Iterator<Item = Recipe>> {
        let Patches { size, gap, fill } = self;
        let count = patch_boxes(side, size, gap).len() as u32;
        if count == 0 {
            return Err(Error::new(Code::Parameter, format!("a patch of {size} does not fit a side of {side}")));
        }
        let one = move |only: Option<u32>| {
            let which = only.map_or("all".to_string(), |index| index.to_string());
            let name = format!("patch{size}_gap{gap}_{}_{which}", fill.name());
            let recipe = Recipe::new(&PATCHED, size, name, Hidden { patches: self, only });
            Recipe { variant: only.map_or(-1, i64::from), ..recipe }
        };
        Ok((0..count).map(Some).chain([None]).map(one))
    }
}

impl Manipulate for Vec<Patches> {
    fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        let mut all = vec![Recipe::untouched(&PATCHED)];
        for patches in self {
            all.extend(patches.plan(subject.side)?);
        }
        Ok(all)
    }
}

/// Some patches of a layout filled: the only one of a number, or all.
#[derive(Debug)]
struct Hidden {
    patches: Patches,
    only: Option<u32>,
}

impl Hidden {
    fn boxes(&self, side: u32) -> Result<Vec<PixelBox<Crop>>> {
        let all = patch_boxes(side, self.patches.size, self.patches.gap);
        let Some(only) = self.only else { return Ok(all) };
        let none = || Error::new(Code::Parameter, format!("patch {only} of {}", all.len()));
        all.get(only as usize).map(|patch| vec![*patch]).ok_or_else(none)
    }
}

/// What the patches of one photograph show, made once for each size and fill.
struct Filling {
    size: u32,
    fill: Fill,
    picture: Arc<RgbImage>,
}

impl Change for Hidden {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let Patches { size, fill, .. } = self.patches;
        let boxes = self.boxes(canvas.crop.width())?;
        let same = |made: &Filling| (made.size, made.fill) == (size, fill);
        let made = canvas.shared(same, |canvas| {
            let picture = filling(canvas.crop, fill, size, &mut canvas.subject.generator("noise"));
            Ok(Filling { size, fill, picture: Arc::new(picture) })
        })?;
        Ok(Drawn::Boxes { boxes, filling: made.picture.clone() })
    }

    fn facts(&self, side: u32) -> Facts {
        let single = self.only.and_then(|_| self.boxes(side).ok()?.into_iter().next());
        Facts { place: single, gap: Some(self.patches.gap), fill: self.patches.fill.name(), ..Facts::default() }
    }
}

/// The places of square patches of side `size`, `gap` pixels apart, centred on a square picture of side `side`, row by
/// row: as many in a row as fit, `n = floor((side + gap) / (size + gap))`, so `n^2` in all, after a border of
/// `floor((side - n size - (n - 1) gap) / 2)`.
///
/// With a gap of one patch it is the published layout: of the grid of patches that fill the picture, an odd number in a
/// row, every second one.
pub fn patch_boxes(side: u32, size: u32, gap: u32) -> Vec<PixelBox<Crop>> {
    if size == 0 || size > side {
        return Vec::new();
    }
    let apart = size.saturating_add(gap);
    let count = 1 + (side - size) / apart;
    let border = (side - size - (count - 1) * apart) / 2;
    let starts = || (0..count).map(|place| border + place * apart);
    starts().flat_map(|row| starts().map(move |col| PixelBox::at(row, col).of_size(size, size))).collect()
}

/// The picture with some boxes showing what `filling` has there.
pub fn patched(picture: &RgbImage, boxes: &[PixelBox<Crop>], filling: &RgbImage) -> RgbImage {
    let mut out = picture.clone();
    put(&mut out, boxes, filling);
    out
}

/// What patches of side `size` show instead of the picture, as a picture of the same size.
pub fn filling(picture: &RgbImage, fill: Fill, size: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let (width, height) = picture.dimensions();
    match fill {
        Fill::Black => RgbImage::new(width, height),
        Fill::Mean => {
            let mut sums = [0u64; 3];
            picture.pixels().for_each(|pixel| (0..3).for_each(|channel| sums[channel] += u64::from(pixel.0[channel])));
            let count = u64::from(width) * u64::from(height);
            RgbImage::from_pixel(width, height, Rgb(sums.map(|sum| ((sum + count / 2) / count.max(1)) as u8)))
        }
        Fill::Noise => RgbImage::from_fn(width, height, |_, _| {
            *picture.get_pixel(rng.random_range(0..width), rng.random_range(0..height))
        }),
        Fill::Blur => imageproc::filter::gaussian_blur_f32(picture, size as f32 / 5.0),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn black(side: u32) -> RgbImage {
        RgbImage::new(side, side)
    }

    #[test]
    fn the_published_numbers_of_patches() {
        let counts: Vec<usize> = [10, 20, 30, 40, 50, 60, 70].map(|size| patch_boxes(224, size, size).len()).to_vec();
        assert_eq!(counts, [121, 36, 16, 9, 4, 4, 4]);
    }

    /// The published rule written out: `n = floor(s / p)`, made odd by leaving one out, `border = int((s - n p) / 2)`, of
    /// the n x n grid every second row and column from the first.
    #[test]
    fn a_gap_of_one_patch_is_the_published_layout() {
        for side in [224, 223, 100] {
            for size in 1..=side {
                let fitting = side / size;
                let grid = if fitting % 2 == 0 { fitting - 1 } else { fitting };
                let border = (side - grid * size) / 2;
                let starts: Vec<u32> = (0..grid).step_by(2).map(|place| border + place * size).collect();
                let found: Vec<u32> = patch_boxes(side, size, size).iter().map(|patch| patch.col).collect();
                assert_eq!(found[..starts.len()], starts, "{side} {size}");
                assert_eq!(found.len(), starts.len() * starts.len(), "{side} {size}");
            }
        }
    }

    #[test]
    fn patches_lie_inside_and_apart() {
        for gap in [0, 1, 10, 30, 300, u32::MAX - 7, u32::MAX] {
            for size in 1..=224 {
                let boxes = patch_boxes(224, size, gap);
                assert!(boxes.iter().all(|patch| patch.last_row() < 224 && patch.last_col() < 224), "{size}");
                let covered = patched(&RgbImage::from_pixel(224, 224, Rgb([9; 3])), &boxes, &black(224));
                let black = covered.pixels().filter(|pixel| pixel.0 == [0; 3]).count() as u64;
                assert_eq!(black, boxes.iter().map(PixelBox::area).sum::<u64>(), "{size}");
            }
        }
        assert!(patch_boxes(224, 225, 1).is_empty() && patch_boxes(224, 0, 0).is_empty());
    }

    #[test]
    fn fillings_keep_what_they_say() {
        let picture = RgbImage::from_fn(40, 40, |x, _| Rgb([if x < 20 { 10 } else { 201 }, x as u8, 7]));
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut of = |fill| filling(&picture, fill, 10, &mut rng);
        assert_eq!(of(Fill::Mean).get_pixel(0, 0).0, [106, 20, 7], "105.5 and 19.5 are rounded up");
        let (noise, blur) = (of(Fill::Noise), of(Fill::Blur));
        assert!(noise.pixels().all(|pixel| [10, 201].contains(&pixel.0[0]) && pixel.0[2] == 7));
        assert!(blur.get_pixel(20, 9).0[0] > 30 && blur.get_pixel(20, 9).0[0] < 180);
        assert_eq!(of(Fill::Black), black(40));
    }
}
