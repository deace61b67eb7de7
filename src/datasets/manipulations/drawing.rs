//! Edges alone: black lines on white, where Canny finds edges (as step 3), or along the outline of a mask.
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"drawing".parse()?, &Parameters::default())?;
//! assert!(made.iter().all(|value| [0, 255].contains(value)));
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use image::{Rgb, RgbImage};

use super::silhouette::Masks;
use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::edges;
use crate::error::Result;
use crate::pixels::{Crop, Pixel, PixelMask};

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "drawing",
    kinds: &[&LINES],
    keys: &[("masks", "folder of masks, whose outlines are drawn (without it: Canny's edges)")],
    make: |spec| Ladder::of(&LINES, [(1, Drawing { masks: Masks::named(spec) })]),
};

static LINES: Kind = Kind {
    name: "edge drawing",
    folder: "imagenette2_drw",
    set: Set { name: "drw", thesis: None },
    levels: Levels { in_words: "edges alone", stronger: Stronger::Neither },
    untouched: None,
    summary: Summary::Curve { fall: "drawing_drop" },
};

#[derive(Debug, Clone)]
struct Drawing {
    masks: Option<Masks>,
}

impl Change for Drawing {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let lines = match &self.masks {
            Some(masks) => outline(&masks.of(canvas)?),
            None => edges::detect::<Crop>(canvas.crop, &edges::Parameters::default())?.mask,
        };
        let ink = |x: u32, y: u32| if lines.contains(Pixel::at(y, x)) { Rgb([0; 3]) } else { Rgb([255; 3]) };
        let (width, height) = canvas.crop.dimensions();
        Ok(Drawn::Picture(Arc::new(RgbImage::from_fn(width, height, ink))))
    }
}

/// The pixels of a mask beside which one is not of it.
fn outline(mask: &PixelMask<Crop>) -> PixelMask<Crop> {
    let inner = [(1, 0), (-1, 0), (0, 1), (0, -1)].map(|(rows, cols)| mask.shifted(rows, cols));
    let within = |place: usize| mask.values()[place] && inner.iter().all(|shifted| shifted.values()[place]);
    let (height, width) = mask.size();
    let edge = (0..mask.values().len()).map(|place| mask.values()[place] && !within(place)).collect();
    PixelMask::from_values(height, width, edge).unwrap_or_else(|_| PixelMask::empty(height, width))
}
