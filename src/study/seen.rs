//! Photographs as networks see them, and what earlier steps made of them.

use crate::error::Result;
use crate::files::ImageFile;
use crate::pixels::{self, Crop, HeatMap, PixelMask, RgbImage};

/// A photograph as networks see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its identity in every table.
    pub id: String,
    /// What is written under it.
    pub name: String,
    /// Its 224 x 224 crop.
    pub picture: RgbImage,
}

/// A photograph with the relevance of some networks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// The photograph.
    pub photograph: Seen,
    /// A map a network.
    pub maps: Vec<Explained>,
}

/// What a network makes of a photograph.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The network's name.
    pub model: String,
    /// What it saw.
    pub picture: RgbImage,
    /// The edges of that.
    pub edges: PixelMask<Crop>,
    /// The relevance of each pixel.
    pub map: HeatMap<Crop>,
}

/// At most `count` of some photographs, spread over them: every n-th, the first first.
///
/// ```
/// use lgf::files::ImageFile;
///
/// let images: Vec<ImageFile> = (0..40).map(|at| ImageFile::at(format!("/{at}.png"), format!("{at}.png"))).collect();
/// assert_eq!(lgf::study::spread(&images, 5).len(), 5);
/// ```
pub fn spread(images: &[ImageFile], count: usize) -> Vec<ImageFile> {
    images.iter().step_by(images.len().div_ceil(count.max(1)).max(1)).cloned().collect()
}

/// Photographs, decoded and cropped.
///
/// # Errors
/// As [`pixels::crop_of`].
pub fn seen(images: &[ImageFile]) -> Result<Vec<Seen>> {
    let one = |image: &ImageFile| {
        let picture = pixels::crop_of(&image.path)?;
        Ok(Seen { id: image.id.clone(), name: image.stem.clone(), picture })
    };
    images.iter().map(one).collect()
}
