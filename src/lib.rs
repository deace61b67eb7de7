//! A toolkit for people who study whether neural networks see local texture or global shape.
//!
//! It replicates the notebook sequence of the master's thesis "The Role of Local Versus Global Features in Convolutional
//! Neural Networks" (boxes, edges, scrambled, patched and smoothed pictures, experiments on six networks, relevance maps,
//! relevance against edges, analysis), as published or with its faults mended, and tests itself on a drawn sample whose
//! answer is known. Rust notebooks in the evcxr kernel drive it; the command line `lgf` runs the same steps headless.
//!
//! Data flows one way, and imports point down:
//!
//! | floor | module | responsibility |
//! |---|---|---|
//! | 0 | [`error`], [`notebook`], [`process`] | one typed error; all that is shown; what the machine must give |
//! | 1 | [`pixels`], [`store`] | pictures, frames, boxes, masks, maps; everything on disk |
//! | 2 | [`bbox`], [`edges`], [`datasets`] | archives to boxes; pictures to edges; pictures to variants |
//! | 3 | `models` | networks as values: layers, families, checkpoints, the registry |
//! | 4 | `inference` | how networks are executed: devices, precisions, kernels, threads, batches |
//! | 5 | `relevance` | layer-wise relevance propagation over those values |
//! | 6 | [`overlap`] | masks against masks |
//! | 7 | [`stats`], [`analysis`] | tests on slices; tables to tables |
//! | 8 | [`plots`] | numbers, masks and maps to figures |
//! | 9 | [`protocol`], [`sample`] | every constant and choice; the drawn test bench |
//! | 10 | `sequence`, `report` | all steps, one after another, and with one fault more or less; one page of it all |

#![deny(missing_docs)]
#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used))]
#![deny(clippy::print_stdout, clippy::dbg_macro)]

pub mod analysis;
pub mod bbox;
pub mod datasets;
pub mod edges;
pub mod error;
#[cfg(feature = "torch")]
pub mod inference;
#[cfg(feature = "torch")]
pub mod models;
#[cfg(test)]
mod mutations;
pub mod notebook;
pub mod overlap;
pub mod pixels;
pub mod plots;
pub mod prelude;
pub mod process;
pub mod protocol;
#[cfg(feature = "torch")]
pub mod relevance;
#[cfg(feature = "torch")]
pub mod report;
pub mod sample;
#[cfg(feature = "torch")]
pub mod sequence;
pub mod stats;
pub mod store;

pub use error::{Error, Result};
/// The library of tables that steps hand to each other.
pub use polars;
