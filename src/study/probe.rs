//! What must hold of a study and its tables, whatever stands in them.

use std::path::Path;
use std::sync::LazyLock;

use super::{Categories, ClassList, Description, Layout, Study, cue_category, cues, identity};
use crate::files::{ImageFile, Store};
use crate::readers::{in_file, read};

/// `study.json`: a study whose names may stand in paths, which is the same when it is written again; or one error.
pub(crate) fn study(bytes: &[u8]) -> bool {
    in_file("study.json", bytes, |path| {
        let store = Store::reading(path.parent().unwrap_or(path)).expect("it has no manifest");
        let study = read(Study::open(store));
        if let Some(Study { described, .. }) = &study {
            let again = serde_json::to_vec(described).and_then(|text| serde_json::from_slice::<Description>(&text));
            assert!(again.is_ok_and(|again| again == *described));
            assert!(described.networks.iter().all(|entry| !entry.name.contains('/')));
            let _ = (described.compared(), described.stimulus_folders(), described.is_of_stimuli_alone());
        }
        study.is_some()
    })
}

/// A table of categories: each of some classes, no class of two.
pub(crate) fn categories(bytes: &[u8]) -> bool {
    static CLASSES: LazyLock<ClassList> = LazyLock::new(ClassList::sample);
    let found = std::str::from_utf8(bytes).ok().and_then(|text| read(Categories::parse(text, &CLASSES)));
    if let Some(found) = &found {
        let mut all: Vec<usize> = found.classes.concat();
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]) && all.iter().all(|class| *class < CLASSES.len()));
        assert!(found.classes.iter().all(|own| !own.is_empty()) && found.classes.len() == found.names.len());
        assert!(found.names.iter().enumerate().all(|(place, name)| found.place(name) == Some(place)));
    }
    found.is_some()
}

/// A list of classes: a name and an id for each.
pub(crate) fn classes(bytes: &[u8]) -> bool {
    let found = std::str::from_utf8(bytes).ok().and_then(|text| read(ClassList::parse(text)));
    if let Some(found) = &found {
        assert_eq!(found.wnids.len(), found.names.len());
        assert!(found.wnids.iter().all(|wnid| found.wnid_of(wnid) == Some(wnid)));
    }
    found.is_some()
}

/// The path of a stimulus, in each layout: a category that there is, or one error.
pub(crate) fn stimuli(bytes: &[u8]) -> bool {
    let Ok(path) = std::str::from_utf8(bytes) else { return false };
    static SIXTEEN: LazyLock<Categories> = LazyLock::new(Categories::sixteen);
    let image = ImageFile::at(Path::new("/stimuli").join(path), path);
    assert!(path.ends_with(identity(path)));
    let _ = cues(path).map(|(first, second)| (cue_category(first), cue_category(second)));
    let mut any = false;
    for layout in [Layout::Conflict, Layout::Named, Layout::Category, Layout::Condition] {
        let found = read(layout.read(&image, &SIXTEEN));
        any |= found.is_some();
        assert!(found.is_none_or(|one| one.category < 16 && one.texture.is_none_or(|texture| texture < 16)));
    }
    any
}
