//! Non-local means (Buades, Coll, Morel 2005) as OpenCV 4.12's `fastNlMeansDenoising`, equal to the byte.
//!
//! Each pixel becomes a mean of the pixels of its search window, weighted by how alike the small windows (templates)
//! around the two are: `exp(-d / (h² c))`, with d the mean squared difference of the templates and c the number of
//! channels. OpenCV works in whole numbers throughout: the sum of squares is divided by the next power of two above the
//! template's pixels, looked up in a table of fixed-point weights (those below 0.001 are 0), and the mean is rounded. So
//! any order of the sums gives the same bytes, and the order here is the fast one.
//!
//! # How it is fast
//! The distance of the templates around p and p + d is the distance around p + d and p: half of the offsets serve for all.
//! For each of them, rows of squared differences go through a running sum down the columns and a short sum along the row
//! (a few operations a pixel, in the widest registers there are, as the compiler lays them out), each weight is looked
//! up once, and added to both of its pixels. What is left is one look-up a pixel and pair of offsets, which no vector
//! unit does faster than the plain load. Sums are kept for a band of rows at a time, which stays in the second cache.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::lab;
use crate::error::{Code, Error, Result};

/// Weights below this share of the largest count as 0.
const WEIGHT_THRESHOLD: f64 = 0.001;
/// Rows whose sums are held at a time.
const BAND: usize = 128;
/// Pixels of a row that are worked on together.
const BLOCK: usize = 16;

/// The non-local mean of a grey picture: `h` is the filter strength in grey levels, `template` and `search` are sides of
/// windows in pixels (an even one counts as the next odd one). Equals OpenCV 4.12's `fastNlMeansDenoising`.
///
/// ```
/// use image::{GrayImage, Luma};
/// use lgf::edges::non_local_means;
///
/// let flat = GrayImage::from_pixel(20, 10, Luma([77]));
/// assert_eq!(non_local_means(&flat, 30.0, 7, 21)?, flat);
/// # Ok::<(), lgf::Error>(())
/// ```
///
/// # Errors
/// [`Code::Parameter`] if `h` is negative or not a number, or a window is 0 or larger than 101 pixels.
pub fn non_local_means(gray: &GrayImage, h: f32, template: u32, search: u32) -> Result<GrayImage> {
    let size = (gray.height() as usize, gray.width() as usize);
    let [denoised] = filter([gray.as_raw()], size, h, template, search)?;
    Ok(GrayImage::from_raw(gray.width(), gray.height(), denoised).unwrap_or_default())
}

/// The non-local mean of a colour picture in CIE Lab, with `h` for lightness and `h_color` for the two others together.
/// Equals OpenCV 4.12's `fastNlMeansDenoisingColored`, whose published call is (30, 10, 7, 21).
///
/// # Errors
/// As [`non_local_means`].
pub fn non_local_means_color(picture: &RgbImage, h: f32, h_color: f32, template: u32, search: u32) -> Result<RgbImage> {
    let size = (picture.height() as usize, picture.width() as usize);
    let lab = lab::from_rgb(picture);
    let [lightness] = filter([&lab.lightness], size, h, template, search)?;
    let [a, b] = filter([&lab.a, &lab.b], size, h_color, template, search)?;
    Ok(lab::to_rgb(&lab::Lab { lightness, a, b }, picture.width(), picture.height()))
}

/// What is the same for every pixel.
struct Windows {
    /// Half of the template and of the search window, in pixels.
    template: usize,
    search: usize,
    /// Bits that the sum of squares is shifted by.
    shift: u32,
    /// Weight by shifted distance; the last is 0, and so are all beyond.
    weights: Vec<u32>,
}

impl Windows {
    fn new(h: f32, template: u32, search: u32, channels: usize) -> Result<Self> {
        if h.is_nan() || h < 0.0 {
            return Err(Error::new(Code::Parameter, format!("h is {h}, expected a number of grey levels, 0 or more")));
        }
        for (name, side) in [("template", template), ("search", search)] {
            if !(1..=101).contains(&side) {
                let found = format!("the {name} window is {side} pixels wide, expected 1 to 101");
                return Err(Error::new(Code::Parameter, found));
            }
        }
        let (template, search) = (template as usize / 2, search as usize / 2);
        let side = 2 * search + 1;
        let largest = i32::MAX / (side * side * 255) as i32;
        let area = (2 * template + 1).pow(2);
        let shift = area.next_power_of_two().trailing_zeros();
        let scale = f64::from(1u32 << shift) / area as f64;
        let most = 255.0 * 255.0 * channels as f64;
        let count = (most / scale + 1.0) as usize;
        let strength = f64::from(h * h * channels as f32);
        let weight = |distance: usize| {
            let share = (-(distance as f64 * scale) / strength).exp();
            // h = 0 at distance 0.
            let share = if share.is_nan() { 1.0 } else { share };
            let weight = (f64::from(largest) * share).round_ties_even();
            if weight < WEIGHT_THRESHOLD * f64::from(largest) { 0 } else { weight as u32 }
        };
        let mut weights: Vec<u32> = (0..count).map(weight).collect();
        weights.truncate(weights.iter().rposition(|weight| *weight > 0).map_or(0, |last| last + 1));
        weights.push(0);
        Ok(Windows { template, search, shift, weights })
    }
}

/// The planes with the border that windows reach into: mirrored about the edge pixels (`BORDER_REFLECT_101`).
struct Extended<const C: usize> {
    planes: [Vec<u8>; C],
    border: usize,
    stride: usize,
}

impl<const C: usize> Extended<C> {
    fn new(planes: [&[u8]; C], (height, width): (usize, usize), border: usize) -> Self {
        // Whole blocks are read: what lies beyond the last column is looked at and never used.
        let cols: Vec<usize> = (0..width + 2 * border + BLOCK).map(|col| mirrored(col, border, width)).collect();
        let extend = |plane: &[u8]| {
            let mut extended = Vec::with_capacity(cols.len() * (height + 2 * border));
            for row in 0..height + 2 * border {
                let row = &plane[mirrored(row, border, height) * width..][..width];
                extended.extend(cols.iter().map(|col| row[*col]));
            }
            extended
        };
        Extended { planes: planes.map(extend), border, stride: cols.len() }
    }

    /// A row of each plane from a column on, both counted from the picture's first pixel, to the end of the padding.
    fn row(&self, row: isize, col: isize) -> [&[u8]; C] {
        let border = self.border as isize;
        let start = (row + border) as usize * self.stride + (col + border) as usize;
        let end = ((row + border) as usize + 1) * self.stride;
        std::array::from_fn(|channel| &self.planes[channel][start..end])
    }
}

fn mirrored(index: usize, border: usize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length as isize - 1);
    let place = (index as isize - border as isize).rem_euclid(period);
    place.min(period - place) as usize
}

fn filter<const C: usize>(
    planes: [&[u8]; C],
    (height, width): (usize, usize),
    h: f32,
    template: u32,
    search: u32,
) -> Result<[Vec<u8>; C]> {
    let windows = Windows::new(h, template, search, C)?;
    let mut out = planes.map(|plane| vec![0; plane.len()]);
    if height == 0 || width == 0 {
        return Ok(out);
    }
    let extended = Extended::new(planes, (height, width), windows.template + windows.search);
    // Weights fit 16 bits with a sign for the usual windows: half of the table, and one fast product of short numbers.
    let narrow = windows.weights[0] <= i16::MAX as u32 && windows.weights.len() <= NARROW;
    let bands: Vec<usize> = (0..height).step_by(BAND).collect();
    let filtered: Vec<[Vec<u8>; C]> = bands
        .into_par_iter()
        .map(|first| {
            let rows = first..(first + BAND).min(height);
            if narrow {
                Band::<i16, C>::new(&extended, &windows, rows, width).means_fast(windows.search as isize)
            } else {
                Band::<i32, C>::new(&extended, &windows, rows, width).means(windows.search as isize)
            }
        })
        .collect();
    for (band, first) in filtered.iter().zip((0..height).step_by(BAND)) {
        for (plane, values) in out.iter_mut().zip(band) {
            plane[first * width..][..values.len()].copy_from_slice(values);
        }
    }
    Ok(out)
}

/// A fixed-point weight as it is stored, and how it is found.
trait Weight: Copy + Default + Send + Sync {
    /// A shifted distance.
    type Index: Copy + Default + Send + Sync;

    /// Weights by index, so many that no index is out of range.
    fn table(weights: &[u32]) -> Vec<Self>;
    fn index(distance: u32) -> Self::Index;
    fn look_up(table: &[Self], indices: &[Self::Index], weights: &mut [Self]);
    fn wide(self) -> i32;
}

impl Weight for i16 {
    type Index = u16;

    fn table(weights: &[u32]) -> Vec<i16> {
        let mut table: Vec<i16> = weights.iter().map(|weight| *weight as i16).collect();
        table.resize(NARROW, 0);
        table
    }

    #[inline(always)]
    fn index(distance: u32) -> u16 {
        distance as u16
    }

    #[inline(always)]
    fn look_up(table: &[i16], indices: &[u16], weights: &mut [i16]) {
        // An array as long as there are indices needs no check of its bounds.
        let table: &[i16; NARROW] = table.try_into().expect("made by `table` in this length");
        // Four at a time through one register each way: a third fewer trips to memory, which are the limit here.
        let blocks = indices.chunks_exact(4);
        let (rest, tail) = (blocks.remainder(), indices.len() - indices.len() % 4);
        for (weights, indices) in weights.chunks_exact_mut(4).zip(blocks) {
            let four: [u16; 4] = indices.try_into().expect("four indices");
            let all = four.iter().rev().fold(0, |all, index| all << 16 | u64::from(*index));
            let found = |at: u32| u64::from(table[(all >> (16 * at) & 0xffff) as usize] as u16) << (16 * at);
            let found = found(0) | found(1) | found(2) | found(3);
            weights.copy_from_slice(&[found as i16, (found >> 16) as i16, (found >> 32) as i16, (found >> 48) as i16]);
        }
        for (weight, index) in weights[tail..].iter_mut().zip(rest) {
            *weight = table[usize::from(*index)];
        }
    }

    #[inline(always)]
    fn wide(self) -> i32 {
        self.into()
    }
}

impl Weight for i32 {
    type Index = u32;

    fn table(weights: &[u32]) -> Vec<i32> {
        weights.iter().map(|weight| *weight as i32).collect()
    }

    #[inline(always)]
    fn index(distance: u32) -> u32 {
        distance
    }

    #[inline(always)]
    fn look_up(table: &[i32], indices: &[u32], weights: &mut [i32]) {
        for (weight, index) in weights.iter_mut().zip(indices) {
            *weight = table[*index as usize];
        }
    }

    #[inline(always)]
    fn wide(self) -> i32 {
        self
    }
}

/// Indices of 16 bits.
const NARROW: usize = 1 << 16;
/// Offsets beside each other that share a pass over the sums.
const GROUP: usize = 7;

/// The sums of some rows, and the rows of numbers on the way to them.
struct Band<'a, W: Weight, const C: usize> {
    extended: &'a Extended<C>,
    table: Vec<W>,
    /// The first index whose weight, and that of all beyond, is 0.
    last: u32,
    shift: u32,
    template: usize,
    rows: std::ops::Range<usize>,
    width: usize,
    /// Columns of a row of sums: the width in whole blocks.
    stride: usize,
    /// Sum of the weights, and of weight times value of each channel, of each pixel.
    total: Vec<i32>,
    sums: [Vec<i32>; C],
    /// For each offset of a group: sums of squares down the columns and weights, of one row.
    columns: [Vec<u32>; GROUP],
    weights: [Vec<W>; GROUP],
    /// Shifted distances of one row.
    indices: Vec<W::Index>,
}

impl<const C: usize> Band<'_, i16, C> {
    /// The means, by the widest registers that this processor has. The bytes are the same in all of them: whole numbers.
    fn means_fast(mut self, reach: isize) -> [Vec<u8>; C] {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            self.add_itself();
            // SAFETY: AVX2 was just found to be there.
            unsafe { self.add_all_pairs_avx2(reach) };
            return self.divided();
        }
        self.means(reach)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn add_all_pairs_avx2(&mut self, reach: isize) {
        self.exchange_quarters();
        self.add_groups(reach, |weights, partners, totals, sums| add_interleaved(weights, partners, totals, sums));
        self.exchange_quarters();
    }

    /// The order of sums within a block that vectors of interleaved numbers come in, and back again.
    #[cfg(target_arch = "x86_64")]
    fn exchange_quarters(&mut self) {
        for line in std::iter::once(&mut self.total).chain(&mut self.sums) {
            for block in line.chunks_exact_mut(BLOCK) {
                let (left, right) = block.split_at_mut(BLOCK / 2);
                left[BLOCK / 4..].swap_with_slice(&mut right[..BLOCK / 4]);
            }
        }
    }
}

impl<'a, W: Weight, const C: usize> Band<'a, W, C> {
    /// The means, by code that runs everywhere.
    fn means(mut self, reach: isize) -> [Vec<u8>; C] {
        self.add_itself();
        self.add_groups(reach, add_portable);
        self.divided()
    }

    fn new(extended: &'a Extended<C>, windows: &Windows, rows: std::ops::Range<usize>, width: usize) -> Self {
        let stride = width.next_multiple_of(BLOCK);
        let pixels = rows.len() * stride;
        let longest = (width + windows.search).next_multiple_of(BLOCK) + BLOCK;
        Band {
            extended,
            table: W::table(&windows.weights),
            last: windows.weights.len() as u32 - 1,
            shift: windows.shift,
            template: windows.template,
            rows,
            width,
            stride,
            total: vec![0; pixels],
            sums: std::array::from_fn(|_| vec![0; pixels]),
            columns: std::array::from_fn(|_| vec![0; longest + 2 * windows.template + BLOCK]),
            weights: std::array::from_fn(|_| vec![W::default(); longest]),
            indices: vec![W::Index::default(); longest],
        }
    }

    #[inline(always)]
    fn add_groups(&mut self, reach: isize, add: impl Fn(&[&[W]], &[[&[u8]; C]], &mut [i32], [&mut [i32]; C])) {
        for down in 0..=reach {
            let mut right = if down == 0 { 1 } else { -reach };
            while right <= reach {
                let count = GROUP.min((reach - right + 1) as usize);
                self.add_pairs(down, right, count, &add);
                right += count as isize;
            }
        }
    }

    /// Each pixel to its own mean, with the largest weight.
    fn add_itself(&mut self) {
        let weight = self.table[0].wide();
        for (at, row) in self.rows.clone().enumerate() {
            let values = self.extended.row(row as isize, 0);
            let place = at * self.stride..at * self.stride + self.width;
            self.total[place.clone()].fill(weight);
            for (sums, values) in self.sums.iter_mut().zip(values) {
                sums[place.clone()].iter_mut().zip(values).for_each(|(sum, value)| *sum = weight * i32::from(*value));
            }
        }
    }

    /// All pairs of pixels `(down, right)`, `(down, right + 1)`, … apart (`count` of them), at least one pixel in the band.
    #[inline(always)]
    fn add_pairs(
        &mut self,
        down: isize,
        right: isize,
        count: usize,
        add: impl Fn(&[&[W]], &[[&[u8]; C]], &mut [i32], [&mut [i32]; C]),
    ) {
        let rights: [isize; GROUP] = std::array::from_fn(|at| right + at as isize);
        // The first pixel of a pair is in these columns; the second is to its right.
        let spans = rights.map(|right| (0.min(-right), self.width + right.unsigned_abs()));
        let reach = self.template as isize;
        let (top, bottom) = (self.rows.start as isize - down, self.rows.end as isize);
        for at in 0..count {
            let (first, wide) = spans[at];
            self.columns[at].fill(0);
            for row in top - reach..top + reach {
                self.add_row(at, (row, first - reach), (down, rights[at]), wide + 2 * self.template);
            }
        }
        for row in top..bottom {
            for at in 0..count {
                let (first, wide) = spans[at];
                let (place, offset) = ((row + reach, first - reach), (down, rights[at]));
                if row == top {
                    self.add_row(at, place, offset, wide + 2 * self.template);
                } else {
                    self.move_down(at, place, offset, wide + 2 * self.template);
                }
                self.weigh(at, wide);
            }
            // The pixel of the band, where its partners are, and where its weights are: first upper ones, then lower.
            if let Some(place) = self.place(row) {
                let weights: [&[W]; GROUP] = std::array::from_fn(|at| &self.weights[at][(-spans[at].0) as usize..]);
                let partners: [[&[u8]; C]; GROUP] = self.partners(count, |at| (row + down, rights[at]));
                let sums = self.sums.each_mut().map(|sums| &mut sums[place.clone()]);
                add(&weights[..count], &partners[..count], &mut self.total[place], sums);
            }
            if let Some(place) = self.place(row + down) {
                let weights: [&[W]; GROUP] =
                    std::array::from_fn(|at| &self.weights[at][(-spans[at].0 - rights[at]) as usize..]);
                let partners: [[&[u8]; C]; GROUP] = self.partners(count, |at| (row, -rights[at]));
                let sums = self.sums.each_mut().map(|sums| &mut sums[place.clone()]);
                add(&weights[..count], &partners[..count], &mut self.total[place], sums);
            }
        }
    }

    /// The rows of partners of the first `count` offsets of a group.
    #[inline(always)]
    fn partners(&self, count: usize, place: impl Fn(usize) -> (isize, isize)) -> [[&'a [u8]; C]; GROUP] {
        let extended = self.extended;
        std::array::from_fn(|at| {
            let (row, col) = place(at.min(count - 1));
            extended.row(row, col)
        })
    }

    /// The place of a row in the band's sums.
    fn place(&self, row: isize) -> Option<std::ops::Range<usize>> {
        let row = usize::try_from(row).ok().filter(|row| self.rows.contains(row))?;
        let start = (row - self.rows.start) * self.stride;
        Some(start..start + self.stride)
    }

    /// Weights of a row of an offset of the group, from the sums of its columns.
    #[inline(always)]
    fn weigh(&mut self, at: usize, count: usize) {
        let side = 2 * self.template + 1;
        let (shift, last) = (self.shift, self.last);
        let indices = &mut self.indices[..count];
        let index = |sum: u32| W::index((sum >> shift).min(last));
        if side == 7 {
            // A fixed length is laid out without a loop.
            for (slot, window) in indices.iter_mut().zip(self.columns[at].windows(7)) {
                *slot = index(window[0] + window[1] + window[2] + window[3] + window[4] + window[5] + window[6]);
            }
        } else {
            // A block of windows at once, column by column: whole registers of sums.
            for (number, slots) in indices.chunks_mut(BLOCK).enumerate() {
                let columns = &self.columns[at][number * BLOCK..];
                let mut sums = [0u32; BLOCK];
                for from in 0..side {
                    let columns: &[u32; BLOCK] = columns[from..].first_chunk().expect("padded by a block");
                    (0..BLOCK).for_each(|lane| sums[lane] += columns[lane]);
                }
                slots.iter_mut().zip(sums).for_each(|(slot, sum)| *slot = index(sum));
            }
        }
        W::look_up(&self.table, indices, &mut self.weights[at][..count]);
    }

    /// Adds a row of squared differences to the columns of an offset of the group.
    #[inline(always)]
    fn add_row(&mut self, at: usize, (row, col): (isize, isize), (down, right): (isize, isize), count: usize) {
        let one = self.extended.row(row, col);
        let other = self.extended.row(row + down, col + right);
        for (one, other) in one.into_iter().zip(other) {
            for ((column, one), other) in self.columns[at][..count].iter_mut().zip(one).zip(other) {
                *column += squared_difference(*one, *other);
            }
        }
    }

    /// Adds a row, and takes the one away that the template leaves.
    #[inline(always)]
    fn move_down(&mut self, at: usize, (row, col): (isize, isize), (down, right): (isize, isize), count: usize) {
        let side = 2 * self.template as isize + 1;
        let columns = &mut self.columns[at][..count];
        let rows = [row, row - side].map(|row| [(row, col), (row + down, col + right)]);
        let [[new, new_other], [old, old_other]] =
            rows.map(|pair| pair.map(|(row, col)| self.extended.row(row, col).map(|values| &values[..count])));
        for x in 0..count {
            let mut change = 0u32;
            for channel in 0..C {
                change = change.wrapping_add(squared_difference(new[channel][x], new_other[channel][x]));
                change = change.wrapping_sub(squared_difference(old[channel][x], old_other[channel][x]));
            }
            columns[x] = columns[x].wrapping_add(change);
        }
    }

    fn divided(self) -> [Vec<u8>; C] {
        let mean = |sum: &i32, total: &i32| ((*sum as u32 + *total as u32 / 2) / *total as u32) as u8;
        let row = |sums: &[i32], totals: &[i32]| -> Vec<u8> {
            sums.iter().zip(totals).take(self.width).map(|(sum, total)| mean(sum, total)).collect()
        };
        self.sums.map(|sums| {
            let rows = sums.chunks_exact(self.stride).zip(self.total.chunks_exact(self.stride));
            rows.flat_map(|(sums, totals)| row(sums, totals)).collect()
        })
    }
}

#[inline(always)]
fn squared_difference(one: u8, other: u8) -> u32 {
    let difference = i32::from(i16::from(one) - i16::from(other));
    (difference * difference) as u32
}

/// Adds the weights of a group of offsets to the totals of a row, and weights times partners to its sums. Rows are whole
/// blocks long, weights and partners at least as long.
#[inline(always)]
fn add_portable<W: Weight, const C: usize>(
    weights: &[&[W]],
    partners: &[[&[u8]; C]],
    totals: &mut [i32],
    mut sums: [&mut [i32]; C],
) {
    for (weights, partners) in weights.iter().zip(partners) {
        for (total, weight) in totals.iter_mut().zip(*weights) {
            *total += weight.wide();
        }
        for (sums, partners) in sums.iter_mut().zip(partners) {
            for ((sum, weight), partner) in sums.iter_mut().zip(*weights).zip(*partners) {
                *sum += weight.wide() * i32::from(*partner);
            }
        }
    }
}

/// The same with AVX2, where the sums of a block of 16 stay in registers while two offsets at a time are interleaved,
/// multiplied and added in one instruction. Its sums are in the order of [`Band::exchange_quarters`].
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn add_interleaved<const C: usize>(
    weights: &[&[i16]],
    partners: &[[&[u8]; C]],
    totals: &mut [i32],
    mut sums: [&mut [i32]; C],
) {
    use std::arch::x86_64::*;
    use vector::{load, load_bytes, load_short, store};

    let ones = _mm256_set1_epi16(1);
    let zero = _mm256_setzero_si256();
    for start in (0..totals.len()).step_by(BLOCK) {
        let mut total = [load(&totals[start..]), load(&totals[start + 8..])];
        let mut value = [[zero; 2]; C];
        for channel in 0..C {
            value[channel] = [load(&sums[channel][start..]), load(&sums[channel][start + 8..])];
        }
        for first in (0..weights.len()).step_by(2) {
            let second = first + 1;
            let one = load_short(&weights[first][start..]);
            let other = if second < weights.len() { load_short(&weights[second][start..]) } else { zero };
            let both = [_mm256_unpacklo_epi16(one, other), _mm256_unpackhi_epi16(one, other)];
            for half in 0..2 {
                total[half] = _mm256_add_epi32(total[half], _mm256_madd_epi16(both[half], ones));
            }
            for channel in 0..C {
                let one = load_bytes(&partners[first][channel][start..]);
                let other = if second < weights.len() { load_bytes(&partners[second][channel][start..]) } else { zero };
                let pairs = [_mm256_unpacklo_epi16(one, other), _mm256_unpackhi_epi16(one, other)];
                for half in 0..2 {
                    let product = _mm256_madd_epi16(both[half], pairs[half]);
                    value[channel][half] = _mm256_add_epi32(value[channel][half], product);
                }
            }
        }
        store(&mut totals[start..], total[0]);
        store(&mut totals[start + 8..], total[1]);
        for (sums, value) in sums.iter_mut().zip(value) {
            store(&mut sums[start..], value[0]);
            store(&mut sums[start + 8..], value[1]);
        }
    }
}

/// Loads and stores of whole vectors; each is checked to lie inside its slice.
#[cfg(target_arch = "x86_64")]
mod vector {
    use std::arch::x86_64::*;

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load(values: &[i32]) -> __m256i {
        let values: &[i32; 8] = values[..8].try_into().expect("eight values");
        // SAFETY: the array is 32 bytes long, and the load needs no alignment.
        unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn store(values: &mut [i32], vector: __m256i) {
        let values: &mut [i32; 8] = (&mut values[..8]).try_into().expect("eight values");
        // SAFETY: the array is 32 bytes long, and the store needs no alignment.
        unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), vector) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load_short(values: &[i16]) -> __m256i {
        let values: &[i16; 16] = values[..16].try_into().expect("sixteen values");
        // SAFETY: the array is 32 bytes long, and the load needs no alignment.
        unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
    }

    /// Sixteen bytes as numbers of 16 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load_bytes(values: &[u8]) -> __m256i {
        let values: &[u8; 16] = values[..16].try_into().expect("sixteen values");
        // SAFETY: the array is 16 bytes long, and the load needs no alignment.
        _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(values.as_ptr().cast()) })
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// The definition, pixel by pixel, on the plane that `at` gives beyond the edges.
    fn naive<const C: usize>(
        planes: [&[u8]; C],
        (height, width): (usize, usize),
        h: f32,
        template: u32,
        search: u32,
    ) -> [Vec<u8>; C] {
        let windows = Windows::new(h, template, search, C).unwrap();
        let (t, s) = (windows.template as isize, windows.search as isize);
        let at = |channel: usize, row: isize, col: isize| {
            let border = windows.template + windows.search;
            let row = mirrored((row + border as isize) as usize, border, height);
            i64::from(planes[channel][row * width + mirrored((col + border as isize) as usize, border, width)])
        };
        let mut out = planes.map(|plane| vec![0; plane.len()]);
        for (row, col) in (0..height as isize).flat_map(|row| (0..width as isize).map(move |col| (row, col))) {
            let mut total = 0;
            let mut sums = [0; C];
            for (dy, dx) in (-s..=s).flat_map(|dy| (-s..=s).map(move |dx| (dy, dx))) {
                let mut distance = 0;
                for (ty, tx) in (-t..=t).flat_map(|ty| (-t..=t).map(move |tx| (ty, tx))) {
                    for channel in 0..C {
                        let one = at(channel, row + ty, col + tx);
                        distance += (one - at(channel, row + dy + ty, col + dx + tx)).pow(2);
                    }
                }
                let index = (distance >> windows.shift) as usize;
                let weight = i64::from(windows.weights.get(index).copied().unwrap_or(0));
                total += weight;
                for (channel, sum) in sums.iter_mut().enumerate() {
                    *sum += weight * at(channel, row + dy, col + dx);
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                out[row as usize * width + col as usize] = ((sum + total / 2) / total) as u8;
            }
        }
        out
    }

    /// A picture of soft shapes and noise: distances of every size.
    fn plane(rng: &mut ChaCha8Rng, count: usize, noise: u32) -> Vec<u8> {
        let base = rng.next_u32() % 200;
        (0..count).map(|at| (base + at as u32 / 7 % 3 * 20 + rng.next_u32() % noise).min(255) as u8).collect()
    }

    #[test]
    fn the_fast_sums_are_the_definition() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let windows = [(7, 21), (1, 3), (3, 5), (5, 9), (4, 6), (7, 1), (1, 1)];
        for case in 0..60 {
            let (height, width) = (1 + rng.next_u32() as usize % 40, 1 + rng.next_u32() as usize % 40);
            let (template, search) = windows[case % windows.len()];
            let h = [30.0, 10.0, 3.0, 0.5, 0.0, 120.0][case % 6];
            let noise = 1 + rng.next_u32() % 255;
            let [a, b] = std::array::from_fn(|_| plane(&mut rng, height * width, noise));
            let size = (height, width);
            let text = format!("{height} x {width}, h {h}, template {template}, search {search}");
            let one = filter([a.as_slice()], size, h, template, search).unwrap();
            assert!(one == naive([a.as_slice()], size, h, template, search), "one channel, {text}");
            let two = filter([a.as_slice(), b.as_slice()], size, h, template, search).unwrap();
            assert!(two == naive([a.as_slice(), b.as_slice()], size, h, template, search), "two channels, {text}");
        }
    }

    #[test]
    fn bands_and_threads_do_not_show() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let picture =
            RgbImage::from_raw(33, 3 * BAND as u32 + 5, plane(&mut rng, 33 * (3 * BAND + 5) * 3, 90)).unwrap();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| non_local_means_color(&picture, 30.0, 10.0, 7, 21).unwrap())
        };
        assert_eq!(on(1), on(7));
    }

    #[test]
    fn the_portable_path_gives_the_same_bytes() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let values = plane(&mut rng, 50 * 30, 60);
        let windows = Windows::new(20.0, 7, 21, 1).unwrap();
        let extended = Extended::new([values.as_slice()], (30, 50), windows.template + windows.search);
        let band = || Band::<i16, 1>::new(&extended, &windows, 0..30, 50);
        assert_eq!(band().means(10), band().means_fast(10));
    }

    #[test]
    fn windows_and_strengths_that_cannot_be_are_refused() {
        let picture = RgbImage::from_pixel(3, 3, Rgb([1; 3]));
        for (h, template, search) in [(-1.0, 7, 21), (f32::NAN, 7, 21), (3.0, 0, 21), (3.0, 7, 1000)] {
            let error = non_local_means_color(&picture, h, 1.0, template, search).unwrap_err();
            assert_eq!(error.code(), Code::Parameter);
        }
        assert_eq!(non_local_means(&GrayImage::new(0, 0), 3.0, 7, 21).unwrap().len(), 0);
    }
}
