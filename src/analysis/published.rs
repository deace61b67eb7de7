use polars::prelude::*;

use super::conclusions::{Share, Shares};
use super::hypotheses::{HYPOTHESES, PUBLISHED};
use super::interaction::{Layout, interaction, layouts, plain_patches};
use super::missing;
use super::parameters::{Baseline, Chance, Unit};
use super::pictures::{Pair, Pictures};
use crate::error::{Code, Error, Result};
use crate::stats::{Alternative, Test, mean, paired_t, pearson, shapiro_wilk, wilcoxon, wilcoxon_approximate};

/// A number of the thesis beside the same of these data.
struct Row {
    what: String,
    samples: String,
    test: &'static str,
    found: Result<Test>,
    /// p of Wilcoxon's test by the normal approximation.
    then: Option<f64>,
    printed: (Option<f64>, Option<f64>),
}

/// Every test and count that the thesis prints (notebooks 5.4 and 6), made the same way on these tables, beside what is
/// printed there: `what, samples, n, test, statistic, p, p_then, printed_statistic, printed_p, note`. The SciPy of the thesis
/// approximated Wilcoxon's p at every n (`p_then`); today's is exact up to 50 pairs (`p`). Pictures count one by one,
/// untouched ones among them (faults D5 and D6); nothing is corrected (D7). With the study's own photographs and weights the
/// numbers should be near each other; on the sample they need not be. What cannot be computed has a note that says why.
///
/// The arithmetic is the thesis': softmax in single precision, so that values near 1 are 1 and pairs of them no longer
/// differ; everything after it in double. Logits are single as networks give them. A share is one whole number over another.
/// pandas' `corr` (which it took for patches) and SciPy's `pearsonr` differ by rounding alone, as does the order in which
/// single patches are summed; no test of ranks sees either.
///
/// # Errors
/// [`Code::Table`] if a column is missing.
pub fn published_tests(predictions: &DataFrame, overlap: &DataFrame) -> Result<DataFrame> {
    let pictures = Pictures::of(predictions, "true_acc")?.in_single();
    let mut rows = Vec::new();
    for hypothesis in &HYPOTHESES {
        let pairs = match hypothesis.models.iter().find(|model| !pictures.has(model)) {
            Some(gone) => Err(missing(gone)),
            None => {
                Ok(pictures.pairs(hypothesis.kind, hypothesis.level, hypothesis.models, Baseline::None, Unit::Picture))
            }
        };
        let what = format!("hypothesis {}", hypothesis.name);
        let mut row = |test, found: Result<Test>, printed: Option<(f64, f64)>| {
            let printed = (printed.map(|printed| printed.0), printed.map(|printed| printed.1));
            let then = if test == "Wilcoxon" { approximated(&pairs, hypothesis.alternative) } else { None };
            rows.push(Row { what: what.clone(), samples: hypothesis.claim(), test, found, then, printed });
        };
        row("Shapiro-Wilk of the difference", of_differences(&pairs), Some(hypothesis.shapiro));
        let paired = |test: fn(&[f64], &[f64], Alternative) -> Result<Test>, alternative| {
            let (a, b) = columns(&pairs)?;
            test(&a, &b, alternative)
        };
        row("Wilcoxon", paired(wilcoxon, hypothesis.alternative), hypothesis.wilcoxon);
        if hypothesis.t.is_some() {
            row("paired t, two-sided", paired(paired_t, Alternative::TwoSided), hypothesis.t);
        }
    }
    rows.extend(of_patches(predictions)?);
    rows.extend(of_overlap(&Shares::of(overlap)?));
    let note = |row: &Row| row.found.as_ref().err().map(|error| error.message().to_string()).unwrap_or_default();
    let found =
        |pick: fn(&Test) -> f64| move |row: &Row| row.found.as_ref().ok().map(pick).filter(|value| value.is_finite());
    Ok(df!(
        "what" => rows.iter().map(|row| row.what.clone()).collect::<Vec<_>>(),
        "samples" => rows.iter().map(|row| row.samples.clone()).collect::<Vec<_>>(),
        "n" => rows.iter().map(|row| row.found.as_ref().ok().map(|test| test.n as i64)).collect::<Vec<_>>(),
        "test" => rows.iter().map(|row| row.test).collect::<Vec<_>>(),
        "statistic" => rows.iter().map(found(|test| test.statistic)).collect::<Vec<_>>(),
        "p" => rows.iter().map(found(|test| test.p)).collect::<Vec<_>>(),
        "p_then" => rows.iter().map(|row| row.then).collect::<Vec<_>>(),
        "printed_statistic" => rows.iter().map(|row| row.printed.0).collect::<Vec<_>>(),
        "printed_p" => rows.iter().map(|row| row.printed.1).collect::<Vec<_>>(),
        "note" => rows.iter().map(note).collect::<Vec<_>>(),
    )?)
}

fn approximated(pairs: &Result<Vec<Pair>>, alternative: Alternative) -> Option<f64> {
    let (a, b) = columns(pairs).ok()?;
    Some(wilcoxon_approximate(&a, &b, alternative).ok()?.p)
}

fn columns(pairs: &Result<Vec<Pair>>) -> Result<(Vec<f64>, Vec<f64>)> {
    match pairs {
        Ok(pairs) => Ok(pairs.iter().map(|pair| (pair.first, pair.second)).unzip()),
        Err(error) => Err(Error::new(error.code(), error.message().to_string())),
    }
}

fn of_differences(pairs: &Result<Vec<Pair>>) -> Result<Test> {
    let (a, b) = columns(pairs)?;
    shapiro_wilk(&a.iter().zip(&b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

/// A number that is no test.
fn number(value: f64, n: usize) -> Result<Test> {
    Ok(Test { statistic: value, p: f64::NAN, n })
}

/// Notebook 6: the effects of patches.
fn of_patches(predictions: &DataFrame) -> Result<Vec<Row>> {
    let patches = plain_patches(&interaction(predictions)?).and_then(|plain| layouts(&plain));
    let layouts = match patches {
        Ok(layouts) => layouts,
        Err(error) => {
            let found = Err(Error::new(error.code(), error.message().to_string()));
            let (what, samples) = ("patches".to_string(), String::new());
            return Ok(vec![Row { what, samples, test: "", found, then: None, printed: (None, None) }]);
        }
    };
    let of = |model: &str, level: i64| layouts.iter().find(|layout| layout.model == model && layout.level == level);
    let there = |model: &str| {
        if layouts.iter().any(|layout| layout.model == model) { Ok(()) } else { Err(missing(model)) }
    };
    let mut rows = Vec::new();
    let all: Vec<f64> = layouts.iter().flat_map(|layout| layout.all.iter().copied()).collect();
    let sum: f64 = layouts.iter().flat_map(|layout| &layout.single).sum();
    let patches: i64 = layouts.iter().map(|layout| layout.patches * layout.single.len() as i64).sum();
    let single = number(sum / patches as f64, patches as usize);
    for (name, found, printed) in [("single", single, 0.22340), ("all", number(mean(&all), all.len()), 7.55317)] {
        rows.push(Row {
            what: "logit of the untouched less the patched picture".into(),
            samples: format!("{name} patches, all networks"),
            test: "mean",
            found,
            then: None,
            printed: (Some(printed), None),
        });
    }
    let correlation = |layout: &Layout| pearson(&layout.single, &layout.all);
    let printed = [(10, 0.2916), (20, 0.4634), (30, 0.6572), (40, 0.7796), (50, 0.9264)];
    let mut levels: Vec<i64> =
        layouts.iter().map(|layout| layout.level).chain(printed.iter().map(|one| one.0)).collect();
    levels.sort_unstable();
    levels.dedup();
    for &level in &levels {
        let found = there(PUBLISHED[0])
            .and_then(|()| {
                of(PUBLISHED[0], level).ok_or_else(|| Error::new(Code::Table, format!("no patches of {level} px")))
            })
            .and_then(correlation);
        let then = printed.iter().find(|one| one.0 == level).map(|one| one.1);
        rows.push(Row {
            what: format!("single and all patches of {level} px"),
            samples: PUBLISHED[0].into(),
            test: "Pearson",
            found,
            then: None,
            printed: (then, None),
        });
    }
    let pair = |&level: &i64| {
        let of = |model| of(model, level).and_then(|layout| correlation(layout).ok()).map(|test| test.statistic);
        Some((of(PUBLISHED[0])?, of(PUBLISHED[1])?))
    };
    let (a, b): (Vec<f64>, Vec<f64>) = levels.iter().filter_map(pair).unzip();
    rows.push(Row {
        what: "r over sizes of patches".into(),
        samples: format!("{} < {}", PUBLISHED[0], PUBLISHED[1]),
        test: "Wilcoxon",
        found: there(PUBLISHED[0]).and(there(PUBLISHED[1])).and_then(|()| wilcoxon(&a, &b, Alternative::Less)),
        then: wilcoxon_approximate(&a, &b, Alternative::Less).ok().map(|test| test.p),
        printed: (Some(5.0), Some(0.0641)),
    });
    Ok(rows)
}

/// Notebook 5.4: relevance and edges.
fn of_overlap(shares: &Shares) -> Vec<Row> {
    let [resnet, style] = PUBLISHED;
    // Whatever needs both says which one is missing.
    let gone = PUBLISHED.into_iter().find(|model| !shares.has(model));
    let pairs = |region: &str, measure: &dyn Fn(&Share) -> Option<f64>| match gone {
        Some(model) => Err(missing(model)),
        None => Ok(shares.pairs(PUBLISHED, region, measure)),
    };
    let mut rows = Vec::new();
    let mut row = |what: &str, samples: String, test, found, printed| {
        rows.push(Row { what: what.into(), samples, test, found, then: None, printed });
    };
    let share = |share: &Share| share.measure(Chance::None);
    let count = |share: &Share| share.shared;
    let larger = |pairs: &Result<Vec<Pair>>, second: bool| {
        let (a, b) = columns(pairs)?;
        if a.is_empty() {
            return Err(Error::new(Code::Table, "no photograph has a share of both networks"));
        }
        let more = a.iter().zip(&b).filter(|(a, b)| if second { b > a } else { a > b });
        number(more.count() as f64, a.len())
    };
    let (positive, negative) = (pairs("positive", &share), pairs("negative", &share));
    row(
        "photographs with a larger share on edges",
        format!("positive: {style} > {resnet}"),
        "count",
        larger(&positive, true),
        (Some(19.0), None),
    );
    row(
        "photographs with a larger share on edges",
        format!("negative: {resnet} > {style}"),
        "count",
        larger(&negative, false),
        (Some(16.0), None),
    );
    for (model, printed) in [(resnet, 20.0), (style, 10.0)] {
        let found = match (shares.values(model, "positive"), shares.values(model, "negative")) {
            (Some(plus), Some(minus)) => {
                let more = plus.iter().filter(|(file, plus)| minus.get(*file).is_some_and(|m| m.shared > plus.shared));
                number(more.count() as f64, plus.len())
            }
            _ => Err(missing(model)),
        };
        row(
            "photographs with more negative than positive shared pixels",
            model.into(),
            "count",
            found,
            (Some(printed), None),
        );
    }
    let counts = pairs("positive", &count);
    let of_counts = |pick: fn((f64, f64)) -> f64| -> Result<Test> {
        let (a, b) = columns(&counts)?;
        shapiro_wilk(&a.into_iter().zip(b).map(pick).collect::<Vec<_>>())
    };
    let what = "shared positive pixels";
    row(what, resnet.into(), "Shapiro-Wilk", of_counts(|pair| pair.0), (Some(0.5558), Some(2.19e-8)));
    row(what, style.into(), "Shapiro-Wilk", of_counts(|pair| pair.1), (Some(0.5874), Some(5.14e-8)));
    row(
        what,
        "their difference".into(),
        "Shapiro-Wilk",
        of_counts(|pair| pair.0 - pair.1),
        (Some(0.6441), Some(2.64e-7)),
    );
    let correlated = |pairs: &Result<Vec<Pair>>| {
        let (a, b) = columns(pairs)?;
        pearson(&a, &b)
    };
    let samples = PUBLISHED.join(" and ");
    row(what, samples.clone(), "Pearson", correlated(&counts), (Some(0.99541), Some(4.4e-30)));
    let minus = pairs("negative", &count);
    row("shared negative pixels", samples, "Pearson", correlated(&minus), (Some(0.88815), Some(5.9e-11)));
    for (pairs, region, alternative, printed) in [
        (positive, "positive", Alternative::Less, (61.0, 0.005498)),
        (negative, "negative", Alternative::Greater, (217.0, 0.14594)),
    ] {
        let found = columns(&pairs).and_then(|(a, b)| wilcoxon(&a, &b, alternative));
        rows.push(Row {
            what: format!("share of {region} pixels on edges"),
            samples: format!("{resnet} {} {style}", super::hypotheses::sign(alternative)),
            test: "Wilcoxon",
            found,
            then: approximated(&pairs, alternative),
            printed: (Some(printed.0), Some(printed.1)),
        });
    }
    rows
}
