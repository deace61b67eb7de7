//! Shape alone: black where a mask says that the object is, white elsewhere (Baker et al. 2018). Masks are pictures of the
//! photographs' sizes, white on black, in a folder of the photographs' own layout; the drawn sample knows its own.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"grey".parse()?, &Parameters::default())?;
//! // A silhouette needs masks: `silhouette:masks=FOLDER`.
//! assert!("silhouette".parse::<lgf::datasets::Manipulation>().is_err());
//! # let _ = made;
//! # Ok::<(), lgf::Error>(())
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{Rgb, RgbImage};

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::spec::Spec;
use crate::error::{Code, Error, Result};
use crate::pixels::{self, Crop, Pixel, PixelMask};

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "silhouette",
    kinds: &[&FILLED],
    keys: &[("masks", "folder of masks: a PNG a photograph, of its size, white where the object is")],
    make: |spec| {
        let folder = mask_key(spec).ok_or_else(|| {
            Error::new(Code::Parameter, "silhouette needs masks")
                .hint("write silhouette:masks=FOLDER, a PNG a photograph")
        })?;
        Ladder::of(&FILLED, [(1, Silhouette { folder })])
    },
};

static FILLED: Kind = Kind {
    name: "silhouette",
    folder: "imagenette2_sil",
    set: Set { name: "sil", thesis: None },
    levels: Levels { in_words: "object black on white", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "silhouette_drop" },
};

#[derive(Debug, Clone)]
struct Silhouette {
    folder: PathBuf,
}

impl Change for Silhouette {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let mask = mask_of(&self.folder, canvas)?;
        let ink = |x: u32, y: u32| if mask.contains(Pixel::at(y, x)) { Rgb([0; 3]) } else { Rgb([255; 3]) };
        let (width, height) = canvas.crop.dimensions();
        Ok(Drawn::Picture(Arc::new(RgbImage::from_fn(width, height, ink))))
    }
}

/// The folder of masks that a specification names.
pub(super) fn mask_key(spec: &Spec) -> Option<PathBuf> {
    spec.get("masks").map(PathBuf::from)
}

/// A photograph's mask, as its crop is cut: where it is at least half white.
///
/// # Errors
/// Those of reading it; [`Code::Image`] for one of another size than the photograph.
pub(super) fn mask_of(folder: &Path, canvas: &Canvas<'_>) -> Result<PixelMask<Crop>> {
    let path = folder.join(canvas.subject.id).with_extension("png");
    let mask = pixels::decode(&path).map_err(|error| error.or_path(&path))?;
    if mask.dimensions() != canvas.photograph.dimensions() {
        let [found, expected] = [&mask, canvas.photograph].map(|one| format!("{} x {}", one.height(), one.width()));
        return Err(Error::new(Code::Image, format!("a mask of {found}, the photograph has {expected}")).path(&path));
    }
    let crop = pixels::imagenet_crop(&mask)?;
    PixelMask::from_values(crop.height(), crop.width(), crop.pixels().map(|Rgb(pixel)| pixel[0] >= 128).collect())
}
