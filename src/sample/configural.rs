//! Stimuli for configural shape: whether a network sees how the parts of a shape lie to each other, or the parts alone.
//!
//! All are made of a 4 x 4 grid of tiles that only change places or are mirrored, so that a network that looks at tiles one by
//! one ([`BAG_OF_TILES`](super::BAG_OF_TILES)) cannot tell them apart. They are drawn in memory; the same seed gives the same
//! bytes on any number of threads.

use image::{Rgb, RgbImage};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::assignment::cheapest;
use super::draw::chance::{between, count};
use super::draw::{self, CLASSES, Drawing};
use super::picture::{self, Part};
use crate::notebook::{Grid, Picture};

/// Side of these stimuli, in pixels.
const SIDE: u32 = 224;
/// Rows above the cut, and columns left of the line that is mirrored about.
const HALF: u32 = SIDE / 2;
/// Tiles along a side, and the side of one.
const GRID: usize = 4;
const TILE: u32 = SIDE / GRID as u32;
/// Tiles in all.
const TILES: usize = GRID * GRID;
/// Drawings of each shape that an anagram chooses from.
const DRAWINGS: u64 = 96;
/// Words of the bits of a tile, which are of every second pixel of every second row.
const WORDS: usize = (TILE as usize / 2).pow(2).div_ceil(64);

/// How the halves of a silhouette lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As drawn.
    Whole,
    /// The upper and the lower half exchanged: the outline stays in pieces, the whole is gone.
    Fragmented,
    /// The lower half mirrored left to right and joined again: the outline stays but for the join, the whole is another.
    Frankenstein,
}

/// Which way up a silhouette is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// As drawn.
    Upright,
    /// Turned by 180 degrees.
    Inverted,
}

/// A black shape on white, 224 x 224.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silhouette {
    /// The picture.
    pub image: RgbImage,
    /// The class of the shape, in the order of [`draw::CLASSES`].
    pub class: usize,
    /// Which of its class it is: the six pictures of one shape have the same.
    pub number: usize,
    /// How its halves lie.
    pub form: Form,
    /// Which way up it is.
    pub upright: Orientation,
}

impl Silhouette {
    /// The same in the grey tones that the drawings have: black and white are none that the networks of the sample have seen.
    pub fn toned(&self) -> RgbImage {
        let mut toned = self.image.clone();
        toned
            .pixels_mut()
            .for_each(|pixel| *pixel = Rgb(pixel.0.map(|value| (82 + u32::from(value) * 90 / 255) as u8)));
        toned
    }
}

/// Some anagrams, and below them silhouettes of the same classes in every form, to look at.
///
/// ```
/// use lgf::notebook::Show;
///
/// assert!(lgf::sample::configural_sheet(7).html().contains("Frankenstein"));
/// ```
pub fn configural_sheet(seed: u64) -> Grid {
    const SHOWN: usize = 6;
    let name = |class: usize| CLASSES[class];
    let pairs = anagrams(seed, SHOWN / 2);
    let of_pair = |pair: &Anagram| [0, 1].map(|at| Picture::new(pair.images[at].clone(), name(pair.classes[at])));
    let mut grid = Grid::new("configural", &[]).row("anagrams", pairs.iter().flat_map(of_pair).collect::<Vec<_>>());
    let shapes = silhouettes(seed, 1);
    for (form, word) in [(Form::Whole, "whole"), (Form::Fragmented, "fragmented"), (Form::Frankenstein, "Frankenstein")]
    {
        let own = shapes.iter().filter(|shape| (shape.form, shape.upright) == (form, Orientation::Upright));
        let pictures: Vec<Picture> =
            own.take(SHOWN).map(|shape| Picture::new(shape.image.clone(), name(shape.class))).collect();
        grid = grid.row(word, pictures);
    }
    grid
}

/// Draws `per_class` silhouettes of each class, each in three forms and two orientations (Baker and Elder 2022, iScience,
/// "Deep learning models fail to capture the configural nature of human shape perception").
///
/// The cut is between rows 111 and 112, the mirror between columns 111 and 112. Each drawing is shifted so that its middle row
/// is near the cut and the extent of its outline at the cut is centred; one whose lower half would not join, or would not
/// change a fifth of the shape's area when mirrored (a symmetric one), is left out and another drawn. A class of which hardly
/// any drawing will do may have fewer.
///
/// ```
/// use lgf::sample::{Form, silhouettes};
///
/// let shapes = silhouettes(7, 1);
/// assert_eq!(shapes.iter().filter(|one| one.form == Form::Frankenstein).count(), 20);
/// ```
pub fn silhouettes(seed: u64, per_class: usize) -> Vec<Silhouette> {
    /// Drawings that are tried for each that is wanted.
    const TRIES: usize = 100;
    let one_class = |class: usize| -> Vec<Silhouette> {
        let tries = (0..per_class * TRIES).filter_map(|number| {
            let mut rng = picture::generator(seed, Part::Silhouettes, ((class as u64) << 24) | number as u64);
            joined(&draw::draw_silhouette(class, (SIDE, SIDE), &mut rng))
        });
        tries.take(per_class).enumerate().flat_map(|(number, whole)| forms(&whole, class, number)).collect()
    };
    (0..CLASSES.len()).into_par_iter().flat_map_iter(one_class).collect()
}

/// The six pictures of a shape.
fn forms(whole: &RgbImage, class: usize, number: usize) -> Vec<Silhouette> {
    let mut all = Vec::with_capacity(6);
    for form in [Form::Whole, Form::Fragmented, Form::Frankenstein] {
        for upright in [Orientation::Upright, Orientation::Inverted] {
            let image = RgbImage::from_fn(SIDE, SIDE, |col, row| {
                let (row, col) = source(form, upright, (row, col));
                *whole.get_pixel(col, row)
            });
            all.push(Silhouette { image, class, number, form, upright });
        }
    }
    all
}

/// The (row, col) of the whole that a pixel of another form comes from.
fn source(form: Form, upright: Orientation, (row, col): (u32, u32)) -> (u32, u32) {
    let (row, col) = match upright {
        Orientation::Upright => (row, col),
        Orientation::Inverted => (SIDE - 1 - row, SIDE - 1 - col),
    };
    match form {
        Form::Fragmented => ((row + HALF) % SIDE, col),
        Form::Frankenstein if row >= HALF => (row, SIDE - 1 - col),
        Form::Whole | Form::Frankenstein => (row, col),
    }
}

/// A silhouette shifted so that its mirrored lower half joins the upper; nothing if it cannot be, or if it is symmetric.
fn joined(drawing: &Drawing) -> Option<RgbImage> {
    /// Least share of the shape's area by which the Frankenstein differs from the whole.
    const LEAST_DIFFERENCE: f64 = 0.2;
    /// Most pixels by which the two rows at the cut may differ once the lower is mirrored.
    const MOST_STEP: usize = 4;
    /// White pixels that stay around the shape: its soft outline is half of one.
    const MARGIN: i64 = 1;
    /// Rows that the cut may be off the middle of the shape, as a part of its height.
    const OFF_MIDDLE: i64 = 6;

    let [top, left, bottom, right] = drawing.bbox.map(i64::from);
    let (side, half) = (i64::from(SIDE), i64::from(HALF));
    let middle = (top + bottom + 1) / 2;
    let reach = (bottom - top) / OFF_MIDDLE;
    let filled = |(row, col): (i64, i64)| {
        (0..side).contains(&row) && (0..side).contains(&col) && drawing.figure[(row * side + col) as usize] == 1
    };
    for off in (0..=reach).flat_map(|off| [off, -off]) {
        let rows = half - middle + off;
        let at_cut = || (0..side).filter(|&col| [half - 1, half].iter().any(|&row| filled((row - rows, col))));
        let (Some(low), Some(high)) = (at_cut().min(), at_cut().max()) else { continue };
        let cols = (side - 1 - low - high).div_euclid(2);
        let ends = [top + rows, left + cols, side - 1 - bottom - rows, side - 1 - right - cols];
        if ends.iter().any(|&white| white < MARGIN) {
            continue;
        }
        let moved = |row: i64, col: i64| filled((row - rows, col - cols));
        let mirrored = |row: i64, col: i64| moved(row, side - 1 - col);
        let step = (0..side).filter(|&col| moved(half - 1, col) != mirrored(half, col)).count();
        let lower = (half..side).flat_map(|row| (0..side).map(move |col| (row, col)));
        let differing = lower.filter(|&(row, col)| moved(row, col) != mirrored(row, col)).count();
        let area = drawing.figure.iter().filter(|&&on| on == 1).count();
        if step <= MOST_STEP && differing as f64 >= LEAST_DIFFERENCE * area as f64 {
            return Some(shifted(&drawing.image, (rows, cols)));
        }
    }
    None
}

/// A picture on white, moved by rows and columns.
fn shifted(image: &RgbImage, (rows, cols): (i64, i64)) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |col, row| {
        let from = (u32::try_from(i64::from(col) - cols), u32::try_from(i64::from(row) - rows));
        let pixel = if let (Ok(col), Ok(row)) = from { image.get_pixel_checked(col, row) } else { None };
        pixel.copied().unwrap_or(Rgb([255; 3]))
    })
}

/// Two pictures of the very same 16 tiles, of another class each, 224 x 224.
#[derive(Debug, Clone, PartialEq)]
pub struct Anagram {
    /// The pictures.
    pub images: [RgbImage; 2],
    /// The class whose shape each shows, in the order of [`draw::CLASSES`].
    pub classes: [usize; 2],
    /// The class that the surface of both is of, which is neither.
    pub texture: usize,
    /// For each place of the second picture, row by row, the place of its tile in the first.
    pub order: Vec<u32>,
    /// The share of the two shapes' joint area, tile upon tile, that belongs to one of them alone and is half seen in both.
    pub half_seen: f64,
}

/// Draws `count` pairs of pictures that are anagrams of each other (after Doshi et al. 2025, "Visual anagrams reveal hidden
/// differences in holistic shape processing across vision models", who have a diffusion model make them).
///
/// The classes go through all 45 pairs, again and again. Of 96 drawings of each of the two shapes, and of all orders of the
/// tiles, those are taken whose shapes agree best tile upon tile. A tile shows the surface where both shapes are, the ground
/// where neither is, and half of each where they disagree: so each picture shows its own shape whole, of the other only
/// scattered pieces, and neither shape is favoured. Surface and ground are the same in every tile and run on across the
/// borders in any order; the surface is of a third class.
///
/// ```
/// let [pair] = &lgf::sample::anagrams(7, 1)[..] else { panic!("one pair") };
/// assert!(pair.classes[0] != pair.classes[1] && !pair.classes.contains(&pair.texture));
/// ```
pub fn anagrams(seed: u64, count: usize) -> Vec<Anagram> {
    let classes = CLASSES.len();
    let pairs: Vec<[usize; 2]> =
        (0..classes).flat_map(|first| (first + 1..classes).map(move |second| [first, second])).collect();
    (0..count).into_par_iter().map(|number| anagram(seed, number as u64, pairs[number % pairs.len()])).collect()
}

fn anagram(seed: u64, number: u64, classes: [usize; 2]) -> Anagram {
    let stream = |which: u64| picture::generator(seed, Part::Anagrams, (number << 8) | which);
    let drawn = [0, 1].map(|which| -> Vec<Tiles> {
        let shape = classes[which as usize];
        let draw = |index| draw::draw_silhouette(shape, (SIDE, SIDE), &mut stream(which * DRAWINGS + index));
        (0..DRAWINGS).map(|index| Tiles::of(&draw(index))).collect()
    });
    let candidates = drawn[0].iter().flat_map(|first| drawn[1].iter().map(move |second| (first, second)));
    let matched = candidates.map(|(first, second)| (first, second, Match::of(first, second)));
    let best = matched.min_by(|(.., a), (.., b)| a.half_seen.total_cmp(&b.half_seen));
    let (first, second, Match { order, .. }) = best.expect("there are drawings");
    let (texture, paint) = paint(classes, &mut stream(2 * DRAWINGS));
    // The second picture's place of each tile of the first.
    let mut place = [0; TILES];
    order.iter().enumerate().for_each(|(to, &from)| place[from] = to);
    let (mut alone, mut joint) = (0.0, 0.0);
    let mut one = RgbImage::new(SIDE, SIDE);
    for (col, row, pixel) in one.enumerate_pixels_mut() {
        let (tile, within) = tile_of(row, col);
        let (own, other) = (first.cover[tile][within], second.cover[place[tile]][within]);
        alone += f64::from((own - other).abs());
        joint += f64::from(own.max(other));
        let [ground, surface] = paint[within];
        let cover = 0.5 * (own + other);
        *pixel = Rgb([0, 1, 2].map(|c| (ground[c] + (surface[c] - ground[c]) * cover + 0.5) as u8));
    }
    let other = rearranged(&one, &order);
    let order = order.map(|from| from as u32).to_vec();
    Anagram { images: [one, other], classes, texture, order, half_seen: alone / joint }
}

/// The picture whose tile at each place is that of another one at `order` of the place.
fn rearranged(image: &RgbImage, order: &[usize; TILES]) -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |col, row| {
        let from = order[tile_of(row, col).0];
        let (top, left) = ((from / GRID) as u32 * TILE, (from % GRID) as u32 * TILE);
        *image.get_pixel(left + col % TILE, top + row % TILE)
    })
}

/// The number of the tile that a pixel is in, and of the pixel in the tile.
fn tile_of(row: u32, col: u32) -> (usize, usize) {
    let tile = (row / TILE) as usize * GRID + (col / TILE) as usize;
    (tile, (row % TILE * TILE + col % TILE) as usize)
}

/// A shape in tiles.
struct Tiles {
    /// How much of each pixel it covers, 0 to 1.
    cover: Vec<[f32; (TILE * TILE) as usize]>,
    /// The pixels of which it covers half, as bits: every second one of every second row.
    bits: Vec<[u64; WORDS]>,
}

impl Tiles {
    fn of(drawing: &Drawing) -> Tiles {
        let mut tiles = Tiles { cover: vec![[0.0; _]; TILES], bits: vec![[0; _]; TILES] };
        for (col, row, pixel) in drawing.image.enumerate_pixels() {
            let (tile, within) = tile_of(row, col);
            let cover = f32::from(255 - pixel.0[0]) / 255.0;
            tiles.cover[tile][within] = cover;
            if row % 2 == 0 && col % 2 == 0 {
                let bit = (row % TILE / 2 * (TILE / 2) + col % TILE / 2) as usize;
                tiles.bits[tile][bit / 64] |= u64::from(cover >= 0.5) << (bit % 64);
            }
        }
        tiles
    }

    /// How many of the bits are set.
    fn area(&self) -> u32 {
        self.bits.iter().flatten().map(|word| word.count_ones()).sum()
    }
}

/// How the tiles of one shape best fill the places of another.
struct Match {
    /// For each place of the second shape the place of the first.
    order: [usize; TILES],
    /// The share of their joint area that is of one alone, by the bits.
    half_seen: f64,
}

impl Match {
    fn of(first: &Tiles, second: &Tiles) -> Match {
        let shared =
            |a: &[u64], b: &[u64]| -> i64 { a.iter().zip(b).map(|(a, b)| i64::from((a & b).count_ones())).sum() };
        // Both areas are given: what disagrees is least where what is shared is most.
        let costs: [[i64; TILES]; TILES] =
            std::array::from_fn(|to| std::array::from_fn(|from| -shared(&second.bits[to], &first.bits[from])));
        let order = cheapest(&costs);
        let both: i64 = -order.iter().enumerate().map(|(to, &from)| costs[to][from]).sum::<i64>();
        let joint = i64::from(first.area() + second.area()) - both;
        Match { order, half_seen: (joint - both) as f64 / joint as f64 }
    }
}

/// A texture of none of two classes, and the colours of ground and surface of each pixel of a tile, 0 to 255. Both are
/// mirrored within the tile, so that they run on across the border of any two.
fn paint(classes: [usize; 2], rng: &mut ChaCha8Rng) -> (usize, Vec<[[f32; 3]; 2]>) {
    /// Luminance of dark and of light ground, as in the drawings; and how far it goes up and down.
    const GROUNDS: [f32; 2] = [82.0, 172.0];
    const GRAIN: f32 = 4.0;
    let others: Vec<usize> = (0..CLASSES.len()).filter(|class| !classes.contains(class)).collect();
    let texture = others[count(rng, 0, others.len() as u32 - 1) as usize];
    let surface = draw::draw_texture(texture, (SIDE, SIDE), rng);
    let half = TILE / 2;
    let mean = surface.as_raw().iter().map(|&value| f32::from(value)).sum::<f32>() / surface.as_raw().len() as f32;
    let ground = if mean > 127.0 { GROUNDS[0] } else { GROUNDS[1] };
    let speck: Vec<f32> = (0..half * half).map(|_| between(rng, -GRAIN, GRAIN)).collect();
    let folded = |at: u32| at.min(TILE - 1 - at);
    let pixels = (0..TILE).flat_map(|row| (0..TILE).map(move |col| (folded(row), folded(col))));
    let color = |(row, col): (u32, u32)| {
        [[ground + speck[(row * half + col) as usize]; 3], surface.get_pixel(col, row).0.map(f32::from)]
    };
    (texture, pixels.map(color).collect())
}

#[cfg(test)]
mod tests {
    use image::imageops::{crop_imm, flip_horizontal};

    use super::*;

    fn tiles(image: &RgbImage) -> Vec<RgbImage> {
        let places = (0..TILES as u32).map(|place| (place % GRID as u32 * TILE, place / GRID as u32 * TILE));
        places.map(|(left, top)| crop_imm(image, left, top, TILE, TILE).to_image()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
        let drawn = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (silhouettes(3, 2), anagrams(3, 3)))
        };
        let (one, four) = (drawn(1), drawn(4));
        assert!(one == four);
        assert!(one.0[0].image != silhouettes(4, 1)[0].image && one.1[0].images != anagrams(4, 1)[0].images);
    }

    #[test]
    fn every_class_has_its_shapes_in_every_form() {
        let all = silhouettes(2026, 3);
        assert_eq!(all.len(), 10 * 3 * 6);
        for shape in all.chunks(6) {
            let whole = &shape[0];
            assert!((whole.form, whole.upright) == (Form::Whole, Orientation::Upright));
            let parts = tiles(&whole.image);
            for one in shape {
                assert_eq!((one.class, one.number), (whole.class, whole.number));
                let upright = match one.upright {
                    Orientation::Upright => one.image.clone(),
                    Orientation::Inverted => image::imageops::rotate180(&one.image),
                };
                for (place, tile) in tiles(&upright).into_iter().enumerate() {
                    let (row, col) = (place / GRID, place % GRID);
                    let expected = match one.form {
                        Form::Whole => parts[place].clone(),
                        Form::Fragmented => parts[(row + 2) % 4 * GRID + col].clone(),
                        Form::Frankenstein if row < 2 => parts[place].clone(),
                        Form::Frankenstein => flip_horizontal(&parts[row * GRID + 3 - col]),
                    };
                    assert!(tile == expected, "{:?} {place}", one.form);
                }
            }
        }
    }

    #[test]
    fn mirrored_halves_join_and_differ() {
        let all = silhouettes(11, 4);
        let dark = |image: &RgbImage, row: u32, col: u32| image.get_pixel(col, row).0[0] < 128;
        for shape in all.chunks(6) {
            let (whole, other) = (&shape[0].image, &shape[4].image);
            assert_eq!(shape[4].form, Form::Frankenstein);
            let extent = |row: u32| {
                let filled = || (0..SIDE).filter(|&col| dark(other, row, col));
                (filled().min().unwrap(), filled().max().unwrap())
            };
            let ((a, b), (c, d)) = (extent(HALF - 1), extent(HALF));
            assert!(a.abs_diff(c) <= 4 && b.abs_diff(d) <= 4, "{} {a} {b} {c} {d}", shape[0].class);
            let pixels = || (0..SIDE).flat_map(|row| (0..SIDE).map(move |col| (row, col)));
            let area = pixels().filter(|&(row, col)| dark(whole, row, col)).count();
            let moved = pixels().filter(|&(row, col)| dark(whole, row, col) != dark(other, row, col)).count();
            assert!(moved as f64 >= 0.19 * area as f64, "{} {moved} {area}", shape[0].class);
            assert!((0..SIDE).all(|at| !dark(whole, 0, at) && !dark(whole, at, 0) && !dark(whole, at, SIDE - 1)));
        }
    }

    #[test]
    fn the_pictures_of_an_anagram_are_of_the_same_tiles() {
        for anagram in anagrams(2026, 5) {
            let mut each = anagram.order.clone();
            each.sort_unstable();
            assert_eq!(each, (0..TILES as u32).collect::<Vec<_>>());
            let [first, second] = anagram.images.each_ref().map(tiles);
            for (place, &from) in anagram.order.iter().enumerate() {
                assert!(second[place] == first[from as usize]);
            }
            assert!(
                anagram.images[0] != anagram.images[1] && (0.0..0.5).contains(&anagram.half_seen),
                "{}",
                anagram.half_seen
            );
        }
    }

    /// Places and mirror images of tiles make no difference to the bag of tiles, whose weights are symmetrical to the bit.
    #[cfg(feature = "torch")]
    #[test]
    fn the_bag_of_tiles_is_blind_to_order_and_to_mirroring() {
        use crate::inference::{Device, Normalise, logits};
        use crate::models::{architecture, keep_symmetry};

        let bag = crate::sample::bag_of_tiles(Device::Cpu).unwrap();
        let before: Vec<_> = bag.weights().values().map(tch::Tensor::copy).collect();
        keep_symmetry(architecture(super::super::BAG_OF_TILES.1).unwrap().nodes(), bag.weights());
        assert!(bag.weights().values().zip(&before).all(|(now, then)| now == then));
        for class in 0..10 {
            let mut rng = picture::generator(1, Part::Conflict, class as u64);
            let picture = draw::draw(class, class, (SIDE, SIDE), &mut rng).image;
            let order: [usize; TILES] = std::array::from_fn(|place| place * 5 % TILES);
            let mirrored = RgbImage::from_fn(SIDE, SIDE, |col, row| {
                let (row, col) = source(Form::Frankenstein, Orientation::Upright, (row, col));
                *picture.get_pixel(col, row)
            });
            let pictures = [picture.clone(), rearranged(&picture, &order), mirrored, flip_horizontal(&picture)];
            let rows = logits(&bag, &pictures, Normalise::AsTrained).unwrap();
            let largest = rows[0].iter().fold(0f32, |largest, logit| largest.max(logit.abs()));
            for row in &rows[1..] {
                assert!(row.iter().zip(&rows[0]).all(|(a, b)| (a - b).abs() <= 1e-5 * largest), "{rows:?}");
            }
            let moved = crop_imm(&picture, 3, 0, SIDE - 3, SIDE).to_image();
            let moved = image::imageops::resize(&moved, SIDE, SIDE, image::imageops::FilterType::Nearest);
            let other = logits(&bag, &[moved], Normalise::AsTrained).unwrap();
            assert!(other[0].iter().zip(&rows[0]).any(|(a, b)| (a - b).abs() > 1e-3 * largest), "it sees tiles");
        }
    }
}
