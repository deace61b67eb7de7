//! A step split over machines.

use sha2::{Digest, Sha256};

/// One of several parts that the items of a step are split into, by their identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from 0.
    index: u64,
    /// How many there are.
    count: u64,
}

impl Shard {
    /// All items on one machine.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// Whether an item is of this part: SHA-256 of its identity modulo the number of parts.
    pub fn has(self, id: &str) -> bool {
        if self.count == 1 {
            return true;
        }
        let digest = Sha256::digest(id.as_bytes());
        let number = digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        number % self.count == self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_of_one_part_and_parts_are_alike() {
        let ids: Vec<String> = (0..900).map(|index| format!("val/n{index}.JPEG")).collect();
        let mut counts = [0; 3];
        for id in &ids {
            let own: Vec<u64> = (0..3).filter(|&index| Shard { index, count: 3 }.has(id)).collect();
            assert_eq!(own.len(), 1);
            counts[own[0] as usize] += 1;
            assert!(Shard::WHOLE.has(id));
        }
        assert!(counts.iter().all(|count| (250..350).contains(count)), "{counts:?}");
    }
}
