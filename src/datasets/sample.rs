use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::{Code, Error, Result, listed};
use crate::files::{ImageFile, sha256_hex};

/// `per_class` photographs of each class: sorted by identity, then chosen with a seed, so that the choice is the same on
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
    if classes.is_empty() || per_class == 0 {
        let found = match per_class {
            0 => "0 photographs of each class were asked for".to_string(),
            _ => "there is no photograph to choose from".to_string(),
        };
        return Err(Error::new(Code::Parameter, found)
            .hint("see --per-class and --split of `lgf init`, or images_per_class and split in study.json"));
    }
    if !short.is_empty() {
        let found = format!("{per_class} photographs of each class were asked for; {}", listed(&short, 8));
        return Err(Error::new(Code::Parameter, found)
            .hint("ask for fewer (--per-class of `lgf init`, images_per_class in study.json), or add photographs"));
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
        let one = |index: usize| {
            let id = format!("val/n0{}/image_{index}.JPEG", index % 3);
            ImageFile::at(format!("/{id}"), id)
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
    fn none_of_each_class_and_none_at_all_are_said() {
        let all = images(0..30);
        assert!(sample_images(&all, 0, 7).unwrap_err().to_string().contains("0 photographs"));
        assert!(sample_images(&[], 3, 7).unwrap_err().to_string().contains("no photograph"));
    }

    #[test]
    fn bad_input_61_a_class_that_is_too_small_is_named() {
        let error = sample_images(&images(0..7), 3, 7).unwrap_err();
        assert!(error.to_string().contains("n01 has 2"), "{error}");
    }
}
