//! All that touches a disk or the network: the data root, whole writes, hashes, listings of photographs, downloads.
//!
//! No other room makes, renames, syncs or removes files. Outputs appear whole: a temporary name in the same folder, fsync,
//! rename.
//!
//! ```
//! use lgf::files::Store;
//!
//! # let folder = tempfile::tempdir().map_err(anyhow::Error::from)?;
//! let store = Store::at(folder.path())?;
//! store.write("notes/first.txt", b"thirty photographs")?;
//! assert_eq!(store.read("notes/first.txt")?, b"thirty photographs");
//! # Ok::<(), anyhow::Error>(())
//! ```

mod disk;
mod download;
mod form;
mod hash;
mod images;
mod journal;
mod machine;
mod member;
mod name;
mod pip;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod probe;
mod root;
mod scratch;
mod share;
mod unpacked;
mod wheel;
mod whole;
mod writer;

pub use download::Download;
pub(crate) use form::FORM;
pub use hash::{Written, sha256_hex};
pub(crate) use hash::{hash_file, hex};
pub(crate) use images::is_wnid;
pub use images::{ImageFile, LAYOUTS, Listing, is_leftover, list_folders, list_images};
pub(crate) use journal::{Journal, Records, list_anew, records};
pub(crate) use machine::{is_at_work, machine};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use member::made;
pub use name::{check_name, check_names};
pub use root::Store;
pub(crate) use scratch::Scratch;
pub(crate) use share::Watched;
pub use share::{Measured, Plan, Planned, Shard, Share, Worked};
pub use unpacked::Archive;
pub use wheel::{FromWheel, Wheel};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use whole::folder_of;
pub use whole::write_whole;
pub(crate) use writer::missing;
