//! How networks were run, on record beside what they said.

use super::engine::Engine;
use super::input::Normalise;
use crate::error::{Code, Error, Result};
use crate::files::Store;
use crate::models::{Layer, PROGRAM, architecture};
use crate::pixels::{Kernel, View};
use crate::study::{NetworkEntry, Study};
use crate::table::{Row, SettingRow};

/// Writes how each of some networks was run in a step, as `<step>_settings` ([`SettingRow`]), beside those that an earlier run
/// has written.
///
/// # Errors
/// [`Code::Io`] if it cannot be written.
pub(crate) fn write_settings(
    store: &Store,
    step: &str,
    (networks, devices): (&[&Engine], &[String]),
    normalise: Normalise,
) -> Result<()> {
    let name = format!("{step}_settings");
    let _alone = store.alone();
    let mut all: Vec<SettingRow> = store.rows(&name).unwrap_or_default();
    for network in networks {
        let (view, values) = (network.view(), normalise.of(network));
        let colours = |values: [f32; 3]| values.map(|value| value.to_string()).join(" ");
        let apart = network.nodes().iter().any(|node| matches!(node.layer, Layer::BatchNorm { .. }));
        let row = SettingRow {
            model: network.name().to_string(),
            short: i64::from(view.short),
            side: i64::from(view.side),
            resize: view.kernel.to_string(),
            mean: colours(values.mean),
            deviation: colours(values.std),
            precision: network.precision().to_string(),
            batch_norm: if apart { "apart" } else { "merged" }.to_string(),
            kernels: if network.fuses() { "fused" } else { "plain" }.to_string(),
            device: if devices.is_empty() { network.device().to_string() } else { devices.join(" and ") },
        };
        match all.iter_mut().find(|other| other.model == row.model) {
            Some(other) => *other = row,
            None => all.push(row),
        }
    }
    store.write_table(&name, &SettingRow::table(all)?)?;
    Ok(())
}

/// What a network saw of photographs in a step; the usual where that is not on record.
///
/// # Errors
/// [`Code::Table`] for a record that is broken.
pub(crate) fn view_in(store: &Store, step: &str, model: &str) -> Result<View> {
    let name = format!("{step}_settings");
    if !store.path(&format!("{name}.parquet")).exists() {
        return Ok(View::IMAGENET);
    }
    let rows: Vec<SettingRow> = store.rows(&name)?;
    let Some(row) = rows.iter().find(|row| row.model == model) else { return Ok(View::IMAGENET) };
    let wrong = || Error::new(Code::Table, format!("{name} has no view of {model}")).hint("run the step again");
    let side = |side: i64| u32::try_from(side).map_err(|_| wrong());
    let kernel = [Kernel::Bilinear, Kernel::Bicubic].into_iter().find(|kernel| kernel.to_string() == row.resize);
    let view = View { short: side(row.short)?, side: side(row.side)?, kernel: kernel.ok_or_else(wrong)? };
    view.check()?;
    Ok(view)
}

/// What the networks of a study see of photographs, each view once.
///
/// # Errors
/// [`Code::Model`] for an architecture that is not known.
pub(crate) fn study_views(study: &Study) -> Result<Vec<View>> {
    let one = |entry: &NetworkEntry| match entry.view {
        Some(view) => Ok(view),
        None if entry.architecture == PROGRAM => Ok(View::IMAGENET),
        None => architecture(&entry.architecture).map(|architecture| architecture.view()),
    };
    let mut views: Vec<View> = study.networks().iter().map(one).collect::<Result<_>>()?;
    views.sort();
    views.dedup();
    Ok(views)
}
