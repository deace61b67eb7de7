//! The bilateral filter (Tomasi & Manduchi 1998): texture goes, edges stay, since only pixels of similar colour are averaged. Its
//! strengths are those of Burgert et al. 2025 (arXiv 2509.20234).

use std::sync::Arc;

use image::RgbImage;

use crate::datasets::bilateral_filter::{Weights, filtered};
use crate::datasets::canvas::{Canvas, Drawn, Subject};
use crate::datasets::manipulation::{Change, Kind, Levels, Maker, Manipulate, Recipe, Set, Stronger, Summary};
use crate::datasets::spec::Spec;
use crate::error::{Code, Error, Result};

/// How the list knows it.
pub(in crate::datasets) static MAKER: Maker = Maker {
    name: "bilateral",
    kinds: &[&FILTERED],
    keys: &[
        ("d", "diameter in pixels (12; with neither d nor color: the curve, 4 to 14)"),
        ("color", "deviation over colours, of summed differences (170)"),
        ("space", "deviation over pixels (75)"),
    ],
    make: |spec| Ok(Arc::new(Bilateral::of(spec)?)),
};

static FILTERED: Kind = Kind {
    name: "bilateral",
    folder: "imagenette2_blt",
    set: Set { name: "blt", thesis: None },
    levels: Levels { in_words: "diameter of the filter in pixels", stronger: Stronger::Larger },
    untouched: None,
    summary: Summary::Curve { fall: "bilateral_drop" },
};

/// Diameters and deviations over colours of the published curve.
const CURVE: [(u32, f64); 6] = [(4, 50.0), (6, 80.0), (8, 110.0), (10, 140.0), (12, 170.0), (14, 200.0)];

/// Filters of one strength after another.
struct Bilateral(Vec<Filter>);

impl Bilateral {
    fn of(spec: &Spec) -> Result<Self> {
        let one = (spec.read("d", 12)?, spec.read("color", 170.0)?);
        let curve = spec.get("d").or(spec.get("color")).is_none();
        let space = spec.read("space", 75.0)?;
        for (key, value) in [("color", one.1), ("space", space)] {
            if !(f64::MIN_POSITIVE..f64::INFINITY).contains(&value) {
                return Err(spec.wrong(key, "expected a number above 0"));
            }
        }
        let levels = if curve { CURVE.to_vec() } else { vec![one] };
        Ok(Bilateral(levels.into_iter().map(|(d, color)| Filter { d, color, space }).collect()))
    }
}

impl Manipulate for Bilateral {
    fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        let mut all = vec![Recipe::untouched(&FILTERED)];
        for &filter in &self.0 {
            let Filter { d, color, space } = filter;
            if d == 0 || filter.radius() >= subject.side {
                let found = format!("a diameter of {d}, expected 1 to {}", 2 * subject.side - 1);
                return Err(Error::new(Code::Parameter, found));
            }
            all.push(Recipe::new(&FILTERED, d, format!("d{d}_color{color}_space{space}"), filter));
        }
        Ok(all)
    }
}

/// A filter: its diameter in pixels, and the deviations of its weights over colours and over pixels.
#[derive(Debug, Clone, Copy)]
struct Filter {
    d: u32,
    color: f64,
    space: f64,
}

impl Change for Filter {
    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<Drawn> {
        Ok(Drawn::Picture(Arc::new(self.filtered(canvas.crop))))
    }
}

impl Filter {
    fn radius(&self) -> u32 {
        (self.d / 2).max(1)
    }

    fn filtered(&self, picture: &RgbImage) -> RgbImage {
        filtered(picture, Weights { radius: self.radius(), color: self.color, space: self.space })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn picture() -> RgbImage {
        RgbImage::from_fn(64, 48, |x, y| {
            let step = if x < 30 { 40 } else { 200 };
            Rgb([((x * 7) ^ (y * 3)) as u8, (x * x / 5 + y * 4) as u8, (step + (x + y) % 2 * 16) as u8])
        })
    }

    /// The definition written out pixel by pixel, in double precision.
    #[test]
    fn it_is_the_weighted_mean_of_similar_neighbours() {
        let (picture, filter) = (picture(), Filter { d: 10, color: 60.0, space: 3.0 });
        let mirrored = |place: i64, side: u32| {
            let last = i64::from(side) - 1;
            (if place < 0 {
                -place
            } else if place > last {
                2 * last - place
            } else {
                place
            }) as u32
        };
        let found = filter.filtered(&picture);
        for (x, y, pixel) in found.enumerate_pixels() {
            let center = picture.get_pixel(x, y).0;
            let (mut sums, mut all) = ([0.0; 3], 0.0);
            for (down, right) in (-5i64..=5).flat_map(|row| (-5i64..=5).map(move |col| (row, col))) {
                if down * down + right * right > 25 {
                    continue;
                }
                let other = picture.get_pixel(mirrored(i64::from(x) + right, 64), mirrored(i64::from(y) + down, 48)).0;
                let apart: f64 = (0..3).map(|c| f64::from(center[c].abs_diff(other[c]))).sum();
                let far = (down * down + right * right) as f64;
                let weight = (-apart * apart / (2.0 * 60.0 * 60.0)).exp() * (-far / (2.0 * 3.0 * 3.0)).exp();
                (0..3).for_each(|c| sums[c] += weight * f64::from(other[c]));
                all += weight;
            }
            let off = |(found, sum): (&u8, f64)| (f64::from(*found) - sum / all).abs();
            assert!(pixel.0.iter().zip(sums).map(off).all(|off| off < 0.501), "{x} {y}");
        }
    }

    #[test]
    fn without_numbers_it_is_the_published_curve_and_one_that_is_none_is_refused() {
        let subject = Subject { id: "a", side: 224, seed: 1 };
        let plan = |text: &str| text.parse().and_then(|spec| Bilateral::of(&spec)?.plan(&subject));
        let levels: Vec<u32> = plan("bilateral").unwrap().iter().map(|recipe| recipe.level).collect();
        assert_eq!(levels, [0, 4, 6, 8, 10, 12, 14]);
        assert_eq!(plan("bilateral:d=9").unwrap()[1].name, "d9_color170_space75");
        for (text, said) in [
            ("bilateral:d=0", "a diameter of 0, expected 1 to 447"),
            ("bilateral:d=448", "expected 1 to 447"),
            ("bilateral:color=0", "color of bilateral is \"0\": expected a number above 0"),
            ("bilateral:space=nan", "above 0"),
        ] {
            assert!(plan(text).unwrap_err().message().contains(said), "{text}");
        }
    }
}
