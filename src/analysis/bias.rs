//! What decisions on pictures of two cues follow.

use polars::prelude::DataFrame;

use super::distinct::distinct;
use crate::error::Result;
use crate::table::{ConflictRow, Row, table};

table! {
    /// Decisions of a network on cue-conflict pictures.
    pub struct ShapeBiasRow {
        /// The network.
        model: String,
        /// Decisions for the shape.
        shape: i64,
        /// Decisions for the texture.
        texture: i64,
        /// Decisions for neither.
        other: i64,
        /// Decisions for the shape over those for either, 0 to 1; missing where there was none.
        shape_bias: Option<f64>,
    }
}

/// Shape bias of each network on cue-conflict pictures (Geirhos et al. 2019): decisions for the shape, over decisions for
/// shape or texture; pictures whose shape and texture are of one class are left out. A table of [`ShapeBiasRow`]s.
///
/// ```
/// use lgf::analysis::{ShapeBiasRow, shape_bias};
/// use lgf::table::{ConflictRow, Row, ScoreRow};
///
/// let row = |shape: &str, texture: &str, decision: &str| {
///     let said = ScoreRow { model: "resnet50".into(), pred_name: decision.into(), ..ScoreRow::default() };
///     ConflictRow::of(said, shape.into(), texture.into())
/// };
/// let decisions = [
///     row("church", "tench", "church"),
///     row("church", "tench", "tench"),
///     row("tench", "church", "church"),
///     row("tench", "tench", "tench"),
/// ];
/// let bias = ShapeBiasRow::rows(&shape_bias(&decisions)?)?;
/// assert_eq!(bias[0].shape_bias, Some(1.0 / 3.0));
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// None in practice: the columns are of one length.
pub fn shape_bias(decisions: &[ConflictRow]) -> Result<DataFrame> {
    let row = |model: &str| {
        let count =
            |cue: Cue| decisions.iter().filter(|row| row.model == model && Cue::of(row) == Some(cue)).count() as i64;
        let (shape, texture) = (count(Cue::Shape), count(Cue::Texture));
        // Without a decision for either there is no bias.
        let shape_bias = (shape + texture > 0).then(|| shape as f64 / (shape + texture) as f64);
        ShapeBiasRow { model: model.to_string(), shape, texture, other: count(Cue::Other), shape_bias }
    };
    ShapeBiasRow::table(distinct(decisions.iter().map(|row| row.model.as_str())).into_iter().map(row).collect())
}

/// What a decision on a picture of two cues follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    Shape,
    Texture,
    Other,
}

impl Cue {
    /// None where shape and texture are of one class.
    pub fn of(row: &ConflictRow) -> Option<Cue> {
        if row.shape == row.texture {
            None
        } else if row.decision == row.shape {
            Some(Cue::Shape)
        } else if row.decision == row.texture {
            Some(Cue::Texture)
        } else {
            Some(Cue::Other)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::comes_back;

    #[test]
    fn rows_come_back_from_their_table() {
        comes_back::<ShapeBiasRow>();
    }
}
