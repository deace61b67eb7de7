//! What of a prediction is measured.

use serde::{Deserialize, Serialize};

use crate::table::{PredictionRow, ScoreRow, text_cell};

/// What of a prediction is measured, by its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Softmax of the true class, 0 to 1: what the thesis calls accuracy (fault C1).
    #[serde(rename = "true_acc")]
    TrueSoftmax,
    /// Softmax of the class that was chosen, 0 to 1.
    #[serde(rename = "pred_acc")]
    ChosenSoftmax,
    /// Logit of the true class.
    TrueLogit,
    /// Logit of the class that was chosen.
    #[serde(rename = "pred_logit")]
    ChosenLogit,
    /// Logit of the true class less the best other.
    Margin,
    /// Whether the true class is the first choice: 1 or 0.
    Top1,
    /// Whether the true class is among five choices: 1 or 0.
    Top5,
    /// Entropy of the softmax, in nats.
    Entropy,
}

impl Measure {
    const NAMES: &[(Measure, &str)] = &[
        (Measure::TrueSoftmax, "true_acc"),
        (Measure::ChosenSoftmax, "pred_acc"),
        (Measure::TrueLogit, "true_logit"),
        (Measure::ChosenLogit, "pred_logit"),
        (Measure::Margin, "margin"),
        (Measure::Top1, "top1"),
        (Measure::Top5, "top5"),
        (Measure::Entropy, "entropy"),
    ];

    /// What it is, in words for axes and titles.
    ///
    /// ```
    /// assert_eq!(lgf::analysis::Measure::TrueSoftmax.words(), "softmax of the true class");
    /// ```
    pub fn words(self) -> &'static str {
        match self {
            Measure::TrueSoftmax => "softmax of the true class",
            Measure::ChosenSoftmax => "softmax of the chosen class",
            Measure::TrueLogit => "logit of the true class",
            Measure::ChosenLogit => "logit of the chosen class",
            Measure::Margin => "logit of the true class less the largest other",
            Measure::Top1 => "share of pictures whose true class is the first choice",
            Measure::Top5 => "share of pictures whose true class is among five choices",
            Measure::Entropy => "entropy of the softmax in nats",
        }
    }
}
text_cell!(Measure);

/// What a network says of a picture, whichever table it stands in.
pub trait Scored {
    /// Identity of the picture.
    fn file(&self) -> &str;

    /// The network.
    fn model(&self) -> &str;

    /// The class that it chose: number of the output.
    fn chosen(&self) -> i64;

    /// The value of a measure; true and false are 1 and 0.
    fn value(&self, measure: Measure) -> f64;
}

macro_rules! scored {
    ($($row:ty),*) => {$(
        impl Scored for $row {
            fn file(&self) -> &str {
                &self.file
            }

            fn model(&self) -> &str {
                &self.model
            }

            fn chosen(&self) -> i64 {
                self.pred_class
            }

            fn value(&self, measure: Measure) -> f64 {
                match measure {
                    Measure::TrueSoftmax => self.true_acc,
                    Measure::ChosenSoftmax => self.pred_acc,
                    Measure::TrueLogit => self.true_logit,
                    Measure::ChosenLogit => self.pred_logit,
                    Measure::Margin => self.margin,
                    Measure::Top1 => f64::from(u8::from(self.top1)),
                    Measure::Top5 => f64::from(u8::from(self.top5)),
                    Measure::Entropy => self.entropy,
                }
            }
        }
    )*};
}
scored!(ScoreRow, PredictionRow);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Row;

    #[test]
    fn a_measure_is_a_column_of_the_predictions_by_either_name() {
        for (measure, name) in Measure::NAMES {
            assert!(ScoreRow::COLUMNS.contains(name) && PredictionRow::COLUMNS.contains(name), "{name}");
            assert_eq!(serde_json::to_value(measure).unwrap(), *name);
        }
    }
}
