//! The hypotheses of the published study, about networks of those names.

use super::pictures::Asked;
use crate::datasets::{SCRAMBLED, SMOOTHED};
use crate::stats::Alternative;
use crate::study::PUBLISHED;

/// A hypothesis of the study: on pictures of a kind (at all levels, or one), the first network's true-class softmax is
/// larger or smaller than the second's.
pub(super) struct Hypothesis {
    pub name: &'static str,
    pub kind: &'static str,
    pub level: Option<i64>,
    pub models: [&'static str; 2],
    pub alternative: Alternative,
    /// What the thesis prints: (statistic, p) of Shapiro and Wilk's test of the differences, of Wilcoxon's test and, where
    /// it was made, of the t test.
    pub shapiro: (f64, f64),
    pub wilcoxon: Option<(f64, f64)>,
    pub t: Option<(f64, f64)>,
}

const RESNET: &str = PUBLISHED[0];
const STYLE: &str = PUBLISHED[1];

/// How a claim is written.
pub(super) fn sign(alternative: Alternative) -> &'static str {
    match alternative {
        Alternative::Greater => ">",
        Alternative::Less => "<",
        Alternative::TwoSided => "≠",
    }
}

pub(super) const HYPOTHESES: [Hypothesis; 8] = [
    Hypothesis {
        name: "1",
        kind: SCRAMBLED.name,
        level: None,
        models: [RESNET, STYLE],
        alternative: Alternative::Greater,
        shapiro: (0.6113, 1.07e-28),
        wilcoxon: Some((31380.0, 0.99876)),
        t: None,
    },
    Hypothesis {
        name: "1 (112 only)",
        kind: SCRAMBLED.name,
        level: Some(112),
        models: [RESNET, STYLE],
        alternative: Alternative::Greater,
        shapiro: (0.8124, 2.46e-9),
        wilcoxon: Some((2113.0, 0.39606)),
        t: None,
    },
    Hypothesis {
        name: "3",
        kind: SMOOTHED.name,
        level: None,
        models: [RESNET, STYLE],
        alternative: Alternative::Less,
        shapiro: (0.9238, 4.29e-8),
        wilcoxon: Some((3882.0, 5.66e-10)),
        t: None,
    },
    Hypothesis {
        name: "3 (first pass)",
        kind: SMOOTHED.name,
        level: Some(1),
        models: [RESNET, STYLE],
        alternative: Alternative::Less,
        shapiro: (0.9282, 0.0439),
        wilcoxon: Some((156.0, 0.0578)),
        t: Some((-1.1007, 0.2801)),
    },
    Hypothesis {
        name: "3.1",
        kind: SMOOTHED.name,
        level: None,
        models: [RESNET, "se-resnet50"],
        alternative: Alternative::Less,
        shapiro: (0.8182, 1.04e-13),
        wilcoxon: Some((6648.0, 0.01624)),
        t: None,
    },
    Hypothesis {
        name: "3.1 (first pass)",
        kind: SMOOTHED.name,
        level: Some(1),
        models: [RESNET, "se-resnet50"],
        alternative: Alternative::Less,
        shapiro: (0.8953, 0.00645),
        wilcoxon: Some((203.0, 0.2720)),
        t: None,
    },
    Hypothesis {
        name: "3.2",
        kind: SMOOTHED.name,
        level: None,
        models: [STYLE, "se-resnext50"],
        alternative: Alternative::Less,
        shapiro: (0.9277, 8.32e-8),
        wilcoxon: Some((9012.0, 0.8922)),
        t: None,
    },
    Hypothesis {
        name: "3.2 (first pass)",
        kind: SMOOTHED.name,
        level: Some(1),
        models: [STYLE, "se-resnext50"],
        alternative: Alternative::Less,
        shapiro: (0.9194, 0.02584),
        wilcoxon: None,
        t: Some((-0.7244, 0.4747)),
    },
];

impl Hypothesis {
    /// Its name among the conclusions: `hypothesis 3`.
    pub fn conclusion(&self) -> String {
        format!("hypothesis {}", self.name)
    }

    /// The pictures that it is about.
    pub fn asked(&self) -> Asked<'static> {
        Asked { kind: self.kind, level: self.level, models: self.models }
    }

    /// In words: `scrambled, all levels: resnet50 > sin-resnet50`.
    pub fn claim(&self) -> String {
        let level = self.level.map_or("all levels".to_string(), |level| format!("level {level}"));
        format!("{}, {level}: {} {} {}", self.kind, self.models[0], sign(self.alternative), self.models[1])
    }
}
