//! The ten textures: brightness over a plane whose unit is one period, each known from a patch of two periods.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::chance::{between, hash, mix, noise, split, step, turn};

/// How a texture lies on the picture.
pub(super) struct Texture {
    rule: &'static Rule,
    /// Turn and scale of the map from pixels to periods.
    cosine: f32,
    sine: f32,
    shift: [f32; 2],
    /// Width of a pixel in periods: edges are this soft.
    pixel: f32,
    seed: u32,
}

/// A place in a texture: row and col in periods, the width of a pixel in periods, and the seed of its irregularities.
struct Place {
    row: f32,
    col: f32,
    pixel: f32,
    seed: u32,
}

/// One texture: its brightness, and what makes it comparable with the others.
struct Rule {
    shade: fn(&Place) -> f32,
    /// Shortest and longest period, in pixels of a picture whose short side is 256.
    period: [f32; 2],
    /// Mean and standard deviation of `shade` over the plane, measured (test `brightness_is_levelled`).
    mean: f32,
    deviation: f32,
}

/// In the order of `CLASSES`.
const RULES: [Rule; 10] = [
    Rule { shade: scales, period: [22.0, 26.0], mean: 0.538, deviation: 0.313 },
    Rule { shade: fur, period: [9.0, 11.0], mean: 0.5, deviation: 0.415 },
    Rule { shade: grille, period: [7.5, 9.0], mean: 0.584, deviation: 0.397 },
    Rule { shade: teeth, period: [15.0, 18.0], mean: 0.38, deviation: 0.455 },
    Rule { shade: bricks, period: [26.0, 30.0], mean: 0.629, deviation: 0.340 },
    Rule { shade: rings, period: [30.0, 36.0], mean: 0.496, deviation: 0.428 },
    Rule { shade: stripes, period: [11.0, 13.0], mean: 0.5, deviation: 0.467 },
    Rule { shade: rust, period: [15.0, 18.0], mean: 0.5, deviation: 0.447 },
    Rule { shade: dimples, period: [17.0, 20.0], mean: 0.558, deviation: 0.32 },
    Rule { shade: weave, period: [12.0, 14.0], mean: 0.450, deviation: 0.450 },
];

impl Texture {
    /// Texture `class` (0..10) for a picture with the short side `short`, with a period, a slant and a place of its own.
    pub(super) fn new(class: usize, short: f32, rng: &mut ChaCha8Rng) -> Texture {
        /// Tangent of half of 10 degrees: the most that a texture is turned.
        const TURN: f32 = 0.0875;
        /// Short side for which periods are given.
        const REFERENCE: f32 = 256.0;

        let rule = &RULES[class];
        let pixel = REFERENCE / (short * between(rng, rule.period[0], rule.period[1]));
        let (cosine, sine) = turn(rng, TURN);
        let shift = [between(rng, 0.0, 64.0), between(rng, 0.0, 64.0)];
        Texture { rule, cosine: cosine * pixel, sine: sine * pixel, shift, pixel, seed: rng.next_u32() }
    }

    /// Brightness at a pixel: mean 0, standard deviation 1 over the plane, within about -3..3.
    pub(super) fn at(&self, row: u32, col: u32) -> f32 {
        let (row, col) = (row as f32, col as f32);
        let place = Place {
            row: row * self.cosine + col * self.sine + self.shift[0],
            col: col * self.cosine - row * self.sine + self.shift[1],
            pixel: self.pixel,
            seed: self.seed,
        };
        ((self.rule.shade)(&place) - self.rule.mean) / self.rule.deviation
    }
}

/// Tench: overlapping scales, light at the root, a dark rim.
fn scales(place: &Place) -> f32 {
    /// Radius of a scale, and the distance of rows, in periods.
    const RADIUS: f32 = 0.56;
    const ROW: f32 = 0.5;

    let row = split(place.row / ROW).0;
    // The scale on top is the one whose rim lies highest: rows above cover those below.
    for back in (-1..=1).rev() {
        let (dy, odd) = (place.row - (row - back) as f32 * ROW, (row - back) & 1);
        let dx = split(place.col + 0.5 * odd as f32).1 - 0.5;
        let off = (dy * dy + dx * dx).sqrt() / RADIUS;
        if off < 1.0 && dy > -0.12 {
            return 0.9 - 0.25 * off - 0.65 * step(off, 0.8, 0.25);
        }
    }
    0.0
}

/// English springer: upright strokes of hair, a little bent.
fn fur(place: &Place) -> f32 {
    let bend = noise(place.seed ^ 1, place.row * 0.2, place.col * 0.2);
    let across = place.col + 0.8 * bend;
    let coarse = noise(place.seed, place.row * 0.3, across * 2.0);
    let fine = noise(place.seed ^ 2, place.row * 0.45, across * 3.4);
    step(0.6 * coarse + 0.4 * fine, 0.5, 0.2)
}

/// Cassette player: square holes in a square grid.
fn grille(place: &Place) -> f32 {
    let off = (split(place.row).1 - 0.5).abs().max((split(place.col).1 - 0.5).abs());
    step(off, 0.32, place.pixel * 1.4)
}

/// Chain saw: rows of teeth that all lean one way.
fn teeth(place: &Place) -> f32 {
    let (row, y) = split(place.row);
    let x = split(place.col + 0.37 * (row & 1) as f32).1;
    // Upright at the left of a tooth, slanting at its right, a gap above.
    step(y - 0.16, 0.84 * x, 1.5 * place.pixel) * step(x, 0.05, place.pixel)
}

/// Church: bricks in running bond, each of its own shade, light mortar.
fn bricks(place: &Place) -> f32 {
    /// Height of a course and half the width of a joint, in lengths of a brick.
    const COURSE: f32 = 0.34;
    const JOINT: f32 = 0.075;

    let (row, y) = split(place.row / COURSE);
    let (col, x) = split(place.col + 0.5 * (row & 1) as f32);
    let edge = ((0.5 - (y - 0.5).abs()) * COURSE).min(0.5 - (x - 0.5).abs());
    let brick = 0.1 + 0.25 * hash(place.seed, row, col);
    mix(1.0, brick, step(edge, JOINT, place.pixel * 1.4))
}

/// French horn: rings around scattered centres.
fn rings(place: &Place) -> f32 {
    /// Rings around a centre, for each period.
    const RINGS: f32 = 3.6;

    let ((row, y), (col, x)) = (split(place.row), split(place.col));
    let mut least = f32::MAX;
    for i in -1..=1 {
        for j in -1..=1 {
            let dy = i as f32 + mix(0.25, 0.75, hash(place.seed, row + i, col + j)) - y;
            let dx = j as f32 + mix(0.25, 0.75, hash(!place.seed, row + i, col + j)) - x;
            least = least.min(dy * dy + dx * dx);
        }
    }
    let wave = (split(least.sqrt() * RINGS).1 - 0.5).abs();
    step(wave, 0.25, 0.2)
}

/// Garbage truck: straight slanted stripes.
fn stripes(place: &Place) -> f32 {
    let across = (place.row + place.col) * std::f32::consts::FRAC_1_SQRT_2;
    step((split(across).1 - 0.5).abs(), 0.25, place.pixel)
}

/// Gas pump: irregular blotches of rust.
fn rust(place: &Place) -> f32 {
    let coarse = noise(place.seed, place.row, place.col);
    let fine = noise(place.seed ^ 1, place.row * 2.3, place.col * 2.3);
    step(0.7 * coarse + 0.3 * fine, 0.5, 0.14)
}

/// Golf ball: round dimples in a hexagonal grid, lit from above.
fn dimples(place: &Place) -> f32 {
    /// Radius of a dimple and distance of rows, in periods.
    const RADIUS: f32 = 0.4;
    const ROW: f32 = 0.866;

    let nearest = split(place.row / ROW + 0.5).0;
    let dy = place.row - nearest as f32 * ROW;
    let dx = split(place.col + 0.5 * (nearest & 1) as f32).1 - 0.5;
    let off = (dy * dy + dx * dx).sqrt();
    let hollow = 0.35 + 0.6 * (dy + 0.5 * dx) / RADIUS;
    mix(hollow, 0.85, step(off, RADIUS, 1.5 * place.pixel))
}

/// Parachute: ripstop cloth, thin bright threads slanted both ways.
fn weave(place: &Place) -> f32 {
    let ways = [place.row + place.col, place.row - place.col];
    let off = ways.map(|way| (split(way * std::f32::consts::FRAC_1_SQRT_2).1 - 0.5).abs());
    1.0 - step(off[0].min(off[1]), 0.13, place.pixel)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Mean and standard deviation of `shade` over twenty planes.
    fn measured(rule: &Rule) -> (f32, f32) {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let shades: Vec<f32> = (0..400_000)
            .map(|i| {
                let [row, col] = [0, 1].map(|_| between(&mut rng, 0.0, 64.0));
                (rule.shade)(&Place {
                    row,
                    col,
                    pixel: 1.2 / (rule.period[0] + rule.period[1]) * 2.0,
                    seed: i / 20_000,
                })
            })
            .collect();
        let mean = shades.iter().sum::<f32>() / shades.len() as f32;
        let square = shades.iter().map(|shade| (shade - mean).powi(2)).sum::<f32>() / shades.len() as f32;
        (mean, square.sqrt())
    }

    #[test]
    fn brightness_is_levelled() {
        for (class, rule) in RULES.iter().enumerate() {
            let (mean, deviation) = measured(rule);
            assert!((mean - rule.mean).abs() < 0.02, "texture {class}: mean {mean}");
            assert!((deviation - rule.deviation).abs() < 0.02, "texture {class}: deviation {deviation}");
        }
    }
}
