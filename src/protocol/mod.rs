//! The methods section: every constant and every choice of the study, as published and corrected, each with its source.
//!
//! A choice that the published study got wrong has a number in its list of faults; the field's documentation names it.
//! What [`published`] cannot repeat yet is said there.
//!
//! ```
//! use lgf::protocol;
//!
//! let corrected = protocol::corrected();
//! let published = protocol::published();
//! assert_ne!(corrected.normalisation, published.normalisation);
//! assert_eq!(corrected.datasets.patches, published.datasets.patches);
//! ```

use serde::Serialize;

use crate::datasets::{self, Scrambling};
use crate::edges;
use crate::error::{Code, Error, Result};
use crate::{bbox, sample};

#[cfg(feature = "torch")]
use crate::models::{Experiments, Normalisation};
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
    /// Sizes of blocks and patches, passes of smoothing, orders of the blocks (B5). Pictures are stored without loss (B7),
    /// each pass of smoothing starts from the last one in memory (B8), all act on the crop (B9), and the difference keeps
    /// its sign (B10), in both protocols so far.
    pub datasets: datasets::Parameters,
    /// Mean and deviation that pictures are normalised with (B1).
    #[cfg(feature = "torch")]
    pub normalisation: Normalisation,
    /// Pictures at a time.
    pub batch: usize,
    /// Rules of relevance (C5).
    #[cfg(feature = "torch")]
    pub composite: Composite,
    /// Whose class is explained (C4).
    #[cfg(feature = "torch")]
    pub target: Target,
}

/// The faults mended.
pub fn corrected() -> Protocol {
    Protocol {
        name: "corrected".into(),
        sample: sample::Sample::default(),
        subset: bbox::Subset { objects: bbox::Objects::Largest, validation: bbox::Validation::Keep },
        edges: edges::Parameters::default(),
        datasets: datasets::Parameters::default(),
        #[cfg(feature = "torch")]
        normalisation: Normalisation::imagenet(),
        batch: 30,
        #[cfg(feature = "torch")]
        composite: Composite::corrected(),
        #[cfg(feature = "torch")]
        target: Target::True,
    }
}

/// The faults repeated, as far as their steps can: A1 to A5, A7, A11, B1, B2, B5, C4, C5. The others act as in [`corrected`].
pub fn published() -> Protocol {
    Protocol {
        name: "published".into(),
        subset: bbox::Subset { objects: bbox::Objects::Single, validation: bbox::Validation::LeaveOut },
        edges: edges::Parameters::published(),
        datasets: datasets::Parameters { scrambling: Scrambling::Any, ..datasets::Parameters::default() },
        #[cfg(feature = "torch")]
        normalisation: Normalisation::none(),
        #[cfg(feature = "torch")]
        composite: Composite::published(),
        #[cfg(feature = "torch")]
        target: Target::Predicted,
        ..corrected()
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
        Experiments { normalisation: self.normalisation, batch: self.batch }
    }

    /// How relevance is computed.
    pub fn relevance(&self) -> relevance::Parameters {
        relevance::Parameters {
            composite: self.composite.clone(),
            target: self.target,
            normalisation: self.normalisation,
            batch: 10,
        }
    }
}
