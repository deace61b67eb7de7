//! lgf
pub mod bbox;
pub mod datasets;
pub mod edges;
pub mod error;
pub mod models;
pub mod notebook;
pub mod overlap;
pub mod pixels;
pub mod plots;
pub mod relevance;
pub mod sample;
pub mod stats;
pub mod store;
pub use error::{Error, Result};
