//! What a manipulation took away, measured on the pictures, so that manipulations can be compared at equal strength.

use image::RgbImage;
use rustfft::num_complex::Complex;

use super::canvas::Canvas;
use super::chosen::Manipulation;
use super::fourier::Plan;
use super::parameters::{Parameters, plan};
use super::planes::grey_plane;
use crate::error::Result;
use crate::files::{ImageFile, Store};
use crate::pixels;
use crate::stage::{Made, Named, all_of};
use crate::table::{Row, table};

table! {
    /// What is left of one photograph's crop after a change.
    pub struct RemovedRow {
        /// The photograph.
        orig_file: String,
        /// The kind of changed picture.
        kind: String,
        /// Its level.
        level: i64,
        /// Which of several of its level; -1 where there is but one.
        variant: i64,
        /// Mean variance of grey in windows of 15 x 15, as a share of the untouched picture's; missing where that has none.
        variance: Option<f64> as "local variance",
        /// Power above an eighth of a cycle a pixel, as a share of the untouched picture's; missing where that has none.
        energy: Option<f64> as "high-frequency energy",
        /// Correlation of the sizes of gradients with the untouched picture's; missing where one has none.
        gradients: Option<f64> as "gradient correlation",
        /// Colourfulness (Hasler and Süsstrunk 2003), as a share of the untouched picture's; missing where that has none.
        colour: Option<f64> as "colourfulness",
    }
}

/// What is left of a picture after a change: four shares of what it had, as in [`RemovedRow`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// Mean variance of grey in windows of 15 x 15.
    pub variance: Option<f64>,
    /// Power above an eighth of a cycle a pixel.
    pub energy: Option<f64>,
    /// Correlation of the sizes of gradients.
    pub gradients: Option<f64>,
    /// Colourfulness.
    pub colour: Option<f64>,
}

/// What can be measured of a picture by itself.
struct Measured {
    variance: f64,
    energy: f64,
    gradients: Vec<f64>,
    colour: f64,
}

/// What is left of a picture in another of its size.
///
/// ```
/// use lgf::datasets::left;
/// use lgf::pixels::{Rgb, RgbImage};
///
/// let striped = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * 40) as u8, (y * 9) as u8, 60]));
/// let same = left(&striped, &striped);
/// assert_eq!((same.variance, same.colour), (Some(1.0), Some(1.0)));
/// let flat = RgbImage::from_pixel(64, 64, Rgb([90; 3]));
/// assert_eq!((left(&striped, &flat).variance, left(&striped, &flat).gradients), (Some(0.0), None));
/// assert_eq!(left(&flat, &striped).variance, None, "there was none to take away");
/// ```
pub fn left(untouched: &RgbImage, changed: &RgbImage) -> Left {
    Measured::of(untouched).left_in(&Measured::of(changed))
}

/// Side of the windows whose variance is local.
const WINDOW: usize = 15;
/// Cycles a pixel above which frequencies are high.
const HIGH: f64 = 0.125;

impl Measured {
    fn of(picture: &RgbImage) -> Self {
        let grey = grey_plane(picture);
        let size = (picture.height() as usize, picture.width() as usize);
        Measured {
            variance: local_variance(&grey, size),
            energy: energy(&grey, size),
            gradients: gradients(&grey, size),
            colour: colourfulness(picture),
        }
    }

    fn left_in(&self, changed: &Measured) -> Left {
        let share = |before: f64, after: f64| (before > 0.0).then(|| after / before);
        Left {
            variance: share(self.variance, changed.variance),
            energy: share(self.energy, changed.energy),
            gradients: correlation(&self.gradients, &changed.gradients),
            colour: share(self.colour, changed.colour),
        }
    }
}

/// The mean over all windows within the picture of the variance in each; 0 for a picture that has none.
fn local_variance(grey: &[f64], (height, width): (usize, usize)) -> f64 {
    if height < WINDOW || width < WINDOW {
        return 0.0;
    }
    let squares: Vec<f64> = grey.iter().map(|value| value * value).collect();
    let (sums, squares) = (window_sums(grey, (height, width)), window_sums(&squares, (height, width)));
    let count = (WINDOW * WINDOW) as f64;
    let variance = |(sum, square): (&f64, &f64)| (square / count - (sum / count).powi(2)).max(0.0);
    // What rounding alone leaves of a flat window is none.
    let all: Vec<f64> = sums.iter().zip(&squares).map(variance).map(|of| if of < 1e-12 { 0.0 } else { of }).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

/// The sum over every window within a plane.
fn window_sums(plane: &[f64], (height, width): (usize, usize)) -> Vec<f64> {
    let (rows, cols) = (height - WINDOW + 1, width - WINDOW + 1);
    let mut lines = vec![0.0; rows * width];
    for (row, line) in lines.chunks_exact_mut(width).enumerate() {
        for from in plane[row * width..(row + WINDOW) * width].chunks_exact(width) {
            line.iter_mut().zip(from).for_each(|(sum, value)| *sum += value);
        }
    }
    let of_line = |line: &[f64]| (0..cols).map(|col| line[col..col + WINDOW].iter().sum()).collect::<Vec<f64>>();
    lines.chunks_exact(width).flat_map(of_line).collect()
}

/// The power of the high frequencies of a plane.
fn energy(grey: &[f64], (height, width): (usize, usize)) -> f64 {
    let spectrum = Plan::new(height, width).forward(grey.iter().map(|value| Complex::new(*value, 0.0)).collect());
    let away = |place: usize, side: usize| place.min(side - place) as f64 / side as f64;
    let high = |place: &usize| away(place % height, height).hypot(away(place / height, width)) > HIGH;
    let power: f64 = (0..spectrum.len()).filter(high).map(|place| spectrum[place].norm_sqr()).sum();
    let power = power / (height * width) as f64;
    // A flat picture's is what rounding leaves.
    if power < 1e-18 { 0.0 } else { power }
}

/// The sizes of the forward differences of a plane, but in its last row and column.
fn gradients(grey: &[f64], (height, width): (usize, usize)) -> Vec<f64> {
    let size = |place: usize| (grey[place + width] - grey[place]).hypot(grey[place + 1] - grey[place]);
    (0..height.saturating_sub(1)).flat_map(|row| (0..width - 1).map(move |col| size(row * width + col))).collect()
}

/// Pearson's correlation; none where one does not vary.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let [mut both, mut of_a, mut of_b] = [0.0; 3];
    for (a, b) in a.iter().zip(b) {
        both += (a - mean_a) * (b - mean_b);
        of_a += (a - mean_a).powi(2);
        of_b += (b - mean_b).powi(2);
    }
    (of_a > 0.0 && of_b > 0.0).then(|| both / (of_a * of_b).sqrt())
}

/// How colourful a picture is (Hasler and Süsstrunk 2003), on values from 0 to 255.
fn colourfulness(picture: &RgbImage) -> f64 {
    let (pixels, _) = picture.as_raw().as_chunks::<3>();
    let count = pixels.len().max(1) as f64;
    let [mut first, mut second] = [(0.0, 0.0); 2];
    for pixel in pixels {
        let [red, green, blue] = pixel.map(f64::from);
        for (sums, value) in [(&mut first, red - green), (&mut second, (red + green) / 2.0 - blue)] {
            *sums = (sums.0 + value, sums.1 + value * value);
        }
    }
    let of = |(sum, square): (f64, f64)| (sum / count, (square / count - (sum / count).powi(2)).max(0.0));
    let ((mean_a, variance_a), (mean_b, variance_b)) = (of(first), of(second));
    (variance_a + variance_b).sqrt() + 0.3 * mean_a.hypot(mean_b)
}

/// What is left of some photographs after every change that is planned for them, a row a photograph and change; a step of the run
/// for each manipulation: written to `features_removed`, and read back where they are finished.
///
/// # Errors
/// As [`plan`]; [`Code::Stopped`](crate::error::Code::Stopped); those of the changes, and of the data root.
pub fn write_removed(store: &Store, images: &[ImageFile], parameters: &Parameters) -> Result<Vec<RemovedRow>> {
    let by = |manipulation: &Manipulation| {
        let own = parameters.only(vec![manipulation.clone()]);
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let name = format!("features/removed-by-{}", manipulation.to_string().chars().map(plain).collect::<String>());
        let step = store.step(Named("datasets", &name), "photographs", &own, images)?;
        if !step.finished() {
            let step = step.saying(format!("what {manipulation} takes away"));
            let own = own.of_set(images)?;
            let mut done = step.each(images, |_, image| {
                let rows = of_photograph(image, &own).map_err(|error| error.or_path(&image.path))?;
                Ok(Made { rows, files: Vec::new() })
            })?;
            let rows = done.rows.iter_mut().flat_map(|(_, rows)| std::mem::take(rows)).collect();
            let files = store.write_table(&name, &RemovedRow::table(rows)?)?.to_vec();
            step.finish(done, files)?;
        }
        store.rows::<RemovedRow>(&name)
    };
    let all = all_of(parameters.more.iter().map(by))?.concat();
    store.makes_tables()?;
    store.write_table("features_removed", &RemovedRow::table(all.clone())?)?;
    Ok(all)
}

fn of_photograph(image: &ImageFile, parameters: &Parameters) -> Result<Vec<RemovedRow>> {
    let photograph = pixels::decode(&image.path)?;
    let crop = pixels::imagenet_crop(&photograph)?;
    rows_of(
        &image.id,
        &mut Canvas::new((&photograph, &crop), &image.id, parameters.seed, &parameters.smoothing.l0),
        parameters,
    )
}

/// A row a change of a crop.
fn rows_of(id: &str, canvas: &mut Canvas<'_>, parameters: &Parameters) -> Result<Vec<RemovedRow>> {
    let untouched = Measured::of(canvas.crop);
    let mut rows = Vec::new();
    for recipe in plan(id, canvas.crop.width(), parameters)?.iter().filter(|recipe| recipe.level > 0) {
        let (crop, drawn) = (canvas.crop, recipe.draw(canvas)?);
        let Left { variance, energy, gradients, colour } = untouched.left_in(&Measured::of(&*drawn.picture(crop)?));
        rows.push(RemovedRow {
            orig_file: id.into(),
            kind: recipe.kind.name.into(),
            level: i64::from(recipe.level),
            variant: recipe.variant,
            variance,
            energy,
            gradients,
            colour,
        });
    }
    Ok(rows)
}

/// The same of one crop and some manipulations, in their order: for a cell.
///
/// # Errors
/// As [`Manipulation::plan`] and the changes.
pub fn left_by_level(crop: &RgbImage, manipulations: &[Manipulation], seed: u64) -> Result<Vec<RemovedRow>> {
    let parameters = Parameters { seed, ..Parameters::default() }.only(manipulations.to_vec());
    let mut canvas = Canvas::new((crop, crop), "", seed, &parameters.smoothing.l0);
    rows_of("", &mut canvas, &parameters)
}
