//! Networks of the sample on stimuli whose shape is known as a whole: anagrams and silhouettes.

use image::RgbImage;

use super::run::Run;
use crate::analysis::ConfiguralRow;
use crate::error::{Code, Error, Result};
use crate::inference::{Engine, Normalise, arg_max, logits};
use crate::sample::{self, Anagram, Form, Orientation, Silhouette};
use crate::study::Classes;

/// Pairs of anagrams: one of each pair of classes.
const PAIRS: usize = 45;
/// Silhouettes of each class.
const SHAPES: usize = 3;

impl Run {
    /// The bag of tiles, and the study's networks, on the sample's anagrams ([`sample::anagrams`]) and silhouettes
    /// ([`sample::silhouettes`], in the tones of the drawings): shares of right answers with intervals. The share of pairs of
    /// anagrams with both right is the configural score: a network that sees tiles and not where they are cannot be right on both.
    ///
    /// # Errors
    /// [`Code::Parameter`] for a study of other classes than the sample's; as [`Run::networks`].
    pub fn configural(&self) -> Result<Vec<ConfiguralRow>> {
        if self.study.described.classes != Classes::Sample {
            let found = "anagrams and silhouettes are drawn of the sample's classes, and this study has others";
            return Err(Error::new(Code::Parameter, found));
        }
        let seed = self.protocol.sample.seed;
        let (pairs, shapes) = (sample::anagrams(seed, PAIRS), sample::silhouettes(seed, SHAPES));
        let mut networks = vec![sample::bag_of_tiles(self.device)?.folded()?];
        networks.extend(self.networks()?);
        let mut rows = Vec::new();
        for network in &networks {
            rows.extend(on_anagrams(network, &pairs)?);
            rows.extend(on_silhouettes(network, &shapes)?);
        }
        Ok(rows)
    }
}

/// What a network decides on some pictures, so many at a time.
fn decisions(network: &Engine, pictures: &[RgbImage]) -> Result<Vec<usize>> {
    let mut all = Vec::with_capacity(pictures.len());
    for chunk in pictures.chunks(30) {
        all.extend(logits(network, chunk, Normalise::AsTrained)?.iter().map(|row| arg_max(row)));
    }
    Ok(all)
}

fn on_anagrams(network: &Engine, pairs: &[Anagram]) -> Result<[ConfiguralRow; 2]> {
    let pictures: Vec<RgbImage> = pairs.iter().flat_map(|pair| pair.images.clone()).collect();
    let decided = decisions(network, &pictures)?;
    let right = |(pair, own): (&Anagram, &[usize])| {
        let count = pair.classes.iter().zip(own).filter(|(class, decided)| class == decided).count();
        count as f64 / 2.0
    };
    let right: Vec<f64> = pairs.iter().zip(decided.chunks_exact(2)).map(right).collect();
    let both: Vec<f64> = right.iter().map(|share| if *share == 1.0 { 1.0 } else { 0.0 }).collect();
    let chance = 1.0 / network.classes() as f64;
    Ok([
        ConfiguralRow::of(network.name(), "anagrams: pictures that it is right on", &right, Some(chance))?,
        ConfiguralRow::of(network.name(), "anagrams: pairs with both right", &both, Some(chance * chance))?,
    ])
}

fn on_silhouettes(network: &Engine, shapes: &[Silhouette]) -> Result<Vec<ConfiguralRow>> {
    let pictures: Vec<RgbImage> = shapes.iter().map(Silhouette::toned).collect();
    let decided = decisions(network, &pictures)?;
    let of = |form: Form, upright: Orientation| {
        let own = shapes.iter().zip(&decided).filter(move |(shape, _)| (shape.form, shape.upright) == (form, upright));
        own.map(|(shape, decided)| (shape.class, *decided)).collect::<Vec<_>>()
    };
    let share = |holds: bool| if holds { 1.0 } else { 0.0 };
    let chance = Some(1.0 / network.classes() as f64);
    let mut rows = Vec::new();
    for (upright, way) in [(Orientation::Upright, "upright"), (Orientation::Inverted, "inverted")] {
        let whole = of(Form::Whole, upright);
        for (form, word) in
            [(Form::Whole, "whole"), (Form::Fragmented, "fragmented"), (Form::Frankenstein, "Frankenstein")]
        {
            let right: Vec<f64> = of(form, upright).iter().map(|(class, decided)| share(class == decided)).collect();
            rows.push(ConfiguralRow::of(network.name(), &format!("silhouettes, {way}: {word}"), &right, chance)?);
        }
        let pairs = whole.iter().zip(of(Form::Frankenstein, upright));
        let same: Vec<f64> = pairs.map(|((_, whole), (_, other))| share(*whole == other)).collect();
        let said = format!("silhouettes, {way}: Frankenstein taken for what the whole is taken for");
        rows.push(ConfiguralRow::of(network.name(), &said, &same, None)?);
    }
    Ok(rows)
}
