use std::collections::BTreeMap;

use polars::prelude::*;

use super::distinct;
use crate::error::{Code, Error, Result};
use crate::stats::{mean, mean_interval};
use crate::table::{bools, floats, integers, only, texts};

/// Seed of the bootstrap intervals: the same table every time.
pub(super) const SEED: u64 = 1;

/// A column of predictions as numbers; true and false count as 1 and 0.
pub(super) fn measured(predictions: &DataFrame, measure: &str) -> Result<Vec<f64>> {
    match bools(predictions, measure) {
        Ok(values) => Ok(values.into_iter().map(|value| if value { 1.0 } else { 0.0 }).collect()),
        Err(_) => floats(predictions, measure),
    }
}

/// Values of one network and level, grouped by original image.
type Level = (String, i64, BTreeMap<String, Vec<f64>>);

/// Values of one kind by (model, level), grouped by original image.
fn grouped(predictions: &DataFrame, kind: &str, measure: &str) -> Result<Vec<Level>> {
    let (models, kinds) = (texts(predictions, "model")?, texts(predictions, "kind")?);
    let (levels, images) = (integers(predictions, "level")?, texts(predictions, "orig_file")?);
    let values = measured(predictions, measure)?;
    let mut groups: BTreeMap<(String, i64), BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    for row in 0..models.len() {
        if kinds[row] == kind {
            let group = groups.entry((models[row].clone(), levels[row])).or_default();
            group.entry(images[row].clone()).or_default().push(values[row]);
        }
    }
    if groups.is_empty() {
        return Err(Error::new(Code::Table, format!("no prediction of kind {kind:?}")));
    }
    let order = distinct(&models);
    // From the untouched picture to the most changed: smaller blocks are a stronger change, more passes are, too.
    let dose = |level: i64| if kind == "scrambled" && level > 0 { i64::MAX - level } else { level };
    let mut rows: Vec<_> = groups.into_iter().map(|((model, level), group)| (model, level, group)).collect();
    rows.sort_by_key(|(model, level, _)| (order.iter().position(|name| name == model), dose(*level)));
    Ok(rows)
}

/// A mean over photographs with the ends of its interval: none of one photograph.
struct Mean {
    mean: f64,
    ends: Option<(f64, f64)>,
}

impl Mean {
    /// Of groups (photographs) of values.
    fn of(groups: &[Vec<f64>]) -> Result<Self> {
        match groups {
            [one] if one.iter().all(|value| value.is_finite()) && !one.is_empty() => {
                Ok(Mean { mean: mean(one), ends: None })
            }
            _ => {
                mean_interval(groups, SEED).map(|found| Mean { mean: found.mean, ends: Some((found.low, found.high)) })
            }
        }
    }
}

fn interval_table(rows: &[(String, i64, usize, Mean)]) -> Result<DataFrame> {
    Ok(df!(
        "model" => rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>(),
        "level" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        "images" => rows.iter().map(|row| row.2 as i64).collect::<Vec<_>>(),
        "mean" => rows.iter().map(|row| row.3.mean).collect::<Vec<_>>(),
        "low" => rows.iter().map(|row| row.3.ends.map(|ends| ends.0)).collect::<Vec<_>>(),
        "high" => rows.iter().map(|row| row.3.ends.map(|ends| ends.1)).collect::<Vec<_>>(),
    )?)
}

/// The mean of a measure (`true_acc`, `top1`, `true_logit`, `margin`, …) by network and level of one kind of picture
/// (`scrambled`, `smoothed`, …), with its 95 % bootstrap interval over images: `model, level, images, mean, low, high`.
/// Level 0 is the untouched picture. One photograph has no interval.
///
/// # Errors
/// [`Code::Table`] if a column or the kind is missing.
pub fn curves(predictions: &DataFrame, kind: &str, measure: &str) -> Result<DataFrame> {
    let mut rows = Vec::new();
    for (model, level, images) in grouped(predictions, kind, measure)? {
        let values: Vec<Vec<f64>> = images.into_values().collect();
        rows.push((model, level, values.len(), Mean::of(&values)?));
    }
    interval_table(&rows)
}

/// The same as the drop from each image's own untouched picture (fault D5): original less changed, per image.
///
/// # Errors
/// [`Code::Table`] if a column or the kind is missing, or an image has no untouched picture.
pub fn drops(predictions: &DataFrame, kind: &str, measure: &str) -> Result<DataFrame> {
    let groups = grouped(predictions, kind, measure)?;
    let mut baseline: BTreeMap<(String, String), f64> = BTreeMap::new();
    for (model, _, images) in groups.iter().filter(|(_, level, _)| *level == 0) {
        for (image, values) in images {
            baseline.insert((model.clone(), image.clone()), mean(values));
        }
    }
    let mut rows = Vec::new();
    for (model, level, images) in groups.into_iter().filter(|(_, level, _)| *level > 0) {
        let mut values = Vec::new();
        for (image, changed) in images {
            let original = baseline.get(&(model.clone(), image.clone())).ok_or_else(|| {
                Error::new(Code::Table, format!("{image} has no untouched picture among the {kind} of {model}"))
            })?;
            values.push(vec![original - mean(&changed)]);
        }
        rows.push((model, level, values.len(), Mean::of(&values)?));
    }
    interval_table(&rows)
}

/// The mean of a measure by network, over all rows of a table of predictions (untouched photographs): `model, images,
/// mean, low, high`.
///
/// # Errors
/// [`Code::Table`] if a column is missing.
pub fn by_model(predictions: &DataFrame, measure: &str) -> Result<DataFrame> {
    let models = texts(predictions, "model")?;
    let values = measured(predictions, measure)?;
    let mut rows = Vec::new();
    for model in distinct(&models) {
        let own: Vec<Vec<f64>> =
            (0..models.len()).filter(|&row| models[row] == model).map(|row| vec![values[row]]).collect();
        rows.push((model, 0, own.len(), Mean::of(&own)?));
    }
    let table = interval_table(&rows)?;
    let columns = table.columns().iter().filter(|column| column.name().as_str() != "level").cloned().collect();
    Ok(DataFrame::new(table.height(), columns)?)
}

/// The means of some columns by network: `model, images`, then a column each. Missing values are left out.
///
/// # Errors
/// [`Code::Table`] if a column is missing.
pub fn means_by_model(table: &DataFrame, columns: &[&str]) -> Result<DataFrame> {
    let models = texts(table, "model")?;
    let names = distinct(&models);
    let rows: Vec<Vec<usize>> =
        names.iter().map(|name| (0..models.len()).filter(|&row| models[row] == *name).collect()).collect();
    let images: Vec<i64> = rows.iter().map(|rows| rows.len() as i64).collect();
    let mut found = df!("model" => names, "images" => images)?;
    for column in columns {
        let values = floats(table, column)?;
        let own = |rows: &Vec<usize>| {
            let kept: Vec<f64> = rows.iter().map(|&row| values[row]).filter(|value| value.is_finite()).collect();
            (!kept.is_empty()).then(|| mean(&kept))
        };
        found.with_column(Column::new((*column).into(), rows.iter().map(own).collect::<Vec<_>>()))?;
    }
    Ok(found)
}

/// A measure of the overlap with edges (`share`, `beyond_chance`) by network, for one region (`positive`, `negative`, `top`, `half`)
/// and place (`whole`, `box`, `outside`, `outlines`): `model, level` (0), `images, mean, low, high`. Images where it is undefined are
/// left out, and so not counted among `images` (fault D4).
///
/// # Errors
/// [`Code::Table`] if a column is missing or nothing is defined.
pub fn overlap_by_model(overlap: &DataFrame, region: &str, place: &str, measure: &str) -> Result<DataFrame> {
    measure_by_model(&only(&only(overlap, "region", region)?, "place", place)?, measure)
}

/// How well relevance ranks the pixels near `edges` or `outlines` (`auroc`, `average_precision`) by network and distance:
/// `model, level` (the distance in pixels), `images, mean, low, high`, from the table `overlap_ranking`.
///
/// # Errors
/// [`Code::Table`] if a column is missing or nothing is defined.
pub fn ranking_by_model(ranking: &DataFrame, lines: &str, measure: &str) -> Result<DataFrame> {
    let ranking = &only(ranking, "lines", lines)?;
    let (models, distances) = (texts(ranking, "model")?, integers(ranking, "distance")?);
    let values = floats(ranking, measure)?;
    let mut levels = distances.clone();
    levels.sort_unstable();
    levels.dedup();
    let mut rows = Vec::new();
    for model in distinct(&models) {
        for &level in &levels {
            let own = (0..models.len()).filter(|&row| models[row] == model && distances[row] == level);
            rows.push(defined(&model, level, own.map(|row| values[row]), measure)?);
        }
    }
    interval_table(&rows)
}

/// A column by network: `model, level` (0), `images, mean, low, high`; what is not finite is left out.
fn measure_by_model(table: &DataFrame, measure: &str) -> Result<DataFrame> {
    let (models, values) = (texts(table, "model")?, floats(table, measure)?);
    let of = |model: &String| {
        defined(model, 0, (0..models.len()).filter(|&row| models[row] == *model).map(|row| values[row]), measure)
    };
    interval_table(&distinct(&models).iter().map(of).collect::<Result<Vec<_>>>()?)
}

fn defined(
    model: &str,
    level: i64,
    values: impl Iterator<Item = f64>,
    measure: &str,
) -> Result<(String, i64, usize, Mean)> {
    let own: Vec<Vec<f64>> = values.filter(|value| value.is_finite()).map(|value| vec![value]).collect();
    if own.is_empty() {
        return Err(Error::new(Code::Table, format!("{measure} is not defined for any photograph of {model}")));
    }
    Ok((model.to_string(), level, own.len(), Mean::of(&own)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions() -> DataFrame {
        df!(
            "model" => ["a"; 6],
            "kind" => ["scrambled"; 6],
            "level" => [0i64, 28, 28, 0, 28, 28],
            "orig_file" => ["x", "x", "x", "y", "y", "y"],
            "true_acc" => [1.0, 0.5, 0.3, 0.8, 0.2, 0.0],
        )
        .unwrap()
    }

    #[test]
    fn a_curve_is_the_mean_over_images_of_their_means() {
        let table = curves(&predictions(), "scrambled", "true_acc").unwrap();
        let means = floats(&table, "mean").unwrap();
        assert!((means[0] - 0.9).abs() < 1e-12 && (means[1] - 0.25).abs() < 1e-12, "{means:?}");
    }

    #[test]
    fn a_drop_is_from_the_images_own_original() {
        let table = drops(&predictions(), "scrambled", "true_acc").unwrap();
        assert!((floats(&table, "mean").unwrap()[0] - 0.65).abs() < 1e-12);
        assert!(curves(&predictions(), "smoothed", "true_acc").is_err());
    }
}
