//! What the columns of the tables of boxes are called.

use polars::prelude::DataType;

/// The columns of the table of boxes in their order: one row an object.
pub const BOX_COLUMNS: [(&str, DataType); 16] = [
    ("folder", DataType::String),
    ("filename", DataType::String),
    ("database", DataType::String),
    ("width", DataType::Int32),
    ("height", DataType::Int32),
    ("depth", DataType::Int32),
    ("segmented", DataType::Int32),
    ("object", DataType::Int32),
    ("name", DataType::String),
    ("pose", DataType::String),
    ("truncated", DataType::Int32),
    ("difficult", DataType::Int32),
    ("xmin", DataType::Int32),
    ("ymin", DataType::Int32),
    ("xmax", DataType::Int32),
    ("ymax", DataType::Int32),
];

/// The columns of the published table (notebook 1, cell 30) in their order: one row a file.
pub const PUBLISHED_COLUMNS: [&str; 16] = [
    "folder",
    "filename",
    "segmented",
    "source.database",
    "size.width",
    "size.height",
    "size.depth",
    "object.name",
    "object.pose",
    "object.truncated",
    "object.difficult",
    "object.bndbox.xmin",
    "object.bndbox.ymin",
    "object.bndbox.xmax",
    "object.bndbox.ymax",
    "object",
];

/// What [`subset`](super::subset) adds to the columns of a box: the photograph (`file` is its identity, [`ImageFile::id`](crate::files::ImageFile::id)), and the
/// box in the crop by both protocols. The corrected one ([`to_crop_corrected`](super::to_crop_corrected)) is empty where nothing of the box is
/// visible; the published one ([`to_crop_published`](super::to_crop_published)) has the published study's own names, and may be inverted.
pub const SUBSET_COLUMNS: [(&str, DataType); 12] = [
    ("file", DataType::String),
    ("wnid", DataType::String),
    ("split", DataType::String),
    ("path", DataType::String),
    ("crop_row", DataType::Int32),
    ("crop_col", DataType::Int32),
    ("crop_height", DataType::Int32),
    ("crop_width", DataType::Int32),
    ("xmin_n", DataType::Int32),
    ("ymin_n", DataType::Int32),
    ("xmax_n", DataType::Int32),
    ("ymax_n", DataType::Int32),
];
