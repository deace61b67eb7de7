//! The list of manipulations. A new one is a file in this folder, with its `MAKER`, and a line in the list.
//!
//! Sets, folders, kinds of pictures, curves and controls follow from it.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use super::canvas::Subject;
use super::manipulation::{Kind, Levels, Maker, Manipulate, Recipe, Set, Stronger, Summary};
use super::spec::Spec;
use crate::error::{Code, Error, Result};

/// Declares the files of the list, and the list: its order is that of the manifest.
macro_rules! manipulations {
    ($($file:ident,)*) => {
        $(pub(super) mod $file;)*
        static ALL: &[&Maker] = &[$(&$file::MAKER),*];
    };
}

manipulations! {
    scramble,
    patch,
    smooth,
    shuffle,
    rotate_tiles,
    bilateral,
    gaussian,
    nlm,
    grey,
    channels,
    false_colour,
    contrast,
    noise,
    low_pass,
    high_pass,
    phase,
    power,
    rotation,
    silhouette,
    drawing,
    critical_band,
}

pub use critical_band::{CRITICAL_BAND, FIRST_MIDDLE, NO_NOISE, OCTAVES};
pub use patch::{Fill, PATCHED, Patches, filling, patch_boxes, patched};
pub use scramble::{Control, Orders, SCRAMBLED, SEAMS, Scramble, orders, scrambled, shifts, with_seams};
pub use shuffle::{Cut, SHUFFLED, SHUFFLED_SEAMS, SHUFFLED_UNEQUAL};
pub use smooth::{Chain, DIFFERENCE, DIFFERENCE_INVERSE, Difference, SMOOTHED, Sign, Smoothing, difference};

/// Kinds of pictures that are not of the list: of a person's own manipulations, of pairs, and of what earlier runs made of such.
static OWN: RwLock<Vec<&'static Kind>> = RwLock::new(Vec::new());

/// All kinds of pictures, in the order of the manifest.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    ALL.iter().flat_map(|maker| maker.kinds).copied().chain(own_kinds())
}

/// The kind of a manipulation that is not of the list, by its name; another one of that name has its place from then on.
///
/// # Errors
/// [`Code::Parameter`] for a name of the list, or one whose folder or tables another kind has.
pub(super) fn own_kind(name: &str, levels: Levels) -> Result<&'static Kind> {
    let plain = plain(name);
    let folder = format!("imagenette2_{plain}");
    let taken = |kind: &&&'static Kind| kind.name == name || kind.set.name == plain || kind.folder == folder;
    let list = || ALL.iter().flat_map(|maker| maker.kinds);
    if ALL.iter().any(|maker| maker.name == name) || list().any(|kind| taken(&kind)) {
        let found =
            format!("the manipulation {name:?} is one of the library's, or has the folder or the tables of one");
        return Err(Error::new(Code::Parameter, found).hint("give your own another name"));
    }
    let mut own = OWN.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(other) = own.iter().filter(|kind| kind.name != name).find(taken) {
        let found = format!("the manipulations {name:?} and {:?} would have one folder", other.name);
        return Err(Error::new(Code::Parameter, found).hint("give one of them another name"));
    }
    let place = own.iter().position(|kind| kind.name == name);
    if let Some(known) = place.map(|place| own[place]).filter(|known| known.levels == levels) {
        return Ok(known);
    }
    let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let kind: &'static Kind = Box::leak(Box::new(Kind {
        name: leaked(name.to_string()),
        folder: leaked(folder),
        set: Set { name: leaked(plain.clone()), thesis: None },
        levels,
        untouched: None,
        summary: Summary::Curve { fall: leaked(format!("{plain}_drop")) },
    }));
    match place {
        Some(place) => own[place] = kind,
        None => own.push(kind),
    }
    Ok(kind)
}

/// A name as folders and tables have it.
fn plain(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

/// The kind of a name, where pictures of it lie in a folder of it: one of [`kinds`], or of a manipulation that is not of the list
/// and that another process made; what such a one's levels are, [`recall_kinds`](super::recall_kinds) knows of a data root.
pub fn found_kind(name: &str, file: &str) -> Option<&'static Kind> {
    let levels = Levels { in_words: "level", stronger: Stronger::Larger };
    let own =
        || file.starts_with(&format!("imagenette2_{}/", plain(name))).then(|| own_kind(name, levels).ok()).flatten();
    kind(name).or_else(own)
}

/// The kinds that are not of the list.
pub(super) fn own_kinds() -> Vec<&'static Kind> {
    OWN.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The kind of a name in the manifest.
///
/// ```
/// use lgf::datasets;
///
/// assert_eq!(datasets::kind("seams").map(|kind| kind.folder), Some("imagenette2_scr"));
/// assert_eq!(datasets::kind("embossed"), None);
/// ```
pub fn kind(name: &str) -> Option<&'static Kind> {
    kinds().find(|kind| kind.name == name)
}

/// The sets of tables of predictions, each with its kinds of pictures: those of the thesis in its order, then the others.
///
/// ```
/// let sets = lgf::datasets::sets();
/// assert_eq!(sets[..4].iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["scr", "smt", "smt_diff", "ptd"]);
/// ```
pub fn sets() -> Vec<(&'static str, Vec<&'static Kind>)> {
    let mut all: Vec<&Kind> = kinds().collect();
    all.sort_by_key(|kind| kind.set.thesis.unwrap_or(u8::MAX));
    let mut sets: Vec<(&str, Vec<&Kind>)> = Vec::new();
    for kind in all {
        match sets.iter_mut().find(|(name, _)| *name == kind.set.name) {
            Some((_, members)) => members.push(kind),
            None => sets.push((kind.set.name, vec![kind])),
        }
    }
    sets
}

/// Keys that every manipulation has.
const COMMON: [(&str, &str); 2] =
    [("kind", "only the changed pictures of this kind"), ("variant", "only those of this number")];

/// The manipulation of a specification.
///
/// # Errors
/// [`Code::Parameter`], saying what there is, for a name or key that is none; for a value that cannot be read.
pub(super) fn manipulation(spec: &Spec) -> Result<Arc<dyn Manipulate>> {
    let names = || ALL.iter().map(|maker| maker.name).collect::<Vec<_>>().join(", ");
    let maker = ALL.iter().find(|maker| maker.name == spec.name()).ok_or_else(|| {
        Error::new(Code::Parameter, format!("no manipulation {:?}; there are {}", spec.name(), names()))
    })?;
    let keys = || maker.keys.iter().chain(&COMMON);
    if let Some((key, _)) = spec.values().find(|(key, _)| !keys().any(|(own, _)| own == key)) {
        let known: Vec<String> = keys().map(|(key, what)| format!("{key}: {what}")).collect();
        return Err(Error::new(Code::Parameter, format!("{} has no key {key:?}", maker.name))
            .hint(format!("its keys are {}", known.join("; "))));
    }
    let kind = spec.get("kind");
    if kind.is_some_and(|kind| !maker.kinds.iter().any(|own| own.name == kind)) {
        let own: Vec<&str> = maker.kinds.iter().map(|kind| kind.name).collect();
        return Err(spec.wrong("kind", &format!("expected {}", own.join(", "))));
    }
    let variant = spec.get("variant").map(|_| spec.read("variant", 0)).transpose()?;
    let of = (maker.make)(spec)?;
    Ok(Arc::new(Chosen { of, kind: kind.map(String::from), variant }))
}

/// Some changed pictures of a manipulation, and its untouched ones.
struct Chosen {
    of: Arc<dyn Manipulate>,
    kind: Option<String>,
    variant: Option<i64>,
}

impl Manipulate for Chosen {
    fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        let mut all = self.of.plan(subject)?;
        let own = |recipe: &Recipe| {
            self.kind.as_ref().is_none_or(|kind| kind == recipe.kind.name)
                && self.variant.is_none_or(|variant| variant == recipe.variant)
        };
        all.retain(|recipe| recipe.level == 0 || own(recipe));
        Ok(all)
    }

    fn of_set(&self, photographs: &[PathBuf]) -> Result<Option<Arc<dyn Manipulate>>> {
        let Some(of) = self.of.of_set(photographs)? else { return Ok(None) };
        Ok(Some(Arc::new(Chosen { of, kind: self.kind.clone(), variant: self.variant })))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_the_list_collide_with_none() {
        let makers: BTreeSet<&str> = ALL.iter().map(|maker| maker.name).collect();
        let kinds: Vec<&Kind> = ALL.iter().flat_map(|maker| maker.kinds).copied().collect();
        let names: BTreeSet<&str> = kinds.iter().map(|kind| kind.name).collect();
        assert_eq!((makers.len(), names.len()), (ALL.len(), kinds.len()));
        for kind in kinds {
            // What an earlier run left is looked for by this beginning.
            assert!(kind.folder.starts_with("imagenette2_"), "{}", kind.name);
            // `smt_diff_a` is a table of the set `smt_diff`: only that of the thesis has such a name.
            assert!(kind.set.thesis.is_some() || !kind.set.name.contains('_'), "{}", kind.set.name);
            assert!(kind.untouched.is_none_or(|other| other.untouched.is_none()), "{}", kind.name);
        }
        for maker in ALL {
            assert!(maker.keys.iter().all(|(key, _)| COMMON.iter().all(|(common, _)| common != key)), "{}", maker.name);
        }
    }

    #[test]
    fn every_manipulation_of_the_list_plans_its_kinds_and_none_else() {
        let subject = Subject { id: "a", side: 224, seed: 1 };
        for maker in ALL {
            let text = match maker.name {
                "silhouette" => "silhouette:masks=folder",
                "shuffle" => "shuffle:tiles=both",
                name => name,
            };
            let planned = manipulation(&text.parse().unwrap()).unwrap().plan(&subject).unwrap();
            assert_eq!(planned[0].level, 0, "{}", maker.name);
            let found: BTreeSet<&str> = planned.iter().map(|recipe| recipe.kind.name).collect();
            assert_eq!(found, maker.kinds.iter().map(|kind| kind.name).collect(), "{}", maker.name);
        }
    }

    /// A number in words costs no more work than one that somebody means.
    #[test]
    fn numbers_out_of_all_proportion_are_refused_or_harmless() {
        let plan = |text: &str| {
            text.parse().and_then(|spec| manipulation(&spec)?.plan(&Subject { id: "a", side: 224, seed: 1 }))
        };
        for (text, said) in [
            (
                "scramble:block=32,variants=16429131440647569040",
                "orders of the blocks of a picture, expected 1 to 1000",
            ),
            ("scramble:orders=any,variants=1001", "1001 orders"),
            ("scramble:variants=0", "0 orders"),
            ("shuffle:variants=1001", "1001 orders"),
            ("shuffle:tiles=unequal,variants=16429131440647569040", "expected 1 to 1000"),
            ("smooth:passes=4294967295", "4294967295 passes of smoothing, expected 1 to 100"),
            ("smooth:passes=0", "0 passes"),
        ] {
            let error = plan(text).unwrap_err();
            assert!(error.message().contains(said), "{text}: {error}");
        }
        let hidden = plan("patch:gap=4294967295").unwrap();
        assert_eq!(hidden.len(), 3, "none, the one that fits, and all: {hidden:?}");
    }

    #[test]
    fn what_is_no_manipulation_key_or_value_is_said_with_what_there_is() {
        for (text, parts) in [
            ("blur:d=3", &["no manipulation \"blur\"", "scramble, patch, smooth"][..]),
            ("scramble:blok=3", &["scramble has no key \"blok\"", "block: side of the blocks", "variant: "]),
            ("patch:fill=red", &["fill of patch is \"red\"", "black, mean, noise, blur"]),
            ("patch:size=-3", &["size of patch is \"-3\"", "invalid digit"]),
            ("scramble:orders=all", &["orders of scramble is \"all\"", "derangements or any"]),
            ("smooth:kind=seams", &["kind of smooth is \"seams\"", "smoothed, difference, difference inverse"]),
        ] {
            let error = text.parse().and_then(|spec| manipulation(&spec)).err().unwrap();
            assert_eq!(error.code(), Code::Parameter);
            parts.iter().for_each(|part| assert!(error.to_string().contains(part), "{text}: {error}"));
        }
    }
}
