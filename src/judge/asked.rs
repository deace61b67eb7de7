//! A network in all forms that metrics ask of it, for workers.

use super::metric::Metric;
use crate::error::{Code, Error, Result};
use crate::inference::Engine;
use crate::relevance::{Forms, unlearned};

/// A network as its checkpoint has it and folded, and the same after it lost what it had learned if one of the metrics asks
/// for that ([`forms`] takes them apart).
pub(super) fn asked(network: &Engine, metrics: &[Metric], seed: u64) -> Result<Vec<Engine>> {
    let mut all = vec![network.shared(), network.folded()?];
    if metrics.contains(&Metric::Unlearned) {
        let plain = unlearned(network, seed)?;
        let folded = plain.folded()?;
        all.extend([plain, folded]);
    }
    Ok(all)
}

/// What [`asked`] put together: the network's forms, and those of the one that has lost what it had learned.
pub(super) fn forms(networks: &[Engine]) -> Result<(Forms<'_>, Option<Forms<'_>>)> {
    let at = |place: usize| Some(Forms { plain: networks.get(place)?, folded: networks.get(place + 1)? });
    let own = at(0).ok_or_else(|| Error::new(Code::Model, "a worker without its networks"))?;
    Ok((own, at(2)))
}
