//! Many JPEGs that differ in a few places: what they share is transformed once.
//!
//! A baseline JPEG with chroma halved both ways is a row of 16 x 16 tiles, each of six 8 x 8 blocks that know nothing of
//! each other but for their mean. So a picture that differs from another one in some boxes needs new numbers for the tiles
//! below them only. The bytes are those of libjpeg-turbo's accurate integer transform with its default tables, and so of
//! Pillow's default (quality 75): `encode_jpeg` is the twin in the tests.

use image::RgbImage;

use super::decode::encode_jpeg;
use crate::error::{Code, Error, Result};

/// Side of a block, and of a tile: two blocks of light each way over one of each colour.
const BLOCK: usize = 8;
const TILE: usize = 16;
/// Blocks of a tile: four of light, then blue and red.
const BLOCKS: usize = 6;

/// The place of coefficient `k` of the zigzag order in its block (ITU T.81, figure A.6).
const ZIGZAG: [usize; 64] = {
    let mut order = [0; 64];
    let (mut k, mut diagonal) = (0, 0);
    while diagonal < 15 {
        let mut step = 0;
        while step <= diagonal {
            let (row, col) = if diagonal % 2 == 0 { (diagonal - step, step) } else { (step, diagonal - step) };
            if row < 8 && col < 8 {
                order[k] = row * 8 + col;
                k += 1;
            }
            step += 1;
        }
        diagonal += 1;
    }
    order
};

/// A picture and its JPEG in parts, from which those of pictures that differ in some boxes are made.
#[derive(Debug, Clone)]
pub struct JpegBase {
    tables: Tables,
    size: (usize, usize),
    tiles: Vec<Tile>,
    /// For each tile everything from its first mean on, coded as it stands after the tile before it.
    whole: Vec<Vec<Coded>>,
    /// The picture itself, and how far it is before each tile and at the end.
    coded: Vec<u8>,
    begins: Vec<Begin>,
}

/// A rectangle of pixels: `(row, col, height, width)`.
pub type Area = (u32, u32, u32, u32);

/// The coded blocks of a tile.
#[derive(Debug, Clone, Default)]
struct Tile {
    /// Mean of each block, quantised.
    means: [i32; BLOCKS],
    /// All other coefficients, coded, the blocks one after another.
    codes: Vec<Coded>,
    /// Where each block ends in `codes`.
    ends: [u16; BLOCKS],
}

/// Up to 32 bits on the right of the first number; how many in the second.
type Coded = (u32, u32);

impl Tile {
    fn last_means(&self) -> [i32; 3] {
        [self.means[3], self.means[4], self.means[5]]
    }
}

/// Codes put together, as many in one as 32 bits hold.
#[derive(Default)]
struct Packed {
    codes: Vec<Coded>,
    open: Coded,
}

impl Packed {
    fn add(&mut self, (bits, length): Coded) {
        if self.open.1 + length > 32 {
            self.codes.push(self.open);
            self.open = (0, 0);
        }
        // In 64 bits, as 32 may be shifted out of a full one.
        self.open = ((u64::from(self.open.0) << length) as u32 | bits, self.open.1 + length);
    }

    fn finish(mut self) -> Vec<Coded> {
        if self.open.1 > 0 {
            self.codes.push(self.open);
        }
        self.codes
    }
}

#[derive(Debug, Clone)]
struct Tables {
    /// Eight times the quantisation steps of light and colour, in rows.
    steps: [[f32; 64]; 2],
    /// Huffman codes of means and of coefficients, of light and colour: (code, length) by symbol.
    means: [Vec<Coded>; 2],
    others: [Vec<Coded>; 2],
}

impl JpegBase {
    /// For a picture whose sides are multiples of 16.
    ///
    /// # Errors
    /// [`Code::Parameter`] for other sides; [`Code::Image`] if the encoder refuses.
    pub fn new(picture: &RgbImage, quality: f32) -> Result<Self> {
        let size = (picture.height() as usize, picture.width() as usize);
        if size.0 == 0 || size.1 == 0 || !size.0.is_multiple_of(TILE) || !size.1.is_multiple_of(TILE) {
            let found = format!("sides of {} x {}, expected multiples of {TILE}", size.0, size.1);
            return Err(Error::new(Code::Parameter, found));
        }
        let whole = encode_jpeg(picture, quality)?;
        let (head, tables) = read_head(&whole)?;
        let mut bits = Bits { bytes: head, buffer: 0, count: 0 };
        let mut base =
            JpegBase { tables, size, tiles: Vec::new(), whole: Vec::new(), coded: Vec::new(), begins: Vec::new() };
        base.tiles = (0..base.tile_count()).map(|index| base.tile(picture, index)).collect();
        let mut last = [0; 3];
        for tile in &base.tiles {
            let mut packed = Packed::default();
            base.code_tile(tile, &mut last, |code| packed.add(code));
            let whole = packed.finish();
            base.begins.push(bits.begin());
            whole.iter().for_each(|&code| bits.push(code));
            base.whole.push(whole);
        }
        base.begins.push(bits.begin());
        base.coded = bits.bytes;
        Ok(base)
    }

    /// The bytes of a picture that equals this one outside of some areas.
    ///
    /// # Errors
    /// [`Code::Parameter`] if it is of another size.
    pub fn encode(&self, picture: &RgbImage, changed: &[Area]) -> Result<Vec<u8>> {
        self.check_size(picture)?;
        let mut renewed: Vec<Option<Tile>> = vec![None; self.tiles.len()];
        let columns = self.size.1 / TILE;
        for &(row, col, height, width) in changed {
            let span = |first: u32, count: u32, side: usize| {
                let end = ((first + count) as usize).min(side);
                first as usize / TILE..end.div_ceil(TILE)
            };
            for tile_row in span(row, height, self.size.0) {
                for tile_col in span(col, width, self.size.1) {
                    let index = tile_row * columns + tile_col;
                    if renewed[index].is_none() {
                        renewed[index] = Some(self.tile(picture, index));
                    }
                }
            }
        }
        Ok(self.assemble(|index| renewed[index].as_ref()))
    }

    /// The bytes of this picture's square blocks of side `block` in another order, place `k` taking block `order[k]`;
    /// `picture` is that picture. Blocks of whole tiles are only moved.
    ///
    /// # Errors
    /// [`Code::Parameter`] if it is of another size.
    pub(crate) fn encode_moved(&self, picture: &RgbImage, block: u32, order: &[u32]) -> Result<Vec<u8>> {
        self.check_size(picture)?;
        let (block, columns) = (block as usize, self.size.1 / TILE);
        if block == 0 || !block.is_multiple_of(TILE) {
            let all = (0, 0, self.size.0 as u32, self.size.1 as u32);
            return self.encode(picture, &[all]);
        }
        let (side, across) = (block / TILE, self.size.1 / block);
        Ok(self.assemble(|index| {
            let (row, col) = (index / columns, index % columns);
            let from = *order.get(row / side * across + col / side)? as usize;
            self.tiles.get((from / across * side + row % side) * columns + from % across * side + col % side)
        }))
    }

    fn check_size(&self, picture: &RgbImage) -> Result<()> {
        if (picture.height() as usize, picture.width() as usize) == self.size {
            return Ok(());
        }
        Err(Error::new(Code::Parameter, "a picture of another size than the one it is a change of"))
    }

    /// The bytes with some tiles instead of the picture's own.
    fn assemble<'a>(&'a self, other: impl Fn(usize) -> Option<&'a Tile>) -> Vec<u8> {
        // Up to the first that is another, the bytes are the picture's.
        let first = (0..self.tiles.len()).find(|&index| other(index).is_some()).unwrap_or(self.tiles.len());
        let mut bits = Bits::from(&self.coded, self.begins[first]);
        // The mean of a block is coded as its difference from the last one of its own colour.
        let mut last = first.checked_sub(1).map_or([0; 3], |before| self.tiles[before].last_means());
        let mut own_before = true;
        for (index, (own, whole)) in self.tiles.iter().zip(&self.whole).enumerate().skip(first) {
            match other(index) {
                None if own_before => {
                    whole.iter().for_each(|&code| bits.push(code));
                    last = own.last_means();
                }
                None => {
                    self.code_tile(own, &mut last, |code| bits.push(code));
                    own_before = true;
                }
                Some(tile) => {
                    self.code_tile(tile, &mut last, |code| bits.push(code));
                    own_before = false;
                }
            }
        }
        bits.finish()
    }

    /// The codes of a tile after one that ended in `last` means.
    #[inline(always)]
    fn code_tile(&self, tile: &Tile, last: &mut [i32; 3], mut push: impl FnMut(Coded)) {
        let mut start = 0;
        for block in 0..BLOCKS {
            let colour = block.saturating_sub(3);
            let mean = tile.means[block];
            push(coded(&self.tables.means[usize::from(colour > 0)], 0, mean - last[colour]));
            last[colour] = mean;
            let end = usize::from(tile.ends[block]);
            tile.codes[start..end].iter().for_each(|&code| push(code));
            start = end;
        }
    }

    fn tile_count(&self) -> usize {
        (self.size.0 / TILE) * (self.size.1 / TILE)
    }

    fn tile(&self, picture: &RgbImage, index: usize) -> Tile {
        let columns = self.size.1 / TILE;
        let place = (index / columns * TILE, index % columns * TILE);
        let coefficients = coefficients(picture, place, &self.tables.steps);
        let mut tile = Tile::default();
        for (block, coefficients) in coefficients.iter().enumerate() {
            tile.means[block] = i32::from(coefficients[0]);
            code_block(coefficients, &self.tables.others[usize::from(block > 3)], &mut tile.codes);
            tile.ends[block] = tile.codes.len() as u16;
        }
        tile
    }
}

/// The quantised coefficients of the six blocks of a tile, in rows; by the widest registers that this processor has. The
/// numbers are whole, and the same in all of them.
fn coefficients(picture: &RgbImage, place: (usize, usize), steps: &[[f32; 64]; 2]) -> [[i16; 64]; BLOCKS] {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just found to be there.
        #[allow(unsafe_code)]
        return unsafe { coefficients_avx2(picture, place, steps) };
    }
    coefficients_plainly(picture, place, steps)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn coefficients_avx2(picture: &RgbImage, place: (usize, usize), steps: &[[f32; 64]; 2]) -> [[i16; 64]; BLOCKS] {
    coefficients_plainly(picture, place, steps)
}

#[inline(always)]
fn coefficients_plainly(picture: &RgbImage, place: (usize, usize), steps: &[[f32; 64]; 2]) -> [[i16; 64]; BLOCKS] {
    // Plain loops here and below: what an array's own functions call is not always compiled for the same registers.
    let samples = tile_samples(picture, place);
    let mut coefficients = [[0; 64]; BLOCKS];
    for (block, target) in coefficients.iter_mut().enumerate() {
        quantise(&forward_transform(&samples[block]), &steps[usize::from(block > 3)], target);
    }
    coefficients
}

/// Eight numbers, a row of a block.
type Line = [i32; BLOCK];

/// Samples of the six blocks of a tile around 0, by libjpeg's fixed-point colour conversion (`jccolor.c`) and its mean over
/// 2 x 2 pixels with a bias of 1 and 2 in turn (`jcsample.c`, `h2v2_downsample`).
#[inline(always)]
fn tile_samples(picture: &RgbImage, (row, col): (usize, usize)) -> [[Line; BLOCK]; BLOCKS] {
    const HALF: i32 = 1 << 15;
    const CENTRE: i32 = 128 << 16;
    let stride = picture.width() as usize * 3;
    let raw = picture.as_raw();
    let mut blocks = [[[0; BLOCK]; BLOCK]; BLOCKS];
    let mut sums = [[[0i32; TILE]; BLOCK]; 2];
    for y in 0..TILE {
        let line: &[u8; TILE * 3] =
            raw[(row + y) * stride + col * 3..][..TILE * 3].try_into().expect("a row of a tile");
        let [mut r, mut g, mut b] = [[0i32; TILE]; 3];
        for x in 0..TILE {
            (r[x], g[x], b[x]) = (i32::from(line[x * 3]), i32::from(line[x * 3 + 1]), i32::from(line[x * 3 + 2]));
        }
        let mut light = [0; TILE];
        for x in 0..TILE {
            light[x] = ((19_595 * r[x] + 38_470 * g[x] + 7_471 * b[x] + HALF) >> 16) - 128;
            sums[0][y / 2][x] += (-11_059 * r[x] - 21_709 * g[x] + 32_768 * b[x] + CENTRE + HALF - 1) >> 16;
            sums[1][y / 2][x] += (32_768 * r[x] - 27_439 * g[x] - 5_329 * b[x] + CENTRE + HALF - 1) >> 16;
        }
        for half in 0..2 {
            blocks[y / BLOCK * 2 + half][y % BLOCK].copy_from_slice(&light[half * BLOCK..][..BLOCK]);
        }
    }
    for (plane, block) in sums.iter().zip(&mut blocks[4..]) {
        for (line, sums) in block.iter_mut().zip(plane) {
            for x in 0..BLOCK {
                line[x] = ((sums[2 * x] + sums[2 * x + 1] + 1 + (x % 2) as i32) >> 2) - 128;
            }
        }
    }
    blocks
}

/// The cosine transform of Loeffler, Ligtenberg and Moschytz (1989) in 13-bit fixed point, eight times too large, as
/// libjpeg's `jfdctint.c`: rows with two bits more, then columns. All eight rows, and all eight columns, at once.
#[inline(always)]
fn forward_transform(samples: &[Line; BLOCK]) -> [Line; BLOCK] {
    const EXTRA: u32 = 2;
    let rows = transposed(&transform_lines::<{ 13 - EXTRA }, true>(&transposed(samples)));
    transform_lines::<{ 13 + EXTRA }, false>(&rows)
}

#[inline(always)]
fn transposed(lines: &[Line; BLOCK]) -> [Line; BLOCK] {
    let mut out = [[0; BLOCK]; BLOCK];
    for row in 0..BLOCK {
        for col in 0..BLOCK {
            out[row][col] = lines[col][row];
        }
    }
    out
}

/// One transform along the first index, for each of the second; products lose `SHIFT` bits, and what is no product keeps
/// two more than before (`RAISED`) or loses two.
#[inline(always)]
fn transform_lines<const SHIFT: u32, const RAISED: bool>(lines: &[Line; BLOCK]) -> [Line; BLOCK] {
    let rounded = |value: i32| (value + (1 << (SHIFT - 1))) >> SHIFT;
    let even = |value: i32| if RAISED { value << 2 } else { (value + 2) >> 2 };
    let mut out = [[0; BLOCK]; BLOCK];
    for at in 0..BLOCK {
        let sum = |index: usize| lines[index][at] + lines[7 - index][at];
        let rest = |index: usize| lines[index][at] - lines[7 - index][at];
        let (outer, inner) = (sum(0) + sum(3), sum(1) + sum(2));
        let (rest_outer, rest_inner) = (sum(0) - sum(3), sum(1) - sum(2));
        out[0][at] = even(outer + inner);
        out[4][at] = even(outer - inner);
        let turned = (rest_inner + rest_outer) * 4_433;
        out[2][at] = rounded(turned + rest_outer * 6_270);
        out[6][at] = rounded(turned - rest_inner * 15_137);

        let (t4, t5, t6, t7) = (rest(3), rest(2), rest(1), rest(0));
        let turned = (t4 + t6 + t5 + t7) * 9_633;
        let (z1, z2) = ((t4 + t7) * -7_373, (t5 + t6) * -20_995);
        let (z3, z4) = ((t4 + t6) * -16_069 + turned, (t5 + t7) * -3_196 + turned);
        out[7][at] = rounded(t4 * 2_446 + z1 + z3);
        out[5][at] = rounded(t5 * 16_819 + z2 + z4);
        out[3][at] = rounded(t6 * 25_172 + z2 + z3);
        out[1][at] = rounded(t7 * 12_299 + z1 + z4);
    }
    out
}

/// Divided by the step, halves away from 0. A quarter more keeps the quotient at least 0.25 / step from where rounding
/// changes, and as a value is below 2^15, the two roundings to 24 bits are off by less than 2^-7 / step: it is exact.
#[inline(always)]
fn quantise(values: &[Line; BLOCK], steps: &[f32; 64], target: &mut [i16; 64]) {
    // A number from here on has its whole part, rounded, in its last 23 bits.
    const WHOLE: f32 = 8_388_608.0;
    for (index, target) in target.iter_mut().enumerate() {
        let (value, step) = (values[index / BLOCK][index % BLOCK], steps[index]);
        let size = (value.abs() as f32 + 0.25) * (1.0 / step) + WHOLE;
        let size = (size.to_bits() & 0x7F_FFFF) as i32;
        *target = (if value < 0 { -size } else { size }) as i16;
    }
}

/// The codes of a block's coefficients but the first: runs of zeros and the value after them (ITU T.81, F.1.2.2), as many
/// in one as 32 bits hold.
fn code_block(coefficients: &[i16; 64], table: &[Coded], codes: &mut Vec<Coded>) {
    const SIXTEEN_ZEROS: u32 = 15;
    let mut present = 0u64;
    for (k, &place) in ZIGZAG.iter().enumerate() {
        present |= u64::from(coefficients[place] != 0) << k;
    }
    present &= !1;
    let mut packed = Packed { codes: std::mem::take(codes), open: (0, 0) };
    let mut last = 0;
    while present != 0 {
        let k = present.trailing_zeros();
        present &= present - 1;
        let mut zeros = k - last - 1;
        while zeros > SIXTEEN_ZEROS {
            packed.add(coded(table, SIXTEEN_ZEROS, 0));
            zeros -= 16;
        }
        packed.add(coded(table, zeros, i32::from(coefficients[ZIGZAG[k as usize]])));
        last = k;
    }
    if last < 63 {
        packed.add(coded(table, 0, 0));
    }
    *codes = packed.finish();
}

/// The code of a run and the size of a value, and after it the value's own bits.
#[inline]
fn coded(table: &[Coded], run: u32, value: i32) -> Coded {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let (code, length) = table[(run << 4 | size) as usize];
    let own = (if value < 0 { value - 1 } else { value } as u32) & ((1 << size) - 1);
    (code << size | own, length + size)
}

/// Bits one after another; a byte of ones is followed by a zero byte.
struct Bits {
    bytes: Vec<u8>,
    buffer: u64,
    count: u32,
}

/// How far a stream was at some place: bytes, and the bits that are not written yet.
#[derive(Debug, Clone, Copy)]
struct Begin {
    bytes: usize,
    buffer: u64,
    count: u32,
}

impl Bits {
    /// What goes on with a stream from some place on.
    fn from(coded: &[u8], begin: Begin) -> Self {
        let mut bytes = Vec::with_capacity(coded.len() + coded.len() / 4);
        bytes.extend_from_slice(&coded[..begin.bytes]);
        Bits { bytes, buffer: begin.buffer, count: begin.count }
    }

    fn begin(&self) -> Begin {
        Begin { bytes: self.bytes.len(), buffer: self.buffer, count: self.count }
    }

    #[inline(always)]
    fn push(&mut self, (bits, length): Coded) {
        self.buffer = self.buffer << length | u64::from(bits);
        self.count += length;
        if self.count >= 32 {
            self.count -= 32;
            let word = (self.buffer >> self.count) as u32;
            // A byte of ones is one that becomes 0 when its bits are turned.
            let turned = !word;
            if turned.wrapping_sub(0x0101_0101) & !turned & 0x8080_8080 == 0 {
                self.bytes.extend_from_slice(&word.to_be_bytes());
            } else {
                word.to_be_bytes().into_iter().for_each(|byte| self.stuffed(byte));
            }
        }
    }

    fn stuffed(&mut self, byte: u8) {
        self.bytes.push(byte);
        if byte == 0xFF {
            self.bytes.push(0);
        }
    }

    /// Filled up with ones to a whole byte, and the end marker.
    fn finish(mut self) -> Vec<u8> {
        let missing = (8 - self.count % 8) % 8;
        self.buffer = self.buffer << missing | ((1 << missing) - 1);
        self.count += missing;
        while self.count > 0 {
            self.count -= 8;
            self.stuffed((self.buffer >> self.count) as u8);
        }
        self.bytes.extend([0xFF, 0xD9]);
        self.bytes
    }
}

/// What stands before the scan, and the tables in it.
fn read_head(jpeg: &[u8]) -> Result<(Vec<u8>, Tables)> {
    let broken = || Error::new(Code::Image, "the encoder wrote a JPEG of another form than expected");
    let mut tables = Tables { steps: [[0.0; 64]; 2], means: Default::default(), others: Default::default() };
    let mut at = 2;
    loop {
        let [0xFF, marker, high, low] = *jpeg.get(at..at + 4).ok_or_else(broken)? else { return Err(broken()) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = jpeg.get(at + 4..at + 2 + length).ok_or_else(broken)?;
        match marker {
            0xDB => read_steps(segment, &mut tables).ok_or_else(broken)?,
            0xC4 => read_codes(segment, &mut tables).ok_or_else(broken)?,
            0xDA => return Ok((jpeg[..at + 2 + length].to_vec(), tables)),
            _ => {}
        }
        at += 2 + length;
    }
}

fn read_steps(mut segment: &[u8], tables: &mut Tables) -> Option<()> {
    while let Some((&number, rest)) = segment.split_first() {
        let steps = tables.steps.get_mut(usize::from(number))?;
        for (&place, &step) in ZIGZAG.iter().zip(rest.get(..64)?) {
            steps[place] = f32::from(step) * 8.0;
        }
        segment = &rest[64..];
    }
    Some(())
}

/// Codes from the number of them of each length and their symbols in order (ITU T.81, annex C).
fn read_codes(mut segment: &[u8], tables: &mut Tables) -> Option<()> {
    while let Some((&number, rest)) = segment.split_first() {
        let table = if number & 0x10 == 0 { &mut tables.means } else { &mut tables.others };
        let table = table.get_mut(usize::from(number & 0x0F))?;
        *table = vec![(0, 0); 256];
        let counts = rest.get(..16)?;
        let mut symbols = rest[16..].iter();
        let mut code = 0;
        for (length, &count) in counts.iter().enumerate() {
            for _ in 0..count {
                table[usize::from(*symbols.next()?)] = (code, length as u32 + 1);
                code += 1;
            }
            code <<= 1;
        }
        segment = symbols.as_slice();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn pictures() -> Vec<RgbImage> {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let noise = RgbImage::from_fn(64, 48, |_, _| Rgb([0; 3].map(|_: i32| rng.next_u32() as u8)));
        let hard = RgbImage::from_fn(224, 224, |x, y| {
            Rgb(if (x / 9 + y / 13) % 2 == 0 { [255, 0, 0] } else { [0, 255, (x ^ y) as u8] })
        });
        let soft = RgbImage::from_fn(32, 80, |x, y| Rgb([(x * 3) as u8, (y * 2) as u8, (x + y) as u8]));
        let flat = [[0; 3], [255; 3], [255, 0, 255]].map(|pixel| RgbImage::from_pixel(16, 16, Rgb(pixel)));
        [noise, hard, soft].into_iter().chain(flat).collect()
    }

    #[test]
    fn the_bytes_are_libjpegs() {
        for picture in pictures() {
            for quality in [30.0, 75.0, 95.0] {
                let base = JpegBase::new(&picture, quality).unwrap();
                let same = base.encode(&picture, &[]).unwrap() == encode_jpeg(&picture, quality).unwrap();
                assert!(same, "{:?} at {quality}", picture.dimensions());
            }
        }
    }

    #[test]
    fn a_change_of_some_boxes_is_the_jpeg_of_the_changed_picture() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for picture in pictures().into_iter().filter(|picture| picture.width() > 16) {
            let base = JpegBase::new(&picture, 75.0).unwrap();
            for _ in 0..10 {
                let mut changed = picture.clone();
                let mut areas = Vec::new();
                for _ in 0..rng.random_range(1..4) {
                    let row = rng.random_range(0..picture.height());
                    let col = rng.random_range(0..picture.width());
                    let height = rng.random_range(1..=picture.height() - row);
                    let width = rng.random_range(1..=picture.width() - col);
                    areas.push((row, col, height, width));
                    let colour = Rgb([0; 3].map(|_: i32| rng.next_u32() as u8));
                    for y in row..row + height {
                        (col..col + width).for_each(|x| changed.put_pixel(x, y, colour));
                    }
                }
                let found = base.encode(&changed, &areas).unwrap();
                assert!(found == encode_jpeg(&changed, 75.0).unwrap(), "{areas:?}");
            }
        }
    }

    #[test]
    fn blocks_in_another_order_are_the_jpeg_of_that_picture() {
        let picture = &pictures()[1];
        let base = JpegBase::new(picture, 75.0).unwrap();
        for block in [112u32, 56, 32, 28, 16] {
            let count = (224 / block).pow(2);
            let order: Vec<u32> = (0..count).map(|place| (place * 7 + 3) % count).collect();
            let across = 224 / block;
            let moved = RgbImage::from_fn(224, 224, |x, y| {
                let from = order[(y / block * across + x / block) as usize];
                *picture.get_pixel(from % across * block + x % block, from / across * block + y % block)
            });
            let found = base.encode_moved(&moved, block, &order).unwrap();
            assert!(found == encode_jpeg(&moved, 75.0).unwrap(), "{block}");
        }
    }

    #[test]
    fn other_sides_are_refused() {
        assert_eq!(JpegBase::new(&RgbImage::new(17, 16), 75.0).unwrap_err().code(), Code::Parameter);
        let base = JpegBase::new(&RgbImage::new(16, 16), 75.0).unwrap();
        assert!(base.encode(&RgbImage::new(32, 16), &[]).is_err());
    }
}
