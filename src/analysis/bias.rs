use polars::prelude::*;

use super::distinct;
use crate::error::Result;
use crate::store::texts;

/// Shape bias of each network on cue-conflict pictures (Geirhos et al. 2019): decisions for the shape, over decisions for
/// shape or texture; pictures whose shape and texture are of one class are left out. Columns `model, shape, texture,
/// other` (decisions), `shape_bias`.
///
/// # Errors
/// [`crate::error::Code::Table`] if a column (`model, shape, texture, decision`) is missing.
pub fn shape_bias(decisions: &DataFrame) -> Result<DataFrame> {
    let models = texts(decisions, "model")?;
    let (shapes, textures) = (texts(decisions, "shape")?, texts(decisions, "texture")?);
    let chosen = texts(decisions, "decision")?;
    let names = distinct(&models);
    let mut counts = vec![[0i64; 3]; names.len()];
    for row in 0..models.len() {
        if shapes[row] == textures[row] {
            continue;
        }
        let place = names.iter().position(|name| *name == models[row]).unwrap_or(0);
        let cue = if chosen[row] == shapes[row] {
            0
        } else if chosen[row] == textures[row] {
            1
        } else {
            2
        };
        counts[place][cue] += 1;
    }
    let bias = |count: &[i64; 3]| count[0] as f64 / (count[0] + count[1]) as f64;
    Ok(df!(
        "model" => names,
        "shape" => counts.iter().map(|count| count[0]).collect::<Vec<_>>(),
        "texture" => counts.iter().map(|count| count[1]).collect::<Vec<_>>(),
        "other" => counts.iter().map(|count| count[2]).collect::<Vec<_>>(),
        "shape_bias" => counts.iter().map(bias).collect::<Vec<_>>(),
    )?)
}
