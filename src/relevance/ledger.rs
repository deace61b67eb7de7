//! What came of relevance on its way, layer by layer.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::rule::Rule;
use crate::error::{Code, Error, Result};
use crate::inference::Engine;
use crate::notebook::warn;
use crate::table::{Row, table};

/// Relevance that a layer's ledger cannot account for, as a share of all that it met: more than rounding makes.
const UNACCOUNTED: f64 = 1e-3;

/// Whether a walk keeps account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ledger {
    /// Layer by layer; it takes sums over everything, a tenth of the time.
    Kept,
    /// Not.
    NotKept,
}

/// Relevance into and out of one layer, summed over the batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// The layer's name.
    pub layer: String,
    /// Its kind in one or two words.
    pub kind: String,
    /// The rule that it met.
    pub rule: Rule,
    /// Relevance that came from above.
    pub arrived: f64,
    /// Relevance that was handed on to the inputs.
    pub handed_on: f64,
    /// Relevance that the bias took.
    pub bias: f64,
    /// Relevance that the stabiliser took: what it adds to divisors, and what they lose where they are 0.
    pub stabiliser: f64,
    /// Sum of the absolute values that came from above: far more than `arrived` where both signs are large.
    pub magnitude: f64,
    /// Sum of the absolute values that were handed on.
    pub magnitude_on: f64,
}

impl LedgerRow {
    /// What is not accounted for: relevance that went to values outside of the picture, as rules do that give some to
    /// padding, or that a rule makes or takes by its nature.
    pub fn elsewhere(&self) -> f64 {
        self.arrived - self.handed_on - self.bias - self.stabiliser
    }

    /// The same as a share of all that the layer met, of both signs.
    pub(crate) fn unaccounted(&self) -> f64 {
        self.elsewhere().abs() / self.magnitude.max(self.magnitude_on).max(f64::MIN_POSITIVE)
    }
}

table! {
    /// A layer of the ledger (`lrp_ledger_<model>`).
    pub struct Account {
        /// The layer's name.
        layer: String,
        /// Its kind in one or two words.
        kind: String,
        /// The rule that it met.
        rule: String,
        /// Relevance that came from above.
        arrived: f64,
        /// Relevance that was handed on to the inputs.
        handed_on: f64 as "handed on",
        /// Relevance that the bias took.
        bias: f64 as "to bias",
        /// Relevance that the stabiliser took.
        stabiliser: f64 as "to stabiliser",
        /// What is not accounted for: [`LedgerRow::elsewhere`].
        elsewhere: f64,
        /// Sum of the absolute values that came from above.
        magnitude: f64,
        /// Share of what arrived that was handed on.
        kept: f64,
    }
}

/// The ledger as a table: layer, kind, relevance in and out, what bias and stabiliser took and what went elsewhere, the
/// magnitude of what arrived, and the share of it that was kept ([`Account`]).
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn ledger_table(ledger: &[LedgerRow]) -> Result<DataFrame> {
    let account = |row: &LedgerRow| Account {
        layer: row.layer.clone(),
        kind: row.kind.clone(),
        rule: row.rule.to_string(),
        arrived: row.arrived,
        handed_on: row.handed_on,
        bias: row.bias,
        stabiliser: row.stabiliser,
        elsewhere: row.elsewhere(),
        magnitude: row.magnitude,
        kept: row.handed_on / row.arrived,
    };
    Account::table(ledger.iter().map(account).collect())
}

/// Adds what one batch's layers met to what those before it did.
pub(super) fn add(ledger: &mut Vec<LedgerRow>, other: &[LedgerRow]) {
    if ledger.is_empty() {
        ledger.extend_from_slice(other);
        return;
    }
    for (row, other) in ledger.iter_mut().zip(other) {
        row.arrived += other.arrived;
        row.handed_on += other.handed_on;
        row.bias += other.bias;
        row.stabiliser += other.stabiliser;
        row.magnitude += other.magnitude;
        row.magnitude_on += other.magnitude_on;
    }
}

/// Whether layers keep what they meet: a warning if some batches' do not, an error if most do not.
pub(super) fn judged(network: &Engine, ledgers: &[Vec<LedgerRow>]) -> Result<()> {
    let unaccounted: Vec<&LedgerRow> = ledgers.iter().filter_map(|ledger| worst(ledger)).collect();
    if let Some(row) = unaccounted.iter().max_by(|a, b| a.unaccounted().total_cmp(&b.unaccounted())) {
        let found = format!(
            "relevance of {} is not conserved in {} of {} batches: layer {} ({}) lost or made {:.1e} of what it met",
            network.name(),
            unaccounted.len(),
            ledgers.len(),
            row.layer,
            row.kind,
            row.unaccounted()
        );
        if 2 * unaccounted.len() > ledgers.len() {
            return Err(
                Error::new(Code::Numeric, found).hint("raise the stabiliser of the composite, and look at its ledger")
            );
        }
        warn(&found);
    }
    Ok(())
}

/// The layer that lost or made most that it should not have, if any did.
fn worst(ledger: &[LedgerRow]) -> Option<&LedgerRow> {
    let wrong = ledger.iter().filter(|row| row.rule.accounts() && row.unaccounted() > UNACCOUNTED);
    wrong.max_by(|a, b| a.unaccounted().total_cmp(&b.unaccounted()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_come_back_from_their_table() {
        crate::table::comes_back::<Account>();
    }
}
