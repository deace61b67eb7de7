//! Metrics beside Quantus, SciPy and the papers' formulas (`tests/reference/judge.py`).

use serde_json::Value;
use tch::{Kind, Tensor};

use super::curves::{Order, Regions, gains, masks};
use super::inpaint::inpaint;
use super::occluder::{Cover, Occluder};
use super::patches::patches;
use super::sanity::{correlated, of_maps};
use super::*;
use crate::models::Normalisation;
use crate::pixels::{Crop, HeatMap, PixelMask};

/// Pictures are 32-bit numbers here, and 64-bit ones there.
const CLOSE: f64 = 2e-5;

struct Golden(Value);

impl Golden {
    fn read() -> Self {
        Golden(serde_json::from_str(include_str!("../../../tests/golden/judge.json")).unwrap())
    }

    fn size(&self) -> (u32, u32) {
        (self.0["height"].as_u64().unwrap() as u32, self.0["width"].as_u64().unwrap() as u32)
    }

    fn rows(&self, what: &str) -> &[Value] {
        self.0[what].as_array().unwrap()
    }

    fn picture(&self, name: &Value) -> Tensor {
        self.like_a_picture(&self.0["pictures"][name.as_str().unwrap()])
    }

    /// 64ths, plane by plane.
    fn like_a_picture(&self, values: &Value) -> Tensor {
        let (height, width) = self.size();
        let values: Vec<f64> = numbers(values).into_iter().map(|value| value / 64.0).collect();
        Tensor::from_slice(&values).view([1, 3, height.into(), width.into()]).to_kind(Kind::Float)
    }

    fn map_of(&self, values: &Value) -> HeatMap<Crop> {
        let (height, width) = self.size();
        HeatMap::from_values(height, width, numbers(values).into_iter().map(|value| value as f32 / 64.0).collect())
            .unwrap()
    }

    fn map(&self, name: &Value) -> HeatMap<Crop> {
        self.map_of(&self.0["maps"][name.as_str().unwrap()])
    }

    fn mask(&self, kind: &str, name: &Value) -> PixelMask<Crop> {
        let (height, width) = self.size();
        let inside = numbers(&self.0[kind][name.as_str().unwrap()]).into_iter().map(|value| value == 1.0).collect();
        PixelMask::from_values(height, width, inside).unwrap()
    }

    /// As named there; noise is the file's own.
    fn cover(&self, occluder: &str, picture: &Tensor) -> Cover {
        let normalisation = Normalisation::imagenet();
        let occluder = match occluder {
            "black" => Occluder::Black,
            "mean" => Occluder::Mean,
            "blur" => Occluder::Blur { sigma: 1.5 },
            "inpainted" => Occluder::Inpainted { noise: 0.0, seed: 1 },
            "noise" => return Cover::with(picture, &self.like_a_picture(&self.0["noise"])),
            other => panic!("{other}"),
        };
        occluder.cover(picture, &normalisation).unwrap()
    }

    /// The score functions in the place of a network.
    fn score(&self, name: &str, pictures: &Tensor) -> Vec<f64> {
        let weights = self.like_a_picture(&self.0["weights"][name]).to_kind(Kind::Double);
        let sums =
            (pictures.to_kind(Kind::Double) * weights).sum_dim_intlist([1i64, 2, 3].as_slice(), false, Kind::Double);
        let sums = Vec::<f64>::try_from(sums).unwrap();
        sums.into_iter().map(|sum| if name == "squashed" { 10.0 * sum.tanh() } else { sum }).collect()
    }
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], what: &dyn std::fmt::Display) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < CLOSE * expected.abs().max(1.0), "{what}: {found} {expected}");
    }
}

#[track_caller]
fn assert_same(found: Option<f64>, expected: &Value, what: &dyn std::fmt::Display) {
    match (found, expected.as_f64()) {
        (Some(found), Some(expected)) => assert_close(&[found], &[expected], what),
        (found, expected) => assert_eq!(found, expected, "{what}"),
    }
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    Vec::<f64>::try_from(tensor.to_kind(Kind::Double).contiguous().view(-1)).unwrap()
}

#[test]
fn localisation_equals_quantus() {
    let golden = Golden::read();
    let mut seen = 0;
    for row in golden.rows("localisation") {
        let (map, inside) = (golden.map(&row["map"]), golden.mask("masks", &row["mask"]));
        if inside.count() == 0 {
            assert!(localisation(&map, &inside).is_err());
            continue;
        }
        let found = localisation(&map, &inside).unwrap();
        assert_same(found.mass, &row["mass"], row);
        assert_same(Some(found.rank), &row["rank"], row);
        assert_eq!(
            Some(found.points_at),
            row["pointing_first"].as_f64().map(|hit| hit == 1.0).or(row["pointing_first"].as_bool()),
            "{row}"
        );
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn occluders_equal_scipy_and_the_code_of_road() {
    let golden = Golden::read();
    let first = golden.picture(&"first".into());
    let everything = golden.mask("hidden", &"everything".into());
    let black = flat(&golden.cover("black", &first).hide(std::slice::from_ref(&everything)).unwrap());
    for (channel, expected) in numbers(&golden.0["black"]).into_iter().enumerate() {
        assert_close(&[black[channel * 192], black[channel * 192 + 191]], &[expected; 2], &"black");
    }
    for row in golden.rows("blurred") {
        let cover = Occluder::Blur { sigma: row["sigma"].as_f64().unwrap() }.cover(&first, &Normalisation::imagenet());
        let found = flat(&cover.unwrap().hide(std::slice::from_ref(&everything)).unwrap());
        assert_close(&found, &numbers(&row["values"]), &"blur");
    }
    for row in golden.rows("inpainted") {
        let hidden = golden.mask("hidden", &row["hidden"]);
        let filled = golden.cover("inpainted", &first).hide(std::slice::from_ref(&hidden)).unwrap();
        let (filled, first) = (flat(&filled), flat(&first));
        let (mut found, mut shown) = (Vec::new(), 0);
        for (at, (filled, first)) in filled.iter().zip(&first).enumerate() {
            match hidden.values()[at % 192] {
                true => found.push(*filled),
                false => {
                    assert_eq!(filled, first, "what is shown stays");
                    shown += 1;
                }
            }
        }
        assert_close(&found, &numbers(&row["values"]), &row["hidden"]);
        assert_eq!(shown + found.len(), 576);
    }
}

#[test]
fn orders_and_curves_are_those_of_the_papers() {
    let golden = Golden::read();
    for row in golden.rows("orders") {
        let regions = Regions::of(golden.size(), row["side"].as_u64().unwrap() as usize);
        let sums: Vec<f64> = regions.sums(&golden.map(&row["map"])).into_iter().map(|sum| sum * 64.0).collect();
        assert_eq!(sums, numbers(&row["sums"]), "{row}");
    }
    let rows = golden.rows("curves");
    assert!(rows.len() > 50);
    for row in rows {
        let what = format!("{} {} {} {} {}", row["picture"], row["map"], row["occluder"], row["score"], row["side"]);
        let (picture, map) = (golden.picture(&row["picture"]), golden.map(&row["map"]));
        let number = |name: &str| row[name].as_u64().unwrap() as usize;
        let how = Removal { region: number("side"), steps: number("steps"), occluder: Occluder::Mean };
        let cover = golden.cover(row["occluder"].as_str().unwrap(), &picture);
        let score = |sets: &[PixelMask<Crop>]| golden.score(row["score"].as_str().unwrap(), &cover.hide(sets).unwrap());
        for (order, name) in [(Order::MostRelevant, "most"), (Order::LeastRelevant, "least")] {
            assert_close(&score(&masks(&map, order, how).unwrap()), &numbers(&row[name]), &what);
        }
        let gain = gains(&[&map, &map], how, |sets| Ok(score(sets))).unwrap();
        assert_close(&gain, &[row["srg"].as_f64().unwrap(); 2], &what);
    }
}

#[test]
fn single_deletion_and_stability_are_those_of_the_papers() {
    let golden = Golden::read();
    for row in golden.rows("idsds") {
        let (map, picture) = (golden.map(&row["map"]), golden.picture(&row["picture"]));
        let side = row["side"].as_u64().unwrap() as usize;
        let sets = patches(golden.size(), side).unwrap();
        let scores = golden.score(row["score"].as_str().unwrap(), &golden.cover("mean", &picture).hide(&sets).unwrap());
        let falls: Vec<f64> = scores[..sets.len() - 1].iter().map(|score| scores[sets.len() - 1] - score).collect();
        assert_close(&falls, &numbers(&row["falls"]), row);
        let found = correlated(&Regions::of(golden.size(), side).sums(&map), &numbers(&row["falls"])).unwrap();
        assert_same(found, &row["spearman"], row);
    }
    for row in golden.rows("stability") {
        let copies: Vec<HeatMap<Crop>> =
            row["copies"].as_array().unwrap().iter().map(|copy| golden.map_of(copy)).collect();
        let found = of_maps(&golden.map(&row["map"]), &copies).unwrap();
        assert_same(found.correlation, &row["mean_spearman"], &row["map"]);
        assert_same(found.distance, &row["max_distance"], &row["map"]);
    }
}

#[test]
fn what_is_inpainted_solves_its_equations_on_a_picture_of_real_size() {
    let (height, width) = (224u32, 224u32);
    let noise = |at: u32| (at.wrapping_mul(2_654_435_761) >> 16) as f32 / 65536.0;
    let count = (height * width) as usize;
    let planes: Vec<f32> = (0..3 * count as u32).map(noise).collect();
    // Nine tenths hidden, in squares and alone.
    let inside =
        (0..count as u32).map(|at| noise(at / 16 % 14 + at / 224 / 16 * 31) < 0.7 || noise(at ^ 77) < 0.7).collect();
    let hidden = PixelMask::<Crop>::from_values(height, width, inside).unwrap();
    assert!(hidden.count() > 40_000);
    let mut filled = planes.clone();
    inpaint(&mut filled, &hidden);
    let mut worst = 0f64;
    for channel in 0..3 {
        let plane = &filled[channel * count..(channel + 1) * count];
        for at in (0..count).filter(|&at| hidden.values()[at]) {
            let (row, col) = ((at / 224) as i64, (at % 224) as i64);
            let (mut sum, mut weights) = (0.0, 0.0);
            for down in -1..=1i64 {
                for right in -1..=1i64 {
                    let (row, col) = (row + down, col + right);
                    if (down, right) == (0, 0) || !(0..224).contains(&row) || !(0..224).contains(&col) {
                        continue;
                    }
                    let weight = if down * right == 0 { 1.0 / 6.0 } else { 1.0 / 12.0 };
                    sum += weight * f64::from(plane[(row * 224 + col) as usize]);
                    weights += weight;
                }
            }
            worst = worst.max((sum / weights - f64::from(plane[at])).abs());
        }
    }
    assert!(worst < 1e-6, "{worst}");
}
