use std::collections::BTreeMap;

use polars::prelude::*;

use super::distinct;
use crate::error::{Code, Error, Result};
use crate::stats::pearson;
use crate::store::{bools, floats, integers, texts};

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

/// Where two networks disagree: pictures of the manifest by kind on which both, only one, or neither is right: `kind,
/// both, only <first>, only <second>, neither`.
///
/// # Errors
/// [`crate::error::Code::Model`] if a network has no predictions; [`crate::error::Code::Table`] if a column is missing.
pub fn disagreement(predictions: &DataFrame, first: &str, second: &str) -> Result<DataFrame> {
    let (models, files, kinds) =
        (texts(predictions, "model")?, texts(predictions, "file")?, texts(predictions, "kind")?);
    let (right, images) = (bools(predictions, "top1")?, texts(predictions, "orig_file")?);
    let of = |model: &str| -> Result<BTreeMap<(String, String), bool>> {
        let own: BTreeMap<(String, String), bool> = (0..models.len())
            .filter(|&row| models[row] == model)
            .map(|row| ((kinds[row].clone(), format!("{}/{}", images[row], files[row])), right[row]))
            .collect();
        if own.is_empty() {
            return Err(Error::new(Code::Model, format!("no network {model:?} among the predictions")));
        }
        Ok(own)
    };
    let (a, b) = (of(first)?, of(second)?);
    let mut counts: BTreeMap<String, [i64; 4]> = BTreeMap::new();
    for (key, a) in &a {
        if let Some(b) = b.get(key) {
            let place = match (a, b) {
                (true, true) => 0,
                (true, false) => 1,
                (false, true) => 2,
                (false, false) => 3,
            };
            counts.entry(key.0.clone()).or_default()[place] += 1;
        }
    }
    let column = |place: usize| counts.values().map(|count| count[place]).collect::<Vec<_>>();
    Ok(df!(
        "kind" => counts.keys().cloned().collect::<Vec<_>>(),
        "both right" => column(0),
        &format!("only {first}") => column(1),
        &format!("only {second}") => column(2),
        "neither" => column(3),
    )?)
}

/// The files of a table of predictions for which two networks choose different classes, in its order.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn disagreeing(predictions: &DataFrame, first: &str, second: &str) -> Result<Vec<String>> {
    let (models, files) = (texts(predictions, "model")?, texts(predictions, "file")?);
    let chosen = integers(predictions, "pred_class")?;
    let of = |model: &str| -> BTreeMap<&String, i64> {
        (0..models.len()).filter(|&row| models[row] == model).map(|row| (&files[row], chosen[row])).collect()
    };
    let (a, b) = (of(first), of(second));
    let apart = |file: &&String| a.get(file).zip(b.get(file)).is_some_and(|(a, b)| a != b);
    Ok(distinct(&files).iter().filter(apart).cloned().collect())
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
