//! Step 5.3 on a data root: the regions of relevance of every network against the edges.

use polars::prelude::*;
use rayon::prelude::*;

use super::{chance, compare};
use crate::error::Result;
use crate::notebook::Progress;
use crate::pixels::{Crop, HeatMap, PixelMask};
use crate::store::{Store, texts};

/// One row a photograph, network and region (`positive`, `negative`: the published ones; `top`: the tenth of all pixels
/// of highest relevance, of one size for all networks): `file, wnid, model, region, pixels, edges, shared, share` (of the
/// region's pixels), `chance` (the same on shifted edges), `lift` (share less chance), `mass` (share of the positive
/// relevance that lies on edges, for the rows of `positive` only, else missing). Written to `imgnette_sample_data`.
///
/// `regions` is the table of step 5.2; `map` and `edges` give what it and step 3 wrote.
///
/// # Errors
/// [`crate::error::Code::Missing`] if a map or a mask is not there; [`crate::error::Code::Stopped`].
pub fn against_edges(
    store: &Store,
    regions: &DataFrame,
    map: impl Fn(&str, &str) -> Result<HeatMap<Crop>> + Sync,
    edges: impl Fn(&str) -> Result<PixelMask<Crop>> + Sync,
    progress: Progress,
) -> Result<DataFrame> {
    let (files, wnids, models) = (texts(regions, "file")?, texts(regions, "wnid")?, texts(regions, "model")?);
    let run = progress.start(files.len(), "maps");
    let rows: Result<Vec<Vec<Row>>> = (0..files.len())
        .into_par_iter()
        .map(|index| {
            run.check()?;
            let map = map(&models[index], &files[index])?;
            let mask = edges(&files[index])?;
            let tenth = map.values().len() / 10;
            let cut =
                [("positive", map.positive_region()), ("negative", map.negative_region()), ("top", map.top(tenth))];
            let rows = cut.into_iter().map(|(name, region)| {
                let overlap = compare(&region, &mask)?;
                let mass = if name == "positive" { map.positive_share_on(&mask)? } else { None };
                Ok(Row { index, region: name, overlap, chance: chance(&region, &mask)?, mass })
            });
            let rows: Result<Vec<Row>> = rows.collect();
            run.tick();
            rows
        })
        .collect();
    let rows: Vec<Row> = rows?.into_iter().flatten().collect();
    run.finish();
    let lift = |row: &Row| row.overlap.share.zip(row.chance).map(|(share, chance)| share - chance);
    let table = df!(
        "file" => rows.iter().map(|row| files[row.index].clone()).collect::<Vec<_>>(),
        "wnid" => rows.iter().map(|row| wnids[row.index].clone()).collect::<Vec<_>>(),
        "model" => rows.iter().map(|row| models[row.index].clone()).collect::<Vec<_>>(),
        "region" => rows.iter().map(|row| row.region).collect::<Vec<_>>(),
        "pixels" => rows.iter().map(|row| row.overlap.region as i64).collect::<Vec<_>>(),
        "edges" => rows.iter().map(|row| row.overlap.edges as i64).collect::<Vec<_>>(),
        "shared" => rows.iter().map(|row| row.overlap.shared as i64).collect::<Vec<_>>(),
        "share" => rows.iter().map(|row| row.overlap.share).collect::<Vec<_>>(),
        "chance" => rows.iter().map(|row| row.chance).collect::<Vec<_>>(),
        "lift" => rows.iter().map(lift).collect::<Vec<_>>(),
        "mass" => rows.iter().map(|row| row.mass).collect::<Vec<_>>(),
    )?;
    store.write_table("imgnette_sample_data", &table)?;
    Ok(table)
}

struct Row {
    index: usize,
    region: &'static str,
    overlap: super::Overlap,
    chance: Option<f64>,
    mass: Option<f64>,
}
