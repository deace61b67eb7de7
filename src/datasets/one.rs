//! One changed picture of one photograph.

use image::RgbImage;

use super::canvas::{Canvas, Subject};
use super::manipulation::Recipe;
use super::manipulations::manipulation;
use super::parameters::Parameters;
use super::spec::Spec;
use crate::error::{Code, Error, Result};
use crate::pixels;

/// The crop of a photograph after one manipulation. Of several pictures it is the last of the first kind: after all passes, with
/// all patches, the last order; `kind` and `variant` of the specification name others. `id` and the seed of `parameters` decide
/// what is left to chance; their L0 smooths.
///
/// # Errors
/// As [`manipulation`] and [`pixels::imagenet_crop`]; [`Code::Parameter`] for numbers that do not fit the crop, or if no picture
/// is meant.
///
/// ```
/// use lgf::datasets::{Parameters, changed};
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let white = RgbImage::from_pixel(300, 260, Rgb([255; 3]));
/// let patched = changed(&white, "white", &"patch:size=70,gap=70".parse()?, &Parameters::default())?;
/// assert_eq!(patched.pixels().filter(|pixel| pixel.0 == [0; 3]).count(), 4 * 70 * 70);
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn changed(photograph: &RgbImage, id: &str, spec: &Spec, parameters: &Parameters) -> Result<RgbImage> {
    let crop = pixels::imagenet_crop(photograph)?;
    let subject = Subject { id, side: crop.width(), seed: parameters.seed };
    let mut all = manipulation(spec)?.plan(&subject)?;
    all.retain(|recipe| recipe.level > 0);
    let first = all.first().map(|recipe| recipe.kind);
    let last = |all: Vec<Recipe>| all.into_iter().rfind(|recipe| Some(recipe.kind) == first);
    let recipe = last(all).ok_or_else(|| Error::new(Code::Parameter, format!("{spec} plans no changed picture")))?;
    let mut canvas = Canvas::new((photograph, &crop), id, parameters.seed, &parameters.smoothing.l0);
    Ok(recipe.change.draw(&mut canvas)?.picture(&crop)?.into_owned())
}
