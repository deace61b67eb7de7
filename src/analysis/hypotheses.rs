use std::collections::BTreeMap;

use polars::prelude::*;

use crate::error::{Code, Error, Result};
use crate::stats::{Alternative, mean, wilcoxon};
use crate::store::{floats, integers, texts};

/// A hypothesis of the study: on pictures of a kind (at all levels, or one), the first network's true-class softmax is
/// larger or smaller than the second's.
struct Hypothesis {
    name: &'static str,
    kind: &'static str,
    level: Option<i64>,
    first: &'static str,
    second: &'static str,
    alternative: Alternative,
}

const fn of(
    name: &'static str,
    kind: &'static str,
    level: Option<i64>,
    first: &'static str,
    second: &'static str,
    alternative: Alternative,
) -> Hypothesis {
    Hypothesis { name, kind, level, first, second, alternative }
}

const HYPOTHESES: [Hypothesis; 8] = [
    of("1", "scrambled", None, "resnet50", "sin-resnet50", Alternative::Greater),
    of("1 (112 only)", "scrambled", Some(112), "resnet50", "sin-resnet50", Alternative::Greater),
    of("3", "smoothed", None, "resnet50", "sin-resnet50", Alternative::Less),
    of("3 (first pass)", "smoothed", Some(1), "resnet50", "sin-resnet50", Alternative::Less),
    of("3.1", "smoothed", None, "resnet50", "se-resnet50", Alternative::Less),
    of("3.1 (first pass)", "smoothed", Some(1), "resnet50", "se-resnet50", Alternative::Less),
    of("3.2", "smoothed", None, "sin-resnet50", "se-resnext50", Alternative::Less),
    of("3.2 (first pass)", "smoothed", Some(1), "sin-resnet50", "se-resnext50", Alternative::Less),
];

/// Wilcoxon's signed-rank test for each hypothesis of the study: one pair an image, the mean of its changed pictures
/// (faults D5, D6: the untouched picture is not among them, variants of an image are not independent). Columns
/// `hypothesis, pictures, claim, pairs, difference` (mean of first less second), `statistic, p`. A hypothesis about a
/// network that is not in the table is left out; one that cannot be tested has no p.
///
/// # Errors
/// [`Code::Table`] if a column is missing; [`Code::Parameter`] if no hypothesis can be tested.
pub fn hypotheses(predictions: &DataFrame) -> Result<DataFrame> {
    let (mut names, mut pictures, mut claims, mut pairs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut differences, mut statistics, mut ps) = (Vec::new(), Vec::new(), Vec::new());
    for hypothesis in &HYPOTHESES {
        let first = by_image(predictions, hypothesis, hypothesis.first)?;
        let second = by_image(predictions, hypothesis, hypothesis.second)?;
        if first.is_empty() || second.is_empty() {
            continue;
        }
        let shared = first.iter().filter_map(|(image, a)| second.get(image).map(|b| (mean(a), mean(b))));
        let (a, b): (Vec<f64>, Vec<f64>) = shared.unzip();
        let sign = if hypothesis.alternative == Alternative::Greater { ">" } else { "<" };
        let test = wilcoxon(&a, &b, hypothesis.alternative).ok();
        let levels = hypothesis.level.map_or("all levels".to_string(), |level| format!("level {level}"));
        names.push(hypothesis.name);
        pictures.push(format!("{}, {levels}", hypothesis.kind));
        claims.push(format!("{} {sign} {}", hypothesis.first, hypothesis.second));
        pairs.push(a.len() as i64);
        differences.push(mean(&a) - mean(&b));
        statistics.push(test.map(|test| test.statistic));
        ps.push(test.map(|test| test.p));
    }
    if names.is_empty() {
        return Err(Error::new(Code::Parameter, "no hypothesis of the study is about two of these networks"));
    }
    Ok(df!(
        "hypothesis" => names,
        "pictures" => pictures,
        "claim" => claims,
        "pairs" => pairs,
        "difference" => differences,
        "statistic" => statistics,
        "p" => ps,
    )?)
}

fn by_image(predictions: &DataFrame, hypothesis: &Hypothesis, model: &str) -> Result<BTreeMap<String, Vec<f64>>> {
    let (models, kinds) = (texts(predictions, "model")?, texts(predictions, "kind")?);
    let (levels, images) = (integers(predictions, "level")?, texts(predictions, "orig_file")?);
    let values = floats(predictions, "true_acc")?;
    let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in 0..models.len() {
        let level = hypothesis.level.map_or(levels[row] > 0, |level| levels[row] == level);
        if models[row] == model && kinds[row] == hypothesis.kind && level {
            groups.entry(images[row].clone()).or_default().push(values[row]);
        }
    }
    Ok(groups)
}
