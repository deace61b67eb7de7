//! What a data root is a study of: which photographs, annotations and networks.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ClassList;
use super::pairs::{Pair, check_pairs};
use super::stimuli::{CUE_CONFLICT, DecisionFolder, Layout, StimulusFolder, check_sets};
use crate::error::{Code, Error, Result, listed};
use crate::files::{check_name, check_names};
use crate::pixels::{Sight, View};

/// A network of a study: its name in tables, its architecture, its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkEntry {
    /// The name in tables and figures, such as `sin-resnet50`.
    pub name: String,
    /// The architecture's name in the zoo, such as `resnet50` or `slim-resnet50`; or `torchscript`, where the weights are a
    /// program as `torch.jit.save` writes it.
    pub architecture: String,
    /// The checkpoint: `.safetensors`, or `.pth` as `torch.save` writes it.
    pub weights: PathBuf,
    /// The table of tensors that is meant, where the checkpoint holds several: its key, such as `model_ema`, with `/`
    /// between the keys of nested ones; or what the names that are meant begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Mean and deviation of the colours in [0, 1] that it was trained with; its architecture's usual ones unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<([f32; 3], [f32; 3])>,
    /// What it sees of a photograph, such as `{"short": 240, "side": 240, "kernel": "bicubic"}`; as its architecture usually
    /// does unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
    /// SHA-256 of the checkpoint in hexadecimal, or the beginning of it: another file is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What is let pass, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Allow>,
}

/// What is an error in a checkpoint unless a study lets it pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allow {
    /// Weights that are NaN or infinite.
    NonFinite,
    /// Another hash than the one named.
    OtherSha256,
    /// A TorchScript file: it is a program, and runs whatever it says.
    Program,
}

impl NetworkEntry {
    /// A network of a name, with everything else as usual.
    pub fn new(name: impl Into<String>, architecture: impl Into<String>, weights: impl Into<PathBuf>) -> Self {
        let (name, architecture, weights) = (name.into(), architecture.into(), weights.into());
        NetworkEntry {
            name,
            architecture,
            weights,
            table: None,
            normalisation: None,
            view: None,
            sha256: None,
            allow: Vec::new(),
        }
    }
}

/// What a data root is a study of. Kept as `study.json` in the root; notebook 0 writes that of the drawn sample,
/// `lgf init` that of a person's own files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// A name for tables and titles.
    pub name: String,
    /// Folders of photographs; sub-folders are searched.
    pub images: Vec<PathBuf>,
    /// The split that experiments take images from (`train`, `val`), or empty for all.
    pub split: String,
    /// The archive of annotations (`Annotation.tar.gz`), if there is one.
    pub annotations: Option<PathBuf>,
    /// Folder of cue-conflict pictures drawn for this study, `<shape><n>-<texture><m>.png`, if there is one: the set
    /// `cue-conflict`, of which networks see the whole. Others stand under `stimuli`.
    pub conflict: Option<PathBuf>,
    /// Further folders of stimuli that observers decide on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stimuli: Vec<StimulusFolder>,
    /// Folders of decision files, of people or of networks elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<DecisionFolder>,
    /// A table of the categories that observers choose among, `category,wnid`; the sixteen of Geirhos et al. over ImageNet's
    /// classes, or each of other classes by itself, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<PathBuf>,
    /// The outputs of the networks.
    pub classes: Classes,
    /// The networks under study.
    pub networks: Vec<NetworkEntry>,
    /// The pairs of networks to compare; if there is none, [`Description::compared`] says which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
    /// Photographs sampled from each class for the experiments; `None` if the protocol is to decide (fault B3).
    #[serde(default)]
    pub images_per_class: Option<usize>,
    /// Checkpoint of the network that smooths, named without `.index`; without one, L0 gradient minimisation does.
    #[serde(default)]
    pub smoother: Option<PathBuf>,
    /// Manipulations beside the protocol's, as text: `bilateral:d=12,color=170,space=75`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manipulations: Vec<String>,
}

/// Which list the outputs of a study's networks follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Classes {
    /// The 1,000 classes of ImageNet-1k.
    Imagenet,
    /// The ten drawn classes.
    Sample,
}

impl Description {
    /// Whether it may be the description of a study: its names may stand in paths and tables, its pairs are of two of its
    /// networks each, and its normalisations are numbers.
    ///
    /// # Errors
    /// [`Code::Parameter`] for the first that is not: as [`check_name`] and [`check_names`]; two networks whose tables would
    /// have one name; a pair of a network that is not there, of one network, or that is there twice.
    pub fn check(&self) -> Result<()> {
        self.check_names()?;
        let view = |entry: &NetworkEntry| {
            let checked = entry.view.map_or(Ok(()), |view| view.check());
            checked.map_err(|error| error.place(format!("network {}", entry.name)))
        };
        self.networks.iter().try_for_each(view)?;
        self.check_normalisations()
    }

    /// The description of a study of a name, with everything else as usual: no photographs, no networks.
    pub fn named(name: &str, classes: Classes) -> Self {
        Description {
            name: name.to_string(),
            images: Vec::new(),
            split: String::new(),
            annotations: None,
            conflict: None,
            stimuli: Vec::new(),
            decisions: Vec::new(),
            categories: None,
            classes,
            networks: Vec::new(),
            pairs: Vec::new(),
            images_per_class: None,
            smoother: None,
            manipulations: Vec::new(),
        }
    }

    /// Whether names may stand in paths and tables, and pairs are of two networks each.
    fn check_names(&self) -> Result<()> {
        check_name("study", &self.name)?;
        let names = || self.networks.iter().map(|entry| entry.name.as_str());
        check_names("network", names())?;
        check_pairs(&self.pairs, &names().collect::<Vec<_>>())?;
        let sets = self.stimulus_folders();
        check_sets(&sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), &self.decisions)?;
        // `smt_diff_a` is the table of differences of `a`, `scr_a_logits` that of its logits, `scr_a_rejects` what was skipped.
        for (other, name) in names().flat_map(|name| {
            [format!("diff_{name}"), format!("{name}_logits"), format!("{name}_rejects")].map(|other| (other, name))
        }) {
            if names().any(|name| name.to_lowercase() == other.to_lowercase()) {
                let found = format!("tables of the networks {name:?} and {other:?} would have one name");
                return Err(Error::new(Code::Parameter, found).hint(format!("give {other:?} another name")));
            }
        }
        check_names("class", self.class_list().wnids.iter().map(String::as_str))
    }

    /// Whether means are finite and deviations finite and above 0.
    fn check_normalisations(&self) -> Result<()> {
        let wrong = |entry: &&NetworkEntry| {
            entry.normalisation.is_some_and(|(mean, std)| {
                !mean.iter().all(|value| value.is_finite())
                    || !std.iter().all(|value| value.is_finite() && *value > 0.0)
            })
        };
        match self.networks.iter().find(wrong) {
            Some(entry) => {
                let found = format!("the normalisation of {} is {:?}", entry.name, entry.normalisation);
                Err(Error::new(Code::Parameter, found).hint(
                    "[[mean of red, green, blue], [deviation of each]] of colours from 0 to 1; deviations are above 0",
                ))
            }
            None => Ok(()),
        }
    }

    /// The pairs of networks that are compared: those that the study names, else the published two where both are there,
    /// else the first network against each other one ([`Pair::among`]).
    pub fn compared(&self) -> Vec<Pair> {
        match self.pairs[..] {
            [] => Pair::among(&self.networks.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>()),
            _ => self.pairs.clone(),
        }
    }

    /// Whether it is of stimuli and has no photographs: of the steps, observing and the analysis of decisions are left.
    pub fn is_of_stimuli_alone(&self) -> bool {
        self.images.is_empty() && !self.stimulus_folders().is_empty()
    }

    /// The sets of stimuli: the cue-conflict pictures, then the others.
    pub fn stimulus_folders(&self) -> Vec<StimulusFolder> {
        let conflict = self.conflict.iter().map(|folder| StimulusFolder {
            name: CUE_CONFLICT.into(),
            folder: folder.clone(),
            layout: Some(Layout::Conflict),
            seen: Sight::Whole,
        });
        conflict.chain(self.stimuli.iter().cloned()).collect()
    }

    /// The network of a name.
    ///
    /// # Errors
    /// [`Code::Model`] listing the names there are.
    pub fn network(&self, name: &str) -> Result<&NetworkEntry> {
        self.networks.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.networks.iter().map(|entry| entry.name.as_str()).collect();
            Error::new(
                Code::Model,
                match names[..] {
                    [] => format!("no network {name:?}: this study has none"),
                    _ => format!("no network {name:?} in this study; its networks are {}", listed(&names, 12)),
                },
            )
        })
    }

    /// The outputs of the study's networks, in order.
    pub fn class_list(&self) -> ClassList {
        self.classes.list()
    }
}

impl Classes {
    /// The classes in the order of the outputs.
    pub fn list(self) -> ClassList {
        match self {
            Classes::Imagenet => ClassList::imagenet(),
            Classes::Sample => ClassList::sample(),
        }
    }
}
