use image::RgbImage;
use image::imageops::{crop_imm, replace};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// Which orders of the blocks count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scrambling {
    /// Any order, the original one and repeats included, as published (fault B5).
    Any,
    /// No block stays where it was, and no order comes twice for one image.
    Derangements,
}

/// The picture with its square blocks of side `block`, taken in row order, in the order of `permutation`: place `k` gets
/// block `permutation[k]`.
///
/// # Errors
/// [`Code::Parameter`] if the side of the picture is no multiple of `block`, or `permutation` has another length.
pub fn scrambled(picture: &RgbImage, block: u32, permutation: &[usize]) -> Result<RgbImage> {
    let (width, height) = picture.dimensions();
    if block == 0 || !width.is_multiple_of(block) || !height.is_multiple_of(block) {
        return Err(Error::new(Code::Parameter, format!("blocks of {block} do not fill {height} x {width}")));
    }
    let columns = width / block;
    let count = (columns * (height / block)) as usize;
    if permutation.len() != count || permutation.iter().any(|&from| from >= count) {
        return Err(Error::new(Code::Parameter, format!("an order of {} for {count} blocks", permutation.len())));
    }
    let place = |index: usize| ((index as u32 % columns) * block, (index as u32 / columns) * block);
    let mut out = RgbImage::new(width, height);
    for (to, &from) in permutation.iter().enumerate() {
        let ((x, y), (to_x, to_y)) = (place(from), place(to));
        let piece = crop_imm(picture, x, y, block, block).to_image();
        replace(&mut out, &piece, i64::from(to_x), i64::from(to_y));
    }
    Ok(out)
}

/// `variants` orders of `count` blocks.
///
/// # Errors
/// [`Code::Parameter`] if so many different derangements do not exist.
pub fn derangements(count: usize, variants: usize, how: Scrambling, rng: &mut ChaCha8Rng) -> Result<Vec<Vec<usize>>> {
    if how == Scrambling::Derangements && derangement_count(count) < variants as f64 {
        return Err(Error::new(Code::Parameter, format!("{count} blocks have fewer than {variants} derangements")));
    }
    let mut orders: Vec<Vec<usize>> = Vec::new();
    while orders.len() < variants {
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(rng);
        let stays = order.iter().enumerate().any(|(place, &block)| place == block);
        if how == Scrambling::Derangements && (stays || orders.contains(&order)) {
            continue;
        }
        orders.push(order);
    }
    Ok(orders)
}

/// `D(n) = (n - 1) (D(n - 1) + D(n - 2))`.
fn derangement_count(count: usize) -> f64 {
    let (mut before, mut now) = (1.0, 0.0);
    for n in 2..=count {
        (before, now) = (now, (n as f64 - 1.0) * (now + before));
    }
    if count == 0 { 1.0 } else { now }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use rand::SeedableRng;

    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(224, 224, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8]))
    }

    #[test]
    fn scrambling_moves_pixels_and_loses_none() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for block in [28, 32, 56, 112] {
            let count = (224 / block as usize).pow(2);
            for order in derangements(count, 3, Scrambling::Derangements, &mut rng).unwrap() {
                assert!(order.iter().enumerate().all(|(place, &from)| place != from));
                let scrambled = scrambled(&picture(), block, &order).unwrap();
                let sorted = |image: &RgbImage| {
                    let mut pixels: Vec<[u8; 3]> = image.pixels().map(|pixel| pixel.0).collect();
                    pixels.sort_unstable();
                    pixels
                };
                assert_eq!(sorted(&scrambled), sorted(&picture()));
                let mut inverse = vec![0; count];
                order.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
                assert_eq!(super::scrambled(&scrambled, block, &inverse).unwrap(), picture());
            }
        }
    }

    #[test]
    fn four_blocks_have_nine_derangements() {
        assert_eq!(derangement_count(4), 9.0);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let all = derangements(4, 9, Scrambling::Derangements, &mut rng).unwrap();
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 9);
        assert!(derangements(4, 10, Scrambling::Derangements, &mut rng).is_err());
    }

    #[test]
    fn blocks_that_do_not_fill_are_refused() {
        assert!(scrambled(&picture(), 50, &[]).unwrap_err().to_string().contains("do not fill"));
    }
}
