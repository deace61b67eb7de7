use polars::prelude::*;

use super::distinct;
use crate::error::Result;
use crate::table::texts;

/// Shape bias of each network on cue-conflict pictures (Geirhos et al. 2019): decisions for the shape, over decisions for
/// shape or texture; pictures whose shape and texture are of one class are left out. Columns `model, shape, texture,
/// other` (decisions), `shape_bias` (missing where no decision was for either).
///
/// # Errors
/// [`crate::error::Code::Table`] if a column (`model, shape, texture, decision`) is missing.
pub fn shape_bias(decisions: &DataFrame) -> Result<DataFrame> {
    let models = texts(decisions, "model")?;
    let cues = Cue::of(decisions)?;
    let names = distinct(&models);
    let count = |name: &String, cue: Cue| {
        (0..models.len()).filter(|&row| models[row] == *name && cues[row] == Some(cue)).count() as i64
    };
    let each = |cue: Cue| names.iter().map(|name| count(name, cue)).collect::<Vec<_>>();
    let (shape, texture, other) = (each(Cue::Shape), each(Cue::Texture), each(Cue::Other));
    // Without a decision for either there is no bias.
    let bias =
        |(&shape, &texture): (&i64, &i64)| (shape + texture > 0).then(|| shape as f64 / (shape + texture) as f64);
    let biases: Vec<Option<f64>> = shape.iter().zip(&texture).map(bias).collect();
    Ok(df!("model" => names, "shape" => shape, "texture" => texture, "other" => other, "shape_bias" => biases)?)
}

/// What a decision on a picture of two cues follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    Shape,
    Texture,
    Other,
}

impl Cue {
    /// One a row; none where shape and texture are of one class.
    pub fn of(decisions: &DataFrame) -> Result<Vec<Option<Cue>>> {
        let (shapes, textures) = (texts(decisions, "shape")?, texts(decisions, "texture")?);
        let chosen = texts(decisions, "decision")?;
        let cue = |row: usize| {
            if shapes[row] == textures[row] {
                None
            } else if chosen[row] == shapes[row] {
                Some(Cue::Shape)
            } else if chosen[row] == textures[row] {
                Some(Cue::Texture)
            } else {
                Some(Cue::Other)
            }
        };
        Ok((0..chosen.len()).map(cue).collect())
    }
}
