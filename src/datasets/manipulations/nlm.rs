//! Texture taken away: non-local means (Buades et al. 2005), whose strengths are those of Burgert et al. 2025 (arXiv 2509.20234).
//!
//! ```
//! use lgf::datasets::{Parameters, changed};
//! use lgf::pixels::{Rgb, RgbImage};
//!
//! let picture = RgbImage::from_fn(256, 256, |x, y| Rgb([x as u8, y as u8, 60]));
//! let made = changed(&picture, "a", &"nlm:h=10".parse()?, &Parameters::default())?;
//! assert_eq!(made.dimensions(), (224, 224));
//! # Ok::<(), lgf::Error>(())
//! ```

use std::sync::Arc;

use crate::datasets::canvas::{Canvas, Drawn};
use crate::datasets::manipulation::{Change, Kind, Ladder, Levels, Maker, Set, Stronger, Summary};
use crate::edges::non_local_means_color;
use crate::error::Result;

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "nlm",
    kinds: &[&DENOISED],
    keys: &[
        ("h", "strength for lightness and colour (without it: the curve, 5 to 25)"),
        ("template", "side of the template window in pixels (14)"),
        ("search", "side of the search window in pixels (21)"),
    ],
    make: |spec| {
        let levels = spec.levels("h", &[5, 10, 15, 20, 25], (|h| (1..=100).contains(&h), "1 to 100"))?;
        let side = |key: &str, usual: u32| {
            let side: u32 = spec.read(key, usual)?;
            if (1..=101).contains(&side) { Ok(side) } else { Err(spec.wrong(key, "expected 1 to 101")) }
        };
        let (template, search) = (side("template", 14)?, side("search", 21)?);
        Ladder::of(&DENOISED, levels.into_iter().map(|h| (h, NonLocalMeans { h, template, search })))
    },
};

static DENOISED: Kind = Kind {
    name: "non-local means",
    folder: "imagenette2_nlm",
    set: Set { name: "nlm", thesis: None },
    levels: Levels { in_words: "strength h of the filter", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "nlm_drop" },
};

/// OpenCV 4.12's `fastNlMeansDenoisingColored(picture, h, h, template, search)`, to the byte.
#[derive(Debug, Clone, Copy)]
struct NonLocalMeans {
    h: u32,
    template: u32,
    search: u32,
}

impl Change for NonLocalMeans {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        let h = self.h as f32;
        Ok(Drawn::Picture(Arc::new(non_local_means_color(canvas.crop, h, h, self.template, self.search)?)))
    }
}
