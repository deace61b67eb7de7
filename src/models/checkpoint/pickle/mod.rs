//! The part of Python's pickle that a checkpoint needs, and nothing else. Globals are compared with a list of exact
//! names; nothing is ever called.
//!
//! A value is made once and known by its number from then on, to tables as to the memo. So no operation copies more
//! than numbers that it takes off the stack, texts stay where they are in the file, and the memory and the time that a
//! hostile pickle can ask for are bounded by its operations; the few that look through a value once more count as many
//! as it has items. What is copied at the end, or into a message, is bounded by itself.
//!
//! A name outside the list ends the reading. The rest is still gone through, so that the error can say which line of
//! Python saves what is needed of the file; what such a name would have made is a value that holds nothing.

mod calls;
mod describe;
mod globals;
mod machine;
mod run;
mod tables;

pub(crate) use describe::describe;
pub(crate) use describe::little_endian;
pub use describe::{Described, texts};
pub use globals::StorageKind;
pub use machine::{MAX_TENSORS, TensorRecord};
