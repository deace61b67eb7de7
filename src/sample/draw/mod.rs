//! Drawn pictures with a known answer: ten shapes and ten textures, each pair possible, on ground that tells nothing.
//!
//! Every picture is a pure function of its arguments, from operations that give the same bits on every machine.

mod background;
mod canvas;
pub(super) mod chance;
mod outline;
mod shapes;
mod studio;
mod textures;

use image::RgbImage;
use rand_chacha::ChaCha8Rng;

use canvas::Canvas;
use chance::{branch, coin};
use outline::Frame;
use studio::{Studio, Surface, outline_of, trace};

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
/// `size` is (height, width), each at least 32. The figure's longer extent takes 57 to 86 % of the short side and lies
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
    let mut studio = Studio::new(size, rng, None);
    let (bbox, figure) = studio.add(shape, texture, central(size));
    Drawing { image: studio.finish(), bbox, figure }
}

/// As [`draw`], on other ground: with the same `rng` the figure, its brightness and the film grain stay as they are, and what is
/// behind it is drawn from `ground`.
///
/// # Panics
/// On a class above 9 or a side below 32.
///
/// ```
/// # use lgf::sample::draw;
/// use rand::SeedableRng;
/// let seeded = |seed| rand_chacha::ChaCha8Rng::seed_from_u64(seed);
/// let (here, elsewhere) = (draw::draw(4, 0, (300, 400), &mut seeded(7)), draw::draw_elsewhere(4, 0, (300, 400), &mut seeded(7), &mut seeded(8)));
/// assert_eq!(here.figure, elsewhere.figure);
/// assert_ne!(here.image, elsewhere.image);
/// ```
pub fn draw_elsewhere(
    shape: usize,
    texture: usize,
    size: (u32, u32),
    rng: &mut ChaCha8Rng,
    ground: &mut ChaCha8Rng,
) -> Drawing {
    check(size, &[shape, texture]);
    let mut studio = Studio::new(size, rng, Some(ground));
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
    let mut studio = Studio::new(size, rng, None);
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
    let mut studio = Studio::new(size, rng, None);
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

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn seeded(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    /// The box of a mask, found the slow way.
    fn bounds(figure: &[u8], (height, width): (u32, u32)) -> [u32; 4] {
        let pixels = (0..height).flat_map(|row| (0..width).map(move |col| (row, col)));
        let on = pixels.filter(|&(row, col)| figure[(row * width + col) as usize] == 1);
        on.fold([u32::MAX, u32::MAX, 0, 0], |b, (row, col)| {
            [b[0].min(row), b[1].min(col), b[2].max(row), b[3].max(col)]
        })
    }

    #[test]
    fn same_seed_same_bytes() {
        let once = draw(3, 5, (200, 260), &mut seeded(11));
        let again = draw(3, 5, (200, 260), &mut seeded(11));
        assert_eq!(once.image, again.image);
        assert_eq!((once.bbox, once.figure), (again.bbox, again.figure));
        assert_ne!(once.image, draw(3, 5, (200, 260), &mut seeded(12)).image);
    }

    #[test]
    fn box_and_mask_agree_inside_the_crop() {
        for (shape, size) in (0..10).zip([(224, 224), (300, 400), (400, 300), (32, 32), (201, 500)].into_iter().cycle())
        {
            for seed in 0..6 {
                let Drawing { image, bbox, figure } = draw(shape, 0, size, &mut seeded(seed));
                assert_eq!(image.dimensions(), (size.1, size.0));
                assert_eq!(bbox, bounds(&figure, size));
                let frame = central(size);
                assert!(bbox[0] as f32 >= frame.row - 1.0 && bbox[2] as f32 <= frame.row + frame.height + 1.0);
                assert!(bbox[1] as f32 >= frame.col - 1.0 && bbox[3] as f32 <= frame.col + frame.width + 1.0);
            }
        }
    }

    #[test]
    fn figures_are_large() {
        for shape in 0..10 {
            for seed in 0..10 {
                let Drawing { bbox, figure, .. } = draw(shape, 0, (224, 224), &mut seeded(seed));
                let extent = (bbox[2] - bbox[0]).max(bbox[3] - bbox[1]) as f32 / 224.0;
                let area = figure.iter().map(|&on| f32::from(on)).sum::<f32>() / (224.0 * 224.0);
                assert!((0.54..0.88).contains(&extent), "shape {shape}, seed {seed}: extent {extent}");
                assert!((0.05..0.5).contains(&area), "shape {shape}, seed {seed}: area {area}");
            }
        }
    }

    /// An independent check of the outlines: the nearest of a few masks, box to box on a coarse grid, has the same class.
    #[test]
    fn outlines_are_told_apart_by_their_nearest_neighbour() {
        const GRID: u32 = 16;
        let coarse = |shape: usize, seed: u64| -> Vec<u8> {
            let Drawing { bbox, figure, .. } = draw_silhouette(shape, (128, 128), &mut seeded(seed));
            let at = |low: u32, high: u32, i: u32| low + (2 * i + 1) * (high - low) / (2 * GRID);
            let cells = (0..GRID).flat_map(|i| (0..GRID).map(move |j| (i, j)));
            cells.map(|(i, j)| figure[(at(bbox[0], bbox[2], i) * 128 + at(bbox[1], bbox[3], j)) as usize]).collect()
        };
        let known: Vec<_> =
            (0..10).flat_map(|s| (0..40).map(move |seed| (s, seed))).map(|(s, n)| (s, coarse(s, n))).collect();
        let apart = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(x, y)| x != y).count();
        let probes = (0..10).flat_map(|shape| (100..110).map(move |seed| (shape, coarse(shape, seed))));
        let right = probes
            .filter(|(s, mask)| known.iter().min_by_key(|k| apart(&k.1, mask)).is_some_and(|k| k.0 == *s))
            .count();
        assert!(right >= 95, "{right} of 100 outlines recognised");
    }

    #[test]
    fn textures_differ_and_leave_outline_and_ground_alone() {
        let drawings: Vec<_> = (0..10).map(|texture| draw(8, texture, (128, 128), &mut seeded(5))).collect();
        let first = &drawings[0];
        for (i, drawing) in drawings.iter().enumerate() {
            assert_eq!(drawing.figure, first.figure);
            let ground =
                |d: &Drawing| d.image.pixels().zip(&first.figure).take(900).map(|(p, _)| *p).collect::<Vec<_>>();
            assert_eq!(ground(drawing), ground(first), "the uppermost rows of texture {i}");
            for other in &drawings[..i] {
                assert_ne!(drawing.image, other.image);
            }
        }
    }

    #[test]
    fn figure_and_ground_differ_in_luminance() {
        for seed in 0..40 {
            let class = seed as usize % 10;
            let Drawing { image, figure, .. } = draw(class, (class + 3) % 10, (128, 128), &mut seeded(seed));
            let mean = |of: u8| {
                let luma = image.pixels().zip(&figure).filter(|(_, on)| **on == of).map(|(pixel, _)| {
                    let [r, g, b] = pixel.0.map(f32::from);
                    0.299 * r + 0.587 * g + 0.114 * b
                });
                let (sum, count) = luma.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
                sum / count
            };
            assert!((mean(0) - mean(1)).abs() > 60.0, "seed {seed}: {} and {}", mean(0), mean(1));
        }
    }

    #[test]
    fn two_figures_keep_apart() {
        for size in [(300, 400), (400, 300), (224, 224), (32, 32)] {
            let pair = draw_two((0, 1), (6, 7), size, &mut seeded(3));
            for (bbox, figure) in pair.bbox.iter().zip(&pair.figure) {
                assert_eq!(*bbox, bounds(figure, size));
            }
            assert!(pair.figure[0].iter().zip(&pair.figure[1]).all(|(a, b)| a + b < 2));
        }
    }
}
