//! Pixels in float and colours by luminance.

use image::RgbImage;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::chance::{between, hash};

/// Red, green, blue, 0 to 255.
pub(super) type Color = [f32; 3];

/// A picture in the making; pixels row by row.
pub(super) struct Canvas {
    pub(super) size: (u32, u32),
    pub(super) pixels: Vec<Color>,
}

impl Canvas {
    /// A canvas of (height, width), all of one colour.
    pub(super) fn new(size: (u32, u32), color: Color) -> Canvas {
        Canvas { size, pixels: vec![color; size.0 as usize * size.1 as usize] }
    }

    /// Lays `share` (0..1) of `color` over a pixel.
    pub(super) fn blend(&mut self, row: u32, col: u32, color: Color, share: f32) {
        let pixel = &mut self.pixels[(row * self.size.1 + col) as usize];
        for (value, new) in pixel.iter_mut().zip(color) {
            *value += (new - *value) * share;
        }
    }

    /// The picture in bytes, under a film grain of ± `grain` levels.
    pub(super) fn develop(self, grain: f32, rng: &mut ChaCha8Rng) -> RgbImage {
        let (_, width) = self.size;
        let seed = rng.next_u32();
        let mut image = RgbImage::new(width, self.size.0);
        for ((col, row, bytes), color) in image.enumerate_pixels_mut().zip(&self.pixels) {
            let speck = grain * (2.0 * hash(seed, row as i32, col as i32) - 1.0) + 0.5;
            bytes.0 = color.map(|value| (value + speck) as u8);
        }
        image
    }
}

/// A colour of the given luminance (Rec. 601) and `chroma` (0 is grey), with a random hue.
pub(super) fn tint(luminance: f32, chroma: f32, rng: &mut ChaCha8Rng) -> Color {
    let (mut blue, mut red, mut square) = (0.0, 0.0, 0.0f32);
    // A direction without sine or cosine: a point of the square that lies in the disc.
    while !(0.01..=1.0).contains(&square) {
        (blue, red) = (between(rng, -1.0, 1.0), between(rng, -1.0, 1.0));
        square = blue * blue + red * red;
    }
    let (blue, red) = (blue * chroma / square.sqrt(), red * chroma / square.sqrt());
    // ITU-R BT.601: from luminance and colour differences to red, green, blue.
    [luminance + 1.402 * red, luminance - 0.344_136 * blue - 0.714_136 * red, luminance + 1.772 * blue]
}
