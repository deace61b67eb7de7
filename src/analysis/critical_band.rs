//! Which frequencies decide: critical bands of networks by noise of one octave (Subramanian et al. 2023, arXiv 2309.13190).

use std::collections::BTreeMap;

use super::distinct::distinct;
use super::parameters::Observing;
use crate::datasets::{CRITICAL_BAND, FIRST_MIDDLE, NO_NOISE, OCTAVES};
use crate::error::{Code, Error, Result};
use crate::stats::{Draws, Sources, crossed, percentiles};
use crate::table::{PredictionRow, table};

table! {
    /// The band of frequencies whose noise a network cannot do with. People's is one octave wide.
    pub struct CriticalBandRow {
        /// The network.
        model: String,
        /// Photographs that have every picture.
        images: i64,
        /// Strengths of the noise, none among them, up to which the accuracy stays above one half, octave by octave from the lowest.
        thresholds: String,
        /// Middle of the band in cycles a picture: that of a Gaussian over octaves, fitted to how many strengths are too much;
        /// missing where none is, or all are everywhere.
        centre: Option<f64>,
        /// Lower end of its 95 % interval, by photographs drawn again.
        centre_low: Option<f64>,
        /// Upper end.
        centre_high: Option<f64>,
        /// Full width at half of the height, in octaves.
        bandwidth: Option<f64>,
        /// Lower end.
        bandwidth_low: Option<f64>,
        /// Upper end.
        bandwidth_high: Option<f64>,
        /// Height: strengths that are too much at the middle.
        peak: Option<f64>,
        /// Lower end.
        peak_low: Option<f64>,
        /// Upper end.
        peak_high: Option<f64>,
        /// How much of the variance over octaves the Gaussian explains, at most 1.
        fit: Option<f64>,
    }
}

/// Draws of photographs: each asks for a fit by search.
const MOST_DRAWS: usize = 1_000;
/// The level of the picture without noise.
const WITHOUT: i64 = NO_NOISE as i64;
/// Accuracy that is still enough.
const ENOUGH: f64 = 0.5;

/// A row a network of predictions on noise of one octave ([`CRITICAL_BAND`]), with the octave as the variant of each level.
///
/// # Errors
/// [`Code::Table`] if there is no such prediction, or no photograph with every picture.
pub fn critical_bands(predictions: &[PredictionRow], how: &Observing) -> Result<Vec<CriticalBandRow>> {
    let own: Vec<&PredictionRow> =
        predictions.iter().filter(|row| row.kind == CRITICAL_BAND.name && row.level > 0).collect();
    let models = distinct(own.iter().map(|row| row.model.as_str()));
    if models.is_empty() {
        return Err(Error::new(Code::Table, "no prediction on noise of one octave")
            .hint("run it with the features: `lgf features critical-band`"));
    }
    models.iter().map(|model| of_network(model, &own, how)).collect()
}

fn of_network(model: &str, rows: &[&PredictionRow], how: &Observing) -> Result<CriticalBandRow> {
    let rows: Vec<&&PredictionRow> = rows.iter().filter(|row| row.model == model).collect();
    let mut strengths: Vec<i64> = rows.iter().map(|row| row.level).collect();
    strengths.sort_unstable();
    strengths.dedup();
    // By photograph, whether the picture of an octave and strength was rightly named; without noise all octaves are one.
    let mut right: BTreeMap<&str, BTreeMap<(usize, i64), f64>> = BTreeMap::new();
    for row in &rows {
        let octaves = match (usize::try_from(row.variant), row.level) {
            (_, WITHOUT) => 0..OCTAVES as usize,
            (Ok(octave), _) => octave..octave + 1,
            // An octave by itself says nothing of the others.
            (Err(_), _) => continue,
        };
        let own = right.entry(&row.orig_file).or_default();
        own.extend(octaves.map(|octave| ((octave, row.level), f64::from(u8::from(row.top1)))));
    }
    right.retain(|_, own| own.len() == OCTAVES as usize * strengths.len());
    if right.is_empty() {
        let found = format!("no photograph has noise of {OCTAVES} octaves in every strength for {model}");
        return Err(Error::new(Code::Table, found));
    }
    let statistic = |weights: &[f64]| -> Vec<f64> {
        let all: f64 = weights.iter().sum();
        let accuracy =
            |at: (usize, i64)| right.values().zip(weights).map(|(own, weight)| own[&at] * weight).sum::<f64>() / all;
        let threshold = |octave: usize| {
            strengths.iter().take_while(|strength| accuracy((octave, **strength)) > ENOUGH).count() as f64
        };
        let thresholds: Vec<f64> = (0..OCTAVES as usize).map(threshold).collect();
        let too_much: Vec<f64> = thresholds.iter().map(|threshold| strengths.len() as f64 - threshold).collect();
        let Gaussian { centre, bandwidth, peak, fit } = Gaussian::of(&too_much);
        [thresholds, vec![FIRST_MIDDLE * centre.exp2(), bandwidth, peak, fit]].concat()
    };
    let trials: Vec<Sources> = (0..right.len()).map(|image| (image, 0)).collect();
    let value = statistic(&vec![1.0; right.len()]);
    let draws = crossed(&trials, how.draws.min(MOST_DRAWS), how.seed, statistic);
    let [centre, bandwidth, peak] = [0, 1, 2].map(|at| with_ends(&value, &draws, OCTAVES as usize + at));
    let thresholds: Vec<String> = value[..OCTAVES as usize].iter().map(f64::to_string).collect();
    Ok(CriticalBandRow {
        model: model.into(),
        images: right.len() as i64,
        thresholds: thresholds.join(" "),
        centre: centre[0],
        centre_low: centre[1],
        centre_high: centre[2],
        bandwidth: bandwidth[0],
        bandwidth_low: bandwidth[1],
        bandwidth_high: bandwidth[2],
        peak: peak[0],
        peak_low: peak[1],
        peak_high: peak[2],
        fit: Some(value[OCTAVES as usize + 3]).filter(|fit| fit.is_finite()),
    })
}

/// A statistic, and its interval.
fn with_ends(value: &[f64], draws: &Draws, place: usize) -> [Option<f64>; 3] {
    let value = Some(value[place]).filter(|value| value.is_finite());
    let [low, high] = percentiles(draws.column(place)).0.map(|ends| ends.map(Some)).unwrap_or_default();
    [value, low.filter(|_| value.is_some()), high.filter(|_| value.is_some())]
}

/// A Gaussian over octaves.
struct Gaussian {
    /// Its middle, in octaves from the lowest.
    centre: f64,
    /// Its full width at half of its height, in octaves.
    bandwidth: f64,
    peak: f64,
    /// Share of the variance that it explains.
    fit: f64,
}

impl Gaussian {
    /// The one with the least squared distance, by search in steps of a tenth of an octave; nothing of values that are all the
    /// same.
    fn of(values: &[f64]) -> Self {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let mut best = Gaussian { centre: f64::NAN, bandwidth: f64::NAN, peak: f64::NAN, fit: f64::NAN };
        if variance <= 0.0 {
            return best;
        }
        let full_width = 2.0 * (2.0 * std::f64::consts::LN_2).sqrt();
        let mut least = f64::INFINITY;
        for centre in (0..=10 * (values.len() - 1)).map(|step| step as f64 / 10.0) {
            for deviation in (2..=40).map(|step| f64::from(step) / 10.0) {
                let shape = |octave: usize| (-0.5 * ((octave as f64 - centre) / deviation).powi(2)).exp();
                let (mut both, mut own) = (0.0, 0.0);
                for (octave, value) in values.iter().enumerate() {
                    both += value * shape(octave);
                    own += shape(octave).powi(2);
                }
                let peak = both / own;
                let apart: f64 =
                    values.iter().enumerate().map(|(octave, value)| (value - peak * shape(octave)).powi(2)).sum();
                if apart < least {
                    least = apart;
                    best = Gaussian { centre, bandwidth: full_width * deviation, peak, fit: 1.0 - apart / variance };
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn a_gaussian_is_found_again_and_none_in_a_flat_row() {
        let values: Vec<f64> =
            (0..7).map(|octave| 3.0 * (-0.5 * ((octave as f64 - 2.5) / 0.8f64).powi(2)).exp()).collect();
        let found = Gaussian::of(&values);
        assert!(
            (found.centre - 2.5).abs() < 1e-9 && (found.bandwidth - 0.8 * 2.354_82).abs() < 1e-3 && found.fit > 0.999
        );
        assert!((found.peak - 3.0).abs() < 1e-9);
        assert!(Gaussian::of(&[2.0; 7]).centre.is_nan());
    }

    /// A network that noise of the fourth octave alone confuses, from the second strength on.
    #[test]
    fn the_octave_that_confuses_is_the_centre() {
        let mut rows = Vec::new();
        for image in 0..20 {
            for (level, variant) in
                std::iter::once((1, -1)).chain([20, 40].iter().flat_map(|level| (0..7).map(|octave| (*level, octave))))
            {
                rows.push(PredictionRow {
                    model: "m".into(),
                    kind: CRITICAL_BAND.name.into(),
                    orig_file: image.to_string(),
                    level,
                    variant,
                    top1: !(variant == 3 && level == 40 && image % 4 != 0),
                    ..PredictionRow::default()
                });
            }
        }
        let found = critical_bands(&rows, &Observing::default()).unwrap().remove(0);
        assert_eq!((found.thresholds.as_str(), found.images), ("3 3 3 2 3 3 3", 20));
        assert_eq!(found.centre, Some(14.0), "1.75 cycles, three octaves up");
        assert!(found.peak.unwrap() > 0.9 && found.fit.unwrap() > 0.95, "{found:?}");
        assert!(critical_bands(&rows[..5], &Observing::default()).unwrap_err().to_string().contains("every strength"));
        assert!(critical_bands(&[], &Observing::default()).unwrap_err().to_string().contains("critical-band"));
        comes_back::<CriticalBandRow>();
    }
}
