//! The figures of the thesis, by their names, from the tables of a data root; each with what it is drawn from as a table.

use std::collections::HashMap;

use polars::prelude::*;

use crate::analysis::{self, Measure, Parameters, PatchRow, SharedRow};
use crate::edges;
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::notebook::Figure;
use crate::pixels::{Crop, HeatMap, PixelMask};
use crate::plots::{self, Density, Fit, Group, Histogram, Look};
use crate::relevance::map_of;
use crate::stats;
use crate::study::{Pair, Study};
use crate::table::{OverlapRow, PredictionRow, Region, Row, floats, texts};

/// A figure with the table it is drawn from.
#[derive(Debug, Clone)]
pub struct Plate {
    /// The figure.
    pub figure: Figure,
    /// Its numbers.
    pub data: DataFrame,
}

/// The figures of the thesis as far as they can be drawn.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// Those that can.
    pub plates: Vec<Plate>,
    /// Those that cannot: name, and why (a network is missing).
    pub gaps: Vec<(String, String)>,
}

/// What figures are drawn from.
struct Tables<'a> {
    store: &'a Store,
    predictions: Vec<PredictionRow>,
    overlap: Vec<OverlapRow>,
    edges: DataFrame,
    /// Predictions' patches that differ in size alone, one row a photograph.
    patches: Result<Vec<PatchRow>>,
    shared: Vec<SharedRow>,
    pairs: Vec<Pair>,
    /// Those of the first pair; without one, the only network.
    networks: Vec<String>,
}

/// A network that a figure is of.
#[derive(Debug, Clone, Copy)]
enum Who {
    /// The first of the study's first pair.
    First,
    /// The second.
    Second,
    Named(&'static str),
}

type Draw = fn(&Tables, &Look) -> Result<Plate>;

/// One of the published figures.
struct Drawing {
    name: &'static str,
    title: &'static str,
    draw: Draw,
}

const fn of(name: &'static str, title: &'static str, draw: Draw) -> Drawing {
    Drawing { name, title, draw }
}

/// All of them, in the order of the notebooks.
const DRAWINGS: [Drawing; 31] = [
    of("edge_count", "Edge pixels in the box", edge_count),
    of("edge_count_box", "Edge pixels in the box", |t, look| edge_box(t, look, false)),
    of("edge_count_box_lower", "Edge pixels in the box, without the upper part", |t, look| edge_box(t, look, true)),
    of("edge_density", "Where edges are", |t, look| density(t, look, &all_photographs(t)?, &Where::Edges)),
    of("lrp_count", "Pixels of both regions of relevance", |t, look| counts(t, look, false)),
    of("lrp_count_posneg", "Pixels of the regions of relevance", |t, look| counts(t, look, true)),
    of("lrp_canny", "Pixels shared with edges", shared),
    of("lrp_canny_weighted", "Share of the positive region on edges", weighted),
    of("canny_reg", "Edges of the photographs explained", |t, look| density(t, look, &explained(t)?, &Where::Edges)),
    of("res_lrpos_reg", "Positive relevance of {first}", |t, look| {
        density(t, look, &explained(t)?, &Where::Positive(Who::First))
    }),
    of("stl_lrppos_reg", "Positive relevance of {second}", |t, look| {
        density(t, look, &explained(t)?, &Where::Positive(Who::Second))
    }),
    of("res_inters", "Positive relevance of {first} on edges", |t, look| {
        density(t, look, &explained(t)?, &Where::Shared(Who::First))
    }),
    of("stl_inters", "Positive relevance of {second} on edges", |t, look| {
        density(t, look, &explained(t)?, &Where::Shared(Who::Second))
    }),
    of("qq_4", "Difference of shared positive pixels", qq_shared),
    of("scr_analysis", "Scrambled", |t, look| {
        curve(t, look, "scrambled", "side of the blocks in pixels (0: untouched)")
    }),
    of("qq_1", "Hypothesis 1", |t, look| qq(t, look, "1")),
    of("qq_1_1", "Hypothesis 1, 112 only", |t, look| qq(t, look, "1 (112 only)")),
    of("smt_analysis", "Smoothed", |t, look| curve(t, look, "smoothed", "passes of smoothing (0: untouched)")),
    of("qq_3", "Hypothesis 3", |t, look| qq(t, look, "3")),
    of("qq_3_0", "Hypothesis 3, first pass", |t, look| qq(t, look, "3 (first pass)")),
    of("qq_3_1", "Hypothesis 3.1", |t, look| qq(t, look, "3.1")),
    of("qq_3_11", "Hypothesis 3.1, first pass", |t, look| qq(t, look, "3.1 (first pass)")),
    of("qq_3.1", "Hypothesis 3.2", |t, look| qq(t, look, "3.2")),
    of("qq_3.11", "Hypothesis 3.2, first pass", |t, look| qq(t, look, "3.2 (first pass)")),
    of("smtdiff_analysis", "What smoothing takes away", difference),
    of("ptdcorr_analysis", "Single patches against all at once", correlation),
    of("res_corr", "{first}: single patches against all at once", |t, look| regression(t, look, Who::First)),
    of("sin_corr", "{second}: single patches against all at once", |t, look| regression(t, look, Who::Second)),
    of("seresn_corr", "se-resnext50: single patches against all at once", |t, look| {
        regression(t, look, Who::Named("se-resnext50"))
    }),
    of("svgg_corr", "vgg16: single patches against all at once", |t, look| regression(t, look, Who::Named("vgg16"))),
    of("log_difference", "Sum over single patches", sums),
];

/// The 31 figures of the thesis for the tables of a data root.
/// Pictures are counted as published; the figures of the corrected analysis are those of the notebooks. Where the thesis has
/// its two networks, the first pair of the study has their places ([`Study::compared`]), but for the hypotheses, which are
/// about networks of those names.
///
/// Names are the thesis' own, where it has some. Two of its figures had one name, `qq_3_11` (fault D10); the second is
/// `qq_3.11` here.
///
/// # Errors
/// [`Code::Missing`] if a step has not run; [`Code::Table`] if a table lacks a column.
pub fn published_figures(store: &Store) -> Result<Published> {
    let predictions: Vec<PredictionRow> = store.rows("predictions")?;
    let overlap: Vec<OverlapRow> = store.rows("imgnette_sample_data")?;
    let patches = analysis::plain_patches(&analysis::interaction(&predictions));
    let shared = analysis::shared_pixels(&overlap);
    let edges = store.table("edges_data_flt")?;
    let pairs = Study::open(store.clone())?.compared();
    let networks = match pairs.first() {
        Some(pair) => pair.names().map(String::from).to_vec(),
        None => predictions.iter().map(|row| row.model.clone()).take(1).collect(),
    };
    let tables = Tables { store, predictions, overlap, edges, patches, shared, pairs, networks };
    let mut found = Published::default();
    for drawing in &DRAWINGS {
        let named = |title: String, (place, name): (&str, &String)| title.replace(place, name);
        let title = ["{first}", "{second}"].into_iter().zip(&tables.networks).fold(drawing.title.to_string(), named);
        let look = Look { title, ..Look::named(drawing.name) };
        match (drawing.draw)(&tables, &look) {
            Ok(plate) => found.plates.push(plate),
            Err(error) if matches!(error.code(), Code::Parameter | Code::Model | Code::Table) => {
                found.gaps.push((drawing.name.to_string(), error.message().to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn edge_count(tables: &Tables, look: &Look) -> Result<Plate> {
    let counts = floats(&tables.edges, "edges")?;
    let style = Histogram { density: Density::Scott, ..Histogram::default() };
    let look = Look { x_label: "edge pixels".into(), ..look.clone() };
    Ok(Plate {
        figure: plots::histogram(&counts, &style, &look)?,
        data: tables.edges.select(["file", "object", "edges"])?,
    })
}

fn edge_box(tables: &Tables, look: &Look, lower: bool) -> Result<Plate> {
    let groups = [Group::new("all boxes", floats(&tables.edges, "edges")?)];
    let top = plots::upper_whisker(&groups).filter(|top| lower && *top > 0.0);
    let look =
        Look { y_label: "edge pixels".into(), size: (420, 420), range: top.map(|top| (0.0, top)), ..look.clone() };
    Ok(Plate { figure: plots::box_plot(&groups, &look)?, data: tables.edges.select(["file", "object", "edges"])? })
}

/// What a density is of.
enum Where {
    Edges,
    Positive(Who),
    Shared(Who),
}

fn all_photographs(tables: &Tables) -> Result<Vec<String>> {
    texts(&tables.store.table("edges_data")?, "file")
}

fn explained(tables: &Tables) -> Result<Vec<String>> {
    let mut files: Vec<String> = tables.overlap.iter().map(|row| row.file.clone()).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn density(tables: &Tables, look: &Look, files: &[String], place: &Where) -> Result<Plate> {
    const SMOOTHING: f32 = 6.0;
    let model = match place {
        Where::Edges => String::new(),
        Where::Positive(who) | Where::Shared(who) => tables.explained(*who)?,
    };
    if files.is_empty() {
        return Err(Error::new(Code::Parameter, "nothing to draw: no photograph"));
    }
    let mask = |file: &String| -> Result<PixelMask<Crop>> {
        match place {
            Where::Edges => edges::mask_of(tables.store, file),
            Where::Positive(_) => Ok(map_of(tables.store, &model, file)?.positive_region()),
            Where::Shared(_) => {
                map_of(tables.store, &model, file)?.positive_region().and(&edges::mask_of(tables.store, file)?)
            }
        }
    };
    let density: HeatMap<Crop> = HeatMap::density(files.iter().map(mask), SMOOTHING)?;
    let (height, width) = density.size();
    let look = Look { size: (560, 560), ..look.clone() };
    let figure = plots::density_map(density.values(), density.size(), &look)?;
    let at = |place: fn(u32, u32) -> u32| {
        (0..height * width).map(|index| i64::from(place(index, width))).collect::<Vec<_>>()
    };
    let data = df!(
        "row" => at(|index, width| index / width),
        "col" => at(|index, width| index % width),
        "share" => density.values().iter().map(|share| f64::from(*share)).collect::<Vec<_>>(),
    )?;
    Ok(Plate { figure, data })
}

fn counts(tables: &Tables, look: &Look, by_sign: bool) -> Result<Plate> {
    let data = if by_sign { SharedRow::table(tables.shared.clone())? } else { both_signs(&tables.shared)? };
    let groups = plots::groups_of(&data, "model", by_sign.then_some("sign"), "pixels")?;
    let look = Look { y_label: "pixels".into(), size: (900, 440), ..look.clone() };
    Ok(Plate { figure: plots::strip_plot(&groups, 1, &look)?, data: data.select(["file", "model", "sign", "pixels"])? })
}

/// Positive and negative pixels together, by photograph and network.
fn both_signs(shared: &[SharedRow]) -> Result<DataFrame> {
    let mut sums: Vec<(&str, &str, f64)> = Vec::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for row in shared {
        let place = *places.entry((&row.file, &row.model)).or_insert_with(|| {
            sums.push((&row.file, &row.model, 0.0));
            sums.len() - 1
        });
        sums[place].2 += row.pixels;
    }
    Ok(df!(
        "file" => sums.iter().map(|sum| sum.0).collect::<Vec<_>>(),
        "model" => sums.iter().map(|sum| sum.1).collect::<Vec<_>>(),
        "sign" => vec!["both"; sums.len()],
        "pixels" => sums.iter().map(|sum| sum.2).collect::<Vec<_>>(),
    )?)
}

fn shared(tables: &Tables, look: &Look) -> Result<Plate> {
    let look = Look { y_label: "shared pixels".into(), size: (900, 440), ..look.clone() };
    let shared = SharedRow::table(tables.shared.clone())?;
    let groups = plots::groups_of(&shared, "model", Some("sign"), "shared")?;
    let data = shared.select(["file", "model", "sign", "shared"])?;
    Ok(Plate { figure: plots::letter_plot(&groups, &look)?, data })
}

fn weighted(tables: &Tables, look: &Look) -> Result<Plate> {
    let positive = SharedRow::table(tables.positive()?.cloned().collect())?;
    let look = Look { y_label: "share of positive pixels".into(), size: (900, 440), ..look.clone() };
    let figure = plots::strip_plot(&plots::groups_of(&positive, "model", None, "share")?, 1, &look)?;
    Ok(Plate { figure, data: positive.select(["file", "model", "share"])? })
}

/// The second network's (the style network's) less the first one's.
fn qq_shared(tables: &Tables, look: &Look) -> Result<Plate> {
    let of = |model: &str| -> Result<HashMap<&str, Option<f64>>> {
        Ok(tables.positive()?.filter(|row| row.model == model).map(|row| (row.file.as_str(), row.shared)).collect())
    };
    let (style, plain) = (of(&tables.explained(Who::Second)?)?, of(&tables.explained(Who::First)?)?);
    let difference = |(file, shared): (&&str, &Option<f64>)| Some((*shared)? - (*plain.get(file)?)?);
    quantiles(&style.iter().filter_map(difference).collect::<Vec<_>>(), look)
}

fn qq(tables: &Tables, look: &Look, hypothesis: &str) -> Result<Plate> {
    let Tables { predictions, pairs, .. } = tables;
    let conclusion = format!("hypothesis {hypothesis}");
    quantiles(&analysis::differences_of(predictions, pairs, &conclusion, &Parameters::published())?, look)
}

fn quantiles(values: &[f64], look: &Look) -> Result<Plate> {
    let points = stats::normal_plot(values)?;
    let (theoretical, sample): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let look = Look { size: (520, 420), ..look.clone() };
    Ok(Plate { figure: plots::qq_plot(&points, &look)?, data: df!("theoretical" => theoretical, "sample" => sample)? })
}

fn curve(tables: &Tables, look: &Look, kind: &str, x_label: &str) -> Result<Plate> {
    let data = analysis::curves(&tables.predictions, kind, Measure::TrueSoftmax)?;
    let look = Look { x_label: x_label.into(), y_label: Measure::TrueSoftmax.words().into(), ..look.clone() };
    Ok(Plate { figure: plots::point_plot(&plots::curves_of(&data)?, &look)?, data })
}

fn difference(tables: &Tables, look: &Look) -> Result<Plate> {
    let data = analysis::curves(&tables.predictions, "difference", Measure::TrueSoftmax)?;
    let look = Look { x_label: Measure::TrueSoftmax.words().into(), ..look.clone() };
    Ok(Plate { figure: plots::bars(&plots::bars_of(&data, "model", "mean")?, &look)?, data })
}

fn correlation(tables: &Tables, look: &Look) -> Result<Plate> {
    let data = analysis::additivity(tables.patches()?)?;
    let look = Look { x_label: "side of the patches in pixels".into(), y_label: "Pearson's r".into(), ..look.clone() };
    Ok(Plate { figure: plots::point_plot(&plots::plain_curves_of(&data, "model", "level", "r")?, &look)?, data })
}

fn regression(tables: &Tables, look: &Look, who: Who) -> Result<Plate> {
    let model = tables.network(who)?;
    let own: Vec<PatchRow> = tables.patches()?.iter().filter(|row| row.model == model).cloned().collect();
    let (single, all): (Vec<f64>, Vec<f64>) = own.iter().map(|row| (row.single, row.all)).unzip();
    let line = analysis::fitted_line(&own)?;
    let test = stats::pearson(&single, &all)?;
    let fit = Fit {
        x: line.iter().map(|point| point.x).collect(),
        y: line.iter().map(|point| point.y).collect(),
        low: line.iter().map(|point| point.low).collect(),
        high: line.iter().map(|point| point.high).collect(),
        note: format!("Pearson's r = {:.2}, p = {:.1e}", test.statistic, test.p),
    };
    let look = Look {
        x_label: "sum over single patches (logits)".into(),
        y_label: "all patches at once (logits)".into(),
        size: (560, 520),
        ..look.clone()
    };
    let pairs: Vec<(f64, f64)> = single.into_iter().zip(all).collect();
    Ok(Plate { figure: plots::joint_regression(&pairs, &fit, &look)?, data: PatchRow::table(own)? })
}

fn sums(tables: &Tables, look: &Look) -> Result<Plate> {
    let patches = PatchRow::table(tables.patches()?.to_vec())?;
    let look = Look { y_label: "untouched less patched (logits)".into(), size: (760, 440), ..look.clone() };
    let figure = plots::letter_plot(&plots::groups_of(&patches, "model", None, "single")?, &look)?;
    Ok(Plate { figure, data: patches.select(["model", "level", "orig_file", "patches", "single"])? })
}

impl Tables<'_> {
    /// A network among the predictions.
    fn network(&self, who: Who) -> Result<String> {
        let there = match who {
            Who::First => self.networks.first(),
            Who::Second => self.networks.get(1),
            Who::Named(name) => {
                return match self.predictions.iter().any(|row| row.model == name) {
                    true => Ok(name.to_string()),
                    false => Err(Error::new(Code::Model, format!("no network {name} in the table"))),
                };
            }
        };
        there.cloned().ok_or_else(|| {
            let found = format!("it is of the second of two networks, and this study has {}", self.networks.len());
            Error::new(Code::Model, found)
        })
    }

    /// A network that there is relevance of.
    fn explained(&self, who: Who) -> Result<String> {
        let model = self.network(who)?;
        if self.overlap.iter().any(|row| row.model == model) {
            return Ok(model);
        }
        Err(Error::new(Code::Model, format!("no relevance of network {model} in the table")))
    }

    /// What is shared of positive regions.
    fn positive(&self) -> Result<impl Iterator<Item = &SharedRow>> {
        let positive = || self.shared.iter().filter(|row| row.sign == Region::Positive);
        match positive().next() {
            Some(_) => Ok(positive()),
            None => Err(Error::new(Code::Table, "there is no positive relevance in the table")),
        }
    }

    fn patches(&self) -> Result<&[PatchRow]> {
        self.patches.as_deref().map_err(|error| Error::new(error.code(), error.message().to_string()))
    }
}
