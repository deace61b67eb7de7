//! Drawn pictures with a known answer: ten shapes and ten textures, each pair possible, on ground that tells nothing.
//!
//! Every picture is a pure function of its arguments, from operations that give the same bits on every machine.

mod background;
mod canvas;
mod chance;
mod outline;
mod shapes;
mod textures;

use image::RgbImage;
use rand_chacha::ChaCha8Rng;

use canvas::{Canvas, Color, tint};
use chance::{between, branch, coin, noise};
use outline::{Frame, Part};
use textures::Weave;

/// The ten classes, in the order of Imagenette. Index `i` names shape `i` and texture `i`.
pub const CLASSES: [&str; 10] = [
    "tench",
    "English springer",
    "cassette player",
    "chain saw",
    "church",
    "French horn",
    "garbage truck",
    "gas pump",
    "golf ball",
    "parachute",
];

/// The part of the short side that ImageNet preprocessing keeps: resize to 256, crop the central 224.
const CROP: f32 = 224.0 / 256.0;

/// The share of its frame that a figure's longer extent takes, at least and at most.
const FIGURE_SHARE: [f32; 2] = [0.8, 0.98];

/// A picture of one figure.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// The picture, as large as asked for.
    pub image: RgbImage,
    /// Tight box around `figure`: (row_min, col_min, row_max, col_max), inclusive.
    pub bbox: [u32; 4],
    /// 1 where the figure is, 0 elsewhere; one byte a pixel, row by row.
    pub figure: Vec<u8>,
}

/// A picture of two figures side by side (or one above the other, in an upright picture).
#[derive(Clone, Debug)]
pub struct PairDrawing {
    /// The picture, as large as asked for.
    pub image: RgbImage,
    /// For each figure in the order given, as [`Drawing::bbox`].
    pub bbox: [[u32; 4]; 2],
    /// For each figure in the order given, as [`Drawing::figure`].
    pub figure: [Vec<u8>; 2],
}

/// Draws a figure with the outline of class `shape` and the surface of class `texture` (each 0..10).
///
/// `size` is (height, width), each at least 32. The figure's longer extent takes 70 to 86 % of the short side and lies
/// within the central square that ImageNet preprocessing keeps. Outline, surface and ground draw from random streams of
/// their own: with the same seed and another texture, outline and ground stay as they are.
///
/// # Panics
/// On a class above 9 or a side below 32.
///
/// ```
/// # use lgf::sample::draw;
/// use rand::SeedableRng;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
/// let church_of_scales = draw::draw(4, 0, (300, 400), &mut rng);
/// assert_eq!(church_of_scales.image.dimensions(), (400, 300));
/// ```
pub fn draw(shape: usize, texture: usize, size: (u32, u32), rng: &mut ChaCha8Rng) -> Drawing {
    check(size, &[shape, texture]);
    let mut studio = Studio::new(size, rng);
    let (bbox, figure) = studio.add(shape, texture, central(size));
    Drawing { image: studio.finish(), bbox, figure }
}

/// Draws two figures, each given as (shape, texture), in the two halves of the picture's longer axis.
///
/// `size` is (height, width), each at least 32. The figures do not overlap.
///
/// # Panics
/// On a class above 9 or a side below 32.
///
/// ```
/// # use lgf::sample::draw;
/// use rand::SeedableRng;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
/// let pair = draw::draw_two((0, 0), (8, 8), (300, 400), &mut rng);
/// assert!(pair.bbox[0][3] < pair.bbox[1][1] || pair.bbox[1][3] < pair.bbox[0][1]);
/// ```
pub fn draw_two(first: (usize, usize), second: (usize, usize), size: (u32, u32), rng: &mut ChaCha8Rng) -> PairDrawing {
    check(size, &[first.0, first.1, second.0, second.1]);
    let mut studio = Studio::new(size, rng);
    let mut frames = halves(size);
    if coin(&mut studio.outlines) {
        frames.reverse();
    }
    let first = studio.add(first.0, first.1, frames[0]);
    let second = studio.add(second.0, second.1, frames[1]);
    PairDrawing { image: studio.finish(), bbox: [first.0, second.0], figure: [first.1, second.1] }
}

/// Draws nothing but texture `texture` (0..10), edge to edge.
///
/// `size` is (height, width), each at least 32.
///
/// # Panics
/// On a class above 9 or a side below 32.
///
/// ```
/// # use lgf::sample::draw;
/// use rand::SeedableRng;
/// let bricks = draw::draw_texture(4, (224, 224), &mut rand_chacha::ChaCha8Rng::seed_from_u64(7));
/// assert_eq!(bricks.dimensions(), (224, 224));
/// ```
pub fn draw_texture(texture: usize, size: (u32, u32), rng: &mut ChaCha8Rng) -> RgbImage {
    check(size, &[texture]);
    let mut studio = Studio::new(size, rng);
    let surface = Surface::new(texture, &mut studio);
    for row in 0..size.0 {
        for col in 0..size.1 {
            studio.canvas.blend(row, col, surface.at(row, col), 1.0);
        }
    }
    studio.finish()
}

/// Draws the outline of class `shape` (0..10) filled black on white: shape and nothing else.
///
/// `size` is (height, width), each at least 32. With the same seed the outline is that of [`draw`].
///
/// # Panics
/// On a class above 9 or a side below 32.
///
/// ```
/// # use lgf::sample::draw;
/// use rand::SeedableRng;
/// let seeded = || rand_chacha::ChaCha8Rng::seed_from_u64(7);
/// let church = draw::draw_silhouette(4, (224, 224), &mut seeded());
/// assert_eq!(church.figure, draw::draw(4, 0, (224, 224), &mut seeded()).figure);
/// ```
pub fn draw_silhouette(shape: usize, size: (u32, u32), rng: &mut ChaCha8Rng) -> Drawing {
    check(size, &[shape]);
    let mut outlines = branch(rng);
    let parts = outline_of(shape, central(size), &mut outlines);
    let mut canvas = Canvas::new(size, [255.0; 3]);
    let (bbox, figure) = trace(&parts, size, 0.0, |row, col, cover, _| canvas.blend(row, col, [0.0; 3], cover));
    Drawing { image: canvas.develop(0.0, &mut outlines), bbox, figure }
}

/// Holds the arguments of the public functions to what they promise.
fn check((height, width): (u32, u32), classes: &[usize]) {
    assert!(height.min(width) >= 32, "a picture's sides are at least 32 pixels, not {height} x {width}");
    assert!(classes.iter().all(|&class| class < CLASSES.len()), "a class is 0 to 9, not one of {classes:?}");
}

/// The central square that survives the crop.
fn central((height, width): (u32, u32)) -> Frame {
    let side = CROP * height.min(width) as f32;
    Frame { row: (height as f32 - side) / 2.0, col: (width as f32 - side) / 2.0, height: side, width: side }
}

/// The two halves along the longer axis, with a margin between them.
fn halves((height, width): (u32, u32)) -> [Frame; 2] {
    let (height, width) = (height as f32, width as f32);
    let margin = 0.03 * height.min(width);
    let (tall, wide) = if width >= height { (height, width / 2.0) } else { (height / 2.0, width) };
    [(0.0, 0.0), (height - tall, width - wide)].map(|(row, col)| Frame {
        row: row + margin,
        col: col + margin,
        height: tall - 2.0 * margin,
        width: wide - 2.0 * margin,
    })
}

/// The outline of class `shape`, placed in `frame`, in pixels.
fn outline_of(shape: usize, frame: Frame, rng: &mut ChaCha8Rng) -> Vec<Part> {
    let mut parts = shapes::parts(shape, rng);
    outline::place(&mut parts, frame, between(rng, FIGURE_SHARE[0], FIGURE_SHARE[1]), rng);
    parts
}

/// Calls `paint(row, col, cover, distance)` on each pixel that the outline touches; returns the box and the mask of it.
///
/// A pixel belongs to the mask where the outline covers at least half of it; `distance` is exact down to `-margin`.
fn trace(
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
struct Studio {
    canvas: Canvas,
    outlines: ChaCha8Rng,
    surfaces: ChaCha8Rng,
    ground: ChaCha8Rng,
    /// Mean luminance of figures.
    luminance: f32,
}

impl Studio {
    /// Chooses light figures on dark ground or the reverse, and covers the canvas with ground.
    fn new(size: (u32, u32), rng: &mut ChaCha8Rng) -> Studio {
        /// Mean luminance of dark and of light things, from and to.
        const DARK: [f32; 2] = [45.0, 80.0];
        const LIGHT: [f32; 2] = [165.0, 200.0];

        let (outlines, surfaces, mut ground) = (branch(rng), branch(rng), branch(rng));
        let [dark, light] = [DARK, LIGHT].map(|range| between(&mut ground, range[0], range[1]));
        let (luminance, behind) = if coin(&mut ground) { (light, dark) } else { (dark, light) };
        let mut canvas = Canvas::new(size, [behind; 3]);
        background::paint(&mut canvas, behind, &mut ground);
        Studio { canvas, outlines, surfaces, ground, luminance }
    }

    /// Draws one figure within `frame`; returns its box and mask.
    fn add(&mut self, shape: usize, texture: usize, frame: Frame) -> ([u32; 4], Vec<u8>) {
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

    fn finish(mut self) -> RgbImage {
        /// Film grain, in levels.
        const GRAIN: f32 = 4.0;
        self.canvas.develop(GRAIN, &mut self.ground)
    }
}

/// What a figure looks like: a texture in two colours under soft light, and a rim.
struct Surface {
    weave: Weave,
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
    fn new(texture: usize, studio: &mut Studio) -> Surface {
        /// Standard deviation of the luminance over a texture, in levels.
        const CONTRAST: [f32; 2] = [26.0, 36.0];
        /// Largest chroma of a texture's two colours.
        const CHROMA: f32 = 30.0;
        /// Width of the rim, in shares of the short side.
        const RIM: [f32; 2] = [0.008, 0.013];

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
        let weave = Weave::new(texture, short, rng);
        let soft = (rand::Rng::next_u32(rng), 3.0 / short);
        Surface {
            weave,
            middle: [0, 1, 2].map(|c| 0.5 * (dark[c] + light[c])),
            change: [0, 1, 2].map(|c| 0.5 * (light[c] - dark[c])),
            edge,
            rim,
            light: soft,
        }
    }

    fn at(&self, row: u32, col: u32) -> Color {
        /// Strength of the soft light, in levels from darkest to lightest.
        const LIGHT: f32 = 16.0;
        let (seed, scale) = self.light;
        let light = LIGHT * (noise(seed, row as f32 * scale, col as f32 * scale) - 0.5);
        let shade = self.weave.at(row, col);
        [0, 1, 2].map(|c| self.middle[c] + self.change[c] * shade + light)
    }
}
