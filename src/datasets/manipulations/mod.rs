//! The list of manipulations. A new one is a file in this folder, with its `MAKER`, and a line in the list.
//!
//! Sets, folders, kinds of pictures, curves and controls follow from it.

use super::canvas::Subject;
use super::manipulation::{Kind, Maker, Manipulation, Recipe};
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
    bilateral,
}

pub use patch::{Fill, PATCHED, Patches, filling, patch_boxes, patched};
pub use scramble::{Control, Orders, SCRAMBLED, SEAMS, Scramble, orders, scrambled, shifts, with_seams};
pub use smooth::{Chain, DIFFERENCE, DIFFERENCE_INVERSE, Difference, SMOOTHED, Sign, Smoothing, difference};

/// All kinds of pictures, in the order of the manifest.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    ALL.iter().flat_map(|maker| maker.kinds).copied()
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
///
/// ```
/// use lgf::datasets::{Subject, manipulation};
///
/// let subject = Subject { id: "n01440764/1.JPEG", side: 224, seed: 1 };
/// let names = |spec: &str| -> lgf::Result<Vec<String>> {
///     Ok(manipulation(&spec.parse()?)?.plan(&subject)?.into_iter().map(|recipe| recipe.name).collect())
/// };
/// assert_eq!(names("scramble:block=56,variant=0")?, ["original", "block56_order0"]);
/// assert_eq!(names("scramble:block=56,kind=seams")?, ["original", "block56_seams"]);
/// assert!(names("emboss").unwrap_err().to_string().contains("scramble, patch, smooth"));
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn manipulation(spec: &Spec) -> Result<Box<dyn Manipulation>> {
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
    Ok(Box::new(Chosen { of, kind: kind.map(String::from), variant }))
}

/// Some changed pictures of a manipulation, and its untouched ones.
struct Chosen {
    of: Box<dyn Manipulation>,
    kind: Option<String>,
    variant: Option<i64>,
}

impl Manipulation for Chosen {
    fn plan(&self, subject: &Subject<'_>) -> Result<Vec<Recipe>> {
        let mut all = self.of.plan(subject)?;
        let own = |recipe: &Recipe| {
            self.kind.as_ref().is_none_or(|kind| kind == recipe.kind.name)
                && self.variant.is_none_or(|variant| variant == recipe.variant)
        };
        all.retain(|recipe| recipe.level == 0 || own(recipe));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_the_list_collide_with_none() {
        let makers: BTreeSet<&str> = ALL.iter().map(|maker| maker.name).collect();
        let names: BTreeSet<&str> = kinds().map(|kind| kind.name).collect();
        assert_eq!((makers.len(), names.len()), (ALL.len(), kinds().count()));
        for kind in kinds() {
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
            let planned = manipulation(&maker.name.parse().unwrap()).unwrap().plan(&subject).unwrap();
            assert_eq!(planned[0].level, 0, "{}", maker.name);
            let found: BTreeSet<&str> = planned.iter().map(|recipe| recipe.kind.name).collect();
            assert_eq!(found, maker.kinds.iter().map(|kind| kind.name).collect(), "{}", maker.name);
        }
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
