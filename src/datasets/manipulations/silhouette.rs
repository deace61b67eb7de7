//! Shape alone: black where a mask says that the object is, white elsewhere (Baker et al. 2018). Masks are pictures of the
//! photographs' sizes, white on black, in a folder of the photographs' own layout (its path without `,` and `+`);
//! the drawn sample knows its own.
//!
//! ```
//! use lgf::datasets::{Manipulation, Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage, encode_png};
//!
//! let folder = tempfile::tempdir().unwrap();
//! let white = RgbImage::from_pixel(256, 256, Rgb([255; 3]));
//! std::fs::write(folder.path().join("a.png"), encode_png(&white)?).unwrap();
//! let silhouette: Manipulation = format!("silhouette:masks={}", folder.path().display()).parse()?;
//! let made = changed(&white, "a.JPEG", &silhouette, &Parameters::default())?;
//! assert!(made.iter().all(|value| *value == 0), "all of it is the object");
//! # Ok::<(), lgf::Error>(())
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{Rgb, RgbImage};

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::datasets::spec::Spec;
use crate::error::{Code, Error, Result};
use crate::files::sha256_hex;
use crate::pixels::{self, Crop, Pixel, PixelMask};

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "silhouette",
    kinds: &[&FILLED],
    keys: &[("masks", "folder of masks: a PNG a photograph, of its size, white where the object is")],
    make: |spec| {
        let masks = Masks::named(spec).ok_or_else(|| {
            Error::new(Code::Parameter, "silhouette needs masks")
                .hint("write silhouette:masks=FOLDER, a PNG a photograph")
        })?;
        Ladder::of(&FILLED, [(1, Silhouette { masks })])
    },
};

static FILLED: Kind = Kind {
    name: "silhouette",
    folder: "imagenette2_sil",
    set: Set { name: "sil", thesis: None },
    levels: Levels { in_words: "object black on white", stronger: Stronger::Neither },
    untouched: None,
    summary: Summary::Curve { fall: "silhouette_drop" },
};

#[derive(Debug, Clone)]
struct Silhouette {
    masks: Masks,
}

impl Change for Silhouette {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let mask = self.masks.of(canvas)?;
        let ink = |x: u32, y: u32| if mask.contains(Pixel::at(y, x)) { Rgb([0; 3]) } else { Rgb([255; 3]) };
        let (width, height) = canvas.crop.dimensions();
        Ok(Drawn::Picture(Arc::new(RgbImage::from_fn(width, height, ink))))
    }
}

/// A folder of masks, and what identifies those in it: names, sizes and when they were written.
#[derive(Debug, Clone)]
pub(super) struct Masks {
    folder: PathBuf,
    /// Part of what a picture follows from, through `Debug`.
    #[allow(dead_code, reason = "it is printed")]
    state: String,
}

impl Masks {
    /// Those that a specification names.
    pub fn named(spec: &Spec) -> Option<Self> {
        let folder = PathBuf::from(spec.get("masks")?);
        let mut files = Vec::new();
        listed(&folder, &mut files);
        files.sort();
        Some(Masks { folder, state: sha256_hex(files.join("\n").as_bytes()) })
    }

    /// A photograph's mask, as its crop is cut: where it is at least half white.
    ///
    /// # Errors
    /// Those of reading it; [`Code::Image`] for one of another size than the photograph.
    pub fn of(&self, canvas: &Canvas<'_>) -> Result<PixelMask<Crop>> {
        let path = self.folder.join(canvas.subject.id).with_extension("png");
        let mask = pixels::decode(&path).map_err(|error| error.or_path(&path))?;
        if mask.dimensions() != canvas.photograph.dimensions() {
            let [found, expected] = [&mask, canvas.photograph].map(|one| format!("{} x {}", one.height(), one.width()));
            return Err(
                Error::new(Code::Image, format!("a mask of {found}, the photograph has {expected}")).path(&path)
            );
        }
        let crop = pixels::imagenet_crop(&mask)?;
        PixelMask::from_values(crop.height(), crop.width(), crop.pixels().map(|Rgb(pixel)| pixel[0] >= 128).collect())
    }
}

/// Every file below a folder in a line. One that cannot be listed is missing where its mask is read.
fn listed(folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(found) = entry.metadata() else { continue };
        if found.is_dir() {
            listed(&entry.path(), files);
        } else {
            files.push(format!("{} {} {:?}", entry.path().display(), found.len(), found.modified().ok()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Manipulation, Parameters, changed};

    #[test]
    fn a_silhouette_is_black_where_its_mask_is_white_and_another_mask_is_another_change() {
        let folder = tempfile::tempdir().unwrap();
        let photograph = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 9]));
        let write = |wide: u32, size: u32| {
            let mask = RgbImage::from_fn(size, 256, |x, _| if x < wide { Rgb([255; 3]) } else { Rgb([0; 3]) });
            std::fs::write(folder.path().join("a.png"), pixels::encode_png(&mask).unwrap()).unwrap();
        };
        write(116, 256);
        let spec = format!("silhouette:masks={}", folder.path().display());
        let of = |spec: &str| changed(&photograph, "a.JPEG", &spec.parse::<Manipulation>()?, &Parameters::default());
        let made = of(&spec).unwrap();
        assert_eq!([made.get_pixel(99, 50).0, made.get_pixel(100, 50).0], [[0; 3], [255; 3]]);
        let outline = of(&spec.replace("silhouette", "drawing")).unwrap();
        let inked = outline.enumerate_pixels().filter(|(.., pixel)| pixel.0 == [0; 3]);
        assert!(inked.clone().all(|(x, ..)| x == 0 || x == 99 || x < 99) && inked.count() >= 224);
        let text = |spec: &str| {
            let subject = crate::datasets::Subject { id: "a", side: 224, seed: 1 };
            format!("{:?}", spec.parse::<Manipulation>().unwrap().plan(&subject).unwrap()[1].change)
        };
        let before = text(&spec);
        write(16, 200);
        assert_ne!(text(&spec), before);
        let error = of(&spec).unwrap_err().to_string();
        assert!(error.contains("a mask of 256 x 200, the photograph has 256 x 256"), "{error}");
    }
}
