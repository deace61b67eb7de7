//! One picture in the making: ground, figures with a surface each, film grain.

use image::RgbImage;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::canvas::{Canvas, Color, tint};
use super::chance::{between, branch, coin, noise};
use super::outline::{self, Frame, Part};
use super::textures::Texture;
use super::{background, shapes};

/// The share of its frame that a figure's longer extent takes, at least and at most.
const FIGURE_SHARE: [f32; 2] = [0.65, 0.98];

/// The outline of class `shape`, placed in `frame`, in pixels.
pub(super) fn outline_of(shape: usize, frame: Frame, rng: &mut ChaCha8Rng) -> Vec<Part> {
    let mut parts = shapes::parts(shape, rng);
    outline::place(&mut parts, frame, between(rng, FIGURE_SHARE[0], FIGURE_SHARE[1]), rng);
    parts
}

/// Calls `paint(row, col, cover, distance)` on each pixel that the outline touches; returns the box and the mask of it.
///
/// A pixel belongs to the mask where the outline covers at least half of it; `distance` is exact down to `-margin`.
pub(super) fn trace(
    parts: &[Part],
    size: (u32, u32),
    margin: f32,
    mut paint: impl FnMut(u32, u32, f32, f32),
) -> ([u32; 4], Vec<u8>) {
    let mut figure = vec![0; size.0 as usize * size.1 as usize];
    let mut bbox = [u32::MAX, u32::MAX, 0, 0];
    outline::fill(parts, size, margin.max(1.0), |row, col, distance| {
        paint(row, col, (0.5 - distance).clamp(0.0, 1.0), distance);
        if distance <= 0.0 {
            figure[(row * size.1 + col) as usize] = 1;
            bbox = [bbox[0].min(row), bbox[1].min(col), bbox[2].max(row), bbox[3].max(col)];
        }
    });
    (bbox, figure)
}

/// A picture in the making, with a random stream for each thing that varies on its own.
pub(super) struct Studio {
    pub(super) canvas: Canvas,
    pub(super) outlines: ChaCha8Rng,
    surfaces: ChaCha8Rng,
    ground: ChaCha8Rng,
    /// Mean luminance of figures.
    luminance: f32,
}

impl Studio {
    /// Chooses light figures on dark ground or the reverse, and covers the canvas with ground: its own, or as brightly one of
    /// `other`'s.
    pub(super) fn new(size: (u32, u32), rng: &mut ChaCha8Rng, other: Option<&mut ChaCha8Rng>) -> Studio {
        /// Mean luminance of dark and of light things, from and to.
        const DARK: [f32; 2] = [70.0, 95.0];
        const LIGHT: [f32; 2] = [160.0, 185.0];

        let (outlines, surfaces, mut ground) = (branch(rng), branch(rng), branch(rng));
        let [dark, light] = [DARK, LIGHT].map(|range| between(&mut ground, range[0], range[1]));
        let (luminance, behind) = if coin(&mut ground) { (light, dark) } else { (dark, light) };
        let mut canvas = Canvas::new(size, [behind; 3]);
        background::paint(&mut canvas, behind, &mut ground);
        if let Some(other) = other {
            background::paint(&mut canvas, behind, &mut branch(other));
        }
        Studio { canvas, outlines, surfaces, ground, luminance }
    }

    /// Draws one figure within `frame`; returns its box and mask.
    pub(super) fn add(&mut self, shape: usize, texture: usize, frame: Frame) -> ([u32; 4], Vec<u8>) {
        let size = self.canvas.size;
        let parts = outline_of(shape, frame, &mut self.outlines);
        let surface = Surface::new(texture, self);
        let canvas = &mut self.canvas;
        trace(&parts, size, surface.rim, |row, col, cover, distance| {
            let inner = (-distance - surface.rim + 0.5).clamp(0.0, 1.0);
            let mut color = surface.at(row, col);
            for (value, edge) in color.iter_mut().zip(surface.edge) {
                *value = edge + (*value - edge) * inner;
            }
            canvas.blend(row, col, color, cover);
        })
    }

    pub(super) fn finish(mut self) -> RgbImage {
        /// Film grain, in levels.
        const GRAIN: f32 = 4.0;
        self.canvas.develop(GRAIN, &mut self.ground)
    }
}

/// What a figure looks like: a texture in two colours under soft light, and a rim.
pub(super) struct Surface {
    texture: Texture,
    /// Colour at mean brightness, and its change for one standard deviation.
    middle: Color,
    change: Color,
    /// Colour of the rim and its width in pixels.
    edge: Color,
    rim: f32,
    /// Seed and scale of the soft light.
    light: (u32, f32),
}

impl Surface {
    pub(super) fn new(class: usize, studio: &mut Studio) -> Surface {
        /// Standard deviation of the luminance over a texture, in levels.
        const CONTRAST: [f32; 2] = [26.0, 34.0];
        /// Largest chroma of a texture's two colours.
        const CHROMA: f32 = 30.0;
        /// Width of the rim, in shares of the short side.
        const RIM: [f32; 2] = [0.0, 0.0];

        let (height, width) = studio.canvas.size;
        let short = height.min(width) as f32;
        let rng = &mut studio.surfaces;
        let luminance = studio.luminance;
        let contrast = between(rng, CONTRAST[0], CONTRAST[1]);
        let chroma = between(rng, 0.3 * CHROMA, CHROMA);
        let dark = tint(luminance - contrast, chroma, rng);
        let light = tint(luminance + contrast, chroma, rng);
        let edge = tint(if luminance > 127.0 { 245.0 } else { 10.0 }, 5.0, rng);
        let rim = short * between(rng, RIM[0], RIM[1]);
        let texture = Texture::new(class, short, rng);
        let soft = (rng.next_u32(), 3.0 / short);
        Surface {
            texture,
            middle: [0, 1, 2].map(|c| 0.5 * (dark[c] + light[c])),
            change: [0, 1, 2].map(|c| 0.5 * (light[c] - dark[c])),
            edge,
            rim,
            light: soft,
        }
    }

    pub(super) fn at(&self, row: u32, col: u32) -> Color {
        /// Strength of the soft light, in levels from darkest to lightest.
        const LIGHT: f32 = 16.0;
        let (seed, scale) = self.light;
        let light = LIGHT * (noise(seed, row as f32 * scale, col as f32 * scale) - 0.5);
        let shade = self.texture.at(row, col);
        [0, 1, 2].map(|c| self.middle[c] + self.change[c] * shade + light)
    }
}
