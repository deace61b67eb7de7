//! What the analysis knows of some kinds of pictures. All others are taken as they come: a higher level is a stronger change
//! from the untouched picture of the same kind.

/// Blocks in another order; levels are sides of blocks.
pub(super) const SCRAMBLED: &str = "scrambled";
/// Passes of smoothing.
pub(super) const SMOOTHED: &str = "smoothed";
/// What smoothing takes away.
pub(super) const DIFFERENCE: &str = "difference";
/// The same with its sign turned.
pub(super) const INVERSE: &str = "difference inverse";
/// Patches over the picture.
pub(super) const PATCHED: &str = "patched";
/// The seams of scrambling alone.
const SEAMS: &str = "seams";
/// What fills patches that are plain.
pub(super) const BLACK: &str = "black";

/// From where to where a change grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// With its level.
    Rises,
    /// Smaller levels are stronger, but for 0, which is untouched.
    Falls,
}

/// Which tables step 6 writes of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    /// Its curve and its fall from the untouched picture.
    CurveAndFall,
    /// Its curve.
    Curve,
    /// None: others answer what is asked of it.
    None,
}

struct Kind {
    name: &'static str,
    strength: Strength,
    /// The kind whose pictures of level 0 are its untouched ones.
    untouched: &'static str,
    tables: Tables,
}

const fn kind(name: &'static str, strength: Strength, untouched: &'static str, tables: Tables) -> Kind {
    Kind { name, strength, untouched, tables }
}

const KINDS: [Kind; 6] = [
    kind(SCRAMBLED, Strength::Falls, SCRAMBLED, Tables::CurveAndFall),
    kind(SMOOTHED, Strength::Rises, SMOOTHED, Tables::CurveAndFall),
    kind(DIFFERENCE, Strength::Rises, SMOOTHED, Tables::Curve),
    kind(INVERSE, Strength::Rises, SMOOTHED, Tables::None),
    kind(PATCHED, Strength::Rises, PATCHED, Tables::None),
    kind(SEAMS, Strength::Rises, SEAMS, Tables::None),
];

fn known(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The order of a kind's levels, from the untouched picture to the most changed.
pub(super) fn dose(kind: &str, level: i64) -> i64 {
    match known(kind).map(|kind| kind.strength) {
        Some(Strength::Falls) if level > 0 => i64::MAX - level,
        _ => level,
    }
}

/// The kind whose pictures of level 0 are what a kind's pictures were before they were changed.
pub(super) fn untouched_of(kind: &str) -> &str {
    known(kind).map_or(kind, |kind| kind.untouched)
}

/// The kinds of which tables are written: those that are always asked for, then others as they first come.
pub(super) fn tabled<'a>(found: &[&'a str]) -> Vec<(&'a str, Tables)> {
    let always = KINDS.iter().map(|kind| (kind.name, kind.tables));
    let others = found.iter().filter(|name| known(name).is_none()).map(|name| (*name, Tables::CurveAndFall));
    always.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_is_not_known_is_its_own_measure_and_has_both_tables() {
        assert_eq!((untouched_of("embossed"), dose("embossed", 3)), ("embossed", 3));
        assert_eq!(untouched_of(INVERSE), SMOOTHED);
        assert!(dose(SCRAMBLED, 0) < dose(SCRAMBLED, 112) && dose(SCRAMBLED, 112) < dose(SCRAMBLED, 28));
        let found = tabled(&["embossed", SMOOTHED]);
        assert_eq!(found.last(), Some(&("embossed", Tables::CurveAndFall)));
        assert_eq!(found.len(), KINDS.len() + 1);
    }
}
