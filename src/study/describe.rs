//! What a data root is a study of: which photographs, annotations and networks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use super::ClassList;
use crate::error::{Code, Error, Result, listed};
use crate::files::{ImageFile, LAYOUTS, Listing, Store, check_name, check_names, list_folders};
use crate::notebook::counted;

/// A network of a study: its name in tables, its architecture, its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkEntry {
    /// The name in tables and figures, such as `sin-resnet50`.
    pub name: String,
    /// The architecture's name in the zoo, such as `resnet50` or `slim-resnet50`.
    pub architecture: String,
    /// The checkpoint: `.safetensors`, or `.pth` as `torch.save` writes it.
    pub weights: PathBuf,
    /// The table of tensors that is meant, where the checkpoint holds several: its key, such as `model_ema`, with `/`
    /// between the keys of nested ones; or what the names that are meant begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Mean and deviation of the colours in [0, 1] that it was trained with; ImageNet's usual ones unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<([f32; 3], [f32; 3])>,
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
}

impl NetworkEntry {
    /// A network of a name, with everything else as usual.
    pub fn new(name: impl Into<String>, architecture: impl Into<String>, weights: impl Into<PathBuf>) -> Self {
        let (name, architecture, weights) = (name.into(), architecture.into(), weights.into());
        NetworkEntry { name, architecture, weights, table: None, normalisation: None, sha256: None, allow: Vec::new() }
    }
}

/// What a data root is a study of. Kept as `study.json` in the root; notebook 0 writes that of the drawn sample,
/// `lgf init` that of a person's own files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// A name for tables and titles.
    pub name: String,
    /// Folders of photographs; sub-folders are searched.
    pub images: Vec<PathBuf>,
    /// The split that experiments take images from (`train`, `val`), or empty for all.
    pub split: String,
    /// The archive of annotations (`Annotation.tar.gz`), if there is one.
    pub annotations: Option<PathBuf>,
    /// Folder of cue-conflict pictures named `<shape><n>-<texture><m>.png`, if there is one.
    pub conflict: Option<PathBuf>,
    /// The outputs of the networks.
    pub classes: Classes,
    /// The networks under study.
    pub networks: Vec<NetworkEntry>,
    /// Photographs sampled from each class for the experiments; `None` if the protocol is to decide (fault B3).
    #[serde(default)]
    pub images_per_class: Option<usize>,
    /// Checkpoint of the network that smooths, named without `.index`; without one, L0 gradient minimisation does.
    #[serde(default)]
    pub smoother: Option<PathBuf>,
}

/// The folder of the photographs that networks were trained on, as ImageNet and Imagenette name it.
const TRAIN: &str = "train";

/// Which list the outputs of a study's networks follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Classes {
    /// The 1,000 classes of ImageNet-1k.
    Imagenet,
    /// The ten drawn classes.
    Sample,
}

impl Study {
    /// The study that a data root belongs to.
    ///
    /// # Errors
    /// [`Code::Missing`] if the root has none yet, [`Code::Table`] if `study.json` cannot be understood; as
    /// [`Study::check_names`].
    pub fn open(store: &Store) -> Result<Self> {
        let bytes = store.read("study.json")?;
        let study: Study = serde_json::from_slice(&bytes).map_err(|cause| {
            Error::new(Code::Table, "not a study as `lgf init` writes it")
                .path(store.path("study.json"))
                .because(cause)
                .hint("correct it, or write it again with `lgf init --replace`")
        })?;
        study
            .check_names()
            .and_then(|()| study.check_normalisations())
            .map_err(|error| error.path(store.path("study.json")))?;
        Ok(study)
    }

    /// Whether the names of the study, its networks and its classes may stand in paths and tables.
    ///
    /// # Errors
    /// As [`check_name`] and [`check_names`]; [`Code::Parameter`] for two networks whose tables would have one name.
    pub fn check_names(&self) -> Result<()> {
        check_name("study", &self.name)?;
        let names = || self.networks.iter().map(|entry| entry.name.as_str());
        check_names("network", names())?;
        // `smt_diff_a` is the table of differences of `a`, `scr_a_logits` that of its logits.
        for (other, name) in names().flat_map(|name| [(format!("diff_{name}"), name), (format!("{name}_logits"), name)])
        {
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

    /// Writes `study.json`, whole.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written; as [`Study::check_names`].
    pub fn save(&self, store: &Store) -> Result<PathBuf> {
        self.check_names()?;
        let text = serde_json::to_vec_pretty(self)
            .map_err(|cause| Error::new(Code::Table, "the study cannot be written").because(cause))?;
        store.write("study.json", &text)
    }

    /// All photographs of the study and what was passed over; relative folders are below the root. Folders that carry a
    /// class's name have its WordNet id.
    ///
    /// # Errors
    /// As [`list_folders`].
    pub fn listing(&self, store: &Store) -> Result<Listing> {
        if self.images.is_empty() {
            return Err(Error::new(Code::Missing, "this study has no folder of photographs")
                .path(store.path("study.json"))
                .hint("name some under \"images\", or write it again with `lgf init --replace`"));
        }
        let folders: Vec<PathBuf> = self.images.iter().map(|folder| resolve(store, folder)).collect();
        let (mut listing, classes) = (list_folders(&folders)?, self.class_list());
        let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
        for image in &mut listing.images {
            let wnid =
                known.entry(image.wnid.clone()).or_insert_with(|| classes.wnid_of(&image.wnid).map(str::to_string));
            if let Some(wnid) = wnid {
                image.wnid.clone_from(wnid);
            }
        }
        listing.images.sort();
        Ok(listing)
    }

    /// All photographs of the study, sorted.
    ///
    /// # Errors
    /// As [`list_folders`].
    pub fn all_images(&self, store: &Store) -> Result<Vec<ImageFile>> {
        Ok(self.listing(store)?.images)
    }

    /// The photographs of the split under study.
    ///
    /// # Errors
    /// As [`list_folders`]; [`Code::Missing`] if the split is empty; [`Code::Model`] for a photograph whose class is not among
    /// the networks' outputs.
    pub fn split_images(&self, store: &Store) -> Result<Vec<ImageFile>> {
        self.split_of(self.all_images(store)?, &self.split)
    }

    /// The photographs that the study's networks were trained on, as far as names and folders say: where some are of ImageNet's
    /// validation set, the others under study; else those of `train`, where there are some; else those under study.
    ///
    /// # Errors
    /// As [`Study::split_images`].
    pub fn trained_on(&self, store: &Store) -> Result<Vec<ImageFile>> {
        let mut images = self.all_images(store)?;
        if images.iter().any(ImageFile::is_validation) {
            images.retain(|image| !image.is_validation());
            if images.is_empty() {
                let found =
                    "all photographs are of ImageNet's validation set: there is none that networks were trained on";
                return Err(Error::new(Code::Missing, found)
                    .hint("the protocol \"corrected\" takes validation photographs; or add photographs of training"));
            }
            return self.split_of(images, &self.split);
        }
        let other = images.iter().any(|image| image.split == TRAIN) && !self.split.is_empty();
        self.split_of(images, if other { TRAIN } else { &self.split })
    }

    fn split_of(&self, mut images: Vec<ImageFile>, split: &str) -> Result<Vec<ImageFile>> {
        images.retain(|image| split.is_empty() || image.split == split);
        if images.is_empty() {
            return Err(Error::new(Code::Missing, format!("no photograph in a folder named {split:?}"))
                .hint("choose another split: --split of `lgf init`, or \"split\" in study.json"));
        }
        let classes = self.class_list();
        let mut others: BTreeMap<&str, (usize, &ImageFile)> = BTreeMap::new();
        for image in images.iter().filter(|image| classes.index_of(&image.wnid).is_none()) {
            others.entry(&image.wnid).or_insert((0, image)).0 += 1;
        }
        let Some((_, first)) = others.values().next() else { return Ok(images) };
        let count: usize = others.values().map(|other| other.0).sum();
        let named: Vec<String> = others
            .iter()
            .map(|(name, (count, _))| match *name {
                "" => format!("no folder of a class ({count})"),
                name => format!("{name:?} ({count})"),
            })
            .collect();
        let found = format!(
            "no class of the networks' outputs for {count} of {}: {}",
            counted(images.len(), "photograph"),
            listed(&named, 8)
        );
        let all = others.contains_key("") || count == images.len();
        let what = if all { "put them into folders of their class" } else { "take those folders out" };
        Err(Error::new(Code::Model, found).path(&first.path).hint(format!("{what}; {LAYOUTS}")))
    }

    /// What the study holds, as a table: photographs by split, classes, networks, and the rest.
    ///
    /// # Errors
    /// As [`list_folders`].
    pub fn contents(&self, store: &Store) -> Result<DataFrame> {
        let listing = self.listing(store)?;
        let passed = listing.passed_over();
        let photographs = listing.images.len();
        let chosen = self.split_of(listing.images, &self.split)?;
        let classes: BTreeSet<&String> = chosen.iter().map(|image| &image.wnid).collect();
        let networks: Vec<&str> = self.networks.iter().map(|entry| entry.name.as_str()).collect();
        let there = |path: &Option<PathBuf>| if path.is_some() { "yes" } else { "none" }.to_string();
        let rows = [
            ("study", self.name.clone()),
            ("photographs", photographs.to_string()),
            ("under study", format!("{} of {} classes", chosen.len(), classes.len())),
            (
                "sampled from each class",
                self.images_per_class.map_or("as the protocol says".into(), |count| count.to_string()),
            ),
            ("annotations", there(&self.annotations)),
            ("cue-conflict pictures", there(&self.conflict)),
            ("networks", networks.join(", ")),
            ("smoother", self.smoother.as_ref().map_or("L0 gradient minimisation", |_| "EPS ResNet").to_string()),
            (
                "passed over",
                passed.map_or("nothing".into(), |line| line.trim_start_matches("passed over: ").to_string()),
            ),
        ];
        Ok(df!(
            "what" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "value" => rows.iter().map(|row| row.1.clone()).collect::<Vec<_>>(),
        )?)
    }

    /// The archive of annotations, if the study has one.
    pub fn annotation_archive(&self, store: &Store) -> Option<PathBuf> {
        self.annotations.as_deref().map(|path| resolve(store, path))
    }

    /// The folder of cue-conflict pictures, if the study has one.
    pub fn conflict_folder(&self, store: &Store) -> Option<PathBuf> {
        self.conflict.as_deref().map(|path| resolve(store, path))
    }

    /// The checkpoint of the network that smooths, if the study has one.
    pub fn smoother_checkpoint(&self, store: &Store) -> Option<PathBuf> {
        self.smoother.as_deref().map(|path| resolve(store, path))
    }

    /// The path of a network's checkpoint.
    pub fn weights(&self, store: &Store, entry: &NetworkEntry) -> PathBuf {
        resolve(store, &entry.weights)
    }

    /// The same study with some of its networks only, in the order given.
    ///
    /// # Errors
    /// [`Code::Model`] listing the names there are.
    pub fn only(&self, names: &[&str]) -> Result<Self> {
        let networks: Result<Vec<NetworkEntry>> = names.iter().map(|name| self.network(name).cloned()).collect();
        Ok(Study { networks: networks?, ..self.clone() })
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
        match self.classes {
            Classes::Imagenet => ClassList::imagenet(),
            Classes::Sample => ClassList::sample(),
        }
    }
}

fn resolve(store: &Store, path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_path_buf() } else { store.path(&path.to_string_lossy()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(names: &[&str]) -> Study {
        Study {
            name: "s".into(),
            images: Vec::new(),
            split: String::new(),
            annotations: None,
            conflict: None,
            classes: Classes::Sample,
            networks: names.iter().map(|name| NetworkEntry::new(*name, "resnet50", "w.pth")).collect(),
            images_per_class: Some(1),
            smoother: None,
        }
    }

    #[test]
    fn bad_input_86_names_in_study_json_are_checked_when_it_is_read_and_when_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        study(&["a", "b c", "第2版"]).save(&store).unwrap();
        assert_eq!(Study::open(&store).unwrap().networks.len(), 3);
        let text = std::fs::read_to_string(store.path("study.json")).unwrap();
        for (changed, why) in [
            (text.replace("\"b c\"", "\"../../b\""), "begins with a dot"),
            (text.replace("\"b c\"", "\"A\""), "differ in case alone"),
            (text.replace("\"b c\"", "\"diff_a\""), "would have one name"),
            (text.replace("\"b c\"", "\"a_logits\""), "would have one name"),
            (text.replace("\"s\"", "\"s/t\""), "name of a study"),
        ] {
            assert_ne!(changed, text);
            store.write("study.json", changed.as_bytes()).unwrap();
            let error = Study::open(&store).unwrap_err();
            assert!(error.to_string().contains(why) && error.to_string().contains("study.json"), "{error}");
        }
        for names in [&["a", "a"][..], &["a/b"], &["a", "diff_a"]] {
            std::fs::remove_file(store.path("study.json")).unwrap_or_default();
            study(names).save(&store).unwrap_err();
            assert!(!store.path("study.json").exists());
        }
    }
}
