//! One changed picture of one photograph.

use image::RgbImage;

use super::canvas::{Canvas, Subject};
use super::chosen::{Manipulation, last_change};
use super::parameters::Parameters;
use crate::error::{Code, Error, Result};
use crate::pixels;

/// The crop of a photograph after one manipulation. Of several pictures it is the last of the first kind: after all passes, with
/// all patches, the last order; `kind` and `variant` of the specification name others. `id` and the seed of `parameters` decide
/// what is left to chance; their L0 smooths.
///
/// # Errors
/// As [`pixels::imagenet_crop`]; [`Code::Parameter`] for numbers that do not fit the crop, or if no picture
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
pub fn changed(
    photograph: &RgbImage,
    id: &str,
    manipulation: &Manipulation,
    parameters: &Parameters,
) -> Result<RgbImage> {
    let crop = pixels::imagenet_crop(photograph)?;
    let subject = Subject { id, side: crop.width(), seed: parameters.seed };
    let recipe = last_change(manipulation.plan(&subject)?)
        .ok_or_else(|| Error::new(Code::Parameter, format!("{manipulation} plans no changed picture")))?;
    let mut canvas = Canvas::new((photograph, &crop), id, parameters.seed, &parameters.smoothing.l0);
    Ok(recipe.draw(&mut canvas)?.picture(&crop)?.into_owned())
}
