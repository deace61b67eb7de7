//! The methods section: every constant and every choice of the study, as published and corrected, each with its source.
//!
//! A choice that the published study got wrong has a number in its list of faults; the field's documentation names it.
//! What [`published`] cannot repeat yet is said there.
//!
//! Published means the published arithmetic. Each formula was read in the study's own notebooks and compared:
//!
//! | formula | in the study | here |
//! |---|---|---|
//! | Canny's thresholds | `int(max(0, (1.0 - sigma) * v))` in doubles: 13 for a median of 140 | the same |
//! | median of grey | NumPy's, the mean of the two middle values | the same |
//! | places of patches | `int((s - n p) / 2)`, every second of an odd number | the same for its seven sides |
//! | regions of relevance | sum over channels and means in single precision | sum single, means double: in 400 maps no pixel differs |
//! | shares, counts | one whole number over another; n / 0 is more than one, 0 / 0 is not | the same |
//! | softmax of the true class | single precision, so that values near 1 tie | single in [`published_tests`](crate::analysis::published_tests), else double |
//! | effects of patches | logits of single precision, summed in double by the name of the file | another order: rounding alone |
//! | Pearson's r | pandas' `corr` for patches, SciPy's `pearsonr` for pixels | `pearsonr`: they differ by rounding |
//! | Wilcoxon, Shapiro-Wilk, t | SciPy; Wilcoxon's p by the normal approximation at every n then | both p |
//! | deviations | n - 1 (pandas, t) | n - 1 |
//! | Q-Q plots | statsmodels: i / (n + 1) | the same |
//! | densities of counts | Scott's width of statsmodels: 1.059 min(sd, quartiles' distance / 1.349) n^-1/5 | the same |
//! | letter values | seaborn's number of boxes, quantiles linear between values | the same |
//!
//! ```
//! use lgf::protocol;
//!
//! let corrected = protocol::corrected();
//! let published = protocol::published();
//! assert_ne!(corrected.normalise, published.normalise);
//! assert_eq!(published.datasets.scramble.blocks, [28, 32, 56, 112]);
//! ```

mod fault;

pub use fault::{Fault, Step};

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis;
use crate::datasets;
use crate::edges;
use crate::error::{Code, Error, Result};
use crate::files::ImageFile;
use crate::study::Study;
use crate::{bbox, sample, stats};

#[cfg(feature = "torch")]
use crate::inference::{Experiments, Keep, Normalise};
#[cfg(feature = "torch")]
use crate::relevance::{self, Composite, Target};

/// Every choice of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Protocol {
    /// `corrected` or `published`.
    pub name: String,
    /// The drawn sample: seed and numbers of pictures.
    pub sample: sample::Sample,
    /// Which boxes are kept: several objects (A11), validation images (B2).
    pub subset: bbox::Subset,
    /// Denoising and thresholds (A7), crop or whole photograph (A3), and with it which box is tested how (A1, A2, A4, A5).
    pub edges: edges::Parameters,
    /// How many photographs (B3), orders and sides of blocks and their control (B4 to B6), encoding (B7), where smoothing
    /// acts and what it reads (B8, B9), sign of the difference (B10), sizes, gaps and fills of patches (B11).
    pub datasets: datasets::Parameters,
    /// What features are taken away by.
    pub features: datasets::Battery,
    /// Whether pictures are normalised as each network was trained (B1).
    #[cfg(feature = "torch")]
    pub normalise: Normalise,
    /// Pictures at a time.
    pub batch: usize,
    /// Rules of relevance (C5).
    #[cfg(feature = "torch")]
    pub composite: Composite,
    /// Whose class is explained (C4).
    #[cfg(feature = "torch")]
    pub target: Target,
    /// What is compared, and how (C6, D1 to D9), which conditions stand for features (F1), how observers are compared (F2 to F5).
    pub analysis: analysis::Parameters,
}

/// The faults mended.
pub fn corrected() -> Protocol {
    Protocol {
        name: "corrected".into(),
        sample: sample::Sample::default(),
        subset: bbox::Subset { objects: bbox::Objects::Largest, ..bbox::Subset::default() },
        edges: edges::Parameters::default(),
        datasets: datasets::Parameters::default(),
        features: datasets::Battery::default(),
        #[cfg(feature = "torch")]
        normalise: Normalise::AsTrained,
        batch: 30,
        #[cfg(feature = "torch")]
        composite: Composite::corrected(),
        #[cfg(feature = "torch")]
        target: Target::True,
        analysis: analysis::Parameters::default(),
    }
}

/// The faults repeated, as far as their steps can: A1 to A5, A7, A11, B1 to B3, B5 to B11, C4 to C6, D1 to D9, and those of the
/// field's tools F1, F2, F4, F5. The others are mended in both.
pub fn published() -> Protocol {
    Protocol {
        name: "published".into(),
        subset: bbox::Subset {
            objects: bbox::Objects::Single,
            validation: bbox::Validation::LeaveOut,
            ..bbox::Subset::default()
        },
        edges: edges::Parameters::published(),
        datasets: datasets::Parameters::published(),
        #[cfg(feature = "torch")]
        normalise: Normalise::Never,
        #[cfg(feature = "torch")]
        composite: Composite::innvestigate_1_0_8(),
        #[cfg(feature = "torch")]
        target: Target::Predicted,
        analysis: analysis::Parameters::published(),
        ..corrected()
    }
}

impl Protocol {
    /// The same choices under another name, which everything that is written carries.
    pub fn named(mut self, name: &str) -> Protocol {
        self.name = name.into();
        self.datasets.protocol = name.into();
        self
    }

    /// The photographs that steps 3 to 6 are about, as far as the protocol decides: those under study, or, as published, those
    /// that the networks were trained on (fault B2).
    ///
    /// # Errors
    /// As [`Study::split_images`] and [`Study::trained_on`].
    pub fn photographs(&self, study: &Study) -> Result<Vec<ImageFile>> {
        match self.subset.validation {
            bbox::Validation::Keep => study.split_images(),
            bbox::Validation::LeaveOut => study.trained_on(),
        }
    }

    /// What is made of a study's photographs: by this protocol, and whatever `study.json` names beside.
    ///
    /// # Errors
    /// [`Code::Parameter`] for a text that is no specification.
    pub fn datasets_of(&self, study: &Study) -> Result<datasets::Parameters> {
        let mut own = self.datasets.clone();
        for text in &study.described.manipulations {
            own.more.push(text.parse()?);
        }
        Ok(own)
    }

    /// How many of each class to take of some photographs: a fixed number, or the least that gives the power asked for over all
    /// classes together, as far as the smallest class reaches (fault B3).
    ///
    /// # Errors
    /// [`Code::Parameter`] if effect, alpha or power is out of its range.
    pub fn per_class(&self, images: &[ImageFile]) -> Result<usize> {
        match self.datasets.sampling {
            datasets::Sampling::PerClass(count) => Ok(count),
            datasets::Sampling::Power { effect, alpha, power } => {
                let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
                images.iter().for_each(|image| *classes.entry(&image.wnid).or_default() += 1);
                let smallest = classes.values().copied().min().unwrap_or(0);
                Ok(stats::sample_size(effect, alpha, power)?.div_ceil(classes.len().max(1)).min(smallest))
            }
        }
    }

    /// Those of `images` that are changed and explained: of each class as many as the study says, or else as the protocol does.
    ///
    /// # Errors
    /// As [`Protocol::per_class`] and [`datasets::sample_images`].
    pub fn sampled(&self, study: &Study, images: &[ImageFile]) -> Result<Vec<ImageFile>> {
        let per_class = match study.described.images_per_class {
            Some(count) => count,
            None => self.per_class(images)?,
        };
        datasets::sample_images(images, per_class, self.datasets.seed)
    }
}

/// The protocol that the environment variable `LGF_PROTOCOL` names, else the corrected one.
///
/// # Errors
/// As [`named`].
pub fn open() -> Result<Protocol> {
    match std::env::var("LGF_PROTOCOL") {
        Ok(name) if !name.is_empty() => named(&name),
        _ => Ok(corrected()),
    }
}

/// The protocol of a name.
///
/// # Errors
/// [`Code::Parameter`] if it is neither `published` nor `corrected`.
pub fn named(name: &str) -> Result<Protocol> {
    match name {
        "corrected" => Ok(corrected()),
        "published" => Ok(published()),
        _ => Err(Error::new(Code::Parameter, format!("no protocol {name:?}; expected published or corrected"))),
    }
}

#[cfg(feature = "torch")]
impl Protocol {
    /// How networks are run.
    pub fn experiments(&self) -> Experiments {
        Experiments { normalise: self.normalise, batch: self.batch, keep: Keep::Chosen }
    }

    /// How relevance is computed.
    pub fn relevance(&self) -> relevance::Parameters {
        relevance::Parameters {
            composite: self.composite.clone(),
            target: self.target,
            normalise: self.normalise,
            batch: 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_decides_how_many_as_far_as_there_are_some() {
        let image = |index: usize| {
            let id = format!("val/n0{}/{index}.JPEG", index % 3);
            ImageFile::at(format!("/{id}"), id)
        };
        let all: Vec<ImageFile> = (0..90).map(image).collect();
        assert_eq!(corrected().per_class(&all).unwrap(), 34usize.div_ceil(3));
        assert_eq!(corrected().per_class(&all[..21]).unwrap(), 7, "as many as there are");
        assert_eq!(published().per_class(&all).unwrap(), 3);
    }
}
