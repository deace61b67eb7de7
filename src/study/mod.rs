//! What a data root is a study of: which photographs, annotations, classes and networks; which of these are compared.

mod classes;
mod describe;
mod pairs;

pub use classes::{ClassList, short_name};
pub use describe::{Allow, Classes, NetworkEntry, Study};
pub use pairs::{PUBLISHED, Pair};
