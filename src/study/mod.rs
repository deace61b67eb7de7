//! What a data root is a study of: which photographs, annotations, classes and networks.

mod classes;
mod describe;
mod seen;

pub use classes::{ClassList, short_name};
pub use describe::{Allow, Classes, NetworkEntry, Study};
pub use seen::{Mapped, Seen, seen};
