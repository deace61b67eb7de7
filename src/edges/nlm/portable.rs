//! The work on a row as it runs everywhere, weights from a table.

use super::band::Steps;
use super::extended::BLOCK;
use super::windows::Windows;

pub(super) struct Portable<'a>(pub(super) &'a Windows);

impl<const C: usize> Steps<C> for Portable<'_> {
    type Weight = i32;

    fn move_down(&self, columns: &mut [u32], one: [&[u8]; C], other: [&[u8]; C]) {
        for (one, other) in one.into_iter().zip(other) {
            for ((column, one), other) in columns.iter_mut().zip(one.chunks_exact(2)).zip(other.chunks_exact(2)) {
                let [new, old] = [0, 1].map(|at| u32::from(one[at].abs_diff(other[at])).pow(2));
                *column = column.wrapping_add(new).wrapping_sub(old);
            }
        }
    }

    fn weigh(&self, columns: &[u32], weights: &mut [i32]) {
        let Windows { template, shift, weights: table, .. } = self.0;
        let last = table.len() - 1;
        // A block of windows at once, column by column: whole registers of sums.
        for (number, weights) in weights.chunks_exact_mut(BLOCK).enumerate() {
            let columns = &columns[number * BLOCK..];
            let mut sums = [0u32; BLOCK];
            for from in 0..2 * template + 1 {
                let columns: &[u32; BLOCK] = columns[from..].first_chunk().expect("padded by a block");
                (0..BLOCK).for_each(|lane| sums[lane] = sums[lane].wrapping_add(columns[lane]));
            }
            for (weight, sum) in weights.iter_mut().zip(sums) {
                *weight = table[((sum >> shift) as usize).min(last)] as i32;
            }
        }
    }

    fn add(&self, weights: &[&[i32]], partners: &[[&[u8]; C]], totals: &mut [i32], mut sums: [&mut [i32]; C]) {
        for (weights, partners) in weights.iter().zip(partners) {
            for (total, weight) in totals.iter_mut().zip(*weights) {
                *total += weight;
            }
            for (sums, partners) in sums.iter_mut().zip(partners) {
                for ((sum, weight), partner) in sums.iter_mut().zip(*weights).zip(partners.chunks_exact(2)) {
                    *sum += weight * i32::from(partner[0]);
                }
            }
        }
    }
}
