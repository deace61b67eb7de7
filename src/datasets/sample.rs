use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::parameters::Sampling;
use crate::error::{Code, Error, Result, listed};
use crate::stats;
use crate::store::{ImageFile, sha256_hex};

impl Sampling {
    /// How many of each class to take of some photographs: a fixed number, or the least that gives the power asked for over all
    /// classes together, as far as the smallest class reaches (fault B3).
    ///
    /// # Errors
    /// [`Code::Parameter`] if effect, alpha or power is out of its range.
    pub fn per_class(&self, images: &[ImageFile]) -> Result<usize> {
        match *self {
            Sampling::PerClass(count) => Ok(count),
            Sampling::Power { effect, alpha, power } => {
                let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
                images.iter().for_each(|image| *classes.entry(&image.wnid).or_default() += 1);
                let smallest = classes.values().copied().min().unwrap_or(0);
                Ok(stats::sample_size(effect, alpha, power)?.div_ceil(classes.len().max(1)).min(smallest))
            }
        }
    }
}

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
    if classes.is_empty() || per_class == 0 {
        let found = match per_class {
            0 => "0 photographs of each class were asked for".to_string(),
            _ => "there is no photograph to choose from".to_string(),
        };
        return Err(Error::new(Code::Parameter, found).hint("see images_per_class and split in study.json"));
    }
    if !short.is_empty() {
        let found = format!("{per_class} photographs of each class were asked for; {}", listed(&short, 8));
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
    fn power_decides_how_many_as_far_as_there_are_some() {
        let power = Sampling::Power { effect: 0.5, alpha: 0.05, power: 0.8 };
        let all: Vec<ImageFile> = images(0..90);
        assert_eq!(power.per_class(&all).unwrap(), 34usize.div_ceil(3));
        assert_eq!(power.per_class(&all[..21]).unwrap(), 7, "as many as there are");
        assert_eq!(Sampling::PerClass(3).per_class(&all).unwrap(), 3);
        assert!(sample_images(&all, 0, 7).unwrap_err().to_string().contains("0 photographs"));
        assert!(sample_images(&[], 3, 7).unwrap_err().to_string().contains("no photograph"));
    }

    #[test]
    fn bad_input_61_a_class_that_is_too_small_is_named() {
        let error = sample_images(&images(0..7), 3, 7).unwrap_err();
        assert!(error.to_string().contains("n01 has 2"), "{error}");
    }
}
