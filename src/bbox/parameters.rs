//! What becomes of photographs with several objects, of the validation set, or of another shape.

use serde::{Deserialize, Serialize};

/// What to do with a photograph that has several objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Objects {
    /// Leave it out, as the published filter did (fault A11).
    Single,
    /// The smallest box around all of them.
    Union,
    /// The object with the largest box.
    Largest,
    /// One row for each of them.
    #[default]
    All,
}

/// What to do with photographs of ImageNet's own validation set (`_val_` in their names).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// Leave them out, as published (fault B2).
    LeaveOut,
    /// Keep them.
    #[default]
    Keep,
}

/// What to do with an annotation of another shape than its photograph: of other proportions, as where the sides are
/// exchanged, the photograph was cropped or squeezed, or it is another one. Its box is of another picture then. One of
/// another size in the same proportions fits, and is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum OtherShape {
    /// Leave the photograph out.
    #[default]
    LeaveOut,
    /// Use the box all the same, with a remark.
    Keep,
}

/// Which rows [`subset`](super::subset) keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Subset {
    /// Photographs with several objects.
    pub objects: Objects,
    /// Photographs of the validation set.
    pub validation: Validation,
    /// Photographs of another shape than their annotation says.
    #[serde(default)]
    pub other_shape: OtherShape,
}
