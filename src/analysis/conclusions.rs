use std::collections::BTreeMap;

use polars::prelude::*;

use super::curves::SEED;
use super::hypotheses::{HYPOTHESES, Hypothesis, PUBLISHED};
use super::interaction::{interaction, layouts, plain_patches};
use super::parameters::{Additivity, Agreement, Amount, Baseline, Chance, Correction, Parameters, Rule, Unit};
use super::pictures::{Pair, Pictures};
use super::{distinct, missing, pair_among};
use crate::error::{Code, Error, Result};
use crate::notebook::counted;
use crate::stats::{
    Alternative, Test, bootstrap, cohens_dz, concordance, holm, mean, pearson, permutation, rank_biserial,
    shapiro_wilk, wilcoxon,
};
use crate::table::{floats, integers, texts};

/// Level of significance.
pub(super) const ALPHA: f64 = 0.05;
/// Concordance from which on two networks agree: below it is poor (McBride 2005).
const AGREE: f64 = 0.90;
/// Photographs below which nothing is said: two-sided, fewer can never have a p of [`ALPHA`], all of them going one way.
pub(super) const LEAST: usize = 6;
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
/// in words. What cannot be said (a network is missing, nothing is defined, too few pairs, an interval that covers what was
/// asked) is `unsaid` and says why. The published rule is an exception: its one-sided test decides alone, as it did then.
///
/// The hypotheses are about networks of those names. All other rows are about a pair: `resnet50` and `sin-resnet50`, which
/// differ in their training pictures alone, where both are there, else the first two networks of the tables, of which nothing
/// is expected. Difference pictures are what smoothing takes away (fault B10): texture and high frequencies.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn conclusions(predictions: &DataFrame, overlap: &DataFrame, parameters: &Parameters) -> Result<DataFrame> {
    let pictures = Pictures::of(predictions, &parameters.measure)?;
    let shares = Shares::of(overlap)?;
    let compared = Compared::of(predictions, overlap)?;
    let mut rows = Vec::new();
    let of = match parameters.baseline {
        Baseline::None => "level",
        Baseline::Own => CHANGE,
    };
    let (baseline, unit) = (parameters.baseline, parameters.unit);
    for hypothesis in &HYPOTHESES {
        let (name, claim) = (format!("hypothesis {}", hypothesis.name), hypothesis.claim());
        let row = Conclusion { name, claim, of, ..Conclusion::default() };
        if let Some(gone) = hypothesis.models.iter().find(|model| !pictures.has(model)) {
            rows.push(unsaid(row, &format!("no network {gone}")));
            continue;
        }
        let pairs = pictures.pairs(hypothesis.kind, hypothesis.level, hypothesis.models, baseline, unit);
        rows.push(contrast(row, &pairs, hypothesis.models, hypothesis.alternative, parameters));
    }
    let mut kinds = vec![
        ("difference pictures", "difference", Alternative::Greater),
        ("inverse difference pictures", "difference inverse", Alternative::TwoSided),
    ];
    // The first two hypotheses are about the published pair: of another pair, the same pictures are compared.
    if compared.pair.is_some() && !compared.published() {
        kinds.splice(
            0..0,
            [("scrambled pictures", "scrambled"), ("smoothed pictures", "smoothed")]
                .map(|(name, kind)| (name, kind, Alternative::TwoSided)),
        );
    }
    for (name, kind, expected) in kinds {
        rows.push(
            compared.row(name, of, expected, parameters, |models| pictures.pairs(kind, None, models, baseline, unit)),
        );
    }
    let measure = match parameters.chance {
        Chance::None => "share of the region",
        Chance::Shifted => "share less chance",
    };
    for (name, region, expected) in [
        ("relevance on edges", parameters.region.name(), Alternative::Less),
        ("negative relevance on edges", "negative", Alternative::Greater),
    ] {
        rows.push(compared.row(name, measure, expected, parameters, |models| {
            shares.pairs(models, region, |share| share.measure(parameters.chance))
        }));
    }
    for model in compared.networks.iter().take(2) {
        rows.push(more_negative(&shares, model, parameters));
    }
    rows.push(agreement(&shares, &compared, parameters));
    rows.push(normality(&shares, &compared, parameters));
    rows.push(adding_up(predictions, &compared, parameters)?);
    table(rows, parameters)
}

/// The networks of a study, and the two of them that are compared.
struct Compared {
    /// The pair first.
    networks: Vec<String>,
    pair: Option<[String; 2]>,
}

impl Compared {
    fn of(predictions: &DataFrame, overlap: &DataFrame) -> Result<Self> {
        let networks = distinct(&[texts(predictions, "model")?, texts(overlap, "model")?].concat());
        Ok(match pair_among(&networks) {
            Some(pair) => Compared { networks: pair.to_vec(), pair: Some(pair) },
            None => Compared { networks, pair: None },
        })
    }

    fn pair(&self) -> Option<[&str; 2]> {
        self.pair.as_ref().map(|[first, second]| [first.as_str(), second.as_str()])
    }

    fn published(&self) -> bool {
        self.pair() == Some(PUBLISHED)
    }

    /// Why nothing is compared.
    fn lacking(&self) -> String {
        format!("two networks are compared, and the tables have {}", self.networks.len())
    }

    /// One network against the other; a direction is expected of the published pair alone.
    fn row(
        &self,
        name: &str,
        of: &'static str,
        expected: Alternative,
        parameters: &Parameters,
        pairs: impl Fn([&str; 2]) -> Vec<Pair>,
    ) -> Conclusion {
        let expected = if self.published() { expected } else { Alternative::TwoSided };
        let row = Conclusion { name: name.into(), claim: self.claim(expected), of, ..Conclusion::default() };
        match self.pair() {
            Some(models) => contrast(row, &pairs(models), models, expected, parameters),
            None => unsaid(row, &self.lacking()),
        }
    }

    fn claim(&self, expected: Alternative) -> String {
        match self.pair() {
            Some([first, second]) => format!("{first} {} {second}", super::hypotheses::sign(expected)),
            None => "one network against another".into(),
        }
    }
}

/// What the tests of the hypotheses compare: `hypothesis, difference` (first network less second), a row an observation, by
/// the measure, baseline and unit chosen. Hypotheses about networks that are not there have no rows.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column is missing.
pub fn paired_differences(predictions: &DataFrame, parameters: &Parameters) -> Result<DataFrame> {
    let pictures = Pictures::of(predictions, &parameters.measure)?;
    let (mut names, mut found) = (Vec::new(), Vec::new());
    for hypothesis in &HYPOTHESES {
        let own = differences(&pictures, hypothesis, parameters);
        names.extend(vec![hypothesis.name; own.len()]);
        found.extend(own);
    }
    Ok(df!("hypothesis" => names, "difference" => found)?)
}

/// Those of one hypothesis, named as in `hypothesis` there (`1`, `3 (first pass)`, …).
///
/// # Errors
/// [`Code::Parameter`] if no hypothesis has the name; [`Code::Model`] if one of its networks is not there; [`Code::Table`] if
/// no picture is, or a column is missing.
pub fn differences_of(predictions: &DataFrame, name: &str, parameters: &Parameters) -> Result<Vec<f64>> {
    let hypothesis = HYPOTHESES.iter().find(|hypothesis| hypothesis.name == name).ok_or_else(|| {
        let names: Vec<&str> = HYPOTHESES.iter().map(|hypothesis| hypothesis.name).collect();
        Error::new(Code::Parameter, format!("no hypothesis {name:?}; expected one of {}", names.join(", ")))
    })?;
    let pictures = Pictures::of(predictions, &parameters.measure)?;
    if let Some(gone) = hypothesis.models.iter().find(|model| !pictures.has(model)) {
        return Err(missing(gone));
    }
    let found = differences(&pictures, hypothesis, parameters);
    if found.is_empty() {
        return Err(Error::new(Code::Table, format!("no pictures of both networks for {}", hypothesis.claim())));
    }
    Ok(found)
}

fn differences(pictures: &Pictures, hypothesis: &Hypothesis, parameters: &Parameters) -> Vec<f64> {
    let Hypothesis { kind, level, models, .. } = *hypothesis;
    let pairs = pictures.pairs(kind, level, models, parameters.baseline, parameters.unit);
    pairs.iter().map(|pair| pair.first - pair.second).collect()
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
    let order = distinct(&texts(overlap, "model")?);
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
        return unsaid(row, &format!("{}, at least 3 are needed", counted(pairs.len(), "pair")));
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (pair.first, pair.second)).unzip();
    let strata: Vec<&str> = match parameters.unit {
        Unit::Picture => vec![""; pairs.len()],
        Unit::Photograph => pairs.iter().map(|pair| pair.class.as_str()).collect(),
    };
    let difference = |drawn: &[usize]| drawn.iter().map(|&i| a[i] - b[i]).sum::<f64>() / drawn.len() as f64;
    let interval = bootstrap(&strata, SEED, difference);
    row.n = pairs.len();
    row.effect = interval.as_ref().ok().map(|found| found.mean);
    row.ends = interval.as_ref().ok().map(|found| (found.low, found.high));
    row.size = cohens_dz(&a, &b).ok();
    row.rank = rank_biserial(&a, &b).ok();
    let (name, test) = match (parameters.rule, alternative) {
        (Rule::OneSidedWilcoxon, Alternative::TwoSided) => ("Wilcoxon, two-sided", wilcoxon(&a, &b, alternative)),
        (Rule::OneSidedWilcoxon, _) => ("Wilcoxon, one-sided", wilcoxon(&a, &b, alternative)),
        (Rule::Permutation, _) => ("permutation, two-sided", permutation(&a, &b, Alternative::TwoSided, SEED)),
    };
    row.test = name;
    match test {
        Ok(Test { statistic, p, .. }) => (row.statistic, row.p, row.counts) = (Some(statistic), Some(p), true),
        Err(error) => return unsaid(row, error.message()),
    }
    // Pairs without a difference say nothing by either test.
    let n = a.iter().zip(&b).filter(|(a, b)| a != b).count();
    // The least p that so few pairs can have.
    let sides = if name.ends_with("one-sided") { 1.0 } else { 2.0 };
    if sides * 0.5f64.powf(n as f64) > ALPHA {
        return open(row, &format!("too few pairs, {n} can never have a p of {ALPHA}"));
    }
    if let Err(error) = interval {
        return open(row, error.message());
    }
    if row.ends.is_some_and(|(low, high)| low == high) {
        return open(row, &format!("all {} are the same", counted(pairs.len(), "difference")));
    }
    // A one-sided test finds what it looks for.
    let first = match (parameters.rule, alternative) {
        (Rule::OneSidedWilcoxon, Alternative::Greater) => true,
        (Rule::OneSidedWilcoxon, Alternative::Less) => false,
        (Rule::OneSidedWilcoxon, Alternative::TwoSided) => row.rank.unwrap_or(0.0) > 0.0,
        (Rule::Permutation, _) => row.effect.unwrap_or(0.0) > 0.0,
    };
    row.verdict = if first { Verdict::First } else { Verdict::Second };
    let what = if row.of == CHANGE { "falls less" } else { "more" };
    row.says = format!("{} {what}", models[usize::from(!first)]);
    row
}

/// For how many photographs a network's negative relevance is more on edges than its positive (published: 20 and 10 of 30).
fn more_negative(shares: &Shares, model: &str, parameters: &Parameters) -> Conclusion {
    let (of, amount): (_, fn(&Share) -> Option<f64>) = match parameters.ratio {
        Amount::Counts => ("shared pixels", |share| share.shared),
        Amount::Shares => ("share of the region", |share| share.measure(Chance::None)),
    };
    let claim = format!("{model}: for over half of the photographs");
    let row = Conclusion { name: format!("negative over positive, {model}"), claim, of, ..Conclusion::default() };
    let (Some(positive), Some(negative)) = (shares.values(model, "positive"), shares.values(model, "negative")) else {
        return unsaid(row, &format!("no relevance of network {model}"));
    };
    // A ratio of counts by nothing counted as more than one; of nothing by nothing it is none, and so not more.
    let defined: Vec<(&str, f64)> = positive
        .iter()
        .filter_map(|(file, plus)| Some((plus, negative.get(file)?)))
        .filter_map(|(plus, minus)| Some((plus.class.as_str(), amount(plus)?, amount(minus)?)))
        .map(|(class, plus, minus)| (class, f64::from(u8::from(minus > plus))))
        .collect();
    let n = defined.len();
    if n == 0 {
        return unsaid(row, "it is defined for no photograph");
    }
    let strata: Vec<&str> = defined.iter().map(|one| one.0).collect();
    let share = |drawn: &[usize]| drawn.iter().map(|&i| defined[i].1).sum::<f64>() / drawn.len() as f64 - 0.5;
    let found = match bootstrap(&strata, SEED, share) {
        Ok(found) => found,
        Err(error) => return unsaid(Conclusion { n, ..row }, error.message()),
    };
    let count = format!("{} of {n}", defined.iter().map(|one| one.1).sum::<f64>());
    let row = Conclusion { n, effect: Some(found.mean), ends: Some((found.low, found.high)), ..row };
    if n < LEAST {
        return open(row, &format!("{count}, too few"));
    }
    if found.low <= 0.0 && found.high >= 0.0 {
        return open(row, &format!("{count}, the interval covers one half"));
    }
    Conclusion { verdict: Verdict::of(found.mean > 0.0), says: count, ..row }
}

/// Whether the two networks share equally many positive pixels with the edges.
fn agreement(shares: &Shares, compared: &Compared, parameters: &Parameters) -> Conclusion {
    let of = "shared pixels";
    let named = |claim| Conclusion { name: "counts agree".into(), claim, of, ..Conclusion::default() };
    let Some(models) = compared.pair() else {
        return unsaid(named("two networks share as many pixels with edges".into()), &compared.lacking());
    };
    let row = named(format!("{} and {} share as many pixels with edges", models[0], models[1]));
    let pairs = shares.pairs(models, parameters.region.name(), |share| share.count(parameters.chance));
    let n = pairs.len();
    if n < LEAST {
        return unsaid(Conclusion { n, ..row }, &format!("{}, too few", counted(n, "photograph")));
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (pair.first, pair.second)).unzip();
    match parameters.agreement {
        Agreement::Correlation => match pearson(&a, &b) {
            Ok(Test { statistic: r, p, n }) => {
                let (effect, statistic) = (Some(r), Some(r));
                let row = Conclusion { n, effect, test: "Pearson", statistic, p: Some(p), ..row };
                if p > ALPHA {
                    open(row, "no correlation is shown")
                } else if r > 0.0 {
                    Conclusion { verdict: Verdict::Yes, says: "agree".into(), ..row }
                } else {
                    Conclusion { verdict: Verdict::No, says: "do not agree".into(), ..row }
                }
            }
            Err(error) => unsaid(Conclusion { n, ..row }, error.message()),
        },
        Agreement::Concordance => {
            let strata: Vec<&str> = pairs.iter().map(|pair| pair.class.as_str()).collect();
            let of = |drawn: &[usize]| {
                let pick = |from: &[f64]| drawn.iter().map(|&i| from[i]).collect::<Vec<_>>();
                concordance(&pick(&a), &pick(&b)).unwrap_or(f64::NAN)
            };
            match bootstrap(&strata, SEED, of) {
                Ok(found) => {
                    let (effect, ends) = (Some(found.mean), Some((found.low, found.high)));
                    let row = Conclusion { n, effect, ends, test: "Lin's concordance", ..row };
                    if found.low >= AGREE {
                        Conclusion { verdict: Verdict::Yes, says: "agree".into(), ..row }
                    } else if found.high < AGREE {
                        Conclusion { verdict: Verdict::No, says: "do not agree".into(), ..row }
                    } else {
                        open(row, &format!("the interval covers {AGREE:.2}, from which on they agree"))
                    }
                }
                Err(error) => unsaid(Conclusion { n, ..row }, error.message()),
            }
        }
    }
}

/// Whether what the tests compare is distributed normally. The test can only show that it is not.
fn normality(shares: &Shares, compared: &Compared, parameters: &Parameters) -> Conclusion {
    let of = match parameters.normality {
        Amount::Counts => "shared pixels",
        Amount::Shares => "shares",
    };
    let (claim, test) = ("differences are normal".to_string(), "Shapiro-Wilk");
    let row = Conclusion { name: "normality".into(), claim, of, test, ..Conclusion::default() };
    let Some(models) = compared.pair() else { return unsaid(row, &compared.lacking()) };
    let (region, chance) = (parameters.region.name(), parameters.chance);
    let pairs = match parameters.normality {
        Amount::Counts => shares.pairs(models, region, |share| share.count(chance)),
        Amount::Shares => shares.pairs(models, region, |share| share.measure(chance)),
    };
    let differences: Vec<f64> = pairs.iter().map(|pair| pair.first - pair.second).collect();
    match shapiro_wilk(&differences) {
        Ok(Test { statistic, p, n }) => {
            let (effect, statistic) = (Some(statistic), Some(statistic));
            let row = Conclusion { n, effect, statistic, p: Some(p), ..row };
            if p <= ALPHA {
                Conclusion { verdict: Verdict::No, says: "not normal".into(), ..row }
            } else {
                open(row, "normality is not rejected, which is no evidence for it")
            }
        }
        Err(error) => unsaid(Conclusion { n: pairs.len(), ..row }, error.message()),
    }
}

/// Whether patches add up less for the first network than for the second.
fn adding_up(predictions: &DataFrame, compared: &Compared, parameters: &Parameters) -> Result<Conclusion> {
    let of = match parameters.additivity {
        Additivity::Correlation => "Pearson's r, a pair a size",
        Additivity::Identity => "less the distance of sum and effect of all (logits), a pair a photograph",
    };
    let plain = plain_patches(&interaction(predictions)?).and_then(|plain| Ok((layouts(&plain)?, plain)));
    let (layouts, plain) = match plain {
        Ok(found) => found,
        Err(error) => {
            let claim = compared.claim(Alternative::TwoSided);
            let row = Conclusion { name: "patches add up".into(), claim, of, ..Conclusion::default() };
            return Ok(unsaid(row, error.message()));
        }
    };
    let distances = nearness(&plain)?;
    let of_sizes = |models: [&str; 2]| -> Vec<Pair> {
        let of = |model: &str, level: i64| {
            let own = layouts.iter().find(|layout| layout.model == model && layout.level == level)?;
            pearson(&own.single, &own.all).ok().map(|test| test.statistic)
        };
        let mut levels: Vec<i64> = layouts.iter().map(|layout| layout.level).collect();
        levels.sort_unstable();
        levels.dedup();
        let pair =
            |level| Some(Pair { class: String::new(), first: of(models[0], level)?, second: of(models[1], level)? });
        levels.into_iter().filter_map(pair).collect()
    };
    let of_photographs = |[first, second]: [&str; 2]| -> Vec<Pair> {
        let (Some(first), Some(second)) = (distances.get(first), distances.get(second)) else { return Vec::new() };
        let pair = |(image, (class, values)): (&String, &(String, Vec<f64>))| {
            let (_, others) = second.get(image)?;
            Some(Pair { class: class.clone(), first: mean(values), second: mean(others) })
        };
        first.iter().filter_map(pair).collect()
    };
    Ok(compared.row("patches add up", of, Alternative::Less, parameters, |models| match parameters.additivity {
        Additivity::Correlation => of_sizes(models),
        Additivity::Identity => of_photographs(models),
    }))
}

/// By network and photograph, its class and less the distances, a size each, between the sum over single patches and the
/// effect of all.
type Distances = BTreeMap<String, BTreeMap<String, (String, Vec<f64>)>>;

fn nearness(patches: &DataFrame) -> Result<Distances> {
    let (models, images, classes) = (texts(patches, "model")?, texts(patches, "orig_file")?, texts(patches, "wnid")?);
    let (single, all) = (floats(patches, "single")?, floats(patches, "all")?);
    let mut found = Distances::new();
    for row in 0..models.len() {
        let own = found.entry(models[row].clone()).or_default();
        let image = own.entry(images[row].clone()).or_insert_with(|| (classes[row].clone(), Vec::new()));
        image.1.push(-(single[row] - all[row]).abs());
    }
    Ok(found)
}

/// Nothing was measured.
fn unsaid(row: Conclusion, why: &str) -> Conclusion {
    open(Conclusion { effect: None, ends: None, p: None, counts: false, ..row }, why)
}

/// Something was, and it does not decide.
fn open(row: Conclusion, why: &str) -> Conclusion {
    Conclusion { verdict: Verdict::Unsaid, says: format!("cannot be said: {why}"), ..row }
}

fn table(mut rows: Vec<Conclusion>, parameters: &Parameters) -> Result<DataFrame> {
    let mut adjusted: Vec<Option<f64>> = rows.iter().map(|row| row.p).collect();
    if parameters.correction == Correction::Holm {
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
        let covered = row.ends.is_some_and(|(low, high)| low <= 0.0 && high >= 0.0);
        if covered && matches!(row.verdict, Verdict::First | Verdict::Second) {
            match parameters.rule {
                Rule::Permutation => {
                    (row.verdict, row.says) = (Verdict::Unsaid, "cannot be said: the interval covers 0".into());
                }
                Rule::OneSidedWilcoxon => row.says.push_str(", though the interval of the mean covers 0"),
            }
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
    /// Of a place alone (`outlines`, `whole`), which stands for the whole crop.
    pub fn at(overlap: &DataFrame, place: &str) -> Result<Self> {
        let rows = texts(overlap, "place")?.into_iter().map(|own| own == place);
        let mut own = overlap.filter(&rows.collect::<BooleanChunked>())?;
        let height = own.height();
        own.with_column(Column::new("place".into(), vec!["whole"; height]))?;
        Shares::of(&own)
    }

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

    /// Whether there is relevance of a network.
    pub fn has(&self, model: &str) -> bool {
        self.0.keys().any(|(own, _)| own == model)
    }

    /// Those of one network and region, by photograph.
    pub fn values(&self, model: &str, region: &str) -> Option<&BTreeMap<String, Share>> {
        self.0.get(&(model.to_string(), region.to_string()))
    }

    /// Pairs of two networks, photographs for which one of them is not defined left out.
    pub fn pairs(&self, models: [&str; 2], region: &str, measure: impl Fn(&Share) -> Option<f64>) -> Vec<Pair> {
        let of = |model: &str| self.values(model, region);
        let (Some(first), Some(second)) = (of(models[0]), of(models[1])) else { return Vec::new() };
        let pair = |(file, share): (&String, &Share)| {
            let other = measure(second.get(file)?)?;
            Some(Pair { class: share.class.clone(), first: measure(share)?, second: other })
        };
        first.iter().filter_map(pair).collect()
    }
}
