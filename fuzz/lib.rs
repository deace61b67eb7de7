//! The library's reader of checkpoints by itself, without libtorch.

#[path = "../src/error.rs"]
pub mod error;
#[path = "../src/models"]
mod models {
    pub mod checkpoint {
        pub mod archive;
        pub mod choice;
        pub mod foreign;
        pub mod layout;
        pub mod pickle;
        pub mod words;
    }
    pub mod families {
        mod names;
        pub use names::{NAMINGS, Naming};
    }
}
/// What the readers take of the room that shows.
mod notebook {
    pub fn counted(count: usize, noun: &str) -> String {
        format!("{count} {noun}s")
    }
}
mod probe;

pub use probe::{check, packed};
