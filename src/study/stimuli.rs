//! Stimuli: pictures that observers decide on, with the category that each shows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::categories::Categories;
use crate::error::{Code, Error, Result, listed};
use crate::files::{ImageFile, is_wnid, list_images};
use crate::pixels::Sight;

/// The name of the set of a study's cue-conflict pictures.
pub const CUE_CONFLICT: &str = "cue-conflict";
/// The condition of pictures that have none, as the field writes it.
pub const NO_CONDITION: &str = "0";

/// A folder of stimuli of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StimulusFolder {
    /// The name of the set, as in the names of its decision files: `cue-conflict`, `edge`, `contrast`.
    pub name: String,
    /// Where its pictures are; sub-folders are searched.
    pub folder: PathBuf,
    /// Where category and condition of a picture are said; found out unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// How much of its pictures networks see: as of a photograph unless given, which is the field's usage.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub seen: Sight,
}

fn is_usual(seen: &Sight) -> bool {
    *seen == Sight::default()
}

/// A folder of decision files of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionFolder {
    /// The name of the set of stimuli that the decisions are on.
    pub stimuli: String,
    /// Where the files are, `.csv` each.
    pub folder: PathBuf,
    /// Whether a rule made them, and no one decided: so that nothing shows them as people.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rule: bool,
}

/// Where category and condition of a picture are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `<shape><n>-<texture><m>.png`, whatever the folder: pictures of two cues.
    Conflict,
    /// `<number>_<experiment>_<observer>_<condition>_<category>_…`, as model-vs-human names its pictures.
    Named,
    /// `<category>/<name>`.
    Category,
    /// `<condition>/<category>/<name>`.
    Condition,
}

/// A picture that observers decide on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stimulus {
    /// The picture.
    pub image: ImageFile,
    /// Its file's name, as decision files have it.
    pub name: String,
    /// What it shows; of two cues, the shape's category: a place among the categories.
    pub category: usize,
    /// The texture's category, of pictures of two cues.
    pub texture: Option<usize>,
    /// The condition.
    pub condition: String,
}

/// What identifies a picture in the name that an observer's file has for it: the last part after `_`, or the last two where
/// the first of them is a WordNet id.
///
/// ```
/// use lgf::study::identity;
///
/// assert_eq!(identity("0001_s5n_dnn_0_airplane_00_airplane1-bicycle2.png"), "airplane1-bicycle2.png");
/// assert_eq!(identity("0012_cl_s01_bw_dog_00_n02085936_8927.JPEG"), "n02085936_8927.JPEG");
/// ```
pub fn identity(imagename: &str) -> &str {
    let mut cuts = imagename.rmatch_indices('_').map(|(at, _)| at);
    let Some(last) = cuts.next() else { return imagename };
    let before = cuts.next().map_or(0, |at| at + 1);
    if is_wnid(&imagename[before..last]) { &imagename[before..] } else { &imagename[last + 1..] }
}

/// The two cues of `<shape><n>-<texture><m>` with their numbers: `airplane1`, `bicycle2`. Of a name with a prefix, those of
/// its [`identity`].
pub fn cues(imagename: &str) -> Option<(&str, &str)> {
    let name = identity(imagename);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).split_once('-')
}

/// A cue without its number: `airplane` of `airplane1`.
pub fn cue_category(cue: &str) -> &str {
    cue.trim_end_matches(|letter: char| letter.is_ascii_digit())
}

/// The stimuli below a folder, in order of their names. Without a layout, the first that all pictures have counts: names of two
/// cues, model-vs-human's names, `<category>/`, `<condition>/<category>/`.
///
/// # Errors
/// As [`list_images`]; [`Code::Table`] for a picture of another form or of no category, naming it and the categories there are,
/// and for two pictures that decision files could not tell apart.
pub fn list_stimuli(folder: &Path, layout: Option<Layout>, categories: &Categories) -> Result<Vec<Stimulus>> {
    let images = list_images(&[folder.to_path_buf()])?;
    let layouts = match &layout {
        Some(one) => std::slice::from_ref(one),
        None => &[Layout::Conflict, Layout::Named, Layout::Category, Layout::Condition],
    };
    // Of layouts that fit none, the one that fits most says what is wrong.
    let mut failed: Option<(usize, Error)> = None;
    for layout in layouts {
        let found: Vec<Result<Stimulus>> = images.iter().map(|image| layout.read(image, categories)).collect();
        let fits = found.iter().filter(|one| one.is_ok()).count();
        match found.into_iter().collect::<Result<Vec<_>>>() {
            Ok(stimuli) => return sorted(stimuli, categories),
            Err(error) if failed.as_ref().is_none_or(|(most, _)| fits > *most) => failed = Some((fits, error)),
            Err(_) => {}
        }
    }
    let Some((fits, error)) = failed else { return Ok(Vec::new()) };
    let of = format!("{fits} of {} pictures below {} are as expected", images.len(), folder.display());
    Err(error.hint(format!(
        "{of}; what is read: <shape><n>-<texture><m>.png, <category>/<name>, <condition>/<category>/<name>, and \
         <number>_<experiment>_<observer>_<condition>_<category>_…_<name>; categories: {}; a study with others names a \
         table of them (--categories of `lgf init`)",
        categories.in_words()
    )))
}

fn sorted(mut stimuli: Vec<Stimulus>, categories: &Categories) -> Result<Vec<Stimulus>> {
    stimuli.sort_by(|a, b| {
        (&a.condition, a.category, &a.name, &a.image.id).cmp(&(&b.condition, b.category, &b.name, &b.image.id))
    });
    let mut seen: HashMap<(&str, usize, &str), &Stimulus> = HashMap::new();
    for one in &stimuli {
        if let Some(other) = seen.insert((&one.condition, one.category, &one.name), one) {
            let found = format!(
                "{} and {} are both {:?} of {} in condition {}: decisions could not be told apart",
                other.image.id, one.image.id, one.name, categories.names[one.category], one.condition
            );
            return Err(Error::new(Code::Table, found)
                .path(&one.image.path)
                .hint("give each picture of a category and condition a name of its own"));
        }
    }
    Ok(stimuli)
}

impl Layout {
    /// A picture by this layout.
    pub(super) fn read(self, image: &ImageFile, categories: &Categories) -> Result<Stimulus> {
        let file = image.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wrong = |found: String| Error::new(Code::Table, found).path(&image.path);
        let place = |name: &str| {
            let none = || wrong(format!("{name:?} is none of {} categories", categories.names.len()));
            categories.place(name).ok_or_else(none)
        };
        let folders: Vec<&str> = image.id.split('/').rev().skip(1).collect();
        let folder = |above: usize, what: &str| {
            folders.get(above).copied().ok_or_else(|| wrong(format!("it lies in no folder of a {what}")))
        };
        let (category, texture, condition) = match self {
            Layout::Conflict => {
                let form = || wrong("the name is not <shape><n>-<texture><m>".into());
                let (shape, texture) = cues(&file).ok_or_else(form)?;
                let [shape, texture] = [shape, texture].map(|cue| place(cue_category(cue)));
                (shape?, Some(texture?), NO_CONDITION.to_string())
            }
            Layout::Named => {
                let parts: Vec<&str> = file.split('_').collect();
                if parts.len() < 6 {
                    return Err(wrong(
                        "the name is not <number>_<experiment>_<observer>_<condition>_<category>_…".into(),
                    ));
                }
                (place(parts[4])?, None, parts[3].to_string())
            }
            Layout::Category => {
                let category = place(folder(0, "category")?)?;
                // Two folders deep is another layout.
                if folders.len() > 1 && categories.place(folders[1]).is_none() && folders[1] != "session-1" {
                    return Err(wrong(format!("the folder {:?} above that of its category", folders[1])));
                }
                (category, None, NO_CONDITION.to_string())
            }
            Layout::Condition => (place(folder(0, "category")?)?, None, folder(1, "condition")?.to_string()),
        };
        Ok(Stimulus { image: image.clone(), name: file, category, texture, condition })
    }
}

/// Whether sets of stimuli and folders of decisions fit each other.
pub(super) fn check_sets(sets: &[&str], decisions: &[DecisionFolder]) -> Result<()> {
    crate::files::check_names("set of stimuli", sets.iter().copied())?;
    for folder in decisions {
        if !sets.contains(&folder.stimuli.as_str()) {
            let there =
                if sets.is_empty() { "there is none".into() } else { format!("there are {}", listed(sets, 20)) };
            let found = format!("decisions on {:?}, which is no set of stimuli of this study; {there}", folder.stimuli);
            return Err(Error::new(Code::Parameter, found).path(&folder.folder));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    /// Name, category, texture, condition.
    type Seen = (String, String, Option<String>, String);

    fn seen(names: &[&str]) -> Result<Vec<Seen>> {
        let (folder, sixteen) = (made(names), Categories::sixteen());
        let stimuli = list_stimuli(folder.path(), None, &sixteen)?;
        let name = |place: usize| sixteen.names[place].clone();
        Ok(stimuli
            .into_iter()
            .map(|one| (one.name, name(one.category), one.texture.map(name), one.condition))
            .collect())
    }

    #[test]
    fn each_layout_is_found_out() {
        let row = |name: &str, category: &str, texture: Option<&str>, condition: &str| {
            (name.to_string(), category.to_string(), texture.map(str::to_string), condition.to_string())
        };
        assert_eq!(
            seen(&["cat/cat1-dog2.png", "oven/oven10-car1.png"]).unwrap(),
            [row("cat1-dog2.png", "cat", Some("dog"), "0"), row("oven10-car1.png", "oven", Some("car"), "0")]
        );
        assert_eq!(
            seen(&[
                "dnn/session-1/0001_cl_dnn_bw_dog_00_n02085936_7.JPEG",
                "dnn/session-1/0002_cl_dnn_cr_cat_00_x.png"
            ])
            .unwrap(),
            [
                row("0001_cl_dnn_bw_dog_00_n02085936_7.JPEG", "dog", None, "bw"),
                row("0002_cl_dnn_cr_cat_00_x.png", "cat", None, "cr")
            ]
        );
        assert_eq!(
            seen(&["dog/1.png", "cat/1.png"]).unwrap(),
            [row("1.png", "cat", None, "0"), row("1.png", "dog", None, "0")]
        );
        assert_eq!(
            seen(&["noise 0.1/dog/1.png", "noise 0.9/dog/1.png"]).unwrap(),
            [row("1.png", "dog", None, "noise 0.1"), row("1.png", "dog", None, "noise 0.9")]
        );
    }

    #[test]
    fn what_is_of_no_layout_is_named_with_what_would_be_read() {
        let error = seen(&["dog/1.png", "cat/2.png", "wolf/3.png"]).unwrap_err().to_string();
        for part in ["wolf/3.png", "\"wolf\" is none of 16 categories", "2 of 3 pictures", "airplane", "--categories"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let error = seen(&["a/x/dog/1.png", "b/x/dog/1.png"]).unwrap_err().to_string();
        assert!(error.contains("a/x/dog/1.png") && error.contains("told apart"), "{error}");
    }

    #[test]
    fn sets_have_names_of_their_own_and_decisions_a_set() {
        let folder = |stimuli: &str| DecisionFolder { stimuli: stimuli.into(), folder: "d".into(), rule: false };
        check_sets(&["edge", "noise"], &[folder("noise")]).unwrap();
        assert!(check_sets(&["edge", "Edge"], &[]).is_err());
        let error = check_sets(&["edge"], &[folder("egde")]).unwrap_err().to_string();
        assert!(error.contains("\"egde\"") && error.contains("there are edge"), "{error}");
    }
}
