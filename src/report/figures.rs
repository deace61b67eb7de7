//! The figures of the thesis, by their names, from the tables of a data root; each with what it is drawn from as a table.

use std::collections::HashMap;

use polars::prelude::*;

use crate::analysis::{self, Parameters};
use crate::edges;
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::notebook::Figure;
use crate::pixels::{Crop, HeatMap, PixelMask};
use crate::plots::{self, Density, Draft, Fit, Group, Histogram, Plot};
use crate::relevance::map_of;
use crate::stats;
use crate::table::{floats, only, texts};

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
    predictions: DataFrame,
    overlap: DataFrame,
    edges: DataFrame,
    /// Predictions' patches that differ in size alone, one row a photograph.
    patches: Result<DataFrame>,
    shared: DataFrame,
    networks: Vec<String>,
}

/// A network that a figure is of.
#[derive(Debug, Clone, Copy)]
enum Who {
    /// The first of the pair, `resnet50` where it is there.
    First,
    /// The second, `sin-resnet50`.
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
    of("lrp_count", "Pixels of both regions of relevance", |t| counts(&both_signs(&t.shared)?, None)),
    of("lrp_count_posneg", "Pixels of the regions of relevance", |t| counts(&t.shared, Some("sign"))),
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
    of("scr_analysis", "Scrambled", |t| curve(t, "scrambled", "side of the blocks in pixels (0: untouched)")),
    of("qq_1", "Hypothesis 1", |t| qq(t, "1")),
    of("qq_1_1", "Hypothesis 1, 112 only", |t| qq(t, "1 (112 only)")),
    of("smt_analysis", "Smoothed", |t| curve(t, "smoothed", "passes of smoothing (0: untouched)")),
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
/// `resnet50` and `sin-resnet50` and a study has not both, the first two networks of its tables take their places
/// ([`pair_of`](crate::analysis::pair_of)), but for the hypotheses, which are about networks of those names.
///
/// Names are the thesis' own, where it has some. Two of its figures had one name, `qq_3_11` (fault D10); the second is
/// `qq_3.11` here.
///
/// # Errors
/// [`Code::Missing`] if a step has not run; [`Code::Table`] if a table lacks a column.
pub fn published_figures(store: &Store) -> Result<Published> {
    let predictions = store.table("predictions")?;
    let overlap = store.table("imgnette_sample_data")?;
    let patches = analysis::interaction(&predictions).and_then(|all| analysis::plain_patches(&all));
    let shared = analysis::shared_pixels(&overlap)?;
    let edges = store.table("edges_data_flt")?;
    let networks = match analysis::pair_of(&predictions)? {
        Some(pair) => pair.to_vec(),
        None => texts(&predictions, "model")?.into_iter().take(1).collect(),
    };
    let tables = Tables { store, predictions, overlap, edges, patches, shared, networks };
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
    let draft = plots::histogram(&floats(&tables.edges, "edges")?, style).x("edge pixels");
    Ok((draft, tables.edges.select(["file", "object", "edges"])?))
}

fn edge_box(tables: &Tables, boxes: fn(&[Group]) -> Draft) -> Drawn {
    let draft = boxes(&[Group::new("all boxes", floats(&tables.edges, "edges")?)]).y("edge pixels").size(420, 420);
    Ok((draft, tables.edges.select(["file", "object", "edges"])?))
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
    let mut files = texts(&tables.overlap, "file")?;
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
    let at = |place: fn(u32, u32) -> u32| {
        (0..height * width).map(|index| i64::from(place(index, width))).collect::<Vec<_>>()
    };
    let data = df!(
        "row" => at(|index, width| index / width),
        "col" => at(|index, width| index % width),
        "share" => density.values().iter().map(|share| f64::from(*share)).collect::<Vec<_>>(),
    )?;
    Ok((plots::density_map(&density), data))
}

fn counts(data: &DataFrame, hue: Option<&str>) -> Drawn {
    let draft = plots::strips(&analysis::groups(data, "model", hue, "pixels")?).y("pixels");
    Ok((draft, data.select(["file", "model", "sign", "pixels"])?))
}

/// Positive and negative pixels together, by photograph and network.
fn both_signs(shared: &DataFrame) -> Result<DataFrame> {
    let (files, models, pixels) = (texts(shared, "file")?, texts(shared, "model")?, floats(shared, "pixels")?);
    let mut sums: Vec<(&str, &str, f64)> = Vec::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for row in 0..files.len() {
        let place = *places.entry((&files[row], &models[row])).or_insert_with(|| {
            sums.push((&files[row], &models[row], 0.0));
            sums.len() - 1
        });
        sums[place].2 += pixels[row];
    }
    Ok(df!(
        "file" => sums.iter().map(|sum| sum.0).collect::<Vec<_>>(),
        "model" => sums.iter().map(|sum| sum.1).collect::<Vec<_>>(),
        "sign" => vec!["both"; sums.len()],
        "pixels" => sums.iter().map(|sum| sum.2).collect::<Vec<_>>(),
    )?)
}

fn shared(tables: &Tables) -> Drawn {
    let draft = plots::letters(&analysis::groups(&tables.shared, "model", Some("sign"), "shared")?).y("shared pixels");
    Ok((draft, tables.shared.select(["file", "model", "sign", "shared"])?))
}

fn weighted(tables: &Tables) -> Drawn {
    let positive = only(&tables.shared, "sign", "positive")?;
    let draft = plots::strips(&analysis::groups(&positive, "model", None, "share")?).y("share of positive pixels");
    Ok((draft, positive.select(["file", "model", "share"])?))
}

/// The second network's (the style network's) less the first one's.
fn qq_shared(tables: &Tables) -> Drawn {
    let positive = only(&tables.shared, "sign", "positive")?;
    let of = |model: &str| -> Result<HashMap<String, f64>> {
        let own = only(&positive, "model", model)?;
        Ok(texts(&own, "file")?.into_iter().zip(floats(&own, "shared")?).collect())
    };
    let (style, plain) = (of(&tables.explained(Who::Second)?)?, of(&tables.explained(Who::First)?)?);
    let difference = |(file, shared): (&String, &f64)| Some(shared - plain.get(file)?);
    let differences = style.iter().filter_map(difference).filter(|value| value.is_finite());
    quantiles(&differences.collect::<Vec<_>>())
}

fn qq(tables: &Tables, hypothesis: &str) -> Drawn {
    quantiles(&analysis::differences_of(&tables.predictions, hypothesis, &Parameters::published())?)
}

fn quantiles(values: &[f64]) -> Drawn {
    let points = stats::normal_plot(values)?;
    let (theoretical, sample): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    Ok((plots::quantiles(&points), df!("theoretical" => theoretical, "sample" => sample)?))
}

fn curve(tables: &Tables, kind: &str, x: &str) -> Drawn {
    let data = analysis::curves(&tables.predictions, kind, "true_acc")?;
    Ok((plots::curves_of(&data)?.plot().x(x).y(analysis::measure_in_words("true_acc")), data))
}

fn difference(tables: &Tables) -> Drawn {
    let data = analysis::curves(&tables.predictions, "difference", "true_acc")?;
    Ok((plots::bars_of(&data, "model", "mean")?.plot().x(analysis::measure_in_words("true_acc")), data))
}

fn correlation(tables: &Tables) -> Drawn {
    let data = analysis::additivity(tables.patches()?)?;
    let curves = plots::plain_curves_of(&data, "model", "level", "r")?;
    Ok((curves.plot().x("side of the patches in pixels").y("Pearson's r"), data))
}

fn regression(tables: &Tables, who: Who) -> Drawn {
    let own = only(tables.patches()?, "model", &tables.network(who)?)?;
    let (single, all) = (floats(&own, "single")?, floats(&own, "all")?);
    let line = analysis::fitted_line(&own)?;
    let test = stats::pearson(&single, &all)?;
    let fit = Fit {
        x: floats(&line, "x")?,
        y: floats(&line, "y")?,
        low: floats(&line, "low")?,
        high: floats(&line, "high")?,
        note: format!("Pearson's r = {:.2}, p = {:.1e}", test.statistic, test.p),
    };
    let pairs: Vec<(f64, f64)> = single.into_iter().zip(all).collect();
    let draft = plots::regression(&pairs, fit);
    Ok((draft.x("sum over single patches (logits)").y("all patches at once (logits)"), own))
}

fn sums(tables: &Tables) -> Drawn {
    let patches = tables.patches()?;
    let draft = plots::letters(&analysis::groups(patches, "model", None, "single")?).size(760, 440);
    let data = patches.select(["model", "level", "orig_file", "patches", "single"])?;
    Ok((draft.y("untouched less patched (logits)"), data))
}

impl Tables<'_> {
    /// A network among the predictions.
    fn network(&self, who: Who) -> Result<String> {
        let there = match who {
            Who::First => self.networks.first(),
            Who::Second => self.networks.get(1),
            Who::Named(name) => {
                return match texts(&self.predictions, "model")?.iter().any(|own| own == name) {
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
        if texts(&self.overlap, "model")?.contains(&model) {
            return Ok(model);
        }
        Err(Error::new(Code::Model, format!("no relevance of network {model} in the table")))
    }

    fn patches(&self) -> Result<&DataFrame> {
        self.patches.as_ref().map_err(|error| Error::new(error.code(), error.message().to_string()))
    }
}
