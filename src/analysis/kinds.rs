//! What the analysis asks of kinds of pictures; all of it is data of the manipulations.

use crate::datasets::{self, Kind, Stronger, Summary};

/// What fills patches that are plain.
pub(super) const BLACK: &str = "black";

/// The order of a kind's levels, from the untouched picture to the most changed.
pub(super) fn dose(kind: &str, level: i64) -> i64 {
    match datasets::kind(kind).map(|kind| kind.levels.stronger) {
        Some(Stronger::Smaller) if level > 0 => i64::MAX - level,
        _ => level,
    }
}

/// The kind whose pictures of level 0 are what a kind's pictures were before they were changed.
pub(super) fn untouched_of(kind: &str) -> &str {
    datasets::kind(kind).and_then(|kind| kind.untouched).map_or(kind, |untouched| untouched.name)
}

/// The kinds of which tables are written: those of the thesis always, others where there are pictures of them.
pub(super) fn tabled(found: &[&str]) -> Vec<&'static Kind> {
    let there = |kind: &&Kind| kind.set.thesis.is_some() || found.contains(&kind.name);
    datasets::kinds().filter(|kind| kind.summary != Summary::Nothing).filter(there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{DIFFERENCE_INVERSE, SCRAMBLED, SMOOTHED};

    #[test]
    fn a_kind_that_is_not_known_is_its_own_measure() {
        assert_eq!((untouched_of("embossed"), dose("embossed", 3)), ("embossed", 3));
        assert_eq!(untouched_of(DIFFERENCE_INVERSE.name), SMOOTHED.name);
        let blocks = |side| dose(SCRAMBLED.name, side);
        assert!(blocks(0) < blocks(112) && blocks(112) < blocks(28));
        assert!(tabled(&[]).iter().all(|kind| kind.set.thesis.is_some()));
    }
}
