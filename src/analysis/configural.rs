//! Shape as a whole: shares of right answers on stimuli whose parts stay and whose whole does not.

use super::curves::SEED;
use crate::error::Result;
use crate::stats::mean_interval;
use crate::table::table;

table! {
    /// A network on stimuli of one kind.
    pub struct ConfiguralRow {
        /// The network.
        model: String,
        /// The stimuli, and what is counted of them.
        stimuli: String,
        /// How many pairs or shapes there are.
        count: i64,
        /// The share of them.
        share: f64,
        /// Lower end of its 95 % interval, by pairs or shapes drawn again.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// What guessing would give; missing where nothing is guessed.
        chance: Option<f64>,
    }
}

impl ConfiguralRow {
    /// Of how much of each pair or shape counts, 0 to 1.
    ///
    /// ```
    /// use lgf::analysis::ConfiguralRow;
    ///
    /// let row = ConfiguralRow::of("mine", "anagrams: both right", &[1.0, 0.0, 0.0, 1.0], Some(0.01))?;
    /// assert_eq!((row.count, row.share), (4, 0.5));
    /// # Ok::<(), lgf::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Parameter`](crate::error::Code::Parameter) for none.
    pub fn of(model: &str, stimuli: &str, shares: &[f64], chance: Option<f64>) -> Result<Self> {
        let groups: Vec<Vec<f64>> = shares.iter().map(|share| vec![*share]).collect();
        let found = mean_interval(&groups, SEED)?;
        Ok(ConfiguralRow {
            model: model.into(),
            stimuli: stimuli.into(),
            count: shares.len() as i64,
            share: found.mean,
            low: Some(found.low),
            high: Some(found.high),
            chance,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<ConfiguralRow>();
        assert!(ConfiguralRow::of("a", "b", &[], None).is_err());
    }
}
