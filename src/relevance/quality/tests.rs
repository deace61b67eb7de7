//! What must hold of metrics of maps, on a small network.

use super::*;
use crate::error::{Code, Error};
use crate::inference::Engine;
use crate::pixels::{Crop, HeatMap, PixelBox, PixelMask};
use crate::relevance::tests::{pictures, small_network};
use crate::relevance::{Baseline, Composite, Forms, Ledger, Method, Targets, explain_with};

fn map_of(network: &Engine, composite: &Composite) -> HeatMap<Crop> {
    explain_with(network, &pictures().narrow(0, 0, 1), Targets::Each(&[1]), composite, Ledger::NotKept)
        .unwrap()
        .maps()
        .unwrap()
        .swap_remove(0)
}

/// A network whose checkpoint has no batch normalisation of its own.
fn forms(folded: &Engine) -> Forms<'_> {
    Forms { plain: folded, folded }
}

#[test]
fn hiding_the_relevant_first_lowers_the_logit_faster_than_the_irrelevant_or_chance() {
    let network = small_network("slim-resnet50");
    let map = map_of(&network, &Composite::corrected());
    let area = |order: Order| {
        let how = Removal { region: 8, steps: 14, ..Removal::default() };
        let curve = perturbation_curve(&network, &pictures().narrow(0, 0, 1), 1, &map, order, how).unwrap();
        assert_eq!(curve.len(), 15);
        area_under(&curve)
    };
    let (most, random, least) = (area(Order::MostRelevant), area(Order::Random(1)), area(Order::LeastRelevant));
    assert!(most < random && random < least, "{most} {random} {least}");
    // Of regions of 9 the last ones are cut: all is hidden in the end all the same.
    let end = |region: usize| {
        let how = Removal { region, steps: 4, ..Removal::default() };
        let curve = perturbation_curve(&network, &pictures().narrow(0, 0, 1), 1, &map, Order::MostRelevant, how)?;
        Ok::<_, Error>(curve[4].logit)
    };
    assert!((end(9).unwrap() - end(8).unwrap()).abs() < 1e-4);
    assert!(end(225).is_err() && end(0).is_err());
}

#[test]
fn localisation_of_a_map_that_is_the_box_is_perfect() {
    let object = PixelMask::from_box(20, 20, &PixelBox::<Crop>::at(2, 3).of_size(4, 5));
    let values = object.values().iter().map(|&on| f32::from(u8::from(on))).collect();
    let map = HeatMap::from_values(20, 20, values).unwrap();
    let found = localisation(&map, &object).unwrap();
    assert_eq!(found, Localisation { mass: Some(1.0), rank: 1.0, points_at: true, chance: 0.05 });
    let elsewhere = localisation(&map, &PixelMask::from_box(20, 20, &PixelBox::at(10, 10).of_size(4, 5))).unwrap();
    assert_eq!((elsewhere.mass, elsewhere.rank, elsewhere.points_at), (Some(0.0), 0.0, false));
}

#[test]
fn maps_of_a_network_with_other_weights_are_other_maps() {
    let network = small_network("slim-resnet50");
    let picture = pictures().narrow(0, 0, 1);
    let epsilon = Method::Rules(Composite::epsilon());
    let table = randomised_layers(&network, &picture, 1, &epsilon, 4, 3).unwrap();
    let found = crate::table::floats(&table, "correlation").unwrap();
    assert_eq!(found[0], 1.0);
    assert!(found.last().unwrap() < &0.7, "{found:?}");
    assert_eq!(table.height(), 5);
}

#[test]
fn a_map_that_knows_the_network_gains_by_every_occluder_and_one_at_random_does_not() {
    let (network, picture) = (small_network("slim-resnet50"), pictures().narrow(0, 0, 1));
    let map = |method: &Method| method.map(forms(&network), &picture, 1).unwrap();
    let known = map(&Method::Rules(Composite::corrected()));
    let randoms: Vec<HeatMap<Crop>> = (0..12).map(|seed| map(&Method::Random(seed))).collect();
    let maps: Vec<&HeatMap<Crop>> = std::iter::once(&known).chain(&randoms).collect();
    for occluder in Occluder::usual() {
        let how = Removal { region: 28, steps: 4, occluder };
        let gains = relevance_gain(&network, &picture, 1, &maps, how).unwrap();
        let (gain, by_chance) = gains.split_first().unwrap();
        let mean = crate::stats::mean(by_chance);
        let deviation = by_chance.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / 11.0;
        // Four standard errors of the mean of twelve.
        assert!(mean.abs() < 4.0 * (deviation / 12.0).sqrt() + 1e-9, "{occluder}: {by_chance:?}");
        assert!(by_chance.iter().filter(|other| *other > gain).count() <= 1, "{occluder}: {gain} {by_chance:?}");
    }
}

#[test]
fn every_method_gives_the_same_map_alone_and_in_company() {
    let (network, pictures) = (small_network("slim-resnet50"), pictures());
    for method in Method::all() {
        let alone = method.map(forms(&network), &pictures.narrow(0, 1, 1), 4).unwrap();
        let both = method.maps(forms(&network), &pictures, &[1, 4]).unwrap();
        assert_eq!(both.len(), 2, "{method}");
        let largest = alone.values().iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let apart = alone.values().iter().zip(both[1].values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart <= 1e-4 * largest && largest > 0.0, "{method}: {apart} of {largest}");
    }
    let names: std::collections::BTreeSet<String> = Method::all().iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), Method::all().len());
}

#[test]
fn maps_that_know_no_network_stay_when_it_forgets_and_those_that_know_it_change() {
    let (network, picture) = (small_network("slim-resnet50"), pictures().narrow(0, 0, 1));
    let forgotten = unlearned(&network, 3).unwrap();
    let kept = |method: Method| {
        let maps = [&network, &forgotten].map(|network| method.map(forms(network), &picture, 1).unwrap());
        rank_correlation(&maps[0], &maps[1]).unwrap().unwrap()
    };
    assert_eq!(kept(Method::Edges), 1.0);
    assert_eq!(kept(Method::Random(1)), 1.0);
    assert!(kept(Method::Rules(Composite::epsilon())) < 0.7);
}

#[test]
fn without_noise_a_map_is_stable_and_with_noise_less_so() {
    let (network, picture) = (small_network("slim-vgg16"), pictures().narrow(0, 0, 1));
    let method = Method::Baseline(Baseline::Gradient);
    let map = method.map(forms(&network), &picture, 1).unwrap();
    let of = |noise: f64| {
        stability(forms(&network), &picture, 1, (&method, &map), Copies { noise, ..Copies::default() }).unwrap()
    };
    let still = of(0.0);
    assert!(still.correlation.unwrap() > 1.0 - 1e-6 && still.distance.unwrap() < 1e-4, "{still:?}");
    let shaken = of(0.2);
    assert!(shaken.correlation.unwrap() < 0.99 && shaken.distance.unwrap() > 0.1, "{shaken:?}");
    assert!(
        stability(forms(&network), &picture, 1, (&method, &map), Copies { count: 0, ..Copies::default() }).is_err()
    );
}

#[test]
fn sizes_and_deviations_that_do_not_fit_are_refused() {
    let (network, picture) = (small_network("slim-vgg16").folded().unwrap(), pictures().narrow(0, 0, 1));
    let small = HeatMap::from_values(2, 2, vec![1.0; 4]).unwrap();
    let whole = HeatMap::from_values(224, 224, vec![1.0; 224 * 224]).unwrap();
    let gain = |map: &HeatMap<Crop>, how: Removal| {
        relevance_gain(&network, &picture, 1, &[map], how).map_err(|error| error.code())
    };
    let regions = |region: usize, steps: usize| Removal { region, steps, ..Removal::default() };
    assert_eq!(gain(&small, regions(1, 2)), Err(Code::Parameter));
    for (region, steps) in [(0, 2), (225, 2), (16, 0)] {
        assert_eq!(gain(&whole, regions(region, steps)), Err(Code::Parameter));
    }
    assert_eq!(gain(&whole, regions(16, 1)), Ok(vec![0.0]));
    for deviation in [-1.0, f64::NAN, f64::INFINITY] {
        for occluder in [Occluder::Blur { sigma: deviation }, Occluder::Inpainted { noise: deviation, seed: 1 }] {
            assert_eq!(gain(&whole, Removal { occluder, ..Removal::default() }), Err(Code::Parameter));
        }
    }
    let deleted = |map: &HeatMap<Crop>, side: usize| single_deletion(&network, &picture, 1, &[map], side);
    assert_eq!(deleted(&whole, 0).unwrap_err().code(), Code::Parameter);
    assert_eq!(deleted(&whole, 112).unwrap(), [None], "all patches have one relevance");
    assert_eq!(single_deletion(&network, &picture, 1, &[], 56).unwrap(), []);
}
