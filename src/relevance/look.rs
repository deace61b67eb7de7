//! Relevance to look at.

use super::maps::map_of;
use crate::edges;
use crate::error::Result;
use crate::files::{ImageFile, Store};
use crate::study::{Mapped, Seen, seen};

/// Photographs with their edges and the relevance of each network for them, as steps 3 and 5.2 wrote them.
///
/// # Errors
/// As [`map_of`], [`edges::mask_of`] and [`crate::pixels::crop_of`].
pub fn maps_of(store: &Store, images: &[ImageFile], models: &[String]) -> Result<Vec<Mapped>> {
    let mapped = |photograph: Seen| {
        let map = |model: &String| Ok((model.clone(), map_of(store, model, &photograph.id)?));
        let maps = models.iter().map(map).collect::<Result<_>>()?;
        Ok(Mapped { edges: edges::mask_of(store, &photograph.id)?, maps, photograph })
    };
    seen(images)?.into_iter().map(mapped).collect()
}
