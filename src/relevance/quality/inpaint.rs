//! Hidden pixels filled in from those around them: the noisy linear imputation of Rong et al. 2022 (ROAD).

use crate::pixels::{Frame, PixelMask};

/// Weight of a neighbour beside, above or below, and of one across a corner.
const DIRECT: f64 = 1.0 / 6.0;
const DIAGONAL: f64 = 1.0 / 12.0;
/// A solution is good enough when what is left of the equations is this share of what was there at first.
const LEFT: f64 = 1e-7;
/// How much of what an incomplete factor leaves out counts at the diagonal; 1 would keep row sums.
const KEPT: f64 = 0.97;

/// Three channels and a fourth that is empty: four numbers are computed side by side.
type Pixel = [f64; 4];

/// Fills the hidden pixels of a picture (three planes, row by row): each becomes the mean of its neighbours inside the picture,
/// hidden ones among them, with weights of 1/6 beside, above and below and 1/12 across corners, over their sum. If all is hidden,
/// all becomes 0. The system is solved to seven digits.
///
/// Its numbers are those of the paper's code (`imputations.py` of tleemann/road_evaluation) before their noise.
pub(super) fn inpaint<F: Frame>(planes: &mut [f32], hidden: &PixelMask<F>) {
    let size = hidden.values().len();
    let places: Vec<usize> = (0..size).filter(|&at| hidden.values()[at]).collect();
    if places.len() == size {
        planes.fill(0.0);
        return;
    }
    let mut system = System::of(hidden, &places);
    let shown = |at: usize| [planes[at], planes[size + at], planes[2 * size + at], 0.0].map(f64::from);
    let right = system.right_side(hidden, &places, shown);
    for (&at, value) in places.iter().zip(system.solve(&right)) {
        for channel in 0..3 {
            planes[channel * size + at] = value[channel] as f32;
        }
    }
}

/// The equations: one a hidden pixel, in row order. One more number, which stays 0, stands for every neighbour that is shown.
struct System {
    /// Sum of the weights of each pixel's neighbours.
    diagonal: Vec<f64>,
    /// The neighbours before a pixel that are hidden: left, above left, above, above right.
    before: Vec<[u32; 4]>,
    /// The incomplete factor's diagonal, inverted.
    factor: Vec<f64>,
}

/// The weights of the neighbours before.
const WEIGHTS: [f64; 4] = [DIRECT, DIAGONAL, DIRECT, DIAGONAL];

/// The eight neighbours of a pixel inside a picture, with their weights.
fn neighbours(at: usize, (height, width): (usize, usize)) -> impl Iterator<Item = (usize, f64)> {
    let (row, col) = ((at / width) as i64, (at % width) as i64);
    (-1..=1).flat_map(move |down| (-1..=1).map(move |right| (down, right))).filter_map(move |(down, right)| {
        let (row, col) = (row + down, col + right);
        let inside = (0..height as i64).contains(&row) && (0..width as i64).contains(&col);
        let weight = if down == 0 || right == 0 { DIRECT } else { DIAGONAL };
        (inside && (down, right) != (0, 0)).then_some((row as usize * width + col as usize, weight))
    })
}

fn size_of<F: Frame>(mask: &PixelMask<F>) -> (usize, usize) {
    (mask.size().0 as usize, mask.size().1 as usize)
}

impl System {
    fn of<F: Frame>(hidden: &PixelMask<F>, places: &[usize]) -> Self {
        let size = size_of(hidden);
        let width = size.1;
        let shown = places.len() as u32;
        let mut number = vec![shown; hidden.values().len()];
        places.iter().enumerate().for_each(|(index, &at)| number[at] = index as u32);
        let number_of = |at: Option<usize>| at.map_or(shown, |at| number[at]);
        let before = |&at: &usize| {
            let (row, col) = (at / width, at % width);
            let above = |step: i64| {
                let col = col as i64 + step;
                (row > 0 && (0..width as i64).contains(&col)).then(|| (row - 1) * width + col as usize)
            };
            [(col > 0).then(|| at - 1), above(-1), above(0), above(1)].map(number_of)
        };
        let before: Vec<[u32; 4]> = places.iter().map(before).collect();
        let diagonal: Vec<f64> =
            places.iter().map(|&at| neighbours(at, size).map(|(_, weight)| weight).sum()).collect();
        let factor = factor(&diagonal, &before);
        System { diagonal, before, factor }
    }

    /// What the shown neighbours of each hidden pixel say.
    fn right_side<F: Frame>(
        &self,
        hidden: &PixelMask<F>,
        places: &[usize],
        shown: impl Fn(usize) -> Pixel,
    ) -> Vec<Pixel> {
        let size = size_of(hidden);
        let one = |&at: &usize| {
            let mut sum = [0.0; 4];
            for (other, weight) in neighbours(at, size).filter(|(other, _)| !hidden.values()[*other]) {
                add(&mut sum, weight, &shown(other));
            }
            sum
        };
        places.iter().map(one).collect()
    }

    /// Conjugate gradients, each channel by itself, with the incomplete factor before them.
    fn solve(&mut self, right: &[Pixel]) -> Vec<Pixel> {
        let count = right.len();
        let mut solution = vec![[0.0; 4]; count + 1];
        let mut residual = right.to_vec();
        residual.push([0.0; 4]);
        let (mut step, mut image) = (solution.clone(), solution.clone());
        let enough = dot(&residual, &residual).map(|square| square * LEFT * LEFT);
        let mut before = [0.0; 4];
        // A factor that kept everything would end in one round; this one takes some dozens. The bound is never met.
        for round in 0..10 * count.max(10) {
            let left = dot(&residual, &residual);
            if left.iter().zip(&enough).all(|(left, enough)| left <= enough) {
                break;
            }
            image.copy_from_slice(&residual);
            self.precondition(&mut image);
            let now = dot(&residual, &image);
            let on = share(&now, &before);
            for (step, image) in step.iter_mut().zip(&image) {
                for channel in 0..4 {
                    let last = if round == 0 { 0.0 } else { on[channel] * step[channel] };
                    step[channel] = image[channel] + last;
                }
            }
            before = now;
            self.multiply(&step, &mut image);
            let length = share(&now, &dot(&step, &image));
            for (((solution, residual), step), image) in solution.iter_mut().zip(&mut residual).zip(&step).zip(&image) {
                for channel in 0..4 {
                    solution[channel] += length[channel] * step[channel];
                    residual[channel] -= length[channel] * image[channel];
                }
            }
        }
        solution
    }

    fn multiply(&self, values: &[Pixel], image: &mut [Pixel]) {
        for (index, before) in self.before.iter().enumerate() {
            let own = &values[index];
            let mut sum = scaled(self.diagonal[index], own);
            let (direct, diagonal) = (scaled(DIRECT, own), scaled(DIAGONAL, own));
            for (at, &other) in before.iter().enumerate() {
                add(&mut sum, -WEIGHTS[at], &values[other as usize]);
                add(&mut image[other as usize], -1.0, if at % 2 == 0 { &direct } else { &diagonal });
            }
            image[index] = sum;
        }
        image[self.before.len()] = [0.0; 4];
    }

    /// Divides by the incomplete factor and its mirror image.
    fn precondition(&self, values: &mut [Pixel]) {
        for (index, before) in self.before.iter().enumerate() {
            let mut sum = values[index];
            for (at, &other) in before.iter().enumerate() {
                add(&mut sum, WEIGHTS[at], &values[other as usize]);
            }
            values[index] = scaled(self.factor[index], &sum);
        }
        for (index, before) in self.before.iter().enumerate().rev() {
            let (direct, diagonal) = (scaled(DIRECT, &values[index]), scaled(DIAGONAL, &values[index]));
            for (at, &other) in before.iter().enumerate() {
                let part = if at % 2 == 0 { &direct } else { &diagonal };
                add(&mut values[other as usize], self.factor[other as usize], part);
            }
        }
    }
}

/// The diagonal of an incomplete Cholesky factor, inverted: of the fill that is left out most is counted there (Gustafsson
/// 1978). Last the 0 of what is shown.
fn factor(diagonal: &[f64], before: &[[u32; 4]]) -> Vec<f64> {
    let mut after = vec![0.0; diagonal.len() + 1];
    for before in before {
        before.iter().zip(WEIGHTS).for_each(|(&other, weight)| after[other as usize] += weight);
    }
    let mut factor = vec![0.0; diagonal.len() + 1];
    for (index, before) in before.iter().enumerate() {
        let taken = before.iter().zip(WEIGHTS).map(|(&other, weight)| {
            let other = other as usize;
            weight * factor[other] * (weight + KEPT * (after[other] - weight))
        });
        factor[index] = 1.0 / (diagonal[index] - taken.sum::<f64>());
    }
    factor
}

fn add(sum: &mut Pixel, weight: f64, value: &Pixel) {
    for channel in 0..4 {
        sum[channel] += weight * value[channel];
    }
}

fn scaled(weight: f64, value: &Pixel) -> Pixel {
    value.map(|value| weight * value)
}

fn dot(a: &[Pixel], b: &[Pixel]) -> Pixel {
    let mut sum = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for channel in 0..4 {
            sum[channel] += a[channel] * b[channel];
        }
    }
    sum
}

/// 0 where a channel is solved already, as the empty one is.
fn share(part: &Pixel, whole: &Pixel) -> Pixel {
    std::array::from_fn(|channel| if whole[channel] == 0.0 { 0.0 } else { part[channel] / whole[channel] })
}
