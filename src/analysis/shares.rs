//! Regions of relevance and the edges they share, photograph by photograph.

use std::collections::BTreeMap;

use super::distinct::distinct;
use super::parameters::Chance;
use super::pictures::Observation;
use crate::table::{OverlapRow, Place, Region, table};

table! {
    /// Pixels of a published region, and how many of them lie on edges, as notebook 5.4 counts them (edges kept to the box,
    /// relevance not).
    pub struct SharedRow {
        /// Identity of the photograph.
        file: String,
        /// The network.
        model: String,
        /// Positive or negative.
        sign: Region,
        /// Edge pixels.
        edges: f64,
        /// Pixels of the region.
        pixels: f64,
        /// Pixels in both; missing for a photograph without a box among others that have one.
        shared: Option<f64>,
        /// Their share of the region, 0 to 1.
        share: Option<f64>,
    }
}

/// What step 5.3 says of one photograph, network and region.
#[derive(Clone, Default)]
pub(super) struct Share {
    pub class: String,
    /// Pixels of the region in the whole crop.
    pixels: f64,
    /// Those on edges, in the whole crop.
    whole: f64,
    /// Those on edges of the box, as published; `None` for a photograph without a box among others that have one.
    pub shared: Option<f64>,
    /// Share on edges less chance, in the whole crop.
    beyond_chance: Option<f64>,
    /// Edge pixels.
    edges: f64,
}

impl Share {
    pub fn measure(&self, chance: Chance) -> Option<f64> {
        match chance {
            Chance::None => self.shared.filter(|_| self.pixels > 0.0).map(|shared| shared / self.pixels),
            Chance::Shifted => self.beyond_chance,
        }
    }

    pub fn count(&self, chance: Chance) -> Option<f64> {
        match chance {
            Chance::None => self.shared,
            Chance::Shifted => Some(self.whole),
        }
    }
}

/// The table of step 5.3 by network, region and photograph.
pub(super) struct Shares<'a>(BTreeMap<(&'a str, Region), BTreeMap<&'a str, Share>>);

impl<'a> Shares<'a> {
    /// The whole crop beside its box.
    pub fn of(overlap: &'a [OverlapRow]) -> Self {
        Shares::placed(overlap.iter().map(|row| (row, row.place)))
    }

    /// Of a place alone, which stands for the whole crop.
    pub fn at(overlap: &'a [OverlapRow], place: Place) -> Self {
        Shares::placed(overlap.iter().filter(|row| row.place == place).map(|row| (row, Place::Whole)))
    }

    fn placed(rows: impl Iterator<Item = (&'a OverlapRow, Place)> + Clone) -> Self {
        let mut found: BTreeMap<(&str, Region), BTreeMap<&str, Share>> = BTreeMap::new();
        // Without any box (as where the edges are kept to it already), the whole crop stands for it.
        let boxed = rows.clone().any(|(_, place)| place == Place::Box);
        for (row, place) in rows.filter(|(_, place)| matches!(place, Place::Whole | Place::Box)) {
            let share = found.entry((&row.model, row.region)).or_default().entry(&row.file).or_default();
            share.class.clone_from(&row.wnid);
            if (place == Place::Box) == boxed {
                (share.shared, share.edges) = (Some(row.shared as f64), row.edges as f64);
            }
            if place == Place::Whole {
                (share.pixels, share.whole) = (row.pixels as f64, row.shared as f64);
                share.beyond_chance = row.beyond_chance.filter(|value| value.is_finite());
            }
        }
        Shares(found)
    }

    /// Whether there is relevance of a network.
    pub fn has(&self, model: &str) -> bool {
        self.0.keys().any(|(own, _)| *own == model)
    }

    /// Those of one network and region, by photograph.
    pub fn values(&self, model: &str, region: Region) -> Option<&BTreeMap<&'a str, Share>> {
        self.0.iter().find(|((own, at), _)| *own == model && *at == region).map(|(_, shares)| shares)
    }

    /// Observations of two networks, photographs for which one of them is not defined left out.
    pub fn pairs(
        &self,
        models: [&str; 2],
        region: Region,
        measure: impl Fn(&Share) -> Option<f64>,
    ) -> Vec<Observation> {
        let [Some(first), Some(second)] = models.map(|model| self.values(model, region)) else { return Vec::new() };
        let observation = |(file, share): (&&str, &Share)| {
            let other = measure(second.get(file)?)?;
            Some(Observation { class: share.class.clone(), first: measure(share)?, second: other })
        };
        first.iter().filter_map(observation).collect()
    }
}

/// Pixels of the published regions and how many of them lie on edges: a row a photograph, network and sign, networks as they
/// first come, positive before negative.
pub fn shared_pixels(overlap: &[OverlapRow]) -> Vec<SharedRow> {
    let shares = Shares::of(overlap);
    let mut rows = Vec::new();
    for model in distinct(overlap.iter().map(|row| row.model.as_str())) {
        for sign in [Region::Positive, Region::Negative] {
            rows.extend(shares.values(model, sign).into_iter().flatten().map(|(file, share)| SharedRow {
                file: file.to_string(),
                model: model.to_string(),
                sign,
                edges: share.edges,
                pixels: share.pixels,
                shared: share.shared,
                share: share.measure(Chance::None),
            }));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<SharedRow>();
    }
}
