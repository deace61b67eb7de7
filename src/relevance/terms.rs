//! Rules that are a row of terms: what of the inputs meets what of the weights, and how much it counts.
//!
//! `Z_j = sum_t f_t sum_i a_t(x_i) b_t(w_ij) + bias`, `R_i = sum_t f_t a_t(x_i) sum_j b_t(w_ij) R_j / Z_j`. A new rule is a row of
//! [`ROWS`], and its dense twin a row of the tests.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tch::Tensor;

/// What of the inputs a term takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// One for each, whatever they are.
    Ones,
    /// All of them.
    All,
}

/// What of the weights a term takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// One for each.
    Ones,
    /// Their squares.
    Squares,
    /// All of them.
    All,
    /// Those above 0.
    Positive,
}

impl Weight {
    /// What a term takes of some weights.
    pub(super) fn of(self, weight: &Tensor) -> Tensor {
        match self {
            Weight::Ones => weight.ones_like(),
            Weight::Squares => weight.square(),
            Weight::All => weight.shallow_clone(),
            Weight::Positive => weight.clamp_min(0.0),
        }
    }
}

/// How much a term counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Factor {
    /// Once.
    One,
    /// As often as the rule's number says.
    Number,
}

/// A product of inputs and weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// What of the inputs.
    pub input: Input,
    /// What of the weights.
    pub weight: Weight,
    /// How much it counts.
    pub factor: Factor,
}

const fn term(input: Input, weight: Weight, factor: Factor) -> Term {
    Term { input, weight, factor }
}

/// A rule as a row.
#[derive(Debug, PartialEq)]
pub struct Terms {
    /// Its name in tables and protocols.
    pub name: &'static str,
    /// Its terms; those of one rule take the same of the inputs.
    pub terms: &'static [Term],
    /// Whether the bias is one of the contributions, each part of it as the weights are.
    pub bias: Counts,
}

/// Whether something counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// All of them.
pub static ROWS: &[Terms] = &[
    Terms { name: "flat", terms: &[term(Input::Ones, Weight::Ones, Factor::One)], bias: Counts::No },
    Terms { name: "w-square", terms: &[term(Input::Ones, Weight::Squares, Factor::One)], bias: Counts::No },
    // All that counts once, with its bias: the plain z rule, and what others add to.
    Terms { name: "plain", terms: &[term(Input::All, Weight::All, Factor::One)], bias: Counts::Yes },
    Terms {
        name: "gamma-plus",
        terms: &[term(Input::All, Weight::All, Factor::One), term(Input::All, Weight::Positive, Factor::Number)],
        bias: Counts::Yes,
    },
];

/// A row of terms; in protocols it is its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TermRule(pub &'static Terms);

impl TermRule {
    /// The row of a name.
    ///
    /// ```
    /// use lgf::relevance::TermRule;
    ///
    /// assert_eq!(TermRule::named("w-square").map(|rule| rule.0.terms.len()), Some(1));
    /// assert_eq!(TermRule::named("no such rule"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.name == name).map(TermRule)
    }
}

impl Serialize for TermRule {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for TermRule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        TermRule::named(&name).ok_or_else(|| D::Error::custom(format!("no rule {name:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_names_of_their_own_and_terms_of_one_input() {
        for (at, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..at].iter().all(|other| other.name != row.name), "{}", row.name);
            assert!(row.terms.iter().all(|term| term.input == row.terms[0].input), "{}", row.name);
            assert_eq!(TermRule::named(row.name).map(|rule| rule.0.name), Some(row.name));
        }
    }
}
