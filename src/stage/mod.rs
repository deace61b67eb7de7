//! How steps are kept: one runner, with what is finished, what a stopped run goes on with, and what was skipped.
//!
//! A step is a function from an item to its rows and files. Its key is the hash of its inputs, its parameters and the code
//! that it uses; a step that is finished for the same key is read back.

mod code;
mod item;
mod parts;
mod piece;
mod record;
mod shard;
mod step;

pub(crate) use code::code_of;
pub use item::{Item, Made, Outcome};
pub use parts::Parts;
pub use piece::Piece;
pub(crate) use piece::sweep;
pub use record::{Named, Record, Summary};
pub use shard::Shard;
pub use step::{Done, Step};
