//! Which photographs there are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};

/// A photograph on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageFile {
    /// The class: the folder's name, or the part of the file's name before the first `_`.
    pub wnid: String,
    /// The file's name without its ending.
    pub stem: String,
    /// `train`, `val`, or empty where the folders do not say.
    pub split: String,
    /// Where it is.
    pub path: PathBuf,
}

/// The pictures below some folders (`.jpg`, `.jpeg`, `.png`, `.bmp`, in any case), sorted by class and name. The class
/// is the nearest folder named like a WordNet id (`n01440764`), else the beginning of the file's name.
///
/// # Errors
/// [`Code::Io`] if a folder cannot be read, [`Code::Missing`] if there is no picture at all.
pub fn list_images(folders: &[PathBuf]) -> Result<Vec<ImageFile>> {
    let mut found = Vec::new();
    for folder in folders {
        walk(folder, &mut found)?;
    }
    if found.is_empty() {
        let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(Error::new(
            Code::Missing,
            format!("no picture (.jpeg, .jpg, .png, .bmp) below {}", names.join(", ")),
        )
        .hint("the usual layout is <folder>/train/<wnid>/<name>.JPEG"));
    }
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<ImageFile>) -> Result<()> {
    let unreadable = |cause| Error::io("listing", folder, cause);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if is_picture(&path) {
            found.push(describe(path));
        }
    }
    Ok(())
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    matches!(ending.as_deref(), Some("jpeg" | "jpg" | "png" | "bmp"))
}

fn describe(path: PathBuf) -> ImageFile {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folders: Vec<String> =
        path.parent().into_iter().flat_map(Path::iter).map(|part| part.to_string_lossy().into_owned()).collect();
    let wnid = folders.iter().rev().find(|name| is_wnid(name)).cloned();
    let wnid = wnid.unwrap_or_else(|| stem.split('_').next().unwrap_or_default().to_string());
    let split =
        folders.iter().rev().find(|name| ["train", "val"].contains(&name.as_str())).cloned().unwrap_or_default();
    ImageFile { wnid, stem, split, path }
}

fn is_wnid(name: &str) -> bool {
    name.len() == 9 && name.starts_with('n') && name[1..].bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_and_split_come_from_the_folders_or_the_name() {
        let image = describe(PathBuf::from("x/imagenette2/val/n01440764/n01440764_7.JPEG"));
        assert_eq!(
            (image.wnid.as_str(), image.split.as_str(), image.stem.as_str()),
            ("n01440764", "val", "n01440764_7")
        );
        let flat = describe(PathBuf::from("awkward/n01871265_tusker.JPEG"));
        assert_eq!((flat.wnid.as_str(), flat.split.as_str()), ("n01871265", ""));
    }

    #[test]
    fn a_folder_without_pictures_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = list_images(&[folder.path().to_path_buf()]).unwrap_err();
        assert_eq!(error.code(), Code::Missing);
        assert!(error.to_string().contains("train/<wnid>"), "{error}");
    }
}
