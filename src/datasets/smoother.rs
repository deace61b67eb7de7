//! Any way to smooth a picture.

use image::RgbImage;

use crate::error::Result;

/// One way to smooth a picture; threads share it.
pub trait Smoother: Sync {
    /// What it is and with which numbers, for manifests and keys: another identity is another result.
    fn identity(&self) -> String;

    /// The code that computes it, where that is not this room's own; part of keys, never of manifests.
    fn code(&self) -> &'static str {
        ""
    }

    /// One pass over a picture of any size.
    ///
    /// # Errors
    /// What the smoother gives: [`L0`](super::L0) none, a network what its layers give.
    fn pass(&self, picture: &RgbImage) -> Result<RgbImage>;
}

/// A picture after 1, 2, … `passes` passes; each starts from the last, in memory.
///
/// # Errors
/// As [`Smoother::pass`].
///
/// ```
/// use lgf::datasets::{L0, smooth};
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let stripes = RgbImage::from_fn(32, 32, |x, _| Rgb([100 + (x % 2) as u8 * 12; 3]));
/// let passes = smooth(&stripes, &L0::default(), 2)?;
/// assert!(passes[0].pixels().all(|pixel| pixel.0 == [106; 3]), "faint stripes are gone");
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn smooth(picture: &RgbImage, smoother: &dyn Smoother, passes: u32) -> Result<Vec<RgbImage>> {
    let mut done: Vec<RgbImage> = Vec::new();
    for _ in 0..passes {
        let next = smoother.pass(done.last().unwrap_or(picture))?;
        done.push(next);
    }
    Ok(done)
}
