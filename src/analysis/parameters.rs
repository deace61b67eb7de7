//! The choices of step 6.

use serde::{Deserialize, Serialize};

use super::measure::Measure;
use crate::datasets::Condition;
use crate::observers::Ties;
use crate::table::{Region, Scoring};

/// Every choice of step 6. Each has the published form and the mended one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// What of the predictions is compared.
    pub measure: Measure,
    /// What of two networks is compared.
    pub baseline: Baseline,
    /// What counts as one observation.
    pub unit: Unit,
    /// Which test.
    pub rule: Rule,
    /// Whether several tests are paid for.
    pub correction: Correction,
    /// Which region of relevance stands for a map.
    pub region: Matched,
    /// What the share of a region on edges is compared with.
    pub chance: Chance,
    /// What is asked of the counts of two networks.
    pub agreement: Agreement,
    /// What is larger for how many photographs.
    pub ratio: Amount,
    /// What is tested for normality.
    pub normality: Amount,
    /// What it means that patches add up.
    pub additivity: Additivity,
    /// Which conditions stand for features.
    pub features: Vec<Condition>,
    /// How observers are compared.
    pub observers: Observing,
}

/// How networks and people are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observing {
    /// How a network's outputs become a category.
    pub scoring: Scoring,
    /// What becomes of a tie for the best category.
    pub ties: Ties,
    /// Over what shape bias is taken, and whether it has an interval.
    pub bias: Bias,
    /// What kappa is where it is undefined.
    pub undefined: Undefined,
    /// Draws that an interval is made of.
    pub draws: usize,
    /// The seed of the draws.
    pub seed: u64,
}

/// Over what shape bias is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// All trials together, however many each category has, without an interval (fault F4).
    Pooled,
    /// The mean of the categories' own, with the interval of sources drawn again both ways.
    ByCategory,
}

/// What kappa is where it is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undefined {
    /// 1 wherever two observers agree on every trial, as the field's tool has it (fault F2).
    One,
    /// It is left out and counted.
    Counted,
}

impl Observing {
    /// The field's own choices: model-vs-human's scoring and kappa, texture-vs-shape's ties, no intervals.
    pub fn published() -> Self {
        Observing { ties: Ties::First, bias: Bias::Pooled, undefined: Undefined::One, ..Observing::default() }
    }
}

impl Default for Observing {
    fn default() -> Self {
        Observing {
            scoring: Scoring::Mean,
            ties: Ties::Counted,
            bias: Bias::ByCategory,
            undefined: Undefined::Counted,
            draws: 10_000,
            seed: 1,
        }
    }
}

/// What of two networks is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The values of all pictures, untouched ones among them (fault D5).
    None,
    /// The change from each photograph's own untouched picture.
    Own,
}

/// What counts as one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Each picture, as if variants of one photograph were independent (fault D6).
    Picture,
    /// Each photograph: the mean of its pictures.
    Photograph,
}

/// Which test compares two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Wilcoxon's, one-sided where the study expected a direction (fault D8).
    OneSidedWilcoxon,
    /// The paired permutation test of the mean difference, two-sided, for all.
    Permutation,
}

/// Whether several tests are paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// No (fault D7).
    None,
    /// Holm's.
    Holm,
}

/// Which region of relevance stands for a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matched {
    /// Pixels above the mean of the positive values: of another size for each network (fault C6).
    AboveMean,
    /// The tenth of all pixels of highest relevance.
    MatchedArea,
    /// The fewest pixels that hold half of the positive relevance.
    MatchedMass,
}

impl Matched {
    /// The region of the table of step 5.3 that it is.
    pub fn region(self) -> Region {
        match self {
            Matched::AboveMean => Region::Positive,
            Matched::MatchedArea => Region::Top,
            Matched::MatchedMass => Region::Half,
        }
    }
}

/// What the share of a region on edges is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chance {
    /// Nothing; and edges are kept to the box, relevance is not (fault D1).
    None,
    /// The same region on shifted edges, both over the whole crop.
    Shifted,
}

/// What is asked of the counts of two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// Whether they correlate (fault D3: a line is not equality).
    Correlation,
    /// Whether they are equal: Lin's concordance.
    Concordance,
}

/// Counts of pixels, or shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Raw counts (faults D2 and D4).
    Counts,
    /// Shares of the region; undefined ones are left out.
    Shares,
}

/// What it means that the effects of patches add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Additivity {
    /// The sum over single patches correlates with the effect of all (fault D9), compared over the sizes of patches.
    Correlation,
    /// The sum is the effect of all: the distance between them, compared over photographs.
    Identity,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            measure: Measure::TrueSoftmax,
            baseline: Baseline::Own,
            unit: Unit::Photograph,
            rule: Rule::Permutation,
            correction: Correction::Holm,
            region: Matched::MatchedArea,
            chance: Chance::Shifted,
            agreement: Agreement::Concordance,
            ratio: Amount::Shares,
            normality: Amount::Shares,
            additivity: Additivity::Identity,
            features: Condition::corrected(),
            observers: Observing::default(),
        }
    }
}

impl Parameters {
    /// Notebooks 5.4 and 6 as published (faults C6 and D1 to D9); observers as the field compares them (F2, F4, F5), features
    /// as they are taken away with fault F1.
    pub fn published() -> Self {
        Parameters {
            measure: Measure::TrueSoftmax,
            baseline: Baseline::None,
            unit: Unit::Picture,
            rule: Rule::OneSidedWilcoxon,
            correction: Correction::None,
            region: Matched::AboveMean,
            chance: Chance::None,
            agreement: Agreement::Correlation,
            ratio: Amount::Counts,
            normality: Amount::Counts,
            additivity: Additivity::Correlation,
            features: Condition::published(),
            observers: Observing::published(),
        }
    }
}
