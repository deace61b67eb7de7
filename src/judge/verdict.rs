//! Methods in their true order, and metrics by how well they know it.

use super::evidence::{Evidence, Judging, distinct};
use super::rows::{EffectRow, FollowsRow, JudgedRow, MethodRow, MetricRow, ShareRow};
use crate::error::{Code, Error, Result};
use crate::inference::Engine;
use crate::notebook::Progress;
use crate::plots::Bar;
use crate::relevance::Method;
use crate::stats::{Interval, bootstrap, mean, spearman};

/// What came of judging.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Metrics, the one that knows best first.
    pub metrics: Vec<MetricRow>,
    /// Methods, the truest first.
    pub methods: Vec<MethodRow>,
    /// Whether relevance goes where the effect is: all methods that ask a network together, then each method.
    pub follows: Vec<FollowsRow>,
    /// What each part of each photograph is worth to each network.
    pub effects: Vec<EffectRow>,
    /// Where each map lies.
    pub shares: Vec<ShareRow>,
    /// What each metric says of each map.
    pub values: Vec<JudgedRow>,
}

/// Judges methods and metrics on networks that were trained on drawings, each as its checkpoint has it.
///
/// The truth of a map is its agreement: how far the shares of its positive relevance on outline, texture and background are the
/// shares of what these are worth to the network. The correlation of a metric is Spearman's, of the means over photographs of
/// what it says of each method with the means of the methods' agreement, network by network, and then the mean over networks;
/// its interval is a bootstrap over photographs.
///
/// # Errors
/// [`Code::Parameter`] without a network, for two of one name, or if there is too little to judge; [`Code::Model`] for a network
/// of other classes; as [`crate::relevance::explain`].
pub fn judge(networks: &[Engine], how: &Judging) -> Result<Verdict> {
    let drawn = how.drawn()?;
    distinct("networks", networks.iter().map(|network| network.name().to_string()))?;
    let run = Progress::bar("judging maps").start(drawn.len() * networks.len(), "photographs");
    let mut all = Evidence::default();
    for network in networks {
        all.add(Evidence::of(network, &drawn, how, &run)?);
    }
    run.finish();
    Verdict::of(all, how)
}

impl Verdict {
    /// What it comes to, in a few sentences.
    pub fn in_short(&self) -> String {
        let mut sentences = Vec::new();
        if let (Some(best), Some(worst)) = (self.methods.first(), self.methods.last()) {
            sentences.push(format!(
                "Truest are the maps of {} (agreement {:.2} [{:.2}, {:.2}]), least true those of {} ({:.2}).",
                best.method, best.agreement, best.low, best.high, worst.method, worst.agreement
            ));
        }
        if let Some(best) = self.metrics.first() {
            sentences.push(format!(
                "The metric that knows it best is \"{}\" (rank correlation {:.2} [{:.2}, {:.2}]).",
                best.metric, best.correlation, best.low, best.high
            ));
        }
        let against: Vec<&str> =
            self.metrics.iter().filter(|row| row.high < 0.0).map(|row| row.metric.as_str()).collect();
        if !against.is_empty() {
            sentences.push(format!("Against the truth order methods: {}.", against.join("; ")));
        }
        if let Some(row) = self.follows.first() {
            let told = |value: Option<f64>, low: Option<f64>, high: Option<f64>| {
                Some(format!("{:.2} [{:.2}, {:.2}]", value?, low?, high?))
            };
            let pooled = told(row.pooled, row.pooled_low, row.pooled_high);
            let between = told(row.between, row.between_low, row.between_high);
            let within = told(row.within, row.within_low, row.within_high);
            let random = self.follows.iter().find(|row| row.method == "random").and_then(|row| row.within);
            let by_area = random.map(|within| format!(" (maps at random, which see areas alone: {within:.2})"));
            let within = within.map(|within| format!("{within} within a network{}", by_area.unwrap_or_default()));
            let parts = [
                pooled.map(|told| format!("{told} together")),
                between.map(|told| format!("{told} from network to network")),
                within,
            ];
            let known: Vec<String> = parts.into_iter().flatten().collect();
            if !known.is_empty() {
                sentences.push(format!(
                    "Over photographs, networks and methods, the outline's share of relevance follows its share of the effect by \
                     a rank correlation of {}.",
                    known.join(", ")
                ));
            }
        }
        let edges = Method::Edges.to_string();
        let fooled: Vec<String> =
            self.metrics.iter().filter(|row| row.best == edges).map(|row| format!("\"{}\"", row.metric)).collect();
        if !fooled.is_empty() {
            sentences.push(format!("An edge detector, which knows no network, is best by {}.", fooled.join(", ")));
        }
        sentences.join(" ")
    }

    /// Metrics as bars: the rank correlation of each with the truth.
    pub fn of_metrics(&self) -> Vec<Bar> {
        let bar = |row: &MetricRow| Bar::new(&row.metric, row.correlation).interval(row.low, row.high);
        self.metrics.iter().map(bar).collect()
    }

    /// Methods as bars: the agreement of each with the truth.
    pub fn of_methods(&self) -> Vec<Bar> {
        let bar = |row: &MethodRow| Bar::new(&row.method, row.agreement).interval(row.low, row.high);
        self.methods.iter().map(bar).collect()
    }

    pub(super) fn of(all: Evidence, how: &Judging) -> Result<Self> {
        let table = Evaluated::of(&all, how)?;
        let mut methods = table.methods()?;
        methods.sort_by(|a, b| b.agreement.total_cmp(&a.agreement));
        let mut metrics = Vec::new();
        for metric in &how.metrics {
            metrics.extend(table.metric(&all, &metric.to_string())?);
        }
        metrics.sort_by(|a, b| b.correlation.total_cmp(&a.correlation));
        let follows = table.follows(&how.methods)?;
        let Evidence { values, effects, shares } = all;
        Ok(Verdict { metrics, methods, follows, effects, shares, values })
    }
}

/// A value a network, method and photograph.
type Cube = Vec<Vec<Vec<Option<f64>>>>;

/// Everything by number: networks, methods, photographs.
struct Evaluated {
    networks: Vec<String>,
    methods: Vec<String>,
    files: Vec<String>,
    classes: Vec<String>,
    truth: Cube,
    /// The outline's share of outline and texture together: of relevance, by method; and of the effect.
    outlines: Cube,
    worth: Vec<Vec<Option<f64>>>,
    seed: u64,
}

fn place(all: &[String], one: &str) -> Result<usize> {
    let unknown = || Error::new(Code::Table, format!("{one:?} is in one table of what was judged and not in another"));
    all.iter().position(|other| other == one).ok_or_else(unknown)
}

/// The interval of a statistic that may be undefined; `None` where it is, or for too many of the samples drawn again.
fn interval(classes: &[String], seed: u64, statistic: impl Fn(&[usize]) -> Option<f64>) -> Result<Option<Interval>> {
    match bootstrap(classes, seed, |drawn| statistic(drawn).unwrap_or(f64::NAN)) {
        Ok(interval) => Ok(Some(interval)),
        Err(error) if error.code() == Code::Numeric => Ok(None),
        Err(error) => Err(error),
    }
}

/// The mean of what is there.
fn mean_if(values: impl Iterator<Item = f64>) -> Option<f64> {
    let there: Vec<f64> = values.collect();
    (!there.is_empty()).then(|| mean(&there))
}

/// The first of two of their sum, where there is one.
fn part_of(a: f64, b: f64) -> Option<f64> {
    (a + b > 0.0).then(|| a / (a + b))
}

impl Evaluated {
    fn of(all: &Evidence, how: &Judging) -> Result<Self> {
        let mut networks: Vec<String> = Vec::new();
        let mut photographs: Vec<(String, String)> = Vec::new();
        for row in &all.effects {
            if !networks.contains(&row.model) {
                networks.push(row.model.clone());
            }
            if !photographs.iter().any(|(file, _)| *file == row.file) {
                photographs.push((row.file.clone(), row.class.clone()));
            }
        }
        if networks.is_empty() {
            return Err(Error::new(Code::Parameter, "nothing is judged by no network"));
        }
        let (files, classes): (Vec<String>, Vec<String>) = photographs.into_iter().unzip();
        let methods: Vec<String> = how.methods.iter().map(Method::to_string).collect();
        let empty = vec![vec![vec![None; files.len()]; methods.len()]; networks.len()];
        let mut table = Evaluated {
            worth: vec![vec![None; files.len()]; networks.len()],
            truth: empty.clone(),
            outlines: empty,
            networks,
            methods,
            files,
            classes,
            seed: how.seed,
        };
        for row in &all.shares {
            let [network, method, file] = table.place(&row.model, &row.method, &row.file)?;
            table.truth[network][method][file] = row.agreement;
            table.outlines[network][method][file] =
                row.outline.zip(row.texture).and_then(|(outline, texture)| part_of(outline, texture));
        }
        for row in &all.effects {
            let (network, file) = (place(&table.networks, &row.model)?, place(&table.files, &row.file)?);
            table.worth[network][file] = part_of(row.outline.max(0.0), row.texture.max(0.0));
        }
        Ok(table)
    }

    fn place(&self, network: &str, method: &str, file: &str) -> Result<[usize; 3]> {
        Ok([place(&self.networks, network)?, place(&self.methods, method)?, place(&self.files, file)?])
    }

    /// How true each method is; one that nothing is known of is left out.
    fn methods(&self) -> Result<Vec<MethodRow>> {
        let edges = self.methods.iter().position(|name| *name == Method::Edges.to_string());
        let agreement = |method: usize, drawn: &[usize]| {
            mean_if(self.truth.iter().filter_map(|network| mean_of(&network[method], drawn)))
        };
        let mut rows = Vec::new();
        for (method, name) in self.methods.iter().enumerate() {
            let Some(own) = interval(&self.classes, self.seed, |drawn| agreement(method, drawn))? else { continue };
            let beyond = match edges.filter(|edges| *edges != method) {
                Some(edges) => interval(&self.classes, self.seed, |drawn| {
                    agreement(method, drawn).zip(agreement(edges, drawn)).map(|(own, edges)| own - edges)
                })?,
                None => None,
            };
            rows.push(MethodRow {
                method: name.clone(),
                agreement: own.mean,
                low: own.low,
                high: own.high,
                beyond_edges: beyond.map(|beyond| beyond.mean),
                beyond_low: beyond.map(|beyond| beyond.low),
                beyond_high: beyond.map(|beyond| beyond.high),
            });
        }
        Ok(rows)
    }

    /// Whether relevance goes where the effect is, for all that ask a network together and for each method.
    fn follows(&self, methods: &[Method]) -> Result<Vec<FollowsRow>> {
        let asking = |method: &usize| !matches!(methods[*method], Method::Random(_) | Method::Edges);
        let together: Vec<usize> = (0..methods.len()).filter(asking).collect();
        let each = (0..methods.len()).map(|method| (self.methods[method].clone(), vec![method]));
        let mut rows = Vec::new();
        for (name, methods) in std::iter::once((format!("{} that ask a network", together.len()), together)).chain(each)
        {
            let files: Vec<usize> = (0..self.files.len()).collect();
            let over = |statistic: &dyn Fn(&[usize]) -> Option<f64>| interval(&self.classes, self.seed, statistic);
            let pooled = over(&|drawn| self.pooled(&methods, drawn))?;
            let between = over(&|drawn| mean_if(methods.iter().filter_map(|&method| self.between(method, drawn))))?;
            let within = over(&|drawn| mean_if(methods.iter().flat_map(|&method| self.within(method, drawn))))?;
            rows.push(FollowsRow {
                method: name,
                maps: methods.iter().map(|&method| self.pairs(method, &files).count() as i64).sum(),
                pooled: pooled.map(|of| of.mean),
                pooled_low: pooled.map(|of| of.low),
                pooled_high: pooled.map(|of| of.high),
                between: between.map(|of| of.mean),
                between_low: between.map(|of| of.low),
                between_high: between.map(|of| of.high),
                within: within.map(|of| of.mean),
                within_low: within.map(|of| of.low),
                within_high: within.map(|of| of.high),
            });
        }
        Ok(rows)
    }

    /// The outline's share of relevance and of the effect, network by network, in the drawn photographs that have both.
    fn pairs<'a>(&'a self, method: usize, drawn: &'a [usize]) -> impl Iterator<Item = (f64, f64)> + 'a {
        (0..self.networks.len()).flat_map(move |network| self.pairs_of(network, method, drawn))
    }

    fn pairs_of(&self, network: usize, method: usize, drawn: &[usize]) -> Vec<(f64, f64)> {
        let (shares, worth) = (&self.outlines[network][method], &self.worth[network]);
        drawn.iter().filter_map(|&file| shares[file].zip(worth[file])).collect()
    }

    fn pooled(&self, methods: &[usize], drawn: &[usize]) -> Option<f64> {
        let (shares, worth): (Vec<f64>, Vec<f64>) =
            methods.iter().flat_map(|&method| self.pairs(method, drawn)).unzip();
        correlation(&shares, &worth)
    }

    fn between(&self, method: usize, drawn: &[usize]) -> Option<f64> {
        let means = (0..self.networks.len()).filter_map(|network| {
            let (shares, worth): (Vec<f64>, Vec<f64>) = self.pairs_of(network, method, drawn).into_iter().unzip();
            (!shares.is_empty()).then(|| (mean(&shares), mean(&worth)))
        });
        let (shares, worth): (Vec<f64>, Vec<f64>) = means.unzip();
        correlation(&shares, &worth)
    }

    fn within(&self, method: usize, drawn: &[usize]) -> Vec<f64> {
        let of = |network| {
            let (shares, worth): (Vec<f64>, Vec<f64>) = self.pairs_of(network, method, drawn).into_iter().unzip();
            correlation(&shares, &worth)
        };
        (0..self.networks.len()).filter_map(of).collect()
    }

    /// How well a metric knows the truth; `None` where it said nothing, or nothing that differs.
    fn metric(&self, all: &Evidence, name: &str) -> Result<Option<MetricRow>> {
        let mut said: Cube = vec![vec![vec![None; self.files.len()]; self.methods.len()]; self.networks.len()];
        for row in all.values.iter().filter(|row| row.metric == name) {
            let [network, method, file] = self.place(&row.model, &row.method, &row.file)?;
            said[network][method][file] = row.value;
        }
        let asked: Vec<usize> =
            (0..said.len()).filter(|&network| said[network].iter().flatten().any(Option::is_some)).collect();
        if asked.is_empty() {
            return Ok(None);
        }
        let known = interval(&self.classes, self.seed, |drawn| {
            mean_if(asked.iter().filter_map(|&network| self.knows(&said[network], &self.truth[network], drawn)))
        })?;
        let Some(known) = known else { return Ok(None) };
        let everything: Vec<usize> = (0..self.files.len()).collect();
        let places: Vec<Vec<f64>> = asked.iter().map(|&network| places(&said[network], &everything)).collect();
        let place_of = |method: usize| mean(&places.iter().map(|places| places[method]).collect::<Vec<f64>>());
        let best = (0..self.methods.len()).min_by(|&a, &b| place_of(a).total_cmp(&place_of(b))).unwrap_or(0);
        let place_of =
            |method: &Method| self.methods.iter().position(|name| *name == method.to_string()).map(&place_of);
        Ok(Some(MetricRow {
            metric: name.to_string(),
            correlation: known.mean,
            low: known.low,
            high: known.high,
            best: self.methods[best].clone(),
            edges: place_of(&Method::Edges),
            random: place_of(&Method::Random(0)),
            methods: self.methods.len() as i64,
            networks: asked.len() as i64,
        }))
    }

    /// Rank correlation over methods of two kinds of means over photographs.
    fn knows(&self, said: &[Vec<Option<f64>>], truth: &[Vec<Option<f64>>], drawn: &[usize]) -> Option<f64> {
        let means = said.iter().zip(truth).filter_map(|(said, truth)| {
            // Of the same photographs.
            let both: Vec<usize> =
                drawn.iter().copied().filter(|&file| said[file].is_some() && truth[file].is_some()).collect();
            mean_of(said, &both).zip(mean_of(truth, &both))
        });
        let (said, truth): (Vec<f64>, Vec<f64>) = means.unzip();
        correlation(&said, &truth)
    }
}

/// The mean of those of the drawn photographs that have a value.
fn mean_of(values: &[Option<f64>], drawn: &[usize]) -> Option<f64> {
    mean_if(drawn.iter().filter_map(|&file| values[file]))
}

/// Spearman's correlation; `None` for fewer than three pairs, or where one side does not vary.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    spearman(a, b).ok().map(|test| test.statistic)
}

/// The place of each method by its mean, 1 the highest; equal ones share the mean of theirs, one without a value is last.
fn places(said: &[Vec<Option<f64>>], drawn: &[usize]) -> Vec<f64> {
    let means: Vec<f64> = said.iter().map(|said| mean_of(said, drawn).unwrap_or(f64::NEG_INFINITY)).collect();
    let place = |own: &f64| {
        let above = means.iter().filter(|other| *other > own).count() as f64;
        let equal = means.iter().filter(|other| *other == own).count() as f64;
        above + (equal + 1.0) / 2.0
    };
    means.iter().map(place).collect()
}
