use polars::prelude::*;

use super::{
    Parameters, additivity, conclusions, curves, drops, interaction, overlap_by_model, published_tests,
    ranking_by_model, sample_answer, shape_bias,
};
use crate::error::{Code, Result};
use crate::files::Store;
use crate::notebook::say;
use crate::study::{Classes, Study};

/// What step 6 made of a data root.
#[derive(Debug, Clone, Default)]
pub struct Analysed {
    /// Its tables by name.
    pub tables: Vec<(String, DataFrame)>,
    /// Those that could not be made: name, and why (a network is missing, a value is not a number).
    pub gaps: Vec<(String, String)>,
}

impl Analysed {
    /// The table of a name.
    pub fn table(&self, name: &str) -> Option<&DataFrame> {
        self.tables.iter().find(|(own, _)| own == name).map(|(_, table)| table)
    }
}

/// Step 6 on a data root: every table of the analysis, written to `analysis/<name>`. Conclusions are drawn three times: by
/// the choices given, as published, and with every fault mended. A table that cannot be made is a gap, said and returned with
/// the reason; what an earlier run left of it is removed.
///
/// # Errors
/// [`Code::Missing`] if an earlier step has not run; [`Code::Io`] if the root cannot be written.
pub fn write_all(store: &Store, parameters: &Parameters) -> Result<Analysed> {
    let predictions = store.table("predictions")?;
    let overlap = store.table("imgnette_sample_data")?;
    let ranking = store.table("overlap_ranking")?;
    let measure = parameters.measure.as_str();
    let drawn = |parameters: &Parameters| conclusions(&predictions, &overlap, parameters);
    let mut found: Vec<(&str, Result<DataFrame>)> = vec![
        ("conclusions", drawn(parameters)),
        ("conclusions_published", drawn(&Parameters::published())),
        ("conclusions_corrected", drawn(&Parameters::default())),
        ("published_tests", published_tests(&predictions, &overlap)),
        ("scrambled", curves(&predictions, "scrambled", measure)),
        ("scrambled_drop", drops(&predictions, "scrambled", measure)),
        ("smoothed", curves(&predictions, "smoothed", measure)),
        ("smoothed_drop", drops(&predictions, "smoothed", measure)),
        ("difference", curves(&predictions, "difference", measure)),
        ("edges_positive", overlap_by_model(&overlap, "positive", "whole", "share")),
        ("edges_beyond_chance", overlap_by_model(&overlap, "top", "whole", "beyond_chance")),
        ("outlines_beyond_chance", overlap_by_model(&overlap, "top", "outlines", "beyond_chance")),
        ("edges_ranking", ranking_by_model(&ranking, "edges", "auroc")),
        ("outlines_ranking", ranking_by_model(&ranking, "outlines", "auroc")),
    ];
    let patches = interaction(&predictions)?;
    found.push(("additivity", additivity(&patches)));
    found.push(("interaction", Ok(patches)));
    let study = Study::open(store)?;
    if study.conflict.is_some() {
        let decisions = store.table("conflict")?;
        // What is true by construction is known of the sample's networks on its pictures alone.
        if study.classes == Classes::Sample {
            found.push(("known_answer", sample_answer(&predictions, &decisions, &overlap)));
        }
        found.push(("shape_bias", shape_bias(&decisions)));
    }
    let mut analysed = Analysed::default();
    for (name, table) in found {
        let file = format!("analysis/{name}");
        match table {
            Ok(table) => {
                store.write_table(&file, &table)?;
                analysed.tables.push((name.to_string(), table));
            }
            Err(error) if matches!(error.code(), Code::Parameter | Code::Model | Code::Table | Code::Numeric) => {
                say(&format!("analysis: no table {name}: {}", error.message()));
                store.remove_table(&file)?;
                analysed.gaps.push((name.to_string(), error.message().to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(analysed)
}
