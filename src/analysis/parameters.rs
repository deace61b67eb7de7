use serde::{Deserialize, Serialize};

/// Every choice of step 6. Each has the published form and the mended one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// Which column of the predictions is compared: `true_acc` (the softmax of the true class), `true_logit`, `margin`,
    /// `top1`, `top5` (fault C1 is to call the first of them accuracy).
    pub measure: String,
    /// What of two networks is compared.
    pub baseline: Baseline,
    /// What counts as one observation.
    pub unit: Unit,
    /// Which test.
    pub rule: Rule,
    /// Whether several tests are paid for.
    pub correction: Correction,
    /// Which region of relevance stands for a map.
    pub region: Region,
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
pub enum Region {
    /// Pixels above the mean of the positive values: of another size for each network (fault C6).
    AboveMean,
    /// The tenth of all pixels of highest relevance.
    MatchedArea,
    /// The fewest pixels that hold half of the positive relevance.
    MatchedMass,
}

impl Region {
    /// Its name in the table of step 5.3.
    pub fn name(self) -> &'static str {
        match self {
            Region::AboveMean => "positive",
            Region::MatchedArea => "top",
            Region::MatchedMass => "half",
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
            measure: "true_acc".into(),
            baseline: Baseline::Own,
            unit: Unit::Photograph,
            rule: Rule::Permutation,
            correction: Correction::Holm,
            region: Region::MatchedArea,
            chance: Chance::Shifted,
            agreement: Agreement::Concordance,
            ratio: Amount::Shares,
            normality: Amount::Shares,
            additivity: Additivity::Identity,
        }
    }
}

impl Parameters {
    /// Notebooks 5.4 and 6 as published (faults C6 and D1 to D9).
    pub fn published() -> Self {
        Parameters {
            measure: "true_acc".into(),
            baseline: Baseline::None,
            unit: Unit::Picture,
            rule: Rule::OneSidedWilcoxon,
            correction: Correction::None,
            region: Region::AboveMean,
            chance: Chance::None,
            agreement: Agreement::Correlation,
            ratio: Amount::Counts,
            normality: Amount::Counts,
            additivity: Additivity::Correlation,
        }
    }
}
