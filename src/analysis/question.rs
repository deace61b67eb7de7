//! A question that is asked of each pair of networks.

use super::conclusion::{ConclusionRow, Quantity};
use super::distinct::distinct;
use super::hypotheses::sign;
use crate::stats::Alternative;
use crate::study::Pair;
use crate::table::{OverlapRow, PredictionRow};

/// What is asked of two networks.
pub(super) struct Question {
    pub name: &'static str,
    /// What would be so of a pair; of no pair in general.
    pub claim: fn(Option<&Pair>, Alternative) -> String,
    pub of: Quantity,
    /// What the study expected of the published pair; of other pairs nothing is.
    pub expected: Alternative,
    pub asked_of: AskedOf,
}

/// Which pairs are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedOf {
    All,
    /// All but the published one, of which a hypothesis asks the same.
    Others,
}

impl AskedOf {
    pub fn holds(self, pair: &Pair) -> bool {
        self == AskedOf::All || *pair != Pair::published()
    }
}

/// That the first network has more or less than the second.
pub(super) fn larger(pair: Option<&Pair>, expected: Alternative) -> String {
    match pair {
        Some(Pair { first, second }) => format!("{first} {} {second}", sign(expected)),
        None => "one network against another".into(),
    }
}

/// The pairs that are compared, and the networks that there are tables of.
pub(super) struct Compared<'a> {
    pub pairs: &'a [Pair],
    /// Those of the pairs; without a pair, all that there are.
    pub networks: Vec<&'a str>,
}

impl<'a> Compared<'a> {
    pub fn of(pairs: &'a [Pair], predictions: &'a [PredictionRow], overlap: &'a [OverlapRow]) -> Self {
        let networks = match pairs {
            [] => {
                let predicted = predictions.iter().map(|row| row.model.as_str());
                distinct(predicted.chain(overlap.iter().map(|row| row.model.as_str())))
            }
            _ => distinct(pairs.iter().flat_map(Pair::names)),
        };
        Compared { pairs, networks }
    }

    /// The answer of each pair, by what is expected of it; without a pair one that says so.
    pub fn ask(
        &self,
        question: &Question,
        answer: impl Fn(ConclusionRow, &Pair, Alternative) -> ConclusionRow,
    ) -> Vec<ConclusionRow> {
        if self.pairs.is_empty() && question.asked_of == AskedOf::All {
            let row = ConclusionRow::new(question.name, (question.claim)(None, question.expected), question.of);
            let found = format!("two networks are compared, and the tables have {}", self.networks.len());
            return vec![row.unsaid(&found)];
        }
        let row = |pair: &Pair| {
            let expected = expected(question.expected, pair);
            let claim = (question.claim)(Some(pair), expected);
            answer(ConclusionRow::new(named(question.name, pair, self.pairs), claim, question.of), pair, expected)
        };
        self.pairs.iter().filter(|pair| question.asked_of.holds(pair)).map(row).collect()
    }
}

/// What is expected of a pair: a direction of the published one alone.
fn expected(published: Alternative, pair: &Pair) -> Alternative {
    if *pair == Pair::published() { published } else { Alternative::TwoSided }
}

/// The name of a question; of several pairs each has its own.
pub(super) fn named(name: &str, pair: &Pair, pairs: &[Pair]) -> String {
    match pairs {
        [_] => name.to_string(),
        _ => format!("{name}: {}, {}", pair.first, pair.second),
    }
}
