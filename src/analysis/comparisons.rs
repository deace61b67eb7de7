//! What networks say of changed pictures, compared: the published hypotheses, and the same of each pair.

use super::conclusion::{ConclusionRow, Quantity};
use super::contrast::contrast;
use super::hypotheses::{HYPOTHESES, Hypothesis};
use super::missing::missing;
use super::parameters::{Baseline, Parameters};
use super::pictures::{Asked, Observation, Pictures};
use super::question::{AskedOf, Compared, Question, larger, named};
use crate::datasets::{DIFFERENCE, DIFFERENCE_INVERSE, SCRAMBLED, SMOOTHED};
use crate::error::{Code, Error, Result};
use crate::stats::Alternative;
use crate::study::Pair;
use crate::table::PredictionRow;

/// A question about the pictures of a kind, at all levels together.
struct OfPictures {
    name: &'static str,
    kind: &'static str,
    expected: Alternative,
    asked_of: AskedOf,
}

const PICTURES: [OfPictures; 4] = [
    OfPictures {
        name: "scrambled pictures",
        kind: SCRAMBLED.name,
        expected: Alternative::TwoSided,
        asked_of: AskedOf::Others,
    },
    OfPictures {
        name: "smoothed pictures",
        kind: SMOOTHED.name,
        expected: Alternative::TwoSided,
        asked_of: AskedOf::Others,
    },
    OfPictures {
        name: "difference pictures",
        kind: DIFFERENCE.name,
        expected: Alternative::Greater,
        asked_of: AskedOf::All,
    },
    OfPictures {
        name: "inverse difference pictures",
        kind: DIFFERENCE_INVERSE.name,
        expected: Alternative::TwoSided,
        asked_of: AskedOf::All,
    },
];

impl OfPictures {
    fn asked<'a>(&'a self, pair: &'a Pair) -> Asked<'a> {
        Asked { kind: self.kind, level: None, models: pair.names() }
    }
}

/// The hypotheses, then the pictures of each kind for each pair.
pub(super) fn of_pictures(pictures: &Pictures, compared: &Compared, parameters: &Parameters) -> Vec<ConclusionRow> {
    let of = match parameters.baseline {
        Baseline::None => Quantity::Level,
        Baseline::Own => Quantity::Change,
    };
    let answer = |row: ConclusionRow, asked: Asked, expected: Alternative| {
        if let Some(gone) = asked.models.into_iter().find(|model| !pictures.has(model)) {
            return row.unsaid(&format!("no network {gone}"));
        }
        let observations = pictures.pairs(asked, parameters.baseline, parameters.unit);
        contrast(row, &observations, (asked.models, expected), parameters)
    };
    let of_hypothesis = |hypothesis: &Hypothesis| {
        let row = ConclusionRow::new(hypothesis.conclusion(), hypothesis.claim(), of);
        answer(row, hypothesis.asked(), hypothesis.alternative)
    };
    let mut rows: Vec<ConclusionRow> = HYPOTHESES.iter().map(of_hypothesis).collect();
    for kind in &PICTURES {
        let question =
            Question { name: kind.name, claim: larger, of, expected: kind.expected, asked_of: kind.asked_of };
        rows.extend(compared.ask(&question, |row, pair, expected| answer(row, kind.asked(pair), expected)));
    }
    rows
}

/// What a test of pictures compares (first network less second), an observation each, by the measure, baseline and unit
/// chosen. `conclusion` is its name in the table of conclusions: `hypothesis 3 (first pass)`, `difference pictures`, …
///
/// # Errors
/// [`Code::Parameter`] if there is no such test of these pairs; [`Code::Model`] if one of its networks is not there;
/// [`Code::Table`] if no picture is.
pub fn differences_of(
    predictions: &[PredictionRow],
    pairs: &[Pair],
    conclusion: &str,
    parameters: &Parameters,
) -> Result<Vec<f64>> {
    let mut tests: Vec<(String, Asked)> =
        HYPOTHESES.iter().map(|hypothesis| (hypothesis.conclusion(), hypothesis.asked())).collect();
    for kind in &PICTURES {
        let own = pairs.iter().filter(|pair| kind.asked_of.holds(pair));
        tests.extend(own.map(|pair| (named(kind.name, pair, pairs), kind.asked(pair))));
    }
    let (_, asked) = tests.iter().find(|(name, _)| name == conclusion).ok_or_else(|| {
        let names: Vec<&str> = tests.iter().map(|test| test.0.as_str()).collect();
        Error::new(Code::Parameter, format!("no test {conclusion:?} of pictures; expected one of {}", names.join(", ")))
    })?;
    let pictures = Pictures::of(predictions, parameters.measure);
    if let Some(gone) = asked.models.into_iter().find(|model| !pictures.has(model)) {
        return Err(missing(gone));
    }
    let found = pictures.pairs(*asked, parameters.baseline, parameters.unit);
    if found.is_empty() {
        return Err(Error::new(Code::Table, format!("no pictures of both networks for {conclusion}")));
    }
    Ok(found.iter().map(Observation::difference).collect())
}
