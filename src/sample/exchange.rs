//! Drawings of which one thing alone is exchanged: the truth about what a network goes by.

use image::{Rgb, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::draw::{self, CLASSES, Drawing};
use super::picture::{Part, generator, photograph_size, through_jpeg};
use crate::error::{Code, Error, Result};
use crate::pixels::{self, Crop, PixelMask};

/// Photographs of a class at most.
const MOST: usize = 1000;

/// A drawn photograph as networks see it (224 x 224), where its figure is, and the same photograph with one thing exchanged:
/// all else is drawn from the same random numbers, and stays.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Class of its outline and its texture, in the order of [`CLASSES`].
    pub class: usize,
    /// The photograph.
    pub whole: RgbImage,
    /// The pixels of its figure.
    pub figure: PixelMask<Crop>,
    /// The same outline on the same ground, in textures of other classes.
    pub textures: Vec<RgbImage>,
    /// The same texture on the same ground, in outlines of other classes.
    pub outlines: Vec<RgbImage>,
    /// The same figure on other ground, as bright.
    pub grounds: Vec<RgbImage>,
}

/// Draws `photographs` of each class, in the order of the classes, each with `others` exchanges of a kind (at most nine). They are
/// none of the sample's, and no network was trained on them. The same seed gives the same bytes on any number of threads.
///
/// ```
/// let drawn = lgf::sample::exchanges(1, 1, 2)?;
/// assert_eq!((drawn.len(), drawn[0].textures.len()), (10, 2));
/// assert_ne!(drawn[0].whole, drawn[0].textures[0]);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`] for more than a thousand photographs of a class: their random numbers would be those of the next class.
pub fn exchanges(seed: u64, photographs: usize, others: usize) -> Result<Vec<Exchange>> {
    if photographs > MOST {
        return Err(Error::new(Code::Parameter, format!("{photographs} photographs of a class; {MOST} can be drawn")));
    }
    let all: Vec<(usize, usize)> =
        (0..CLASSES.len()).flat_map(|class| (0..photographs).map(move |number| (class, number))).collect();
    all.into_par_iter().map(|(class, number)| exchange(seed, class, number, others)).collect()
}

fn exchange(seed: u64, class: usize, number: usize, others: usize) -> Result<Exchange> {
    let recipe = Recipe::of(seed, class, number);
    let seen = |drawn: Drawing| through_jpeg(&drawn.image).and_then(|picture| pixels::imagenet_crop(&picture));
    let whole = recipe.draw(class, class);
    let figure = figure_of(&whole)?;
    let other = others_than(class, others.min(CLASSES.len() - 1));
    Ok(Exchange {
        class,
        figure,
        whole: seen(whole)?,
        textures: other.iter().map(|&texture| seen(recipe.draw(class, texture))).collect::<Result<_>>()?,
        outlines: other.iter().map(|&shape| seen(recipe.draw(shape, class))).collect::<Result<_>>()?,
        grounds: (0..other.len()).map(|ground| seen(recipe.elsewhere(class, ground))).collect::<Result<_>>()?,
    })
}

/// Classes other than one, as far from each other in their order as can be.
fn others_than(class: usize, count: usize) -> Vec<usize> {
    (0..count).map(|other| (class + 1 + other * (CLASSES.len() - 1) / count) % CLASSES.len()).collect()
}

/// The random numbers of a photograph.
struct Recipe {
    size: (u32, u32),
    numbers: ChaCha8Rng,
}

impl Recipe {
    fn of(seed: u64, class: usize, number: usize) -> Self {
        let mut numbers = generator(seed, Part::Exchanges, (class * MOST + number) as u64);
        Recipe { size: photograph_size(&mut numbers), numbers }
    }

    fn draw(&self, shape: usize, texture: usize) -> Drawing {
        draw::draw(shape, texture, self.size, &mut self.numbers.clone())
    }

    fn elsewhere(&self, class: usize, ground: usize) -> Drawing {
        let mut own = self.numbers.clone();
        let mut other = ChaCha8Rng::from_seed(own.get_seed());
        other.set_stream(self.numbers.get_stream() | (ground as u64 + 1) << 24);
        draw::draw_elsewhere(class, class, self.size, &mut own, &mut other)
    }
}

/// The figure as the network sees it: pixels that are at least half of it.
fn figure_of(drawn: &Drawing) -> Result<PixelMask<Crop>> {
    let (width, height) = drawn.image.dimensions();
    let white = RgbImage::from_fn(width, height, |x, y| Rgb([255 * drawn.figure[(y * width + x) as usize]; 3]));
    let seen = pixels::imagenet_crop(&white)?;
    PixelMask::from_values(seen.height(), seen.width(), seen.pixels().map(|pixel| pixel.0[0] >= 128).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels that differ between two drawings, before any file. What is painted over leaves a rounding of a level at most.
    fn differing(a: &Drawing, b: &Drawing) -> Vec<bool> {
        let pairs = a.image.pixels().zip(b.image.pixels());
        pairs.map(|(a, b)| a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 1)).collect()
    }

    /// How many pixels of a figure are among those no farther than two from a pixel, and how many of these there are.
    fn around(figure: &[u8], at: usize, width: usize) -> (usize, usize) {
        let (row, col) = ((at / width) as i64, (at % width) as i64);
        let height = (figure.len() / width) as i64;
        let all = (-2..=2).flat_map(|down| (-2..=2).map(move |right| (row + down, col + right)));
        let inside: Vec<u8> = all
            .filter(|(row, col)| (0..height).contains(row) && (0..width as i64).contains(col))
            .map(|(row, col)| figure[row as usize * width + col as usize])
            .collect();
        (inside.iter().filter(|inside| **inside == 1).count(), inside.len())
    }

    fn near(figure: &[u8], at: usize, width: usize) -> bool {
        around(figure, at, width).0 > 0
    }

    fn deep(figure: &[u8], at: usize, width: usize) -> bool {
        let (inside, all) = around(figure, at, width);
        inside == all
    }

    #[test]
    fn one_thing_alone_is_exchanged() {
        for (class, number) in [(0, 0), (4, 1), (9, 2)] {
            let recipe = Recipe::of(7, class, number);
            let whole = recipe.draw(class, class);
            let width = whole.image.width() as usize;
            let other = (class + 3) % 10;

            let texture = recipe.draw(class, other);
            assert_eq!(texture.figure, whole.figure, "the outline stays");
            let changed = differing(&whole, &texture);
            assert!((0..changed.len()).all(|at| !changed[at] || near(&whole.figure, at, width)), "the ground stays");
            let inside = (0..changed.len()).filter(|&at| whole.figure[at] == 1);
            assert!(inside.clone().filter(|&at| changed[at]).count() * 2 > inside.count(), "the texture changes");

            let ground = recipe.elsewhere(class, 0);
            assert_eq!(ground.figure, whole.figure, "the outline stays");
            let changed = differing(&whole, &ground);
            let background = (0..changed.len()).filter(|&at| !near(&whole.figure, at, width));
            assert!(
                background.clone().filter(|&at| changed[at]).count() * 2 > background.count(),
                "the ground changes"
            );
            let inner = (0..changed.len()).filter(|&at| deep(&whole.figure, at, width));
            let (all, moved) = (inner.clone().count(), inner.filter(|&at| changed[at]).count());
            // Where two parts of an outline meet, a few pixels let the ground through.
            assert!(
                all > 500 && moved * 1000 < all,
                "the figure stays: {moved} of {all} pixels of class {class} changed"
            );

            let outline = recipe.draw(other, class);
            let changed = differing(&whole, &outline);
            let apart = |at: &usize| !near(&whole.figure, *at, width) && !near(&outline.figure, *at, width);
            assert!((0..changed.len()).filter(apart).all(|at| !changed[at]), "the ground stays");
            let mut both =
                (0..changed.len()).filter(|&at| deep(&whole.figure, at, width) && deep(&outline.figure, at, width));
            assert!(both.all(|at| !changed[at]), "the texture stays where both figures are");
            assert_ne!(outline.figure, whole.figure);
        }
    }

    #[test]
    fn exchanges_are_the_same_every_time_and_each_its_own() {
        let (once, again) = (exchanges(3, 1, 3).unwrap(), exchanges(3, 1, 3).unwrap());
        assert_eq!(once.len(), 10);
        for (once, again) in once.iter().zip(&again) {
            let all = |one: &Exchange| {
                [&one.textures[..], &one.outlines[..], &one.grounds[..], std::slice::from_ref(&one.whole)].concat()
            };
            let (once, again) = (all(once), all(again));
            assert_eq!(once, again);
            for (place, one) in once.iter().enumerate() {
                assert!(once[..place].iter().all(|other| other != one), "{place}");
            }
        }
        assert!(once.iter().all(|one| one.figure.count() > 1000));
        assert_eq!(others_than(8, 9), [9, 0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
