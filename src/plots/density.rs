//! Where something is, in the plane: filled steps of its density, and the two margins.

use image::{Rgb, RgbImage};

use super::draft::Draft;
use super::font::{TEXT, width_of};
use super::look::{Look, color};
use super::sheet::{Align, At, FAINT, INK, Ink, Sheet};
use crate::error::{Code, Error, Result};
use crate::notebook::{Figure, format_number};
use crate::pixels::{Frame, HeatMap};

const MARGIN: f64 = 60.0;
const GAP: f64 = 8.0;
/// Steps of the density, from none to its largest.
const STEPS: usize = 9;

/// A density over the pixels of a frame (none negative, as [`HeatMap::density`] gives it) in nine steps from white to dark
/// blue, its sums over rows and columns as curves on top and beside it. Rows count downwards, as in a picture.
///
/// ```
/// use lgf::pixels::{Crop, HeatMap};
/// use lgf::plots::density_map;
///
/// let map = HeatMap::<Crop>::from_values(20, 20, (0..400).map(|at| (at % 20) as f32).collect())?;
/// assert!(density_map(&map).draw("ramp")?.svg().contains(">column</text>"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn density_map<F: Frame>(density: &HeatMap<F>) -> Draft {
    let (values, size) = (density.values().to_vec(), density.size());
    Draft::new((560, 560), move |look| drawn(&values, size, look))
}

fn drawn(values: &[f32], (height, width): (u32, u32), look: &Look) -> Result<Figure> {
    let most = values.iter().copied().fold(0.0, f32::max);
    if most <= 0.0 || values.iter().any(|value| *value < 0.0) {
        return Err(Error::new(Code::Parameter, "a density needs values of 0 and more, not all of them 0"));
    }
    let (wide, high) = (f64::from(look.size.0), f64::from(look.size.1));
    let title = if look.title.is_empty() { 0.0 } else { 1.8 * TEXT };
    let (left, top) = (52.0, 10.0 + title + MARGIN + GAP);
    let room = (wide - left - GAP - MARGIN - 16.0, high - top - 46.0);
    let unit = (room.0 / f64::from(width)).min(room.1 / f64::from(height));
    let (across, down) = (unit * f64::from(width), unit * f64::from(height));
    if across < 80.0 || down < 80.0 {
        let found = format!("{} x {} px is too small for a density with margins", look.size.0, look.size.1);
        return Err(Error::new(Code::Parameter, found));
    }
    let mut sheet = Sheet::new(look.size)?;
    sheet.text((10.0, 10.0 + TEXT / 2.0), &look.title, TEXT, Align::Left);
    let (right, bottom) = (left + across, top + down);
    sheet.picture((left, top), (right, bottom), steps(values, width, height, most));
    sheet.frame((left, top), (right, bottom), INK, 0.8);

    let columns: Vec<f64> = (0..width as usize).map(|col| sum(values[col..].iter().step_by(width as usize))).collect();
    let rows: Vec<f64> = values.chunks_exact(width as usize).map(|row| sum(row.iter())).collect();
    let along = |place: usize| left + (place as f64 + 0.5) * unit;
    let beside = |place: usize| top + (place as f64 + 0.5) * unit;
    let above = margin(&columns, |place, share| (along(place), top - GAP - share * (MARGIN - 6.0)));
    let sideways = margin(&rows, |place, share| (right + GAP + share * (MARGIN - 6.0), beside(place)));
    for curve in [above, sideways] {
        sheet.fill(curve.clone(), Ink(color(0), 0.25));
        sheet.line(curve[1..curve.len() - 1].to_vec(), color(0), 1.5);
    }
    sheet.line([(left, top - GAP), (right, top - GAP)], FAINT, 0.8);
    sheet.line([(right + GAP, top), (right + GAP, bottom)], FAINT, 0.8);

    for tick in ticks(width) {
        let x = left + f64::from(tick) * unit;
        sheet.line([(x, bottom), (x, bottom + 4.0)], INK, 0.8);
        sheet.text((x, bottom + 12.0), &format_number(f64::from(tick)), TEXT, Align::Middle);
    }
    for tick in ticks(height) {
        let y = top + f64::from(tick) * unit;
        sheet.line([(left - 4.0, y), (left, y)], INK, 0.8);
        sheet.text((left - 7.0, y), &format_number(f64::from(tick)), TEXT, Align::Right);
    }
    let (x_label, y_label) = (label(&look.x_label, "column"), label(&look.y_label, "row"));
    if width_of(x_label, TEXT)? <= across {
        sheet.text(((left + right) / 2.0, bottom + 30.0), x_label, TEXT, Align::Middle);
    }
    if width_of(y_label, TEXT)? <= down {
        sheet.turned((12.0, (top + bottom) / 2.0), y_label, TEXT, Align::Middle);
    }
    sheet.finish(look, look.alt("density", &format!("{height} rows and {width} columns")))
}

fn label<'a>(given: &'a str, usual: &'a str) -> &'a str {
    if given.is_empty() { usual } else { given }
}

fn sum<'a>(values: impl Iterator<Item = &'a f32>) -> f64 {
    values.map(|value| f64::from(*value)).sum()
}

/// The curve of a margin, closed at both ends on its base line.
fn margin(sums: &[f64], at: impl Fn(usize, f64) -> At) -> Vec<At> {
    let most = sums.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let last = sums.len().saturating_sub(1);
    let curve = sums.iter().enumerate().map(|(place, sum)| at(place, sum / most));
    std::iter::once(at(0, 0.0)).chain(curve).chain(std::iter::once(at(last, 0.0))).collect()
}

/// Four to eight round numbers from 0 to the length.
fn ticks(length: u32) -> impl Iterator<Item = u32> {
    let step = [5, 10, 25, 50, 100, 250, 500, 1000].into_iter().find(|step| length / step < 8).unwrap_or(2000);
    (0..=length).step_by(step as usize)
}

/// The density in steps, a pixel each; ColorBrewer's Blues.
fn steps(values: &[f32], width: u32, height: u32, most: f32) -> RgbImage {
    const BLUES: [[u8; 3]; STEPS] = [
        [255, 255, 255],
        [222, 235, 247],
        [198, 219, 239],
        [158, 202, 225],
        [107, 174, 214],
        [66, 146, 198],
        [33, 113, 181],
        [8, 81, 156],
        [8, 48, 107],
    ];
    RgbImage::from_fn(width, height, |x, y| {
        let value = values[(y * width + x) as usize] / most;
        Rgb(BLUES[((value * STEPS as f32) as usize).min(STEPS - 1)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Crop;

    #[test]
    fn what_is_no_density_is_refused() {
        let map = |values: Vec<f32>| HeatMap::<Crop>::from_values(2, 2, values);
        for values in [vec![0.0; 4], vec![-1.0, 1.0, 1.0, 1.0]] {
            let error = density_map(&map(values).unwrap()).draw("d").unwrap_err();
            assert_eq!(error.code(), Code::Parameter);
        }
        assert!(map(vec![f32::NAN; 4]).is_err() && map(vec![1.0; 3]).is_err());
        assert!(density_map(&map(vec![1.0; 4]).unwrap()).size(150, 150).draw("d").is_err());
    }

    #[test]
    fn ticks_are_few_and_round() {
        assert_eq!(ticks(224).collect::<Vec<_>>(), [0, 50, 100, 150, 200]);
        assert_eq!(ticks(20).collect::<Vec<_>>(), [0, 5, 10, 15, 20]);
    }
}
