use std::collections::BTreeMap;

use polars::prelude::*;

use super::curves::SEED;
use super::hypotheses::HYPOTHESES;
use super::interaction::{interaction, layouts, plain_patches};
use super::parameters::{Additivity, Agreement, Amount, Chance, Correction, Parameters, Rule, Unit};
use super::pictures::{Pair, Pictures};
use crate::error::Result;
use crate::stats::{
    Alternative, Test, bootstrap, cohens_dz, concordance, holm, mean, pearson, permutation, rank_biserial,
    shapiro_wilk, wilcoxon,
};
use crate::store::{floats, integers, texts};

/// Level of significance.
pub(super) const ALPHA: f64 = 0.05;
/// Concordance from which on two networks agree: below it is poor (McBride 2005).
const AGREE: f64 = 0.90;
/// The two networks that differ in their training pictures alone.
pub(super) const NETWORKS: [&str; 2] = ["resnet50", "sin-resnet50"];
const CHANGE: &str = "change from own untouched picture";

/// What was measured for one conclusion.
#[derive(Default)]
struct Conclusion {
    name: String,
    claim: String,
    of: &'static str,
    n: usize,
    effect: Option<f64>,
    ends: Option<(f64, f64)>,
    size: Option<f64>,
    rank: Option<f64>,
    test: &'static str,
    statistic: Option<f64>,
    p: Option<f64>,
    /// Whether it is one of those tests that are corrected for being many.
    counts: bool,
    verdict: Verdict,
    says: String,
}

/// What a conclusion comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Verdict {
    /// It cannot be said.
    #[default]
    Unsaid,
    /// The first network more, significantly.
    First,
    /// The second.
    Second,
    /// Neither.
    NoDifference,
    /// What was asked holds.
    Yes,
    /// It does not.
    No,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Verdict::Unsaid => "unsaid",
            Verdict::First => "first",
            Verdict::Second => "second",
            Verdict::NoDifference => "no difference",
            Verdict::Yes => "yes",
            Verdict::No => "no",
        }
    }

    fn of(holds: bool) -> Self {
        if holds { Verdict::Yes } else { Verdict::No }
    }
}

/// The conclusions of the study, drawn by one set of choices: one row each, with `conclusion, claim, of` (what is compared),
/// `n` (observations), `effect` (mean difference, or the coefficient), `low, high` (95 % bootstrap over photographs), `d_z`
/// (Cohen's), `rank_biserial, test, statistic, p, adjusted` (p after the correction that was chosen; only tests that compare
/// two networks are corrected), `verdict` (`first` or `second` network more, `no difference`, `yes`, `no`, `unsaid`) and `says`
/// in words. What cannot be said (a network is missing, nothing is defined, too few pairs) says so.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn conclusions(predictions: &DataFrame, overlap: &DataFrame, parameters: &Parameters) -> Result<DataFrame> {
    let pictures = Pictures::of(predictions, &parameters.measure)?;
    let shares = Shares::of(overlap)?;
    let mut rows = Vec::new();
    for hypothesis in &HYPOTHESES {
        let row = Conclusion {
            name: format!("hypothesis {}", hypothesis.name),
            claim: hypothesis.claim(),
            of: match parameters.baseline {
                super::Baseline::None => "level",
                super::Baseline::Own => CHANGE,
            },
            ..Conclusion::default()
        };
        if let Some(gone) = hypothesis.models.iter().find(|model| !pictures.has(model)) {
            rows.push(unsaid(row, &format!("no network {gone}")));
            continue;
        }
        let (baseline, unit) = (parameters.baseline, parameters.unit);
        let pairs = pictures.pairs(hypothesis.kind, hypothesis.level, hypothesis.models, baseline, unit);
        rows.push(contrast(row, &pairs, hypothesis.models, hypothesis.alternative, parameters));
    }
    let measure = match parameters.chance {
        Chance::None => "share of the region",
        Chance::Shifted => "share less chance",
    };
    for (name, region, alternative) in [
        ("relevance on edges", parameters.region.name(), Alternative::Less),
        ("negative relevance on edges", "negative", Alternative::Greater),
    ] {
        let sign = if alternative == Alternative::Less { "<" } else { ">" };
        let claim = format!("{} {sign} {}", NETWORKS[0], NETWORKS[1]);
        let row = Conclusion { name: name.into(), claim, of: measure, ..Conclusion::default() };
        let pairs = shares.pairs(region, |share| share.measure(parameters.chance));
        rows.push(contrast(row, &pairs, NETWORKS, alternative, parameters));
    }
    for model in NETWORKS {
        rows.push(more_negative(&shares, model, parameters));
    }
    rows.push(agreement(&shares, parameters));
    rows.push(normality(&shares, parameters));
    rows.push(adding_up(predictions, parameters)?);
    table(rows, parameters.correction)
}

/// What the tests of the hypotheses compare: `hypothesis, difference` (first network less second), a row an observation, by
/// the measure, baseline and unit chosen. Hypotheses about networks that are not there have no rows.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn paired_differences(predictions: &DataFrame, parameters: &Parameters) -> Result<DataFrame> {
    let pictures = Pictures::of(predictions, &parameters.measure)?;
    let (mut names, mut differences) = (Vec::new(), Vec::new());
    for hypothesis in &HYPOTHESES {
        let (baseline, unit) = (parameters.baseline, parameters.unit);
        for pair in pictures.pairs(hypothesis.kind, hypothesis.level, hypothesis.models, baseline, unit) {
            names.push(hypothesis.name);
            differences.push(pair.first - pair.second);
        }
    }
    Ok(df!("hypothesis" => names, "difference" => differences)?)
}

/// Pixels of the published regions and how many of them lie on edges, as notebook 5.4 counts them (edges kept to the box,
/// relevance not): `file, model, sign` (positive or negative), `edges, pixels, shared, share`.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn shared_pixels(overlap: &DataFrame) -> Result<DataFrame> {
    let shares = Shares::of(overlap)?;
    let mut rows = Vec::new();
    for ((model, region), own) in &shares.0 {
        if region == "positive" || region == "negative" {
            rows.extend(own.iter().map(|(file, share)| (file.clone(), model.clone(), region.clone(), share)));
        }
    }
    // As the networks first come, positive before negative.
    let order = super::distinct(&texts(overlap, "model")?);
    let place = |model: &str| order.iter().position(|name| name == model);
    rows.sort_by(|a, b| (place(&a.1), &b.2, &a.0).cmp(&(place(&b.1), &a.2, &b.0)));
    Ok(df!(
        "file" => rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>(),
        "model" => rows.iter().map(|row| row.1.clone()).collect::<Vec<_>>(),
        "sign" => rows.iter().map(|row| row.2.clone()).collect::<Vec<_>>(),
        "edges" => rows.iter().map(|row| row.3.edges).collect::<Vec<_>>(),
        "pixels" => rows.iter().map(|row| row.3.pixels).collect::<Vec<_>>(),
        "shared" => rows.iter().map(|row| row.3.shared).collect::<Vec<_>>(),
        "share" => rows.iter().map(|row| row.3.measure(Chance::None)).collect::<Vec<_>>(),
    )?)
}

/// One network against another.
fn contrast(
    mut row: Conclusion,
    pairs: &[Pair],
    models: [&str; 2],
    alternative: Alternative,
    parameters: &Parameters,
) -> Conclusion {
    if pairs.len() < 3 {
        return unsaid(row, &format!("{} pairs, at least 3 are needed", pairs.len()));
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (pair.first, pair.second)).unzip();
    let strata: Vec<&str> = match parameters.unit {
        Unit::Picture => vec![""; pairs.len()],
        Unit::Photograph => pairs.iter().map(|pair| pair.class.as_str()).collect(),
    };
    let difference = |drawn: &[usize]| drawn.iter().map(|&i| a[i] - b[i]).sum::<f64>() / drawn.len() as f64;
    let interval = bootstrap(&strata, SEED, difference).ok();
    row.n = pairs.len();
    row.effect = interval.map(|found| found.mean);
    row.ends = interval.map(|found| (found.low, found.high));
    row.size = cohens_dz(&a, &b).ok();
    row.rank = rank_biserial(&a, &b).ok();
    // The least p that so few pairs can have.
    let (name, test, least) = match parameters.rule {
        Rule::OneSidedWilcoxon => {
            ("Wilcoxon, one-sided", wilcoxon(&a, &b, alternative), 0.5f64.powf(pairs.len() as f64))
        }
        Rule::Permutation => (
            "permutation, two-sided",
            permutation(&a, &b, Alternative::TwoSided, SEED),
            2.0 * 0.5f64.powf(pairs.len() as f64),
        ),
    };
    row.test = name;
    match test {
        Ok(Test { statistic, p, .. }) => (row.statistic, row.p, row.counts) = (Some(statistic), Some(p), true),
        Err(error) => return unsaid(row, error.message()),
    }
    if least > ALPHA {
        row.says = format!("too few pairs: {} can never have a p of {ALPHA}", pairs.len());
        return row;
    }
    // A one-sided test finds what it looks for.
    let first = match (parameters.rule, alternative) {
        (Rule::OneSidedWilcoxon, Alternative::Greater) => true,
        (Rule::OneSidedWilcoxon, Alternative::Less) => false,
        _ => row.effect.unwrap_or(0.0) > 0.0,
    };
    row.verdict = if first { Verdict::First } else { Verdict::Second };
    let what = if row.of == CHANGE { "falls less" } else { "more" };
    row.says = format!("{} {what}", models[usize::from(!first)]);
    row
}

/// For how many photographs a network's negative relevance is more on edges than its positive (published: 20 and 10 of 30).
fn more_negative(shares: &Shares, model: &'static str, parameters: &Parameters) -> Conclusion {
    let (of, amount): (_, fn(&Share) -> Option<f64>) = match parameters.ratio {
        Amount::Counts => ("shared pixels", |share| share.shared),
        Amount::Shares => ("share of the region", |share| share.measure(Chance::None)),
    };
    let claim = format!("{model}: for over half of the photographs");
    let row = Conclusion { name: format!("negative over positive, {model}"), claim, of, ..Conclusion::default() };
    let (Some(positive), Some(negative)) = (shares.values(model, "positive"), shares.values(model, "negative")) else {
        return unsaid(row, &format!("no network {model}"));
    };
    // A ratio of counts by nothing counted as more than one; of nothing by nothing it is none, and so not more.
    let defined: Vec<(&str, f64)> = positive
        .iter()
        .filter_map(|(file, plus)| Some((plus, negative.get(file)?)))
        .filter_map(|(plus, minus)| Some((plus.class.as_str(), amount(plus)?, amount(minus)?)))
        .map(|(class, plus, minus)| (class, f64::from(u8::from(minus > plus))))
        .collect();
    let strata: Vec<&str> = defined.iter().map(|one| one.0).collect();
    let share = |drawn: &[usize]| drawn.iter().map(|&i| defined[i].1).sum::<f64>() / drawn.len() as f64 - 0.5;
    match bootstrap(&strata, SEED, share) {
        Ok(found) => {
            let count = defined.iter().map(|one| one.1).sum::<f64>();
            Conclusion {
                n: defined.len(),
                effect: Some(found.mean),
                ends: Some((found.low, found.high)),
                verdict: Verdict::of(found.mean > 0.0),
                says: format!("{count} of {}", defined.len()),
                ..row
            }
        }
        Err(_) => unsaid(row, "it is defined for no photograph"),
    }
}

/// Whether the two networks share equally many positive pixels with the edges.
fn agreement(shares: &Shares, parameters: &Parameters) -> Conclusion {
    let claim = format!("{} and {} share as many pixels with edges", NETWORKS[0], NETWORKS[1]);
    let row = Conclusion { name: "counts agree".into(), claim, of: "shared pixels", ..Conclusion::default() };
    let pairs = shares.pairs(parameters.region.name(), |share| share.count(parameters.chance));
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (pair.first, pair.second)).unzip();
    match parameters.agreement {
        Agreement::Correlation => match pearson(&a, &b) {
            Ok(Test { statistic, p, n }) => Conclusion {
                n,
                effect: Some(statistic),
                test: "Pearson",
                statistic: Some(statistic),
                p: Some(p),
                verdict: Verdict::of(p <= ALPHA && statistic > 0.0),
                says: if p <= ALPHA && statistic > 0.0 { "agree" } else { "do not agree" }.into(),
                ..row
            },
            Err(error) => unsaid(row, error.message()),
        },
        Agreement::Concordance => {
            let strata: Vec<&str> = pairs.iter().map(|pair| pair.class.as_str()).collect();
            let of = |drawn: &[usize]| {
                let pick = |from: &[f64]| drawn.iter().map(|&i| from[i]).collect::<Vec<_>>();
                concordance(&pick(&a), &pick(&b)).unwrap_or(f64::NAN)
            };
            match bootstrap(&strata, SEED, of) {
                Ok(found) => Conclusion {
                    n: pairs.len(),
                    effect: Some(found.mean),
                    ends: Some((found.low, found.high)),
                    test: "Lin's concordance",
                    verdict: Verdict::of(found.low >= AGREE),
                    says: if found.low >= AGREE { "agree" } else { "do not agree" }.into(),
                    ..row
                },
                Err(error) => unsaid(row, error.message()),
            }
        }
    }
}

/// Whether what the tests compare is distributed normally.
fn normality(shares: &Shares, parameters: &Parameters) -> Conclusion {
    let (of, pairs) = match parameters.normality {
        Amount::Counts => {
            ("shared pixels", shares.pairs(parameters.region.name(), |share| share.count(parameters.chance)))
        }
        Amount::Shares => ("shares", shares.pairs(parameters.region.name(), |share| share.measure(parameters.chance))),
    };
    let claim = "differences are normal".to_string();
    let row = Conclusion { name: "normality".into(), claim, of, test: "Shapiro-Wilk", ..Conclusion::default() };
    let differences: Vec<f64> = pairs.iter().map(|pair| pair.first - pair.second).collect();
    match shapiro_wilk(&differences) {
        Ok(Test { statistic, p, n }) => Conclusion {
            n,
            effect: Some(statistic),
            statistic: Some(statistic),
            p: Some(p),
            verdict: Verdict::of(p > ALPHA),
            says: if p <= ALPHA { "not normal" } else { "may be normal" }.into(),
            ..row
        },
        Err(error) => unsaid(row, error.message()),
    }
}

/// Whether patches add up less for the first network than for the second.
fn adding_up(predictions: &DataFrame, parameters: &Parameters) -> Result<Conclusion> {
    let claim = format!("{} < {}", NETWORKS[0], NETWORKS[1]);
    let mut row = Conclusion { name: "patches add up".into(), claim, ..Conclusion::default() };
    let patches = interaction(predictions)?;
    let layouts = match plain_patches(&patches).and_then(|plain| layouts(&plain)) {
        Ok(layouts) => layouts,
        Err(error) => return Ok(unsaid(row, error.message())),
    };
    let pairs: Vec<Pair> = match parameters.additivity {
        Additivity::Correlation => {
            row.of = "Pearson's r, a pair a size";
            let of = |model: &str, level: i64| {
                let own = layouts.iter().find(|layout| layout.model == model && layout.level == level)?;
                pearson(&own.single, &own.all).ok().map(|test| test.statistic)
            };
            let mut levels: Vec<i64> = layouts.iter().map(|layout| layout.level).collect();
            levels.sort_unstable();
            levels.dedup();
            let pair = |level| {
                Some(Pair { class: String::new(), first: of(NETWORKS[0], level)?, second: of(NETWORKS[1], level)? })
            };
            levels.into_iter().filter_map(pair).collect()
        }
        Additivity::Identity => {
            row.of = "less the distance of sum and effect of all (logits), a pair a photograph";
            nearness(&plain_patches(&patches)?)?
        }
    };
    Ok(contrast(row, &pairs, NETWORKS, Alternative::Less, parameters))
}

/// By photograph and network, less the mean over sizes of the distance between the sum over single patches and the effect of
/// all.
fn nearness(patches: &DataFrame) -> Result<Vec<Pair>> {
    let (models, images, classes) = (texts(patches, "model")?, texts(patches, "orig_file")?, texts(patches, "wnid")?);
    let (single, all) = (floats(patches, "single")?, floats(patches, "all")?);
    let of = |model: &str| {
        let mut found: BTreeMap<&String, (&String, Vec<f64>)> = BTreeMap::new();
        for row in (0..models.len()).filter(|&row| models[row] == model) {
            let distance = -(single[row] - all[row]).abs();
            found.entry(&images[row]).or_insert((&classes[row], Vec::new())).1.push(distance);
        }
        found
    };
    let second = of(NETWORKS[1]);
    let pair = |(image, (class, values)): (&String, (&String, Vec<f64>))| {
        let (_, others) = second.get(image)?;
        Some(Pair { class: class.clone(), first: mean(&values), second: mean(others) })
    };
    Ok(of(NETWORKS[0]).into_iter().filter_map(pair).collect())
}

fn unsaid(row: Conclusion, why: &str) -> Conclusion {
    let says = format!("cannot be said: {why}");
    Conclusion { verdict: Verdict::Unsaid, says, effect: None, ends: None, p: None, counts: false, ..row }
}

fn table(mut rows: Vec<Conclusion>, correction: Correction) -> Result<DataFrame> {
    let mut adjusted: Vec<Option<f64>> = rows.iter().map(|row| row.p).collect();
    if correction == Correction::Holm {
        let tested: Vec<usize> = (0..rows.len()).filter(|&row| rows[row].counts).collect();
        let ps: Vec<f64> = tested.iter().filter_map(|&row| rows[row].p).collect();
        for (row, p) in tested.into_iter().zip(holm(&ps)?) {
            adjusted[row] = Some(p);
        }
    }
    for (row, adjusted) in rows.iter_mut().zip(&adjusted) {
        if matches!(row.verdict, Verdict::First | Verdict::Second) && adjusted.is_some_and(|p| p > ALPHA) {
            (row.verdict, row.says) = (Verdict::NoDifference, "no difference shown".into());
        }
    }
    Ok(df!(
        "conclusion" => rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>(),
        "claim" => rows.iter().map(|row| row.claim.clone()).collect::<Vec<_>>(),
        "of" => rows.iter().map(|row| row.of).collect::<Vec<_>>(),
        "n" => rows.iter().map(|row| row.n as i64).collect::<Vec<_>>(),
        "effect" => rows.iter().map(|row| row.effect).collect::<Vec<_>>(),
        "low" => rows.iter().map(|row| row.ends.map(|ends| ends.0)).collect::<Vec<_>>(),
        "high" => rows.iter().map(|row| row.ends.map(|ends| ends.1)).collect::<Vec<_>>(),
        "d_z" => rows.iter().map(|row| row.size).collect::<Vec<_>>(),
        "rank_biserial" => rows.iter().map(|row| row.rank).collect::<Vec<_>>(),
        "test" => rows.iter().map(|row| row.test).collect::<Vec<_>>(),
        "statistic" => rows.iter().map(|row| row.statistic).collect::<Vec<_>>(),
        "p" => rows.iter().map(|row| row.p).collect::<Vec<_>>(),
        "adjusted" => adjusted,
        "verdict" => rows.iter().map(|row| row.verdict.name()).collect::<Vec<_>>(),
        "says" => rows.iter().map(|row| row.says.clone()).collect::<Vec<_>>(),
    )?)
}

/// What step 5.3 says of one photograph, network and region.
#[derive(Clone, Default)]
pub(super) struct Share {
    class: String,
    /// Pixels of the region in the whole crop.
    pub pixels: f64,
    /// Those on edges, in the whole crop.
    whole: f64,
    /// Those on edges of the box, as published; `None` for a photograph without a box among others that have one.
    pub shared: Option<f64>,
    /// Share on edges less chance, in the whole crop.
    beyond_chance: Option<f64>,
    /// Edge pixels.
    pub edges: f64,
}

impl Share {
    pub fn measure(&self, chance: Chance) -> Option<f64> {
        match chance {
            Chance::None => self.shared.filter(|_| self.pixels > 0.0).map(|shared| shared / self.pixels),
            Chance::Shifted => self.beyond_chance,
        }
    }

    fn count(&self, chance: Chance) -> Option<f64> {
        match chance {
            Chance::None => self.shared,
            Chance::Shifted => Some(self.whole),
        }
    }
}

/// The table of step 5.3 by (model, region) and photograph.
pub(super) struct Shares(BTreeMap<(String, String), BTreeMap<String, Share>>);

impl Shares {
    pub fn of(overlap: &DataFrame) -> Result<Self> {
        let (files, classes, models) = (texts(overlap, "file")?, texts(overlap, "wnid")?, texts(overlap, "model")?);
        let (regions, places) = (texts(overlap, "region")?, texts(overlap, "place")?);
        let (pixels, edges, shared) =
            (integers(overlap, "pixels")?, integers(overlap, "edges")?, integers(overlap, "shared")?);
        let beyond = floats(overlap, "beyond_chance")?;
        let mut found: BTreeMap<(String, String), BTreeMap<String, Share>> = BTreeMap::new();
        // Without any box (as where the edges are kept to it already), the whole crop stands for it.
        let boxed = places.iter().any(|place| place == "box");
        for row in (0..files.len()).filter(|&row| places[row] == "whole" || places[row] == "box") {
            let own = found.entry((models[row].clone(), regions[row].clone())).or_default();
            let share = own.entry(files[row].clone()).or_default();
            share.class.clone_from(&classes[row]);
            if (places[row] == "box") == boxed {
                (share.shared, share.edges) = (Some(shared[row] as f64), edges[row] as f64);
            }
            if places[row] == "whole" {
                (share.pixels, share.whole) = (pixels[row] as f64, shared[row] as f64);
                share.beyond_chance = beyond[row].is_finite().then_some(beyond[row]);
            }
        }
        Ok(Shares(found))
    }

    /// Those of one network and region, by photograph.
    pub fn values(&self, model: &str, region: &str) -> Option<&BTreeMap<String, Share>> {
        self.0.get(&(model.to_string(), region.to_string()))
    }

    /// Pairs of the two networks of the study, photographs for which one of them is not defined left out.
    pub fn pairs(&self, region: &str, measure: impl Fn(&Share) -> Option<f64>) -> Vec<Pair> {
        let of = |model: &str| self.values(model, region);
        let (Some(first), Some(second)) = (of(NETWORKS[0]), of(NETWORKS[1])) else { return Vec::new() };
        let pair = |(file, share): (&String, &Share)| {
            let other = measure(second.get(file)?)?;
            Some(Pair { class: share.class.clone(), first: measure(share)?, second: other })
        };
        first.iter().filter_map(pair).collect()
    }
}
