//! What the analysis asks of kinds of pictures; all of it is data of the manipulations.

use crate::datasets::{self, Kind, Stronger, Summary};

/// What fills patches that are plain.
pub(super) const BLACK: &str = "black";

/// The order of a kind's levels, from the untouched picture to the most changed.
pub(super) fn dose(kind: &str, level: i64) -> i64 {
    match stronger_of(kind) {
        Stronger::Smaller if level > 0 => i64::MAX - level,
        _ => level,
    }
}

/// Which levels of a kind change more; the larger ones of one that is not known.
pub(super) fn stronger_of(kind: &str) -> Stronger {
    datasets::kind(kind).map_or(Stronger::Larger, |kind| kind.levels.stronger)
}

/// The kind whose pictures of level 0 are what a kind's pictures were before they were changed.
pub(super) fn untouched_of(kind: &str) -> &str {
    datasets::kind(kind).and_then(|kind| kind.untouched).map_or(kind, |untouched| untouched.name)
}

/// The kinds of which tables are written: those of the thesis always, others where there are pictures of them. Each is given
/// with the file of one of them, so that a kind of a person's own is known to a process that did not make it, too.
pub(super) fn tabled(found: &[(&str, &str)]) -> Vec<&'static Kind> {
    let own: Vec<&Kind> = found.iter().filter_map(|(kind, file)| datasets::found_kind(kind, file)).collect();
    let there = |kind: &&Kind| kind.set.thesis.is_some() || own.contains(kind);
    datasets::kinds().filter(|kind| kind.summary != Summary::Nothing).filter(there).collect()
}

#[cfg(test)]
mod tests {
    use super::super::curves::{curves, drops};
    use super::super::measure::Measure;
    use super::*;
    use crate::datasets::{DIFFERENCE_INVERSE, SCRAMBLED, SMOOTHED};
    use crate::table::{PredictionRow, Row};

    #[test]
    fn a_kind_that_is_not_known_is_its_own_measure() {
        assert_eq!((untouched_of("embossed"), dose("embossed", 3)), ("embossed", 3));
        assert_eq!(untouched_of(DIFFERENCE_INVERSE.name), SMOOTHED.name);
        let blocks = |side| dose(SCRAMBLED.name, side);
        assert!(blocks(0) < blocks(112) && blocks(112) < blocks(28));
        assert!(tabled(&[]).iter().all(|kind| kind.set.thesis.is_some()));
    }

    /// Two photographs, untouched and at two levels of each kind of the list, of which the fall is 0.1 a level.
    #[test]
    fn every_kind_of_the_list_that_is_there_has_its_curve_and_its_fall() {
        let kinds: Vec<&Kind> = datasets::kinds().collect();
        let row = |(kind, at): (&&Kind, i64)| PredictionRow {
            model: "a".into(),
            kind: kind.name.into(),
            orig_file: (at / 3).to_string(),
            level: at % 3,
            true_acc: 0.9 - 0.1 * (at % 3) as f64,
            ..PredictionRow::example(1)
        };
        let rows: Vec<PredictionRow> =
            kinds.iter().flat_map(|kind| (0..6).map(move |at| (kind, at))).map(row).collect();
        let names: Vec<(&str, &str)> = kinds.iter().map(|kind| (kind.name, "")).collect();
        let found = tabled(&names);
        assert_eq!(found, kinds.iter().filter(|kind| kind.summary != Summary::Nothing).copied().collect::<Vec<_>>());
        for kind in found {
            assert_eq!(curves(&rows, kind.name, Measure::TrueSoftmax).unwrap().height(), 3, "{}", kind.name);
            if let Summary::Curve { .. } = kind.summary {
                assert_eq!(drops(&rows, kind.name, Measure::TrueSoftmax).unwrap().height(), 2, "{}", kind.name);
            }
        }
    }
}
