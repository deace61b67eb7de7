//! Configural shape: what a bag of tiles cannot see by construction, and what networks do see.

use std::collections::BTreeMap;

use lgf::inference::{Device, Engine, Normalise, logits};
use lgf::pixels::RgbImage;
use lgf::sample::{self, Anagram, Form, Orientation};
use lgf::stats::{Interval, bootstrap};

/// By how much two rows of logits may differ that are the same but for the order of sums, as a share of the largest.
const ROUNDING: f32 = 1e-5;

fn network(name: &str) -> Engine {
    let (_, architecture, _) = sample::NETWORKS.iter().find(|(other, ..)| *other == name).unwrap();
    let path = format!("{}/data/models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
    Engine::load(architecture, path, Device::Cpu).unwrap().folded().unwrap()
}

fn rows(network: &Engine, pictures: &[RgbImage]) -> Vec<Vec<f32>> {
    pictures.chunks(40).flat_map(|chunk| logits(network, chunk, Normalise::AsTrained).unwrap()).collect()
}

fn decision(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()
}

/// Whether a row is another one but for rounding.
fn same(row: &[f32], other: &[f32]) -> bool {
    let largest = row.iter().fold(0f32, |largest, logit| largest.max(logit.abs()));
    row.iter().zip(other).all(|(a, b)| (a - b).abs() <= ROUNDING * largest)
}

/// The mean of values and its interval.
fn interval(values: &[f64]) -> Interval {
    let mean = |drawn: &[usize]| drawn.iter().map(|&at| values[at]).sum::<f64>() / drawn.len() as f64;
    bootstrap(&vec![(); values.len()], 1, mean).unwrap()
}

/// The interval of the difference of two paired values.
fn difference(a: &[f64], b: &[f64]) -> Interval {
    interval(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

/// For each pair 1 if the shapes of both pictures are named, else 0.
fn both_right(network: &Engine, anagrams: &[Anagram]) -> Vec<f64> {
    let pictures: Vec<RgbImage> = anagrams.iter().flat_map(|anagram| anagram.images.clone()).collect();
    let decisions: Vec<usize> = rows(network, &pictures).iter().map(|row| decision(row)).collect();
    let right = |(anagram, found): (&Anagram, &[usize])| f64::from(u8::from(found == anagram.classes));
    anagrams.iter().zip(decisions.chunks(2)).map(right).collect()
}

#[test]
fn a_bag_of_tiles_knows_the_sample_by_its_textures() {
    let card = sample::test(&sample::bag_of_tiles(Device::Cpu).unwrap(), &sample::Sample::default()).unwrap();
    assert!(card.top1 >= 0.95 && card.shape_bias <= 0.1, "{card:?}");
}

#[test]
fn anagrams_are_one_picture_to_a_bag_of_tiles_and_two_to_a_network_that_sees_shapes() {
    let anagrams = sample::anagrams(2026, 90);
    let bag = sample::bag_of_tiles(Device::Cpu).unwrap();
    for anagram in &anagrams {
        let rows = rows(&bag, &anagram.images);
        assert!(same(&rows[0], &rows[1]), "{:?} {rows:?}", anagram.classes);
    }
    assert_eq!(both_right(&bag, &anagrams).iter().sum::<f64>(), 0.0, "by construction");
    let (shape, texture) = (network("sin-resnet50"), network("resnet50"));
    let (shape, texture) = (both_right(&shape, &anagrams), both_right(&texture, &anagrams));
    let (found, beyond) = (interval(&shape), difference(&shape, &texture));
    println!("anagrams: sin-resnet50 {found:?}, beyond resnet50 {beyond:?}");
    assert!(found.low > 0.1, "{found:?}");
    assert!(beyond.low > 0.1, "{beyond:?}");
}

#[test]
fn silhouettes_are_one_to_a_bag_of_tiles_in_every_form_and_halves_in_place_help_a_network() {
    let shapes = sample::silhouettes(2026, 20);
    assert_eq!(shapes.len(), 10 * 20 * 6);
    let bag = sample::bag_of_tiles(Device::Cpu).unwrap();
    let pictures: Vec<RgbImage> = shapes.iter().map(|shape| shape.image.clone()).collect();
    for (six, rows) in shapes.chunks(6).zip(rows(&bag, &pictures).chunks(6)) {
        for (shape, row) in six.iter().zip(rows) {
            let whole = six.iter().position(|one| one.form == Form::Whole && one.upright == shape.upright).unwrap();
            assert!(same(&rows[whole], row), "{} {:?} {:?}", shape.class, shape.form, shape.upright);
            assert_eq!(decision(&rows[whole]), decision(row), "{} {:?}", shape.class, shape.form);
        }
    }
    let pictures: Vec<RgbImage> = shapes.iter().map(|shape| shape.toned()).collect();
    let mut right: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (shape, row) in shapes.iter().zip(rows(&network("sin-resnet50"), &pictures)) {
        let of_form = right.entry(format!("{:?} {:?}", shape.form, shape.upright)).or_default();
        of_form.push(f64::from(u8::from(decision(&row) == shape.class)));
    }
    right.iter().for_each(|(form, right)| println!("silhouettes: sin-resnet50, {form}: {:?}", interval(right)));
    let of = |form: Form| &right[&format!("{form:?} {:?}", Orientation::Upright)];
    let [whole, fragmented, frankenstein] = [Form::Whole, Form::Fragmented, Form::Frankenstein].map(of);
    println!("whole less Frankenstein {:?}", difference(whole, frankenstein));
    let chance = 0.1;
    assert!(interval(whole).low > 2.0 * chance && interval(frankenstein).low > 2.0 * chance);
    let apart = difference(whole, fragmented);
    assert!(apart.low > 0.0, "{apart:?}");
}
