//! A data root and what it is a study of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;

use super::ClassList;
use super::categories::Categories;
use super::describe::{Classes, Description, NetworkEntry};
use super::pairs::Pair;
use super::stimuli::{DecisionFolder, Stimulus, StimulusFolder, list_stimuli};
use crate::error::{Code, Error, Result, listed};
use crate::files::{ImageFile, LAYOUTS, Listing, Store, list_folders};
use crate::notebook::counted;
use crate::table::{Row, table};

/// A data root and what it is a study of (`study.json` in it). It owns the files of its root: what a step writes is named by
/// the step, what a person gave is named here.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The data root.
    pub store: Store,
    /// What is written in `study.json`.
    pub described: Description,
}

/// The folder of the photographs that networks were trained on, as ImageNet and Imagenette name it.
const TRAIN: &str = "train";

table! {
    /// What a study holds, in words.
    pub struct ContentRow {
        /// What.
        what: String,
        /// How many, or which.
        value: String,
    }
}

impl Study {
    /// The study that a data root belongs to.
    ///
    /// # Errors
    /// [`Code::Missing`] if the root has none yet, [`Code::Table`] if `study.json` cannot be understood; as
    /// [`Description::check`].
    pub fn open(store: Store) -> Result<Self> {
        let at = store.path("study.json");
        let described: Description = serde_json::from_slice(&store.read("study.json")?).map_err(|cause| {
            Error::new(Code::Table, "not a study as `lgf init` writes it")
                .path(&at)
                .because(cause)
                .hint("correct it, or write it again with `lgf init --replace`")
        })?;
        described.check().map_err(|error| error.path(&at))?;
        Ok(Study { store, described })
    }

    /// Writes `study.json`, whole: from now on the data root is a study of what is described.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written; as [`Description::check`].
    pub fn begin(store: Store, described: Description) -> Result<Self> {
        described.check()?;
        let text = serde_json::to_vec_pretty(&described)
            .map_err(|cause| Error::new(Code::Table, "the study cannot be written").because(cause))?;
        store.write("study.json", &text)?;
        Ok(Study { store, described })
    }

    /// The networks under study.
    pub fn networks(&self) -> &[NetworkEntry] {
        &self.described.networks
    }

    /// The outputs of the study's networks, in order.
    pub fn class_list(&self) -> ClassList {
        self.described.class_list()
    }

    /// The pairs of networks that are compared: [`Description::compared`].
    pub fn compared(&self) -> Vec<Pair> {
        self.described.compared()
    }

    /// All photographs of the study and what was passed over; relative folders are below the root. Folders that carry a
    /// class's name have its WordNet id.
    ///
    /// # Errors
    /// As [`list_folders`].
    pub fn listing(&self) -> Result<Listing> {
        if self.described.images.is_empty() {
            return Err(Error::new(Code::Missing, "this study has no folder of photographs")
                .path(self.store.path("study.json"))
                .hint("name some under \"images\", or write it again with `lgf init --replace`"));
        }
        let folders: Vec<PathBuf> = self.described.images.iter().map(|folder| self.resolve(folder)).collect();
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
    pub(crate) fn all_images(&self) -> Result<Vec<ImageFile>> {
        Ok(self.listing()?.images)
    }

    /// The photographs of the split under study.
    ///
    /// # Errors
    /// As [`list_folders`]; [`Code::Missing`] if the split is empty; [`Code::Model`] for a photograph whose class is not among
    /// the networks' outputs.
    pub fn split_images(&self) -> Result<Vec<ImageFile>> {
        self.split_of(self.all_images()?, &self.described.split)
    }

    /// The photographs that the study's networks were trained on, as far as names and folders say: where some are of ImageNet's
    /// validation set, the others under study; else those of `train`, where there are some; else those under study.
    ///
    /// # Errors
    /// As [`Study::split_images`].
    pub fn trained_on(&self) -> Result<Vec<ImageFile>> {
        let mut images = self.all_images()?;
        if images.iter().any(ImageFile::is_validation) {
            images.retain(|image| !image.is_validation());
            if images.is_empty() {
                let found =
                    "all photographs are of ImageNet's validation set: there is none that networks were trained on";
                return Err(Error::new(Code::Missing, found)
                    .hint("the protocol \"corrected\" takes validation photographs; or add photographs of training"));
            }
            return self.split_of(images, &self.described.split);
        }
        let other = images.iter().any(|image| image.split == TRAIN) && !self.described.split.is_empty();
        self.split_of(images, if other { TRAIN } else { &self.described.split })
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
    pub fn contents(&self) -> Result<DataFrame> {
        let listing = self.listing()?;
        let passed = listing.passed_over();
        let photographs = listing.images.len();
        let chosen = self.split_of(listing.images, &self.described.split)?;
        let classes: BTreeSet<&String> = chosen.iter().map(|image| &image.wnid).collect();
        let networks: Vec<&str> = self.described.networks.iter().map(|entry| entry.name.as_str()).collect();
        let there = |path: &Option<PathBuf>| if path.is_some() { "yes" } else { "none" }.to_string();
        let rows = [
            ("study", self.described.name.clone()),
            ("photographs", photographs.to_string()),
            ("under study", format!("{} of {} classes", chosen.len(), classes.len())),
            (
                "sampled from each class",
                self.described.images_per_class.map_or("as the protocol says".into(), |count| count.to_string()),
            ),
            ("annotations", there(&self.described.annotations)),
            ("cue-conflict pictures", there(&self.described.conflict)),
            ("networks", networks.join(", ")),
            (
                "smoother",
                self.described.smoother.as_ref().map_or("L0 gradient minimisation", |_| "EPS ResNet").to_string(),
            ),
            (
                "passed over",
                passed.map_or("nothing".into(), |line| line.trim_start_matches("passed over: ").to_string()),
            ),
        ];
        ContentRow::table(rows.into_iter().map(|(what, value)| ContentRow { what: what.into(), value }).collect())
    }

    /// The archive of annotations, if the study has one.
    pub fn annotation_archive(&self) -> Option<PathBuf> {
        self.described.annotations.as_deref().map(|path| self.resolve(path))
    }

    /// The categories that observers choose among: the study's own table, else the sixteen of Geirhos et al. of networks with
    /// ImageNet's classes, and each class by itself of others.
    ///
    /// # Errors
    /// [`Code::Io`] if the table cannot be read; as [`Categories::parse`].
    pub fn categories(&self) -> Result<Categories> {
        let Some(table) = &self.described.categories else {
            return Ok(match self.described.classes {
                Classes::Imagenet => Categories::sixteen(),
                Classes::Sample => Categories::each(&self.class_list()),
            });
        };
        let path = self.resolve(table);
        let text = std::fs::read_to_string(&path).map_err(|cause| Error::io("reading", &path, cause))?;
        Categories::parse(&text, &self.class_list()).map_err(|error| error.path(&path))
    }

    /// The stimuli of a set, in order ([`list_stimuli`]).
    ///
    /// # Errors
    /// As [`list_stimuli`].
    pub fn stimuli(&self, set: &StimulusFolder) -> Result<Vec<Stimulus>> {
        list_stimuli(&self.resolve(&set.folder), set.layout, &self.categories()?)
            .map_err(|error| error.or_place(|| format!("the set {}", set.name)))
    }

    /// The folder of decision files of an entry of the study.
    pub fn decisions_folder(&self, entry: &DecisionFolder) -> PathBuf {
        self.resolve(&entry.folder)
    }

    /// The checkpoint of the network that smooths, if the study has one.
    pub(crate) fn smoother_checkpoint(&self) -> Option<PathBuf> {
        self.described.smoother.as_deref().map(|path| self.resolve(path))
    }

    /// The path of a network's checkpoint.
    pub fn weights(&self, entry: &NetworkEntry) -> PathBuf {
        self.resolve(&entry.weights)
    }

    /// The names of its networks in groups, in order, of which the files of weights of each hold at most so many bytes; one that is
    /// larger is a group by itself.
    pub(crate) fn groups_within(&self, bytes: u64) -> Vec<Vec<String>> {
        let (mut groups, mut held): (Vec<Vec<String>>, u64) = (Vec::new(), 0);
        for entry in self.networks() {
            let size = std::fs::metadata(self.weights(entry)).map_or(0, |file| file.len());
            match groups.last_mut().filter(|_| held + size <= bytes) {
                Some(group) => group.push(entry.name.clone()),
                None => {
                    groups.push(vec![entry.name.clone()]);
                    held = 0;
                }
            }
            held += size;
        }
        groups
    }

    /// The same study with some of its networks only, in the order given.
    ///
    /// # Errors
    /// [`Code::Model`] listing the names there are.
    pub fn only(&self, names: &[&str]) -> Result<Self> {
        let networks: Result<Vec<NetworkEntry>> =
            names.iter().map(|name| self.described.network(name).cloned()).collect();
        let pairs = self.described.pairs.iter().filter(|pair| pair.names().iter().all(|name| names.contains(name)));
        let pairs = pairs.cloned().collect();
        Ok(Study { described: Description { networks: networks?, pairs, ..self.described.clone() }, ..self.clone() })
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        if path.is_absolute() { path.to_path_buf() } else { self.store.path(&path.to_string_lossy()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::describe::Classes;
    use super::*;

    fn described(names: &[&str]) -> Description {
        let networks = names.iter().map(|name| NetworkEntry::new(*name, "resnet50", "w.pth")).collect();
        Description { networks, images_per_class: Some(1), ..Description::named("s", Classes::Sample) }
    }

    #[test]
    fn bad_input_86_names_in_study_json_are_checked_when_it_is_read_and_when_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        Study::begin(store.clone(), described(&["a", "b c", "第2版"])).unwrap();
        assert_eq!(Study::open(store.clone()).unwrap().networks().len(), 3);
        let text = std::fs::read_to_string(store.path("study.json")).unwrap();
        for (changed, why) in [
            (text.replace("\"b c\"", "\"../../b\""), "begins with a dot"),
            (text.replace("\"b c\"", "\"A\""), "differ in case alone"),
            (text.replace("\"b c\"", "\"diff_a\""), "would have one name"),
            (text.replace("\"b c\"", "\"a_logits\""), "would have one name"),
            (text.replace("\"b c\"", "\"a_rejects\""), "would have one name"),
            (text.replace("\"s\"", "\"s/t\""), "name of a study"),
        ] {
            assert_ne!(changed, text);
            store.write("study.json", changed.as_bytes()).unwrap();
            let error = Study::open(store.clone()).unwrap_err();
            assert!(error.to_string().contains(why) && error.to_string().contains("study.json"), "{error}");
        }
        for names in [&["a", "a"][..], &["a/b"], &["a", "diff_a"]] {
            std::fs::remove_file(store.path("study.json")).unwrap_or_default();
            Study::begin(store.clone(), described(names)).unwrap_err();
            assert!(!store.path("study.json").exists());
        }
    }

    #[test]
    fn pairs_are_named_in_study_json_or_follow_from_its_networks() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let mut own = Study::begin(store.clone(), described(&["a", "b", "c"])).unwrap();
        assert!(!std::fs::read_to_string(store.path("study.json")).unwrap().contains("pairs"));
        assert_eq!(Study::open(store.clone()).unwrap().compared(), [Pair::new("a", "b"), Pair::new("a", "c")]);
        own.described.pairs = vec![Pair::new("c", "b")];
        Study::begin(store.clone(), own.described.clone()).unwrap();
        let text = std::fs::read_to_string(store.path("study.json")).unwrap();
        assert_eq!(Study::open(store.clone()).unwrap().compared(), [Pair::new("c", "b")]);
        assert_eq!(own.only(&["a", "c"]).unwrap().compared(), [Pair::new("a", "c")], "a pair needs both");
        let one = text.replace("[\n      \"c\",\n      \"b\"\n    ]", "[\"c\"]");
        let other = text.replace("\"b\"\n    ]", "\"d\"\n    ]");
        for (changed, why) in [(one, "invalid length 1"), (other, "no network \"d\"")] {
            assert_ne!(changed, text);
            store.write("study.json", changed.as_bytes()).unwrap();
            let error = Study::open(store.clone()).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("study.json"), "{error}");
        }
    }
}
