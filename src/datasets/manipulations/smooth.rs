//! Smoothing pass by pass: texture goes, outlines stay. Beside it what smoothing took away.

use std::sync::Arc;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::datasets::canvas::{Canvas, Drawn, Subject};
use crate::datasets::encoding::QUALITY;
use crate::datasets::l0::L0;
use crate::datasets::manipulation::{Change, Facts, Kind, Levels, Maker, Manipulate, Recipe, Set, Stronger, Summary};
use crate::datasets::smoother::smooth;
use crate::error::{Code, Error, Result};
use crate::pixels;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "smooth",
    kinds: &[&SMOOTHED, &DIFFERENCE, &DIFFERENCE_INVERSE],
    keys: &[("passes", "passes of smoothing (5)")],
    make: |spec| {
        let usual = Smoothing::default();
        let passes = spec.read("passes", usual.passes)?;
        Ok(Arc::new(Smoothing { passes, difference_pass: passes, ..usual }))
    },
};

/// All of a photograph's passes are in memory at once.
const MOST_PASSES: u32 = 100;
const LEVELS: Levels = Levels { in_words: "passes of smoothing", stronger: Stronger::Larger };
const DIFFERENCES: Set = Set { name: "smt_diff", thesis: Some(2) };

/// Smoothed so many times.
pub static SMOOTHED: Kind = Kind {
    name: "smoothed",
    folder: "imagenette2_smt",
    set: Set { name: "smt", thesis: Some(1) },
    levels: LEVELS,
    untouched: None,
    summary: Summary::Curve { fall: "smoothed_drop" },
};

/// What smoothing took away.
pub static DIFFERENCE: Kind = Kind {
    name: "difference",
    folder: "imagenette2_smtdiff",
    set: DIFFERENCES,
    levels: LEVELS,
    untouched: Some(&SMOOTHED),
    summary: Summary::Level,
};

/// The same with the sign turned.
pub static DIFFERENCE_INVERSE: Kind = Kind {
    name: "difference inverse",
    folder: "imagenette2_smtdiffinv",
    set: DIFFERENCES,
    levels: LEVELS,
    untouched: Some(&SMOOTHED),
    summary: Summary::Nothing,
};

/// Smoothing, and what it takes away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Smoothing {
    /// Passes, 1 to 100; each starts from the last.
    pub passes: u32,
    /// The pass whose difference from the original is kept: all of them, or, as published (notebook 4, cells 76 and 77), the
    /// first alone.
    pub difference_pass: u32,
    /// Where a pass acts, and what it reads.
    pub chain: Chain,
    /// What the difference keeps.
    pub difference: Difference,
    /// L0 gradient minimisation, where no other smoother is given.
    pub l0: L0,
}

/// Where a pass of smoothing acts, and what the next one reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chain {
    /// On the whole photograph; each pass reads the JPEG of the last, and all, the untouched picture too, are cropped and saved
    /// once more (faults B8, B9).
    JpegOfPhotograph,
    /// On the crop, in memory.
    InMemory,
}

/// What the difference between a picture and its smoothed form keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// `|original - smoothed|`, and 255 less that for the inverse, as published (fault B10: the sign is lost).
    Absolute,
    /// `128 + (original - smoothed) / 2`, and `128 - ...` for the inverse.
    Signed,
}

impl Default for Smoothing {
    /// The faults B8 to B10 mended.
    fn default() -> Self {
        Smoothing {
            passes: 5,
            difference_pass: 5,
            chain: Chain::InMemory,
            difference: Difference::Signed,
            l0: L0::default(),
        }
    }
}

impl Smoothing {
    /// Notebook 4, cells 69, 77 and 80.
    pub fn published() -> Self {
        Smoothing {
            chain: Chain::JpegOfPhotograph,
            difference_pass: 1,
            difference: Difference::Absolute,
            ..Smoothing::default()
        }
    }

    /// A picture that cannot be made without the passes before it: all of them are one part.
    fn recipe(&self, kind: &'static Kind, level: u32, name: String, picture: Picture) -> Recipe {
        let recipe = Recipe::new(kind, level, name, Smooth { how: *self, picture });
        Recipe { part: (&SMOOTHED, 1), ..recipe }
    }
}

impl Manipulate for Smoothing {
    fn plan(&self, _: &Subject<'_>) -> Result<Vec<Recipe>> {
        if !(1..=MOST_PASSES).contains(&self.passes) {
            let found = format!("{} passes of smoothing, expected 1 to {MOST_PASSES}", self.passes);
            return Err(Error::new(Code::Parameter, found));
        }
        // The study saved the photograph once before it cropped it, as it did with those that were smoothed.
        let mut all = vec![match self.chain {
            Chain::InMemory => Recipe::untouched(&SMOOTHED),
            Chain::JpegOfPhotograph => self.recipe(&SMOOTHED, 0, "original".into(), Picture::Saved),
        }];
        let pass = |pass| self.recipe(&SMOOTHED, pass, format!("pass{pass}"), Picture::Pass(pass));
        all.extend((1..=self.passes).map(pass));
        let pass = self.difference_pass;
        if pass > self.passes {
            let found = format!("the difference of pass {pass}, and there are {} passes", self.passes);
            return Err(Error::new(Code::Parameter, found));
        }
        if pass > 0 {
            let of = |(kind, sign)| self.recipe(kind, pass, format!("pass{pass}"), Picture::Difference(sign));
            all.extend([(&DIFFERENCE, Sign::Plain), (&DIFFERENCE_INVERSE, Sign::Inverse)].map(of));
        }
        Ok(all)
    }
}

/// One picture of a chain of passes.
#[derive(Debug)]
struct Smooth {
    how: Smoothing,
    picture: Picture,
}

#[derive(Debug, Clone, Copy)]
enum Picture {
    /// As it was saved before any pass.
    Saved,
    /// After so many passes, from 1.
    Pass(u32),
    /// What the pass of the difference took away.
    Difference(Sign),
}

impl Change for Smooth {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let smoothed =
            canvas.shared(|made: &Smoothed| made.how == self.how, |canvas| Smoothed::new(canvas, &self.how))?;
        let picture = match self.picture {
            Picture::Saved => smoothed.saved.as_ref(),
            Picture::Pass(pass) => smoothed.passes.get(pass as usize - 1),
            Picture::Difference(sign) => smoothed.differences.as_ref().map(|both| &both[sign as usize]),
        };
        let none = || Error::new(Code::Parameter, format!("{:?} is no picture of this smoothing", self.picture));
        Ok(Drawn::Picture(picture.ok_or_else(none)?.clone()))
    }

    fn facts(&self, _: u32) -> Facts {
        Facts { smoothed: !matches!(self.picture, Picture::Saved), ..Facts::default() }
    }
}

/// The crop of a photograph after each pass of smoothing, and what that took away.
struct Smoothed {
    how: Smoothing,
    /// The crop of the photograph as it was saved before any pass, where it was.
    saved: Option<Arc<RgbImage>>,
    passes: Vec<Arc<RgbImage>>,
    /// The difference and its inverse.
    differences: Option<[Arc<RgbImage>; 2]>,
}

impl Smoothed {
    /// Smooths a photograph, or its crop, as `how` says.
    fn new(canvas: &Canvas<'_>, how: &Smoothing) -> Result<Self> {
        match how.chain {
            Chain::InMemory => Self::in_memory(canvas, how),
            Chain::JpegOfPhotograph => Self::through_files(canvas, how),
        }
    }

    fn in_memory(canvas: &Canvas<'_>, how: &Smoothing) -> Result<Self> {
        let passes: Vec<Arc<RgbImage>> =
            smooth(canvas.crop, canvas.smoother, how.passes)?.into_iter().map(Arc::new).collect();
        let last = how.difference_pass.checked_sub(1).and_then(|pass| passes.get(pass as usize));
        let differences =
            last.map(|last| Sign::BOTH.map(|sign| Arc::new(difference(canvas.crop, last, sign, how.difference))));
        Ok(Smoothed { how: *how, saved: None, passes, differences })
    }

    fn through_files(canvas: &Canvas<'_>, how: &Smoothing) -> Result<Self> {
        let saved = |picture: &RgbImage| {
            pixels::decode_bytes(&pixels::encode_jpeg(picture, QUALITY)?, &pixels::Limits::default())
        };
        let cropped = |picture: &RgbImage| Ok::<_, Error>(Arc::new(pixels::imagenet_crop(picture)?));
        // The first pass reads the photograph; the difference is from the photograph as it was saved.
        let untouched = saved(canvas.photograph)?;
        let mut last = canvas.photograph.clone();
        let (mut passes, mut differences) = (Vec::new(), None);
        for pass in 1..=how.passes {
            last = saved(&canvas.smoother.pass(&last)?)?;
            passes.push(cropped(&last)?);
            if pass == how.difference_pass {
                let [plain, inverse] =
                    Sign::BOTH.map(|sign| cropped(&saved(&difference(&untouched, &last, sign, how.difference))?));
                differences = Some([plain?, inverse?]);
            }
        }
        Ok(Smoothed { how: *how, saved: Some(cropped(&untouched)?), passes, differences })
    }
}

/// What smoothing took away, or its inverse, as [`Difference`] says.
pub fn difference(original: &RgbImage, smoothed: &RgbImage, sign: Sign, how: Difference) -> RgbImage {
    let one = |a: u8, b: u8| -> u8 {
        match (how, sign) {
            (Difference::Absolute, Sign::Plain) => a.abs_diff(b),
            (Difference::Absolute, Sign::Inverse) => 255 - a.abs_diff(b),
            (Difference::Signed, _) => {
                let change = (i32::from(a) - i32::from(b)) / 2;
                let signed = if sign == Sign::Plain { 128 + change } else { 128 - change };
                signed.clamp(0, 255) as u8
            }
        }
    };
    let mut out = original.clone();
    out.iter_mut().zip(smoothed.iter()).for_each(|(value, &smoothed)| *value = one(*value, smoothed));
    out
}

/// Which of the two difference pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The difference itself: signed, brighter than mid-grey where the original was brighter than the smoothed.
    Plain,
    /// The other way round.
    Inverse,
}

impl Sign {
    const BOTH: [Sign; 2] = [Sign::Plain, Sign::Inverse];
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn a_difference_and_its_inverse_mirror_each_other() {
        let (a, b) = (RgbImage::from_pixel(1, 1, Rgb([200, 10, 90])), RgbImage::from_pixel(1, 1, Rgb([100, 90, 90])));
        let of = |sign, how| difference(&a, &b, sign, how).get_pixel(0, 0).0;
        assert_eq!(of(Sign::Plain, Difference::Signed), [178, 88, 128]);
        assert_eq!(of(Sign::Inverse, Difference::Signed), [78, 168, 128]);
        assert_eq!(of(Sign::Plain, Difference::Absolute), [100, 80, 0]);
        assert_eq!(of(Sign::Inverse, Difference::Absolute), [155, 175, 255]);
    }
}
