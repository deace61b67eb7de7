//! Which photographs there are.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::hash::sha256_hex;
use crate::error::{Code, Error, Result, listed};

/// A photograph on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageFile {
    /// The class: the nearest folder named like a WordNet id (`n01440764`), from the one that was listed down, else the part of
    /// such a name before the first `_`, else the folder's own name; empty for a photograph that lies in no folder.
    pub wnid: String,
    /// Its identity in all tables and file names: its path below the folder that was listed, with `/` between the parts
    /// (`val/n01440764/n01440764_10.JPEG`); where several folders were listed, that folder's name comes first.
    pub id: String,
    /// The file's name without its ending: what an annotation is named by, and what figures show.
    pub stem: String,
    /// `train`, `val`, or empty where the folders, from the one that was listed down, do not say.
    pub split: String,
    /// Where it is.
    pub path: PathBuf,
}

impl ImageFile {
    /// Whether it is of ImageNet's own validation set, as its name says (`ILSVRC2012_val_00000001`).
    pub fn is_validation(&self) -> bool {
        self.stem.contains("_val_")
    }

    /// A photograph at `path`, `id` below the folder that was listed.
    ///
    /// ```
    /// let image = lgf::files::ImageFile::at("data/val/n01440764/n01440764_7.JPEG", "val/n01440764/n01440764_7.JPEG");
    /// assert_eq!((image.wnid.as_str(), image.split.as_str(), image.stem.as_str()), ("n01440764", "val", "n01440764_7"));
    /// ```
    pub fn at(path: impl Into<PathBuf>, id: impl Into<String>) -> Self {
        let (path, id) = (path.into(), id.into());
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // What lies above the folder that was listed says nothing of the photograph; that folder's own name does.
        let above = path.ancestors().nth(id.split('/').count()).and_then(Path::file_name);
        let mut folders: Vec<String> = above.map(|name| name.to_string_lossy().into_owned()).into_iter().collect();
        folders.extend(id.rsplit_once('/').into_iter().flat_map(|(parts, _)| parts.split('/').map(str::to_string)));
        let own = || stem.split('_').next().filter(|name| is_wnid(name)).map(str::to_string);
        let folder = || id.rsplit_once('/').map(|(above, _)| above.rsplit('/').next().unwrap_or(above).to_string());
        let wnid = folders.iter().rev().find(|name| is_wnid(name)).cloned().or_else(own);
        let wnid = wnid.or_else(|| folder().filter(|name| !is_split(name))).unwrap_or_default();
        let split = folders.iter().rev().find(|name| is_split(name)).cloned().unwrap_or_default();
        ImageFile { wnid, id, stem, split, path }
    }
}

/// What was found below some folders, and what was not taken for a photograph.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The photographs, sorted by class and identity.
    pub images: Vec<ImageFile>,
    /// Files and folders that an operating system leaves behind: hidden ones, `__MACOSX`, `Thumbs.db`, `desktop.ini`.
    pub leftovers: u64,
    /// Further paths to photographs or folders that are there already: links, folders given twice or inside each other.
    pub repeated: u64,
    /// Known kinds of pictures that are not read, by their ending: how many.
    pub other_kinds: BTreeMap<String, u64>,
}

impl Listing {
    /// What was passed over, in one line; `None` if nothing was.
    pub fn passed_over(&self) -> Option<String> {
        let mut parts = Vec::new();
        let mut part = |count: u64, one: &str, many: &str| {
            if count > 0 {
                parts.push(format!("{count} {}", if count == 1 { one } else { many }));
            }
        };
        part(
            self.leftovers,
            "file of an operating system",
            "files of an operating system (._*, .DS_Store and the like)",
        );
        part(self.repeated, "second path to what is there already", "second paths to what is there already");
        let others: u64 = self.other_kinds.values().sum();
        let kinds: Vec<String> = self.other_kinds.iter().map(|(ending, count)| format!(".{ending} {count}")).collect();
        let kinds = listed(&kinds, 8);
        part(
            others,
            &format!("picture of a kind that is not read ({kinds})"),
            &format!("pictures of kinds that are not read ({kinds})"),
        );
        (!parts.is_empty()).then(|| format!("passed over: {}", parts.join(", ")))
    }

    /// The classes of the photographs and how many each has, in order.
    pub fn classes(&self) -> BTreeMap<&str, usize> {
        let mut classes = BTreeMap::new();
        self.images.iter().for_each(|image| *classes.entry(image.wnid.as_str()).or_default() += 1);
        classes
    }
}

/// The layouts that are read, for messages.
pub const LAYOUTS: &str = "what is read: <folder>/<wnid>/<name>.JPEG or <folder>/{train,val}/<wnid>/<name>.JPEG with WordNet \
                           ids or the classes' names as folders, and names that begin with the id, as n01440764_10.JPEG";

/// The pictures below some folders (`.jpg`, `.jpeg`, `.jpe`, `.jfif`, `.png`, `.bmp`, in any case), sorted by class and
/// identity.
///
/// # Errors
/// As [`list_folders`].
pub fn list_images(folders: &[PathBuf]) -> Result<Vec<ImageFile>> {
    Ok(list_folders(folders)?.images)
}

/// The pictures below some folders and what was passed over. Links are followed, after everything that is really there; a
/// photograph that several paths lead to is there once, under the first of them, and a link to a folder above is no loop. What
/// cannot be read is listed: the step that reads it skips it with the reason.
///
/// # Errors
/// [`Code::Io`] if a folder cannot be read, [`Code::Missing`] if there is no picture at all.
pub fn list_folders(folders: &[PathBuf]) -> Result<Listing> {
    let mut walk = Walk::default();
    let mut roots: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let real = folder.canonicalize().map_err(|cause| Error::io("listing", folder, cause))?;
        if roots.contains(&real) {
            walk.listing.repeated += 1;
        } else {
            roots.push(real);
        }
    }
    for (root, name) in roots.iter().zip(names_of(&roots)) {
        walk.folder(root, &name)?;
    }
    // What is really there comes first, so that it keeps its own place.
    while !walk.links.is_empty() {
        let mut links = std::mem::take(&mut walk.links);
        links.sort();
        for (path, id) in links {
            walk.follow(path, id)?;
        }
    }
    let mut listing = walk.listing;
    if listing.images.is_empty() {
        let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let passed = listing.passed_over().map(|line| format!(" ({line})")).unwrap_or_default();
        let found = format!("no photograph (.jpeg, .jpg, .jpe, .jfif, .png, .bmp) below {}{passed}", listed(&names, 4));
        return Err(Error::new(Code::Missing, found).hint(LAYOUTS));
    }
    listing.images.sort();
    Ok(listing)
}

/// What each of several roots is called in identities: the least part of the end of its path that is its own, with `/` behind
/// it; nothing where there is but one root.
fn names_of(roots: &[PathBuf]) -> Vec<String> {
    let end = |root: &Path, parts: usize| -> String {
        let all: Vec<String> = root.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        all[all.len().saturating_sub(parts)..].join("/").trim_start_matches('/').to_string()
    };
    if roots.len() < 2 {
        return vec![String::new(); roots.len()];
    }
    let longest = roots.iter().map(|root| root.iter().count()).max().unwrap_or(1);
    let name = |root: &PathBuf| {
        let own = |parts: &usize| roots.iter().filter(|other| end(other, *parts) == end(root, *parts)).count() == 1;
        format!("{}/", end(root, (1..longest).find(own).unwrap_or(longest)))
    };
    roots.iter().map(name).collect()
}

#[derive(Default)]
struct Walk {
    listing: Listing,
    /// Links that were met: where, and as what.
    links: Vec<(PathBuf, String)>,
    folders: HashSet<PathBuf>,
    files: HashSet<PathBuf>,
    /// Files with several names of their own (hard links), by device and number.
    numbers: HashSet<(u64, u64)>,
}

impl Walk {
    /// Everything below a folder whose identities begin with `above`.
    fn folder(&mut self, folder: &Path, above: &str) -> Result<()> {
        let unreadable = |cause| Error::io("listing", folder, cause);
        if !self.folders.insert(folder.canonicalize().map_err(unreadable)?) {
            self.listing.repeated += 1;
            return Ok(());
        }
        let mut entries: Vec<fs::DirEntry> =
            fs::read_dir(folder).map_err(unreadable)?.collect::<std::io::Result<_>>().map_err(unreadable)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), text_of(&entry.file_name()));
            let kind = entry.file_type().map_err(unreadable)?;
            // Hidden files and folders are nobody's photographs either.
            if is_leftover(&name) || name.starts_with('.') {
                self.listing.leftovers += 1;
            } else if kind.is_symlink() {
                self.links.push((path, format!("{above}{name}")));
            } else if kind.is_dir() {
                self.folder(&path, &format!("{above}{name}/"))?;
            } else {
                self.file(path, format!("{above}{name}"));
            }
        }
        Ok(())
    }

    fn follow(&mut self, path: PathBuf, id: String) -> Result<()> {
        match path.canonicalize() {
            Ok(target) if target.is_dir() => self.folder(&path, &format!("{id}/")),
            _ => {
                self.file(path, id);
                Ok(())
            }
        }
    }

    fn file(&mut self, path: PathBuf, id: String) {
        match kind_of(&path) {
            Kind::Photograph => {}
            Kind::OtherPicture(ending) => {
                *self.listing.other_kinds.entry(ending).or_default() += 1;
                return;
            }
            Kind::Other => return,
        }
        // A link that leads nowhere is listed: whoever reads it says so.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        let numbered =
            fs::metadata(&path).ok().filter(|facts| facts.nlink() > 1).map(|facts| (facts.dev(), facts.ino()));
        if !self.files.insert(real) || numbered.is_some_and(|number| !self.numbers.insert(number)) {
            self.listing.repeated += 1;
        } else {
            self.listing.images.push(ImageFile::at(path, id));
        }
    }
}

/// A name as text; one that is none keeps apart from others by a hash.
fn text_of(name: &std::ffi::OsStr) -> String {
    match name.to_str() {
        Some(text) => text.to_string(),
        None => format!("{}~{}", name.to_string_lossy(), &sha256_hex(name.as_encoded_bytes())[..8]),
    }
}

enum Kind {
    Photograph,
    OtherPicture(String),
    Other,
}

fn kind_of(path: &Path) -> Kind {
    const OTHERS: [&str; 20] = [
        "webp", "gif", "tif", "tiff", "avif", "heic", "heif", "jp2", "jxl", "ppm", "pgm", "pbm", "tga", "ico", "psd",
        "svg", "dng", "cr2", "nef", "arw",
    ];
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "jpeg" | "jpg" | "jpe" | "jfif" | "png" | "bmp" => Kind::Photograph,
        other if OTHERS.contains(&other) => Kind::OtherPicture(ending),
        _ => Kind::Other,
    }
}

/// Whether a name is one that operating systems leave beside people's files: `._1.JPEG`, `.DS_Store`, `__MACOSX`, `Thumbs.db`,
/// `desktop.ini`.
pub fn is_leftover(name: &str) -> bool {
    name.starts_with("._")
        || name == ".DS_Store"
        || name == "__MACOSX"
        || name.eq_ignore_ascii_case("thumbs.db")
        || name.eq_ignore_ascii_case("desktop.ini")
}

/// Whether a name has the form of a WordNet id, as `n01440764`.
pub(crate) fn is_wnid(name: &str) -> bool {
    name.len() == 9 && name.starts_with('n') && name[1..].bytes().all(|byte| byte.is_ascii_digit())
}

fn is_split(name: &str) -> bool {
    ["train", "val"].contains(&name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder of empty files, which is enough for a listing.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn ids(listing: &Listing) -> Vec<&str> {
        listing.images.iter().map(|image| image.id.as_str()).collect()
    }

    fn listed_below(folders: &[&Path]) -> Listing {
        list_folders(&folders.iter().map(|folder| folder.to_path_buf()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn class_and_split_come_from_the_folders_or_the_name() {
        let image = |path: &str| ImageFile::at(format!("x/{path}"), path);
        let photograph = image("imagenette2/val/n01440764/n01440764_7.JPEG");
        assert_eq!(
            (photograph.wnid.as_str(), photograph.split.as_str(), photograph.stem.as_str()),
            ("n01440764", "val", "n01440764_7")
        );
        let flat = image("awkward/n01871265_tusker.JPEG");
        assert_eq!((flat.wnid.as_str(), flat.split.as_str()), ("n01871265", ""));
    }

    #[test]
    fn bad_input_71_folders_that_are_no_ids_are_classes_of_their_own() {
        let class = |path: &str| ImageFile::at(format!("x/{path}"), path).wnid;
        assert_eq!(class("val/0/ILSVRC2012_val_00000001.JPEG"), "0");
        assert_eq!(class("val/1/ILSVRC2012_val_00000002.JPEG"), "1");
        assert_eq!(class("golf ball/a.png"), "golf ball");
        // In no folder but the split's: no class at all.
        assert_eq!(class("val/ILSVRC2012_val_00000001.JPEG"), "");
        assert_eq!(class("ILSVRC2012_val_00000001.JPEG"), "");
    }

    #[test]
    fn a_folder_without_pictures_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = list_images(&[folder.path().to_path_buf()]).unwrap_err();
        assert_eq!(error.code(), Code::Missing);
        assert!(error.to_string().contains("{train,val}/<wnid>"), "{error}");
    }

    #[test]
    fn bad_input_63_leftovers_of_operating_systems_are_passed_over_and_counted() {
        let own = folder(&[
            "val/n01440764/1.JPEG",
            "val/n01440764/._1.JPEG",
            "val/n01440764/.hidden.png",
            "val/n01440764/Thumbs.db",
            "val/n01440764/desktop.ini",
            "val/.DS_Store",
            "__MACOSX/val/n01440764/2.JPEG",
        ]);
        let listing = listed_below(&[own.path()]);
        assert_eq!(ids(&listing), ["val/n01440764/1.JPEG"]);
        assert_eq!(listing.leftovers, 6);
        assert!(listing.passed_over().unwrap().contains("6 files of an operating system"));
    }

    #[test]
    fn bad_input_64_photographs_of_one_file_name_are_apart() {
        let one = folder(&["n01440764/1.JPEG", "n02102040/1.JPEG", "n02102040/1.png"]);
        let listing = listed_below(&[one.path()]);
        assert_eq!(ids(&listing), ["n01440764/1.JPEG", "n02102040/1.JPEG", "n02102040/1.png"]);
        // In several folders, too: each keeps the least name that is its own.
        let two = folder(&["a/photographs/n01440764/1.JPEG", "b/photographs/n01440764/1.JPEG"]);
        let roots = [two.path().join("a/photographs"), two.path().join("b/photographs")];
        let listing = listed_below(&[&roots[0], &roots[1]]);
        assert_eq!(ids(&listing), ["a/photographs/n01440764/1.JPEG", "b/photographs/n01440764/1.JPEG"]);
        let other = folder(&["n01440764/1.JPEG"]);
        let name = other.path().file_name().unwrap().to_string_lossy().into_owned();
        let listing = listed_below(&[&roots[0], other.path()]);
        assert!(ids(&listing).contains(&"photographs/n01440764/1.JPEG"), "{:?}", ids(&listing));
        assert!(ids(&listing).contains(&format!("{name}/n01440764/1.JPEG").as_str()), "{:?}", ids(&listing));
    }

    #[test]
    fn bad_input_65_a_photograph_by_several_paths_is_there_once() {
        let own = folder(&["n01440764/1.JPEG", "n01440764/2.JPEG"]);
        let below = |name: &str| own.path().join(name);
        symlink(below("n01440764/1.JPEG"), below("n01440764/0.JPEG")).unwrap();
        symlink(below("n01440764"), below("again")).unwrap();
        symlink(own.path(), below("n01440764/up")).unwrap();
        fs::hard_link(below("n01440764/2.JPEG"), below("n01440764/3.JPEG")).unwrap();
        let listing = listed_below(&[own.path(), &below("n01440764"), own.path()]);
        let name = own.path().file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(ids(&listing), [format!("{name}/n01440764/1.JPEG"), format!("{name}/n01440764/2.JPEG")]);
        assert!(listing.passed_over().unwrap().contains("second paths"), "{:?}", listing.passed_over());
        // A folder of links alone is a listing like any other.
        let links = tempfile::tempdir().unwrap();
        fs::create_dir(links.path().join("n01440764")).unwrap();
        symlink(below("n01440764/1.JPEG"), links.path().join("n01440764/one.JPEG")).unwrap();
        assert_eq!(ids(&listed_below(&[links.path()])), ["n01440764/one.JPEG"]);
    }

    #[test]
    fn bad_input_66_a_link_that_leads_nowhere_is_left_to_the_step_that_reads_it() {
        let own = folder(&["n01440764/1.JPEG"]);
        symlink(own.path().join("gone"), own.path().join("n01440764/2.JPEG")).unwrap();
        assert_eq!(ids(&listed_below(&[own.path()])), ["n01440764/1.JPEG", "n01440764/2.JPEG"]);
    }

    #[test]
    fn bad_input_70_other_kinds_of_pictures_are_counted() {
        let own = folder(&["n1/a.jfif", "n1/b.JPE", "n1/c.webp", "n1/d.tif", "n1/e.TIF", "n1/notes.txt"]);
        let listing = listed_below(&[own.path()]);
        assert_eq!(ids(&listing), ["n1/a.jfif", "n1/b.JPE"]);
        let line = listing.passed_over().unwrap();
        assert!(line.contains("3 pictures of kinds that are not read (.tif 2, .webp 1)"), "{line}");
    }
}
