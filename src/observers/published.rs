//! The seventeen published sets of stimuli, and the conditions that averages over them leave out.

/// A published set of stimuli (model-vs-human).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedSet {
    /// Its name.
    pub name: &'static str,
    /// What a level of it is, for an axis; empty for a set without conditions.
    pub level: &'static str,
    /// Its conditions in the order of an axis, the untouched one first where there is one; none for a set without.
    pub conditions: &'static [&'static str],
    /// The conditions that published averages leave out: the untouched one, and those in which people are right on less than a
    /// fifth of the pictures.
    pub left_out: &'static [&'static str],
}

/// All of them: twelve with levels, five without.
pub fn published_sets() -> &'static [PublishedSet] {
    SETS
}

/// The published set of a name.
///
/// ```
/// use lgf::observers::published_set;
///
/// assert_eq!(published_set("contrast").unwrap().left_out, ["c100", "c03", "c01"]);
/// assert!(published_set("my own").is_none());
/// ```
pub fn published_set(name: &str) -> Option<&'static PublishedSet> {
    SETS.iter().find(|set| set.name == name)
}

const fn plain(name: &'static str) -> PublishedSet {
    PublishedSet { name, level: "", conditions: &[], left_out: &[] }
}

const EIDOLON: &str = "reach of the eidolon";

const SETS: &[PublishedSet] = &[
    plain("cue-conflict"),
    plain("edge"),
    plain("silhouette"),
    plain("sketch"),
    plain("stylized"),
    PublishedSet { name: "colour", level: "colour", conditions: &["cr", "bw"], left_out: &["cr"] },
    PublishedSet {
        name: "contrast",
        level: "contrast in percent",
        conditions: &["c100", "c50", "c30", "c15", "c10", "c05", "c03", "c01"],
        left_out: &["c100", "c03", "c01"],
    },
    PublishedSet {
        name: "high-pass",
        level: "deviation of the filter in pixels",
        conditions: &["inf", "3.0", "1.5", "1.0", "0.7", "0.55", "0.45", "0.4"],
        left_out: &["inf", "0.55", "0.45", "0.4"],
    },
    PublishedSet {
        name: "low-pass",
        level: "deviation of the filter in pixels",
        conditions: &["0", "1", "3", "5", "7", "10", "15", "40"],
        left_out: &["0", "15", "40"],
    },
    PublishedSet {
        name: "phase-scrambling",
        level: "width of the phase noise in degrees",
        conditions: &["0", "30", "60", "90", "120", "150", "180"],
        left_out: &["0", "150", "180"],
    },
    PublishedSet { name: "power-equalisation", level: "power spectrum", conditions: &["0", "pow"], left_out: &["0"] },
    PublishedSet { name: "false-colour", level: "true colour", conditions: &["True", "False"], left_out: &["True"] },
    PublishedSet {
        name: "rotation",
        level: "angle in degrees",
        conditions: &["0", "90", "180", "270"],
        left_out: &["0"],
    },
    PublishedSet {
        name: "eidolonI",
        level: EIDOLON,
        conditions: &["1-10-10", "2-10-10", "4-10-10", "8-10-10", "16-10-10", "32-10-10", "64-10-10", "128-10-10"],
        left_out: &["1-10-10", "64-10-10", "128-10-10"],
    },
    PublishedSet {
        name: "eidolonII",
        level: EIDOLON,
        conditions: &["1-3-10", "2-3-10", "4-3-10", "8-3-10", "16-3-10", "32-3-10", "64-3-10", "128-3-10"],
        left_out: &["1-3-10", "32-3-10", "64-3-10", "128-3-10"],
    },
    PublishedSet {
        name: "eidolonIII",
        level: EIDOLON,
        conditions: &["1-0-10", "2-0-10", "4-0-10", "8-0-10", "16-0-10", "32-0-10", "64-0-10", "128-0-10"],
        left_out: &["1-0-10", "16-0-10", "32-0-10", "64-0-10", "128-0-10"],
    },
    PublishedSet {
        name: "uniform-noise",
        level: "width of the noise",
        conditions: &["0.0", "0.03", "0.05", "0.1", "0.2", "0.35", "0.6", "0.9"],
        left_out: &["0.0", "0.6", "0.9"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventeen_sets_and_what_is_left_out_is_of_them() {
        assert_eq!(SETS.len(), 17);
        for set in SETS {
            assert!(set.left_out.iter().all(|condition| set.conditions.contains(condition)), "{}", set.name);
            assert_eq!(set.conditions.is_empty(), set.level.is_empty());
        }
    }
}
