//! Step 6 on a data root: every table, written once and read as often as one likes.

use polars::prelude::DataFrame;

use super::additivity::additivity;
use super::answer::sample_answer;
use super::benchmark::{BenchmarkRow, ConsistencyDifferenceRow, benchmark};
use super::bias::{BiasDifferenceRow, ShapeBiasRow, bias_differences, bias_pairs, shape_bias};
use super::conclusion::ConclusionRow;
use super::conclusions::conclusions;
use super::conditions::{ConditionRow, by_condition};
use super::consistency::{ConsistencyRow, consistency};
use super::critical_band::{CriticalBandRow, critical_bands};
use super::curves::{curves, drops};
use super::distinct::distinct;
use super::kinds::tabled;
use super::means::{OnEdges, RankedBy, overlap_by_model, ranking_by_model};
use super::parameters::{Observing, Parameters};
use super::patches::{PatchRow, interaction};
use super::published::published_tests;
use super::reliance::{
    BalanceRow, CutRow, EnduranceRow, FeatureCurveRow, Reliance, RelianceDifferenceRow, RelianceRow, study_reliance,
};
use super::statements::{feature_statements, statements};
use crate::datasets::{CRITICAL_BAND, Summary};
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::notebook::say;
use crate::observers::{Trials, all_trials};
use crate::study::{CUE_CONFLICT, Classes, Pair, Study};
use crate::table::{Lines, OverlapRow, Place, PredictionRow, RankingRow, Region, Row, stacked, table, text_cell};

/// The folder of the tables.
const FOLDER: &str = "analysis";
/// What step 6 made, and what it could not.
const CONTENTS: &str = "contents";

/// What a table of the analysis shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shows {
    /// The measure over the levels of a kind of picture.
    Curve,
    /// Its fall from the untouched picture.
    Fall,
    /// Anything else.
    Other,
}

impl Shows {
    const NAMES: &[(Shows, &str)] = &[(Shows::Curve, "curve"), (Shows::Fall, "fall"), (Shows::Other, "")];
}
text_cell!(Shows);

table! {
    /// A table that step 6 made, or could not make (`analysis/contents`).
    pub struct ContentsRow {
        /// Its name, below `analysis/`.
        name: String as "table",
        /// What it shows.
        shows: Shows,
        /// Why it could not be made; else empty.
        gap: String,
    }
}

/// A table of the analysis.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its name, below `analysis/`.
    pub name: String,
    /// What it shows.
    pub shows: Shows,
    /// Its numbers.
    pub table: DataFrame,
}

/// What step 6 made of a data root.
#[derive(Debug, Clone, Default)]
pub struct Analysed {
    /// Its tables, in the order of a page.
    pub tables: Vec<Made>,
    /// Those that could not be made: name, and why (a network is missing, a value is not a number).
    pub gaps: Vec<(String, String)>,
}

impl Analysed {
    /// What [`write_all`] wrote to a data root.
    ///
    /// # Errors
    /// [`Code::Missing`] if it has not, naming the notebook; [`Code::Table`] if a table cannot be read.
    pub fn open(store: &Store) -> Result<Self> {
        let mut analysed = Analysed::default();
        for ContentsRow { name, shows, gap } in store.rows(&file(CONTENTS))? {
            if gap.is_empty() {
                analysed.tables.push(Made { table: store.table(&file(&name))?, name, shows });
            } else {
                analysed.gaps.push((name, gap));
            }
        }
        Ok(analysed)
    }

    /// The table of a name, or why there is none.
    ///
    /// # Errors
    /// [`Code::Missing`] with the reason.
    pub fn found(&self, name: &str) -> Result<&DataFrame> {
        self.table(name).ok_or_else(|| {
            let why = self.gaps.iter().find(|(gap, _)| gap == name).map(|(_, why)| why.as_str());
            Error::new(Code::Missing, format!("no table {name}: {}", why.unwrap_or("this study has nothing of it")))
        })
    }

    /// The table of a name.
    pub fn table(&self, name: &str) -> Option<&DataFrame> {
        self.tables.iter().find(|made| made.name == name).map(|made| &made.table)
    }
}

/// Step 6 on a data root: every table of the analysis, written to `analysis/<name>`. Conclusions are drawn three times: by
/// the choices given, as published, and with every fault mended; they compare the pairs of the study. A table that cannot be
/// made is a gap, said and returned with the reason; what an earlier run left of it is removed. [`Analysed::open`] reads it all
/// again.
///
/// # Errors
/// [`Code::Missing`] if an earlier step has not run; [`Code::Io`] if the root cannot be written.
pub fn write_all(study: &Study, parameters: &Parameters) -> Result<Analysed> {
    let store = &study.store;
    let tables = Given::open(study)?.tables(parameters);
    let before: Vec<ContentsRow> = store.rows(&file(CONTENTS)).unwrap_or_default();
    // Until all is written, there is nothing.
    store.remove_table(&file(CONTENTS))?;
    let (mut analysed, mut contents) = (Analysed::default(), Vec::new());
    for (name, shows, table) in tables {
        let gap = match table {
            Ok(table) => {
                store.write_table(&file(&name), &table)?;
                analysed.tables.push(Made { name: name.clone(), shows, table });
                String::new()
            }
            Err(error) if matches!(error.code(), Code::Parameter | Code::Model | Code::Table | Code::Numeric) => {
                say(&format!("analysis: no table {name}: {}", error.message()));
                store.remove_table(&file(&name))?;
                analysed.gaps.push((name.clone(), error.message().to_string()));
                error.message().to_string()
            }
            Err(error) => return Err(error),
        };
        contents.push(ContentsRow { name, shows, gap });
    }
    for gone in before.iter().filter(|row| contents.iter().all(|own| own.name != row.name)) {
        store.remove_table(&file(&gone.name))?;
    }
    store.write_rows(&file(CONTENTS), contents)?;
    Ok(analysed)
}

fn file(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// A table by its name and what it shows, or why there is none.
type Found = (String, Shows, Result<DataFrame>);

/// What the steps before wrote.
struct Given {
    predictions: Vec<PredictionRow>,
    overlap: Vec<OverlapRow>,
    ranking: Vec<RankingRow>,
    /// The study, whose observers are read by each set of choices.
    study: Study,
    classes: Classes,
    pairs: Vec<Pair>,
    /// Whether pictures without features were shown.
    has_features: bool,
}

impl Given {
    fn open(study: &Study) -> Result<Self> {
        let store = &study.store;
        // A study of stimuli alone has no photographs.
        let photographs = !study.described.is_of_stimuli_alone();
        let predictions = if photographs { store.rows("predictions")? } else { Vec::new() };
        let overlap = if photographs { store.rows("imgnette_sample_data")? } else { Vec::new() };
        let ranking = if photographs { store.rows("overlap_ranking")? } else { Vec::new() };
        let pairs = study.compared();
        if pairs.is_empty() && photographs {
            say("analysis: two networks are compared, and this study has fewer: nothing is");
        }
        let has_features = store.path("features.parquet").exists();
        let classes = study.described.classes;
        Ok(Given { predictions, overlap, ranking, study: study.clone(), classes, pairs, has_features })
    }

    fn tables(&self, parameters: &Parameters) -> Vec<Found> {
        let Given { predictions, overlap, pairs, .. } = self;
        let photographs = !self.study.described.is_of_stimuli_alone();
        let drawn = |parameters: &Parameters| {
            let mut rows = Vec::new();
            if photographs {
                rows = conclusions(predictions, overlap, pairs, parameters)?;
            }
            rows.extend(statements(&self.trials(&parameters.observers)?, pairs, &parameters.observers)?);
            if self.has_features {
                rows.extend(feature_statements(&study_reliance(&self.study, parameters)?));
            }
            ConclusionRow::table(rows)
        };
        let mut found = vec![
            other("conclusions", drawn(parameters)),
            other("conclusions_published", drawn(&Parameters::published())),
            other("conclusions_corrected", drawn(&Parameters::default())),
        ];
        if photographs {
            found.push(other("published_tests", published_tests(predictions, overlap)));
            found.extend(self.of_photographs(parameters));
        }
        if self.has_features {
            found.extend(self.by_features(parameters));
        }
        found.extend(self.by_observers(&parameters.observers));
        found
    }

    /// What networks do without features.
    fn by_features(&self, parameters: &Parameters) -> Vec<Found> {
        let Reliance { curves, scores, endurance, differences, balance, cuts } =
            match study_reliance(&self.study, parameters) {
                Ok(found) => found,
                Err(error) => return vec![other("features", Err(error))],
            };
        let bands = self.study.store.rows("features").and_then(|found: Vec<PredictionRow>| {
            let asked = found.iter().any(|row| row.kind == CRITICAL_BAND.name);
            asked.then(|| CriticalBandRow::table(critical_bands(&found, &parameters.observers)?)).transpose()
        });
        let bands = bands.transpose().map(|table| other("critical_bands", table));
        let mut found = vec![
            other("features", RelianceRow::table(scores)),
            other("feature_differences", RelianceDifferenceRow::table(differences)),
            other("feature_balance", BalanceRow::table(balance)),
            other("feature_curves", FeatureCurveRow::table(curves)),
            other("feature_endurance", EnduranceRow::table(endurance)),
            other("feature_cuts", CutRow::table(cuts)),
        ];
        found.extend(bands);
        found
    }

    /// What step 5 to 5.3 found of photographs.
    fn of_photographs(&self, parameters: &Parameters) -> Vec<Found> {
        let Given { predictions, overlap, ranking, .. } = self;
        let mut found = self.by_kind(parameters);
        let on_edges = |region, place, measure| overlap_by_model(overlap, region, place, measure);
        let ranked = |lines| ranking_by_model(ranking, lines, RankedBy::Auroc);
        found.extend([
            other("edges_positive", on_edges(Region::Positive, Place::Whole, OnEdges::Share)),
            other("edges_beyond_chance", on_edges(Region::Top, Place::Whole, OnEdges::BeyondChance)),
            other("outlines_beyond_chance", on_edges(Region::Top, Place::Outlines, OnEdges::BeyondChance)),
            other("edges_ranking", ranked(Lines::Edges)),
            other("outlines_ranking", ranked(Lines::Outlines)),
        ]);
        let patches = interaction(predictions);
        found.push(other("additivity", additivity(&patches)));
        found.push(other("interaction", PatchRow::table(patches)));
        found
    }

    /// The decisions on every set of stimuli, by some choices.
    fn trials(&self, how: &Observing) -> Result<Vec<Trials>> {
        all_trials(&self.study, (how.scoring, how.ties))
    }

    /// What observers decide: shape bias, error consistency, conditions, the averages over sets.
    fn by_observers(&self, how: &Observing) -> Vec<Found> {
        let sets = match self.trials(how) {
            Ok(sets) if sets.is_empty() => return Vec::new(),
            Ok(sets) => sets,
            Err(error) => return vec![other("shape_bias", Err(error))],
        };
        let each = |of: &dyn Fn(&Trials) -> Result<DataFrame>, wanted: &dyn Fn(&Trials) -> bool| {
            let mut tables = Vec::new();
            for trials in sets.iter().filter(|trials| wanted(trials)) {
                match of(trials) {
                    Ok(table) => tables.push(table),
                    // One set that has nothing of it takes nothing from the others.
                    Err(error) if error.code() == Code::Parameter => {
                        say(&format!("analysis: {}: {}", trials.set, error.message()));
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
            (!tables.is_empty()).then(|| stacked(tables))
        };
        let mut found = Vec::new();
        let mut add =
            |name: &str, table: Option<Result<DataFrame>>| found.extend(table.map(|table| other(name, table)));
        let conflict = sets.iter().find(|trials| trials.set == CUE_CONFLICT);
        // What is true by construction is known of the sample's networks on its pictures alone.
        if let (Classes::Sample, Some(conflict)) = (self.classes, conflict) {
            let answer = || {
                // A battery without one of the conditions answers nothing of them, and takes nothing from the other rows.
                let features = self.has_features.then(|| study_reliance(&self.study, &Parameters::default()).ok());
                let features = features.flatten();
                sample_answer(&self.predictions, conflict, &self.overlap, features.as_ref())
            };
            add("known_answer", Some(answer()));
        }
        let cues = |trials: &Trials| trials.has_cues();
        add("shape_bias", each(&|trials| ShapeBiasRow::table(shape_bias(trials, how)?), &cues));
        let differ = |trials: &Trials| {
            BiasDifferenceRow::table(bias_differences(trials, &bias_pairs(trials, &self.pairs), how)?)
        };
        add("shape_bias_differences", each(&differ, &cues));
        let several = |trials: &Trials| trials.observers.len() > 1;
        add("consistency", each(&|trials| ConsistencyRow::table(consistency(trials, how)?), &several));
        let levels = |trials: &Trials| trials.conditions().len() > 1;
        add("by_condition", each(&|trials| ConditionRow::table(by_condition(trials, how)?), &levels));
        if let Ok(of_people) = benchmark(&sets, how) {
            add("like_people", Some(BenchmarkRow::table(of_people.rows)));
            add("like_people_differences", Some(ConsistencyDifferenceRow::table(of_people.differences)));
        }
        found
    }

    /// The measure over the levels of each kind of picture, and its fall.
    fn by_kind(&self, parameters: &Parameters) -> Vec<Found> {
        let measure = parameters.measure;
        let names = distinct(self.predictions.iter().map(|row| row.kind.as_str()));
        let file =
            |kind: &str| self.predictions.iter().find(|row| row.kind == kind).map_or("", |row| row.file.as_str());
        let kinds: Vec<(&str, &str)> = names.into_iter().map(|kind| (kind, file(kind))).collect();
        let mut found = Vec::new();
        for kind in tabled(&kinds) {
            let name = kind.name.replace(' ', "_");
            found.push((name, Shows::Curve, curves(&self.predictions, kind.name, measure)));
            if let Summary::Curve { fall } = kind.summary {
                found.push((fall.to_string(), Shows::Fall, drops(&self.predictions, kind.name, measure)));
            }
        }
        found
    }
}

fn other(name: &str, table: Result<DataFrame>) -> Found {
    (name.to_string(), Shows::Other, table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<ContentsRow>();
    }
}
