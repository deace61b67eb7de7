//! Manipulations that take one feature after another away, and which condition stands for each feature.

use serde::{Deserialize, Serialize};

use super::chosen::Manipulation;
use super::manipulation::Kind;
use super::manipulations::{SHUFFLED, SHUFFLED_UNEQUAL};
use super::parameters::Parameters;
use crate::error::{Code, Error, Result};
use crate::table::text_cell;

/// A feature of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// How parts lie to one another.
    GlobalShape,
    /// The outlines of parts.
    LocalShape,
    /// Fine patterns of surfaces.
    Texture,
    /// Colour.
    Colour,
}

impl Feature {
    /// All of them, as the published table has them.
    pub const ALL: [Feature; 4] = [Feature::GlobalShape, Feature::LocalShape, Feature::Texture, Feature::Colour];

    const NAMES: &[(Feature, &str)] = &[
        (Feature::GlobalShape, "global shape"),
        (Feature::LocalShape, "local shape"),
        (Feature::Texture, "texture"),
        (Feature::Colour, "colour"),
    ];
}
text_cell!(Feature);

/// The condition that stands for a feature: without it, networks do without the feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it takes away.
    pub feature: Feature,
    /// The kind of changed picture.
    pub kind: String,
    /// Its level.
    pub level: u32,
}

impl Condition {
    /// Those of Burgert et al. 2025 (arXiv 2509.20234), fault F1 mended: tiles of one size, none of which stays.
    pub fn corrected() -> Vec<Condition> {
        Condition::of_tiles(&SHUFFLED)
    }

    /// The same with tiles of unequal size, of which some stay, as published (fault F1).
    pub fn published() -> Vec<Condition> {
        Condition::of_tiles(&SHUFFLED_UNEQUAL)
    }

    fn of_tiles(tiles: &Kind) -> Vec<Condition> {
        let condition = |feature, kind: &str, level| Condition { feature, kind: kind.to_string(), level };
        vec![
            condition(Feature::GlobalShape, tiles.name, 3),
            condition(Feature::LocalShape, tiles.name, 6),
            condition(Feature::Texture, "bilateral", 12),
            condition(Feature::Colour, "greyed", 100),
        ]
    }
}

/// Manipulations of a run in memory, from which features are taken away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Battery(Vec<Manipulation>);

impl Default for Battery {
    /// The suppressions of Burgert et al. 2025 (arXiv 2509.20234), each as its curve, with tiles cut both ways.
    fn default() -> Self {
        const CURVES: [&str; 7] =
            ["shuffle:tiles=both", "rotate-tiles", "bilateral", "gaussian", "nlm", "grey", "channels"];
        // The list knows them all: a test holds it.
        Battery(CURVES.iter().filter_map(|text| text.parse().ok()).collect())
    }
}

impl Battery {
    /// Some manipulations.
    pub fn of(manipulations: impl IntoIterator<Item = Manipulation>) -> Self {
        Battery(Vec::new()).with(manipulations)
    }

    /// What is made of every photograph.
    pub fn manipulations(&self) -> &[Manipulation] {
        &self.0
    }

    /// The same with more manipulations; a person's own takes the place of one of its name.
    pub fn with(mut self, more: impl IntoIterator<Item = Manipulation>) -> Self {
        for one in more {
            self.0.retain(|other| !other.gives_way_to(&one));
            self.0.push(one);
        }
        self
    }

    /// All that the library has beside, but what needs masks: contrast, noise, filters, phases, spectra, rotation, false colour,
    /// edges alone and noise by octaves.
    ///
    /// # Errors
    /// None in practice: the list knows them all.
    pub fn everything(self) -> Result<Self> {
        const MORE: [&str; 10] = [
            "contrast",
            "noise",
            "low-pass",
            "high-pass",
            "phase",
            "power",
            "rotation",
            "false-colour",
            "drawing",
            "critical-band",
        ];
        let more: Result<Vec<Manipulation>> = MORE.iter().map(|text| text.parse()).collect();
        Ok(self.with(more?))
    }

    /// How pictures are made: these manipulations alone, with the seed of `parameters`.
    pub fn parameters(&self, parameters: &Parameters) -> Parameters {
        parameters.only(self.0.clone())
    }

    /// Whether every one of some conditions is of a kind that the manipulations make, at a level of it.
    ///
    /// # Errors
    /// [`Code::Parameter`] naming the first that is not.
    pub fn check(&self, conditions: &[Condition]) -> Result<()> {
        let made = super::plan("", crate::pixels::Crop::SIDE, &self.parameters(&Parameters::default()))?;
        for Condition { feature, kind, level } in conditions {
            if !made.iter().any(|recipe| recipe.kind.name == kind && recipe.level == *level) {
                let found =
                    format!("{} stands for {}, level {level}, which no manipulation makes", kind, feature.name());
                return Err(Error::new(Code::Parameter, found).hint("add its manipulation, or leave the condition out"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::plan;

    #[test]
    fn the_published_battery_has_its_main_conditions_and_curves() {
        let battery = Battery::default();
        [Condition::published(), Condition::corrected()].iter().for_each(|of| battery.check(of).unwrap());
        let made = plan("a", 224, &battery.parameters(&Parameters::default())).unwrap();
        let count = |kind: &str| made.iter().filter(|recipe| recipe.kind.name == kind && recipe.level > 0).count();
        let names = ["tiles shuffled", "unequal tiles shuffled", "tile seams", "tiles turned", "bilateral", "gaussian"];
        assert_eq!(names.map(count), [9, 9, 9, 8, 6, 7]);
        assert_eq!(["non-local means", "greyed", "channels shuffled"].map(count), [5, 5, 2]);
        assert!(made.iter().all(|recipe| recipe.kind.set.thesis.is_none()), "nothing of the thesis");
        assert!(battery.everything().unwrap().manipulations().len() == 17);
    }

    #[test]
    fn a_condition_that_nothing_makes_is_said() {
        let mut conditions = Condition::corrected();
        conditions[0].level = 5;
        let error = Battery::default().check(&conditions).unwrap_err().to_string();
        assert!(error.contains("tiles shuffled stands for global shape, level 5"), "{error}");
        let back: Battery = serde_json::from_value(serde_json::to_value(Battery::default()).unwrap()).unwrap();
        assert_eq!(back, Battery::default());
    }
}
