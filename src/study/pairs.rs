//! Which networks of a study are compared.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result, listed};

/// The two networks of the thesis that differ in their training pictures alone: photographs, and photographs whose textures
/// were exchanged. Its hypotheses are about them.
pub const PUBLISHED: [&str; 2] = ["resnet50", "sin-resnet50"];

/// Two networks that are compared, by their names; in `study.json` a list of the two. Differences are those of the first
/// less the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[String; 2]", into = "[String; 2]")]
pub struct Pair {
    /// The first network.
    pub first: String,
    /// The second.
    pub second: String,
}

impl Pair {
    /// A pair of two names.
    pub fn new(first: impl Into<String>, second: impl Into<String>) -> Self {
        Pair { first: first.into(), second: second.into() }
    }

    /// The pair of the thesis ([`PUBLISHED`]).
    pub fn published() -> Self {
        let [first, second] = PUBLISHED;
        Pair::new(first, second)
    }

    /// The two names.
    pub fn names(&self) -> [&str; 2] {
        [&self.first, &self.second]
    }

    /// What is compared of some networks where a study names no pair: the published two where both are there, else the
    /// first network against each other one; nothing where there are fewer than two.
    ///
    /// ```
    /// use lgf::study::Pair;
    ///
    /// let pairs = Pair::among(&["vgg16", "mine", "third"]);
    /// assert_eq!(pairs, [Pair::new("vgg16", "mine"), Pair::new("vgg16", "third")]);
    /// assert_eq!(Pair::among(&["vgg16", "sin-resnet50", "resnet50"]), [Pair::published()]);
    /// assert_eq!(Pair::among(&["vgg16"]), []);
    /// ```
    pub fn among(networks: &[&str]) -> Vec<Pair> {
        match networks {
            _ if PUBLISHED.iter().all(|name| networks.contains(name)) => vec![Pair::published()],
            [first, others @ ..] => others.iter().map(|other| Pair::new(*first, *other)).collect(),
            [] => Vec::new(),
        }
    }

    /// Whether a comparison is of one pair and the other alike.
    fn same_as(&self, other: &Pair) -> bool {
        self == other || self.names() == [&other.second, &other.first]
    }
}

impl From<[String; 2]> for Pair {
    fn from([first, second]: [String; 2]) -> Self {
        Pair { first, second }
    }
}

impl From<Pair> for [String; 2] {
    fn from(pair: Pair) -> Self {
        [pair.first, pair.second]
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.first, self.second)
    }
}

/// Whether pairs are of networks that are there, of two each, and none twice.
pub(super) fn check_pairs(pairs: &[Pair], networks: &[&str]) -> Result<()> {
    let hint = "\"pairs\" in study.json, --pair of `lgf init`: two networks of the study each";
    for (place, pair) in pairs.iter().enumerate() {
        let found = if let Some(gone) = pair.names().into_iter().find(|name| !networks.contains(name)) {
            format!("no network {gone:?} in this study to compare; its networks are {}", listed(networks, 12))
        } else if pair.first == pair.second {
            format!("{:?} cannot be compared with itself", pair.first)
        } else if pairs[..place].iter().any(|other| other.same_as(pair)) {
            format!("{pair} are compared twice")
        } else {
            continue;
        };
        return Err(Error::new(Code::Parameter, found).hint(hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_of_two_networks_that_are_there_and_is_named_once() {
        let networks = ["a", "b", "c"];
        let pair = Pair::new;
        check_pairs(&[pair("a", "b"), pair("c", "b")], &networks).unwrap();
        for (pairs, why) in [
            (vec![pair("a", "d")], "no network \"d\" in this study to compare; its networks are a, b, c"),
            (vec![pair("a", "b"), pair("b", "b")], "\"b\" cannot be compared with itself"),
            (vec![pair("a", "b"), pair("a", "b")], "a and b are compared twice"),
            (vec![pair("a", "b"), pair("b", "a")], "b and a are compared twice"),
        ] {
            let error = check_pairs(&pairs, &networks).unwrap_err();
            assert_eq!((error.code(), error.message()), (Code::Parameter, why));
        }
    }
}
