//! Where weights and data come from, and what is known of them: a list in the project, and a person's own beside it.

use std::path::PathBuf;

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use super::normalise::Normalisation;
use super::zoo::architecture;
use crate::error::{Code, Error, Result};
use crate::files::{Download, Store, check_name, check_names};
use crate::notebook::Progress;
use crate::study::{Classes, NetworkEntry};

/// A file to be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteFile {
    /// Its address.
    pub url: String,
    /// The SHA-256 in hexadecimal, or as much of its beginning as was published; nothing where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// One entry of the registry: a network's weights, or data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryEntry {
    /// The name that it is fetched by, and a network's name in tables.
    pub name: String,
    /// The architecture's name in the zoo; none for data.
    #[serde(default)]
    pub architecture: Option<String>,
    /// The files of it.
    pub files: Vec<RemoteFile>,
    /// Side of the pictures that it was trained on, in pixels.
    #[serde(default = "usual_side")]
    pub side: u32,
    /// Mean of red, green and blue in [0, 1] that they were normalised with.
    #[serde(default = "usual_mean")]
    pub mean: [f32; 3],
    /// Deviation of the same.
    #[serde(default = "usual_std")]
    pub std: [f32; 3],
    /// What its outputs are.
    #[serde(default = "usual_classes")]
    pub classes: Classes,
    /// What it was trained on, or what the data are.
    #[serde(default)]
    pub training: String,
    /// Under which terms it may be used.
    #[serde(default)]
    pub licence: String,
    /// A folder of its own below `downloads/`, where another entry's file has the same name.
    #[serde(skip)]
    folder: Option<String>,
}

fn usual_side() -> u32 {
    224
}
fn usual_mean() -> [f32; 3] {
    Normalisation::imagenet().mean
}
fn usual_std() -> [f32; 3] {
    Normalisation::imagenet().std
}
fn usual_classes() -> Classes {
    Classes::Imagenet
}

/// All entries: those of the project, then those of `networks.json` in the data root; of two with one name the later counts.
///
/// ```
/// use lgf::models::Registry;
///
/// let registry = Registry::of_the_project()?;
/// let entry = registry.entry("resnet50")?;
/// assert_eq!(entry.files[0].sha256.as_deref(), Some("19c8e357"));
/// # Ok::<(), lgf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    entries: Vec<RegistryEntry>,
}

impl Registry {
    /// The entries that come with the project (`data/networks.json`).
    ///
    /// # Errors
    /// [`Code::Table`] if the project's own list is broken.
    pub fn of_the_project() -> Result<Self> {
        let entries =
            parse(include_str!("../../data/networks.json")).map_err(|error| error.path("data/networks.json"))?;
        Ok(Registry { entries })
    }

    /// The project's entries and those of `networks.json` in a data root, a list in the same form, which needs no compiling.
    ///
    /// # Errors
    /// [`Code::Table`] with the line if that file is not such a list; [`Code::Model`] for an architecture that is not known.
    pub fn open(store: &Store) -> Result<Self> {
        let mut registry = Registry::of_the_project()?;
        let path = store.path("networks.json");
        if path.exists() {
            let text = std::fs::read_to_string(&path).map_err(|cause| Error::io("reading", &path, cause))?;
            for mut entry in parse(&text).map_err(|error| error.path(&path))? {
                registry.entries.retain(|other| other.name.to_lowercase() != entry.name.to_lowercase());
                let taken = |file: &RemoteFile, other: &RemoteFile| {
                    other.url != file.url && file_name(&other.url).ok() == file_name(&file.url).ok()
                };
                let mut others = registry.entries.iter().flat_map(|other| &other.files);
                let taken = others.any(|other| entry.files.iter().any(|file| taken(file, other)));
                entry.folder = taken.then(|| entry.name.clone());
                registry.entries.push(entry);
            }
        }
        Ok(registry)
    }

    /// The entry of a name.
    ///
    /// # Errors
    /// [`Code::Model`] listing the names there are.
    pub fn entry(&self, name: &str) -> Result<&RegistryEntry> {
        self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
            Error::new(Code::Model, format!("nothing named {name:?} to fetch; there are {}", names.join(", ")))
                .hint("add an entry of your own to networks.json in the data root")
        })
    }

    /// All entries.
    pub fn entries(&self) -> &[RegistryEntry] {
        &self.entries
    }

    /// The entries as a table: `name, architecture, trained on, licence, sha256, there` (whether its files were fetched).
    ///
    /// # Errors
    /// None in practice: the columns are of one length.
    pub fn table(&self, store: &Store) -> Result<DataFrame> {
        let of = |text: fn(&RegistryEntry) -> String| self.entries.iter().map(text).collect::<Vec<String>>();
        let there =
            |entry: &RegistryEntry| entry.paths(store).is_ok_and(|paths| paths.iter().all(|path| path.exists()));
        Ok(df!(
            "name" => of(|entry| entry.name.clone()),
            "architecture" => of(|entry| entry.architecture.clone().unwrap_or_default()),
            "trained on" => of(|entry| entry.training.clone()),
            "licence" => of(|entry| entry.licence.clone()),
            "sha256" => of(|entry| entry.files[0].sha256.clone().unwrap_or_default()),
            "there" => self.entries.iter().map(there).collect::<Vec<bool>>(),
        )?)
    }
}

impl RegistryEntry {
    /// Where its files are, or will be: `downloads/` in the data root, or a folder in there where another entry's file
    /// has the same name.
    ///
    /// # Errors
    /// [`Code::Table`] for an address without a file name.
    pub fn paths(&self, store: &Store) -> Result<Vec<PathBuf>> {
        let folder = self.folder.as_ref().map_or("downloads".into(), |folder| format!("downloads/{folder}"));
        self.files.iter().map(|file| Ok(store.path(&format!("{folder}/{}", file_name(&file.url)?)))).collect()
    }

    /// Fetches its files, checks their hashes, and gives their paths. What was fetched is not fetched again; what was cut off
    /// goes on where it stopped.
    ///
    /// # Errors
    /// As [`Store::download`].
    pub fn fetch(&self, store: &Store, progress: &Progress) -> Result<Vec<PathBuf>> {
        for (file, path) in self.files.iter().zip(self.paths(store)?) {
            store.download(&Download { url: file.url.clone(), path, sha256: file.sha256.clone() }, progress)?;
        }
        self.paths(store)
    }

    /// The network as a study names it, its weights where [`fetch`](RegistryEntry::fetch) puts them.
    ///
    /// # Errors
    /// [`Code::Model`] if this is no network; [`Code::Missing`] if it was not fetched yet.
    pub fn in_study(&self, store: &Store) -> Result<NetworkEntry> {
        let architecture =
            self.architecture.clone().ok_or_else(|| Error::new(Code::Model, format!("{} is no network", self.name)))?;
        let weights = self.paths(store)?.swap_remove(0);
        if !weights.exists() {
            return Err(Error::new(Code::Missing, format!("the weights of {} are not there yet", self.name))
                .path(weights)
                .hint(format!("fetch them first: lgf fetch {}", self.name)));
        }
        Ok(NetworkEntry {
            normalisation: Some((self.mean, self.std)),
            sha256: self.files[0].sha256.clone(),
            ..NetworkEntry::new(&self.name, architecture, weights)
        })
    }
}

/// The last part of an address.
fn file_name(url: &str) -> Result<&str> {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let name = plain.rsplit('/').next().unwrap_or_default();
    let safe = !name.is_empty() && !name.starts_with('.') && !name.contains(['\\', '\0']);
    safe.then_some(name).ok_or_else(|| Error::new(Code::Table, format!("{url:?} does not end in the name of a file")))
}

fn parse(text: &str) -> Result<Vec<RegistryEntry>> {
    let entries: Vec<RegistryEntry> = serde_json::from_str(text).map_err(|cause| {
        Error::new(Code::Table, "not a list of networks")
            .place(format!("line {}", cause.line()))
            .because(cause)
            .hint("data/networks.json in the project shows the form")
    })?;
    for entry in &entries {
        let named = |error: Error| error.place(format!("entry {:?}", entry.name));
        check_name("registry entry", &entry.name).map_err(named)?;
        if entry.files.is_empty() {
            return Err(named(Error::new(Code::Table, "no file")));
        }
        if let Some(name) = &entry.architecture {
            architecture(name).map_err(named)?;
        }
        for file in &entry.files {
            file_name(&file.url).map_err(named)?;
            let hexadecimal = |hash: &String| hash.len() <= 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            if file.sha256.as_ref().is_some_and(|hash| hash.is_empty() || !hexadecimal(hash)) {
                return Err(named(Error::new(Code::Table, format!("sha256 of {} is no hexadecimal number", file.url))));
            }
        }
    }
    check_names("registry", entries.iter().map(|entry| entry.name.as_str()))?;
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_six_networks_of_the_study_can_be_fetched() {
        let registry = Registry::of_the_project().unwrap();
        for name in ["vgg16", "resnet50", "sin-resnet50", "se-resnet50", "resnext50", "se-resnext50"] {
            let entry = registry.entry(name).unwrap();
            let url = &entry.files[0].url;
            let hash = entry.files[0].sha256.as_deref().unwrap();
            assert!(url.contains(&format!("-{hash}.pth")), "{url} {hash}: the name carries the beginning of the hash");
        }
    }

    #[test]
    fn an_entry_of_ones_own_counts_and_a_wrong_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let own = r#"[{"name": "mine", "architecture": "resnet18", "files": [{"url": "https://example.org/w.pth"}],
                       "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}]"#;
        store.write("networks.json", own.as_bytes()).unwrap();
        let registry = Registry::open(&store).unwrap();
        let entry = registry.entry("mine").unwrap();
        assert_eq!((entry.side, entry.mean), (224, [0.5; 3]));
        let error = entry.in_study(&store).unwrap_err();
        assert!(error.to_string().contains("lgf fetch mine"), "{error}");
        for (wrong, what) in [
            (own.replace("resnet18", "resnet19"), "resnet19"),
            (own.replace("w.pth", ""), "does not end"),
            (own.replace("mean", "maen"), "maen"),
            (own.replace("\"mine\"", "\"../../mine\""), "begins with a dot"),
            (
                own.replace("]}]", "]}, {\"name\": \"MINE\", \"files\": [{\"url\": \"https://example.org/v.pth\"}]}]"),
                "differ in case",
            ),
            (own.replace("\"files\": [{\"url\": \"https://example.org/w.pth\"}]", "\"files\": []"), "no file"),
        ] {
            store.write("networks.json", wrong.as_bytes()).unwrap();
            let error = Registry::open(&store).unwrap_err();
            assert!(error.to_string().contains(what) && error.to_string().contains("networks.json"), "{error}");
        }
    }

    #[test]
    fn files_of_one_name_from_two_addresses_go_into_folders_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let entry = |name: &str| {
            format!(
                "{{\"name\": \"{name}\", \"files\": [{{\"url\": \"https://example.org/{name}/model.safetensors\"}}]}}"
            )
        };
        store.write("networks.json", format!("[{}, {}]", entry("a"), entry("b")).as_bytes()).unwrap();
        let registry = Registry::open(&store).unwrap();
        let path = |name: &str| registry.entry(name).unwrap().paths(&store).unwrap().swap_remove(0);
        assert_eq!(path("a"), store.path("downloads/model.safetensors"));
        assert_eq!(path("b"), store.path("downloads/b/model.safetensors"));
    }
}
