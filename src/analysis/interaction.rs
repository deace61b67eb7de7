use std::collections::BTreeMap;

use polars::prelude::*;

use super::distinct;
use crate::error::Result;
use crate::stats::pearson;
use crate::store::{floats, integers, texts};

/// Do the effects of single patches add up? One row a network, patch size and image: `model, level, orig_file, single`
/// (sum over single patches of the fall of the true class's logit), `all` (its fall with all patches at once).
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn interaction(predictions: &DataFrame) -> Result<DataFrame> {
    let (models, kinds) = (texts(predictions, "model")?, texts(predictions, "kind")?);
    let (levels, variants) = (integers(predictions, "level")?, integers(predictions, "variant")?);
    let (images, logits) = (texts(predictions, "orig_file")?, floats(predictions, "true_logit")?);
    let patched: Vec<usize> = (0..models.len()).filter(|&row| kinds[row] == "patched").collect();
    let untouched: BTreeMap<(&String, &String), f64> = patched
        .iter()
        .filter(|&&row| levels[row] == 0)
        .map(|&row| ((&models[row], &images[row]), logits[row]))
        .collect();
    let order = distinct(&models);
    let place = |model: &String| order.iter().position(|name| name == model).unwrap_or(0);
    let mut sums: BTreeMap<(usize, i64, &String), (f64, f64)> = BTreeMap::new();
    for &row in patched.iter().filter(|&&row| levels[row] > 0) {
        let Some(original) = untouched.get(&(&models[row], &images[row])) else { continue };
        let (single, all) = sums.entry((place(&models[row]), levels[row], &images[row])).or_default();
        *(if variants[row] < 0 { all } else { single }) += original - logits[row];
    }
    Ok(df!(
        "model" => sums.keys().map(|(model, ..)| order[*model].clone()).collect::<Vec<_>>(),
        "level" => sums.keys().map(|(_, level, _)| *level).collect::<Vec<_>>(),
        "orig_file" => sums.keys().map(|(.., image)| (*image).clone()).collect::<Vec<_>>(),
        "single" => sums.values().map(|(single, _)| *single).collect::<Vec<_>>(),
        "all" => sums.values().map(|(_, all)| *all).collect::<Vec<_>>(),
    )?)
}

/// Pearson's correlation over images of the two columns of [`interaction`], by network and patch size: `model, level,
/// images, r, p`. Where it is not defined (fewer than three images, no variation) r is missing.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn interaction_correlation(interaction: &DataFrame) -> Result<DataFrame> {
    let (models, levels) = (texts(interaction, "model")?, integers(interaction, "level")?);
    let (single, all) = (floats(interaction, "single")?, floats(interaction, "all")?);
    let mut groups: BTreeMap<(usize, i64), (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    let order = distinct(&models);
    for row in 0..models.len() {
        let place = order.iter().position(|name| *name == models[row]).unwrap_or(0);
        let group = groups.entry((place, levels[row])).or_default();
        group.0.push(single[row]);
        group.1.push(all[row]);
    }
    let tests: Vec<_> = groups.values().map(|(single, all)| pearson(single, all).ok()).collect();
    Ok(df!(
        "model" => groups.keys().map(|(model, _)| order[*model].clone()).collect::<Vec<_>>(),
        "level" => groups.keys().map(|(_, level)| *level).collect::<Vec<_>>(),
        "images" => groups.values().map(|(single, _)| single.len() as i64).collect::<Vec<_>>(),
        "r" => tests.iter().map(|test| test.map(|test| test.statistic)).collect::<Vec<_>>(),
        "p" => tests.iter().map(|test| test.map(|test| test.p)).collect::<Vec<_>>(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_patches_are_summed_and_all_at_once_counts_once() {
        let predictions = df!(
            "model" => ["a"; 4],
            "kind" => ["patched"; 4],
            "level" => [0i64, 70, 70, 70],
            "variant" => [-1i64, 0, 1, -1],
            "orig_file" => ["x"; 4],
            "true_logit" => [5.0, 4.0, 4.5, 1.0],
        )
        .unwrap();
        let table = interaction(&predictions).unwrap();
        assert_eq!(floats(&table, "single").unwrap(), [1.5]);
        assert_eq!(floats(&table, "all").unwrap(), [4.0]);
        let correlation = interaction_correlation(&table).unwrap();
        assert_eq!(correlation.column("r").unwrap().null_count(), 1);
    }
}
