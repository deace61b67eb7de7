//! The sums of some rows of a picture, offset by offset.

use std::ops::Range;

use super::extended::{BLOCK, Extended};
use super::windows::Windows;

/// Offsets beside each other that share a pass over the sums.
const GROUP: usize = 7;

/// Rows, or a row, of each plane.
type Rows<'a, const C: usize> = [&'a [u8]; C];

/// How the work on a row is done: in the widest registers that there are, or everywhere.
pub(super) trait Steps<const C: usize> {
    /// A weight as it is stored.
    type Weight: Copy + Default;

    /// Brings sums of squared differences down the columns one row further, from the pairs of pixels of both places.
    fn move_down(&self, columns: &mut [u32], one: Rows<'_, C>, other: Rows<'_, C>);
    /// Weights by the sums of neighbouring columns.
    fn weigh(&self, columns: &[u32], weights: &mut [Self::Weight]);
    /// Adds the weights of a group of offsets to the totals of a row, and weights times partners to its sums. Rows are whole
    /// blocks long, weights and partners at least as long.
    fn add(&self, weights: &[&[Self::Weight]], partners: &[Rows<'_, C>], totals: &mut [i32], sums: [&mut [i32]; C]);
}

/// The sums of some rows, and the rows of numbers on the way to them.
pub(super) struct Band<'a, S: Steps<C>, const C: usize> {
    extended: &'a Extended<C>,
    steps: S,
    template: usize,
    rows: Range<usize>,
    width: usize,
    /// Columns of a row of sums: the width in whole blocks.
    stride: usize,
    /// Sum of the weights, and of weight times value of each channel, of each pixel.
    pub(super) total: Vec<i32>,
    pub(super) sums: [Vec<i32>; C],
    /// For each offset of a group: sums of squares down the columns and weights, of one row.
    columns: [Vec<u32>; GROUP],
    weights: [Vec<S::Weight>; GROUP],
}

/// Where the pixels of an offset of a group are: the first column of the first pixel, and how many columns.
type Span = (isize, usize);

impl<'a, S: Steps<C>, const C: usize> Band<'a, S, C> {
    /// Each pixel with its own, largest, weight.
    pub(super) fn new(
        extended: &'a Extended<C>,
        windows: &Windows,
        rows: Range<usize>,
        width: usize,
        steps: S,
    ) -> Self {
        let stride = width.next_multiple_of(BLOCK);
        let longest = (width + windows.search).next_multiple_of(BLOCK) + BLOCK;
        let weight = windows.weights[0] as i32;
        let own = |channel: usize| {
            let mut sums = Vec::with_capacity(rows.len() * stride);
            for row in rows.clone() {
                let pairs = &extended.row(row as isize, 0)[channel][..2 * stride];
                sums.extend(pairs.chunks_exact(2).map(|pair| weight * i32::from(pair[0])));
            }
            sums
        };
        Band {
            total: vec![weight; rows.len() * stride],
            sums: std::array::from_fn(own),
            columns: std::array::from_fn(|_| vec![0; longest + 2 * windows.template + BLOCK]),
            weights: std::array::from_fn(|_| vec![S::Weight::default(); longest]),
            template: windows.template,
            extended,
            steps,
            rows,
            width,
            stride,
        }
    }

    /// All pairs of pixels at most `reach` apart.
    #[inline(always)]
    pub(super) fn add_all_pairs(&mut self, reach: isize) {
        for down in 0..=reach {
            let mut right = if down == 0 { 1 } else { -reach };
            while right <= reach {
                let count = GROUP.min((reach - right + 1) as usize);
                self.add_pairs(down, right, count);
                right += count as isize;
            }
        }
    }

    /// All pairs of pixels `(down, right)`, `(down, right + 1)`, … apart (`count` of them), at least one pixel in the band.
    #[inline(always)]
    fn add_pairs(&mut self, down: isize, right: isize, count: usize) {
        let rights: [isize; GROUP] = std::array::from_fn(|at| right + at as isize);
        // The first pixel of a pair is in these columns; the second is to its right.
        let spans: [Span; GROUP] = rights.map(|right| (0.min(-right), self.width + right.unsigned_abs()));
        let reach = self.template as isize;
        let (top, bottom) = (self.rows.start as isize - down, self.rows.end as isize);
        for at in 0..count {
            self.columns[at].fill(0);
            for row in top - reach..top + reach {
                self.add_row(at, row, (down, rights[at]), spans[at]);
            }
        }
        for row in top..bottom {
            for at in 0..count {
                if row == top {
                    self.add_row(at, row + reach, (down, rights[at]), spans[at]);
                } else {
                    self.move_down(at, row + reach, (down, rights[at]), spans[at]);
                }
                self.steps.weigh(&self.columns[at], &mut self.weights[at][..spans[at].1.next_multiple_of(2 * BLOCK)]);
            }
            // The pixel of the band, where its partners are, and where its weights are: first upper ones, then lower.
            self.add_side(row, count, |at| (-spans[at].0) as usize, |at| (row + down, rights[at]));
            self.add_side(row + down, count, |at| (-spans[at].0 - rights[at]) as usize, |at| (row, -rights[at]));
        }
    }

    /// The weights of a group to the pixels of a row, if it is one of the band: from where they are, and the place of the partners.
    #[inline(always)]
    fn add_side(
        &mut self,
        row: isize,
        count: usize,
        from: impl Fn(usize) -> usize,
        place: impl Fn(usize) -> (isize, isize),
    ) {
        let Some(row) = usize::try_from(row).ok().filter(|row| self.rows.contains(row)) else { return };
        let start = (row - self.rows.start) * self.stride;
        let within = start..start + self.stride;
        let weights: [&[S::Weight]; GROUP] =
            std::array::from_fn(|at| self.weights[at].get(from(at.min(count - 1))..).unwrap_or_default());
        let partners: [Rows<'_, C>; GROUP] = std::array::from_fn(|at| {
            let (row, col) = place(at.min(count - 1));
            self.extended.row(row, col)
        });
        let sums = self.sums.each_mut().map(|sums| &mut sums[within.clone()]);
        self.steps.add(&weights[..count], &partners[..count], &mut self.total[within], sums);
    }

    /// Adds a row of squared differences to the columns of an offset of the group.
    fn add_row(&mut self, at: usize, row: isize, (down, right): (isize, isize), (first, wide): Span) {
        let col = first - self.template as isize;
        let one = self.extended.row(row, col);
        let other = self.extended.row(row + down, col + right);
        for (one, other) in one.into_iter().zip(other) {
            let pairs = one.chunks_exact(2).zip(other.chunks_exact(2));
            for (column, (one, other)) in self.columns[at][..wide + 2 * self.template].iter_mut().zip(pairs) {
                *column += u32::from(one[0].abs_diff(other[0])).pow(2);
            }
        }
    }

    /// Adds a row, and takes the one away that the template leaves.
    #[inline(always)]
    fn move_down(&mut self, at: usize, row: isize, (down, right): (isize, isize), (first, wide): Span) {
        let col = first - self.template as isize;
        let count = (wide + 2 * self.template).next_multiple_of(BLOCK / 2);
        let cut = |rows: Rows<'a, C>| rows.map(|row| &row[..2 * count]);
        let one = cut(self.extended.row(row, col));
        let other = cut(self.extended.row(row + down, col + right));
        self.steps.move_down(&mut self.columns[at][..count], one, other);
    }

    /// The weighted means.
    pub(super) fn divided(self) -> [Vec<u8>; C] {
        let mean = |sum: &i32, total: &i32| ((*sum as u32 + *total as u32 / 2) / *total as u32) as u8;
        self.sums.map(|sums| {
            let mut means = Vec::with_capacity(self.rows.len() * self.width);
            for (sums, totals) in sums.chunks_exact(self.stride).zip(self.total.chunks_exact(self.stride)) {
                means.extend(sums.iter().zip(totals).take(self.width).map(|(sum, total)| mean(sum, total)));
            }
            means
        })
    }
}
