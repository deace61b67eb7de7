//! The drawn test bench: ten classes whose shape and texture are set independently, in ImageNet's own layout, and small
//! networks trained on such drawings, one to need texture and one to need shape.
//!
//! ```no_run
//! use lgf::sample::{self, Sample};
//! use lgf::files::Store;
//!
//! let study = sample::write(&Store::open()?, &Sample::default())?;
//! println!("{} networks", study.networks().len());
//! # Ok::<(), lgf::Error>(())
//! ```

mod annotations;
mod assignment;
mod configural;
pub mod draw;
mod exchange;
mod layout;
pub mod picture;
mod rules;
#[cfg(feature = "torch")]
mod train;

pub use annotations::{AnnotationSet, write_annotations};
pub use configural::{Anagram, Form, Orientation, Silhouette, anagrams, configural_sheet, silhouettes};
pub use exchange::{Exchange, exchanges};
pub use layout::{
    BAG_OF_TILES, NAME, NETWORKS, ObjectMask, Sample, Textures, WITH_PATCHES, contact_sheet, knows_patches, masks,
    open, write,
};
pub use rules::{RULE_ACCURACY, RULE_KAPPA, RULES};
#[cfg(feature = "torch")]
pub use train::{Card, Drawings, PATCH, Training, bag_of_tiles, save, test, train, trained};
