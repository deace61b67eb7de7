//! Relevance to look at.

use super::maps::map_of;
use crate::edges;
use crate::error::Result;
use crate::files::{ImageFile, Store};
use crate::inference::view_in;
use crate::pixels::View;
use crate::study::{Explained, Mapped, Seen, seen};

/// Photographs with their edges and the relevance of each network for them, as steps 3 and 5.2 wrote them.
///
/// # Errors
/// As [`map_of`], [`edges::mask_of`] and [`crate::pixels::crop_of`].
pub fn maps_of(store: &Store, images: &[ImageFile], models: &[String]) -> Result<Vec<Mapped>> {
    let views: Vec<View> = models.iter().map(|model| view_in(store, "lrp", model)).collect::<Result<_>>()?;
    let mapped = |(image, photograph): (&ImageFile, Seen)| {
        let explained = |(model, view): (&String, &View)| {
            Ok(Explained {
                model: model.clone(),
                picture: if *view == View::IMAGENET { photograph.picture.clone() } else { view.of(&image.path)? },
                edges: edges::mask_in(store, &image.id, *view)?,
                map: map_of(store, model, &image.id)?,
            })
        };
        let maps = models.iter().zip(&views).map(explained).collect::<Result<_>>()?;
        Ok(Mapped { maps, photograph })
    };
    images.iter().zip(seen(images)?).map(mapped).collect()
}
