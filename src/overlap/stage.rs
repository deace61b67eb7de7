//! Step 5.3 on a data root: the regions of relevance of every network against the edges.

use std::path::Path;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::compare::{Overlap, chance, compare};
use super::ranking::{Ranking, rank};
use crate::error::{Code, Error, Result};
use crate::files::{Store, sha256_hex};
use crate::pixels::{Crop, HeatMap, PixelMask};
use crate::stage::{Item, Made, Named};
use crate::table::{Lines, OverlapRow, Place, RankingRow, Region, RegionRow, Row};

/// Distances from an edge, in pixels, at which maps are ranked.
const DISTANCES: [u8; 5] = [0, 1, 2, 4, 8];

/// What a network's map of a photograph is set against.
#[derive(Debug, Clone)]
pub struct Sides {
    /// The map.
    pub map: HeatMap<Crop>,
    /// All edges of the photograph.
    pub edges: PixelMask<Crop>,
    /// Its coarse edges.
    pub outlines: PixelMask<Crop>,
    /// Where its objects are, if it has boxes.
    pub object: Option<PixelMask<Crop>>,
}

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
/// `regions` are the rows of step 5.2; `sides` gives the map and the masks that it and step 3 wrote.
///
/// # Errors
/// [`Code::Missing`](crate::error::Code::Missing) if a map or a mask is not there; [`Code::Stopped`](crate::error::Code::Stopped).
pub fn against_edges(
    store: &Store,
    regions: &[RegionRow],
    sides: impl Fn(&RegionRow) -> Result<Sides> + Sync,
) -> Result<DataFrame> {
    let step =
        store.step(Named("overlap", "overlap"), "maps", &(), &[])?.reading(&[("maps", &inputs(store, regions)?)]);
    if step.finished() {
        return store.table("imgnette_sample_data");
    }
    let items: Vec<Map> = regions.iter().map(Map).collect();
    let mut done = step.each(&items, |_, Map(row)| {
        let sides = sides(row)?;
        Ok(Made {
            rows: Found { overlaps: overlaps(row, &sides)?, rankings: rankings(row, &sides)? },
            files: Vec::new(),
        })
    })?;
    let (mut overlaps, mut rankings) = (Vec::new(), Vec::new());
    for (_, found) in &mut done.rows {
        overlaps.append(&mut found.overlaps);
        rankings.append(&mut found.rankings);
    }
    let table = OverlapRow::table(overlaps)?;
    let mut files = store.write_table("overlap_ranking", &RankingRow::table(rankings)?)?.to_vec();
    files.extend(store.write_table("imgnette_sample_data", &table)?);
    step.finish(done, files)?;
    Ok(table)
}

/// What identifies the maps and masks: the rows, and the manifests of the steps that wrote the files.
fn inputs(store: &Store, regions: &[RegionRow]) -> Result<String> {
    let rows = serde_json::to_vec(regions).map_err(|cause| Error::new(Code::Table, "regions").because(cause))?;
    let mut all = sha256_hex(&rows);
    let mut written = vec!["manifests/edges.json".to_string()];
    written.extend(regions.iter().map(|row| format!("manifests/lrp_regions_{}.json", row.model)));
    written.dedup();
    for name in written {
        all.push_str(&store.read(&name).map_or_else(|_| "none".to_string(), |bytes| sha256_hex(&bytes)));
    }
    Ok(sha256_hex(all.as_bytes()))
}

/// A map, for the runner.
struct Map<'a>(&'a RegionRow);

impl Item for Map<'_> {
    fn id(&self) -> &str {
        &self.0.file
    }

    fn path(&self) -> Option<&Path> {
        None
    }
}

/// The rows of a map.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    overlaps: Vec<OverlapRow>,
    rankings: Vec<RankingRow>,
}

fn rankings(of: &RegionRow, sides: &Sides) -> Result<Vec<RankingRow>> {
    let mut rows = Vec::new();
    for (lines, mask) in [(Lines::Edges, &sides.edges), (Lines::Outlines, &sides.outlines)] {
        rows.extend(rank(&sides.map, mask, &DISTANCES)?.into_iter().map(
            |Ranking { distance, base, auroc, average_precision }| RankingRow {
                file: of.file.clone(),
                model: of.model.clone(),
                lines,
                distance: i64::from(distance),
                base,
                auroc,
                average_precision,
            },
        ));
    }
    Ok(rows)
}

fn overlaps(of: &RegionRow, sides: &Sides) -> Result<Vec<OverlapRow>> {
    let map = &sides.map;
    let regions = [
        (Region::Positive, map.positive_region()),
        (Region::Negative, map.negative_region()),
        (Region::Top, map.top(map.values().len() / 10)),
        (Region::Half, map.mass_region(0.5)),
    ];
    let mut places = vec![(Place::Whole, None)];
    if let Some(object) = &sides.object {
        places.extend([(Place::Box, Some(object.clone())), (Place::Outside, Some(object.not()))]);
    }
    let mut rows = Vec::new();
    for (region, mask) in &regions {
        let row = |place, overlap, chance| row(of, (*region, place), overlap, chance);
        let outlines = &sides.outlines;
        rows.push(row(Place::Outlines, compare(mask, outlines)?, chance(mask, outlines)?));
        for (place, inside) in &places {
            let (mask, edges) = match inside {
                Some(inside) => (mask.and(inside)?, sides.edges.and(inside)?),
                None => (mask.clone(), sides.edges.clone()),
            };
            // Edges that are cut to a place would be shifted out of it: chance is that of the place as a whole.
            let chance = match inside {
                Some(inside) => (mask.count() > 0).then(|| edges.count() as f64 / inside.count() as f64),
                None => chance(&mask, &edges)?,
            };
            rows.push(row(*place, compare(&mask, &edges)?, chance));
        }
    }
    Ok(rows)
}

fn row(of: &RegionRow, (region, place): (Region, Place), overlap: Overlap, chance: Option<f64>) -> OverlapRow {
    OverlapRow {
        file: of.file.clone(),
        wnid: of.wnid.clone(),
        model: of.model.clone(),
        region,
        place,
        pixels: overlap.region as i64,
        edges: overlap.edges as i64,
        shared: overlap.shared as i64,
        share: overlap.share,
        chance,
        beyond_chance: overlap.share.zip(chance).map(|(share, chance)| share - chance),
    }
}
