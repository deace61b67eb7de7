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
    /// Everything before the scan: it is the same for all pictures of one size and quality.
    head: Vec<u8>,
    tables: Tables,
    size: (usize, usize),
    tiles: Vec<Tile>,
}

/// A rectangle of pixels: `(row, col, height, width)`.
pub type Area = (u32, u32, u32, u32);

/// The coded blocks of a tile.
#[derive(Debug, Clone, Default)]
struct Tile {
    /// Mean of each block, quantised.
    means: [i32; BLOCKS],
    /// All other coefficients, coded: bits on the right, their number in the lowest five. The blocks one after another.
    codes: Vec<u64>,
    /// Where each block ends in `codes`.
    ends: [u16; BLOCKS],
}

#[derive(Debug, Clone)]
struct Tables {
    /// Quantisation steps of light and colour, in rows.
    steps: [[i32; 64]; 2],
    /// Huffman codes of means and of coefficients, of light and colour: (code, length) by symbol.
    means: [Vec<(u32, u32)>; 2],
    others: [Vec<(u32, u32)>; 2],
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
        let mut base = JpegBase { head, tables, size, tiles: Vec::new() };
        base.tiles = (0..base.tile_count()).map(|index| base.tile(picture, index)).collect();
        Ok(base)
    }

    /// The bytes of a picture that equals this one outside of some areas.
    ///
    /// # Errors
    /// [`Code::Parameter`] if it is of another size.
    pub fn encode(&self, picture: &RgbImage, changed: &[Area]) -> Result<Vec<u8>> {
        if (picture.height() as usize, picture.width() as usize) != self.size {
            return Err(Error::new(Code::Parameter, "a picture of another size than the one it is a change of"));
        }
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
        let mut bits = Bits::after(&self.head);
        // The mean of a block is coded as its difference from the last one of its own colour.
        let mut last = [0i32; 3];
        for (old, new) in self.tiles.iter().zip(&renewed) {
            let tile = new.as_ref().unwrap_or(old);
            let mut start = 0;
            for block in 0..BLOCKS {
                let colour = block.saturating_sub(3);
                let mean = tile.means[block];
                bits.push(coded(&self.tables.means[usize::from(colour > 0)], 0, mean - last[colour]));
                last[colour] = mean;
                let end = usize::from(tile.ends[block]);
                tile.codes[start..end].iter().for_each(|&code| bits.push(code));
                start = end;
            }
        }
        Ok(bits.finish())
    }

    fn tile_count(&self) -> usize {
        (self.size.0 / TILE) * (self.size.1 / TILE)
    }

    fn tile(&self, picture: &RgbImage, index: usize) -> Tile {
        let columns = self.size.1 / TILE;
        let samples = tile_samples(picture, (index / columns * TILE, index % columns * TILE));
        let mut tile = Tile::default();
        for (block, samples) in samples.iter().enumerate() {
            let colour = usize::from(block > 3);
            let coefficients = quantised(forward_transform(samples), &self.tables.steps[colour]);
            tile.means[block] = coefficients[0];
            code_block(&coefficients, &self.tables.others[colour], &mut tile.codes);
            tile.ends[block] = tile.codes.len() as u16;
        }
        tile
    }
}

/// Samples of the six blocks of a tile around 0, by libjpeg's fixed-point colour conversion (`jccolor.c`) and its mean over
/// 2 x 2 pixels with a bias of 1 and 2 in turn (`jcsample.c`, `h2v2_downsample`).
fn tile_samples(picture: &RgbImage, (row, col): (usize, usize)) -> [[i32; 64]; BLOCKS] {
    const HALF: i32 = 1 << 15;
    const CENTRE: i32 = 128 << 16;
    let stride = picture.width() as usize * 3;
    let raw = picture.as_raw();
    let mut blocks = [[0; 64]; BLOCKS];
    let mut colour = [[[0i32; TILE]; TILE]; 2];
    for y in 0..TILE {
        let line = &raw[(row + y) * stride + col * 3..][..TILE * 3];
        for (x, pixel) in line.as_chunks::<3>().0.iter().enumerate() {
            let [r, g, b] = pixel.map(i32::from);
            let light = (19_595 * r + 38_470 * g + 7_471 * b + HALF) >> 16;
            blocks[y / BLOCK * 2 + x / BLOCK][y % BLOCK * BLOCK + x % BLOCK] = light - 128;
            colour[0][y][x] = (-11_059 * r - 21_709 * g + 32_768 * b + CENTRE + HALF - 1) >> 16;
            colour[1][y][x] = (32_768 * r - 27_439 * g - 5_329 * b + CENTRE + HALF - 1) >> 16;
        }
    }
    for (plane, block) in colour.iter().zip(&mut blocks[4..]) {
        for y in 0..BLOCK {
            for x in 0..BLOCK {
                let (top, below) = (&plane[2 * y][2 * x..2 * x + 2], &plane[2 * y + 1][2 * x..2 * x + 2]);
                let bias = 1 + (x % 2) as i32;
                block[y * BLOCK + x] = ((top[0] + top[1] + below[0] + below[1] + bias) >> 2) - 128;
            }
        }
    }
    blocks
}

/// The cosine transform of Loeffler, Ligtenberg and Moschytz (1989) in 13-bit fixed point, eight times too large, as
/// libjpeg's `jfdctint.c`: rows with two bits more, then columns.
fn forward_transform(samples: &[i32; 64]) -> [i32; 64] {
    let mut values = *samples;
    for row in 0..BLOCK {
        transform_line(&mut values, row * BLOCK, 1, Pass::Rows);
    }
    for col in 0..BLOCK {
        transform_line(&mut values, col, BLOCK, Pass::Columns);
    }
    values
}

#[derive(Clone, Copy, PartialEq)]
enum Pass {
    Rows,
    Columns,
}

#[inline(always)]
fn transform_line(values: &mut [i32; 64], start: usize, step: usize, pass: Pass) {
    const BITS: u32 = 13;
    const EXTRA: u32 = 2;
    let at = |index: usize| start + index * step;
    let rounded = |value: i32, bits: u32| (value + (1 << (bits - 1))) >> bits;
    let line: [i32; 8] = std::array::from_fn(|index| values[at(index)]);
    let sums: [i32; 4] = std::array::from_fn(|index| line[index] + line[7 - index]);
    let [t7, t6, t5, t4]: [i32; 4] = std::array::from_fn(|index| line[index] - line[7 - index]);

    let (outer, inner) = (sums[0] + sums[3], sums[1] + sums[2]);
    let (rest_outer, rest_inner) = (sums[0] - sums[3], sums[1] - sums[2]);
    let shift = if pass == Pass::Rows { BITS - EXTRA } else { BITS + EXTRA };
    let even = |value: i32| if pass == Pass::Rows { value << EXTRA } else { rounded(value, EXTRA) };
    values[at(0)] = even(outer + inner);
    values[at(4)] = even(outer - inner);
    let turned = (rest_inner + rest_outer) * 4_433;
    values[at(2)] = rounded(turned + rest_outer * 6_270, shift);
    values[at(6)] = rounded(turned - rest_inner * 15_137, shift);

    let turned = (t4 + t6 + t5 + t7) * 9_633;
    let (z1, z2) = ((t4 + t7) * -7_373, (t5 + t6) * -20_995);
    let (z3, z4) = ((t4 + t6) * -16_069 + turned, (t5 + t7) * -3_196 + turned);
    values[at(7)] = rounded(t4 * 2_446 + z1 + z3, shift);
    values[at(5)] = rounded(t5 * 16_819 + z2 + z4, shift);
    values[at(3)] = rounded(t6 * 25_172 + z2 + z3, shift);
    values[at(1)] = rounded(t7 * 12_299 + z1 + z4, shift);
}

/// Divided by eight times the step, halves away from 0; in zigzag order.
fn quantised(values: [i32; 64], steps: &[i32; 64]) -> [i32; 64] {
    std::array::from_fn(|k| {
        let (value, step) = (values[ZIGZAG[k]], steps[ZIGZAG[k]] * 8);
        let size = (value.abs() + step / 2) / step;
        if value < 0 { -size } else { size }
    })
}

/// The codes of a block's coefficients but the first: runs of zeros and the value after them (ITU T.81, F.1.2.2).
fn code_block(coefficients: &[i32; 64], table: &[(u32, u32)], codes: &mut Vec<u64>) {
    const SIXTEEN_ZEROS: i32 = 15;
    let mut zeros = 0;
    for &value in &coefficients[1..] {
        if value == 0 {
            zeros += 1;
            continue;
        }
        while zeros > SIXTEEN_ZEROS {
            codes.push(coded(table, SIXTEEN_ZEROS, 0));
            zeros -= 16;
        }
        codes.push(coded(table, zeros, value));
        zeros = 0;
    }
    if zeros > 0 {
        codes.push(coded(table, 0, 0));
    }
}

/// The code of a run and the size of a value, and after it the value's own bits; their number in the lowest five.
fn coded(table: &[(u32, u32)], run: i32, value: i32) -> u64 {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let (code, length) = table[(run as usize) << 4 | size as usize];
    let own = (if value < 0 { value - 1 } else { value } as u32) & ((1 << size) - 1);
    (u64::from(code) << size | u64::from(own)) << 5 | u64::from(length + size)
}

/// Bits one after another; a byte of ones is followed by a zero byte.
struct Bits {
    bytes: Vec<u8>,
    buffer: u64,
    count: u32,
}

impl Bits {
    fn after(head: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(head.len() + (16 << 10));
        bytes.extend_from_slice(head);
        Bits { bytes, buffer: 0, count: 0 }
    }

    #[inline]
    fn push(&mut self, code: u64) {
        let length = (code & 31) as u32;
        self.buffer = self.buffer << length | code >> 5;
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
    let mut tables = Tables { steps: [[0; 64]; 2], means: Default::default(), others: Default::default() };
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
            steps[place] = i32::from(step);
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
    fn other_sides_are_refused() {
        assert_eq!(JpegBase::new(&RgbImage::new(17, 16), 75.0).unwrap_err().code(), Code::Parameter);
        let base = JpegBase::new(&RgbImage::new(16, 16), 75.0).unwrap();
        assert!(base.encode(&RgbImage::new(32, 16), &[]).is_err());
    }
}
