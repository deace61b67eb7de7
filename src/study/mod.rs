//! What a data root is a study of: which photographs, annotations, classes and networks; which of these are compared.

mod classes;
mod describe;
mod pairs;
mod root;
mod seen;

pub use classes::{ClassList, short_name};
pub use describe::{Allow, Classes, Description, NetworkEntry};
pub use pairs::{PUBLISHED, Pair};
pub use root::{ClassRow, ContentRow, Study, class_counts};
pub use seen::{Mapped, Seen, seen, spread};
