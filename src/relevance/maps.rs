//! The maps that step 5.2 wrote.

use std::io::Write;
use std::path::Path;

use polars::prelude::DataFrame;
use tch::Tensor;

use super::engine::Explained;
use super::quality::localisation;
use crate::error::{Code, Error, Result};
use crate::files::{Store, write_whole};
use crate::pixels::{Crop, HeatMap, PixelMask, npy_header};
use crate::table::{LocalisationRow, RegionRow, Row};

/// The map that step 5.2 wrote for a network and a photograph.
///
/// # Errors
/// [`Code::Missing`] if step 5.2 has not run for them, [`Code::Table`] if the file is broken.
pub fn map_of(store: &Store, model: &str, id: &str) -> Result<HeatMap<Crop>> {
    let name = map_name(model, id);
    HeatMap::from_npy(&store.read(&name)?).map_err(|error| error.or_path(store.path(&name)))
}

/// How much of each map of step 5.2 lies on its photograph's object, the boxes of step 2 that the network sees together, one row
/// a photograph and network ([`LocalisationRow`]). `object` gives their mask; where it gives none, the photograph is left out.
///
/// # Errors
/// As [`map_of`] and [`localisation`].
pub fn localise(
    store: &Store,
    regions: &[RegionRow],
    object: impl Fn(&RegionRow) -> Result<Option<PixelMask<Crop>>>,
) -> Result<DataFrame> {
    let mut rows = Vec::new();
    for row in regions {
        let Some(object) = object(row)?.filter(|object| object.count() > 0) else { continue };
        let RegionRow { file, model, .. } = row;
        let found = localisation(&map_of(store, model, file)?, &object)?;
        rows.push(LocalisationRow {
            file: file.clone(),
            model: model.clone(),
            mass: found.mass,
            rank: found.rank,
            points_at: f64::from(u8::from(found.points_at)),
            chance: found.chance,
        });
    }
    LocalisationRow::table(rows)
}

/// Relevance of some batches as one NumPy file: float32, `[n, 3, h, w]`, whole or not at all.
///
/// # Errors
/// [`Code::Io`] if it cannot be written; [`Code::Parameter`] if there is none or their sizes differ.
pub fn write_npy(path: &Path, batches: &[Explained]) -> Result<()> {
    let Some(first) = batches.first() else { return Err(Error::new(Code::Parameter, "no relevance to write")) };
    let mut shape = first.relevance.size();
    shape[0] = batches.iter().map(|batch| batch.relevance.size()[0]).sum();
    if batches.iter().any(|batch| batch.relevance.size()[1..] != shape[1..]) {
        return Err(Error::new(Code::Parameter, "relevance of pictures of several sizes in one file"));
    }
    let values = |tensor: &Tensor| -> Result<Vec<f32>> {
        let tensor = tensor.to_device(tch::Device::Cpu).to_kind(tch::Kind::Float);
        Ok(Vec::<f32>::try_from(tensor.contiguous().view(-1))?)
    };
    let all: Result<Vec<Vec<f32>>> = batches.iter().map(|batch| values(&batch.relevance)).collect();
    let all = all?;
    write_whole(path, |file| {
        file.write_all(&npy_header(&shape))?;
        for value in all.iter().flatten() {
            file.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    })
}

pub(super) fn map_name(model: &str, id: &str) -> String {
    format!("lrp/{model}/{id}.npy")
}
