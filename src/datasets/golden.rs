//! Manipulations against `tests/golden/manipulations.json`, which `tests/reference/manipulations.py` wrote with OpenCV, Pillow,
//! SciPy and numpy.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{Rgb, RgbImage};
use serde_json::Value;

use super::canvas::{Canvas, Drawn};
use super::chosen::Manipulation;
use super::l0::L0;
use super::manipulations::{critical_band, high_pass, low_pass, phase, power, shuffle};
use super::removed::left;
use crate::files::sha256_hex;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/manipulations.json")).unwrap()
}

fn rows(name: &str) -> Vec<Vec<Value>> {
    serde_json::from_value(golden()[name].clone()).unwrap()
}

/// The two pictures of the golden file.
fn pictures(height: u32, width: u32) -> HashMap<&'static str, RgbImage> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        Rgb([(y * 7 + x * 13 + y * x / 3) as u8, (y * y / 5 + x * 3) as u8, (x ^ y) as u8])
    });
    let (middle, centre, radius) = (i64::from(height / 2), i64::from(width / 2), i64::from(height / 3));
    let object = RgbImage::from_fn(width, height, |x, y| {
        let inside = (i64::from(y) - middle).pow(2) + (i64::from(x) - centre).pow(2) < radius * radius;
        let stripes = (y + 2 * x) % 9 * 6;
        let (first, second) = if inside { (190, 90) } else { (70, 120) };
        Rgb([(first + stripes) as u8, (second + stripes / 2) as u8, (60 + y * 100 / height) as u8])
    });
    HashMap::from([("picture", picture), ("object", object)])
}

/// What the last change of a specification makes of a picture as it is.
fn made(spec: &str, picture: &RgbImage) -> RgbImage {
    let smoother = L0::default();
    let mut canvas = Canvas::new((picture, picture), "a", 7, &smoother);
    let recipes = spec.parse::<Manipulation>().unwrap().plan(&canvas.subject).unwrap();
    let drawn: Drawn = recipes.last().unwrap().draw(&mut canvas).unwrap();
    drawn.picture(picture).unwrap().into_owned()
}

/// Largest difference of every so many values from those sampled.
fn apart(found: &[f64], sampled: &Value) -> f64 {
    let expected: Vec<f64> = serde_json::from_value(sampled.clone()).unwrap();
    let step = (found.len() / 97).max(1);
    let own: Vec<f64> = found.iter().step_by(step).copied().collect();
    assert_eq!(own.len(), expected.len());
    own.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The values of three planes, pixel by pixel.
fn by_pixel([red, green, blue]: &[Vec<f64>; 3]) -> Vec<f64> {
    red.iter().zip(green).zip(blue).flat_map(|((red, green), blue)| [*red, *green, *blue]).collect()
}

/// Numbers from -1 to 1 that the oracle has, too.
fn shifts() -> impl Iterator<Item = f64> {
    (0u64..).map(|at| (at * 7919 % 1009) as f64 / 1009.0 * 2.0 - 1.0)
}

#[test]
fn grey_gaussian_non_local_means_contrast_and_rotation_are_the_oracles_to_the_byte() {
    let pictures = pictures(224, 224);
    for (list, spec) in
        [("grey", "grey:percent"), ("gaussian", "gaussian:kernel"), ("nlm", "nlm:h"), ("contrast", "contrast:percent")]
    {
        for row in rows(list) {
            let picture = &pictures[row[0].as_str().unwrap()];
            let found = made(&format!("{spec}={}", row[1]), picture);
            assert_eq!(sha256_hex(found.as_raw()), row[2].as_str().unwrap(), "{list} {} {}", row[0], row[1]);
        }
    }
    for row in rows("rotation") {
        let found = made(&format!("rotation:degrees={}", row[0]), &pictures["picture"]);
        assert_eq!(sha256_hex(found.as_raw()), row[1].as_str().unwrap(), "{}", row[0]);
    }
}

/// Equal but for the rounding of single precision: OpenCV's own ways differ by as much.
#[test]
fn the_bilateral_filter_is_opencvs_within_1_and_nearly_everywhere_to_the_byte() {
    let pictures = pictures(60, 44);
    let (mut unequal, mut all) = (0, 0);
    for row in rows("bilateral") {
        let found = made(&format!("bilateral:d={},color={}", row[1], row[2]), &pictures[row[0].as_str().unwrap()]);
        let expected = STANDARD.decode(row[3].as_str().unwrap()).unwrap();
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1), "{row:?}");
        unequal += found.iter().zip(&expected).filter(|(a, b)| a != b).count();
        all += expected.len();
    }
    assert!(unequal * 10_000 <= all, "{unequal} of {all}");
}

#[test]
fn filters_phases_spectra_and_octaves_are_the_oracles_before_rounding() {
    let pictures = pictures(60, 44);
    let of = |row: &[Value]| &pictures[row[0].as_str().unwrap()];
    for row in rows("low_pass") {
        let found = low_pass::blurred(of(&row), row[1].as_f64().unwrap());
        assert!(apart(&by_pixel(&found), &row[2]) < 1e-6, "{row:?}");
    }
    for row in rows("high_pass") {
        let found = high_pass::sharpened(of(&row), row[1].as_f64().unwrap() / 100.0);
        assert!(apart(&by_pixel(&found), &row[2]) < 1e-6, "{row:?}");
    }
    for row in rows("phase") {
        let (width, mut given) = (row[1].as_f64().unwrap().to_radians(), shifts());
        let found = phase::scrambled(of(&row), || width * given.next().unwrap());
        assert!(apart(&by_pixel(&found), &row[2]) < 1e-6, "{row:?}");
    }
    let spectra: Vec<[Vec<f64>; 3]> =
        ["picture", "object"].iter().map(|name| power::amplitudes(&pictures[name])).collect();
    let mean: [Vec<f64>; 3] = std::array::from_fn(|channel| {
        spectra[0][channel].iter().zip(&spectra[1][channel]).map(|(a, b)| (a + b) / 2.0).collect()
    });
    for row in rows("power") {
        assert!(apart(&by_pixel(&power::equalised(of(&row), &mean)), &row[1]) < 1e-6, "{row:?}");
    }
    for row in rows("critical_band") {
        let found = critical_band::octave_of(shifts().take(60 * 44), (60, 44), row[0].as_u64().unwrap() as u32, 0.08);
        assert!(apart(&found, &row[1]) < 1e-6, "{row:?}");
    }
}

#[test]
fn the_published_shuffle_is_its_rule_restated() {
    let picture = &pictures(224, 224)["picture"];
    for row in rows("unequal") {
        let (grid, order) =
            (row[0].as_u64().unwrap() as u32, serde_json::from_value::<Vec<u32>>(row[1].clone()).unwrap());
        let found = shuffle::exchanged(picture, grid, &order);
        assert_eq!(sha256_hex(found.as_raw()), row[2].as_str().unwrap(), "{grid}");
    }
}

#[test]
fn what_was_removed_is_as_numpy_measures_it() {
    let pictures = pictures(224, 224);
    for row in rows("removed") {
        let picture = &pictures[row[0].as_str().unwrap()];
        let spec = if row[1] == 0 { "grey:percent=80".into() } else { format!("gaussian:kernel={}", row[1]) };
        let found = left(picture, &made(&spec, picture));
        for (name, found) in [
            ("variance", found.variance),
            ("energy", found.energy),
            ("gradients", found.gradients),
            ("colour", found.colour),
        ] {
            let expected = row[2][name].as_f64().unwrap();
            assert!((found.unwrap() - expected).abs() < 1e-9 * expected.abs().max(1.0), "{name} {row:?}: {found:?}");
        }
    }
}

/// A level that means "untouched" gives the very picture.
#[test]
fn a_level_that_changes_nothing_gives_the_very_picture() {
    let picture = &pictures(224, 224)["object"];
    assert_eq!(&made("contrast:percent=100", picture), picture);
    let planned = "contrast".parse::<Manipulation>().unwrap();
    let smoother = L0::default();
    let mut canvas = Canvas::new((picture, picture), "a", 7, &smoother);
    let untouched = &planned.plan(&canvas.subject).unwrap()[0];
    assert_eq!(&*untouched.draw(&mut canvas).unwrap().picture(picture).unwrap(), picture);
}

/// The same seed, the same pictures, on one thread and on several; another seed, others where chance decides.
#[test]
fn what_is_left_to_chance_follows_from_photograph_and_seed_alone() {
    let picture = pictures(224, 224)["picture"].clone();
    let smoother = L0::default();
    let drawn = |spec: &str, id: &str, seed: u64| -> Vec<String> {
        let mut canvas = Canvas::new((&picture, &picture), id, seed, &smoother);
        let recipes = spec.parse::<Manipulation>().unwrap().plan(&canvas.subject).unwrap();
        let one = |canvas: &mut Canvas<'_>, at: usize| {
            sha256_hex(recipes[at].draw(canvas).unwrap().picture(&picture).unwrap().as_raw())
        };
        (0..recipes.len()).map(|at| one(&mut canvas, at)).collect()
    };
    for spec in ["shuffle:grid=6", "rotate-tiles:grid=6", "channels:moved=3", "noise:percent=20", "phase:degrees=90"] {
        let here = drawn(spec, "a", 7);
        let there = std::thread::scope(|scope| {
            let all: Vec<_> = (0..4).map(|_| scope.spawn(|| drawn(spec, "a", 7))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(there.iter().all(|other| *other == here), "{spec}");
        assert!((8..14).any(|seed| drawn(spec, "a", seed) != here), "{spec}: another seed");
        assert!(
            (8..14).any(|photograph| drawn(spec, &photograph.to_string(), 7) != here),
            "{spec}: another photograph"
        );
    }
}
