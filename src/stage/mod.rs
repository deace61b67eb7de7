//! How steps are kept: what is finished, what a stopped run goes on with, what was skipped.

mod piece;
mod record;

pub use piece::Piece;
pub(crate) use piece::sweep;
pub use record::{Record, Summary};
