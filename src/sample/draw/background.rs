//! Cluttered ground that says nothing about the class: a gradient, clouds, blobs, strokes and faint patches.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::canvas::{Canvas, tint};
use super::chance::{between, count, noise, turn};
use super::outline::{Part, area, disc, fill, line};

/// Covers `canvas` with ground whose luminance stays within about 60 levels of `luminance`.
pub(super) fn paint(canvas: &mut Canvas, luminance: f32, rng: &mut ChaCha8Rng) {
    let (height, width) = canvas.size;
    let short = height.min(width) as f32;
    clouds(canvas, luminance, short, rng);
    for _ in 0..count(rng, 9, 16) {
        let part = clutter(height as f32, width as f32, short, rng);
        let color = tint(luminance + between(rng, -40.0, 40.0), between(rng, 0.0, 35.0), rng);
        let share = between(rng, 0.6, 0.95);
        let soft = short / 256.0 * between(rng, 0.7, 3.0);
        fill(&[part], canvas.size, soft, |row, col, distance| {
            canvas.blend(row, col, color, share * (0.5 - 0.5 * distance / soft).clamp(0.0, 1.0));
        });
    }
}

/// A gradient between two colours under noise at two scales.
fn clouds(canvas: &mut Canvas, luminance: f32, short: f32, rng: &mut ChaCha8Rng) {
    let (height, width) = canvas.size;
    let colors = [-1.0, 1.0].map(|side| tint(luminance + side * between(rng, 0.0, 10.0), between(rng, 5.0, 35.0), rng));
    let (cosine, sine) = turn(rng, 1.0);
    let scales = [between(rng, 40.0, 90.0), between(rng, 14.0, 40.0)].map(|period| 256.0 / (short * period));
    let seeds = [rng.next_u32(), rng.next_u32()];
    let strengths = [between(rng, 6.0, 18.0), between(rng, 3.0, 12.0)];
    for row in 0..height {
        for col in 0..width {
            let (y, x) = (row as f32, col as f32);
            let ramp = 0.5 + 0.6 * ((y / height as f32 - 0.5) * cosine + (x / width as f32 - 0.5) * sine);
            let cloud = (noise(seeds[0], y * scales[0], x * scales[0]) - 0.5) * strengths[0]
                + (noise(seeds[1], y * scales[1], x * scales[1]) - 0.5) * strengths[1];
            let pixel = &mut canvas.pixels[(row * width + col) as usize];
            for (channel, value) in pixel.iter_mut().enumerate() {
                *value = colors[0][channel] + (colors[1][channel] - colors[0][channel]) * ramp + cloud;
            }
        }
    }
}

/// A blob, a stroke or a polygon, anywhere.
fn clutter(height: f32, width: f32, short: f32, rng: &mut ChaCha8Rng) -> Part {
    let place = [between(rng, 0.0, height), between(rng, 0.0, width)];
    let mut near = |reach: f32| place.map(|x| x + short * between(rng, -reach, reach));
    let (far, also_far, close, also_close) = (near(0.4), near(0.4), near(0.2), near(0.2));
    match count(rng, 0, 3) {
        0 => disc(place[0], place[1], short * between(rng, 0.02, 0.1)),
        1 => line(&[far, place, also_far], short * between(rng, 0.006, 0.018)),
        2 => area(&[far, also_far, close], 0.0),
        _ => area(&[place, close, also_close], short * 0.03),
    }
}
