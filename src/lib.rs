//! A toolkit for people who study whether neural networks see local texture or global shape.
//!
//! It replicates the notebook sequence of the master's thesis "The Role of Local Versus Global Features in Convolutional
//! Neural Networks" (boxes, edges, scrambled, patched and smoothed pictures, experiments on six networks, relevance maps,
//! relevance against edges, analysis), as published or with its faults mended, and tests itself on a drawn sample whose
//! answer is known. Rust notebooks in the evcxr kernel drive it; the command line `lgf` runs the same steps headless.
//!
//! Data flows one way, and imports point down:
//!
//! | floor | room | responsibility |
//! |---|---|---|
//! | 0 | [`error`] | one typed error, with path, place, cause and hint |
//! | 1 | [`notebook`] | all that is shown: display, tables, grids, progress, stop; the only place that prints |
//! | 1 | [`process`], [`files`] | what the machine must give; all that touches a disk or the network |
//! | 1 | [`table`] | typed rows and data frames; the only place that names a column as a string |
//! | 1 | [`stats`] | tests, intervals, densities on plain slices |
//! | 2 | [`pixels`] | decoding, frames, boxes, masks, maps; resizing and cropping |
//! | 3 | [`study`] | what a data root holds: photographs, classes, networks |
//! | 3 | [`stage`] | the one runner of every step |
//! | 4 | [`bbox`], [`edges`] | archives to boxes; photographs to edges |
//! | 4 | [`datasets`] | photographs to variants |
//! | 5 | `models` | networks as values: layers, families, checkpoints, the registry |
//! | 6 | `inference` | how networks are executed: devices, precisions, kernels, threads, batches |
//! | 6 | [`observers`] | who decides: networks and people; scoring, decision files |
//! | 7 | `relevance` | layer-wise relevance propagation over those values |
//! | 7 | [`overlap`] | masks against masks |
//! | 8 | [`analysis`] | tables to tables |
//! | 9 | [`plots`] | tables, masks and maps to figures |
//! | 10 | [`protocol`], [`sample`] | every constant and choice; the drawn test bench |
//! | 11 | `judge` | metrics of maps, judged by what is true of drawings |
//! | 12 | `sequence`, `report` | all steps, one after another; one page of it all |
//! | 12 | [`prelude`], `bin/lgf` | what a notebook begins with; the command line |
//!
//! `make map` reads the floors from this table.

#![deny(missing_docs)]
#![deny(unsafe_code)]
#![cfg_attr(not(any(test, feature = "fuzzing")), deny(clippy::unwrap_used))]
#![deny(clippy::print_stdout, clippy::dbg_macro)]

pub mod analysis;
pub mod bbox;
pub mod datasets;
pub mod edges;
pub mod error;
pub mod files;
#[cfg(feature = "torch")]
pub mod inference;
#[cfg(feature = "torch")]
pub mod judge;
#[cfg(feature = "torch")]
pub mod models;
pub mod notebook;
pub mod observers;
pub mod overlap;
pub mod pixels;
pub mod plots;
pub mod prelude;
pub mod process;
pub mod protocol;
#[cfg(any(test, feature = "fuzzing"))]
pub mod readers;
#[cfg(feature = "torch")]
pub mod relevance;
#[cfg(feature = "torch")]
pub mod report;
pub mod sample;
#[cfg(feature = "torch")]
pub mod sequence;
pub mod stage;
pub mod stats;
pub mod study;
pub mod table;

pub use error::{Error, Result};
/// The library of pictures: a cell that keeps one needs its types by name.
pub use image;
/// The library of tables that steps hand to each other.
pub use polars;
#[cfg(feature = "torch")]
pub use sequence::{Run, open};
/// The library of tensors, and libtorch behind it.
#[cfg(feature = "torch")]
pub use tch;
