use std::collections::{BTreeMap, BTreeSet, HashMap};

use polars::prelude::*;
use rayon::prelude::*;

use super::curves::SEED;
use super::distinct;
use crate::error::{Code, Error, Result};
use crate::stats::{about_identity, bootstrap, concordance, pearson, regression};
use crate::table::{bools, floats, integers, only, texts};

/// By network, side, gap, fill and photograph.
type Sums<'a> = BTreeMap<(usize, i64, i64, &'a String, &'a String), Sum>;

struct Sum {
    row: usize,
    patches: usize,
    single: f64,
    all: Option<f64>,
}

/// Do the effects of single patches add up? One row a network, layout of patches (side, gap, fill) and photograph: `model,
/// level, gap, fill, orig_file, wnid, patches` (how many single ones), `single` (sum over them of the fall of the true class's
/// logit), `all` (its fall with all patches at once). A sum to which a picture is missing is none: photographs that lack one
/// (their untouched picture, a single patch, all patches) are left out of that layout.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn interaction(predictions: &DataFrame) -> Result<DataFrame> {
    let (models, kinds) = (texts(predictions, "model")?, texts(predictions, "kind")?);
    let (levels, variants) = (integers(predictions, "level")?, integers(predictions, "variant")?);
    let (gaps, fills) = (integers(predictions, "gap")?, texts(predictions, "fill")?);
    let (images, logits) = (texts(predictions, "orig_file")?, floats(predictions, "true_logit")?);
    let classes = texts(predictions, "wnid")?;
    let patched: Vec<usize> = (0..models.len()).filter(|&row| kinds[row] == "patched").collect();
    let untouched: HashMap<(&String, &String), f64> = patched
        .iter()
        .filter(|&&row| levels[row] == 0)
        .map(|&row| ((&models[row], &images[row]), logits[row]))
        .collect();
    let order = distinct(&models);
    let places: HashMap<&String, usize> = order.iter().enumerate().map(|(place, name)| (name, place)).collect();
    let mut sums: Sums = BTreeMap::new();
    for &row in patched.iter().filter(|&&row| levels[row] > 0) {
        let Some(original) = untouched.get(&(&models[row], &images[row])) else { continue };
        let key = (places[&models[row]], levels[row], gaps[row], &fills[row], &images[row]);
        let sum = sums.entry(key).or_insert(Sum { row, patches: 0, single: 0.0, all: None });
        let fall = original - logits[row];
        if variants[row] < 0 {
            sum.all = Some(fall);
        } else {
            (sum.patches, sum.single) = (sum.patches + 1, sum.single + fall);
        }
    }
    // Every photograph of a layout has as many patches.
    let mut most: HashMap<(i64, i64, &String), usize> = HashMap::new();
    for ((_, level, gap, fill, _), sum) in &sums {
        let most = most.entry((*level, *gap, fill)).or_default();
        *most = sum.patches.max(*most);
    }
    sums.retain(|(_, level, gap, fill, _), sum| sum.all.is_some() && sum.patches == most[&(*level, *gap, *fill)]);
    let rows: Vec<usize> = sums.values().map(|sum| sum.row).collect();
    let text = |from: &[String]| rows.iter().map(|&row| from[row].clone()).collect::<Vec<_>>();
    let whole = |from: &[i64]| rows.iter().map(|&row| from[row]).collect::<Vec<_>>();
    Ok(df!(
        "model" => text(&models),
        "level" => whole(&levels),
        "gap" => whole(&gaps),
        "fill" => text(&fills),
        "orig_file" => text(&images),
        "wnid" => text(&classes),
        "patches" => sums.values().map(|sum| sum.patches as i64).collect::<Vec<_>>(),
        "single" => sums.values().map(|sum| sum.single).collect::<Vec<_>>(),
        "all" => sums.values().map(|sum| sum.all).collect::<Vec<_>>(),
    )?)
}

/// Those rows of [`interaction`] whose layouts differ in the side of the patches alone, as far as there are such: black, and
/// of several gaps at one side that which most sides have.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing or no patch is black.
pub fn plain_patches(interaction: &DataFrame) -> Result<DataFrame> {
    let black = only(interaction, "fill", "black")?;
    let (levels, gaps) = (integers(&black, "level")?, integers(&black, "gap")?);
    let sides_with = |gap: i64| {
        let mut sides: Vec<i64> = (0..gaps.len()).filter(|&row| gaps[row] == gap).map(|row| levels[row]).collect();
        sides.sort_unstable();
        sides.dedup();
        sides.len()
    };
    let mut chosen: BTreeMap<i64, (usize, i64)> = BTreeMap::new();
    let layouts: BTreeSet<(i64, i64)> = levels.iter().copied().zip(gaps.iter().copied()).collect();
    for (level, gap) in layouts {
        let best = chosen.entry(level).or_insert((0, gap));
        *best = (*best).max((sides_with(gap), gap));
    }
    let rows = (0..gaps.len()).filter(|&row| chosen[&levels[row]].1 == gaps[row]);
    Ok(black.take(&IdxCa::from_vec("rows".into(), rows.map(|row| row as IdxSize).collect()))?)
}

/// Rows of [`interaction`] of one network and layout.
pub(super) struct Layout {
    pub model: String,
    pub level: i64,
    pub gap: i64,
    pub fill: String,
    pub classes: Vec<String>,
    pub patches: i64,
    pub single: Vec<f64>,
    pub all: Vec<f64>,
}

pub(super) fn layouts(interaction: &DataFrame) -> Result<Vec<Layout>> {
    let (models, fills, classes) =
        (texts(interaction, "model")?, texts(interaction, "fill")?, texts(interaction, "wnid")?);
    let (levels, gaps) = (integers(interaction, "level")?, integers(interaction, "gap")?);
    let (single, all) = (floats(interaction, "single")?, floats(interaction, "all")?);
    let patches = integers(interaction, "patches")?;
    let mut places: HashMap<(&String, i64, i64, &String), usize> = HashMap::new();
    let mut found: Vec<Layout> = Vec::new();
    for row in 0..models.len() {
        let key = (&models[row], levels[row], gaps[row], &fills[row]);
        let place = *places.entry(key).or_insert_with(|| {
            let (model, fill) = (models[row].clone(), fills[row].clone());
            let (level, gap) = (levels[row], gaps[row]);
            let (classes, patches) = (Vec::new(), patches[row]);
            found.push(Layout { model, level, gap, fill, classes, patches, single: Vec::new(), all: Vec::new() });
            found.len() - 1
        });
        found[place].classes.push(classes[row].clone());
        found[place].single.push(single[row]);
        found[place].all.push(all[row]);
    }
    Ok(found)
}

/// Whether the sum over single patches is the effect of all of them, by network and layout: `model, level, gap, fill, images,
/// r, p` (Pearson's correlation: whether they lie on a line, as published, fault D9), `slope` of that line, `concordance`
/// (Lin's: whether they are equal), `about_identity` (one less the residual about equality over what the effect of all varies)
/// with `low, high` of it, from photographs drawn again within their classes. What is not defined (fewer than three
/// photographs, no variation) is missing.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn additivity(interaction: &DataFrame) -> Result<DataFrame> {
    let layouts = layouts(interaction)?;
    let tests: Vec<_> = layouts.iter().map(|layout| pearson(&layout.single, &layout.all).ok()).collect();
    let each = |measure: &(dyn Fn(&Layout) -> Option<f64> + Sync)| layouts.iter().map(measure).collect::<Vec<_>>();
    let intervals: Vec<_> = layouts
        .par_iter()
        .map(|layout| {
            bootstrap(&layout.classes, SEED, |drawn| {
                let pick = |from: &[f64]| drawn.iter().map(|&row| from[row]).collect::<Vec<_>>();
                about_identity(&pick(&layout.single), &pick(&layout.all)).unwrap_or(f64::NAN)
            })
            .ok()
        })
        .collect();
    Ok(df!(
        "model" => layouts.iter().map(|layout| layout.model.clone()).collect::<Vec<_>>(),
        "level" => layouts.iter().map(|layout| layout.level).collect::<Vec<_>>(),
        "gap" => layouts.iter().map(|layout| layout.gap).collect::<Vec<_>>(),
        "fill" => layouts.iter().map(|layout| layout.fill.clone()).collect::<Vec<_>>(),
        "images" => layouts.iter().map(|layout| layout.single.len() as i64).collect::<Vec<_>>(),
        "r" => tests.iter().map(|test| test.map(|test| test.statistic)).collect::<Vec<_>>(),
        "p" => tests.iter().map(|test| test.map(|test| test.p)).collect::<Vec<_>>(),
        "slope" => each(&|layout| regression(&layout.single, &layout.all).ok().map(|(slope, _)| slope)),
        "concordance" => each(&|layout| concordance(&layout.single, &layout.all).ok()),
        "about_identity" => intervals.iter().map(|found| found.map(|found| found.mean)).collect::<Vec<_>>(),
        "low" => intervals.iter().map(|found| found.map(|found| found.low)).collect::<Vec<_>>(),
        "high" => intervals.iter().map(|found| found.map(|found| found.high)).collect::<Vec<_>>(),
    )?)
}

/// The line of least squares through `single` and `all` of rows of [`interaction`], at 41 places: `x, y, low, high`, the
/// interval from photographs drawn again within their classes.
///
/// # Errors
/// [`Code::Table`] if a column is missing; [`Code::Parameter`] for fewer than two rows, or no variation.
pub fn fitted_line(patches: &DataFrame) -> Result<DataFrame> {
    const PLACES: usize = 41;
    let (x, y) = (floats(patches, "single")?, floats(patches, "all")?);
    let (slope, intercept) = regression(&x, &y)?;
    let (low, high) = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    // Rows of one photograph are drawn together.
    let (images, classes) = (texts(patches, "orig_file")?, texts(patches, "wnid")?);
    let mut subjects: BTreeMap<(&String, &String), Vec<usize>> = BTreeMap::new();
    for row in 0..x.len() {
        subjects.entry((&classes[row], &images[row])).or_default().push(row);
    }
    let rows: Vec<&Vec<usize>> = subjects.values().collect();
    let strata: Vec<&String> = subjects.keys().map(|key| key.0).collect();
    let lines = std::cell::RefCell::new(Vec::new());
    bootstrap(&strata, SEED, |drawn| {
        let drawn = || drawn.iter().flat_map(|&subject| rows[subject]);
        let (x, y): (Vec<f64>, Vec<f64>) = drawn().map(|&row| (x[row], y[row])).unzip();
        let line = regression(&x, &y).ok();
        lines.borrow_mut().extend(line);
        line.map_or(f64::NAN, |line| line.0)
    })?;
    // The first is that of all rows.
    let lines = lines.into_inner().split_off(1);
    let places: Vec<f64> = (0..PLACES).map(|at| low + (high - low) * at as f64 / (PLACES - 1) as f64).collect();
    let ends = |share: f64| -> Vec<f64> {
        let end = |x: &f64| {
            let mut there: Vec<f64> = lines.iter().map(|(slope, intercept)| slope * x + intercept).collect();
            there.sort_by(f64::total_cmp);
            there[((there.len() - 1) as f64 * share).round() as usize]
        };
        places.iter().map(end).collect()
    };
    Ok(df!(
        "y" => places.iter().map(|x| slope * x + intercept).collect::<Vec<_>>(),
        "low" => ends(0.025),
        "high" => ends(0.975),
        "x" => places,
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
            "gap" => [-1i64, 30, 30, 30],
            "fill" => ["", "black", "black", "black"],
            "orig_file" => ["x"; 4],
            "wnid" => ["c"; 4],
            "true_logit" => [5.0, 4.0, 4.5, 1.0],
        )
        .unwrap();
        let table = interaction(&predictions).unwrap();
        assert_eq!(floats(&table, "single").unwrap(), [1.5]);
        assert_eq!(floats(&table, "all").unwrap(), [4.0]);
        // Without the picture of all patches, or one of the single ones, there is no sum.
        assert_eq!(interaction(&predictions.slice(0, 3)).unwrap().height(), 0);
        let found = additivity(&table).unwrap();
        assert_eq!(found.column("r").unwrap().null_count(), 1);
        assert_eq!(plain_patches(&table).unwrap().height(), 1);
    }

    #[test]
    fn of_several_gaps_the_one_that_most_sides_have_is_plain() {
        let table = df!(
            "model" => ["a"; 5],
            "level" => [10i64, 30, 30, 30, 50],
            "gap" => [30i64, 10, 30, 30, 30],
            "fill" => ["black", "black", "black", "mean", "black"],
            "orig_file" => ["x"; 5],
            "wnid" => ["c"; 5],
            "patches" => [1i64; 5],
            "single" => [1.0; 5],
            "all" => [1.0; 5],
        )
        .unwrap();
        let plain = plain_patches(&table).unwrap();
        assert_eq!(integers(&plain, "level").unwrap(), [10, 30, 50]);
        assert_eq!(integers(&plain, "gap").unwrap(), [30, 30, 30]);
    }
}
