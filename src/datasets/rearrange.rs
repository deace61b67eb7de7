//! Pixels of a picture moved about by their numbers, and boxes of one picture over another.

use image::{Rgb, RgbImage};

use crate::error::{Code, Error, Result};
use crate::pixels::{Crop, PixelBox};

/// For each pixel of a picture whose blocks are in another order, row by row, the number of the pixel it comes from.
///
/// # Errors
/// As [`block_count`]; [`Code::Parameter`] if `order` is no order of the blocks.
pub(crate) fn block_sources(size: (u32, u32), block: u32, order: &[u32]) -> Result<Vec<u32>> {
    let mut sources = Vec::with_capacity((size.0 * size.1) as usize);
    rows_of_blocks(size, block, order, |start| sources.extend(start..start + block))?;
    Ok(sources)
}

/// The picture whose square blocks are in another order: place `k` shows block `order[k]`, both row by row.
///
/// # Errors
/// As [`block_sources`].
pub(super) fn reordered(picture: &RgbImage, block: u32, order: &[u32]) -> Result<RgbImage> {
    let (bytes, count) = (picture.as_raw(), 3 * block as usize);
    let mut out = Vec::with_capacity(bytes.len());
    let copy = |start: u32| out.extend_from_slice(&bytes[3 * start as usize..][..count]);
    rows_of_blocks(picture.dimensions(), block, order, copy)?;
    Ok(RgbImage::from_raw(picture.width(), picture.height(), out).unwrap_or_default())
}

/// Calls `take` with the first pixel of each row of a block that the picture shows, row by row.
fn rows_of_blocks((width, height): (u32, u32), block: u32, order: &[u32], mut take: impl FnMut(u32)) -> Result<()> {
    let count = block_count(width, height, block)?;
    let mut seen = vec![false; count];
    order.iter().for_each(|&from| seen.iter_mut().skip(from as usize).take(1).for_each(|seen| *seen = true));
    if order.len() != count || seen.contains(&false) {
        let found = format!("{} numbers for {count} blocks, expected each of them once", order.len());
        return Err(Error::new(Code::Parameter, found));
    }
    let columns = width / block;
    for row in 0..height {
        for place in 0..columns {
            let from = order[(row / block * columns + place) as usize];
            take((from / columns * block + row % block) * width + from % columns * block);
        }
    }
    Ok(())
}

/// How many square blocks of side `block` a picture has.
///
/// # Errors
/// [`Code::Parameter`] if they do not fill it.
pub(super) fn block_count(width: u32, height: u32, block: u32) -> Result<usize> {
    if block == 0 || !width.is_multiple_of(block) || !height.is_multiple_of(block) {
        return Err(Error::new(Code::Parameter, format!("blocks of {block} do not fill {height} x {width}"))
            .hint("take a divisor of the side: 224 has 112, 56, 32, 28, 16, 14, 8, 7, 4, 2"));
    }
    Ok(((width / block) * (height / block)) as usize)
}

/// The picture whose pixels are those of these numbers of another one.
pub(super) fn gathered(picture: &RgbImage, sources: &[u32]) -> RgbImage {
    let (from, _) = picture.as_raw().as_chunks::<3>();
    let mut out = RgbImage::new(picture.width(), picture.height());
    for (pixel, &source) in out.pixels_mut().zip(sources) {
        *pixel = Rgb(from[source as usize]);
    }
    out
}

/// Some boxes of a picture over another one of the same size.
pub(super) fn put(picture: &mut RgbImage, boxes: &[PixelBox<Crop>], filling: &RgbImage) {
    let (width, height) = picture.dimensions();
    let bytes: &mut [u8] = picture;
    for patch in boxes.iter().filter(|patch| patch.col < width) {
        let count = patch.width.min(width - patch.col) as usize * 3;
        for row in patch.row..(patch.row + patch.height).min(height) {
            let start = (row * width + patch.col) as usize * 3;
            bytes[start..start + count].copy_from_slice(&filling.as_raw()[start..start + count]);
        }
    }
}
