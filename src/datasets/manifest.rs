//! The manifest of step 4: what every picture is.

use polars::prelude::*;

use super::encoding::Encoding;
use super::manipulation::{Facts, Kind, Recipe};
use super::manipulations;
use super::parameters::{Parameters, plan};
use super::smoother::Smoother;
use crate::error::Result;
use crate::files::ImageFile;
use crate::pixels::Crop;
use crate::table::{integers, rejects_table, texts};

/// The manifest and what was skipped.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// One row a file: `file` (under the root), `original` (identity of the photograph, [`ImageFile::id`]), `wnid`, `kind`, `level` (side of the
    /// blocks or patches in pixels, number of passes; 0 for the untouched picture), `variant` (number of the order or of
    /// the patch; -1 for all patches at once and where there is but one), `order` (of the blocks, or their shifts),
    /// `displacement` (mean distance that blocks moved, in pixels), `row`, `col`, `height`, `width` (of a single patch,
    /// else -1), `gap` (between patches, else -1), `fill` (of patches), `smoother`, `seed`, `protocol`, `sha256` (empty
    /// where no file was written).
    pub table: DataFrame,
    /// Photographs that could not be read.
    pub rejects: DataFrame,
}

/// One row of the manifest.
pub(super) struct Row {
    pub image: usize,
    pub recipe: Recipe,
    pub file: String,
    pub sha256: String,
}

/// The file of a variant under the root.
pub(super) fn file_name(image: &ImageFile, recipe: &Recipe, encoding: Encoding) -> String {
    format!("{}/{}_{}.{}", recipe.kind.folder, image.id, recipe.name, encoding.ending())
}

/// The manifest of what [`build`](super::build()) would make, without making it: no file is written, and `sha256` is empty. For
/// experiments that make every picture in memory.
///
/// # Errors
/// As [`plan`].
pub fn planned(images: &[ImageFile], parameters: &Parameters, smoother: &dyn Smoother) -> Result<Manifest> {
    let mut rows = Vec::new();
    for (image, photograph) in images.iter().enumerate() {
        for recipe in plan(&photograph.id, Crop::SIDE, parameters)? {
            let file = file_name(photograph, &recipe, parameters.encoding);
            rows.push(Row { image, recipe, file, sha256: String::new() });
        }
    }
    Ok(Manifest { table: table(rows, images, parameters, smoother)?, rejects: rejects_table(&[])? })
}

/// Where the recipes of some photographs stand in their manifest: (photograph, recipe), row by row.
pub fn in_order(plans: &[Vec<Recipe>]) -> Vec<(usize, usize)> {
    let mut order: Vec<(usize, usize, usize)> = Vec::new();
    for (image, plan) in plans.iter().enumerate() {
        order.extend(plan.iter().enumerate().map(|(index, recipe)| (place(recipe.kind), image, index)));
    }
    order.sort_by_key(|(kind, image, _)| (*kind, *image));
    order.into_iter().map(|(_, image, index)| (image, index)).collect()
}

/// The place of a kind in the manifest.
pub(super) fn place(kind: &Kind) -> usize {
    manipulations::kinds().take_while(|other| *other != kind).count()
}

pub(super) fn table(
    mut rows: Vec<Row>,
    images: &[ImageFile],
    parameters: &Parameters,
    smoother: &dyn Smoother,
) -> Result<DataFrame> {
    rows.sort_by_cached_key(|row| (place(row.recipe.kind), row.image));
    let facts: Vec<Facts> = rows.iter().map(|row| row.recipe.change.facts(Crop::SIDE)).collect();
    let places: Vec<[i64; 4]> = facts
        .iter()
        .map(|facts| {
            facts.place.map_or([-1; 4], |place| [place.row, place.col, place.height, place.width].map(i64::from))
        })
        .collect();
    let place = |side: usize| places.iter().map(|place| place[side]).collect::<Vec<_>>();
    let identity = smoother.identity();
    Ok(df!(
        "file" => rows.iter().map(|row| row.file.clone()).collect::<Vec<_>>(),
        "original" => rows.iter().map(|row| images[row.image].id.clone()).collect::<Vec<_>>(),
        "wnid" => rows.iter().map(|row| images[row.image].wnid.clone()).collect::<Vec<_>>(),
        "kind" => rows.iter().map(|row| row.recipe.kind.name).collect::<Vec<_>>(),
        "level" => rows.iter().map(|row| i64::from(row.recipe.level)).collect::<Vec<_>>(),
        "variant" => rows.iter().map(|row| row.recipe.variant).collect::<Vec<_>>(),
        "order" => facts.iter().map(|facts| facts.order.as_str()).collect::<Vec<_>>(),
        "displacement" => facts.iter().map(|facts| facts.displacement).collect::<Vec<_>>(),
        "row" => place(0),
        "col" => place(1),
        "height" => place(2),
        "width" => place(3),
        "gap" => facts.iter().map(|facts| facts.gap.map_or(-1, i64::from)).collect::<Vec<_>>(),
        "fill" => facts.iter().map(|facts| facts.fill).collect::<Vec<_>>(),
        "smoother" => facts.iter().map(|facts| if facts.smoothed { identity.as_str() } else { "" }).collect::<Vec<_>>(),
        "seed" => vec![parameters.seed as i64; rows.len()],
        "protocol" => vec![parameters.protocol.as_str(); rows.len()],
        "sha256" => rows.iter().map(|row| row.sha256.clone()).collect::<Vec<_>>(),
    )?)
}

impl Manifest {
    /// Files of each kind, as a table: `kind, files`.
    ///
    /// # Errors
    /// [`Code::Table`] if the manifest lacks a column.
    pub fn totals(&self) -> Result<DataFrame> {
        let kinds = texts(&self.table, "kind")?;
        let counts: Vec<(&str, i64)> = manipulations::kinds()
            .map(|kind| (kind.name, kinds.iter().filter(|name| *name == kind.name).count() as i64))
            .filter(|(_, count)| *count > 0)
            .collect();
        Ok(df!(
            "kind" => counts.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
            "files" => counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        )?)
    }

    /// Files of each kind and level, as a table: `kind, level, gap, fill, files`.
    ///
    /// # Errors
    /// [`Code::Table`] if the manifest lacks a column.
    pub fn counts(&self) -> Result<DataFrame> {
        let (kinds, fills) = (texts(&self.table, "kind")?, texts(&self.table, "fill")?);
        let (levels, gaps) = (integers(&self.table, "level")?, integers(&self.table, "gap")?);
        type Dose<'a> = (&'a str, i64, i64, &'a str);
        let mut counts: Vec<(Dose<'_>, i64)> = Vec::new();
        for row in 0..kinds.len() {
            let key = (kinds[row].as_str(), levels[row], gaps[row], fills[row].as_str());
            match counts.iter_mut().find(|(other, _)| *other == key) {
                Some((_, count)) => *count += 1,
                None => counts.push((key, 1)),
            }
        }
        Ok(df!(
            "kind" => counts.iter().map(|((kind, ..), _)| *kind).collect::<Vec<_>>(),
            "level" => counts.iter().map(|((_, level, ..), _)| *level).collect::<Vec<_>>(),
            "gap" => counts.iter().map(|((.., gap, _), _)| (*gap >= 0).then_some(*gap)).collect::<Vec<_>>(),
            "fill" => counts.iter().map(|((.., fill), _)| *fill).collect::<Vec<_>>(),
            "files" => counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        )?)
    }
}
