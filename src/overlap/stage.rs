//! Step 5.3 on a data root: the regions of relevance of every network against the edges.

use std::collections::HashMap;

use polars::prelude::*;
use rayon::prelude::*;

use super::{Overlap, Ranking, chance, compare, rank};
use crate::error::Result;
use crate::files::Store;
use crate::notebook::Progress;
use crate::pixels::{Crop, HeatMap, PixelMask};
use crate::table::texts;

/// Distances from an edge, in pixels, at which maps are ranked.
const DISTANCES: [u8; 5] = [0, 1, 2, 4, 8];

/// One row a photograph, network, region and place: `file, wnid, model, region, place, pixels, edges, shared, share` (of
/// the region's pixels), `chance` (the same on shifted edges), `beyond_chance` (share less chance).
///
/// Regions: `positive, negative` (the published ones, beyond the mean), `top` (the tenth of all pixels of highest
/// relevance) and `half` (the fewest pixels that hold half of the positive relevance), of one area and one mass for all
/// networks (fault C6). Places: `whole` picture, and `box` and `outside` of it, where region and edges are cut to the place
/// alike (fault D1); a photograph without an object has only the first. And `outlines`: the whole picture against coarse
/// edges alone, which are those of objects rather than of their textures (fault A10).
///
/// Written to `imgnette_sample_data`. Beside it `overlap_ranking`, a row a photograph, network and distance from an edge
/// (0, 1, 2, 4, 8 px): `file, model, lines` (`edges` or `outlines`), `distance, base, auroc, average_precision` ([`Ranking`]).
///
/// `regions` is the table of step 5.2; `map`, `edges` and `outlines` give what it and step 3 wrote, `objects` where the
/// objects are.
///
/// # Errors
/// [`crate::error::Code::Missing`] if a map or a mask is not there; [`crate::error::Code::Stopped`].
pub fn against_edges(
    store: &Store,
    regions: &DataFrame,
    map: impl Fn(&str, &str) -> Result<HeatMap<Crop>> + Sync,
    edges: impl Fn(&str) -> Result<PixelMask<Crop>> + Sync,
    outlines: impl Fn(&str) -> Result<PixelMask<Crop>> + Sync,
    objects: &HashMap<String, PixelMask<Crop>>,
    progress: Progress,
) -> Result<DataFrame> {
    let (files, wnids, models) = (texts(regions, "file")?, texts(regions, "wnid")?, texts(regions, "model")?);
    let run = progress.start(files.len(), "maps");
    let found: Result<Vec<(Vec<Row>, Vec<Ranked>)>> = (0..files.len())
        .into_par_iter()
        .map(|index| {
            run.check()?;
            let map = map(&models[index], &files[index])?;
            let (mask, coarse) = (edges(&files[index])?, outlines(&files[index])?);
            let rows = rows(index, &map, &mask, &coarse, objects.get(&files[index]))?;
            let mut ranked = Vec::new();
            for (lines, mask) in [("edges", &mask), ("outlines", &coarse)] {
                ranked.extend(rank(&map, mask, &DISTANCES)?.into_iter().map(|one| (lines, one)));
            }
            run.tick();
            Ok((rows, ranked))
        })
        .collect();
    let found = found?;
    run.finish();
    let rows: Vec<&Row> = found.iter().flat_map(|(rows, _)| rows).collect();
    let ranked: Vec<(usize, &Ranked)> =
        found.iter().enumerate().flat_map(|(index, (_, ranked))| ranked.iter().map(move |one| (index, one))).collect();
    let lift = |row: &&Row| row.overlap.share.zip(row.chance).map(|(share, chance)| share - chance);
    let table = df!(
        "file" => rows.iter().map(|row| files[row.index].clone()).collect::<Vec<_>>(),
        "wnid" => rows.iter().map(|row| wnids[row.index].clone()).collect::<Vec<_>>(),
        "model" => rows.iter().map(|row| models[row.index].clone()).collect::<Vec<_>>(),
        "region" => rows.iter().map(|row| row.region).collect::<Vec<_>>(),
        "place" => rows.iter().map(|row| row.place).collect::<Vec<_>>(),
        "pixels" => rows.iter().map(|row| row.overlap.region as i64).collect::<Vec<_>>(),
        "edges" => rows.iter().map(|row| row.overlap.edges as i64).collect::<Vec<_>>(),
        "shared" => rows.iter().map(|row| row.overlap.shared as i64).collect::<Vec<_>>(),
        "share" => rows.iter().map(|row| row.overlap.share).collect::<Vec<_>>(),
        "chance" => rows.iter().map(|row| row.chance).collect::<Vec<_>>(),
        "beyond_chance" => rows.iter().map(lift).collect::<Vec<_>>(),
    )?;
    let ranking = df!(
        "file" => ranked.iter().map(|(index, _)| files[*index].clone()).collect::<Vec<_>>(),
        "model" => ranked.iter().map(|(index, _)| models[*index].clone()).collect::<Vec<_>>(),
        "lines" => ranked.iter().map(|(_, (lines, _))| *lines).collect::<Vec<_>>(),
        "distance" => ranked.iter().map(|(_, (_, one))| i64::from(one.distance)).collect::<Vec<_>>(),
        "base" => ranked.iter().map(|(_, (_, one))| one.base).collect::<Vec<_>>(),
        "auroc" => ranked.iter().map(|(_, (_, one))| one.auroc).collect::<Vec<_>>(),
        "average_precision" => ranked.iter().map(|(_, (_, one))| one.average_precision).collect::<Vec<_>>(),
    )?;
    store.write_table("overlap_ranking", &ranking)?;
    store.write_table("imgnette_sample_data", &table)?;
    Ok(table)
}

/// A ranking, and by which lines.
type Ranked = (&'static str, Ranking);

struct Row {
    index: usize,
    region: &'static str,
    place: &'static str,
    overlap: Overlap,
    chance: Option<f64>,
}

fn rows(
    index: usize,
    map: &HeatMap<Crop>,
    edges: &PixelMask<Crop>,
    outlines: &PixelMask<Crop>,
    object: Option<&PixelMask<Crop>>,
) -> Result<Vec<Row>> {
    let regions = [
        ("positive", map.positive_region()),
        ("negative", map.negative_region()),
        ("top", map.top(map.values().len() / 10)),
        ("half", map.mass_region(0.5)),
    ];
    let mut places = vec![("whole", None)];
    if let Some(object) = object {
        places.extend([("box", Some(object.clone())), ("outside", Some(object.not()))]);
    }
    let mut rows = Vec::new();
    for (region, mask) in &regions {
        let by_chance = chance(mask, outlines)?;
        rows.push(Row { index, region, place: "outlines", overlap: compare(mask, outlines)?, chance: by_chance });
        for (place, inside) in &places {
            let (mask, edges) = match inside {
                Some(inside) => (mask.and(inside)?, edges.and(inside)?),
                None => (mask.clone(), edges.clone()),
            };
            // Edges that are cut to a place would be shifted out of it: chance is that of the place as a whole.
            let chance = match inside {
                Some(inside) => (mask.count() > 0).then(|| edges.count() as f64 / inside.count() as f64),
                None => chance(&mask, &edges)?,
            };
            rows.push(Row { index, region, place, overlap: compare(&mask, &edges)?, chance });
        }
    }
    Ok(rows)
}
