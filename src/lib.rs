//! lgf
pub mod error;
pub mod pixels;
pub mod store;
pub use error::{Error, Result};
