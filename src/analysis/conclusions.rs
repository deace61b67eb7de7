//! The conclusions of the study.

use super::additivity::adding_up;
use super::comparisons::of_pictures;
use super::conclusion::{ConclusionRow, settled};
use super::parameters::Parameters;
use super::patches::{interaction, plain_patches};
use super::pictures::Pictures;
use super::question::Compared;
use super::relevance::of_relevance;
use super::shares::Shares;
use crate::error::Result;
use crate::study::Pair;
use crate::table::{OverlapRow, PredictionRow};

/// The conclusions of the study, drawn by one set of choices: one row each. What cannot be said (a network is missing, nothing
/// is defined, too few pairs, an interval that covers what was asked) is `unsaid` and says why. The published rule is an
/// exception: its one-sided test decides alone, as it did then.
///
/// The hypotheses are about the networks of the thesis by their names. All other rows are about the `pairs` that a study
/// compares ([`Study::compared`](crate::study::Study::compared)), a row a pair, which names the pair where there are several;
/// a direction is expected of the published pair alone. Without a pair, one row says so of each. Holm's correction is over all
/// tests of all pairs together. Difference pictures are what smoothing takes away (fault B10): texture and high frequencies.
///
/// # Errors
/// [`Code::Numeric`](crate::error::Code::Numeric) if a p is not a number.
pub fn conclusions(
    predictions: &[PredictionRow],
    overlap: &[OverlapRow],
    pairs: &[Pair],
    parameters: &Parameters,
) -> Result<Vec<ConclusionRow>> {
    let compared = Compared::of(pairs, predictions, overlap);
    let mut rows = of_pictures(&Pictures::of(predictions, parameters.measure), &compared, parameters);
    rows.extend(of_relevance(&Shares::of(overlap), &compared, parameters));
    rows.extend(adding_up(&plain_patches(&interaction(predictions)), &compared, parameters));
    settled(rows, parameters)
}
