//! How many photographs it takes.

use polars::prelude::DataFrame;

use crate::error::Result;
use crate::stats::power;
use crate::table::{Row, table};

table! {
    /// The power of a test.
    pub struct PowerRow {
        /// The effect that there is, in words: `effect 0.5`.
        effect: String as "model",
        /// Pairs.
        pairs: i64 as "level",
        /// The probability that the test shows it, 0 to 1.
        power: f64,
    }
}

/// Power of a paired two-sided t test by effect (`d_z`, the mean difference over its standard deviation) and number of
/// pairs: a table of [`PowerRow`]s.
///
/// # Errors
/// As [`power`].
///
/// ```
/// use lgf::analysis::{PowerRow, power_by_size};
/// use lgf::table::Row;
///
/// let table = power_by_size(&[0.5], 0.05, &[30, 34])?;
/// assert!(PowerRow::rows(&table)?[1].power > 0.8);
/// # Ok::<(), lgf::Error>(())
/// ```
pub fn power_by_size(effects: &[f64], alpha: f64, sizes: &[usize]) -> Result<DataFrame> {
    let pairs = effects.iter().flat_map(|&effect| sizes.iter().map(move |&size| (effect, size)));
    let row = |(effect, size): (f64, usize)| {
        let (power, effect) = (power(size, effect, alpha)?, format!("effect {effect}"));
        Ok(PowerRow { effect, pairs: size as i64, power })
    };
    PowerRow::table(pairs.map(row).collect::<Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<PowerRow>();
    }
}
