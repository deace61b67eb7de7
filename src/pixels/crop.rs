//! A photograph as networks see it.

use std::path::Path;

use image::RgbImage;

use super::decode::decode;
use super::resize::imagenet_crop;
use crate::error::Result;

/// The photograph of a file, its shorter side 256 pixels, cut to the middle 224 x 224 of them: [`decode`] and [`imagenet_crop`].
///
/// # Errors
/// As [`decode`], with the path.
///
/// ```
/// assert!(lgf::pixels::crop_of("no such photograph.JPEG").unwrap_err().file().is_some());
/// ```
pub fn crop_of(path: impl AsRef<Path>) -> Result<RgbImage> {
    let path = path.as_ref();
    decode(path).and_then(|photograph| imagenet_crop(&photograph)).map_err(|error| error.or_path(path))
}
