//! Pictures as numbers from 0 to 1, plane by plane, and back.

use image::{Rgb, RgbImage};

/// Red, green and blue of a picture, each row by row, divided by 255.
pub(super) fn planes(picture: &RgbImage) -> [Vec<f64>; 3] {
    let (pixels, _) = picture.as_raw().as_chunks::<3>();
    std::array::from_fn(|channel| pixels.iter().map(|pixel| f64::from(pixel[channel]) / 255.0).collect())
}

/// The picture of three planes of a size: what is below 0 or above 1 is cut off, the rest rounded to the nearest byte, halves up.
pub(super) fn picture_of([red, green, blue]: &[Vec<f64>; 3], (width, height): (u32, u32)) -> RgbImage {
    let mut out = RgbImage::new(width, height);
    for (pixel, ((red, green), blue)) in out.pixels_mut().zip(red.iter().zip(green).zip(blue)) {
        *pixel = Rgb([*red, *green, *blue].map(byte));
    }
    out
}

/// The grey picture of one plane, as [`picture_of`].
pub(super) fn grey_picture_of(plane: &[f64], (width, height): (u32, u32)) -> RgbImage {
    let mut out = RgbImage::new(width, height);
    out.pixels_mut().zip(plane).for_each(|(pixel, value)| *pixel = Rgb([byte(*value); 3]));
    out
}

fn byte(value: f64) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

/// Pillow's `L` (ITU-R 601-2 in whole numbers): `(19595 R + 38470 G + 7471 B + 2^15) / 2^16`.
pub(super) fn luma(pixel: [u8; 3]) -> u8 {
    let [red, green, blue] = pixel.map(u32::from);
    ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16) as u8
}

/// Pillow's `L` of every pixel, divided by 255.
pub(super) fn grey_plane(picture: &RgbImage) -> Vec<f64> {
    let (pixels, _) = picture.as_raw().as_chunks::<3>();
    pixels.iter().map(|pixel| f64::from(luma(*pixel)) / 255.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_comes_back_from_its_planes() {
        let picture = RgbImage::from_fn(256, 3, |x, y| Rgb([x as u8, (x * y) as u8, (255 - x) as u8]));
        assert_eq!(picture_of(&planes(&picture), picture.dimensions()), picture);
        let grey = RgbImage::from_fn(256, 1, |x, _| Rgb([x as u8; 3]));
        assert_eq!(grey_picture_of(&grey_plane(&grey), grey.dimensions()), grey);
        assert_eq!([byte(-0.2), byte(1.7)], [0, 255]);
    }
}
