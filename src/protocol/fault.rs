use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Protocol, corrected, published};
use crate::error::{Code, Error, Result};
use crate::table::Scoring;

/// A fault of the published study that can be repeated by itself. What could not run as published, or is a matter of words
/// (A6, A8 to A10, B4, B12, C1 to C3, C7, C8, D10, E1, E2), is mended in every protocol and has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A11: photographs with several objects lose their boxes.
    SeveralObjects,
    /// B2: validation images are removed, all that is tested was trained on.
    TrainedOn,
    /// A1 to A5: boxes and edges in different frames, rows taken for columns.
    Geometry,
    /// A7: Canny's thresholds from the median, strong denoising.
    Thresholds,
    /// B3: three photographs of a class.
    FewPhotographs,
    /// B5: a shuffle may leave the picture as it is, or repeat.
    Orders,
    /// B6: block sizes nearly equal, no control for the seams.
    Blocks,
    /// B7: JPEG after the manipulation.
    Encoding,
    /// B8 and B9: each pass of smoothing reads the JPEG of the last, on the whole photograph.
    SmoothingChain,
    /// B10: the sign of the smoothing difference is lost, and it is that of the first pass alone.
    LostSign,
    /// B11: size, number, area and gap of patches change together, black only.
    Patches,
    /// B1: networks see values that they were not trained with.
    Normalisation,
    /// C4: the class that the network chose is explained.
    PredictedClass,
    /// C5: another set of rules than the one named.
    Rules,
    /// C6: the region's size differs by network.
    Region,
    /// D1: no chance level.
    NoChance,
    /// D2: normality tested on counts, the test made on shares.
    NormalityOfCounts,
    /// D3: correlation read as equality.
    Correlation,
    /// D4: a ratio of raw counts.
    RatioOfCounts,
    /// D5: levels compared, not changes from each network's own baseline.
    Levels,
    /// D6: variants of one photograph taken as independent.
    Variants,
    /// D7: many tests, none corrected.
    Uncorrected,
    /// D8: one-sided tests.
    OneSided,
    /// D9: correlation of sums taken as additivity.
    CorrelationOfSums,
    /// F1: tiles a pixel apart in size trade places with their like alone, and many stay.
    UnequalTiles,
    /// F2: kappa is 1 wherever observers agree on all trials.
    UndefinedKappa,
    /// F3: an answer counts only above one half of the softmax.
    OverHalf,
    /// F4: shape bias pooled, without an interval.
    PooledBias,
    /// F5: ties go to the first category in order.
    FirstOfTies,
}

/// The step of the sequence that a fault changes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// 2: boxes of the study's photographs.
    Subset,
    /// 3: edges; relevance and predictions stay.
    Edges,
    /// 4: the changed pictures.
    Datasets,
    /// 5: what networks say.
    Run,
    /// 5.2: relevance.
    Relevance,
    /// 6: analysis alone.
    Analysis,
    /// 7: how observers are compared; analysis alone.
    Observers,
    /// 8: which condition stands for a feature; analysis alone.
    Features,
}

impl Fault {
    /// All of them, in the order of the list.
    pub const ALL: [Fault; 29] = [
        Fault::Geometry,
        Fault::Thresholds,
        Fault::SeveralObjects,
        Fault::Normalisation,
        Fault::TrainedOn,
        Fault::FewPhotographs,
        Fault::Orders,
        Fault::Blocks,
        Fault::Encoding,
        Fault::SmoothingChain,
        Fault::LostSign,
        Fault::Patches,
        Fault::PredictedClass,
        Fault::Rules,
        Fault::Region,
        Fault::NoChance,
        Fault::NormalityOfCounts,
        Fault::Correlation,
        Fault::RatioOfCounts,
        Fault::Levels,
        Fault::Variants,
        Fault::Uncorrected,
        Fault::OneSided,
        Fault::CorrelationOfSums,
        Fault::UnequalTiles,
        Fault::UndefinedKappa,
        Fault::OverHalf,
        Fault::PooledBias,
        Fault::FirstOfTies,
    ];

    /// Its number in the list of faults, and what it is.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Fault::Geometry => ("A1-A5", "boxes and edges in different frames"),
            Fault::Thresholds => ("A7", "thresholds from the median, strong denoising"),
            Fault::SeveralObjects => ("A11", "photographs with several objects lost"),
            Fault::Normalisation => ("B1", "pictures not normalised"),
            Fault::TrainedOn => ("B2", "validation images removed"),
            Fault::FewPhotographs => ("B3", "three photographs of a class"),
            Fault::Orders => ("B5", "shuffles that change nothing"),
            Fault::Blocks => ("B6", "sizes nearly equal, no seams control"),
            Fault::Encoding => ("B7", "JPEG after the change"),
            Fault::SmoothingChain => ("B8-B9", "smoothing of JPEGs, at full size"),
            Fault::LostSign => ("B10", "sign of the difference lost"),
            Fault::Patches => ("B11", "size, gap and number together"),
            Fault::PredictedClass => ("C4", "predicted class explained"),
            Fault::Rules => ("C5", "other rules than named"),
            Fault::Region => ("C6", "regions of other sizes"),
            Fault::NoChance => ("D1", "no chance level"),
            Fault::NormalityOfCounts => ("D2", "normality of counts"),
            Fault::Correlation => ("D3", "correlation for equality"),
            Fault::RatioOfCounts => ("D4", "ratio of counts"),
            Fault::Levels => ("D5", "levels, not changes"),
            Fault::Variants => ("D6", "variants as independent"),
            Fault::Uncorrected => ("D7", "no correction for many tests"),
            Fault::OneSided => ("D8", "one-sided tests"),
            Fault::CorrelationOfSums => ("D9", "correlation for additivity"),
            Fault::UnequalTiles => ("F1", "tiles of unequal size, many stay"),
            Fault::UndefinedKappa => ("F2", "kappa of 1 where it is undefined"),
            Fault::OverHalf => ("F3", "answers above one half alone"),
            Fault::PooledBias => ("F4", "shape bias pooled, no interval"),
            Fault::FirstOfTies => ("F5", "ties go to the first category"),
        }
    }

    /// Its number in the list of faults, as `B7`.
    pub fn id(self) -> &'static str {
        self.words().0
    }

    /// The first step that it changes.
    pub fn step(self) -> Step {
        match self {
            Fault::SeveralObjects | Fault::TrainedOn => Step::Subset,
            Fault::Geometry | Fault::Thresholds => Step::Edges,
            Fault::FewPhotographs
            | Fault::Orders
            | Fault::Blocks
            | Fault::Encoding
            | Fault::SmoothingChain
            | Fault::LostSign
            | Fault::Patches => Step::Datasets,
            Fault::Normalisation => Step::Run,
            Fault::PredictedClass | Fault::Rules => Step::Relevance,
            Fault::UnequalTiles => Step::Features,
            Fault::UndefinedKappa | Fault::OverHalf | Fault::PooledBias | Fault::FirstOfTies => Step::Observers,
            _ => Step::Analysis,
        }
    }

    /// The fault of a number, as `B7`.
    ///
    /// # Errors
    /// [`Code::Parameter`], listing them, if there is none.
    pub fn named(id: &str) -> Result<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.id().eq_ignore_ascii_case(id)).ok_or_else(|| {
            let ids: Vec<&str> = Fault::ALL.iter().map(|fault| fault.id()).collect();
            Error::new(Code::Parameter, format!("no fault {id:?}; expected one of {}", ids.join(", ")))
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (id, what) = self.words();
        write!(f, "{id} {what}")
    }
}

impl Protocol {
    /// This protocol with one fault of the published study in it.
    ///
    /// ```
    /// use lgf::protocol::{self, Fault};
    ///
    /// let ringing = protocol::corrected().repeat(Fault::Encoding);
    /// assert_eq!(ringing.name, "corrected with B7");
    /// assert_eq!(ringing.datasets.protocol, ringing.name, "what is written carries it");
    /// assert_eq!(ringing.datasets.encoding, lgf::datasets::Encoding::Jpeg);
    /// assert_eq!(ringing.datasets.scramble, protocol::corrected().datasets.scramble);
    /// ```
    pub fn repeat(&self, fault: Fault) -> Protocol {
        self.with(fault, &published(), "with")
    }

    /// This protocol with one fault of the published study mended.
    pub fn mend(&self, fault: Fault) -> Protocol {
        self.with(fault, &corrected(), "without")
    }

    fn with(&self, fault: Fault, other: &Protocol, word: &str) -> Protocol {
        let mut own = self.clone();
        own = own.named(&format!("{} {word} {}", self.name, fault.id()));
        let (datasets, analysis) = (&mut own.datasets, &mut own.analysis);
        match fault {
            Fault::SeveralObjects => own.subset.objects = other.subset.objects,
            Fault::TrainedOn => own.subset.validation = other.subset.validation,
            Fault::Geometry => own.edges.order = other.edges.order,
            Fault::Thresholds => {
                (own.edges.thresholds, own.edges.denoise) = (other.edges.thresholds, other.edges.denoise);
            }
            Fault::FewPhotographs => datasets.sampling = other.datasets.sampling,
            Fault::Orders => datasets.scramble.orders = other.datasets.scramble.orders,
            Fault::Blocks => {
                datasets.scramble.blocks.clone_from(&other.datasets.scramble.blocks);
                datasets.scramble.control = other.datasets.scramble.control;
            }
            Fault::Encoding => datasets.encoding = other.datasets.encoding,
            Fault::SmoothingChain => datasets.smoothing.chain = other.datasets.smoothing.chain,
            Fault::LostSign => {
                let (own, other) = (&mut datasets.smoothing, &other.datasets.smoothing);
                (own.difference, own.difference_pass) = (other.difference, other.difference_pass);
            }
            Fault::Patches => datasets.patches.clone_from(&other.datasets.patches),
            #[cfg(feature = "torch")]
            Fault::Normalisation => own.normalise = other.normalise,
            #[cfg(feature = "torch")]
            Fault::PredictedClass => own.target = other.target,
            #[cfg(feature = "torch")]
            Fault::Rules => own.composite = other.composite.clone(),
            // Without networks there is nothing to repeat.
            #[cfg(not(feature = "torch"))]
            Fault::Normalisation | Fault::PredictedClass | Fault::Rules => {}
            Fault::Region => analysis.region = other.analysis.region,
            Fault::NoChance => analysis.chance = other.analysis.chance,
            Fault::NormalityOfCounts => analysis.normality = other.analysis.normality,
            Fault::Correlation => analysis.agreement = other.analysis.agreement,
            Fault::RatioOfCounts => analysis.ratio = other.analysis.ratio,
            Fault::Levels => analysis.baseline = other.analysis.baseline,
            Fault::Variants => analysis.unit = other.analysis.unit,
            Fault::Uncorrected => analysis.correction = other.analysis.correction,
            Fault::OneSided => analysis.rule = other.analysis.rule,
            Fault::CorrelationOfSums => analysis.additivity = other.analysis.additivity,
            Fault::UnequalTiles => analysis.features.clone_from(&other.analysis.features),
            Fault::UndefinedKappa => analysis.observers.undefined = other.analysis.observers.undefined,
            // Another publication's scoring: it takes the place of the field's own.
            Fault::OverHalf => {
                let other = if word == "with" { Scoring::SumOverHalf } else { Scoring::Mean };
                analysis.observers.scoring = other;
            }
            Fault::PooledBias => analysis.observers.bias = other.analysis.observers.bias,
            Fault::FirstOfTies => analysis.observers.ties = other.analysis.observers.ties,
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::golden::{overlap, predictions};
    use crate::analysis::{ConclusionRow, conclusions};
    use crate::study::Pair;

    /// Everything but the name, which tells of the faults.
    fn choices(protocol: &Protocol) -> Protocol {
        Protocol {
            name: String::new(),
            datasets: crate::datasets::Parameters { protocol: String::new(), ..protocol.datasets.clone() },
            ..protocol.clone()
        }
    }

    #[test]
    fn all_faults_together_are_the_published_study() {
        let faults = || Fault::ALL.iter().filter(|fault| **fault != Fault::OverHalf);
        let repeated = faults().fold(corrected(), |protocol, fault| protocol.repeat(*fault));
        assert_eq!(choices(&repeated), choices(&published()));
        let mended = faults().fold(published(), |protocol, fault| protocol.mend(*fault));
        assert_eq!(choices(&mended), choices(&corrected()));
    }

    #[test]
    fn each_fault_has_a_number_of_its_own() {
        for fault in Fault::ALL {
            assert_eq!(Fault::named(fault.id()).unwrap(), fault);
        }
        assert!(Fault::named("Z1").unwrap_err().to_string().contains("A1-A5"));
    }

    /// A column of the conclusions.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Part {
        N,
        Effect,
        Low,
        High,
        Statistic,
        P,
        Adjusted,
        Test,
        Verdict,
    }

    /// The conclusions in which a number, a test or a verdict is another, and the columns that are.
    fn apart(a: &[ConclusionRow], b: &[ConclusionRow]) -> Vec<(String, Vec<Part>)> {
        let found = |(a, b): (&ConclusionRow, &ConclusionRow)| {
            assert_eq!(a.conclusion, b.conclusion);
            let moved = [
                (Part::N, a.n != b.n),
                (Part::Effect, a.effect != b.effect),
                (Part::Low, a.low != b.low),
                (Part::High, a.high != b.high),
                (Part::Statistic, a.statistic != b.statistic),
                (Part::P, a.p != b.p),
                (Part::Adjusted, a.adjusted != b.adjusted),
                (Part::Test, a.test != b.test),
                (Part::Verdict, a.verdict != b.verdict),
            ];
            let columns: Vec<Part> = moved.into_iter().filter(|(_, moved)| *moved).map(|(name, _)| name).collect();
            (!columns.is_empty()).then(|| (a.conclusion.clone(), columns))
        };
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).filter_map(found).collect()
    }

    /// What the step writes is read, not the choice that it was given: each fault of the analysis moves numbers of the
    /// conclusions that it is about and of no others, repeated in the corrected study and mended in the published one.
    #[test]
    fn each_fault_of_the_analysis_moves_the_conclusions_that_it_is_about() {
        let (predictions, overlap, pairs) = (predictions(), overlap(), [Pair::published()]);
        let drawn = |protocol: &Protocol| conclusions(&predictions, &overlap, &pairs, &protocol.analysis).unwrap();
        let pictures = ["hypothesis", "difference pictures", "inverse difference pictures"];
        let maps = ["relevance on edges", "counts agree", "normality"];
        let about = |fault: Fault| -> (Vec<&str>, Vec<Part>) {
            // Conclusions by the beginning of their names, and a column that must move.
            match fault {
                Fault::Region => (maps.to_vec(), vec![Part::Effect]),
                Fault::NoChance => ([&maps[..], &["negative relevance on edges"]].concat(), vec![Part::Effect]),
                Fault::NormalityOfCounts => (vec!["normality"], vec![Part::Effect]),
                Fault::Correlation => (vec!["counts agree"], vec![Part::Effect]),
                Fault::RatioOfCounts => (vec!["negative over positive"], vec![Part::Effect]),
                Fault::Levels => (pictures.to_vec(), vec![Part::Effect]),
                Fault::Variants => (
                    [&pictures[..], &["relevance on edges", "negative relevance on edges"], &["patches"]].concat(),
                    vec![Part::N, Part::Low],
                ),
                Fault::Uncorrected => (
                    [&pictures[..], &["relevance on edges", "negative relevance on edges", "patches"]].concat(),
                    vec![Part::Adjusted],
                ),
                Fault::OneSided => (
                    [&pictures[..], &["relevance on edges", "negative relevance on edges", "patches"]].concat(),
                    vec![Part::P, Part::Test],
                ),
                Fault::CorrelationOfSums => (vec!["patches"], vec![Part::Effect]),
                _ => unreachable!("another step"),
            }
        };
        let of_analysis: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| fault.step() == Step::Analysis).collect();
        assert_eq!(of_analysis.len(), 10);
        for fault in of_analysis {
            let (names, columns) = about(fault);
            for (from, other) in [(corrected(), corrected().repeat(fault)), (published(), published().mend(fault))] {
                let moved = apart(&drawn(&from), &drawn(&other));
                assert!(!moved.is_empty(), "{fault} in {}: no number of any conclusion", other.name);
                for column in &columns {
                    assert!(
                        moved.iter().any(|(_, own)| own.contains(column)),
                        "{fault}: no {column:?} moved, {moved:?}"
                    );
                }
                // Tests that are corrected together share their adjusted p.
                let other_ps = |own: &[Part]| own.iter().all(|part| matches!(part, Part::Adjusted | Part::Verdict));
                for (name, own) in &moved {
                    let is_about = names.iter().any(|about| name.starts_with(about));
                    assert!(is_about || other_ps(own), "{fault} moved {own:?} of {name}");
                }
            }
        }
    }
}
