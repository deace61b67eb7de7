use polars::prelude::*;

use super::{
    Parameters, additivity, conclusions, curves, drops, interaction, overlap_by_model, published_tests,
    ranking_by_model, sample_answer, shape_bias,
};
use crate::error::{Code, Result};
use crate::notebook::say;
use crate::store::{Store, Study};

/// Step 6 on a data root: every table of the analysis, written to `analysis/<name>` and returned with its name. Conclusions
/// are drawn three times: by the choices given, as published, and with every fault mended. A table that the study's networks
/// do not allow (a hypothesis about a network that is not there) is left out, and said.
///
/// # Errors
/// [`Code::Missing`] if an earlier step has not run; [`Code::Io`] if the root cannot be written.
pub fn write_all(store: &Store, parameters: &Parameters) -> Result<Vec<(String, DataFrame)>> {
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
        ("edges_beyond_chance", overlap_by_model(&overlap, "top", "whole", "lift")),
        ("outlines_beyond_chance", overlap_by_model(&overlap, "top", "outlines", "lift")),
        ("edges_ranking", ranking_by_model(&ranking, "edges", "auroc")),
        ("outlines_ranking", ranking_by_model(&ranking, "outlines", "auroc")),
    ];
    let patches = interaction(&predictions)?;
    found.push(("additivity", additivity(&patches)));
    found.push(("interaction", Ok(patches)));
    if Study::open(store)?.conflict.is_some() {
        let bias = shape_bias(&store.table("conflict")?)?;
        found.push(("known_answer", sample_answer(&predictions, &bias, &overlap)));
        found.push(("shape_bias", Ok(bias)));
    }
    let mut tables = Vec::new();
    for (name, table) in found {
        match table {
            Ok(table) => {
                store.write_table(&format!("analysis/{name}"), &table)?;
                tables.push((name.to_string(), table));
            }
            Err(error) if matches!(error.code(), Code::Parameter | Code::Model | Code::Table) => {
                say(&format!("analysis: no table {name}: {}", error.message()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(tables)
}
