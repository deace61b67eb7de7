//! The tables of step 3.

use super::row::{table, text_cell};

/// What a mask is a mask of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum FrameName {
    /// The 224 x 224 crop that a network sees.
    Crop,
    /// The whole photograph, as published (fault A3).
    Original,
}

impl FrameName {
    const NAMES: &[(FrameName, &str)] = &[(FrameName::Crop, "crop"), (FrameName::Original, "original")];
}
text_cell!(FrameName);

table! {
    /// A photograph and its edges (`edges_data`).
    pub struct EdgeRow {
        /// Identity of the photograph.
        file: String,
        /// Its class.
        wnid: String,
        /// What was looked at.
        frame: FrameName,
        /// Rows of that, in pixels.
        height: i64,
        /// Columns of that, in pixels.
        width: i64,
        /// Edge pixels.
        edges: i64,
        /// Share of the pixels that are edges, 0 to 1.
        density: f64,
        /// Coarse edge pixels.
        contours: i64,
        /// The mask, a file under the root.
        mask: String,
        /// SHA-256 of the photograph.
        sha256: String,
    }
}

table! {
    /// A box that is visible in the crop, and the edges inside it (`edges_data_flt`).
    pub struct BoxEdgeRow {
        /// Identity of the photograph.
        file: String,
        /// Its class.
        wnid: String,
        /// Number of the object within the annotation, from 0.
        object: i64,
        /// First row of the box, in pixels of the frame.
        row: i64,
        /// First column.
        col: i64,
        /// Rows.
        height: i64,
        /// Columns.
        width: i64,
        /// Edge pixels inside.
        edges: i64,
        /// Share of the box's pixels that are edges; NaN for a box without an area.
        density: f64,
        /// Coarse edge pixels inside.
        contours: i64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::comes_back;
    use super::*;

    #[test]
    fn rows_come_back_from_their_tables() {
        comes_back::<EdgeRow>();
        comes_back::<BoxEdgeRow>();
    }
}
