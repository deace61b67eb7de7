//! The manifest of step 4: what every picture is.

use std::collections::HashMap;

use polars::prelude::DataFrame;

use super::encoding::Encoding;
use super::manipulation::{Kind, Recipe};
use super::manipulations;
use super::parameters::{Parameters, plan};
use super::smoother::Smoother;
use crate::error::Result;
use crate::files::ImageFile;
use crate::pixels::Crop;
use crate::table::{ManifestRow, Row, rejects_table, table};

/// The manifest and what was skipped.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// One row a file ([`ManifestRow`]).
    pub table: DataFrame,
    /// Photographs that could not be read.
    pub rejects: DataFrame,
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
    let of = |image: &ImageFile| -> Result<Vec<ManifestRow>> {
        let recipes = plan(&image.id, Crop::SIDE, parameters)?;
        Ok(recipes.iter().map(|recipe| row(image, recipe, parameters, smoother)).collect())
    };
    let rows = images.iter().map(of).collect::<Result<_>>()?;
    Ok(Manifest { table: ManifestRow::table(in_manifest(rows))?, rejects: rejects_table(&[])? })
}

/// The rows of some photographs in the order of the manifest: kind by kind, and within each as the photographs come.
pub(super) fn in_manifest(photographs: Vec<Vec<ManifestRow>>) -> Vec<ManifestRow> {
    let mut rows: Vec<ManifestRow> = photographs.into_iter().flatten().collect();
    let places: HashMap<&str, usize> = manipulations::kinds().enumerate().map(|(at, kind)| (kind.name, at)).collect();
    rows.sort_by_key(|row| places.get(row.kind.as_str()).copied());
    rows
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

/// The row of a variant, before its file is written.
pub(super) fn row(image: &ImageFile, recipe: &Recipe, parameters: &Parameters, smoother: &dyn Smoother) -> ManifestRow {
    let facts = recipe.change.facts(Crop::SIDE);
    let [row, col, height, width] =
        facts.place.map_or([-1; 4], |place| [place.row, place.col, place.height, place.width].map(i64::from));
    ManifestRow {
        file: file_name(image, recipe, parameters.encoding),
        original: image.id.clone(),
        wnid: image.wnid.clone(),
        kind: recipe.kind.name.to_string(),
        level: i64::from(recipe.level),
        variant: recipe.variant,
        order: facts.order,
        displacement: facts.displacement,
        row,
        col,
        height,
        width,
        gap: facts.gap.map_or(-1, i64::from),
        fill: facts.fill.to_string(),
        smoother: if facts.smoothed { smoother.identity() } else { String::new() },
        seed: parameters.seed as i64,
        protocol: parameters.protocol.clone(),
        sha256: String::new(),
    }
}

table! {
    /// Files of a kind of picture.
    pub struct KindCountRow {
        /// The kind.
        kind: String,
        /// How many there are.
        files: i64,
    }
}

table! {
    /// Files of a kind of picture and its level.
    pub struct LevelCountRow {
        /// The kind.
        kind: String,
        /// The level; 0 for the untouched picture.
        level: i64,
        /// Pixels between patches.
        gap: Option<i64>,
        /// What fills patches; else empty.
        fill: String,
        /// How many there are.
        files: i64,
    }
}

impl Manifest {
    /// Files of each kind, as a table: `kind, files`.
    ///
    /// # Errors
    /// [`Code::Table`](crate::error::Code::Table) if the manifest lacks a column.
    pub fn totals(&self) -> Result<DataFrame> {
        let rows = ManifestRow::rows(&self.table)?;
        let count = |kind: &&Kind| rows.iter().filter(|row| row.kind == kind.name).count() as i64;
        let counts = manipulations::kinds().map(|kind| KindCountRow { kind: kind.name.into(), files: count(&kind) });
        KindCountRow::table(counts.filter(|row| row.files > 0).collect())
    }

    /// Files of each kind and level, as a table: `kind, level, gap, fill, files`.
    ///
    /// # Errors
    /// [`Code::Table`](crate::error::Code::Table) if the manifest lacks a column.
    pub fn counts(&self) -> Result<DataFrame> {
        let mut counts: Vec<LevelCountRow> = Vec::new();
        for ManifestRow { kind, level, gap, fill, .. } in ManifestRow::rows(&self.table)? {
            let row = LevelCountRow { kind, level, gap: (gap >= 0).then_some(gap), fill, files: 0 };
            let same = |other: &LevelCountRow| LevelCountRow { files: 0, ..other.clone() } == row;
            let at = counts.iter().position(same).unwrap_or_else(|| {
                counts.push(row);
                counts.len() - 1
            });
            counts[at].files += 1;
        }
        LevelCountRow::table(counts)
    }
}
