use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::{Code, Error, Result};
use crate::store::{ImageFile, sha256_hex};

/// `per_class` photographs of each class: sorted by name, then chosen with a seed, so that the choice is the same on
/// every machine and does not depend on the order of a listing (fault B3). A class chooses for itself: adding another
/// class changes nothing.
///
/// # Errors
/// [`Code::Parameter`] naming each class that has fewer.
pub fn sample_images(images: &[ImageFile], per_class: usize, seed: u64) -> Result<Vec<ImageFile>> {
    let mut classes: BTreeMap<&str, Vec<&ImageFile>> = BTreeMap::new();
    for image in images {
        classes.entry(&image.wnid).or_default().push(image);
    }
    let short: Vec<String> = classes
        .iter()
        .filter(|(_, members)| members.len() < per_class)
        .map(|(wnid, members)| format!("{wnid} has {}", members.len()))
        .collect();
    if !short.is_empty() || classes.is_empty() {
        let found = format!("{per_class} images a class were asked for; {}", short.join(", "));
        return Err(Error::new(Code::Parameter, found).hint("lower images_per_class in study.json, or add photographs"));
    }
    let mut chosen = Vec::new();
    for (wnid, mut members) in classes {
        members.sort();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from_str_radix(&sha256_hex(wnid.as_bytes())[..15], 16).unwrap_or(0));
        members.shuffle(&mut rng);
        members.truncate(per_class);
        members.sort();
        chosen.extend(members.into_iter().cloned());
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(order: impl Iterator<Item = usize>) -> Vec<ImageFile> {
        let one = |index: usize| ImageFile {
            wnid: format!("n0{}", index % 3),
            stem: format!("image_{index}"),
            split: "val".into(),
            path: format!("{index}.JPEG").into(),
        };
        order.map(one).collect()
    }

    #[test]
    fn the_choice_does_not_depend_on_the_listing() {
        let forward = sample_images(&images(0..30), 3, 7).unwrap();
        let backward = sample_images(&images((0..30).rev()), 3, 7).unwrap();
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), 9);
        assert_ne!(forward, sample_images(&images(0..30), 3, 8).unwrap());
    }

    #[test]
    fn bad_input_61_a_class_that_is_too_small_is_named() {
        let error = sample_images(&images(0..7), 3, 7).unwrap_err();
        assert!(error.to_string().contains("n01 has 2"), "{error}");
    }
}
