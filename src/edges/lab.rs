//! Linear RGB and CIE L*a*b* in OpenCV's 8-bit fixed point (`COLOR_LRGB2Lab`, `COLOR_Lab2LRGB`, 4.12), and its grey.

use std::sync::LazyLock;

use image::{GrayImage, RgbImage};

/// The white point D65, as OpenCV has it.
const WHITE: [f64; 3] = [0.950456, 1.0, 1.088754];
const RGB_TO_XYZ: [[f64; 3]; 3] =
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]];
const XYZ_TO_RGB: [[f64; 3]; 3] =
    [[3.240479, -1.53715, -0.498535], [-0.969256, 1.875991, 0.041556], [0.055648, -0.204043, 1.057311]];

/// Bits of the coefficients, of a channel after linearisation, and of a cube root.
const XYZ_SHIFT: i32 = 12;
const GAMMA_SHIFT: i32 = 3;
const ROOT_SHIFT: i32 = XYZ_SHIFT + GAMMA_SHIFT;
/// What 1.0 is on the way back, and the bits of a channel there.
const BASE: i32 = 1 << 14;
const CHANNEL_SHIFT: i32 = 12;
/// The smallest index into the table from f(x), f(z) to x, z.
const LEAST_F: i32 = -8145;

/// Lightness, and the two colour channels beside each other; each in `0..=255`.
pub(super) struct Lab {
    pub(super) lightness: Vec<u8>,
    pub(super) a: Vec<u8>,
    pub(super) b: Vec<u8>,
}

struct Tables {
    to_xyz: [[i32; 3]; 3],
    /// f(t) of CIE Lab in `ROOT_SHIFT` bits, by t in `GAMMA_SHIFT` bits above 8.
    roots: Vec<i32>,
    to_rgb: [[i32; 3]; 3],
    /// y and f(y) by L, in 14 bits.
    lightness: Vec<(i32, i32)>,
    /// x or z by its f, in 14 bits.
    cubes: Vec<i32>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let fixed = |value: f64| (value * f64::from(1 << XYZ_SHIFT)).round_ties_even() as i32;
    let to_xyz = std::array::from_fn(|row| std::array::from_fn(|col| fixed(RGB_TO_XYZ[row][col] / WHITE[row])));
    let to_rgb = std::array::from_fn(|row| std::array::from_fn(|col| fixed(XYZ_TO_RGB[row][col] * WHITE[col])));
    Tables {
        to_xyz,
        roots: (0..256 * 3 / 2 * (1 << GAMMA_SHIFT)).map(root).collect(),
        to_rgb,
        lightness: (0..256).map(lightness).collect(),
        cubes: (LEAST_F..BASE * 9 / 4 + LEAST_F).map(cube).collect(),
    }
});

/// f(t): the cube root, and a line below (6/29)^3. In single precision with a fused product, as OpenCV's soft floats.
fn root(index: i32) -> i32 {
    let t = (1.0 / (255.0 * (1 << GAMMA_SHIFT) as f32)) * index as f32;
    let line = t.mul_add(841.0 / 108.0, 16.0 / 116.0);
    let f = if t < 216.0 / 24389.0 { line } else { f64::from(t).cbrt() as f32 };
    let exact = ((1 << ROOT_SHIFT) as f32 * f).round_ties_even() as i32;
    // OpenCV's own cube root has an error below 2^-24, and shows it in this one entry of 2041: 17745.5 becomes 17745.
    if index == 324 { exact - 1 } else { exact }
}

fn lightness(l: i32) -> (i32, i32) {
    let base = BASE as f32;
    if l <= 20 {
        let y = (l * BASE * 20 * 9) as f32 / (17 * 29 * 29 * 29) as f32;
        let f = base * (16.0 / 116.0 + (l * 5) as f32 / (3 * 17 * 29) as f32);
        return (y.round_ties_even() as i32, f.round_ties_even() as i32);
    }
    let f = (l * 100 * BASE) as f32 / (255 * 116) as f32 + (16 * BASE) as f32 / 116.0;
    ((f * f * f / (base * base)).round_ties_even() as i32, f.round_ties_even() as i32)
}

fn cube(f: i32) -> i32 {
    if f <= 3390 { f * 108 / 841 - BASE * 16 / 116 * 108 / 841 } else { f * f / BASE * f / BASE }
}

/// Divides by a power of two, rounding half up.
fn descale(value: i32, shift: i32) -> i32 {
    (value + (1 << (shift - 1))) >> shift
}

fn byte(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

pub(super) fn from_rgb(picture: &RgbImage) -> Lab {
    let tables = &*TABLES;
    let count = picture.as_raw().len() / 3;
    let mut lab = Lab { lightness: vec![0; count], a: vec![0; count], b: vec![0; count] };
    let places = lab.lightness.iter_mut().zip(&mut lab.a).zip(&mut lab.b);
    for (rgb, ((l, a), b)) in picture.as_raw().chunks_exact(3).zip(places) {
        let [red, green, blue] = [0, 1, 2].map(|channel| i32::from(rgb[channel]) << GAMMA_SHIFT);
        let [fx, fy, fz] = tables
            .to_xyz
            .map(|row| tables.roots[descale(red * row[0] + green * row[1] + blue * row[2], XYZ_SHIFT) as usize]);
        // 116 f(y) - 16 with L = 100 as 255, in OpenCV's roundings.
        const SCALE: i32 = (116 * 255 + 50) / 100;
        const SHIFT: i32 = (16 * 255 * (1 << ROOT_SHIFT) + 50) / 100;
        *l = byte(descale(SCALE * fy - SHIFT, ROOT_SHIFT));
        *a = byte(descale(500 * (fx - fy) + (128 << ROOT_SHIFT), ROOT_SHIFT));
        *b = byte(descale(200 * (fy - fz) + (128 << ROOT_SHIFT), ROOT_SHIFT));
    }
    lab
}

pub(super) fn to_rgb(lab: &Lab, width: u32, height: u32) -> RgbImage {
    let tables = &*TABLES;
    let mut picture = RgbImage::new(width, height);
    let places = lab.lightness.iter().zip(&lab.a).zip(&lab.b);
    for (rgb, ((l, a), b)) in picture.as_mut().chunks_exact_mut(3).zip(places) {
        let (y, f) = tables.lightness[usize::from(*l)];
        // a / 500 and b / 200 in 14 bits, by OpenCV's multipliers.
        let from_a = ((5 * i32::from(*a) * 53687 + (1 << 7)) >> 13) - 128 * BASE / 500;
        let from_b = ((i32::from(*b) * 41943 + (1 << 4)) >> 9) - 128 * BASE / 200 + 1;
        let x = tables.cubes[(f + from_a - LEAST_F) as usize];
        let z = tables.cubes[(f - from_b - LEAST_F) as usize];
        for (channel, row) in rgb.iter_mut().zip(tables.to_rgb) {
            let linear = descale(row[0] * x + row[1] * y + row[2] * z, XYZ_SHIFT + 14 - CHANNEL_SHIFT);
            let linear = linear.clamp(0, (1 << CHANNEL_SHIFT) - 1);
            *channel = byte((linear * 255) >> CHANNEL_SHIFT);
        }
    }
    picture
}

/// `0.299 R + 0.587 G + 0.114 B`, rounded, in the 15 bits of OpenCV's `COLOR_RGB2GRAY`.
///
/// ```
/// use image::{Rgb, RgbImage};
/// use lgf::edges::to_gray;
///
/// assert_eq!(to_gray(&RgbImage::from_pixel(1, 1, Rgb([255, 0, 0]))).get_pixel(0, 0).0, [76]);
/// ```
pub fn to_gray(picture: &RgbImage) -> GrayImage {
    let weighted = |rgb: &[u8]| {
        let [red, green, blue] = [0, 1, 2].map(|channel| u32::from(rgb[channel]));
        ((9798 * red + 19235 * green + 3735 * blue + (1 << 14)) >> 15) as u8
    };
    let values = picture.as_raw().chunks_exact(3).map(weighted).collect();
    // The number of values is that of the picture's pixels.
    GrayImage::from_raw(picture.width(), picture.height(), values).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn grey_keeps_its_value_and_has_no_colour() {
        let picture = RgbImage::from_fn(256, 1, |x, _| Rgb([x as u8; 3]));
        let lab = from_rgb(&picture);
        assert!(lab.a.iter().chain(&lab.b).all(|value| *value == 128));
        let back = to_rgb(&lab, 256, 1);
        let worst = back.as_raw().iter().zip(picture.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(3), "{worst:?}");
        assert_eq!(to_gray(&picture).as_raw(), &(0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn every_lab_has_a_place_in_the_tables() {
        for l in 0..=255 {
            for colour in 0..=255 {
                let lab = Lab { lightness: vec![l; 2], a: vec![colour, 0], b: vec![255, colour] };
                to_rgb(&lab, 2, 1);
            }
        }
    }
}
