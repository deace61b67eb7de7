//! The figures of the thesis, by their names, from the tables of a data root; each with what it is drawn from as a table.

use std::collections::HashMap;

use polars::prelude::DataFrame;

use crate::analysis::Group;
use crate::analysis::{self, AdditivityRow, CurveRow, Measure, Parameters, PatchRow, SharedRow};
use crate::datasets::{DIFFERENCE, Kind, SCRAMBLED, SMOOTHED};
use crate::edges;
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::inference;
use crate::notebook::Figure;
use crate::pixels::{Crop, HeatMap, PixelMask, View};
use crate::plots::{self, Density, Draft, Fit, Histogram, Plot};
use crate::relevance::map_of;
use crate::stats;
use crate::study::{Pair, Study};
use crate::table::{BoxEdgeRow, EdgeRow, OverlapRow, PredictionRow, Region, Row, table};

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
    edges: Vec<BoxEdgeRow>,
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

/// A figure, and its numbers.
type Drawn = Result<(Draft, DataFrame)>;
type Draw = fn(&Tables) -> Drawn;

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
    of("edge_count_box", "Edge pixels in the box", |t| edge_box(t, plots::boxes)),
    of("edge_count_box_lower", "Edge pixels in the box, without the upper part", |t| edge_box(t, plots::lower_boxes)),
    of("edge_density", "Where edges are", |t| density(t, &all_photographs(t)?, &Where::Edges)),
    of("lrp_count", "Pixels of both regions of relevance", |t| counts(&both_signs(&t.shared), "")),
    of("lrp_count_posneg", "Pixels of the regions of relevance", |t| counts(&by_sign(&t.shared), "sign")),
    of("lrp_canny", "Pixels shared with edges", shared),
    of("lrp_canny_weighted", "Share of the positive region on edges", weighted),
    of("canny_reg", "Edges of the photographs explained", |t| density(t, &explained(t)?, &Where::Edges)),
    of("res_lrpos_reg", "Positive relevance of {first}", |t| density(t, &explained(t)?, &Where::Positive(Who::First))),
    of("stl_lrppos_reg", "Positive relevance of {second}", |t| {
        density(t, &explained(t)?, &Where::Positive(Who::Second))
    }),
    of("res_inters", "Positive relevance of {first} on edges", |t| {
        density(t, &explained(t)?, &Where::Shared(Who::First))
    }),
    of("stl_inters", "Positive relevance of {second} on edges", |t| {
        density(t, &explained(t)?, &Where::Shared(Who::Second))
    }),
    of("qq_4", "Difference of shared positive pixels", qq_shared),
    of("scr_analysis", "Scrambled", |t| curve(t, &SCRAMBLED)),
    of("qq_1", "Hypothesis 1", |t| qq(t, "1")),
    of("qq_1_1", "Hypothesis 1, 112 only", |t| qq(t, "1 (112 only)")),
    of("smt_analysis", "Smoothed", |t| curve(t, &SMOOTHED)),
    of("qq_3", "Hypothesis 3", |t| qq(t, "3")),
    of("qq_3_0", "Hypothesis 3, first pass", |t| qq(t, "3 (first pass)")),
    of("qq_3_1", "Hypothesis 3.1", |t| qq(t, "3.1")),
    of("qq_3_11", "Hypothesis 3.1, first pass", |t| qq(t, "3.1 (first pass)")),
    of("qq_3.1", "Hypothesis 3.2", |t| qq(t, "3.2")),
    of("qq_3.11", "Hypothesis 3.2, first pass", |t| qq(t, "3.2 (first pass)")),
    of("smtdiff_analysis", "What smoothing takes away", difference),
    of("ptdcorr_analysis", "Single patches against all at once", correlation),
    of("res_corr", "{first}: single patches against all at once", |t| regression(t, Who::First)),
    of("sin_corr", "{second}: single patches against all at once", |t| regression(t, Who::Second)),
    of("seresn_corr", "se-resnext50: single patches against all at once", |t| {
        regression(t, Who::Named("se-resnext50"))
    }),
    of("svgg_corr", "vgg16: single patches against all at once", |t| regression(t, Who::Named("vgg16"))),
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
    let edges = store.rows("edges_data_flt")?;
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
        let drawn = (drawing.draw)(&tables);
        let plate = drawn.and_then(|(draft, data)| Ok(Plate { figure: draft.title(title).draw(drawing.name)?, data }));
        match plate {
            Ok(plate) => found.plates.push(plate),
            Err(error) if matches!(error.code(), Code::Parameter | Code::Model | Code::Table) => {
                found.gaps.push((drawing.name.to_string(), error.message().to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn edge_count(tables: &Tables) -> Drawn {
    let style = Histogram { density: Density::Scott, ..Histogram::default() };
    Ok((plots::histogram(&tables.edge_pixels(), style).x("edge pixels"), tables.edges_of_boxes()?))
}

table! {
    /// The edges of a box.
    pub struct CountedRow {
        /// Identity of the photograph.
        file: String,
        /// Number of the object.
        object: i64,
        /// Edge pixels.
        edges: i64,
    }
}

fn edge_box(tables: &Tables, boxes: fn(&[Group]) -> Draft) -> Drawn {
    let draft = boxes(&[Group::new("all boxes", tables.edge_pixels())]).y("edge pixels").size(420, 420);
    Ok((draft, tables.edges_of_boxes()?))
}

/// What a density is of.
enum Where {
    Edges,
    Positive(Who),
    Shared(Who),
}

fn all_photographs(tables: &Tables) -> Result<Vec<String>> {
    Ok(tables.store.rows::<EdgeRow>("edges_data")?.into_iter().map(|row| row.file).collect())
}

fn explained(tables: &Tables) -> Result<Vec<String>> {
    let mut files: Vec<String> = tables.overlap.iter().map(|row| row.file.clone()).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn density(tables: &Tables, files: &[String], place: &Where) -> Drawn {
    const SMOOTHING: f32 = 6.0;
    let model = match place {
        Where::Edges => String::new(),
        Where::Positive(who) | Where::Shared(who) => tables.explained(*who)?,
    };
    if files.is_empty() {
        return Err(Error::new(Code::Parameter, "nothing to draw: no photograph"));
    }
    let view = if model.is_empty() { View::IMAGENET } else { inference::view_in(tables.store, "lrp", &model)? };
    let mask = |file: &String| -> Result<PixelMask<Crop>> {
        match place {
            Where::Edges => edges::mask_of(tables.store, file),
            Where::Positive(_) => Ok(map_of(tables.store, &model, file)?.positive_region()),
            Where::Shared(_) => {
                map_of(tables.store, &model, file)?.positive_region().and(&edges::mask_in(tables.store, file, view)?)
            }
        }
    };
    let density: HeatMap<Crop> = HeatMap::density(files.iter().map(mask), SMOOTHING)?;
    let (height, width) = density.size();
    let of = |(index, share): (u32, &f32)| PlaceRow {
        row: i64::from(index / width),
        col: i64::from(index % width),
        share: f64::from(*share),
    };
    let data = PlaceRow::table((0..height * width).zip(density.values()).map(of).collect())?;
    Ok((plots::density_map(&density), data))
}

table! {
    /// A place of the crop.
    pub struct PlaceRow {
        /// Its row.
        row: i64,
        /// Its column.
        col: i64,
        /// Share of the photographs that have something there, smoothed.
        share: f64,
    }
}

table! {
    /// Pixels of a region of a map.
    pub struct SignedRow {
        /// Identity of the photograph.
        file: String,
        /// The network.
        model: String,
        /// Of which sign.
        sign: String,
        /// How many.
        pixels: f64,
    }
}

fn counts(rows: &[SignedRow], hue: &str) -> Drawn {
    let named = |row: &SignedRow| if hue.is_empty() { String::new() } else { row.sign.clone() };
    let groups = analysis::groups(rows, |row| (row.model.clone(), named(row), Some(row.pixels)));
    Ok((plots::strips(&groups).y("pixels"), SignedRow::table(rows.to_vec())?))
}

fn by_sign(shared: &[SharedRow]) -> Vec<SignedRow> {
    let row = |row: &SharedRow| SignedRow {
        file: row.file.clone(),
        model: row.model.clone(),
        sign: row.sign.name().to_string(),
        pixels: row.pixels,
    };
    shared.iter().map(row).collect()
}

/// Positive and negative pixels together, by photograph and network.
fn both_signs(shared: &[SharedRow]) -> Vec<SignedRow> {
    let mut sums: Vec<SignedRow> = Vec::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for row in shared {
        let place = *places.entry((&row.file, &row.model)).or_insert_with(|| {
            let (file, model) = (row.file.clone(), row.model.clone());
            sums.push(SignedRow { file, model, sign: "both".into(), pixels: 0.0 });
            sums.len() - 1
        });
        sums[place].pixels += row.pixels;
    }
    sums
}

table! {
    /// Pixels of a region that lie on edges.
    pub struct OnEdgesRow {
        /// Identity of the photograph.
        file: String,
        /// The network.
        model: String,
        /// Of which sign.
        sign: Region,
        /// How many.
        shared: Option<f64>,
    }
}

fn shared(tables: &Tables) -> Drawn {
    let draft = plots::letters(&analysis::pixels_on_edges(&tables.shared)).y("shared pixels");
    let row = |row: &SharedRow| OnEdgesRow {
        file: row.file.clone(),
        model: row.model.clone(),
        sign: row.sign,
        shared: row.shared,
    };
    Ok((draft, OnEdgesRow::table(tables.shared.iter().map(row).collect())?))
}

table! {
    /// The share of a region that lies on edges.
    pub struct ShareRow {
        /// Identity of the photograph.
        file: String,
        /// The network.
        model: String,
        /// The share, 0 to 1.
        share: Option<f64>,
    }
}

fn weighted(tables: &Tables) -> Drawn {
    let row = |row: &SharedRow| ShareRow { file: row.file.clone(), model: row.model.clone(), share: row.share };
    let rows: Vec<ShareRow> = tables.positive()?.map(row).collect();
    let groups = analysis::groups(&rows, |row| (row.model.clone(), String::new(), row.share));
    Ok((plots::strips(&groups).y("share of positive pixels"), ShareRow::table(rows)?))
}

/// The second network's (the style network's) less the first one's.
fn qq_shared(tables: &Tables) -> Drawn {
    let of = |model: &str| -> Result<HashMap<&str, Option<f64>>> {
        Ok(tables.positive()?.filter(|row| row.model == model).map(|row| (row.file.as_str(), row.shared)).collect())
    };
    let (style, plain) = (of(&tables.explained(Who::Second)?)?, of(&tables.explained(Who::First)?)?);
    let difference = |(file, shared): (&&str, &Option<f64>)| Some((*shared)? - (*plain.get(file)?)?);
    quantiles(&style.iter().filter_map(difference).collect::<Vec<_>>())
}

fn qq(tables: &Tables, hypothesis: &str) -> Drawn {
    let Tables { predictions, pairs, .. } = tables;
    let conclusion = format!("hypothesis {hypothesis}");
    quantiles(&analysis::differences_of(predictions, pairs, &conclusion, &Parameters::published())?)
}

table! {
    /// A point of a Q-Q plot.
    pub struct QuantileRow {
        /// Quantile of the normal distribution.
        theoretical: f64,
        /// Quantile of the values.
        sample: f64,
    }
}

fn quantiles(values: &[f64]) -> Drawn {
    let points = stats::normal_plot(values)?;
    let row = |(theoretical, sample): &(f64, f64)| QuantileRow { theoretical: *theoretical, sample: *sample };
    Ok((plots::quantiles(&points), QuantileRow::table(points.iter().map(row).collect())?))
}

fn curve(tables: &Tables, kind: &Kind) -> Drawn {
    let data = analysis::curves(&tables.predictions, kind.name, Measure::TrueSoftmax)?;
    Ok((plots::curves_of(&CurveRow::rows(&data)?)?.plot().x(kind.levels.label()).y(Measure::TrueSoftmax.words()), data))
}

fn difference(tables: &Tables) -> Drawn {
    let data = analysis::curves(&tables.predictions, DIFFERENCE.name, Measure::TrueSoftmax)?;
    Ok((plots::bars_of(&CurveRow::rows(&data)?).plot().x(Measure::TrueSoftmax.words()), data))
}

fn correlation(tables: &Tables) -> Drawn {
    let data = analysis::additivity(tables.patches()?)?;
    let curves = plots::correlations_of(&AdditivityRow::rows(&data)?)?;
    Ok((curves.plot().x("side of the patches in pixels").y("Pearson's r"), data))
}

fn regression(tables: &Tables, who: Who) -> Drawn {
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
    let pairs: Vec<(f64, f64)> = single.into_iter().zip(all).collect();
    let draft = plots::regression(&pairs, fit);
    let draft = draft.x("sum over single patches (logits)").y("all patches at once (logits)");
    Ok((draft, PatchRow::table(own)?))
}

table! {
    /// The effects of single patches, summed.
    pub struct SumRow {
        /// The network.
        model: String,
        /// Side of the patches in pixels.
        level: i64,
        /// Identity of the photograph.
        orig_file: String,
        /// How many patches there are.
        patches: i64,
        /// The sum of their effects, in logits.
        single: f64,
    }
}

fn sums(tables: &Tables) -> Drawn {
    let patches = tables.patches()?;
    let groups = analysis::groups(patches, |row| (row.model.clone(), String::new(), Some(row.single)));
    let row = |row: &PatchRow| SumRow {
        model: row.model.clone(),
        level: row.level,
        orig_file: row.orig_file.clone(),
        patches: row.patches,
        single: row.single,
    };
    let data = SumRow::table(patches.iter().map(row).collect())?;
    Ok((plots::letters(&groups).size(760, 440).y("untouched less patched (logits)"), data))
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

    /// Edge pixels of every box.
    fn edge_pixels(&self) -> Vec<f64> {
        self.edges.iter().map(|row| row.edges as f64).collect()
    }

    fn edges_of_boxes(&self) -> Result<DataFrame> {
        let row = |row: &BoxEdgeRow| CountedRow { file: row.file.clone(), object: row.object, edges: row.edges };
        CountedRow::table(self.edges.iter().map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_tables() {
        comes_back::<CountedRow>();
        comes_back::<PlaceRow>();
        comes_back::<SignedRow>();
        comes_back::<OnEdgesRow>();
        comes_back::<ShareRow>();
        comes_back::<QuantileRow>();
        comes_back::<SumRow>();
    }
}
