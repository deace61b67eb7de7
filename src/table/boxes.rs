//! What the columns of the tables of boxes are called. They are as long as ImageNet: a million rows are read and written column
//! by column, never as structs.

use polars::prelude::DataType;

/// Class of the annotation, as its folder.
pub const FOLDER: &str = "folder";
/// Name of the photograph, without its ending.
pub const FILENAME: &str = "filename";
/// Where it comes from.
pub const DATABASE: &str = "database";
/// Columns of the photograph, in pixels.
pub const WIDTH: &str = "width";
/// Rows of the photograph, in pixels.
pub const HEIGHT: &str = "height";
/// Colours.
pub const DEPTH: &str = "depth";
/// Whether it was segmented: 0 or 1.
pub const SEGMENTED: &str = "segmented";
/// Number of the object within its file, from 0.
pub const OBJECT: &str = "object";
/// Class of the object.
pub const NAME: &str = "name";
/// Its pose.
pub const POSE: &str = "pose";
/// Whether it is cut off: 0 or 1.
pub const TRUNCATED: &str = "truncated";
/// Whether it is hard to see: 0 or 1.
pub const DIFFICULT: &str = "difficult";
/// First column of the box.
pub const XMIN: &str = "xmin";
/// First row.
pub const YMIN: &str = "ymin";
/// Column just outside of it.
pub const XMAX: &str = "xmax";
/// Row just outside.
pub const YMAX: &str = "ymax";
/// Identity of the photograph.
pub const FILE: &str = "file";
/// Its class.
pub const WNID: &str = "wnid";
/// Its split.
pub const SPLIT: &str = "split";
/// Where it is.
pub const PATH: &str = "path";
/// First row of what is visible in the crop.
pub const CROP_ROW: &str = "crop_row";
/// First column.
pub const CROP_COL: &str = "crop_col";
/// Rows.
pub const CROP_HEIGHT: &str = "crop_height";
/// Columns.
pub const CROP_WIDTH: &str = "crop_width";
/// First column in the crop, as published.
pub const XMIN_N: &str = "xmin_n";
/// First row.
pub const YMIN_N: &str = "ymin_n";
/// Last column.
pub const XMAX_N: &str = "xmax_n";
/// Last row.
pub const YMAX_N: &str = "ymax_n";

/// The columns of the table of boxes in their order: one row an object.
pub const BOX_COLUMNS: [(&str, DataType); 16] = [
    (FOLDER, DataType::String),
    (FILENAME, DataType::String),
    (DATABASE, DataType::String),
    (WIDTH, DataType::Int32),
    (HEIGHT, DataType::Int32),
    (DEPTH, DataType::Int32),
    (SEGMENTED, DataType::Int32),
    (OBJECT, DataType::Int32),
    (NAME, DataType::String),
    (POSE, DataType::String),
    (TRUNCATED, DataType::Int32),
    (DIFFICULT, DataType::Int32),
    (XMIN, DataType::Int32),
    (YMIN, DataType::Int32),
    (XMAX, DataType::Int32),
    (YMAX, DataType::Int32),
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

/// What [`subset`](crate::bbox::subset) adds to the columns of a box: the photograph (`file` is its identity, [`ImageFile::id`](crate::files::ImageFile::id)), and the
/// box in the crop by both protocols. The corrected one ([`to_crop_corrected`](crate::bbox::to_crop_corrected)) is empty where nothing of the box is
/// visible; the published one ([`to_crop_published`](crate::bbox::to_crop_published)) has the published study's own names, and may be inverted.
pub const SUBSET_COLUMNS: [(&str, DataType); 12] = [
    (FILE, DataType::String),
    (WNID, DataType::String),
    (SPLIT, DataType::String),
    (PATH, DataType::String),
    (CROP_ROW, DataType::Int32),
    (CROP_COL, DataType::Int32),
    (CROP_HEIGHT, DataType::Int32),
    (CROP_WIDTH, DataType::Int32),
    (XMIN_N, DataType::Int32),
    (YMIN_N, DataType::Int32),
    (XMAX_N, DataType::Int32),
    (YMAX_N, DataType::Int32),
];
