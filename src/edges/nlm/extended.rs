//! The planes with the border that windows reach into.

/// Pixels of a row that are worked on together.
pub(super) const BLOCK: usize = 16;

/// The planes, mirrored about the edge pixels (`BORDER_REFLECT_101`). Each pixel stands beside the one that is a template's height
/// above it: what comes into a running sum, and what leaves it.
pub(super) struct Extended<const C: usize> {
    planes: [Vec<u8>; C],
    border: usize,
    /// Pixels of a row.
    stride: usize,
}

impl<const C: usize> Extended<C> {
    /// `template` and `search` are half of the windows' sides.
    pub(super) fn new(planes: [&[u8]; C], (height, width): (usize, usize), (template, search): (usize, usize)) -> Self {
        let border = template + search;
        let side = 2 * template + 1;
        // Whole blocks are read: what lies beyond the last column is looked at and never used.
        let cols: Vec<usize> = (0..width + 2 * border + BLOCK).map(|col| mirrored(col, border, width)).collect();
        let extend = |plane: &[u8]| {
            let mut extended = vec![0; 2 * cols.len() * (height + 2 * border)];
            for (row, pairs) in extended.chunks_exact_mut(2 * cols.len()).enumerate() {
                let [new, old] =
                    [row, row.saturating_sub(side)].map(|row| &plane[mirrored(row, border, height) * width..][..width]);
                for (pair, col) in pairs.chunks_exact_mut(2).zip(&cols) {
                    pair.copy_from_slice(&[new[*col], old[*col]]);
                }
            }
            extended
        };
        Extended { planes: planes.map(extend), border, stride: cols.len() }
    }

    /// A row of each plane from a column on, both counted from the picture's first pixel, to the end of the padding: pairs of
    /// a pixel and the one above.
    pub(super) fn row(&self, row: isize, col: isize) -> [&[u8]; C] {
        let border = self.border as isize;
        let start = (row + border) as usize * self.stride + (col + border) as usize;
        let end = ((row + border) as usize + 1) * self.stride;
        std::array::from_fn(|channel| &self.planes[channel][2 * start..2 * end])
    }
}

/// The place in a row of `length` pixels of a place in a row with a border.
pub(super) fn mirrored(index: usize, border: usize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length as isize - 1);
    let place = (index as isize - border as isize).rem_euclid(period);
    place.min(period - place) as usize
}
