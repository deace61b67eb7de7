//! What a data root is a study of: which photographs, annotations, classes and networks.

mod classes;
mod describe;

pub use classes::{ClassList, short_name};
pub use describe::{Allow, Classes, NetworkEntry, Study};
