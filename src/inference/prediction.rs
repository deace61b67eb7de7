//! What networks say of pictures.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::notebook::Stage;
use crate::table::Reject;

/// What one network says of one picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The picture's place in the list that was given.
    pub picture: usize,
    /// The network's name.
    pub model: String,
    /// One logit a class.
    pub logits: Vec<f32>,
}

/// What came of a call: a prediction for each readable picture and network, and the pictures that were skipped.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Predictions {
    /// Batch by batch.
    pub rows: Vec<Prediction>,
    /// The pictures that could not be read or did not fit the device, and those of which a logit is not finite, with their
    /// reasons.
    pub rejects: Vec<(usize, Reject)>,
}

impl Predictions {
    /// The same of several networks: what was skipped for one is for all, and told once.
    pub(super) fn skipped_for_all(mut self) -> Self {
        let mut skipped = HashSet::new();
        self.rejects.retain(|(picture, _)| skipped.insert(*picture));
        if !skipped.is_empty() {
            self.rows.retain(|row| !skipped.contains(&row.picture));
        }
        self
    }

    /// The same of pictures whose places are among those of others.
    pub(super) fn placed(mut self, places: &[usize]) -> Self {
        self.rows.iter_mut().for_each(|row| row.picture = places[row.picture]);
        self.rejects.iter_mut().for_each(|(picture, _)| *picture = places[*picture]);
        self
    }

    /// What was said of one picture, of another one that is the same.
    pub(super) fn copy(&mut self, from: usize, to: usize, run: &Stage) {
        let rows: Vec<Prediction> = self.rows.iter().filter(|row| row.picture == from).cloned().collect();
        let rejects: Vec<(usize, Reject)> =
            self.rejects.iter().filter(|(picture, _)| *picture == from).cloned().collect();
        if rejects.is_empty() {
            run.tick()
        } else {
            run.skip()
        }
        self.rows.extend(rows.into_iter().map(|row| Prediction { picture: to, ..row }));
        self.rejects.extend(rejects.into_iter().map(|(_, reject)| (to, reject)));
    }
}

/// More pictures without finite numbers than 0.1 % are a broken network, not broken pictures.
///
/// # Errors
/// [`Code::Numeric`] with the first picture's error if there are more among the errors of a run over `all` pictures.
pub(crate) fn finite_enough(what: &str, all: usize, rejects: &[Reject]) -> Result<()> {
    const MOST: f64 = 0.001;
    let not_finite: Vec<&Reject> = rejects.iter().filter(|reject| reject.code == Code::Numeric).collect();
    match not_finite.first() {
        Some(first) if not_finite.len() as f64 > MOST * all as f64 => {
            let found = format!("no finite {what} for {} of {all} pictures: {}", not_finite.len(), first.message);
            Err(Error::new(Code::Numeric, found).hint("look for NaN and for very large numbers in the weights"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_59_more_than_a_thousandth_without_finite_logits_is_an_error() {
        let broken = Error::new(Code::Numeric, "m gave a logit that is not finite");
        let unread = Error::new(Code::Image, "cut");
        let of = |errors: &[&Error]| errors.iter().map(|error| Reject::of("m", "", error)).collect::<Vec<_>>();
        assert!(finite_enough("logits", 1000, &of(&[&broken, &unread, &unread])).is_ok());
        let error = finite_enough("logits", 1000, &of(&[&unread, &broken, &broken])).unwrap_err();
        assert_eq!(error.code(), Code::Numeric);
        assert!(error.message().contains("2 of 1000") && error.message().contains("m gave"), "{error}");
    }
}
