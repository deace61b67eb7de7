//! The drawn test bench.
pub mod draw;
pub mod picture;
pub mod train;
