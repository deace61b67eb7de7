//! What is true of a drawing and a network.

use image::{GrayImage, Luma};
use imageproc::distance_transform::{Norm, distance_transform};

use crate::error::{Code, Error, Result};
use crate::inference::{Engine, to_input};
use crate::pixels::{Crop, HeatMap, PixelMask};
use crate::relevance::finite_logits;
use crate::sample::Exchange;

/// The pixels of a drawing's outline, of its texture and of its background: each pixel is in one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// No farther than so many pixels from where the figure begins, on either side.
    pub outline: PixelMask<Crop>,
    /// The rest of the figure.
    pub texture: PixelMask<Crop>,
    /// The rest of the picture.
    pub background: PixelMask<Crop>,
}

impl Parts {
    /// Those of a figure, with an outline of so many pixels on either side (chessboard distance).
    ///
    /// # Errors
    /// None in practice: the masks are of one size.
    pub fn of(figure: &PixelMask<Crop>, band: u8) -> Result<Self> {
        let (height, width) = figure.size();
        let near = |mask: &PixelMask<Crop>| -> Vec<bool> {
            let gray = GrayImage::from_fn(width, height, |x, y| {
                Luma([if mask.values()[(y * width + x) as usize] { 255 } else { 0 }])
            });
            distance_transform(&gray, Norm::LInf).into_raw().into_iter().map(|distance| distance <= band).collect()
        };
        let beside = near(figure).into_iter().zip(near(&figure.not())).map(|(a, b)| a && b).collect();
        let outline = PixelMask::from_values(height, width, beside)?;
        let rest = outline.not();
        Ok(Parts { texture: figure.and(&rest)?, background: figure.not().and(&rest)?, outline })
    }

    /// Shares of a map's positive relevance on outline, texture and background; `None` where nothing is positive.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the map has another size.
    pub fn shares(&self, map: &HeatMap<Crop>) -> Result<Option<[f64; 3]>> {
        let on = |mask: &PixelMask<Crop>| map.positive_share_on(mask);
        let [outline, texture, background] = [on(&self.outline)?, on(&self.texture)?, on(&self.background)?];
        Ok(outline.zip(texture).zip(background).map(|((outline, texture), background)| [outline, texture, background]))
    }
}

/// What each part of a drawing is worth to a network: how far the logit of its class falls, on average, when it is exchanged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effects {
    /// The logit.
    pub logit: f64,
    /// Falls for outline, texture and background; below 0 where the logit rises.
    pub falls: [f64; 3],
}

impl Effects {
    /// Those of a drawing to a network that ends in the ten classes of the sample.
    ///
    /// # Errors
    /// [`Code::Parameter`] if the network lacks the drawing's class, or nothing was exchanged; [`Code::Numeric`] if logits are not
    /// finite.
    pub fn of(network: &Engine, drawn: &Exchange) -> Result<Self> {
        let kinds = [&drawn.outlines, &drawn.textures, &drawn.grounds];
        if drawn.class >= network.classes() || kinds.iter().any(|kind| kind.is_empty()) {
            let counts = kinds.map(Vec::len);
            let found = format!("class {} of {}, exchanged {counts:?}", drawn.class, network.classes());
            return Err(Error::new(Code::Parameter, found));
        }
        let all: Vec<_> = std::iter::once(&drawn.whole).chain(kinds.into_iter().flatten()).cloned().collect();
        let pictures = to_input(&all, network.normalisation(), network.device())?;
        let rows = network.forward(&pictures)?;
        finite_logits(network, &pictures, &rows)?;
        let logit = |row: usize| rows.double_value(&[row as i64, drawn.class as i64]);
        let whole = logit(0);
        let mut next = 1;
        let falls = kinds.map(|kind| {
            let mean = kind.iter().enumerate().map(|(at, _)| logit(next + at)).sum::<f64>() / kind.len() as f64;
            next += kind.len();
            whole - mean
        });
        Ok(Effects { logit: whole, falls })
    }

    /// Shares of the falls; `None` where there is none. A rise counts as no fall.
    pub fn shares(&self) -> Option<[f64; 3]> {
        let falls = self.falls.map(|fall| fall.max(0.0));
        let sum: f64 = falls.iter().sum();
        (sum > 0.0).then(|| falls.map(|fall| fall / sum))
    }
}

/// How far two shares of three are the same: 1 less their total variation distance, 0 to 1.
pub(super) fn agreement(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    1.0 - a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0
}
