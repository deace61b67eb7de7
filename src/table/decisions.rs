//! The tables of observers: what each decides on stimuli.

use super::row::{table, text_cell};

/// How a network's outputs become one of some categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// The largest mean of the softmax over a category's classes (model-vs-human).
    Mean,
    /// The largest sum of it.
    Sum,
    /// The largest logit.
    Max,
    /// The largest sum, if it exceeds one half; else there is no answer (Burgert et al. 2025).
    SumOverHalf,
    /// The category of the class that ranks best among all classes: the largest 1 / rank (REFINED-BIAS 2026).
    Rank,
}

impl Scoring {
    const NAMES: &[(Scoring, &str)] = &[
        (Scoring::Mean, "mean"),
        (Scoring::Sum, "sum"),
        (Scoring::Max, "max"),
        (Scoring::SumOverHalf, "sum_over_half"),
        (Scoring::Rank, "rank"),
    ];

    /// All of them.
    pub const ALL: [Scoring; 5] = [Scoring::Mean, Scoring::Sum, Scoring::Max, Scoring::SumOverHalf, Scoring::Rank];
}
text_cell!(Scoring);

/// What an observer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObserverKind {
    /// A person.
    Person,
    /// A network.
    #[default]
    Network,
    /// A rule that answers without looking: what stands for people where there are none.
    Rule,
}

impl ObserverKind {
    const NAMES: &[(ObserverKind, &str)] =
        &[(ObserverKind::Person, "person"), (ObserverKind::Network, "network"), (ObserverKind::Rule, "rule")];
}
text_cell!(ObserverKind);

table! {
    /// What a network decides on a stimulus by one scoring (`observed/<set>`).
    pub struct ObservedRow {
        /// The network.
        model: String,
        /// How its outputs become a category.
        scoring: Scoring,
        /// The picture's name in decision files.
        image: String,
        /// Identity of the picture's file.
        file: String,
        /// What it shows; of two cues, the shape's category.
        category: String,
        /// The texture's category, of two cues; else empty.
        texture: String,
        /// The condition.
        condition: String,
        /// The category that it chose: of several that tie, the first in order; empty where it gives no answer.
        response: String,
        /// How many categories tie for the choice; 1 where none does, 0 where it gives no answer.
        tied: i64,
        /// The score of the picture's category: what is largest for the response.
        category_score: f64,
        /// The score of the texture's category; missing where there is none.
        texture_score: Option<f64>,
    }
}

table! {
    /// A category's score for one picture.
    pub struct CategoryScoreRow {
        /// The network.
        model: String,
        /// How its outputs become a category.
        scoring: Scoring,
        /// The category.
        category: String,
        /// Its score: the largest is the decision.
        score: f64,
        /// Whether it is what the picture shows: `shape` or `texture` of two cues, `shown` of one; else empty.
        cue: String,
        /// Whether it is the decision.
        chosen: bool,
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::comes_back;
    use super::*;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<ObservedRow>();
        comes_back::<CategoryScoreRow>();
    }
}
